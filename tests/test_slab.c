/* SPDX-License-Identifier: MIT */
/* Slab caches, sheaves and kmalloc, one thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <quarry/posix.h>

#include <slab/internal.h>

#include "machine_build.h"

#define MIB ((size_t)1 << 20)

/* ---- machines ---- */

static unsigned int reports;
static char last_report[256];

static void take_report(void *ctx, const char *line)
{
	(void)ctx;
	reports++;
	snprintf(last_report, sizeof(last_report), "%s", line);
}

static void print_fault(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	print_error("%.*s", (int)len, text);
}

static const struct quarry_out faults = {print_fault, NULL};

static struct quarry *machine(size_t ram_bytes, size_t size_bytes, unsigned int cpus,
			      unsigned int nodes)
{
	struct quarry_posix_options options = {.ram_bytes = ram_bytes, .report = take_report};
	struct quarry_boot_params params = {.nr_cpus = cpus};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	for (unsigned int i = 0; i < nodes; i++)
		assert_int_equal(quarry_memblock_add_node(q, i * (size_bytes / nodes),
							  size_bytes / nodes, (int)i,
							  MEMBLOCK_NONE),
				 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	quarry_posix_set_cpu(0);
	reports = 0;
	last_report[0] = 0;
	return q;
}

/* A machine whose memory exists. */
static struct quarry *real(size_t bytes, unsigned int cpus)
{
	return machine(bytes, bytes, cpus, 1);
}

static void check(struct quarry *q)
{
	assert_int_equal(quarry_check_slab(q, &faults), 0);
	assert_int_equal(quarry_check(q, &faults), 0);
}

static void finish(struct quarry *q)
{
	quarry_posix_set_cpu(0);
	check(q);
	quarry_posix_delete(q);
}

static struct quarry_cache_info info(struct quarry *q, struct kmem_cache *s)
{
	struct quarry_cache_info i;

	quarry_kmem_cache_info(q, s, &i);
	return i;
}

static void shrink_all(struct quarry *q)
{
	for (struct kmem_cache *s = quarry_kmem_cache_next(q, NULL); s != NULL;
	     s = quarry_kmem_cache_next(q, s)) {
		unsigned long left = quarry_kmem_cache_shrink(q, s);

		assert_int_equal(left, info(q, s).num_slabs);
	}
}

static unsigned long slab_pages(struct quarry *q)
{
	unsigned long pages = 0;

	for (struct kmem_cache *s = quarry_kmem_cache_next(q, NULL); s != NULL;
	     s = quarry_kmem_cache_next(q, s))
		pages += info(q, s).pages;
	return pages;
}

static bool filled(const void *p, int c, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i] != (unsigned char)c)
			return false;
	return true;
}

/* ---- kmalloc ---- */

static size_t class_of(size_t size)
{
	size_t c = 8;

	if (size > 64 && size <= 96)
		return 96;
	if (size > 128 && size <= 192)
		return 192;
	while (c < size)
		c *= 2;
	return c;
}

static void test_S17_kmalloc_round_trip_of_every_size(void **state)
{
	struct quarry *q = real(16 * MIB, 1);

	(void)state;
	for (size_t size = 1; size <= QUARRY_KMALLOC_MAX_CACHE_SIZE; size++) {
		size_t class = class_of(size);
		void *p = quarry_kmalloc(q, size, GFP_KERNEL);

		assert_non_null(p);
		assert_int_equal(quarry_ksize(q, p), class);
		assert_ptr_equal(quarry_virt_to_cache(q, p),
				 quarry_kmalloc_cache(q, size, GFP_KERNEL));
		assert_int_equal((uintptr_t)p % 8, 0);
		if ((class & (class - 1)) == 0 && class <= QUARRY_PAGE_SIZE)
			assert_int_equal((uintptr_t)p % class, 0);
		memset(p, 0xa5, class);
		quarry_kfree(q, p);
	}
	assert_int_equal(reports, 0);
	shrink_all(q);
	assert_int_equal(slab_pages(q), 0);
	finish(q);
}

static void test_S17_large_blocks_are_pages(void **state)
{
	struct quarry *q = real(16 * MIB, 1);
	void *p;

	(void)state;
	for (size_t size = QUARRY_KMALLOC_MAX_CACHE_SIZE + 1; size <= MIB; size = size * 3 / 2) {
		p = quarry_kmalloc(q, size, GFP_KERNEL);
		assert_non_null(p);
		assert_null(quarry_virt_to_cache(q, p));
		assert_true(quarry_ksize(q, p) >= size && quarry_ksize(q, p) / 2 < size);
		memset(p, 1, size);
		quarry_kfree(q, p);
	}
	assert_null(quarry_kmalloc(q, QUARRY_KMALLOC_MAX_SIZE + 1, GFP_KERNEL));
	assert_null(quarry_kmalloc(q, SIZE_MAX, GFP_KERNEL));
	assert_int_equal(reports, 0);
	p = quarry_kmalloc(q, 3 * QUARRY_PAGE_SIZE, GFP_KERNEL);
	quarry_kfree(q, p);
	quarry_kfree(q, p);
	assert_int_equal(reports, 1);
	p = quarry_kmalloc(q, 3 * QUARRY_PAGE_SIZE, GFP_KERNEL);
	quarry_kfree(q, (char *)p + 8);
	assert_int_equal(reports, 2);
	quarry_kfree(q, (char *)p + QUARRY_PAGE_SIZE);
	assert_int_equal(reports, 3);
	quarry_kfree(q, p);
	assert_int_equal(reports, 3);
	finish(q);
}

static void test_S17_nothing_and_null(void **state)
{
	struct quarry *q = real(4 * MIB, 1);

	(void)state;
	assert_ptr_equal(quarry_kmalloc(q, 0, GFP_KERNEL), QUARRY_ZERO_SIZE_PTR);
	assert_ptr_equal(quarry_kmalloc_node(q, 0, GFP_KERNEL, 0), QUARRY_ZERO_SIZE_PTR);
	assert_ptr_equal(quarry_kcalloc(q, 0, 8, GFP_KERNEL), QUARRY_ZERO_SIZE_PTR);
	quarry_kfree(q, QUARRY_ZERO_SIZE_PTR);
	quarry_kfree(q, NULL);
	quarry_kmem_cache_free(q, quarry_kmalloc_cache(q, 8, GFP_KERNEL), NULL);
	assert_int_equal(quarry_kmem_cache_destroy(q, NULL), 0);
	assert_int_equal(quarry_ksize(q, NULL), 0);
	assert_int_equal(quarry_ksize(q, QUARRY_ZERO_SIZE_PTR), 0);
	assert_null(quarry_kmalloc_cache(q, 0, GFP_KERNEL));
	assert_null(quarry_kmalloc_cache(q, QUARRY_KMALLOC_MAX_CACHE_SIZE + 1, GFP_KERNEL));
	assert_int_equal(reports, 0);
	finish(q);
}

static void test_S17_S20_types_by_gfp(void **state)
{
	struct quarry *q = real(32 * MIB, 1);
	void *p;

	(void)state;
	assert_string_equal(info(q, quarry_kmalloc_cache(q, 8192, GFP_KERNEL)).name, "kmalloc-8k");
	assert_string_equal(info(q, quarry_kmalloc_cache(q, 65, GFP_KERNEL)).name, "kmalloc-96");
	assert_string_equal(info(q, quarry_kmalloc_cache(q, 129, GFP_KERNEL_ACCOUNT)).name,
			    "kmalloc-cg-192");
	assert_string_equal(
		info(q, quarry_kmalloc_cache(q, 1, GFP_KERNEL | __GFP_RECLAIMABLE)).name,
		"kmalloc-rcl-8");
	assert_string_equal(info(q, quarry_kmalloc_cache(q, 2048, GFP_ATOMIC | GFP_DMA)).name,
			    "dma-kmalloc-2k");
	assert_string_equal(
		info(q, quarry_kmalloc_cache(q, 64, GFP_DMA | __GFP_RECLAIMABLE | __GFP_ACCOUNT))
			.name,
		"dma-kmalloc-64");
	/* Linux's list, newest first. */
	assert_string_equal(info(q, quarry_kmem_cache_next(q, NULL)).name, "dma-kmalloc-8k");
	p = quarry_kmalloc(q, 100, GFP_KERNEL | GFP_DMA);
	assert_true(quarry_page_to_pfn(q, quarry_virt_to_page(q, p)) < 4096);
	quarry_kfree(q, p);
	p = quarry_kmalloc(q, 100, GFP_KERNEL);
	assert_true(quarry_page_to_pfn(q, quarry_virt_to_page(q, p)) >= 4096);
	quarry_kfree(q, p);
	finish(q);
}

