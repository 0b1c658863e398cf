/* SPDX-License-Identifier: MIT */
/*
 * Objects by the place that took them.
 *
 * Problem    Say of any place in the program how many objects and bytes it holds now, and how many it took. Nothing
 *            is paid while it is off.
 *
 * Terms      The record of a slab ends with a number for each object: 0, or one more than that of the place
 *            (base/places.h) that has it. Bytes are those of the place in the slab, as Linux counts them.
 *
 * Switch     A cache that is profiled has no sheaves, like one that is debugged: all its objects come by
 *            debug.c, which calls here. So the fast paths do not know of it. A cache changes while it is
 *            empty, since the records of its slabs change.
 *
 * Blocks     What no cache has, whole pages of kmalloc() and ranges of kvmalloc(), is entered in a table by address
 *            when it is given out, and struck out before it is given back. One that came back by a way that tells
 *            nobody is struck out when its address is given out again.
 *
 * Invariant  live_blocks of a place is the number of entries that name it. An object's entry belongs to who has the
 *            object on the way in or out; places, and the table of blocks, to the places' lock.
 * Cost       The long way, two locks more a call, and two bytes an object, 24 a block.
 * Failure    An object's entry is always there. A block for which there is no memory for one is not counted.
 */
#include "debug.h"

#include <base/places.h>

/* One number for each object, behind the bitmaps. */
static uint16_t *profile_entries(const struct kmem_cache *s, struct slab *slab)
{
	return (uint16_t *)(void *)(slab->free + slab_record_maps(s) * slab_words(s, slab));
}

void profile_slab_start(const struct kmem_cache *s, struct slab *slab)
{
	quarry_memset(profile_entries(s, slab), 0, slab_objects(s, slab) * sizeof(uint16_t));
}

void profile_alloc(struct quarry *q, const struct kmem_cache *s, const void *obj,
		   const void *caller)
{
	struct places *p = q->slabs->places;
	struct slab *slab;
	uint32_t number;
	quarry_pin_t pin;
	uint16_t place;

	if (slab_find(q, s, obj, &slab, &number) != SLAB_FAULT_NONE)
		return;
	pin = quarry_lock(q->concurrent, &p->lock);
	place = place_of_locked(p, NULL, caller);
	place_take_locked(p, place, s->size);
	quarry_unlock(q->concurrent, &p->lock, pin);
	profile_entries(s, slab)[number] = (uint16_t)(place + 1);
}

bool profile_free(struct quarry *q, const struct kmem_cache *s, struct slab *slab, uint32_t number)
{
	struct places *p = q->slabs->places;
	uint16_t *entry = &profile_entries(s, slab)[number];
	quarry_pin_t pin = quarry_lock(q->concurrent, &p->lock);
	bool held = *entry != 0;

	if (held)
		place_hold_locked(p, (uint16_t)(*entry - 1), s->size, -1);
	*entry = 0;
	quarry_unlock(q->concurrent, &p->lock, pin);
	return held;
}

/* ---- blocks that are in no cache ---- */

#define PROFILE_BUCKETS_SHIFT 12u
#define PROFILE_BATCH_BYTES 1024u /* of entries that are made at a time */

struct profile_block {
	struct profile_block *next;
	uintptr_t addr;
	uint32_t pages;
	uint16_t place;
};

struct profile_blocks {
	struct profile_block *free;
	struct profile_block *bucket[(size_t)1 << PROFILE_BUCKETS_SHIFT];
};

/* Where the entry of @addr hangs, or would. */
static struct profile_block **profile_find(struct profile_blocks *blocks, uintptr_t addr)
{
	uint64_t hash = (uint64_t)(addr >> QUARRY_PAGE_SHIFT) * 0x9e3779b97f4a7c15u;
	struct profile_block **link = &blocks->bucket[hash >> (64 - PROFILE_BUCKETS_SHIFT)];

	while (*link != NULL && (*link)->addr != addr)
		link = &(*link)->next;
	return link;
}

/* Strikes out the entry of @addr, if there is one; the places' lock is held. */
static void profile_strike_locked(struct slab_layer *layer, uintptr_t addr)
	QUARRY_REQUIRES(layer->places->lock)
{
	struct profile_block **link = profile_find(layer->blocks, addr), *block = *link;

	if (block == NULL)
		return;
	place_hold_locked(layer->places, block->place, (uint64_t)block->pages << QUARRY_PAGE_SHIFT,
			  -1);
	*link = block->next;
	block->next = layer->blocks->free;
	quarry_store_relaxed(&layer->blocks->free, block);
}

