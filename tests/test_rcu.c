/* SPDX-License-Identifier: MIT */
/* Grace periods, type-stable caches, batches of frees: row "TYPESAFE_BY_RCU, kfree_rcu" of 2c. */
#include <slab/internal.h>

#include <string.h>

#include "object_bed.h"

struct thing {
	int value;
	struct quarry_rcu_head rcu;
};

static unsigned int called;
static int order[8];

static void thing_done(struct quarry_rcu_head *head)
{
	struct thing *t = (struct thing *)((char *)head - offsetof(struct thing, rcu));

	order[called++] = t->value;
}

static void test_callbacks_wait_for_every_section(void **state)
{
	struct quarry *q = machine(16 * MIB, 3);
	struct thing t[3] = {{.value = 1}, {.value = 2}, {.value = 3}};

	(void)state;
	called = 0;
	quarry_posix_set_cpu(1);
	quarry_rcu_read_lock(q);
	quarry_posix_set_cpu(0);
	quarry_call_rcu(q, &t[0].rcu, thing_done);
	quarry_call_rcu(q, &t[1].rcu, thing_done);
	/* CPU 1's section has begun: at most one step. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(quarry_rcu_run(q), i == 0);
	assert_int_equal(called, 0);
	assert_int_equal(quarry_synchronize_rcu(q), -QUARRY_EBUSY);
	assert_int_equal(quarry_rcu_barrier(q), -QUARRY_EBUSY);
	/* Sections nest: the outer end counts. */
	quarry_posix_set_cpu(1);
	quarry_rcu_read_lock(q);
	quarry_rcu_read_unlock(q);
	assert_int_equal(quarry_synchronize_rcu(q), -QUARRY_EBUSY);
	assert_false(quarry_rcu_run(q));
	quarry_rcu_read_unlock(q);
	/* Sections that begin later do not matter. */
	quarry_posix_set_cpu(2);
	assert_true(quarry_rcu_run(q));
	quarry_rcu_read_lock(q);
	assert_int_equal(called, 2);
	quarry_rcu_read_unlock(q);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
	quarry_call_rcu(q, &t[2].rcu, thing_done);
	assert_int_equal(quarry_rcu_barrier(q), 0);
	assert_int_equal(called, 3);
	assert_int_equal(quarry_synchronize_rcu(q), 0);
	quarry_posix_set_cpu(0);
	check(q);
	quarry_posix_delete(q);
}

