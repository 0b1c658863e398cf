#!/bin/sh
# SPDX-License-Identifier: MIT
# `quarry record`: what it says when it cannot, and the way from perf to a replay, with a stand-in for perf that
# prints a real recording; then with perf itself, where that works. $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
case $quarry in /*) ;; *) quarry=$PWD/$quarry ;; esac
sample=$PWD/traces/perf-compile.txt.zst

# run STATUS ARGS...: run quarry record in $tmp/rec
run() {
	want=$1
	shift
	(cd "$tmp/rec" && PATH=$tmp/bin:$PATH timeout 120 "$quarry" record "$@") >"$tmp/out" 2>"$tmp/err" \
		</dev/null
	got=$?
	ran="record $*"
	check "$ran: status $got, expected $want" [ "$got" = "$want" ]
}
out() { check "$ran: output has \"$1\"" grep -qF -- "$1" "$tmp/out"; }
err() { check "$ran: error has \"$1\"" grep -qF -- "$1" "$tmp/err"; }
nothing() { check "$ran: nothing is left behind" [ -z "$(ls -A "$tmp/rec")" ]; }

mkdir "$tmp/bin" "$tmp/rec" "$tmp/tracefs" "$tmp/proc"
for f in slabinfo buddyinfo pagetypeinfo zoneinfo meminfo vmstat cmdline; do
	echo "the text of $f" >"$tmp/proc/$f"
done
printf '00001000-0009fbff : System RAM\n00100000-3fffffff : System RAM\n' >"$tmp/proc/iomem"
zstd -dcq "$sample" >"$tmp/sample.txt"
cat >"$tmp/bin/perf" <<'END'
#!/bin/sh
# A stand-in: "record" runs the command, "script" prints a recording.
verb=$1
shift
if [ "$verb" = script ]; then
	echo "script $*" >>"$STANDIN/calls"
	cat "$STANDIN/sample.txt"
	exit 0
fi
echo "record $*" >>"$STANDIN/calls"
while [ "$1" != -- ]; do
	if [ "$1" = -o ]; then
		data=$2
	fi
	shift
done
shift
if [ -e "$STANDIN/refuse" ]; then
	echo "Error: no permission" >&2
	exit 255
fi
"$@"
status=$?
echo data >"$data"
exit $status
END
chmod +x "$tmp/bin/perf"
STANDIN=$tmp
export STANDIN
where="--tracefs $tmp/tracefs --proc $tmp/proc"

# What is missing, and what to do.
run 2
err "which COMMAND?"
run 2 --buffer 1 -- true
err "expected 4K to 1G"
run 1 --perf no-such-perf -- true
err "no-such-perf: no such program"
err "linux-perf"
run 1 --tracefs "$tmp/nowhere" -- true
err "nowhere is not there: this kernel has no tracing"
run 1 --tracefs "$tmp/tracefs" -- true
err "mount -t tracefs nodev"
mkdir -p "$tmp/tracefs/events/kmem"
for e in kmalloc kfree kmem_cache_alloc; do
	mkdir "$tmp/tracefs/events/kmem/$e"
	echo "name: $e" >"$tmp/tracefs/events/kmem/$e/format"
done
run 1 --tracefs "$tmp/tracefs" -- true
err "this kernel lacks events that a replay needs: kmem_cache_free mm_page_alloc mm_page_free"
if [ "$(id -u)" != 0 ]; then
	chmod 0 "$tmp/tracefs"
	run 1 --tracefs "$tmp/tracefs" -- true
	err "Run it as root: sudo quarry record"
	chmod 755 "$tmp/tracefs"
fi
for e in kmem_cache_free mm_page_alloc mm_page_free kmalloc_node mm_page_alloc_extfrag; do
	mkdir "$tmp/tracefs/events/kmem/$e"
	echo "name: $e" >"$tmp/tracefs/events/kmem/$e/format"
done
run 127 $where -- no-such-command x
err "no-such-command: no such command"
run 1 $where -o /nonexistent/x.txt -- true
err "/nonexistent/x.txt"
: >"$tmp/refuse"
run 1 $where -- true
err "perf recorded nothing"
err "kernel.perf_event_paranoid"
rm "$tmp/refuse"
nothing

# From perf to a replay. The status is the command's.
: >"$tmp/calls"
run 3 $where -m 1M -o here.txt.zst -- sh -c 'echo the command; exit 3'
out "the command"
err "20000 events in here.txt.zst"
err "now: quarry replay here.txt.zst"
check "perf was asked for what the kernel has, all CPUs, a monotonic clock" grep -qF -- \
	"-a -k mono -m 1024K" "$tmp/calls"
check "events of old kernels too" grep -qF -- \
	"kmem:kmalloc,kmem:kmalloc_node,kmem:kfree,kmem:kmem_cache_alloc,kmem:kmem_cache_free" "$tmp/calls"
check "three files, and no other" \
	[ "$(cd "$tmp/rec" && echo *)" = "here.machine.txt here.snap.txt.zst here.txt.zst" ]
zstd -dcq "$tmp/rec/here.txt.zst" | cmp -s - "$tmp/sample.txt"
check "the recording is what perf printed" [ $? = 0 ]
zstd -dcq "$tmp/rec/here.snap.txt.zst" >"$tmp/snap"
check "snapshots from before" [ "$(grep -ac '^@@SNAP n=0 .* at=start file=' "$tmp/snap")" = 6 ]
check "snapshots from after" [ "$(grep -ac '^@@SNAP n=1 .* at=end file=' "$tmp/snap")" = 6 ]
check "snapshots hold the files" [ "$(grep -ac '^the text of pagetypeinfo' "$tmp/snap")" = 2 ]
check "the command line of the machine" grep -q '^# the text of cmdline' "$tmp/rec/here.machine.txt"
(cd "$tmp/rec" && "$quarry" replay here.txt.zst) >"$tmp/out" 2>"$tmp/err"
check "the replay finds its machine: status 0" [ $? = 0 ]
out "on         here.machine.txt ("
out "20000 events"
rm "$tmp"/rec/*
# The same as KMT1, with all that was printed.
run 0 $where -o here.kmt.zst -- true
err "20000 events in here.kmt.zst"
check "three files, and no other, beside KMT1" \
	[ "$(cd "$tmp/rec" && echo *)" = "here.kmt.zst here.machine.txt here.snap.txt.zst" ]
(cd "$tmp/rec" && "$quarry" replay here.kmt.zst) >"$tmp/out" 2>"$tmp/err"
check "the replay of KMT1 finds its machine: status 0" [ $? = 0 ]
out "(KMT1 binary"
out "19212 events" # without those of rss_stat, which say nothing of memory taken
"$quarry" convert "$tmp/rec/here.kmt.zst" "$tmp/back.txt" --to perf 2>"$tmp/err"
cmp -s "$tmp/back.txt" "$tmp/sample.txt"
check "KMT1 gives back what perf printed" [ $? = 0 ]
rm "$tmp"/rec/*
run 0 $where --command-only -- true
check "of the command only: no -a" sh -c "tail -n 2 '$tmp/calls' | head -n 1 | grep -vqF -- ' -a '"
check "the usual name" [ -e "$tmp/rec/quarry-record.txt.zst" ]
rm "$tmp"/rec/*

# Lost events, and a machine that hides its addresses.
echo '  x 1 [000] 1.000000: PERF_RECORD_LOST lost 17' >>"$tmp/sample.txt"
printf '00000000-00000000 : System RAM\n' >"$tmp/proc/iomem"
rm "$tmp/proc/slabinfo"
run 0 $where -o here.txt -- true
err "17 were LOST: give a larger --buffer"
err "does not tell where memory is: a replay needs --machine"
err "is missing beside the recording: $tmp/proc/slabinfo"
check "no machine" [ ! -e "$tmp/rec/here.machine.txt" ]
"$quarry" replay "$tmp/rec/here.txt" --machine maps/vm-24g-2cpu.txt >"$tmp/out" 2>"$tmp/err"
out "the recorder lost 17 events: what they freed stays alive here"
err "here.txt:20001: warning: 17 events were lost before this line"
rm "$tmp"/rec/*

# perf prints nothing: nothing is written.
: >"$tmp/sample.txt"
run 1 $where -- true
err "printed no event"
nothing

# perf itself, on this kernel.
rm "$tmp/bin/perf"
if perf record -q -a -e kmem:kfree -o "$tmp/probe" -- true >/dev/null 2>&1 && [ -s "$tmp/probe" ]; then
	run 5 -o live.txt.zst -- sh -c 'ls -R /proc/self >/dev/null 2>&1; exit 5'
	err " events in live.txt.zst"
	set -- --machine "$PWD/maps/vm-24g-2cpu.txt"
	[ -e "$tmp/rec/live.machine.txt" ] && set --
	(cd "$tmp/rec" && "$quarry" replay live.txt.zst "$@") >"$tmp/out" 2>"$tmp/err"
	check "a live recording replays: status 0" [ $? = 0 ]
	check "a live recording: no line was malformed" [ "$(grep -c malformed "$tmp/out")" = 0 ]
else
	echo "ok - (perf cannot record here: only the stand-in was tried)"
fi

[ "$failed" = 0 ]
