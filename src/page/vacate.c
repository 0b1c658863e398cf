/* SPDX-License-Identifier: MIT */
/*
 * The mechanics of compaction: an aligned window of pages is emptied by moving what is in it.
 *
 * Problem    Make a free block out of pages that are mostly free, with few moves. Linux walks the zone
 *            with two scanners, one from each end, and meets every page. Here the record of a pageblock
 *            says how much of it is free: the emptiest pageblock is emptied, into the fullest.
 *
 * Window     2^order pages, aligned: a part of a pageblock, a whole one, or some. It can be emptied if
 *            each page is free or in a block that its owner can move. Its free pages are taken out of
 *            the buddy system first and *held*, as bits; so are the old places of blocks that have
 *            moved. Held pages read like pages in a sheaf, and nobody can take them: when all of the
 *            window is held, the block is there, and whoever asked for it gets it past the lists.
 *            If it cannot be completed, what is held is freed.
 *
 * Target     The fullest pageblock with a run of the block's order, of the same arena if there is one.
 *            Whole pageblocks are not broken for it. Packing a zone, only targets fuller than the
 *            victim count, and no victim is begun that they have no room for: so every move brings a
 *            whole pageblock nearer, and the work ends.
 *
 * Moves      Packing an arena of single pages moves what the best order of moves would: from the
 *            emptiest pageblocks to the fullest, until the two meet. Larger blocks first, as
 *            they find room hardest.
 *
 * Locks      An arena's, one at a time, for each look and each take; none while a block moves. Records
 *            may change between; what was seen is checked again when it is used.
 *
 * Memory     A fixed few hundred bytes of stack, whatever the zone's size.
 *
 * Cost       One walk over the records of an arena for each window, and for each target used up; a
 *            pageblock's descriptors for each window looked at.
 */
#include "internal.h"

#include <base/string.h>

/* Each time that no room is found all records of the zone were looked at: so often at most in a run. */
#define VACATE_MAX_CRAMPED 8u
#define VACATE_TRIED_WORDS ((unsigned int)((PAGE_ARENA_PAGEBLOCKS + 63) / 64))

struct vacate_window {
	struct page_arena *a;
	unsigned int pb, nr_pb; /* pageblocks it lies in */
	unsigned int first;     /* page in the first one */
	unsigned int order;
	unsigned int used;   /* pages to be moved */
	unsigned int orders; /* bit o: there are blocks of order o in it */
	unsigned int free;   /* of the pageblocks, before anything is held */
	uint64_t held[PAGE_SPAN(QUARRY_MAX_ORDER)][PAGE_WORDS];
};

/* Pageblocks of one arena that were looked at in this run. */
struct vacate_tried {
	uint64_t bits[VACATE_TRIED_WORDS];
};

static bool vacate_was_tried(const struct vacate_tried *t, unsigned int i)
{
	return (t->bits[i >> 6] >> (i & 63) & 1) != 0;
}

static void vacate_try(struct vacate_tried *t, unsigned int i)
{
	t->bits[i >> 6] |= (uint64_t)1 << (i & 63);
}

/* ---- which pageblocks ---- */

/* Whether another CPU is at work on @a, and the run shall not wait for it. */
static bool vacate_contended(struct vacate *v, struct page_arena *a)
{
	if (v->async && quarry_load_relaxed(&a->lock.held) != 0)
		v->contended = true;
	return v->contended;
}

/* Whether nothing of @a is in use, or nothing free: it has no records then. */
static bool vacate_is_blank(const struct page_arena *a)
{
	return a->virgin || a->empty || quarry_load_relaxed(&a->map) == NULL;
}

static bool vacate_type_ok(unsigned int type, bool any_type, bool cma)
{
	return type == QUARRY_MIGRATE_MOVABLE || (cma && type == QUARRY_MIGRATE_CMA) ||
	       (any_type && type < QUARRY_MIGRATE_PCPTYPES);
}

static bool vacate_is_whole(const struct page_pb *pb)
{
	return pb->nr_free == QUARRY_PAGEBLOCK_PAGES;
}

/* Whether pageblock @i may be emptied, as far as its record tells. a->lock held. */
static bool vacate_is_victim(struct vacate *v, const struct page_arena *a, unsigned int i)
{
	const struct page_pb *pb = &a->pb[i];

	if (!pb->described || vacate_is_whole(pb) ||
	    !vacate_type_ok(pb->type, !v->async, !v->no_cma))
		return false;
	if (pb->skip && !v->ignore_skip) {
		v->skipped = true;
		return false;
	}
	return true;
}

