#!/bin/bash
# SPDX-License-Identifier: MIT
# The library on bare metal: the demo kernel in QEMU on three architectures, 4 CPUs and 2 nodes each. Its self-test
# shows every row again where there is no operating system below.
cd "$(dirname "$0")/.." || exit 2
folder=$(dirname "$QUARRY")/kernel
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

check() {
	name=$1
	shift
	if "$@"; then echo "ok - $name"; else echo "not ok - $name"; status=1; fi
}

can() { # ARCH: prints why not
	case $1 in x86_64) image=kernel.elf ;; aarch64) image=kernel.bin ;; riscv64) image=kernel.elf ;; esac
	command -v "qemu-system-$1" >/dev/null || { echo "qemu-system-$1 is not installed"; return 1; }
	[ -f "$folder/$1/$image" ] || { echo "no cross compiler made the kernel"; return 1; }
}

boot() { # ARCH FOLDER LOG WORD...: status goes to LOG.status
	arch=$1 from=$2 log=$3
	shift 3
	kernel/run.sh "$folder/$from" "$arch" "$@" >"$log" 2>&1
	echo $? >"$log.status"
}

is() { # LOG STATUS
	[ "$(cat "$1.status")" -eq "$2" ]
}

says() { # LOG PATTERN...
	log=$1
	shift
	for p in "$@"; do grep -q -e "$p" "$log" || { echo "$log lacks: $p"; return 1; }; done
}

# All tests of the plan are ok, none is left out.
selftest() {
	plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$1")
	[ "$plan" -ge 81 ] && [ "$(grep -c '^ok [0-9]* - ' "$1")" -eq "$plan" ] && ! grep -q '^not ok\|# SKIP' "$1"
}

# Free pages by buddyinfo and by zoneinfo are the same.
same_free() {
	awk '/^== / { part = $2 }
		part == "/proc/buddyinfo" && /^Node/ { for (o = 0; o <= 10; o++) blocks += $(5 + o) * 2 ^ o }
		part == "/proc/zoneinfo" && $1 == "pages" && $2 == "free" { pages += $3 }
		END { exit !(blocks > 100000 && blocks == pages) }' "$1"
}

views() {
	says "$1" '^== /proc/pagetypeinfo$' '^slabinfo - version: 2\.1$' '^kmalloc-64 ' '^MemTotal: ' '^pgalloc_' && same_free "$1"
}

# Which CPU boots, and so is number 0, is the firmware's choice: OpenSBI takes the first that comes. The node goes with
# the hardware's number, and the stacks of the three others are pages of their nodes.
started() {
	says "$1" '4 CPUs, 2 nodes$' '^Distances from node 0: 10 20$' '^Distances from node 1: 20 10$' \
		'^CPU 0: .*, booted here$' '^CPU 1: .*, stack at ' '^CPU 2: .*, stack at ' '^CPU 3: .*, stack at ' \
		'^CPU [0-3]: hardware id 0x0, node 0, ' '^CPU [0-3]: hardware id 0x1, node 0, ' \
		'^CPU [0-3]: hardware id 0x2, node 1, ' '^CPU [0-3]: hardware id 0x3, node 1, ' &&
		[ "$(grep -c '^CPU [1-3]: .*, node \([01]\), .* of node \1$' "$1")" -eq 3 ]
}

# The kernel's last word, and QEMU's status.
fault() {
	is "$1" 1 && says "$1" '^FAULT: .* at pc 0' "ended with status $2,"
}

report() { # ARCH STATUS-OF-A-FAULT
	l=$dir/$1
	check "$1: the firmware's map, 2 nodes, 4 CPUs on stacks of their own" started "$l"
	check "$1: self-test" selftest "$l"
	check "$1: stress on all CPUs" says "$l" '^ok - stress: 4 CPUs'
	check "$1: threads and interrupts of all CPUs; nothing lost" says "$l" '^ok - storm: threads and interrupts of 4 CPUs'
	check "$1: the texts of /proc" views "$l"
	check "$1: ends with success" is "$l" 0
	check "$1: a fault is told, and ends with failure" fault "$l-fault" "$2"
	if is "$l" 0 && is "$l-fault" 1; then return; fi
	grep -v '^ok ' "$l" | tail -40
	cat "$l-fault"
}

boots() { # ARCH
	boot "$1" "$1" "$dir/$1"
	[ "$1" != x86_64 ] || boot x86_64 x86_64 "$dir/barrier" barrier quick
	boot "$1" "$1" "$dir/$1-fault" fault
}

counts() { # the table twice the same, and a row of each kind
	kernel/counts.sh "$folder" x86_64 >"$dir/counts1" && kernel/counts.sh "$folder" x86_64 >"$dir/counts2" &&
		cmp "$dir/counts1" "$dir/counts2" &&
		says "$dir/counts1" '^pages of order 0 *churn ' '^cache of 64 bytes *pair ' '^kmalloc(64) *batch random .*[0-9]$'
}

# Two at a time.
able=
for arch in x86_64 aarch64 riscv64; do
	if why=$(can $arch); then
		able="$able $arch"
		while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
		boots $arch &
	else
		echo "skip - $arch: $why"
	fi
done
wait
for arch in $able; do
	case $arch in x86_64) report $arch 5 ;; *) report $arch 2 ;; esac
done
if can x86_64 >/dev/null; then
	check "x86_64: NMIs use the calls that never wait" says "$dir/x86_64" '^# storm: NMIs took [1-9]'
	check "x86_64: stress and storm with a barrier by NMIs" says "$dir/barrier" '^ok - stress: ' '^ok - storm: ' '^PASS: '
fi
if [ -f "$folder/x86_64-counts/kernel.elf" ] && can x86_64 >/dev/null; then
	check "x86_64: instructions are counted, twice the same" counts
fi
exit $status
