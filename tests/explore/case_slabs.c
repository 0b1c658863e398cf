/* SPDX-License-Identifier: MIT */
/* Slabs: sheaves and the depot, caches that come and go, grace periods, what is made at first use. */
#include "machine.h"

#include <slab/internal.h>

#include "cases.h"

#define MIB 1024u
#define OBJECTS 20u

/* In the region. */
static struct slab_case {
	struct kmem_cache *cache, *other[EXPLORE_THREADS];
	void *shared; /* an object that readers may follow */
	uint64_t value;
	struct quarry_rcu_head head;
	struct quarry_mempool *pool;
} * c;

static void get(unsigned int i)
{
	has[explore_self()].object[i] = quarry_kmem_cache_alloc(mq, c->cache, GFP_NOWAIT);
	EXPLORE_CHECK(has[explore_self()].object[i] != NULL);
}

static void put_of(unsigned int t, unsigned int i)
{
	void *object = has[t].object[i];

	has[t].object[i] = NULL;
	quarry_kmem_cache_free(mq, c->cache, object);
}

static void put(unsigned int i)
{
	put_of(explore_self(), i);
}

/* No object is held twice, and the cache's count of those in use is what is held. */
static void slab_check(void)
{
	struct quarry_cache_info info;
	unsigned long n = 0;

	for (unsigned int i = 0; i < EXPLORE_THREADS * MACHINE_HELD; i++) {
		void *object = has[i / MACHINE_HELD].object[i % MACHINE_HELD];

		n += object != NULL;
		for (unsigned int k = 0; object != NULL && k < i; k++)
			EXPLORE_CHECK(object != has[k / MACHINE_HELD].object[k % MACHINE_HELD]);
	}
	if (c->cache != NULL) {
		quarry_kmem_cache_info(mq, c->cache, &info);
		EXPLORE_CHECK(info.active_objs == n);
	}
	machine_check();
	if (c->cache != NULL) {
		quarry_kmem_cache_quiesce(mq, c->cache);
		quarry_kmem_cache_info(mq, c->cache, &info);
		EXPLORE_CHECK(info.active_objs == n && info.cached_objs == 0);
		machine_check();
	}
}

static struct kmem_cache *cache_make(const char *name)
{
	/* Of such large objects a sheaf holds four, a slab eight. */
	return quarry_kmem_cache_create(mq, name, 4096, SLAB_NO_MERGE, NULL);
}

static void fresh_setup(unsigned int flags)
{
	machine_make(4 * MIB, 3, flags);
	c = explore_alloc(sizeof(*c), 64);
	c->cache = cache_make("explored");
	EXPLORE_CHECK(c->cache != NULL);
}

/* Each CPU has taken objects, and given two back: its main sheaf is half full, it has no spare. */
static void used_setup(unsigned int flags)
{
	fresh_setup(flags);
	for (unsigned int t = 0; t < EXPLORE_THREADS; t++) {
		machine_cpu(t);
		for (unsigned int i = 0; i < OBJECTS; i++)
			has[t].object[i] = quarry_kmem_cache_alloc(mq, c->cache, GFP_NOWAIT);
		for (unsigned int i = OBJECTS - 2; i < OBJECTS; i++)
			put_of(t, i);
	}
	machine_cpu(0);
}

static void get_one(void)
{
	get(18);
}

static void put_get(void)
{
	put(16);
	get(18);
}

static void get_many(void)
{
	for (unsigned int i = 18; i < 26; i++)
		get(i);
}

static void put_many(void)
{
	for (unsigned int i = 0; i < 14; i++)
		put(i);
}

static void put_others(void)
{
	unsigned int other = explore_self() == 0 ? 1 : 0;

	for (unsigned int i = 0; i < 12; i++)
		put_of(other, i);
}

static void reap(void)
{
	EXPLORE_CHECK(quarry_slab_reap(mq, explore_self()) == 0);
	EXPLORE_CHECK(quarry_slab_reap(mq, explore_self()) == 0);
}

static void shrink(void)
{
	quarry_kmem_cache_shrink(mq, c->cache);
}

static void put_get_many(void)
{
	put_many();
	get_many();
}

static void count(void)
{
	struct quarry_cache_info info;

	quarry_kmem_cache_info(mq, c->cache, &info);
	EXPLORE_CHECK(info.num_objs <= 4096);
}

/* ---- caches ---- */

