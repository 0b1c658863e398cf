# SPDX-License-Identifier: MIT
# What leaves the tree: two files to drop in, an installed library, a release.

# From the one place where it stands.
VERSION := $(shell sed -n 's/^.define QUARRY_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' include/quarry/quarry.h | \
	paste -sd.)

AMALGAM := $(O)/amalgam
# SYMBOLS=foo_ makes all symbols begin with foo_.
AMALGAM_FLAGS := $(if $(SYMBOLS),--prefix $(SYMBOLS))

## make amalgam    quarry.c and quarry.h, to drop into a program or a kernel: build/amalgam
.PHONY: amalgam
amalgam:
	@python3 -B scripts/amalgam.py -o $(AMALGAM) $(AMALGAM_FLAGS)
	@cd $(AMALGAM) && wc -l *.[ch]

# After a function that files of the library share is new, gone or renamed.
.PHONY: names
names: $(LIB_OBJS) $(SELFTEST_OBJS) $(POSIX_OBJS)
	@python3 -B scripts/names.py $(O)

## make boot-tables  bytes of tables at boot by size of machine, as docs/design.md has them
.PHONY: boot-tables
boot-tables: $(O)/quarry
	@python3 -B scripts/boot_tables.py $(O)/quarry

## make sizes      code, data and stack by configuration, into docs/porting.md
.PHONY: sizes
sizes:
	@python3 -B scripts/contexts.py
	@python3 -B scripts/stack.py --write
	@python3 -B scripts/sizes.py --write

# Where things go. Debian's packages say PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu DESTDIR=...
DESTDIR ?=
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/quarry
INSTALL_ENV = DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" BINDIR="$(BINDIR)" LIBDIR="$(LIBDIR)" \
	INCLUDEDIR="$(INCLUDEDIR)" DATADIR="$(DATADIR)" MANDIR="$(MANDIR)" DOCDIR="$(DOCDIR)" \
	VERSION="$(VERSION)"

# The shared library: the library as one object, so that public names alone are seen; the self-test, the
# posix port. Structures may change with the minor number until 1.0, so it is in the name.
SONAME := libquarry.so.$(basename $(VERSION))
PIC_OBJS := $(O)/install/quarry.pic.o $(O)/install/quarry_selftest.pic.o \
	$(QUARRY_POSIX_SRCS:port/posix/%.c=$(O)/install/%.pic.o)

$(O)/install/%.pic.o: $(O)/amalgam/%.c
	$(call SAY,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -ffreestanding -fPIC $(WARN) -Iport/posix $(CFLAGS) -c -o $@ $<

$(O)/install/%.pic.o: port/posix/%.c
	$(call SAY,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOSTFLAGS) -fPIC $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

-include $(wildcard $(O)/install/*.d)

$(O)/amalgam/quarry.c $(O)/amalgam/quarry_selftest.c &: $(LIB_OBJS) $(SELFTEST_OBJS) scripts/amalgam.py
	$(call SAY,PY,$@)
	@python3 -B scripts/amalgam.py -o $(@D)

$(O)/install/libquarry.so: $(PIC_OBJS)
	$(call SAY,LD,$@)
	$(Q)$(CC) -shared $(CFLAGS) -Wl,-soname,$(SONAME) -Wl,-z,defs -o $@ $^ -lpthread

$(O)/install/libquarry.a: $(LIB_OBJS) $(SELFTEST_OBJS) $(POSIX_OBJS)
$(O)/install/libquarry-linux.a: $(LINUX_OBJS)
$(O)/install/%.a:
	$(call SAY,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

# Anew each time: they say what this call of make was told.
.PHONY: installable
installable: $(O)/quarry $(O)/install/libquarry.so $(O)/install/libquarry.a $(O)/install/libquarry-linux.a \
	$(O)/amalgam/quarry.c
	$(SAID)
	@for f in quarry quarry-linux; do \
		sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
			-e 's|@VERSION@|$(VERSION)|' scripts/$$f.pc.in >$(O)/install/$$f.pc; done
	@rm -rf $(O)/install/man3
	@python3 -B scripts/man3.py $(O)/install/man3

## make install    library, headers, program, manual pages: DESTDIR= PREFIX=/usr/local LIBDIR= ...
.PHONY: install uninstall
install: deps-run
	@$(MAKE) --no-print-directory $(JOBS) installable
	@$(INSTALL_ENV) scripts/install.sh install $(O)

## make uninstall  takes away what the same call of make install wrote
uninstall: installable
	@$(INSTALL_ENV) scripts/install.sh uninstall $(O)

## make dist       a release: build/quarry-VERSION.tar.gz of what is committed, and the two files
.PHONY: dist
dist:
	@test -z "$$(git status --porcelain)" || { echo "make dist: the tree has changes that are not committed" >&2; exit 1; }
	@mkdir -p $(O)
	@git archive --format=tar --prefix=quarry-$(VERSION)/ HEAD | gzip -9n >$(O)/quarry-$(VERSION).tar.gz.new
	@mv $(O)/quarry-$(VERSION).tar.gz.new $(O)/quarry-$(VERSION).tar.gz
	@rm -rf $(O)/dist && python3 -B scripts/amalgam.py -o $(O)/dist/quarry-amalgam-$(VERSION)
	@cp LICENSE docs/porting.md $(O)/dist/quarry-amalgam-$(VERSION)
	@tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$$(git log -1 --format=%ct) -C $(O)/dist -c \
		quarry-amalgam-$(VERSION) | gzip -9n >$(O)/quarry-amalgam-$(VERSION).tar.gz.new
	@mv $(O)/quarry-amalgam-$(VERSION).tar.gz.new $(O)/quarry-amalgam-$(VERSION).tar.gz
	@rm -rf $(O)/dist
	@cd $(O) && sha256sum quarry-$(VERSION).tar.gz quarry-amalgam-$(VERSION).tar.gz
