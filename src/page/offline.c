/* SPDX-License-Identifier: MIT */
/*
 * Memory blocks that leave: isolate, move, drain, take out.
 *
 * Nothing is handed out of an isolated pageblock (isolate.c), so once the sheaves are empty and what was in use has
 * been moved or freed, all bits of the range are set, and stay so. Then the bits are cleared, the
 * pageblocks marked, and the section table leads there no more. Pages that are poisoned count as gone.
 */
#include "hotplug.h"

#ifndef OFFLINE_TRIES
#define OFFLINE_TRIES 8u
#endif

struct offline {
	struct hotplug_range r;
	pfn_t start, end;
	struct page_zone *zone;
	struct zonelist_set *lists; /* NULL: they stay */
};

/* Pages of [@start, @end) that memblock calls memory. */
static pfn_t offline_memory_in(struct quarry *q, pfn_t start, pfn_t end)
{
	const struct memblock_type *memory = &q->memblock->memory;
	pfn_t n = 0;

	for (unsigned long i = 0; i < memory->cnt; i++) {
		const struct memblock_region *m = &memory->regions[i];
		pfn_t from = quarry_max(start, bits_pfn_up(m->base));
		pfn_t to = quarry_min(end, bits_pfn_down(m->base + m->size));

		n += from < to ? to - from : 0;
	}
	return n;
}

/* Finds the zone, and makes what taking its last pages needs. */
static int offline_prepare(struct quarry *q, struct offline *o)
{
	struct page_layer *pl = q->pages;
	uint64_t populated[PAGE_ZONE_WORDS];

	for (pfn_t s = o->r.first; s < o->r.last; s++) {
		pfn_t start = s << PAGE_SECTION_ORDER;
		const struct page_arena *a = memmap_arena(pl, start);

		if (a == NULL || a->end_pfn < start + PAGE_SECTION_PAGES)
			return -QUARRY_EINVAL;
		if (s == o->r.first)
			o->zone = a->zone;
		if (a->zone != o->zone)
			return -QUARRY_EINVAL;
	}
	if (offline_memory_in(q, o->start, o->end) != o->end - o->start)
		return -QUARRY_EINVAL;
	if (o->zone->present == o->end - o->start) {
		zonelist_populated(pl, populated);
		populated[o->zone->index / 64] &= ~((uint64_t)1 << o->zone->index % 64);
		o->lists = zonelist_prepare(q, populated);
		if (o->lists == NULL)
			return -QUARRY_ENOMEM;
	}
	return 0;
}

