/* SPDX-License-Identifier: MIT */
/*
 * Pages that their owners move. Blocks of any order up to a pageblock's may be movable; quarry/compaction.h
 * says which races are the owner's.
 */
#ifndef _QUARRY_LINUX_MIGRATE_H
#define _QUARRY_LINUX_MIGRATE_H

#include <linux/mm.h>

enum migrate_mode { MIGRATE_ASYNC, MIGRATE_SYNC_LIGHT, MIGRATE_SYNC };
typedef unsigned int isolate_mode_t; /* 0 here */

#define MIGRATEPAGE_SUCCESS 0

struct movable_operations {
	bool (*isolate_page)(struct page *page, isolate_mode_t mode);
	int (*migrate_page)(struct page *dst, struct page *src, enum migrate_mode mode);
	void (*putback_page)(struct page *page);
};

/* At most 63 different operations. */
void __SetPageMovable(struct page *page, const struct movable_operations *ops);
void __ClearPageMovable(struct page *page);

static inline bool __PageMovable(const struct page *page)
{
	return quarry_page_mover(quarry_linux(), page) != 0;
}

#endif