/* Makes entries, if there is none to be had. Not under a lock. */
static void profile_provide(struct quarry *q)
{
	const unsigned int nr = PROFILE_BATCH_BYTES / sizeof(struct profile_block);
	struct slab_layer *layer = q->slabs;
	struct profile_block *block;
	quarry_pin_t pin;

	if (quarry_load_relaxed(&layer->blocks->free) != NULL)
		return;
	block = slab_pool_alloc(q, PROFILE_BATCH_BYTES);
	if (block == NULL)
		return;
	pin = quarry_lock(q->concurrent, &layer->places->lock);
	for (unsigned int i = 0; i < nr; i++) {
		block[i].next = layer->blocks->free;
		quarry_store_relaxed(&layer->blocks->free, &block[i]);
	}
	quarry_unlock(q->concurrent, &layer->places->lock, pin);
}

void profile_block_alloc(struct quarry *q, const void *p, size_t nr_pages, const void *caller)
{
	struct slab_layer *layer = q->slabs;
	struct profile_block *block, **link;
	quarry_pin_t pin;

	if (likely(!layer->profiling) || layer->blocks == NULL)
		return;
	profile_provide(q);
	pin = quarry_lock(q->concurrent, &layer->places->lock);
	profile_strike_locked(layer, (uintptr_t)p);
	block = layer->blocks->free;
	if (block != NULL) {
		quarry_store_relaxed(&layer->blocks->free, block->next);
		link = profile_find(layer->blocks, (uintptr_t)p);
		block->next = NULL;
		block->addr = (uintptr_t)p;
		block->pages = (uint32_t)nr_pages;
		block->place = place_of_locked(layer->places, NULL, caller);
		place_take_locked(layer->places, block->place,
				  (uint64_t)nr_pages << QUARRY_PAGE_SHIFT);
		*link = block;
	}
	quarry_unlock(q->concurrent, &layer->places->lock, pin);
}

void profile_block_free(struct quarry *q, const void *p)
{
	struct slab_layer *layer = q->slabs;
	quarry_pin_t pin;

	if (likely(layer->blocks == NULL))
		return;
	pin = quarry_lock(q->concurrent, &layer->places->lock);
	profile_strike_locked(layer, (uintptr_t)p);
	quarry_unlock(q->concurrent, &layer->places->lock, pin);
}

/* ---- the switch ---- */

/* The tables, made when it is first switched on and kept. */
static bool profile_make_tables(struct quarry *q)
{
	struct slab_layer *layer = q->slabs;

	if (layer->places == NULL) {
		layer->places = quarry_meta_alloc(q, sizeof(*layer->places));
		if (layer->places == NULL)
			return false;
		places_init(layer->places);
	}
	if (layer->blocks == NULL)
		layer->blocks = quarry_meta_alloc(q, sizeof(*layer->blocks));
	return layer->blocks != NULL;
}

int quarry_slab_profiling(struct quarry *q, bool on)
{
	struct slab_layer *layer = q->slabs;
	struct kmem_cache *s;
	int busy = 0;

	if (layer == NULL)
		return -QUARRY_EINVAL;
	if (on && !profile_make_tables(q))
		return -QUARRY_ENOMEM;
	layer->profiling = on;
	for (s = layer->list; s != NULL; s = s->list_next)
		busy += !cache_debug_again(q, s);
	return busy;
}

bool quarry_slab_site(struct quarry *q, unsigned int index, struct quarry_page_site_info *info)
{
	*info = (struct quarry_page_site_info){0};
	return q->slabs != NULL && q->slabs->places != NULL &&
	       place_info(q, q->slabs->places, index, info);
}

/* From now on @site's address is its tag, wherever a caller's would be. */
static const void *profile_tag(struct quarry *q, const struct quarry_page_site *site)
{
	struct places *p = q->slabs->places;
	quarry_pin_t pin = quarry_lock(q->concurrent, &p->lock);

	(void)place_of_locked(p, site, NULL);
	quarry_unlock(q->concurrent, &p->lock, pin);
	return site;
}

void *quarry_kmalloc_at(struct quarry *q, size_t size, gfp_t gfp,
			const struct quarry_page_site *site)
{
	if (likely(q->slabs == NULL || !q->slabs->profiling))
		return quarry_kmalloc(q, size, gfp);
	return quarry_kmalloc_track_caller(q, size, gfp, profile_tag(q, site));
}

void *quarry_kmem_cache_alloc_at(struct quarry *q, struct kmem_cache *cache, gfp_t gfp,
				 const struct quarry_page_site *site)
{
	if (likely(!q->slabs->profiling))
		return quarry_kmem_cache_alloc(q, cache, gfp);
	return sheaf_alloc_node(q, cache, gfp, QUARRY_NO_NODE, profile_tag(q, site));
}
