/* SPDX-License-Identifier: MIT */
/*
 * Why a request was refused: what each zone of its list lacked, which came nearest, and what would have
 * made it succeed. Kept for quarry_explain().
 *
 * Nothing here is a guess: a remedy is named if the same tests, made with that one thing changed, let a
 * zone through. Zones may have changed since the walk; the record describes them as they are now.
 *
 * The machine's own record ends behind the zones that it can have.
 */
#include "internal.h"

#include <base/string.h>

/* Rights beyond the request's own, smallest first. */
static const struct {
	uint32_t remedy;
	unsigned int flags;
} refuse_rights[] = {
	{QUARRY_REMEDY_HIGH, ZONE_ALLOC_HIGH},
	{QUARRY_REMEDY_ATOMIC, ZONE_ALLOC_HIGH | ZONE_ALLOC_HARDER},
	{QUARRY_REMEDY_MEMALLOC, ZONE_ALLOC_NO_MARK},
};

/* Whether @flags let a request use blocks of @type. */
static bool refuse_allows(unsigned int flags, unsigned int type)
{
	return type != QUARRY_MIGRATE_ISOLATE &&
	       (type != QUARRY_MIGRATE_HIGHATOMIC || (flags & ZONE_ALLOC_RESERVES) != 0) &&
	       (type != QUARRY_MIGRATE_CMA || (flags & ZONE_ALLOC_CMA) != 0);
}

/* Largest order of a free block of a type that @flags let the request use; -1: none. */
static int refuse_largest_allowed(const struct page_zone *z, unsigned int flags)
{
	for (int o = QUARRY_MAX_ORDER; o >= 0; o--) {
		for (unsigned int type = 0; type < QUARRY_MIGRATE_TYPES; type++) {
			if (refuse_allows(flags, type) && zone_has_block(z, (unsigned int)o, type))
				return o;
		}
	}
	return -1;
}

/* Whether such a block of @order is where there are descriptors: no table is needed to take it. */
static bool refuse_described(const struct quarry *q, const struct page_zone *z, unsigned int order,
			     unsigned int flags)
{
	for (uint32_t i = z->arena_first; i < zone_arena_end(z); i++) {
		const struct page_arena *a = &q->pages->arena[i];

		if (!page_arena_is_of(a, z) || quarry_load_acquire(&a->map) == NULL)
			continue;
		for (unsigned int type = 0; type < QUARRY_MIGRATE_TYPES; type++) {
			if (refuse_allows(flags, type) &&
			    quarry_load_relaxed(&a->order_mask[type]) >> order != 0)
				return true;
		}
	}
	return false;
}

/* Why a zone that passes the watermark test gave nothing. */
static enum quarry_refusal_reason refuse_late(const struct quarry_refused_zone *why,
					      unsigned int order)
{
	if (why->largest_allowed >= (int)order)
		return QUARRY_REFUSED_METADATA;
	return why->largest_order >= (int)order ? QUARRY_REFUSED_TYPE : QUARRY_REFUSED_ORDER;
}

/* Whether @z would give a block. @tables: there is no memory for tables. */
static bool refuse_passes(const struct quarry *q, const struct alloc_request *r,
			  const struct page_zone *z, unsigned int order, unsigned int flags,
			  bool tables)
{
	return zone_watermark_ok(q->pages, z, order, zone_mark(z, QUARRY_WMARK_MIN), r->highest,
				 flags, NULL) &&
	       (tables ? refuse_described(q, z, order, flags)
		       : refuse_largest_allowed(z, flags) >= (int)order);
}

static void refuse_zone(const struct quarry *q, const struct alloc_request *r,
			const struct page_zone *z, unsigned int flags,
			struct quarry_refused_zone *why)
{
	uint64_t need;

