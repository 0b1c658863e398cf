#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/porting.md is true: its code is the example's, undefined symbols by target, stack, size.
cd "$(dirname "$0")/.." || exit 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

# Runs the rest of its arguments, quietly if they succeed.
try() {
	name=$1
	shift
	if "$@" >"$dir/log" 2>&1; then
		echo "ok - $name"
	else
		tail -20 "$dir/log"
		echo "not ok - $name"
		status=1
	fi
}

# Lines of C that the guide shows stand in the example in that order, but for what "..." leaves out.
shows_example() {
	awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' docs/porting.md >"$dir/shown"
	[ "$(wc -l <"$dir/shown")" -ge 15 ] && awk '
		NR == FNR { if ($0 != "...") want[++n] = $0; next }
		i < n && $0 == want[i + 1] { i++ }
		END { if (i < n) { print "not in the example: " want[i + 1]; exit 1 } }' \
		"$dir/shown" examples/embed/memory.c
}
try "the guide shows the port of examples/embed" shows_example

python3 -B scripts/amalgam.py -o "$dir" && cp port/single/quarry_host.h "$dir" || exit 2
# compiler, flags, what may be undefined beside the four
needs_only() {
	$1 -std=c11 -ffreestanding $2 -c -o "$dir/quarry.o" "$dir/quarry.c" || return 1
	for want in $(${1%gcc*}nm -u "$dir/quarry.o" 2>/dev/null | awk '{print $2}'); do
		case " memcmp memcpy memmove memset _GLOBAL_OFFSET_TABLE_ " in
		*" $want "*) ;;
		*) echo "needs $want" && return 1 ;;
		esac
	done
}
target() {
	if command -v "${2%% *}" >/dev/null; then
		try "undefined symbols on $1" needs_only "$2" "$3"
	else
		echo "skip - undefined symbols on $1: no ${2%% *}"
	fi
}
# Not optimised: nothing that a compiler might have removed is overlooked.
case $(uname -m) in
x86_64)
	target x86-64 gcc "-O0"
	target i386 gcc "-O0 -m32 -march=i586 -fno-pic"
	;;
esac
target aarch64 aarch64-linux-gnu-gcc "-O0 -mno-outline-atomics -mgeneral-regs-only"
target riscv64 riscv64-linux-gnu-gcc "-O0 -mcmodel=medany"

# The figures of the guide are those of gcc 12 for x86-64; a frame of another compiler's may differ by some.
stack_held() {
	python3 -B scripts/stack.py --at-most 4608
}
if [ "$(uname -m)" = x86_64 ]; then
	try "stack in interrupts: 4.5 KiB at the very worst" stack_held
	try "code for size: 240,000 bytes at most, and no data" \
		python3 -B scripts/sizes.py --only "everything, for size" --at-most 240000
	try "tiny: 24 KiB of code at most, and no data" \
		python3 -B scripts/sizes.py --only tiny --at-most 24576
else
	echo "skip - stack and size: the limits are for x86-64"
fi

contexts_are_told() {
	grep -q '^<!-- contexts -->$' docs/porting.md && python3 -B scripts/contexts.py --check
}
try "the table of contexts is what the headers say" contexts_are_told
exit $status
