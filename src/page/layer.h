/* SPDX-License-Identifier: MIT */
/*
 * The page layer's own state.
 *
 *	page_layer -> node[] -> zonelist of zones
 *		   -> zone[] -> avail: which of its arenas hold free blocks, by type and order
 *		   -> arena[] -> pageblock records, bitmaps, descriptors
 *		   -> section[]: pfn >> 15 -> first arena there
 *		   -> cpu[] -> a set of sheaves for each zone
 *
 * An arena is what one zone has of one aligned GiB. Those of boot are sorted by address; behind them stand
 * those of memory that came later, one a section of 128 MiB: hotplug.c.
 */
#ifndef QUARRY_PAGE_LAYER_H
#define QUARRY_PAGE_LAYER_H

#include "pageblock.h"

#include <base/lock.h>
#include <base/quarry_state.h>

/* ---- arenas ---- */

struct page_zone;
struct zonelist_set;
struct hotplug_layer;
struct hwpoison_record;

struct page_arena {
	pfn_t start_pfn, end_pfn; /* what the zone has of this GiB, holes included */
	pfn_t base_pfn;           /* start_pfn rounded down to a pageblock */
	struct page *map; /* descriptors from base_pfn on; NULL: nobody has allocated here */
	struct page_pb *pb;
	uint64_t (*bits)[PAGE_WORDS];
	struct page_zone *zone;
	struct quarry_lock lock;
	uint16_t in_limit[PAGE_PCP_ORDERS + 1]; /* blocks that a CPU may hold back, by slot */
	uint32_t nr_free;
	uint16_t nr_pb;
	uint16_t index; /* in page_layer.arena[] */
	uint16_t zone_index;
	uint16_t nr_stay; /* pageblocks of a type whose pages stay: arena_stays() */
	uint8_t zone_type;
	bool virgin;     /* wholly free, never touched: records and bitmaps are not written yet */
	uint8_t type;    /* of all its pageblocks, while it is virgin */
	bool one_piece;  /* at boot: a whole GiB of memory, whose records are not written */
	bool unaccepted; /* empty, and every pageblock is to be accepted: accept.c */
	bool empty;      /* nothing of it was handed over: records and bitmaps are not written */
	uint16_t order_mask[PAGE_TYPES]; /* bit o: list[o][type] is not empty */
	uint16_t head[QUARRY_NR_ORDERS][PAGE_TYPES];
	uint16_t nr_dense[PAGE_TYPES][2]; /* broken and not sparse: below order 3, others */
	/* zone_is_others(); hints, which other CPUs read and write without the lock */
	uint16_t filler;  /* the CPU that filled a sheaf here last, + 1; 0: none */
	uint16_t avoided; /* so often by others since */
	uint64_t contended;
} QUARRY_ALIGNED(64);

/* ---- zones and nodes ---- */

/* Counted by zone, beside what CPUs count by the zone's type: event.c. */
enum page_zone_event {
	PAGE_ZONE_STRAY, /* this and OTHER modulo 2^64 */
	PAGE_ZONE_OTHER,
	PAGE_ZONE_MISS,
	PAGE_ZONE_FOREIGN,
	PAGE_ZONE_INTERLEAVE,
	PAGE_ZONE_EVENTS
};

