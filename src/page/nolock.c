/* SPDX-License-Identifier: MIT */
/*
 * Blocks for those who must not wait: interrupts that no pin holds off, signal handlers, crash code.
 *
 * Taking     From a sheaf of this CPU, unless somebody is at the CPU's sheaves, be it whom this call has
 *            interrupted. Else from an arena whose lock is free, that has its descriptors.
 * Giving     Into the hand that is open, if the block lies in its 64 pages; that is one bit. Else it is
 *            put aside: a list that goes through the descriptors, newest first, pushed to by
 *            compare-exchange and only ever taken as a whole. So no block can come back to its head while
 *            somebody holds on to it. What was taken is a list of its own, under a lock, from which
 *            nolock_flush() frees some for good: a request is not to pay for all that others put aside.
 *
 * Why not    On a machine that one thread plays, counters and bits are changed by plain stores, and a call
 *            that comes in between could be lost. There only sheaves are used, which say when somebody
 *            is at them.
 */
#include "internal.h"

#define NOLOCK_ARENAS 8u /* that are tried in a zone */

static bool nolock_order(unsigned int order)
{
	return order <= QUARRY_MAX_ORDER && pcp_slot(order) >= 0;
}

/* One block of an arena whose lock is free. */
static struct page *nolock_from_arena(struct quarry *q, struct page_zone *z, unsigned int order,
				      unsigned int type)
{
	uint32_t from = z->arena_first;

	for (unsigned int i = 0; i < NOLOCK_ARENAS; i++) {
		unsigned int found;
		struct page_arena *a = zone_find_arena(q, z, from, order, type, &found);
		struct page *page = NULL;
		quarry_pin_t pin;

		if (a == NULL)
			return NULL;
		if (quarry_load_acquire(&a->map) != NULL && arena_trylock(q, a, &pin)) {
			if (!a->virgin)
				page = arena_take(q, a, order, type);
			arena_unlock(q, a, pin);
		}
		if (page != NULL)
			return page;
		from = a->index + 1u;
	}
	return NULL;
}

static struct page *nolock_zone(struct quarry *q, struct page_zone *z, unsigned int order)
{
	const struct page_layer *pl = q->pages;
	unsigned int type = pl->mobility[0];
	struct page *page;

	if (!zone_watermark_ok(pl, z, order, zone_mark(z, QUARRY_WMARK_LOW), QUARRY_ZONE_NORMAL, 0,
			       NULL))
		return NULL;
	page = pcp_alloc_nolock(q, z, order, type);
	if (page != NULL || !q->concurrent)
		return page;
	page = nolock_from_arena(q, z, order, type);
	if (page == NULL)
		return NULL;
	page_set_word(page,
		      (page_word(page) & PAGE_WORD_ARENA_MASK) | page_word_alloc(order, type));
	cpu_count_nolock(q, z, order);
	return page;
}

struct page *quarry_alloc_pages_nolock(struct quarry *q, int nid, unsigned int order)
{
	const struct page_zonelist *list;
	struct page *page = NULL;

	if (!nolock_order(order) || nid >= q->pages->nr_nodes)
		return NULL;
	if (nid < 0)
		nid = page_this_nid(q->pages);
	list = zonelist_of(&q->pages->node[nid], false);
	for (uint32_t i = 0; i < list->nr && page == NULL; i++) {
		if (list->zone[i]->type <= QUARRY_ZONE_NORMAL)
			page = nolock_zone(q, list->zone[i], order);
	}
	return page;
}

/* Puts an allocated block aside that reads @word; false: somebody has changed it. */
static bool nolock_put_aside(struct quarry *q, struct page *page, uint64_t *word)
{
	uint64_t self = quarry_page_to_pfn(q, page) + 1;
	uint64_t head = quarry_load_relaxed(&q->pages->aside);
	uint64_t keep = *word & (PAGE_WORD_ARENA_MASK | (uint64_t)15 << PAGE_WORD_ORDER_SHIFT |
				 (uint64_t)15 << PAGE_WORD_TYPE_SHIFT);
	uint64_t aside = keep | PAGE_WORD_ASIDE | head << PAGE_WORD_ASIDE_SHIFT;

	/* From here on the block is ours: a second free finds that it is not allocated. */
	if (!quarry_cmpxchg(&page->word, word, aside))
		return false;
	while (!quarry_cmpxchg(&q->pages->aside, &head, self))
		page_set_word(page, keep | PAGE_WORD_ASIDE | head << PAGE_WORD_ASIDE_SHIFT);
	return true;
}

void quarry_free_pages_nolock(struct quarry *q, struct page *page, unsigned int order)
{
	uint64_t word;

	if (page == NULL)
		return;
	word = quarry_load_acquire(&page->word);
	while ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC && page_word_order(word) == order &&
	       memmap_is_descriptor(q->pages, page, word)) {
		if (page_word_refs(word) > 1) {
			if (quarry_cmpxchg(&page->word, &word, word - PAGE_WORD_REF_ONE))
				return;
			continue;
		}
		if (page_word_mover(word) == 0 && !page_prep_on(q) &&
		    pcp_free_nolock(q, page, order))
			return;
		if (nolock_put_aside(q, page, &word))
			return;
	}
	quarry_report(q, "page: descriptor %p is no allocated block of order %u; kept",
		      (void *)page, order);
}

/* One block of those that were taken off the list, or else are on it now; NULL: there is none. */
static struct page *nolock_next(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->aside_lock);
	uint64_t first = quarry_load_relaxed(&pl->aside_taken);
	struct page *page = NULL;

	if (first == 0)
		first = quarry_exchange_acquire(&pl->aside, (uint64_t)0);
	if (first != 0) {
		page = quarry_pfn_to_page(q, first - 1);
		quarry_store_relaxed(&pl->aside_taken, (page_word(page) & ~PAGE_WORD_ARENA_MASK) >>
							       PAGE_WORD_ASIDE_SHIFT);
	}
	quarry_unlock(q->concurrent, &pl->aside_lock, pin);
	return page;
}

QUARRY_COLD void nolock_flush_some(struct quarry *q, unsigned long most)
{
	struct page *page;

	while (most-- != 0 && (page = nolock_next(q)) != NULL) {
		uint64_t word = page_word(page);
		unsigned int order = page_word_order(word);

		page_set_word(page, (word & PAGE_WORD_ARENA_MASK) |
					    page_word_alloc(order, page_word_type(word)));
		quarry_free_pages(q, page, order);
	}
}
