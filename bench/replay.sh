#!/bin/sh
# SPDX-License-Identifier: MIT
# Events a second of replays, reading and decoding included: medians of five. Usage: replay.sh QUARRY
set -eu
quarry=$1
json=$(mktemp)
trap 'rm -f "$json"' EXIT

# number KEY: the first number under KEY in the answer
number() {
	sed -n "s/^ *\"$1\": \([0-9.e+]*\),*\$/\1/p" "$json" | sed q
}

replay() {
	rates=
	for i in 1 2 3 4 5; do
		"$quarry" replay "$1" --machine "$2" --json >"$json" 2>/dev/null </dev/null || return 0
		rates="$rates $(number events_per_second)"
	done
	rate=$(printf '%s\n' $rates | sort -g | sed -n 3p)
	awk -v t="${1#traces/}" -v m="${2#maps/}" -v n="$(number events)" -v r="$rate" \
		'BEGIN { printf "%-24s %-26s %9d %8.1f\n", t, m, n, r / 1e6 }'
}

echo "Replay: million events a second, one thread"
printf '%-24s %-26s %9s %8s\n' trace machine events M/s
for trace in traces/*.kmt.zst traces/*.txt.zst; do
	case $trace in
	*.snap.txt.zst) continue ;;
	traces/g61-*) map=maps/qemu-1g-1node.boot.txt ;;
	*) map=maps/vm-24g-2cpu.txt ;;
	esac
	replay "$trace" "$map"
done