#if QUARRY_TINY
struct page_zone {
	uint64_t nr_free; /* pages in the buddy system */
	pfn_t start_pfn;
	unsigned long spanned, present, managed;
	unsigned long wmark[QUARRY_NR_WMARK];
};
#else
struct page_zone {
	/* read by every request */
	uint64_t nr_free; /* pages in the buddy system that are not isolated */
	unsigned long fast_mark[QUARRY_NR_ZONES]; /* low + reserve, by the request's highest zone */
	uint16_t index;                           /* in page_layer.zone[] */
	int16_t nid;
	uint8_t type;                     /* enum quarry_zone_type */
	uint32_t arena_first, arena_last; /* [first, last): some between may be other zones' */
	uint32_t avail_words;
	uint32_t accept_from; /* arenas before it have nothing to accept */
	uint64_t *avail; /* [type][row][avail_words]: arenas whose list is not empty; zone_stay() */
	/* read by slow paths */
	unsigned long nr_unaccepted; /* managed, but not free yet: accept.c */
	uint64_t nr_mapped; /* arenas that have descriptors, those that carved them out apart */
	struct page_pb *pb; /* records and bitmaps of all its arenas, near the node */
	uint64_t (*bits)[PAGE_WORDS];
	size_t nr_pb; /* pageblocks; while arenas are made, those that have one */
	pfn_t start_pfn;
	unsigned long spanned, present, managed;
	unsigned long wmark[QUARRY_NR_WMARK]; /* boost included; read by zone_mark() */
	unsigned long boost;                  /* what mixing types has added to the marks */
	unsigned long reserve[QUARRY_NR_ZONES];
#if QUARRY_HARDENED
	uint64_t seal; /* of marks, reserves and boost: hardened.c */
#endif
	unsigned long pcp_high, pcp_batch;
	/* of nr_free, what not every request may have; exact at any quiet moment */
	uint64_t nr_free_highatomic, nr_free_cma;
	uint64_t nr_isolated; /* pages in the buddy system, but isolated: not in nr_free */
	/* pageblocks of the types from QUARRY_MIGRATE_PCPTYPES on, and in all */
	uint32_t nr_pb_special[QUARRY_MIGRATE_TYPES - QUARRY_MIGRATE_PCPTYPES];
	uint32_t special;
	uint32_t fast_pb;        /* what the short way's marks allow for: special, rounded up */
	uint32_t boosted;        /* the background reclaimer is to be woken for the boost */
	unsigned long cma_pages; /* in CMA areas, used or free; part of managed */
	/* compaction.c: when to try again after it was of no use */
	uint32_t compact_considered;
	uint8_t compact_defer_shift, compact_order_failed;
	uint32_t compact_arena; /* where the last block was made */
	uint64_t events[PAGE_ZONE_EVENTS];
	uint16_t sheaf_cap[PAGE_PCP_ORDERS + 1];        /* blocks of a batch, at first */
	uint16_t sheaf_high[PAGE_PCP_ORDERS + 1];       /* and at most */
	uint32_t nr_avail[PAGE_TYPES][PAGE_AVAIL_ROWS]; /* bits set in avail */
} QUARRY_ALIGNED(64);
#endif

/* Never changed once it is published: hotplug puts another one in its place. See zonelist.c. */
struct page_zonelist {
	uint32_t nr;
#if QUARRY_HARDENED
	uint64_t seal;
#endif
	struct page_zone *zone[];
};

struct page_node {
	bool present;  /* has memory */
	bool possible; /* has memory or a CPU, or may get them */
	bool has_zone[QUARRY_NR_ZONES];
	const struct page_zonelist *list;      /* fallback order, highest zone of each node first */
	const struct page_zonelist *list_this; /* the node's own zones */
	struct page_zone *zone[QUARRY_NR_ZONES];
	pfn_t start_pfn, end_pfn, movable_pfn;
	unsigned int nr_cpus; /* online; by which its zones' pagesets are sized; 0: by all */
	/* what requests want of its background reclaimer: under reclaim_lock */
	uint8_t kswapd_order, kswapd_highest;
	bool kswapd_wanted;
	uint32_t kswapd_failures; /* runs in a row that freed nothing */
	uint8_t weight;           /* of weighted interleave: mempolicy.c; 0: the default */
	uint32_t compact_order;   /* kcompactd was asked for blocks of this order; 0: for none */
	uint32_t compact_highest; /* ... in zones up to this */
};

/* ---- per-CPU sheaves ---- */

/* Descriptors of a word of a bitmap; every table of descriptors is aligned to this. */
#define PAGE_WORD_BYTES (PAGE_BITS * sizeof(struct page))

