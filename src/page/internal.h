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
#ifndef QUARRY_PAGE_INTERNAL_H
#define QUARRY_PAGE_INTERNAL_H

#include <quarry/quarry.h>

#include <base/bits.h>
#include <base/compiler.h>
#include <base/lock.h>
#include <base/meta.h>
#include <base/quarry_state.h>

/* log2 of an arena's page frames: a GiB, or less if its descriptors would not fit in one block. */
#define PAGE_ARENA_ORDER                                                   \
	(30 - QUARRY_PAGE_SHIFT < QUARRY_MAX_ORDER + QUARRY_PAGE_SHIFT - 3 \
		 ? 30 - QUARRY_PAGE_SHIFT                                  \
		 : QUARRY_MAX_ORDER + QUARRY_PAGE_SHIFT - 3)
#define PAGE_ARENA_PAGES ((pfn_t)1 << PAGE_ARENA_ORDER)
#define PAGE_SECTION_ORDER \
	(QUARRY_SECTION_SIZE_BITS - QUARRY_PAGE_SHIFT) /* a memory block of hotplug */
#define PAGE_SECTION_PAGES ((pfn_t)1 << PAGE_SECTION_ORDER)
#define PAGE_ARENA_PAGEBLOCKS (PAGE_ARENA_PAGES >> QUARRY_PAGEBLOCK_ORDER)
#define PAGE_ARENAS_MAX 0x10000u /* a descriptor has 16 bits for its arena */
#define PAGE_WORDS QUARRY_PAGEBLOCK_WORDS
/* Pages that a word of a pageblock's bitmap stands for: 64, or a whole pageblock that is smaller. */
#define PAGE_BITS_ORDER (QUARRY_PAGEBLOCK_ORDER < 6 ? QUARRY_PAGEBLOCK_ORDER : 6)
#define PAGE_BITS (1u << PAGE_BITS_ORDER)
#define PAGE_BITS_ALL (~(uint64_t)0 >> (64 - PAGE_BITS)) /* they are all free */
/* Pageblocks of a block of @order, which is not below QUARRY_PAGEBLOCK_ORDER. */
#define PAGE_SPAN(order) (1u << ((order)-QUARRY_PAGEBLOCK_ORDER))
#define PAGE_PAIRS (QUARRY_PAGEBLOCK_ORDER < QUARRY_MAX_ORDER) /* two pageblocks may be one block */
#define PAGE_TYPES (QUARRY_TINY ? 1 : QUARRY_MIGRATE_TYPES) /* migratetypes that are told apart */
#define PAGE_HAS_SHEAVES (!QUARRY_TINY)                     /* CPUs keep blocks back */
#define PAGE_NO_PB 0xffffu
#define PAGE_NOT_FILED 0xffu
#define PAGE_MAX_ZONES (QUARRY_MAX_NODES * 4)
#define PAGE_ZONE_WORDS ((PAGE_MAX_ZONES + 63) / 64)
#define PAGE_PCP_ORDERS 4 /* orders 0..3 have sheaves; and a pageblock's, in the place after them */
#define PAGE_PCP_HUGE PAGE_PCP_ORDERS
#define PAGE_SHEAF_BLOCKS 64 /* a CPU takes and gives back at most so many blocks in one go */
#define PAGE_SHEAF_HANDS 31  /* makes a sheaf 512 bytes */
/* Beside a row for each order the zone's avail has, for each type, these. */
#define PAGE_AVAIL_SMALL QUARRY_NR_ORDERS /* arenas with dense pageblocks filed below order 3 */
#define PAGE_AVAIL_MIDDLE (QUARRY_NR_ORDERS + 1) /* with such of order 3 and more */
#define PAGE_AVAIL_ROWS (QUARRY_NR_ORDERS + 2)
#define PAGE_FAST_BITS 32u /* combinations of gfp's zone and mobility bits */

/* ---- descriptors: struct page.word = arena << 48 | payload << 3 | state ---- */

enum page_word_state {
	PAGE_WORD_FREE, /* in the buddy system, in a sheaf, or a tail: the bitmap and the head tell */
	PAGE_WORD_RESERVED, /* never handed to the allocator */
	PAGE_WORD_ALLOC, /* payload: flags << 34 | mover << 28 | references << 8 | type << 4 | order */
	PAGE_WORD_SLAB,    /* payload: slab index << 13 | cache number */
	PAGE_WORD_OFFLINE, /* its section is out of use */
	PAGE_WORD_POISON,  /* damaged, and taken away: hwpoison.c */
	PAGE_WORD_GUARD,   /* set aside beside a block in use; payload: order. guard.c */
};
#define PAGE_WORD_STATE_MASK ((uint64_t)7)
/* A block put aside: payload: (page frame of the next one + 1) << 8 | type << 4 | order. nolock.c */
#define PAGE_WORD_ASIDE ((uint64_t)7)
#define PAGE_WORD_ASIDE_SHIFT 11
#define PAGE_WORD_ARENA_SHIFT 48
#define PAGE_WORD_ARENA_MASK ((uint64_t)0xffff << PAGE_WORD_ARENA_SHIFT)
#define PAGE_WORD_ORDER_SHIFT 3
#define PAGE_WORD_TYPE_SHIFT 7
#define PAGE_WORD_REF_SHIFT 11
#define PAGE_WORD_REF_ONE ((uint64_t)1 << PAGE_WORD_REF_SHIFT)
#define PAGE_WORD_REF_MAX ((uint64_t)0xfffff)
#define PAGE_WORD_MOVER_SHIFT 31 /* who can move the block: compaction.c; 0: nobody */
#define PAGE_WORD_MOVER_MASK ((uint64_t)0x3f << PAGE_WORD_MOVER_SHIFT)
#define PAGE_WORD_ISOLATED ((uint64_t)1 << 37)   /* compaction holds it: its mover gave it */
#define PAGE_WORD_PFMEMALLOC ((uint64_t)1 << 38) /* came out of the reserves */
#define PAGE_WORD_CACHE_SHIFT 3
#define PAGE_WORD_CACHE_MASK ((uint64_t)0x1fff)
#define PAGE_WORD_SLAB_SHIFT 16

/* Word of an allocated block, reference count 1, without the arena. */
static inline uint64_t page_word_alloc(unsigned int order, unsigned int type)
{
	return PAGE_WORD_ALLOC | (uint64_t)order << PAGE_WORD_ORDER_SHIFT |
	       (uint64_t)type << PAGE_WORD_TYPE_SHIFT | PAGE_WORD_REF_ONE;
}

static inline unsigned int page_word_order(uint64_t word)
{
	return (unsigned int)(word >> PAGE_WORD_ORDER_SHIFT) & 15u;
}

static inline unsigned int page_word_type(uint64_t word)
{
	return (unsigned int)(word >> PAGE_WORD_TYPE_SHIFT) & 15u;
}

static inline unsigned int page_word_refs(uint64_t word)
{
	return (unsigned int)((word >> PAGE_WORD_REF_SHIFT) & PAGE_WORD_REF_MAX);
}

static inline bool page_is_poisoned(uint64_t word)
{
	return (word & PAGE_WORD_STATE_MASK) == PAGE_WORD_POISON;
}

/* ---- pageblocks ---- */

/* Of a type that not everybody may take from: highatomic, CMA, isolated. */
static inline bool page_type_special(unsigned int type)
{
	return PAGE_TYPES > 1 && type >= QUARRY_MIGRATE_PCPTYPES;
}

