#!/bin/sh
# SPDX-License-Identifier: MIT
# `quarry compare`: what if. $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
map=maps/qemu-512m-1node.boot.txt
trace=traces/k618-thp.kmt.zst

# run STATUS ARGS...: run quarry compare
run() {
	want=$1
	shift
	timeout 300 "$quarry" compare "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	ran="compare $*"
	check "$ran: status $got, expected $want" [ "$got" = "$want" ]
}
out() { check "$ran: output has \"$1\"" grep -qF -- "$1" "$tmp/out"; }
err() { check "$ran: error has \"$1\"" grep -qF -- "$1" "$tmp/err"; }
# value NAME N: the Nth value of that name in JSON
value() { sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$tmp/out" | sed -n "$2p"; }

# The machines that are built in, in one table.
run 0 "$trace" --machine "$map"
for name in "as given" half-ram two-nodes no-grouping no-arenas watermarks; do
	check "a row for $name" grep -q "^$name " "$tmp/out"
done
check "rows are not wider than 132 columns" [ "$(awk 'length > 132' "$tmp/out" | wc -l)" = 0 ]

# The same result bit for bit: again, with more processes, and from another order of variants.
run 0 "$trace" --machine "$map" --json --jobs 1 --variant half-ram --variant two-nodes
cp "$tmp/out" "$tmp/once"
run 0 "$trace" --machine "$map" --json --jobs 3 --variant half-ram --variant two-nodes
check "the same JSON from three processes at once" cmp -s "$tmp/once" "$tmp/out"
check "half the RAM" [ "$(value ram_bytes 2)" -lt 269000000 ]
check "half the RAM, not less" [ "$(value ram_bytes 2)" -gt 266000000 ]
check "two nodes" [ "$(value nr_nodes 3)" = 2 ]
"$quarry" replay "$trace" --machine "$map" --json >"$tmp/replay" 2>/dev/null
check "the digest of quarry replay" grep -q "\"digest\": \"$(value digest 1)\"" "$tmp/replay"

# Own variants: options of replay, quoted words, policies.
run 0 "$trace" --machine "$map" --json \
	--variant 'tight: --cmdline "mem=160M nr_cpus=1" --cpus 1' \
	--variant "big slabs:--policy min_order=3" --variant "other: --machine maps/qemu-1g-1node.boot.txt"
check "own: refused" [ "$(value refused 2)" -gt 100 ]
check "own: when first" [ "$(value first_refused_ns 2)" -gt 0 ]
check "own: no order 9 block left" [ "$(value first_no_order9_block_ns 2)" -gt 0 ]
check "own: CPUs" [ "$(value nr_cpus 2)" = 1 ]
check "own: large slabs hold more" [ "$(value slab_bytes 3)" -gt "$(value slab_bytes 1)" ]
check "own: another map" [ "$(value ram_bytes 4)" -gt 1000000000 ]
check "own: never" [ "$(value first_refused_ns 1)" = null ]

# The least RAM: with it nothing is refused, with a MiB less something is.
run 0 "$trace" --machine "$map" --least-ram --json
least=$(value least_ram_bytes 1)
check "least RAM: found" [ "$least" -gt 100000000 ]
check "least RAM: less than all" [ "$least" -lt 500000000 ]
run 0 "$trace" --machine "$map" --least-ram --limit 100000
limit=$(sed -n 's/^Least RAM .* MiB, by mem=\([0-9]*\)M\.$/\1/p' "$tmp/out")
run 0 "$trace" --machine "$map" --limit 100000 --json --variant "it: --cmdline mem=${limit}M" --variant "less: --cmdline mem=$((limit - 1))M"
check "least RAM: the limit that is told is enough" [ "$(value refused 2)" = 0 ]
check "least RAM: the limit that is told is the least" [ "$(value refused 3)" -gt 0 ]
run 0 "$trace" --machine "$map" --least-ram --json --jobs 5
check "least RAM: the same by other steps" [ "$(value least_ram_bytes 1)" = "$least" ]
end=$((least + 1048576))
run 0 "$trace" --machine "$map" --json --variant "enough: --cmdline mem=$end" \
	--variant "less: --cmdline mem=$((end / 1048576 * 1048576 - 1048576))"
check "least RAM: enough" [ "$(value refused 2)" = 0 ]
check "least RAM: not less" [ "$(value refused 3)" -gt 0 ]
run 0 "$trace" --machine "$map" --least-ram --allow-refused 1000000
out "with at most 1000000 requests refused"
run 0 traces/user-sqlite.umt.zst --machine "$map" --variant "fine: --heap fine"
out "fine "

# Wrong use.
run 2 "$trace" --machine "$map" --variant best
err "expected NAME: OPTIONS, or half-ram"
run 2 "$trace" --machine "$map" --variant "x: --nonsense"
err "variant \"x: --nonsense\" is wrong"
run 2 "$trace" --machine "$map" --variant "x: y"
err "a variant has options only"
run 2 "$trace" --machine "$map" --variant "x: --policy grouping=x"
err "expected grouping=on|off"
run 2 - --machine "$map"
err "standard input can be read only once"
run 2 "$trace"
err "on which machine?"
run 2 /nonexistent --machine "$map"
err "/nonexistent: No such file"
run 2 "$trace" --machine "$map" --jobs 0
err "expected a number"
head -c 300000 "$trace" >"$tmp/cut.kmt.zst"
run 1 "$tmp/cut.kmt.zst" --machine "$map" --variant two-nodes
err "did not run to its end"
out "INCOMPLETE"

# The policies of replay.
"$quarry" replay "$trace" --machine "$map" --policy min_order=9 >"$tmp/out" 2>"$tmp/err"
check "replay: bad policy: status 2" [ $? = 2 ]
err "min_order=9: expected"
"$quarry" replay "$trace" --machine "$map" --policy watermark_scale_factor=9999 >"$tmp/out" 2>"$tmp/err"
check "replay: tunable out of range: status 2" [ $? = 2 ]
err "is out of range"
"$quarry" replay "$trace" --machine "$map" --policy grouping=off,sheaf=4 >"$tmp/out" 2>"$tmp/err"
check "replay: policy: status 0" [ $? = 0 ]
out "policy grouping=off,sheaf=4"

[ "$failed" = 0 ]
