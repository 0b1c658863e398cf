#!/bin/bash
# SPDX-License-Identifier: MIT
# The library in other people's programs: two files to drop in, with prefixes, and a port for a kernel.
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

amalgam() {
	python3 -B scripts/amalgam.py "$@"
}

warn="-std=c11 -ffreestanding -Wall -Wextra -Wundef -Wshadow -Wconversion -Wmissing-prototypes -Werror"

# ---- two files ----

files_are_made() {
	amalgam -o "$dir/am" && amalgam -o "$dir/again" && diff -r "$dir/am" "$dir/again" &&
		! grep -n '^#line\|^#include <quarry/\|^#include <base/' "$dir"/am/* &&
		grep -q "^ \* Quarry $version: " "$dir/am/quarry.c" "$dir/am/quarry.h" &&
		grep -q 'THE SOFTWARE IS PROVIDED "AS IS"' "$dir/am/quarry.c" &&
		cp "$dir/am/quarry_host.example.h" "$dir/am/quarry_host.h"
}
version=$("$QUARRY" --version | sed 's/^quarry //')
try "two files are made, twice the same" files_are_made

# Undefined symbols of an object, sorted, in one line.
needs() {
	echo $(nm -u "$1" | awk '{print $2}' | sort)
}

# compiler, flags: compiles without a warning, and needs the four functions alone
compiles() {
	$1 $warn $2 -c -o "$dir/quarry.o" "$dir/am/quarry.c" &&
		$1 $warn $2 -c -o "$dir/selftest.o" "$dir/am/quarry_selftest.c" || return 1
	for want in $(needs "$dir/quarry.o"); do
		case $want in
		memcmp | memcpy | memmove | memset) ;;
		*) echo "needs $want" && return 1 ;;
		esac
	done
	! nm -g --defined-only "$dir/quarry.o" "$dir/selftest.o" | grep ' [A-Z] ' | grep -v ' quarry_' &&
		! size -A "$dir/quarry.o" "$dir/selftest.o" | grep -E '^\.(data|bss) +[1-9]'
}

try "two files compile with gcc" compiles gcc "-O1"
try "two files compile with gcc, contracts checked" compiles gcc "-O0 -DQUARRY_DEBUG=1"
kernel="-mcmodel=kernel -mno-red-zone -mno-mmx -mno-sse -fno-builtin -fno-pic"
if [ "$(uname -m)" = x86_64 ]; then
	try "two files compile with gcc as part of an x86-64 kernel" compiles gcc "-O0 $kernel"
fi
if ! command -v clang-14 >/dev/null; then
	echo "skip - two files compile with clang: no clang-14"
else
	# Optimised: else clang 14 keeps data for what is never reached.
	[ "$(uname -m)" = x86_64 ] || kernel=
	try "two files compile with clang${kernel:+ as part of an x86-64 kernel}" compiles clang-14 "-O1 $kernel"
fi

headers_are_cxx() {
	printf '#include "quarry.h"\n#include "quarry_selftest.h"\nint main() { return quarry_init(0, 0, 0) != 0; }\n' \
		>"$dir/unit.cc"
	g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$dir/am" -c -o "$dir/unit.o" "$dir/unit.cc" &&
		gcc -ffreestanding -O0 -I"$dir/am" -c -o "$dir/quarry.o" "$dir/am/quarry.c" &&
		g++ -o "$dir/unit" "$dir/unit.o" "$dir/quarry.o"
}
if command -v g++ >/dev/null; then
	try "quarry.h in C++, linked with the library in C" headers_are_cxx
else
	echo "skip - quarry.h in C++: no g++"
fi

bare_program() {
	gcc -std=c11 -ffreestanding -Wall -Wextra -Werror -O0 -fno-pie -fno-stack-protector -fno-tree-loop-distribute-patterns -I"$dir/am" -nostdlib -static \
		-no-pie -o "$dir/bare" tests/embed/bare.c "$dir/am/quarry.c" "$dir/am/quarry_selftest.c" &&
		timeout 120 "$dir/bare" >"$dir/bare.log" || { grep -v '^ok' "$dir/bare.log"; return 1; }
	[ "1..$(grep -c '^ok' "$dir/bare.log")" = "$(head -1 "$dir/bare.log")" ] # all of the plan
}
case $(uname -m) in
x86_64 | aarch64) try "the self-test passes in a program without a C library" bare_program ;;
*) echo "skip - the self-test in a program without a C library: not written for $(uname -m)" ;;
esac

# ---- prefixes ----

two_copies() {
	amalgam -o "$dir/l" --prefix left_ && cp "$dir/am/quarry_host.h" "$dir/l" || return 1
	gcc $warn -O0 -I"$dir/l" -DCOPY=left -DRAM_MIB=16 -c -o "$dir/left.o" tests/embed/two.c &&
		gcc $warn -O0 -c -o "$dir/lq.o" "$dir/l/quarry.c" || return 1
	# The other by a definition on the command line.
	right="-I$dir/am -DQUARRY_PREFIX=right_"
	gcc $warn -O0 $right -DCOPY=right -DRAM_MIB=24 -c -o "$dir/right.o" tests/embed/two.c &&
		gcc $warn -O0 $right -c -o "$dir/rq.o" "$dir/am/quarry.c" &&
		gcc -DMAIN -o "$dir/two" tests/embed/two.c "$dir"/{left,lq,right,rq}.o && "$dir/two" || return 1
	! nm -g --defined-only "$dir/lq.o" | grep ' [A-Z] ' | grep -v ' left_quarry_' &&
		! nm -g --defined-only "$dir/rq.o" | grep ' [A-Z] ' | grep -v ' right_quarry_'
}
try "two copies with prefixes work in one program, and define nothing without" two_copies

# The sources as they are, where short names inside are no statics: they get the prefix too.
prefixed_sources() {
	make -s -f sources.mk -f - print >"$dir/all.c" <<'EOF' || return 1
print:
	@printf '#include "%s"\n' $(QUARRY_SRCS) $(QUARRY_SELFTEST_SRCS)
EOF
	gcc -std=c11 -ffreestanding -O0 -DQUARRY_PREFIX=foo_ -I. -Iinclude -Isrc -Iport/single -c -o "$dir/all.o" \
		"$dir/all.c" &&
		[ "$(nm -g --defined-only "$dir/all.o" | grep -c ' T foo_quarry_priv_')" -ge 200 ] &&
		! nm -g --defined-only "$dir/all.o" | grep ' [A-Z] ' | grep -v ' foo_quarry_'
}
try "all symbols of the sources take a prefix" prefixed_sources

wrong_prefix() {
	! amalgam -o "$dir/wrong" --prefix 1- 2>"$dir/said" && grep -q "1-" "$dir/said" && [ ! -e "$dir/wrong" ]
}
try "a prefix that is no name is refused" wrong_prefix

# ---- a port ----

port_works() {
	[ "$(cat examples/embed/quarry_host.h examples/embed/memory.c | wc -l)" -le 100 ] || return 1
	rm "$dir/am/quarry_host.h"
	gcc $warn $1 -Iexamples/embed -c -o "$dir/quarry.o" "$dir/am/quarry.c" &&
		gcc $warn $1 -Iexamples/embed -I"$dir/am" -c -o "$dir/memory.o" examples/embed/memory.c &&
		gcc -std=gnu11 -Wall -Wextra -Werror $1 -I"$dir/am" -o "$dir/machine" examples/embed/machine.c \
			"$dir/quarry.o" "$dir/memory.o" -lpthread &&
		timeout 120 "$dir/machine" && [ "$(needs "$dir/quarry.o" | tr ' ' '\n' | grep -v '^__[atu]\(bsan\|san\)')" = \
			"$(printf '%s\n' cpu_number cpu_pause irq_restore irq_save memcmp memcpy memmove memset)" ]
}
try "the port of examples/embed: all CPUs allocate, in interrupts too" port_works "-O0"
exit $status
