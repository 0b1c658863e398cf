#!/bin/bash
# SPDX-License-Identifier: MIT
# Embedders' configurations: the library as one C file, with each option at an end of its range, by several
# compilers, for several targets: the self-test, and everything that can happen to pages (tests/test_pages_anything.c, test_pages_shapes.c).
cd "$(dirname "$0")/.." || exit 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
make -s -f sources.mk -f - print >"$dir/lib.c" <<'EOF'
print:
	@printf '#include "%s"\n' $(QUARRY_SRCS)
EOF
posix=$(
	make -s -f sources.mk -f - print <<'EOF'
print:
	@echo $(QUARRY_POSIX_SRCS)
EOF
)
include="-I. -Iinclude -Isrc -Iport/posix -Itests"
programs="tests/anything.c tests/anything_steps.c tests/anything_host.c tests/anything_asks.c tests/machine_build.c tests/owner.c tests/model_buddy.c tests/page_state.c
	$posix"
checked="-O0 -fsanitize=address,undefined -fno-sanitize-recover=all -DQUARRY_DEBUG=1"

# The library and the self-test as one file, in configurations, by compilers, for targets. Each writes its verdict;
# two at a time.
make -s -f sources.mk -f - print >"$dir/all.c" <<'EOF'
print:
	@printf '#include "%s"\n' $(QUARRY_SRCS) $(QUARRY_SELFTEST_SRCS)
EOF
make -s -f sources.mk -f - print >"$dir/tiny.c" <<'EOF'
print:
	@printf '#include "%s"\n' $(QUARRY_TINY_SRCS)
EOF
{ cat "$dir/tiny.c"; grep '"selftest/' "$dir/all.c"; } >"$dir/tiny_all.c"
freestanding="-std=c11 -ffreestanding -fno-common -Wall -Wextra -Wundef -Wshadow -Werror -Iselftest"

verdict() { # name, number, 0: good
	if [ "$3" -eq 0 ]; then
		echo "ok - $1" >"$dir/$2.verdict"
	else
		{ [ ! -s "$dir/$2.log" ] || tail -n 30 "$dir/$2.log"; echo "not ok - $1"; } >"$dir/$2.verdict"
	fi
}

# Everything that can happen to pages, under sanitizers. number, name, flags
pages() {
	local flags="$checked $3"
	(
		gcc -std=c11 -ffreestanding -fno-common -Wall -Wextra -Wundef -Wshadow -Werror $include $flags \
			-c -o "$dir/$1.o" "$dir/lib.c" || exit 1
		for t in anything shapes; do
			gcc -std=gnu11 -D_GNU_SOURCE -w $include $flags -o "$dir/$1.bin" "tests/test_pages_$t.c" $programs \
				"$dir/$1.o" -lcmocka -lpthread && QUARRY_TEST_STEPS=100 timeout 120 "$dir/$1.bin" || exit 1
		done
	) >"$dir/$1.log" 2>&1
	verdict "$2" "$1" $?
	rm -f "$dir/$1.o" "$dir/$1.bin"
}

# With QUARRY_HARDENED, under sanitizers: its own test and those of layers that it reaches into. number, name
hardened() {
	local flags="$checked -DQUARRY_HARDENED=1" t
	{
		gcc -std=c11 -ffreestanding -fno-common -Wall -Wextra -Wundef -Wshadow -Werror $include $flags \
			-c -o "$dir/$1.o" "$dir/lib.c" &&
			gcc -std=gnu11 -D_GNU_SOURCE -w $include $flags -r -o "$dir/$1.shared.o" -nostdlib \
				tests/machine_build.c tests/owner.c tests/model_buddy.c tests/page_hoard.c $posix &&
			for t in hardened misuse damage pages slab slab_debug hotplug; do
				gcc -std=gnu11 -D_GNU_SOURCE -w $include $flags -o "$dir/$1.bin" "tests/test_$t.c" \
					"$dir/$1.shared.o" "$dir/$1.o" -lcmocka -lpthread &&
					timeout 120 "$dir/$1.bin" || return 1
			done
	} >"$dir/$1.log" 2>&1
}
hardened_verdict() {
	hardened "$1"
	verdict "$2" "$1" $?
	rm -f "$dir/$1".*o "$dir/$1.bin"
}

# Whether programs can be made and run here; else the verdict is that they are skipped. The arguments of runs.
can_run() {
	command -v "$3" >/dev/null || { echo "skip - $2: no $3" >"$dir/$1.verdict"; return 1; }
	[ -z "${5:-}" ] || command -v "${5%% *}" >/dev/null ||
		{ echo "skip - $2: no ${5%% *}" >"$dir/$1.verdict"; return 1; }
	echo 'int main(void) { return 0; }' |
		$3 $4 ${6:-} -include errno.h -x c -o "$dir/$1.bin" - 2>/dev/null ||
		{ echo "skip - $2: $3 makes no such programs here" >"$dir/$1.verdict"; return 1; }
}

