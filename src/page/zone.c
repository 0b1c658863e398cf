/* SPDX-License-Identifier: MIT */
/*
 * A zone: many arenas, one set of watermarks.
 *
 * For each migratetype and order the zone keeps one bit an arena: "has a pageblock filed there". Every
 * search is a walk over words of those bits, from the smallest order that fits, so it does not grow
 * with the number of pages. The bits are hints on a concurrent machine: an arena found empty under its
 * lock is passed over.
 */
#include "internal.h"

#define ZONE_TRIES 64
#define ZONE_DETOURS 3    /* arenas that are tried before one is waited for */
#define ZONE_AVOIDS 8u    /* arenas that are left to others in one search */
#define ZONE_PATIENCE 32u /* times that one is, while its CPU does not come back to it */
#define ZONE_FEW 16u      /* pages, of which a batch would not be worth a search */
#define ZONE_ROOMY 5u     /* a block of this order fills a sheaf at once */

uint64_t *zone_avail(const struct page_zone *z, unsigned int type, unsigned int row)
{
	return z->avail + (size_t)(type * PAGE_AVAIL_ROWS + row) * z->avail_words;
}

/* First set bit at or after @from, round once; -1: none. */
static int64_t zone_next_bit(const uint64_t *words, uint32_t nr_words, uint32_t from)
{
	uint32_t first = from >> 6;
	uint64_t w;

	w = quarry_load_relaxed(&words[first]) & ~(uint64_t)0 << (from & 63);
	if (w != 0)
		return (int64_t)first * 64 + bits_ctz64(w);
	for (uint32_t k = 1; k <= nr_words; k++) {
		uint32_t i = first + k < nr_words ? first + k : first + k - nr_words;

		w = quarry_load_relaxed(&words[i]);
		if (w != 0)
			return (int64_t)i * 64 + bits_ctz64(w);
	}
	return -1;
}

static bool zone_any(const struct page_zone *z, unsigned int row, unsigned int type)
{
	return quarry_load_relaxed(&z->nr_avail[type][row]) != 0;
}

/* First arena at or after @from (round once) that has its bit in @row; NULL: none. */
static struct page_arena *zone_find_in_row(struct quarry *q, const struct page_zone *z,
					   uint32_t from, unsigned int row, unsigned int type)
{
	uint32_t start =
		from >= z->arena_first && from < zone_arena_end(z) ? from - z->arena_first : 0;
	int64_t bit;

	if (!zone_any(z, row, type))
		return NULL;
	bit = zone_next_bit(zone_avail(z, type, row), z->avail_words, start);
	return bit >= 0 ? &q->pages->arena[z->arena_first + (uint32_t)bit] : NULL;
}

bool zone_has_block(const struct page_zone *z, unsigned int order, unsigned int type)
{
	for (unsigned int o = order; o <= QUARRY_MAX_ORDER; o++) {
		if (zone_any(z, o, type))
			return true;
	}
	return false;
}

int zone_largest_order(const struct page_zone *z)
{
	for (int o = QUARRY_MAX_ORDER; o >= 0; o--) {
		for (unsigned int type = 0; type < QUARRY_MIGRATE_TYPES; type++) {
			if (zone_any(z, (unsigned int)o, type))
				return o;
		}
	}
	return -1;
}

struct page_arena *zone_find_arena(struct quarry *q, struct page_zone *z, uint32_t from,
				   unsigned int order, unsigned int type, unsigned int *found)
{
	for (unsigned int o = order; o <= QUARRY_MAX_ORDER; o++) {
		struct page_arena *a =
			zone_any(z, o, type) ? zone_find_in_row(q, z, from, o, type) : NULL;

		if (a != NULL) {
			*found = o;
			return a;
		}
	}
	return NULL;
}

/* Whether arena @i of the zone has a block of at least @order in a list of @type. */
static bool zone_arena_has(struct quarry *q, const struct page_zone *z, uint32_t i,
			   unsigned int order, unsigned int type)
{
	const struct page_arena *a = &q->pages->arena[i];

	return i >= z->arena_first && i < zone_arena_end(z) && page_arena_is_of(a, z) &&
	       quarry_load_relaxed(&a->order_mask[type]) >> order != 0;
}

