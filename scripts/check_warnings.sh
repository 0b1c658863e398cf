#!/bin/sh
# SPDX-License-Identifier: MIT
# All programs compile without a warning by gcc and clang; the headers also as C++.
# Usage: check_warnings.sh BUILD-FOLDER
set -u
cd "$(dirname "$0")/.."
out=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
unset MAKEFLAGS MFLAGS # this make has jobs of its own
for cc in gcc clang-14; do
	# gcc sees most with -O3, and the program is built with -O2 anyway; clang warns before it optimises.
	if [ $cc = gcc ]; then level=-O3; else level=-O0; fi
	if ! make --no-print-directory -k -j"$(nproc)" CC=$cc O="$out/$cc" CFLAGS=$level everything >"$log" 2>&1; then
		echo "warnings:   $cc finds faults"
		grep -E 'error:|undefined reference|No rule to make' "$log" | sed 's/^/    /' | head -40
		status=1
	fi
done
if command -v g++ >/dev/null; then
	for h in quarry/quarry.h quarry/posix.h; do
		if ! printf '#include <%s>\nint main() { return 0; }\n' $h |
			g++ -std=c++17 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c++ - 2>"$log"; then
			echo "warnings:   $h is not C++"
			sed -n '/error:/s/^/    /p' "$log" | head -10
			status=1
		fi
	done
fi
[ $status -ne 0 ] || echo "warnings:   ok: gcc, clang, and the headers as C++"
exit $status
