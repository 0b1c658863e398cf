/* SPDX-License-Identifier: MIT */
/* How boot starts the slab layer. Its tables go with quarry_destroy(), as all do. */
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

#endif
