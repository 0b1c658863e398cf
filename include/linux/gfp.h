/* SPDX-License-Identifier: MIT */
/* Page allocation. The flags are those of quarry/gfp.h. */
#ifndef _QUARRY_LINUX_GFP_H
#define _QUARRY_LINUX_GFP_H

#include <quarry/linux.h>

#include <linux/types.h>

static inline struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	return quarry_alloc_pages(quarry_linux(), gfp, order);
}

static inline struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	return quarry_alloc_pages_node(quarry_linux(), nid, gfp, order);
}

#define alloc_page(gfp) alloc_pages(gfp, 0)

static inline void __free_pages(struct page *page, unsigned int order)
{
	quarry_free_pages(quarry_linux(), page, order);
}

#define __free_page(page) __free_pages((page), 0)

static inline unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	return (unsigned long)quarry_get_free_pages(quarry_linux(), gfp, order);
}

#define __get_free_page(gfp) __get_free_pages((gfp), 0)

static inline unsigned long get_zeroed_page(gfp_t gfp)
{
	return __get_free_pages(gfp | __GFP_ZERO, 0);
}

static inline void free_pages(unsigned long addr, unsigned int order)
{
	quarry_free_pages_addr(quarry_linux(), (void *)addr, order);
}

#define free_page(addr) free_pages((addr), 0)

static inline void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	return quarry_alloc_pages_exact(quarry_linux(), size, gfp);
}

static inline void free_pages_exact(void *virt, size_t size)
{
	quarry_free_pages_exact(quarry_linux(), virt, size);
}

#endif