static void test_S17_zeroing_and_krealloc(void **state)
{
	struct quarry *q = real(4 * MIB, 1);
	unsigned char *p, *r;

	(void)state;
	p = quarry_kmalloc(q, 200, GFP_KERNEL);
	memset(p, 0xff, 256);
	quarry_kfree(q, p);
	r = quarry_kzalloc(q, 200, GFP_KERNEL);
	assert_ptr_equal(r, p); /* the sheaf is a stack */
	assert_true(filled(r, 0, 256));
	memset(r, 0x11, 256);
	p = quarry_krealloc(q, r, 256, GFP_KERNEL);
	assert_ptr_equal(p, r);
	p = quarry_krealloc(q, r, 257, GFP_KERNEL);
	assert_ptr_not_equal(p, r);
	assert_true(filled(p, 0x11, 256));
	assert_int_equal(quarry_ksize(q, p), 512);
	assert_null(quarry_krealloc(q, p, SIZE_MAX, GFP_KERNEL));
	assert_true(filled(p, 0x11, 256));
	r = quarry_krealloc(q, p, 20000, GFP_KERNEL);
	assert_true(filled(r, 0x11, 256));
	assert_ptr_equal(quarry_krealloc(q, r, 0, GFP_KERNEL), QUARRY_ZERO_SIZE_PTR);
	p = quarry_krealloc(q, NULL, 8, GFP_KERNEL);
	assert_int_equal(quarry_ksize(q, p), 8);
	quarry_kfree(q, p);
	assert_null(quarry_kcalloc(q, SIZE_MAX / 2, 3, GFP_KERNEL));
	p = quarry_kcalloc(q, 10, 10, GFP_KERNEL);
	assert_true(filled(p, 0, 100));
	quarry_kfree(q, p);
	assert_int_equal(reports, 0);
	finish(q);
}

/* ---- caches ---- */

static void test_S18_create_refuses(void **state)
{
	struct kmem_cache_args args = {.align = 24};
	struct quarry *q = real(4 * MIB, 1);
	struct quarry_posix_options options = {0};
	struct quarry *unbooted = quarry_posix_new(&options);

	(void)state;
	assert_null(quarry_kmem_cache_create(q, "none", 0, 0, NULL));
	assert_null(quarry_kmem_cache_create(q, "huge", QUARRY_KMALLOC_MAX_SIZE + 1, 0, NULL));
	assert_null(quarry_kmem_cache_create(q, NULL, 8, 0, NULL));
	assert_null(quarry_kmem_cache_create(q, "align", 8, 0, &args));
	assert_null(quarry_kmem_cache_create(unbooted, "early", 8, 0, NULL));
	assert_null(quarry_kmalloc(unbooted, 8, GFP_KERNEL));
	quarry_kfree(unbooted, NULL);
	quarry_posix_delete(unbooted);
	finish(q);
}

static void test_S18_table_of_caches_runs_full(void **state)
{
	struct quarry *q = machine(0, 64 * MIB, 1, 1);
	struct kmem_cache *s[QUARRY_MAX_CACHES];
	unsigned int n = 0;

	(void)state;
	while ((s[n] = quarry_kmem_cache_create(q, "many", 40, SLAB_NO_MERGE, NULL)) != NULL)
		n++;
	assert_int_equal(n, QUARRY_MAX_CACHES - 52);
	check(q);
	assert_int_equal(quarry_kmem_cache_destroy(q, s[n / 2]), 0);
	s[n / 2] = quarry_kmem_cache_create(q, "again", 40, SLAB_NO_MERGE, NULL);
	assert_non_null(s[n / 2]);
	while (n-- > 0)
		assert_int_equal(quarry_kmem_cache_destroy(q, s[n]), 0);
	finish(q);
}

static void test_S18_destroy_keeps_what_is_in_use(void **state)
{
	struct quarry *q = real(4 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "busy", 100, SLAB_NO_MERGE, NULL);
	void *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);

	(void)state;
	assert_int_equal(quarry_kmem_cache_destroy(q, s), -QUARRY_EBUSY);
	assert_int_equal(reports, 1);
	assert_int_equal(info(q, s).active_objs, 1);
	check(q);
	quarry_kmem_cache_free(q, s, p);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, quarry_kmalloc_cache(q, 8, GFP_KERNEL)),
			 -QUARRY_EBUSY);
	assert_int_equal(slab_pages(q), 0);
	finish(q);
}

static void noop_ctor(void *object)
{
	(void)object;
}

static void test_S5_merging(void **state)
{
	struct kmem_cache_args with_ctor = {.ctor = noop_ctor}, sized = {.size = 104};
	struct quarry *q = real(4 * MIB, 1);
	struct kmem_cache *a = quarry_kmem_cache_create(q, "a", 100, 0, NULL), *b;
	static const uint32_t apart[] = {
		SLAB_NO_MERGE,           SLAB_TYPESAFE_BY_RCU, SLAB_ACCOUNT,
		SLAB_RECLAIM_ACCOUNT,    SLAB_CACHE_DMA,       SLAB_CACHE_DMA32,
		SLAB_CONSISTENCY_CHECKS, SLAB_NOLEAKTRACE};

	(void)state;
	b = quarry_kmem_cache_create(q, "b", 97, 0, NULL);
	assert_ptr_equal(a, b);
	assert_int_equal(info(q, a).refcount, 2);
	assert_int_equal(info(q, a).object_size, 100);
	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		b = quarry_kmem_cache_create(q, "c", 100, apart[i], NULL);
		assert_ptr_not_equal(a, b);
		assert_int_equal(quarry_kmem_cache_destroy(q, b), 0);
	}
	b = quarry_kmem_cache_create(q, "ctor", 100, 0, &with_ctor);
	assert_ptr_not_equal(a, b);
	assert_int_equal(quarry_kmem_cache_destroy(q, b), 0);
	b = quarry_kmem_cache_create(q, "sized", 100, 0, &sized);
	assert_ptr_not_equal(a, b);
	assert_int_equal(quarry_kmem_cache_destroy(q, b), 0);
	b = quarry_kmem_cache_create(q, "smaller", 96, 0, NULL);
	assert_ptr_not_equal(a, b);
	assert_int_equal(quarry_kmem_cache_destroy(q, b), 0);
	/* kmalloc's are never shared. */
	b = quarry_kmem_cache_create(q, "k", 64, 0, NULL);
	assert_ptr_not_equal(b, quarry_kmalloc_cache(q, 64, GFP_KERNEL));
	assert_int_equal(quarry_kmem_cache_destroy(q, b), 0);
	/* One reference goes, the other's objects stay. */
	b = quarry_kmem_cache_alloc(q, a, GFP_KERNEL) != NULL ? a : NULL;
	assert_int_equal(quarry_kmem_cache_destroy(q, b), 0);
	assert_int_equal(info(q, a).active_objs, 1);
	assert_int_equal(quarry_kmem_cache_destroy(q, a), -QUARRY_EBUSY);
	assert_int_equal(info(q, a).refcount, 1);
	finish(q);
}

/* ---- constructors ---- */

static unsigned int constructed;

static void count_ctor(void *object)
{
	constructed++;
	memset(object, 0x5c, 72);
}

static void test_S10_ctor_runs_once_and_state_is_kept(void **state)
{
	struct kmem_cache_args args = {.ctor = count_ctor};
	struct quarry *q = real(4 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "ctor", 72, 0, &args);
	void *p[200]; /* in fewer slabs than min_partial: none is given back in between */

	(void)state;
	constructed = 0;
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < 200; i++) {
			p[i] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL | __GFP_ZERO);
			assert_non_null(p[i]);
			assert_true(filled(p[i], 0x5c, 72));
		}
		assert_int_equal(constructed, info(q, s).num_objs);
		for (size_t i = 0; i < 200; i++)
			quarry_kmem_cache_free(q, s, p[i]);
		assert_true(filled(p[0], 0x5c, 72) && filled(p[199], 0x5c, 72));
	}
	finish(q);
}

/* ---- slabs ---- */

static void test_S1_S19_counts(void **state)
{
	struct quarry *q = real(8 * MIB, 2);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "count", 256, SLAB_NO_MERGE, NULL);
	struct quarry_cache_info i;
	void *p[500];

	(void)state;
	for (size_t k = 0; k < 500; k++)
		p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	i = info(q, s);
	assert_int_equal(i.active_objs, 500);
	assert_int_equal(i.allocs, 500);
	assert_int_equal(i.frees, 0);
	assert_int_equal(i.num_objs, i.num_slabs * i.objs_per_slab);
	assert_int_equal(i.pages, i.num_slabs << i.order);
	assert_true(i.num_objs >= 500 && i.num_objs < 500 + i.objs_per_slab);
	assert_int_equal(i.active_slabs, i.num_slabs);
	quarry_posix_set_cpu(1);
	for (size_t k = 0; k < 500; k++)
		quarry_kmem_cache_free(q, s, p[k]);
	i = info(q, s);
	assert_int_equal(i.active_objs, 0);
	assert_int_equal(i.frees, 500);
	assert_true(i.cached_objs > 0);
	check(q);
	assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
	i = info(q, s);
	assert_int_equal(i.num_objs, 0);
	assert_int_equal(i.pages, 0);
	finish(q);
}

/* Empty slabs beyond min_partial go home without being asked. */
static void test_S6_S11_min_partial_bounds_empty_slabs(void **state)
{
	struct quarry *q = real(16 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "partial", 1024, SLAB_NO_MERGE, NULL);
	static void *p[4000];
	struct quarry_cache_info i;

	(void)state;
	for (size_t k = 0; k < 4000; k++) {
		p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		assert_non_null(p[k]);
	}
	for (size_t k = 0; k < 4000; k++)
		quarry_kmem_cache_free(q, s, p[k]);
	i = info(q, s);
	assert_true(i.nr_partial <= i.min_partial + i.cached_objs);
	assert_true(i.num_slabs - i.active_slabs <= i.min_partial);
	assert_true(i.cached_objs <= 12 * i.sheaf_capacity);
	finish(q);
}

