#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples run, and the README shows them as they are.
cd "$(dirname "$0")/.." || exit 2
bin=$(dirname "$QUARRY")/examples
status=0

verdict() {
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; status=1; fi
}

said=$("$bin/hello")
verdict $? "hello runs"
grep -qxF -- "$said" README.md
verdict $? "the README shows what hello prints"
sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' >"$bin/hello.readme"
sed '1d' examples/hello.c | cmp -s - "$bin/hello.readme"
verdict $? "the README shows hello.c"
rm -f "$bin/hello.readme"
exit $status
