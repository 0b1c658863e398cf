/* SPDX-License-Identifier: MIT */
/*
 * Pageblocks out of which nothing is allocated.
 *
 * An isolated pageblock has a type of its own, which no request asks for; the type that it had is kept
 * beside. Free pages of it stay in the buddy system, on lists of that type, and what is freed
 * joins them; but they are no free pages of the zone (arena.c counts them apart). So a range is isolated,
 * emptied, and then nobody can take what has become free before its new owner does.
 *
 * Splits     A free block that crosses the border of a pageblock is of several; filing one of them
 *            under another type parts it. Smaller ones lie within a pageblock.
 *
 * Sheaves    Pages of the range that a CPU holds for handing out are called in once all pageblocks are
 *            isolated; none can be taken any more after that.
 *
 * Locks      One arena's at a time. Whether a page can be moved is a hint: it may change when the lock
 *            is dropped.
 */
#include "internal.h"

/* A part of the range that lies in one pageblock of one arena. */
struct isolate_piece {
	struct page_arena *a;
	unsigned int pb;
	unsigned int first, last; /* pages in it, [first, last) */
};

/* The piece that begins at @pfn; false: there is no memory. */
static bool isolate_piece(const struct page_layer *pl, pfn_t pfn, pfn_t end,
			  struct isolate_piece *p)
{
	pfn_t offset, stop;

	p->a = memmap_arena(pl, pfn);
	if (p->a == NULL)
		return false;
	offset = pfn - p->a->base_pfn;
	p->pb = (unsigned int)(offset >> QUARRY_PAGEBLOCK_ORDER);
	p->first = (unsigned int)(offset & (QUARRY_PAGEBLOCK_PAGES - 1));
	stop = quarry_min(end, p->a->end_pfn) - p->a->base_pfn -
	       ((pfn_t)p->pb << QUARRY_PAGEBLOCK_ORDER);
	p->last = (unsigned int)quarry_min(stop, QUARRY_PAGEBLOCK_PAGES);
	return true;
}

pfn_t isolate_block_start(const struct page_arena *a, pfn_t pfn)
{
	const struct page *map = quarry_load_acquire(&a->map);

	for (unsigned int o = 0; map != NULL && o <= QUARRY_MAX_ORDER; o++) {
		pfn_t head = bits_align_down(pfn, (pfn_t)1 << o);
		uint64_t word;

		if (head < a->base_pfn ||
		    quarry_load_acquire(
			    &a->pb[(head - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER].described) == 0)
			break;
		word = page_word(&map[head - a->base_pfn]);
		if ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC && page_word_order(word) >= o)
			return head;
	}
	return pfn;
}

/* Why a page that is not free, with descriptor @word, stays where it is; NONE: it need not. */
static enum quarry_unmovable_reason isolate_judge(const struct page_arena *a, uint64_t word,
						  unsigned int flags)
{
	switch (word & PAGE_WORD_STATE_MASK) {
	case PAGE_WORD_FREE:  /* in a sheaf, or on its way */
	case PAGE_WORD_GUARD: /* leaves with its partner */
		return QUARRY_UNMOVABLE_NONE;
	case PAGE_WORD_ALLOC:
		if ((mover_can(word) && page_word_order(word) <= QUARRY_PAGEBLOCK_ORDER) ||
		    a->zone_type == QUARRY_ZONE_MOVABLE)
			return QUARRY_UNMOVABLE_NONE;
		return QUARRY_UNMOVABLE_ALLOCATED;
	case PAGE_WORD_SLAB:
		return QUARRY_UNMOVABLE_SLAB;
	case PAGE_WORD_OFFLINE:
	case PAGE_WORD_POISON:
		return (flags & QUARRY_ISOLATE_OFFLINE) != 0 ? QUARRY_UNMOVABLE_NONE
							     : QUARRY_UNMOVABLE_OFFLINE;
	default:
		return QUARRY_UNMOVABLE_RESERVED;
	}
}

