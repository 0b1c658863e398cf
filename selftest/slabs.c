/* SPDX-License-Identifier: MIT */
/* Rows S17 to S20: kmalloc, caches, slabinfo, request flags. */
#include "internal.h"

static const struct selftest_spec slabs_3m = {.memory = {{0, 3 * SELFTEST_M, 0}},
					      .boot = {SELFTEST_ONE_ZONE}};

static void slabs_kmalloc(struct selftest_run *t)
{
	static const size_t size[] = {1, 8, 9, 64, 65, 100, 150, 1000, 8192, 8193, 20000};
	static const size_t usable[] = {8, 8, 16, 64, 96, 128, 192, 1024, 8192, 16384, 32768};

	for (unsigned int i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		void *p = quarry_kmalloc(t->q, size[i], GFP_KERNEL);
		size_t n = usable[i];

		OK(p != NULL);
		if (quarry_ksize(t->q, p) != n ||
		    ((n & (n - 1)) == 0 && (quarry_physical(t->q, p) & (n - 1)) != 0)) {
			IS(quarry_ksize(t->q, p), n);
			IS(quarry_physical(t->q, p) & (n - 1), 0);
		}
		if (!t->env->no_access)
			selftest_set(p, 0xa5, size[i]);
		quarry_kfree(t->q, p);
	}
	OK(quarry_kmalloc(t->q, 0, GFP_KERNEL) == QUARRY_ZERO_SIZE_PTR);
	quarry_kfree(t->q, QUARRY_ZERO_SIZE_PTR);
	quarry_kfree(t->q, NULL);
	OK(quarry_kcalloc(t->q, ~(size_t)0 / 2, 4, GFP_KERNEL) == NULL);
	OK(quarry_kmalloc(t->q, QUARRY_KMALLOC_MAX_SIZE + 1, GFP_KERNEL | __GFP_NOWARN) == NULL);
}

static void slabs_krealloc(struct selftest_run *t)
{
	unsigned char *p = quarry_kzalloc(t->q, 60, GFP_KERNEL), *more;

	OK(p != NULL);
	if (!t->env->no_access) {
		OK(selftest_all(p, 0, 60));
		selftest_set(p, 0x11, 60);
	}
	OK(quarry_krealloc(t->q, p, 64, GFP_KERNEL) == p); /* has room */
	more = quarry_krealloc(t->q, p, 200, GFP_KERNEL);
	OK(more != NULL && more != p);
	OK(t->env->no_access || selftest_all(more, 0x11, 60));
	OK(quarry_krealloc(t->q, more, 0, GFP_KERNEL) == QUARRY_ZERO_SIZE_PTR ||
	   quarry_ksize(t->q, more) == 0);
}

static void slabs_caches(struct selftest_run *t)
{
	struct kmem_cache *s = quarry_kmem_cache_create(t->q, "selftest", 200,
							SLAB_HWCACHE_ALIGN | SLAB_NO_MERGE, NULL);
	struct quarry_cache_info info;
	void *object[40];

	OK(s != NULL);
	for (unsigned int i = 0; i < 40; i++) {
		object[i] = quarry_kmem_cache_alloc(t->q, s, GFP_KERNEL);
		OK(object[i] != NULL);
		IS((uintptr_t)object[i] & 63, 0);
		OK(quarry_virt_to_cache(t->q, object[i]) == s);
		for (unsigned int k = 0; k < i; k++)
			OK((uintptr_t)object[i] - (uintptr_t)object[k] + 199 >= 399);
	}
	quarry_kmem_cache_info(t->q, s, &info);
	IS(info.active_objs, 40);
	IS(info.object_size, 200);
	IS(info.size, 256);
	for (unsigned int i = 0; i < 40; i++)
		quarry_kmem_cache_free(t->q, s, object[i]);
	OK(quarry_kmem_cache_alloc_bulk(t->q, s, GFP_KERNEL, 40, object));
	quarry_kmem_cache_free_bulk(t->q, s, 40, object);
	quarry_kmem_cache_info(t->q, s, &info);
	IS(info.active_objs, 0);
	IS(quarry_kmem_cache_destroy(t->q, s), 0);
}

static void slabs_destroy_with_objects(struct selftest_run *t)
{
	struct kmem_cache *s;
	void *object;

	if (!selftest_boot(t, &slabs_3m))
		return;
	s = quarry_kmem_cache_create(t->m.q, "selftest", 100, SLAB_NO_MERGE, NULL);
	OK(s != NULL);
	object = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL);
	OK(object != NULL);
	IS(-quarry_kmem_cache_destroy(t->m.q, s), QUARRY_EBUSY);
	IS(t->m.reports, 1);
	quarry_kmem_cache_free(t->m.q, s, object); /* it still works */
	quarry_kmem_cache_free(t->m.q, s, (char *)object + 1);
	IS(t->m.reports, 2);
	IS(quarry_kmem_cache_shrink(t->m.q, s), 0);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

static void slabs_slabinfo(struct selftest_run *t)
{
	OK(selftest_shows(t->q, quarry_show_slabinfo, "slabinfo - version: 2.1"));
	OK(selftest_shows(t->q, quarry_show_slabinfo, "# name "));
	OK(selftest_shows(t->q, quarry_show_slabinfo, "kmalloc-8k "));
	OK(selftest_shows(t->q, quarry_show_slabinfo, " : tunables "));
	OK(selftest_shows(t->q, quarry_show_slabinfo, " : slabdata "));
}

#if !QUARRY_TINY

static void slabs_flags(struct selftest_run *t)
{
	const struct selftest_spec spec = {
		.memory = {{0, 24 * SELFTEST_M, 0}},
		.simulated = true,
		.boot = {.dma_limit = 8 * SELFTEST_M, .dma32_limit = 16 * SELFTEST_M},
	};
	struct page *page[3];

	IS(GFP_KERNEL, __GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM | __GFP_IO | __GFP_FS);
	IS(GFP_ATOMIC & __GFP_DIRECT_RECLAIM, 0);
	OK((GFP_ATOMIC & __GFP_HIGH) != 0 && (GFP_ATOMIC & __GFP_KSWAPD_RECLAIM) != 0);
	IS(GFP_DMA, __GFP_DMA);
	if (!selftest_boot(t, &spec))
		return;
	page[0] = quarry_alloc_pages(t->m.q, GFP_KERNEL | GFP_DMA, 0);
	page[1] = quarry_alloc_pages(t->m.q, GFP_KERNEL | GFP_DMA32, 0);
	page[2] = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
	for (unsigned int i = 0; i < 3; i++) {
		OK(page[i] != NULL);
		IS(quarry_page_to_pfn(t->m.q, page[i]) / 2048, i);
		quarry_free_pages(t->m.q, page[i], 0);
	}
}

#endif

const struct selftest selftest_slabs[] = {
	{"S17", "kmalloc: classes, alignment, sizes 0 and too large", slabs_kmalloc, 0},
	{"S17", "krealloc keeps contents", slabs_krealloc, 0},
	{"S18", "caches: objects apart, aligned, counted, in bulk", slabs_caches, 0},
	{"S18", "a cache with objects is not destroyed; foreign pointers are refused",
	 slabs_destroy_with_objects, 0},
	{"S19", "slabinfo 2.1", slabs_slabinfo, 0},
	{"S20", "request flags choose the zone", SELFTEST_FULL(slabs_flags, 0)},
	{NULL, NULL, NULL, 0},
};
