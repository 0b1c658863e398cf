/* SPDX-License-Identifier: MIT */
/*
 * When the lists of the wanted migratetype are empty: take from another type.
 *
 * Unmovable, movable and reclaimable pages are kept in pageblocks of their own, so that movable ones
 * can be cleared by moving. When a type runs out, the least harm is done by taking a whole pageblock
 * over, so the largest free block of another type is looked for first. Its pageblock is claimed, and
 * changes its type, if the block is large, or the request is not movable, and at least half of the
 * pageblock is free or holds pages that fit the new type. Otherwise one block alone is stolen, and for
 * a movable request the smallest that fits: movable pages spoil nothing.
 */
#include "internal.h"

/* Which types are asked, in turn. Rows and values: enum quarry_migratetype. */
static const uint8_t fallback_types[QUARRY_MIGRATE_PCPTYPES][2] = {
	[QUARRY_MIGRATE_UNMOVABLE] = {QUARRY_MIGRATE_RECLAIMABLE, QUARRY_MIGRATE_MOVABLE},
	[QUARRY_MIGRATE_MOVABLE] = {QUARRY_MIGRATE_RECLAIMABLE, QUARRY_MIGRATE_UNMOVABLE},
	[QUARRY_MIGRATE_RECLAIMABLE] = {QUARRY_MIGRATE_UNMOVABLE, QUARRY_MIGRATE_MOVABLE},
};

/* Pages of pageblock @i in use by movable blocks, read off the descriptors. */
static unsigned int fallback_count_movable(const struct page_arena *a, unsigned int i)
{
	const struct page *page = &a->map[(size_t)i << QUARRY_PAGEBLOCK_ORDER];
	unsigned int n = 0, k = 0;

	while (k < QUARRY_PAGEBLOCK_PAGES) {
		uint64_t word = page_word(&page[k]);
		unsigned int size = 1;

		if ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC) {
			size = 1u << page_word_order(word);
			if (page_word_type(word) == QUARRY_MIGRATE_MOVABLE)
				n += size;
		}
		k += size;
	}
	return quarry_min(n, (unsigned int)QUARRY_PAGEBLOCK_PAGES);
}

/* Whether pageblock @i may change to @type: half of it is free or fits. a->lock held. */
static bool fallback_half_fits(const struct page_layer *pl, const struct page_arena *a,
			       unsigned int i, unsigned int type)
{
	unsigned int free = a->pb[i].nr_free;
	unsigned int fits = 0, movable;

	if (pl->no_grouping)
		return true;
	movable = a->pb[i].described ? fallback_count_movable(a, i) : 0;
	if (type == QUARRY_MIGRATE_MOVABLE)
		fits = movable;
	else if (a->pb[i].type == QUARRY_MIGRATE_MOVABLE)
		fits = (unsigned int)QUARRY_PAGEBLOCK_PAGES -
		       quarry_min((unsigned int)QUARRY_PAGEBLOCK_PAGES, free + movable);
	return free + fits >= QUARRY_PAGEBLOCK_PAGES / 2;
}

/* Whether a block of order @o may take its whole pageblock along. */
static bool fallback_may_claim(const struct page_layer *pl, unsigned int o, unsigned int type)
{
	return o >= QUARRY_PAGEBLOCK_ORDER / 2 || type != QUARRY_MIGRATE_MOVABLE || pl->no_grouping;
}

/* The pageblocks that hold a free block of order @o in pageblock @i change their type. */
static void fallback_claim(struct quarry *q, struct page_arena *a, unsigned int i, unsigned int o,
			   unsigned int type)
{
	unsigned int n = o == QUARRY_MAX_ORDER ? 2 : 1;

	/* The upper half first: then the pair, if any, comes together again under its new type. */
	for (unsigned int k = n; k-- > 0;)
		arena_set_type(q, a, i + k, type);
	page_add(q->concurrent, &q->pages->fallback_claimed, n);
}

/* One block out of list[@o][@from] of arena @a for a request of @type; a->lock held. */
static struct page *fallback_take_from(struct quarry *q, struct page_arena *a, unsigned int o,
				       unsigned int from, unsigned int order, unsigned int type,
				       bool may_steal)
{
	unsigned int i = a->head[o][from];

	if (o >= QUARRY_PAGEBLOCK_ORDER ||
	    (fallback_may_claim(q->pages, o, type) && fallback_half_fits(q->pages, a, i, type)))
		fallback_claim(q, a, i, o, type);
	else if (!may_steal)
		return NULL;
	else
		page_add(q->concurrent, &q->pages->fallback_stolen, 1);
	if (order == QUARRY_MAX_ORDER && a->pb[i].filed != QUARRY_MAX_ORDER)
		return NULL;
	return arena_take_from(q, a, i, order);
}

/* A block of exactly filed order @o; @may_steal as above. */
static struct page *fallback_at(struct quarry *q, struct page_zone *z, unsigned int o,
				unsigned int from, unsigned int order, unsigned int type,
				bool may_steal)
{
	struct page *page = NULL;
	struct page_arena *a;
	unsigned int found = 0;
	quarry_pin_t pin;

	a = zone_find_arena(q, z, z->arena_first, o, from, &found);
	if (a == NULL || found != o || !memmap_give_map(q, a))
		return NULL;
	pin = arena_lock(q, a);
	if (a->virgin)
		arena_unfold(q, a);
	if ((a->order_mask[from] >> o & 1) != 0)
		page = fallback_take_from(q, a, o, from, order, type, may_steal);
	arena_unlock(q, a, pin);
	return page;
}

unsigned int fallback_take(struct quarry *q, struct page_zone *z, unsigned int order,
			   unsigned int type, unsigned int alloc_flags, struct page **page)
{
	(void)alloc_flags;
	if (type >= QUARRY_MIGRATE_PCPTYPES)
		return 0;
	/* The largest block first; one that may not be claimed is stolen unless movable can do better. */
	for (unsigned int o = QUARRY_MAX_ORDER + 1; o-- > order;) {
		for (unsigned int k = 0; k < 2; k++) {
			*page = fallback_at(q, z, o, fallback_types[type][k], order, type,
					    type != QUARRY_MIGRATE_MOVABLE);
			if (*page != NULL)
				return 1;
		}
	}
	for (unsigned int o = order; o <= QUARRY_MAX_ORDER; o++) {
		for (unsigned int k = 0; k < 2; k++) {
			*page = fallback_at(q, z, o, fallback_types[type][k], order, type, true);
			if (*page != NULL)
				return 1;
		}
	}
	return 0;
}
