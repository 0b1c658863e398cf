#!/bin/sh
# SPDX-License-Identifier: MIT
# Zones, marks, reserves, pagesets and zonelists of random machines equal a model of Linux 6.1's rules.
# $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
python3 -B tests/zones_model.py "$quarry" 120 >"$tmp/out" 2>"$tmp/err"
check "random machines are as the model says" [ $? -eq 0 ]
check "some have several nodes and ZONE_MOVABLE" grep -Eq 'machines, [1-9][0-9] of several nodes, [1-9][0-9] with' "$tmp/out"
[ "$failed" = 0 ]
