/* SPDX-License-Identifier: MIT */
/* The zoned buddy allocator: blocks of 2^order page frames. */
#ifndef QUARRY_PAGE_H
#define QUARRY_PAGE_H

#include <quarry/gfp.h>
#include <quarry/mmzone.h>
#include <quarry/types.h>

/* A page descriptor. Read it through the calls below: its layout is the page layer's. */
struct page {
	uint64_t word;
};

/* What a page frame is, see quarry_page_state(). */
enum quarry_page_state {
	QUARRY_PAGE_FREE,       /* in the buddy system */
	QUARRY_PAGE_RESERVED,   /* never handed to the allocator, or there is no such page */
	QUARRY_PAGE_ALLOCATED,  /* first page of a block that somebody owns */
	QUARRY_PAGE_TAIL,       /* a later page of such a block */
	QUARRY_PAGE_PCP,        /* first page of a block in a CPU's sheaf */
	QUARRY_PAGE_SLAB,       /* holds objects of a slab cache */
	QUARRY_PAGE_OFFLINE,    /* in a memory block that is offline: hotplug.h */
	QUARRY_PAGE_UNACCEPTED, /* to be accepted before it can be used: reporting.h */
	QUARRY_PAGE_POISONED,   /* damaged, and never handed out: hwpoison.h */
	QUARRY_PAGE_GUARD, /* set aside beside a block in use: debug_guardpage_minorder, debug.h */
};

/**
 * quarry_alloc_pages() - take 2^@order page frames, contiguous and aligned to their size
 * @q:	   memory system, at QUARRY_STAGE_PAGES or later
 * @gfp:   zone bits name the highest zone tried; mobility bits the pageblocks; watermark bits how
 *	   deep it may go; __GFP_DIRECT_RECLAIM whether the port's reclaim may be called
 * @order: log2 of the number of frames, 0..QUARRY_MAX_ORDER
 *
 * Walks the zonelist of the CPU's node and takes the first zone whose free pages stay above its
 * watermark. Contents are undefined unless __GFP_ZERO. The caller owns the block, reference count
 * 1, until quarry_free_pages() with the same @order.
 * Example: order 3 at 4 KiB pages is 32 KiB, on a 32 KiB boundary.
 *
 * Context: any, interrupt included if @gfp lacks __GFP_DIRECT_RECLAIM. Takes an arena's lock when
 *	    the CPU's sheaf is empty. O(zones + QUARRY_MAX_ORDER).
 * Return:  descriptor of the first frame; NULL if no allowed zone can give it, nothing changed, and
 *	    quarry_explain() says why.
 */
QUARRY_MUST_CHECK struct page *quarry_alloc_pages(struct quarry *q, gfp_t gfp, unsigned int order);

/** quarry_alloc_pages_node() - quarry_alloc_pages(), from the zonelist of node @nid of @q
 * (QUARRY_NO_NODE: the CPU's), with @gfp and @order. Same context and result. */
QUARRY_MUST_CHECK struct page *quarry_alloc_pages_node(struct quarry *q, int nid, gfp_t gfp,
						       unsigned int order);

/**
 * quarry_alloc_pages_nodemask() - quarry_alloc_pages() from some nodes only (Linux: __alloc_pages())
 * @q:	   memory system
 * @gfp:   as for quarry_alloc_pages()
 * @order: as for quarry_alloc_pages()
 * @nid:   preferred node, whose zonelist is walked; QUARRY_NO_NODE: the CPU's
 * @nodes: nodes that may serve the request; NULL: all. With __GFP_ATOMIC, or the right to the reserves, others
 *	   may too when these cannot, unless __GFP_THISNODE is set, as in Linux
 *
 * Context: as quarry_alloc_pages(), without its short way. Return: as quarry_alloc_pages(); NULL also if
 * @nid or @order is out of range.
 */
QUARRY_MUST_CHECK struct page *quarry_alloc_pages_nodemask(struct quarry *q, gfp_t gfp,
							   unsigned int order, int nid,
							   const quarry_nodemask_t *nodes);

/**
 * quarry_free_pages() - give back a block
 * @q:	   memory system
 * @page:  first frame's descriptor; NULL is allowed and does nothing
 * @order: the order it was allocated, or split, with
 *
 * Drops one reference; the block is free when the last is dropped. A page that is not an allocated
 * block of that order (double free, tail page, wrong order, slab) is reported and left alone. A CPU that frees
 * in random order looks at blocks up to 64 frees later, and says so then; they count as free in all texts.
 *
 * Context: any, interrupt included. Return: nothing.
 */