static unsigned int offline_first_pb(const struct page_arena *a, pfn_t s)
{
	return (unsigned int)(((s << PAGE_SECTION_ORDER) - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER);
}

#define OFFLINE_PBS ((unsigned int)(PAGE_SECTION_PAGES >> QUARRY_PAGEBLOCK_ORDER))

/* Takes isolated pageblock @i, all free but for what is poisoned, out of the buddy system; a->lock held. */
static void offline_take(struct quarry *q, struct page_arena *a, unsigned int i)
	QUARRY_REQUIRES(a->lock)
{
	struct page *page = &a->map[(size_t)i << QUARRY_PAGEBLOCK_ORDER];
	struct page_pb *pb = &a->pb[i];
	uint64_t all[PAGE_WORDS], got[PAGE_WORDS];

	pageblock_set_whole(all);
	arena_take_bits(q, a, i, all, got);
	arena_set_type(q, a, i, QUARRY_MIGRATE_MOVABLE);
	pb->flags = (uint8_t)((pb->flags & PAGE_PB_POISONED) | PAGE_PB_OFFLINE);
	for (unsigned int k = 0; k < QUARRY_PAGEBLOCK_PAGES; k++) {
		if (!page_is_poisoned(page_word(&page[k])))
			page_set_word(&page[k], (uint64_t)a->index << PAGE_WORD_ARENA_SHIFT |
							PAGE_WORD_OFFLINE);
	}
}

static void offline_take_section(struct quarry *q, pfn_t s)
{
	struct page_layer *pl = q->pages;
	struct hotplug_section *section = &pl->hotplug->section[s];
	struct page_arena *a = memmap_arena(pl, s << PAGE_SECTION_ORDER);
	unsigned int first = offline_first_pb(a, s);
	quarry_pin_t pin = arena_lock(q, a);

	for (unsigned int i = first; i < first + OFFLINE_PBS; i++)
		offline_take(q, a, i);
	arena_unlock(q, a, pin);
	section->held = a->index + 1u;
	section->nid = a->zone->nid;
	quarry_store_release(&section->offline, true);
	quarry_store_release(&pl->section[s], PAGE_NO_ARENA);
}

/* Whether a part of section @s is in use as memory of @z. */
static bool offline_section_has(const struct page_layer *pl, pfn_t s, const struct page_zone *z)
{
	pfn_t end = (s + 1) << PAGE_SECTION_ORDER;
	uint32_t i = pl->section[s];

	if (i == PAGE_NO_ARENA)
		return false;
	if (pl->arena[i].zone == z)
		return true;
	while (++i < pl->nr_boot_arenas && pl->arena[i].start_pfn < end) {
		if (pl->arena[i].zone == z)
			return true;
	}
	return false;
}

/* The zone's span after [@start, @end) has left: an end that was there moves to what is in use. */
static void offline_shrink_zone(const struct page_layer *pl, struct page_zone *z, pfn_t start,
				pfn_t end)
{
	pfn_t zone_end = z->start_pfn + z->spanned, s;

	if (z->start_pfn == start) {
		for (s = end >> PAGE_SECTION_ORDER; s << PAGE_SECTION_ORDER < zone_end; s++) {
			if (offline_section_has(pl, s, z))
				break;
		}
		quarry_store_relaxed(&z->start_pfn, quarry_min(s << PAGE_SECTION_ORDER, zone_end));
		quarry_store_relaxed(&z->spanned, (unsigned long)(zone_end - z->start_pfn));
	} else if (zone_end == end) {
		for (s = start >> PAGE_SECTION_ORDER; s << PAGE_SECTION_ORDER > z->start_pfn; s--) {
			if (offline_section_has(pl, s - 1, z))
				break;
		}
		zone_end = quarry_max(s << PAGE_SECTION_ORDER, z->start_pfn);
		quarry_store_relaxed(&z->spanned, (unsigned long)(zone_end - z->start_pfn));
	}
	if (z->spanned == 0)
		quarry_store_relaxed(&z->start_pfn, (pfn_t)0);
}

static void offline_shrink_node(struct page_layer *pl, int nid)
{
	struct page_node *node = &pl->node[nid];
	unsigned long present = 0;

	node->start_pfn = ~(pfn_t)0;
	node->end_pfn = 0;
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		const struct page_zone *z = node->zone[t];

		if (z == NULL || z->spanned == 0)
			continue;
		present += z->present;
		node->start_pfn = quarry_min(node->start_pfn, z->start_pfn);
		node->end_pfn = quarry_max(node->end_pfn, z->start_pfn + z->spanned);
	}
	quarry_store_relaxed(&node->present, present != 0);
}

static void offline_commit(struct quarry *q, struct offline *o)
{
	struct page_layer *pl = q->pages;
	struct page_zone *z = o->zone;
	unsigned long nr = (unsigned long)(o->end - o->start);

	for (pfn_t s = o->r.first; s < o->r.last; s++)
		offline_take_section(q, s);
	quarry_store_relaxed(&z->present, z->present - nr);
	quarry_fetch_add_relaxed(&z->managed, 0 - nr);
	quarry_fetch_add_relaxed(&pl->present, 0 - nr);
	quarry_fetch_add_relaxed(&pl->managed, 0 - nr);
	offline_shrink_zone(pl, z, o->start, o->end);
	offline_shrink_node(pl, z->nid);
	watermark_update(q);
	if (o->lists != NULL) {
		zonelist_publish(q, o->lists);
		boot_settle_cpus(pl);
	}
	pcp_update(q);
}

static int offline_range(struct quarry *q, struct offline *o)
{
	int err = offline_prepare(q, o);
	bool done = false;

	if (err == 0)
		err = quarry_start_isolate_page_range(q, o->start, o->end, QUARRY_MIGRATE_MOVABLE,
						      QUARRY_ISOLATE_OFFLINE);
	if (err != 0)
		return err;
	for (unsigned int tries = 0; !done && tries < OFFLINE_TRIES; tries++) {
		if (contig_migrate(q, o->start, o->end, GFP_KERNEL | __GFP_RETRY_MAYFAIL) ==
		    -QUARRY_ENOMEM)
			break;
		quarry_drain_all_pages(q);
		done = quarry_test_pages_isolated(q, o->start, o->end, QUARRY_ISOLATE_OFFLINE) == 0;
	}
	if (!done) {
		quarry_undo_isolate_page_range(q, o->start, o->end);
		return -QUARRY_EBUSY;
	}
	offline_commit(q, o);
	return 0;
}

int quarry_offline_pages(struct quarry *q, pfn_t start, unsigned long nr)
{
	struct offline o = {.start = start, .end = start + nr};
	int err;

	if (!hotplug_range_of(q->pages, start, nr, &o.r))
		return -QUARRY_EINVAL;
	err = hotplug_begin(q);
	if (err != 0)
		return err;
	err = offline_range(q, &o);
	hotplug_end(q);
	return err;
}
