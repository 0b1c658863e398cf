/* SPDX-License-Identifier: MIT */
/*
 * bootmem: the older boot allocator, one bitmap per node, one bit per page, 1 = reserved.
 *
 * The shape is that of Linux 2.6.27 to 4.19. Context of every call here: boot, one thread,
 * QUARRY_STAGE_BOOT. Addresses, goals and limits are bytes; 0 means "no limit".
 */
#ifndef QUARRY_BOOTMEM_H
#define QUARRY_BOOTMEM_H

#include <quarry/types.h>

/* Takes the free pages [start, end), at hand-off. May not call back into memblock or bootmem. */
typedef void (*quarry_give_fn)(struct quarry *q, pfn_t start, pfn_t end, void *arg);

/* A link of a ring, and its head (Linux: the same). */
#if QUARRY_OWN_LIST_HEAD
struct list_head {
	struct list_head *next, *prev;
};
#endif

typedef struct bootmem_data {
	pfn_t node_min_pfn;     /* first page the bitmap covers: bit i is page node_min_pfn + i */
	pfn_t node_low_pfn;     /* one past the last */
	void *node_bootmem_map; /* of unsigned long; NULL: node not initialised, or handed over.
				   Beyond 16 GiB not all of it is valid: struct bootmem_chunks */
	uint64_t last_end_off;  /* byte offset, from the node's start, of the end of the last
				  allocation */
	pfn_t hint_idx;         /* page index where the next search starts */
	struct list_head list;  /* of all nodes, sorted by node_min_pfn */
} bootmem_data_t;

#define QUARRY_BOOTMEM_CHUNKS 256

/* Of a large bitmap: the parts whose pages are all alike, whose words are not kept. */
struct bootmem_chunks {
	uint64_t whole[QUARRY_BOOTMEM_CHUNKS / 64];    /* bit i: part i is all alike */
	uint64_t reserved[QUARRY_BOOTMEM_CHUNKS / 64]; /* and then, whether reserved */
	unsigned int order; /* log2 of the pages of a part; 0: every word of the bitmap is valid */
};

struct bootmem {
	bootmem_data_t *bootmem_node_data; /* QUARRY_MAX_NODES of them, indexed by node number */
	struct list_head *bdata_list;      /* head of the nodes' list */
	struct list_head bdata_own;        /* it, unless the caller has one */
	pfn_t min_low_pfn, max_low_pfn;
	bool debug;
	pfn_t map_pfn[QUARRY_MAX_NODES]; /* where each bitmap lies */
	struct bootmem_chunks chunks[QUARRY_MAX_NODES];
};

#define BOOTMEM_DEFAULT 0
#define BOOTMEM_EXCLUSIVE 1 /* refuse, with -EBUSY, to reserve what is reserved already */

#define BOOTMEM_LOW_LIMIT ((phys_addr_t)16 << 20)        /* usual goal: keep out of ZONE_DMA */
#define BOOTMEM_LOW_ADDRESS_LIMIT ((phys_addr_t)1 << 32) /* upper limit of the _low calls */
#define BOOTMEM_CACHE_LINE ((size_t)64)

/** quarry_bootmem() - the list and settings of @q, to read; write through the calls below. Context:
 * any. */
struct bootmem *quarry_bootmem(struct quarry *q);

/**
 * quarry_bootmem_use() - keep the nodes and their list in objects of the caller
 * @q:	        memory system
 * @node_data:  QUARRY_MAX_NODES entries, cleared here; must outlive @q
 * @bdata_list: head of the list, made empty here; must outlive @q
 *
 * Context: boot, before any other bootmem call; nodes known already are forgotten. Return: nothing.
 */
void quarry_bootmem_use(struct quarry *q, bootmem_data_t *node_data, struct list_head *bdata_list);

/** quarry_bootmap_bytes() - bytes of bitmap for @pages: one bit each, in whole longs. */
uint64_t quarry_bootmap_bytes(pfn_t pages);

/** quarry_bootmem_bootmap_pages() - pages of bitmap for @pages. Example: 32768 bits fill one page
 * of 4 KiB. */
