#!/bin/sh
# SPDX-License-Identifier: MIT
# Exit status and messages of `quarry` and `quarry boot`. $QUARRY is the program, $QUARRY_MAPS the maps.
. "$(dirname "$0")/cli.sh"
maps=${QUARRY_MAPS:-maps}

# run STATUS ARGS...: run quarry, compare its exit status
run() {
	want=$1
	shift
	"$quarry" "$@" >"$tmp/out" 2>"$tmp/err" <"$tmp/in"
	got=$?
	ran="quarry $*"
	check "$ran: status $got, expected $want" [ "$got" = "$want" ]
}

# out TEXT, err TEXT: the last run's standard output, or error, holds TEXT
out() {
	check "$ran: output has \"$1\"" grep -qF -- "$1" "$tmp/out"
}
err() {
	check "$ran: error has \"$1\"" grep -qF -- "$1" "$tmp/err"
}
# silent out|err: it is empty
silent() {
	check "$ran: standard $1 is empty" [ ! -s "$tmp/$1" ]
}
# equal VALUE EXPECTED
equal() {
	check "$ran: \"$1\", expected \"$2\"" [ "$1" = "$2" ]
}

: >"$tmp/in"

# The program
run 2
err "Usage: quarry VERB"
run 0 --help
out "Usage: quarry VERB"
silent err
run 0 help
run 0 help boot
out "Usage: quarry boot [OPTION...] MAP"
run 0 boot --help
out "--allocator=NAME"
run 0 --version
out "quarry "
run 2 help nothing
run 2 walk
err 'no verb "walk", expected boot, replay, record, report, convert, compare, top, pressure, selftest, or help'

# Options
run 2 boot
err "which MAP?"
run 2 boot a b
err "one MAP only"
run 2 boot --cpus 0 "$maps/vm-24g-2cpu.txt"
err "--cpus=0: expected a number from 1 to 1024"
run 2 boot --allocator slob "$maps/vm-24g-2cpu.txt"
err "expected memblock or bootmem"
run 2 boot --map-source acpi "$maps/vm-24g-2cpu.txt"
err "expected e820, efi, iomem"
run 2 boot --nonsense "$maps/vm-24g-2cpu.txt"
err "unrecognized option"