static void create(void)
{
	c->other[explore_self()] = cache_make(explore_self() == 0 ? "one" : "two");
	EXPLORE_CHECK(c->other[explore_self()] != NULL);
}

static void destroy(void)
{
	struct kmem_cache *cache = c->cache;

	c->cache = NULL;
	EXPLORE_CHECK(quarry_kmem_cache_destroy(mq, cache) == 0);
}

static void create_destroy(void)
{
	create();
	EXPLORE_CHECK(quarry_kmem_cache_destroy(mq, c->other[explore_self()]) == 0);
}

static void which_cache(void)
{
	EXPLORE_CHECK(quarry_virt_to_cache(mq, has[0].object[0]) == c->cache);
}

static void kmalloc_setup(unsigned int flags)
{
	machine_make(4 * MIB, 3, flags);
	c = explore_alloc(sizeof(*c), 64);
}

static void kmalloc_free(void)
{
	void *p = quarry_kmalloc(mq, 192, GFP_NOWAIT);

	EXPLORE_CHECK(p != NULL);
	quarry_kfree(mq, p);
}

static void kmalloc_check(void)
{
	machine_check();
}

/* ---- grace periods ---- */

static void rcu_setup(unsigned int flags)
{
	used_setup(flags);
	c->shared = &c->value;
	c->value = 1;
}

static void rcu_read(void)
{
	uint64_t *p;

	quarry_rcu_read_lock(mq);
	p = quarry_load_acquire(&c->shared);
	if (p != NULL)
		EXPLORE_CHECK(*p == 1);
	quarry_rcu_read_unlock(mq);
}

static void rcu_reclaim(struct quarry_rcu_head *head)
{
	EXPLORE_CHECK(head == &c->head);
	c->value = 2; /* while nobody looks */
}

static void rcu_retire(void)
{
	quarry_store_release(&c->shared, (void *)NULL);
	quarry_call_rcu(mq, &c->head, rcu_reclaim);
	for (unsigned int i = 0; i < 3; i++)
		quarry_rcu_run(mq);
}

static void rcu_retire_wait(void)
{
	quarry_store_release(&c->shared, (void *)NULL);
	EXPLORE_CHECK(quarry_synchronize_rcu(mq) == 0);
	c->value = 2;
}

static void rcu_run(void)
{
	quarry_rcu_run(mq);
}

/* ---- a reserve of objects ---- */

static void pool_setup(unsigned int flags)
{
	used_setup(flags);
	c->pool = quarry_mempool_create_slab_pool(mq, 1, c->cache);
	EXPLORE_CHECK(c->pool != NULL);
}

static void pool_take_give(void)
{
	void *p = quarry_mempool_alloc_preallocated(mq, c->pool);

	if (p != NULL)
		quarry_mempool_free(mq, p, c->pool);
}

/* It has one more for a moment. */
static void pool_grow(void)
{
	EXPLORE_CHECK(quarry_mempool_resize(mq, c->pool, 2) == 0);
	EXPLORE_CHECK(quarry_mempool_resize(mq, c->pool, 1) == 0);
}

static void pool_check(void)
{
	void *p = quarry_mempool_alloc_preallocated(mq, c->pool);

	EXPLORE_CHECK(p != NULL && quarry_mempool_alloc_preallocated(mq, c->pool) == NULL);
	machine_check();
}

/* ---- objects that readers may follow when they are free ---- */

static void typesafe_setup(unsigned int flags)
{
	machine_make(4 * MIB, 3, flags);
	c = explore_alloc(sizeof(*c), 64);
	c->cache = quarry_kmem_cache_create(mq, "explored", 4096,
					    SLAB_NO_MERGE | SLAB_TYPESAFE_BY_RCU, NULL);
	EXPLORE_CHECK(c->cache != NULL);
	c->shared = quarry_kmem_cache_alloc(mq, c->cache, GFP_NOWAIT);
	EXPLORE_CHECK(c->shared != NULL);
	quarry_kmem_cache_quiesce(mq, c->cache); /* it is alone in its slab */
}

/* As long as the section lasts, the memory is no other cache's, and no page. */
static void typesafe_read(void)
{
	void *p;

	quarry_rcu_read_lock(mq);
	p = quarry_load_acquire(&c->shared);
	if (p != NULL) {
		struct kmem_cache *is = quarry_virt_to_cache(mq, p);
		pfn_t pfn = quarry_virt_to_phys(mq, p) >> QUARRY_PAGE_SHIFT;
		enum quarry_page_state state = quarry_pfn_state(mq, pfn, NULL);

		EXPLORE_CHECK(is == NULL || is == c->cache);
		EXPLORE_CHECK(state == QUARRY_PAGE_SLAB || state == QUARRY_PAGE_ALLOCATED);
	}
	quarry_rcu_read_unlock(mq);
}

