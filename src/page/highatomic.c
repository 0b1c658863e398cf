/* SPDX-License-Identifier: MIT */
/*
 * The highatomic reserve: pageblocks kept for blocks of order > 0 that cannot wait.
 *
 * Who cannot wait cannot compact either. So when such a request got a block out of an ordinary
 * pageblock after the low watermark had refused it, the rest of that pageblock is kept for the next:
 * its type becomes HIGHATOMIC, which merges with no other and which nobody else is served from. A zone
 * keeps at most a hundredth and one pageblock more. When memory is about to run out they are given back,
 * one by one.
 *
 * Counts    zone->nr_pb_special[] and nr_free_highatomic follow a pageblock's type, in arena_set_type().
 * Locks     One arena's at a time. Two CPUs may both see room for the last pageblock below the limit; a
 *           zone then keeps one more for each CPU that met.
 */
#include "internal.h"

static uint32_t *highatomic_count(struct page_zone *z)
{
	return &z->nr_pb_special[QUARRY_MIGRATE_HIGHATOMIC - QUARRY_MIGRATE_PCPTYPES];
}

static unsigned long highatomic_pages(struct page_zone *z)
{
	return (unsigned long)quarry_load_relaxed(highatomic_count(z)) * QUARRY_PAGEBLOCK_PAGES;
}

/* The limit is asked before a pageblock is added, so the last one may pass it. */
static bool highatomic_has_room(struct page_zone *z)
{
	unsigned long limit =
		quarry_load_relaxed(&z->managed) / 100 + (unsigned long)QUARRY_PAGEBLOCK_PAGES;

	return highatomic_pages(z) < limit;
}

QUARRY_COLD void highatomic_reserve(struct quarry *q, struct page_zone *z, struct page *page)
{
	struct page_arena *a = page_arena_of(q->pages, page);
	unsigned int i = (unsigned int)((page - a->map) >> QUARRY_PAGEBLOCK_ORDER);
	pfn_t start = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);
	pfn_t zone_start = quarry_load_relaxed(&z->start_pfn);
	pfn_t zone_end = zone_start + quarry_load_relaxed(&z->spanned);
	bool reserved = false;
	quarry_pin_t pin;

	/* A pageblock that reaches over the zone's edge is never kept. */
	if (!highatomic_has_room(z) || start < zone_start ||
	    start + QUARRY_PAGEBLOCK_PAGES > zone_end)
		return;
	pin = arena_lock(q, a);
	if (a->pb[i].type < QUARRY_MIGRATE_PCPTYPES && highatomic_has_room(z)) {
		arena_set_type(q, a, i, QUARRY_MIGRATE_HIGHATOMIC);
		reserved = true;
	}
	arena_unlock(q, a, pin);
	if (reserved)
		page_event(q, QUARRY_VM_HIGHATOMIC_RESERVE, 1);
}

/* Only a pageblock with free pages helps anybody; the one whose largest block is smallest goes first. */
static bool highatomic_give_back(struct quarry *q, struct page_zone *z, unsigned int type)
{
	unsigned int order;
	struct page_arena *a =
		zone_find_arena(q, z, z->arena_first, 0, QUARRY_MIGRATE_HIGHATOMIC, &order);
	bool given = false;
	quarry_pin_t pin;

	if (a == NULL)
		return false;
	pin = arena_lock(q, a);
	if ((a->order_mask[QUARRY_MIGRATE_HIGHATOMIC] >> order & 1) != 0) {
		arena_set_type(q, a, a->head[order][QUARRY_MIGRATE_HIGHATOMIC], type);
		given = true;
	}
	arena_unlock(q, a, pin);
	if (given)
		page_event(q, QUARRY_VM_HIGHATOMIC_UNRESERVE, 1);
	return given;
}

QUARRY_COLD bool highatomic_unreserve(struct quarry *q, const struct alloc_request *r, bool force)
{
	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];

		if (z->type > r->highest || (r->nodes >> z->nid & 1) == 0)
			continue;
		if (quarry_load_relaxed(highatomic_count(z)) <= (force ? 0u : 1u))
			continue;
		if (highatomic_give_back(q, z, r->type))
			return true;
	}
	return false;
}
