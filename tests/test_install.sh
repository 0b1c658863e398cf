#!/bin/bash
# SPDX-License-Identifier: MIT
# make install in a folder of its own: programs find the library there by pkg-config, CMake and Meson, as
# docs/porting.md says; make uninstall leaves nothing.
cd "$(dirname "$0")/.." || exit 2
build=$(cd "$(dirname "$QUARRY")" && pwd)
root=$PWD
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
unset MAKEFLAGS MFLAGS
lib=$dir/usr/lib/$(gcc -print-multiarch)
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib

# Runs the rest of its arguments, quietly if they succeed.
try() {
	name=$1
	shift
	if "$@" >"$dir/log" 2>&1; then
		echo "ok - $name"
	else
		tail -20 "$dir/log"
		echo "not ok - $name"
		status=1
	fi
}

# The shared library is made here; that the compiler optimises well is not the question.
make_it() {
	make --no-print-directory O="$build" CFLAGS=-O0 PREFIX="$dir/usr" LIBDIR="$lib" "$@"
}

says_hello() {
	[ "$("$@")" = "$("$build/examples/hello")" ]
}

installs() {
	make_it install && [ -x "$dir/usr/bin/quarry" ] && [ -f "$lib/libquarry.a" ] && [ ! -e "$dir/usr/include/linux" ] &&
		"$dir/usr/bin/quarry" boot "$dir/usr/share/quarry/maps/pc-pentium-128m.txt" >/dev/null
}
try "make install" installs

by_pkg_config() {
	gcc -o "$dir/hello" examples/hello.c $(pkg-config --cflags --libs quarry) && says_hello "$dir/hello" &&
		ldd "$dir/hello" | grep -q 'libquarry.so.0' &&
		[ "quarry $(pkg-config --modversion quarry)" = "$("$dir/usr/bin/quarry" --version)" ]
}
try "a program by pkg-config, with the shared library" by_pkg_config

by_archive() {
	gcc -o "$dir/hello" examples/hello.c $(pkg-config --cflags quarry) "$lib/libquarry.a" -lpthread &&
		says_hello "$dir/hello" && ! ldd "$dir/hello" | grep libquarry
}
try "a program with the archive" by_archive

linux_names() {
	cat >"$dir/names.c" <<'EOF'
#include <linux/memblock.h>
#include <linux/slab.h>
#include <quarry/linux.h>

int main(void)
{
	struct quarry_posix_options options = {.ram_bytes = 32 << 20};

	if (quarry_linux_start(&options))
		return 1;
	memblock_add(1 << 20, 31 << 20);
	memblock_free_all();

	char *p = kmalloc(100, GFP_KERNEL);
	int ok = p != NULL && ksize(p) == 128;

	kfree(p);
	return !ok;
}
EOF
	gcc -o "$dir/names" "$dir/names.c" $(pkg-config --cflags --libs quarry-linux) && "$dir/names"
}
try "a program with Linux's names" linux_names

exports() {
	! nm -D --defined-only "$lib/libquarry.so" | grep -v ' quarry_' &&
		! nm -D --defined-only "$lib/libquarry.so" | grep ' quarry_priv_' &&
		! nm -g --defined-only "$lib/libquarry.a" | grep ' [A-Z] ' | grep -v ' quarry_'
}
try "the libraries define no name without quarry_" exports

manual() {
	[ "$(man -M "$dir/usr/share/man" -w 3 quarry_kmalloc | wc -l)" = 1 ] &&
		man -M "$dir/usr/share/man" 3 quarry_kmalloc | grep -q 'kmalloc' || return 1
	[ -z "$(groff -z -wmac -man -Tutf8 -Kutf8 "$dir"/usr/share/man/man3/*_h.3 docs/quarry.3 docs/quarry.1 2>&1)" ] ||
		return 1
	# Beside quarry.h, where the version stands.
	[ "$(grep -c "^\.TH QUARRY [13] \"\" \"quarry $(pkg-config --modversion quarry)\"" docs/quarry.1 docs/quarry.3 |
		tr '\n' ' ')" = "docs/quarry.1:1 docs/quarry.3:1 " ]
}
if command -v man >/dev/null; then
	try "manual pages: each function has one" manual