static void typesafe_free(void)
{
	void *p = c->shared;

	quarry_store_release(&c->shared, (void *)NULL);
	quarry_kmem_cache_free(mq, c->cache, p);
	quarry_kmem_cache_shrink(mq, c->cache);
	quarry_rcu_run(mq);
	quarry_rcu_run(mq);
}

static void typesafe_check(void)
{
	quarry_kmem_cache_quiesce(mq, c->cache);
	EXPLORE_CHECK(quarry_rcu_barrier(mq) == 0);
	slab_check();
}

/* An object that is given back when readers have left. */
static void kvfree_setup(unsigned int flags)
{
	kmalloc_setup(flags);
	c->shared = quarry_kmalloc(mq, 192, GFP_NOWAIT);
	EXPLORE_CHECK(c->shared != NULL && quarry_virt_to_cache(mq, c->shared) != NULL);
	c->cache = quarry_virt_to_cache(mq, c->shared);
	quarry_kmem_cache_quiesce(mq, c->cache); /* it is alone in its slab */
}

/* An object in use is the reader's, whatever the writer shrinks. */
static void kvfree_read(void)
{
	void *p;

	quarry_rcu_read_lock(mq);
	p = quarry_load_acquire(&c->shared);
	EXPLORE_CHECK(p == NULL || quarry_virt_to_cache(mq, p) == c->cache);
	quarry_rcu_read_unlock(mq);
}

static void kvfree_retire(void)
{
	void *p = c->shared;

	quarry_store_release(&c->shared, (void *)NULL);
	EXPLORE_CHECK(quarry_kvfree_rcu(mq, p, &c->head) == 0);
	quarry_rcu_run(mq);
	quarry_rcu_run(mq);
	quarry_kmem_cache_shrink(mq, c->cache);
}

static void kvfree_check(void)
{
	EXPLORE_CHECK(quarry_rcu_barrier(mq) == 0);
	machine_check();
}

/* ---- caches that are looked at ---- */

static int look_at(struct kmem_cache *cache, void *arg)
{
	struct quarry_cache_info info;

	(void)arg;
	quarry_kmem_cache_info(mq, cache, &info);
	EXPLORE_CHECK(info.num_objs <= 4096);
	return 0;
}

/* Two caches that become one, of which objects are in use. */
static void merge_setup(unsigned int flags)
{
	machine_make(4 * MIB, 3, flags);
	c = explore_alloc(sizeof(*c), 64);
	c->cache = quarry_kmem_cache_create(mq, "first", 500, 0, NULL);
	EXPLORE_CHECK(c->cache != NULL);
	has[0].object[0] = quarry_kmem_cache_alloc(mq, c->cache, GFP_NOWAIT);
}

static void merge(void)
{
	c->other[0] = quarry_kmem_cache_create(mq, "second", 504, 0, NULL);
	EXPLORE_CHECK(c->other[0] == c->cache);
}

static void merge_use(void)
{
	void *p = quarry_kmem_cache_alloc(mq, c->cache, GFP_NOWAIT | __GFP_ZERO);

	EXPLORE_CHECK(p != NULL && quarry_ksize(mq, p) >= 500);
	quarry_kmem_cache_free(mq, c->cache, p);
}

static void look_at_all(void)
{
	EXPLORE_CHECK(quarry_kmem_cache_for_each(mq, look_at, NULL) == 0);
}

/* ---- CPUs that leave ---- */

static void cpu2_leaves(void)
{
	EXPLORE_CHECK(quarry_cpu_offline(mq, 2) == 0);
}

static void reap_2(void)
{
	(void)quarry_slab_reap(mq, 2);
}

/* ---- lists by node ---- */

#define LRU_ITEMS 3u

static struct lru_case {
	struct quarry_list_lru lru;
	struct list_head item[LRU_ITEMS];
	unsigned int added, taken[EXPLORE_THREADS];
} * l;