void quarry_free_pages(struct quarry *q, struct page *page, unsigned int order);

/**
 * quarry_release_pages() - drop a reference to each of many blocks (Linux: release_pages())
 * @q:	   memory system
 * @pages: their first frames' descriptors; NULL entries are passed over
 * @nr:	   how many
 *
 * As quarry_free_pages() for each with its own order, damage included. Of single pages that become free
 * the trace says mm_page_free_batched too.
 *
 * Context: any, interrupt included. O(@nr). Return: nothing.
 */
void quarry_release_pages(struct quarry *q, struct page **pages, size_t nr);

/**
 * quarry_alloc_pages_bulk() - many single pages in one go (Linux: alloc_pages_bulk_array_node())
 * @q:	   memory system
 * @nid:   preferred node; QUARRY_NO_NODE: the CPU's
 * @gfp:   as for quarry_alloc_pages()
 * @nr:	   entries of @pages
 * @pages: NULL entries are filled, others left alone
 *
 * The CPU's sheaf is entered once for many pages. What the first zone does not have above its low
 * watermark is asked for one by one.
 * Context: as quarry_alloc_pages(). O(@nr).
 * Return:  entries from the start of @pages on that are not NULL, without a gap; @nr if all are.
 */
QUARRY_MUST_CHECK size_t quarry_alloc_pages_bulk(struct quarry *q, int nid, gfp_t gfp, size_t nr,
						 struct page **pages);

/**
 * quarry_alloc_pages_nolock() - a block without ever waiting for a lock (Linux: alloc_pages_nolock())
 * @q:	   memory system
 * @nid:   preferred node; QUARRY_NO_NODE: the CPU's
 * @order: 0..3, or QUARRY_PAGEBLOCK_ORDER
 *
 * Unmovable, above the low watermark, contents undefined. It gives up more easily than other calls: where
 * a lock is held it looks elsewhere, it never reclaims, makes no tables, and calls nothing of the port.
 * While page debugging is on it tells nobody of the block. On a machine that is not concurrent it has
 * only what is in the CPU's sheaf.
 * Context: any: interrupts of every kind, signal handlers, inside this library's own calls. O(zones).
 * Return:  descriptor of the first frame; NULL, nothing changed.
 */
QUARRY_MUST_CHECK struct page *quarry_alloc_pages_nolock(struct quarry *q, int nid,
							 unsigned int order);

/**
 * quarry_free_pages_nolock() - give a block back without ever waiting for a lock
 * @q:	   memory system
 * @page:  as for quarry_free_pages(), from any call
 * @order: its order
 *
 * If the CPU's sheaf cannot take it at once the block is put aside, still counted as allocated, until
 * a call that may wait for locks comes by: a request that takes the long way frees some of them, one that would be
 * refused, or a drain, all.
 * Context: as quarry_alloc_pages_nolock(). Return: nothing.
 */
void quarry_free_pages_nolock(struct quarry *q, struct page *page, unsigned int order);

/**
 * quarry_split_page() - turn one block into 2^@order blocks of order 0
 * @q:	   memory system
 * @page:  an allocated block, reference count 1
 * @order: its order
 *
 * Each page is then owned, and freed, by itself. Context: any. O(2^@order).
 * Return: 0; -QUARRY_EINVAL if @page is not such a block, nothing changed.
 */
int quarry_split_page(struct quarry *q, struct page *page, unsigned int order);

/** quarry_get_page() - take one more reference to the allocated block @page of @q. Context: any. */
void quarry_get_page(struct quarry *q, struct page *page);

/** quarry_page_count() - reference count of @page of @q; 0 unless it is an allocated block.
 * Context: any. */
unsigned int quarry_page_count(struct quarry *q, const struct page *page);

/** quarry_get_free_pages() - quarry_alloc_pages() of @q with @gfp and @order, by address. Returns
 * NULL on failure. Same context. */
QUARRY_MUST_CHECK void *quarry_get_free_pages(struct quarry *q, gfp_t gfp, unsigned int order);

/** quarry_free_pages_addr() - quarry_free_pages() of @q by the address @addr, with @order. NULL
 * does nothing. Same context. */
