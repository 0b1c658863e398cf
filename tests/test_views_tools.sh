#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs that read /proc and /sys accept Quarry's texts: vmstat, free, slabtop, numastat. Each runs in a mount
# namespace of its own, with the texts of a replay bound over the kernel's. $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
maps=${QUARRY_MAPS:-maps}
proc=$tmp/proc

"$quarry" replay traces/g61-build.kmt.zst --limit 200000 --machine "$maps/qemu-1g-1node.boot.txt" --no-progress \
	--proc "$proc" >"$tmp/out" 2>"$tmp/err"
check "a replay writes its texts" [ -s "$proc/zoneinfo" ]
"$quarry" boot -q "$maps/qemu-1536m-2node.boot.txt" --proc "$tmp/two" >"$tmp/out" 2>"$tmp/err"
check "a boot writes its texts" [ -s "$tmp/two/node/node1/meminfo" ]
for name in buddyinfo extfrag_index iomem meminfo pagetypeinfo showmem slabinfo unusable_index vmstat zoneinfo; do
	check "$name is written" [ -s "$proc/$name" ]
done
"$quarry" boot -q "$maps/qemu-1g-1node.boot.txt" --cmdline "slub_debug=FZPU,kmalloc-*" --proc "$tmp/debug" \
	>"$tmp/out" 2>"$tmp/err"
check "slub_debug= changes sizes as in Linux" [ \
	"$(awk '$1 == "kmalloc-64" || $1 == "kmalloc-8k" { print $1, $4, $5, $6 }' "$tmp/debug/slabinfo" | sort | tr '\n' ' ')" = \
	"kmalloc-64 256 16 1 kmalloc-8k 24576 1 8 " ]
"$quarry" boot -q "$maps/qemu-1g-1node.boot.txt" --cmdline "slab_debug=FQ" >"$tmp/out" 2>"$tmp/err"
check "a wrong slab_debug= is an error" [ $? -eq 2 ]
check "nodes are listed" [ "$(cat "$tmp/two/node/online")" = 0-1 ]
"$quarry" replay traces/g61-build.kmt.zst --limit 20000 --machine "$maps/qemu-1g-1node.boot.txt" --no-progress \
	--cmdline "page_owner=on page_poison=1" --proc "$tmp/owner" >"$tmp/out" 2>"$tmp/err"
check "page_owner=on: the pages of allocinfo are those of page_owner" [ \
	"$(awk 'NR > 2 { n += $2 } END { print n }' "$tmp/owner/allocinfo")" = "$(grep -c '^PFN' "$tmp/owner/page_owner")" ]
check "page_owner=on: it saw some" [ "$(grep -c '^PFN' "$tmp/owner/page_owner")" -gt 100 ]
"$quarry" boot -q "$maps/vm-24g-2cpu.txt" --cmdline page_owner=perhaps >"$tmp/out" 2>"$tmp/err"
check "page_owner=perhaps: status 2" [ $? = 2 ]
check "page_owner=perhaps is named" grep -q 'page_owner=perhaps.*expected' "$tmp/err"
"$quarry" replay traces/g61-build.kmt.zst --limit 20000 --machine "$maps/qemu-1g-1node.boot.txt" --no-progress \
	--cmdline "fail_page_alloc=1,100,0,5 fail_page_alloc.min-order=0 fail_page_alloc.ignore-gfp-wait=N fail_page_alloc.ignore-gfp-highmem=N" \
	>"$tmp/out" 2>"$tmp/err"
check "fail_page_alloc: the replay has refusals, and goes on" grep -q 'refused here' "$tmp/out"
"$quarry" boot -q "$maps/vm-24g-2cpu.txt" --proc /dev/null/none >"$tmp/out" 2>"$tmp/err"
check "a folder that cannot be made: status 1" [ $? = 1 ]
check "a folder that cannot be made is named" grep -q '/dev/null/none' "$tmp/err"

# line FILE NAME: the number behind NAME in a text of ours
line() {
	awk -v name="$2" '$1 == name { print $2 }' "$proc/$1"
}

run="unshare -m"
[ "$(id -u)" = 0 ] || run="unshare -r -m"
if ! $run true 2>"$tmp/err"; then
	echo "skip - vmstat, free, slabtop, numastat: no mount namespace here: $(cat "$tmp/err")"
	exit "$failed"
