/* SPDX-License-Identifier: MIT */
/* Slab caches and the kmalloc family. */
#ifndef QUARRY_SLAB_H
#define QUARRY_SLAB_H

#include <quarry/gfp.h>
#include <quarry/types.h>

struct kmem_cache;

#ifndef SLAB_HWCACHE_ALIGN
#define SLAB_CONSISTENCY_CHECKS ((uint32_t)0x00000100u) /* F: each free is checked at once */
#define SLAB_RED_ZONE ((uint32_t)0x00000400u)           /* Z: guarded bytes left and right */
#define SLAB_POISON ((uint32_t)0x00000800u)             /* P: free objects hold a pattern */
#define SLAB_HWCACHE_ALIGN ((uint32_t)0x00002000u)      /* objects start on cache lines */
#define SLAB_CACHE_DMA ((uint32_t)0x00004000u)          /* pages from ZONE_DMA */
#define SLAB_CACHE_DMA32 ((uint32_t)0x00008000u)
#define SLAB_STORE_USER ((uint32_t)0x00010000u)      /* U: who took it, who gave it back */
#define SLAB_RECLAIM_ACCOUNT ((uint32_t)0x00020000u) /* pages from reclaimable pageblocks */
#define SLAB_PANIC ((uint32_t)0x00040000u)           /* accepted, ignored */
#define SLAB_TYPESAFE_BY_RCU ((uint32_t)0x00080000u) /* slabs outlive a grace period: rcu.h */
#define SLAB_TRACE ((uint32_t)0x00200000u)           /* T: a line in the log for each call */
#define SLAB_NOLEAKTRACE ((uint32_t)0x00800000u)     /* not merged; no U by a block without names */
#define SLAB_NO_MERGE ((uint32_t)0x01000000u)
#define SLAB_FAILSLAB ((uint32_t)0x02000000u) /* A: failslab may refuse it, see quarry_failslab() */
#define SLAB_ACCOUNT ((uint32_t)0x04000000u)
#endif

#define QUARRY_KMALLOC_MAX_CACHE_SIZE ((size_t)2 << QUARRY_PAGE_SHIFT) /* larger: whole pages */
#define QUARRY_KMALLOC_MAX_SIZE ((size_t)1 << (QUARRY_MAX_ORDER + QUARRY_PAGE_SHIFT))
#define QUARRY_ZERO_SIZE_PTR ((void *)16) /* kmalloc(0): may be freed, not read */

/**
 * struct kmem_cache_args - the rarer properties of a cache
 * @align: bytes, a power of two; 0: natural
 * @ctor:  runs once for each object when its slab is made, never between free and alloc
 * @size:  size of one place in bytes; 0: computed from object size, align and flags as Linux does.
 *	   For a replay, where the recording says what Linux took.
 * @useroffset: first byte of an object that may be copied to user space
 * @usersize: how many bytes of it may; 0: none. A cache with such a window is not merged.
 *	   quarry_check_object_size() looks
 * @freeptr_offset: with @use_freeptr_offset and a constructor or SLAB_TYPESAFE_BY_RCU: a word of the object,
 *	   aligned, that Linux may keep its free pointer in; else it comes after the object. It counts
 *	   in size only, as nothing is written into free objects here
 * @use_freeptr_offset: @freeptr_offset is given
 * @sheaf_capacity: objects that a CPU's sheaf should hold at least, up to 508; 0: by size
 */
struct kmem_cache_args {
	unsigned int align;
	void (*ctor)(void *object);
	unsigned int size;
	unsigned int useroffset, usersize;
	unsigned int freeptr_offset;
	bool use_freeptr_offset;
	unsigned int sheaf_capacity;
};

/* What a cache looks like now. Sizes are bytes. */
struct quarry_cache_info {
	const char *name;
	unsigned int object_size; /* as asked for */
	unsigned int size;        /* with alignment and what Linux would add */
	unsigned int align;
	uint32_t flags;
	unsigned int objs_per_slab;
	unsigned int order;     /* preferred */
	unsigned int min_order; /* fallback */
	unsigned int min_partial;
	unsigned int cpu_partial;
	int refcount;                          /* caches merged into this one, itself included */
	unsigned long active_objs;             /* owned by callers */
	unsigned long cached_objs;             /* in sheaves and depot */
	unsigned long num_objs;                /* places in all slabs */
	unsigned long active_slabs, num_slabs; /* active: not wholly free */
	unsigned long nr_partial;
	unsigned long pages;                             /* in all slabs */
	uint64_t allocs, frees, refused, order_fallback; /* since creation; merged over CPUs */
	unsigned int inuse;                              /* object size in whole words */
	unsigned int offset; /* where Linux would keep the free pointer; counts in size only */
	gfp_t allocflags;    /* added to every request for pages */
	unsigned int min_objs_per_slab; /* at min_order */
	unsigned int sheaf_capacity;    /* objects in one per-CPU sheaf; 0: none */
	unsigned int useroffset, usersize;
	unsigned int red_left_pad; /* bytes guarded before each object */
	unsigned int colours;      /* slabs begin at so many offsets, colour_off apart; 0: at one */
	unsigned int colour_off;
};

