/* SPDX-License-Identifier: MIT */
/*
 * Views in /proc format, and validators. Everything here is computed from the structures when
 * asked.
 *
 * Context of every quarry_show call: any but interrupt; exact when no other CPU is at work.
 * Context of every quarry_check call: no other CPU at work.
 */
#ifndef QUARRY_DEBUG_H
#define QUARRY_DEBUG_H

#include <quarry/types.h>

struct kmem_cache;

/* Where text goes: called with pieces of it, in order. */
struct quarry_out {
	void (*write)(void *ctx, const char *text, size_t len);
	void *ctx;
};

/** quarry_show_buddyinfo() - /proc/buddyinfo of @q to @out: free blocks per node, zone and order. */
void quarry_show_buddyinfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_pagetypeinfo() - /proc/pagetypeinfo of @q to @out. */
void quarry_show_pagetypeinfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_zoneinfo() - /proc/zoneinfo of @q to @out. */
void quarry_show_zoneinfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_vmstat() - /proc/vmstat of @q to @out. Lines without a counterpart here read 0. */
void quarry_show_vmstat(struct quarry *q, const struct quarry_out *out);
/** quarry_show_meminfo() - /proc/meminfo of @q to @out. Lines without a counterpart here read 0. */
void quarry_show_meminfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_iomem() - RAM of @q and what is reserved of it to @out, in the format of /proc/iomem. */
void quarry_show_iomem(struct quarry *q, const struct quarry_out *out);
/** quarry_show_extfrag_index() - debugfs extfrag/extfrag_index of @q to @out. */
void quarry_show_extfrag_index(struct quarry *q, const struct quarry_out *out);
/** quarry_show_unusable_index() - debugfs extfrag/unusable_index of @q to @out. */
void quarry_show_unusable_index(struct quarry *q, const struct quarry_out *out);
/** quarry_show_node_meminfo() - meminfo of node @nid of @q to @out, as in /sys/devices/system/node. */
void quarry_show_node_meminfo(struct quarry *q, int nid, const struct quarry_out *out);
/** quarry_show_node_vmstat() - vmstat of node @nid of @q to @out, as in /sys/devices/system/node. */
void quarry_show_node_vmstat(struct quarry *q, int nid, const struct quarry_out *out);
/** quarry_show_node_numastat() - numastat of node @nid of @q to @out, as in /sys/devices/system/node. */
void quarry_show_node_numastat(struct quarry *q, int nid, const struct quarry_out *out);
/** quarry_show_mem() - the report that Linux gives on SysRq-m and when a request fails, of @q to @out. */
void quarry_show_mem(struct quarry *q, const struct quarry_out *out);
/** quarry_show_slabinfo() - /proc/slabinfo 2.1 of @q to @out. */
void quarry_show_slabinfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_memblock() - memblock's two lists of @q to @out, as memblock=debug prints them. */
void quarry_show_memblock(struct quarry *q, const struct quarry_out *out);
/** quarry_show_memblock_list() - one list of @q to @out, memory or what is @reserved, as Linux 6.6's
 * debugfs has it: number, first and last byte, node or x, flags by name, joined by | if several. */
void quarry_show_memblock_list(struct quarry *q, bool reserved, const struct quarry_out *out);
/** quarry_show_refusal() - the last refused request of @q to @out, in words; nothing if there was
 * none. */
void quarry_show_refusal(struct quarry *q, const struct quarry_out *out);

/* ---- debugging aids of the page allocator ---- */

/*
 * They cost the common paths nothing while all are off; while any is on, every request and every free
 * takes the long way.
 */

