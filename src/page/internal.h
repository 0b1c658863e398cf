/* SPDX-License-Identifier: MIT */
/* What the page layer's files share, by the file that has it. Its state is in layer.h. */
#ifndef QUARRY_PAGE_INTERNAL_H
#define QUARRY_PAGE_INTERNAL_H

#include "layer.h"

#include <base/bits.h>
#include <base/compiler.h>
#include <base/lock.h>
#include <base/meta.h>
#include <base/quarry_state.h>

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
/* Frees whole pageblocks, the @n hands @h, all of @a. The same. */
int64_t arena_put_huge(struct quarry *q, struct page_arena *a, const struct page_hand *h,
		       unsigned int n) QUARRY_REQUIRES(a->lock);
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
void watermark_update_limits(
	struct quarry *q); /* arenas have come: what CPUs may hold back of them */
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
/* Inside: too many whole pageblocks are late. */
void late_give_huge(struct quarry *q, struct page_cpu *cpu) QUARRY_REQUIRES(cpu->lock);
/* Inside: a stage of @hands held @blocks. */
void late_watch(struct quarry *q, struct page_cpu *cpu, unsigned int hands, unsigned int blocks)
	QUARRY_REQUIRES(cpu->lock);
/* Inside: whole pageblocks filled the hands, of which @limit were allowed. */
void late_watch_huge(struct quarry *q, struct page_cpu *cpu, unsigned int limit)
	QUARRY_REQUIRES(cpu->lock);
/* Inside: the same for all of them, and the CPU begins anew to find out how it frees. */
void late_end(struct quarry *q, struct page_cpu *cpu) QUARRY_REQUIRES(cpu->lock);
/* That on all CPUs that have any. No lock held. */
void late_settle(struct quarry *q);
/* The same on all CPUs: those, too, that have none now but are about to. */
void late_stop(struct quarry *q);

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

/* Inside, late_huge_on: the same of a whole pageblock. True: late_give_huge() is due. */
static inline bool late_push_huge(struct page_cpu *cpu, struct page *page)
	QUARRY_REQUIRES(cpu->lock)
{
	bool full = late_push(cpu, page, PAGE_PCP_HUGE);

	return ++cpu->nr_late_huge == PAGE_LATE_HUGE || full;
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
 * Inside: takes back @page, a free whole pageblock that was allocated as @type; it is the next to be handed out if it may
 * be and there is no other. True: something went to its arena.
 */
bool pcp_free_huge(struct quarry *q, struct page_cpu *cpu, struct page *page, unsigned int type)
	QUARRY_REQUIRES(cpu->lock);
/* Inside: the same of pageblock @i of @a, which is not kept. */
bool pcp_push_huge(struct quarry *q, struct page_cpu *cpu, const struct page_arena *a, size_t i)
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
