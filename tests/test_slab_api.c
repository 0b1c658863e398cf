/* SPDX-License-Identifier: MIT */
/* What stands around caches and kmalloc: rows S17, S18 and those of 2c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quarry/posix.h>

#include <slab/internal.h>

#include "machine_build.h"

#define MIB ((size_t)1 << 20)

static unsigned int reports;

static void take_report(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
	reports++;
}

static void print_fault(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	print_error("%.*s", (int)len, text);
}

static const struct quarry_out faults = {print_fault, NULL};

static struct quarry *machine(size_t bytes, unsigned int cpus, unsigned int nodes)
{
	struct quarry_posix_options options = {.ram_bytes = bytes, .report = take_report};
	struct quarry_boot_params params = {.nr_cpus = cpus};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	for (unsigned int i = 0; i < nodes; i++)
		assert_int_equal(quarry_memblock_add_node(q, i * (bytes / nodes), bytes / nodes,
							  (int)i, MEMBLOCK_NONE),
				 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	quarry_posix_set_cpu(0);
	reports = 0;
	return q;
}

static void check(struct quarry *q)
{
	assert_int_equal(quarry_check_slab(q, &faults), 0);
	assert_int_equal(quarry_check_pages(q, &faults), 0);
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

/* Objects that callers own, of all caches. */
static unsigned long owned(struct quarry *q)
{
	unsigned long n = 0;

	for (struct kmem_cache *s = quarry_kmem_cache_next(q, NULL); s != NULL;
	     s = quarry_kmem_cache_next(q, s))
		n += info(q, s).active_objs;
	return n;
}

static unsigned long pages_free(struct quarry *q)
{
	struct quarry_zone_info z;
	unsigned long n = 0;

	for (int nid = 0; nid < 2; nid++)
		for (int t = 0; t < QUARRY_NR_ZONES; t++)
			if (quarry_zone_info(q, nid, (enum quarry_zone_type)t, &z))
				n += z.free + z.pcp;
	return n;
}

static bool filled(const void *p, int c, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i] != (unsigned char)c)
			return false;
	return true;
}

/* ---- resizing ---- */

static void test_S17_krealloc_in_place_and_moved(void **state)
{
	struct quarry *q = machine(16 * MIB, 1, 1);
	char *p = quarry_krealloc(q, NULL, 100, GFP_KERNEL), *r;

	(void)state;
	memset(p, 7, 128);
	assert_ptr_equal(quarry_krealloc(q, p, 128, GFP_KERNEL), p);
	assert_ptr_equal(quarry_krealloc(q, p, 1, GFP_KERNEL), p);
	assert_true(filled(p, 7, 128));
	r = quarry_krealloc(q, p, 129, GFP_KERNEL);
	assert_ptr_not_equal(r, p);
	assert_true(filled(r, 7, 128));
	assert_ptr_equal(quarry_krealloc(q, r, 0, GFP_KERNEL), QUARRY_ZERO_SIZE_PTR);
	p = quarry_krealloc(q, QUARRY_ZERO_SIZE_PTR, 10, GFP_KERNEL);
	assert_int_equal(quarry_ksize(q, p), 16);
	/* No memory: it stays. */
	memset(p, 3, 16);
	assert_null(quarry_krealloc(q, p, 64 * MIB, GFP_KERNEL | __GFP_NOWARN));
	assert_null(quarry_krealloc_array(q, p, SIZE_MAX / 2, 3, GFP_KERNEL));
	assert_true(filled(p, 3, 16));
	assert_ptr_equal(quarry_krealloc_array(q, p, 4, 4, GFP_KERNEL), p);
	/* Into pages and back. */
	p = quarry_krealloc_array(q, p, 3, 8000, GFP_KERNEL);
	assert_true(filled(p, 3, 16));
	assert_int_equal(quarry_ksize(q, p), 32768);
	assert_ptr_equal(quarry_krealloc(q, p, 8, GFP_KERNEL), p);
	assert_int_equal(reports, 0);
	assert_null(quarry_krealloc(q, p + 8192 * 3 + 100, 8, GFP_KERNEL));
	assert_int_equal(reports, 1);
	quarry_kfree(q, p);
	assert_int_equal(owned(q), 0);
	finish(q);
}

/* With __GFP_ZERO from the first call on, what a block grows into is zero: in place, and moved. */
static void test_S17_krealloc_zeroes_what_is_added(void **state)
{
	static const size_t sizes[] = {20, 5,   31, 8,    32,   33,    90, 70,
				       96, 100, 50, 9000, 5000, 16384, 3};
	struct quarry *q = machine(16 * MIB, 1, 1);
	unsigned char *p = NULL;
	size_t old = 0;

	(void)state;
	for (int i = 0; i < 64; i++) { /* the objects are dirty */
		void *dirty = quarry_kmalloc(q, 8u << i % 8, GFP_KERNEL);

		memset(dirty, 0xff, 8u << i % 8);
		quarry_kfree(q, dirty);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = quarry_krealloc(q, p, sizes[i], GFP_KERNEL | __GFP_ZERO);
		assert_non_null(p);
		if (sizes[i] > old) {
			assert_true(filled(p, 0x5a, old));
			assert_true(filled(p + old, 0, sizes[i] - old));
		} else {
			assert_true(filled(p, 0x5a, sizes[i]));
		}
		memset(p, 0x5a, sizes[i]);
		old = sizes[i];
		check(q);
	}
	quarry_kfree(q, p);
	finish(q);
}