pfn_t quarry_bootmem_bootmap_pages(pfn_t pages);

/**
 * quarry_init_bootmem_node() - begin a node, all its pages reserved
 * @q:	     memory system
 * @nid:     node number
 * @freepfn: page where the bitmap will lie; the caller reserves it after freeing the node's RAM
 * @start:   first page of the node
 * @end:     one past the last; both are cut to what QUARRY_MAX_PHYS_BITS allows
 *
 * Context: boot. Return: bytes of the bitmap; 0, reported, nothing changed: bad or used @nid, empty
 * range, pages or bitmap of another node in the way, no storage for the bitmap.
 */
uint64_t quarry_init_bootmem_node(struct quarry *q, int nid, pfn_t freepfn, pfn_t start, pfn_t end);

/** quarry_init_bootmem() - quarry_init_bootmem_node() in @q of node 0 from page 0 up to @pages,
 * bitmap at page @start; sets min_low_pfn and max_low_pfn. */
uint64_t quarry_init_bootmem(struct quarry *q, pfn_t start, pfn_t pages);

/**
 * quarry_free_bootmem() - make pages free
 * @q:	      memory system
 * @physaddr: rounded up to a page
 * @size:     bytes; the end is rounded down, so a page partly outside stays reserved
 *
 * May span nodes that touch. Lowers the hint of each node to the first page freed.
 *
 * Context: boot. Return: 0; -QUARRY_EINVAL, reported, nothing changed: a page is free already or
 * belongs to no node.
 */
int quarry_free_bootmem(struct quarry *q, phys_addr_t physaddr, phys_addr_t size);

/** quarry_free_bootmem_node() - quarry_free_bootmem() in @q of @size bytes at @physaddr, all on
 * node @nid. */
int quarry_free_bootmem_node(struct quarry *q, int nid, phys_addr_t physaddr, phys_addr_t size);

/**
 * quarry_reserve_bootmem() - make pages reserved
 * @q:	   memory system
 * @addr:  rounded down to a page
 * @size:  bytes; the end is rounded up
 * @flags: BOOTMEM_DEFAULT: pages reserved already are fine; BOOTMEM_EXCLUSIVE: they are not
 *
 * May span nodes that touch.
 *
 * Context: boot. Return: 0; -QUARRY_EBUSY if exclusive and a page was reserved; -QUARRY_EINVAL,
 * reported, if a page belongs to no node. On error every node is as it was.
 */
QUARRY_MUST_CHECK int quarry_reserve_bootmem(struct quarry *q, phys_addr_t addr, phys_addr_t size,
					     int flags);

/** quarry_reserve_bootmem_node() - quarry_reserve_bootmem() in @q of @size bytes at @physaddr with
 * @flags, all on node @nid. */
QUARRY_MUST_CHECK int quarry_reserve_bootmem_node(struct quarry *q, int nid, phys_addr_t physaddr,
						  phys_addr_t size, int flags);

/*
 * Allocation. What one call returns is cleared unless the port says no_access, and starts in the
 * page where the node's last allocation ended, if that has room and the next page is free. Those
 * without _nopanic panic where the others return NULL. A wrong argument (size 0, align no power of
 * two) is reported and fails. Page 0 is never given where its address would be NULL. Once boot is
 * over the late allocator serves the calls, with a warning (quarry_memblock_set_late_alloc()).
 */

/**
 * quarry___alloc_bootmem_nopanic() - allocate from any node
 * @q:	   memory system
 * @size:  bytes
 * @align: of the physical address, a power of two; 0: any
 * @goal:  preferred lowest physical address; 0: none. Without success it is dropped.
 *
 * Nodes are tried in the order of their addresses.
 *
 * Context: boot. O(bitmap words passed). Return: the block, or NULL, nothing changed.
 */
QUARRY_MUST_CHECK void *quarry___alloc_bootmem_nopanic(struct quarry *q, size_t size, size_t align,
						       phys_addr_t goal);

/** quarry___alloc_bootmem() - quarry___alloc_bootmem_nopanic() of @q, @size, @align and @goal that
 * panics instead of failing. */