# Every map boots, from either allocator, to the same zones.
for map in "$maps"/*.txt "$maps"/*.dts; do
	run 0 boot "$map"
	silent err
	out "Zone ranges:"
	out "Metadata: "
	grep -E '^\[.*\] +[0-9]+ (DMA|DMA32|Normal|Movable) ' "$tmp/out" | cut -c16- >"$tmp/zones"
	run 0 boot "$map" --allocator bootmem
	grep -E '^\[.*\] +[0-9]+ (DMA|DMA32|Normal|Movable) ' "$tmp/out" | cut -c16- >"$tmp/zones2"
	check "$map: bootmem gives the zones of memblock" cmp -s "$tmp/zones" "$tmp/zones2"
	tr '\t' ' ' <"$tmp/out" >"$tmp/plain"
	check "$map: no line is too wide" awk 'length > 100 { exit 1 }' "$tmp/plain"
done
python3 -B scripts/boot_tables.py "$quarry" --check docs/design.md >"$tmp/out" 2>"$tmp/err"
check "tables at boot are as the design says" [ $? -eq 0 ]
run 0 boot "$maps/vm-24g-2cpu.txt"
check "the log of a small machine is short" [ "$(wc -l <"$tmp/out")" -le 70 ]

# What a log says of Linux' own reservations is what the machine has.
run 0 boot "$maps/qemu-1536m-2node.boot.txt"
out "Memory: 1479504K/1572332K available (92828K reserved)"
run 0 boot -q "$maps/vm-24g-2cpu.txt"
equal "$(wc -l <"$tmp/out")" 4

# Standard input, line prefixes
sed 's/^/[    0.000000] /' "$maps/pc-pentium-128m.txt" >"$tmp/in"
run 0 boot -
out "boots <stdin>"
: >"$tmp/in"
run 2 boot -
err "<stdin>: empty, expected"
printf 'BIOS-e820: [mem 0x0000000000100000-0x0000000' >"$tmp/in"
run 0 boot "$maps/vm-24g-2cpu.txt" --cmdline ""
run 2 boot -
err "<stdin>:1: the line ends too early, expected"

# Bad maps
run 2 boot "$tmp/absent"
err "$tmp/absent: cannot open: No such file or directory"
run 2 boot "$tmp"
err "$tmp: cannot read: Is a directory"
run 2 boot "$quarry"
err "$quarry:1: a zero byte at column"
run 2 boot LICENSE
err "the file ends without a memory map"
printf '# x\nBIOS-e820: [mem 0x0-0xfff] usable\nBIOS-e820: [mem 0x2000-0x1fff] usable\n' >"$tmp/map"
run 2 boot "$tmp/map"
err "$tmp/map:3: the range 0x2000-0x1fff is empty or inverted"
printf 'BIOS-e820: [mem 0x0-0xfff] usable\n' >"$tmp/map"
run 2 boot "$tmp/map"
err "$tmp/map: no usable memory is left"
run 2 boot --map-source efi "$maps/vm-24g-2cpu.txt"
err "no efi lines in this map"
silent out

# Overlaps are resolved, with a warning.
printf 'BIOS-e820: [mem 0x100000-0x1ffffff] usable\nBIOS-e820: [mem 0x200000-0x2fffff] reserved\n' >"$tmp/map"
run 0 boot "$tmp/map"
err "$tmp/map:2: warning: [mem 0x0000000000200000-0x00000000002fffff] overlaps the range of line 1; reserved wins"
out "[0x0000000000300000-0x0000000001ffffff]"

# Kernel parameters
run 0 boot "$maps/vm-24g-2cpu.txt" --cmdline "mem=1G numa=fake=2 quiet"
err 'Unknown kernel command line parameters "quiet"'
out "last_pfn = 0x40000"
out "Built 2 zonelists"
run 2 boot "$maps/vm-24g-2cpu.txt" --cmdline "mem=lots"
err 'command line: "mem=lots" is wrong, expected mem=SIZE'
run 0 boot "$maps/vm-24g-2cpu.txt" --cmdline "movablecore=4G"
out "Movable zone start for each node"

run 0 boot "$maps/vm-24g-2cpu.txt" --cmdline "crashkernel=256M reserve_mem=1M:4K:log hugepages=4"
err "hugepages= is ignored"
out "Reserved memory: crashkernel [mem 0x"
out "1 MiB, reserve_mem"
run 0 boot "$maps/vm-24g-2cpu.txt" --cmdline "kernelcore=mirror"
err "the system has no mirror memory, all above 4 GiB is movable"
run 0 boot "$maps/vm-24g-2cpu.txt" --cmdline "movable_node"
err "no hot-pluggable memory"

run 0 boot "$maps/vm-24g-2cpu.txt" --cmdline "min_free_kbytes=0"
out "min_free_kbytes = 0,"

# Limits of the allocators
printf 'BIOS-e820: [mem 0x0-0x3fffffffffff] usable\n' >"$tmp/map"
run 0 boot -q "$tmp/map"
err "1 GiB of memory above 0x3fffc0000000 ignored"
run 2 boot "$tmp/map" --allocator bootmem
err "$tmp/map: bootmem's bitmaps would span 64.0 TiB of addresses, expected at most 16 TiB"
{
	printf 'BIOS-e820: [mem 0x0-0x2fffffff] usable\n'
	printf 'SRAT: Node 0 PXM 0 [mem 0x0-0xfffffff]\nSRAT: Node 1 PXM 1 [mem 0x10000000-0x1fffffff]\n'
	printf 'SRAT: Node 0 PXM 0 [mem 0x20000000-0x2fffffff]\n'
} >"$tmp/map"
run 0 boot "$tmp/map"
silent err
run 2 boot "$tmp/map" --allocator bootmem
err "$tmp/map:4: memory of node 0 at 0x20000000 lies above that of node 1"
err "bootmem needs each node's memory in one piece"
err "use --allocator memblock"
sed -i 3d "$tmp/map"
run 0 boot "$tmp/map" --allocator bootmem
sed -i 3d "$tmp/map"
run 0 boot "$tmp/map"
err "warning: NUMA: nodes only cover 255MB of your 767MB e820 RAM. Not used."

printf 'BIOS-e820: [mem 0x0-0x3fffffffffff] usable\n' >"$tmp/map"
run 2 boot "$tmp/map" --cmdline "numa=fake=8 movablecore=3M"
err "this machine cannot boot: expected at most 65536 stretches of 1 GiB"
printf 'BIOS-e820: [mem 0x100000-0x1ffffff] usable\nRAMDISK: [mem 0x0-0x1ffffff]\n' >"$tmp/map"
run 0 boot "$tmp/map"
run 2 boot "$tmp/map" --allocator bootmem
err "bootmem has no room for the bitmap of node 0, expected 4 KiB of free memory there"
seq 400 | awk '{ printf "BIOS-e820: [mem 0x%x-0x%x] usable\n", $1 * 8192 + 1048576, $1 * 8192 + 1052671 }' >"$tmp/map"
run 2 boot "$tmp/map" --cmdline "reserve_mem=1M:4K:x"
err "memblock has no room to add memory: its lists of ranges must grow, expected fewer ranges"

# cma=: an area of whole pageblocks, lent to movable blocks
run 0 boot "$maps/qemu-1g-1node.boot.txt" --cmdline "cma=63M@256M-512M"
out "Reserved memory: reserved [mem 0x1c000000-0x1fffffff], 64 MiB, CMA (default)"
out "65536K cma-reserved)"
run 0 boot "$maps/qemu-1g-1node.boot.txt" --cmdline "cma=9G"
err "cma=: no room for 0x240000000 bytes"
run 0 boot "$maps/qemu-1g-1node.boot.txt" --allocator bootmem --cmdline "cma=64M"
out "65536K cma-reserved)"

# Devicetree: source, blob, from a pipe, with included files, damaged
run 0 boot "$maps/arm64-hikey-1g.dts"
out "Reserved memory: linux,cma [mem 0x36000000-0x3dffffff], 128 MiB, CMA (default)"
out "DMA      [mem 0x0000000000000000-0x000000003dffffff]"
run 0 boot "$maps/riscv64-icicle-2g.dts"
out "DMA      empty"
out "no-map"
dtc -q -I dts -O dtb -o "$tmp/a.dtb" "$maps/arm64-phone-sdm845.dts"
run 0 boot "$tmp/a.dtb"
out "devicetree, arm64"
cp "$tmp/a.dtb" "$tmp/in"
run 0 boot - --arch riscv64
out "boots <stdin>"
out "DMA32    [mem 0x0000000080000000-0x00000000ffffffff]"
cp "$maps/arm64-hikey-1g.dts" "$tmp/in"
run 0 boot -
out "CMA (default)"
head -c 700 "$tmp/a.dtb" >"$tmp/in"
run 2 boot -
err "<stdin>: the devicetree blob is damaged: it ends too early"
: >"$tmp/in"
printf '/dts-v1/;\n/include/ "more.dtsi"\n' >"$tmp/b.dts"
printf '/ { memory { device_type = "memory"; reg = <0x100000 0x1000000>; }; };\n' >"$tmp/more.dtsi"
run 0 boot "$tmp/b.dts"
printf '/dts-v1/;\n/ {\n};;\nx\n' >"$tmp/b.dts"
run 2 boot "$tmp/b.dts"
err "$tmp/b.dts:3: dtc: syntax error"
silent out
run 2 boot --map-source e820 "$maps/arm64-hikey-1g.dts"
err "no e820 lines in this map"
run 2 boot --arch vax "$maps/arm64-hikey-1g.dts"
err "expected x86_64, arm64, riscv64 or auto"
PATH=/nonexistent run 1 boot "$maps/arm64-hikey-1g.dts"

# JSON
run 0 boot "$maps/server-2s-xeon-128g-pmem.txt" --json --cpus 8
silent err
if command -v python3 >/dev/null; then
	json() {
		python3 -c "import json, sys; d = json.load(open('$tmp/out')); print($1)" 2>&1
	}
	equal "$(json "d['nr_cpus']")" 8
	equal "$(json "d['allocator']")" memblock
	equal "$(json "d['map']['source'], len(d['map']['entries'])")" "e820 32"
	equal "$(json "[z['name'] for z in d['nodes'][0]['zones']]")" "['DMA', 'DMA32', 'Normal']"
	equal "$(json "sum(z['present'] for z in d['nodes'][0]['zones'])")" 16699234
	equal "$(json "sum(z['managed'] for n in d['nodes'] for z in n['zones']) == d['managed_pages']")" True
	equal "$(json "[n['node'] for n in d['nodes']]")" "[0, 1]"
fi

# A reader that goes away, a full disk
"$quarry" boot -v "$maps/server-16s-12t.txt" 2>"$tmp/err" | head -n 1 >"$tmp/out"
check "a broken pipe is no error message" [ ! -s "$tmp/err" ]
if [ -w /dev/full ]; then
	"$quarry" boot "$maps/pc-pentium-128m.txt" >/dev/full 2>"$tmp/err"
	got=$?
	check "a full disk is noticed" [ "$got" = 1 ]
	ran="quarry boot >/dev/full"
	err "standard output: cannot write all of it"
fi

[ "$failed" = 0 ]
