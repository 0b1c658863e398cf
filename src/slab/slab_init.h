/* SPDX-License-Identifier: MIT */
/* How boot starts and ends the slab layer. */
#ifndef QUARRY_SLAB_SLAB_INIT_H
#define QUARRY_SLAB_SLAB_INIT_H

#include <quarry/mmzone.h>
#include <quarry/types.h>

/*
 * Builds the registry and the kmalloc caches. @nr_cpus_for_geometry is the number of CPUs that slab
 * orders are computed for (Linux: those present); @params may be NULL. 0, or -QUARRY_ENOMEM with nothing left behind.
 */
int quarry_slab_init(struct quarry *q, unsigned int nr_cpus_for_geometry,
		     const struct quarry_boot_params *params);

/*
 * Gives back caches and sheaves; slabs and objects are forgotten, not freed. The records of slabs go
 * with quarry_destroy(), which gives back all tables. Does nothing before init.
 */
void quarry_slab_exit(struct quarry *q);

#endif
