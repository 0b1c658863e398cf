/* SPDX-License-Identifier: MIT */
/* Ranges of pages: isolated from the allocator, taken as they lie, or set apart at boot (CMA). */
#ifndef QUARRY_CONTIG_H
#define QUARRY_CONTIG_H

#include <quarry/mmzone.h>
#include <quarry/page.h>
#include <quarry/types.h>

/* ---- isolation ---- */

/* Why a page cannot be moved away. */
enum quarry_unmovable_reason {
	QUARRY_UNMOVABLE_NONE,
	QUARRY_UNMOVABLE_RESERVED,  /* never handed to the allocator, or no memory */
	QUARRY_UNMOVABLE_ALLOCATED, /* its owner gave no mover */
	QUARRY_UNMOVABLE_SLAB,      /* holds objects of a cache */
	QUARRY_UNMOVABLE_OFFLINE,   /* taken out of use */
	QUARRY_UNMOVABLE_TYPE,      /* for QUARRY_MIGRATE_CMA: the pageblock is of another type */
};

struct quarry_unmovable {
	pfn_t pfn;
	enum quarry_unmovable_reason reason;
};

/* For the @flags of the calls below. */
#define QUARRY_ISOLATE_OFFLINE 1u /* pages that are out of use already do not stand in the way */

/**
 * quarry_has_unmovable_pages() - whether something in [@start, @end) would stay there
 * @q:	   memory system, booted
 * @start: first page frame
 * @end:   one past the last
 * @migratetype: QUARRY_MIGRATE_CMA: pageblocks of that type may be isolated, whatever they hold, and no
 *	   others; any other type: free pages and blocks with a mover may go, and in ZONE_MOVABLE all blocks
 * @flags: QUARRY_ISOLATE_*
 * @why:   filled in; may be NULL
 *
 * A hint: what is found may change at once. Context: any but interrupt; takes arenas' locks in turn.
 * Return: true, and the first such page in @why; false: none.
 */
bool quarry_has_unmovable_pages(struct quarry *q, pfn_t start, pfn_t end,
				enum quarry_migratetype migratetype, unsigned int flags,
				struct quarry_unmovable *why);

/**
 * quarry_start_isolate_page_range() - nothing is allocated from these pageblocks any more
 * @q:	   memory system, booted
 * @start: first page frame; pageblocks that the range touches are isolated whole
 * @end:   one past the last
 * @migratetype: what it is for: QUARRY_MIGRATE_CMA, or else QUARRY_MIGRATE_MOVABLE
 * @flags: QUARRY_ISOLATE_*
 *
 * Their type becomes QUARRY_MIGRATE_ISOLATE, the old one is kept. Free pages in them no longer count as
 * the zone's, pages that are freed stay there, and all CPUs' sheaves are emptied. Blocks in use stay
 * in use. Pages outside [@start, @end) are isolated too if they share a pageblock, but need not be
 * movable.
 *
 * Context: any but interrupt. O(pages).
 * Return: 0; -QUARRY_EINVAL: no memory somewhere in the range; -QUARRY_EBUSY: a page cannot be moved, see
 *	   quarry_has_unmovable_pages(), or a pageblock is isolated already; -QUARRY_ENOMEM: no room for
 *	   descriptors. Nothing is isolated then.
 */
QUARRY_MUST_CHECK int quarry_start_isolate_page_range(struct quarry *q, pfn_t start, pfn_t end,
						      enum quarry_migratetype migratetype,
						      unsigned int flags);

/** quarry_undo_isolate_page_range() - pageblocks of @q that [@start, @end) touches get back the types that
 * they had; those that are not isolated stay as they are. Context: any but interrupt. */
void quarry_undo_isolate_page_range(struct quarry *q, pfn_t start, pfn_t end);

/**
 * quarry_test_pages_isolated() - whether all of an isolated range is free
 * @q:	   memory system
 * @start: first page frame
 * @end:   one past the last
 * @flags: QUARRY_ISOLATE_OFFLINE: pages out of use count as free
 *
 * Context: any but interrupt. Return: 0; -QUARRY_EBUSY: a page is in use, in a sheaf, or its pageblock is
 * not isolated.
 */