/**
 * quarry_kmem_cache_create() - make a cache of equal objects
 * @q:		 memory system, at QUARRY_STAGE_SLAB
 * @name:	 kept by reference: must outlive the cache and those merged into it
 * @object_size: bytes, 1..QUARRY_KMALLOC_MAX_SIZE
 * @flags:	 SLAB_*
 * @args:	 NULL: all defaults
 *
 * Size, order and objects per slab are what Linux 6.1 computes for this machine's CPUs. A cache of
 * like size and flags without constructor is shared (merged) unless SLAB_NO_MERGE: both callers then
 * get the same pointer, and each destroys it once. kmalloc's own caches are not shared.
 *
 * Context: may not be interrupt. Return: the cache; NULL if an argument is out of range, the table
 * of caches is full or memory is out, nothing changed.
 */
QUARRY_MUST_CHECK struct kmem_cache *quarry_kmem_cache_create(struct quarry *q, const char *name,
							      unsigned int object_size,
							      uint32_t flags,
							      const struct kmem_cache_args *args);

/**
 * quarry_kmem_cache_destroy() - drop a reference to a cache; the last one gives back its slabs
 * @q:	   memory system
 * @cache: NULL is allowed
 *
 * Context: not interrupt; no other CPU may still use the cache. Return: 0; -QUARRY_EBUSY if objects
 * are still owned, or the cache is kmalloc's, which is reported; the cache then stays usable.
 */
int quarry_kmem_cache_destroy(struct quarry *q, struct kmem_cache *cache);

/** quarry_kmem_cache_shrink() - empty sheaves and depot of @cache of @q and give back free slabs. Where
 * CPUs work at once (port.concurrent) these are the sheaves of the caller's CPU; the others are asked, and
 * empty theirs when they next find them empty or full, or at their next quarry_slab_reap(). Context: not
 * interrupt. Returns slabs still held. */
unsigned long quarry_kmem_cache_shrink(struct quarry *q, struct kmem_cache *cache);

/** quarry_kmem_cache_quiesce() - the same for the sheaves of all CPUs of @q, at once. Context: not interrupt,
 * nobody else uses @cache. Returns slabs still held: in each is an object that somebody owns. */
unsigned long quarry_kmem_cache_quiesce(struct quarry *q, struct kmem_cache *cache);

/**
 * quarry_kmem_cache_alloc() - take one object
 * @q:	   memory system
 * @cache: its cache
 * @gfp:   as for quarry_alloc_pages(); __GFP_ZERO clears it (never with a constructor)
 *
 * Context: any, interrupt included if @gfp lacks __GFP_DIRECT_RECLAIM. Fast path: one pop from the
 * CPU's sheaf. Return: the object, or NULL, nothing changed.
 */
QUARRY_MUST_CHECK void *quarry_kmem_cache_alloc(struct quarry *q, struct kmem_cache *cache,
						gfp_t gfp);

/** quarry_kmem_cache_alloc_node() - quarry_kmem_cache_alloc() of @q from @cache with @gfp, from
 * node @nid if it has room. */
QUARRY_MUST_CHECK void *quarry_kmem_cache_alloc_node(struct quarry *q, struct kmem_cache *cache,
						     gfp_t gfp, int nid);

/**
 * quarry_kmem_cache_free() - give back an object
 * @q:	    memory system
 * @cache:  the cache it came from
 * @object: NULL does nothing
 *
 * A foreign pointer, one of another cache or one into the middle of an object is reported and left
 * alone. A double free is found when the object goes from the sheaf back to its slab, at the latest by
 * quarry_kmem_cache_quiesce(); at once with SLAB_CONSISTENCY_CHECKS. The object is not written to.
 * Context: any. Fast path: one push to the CPU's sheaf.
 */
void quarry_kmem_cache_free(struct quarry *q, struct kmem_cache *cache, void *object);

