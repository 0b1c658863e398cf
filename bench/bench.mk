# SPDX-License-Identifier: MIT
# Benchmarks: `make bench` prints the tables of docs/performance.md.

BENCH_OBJS := $(addprefix $(O)/bench/,main.o pages.o slabs.o boots.o memblock.o common.o list_buddy.o)
INSTR_OBJS := $(addprefix $(O)/bench/,instr.o common.o list_buddy.o)

$(O)/bench/bench: $(BENCH_OBJS) $(O)/libquarry.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^

$(O)/bench/instr: $(INSTR_OBJS) $(O)/libquarry.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^

-include $(wildcard $(O)/bench/*.d)

.PHONY: bench bench-bins
bench-bins: $(O)/bench/bench $(O)/bench/instr

## make bench      speed and size, in tables; takes about 15 seconds
bench: deps-run deps-bench bench-bins $(O)/quarry
	@bench/run.sh $(O)

# The same, and puts the tables into docs/performance.md.
.PHONY: bench-record
bench-record: deps-run deps-bench bench-bins $(O)/quarry
	@bench/record.sh $(O)