static void test_S17_krealloc_minds_node_and_alignment(void **state)
{
	struct quarry *q = machine(32 * MIB, 1, 2);
	char *p, *r;

	(void)state;
	assert_null(quarry_krealloc_node_align(q, NULL, 8, 24, GFP_KERNEL, QUARRY_NO_NODE));
	p = quarry_krealloc_node_align(q, NULL, 40, 512, GFP_KERNEL, 1);
	assert_int_equal((uintptr_t)p % 512, 0);
	assert_int_equal(quarry_physical(q, p) / (16 * MIB), 1);
	memset(p, 9, 40);
	assert_ptr_equal(quarry_krealloc_node_align(q, p, 500, 512, GFP_KERNEL, 1), p);
	r = quarry_krealloc_node_align(q, p, 40, 512, GFP_KERNEL, 0); /* the other node: moved */
	assert_int_equal(quarry_physical(q, r) / (16 * MIB), 0);
	assert_true(filled(r, 9, 40));
	p = quarry_krealloc_node_align(q, r, 40, 65536, GFP_KERNEL, QUARRY_NO_NODE);
	assert_int_equal((uintptr_t)p % 65536, 0);
	assert_true(filled(p, 9, 40));
	assert_null(quarry_krealloc_node_align(q, p, 8, (size_t)1 << 40, GFP_KERNEL, 0));
	quarry_kfree(q, p);
	/* The largest that there is; one byte more is none. */
	p = quarry_krealloc_node_align(q, NULL, QUARRY_KMALLOC_MAX_SIZE, 64, GFP_KERNEL,
				       QUARRY_NO_NODE);
	assert_non_null(p);
	assert_null(quarry_krealloc_node_align(q, p, QUARRY_KMALLOC_MAX_SIZE + 1, 64, GFP_KERNEL,
					       QUARRY_NO_NODE));
	quarry_kfree(q, p);
	assert_int_equal(owned(q), 0);
	finish(q);
}

static void test_S17_arrays_check_the_product(void **state)
{
	struct quarry *q = machine(32 * MIB, 1, 2);
	void *p;

	(void)state;
	assert_null(quarry_kmalloc_array(q, SIZE_MAX / 4, 5, GFP_KERNEL));
	assert_null(quarry_kmalloc_array_node(q, SIZE_MAX / 4, 5, GFP_KERNEL, 1));
	assert_null(quarry_kcalloc(q, SIZE_MAX / 4, 5, GFP_KERNEL));
	assert_null(quarry_kmemdup_array(q, "", SIZE_MAX / 4, 5, GFP_KERNEL));
	assert_null(quarry_kvmalloc_array(q, SIZE_MAX / 4, 5, GFP_KERNEL));
	p = quarry_kmalloc_array(q, 10, 10, GFP_KERNEL);
	assert_int_equal(quarry_ksize(q, p), 128);
	quarry_kfree(q, p);
	p = quarry_kmalloc_array_node(q, 10, 10, GFP_KERNEL, 1);
	assert_int_equal(quarry_physical(q, p) / (16 * MIB), 1);
	quarry_kfree(q, p);
	p = quarry_kvmalloc_array(q, 10, 10, GFP_KERNEL);
	assert_int_equal(quarry_ksize(q, p), 128);
	quarry_kvfree(q, p);
	assert_ptr_equal(quarry_kmalloc_array(q, 0, 10, GFP_KERNEL), QUARRY_ZERO_SIZE_PTR);
	assert_int_equal(owned(q), 0);
	finish(q);
}

static void test_S17_size_roundup_is_what_ksize_says(void **state)
{
	struct quarry *q = machine(32 * MIB, 1, 1);

	(void)state;
	assert_int_equal(quarry_kmalloc_size_roundup(q, 0), 0);
	for (size_t size = 1; size <= 3 * QUARRY_KMALLOC_MAX_CACHE_SIZE; size += 7) {
		void *p = quarry_kmalloc(q, size, GFP_KERNEL);

		assert_int_equal(quarry_kmalloc_size_roundup(q, size), quarry_ksize(q, p));
		quarry_kfree(q, p);
	}
	assert_int_equal(quarry_kmalloc_size_roundup(q, QUARRY_KMALLOC_MAX_SIZE),
			 QUARRY_KMALLOC_MAX_SIZE);
	assert_int_equal(quarry_kmalloc_size_roundup(q, QUARRY_KMALLOC_MAX_SIZE + 1),
			 QUARRY_KMALLOC_MAX_SIZE + 1);
	finish(q);
}

static void test_S17_kfree_sensitive_clears(void **state)
{
	struct quarry *q = machine(16 * MIB, 1, 1);
	char *p = quarry_kmalloc(q, 100, GFP_KERNEL), *r;

	(void)state;
	memset(p, 1, 128);
	quarry_kfree_sensitive(q, p);
	r = quarry_kmalloc(q, 100, GFP_KERNEL); /* the one freed last */
	assert_ptr_equal(r, p);
	assert_true(filled(r, 0, 128));
	quarry_kfree(q, r);
	quarry_kfree_sensitive(q, NULL);
	quarry_kfree_sensitive(q, QUARRY_ZERO_SIZE_PTR);
	assert_int_equal(reports, 0);
	p = quarry_kvmalloc(q, 3 * MIB, GFP_KERNEL);
	memset(p, 1, 3 * MIB);
	quarry_kvfree_sensitive(q, p, 3 * MIB);
	assert_true(filled(p, 0, 3 * MIB));
	quarry_kvfree_sensitive(q, NULL, 5);
	finish(q);
}

