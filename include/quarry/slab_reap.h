/* SPDX-License-Identifier: MIT */
/*
 * What caches keep, and how they give it back: reaping by time, shrinking under pressure, and moving
 * objects out of sparse slabs.
 */
#ifndef QUARRY_SLAB_REAP_H
#define QUARRY_SLAB_REAP_H

#include <quarry/gfp.h>
#include <quarry/slab.h>
#include <quarry/types.h>

/**
 * quarry_slab_reap() - what one CPU and its node have not used for a while goes back
 * @q:	 memory system, at QUARRY_STAGE_SLAB
 * @cpu: CPU on which the timer fired: this one, or any if one thread plays the machine
 *
 * To be called every second or two on each CPU. Of each cache: objects of other nodes go home; a CPU
 * that has not allocated or freed since the last call loses its spare sheaf and a fifth of its main one.
 * Every second call of each of a node's CPUs, the node's depot loses the sheaves that nobody needed in
 * between and, if CPUs did not meet there, one of those that it may keep; and if nothing was taken out of
 * its slabs, empty slabs for a fifth of the free limit are given back (SLAB's cache_reap()).
 *
 * Caches may be created, used and destroyed meanwhile.
 * Context: task or timer, not inside an allocation. O(caches). Return: 0; -QUARRY_EINVAL: no such
 * CPU, not that stage, or @cpu is not this CPU of a concurrent machine; nothing changed then.
 */
int quarry_slab_reap(struct quarry *q, unsigned int cpu);

/**
 * quarry_slab_reporting_run() - tell the host of pages inside slabs in which no object lies
 * @q:	   memory system, at QUARRY_STAGE_SLAB
 * @cache: one cache, or NULL: all
 *
 * The device of quarry_page_reporting_register() is told, as of free pageblocks, of pages that stay the slab's but need
 * not be kept: as malloc_trim() does it in the C library. Of caches with a constructor, with debugging or under RCU
 * nothing is told; slabs that are empty are given back. Best after quarry_kmem_cache_shrink(). What was told is told
 * again the next time. Objects may be taken and freed meanwhile, and caches created and destroyed, but not @cache.
 * Context: calls the device; not from an interrupt, one run at a time. O(objects in slabs that have a free one).
 * Return:  pages told; 0 also if nobody is registered. It stops at the device's first error.
 */
unsigned long quarry_slab_reporting_run(struct quarry *q, struct kmem_cache *cache);

/**
 * typedef quarry_kmem_isolate_fn - keep objects from being freed until they are moved
 * @cache:   their cache
 * @objects: addresses; an entry may be set to NULL: that one stays
 * @nr:	     how many
 *
 * Called under the lock of the slab: no call of Quarry from here. An object may be free already, in a
 * CPU's sheaf, with the state that it was freed in: such a one is to be refused. Return: passed on to
 * migrate.
 */
typedef void *(*quarry_kmem_isolate_fn)(struct kmem_cache *cache, void **objects, unsigned int nr);

/**
 * typedef quarry_kmem_migrate_fn - move isolated objects, as far as possible
 * @cache:   their cache
 * @objects: what isolate left; entries may be NULL
 * @nr:	     how many
 * @nid:     node to allocate on
 * @cookie:  what isolate returned
 *
 * No lock is held. To move: allocate anew, copy, redirect the users, free the old one. An object that
 * cannot be moved is let go of and stays.
 */
typedef void (*quarry_kmem_migrate_fn)(struct kmem_cache *cache, void **objects, unsigned int nr,
				       int nid, void *cookie);

/**
 * quarry_kmem_cache_setup_mobility() - let objects of a cache be moved
 * @q:	     memory system
 * @cache:   a cache with a constructor, which is not shared
 * @isolate: see above
 * @migrate: see above
 *
 * Context: before the first object is taken. Return: 0; -QUARRY_EINVAL: no constructor, so that the
 * state of a free object would not be known, or a callback is missing; nothing changed then.
 */
QUARRY_MUST_CHECK int quarry_kmem_cache_setup_mobility(struct quarry *q, struct kmem_cache *cache,
						       quarry_kmem_isolate_fn isolate,
						       quarry_kmem_migrate_fn migrate);

/**
 * quarry_kmem_cache_defrag() - empty sparse slabs of a cache by moving their objects, and give them back
 * @q:	   memory system
 * @cache: one with movers
 * @nid:   node; QUARRY_NO_NODE: each
 *
 * Slabs that are more than half free and whose objects find room in the others of the node. Context:
 * task; others may use the cache. Return: slabs fewer than before; 0 for a cache without movers.
 */
unsigned long quarry_kmem_cache_defrag(struct quarry *q, struct kmem_cache *cache, int nid);

#endif