void quarry_free_pages_addr(struct quarry *q, void *addr, unsigned int order);

/**
 * quarry_alloc_pages_exact() - take enough whole pages for @size_bytes, not rounded to a power of two
 * @q:	   memory system
 * @size_bytes: at least 1
 * @gfp:   as for quarry_alloc_pages()
 *
 * Context: as quarry_alloc_pages(). Return: address, or NULL. Free with quarry_free_pages_exact().
 */
QUARRY_MUST_CHECK void *quarry_alloc_pages_exact(struct quarry *q, size_t size_bytes, gfp_t gfp);

/** quarry_free_pages_exact() - give back @addr of @q from quarry_alloc_pages_exact() with the same
 * @size_bytes. */
void quarry_free_pages_exact(struct quarry *q, void *addr, size_t size_bytes);

/** quarry_pfn_to_page() - descriptor of page frame @pfn of @q; NULL if the frame is no RAM or
 * nobody has touched its pageblock since boot. Two loads. Context: any. */
struct page *quarry_pfn_to_page(struct quarry *q, pfn_t pfn);

/** quarry_page_to_pfn() - number of the page frame that @page of @q describes. Context: any. */
pfn_t quarry_page_to_pfn(struct quarry *q, const struct page *page);

/** quarry_page_address() - address of the first byte of @page of @q, through the direct map.
 * Context: any. */
void *quarry_page_address(struct quarry *q, const struct page *page);

/** quarry_virt_to_page() - descriptor of the page that @addr of @q lies in, or NULL. Context: any. */
struct page *quarry_virt_to_page(struct quarry *q, const void *addr);

/** quarry_pfn_state() - what page frame @pfn of @q is; @order (may be NULL) gets the order of the
 * allocated block that it begins or lies in, else 0. Context: any. */
enum quarry_page_state quarry_pfn_state(struct quarry *q, pfn_t pfn, unsigned int *order);

/** quarry_drain_all_pages() - return every CPU's sheaves of @q to the buddy system. Context: any
 * but interrupt. */
void quarry_drain_all_pages(struct quarry *q);

/** quarry_drain_pages() - return the sheaves of CPU @cpu of @q to the buddy system. Context: any
 * but interrupt. */
void quarry_drain_pages(struct quarry *q, unsigned int cpu);

/**
 * quarry_age_pages() - let every CPU's sheaves of @q shrink
 *
 * Sheaves grow while a CPU allocates or frees in bursts. Each call halves what they may hold, down to the
 * size at which they began, and returns what is beyond that, and what was freed, to the buddy system. To
 * be called now and then, as Linux does by a timer each second; never calling it is allowed: all CPUs
 * together never hold more than an eighth of a zone.
 *
 * Context: any but interrupt. O(CPUs).
 */
void quarry_age_pages(struct quarry *q);

/**
 * quarry_free_reserved() - hand page frames to the page allocator that were reserved at boot
 * @q:	   memory system, at QUARRY_STAGE_PAGES or later
 * @start: first page frame
 * @end:   one past the last
 *
 * For the initial RAM disk, init code, a released reservation. Frames that are no memory, not
 * reserved, or hold Quarry's own tables are left alone. Managed pages grow; watermarks stay as they are, as in Linux.
 *
 * Context: any but interrupt. Takes each arena's lock. O(pages). Return: pages handed over.
 */
unsigned long quarry_free_reserved(struct quarry *q, pfn_t start, pfn_t end);

/**
 * quarry_adjust_managed_page_count() - pages that are in use do not count as memory, or do again
 * @q:	   memory system, at QUARRY_STAGE_PAGES or later
 * @page:  a page of the zone
 * @count: pages; negative: they leave
 *
 * For balloons: what a guest holds for its host is allocated, and no memory that the guest has. Only the managed
 * pages of the zone and of the machine change; watermarks follow when they are set the next time, as in Linux.
 *
 * Context: any. O(1). Return: 0; -QUARRY_EINVAL: @page is no descriptor, or the zone would manage no page, or more than it
 * has; nothing changed.
 */
int quarry_adjust_managed_page_count(struct quarry *q, const struct page *page, long count);

/** quarry_free_late() - quarry_free_reserved() of the page frames @start to @end, exclusive, of @q, if
 * all are reserved memory; one that is not (free, in use, a hole) is reported, and nothing changes.
 * Context: as there, and no other call on these frames. Return: pages handed over. */