/* Scattered frees: refill finds the holes before a new slab is made. */
static void test_S8_holes_are_used_first(void **state)
{
	struct quarry *q = real(8 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "holes", 128, SLAB_NO_MERGE, NULL);
	static void *p[8192];
	unsigned long slabs;

	(void)state;
	for (size_t k = 0; k < 8192; k++)
		p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	slabs = info(q, s).num_slabs;
	for (size_t k = 0; k < 8192; k += 3)
		quarry_kmem_cache_free(q, s, p[k]);
	check(q);
	for (size_t k = 0; k < 8192; k += 3)
		p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	assert_int_equal(info(q, s).num_slabs, slabs);
	for (size_t k = 0; k < 8192; k++)
		quarry_kmem_cache_free(q, s, p[k]);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

/* Takes order-0 pages until there are none; returns how many. */
static size_t take_pages(struct quarry *q, struct page **page, size_t max)
{
	size_t n = 0;

	while (n < max && (page[n] = quarry_alloc_pages(q, GFP_ATOMIC | __GFP_MEMALLOC, 0)) != NULL)
		n++;
	assert_true(n < max);
	return n;
}

static int by_pfn(const void *a, const void *b)
{
	return *(struct page *const *)a < *(struct page *const *)b ? -1 : 1;
}

static void test_S10_order_fallback(void **state)
{
	static struct page *page[4096];
	struct quarry *q = real(8 * MIB, 2);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "fall", 1200, SLAB_NO_MERGE, NULL);
	struct quarry_cache_info i;
	void *p[60];
	size_t n;

	(void)state;
	assert_true(info(q, s).order > info(q, s).min_order);
	p[0] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL); /* one of the preferred order */
	while (info(q, s).cached_objs != 0)
		assert_non_null(quarry_kmem_cache_alloc(q, s, GFP_KERNEL));
	n = take_pages(q, page, 4096);
	qsort(page, n, sizeof(page[0]), by_pfn);
	for (size_t k = 0; k < n; k += 2) {
		quarry_free_pages(q, page[k], 0);
		page[k] = NULL;
	}
	quarry_drain_all_pages(q);
	for (size_t k = 0; k < 60; k++) {
		p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		assert_non_null(p[k]);
		memset(p[k], 7, 1200);
	}
	i = info(q, s);
	assert_int_equal(i.order_fallback, i.num_slabs - 1);
	assert_true(i.num_slabs >= 20);
	check(q);
	for (size_t k = 0; k < 60; k++)
		quarry_kmem_cache_free(q, s, p[k]);
	assert_int_equal(reports, 0);
	/* Interior pointers of a cache with slabs of two orders are found when they are flushed. */
	quarry_kmem_cache_free(q, s, (char *)p[3] + 16);
	quarry_kmem_cache_shrink(q, s);
	assert_int_equal(reports, 1);
	for (size_t k = 0; k < n; k++)
		quarry_free_pages(q, page[k], 0);
	finish(q);
}

static void test_S11_exhaustion_leaves_no_trace(void **state)
{
	static const unsigned int sizes[] = {8, 64, 192, 700, 3000, 8192, 70000};
	static void *p[600000];
	struct quarry *q = real(4 * MIB, 1);

	(void)state;
	for (size_t c = 0; c < sizeof(sizes) / sizeof(sizes[0]); c++) {
		struct kmem_cache *s =
			quarry_kmem_cache_create(q, "full", sizes[c], SLAB_NO_MERGE, NULL);
		size_t n = 0, again = 0;

		while ((p[n] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL)) != NULL)
			n++;
		assert_true(n * sizes[c] > 2 * MIB && n * sizes[c] <= 4 * MIB);
		assert_int_equal(info(q, s).active_objs, n);
		assert_int_equal(info(q, s).refused, 1);
		check(q);
		for (size_t k = 0; k < n; k++)
			quarry_kmem_cache_free(q, s, p[k]);
		while ((p[again] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL)) != NULL)
			again++;
		assert_true(again >= n - n / 16);
		while (again-- > 0)
			quarry_kmem_cache_free(q, s, p[again]);
		assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
		assert_int_equal(slab_pages(q), 0);
	}
	assert_int_equal(reports, 0);
	finish(q);
}

static void test_S18_bulk_is_all_or_nothing(void **state)
{
	static void *p[5000];
	struct quarry *q = real(4 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "bulk", 1024, SLAB_NO_MERGE, NULL);

	(void)state;
	assert_true(quarry_kmem_cache_alloc_bulk(q, s, GFP_KERNEL, 0, p));
	assert_true(quarry_kmem_cache_alloc_bulk(q, s, GFP_KERNEL, 1000, p));
	assert_int_equal(info(q, s).active_objs, 1000);
	assert_false(quarry_kmem_cache_alloc_bulk(q, s, GFP_KERNEL, 4000, p + 1000));
	assert_int_equal(info(q, s).active_objs, 1000);
	check(q);
	quarry_kmem_cache_free_bulk(q, s, 1000, p);
	assert_int_equal(info(q, s).active_objs, 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

/* ---- damage ---- */

static void test_S11_foreign_interior_and_wrong_cache(void **state)
{
	struct quarry *q = real(4 * MIB, 1);
	struct kmem_cache *a = quarry_kmem_cache_create(q, "alpha", 96, SLAB_NO_MERGE, NULL);
	struct kmem_cache *b = quarry_kmem_cache_create(q, "beta", 96, SLAB_NO_MERGE, NULL);
	char *p = quarry_kmem_cache_alloc(q, a, GFP_KERNEL);
	struct page *page = quarry_alloc_pages(q, GFP_KERNEL, 0);
	int local;

	(void)state;
	quarry_kmem_cache_free(q, b, p);
	assert_int_equal(reports, 1);
	assert_non_null(strstr(last_report, "belongs to alpha"));
	for (unsigned int off = 1; off < 96; off++)
		quarry_kmem_cache_free(q, a, p + off);
	assert_int_equal(reports, 96);
	quarry_kfree(q, p + 8);
	assert_int_equal(reports, 97);
	quarry_kmem_cache_free(q, a, &local);
	quarry_kmem_cache_free(q, a, (void *)UINTPTR_MAX);
	quarry_kmem_cache_free(q, a, quarry_page_address(q, page));
	assert_int_equal(reports, 100);
	quarry_kfree(q, &local);
	quarry_kfree(q, (void *)UINTPTR_MAX);
	quarry_kfree(q, (void *)17);
	quarry_kfree(q, (char *)quarry_page_address(q, page) + 64);
	assert_int_equal(reports, 104);
	assert_null(quarry_krealloc(q, &local, 10, GFP_KERNEL));
	assert_int_equal(reports, 105);
	assert_int_equal(info(q, a).active_objs, 1);
	check(q);
	quarry_kmem_cache_free(q, a, p);
	quarry_free_pages(q, page, 0);
	assert_int_equal(reports, 105);
	assert_int_equal(quarry_kmem_cache_destroy(q, a), 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, b), 0);
	finish(q);
}

/* What a sheaf has by mistake is named when it is emptied. */
static void test_S11_flush_names_what_is_wrong(void **state)
{
	static const char *const said[] = {"belongs to beta", "not the start of an object",
					   "foreign pointer"};
	struct quarry *q = real(4 * MIB, 1);
	struct kmem_cache *a = quarry_kmem_cache_create(q, "alpha", 96, SLAB_NO_MERGE, NULL);
	struct kmem_cache *b = quarry_kmem_cache_create(q, "beta", 96, SLAB_NO_MERGE, NULL);
	struct slab_cpu *c = &a->cpu_sheaves[0];
	char *p = quarry_kmem_cache_alloc(q, b, GFP_KERNEL), *mine[8];
	struct page *page = quarry_alloc_pages(q, GFP_KERNEL, 0);

	(void)state;
	for (unsigned int k = 0; k < 3; k++) {
		for (unsigned int n = 0; n < 8; n++)
			mine[n] = quarry_kmem_cache_alloc(q, a, GFP_KERNEL);
		for (unsigned int n = 0; n < 8; n++)
			quarry_kmem_cache_free(q, a, mine[n]);
		*c->top++ = k == 0 ? p : k == 1 ? mine[0] + 8 : quarry_page_address(q, page);
		reports = 0;
		quarry_kmem_cache_shrink(q, a);
		assert_int_equal(reports, 1);
		if (strstr(last_report, said[k]) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", last_report, said[k]);
		check(q);
	}
	reports = 0;
	quarry_kmem_cache_free(q, b, p);
	quarry_free_pages(q, page, 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, a), 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, b), 0);
	finish(q);
}

/* Caches whose slabs may have two orders, and the space behind a slab's last object. */
static void test_S11_no_object_starts_there(void **state)
{
	struct quarry *q = real(16 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "odd", 712, SLAB_NO_MERGE, NULL);
	struct quarry_cache_info info;
	char *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL), *k;

	(void)state;
	quarry_kmem_cache_info(q, s, &info);
	assert_int_not_equal(info.order, info.min_order);
	quarry_kmem_cache_free(q, s, p + 8);
	assert_int_equal(reports, 1);
	assert_ptr_not_equal(quarry_kmem_cache_alloc(q, s, GFP_KERNEL), p + 8);
	k = quarry_kmalloc(q, 90, GFP_KERNEL);
	assert_non_null(k);
	k = (char *)((uintptr_t)k & ~(uintptr_t)(QUARRY_PAGE_SIZE - 1));
	quarry_kfree(q, k + 42 * 96); /* 42 objects fit */
	assert_int_equal(reports, 2);
	check(q);
	reports = 0;
	quarry_posix_delete(q);
}