/*
 * Blocks of one order whose first pages have bits in one word of a bitmap. So they are taken from the
 * pageblock, and put back, by one operation on that word. Of whole pageblocks: one block.
 */
struct page_hand {
	struct page *base; /* of the word's first page */
	uint64_t mask;
};

/*
 * By halves: one load of both, just after each was stored by itself, would have to wait until the stores
 * have left the processor, behind the store to a descriptor that is not in the cache.
 */
static QUARRY_ALWAYS_INLINE void page_hand_copy(struct page_hand *to, const struct page_hand *from)
{
	struct page *base = quarry_load_relaxed(&from->base);
	uint64_t mask = quarry_load_relaxed(&from->mask);

	quarry_store_relaxed(&to->base, base);
	quarry_store_relaxed(&to->mask, mask);
}

/*
 * Blocks to hand out: of one CPU, zone, migratetype and order. From cur, which is empty only if all is; then from
 * the hands at `at` and behind it, so that pages come in the order of their addresses.
 */
struct page_sheaf {
	struct page_hand cur;
	struct page_zone *zone;
	uint64_t word;  /* what a descriptor will say, but for the arena */
	uint64_t count; /* blocks that were taken from the arenas; see pcp_events() */
	uint64_t kept;  /* and just freed ones */
	uint16_t at, n; /* the hands beside cur are [at, n); both are 0 if there are none */
	uint16_t cap;   /* blocks of a batch, at least; 0: blocks of this order are not cached */
	uint16_t high;  /* and at most */
	uint16_t grown; /* now: cap << grown */
	struct page_hand hand[PAGE_SHEAF_HANDS];
};

#define PAGE_IN_STAGE 8u /* hands looked at in one go */
#define PAGE_IN_HANDS (4 * PAGE_IN_STAGE)

/*
 * Blocks taken back: of one CPU and order, of all zones, the oldest hand first. The last ones are only
 * written down; they are looked at a few at a time (pcp_in_stage()), by when their descriptors have come.
 */
struct page_in {
	uint16_t n;      /* hands, that which is being filled apart: page_cpu.open */
	uint16_t staged; /* of those, looked at: counted in blocks and limit, and prefetched */
	uint16_t limit;  /* blocks: the least of the limits of the zones that they come from */
	uint16_t spare;
	uint32_t blocks; /* in the staged ones */
	struct page_hand hand[PAGE_IN_HANDS];
};

/*
 * What one CPU holds of one zone to hand out, by type and order. What is taken back is apart, so that a
 * page just freed goes back to its pageblock before it is used again.
 */
struct page_pcp {
	uint32_t home;      /* the arena from which on this CPU looks for movable pages */
	uint32_t home_stay; /* and for others, which spoil an arena: see fallback.c */
	struct page_sheaf out[QUARRY_MIGRATE_PCPTYPES][PAGE_PCP_ORDERS + 1];
};

/*
 * Where requests of one order go first, by the zone and mobility bits of their flags: a sheaf of the first zone of
 * their list. Those that take the long way find pcp_no_sheaf(): empty, of no zone, of capacity 0, never written; so the
 * short way need not ask.
 */
struct page_fast {
	struct page_sheaf *out[PAGE_FAST_BITS];
	unsigned long mark[PAGE_FAST_BITS]; /* free pages must be above it: page_fast_mark() */
};

/* What a short way of @slot compares with: low + reserve (@mark), and the block but one page. */
static inline unsigned long page_fast_mark(unsigned int slot, unsigned long mark)
{
	unsigned int order = slot < PAGE_PCP_ORDERS ? slot : QUARRY_PAGEBLOCK_ORDER;

	return mark + (1ul << order) - 1;
}

/* What went past the sheaves, or through them the long way. See pcp_events(). */
struct page_counts {
	/* by the zone's type and the block's order */
	uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];
	uint64_t frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];
	uint64_t events[QUARRY_NR_VM_EVENTS];
};

