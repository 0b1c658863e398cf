#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bytes of tables at boot by size of the machine, and from which size on they are at most 0.01 % of RAM.

Usage: boot_tables.py QUARRY [--check docs/design.md]. A machine is RAM from address 0 on, with Linux's hole below
4 GiB, in one node; the figures are `quarry boot --json`'s. --check: those of the document differ by at most 5 %.
"""
import json
import re
import subprocess
import sys

MIB = 1 << 20
SIZES = [(2, "2 MiB"), (8, "8 MiB"), (64, "64 MiB"), (128, "128 MiB"), (256, "256 MiB"), (512, "512 MiB"), (1024, "1 GiB"),
         (16384, "16 GiB"), (1048576, "1 TiB")]


def tables(quarry, mib, cpus=1):
    low, high = min(mib, 3072) * MIB, mib * MIB - min(mib, 3072) * MIB
    text = f"# memmap v1\nBIOS-e820: [mem 0x{0:016x}-0x{low - 1:016x}] usable\n"
    if high:
        text += f"BIOS-e820: [mem 0x{4096 * MIB:016x}-0x{4096 * MIB + high - 1:016x}] usable\n"
    out = subprocess.run([quarry, "boot", "--json", f"--cpus={cpus}", "-"], input=text, capture_output=True, text=True, check=True)
    return json.loads(out.stdout)["metadata_bytes"]


def least(quarry, cpus_of):
    """The least size, in steps of 2 MiB, from which on the tables are at most 0.01 %."""
    low, high = 2, 4096
    while high - low > 2:
        mib = (low + high) // 4 * 2
        if tables(quarry, mib, cpus_of(mib)) * 10000 <= mib * MIB:
            high = mib
        else:
            low = mib
    return high


def numbers(line):
    return [float(n.replace(",", "")) for n in re.findall(r"[0-9][0-9,.]*", line)]


def holds(path, lines):
    """Each of @lines is in the file, all numbers within 5 %."""
    with open(path, encoding="utf-8") as f:
        text = f.read().splitlines()
    for line in lines:
        mine = numbers(line)
        for other in (numbers(t) for t in text if t.split()[:1] == line.split()[:1]):
            if len(other) == len(mine) and all(abs(a - b) <= .05 * a + .0001 for a, b in zip(mine, other)):
                break
        else:
            return False
    return True


def main():
    quarry = sys.argv[1]
    found = [(mib, name, tables(quarry, mib)) for mib, name in SIZES]
    lines = ["RAM      " + "".join(f"{name:>12}" for _, name, _ in found),
             "tables   " + "".join(f"{n:>12,}" for _, _, n in found),
             "% of RAM " + "".join(f"{100 * n / (mib * MIB):>12.4f}" for mib, _, n in found),
             f"at most 0.01 % from {least(quarry, lambda _: 1)} MiB on with 1 CPU, from "
             f"{least(quarry, lambda mib: max(1, mib // 8))} MiB on with one for each 8 MiB"]
    print("\n".join(lines))
    if len(sys.argv) > 3 and not holds(sys.argv[3], lines):
        sys.exit(f"{sys.argv[3]} says something else: make boot-tables prints its lines")


if __name__ == "__main__":
    main()
