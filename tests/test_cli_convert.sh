#!/bin/sh
# SPDX-License-Identifier: MIT
# `quarry convert`: there and back again, byte for byte. $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
map=maps/vm-24g-2cpu.txt

# run STATUS ARGS...: run quarry convert
run() {
	want=$1
	shift
	timeout 120 "$quarry" convert "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	ran="convert $*"
	check "$ran: status $got, expected $want" [ "$got" = "$want" ]
}
err() { check "$ran: error has \"$1\"" grep -qF -- "$1" "$tmp/err"; }
same() { check "$ran: $1 is $2, byte for byte" cmp -s "$tmp/$1" "$tmp/$2"; }
digest() { "$quarry" replay "$@" --machine "$map" --start empty 2>/dev/null | grep '^Digest'; }

zstd -dcq traces/k618-thp.kmt.zst >"$tmp/thp.kmt"
zstd -dcq traces/g61-build.kmt.zst >"$tmp/build.kmt"
zstd -dcq traces/perf-compile.txt.zst >"$tmp/perf.txt"
zstd -dcq traces/user-sqlite.umt.zst >"$tmp/user.umt"

# KMT1 to itself, packed and not.
run 0 "$tmp/build.kmt" "$tmp/again.kmt"
same again.kmt build.kmt
run 0 "$tmp/thp.kmt" "$tmp/again.kmt.zst"
zstd -dcq "$tmp/again.kmt.zst" >"$tmp/again.kmt"
same again.kmt thp.kmt

# KMT1 to text in both layouts, and back.
run 0 "$tmp/thp.kmt" "$tmp/thp.txt"
check "perf's layout" grep -q '^  *recorder  *25 \[000\]  *0\.000036529: kmem:kmem_cache_free: call_site=__fput+0x141 ptr=0xffff8881acb17378 name=lsm_file_cache ' "$tmp/thp.txt"
check "$ran: no message" [ ! -s "$tmp/err" ]
run 0 "$tmp/thp.txt" "$tmp/again.kmt"
check "$ran: no message" [ ! -s "$tmp/err" ]
same again.kmt thp.kmt
run 0 "$tmp/thp.kmt" "$tmp/cmd.txt" --to trace-cmd
check "trace-cmd's layout" grep -q '^  *recorder-25  *\[000\] d\.\.\.\.  *0\.000036529: kmem_cache_free: call_site=' "$tmp/cmd.txt"
run 0 "$tmp/cmd.txt" "$tmp/again.kmt"
same again.kmt thp.kmt
run 0 "$tmp/cmd.txt" "$tmp/perf2.txt"
same perf2.txt thp.txt
check "no line of it is malformed to a replay" sh -c \
	"'$quarry' replay '$tmp/thp.txt' --machine $map --json | grep -q '\"malformed_lines\": 0,'"

# perf's text to KMT1, and back; and it replays as the text does.
run 0 "$tmp/perf.txt" "$tmp/perf.kmt"
run 0 "$tmp/perf.kmt" "$tmp/back.txt"
same back.txt perf.txt
# KMT1 has no rss_stat, which a replay of text takes for the next event of its CPU.
grep -v rss_stat "$tmp/perf.txt" >"$tmp/plain.txt"
check "the text's digest from KMT1" [ "$(digest "$tmp/plain.txt")" = "$(digest "$tmp/perf.kmt")" ]
run 0 "$tmp/perf.txt" - --to kmt
cp "$tmp/out" "$tmp/again.kmt"
same again.kmt perf.kmt
# Through the other layout, which takes the text along in comments.
run 0 "$tmp/perf.kmt" "$tmp/cmd.txt" --to trace-cmd
run 0 "$tmp/cmd.txt" "$tmp/again.kmt"
same again.kmt perf.kmt
run 0 "$tmp/perf.txt" "$tmp/cmd2.txt" --to trace-cmd
same cmd2.txt cmd.txt
# Stacks, comments and strange lines come back too.
{ head -n 50 "$tmp/perf.txt"; printf '\t  ffffffff81 f+0x1 (kernel)\n\n# a comment %%41\nhello\r\n'; tail -n 50 "$tmp/perf.txt"; } \
	>"$tmp/stacks.txt"
run 0 "$tmp/stacks.txt" "$tmp/stacks.kmt.zst"
run 0 "$tmp/stacks.kmt.zst" "$tmp/back.txt"
same back.txt stacks.txt

# User recordings.
run 0 "$tmp/user.umt" "$tmp/user.txt"
check "a call a line" grep -q '^30201 1 free 2$' "$tmp/user.txt"
check "$ran: no message" [ ! -s "$tmp/err" ]
run 0 "$tmp/user.txt" "$tmp/again.umt"
check "$ran: no message" [ ! -s "$tmp/err" ]
same again.umt user.umt
run 0 "$tmp/user.umt" "$tmp/again.umt"
same again.umt user.umt

