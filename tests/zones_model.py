#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linux 6.1's arithmetic of zones a second time, on machines that nobody has seen. Usage: zones_model.py QUARRY SEEDS

Each seed is a machine of x86-64: pieces of memory of odd sizes on 1 to 6 nodes, some without memory or CPUs, holes,
distances, kernelcore=, movablecore=. What the model below computes from the map must be what `quarry boot`
says: spans and present pages, zonelists; then, from the pages that are managed, marks, reserves, pagesets.
The model was written from the rules, without a look at the library. A machine is kept if it differs.
"""
import json
import math
import os
import random
import subprocess
import sys
import tempfile

DMA, DMA32, NORMAL, MOVABLE = range(4)
NAMES = ["DMA", "DMA32", "Normal", "Movable"]
LIMITS = [4096, 1 << 20]  # page frames below 16 MiB and 4 GiB
PAGEBLOCK, LARGEST = 512, 1024
RATIOS = [256, 256, 32, 0]


def round_up(x, unit):
    return (x + unit - 1) // unit * unit


# ---- machines ----

def pieces(rng, nodes):
    """Disjoint [start, end, node], in page frames, without the PC's holes below 1 MiB and 4 GiB."""
    at, found, hole = 1, [], rng.random() < .7
    for node in range(nodes):
        if nodes > 1 and rng.random() < .15:
            continue
        for _ in range(rng.choice([1, 1, 2, 3])):
            size = rng.choice([1, 2, 7, 511, 512, 513, 1024, 4095, 4096, 30000, rng.randint(1, 200000),
                               rng.randint(1, 1500000)])
            start = at + rng.choice([0, 0, 0, 1, 5, 512, 32768, rng.randint(0, 100000)])
            end = start + size
            if hole and start < 786432 < end:
                end = 786432
            elif hole and 786432 <= start < 1 << 20:
                start = (1 << 20) + rng.choice([0, 0, 3])
                end = start + size
            found.append((start, end, node))
            at = end
    cut = []
    for start, end, node in found or [(1, 50000, 0)]:
        cut += [(max(start, a), min(end, b), node) for a, b in ((0, 0x9f), (0x100, 1 << 40))]
    return [p for p in cut if p[0] < p[1]]


class Machine:
    def __init__(self, seed):
        rng = random.Random(seed)
        nodes = rng.choice([1, 1, 1, 2, 2, 3, 4, 5, 6])
        self.memory = pieces(rng, nodes)
        self.cpus = [rng.randrange(nodes) for _ in range(rng.choice([1, 2, 3, 4, 7, 16]))]
        self.nodes = 1 + max(self.cpus + [p[2] for p in self.memory])
        self.pages = sum(end - start for start, end, _ in self.memory)
        self.distance = [[10 if a == b else 20 for b in range(self.nodes)] for a in range(self.nodes)]
        if rng.random() < .5:
            for a in range(self.nodes):
                for b in range(a):
                    self.distance[a][b] = self.distance[b][a] = rng.choice([11, 15, 20, 20, 21, 31, 40])
        self.wish = {name: self.amount(rng) for name in ("kernelcore", "movablecore") if rng.random() < .4}
        self.thp = rng.random() < .8

    def amount(self, rng):
        if rng.random() < .3:
            return f"{rng.randint(1, 100)}%"
        return f"{4 * rng.randint(1, max(2, self.pages * 11 // 10))}K"

    def cmdline(self):
        return " ".join([f"{name}={value}" for name, value in self.wish.items()] +
                        ([] if self.thp else ["transparent_hugepage=never"]))

    def text(self):
        lines, e820 = ["# memmap v1"], []
        for start, end, _ in self.memory:
            if e820 and e820[-1][1] == start:
                e820[-1][1] = end
            else:
                e820.append([start, end])
        lines += [f"BIOS-e820: [mem 0x{s << 12:016x}-0x{(e << 12) - 1:016x}] usable" for s, e in e820]
        lines += [f"SRAT: PXM {n} -> APIC 0x{c:02x} -> Node {n}" for c, n in enumerate(self.cpus)]
        lines += [f"ACPI: SRAT: Node {n} PXM {n} [mem 0x{s << 12:08x}-0x{(e << 12) - 1:08x}]"
                  for s, e, n in self.memory]
        lines += [f"NUMA: Node {n} distance: {' '.join(map(str, row))}" for n, row in enumerate(self.distance)]
        return "\n".join(lines) + "\n"


