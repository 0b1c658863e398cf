#!/bin/sh
# SPDX-License-Identifier: MIT
# Every C file is as clang-format writes it.
set -eu
cd "$(dirname "$0")/.."
all=$(find . \( -name '.?*' -o -name build -o -name 'build-*' \) -prune -o -name '*.[ch]' -print |
	sed 's|^\./||' | sort)
if out=$(clang-format-14 --dry-run -Werror --ferror-limit=1 $all 2>&1); then
	echo "formatting: ok: $(echo "$all" | wc -l) files"
else
	echo "formatting: faults (clang-format-14 -i mends them)"
	echo "$out" | sed -n 's/^\([^ ]*:[0-9]*\):[0-9]*: error:.*/    \1: not as clang-format writes it/p'
	exit 1
fi
