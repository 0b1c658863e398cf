/* SPDX-License-Identifier: MIT */
/*
 * Sheaves that a caller has to itself.
 *
 * A sheaf of this kind is no CPU's and in no depot: its objects count as the caller's from the moment they are
 * put by, so taking one out is a pop without lock, pin or count, on any CPU.
 */
#include "sheaf.h"

/* Room for @cap objects, empty. */
static struct slab_sheaf *prefill_new(struct quarry *q, unsigned int cap, gfp_t gfp)
{
	struct slab_sheaf *sheaf;
	size_t bytes;

	if (quarry_mul_overflows((size_t)cap, sizeof(sheaf->obj[0]), &bytes) ||
	    quarry_add_overflows(bytes, sizeof(*sheaf), &bytes))
		return NULL;
	sheaf = slab_side_alloc(q, bytes, gfp & ~(__GFP_ZERO | __GFP_ACCOUNT | __GFP_DMA));
	if (sheaf == NULL)
		return NULL;
	sheaf->n = 0;
	sheaf->cap = cap;
	return sheaf;
}

static bool prefill_fill(struct quarry *q, struct kmem_cache *s, gfp_t gfp,
			 struct slab_sheaf *sheaf, unsigned int size, const void *caller)
{
	if (sheaf->n >= size)
		return true;
	if (!sheaf_alloc_bulk(q, s, gfp & ~__GFP_ZERO, size - sheaf->n, &sheaf->obj[sheaf->n],
			      caller))
		return false;
	sheaf->n = size;
	return true;
}

struct slab_sheaf *quarry_kmem_cache_prefill_sheaf(struct quarry *q, struct kmem_cache *cache,
						   gfp_t gfp, unsigned int size)
{
	const void *caller = QUARRY_RETURN_ADDRESS();
	struct slab_sheaf *sheaf = prefill_new(q, quarry_max(size, cache->sheaf_capacity), gfp);

	if (sheaf != NULL && !prefill_fill(q, cache, gfp, sheaf, size, caller)) {
		slab_side_free(q, sheaf);
		return NULL;
	}
	return sheaf;
}

int quarry_kmem_cache_refill_sheaf(struct quarry *q, struct kmem_cache *cache, gfp_t gfp,
				   struct slab_sheaf **sheaf, unsigned int size)
{
	const void *caller = QUARRY_RETURN_ADDRESS();
	struct slab_sheaf *old = *sheaf, *new;

	if (size <= old->cap)
		return prefill_fill(q, cache, gfp, old, size, caller) ? 0 : -QUARRY_ENOMEM;
	new = prefill_new(q, size, gfp);
	if (new == NULL)
		return -QUARRY_ENOMEM;
	quarry_memcpy(new->obj, old->obj, old->n * sizeof(old->obj[0]));
	new->n = old->n;
	if (!prefill_fill(q, cache, gfp, new, size, caller)) {
		slab_side_free(q, new);
		return -QUARRY_ENOMEM;
	}
	slab_side_free(q, old);
	*sheaf = new;
	return 0;
}

void *quarry_kmem_cache_alloc_from_sheaf(struct quarry *q, struct kmem_cache *cache, gfp_t gfp,
					 struct slab_sheaf *sheaf)
{
	void *obj;

	if (sheaf->n == 0)
		return NULL;
	obj = sheaf->obj[--sheaf->n];
	return (gfp & __GFP_ZERO) != 0 ? sheaf_zero(q, cache, obj) : obj;
}

unsigned int quarry_kmem_cache_sheaf_size(const struct slab_sheaf *sheaf)
{
	return sheaf->n;
}

void quarry_kmem_cache_return_sheaf(struct quarry *q, struct kmem_cache *cache,
				    struct slab_sheaf *sheaf)
{
	if (sheaf == NULL)
		return;
	quarry_kmem_cache_free_bulk(q, cache, sheaf->n, sheaf->obj);
	slab_side_free(q, sheaf);
}