# ---- the model: sizes ----

def zone_limits(m):
    """[low, high) of DMA, DMA32 and Normal."""
    top, at, limits = max(p[1] for p in m.memory), min(p[0] for p in m.memory), []
    for limit in (min(LIMITS[0], top), min(LIMITS[1], top), top):
        limits.append((at, max(limit, at)))
        at = max(limit, at)
    return limits


def wanted_core(m):
    def pages(name):
        value = m.wish.get(name, "0K")
        if value.endswith("%"):
            return m.pages * 100 * int(value[:-1]) // 10000
        return int(value[:-1]) // 4
    core, movable = pages("kernelcore"), pages("movablecore")
    if movable:
        core = max(core, m.pages - min(round_up(movable, LARGEST), m.pages))
    return core


def movable_starts(m, limits):
    """Where each node's ZONE_MOVABLE begins; 0: nowhere."""
    starts, core = [0] * m.nodes, wanted_core(m)
    floor = max((low, i) for i, (low, high) in enumerate(limits) if low < high)[0]
    own = sorted({p[2] for p in m.memory})
    left = len(own)
    while 0 < core < m.pages:
        share = core // left
        for node in own:
            if core < share:
                share = core // left
            rest = share
            for start, end, owner in m.memory:
                start = max(start, starts[node])
                if owner != node or start >= end:
                    continue
                if start < floor:
                    kernel = min(end, floor) - start
                    rest -= min(kernel, rest)
                    core -= min(kernel, core)
                    starts[node] = min(end, floor)
                    if end <= floor:
                        continue
                    start = floor
                some = min(end - start, rest)
                starts[node] = start + some
                core -= min(core, some)
                rest -= some
                if rest == 0:
                    break
        left -= 1
        if left == 0 or core <= left:
            break
    for node in own:
        starts[node] = round_up(starts[node], LARGEST)
        if starts[node] >= max(p[1] for p in m.memory if p[2] == node):
            starts[node] = 0
    return starts


def sizes(m):
    limits, zones = zone_limits(m), {}
    movable = movable_starts(m, limits)
    for node in {p[2] for p in m.memory}:
        own = [p for p in m.memory if p[2] == node]
        first, last = own[0][0], own[-1][1]
        for zone in range(4):
            if zone == MOVABLE:
                start, end = movable[node], last if movable[node] else 0
            else:
                low, high = limits[zone]
                start, end = min(max(first, low), high), min(max(last, low), high)
                if movable[node]:
                    end = min(end, max(start, movable[node]))
            present = sum(max(0, min(e, end) - max(s, start)) for s, e, _ in own)
            if present:
                zones[node, zone] = {"start_pfn": start, "spanned": end - start, "present": present}
    return zones


# ---- the model: marks ----

def above(managed, high):
    return sum(n - high[z] for z, n in managed.items() if z[1] <= NORMAL and n > high[z])


