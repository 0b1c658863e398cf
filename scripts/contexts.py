#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where each public call may be made from, by the docstrings. Usage: contexts.py [--check | --print]

A docstring says "Context: ...", or "as quarry_x()", or describes the call by another ("quarry_kmalloc() of ...")
whose context it then has; or its header says "Context of every call". Without an argument the table of
docs/porting.md is written anew; --check compares it.
"""
import os
import re
import sys

from check_common import ROOT, files, read, verdict

PAGE, BEGIN, END = "docs/porting.md", "<!-- contexts -->\n", "<!-- end of contexts -->"
DOC = re.compile(r"/\*\*(?P<doc>.*?)\*/", re.S)

# Class, what the table says of it, and how its texts begin. The first that fits.
CLASSES = (
    ("sleep", "a task that may wait", r"task\b|the same task"),
    ("quiet", "a task, while nobody else uses the object, or the machine",
     r"nobody|no other|not interrupt, nobody|one thread\b(?!.*BOOT)|one call|on another CPU|on any CPU, before|"
     r"before the first"),
    ("task", "a task, not an interrupt handler: it may wait for what other CPUs hold",
     r"any but interrupt|not interrupt|any for what kmalloc gave, else|after |every CPU|one CPU, not|"
     r".*\bnot from an interrupt|may not be interrupt|a thread"),
    ("boot", "one thread, before `quarry_boot()` has returned", r"boot|one thread"),
    ("any", "any: task, softirq, interrupt; with `GFP_ATOMIC` or `GFP_NOWAIT` where it takes a `gfp`",
     r"any\b|as @|as its|as there"),
)


def docstrings():
    """name -> (header, text of the docstring in one line)"""
    found = {}
    for path in files(".h", under="include/quarry"):
        for m in DOC.finditer(read(path)):
            text = re.sub(r"\n\s*\*\s?", " ", "\n" + m.group("doc").lstrip())
            text = re.sub(r"\s+", " ", text).strip(" *")
            name = re.match(r"(quarry_\w+)\(\)", text)
            if name:
                found[name.group(1)] = (path, text)
    return found


def header_context(path, name):
    """"Context of every call: ...", or "of every quarry_show call" for those whose names begin so."""
    text = re.sub(r"\n \*\s?", " ", read(path))
    for m in re.finditer(r"Context of every (?:(quarry_\w+) )?call(?: here)?: (.*?)(?:\.\s|, unless)", text):
        if not m.group(1) or name.startswith(m.group(1)):
            return m.group(2)
    return None


def own_context(text):
    m = re.search(r"Context(?: and errors)?:? (.*?)(?:\.(?: |$)|; takes| O\(|$)", text)
    return m.group(1).strip() if m else None


def contexts():
    """name -> (header, context in words); None: the docstring does not lead to one"""
    docs = docstrings()
    result = {}
    for name, (path, text) in docs.items():
        seen, at = [], name
        while True:
            seen.append(at)
            said = own_context(docs[at][1])
            link = re.match(r"as (quarry_\w+)\(\)", said) if said else \
                next((m for m in re.finditer(r"(quarry_\w+)\(\)", docs[at][1])
                      if m.group(1) not in seen and m.group(1) in docs), None)
            if said and not link:
                break
            said = header_context(docs[at][0], at)
            if said or not link or link.group(1) in seen or link.group(1) not in docs:
                break
            at = link.group(1)
        result[name] = (path, said)
    return result


def kind(said):
    return next((c[0] for c in CLASSES if re.match(c[2], said)), None)


def table(known):
    rows = "| may be called from | calls |\n|---|---|\n"
    for key, what, _ in reversed(CLASSES):
        by_header = {}
        for name, (path, said) in known.items():
            if said and kind(said) == key:
                by_header.setdefault(os.path.basename(path), []).append(name)
        cell = "; ".join(f"[{h}](../include/quarry/{h}): " + " ".join(f"`{n[7:]}`" for n in names)
                         for h, names in sorted(by_header.items()))
        rows += f"| {what} | {cell} |\n"
    return rows


def main():
    known = contexts()
    faults = []
    for name, (path, said) in known.items():
        if said is None:
            faults.append(f"{path}: {name}(): the docstring does not say from where it may be called")
        elif kind(said) is None:
            faults.append(f"{path}: {name}(): what context is {said!r}?")
    if "--print" in sys.argv:
        for name, (path, said) in known.items():
            print(f"{os.path.basename(path):16} {name:44} {(kind(said) if said else None) or '?':6} {said}")
    page = read(PAGE)
    before, rest = page.split(BEGIN)
    old, after = rest.split(END)
    new = table(known)
    if "--check" in sys.argv:
        if old != new:
            faults.append(f"{PAGE}: the table of contexts is not what the headers say: run scripts/contexts.py")
    else:
        with open(os.path.join(ROOT, PAGE), "w", encoding="utf-8") as f:
            f.write(before + BEGIN + new + END + after)
    verdict("contexts", faults, f"ok: {len(known)} public calls say from where they may be made")


if __name__ == "__main__":
    main()
