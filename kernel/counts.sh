#!/bin/bash
# SPDX-License-Identifier: MIT
# Exact instructions for each operation, counted by the demo kernel in QEMU, in one table: for each architecture
# as for one CPU, and as for many that fence for themselves, or have a barrier. Usage: counts.sh FOLDER ARCH...; FOLDER holds ARCH-counts/. Status: as run.sh.
set -eu
cd "$(dirname "$0")/.."
[ $# -ge 2 ] || { echo "usage: counts.sh FOLDER ARCH..." >&2; exit 2; }
folder=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

columns=()
for arch; do
	for mode in one fence barrier; do
		case $mode in
		one) words="counts" ;;
		fence) words="counts smp" ;;
		barrier) words="counts smp barrier" ;;
		esac
		[ ! -t 2 ] || printf '\r%s, %s\033[K' "$arch" $mode >&2
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
		for (f = 1; f <= files; f += 3) {
			n = split(ARGV[f], part, "/")
			sub(/-one$/, "", part[n])
			head = head sprintf("  %-23s", part[n])
			sides = sides sprintf("  %7s %7s %7s", "one", "fence", "barrier")
		}
		sub(/ +$/, "", head)
		printf "%-35s%s\n%-22s %-12s%s\n", "", head, "what", "row", sides
		for (r = 1; r <= rows; r++) {
			printf "%s", order[r]
			for (f = 1; f <= files; f++)
				printf "%s%7s", f % 3 == 1 ? "  " : " ", count[f, order[r]]
			printf "\n"
		}
	}' "${columns[@]}"
