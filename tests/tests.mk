# SPDX-License-Identifier: MIT
# Tests: cmocka programs test_*.c and shell tests test_*.sh. Everything runs under AddressSanitizer and
# UndefinedBehaviorSanitizer; the programs named *_threads also under ThreadSanitizer, test_misuse also as users build it.

TEST_NAMES := $(basename $(notdir $(wildcard tests/test_*.c)))
TEST_SHELL := $(wildcard tests/test_*.sh)
FUZZ_NAMES := $(basename $(notdir $(wildcard tests/fuzz_*.c)))
THREAD_NAMES := $(filter %_threads,$(TEST_NAMES))

# What tests share: models and helpers, and the program without its main().
TEST_SHARED := $(filter-out $(wildcard tests/test_*.c tests/fuzz_*.c),$(wildcard tests/*.c))
TEST_LINK = $(TEST_SHARED:%.c=$(O)/%.o) $(filter-out $(O)/cli/main.o,$(CLI_OBJS)) $(O)/libquarry.a

# Programs of threads know nothing of the program: it is not compiled for ThreadSanitizer.
THREAD_LINK = $(patsubst %.c,$(O)/%.o,$(filter-out tests/fuzz.c tests/kmtwriter.c,$(TEST_SHARED))) $(O)/libquarry.a

TEST_BINS := $(filter-out %_threads,$(TEST_NAMES:%=$(O)/tests/%))
THREAD_BINS := $(THREAD_NAMES:%=$(O)/tests/%)
FUZZ_BINS := $(FUZZ_NAMES:%=$(O)/tests/%)

$(THREAD_BINS): $(O)/tests/%: $(O)/tests/%.o $(THREAD_LINK)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka

$(TEST_BINS) $(FUZZ_BINS): $(O)/tests/%: $(O)/tests/%.o $(TEST_LINK)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka $(CLI_LIBS)

# The boot layer, zones and geometry again as 32-bit programs, where the compiler makes them and something runs them.
M32_NAMES := test_memblock test_memblock_modern test_bootmem test_linux_memblock test_linux_bootmem \
	test_linux_boot test_linux_setup test_linux_of test_boot_damage test_zones test_geometry test_firmware test_firmware_boot \
	test_firmware_acpi
M32_SHARED := linux_runner model_memblock model_bootmem machine_build firmware_bed m32/cmocka
M32_BINS := $(M32_NAMES:%=$(O)/tests/%-m32)
# Code in the style of kernels converts freely. asm/ headers are the machine's own: they serve both widths.
M32 = -m32 -isystem /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null) -Wno-conversion -Wno-sign-conversion
# What runs them: "env" where the kernel does, else an emulator of the processor, or nothing. AddressSanitizer wants a
# place in the address space that an emulator does not keep free.
M32_RUN = $(shell p=$$(mktemp) && echo 'int main(void) { return 0; }' | $(CC) $(M32) -include errno.h \
	-fsanitize=address -x c -o $$p - 2>/dev/null && { $$p 2>/dev/null && echo env || \
	{ command -v qemu-i386 >/dev/null && echo qemu-i386; }; }; rm -f $$p)
M32_CFLAGS = $(if $(filter env,$(M32_RUN)),$(ASAN),$(UBSAN)) $(M32)

$(M32_BINS): $(O)/tests/%-m32: $(O)/tests/%.o $(M32_SHARED:%=$(O)/tests/%.o) $(O)/libquarry.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^

# The explorer of interleavings: src/ with a hook at each access, and memory.c instead of ThreadSanitizer.
EXPLORE_HOOKS := -fsanitize=thread -Dmemset=explore_memset -Dmemcpy=explore_memcpy -Dmemmove=explore_memmove
# Memory blocks of two pageblocks: one that goes is looked at page by page, at two tries of eight.
EXPLORE_FLAGS := -Itests/explore -O1 -g -DQUARRY_DEBUG=1 -DQUARRY_SECTION_SIZE_BITS=22 -DOFFLINE_TRIES=2u -fno-pie
EXPLORE_OBJS := $(patsubst %.c,$(O)/explore/%.o,$(wildcard tests/explore/*.c) $(QUARRY_SRCS))

$(O)/explore/src/%.o: src/%.c
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EXPLORE_FLAGS) $(LIBFLAGS) $(EXPLORE_HOOKS) $(DEPFLAGS) -c -o $@ $<

$(O)/explore/tests/explore/%.o: tests/explore/%.c
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EXPLORE_FLAGS) $(HOSTFLAGS) $(if $(filter case_% machine%,$(@F)),$(EXPLORE_HOOKS)) $(DEPFLAGS) -c -o $@ $<

$(O)/tests/explore: $(EXPLORE_OBJS)
	$(call SAY,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -no-pie -o $@ $^

# Steps of calls that interrupts may make: src/ with a call at each basic block.
STEPS_HOOKS := -fsanitize-coverage=trace-pc -Dmemset=steps_memset -Dmemcpy=steps_memcpy -Dmemmove=steps_memmove
STEPS_FLAGS := -Itests/steps -O1 -g
STEPS_OBJS := $(O)/steps/tests/steps/steps.o $(patsubst %.c,$(O)/steps/%.o,$(QUARRY_SRCS))

$(O)/steps/src/%.o: src/%.c
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(STEPS_FLAGS) $(LIBFLAGS) $(STEPS_HOOKS) $(DEPFLAGS) -c -o $@ $<

$(O)/steps/tests/steps/%.o: tests/steps/%.c
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(STEPS_FLAGS) $(HOSTFLAGS) $(DEPFLAGS) -c -o $@ $<

$(O)/tests/steps: $(STEPS_OBJS)
	$(call SAY,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^

-include $(wildcard $(O)/tests/*.d) $(EXPLORE_OBJS:.o=.d) $(STEPS_OBJS:.o=.d)

.PHONY: test-bins thread-bins m32-bins
test-bins: $(TEST_BINS) $(THREAD_BINS) $(FUZZ_BINS) $(O)/quarry
thread-bins: $(THREAD_BINS)
m32-bins: $(M32_BINS)
test-bins thread-bins m32-bins:
	$(SAID)

UBSAN := -O1 -g1 -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DQUARRY_DEBUG=1
ASAN := $(UBSAN) -fsanitize=address
TSAN := -O1 -g1 -fsanitize=thread -DQUARRY_DEBUG=1

## make test       all tests, under sanitizers; ends with the count
.PHONY: test
test: deps-test
	@$(MAKE) --no-print-directory $(JOBS) O=$(O)/asan CFLAGS="$(ASAN)" test-bins
	@$(MAKE) --no-print-directory $(JOBS) O=$(O)/tsan CFLAGS="$(TSAN)" thread-bins
	@$(if $(M32_RUN),$(MAKE) --no-print-directory $(JOBS) O=$(O)/m32 CFLAGS="$(M32_CFLAGS)" m32-bins,\
		echo "  32-bit tests left out: no program of $(CC) -m32 runs here")
	@$(MAKE) --no-print-directory $(JOBS) $(O)/quarry $(O)/tests/test_misuse $(O)/tests/explore $(O)/tests/steps kernels
	@M32_RUN=$(M32_RUN) tests/run.sh $(O)/quarry $(TEST_NAMES:%=$(O)/asan/tests/%) \
		$(THREAD_NAMES:%=$(O)/tsan/tests/%) $(O)/tests/test_misuse $(O)/tests/explore $(O)/tests/steps $(FUZZ_NAMES:%=$(O)/asan/tests/%) $(TEST_SHELL) \
		$(if $(M32_RUN),$(M32_NAMES:%=$(O)/m32/tests/%-m32))

## make explore    interleavings with wide bounds, then with faults in src/, each of which must be found
.PHONY: explore
explore: $(O)/tests/explore
	$(O)/tests/explore --deep
	$(O)/tests/explore --weak
	tests/explore/faults.sh $(O)/tests/explore $(CC) $(EXPLORE_FLAGS) $(LIBFLAGS) $(EXPLORE_HOOKS)

## make steps      worst-case steps of calls that interrupts may make, on seven machines, against their bounds
.PHONY: steps
steps: $(O)/tests/steps
	$(O)/tests/steps --table --long

## make stress     the programs of threads under ThreadSanitizer, again and again for MINUTES=5
.PHONY: stress
stress: MINUTES ?= 5
stress: deps-test
	@$(MAKE) --no-print-directory $(JOBS) O=$(O)/tsan CFLAGS="$(TSAN)" thread-bins
	@end=$$(($$(date +%s) + $(MINUTES) * 60)) n=0; while [ $$(date +%s) -lt $$end ]; do \
		for t in $(THREAD_NAMES:%=$(O)/tsan/tests/%); do \
			TSAN_OPTIONS=halt_on_error=1 $$t >$(O)/stress.log 2>&1 || { tail -60 $(O)/stress.log; exit 1; }; \
			n=$$((n + 1)); \
		done; \
	done; echo "  $$n runs of $(words $(THREAD_NAMES)) programs, no fault"

## make soak       a long life of a whole machine, all layers at once: MINUTES=60; its curve in docs/pictures
.PHONY: soak
soak: MINUTES ?= 60
soak: deps-test
	@$(MAKE) --no-print-directory O=$(O)/soak CFLAGS="-O2 -g -DQUARRY_DEBUG=1" \
		$(O)/soak/tests/test_soak_threads
	@$(O)/soak/tests/test_soak_threads $$(($(MINUTES) * 60)) $(O)/soak/soak.csv
	@python3 -B scripts/soak_plot.py $(O)/soak/soak.csv docs/pictures/soak.svg

# Fuzzing by libFuzzer, or with ENGINE=afl by AFL++, from the kept inputs and a hundred made ones on. What is found
# new goes to build/fuzz/NAME; an input that fails stays there and is told.
FUZZ_LIB = -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DQUARRY_DEBUG=1 \
	-DFUZZ_LIBFUZZER
FUZZ_AFL = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -DQUARRY_DEBUG=1 -DFUZZ_LIBFUZZER

## make fuzz       fuzzes T=ops (or api fdt map kmt umt perfscript convert firmware) for MINUTES=10
.PHONY: fuzz
fuzz: T ?= ops
fuzz: MINUTES ?= 10
fuzz: ENGINE ?= libfuzzer
fuzz: deps-test deps-fuzz
	@$(MAKE) --no-print-directory $(O)/tests/fuzz_$(T)
	@mkdir -p $(O)/fuzz/$(T)/seeds
	@FUZZ_SAVE=$(O)/fuzz/$(T)/seeds $(O)/tests/fuzz_$(T) 100 >/dev/null
	@scripts/fuzz.sh $(ENGINE) $(T) $(MINUTES) $(O) "$(if $(filter afl,$(ENGINE)),$(FUZZ_AFL),$(FUZZ_LIB))"

# The same program, with an engine's main().
.PHONY: fuzz-engine
fuzz-engine: $(O)/tests/fuzz_$(T).o $(TEST_LINK)
	$(call SAY,LD,$(O)/engine_$(T))
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer -o $(O)/engine_$(T) $^ -lcmocka $(CLI_LIBS)

## make coverage   lines and branches of src/ that the tests reach; build/cov/coverage.html shows the rest
.PHONY: coverage
coverage: deps-test deps-coverage
	@scripts/coverage.sh $(O)/cov