static void test_blocks_are_freed_in_batches(void **state)
{
	struct quarry *q = machine(16 * MIB, 2);
	unsigned long before = owned(q);

	(void)state;
	quarry_posix_set_cpu(1);
	quarry_rcu_read_lock(q);
	quarry_posix_set_cpu(0);
	assert_int_equal(quarry_kvfree_rcu(q, NULL, NULL), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(quarry_kvfree_rcu(q, quarry_kmalloc(q, 1024, GFP_KERNEL), NULL),
				 0);
	/* 200 blocks, four batches. */
	assert_int_equal(owned(q), before + 204);
	check(q);
	quarry_posix_set_cpu(1);
	quarry_rcu_read_unlock(q);
	assert_int_equal(quarry_rcu_barrier(q), 0);
	assert_int_equal(owned(q), before);
	quarry_posix_set_cpu(0);
	/* Ranges too. */
	void *range = quarry_kvmalloc(q, 5 * MIB, GFP_KERNEL);

	assert_non_null(range);
	assert_int_equal(quarry_kvfree_rcu(q, range, NULL), 0);
	assert_true(quarry_is_vmalloc_addr(q, range));
	assert_int_equal(quarry_rcu_barrier(q), 0);
	assert_false(quarry_is_vmalloc_addr(q, range));
	check(q);
	quarry_posix_delete(q);
}

/* No memory for a batch: with a head nothing waits, without one the call does, or says that it cannot. */
static void test_frees_without_memory(void **state)
{
	struct quarry *q = machine(16 * MIB, 2);
	struct thing *t = quarry_kmalloc(q, sizeof(*t), GFP_KERNEL);
	void *p = quarry_kmalloc(q, 100, GFP_KERNEL), *r = quarry_kmalloc(q, 100, GFP_KERNEL);
	unsigned long before;

	(void)state;
	while (quarry_alloc_pages(q, GFP_ATOMIC | __GFP_NOWARN | __GFP_MEMALLOC, 0) != NULL)
		;
	while (quarry_kmalloc(q, 500, GFP_ATOMIC | __GFP_NOWARN) != NULL)
		;
	before = owned(q);
	quarry_posix_set_cpu(1);
	quarry_rcu_read_lock(q);
	quarry_posix_set_cpu(0);
	assert_int_equal(quarry_kvfree_rcu(q, t, &t->rcu), 0);
	assert_int_equal(quarry_kvfree_rcu(q, p, NULL), -QUARRY_EBUSY);
	assert_int_equal(owned(q), before);
	quarry_posix_set_cpu(1);
	quarry_rcu_read_unlock(q);
	quarry_posix_set_cpu(0);
	assert_int_equal(quarry_kvfree_rcu(q, p, NULL),
			 0); /* waits: it and what came before are free */
	assert_int_equal(owned(q), before - 2);
	quarry_kfree(q, r);
	check(q);
	quarry_posix_delete(q);
}

/* A reader may look at an object of a type-stable cache after its slab, and the cache, are gone. */
static void test_slabs_of_type_stable_caches_outlive_readers(void **state)
{
	struct quarry *q = machine(16 * MIB, 2);
	struct kmem_cache *s =
		quarry_kmem_cache_create(q, "inode", 600, SLAB_TYPESAFE_BY_RCU, NULL);
	struct quarry_cache_info info;
	unsigned char *p[100], *seen;
	enum quarry_page_state state_seen;
	unsigned int order_of;
	struct page *grabbed[4096];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		p[i] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		memset(p[i], 0x77, 600);
	}
	seen = p[37];
	quarry_posix_set_cpu(1);
	quarry_rcu_read_lock(q);
	quarry_posix_set_cpu(0);
	quarry_kmem_cache_free_bulk(q, s, 100, (void **)p);
	assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
	quarry_kmem_cache_info(q, s, &info);
	assert_int_equal(info.pages, 0);
	check(q);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	/* Everything else is taken and written to: the reader's page is not among it. */
	while (n < 4096 && (grabbed[n] = quarry_alloc_pages(
				    q, GFP_ATOMIC | __GFP_NOWARN | __GFP_MEMALLOC, 0)) != NULL)
		memset(quarry_page_address(q, grabbed[n++]), 0, QUARRY_PAGE_SIZE);
	for (int i = 0; i < 600; i++)
		assert_int_equal(seen[i], 0x77);
	state_seen = quarry_pfn_state(q, quarry_physical(q, seen) >> QUARRY_PAGE_SHIFT, &order_of);
	assert_in_range(state_seen, QUARRY_PAGE_ALLOCATED, QUARRY_PAGE_TAIL);
	check(q);
	while (n != 0)
		quarry_free_pages(q, grabbed[--n], 0);
	assert_false(quarry_rcu_run(q) && quarry_rcu_run(q));
	quarry_posix_set_cpu(1);
	quarry_rcu_read_unlock(q);
	assert_int_equal(quarry_rcu_barrier(q), 0);
	state_seen = quarry_pfn_state(q, quarry_physical(q, seen) >> QUARRY_PAGE_SHIFT, &order_of);
	assert_true(state_seen == QUARRY_PAGE_FREE || state_seen == QUARRY_PAGE_PCP);
	quarry_posix_set_cpu(0);
	check(q);
	quarry_posix_delete(q);
}

/* Records of slabs that waited are used again. */
static void test_records_come_back(void **state)
{
	struct quarry *q = machine(0, 1);
	struct kmem_cache *s =
		quarry_kmem_cache_create(q, "inode", 600, SLAB_TYPESAFE_BY_RCU, NULL);
	uint32_t piece = 0, end = 0;
	void *p[200];

	(void)state;
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 200; i++)
			p[i] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		quarry_kmem_cache_free_bulk(q, s, 200, p);
		assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
		assert_int_equal(quarry_rcu_barrier(q), 0);
		if (round == 0) {
			piece = q->slabs->store.piece;
			end = slab_piece_of(slab_record(q->slabs, 1))->end;
		}
		assert_int_equal(q->slabs->store.piece, piece);
		assert_int_equal(slab_piece_of(slab_record(q->slabs, 1))->end, end);
	}
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	check(q);
	quarry_posix_delete(q);
}

static void test_simulated_memory_is_never_touched(void **state)
{
	struct quarry *q = machine(0, 1);
	struct kmem_cache *s =
		quarry_kmem_cache_create(q, "inode", 600, SLAB_TYPESAFE_BY_RCU, NULL);
	void *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);

	(void)state;
	quarry_kmem_cache_free(q, s, p);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	p = quarry_kmalloc(q, 1000, GFP_KERNEL);
	assert_int_equal(quarry_kvfree_rcu(q, p, NULL), 0);
	assert_int_equal(quarry_rcu_barrier(q), 0);
	assert_int_equal(owned(q), 0);
	check(q);
	quarry_posix_delete(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_callbacks_wait_for_every_section),
		cmocka_unit_test(test_blocks_are_freed_in_batches),
		cmocka_unit_test(test_frees_without_memory),
		cmocka_unit_test(test_slabs_of_type_stable_caches_outlive_readers),
		cmocka_unit_test(test_records_come_back),
		cmocka_unit_test(test_simulated_memory_is_never_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