static void test_S11_double_free_is_found_by_the_flush(void **state)
{
	struct quarry *q = real(4 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "twice", 64, SLAB_NO_MERGE, NULL);
	void *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	void *keep = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);

	(void)state;
	quarry_kmem_cache_free(q, s, p);
	quarry_kmem_cache_free(q, s, p);
	assert_true(quarry_check_slab(q, NULL) != 0); /* it is in the sheaf twice */
	quarry_kmem_cache_shrink(q, s);
	assert_int_equal(reports, 1);
	assert_non_null(strstr(last_report, "double free"));
	assert_int_equal(info(q, s).active_objs, 1);
	check(q);
	/* Free in its slab already. */
	quarry_kmem_cache_free(q, s, p);
	quarry_kmem_cache_shrink(q, s);
	assert_int_equal(reports, 2);
	check(q);
	/* The slab itself is gone. */
	quarry_kmem_cache_free(q, s, keep);
	assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
	quarry_kmem_cache_free(q, s, keep);
	assert_int_equal(reports, 3);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

/* The last object of a slab twice in one sheaf: the slab goes while its second copy waits. */
static void test_S11_double_free_of_a_whole_slab(void **state)
{
	struct quarry *q = real(8 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "slabs", 4096, SLAB_NO_MERGE, NULL);
	static void *p[600];

	(void)state;
	for (size_t k = 0; k < 600; k++) {
		p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		assert_non_null(p[k]);
	}
	for (size_t k = 0; k < 600; k++) {
		quarry_kmem_cache_free(q, s, p[k]);
		quarry_kmem_cache_free(q, s, p[k]);
	}
	assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
	assert_int_equal(reports, 600);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

static void test_S11_consistency_checks_find_it_at_once(void **state)
{
	struct quarry *q = real(4 * MIB, 1);
	struct kmem_cache *s =
		quarry_kmem_cache_create(q, "careful", 1200, SLAB_CONSISTENCY_CHECKS, NULL);
	void *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	void *other = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);

	(void)state;
	assert_int_equal(info(q, s).cached_objs, 0);
	assert_int_equal(info(q, s).cpu_partial, 0);
	quarry_kmem_cache_free(q, s, (char *)p + 16);
	assert_int_equal(reports, 1);
	quarry_kmem_cache_free(q, s, p);
	quarry_kmem_cache_free(q, s, p);
	assert_int_equal(reports, 2);
	quarry_kmem_cache_free(q, s, other);
	assert_int_equal(info(q, s).cached_objs, 0);
	assert_int_equal(info(q, s).frees, 2);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

/* ---- nodes ---- */

static int node_of(struct quarry *q, const void *p)
{
	return quarry_page_to_pfn(q, quarry_virt_to_page(q, p)) < (32 * MIB >> QUARRY_PAGE_SHIFT)
		       ? 0
		       : 1;
}

static void test_S8_S12_nodes(void **state)
{
	struct quarry *q = machine(64 * MIB, 64 * MIB, 2, 2);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "nodes", 512, SLAB_NO_MERGE, NULL);
	void *p[400];

	(void)state;
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		quarry_posix_set_cpu(cpu);
		p[0] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		assert_int_equal(node_of(q, p[0]), cpu);
		for (size_t k = 1; k < 200; k++) {
			p[k] = quarry_kmem_cache_alloc_node(q, s, GFP_KERNEL, (int)(k % 2));
			assert_int_equal(node_of(q, p[k]), k % 2);
		}
		/* All freed here: objects of the other node pass through this CPU, then go home. */
		for (size_t k = 0; k < 200; k++)
			quarry_kmem_cache_free(q, s, p[k]);
		check(q);
	}
	p[0] = quarry_kmem_cache_alloc_node(q, s, GFP_KERNEL, 77);
	p[1] = quarry_kmem_cache_alloc_node(q, s, GFP_KERNEL, -5);
	p[2] = quarry_kmalloc_node(q, 40000, GFP_KERNEL, 0);
	assert_int_equal(node_of(q, p[2]), 0);
	quarry_kfree(q, p[0]);
	quarry_kfree(q, p[1]);
	quarry_kfree(q, p[2]);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	assert_int_equal(reports, 0);
	finish(q);
}

/* One node runs out: the other helps, unless __GFP_THISNODE. */
static void test_S8_other_nodes_help(void **state)
{
	struct quarry *q = machine(64 * MIB, 64 * MIB, 2, 2);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "help", 4096, SLAB_NO_MERGE, NULL);
	static void *p[16384];
	size_t n = 0, here;

	(void)state;
	while ((p[n] = quarry_kmem_cache_alloc_node(q, s, GFP_KERNEL | __GFP_THISNODE, 1)) != NULL)
		assert_int_equal(node_of(q, p[n++]), 1);
	here = n;
	assert_true(here * 4096 > 24 * MIB);
	while ((p[n] = quarry_kmem_cache_alloc_node(q, s, GFP_KERNEL, 1)) != NULL)
		n++;
	assert_true((n - here) * 4096 > 24 * MIB);
	check(q);
	while (n-- > 0)
		quarry_kmem_cache_free(q, s, p[n]);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

/* ---- machines without memory ---- */

static void test_S9_simulated_memory_is_never_touched(void **state)
{
	struct kmem_cache_args args = {.ctor = count_ctor};
	struct quarry *q = machine(0, (size_t)8 << 30, 4, 2);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "sim", 100, 0, &args);
	void *p[1000];

	(void)state;
	constructed = 0;
	for (size_t k = 0; k < 1000; k++) {
		quarry_posix_set_cpu(k % 4);
		p[k] = k % 2 != 0 ? quarry_kmem_cache_alloc(q, s, GFP_KERNEL)
				  : quarry_kzalloc(q, 1 + k, GFP_KERNEL);
		assert_non_null(p[k]);
	}
	assert_int_equal(constructed, 0);
	check(q);
	p[0] = quarry_krealloc(q, p[0], 5000, GFP_KERNEL);
	for (size_t k = 0; k < 1000; k++) {
		quarry_posix_set_cpu((k + 1) % 4);
		quarry_kfree(q, p[k]);
	}
	assert_int_equal(reports, 0);
	finish(q);
}

/* ---- failing acquisitions ---- */

struct failing {
	_Alignas(64) unsigned char storage[QUARRY_STORAGE_SIZE];
	unsigned long count, fail_at; /* 1 is the first; 0: never */
	bool fail_after;              /* all from fail_at on */
	unsigned long out;            /* tables not given back */
	struct quarry *other;         /* whose turn it is while a table is fetched, once */
};

static struct kmem_cache *intruder;

static void *failing_alloc(void *ctx, size_t size, size_t align)
{
	struct failing *f = ctx;
	void *p;

	f->count++;
	if (f->other != NULL) {
		struct quarry *q = f->other;

		f->other = NULL;
		intruder = quarry_kmem_cache_create(q, "other", 48, SLAB_NO_MERGE, NULL);
	}
	if (f->fail_at != 0 && (f->count == f->fail_at || (f->fail_after && f->count > f->fail_at)))
		return NULL;
	p = aligned_alloc(align, (size + align - 1) / align * align);
	f->out++;
	return p == NULL ? NULL : memset(p, 0, size);
}

static void failing_free(void *ctx, void *p, size_t size)
{
	struct failing *f = ctx;

	(void)size;
	f->out--;
	free(p);
}

static struct quarry *failing_machine(struct failing *f, void *ram, size_t bytes)
{
	struct quarry_port port = {.ctx = f,
				   .direct_map = (uintptr_t)ram,
				   .meta_alloc = failing_alloc,
				   .meta_free = failing_free,
				   .report = take_report};
	struct quarry *q = quarry_init(f->storage, sizeof(f->storage), &port);

	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, 0, bytes), 0);
	reports = 0;
	return q;
}

