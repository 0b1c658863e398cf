/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_PAGE_REF_H
#define _QUARRY_LINUX_PAGE_REF_H

#include <quarry/linux.h>

#include <linux/page-flags.h>

/* Of the page itself: 0 for a later page of a block. */
static inline int page_ref_count(const struct page *page)
{
	return (int)quarry_page_count(quarry_linux(), page);
}

/* Of the block that the page lies in. */
static inline int page_count(const struct page *page)
{
	return page_ref_count(compound_head(page));
}

/*
 * Drops a reference; true: it was the last, and the caller frees the block by its order. The count
 * is still 1 then, and not 0 as in Linux: __free_pages() takes it down.
 */
static inline bool put_page_testzero(struct page *page)
{
	return !quarry_put_page_unless_last(quarry_linux(), page);
}

#endif
