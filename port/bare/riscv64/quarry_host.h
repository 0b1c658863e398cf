/* SPDX-License-Identifier: MIT */
/*
 * Compile-time half of the port for a RISC-V kernel in supervisor mode, RV64 with A and Zicsr.
 *
 * Pinned is: interrupts (sstatus.SIE) are off. So nothing re-enters on this CPU, nothing migrates, and
 * every call of quarry that allows it may come from an interrupt.
 *
 * Each CPU's tp leads to a struct quarry_bare_cpu, set before the CPU's first call:
 *
 *	cpu->cpu = n; cpu->cpu_times_64 = n * 64; cpu->locks_held = 0;
 *	mv tp, cpu
 *
 * A kernel that has such a record already keeps it, and reads its own fields below. tp must hold it
 * whenever quarry is called: compile without thread-local storage, and load it anew on entry from user
 * mode.
 */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

#include <stdint.h>

struct quarry_bare_cpu {
	uintptr_t cpu_times_64;
	uint64_t locks_held;
	unsigned int cpu;
};

typedef unsigned long quarry_pin_t; /* sstatus as it was */

#define QUARRY_BARE_SIE 2ul

/* The clobber keeps the compiler from moving what is guarded out of the guard. */
static inline quarry_pin_t quarry_pin(void)
{
	quarry_pin_t was;

	__asm__ volatile("csrrci %0, sstatus, 2" : "=r"(was) : : "memory");
	return was;
}

static inline void quarry_unpin(quarry_pin_t was)
{
	if ((was & QUARRY_BARE_SIE) != 0)
		__asm__ volatile("csrsi sstatus, 2" : : : "memory");
}

static inline struct quarry_bare_cpu *quarry_bare_this_cpu(void)
{
	struct quarry_bare_cpu *cpu;

	__asm__ volatile("mv %0, tp" : "=r"(cpu));
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

/* pause: a fence that does nothing where Zihintpause is not known. */
static inline void quarry_relax(void)
{
	__asm__ volatile(".4byte 0x0100000f" : : : "memory");
}

/* Locks are held pinned, so the CPU's word is the holder's. */
#define QUARRY_HOST_HAS_LOCKS_HELD 1
static inline uint64_t *quarry_locks_held(void)
{
	return &quarry_bare_this_cpu()->locks_held;
}

#endif
