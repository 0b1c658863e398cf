/* SPDX-License-Identifier: MIT */
/*
 * Pools that keep a minimum of elements in reserve, so that work which frees memory can go on when there is
 * none: whoever may wait gets an element sooner or later, as long as elements come back.
 *
 * Context of every call: any, as its gfp and the pool's own functions allow, unless it says otherwise.
 */
#ifndef QUARRY_MEMPOOL_H
#define QUARRY_MEMPOOL_H

#include <quarry/gfp.h>
#include <quarry/types.h>

struct kmem_cache;

/* One element out of @data, or NULL; and back. Called without a lock. */
typedef void *(*quarry_mempool_alloc_fn)(struct quarry *q, gfp_t gfp, void *data);
typedef void (*quarry_mempool_free_fn)(struct quarry *q, void *element, void *data);

/**
 * struct quarry_mempool - a pool; may lie in the caller's own structure, zero at first
 * @min_nr:   elements that it keeps
 * @curr_nr:  elements that it has now; min_nr but for those that could not be had elsewhere
 * @data:     passed to the next two
 * @alloc:    as given to quarry_mempool_init()
 * @free:     likewise
 *
 * The rest is Quarry's.
 */
struct quarry_mempool {
	unsigned int min_nr, curr_nr;
	void *data;
	quarry_mempool_alloc_fn alloc;
	quarry_mempool_free_fn free;
	void **elements;
	uint32_t lock[2];
	int nid;
};

/**
 * quarry_mempool_init_node() - fill a pool
 * @q:	    memory system, at QUARRY_STAGE_SLAB
 * @pool:   not in use
 * @min_nr: elements to keep, at least 1
 * @alloc:  source of elements
 * @free:   where they go
 * @data:   passed to both
 * @gfp:    for the table and the elements
 * @nid:    node of the table, and of waits; QUARRY_NO_NODE: the CPU's
 *
 * Context: as @alloc with @gfp. O(@min_nr).
 * Return: 0; -QUARRY_EINVAL: @min_nr is 0; -QUARRY_ENOMEM: the table or an element could not be had.
 * Nothing is held then, and quarry_mempool_exit() does nothing.
 */
QUARRY_MUST_CHECK int quarry_mempool_init_node(struct quarry *q, struct quarry_mempool *pool,
					       unsigned int min_nr, quarry_mempool_alloc_fn alloc,
					       quarry_mempool_free_fn free, void *data, gfp_t gfp,
					       int nid);

/** quarry_mempool_init() - quarry_mempool_init_node() of @q, @pool, @min_nr, @alloc, @free and @data with
 * GFP_KERNEL on the CPU's node. */
QUARRY_MUST_CHECK int quarry_mempool_init(struct quarry *q, struct quarry_mempool *pool,
					  unsigned int min_nr, quarry_mempool_alloc_fn alloc,
					  quarry_mempool_free_fn free, void *data);

/** quarry_mempool_exit() - free what is in @pool of @q; elements that are out go back with their own
 * free call. NULL, and a pool that is zero, are left alone. Context: nobody uses @pool. */
void quarry_mempool_exit(struct quarry *q, struct quarry_mempool *pool);

/** quarry_mempool_create_node() - quarry_mempool_init_node() of @q with @min_nr, @alloc, @free, @data, @gfp
 * and @nid in memory of its own. NULL where that fails. */
QUARRY_MUST_CHECK struct quarry_mempool *quarry_mempool_create_node(struct quarry *q,
								    unsigned int min_nr,
								    quarry_mempool_alloc_fn alloc,
								    quarry_mempool_free_fn free,
								    void *data, gfp_t gfp, int nid);

/** quarry_mempool_create() - quarry_mempool_create_node() of @q with @min_nr, @alloc, @free and @data, with
 * GFP_KERNEL on the CPU's node. */
QUARRY_MUST_CHECK struct quarry_mempool *quarry_mempool_create(struct quarry *q,
							       unsigned int min_nr,
							       quarry_mempool_alloc_fn alloc,
							       quarry_mempool_free_fn free,
							       void *data);

/** quarry_mempool_destroy() - quarry_mempool_exit() of @pool, from quarry_mempool_create() of @q, and its
 * own memory; NULL is allowed. */
void quarry_mempool_destroy(struct quarry *q, struct quarry_mempool *pool);

