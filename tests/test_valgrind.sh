#!/bin/sh
# SPDX-License-Identifier: MIT
# Valgrind sees objects as it sees malloc()'s: a write behind one, and one after its free.
watched=$(dirname "$QUARRY")/examples/watched
status=0

if ! command -v valgrind >/dev/null; then
	echo "skip - valgrind is not installed"
	exit 0
fi

check() {
	name=$1
	shift
	if "$@"; then echo "ok - $name"; else echo "not ok - $name"; status=1; fi
}

says() { # MISTAKE PATTERN: valgrind finds one error and says so
	out=$(valgrind --error-exitcode=9 "$watched" "$1" 2>&1)
	[ $? -eq 9 ] && echo "$out" | grep -q "Invalid write of size 1" && echo "$out" | grep -q "$2"
}

silent() {
	valgrind --error-exitcode=9 --leak-check=no "$watched" none >/dev/null 2>&1
}

check "valgrind: nothing wrong" silent
check "valgrind: overrun" says overrun "0 bytes after a block of size 64 alloc'd"
check "valgrind: use after free" says after-free "8 bytes inside a block of size 64 free'd"
exit $status
