# Quarry. `make run` shows it at work, `make test` tests it, `make help` lists the rest.
# O=DIR builds elsewhere, CC=clang uses another compiler, V=1 shows the commands, -s nothing.

O ?= build
CC ?= gcc
CFLAGS ?= -O2 -g
include sources.mk

# What is being built: on a terminal one line, written over and cleared by SAID; elsewhere, and where make is asked for
# a file, one line a folder.
ifeq ($(V),)
Q := @
ifeq ($(findstring s,$(firstword -$(MAKEFLAGS))),)
ifneq ($(and $(MAKE_TERMOUT),$(filter-out dumb,$(TERM)),$(if $(filter $(O)/%,$(MAKECMDGOALS)),,yes)),)
SAY = @printf '\r  %-5s %s\033[K\r' "$(1)" "$(2)"
SAID = @printf '\033[K'
else
SAY = $(if $(filter $(1):$(dir $(2)),$(SAID_OF)),,$(eval SAID_OF += $(1):$(dir $(2)))@printf '  %-5s %s\n' "$(1)" "$(dir $(2))")
endif
endif
endif

# Builds go side by side, one a CPU, where make was not told with -j how many.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

WARN := -Wall -Wextra -Wundef -Wconversion -Wshadow -Wmissing-prototypes -Werror
INC := -Iinclude -Isrc -Iport/posix
# The library: C11 without a libc. The rest is hosted.
LIBFLAGS := -std=c11 -ffreestanding -fno-common $(WARN) $(INC)
HOSTFLAGS := -std=gnu11 -D_GNU_SOURCE -fno-common $(WARN) $(INC) -Icli -Itests
DEPFLAGS = -MMD -MP

LIB_OBJS := $(QUARRY_SRCS:%.c=$(O)/%.o)
POSIX_OBJS := $(QUARRY_POSIX_SRCS:%.c=$(O)/%.o)
LINUX_OBJS := $(QUARRY_LINUX_SRCS:%.c=$(O)/%.o)
SELFTEST_OBJS := $(QUARRY_SELFTEST_SRCS:%.c=$(O)/%.o)
CLI_OBJS := $(QUARRY_CLI_SRCS:%.c=$(O)/%.o)
CLI_LIBS := -lzstd -lz -ljansson -lfdt -lncursesw -lcairo -lpthread -lm

.DEFAULT_GOAL := all
.PHONY: all
all: deps-run
	@$(MAKE) --no-print-directory $(JOBS) program
	$(if $(filter-out all,$(MAKECMDGOALS))$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo "$(O)/quarry is made. Next: make run, or $(O)/quarry --help")

.PHONY: help
help:
	@sed -n 's/^## //p' $(filter Makefile %.mk,$(MAKEFILE_LIST))

$(LIB_OBJS) $(SELFTEST_OBJS): $(O)/%.o: %.c
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LIBFLAGS) $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(O)/%.o: %.c
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOSTFLAGS) $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

# The page of `quarry report`, and uPlot, which draws its curves: kept in the program as they are.
UPLOT := build/uplot
WEB := $(addprefix cli/web/,report.html report.css report.js)

$(UPLOT)/uplot.js:
	$(call SAY,NPM,$@)
	$(Q)scripts/uplot.sh $(UPLOT)

.PHONY: uplot
uplot:
	$(Q)rm -rf $(UPLOT)
	@$(MAKE) --no-print-directory $(UPLOT)/uplot.js

## make pictures   makes the pictures of the documentation again
.PHONY: pictures
pictures: all
	@scripts/pictures.sh $(O)/quarry

$(O)/cli/webassets.o: HOSTFLAGS += -Wa,-Icli/web,-I$(UPLOT)
$(O)/cli/webassets.o: $(WEB) $(UPLOT)/uplot.js

$(O)/libquarry.a: $(LIB_OBJS) $(SELFTEST_OBJS) $(POSIX_OBJS) $(LINUX_OBJS)
	$(call SAY,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

.PHONY: program
program: $(O)/quarry
	$(SAID)

$(O)/quarry: $(CLI_OBJS) $(O)/libquarry.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(CLI_LIBS)

# What Debian packages a target needs; installs what is missing and says so.
.PHONY: deps-run deps-test deps-check deps-bench deps-demo deps-browser deps-coverage deps-fuzz
deps-run deps-test deps-check deps-bench deps-demo deps-browser deps-coverage deps-fuzz: deps-%:
	@scripts/deps.sh $*

## make run        a simulated machine boots from a real firmware map and replays a real kernel trace
.PHONY: run
run: all
	@scripts/demo.sh $(O)/quarry

-include $(LIB_OBJS:.o=.d) $(SELFTEST_OBJS:.o=.d) $(POSIX_OBJS:.o=.d) $(LINUX_OBJS:.o=.d) $(CLI_OBJS:.o=.d)
-include examples/examples.mk
-include tests/tests.mk
-include bench/bench.mk
-include kernel/kernel.mk
-include scripts/check.mk
-include scripts/release.mk

.PHONY: clean
clean:
	rm -rf $(O)
