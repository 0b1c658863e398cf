/* SPDX-License-Identifier: MIT */
/*
 * Compile-time half of the port for an x86-64 kernel at privilege level 0.
 *
 * Pinned is: interrupts are off. So nothing re-enters on this CPU, nothing migrates, and every call of
 * quarry that allows it may come from an interrupt. NMIs do not heed that: from there only the calls
 * named _nolock.
 *
 * Each CPU's GS base leads to a struct quarry_bare_cpu, set before the CPU's first call:
 *
 *	cpu->self = cpu; cpu->cpu = n; cpu->cpu_times_64 = n * 64; cpu->locks_held = 0;
 *	wrmsr(0xc0000101, cpu)
 *
 * A kernel that has such a record already keeps it, and puts its own offsets below.
 */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

#include <stdint.h>

struct quarry_bare_cpu {
	struct quarry_bare_cpu *self;
	uintptr_t cpu_times_64;
	uint64_t locks_held;
	unsigned int cpu;
};

typedef unsigned long quarry_pin_t; /* the flags as they were */

#define QUARRY_BARE_IF 0x200ul

/* The clobber keeps the compiler from moving what is guarded out of the guard. */
static inline quarry_pin_t quarry_pin(void)
{
	quarry_pin_t was;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(was) : : "memory");
	return was;
}

static inline void quarry_unpin(quarry_pin_t was)
{
	if ((was & QUARRY_BARE_IF) != 0)
		__asm__ volatile("sti" : : : "memory");
}

static inline unsigned int quarry_cpu(void)
{
	unsigned int cpu;

	__asm__ volatile("movl %%gs:24, %0" : "=r"(cpu));
	return cpu;
}

#define QUARRY_HOST_HAS_CPU_TIMES_64 1
static inline uintptr_t quarry_cpu_times_64(void)
{
	uintptr_t n;

	__asm__ volatile("movq %%gs:8, %0" : "=r"(n));
	return n;
}

static inline void quarry_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/* Locks are held pinned, so the CPU's word is the holder's. */
#define QUARRY_HOST_HAS_LOCKS_HELD 1
static inline uint64_t *quarry_locks_held(void)
{
	struct quarry_bare_cpu *cpu;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
	return &cpu->locks_held;
}

#endif
