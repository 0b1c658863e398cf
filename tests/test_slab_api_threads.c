/* SPDX-License-Identifier: MIT */
/*
 * What stands around caches, under threads: readers follow a pointer while writers replace and kfree_rcu() what it
 * leads to, objects of a type-stable cache are looked at while they are freed, a mempool is smaller than its users'
 * wants, and all put items on one list_lru that one of them walks. Afterwards every count is exact.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include <quarry/posix.h>

#include <slab/internal.h>

#define MIB ((size_t)1 << 20)
#define CPUS 4u
#define STEPS 4000u

struct value {
	struct quarry_rcu_head rcu;
	struct list_head lru;
	_Atomic int good; /* 1 while somebody may see it */
};

static struct {
	struct quarry *q;
	struct value *_Atomic shared;
	struct kmem_cache *stable;
	struct quarry_mempool pool;
	struct quarry_list_lru lru;
	atomic_uint called, asked, wrong;
} all;

static void value_done(struct quarry_rcu_head *head)
{
	struct value *v = (struct value *)(void *)head;

	atomic_store_explicit(&v->good, 0, memory_order_relaxed);
	quarry_kfree(all.q, v);
	atomic_fetch_add(&all.called, 1);
}

static void replace(unsigned int i)
{
	struct value *v = quarry_kmalloc(all.q, sizeof(*v), GFP_KERNEL);

	atomic_store_explicit(&v->good, 1, memory_order_relaxed);
	v = atomic_exchange(&all.shared, v);
	if (v == NULL)
		return;
	if (i % 2 != 0) {
		atomic_fetch_add(&all.asked, 1);
		quarry_call_rcu(all.q, &v->rcu, value_done);
	} else if (quarry_kvfree_rcu(all.q, v, &v->rcu) != 0) {
		atomic_fetch_add(&all.wrong, 1);
	}
}

static void look(void)
{
	struct value *v;

	quarry_rcu_read_lock(all.q);
	v = atomic_load(&all.shared);
	for (int i = 0; i < 20 && v != NULL; i++)
		if (atomic_load_explicit(&v->good, memory_order_relaxed) != 1)
			atomic_fetch_add(&all.wrong, 1);
	quarry_rcu_read_unlock(all.q);
}

static enum quarry_lru_status drop(struct quarry *q, struct list_head *item,
				   struct quarry_list_lru_one *list, void *arg)
{
	(void)q;
	quarry_list_lru_isolate_move(list, item, arg);
	return QUARRY_LRU_REMOVED;
}

static void walk(void)
{
	struct list_head gone = {&gone, &gone}, *item, *next;

	(void)quarry_list_lru_walk(all.q, &all.lru, drop, &gone, 8);
	for (item = gone.next; item != &gone; item = next) {
		next = item->next;
		quarry_kfree(all.q, (char *)item - offsetof(struct value, lru));
	}
}

static void *work(void *arg)
{
	unsigned int cpu = (unsigned int)(uintptr_t)arg;
	void *held[3];

	quarry_posix_set_cpu(cpu);
	for (unsigned int i = 0; i < STEPS; i++) {
		struct value *v;

		if (cpu % 2 == 0)
			replace(i);
		look();
		if (i % 16 == cpu)
			(void)quarry_rcu_run(all.q);
		/* Whole slabs come and go. */
		if (i % 64 == 0) {
			void *p[64];

			if (!quarry_kmem_cache_alloc_bulk(all.q, all.stable, GFP_KERNEL, 64, p))
				atomic_fetch_add(&all.wrong, 1);
			else
				quarry_kmem_cache_free_bulk(all.q, all.stable, 64, p);
		}
		for (int k = 0; k < 3; k++)
			held[k] = quarry_mempool_alloc(all.q, &all.pool, GFP_ATOMIC);
		for (int k = 0; k < 3; k++)
			quarry_mempool_free(all.q, held[k], &all.pool);
		v = quarry_kmalloc(all.q, sizeof(*v), GFP_KERNEL);
		v->lru.next = v->lru.prev = &v->lru;
		if (!quarry_list_lru_add_obj(all.q, &all.lru, &v->lru))
			atomic_fetch_add(&all.wrong, 1);
		if (i % 5 == 0)
			walk();
	}
	return NULL;
}

static void test_everything_at_once(void **state)
{
	struct quarry_posix_options options = {.ram_bytes = 64 * MIB, .concurrent = true};
	struct quarry_boot_params params = {.nr_cpus = CPUS + 1};
	struct quarry_cache_info info;
	pthread_t thread[CPUS];
	struct value *last;

	(void)state;
	all.q = quarry_posix_new(&options);
	assert_int_equal(quarry_memblock_add(all.q, 0, 64 * MIB), 0);
	assert_int_equal(quarry_boot(all.q, &params), 0);
	quarry_posix_set_cpu(CPUS);
	all.stable = quarry_kmem_cache_create(all.q, "stable", 512, SLAB_TYPESAFE_BY_RCU, NULL);
	assert_int_equal(quarry_mempool_init(all.q, &all.pool, 4, quarry_mempool_kmalloc,
					     quarry_mempool_kfree, (void *)100),
			 0);
	assert_int_equal(quarry_list_lru_init(all.q, &all.lru), 0);
	for (unsigned int i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)i), 0);
	for (unsigned int i = 0; i < CPUS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(quarry_rcu_barrier(all.q), 0);
	assert_int_equal(atomic_load(&all.wrong), 0);
	assert_int_equal(atomic_load(&all.called), atomic_load(&all.asked));
	assert_true(atomic_load(&all.called) > 1000);
	last = atomic_load(&all.shared);
	quarry_kfree(all.q, last);
	while (quarry_list_lru_count(&all.lru) != 0)
		walk();
	quarry_list_lru_destroy(all.q, &all.lru);
	assert_true(quarry_mempool_is_saturated(&all.pool));
	quarry_mempool_exit(all.q, &all.pool);
	assert_int_equal(quarry_check_slab(all.q, NULL), 0);
	assert_int_equal(quarry_check_pages(all.q, NULL), 0);
	assert_int_equal(quarry_kmem_cache_destroy(all.q, all.stable), 0);
	assert_int_equal(quarry_rcu_barrier(all.q), 0);
	for (struct kmem_cache *s = quarry_kmem_cache_next(all.q, NULL); s != NULL;
	     s = quarry_kmem_cache_next(all.q, s)) {
		quarry_kmem_cache_info(all.q, s, &info);
		assert_int_equal(info.active_objs, 0);
	}
	quarry_posix_delete(all.q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
