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
	finish(q);
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
		cmocka_unit_test(test_S17_kvmalloc_prefers_a_node),
		cmocka_unit_test(test_S17_simulated_memory_is_never_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
