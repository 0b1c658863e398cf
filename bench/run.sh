#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints all tables. Usage: run.sh BUILD-FOLDER
set -eu
cd "$(dirname "$0")/.."
out=$1

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sed q)
family=$(sed -n 's/^cpu family[^:]*: //p' /proc/cpuinfo | sed q)
echo "$(uname -m), ${cpu:-unknown CPU}${family:+ (family $family)}, $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg)"
echo
"$out/bench/bench" pages
echo
GLIBC_TUNABLES=glibc.rtld.optional_static_tls=65536 "$out/bench/bench" slabs slabs-large slabs-threads slabs-colour
echo
"$out/bench/bench" floor
echo
bench/callgrind.sh "$out/bench/instr"
echo
"$out/bench/bench" boots
echo
"$out/bench/bench" memblock
echo
bench/replay.sh "$out/quarry"