static void *map_ram(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

/* What is tried with failing tables: nothing may crash, leak or be damaged. */
static void failing_work(struct quarry *q)
{
	struct kmem_cache *s[3];
	void *p[3][150] = {{NULL}};

	for (size_t c = 0; c < 3; c++) {
		s[c] = quarry_kmem_cache_create(q, "work", (unsigned int)(40 << 2 * c),
						SLAB_NO_MERGE, NULL);
		for (size_t k = 0; s[c] != NULL && k < 150; k++) {
			p[c][k] = quarry_kmem_cache_alloc(q, s[c], GFP_KERNEL);
			if (p[c][k] != NULL)
				memset(p[c][k], 0x33, (size_t)40 << 2 * c);
		}
		assert_int_equal(quarry_check_slab(q, &faults), 0);
	}
	for (size_t c = 0; c < 3; c++) {
		for (size_t k = 0; s[c] != NULL && k < 150; k++)
			quarry_kmem_cache_free(q, s[c], p[c][k * 7 % 150]);
		assert_int_equal(quarry_check_slab(q, &faults), 0);
		assert_int_equal(quarry_kmem_cache_destroy(q, s[c]), 0);
	}
	assert_int_equal(reports, 0);
	assert_int_equal(slab_pages(q), 0);
}

/* The only thing that is written in memory without contents: bootmem's bitmap. */
static void *bitmap_storage(void *ctx, phys_addr_t phys, size_t size)
{
	static _Alignas(64) unsigned char bitmap[4096];

	(void)ctx;
	(void)phys;
	return size <= sizeof(bitmap) ? bitmap : NULL;
}

/* Under an identity map the first page's address is NULL: nobody gets it, or what lies in it. */
static void test_S17_null_is_no_object(void **state)
{
	static const size_t sizes[] = {8, 16, 4096, 20000};
	static struct failing f;
	unsigned int order;

	(void)state;
	for (unsigned int bootmem = 0; bootmem < 2; bootmem++) {
		struct quarry_port port = {.ctx = &f,
					   .no_access = true,
					   .meta_alloc = failing_alloc,
					   .meta_free = failing_free,
					   .storage = bitmap_storage,
					   .report = take_report};
		struct quarry_boot_params params = {.bootmem = bootmem != 0, .nr_cpus = 1};
		struct quarry *q;

		f.fail_at = 0;
		f.other = NULL;
		q = quarry_init(f.storage, sizeof(f.storage), &port);
		assert_non_null(q);
		assert_int_equal(quarry_memblock_add(q, 0, 4 * MIB), 0);
		if (bootmem != 0) {
			assert_true(quarry_init_bootmem(q, 4, 1024) != 0);
			quarry_free_bootmem(q, 0, 4 * MIB);
		}
		/* Refused for a parameter: nothing changed. */
		params.slab_min_order = 4;
		assert_int_equal(quarry_boot(q, &params), -QUARRY_EINVAL);
		assert_false(quarry_memblock_is_reserved(q, 0));
		if (bootmem != 0) {
			assert_int_equal(quarry_reserve_bootmem(q, 0, 1, BOOTMEM_EXCLUSIVE), 0);
			assert_int_equal(quarry_boot(q, &params), -QUARRY_EINVAL);
			assert_int_equal(quarry_reserve_bootmem(q, 0, 1, BOOTMEM_EXCLUSIVE),
					 -QUARRY_EBUSY);
			assert_int_equal(quarry_free_bootmem(q, 0, QUARRY_PAGE_SIZE), 0);
		}
		params.slab_min_order = 0;
		assert_int_equal(quarry_boot(q, &params), 0);
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			void *p;

			for (unsigned int n = 0; n < 1000; n++) {
				p = quarry_kmalloc(q, sizes[k],
						   GFP_ATOMIC | __GFP_MEMALLOC | __GFP_NOWARN);
				if (p == NULL)
					break;
				assert_true((uintptr_t)p >= QUARRY_PAGE_SIZE);
			}
		}
		while (quarry_get_free_pages(q, GFP_ATOMIC | __GFP_MEMALLOC | __GFP_NOWARN, 0) !=
		       NULL)
			;
		assert_int_equal(quarry_pfn_state(q, 0, &order), QUARRY_PAGE_RESERVED);
		check(q);
		quarry_destroy(q);
		assert_int_equal(f.out, 0);
	}
}

/* Another CPU takes the last number of the table of caches while this one fetches memory: both get a cache. */
static void test_S18_the_last_number_is_taken_meanwhile(void **state)
{
	static struct failing f;
	void *ram = map_ram(4 * MIB);
	struct quarry *q;
	struct kmem_cache *s;
	uint32_t used = 0;

	(void)state;
	f.fail_at = 0;
	f.other = NULL;
	q = failing_machine(&f, ram, 4 * MIB);
	assert_int_equal(quarry_boot(q, NULL), 0);
	do
		s = quarry_kmem_cache_create(q, "one", 40, SLAB_NO_MERGE, NULL);
	while (s != NULL && ++used != 0 && s->id + 2 != q->slabs->nr_slots);
	assert_non_null(s);
	/* What is left of the pool is too small for a cache. */
	while (q->slabs->pool->size - q->slabs->pool->used >= q->slabs->cache_bytes)
		assert_non_null(slab_pool_alloc(q, 64));
	intruder = NULL;
	f.other = q;
	s = quarry_kmem_cache_create(q, "mine", 40, SLAB_NO_MERGE, NULL);
	assert_non_null(intruder);
	assert_non_null(s);
	assert_ptr_not_equal(s, intruder);
	check(q);
	quarry_destroy(q);
	assert_int_equal(f.out, 0);
	munmap(ram, 4 * MIB);
}

static void test_S10_every_table_allocation_fails_once(void **state)
{
	static struct failing f;
	void *ram = map_ram(4 * MIB);
	bool failed = true;

	(void)state;
	for (int after = 0; after < 2; after++) {
		for (unsigned long n = 1;; n++) {
			struct quarry *q;
			int err;

			f = (struct failing){.fail_at = n, .fail_after = after != 0};
			q = failing_machine(&f, ram, 4 * MIB);
			err = quarry_boot(q, NULL);
			if (err == 0)
				failing_work(q);
			failed = f.count >= n;
			quarry_destroy(q);
			assert_int_equal(f.out, 0);
			if (!failed)
				break;
			assert_true(n < 1000);
		}
	}
	munmap(ram, 4 * MIB);
}

/* Tables out of the machine's own memory. */
static void test_S10_tables_in_managed_memory(void **state)
{
	static struct failing f;
	void *ram = map_ram(2 * MIB);
	struct quarry_port port = {.direct_map = (uintptr_t)ram, .report = take_report};
	struct quarry *q = quarry_init(f.storage, sizeof(f.storage), &port);
	static void *p[40000];
	size_t n = 0;

	(void)state;
	reports = 0;
	assert_int_equal(quarry_memblock_add(q, 0, 2 * MIB), 0);
	assert_int_equal(quarry_boot(q, NULL), 0);
	failing_work(q);
	while ((p[n] = quarry_kmalloc(q, 100, GFP_KERNEL)) != NULL)
		memset(p[n++], 0x77, 128);
	assert_true(n * 128 > MIB);
	assert_int_equal(quarry_check(q, &faults), 0);
	while (n-- > 0) {
		assert_true(filled(p[n], 0x77, 128));
		quarry_kfree(q, p[n]);
	}
	assert_int_equal(quarry_check(q, &faults), 0);
	assert_int_equal(reports, 0);
	quarry_destroy(q);
	munmap(ram, 2 * MIB);
}

/* ---- reclaim that comes back ---- */

struct reclaimer {
	struct quarry *q;
	struct kmem_cache *s;
	void *p[20000];
	size_t n;
	unsigned int calls;
};

static unsigned long give_some(void *ctx, int nid, gfp_t gfp, unsigned int order, unsigned long nr)
{
	struct reclaimer *r = ctx;

	(void)nid, (void)gfp, (void)order;
	r->calls++;
	for (size_t k = 0; k < 300 && r->n != 0; k++)
		quarry_kmem_cache_free(r->q, r->s, r->p[--r->n]);
	return r->n != 0 ? nr : 0;
}

/* The cache that waits for memory is the one that reclaim frees into, on the same CPU. */
static void test_S9_S10_reclaim_reenters(void **state)
{
	static unsigned char storage[QUARRY_STORAGE_SIZE] __attribute__((aligned(64)));
	static struct reclaimer r;
	void *ram = map_ram(4 * MIB), *p;
	struct quarry_port port = {.ctx = &r,
				   .direct_map = (uintptr_t)ram,
				   .reclaim = give_some,
				   .report = take_report};

	(void)state;
	reports = 0;
	r.q = quarry_init(storage, sizeof(storage), &port);
	assert_int_equal(quarry_memblock_add(r.q, 0, 4 * MIB), 0);
	assert_int_equal(quarry_boot(r.q, NULL), 0);
	r.s = quarry_kmem_cache_create(r.q, "reclaim", 1000, SLAB_NO_MERGE, NULL);
	while ((r.p[r.n] = quarry_kmem_cache_alloc(r.q, r.s, GFP_ATOMIC)) != NULL)
		r.n++;
	for (size_t k = 0; k < 2000; k++) {
		p = quarry_kmem_cache_alloc(r.q, r.s, GFP_KERNEL);
		assert_int_equal(quarry_check_slab(r.q, &faults), 0);
		if (p != NULL)
			r.p[r.n++] = p;
	}
	assert_true(r.calls > 5);
	while (r.n != 0)
		quarry_kmem_cache_free(r.q, r.s, r.p[--r.n]);
	assert_int_equal(quarry_kmem_cache_destroy(r.q, r.s), 0);
	assert_int_equal(reports, 0);
	assert_int_equal(quarry_check(r.q, &faults), 0);
	quarry_destroy(r.q);
	munmap(ram, 4 * MIB);
}

/* ---- the validator ---- */

static void first_fault(void *ctx, const char *text, size_t len)
{
	size_t at = strlen(ctx);

	snprintf((char *)ctx + at, 200 - at, "%.*s", (int)len, text);
}

