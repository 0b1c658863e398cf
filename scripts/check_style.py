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


def block(text, start):
    """From the brace at or after @start to the one that closes it."""
    depth, i = 0, text.index("{", start)
    for k in range(i, len(text)):
        depth += (text[k] == "{") - (text[k] == "}")
        if depth == 0:
            return text[i:k + 1]
    return text[i:]


def control_faults(path, clean):
    """What embedders' rules ask of control flow and constants (MISRA C:2012 15.2, 15.3, 16.4, 7.1, 7.2)."""
    faults = []
    for m in re.finditer(r"\bgoto (\w+);", clean):
        end = clean.find("\n}", m.end())
        if not re.search(rf"^{m.group(1)}:", clean[m.end():end], re.M):
            faults.append(f"{path}:{line_of(clean, m.start())}: goto {m.group(1)} does not go forward in its function")
    for m in re.finditer(r"\bswitch \(", clean):
        body = block(clean, m.end())
        names = re.findall(r"\bcase ([^:]+):", body)
        if "default:" not in body and not all(re.fullmatch(r"[A-Z][A-Z0-9_]*", n) for n in names):
            faults.append(f"{path}:{line_of(clean, m.start())}: a switch over no enumeration without a default")
    for m in re.finditer(r"(?<![\w.'])0[0-7]+\b(?![.x])", clean):
        faults.append(f"{path}:{line_of(clean, m.start())}: {m.group(0)} is octal")
    for m in re.finditer(r"(?<![\w.])0x[89a-fA-F][0-9a-fA-F]{7}\b(?![0-9a-fA-FuU])", clean):
        faults.append(f"{path}:{line_of(clean, m.start())}: {m.group(0)} wants a u")
    return faults


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
    faults += control_faults(path, clean)
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
