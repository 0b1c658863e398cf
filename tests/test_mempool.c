/* SPDX-License-Identifier: MIT */
/* Pools with a reserve: row "mempool" of 2c. */
#include <base/quarry_state.h>

#include <string.h>

#include "object_bed.h"

/* A source of at most @left elements; element i is &place[i]. */
struct source {
	int left, out, asked;
	int place[64];
	gfp_t gfp;
};

static void *source_alloc(struct quarry *q, gfp_t gfp, void *data)
{
	struct source *s = data;

	(void)q;
	s->asked++;
	s->gfp = gfp;
	if (s->left == 0)
		return NULL;
	s->left--;
	for (int i = 0;; i++)
		if (s->place[i] == 0) {
			s->place[i] = 1;
			s->out++;
			return &s->place[i];
		}
}

static void source_free(struct quarry *q, void *element, void *data)
{
	struct source *s = data;

	(void)q;
	assert_int_equal(*(int *)element, 1);
	*(int *)element = 0;
	s->left++;
	s->out--;
}

static void test_mempool_keeps_its_reserve(void **state)
{
	struct quarry *q = machine(8 * MIB, 1);
	struct source s = {.left = 5};
	struct quarry_mempool pool = {0};
	void *e[6];

	(void)state;
	assert_int_equal(quarry_mempool_init(q, &pool, 0, source_alloc, source_free, &s),
			 -QUARRY_EINVAL);
	quarry_mempool_exit(q, &pool);
	assert_int_equal(quarry_mempool_init(q, &pool, 3, source_alloc, source_free, &s), 0);
	assert_int_equal(s.out, 3);
	assert_true(quarry_mempool_is_saturated(&pool));
	/* The source first: without waiting, reserves or noise. */
	e[0] = quarry_mempool_alloc(q, &pool, GFP_KERNEL | __GFP_ZERO);
	assert_int_equal(s.gfp & (__GFP_DIRECT_RECLAIM | __GFP_IO | __GFP_ZERO), 0);
	assert_int_equal(s.gfp & (__GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC),
			 __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC);
	e[1] = quarry_mempool_alloc(q, &pool, GFP_ATOMIC);
	assert_true(quarry_mempool_is_saturated(&pool));
	for (int i = 2; i < 5; i++) {
		e[i] = quarry_mempool_alloc(q, &pool, GFP_ATOMIC);
		assert_non_null(e[i]);
		assert_int_equal(pool.curr_nr, 4 - i);
	}
	assert_false(quarry_mempool_is_saturated(&pool));
	assert_null(quarry_mempool_alloc(q, &pool, GFP_ATOMIC));
	assert_null(quarry_mempool_alloc_preallocated(q, &pool));
	/* What comes back goes to the reserve until that is full. */
	for (int i = 0; i < 3; i++)
		quarry_mempool_free(q, e[i], &pool);
	assert_int_equal(s.out, 5);
	assert_int_equal(pool.curr_nr, 3);
	quarry_mempool_free(q, e[3], &pool);
	assert_int_equal(s.out, 4);
	quarry_mempool_free(q, NULL, &pool);
	s.asked = 0;
	e[0] = quarry_mempool_alloc_preallocated(q, &pool);
	assert_non_null(e[0]);
	assert_int_equal(s.asked, 0);
	quarry_mempool_free(q, e[0], &pool);
	quarry_mempool_free(q, e[4], &pool);
	quarry_mempool_exit(q, &pool);
	quarry_mempool_exit(q, &pool);
	quarry_mempool_exit(q, NULL);
	assert_int_equal(s.out, 0);
	check(q);
	quarry_posix_delete(q);
}

static void test_mempool_every_failure_at_birth(void **state)
{
	struct quarry *q = machine(8 * MIB, 1);
	unsigned long before = owned(q);
	struct quarry_mempool *pool;

	(void)state;
	for (int n = 0; n < 4; n++) {
		struct source s = {.left = n};

		assert_null(quarry_mempool_create(q, 4, source_alloc, source_free, &s));
		assert_int_equal(s.out, 0);
		assert_int_equal(owned(q), before);
	}
	/* No room for the table. */
	struct source s = {.left = 9};

	assert_null(quarry_mempool_create(q, 1u << 30, source_alloc, source_free, &s));
	assert_int_equal(s.asked, 0);
	pool = quarry_mempool_create_node(q, 9, source_alloc, source_free, &s, GFP_KERNEL, 0);
	assert_non_null(pool);
	assert_int_equal(s.out, 9);
	quarry_mempool_destroy(q, pool);
	quarry_mempool_destroy(q, NULL);
	assert_int_equal(s.out, 0);
	assert_int_equal(owned(q), before);
	check(q);
	quarry_posix_delete(q);
}

