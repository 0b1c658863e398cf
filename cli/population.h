/* SPDX-License-Identifier: MIT */
/* What was there before a recording began, put on the machine from the starting snapshot. */
#ifndef CLI_POPULATION_H
#define CLI_POPULATION_H

#include <quarry/quarry.h>

#include <linuxfacts.h>

struct population;
struct engine;

#define POPULATION_WHY 200

/* In bytes and numbers; of all zones together. */
struct population_result {
	bool there;
	char why_not[POPULATION_WHY]; /* nothing was reconstructed, and why */
	uint64_t snapshot;
	uint64_t managed_bytes;                 /* of our machine */
	uint64_t free_bytes, free_wanted_bytes; /* in blocks of the order and type that Linux had */
	uint64_t free_blocks, free_blocks_wanted;
	uint64_t objects, objects_wanted, slab_bytes, caches;
	uint64_t other_bytes;   /* in use by whom is not known, at places that are assumed */
	uint64_t surplus_bytes; /* of that: memory that Linux did not manage */
	uint64_t pcp_bytes;     /* of that: free, but held by CPUs of the recorded machine */
	/* since then */
	uint64_t objects_freed, pages_freed;
	uint64_t seconds_ns; /* that it took */
};

/*
 * Put the state of facts->first on @q, a machine that nobody has used yet. @cache makes the cache of a name for
 * the engine: its number there, or 0. Never NULL: population_result() tells what came of it.
 */
struct population *population_new(struct quarry *q, const struct linuxfacts *facts,
				  struct engine *e);
void population_delete(struct population *p);

/*
 * The object that the recording frees at recorded frame @frame, which nobody allocated in it: one of the same
 * cache, if that is known: @name, or by what else was seen in that slab. *@cache gets the engine's number of
 * its cache, 0 for kmalloc's. NULL: not known, or there is none left.
 */
void *population_object(struct population *p, uint64_t frame, const char *name, uint16_t *cache);
/*
 * An object of @cache was allocated in recorded frame @frame, whose slab is older than the recording. Returns whether
 * that slab is known now.
 */
bool population_learn(struct population *p, uint64_t frame, struct kmem_cache *cache);
/* Whether recorded frame @frame is known to be of a slab older than the recording. */
bool population_is_slab(struct population *p, uint64_t frame);
/*
 * Free 2^@order pages that were in use before the recording, for the recorded block at @pfn: those at the same
 * place, else near it. How many were freed.
 */
uint64_t population_pages(struct population *p, uint64_t pfn, unsigned int order);

const struct population_result *population_result(const struct population *p);

#endif
