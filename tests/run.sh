#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs tests and counts. Usage: run.sh QUARRY TEST... ; QUARRY is the program that shell tests drive.
# A program is a cmocka test or a bounded fuzzer; a *.sh prints "ok - name" and "not ok - name".
set -u
cd "$(dirname "$0")/.."
export QUARRY=$1
shift
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1

passed=0 failed=0 skipped=0 broken=""
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Runs one test; leaves its output, then its status and its time.
run() {
	local start via=env log=$dir/${1//\//_}
	case $1 in
	*-m32) via=${M32_RUN:-env} ;;
	esac
	start=$(date +%s%N)
	timeout 600 $via "$1" >"$log.log" 2>&1 </dev/null
	echo "$? $((($(date +%s%N) - start) / 1000000))" >"$log.part"
	mv "$log.part" "$log.end"
}
export -f run
export dir

# One test a CPU; those that take longest first: they compile, draw, or run in an emulator.
long='.*/test_((configs|embed|install|porting|cli_report)\.sh|memblock-m32|soak_threads)'
{
	printf '%s\n' "$@" | grep -Ex "$long"
	printf '%s\n' "$@" | grep -Evx "$long"
} | xargs -P "$(nproc)" -I{} bash -c 'run {}' &
pool=$!
for t in "$@"; do
	log=$dir/${t//\//_}.log
	until [ -e "${log%.log}.end" ]; do
		kill -0 $pool 2>/dev/null || { [ -e "${log%.log}.end" ] || echo "125 0" >"${log%.log}.end"; break; }
		sleep 0.1
	done
	touch "$log"
	read -r rc ms <"${log%.log}.end"
	case $t in
	*.sh)
		p=$(grep -c '^ok ' "$log") f=$(grep -c '^not ok ' "$log") s=$(grep -c '^skip ' "$log") ;;
	*/fuzz_*)
		p=0 f=0 s=0
		[ $rc -eq 0 ] && p=1 ;;
	*)
		p=$(grep -c '^\[       OK \]' "$log") f=$(grep -c '^\[  FAILED  \] [a-zA-Z0-9_]*$' "$log")
		s=$(grep -c '^\[  SKIPPED \] [a-zA-Z0-9_]*$' "$log")
		f=$((f / 2)) s=$((s / 2)) ;; # cmocka names each once more in its summary
	esac
	[ $rc -ne 0 ] && [ "$f" -eq 0 ] && f=1
	[ $rc -eq 0 ] && [ "$p" -eq 0 ] && [ "$s" -eq 0 ] && f=1 && echo "no test ran" >>"$log"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '  %-34s %4d passed' "${t#build/}" "$p"
	[ "$s" -gt 0 ] && printf ', %d skipped' "$s"
	[ "$f" -gt 0 ] && printf ', %d FAILED (status %d)' "$f" "$rc"
	printf '  %6d ms\n' "$ms"
	if [ "$f" -gt 0 ]; then
		broken="$broken $t"
		# Of a shell test, what follows each verdict explains it.
		grep -v '^\[ RUN\|^\[       OK\|^ok ' "$log" | tail -60
	fi
done
[ -z "$broken" ] || echo "failed:$broken"
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