void *quarry___alloc_bootmem(struct quarry *q, size_t size, size_t align, phys_addr_t goal);

/** quarry___alloc_bootmem_node_nopanic() - from node @nid of @q: @size, @align, @goal; then from
 * any node; then both without @goal. NULL without success. */
QUARRY_MUST_CHECK void *quarry___alloc_bootmem_node_nopanic(struct quarry *q, int nid, size_t size,
							    size_t align, phys_addr_t goal);

/** quarry____alloc_bootmem_node_nopanic() - quarry___alloc_bootmem_node_nopanic() of @q, @nid, @size, @align and
 * @goal that ends at or below @limit; 0: no limit. */
QUARRY_MUST_CHECK void *quarry____alloc_bootmem_node_nopanic(struct quarry *q, int nid, size_t size,
							     size_t align, phys_addr_t goal,
							     phys_addr_t limit);

/** quarry___alloc_bootmem_node() - quarry___alloc_bootmem_node_nopanic() of @q, @nid, @size, @align
 * and @goal that panics instead of failing. */
void *quarry___alloc_bootmem_node(struct quarry *q, int nid, size_t size, size_t align,
				  phys_addr_t goal);

/** quarry___alloc_bootmem_node_high() - quarry___alloc_bootmem_node() of @q, @nid, @size, @align
 * and @goal that tries the node's memory above 4 GiB first. */
void *quarry___alloc_bootmem_node_high(struct quarry *q, int nid, size_t size, size_t align,
				       phys_addr_t goal);

/** quarry___alloc_bootmem_low() - quarry___alloc_bootmem() of @q, @size, @align and @goal, below 4
 * GiB. */
void *quarry___alloc_bootmem_low(struct quarry *q, size_t size, size_t align, phys_addr_t goal);

/** quarry___alloc_bootmem_low_nopanic() - quarry___alloc_bootmem_nopanic() of @q, @size, @align and
 * @goal, below 4 GiB. */
QUARRY_MUST_CHECK void *quarry___alloc_bootmem_low_nopanic(struct quarry *q, size_t size,
							   size_t align, phys_addr_t goal);

/** quarry___alloc_bootmem_low_node() - quarry___alloc_bootmem_node() of @q, @nid, @size, @align and
 * @goal, below 4 GiB (a @goal beyond drops the limit). */
void *quarry___alloc_bootmem_low_node(struct quarry *q, int nid, size_t size, size_t align,
				      phys_addr_t goal);

/** quarry_alloc_bootmem() - @size bytes of @q on a cache line, above ZONE_DMA if possible; panics.
 */
static inline void *quarry_alloc_bootmem(struct quarry *q, size_t size)
{
	return quarry___alloc_bootmem(q, size, BOOTMEM_CACHE_LINE, BOOTMEM_LOW_LIMIT);
}

/** quarry_alloc_bootmem_align() - quarry_alloc_bootmem() of @q and @size, aligned to @align. */
static inline void *quarry_alloc_bootmem_align(struct quarry *q, size_t size, size_t align)
{
	return quarry___alloc_bootmem(q, size, align, BOOTMEM_LOW_LIMIT);
}

/** quarry_alloc_bootmem_nopanic() - quarry_alloc_bootmem() of @q and @size; NULL without success.
 */
QUARRY_MUST_CHECK static inline void *quarry_alloc_bootmem_nopanic(struct quarry *q, size_t size)
{
	return quarry___alloc_bootmem_nopanic(q, size, BOOTMEM_CACHE_LINE, BOOTMEM_LOW_LIMIT);
}

/** quarry_alloc_bootmem_pages() - quarry_alloc_bootmem() of @q and @size, on a page boundary. */
static inline void *quarry_alloc_bootmem_pages(struct quarry *q, size_t size)
{
	return quarry___alloc_bootmem(q, size, QUARRY_PAGE_SIZE, BOOTMEM_LOW_LIMIT);
}

/** quarry_alloc_bootmem_pages_nopanic() - quarry_alloc_bootmem_pages() of @q and @size; NULL
 * without success. */
