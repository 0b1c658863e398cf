#!/bin/bash
# SPDX-License-Identifier: MIT
# Exact instructions for each operation, counted by the demo kernel in QEMU, in one table: for each architecture
# on one CPU, and as on many. Usage: counts.sh FOLDER ARCH...; FOLDER holds ARCH-counts/. Status: as run.sh.
set -eu
cd "$(dirname "$0")/.."
[ $# -ge 2 ] || { echo "usage: counts.sh FOLDER ARCH..." >&2; exit 2; }
folder=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

columns=()
for arch; do
	for mode in one many; do
		words=counts
		[ $mode = one ] || words="counts smp"
		[ ! -t 2 ] || printf '\r%s, %s CPU\033[K' "$arch" $mode >&2
		if ! kernel/run.sh "$folder/$arch-counts" "$arch" $words >"$dir/log"; then
			cat "$dir/log" >&2
			exit 1
		fi
		sed -n '/^what  /,/^PASS/p' "$dir/log" | sed '1d;$d' >"$dir/$arch-$mode"
		columns+=("$dir/$arch-$mode")
	done
done
[ ! -t 2 ] || printf '\r\033[K' >&2

echo "Instructions for one operation, counted by QEMU with -icount"
awk '
	FNR == 1 { files++ }
	{
		key = substr($0, 1, 35)
		if (files == 1)
			order[++rows] = key
		count[files, key] = $NF
	}
	END {
		for (f = 1; f <= files; f += 2) {
			n = split(ARGV[f], part, "/")
			sub(/-one$/, "", part[n])
			head = head sprintf("  %-17s", part[n])
			sides = sides sprintf("  %8s %8s", "one", "many")
		}
		sub(/ +$/, "", head)
		printf "%-35s%s\n%-22s %-12s%s\n", "", head, "what", "row", sides
		for (r = 1; r <= rows; r++) {
			printf "%s", order[r]
			for (f = 1; f <= files; f++)
				printf "%s%8s", f % 2 ? "  " : " ", count[f, order[r]]
			printf "\n"
		}
	}' "${columns[@]}"
