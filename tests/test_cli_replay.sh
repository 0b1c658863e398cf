#!/bin/sh
# SPDX-License-Identifier: MIT
# Exit status, messages and output of `quarry replay`. $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
map=maps/qemu-1g-1node.boot.txt
big=traces/g61-build.kmt.zst
small=traces/k618-thp.kmt.zst
text=traces/perf-compile.txt.zst

# run STATUS ARGS...: run quarry replay on the machine, standard input from $tmp/in
run() {
	want=$1
	shift
	"$quarry" replay --machine "$map" "$@" >"$tmp/out" 2>"$tmp/err" <"$tmp/in"
	got=$?
	ran="replay $*"
	check "$ran: status $got, expected $want" [ "$got" = "$want" ]
}
out() { check "$ran: output has \"$1\"" grep -qF -- "$1" "$tmp/out"; }
err() { check "$ran: error has \"$1\"" grep -qF -- "$1" "$tmp/err"; }
# The tables' share of RAM, in thousandths of a percent, at the end of the last run, on a machine like the recorded one.
tables() {
	share=$(sed -n "s/^Quarry's own tables: .*, 0\.\([0-9]*\) % of RAM\.\$/\1/p" "$tmp/out")
	check "$ran: tables take 0.$share % of RAM" [ "${share:-999}" -le 250 ]
}
no_err() { check "$ran: no message" [ ! -s "$tmp/err" ]; }
# json NAME: the first value of that name in the last run; the output is one value a line
json() { sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$tmp/out" | head -n 1; }

: >"$tmp/in"
zstd -dcq "$big" >"$tmp/big.kmt"
zstd -dcq "$text" >"$tmp/perf.txt"

# What a user sees.
run 0 "$big" --cpus 1
no_err
out "1392884 events"
out "booted from memblock"
out "/proc/buddyinfo"
out "/proc/slabinfo"
out "caches without objects are left out"
tables
out "The 10 largest caches, beside Linux's"
out "Fragmentation: percent"
out "Refused requests"
out "freed, but allocated before the recording began"
check "no line but slabinfo's is wider than 100 columns" \
	[ "$(grep -v '^# name' "$tmp/out" | awk 'length > 100 && !/slabdata/' | wc -l)" = 0 ]
digest=$(grep '^Digest' "$tmp/out")

# The same result from either boot allocator, from a pipe and from the unpacked file.
run 0 "$big" --cpus 1 --allocator bootmem
check "bootmem gives the digest of memblock" [ "$digest" = "$(grep '^Digest' "$tmp/out")" ]
cp "$big" "$tmp/in"
run 0 - --cpus 1 --no-progress
no_err
out "No snapshot of Linux's slabinfo"
: >"$tmp/in"
run 0 "$tmp/big.kmt" --cpus 1
once=$(grep '^Digest' "$tmp/out")
run 0 "$tmp/big.kmt" --cpus 1
check "the same input gives the same digest" [ "$once" = "$(grep '^Digest' "$tmp/out")" ]

# JSON.
run 0 "$big" --cpus 1 --json
check "json: events" [ "$(json events)" = 1392884 ]
check "json: complete" [ "$(json complete)" = true ]
check "json: the digest of the text" [ "Digest     $(json digest)" = "$digest" ]
check "json: kmalloc seen" [ "$(sed -n '/"kmalloc": {/,/}/p' "$tmp/out" | grep -c '"seen": 31035,')" = 1 ]
check "json: machine" [ "$(json allocator)" = memblock ]
check "json: Linux beside 30 caches" [ "$(grep -c '"linux": {' "$tmp/out")" -gt 30 ]
check "json: Linux beside the zones" [ "$(grep -c '"linux_free_blocks": \[' "$tmp/out")" = 2 ]

# Less memory than the workload needs: refused, with the reason, and still a proper end.
run 0 "$small" --cmdline mem=96M --json
check "json: refused for the watermark" [ "$(json watermark)" -gt 1000 ]
run 0 "$small" --cmdline mem=96M
out "free pages would fall below watermark + reserve"
out "first at event"
check "refusals are not wider than 100 columns" [ "$(awk 'length > 100 && !/slabdata/' "$tmp/out" | wc -l)" = 0 ]

# Options.
run 0 "$big" --limit 1000 --json
check "json: limit" [ "$(json events)" = 1000 ]
run 0 "$big" --limit 1000
out "stopped at --limit"
run 0 "$big" --limit 1000 --top 3 --slabinfo
out "The 3 largest caches"
check "slabinfo with empty caches" grep -q '^dma-kmalloc-8k  *0  *0' "$tmp/out"
run 0 "$small" --progress
err "replay ["
run 2 "$big" --limit 0
err "expected a number"
run 2 "$big" --top x
err "expected a number"
run 2 "$big" --allocator slob
err "expected memblock or bootmem"
run 2
err "which TRACE?"
run 2 a b
err "one TRACE only"
"$quarry" replay "$big" >"$tmp/out" 2>"$tmp/err"
check "replay without --machine: status 2" [ $? = 2 ]
err "on which machine?"
"$quarry" replay "$big" --machine /nonexistent >"$tmp/out" 2>"$tmp/err"
check "replay without a map: status 2" [ $? = 2 ]
err "/nonexistent: "
"$quarry" replay - --machine - >"$tmp/out" 2>"$tmp/err"
check "both from standard input: status 2" [ $? = 2 ]

# What was there before is put on the machine from the starting snapshot.
run 0 "$small" --json --machine maps/vm-24g-2cpu.txt
no_err
check "start: all objects" [ "$(json objects)" = "$(json objects_wanted)" ]
check "start: most objects were there before" [ "$(json objects)" -gt 2800000 ]
check "start: nearly all free blocks" [ "$(json free_blocks)" -gt $(($(json free_blocks_wanted) - 20)) ]
slabs=$(sed -n '/"slab_pages": {/,/}/s/^ *"ours": *\([0-9]*\),*$/\1/p' "$tmp/out")
theirs=$(sed -n '/"slab_pages": {/,/}/s/^ *"linux": *\([0-9]*\),*$/\1/p' "$tmp/out")
check "start: at the end slabs differ by less than 1 percent" \
	[ $((slabs > theirs ? slabs - theirs : theirs - slabs)) -lt $((theirs / 100)) ]
cp "$tmp/out" "$tmp/first"
run 0 "$small" --json --machine maps/vm-24g-2cpu.txt
check "start: the same JSON, times of the host left out" sh -c \
	"grep -v '\"seconds\"\|events_per' '$tmp/first' >'$tmp/a'; grep -v '\"seconds\"\|events_per' '$tmp/out' | cmp -s '$tmp/a' -"
run 0 "$small" --machine maps/vm-24g-2cpu.txt
tables
out "The machine when the recording began"
out "in use, by whom and where is assumed"
out "Beside Linux, at the end (snapshot 4)"
run 0 "$small" --machine maps/vm-24g-2cpu.txt --start empty
check "start: empty" [ "$(grep -c 'The machine when the recording began' "$tmp/out")" = 0 ]
out "ours does not."
run 0 "$small"
out "Empty: this is another machine: node 0 zone DMA32 has"
run 2 "$small" --start full
err "expected snapshot or empty"

# A user program's recording.
user=traces/user-sqlite.umt.zst
run 0 "$user"
no_err
tables
out "145110 events"
out "when most was alive"
out "Size classes"
digest=$(grep '^Digest' "$tmp/out")
run 0 "$user" --allocator bootmem
check "user: the same digest again, from bootmem" [ "$digest" = "$(grep '^Digest' "$tmp/out")" ]
run 0 "$user" --heap fine --json
check "user: what META says was alive" [ "$(json max_live_bytes)" = 4366598 ]
check "user: which heap" [ "$(json kind)" = fine ]
check "user: most of what is held was asked for" [ "$(json mean_efficiency | cut -c1-3)" != 0.0 ]
run 0 "$user" --cmdline mem=6M --json
check "user: refused for want of memory" [ "$(json refused)" -gt 100 ]
run 0 "$user" --cmdline mem=6M
out "REFUSED here for want of memory"
run 2 "$user" --heap best
err "expected kmalloc or fine"
zstd -dcq "$user" >"$tmp/user.umt"
head -c 100000 "$tmp/user.umt" >"$tmp/cut.umt"
run 1 "$tmp/cut.umt"
err "cut.umt: byte 100000: the file ends in section EVTS"
out "INCOMPLETE"

# Not a recording.
run 2 /nonexistent
err "/nonexistent: No such file"
run 2 traces
err "directory"
run 2 "$map"
err "no kmem event"
: >"$tmp/empty"
run 2 "$tmp/empty"
err "empty"
printf 'PERFILE2xxxxxxxx' >"$tmp/perf.data"
run 2 "$tmp/perf.data"
err "perf script"
run 2 "$quarry"
err "not a recording"
yes 2>/dev/null | timeout 60 "$quarry" replay - --machine "$map" >"$tmp/out" 2>"$tmp/err"
check "text without end and without events: status 2" [ $? = 2 ]
err "no kmem event in"

# More than there should be.
{ cat "$tmp/big.kmt"; echo more; } >"$tmp/more.kmt"
run 0 "$tmp/more.kmt"
err "more follows the end"

# Damaged and truncated: the place, what came before it, status 1.
head -c 1000000 "$tmp/big.kmt" >"$tmp/cut.kmt"
run 1 "$tmp/cut.kmt"
err "cut.kmt: byte 1000000: the file ends in section EVTS"
out "INCOMPLETE"
out "damaged at byte 1000000"
head -c 1000000 "$big" >"$tmp/cut.kmt.zst"
run 1 "$tmp/cut.kmt.zst"
err "zstd data ends in the middle of a frame"
out "INCOMPLETE"
{ head -c 3000000 "$tmp/big.kmt"; head -c 5000 /dev/zero | tr '\0' '\377'; tail -c 4000000 "$tmp/big.kmt"; } \
	>"$tmp/bad.kmt"
run 1 "$tmp/bad.kmt" --json
err "bad.kmt: byte "
check "json: damaged" [ "$(json damaged)" = true ]
check "json: not complete" [ "$(json complete)" = false ]
head -c 100 "$tmp/big.kmt" >"$tmp/head.kmt"
run 1 "$tmp/head.kmt"
err "byte 100: the file ends in section META"

# Text.
run 0 "$text"
no_err
tables
out "20000 events"
cp "$tmp/perf.txt" "$tmp/in"
run 0 -
out "(standard input) (perf script text)"
: >"$tmp/in"
{ head -n 100 "$tmp/perf.txt"; echo 's 1 [0] 1.0: kmem:kfree: call_site=f'; echo; echo hello
	tail -n 100 "$tmp/perf.txt"; } >"$tmp/wrong.txt"
run 0 "$tmp/wrong.txt"
err "wrong.txt:101: "
err "expected ptr=ADDRESS"
out "1 malformed line"
cat >"$tmp/collide.txt" <<'END'
# Twice the same address.
s 1 [000] 1.000000: kmem:kmem_cache_alloc: call_site=first+0x1 ptr=0xffff888001000000 name=dentry bytes_req=184 bytes_alloc=192 gfp_flags=GFP_KERNEL node=-1
s 1 [001] 1.000100: kmem:kmalloc: call_site=second+0x2 ptr=0xffff888001000000 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1
END
run 0 "$tmp/collide.txt"
out "1 objects given out where one was alive: the old one was taken for freed without an event"
out "event 2, line 3, at 1.000100 s, CPU 1, address 0xffff888001000000"
out "there: an object of dentry is alive"
out "kmalloc at second+0x2"
out "before, event 1: kmem_cache_alloc of dentry at first+0x1"
run 0 "$tmp/collide.txt" --json
check "json: line of a collision" [ "$(json line)" = 3 ]
check "json: what was there" [ "$(json was)" = "an object of dentry is alive" ]
tac "$tmp/perf.txt" >"$tmp/back.txt"
run 0 "$tmp/back.txt"
err "back.txt:4: warning: this event is older than the one before it, by 0.000"
out "20000 events of 0.0 s"
out "events are older than the one before them, by up to 0.0"
out "played in the order of the lines: what is freed above its allocation stays alive"
run 0 "$tmp/back.txt" --json
check "$ran: how often time goes back" [ "$(json time_goes_back)" -gt 10000 ]
check "$ran: no time passes" [ "$(json recorded_ns)" = 0 ]
head -c 100000 "$tmp/perf.txt" >"$tmp/cut.txt"
run 1 "$tmp/cut.txt"
err "cut.txt: byte 100000: line"
out "INCOMPLETE"

# Memory follows what is alive, not for how long: ten times as many events take no more. KMT1's list of addresses is full in both.
# What is touched differs by some hundred KiB from run to run; a byte an event would be a MiB and more.
python=/usr/bin/python3
[ -x $python ] || python=python3
for kind in "kmt 32" "perf 4" "umt 8"; do
	set -- $kind
	for rounds in "$2" $(($2 * 10)); do
		$python -B tests/long_recording.py "$tmp/$rounds.$1" "$1" "$rounds"
		$python -B tests/long_recording.py --memory "$quarry" replay "$tmp/$rounds.$1" --machine maps/pc-pentium-128m.txt \
			>"$tmp/$rounds.kib" 2>"$tmp/err"
	done
	read -r once few <"$tmp/$2.kib"
	read -r often many <"$tmp/$(($2 * 10)).kib"
	check "memory: $1: $few KiB, and $many of ten times the events" \
		[ "$once$often" = 00 -a "$many" -lt $((few + 1024)) ]
	check "memory: $1: all events have their thing" [ "$(grep -c 'collide\|not alive, at' "$tmp/err")" = 0 ]
	rm "$tmp"/*."$1"
done

# perf script | quarry replay -: on this machine, if its map can be read.
zstd -dcq "$text" | "$quarry" replay - >"$tmp/out" 2>"$tmp/err"
got=$?
ran="replay -, without a machine"
if grep -q '^ *0*[1-9a-f][0-9a-f]*-.*System RAM' /proc/iomem 2>/dev/null; then
	check "$ran: status $got, expected 0" [ "$got" = 0 ]
	out "/proc/iomem"
else
	check "$ran: status $got, expected 2" [ "$got" = 2 ]
	err "As root this one is taken"
fi

[ "$failed" = 0 ]