/**
 * quarry_mempool_resize() - keep more elements, or fewer
 * @q:	    memory system
 * @pool:   in use, by others too; but no other resize
 * @min_nr: elements to keep, at least 1
 *
 * Elements above a smaller @min_nr are freed. A larger reserve is filled as far as elements can be had now;
 * the rest comes with those that are given back.
 * Context: as its alloc call with GFP_KERNEL. Return: 0; -QUARRY_EINVAL: @min_nr is 0;
 * -QUARRY_ENOMEM: no room for the larger table, nothing changed.
 */
QUARRY_MUST_CHECK int quarry_mempool_resize(struct quarry *q, struct quarry_mempool *pool,
					    unsigned int min_nr);

/**
 * quarry_mempool_alloc() - take an element
 * @q:	  memory system
 * @pool: pool
 * @gfp:  as for its alloc call; __GFP_ZERO is not allowed, as elements of the reserve are not cleared, and dropped
 *
 * Asks the source first, without waiting, without reserves and without a warning; then the pool. With
 * __GFP_DIRECT_RECLAIM the source is then asked with all of @gfp, and after that port.wait lets time pass until an element has
 * come back or the source has one. A port without it has nothing to wait for.
 *
 * Context: as @gfp says. Return: the element; NULL without __GFP_DIRECT_RECLAIM, or without port.wait, if
 * there is none now.
 */
QUARRY_MUST_CHECK void *quarry_mempool_alloc(struct quarry *q, struct quarry_mempool *pool,
					     gfp_t gfp);

/** quarry_mempool_alloc_preallocated() - an element of the reserve of @pool of @q, or NULL; the source is
 * not asked. Context: any. */
QUARRY_MUST_CHECK void *quarry_mempool_alloc_preallocated(struct quarry *q,
							  struct quarry_mempool *pool);

/** quarry_mempool_free() - give @element back to @pool of @q: to the reserve if that is not full, else to
 * its source. NULL does nothing. Context: as its free call. */
void quarry_mempool_free(struct quarry *q, void *element, struct quarry_mempool *pool);

/** quarry_mempool_is_saturated() - whether the reserve of @pool is full. Context: any; a hint. */
bool quarry_mempool_is_saturated(const struct quarry_mempool *pool);

/*
 * ---- sources ----
 *
 * Elements of these are counted, by page_owner and quarry_slab_profiling(), for who called the pool; those of another
 * source for the place in it that took them.
 */

/** quarry_mempool_alloc_slab() - source: an object of @q with @gfp out of the struct kmem_cache at @data. */
void *quarry_mempool_alloc_slab(struct quarry *q, gfp_t gfp, void *data);
/** quarry_mempool_free_slab() - gives @element of @q back to the struct kmem_cache at @data. */
void quarry_mempool_free_slab(struct quarry *q, void *element, void *data);
/** quarry_mempool_kmalloc() - source: as many bytes of @q with @gfp as the size_t that @data is says. */
void *quarry_mempool_kmalloc(struct quarry *q, gfp_t gfp, void *data);
/** quarry_mempool_kfree() - quarry_kfree() of @element of @q; @data is not used. */
void quarry_mempool_kfree(struct quarry *q, void *element, void *data);
/** quarry_mempool_alloc_pages() - source: a block of @q with @gfp, of the order that @data is, as its
 * struct page. */
void *quarry_mempool_alloc_pages(struct quarry *q, gfp_t gfp, void *data);
/** quarry_mempool_free_pages() - gives back @element of @q, a block of the order that @data is. */
void quarry_mempool_free_pages(struct quarry *q, void *element, void *data);

/** quarry_mempool_create_slab_pool() - pool of @q of @min_nr objects of @cache; NULL: no memory. */
QUARRY_MUST_CHECK struct quarry_mempool *quarry_mempool_create_slab_pool(struct quarry *q,
									 unsigned int min_nr,
									 struct kmem_cache *cache);

/** quarry_mempool_create_kmalloc_pool() - pool of @q of @min_nr blocks of @size bytes; NULL: no
 * memory. */
QUARRY_MUST_CHECK struct quarry_mempool *quarry_mempool_create_kmalloc_pool(struct quarry *q,
									    unsigned int min_nr,
									    size_t size);

/** quarry_mempool_create_page_pool() - pool of @q of @min_nr blocks of 2^@order pages; NULL: no
 * memory. */
QUARRY_MUST_CHECK struct quarry_mempool *quarry_mempool_create_page_pool(struct quarry *q,
									 unsigned int min_nr,
									 unsigned int order);

#endif
