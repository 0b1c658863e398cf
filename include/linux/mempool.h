/* SPDX-License-Identifier: MIT */
/* Pools with a reserve. */
#ifndef _QUARRY_LINUX_MEMPOOL_H
#define _QUARRY_LINUX_MEMPOOL_H

#include <linux/slab.h>

struct kmem_cache;

typedef void *(mempool_alloc_t)(gfp_t gfp, void *pool_data);
typedef void(mempool_free_t)(void *element, void *pool_data);

typedef struct mempool_s {
	struct quarry_mempool own;
	void *pool_data;
	mempool_alloc_t *alloc;
	mempool_free_t *free;
} mempool_t;

static inline void *mempool_call_alloc(struct quarry *q, gfp_t gfp, void *data)
{
	mempool_t *pool = (mempool_t *)data;

	(void)q;
	return pool->alloc(gfp, pool->pool_data);
}

static inline void mempool_call_free(struct quarry *q, void *element, void *data)
{
	mempool_t *pool = (mempool_t *)data;

	(void)q;
	pool->free(element, pool->pool_data);
}

static inline void *mempool_alloc_slab(gfp_t gfp, void *pool_data)
{
	return quarry_mempool_alloc_slab(quarry_linux(), gfp, pool_data);
}

static inline void mempool_free_slab(void *element, void *pool_data)
{
	quarry_mempool_free_slab(quarry_linux(), element, pool_data);
}

static inline void *mempool_kmalloc(gfp_t gfp, void *pool_data)
{
	return quarry_mempool_kmalloc(quarry_linux(), gfp, pool_data);
}

static inline void mempool_kfree(void *element, void *pool_data)
{
	quarry_mempool_kfree(quarry_linux(), element, pool_data);
}

static inline void *mempool_alloc_pages(gfp_t gfp, void *pool_data)
{
	return quarry_mempool_alloc_pages(quarry_linux(), gfp, pool_data);
}

static inline void mempool_free_pages(void *element, void *pool_data)
{
	quarry_mempool_free_pages(quarry_linux(), element, pool_data);
}

/* The library's own sources it calls itself: their elements are counted where the pool was called. */
static inline quarry_mempool_alloc_fn mempool_own_alloc(mempool_alloc_t *fn)
{
	return fn == mempool_alloc_slab    ? quarry_mempool_alloc_slab
	       : fn == mempool_kmalloc     ? quarry_mempool_kmalloc
	       : fn == mempool_alloc_pages ? quarry_mempool_alloc_pages
					   : NULL;
}

static inline quarry_mempool_free_fn mempool_own_free(mempool_free_t *fn)
{
	return fn == mempool_free_slab    ? quarry_mempool_free_slab
	       : fn == mempool_kfree      ? quarry_mempool_kfree
	       : fn == mempool_free_pages ? quarry_mempool_free_pages
					  : NULL;
}

static inline bool mempool_initialized(mempool_t *pool)
{
	return pool->own.elements != NULL;
}

static inline bool mempool_is_saturated(mempool_t *pool)
{
	return quarry_mempool_is_saturated(&pool->own);
}

static inline int mempool_init_node(mempool_t *pool, int min_nr, mempool_alloc_t *alloc_fn,
				    mempool_free_t *free_fn, void *pool_data, gfp_t gfp, int nid)
{
	pool->alloc = alloc_fn;
	pool->free = free_fn;
	pool->pool_data = pool_data;
	if (mempool_own_alloc(alloc_fn) != NULL && mempool_own_free(free_fn) != NULL)
		return quarry_mempool_init_node(quarry_linux(), &pool->own, (unsigned int)min_nr,
						mempool_own_alloc(alloc_fn),
						mempool_own_free(free_fn), pool_data, gfp, nid);
	return quarry_mempool_init_node(quarry_linux(), &pool->own, (unsigned int)min_nr,
					mempool_call_alloc, mempool_call_free, pool, gfp, nid);
}

static inline int mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc_fn,
			       mempool_free_t *free_fn, void *pool_data)
{
	return mempool_init_node(pool, min_nr, alloc_fn, free_fn, pool_data, GFP_KERNEL,
				 QUARRY_NO_NODE);
}

static inline void mempool_exit(mempool_t *pool)
{
	quarry_mempool_exit(quarry_linux(), &pool->own);
}

static inline mempool_t *mempool_create_node(int min_nr, mempool_alloc_t *alloc_fn,
					     mempool_free_t *free_fn, void *pool_data, gfp_t gfp,
					     int nid)
{
	mempool_t *pool = (mempool_t *)kzalloc_node(sizeof(*pool), gfp, nid);

	if (pool != NULL &&
	    mempool_init_node(pool, min_nr, alloc_fn, free_fn, pool_data, gfp, nid) != 0) {
		kfree(pool);
		return NULL;
	}
	return pool;
}

static inline mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc_fn,
					mempool_free_t *free_fn, void *pool_data)
{
	return mempool_create_node(min_nr, alloc_fn, free_fn, pool_data, GFP_KERNEL,
				   QUARRY_NO_NODE);
}

static inline void mempool_destroy(mempool_t *pool)
{
	if (pool != NULL)
		mempool_exit(pool);
	kfree(pool);
}

static inline int mempool_resize(mempool_t *pool, int new_min_nr)
{
	return quarry_mempool_resize(quarry_linux(), &pool->own, (unsigned int)new_min_nr);
}

static inline void *mempool_alloc(mempool_t *pool, gfp_t gfp)
{
	return quarry_mempool_alloc(quarry_linux(), &pool->own, gfp);
}

static inline void *mempool_alloc_preallocated(mempool_t *pool)
{
	return quarry_mempool_alloc_preallocated(quarry_linux(), &pool->own);
}

static inline void mempool_free(void *element, mempool_t *pool)
{
	quarry_mempool_free(quarry_linux(), element, &pool->own);
}

static inline mempool_t *mempool_create_slab_pool(int min_nr, struct kmem_cache *kc)
{
	return mempool_create(min_nr, mempool_alloc_slab, mempool_free_slab, kc);
}

static inline mempool_t *mempool_create_kmalloc_pool(int min_nr, size_t size)
{
	return mempool_create(min_nr, mempool_kmalloc, mempool_kfree, (void *)(uintptr_t)size);
}

static inline mempool_t *mempool_create_page_pool(int min_nr, int order)
{
	return mempool_create(min_nr, mempool_alloc_pages, mempool_free_pages,
			      (void *)(uintptr_t)order);
}

#endif
