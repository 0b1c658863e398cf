#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Code and data of the library by configuration, as a table. Usage: sizes.py [--write] [--only WORD]

--write puts the table into docs/porting.md; --only prints the rows whose name begins with WORD.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

from check_common import ROOT, read, run

PAGE, BEGIN, END = "docs/porting.md", "<!-- sizes -->\n", "<!-- end of sizes -->"
ONE = "-DQUARRY_MAX_NODES=1 -DQUARRY_MAX_CPUS=1"
# The least that hands out memory: what a linker keeps of the library for it.
CALLS = ("quarry_init", "quarry_memblock_add", "quarry_memblock_reserve", "quarry_boot", "quarry_alloc_pages",
         "quarry_free_pages", "quarry_kmalloc", "quarry_kfree", "quarry_kmem_cache_create",
         "quarry_kmem_cache_alloc", "quarry_kmem_cache_free")
# name, compiler, flags, whether programs of it run here, whether what is not called is thrown away
ROWS = [
    ("everything", "gcc", "-O2", True, False),
    ("everything, for size", "gcc", "-Os", True, False),
    ("everything, contracts checked", "gcc", "-O2 -DQUARRY_DEBUG=1", True, False),
    ("one node", "gcc", "-Os -DQUARRY_MAX_NODES=1", True, False),
    ("one node, one CPU, 4 GiB", "gcc", f"-Os {ONE} -DQUARRY_MAX_PHYS_BITS=32", True, False),
    ("the same, what nobody calls thrown away", "gcc", f"-Os {ONE} -DQUARRY_MAX_PHYS_BITS=32", True, True),
    ("clang", "clang-14", "-Os", True, False),
    ("i386", "gcc", "-Os -m32 -march=i686 -fno-pic", False, False),
    ("aarch64", "aarch64-linux-gnu-gcc", "-Os -mgeneral-regs-only -mno-outline-atomics", False, False),
    ("riscv64", "riscv64-linux-gnu-gcc", "-Os -mcmodel=medany", False, False),
]
if "QUARRY_TINY" in read("include/quarry/config.h"):
    ROWS += [("tiny, x86-64", "gcc", "-Os -DQUARRY_TINY=1", True, False),
             ("tiny, i386", "gcc", "-Os -DQUARRY_TINY=1 -m32 -march=i686 -fno-pic -mregparm=3 -mpreferred-stack-boundary=2", False, False),
             ("tiny, aarch64", "aarch64-linux-gnu-gcc",
              "-Os -DQUARRY_TINY=1 -mgeneral-regs-only -mno-outline-atomics", False, False),
             ("tiny, riscv64", "riscv64-linux-gnu-gcc", "-Os -DQUARRY_TINY=1 -mcmodel=medany", False, False),
             ("tiny, riscv32", "riscv64-linux-gnu-gcc",
              "-Os -DQUARRY_TINY=1 -march=rv32imac -mabi=ilp32", False, False),
             ("tiny, Cortex-M3", "clang-14", "-Oz -DQUARRY_TINY=1 --target=thumbv7m-none-eabi -mthumb", False,
              False)]


def sections(obj):
    """(code and constants, data)"""
    code = data = 0
    for m in re.finditer(r"^(\.\S+)\s+(\d+)", run("size", "-A", obj), re.M):
        if m.group(1).startswith((".text", ".rodata", ".data.rel.ro")):
            code += int(m.group(2))
        elif m.group(1).startswith((".data", ".bss")):
            data += int(m.group(2))
    return code, data


def cell(n):
    return "" if n is None else f"{n:,}"


def row(folder, name, cc, flags, runs, called):
    obj = os.path.join(folder, "quarry.o")
    command = [cc, "-std=c11", "-ffreestanding", *flags.split(), "-fno-asynchronous-unwind-tables", "-I",
               os.path.join(ROOT, "port/single")]
    if called:
        command += ["-ffunction-sections", "-fdata-sections"]
    source = os.path.join(folder, "quarry.c")
    p = subprocess.run([*command, "-c", "-o", obj, source], capture_output=True, text=True)
    if p.returncode != 0:
        sys.exit(f"sizes.py: {name}: {p.stderr.strip()}")
    tables = [None] * 5
    if runs:
        program = os.path.join(folder, "sizes")
        run(cc, *flags.split(), "-I" + folder, "-I" + os.path.join(ROOT, "port/single"), "-o", program,
            os.path.join(ROOT, "tests/embed/sizes.c"), obj)
        tables = [int(n) or None for n in run(program).split()]
    if called:
        run("ld", "-r", "--gc-sections", *[f"-u{c}" for c in CALLS], "-e", "quarry_init", "-o", obj + ".kept", obj)
        os.replace(obj + ".kept", obj)
    code, data = sections(obj)
    return code, data, tables, (f"| {name} | `{cc} {flags}` | {cell(code)} | {data} | " +
                                " | ".join(cell(n) for n in tables) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE}")
    parser.add_argument("--only", metavar="WORD", default="", help="rows whose name begins with WORD")
    parser.add_argument("--at-most", type=int, metavar="BYTES", help="fail if a row has more code than that")
    args = parser.parse_args()
    table = ("| configuration | compiled by | code and constants | data | struct quarry | tables, 2 MiB | 128 MiB | "
             "4 GiB | 1 TiB |\n|---|---|---|---|---|---|---|---|---|\n")
    too_much = []
    with tempfile.TemporaryDirectory() as tmp:
        run(sys.executable, "-B", "scripts/amalgam.py", "-o", tmp)
        for name, cc, flags, runs, called in ROWS:
            if not name.startswith(args.only):
                continue
            if not shutil.which(cc):
                print(f"sizes.py: {name}: no {cc} here, the row is left out", file=sys.stderr)
                continue
            print(f"  {name}", file=sys.stderr)
            code, data, tables, text = row(tmp, name, cc, flags, runs, called)
            table += text + "\n"
            if args.at_most is not None and (code > args.at_most or data != 0):
                too_much.append(f"{name}: {code} bytes of code, {data} of data")
    print(table, end="")
    if args.write:
        page = read(PAGE)
        before, rest = page.split(BEGIN)
        with open(os.path.join(ROOT, PAGE), "w", encoding="utf-8") as f:
            f.write(before + BEGIN + table + END + rest.split(END)[1])
    if too_much:
        sys.exit("sizes.py: more than wanted: " + "; ".join(too_much))


main()
