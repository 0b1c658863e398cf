/* SPDX-License-Identifier: MIT */
/* Slab caches and the kmalloc family. */
#ifndef QUARRY_SLAB_H
#define QUARRY_SLAB_H

#include <quarry/gfp.h>
#include <quarry/types.h>

struct kmem_cache;

#ifndef SLAB_HWCACHE_ALIGN
#define SLAB_CONSISTENCY_CHECKS ((uint32_t)0x00000100u) /* no sheaves: frees are checked at once */
#define SLAB_HWCACHE_ALIGN ((uint32_t)0x00002000u)      /* objects start on cache lines */
#define SLAB_CACHE_DMA ((uint32_t)0x00004000u)          /* pages from ZONE_DMA */
#define SLAB_CACHE_DMA32 ((uint32_t)0x00008000u)
#define SLAB_RECLAIM_ACCOUNT ((uint32_t)0x00020000u) /* pages from reclaimable pageblocks */
#define SLAB_PANIC ((uint32_t)0x00040000u)           /* accepted, ignored */
#define SLAB_TYPESAFE_BY_RCU ((uint32_t)0x00080000u) /* in the size only: pages are not held back */
#define SLAB_NO_MERGE ((uint32_t)0x01000000u)
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
 */
struct kmem_cache_args {
	unsigned int align;
	void (*ctor)(void *object);
	unsigned int size;
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

/** quarry_kmem_cache_shrink() - empty sheaves and depot of @cache of @q and give back free slabs.
 * Context: not interrupt, nobody else uses @cache. Returns slabs still held. */
unsigned long quarry_kmem_cache_shrink(struct quarry *q, struct kmem_cache *cache);

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
 * quarry_kmem_cache_shrink(); at once with SLAB_CONSISTENCY_CHECKS. The object is not written to.
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
 * overflows. */
QUARRY_MUST_CHECK void *quarry_kcalloc(struct quarry *q, size_t n, size_t size, gfp_t gfp);

/** quarry_krealloc() - make @p of @q hold @size bytes with @gfp: @p itself if it does already,
 * else a copy; @size 0 frees. NULL on failure, @p stays. */
QUARRY_MUST_CHECK void *quarry_krealloc(struct quarry *q, void *p, size_t size, gfp_t gfp);

/** quarry_kfree() - give back @p of @q, from any of the calls above or a cache; NULL and
 * QUARRY_ZERO_SIZE_PTR do nothing. Damage is reported as by quarry_kmem_cache_free(). Context:
 * any. */
void quarry_kfree(struct quarry *q, void *p);

/** quarry_ksize() - bytes usable at @p of @q; 0 for NULL and foreign pointers. */
size_t quarry_ksize(struct quarry *q, const void *p);

/** quarry_kmalloc_cache() - the cache that quarry_kmalloc() of @q uses for @size and @gfp; NULL if
 * none. */
struct kmem_cache *quarry_kmalloc_cache(struct quarry *q, size_t size, gfp_t gfp);

/** quarry_virt_to_cache() - the cache of @q that @p belongs to; NULL if none. */
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
 * of /proc/slabinfo. NULL at the end. */
struct kmem_cache *quarry_kmem_cache_next(struct quarry *q, struct kmem_cache *cache);

#endif
