/* SPDX-License-Identifier: MIT */
/*
 * When the lists of the wanted migratetype are empty: take from another type.
 *
 * Problem    Unmovable, movable and reclaimable pages are kept in pageblocks of their own, so that
 *            movable ones can be cleared by moving. When a type runs out, as few pageblocks as can be
 *            are to hold two types, now and later.
 *
 * CMA        Movable blocks may come out of CMA areas. They do so before other types are asked; and
 *            before their own lists, while more than half of the zone's free pages lies there.
 * Claim      From the largest block of another type down. Its pageblock changes its type, and its free
 *            pages with it, if the block is a pageblock or more; or if it is half of that order, or the
 *            request is not movable, and half of the pageblock is free or holds pages that fit.
 * Steal      Else one block alone is taken, the smallest that fits; its pageblock keeps its type. A
 *            request that must not mix types (ZONE_ALLOC_NOFRAGMENT) takes whole pageblocks or nothing.
 * Reserve    Last, who has the right to it takes a block of the highatomic reserve. Above order 0 a
 *            request that cannot wait looks there first.
 *
 * Arenas     A pageblock of pages that stay spoils its whole arena for anybody who wants a gigabyte. So
 *            they claim whole pageblocks in arenas that have such pageblocks already, as long as there
 *            are; zone_stay() tells which. And CPUs look for them in the same arena first, while each
 *            has its own for movable pages. Linux has no arenas, and with one its order results.
 *
 * Cost       For each order a walk over words of the zone's bits, 64 GiB a word. One arena is locked at a
 *            time; an arena's bit is a hint, what it promises is looked at again under its lock.
 * Surely     What it does not promise may be there too: an arena that another CPU works on has taken a
 *            pageblock off one list and not put it on the next. Who is about to be refused asks arena by
 *            arena, under their locks.
 */
#include "internal.h"

/* Which types are asked, in turn. Rows and values: enum quarry_migratetype. */
static const uint8_t fallback_types[QUARRY_MIGRATE_PCPTYPES][2] = {
	[QUARRY_MIGRATE_UNMOVABLE] = {QUARRY_MIGRATE_RECLAIMABLE, QUARRY_MIGRATE_MOVABLE},
	[QUARRY_MIGRATE_MOVABLE] = {QUARRY_MIGRATE_RECLAIMABLE, QUARRY_MIGRATE_UNMOVABLE},
	[QUARRY_MIGRATE_RECLAIMABLE] = {QUARRY_MIGRATE_UNMOVABLE, QUARRY_MIGRATE_MOVABLE},
};

/* One search, and what it came to. */
struct fallback_request {
	struct quarry *q;
	struct page_zone *z;
	unsigned int order, type, alloc_flags;
	bool mixed; /* out of a pageblock that was in use: the zone's marks are to rise */
};

/* Pages of pageblock @i in use by movable blocks, read off the descriptors. */
static unsigned int fallback_count_movable(const struct page_arena *a, unsigned int i)
{
	const struct page *page = &a->map[(size_t)i << QUARRY_PAGEBLOCK_ORDER];
	unsigned int n = 0, k = 0;

	while (k < QUARRY_PAGEBLOCK_PAGES) {
		uint64_t word = page_word(&page[k]);
		unsigned int size = 1;

		if ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC) {
			size = 1u << page_word_order(word);
			if (page_word_type(word) == QUARRY_MIGRATE_MOVABLE)
				n += size;
		}
		k += size;
	}
	return quarry_min(n, (unsigned int)QUARRY_PAGEBLOCK_PAGES);
}

/* Whether pageblock @i may change to @type: half of it is free or fits. a->lock held. */
static bool fallback_half_fits(const struct page_layer *pl, const struct page_arena *a,
			       unsigned int i, unsigned int type)
{
	unsigned int free = a->pb[i].nr_free;
	unsigned int fits = 0, movable;

	if (pl->no_grouping)
		return true;
	movable = a->pb[i].described ? fallback_count_movable(a, i) : 0;
	if (type == QUARRY_MIGRATE_MOVABLE)
		fits = movable;
	else if (a->pb[i].type == QUARRY_MIGRATE_MOVABLE)
		fits = (unsigned int)QUARRY_PAGEBLOCK_PAGES -
		       quarry_min((unsigned int)QUARRY_PAGEBLOCK_PAGES, free + movable);
	return free + fits >= QUARRY_PAGEBLOCK_PAGES / 2;
}

/* Whether a block of order @o may take its whole pageblock along. */
static bool fallback_may_claim(const struct page_layer *pl, unsigned int o, unsigned int type)
{
	return o >= QUARRY_PAGEBLOCK_ORDER / 2 || type != QUARRY_MIGRATE_MOVABLE || pl->no_grouping;
}

/* Every fallback passes here once: a block of order @o, out of a pageblock of type @from. */
static void fallback_note(struct fallback_request *r, unsigned int o, unsigned int claimed)
{
	page_event(r->q, claimed != 0 ? QUARRY_VM_FALLBACK_CLAIMED : QUARRY_VM_FALLBACK_STOLEN,
		   claimed != 0 ? claimed : 1);
	r->mixed = o < QUARRY_PAGEBLOCK_ORDER;
}