/**
 * quarry_kmem_cache_alloc_bulk() - take @nr objects, or none
 * @q:	     memory system
 * @cache:   their cache
 * @gfp:     as for quarry_kmem_cache_alloc()
 * @nr:	     how many; 0 is allowed
 * @objects: gets them; undefined after a failure
 *
 * Context: as quarry_kmem_cache_alloc(). Return: true; false: not all could be had, nothing changed.
 */
QUARRY_MUST_CHECK bool quarry_kmem_cache_alloc_bulk(struct quarry *q, struct kmem_cache *cache,
						    gfp_t gfp, size_t nr, void **objects);

/** quarry_kmem_cache_free_bulk() - quarry_kmem_cache_free() of @q and @cache for each of the @nr
 * @objects. */
void quarry_kmem_cache_free_bulk(struct quarry *q, struct kmem_cache *cache, size_t nr,
				 void **objects);

/** quarry_kmalloc() - take @size bytes of @q with @gfp, aligned to 8, to @size if that is a power
 * of two; 0 gives QUARRY_ZERO_SIZE_PTR. Above QUARRY_KMALLOC_MAX_CACHE_SIZE whole pages. NULL on
 * failure. Context as quarry_kmem_cache_alloc(). */
QUARRY_MUST_CHECK void *quarry_kmalloc(struct quarry *q, size_t size, gfp_t gfp);

/** quarry_kmalloc_node() - quarry_kmalloc() of @q with @size and @gfp, from node @nid if it has
 * room. */
QUARRY_MUST_CHECK void *quarry_kmalloc_node(struct quarry *q, size_t size, gfp_t gfp, int nid);

/** quarry_kzalloc() - quarry_kmalloc() of @q with @size and @gfp, cleared. */
QUARRY_MUST_CHECK void *quarry_kzalloc(struct quarry *q, size_t size, gfp_t gfp);

/** quarry_kcalloc() - cleared array of @q, @n times @size bytes, with @gfp; NULL if the product
 * overflows. Context as quarry_kmalloc(). */
QUARRY_MUST_CHECK void *quarry_kcalloc(struct quarry *q, size_t n, size_t size, gfp_t gfp);

/** quarry_krealloc() - make @p of @q hold @size bytes with @gfp: @p itself if it does already,
 * else a copy; @size 0 frees. NULL on failure, @p stays. With __GFP_ZERO, which must then have been in
 * every call for @p, all that is added is zero: quarry_krealloc_node_align(). */
QUARRY_MUST_CHECK void *quarry_krealloc(struct quarry *q, void *p, size_t size, gfp_t gfp);

/** quarry_kfree() - give back @p of @q, from any of the calls above or a cache; NULL and
 * QUARRY_ZERO_SIZE_PTR do nothing. Damage is reported as by quarry_kmem_cache_free(). Context:
 * any. */
void quarry_kfree(struct quarry *q, void *p);

/** quarry_ksize() - bytes usable at @p of @q; 0 for NULL and foreign pointers. Context: any. */
size_t quarry_ksize(struct quarry *q, const void *p);

/** quarry_kmalloc_cache() - the cache that quarry_kmalloc() of @q uses for @size and @gfp, made if nobody has
 * wanted it yet; NULL if none. */
struct kmem_cache *quarry_kmalloc_cache(struct quarry *q, size_t size, gfp_t gfp);

/** quarry_virt_to_cache() - the cache of @q that @p belongs to; NULL if none. Context: any. */
struct kmem_cache *quarry_virt_to_cache(struct quarry *q, const void *p);

/** quarry_kmem_cache_info() - describe @cache of @q in @info. Context: not interrupt. Exact when
 * no other CPU is at work. */
void quarry_kmem_cache_info(struct quarry *q, struct kmem_cache *cache,
			    struct quarry_cache_info *info);

/** quarry_slab_pages() - pages in slabs on node @nid of @q: those of caches with SLAB_RECLAIM_ACCOUNT in
 * @reclaimable, all others, and those of kmalloc() above the largest class, in @unreclaimable (Linux: nr_slab_reclaimable, nr_slab_unreclaimable). Context:
 * not interrupt. O(caches). */
void quarry_slab_pages(struct quarry *q, int nid, unsigned long *reclaimable,
		       unsigned long *unreclaimable);

/** quarry_kmem_cache_next() - the cache of @q made before @cache, the newest for NULL: the order
 * of /proc/slabinfo. NULL at the end. For NULL it first makes those of kmalloc's that nobody has wanted yet; if there is
 * no memory for them the list is without. Context: not interrupt, no lock held; nobody
 * destroys @cache meanwhile. */