# The self-test as a program. number, name, compiler, flags, what runs the program, flags of the library alone
runs() {
	can_run "$@" || return
	{
		$3 $freestanding $include $4 ${6:-} -c -o "$dir/$1.o" "$dir/all.c" &&
			$3 -std=gnu11 -D_GNU_SOURCE -w $include $4 -o "$dir/$1.bin" \
				tests/configs/selftest.c $posix "$dir/$1.o" -lpthread &&
			timeout 120 ${5:-} "$dir/$1.bin"
	} >"$dir/$1.log" 2>&1
	verdict "$2" "$1" $?
	rm -f "$dir/$1.o" "$dir/$1.bin"
}

# The self-test as a 32-bit RISC-V program without any library; port/bare/wide.c has the 64-bit atomics. number, name, flags
riscv32() {
	command -v riscv64-linux-gnu-gcc >/dev/null || { echo "skip - $2: no riscv64-linux-gnu-gcc" >"$dir/$1.verdict"; return; }
	command -v qemu-riscv32 >/dev/null || { echo "skip - $2: no qemu-riscv32" >"$dir/$1.verdict"; return; }
	{
		riscv64-linux-gnu-gcc -std=c11 -ffreestanding -Wall -Wextra -Werror -march=rv32ima -mabi=ilp32 -mno-relax \
			-fno-pie -no-pie -fno-stack-protector -fno-tree-loop-distribute-patterns -nostdlib -static \
			-I"$dir/amalgam" $3 -o "$dir/$1.bin" tests/embed/bare.c port/bare/wide.c \
			"$dir/amalgam/quarry.c" "$dir/amalgam/quarry_selftest.c" && timeout 120 qemu-riscv32 "$dir/$1.bin"
	} >"$dir/$1.log" 2>&1
	verdict "$2" "$1" $?
	rm -f "$dir/$1.bin"
}

# All public headers in a unit of C++, by each compiler and standard. number, name
cxx() {
	local cc std
	(cd include && ls quarry/*.h linux/*.h linux/*/*.h) | sed 's/.*/#include <&>/' >"$dir/unit.cc"
	for cc in g++ clang++-14; do
		for std in c++11 c++17 c++20; do
			command -v $cc >/dev/null || continue
			$cc -std=$std -Wall -Wextra -Werror -Iinclude -Iport/posix -fsyntax-only "$dir/unit.cc" ||
				echo "$cc -std=$std"
		done
	done >"$dir/$1.log" 2>&1
	[ ! -s "$dir/$1.log" ]
	verdict "$2" "$1" $?
}

# The tiny library with its self-test and stress on a machine of 2 MiB, and what its own data take there: at most
# 8 KiB. number, name, compiler, flags, what runs the program
tiny() {
	can_run "$@" || return
	{
		$3 $freestanding -I. -Iinclude -Isrc -Itests/configs -DQUARRY_TINY=1 $4 -c -o "$dir/$1.o" \
			"$dir/tiny_all.c" &&
			$3 -std=gnu11 -w -Iinclude -DQUARRY_TINY=1 $4 -o "$dir/$1.bin" tests/configs/tiny.c \
				"$dir/$1.o" &&
			timeout 120 ${5:-} "$dir/$1.bin" | tee "$dir/$1.out" | sed '/^ok /!p; d' &&
			! grep '^not ok' "$dir/$1.out" && [ "$(grep -c '^ok .*[^t]$' "$dir/$1.out")" -gt 20 ] &&
			[ "$(sed -n 's/^data at boot //p' "$dir/$1.out")" -le 8192 ]
	} >"$dir/$1.log" 2>&1
	verdict "$2" "$1" $?
	rm -f "$dir/$1.o" "$dir/$1.bin"
}

# The library as an object that needs nothing but mem*. number, name, compiler, flags, nm, what else it may need,
# which of the sources
builds() {
	command -v "$3" >/dev/null || { echo "skip - $2: no $3" >"$dir/$1.verdict"; return; }
	{
		$3 $freestanding -I. -Iinclude -Isrc -Itests/configs $4 -c -o "$dir/$1.o" "$dir/${7:-lib}.c" &&
			"$5" -u "$dir/$1.o" | awk '{ print $2 }' >"$dir/$1.undefined" &&
			grep -qx memmove "$dir/$1.undefined" &&
			! grep -vxE "mem(cpy|set|move|cmp)${6:-}" "$dir/$1.undefined"
	} >"$dir/$1.log" 2>&1
	verdict "$2" "$1" $?
	rm -f "$dir/$1.o"
}

job=0
start() { # what to do, and its arguments but for the number
	local kind=$1
	shift
	job=$((job + 1))
	"$kind" "$(printf %02d $job)" "$@" &
	[ "$(jobs -rp | wc -l)" -lt 2 ] || wait -n
}

