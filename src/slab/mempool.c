/* SPDX-License-Identifier: MIT */
/*
 * Pools with a reserve.
 *
 * Problem    Writing out a page needs a request structure, and there is no memory because the page is not
 *            written out. A pool keeps min_nr elements for that moment.
 *
 * Terms      The source is what the pool's alloc and free stand for. The reserve is elements[0..curr_nr).
 *
 * Invariant  curr_nr <= min_nr, and below only while elements that the reserve gave are out, or after a
 *            resize that found no more. Given back, elements go to the reserve before the source.
 *
 * Callers    The library's own sources are not called by their address: who called the pool is told to the caches
 *            or the pages. A source of the caller's own answers for itself.
 *
 * Locks      The pool's lock guards table and counts, and nothing is called under it.
 */
#include "sheaf.h"

_Static_assert(sizeof(((struct quarry_mempool *)NULL)->lock) == sizeof(struct quarry_lock),
	       "room for the lock");

static struct quarry_lock *mempool_lock_of(struct quarry_mempool *pool)
{
	return (struct quarry_lock *)(void *)pool->lock;
}

static quarry_pin_t mempool_lock(struct quarry *q, struct quarry_mempool *pool)
	QUARRY_ACQUIRES(*mempool_lock_of(pool))
{
	return quarry_lock(q->concurrent, mempool_lock_of(pool));
}

static void mempool_unlock(struct quarry *q, struct quarry_mempool *pool, quarry_pin_t pin)
	QUARRY_RELEASES(*mempool_lock_of(pool))
{
	quarry_unlock(q->concurrent, mempool_lock_of(pool), pin);
}

/* Of the pool's own; slab_side_free() takes it. */
static void *mempool_side_alloc(struct quarry *q, size_t size, gfp_t gfp, const void *caller)
{
	return q->no_access ? quarry_meta_alloc(q, size)
			    : quarry_kmalloc_track_caller(q, size, gfp & ~__GFP_ZERO, caller);
}

static void **mempool_table(struct quarry *q, unsigned int nr, gfp_t gfp, const void *caller)
{
	size_t bytes;

	if (quarry_mul_overflows((size_t)nr, sizeof(void *), &bytes))
		return NULL;
	return mempool_side_alloc(q, bytes, gfp, caller);
}

/* An element of the source, for the call that returns to @caller. */
static void *mempool_ask(struct quarry *q, struct quarry_mempool *pool, gfp_t gfp,
			 const void *caller)
{
	uintptr_t number = (uintptr_t)pool->data;

	if (pool->alloc == quarry_mempool_alloc_slab)
		return sheaf_alloc_for(q, pool->data, gfp, caller);
	if (pool->alloc == quarry_mempool_kmalloc)
		return quarry_kmalloc_track_caller(q, (size_t)number, gfp, caller);
	if (pool->alloc == quarry_mempool_alloc_pages)
		return page_alloc_for(q, gfp, (unsigned int)number, caller);
	return pool->alloc(q, gfp, pool->data);
}

void quarry_mempool_exit(struct quarry *q, struct quarry_mempool *pool)
{
	if (pool == NULL || pool->elements == NULL)
		return;
	while (pool->curr_nr != 0)
		pool->free(q, pool->elements[--pool->curr_nr], pool->data);
	slab_side_free(q, pool->elements);
	pool->elements = NULL;
}

/* Fills a pool that has what the caller says, and nothing else. */
static int mempool_start(struct quarry *q, struct quarry_mempool *pool, gfp_t gfp,
			 const void *caller)
{
	void *element;

	quarry_lock_init(mempool_lock_of(pool), QUARRY_LOCK_LEAF);
	if (pool->min_nr == 0)
		return -QUARRY_EINVAL;
	pool->elements = mempool_table(q, pool->min_nr, gfp, caller);
	if (pool->elements == NULL)
		return -QUARRY_ENOMEM;
	while (pool->curr_nr < pool->min_nr) {
		element = mempool_ask(q, pool, gfp, caller);
		if (element == NULL) {
			quarry_mempool_exit(q, pool);
			return -QUARRY_ENOMEM;
		}
		pool->elements[pool->curr_nr++] = element;
	}
	return 0;
}

int quarry_mempool_init_node(struct quarry *q, struct quarry_mempool *pool, unsigned int min_nr,
			     quarry_mempool_alloc_fn alloc, quarry_mempool_free_fn free, void *data,
			     gfp_t gfp, int nid)
{
	*pool = (struct quarry_mempool){
		.min_nr = min_nr, .data = data, .alloc = alloc, .free = free, .nid = nid};
	return mempool_start(q, pool, gfp, QUARRY_RETURN_ADDRESS());
}

