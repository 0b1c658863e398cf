/* SPDX-License-Identifier: MIT */
/*
 * Page frames by number: a range is cleared and taken as it lies.
 *
 *	isolate     its pageblocks; what is freed there stays there
 *	move        blocks in use, by their owners, to pages got like any others
 *	test        that all of it is free; only frees can happen to it now
 *	take        the bits, each page a block of order 0
 *	undo        the isolation
 *
 * Two calls for one pageblock meet at the isolation: the second is refused. No lock is held while a
 * block moves. A call that fails undoes the isolation; blocks that have moved stay moved.
 */
#include "internal.h"

#include <base/string.h>

#define CONTIG_TRIES 5u

/* Counts @n pages allocated in the zone of @a, on this CPU. */
static void contig_count(struct quarry *q, const struct page_arena *a, uint64_t n)
{
	cpu_count_allocs(q, a, 0, n);
	event_no_request(q, a->zone, n);
}

/* Pages to move a block to may come from anywhere that movable pages may. */
static gfp_t contig_target_gfp(gfp_t gfp)
{
	const gfp_t keep = __GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_NORETRY |
			   __GFP_RETRY_MAYFAIL | __GFP_NOWARN;

	return (gfp & keep) | __GFP_MOVABLE | __GFP_HIGHMEM;
}

int contig_migrate_block(struct quarry *q, struct page *page, gfp_t gfp)
{
	const struct page_arena *a = page_arena_of(q->pages, page);
	unsigned int order;
	struct page *dst;

	if (!mover_isolate(q, page))
		return -QUARRY_EBUSY;
	order = page_word_order(page_word(page)); /* isolated: it stays what it is */
	dst = quarry_alloc_pages_node(q, a->zone->nid, contig_target_gfp(gfp), order);
	if (dst == NULL) {
		mover_putback(q, page);
		return -QUARRY_ENOMEM;
	}
	if (mover_move(q, dst, page) != 0) {
		/* It is no allocated block by now: back to what quarry_alloc_pages_node() gave. */
		page_set_word(dst, (page_word(dst) & PAGE_WORD_ARENA_MASK) |
					   page_word_alloc(order, QUARRY_MIGRATE_MOVABLE));
		quarry_free_pages(q, dst, order);
		mover_putback(q, page);
		return -QUARRY_EBUSY;
	}
	return 0;
}

/* The descriptor of @pfn in @a, whose map is there; NULL: it is not written. */
static struct page *contig_page(const struct page_arena *a, pfn_t pfn)
{
	const uint8_t *described = &a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER].described;
	struct page *map = quarry_load_acquire(&a->map);

	return map != NULL && quarry_load_acquire(described) != 0 ? &map[pfn - a->base_pfn] : NULL;
}

int contig_migrate(struct quarry *q, pfn_t start, pfn_t end, gfp_t gfp)
{
	int err = 0;

	while (start < end) {
		struct page_arena *a = memmap_arena(q->pages, start);
		pfn_t head = a != NULL ? isolate_block_start(a, start) : start;
		struct page *page = a != NULL ? contig_page(a, head) : NULL;
		uint64_t word = page != NULL ? page_word(page) : PAGE_WORD_FREE;
		unsigned int order;
		int failed;

		start = quarry_max(head, start) + 1;
		if (!mover_can(word))
			continue;
		order = page_word_order(word);
		start = quarry_max(start, head + ((pfn_t)1 << order));
		failed = contig_migrate_block(q, page, gfp);
		if (failed == 0)
			quarry_free_pages(q, page, order);
		else if (failed == -QUARRY_ENOMEM)
			return failed;
		else
			err = failed;
	}
	return err;
}

/* Whether all of [@start, @end), which lies in @a, is in the buddy system. a->lock held. */
static bool contig_all_free(const struct page_arena *a, pfn_t start, pfn_t end)
{
	for (pfn_t k = start - a->base_pfn; k < end - a->base_pfn; k++) {
		if (!arena_is_free(a, (size_t)k))
			return false;
	}
	return true;
}

/*
 * Takes the pages of [@start, @end), which lie in @a and were free and isolated. False: one has been found to
 * be damaged since (hwpoison.c), and none is taken.
 */
static bool contig_take_arena(struct quarry *q, struct page_arena *a, pfn_t start, pfn_t end,
			      unsigned int type)
{
	uint64_t word = (uint64_t)a->index << PAGE_WORD_ARENA_SHIFT | page_word_alloc(0, type);
	quarry_pin_t pin = arena_lock(q, a);

	if (!contig_all_free(a, start, end)) {
		arena_unlock(q, a, pin);
		return false;
	}
	contig_count(q, a, (uint64_t)(end - start));
	while (start < end) {
		pfn_t offset = start - a->base_pfn;
		unsigned int i = (unsigned int)(offset >> QUARRY_PAGEBLOCK_ORDER);
		pfn_t stop = a->base_pfn + ((pfn_t)(i + 1) << QUARRY_PAGEBLOCK_ORDER);
		uint64_t want[PAGE_WORDS] = {0}, got[PAGE_WORDS];

		stop = quarry_min(stop, end);
		for (pfn_t k = offset; k < stop - a->base_pfn; k++)
			pageblock_set(want, (unsigned int)(k & (QUARRY_PAGEBLOCK_PAGES - 1)), 0);
		arena_take_bits(q, a, i, want, got);
		for (; start < stop; start++)
			page_set_word(&a->map[start - a->base_pfn], word);
	}
	arena_unlock(q, a, pin);
	return true;
}