/**
 * quarry_page_debug() - switch debugging aids of the page allocator on and off
 * @q:	  memory system, at QUARRY_STAGE_PAGES or later
 * @text: kernel parameters as Linux spells them, between blanks; all are taken, or none:
 *
 *	init_on_alloc=1		contents of every block are cleared when it is handed out
 *	init_on_free=1		and when it is freed
 *	page_poison=1		freed pages are filled with 0xaa, and checked when they are handed out; goes
 *				before init_on_alloc and init_on_free, as in Linux
 *	page_owner=on		for each block: who took it, when, with what flags; who freed it last
 *	fail_page_alloc=INTERVAL,PROBABILITY,SPACE,TIMES
 *				requests fail by will, as with CONFIG_FAIL_PAGE_ALLOC: of those that may
 *				fail, every INTERVALth, in PROBABILITY percent of cases, after SPACE pages,
 *				TIMES times (-1: without end)
 *	fail_page_alloc.interval= .probability= .space= .times= .min-order= (1)
 *	fail_page_alloc.ignore-gfp-wait=Y	requests that may wait do not fail (Y)
 *	fail_page_alloc.ignore-gfp-highmem=Y	nor do those that may have high memory (Y)
 *	fail_page_alloc.seed=N			of the random numbers
 *	fail-nth=N		the Nth request from now fails, whatever the lines above say of chance
 *	debug_guardpage_minorder=N	N from 0 (off) to 5: what is left over of orders below N, when a block
 *				is split, is set aside until its partner is free again: a write past the end
 *				of a small block hits nobody's page. It costs up to 2^N pages a block
 *	warn_alloc=N		how many refusals are told in the log (10); 0: none
 *
 * A switch is 1, 0, y, n, on or off. Filling and clearing need memory that can be reached: with the
 * port's no_access they do nothing. page_poison and init_on_free also treat all that is free when they
 * are switched on.
 *
 * Context: no other CPU at work. O(length of @text), and O(free pages) for page_poison and init_on_free.
 * Return: 0; -QUARRY_EINVAL: unknown name or bad value, -QUARRY_ENOMEM: no room for tables; nothing
 * changed.
 */
int quarry_page_debug(struct quarry *q, const char *text);

/* A place in a program that takes pages or objects, see QUARRY_PAGE_SITE(). */
struct quarry_page_site {
	const char *file, *function;
	unsigned int line;
};

/* The place where it stands: for quarry_alloc_pages_at(), quarry_kmalloc_at(). */
#define QUARRY_PAGE_SITE()                                                                         \
	(__extension__({                                                                           \
		static const struct quarry_page_site quarry_site = {__FILE__, __func__, __LINE__}; \
		&quarry_site;                                                                      \
	}))

/** quarry_alloc_pages_at() - quarry_alloc_pages() of @q with @gfp and @order, for which @site answers in
 * page_owner and allocinfo; it is kept by reference. Same context and result. */
QUARRY_MUST_CHECK struct page *quarry_alloc_pages_at(struct quarry *q, gfp_t gfp,
						     unsigned int order,
						     const struct quarry_page_site *site);

/* Who did something to a block. */
struct quarry_page_user {
	const struct quarry_page_site *site; /* NULL: address tells; that NULL too: not known */
	const void *address;                 /* to which the call returned */
	unsigned int cpu;
	uint64_t ns; /* the port's now() */
};

/* What page_owner knows of a block. */
struct quarry_page_owner {
	bool allocated; /* now; else alloc is the last owner */
	unsigned int order;
	gfp_t gfp;
	struct quarry_page_user alloc, free; /* free: who freed its first page last */
};

/** quarry_page_owner() - what is known of the block that begins at page frame @pfn of @q, in @owner.
 * Context: any. False: page_owner is off, or has not seen it. */
bool quarry_page_owner(struct quarry *q, pfn_t pfn, struct quarry_page_owner *owner);

/** quarry_page_owner_next() - the first allocated block of @q at or after *@pfn that page_owner has seen:
 * its first page frame in *@pfn, what is known in @owner. Context: any. False: there is none. */
bool quarry_page_owner_next(struct quarry *q, pfn_t *pfn, struct quarry_page_owner *owner);

