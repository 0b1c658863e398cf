#!/bin/sh
# SPDX-License-Identifier: MIT
# Brings uPlot, the library that draws the curves of `quarry report`, from the npm registry: one version,
# whose checksum is known. Usage: uplot.sh FOLDER
# Afterwards FOLDER holds uplot.js, uplot.css and uplot.LICENSE: empty ones if it could not be had, and then
# pages have tables in place of curves. `make uplot` tries again.
set -eu

version=1.6.32
sha512=2883159c6ebccefbb95d751b0b82d010f9e1c0ec41b8bc96d401eda66e882935c89a46cb824332fa369b8cb8122cc6ac36e186cd09bf7a9ded3a4c93c6989023
dir=$1
mkdir -p "$dir"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

without() {
	echo "  uPlot left out: $1. \`quarry report\` then shows tables in place of curves; \`make uplot\` tries again"
	for f in uplot.js uplot.css uplot.LICENSE; do
		: >"$dir/$f"
	done
	exit 0
}

command -v npm >/dev/null || without "there is no npm"
(cd "$tmp" && timeout 60 npm pack --silent --fetch-retries=1 "uplot@$version" >/dev/null 2>&1) || without "npm could not get it"
got=$(sha512sum <"$tmp/uplot-$version.tgz" | cut -d' ' -f1)
[ "$got" = "$sha512" ] || without "what npm got is not uPlot $version as it is known"
tar -xzf "$tmp/uplot-$version.tgz" -C "$tmp"
cp "$tmp/package/dist/uPlot.min.css" "$tmp/uplot.css"
cp "$tmp/package/LICENSE" "$tmp/uplot.LICENSE"
cp "$tmp/package/dist/uPlot.iife.min.js" "$tmp/uplot.js"
mv "$tmp/uplot.css" "$tmp/uplot.LICENSE" "$tmp/uplot.js" "$dir/"
