/* SPDX-License-Identifier: MIT */
/* Pageblocks from which nothing is allocated. */
#ifndef _QUARRY_LINUX_PAGE_ISOLATION_H
#define _QUARRY_LINUX_PAGE_ISOLATION_H

#include <linux/mm.h>

#define MEMORY_OFFLINE 0x1 /* pages out of use already do not stand in the way */
#define REPORT_FAILURE 0x2 /* says which page did */

static inline bool is_migrate_isolate(int migratetype)
{
	return migratetype == MIGRATE_ISOLATE;
}

static inline bool is_migrate_isolate_page(struct page *page)
{
	return is_migrate_isolate(get_pageblock_migratetype(page));
}

static inline bool has_isolate_pageblock(struct zone *zone)
{
	struct quarry_zone_info info;

	return quarry_zone_info(quarry_linux(), zone->node, zone_idx(zone), &info) &&
	       info.nr_pageblocks[QUARRY_MIGRATE_ISOLATE] != 0;
}

/* 0 or an error; @gfp_flags are not looked at: what is in the way is moved by others. */
int start_isolate_page_range(unsigned long start_pfn, unsigned long end_pfn, int migratetype,
			     int flags, gfp_t gfp_flags);

static inline void undo_isolate_page_range(unsigned long start_pfn, unsigned long end_pfn,
					   int migratetype)
{
	(void)migratetype; /* each pageblock has kept its own */
	quarry_undo_isolate_page_range(quarry_linux(), start_pfn, end_pfn);
}

static inline int test_pages_isolated(unsigned long start_pfn, unsigned long end_pfn,
				      int isol_flags)
{
	return quarry_test_pages_isolated(
		quarry_linux(), start_pfn, end_pfn,
		(isol_flags & MEMORY_OFFLINE) != 0 ? QUARRY_ISOLATE_OFFLINE : 0);
}

#endif
