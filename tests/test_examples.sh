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
said=$("$bin/firmware" tests/data/firmware/qemu-aarch64-virt.dtb)
verdict $? "firmware runs"
echo "$said" | grep -qxF 'cpu 3: id 0x3, node 1' &&
	echo "$said" | grep -qxF 'memory: [0x50000000-0x5fffffff], node 1' &&
	echo "$said" | grep -qxF '131069 of 131072 pages are managed, and 131072 after the tree is no longer needed'
verdict $? "firmware shows the machine, and gives the tree back"
"$bin/firmware" README.md >/dev/null 2>&1
[ $? -eq 1 ]
verdict $? "firmware refuses what is no tree"
exit $status
