#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts the real output of each command of docs/tutorial.md below it. Usage: tutorial.py BUILD-DIRECTORY"""
import os
import subprocess
import sys
import tempfile


def blocks(lines):
    """Yields (first, last) of each console block: the command's line, and the fence behind its output."""
    start = None
    for i, line in enumerate(lines):
        if line.startswith("```console"):
            start = i + 1
        elif line.startswith("```") and start is not None:
            yield start, i
            start = None


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.path.join(root, "docs", "tutorial.md")
    build = os.path.abspath(sys.argv[1])
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    with tempfile.TemporaryDirectory() as work:
        for name in ("traces", "maps"):
            os.symlink(os.path.join(root, name), os.path.join(work, name))
        env = dict(os.environ, PATH=build + ":" + os.environ["PATH"])
        # From the end, so that line numbers before it stay.
        output = []
        for first, last in blocks(lines):
            command = lines[first].removeprefix("$ ")
            done = subprocess.run(command, shell=True, cwd=work, env=env, stdout=subprocess.PIPE, text=True,
                                  check=False)
            output.append((first, last, done.stdout.rstrip("\n").split("\n")))
        for first, last, text in reversed(output):
            lines[first + 1:last] = text
    new = path + ".new"
    with open(new, "w", encoding="utf-8") as f:
        f.write("\n".join(lines))
    os.replace(new, path)


main()
