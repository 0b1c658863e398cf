/* SPDX-License-Identifier: MIT */
/* Rows S1 to S21: caches and what stands for the insides of Linux's, kmalloc, slabinfo, request flags. */
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

static struct quarry_cache_info slabs_info(struct selftest_run *t, struct kmem_cache *s)
{
	struct quarry_cache_info info;

	quarry_kmem_cache_info(t->m.q != NULL ? t->m.q : t->q, s, &info);
	return info;
}

static void slabs_ctor(void *object)
{
	selftest_set(object, 0x5c, 24);
}

/* Where everything is of a cache that asked for nothing, and of one with a constructor. */
static void slabs_fields(struct selftest_run *t)
{
	const struct kmem_cache_args built = {.ctor = slabs_ctor};
	struct quarry_cache_info info;
	struct kmem_cache *s;

	if (!selftest_boot(t, &slabs_3m))
		return;
	s = quarry_kmem_cache_create(t->m.q, "plain", 100, SLAB_NO_MERGE, NULL);
	OK(s != NULL);
	info = slabs_info(t, s);
	OK(selftest_contains(info.name, "plain"));
	IS(info.refcount, 1);
	IS(info.object_size, 100);
	IS(info.inuse, 104);
	IS(info.size, 104);
	IS(info.offset, 48);
	IS(info.allocs + info.num_slabs + info.active_objs, 0);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
	s = quarry_kmem_cache_create(t->m.q, "built", 100, 0, &built);
	OK(s != NULL);
	IS(slabs_info(t, s).offset, 104);
	IS(slabs_info(t, s).size, 112);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

/* Orders hold what they should, whatever a page is; what a cache asks of pages. */
static void slabs_orders(struct selftest_run *t)
{
	static const unsigned int size[] = {8, 64, 200, 512, 700, 1400, 4000};

	if (!selftest_boot(t, &slabs_3m))
		return;
	for (unsigned int i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		struct kmem_cache *s =
			quarry_kmem_cache_create(t->m.q, "shape", size[i], SLAB_NO_MERGE, NULL);
		struct quarry_cache_info info;
		size_t bytes;

		OK(s != NULL);
		info = slabs_info(t, s);
		bytes = QUARRY_PAGE_SIZE << info.order;
		OK(info.order >= info.min_order);
		OK(info.objs_per_slab != 0 && info.objs_per_slab * (size_t)info.size <= bytes);
		OK(info.objs_per_slab == 32000 ||
		   bytes - info.objs_per_slab * (size_t)info.size < info.size);
		OK(info.min_objs_per_slab * (size_t)info.size <= QUARRY_PAGE_SIZE
									 << info.min_order);
		IS((info.allocflags & __GFP_COMP) != 0, info.order != 0);
		IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
	}
}

static void slabs_kinds(struct selftest_run *t)
{
	static const uint32_t flag[] = {SLAB_CACHE_DMA, SLAB_CACHE_DMA32, SLAB_RECLAIM_ACCOUNT, 0};
	static const gfp_t gfp[] = {GFP_DMA, GFP_DMA32, __GFP_RECLAIMABLE, 0};

	if (!selftest_boot(t, &slabs_3m))
		return;
	for (unsigned int i = 0; i < 4; i++) {
		struct kmem_cache *s =
			quarry_kmem_cache_create(t->m.q, "kind", 64, flag[i] | SLAB_NO_MERGE, NULL);

		OK(s != NULL);
		IS(slabs_info(t, s).allocflags & ~__GFP_COMP, gfp[i]);
		IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
	}
}

static void slabs_merge(struct selftest_run *t)
{
	struct kmem_cache *a, *b;

	if (!selftest_boot(t, &slabs_3m))
		return;
	a = quarry_kmem_cache_create(t->m.q, "one", 200, 0, NULL);
	b = quarry_kmem_cache_create(t->m.q, "two", 196, 0, NULL);
	OK(a != NULL && a == b);
	IS(slabs_info(t, a).refcount, 2);
	OK(quarry_kmem_cache_create(t->m.q, "three", 200, SLAB_NO_MERGE, NULL) != a);
	IS(quarry_kmem_cache_destroy(t->m.q, b), 0);
	IS(slabs_info(t, a).refcount, 1);
	IS(quarry_kmem_cache_destroy(t->m.q, a), 0);
}

/* Objects of @s of t->m, linked by their first words; NULL: there were not so many. */
static void *slabs_fill(struct selftest_run *t, struct kmem_cache *s, unsigned int nr)
{
	void *chain = NULL;

	for (; nr != 0; nr--) {
		void **p = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL | __GFP_NOWARN);

		if (p == NULL)
			break;
		*p = chain;
		chain = p;
	}
	return nr == 0 ? chain : NULL;
}