/* The arena to ask for a block: the CPU's own if it has one, else the best of the zone. */
static struct page_arena *zone_best_arena(struct quarry *q, struct page_zone *z, uint32_t hint,
					  unsigned int order, unsigned int type)
{
	unsigned int found;

	if (zone_arena_has(q, z, hint, order, type))
		return &q->pages->arena[hint];
	return zone_find_arena(q, z, hint, order, type, &found);
}

/* The same, and it has descriptors. */
static struct page_arena *zone_pick_arena(struct quarry *q, struct page_zone *z, uint32_t hint,
					  unsigned int order, unsigned int type)
{
	struct page_arena *a = zone_best_arena(q, z, hint, order, type);

	if (a == NULL || memmap_give_map(q, a))
		return a;
	/* No memory for its descriptors. Another arena may have some already, or room for them. */
	for (uint32_t i = z->arena_first; i < zone_arena_end(z); i++) {
		a = &q->pages->arena[i];
		if (zone_arena_has(q, z, i, order, type) && memmap_give_map(q, a))
			return a;
	}
	return NULL;
}

struct page *zone_take_from(struct quarry *q, struct page_arena *a, unsigned int order,
			    unsigned int type)
{
	quarry_pin_t pin = arena_lock(q, a);
	struct page *page;

	if (a->virgin)
		arena_unfold(q, a);
	page = arena_take(q, a, order, type);
	arena_unlock(q, a, pin);
	return page;
}

struct page *zone_take_listed(struct quarry *q, struct page_zone *z, uint32_t *hint,
			      unsigned int order, unsigned int type)
{
	struct page *page = NULL;

	/* An arena's bit is a hint: another CPU may have emptied it meanwhile. */
	for (unsigned int tries = 0; page == NULL && tries < ZONE_TRIES; tries++) {
		struct page_arena *a = zone_pick_arena(q, z, *hint, order, type);

		if (a == NULL)
			break;
		page = zone_take_from(q, a, order, type);
		*hint = a->index;
	}
	return page;
}

struct page *zone_take(struct quarry *q, struct page_zone *z, uint32_t *hint, unsigned int order,
		       unsigned int type, unsigned int alloc_flags)
{
	struct page *page = NULL;

	if (unlikely(quarry_load_relaxed(&z->special) != 0))
		page = fallback_first(q, z, order, type, alloc_flags);
	if (page == NULL)
		page = zone_take_listed(q, z, hint, order, type);
	if (page == NULL)
		fallback_take(q, z, order, type, alloc_flags, &page);
	if (page_prep_on(q) && page != NULL)
		prep_trace_locked(q, page, order, type, false);
	return page;
}

/*
 * Whether movable pages are to come out of @a last: those that stay are there, or will be (fallback.c); or another CPU
 * fills its sheaves there. Two CPUs in one arena wait for its lock, and for each other's cache lines when they free.
 * One that has found another place ZONE_PATIENCE times since is forgotten, so that the pageblocks it has broken do
 * not stay so.
 */
static bool zone_is_others(const struct page_zone *z, struct page_arena *a)
{
	uint32_t bit = a->index - z->arena_first;
	unsigned int filler = quarry_load_relaxed(&a->filler);
	unsigned int avoided = quarry_load_relaxed(&a->avoided);

	if (bit == 0 || (quarry_load_relaxed(&zone_stay(z)[bit >> 6]) >> (bit & 63) & 1) != 0)
		return true;
	if (filler == 0 || filler == quarry_cpu() + 1 || avoided >= ZONE_PATIENCE)
		return false;
	quarry_store_relaxed(&a->avoided, (uint16_t)(avoided + 1));
	return true;
}

/* This CPU fills a sheaf from @a. */
static void zone_set_filler(struct page_arena *a) QUARRY_REQUIRES(a->lock)
{
	uint16_t filler = (uint16_t)(quarry_cpu() + 1);

	if (quarry_load_relaxed(&a->filler) != filler)
		quarry_store_relaxed(&a->filler, filler);
	if (quarry_load_relaxed(&a->avoided) != 0)
		quarry_store_relaxed(&a->avoided, (uint16_t)0);
}