/* A place with what it holds and has taken. */
struct quarry_page_site_info {
	const struct quarry_page_site *site;
	const void *address;
	uint64_t live_bytes, live_blocks;
	uint64_t bytes, blocks; /* since it was switched on */
};

/** quarry_page_site() - the @index'th place of @q that page_owner has seen, from 0, in @info. Context: any.
 * False: there are not so many. */
bool quarry_page_site(struct quarry *q, unsigned int index, struct quarry_page_site_info *info);

/* What the debugging aids found and did. */
struct quarry_page_debug_info {
	uint64_t injected;     /* requests that failed by will */
	uint64_t poison_found; /* pages that were written to while they were free */
	uint64_t owner_lost;   /* blocks without an owner's record: no memory for it */
	size_t owner_bytes;    /* of its tables */
	unsigned int sites;
};

/** quarry_page_debug_info() - fill @info for @q. Context: any, booted. */
void quarry_page_debug_info(struct quarry *q, struct quarry_page_debug_info *info);

/** quarry_show_page_owner() - page_owner of @q to @out: each allocated block, as Linux's debugfs has it,
 * with the CPU in place of the process. */
void quarry_show_page_owner(struct quarry *q, const struct quarry_out *out);
/** quarry_show_allocinfo() - /proc/allocinfo of @q to @out: bytes and blocks, then objects, alive by place. */
void quarry_show_allocinfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_page_sites() - places of @q by bytes alive, the largest first, at most @max, with what they
 * took since page_owner was switched on, to @out. O(places * @max). */
void quarry_show_page_sites(struct quarry *q, unsigned int max, const struct quarry_out *out);

/**
 * quarry_slab_profiling() - count objects by the place that takes them, as Linux's vm.mem_profiling
 * @q:	memory system, at QUARRY_STAGE_SLAB
 * @on: false: not any more; what was counted stays
 *
 * It applies to caches that are made later, and to those that exist if no object of theirs is owned: call it right
 * after quarry_boot() for kmalloc's. Profiled caches have no sheaves; while it is off nothing is paid for it. Blocks
 * of kmalloc() above the largest class, and ranges of kvmalloc(), count by their pages from the switch on, unless there
 * is no memory for their entries. As in Linux, page_owner and its lines of allocinfo have the slab layer for the owner of
 * their pages. Context: no other CPU at work.
 * Return: caches that have objects and stay as they are; -QUARRY_EINVAL, -QUARRY_ENOMEM: nothing changed.
 */
int quarry_slab_profiling(struct quarry *q, bool on);

/** quarry_slab_site() - the @index'th place of @q that took objects, from 0, in @info; the first stands for those
 * that are not known. Context: any. False: there are not so many. */
bool quarry_slab_site(struct quarry *q, unsigned int index, struct quarry_page_site_info *info);

/** quarry_kmalloc_at() - quarry_kmalloc() of @q with @size and @gfp, for which @site answers in allocinfo; it is
 * kept by reference. Same context and result. */
QUARRY_MUST_CHECK void *quarry_kmalloc_at(struct quarry *q, size_t size, gfp_t gfp,
					  const struct quarry_page_site *site);

/** quarry_kmem_cache_alloc_at() - quarry_kmem_cache_alloc() of @q from @cache with @gfp, for which @site answers
 * in allocinfo; it is kept by reference. Same context and result. */
QUARRY_MUST_CHECK void *quarry_kmem_cache_alloc_at(struct quarry *q, struct kmem_cache *cache,
						   gfp_t gfp, const struct quarry_page_site *site);

/** quarry_gfp_format() - @gfp as Linux prints it, "GFP_KERNEL|__GFP_ZERO", into @buf of @size bytes, the
 * ending 0 included. Context: any. Returns the length, cut or not. */
size_t quarry_gfp_format(gfp_t gfp, char *buf, size_t size);