int quarry_mempool_init(struct quarry *q, struct quarry_mempool *pool, unsigned int min_nr,
			quarry_mempool_alloc_fn alloc, quarry_mempool_free_fn free, void *data)
{
	*pool = (struct quarry_mempool){.min_nr = min_nr,
					.data = data,
					.alloc = alloc,
					.free = free,
					.nid = QUARRY_NO_NODE};
	return mempool_start(q, pool, GFP_KERNEL, QUARRY_RETURN_ADDRESS());
}

/* A pool like @want, in memory of its own. */
static struct quarry_mempool *mempool_create(struct quarry *q, const struct quarry_mempool *want,
					     gfp_t gfp, const void *caller)
{
	struct quarry_mempool *pool = mempool_side_alloc(q, sizeof(*pool), gfp, caller);

	if (pool == NULL)
		return NULL;
	*pool = *want;
	if (mempool_start(q, pool, gfp, caller) == 0)
		return pool;
	slab_side_free(q, pool);
	return NULL;
}

struct quarry_mempool *quarry_mempool_create_node(struct quarry *q, unsigned int min_nr,
						  quarry_mempool_alloc_fn alloc,
						  quarry_mempool_free_fn free, void *data,
						  gfp_t gfp, int nid)
{
	const struct quarry_mempool want = {
		.min_nr = min_nr, .data = data, .alloc = alloc, .free = free, .nid = nid};

	return mempool_create(q, &want, gfp, QUARRY_RETURN_ADDRESS());
}

struct quarry_mempool *quarry_mempool_create(struct quarry *q, unsigned int min_nr,
					     quarry_mempool_alloc_fn alloc,
					     quarry_mempool_free_fn free, void *data)
{
	const struct quarry_mempool want = {.min_nr = min_nr,
					    .data = data,
					    .alloc = alloc,
					    .free = free,
					    .nid = QUARRY_NO_NODE};

	return mempool_create(q, &want, GFP_KERNEL, QUARRY_RETURN_ADDRESS());
}

void quarry_mempool_destroy(struct quarry *q, struct quarry_mempool *pool)
{
	if (pool == NULL)
		return;
	quarry_mempool_exit(q, pool);
	slab_side_free(q, pool);
}

void *quarry_mempool_alloc_preallocated(struct quarry *q, struct quarry_mempool *pool)
{
	void *element = NULL;
	quarry_pin_t pin;

	if (quarry_load_relaxed(&pool->curr_nr) == 0)
		return NULL;
	pin = mempool_lock(q, pool);
	if (pool->curr_nr != 0) {
		quarry_store_relaxed(&pool->curr_nr, pool->curr_nr - 1);
		element = pool->elements[pool->curr_nr];
	}
	mempool_unlock(q, pool, pin);
	return element;
}

/* Whether the reserve took it. */
static bool mempool_keep(struct quarry *q, struct quarry_mempool *pool, void *element)
{
	bool kept = false;
	quarry_pin_t pin;

	if (quarry_load_relaxed(&pool->curr_nr) >= quarry_load_relaxed(&pool->min_nr))
		return false;
	pin = mempool_lock(q, pool);
	if (pool->curr_nr < pool->min_nr) {
		pool->elements[pool->curr_nr] = element;
		quarry_store_relaxed(&pool->curr_nr, pool->curr_nr + 1);
		kept = true;
	}
	mempool_unlock(q, pool, pin);
	return kept;
}

void quarry_mempool_free(struct quarry *q, void *element, struct quarry_mempool *pool)
{
	if (element != NULL && !mempool_keep(q, pool, element))
		pool->free(q, element, pool->data);
}

/* What the source gives, or else the reserve. */
static void *mempool_try(struct quarry *q, struct quarry_mempool *pool, gfp_t gfp,
			 const void *caller)
{
	void *element = mempool_ask(q, pool, gfp, caller);

	return element != NULL ? element : quarry_mempool_alloc_preallocated(q, pool);
}

void *quarry_mempool_alloc(struct quarry *q, struct quarry_mempool *pool, gfp_t gfp)
{
	const void *caller = QUARRY_RETURN_ADDRESS();
	gfp_t full, light;
	quarry_pin_t pin;
	void *element;
	int nid;

	full = (gfp | __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN) &
	       ~(__GFP_ZERO | __GFP_NOFAIL);
	light = full & ~(__GFP_DIRECT_RECLAIM | __GFP_IO);
	element = mempool_try(q, pool, light, caller);
	if (element != NULL || (gfp & __GFP_DIRECT_RECLAIM) == 0)
		return element;
	nid = pool->nid;
	if (nid < 0) {
		pin = quarry_pin();
		nid = page_cpu_node(q, quarry_cpu());
		quarry_unpin(pin);
	}
	for (;;) {
		element = mempool_try(q, pool, full, caller);
		if (element != NULL || q->port.wait == NULL)
			return element;
		q->port.wait(q->port.ctx, nid);
	}
}