/* All @span pageblocks of a block at pageblock @i may be emptied, or are whole; one is not whole. */
static bool vacate_are_victims(struct vacate *v, const struct page_arena *a, unsigned int i,
			       unsigned int span)
{
	const struct page_pb *pb = &a->pb[i];
	bool whole = true;

	if ((((a->base_pfn >> QUARRY_PAGEBLOCK_ORDER) + i) & (span - 1)) != 0 ||
	    i + span > a->nr_pb)
		return false;
	for (unsigned int k = 1; k < span; k++) {
		if (!arena_may_join(pb[0].type, pb[k].type))
			return false;
	}
	for (unsigned int k = 0; k < span; k++) {
		if (vacate_is_whole(&pb[k]))
			continue;
		if (!vacate_is_victim(v, a, i + k))
			return false;
		whole = false;
	}
	return !whole;
}

/* Free pages of @span pageblocks. */
static unsigned int vacate_free(const struct page_arena *a, unsigned int i, unsigned int span)
{
	unsigned int free = 0;

	for (unsigned int k = 0; k < span; k++)
		free += a->pb[i + k].nr_free;
	return free;
}

/* The emptiest pageblock, or @span of them, of @a that has not been tried; -1: none. a->lock held. */
static int vacate_pick(struct vacate *v, const struct page_arena *a, unsigned int span,
		       const struct vacate_tried *tried)
{
	unsigned int most = 0;
	int best = -1;

	for (unsigned int i = 0; i < a->nr_pb; i++) {
		unsigned int free;

		if (vacate_was_tried(tried, i) || !vacate_are_victims(v, a, i, span))
			continue;
		free = vacate_free(a, i, span);
		/* Of equals the last: the others may then take in what is in it. */
		if (best < 0 || free >= most) {
			best = (int)i;
			most = free;
		}
	}
	return best;
}

/* ---- the window ---- */

/*
 * Whether the window can be emptied; counts what is in use. a->lock held. A page that is neither free
 * nor in a block is in a sheaf, or held by another run.
 */
static bool vacate_survey(struct vacate_window *w)
{
	const struct page_arena *a = w->a;
	size_t base = ((size_t)w->pb << QUARRY_PAGEBLOCK_ORDER) + w->first;
	size_t end = base + ((size_t)1 << w->order);

	w->used = 0;
	w->orders = 0;
	for (size_t k = base; k < end;) {
		uint64_t word;

		if (arena_is_free(a, k)) {
			k++;
			continue;
		}
		word = a->pb[k >> QUARRY_PAGEBLOCK_ORDER].described ? page_word(&a->map[k])
								    : PAGE_WORD_RESERVED;
		if (!mover_can(word) || page_word_order(word) >= w->order ||
		    (word & PAGE_WORD_ISOLATED) != 0)
			return false;
		w->orders |= 1u << page_word_order(word);
		w->used += 1u << page_word_order(word);
		k += (size_t)1 << page_word_order(word);
	}
	return true;
}

/* Of the windows of one order in a pageblock, the one with the least in use; false: none will do. */
static bool vacate_best_window(struct vacate_window *w)
{
	struct vacate_window best = {.used = ~0u};

	for (w->first = 0; w->first < QUARRY_PAGEBLOCK_PAGES; w->first += 1u << w->order) {
		if (vacate_survey(w) && w->used < best.used)
			best = *w;
	}
	*w = best;
	return best.used != ~0u;
}

/* Bits of the window in each pageblock of it. */
static void vacate_mask(const struct vacate_window *w, uint64_t *mask)
{
	quarry_memset(mask, 0, PAGE_WORDS * sizeof(*mask));
	pageblock_set(mask, w->first, quarry_min(w->order, (unsigned int)QUARRY_PAGEBLOCK_ORDER));
}

/*
 * Whether a page that is held in pageblock @nr of it has been found to be damaged since: such a block is not handed
 * out, and freeing what is held takes the page away. a->lock held.
 */
