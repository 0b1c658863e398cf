#!/bin/sh
# SPDX-License-Identifier: MIT
# Static analysis of src/: gcc -fanalyzer, cppcheck and clang -Wthread-safety, clean without suppressions. With "all", clang-tidy too,
# which takes some minutes. Usage: check_analysis.sh [all]
set -u
cd "$(dirname "$0")/.."
sources=$(find src selftest -name '*.c' | LC_ALL=C sort)
# What stands in for other files in the library for machines of a few MiB.
tiny=$(make -s -f sources.mk -f - print <<'EOF'
print:
	@echo $(filter-out $(QUARRY_SRCS),$(QUARRY_TINY_SRCS))
EOF
)
tiny_all() {
	make -s -f sources.mk -f - print <<'EOF'
print:
	@echo $(QUARRY_TINY_SRCS)
EOF
}
sources=$(echo "$sources" | grep -vxF "$(echo "$tiny" | tr ' ' '\n')")
include="-Iinclude -Isrc -Iport/posix"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

# What a tool said, if anything.
verdict() {
	if [ -s "$log" ]; then
		echo "analysis:   $1 finds faults"
		sed 's/^/    /' "$log" | head -40
		status=1
	fi
}

echo "$sources" | xargs -P "$(nproc)" -n 4 sh -c 'for f; do
	gcc -std=c11 -ffreestanding '"$include"' -O2 -fanalyzer -c -o /dev/null "$f"; done' sh 2>&1 |
	grep -E 'warning:|error:' >"$log"
for f in $tiny; do
	gcc -std=c11 -ffreestanding -DQUARRY_TINY=1 $include -O2 -fanalyzer -c -o /dev/null "$f" 2>&1 |
		grep -E 'warning:|error:' >>"$log"
done
verdict "gcc -fanalyzer"
cppcheck -q -j "$(nproc)" --std=c11 --enable=warning,performance,portability --error-exitcode=0 \
	--template='{file}:{line}: {message} [{id}]' --max-configs=1 $include $sources 2>&1 |
	grep -vE 'toomanyconfigs|preprocessorErrorDirective' >"$log"
cppcheck -q --std=c11 --enable=warning,performance,portability --error-exitcode=0 \
	--template='{file}:{line}: {message} [{id}]' --max-configs=1 -DQUARRY_TINY=1 $include $tiny 2>&1 |
	grep -vE 'toomanyconfigs|preprocessorErrorDirective' >>"$log"
verdict cppcheck
threads="clang-14 -std=c11 -ffreestanding $include -fsyntax-only -Werror -Wthread-safety -Wno-gcc-compat
	-DQUARRY_THREAD_SAFETY -DQUARRY_DEBUG=1"
{
	echo "$sources" | xargs -P "$(nproc)" -n 8 $threads
	tiny_all | xargs -P "$(nproc)" -n 8 $threads -DQUARRY_TINY=1
} 2>&1 | grep -E 'warning:|error:' >"$log"
verdict "clang -Wthread-safety"
if [ "${1:-}" = all ]; then
	echo "$sources" | xargs -P "$(nproc)" -n 1 sh -c 'clang-tidy-14 --quiet "$1" -- -std=c11 \
		-ffreestanding '"$include" sh 2>/dev/null | grep -E 'warning:|error:' | sort -u >"$log"
	verdict clang-tidy
fi
[ $status -ne 0 ] || echo "analysis:   ok: gcc -fanalyzer, cppcheck, clang -Wthread-safety${1:+, clang-tidy}"
exit $status
