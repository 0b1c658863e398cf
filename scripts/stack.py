#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How much stack the library takes, by the compiler's own figures. Usage: stack.py [options] [CC [FLAGS...]]

The library is compiled as one object with -fcallgraph-info=su, and the deepest chain of calls is added up
for each public call. The host's functions (struct quarry_port, constructors, movers) are not in it.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

from check_common import ROOT, read, run
from contexts import contexts, kind

PAGE, BEGIN, END = "docs/porting.md", "<!-- stack -->\n", "<!-- end of stack -->"

# Where the library calls through a pointer to a function of its own.
POINTERS = {
    "boot_for_each_piece": r"boot_\w+",
    "pcp_visit": r"pcp_\w+",
    "bootmem_alloc": "quarry_late_alloc", "bootmem_alloc_node": "quarry_late_alloc",
    "memblock_alloc_internal": "quarry_late_alloc", "memblock_find_array": "quarry_late_alloc",
    "memblock_move_array": "quarry_late_free", "quarry_memblock_discard": "quarry_late_free",
    "e820_walk": r"firmware_\w+", "fdt_walk": r"firmware_\w+", "pvh_walk": r"firmware_\w+",
    "fdt_see_ranges": r"firmware_\w+", "firmware_apply": r"(e820|pvh|fdt|srat|efi|mb2|limine)_walk",
    "firmware_point": r"(e820|pvh|fdt|srat|efi|mb2|limine)_walk",
    "memtest_each": r"memtest_\w+",
    "slab_check_each_sheaf": r"slab_check_\w+",
    "quarry_mempool_alloc": r"quarry_mempool_(alloc|kmalloc)\w*",
    "quarry_mempool_free": r"quarry_mempool_(free|kfree)\w*", "quarry_mempool_exit": r"quarry_mempool_(free|kfree)\w*",
    "quarry_mempool_init_node": r"quarry_mempool_(alloc|kmalloc)\w*",
    "quarry_mempool_resize": r"quarry_mempool_(alloc|kmalloc|free|kfree)\w*",
}
# Once the machine is booted nobody gets there: tables come from pages.
BOOT = ("memblock_alloc_range_nid", "quarry_memblock_phys_alloc_try_nid", "memblock_add_range", "bootmem_alloc",
        "bootmem_alloc_node")
# Not reached in interrupt context, which port.task tells: only who may wait gets there.
WAITS = BOOT + ("slowpath_wait", "slowpath_reclaim", "slowpath_compact", "slowpath_nofail", "slowpath_oom",
                "compaction_direct", "reclaim_node", "warn_stall")
# Not reached while page_owner, slab_debug and the like are off, and nothing is damaged.
AIDS = WAITS + ("pageowner_make", "pageowner_table", "debug_free", "debug_alloc", "debug_complain", "debug_log_stacks",
                "quarry_report", "quarry_panic", "prep_trace", "warn_alloc")
ROWS = (
    ("kmalloc, kfree", ("quarry_kmalloc", "quarry_kfree")),
    ("cache alloc, free", ("quarry_kmem_cache_alloc", "quarry_kmem_cache_free")),
    ("pages alloc, free", ("quarry_alloc_pages", "quarry_free_pages")),
)


def short(name):
    return re.sub(r"\.(constprop|isra|part|cold|lto_priv)\b.*", "", name.split(":")[-1])


class Graph:
    def __init__(self, text):
        self.frame, self.calls = {}, {}
        for m in re.finditer(r'^node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \((\w[\w,]*)\)', text, re.M):
            if "dynamic" in m.group(3) and "bounded" not in m.group(3):
                sys.exit(f"stack.py: {short(m.group(1))}() has a frame without bound")
            self.frame[m.group(1)] = int(m.group(2))
        names = {}
        for title in self.frame:
            names.setdefault(short(title), []).append(title)
        self.titles = names
        for m in re.finditer(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text, re.M):
            to = {m.group(2)}
            if m.group(2) == "__indirect_call":
                wanted = POINTERS.get(short(m.group(1)))
                to = {t for n, ts in names.items() if wanted and re.fullmatch(wanted, n) for t in ts}
            self.calls.setdefault(m.group(1), set()).update(to)

    def deepest(self, root, leave_out=()):
        """(bytes, chain) of the deepest chain from a public function; a cycle is gone round once."""
        best, on_way = {}, set()
        work = [(root, iter(sorted(self.calls.get(root, ()))))]
        value = {root: (0, None)}
        on_way.add(root)
        while work:
            node, rest = work[-1]
            for to in rest:
                if to not in self.frame or to in on_way or short(to) in leave_out:
                    continue
                if to not in best:
                    value[to] = (0, None)
                    on_way.add(to)
                    work.append((to, iter(sorted(self.calls.get(to, ())))))
                    break
                if best[to] > value[node][0]:
                    value[node] = (best[to], to)
            else:
                work.pop()
                on_way.discard(node)
                best[node] = self.frame[node] + value[node][0]
                if work and best[node] > value[work[-1][0]][0]:
                    value[work[-1][0]] = (best[node], node)
        chain, at = [root], value[root][1]
        while at:
            chain.append(at)
            at = value[at][1]
        return best[root], chain


