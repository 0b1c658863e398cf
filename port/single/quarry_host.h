/* SPDX-License-Identifier: MIT */
/*
 * Compile-time half of the smallest port: one CPU, and nothing that interrupts calls Quarry. For loaders,
 * first steps, and tests. docs/porting.md says what becomes of each function in a kernel.
 */
#ifndef QUARRY_HOST_H
#define QUARRY_HOST_H

/* What quarry_unpin() needs to know of the time before; in a kernel: the interrupt flag. */
typedef unsigned long quarry_pin_t;

/* From here to quarry_unpin() this thread stays on its CPU, and nothing else calls Quarry on it. Nests. */
static inline quarry_pin_t quarry_pin(void)
{
	return 0;
}

static inline void quarry_unpin(quarry_pin_t was)
{
	(void)was;
}

/* Number of this CPU, below quarry_boot_params.nr_cpus. Called pinned. */
static inline unsigned int quarry_cpu(void)
{
	return 0;
}

/* One step of waiting for another CPU; here there is none. */
static inline void quarry_relax(void)
{
}

#endif
