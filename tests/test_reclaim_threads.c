/* SPDX-License-Identifier: MIT */
/*
 * Pressure with real threads (X4): CPUs that hold pages of a common pool and ask for more than there is,
 * the posix port's background reclaimers, direct reclaim, shrinkers that come and go, and requests that
 * must not fail.
 */
#include <quarry/posix.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB ((phys_addr_t)1 << 20)
#define CPUS 3u
#define NODES 2u
#define STEPS 4000u
#define POOL 4096u

/* Pages that anybody may take back: a page cache without contents. */
struct pool {
	pthread_mutex_t lock;
	struct quarry *q;
	struct page *page[POOL];
	unsigned int n;
	unsigned long reclaimed, shrunk;
	char report[256];
};

static unsigned long pool_give(struct pool *p, unsigned long nr)
{
	unsigned long freed = 0;

	while (freed < nr) {
		struct page *page = NULL;

		pthread_mutex_lock(&p->lock);
		if (p->n > 0)
			page = p->page[--p->n];
		pthread_mutex_unlock(&p->lock);
		if (page == NULL)
			break;
		quarry_free_pages(p->q, page, 0);
		freed++;
	}
	return freed;
}

static bool pool_add(struct pool *p, struct page *page)
{
	bool room;

	pthread_mutex_lock(&p->lock);
	room = p->n < POOL;
	if (room)
		p->page[p->n++] = page;
	pthread_mutex_unlock(&p->lock);
	return room;
}

static unsigned long pool_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				  unsigned long nr_pages)
{
	struct pool *p = ctx;
	unsigned long freed = pool_give(p, nr_pages);

	(void)nid;
	(void)gfp;
	(void)order;
	__atomic_fetch_add(&p->reclaimed, freed, __ATOMIC_RELAXED);
	return freed;
}

static unsigned long pool_count(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	struct pool *p = s->ctx;
	unsigned long n;

	(void)sc;
	pthread_mutex_lock(&p->lock);
	n = p->n;
	pthread_mutex_unlock(&p->lock);
	return n;
}

static unsigned long pool_scan(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	struct pool *p = s->ctx;
	unsigned long freed = pool_give(p, sc->nr_to_scan);

	__atomic_fetch_add(&p->shrunk, freed, __ATOMIC_RELAXED);
	return freed;
}

static void pool_report(void *ctx, const char *line)
{
	struct pool *p = ctx;

	snprintf(p->report, sizeof(p->report), "%s", line);
}

struct cpu {
	pthread_t thread;
	struct pool *pool;
	unsigned int number;
	unsigned long got, refused, unfailing;
};

static void *cpu_main(void *arg)
{
	struct cpu *c = arg;
	struct quarry *q = c->pool->q;
	struct quarry_shrinker s = {.count_objects = pool_count,
				    .scan_objects = pool_scan,
				    .seeks = QUARRY_DEFAULT_SEEKS,
				    .ctx = c->pool};
	uint64_t x = 88172645463325252u + c->number;

	quarry_posix_set_cpu(c->number);
	for (unsigned int i = 0; i < STEPS; i++) {
		bool must = (i & 63) == 0;
		struct page *page;
		gfp_t gfp;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		gfp = (x & 7) == 0 ? GFP_ATOMIC : must ? GFP_KERNEL | __GFP_NOFAIL : GFP_KERNEL;
		if ((i & 511) == 100 && quarry_register_shrinker(q, &s) != 0)
			abort();
		page = quarry_alloc_pages(q, gfp | __GFP_NOWARN, 0);
		if ((i & 511) == 400)
			quarry_unregister_shrinker(q, &s);
		c->got += page != NULL;
		c->refused += page == NULL;
		c->unfailing += page != NULL && (gfp & __GFP_NOFAIL) != 0;
		if (page == NULL && (gfp & __GFP_NOFAIL) != 0)
			abort(); /* it must not fail while others can free */
		if (page != NULL && !pool_add(c->pool, page))
			quarry_free_pages(q, page, 0);
	}
	quarry_unregister_shrinker(q, &s);
	return NULL;
}

static void pressure(void **state)
{
	static struct pool pool;
	struct quarry_posix_options options = {.concurrent = true,
					       .reclaim = pool_reclaim,
					       .hook_ctx = &pool,
					       .report = pool_report,
					       .log_ctx = &pool};
	struct quarry_boot_params boot = {.nr_cpus = CPUS + NODES};
	struct cpu cpu[CPUS] = {0};
	struct quarry_totals totals;
	unsigned long free;

	(void)state;
	memset(&pool, 0, sizeof(pool));
	pthread_mutex_init(&pool.lock, NULL);
	pool.q = quarry_posix_new(&options);
	assert_non_null(pool.q);
	assert_int_equal(quarry_posix_start_kswapd(pool.q, CPUS), -QUARRY_EINVAL); /* too early */
	assert_int_equal(quarry_memblock_add_node(pool.q, 0, 6 * MIB, 0, MEMBLOCK_NONE), 0);
	assert_int_equal(quarry_memblock_add_node(pool.q, 6 * MIB, 6 * MIB, 1, MEMBLOCK_NONE), 0);
	assert_int_equal(quarry_boot(pool.q, &boot), 0);
	assert_int_equal(quarry_sysctl_set(pool.q, "watermark_boost_factor", "0"), 0);
	quarry_totals(pool.q, &totals);
	free = totals.free;
	assert_int_equal(quarry_posix_start_kswapd(pool.q, CPUS + 1), -QUARRY_EINVAL);
	/* Those that it names are there, though others are not. */
	assert_int_equal(quarry_cpu_offline(pool.q, 1), 0);
	assert_int_equal(quarry_posix_start_kswapd(pool.q, 1), -QUARRY_EINVAL);
	assert_int_equal(quarry_posix_start_kswapd(pool.q, CPUS), 0);
	assert_int_equal(quarry_cpu_online(pool.q, 1), 0);
	assert_int_equal(quarry_posix_start_kswapd(pool.q, CPUS), -QUARRY_EINVAL); /* they run */

	for (unsigned int i = 0; i < CPUS; i++) {
		cpu[i].pool = &pool;
		cpu[i].number = i;
		assert_int_equal(pthread_create(&cpu[i].thread, NULL, cpu_main, &cpu[i]), 0);
	}
	for (unsigned int i = 0; i < CPUS; i++)
		pthread_join(cpu[i].thread, NULL);
	quarry_posix_stop_kswapd(pool.q);
	quarry_posix_stop_kswapd(pool.q);

	quarry_posix_set_cpu(0);
	for (unsigned int i = 0; i < CPUS; i++) {
		assert_true(cpu[i].got > STEPS / 2);
		assert_true(cpu[i].unfailing > 0);
	}
	assert_true(pool.reclaimed + pool.shrunk > STEPS);
	assert_true(quarry_vm_event(pool.q, QUARRY_VM_PGSTEAL_KSWAPD) +
			    quarry_vm_event(pool.q, QUARRY_VM_PGSTEAL_DIRECT) >
		    0);
	assert_true(quarry_vm_event(pool.q, QUARRY_VM_KSWAPD_WAKE) > 0);
	assert_int_equal(quarry_check(pool.q, NULL), 0);
	pool_give(&pool, POOL);
	quarry_drain_all_pages(pool.q);
	quarry_totals(pool.q, &totals);
	assert_int_equal(totals.free, free); /* no page was lost */
	assert_int_equal(quarry_check(pool.q, NULL), 0);
	assert_string_equal(pool.report, "");
	quarry_posix_delete(pool.q);
	pthread_mutex_destroy(&pool.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pressure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
