/* SPDX-License-Identifier: MIT */
/*
 * Objects with QUARRY_TINY: straight out of the slabs and back.
 *
 * Problem    The same calls as sheaf.c's and kmalloc.c's on one CPU, where a sheaf would save no lock and hide memory
 *            that is short. Slabs are slab.c's, geometry and registry cache.c's.
 *
 * Alloc      The first partial slab's lowest free object; without one, a new slab.
 * Free       The descriptor leads to the slab, whose bit says whether the object is free already. A slab that
 *            becomes empty goes back to the buddy system at once.
 *
 * kmalloc    Linux's classes, one cache each, made when it is first asked for. If there is no memory for a
 *            cache, the request gets pages.
 */
#include "internal.h"

int quarry_slab_init(struct quarry *q, unsigned int nr_cpus_for_geometry,
		     const struct quarry_boot_params *params)
{
	struct slab_layer *layer = quarry_meta_alloc(q, sizeof(*layer));

	if (layer == NULL)
		return -QUARRY_ENOMEM;
	q->slabs = layer;
	layer->store.direct_map = q->direct_map;
	layer->geometry_cpus = nr_cpus_for_geometry;
	layer->max_order = SLAB_TINY_ORDER;
	layer->nomerge = params != NULL && params->slab_nomerge;
	layer->cache_bytes = (size_t)bits_align_up(
		sizeof(struct kmem_cache) + sizeof(struct slab_node), SLAB_GRANULE);
	layer->max_others = QUARRY_MAX_CACHES - SLAB_KMALLOC_CLASSES;
	return 0;
}

/* ---- objects ---- */

void *quarry_kmem_cache_alloc(struct quarry *q, struct kmem_cache *s, gfp_t gfp)
{
	struct slab *slab;
	quarry_pin_t pin;
	void *obj = NULL;

	if (slab_refill(q, s, 0, 0, &obj, 1) == 0) {
		slab = slab_new(q, s, gfp, QUARRY_NO_NODE);
		if (slab != NULL) {
			slab_take(s, slab, &obj, 1);
			slab_publish(q, s, slab);
		}
	}
	pin = quarry_pin();
	s->allocs += obj != NULL;
	s->refused += obj == NULL;
	quarry_unpin(pin);
	if (obj != NULL && (gfp & __GFP_ZERO) != 0 && s->ctor == NULL)
		quarry_memset(obj, 0, cache_object_size(s));
	return obj;
}

static QUARRY_COLD void direct_complain(struct quarry *q, const struct kmem_cache *s,
					const void *obj, enum slab_fault fault)
{
	static const char what[][12] = {"", "foreign", "not its own", "inside one", "free"};

	quarry_report(q, "slab: %s: free of %p, which is %s; kept", s->name, obj, what[fault]);
}

void quarry_kmem_cache_free(struct quarry *q, struct kmem_cache *s, void *obj)
{
	struct slab_node *n = s->node;
	uint32_t number, gone = SLAB_NONE;
	enum slab_fault fault;
	struct slab *slab;
	quarry_pin_t pin;
	uint64_t bit;

	if (obj == NULL)
		return;
	pin = quarry_lock(false, &n->lock);
	fault = slab_find(q, s, obj, &slab, &number);
	bit = (uint64_t)1 << number % 64;
	if (fault == SLAB_FAULT_NONE && (slab->free[number / 64] & bit) != 0)
		fault = SLAB_FAULT_DOUBLE;
	if (fault == SLAB_FAULT_NONE) {
		slab->free[number / 64] |= bit;
		n->free_objects++;
		slab->nr_free++;
		slab_grown_locked(q, s, n, slab, &gone);
	}
	quarry_unlock(false, &n->lock, pin);
	if (fault != SLAB_FAULT_NONE)
		direct_complain(q, s, obj, fault);
	slab_release_chain(q, gone);
}

bool quarry_kmem_cache_alloc_bulk(struct quarry *q, struct kmem_cache *s, gfp_t gfp, size_t nr,
				  void **objects)
{
	for (size_t i = 0; i < nr; i++) {
		objects[i] = quarry_kmem_cache_alloc(q, s, gfp);
		if (objects[i] == NULL) {
			quarry_kmem_cache_free_bulk(q, s, i, objects);
			return false;
		}
	}
	return true;
}

void quarry_kmem_cache_free_bulk(struct quarry *q, struct kmem_cache *s, size_t nr, void **objects)
{
	while (nr-- > 0)
		quarry_kmem_cache_free(q, s, objects[nr]);
}

/* ---- kmalloc ---- */

void *quarry_kmalloc(struct quarry *q, size_t size, gfp_t gfp)
{
	struct kmem_cache *s = quarry_kmalloc_cache(q, size, gfp);

	return s != NULL ? quarry_kmem_cache_alloc(q, s, gfp)
			 : kmalloc_odd(q, size, gfp, QUARRY_NO_NODE);
}

void *quarry_kzalloc(struct quarry *q, size_t size, gfp_t gfp)
{
	return quarry_kmalloc(q, size, gfp | __GFP_ZERO);
}

void *quarry_kcalloc(struct quarry *q, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return quarry_mul_overflows(n, size, &bytes) ? NULL : quarry_kzalloc(q, bytes, gfp);
}

void *quarry_krealloc(struct quarry *q, void *p, size_t size, gfp_t gfp)
{
	size_t old = quarry_ksize(q, p);
	void *new;

	if (size != 0 && size <= old) {
		if ((gfp & __GFP_ZERO) != 0)
			quarry_memset((char *)p + size, 0, old - size);
		return p;
	}
	if (old == 0 && p != NULL && p != QUARRY_ZERO_SIZE_PTR) {
		quarry_report(q, "krealloc of %p, which is no allocation", p);
		return NULL;
	}
	new = quarry_kmalloc(q, size, gfp);
	if (new != NULL && size != 0 && old != 0)
		quarry_memcpy(new, p, old);
	if (new != NULL)
		quarry_kfree(q, p);
	return new;
}