/* Gives back every @step'th of them, from the first on; returns the others. */
static void *slabs_empty(struct selftest_run *t, struct kmem_cache *s, void *chain,
			 unsigned int step)
{
	void *left = NULL;

	for (unsigned int i = 0; chain != NULL; i++) {
		void **p = chain;

		chain = *p;
		if (i % step == 0) {
			quarry_kmem_cache_free(t->m.q, s, p);
			continue;
		}
		*p = left;
		left = p;
	}
	return left;
}

/* Holes are used before a slab is made, and slabs that are empty go when they are asked for. */
static void slabs_holes(struct selftest_run *t)
{
	struct kmem_cache *s;
	unsigned long slabs;
	void *chain, *more;

	if (!selftest_boot(t, &slabs_3m))
		return;
	s = quarry_kmem_cache_create(t->m.q, "holes", 256, SLAB_NO_MERGE, NULL);
	OK(s != NULL);
	chain = slabs_fill(t, s, 600);
	OK(chain != NULL);
	slabs = slabs_info(t, s).num_slabs;
	chain = slabs_empty(t, s, chain, 2);
	IS(slabs_info(t, s).active_objs, 300);
	more = slabs_fill(t, s, 300);
	OK(more != NULL);
	IS(slabs_info(t, s).num_slabs, slabs);
	OK(slabs_empty(t, s, chain, 1) == NULL && slabs_empty(t, s, more, 1) == NULL);
	OK(slabs_info(t, s).num_slabs - slabs_info(t, s).active_slabs <=
	   slabs_info(t, s).min_partial);
	IS(quarry_kmem_cache_shrink(t->m.q, s), 0);
	IS(slabs_info(t, s).pages, 0);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

/* Numbers, types and reports that all else is built on. */
static void slabs_base(struct selftest_run *t)
{
	if (!selftest_boot(t, &slabs_3m))
		return;
	IS(QUARRY_EBUSY, 16);
	IS(QUARRY_ENOMEM, 12);
	IS(QUARRY_EINVAL, 22);
	IS(sizeof(gfp_t), 4);
	IS(sizeof(phys_addr_t) >= sizeof(uintptr_t), 1);
	IS((uint64_t)(size_t)QUARRY_PAGE_SIZE, (uint64_t)1 << QUARRY_PAGE_SHIFT);
	IS(t->m.reports, 0);
	quarry_kfree(t->m.q, (char *)(uintptr_t)slabs_base + 1);
	IS(t->m.reports, 1); /* BUG: told, and the machine goes on */
	OK(quarry_kmalloc(t->m.q, 10, GFP_KERNEL) != NULL);
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

static void slabs_min_partial(struct selftest_run *t)
{
	static const unsigned int size[] = {8, 1024, 4096, 65536}, want[] = {5, 5, 6, 8};

	if (!selftest_boot(t, &slabs_3m))
		return;
	for (unsigned int i = 0; i < 4; i++) {
		struct kmem_cache *s =
			quarry_kmem_cache_create(t->m.q, "few", size[i], SLAB_NO_MERGE, NULL);

		OK(s != NULL);
		IS(slabs_info(t, s).min_partial, want[i]);
		IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
	}
}

/* What this CPU frees it gets again, and the slabs are not asked. */
static void slabs_cpu(struct selftest_run *t)
{
	struct quarry_cache_info before, after;
	struct kmem_cache *s;
	void *p;

	if (!selftest_boot(t, &slabs_3m))
		return;
	s = quarry_kmem_cache_create(t->m.q, "own", 192, SLAB_NO_MERGE, NULL);
	OK(s != NULL);
	p = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL);
	OK(p != NULL);
	before = slabs_info(t, s);
	IS(before.cpu_partial, 120);
	OK(before.cached_objs != 0);
	for (unsigned int i = 0; i < 100; i++) {
		quarry_kmem_cache_free(t->m.q, s, p);
		OK(quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL) == p);
	}
	after = slabs_info(t, s);
	IS(after.cached_objs, before.cached_objs);
	IS(after.num_slabs, before.num_slabs);
	IS(after.allocs, before.allocs + 100);
	quarry_kmem_cache_free(t->m.q, s, p);
	IS(quarry_kmem_cache_quiesce(t->m.q, s), 0);
	IS(slabs_info(t, s).cached_objs, 0);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

/* Around a request: cleared memory, and requests that fail by will. */
static void slabs_hooks(struct selftest_run *t)
{
	struct kmem_cache *s;
	unsigned char *p;

	if (!selftest_boot(t, &slabs_3m))
		return;
	s = quarry_kmem_cache_create(t->m.q, "hooks", 64, SLAB_NO_MERGE, NULL);
	OK(s != NULL);
	p = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL);
	OK(p != NULL);
	selftest_set(p, 0xff, 64);
	quarry_kmem_cache_free(t->m.q, s, p);
	p = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL | __GFP_ZERO);
	OK(p != NULL && selftest_all(p, 0, 64));
	quarry_kmem_cache_free(t->m.q, s, p);
	IS(quarry_failslab(t->m.q, "fail-nth=1"), 0);
	OK(quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL | __GFP_NOWARN) == NULL);
	IS(quarry_failslab_injected(t->m.q), 1);
	IS(slabs_info(t, s).refused, 1);
	p = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL);
	OK(p != NULL);
	quarry_kmem_cache_free(t->m.q, s, p);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

