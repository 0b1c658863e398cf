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
 * Invariant  live_blocks of a place is the number of entries that name it. An entry belongs to who has the
 *            object on the way in or out; places to the table's lock.
 * Cost       The long way, two locks more a call, and two bytes an object.
 * Failure    None: an entry is always there.
 */
#include "debug.h"

#include <base/places.h>

/* One number for each object, behind the bitmaps. */
static uint16_t *profile_entries(const struct kmem_cache *s, struct slab *slab)
{
	return (uint16_t *)(void *)(slab->free +
				    slab_record_maps(s) * ((slab->objects + 63u) / 64));
}

void profile_slab_start(const struct kmem_cache *s, struct slab *slab)
{
	quarry_memset(profile_entries(s, slab), 0, slab->objects * sizeof(uint16_t));
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

int quarry_slab_profiling(struct quarry *q, bool on)
{
	struct slab_layer *layer = q->slabs;
	struct kmem_cache *s;
	int busy = 0;

	if (layer == NULL)
		return -QUARRY_EINVAL;
	if (on && layer->places == NULL) {
		layer->places = quarry_meta_alloc(q, sizeof(*layer->places));
		if (layer->places == NULL)
			return -QUARRY_ENOMEM;
		places_init(layer->places);
	}
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
