#!/bin/sh
# SPDX-License-Identifier: MIT
# Line and branch coverage of src/ by all tests, without sanitizers. Usage: coverage.sh BUILD-FOLDER
# Leaves BUILD-FOLDER/coverage.txt (by file) and coverage.html (with what was not reached).
set -eu
cd "$(dirname "$0")/.."
out=$1
unset MAKEFLAGS MFLAGS
make --no-print-directory -j"$(nproc)" O="$out" CFLAGS="-O1 -g --coverage -Wno-error" test-bins
find "$out" -name '*.gcda' -delete
# Valgrind and the sanitizers have tests of their own, which build what they need.
tests/run.sh "$out/quarry" $(for t in tests/test_*.c tests/fuzz_*.c; do echo "$out/${t%.c}"; done) \
	tests/test_cli_*.sh || echo "coverage: not all tests passed" >&2
gcovr -j "$(nproc)" --gcov-ignore-parse-errors -r . --object-directory "$out" --filter 'src/' --exclude-unreachable-branches \
	--branches --txt "$out/coverage-branches.txt" "$out" >/dev/null
gcovr --gcov-ignore-parse-errors -r . --object-directory "$out" --filter 'src/' --exclude-unreachable-branches \
	--txt "$out/coverage.txt" --html-details "$out/coverage.html" --print-summary "$out"
