#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what `make install` has built, or takes it away. Usage: install.sh install|uninstall|list BUILD-FOLDER
# The environment says where: DESTDIR, PREFIX, BINDIR, LIBDIR, INCLUDEDIR, MANDIR, DOCDIR, DATADIR, VERSION.
# list prints what install writes, and uninstall removes just that.
set -eu
cd "$(dirname "$0")/.."
build=$2
soname=libquarry.so.${VERSION%.*}

# mode, file, where to
files() {
	echo "755 $build/quarry $BINDIR/quarry"
	for lib in libquarry.a libquarry-linux.a; do
		echo "644 $build/install/$lib $LIBDIR/$lib"
	done
	echo "644 $build/install/libquarry.so $LIBDIR/libquarry.so.$VERSION"
	for pc in quarry quarry-linux; do
		echo "644 $build/install/$pc.pc $LIBDIR/pkgconfig/$pc.pc"
	done
	for h in include/quarry/*.h; do
		echo "644 $h $INCLUDEDIR/quarry/${h##*/}"
	done
	# Not in the way of the host's own <linux/...> and <asm/...>.
	find include/linux include/asm -name '*.h' | sort | while read -r h; do
		echo "644 $h $INCLUDEDIR/quarry-linux/${h#include/}"
	done
	echo "644 docs/quarry.1 $MANDIR/man1/quarry.1"
	echo "644 docs/quarry.3 $MANDIR/man3/quarry.3"
	for m in "$build"/install/man3/*.3; do
		echo "644 $m $MANDIR/man3/${m##*/}"
	done
	for f in quarry.c quarry.h quarry_selftest.c quarry_selftest.h quarry_host.example.h; do
		echo "644 $build/amalgam/$f $DATADIR/quarry/$f"
	done
	find maps -type f | sort | while read -r f; do
		echo "644 $f $DATADIR/quarry/$f"
	done
	find README.md CHANGES.md LICENSE docs examples -type f ! -name '*.mk' | sort | while read -r f; do
		echo "644 $f $DOCDIR/$f"
	done
}

# link, where it leads
links() {
	echo "$LIBDIR/$soname libquarry.so.$VERSION"
	echo "$LIBDIR/libquarry.so $soname"
}

case ${1:-} in
list)
	files | cut -d' ' -f3
	links | cut -d' ' -f1
	;;
install)
	files | while read -r mode from to; do
		install -D -m "$mode" "$from" "$DESTDIR$to.new"
		mv -f "$DESTDIR$to.new" "$DESTDIR$to"
	done
	links | while read -r link to; do
		ln -sfn "$to" "$DESTDIR$link"
	done
	echo "quarry $VERSION is installed in $DESTDIR$PREFIX"
	[ -n "$DESTDIR" ] || [ "$(id -u)" -ne 0 ] || ldconfig 2>/dev/null || true
	;;
uninstall)
	"$0" list "$build" | while read -r f; do
		rm -f "$DESTDIR$f"
	done
	# Folders that are Quarry's alone.
	for d in "$INCLUDEDIR/quarry" "$INCLUDEDIR/quarry-linux" "$DATADIR/quarry" "$DOCDIR"; do
		[ ! -d "$DESTDIR$d" ] || find "$DESTDIR$d" -depth -type d -empty -delete
	done
	echo "quarry $VERSION is gone from $DESTDIR$PREFIX"
	;;
*)
	echo "usage: install.sh install|uninstall|list BUILD-FOLDER" >&2
	exit 2
	;;
esac
