#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules of style that a formatter does not know. See CONTRIBUTING.md."""
import re

from check_common import code, files, line_of, read, verdict

LONG = 60
ATTRIBUTES_LIVE_IN = "src/base/compiler.h"


def functions(text):
    """(first line, last line) of each function body: kernel style, braces in the first column."""
    lines, start, found = text.split("\n"), None, []
    for i, line in enumerate(lines, 1):
        if line == "{":
            start = i
        elif line == "}" and start:
            found.append((start, i))
            start = None
    return found


def name_before(lines, start):
    for i in range(start - 2, max(0, start - 12), -1):
        m = re.search(r"(\w+)\(", lines[i])
        if m and not lines[i].startswith(("\t", " ")):
            return m.group(1)
    return "?"


def library_faults(path, text, clean, notes):
    faults = []
    lines = clean.split("\n")
    for first, last in functions(clean):
        if last - first > LONG:
            notes.append(f"{path}:{first}: {name_before(lines, first)}() has {last - first} lines")
        for i in range(first, last):
            if re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b", lines[i - 1]):
                faults.append(f"{path}:{i}: #{lines[i - 1].strip()[1:].split()[0]} inside a function")
    for m in re.finditer(r"\b(float|double|alloca|setjmp|longjmp)\b", clean):
        faults.append(f"{path}:{line_of(clean, m.start())}: {m.group(1)} in the library")
    if path != ATTRIBUTES_LIVE_IN:
        for m in re.finditer(r"\b(__asm__|asm)\b", clean):
            faults.append(f"{path}:{line_of(clean, m.start())}: {m.group(1)} belongs to port/")
    return faults


def main():
    faults, notes, count = [], [], 0
    for path in files(".c", ".h", ".sh", ".py", ".mk"):
        text = read(path)
        count += 1
        if "SPDX-License-Identifier: MIT" not in "\n".join(text.split("\n")[:2]):
            faults.append(f"{path}:1: no SPDX line")
        if path.endswith((".c", ".h")):
            if re.search(r"[ \t]+$", text, re.M):
                faults.append(f"{path}: blanks at the end of a line")
            if path.startswith("src/"):
                faults += library_faults(path, text, code(text), notes)
    verdict("style", faults, f"ok: {count} files", notes)


main()
