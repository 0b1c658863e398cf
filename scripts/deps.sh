#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that a make target needs, and says which. Usage: deps.sh run|test|check|bench|demo
set -eu

run="libzstd-dev libjansson-dev libfdt-dev device-tree-compiler"
demo="qemu-system-x86 qemu-system-arm qemu-system-misc gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu"
case "${1:-}" in
run) want="$run" ;;
test) want="$run libcmocka-dev zstd procps numactl" ;;
check) want="$run clang-14 clang-format-14 python3" ;;
demo) want="$demo" ;;
bench) want="$run valgrind libmimalloc2.0 libjemalloc2 libtcmalloc-minimal4" ;;
*) echo "usage: deps.sh run|test|check|bench|demo" >&2; exit 2 ;;
esac

# Wishes of the tests, which leave out what cannot be had: the demo kernel; 32-bit programs. Not gcc-multilib for
# them, which drives out the cross compilers.
wish=
[ "$1" != test ] || wish="$demo"
if [ "$1" = test ] && [ "$(dpkg --print-architecture)" = amd64 ] && command -v gcc >/dev/null; then
	wish="$wish gcc-$(gcc -dumpversion)-multilib"
fi

lacking() {
	for p in "$@"; do
		dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$p"
	done
}
missing=$(lacking $want)
wish=$(lacking $wish)
[ -n "$missing$wish" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		[ -n "$missing" ] || exit 0
		echo "quarry: not root and no sudo; please install them yourself: apt-get install$missing" >&2
		exit 1
	fi
	sudo=sudo
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
	echo "quarry: installing Debian packages:$1"
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y --no-install-recommends --no-remove $1 \
		>"$log" 2>&1
}
# With the lists of packages that are there, then with new ones.
install_or_update() {
	install "$1" || { $sudo apt-get update >"$log" 2>&1 || true; install "$1"; }
}
if [ -n "$missing" ] && ! install_or_update "$missing"; then
	cat "$log" >&2
	echo "quarry: could not install:$missing" >&2
	exit 1
fi
if [ -n "$wish" ] && ! install_or_update "$wish"; then
	for p in $wish; do
		install " $p" || echo "quarry: could not install $p, go on without"
	done
fi
