#!/bin/sh
# SPDX-License-Identifier: MIT
# `quarry replay --page-cache` and `quarry pressure`: what they print and when they fail. $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
map=maps/qemu-512m-1node.boot.txt
build=traces/g61-build.kmt.zst
thp=traces/k618-thp.kmt.zst

# run STATUS VERB ARGS...
run() {
	want=$1
	shift
	"$quarry" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	ran="$*"
	check "$ran: status $got, expected $want" [ "$got" = "$want" ]
}
out() { check "$ran: output has \"$1\"" grep -qF -- "$1" "$tmp/out"; }
err() { check "$ran: error has \"$1\"" grep -qF -- "$1" "$tmp/err"; }
no_err() { check "$ran: no message" [ ! -s "$tmp/err" ]; }
narrow() { check "$ran: no line is wider than 100 columns" \
	[ "$(grep -v '^# name' "$tmp/out" | awk 'length > 100 && !/slabdata/' | wc -l)" = 0 ]; }
# json NAME: the first value of that name in the last run; the output is one value a line
json() { sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$tmp/out" | head -n 1; }
# json_refused ORDER: refused requests of at least that order, by the objects in "kinds"
json_refused() { sed -n 's/^ *"\(order\|count\)": \([0-9]*\),$/\1 \2/p' "$tmp/out" |
	awk -v least="$1" '$1 == "order" { o = $2 } $1 == "count" && o >= least { n += $2 } END { print n + 0 }'; }

# py NAME SCRIPT: check with a script that gets the output's path
py() {
	if command -v python3 >/dev/null; then
		check "$ran: $1" python3 -c "$2" "$tmp/out"
	else
		echo "skip - $1: no python3"
	fi
}

# Memory is full of page cache, and still all is served but huge pages and kmalloc()s of their size.
run 0 replay "$build" --machine $map --page-cache fill
no_err
narrow
out "Memory pressure"
out "page cache"
out "by kswapd"
out "cached, MiB"
out "fewest free pages"
out "Refused requests"
out "would have helped:"
out "The last one, at event"
digest=$(grep '^Digest' "$tmp/out")
section() { sed -n '/^Memory pressure/,$p' "$tmp/out"; }
section >"$tmp/once"
run 0 replay "$build" --machine $map --page-cache fill --seed 1
check "the same seed gives the same digest" [ "$digest" = "$(grep '^Digest' "$tmp/out")" ]
section >"$tmp/twice"
check "and the same report" cmp -s "$tmp/once" "$tmp/twice"
run 0 replay "$build" --machine $map --page-cache fill --seed 2
check "another seed gives another" [ "$digest" != "$(grep '^Digest' "$tmp/out")" ]

run 0 replay "$build" --machine $map --page-cache fill --json
py "json: valid" "import json, sys; json.load(open(sys.argv[1]))"
check "json: the digest of the text" [ "Digest     $(json digest)" = "$digest" ]
check "json: memory was full" [ "$(json pages_at_start)" -gt 100000 ]
check "json: kswapd worked" [ "$(json kswapd_pages)" -gt 10000 ]
check "json: pages were moved" [ "$(json pages_migrated)" -gt 1000 ]
check "json: refaults" [ "$(json refaults)" -gt 100 ]
py "json: GFP_KERNEL requests up to order 3 that may try again are never refused" "
import json, sys
kinds = json.load(open(sys.argv[1]))['refusals']['kinds']
assert kinds and all(k['explanation'].startswith('refused: ') for k in kinds)
sys.exit(any(k['order'] <= 3 and k['gfp_flags'].split('|')[0] == 'GFP_KERNEL'
	     and 'NORETRY' not in k['gfp_flags'] for k in kinds))"

# Compaction makes the huge pages: with it fewer are refused, and less of the cache is lost for them.
run 0 replay "$thp" --machine $map --page-cache fill --json
with=$(json_refused 9) cached=$(json pages)
check "compaction served requests" [ "$(json compact_success)" -gt 10 ]
check "nothing below order 8 is refused" [ "$(json_refused 0)" = "$(json_refused 8)" ]
run 0 replay "$thp" --machine $map --page-cache fill --no-compaction --json
without=$(json_refused 9)
check "no page is moved without compaction" [ "$(json pages_migrated)" = 0 ]
check "order 9: $with refused with compaction, $without without" [ $((with * 3 / 2)) -lt "$without" ]
check "pages cached at the end: $cached with compaction, $(json pages) without" \
	[ "$cached" -gt "$(json pages)" ]

# A size, a share, and nothing: without the option all is as before.
run 0 replay "$thp" --machine $map --page-cache 64M --json
check "64M are 16384 pages" [ "$(json pages_at_start)" = 16384 ]
run 0 replay "$thp" --machine $map --page-cache 50% --json
check "half of the managed pages" [ "$(json pages_at_start)" -gt 50000 ]
check "and no more" [ "$(json pages_at_start)" -lt 65536 ]
run 0 replay "$thp" --machine $map
check "without the option there is no such section" sh -c "! grep -q 'Memory pressure' '$tmp/out'"
run 0 replay "$thp" --machine $map --json
check "nor in the json" sh -c "! grep -q '\"pressure\"' '$tmp/out'"
run 0 replay "$build" --machine maps/qemu-1536m-2node.boot.txt --page-cache fill --limit 100000
out "Node 1   DMA32"
for bad in 0 101% % full 3; do
	run 2 replay "$thp" --machine $map --page-cache $bad
	err "--page-cache=$bad: expected fill, a share such as 50%"
done
run 2 replay "$thp" --machine $map --no-compaction
err "needs --page-cache"
run 2 replay "$thp" --machine $map --page-cache fill --seed x
err "--seed=x: expected a number"
run 2 replay "$thp" --machine maps/server-epyc-8node-1t.txt --page-cache fill
err "more memory than a cache can fill"

# quarry pressure
run 0 pressure $map
no_err
narrow
out "Requests: what served them"
out "order 9   GFP_HIGHUSER_MOVABLE"
out "Memory pressure"
out "would have helped:"
cp "$tmp/out" "$tmp/once"
run 0 pressure $map --seed 1 --order 0,3,9 --rate 1
check "the same seed gives the same output" cmp -s "$tmp/once" "$tmp/out"
run 0 pressure $map --seed 2
check "another seed gives another" sh -c "! cmp -s '$tmp/once' '$tmp/out'"
run 0 pressure $map --json
py "json: valid" "
import json, sys
o = json.load(open(sys.argv[1]))
for c in o['classes']:
	assert c['asked'] == c['at_once'] + c['after_reclaim'] + c['after_compaction'] + c['refused'], c
	assert c['refused'] >= 16, c
assert sum(c['after_compaction'] for c in o['classes']) > 10
assert all(g['explanation'].startswith('refused: ') for g in o['refusals'])
assert o['pressure']['page_cache']['pages'] == 0"
run 0 pressure $map --no-compaction --json
py "without compaction none is served by it" "
import json, sys
assert all(c['after_compaction'] == 0 for c in json.load(open(sys.argv[1]))['classes'])"
run 0 pressure $map --order 2 --rate 0 --page-cache 50% --cmdline mem=64M --cpus 2 --progress
out "order 2   GFP_ATOMIC"
err "pressure ["
run 0 pressure maps/qemu-1536m-2node.boot.txt --cmdline mem=1200M
out "2 nodes"
run 0 pressure maps/riscv64-k210-8m.dts
out "refused"
run 0 pressure --help
out "Usage: quarry pressure"
out "Exit status"
run 0 help
out "pressure"
run 2 pressure
err "which MAP?"
run 2 pressure $map $map
err "one MAP only"
run 2 pressure /nonexistent
err "/nonexistent: "
run 2 pressure $map --order 11
err "--order=11: expected orders from 0 to 10"
run 2 pressure $map --order 1,,2
err "--order=1,,2: expected"
run 2 pressure $map --rate x
err "--rate=x: expected a number"
run 2 pressure $map --cpus 0
err "--cpus=0: expected"
run 2 pressure $map --page-cache nothing
err "--page-cache=nothing: expected"

[ "$failed" = 0 ]