static bool vacate_is_damaged(const struct quarry *q, const struct vacate_window *w,
			      unsigned int nr)
{
	const struct page_arena *a = w->a;
	size_t i = w->pb + nr;
	const uint64_t *bits;
	uint64_t damaged = 0;

	if ((a->pb[i].flags & PAGE_PB_POISONED) == 0)
		return false;
	bits = hwpoison_bits(q->pages, a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER));
	for (unsigned int k = 0; bits != NULL && k < PAGE_WORDS; k++)
		damaged |= w->held[nr][k] & quarry_load_relaxed(&bits[k]);
	return damaged != 0;
}

/*
 * Takes what is free of the window out of the buddy system; returns whether all of it is held now, and sound.
 * a->lock held.
 */
static bool vacate_hold(struct quarry *q, struct vacate_window *w) QUARRY_REQUIRES(w->a->lock)
{
	uint64_t mask[PAGE_WORDS], got[PAGE_WORDS], missing = 0;

	vacate_mask(w, mask);
	for (unsigned int h = 0; h < w->nr_pb; h++) {
		arena_take_bits(q, w->a, w->pb + h, mask, got);
		missing |= vacate_is_damaged(q, w, h);
		for (unsigned int k = 0; k < PAGE_WORDS; k++) {
			w->held[h][k] |= got[k];
			missing |= mask[k] & ~w->held[h][k];
		}
	}
	return missing == 0;
}

static void vacate_release(struct quarry *q, struct vacate_window *w)
{
	quarry_pin_t pin = arena_lock(q, w->a);
	unsigned int n = 0;

	for (unsigned int h = 0; h < w->nr_pb; h++) {
		for (unsigned int k = 0; k < PAGE_WORDS; k++) {
			if (w->held[h][k] != 0)
				n += arena_put_word(q, w->a, (size_t)(w->pb + h) * PAGE_WORDS + k,
						    w->held[h][k]);
		}
	}
	arena_count(q, w->a, n);
	arena_unlock(q, w->a, pin);
	arena_tell(q);
}

/* Looks at the next pageblock, or several, of @a; 1: a window in it will do, 0: none; -1: all were tried. */
static int vacate_look(struct vacate *v, struct page_arena *a, struct vacate_window *w,
		       unsigned int order, struct vacate_tried *tried)
{
	unsigned int span = order > QUARRY_PAGEBLOCK_ORDER ? PAGE_SPAN(order) : 1;
	int i = vacate_is_blank(a) ? -1 : vacate_pick(v, a, span, tried);
	bool found;

	if (i < 0)
		return -1;
	*w = (struct vacate_window){.a = a, .pb = (unsigned int)i, .nr_pb = span, .order = order};
	vacate_try(tried, w->pb);
	v->scanned += (uint64_t)w->nr_pb << QUARRY_PAGEBLOCK_ORDER;
	found = order < QUARRY_PAGEBLOCK_ORDER ? vacate_best_window(w) : vacate_survey(w);
	if (!found)
		a->pb[i].skip = 1;
	if (found)
		w->free = vacate_free(a, w->pb, span);
	return found;
}

/* Finds the next window in @a. False: there is none that has not been tried. */
static bool vacate_open(struct vacate *v, struct page_arena *a, struct vacate_window *w,
			unsigned int order, struct vacate_tried *tried)
{
	int found = 0;

	while (found == 0 && !vacate_contended(v, a)) {
		quarry_pin_t pin = arena_lock(v->q, a);

		found = vacate_look(v, a, w, order, tried);
		arena_unlock(v->q, a, pin);
	}
	return found > 0;
}

/* ---- the target ---- */

/* Whether blocks of @w of order @order may go to pageblock @i of @a. a->lock held. */
static bool vacate_is_target(const struct vacate *v, const struct page_arena *a, unsigned int i,
			     const struct vacate_window *w, unsigned int order)
{
	const struct page_pb *pb = &a->pb[i];
	unsigned int largest = order == QUARRY_PAGEBLOCK_ORDER ? QUARRY_PAGEBLOCK_ORDER
							       : QUARRY_PAGEBLOCK_ORDER - 1;

	if (pb->nr_free < 1u << order || pb->filed < order || pb->filed > largest ||
	    !vacate_type_ok(pb->type, v->any_target, true))
		return false;
	if (a == w->a && i >= w->pb && i < w->pb + w->nr_pb)
		return w->order < QUARRY_PAGEBLOCK_ORDER;
	return !v->pack || pb->nr_free < w->free ||
	       (pb->nr_free == w->free && (a < w->a || (a == w->a && i < w->pb)));
}