	*why = (struct quarry_refused_zone){
		.nid = z->nid,
		.zone = (enum quarry_zone_type)z->type,
		.highatomic = (unsigned long)quarry_load_relaxed(&z->nr_free_highatomic),
		.cma = (unsigned long)quarry_load_relaxed(&z->nr_free_cma),
		.isolated = (unsigned long)quarry_load_relaxed(&z->nr_isolated),
		.unaccepted = quarry_load_relaxed(&z->nr_unaccepted),
		.largest_order = zone_largest_order(z),
		.largest_allowed = refuse_largest_allowed(z, flags),
	};
	if (zone_watermark_ok(q->pages, z, r->order, zone_mark(z, QUARRY_WMARK_MIN), r->highest,
			      flags, why))
		why->reason = refuse_late(why, r->order);
	if ((flags & ZONE_ALLOC_NO_MARK) != 0)
		why->watermark = why->reserve = 0; /* none holds for it */
	need = ((uint64_t)1 << r->order) + why->watermark + why->reserve + why->unusable;
	if (why->reason == QUARRY_REFUSED_ORDER && why->free < need)
		why->reason = QUARRY_REFUSED_WATERMARK; /* the last page is taken */
	if (why->reason == QUARRY_REFUSED_WATERMARK)
		why->lacking = (unsigned long)(need - why->free);
	if ((r->nodes >> z->nid & 1) == 0)
		why->reason = QUARRY_REFUSED_NODE;
}

/* Whether @a came nearer to giving the block than @b. */
static bool refuse_nearer(const struct quarry_refused_zone *a, const struct quarry_refused_zone *b)
{
	if ((a->reason == QUARRY_REFUSED_NODE) != (b->reason == QUARRY_REFUSED_NODE))
		return b->reason == QUARRY_REFUSED_NODE;
	if (a->reason != b->reason)
		return a->reason > b->reason;
	if (a->reason == QUARRY_REFUSED_WATERMARK)
		return a->lacking < b->lacking;
	return a->largest_allowed > b->largest_allowed;
}

/* What helps in a zone that the request may use. */
static unsigned int refuse_remedies_in(const struct quarry *q, const struct alloc_request *r,
				       const struct page_zone *z, unsigned int flags, bool tables,
				       struct quarry_refusal *f)
{
	/* If what it has would do, more rights would not. */
	bool would = refuse_passes(q, r, z, r->order, flags, false);
	unsigned int remedies = 0;

	for (unsigned int i = 0; i < QUARRY_ARRAY_SIZE(refuse_rights) && !would; i++) {
		if (refuse_passes(q, r, z, r->order, flags | refuse_rights[i].flags, tables))
			remedies |= refuse_rights[i].remedy;
	}
	if (refuse_passes(q, r, z, r->order, flags | ZONE_ALLOC_CMA, tables))
		remedies |= QUARRY_REMEDY_MOVABLE;
	for (unsigned int o = r->order; o-- > 0;) {
		if (!refuse_passes(q, r, z, o, flags, tables))
			continue;
		f->smaller_order = (remedies | f->remedies) & QUARRY_REMEDY_SMALLER
					   ? quarry_max(f->smaller_order, o)
					   : o;
		remedies |= QUARRY_REMEDY_SMALLER;
		break;
	}
	/* The mark, by number of pages alone, holds: what lacks is a whole block. */
	if (r->order > 0 && !would && quarry_load_relaxed(&z->nr_free) >> r->order != 0 &&
	    zone_would_do(z, r->order, zone_mark(z, QUARRY_WMARK_MIN), r->highest, flags, 0))
		remedies |= QUARRY_REMEDY_COMPACT;
	return remedies;
}

