#!/bin/sh
# SPDX-License-Identifier: MIT
# `quarry top`: as text, and in a terminal of 80 columns and 24 lines without colours. $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
map=maps/qemu-512m-1node.boot.txt
trace=traces/k618-thp.kmt.zst

# run STATUS ARGS...
run() {
	want=$1
	shift
	"$quarry" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	ran="$*"
	check "$ran: status $got, expected $want" [ "$got" = "$want" ]
}
out() { check "$ran: output has \"$1\"" grep -qE -- "$1" "$tmp/out"; }
err() { check "$ran: error has \"$1\"" grep -qF -- "$1" "$tmp/err"; }
no_err() { check "$ran: no message" [ ! -s "$tmp/err" ]; }

run 0 top $trace --machine $map --batch -d 0.5
no_err
check "top: a picture for each half second of 2.0" [ "$(grep -c '^quarry top' "$tmp/out")" = 4 ]
check "top: no line is wider than 100 columns" [ "$(awk 'length > 100' "$tmp/out" | wc -l)" = 0 ]
out '^Node 0  DMA32 .* M[0-9]+ R[0-9]+'
out '^dentry '
out 'event 385641, 1.992 s, replay, at the end'
cp "$tmp/out" "$tmp/first"
run 0 top $trace --machine $map --batch -d 0.5
check "top: the same again" cmp -s "$tmp/out" "$tmp/first"
run 0 top $trace --machine $map --batch -n 1 -d 0.5 --panel map
no_err
out '^Unmovable Movable'
out '^[-UMRumr.]{60,}'
run 0 top traces/user-sqlite.umt.zst --machine $map --batch --panel caches
out '^kmalloc-8k '

# The live reader, on files of a machine that is known.
"$quarry" boot $map --proc "$tmp/proc" --quiet >/dev/null
run 0 top --proc "$tmp/proc" --batch -n 1
out '^Node 0  DMA32 '
free=$(awk '/zone +DMA32/ { z = 1 } z && /pages free/ { printf "%d", $3 / 256; exit }' "$tmp/proc/zoneinfo")
out "^Node 0  DMA32 .* $free\\.?[0-9]* MiB"
rm "$tmp/proc/slabinfo" "$tmp/proc/pagetypeinfo"
run 0 top --proc "$tmp/proc" --batch -n 2 -d 0.01
out 'slabinfo cannot be read: only root may'
out 'pagetypeinfo cannot be read: only root may'
check "top: two pictures" [ "$(grep -c '^quarry top' "$tmp/out")" = 2 ]

# Mistakes.
run 1 top --proc "$tmp/none" --batch -n 1
err "buddyinfo: cannot be read"
run 1 top $trace --machine $map
err "standard output is no terminal: use --batch"
run 2 top $trace
err "on which machine?"
run 2 top --machine $map
err "--machine needs a TRACE"
run 2 top --batch --panel nothing
err "--panel=nothing: expected all, caches, map or events"
run 2 top --batch --delay x
err "--delay=x: expected seconds"
run 2 top --batch --speed -1
err "--speed=-1: expected a number"

if ! command -v tmux >/dev/null; then
	echo "skip - top in a terminal: no tmux"
	[ "$failed" = 0 ]
	exit
fi
servers=0
tm() { tmux -L "quarry-test-$$-$servers" -f /dev/null "$@"; }
trap 'tm kill-server 2>/dev/null; rm -rf "$tmp"' EXIT
# screen PATTERN: wait until the screen shows it; it is left in $tmp/out
screen() {
	for i in $(seq 200); do
		tm capture-pane -p >"$tmp/out" 2>/dev/null
		grep -qE -- "$1" "$tmp/out" && return 0
		read -r -t 0.05 unused <>"$tmp/never" 2>/dev/null || :
	done
	return 1
}
mkfifo "$tmp/never"
start() { servers=$((servers + 1)); tm new-session -d -x 80 -y 24 "TERM=$1 $quarry top $2 2>$tmp/err; echo ended with \$?; read x"; }
event() { sed -n 's/.*event \([0-9]*\),.*/\1/p' "$tmp/out"; }

start vt100 "$trace --machine $map --speed 0.25"
check "top on a vt100: the first panel" screen '^Free blocks +0 +1'
check "top on a vt100: keys in the last line" screen 'space pause .* q quit$'
check "top on a vt100: nothing is cut off" \
	[ "$(grep -cE '(refused in all [0-9]+|9    10|waste   use|type)$' "$tmp/out")" = 4 ]
tm send-keys Space
check "top: space pauses" screen 'paused'
at=$(event)
tm send-keys .
check "top: a full stop plays 2048 events more" screen "event $((at + 2048)),"
tm send-keys c
check "top: 2 shows caches" screen '^Cache, by bytes'
tm send-keys s
check "top: s sorts them" screen 'by waste'
tm send-keys s
check "top: and by name" screen 'by name'
screen '^[a-zA-Z]'
sed -n '7,20p' "$tmp/out" | grep . | cut -c1-22 | LC_ALL=C sort -c 2>/dev/null
check "top: they are in that order" [ $? = 0 ]
first=$(sed -n 7p "$tmp/out")
tm send-keys Down
check "top: down scrolls" screen "$(sed -n 8p "$tmp/out" | cut -c1-12)"
tm send-keys m
check "top: 3 shows the map" screen '^Unmovable Movable'
tm send-keys 4
check "top: 4 shows events" screen '^Event '
tm send-keys h
check "top: h shows keys" screen 'as fast as it goes'
tm send-keys 3
tm send-keys Tab
check "top: Tab goes to the next panel" screen '^Event '
tm send-keys Tab
tm send-keys +
check "top: + doubles the speed" screen 'speed 0.5'
tm send-keys -
check "top: - halves it" screen 'speed 0.25'
rows=$(grep -c . "$tmp/out")
tm resize-window -x 120 -y 45
# What was there before the program has redrawn it does not count.
taller() {
	for i in $(seq 200); do
		screen '^ 1 all' && [ "$(grep -c . "$tmp/out")" -gt "$rows" ] && return 0
		read -r -t 0.05 unused <>"$tmp/never" 2>/dev/null || :
	done
	return 1
}
check "top: follows the size of the terminal, and fills it" taller
tm resize-window -x 40 -y 10
check "top: also when it is small" screen '^ 1 all 2 caches 3 map 4 events'
tm resize-window -x 80 -y 24
tm send-keys f
tm send-keys Space
check "top: f plays to the end" screen 'at the end'
tm send-keys q
check "top: q ends it" screen 'ended with 0'
check "top: without a message" [ ! -s "$tmp/err" ]
tm kill-server 2>/dev/null

start nonsense "$trace --machine $map"
check "top: an unknown terminal is said" screen 'ended with 1'
check "top: with what to do" grep -q 'the terminal nonsense is not known: set TERM, or use --batch' "$tmp/err"
tm kill-server 2>/dev/null

start dumb "$trace --machine $map"
check "top: a terminal that cannot place its cursor is said" screen 'ended with 1'
check "top: with what to do then" grep -q 'the terminal dumb cannot place its cursor: use --batch' "$tmp/err"
tm kill-server 2>/dev/null

"$quarry" boot $map --proc "$tmp/proc" --quiet >/dev/null
start screen-256color "--proc $tmp/proc"
check "top of a live machine" screen '^Node 0  DMA32'
tm send-keys 3
check "top: it has no map" screen 'a map needs a replay'
tm send-keys q
check "top: q ends that too" screen 'ended with 0'
[ "$failed" = 0 ]