/* What is kept of a pageblock beside its bitmap. Links are indices in the arena. */
struct page_pb {
	uint16_t next, prev; /* next of the last is PAGE_NO_PB, prev of the first is the last */
	uint16_t nr_free;
	uint8_t filed;     /* largest free order: it is on that list; PAGE_NOT_FILED: on none */
	uint8_t type;      /* enum quarry_migratetype */
	uint8_t described; /* its descriptors are set up */
	uint8_t tail;      /* of a free block of several pageblocks, whose first one is filed */
	uint8_t kept;      /* while it is isolated: the type it had */
	uint8_t flags;     /* PAGE_PB_* */
	uint8_t skip;      /* compaction: nothing was found here the last time */
	uint8_t spare[3];
};

#define PAGE_PB_OFFLINE 1u    /* taken out of use: hotplug.c */
#define PAGE_PB_UNACCEPTED 2u /* free, but not to be touched before the port has accepted it */
#define PAGE_PB_REPORTED 4u   /* free and whole, and the port has been told */
#define PAGE_PB_HIDDEN 16u    /* for a while nobody's: arena_hide(), accept.c */
#define PAGE_PB_POISONED 8u   /* holds a page that is never used again */
#define PAGE_PB_DENSE 32u     /* counts in its arena's nr_dense: arena.c */
#define PAGE_PB_GUARDED 64u   /* may hold guards: guard.c */
/* Not just what is freed becomes free. */
#define PAGE_PB_KEEPS (QUARRY_TINY ? 0u : PAGE_PB_POISONED | PAGE_PB_GUARDED)

#define PAGE_GUARD_ORDERS 5u /* guards have orders below this: a word holds one and its partner */

/* pageblock.c: a bitmap of a pageblock's pages, 1 = free. Pure functions. */
unsigned int pageblock_largest(const uint64_t *bits); /* order of the largest run; 0xff: empty */
unsigned int pageblock_count_free(const uint64_t *bits);
/* First page of the smallest aligned run of at least @order, lowest address first; -1: none. */
int pageblock_find(const uint64_t *bits, unsigned int order);
void pageblock_clear(uint64_t *bits, unsigned int page, unsigned int order);
void pageblock_set(uint64_t *bits, unsigned int page, unsigned int order);
bool pageblock_all_set(const uint64_t *bits, unsigned int page, unsigned int order);
bool pageblock_any_set(const uint64_t *bits, unsigned int page, unsigned int order);

/* Multiples of 2^o below 64, as bits. */
static const uint64_t pageblock_starts[7] = {
	~(uint64_t)0,        0x5555555555555555u, 0x1111111111111111u, 0x0101010101010101u,
	0x0001000100010001u, 0x0000000100000001u, 0x0000000000000001u,
};

/* Starts of aligned runs of order @o, from those of order @o - 1. 1 <= @o <= 6. */
static inline uint64_t pageblock_raise(uint64_t x, unsigned int o)
{
	QUARRY_ASSUME(o <= PAGE_BITS_ORDER);
	return x & x >> ((uint64_t)1 << (o - 1)) & pageblock_starts[o];
}

/* Starts of aligned runs of order @o in word @x; @o <= 6. */
static inline uint64_t pageblock_runs(uint64_t x, unsigned int o)
{
	for (unsigned int i = 1; i <= o; i++)
		x = pageblock_raise(x, i);
	return x;
}

/* All pages at once. */
static inline void pageblock_clear_whole(uint64_t *bits)
{
	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		bits[w] = 0;
}

static inline void pageblock_set_whole(uint64_t *bits)
{
	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		bits[w] = PAGE_BITS_ALL;
}

static inline bool pageblock_is_free(const uint64_t *bits, unsigned int page)
{
	return (bits[page >> PAGE_BITS_ORDER] >> (page & (PAGE_BITS - 1)) & 1) != 0;
}

static inline bool pageblock_any(const uint64_t *bits)
{
	uint64_t any = 0;

	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		any |= bits[w];
	return any != 0;
}

/* Order of the maximal aligned run that the free run (@page, @order) belongs to. */
unsigned int pageblock_merged_order(const uint64_t *bits, unsigned int page, unsigned int order);
/* Adds the number of maximal aligned runs of each order to @counts. */
void pageblock_count_runs(const uint64_t *bits, unsigned long *counts);
/* Takes up to @max blocks of @order <= PAGE_BITS_ORDER out of word @w; returns their first pages, as bits. */
uint64_t pageblock_take(uint64_t *bits, unsigned int w, unsigned int order, unsigned int max);
/* Order of the largest run after word @w has grown, given that it was at least @least before. */
unsigned int pageblock_grown(const uint64_t *bits, unsigned int w, unsigned int least);
/* The same after one page has become free. */
unsigned int pageblock_grown_at(const uint64_t *bits, unsigned int page, unsigned int least);

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

#define PAGE_LATE 64u
#define PAGE_LATE_KEEP 32u /* written down last: their descriptors may be on their way */
#define PAGE_LATE_AFTER 8u

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
	uint8_t late_streak;      /* stages in a row that held hardly more than a block a hand */
	bool late_on;             /* so blocks are written down */
	uint64_t late[PAGE_LATE]; /* descriptor | order */
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

/* ---- memmap.c ---- */
struct page_arena *memmap_arena(const struct page_layer *pl, pfn_t pfn); /* NULL: no zone's */
/* Makes sure that @a has descriptors; false: no memory for them. Not under a lock. */
bool memmap_give_map(struct quarry *q, struct page_arena *a);
/* Sets up the descriptors of pageblock @i; a->lock held, a->map there. */
void memmap_describe(struct page_arena *a, unsigned int i) QUARRY_REQUIRES(a->lock);
/* Whether @page, which reads @word, stands where its arena keeps descriptors. */
static inline bool memmap_is_descriptor(const struct page_layer *pl, const struct page *page,
					uint64_t word)
{
	const struct page_arena *a;
	uintptr_t offset;

	if (word >> PAGE_WORD_ARENA_SHIFT >= quarry_load_acquire(&pl->nr_arenas))
		return false;
	a = &pl->arena[word >> PAGE_WORD_ARENA_SHIFT];
	offset = (uintptr_t)page - (uintptr_t)quarry_load_relaxed(&a->map);
	/* Rotated, what is no multiple of eight is larger than any number of pages. */
	offset = offset >> 3 | offset << (sizeof(offset) * 8 - 3);
	return offset >> QUARRY_PAGEBLOCK_ORDER < a->nr_pb;
}
_Static_assert(sizeof(struct page) == 1u << 3, "what is rotated away");

/* ---- arena.c; all but _unlocked need a->lock ---- */
void arena_unfold(struct quarry *q, struct page_arena *a)
	QUARRY_REQUIRES(a->lock); /* end of virginity */
void arena_file(struct quarry *q, struct page_arena *a, unsigned int i)
	QUARRY_REQUIRES(a->lock); /* by its bitmap */
void arena_unfile(struct quarry *q, struct page_arena *a, unsigned int i) QUARRY_REQUIRES(a->lock);
/* Takes up to @max blocks of @order from lists of @type; returns how many. */
/* One block of @order from lists of @type: the smallest that fits; NULL: none. */
struct page *arena_take(struct quarry *q, struct page_arena *a, unsigned int order,
			unsigned int type) QUARRY_REQUIRES(a->lock);
enum arena_source {
	ARENA_BROKEN, /* broken pageblocks that are not sparse */
	ARENA_WHOLE,  /* whole ones too */
	ARENA_CRUMBS, /* any */
};
/*
 * Appends hands with up to @max blocks of an order that has sheaves from lists of @type to @s; returns how many
 * blocks. @from: which pageblocks may be visited.
 */
unsigned int arena_fill(struct quarry *q, struct page_arena *a, unsigned int order,
			unsigned int type, struct page_sheaf *s, unsigned int max,
			enum arena_source from) QUARRY_REQUIRES(a->lock);
/* One block of @order out of pageblock @i, whatever its type. */
struct page *arena_take_from(struct quarry *q, struct page_arena *a, unsigned int i,
			     unsigned int order) QUARRY_REQUIRES(a->lock);