/* Damages @field to @value, expects the validator to find @n faults and to tell @text of the first, and undoes it. */
#define DAMAGE(field, value, n, text)                                                      \
	do {                                                                               \
		__typeof__(field) was_ = (field);                                          \
		char said_[200] = "";                                                      \
		const struct quarry_out out_ = {first_fault, said_};                       \
		unsigned int found_;                                                       \
                                                                                           \
		(field) = (__typeof__(field))(value);                                      \
		found_ = quarry_check_slab(q, &out_);                                      \
		(field) = was_;                                                            \
		if (found_ != (n) || strstr(said_, ": " text " (") == NULL ||              \
		    strchr(said_, '\n') != said_ + strlen(said_) - 1)                      \
			fail_msg("%s = %s: %u faults, %s", #field, #value, found_, said_); \
		assert_int_equal(quarry_check_slab(q, &faults), 0);                        \
	} while (0)

/* The slabs of @n's two lists stand on the other one, as if they belonged there. */
static void swap_lists(struct quarry *q, struct slab_node *n)
{
	struct slab_list was = n->partial[SLAB_PARTIAL - 1];

	n->partial[SLAB_PARTIAL - 1] = n->partial[SLAB_SPARSE - 1];
	n->partial[SLAB_SPARSE - 1] = was;
	for (unsigned int list = SLAB_PARTIAL; list <= SLAB_SPARSE; list++) {
		for (uint32_t i = n->partial[list - 1].first; i != SLAB_NONE;) {
			struct slab *slab = slab_record(q->slabs, i);

			slab->list = (uint8_t)list;
			i = slab->next;
		}
	}
}

/* Slabs of which most, then of which few objects are free. */
static void test_S11_validator_knows_lists(void **state)
{
	struct quarry *q = real(8 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "lists", 128, SLAB_NO_MERGE, NULL);
	static void *p[3000];

	(void)state;
	for (size_t kept = 3; kept <= 13; kept += 10) {
		const struct quarry_out out = {first_fault, (char[200]){""}};

		for (size_t k = 0; k < 3000; k++)
			p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		for (size_t k = 0; k < 3000; k++) {
			if (k % 16 >= kept)
				quarry_kmem_cache_free(q, s, p[k]);
		}
		quarry_kmem_cache_shrink(q, s);
		check(q);
		swap_lists(q, &s->node[0]);
		assert_true(quarry_check_slab(q, &out) > 10);
		assert_non_null(strstr(out.ctx, "lists: a slab on the wrong partial list ("));
		swap_lists(q, &s->node[0]);
		check(q);
		for (size_t k = 0; k < 3000; k++) {
			if (k % 16 < kept)
				quarry_kmem_cache_free(q, s, p[k]);
		}
	}
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

static void test_S11_validator_notices_damage(void **state)
{
	struct quarry *q = real(8 * MIB, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "damage", 128, SLAB_NO_MERGE, NULL);
	static void *p[3000];
	struct slab *slab;
	struct slab_piece *piece;
	struct slab_sheaf *main;
	struct slab_node *n;
	uint32_t number;
	unsigned int list;

	(void)state;
	for (size_t k = 0; k < 3000; k++)
		p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	for (size_t k = 0; k < 3000; k += 2)
		quarry_kmem_cache_free(q, s, p[k]);
	check(q);
	n = &s->node[0];
	main = slab_main(&s->cpu_sheaves[0]);
	for (list = 0; n->partial[list].first == SLAB_NONE; list++)
		assert_true(list < SLAB_LISTS - 1);
	slab = slab_record(q->slabs, n->partial[list].first);
	assert_true(slab->nr_free > 0 && n->full != NULL && main->cap != 0);
	assert_int_equal(slab_find(q, s, (void *)slab->base, &slab, &number), SLAB_FAULT_NONE);
	assert_int_equal(number, 0);
	DAMAGE(slab->free[0], slab->free[0] ^ 2, 1, "free bits and their count differ in slab");
	DAMAGE(slab->nr_free, slab->nr_free - 1, 1, "free bits and their count differ in slab");
	DAMAGE(slab->list, SLAB_UNLISTED, 2, "partial list and free bits disagree on slab");
	DAMAGE(slab->list, slab->list % SLAB_LISTS + 1, 1,
	       "a foreign slab or a bad link on a partial list");
	DAMAGE(slab->list, slab->list | SLAB_DUE, 2, "on no list that there is: slab");
	DAMAGE(slab->order, slab->order + 1, 2, "order is wrong of slab");
	DAMAGE(slab->cache, slab->cache - 1, 2, "slabs have not as many pages as are marked");
	DAMAGE(slab->cache, QUARRY_MAX_CACHES - 1, 2, "a slab belongs to no cache");
	DAMAGE(slab->prev, slab_index(q->slabs, slab), 1,
	       "a foreign slab or a bad link on a partial list");
	DAMAGE(slab->next, SLAB_NONE, 2,
	       "a partial list is longer than the count, or its end is wrong");
	DAMAGE(n->partial[list].last, SLAB_NONE, 1,
	       "a partial list is longer than the count, or its end is wrong");
	DAMAGE(n->nr_partial, n->nr_partial + 1, 1,
	       "the partial lists are shorter than their count");
	DAMAGE(n->nr_slabs, n->nr_slabs + 1, 1, "counts differ from its slabs on node");
	DAMAGE(n->total_objects, 0, 1, "counts differ from its slabs on node");
	DAMAGE(n->free_objects, n->free_objects - 1, 1, "counts differ from its slabs on node");
	DAMAGE(n->pages, n->pages + 2, 1, "counts differ from its slabs on node");
	DAMAGE(n->nr_full, n->nr_full + 1, 1, "the depot's counts are wrong");
	DAMAGE(n->nr_empty, n->nr_empty + 1, 1, "the depot's counts are wrong");
	DAMAGE(n->full->n, n->full->n - 1, 1, "the depot calls a sheaf full that is not");
	DAMAGE(n->full->obj[3], n->full->obj[4], 1, "an object is in a sheaf and free elsewhere");
	DAMAGE(n->full->obj[3], (char *)n->full->obj[3] + 8, 1,
	       "a sheaf holds what is no object of the cache");
	DAMAGE(n->full->obj[3], NULL, 1, "a sheaf holds what is no object of the cache");
	DAMAGE(main->obj[0], n->full->obj[0], 1, "an object is in a sheaf and free elsewhere");
	DAMAGE(s->cpu_sheaves[0].end, s->cpu_sheaves[0].end + 1, 1,
	       "a CPU's stack pointer is not in its sheaf");
	for (unsigned int i = 0; i < 2 * SLAB_DUE; i++)
		DAMAGE(s->trip[i], s->trip[i] - 1, 1,
		       "free objects are looked at too early or late");
	DAMAGE(s->tag, s->tag + 1, 1, "pages are marked with another cache's number");
	DAMAGE(q->slabs->nr_others, 2, 1, "the count of caches is wrong");
	DAMAGE(n->full_min, n->nr_full + 1, 1, "the depot's limits are wrong");
	DAMAGE(n->empty_min, n->nr_empty + 1, 1, "the depot's limits are wrong");
	DAMAGE(n->depot_max, SLAB_DEPOT_LEAST - 1, 1, "the depot's limits are wrong");
	DAMAGE(n->depot_max, SLAB_DEPOT_MOST + 1, 1, "the depot's limits are wrong");
	DAMAGE(q->slabs->store.free[1], slab_index(q->slabs, slab), 1,
	       "a list of free records is damaged at");
	DAMAGE(q->slabs->store.free[1], SLAB_PIECE_GRANULES, 1,
	       "a list of free records is damaged at");
	DAMAGE(slab->place, slab->place + 1, 1, "records are damaged in piece");
	piece = slab_piece_of(slab);
	DAMAGE(piece->number, piece->number + 1, 1, "records are damaged in piece");
	DAMAGE(piece->end, slab->place, 1, "records are damaged in piece");
	DAMAGE(piece->end, 0, 1, "records are damaged in piece");
	DAMAGE(piece->size, piece->end - 1, 1, "records are damaged in piece");
	DAMAGE(piece->starts[0], piece->starts[0] | 1, 1, "records are damaged in piece");
	DAMAGE(piece->starts[1], (uint64_t)1 << 63, 1, "records are damaged in piece");
	DAMAGE(slab->base, slab->base + 8, 1, "objects begin at the wrong place in slab");
	DAMAGE(slab->node, 1, 2, "a slab belongs to no cache");
	DAMAGE(slab->free[0], slab->free[0] | (uint64_t)1 << 63, 2,
	       "free bits and their count differ in slab");
	DAMAGE(n->partial[list].first, SLAB_NONE, 2,
	       "a partial list is longer than the count, or its end is wrong");
	DAMAGE(n->nr_partial, n->nr_partial - 1, 1,
	       "a partial list is longer than the count, or its end is wrong");
	DAMAGE(n->free_slabs, n->free_slabs + 1, 1, "counts differ from its slabs on node");
	DAMAGE(n->full->cap, n->full->cap - 1, 1, "the depot calls a sheaf full that is not");
	DAMAGE(n->nr_full, n->nr_full - 1, 1, "the depot's counts are wrong");
	DAMAGE(n->full, NULL, 1, "the depot's counts are wrong");
	DAMAGE(main->obj[0], main->obj[1], 1, "an object is in a sheaf and free elsewhere");
	DAMAGE(main->obj[0], (uintptr_t)main->obj[0] | 1, 1,
	       "a sheaf holds what is no object of the cache");
	DAMAGE(main->obj[0], n->full, 1, "a sheaf holds what is no object of the cache");
	DAMAGE(s->cpu_sheaves[0].top, s->cpu_sheaves[0].base - 1, 1,
	       "a CPU's stack pointer is not in its sheaf");
	DAMAGE(s->cpu_sheaves[0].top, s->cpu_sheaves[0].end + 1, 1,
	       "a CPU's stack pointer is not in its sheaf");
	DAMAGE(s->cpu_sheaves[0].spare, n->full, n->full->n,
	       "a sheaf holds what is no object of the cache");
	DAMAGE(q->slabs->no_sheaf->n, 1, 1, "the sheaf that stands in was written to");
	DAMAGE(q->slabs->cache[s->id], NULL, 2, "not in the table under its number");
	DAMAGE(q->slabs->cache[s->id + 1], s, 1, "list and table of caches differ");
	DAMAGE(q->slabs->nr_slots, 0, 2, "not in the table under its number");
	DAMAGE(s->refcount, 0, 1, "listed without a reference");
	DAMAGE(s->id, s->id + 1, 2, "not in the table under its number");
	DAMAGE(q->slabs->list, s->list_next, 2, "list and table of caches differ");
	DAMAGE(q->slabs->no_sheaf->cap, 1, 1, "the sheaf that stands in was written to");
	quarry_kfree(q, quarry_kmalloc(q, 8, GFP_KERNEL));
	DAMAGE(s->rank, 5, 2, "kmalloc's caches are out of order");
	DAMAGE(s->list_next->rank, 0, 1, "the count of caches is wrong");
	DAMAGE(s->list_next->list_next->rank, 0, 2, "kmalloc's caches are out of order");
	DAMAGE(s->list_next->list_next->rank, s->list_next->rank, 1,
	       "kmalloc's caches are out of order");
	DAMAGE(q->slabs->kmalloc[0][5], NULL, 1, "a kmalloc class is missing");
	DAMAGE(quarry_virt_to_page(q, (void *)slab->base)->word,
	       quarry_virt_to_page(q, (void *)slab->base)->word ^ 8, 1,
	       "a page does not lead to its slab");
	for (size_t k = 1; k < 3000; k += 2)
		quarry_kmem_cache_free(q, s, p[k]);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

/* What only debugged caches, sheaves on their way home, empty ones and small counts have. */
static void test_S11_validator_notices_rare_damage(void **state)
{
	struct quarry *q = machine(16 * MIB, 16 * MIB, 2, 2);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "home", 128, SLAB_NO_MERGE, NULL);
	struct kmem_cache *d;
	struct slab_sheaf *sheaf;
	struct slab_node *n = &s->node[0];
	struct slab *slab;
	static void *p[600];
	uint32_t number, objects;
	void *one[40];

	(void)state;
	assert_int_equal(quarry_slab_debug(q, "F,checked"), 0);
	d = quarry_kmem_cache_create(q, "checked", 200, 0, NULL);
	for (size_t k = 0; k < 40; k++)
		one[k] = quarry_kmem_cache_alloc(q, d, GFP_KERNEL);
	quarry_kmem_cache_free(q, d, one[3]);
	assert_int_equal(slab_find(q, d, one[3], &slab, &number), SLAB_FAULT_NONE);
	objects = slab_objects(d, slab);
	assert_true(objects % 64 != 0 && slab->nr_free != 0);
	check(q);
	DAMAGE(slab_active(d, slab)[number / 64],
	       slab_active(d, slab)[number / 64] | (uint64_t)1 << number % 64, 1,
	       "an object is free and with a caller in slab");
	DAMAGE(slab_active(d, slab)[objects / 64],
	       slab_active(d, slab)[objects / 64] | (uint64_t)1 << objects % 64, 1,
	       "active bits beyond the last object in slab");
	DAMAGE(slab->free[objects / 64], slab->free[objects / 64] | (uint64_t)1 << objects % 64, 2,
	       "free bits and their count differ in slab");
	for (size_t k = 0; k < 40; k++)
		if (k != 3)
			quarry_kmem_cache_free(q, d, one[k]);
	assert_int_equal(quarry_kmem_cache_destroy(q, d), 0);
	/* Objects of node 1 come back on a CPU of node 0. */
	for (size_t k = 0; k < 600; k++)
		p[k] = quarry_kmem_cache_alloc_node(q, s, GFP_KERNEL, 1);
	for (size_t k = 0; k < 600; k++)
		quarry_kmem_cache_free(q, s, p[k]);
	check(q);
	sheaf = s->seen[0].alien;
	assert_true(sheaf != NULL && sheaf->n > 1);
	DAMAGE(sheaf->obj[0], sheaf->obj[1], 1, "an object is in a sheaf and free elsewhere");
	DAMAGE(sheaf->n, sheaf->cap + 1, 1, "a sheaf's fill or capacity is wrong");
	DAMAGE(sheaf->cap, sheaf->cap + 1, 1, "a sheaf's fill or capacity is wrong");
	for (int round = 0; round < 2; round++) {
		for (size_t k = 0; k < 600; k++)
			p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		for (size_t k = 0; k < 600 && round == 0; k++)
			quarry_kmem_cache_free(q, s, p[k]);
	}
	sheaf = n->empty;
	assert_non_null(sheaf);
	DAMAGE(sheaf->n, 1, 1, "the depot calls a sheaf empty that is not");
	DAMAGE(n->nr_empty, n->nr_empty - 1, 1, "the depot's counts are wrong");
	for (size_t k = 0; k < 600; k++)
		quarry_kmem_cache_free(q, s, p[k]);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	for (unsigned int i = 0; i < SLAB_RECORD_CLASSES; i++)
		DAMAGE(q->slabs->store.free[i], SLAB_PIECE_GRANULES, 1,
		       "a list of free records is damaged at");
	p[0] = quarry_kvmalloc(q, QUARRY_KMALLOC_MAX_SIZE + 1, GFP_KERNEL);
	assert_non_null(p[0]);
	DAMAGE(q->slabs->kv_areas, 0, 1, "ranges of kvmalloc() are miscounted or misplaced");
	DAMAGE(q->slabs->kv_areas, 2, 1, "ranges of kvmalloc() are miscounted or misplaced");
	for (unsigned int i = 0; i < SLAB_KV_BUCKETS; i++) {
		struct slab_kv_area **bucket = &q->slabs->kv[i], *area = *bucket;

		if (area == NULL)
			continue;
		*bucket = NULL;
		q->slabs->kv[i ^ 1] = area;
		assert_int_equal(quarry_check_slab(q, NULL), 1);
		q->slabs->kv[i ^ 1] = NULL;
		*bucket = area;
	}
	quarry_kvfree(q, p[0]);
	finish(q);
}

/* ---- reference model ---- */

#define MODEL_LIVE 3000

struct model {
	struct quarry *q;
	uint64_t seed;
	size_t nr;
	struct live {
		unsigned char *p;
		size_t size;          /* bytes owned */
		struct kmem_cache *s; /* NULL: kmalloc */
		unsigned char mark;
	} live[MODEL_LIVE];
	struct kmem_cache *cache[4];
};

static uint32_t model_random(struct model *m, uint32_t below)
{
	m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((m->seed >> 33) % below);
}

static void model_add(struct model *m, void *p, size_t size, struct kmem_cache *s)
{
	struct live *l = &m->live[m->nr++];

	l->p = p;
	l->size = size;
	l->s = s;
	l->mark = (unsigned char)model_random(m, 256);
	memset(p, l->mark, size); /* overlap shows as another's mark */
}

static void model_drop(struct model *m, size_t i)
{
	struct live l = m->live[i];

	assert_true(filled(l.p, l.mark, l.size));
	m->live[i] = m->live[--m->nr];
	if (l.s != NULL)
		quarry_kmem_cache_free(m->q, l.s, l.p);
	else
		quarry_kfree(m->q, l.p);
}

static void model_alloc(struct model *m)
{
	static const gfp_t gfp[] = {GFP_KERNEL, GFP_ATOMIC, GFP_KERNEL_ACCOUNT,
				    GFP_KERNEL | __GFP_RECLAIMABLE};
	uint32_t c = model_random(m, 6);
	size_t size;
	void *p;

	if (m->nr == MODEL_LIVE)
		return;
	if (c < 4) {
		p = quarry_kmem_cache_alloc(m->q, m->cache[c], GFP_KERNEL);
		size = info(m->q, m->cache[c]).object_size;
	} else {
		size = 1 + model_random(m, 1u << (3 + model_random(m, 11)));
		p = quarry_kmalloc(m->q, size, gfp[model_random(m, 4)]);
		assert_true(p == NULL || quarry_ksize(m->q, p) >= size);
	}
	if (p != NULL)
		model_add(m, p, size, c < 4 ? m->cache[c] : NULL);
}

static void model_krealloc(struct model *m)
{
	size_t i = model_random(m, (uint32_t)m->nr), size = 1 + model_random(m, 9000);
	struct live l = m->live[i];
	unsigned char *p;

	if (l.s != NULL)
		return;
	p = quarry_krealloc(m->q, l.p, size, GFP_KERNEL);
	if (p == NULL)
		return;
	assert_true(filled(p, l.mark, size < l.size ? size : l.size));
	m->live[i] = m->live[--m->nr];
	model_add(m, p, size, NULL);
}

static void model_step(struct model *m, unsigned int mood)
{
	uint32_t op = model_random(m, 100);

	quarry_posix_set_cpu(model_random(m, 3));
	if (m->nr == 0 || op < (mood != 0 ? 70 : 30))
		model_alloc(m);
	else if (op < 95)
		model_drop(m, model_random(m, (uint32_t)m->nr));
	else if (op < 97)
		model_krealloc(m);
	else if (op < 98)
		quarry_kmem_cache_shrink(m->q, m->cache[model_random(m, 4)]);
	else if (op < 99)
		quarry_kfree(m->q, m->live[model_random(m, (uint32_t)m->nr)].p + 4);
}

static void model_run(uint64_t seed)
{
	static struct model m;
	static const unsigned int sizes[] = {24, 200, 1200, 5000};

	m = (struct model){.q = real(3 * MIB, 3), .seed = seed};
	for (size_t c = 0; c < 4; c++)
		m.cache[c] = quarry_kmem_cache_create(m.q, "model", sizes[c], SLAB_NO_MERGE, NULL);
	for (unsigned int i = 0; i < 6000; i++) {
		unsigned int wrong = reports, expected;

		model_step(&m, i / 1000 % 2 == 0);
		expected = reports - wrong; /* only a free at an odd address may complain */
		assert_true(expected <= 1);
		if (quarry_check_slab(m.q, &faults) != 0)
			fail_msg("seed %llu, step %u", (unsigned long long)seed, i);
	}
	assert_int_equal(quarry_check(m.q, &faults), 0);
	while (m.nr != 0)
		model_drop(&m, m.nr - 1);
	for (size_t c = 0; c < 4; c++)
		assert_int_equal(quarry_kmem_cache_destroy(m.q, m.cache[c]), 0);
	shrink_all(m.q);
	assert_int_equal(slab_pages(m.q), 0);
	finish(m.q);
}

static void test_S11_S13_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		model_run(seed);
}

/* S20: kmalloc's caches that nobody has wanted are not there, which the list of caches does not tell. */
static void test_S20_kmalloc_caches_come_when_wanted(void **state)
{
	struct quarry *q = real(64 << 20, 1);
	struct kmem_cache *s = NULL;
	unsigned int n = 0;
	void *p;

	(void)state;
	for (unsigned int k = 0; k < SLAB_KMALLOC_TYPES * SLAB_KMALLOC_CLASSES; k++)
		assert_null(q->slabs->kmalloc[k / SLAB_KMALLOC_CLASSES][k % SLAB_KMALLOC_CLASSES]);
	assert_null(q->kmalloc_short);
	p = quarry_kmalloc(q, 64, GFP_KERNEL | __GFP_RECLAIMABLE);
	assert_non_null(p);
	assert_string_equal(quarry_virt_to_cache(q, p)->name, "kmalloc-rcl-64");
	assert_null(q->slabs->kmalloc[SLAB_KMALLOC_RECLAIM][7]);
	assert_null(q->slabs->kmalloc[SLAB_KMALLOC_DMA][6]);
	for (unsigned int class = 1; class < SLAB_KMALLOC_CLASSES; class ++)
		assert_non_null(q->slabs->kmalloc[SLAB_KMALLOC_NORMAL][class]);
	assert_non_null(q->kmalloc_short);
	for (s = NULL; (s = quarry_kmem_cache_next(q, s)) != NULL;)
		n++;
	assert_int_equal(n, 52);
	assert_int_equal(q->slabs->nr_slots, 64);
	assert_string_equal(quarry_kmem_cache_next(q, NULL)->name, "dma-kmalloc-8k");
	quarry_kfree(q, p);
	finish(q);
}

/* S20: memory comes back later: until then requests are refused, or get pages. */
static void test_S20_kmalloc_opens_when_it_can(void **state)
{
	struct machine_spec spec = {.memory = {{0, 64 * MACHINE_MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .ram_bytes = 64 * MACHINE_MIB,
				    .budget = -1};
	struct machine m;

	(void)state;
	/* Each number of tables that can still be had, or each table alone that cannot, until all can. */
	for (long nth = 0;; nth++) {
		bool all;
		void *p;

		machine_build(&m, &spec);
		m.budget = nth % 2 == 0 ? nth / 2 : -1;
		m.refuse_one = nth % 2 == 0 ? 0 : (unsigned long)nth / 2 + 1;
		p = quarry_kmalloc(m.q, 100, GFP_KERNEL);
		all = m.tables_refused == 0;
		assert_true(p != NULL || !all);
		machine_check(&m);
		quarry_kfree(m.q, p);
		m.budget = -1;
		m.refuse_one = 0;
		p = quarry_kmalloc(m.q, 100, GFP_KERNEL);
		assert_string_equal(quarry_virt_to_cache(m.q, p)->name, "kmalloc-128");
		assert_non_null(m.q->kmalloc_short);
		quarry_kfree(m.q, p);
		machine_check(&m);
		machine_fini(&m);
		if (all)
			return;
		assert_true(nth < 200);
	}
}

/* What the layer made goes again if it cannot come up; pages can be had all the same. */
static void test_S20_init_is_all_or_nothing(void **state)
{
	struct machine_spec spec = {.memory = {{0, 64 * MACHINE_MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .ram_bytes = 64 * MACHINE_MIB,
				    .boot = {.random_kmalloc_seed = 5}};
	unsigned long left = 0;
	unsigned int again = 0;
	struct machine m;
	int err;

	(void)state;
	for (spec.budget = 0;; spec.budget++) {
		machine_init(&m, &spec);
		err = quarry_boot(m.q, &spec.boot);
		if (err == 0)
			break;
		assert_int_equal(err, -QUARRY_ENOMEM);
		assert_null(m.q->slabs);
		assert_null(quarry_kmalloc_cache(m.q, 8, GFP_KERNEL));
		/* The page layer's own, as many as there are; then the same in spite of more. */
		again += m.tables_out == left;
		assert_true(m.tables_out == left || m.tables_out == (unsigned long)spec.budget);
		left = m.tables_out;
		machine_fini(&m);
		assert_true(spec.budget < 100);
	}
	assert_true(again > 10 && m.tables_out == left + again);
	machine_fini(&m);
	/* One alone that is refused stops it too. */
	for (long nth = spec.budget; nth > spec.budget - (long)again; nth--) {
		struct machine_spec all = spec;

		all.budget = -1;
		machine_init(&m, &all);
		m.refuse_one = (unsigned long)nth;
		assert_int_equal(quarry_boot(m.q, &spec.boot), -QUARRY_ENOMEM);
		assert_null(m.q->slabs);
		machine_fini(&m);
	}
	spec.budget = -1;
	machine_build(&m, &spec);
	quarry_kfree(m.q, quarry_kmalloc(m.q, 8, GFP_KERNEL));
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S17_kmalloc_round_trip_of_every_size),
		cmocka_unit_test(test_S17_large_blocks_are_pages),
		cmocka_unit_test(test_S17_nothing_and_null),
		cmocka_unit_test(test_S17_S20_types_by_gfp),
		cmocka_unit_test(test_S20_kmalloc_caches_come_when_wanted),
		cmocka_unit_test(test_S20_kmalloc_opens_when_it_can),
		cmocka_unit_test(test_S20_init_is_all_or_nothing),
		cmocka_unit_test(test_S17_zeroing_and_krealloc),
		cmocka_unit_test(test_S18_create_refuses),
		cmocka_unit_test(test_S18_table_of_caches_runs_full),
		cmocka_unit_test(test_S18_destroy_keeps_what_is_in_use),
		cmocka_unit_test(test_S5_merging),
		cmocka_unit_test(test_S10_ctor_runs_once_and_state_is_kept),
		cmocka_unit_test(test_S1_S19_counts),
		cmocka_unit_test(test_S6_S11_min_partial_bounds_empty_slabs),
		cmocka_unit_test(test_S8_holes_are_used_first),
		cmocka_unit_test(test_S10_order_fallback),
		cmocka_unit_test(test_S11_exhaustion_leaves_no_trace),
		cmocka_unit_test(test_S18_bulk_is_all_or_nothing),
		cmocka_unit_test(test_S11_foreign_interior_and_wrong_cache),
		cmocka_unit_test(test_S11_flush_names_what_is_wrong),
		cmocka_unit_test(test_S11_no_object_starts_there),
		cmocka_unit_test(test_S11_double_free_is_found_by_the_flush),
		cmocka_unit_test(test_S11_double_free_of_a_whole_slab),
		cmocka_unit_test(test_S11_consistency_checks_find_it_at_once),
		cmocka_unit_test(test_S8_S12_nodes),
		cmocka_unit_test(test_S8_other_nodes_help),
		cmocka_unit_test(test_S9_simulated_memory_is_never_touched),
		cmocka_unit_test(test_S17_null_is_no_object),
		cmocka_unit_test(test_S18_the_last_number_is_taken_meanwhile),
		cmocka_unit_test(test_S10_every_table_allocation_fails_once),
		cmocka_unit_test(test_S10_tables_in_managed_memory),
		cmocka_unit_test(test_S9_S10_reclaim_reenters),
		cmocka_unit_test(test_S11_validator_notices_damage),
		cmocka_unit_test(test_S11_validator_knows_lists),
		cmocka_unit_test(test_S11_validator_notices_rare_damage),
		cmocka_unit_test(test_S11_S13_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
