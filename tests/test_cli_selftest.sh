#!/bin/sh
# SPDX-License-Identifier: MIT
# Exit status, messages and output of `quarry selftest`. $QUARRY is the program.
. "$(dirname "$0")/cli.sh"

# run STATUS ARGS...
run() {
	want=$1
	shift
	"$quarry" selftest "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	ran="selftest $*"
	check "$ran: status $got, expected $want" [ "$got" = "$want" ]
}
out() { check "$ran: output has \"$1\"" grep -qF -- "$1" "$tmp/out"; }
err() { check "$ran: error has \"$1\"" grep -qF -- "$1" "$tmp/err"; }

run 0
tests=$(sed -n 's/^1\.\.//p' "$tmp/out")
check "the plan is kept" [ "$(grep -c '^ok ' "$tmp/out")" = "$tests" ]
check "nothing is skipped" sh -c "! grep -q SKIP '$tmp/out'"
run 0 --list
check "--list names as many" [ "$(wc -l <"$tmp/out")" = "$tests" ]
out "P2 buddies merge"
run 0 P2
out "1..1"
out "ok 1 - P2 buddies merge"
run 0 "NUMA policies"
run 0 X --stress 3 --cpus 3 --seed 5
out "ok - stress: 3 CPUs, 3 rounds, 18000 steps"
run 0 --ram 2M
run 0 --machine maps/server-2s-xeon-128g-pmem.txt --stress 1 --cpus 2
out "ok - stress: 2 CPUs"
run 0 --machine maps/riscv64-k210-8m.dts
run 0 --help
out "Usage:"
run 2 P99
err 'no test fits "P99"'
run 2 P1 P2
err "one FILTER only"
run 2 --cpus 0
err "--cpus=0: expected a number from 1 to 256"
run 2 --stress many
err "--stress=many: expected"
run 2 --ram 1M
err "--ram=1M: expected"
run 2 --machine /nonexistent
err "/nonexistent"
[ $failed -eq 0 ]