QUARRY_MUST_CHECK int quarry_test_pages_isolated(struct quarry *q, pfn_t start, pfn_t end,
						 unsigned int flags);

/* ---- contiguous ranges ---- */

/**
 * quarry_alloc_contig_range() - take the page frames [@start, @end), as they lie
 * @q:	   memory system, booted
 * @start: first page frame, of any alignment
 * @end:   one past the last, in the same zone
 * @migratetype: QUARRY_MIGRATE_CMA, or else QUARRY_MIGRATE_MOVABLE, as for isolation
 * @gfp:   for the pages to which blocks in use are moved; __GFP_ZERO: the range is zeroed
 *
 * Isolates the pageblocks, has blocks in use moved by their owners, takes the pages, each as a block of
 * order 0 with one reference, and undoes the isolation. The length is not bound by
 * QUARRY_MAX_ORDER: 1 GiB is 262144 pages.
 *
 * Context: any but interrupt; calls movers. O(pages).
 * Return: 0; -QUARRY_EINVAL: no memory somewhere, more than one zone, or no such type; -QUARRY_EBUSY: a page could not be moved,
 *	   or another such call is at work on one of the pageblocks; -QUARRY_ENOMEM: no pages to move
 *	   to. Nothing is taken then; blocks that have been moved stay where they are now.
 */
QUARRY_MUST_CHECK int quarry_alloc_contig_range(struct quarry *q, pfn_t start, pfn_t end,
						enum quarry_migratetype migratetype, gfp_t gfp);

/** quarry_free_contig_range() - free @nr_pages blocks of order 0 of @q from @start on. Context: as
 * quarry_free_pages(). */
void quarry_free_contig_range(struct quarry *q, pfn_t start, unsigned long nr_pages);

/**
 * quarry_alloc_contig_pages() - find a range of @nr_pages that can be taken, and take it
 * @q:	      memory system, booted
 * @nr_pages: at least 1; a power of two makes the range aligned to its size
 * @gfp:      zone bits and __GFP_THISNODE say where; else as for quarry_alloc_contig_range()
 * @nid:      preferred node; QUARRY_NO_NODE: the CPU's
 * @nodes:    nodes that may serve the request; NULL: all
 *
 * Context: as quarry_alloc_contig_range(). O(pages of the zones).
 * Return: first page; NULL: there is no such range, or an argument is out of range; nothing is taken.
 */
QUARRY_MUST_CHECK struct page *quarry_alloc_contig_pages(struct quarry *q, unsigned long nr_pages,
							 gfp_t gfp, int nid,
							 const quarry_nodemask_t *nodes);

/* ---- CMA ---- */

struct quarry_cma; /* an area: reserved at boot, lent to movable pages until it is needed */

#define QUARRY_CMA_NAME 64

/* What an area looks like now. */
struct quarry_cma_info {
	char name[QUARRY_CMA_NAME];
	pfn_t base_pfn;
	unsigned long count;        /* pages */
	unsigned int order_per_bit; /* pages are given in units of 2^order_per_bit */
	unsigned long used;         /* pages given out by quarry_cma_alloc() */
	unsigned long maxchunk;     /* largest run of pages that are not */
	bool active;                /* its pages were handed to the page allocator at boot */
	uint64_t alloc_pages_success, alloc_pages_fail, release_pages; /* pages since boot */
};

