#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts the real output of the README's commands into the README, between its marks.

Usage: readme.py BUILD-FOLDER run|test, which reads what the command printed on standard input.
"""
import re
import sys

from check_common import ROOT

WIDTH = 104
# Of `make run`: lines to keep, (pattern, lines that follow it). What lies between becomes "...".
RUN = [
    (r"== quarry", 1),
    (r".*BIOS-e820: \[mem 0x0000000000000000", 1),
    (r".*MEMBLOCK configuration", 1),
    (r".*Zone ranges", 2),
    (r".*Node Zone +spanned", 4),
    (r".*Metadata:", 0),
    (r".*Booted in", 0),
    (r"(on|Done)  ", 0),
    (r" +seen +replayed", 3),
    (r"/proc/buddyinfo", 3),
    (r"The 10 largest caches", 7),
    (r"Fragmentation: ", 6),
    (r"Refused requests", 2),
]


def pick_run(lines):
    keep, gap = [], False
    left = 0
    for line in lines:
        for pattern, follow in RUN:
            if re.match(pattern, line):
                left = max(left, follow + 1)
        if left:
            if gap and keep:
                keep.append("...")
            if line.startswith("==") and keep:
                keep.append("")
            keep.append(line[:WIDTH].rstrip())
            gap = False
            left -= 1
        else:
            gap = gap or bool(line.strip())
    return keep


def pick_test(lines):
    lines = [l for l in lines if re.match(r"  \S.* passed|\d+ passed", l)]
    lines = [re.sub(r"^  \S*?(tests/)", r"  \1", l) for l in lines]
    return lines[:6] + ["  ..."] + lines[-6:]  # there are a hundred


def main():
    what = sys.argv[2]
    lines = sys.stdin.read().replace(sys.argv[1] + "/", "build/").splitlines()
    lines = pick_run(lines) if what == "run" else pick_test(lines)
    path = ROOT + "/README.md"
    with open(path, encoding="utf-8") as f:
        text = f.read()
    block = f"<!-- make {what} -->\n```\n" + "\n".join(lines) + f"\n```\n<!-- end of make {what} -->"
    new, n = re.subn(rf"<!-- make {what} -->.*?<!-- end of make {what} -->", lambda m: block, text,
                     flags=re.S)
    if n != 1 or not lines:
        sys.exit(f"readme.py: no marks for make {what} in the README, or no output")
    with open(path, "w", encoding="utf-8") as f:
        f.write(new)


main()