/*
 * A pageblock that goes round, handed out and taken back: the sheaf that kept it last, and its record. NULL: none,
 * or the sheaf was emptied since.
 */
struct page_round {
	struct page_sheaf *sheaf;
	const struct page_pb *pb;
};

#define PAGE_LATE 64u
#define PAGE_LATE_KEEP 32u /* written down last: their descriptors may be on their way */
#define PAGE_LATE_AFTER 8u
#define PAGE_LATE_HUGE 8u /* of these, whole pageblocks at most */

/*
 * A CPU's own, made when it first takes or gives back a block: cpu.c. Till then page_layer.no_cpu stands in, which has
 * no more than what comes before open. All from open to fast is touched inside the lock only.
 */
struct page_cpu {
	struct quarry_cpu_lock lock;
	uint32_t nr_late;      /* late.c: blocks freed, but not looked at yet */
	struct page_pcp **pcp; /* by zone; made at first use */
	struct quarry *q;      /* for who came here by it: the short ways need not keep it */
	struct page_cpu *next_spare;
	struct page_hand
		open[PAGE_PCP_ORDERS + 1]; /* blocks taken back last; else PAGE_HAND_NONE */
	struct page_round round;
	uint8_t late_streak; /* stages in a row that held hardly more than a block a hand */
	bool late_on;        /* so blocks are written down */
	bool late_huge_on;   /* whole pageblocks are */
	uint8_t nr_late_huge;
	uint64_t late[PAGE_LATE]; /* descriptor | order, PAGE_PCP_HUGE for a pageblock's */
	struct page_in in[PAGE_PCP_ORDERS + 1]; /* those before */
	struct page_fast
		fast[PAGE_PCP_ORDERS + 1]; /* by slot; written under mark_lock, by anybody */
	struct page_counts counts;
	/* by the zone's type and the block's order: of frees, those that went back from in[] */
	uint64_t put[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];
	/* nolock.c; atomic, as an interrupt may come in between */
	uint64_t nolock_allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];
} QUARRY_ALIGNED(64);

/* What is known of each CPU from boot on. */
struct page_cpu_place {
	struct quarry_task task; /* the CPU's, on a host that does not tell tasks apart */
	int16_t nid;
	int16_t mem_nid; /* the nearest node with memory */
	bool offline;
};

/* Base of a hand that holds nothing: no page is less than a word's descriptors away, nor is NULL. */
#define PAGE_HAND_NONE ((struct page *)(0 - (uintptr_t)PAGE_WORD_BYTES))

/*
 * What the common paths must not miss: while any of these is set, every request and every free takes
 * the long way.
 */
#define PAGE_FEATURE_PREP 1u  /* prep.c: contents, owners, injected failures, trace */
#define PAGE_FEATURE_SCOPE 2u /* a task is in a memalloc_pin scope: reclaim.c */

/* Huge pages, as Linux's switch says; but for NEVER the daemon runs. */
enum page_thp { PAGE_THP_NEVER, PAGE_THP_MADVISE, PAGE_THP_ALWAYS };

struct page_mover {
	const struct quarry_mover *ops;
	void *ctx;
};

/* What came back and must not be freed. */
struct arena_again {
	enum { AGAIN_PAGES, AGAIN_BLOCK, AGAIN_ODD } kind;
	unsigned int order;
	uint64_t at; /* page frame; AGAIN_ODD: address of the descriptor */
	uint64_t
		what; /* AGAIN_PAGES: which pages of the word are free already; AGAIN_ODD: what the descriptor said */
};

#define PAGE_AGAIN 4u

/* Seen under arenas' locks, and told without: arena_tell(). */
struct page_again {
	struct quarry_lock lock;
	uint32_t n;    /* of them, seen and not told */
	uint32_t lost; /* for which there was no room */
	struct arena_again at[PAGE_AGAIN];
};