static void test_S17_copies(void **state)
{
	struct quarry *q = machine(16 * MIB, 1, 1);
	static const int numbers[] = {1, 2, 3};
	char *p;

	(void)state;
	p = quarry_kmemdup(q, numbers, sizeof(numbers), GFP_KERNEL);
	assert_memory_equal(p, numbers, sizeof(numbers));
	quarry_kfree(q, p);
	p = quarry_kmemdup_array(q, numbers, 2, sizeof(int), GFP_KERNEL);
	assert_memory_equal(p, numbers, 2 * sizeof(int));
	assert_int_equal(quarry_ksize(q, p), 8);
	quarry_kfree(q, p);
	p = quarry_kstrdup(q, "quarry", GFP_KERNEL);
	assert_string_equal(p, "quarry");
	assert_int_equal(quarry_ksize(q, p), 8);
	quarry_kfree(q, p);
	p = quarry_kstrndup(q, "quarry", 4, GFP_KERNEL);
	assert_string_equal(p, "quar");
	quarry_kfree(q, p);
	p = quarry_kstrndup(q, "quarry", 40, GFP_KERNEL);
	assert_string_equal(p, "quarry");
	quarry_kfree(q, p);
	p = quarry_kmemdup_nul(q, "a\0b", 3, GFP_KERNEL);
	assert_memory_equal(p, "a\0b", 4);
	quarry_kfree(q, p);
	assert_null(quarry_kstrdup(q, NULL, GFP_KERNEL));
	assert_null(quarry_kstrndup(q, NULL, 3, GFP_KERNEL));
	assert_null(quarry_kmemdup_nul(q, NULL, 3, GFP_KERNEL));
	assert_null(quarry_kmemdup_nul(q, "", SIZE_MAX, GFP_KERNEL));
	assert_null(quarry_kmemdup(q, numbers, 64 * MIB, GFP_KERNEL | __GFP_NOWARN));
	assert_int_equal(owned(q), 0);
	finish(q);
}

/* ---- blocks of any size ---- */

static void test_S17_kvmalloc_of_every_size(void **state)
{
	struct quarry *q = machine(64 * MIB, 1, 1);
	unsigned long before = pages_free(q);

	(void)state;
	for (size_t size = 1; size < 24 * MIB; size = size * 3 / 2 + 1) {
		unsigned char *p = quarry_kvmalloc(q, size, GFP_KERNEL | __GFP_ZERO);

		assert_non_null(p);
		assert_int_equal(quarry_is_vmalloc_addr(q, p), size > QUARRY_KMALLOC_MAX_SIZE);
		assert_int_equal(quarry_is_vmalloc_addr(q, p + size - 1),
				 size > QUARRY_KMALLOC_MAX_SIZE);
		assert_true(filled(p, 0, size));
		memset(p, 0xa5, size);
		check(q);
		quarry_kvfree(q, p);
		assert_false(quarry_is_vmalloc_addr(q, p));
	}
	assert_null(quarry_kvmalloc(q, 80 * MIB, GFP_KERNEL));
	assert_null(quarry_kvmalloc(q, SIZE_MAX, GFP_KERNEL));
	assert_null(quarry_kvmalloc(q, 5 * MIB, GFP_NOWAIT)); /* a range takes waiting */
	assert_ptr_equal(quarry_kvmalloc(q, 0, GFP_KERNEL), QUARRY_ZERO_SIZE_PTR);
	quarry_kvfree(q, QUARRY_ZERO_SIZE_PTR);
	quarry_kvfree(q, NULL);
	assert_int_equal(reports, 0);
	for (struct kmem_cache *s = quarry_kmem_cache_next(q, NULL); s != NULL;
	     s = quarry_kmem_cache_next(q, s))
		assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
	assert_int_equal(pages_free(q), before);
	finish(q);
}

static void test_S17_kvrealloc(void **state)
{
	static const size_t sizes[] = {100,     5000,    9 * 4096, 5 * MIB, 5 * MIB + 4000,
				       4 * MIB, 7 * MIB, 8 * MIB,  300,     9 * MIB};
	struct quarry *q = machine(64 * MIB, 1, 1);
	unsigned char *p = NULL;
	size_t old = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = quarry_kvrealloc(q, p, sizes[i], GFP_KERNEL | __GFP_ZERO);
		assert_non_null(p);
		assert_true(filled(p, 0x5a, old < sizes[i] ? old : sizes[i]));
		if (sizes[i] > old)
			assert_true(filled(p + old, 0, sizes[i] - old));
		memset(p, 0x5a, sizes[i]);
		old = sizes[i];
		check(q);
	}
	assert_true(quarry_is_vmalloc_addr(q, p));
	assert_null(quarry_kvrealloc(q, p, 90 * MIB, GFP_KERNEL));
	assert_true(filled(p, 0x5a, old));
	assert_ptr_equal(quarry_kvrealloc(q, p, 0, GFP_KERNEL), QUARRY_ZERO_SIZE_PTR);
	assert_false(quarry_is_vmalloc_addr(q, p));
	assert_int_equal(reports, 0);
	assert_null(quarry_kvrealloc(q, (void *)((uintptr_t)p + 1), 10, GFP_KERNEL));
	assert_int_equal(reports, 1);
	assert_int_equal(owned(q), 0);
	finish(q);
}