/* The fullest target in @a; -1: none. a->lock held. */
static int vacate_pick_target(struct vacate *v, const struct page_arena *a,
			      const struct vacate_window *w, unsigned int order)
{
	unsigned int least = ~0u;
	int best = -1;

	for (unsigned int i = 0; i < a->nr_pb; i++) {
		if (a->pb[i].nr_free < least && vacate_is_target(v, a, i, w, order)) {
			least = a->pb[i].nr_free;
			best = (int)i;
		}
	}
	return best;
}

/* A block of @order in the target that is in use, or else the fullest of @a; NULL: none there. */
static struct page *vacate_take_in(struct vacate *v, struct page_arena *a,
				   const struct vacate_window *w, unsigned int order)
{
	struct page *page = NULL;
	quarry_pin_t pin;
	int i = -1;

	if (vacate_contended(v, a))
		return NULL;
	pin = arena_lock(v->q, a);
	if (!vacate_is_blank(a)) {
		if (v->target == a && vacate_is_target(v, a, v->target_pb, w, order))
			i = (int)v->target_pb;
		else
			i = vacate_pick_target(v, a, w, order);
	}
	if (i >= 0) {
		v->target = a;
		v->target_pb = (unsigned int)i;
		page = arena_take_from(v->q, a, (unsigned int)i, order);
		v->free_scanned += (uint64_t)1 << order;
	}
	arena_unlock(v->q, a, pin);
	return page;
}

static struct page *vacate_take_target(struct vacate *v, const struct vacate_window *w,
				       unsigned int order)
{
	struct page_arena *first = v->target != NULL ? v->target : w->a;
	struct page *page = vacate_take_in(v, first, w, order);

	if (page == NULL && first != w->a)
		page = vacate_take_in(v, w->a, w, order);
	for (uint32_t k = v->z->arena_first; page == NULL && k < zone_arena_end(v->z); k++) {
		struct page_arena *a = &v->q->pages->arena[k];

		if (v->contended)
			break;
		if (page_arena_is_of(a, v->z) && a != w->a && a != first)
			page = vacate_take_in(v, a, w, order);
	}
	return page;
}

/* Pages free in targets of @a, counted up to @enough. */
static unsigned int vacate_room_in(struct vacate *v, struct page_arena *a,
				   const struct vacate_window *w, unsigned int enough)
{
	quarry_pin_t pin = arena_lock(v->q, a);
	unsigned int room = 0;

	for (unsigned int i = 0; !vacate_is_blank(a) && i < a->nr_pb && room < enough; i++) {
		unsigned int free = a->pb[i].nr_free;

		if (!vacate_is_target(v, a, i, w, 0))
			continue;
		if (a == w->a && i == w->pb) /* a small window in its own pageblock */
			free -= quarry_min(free, (1u << w->order) - w->used);
		room += free;
	}
	arena_unlock(v->q, a, pin);
	return room;
}

/* Whether what is in use in the window finds room, in its arena or, if @far, in the zone. */
static bool vacate_has_room(struct vacate *v, const struct vacate_window *w, bool far)
{
	unsigned int room = vacate_room_in(v, w->a, w, w->used);

	/* A whole pageblock needs another one, which counts as no room. */
	if ((w->orders >> QUARRY_PAGEBLOCK_ORDER) != 0)
		return true;
	for (uint32_t k = v->z->arena_first; far && room < w->used && k < zone_arena_end(v->z);
	     k++) {
		struct page_arena *a = &v->q->pages->arena[k];

		if (page_arena_is_of(a, v->z) && a != w->a)
			room += vacate_room_in(v, a, w, w->used - room);
	}
	return room >= w->used;
}

/* ---- emptying ---- */

/* The old place of a block is held now. */
static void vacate_keep(struct vacate_window *w, size_t k, unsigned int order)
{
	unsigned int nr = (unsigned int)((k >> QUARRY_PAGEBLOCK_ORDER) - w->pb);

	page_set_word(&w->a->map[k], (uint64_t)w->a->index << PAGE_WORD_ARENA_SHIFT);
	pageblock_set(w->held[nr], (unsigned int)(k & (QUARRY_PAGEBLOCK_PAGES - 1)), order);
}