void arena_put(struct quarry *q, struct page_arena *a, pfn_t pfn, unsigned int order)
	QUARRY_REQUIRES(a->lock);
/* Returns how many pages were not free before; the caller counts them, see arena_count(). */
unsigned int arena_put_some(struct quarry *q, struct page_arena *a, pfn_t pfn, unsigned int order)
	QUARRY_REQUIRES(a->lock);
/* Frees the pageblocks from @i on that a block of @order has, at once. The same. */
unsigned int arena_put_large(struct quarry *q, struct page_arena *a, unsigned int i,
			     unsigned int order) QUARRY_REQUIRES(a->lock);
/* Frees the pages @mask of word @w, counted from base_pfn; returns how many were not free before. */
unsigned int arena_put_word(struct quarry *q, struct page_arena *a, size_t w, uint64_t mask)
	QUARRY_REQUIRES(a->lock);
#if !QUARRY_TINY
/* Tells the host what arena_put() and the like have found wrong. No lock is held. */
QUARRY_COLD void arena_tell_again(struct quarry *q);
/* @found is to be told then. Any lock may be held. */
QUARRY_COLD void arena_note_again(struct quarry *q, const struct arena_again *found);
static inline void arena_tell(struct quarry *q)
{
	if (unlikely(quarry_load_relaxed(&q->pages->again.n) != 0))
		arena_tell_again(q);
}
#endif
/* Adds @pages to the arena's and the zone's free pages. */
void arena_count(struct quarry *q, struct page_arena *a, int64_t pages) QUARRY_REQUIRES(a->lock);
void arena_set_type(struct quarry *q, struct page_arena *a, unsigned int i, unsigned int type)
	QUARRY_REQUIRES(a->lock);
#if !QUARRY_TINY
/* Pageblock of @type lost or won @pages free ones; to be called if the type is none of a pageset's. */
QUARRY_COLD void arena_count_special(struct quarry *q, struct page_arena *a, unsigned int type,
				     int64_t pages) QUARRY_REQUIRES(a->lock);
#else
static inline void arena_count_special(struct quarry *q, struct page_arena *a, unsigned int type,
				       int64_t pages)
{
	(void)q;
	(void)a;
	(void)type;
	(void)pages;
}
#endif
/* Takes the free ones of pages @want of pageblock @i, which @got then names; returns how many. */
unsigned int arena_take_bits(struct quarry *q, struct page_arena *a, unsigned int i,
			     const uint64_t *want, uint64_t *got) QUARRY_REQUIRES(a->lock);
quarry_pin_t arena_lock(struct quarry *q, struct page_arena *a) QUARRY_ACQUIRES(a->lock);
bool arena_trylock(struct quarry *q, struct page_arena *a, quarry_pin_t *pin)
	QUARRY_TRY_ACQUIRES(a->lock); /* never waits */
void arena_unlock(struct quarry *q, struct page_arena *a, quarry_pin_t pin)
	QUARRY_RELEASES(a->lock);
/* For who has got @a with its lock by another function: says so to the analysis. */
static inline void arena_is_held(struct page_arena *a) QUARRY_ASSERT_HELD(a->lock)
{
	QUARRY_ASSERT(quarry_load_relaxed(&a->lock.held) != 0);
	(void)a;
}
/* The same where nobody else can be at work: while the machine is built, and on one of one CPU, pinned. */
static inline void arena_is_mine(struct page_arena *a) QUARRY_ASSERT_HELD(a->lock)
{
	(void)a;
}
/*
 * Takes whole free pageblock @i out of the buddy system, and puts it back: its descriptors are neither needed
 * nor written.
 */
void arena_hide(struct quarry *q, struct page_arena *a, unsigned int i) QUARRY_REQUIRES(a->lock);
void arena_show(struct quarry *q, struct page_arena *a, unsigned int i) QUARRY_REQUIRES(a->lock);
/* Writes the records and bitmaps of an arena that is handed over in part: nothing is free yet. */
void arena_write(struct page_arena *a);
/* Marks a virgin arena's blocks as available, when the machine is built. */
void arena_announce(struct page_arena *a);
/* Whether pageblocks of these types may lie in one free block. */
static inline bool arena_may_join(unsigned int x, unsigned int y)
{
	return x == y || (x < QUARRY_MIGRATE_PCPTYPES && y < QUARRY_MIGRATE_PCPTYPES);
}

/* Whether page number @page of @a is free; its bitmaps are written. */
static inline bool arena_is_free(const struct page_arena *a, size_t page)
{
	return pageblock_is_free(a->bits[page >> QUARRY_PAGEBLOCK_ORDER],
				 (unsigned int)page & (unsigned int)(QUARRY_PAGEBLOCK_PAGES - 1));
}

/* Of @pages out of 512, a smaller pageblock's share. */
#define ARENA_SHARE(pages) \
	((uint8_t)(QUARRY_PAGEBLOCK_ORDER < 9 ? (pages) << QUARRY_PAGEBLOCK_ORDER >> 9 : (pages)))

/* Free pages below which a pageblock filed under an order below 6 is sparse. */
static inline unsigned int arena_sparse_below(unsigned int order)
{
	static const uint8_t least[6] = {ARENA_SHARE(36), ARENA_SHARE(36), ARENA_SHARE(40),
					 ARENA_SHARE(48)};

	return least[order];
}

/*
 * Whether a filed pageblock has so few free pages that a sheaf should not be filled from it while there
 * are others. On its list it stands behind those.
 */
static inline bool arena_sparse(const struct page_pb *pb)
{
	return PAGE_HAS_SHEAVES && pb->filed < 6 && pb->nr_free < arena_sparse_below(pb->filed);
}

/*
 * The usual case of arena_put_word(): one block, the page @first modulo PAGE_BITS of @word and those of @pages, which makes no free
 * block larger than the pageblock's largest nor the pageblock worth a visit. False: nothing is done. The
 * arena's lock is held.
 */
static QUARRY_ALWAYS_INLINE bool arena_put_at(struct page_pb *pb, uint64_t *word,
					      unsigned int first, uint64_t pages,
					      unsigned int order)
{
	static const uint64_t run_of[6] = {0x3, 0xf, 0xff, 0xffff, 0xffffffffu, ~(uint64_t)0};
	unsigned int filed = pb->filed, more = pb->nr_free + (1u << order);
	uint64_t x = *word | pages, run;

	/* The last: it has not been above that number, and is now. */
	if (filed - order >= PAGE_BITS_ORDER - order || (*word & pages) != 0 ||
	    pb->type >= QUARRY_MIGRATE_PCPTYPES || (pb->flags & PAGE_PB_KEEPS) != 0 ||
	    more - arena_sparse_below(filed) < 1u << order)
		return false;
	/* If its buddy is free: the run of the next order that the block would lie in. */
	if ((x >> ((first ^ 1u << order) % PAGE_BITS) & 1) != 0) {
		run = run_of[filed] << (first & (0u - (2u << filed)) & (PAGE_BITS - 1));
		if ((x & run) == run)
			return false;
	}
	*word = x;
	pb->nr_free = (uint16_t)more;
	return true;
}

/* The same whatever becomes of the pageblock; @mask is the block. Returns pages that became free. */
unsigned int arena_put_turn(struct quarry *q, struct page_arena *a, struct page_pb *pb,
			    uint64_t *word, uint64_t mask, unsigned int order)
	QUARRY_REQUIRES(a->lock);

/* arena_put_at() of word @w, counted from base_pfn. */
static QUARRY_ALWAYS_INLINE bool arena_put_block(struct page_arena *a, size_t w, unsigned int first,
						 uint64_t pages, unsigned int order)
	QUARRY_REQUIRES(a->lock)
{
	return arena_put_at(&a->pb[w / PAGE_WORDS], &a->bits[w / PAGE_WORDS][w % PAGE_WORDS], first,
			    pages, order);
}