/* Without larger blocks slabs are of the least order; what was constructed stays so. */
static void slabs_new(struct selftest_run *t)
{
	const struct kmem_cache_args built = {.ctor = slabs_ctor};
	struct quarry_cache_info info = {.order = 0};
	struct kmem_cache *s = NULL;
	unsigned char *p, *first;

	if (!selftest_boot(t, &slabs_3m))
		return;
	for (unsigned int size = 264; size < QUARRY_PAGE_SIZE && s == NULL; size += 136) {
		s = quarry_kmem_cache_create(t->m.q, "built", size, 0, &built);
		OK(s != NULL);
		info = slabs_info(t, s);
		if (info.order == info.min_order) {
			IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
			s = NULL;
		}
	}
	OK(s != NULL);
	IS(quarry_page_debug(t->m.q, "fail_page_alloc=1,100,0,-1 fail_page_alloc.min-order=1 "
				     "fail_page_alloc.ignore-gfp-wait=N"),
	   0);
	first = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL | __GFP_ZERO);
	OK(first != NULL && selftest_all(first, 0x5c, 24));
	IS(slabs_info(t, s).order_fallback, 1);
	IS(slabs_info(t, s).pages, 1u << info.min_order);
	first[0] = 0x77;
	quarry_kmem_cache_free(t->m.q, s, first);
	p = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL);
	OK(p == first && p[0] == 0x77);
	quarry_kmem_cache_free(t->m.q, s, p);
	IS(quarry_page_debug(t->m.q, "fail_page_alloc=1,0,0,0"), 0);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

/* Every CPU's timer, so often that all is given back that nobody uses. */
static bool slabs_reap(struct selftest_run *t)
{
	for (unsigned int i = 0; i < 60; i++) {
		for (unsigned int cpu = 0; cpu <= t->env->cpu; cpu++) {
			if (quarry_slab_reap(t->m.q, cpu) != 0)
				return false;
		}
	}
	return true;
}

