#!/bin/sh
# SPDX-License-Identifier: MIT
# Puts what `make bench` prints into docs/performance.md, between its two marks. Usage: record.sh BUILD-FOLDER
set -eu
cd "$(dirname "$0")/.."
page=docs/performance.md
out=$(mktemp)
trap 'rm -f "$out"' EXIT
bench/run.sh "$1" | tee "$out"
awk -v out="$out" '
	/^<!-- end of make bench -->$/ { skip = 0 }
	!skip { print }
	/^<!-- make bench -->$/ {
		print "```"
		while ((getline line < out) > 0)
			print line
		print "```"
		skip = 1
	}' "$page" >"$page.new"
mv "$page.new" "$page"