QUARRY_MUST_CHECK static inline void *quarry_alloc_bootmem_pages_nopanic(struct quarry *q,
									 size_t size)
{
	return quarry___alloc_bootmem_nopanic(q, size, QUARRY_PAGE_SIZE, BOOTMEM_LOW_LIMIT);
}

/** quarry_alloc_bootmem_node() - quarry_alloc_bootmem() of @q and @size, on node @nid if it has
 * room. */
static inline void *quarry_alloc_bootmem_node(struct quarry *q, int nid, size_t size)
{
	return quarry___alloc_bootmem_node(q, nid, size, BOOTMEM_CACHE_LINE, BOOTMEM_LOW_LIMIT);
}

/** quarry_alloc_bootmem_node_nopanic() - quarry_alloc_bootmem_node() of @q, @nid and @size; NULL
 * without success. */
QUARRY_MUST_CHECK static inline void *quarry_alloc_bootmem_node_nopanic(struct quarry *q, int nid,
									size_t size)
{
	return quarry___alloc_bootmem_node_nopanic(q, nid, size, BOOTMEM_CACHE_LINE,
						   BOOTMEM_LOW_LIMIT);
}

/** quarry_alloc_bootmem_pages_node() - quarry_alloc_bootmem_pages() of @q and @size, on node @nid
 * if it has room. */
static inline void *quarry_alloc_bootmem_pages_node(struct quarry *q, int nid, size_t size)
{
	return quarry___alloc_bootmem_node(q, nid, size, QUARRY_PAGE_SIZE, BOOTMEM_LOW_LIMIT);
}

/** quarry_alloc_bootmem_low() - @size bytes of @q on a cache line, below 4 GiB; panics. */
static inline void *quarry_alloc_bootmem_low(struct quarry *q, size_t size)
{
	return quarry___alloc_bootmem_low(q, size, BOOTMEM_CACHE_LINE, 0);
}

/** quarry_alloc_bootmem_low_pages() - quarry_alloc_bootmem_low() of @q and @size, on a page
 * boundary. */
static inline void *quarry_alloc_bootmem_low_pages(struct quarry *q, size_t size)
{
	return quarry___alloc_bootmem_low(q, size, QUARRY_PAGE_SIZE, 0);
}

/** quarry_alloc_bootmem_low_pages_nopanic() - quarry_alloc_bootmem_low_pages() of @q and @size;
 * NULL without success. */
QUARRY_MUST_CHECK static inline void *quarry_alloc_bootmem_low_pages_nopanic(struct quarry *q,
									     size_t size)
{
	return quarry___alloc_bootmem_low_nopanic(q, size, QUARRY_PAGE_SIZE, 0);
}

/** quarry_alloc_bootmem_low_pages_node() - quarry_alloc_bootmem_low_pages() of @q and @size, on
 * node @nid if it has room. */
static inline void *quarry_alloc_bootmem_low_pages_node(struct quarry *q, int nid, size_t size)
{
	return quarry___alloc_bootmem_low_node(q, nid, size, QUARRY_PAGE_SIZE, 0);
}

/* Hand-off. */

/**
 * quarry_free_all_bootmem() - hand all free pages to the page allocator
 * @q:	  memory system
 * @give: called once for each run of free pages of a node, ascending, and last of each node for the
 *	  pages of its bitmap
 * @arg:  passed to @give
 *
 * The bitmaps are dropped: later calls on the nodes are reported and refused. Bitmap pages that
 * no node covers are not given; those that were left free are reported and given once.
 *
 * Context: boot, once. O(bitmap words). Return: pages given, bitmaps included.
 */
unsigned long quarry_free_all_bootmem(struct quarry *q, quarry_give_fn give, void *arg);

/** quarry_free_bootmem_late() - give the whole pages of @size bytes at @physaddr of @q, reserved
 * until now, to @give with @arg. Context: after hand-off. Return: pages given. */
unsigned long quarry_free_bootmem_late(struct quarry *q, phys_addr_t physaddr, phys_addr_t size,
				       quarry_give_fn give, void *arg);

/** quarry_bootmem_set_debug() - @enable: log every call on @q, as bootmem_debug does. */
void quarry_bootmem_set_debug(struct quarry *q, bool enable);

#endif
