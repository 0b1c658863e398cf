/* SPDX-License-Identifier: MIT */
/*
 * Compile-time half of the port for an AArch64 kernel at EL1.
 *
 * Pinned is: interrupts (DAIF.I) are off. So nothing re-enters on this CPU, nothing migrates, and every
 * call of quarry that allows it may come from an interrupt. A kernel that lets FIQs call quarry masks
 * them here too.
 *
 * Each CPU's TPIDR_EL1 leads to a struct quarry_bare_cpu, set before the CPU's first call:
 *
 *	cpu->cpu = n; cpu->cpu_times_64 = n * 64; cpu->locks_held = 0;
 *	msr tpidr_el1, cpu
 *
 * A kernel that has such a record already keeps it, and reads its own fields below. Memory must be
 * Normal, not Device (the MMU is on): atomics want it.
 */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

#include <stdint.h>

struct quarry_bare_cpu {
	uintptr_t cpu_times_64;
	uint64_t locks_held;
	unsigned int cpu;
};

typedef unsigned long quarry_pin_t; /* DAIF as it was */

#define QUARRY_BARE_DAIF_I 0x80ul

/* The clobber keeps the compiler from moving what is guarded out of the guard. */
static inline quarry_pin_t quarry_pin(void)
{
	quarry_pin_t was;

	__asm__ volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(was) : : "memory");
	return was;
}

static inline void quarry_unpin(quarry_pin_t was)
{
	if ((was & QUARRY_BARE_DAIF_I) == 0)
		__asm__ volatile("msr daifclr, #2" : : : "memory");
}

static inline struct quarry_bare_cpu *quarry_bare_this_cpu(void)
{
	struct quarry_bare_cpu *cpu;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
	return cpu;
}

static inline unsigned int quarry_cpu(void)
{
	return quarry_bare_this_cpu()->cpu;
}

#define QUARRY_HOST_HAS_CPU_TIMES_64 1
static inline uintptr_t quarry_cpu_times_64(void)
{
	return quarry_bare_this_cpu()->cpu_times_64;
}

static inline void quarry_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

/* Locks are held pinned, so the CPU's word is the holder's. */
#define QUARRY_HOST_HAS_LOCKS_HELD 1
static inline uint64_t *quarry_locks_held(void)
{
	return &quarry_bare_this_cpu()->locks_held;
}

#endif
