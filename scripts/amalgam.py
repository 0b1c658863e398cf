#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the library as two files to drop into a program or a kernel.

quarry.h holds the public headers, quarry.c all sources of the library. quarry_selftest.h and
quarry_selftest.c, which may be left out, are the self-test. quarry_host.example.h is the quarry_host.h of a
machine with one CPU where nothing interrupts: copy it, and change it into the host's own. Functions that only the library's own files share are static here, so that
quarry.o defines public names alone. The same sources give the same bytes.
"""
import argparse
import os
import re
import sys

from check_common import ROOT, code, read, sources

UMBRELLA, SELFTEST = "include/quarry/quarry.h", "include/quarry/selftest.h"
# Their renaming is for objects that are linked; here the functions are static.
LEFT_OUT = {"src/base/names.h", "selftest/names.h"}
SYSTEM = ("stdarg.h", "stdbool.h", "stddef.h", "stdint.h")
HOST = "quarry_host.h"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"][^\n]*\n', re.M)


def version():
    text = read(UMBRELLA)
    return ".".join(re.search(rf"^#define QUARRY_VERSION_{part} (\d+)$", text, re.M).group(1)
                    for part in ("MAJOR", "MINOR", "PATCH"))


def find(name, quoted, path):
    """The file of the tree that an include of @path names; None: it is not one of the tree's."""
    folders = [os.path.dirname(path)] if quoted else ["include", "src"]
    for folder in folders:
        full = os.path.join(folder, name)
        if os.path.exists(os.path.join(ROOT, full)):
            return full
    if name in SYSTEM or name == HOST:
        return None
    sys.exit(f"{path}: cannot find {name}")


def static(text):
    """Declarations of functions become static; those of data go, for the definitions are static and first."""
    clean = code(text)
    clean = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), clean,
                   flags=re.M)
    out, last = [], 0
    for m in re.finditer(r"^(?!static\b|typedef\b)[A-Za-z_][^;{}=]*;", clean, re.M):
        out.append(text[last:m.start()])
        last = m.start()
        if m.group(0).startswith("extern "):
            last = m.end()
        elif re.search(r"\w\s*\(", m.group(0)):
            out.append("static ")
    return "".join(out) + text[last:]


def static_data(text):
    return re.sub(r"^const struct selftest \w+\[\] = \{", r"static \g<0>", text, flags=re.M)


class Amalgam:
    def __init__(self, seen=(), condition=lambda path: None):
        self.seen = set(seen) | LEFT_OUT
        self.parts = []
        self.condition = condition  # path -> under which condition its text counts; None: always

    def add(self, path, change=lambda text: text):
        """Appends @path, with what it includes for the first time in front of it."""
        if path in self.seen:
            return
        self.seen.add(path)
        text = read(path)
        self.needs(path, text)
        if path.endswith(".h") and not path.startswith("include/"):
            text = static(text)
        text = re.sub(r"^/\* SPDX-License-Identifier: MIT \*/\n", "", change(text))
        text = INCLUDE.sub("", text)
        text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
        if self.condition(path):
            text = f"#if {self.condition(path)}\n{text}\n#endif"
        self.parts.append(f"\n/* ======== {path} ======== */\n\n{text}\n")

    def needs(self, path, text):
        for m in INCLUDE.finditer(text):
            inner = find(m.group(2), m.group(1) == '"', path)
            if inner:
                self.add(inner)


def unwrapped(text):
    """Headers have extern "C" each; around all of them, one is enough."""
    return re.sub(r'^#ifdef __cplusplus\n(?:extern "C" \{|\})\n#endif\n', "", text, flags=re.M)


def head(what, prefix):
    licence = read("LICENSE").rstrip("\n").replace("\n", "\n * ").replace(" * \n", " *\n")
    text = f"/* SPDX-License-Identifier: MIT */\n/*\n * Quarry {version()}: {what}\n *\n"
    text += " * Made by scripts/amalgam.py of the sources; change those, not this.\n *\n"
    if prefix:
        text += f" * All symbols begin with {prefix}\n *\n"
    return text + f" * {licence}\n */\n"