/* zone_find_in_row(); if @apart, past what is left to others. */
static struct page_arena *zone_find_mine(struct quarry *q, const struct page_zone *z, uint32_t from,
					 unsigned int row, unsigned int type, bool apart)
{
	struct page_arena *a = zone_find_in_row(q, z, from, row, type), *first = a;

	for (unsigned int k = 0; apart && a != NULL && zone_is_others(z, a); k++) {
		a = k < ZONE_AVOIDS ? zone_find_in_row(q, z, a->index + 1u, row, type) : NULL;
		if (a == first)
			a = NULL;
	}
	return a;
}

/* The nearest from @home on with broken pageblocks that are worth a visit. */
static struct page_arena *zone_find_broken(struct quarry *q, const struct page_zone *z,
					   uint32_t home, unsigned int order, unsigned int type,
					   bool apart)
{
	struct page_arena *a = zone_find_mine(q, z, home, PAGE_AVAIL_MIDDLE, type, apart);
	struct page_arena *b = NULL;

	if (order < 3)
		b = zone_find_mine(q, z, home, PAGE_AVAIL_SMALL, type, apart);
	/* Counted round. */
	return a == NULL || (b != NULL && b->index - home < a->index - home) ? b : a;
}

static struct page_arena *zone_find_whole(struct quarry *q, const struct page_zone *z,
					  uint32_t home, unsigned int type, bool apart)
{
	struct page_arena *a = NULL;

	for (unsigned int o = QUARRY_PAGEBLOCK_ORDER; a == NULL && o <= QUARRY_MAX_ORDER; o++)
		a = zone_find_mine(q, z, home, o, type, apart);
	return a;
}

/*
 * The arena to fill a sheaf from: the first from the CPU's home on that has a broken pageblock, then one
 * with a whole one. So the arenas next to home stay full and those far from it become empty, as do, inside
 * an arena, the pageblocks. Where many CPUs may call, movable pages are looked for first where they are not
 * left to others. Pageblocks in which only crumbs are left wait until they have gathered more,
 * or nothing else is there: a visit to them is as dear and brings a page or two. If but @few pages are
 * wanted, the smallest block that fits is as good as any. @barren: broken pageblocks were looked at, and
 * have no block of @order.
 */
static struct page_arena *zone_fill_arena(struct quarry *q, struct page_zone *z, uint32_t home,
					  unsigned int order, unsigned int type, bool few,
					  bool barren, enum arena_source *source)
{
	bool apart = q->concurrent && type == QUARRY_MIGRATE_MOVABLE &&
		     zone_arena_end(z) - z->arena_first > 1;
	struct page_arena *a = NULL;

	for (bool more = !few; more; more = apart, apart = false) {
		*source = ARENA_BROKEN;
		if (order < QUARRY_PAGEBLOCK_ORDER && !barren)
			a = zone_find_broken(q, z, home, order, type, apart);
		if (a != NULL)
			return a;
		*source = ARENA_WHOLE;
		a = zone_find_whole(q, z, home, type, apart);
		if (a != NULL || (order == QUARRY_PAGEBLOCK_ORDER && !apart))
			return a;
	}
	*source = ARENA_CRUMBS;
	return zone_best_arena(q, z, home, order, type);
}

/* Locks @a, or another that will do as well if somebody is at it. Returns which: clang has no word for that. */
static struct page_arena *zone_lock_some(struct quarry *q, struct page_zone *z,
					 struct page_arena *a, unsigned int order,
					 unsigned int type,
					 quarry_pin_t *pin) QUARRY_NO_THREAD_SAFETY
{
	struct page_arena *b = a;
	unsigned int found;

	for (unsigned int tries = 0; tries < ZONE_DETOURS; tries++) {
		if (likely(arena_trylock(q, b, pin)))
			return b;
		b = zone_find_arena(q, z, b->index + 1u, quarry_max(order, ZONE_ROOMY), type,
				    &found);
		if (b == NULL || b == a || quarry_load_acquire(&b->map) == NULL)
			break;
	}
	*pin = arena_lock(q, a);
	return a;
}

