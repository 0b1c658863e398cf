/* SPDX-License-Identifier: MIT */
/* Page allocation. The flags are those of quarry/gfp.h. */
#ifndef _QUARRY_LINUX_GFP_H
#define _QUARRY_LINUX_GFP_H

#include <quarry/linux.h>

#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/types.h>

static inline struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	return quarry_alloc_pages(quarry_linux(), gfp, order);
}

static inline struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	return quarry_alloc_pages_node(quarry_linux(), nid, gfp, order);
}

static inline struct page *__alloc_pages(gfp_t gfp, unsigned int order, int preferred_nid,
					 const nodemask_t *nodemask)
{
	quarry_nodemask_t nodes = nodemask != NULL ? quarry_nodemask(nodemask) : 0;

	return quarry_alloc_pages_nodemask(quarry_linux(), gfp, order, preferred_nid,
					   nodemask != NULL ? &nodes : NULL);
}

static inline struct page *__alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	return __alloc_pages(gfp, order, nid, NULL);
}

#define alloc_page(gfp) alloc_pages(gfp, 0)

/* Fills the empty places of the array; returns how many of its first places are filled then. */
static inline unsigned long __alloc_pages_bulk_array(gfp_t gfp, int nid, unsigned long nr_pages,
						     struct page **page_array)
{
	return quarry_alloc_pages_bulk(quarry_linux(), nid, gfp, nr_pages, page_array);
}

#define alloc_pages_bulk_array_node(gfp, nid, nr, array) \
	__alloc_pages_bulk_array(gfp, nid, nr, array)
#define alloc_pages_bulk_array(gfp, nr, array) \
	__alloc_pages_bulk_array(gfp, NUMA_NO_NODE, nr, array)

/* Any context, since 6.15. */
static inline struct page *alloc_pages_nolock(int nid, unsigned int order)
{
	struct page *page = quarry_alloc_pages_nolock(quarry_linux(), nid, order);

	/* Linux's is always zeroed. */
	if (page != NULL)
		memset(quarry_page_address(quarry_linux(), page), 0, (size_t)PAGE_SIZE << order);
	return page;
}

static inline void free_pages_nolock(struct page *page, unsigned int order)
{
	quarry_free_pages_nolock(quarry_linux(), page, order);
}

/* By their names since 6.14. */
#define alloc_pages_bulk(gfp, nr, array) alloc_pages_bulk_array(gfp, nr, array)
#define alloc_pages_bulk_node(gfp, nid, nr, array) alloc_pages_bulk_array_node(gfp, nid, nr, array)

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
#define __get_dma_pages(gfp, order) __get_free_pages((gfp) | GFP_DMA, (order))

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

void *alloc_pages_exact_nid(int nid, size_t size, gfp_t gfp);

/* ---- what flags mean ---- */

static inline enum zone_type gfp_zone(gfp_t flags)
{
	if ((flags & __GFP_DMA) != 0)
		return ZONE_DMA;
	if ((flags & __GFP_DMA32) != 0)
		return ZONE_DMA32;
	return (flags & __GFP_MOVABLE) != 0 && (flags & __GFP_HIGHMEM) != 0 ? ZONE_MOVABLE
									    : ZONE_NORMAL;
}

static inline int gfp_migratetype(gfp_t flags)
{
	return (int)((flags & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) >> 3);
}

static inline bool gfpflags_allow_blocking(gfp_t flags)
{
	return (flags & __GFP_DIRECT_RECLAIM) != 0;
}

/* 6.14 */
static inline bool gfpflags_allow_spinning(gfp_t flags)
{
	return (flags & __GFP_RECLAIM) != 0;
}

static inline bool gfp_has_io_fs(gfp_t flags)
{
	return (flags & (__GFP_IO | __GFP_FS)) == (__GFP_IO | __GFP_FS);
}

static inline int gfp_zonelist(gfp_t flags)
{
	return (flags & __GFP_THISNODE) != 0 ? ZONELIST_NOFALLBACK : ZONELIST_FALLBACK;
}

static inline struct zonelist *node_zonelist(int nid, gfp_t flags)
{
	return NODE_DATA(nid)->node_zonelists + gfp_zonelist(flags);
}

/* ---- ranges as they lie ---- */

static inline int alloc_contig_range(unsigned long start, unsigned long end,
				     unsigned int migratetype, gfp_t gfp_mask)
{
	return quarry_alloc_contig_range(quarry_linux(), start, end,
					 (enum quarry_migratetype)migratetype, gfp_mask);
}

static inline struct page *alloc_contig_pages(unsigned long nr_pages, gfp_t gfp_mask, int nid,
					      const nodemask_t *nodemask)
{
	quarry_nodemask_t nodes = nodemask != NULL ? quarry_nodemask(nodemask) : 0;

	return quarry_alloc_contig_pages(quarry_linux(), nr_pages, gfp_mask, nid,
					 nodemask != NULL ? &nodes : NULL);
}

static inline void free_contig_range(unsigned long pfn, unsigned long nr_pages)
{
	quarry_free_contig_range(quarry_linux(), pfn, nr_pages);
}

/* ---- CPUs' caches ---- */

/* @zone is not looked at: all zones' pages go back. */
static inline void drain_all_pages(struct zone *zone)
{
	(void)zone;
	quarry_drain_all_pages(quarry_linux());
}

/* Of the CPU that the calling thread plays. */
void drain_local_pages(struct zone *zone);

#endif
