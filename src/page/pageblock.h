/* SPDX-License-Identifier: MIT */
/*
 * Sizes, what a descriptor says, and what is kept of a pageblock.
 *
 * A descriptor is one word; what it says goes from state to state by the calls of its owner, see page_word_state. Free pages
 * are bits: a pageblock's bitmap, 1 = free, and a record of where its arena has it on a list.
 */
#ifndef QUARRY_PAGE_PAGEBLOCK_H
#define QUARRY_PAGE_PAGEBLOCK_H

#include <quarry/quarry.h>

#include <base/bits.h>
#include <base/compiler.h>
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
#define PAGE_SHEAF_HANDS 31  /* beside the one that is being handed out */
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

#endif
