/* SPDX-License-Identifier: MIT */
/*
 * Private sets of kmalloc's classes.
 *
 * A set is a table of caches by class, and their names, which caches keep by reference. Its caches are like
 * any other: blocks find their way back by their page's descriptor, so quarry_kfree() takes them.
 */
#include <base/format.h>

#include "sheaf.h"

#define BUCKETS_NAME 32u

struct quarry_kmem_buckets {
	struct kmem_cache *cache[SLAB_KMALLOC_CLASSES];
	char name[SLAB_KMALLOC_CLASSES][BUCKETS_NAME];
};

static void buckets_fini(struct quarry *q, struct quarry_kmem_buckets *b)
{
	unsigned int class;

	for (class = 0; class < SLAB_KMALLOC_CLASSES; class ++)
		(void)quarry_kmem_cache_destroy(q, b->cache[class]);
	slab_side_free(q, b);
}

struct quarry_kmem_buckets *quarry_kmem_buckets_create(struct quarry *q, const char *name,
						       uint32_t flags, unsigned int useroffset,
						       unsigned int usersize,
						       void (*ctor)(void *object))
{
	struct quarry_kmem_buckets *b;
	unsigned int class;

	if (q->slabs == NULL || name == NULL)
		return NULL;
	b = slab_side_alloc(q, sizeof(*b), GFP_KERNEL | __GFP_ZERO);
	if (b == NULL)
		return NULL;
	for (class = kmalloc_class_after(0); class != 0; class = kmalloc_class_after(class)) {
		struct kmem_cache_args args = {.ctor = ctor};
		uint32_t size;

		quarry_format(b->name[class], BUCKETS_NAME, "%s-%s", name,
			      kmalloc_class_name(class, &size));
		if (bits_is_power_of_2(size))
			args.align = size;
		if (useroffset < size) {
			args.useroffset = useroffset;
			args.usersize = quarry_min(usersize, size - useroffset);
		}
		b->cache[class] = quarry_kmem_cache_create(q, b->name[class], size,
							   flags | SLAB_NO_MERGE, &args);
		if (b->cache[class] == NULL) {
			buckets_fini(q, b);
			return NULL;
		}
	}
	return b;
}

int quarry_kmem_buckets_destroy(struct quarry *q, struct quarry_kmem_buckets *buckets)
{
	struct quarry_cache_info info;
	unsigned int class;

	if (buckets == NULL)
		return 0;
	for (class = 0; class < SLAB_KMALLOC_CLASSES; class ++) {
		if (buckets->cache[class] == NULL)
			continue;
		quarry_kmem_cache_info(q, buckets->cache[class], &info);
		if (info.active_objs == 0)
			continue;
		quarry_report(q, "slab: %s: buckets destroyed with %lu objects: kept",
			      buckets->cache[class]->name, info.active_objs);
		return -QUARRY_EBUSY;
	}
	buckets_fini(q, buckets);
	return 0;
}

static QUARRY_ALWAYS_INLINE void *buckets_alloc(struct quarry *q,
						struct quarry_kmem_buckets *buckets, size_t size,
						gfp_t gfp, const void *caller)
{
	if (size == 0 || size > QUARRY_KMALLOC_MAX_CACHE_SIZE)
		return kmalloc_odd_for(q, size, gfp, QUARRY_NO_NODE, caller);
	return sheaf_alloc_for(q, buckets->cache[kmalloc_class(size)], gfp, caller);
}

void *quarry_kmem_buckets_alloc(struct quarry *q, struct quarry_kmem_buckets *buckets, size_t size,
				gfp_t gfp)
{
	return buckets_alloc(q, buckets, size, gfp, QUARRY_RETURN_ADDRESS());
}

void *quarry_kmem_buckets_valloc(struct quarry *q, struct quarry_kmem_buckets *buckets, size_t size,
				 gfp_t gfp)
{
	const void *caller = QUARRY_RETURN_ADDRESS();
	void *p = NULL;

	if (size <= QUARRY_KMALLOC_MAX_CACHE_SIZE)
		p = buckets_alloc(q, buckets, size,
				  size > QUARRY_PAGE_SIZE ? gfp | __GFP_NOWARN : gfp, caller);
	if (p != NULL || size <= QUARRY_PAGE_SIZE)
		return p;
	return kv_alloc(q, quarry_max(size, QUARRY_KMALLOC_MAX_CACHE_SIZE + 1), gfp, QUARRY_NO_NODE,
			caller);
}