static void lru_setup(unsigned int flags)
{
	machine_make(4 * MIB, 3, flags);
	l = explore_alloc(sizeof(*l), 64);
	EXPLORE_CHECK(quarry_list_lru_init(mq, &l->lru) == 0);
	for (unsigned int i = 0; i < LRU_ITEMS; i++) {
		l->item[i].next = l->item[i].prev = &l->item[i];
		EXPLORE_CHECK(i == 0 || quarry_list_lru_add(mq, &l->lru, &l->item[i], 0));
	}
}

static void lru_add_del(void)
{
	EXPLORE_CHECK(quarry_list_lru_add(mq, &l->lru, &l->item[0], 0));
	l->added = 1;
	l->taken[explore_self()] += quarry_list_lru_del(mq, &l->lru, &l->item[1], 0);
}

static enum quarry_lru_status lru_take(struct quarry *q, struct list_head *item,
				       struct quarry_list_lru_one *list, void *arg)
{
	(void)q;
	(void)arg;
	if (item == &l->item[2])
		return QUARRY_LRU_ROTATE;
	quarry_list_lru_isolate(list, item);
	l->taken[explore_self()]++;
	return QUARRY_LRU_REMOVED;
}

/* Lets go of the lock in between. */
static enum quarry_lru_status lru_take_retry(struct quarry *q, struct list_head *item,
					     struct quarry_list_lru_one *list, void *arg)
{
	(void)arg;
	quarry_list_lru_isolate(list, item);
	l->taken[explore_self()]++;
	quarry_list_lru_unlock(q, list);
	return QUARRY_LRU_REMOVED_RETRY;
}

static void lru_walk(void)
{
	(void)quarry_list_lru_walk(mq, &l->lru, lru_take, NULL, 3);
}

static void lru_walk_retry(void)
{
	(void)quarry_list_lru_walk(mq, &l->lru, lru_take_retry, NULL, 3);
}

/* What is on the list now, and what was taken off it, is what was put on it. */
static void lru_check(void)
{
	unsigned long put = LRU_ITEMS - 1 + l->added, taken = 0;

	for (unsigned int i = 0; i < EXPLORE_THREADS; i++)
		taken += l->taken[i];
	EXPLORE_CHECK(taken + quarry_list_lru_count(&l->lru) == put);
	machine_check();
}

/* ---- interrupts ---- */

static void irq_get_put(void)
{
	void *p = quarry_kmem_cache_alloc(mq, c->cache, GFP_ATOMIC);

	EXPLORE_CHECK(p != NULL);
	quarry_kmem_cache_free(mq, c->cache, p);
}

static void irq_put_many(void)
{
	for (unsigned int i = 0; i < 5; i++)
		put_of(2, i);
}

static void irq_get_many(void)
{
	for (unsigned int i = 18; i < 24; i++)
		has[2].object[i] = quarry_kmem_cache_alloc(mq, c->cache, GFP_ATOMIC);
}

#define CASE(name_, place_, n, setup_, arg_, t0, t1, t2, check_)                               \
	{                                                                                      \
		.name = name_, .place = place_, .nr_threads = n, .arg = arg_, .setup = setup_, \
		.thread = {t0, t1, t2}, .check = check_, .quick = ONE_PREEMPTION               \
	}
#define IRQ(name_, place_, setup_, t0, irq_, check_)                                    \
	{                                                                               \
		.name = name_, .place = place_, .nr_threads = 1, .arg = MACHINE_FENCED, \
		.setup = setup_, .thread = {t0}, .irq = irq_, .check = check_,          \
		.quick = EVERY_ORDER                                                    \
	}