static void test_mempool_resize(void **state)
{
	struct quarry *q = machine(8 * MIB, 1);
	struct source s = {.left = 8};
	struct quarry_mempool *pool = quarry_mempool_create(q, 2, source_alloc, source_free, &s);
	void *e[8];

	(void)state;
	assert_non_null(pool);
	assert_int_equal(quarry_mempool_resize(q, pool, 0), -QUARRY_EINVAL);
	assert_int_equal(quarry_mempool_resize(q, pool, 1u << 30), -QUARRY_ENOMEM);
	assert_int_equal(pool->min_nr, 2);
	assert_int_equal(quarry_mempool_resize(q, pool, 5), 0);
	assert_int_equal(s.out, 5);
	assert_int_equal(quarry_mempool_resize(q, pool, 3), 0);
	assert_int_equal(s.out, 3);
	assert_int_equal(pool->curr_nr, 3);
	/* Only 8 there are: the rest comes with what is given back. */
	for (int i = 0; i < 5; i++)
		e[i] = quarry_mempool_alloc(q, pool, GFP_ATOMIC);
	assert_int_equal(quarry_mempool_resize(q, pool, 6), 0);
	assert_int_equal(pool->curr_nr, 3);
	assert_false(quarry_mempool_is_saturated(pool));
	for (int i = 0; i < 5; i++)
		quarry_mempool_free(q, e[i], pool);
	assert_int_equal(pool->curr_nr, 6);
	assert_int_equal(s.out, 6);
	quarry_mempool_destroy(q, pool);
	assert_int_equal(s.out, 0);
	check(q);
	quarry_posix_delete(q);
}

/* Whom waiting helps: after three moments an element is given back. */
static struct {
	struct quarry *q;
	struct quarry_mempool *pool;
	void *element;
	int waits;
} waiter;

static void wait_then_free(void *ctx, int nid)
{
	(void)ctx;
	assert_int_equal(nid, 0);
	if (++waiter.waits == 3)
		quarry_mempool_free(waiter.q, waiter.element, waiter.pool);
}

static void test_mempool_waits_until_an_element_comes_back(void **state)
{
	struct quarry *q = machine(8 * MIB, 1);
	struct source s = {.left = 1};
	struct quarry_mempool *pool = quarry_mempool_create(q, 1, source_alloc, source_free, &s);
	void *e;

	(void)state;
	waiter.q = q;
	waiter.pool = pool;
	waiter.waits = 0;
	waiter.element = quarry_mempool_alloc(q, pool, GFP_KERNEL);
	assert_non_null(waiter.element);
	/* Nothing to wait for: an answer all the same. */
	q->port.wait = NULL;
	assert_null(quarry_mempool_alloc(q, pool, GFP_KERNEL));
	assert_int_equal(s.gfp & (__GFP_DIRECT_RECLAIM | __GFP_IO),
			 __GFP_DIRECT_RECLAIM | __GFP_IO);
	q->port.wait = wait_then_free;
	assert_null(quarry_mempool_alloc(q, pool, GFP_NOWAIT));
	assert_int_equal(waiter.waits, 0);
	e = quarry_mempool_alloc(q, pool, GFP_NOIO);
	assert_ptr_equal(e, waiter.element);
	assert_int_equal(waiter.waits, 3);
	quarry_mempool_free(q, e, pool);
	quarry_mempool_destroy(q, pool);
	check(q);
	quarry_posix_delete(q);
}

static void test_mempool_of_objects_blocks_and_pages(void **state)
{
	struct quarry *q = machine(8 * MIB, 1);
	unsigned long before = owned(q);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "request", 200, SLAB_NO_MERGE, NULL);
	struct quarry_mempool *pool[3];
	void *e;

	(void)state;
	pool[0] = quarry_mempool_create_slab_pool(q, 4, s);
	pool[1] = quarry_mempool_create_kmalloc_pool(q, 4, 3000);
	pool[2] = quarry_mempool_create_page_pool(q, 4, 2);
	for (int i = 0; i < 3; i++)
		assert_non_null(pool[i]);
	check(q);
	e = quarry_mempool_alloc(q, pool[0], GFP_KERNEL);
	assert_ptr_equal(quarry_virt_to_cache(q, e), s);
	quarry_mempool_free(q, e, pool[0]);
	e = quarry_mempool_alloc(q, pool[1], GFP_KERNEL);
	assert_int_equal(quarry_ksize(q, e), 4096);
	memset(e, 1, 3000);
	quarry_mempool_free(q, e, pool[1]);
	e = quarry_mempool_alloc(q, pool[2], GFP_KERNEL);
	memset(quarry_page_address(q, e), 1, (size_t)4 << QUARRY_PAGE_SHIFT);
	quarry_mempool_free(q, e, pool[2]);
	/* All memory gone: the reserve still serves, four times each. */
	while (quarry_alloc_pages(q, GFP_ATOMIC | __GFP_NOWARN | __GFP_MEMALLOC, 0) != NULL)
		;
	while (quarry_kmem_cache_alloc(q, s, GFP_ATOMIC | __GFP_NOWARN) != NULL)
		;
	while (quarry_kmalloc(q, 3000, GFP_ATOMIC | __GFP_NOWARN) != NULL)
		;
	for (int i = 0; i < 3; i++) {
		void *kept[4];

		for (int k = 0; k < 4; k++) {
			kept[k] = quarry_mempool_alloc(q, pool[i], GFP_ATOMIC);
			assert_non_null(kept[k]);
		}
		assert_null(quarry_mempool_alloc(q, pool[i], GFP_ATOMIC));
		for (int k = 0; k < 4; k++)
			quarry_mempool_free(q, kept[k], pool[i]);
		quarry_mempool_destroy(q, pool[i]);
	}
	assert_true(owned(q) > before);
	check(q);
	quarry_posix_delete(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mempool_keeps_its_reserve),
		cmocka_unit_test(test_mempool_every_failure_at_birth),
		cmocka_unit_test(test_mempool_resize),
		cmocka_unit_test(test_mempool_waits_until_an_element_comes_back),
		cmocka_unit_test(test_mempool_of_objects_blocks_and_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