else
	echo "skip - manual pages: no man"
fi

# The block of docs/porting.md in language $1 that mentions $2.
snippet() {
	awk -v lang="$1" -v has="$2" '
		$0 == "```" lang { on = 1; text = ""; next }
		on && $0 == "```" { if (index(text, has)) printf "%s", text; on = 0 }
		on { text = text $0 "\n" }' "$root/docs/porting.md"
}

by_cmake() (
	mkdir "$dir/cmake" && cd "$dir/cmake" && cp "$root/examples/hello.c" . || return 1
	{ echo 'cmake_minimum_required(VERSION 3.18)
project(hello C)' && snippet cmake pkg_check_modules; } >CMakeLists.txt
	[ "$(snippet cmake pkg_check_modules | wc -l)" -le 5 ] && cmake -S . -B out && cmake --build out &&
		says_hello out/hello
)
by_cmake_amalgam() (
	mkdir -p "$dir/cmake2/quarry" && cd "$dir/cmake2" && cp "$dir"/usr/share/quarry/quarry.[ch] quarry || return 1
	cp "$root/port/single/quarry_host.h" quarry
	echo '#include "quarry.h"
int main(void) { return quarry_init(0, 0, 0) != 0; }' >program.c
	{ echo 'cmake_minimum_required(VERSION 3.18)
project(program C)' && snippet cmake quarry.c; } >CMakeLists.txt
	[ "$(snippet cmake quarry.c | wc -l)" -le 5 ] && cmake -S . -B out && cmake --build out && out/program
)
if command -v cmake >/dev/null; then
	try "CMake finds the library" by_cmake
	try "CMake builds the two files" by_cmake_amalgam
else
	echo "skip - CMake: not installed"
fi

by_meson() (
	mkdir "$dir/meson" && cd "$dir/meson" && cp "$root/examples/hello.c" . || return 1
	{ echo "project('hello', 'c')" && snippet meson dependency; } >meson.build
	[ "$(snippet meson dependency | wc -l)" -le 5 ] && meson setup out && meson compile -C out && says_hello out/hello
)
by_meson_amalgam() (
	mkdir -p "$dir/meson2/quarry" && cd "$dir/meson2" && cp "$dir"/usr/share/quarry/quarry.[ch] quarry || return 1
	cp "$root/port/single/quarry_host.h" quarry
	echo '#include "quarry.h"
int main(void) { return quarry_init(0, 0, 0) != 0; }' >program.c
	{ echo "project('program', 'c')" && snippet meson quarry.c; } >meson.build
	[ "$(snippet meson quarry.c | wc -l)" -le 5 ] && meson setup out && meson compile -C out && out/program
)
if command -v meson >/dev/null; then
	try "Meson finds the library" by_meson
	try "Meson builds the two files" by_meson_amalgam
else
	echo "skip - Meson: not installed"
fi

uninstalls() {
	mkdir -p "$dir/usr/lib/x" && touch "$dir/usr/lib/x/other" # somebody else's stays
	make_it uninstall && [ "$(find "$dir/usr" ! -type d)" = "$dir/usr/lib/x/other" ] &&
		! find "$dir/usr" -name '*quarry*' | grep .
}
try "make uninstall leaves nothing, and what is others'" uninstalls

into_destdir() {
	make --no-print-directory O="$build" DESTDIR="$dir/stage" install &&
		[ -x "$dir/stage/usr/local/bin/quarry" ] && grep -q '^prefix=/usr/local$' "$dir/stage/usr/local/lib/pkgconfig/quarry.pc" &&
		make --no-print-directory O="$build" DESTDIR="$dir/stage" uninstall &&
		! find "$dir/stage" ! -type d | grep .
}
try "DESTDIR is where, PREFIX is what the files say" into_destdir
exit $status