def header(paths, guard, what, prefix, own_include=""):
    """Public headers as one, with one extern "C" around them and the system's headers outside."""
    am = Amalgam(seen=() if not own_include else [UMBRELLA, "include/quarry/types.h"])
    for path in paths:
        am.add(path)
    body = unwrapped("".join(am.parts))
    if own_include:
        top = own_include
    else:
        top = "".join(f"#include <{h}>\n" for h in SYSTEM if h != "stdarg.h")
        if prefix:
            top += f"\n#define QUARRY_PREFIX {prefix}\n"
    text = f"{head(what, prefix)}#ifndef {guard}\n#define {guard}\n\n{top}\n"
    text += f'#ifdef __cplusplus\nextern "C" {{\n#endif\n{body}\n#ifdef __cplusplus\n}}\n#endif\n\n#endif\n'
    return text, am.seen


def reached(paths):
    """The files that a library of @paths consists of, headers included."""
    am = Amalgam()
    for path in paths:
        am.add(path)
    return am.seen


# What the tiny library leaves of these files is used in part.
TINY = """#if QUARRY_TINY && defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
"""


def library(seen, prefix):
    tiny, full = sources("QUARRY_TINY_SRCS"), sources()
    of_tiny, of_full = reached(tiny), reached(full)
    am = Amalgam(seen, lambda path: "!QUARRY_TINY" if path not in of_tiny
                 else "QUARRY_TINY" if path not in of_full else None)
    for path in full + [s for s in tiny if s not in full]:
        am.add(path)
    return head("the library. Beside it: quarry.h, and the host's quarry_host.h.", prefix) + \
        f'#include <stdarg.h>\n\n#include "{HOST}"\n#include "quarry.h"\n\n{TINY}' + "".join(am.parts)


def selftest(seen, prefix):
    am = Amalgam(seen)
    own = sources("QUARRY_SELFTEST_SRCS")
    runner = [s for s in own if os.path.basename(s) == "selftest.c"]
    for path in [s for s in own if s not in runner] + runner:  # it names the tables of all others
        am.add(path, static_data)
    return head("the self-test. It uses the public calls of quarry.h alone.", prefix) + \
        '#include "quarry_selftest.h"\n' + "".join(am.parts)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)


def prefix_type(text):
    if not re.fullmatch(r"[A-Za-z_]\w*", text):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin a name in C")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0],
                                     epilog="Writes " + __doc__.split("\n\n")[1])
    parser.add_argument("-o", "--output", metavar="DIR", default="build/amalgam",
                        help="where to; made if it is not there (build/amalgam)")
    parser.add_argument("--prefix", metavar="NAME", type=prefix_type,
                        help="all symbols begin with NAME: foo_ makes quarry_boot foo_quarry_boot")
    parser.add_argument("--version", action="version", version="quarry " + version())
    args = parser.parse_args()
    quarry_h, seen = header([UMBRELLA], "QUARRY_QUARRY_H_AMALGAM",
                            "Linux's memory-management hierarchy as a library. All public headers.",
                            args.prefix)
    test_h, with_test = header([SELFTEST], "QUARRY_SELFTEST_H_AMALGAM", "the self-test's header.",
                               args.prefix, '#include "quarry.h"\n')
    try:
        os.makedirs(args.output, exist_ok=True)
        write(args.output, "quarry.h", quarry_h)
        write(args.output, "quarry.c", library(seen, args.prefix))
        write(args.output, "quarry_selftest.h", test_h)
        write(args.output, "quarry_selftest.c", selftest(seen | with_test, args.prefix))
        write(args.output, "quarry_host.example.h", read("port/single/quarry_host.h"))
    except OSError as e:
        sys.exit(f"amalgam.py: {e.filename}: {e.strerror}")


main()