/* Looks at the pages of a piece; a->lock held, records written. Returns the reason, @pfn the page. */
static enum quarry_unmovable_reason isolate_scan(const struct isolate_piece *p, unsigned int flags,
						 pfn_t *pfn)
{
	const struct page_arena *a = p->a;
	const uint64_t *bits = a->bits[p->pb];
	pfn_t base = a->base_pfn + ((pfn_t)p->pb << QUARRY_PAGEBLOCK_ORDER), k = base + p->first;

	while (k < base + p->last) {
		unsigned int page = (unsigned int)(k - base);
		enum quarry_unmovable_reason reason = QUARRY_UNMOVABLE_RESERVED;
		pfn_t head, next = k + 1;

		if (!pageblock_is_free(bits, page)) {
			if (a->pb[p->pb].described) {
				uint64_t word;

				head = isolate_block_start(a, k);
				word = page_word(&a->map[head - a->base_pfn]);
				reason = isolate_judge(a, word, flags);
				/* Its owner may split it at this moment: never go back. */
				if ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC)
					next = quarry_max(
						next, head + ((pfn_t)1 << page_word_order(word)));
			}
			if (reason != QUARRY_UNMOVABLE_NONE) {
				*pfn = k;
				return reason;
			}
		}
		k = next;
	}
	return QUARRY_UNMOVABLE_NONE;
}

/* Whether all of the piece is as good as free, once it is accepted. a->lock held. */
static bool isolate_is_unaccepted(const struct isolate_piece *p)
{
	return p->a->empty ? p->a->unaccepted : (p->a->pb[p->pb].flags & PAGE_PB_UNACCEPTED) != 0;
}

/* The whole question for one piece; a->lock held. */
static enum quarry_unmovable_reason isolate_ask(const struct isolate_piece *p,
						enum quarry_migratetype migratetype,
						unsigned int flags, pfn_t *pfn)
{
	const struct page_arena *a = p->a;
	unsigned int type = a->virgin || a->empty ? a->type : a->pb[p->pb].type;

	*pfn = a->base_pfn + ((pfn_t)p->pb << QUARRY_PAGEBLOCK_ORDER) + p->first;
	/* An area's pages are its owner's whenever he wants them. */
	if ((migratetype == QUARRY_MIGRATE_CMA) != (type == QUARRY_MIGRATE_CMA))
		return QUARRY_UNMOVABLE_TYPE;
	if (migratetype == QUARRY_MIGRATE_CMA || a->virgin || isolate_is_unaccepted(p))
		return QUARRY_UNMOVABLE_NONE;
	return a->empty ? QUARRY_UNMOVABLE_RESERVED : isolate_scan(p, flags, pfn);
}

bool quarry_has_unmovable_pages(struct quarry *q, pfn_t start, pfn_t end,
				enum quarry_migratetype migratetype, unsigned int flags,
				struct quarry_unmovable *why)
{
	enum quarry_unmovable_reason reason = QUARRY_UNMOVABLE_NONE;
	struct isolate_piece p;
	pfn_t pfn = start;

	late_settle(q);
	for (; start < end && reason == QUARRY_UNMOVABLE_NONE; start += p.last - p.first) {
		quarry_pin_t pin;

		if (!isolate_piece(q->pages, start, end, &p)) {
			pfn = start;
			reason = QUARRY_UNMOVABLE_RESERVED;
			break;
		}
		pin = arena_lock(q, p.a);
		reason = isolate_ask(&p, migratetype, flags, &pfn);
		arena_unlock(q, p.a, pin);
	}
	if (why != NULL)
		*why = (struct quarry_unmovable){reason == QUARRY_UNMOVABLE_NONE ? 0 : pfn, reason};
	return reason != QUARRY_UNMOVABLE_NONE;
}

static int isolate_pageblock(struct quarry *q, const struct isolate_piece *p,
			     enum quarry_migratetype migratetype, unsigned int flags)
{
	struct page_arena *a = p->a;
	pfn_t pfn = a->base_pfn + ((pfn_t)p->pb << QUARRY_PAGEBLOCK_ORDER);
	int err = 0;
	quarry_pin_t pin;

