/* SPDX-License-Identifier: MIT */
/* Compile-time half of the port of steps.c: one thread plays all CPUs, and nobody waits. */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

typedef unsigned long quarry_pin_t;

extern unsigned int steps_cpu;

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
	return steps_cpu;
}

static inline void quarry_relax(void)
{
}

#endif
