/* SPDX-License-Identifier: MIT */
/*
 * Compile-time half of the posix port: a thread is bound to a virtual CPU number. One thread may play
 * all CPUs in turn (deterministic replay); or threads on distinct numbers run in parallel.
 */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

#include <sched.h>
#include <stdint.h>

typedef unsigned long quarry_pin_t;

/* The virtual CPU of this thread; set it with quarry_posix_set_cpu(). */
#if defined(__PIC__) && !defined(__PIE__)
extern _Thread_local unsigned int quarry_posix_cpu;
#else /* in the program itself, at an offset that the linker knows */
extern _Thread_local unsigned int quarry_posix_cpu __attribute__((tls_model("local-exec")));
#endif

/* The same times 64, which finds the slab layer's data of a CPU without a product. */
#if defined(__PIC__) && !defined(__PIE__)
extern _Thread_local uintptr_t quarry_posix_cpu_times_64;
#else
extern _Thread_local uintptr_t quarry_posix_cpu_times_64 __attribute__((tls_model("local-exec")));
#endif

/* Steps of this thread's spin loops. */
extern _Thread_local unsigned int quarry_posix_spins;

#if defined(__x86_64__) || defined(__i386__)
#define quarry_posix_pause() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define quarry_posix_pause() __asm__ volatile("isb" ::: "memory")
#else
#define quarry_posix_pause() sched_yield()
#endif

static inline quarry_pin_t quarry_pin(void)
{
	return 0;
}

static inline void quarry_unpin(quarry_pin_t was)
{
	(void)was;
}

static inline unsigned int quarry_cpu(void)
{
	return quarry_posix_cpu;
}

#define QUARRY_HOST_HAS_CPU_TIMES_64 1
static inline uintptr_t quarry_cpu_times_64(void)
{
	return quarry_posix_cpu_times_64;
}

/* Holders are quick, unless their thread does not run: then somebody must make room for it. */
static inline void quarry_relax(void)
{
	if (++quarry_posix_spins % 32 == 0)
		sched_yield();
	else
		quarry_posix_pause();
}

/* For debug builds: which locks this thread holds; and how often it took one or let go, which is a cost. */
#define QUARRY_HOST_HAS_LOCKS_HELD 1
extern _Thread_local uint64_t quarry_posix_held, quarry_posix_lockings;

static inline uint64_t *quarry_locks_held(void)
{
	quarry_posix_lockings++;
	return &quarry_posix_held;
}

#endif
