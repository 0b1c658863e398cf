# SPDX-License-Identifier: MIT
# What the shell tests of the program share; sourced by them. $QUARRY is the program.
set -u
cd "$(dirname "$0")/.."
quarry=${QUARRY:-build/quarry}
[ -x "$quarry" ] || { echo "not ok - $quarry: no such program"; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

# check NAME COMMAND...: ok if the command succeeds; shows the end of what the last run said if not
check() {
	name=$1
	shift
	if "$@"; then
		echo "ok - $name"
		return
	fi
	failed=$((failed + 1))
	echo "not ok - $name"
	tail -n 5 "$tmp/out" | sed 's/^/    out: /'
	head -n 5 "$tmp/err" | sed 's/^/    err: /'
}
