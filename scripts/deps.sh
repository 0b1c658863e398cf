#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that a make target needs, and says which. Usage: deps.sh run|test|check|bench
set -eu

run="libzstd-dev libjansson-dev libfdt-dev device-tree-compiler"
case "${1:-}" in
run) want="$run" ;;
test)
	want="$run libcmocka-dev zstd procps numactl"
	# For the 32-bit tests, which are left out without.
	[ "$(dpkg --print-architecture)" != amd64 ] || want="$want gcc-multilib"
	;;
check) want="$run clang-14 clang-format-14 python3" ;;
bench) want="$run valgrind" ;;
*) echo "usage: deps.sh run|test|check|bench" >&2; exit 2 ;;
esac

missing=
for p in $want; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

echo "quarry: installing Debian packages:$missing"
sudo=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "quarry: not root and no sudo; please install them yourself: apt-get install$missing" >&2
		exit 1
	fi
	sudo=sudo
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y --no-install-recommends $missing >"$log" 2>&1
}
if ! install; then
	$sudo apt-get update >"$log" 2>&1 || true
	if ! install; then
		cat "$log" >&2
		echo "quarry: could not install:$missing" >&2
		exit 1
	fi
fi
