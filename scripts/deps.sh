#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that a make target needs, and says which. Usage: deps.sh run|test|check|bench|demo|browser|coverage|fuzz
set -eu

run="libzstd-dev zlib1g-dev libjansson-dev libfdt-dev device-tree-compiler libncurses-dev libcairo2-dev"
demos="qemu-system-x86 qemu-system-arm qemu-system-misc gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu"
builders="cmake meson ninja-build pkgconf man-db"
browsers="chromium chromium-driver python3-selenium"
case "${1:-}" in
run) want="$run" ;;
test) want="$run libcmocka-dev zstd procps numactl tmux" ;;
check) want="$run clang-14 clang-format-14 clang-tidy-14 cppcheck python3" ;;
demo) want="$demos" ;;
browser) want="$browsers" ;;
coverage) want="gcovr" ;;
fuzz) want="clang-14 libclang-rt-14-dev afl++" ;;
bench) want="$run valgrind libmimalloc2.0 libjemalloc2 libtcmalloc-minimal4" ;;
*) echo "usage: deps.sh run|test|check|bench|demo|browser|coverage|fuzz" >&2; exit 2 ;;
esac

# 32-bit programs are tested where they can be made. Not gcc-multilib, which drives out cross compilers. The page of
# quarry report is tested in a browser where there is one, the demo kernel where there are emulators and compilers,
# what make install writes with the build systems that there are.
wish= browser= demo= builder=
if [ "$1" = test ] && [ "$(dpkg --print-architecture)" = amd64 ] && command -v gcc >/dev/null; then
	wish="gcc-$(gcc -dumpversion)-multilib"
fi

[ "$1" != test ] || browser="$browsers" demo="$demos" builder="$builders"

# A big-endian machine, for the self-test as one of its programs.
big=
[ "$1" != test ] || big="gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user"

lacking() {
	for p in "$@"; do
		dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || printf ' %s' "$p"
	done
}
missing=$(lacking $want)
wish=$(lacking $wish)
browser=$(lacking $browser)
demo=$(lacking $demo)
builder=$(lacking $builder)
big=$(lacking $big)
[ -n "$missing$wish$demo$browser$builder$big" ] || exit 0

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
for w in "$wish" "$demo" "$browser" "$builder" "$big"; do
	if [ -n "$w" ] && ! install_or_update "$w"; then
		echo "quarry: could not install$w, go on without"
	fi
done