/* Who takes a range for a block of kmalloc() is told so, and the range stays as it is. */
static void test_S17_ranges_are_no_blocks(void **state)
{
	struct quarry *q = machine(64 * MIB, 1, 1);
	unsigned char *p = quarry_kvmalloc(q, 6 * MIB, GFP_KERNEL);

	(void)state;
	assert_non_null(p);
	memset(p, 0x5a, 6 * MIB);
	quarry_kfree(q, p);
	assert_int_equal(reports, 1);
	quarry_kfree(q, p + 5 * QUARRY_PAGE_SIZE);
	assert_int_equal(reports, 2);
	quarry_kvfree(q, p + 5 * QUARRY_PAGE_SIZE);
	assert_int_equal(reports, 3);
	assert_null(quarry_krealloc(q, p, 2 * QUARRY_PAGE_SIZE, GFP_KERNEL));
	assert_int_equal(reports, 4);
	check(q);
	assert_true(quarry_is_vmalloc_addr(q, p));
	assert_true(filled(p, 0x5a, 6 * MIB));
	quarry_kvfree(q, p);
	assert_int_equal(reports, 4);
	assert_int_equal(owned(q), 0);
	finish(q);
}

static void test_S17_kvmalloc_prefers_a_node(void **state)
{
	struct quarry *q = machine(64 * MIB, 1, 2);

	(void)state;
	for (int nid = 0; nid < 2; nid++) {
		void *small = quarry_kvmalloc_node(q, 64, GFP_KERNEL, nid);
		void *large = quarry_kvmalloc_node(q, 6 * MIB, GFP_KERNEL, nid);

		assert_int_equal(quarry_physical(q, small) / (32 * MIB), nid);
		assert_int_equal(quarry_physical(q, large) / (32 * MIB), nid);
		quarry_kvfree(q, small);
		quarry_kvfree(q, large);
	}
	/* A node that is not there is none. */
	for (int nid = -3; nid < 3; nid += 5) {
		void *large = quarry_kvmalloc_node(q, 6 * MIB, GFP_KERNEL, nid);

		assert_int_equal(quarry_physical(q, large) / (32 * MIB), 0);
		quarry_kvfree(q, large);
	}
	finish(q);
}

static unsigned int reclaims;

static unsigned long reclaim_nothing(void *ctx, int nid, gfp_t gfp, unsigned int order,
				     unsigned long nr_pages)
{
	(void)ctx;
	(void)nid;
	(void)gfp;
	(void)nr_pages;
	reclaims += order != 0;
	return 1; /* it says, and nothing is free all the same */
}