/**
 * quarry_cma_init_reserved_mem() - make an area of memory that is reserved in memblock already
 * @q:	   memory system at QUARRY_STAGE_BOOT
 * @base:  physical address, aligned to a pageblock
 * @size:  bytes, aligned likewise
 * @order_per_bit: log2 of the pages that are given at least, up to QUARRY_PAGEBLOCK_ORDER
 * @name:  copied; NULL: "cma" and its number
 * @cma:   gets the area; may be NULL
 *
 * quarry_boot() makes its pageblocks QUARRY_MIGRATE_CMA and hands the pages to the page allocator, if all
 * of them lie in one zone; else they stay reserved.
 *
 * Context: boot, one thread.
 * Return: 0; -QUARRY_EINVAL: out of range, not aligned, or not reserved as a whole; -QUARRY_ENOSPC: there
 *	   are QUARRY_MAX_CMA_AREAS; -QUARRY_ENOMEM: no room for tables. Nothing changed.
 */
QUARRY_MUST_CHECK int quarry_cma_init_reserved_mem(struct quarry *q, phys_addr_t base,
						   phys_addr_t size, unsigned int order_per_bit,
						   const char *name, struct quarry_cma **cma);

/* Where an area shall lie. Zero members mean: no matter. */
struct quarry_cma_spec {
	phys_addr_t base;      /* from here on; with @fixed: exactly here */
	phys_addr_t size;      /* bytes, rounded up to the alignment */
	phys_addr_t limit;     /* end at most, exclusive */
	phys_addr_t alignment; /* power of two; at least a pageblock's size is taken */
	unsigned int order_per_bit;
	bool fixed;
	const char *name;
	int nid; /* QUARRY_NO_NODE: any */
};

/**
 * quarry_cma_declare_contiguous() - reserve memory for an area, and make it
 * @q:	  memory system at QUARRY_STAGE_BOOT
 * @spec: Linux's arguments of cma_declare_contiguous_nid()
 * @cma:  gets the area; may be NULL
 *
 * Context: boot, one thread.
 * Return: 0; -QUARRY_EINVAL: no size, an alignment that is no power of two, a fixed base that is not
 *	   aligned or beyond the limit; -QUARRY_EBUSY: the fixed place is reserved; -QUARRY_ENOMEM: no place, or
 *	   no room for tables; -QUARRY_ENOSPC: there are QUARRY_MAX_CMA_AREAS. Nothing changed.
 */
QUARRY_MUST_CHECK int quarry_cma_declare_contiguous(struct quarry *q,
						    const struct quarry_cma_spec *spec,
						    struct quarry_cma **cma);

/**
 * quarry_cma_alloc() - take pages out of an area
 * @q:	     memory system, booted
 * @cma:     area
 * @count:   pages, rounded up to the area's unit
 * @align:   log2 of the alignment of the first page frame
 * @no_warn: no log line on failure
 *
 * Tries the places that no other call has taken, lowest first, until one can be cleared by moving what
 * the allocator has lent out. Each page is a block of order 0. Context: as quarry_alloc_contig_range();
 * waits while another CPU is at work on the same area.
 * Return: first page; NULL: no place, or the area is not active; nothing is taken.
 */
QUARRY_MUST_CHECK struct page *quarry_cma_alloc(struct quarry *q, struct quarry_cma *cma,
						unsigned long count, unsigned int align,
						bool no_warn);

/**
 * quarry_cma_release() - give pages back to their area
 * @q:	   memory system
 * @cma:   area
 * @page:  from quarry_cma_alloc(); NULL is allowed
 * @count: the count of that call
 *
 * Context: any but interrupt. Return: true; false: they do not lie in the area, or were not given out
 * by it; nothing changed.
 */
bool quarry_cma_release(struct quarry *q, struct quarry_cma *cma, struct page *page,
			unsigned long count);

/** quarry_cma_info() - describe area @cma of @q in @info. Context: any but interrupt. */
void quarry_cma_info(struct quarry *q, const struct quarry_cma *cma, struct quarry_cma_info *info);

/** quarry_cma_for_each_area() - call @fn with every area of @q, in the order of declaration, and @arg,
 * until it returns other than 0. Context: any but interrupt. Return: what it returned last; 0: no
 * area. */
int quarry_cma_for_each_area(struct quarry *q, int (*fn)(struct quarry_cma *cma, void *arg),
			     void *arg);

#endif