/* Moves the block at page @k of the arena; false: it stays. */
static bool vacate_move(struct vacate *v, struct vacate_window *w, size_t k)
{
	struct page *src = &w->a->map[k], *dst;
	unsigned int order;

	if (!mover_isolate(v->q, src))
		return (page_word(src) & PAGE_WORD_STATE_MASK) == PAGE_WORD_FREE; /* freed */
	order = page_word_order(page_word(src));
	page_event(v->q, QUARRY_VM_COMPACT_ISOLATED, (uint64_t)1 << order);
	dst = order < w->order ? vacate_take_target(v, w, order) : NULL;
	if (dst == NULL) {
		mover_putback(v->q, src);
		return false;
	}
	if (mover_move(v->q, dst, src) != 0) {
		mover_discard(v->q, dst, order);
		zone_put_one(v->q, dst, order);
		mover_putback(v->q, src);
		return false;
	}
	vacate_keep(w, k, order);
	v->moved += (uint64_t)1 << order;
	return true;
}

/* Moves all blocks of @order out of the window; false: one stays. */
static bool vacate_order(struct vacate *v, struct vacate_window *w, unsigned int order)
{
	size_t k = ((size_t)w->pb << QUARRY_PAGEBLOCK_ORDER) + w->first;
	size_t end = k + ((size_t)1 << w->order);

	for (; k < end; k += (size_t)1 << order) {
		uint64_t word = page_word(&w->a->map[k]);

		if (mover_can(word) && page_word_order(word) == order && !vacate_move(v, w, k))
			return false;
	}
	return true;
}

/* Empties a window; false: it could not be completed, and what was held is freed. */
static bool vacate_run(struct vacate *v, struct vacate_window *w)
{
	quarry_pin_t pin = arena_lock(v->q, w->a);
	bool ok = vacate_survey(w), done = false;

	if (ok)
		done = vacate_hold(v->q, w);
	arena_unlock(v->q, w->a, pin);
	for (unsigned int o = QUARRY_MAX_ORDER; ok && o-- > 0;) {
		if ((w->orders >> o & 1) != 0)
			ok = vacate_order(v, w, o);
	}
	/* Blocks that their owners freed meanwhile are in a sheaf, or free. */
	for (unsigned int tries = 0; ok && !done && tries < 2; tries++) {
		if (tries != 0)
			quarry_drain_all_pages(v->q);
		pin = arena_lock(v->q, w->a);
		done = vacate_hold(v->q, w);
		arena_unlock(v->q, w->a, pin);
	}
	if (done)
		return true;
	vacate_release(v->q, w);
	pin = arena_lock(v->q, w->a);
	if (!v->contended)
		w->a->pb[w->pb].skip = 1;
	arena_unlock(v->q, w->a, pin);
	return false;
}

struct page *vacate_block(struct vacate *v, struct page_arena *a, unsigned int order)
{
	struct vacate_window w;
	struct vacate_tried tried = {{0}};

	while (v->cramped < VACATE_MAX_CRAMPED && vacate_open(v, a, &w, order, &tried)) {
		if (!vacate_has_room(v, &w, true)) {
			v->cramped++;
			break; /* the others of this arena hardly have less in use */
		}
		if (vacate_run(v, &w))
			return &a->map[((size_t)w.pb << QUARRY_PAGEBLOCK_ORDER) + w.first];
	}
	return NULL;
}

/* Empties pageblocks of @a while there is room, in the arena or, if @far, in the zone. */
static void vacate_pack(struct vacate *v, struct page_arena *a, bool far)
{
	const unsigned int order = QUARRY_PAGEBLOCK_ORDER;
	struct vacate_tried tried = {{0}};
	struct vacate_window w;

	v->target = NULL;
	while (v->made < v->goal && vacate_open(v, a, &w, order, &tried)) {
		if (!vacate_has_room(v, &w, far))
			break; /* nor have those that have more in use */
		if (vacate_run(v, &w)) {
			vacate_release(v->q, &w);
			v->made++;
		}
	}
}

void vacate_zone(struct vacate *v)
{
	const struct page_zone *z = v->z;

	v->pack = true;
	for (uint32_t k = z->arena_first; k < zone_arena_end(z); k++) {
		if (page_arena_is_of(&v->q->pages->arena[k], z))
			vacate_pack(v, &v->q->pages->arena[k], false);
	}
	/* What single arenas could not put together. */
	for (uint32_t k = zone_arena_end(z);
	     k-- > z->arena_first && zone_arena_end(z) - z->arena_first > 1;) {
		if (page_arena_is_of(&v->q->pages->arena[k], z))
			vacate_pack(v, &v->q->pages->arena[k], true);
	}
}