struct kmem_cache *quarry_kmem_cache_next(struct quarry *q, struct kmem_cache *cache);

/**
 * quarry_kmem_cache_for_each() - call a function with every cache of @q, the newest first
 * @q:	 memory system
 * @fn:	 gets a cache and @arg; other than 0 ends the walk
 * @arg: as @fn wants it
 *
 * Caches may be created and destroyed meanwhile, on other CPUs; the one that @fn looks at stays until it
 * returns. @fn destroys none. Context: as quarry_kmem_cache_next(). Return: what the last call of @fn
 * returned; 0 if there was none.
 */
int quarry_kmem_cache_for_each(struct quarry *q, int (*fn)(struct kmem_cache *cache, void *arg),
			       void *arg);

/* ---- debugging ---- */

/**
 * quarry_slab_debug() - debug caches, as the boot parameter slab_debug= (slub_debug=) says
 * @q:	  memory system, at QUARRY_STAGE_SLAB
 * @text: OPTIONS[,NAME[,NAME]...][;OPTIONS...]; kept until the next call. OPTIONS are letters:
 *
 *	F	each free is checked at once: double, interior, foreign, wrong cache
 *	Z	red zones left and right of objects, 0xcc, or 0xbb while free
 *	P	poison: 0x6b and a last 0xa5 in free objects, 0x5a around
 *	U	who took an object and who freed it last: caller, CPU, time, and the port's stack()
 *	T	a line in the log for each call
 *	A	failslab with cache-filter may refuse it, see quarry_failslab()
 *	O	not for caches whose slabs would have to be larger
 *	-	none, even if the cache's creator wants it
 *
 * No letters: FZPU; nothing between two semicolons, or after the last: no block. A NAME may end in a star. The first block that names a cache counts for it, else the
 * last block without names. Sizes of places, orders and objects per slab are those that Linux 6.1 has then.
 * Example: "FZPU,kmalloc-*;-,dentry". Memory that cannot be reached (no_access) is laid out, not written.
 *
 * Caches that are made later obey it. Those that exist are emptied and laid out anew, if no objects are
 * owned; call it right after quarry_boot() for kmalloc's. Debugged caches are slow and have no sheaves.
 *
 * Damage makes one report, that says which object of which cache, which bytes, and with U who took it and
 * who freed it; the object is taken out of use. Context: no other CPU at work.
 * Return: caches whose debugging would change, but that have objects: they stay as they are; -QUARRY_EINVAL:
 * unknown letter or more than 511 characters, -QUARRY_ENOMEM; nothing changed.
 */
int quarry_slab_debug(struct quarry *q, const char *text);

/** quarry_cache_validate() - check red zones, poison and padding of all objects of @cache of @q; each damage
 * is reported and put right. Context: no other CPU at work. Returns objects and ends of slabs that were
 * damaged; -QUARRY_EINVAL: the cache is not debugged. O(slabs of all caches + bytes of this one). */
int quarry_cache_validate(struct quarry *q, struct kmem_cache *cache);

/**
 * quarry_failslab() - have requests for objects fail by will, as with CONFIG_FAILSLAB
 * @q:	  memory system, at QUARRY_STAGE_SLAB
 * @text: parameters as Linux spells them, between blanks; all are taken, or none:
 *
 *	failslab=INTERVAL,PROBABILITY,SPACE,TIMES
 *				every INTERVALth, in PROBABILITY percent of cases, after SPACE bytes of
 *				objects, TIMES times (-1: without end); 1,0,0,1: off
 *	failslab.interval= .probability= .space= .times= .seed=
 *	failslab.ignore-gfp-wait=Y	requests that may wait do not fail (Y)
 *	failslab.cache-filter=Y		only caches with SLAB_FAILSLAB: by their creator, or slab_debug=A (N)
 *	fail-nth=N			the Nth request for an object from now fails, whatever chance would
 *					say; 0: off
 *
 * While it is on, the caches that it may touch have no sheaves. Requests with __GFP_NOFAIL do not fail.
 * Context: no other CPU at work. Return: 0; -QUARRY_EINVAL: unknown name or bad value, -QUARRY_ENOMEM;
 * nothing changed.
 */
int quarry_failslab(struct quarry *q, const char *text);

/** quarry_failslab_injected() - how many requests failed by quarry_failslab() of @q. Context: any. */
uint64_t quarry_failslab_injected(const struct quarry *q);

#endif
