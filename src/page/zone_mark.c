/* SPDX-License-Identifier: MIT */
/*
 * May this zone serve this request? Linux's watermark check.
 *
 *	usable = free - (2^order - 1) - free highatomic - free CMA
 *	usable > min, lowered by rights, + lowmem_reserve[highest zone of the request]
 *
 * Highatomic pages are usable with the right to reserves, CMA pages for movable blocks. Above order 0
 * there must also be a block: enough pages may lie about singly. The counts are read without a lock; a
 * request that passes may find nothing, and one that is refused is asked again after reclaim.
 */
#include "internal.h"

unsigned long zone_min_lowered(unsigned long mark, unsigned int alloc_flags)
{
	if ((alloc_flags & ZONE_ALLOC_HIGH) != 0)
		mark -= mark / 2;
	if ((alloc_flags & ZONE_ALLOC_OOM) != 0)
		mark -= mark / 2;
	else if ((alloc_flags & ZONE_ALLOC_HARDER) != 0)
		mark -= mark / 4;
	return mark;
}

/* Free pages that a request may not have, whatever the watermark. */
static uint64_t zone_unusable(const struct page_zone *z, unsigned int alloc_flags)
{
	uint64_t pages = 0;

	if (likely(quarry_load_relaxed(&z->special) == 0))
		return 0;
	if ((alloc_flags & ZONE_ALLOC_RESERVES) == 0)
		pages += quarry_load_relaxed(&z->nr_free_highatomic);
	if ((alloc_flags & ZONE_ALLOC_CMA) == 0)
		pages += quarry_load_relaxed(&z->nr_free_cma);
	return pages;
}

/* A free block of @order or more in a list that the request may take from. */
static bool zone_has_usable(const struct page_zone *z, unsigned int order, unsigned int alloc_flags)
{
	for (unsigned int type = 0; type < QUARRY_MIGRATE_PCPTYPES; type++) {
		if (zone_has_block(z, order, type))
			return true;
	}
	return ((alloc_flags & ZONE_ALLOC_CMA) != 0 &&
		zone_has_block(z, order, QUARRY_MIGRATE_CMA)) ||
	       ((alloc_flags & ZONE_ALLOC_RESERVES) != 0 &&
		zone_has_block(z, order, QUARRY_MIGRATE_HIGHATOMIC));
}

bool zone_watermark_ok(const struct page_layer *pl, const struct page_zone *z, unsigned int order,
		       unsigned long mark, unsigned int highest, unsigned int alloc_flags,
		       struct quarry_refused_zone *why)
{
	uint64_t free = quarry_load_relaxed(&z->nr_free);
	uint64_t unusable = zone_unusable(z, alloc_flags);
	uint64_t need = ((uint64_t)1 << order) - 1 + unusable;
	unsigned long reserve = quarry_load_relaxed(&z->reserve[highest]);
	unsigned long boost = quarry_load_relaxed(&z->boost);
	enum quarry_refusal_reason reason = QUARRY_REFUSED_NONE;

	(void)pl;
	/* An urgent single page is not refused for the sake of a boost. */
	if (unlikely(boost != 0) && order == 0 && (alloc_flags & ZONE_ALLOC_HIGH) != 0 &&
	    mark == zone_mark(z, QUARRY_WMARK_MIN))
		mark -= quarry_min(mark, boost);
	mark = zone_min_lowered(mark, alloc_flags);
	if ((alloc_flags & ZONE_ALLOC_NO_MARK) == 0 && free <= need + mark + reserve)
		reason = QUARRY_REFUSED_WATERMARK;
	else if (order > 0 && !zone_has_usable(z, order, alloc_flags))
		reason = QUARRY_REFUSED_ORDER;
	if (why != NULL) {
		why->reason = reason;
		why->free = (unsigned long)free;
		why->unusable = (unsigned long)unusable;
		why->watermark = mark;
		why->reserve = reserve;
	}
	return reason == QUARRY_REFUSED_NONE;
}

bool zone_would_do(const struct page_zone *z, unsigned int order, unsigned long mark,
		   unsigned int highest, unsigned int alloc_flags, unsigned long more)
{
	uint64_t free = quarry_load_relaxed(&z->nr_free) + more;
	uint64_t need = ((uint64_t)1 << order) - 1 + zone_unusable(z, alloc_flags);

	return (alloc_flags & ZONE_ALLOC_NO_MARK) != 0 ||
	       free > need + zone_min_lowered(mark, alloc_flags) +
			       quarry_load_relaxed(&z->reserve[highest]);
}