/** quarry_gfp_by_name() - the flags of the name of @len bytes at @name, "GFP_KERNEL" or "__GFP_ZERO", one of those
 * that quarry_gfp_format() writes, in *@gfp. Context: any. Returns false for another name; *@gfp is then as it was. */
bool quarry_gfp_by_name(const char *name, size_t len, gfp_t *gfp);

/* ---- trace ---- */

enum quarry_trace_type {
	QUARRY_TRACE_PAGE_ALLOC,        /* mm_page_alloc: a request was served, or refused: pfn 0 */
	QUARRY_TRACE_PAGE_FREE,         /* mm_page_free */
	QUARRY_TRACE_PAGE_FREE_BATCHED, /* mm_page_free_batched: one of many, order 0 */
	QUARRY_TRACE_PCPU_DRAIN,        /* mm_page_pcpu_drain: from a sheaf to the buddy system */
	QUARRY_TRACE_ZONE_LOCKED,       /* mm_page_alloc_zone_locked: out of the buddy system */
	QUARRY_TRACE_EXTFRAG,           /* mm_page_alloc_extfrag: out of another type's block */
	QUARRY_NR_TRACE_TYPES
};

/* One event, with Linux's fields. Those that an event does not have are 0. */
struct quarry_trace_event {
	enum quarry_trace_type type;
	unsigned int cpu;
	uint64_t ns; /* the port's now() */
	const struct page *page;
	pfn_t pfn;
	unsigned int order; /* extfrag: alloc_order */
	gfp_t gfp;
	int migratetype;             /* extfrag: alloc_migratetype */
	bool percpu_refill;          /* zone_locked */
	unsigned int fallback_order; /* extfrag */
	int fallback_migratetype;    /* extfrag */
	bool change_ownership;       /* extfrag: the pageblock changed its type */
};

typedef void (*quarry_trace_fn)(void *ctx, const struct quarry_trace_event *event);

/**
 * quarry_trace_set() - have every event of the page allocator told
 * @q:	 memory system, at QUARRY_STAGE_PAGES or later
 * @fn:	 is called on the CPU where the event happens, with locks held: it must not call back into @q;
 *	 NULL: no more
 * @ctx: its first argument
 *
 * Context: no other CPU at work. Return: 0; -QUARRY_ENOMEM, nothing changed.
 */
int quarry_trace_set(struct quarry *q, quarry_trace_fn fn, void *ctx);

/** quarry_trace_format() - @event as perf script prints it, one line without its end, into @buf of @size
 * bytes, the ending 0 included: what quarry replay reads. Context: any. Returns the length, cut or not. */
size_t quarry_trace_format(const struct quarry_trace_event *event, char *buf, size_t size);

/*
 * Validators. Each walks its layer, compares everything that is stored twice, and returns 0, or the
 * number of faults; the first is described to @out (which may be NULL).
 */
/** quarry_check_memblock() - validate memblock of @q: sorted, disjoint, merged, totals exact;
 * faults to @out. */
unsigned int quarry_check_memblock(struct quarry *q, const struct quarry_out *out);
/** quarry_check_bootmem() - validate bootmem of @q: list sorted, hints and ends in range; faults
 * to @out. */
unsigned int quarry_check_bootmem(struct quarry *q, const struct quarry_out *out);
/** quarry_check_pages() - validate the page allocator of @q: bitmaps, lists, counts, descriptors,
 * sheaves; faults to @out. */
unsigned int quarry_check_pages(struct quarry *q, const struct quarry_out *out);
/** quarry_check_slab() - validate all caches of @q: records, bitmaps, lists, sheaves, counts;
 * faults to @out. */
unsigned int quarry_check_slab(struct quarry *q, const struct quarry_out *out);
/** quarry_check() - all validators of @q that apply at its stage; faults to @out. */
unsigned int quarry_check(struct quarry *q, const struct quarry_out *out);

#endif
