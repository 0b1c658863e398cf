/* SPDX-License-Identifier: MIT */
/* What population.c and population_slabs.c share. */
#ifndef CLI_POPULATION_PARTS_H
#define CLI_POPULATION_PARTS_H

#include <idmap.h>
#include <population.h>

/* Objects of one slab here: those in use are object[first .. first + left). */
struct population_group {
	uint32_t first, left;
};

struct population_cache {
	const char *name;
	struct kmem_cache *cache;
	uint16_t number;          /* the engine's; 0: kmalloc's */
	unsigned int order_shift; /* of our slabs */
	uint32_t linux_pages;     /* in a slab of the recorded kernel */
	void **object;            /* by address */
	struct population_group *group;
	uint32_t nr_objects, nr_groups;
	uint32_t *order;      /* groups in the order in which recorded slabs get them */
	uint32_t next, steal; /* in order[]; the group to take from when one's own is empty */
};

struct population {
	struct quarry *q;
	struct engine *e;
	uint64_t seed;
	struct population_cache *cache;
	uint32_t nr_caches, cap_caches;
	struct idmap by_cache; /* struct kmem_cache * -> place in cache[] + 1 */
	struct idmap frames; /* first recorded frame of a slab, of 8 sizes -> cache and group + 1 */
	uint64_t *ballast;   /* by our pfn: in use since before the recording, by somebody */
	pfn_t nr_frames;
	struct population_result result;
};

uint64_t population_random(struct population *p, uint64_t below);

/* population_slabs.c */
void population_fill_slabs(struct population *p, const struct linuxfacts *facts);
void population_free_slabs(struct population *p);

#endif
