#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the files of this directory from captures of Linux.

usage: extract.py CAPTURES OUTDIR

CAPTURES holds one folder for each capture series (kernel and architecture), each with one folder for
each machine ("shape"). A shape's folder has

    SHAPE           kernel flavour, machine and command line
    dmesg.txt       the kernel's log, time stamps cut, of a boot with memblock=debug
    zoneinfo.txt    /proc/zoneinfo, read before anything else
    node.txt        nodeN/distance and nodeN/cpulist of sysfs
    sysctl-vm.txt   /proc/sys/vm as NAME:VALUE
    stages.txt      (if a debugger was there) zones, zonelists and totals at the hand-off and at each
                    computation of watermarks
    sNN-NAME=VALUE/ the /proc files again after a sysctl was written

Written are

    SHAPE.map       what Quarry gets: memory map, command line, CPUs, nodes and the kernel's own
                    reservations, in the form of a boot log with addresses shortened. Of these, only
                    "Freeing SMP alternatives memory", memblock_free_late and "Memory:" come from after
                    the hand-off, and all of "Freeing" where a sysctl was written later.
    shapes.tsv      the machines, and totals expected
    zones.tsv       zones expected
    nodes.tsv       zonelists and distances expected
    hotplug.tsv     zones expected after a memory block or a CPU has come or gone
    steps.tsv       what was set, one step after the other, and the zones expected after each

"-" is a figure that the capture does not show. All else is compared to the last page. Shapes of OUTDIR
that CAPTURES does not have stay as they are.
"""
import collections
import os
import re
import sys

PROVENANCE = (
    "Printed numbers of stock Debian Linux 6.1.192 kernels (6.1.0-56, amd64, cloud-amd64 and cloud-arm64)\n"
    "booted in QEMU 7.2. Made by extract.py from captures of their logs and /proc files.")
STAGE_HANDOFF = "memblock_free_all: entry"
STAGE_COMPLETE = "memblock_discard: entry"
STAGE_BOOTED = "free_initmem: entry"
ZONES = ["DMA", "DMA32", "Normal", "Movable", "Device"]
COLUMNS = ("start_pfn spanned present managed min low high promo lowmem_reserve "
           "pcp_high pcp_batch").split()


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def short(line):
    return re.sub(r"0x0*([0-9a-f])", r"0x\1", line)


# ---- SHAPE.map ----

KEEP = [
    r"BIOS-e820: .*",
    r"(?:ACPI: )?SRAT: (?:Node \d+ PXM|PXM) .*",
    r"RAMDISK: .*",
    r"memblock_(?:reserve|free|phys_free|free_late|remove): \[[^]]*\]",
    r" ?reserved\[0x[0-9a-f]+\]\s+\[[^]]*\]",
    r"e820: (?:update|remove) .*",
    r"smp: Brought up .*",
    r"Freeing SMP alternatives memory: \d+K",
    r"cma: Reserved .*",
]
KEEP_WITH_SYSCTL = [r"Freeing .* memory: \d+K"]


def map_lines(dmesg):
    """The lines that count, with what Quarry does not read cut off."""
    keep = KEEP if "BIOS-e820" in dmesg else KEEP + [r" ?memory\[0x[0-9a-f]+\]\s+\[.*"]
    if "sysctl.vm." in dmesg:
        keep = keep + KEEP_WITH_SYSCTL
    for line in dmesg.splitlines():
        m = re.match(r"setup_percpu: .*(nr_cpu_ids:\d+)", line)
        if m:
            yield "setup_percpu: " + m[1]
            continue
        m = re.match(r"Memory: .* (\d+K cma-reserved)\)", line)
        if m:
            yield re.sub(r"\(.*, (\d+K reserved)", r"(\1", line)
            continue
        for pattern in keep:
            m = re.match(pattern, line)
            if m:
                yield short(re.sub(r"\s+", " ", m[0]).strip())
                break


def parse_range(text):
    m = re.search(r"0x([0-9a-f]+)(?:-|\.\.)0x([0-9a-f]+)", text)
    return int(m[1], 16), int(m[2], 16)


def devicetree_lines(dmesg, cpu_node):
    """CPUs of nodes, which a machine with a devicetree does not log, in the form of a PC's."""
    if "BIOS-e820" in dmesg or len(set(cpu_node.values())) < 2:
        return []
    return ["SRAT: PXM %d -> APIC %#04x -> Node %d" % (nid, cpu, nid)
            for cpu, nid in sorted(cpu_node.items())]


