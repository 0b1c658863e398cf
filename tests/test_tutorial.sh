#!/bin/sh
# SPDX-License-Identifier: MIT
# The commands of docs/tutorial.md still print what the page shows; figures may move. $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
root=$PWD
case $quarry in /*) ;; *) quarry=$root/$quarry ;; esac
mkdir "$tmp/bin" "$tmp/work"
ln -s "$quarry" "$tmp/bin/quarry"
ln -s "$root/traces" "$root/maps" "$tmp/work"

# Without figures, and with one space where there are several.
plain() { sed 's/[0-9][0-9.,]*/N/g; s/  */ /g; s/ $//' "$1"; }

# Each console block into a file: the command in its first line.
awk -v out="$tmp/block" '/^```console/ { n++; on = 1; next } /^```/ { on = 0 } on { print > (out n) }' docs/tutorial.md
n=1
: >"$tmp/err"
while [ -e "$tmp/block$n" ]; do
	sed -n '1s/^\$ //p' "$tmp/block$n" >"$tmp/command"
	sed 1d "$tmp/block$n" >"$tmp/shown"
	(cd "$tmp/work" && PATH=$tmp/bin:$PATH timeout 200 sh "$tmp/command") >"$tmp/out" 2>"$tmp/err"
	plain "$tmp/shown" >"$tmp/shown.plain"
	plain "$tmp/out" >"$tmp/out.plain"
	check "command $n prints what docs/tutorial.md shows" cmp -s "$tmp/shown.plain" "$tmp/out.plain"
	n=$((n + 1))
done
check "there are commands in docs/tutorial.md" [ "$n" -gt 6 ]

[ "$failed" = 0 ]
