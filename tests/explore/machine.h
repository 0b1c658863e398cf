/* SPDX-License-Identifier: MIT */
/* Small machines in the region, for cases: simulated memory, tables from explore_alloc(). */
#ifndef TESTS_EXPLORE_MACHINE_H
#define TESTS_EXPLORE_MACHINE_H

#include <quarry/quarry.h>

#include "explore.h"

#define MACHINE_FENCED 1u /* no barrier_cpus(): CPUs fence for themselves */
#define MACHINE_NODES 2u  /* two nodes, each with half of the memory, CPUs in turn */
#define MACHINE_HELD 26u
#define MACHINE_ARENAS \
	4u /* half of the memory lies a GiB further up: two arenas, each CPU has its own */
#define MACHINE_GROWS 8u /* there is room for 128 MiB more, from 128 MiB on */

extern struct quarry *mq; /* the case's machine */

/* What threads hold, one row each; in the region. */
struct held {
	struct page *page[MACHINE_HELD];
	unsigned int order[MACHINE_HELD];
	void *object[MACHINE_HELD];
};
extern struct held *has; /* [EXPLORE_THREADS] */

/* @kib of memory, @cpus CPUs. */
void machine_make(unsigned int kib, unsigned int cpus, unsigned int flags);
/* This setup() plays @cpu from here on. */
void machine_cpu(unsigned int cpu);

/* This thread takes a block, as its number @i, or gives it back. */
bool take(unsigned int i, gfp_t gfp, unsigned int order);
void give(unsigned int i);
/* The same of what thread @t holds. */
void give_of(unsigned int t, unsigned int i);

/*
 * Nothing was reported, no two blocks overlap, the validators pass, and when all is drained every page is
 * free or held.
 */
void machine_check(void);

#endif
