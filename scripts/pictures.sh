#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the pictures of the documentation again. Usage: pictures.sh QUARRY
# The picture of the page needs chromium (scripts/deps.sh browser); without it the old one stays.
set -eu
cd "$(dirname "$0")/.."
quarry=$1
dir=docs/pictures
trace=traces/g61-build.kmt.zst
map=maps/qemu-1g-1node.boot.txt

# picture FILE NAME OPTION...
picture() {
	file=$1 name=$2
	shift 2
	"$quarry" replay $trace --machine $map "$@" --no-progress --plot "$dir/$file" --picture "$name" >/dev/null
	echo "  $dir/$file"
}
picture maptime.svg maptime --cpus 1
set -- --cmdline mem=512M --page-cache fill --no-compaction
picture tutorial-map.svg map "$@"
picture tutorial-unusable.svg unusable "$@"

if ! command -v chromium >/dev/null; then
	echo "  $dir/report.png stays as it is: no chromium"
	exit
fi
mkdir -p build
"$quarry" report $trace --machine $map "$@" --no-progress -o build/report.html
chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,1010 --virtual-time-budget=5000 \
	--screenshot=$dir/report.png build/report.html 2>/dev/null
echo "  $dir/report.png"
