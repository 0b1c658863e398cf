/* SPDX-License-Identifier: MIT */
/*
 * Guard pages (Linux: debug_guardpage_minorder): free pages that nobody is given, beside those in use.
 *
 * Problem    Whoever writes past the end of his block shall hit a page that is nobody's. When a block is
 *            split for a small request, the halves that are left over of orders below minorder are
 *            not free for the next: they are set aside.
 *
 * Terms      A guard is one such half, order 0 to minorder - 1. Its partner is the other half of the block
 *            that was split. A minorder is at most 5, so guards and partners lie in one word of a bitmap.
 *
 *            minorder 3, one page out of a free block of order 4:
 *            pages    0  1  2  3  4  5  6  7  8 .. 15
 *                     X  g  g  g  g  g  g  g  free            X: given; guards of orders 0, 1 and 2
 *
 * Invariant  A guard's bits are clear, its descriptors say GUARD and its order, and its pageblock has
 *            PAGE_PB_GUARDED. Its partner is never wholly free: when it becomes so, the guard counts as
 *            its free buddy, joins it, and both are free. quarry_check_pages() checks this.
 *
 * Accounts   Guards are managed, but no free pages, as in Linux, where NR_FREE does not count them.
 *
 * Moving     A pageblock is emptied, for a contiguous range or to go offline, as if guards were
 *            not there: they leave with their partner. Compaction does not empty windows with guards.
 *
 * Locks      The arena's.
 * Cost       None while it is off, but one comparison for a block that no sheaf serves. In a pageblock with
 *            guards, each word that is freed costs a look at its descriptors for each order.
 */
#include "internal.h"

static void guard_mark(const struct page_arena *a, struct page *page, unsigned int order)
{
	for (unsigned int k = 0; k < 1u << order; k++)
		page_set_word(&page[k], (uint64_t)a->index << PAGE_WORD_ARENA_SHIFT |
						(uint64_t)order << PAGE_WORD_ORDER_SHIFT |
						PAGE_WORD_GUARD);
}

unsigned int guard_split(const struct page_layer *pl, struct page_arena *a, unsigned int i,
			 unsigned int page, unsigned int order)
{
	struct page *first = &a->map[((size_t)i << QUARRY_PAGEBLOCK_ORDER) + page];
	unsigned int whole = quarry_min(pageblock_merged_order(a->bits[i], page, order),
					pl->guard_minorder + 0u);

	for (unsigned int o = order; o < whole; o++) {
		guard_mark(a, first + (1u << o), o);
		a->pb[i].flags |= PAGE_PB_GUARDED;
	}
	return quarry_max(whole, order);
}

static uint64_t guard_bits(unsigned int page, unsigned int order)
{
	return (((uint64_t)1 << (1u << order)) - 1) << page;
}

uint64_t guard_join(struct page_arena *a, unsigned int i, unsigned int w, uint64_t mask)
{
	struct page *page = &a->map[((size_t)i << QUARRY_PAGEBLOCK_ORDER) + (size_t)w * PAGE_BITS];
	const uint64_t before = a->bits[i][w];
	uint64_t free = before | mask;

	/* Upwards: a partner may have been whole only since its own guards joined it. */
	for (unsigned int o = 0; o < PAGE_GUARD_ORDERS; o++) {
		for (unsigned int k = 0; k < PAGE_BITS; k += 1u << o) {
			uint64_t partner = guard_bits(k ^ 1u << o, o);
			uint64_t word = page_word(&page[k]);

			if ((word & PAGE_WORD_STATE_MASK) != PAGE_WORD_GUARD ||
			    page_word_order(word) != o || (free & partner) != partner)
				continue;
			for (unsigned int p = k; p < k + (1u << o); p++)
				page_set_word(&page[p], word & PAGE_WORD_ARENA_MASK);
			free |= guard_bits(k, o);
		}
	}
	return free & ~before;
}

bool guard_is(const struct page_arena *a, size_t page)
{
	const struct page_pb *pb = &a->pb[page >> QUARRY_PAGEBLOCK_ORDER];

	return (pb->flags & PAGE_PB_GUARDED) != 0 &&
	       (page_word(&a->map[page]) & PAGE_WORD_STATE_MASK) == PAGE_WORD_GUARD;
}