#if QUARRY_TINY
struct page_layer {
	struct page_arena *arena; /* one for each range of memory */
	uint32_t nr_arenas;
	bool reclaiming; /* the port is asked to free something */
	struct page_zone *zone;
	unsigned long min_free_kbytes;
	uint64_t pgalloc, pgfree, allocs, frees;
	struct quarry_refusal refusal;
};
#else
struct page_layer {
	/* pfn >> PAGE_SECTION_ORDER -> first arena there that is in use; PAGE_NO_ARENA: none */
	uint32_t *section;
	pfn_t nr_sections;
	struct page_arena *arena;
	struct page_cpu **cpu;            /* by number; no_cpu: has none yet */
	struct page_cpu *no_cpu;          /* somebody is inside it for ever */
#if QUARRY_HARDENED
	uint32_t hardened_told;           /* damage of what is sealed was reported */
#endif
	struct page_cpu *spare_cpu;       /* made, and nobody's; under mark_lock */
	struct page_cpu_place *cpu_place; /* by number */
	struct page_node *node;
	uint32_t features;        /* PAGE_FEATURE_* */
	struct page_prep *prep;   /* prep.c: NULL until it is asked for */
	uint8_t highest_zone[16]; /* by the low four bits of gfp */
	uint8_t mobility[4];      /* migratetype, by the two mobility bits of gfp */
	uint8_t guard_minorder;   /* splits set aside what is left below this order: guard.c */
	bool no_grouping;         /* too little memory for migratetypes: everything is unmovable */
	bool one_home;            /* CPUs have no arenas of their own */
	uint32_t nr_arenas;       /* that were ever in use; grows while others read it */
	uint32_t nr_boot_arenas;  /* those of boot; the others are hotplug's, one a section */
	uint32_t max_arenas;      /* room in arena[] */
	unsigned int max_zones;   /* room in zone[] and in each zonelist */
	bool movable_node;        /* hotplug.c: what is added is movable */
	struct hotplug_layer *hotplug;
	struct quarry_reporting_dev reporting; /* report NULL: nobody is told */
	struct hwpoison_record *poison;        /* of pageblocks that have, or had, marked pages */
	unsigned long nr_poisoned;
	bool poison_is_real;
	struct zonelist_set *zonelists; /* all that were made: zonelist.c */
	unsigned int nr_cpus;           /* that can be */
	unsigned int nr_online_cpus;    /* that are */
	int nr_nodes;
	unsigned int nr_zones;
	struct page_zone *zone;
	uint8_t *distance; /* nr_nodes x nr_nodes */
	unsigned long present, managed, totalreserve;
	uint64_t adjusted;    /* added to `managed` by callers, for pages in use; modulo 2^64 */
	uint64_t handed_over; /* pages from boot, from reservations, from memory put online */
	uint64_t table_pages[QUARRY_NR_ZONES]; /* taken for tables since boot, by the zone's type */
	unsigned long carved;                  /* pages that became descriptor tables after boot */
	/* what sysctl.c sets; guarded by tune_lock, read by anybody */
	struct quarry_lock tune_lock;
	unsigned long min_free_kbytes;
	struct quarry_lock reclaim_lock, shrinker_lock, scope_lock;
	struct quarry_shrinker *shrinkers;
	uint32_t pin_scopes;
	long user_min_free_kbytes; /* -1: nobody asked for a value */
	unsigned int watermark_boost_factor, watermark_scale_factor;
	unsigned int lowmem_reserve_ratio[QUARRY_NR_ZONES];
	unsigned int percpu_pagelist_high_fraction;
	unsigned int defrag_mode;
	unsigned int extfrag_threshold, compaction_proactiveness, compact_unevictable_allowed;
	uint8_t thp; /* enum page_thp: the huge-page daemon wants a reserve */
	struct quarry_lock
		mark_lock; /* watermarks, boost, the fast path's marks, CPUs' tables; innermost */
	struct page_again again;
	uint64_t refused;
	uint64_t warned; /* refusals that were told in the log, or would have been */
	struct quarry_lock refusal_lock;
	struct quarry_refusal *refusal; /* the last one, cut to the zones that can be: refuse.c */
	uint64_t aside; /* blocks put aside: page frame of the first one + 1; 0: none. nolock.c */
	uint64_t aside_taken; /* the same of those taken off, to be freed; under the lock */
	struct quarry_lock aside_lock;
	uint32_t nr_movers;
	struct page_mover *mover;         /* number n stands at n - 1; made for the first one */
	struct page_counts shared_counts; /* of CPUs that no table could be had for; atomic */
};
#endif