bool quarry_mempool_is_saturated(const struct quarry_mempool *pool)
{
	return quarry_load_relaxed(&pool->curr_nr) >= quarry_load_relaxed(&pool->min_nr);
}

/* Gives back what is above the reserve's new size. */
static void mempool_cut(struct quarry *q, struct quarry_mempool *pool, unsigned int min_nr)
{
	quarry_pin_t pin = mempool_lock(q, pool);

	quarry_store_relaxed(&pool->min_nr, min_nr);
	while (pool->curr_nr > min_nr) {
		void *element = pool->elements[pool->curr_nr - 1];

		quarry_store_relaxed(&pool->curr_nr, pool->curr_nr - 1);
		mempool_unlock(q, pool, pin);
		pool->free(q, element, pool->data);
		pin = mempool_lock(q, pool);
	}
	mempool_unlock(q, pool, pin);
}

int quarry_mempool_resize(struct quarry *q, struct quarry_mempool *pool, unsigned int min_nr)
{
	const void *caller = QUARRY_RETURN_ADDRESS();
	void **table, **old, *element;
	quarry_pin_t pin;

	if (min_nr == 0)
		return -QUARRY_EINVAL;
	if (min_nr <= pool->min_nr) {
		mempool_cut(q, pool, min_nr);
		return 0;
	}
	table = mempool_table(q, min_nr, GFP_KERNEL, caller);
	if (table == NULL)
		return -QUARRY_ENOMEM;
	pin = mempool_lock(q, pool);
	old = pool->elements;
	quarry_memcpy(table, old, pool->curr_nr * sizeof(*table));
	pool->elements = table;
	quarry_store_relaxed(&pool->min_nr, min_nr);
	mempool_unlock(q, pool, pin);
	slab_side_free(q, old);
	while (!quarry_mempool_is_saturated(pool)) {
		element = mempool_ask(q, pool, GFP_KERNEL, caller);
		if (element == NULL)
			break;
		quarry_mempool_free(q, element, pool);
	}
	return 0;
}

/* ---- sources ---- */

void *quarry_mempool_alloc_slab(struct quarry *q, gfp_t gfp, void *data)
{
	return quarry_kmem_cache_alloc(q, data, gfp);
}

void quarry_mempool_free_slab(struct quarry *q, void *element, void *data)
{
	quarry_kmem_cache_free(q, data, element);
}

void *quarry_mempool_kmalloc(struct quarry *q, gfp_t gfp, void *data)
{
	return quarry_kmalloc(q, (size_t)(uintptr_t)data, gfp);
}

void quarry_mempool_kfree(struct quarry *q, void *element, void *data)
{
	(void)data;
	quarry_kfree(q, element);
}

void *quarry_mempool_alloc_pages(struct quarry *q, gfp_t gfp, void *data)
{
	return quarry_alloc_pages(q, gfp, (unsigned int)(uintptr_t)data);
}

void quarry_mempool_free_pages(struct quarry *q, void *element, void *data)
{
	quarry_free_pages(q, element, (unsigned int)(uintptr_t)data);
}

struct quarry_mempool *quarry_mempool_create_slab_pool(struct quarry *q, unsigned int min_nr,
						       struct kmem_cache *cache)
{
	const struct quarry_mempool want = {.min_nr = min_nr,
					    .data = cache,
					    .alloc = quarry_mempool_alloc_slab,
					    .free = quarry_mempool_free_slab,
					    .nid = QUARRY_NO_NODE};

	return mempool_create(q, &want, GFP_KERNEL, QUARRY_RETURN_ADDRESS());
}

struct quarry_mempool *quarry_mempool_create_kmalloc_pool(struct quarry *q, unsigned int min_nr,
							  size_t size)
{
	const struct quarry_mempool want = {.min_nr = min_nr,
					    .data = (void *)(uintptr_t)size,
					    .alloc = quarry_mempool_kmalloc,
					    .free = quarry_mempool_kfree,
					    .nid = QUARRY_NO_NODE};

	return mempool_create(q, &want, GFP_KERNEL, QUARRY_RETURN_ADDRESS());
}

struct quarry_mempool *quarry_mempool_create_page_pool(struct quarry *q, unsigned int min_nr,
						       unsigned int order)
{
	const struct quarry_mempool want = {.min_nr = min_nr,
					    .data = (void *)(uintptr_t)order,
					    .alloc = quarry_mempool_alloc_pages,
					    .free = quarry_mempool_free_pages,
					    .nid = QUARRY_NO_NODE};

	return mempool_create(q, &want, GFP_KERNEL, QUARRY_RETURN_ADDRESS());
}
