/* SPDX-License-Identifier: MIT */
/* Why a request was refused: what each zone of its list lacked, kept for quarry_explain(). */
#include "internal.h"

/* Why a zone that passed the watermark test gave nothing. */
static enum quarry_refusal_reason refuse_late(const struct page_zone *z, unsigned int order,
					      int largest_order)
{
	if (largest_order < (int)order)
		return QUARRY_REFUSED_ORDER;
	for (unsigned int type = 0; type < QUARRY_MIGRATE_PCPTYPES; type++) {
		if (zone_has_block(z, order, type))
			return QUARRY_REFUSED_METADATA;
	}
	return QUARRY_REFUSED_TYPE;
}

QUARRY_COLD void refuse_record(struct quarry *q, const struct alloc_request *r, unsigned int flags)
{
	struct page_layer *pl = q->pages;
	struct quarry_refusal *f = &pl->refusal;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->refusal_lock);

	f->serial++;
	f->gfp = r->gfp;
	f->order = r->order;
	f->nid = r->nid;
	f->nr_zones = 0;
	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];
		struct quarry_refused_zone *why;

		if (z->type > r->highest)
			continue;
		if (f->nr_zones++ >= QUARRY_EXPLAIN_ZONES)
			continue;
		why = &f->zones[f->nr_zones - 1];
		why->nid = z->nid;
		why->zone = (enum quarry_zone_type)z->type;
		why->largest_order = zone_largest_order(z);
		if (zone_watermark_ok(pl, z, r->order, zone_mark(z, QUARRY_WMARK_MIN), r->highest,
				      flags, why))
			why->reason = refuse_late(z, r->order, why->largest_order);
	}
	f->total[f->nr_zones > 0 ? f->zones[0].reason : QUARRY_REFUSED_ORDER]++;
	page_count(&pl->refused);
	quarry_unlock(q->concurrent, &pl->refusal_lock, pin);
}

bool quarry_explain(struct quarry *q, struct quarry_refusal *refusal)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &q->pages->refusal_lock);

	*refusal = q->pages->refusal;
	quarry_unlock(q->concurrent, &q->pages->refusal_lock, pin);
	return refusal->serial != 0;
}
