/* SPDX-License-Identifier: MIT */
/* What a page is. Asked of the library: there are no flags to set. */
#ifndef _QUARRY_LINUX_PAGE_FLAGS_H
#define _QUARRY_LINUX_PAGE_FLAGS_H

#include <quarry/linux.h>

#include <linux/types.h>

static inline enum quarry_page_state _page_state(const struct page *page, unsigned int *order)
{
	struct quarry *q = quarry_linux();

	return quarry_pfn_state(q, quarry_page_to_pfn(q, page), order);
}

/* First page of a free block in the buddy system. */
static inline int PageBuddy(const struct page *page)
{
	struct quarry *q = quarry_linux();

	return quarry_free_block_order(q, quarry_page_to_pfn(q, page)) >= 0;
}

static inline int PageSlab(const struct page *page)
{
	return _page_state(page, NULL) == QUARRY_PAGE_SLAB;
}

static inline int PageReserved(const struct page *page)
{
	return _page_state(page, NULL) == QUARRY_PAGE_RESERVED;
}

static inline int PageOffline(const struct page *page)
{
	return _page_state(page, NULL) == QUARRY_PAGE_OFFLINE;
}

/* Every block knows its order here, with __GFP_COMP or without. */
static inline int PageTail(const struct page *page)
{
	return _page_state(page, NULL) == QUARRY_PAGE_TAIL;
}

static inline int PageHead(const struct page *page)
{
	unsigned int order;

	return _page_state(page, &order) == QUARRY_PAGE_ALLOCATED && order > 0;
}

static inline int PageCompound(const struct page *page)
{
	return PageHead(page) || PageTail(page);
}

static inline int PageHighMem(const struct page *page)
{
	(void)page;
	return 0;
}

#define compound_head(p) quarry_page_head(quarry_linux(), (struct page *)(uintptr_t)(p))

#endif