/* What helps outside the zones that the request may use: another node, a zone above its highest. */
static void refuse_look_elsewhere(const struct quarry *q, const struct alloc_request *r,
				  unsigned int flags, bool tables, struct quarry_refusal *f)
{
	const struct page_layer *pl = q->pages;
	struct alloc_request any = *r;

	any.highest = QUARRY_ZONE_NORMAL;
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		const struct page_zone *z = &pl->zone[i];
		bool here = (r->nodes >> z->nid & 1) != 0 &&
			    ((r->gfp & __GFP_THISNODE) == 0 || z->nid == r->nid);

		if (quarry_load_relaxed(&z->managed) == 0)
			continue;
		if (z->type <= r->highest && !here &&
		    refuse_passes(q, r, z, r->order, flags, tables) &&
		    (f->remedies & QUARRY_REMEDY_OTHER_NODE) == 0) {
			f->remedies |= QUARRY_REMEDY_OTHER_NODE;
			f->other_nid = z->nid;
		}
		if (z->type > r->highest && z->type <= QUARRY_ZONE_NORMAL && here &&
		    refuse_passes(q, &any, z, r->order, flags, tables))
			f->remedies |= QUARRY_REMEDY_HIGHER_ZONE;
		if (z->type == QUARRY_ZONE_MOVABLE && r->highest < QUARRY_ZONE_MOVABLE && here &&
		    refuse_passes(q, &any, z, r->order, flags, tables))
			f->remedies |= QUARRY_REMEDY_MOVABLE;
	}
}

static void refuse_find_remedies(const struct quarry *q, const struct alloc_request *r,
				 unsigned int flags, struct quarry_refusal *f)
{
	/* Tables were refused to it a moment ago, and would be again. */
	bool tables = f->nearest >= 0 && f->zones[f->nearest].reason == QUARRY_REFUSED_METADATA;

	for (unsigned int i = 0; i < r->nr_list; i++) {
		const struct page_zone *z = r->list[i];

		if (z->type > r->highest || (r->nodes >> z->nid & 1) == 0)
			continue;
		f->remedies |= refuse_remedies_in(q, r, z, flags, tables, f);
	}
	if (f->nearest >= 0 && f->zones[f->nearest].reason == QUARRY_REFUSED_WATERMARK) {
		f->remedies |= QUARRY_REMEDY_RECLAIM;
		f->lacking = f->zones[f->nearest].lacking;
	}
	refuse_look_elsewhere(q, r, flags, tables, f);
}

size_t refuse_bytes(const struct page_layer *pl)
{
	unsigned int zones = quarry_min(pl->max_zones, (unsigned int)QUARRY_EXPLAIN_ZONES);

	return offsetof(struct quarry_refusal, zones) + zones * sizeof(struct quarry_refused_zone);
}

QUARRY_COLD void refuse_record(struct quarry *q, const struct alloc_request *r, unsigned int flags)
{
	struct page_layer *pl = q->pages;
	struct quarry_refusal *f = pl->refusal;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->refusal_lock);

	f->serial++;
	f->gfp = r->gfp;
	f->order = r->order;
	f->type = (enum quarry_migratetype)r->type;
	f->nid = r->nid;
	f->nr_zones = 0;
	f->nearest = -1;
	f->remedies = 0;
	f->lacking = 0;
	f->smaller_order = 0;
	f->other_nid = QUARRY_NO_NODE;
	f->reclaim_rounds = r->rounds;
	f->reclaimed = r->reclaimed;
	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];

		if (z->type > r->highest)
			continue;
		if (f->nr_zones++ >= QUARRY_EXPLAIN_ZONES)
			continue;
		refuse_zone(q, r, z, flags, &f->zones[f->nr_zones - 1]);
		if (f->nearest < 0 ||
		    refuse_nearer(&f->zones[f->nr_zones - 1], &f->zones[f->nearest]))
			f->nearest = (int)f->nr_zones - 1;
	}
	refuse_find_remedies(q, r, flags, f);
	f->total[f->nearest >= 0 ? f->zones[f->nearest].reason : QUARRY_REFUSED_ORDER]++;
	page_count(&pl->refused, 1);
	quarry_unlock(q->concurrent, &pl->refusal_lock, pin);
}

bool quarry_explain(struct quarry *q, struct quarry_refusal *refusal)
{
	size_t bytes = refuse_bytes(q->pages);
	quarry_pin_t pin = quarry_lock(q->concurrent, &q->pages->refusal_lock);

	quarry_memcpy(refusal, q->pages->refusal, bytes);
	quarry_memset((char *)refusal + bytes, 0, sizeof(*refusal) - bytes);
	quarry_unlock(q->concurrent, &q->pages->refusal_lock, pin);
	return refusal->serial != 0;
}