static void slabs_depot(struct selftest_run *t)
{
	struct kmem_cache *s;
	void *chain;

	if (!selftest_boot(t, &slabs_3m))
		return;
	s = quarry_kmem_cache_create(t->m.q, "shared", 256, SLAB_NO_MERGE, NULL);
	OK(s != NULL);
	chain = slabs_fill(t, s, 400);
	OK(chain != NULL);
	OK(slabs_empty(t, s, chain, 1) == NULL);
	OK(slabs_info(t, s).cached_objs > 2ul * slabs_info(t, s).sheaf_capacity);
	OK(slabs_reap(t));
	IS(slabs_info(t, s).cached_objs, 0);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

static const struct selftest_spec slabs_two = {
	.memory = {{0, 3 * SELFTEST_M / 2, 0}, {3 * SELFTEST_M / 2, 3 * SELFTEST_M / 2, 1}},
	.boot = {.nr_nodes = 2, SELFTEST_ONE_ZONE},
};

static unsigned int slabs_node(struct selftest_run *t, const void *p)
{
	return quarry_physical(t->m.q, p) < 3 * SELFTEST_M / 2 ? 0 : 1;
}

/* Each node has slabs of its own; what is freed far from home goes there, and is not handed out here. */
static void slabs_nodes(struct selftest_run *t)
{
	struct kmem_cache *s;
	unsigned int home;
	void *p, *far[20];

	if (!selftest_boot(t, &slabs_two))
		return;
	s = quarry_kmem_cache_create(t->m.q, "nodes", 256, SLAB_NO_MERGE, NULL);
	OK(s != NULL);
	p = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL);
	OK(p != NULL);
	home = slabs_node(t, p);
	quarry_kmem_cache_free(t->m.q, s, p);
	for (unsigned int i = 0; i < 20; i++) {
		far[i] = quarry_kmem_cache_alloc_node(t->m.q, s, GFP_KERNEL, 1 - (int)home);
		OK(far[i] != NULL && slabs_node(t, far[i]) == 1 - home);
	}
	for (unsigned int i = 0; i < 20; i++)
		quarry_kmem_cache_free(t->m.q, s, far[i]);
	IS(slabs_info(t, s).active_objs, 0);
	for (unsigned int i = 0; i < 20; i++) {
		far[i] = quarry_kmem_cache_alloc(t->m.q, s, GFP_KERNEL);
		OK(far[i] != NULL && slabs_node(t, far[i]) == home);
	}
	for (unsigned int i = 0; i < 20; i++)
		quarry_kmem_cache_free(t->m.q, s, far[i]);
	IS(quarry_kmem_cache_quiesce(t->m.q, s), 0);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

static void slabs_colours(struct selftest_run *t)
{
	struct selftest_spec spec = slabs_3m;
	struct quarry_cache_info info;
	struct kmem_cache *s;
	void *chain, **p;
	uint64_t seen = 0;

	spec.boot.slab_colour = true;
	if (!selftest_boot(t, &spec))
		return;
	/* A fifth of a page leaves most of a fifth over, at whatever order. */
	s = quarry_kmem_cache_create(t->m.q, "colour", QUARRY_PAGE_SIZE * 10 / 31 / 8 * 8,
				     SLAB_NO_MERGE, NULL);
	OK(s != NULL);
	info = slabs_info(t, s);
	OK(info.colours >= 2);
	chain = slabs_fill(t, s, 30);
	OK(chain != NULL);
	for (p = chain; p != NULL; p = *p) {
		size_t off =
			(size_t)quarry_physical(t->m.q, p) & ((QUARRY_PAGE_SIZE << info.order) - 1);

		seen |= (uint64_t)1 << (off % info.size / info.colour_off & 63);
	}
	OK((seen & (seen - 1)) != 0);
	OK(slabs_empty(t, s, chain, 1) == NULL);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

static void slabs_free_limit(struct selftest_run *t)
{
	struct selftest_spec spec = slabs_3m;
	struct quarry_cache_info info;
	struct kmem_cache *s;
	void *chain;

	spec.boot.slab_free_limit = true;
	if (!selftest_boot(t, &spec))
		return;
	s = quarry_kmem_cache_create(t->m.q, "limit", 256, SLAB_NO_MERGE, NULL);
	OK(s != NULL);
	chain = slabs_fill(t, s, 1500);
	OK(chain != NULL);
	OK(slabs_empty(t, s, chain, 1) == NULL);
	info = slabs_info(t, s);
	OK(info.num_objs - info.active_objs - info.cached_objs <=
	   (2ul + t->env->cpu) * info.sheaf_capacity + 2ul * info.objs_per_slab);
	OK(slabs_reap(t));
	IS(slabs_info(t, s).num_slabs, 0);
	IS(quarry_kmem_cache_destroy(t->m.q, s), 0);
}

#endif

const struct selftest selftest_slabs[] = {
	{"S1 S2", "a cache's fields and sizes", slabs_fields, 0},
	{"S3 S4", "orders, objects a slab, and what is asked of pages", slabs_orders, 0},
	{"S4", "a cache's zone and mobility", slabs_kinds, 0},
	{"S5", "like caches are one", slabs_merge, 0},
	{"S6", "empty slabs that a node keeps", SELFTEST_FULL(slabs_min_partial, 0)},
	{"S7", "a CPU gets again what it freed", SELFTEST_FULL(slabs_cpu, 0)},
	{"S8 S11", "holes first, and empty slabs go", slabs_holes, 0},
	{"S9", "objects are cleared, or refused by will", SELFTEST_FULL(slabs_hooks, 0)},
	{"S10", "slabs of the least order; constructors run once", SELFTEST_FULL(slabs_new, 0)},
	{"S12 S14", "nodes have slabs of their own, and get back what is theirs",
	 SELFTEST_FULL(slabs_nodes, SELFTEST_NEEDS_NODES)},
	{"S13", "the depot fills, and empties with time", SELFTEST_FULL(slabs_depot, 0)},
	{"S15", "slabs begin at offsets in turn", SELFTEST_FULL(slabs_colours, 0)},
	{"S16", "free objects have a limit, and are reaped", SELFTEST_FULL(slabs_free_limit, 0)},
	{"S17", "kmalloc: classes, alignment, sizes 0 and too large", slabs_kmalloc, 0},
	{"S17", "krealloc keeps contents", slabs_krealloc, 0},
	{"S18", "caches: objects apart, aligned, counted, in bulk", slabs_caches, 0},
	{"S18", "a cache with objects is not destroyed; foreign pointers are refused",
	 slabs_destroy_with_objects, 0},
	{"S19", "slabinfo 2.1", slabs_slabinfo, 0},
	{"S20", "request flags choose the zone", SELFTEST_FULL(slabs_flags, 0)},
	{"S21", "error numbers, types, and a report", slabs_base, 0},
	{NULL, NULL, NULL, 0},
};