const struct explore_case cases_slabs[] = {
	CASE("slab_first", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2,
	     fresh_setup, 0, get_one, get_one, NULL, slab_check),
	CASE("slab_get", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2, used_setup,
	     0, get_many, get_many, NULL, slab_check),
	CASE("slab_put_others", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2,
	     used_setup, 0, put_others, put_others, NULL, slab_check),
	CASE("slab_others_get", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2,
	     used_setup, 0, put_others, get_many, NULL, slab_check),
	CASE("slab_depot", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2, used_setup,
	     0, put_many, get_many, NULL, slab_check),
	CASE("slab_depot_put", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2,
	     used_setup, 0, put_many, put_many, NULL, slab_check),
	CASE("slab_aliens", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2,
	     used_setup, MACHINE_NODES, put_others, get_many, NULL, slab_check),
	CASE("slab_reap", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2, used_setup,
	     0, put_many, reap, NULL, slab_check),
	CASE("slab_shrink", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2,
	     used_setup, 0, put_get_many, shrink, NULL, slab_check),
	CASE("slab_count", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2, used_setup,
	     0, put_get, count, NULL, slab_check),
	CASE("cache_create", "cache.c: caches that come and go", 2, used_setup, 0, create, create,
	     NULL, slab_check),
	CASE("cache_create_destroy", "cache.c: caches that come and go", 2, used_setup, 0,
	     create_destroy, create_destroy, NULL, slab_check),
	CASE("cache_destroy_reap", "cache.c: caches that come and go", 2, fresh_setup, 0, destroy,
	     reap, NULL, slab_check),
	CASE("cache_which", "cache.c: caches that come and go", 2, used_setup, 0, create_destroy,
	     which_cache, NULL, slab_check),
	CASE("kmalloc_first", "kmalloc.c: a class at first use", 2, kmalloc_setup, 0, kmalloc_free,
	     kmalloc_free, NULL, kmalloc_check),
	CASE("rcu_call", "rcu.c: grace periods", 2, rcu_setup, 0, rcu_read, rcu_retire, NULL,
	     slab_check),
	CASE("rcu_wait", "rcu.c: grace periods", 2, rcu_setup, 0, rcu_read, rcu_retire_wait, NULL,
	     slab_check),
	CASE("rcu_two", "rcu.c: grace periods", 3, rcu_setup, 0, rcu_read, rcu_retire, rcu_run,
	     slab_check),
	CASE("pool", "mempool.c: the reserve", 2, pool_setup, 0, pool_take_give, pool_take_give,
	     NULL, pool_check),
	CASE("pool_resize", "mempool.c: the reserve", 2, pool_setup, 0, pool_take_give, pool_grow,
	     NULL, pool_check),
	CASE("rcu_typesafe", "rcu.c: grace periods", 2, typesafe_setup, 0, typesafe_read,
	     typesafe_free, NULL, typesafe_check),
	CASE("rcu_kvfree", "rcu.c: grace periods", 2, kvfree_setup, 0, kvfree_read, kvfree_retire,
	     NULL, kvfree_check),
	CASE("cache_destroy_look", "cache.c: caches that come and go", 2, fresh_setup, 0, destroy,
	     look_at_all, NULL, slab_check),
	CASE("cache_merge", "cache.c: caches that come and go", 2, merge_setup, 0, merge, merge_use,
	     NULL, slab_check),
	CASE("cache_merge_look", "cache.c: caches that come and go", 2, merge_setup, 0, merge,
	     look_at_all, NULL, slab_check),
	CASE("cache_create_look", "cache.c: caches that come and go", 2, fresh_setup, 0,
	     create_destroy, look_at_all, NULL, slab_check),
	CASE("cache_destroy_others", "cache.c: caches that come and go", 2, fresh_setup, 0, destroy,
	     create_destroy, NULL, slab_check),
	CASE("slab_cpu_leaves", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2,
	     used_setup, 0, cpu2_leaves, put_get, NULL, slab_check),
	CASE("slab_cpu_leaves_reap", "sheaf.c, depot.c, flush.c, reap.c: objects between CPUs", 2,
	     used_setup, 0, cpu2_leaves, reap_2, NULL, slab_check),
	CASE("lru_walk", "listlru.c: lists by node", 2, lru_setup, 0, lru_add_del, lru_walk, NULL,
	     lru_check),
	CASE("lru_retry", "listlru.c: lists by node", 2, lru_setup, 0, lru_add_del, lru_walk_retry,
	     NULL, lru_check),
	CASE("lru_two_walks", "listlru.c: lists by node", 2, lru_setup, 0, lru_walk, lru_walk_retry,
	     NULL, lru_check),
	IRQ("irq_slab_get", "interrupts", used_setup, get_many, irq_get_put, slab_check),
	IRQ("irq_slab_put", "interrupts", used_setup, put_many, irq_put_many, slab_check),
	IRQ("irq_slab_refill", "interrupts", used_setup, get_many, irq_get_many, slab_check),
	IRQ("irq_slab_first", "interrupts", fresh_setup, get_one, irq_get_put, slab_check),
	IRQ("irq_reap", "interrupts", used_setup, reap, irq_put_many, slab_check),
	IRQ("irq_kmalloc_first", "interrupts", kmalloc_setup, kmalloc_free, kmalloc_free,
	    kmalloc_check),
	{.name = NULL},
};
