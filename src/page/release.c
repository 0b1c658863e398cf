/* SPDX-License-Identifier: MIT */
/*
 * Reserved pages that become free after boot: the initial RAM disk, init code, a reservation by name.
 *
 * A page is reserved if its bit is clear and nobody owns it: in a pageblock whose descriptors are
 * written they say so; in one that nobody has allocated from, every clear bit is a reserved page, a
 * hole, or a page of Quarry's own tables. Holes, and pages of which a part is none, are told by memblock, as
 * long as it keeps its map; tables by the list of them.
 *
 * The other way, quarry_adjust_managed_page_count() takes pages that somebody holds out of the count of managed ones.
 */
#include "internal.h"

static bool release_overlaps(struct quarry *q, const void *p, size_t size, pfn_t pfn)
{
	phys_addr_t page = (phys_addr_t)pfn << QUARRY_PAGE_SHIFT;
	phys_addr_t start = quarry_virt_to_phys(q, p);

	return p != NULL && start < page + QUARRY_PAGE_SIZE && page < start + size;
}

/* Whether page @pfn of arena @a holds a table of Quarry's. a->lock held. */
static bool release_is_table(struct quarry *q, const struct page_arena *a, pfn_t pfn)
{
	size_t map = (size_t)a->nr_pb * QUARRY_PAGEBLOCK_PAGES * sizeof(struct page);

	if (q->port.meta_alloc != NULL)
		return false;
	/* A table of descriptors is rounded up to a block when it is carved. */
	return release_overlaps(q, a->map, QUARRY_PAGE_SIZE << bits_get_order(map), pfn) ||
	       meta_holds(q, (phys_addr_t)pfn << QUARRY_PAGE_SHIFT);
}

/* Pages of word @w, from @first on and below @last, that are reserved memory. a->lock held. */
static uint64_t release_reserved(struct quarry *q, const struct page_arena *a, size_t w,
				 unsigned int first, unsigned int last)
{
	size_t i = w / PAGE_WORDS;
	uint64_t clear = ~a->bits[i][w % PAGE_WORDS], reserved = 0;

	if ((a->empty && a->unaccepted) ||
	    (a->pb[i].flags & (PAGE_PB_OFFLINE | PAGE_PB_UNACCEPTED | PAGE_PB_HIDDEN)) != 0)
		return 0; /* not free, but nobody's to release */
	for (unsigned int bit = first; bit < last; bit++) {
		pfn_t pfn = a->base_pfn + w * PAGE_BITS + bit;

		if ((clear >> bit & 1) == 0 ||
		    !quarry_memblock_is_region_memory(q, (phys_addr_t)pfn << QUARRY_PAGE_SHIFT,
						      QUARRY_PAGE_SIZE) ||
		    release_is_table(q, a, pfn))
			continue;
		if (!a->pb[i].described || (page_word(&a->map[w * PAGE_BITS + bit]) &
					    PAGE_WORD_STATE_MASK) == PAGE_WORD_RESERVED)
			reserved |= (uint64_t)1 << bit;
	}
	return reserved;
}

static void release_describe(struct page_arena *a, size_t w, uint64_t pages)
{
	if (!a->pb[w / PAGE_WORDS].described)
		return;
	for (; pages != 0; pages &= pages - 1) {
		struct page *page = &a->map[w * PAGE_BITS + bits_ctz64(pages)];

		page_set_word(page, (page_word(page) & PAGE_WORD_ARENA_MASK) | PAGE_WORD_FREE);
	}
}

