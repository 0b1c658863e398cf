#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the digests of decisions into tests/test_ops.c, test_pages_anything.c, test_pages_shapes.c, test_slab_calls.c and test_slab_engine.c anew.

Who changes what is decided on purpose builds these tests into FOLDER with QUARRY_DEBUG=1, as `make test` does (build/asan/tests),
runs this, and builds them again. The digests
stand in the sources in the order in which the tests tell them.
"""
import os
import re
import subprocess
import sys


def told(program):
    out = subprocess.run([program], env=dict(os.environ, QUARRY_TEST_DECISIONS="1"), capture_output=True, text=True, check=False)
    return re.findall(r"^\s*(0x[0-9a-f]{16}),?$", out.stdout + out.stderr, re.M)


def write(path, digests, places):
    """@places finds a digest as its second group, between two others."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    found = places.findall(text)
    if len(found) != len(digests):
        sys.exit(f"decisions: {path} has {len(found)} digests, the test tells {len(digests)}")
    new = iter(digests)
    text = places.sub(lambda m: m.group(1) + next(new), text)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    print(f"decisions: {path}: {sum(old[1] != d for old, d in zip(found, digests))} of {len(digests)} are new")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write("tests/test_ops.c", told(f"{sys.argv[1]}/test_ops"), re.compile(r"(^\t|, )(0x[0-9a-f]{16})(?=,)", re.M))
    write("tests/test_pages_anything.c", told(f"{sys.argv[1]}/test_pages_anything"),
          re.compile(r"(\.digest = |LARGE_AND_PLAIN\(\w+, \d+, )(0x[0-9a-f]{16})"))
    write("tests/test_pages_shapes.c", told(f"{sys.argv[1]}/test_pages_shapes"), re.compile(r"(any_live_short\([^;]*, )(0x[0-9a-f]{16})"))
    for name in ("test_slab_calls", "test_slab_engine"):
        write(f"tests/{name}.c", told(f"{sys.argv[1]}/{name}"),
              re.compile(r"(live\(&calls, \d+, |slab_state_decided\([\w.]+, )(0x[0-9a-f]{16})"))


if __name__ == "__main__":
    main()