#if !QUARRY_TINY
/* ---- guard.c; a->lock held ---- */
/* Splits set aside what is left below this order. */
static inline unsigned int guard_minorder(const struct page_layer *pl)
{
	return pl->guard_minorder;
}

/*
 * A block of @order < pl->guard_minorder is about to be taken at free @page of pageblock @i, the first of its
 * run: the halves beyond it become guards. Returns the order that leaves the bitmap, guards included.
 */
unsigned int guard_split(const struct page_layer *pl, struct page_arena *a, unsigned int i,
			 unsigned int page, unsigned int order) QUARRY_REQUIRES(a->lock);
/* Pages @mask of word @w become free: those, and guards whose partners are whole then. */
uint64_t guard_join(struct page_arena *a, unsigned int i, unsigned int w, uint64_t mask)
	QUARRY_REQUIRES(a->lock);
/* Whether page number @page of @a is in a guard. */
bool guard_is(const struct page_arena *a, size_t page);
#else
static inline unsigned int guard_minorder(const struct page_layer *pl)
{
	(void)pl;
	return 0;
}

static inline unsigned int guard_split(const struct page_layer *pl, struct page_arena *a,
				       unsigned int i, unsigned int page, unsigned int order)
{
	(void)pl;
	(void)a;
	(void)i;
	(void)page;
	return order;
}

static inline uint64_t guard_join(struct page_arena *a, unsigned int i, unsigned int w,
				  uint64_t mask)
{
	(void)a;
	(void)i;
	(void)w;
	return mask;
}
#endif

/* ---- zone.c ---- */
#if !QUARRY_TINY
/*
 * Where the search for blocks begins: in the first arena for pages that stay, behind it for movable ones, which
 * come to it last.
 */
static inline uint32_t zone_first_arena(const struct page_zone *z, unsigned int type)
{
	bool behind = type == QUARRY_MIGRATE_MOVABLE && zone_arena_end(z) - z->arena_first > 1;

	return z->arena_first + behind;
}
#endif

/* One block of the zone's own lists of @type; NULL: none, or no descriptors for it. */
struct page *zone_take_listed(struct quarry *q, struct page_zone *z, uint32_t *hint,
			      unsigned int order, unsigned int type);
/* One block; the zone's lists, then other types (fallback.c). NULL: none. */
struct page *zone_take(struct quarry *q, struct page_zone *z, uint32_t *hint, unsigned int order,
		       unsigned int type, unsigned int alloc_flags);
/* One block of arena @a, which has descriptors; NULL: none of that type. */
struct page *zone_take_from(struct quarry *q, struct page_arena *a, unsigned int order,
			    unsigned int type);
/*
 * The same for the hands of an empty sheaf: up to @max blocks of an order that has them, of that type, out of
 * arenas that have descriptors. The CPU is inside its own, so nothing else may be asked for here.
 * Returns how many blocks. 0: ask zone_take(), unless @home now names an arena without descriptors.
 */
unsigned int zone_fill(struct quarry *q, struct page_zone *z, uint32_t *home, unsigned int order,
		       unsigned int type, unsigned int alloc_flags, struct page_sheaf *s,
		       unsigned int max);
/* First arena at or after @from (round once) with a block of at least @order in lists of @type. */
struct page_arena *zone_find_arena(struct quarry *q, struct page_zone *z, uint32_t from,
				   unsigned int order, unsigned int type, unsigned int *found);
/*
 * Frees the blocks of @hands and adds their number to @count, by the zone's type, if there is one. If
 * @may_skip, those whose arena is in use stay: their number is returned, and they are the first of @hands
 * then.
 */
unsigned int zone_put(struct quarry *q, struct page_hand *hands, unsigned int n, unsigned int order,
		      bool may_skip, uint64_t (*count)[QUARRY_NR_ORDERS]);
void zone_put_one(struct quarry *q, struct page *page, unsigned int order);
bool zone_has_block(const struct page_zone *z, unsigned int order, unsigned int type);
int zone_largest_order(const struct page_zone *z);
uint64_t *zone_avail(const struct page_zone *z, unsigned int type, unsigned int row);

#define ZONE_AVAIL_ROWS (QUARRY_MIGRATE_TYPES * PAGE_AVAIL_ROWS + 1) /* each of avail_words */

#if !QUARRY_TINY
/* One bit an arena, the row after those of the lists: it has pageblocks whose pages stay. */
static inline uint64_t *zone_stay(const struct page_zone *z)
{
	return zone_avail(z, QUARRY_MIGRATE_TYPES, 0);
}
#else
/* Arenas are asked in turn, and none is spared. */
static inline void arena_avail_set(struct quarry *q, struct page_arena *a, unsigned int row,
				   unsigned int type)
{
	(void)q;
	(void)a;
	(void)row;
	(void)type;
}

static inline void arena_avail_clear(struct quarry *q, struct page_arena *a, unsigned int row,
				     unsigned int type)
{
	(void)q;
	(void)a;
	(void)row;
	(void)type;
}

static inline void arena_add_stay(struct page_arena *a, int more)
{
	(void)a;
	(void)more;
}
#endif

#define ZONE_ALLOC_HIGH 1u        /* __GFP_HIGH: half of the min reserve */
#define ZONE_ALLOC_HARDER 2u      /* cannot wait: a further quarter; highatomic blocks */
#define ZONE_ALLOC_NO_MARK 4u     /* no watermark at all */
#define ZONE_ALLOC_CMA 8u         /* may use free pages of CMA areas */
#define ZONE_ALLOC_NOFRAGMENT 16u /* do not mix types in a pageblock: fallback.c */
#define ZONE_ALLOC_OOM 32u        /* the out-of-memory hook's choice: half of min */
#define ZONE_ALLOC_KSWAPD 64u     /* may wake the background reclaimer */
/* Those who may dig into the highatomic reserve. */
#define ZONE_ALLOC_RESERVES (ZONE_ALLOC_HARDER | ZONE_ALLOC_OOM | ZONE_ALLOC_NO_MARK)

/* ---- zone_mark.c ---- */
/*
 * Whether the zone may serve a request of @order: enough free pages that it may have stay above @mark,
 * as lowered by its rights, and there is a block. @mark is one of zone_mark()'s.
 */
bool zone_watermark_ok(const struct page_layer *pl, const struct page_zone *z, unsigned int order,
		       unsigned long mark, unsigned int highest, unsigned int alloc_flags,
		       struct quarry_refused_zone *why);
unsigned long zone_min_lowered(unsigned long mark, unsigned int alloc_flags);
/* The test by number alone, as it would be with @more pages free. */
bool zone_would_do(const struct page_zone *z, unsigned int order, unsigned long mark,
		   unsigned int highest, unsigned int alloc_flags, unsigned long more);

/* A watermark as requests see it: boost included. */
static inline unsigned long zone_mark(const struct page_zone *z, enum quarry_watermark mark)
{
	return quarry_load_relaxed(&z->wmark[mark]);
}

/* ---- slowpath.c: one request ---- */
struct alloc_request {
	gfp_t gfp;
	unsigned int order;
	unsigned int type;    /* migratetype */
	unsigned int highest; /* zone type */
	unsigned int flags;   /* ZONE_ALLOC_* of all its walks: CMA, NOFRAGMENT */
	int nid;              /* preferred node */
	uint64_t nodes;       /* bit n: node n may serve it */
	struct page_zone *const *list;
	unsigned int nr_list;
	/* what was done for it: for the record of its refusal */
	unsigned int rounds;
	unsigned long reclaimed;
};

/* The walk at the low mark, then all that may be tried. NULL: refused, and recorded. */
struct page *slowpath_alloc(struct quarry *q, const struct alloc_request *r);
/* First zone of the list that gives a block and stays above @mark; NULL: none. */
struct page *slowpath_walk(struct quarry *q, const struct alloc_request *r,
			   enum quarry_watermark mark, unsigned int flags);