/* All of the range, or nothing. */
static bool contig_take(struct quarry *q, pfn_t start, pfn_t end, unsigned int type, gfp_t gfp,
			const void *address)
{
	struct page_caller caller = {.address = address};
	pfn_t stop;

	for (pfn_t pfn = start; pfn < end; pfn = stop) {
		struct page_arena *a = memmap_arena(q->pages, pfn);

		stop = quarry_min(end, a->end_pfn);
		if (!contig_take_arena(q, a, pfn, stop, type)) {
			quarry_free_contig_range(q, start, (unsigned long)(pfn - start));
			return false;
		}
		for (pfn_t k = pfn; page_prep_on(q) && k < stop; k++)
			prep_alloc(q, &a->map[k - a->base_pfn], 0, gfp, &caller);
	}
	if ((gfp & __GFP_ZERO) != 0 && !q->no_access)
		quarry_memset(quarry_phys_to_virt(q, (phys_addr_t)start << QUARRY_PAGE_SHIFT), 0,
			      (size_t)(end - start) << QUARRY_PAGE_SHIFT);
	return true;
}

/* Whether all of the range is memory of one zone. */
static bool contig_one_zone(const struct page_layer *pl, pfn_t start, pfn_t end)
{
	const struct page_zone *z = NULL;

	while (start < end) {
		const struct page_arena *a = memmap_arena(pl, start);

		if (a == NULL || (z != NULL && a->zone != z))
			return false;
		z = a->zone;
		start = a->end_pfn;
	}
	return z != NULL;
}

int quarry_alloc_contig_range(struct quarry *q, pfn_t start, pfn_t end,
			      enum quarry_migratetype migratetype, gfp_t gfp)
{
	int err;

	if ((unsigned int)migratetype >= QUARRY_MIGRATE_ISOLATE ||
	    !contig_one_zone(q->pages, start, end))
		return -QUARRY_EINVAL;
	err = quarry_start_isolate_page_range(q, start, end, migratetype, 0);
	if (err != 0)
		return err;
	for (unsigned int tries = 0; tries < CONTIG_TRIES; tries++) {
		err = contig_migrate(q, start, end, gfp);
		if (err == -QUARRY_ENOMEM)
			break;
		quarry_drain_all_pages(q);
		err = quarry_test_pages_isolated(q, start, end, 0);
		if (err == 0)
			break;
	}
	if (err == 0 && !contig_take(q, start, end, migratetype, gfp, QUARRY_RETURN_ADDRESS()))
		err = -QUARRY_EBUSY;
	quarry_undo_isolate_page_range(q, start, end);
	return err;
}

void quarry_free_contig_range(struct quarry *q, pfn_t start, unsigned long nr_pages)
{
	for (unsigned long i = 0; i < nr_pages; i++) {
		struct page *page = quarry_pfn_to_page(q, start + i);

		if (page == NULL)
			quarry_report(q, "contig: free of pfn %#llx, which is not in use",
				      (unsigned long long)(start + i));
		else
			quarry_free_pages(q, page, 0);
	}
}

/* The first range of the zone that can be had; NULL: none. */
static struct page *contig_search(struct quarry *q, const struct page_zone *z,
				  unsigned long nr_pages, gfp_t gfp)
{
	pfn_t pfn = quarry_load_relaxed(&z->start_pfn);
	pfn_t end = pfn + quarry_load_relaxed(&z->spanned);

	if (bits_is_power_of_2(nr_pages))
		pfn = bits_align_up(pfn, nr_pages);
	for (; pfn < end && nr_pages <= end - pfn; pfn += nr_pages) {
		const struct page_arena *a = memmap_arena(q->pages, pfn);

		if (a == NULL || a->zone != z || !contig_one_zone(q->pages, pfn, pfn + nr_pages) ||
		    quarry_has_unmovable_pages(q, pfn, pfn + nr_pages, QUARRY_MIGRATE_MOVABLE, 0,
					       NULL))
			continue;
		if (quarry_alloc_contig_range(q, pfn, pfn + nr_pages, QUARRY_MIGRATE_MOVABLE,
					      gfp) == 0)
			return quarry_pfn_to_page(q, pfn);
	}
	return NULL;
}

struct page *quarry_alloc_contig_pages(struct quarry *q, unsigned long nr_pages, gfp_t gfp, int nid,
				       const quarry_nodemask_t *nodes)
{
	struct page_layer *pl = q->pages;
	const struct page_zonelist *list;

	if (nr_pages == 0 || nid >= pl->nr_nodes)
		return NULL;
	if (nid < 0)
		nid = page_this_nid(pl);
	list = zonelist_of(&pl->node[nid], (gfp & __GFP_THISNODE) != 0);
	for (unsigned int i = 0; i < list->nr; i++) {
		const struct page_zone *z = list->zone[i];
		struct page *page;

		if (z->type > pl->highest_zone[gfp & 15u] ||
		    (nodes != NULL && (*nodes >> z->nid & 1) == 0))
			continue;
		page = contig_search(q, z, nr_pages, gfp);
		if (page != NULL)
			return page;
	}
	return NULL;
}
