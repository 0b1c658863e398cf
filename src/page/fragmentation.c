/* SPDX-License-Identifier: MIT */
/*
 * How broken the free memory is, by the formulas of Linux's extfrag_index and unusable_index. Blocks are
 * the maximal aligned runs that /proc/buddyinfo counts.
 */
#include "internal.h"

struct fragmentation {
	uint64_t pages, blocks,
		suitable; /* free; suitable: blocks of the order, larger ones cut up */
};

static bool fragmentation_count(struct quarry *q, int nid, enum quarry_zone_type zone,
				unsigned int order, struct fragmentation *f)
{
	struct quarry_zone_info info;

	*f = (struct fragmentation){0};
	if (order > QUARRY_MAX_ORDER || !quarry_zone_info(q, nid, zone, &info))
		return false;
	for (unsigned int o = 0; o <= QUARRY_MAX_ORDER; o++) {
		f->blocks += info.nr_free[o];
		f->pages += (uint64_t)info.nr_free[o] << o;
		if (o >= order)
			f->suitable += (uint64_t)info.nr_free[o] << (o - order);
	}
	return true;
}

int quarry_fragmentation_index(struct quarry *q, int nid, enum quarry_zone_type zone,
			       unsigned int order)
{
	struct fragmentation f;

	if (!fragmentation_count(q, nid, zone, order, &f) || f.blocks == 0)
		return 0;
	if (f.suitable != 0)
		return -1000;
	return 1000 - (int)bits_div64(1000 + (f.pages * 1000 >> order), f.blocks);
}

int quarry_unusable_index(struct quarry *q, int nid, enum quarry_zone_type zone, unsigned int order)
{
	struct fragmentation f;

	if (!fragmentation_count(q, nid, zone, order, &f))
		return 0;
	if (f.pages == 0)
		return 1000;
	return (int)bits_div64((f.pages - (f.suitable << order)) * 1000, f.pages);
}

unsigned int quarry_fragmentation_score(struct quarry *q, int nid)
{
	unsigned int score = 0;
	uint64_t present = 0;

	if (!quarry_node_present(q, nid))
		return 0;
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		const struct page_zone *z = page_node_zone(q->pages, nid, t);

		present += z != NULL ? quarry_load_relaxed(&z->present) : 0;
	}
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		const struct page_zone *z = page_node_zone(q->pages, nid, t);
		struct fragmentation f;
		uint64_t percent;

		if (z == NULL || !fragmentation_count(q, nid, (enum quarry_zone_type)t,
						      QUARRY_PAGEBLOCK_ORDER, &f))
			continue;
		percent = f.pages == 0
				  ? 0
				  : bits_div64((f.pages - (f.suitable << QUARRY_PAGEBLOCK_ORDER)) *
						       100,
					       f.pages);
		score += (unsigned int)bits_div64(quarry_load_relaxed(&z->present) * percent,
						  present + 1);
	}
	return score;
}

unsigned long fragmentation_lack(struct quarry *q, const struct page_zone *z, unsigned int percent)
{
	const uint64_t whole = 100 * QUARRY_PAGEBLOCK_PAGES;
	struct fragmentation f;
	uint64_t broken, allowed;

	if (!fragmentation_count(q, z->nid, (enum quarry_zone_type)z->type, QUARRY_PAGEBLOCK_ORDER,
				 &f))
		return 0;
	/* The share is rounded down, so anything below the next percent will do. */
	broken = (f.pages - (f.suitable << QUARRY_PAGEBLOCK_ORDER)) * 100;
	allowed = f.pages * (percent + 1);
	return broken < allowed ? 0 : (unsigned long)bits_div64(broken - allowed + whole, whole);
}