static unsigned int zone_fill_from(struct quarry *q, struct page_zone *z, uint32_t *home,
				   unsigned int order, unsigned int type, struct page_sheaf *s,
				   unsigned int max)
{
	bool few = max << order < ZONE_FEW;
	enum arena_source source;
	bool barren = false;
	unsigned int n = 0;

	for (unsigned int tries = 0; 2 * n < max && s->n < PAGE_SHEAF_HANDS && tries < ZONE_TRIES;
	     tries++) {
		struct page_arena *best = zone_fill_arena(q, z, *home, order, type, few, barren,
							  &source),
				  *a;
		unsigned int got;
		quarry_pin_t pin;

		if (best == NULL || quarry_load_acquire(&best->map) == NULL) {
			*home = best != NULL ? best->index : *home;
			break;
		}
		a = zone_lock_some(q, z, best, order, type, &pin);
		arena_is_held(a);
		if (a->virgin)
			arena_unfold(q, a);
		zone_set_filler(a);
		got = arena_fill(q, a, order, type, s, max - n, a == best ? source : ARENA_WHOLE);
		arena_unlock(q, a, pin);
		/* The zone tells where pageblocks of order 0 to 2 are, but not of which of these. */
		barren |= got == 0;
		n += got;
	}
	return n;
}

unsigned int zone_fill(struct quarry *q, struct page_zone *z, uint32_t *home, unsigned int order,
		       unsigned int type, unsigned int alloc_flags, struct page_sheaf *s,
		       unsigned int max)
{
	unsigned int n = 0, held = s->n;

	if (unlikely(quarry_load_relaxed(&z->special) != 0) &&
	    fallback_cma_first(z, type, alloc_flags))
		n = zone_fill_from(q, z, home, order, QUARRY_MIGRATE_CMA, s, max);
	if (n == 0)
		n = zone_fill_from(q, z, home, order, type, s, max);
	if (page_prep_on(q))
		prep_trace_refill(q, s, held, order, type);
	return n;
}

/*
 * A hand of @a, which is locked. @odd: pages that became free though it did not hold them (guards), less those that
 * it held and that did not (poisoned ones).
 */
static void zone_put_hand(struct quarry *q, struct page_arena *a, const struct page_hand *h,
			  unsigned int order, int64_t *freed, int64_t *odd) QUARRY_REQUIRES(a->lock)
{
	size_t offset = (size_t)(h->base - a->map);
	uint64_t pages = h->mask;
	unsigned int first = bits_ctz64(pages);
	bool single = (pages & (pages - 1)) == 0, keeps;
	int64_t before = *freed;

	if (order == 0 && single &&
	    likely(arena_put_block(a, offset >> PAGE_BITS_ORDER, first, pages, 0))) {
		*freed += 1;
		return;
	}
	keeps = (a->pb[offset >> QUARRY_PAGEBLOCK_ORDER].flags & PAGE_PB_KEEPS) != 0;
	if (order > PAGE_BITS_ORDER) {
		*freed += arena_put_some(q, a, a->base_pfn + offset, order);
		*odd += *freed - before - ((int64_t)1 << order);
		return;
	}
	for (unsigned int o = 0; o < order; o++)
		pages |= pages << (1u << o);
	if (single && order != 0 &&
	    likely(arena_put_block(a, offset >> PAGE_BITS_ORDER, first, pages, order))) {
		*freed += (int64_t)1 << order;
		return;
	}
	*freed += arena_put_word(q, a, offset >> PAGE_BITS_ORDER, pages);
	if (unlikely(keeps))
		*odd += *freed - before - bits_popcount64(pages);
}

/* By the descriptor of a page that it holds, which was looked at lately, not that of its base. */
static struct page_arena *zone_hand_arena(struct quarry *q, const struct page_hand *h)
{
	return page_arena_of(q->pages, h->base + bits_ctz64(h->mask));
}

/* The hands from the first on that are of @a, which is locked; returns how many it was. Not of whole pageblocks. */
static unsigned int zone_put_run(struct quarry *q, struct page_arena *a, const struct page_hand *h,
				 unsigned int n, unsigned int order, int64_t *freed, int64_t *odd)
	QUARRY_REQUIRES(a->lock)
{
	unsigned int k = 0;

	do
		zone_put_hand(q, a, &h[k++], order, freed, odd);
	while (k < n && zone_hand_arena(q, &h[k]) == a);
	return k;
}

/*
 * How many of @n hands, of which one at least is, are of the first one's arena, all by @arena: up to the first that is
 * not; or all of them, which come first then, so that the arena's lock is taken once.
 */