/*
 * A block out of list[@o][@from] of arena @a, by claiming its pageblock or, if @steal, without. a->lock
 * held.
 */
static struct page *fallback_take_from(struct fallback_request *r, struct page_arena *a,
				       unsigned int o, unsigned int from, bool steal)
	QUARRY_REQUIRES(a->lock)
{
	unsigned int i = a->head[o][from];
	unsigned int claimed = 0;
	struct page *page;

	if (o >= QUARRY_PAGEBLOCK_ORDER)
		claimed = PAGE_SPAN(o);
	else if (!steal && fallback_half_fits(r->q->pages, a, i, r->type))
		claimed = 1;
	else if (!steal)
		return NULL;
	/* The last one first: then those of a larger block come together again under their new type. */
	for (unsigned int k = claimed; k-- > 0;)
		arena_set_type(r->q, a, i + k, r->type);
	fallback_note(r, o, claimed);
	page = arena_take_from(r->q, a, i, r->order);
	if (page_prep_on(r->q) && page != NULL)
		prep_trace_extfrag(r->q, page, r->order, r->type, o, from, claimed != 0);
	return page;
}

/*
 * First arena with a pageblock in list[@o][@from]; of those with pages that stay, if @stay; of those that
 * have descriptors, if @mapped.
 */
static struct page_arena *fallback_find(const struct fallback_request *r, unsigned int o,
					unsigned int from, bool stay, bool mapped)
{
	const struct page_zone *z = r->z;
	const uint64_t *avail = zone_avail(z, from, o), *stays = zone_stay(z);

	for (uint32_t w = 0; w < z->avail_words; w++) {
		uint64_t bits = quarry_load_relaxed(&avail[w]);

		if (stay)
			bits &= quarry_load_relaxed(&stays[w]);
		for (; bits != 0; bits &= bits - 1) {
			struct page_arena *a =
				&r->q->pages->arena[z->arena_first + w * 64 + bits_ctz64(bits)];

			if (!mapped || quarry_load_acquire(&a->map) != NULL)
				return a;
		}
	}
	return NULL;
}

/* A block by a pageblock filed under exactly order @o of the first type that has one. */
static struct page *fallback_at(struct fallback_request *r, unsigned int o, bool stay, bool steal)
{
	struct page_arena *a = NULL;
	struct page *page = NULL;
	unsigned int from = 0;
	quarry_pin_t pin;

	for (unsigned int k = 0; a == NULL && k < 2; k++) {
		from = fallback_types[r->type][k];
		a = fallback_find(r, o, from, stay, false);
	}
	/* If there is no memory for its descriptors, another may have some. */
	if (a != NULL && !memmap_give_map(r->q, a))
		a = fallback_find(r, o, from, stay, true);
	if (a == NULL)
		return NULL;
	pin = arena_lock(r->q, a);
	if (a->virgin)
		arena_unfold(r->q, a);
	if ((a->order_mask[from] >> o & 1) != 0)
		page = fallback_take_from(r, a, o, from, steal);
	arena_unlock(r->q, a, pin);
	return page;
}

static struct page *fallback_claim(struct fallback_request *r)
{
	unsigned int least = r->order;
	struct page *page = NULL;

	if ((r->alloc_flags & ZONE_ALLOC_NOFRAGMENT) != 0)
		least = quarry_max(least, (unsigned int)QUARRY_PAGEBLOCK_ORDER);
	if (r->type != QUARRY_MIGRATE_MOVABLE) {
		for (unsigned int o = QUARRY_MAX_ORDER + 1;
		     page == NULL && o-- > quarry_max(r->order, QUARRY_PAGEBLOCK_ORDER + 0u);)
			page = fallback_at(r, o, true, false);
	}
	for (unsigned int o = QUARRY_MAX_ORDER + 1; page == NULL && o-- > least;) {
		if (!fallback_may_claim(r->q->pages, o, r->type))
			break;
		page = fallback_at(r, o, false, false);
	}
	return page;
}

static struct page *fallback_steal(struct fallback_request *r)
{
	struct page *page = NULL;

	for (unsigned int o = r->order; page == NULL && o <= QUARRY_MAX_ORDER; o++)
		page = fallback_at(r, o, false, true);
	return page;
}

/* The smallest block that fits in lists of @type, which stays as it is. */
static struct page *fallback_out_of(struct quarry *q, struct page_zone *z, unsigned int order,
				    unsigned int type)
{
	unsigned int found;
	struct page_arena *a = zone_find_arena(q, z, z->arena_first, order, type, &found);
	struct page *page;
	quarry_pin_t pin;

	if (a == NULL || !memmap_give_map(q, a))
		return NULL;
	pin = arena_lock(q, a);
	page = arena_take(q, a, order, type);
	arena_unlock(q, a, pin);
	return page;
}

