#!/bin/bash
# SPDX-License-Identifier: MIT
# Embedders' configurations: the library as one C file, with each option at an end of its range, and
# everything that can happen to pages on it (tests/test_pages_anything.c).
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
programs="tests/test_pages_anything.c tests/machine_build.c tests/owner.c tests/model_buddy.c
	$posix"

# name, flags
config() {
	if gcc -std=c11 -ffreestanding -fno-common -Wall -Wextra -Wundef -Wshadow -Werror $include $2 \
		-c -o "$dir/lib.o" "$dir/lib.c" &&
		gcc -std=gnu11 -D_GNU_SOURCE -w $include $2 -o "$dir/test" $programs "$dir/lib.o" \
			-lcmocka -lpthread &&
		QUARRY_TEST_STEPS=150 timeout 120 "$dir/test" >"$dir/log" 2>&1; then
		echo "ok - $1"
	else
		[ ! -s "$dir/log" ] || cat "$dir/log"
		echo "not ok - $1"
		status=1
	fi
}

checked="-O1 -fsanitize=address,undefined -fno-sanitize-recover=all -DQUARRY_DEBUG=1"
config "pages of 16 KiB, 32 address bits" "$checked -DQUARRY_PAGE_SHIFT=14 -DQUARRY_MAX_PHYS_BITS=32"
config "pages of 64 KiB, one node, one CPU" \
	"$checked -DQUARRY_PAGE_SHIFT=16 -DQUARRY_MAX_NODES=1 -DQUARRY_MAX_CPUS=1"
exit $status
