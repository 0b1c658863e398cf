#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds a fuzz target for an engine and runs it. Usage: fuzz.sh libfuzzer|afl NAME MINUTES BUILD FLAGS; see make fuzz.
set -eu
engine=$1 name=$2 minutes=$3 build=$4 flags=$5
case $engine in
libfuzzer) cc=clang-14 ;;
afl) cc=afl-clang-fast ;;
*) echo "fuzz.sh: no engine $engine" >&2; exit 2 ;;
esac
dir=$build/fuzz/$name kept=tests/data/fuzz/$name
make --no-print-directory O="$build/$engine" CC=$cc CFLAGS="$flags" T="$name" fuzz-engine
mkdir -p "$dir/found" "$kept"
if [ $engine = afl ]; then
	cp -n "$kept"/* "$dir/seeds" 2>/dev/null || true
	AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_SKIP_CPUFREQ=1 AFL_NO_UI=1 AFL_AUTORESUME=1 AFL_FAST_CAL=1 afl-fuzz -V $((minutes * 60)) \
		-m none -t 60000 -i "$dir/seeds" -o "$dir/afl" "$build/$engine/engine_$name" >"$dir/afl.log" ||
		{ tail -20 "$dir/afl.log" >&2; exit 1; }
	stats=$dir/afl/default/fuzzer_stats
	grep -E '^(run_time|execs_done|execs_per_sec|corpus_count|edges_found|bitmap_cvg|stability|saved_(crashes|hangs)) ' "$stats"
	grep -q '^saved_crashes *: 0$' "$stats" || { echo "fuzz.sh: inputs that fail: $dir/afl/default/crashes" >&2; exit 1; }
else
	"$build/$engine/engine_$name" -max_len=30000 -timeout=60 -max_total_time=$((minutes * 60)) \
		-print_final_stats=1 -artifact_prefix="$dir/" "$dir/found" "$kept" "$dir/seeds"
fi