/* ---- task.c ---- */
/* The task that runs here; NULL: interrupt context. */
struct quarry_task *task_current(struct quarry *q);
uint32_t task_flags(struct quarry *q); /* 0 in interrupt context */

/* ---- shrinker.c, reclaim.c ---- */
/* Every shrinker on node @nid, at @priority; returns objects freed. */
unsigned long shrinker_run_all(struct quarry *q, int nid, gfp_t gfp, unsigned int priority);
/* Makes pages free for @r on the nodes that may serve it; returns how many. No lock held. */
unsigned long reclaim_direct(struct quarry *q, const struct alloc_request *r);
/* Wakes the background reclaimer of every node that may serve @r and is not balanced. */
void reclaim_wake(struct quarry *q, const struct alloc_request *r);
/* The same for the node of @z, whose marks have just risen. */
void reclaim_wake_boosted(struct quarry *q, const struct page_zone *z);
/* Whether there is anybody to reclaim from. */
bool reclaim_possible(const struct quarry *q);

/* ---- event.c ---- */
/* A request was served by @z: counted by zone if more than one node may serve. */
void event_numa(struct quarry *q, struct page_zone *z, const struct alloc_request *r);
/* Quarry took a block for a table of its own; it is freed as any other. */
void event_table(struct quarry *q, const struct page *page, unsigned int order);
/* @n blocks were counted as allocs of @type by no request: they are no hits. */
void event_no_request(struct quarry *q, struct page_zone *z, uint64_t n);
/* @n requests of a CPU of node @nid that counts nothing itself were served by @z. */
void event_unowned(struct quarry *q, struct page_zone *z, int nid, uint64_t n);
/* A policy of interleaving chose the node that @page is on, and got it. */
void event_interleave(struct quarry *q, const struct page *page);
/* Before and after zonelists change; no other CPU at work. */
void event_homes_leave(struct quarry *q);
void event_homes_enter(struct quarry *q);

/* A request whose highest zone is @highest reclaims by itself. */
static inline enum quarry_vm_event event_allocstall(unsigned int highest)
{
	return (enum quarry_vm_event)(QUARRY_VM_ALLOCSTALL_DMA + highest);
}

/* ---- prep.c, fault.c, pageowner.c: only while PAGE_FEATURE_PREP is set ---- */
/* Who asks: @site if given, else the call that returns to @address. */
struct page_caller {
	const struct quarry_page_site *site;
	const void *address;
};

/* Whether the request fails by will. */
bool fault_refuses(struct quarry *q, gfp_t gfp, unsigned int order);
/* The request has got @page, or NULL. The descriptor says so, contents are as they were freed. */
void prep_alloc(struct quarry *q, struct page *page, unsigned int order, gfp_t gfp,
		const struct page_caller *caller);
/* The last reference to the block, one of many if @batched, is gone; the descriptor says "allocated". */
void prep_free(struct quarry *q, struct page *page, unsigned int order, const void *address,
	       bool batched);
/* The block becomes 2^@order pages, each of its own. */
void prep_split(struct quarry *q, struct page *page, unsigned int order);
/* The block of @order that lay at @src lies at @dst now. @src will be free, or passes prep_free(). */
void prep_moved(struct quarry *q, const struct page *dst, const struct page *src,
		unsigned int order);
/* The pages @mask from @pfn on come to the allocator past quarry_free_pages(). */
void prep_release(struct quarry *q, pfn_t pfn, uint64_t mask);
/* The same of all pages of pageblock @i. */
void prep_release_pageblock(struct quarry *q, const struct page_arena *a, unsigned int i);
/* Whether free pages are to hold something, so that nobody else may change them. */
bool prep_wants_contents(const struct quarry *q);
/* Damage was reported of @page: tell who had it. */
void pageowner_report(struct quarry *q, const struct page *page);
/* Blocks went from a sheaf to the buddy system. */
void prep_trace_drain(struct quarry *q, const struct page_hand *hands, unsigned int n,
		      unsigned int order);
/* A block came out of the buddy system, to fill a sheaf or not. */
void prep_trace_locked(struct quarry *q, struct page *page, unsigned int order, unsigned int type,
		       bool refill);
/* The same for the hands of @s from @from on. */
void prep_trace_refill(struct quarry *q, const struct page_sheaf *s, unsigned int from,
		       unsigned int order, unsigned int type);
void prep_trace_extfrag(struct quarry *q, struct page *page, unsigned int order, unsigned int type,
			unsigned int fallback_order, unsigned int fallback_type, bool claimed);

#if !QUARRY_TINY
static inline bool page_prep_on(const struct quarry *q)
{
	return unlikely((quarry_load_relaxed(&q->pages->features) & PAGE_FEATURE_PREP) != 0);
}
#endif

/* ---- warn.c ---- */
/* The request was refused: say so in the log, unless it was told often enough. */
void warn_alloc(struct quarry *q, const struct alloc_request *r);
/* A request that waits: call it again and again; says so every ten seconds. @since is 0 at first. */
void warn_stall(struct quarry *q, const struct alloc_request *r, uint64_t *since, uint64_t *next);

/* ---- nolock.c ---- */
#if !QUARRY_TINY
#define NOLOCK_FLUSH 16u /* blocks that a request frees for those who put them aside */
void nolock_flush_some(struct quarry *q, unsigned long most);
/* Frees at most @most blocks of what was put aside. Any context that may wait for locks. */
static inline void nolock_flush(struct quarry *q, unsigned long most)
{
	if (unlikely((quarry_load_relaxed(&q->pages->aside) |
		      quarry_load_relaxed(&q->pages->aside_taken)) != 0))
		nolock_flush_some(q, most);
}
#endif

/* ---- refuse.c ---- */
size_t refuse_bytes(const struct page_layer *pl); /* of the machine's record */
void refuse_record(struct quarry *q, const struct alloc_request *r, unsigned int flags);

/* ---- watermark.c ---- */
void watermark_setup(struct quarry *q, const struct quarry_boot_params *params);
/*
 * Memory came or went: all that depends on managed pages is computed anew, as at boot. The caller has
 * updated the zones' managed pages. Takes tune_lock.
 */
void watermark_update(struct quarry *q);
/* The same for the limits of pagesets alone: a CPU came or went. Takes tune_lock. */
void watermark_update_pcp(struct quarry *q);
#if !QUARRY_TINY
/* For sysctl.c; tune_lock held. */
void watermark_reset(struct quarry *q)
	QUARRY_REQUIRES(q->pages->tune_lock); /* marks, totalreserve, limits of pagesets */
void watermark_reset_reserves(struct quarry *q)
	QUARRY_REQUIRES(q->pages->tune_lock); /* reserves, totalreserve */
void watermark_reset_pcp(struct quarry *q)
	QUARRY_REQUIRES(q->pages->tune_lock); /* limits of pagesets */
void watermark_reset_daemon(struct quarry *q)
	QUARRY_REQUIRES(q->pages->tune_lock); /* the huge-page daemon starts or stops */
#endif
/* The marks that the short way compares with, by what the zone's special pageblocks may hide. */
#if !QUARRY_TINY
void watermark_refresh_fast(struct quarry *q, struct page_zone *z);
#else
static inline void watermark_refresh_fast(struct quarry *q, struct page_zone *z)
{
	(void)q;
	(void)z;
}
#endif
/* Opens a CPU's short ways for requests with @bits, to the sheaves @out of zone @z, by slot. */
void watermark_open_fast(struct quarry *q, unsigned int cpu, unsigned int bits,
			 struct page_sheaf *const *out, const struct page_zone *z);
