/* SPDX-License-Identifier: MIT */
/* Compaction, as far as others call it; vm.compact_memory and its like: quarry/compaction.h, sysctl.h. */
#ifndef _QUARRY_LINUX_COMPACTION_H
#define _QUARRY_LINUX_COMPACTION_H

#include <linux/mm.h>

/* Towards 0: a request would fail for lack of memory; towards 1000: for fragmentation; -1000: not at all. */
static inline int fragmentation_index(struct zone *zone, unsigned int order)
{
	return quarry_fragmentation_index(quarry_linux(), zone->node, zone_idx(zone), order);
}

/* Percent of the free pages that lie in no free block of @order. */
static inline unsigned int extfrag_for_order(struct zone *zone, unsigned int order)
{
	int thousandths = quarry_unusable_index(quarry_linux(), zone->node, zone_idx(zone), order);

	return (unsigned int)thousandths / 10;
}

#endif
