# SPDX-License-Identifier: MIT
# Benchmarks: `make bench` prints the tables of docs/performance.md.

BENCH_OBJS := $(addprefix $(O)/bench/,main.o pages.o pages_frag.o pages_threads.o slabs.o peers.o floor.o boots.o memblock.o common.o list_buddy.o)
INSTR_OBJS := $(addprefix $(O)/bench/,instr.o common.o list_buddy.o)

$(O)/bench/bench: $(BENCH_OBJS) $(O)/libquarry.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ -ldl -lpthread

$(O)/bench/instr: $(INSTR_OBJS) $(O)/libquarry.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^

-include $(wildcard $(O)/bench/*.d)

# Libraries that are loaded late get room for their thread-local data.
BENCH_TLS := GLIBC_TUNABLES=glibc.rtld.optional_static_tls=65536

.PHONY: bench bench-bins
bench-bins: $(O)/bench/bench $(O)/bench/instr
	$(SAID)

## make bench      speed and size, in tables; takes some three minutes
bench: deps-run deps-bench
	@$(MAKE) --no-print-directory $(JOBS) bench-bins program
	@bench/run.sh $(O)

## make bench-slab objects beside mimalloc, jemalloc, tcmalloc and the C library; takes two minutes
.PHONY: bench-slab
bench-slab: deps-bench
	@$(MAKE) --no-print-directory $(JOBS) bench-bins
	@$(BENCH_TLS) $(O)/bench/bench slabs slabs-large slabs-threads slabs-colour
	@bench/callgrind.sh $(O)/bench/instr

.PHONY: bench-hardened
## make bench-hardened  what QUARRY_HARDENED costs: instructions and tables, without it and with it
bench-hardened: deps-bench
	@$(MAKE) --no-print-directory $(JOBS) bench-bins
	@$(MAKE) --no-print-directory $(JOBS) O=$(O)/hardened CFLAGS="$(CFLAGS) -DQUARRY_HARDENED=1" bench-bins
	@bench/hardened.sh $(O)/bench $(O)/hardened/bench

.PHONY: bench-pages
## make bench-pages  the page allocator alone, beside a list buddy
bench-pages:
	@$(MAKE) --no-print-directory $(JOBS) $(O)/bench/bench
	@$(O)/bench/bench pages

# The same, and puts the tables into docs/performance.md.
.PHONY: bench-record
bench-record: deps-run deps-bench
	@$(MAKE) --no-print-directory $(JOBS) bench-bins program
	@bench/record.sh $(O)
