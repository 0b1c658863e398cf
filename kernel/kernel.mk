# SPDX-License-Identifier: MIT
# The demo kernel: `make demo ARCH=x86_64`, aarch64 or riscv64, boots it in QEMU. For each architecture the
# library is compiled anew, as an embedder does: freestanding, by a cross compiler, with port/bare.

KERNEL_ARCHES := x86_64 aarch64 riscv64
KERNEL_COMMON := main cpu print string storm hoard counts

KERNEL_CROSS_x86_64 := $(if $(filter x86_64,$(shell uname -m)),,x86_64-linux-gnu-)
KERNEL_CROSS_aarch64 := aarch64-linux-gnu-
KERNEL_CROSS_riscv64 := riscv64-linux-gnu-

KERNEL_ARCH_x86_64 := -m64 -mno-red-zone -mgeneral-regs-only -mcmodel=small
KERNEL_ARCH_aarch64 := -mgeneral-regs-only -mstrict-align -mno-outline-atomics
KERNEL_ARCH_riscv64 := -march=rv64imac_zicsr -mabi=lp64 -mcmodel=medany

KERNEL_SOURCES_x86_64 := start.S trap.S arch.c
KERNEL_SOURCES_aarch64 := start.S arch.c
KERNEL_SOURCES_riscv64 := start.S arch.c

KERNEL_FLAGS := -std=c11 -ffreestanding -fno-common -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-tree-loop-distribute-patterns $(WARN) -Iinclude -Ikernel/common -O2 -g

# $(1) architecture, $(2) folder below $(O)/kernel, $(3) flags of this build.
define KERNEL_BUILD
KERNEL_LIB_$(2) := $$(patsubst %.c,$(O)/kernel/$(2)/%.o,$$(QUARRY_SRCS) $$(QUARRY_SELFTEST_SRCS))
KERNEL_OWN_$(2) := $$(patsubst %,$(O)/kernel/$(2)/%.o,$$(basename $$(KERNEL_SOURCES_$(1))) $$(KERNEL_COMMON))

$$(KERNEL_LIB_$(2)): $(O)/kernel/$(2)/%.o: %.c
	@mkdir -p $$(@D)
	$$(Q)$$(KERNEL_CROSS_$(1))gcc $$(KERNEL_FLAGS) $$(KERNEL_ARCH_$(1)) $(3) -Isrc -Iport/bare/$(1) $$(DEPFLAGS) -c -o $$@ $$<

$(O)/kernel/$(2)/%.o: kernel/common/%.c
	@mkdir -p $$(@D)
	$$(Q)$$(KERNEL_CROSS_$(1))gcc $$(KERNEL_FLAGS) $$(KERNEL_ARCH_$(1)) $(3) -Iport/bare/$(1) $$(DEPFLAGS) -c -o $$@ $$<

$(O)/kernel/$(2)/%.o: kernel/$(1)/%.c
	@mkdir -p $$(@D)
	$$(Q)$$(KERNEL_CROSS_$(1))gcc $$(KERNEL_FLAGS) $$(KERNEL_ARCH_$(1)) $(3) -Iport/bare/$(1) $$(DEPFLAGS) -c -o $$@ $$<

$(O)/kernel/$(2)/%.o: kernel/$(1)/%.S
	@mkdir -p $$(@D)
	$$(Q)$$(KERNEL_CROSS_$(1))gcc $$(KERNEL_ARCH_$(1)) -c -o $$@ $$<

# All of the library as one object: the kernel asks whether an interrupt came inside it.
$(O)/kernel/$(2)/quarry.o: $$(KERNEL_LIB_$(2))
	$$(Q)$$(KERNEL_CROSS_$(1))ld -r -o $$@ $$^

$(O)/kernel/$(2)/kernel.elf: $$(KERNEL_OWN_$(2)) $(O)/kernel/$(2)/quarry.o kernel/$(1)/link.ld
	$$(call SAY,LD,$$@)
	$$(Q)$$(KERNEL_CROSS_$(1))ld -nostdlib -z noexecstack --no-warn-rwx-segments -T kernel/$(1)/link.ld -o $$@ \
		$$(filter %.o,$$^)

# QEMU gives the devicetree only to what looks like Linux's flat image.
$(O)/kernel/$(2)/kernel.bin: $(O)/kernel/$(2)/kernel.elf
	$$(Q)$$(KERNEL_CROSS_$(1))objcopy -O binary $$< $$@

-include $$(KERNEL_LIB_$(2):.o=.d) $$(KERNEL_OWN_$(2):.o=.d)
endef

$(foreach a,$(KERNEL_ARCHES),$(eval $(call KERNEL_BUILD,$(a),$(a),-DQUARRY_DEBUG=1)))
$(foreach a,$(KERNEL_ARCHES),$(eval $(call KERNEL_BUILD,$(a),$(a)-counts,)))

.PHONY: kernel-x86_64 kernel-aarch64 kernel-riscv64 kernel-x86_64-counts kernel-aarch64-counts kernel-riscv64-counts
kernel-x86_64 kernel-x86_64-counts kernel-riscv64 kernel-riscv64-counts: kernel-%: $(O)/kernel/%/kernel.elf
	$(SAID)
kernel-aarch64 kernel-aarch64-counts: kernel-%: $(O)/kernel/%/kernel.bin
	$(SAID)

# Those that the compilers at hand can make, for `make test`.
.PHONY: kernels
kernels: $(foreach a,$(KERNEL_ARCHES),$(if $(shell command -v $(KERNEL_CROSS_$(a))gcc),kernel-$(a))) \
	$(if $(shell command -v $(KERNEL_CROSS_x86_64)gcc),kernel-x86_64-counts)

ARCH ?= x86_64

## make demo       a kernel with the library inside boots in QEMU; ARCH=x86_64, aarch64 or riscv64
.PHONY: demo
demo: deps-demo
	@$(MAKE) --no-print-directory $(JOBS) kernel-$(ARCH)
	@kernel/run.sh $(O)/kernel/$(ARCH) $(ARCH)

## make demo-counts  exact instructions for each operation, counted by QEMU; ARCH leaves the others out
.PHONY: demo-counts
KERNEL_COUNTED := $(if $(filter command environment,$(word 1,$(origin ARCH))),$(ARCH),$(KERNEL_ARCHES))
demo-counts: deps-demo
	@$(MAKE) --no-print-directory $(JOBS) $(KERNEL_COUNTED:%=kernel-%-counts)
	@kernel/counts.sh $(O)/kernel $(KERNEL_COUNTED)

# The same, and puts the table into docs/performance.md.
.PHONY: demo-counts-record
demo-counts-record: deps-demo
	@$(MAKE) --no-print-directory $(JOBS) $(KERNEL_ARCHES:%=kernel-%-counts)
	@kernel/counts.sh $(O)/kernel $(KERNEL_ARCHES) | python3 -B scripts/record.py docs/performance.md "make demo-counts"