# What cannot go is refused, and nothing is written.
gone() { check "$ran: nothing is written" [ ! -e "$1" ]; }
zstd -dcq traces/perf-compile.txt.zst | sed 's/ptr=0xffff[0-9a-f]\{4\}/ptr=0x00000000/' >"$tmp/hashed.txt"
run 1 "$tmp/hashed.txt" "$tmp/new.kmt"
err "addresses are hashes"
gone "$tmp/new.kmt"
sort -r "$tmp/perf.txt" >"$tmp/reversed.txt"
run 1 "$tmp/reversed.txt" "$tmp/new.kmt"
err "its time goes back"
gone "$tmp/new.kmt"
head -c 1000000 "$tmp/thp.kmt" >"$tmp/cut.kmt"
run 1 "$tmp/cut.kmt" "$tmp/new.txt"
err "byte 1000000: the file ends in section EVTS"
err "is damaged: nothing is written"
gone "$tmp/new.txt"
head -c 100001 "$tmp/user.umt" >"$tmp/cut.umt"
run 1 "$tmp/cut.umt" "$tmp/new.txt"
gone "$tmp/new.txt"
head -c 30000000 "$tmp/thp.txt" >"$tmp/cut.txt"
run 1 "$tmp/cut.txt" "$tmp/new.kmt"
err "the file is cut"
sed 's/quarry=48,0,25/quarry=480000,0,25/' "$tmp/thp.txt" | head -n 3000 >"$tmp/bad.txt"
run 1 "$tmp/bad.txt" "$tmp/new.kmt"
err "expected quarry=DESCRIPTOR,CONTEXT,TASK,ADDRESS,TIME,CPU"
{ head -n 1 "$tmp/user.txt"; echo "5 1 malloc 10 -> 2"; } >"$tmp/bad.txt"
run 1 "$tmp/bad.txt" "$tmp/new.umt"
err "bad.txt:2: expected blocks numbered one after the other from 1"
{ head -n 1 "$tmp/user.txt"; echo "5 1 alloc 10 -> 1"; } >"$tmp/bad.txt"
run 1 "$tmp/bad.txt" "$tmp/new.umt"
err "bad.txt:2: expected TIME THREAD malloc"
"$quarry" replay "$tmp/user.txt" --machine $map >/dev/null 2>"$tmp/err"
check "the text of a user recording, replayed: status 2" [ $? = 2 ]
ran="replay user.txt"
err "make UMT1 of it with \`quarry convert'"
head -c -7 "$tmp/user.txt" >"$tmp/cut.txt"
run 1 "$tmp/cut.txt" "$tmp/new.umt"
err "cut.txt:145111: expected an end of the last line: the file is cut"
gone "$tmp/new.umt"
# Cut at the end of a line: nothing of it is wrong, but META knows.
head -n 100000 "$tmp/user.txt" >"$tmp/cut.txt"
run 0 "$tmp/cut.txt" "$tmp/fewer.umt"
err "cut.txt: warning: META promises 145110 events, but 99999 are there"
head -n 100000 "$tmp/thp.txt" >"$tmp/cut.txt"
run 0 "$tmp/cut.txt" "$tmp/fewer.kmt"
err "cut.txt: warning: META promises 385641 events"
run 0 "$tmp/fewer.kmt" "$tmp/fewer.txt"
err "fewer.kmt: warning: META promises 385641 events"
echo old >"$tmp/kept.kmt"
run 1 "$tmp/cut.kmt" "$tmp/kept.kmt"
check "a file of that name stays as it was" [ "$(cat "$tmp/kept.kmt")" = old ]
check "no temporary file is left" [ "$(ls "$tmp" | grep -c 'kmt\.......$')" = 0 ]

# A signal in the midst of it leaves no file.
"$quarry" convert "$tmp/build.kmt" "$tmp/term.txt.zst" >"$tmp/out" 2>"$tmp/err" &
pid=$!
until [ -n "$(find "$tmp" -name 'term.txt.zst.*')" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
kill -TERM $pid
wait $pid
check "SIGTERM: status 143" [ $? = 143 ]
check "SIGTERM: no file is left" [ -z "$(find "$tmp" -name 'term.txt*')" ]

# A reader that has seen enough is no news.
"$quarry" convert "$tmp/build.kmt" - --to perf 2>"$tmp/err" | head -n 1 >"$tmp/out"
check "a broken pipe is no error message" [ ! -s "$tmp/err" ]

# What is no file is written to, not replaced; a link stays a link.
mkfifo "$tmp/fifo"
cat "$tmp/fifo" >"$tmp/again.kmt" &
run 0 "$tmp/thp.kmt" "$tmp/fifo" --to kmt
check "a pipe stays a pipe" [ -p "$tmp/fifo" ]
[ -p "$tmp/fifo" ] || kill $!
wait $!
same again.kmt thp.kmt
if mknod "$tmp/full" c 1 7 2>/dev/null && [ "$(: 2>/dev/null >"$tmp/full" && echo opens)" = opens ]; then
	run 1 "$tmp/thp.kmt" "$tmp/full" --to kmt
	err "No space left"
	check "a device stays a device" [ -c "$tmp/full" ]
fi
ln -s kept.kmt "$tmp/link.kmt"
run 0 "$tmp/thp.kmt" "$tmp/link.kmt"
check "a link stays a link" [ -L "$tmp/link.kmt" ]
same kept.kmt thp.kmt
run 1 "$tmp/thp.kmt" "$tmp" --to kmt
err "Is a directory"

# Wrong use.
run 2 "$tmp/thp.kmt"
err "from which file IN to which OUT?"
run 2 "$tmp/thp.kmt" "$tmp/x.bin"
err "which format?"
run 2 "$tmp/thp.kmt" "$tmp/x.umt"
err "records a kernel"
run 2 "$tmp/user.umt" "$tmp/x.kmt"
err "records a user program"
run 2 "$tmp/thp.kmt" "$tmp/x.kmt" --to xml
err "expected kmt, perf, trace-cmd, umt or text"
run 2 - "$tmp/x.kmt"
err "cannot be standard input"
run 2 /nonexistent "$tmp/x.kmt"
err "/nonexistent: No such file"
run 2 "$map" "$tmp/x.kmt"
err "no kmem event"
run 1 "$tmp/thp.kmt" /nonexistent/x.kmt
err "/nonexistent/x.kmt: No such file"

[ "$failed" = 0 ]