/* Closes all short ways of a CPU, inside its own: marks may be copied there at this moment. */
void watermark_close_fast(struct quarry *q, unsigned int cpu);
/* @cpu's short ways lead nowhere. */
void watermark_no_fast(struct page_cpu *cpu);
/* Types were mixed in a pageblock of @z: its marks rise, so that more is reclaimed. */
void watermark_boost(struct quarry *q, struct page_zone *z, unsigned int alloc_flags);
/* The background reclaimer has balanced @z, which had a boost of @pages when it began. */
void watermark_boost_decay(struct quarry *q, struct page_zone *z, unsigned long pages);
/* Whether it is to be woken because of a boost; says so once. */
bool watermark_take_boosted(struct page_zone *z);

/* ---- fallback.c ---- */
/* A block for a request of @type when its own lists are empty. Returns 1 and @page, or 0. */
unsigned int fallback_take(struct quarry *q, struct page_zone *z, unsigned int order,
			   unsigned int type, unsigned int alloc_flags, struct page **page);
/* A block of any list that may serve, wherever other CPUs are at work. NULL: there was none in any arena. */
struct page *fallback_surely(struct quarry *q, struct page_zone *z, unsigned int order,
			     unsigned int type, unsigned int alloc_flags);
/* To be asked before a zone's own lists if zone->special is not 0: highatomic or CMA. NULL: go on. */
struct page *fallback_first(struct quarry *q, struct page_zone *z, unsigned int order,
			    unsigned int type, unsigned int alloc_flags);
/* Whether movable pages are to come out of CMA areas first: half of what is free lies there. */
bool fallback_cma_first(const struct page_zone *z, unsigned int type, unsigned int alloc_flags);
/* ZONE_ALLOC_NOFRAGMENT and ZONE_ALLOC_KSWAPD for the first walk, whose first zone is @z or NULL. */
unsigned int fallback_nofragment(const struct page_layer *pl, const struct page_zone *z, gfp_t gfp);

/* ---- highatomic.c ---- */
/* @page of @order > 0 went to a request with ZONE_ALLOC_HARDER: its pageblock is kept for such. */
void highatomic_reserve(struct quarry *q, struct page_zone *z, struct page *page);
/*
 * Gives one reserved pageblock of a zone that the request may use back, as one of its type; without
 * @force each zone keeps its last one. False: there was none.
 */
bool highatomic_unreserve(struct quarry *q, const struct alloc_request *r, bool force);

/* ---- alloc.c ---- */
#define PAGE_WORD_IGNORED \
	(PAGE_WORD_ARENA_MASK | (uint64_t)15 << PAGE_WORD_TYPE_SHIFT) /* of one that may be freed */

/* Whether a block whose descriptor reads @word may be freed at @order by its last owner. */
static QUARRY_ALWAYS_INLINE bool alloc_may_free(uint64_t word, unsigned int order)
{
	return (word & ~PAGE_WORD_IGNORED) == page_word_alloc(order, 0);
}

/* The same, and @page stands where its word says: one of another machine may read as well. */
static QUARRY_ALWAYS_INLINE bool alloc_may_free_any(const struct page_layer *pl,
						    const struct page *page, uint64_t word,
						    unsigned int order)
{
	return alloc_may_free(word, order) && likely(memmap_is_descriptor(pl, page, word));
}

/*
 * Not the last reference, or something is wrong with freeing @page at @order, which is reported. True: it is the
 * last by now, as other CPUs let go meanwhile.
 */
QUARRY_COLD bool alloc_free_odd(struct quarry *q, struct page *page, unsigned int order);
/*
 * The same without a word: 1: @page may be freed; 0: it had more references, one is dropped; -1: it must not be, and
 * alloc_tell_odd() says why from what its descriptor @said.
 */
QUARRY_COLD int alloc_judge_odd(struct quarry *q, struct page *page, unsigned int order,
				uint64_t *said);
QUARRY_COLD void alloc_tell_odd(struct quarry *q, struct page *page, unsigned int order,
				uint64_t said);

/* ---- cpu.c ---- */
/* Makes what this CPU has, if that is nothing; if there is no memory for it, that stays so. Not under a lock. */
void cpu_make(struct quarry *q);
/* Counts @n blocks of @order out of @a for this CPU, which no sheaf counts. */
void cpu_count_allocs(struct quarry *q, const struct page_arena *a, unsigned int order, uint64_t n);
/* The same of one block, by an atomic, for whom this CPU may have interrupted. */
void cpu_count_nolock(struct quarry *q, struct page_zone *z, unsigned int order);
void cpu_count_free(struct quarry *q, const struct page_arena *a, unsigned int order);

/* ---- late.c ---- */
/* Inside: looks at the CPU's late blocks, and gives them back. */
void late_flush(struct quarry *q, struct page_cpu *cpu) QUARRY_REQUIRES(cpu->lock);
/* Inside: there is no room for another; the same for all but the last ones. */
void late_give_old(struct quarry *q, struct page_cpu *cpu) QUARRY_REQUIRES(cpu->lock);
/* Inside: a stage of @hands held @blocks. */
void late_watch(struct quarry *q, struct page_cpu *cpu, unsigned int hands, unsigned int blocks)
	QUARRY_REQUIRES(cpu->lock);
/* Inside: the same for all of them, and the CPU begins anew to find out how it frees. */
void late_end(struct quarry *q, struct page_cpu *cpu) QUARRY_REQUIRES(cpu->lock);
/* That on all CPUs that have any. No lock held. */
void late_settle(struct quarry *q);

#if !QUARRY_TINY
/* That on this CPU, unless others are at it. Never waits: any context. */
void late_settle_here(struct quarry *q);
static inline void late_settle_own(struct quarry *q)
{
	if (unlikely(quarry_load_relaxed(&page_this_cpu(q)->nr_late) != 0))
		late_settle_here(q);
}
#endif

/* Inside, late_on: @page, or NULL, is written down. True: late_give_old() is due. */
static QUARRY_ALWAYS_INLINE bool late_push(struct page_cpu *cpu, struct page *page,
					   unsigned int order) QUARRY_REQUIRES(cpu->lock)
{
	size_t n = cpu->nr_late;

	quarry_prefetch_write(page);
	cpu->late[n] = (uintptr_t)page | order;
	quarry_store_relaxed(&cpu->nr_late, (uint32_t)++n);
	return n == PAGE_LATE;
}

/* ---- pcp.c ---- */
struct page *pcp_alloc(struct quarry *q, struct page_zone *z, unsigned int order, unsigned int type,
		       unsigned int alloc_flags);
void pcp_free(struct quarry *q, struct page *page, unsigned int order);
/* Fills NULL entries of @pages with single pages, described; returns how many. Nothing but sheaves. */
size_t pcp_alloc_bulk(struct quarry *q, struct page_zone *z, unsigned int type,
		      unsigned int alloc_flags, size_t nr, struct page **pages);
/* One block out of a sheaf that is there and not empty, described; NULL: nothing was done. Never waits. */
struct page *pcp_alloc_nolock(struct quarry *q, const struct page_zone *z, unsigned int order,
			      unsigned int type);
/* Takes back a block that may be freed, if that is a matter of one bit; false: nothing was done. */
bool pcp_free_nolock(struct quarry *q, struct page *page, unsigned int order);
void pcp_init_in(struct page_cpu *cpu);
struct page_sheaf *pcp_no_sheaf(void); /* for struct page_fast; a constant */
/* Inside: some hands have been written down since the last time, or all are in use. */
void pcp_in_stage(struct quarry *q, struct page_cpu *cpu, unsigned int slot)
	QUARRY_REQUIRES(cpu->lock);
/* Inside: takes back @page, which is free by now, and keeps strictly to the limits. */
void pcp_push_counted(struct quarry *q, struct page_cpu *cpu, struct page *page, unsigned int slot)
	QUARRY_REQUIRES(cpu->lock);