def graph(cc, flags):
    with tempfile.TemporaryDirectory() as tmp:
        run(sys.executable, "-B", "scripts/amalgam.py", "-o", tmp)
        p = subprocess.run([cc, "-std=c11", "-ffreestanding", "-O2", *flags, "-fcallgraph-info=su", "-I",
                            os.path.join(ROOT, "port/single"), "-c", "-o", os.path.join(tmp, "quarry.o"),
                            os.path.join(tmp, "quarry.c")], capture_output=True, text=True)
        if p.returncode != 0:
            sys.exit(f"stack.py: {cc}: {p.stderr.strip()}")
        with open(os.path.join(tmp, "quarry.ci"), encoding="utf-8") as f:
            return Graph(f.read())


def measure(g):
    """[(what, bytes, chain)]"""
    by_kind = {}
    for name, (_, said) in contexts().items():
        for title in g.titles.get(name, ()):
            by_kind.setdefault(kind(said), []).append(title)

    def worst(titles, leave_out=()):
        return max((g.deepest(t, leave_out) for t in titles), key=lambda r: r[0])

    quick = ("alloc_long", "alloc_free_late", "alloc_free_long", "kmalloc_odd", "kmalloc_free_odd", "sheaf_alloc_slow",
             "sheaf_free_slow", "sheaf_free_far", "quarry_report", "pcp_spill_all", "pcp_spill",
             "pcp_in_stage")
    rows = []
    for what, names in ROWS:
        titles = [t for n in names for t in g.titles[n]]
        rows.append((f"{what}: served by the CPU's own sheaf", *worst(titles, quick)))
    for what, names in ROWS:
        rows.append((f"{what}: in an interrupt, at worst", *worst([t for n in names for t in g.titles[n]], WAITS)))
    rows.append(("any call in an interrupt, debugging aids off, nothing damaged", *worst(by_kind["any"], AIDS)))
    rows.append(("any call that is allowed in interrupts, there", *worst(by_kind["any"], WAITS)))
    rows.append(("the same, by a task that may wait", *worst(by_kind["any"], BOOT)))
    rows.append(("calls for tasks alone", *worst(by_kind["task"] + by_kind["sleep"] + by_kind["quiet"], BOOT)))
    rows.append(("boot", *worst(by_kind["boot"] + g.titles["quarry_boot"])))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--chains", action="store_true", help="show the calls of each deepest chain")
    parser.add_argument("--at-most", type=int, metavar="BYTES",
                        help="fail if a call that is allowed in interrupts may take more there")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {PAGE}")
    parser.add_argument("cc", nargs="?", default="gcc")
    parser.add_argument("flags", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    g = graph(args.cc, args.flags)
    rows = measure(g)
    for what, size, chain in rows:
        print(f"{size:6}  {what}")
        if args.chains:
            for title in chain:
                print(f"{'':8}{g.frame[title]:6}  {short(title)}")
    if args.write:
        page = read(PAGE)
        before, rest = page.split(BEGIN)
        table = "| calls | bytes |\n|---|---|\n" + "".join(f"| {what} | {size:,} |\n" for what, size, _ in rows)
        with open(os.path.join(ROOT, PAGE), "w", encoding="utf-8") as f:
            f.write(before + BEGIN + table + END + rest.split(END)[1])
    worst = next(size for what, size, _ in rows if what.endswith("interrupts, there"))
    if args.at_most is not None and worst > args.at_most:
        sys.exit(f"stack.py: {worst} bytes of stack in interrupts, more than {args.at_most}")


if __name__ == "__main__":
    main()