def parse_nodes(text):
    distance, cpu_node = {}, {}
    for m in re.finditer(r"^node(\d+)/distance:(.*)$", text, re.M):
        distance[int(m[1])] = [int(d) for d in m[2].split()]
    for m in re.finditer(r"^node(\d+)/cpulist:(.*)$", text, re.M):
        for part in filter(None, m[2].strip().split(",")):
            first, _, last = part.partition("-")
            for cpu in range(int(first), int(last or first) + 1):
                cpu_node[cpu] = int(m[1])
    return distance, cpu_node


def firmware_distances(dmesg, distance):
    """Distances that only the firmware's table can say: not those of its absence, nor fake nodes."""
    if "numa=fake" in dmesg:
        return []
    if all(d == (10 if i == j else 20) for i, row in distance.items() for j, d in enumerate(row)):
        return []
    return ["node%d/distance:%s" % (nid, " ".join(map(str, row))) for nid, row in distance.items()]


def make_map(name, flavour, cmdline, dmesg, extra):
    head = ["# " + name + ": " + flavour]
    head += ["# " + line for line in PROVENANCE.splitlines()]
    head.append("Command line: " + cmdline)
    return "\n".join(head + extra + list(map_lines(dmesg))) + "\n"


def freed_lines(zones_complete, zones_end, dmesg):
    """Stand-ins for what the kernel frees of itself and its RAM disk before user space."""
    pages = sum(zones_end[z]["managed"] - zones_complete[z]["managed"] for z in zones_complete)
    start, end = parse_range(re.search(r"^RAMDISK: (.*)$", dmesg, re.M)[1])
    out = ["memblock_phys_free: [%#x-%#x]" % (start, end)]
    image = parse_range(re.search(r"^ reserved\[.*(0x0*1000000-.*?)\]", dmesg, re.M)[1])
    rest = (pages - (end + 1 - start) // 4096) * 4096
    out.append("memblock_phys_free: [%#x-%#x]" % (image[0], image[0] + rest - 1))
    return out


# ---- what is expected ----

def stage(text, name):
    """The first stage of that name as (totals, zones, lists)."""
    m = re.search(r"^## " + re.escape(name) + r".*\n((?:(?!## ).*\n)*)", text, re.M)
    if not m:
        return None
    body = m[1]
    totals = dict(re.findall(r"(\w+) (-?\d+)", re.search(r"^min_free_kbytes.*$", body, re.M)[0]))
    zones = collections.OrderedDict()
    for z in re.finditer(r"^ zone (\d+:\w+) (.*)$", body, re.M):
        words = z[2].split()
        values = dict(zip(words[::2], words[1::2]))
        zones[z[1]] = {k: v if k == "lowmem_reserve" else int(v) for k, v in values.items()}
    lists = collections.OrderedDict()
    for z in re.finditer(r"^zonelist node (\d+) (fallback|nofallback): ?(.*)$", body, re.M):
        lists[int(z[1]), z[2]] = re.sub(r"\(\d+\)", "", z[3]).split()
    return totals, zones, lists


def parse_zoneinfo(text):
    zones = collections.OrderedDict()
    for part in re.split(r"^Node ", text, flags=re.M)[1:]:
        m = re.match(r"(\d+), zone +(\w+)", part)
        z = {}
        for key in "min low high spanned present managed boost cma".split():
            z[key] = int(re.search(r"^ +%s +(\d+)" % key, part, re.M)[1])
        for key in "min low high".split():
            z[key] -= z["boost"]  # /proc/zoneinfo prints marks with the boost added
        if z["present"] == 0:
            continue
        z["lowmem_reserve"] = re.search(r"protection: \((.*)\)", part)[1].replace(" ", "")
        z["pcp_high"] = int(re.search(r"^ +high: +(\d+)", part, re.M)[1])
        z["pcp_batch"] = int(re.search(r"^ +batch: +(\d+)", part, re.M)[1])
        z["start_pfn"] = int(re.search(r"start_pfn: +(\d+)", part)[1])
        zones[m[1] + ":" + m[2]] = z
    return zones


def booted_zones(complete, booted, zoneinfo):
    """Zones as boot's last computation left them, with the managed pages it saw."""
    zones = collections.OrderedDict()
    for name, z in booted.items():
        now = zoneinfo[name]
        for key in "min low high lowmem_reserve".split():
            if now[key] != z[key]:
                sys.exit("%s: %s is %s at boot, but %s later" % (name, key, z[key], now[key]))
        zones[name] = dict(z, managed=complete[name]["managed"], pcp_high=now["pcp_high"],
                           pcp_batch=now["pcp_batch"])
    return zones


def devicetree_zones(zoneinfo, dmesg):
    """/proc/zoneinfo without what the kernel freed of its image and RAM disk after its watermarks."""
    freed = sum(int(kb) for kb in re.findall(r"^Freeing .* memory: (\d+)K", dmesg, re.M)) // 4
    image = parse_range(re.search(r"^ reserved\[0x0\]\s+(.*)$", dmesg, re.M)[1])[0] >> 12
    for z in zoneinfo.values():
        if z["start_pfn"] <= image < z["start_pfn"] + z["spanned"]:
            z["managed"] -= freed
    return zoneinfo


PC_IMAGE = 0x1000000


def pc_zones(zoneinfo, dmesg, cmdline):
    """The same on a PC, whose image is at 16 MiB; nothing if a sysctl was written after all that."""
    if "sysctl.vm." in cmdline:
        return zoneinfo
    disk = re.findall(r"^(?:Allocated new )?RAMDISK: (.*)$", dmesg, re.M)
    for what, kb in set(re.findall(r"^Freeing (.*) memory: (\d+)K", dmesg, re.M)):
        if what == "SMP alternatives":  # before the watermarks
            continue
        at = parse_range(disk[-1])[0] if what == "initrd" else PC_IMAGE
        for z in zoneinfo.values():
            if z["start_pfn"] <= at >> 12 < z["start_pfn"] + z["spanned"]:
                z["managed"] -= int(kb) // 4
    return zoneinfo


def logged_lists(zones, dmesg):
    """Zonelists by the order of nodes that the log has."""
    lists = collections.OrderedDict()
    for nid, order in re.findall(r"^Fallback order for Node (\d+): ([\d ]+)$", dmesg, re.M):
        for kind, nodes in (("fallback", order.split()), ("nofallback", [nid])):
            lists[int(nid), kind] = ["%s:%s" % (n, z) for n in nodes for z in reversed(ZONES)
                                     if zones.get("%s:%s" % (n, z), {}).get("managed")]
    return lists


class Facts:
    def __init__(self):
        self.shapes, self.zones, self.nodes = [], [], []
        self.steps, self.hotplug = [], []

    def add(self, name, map_name, arch, cmdline, totals, zones, lists, distance):
        self.shapes.append([name, map_name, arch, sum(z["present"] for z in zones.values()),
                            sum(z["managed"] for z in zones.values()),
                            totals.get("min_free_kbytes", "-"),
                            totals.get("totalreserve_pages", "-"), cmdline])
        for zone, z in zones.items():
            self.zones.append([name, zone] + [z.get(c, "-") for c in COLUMNS])
        for (nid, kind), refs in lists.items():
            self.nodes.append([name, nid, kind, ",".join(refs) or "-"])
        for nid, row in distance.items():
            self.nodes.append([name, nid, "distance", ",".join(map(str, row))])

    def write(self, out):
        self.table(out, "shapes.tsv", self.shapes,
                   "shape map arch present managed min_free_kbytes totalreserve command_line")
        self.table(out, "zones.tsv", self.zones, "shape zone " + " ".join(COLUMNS))
        self.table(out, "nodes.tsv", self.nodes, "shape node kind value")
        self.table(out, "steps.tsv", self.steps,
                   "shape step settings min_free_kbytes zone " + " ".join(STEP_COLUMNS))
        self.table(out, "hotplug.tsv", self.hotplug, "shape map action min_free_kbytes "
                   "totalreserve zone " + " ".join(COLUMNS))

    def table(self, out, name, rows, head):
        path = os.path.join(out, name)
        lines = ["# " + line for line in PROVENANCE.splitlines()] + ["#" + "\t".join(head.split())]
        lines += ["\t".join(map(str, row)) for row in rows]
        made = {row[0] for row in self.shapes}
        if os.path.exists(path):  # shapes that are not among these captures stay
            lines += [line for line in read(path).splitlines()
                      if not line.startswith("#") and line.partition("\t")[0] not in made]
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")


# ---- machines that change ----

def add_hotplug(facts, name, map_name, action, min_free, reserve, zones):
    for zone, z in zones.items():
        facts.hotplug.append([name, map_name, action, min_free, reserve, zone] +
                             [z.get(c, "-") for c in COLUMNS])


HOTPLUG_STEPS = {"s1-offline": "offline 8 2", "s2-online": "online 8 2",
                 "s11-cpu1-offline": "cpu-offline 1 1"}


def add_hotplug_steps(facts, out, name, folder, flavour, cmdline, dmesg, base, extra):
    """States after something came or went, which began with what the kernel freed before user space."""
    for step in filter(HOTPLUG_STEPS.get, sysctl_steps(folder)):
        read_step = lambda file: read(os.path.join(folder, step, file))
        if step == "s1-offline":
            freed = freed_lines(base, parse_zoneinfo(read(os.path.join(folder, "zoneinfo.txt"))), dmesg)
            log = dmesg.replace("\nMemory: ", "\n" + "\n".join(freed) + "\nMemory: ")
            write_map(out, name + ".user", make_map(
                name + ", with what was freed before user space", flavour, cmdline, log, extra))
        min_free = re.search(r"^min_free_kbytes:(\d+)", read_step("sysctl-vm.txt"), re.M)[1]
        add_hotplug(facts, name, name + ".user", HOTPLUG_STEPS[step], min_free, "-",
                    parse_zoneinfo(read_step("zoneinfo.txt")))


def add_dimm(facts, name, dmesg, stages, folder):
    """Each memory block of a DIMM: Linux computes twice, and the second result stays."""
    blocks = sorted(int(b) for b in re.findall(
        r"^memory/memory(\d+)/state:online", read(os.path.join(folder, "memory-blocks.txt")), re.M))
    end = max(int(e, 16) for e in re.findall(r"^memblock_add: \[0x\w+-(0x\w+)\]", dmesg, re.M))
    added = [b for b in blocks if b << 27 > end]
    calls = re.findall(r"^## (call \d+ of setup_per_zone_wmarks: return)", stages, re.M)[2:]
    for i, block in enumerate(added):
        totals, zones, _ = stage(stages, calls[2 * i + 1])
        add_hotplug(facts, name, name, "add %d 1" % block, totals["min_free_kbytes"],
                    totals["totalreserve_pages"], zones)


# ---- one shape ----

def sysctl_steps(folder):
    steps = [d for d in os.listdir(folder) if re.match(r"s\d+-", d)]
    return sorted(steps, key=lambda d: int(re.match(r"s(\d+)", d)[1]))


TUNABLES = ("percpu_pagelist_high_fraction watermark_scale_factor lowmem_reserve_ratio "
            "min_free_kbytes").split()
STEP_COLUMNS = "min low high lowmem_reserve pcp_high pcp_batch".split()


def sysctl_values(folder):
    text = read(os.path.join(folder, "sysctl-vm.txt"))
    return {k: " ".join(v.split()) for k, v in re.findall(r"^(\w+):(.*)$", text, re.M)}


def step_settings(step, before, now):
    """What was written to get from one step to the next."""
    kind, _, value = step.partition("-")[2].partition("-")
    written = [k + "=" + now[k] for k in TUNABLES if now[k] != before[k]]
    if kind == "thp":  # min_free_kbytes follows from it
        return [w for w in written if not w.startswith("min_free_kbytes")] + [
            "transparent_hugepage/enabled=" + value]
    return written + [kind + "=" + value] if kind.startswith("cpu") else written


def add_run_time_steps(facts, name, folder):
    before = sysctl_values(folder)
    for step in sysctl_steps(folder):
        now = sysctl_values(os.path.join(folder, step))
        settings = step_settings(step, before, now)
        for zone, z in parse_zoneinfo(read(os.path.join(folder, step, "zoneinfo.txt"))).items():
            facts.steps.append([name, step.partition("-")[0], ";".join(settings),
                                now["min_free_kbytes"], zone] + [z[c] for c in STEP_COLUMNS])
        before = now


STEP_PARAMETERS = "min_free_kbytes watermark_scale_factor lowmem_reserve_ratio".split()


def add_steps(facts, out, name, folder, flavour, cmdline, arch, dmesg, base, extra, lists, distance):
    """States after a sysctl was written, where a kernel parameter says the same."""
    made = False
    for step in sysctl_steps(folder):
        if step.partition("-")[2].partition("=")[0] not in STEP_PARAMETERS:
            continue
        vm = dict(re.findall(r"^(\w+):(.*)$", read(os.path.join(folder, step, "sysctl-vm.txt")), re.M))
        if vm["percpu_pagelist_high_fraction"].strip() != "0":
            continue
        zones = parse_zoneinfo(read(os.path.join(folder, step, "zoneinfo.txt")))
        if not made:
            freed = freed_lines(base, zones, dmesg)
            log = dmesg.replace("\nMemory: ", "\n" + "\n".join(freed) + "\nMemory: ")
            write_map(out, name + ".user", make_map(
                name + ", with what was freed before user space", flavour, cmdline, log, extra))
            made = True
        ratio = ",".join(vm["lowmem_reserve_ratio"].split()[:4])
        line = "%s min_free_kbytes=%s watermark_scale_factor=%s lowmem_reserve_ratio=%s" % (
            cmdline, vm["min_free_kbytes"].strip(), vm["watermark_scale_factor"].strip(), ratio)
        totals = {"min_free_kbytes": vm["min_free_kbytes"].strip()}
        facts.add(name + "." + step.partition("-")[0], name + ".user", arch, line, totals, zones,
                  lists, distance)


def write_map(out, name, text):
    with open(os.path.join(out, name + ".map"), "w", encoding="utf-8") as f:
        f.write(text)


def add_shape(facts, out, folder, name):
    dmesg = read(os.path.join(folder, "dmesg.txt"))
    shape = read(os.path.join(folder, "SHAPE"))
    cmdline = re.search(r"^kernel command line: (.*)$", shape, re.M)[1].strip()
    flavour = re.search(r"^kernel flavour: (.*)$", shape, re.M)[1].strip()
    arch = "arm64" if "qemu-system-aarch64" in shape else "x86_64"
    distance, cpu_node = parse_nodes(read(os.path.join(folder, "node.txt")))
    zoneinfo = parse_zoneinfo(read(os.path.join(folder, "zoneinfo.txt")))
    extra = devicetree_lines(dmesg, cpu_node) + firmware_distances(dmesg, distance)
    write_map(out, name, make_map(name, flavour, cmdline, dmesg, extra))
    if not os.path.exists(os.path.join(folder, "stages.txt")):
        vm = read(os.path.join(folder, "sysctl-vm.txt"))
        totals = {"min_free_kbytes": re.search(r"^min_free_kbytes:(\d+)", vm, re.M)[1]}
        if arch == "arm64":
            zones = devicetree_zones(zoneinfo, dmesg)
        else:
            zones = pc_zones(zoneinfo, dmesg, cmdline)
        facts.add(name, name, arch, cmdline, totals, zones, logged_lists(zones, dmesg), distance)
        return
    stages = read(os.path.join(folder, "stages.txt"))
    lists = stage(stages, STAGE_HANDOFF)[2]
    complete = stage(stages, STAGE_COMPLETE)
    booted = stage(stages, STAGE_BOOTED)
    if set(booted[1]) != set(complete[1]):
        # Memory was added before the last computation: sizes alone are boot's.
        keys = "start_pfn spanned present managed".split()
        zones = {n: {k: z[k] for k in keys} for n, z in complete[1].items()}
        facts.add(name, name, arch, cmdline, {}, zones, lists, distance)
        add_dimm(facts, name, dmesg, stages, folder)
        return
    zones = booted_zones(complete[1], booted[1], zoneinfo)
    facts.add(name, name, arch, cmdline, booted[0], zones, lists, distance)
    if name.startswith("sysctl-"):
        add_run_time_steps(facts, name, folder)
    add_steps(facts, out, name, folder, flavour, cmdline, arch, dmesg, zones, extra, lists, distance)
    add_hotplug_steps(facts, out, name, folder, flavour, cmdline, dmesg, zones, extra)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    captures, out = sys.argv[1:]
    facts = Facts()
    for series in sorted(os.listdir(captures), reverse=True):
        path = os.path.join(captures, series)
        for name in sorted(os.listdir(path)):
            if os.path.exists(os.path.join(path, name, "zoneinfo.txt")):
                add_shape(facts, out, os.path.join(path, name), name)
    facts.write(out)


if __name__ == "__main__":
    main()