/*
 * Inside: @page, a free whole pageblock that was allocated as @type, is the next to be handed out. False: it may
 * not be, or there is another.
 */
bool pcp_keep_huge(struct quarry *q, struct page_cpu *cpu, struct page *page, unsigned int type)
	QUARRY_REQUIRES(cpu->lock);
/* Inside, no feature is on: fills the empty sheaf @s of @slot. False: it takes the long way. */
bool pcp_refill(struct quarry *q, struct page_cpu *cpu, struct page_sheaf *s, unsigned int slot)
	QUARRY_REQUIRES(cpu->lock);
unsigned long pcp_pages(struct quarry *q, const struct page_zone *z);
unsigned long pcp_pages_of(struct quarry *q, const struct page_zone *z, unsigned int cpu);
/*
 * What @cpu has allocated and freed, by the zone's type and the order: its own counts, of what went past
 * the sheaves or through them the long way, and what the sheaves have seen come and go. Number nr_cpus: what
 * CPUs did that count nothing themselves.
 */
void pcp_events(struct quarry *q, unsigned int cpu,
		uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS],
		uint64_t frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS]);
/* Every CPU looks anew where its requests go first: zonelists or marks have changed. */
void pcp_update(struct quarry *q);

/* The descriptor of the first page of @page's word. */
static inline struct page *page_word_base(struct page *page)
{
	return (struct page *)((uintptr_t)page & ~(uintptr_t)(PAGE_WORD_BYTES - 1));
}

static inline unsigned int page_word_bit(const struct page *page)
{
	return (unsigned int)((uintptr_t)page / sizeof(struct page)) & (PAGE_BITS - 1);
}

/* cur is empty, and there are other hands: the first of them is cur. */
static inline void page_sheaf_turn(struct page_sheaf *s)
{
	page_hand_copy(&s->cur, &s->hand[s->at++]);
	if (s->at == s->n)
		s->at = s->n = 0;
	quarry_prefetch(s->cur.base + bits_ctz64(s->cur.mask));
}

/* Takes the lowest block of cur, whose @mask is not empty. */
static QUARRY_ALWAYS_INLINE struct page *page_sheaf_pop(struct page_sheaf *s, uint64_t mask)
{
	/* In 32 bits: the product is extended to an address for nothing, the index is not. */
	unsigned int offset = bits_ctz64(mask) * (unsigned int)sizeof(struct page);
	struct page *page = (struct page *)((uintptr_t)s->cur.base + offset);

	mask &= mask - 1;
	s->cur.mask = mask;
	if (unlikely(mask == 0) && s->n != 0)
		page_sheaf_turn(s);
	return page;
}

/* Blocks that are written down and not counted yet may be so many, the open hand included. */
static inline unsigned int pcp_in_least(unsigned int slot)
{
	return (PAGE_IN_STAGE + 1) * (PAGE_BITS >> slot);
}

/*
 * Takes back @page, which is free by now and does not belong to the open hand, into a hand of its own; the
 * one before is written down. Inside; its arena is not below q->strict_below. True: pcp_in_stage() is due.
 */
static QUARRY_ALWAYS_INLINE bool pcp_push(struct page_cpu *cpu, struct page *page,
					  unsigned int slot) QUARRY_REQUIRES(cpu->lock)
{
	struct page_hand *open = &cpu->open[slot];
	struct page_in *in = &cpu->in[slot];
	struct page *base = page_word_base(page);
	unsigned int n = in->n;

	if (likely(open->mask != 0)) {
		page_hand_copy(&in->hand[n++], open);
		in->n = (uint16_t)n;
	}
	/* One word after the other: then the next one is needed too. */
	if ((uintptr_t)base == (uintptr_t)open->base + PAGE_WORD_BYTES) {
		for (unsigned int k = 0; k < PAGE_WORD_BYTES; k += 64)
			quarry_prefetch_write((char *)(base + PAGE_BITS) + k);
	}
	open->base = base;
	open->mask = (uint64_t)1 << page_word_bit(page);
	return n % PAGE_IN_STAGE == 0;
}

/* Slot of an order in a set of sheaves; -1: the order is not cached. */
static inline int pcp_slot(unsigned int order)
{
	return order < PAGE_PCP_ORDERS           ? (int)order
	       : order == QUARRY_PAGEBLOCK_ORDER ? PAGE_PCP_HUGE
						 : -1;
}

/* ---- mover.c: pages that their owners can move ---- */
#if !QUARRY_TINY
/* Whether anybody can move anything: without, compaction is not worth a look. */
static inline bool mover_any(const struct quarry *q)
{
	return quarry_load_relaxed(&q->pages->nr_movers) != 0;
}
#endif
static inline unsigned int page_word_mover(uint64_t word)
{
	return (unsigned int)((word & PAGE_WORD_MOVER_MASK) >> PAGE_WORD_MOVER_SHIFT);
}