unsigned long quarry_free_late(struct quarry *q, pfn_t start, pfn_t end);

/* Why one zone did not give the block, in the order in which the tests are made. */
enum quarry_refusal_reason {
	QUARRY_REFUSED_NONE,      /* it gave, or was not asked */
	QUARRY_REFUSED_NODE,      /* its node is not in the request's mask */
	QUARRY_REFUSED_WATERMARK, /* free pages would fall below watermark + reserve, or below 0 */
	QUARRY_REFUSED_ORDER, /* enough pages, but no free block of the order in an allowed type */
	QUARRY_REFUSED_TYPE,  /* a block is there, but of a type that this request may not break */
	QUARRY_REFUSED_METADATA, /* no memory for the tables of an arena that is touched first */
	QUARRY_REFUSED_REASONS
};

/*
 * What would have made the request succeed; each was tried out on the zones as they were. Several may
 * hold.
 */
#define QUARRY_REMEDY_RECLAIM 1u   /* quarry_refusal.lacking more free pages in its nearest zone */
#define QUARRY_REMEDY_COMPACT 2u   /* enough pages are free there, but scattered: moving would do */
#define QUARRY_REMEDY_SMALLER 4u   /* quarry_refusal.smaller_order instead of its order */
#define QUARRY_REMEDY_HIGH 8u      /* __GFP_HIGH: half of the min reserve */
#define QUARRY_REMEDY_ATOMIC 16u   /* GFP_ATOMIC: that, a quarter more, and highatomic blocks */
#define QUARRY_REMEDY_MEMALLOC 32u /* __GFP_MEMALLOC: all reserves */
#define QUARRY_REMEDY_MOVABLE 64u  /* __GFP_MOVABLE: blocks of CMA areas, ZONE_MOVABLE */
#define QUARRY_REMEDY_OTHER_NODE 128u  /* node quarry_refusal.other_nid, which it might not use */
#define QUARRY_REMEDY_HIGHER_ZONE 256u /* zones above the highest that it might use */

#define QUARRY_EXPLAIN_ZONES (QUARRY_TINY ? 1 : 8)

/* The last refused request: which zones were tried, what each lacked, and what would have helped. */
struct quarry_refusal {
	uint64_t serial; /* counts refusals; 0: there was none */
	gfp_t gfp;
	unsigned int order;
	enum quarry_migratetype type;
	int nid;                     /* preferred node */
	int nearest;                 /* index of the zone that came nearest; -1: none was tried */
	unsigned int remedies;       /* QUARRY_REMEDY_* */
	unsigned long lacking;       /* pages, for QUARRY_REMEDY_RECLAIM */
	unsigned int smaller_order;  /* for QUARRY_REMEDY_SMALLER */
	int other_nid;               /* for QUARRY_REMEDY_OTHER_NODE */
	unsigned int reclaim_rounds; /* of direct reclaim that were made for it */
	unsigned long reclaimed;     /* pages that they freed */
	uint64_t total[QUARRY_REFUSED_REASONS]; /* since boot, by the nearest zone's reason */
	unsigned int nr_zones; /* zones tried, the first QUARRY_EXPLAIN_ZONES of them below */
	struct quarry_refused_zone {
		int nid;
		enum quarry_zone_type zone;
		enum quarry_refusal_reason reason;
		unsigned long free;      /* free pages then */
		unsigned long unusable;  /* of those, in highatomic and CMA blocks not open to it */
		unsigned long watermark; /* min, as lowered by the request's rights */
		unsigned long reserve;   /* lowmem_reserve against this request */
		unsigned long lacking;   /* free pages more that the watermark test wanted */
		unsigned long highatomic,
			cma;            /* free pages in such blocks; of unusable, if not for it */
		unsigned long isolated; /* pages free, but isolated: not in free */
		unsigned long unaccepted; /* pages that the port did not accept: not in free */
		int largest_order;        /* of a free block of any type; -1: none */
		int largest_allowed;      /* of a type that it may use; -1: none */
	} zones[QUARRY_EXPLAIN_ZONES];
};

/** quarry_explain() - copy the record of the last refused request of @q to @refusal. Context: any.
 * Returns false if there was none. */
bool quarry_explain(struct quarry *q, struct quarry_refusal *refusal);

#endif
