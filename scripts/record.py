#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts standard input into a page, as a block between two marks, and prints it.

Usage: record.py PAGE NAME; the marks are <!-- NAME --> and <!-- end of NAME -->.
"""
import os
import re
import sys

from check_common import ROOT, read


def main():
    page, name = sys.argv[1:]
    text = sys.stdin.read()
    sys.stdout.write(text)
    block = f"<!-- {name} -->\n```\n{text}```\n<!-- end of {name} -->"
    new, n = re.subn(rf"<!-- {re.escape(name)} -->.*?<!-- end of {re.escape(name)} -->", lambda m: block,
                     read(page), flags=re.S)
    if n != 1 or not text:
        sys.exit(f"record.py: {page} has no marks for {name}, or there is nothing to record")
    path = os.path.join(ROOT, page)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(new)
    os.replace(path + ".new", path)


main()