/* Whether @word is of an allocated block that somebody can move. */
static inline bool mover_can(uint64_t word)
{
	return (word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC && page_word_mover(word) != 0;
}

/*
 * Takes a reference to block @page and has its owner pin it. False: it is not, or no longer, a block
 * that can be moved, somebody else holds it, or the owner refuses. No lock held.
 */
bool mover_isolate(struct quarry *q, struct page *page);
/* The owner gets an isolated block back; if it has let go of it meanwhile, it is freed. */
void mover_putback(struct quarry *q, struct page *page);
/*
 * Moves isolated block @src to @dst, a block of the same order that the caller has taken out of the
 * buddy system. 0: @dst is the owner's; @src is the caller's, as an allocated block without mover.
 * Else the migrate callback's error: @dst is the caller's as before, @src is still isolated.
 */
int mover_move(struct quarry *q, struct page *dst, struct page *src);
/* The contents of @page, where a move has failed: what they are to be in the buddy system. */
void mover_discard(struct quarry *q, struct page *page, unsigned int order);

/* ---- isolate.c ---- */
/* First page of the allocated block that @pfn of @a lies in, or @pfn itself. a->lock held, or not. */
pfn_t isolate_block_start(const struct page_arena *a, pfn_t pfn);

/* ---- contig.c ---- */
/*
 * Moves all blocks that can be moved out of [start, end), whose pageblocks are isolated, once. 0;
 * -QUARRY_EBUSY: a block was refused, or its migration failed; -QUARRY_ENOMEM: no page to move to.
 */
int contig_migrate(struct quarry *q, pfn_t start, pfn_t end, gfp_t gfp);
/* Moves the one block that begins at @page somewhere else; its old place is then a plain allocated
 * block, the caller's. Errors as above; the block is then its owner's as before. */
int contig_migrate_block(struct quarry *q, struct page *page, gfp_t gfp);

/* ---- vacate.c: mechanics of compaction ---- */
/* One run over a zone. */
struct vacate {
	struct quarry *q;
	struct page_zone *z;
	bool async; /* give up when another CPU is at work on an arena; movable pageblocks only */
	bool ignore_skip; /* look at pageblocks that were of no use the last time too */
	bool any_target;  /* move into pageblocks of any type, not only movable ones and CMA */
	bool no_cma;      /* empty no CMA pageblocks: the block would be of no use */
	bool pack;      /* move only into pageblocks that are fuller than the one that is emptied */
	bool contended; /* out: given up */
	bool skipped;   /* out: a pageblock was passed over because of its hint */
	unsigned long goal;        /* vacate_zone(): pageblocks to empty */
	unsigned long made;        /* out: pageblocks emptied */
	unsigned int cramped;      /* how often there was no room to move to */
	struct page_arena *target; /* the pageblock that is being filled */
	unsigned int target_pb;
	uint64_t scanned, free_scanned, moved; /* out: pages */
};

/* Makes one free block of @order in arena @a; NULL: it cannot be done. The block is the caller's, out
 * of the buddy system; its pages read PAGE_WORD_FREE. */
struct page *vacate_block(struct vacate *v, struct page_arena *a, unsigned int order);
/* Empties pageblocks of the zone into others of it, while there is room and up to v->goal of them. */
void vacate_zone(struct vacate *v);

/* ---- fragmentation.c ---- */
/* Pageblocks that zone @z lacks for at most @percent of its free pages to lie in smaller blocks. */
unsigned long fragmentation_lack(struct quarry *q, const struct page_zone *z, unsigned int percent);

/* ---- compaction.c ---- */
enum compact_result {
	COMPACT_NOT_SUITABLE, /* failures in the zone are for lack of pages, not of order */
	COMPACT_SKIPPED,      /* too few free pages to move anything */
	COMPACT_DEFERRED,     /* it was of no use the last times */
	COMPACT_CONTINUE,     /* go on: the zone is suitable */
	COMPACT_COMPLETE,     /* the whole zone was looked at, and no block was made */
	COMPACT_PARTIAL,      /* the same, but for pageblocks skipped */
	COMPACT_CONTENDED,    /* given up: another CPU was in the way */
	COMPACT_SUCCESS,      /* there is a block now */
};

enum compact_priority { /* Linux: COMPACT_PRIO_* */
			COMPACT_PRIO_SYNC_FULL,
			COMPACT_PRIO_SYNC_LIGHT,
			COMPACT_PRIO_ASYNC,
};
#define COMPACT_PRIO_DEFAULT COMPACT_PRIO_SYNC_LIGHT

enum compact_result compaction_suitable(struct quarry *q, const struct page_zone *z,
					unsigned int order, unsigned int highest,
					unsigned int alloc_flags);
/*
 * Tries to make a block for request @r, zone by zone of its list. COMPACT_SUCCESS: if *@captured is not
 * NULL it is that block, as zone_take() would give it (no watermark was looked at, and nothing is
 * counted); else walk the list again. The best result of all zones otherwise. COMPACT_STALL, _SUCCESS
 * and _FAIL are the caller's to count: it knows whether the request was served. No lock held.
 */
enum compact_result compaction_direct(struct quarry *q, const struct alloc_request *r,
				      unsigned int alloc_flags, unsigned int priority,
				      struct page **captured);
/* Whether compaction of @z for @order failed lately, so that this call is to be passed over. */
bool compaction_deferred(struct page_zone *z, unsigned int order);
/* Such a block is there again; @success: the request was served. */
void compaction_defer_reset(struct page_zone *z, unsigned int order, bool success);
/* Asks kcompactd of node @nid for blocks of @order in zones up to @highest. Any context. */
void compaction_wake(struct quarry *q, int nid, unsigned int order, unsigned int highest);

/* ---- cma.c ---- */
/* Hands the pages of all areas declared so far to the buddy system; at boot. */
void cma_activate(struct quarry *q);

/* ---- zonelist.c ---- */
/* The lists for what pl->zone[] holds then; NULL: no memory. Made before anything changes. */
struct zonelist_set *zonelist_prepare(struct quarry *q, const uint64_t populated[PAGE_ZONE_WORDS]);
/* Which zones have pages now. */
void zonelist_populated(const struct page_layer *pl, uint64_t populated[PAGE_ZONE_WORDS]);
/* Computes the lists of @set, if they are new, and puts them in the place of those in use. */
void zonelist_publish(struct quarry *q, struct zonelist_set *set);

static inline const struct page_zonelist *zonelist_of(const struct page_node *node, bool this_node)
{
	return quarry_load_acquire(this_node ? &node->list_this : &node->list);
}

/* ---- meta.c ---- */
/* Whether a table of Quarry's lies in the page at @phys of the managed memory. */
bool meta_holds(struct quarry *q, phys_addr_t phys);

/* ---- hardened.c ---- */
#if QUARRY_HARDENED
/* meta.c: for the validator, whether marks beside tables are as they were; a fault is told. */
unsigned int meta_check(struct quarry *q, const struct quarry_out *out);
/* @z's marks have been computed. mark_lock held, or boot. */
void hardened_seal_zone(struct page_zone *z);
/* @list is about to be published. */
void hardened_seal_list(const struct page_layer *pl, struct page_zonelist *list);
/* The validator; a fault is told. */
unsigned int hardened_check(struct quarry *q, const struct quarry_out *out);
/* Reports what was written to, the first time. No lock held. */
void hardened_look(struct quarry *q);
#else
static inline unsigned int meta_check(struct quarry *q, const struct quarry_out *out)
{
	(void)q;
	(void)out;
	return 0;
}

static inline void hardened_seal_zone(struct page_zone *z)
{
	(void)z;
}

static inline void hardened_seal_list(const struct page_layer *pl, struct page_zonelist *list)
{
	(void)pl;
	(void)list;
}

static inline unsigned int hardened_check(struct quarry *q, const struct quarry_out *out)
{
	(void)q;
	(void)out;
	return 0;
}

static inline void hardened_look(struct quarry *q)
{
	(void)q;
}
#endif

/* ---- boot.c ---- */
/* Makes all tables, which memory can still be had for as boot memory afterwards. */
int page_boot(struct quarry *q, const struct quarry_boot_params *params);
/* Hands over what is free. Nothing can fail any more. */
void page_boot_finish(struct quarry *q);
void page_exit(struct quarry *q);
/* Each CPU's nearest node with memory: the first of its zonelist. */
void boot_settle_cpus(struct page_layer *pl);

/* ---- hotplug.c ---- */
size_t hotplug_bytes(pfn_t nr_sections); /* of struct hotplug_layer, in zeroes */
/* Only one change of the machine at a time; -QUARRY_EBUSY: there is one. */
int hotplug_begin(struct quarry *q);
void hotplug_end(struct quarry *q);

/* ---- hwpoison.c ---- */
/*
 * Which of the pages @mask of word @w of pageblock @i must not be set free: they are poisoned, and taken now.
 * For pageblocks with PAGE_PB_POISONED; a->lock held.
 */
#if !QUARRY_TINY
uint64_t hwpoison_keep(const struct page_layer *pl, struct page_arena *a, unsigned int i,
		       unsigned int w, uint64_t mask);
#else
static inline uint64_t hwpoison_keep(const struct page_layer *pl, struct page_arena *a,
				     unsigned int i, unsigned int w, uint64_t mask)
{
	(void)pl;
	(void)a;
	(void)i;
	(void)w;
	(void)mask;
	return 0;
}
#endif
/* Poisoned pages of the pageblock of @pfn, PAGE_WORDS words; NULL: it never had any. */
const uint64_t *hwpoison_bits(const struct page_layer *pl, pfn_t pfn);
/* For the validator: where a marked page is free; ~0: the count is wrong; 0: all is well. */
pfn_t hwpoison_fault(const struct page_layer *pl);
/* The memory of [@start, @end) is offline, and goes for good. */
void hwpoison_forget(struct quarry *q, pfn_t start, pfn_t end);

/* ---- accept.c ---- */
/* What boot was handed of @a goes out of it again if it is unaccepted. Before anything is filed. */
void accept_boot_arena(struct quarry *q, struct page_arena *a);
/* Accepts one pageblock of @z; false: there is none that can be. No lock held. */
bool accept_one(struct quarry *q, struct page_zone *z);
/* Brings @z up to its high watermark, and 2^@order pages. */
void accept_fill(struct quarry *q, struct page_zone *z, unsigned int order);

/* ---- cpu.c: the page layer's part; between hotplug_begin() and hotplug_end() ---- */
int page_cpu_may_leave(struct quarry *q, unsigned int cpu); /* 0, or why not */
void page_cpu_offline(struct quarry *q, unsigned int cpu);
int page_cpu_online(struct quarry *q, unsigned int cpu);

#endif