/* Above a page kmalloc() is asked without effort, unless the caller wants it tried hard. */
static void test_S17_kvmalloc_tries_as_hard_as_it_is_told(void **state)
{
	static const gfp_t how[] = {GFP_KERNEL, GFP_KERNEL | __GFP_RETRY_MAYFAIL,
				    GFP_KERNEL | __GFP_NORETRY};
	struct machine_spec spec = {.memory = {{0, 8 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .ram_bytes = 8 * MIB,
				    .budget = -1,
				    .reclaim = reclaim_nothing};
	unsigned int asked[3];
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	while (quarry_alloc_pages(m.q, GFP_ATOMIC | __GFP_NOWARN, 0) != NULL)
		;
	for (size_t k = 0; k < 3; k++) {
		reclaims = 0;
		assert_null(quarry_kvmalloc(m.q, 20000, how[k] | __GFP_NOWARN));
		asked[k] = reclaims;
	}
	assert_true(asked[0] != 0 && asked[1] > 10 * asked[0]);
	assert_int_equal(asked[2], asked[0]);
	machine_fini(&m);
}

static void *faster_range;

/* As if another CPU took a range while this one's table is made. */
static void somebody_is_faster(struct machine *m)
{
	m->before_any = false;
	faster_range = quarry_kvmalloc(m->q, QUARRY_KMALLOC_MAX_SIZE + 1, GFP_KERNEL);
}

static void test_S17_kvmalloc_when_somebody_is_faster(void **state)
{
	struct machine_spec spec = {.memory = {{0, 32 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .ram_bytes = 32 * MIB,
				    .budget = -1};
	unsigned long gone;
	struct machine m;
	void *p;

	(void)state;
	machine_build(&m, &spec);
	quarry_kfree(m.q, quarry_kmalloc(m.q, 24, GFP_KERNEL));
	gone = m.tables_given - m.tables_out;
	m.before_table = somebody_is_faster;
	m.before_any = true;
	p = quarry_kvmalloc(m.q, QUARRY_KMALLOC_MAX_SIZE + 1, GFP_KERNEL);
	assert_true(p != NULL && faster_range != NULL && p != faster_range);
	assert_int_equal(m.tables_given - m.tables_out, gone + 1);
	machine_check(&m);
	quarry_kvfree(m.q, p);
	quarry_kvfree(m.q, faster_range);
	machine_fini(&m);
}

static unsigned int warnings;

static void count_warnings(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	(void)line;
	warnings += level <= QUARRY_LOG_WARN;
}

/* That kmalloc() does not have the block is no news, and no reason to try for ever. */
static void test_S17_kvmalloc_warns_of_no_order(void **state)
{
	struct quarry_posix_options options = {.ram_bytes = 8 * MIB, .log = count_warnings};
	struct quarry *q = quarry_posix_new(&options);
	void *p;

	(void)state;
	assert_int_equal(quarry_memblock_add(q, 0, 8 * MIB), 0);
	assert_int_equal(quarry_boot(q, NULL), 0);
	while (quarry_alloc_pages(q, GFP_ATOMIC | __GFP_NOWARN, 0) != NULL)
		;
	warnings = 0;
	assert_null(quarry_alloc_pages(q, GFP_KERNEL, 3));
	assert_int_not_equal(warnings, 0);
	warnings = 0;
	p = quarry_kvmalloc(q, 20000,
			    GFP_KERNEL | __GFP_NOFAIL); /* five pages are free side by side */
	assert_true(quarry_is_vmalloc_addr(q, p));
	assert_int_equal(warnings, 0);
	quarry_kvfree(q, p);
	quarry_posix_delete(q);
}

/* Where memory has no contents, nothing is read or written in it, and the records lie elsewhere. */
static void test_S17_simulated_memory_is_never_touched(void **state)
{
	struct quarry *q = quarry_posix_new(NULL);
	void *p, *r;

	(void)state;
	assert_int_equal(quarry_memblock_add(q, 0, 1024 * MIB), 0);
	assert_int_equal(quarry_boot(q, NULL), 0);
	p = quarry_kvmalloc(q, 16 * MIB, GFP_KERNEL | __GFP_ZERO);
	assert_non_null(p);
	p = quarry_kvrealloc(q, p, 20 * MIB, GFP_KERNEL | __GFP_ZERO);
	assert_non_null(p);
	quarry_kvfree_sensitive(q, p, 20 * MIB);
	r = quarry_krealloc(q, quarry_kstrdup(q, "quarry", GFP_KERNEL), 500, GFP_KERNEL);
	assert_non_null(r);
	quarry_kfree_sensitive(q, r);
	assert_int_equal(owned(q), 0);
	finish(q);
}

/* ---- creation ---- */

static void construct(void *object)
{
	memset(object, 0x11, 8);
}

static void test_S18_args_refuse(void **state)
{
	static const struct kmem_cache_args bad[] = {
		{.useroffset = 1, .usersize = 64},
		{.useroffset = 65, .usersize = 1},
		{.useroffset = UINT32_MAX, .usersize = 2},
		{.usersize = 65},
		{.use_freeptr_offset = true}, /* neither constructor nor RCU */
		{.use_freeptr_offset = true, .ctor = construct, .freeptr_offset = 4},
		{.use_freeptr_offset = true, .ctor = construct, .freeptr_offset = 64},
	};
	struct quarry *q = machine(16 * MIB, 1, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(quarry_kmem_cache_create(q, "bad", 64, 0, &bad[i]));
	finish(q);
}

/* The free pointer inside the object saves the word after it, as in Linux. */
static void test_S2_freeptr_offset_counts_in_size_only(void **state)
{
	struct quarry *q = machine(16 * MIB, 1, 1);
	struct kmem_cache_args args = {.ctor = construct};
	struct kmem_cache *s;

	(void)state;
	s = quarry_kmem_cache_create(q, "after", 64, 0, &args);
	assert_int_equal(info(q, s).size, 72);
	assert_int_equal(info(q, s).offset, 64);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	args.use_freeptr_offset = true;
	args.freeptr_offset = 56; /* the last word */
	s = quarry_kmem_cache_create(q, "last", 64, 0, &args);
	assert_non_null(s);
	assert_int_equal(info(q, s).offset, 56);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	args.freeptr_offset = 24;
	s = quarry_kmem_cache_create(q, "inside", 64, 0, &args);
	assert_int_equal(info(q, s).size, 64);
	assert_int_equal(info(q, s).offset, 24);
	for (int round = 0; round < 3; round++) { /* the constructor's work is untouched by it */
		unsigned char *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);

		assert_true(filled(p, 0x11, 8));
		memset(p + 8, 0x22, 56);
		quarry_kmem_cache_free(q, s, p);
		assert_true(filled(p + 8, 0x22, 56));
	}
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

static void test_S5_windows_and_nomerge_keep_caches_apart(void **state)
{
	struct quarry_posix_options options = {.ram_bytes = 16 * MIB};
	struct quarry_boot_params params = {.slab_nomerge = true};
	struct quarry *q = machine(16 * MIB, 1, 1);
	struct kmem_cache_args args = {.useroffset = 8, .usersize = 16};
	struct kmem_cache *a, *b, *c;

	(void)state;
	a = quarry_kmem_cache_create(q, "a", 40, 0, &args);
	b = quarry_kmem_cache_create(q, "b", 40, 0, NULL);
	c = quarry_kmem_cache_create(q, "c", 40, 0, NULL);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(b, c);
	assert_int_equal(info(q, a).useroffset, 8);
	assert_int_equal(info(q, a).usersize, 16);
	assert_int_equal(info(q, b).usersize, 0);
	assert_int_equal(info(q, b).useroffset, 0);
	finish(q);
	q = quarry_posix_new(&options);
	assert_int_equal(quarry_memblock_add(q, 0, 16 * MIB), 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	b = quarry_kmem_cache_create(q, "b", 40, 0, NULL);
	c = quarry_kmem_cache_create(q, "c", 40, 0, NULL);
	assert_ptr_not_equal(b, c);
	finish(q);
}

static void test_sheaf_capacity_by_request(void **state)
{
	static const unsigned int wish[] = {0, 1, 60, 61, 124, 200, 508, 509};
	static const unsigned int small[] = {60, 60, 60, 124, 124, 252, 508, 508};
	static const unsigned int large[] = {12, 12, 60, 124, 124, 252, 508, 508};
	struct quarry *q = machine(64 * MIB, 1, 1);
	void *p[1200];

	(void)state;
	for (size_t i = 0; i < sizeof(wish) / sizeof(wish[0]); i++) {
		struct kmem_cache_args args = {.sheaf_capacity = wish[i]};
		struct kmem_cache *s = quarry_kmem_cache_create(q, "s", 64, SLAB_NO_MERGE, &args);
		struct kmem_cache *l = quarry_kmem_cache_create(q, "l", 2000, SLAB_NO_MERGE, &args);

		assert_int_equal(info(q, s).sheaf_capacity, small[i]);
		assert_int_equal(info(q, l).sheaf_capacity, large[i]);
		for (int k = 0; k < 1200; k++)
			assert_non_null(p[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL));
		quarry_kmem_cache_free_bulk(q, s, 1200, p);
		check(q);
		assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
		assert_int_equal(quarry_kmem_cache_destroy(q, l), 0);
	}
	finish(q);
}

/* ---- objects put by ---- */

static void test_prefilled_sheaves_never_fail(void **state)
{
	struct quarry *q = machine(16 * MIB, 1, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "node", 256, SLAB_NO_MERGE, NULL);
	struct slab_sheaf *sheaf, *was;
	void *p[300], *hoard = NULL, *page;

	(void)state;
	sheaf = quarry_kmem_cache_prefill_sheaf(q, s, GFP_KERNEL, 10);
	assert_int_equal(quarry_kmem_cache_sheaf_size(sheaf), 10);
	assert_int_equal(info(q, s).active_objs, 10);
	check(q);
	/* Within its room, and beyond. */
	assert_int_equal(quarry_kmem_cache_refill_sheaf(q, s, GFP_KERNEL, &sheaf, 5), 0);
	assert_int_equal(quarry_kmem_cache_sheaf_size(sheaf), 10);
	assert_int_equal(quarry_kmem_cache_refill_sheaf(q, s, GFP_KERNEL, &sheaf, 20), 0);
	assert_int_equal(quarry_kmem_cache_sheaf_size(sheaf), 20);
	was = sheaf; /* as large as it can be, and still the same */
	assert_int_equal(quarry_kmem_cache_refill_sheaf(q, s, GFP_KERNEL, &sheaf, sheaf->cap), 0);
	assert_ptr_equal(sheaf, was);
	assert_int_equal(quarry_kmem_cache_sheaf_size(sheaf), sheaf->cap);
	assert_int_equal(quarry_kmem_cache_refill_sheaf(q, s, GFP_KERNEL, &sheaf, 300), 0);
	assert_int_equal(quarry_kmem_cache_sheaf_size(sheaf), 300);
	check(q);
	/* All memory is gone: what was put by is there. */
	while ((page = quarry_kmalloc(q, 4096, GFP_ATOMIC | __GFP_NOWARN)) != NULL) {
		*(void **)page = hoard;
		hoard = page;
	}
	while (quarry_alloc_pages(q, GFP_ATOMIC | __GFP_NOWARN | __GFP_MEMALLOC, 0) != NULL)
		;
	assert_null(quarry_kmem_cache_prefill_sheaf(q, s, GFP_ATOMIC | __GFP_NOWARN, 1u << 20));
	assert_null(quarry_kmem_cache_prefill_sheaf(q, s, GFP_ATOMIC, UINT32_MAX));
	assert_int_equal(
		quarry_kmem_cache_refill_sheaf(q, s, GFP_ATOMIC | __GFP_NOWARN, &sheaf, 1u << 20),
		-QUARRY_ENOMEM);
	assert_int_equal(quarry_kmem_cache_sheaf_size(sheaf), 300);
	for (int i = 0; i < 300; i++) {
		p[i] = quarry_kmem_cache_alloc_from_sheaf(q, s, __GFP_ZERO, sheaf);
		assert_non_null(p[i]);
		assert_true(filled(p[i], 0, 256));
		memset(p[i], i, 256);
	}
	assert_null(quarry_kmem_cache_alloc_from_sheaf(q, s, GFP_ATOMIC, sheaf));
	for (int i = 0; i < 300; i++)
		assert_true(filled(p[i], i, 256)); /* each one once */
	quarry_kmem_cache_free_bulk(q, s, 300, p);
	assert_int_equal(quarry_kmem_cache_refill_sheaf(q, s, GFP_ATOMIC, &sheaf, 100), 0);
	quarry_kmem_cache_return_sheaf(q, s, sheaf);
	quarry_kmem_cache_return_sheaf(q, s, NULL);
	assert_int_equal(info(q, s).active_objs, 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	assert_int_equal(reports, 0);
	finish(q);
}

/* Without memory for all of them, none is taken: every failure in turn. */
static void test_prefill_is_all_or_nothing(void **state)
{
	struct quarry *q = machine(16 * MIB, 1, 1);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "big", 8192, SLAB_NO_MERGE, NULL);
	struct slab_sheaf *sheaf, *mine = quarry_kmem_cache_prefill_sheaf(q, s, GFP_KERNEL, 2);
	unsigned int fits = 0;

	(void)state;
	assert_non_null(mine);
	for (unsigned int n = 1; n < 3000; n += 37) {
		unsigned long before = owned(q);

		sheaf = quarry_kmem_cache_prefill_sheaf(q, s, GFP_KERNEL | __GFP_NOWARN, n);
		if (sheaf != NULL) {
			fits++;
			quarry_kmem_cache_return_sheaf(q, s, sheaf);
		} else {
			assert_int_equal(quarry_kmem_cache_refill_sheaf(
						 q, s, GFP_KERNEL | __GFP_NOWARN, &mine, n),
					 -QUARRY_ENOMEM);
			assert_int_equal(quarry_kmem_cache_sheaf_size(mine), 2);
		}
		assert_int_equal(owned(q), before);
		check(q);
	}
	assert_in_range(fits, 30, 60);
	quarry_kmem_cache_return_sheaf(q, s, mine);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

/* ---- sets of classes ---- */

static void test_kmem_buckets_are_apart(void **state)
{
	struct quarry *q = machine(32 * MIB, 1, 1);
	struct quarry_kmem_buckets *b = quarry_kmem_buckets_create(q, "msg_msg", 0, 48, 4096, NULL);
	void *p;

	(void)state;
	assert_non_null(b);
	for (size_t size = 1; size <= QUARRY_KMALLOC_MAX_CACHE_SIZE; size += 13) {
		struct kmem_cache *s, *general = quarry_kmalloc_cache(q, size, GFP_KERNEL);

		p = quarry_kmem_buckets_alloc(q, b, size, GFP_KERNEL | __GFP_ZERO);
		s = quarry_virt_to_cache(q, p);
		assert_ptr_not_equal(s, general);
		assert_int_equal(info(q, s).object_size, info(q, general).object_size);
		assert_int_equal(info(q, s).order, info(q, general).order);
		assert_int_equal(strncmp(info(q, s).name, "msg_msg-", 8), 0);
		assert_string_equal(info(q, s).name + 8, info(q, general).name + 8);
		assert_true(filled(p, 0, size));
		assert_int_equal(quarry_ksize(q, p), info(q, general).object_size);
		quarry_kfree(q, p);
	}
	p = quarry_kmem_buckets_alloc(q, b, 64, GFP_KERNEL);
	assert_int_equal(info(q, quarry_virt_to_cache(q, p)).usersize, 16);
	assert_int_equal(info(q, quarry_virt_to_cache(q, p)).useroffset, 48);
	assert_int_equal(quarry_kmem_buckets_destroy(q, b), -QUARRY_EBUSY);
	assert_int_equal(reports, 1);
	quarry_kfree(q, p);
	assert_ptr_equal(quarry_kmem_buckets_alloc(q, b, 0, GFP_KERNEL), QUARRY_ZERO_SIZE_PTR);
	p = quarry_kmem_buckets_alloc(q, b, 10000, GFP_KERNEL);
	assert_int_equal(quarry_ksize(q, p), 16384);
	quarry_kfree(q, p);
	p = quarry_kmem_buckets_valloc(q, b, 100, GFP_KERNEL);
	assert_int_equal(strncmp(info(q, quarry_virt_to_cache(q, p)).name, "msg_msg-", 8), 0);
	quarry_kvfree(q, p);
	p = quarry_kmem_buckets_valloc(q, b, 5 * MIB, GFP_KERNEL);
	assert_true(quarry_is_vmalloc_addr(q, p));
	quarry_kvfree(q, p);
	assert_null(quarry_kmem_buckets_create(q, NULL, 0, 0, 0, NULL));
	assert_int_equal(quarry_kmem_buckets_destroy(q, b), 0);
	assert_int_equal(quarry_kmem_buckets_destroy(q, NULL), 0);
	assert_int_equal(owned(q), 0);
	finish(q);
}

/* The table of caches has room for so many sets; the one too many leaves nothing behind. */
static void test_kmem_buckets_when_the_table_is_full(void **state)
{
	struct quarry *q = machine(32 * MIB, 1, 1);
	struct quarry_kmem_buckets *b[QUARRY_MAX_CACHES / 13];
	unsigned int n = 0, caches[2] = {0, 0};
	unsigned long before;

	(void)state;
	for (;;) {
		before = owned(q);
		caches[1] = 0;
		for (struct kmem_cache *s = quarry_kmem_cache_next(q, NULL); s != NULL;
		     s = quarry_kmem_cache_next(q, s))
			caches[1]++;
		b[n] = quarry_kmem_buckets_create(q, "set", 0, 0, 0, NULL);
		if (b[n] == NULL)
			break;
		n++;
	}
	assert_true(n > 50);
	for (struct kmem_cache *s = quarry_kmem_cache_next(q, NULL); s != NULL;
	     s = quarry_kmem_cache_next(q, s))
		caches[0]++;
	assert_int_equal(caches[0], caches[1]);
	assert_int_equal(owned(q), before);
	while (n != 0)
		assert_int_equal(quarry_kmem_buckets_destroy(q, b[--n]), 0);
	assert_int_equal(owned(q), 0);
	finish(q);
}

/* Sixteen copies by call site: one site keeps to one copy, sites spread, the seed changes it. */
static void test_random_kmalloc_copies_by_call_site(void **state)
{
	struct quarry_posix_options options = {.ram_bytes = 32 * MIB};
	unsigned int differ = 0;
	uint8_t copy_of[2][64];

	(void)state;
	for (unsigned int seed = 1; seed <= 2; seed++) {
		struct quarry_boot_params params = {.random_kmalloc_seed =
							    seed * 0x123456789abcdefu};
		struct quarry *q = quarry_posix_new(&options);
		unsigned int used = 0;

		assert_int_equal(quarry_memblock_add(q, 0, 32 * MIB), 0);
		assert_int_equal(quarry_boot(q, &params), 0);
		for (uintptr_t site = 0; site < 64; site++) {
			void *caller = (void *)(0x401000 + 24 * site);
			void *p = quarry_kmalloc_track_caller(q, 100, GFP_KERNEL, caller);
			void *r = quarry_kmalloc_node_track_caller(q, 100, GFP_KERNEL, 0, caller);
			const char *name = info(q, quarry_virt_to_cache(q, p)).name;

			assert_ptr_equal(quarry_virt_to_cache(q, p), quarry_virt_to_cache(q, r));
			assert_int_equal(info(q, quarry_virt_to_cache(q, p)).object_size, 128);
			copy_of[seed - 1][site] = 0;
			if (strcmp(name, "kmalloc-128") != 0) {
				unsigned int n;

				assert_int_equal(sscanf(name, "kmalloc-rnd-%2u-128", &n), 1);
				assert_in_range(n, 1, 15);
				copy_of[seed - 1][site] = (uint8_t)n;
			}
			used |= 1u << copy_of[seed - 1][site];
			quarry_kfree(q, p);
			quarry_kfree(q, r);
		}
		assert_true(bits_popcount64(used) >= 12);
		/* Two places in this file, through the plain calls; other types have no copies. */
		for (int i = 0; i < 2; i++) {
			void *p = quarry_kzalloc(q, 5000, GFP_KERNEL);
			void *r = quarry_kmalloc(q, 100, GFP_KERNEL | __GFP_ACCOUNT);

			assert_true(filled(p, 0, 5000));
			assert_string_equal(info(q, quarry_virt_to_cache(q, r)).name,
					    "kmalloc-cg-128");
			quarry_kfree(q, p);
			quarry_kfree(q, r);
		}
		assert_ptr_equal(quarry_kmalloc(q, 0, GFP_KERNEL), QUARRY_ZERO_SIZE_PTR);
		assert_null(quarry_kmalloc(q, 64 * MIB, GFP_KERNEL | __GFP_NOWARN));
		assert_int_equal(owned(q), 0);
		finish(q);
	}
	for (int site = 0; site < 64; site++)
		differ += copy_of[0][site] != copy_of[1][site];
	assert_true(differ > 32);
}

struct walked {
	struct kmem_cache *cache[2 * QUARRY_MAX_CACHES];
	int nr, stop_at;
};

static int walk_one(struct kmem_cache *cache, void *arg)
{
	struct walked *w = arg;

	w->cache[w->nr++] = cache;
	return w->nr == w->stop_at ? 7 : 0;
}

/* It goes where quarry_kmem_cache_next() goes, or as far as it is told, and keeps none afterwards. */
static void test_S19_for_each(void **state)
{
	static struct walked all, some;
	struct quarry *q = machine(16 * MIB, 1, 1);
	struct kmem_cache *mine = quarry_kmem_cache_create(q, "mine", 100, SLAB_NO_MERGE, NULL);
	struct kmem_cache *s = NULL;
	int n = 0;

	(void)state;
	assert_non_null(mine);
	assert_int_equal(quarry_kmem_cache_for_each(q, walk_one, &all), 0);
	while ((s = quarry_kmem_cache_next(q, s)) != NULL)
		assert_ptr_equal(all.cache[n++], s);
	assert_int_equal(n, all.nr);
	assert_ptr_equal(all.cache[0], mine);
	some.stop_at = 1;
	assert_int_equal(quarry_kmem_cache_for_each(q, walk_one, &some), 7);
	assert_int_equal(some.nr, 1);
	assert_int_equal(quarry_kmem_cache_destroy(q, mine), 0); /* waits for walkers */
	finish(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S17_krealloc_in_place_and_moved),
		cmocka_unit_test(test_S17_krealloc_zeroes_what_is_added),
		cmocka_unit_test(test_S17_krealloc_minds_node_and_alignment),
		cmocka_unit_test(test_S17_arrays_check_the_product),
		cmocka_unit_test(test_S17_size_roundup_is_what_ksize_says),
		cmocka_unit_test(test_S17_kfree_sensitive_clears),
		cmocka_unit_test(test_S17_copies),
		cmocka_unit_test(test_S17_kvmalloc_of_every_size),
		cmocka_unit_test(test_S17_kvrealloc),
		cmocka_unit_test(test_S17_ranges_are_no_blocks),
		cmocka_unit_test(test_S17_kvmalloc_warns_of_no_order),
		cmocka_unit_test(test_S17_kvmalloc_when_somebody_is_faster),
		cmocka_unit_test(test_S17_kvmalloc_tries_as_hard_as_it_is_told),
		cmocka_unit_test(test_S17_kvmalloc_prefers_a_node),
		cmocka_unit_test(test_S17_simulated_memory_is_never_touched),
		cmocka_unit_test(test_S18_args_refuse),
		cmocka_unit_test(test_S2_freeptr_offset_counts_in_size_only),
		cmocka_unit_test(test_S5_windows_and_nomerge_keep_caches_apart),
		cmocka_unit_test(test_sheaf_capacity_by_request),
		cmocka_unit_test(test_prefilled_sheaves_never_fail),
		cmocka_unit_test(test_prefill_is_all_or_nothing),
		cmocka_unit_test(test_kmem_buckets_are_apart),
		cmocka_unit_test(test_kmem_buckets_when_the_table_is_full),
		cmocka_unit_test(test_random_kmalloc_copies_by_call_site),
		cmocka_unit_test(test_S19_for_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