def marks_of(managed, kbytes):
    total, marks = sum(managed.values()), {}
    for zone, n in managed.items():
        least = (kbytes >> 2) * n // total
        gap = max(least >> 2, n * 10 // 10000)
        marks[zone] = [least, least + gap, least + 2 * gap]
    return marks


def watermarks(m, managed):
    def root(high):
        return min(max(math.isqrt(above(managed, high) * 4 * 16), 128), 262144)

    kbytes = root(dict.fromkeys(managed, 0))
    if sum(managed.values()) >= 131072:  # the huge-page daemon has started, and stopped if nobody wants it
        high = {zone: v[2] for zone, v in marks_of(managed, kbytes).items()}
        if m.thp:
            wanted = 11 * PAGEBLOCK * sum(zone[1] <= NORMAL for zone in managed)
            kbytes = max(kbytes, min(wanted, above(managed, high) // 20) << 2)
        else:
            kbytes = root(high)
    return kbytes, marks_of(managed, kbytes)


def reserve(managed, node, zone):
    sums = [sum(managed.get((node, k), 0) for k in range(zone + 1, j + 1)) for j in range(4)]
    return [n // RATIOS[zone] if RATIOS[zone] and managed[node, zone] else 0 for n in sums]


def pageset(m, managed, node, zone, low):
    batch = max(min(managed[node, zone] >> 10, 256) // 4, 1)
    batch = max((1 << (batch + batch // 2).bit_length() - 1) - 1, 1)
    return [max(low // (m.cpus.count(node) or len(m.cpus)), batch * 4), batch]


# ---- the model: zonelists ----

def zonelists(m, managed):
    load, lists, own = [0] * m.nodes, {}, sorted({zone[0] for zone in managed})
    for local in range(m.nodes):
        order, last, left = [], local, list(own)
        while left:
            best = local if local in left else min(
                left, key=lambda n: ((m.distance[local][n] + (n < local)) * 64 + load[n], n))
            load[best] += m.distance[local][best] != m.distance[local][last]
            left.remove(best)
            order.append(best)
            last = best
        lists[local] = [[n, z] for n in order for z in (MOVABLE, NORMAL, DMA32, DMA) if (n, z) in managed]
    return lists


# ---- comparing ----

def differences(m, said):
    got = {(node["node"], NAMES.index(z["name"])): z for node in said["nodes"] for z in node["zones"]}
    want = sizes(m)
    if set(want) != set(got):
        return [f"zones {sorted(want)}, quarry has {sorted(got)}"]
    faults = []

    def same(what, model, quarry):
        if model != quarry:
            faults.append(f"{what}: {model}, quarry says {quarry}")

    for zone, numbers in want.items():
        for name, n in numbers.items():
            same(f"{zone} {name}", n, got[zone][name])
    managed = {zone: z["managed"] for zone, z in got.items()}
    if faults or sum(managed.values()) == 0:
        return faults
    kbytes, marks = watermarks(m, managed)
    same("min_free_kbytes", kbytes, said["min_free_kbytes"])
    for zone, z in got.items():
        same(f"{zone} marks", marks[zone], [z["min"], z["low"], z["high"]])
        same(f"{zone} reserve", reserve(managed, *zone), z["lowmem_reserve"][:4])
        same(f"{zone} pageset", pageset(m, managed, *zone, z["low"]), [z["pcp_high"], z["pcp_batch"]])
    lists = zonelists(m, managed)
    for node in said["nodes"]:
        refs = [[ref["node"], NAMES.index(ref["zone"])] for ref in node["zonelist"]]
        same(f"list of node {node['node']}", lists[node["node"]], refs)
    return faults


def main():
    quarry, seeds = sys.argv[1], int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    movable = nodes = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "map.txt")
        for seed in range(first, first + seeds):
            m = Machine(seed)
            with open(path, "w", encoding="ascii") as f:
                f.write(m.text())
            p = subprocess.run([quarry, "boot", path, "--json", "--cpus", str(len(m.cpus)), "--cmdline", m.cmdline()],
                               capture_output=True, text=True)
            faults = [p.stderr] if p.returncode else differences(m, json.loads(p.stdout))
            if faults:
                sys.exit(f"seed {seed}: {m.memory} CPUs {m.cpus} '{m.cmdline()}'\n    " + "\n    ".join(faults))
            movable += any(z["name"] == "Movable" for n in json.loads(p.stdout)["nodes"] for z in n["zones"])
            nodes += m.nodes > 1
    print(f"{seeds} machines, {nodes} of several nodes, {movable} with ZONE_MOVABLE: equal")


main()
