/* SPDX-License-Identifier: MIT */
/*
 * Compile-time half of the posix port: a thread is bound to a virtual CPU number. One thread may play
 * all CPUs in turn (deterministic replay); or threads on distinct numbers run in parallel.
 */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

#include <sched.h>

typedef unsigned long quarry_pin_t;

/* The virtual CPU of this thread; set it with quarry_posix_set_cpu(). */
extern _Thread_local unsigned int quarry_posix_cpu;

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

static inline void quarry_relax(void)
{
	sched_yield();
}

#endif
