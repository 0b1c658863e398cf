# SPDX-License-Identifier: MIT
# What leaves the tree: two files to drop in, an installed library, a release.

# From the one place where it stands.
VERSION := $(shell sed -n 's/^.define QUARRY_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' include/quarry/quarry.h | \
	paste -sd.)

AMALGAM := $(O)/amalgam
# PREFIX_C=foo_ makes all symbols begin with foo_.
AMALGAM_FLAGS := $(if $(PREFIX_C),--prefix $(PREFIX_C))

## make amalgam    quarry.c and quarry.h, to drop into a program or a kernel: build/amalgam
.PHONY: amalgam
amalgam:
	@python3 -B scripts/amalgam.py -o $(AMALGAM) $(AMALGAM_FLAGS)
	@cd $(AMALGAM) && wc -l *.[ch]

# After a function that files of the library share is new, gone or renamed.
.PHONY: names
names: $(LIB_OBJS) $(SELFTEST_OBJS) $(POSIX_OBJS)
	@python3 -B scripts/names.py $(O)