static unsigned int zone_gather(struct page_hand *hands, uint16_t *arena, unsigned int n, bool all)
{
	unsigned int to = 1;

	while (to < n && arena[to] == arena[0])
		to++;
	for (unsigned int i = to + 1; all && i < n; i++) {
		struct page_hand hand = hands[i];

		if (arena[i] != arena[0])
			continue;
		hands[i] = hands[to];
		arena[i] = arena[to];
		hands[to++] = hand;
	}
	return to;
}

/* How many of @n hands are of @z, by @arena. */
static unsigned int zone_hands_of(const struct quarry *q, const struct page_zone *z,
				  const uint16_t *arena, unsigned int n)
{
	unsigned int of = 0;

	for (unsigned int i = 0; i < n; i++)
		of += page_arena_is_of(&q->pages->arena[arena[i]], z);
	return of;
}

/*
 * zone_put() of whole pageblocks. Their descriptors lie 4 KiB apart, in few places of a cache: each is read once,
 * for its arena. All of the first one's zone are counted at once, before anybody can take them and count down: with
 * other CPUs at work that line of the zone is the dearest of all.
 */
static unsigned int zone_put_huge(struct quarry *q, struct page_hand *hands, unsigned int n,
				  bool may_skip, uint64_t (*count)[QUARRY_NR_ORDERS])
{
	unsigned int left = 0, run;
	struct page_zone *z = NULL;
	uint16_t arena[PAGE_IN_HANDS];
	int64_t counted = 0;

	for (unsigned int i = 0; i < n; i++)
		arena[i] = (uint16_t)(page_word(hands[i].base) >> PAGE_WORD_ARENA_SHIFT);
	if (q->concurrent && n > 1) {
		z = q->pages->arena[arena[0]].zone;
		counted = (int64_t)zone_hands_of(q, z, arena, n) << QUARRY_PAGEBLOCK_ORDER;
		page_add(true, &z->nr_free, (uint64_t)counted);
	}
	for (unsigned int i = 0; i < n; i += run) {
		struct page_arena *a = &q->pages->arena[arena[i]];
		quarry_pin_t pin;
		int64_t freed;

		run = zone_gather(&hands[i], &arena[i], n - i, q->concurrent);
		if (!arena_trylock(q, a, &pin)) {
			if (may_skip) {
				for (unsigned int k = 0; k < run; k++)
					hands[left++] = hands[i + k];
				continue;
			}
			pin = arena_lock(q, a);
		}
		freed = arena_put_huge(q, a, &hands[i], run);
		if (a->zone == z) {
			a->nr_free += (uint32_t)freed;
			counted -= freed;
		} else {
			arena_count(q, a, freed);
		}
		arena_unlock(q, a, pin);
		if (count != NULL)
			count[a->zone_type][QUARRY_PAGEBLOCK_ORDER] += run;
	}
	if (counted != 0) /* some stay, or were not wholly taken back */
		page_add(true, &z->nr_free, 0 - (uint64_t)counted);
	return left;
}

unsigned int zone_put(struct quarry *q, struct page_hand *hands, unsigned int n, unsigned int order,
		      bool may_skip, uint64_t (*count)[QUARRY_NR_ORDERS])
{
	unsigned int left = 0, i = 0;

	if (order == QUARRY_PAGEBLOCK_ORDER)
		return zone_put_huge(q, hands, n, may_skip, count);
	while (i < n) {
		struct page_arena *a = zone_hand_arena(q, &hands[i]);
		int64_t freed = 0, odd = 0;
		quarry_pin_t pin;

		if (!arena_trylock(q, a, &pin)) {
			if (may_skip) {
				do
					hands[left++] = hands[i++];
				while (i < n && zone_hand_arena(q, &hands[i]) == a);
				continue;
			}
			pin = arena_lock(q, a);
		}
		i += zone_put_run(q, a, &hands[i], n - i, order, &freed, &odd);
		arena_count(q, a, freed);
		arena_unlock(q, a, pin);
		if (count != NULL)
			count[a->zone_type][order] += (uint64_t)(freed - odd) >> order;
	}
	return left;
}

void zone_put_one(struct quarry *q, struct page *page, unsigned int order)
{
	struct page_arena *a = page_arena_of(q->pages, page);
	quarry_pin_t pin = arena_lock(q, a);

	arena_put(q, a, a->base_pfn + (pfn_t)(page - a->map), order);
	arena_unlock(q, a, pin);
}