bool fallback_cma_first(const struct page_zone *z, unsigned int type, unsigned int alloc_flags)
{
	return type == QUARRY_MIGRATE_MOVABLE && (alloc_flags & ZONE_ALLOC_CMA) != 0 &&
	       quarry_load_relaxed(&z->nr_free_cma) > quarry_load_relaxed(&z->nr_free) / 2;
}

struct page *fallback_first(struct quarry *q, struct page_zone *z, unsigned int order,
			    unsigned int type, unsigned int alloc_flags)
{
	struct page *page = NULL;

	if (order > 0 && (alloc_flags & ZONE_ALLOC_HARDER) != 0)
		page = fallback_out_of(q, z, order, QUARRY_MIGRATE_HIGHATOMIC);
	if (page == NULL && fallback_cma_first(z, type, alloc_flags))
		page = fallback_out_of(q, z, order, QUARRY_MIGRATE_CMA);
	return page;
}

unsigned int fallback_take(struct quarry *q, struct page_zone *z, unsigned int order,
			   unsigned int type, unsigned int alloc_flags, struct page **page)
{
	struct fallback_request r = {
		.q = q, .z = z, .order = order, .type = type, .alloc_flags = alloc_flags};
	bool special = quarry_load_relaxed(&z->special) != 0;

	*page = NULL;
	if (type >= QUARRY_MIGRATE_PCPTYPES)
		return 0;
	if (special && type == QUARRY_MIGRATE_MOVABLE && (alloc_flags & ZONE_ALLOC_CMA) != 0)
		*page = fallback_out_of(q, z, order, QUARRY_MIGRATE_CMA);
	if (*page == NULL)
		*page = fallback_claim(&r);
	if (*page == NULL && (alloc_flags & ZONE_ALLOC_NOFRAGMENT) == 0)
		*page = fallback_steal(&r);
	if (*page == NULL && special && (alloc_flags & ZONE_ALLOC_RESERVES) != 0)
		*page = fallback_out_of(q, z, order, QUARRY_MIGRATE_HIGHATOMIC);
	if (r.mixed)
		watermark_boost(q, z, alloc_flags);
	return *page != NULL;
}

/* Any block of @a that the request may have. a->lock held. */
static struct page *fallback_of_arena(struct fallback_request *r, struct page_arena *a)
	QUARRY_REQUIRES(a->lock)
{
	struct page *page = arena_take(r->q, a, r->order, r->type);

	for (unsigned int o = r->order; o <= QUARRY_MAX_ORDER; o++) {
		for (unsigned int k = 0; page == NULL && k < 2; k++) {
			unsigned int from = fallback_types[r->type][k];

			if ((a->order_mask[from] >> o & 1) != 0)
				page = fallback_take_from(r, a, o, from, true);
		}
	}
	if (page == NULL && r->type == QUARRY_MIGRATE_MOVABLE &&
	    (r->alloc_flags & ZONE_ALLOC_CMA) != 0)
		page = arena_take(r->q, a, r->order, QUARRY_MIGRATE_CMA);
	if (page == NULL && (r->alloc_flags & ZONE_ALLOC_RESERVES) != 0)
		page = arena_take(r->q, a, r->order, QUARRY_MIGRATE_HIGHATOMIC);
	return page;
}

struct page *fallback_surely(struct quarry *q, struct page_zone *z, unsigned int order,
			     unsigned int type, unsigned int alloc_flags)
{
	struct fallback_request r = {
		.q = q, .z = z, .order = order, .type = type, .alloc_flags = alloc_flags};
	struct page *page = NULL;

	for (uint32_t i = z->arena_first; page == NULL && i < zone_arena_end(z); i++) {
		struct page_arena *a = &q->pages->arena[i];
		quarry_pin_t pin;

		if (!page_arena_is_of(a, z))
			continue;
		pin = arena_lock(q, a);
		/* One without descriptors has been in nobody's hands. */
		if (a->map != NULL && !a->virgin)
			page = fallback_of_arena(&r, a);
		arena_unlock(q, a, pin);
	}
	if (r.mixed)
		watermark_boost(q, z, alloc_flags);
	if (page_prep_on(q) && page != NULL)
		prep_trace_locked(q, page, order, type, false);
	return page;
}

unsigned int fallback_nofragment(const struct page_layer *pl, const struct page_zone *z, gfp_t gfp)
{
	unsigned int flags = (gfp & __GFP_KSWAPD_RECLAIM) != 0 ? ZONE_ALLOC_KSWAPD : 0;
	const struct page_zone *below;

	if (quarry_load_relaxed(&pl->defrag_mode) != 0)
		return flags | ZONE_ALLOC_NOFRAGMENT;
	if (z == NULL || z->type != QUARRY_ZONE_NORMAL)
		return flags;
	/* Where there is a lower zone it may be used before this one's pageblocks are mixed. */
	below = pl->node[z->nid].zone[QUARRY_ZONE_DMA32];
	if (below != NULL && quarry_load_relaxed(&below->managed) != 0)
		flags |= ZONE_ALLOC_NOFRAGMENT;
	return flags;
}