fi

# inside PROGRAM...: run it with our texts bound over the kernel's
inside() {
	# shellcheck disable=SC2016
	$run sh -c '
		dir=$1 nodes=$2
		shift 2
		for f in meminfo vmstat slabinfo zoneinfo buddyinfo; do
			mount --bind "$dir/$f" "/proc/$f" || exit 99
		done
		[ -z "$nodes" ] || mount --bind "$nodes" /sys/devices/system/node || exit 99
		exec "$@"' sh "$proc" "$nodes" "$@" >"$tmp/out" 2>"$tmp/err"
}
nodes=
if ! inside true; then
	echo "skip - vmstat, free, slabtop, numastat: binding over /proc: $(head -1 "$tmp/err")"
	exit "$failed"
fi

inside cat /proc/zoneinfo
check "the kernel shows our zoneinfo" cmp -s "$tmp/out" "$proc/zoneinfo"

inside vmstat -s
check "vmstat -s: total memory" grep -q "^ *$(line meminfo MemTotal:) K total memory" "$tmp/out"
check "vmstat -s: free memory" grep -q "^ *$(line meminfo MemFree:) K free memory" "$tmp/out"
check "vmstat -s says nothing on standard error" [ ! -s "$tmp/err" ]

inside free -k
check "free: total" [ "$(awk '/^Mem:/ { print $2 }' "$tmp/out")" = "$(line meminfo MemTotal:)" ]
check "free: free" [ "$(awk '/^Mem:/ { print $4 }' "$tmp/out")" = "$(line meminfo MemFree:)" ]
check "free: available" [ "$(awk '/^Mem:/ { print $7 }' "$tmp/out")" = "$(line meminfo MemAvailable:)" ]
check "free: buff/cache is what slabs could give back" \
	[ "$(awk '/^Mem:/ { print $6 }' "$tmp/out")" = "$(line meminfo SReclaimable:)" ]

inside vmstat -m
check "vmstat -m: every cache" [ "$(awk 'NR > 1' "$tmp/out" | grep -vc '^Cache')" = "$(tail -n +3 "$proc/slabinfo" | wc -l)" ]
objects=$(awk '$1 == "kmalloc-128" { print $2, $3, $4 }' "$proc/slabinfo")
check "vmstat -m: kmalloc-128" [ "$(awk '$1 == "kmalloc-128" { print $2, $3, $4 }' "$tmp/out")" = "$objects" ]

inside slabtop -o -s a
check "slabtop: active objects" grep -q "Active / Total Objects (% used) *: $(awk 'NR > 2 { a += $2; t += $3 } END { print a " / " t }' "$proc/slabinfo")" "$tmp/out"
check "slabtop: active slabs" grep -q "Active / Total Slabs (% used) *: $(awk 'NR > 2 { a += $14; t += $15 } END { print a " / " t }' "$proc/slabinfo")" "$tmp/out"
check "slabtop lists kmalloc-128" grep -q ' kmalloc-128 *$' "$tmp/out"

nodes=$tmp/two/node
# Kilobytes of a node's line, in numastat's megabytes
mb() {
	awk -v name="$2:" '$3 == name { printf "%.2f", $4 / 1024 }' "$nodes/node$1/meminfo"
}
if inside numastat -m; then
	check "numastat -m: MemTotal of both nodes" \
		[ "$(awk '$1 == "MemTotal" { print $2, $3 }' "$tmp/out")" = "$(mb 0 MemTotal) $(mb 1 MemTotal)" ]
	check "numastat -m: MemFree of both nodes" \
		[ "$(awk '$1 == "MemFree" { print $2, $3 }' "$tmp/out")" = "$(mb 0 MemFree) $(mb 1 MemFree)" ]
	inside numastat
	check "numastat: every counter of both nodes" [ "$(awk 'NR > 1 && NF == 3' "$tmp/out" | wc -l)" = 6 ]
elif [ $? = 99 ]; then
	echo "skip - numastat: binding over /sys: $(head -1 "$tmp/err")"
else
	check "numastat -m accepts the nodes' texts" false
fi
exit "$failed"