	if (!memmap_give_map(q, a))
		return -QUARRY_ENOMEM;
	if (quarry_load_relaxed(&a->zone->nr_unaccepted) != 0)
		(void)quarry_accept_memory(q, pfn + p->first, pfn + p->last);
	pin = arena_lock(q, a);
	if (isolate_ask(p, migratetype, flags, &pfn) != QUARRY_UNMOVABLE_NONE ||
	    isolate_is_unaccepted(p)) {
		err = -QUARRY_EBUSY;
	} else {
		if (a->virgin)
			arena_unfold(q, a);
		if (a->pb[p->pb].type == QUARRY_MIGRATE_ISOLATE) {
			err = -QUARRY_EBUSY;
		} else {
			a->pb[p->pb].kept = a->pb[p->pb].type;
			arena_set_type(q, a, p->pb, QUARRY_MIGRATE_ISOLATE);
		}
	}
	arena_unlock(q, a, pin);
	return err;
}

static bool isolate_is_memory(const struct page_layer *pl, pfn_t start, pfn_t end)
{
	struct isolate_piece p;

	for (; start < end; start += p.last - p.first) {
		if (!isolate_piece(pl, start, end, &p))
			return false;
	}
	return true;
}

int quarry_start_isolate_page_range(struct quarry *q, pfn_t start, pfn_t end,
				    enum quarry_migratetype migratetype, unsigned int flags)
{
	struct isolate_piece p;
	pfn_t pfn = start;
	int err = 0;

	if (start >= end || !isolate_is_memory(q->pages, start, end))
		return -QUARRY_EINVAL;
	late_settle(q); /* what is freed is not to be in the way */
	while (pfn < end) {
		/* Memory may go away meanwhile. */
		err = isolate_piece(q->pages, pfn, end, &p)
			      ? isolate_pageblock(q, &p, migratetype, flags)
			      : -QUARRY_EINVAL;
		if (err != 0)
			break;
		pfn += p.last - p.first;
	}
	if (err != 0) {
		quarry_undo_isolate_page_range(q, start, pfn);
		return err;
	}
	quarry_drain_all_pages(q);
	return 0;
}

void quarry_undo_isolate_page_range(struct quarry *q, pfn_t start, pfn_t end)
{
	struct isolate_piece p;

	for (; start < end; start += p.last - p.first) {
		struct page_pb *pb;
		quarry_pin_t pin;

		if (!isolate_piece(q->pages, start, end, &p))
			return;
		pin = arena_lock(q, p.a);
		pb = &p.a->pb[p.pb];
		if (!p.a->virgin && !p.a->empty && pb->type == QUARRY_MIGRATE_ISOLATE)
			arena_set_type(q, p.a, p.pb, pb->kept);
		arena_unlock(q, p.a, pin);
	}
}

/* Whether all pages of a piece are free; a->lock held, records written. */
static bool isolate_all_free(const struct isolate_piece *p, unsigned int flags)
{
	const struct page_arena *a = p->a;

	for (unsigned int k = p->first; k < p->last; k++) {
		const struct page *page = &a->map[((size_t)p->pb << QUARRY_PAGEBLOCK_ORDER) + k];

		if (pageblock_is_free(a->bits[p->pb], k))
			continue;
		if ((flags & QUARRY_ISOLATE_OFFLINE) == 0 || !a->pb[p->pb].described ||
		    ((page_word(page) & PAGE_WORD_STATE_MASK) != PAGE_WORD_OFFLINE &&
		     !page_is_poisoned(page_word(page))))
			return false;
	}
	return true;
}

int quarry_test_pages_isolated(struct quarry *q, pfn_t start, pfn_t end, unsigned int flags)
{
	struct isolate_piece p;
	bool all = true;

	for (; start < end && all; start += p.last - p.first) {
		quarry_pin_t pin;

		if (!isolate_piece(q->pages, start, end, &p))
			return -QUARRY_EBUSY;
		pin = arena_lock(q, p.a);
		all = !p.a->virgin && !p.a->empty && p.a->pb[p.pb].type == QUARRY_MIGRATE_ISOLATE &&
		      isolate_all_free(&p, flags);
		arena_unlock(q, p.a, pin);
	}
	return all ? 0 : -QUARRY_EBUSY;
}
