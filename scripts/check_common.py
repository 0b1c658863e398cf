# SPDX-License-Identifier: MIT
"""What the checks share: the tree's files, C text without comments, one line of verdict."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def files(*suffixes, under=""):
    """Paths of the tree, relative to its root, without build folders."""
    found = []
    for folder, dirs, names in os.walk(os.path.join(ROOT, under)):
        dirs[:] = sorted(d for d in dirs if not d.startswith(".") and not re.match(r"build($|-)", d))
        for name in sorted(names):
            if name.endswith(suffixes):
                found.append(os.path.relpath(os.path.join(folder, name), ROOT))
    return found


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def code(text):
    """C without comments and without the contents of strings; all else stays where it was."""
    def blank(m):
        s = m.group(0)
        if s[0] in "\"'":
            return s[0] + " " * (len(s) - 2) + s[0]
        return re.sub(r"[^\n]", " ", s)
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def line_of(text, pos):
    return text.count("\n", 0, pos) + 1


def sources(variable="QUARRY_SRCS"):
    """The library's sources, or those of another list, from sources.mk."""
    m = re.search(r"^" + variable + r" := ((?:.*\\\n)*.*)$", read("sources.mk"), re.M)
    return m.group(1).replace("\\\n", " ").split()


def run(*command):
    p = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if p.returncode != 0:
        sys.exit(f"{' '.join(command)}: {p.stderr.strip()}")
    return p.stdout


def nm(out, srcs, *options):
    """What nm says of the objects of sources in a build folder: (source, line), by one call for all."""
    of = {os.path.join(out, src[:-2] + ".o"): src for src in srcs}
    for line in run("nm", "-A", *options, *of).splitlines():
        path, _, said = line.partition(":")
        if path in of:  # not a heading
            yield of[path], said


def verdict(name, faults, ok="ok", notes=()):
    """Prints one line, or the faults, and ends the program."""
    for note in notes:
        print(f"{name + ':':<12}note: {note}")
    if not faults:
        print(f"{name + ':':<12}{ok}")
        sys.exit(0)
    print(f"{name + ':':<12}{len(faults)} fault{'s' if len(faults) > 1 else ''}")
    for fault in faults:
        print(f"    {fault}")
    sys.exit(1)
