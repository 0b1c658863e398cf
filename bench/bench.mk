# SPDX-License-Identifier: MIT
# Benchmarks: `make bench` prints the tables of docs/performance.md.

BENCH_OBJS := $(addprefix $(O)/bench/,main.o pages.o pages_frag.o pages_threads.o slabs.o boots.o memblock.o common.o list_buddy.o)
INSTR_OBJS := $(addprefix $(O)/bench/,instr.o common.o list_buddy.o)

$(O)/bench/bench: $(BENCH_OBJS) $(O)/libquarry.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ -lpthread

$(O)/bench/instr: $(INSTR_OBJS) $(O)/libquarry.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^

-include $(wildcard $(O)/bench/*.d)

.PHONY: bench bench-bins
bench-bins: $(O)/bench/bench $(O)/bench/instr

## make bench      speed and size, in tables; takes some three minutes
bench: deps-run deps-bench bench-bins $(O)/quarry
	@bench/run.sh $(O)

.PHONY: bench-pages
## make bench-pages  the page allocator alone, beside a list buddy
bench-pages: $(O)/bench/bench
	@$(O)/bench/bench pages

# The same, and puts the tables into docs/performance.md.
.PHONY: bench-record
bench-record: deps-run deps-bench bench-bins $(O)/quarry
	@bench/record.sh $(O)
