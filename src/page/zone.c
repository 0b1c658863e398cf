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

uint64_t *zone_avail(const struct page_zone *z, unsigned int type, unsigned int order)
{
	return z->avail + (size_t)(type * QUARRY_NR_ORDERS + order) * z->avail_words;
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

bool zone_has_block(const struct page_zone *z, unsigned int order, unsigned int type)
{
	for (unsigned int o = order; o <= QUARRY_MAX_ORDER; o++) {
		const uint64_t *words = zone_avail(z, type, o);

		for (uint32_t i = 0; i < z->avail_words; i++) {
			if (quarry_load_relaxed(&words[i]) != 0)
				return true;
		}
	}
	return false;
}

int zone_largest_order(const struct page_zone *z)
{
	for (int o = QUARRY_MAX_ORDER; o >= 0; o--) {
		for (unsigned int type = 0; type < QUARRY_MIGRATE_TYPES; type++) {
			const uint64_t *words = zone_avail(z, type, (unsigned int)o);

			for (uint32_t i = 0; i < z->avail_words; i++) {
				if (quarry_load_relaxed(&words[i]) != 0)
					return o;
			}
		}
	}
	return -1;
}

struct page_arena *zone_find_arena(struct quarry *q, struct page_zone *z, uint32_t from,
				   unsigned int order, unsigned int type, unsigned int *found)
{
	uint32_t start =
		from >= z->arena_first && from < zone_arena_end(z) ? from - z->arena_first : 0;

	for (unsigned int o = order; o <= QUARRY_MAX_ORDER; o++) {
		int64_t bit = zone_next_bit(zone_avail(z, type, o), z->avail_words, start);

		if (bit >= 0) {
			*found = o;
			return &q->pages->arena[z->arena_first + (uint32_t)bit];
		}
	}
	return NULL;
}

/* Whether arena @i of the zone has a block of at least @order in a list of @type. */
static bool zone_arena_has(const struct page_zone *z, uint32_t i, unsigned int order,
			   unsigned int type)
{
	uint32_t bit = i - z->arena_first;

	if (i < z->arena_first || i >= zone_arena_end(z))
		return false;
	for (unsigned int o = order; o <= QUARRY_MAX_ORDER; o++) {
		if ((quarry_load_relaxed(&zone_avail(z, type, o)[bit >> 6]) >> (bit & 63) & 1) != 0)
			return true;
	}
	return false;
}

/* The arena to ask for a block: the CPU's own if it has one, else the best of the zone. */
static struct page_arena *zone_best_arena(struct quarry *q, struct page_zone *z, uint32_t hint,
					  unsigned int order, unsigned int type)
{
	unsigned int found;

	if (zone_arena_has(z, hint, order, type))
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
		if (page_arena_is_of(a, z) && zone_arena_has(z, i, order, type) &&
		    memmap_give_map(q, a))
			return a;
	}
	return NULL;
}

struct page *zone_take(struct quarry *q, struct page_zone *z, uint32_t *hint, unsigned int order,
		       unsigned int type, unsigned int alloc_flags)
{
	struct page *page = NULL;

	if (unlikely(quarry_load_relaxed(&z->special) != 0))
		page = fallback_first(q, z, order, type, alloc_flags);
	/* An arena's bit is a hint: another CPU may have emptied it meanwhile. */
	for (unsigned int tries = 0; page == NULL && tries < ZONE_TRIES; tries++) {
		struct page_arena *a = zone_pick_arena(q, z, *hint, order, type);
		quarry_pin_t pin;

		if (a == NULL)
			break;
		pin = arena_lock(q, a);
		if (a->virgin)
			arena_unfold(q, a);
		page = arena_take(q, a, order, type);
		arena_unlock(q, a, pin);
		*hint = a->index;
	}
	if (page == NULL)
		fallback_take(q, z, order, type, alloc_flags, &page);
	if (page_prep_on(q) && page != NULL)
		prep_trace_locked(q, page, order, type, false);
	return page;
}

static unsigned int zone_fill_from(struct quarry *q, struct page_zone *z, uint32_t *hint,
				   unsigned int order, unsigned int type, struct page_sheaf *s)
{
	unsigned int n = 0;

	for (unsigned int tries = 0; n < s->cap && s->n < PAGE_SHEAF_HANDS && tries < ZONE_TRIES;
	     tries++) {
		struct page_arena *a = zone_best_arena(q, z, *hint, order, type);
		quarry_pin_t pin;

		if (a == NULL || quarry_load_acquire(&a->map) == NULL)
			break;
		pin = arena_lock(q, a);
		if (a->virgin)
			arena_unfold(q, a);
		n += arena_fill(q, a, order, type, s, s->cap - n);
		arena_unlock(q, a, pin);
		*hint = a->index;
	}
	return n;
}

bool zone_fill(struct quarry *q, struct page_zone *z, uint32_t *hint, unsigned int order,
	       unsigned int type, unsigned int alloc_flags, struct page_sheaf *s)
{
	unsigned int n = 0, held = s->n;

	if (unlikely(quarry_load_relaxed(&z->special) != 0) &&
	    fallback_cma_first(z, type, alloc_flags))
		n = zone_fill_from(q, z, hint, order, QUARRY_MIGRATE_CMA, s);
	if (n == 0)
		n = zone_fill_from(q, z, hint, order, type, s);
	if (page_prep_on(q))
		prep_trace_refill(q, s, held, order, type);
	return n != 0;
}

/* All that zone_put() will touch, before it waits for any of it. */
static void zone_prefetch(const struct page_layer *pl, const struct page_hand *hands,
			  unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct page_arena *a = page_arena_of(pl, hands[i].base);
		size_t pb = (size_t)(hands[i].base - a->map) >> QUARRY_PAGEBLOCK_ORDER;

		quarry_prefetch(&a->bits[pb]);
		quarry_prefetch(&a->pb[pb]);
	}
}

void zone_put(struct quarry *q, const struct page_hand *hands, unsigned int n, unsigned int order)
{
	struct page_arena *locked = NULL;
	quarry_pin_t pin = 0;
	int64_t freed = 0;

	zone_prefetch(q->pages, hands, n);
	for (unsigned int i = 0; i < n; i++) {
		struct page_arena *a = page_arena_of(q->pages, hands[i].base);
		size_t offset = (size_t)(hands[i].base - a->map);
		uint64_t pages = hands[i].mask;

		if (a != locked) {
			if (locked != NULL) {
				arena_count(q, locked, freed);
				arena_unlock(q, locked, pin);
			}
			pin = arena_lock(q, a);
			locked = a;
			freed = 0;
		}
		if (order > 6) {
			arena_put(q, a, a->base_pfn + offset, order);
			continue;
		}
		for (unsigned int o = 0; o < order; o++)
			pages |= pages << (1u << o);
		freed += arena_put_word(q, a, offset >> 6, pages);
	}
	if (locked != NULL) {
		arena_count(q, locked, freed);
		arena_unlock(q, locked, pin);
	}
}

void zone_put_one(struct quarry *q, struct page *page, unsigned int order)
{
	struct page_hand hand = {page_word_base(page), (uint64_t)1 << page_word_bit(page)};

	zone_put(q, &hand, 1, order);
}
