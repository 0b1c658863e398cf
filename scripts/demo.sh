#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make run` shows: a machine boots from the firmware map of the guest on which a kernel trace was
# recorded, and the trace is replayed on it. Usage: demo.sh QUARRY
set -eu
cd "$(dirname "$0")/.."
quarry=$1
map=maps/qemu-1g-1node.boot.txt
trace=traces/g61-build.kmt.zst

echo "== quarry boot $map --cpus 1"
"$quarry" boot "$map" --cpus 1
echo
echo "== quarry replay $trace --machine $map --cpus 1"
"$quarry" replay "$trace" --machine "$map" --cpus 1 --progress
cat <<EOF

Five commands to try next:
  $quarry boot maps/server-16s-12t.txt --cpus 64         12 TiB in 16 nodes
  $quarry replay $trace --machine $map --cpus 1 --cmdline "mem=400M"
                                                               what if it had less memory?
  $quarry report $trace --machine $map -o report.html     the same as a page with pictures
  $quarry top $trace --machine $map --speed 10            the same while it happens
  $quarry replay $trace --machine $map --json             the same for programs
EOF