one="-DQUARRY_MAX_CPUS=1 -DQUARRY_MAX_NODES=1"
m32="-m32 -march=i686 -isystem /usr/include/$(gcc -print-multiarch)"
# What runs i386 programs: the machine itself, or where its kernel does not, an emulator.
i386=
echo 'int main(void) { return 0; }' | gcc -m32 -x c -o "$dir/i386" - 2>/dev/null && ! "$dir/i386" 2>/dev/null && i386=qemu-i386
kernel="-O2 -mno-red-zone -mno-sse -mno-mmx -mno-80387 -mcmodel=kernel -fno-builtin -fno-pic"
orders() { # pageblock's, largest
	echo "-DQUARRY_PAGEBLOCK_ORDER=$1 -DQUARRY_MAX_ORDER=$2"
}
python3 -B scripts/amalgam.py -o "$dir/amalgam" && cp port/single/quarry_host.h "$dir/amalgam" || status=1

start pages "pages of 16 KiB, pageblock order 5, largest 8, 32 address bits" \
	"$(orders 5 8) -DQUARRY_PAGE_SHIFT=14 -DQUARRY_MAX_PHYS_BITS=32"
start pages "pages of 64 KiB, pageblock order 11, largest 13, one node, one CPU" \
	"$(orders 11 13) -DQUARRY_PAGE_SHIFT=16 $one"
start hardened_verdict "hardened: its own test, misuse, damage, pages, slabs, hotplug"
start pages "pageblock order 10, largest 10" "$(orders 10 10)"
start pages "pageblock order 6, largest 11" "$(orders 6 11)"
start pages "pageblock order 5, largest 13" "$(orders 5 13)"
start runs "self-test: one CPU" gcc "-O0 -DQUARRY_MAX_CPUS=1"
start runs "self-test: no NUMA, -O0" gcc "-O0 -DQUARRY_MAX_NODES=1"
start runs "self-test: one CPU, no NUMA, -Os" gcc "-Os $one"
start runs "self-test: pages of 16 KiB, pageblock order 11, largest 11" gcc "-O0 -DQUARRY_PAGE_SHIFT=14 $(orders 11 11)"
start runs "self-test: pages of 64 KiB" gcc "-O0 -DQUARRY_PAGE_SHIFT=16"
start runs "self-test: pages of 64 KiB, pageblock order 11, largest 13" gcc "-O0 -DQUARRY_PAGE_SHIFT=16 $(orders 11 13)"
start runs "self-test: pageblock order 5, largest 8, 32 address bits" gcc "-O0 -DQUARRY_MAX_PHYS_BITS=32 $(orders 5 8)"
start runs "self-test: pageblock order 9, largest 9" gcc "-O0 $(orders 9 9)"
start runs "self-test: pageblock order 5, largest 13" gcc "-O0 $(orders 5 13)"
start runs "self-test: hardened" gcc "-O0 -DQUARRY_HARDENED=1"
start runs "self-test: LTO, -O3" gcc "-O3 -flto"
start runs "self-test: clang 14" clang-14 "-O0"
start runs "self-test: i386, 46 address bits" gcc "-O0 $m32" $i386
start runs "self-test: i386, 32 address bits" gcc "-O0 $m32 -DQUARRY_MAX_PHYS_BITS=32" $i386
start runs "self-test: big-endian (s390x)" s390x-linux-gnu-gcc "-O0 -static" qemu-s390x
start runs "self-test: x86_64 as a kernel is built: no red zone, no SSE, kernel code model" gcc "-O2 -no-pie -fno-pie" "" \
	"$kernel"
start tiny "tiny: a machine of 2 MiB, -Os" gcc "-Os"
start tiny "tiny: a machine of 2 MiB, contracts and memory checked" gcc "$checked"
start tiny "tiny: a machine of 2 MiB, i386, undefined behaviour" gcc "-Os $m32 -DQUARRY_DEBUG=1 -fsanitize=undefined -fno-sanitize-recover=all" $i386
start tiny "tiny: big-endian (s390x)" s390x-linux-gnu-gcc "-O1 -static -DQUARRY_DEBUG=1" qemu-s390x
start builds "object: aarch64, general registers only" aarch64-linux-gnu-gcc \
	"-O0 -mgeneral-regs-only -mno-outline-atomics" aarch64-linux-gnu-nm
start builds "object: riscv64, medany" riscv64-linux-gnu-gcc "-O0 -mcmodel=medany" riscv64-linux-gnu-nm
start builds "object: tiny, riscv32" riscv64-linux-gnu-gcc "-Os -march=rv32ima -mabi=ilp32 -DQUARRY_TINY=1" \
	riscv64-linux-gnu-nm '|__ashldi3|__lshrdi3|__ucmpdi2' tiny
start riscv32 "self-test: riscv32, 34 address bits" "-O1 -DQUARRY_MAX_PHYS_BITS=34"
start riscv32 "self-test: riscv32, 46 address bits" "-O1"
start cxx "all headers in C++11, 17 and 20, by g++ and clang"
wait
cat "$dir"/*.verdict
! grep -q '^not ok' "$dir"/*.verdict || status=1
exit $status
