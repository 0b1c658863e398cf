#!/bin/sh
# SPDX-License-Identifier: MIT
# Instructions for one alloc and free, counted by valgrind's callgrind. Usage: callgrind.sh INSTR [PAIR...], all or those
# named. Each pair runs N times inside a function of its own; an empty loop is subtracted; refills and drains
# of sheaves are in the average.
set -eu
instr=$1
shift
only=" $* "
n=65536
log=$(mktemp)
trap 'rm -f "$log"' EXIT

count() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect="instr_$1" \
		"$instr" "$1" "$n" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
	sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' "$log"
}

empty=$(count empty)
echo "Instructions for alloc + free (callgrind, $n pairs, empty loop subtracted)"
for pair in "page order-0 pages" "list order-0 pages of the list buddy" \
	"page3 order-3 blocks" "list3 order-3 blocks of the list buddy" \
	"page9 order-9 blocks" "list9 order-9 blocks of the list buddy" \
	"bulk order-0 pages, bulk" \
	"churn order-0 pages, churn" "lchurn order-0 pages, churn, list buddy" \
	"churn3 order-3 blocks, churn" "lchurn3 order-3 blocks, churn, list buddy" \
	"cache kmem_cache of 64 bytes" \
	"kmalloc kmalloc(64) + kfree" "malloc malloc(64) + free of the C library"; do
	case $only in "  " | *" ${pair%% *} "*) ;; *) continue ;; esac
	total=$(count "${pair%% *}")
	awk -v name="${pair#* }" -v t="$total" -v e="$empty" -v n="$n" \
		'BEGIN { printf "%-38s %7.1f\n", name, (t - e) / n }'
done
