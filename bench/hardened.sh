#!/bin/sh
# SPDX-License-Identifier: MIT
# What QUARRY_HARDENED costs: instructions of a pair and bytes of tables. Usage: hardened.sh BENCH-FOLDER THE-HARDENED-ONE
set -eu
here=$(dirname "$0")
both=$(mktemp)
trap 'rm -f "$both"' EXIT

for dir in "$1" "$2"; do
	"$here/callgrind.sh" "$dir/instr" page bulk page3 page9 cache kmalloc | sed 1d
	"$dir/bench" boots | awk 'NR > 2 { printf "tables of %-28s %d\n", $1 " " $2 ", bytes", $5 }'
done >"$both"
echo "Instructions for alloc + free (callgrind, 65536 pairs, empty loop subtracted), and bytes of tables"
awk '{ v = $NF; sub(/ +[^ ]+$/, ""); if ($0 in first) { printf "%-38s %10s %10s\n", $0, first[$0], v } else first[$0] = v }
	BEGIN { printf "%-38s %10s %10s\n", "", "without", "hardened" }' "$both"