/* Hands over what is reserved of [@start, @end), which lies in @a; only counts it unless @give. */
static unsigned long release_arena(struct quarry *q, struct page_arena *a, pfn_t start, pfn_t end,
				   bool give)
{
	quarry_pin_t pin = arena_lock(q, a);
	unsigned long freed = 0, given = 0;

	if (a->virgin)
		end = start; /* all of it is free */
	if (a->empty && give)
		arena_write(a);
	while (start < end) {
		size_t w = (size_t)((start - a->base_pfn) >> PAGE_BITS_ORDER);
		pfn_t stop = quarry_min(end, a->base_pfn + (w + 1) * PAGE_BITS);
		unsigned int first = (unsigned int)((start - a->base_pfn) & (PAGE_BITS - 1));
		uint64_t pages =
			release_reserved(q, a, w, first, first + (unsigned int)(stop - start));

		start = stop;
		if (!give) {
			given += bits_popcount64(pages);
			continue;
		}
		if (page_prep_on(q))
			prep_release(q, a->base_pfn + w * PAGE_BITS, pages);
		release_describe(a, w, pages);
		if (pages != 0)
			freed += arena_put_word(q, a, w, pages);
		given += bits_popcount64(pages); /* some may be poisoned: managed, but not free */
	}
	if (give) {
		arena_count(q, a, (int64_t)freed);
		quarry_fetch_add_relaxed(&a->zone->managed, given);
		quarry_fetch_add_relaxed(&q->pages->managed, given);
		quarry_fetch_add_relaxed(&q->pages->handed_over, given);
	}
	arena_unlock(q, a, pin);
	arena_tell(q);
	return given;
}

static unsigned long release_range(struct quarry *q, pfn_t start, pfn_t end, bool give)
{
	unsigned long freed = 0;

	while (start < end) {
		struct page_arena *a = memmap_arena(q->pages, start);
		pfn_t stop = quarry_min(end, bits_align_down(start, PAGE_SECTION_PAGES) +
						     PAGE_SECTION_PAGES);

		if (a == NULL) {
			/* A hole: on to the next frame, or section if there is no arena in this one. */
			pfn_t section = start >> PAGE_SECTION_ORDER;

			start = section >= q->pages->nr_sections              ? end
				: q->pages->section[section] == PAGE_NO_ARENA ? stop
									      : start + 1;
			continue;
		}
		stop = quarry_min(stop, a->end_pfn); /* parts of a boot arena may be gone */
		freed += release_arena(q, a, start, stop, give);
		start = stop;
	}
	return freed;
}

unsigned long quarry_free_reserved(struct quarry *q, pfn_t start, pfn_t end)
{
	return release_range(q, start, end, true);
}

int quarry_adjust_managed_page_count(struct quarry *q, const struct page *page, long count)
{
	struct page_layer *pl = q->pages;
	uint64_t word = page != NULL ? page_word(page) : 0, more = (uint64_t)(int64_t)count;
	unsigned long managed, will;
	struct page_zone *z;

	if (page == NULL || !memmap_is_descriptor(pl, page, word))
		return -QUARRY_EINVAL;
	z = quarry_load_relaxed(&page_arena_of(pl, page)->zone);
	managed = quarry_load_relaxed(&z->managed);
	do {
		will = managed + (unsigned long)count;
		/* Below 0 it would be more than there is, as it wraps. */
		if (will == 0 || will > quarry_load_relaxed(&z->present))
			return -QUARRY_EINVAL;
	} while (!quarry_cmpxchg(&z->managed, &managed, will));
	quarry_fetch_add_relaxed(&pl->managed, (unsigned long)count);
	quarry_fetch_add_relaxed(&pl->adjusted, more);
	return 0;
}

unsigned long quarry_free_late(struct quarry *q, pfn_t start, pfn_t end)
{
	unsigned long reserved;

	if (start >= end)
		return 0;
	reserved = release_range(q, start, end, false);
	if (reserved == end - start)
		return release_range(q, start, end, true);
	quarry_report(q,
		      "boot: late free of pfn 0x%llx-0x%llx, of which %llu pages are not reserved",
		      (unsigned long long)start, (unsigned long long)end - 1,
		      (unsigned long long)(end - start - reserved));
	return 0;
}
