#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the library needs, and what it defines. Usage: check_symbols.py BUILD-FOLDER CC

Undefined symbols of all objects together are the four mem* functions and the port's; there is no
mutable data; every global name begins with quarry_; the sources compile as one object, and call each
other without recursion. The self-test needs the library's public calls and mem* at most.
"""
import os
import re
import subprocess
import sys
import tempfile

from check_common import ROOT, nm, run, sources, verdict

NEEDS = {"memcpy", "memset", "memmove", "memcmp"}
# By port/posix/quarry_host.h.
PORT = {"quarry_posix_cpu", "quarry_posix_cpu_times_64", "quarry_posix_spins", "sched_yield"}
WARN = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
LINKER = {"_GLOBAL_OFFSET_TABLE_"}  # the linker makes it, for position-independent code
READ_ONLY = (".text", ".rodata", ".data.rel.ro", ".note", ".eh_frame", ".debug", ".comment")
# Cycles of calls that are not recursion, by one function of each, and why.
RECURSION = {
    "memmap_give_map": "it asks quarry_meta_alloc() only if the port has a meta_alloc, and then nothing "
                       "comes from zone_take(); a CPU's sheaves are made once for each zone",
}


def object_faults(out, which="QUARRY_SRCS", public=frozenset()):
    faults, defined, wanted = [], set(), {}
    for src, line in nm(out, sources(which), "--format=sysv"):
        name, _, kind, _, _, _, section = (f.strip() for f in line.split("|"))
        if kind == "U":
            wanted.setdefault(name, src)
            continue
        if section and not section.startswith(READ_ONLY):
            faults.append(f"{src}: {name} is mutable data ({section}); state belongs to struct quarry")
        if kind.isupper():
            defined.add(name)
            if not name.startswith("quarry_"):
                faults.append(f"{src}: global {name} lacks the prefix: run `make names`, which "
                              "lists it in base/names.h; its header includes base/compiler.h")
    for name in sorted(set(wanted) - defined - public - NEEDS - PORT - LINKER):
        faults.append(f"{wanted[name]}: needs {name}, which an embedder does not have")
    return faults, defined


def i386_faults(cc):
    """What a 32-bit object of all sources needs of libgcc; None if the compiler makes none here."""
    faults = []
    # asm/ headers are the machine's own: they serve both widths.
    machine = subprocess.run([cc, "-print-multiarch"], capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as tmp:
        unity, obj = os.path.join(tmp, "unity.c"), os.path.join(tmp, "i386.o")
        with open(unity, "w", encoding="utf-8") as f:
            f.writelines(f'#include "{os.path.join(ROOT, src)}"\n' for src in sources())
        for level in ("-O1", "-O0"):
            p = subprocess.run([cc, "-m32", "-march=i586", "-std=c11", "-ffreestanding", level, *WARN,
                                "-isystem", "/usr/include/" + machine, "-Iinclude", "-Isrc", "-Iport/posix",
                                "-c", "-o", obj, unity],
                               cwd=ROOT, capture_output=True, text=True)
            if p.returncode != 0:
                if "stubs-32.h" in p.stderr or "-m32" in p.stderr:
                    return None  # no C library of that width, whose sched.h the port includes
                faults += [f"on i386: {line}" for line in p.stderr.splitlines() if " error: " in line]
                continue
            for line in run("nm", "-u", obj).splitlines():
                name = line.split()[-1]
                if name.startswith("__") and not name.startswith("___tls_get_addr"):
                    faults.append(f"on i386 with {level}: needs {name}, which an embedder does not have")
    return faults


def find_cycles(edges):
    """Strongly connected parts with more than one function or a self call (Tarjan, by an own stack)."""
    index, low, on, stack, cycles = {}, {}, set(), [], []
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on.add(root)
        while work:
            node, rest = work[-1]
            for to in rest:
                if to not in edges:
                    continue
                if to not in index:
                    index[to] = low[to] = len(index)
                    stack.append(to)
                    on.add(to)
                    work.append((to, iter(edges[to])))
                    break
                if to in on:
                    low[node] = min(low[node], index[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = []
                    while True:
                        part.append(stack.pop())
                        on.discard(part[-1])
                        if part[-1] == node:
                            break
                    if len(part) > 1 or node in edges[node]:
                        cycles.append(sorted(part))
    return cycles


def unity_faults(cc):
    faults = []
    with tempfile.TemporaryDirectory() as tmp:
        unity = os.path.join(tmp, "unity.c")
        with open(unity, "w", encoding="utf-8") as f:
            for src in sources():
                f.write(f'#include "{os.path.join(ROOT, src)}"\n')
        p = subprocess.run([cc, "-std=c11", "-ffreestanding", "-O0", "-Wall", "-Wextra", "-Wvla",
                            "-Werror", "-fcallgraph-info", "-Iinclude", "-Isrc", "-Iport/posix", "-c",
                            "-o", os.path.join(tmp, "unity.o"), unity],
                           cwd=ROOT, capture_output=True, text=True)
        if p.returncode != 0:
            return [f"as one object: {line.replace(ROOT + '/', '')}" for line in p.stderr.splitlines()
                    if " error: " in line] or ["as one object: does not compile"]
        with open(os.path.join(tmp, "unity.ci"), encoding="utf-8") as f:
            graph = f.read()
    short = lambda s: s.split(":")[-1].removeprefix("quarry_priv_")
    edges = {}
    for m in re.finditer(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', graph):
        edges.setdefault(short(m.group(1)), set()).add(short(m.group(2)))
    for cycle in find_cycles(edges):
        if not any(name in RECURSION for name in cycle):
            faults.append("recursion: " + ", ".join(cycle))
    return faults


def main():
    faults, defined = object_faults(sys.argv[1])
    public = frozenset(n for n in defined if n.startswith("quarry_"))
    faults += object_faults(sys.argv[1], "QUARRY_SELFTEST_SRCS", public)[0]
    narrow = i386_faults(sys.argv[2]) if "clang" not in sys.argv[2] else None
    verdict("symbols", faults + (narrow or []) + unity_faults(sys.argv[2]),
            f"ok: {len(defined)} globals, no mutable data; needs only mem* and the port"
            f"{'' if narrow is None else ', on i386 too'}; no recursion")


main()