#define PAGE_NO_ARENA 0xffffffffu

#if !QUARRY_TINY
/* Zones in pl->zone[]; hotplug adds to them. */
static inline unsigned int page_nr_zones(const struct page_layer *pl)
{
	return quarry_load_acquire(&pl->nr_zones);
}

/* Node @nid's zone of @type; NULL: there never was one. */
static inline struct page_zone *page_node_zone(const struct page_layer *pl, int nid,
					       unsigned int type)
{
	return quarry_load_acquire(&pl->node[nid].zone[type]);
}

/* One past the zone's last arena; hotplug makes it grow. */
static inline uint32_t zone_arena_end(const struct page_zone *z)
{
	return quarry_load_acquire(&z->arena_last);
}

static inline unsigned int page_gfp_type(const struct page_layer *pl, gfp_t gfp)
{
	return pl->mobility[(gfp & (__GFP_MOVABLE | __GFP_RECLAIMABLE)) >> 3];
}
#endif

/* An arena that is of no section that is online keeps the zone it had, and has nothing in it. */
static inline bool page_arena_is_of(const struct page_arena *a, const struct page_zone *z)
{
	return quarry_load_relaxed(&a->zone) == z;
}

static inline struct page_arena *page_arena_of(const struct page_layer *pl, const struct page *page)
{
	return &pl->arena[quarry_load_relaxed(&page->word) >> PAGE_WORD_ARENA_SHIFT];
}

/*
 * A descriptor's word is written by the page's owner and may be read by anybody (fallback.c looks at
 * whole pageblocks), so both go through these.
 */
static inline uint64_t page_word(const struct page *page)
{
	return quarry_load_relaxed(&page->word);
}

static inline void page_set_word(struct page *page, uint64_t word)
{
	quarry_store_relaxed(&page->word, word);
}

/* A counter that only its own CPU changes and anybody may read. */
static inline void page_count(uint64_t *counter, uint64_t n)
{
	quarry_store_relaxed(counter, *counter + n);
}

#if !QUARRY_TINY
/* What this CPU has, or page_layer.no_cpu. Pinned. */
static inline struct page_cpu *page_this_cpu(const struct quarry *q)
{
	return q->cpus[quarry_cpu()];
}

/* What CPU number @cpu has, for all others; NULL: nothing yet. */
static inline struct page_cpu *page_cpu_of(const struct page_layer *pl, unsigned int cpu)
{
	struct page_cpu *c = quarry_load_acquire(&pl->cpu[cpu]);

	return c != pl->no_cpu ? c : NULL;
}

/* The node of the CPU that this runs on. */
static inline int page_this_nid(const struct page_layer *pl)
{
	quarry_pin_t pin = quarry_pin();
	int nid = pl->cpu_place[quarry_cpu()].nid;

	quarry_unpin(pin);
	return nid;
}
#endif

/* Turns a feature on or off, and with it the short ways of all CPUs off or on. */
void page_set_feature(struct quarry *q, uint32_t feature, bool on);
/* Counts @n times @event on this CPU. */
void page_event(struct quarry *q, enum quarry_vm_event event, uint64_t n);

/* Counters that several CPUs change. */
static inline void page_add(bool concurrent, uint64_t *counter, uint64_t n)
{
	if (!QUARRY_TINY && concurrent)
		quarry_fetch_add_relaxed(counter, n);
	else
		*counter += n;
}

#endif
