#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the headers that rename symbols, from a build's objects. Usage: names.py BUILD-FOLDER [--check]

Every global symbol begins with quarry_, or with QUARRY_PREFIX in front of that: include/quarry/names.h
has the public ones. Functions that only the library's own files share have short names in the sources
and quarry_priv_ before them in objects: src/base/names.h and selftest/names.h.
"""
import os
import re
import sys

from check_common import ROOT, code, files, nm, read, sources, verdict

PUBLIC, INSIDE, SELFTEST = "include/quarry/names.h", "src/base/names.h", "selftest/names.h"
MARK = "quarry_priv_"  # begins the symbols that are nobody else's business

HEAD = {
    PUBLIC: """/* SPDX-License-Identifier: MIT */
/*
 * Every symbol of the library with a prefix of its embedder's: with QUARRY_PREFIX defined as foo_,
 * quarry_boot() is the symbol foo_quarry_boot, and copies of different prefixes link into one program.
 * Sources go on saying quarry_boot(). Types, constants and macros leave no symbol and have no prefix.
 *
 * Made by scripts/names.py (`make names`).
 */
#ifndef QUARRY_NAMES_H
#define QUARRY_NAMES_H

#ifdef QUARRY_PREFIX
#define QUARRY_PASTE_TWO(a, b) a##b
#define QUARRY_PASTE(a, b) QUARRY_PASTE_TWO(a, b)
/* Given the very name that is being replaced, which the preprocessor then leaves alone. */
#define QUARRY_NAME(name) QUARRY_PASTE(QUARRY_PREFIX, name)

""",
    INSIDE: """/* SPDX-License-Identifier: MIT */
/*
 * Symbols of what the library's own files share: quarry_priv_ and the name that the sources use, so
 * that none meets a name of the program around it. With QUARRY_PREFIX that stands in front, as in
 * quarry/names.h.
 *
 * Made by scripts/names.py (`make names`).
 */
#ifndef QUARRY_BASE_NAMES_H
#define QUARRY_BASE_NAMES_H

#include <quarry/names.h>

#ifdef QUARRY_PREFIX
#define QUARRY_INSIDE(name) QUARRY_PASTE(QUARRY_NAME(quarry_priv_), name)
#else
#define QUARRY_INSIDE(name) quarry_priv_##name
#endif

""",
    SELFTEST: """/* SPDX-License-Identifier: MIT */
/* Symbols that the self-test's files share, as src/base/names.h has them. Made by scripts/names.py. */
#ifndef SELFTEST_NAMES_H
#define SELFTEST_NAMES_H

#include <quarry/names.h>

#ifdef QUARRY_PREFIX
#define SELFTEST_NAME(name) QUARRY_PASTE(QUARRY_NAME(quarry_priv_), name)
#else
#define SELFTEST_NAME(name) quarry_priv_##name
#endif

""",
}
# Those that an ordinary build's objects do not have: with QUARRY_HARDENED.
OPTIONAL = {"cache_is_sealed", "hardened_check", "hardened_look", "hardened_seal_list", "hardened_seal_zone", "meta_check"}

MACRO = {PUBLIC: "QUARRY_NAME", INSIDE: "QUARRY_INSIDE", SELFTEST: "SELFTEST_NAME"}


def symbols(out, which):
    """Global names that the objects of a list define, as the sources spell them."""
    names = set()
    for _, line in nm(out, sources(which), "-g", "--defined-only"):
        name = line.split()[-1]
        names.add(name[len(MARK):] if name.startswith(MARK) else name)
    return names


def main():
    out = sys.argv[1]
    core, test = symbols(out, "QUARRY_SRCS"), symbols(out, "QUARRY_SELFTEST_SRCS")
    every = core | test | symbols(out, "QUARRY_POSIX_SRCS")
    lists = {
        PUBLIC: {n for n in every if n.startswith("quarry_")},
        INSIDE: {n for n in core if not n.startswith("quarry_")} | OPTIONAL,
        SELFTEST: {n for n in test if not n.startswith("quarry_")},
    }
    faults = []
    for path, names in lists.items():
        text = HEAD[path] + "".join(f"#define {n} {MACRO[path]}({n})\n" for n in sorted(names))
        text += "#endif\n\n#endif\n" if path == PUBLIC else "\n#endif\n"
        if "--check" in sys.argv:
            if not os.path.exists(os.path.join(ROOT, path)) or read(path) != text:
                faults.append(f"{path}: not as the objects have it: run `make names`")
        else:
            with open(os.path.join(ROOT, path), "w", encoding="utf-8") as f:
                f.write(text)
    # A member of a public struct must not be spelled as such a function: it would have two names.
    inside = lists[INSIDE] | lists[SELFTEST]
    for path in files(".h", under="include/quarry"):
        for name in sorted(inside & set(re.findall(r"\w+", code(read(path))))):
            faults.append(f"{path}: {name} is also the name of a function that is not public")
    verdict("names", faults, f"ok: {sum(map(len, lists.values()))} symbols, all with prefix")


main()
