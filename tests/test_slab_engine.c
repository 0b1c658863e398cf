/* SPDX-License-Identifier: MIT */
/* What caches keep and give back: aliens, depots, reaping, pressure, movers, hotplug. One thread. */
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
#include "slab_state.h"

#define MIB ((size_t)1 << 20)

static unsigned int reports;

static void take_report(void *ctx, const char *line)
{
	(void)ctx;
	reports++;
	print_error("%s\n", line);
}

static void print_fault(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	print_error("%.*s", (int)len, text);
}

static const struct quarry_out faults = {print_fault, NULL};

/* With @params but for the CPUs. CPU i belongs to node i % nodes. */
static struct quarry *machine_of(size_t bytes, unsigned int cpus, unsigned int nodes,
				 struct quarry_boot_params params)
{
	struct quarry_posix_options options = {.ram_bytes = bytes, .report = take_report};
	int cpu_node[QUARRY_MAX_CPUS];
	struct quarry *q = quarry_posix_new(&options);

	params.nr_cpus = cpus;
	params.cpu_node = cpu_node;
	assert_non_null(q);
	for (unsigned int i = 0; i < cpus; i++)
		cpu_node[i] = (int)(i % nodes);
	for (unsigned int i = 0; i < nodes; i++)
		assert_int_equal(quarry_memblock_add_node(q, i * (bytes / nodes), bytes / nodes,
							  (int)i, MEMBLOCK_NONE),
				 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	quarry_posix_set_cpu(0);
	reports = 0;
	return q;
}

static struct quarry *machine(size_t bytes, unsigned int cpus, unsigned int nodes)
{
	return machine_of(bytes, cpus, nodes, (struct quarry_boot_params){0});
}

static void check(struct quarry *q)
{
	assert_int_equal(quarry_check(q, &faults), 0);
	assert_int_equal(quarry_check_slab(q, &faults), 0);
	assert_int_equal(reports, 0);
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

static struct kmem_cache *cache(struct quarry *q, unsigned int size)
{
	struct kmem_cache *s = quarry_kmem_cache_create(q, "engine", size, SLAB_NO_MERGE, NULL);

	assert_non_null(s);
	return s;
}

static void take(struct quarry *q, struct kmem_cache *s, void **p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		p[i] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		assert_non_null(p[i]);
	}
}

static void give(struct quarry *q, struct kmem_cache *s, void **p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		quarry_kmem_cache_free(q, s, p[i]);
}

static int node_of(struct quarry *q, const void *p)
{
	return page_nid(q, page_of_addr(q, p));
}

/* ---- S14 ---- */

static void test_S14_objects_of_other_nodes_go_home_in_batches(void **state)
{
	struct quarry *q = machine(64 * MIB, 2, 2);
	struct kmem_cache *s = cache(q, 256);
	unsigned int cap = s->sheaf_capacity;
	static void *p[400];

	(void)state;
	take(q, s, p, 4 * cap);
	for (size_t i = 0; i < 4 * cap; i++)
		assert_int_equal(node_of(q, p[i]), 0);
	quarry_posix_set_cpu(1);
	give(q, s, p, cap);
	check(q);
	assert_non_null(s->seen[1].alien);
	assert_int_equal(s->seen[1].alien->n, cap);
	assert_int_equal(slab_main(&s->cpu_sheaves[1])->n, 0);
	give(q, s, p + cap, 1); /* one too many: the batch goes home */
	check(q);
	assert_int_equal(s->seen[1].alien->n, 1);
	assert_true(s->node[0].free_objects >= cap);
	assert_int_equal(s->node[1].free_objects, 0);
	/* What this CPU allocates lies on its own node: none of them. */
	p[0] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	assert_int_equal(node_of(q, p[0]), 1);
	quarry_kmem_cache_free(q, s, p[0]);
	for (size_t i = cap + 1; i < 4 * cap; i++)
		quarry_kfree(q, p[i]);
	assert_int_equal(info(q, s).active_objs, 0);
	check(q);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

static void test_S14_one_sheaf_of_three_nodes(void **state)
{
	struct quarry *q = machine(96 * MIB, 3, 3);
	struct kmem_cache *s = cache(q, 512);
	void *p[3][8];

	(void)state;
	for (unsigned int cpu = 1; cpu < 3; cpu++) {
		quarry_posix_set_cpu(cpu);
		take(q, s, p[cpu], 8);
		assert_int_equal(node_of(q, p[cpu][0]), cpu);
	}
	quarry_posix_set_cpu(0);
	for (size_t i = 0; i < 8; i++) {
		quarry_kmem_cache_free(q, s, p[1][i]);
		quarry_kmem_cache_free(q, s, p[2][i]);
	}
	assert_int_equal(s->seen[0].alien->n, 16);
	check(q);
	assert_int_equal(quarry_slab_reap(q, 0), 0);
	assert_null(s->seen[0].alien);
	assert_int_equal(info(q, s).active_objs, 0);
	assert_true(s->node[1].free_objects >= 8 && s->node[2].free_objects >= 8);
	finish(q);
}

/* Frees from another CPU of the same node are not aliens. */
static void test_S14_same_node_is_home(void **state)
{
	struct quarry *q = machine(64 * MIB, 4, 2);
	struct kmem_cache *s = cache(q, 256);
	void *p[20];

	(void)state;
	take(q, s, p, 20);
	quarry_posix_set_cpu(2);
	give(q, s, p, 20);
	assert_null(s->seen[2].alien);
	assert_int_equal(info(q, s).active_objs, 0);
	finish(q);
}

/* ---- S13, depot ---- */

static void test_S13_depot_starts_small_and_grows_when_cpus_meet(void **state)
{
	struct quarry *q = machine(64 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 256);
	static void *p[1000];

	(void)state;
	assert_true(depot_capacity_ok(s, s->sheaf_capacity));
	assert_false(depot_capacity_ok(s, s->sheaf_capacity + 1));
	take(q, s, p, 1000);
	give(q, s, p, 1000);
	assert_int_equal(s->node[0].nr_full, SLAB_DEPOT_LEAST);
	check(q);
	/* As if CPUs had met (the threads' test shows that they do), and nothing had come and gone. */
	s->node[0].depot_max = 4;
	s->node[0].met = 1;
	s->node[0].missed = 0;
	take(q, s, p, 1000);
	give(q, s, p, 1000);
	assert_int_equal(s->node[0].nr_full, 4);
	/* It keeps its places while they met, and then loses one after the other. */
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(quarry_slab_reap(q, 0), 0);
	assert_int_equal(s->node[0].depot_max, 4);
	for (unsigned int i = 0; i < 2 * 8; i++)
		assert_int_equal(quarry_slab_reap(q, 0), 0);
	assert_int_equal(s->node[0].depot_max, SLAB_DEPOT_LEAST);
	check(q);
	finish(q);
}

/* Sheaves that went into the slabs and came back from there have a place the next time. */
static void test_S13_depot_follows_what_comes_and_goes(void **state)
{
	struct quarry *q = machine(64 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 64);
	static void *p[40000];
	uint32_t flushes = 0;

	(void)state;
	for (unsigned int round = 0; round < 12; round++) {
		uint32_t swing = s->node[0].swing, missed = s->node[0].missed;

		flushes = s->flushes;
		take(q, s, p, 10000);
		/* One place more for each sheaf of what came back. */
		assert_true(s->node[0].came_back < SLAB_SHEAF_MOST);
		if (round > 3)
			assert_true(s->node[0].swing - swing <= missed / SLAB_SHEAF_MOST + 1);
		give(q, s, p, 10000);
		check(q);
	}
	assert_int_equal(s->flushes, flushes); /* none in the last round */
	assert_true(s->node[0].nr_full * SLAB_SHEAF_MOST > 8000);
	/* Of traffic that goes further, slabs make neighbours again. */
	take(q, s, p, 40000);
	give(q, s, p, 40000);
	assert_int_equal(s->node[0].swing, 0);
	take(q, s, p, 40000);
	give(q, s, p, 40000);
	check(q);
	assert_int_equal(s->node[0].nr_full, SLAB_DEPOT_LEAST);
	/* After the reaper was there it begins anew. */
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(quarry_slab_reap(q, 0), 0);
	for (unsigned int round = 0; round < 4; round++) {
		take(q, s, p, 10000);
		give(q, s, p, 10000);
	}
	assert_true(s->node[0].nr_full * SLAB_SHEAF_MOST > 8000);
	/* When it does not come back, it is no working set: all goes. */
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(quarry_slab_reap(q, 0), 0);
	assert_int_equal(s->node[0].swing, 0);
	assert_int_equal(info(q, s).cached_objs, 0);
	assert_int_equal(info(q, s).num_slabs, 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	/* Never more than a share of the memory; nothing of it under pressure. */
	s = cache(q, 1024);
	for (unsigned int round = 0; round < 12; round++) {
		take(q, s, p, 10000);
		give(q, s, p, 10000);
		check(q);
	}
	assert_true(s->node[0].swing > 0);
	assert_true((unsigned long)s->node[0].nr_full * slab_main(&s->cpu_sheaves[0])->cap * 1024 <=
		    64 * MIB / SLAB_DEPOT_SHARE);
	quarry_drop_slab(q);
	assert_int_equal(s->node[0].swing, 0);
	assert_int_equal(info(q, s).num_slabs, 0);
	finish(q);
}

/* Bonwick: sheaves that nobody needed during an interval are not part of the working set. */
static void test_S13_depot_decays_to_the_working_set(void **state)
{
	struct quarry *q = machine(64 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 256);
	static void *p[1000];

	(void)state;
	s->node[0].depot_max = 8;
	take(q, s, p, 600);
	give(q, s, p, 600);
	assert_int_equal(s->node[0].nr_full, 8);
	for (unsigned int i = 0; i < 2; i++) /* full_min is that of the start: nothing goes */
		assert_int_equal(quarry_slab_reap(q, 0), 0);
	s->node[0].met = 1;
	assert_int_equal(s->node[0].full_min, s->node[0].nr_full);
	/* An interval in which main, spare and two sheaves of the depot are used. */
	take(q, s, p, 4 * s->sheaf_capacity);
	give(q, s, p, 4 * s->sheaf_capacity);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(quarry_slab_reap(q, 0), 0);
	assert_true(s->node[0].nr_full <= 5);
	assert_true(s->node[0].nr_full >= 1);
	check(q);
	finish(q);
}

static void test_S13_sheaves_grow_under_traffic(void **state)
{
	struct quarry *q = machine(64 * MIB, 2, 1);
	struct kmem_cache *s = cache(q, 64);
	static void *p[20000];

	(void)state;
	take(q, s, p, 100);
	give(q, s, p, 100);
	assert_int_equal(slab_main(&s->cpu_sheaves[0])->cap, s->sheaf_capacity);
	for (unsigned int round = 0; round < 4; round++) {
		take(q, s, p, 20000);
		check(q);
		give(q, s, p, 20000);
		check(q);
		assert_int_equal(info(q, s).active_objs, 0);
	}
	assert_int_equal(slab_main(&s->cpu_sheaves[0])->cap, SLAB_SHEAF_MOST);
	/* Another CPU begins with such, and all go. */
	quarry_posix_set_cpu(1);
	take(q, s, p, 10);
	give(q, s, p, 10);
	assert_int_equal(slab_main(&s->cpu_sheaves[1])->cap, SLAB_SHEAF_MOST);
	quarry_posix_set_cpu(0);
	check(q);
	assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
	assert_int_equal(s->node[0].nr_slabs, 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

static void test_S13_sheaves_of_large_objects_stay_small(void **state)
{
	struct quarry *q = machine(64 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 2048);
	static void *p[4000];

	(void)state;
	for (unsigned int round = 0; round < 4; round++) {
		take(q, s, p, 4000);
		give(q, s, p, 4000);
	}
	assert_true(slab_main(&s->cpu_sheaves[0])->cap > s->sheaf_capacity);
	assert_true(slab_main(&s->cpu_sheaves[0])->cap * 2048u <= 64u << 10);
	finish(q);
}

static void test_S12_empty_slabs_that_were_wanted_again_are_kept(void **state)
{
	struct quarry *q = machine(64 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 1024);
	unsigned long slabs, kept;
	static void *p[4000];

	(void)state;
	take(q, s, p, 4000);
	slabs = s->node[0].nr_slabs;
	give(q, s, p, 4000);
	assert_int_equal(s->node[0].keep, 0);
	assert_true(s->node[0].nr_slabs < slabs / 4);
	take(q, s, p, 4000); /* they are wanted again */
	give(q, s, p, 4000);
	assert_true(s->node[0].keep > slabs / 2);
	kept = s->node[0].nr_slabs;
	assert_true(kept > slabs / 2);
	check(q);
	/* Without need the reaper takes them; for whoever needs the memory, so does a shrink. */
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(quarry_slab_reap(q, 0), 0);
	assert_true(s->node[0].nr_slabs < kept / 2);
	assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
	assert_int_equal(s->node[0].nr_slabs, 0);
	assert_int_equal(s->node[0].keep, 0);
	finish(q);
}

/* Objects of one word of free bits, of one page and of many; one of them twice. */
static void test_S11_double_free_in_a_batch_is_found(void **state)
{
	static const size_t twice[] = {0, 1, 30, 63, 64, 700};
	struct quarry *q = machine(64 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 32);
	static void *p[1000];

	(void)state;
	for (size_t t = 0; t < sizeof(twice) / sizeof(twice[0]); t++) {
		for (unsigned int adjacent = 0; adjacent < 2; adjacent++) {
			take(q, s, p, 1000);
			quarry_kmem_cache_shrink(q, s); /* nothing free is left in sheaves */
			give(q, s, p, twice[t]);
			if (adjacent)
				quarry_kmem_cache_free(q, s, p[twice[t]]);
			give(q, s, p + twice[t], 1000 - twice[t]);
			if (!adjacent)
				quarry_kmem_cache_free(q, s, p[twice[t]]);
			quarry_kmem_cache_shrink(q, s);
			assert_int_equal(reports, 1);
			reports = 0;
			assert_int_equal(info(q, s).active_objs, 0);
			assert_int_equal(s->node[0].nr_slabs, 0);
			check(q);
		}
	}
	finish(q);
}

static int by_address(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	return x < y ? -1 : x > y;
}

/* Neighbours that come back together set bits of many words: each of them may be the one that was free. */
static void test_S11_double_free_among_neighbours(void **state)
{
	enum { N = 512 };
	struct quarry *q = machine(64 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 8);
	static void *p[N];

	(void)state;
	for (size_t twice = 0; twice < N; twice += 5) {
		size_t from = twice % 7 * 10 < twice ? twice % 7 * 10 : 0;

		take(q, s, p, N);
		qsort(p, N, sizeof(p[0]), by_address);
		assert_int_equal(s->node[0].nr_slabs, 1);
		quarry_kmem_cache_free(q, s, p[twice]);
		quarry_kmem_cache_shrink(q, s);
		assert_int_equal(s->node[0].free_objects, 1);
		quarry_kmem_cache_free_bulk(q, s, N - from, p + from);
		quarry_kmem_cache_free_bulk(q, s, from, p);
		quarry_kmem_cache_shrink(q, s);
		assert_int_equal(reports, 1);
		reports = 0;
		assert_int_equal(info(q, s).active_objs, 0);
		check(q);
	}
	finish(q);
}

/* ---- S16 ---- */

static void test_S16_reaping_spares_what_was_touched(void **state)
{
	struct quarry *q = machine(64 * MIB, 2, 1);
	struct kmem_cache *s = cache(q, 256);
	static void *p[200];
	unsigned long cached;

	(void)state;
	take(q, s, p, 100);
	give(q, s, p, 100);
	assert_int_equal(quarry_slab_reap(q, 0), 0); /* it has worked since the last time */
	cached = info(q, s).cached_objs;
	assert_int_equal(cached, 2 * s->sheaf_capacity + s->node[0].nr_full * s->sheaf_capacity);
	assert_int_equal(quarry_slab_reap(q, 0), 0); /* idle: the spare, and a fifth of main */
	assert_null(s->cpu_sheaves[0].spare);
	assert_true(info(q, s).cached_objs < cached);
	check(q);
	/* In the end nothing is left: no sheaf, no depot, no slab. */
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(quarry_slab_reap(q, 0), 0);
		assert_int_equal(quarry_slab_reap(q, 1), 0);
		check(q);
	}
	assert_int_equal(info(q, s).cached_objs, 0);
	assert_int_equal(info(q, s).num_slabs, 0);
	finish(q);
}

static void test_S16_free_limit_follows_the_cpus(void **state)
{
	struct quarry *q = machine(64 * MIB, 4, 1);
	struct kmem_cache *s = cache(q, 256);

	(void)state;
	assert_int_equal(s->node[0].free_limit, 5 * s->sheaf_capacity + oo_objects(s->oo));
	assert_int_equal(quarry_cpu_offline(q, 3), 0);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(quarry_slab_reap(q, 0), 0);
	assert_int_equal(s->node[0].free_limit, 4 * s->sheaf_capacity + oo_objects(s->oo));
	finish(q);
	/* Each node has its own: here three CPUs and two. */
	q = machine(64 * MIB, 5, 2);
	s = cache(q, 256);
	for (unsigned int nid = 0; nid < 2; nid++) {
		assert_int_equal(s->node[nid].free_limit,
				 (4 - nid) * s->sheaf_capacity + oo_objects(s->oo));
		assert_int_equal(s->node[nid].depot_max, s->node[0].depot_max);
	}
	finish(q);
}

/* As SLAB: an empty slab stays exactly while the node's slabs have no more free objects than the limit. */
static void test_S16_free_limit_gives_slabs_back_at_free(void **state)
{
	struct quarry *q =
		machine_of(64 * MIB, 1, 1, (struct quarry_boot_params){.slab_free_limit = true});
	struct kmem_cache *s = cache(q, 1024);
	const struct slab_node *n = &s->node[0];
	static void *p[1024];

	(void)state;
	take(q, s, p, 1024);
	for (size_t i = 0; i < 1024; i++) {
		unsigned long slabs = n->nr_slabs;

		give(q, s, &p[(i * 397) % 1024], 1);
		assert_true(n->free_slabs == 0 || n->free_objects <= n->free_limit);
		/* None went that might have stayed. */
		assert_true(n->nr_slabs == slabs ||
			    n->free_objects + oo_objects(s->oo) > n->free_limit);
		check(q);
	}
	sheaf_drain_one(q, s, 0);
	sheaf_drain_depot(q, s, &s->node[0], ~0u, ~0u);
	assert_int_equal(info(q, s).active_objs, 0);
	assert_int_equal(n->nr_slabs, n->free_limit / oo_objects(s->oo));
	assert_true(n->nr_slabs < s->min_partial); /* SLUB's rule would have left so many */
	finish(q);
}

/* What a node remembers is looked at, and forgotten, when each of its CPUs has called twice. */
static void test_S16_a_node_forgets_what_was_long_ago(void **state)
{
	struct quarry *q = machine(64 * MIB, 2, 1);
	struct kmem_cache *s = cache(q, 256);
	struct slab_node *n = &s->node[0];
	static const unsigned long left[] = {8, 3, 1};
	unsigned int cap = s->sheaf_capacity;
	static void *p[400];

	(void)state;
	take(q, s, p, 400);
	give(q, s, p, 400);
	assert_int_equal(n->nr_full, 1);
	assert_int_equal(n->full_min, 0);
	for (unsigned int round = 0; round < 3; round++) {
		n->swing = 5;
		n->missed = 7;
		n->depot_max = 3;
		n->met = round == 1;
		n->keep = 9;
		n->given_back = 4;
		n->free_touched = round == 0;
		n->free_limit = 1;
		for (unsigned int i = 1; i < 4; i++) {
			quarry_posix_set_cpu(i & 1);
			assert_int_equal(quarry_slab_reap(q, i & 1), 0);
			assert_int_equal(n->reap_calls, i);
			assert_true(n->swing == 5 && n->missed == 7 && n->keep == 9);
			assert_true(n->depot_max == 3 && n->met == (round == 1));
			assert_true(n->given_back == 4 && n->nr_full == (round < 2));
			n->free_touched = round == 0;
		}
		quarry_posix_set_cpu(0);
		assert_int_equal(quarry_slab_reap(q, 0), 0);
		assert_int_equal(n->reap_calls, 0);
		/* In the second round one full sheaf was needed by nobody. */
		assert_int_equal(n->swing, round == 1 ? 4 : 5);
		assert_int_equal(n->missed, 0);
		assert_int_equal(n->depot_max, round == 1 ? 3 : 2);
		assert_int_equal(n->met, 0);
		assert_int_equal(n->keep, 4);
		assert_true(n->given_back < 4); /* those that went just now */
		assert_false(n->free_touched);
		assert_int_equal(n->free_limit, 3 * cap + oo_objects(s->oo));
		assert_int_equal(n->nr_full, round == 0);
		/* Spared once, as they were touched; then what is empty, a share of the limit at a time. */
		assert_int_equal(n->nr_slabs, left[round]);
		check(q);
	}
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	finish(q);
}

static void test_S16_reap_refuses(void **state)
{
	struct quarry_posix_options options = {.ram_bytes = 8 * MIB, .concurrent = true};
	struct quarry_boot_params params = {.nr_cpus = 2};
	struct quarry *q = quarry_posix_new(&options);

	(void)state;
	assert_int_equal(quarry_slab_reap(q, 0), -QUARRY_EINVAL); /* not booted */
	assert_int_equal(quarry_memblock_add_node(q, 0, 8 * MIB, 0, MEMBLOCK_NONE), 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	quarry_posix_set_cpu(0);
	assert_int_equal(quarry_slab_reap(q, 0), 0);
	assert_int_equal(quarry_slab_reap(q, 1), -QUARRY_EINVAL); /* another thread's */
	assert_int_equal(quarry_slab_reap(q, 2), -QUARRY_EINVAL);
	quarry_posix_delete(q);
}

/* ---- pressure ---- */

static unsigned long shrink_count(struct quarry *q, int nid)
{
	struct quarry_shrink_control sc = {.nid = nid};

	return q->slabs->shrinker.count_objects(&q->slabs->shrinker, &sc);
}

/* Objects in sheaves count on the node of the CPU that asks, those in depots and empty slabs on theirs. */
static void test_shrinker_counts_what_could_go(void **state)
{
	struct quarry *q = machine(64 * MIB, 3, 2);
	struct kmem_cache *s = cache(q, 512), *t = cache(q, 1024);
	struct quarry_shrink_control sc = {.nid = 1, .nr_to_scan = 1};
	unsigned int cap = s->sheaf_capacity, slab = oo_objects(s->oo);
	unsigned long freed;
	static void *p[400];
	void *home[3];

	(void)state;
	assert_int_equal(shrink_count(q, 0), QUARRY_SHRINK_EMPTY);
	take(q, s, home, 3);
	/* 3 of node 0 in the sheaf that is in use, or on their way in CPU 1's hands. */
	quarry_posix_set_cpu(1);
	take(q, s, p, 4 * cap);
	give(q, s, home, 3);
	assert_int_equal(s->seen[1].alien->n, 3);
	give(q, s, p, 4 * cap);
	assert_true(s->cpu_sheaves[1].spare != NULL && s->node[1].nr_full == 1);
	assert_int_equal(shrink_count(q, -1), QUARRY_SHRINK_EMPTY);
	assert_int_equal(shrink_count(q, 2), QUARRY_SHRINK_EMPTY);
	/* Two sheaves of CPU 1, one in the depot, those on their way, what CPU 0 has left, and one slab. */
	assert_int_equal(s->node[1].free_slabs, 1);
	assert_int_equal(shrink_count(q, 1),
			 3 * cap + 3 +
				 (unsigned long)(s->cpu_sheaves[0].top - s->cpu_sheaves[0].base) +
				 slab);
	assert_int_equal(shrink_count(q, 0), QUARRY_SHRINK_EMPTY);
	assert_int_equal(shrink_count(q, 2), QUARRY_SHRINK_EMPTY);
	assert_int_equal(shrink_count(q, -1), QUARRY_SHRINK_EMPTY);
	quarry_posix_set_cpu(0);
	assert_int_equal(shrink_count(q, 0),
			 2 * cap + 3 +
				 (unsigned long)(s->cpu_sheaves[0].top - s->cpu_sheaves[0].base));
	assert_int_equal(shrink_count(q, 1), cap + slab);
	quarry_posix_set_cpu(1);
	take(q, t, p, 2);
	give(q, t, p, 2);
	/* One cache is enough, the younger; then the other. */
	for (int i = 0; i < 2; i++) {
		freed = i == 0 ? info(q, t).cached_objs : shrink_count(q, 1);
		assert_int_equal(q->slabs->shrinker.scan_objects(&q->slabs->shrinker, &sc), freed);
		assert_int_equal(sc.nr_scanned, freed);
		assert_int_equal(info(q, t).num_slabs, 0);
		assert_int_equal(s->node[1].nr_slabs == 0, i == 1);
	}
	assert_int_equal(q->slabs->shrinker.scan_objects(&q->slabs->shrinker, &sc),
			 QUARRY_SHRINK_STOP);
	assert_int_equal(sc.nr_scanned, 0);
	check(q);
	finish(q);
}

static void test_shrinker_empties_caches_under_pressure(void **state)
{
	struct quarry *q = machine(16 * MIB, 2, 1);
	struct kmem_cache *s = cache(q, 1024);
	static void *p[2000];

	(void)state;
	take(q, s, p, 2000);
	quarry_posix_set_cpu(1);
	give(q, s, p, 2000);
	assert_true(info(q, s).num_slabs > 0);
	assert_true(quarry_drop_slab(q) > 0);
	check(q);
	assert_int_equal(info(q, s).cached_objs, 0);
	assert_int_equal(info(q, s).num_slabs, 0);
	assert_int_equal(quarry_drop_slab(q), 0);
	finish(q);
}

/* A request that would fail gets the pages that idle caches hold. */
static void test_pressure_lets_a_request_succeed(void **state)
{
	struct quarry *q = machine(8 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 4096);
	static void *p[64];
	unsigned long pages = 0;
	struct page *page;

	(void)state;
	take(q, s, p, 40);
	give(q, s, p, 40);
	assert_true(info(q, s).pages > 0);
	while ((page = quarry_alloc_pages(q, GFP_KERNEL | __GFP_NOWARN, 0)) != NULL)
		pages++;
	assert_int_equal(info(q, s).pages, 0);
	assert_true(pages > 1000);
	check(q);
	finish(q);
}

/* ---- movers ---- */

struct movable {
	struct movable **user; /* NULL: free */
	uint64_t value;
	bool pinned;
	unsigned char rest[104];
};

static struct quarry *movers_machine;
static unsigned int moved, refused;

static void movable_ctor(void *object)
{
	memset(object, 0, sizeof(struct movable));
}

static void *movable_isolate(struct kmem_cache *s, void **objects, unsigned int nr)
{
	(void)s;
	for (unsigned int i = 0; i < nr; i++) {
		struct movable *m = objects[i];

		if (m->user == NULL || m->pinned) {
			refused++;
			objects[i] = NULL;
		}
	}
	return &moved;
}

static void movable_migrate(struct kmem_cache *s, void **objects, unsigned int nr, int nid,
			    void *private)
{
	assert_ptr_equal(private, &moved);
	for (unsigned int i = 0; i < nr; i++) {
		struct movable *old = objects[i], *new;

		if (old == NULL)
			continue;
		new = quarry_kmem_cache_alloc_node(movers_machine, s, GFP_KERNEL, nid);
		assert_non_null(new);
		memcpy(new, old, sizeof(*new));
		*new->user = new;
		old->user = NULL;
		quarry_kmem_cache_free(movers_machine, s, old);
		moved++;
	}
}

#define MOVABLES 3000u

static void movers_fill(struct quarry *q, struct kmem_cache *s, struct movable **m, bool pin)
{
	uint64_t seed = 88172645463325252u;

	for (unsigned int i = 0; i < MOVABLES; i++) {
		m[i] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		assert_non_null(m[i]);
		m[i]->user = &m[i];
		m[i]->value = i;
	}
	for (unsigned int i = 0; i < MOVABLES; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		if (seed % 8 == 0) {
			m[i]->pinned = pin;
			continue;
		}
		m[i]->user = NULL;
		quarry_kmem_cache_free(q, s, m[i]);
		m[i] = NULL;
	}
}

static void movers_empty(struct quarry *q, struct kmem_cache *s, struct movable **m)
{
	for (unsigned int i = 0; i < MOVABLES; i++) {
		if (m[i] == NULL)
			continue;
		assert_int_equal(m[i]->value, i);
		assert_ptr_equal(m[i]->user, &m[i]);
		m[i]->user = NULL;
		m[i]->pinned = false;
		quarry_kmem_cache_free(q, s, m[i]);
	}
	assert_int_equal(info(q, s).active_objs, 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
}

static void test_movers_empty_sparse_slabs(void **state)
{
	struct kmem_cache_args args = {.ctor = movable_ctor};
	static struct movable *m[MOVABLES];
	struct quarry *q = movers_machine = machine(16 * MIB, 1, 1);
	struct kmem_cache *s =
		quarry_kmem_cache_create(q, "movable", sizeof(struct movable), 0, &args);
	struct quarry_cache_info before, after;
	unsigned long fewer;

	(void)state;
	assert_int_equal(quarry_kmem_cache_setup_mobility(q, s, movable_isolate, movable_migrate),
			 0);
	moved = refused = 0;
	movers_fill(q, s, m, false);
	quarry_kmem_cache_shrink(q, s);
	before = info(q, s);
	fewer = quarry_kmem_cache_defrag(q, s, QUARRY_NO_NODE);
	check(q);
	after = info(q, s);
	assert_true(moved > 0);
	assert_int_equal(after.num_slabs, before.num_slabs - fewer);
	assert_int_equal(after.active_objs, before.active_objs);
	/* One in eight lives, all over the slabs; now they stand close. */
	assert_true(after.num_slabs * 2 <= before.num_slabs);
	assert_int_equal(s->movers, 0);
	movers_empty(q, s, m);
	finish(q);
}

static void test_movers_leave_what_is_pinned(void **state)
{
	struct kmem_cache_args args = {.ctor = movable_ctor};
	static struct movable *m[MOVABLES];
	struct quarry *q = movers_machine = machine(16 * MIB, 1, 1);
	struct kmem_cache *s =
		quarry_kmem_cache_create(q, "movable", sizeof(struct movable), 0, &args);

	(void)state;
	assert_int_equal(quarry_kmem_cache_setup_mobility(q, s, movable_isolate, movable_migrate),
			 0);
	moved = refused = 0;
	movers_fill(q, s, m, true);
	quarry_kmem_cache_shrink(q, s);
	assert_int_equal(quarry_kmem_cache_defrag(q, s, 0), 0);
	check(q);
	assert_int_equal(moved, 0);
	assert_true(refused > 0);
	movers_empty(q, s, m);
	finish(q);
}

static void test_movers_need_a_constructor(void **state)
{
	struct quarry *q = machine(8 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 64);
	struct kmem_cache_args args = {.ctor = movable_ctor};
	struct kmem_cache *t = quarry_kmem_cache_create(q, "t", 128, 0, &args);

	(void)state;
	assert_int_equal(quarry_kmem_cache_setup_mobility(q, s, movable_isolate, movable_migrate),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_kmem_cache_setup_mobility(q, t, NULL, movable_migrate),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_kmem_cache_setup_mobility(q, t, movable_isolate, NULL),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_kmem_cache_defrag(q, s, QUARRY_NO_NODE), 0);
	assert_int_equal(quarry_kmem_cache_defrag(q, t, 0), 0);
	finish(q);
}

/* ---- hotplug ---- */

static void test_S7_cpu_that_leaves_gives_its_objects_back(void **state)
{
	struct quarry *q = machine(64 * MIB, 2, 2);
	struct kmem_cache *s = cache(q, 256);
	void *p[40];

	(void)state;
	take(q, s, p, 40);
	quarry_posix_set_cpu(1);
	give(q, s, p, 20);
	quarry_posix_set_cpu(0);
	assert_non_null(s->seen[1].alien);
	assert_int_equal(quarry_cpu_offline(q, 1), 0);
	check(q);
	assert_null(s->seen[1].alien);
	assert_int_equal(slab_main(&s->cpu_sheaves[1])->cap, 0);
	assert_int_equal(quarry_cpu_online(q, 1), 0);
	quarry_posix_set_cpu(1);
	give(q, s, p + 20, 20);
	assert_int_equal(info(q, s).active_objs, 0);
	finish(q);
}

/* A node without memory gets some: caches made before have their place for it, and its CPU uses it. */
static void test_S1_node_that_comes_later(void **state)
{
	struct quarry_posix_options options = {.report = take_report};
	const int cpu_node[2] = {0, 1};
	const phys_addr_t start = (phys_addr_t)4 << 30;
	struct quarry_boot_params params = {.nr_cpus = 2,
					    .nr_nodes = 2,
					    .cpu_node = cpu_node,
					    .max_hotplug_phys = (phys_addr_t)8 << 30};
	struct quarry *q = quarry_posix_new(&options);
	struct kmem_cache *s;
	void *p;

	(void)state;
	assert_non_null(q);
	assert_int_equal(quarry_memblock_add_node(q, 0, 256 * MIB, 0, MEMBLOCK_NONE), 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	reports = 0;
	s = cache(q, 256);
	quarry_posix_set_cpu(1);
	p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	assert_int_equal(node_of(q, p), 0);
	quarry_kmem_cache_free(q, s, p);
	assert_null(s->seen[1].alien); /* node 0 is the nearest that has memory */
	quarry_posix_set_cpu(0);
	assert_int_equal(quarry_add_memory(q, 1, start, QUARRY_MEMORY_BLOCK_BYTES), 0);
	assert_int_equal(quarry_online_pages(q, start >> QUARRY_PAGE_SHIFT,
					     QUARRY_MEMORY_BLOCK_PAGES, QUARRY_ONLINE_KERNEL),
			 0);
	check(q);
	quarry_posix_set_cpu(1);
	assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
	p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	assert_int_equal(node_of(q, p), 1);
	assert_int_equal(s->node[1].nr_slabs, 1);
	check(q);
	quarry_posix_set_cpu(0);
	quarry_kmem_cache_free(q, s, p);
	assert_int_equal(s->seen[0].alien->n, 1);
	finish(q);
}

/* ---- S15 ---- */

static void test_S15_slabs_are_coloured_in_turn(void **state)
{
	static const unsigned int sizes[] = {24, 88, 184, 200, 320, 520, 696, 1320, 2600};
	struct quarry *q =
		machine_of(64 * MIB, 1, 2, (struct quarry_boot_params){.slab_colour = true});
	static void *p[3000];
	unsigned int coloured = 0;

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct kmem_cache *s = cache(q, sizes[k]);
		uintptr_t bytes = QUARRY_PAGE_SIZE << oo_order(s->oo);
		uint32_t left = (uint32_t)bytes - oo_objects(s->oo) * s->size, index = 0;
		unsigned int slabs[64] = {0};
		struct slab *slab;

		assert_int_equal(info(q, s).colours, left / 64 < 2 ? 0 : left / 64);
		take(q, s, p, 3000);
		while ((slab = slab_next_of(q, s, &index)) != NULL) {
			uintptr_t off = slab->base - slab_block(q, slab);

			assert_int_equal(off % 64, 0);
			assert_true(off / 64 < (s->colours != 0 ? s->colours : 1));
			slabs[off / 64]++;
			assert_true(off + (uintptr_t)oo_objects(s->oo) * s->size <= bytes);
		}
		for (uint32_t c = 1; c < s->colours; c++) /* each in turn, from the first on */
			assert_true(slabs[c] == slabs[0] || slabs[c] + 1 == slabs[0]);
		coloured += s->colours != 0;
		for (size_t i = 0; i < 3000; i++) {
			memset(p[i], (int)i, sizes[k]);
			assert_int_equal((uintptr_t)p[i] % s->align, 0);
		}
		check(q);
		/* By kfree() too, and in any order. */
		for (size_t i = 0; i < 3000; i++) {
			unsigned char *o = p[i * 7 % 3000];

			assert_int_equal(o[0], (unsigned char)(i * 7 % 3000));
			assert_int_equal(o[sizes[k] - 1], (unsigned char)(i * 7 % 3000));
			if (i % 2 == 0)
				quarry_kfree(q, o);
			else
				quarry_kmem_cache_free(q, s, o);
		}
		check(q);
		assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	}
	assert_true(coloured >= 4);
	finish(q);
}

/* Same sizes, orders and objects a slab; every byte that is no object's start is refused at once. */
static void test_S15_colour_changes_no_geometry_and_no_report(void **state)
{
	struct quarry *plain = machine(64 * MIB, 1, 1), *q;
	static void *p[64];
	unsigned int shifted = 0;

	(void)state;
	q = machine_of(64 * MIB, 1, 1, (struct quarry_boot_params){.slab_colour = true});
	for (unsigned int size = 8; size < 8192; size += 56) {
		struct kmem_cache *a = cache(plain, size), *b = cache(q, size);

		assert_int_equal(a->oo.x, b->oo.x);
		assert_int_equal(a->min.x, b->min.x);
		assert_int_equal(a->size, b->size);
		assert_int_equal(a->colours, 0);
		assert_int_equal(quarry_kmem_cache_destroy(plain, a), 0);
		assert_int_equal(quarry_kmem_cache_destroy(q, b), 0);
	}
	finish(plain);
	for (unsigned int size = 200; size < 2000; size += 312) {
		struct kmem_cache *s = cache(q, size);

		take(q, s, p, 64);
		for (unsigned int i = 0; i < 64 && s->colours != 0; i++) {
			struct slab *slab;
			uint32_t number;

			assert_int_equal(slab_find(q, s, p[i], &slab, &number), SLAB_FAULT_NONE);
			give(q, s, (void *[]){(char *)p[i] + 1 + i % (size - 1)}, 1);
			assert_int_equal(reports, 1);
			reports = 0;
			if (slab->base == slab_block(q, slab))
				continue;
			quarry_kfree(q, (void *)slab_block(q, slab)); /* before the first */
			assert_int_equal(reports, 1);
			reports = 0;
			shifted++;
		}
		reports = 0;
		check(q);
		give(q, s, p, 64);
		assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	}
	assert_true(shifted > 64);
	finish(q);
}

/* ---- holes ---- */

/* The device: marks what it is told of, and throws it away. */
struct holes {
	struct quarry *q;
	unsigned long calls, pages;
	int error;
	unsigned char told[64 * MIB >> QUARRY_PAGE_SHIFT];
};

static int throw_away(void *ctx, const struct quarry_range *ranges, unsigned int nr)
{
	struct holes *h = ctx;

	h->calls++;
	if (h->error != 0)
		return h->error;
	assert_true(nr != 0 && nr <= QUARRY_REPORTING_CAPACITY);
	for (unsigned int i = 0; i < nr; i++) {
		phys_addr_t base = ranges[i].start, size = ranges[i].size;

		assert_true(size != 0 && (base | size) % QUARRY_PAGE_SIZE == 0);
		for (phys_addr_t at = base; at < base + size; at += QUARRY_PAGE_SIZE) {
			assert_int_equal(h->told[at >> QUARRY_PAGE_SHIFT], 0); /* once */
			h->told[at >> QUARRY_PAGE_SHIFT] = 1;
			h->pages++;
		}
		memset(quarry_address(h->q, base), 0xdd, size);
	}
	return 0;
}

static bool is_told(const struct holes *h, const void *p, size_t size)
{
	phys_addr_t phys = quarry_physical(h->q, p);

	for (phys_addr_t at = phys >> QUARRY_PAGE_SHIFT;
	     at <= (phys + size - 1) >> QUARRY_PAGE_SHIFT; at++)
		if (h->told[at])
			return true;
	return false;
}

/* Of every size: exactly the pages of partly used slabs in which nobody has anything are told, and all goes on. */
static void test_holes_in_slabs_are_told(void **state)
{
	static const unsigned int sizes[] = {16,   96,   104,  256,  700,  1024,
					     1320, 2600, 4096, 5000, 20000};
	enum { MOST = 3000 };
	static void *p[MOST];
	static struct holes h;
	const struct quarry_reporting_dev dev = {.report = throw_away, .ctx = &h};
	uint64_t seed = 99;

	(void)state;
	for (unsigned int colour = 0; colour < 2; colour++) {
		struct quarry *q = machine_of(
			64 * MIB, 1, 2, (struct quarry_boot_params){.slab_colour = colour != 0});

		h = (struct holes){.q = q};
		assert_int_equal(quarry_slab_reporting_run(q, NULL), 0); /* nobody to tell */
		assert_int_equal(quarry_page_reporting_register(q, &dev), 0);
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			struct kmem_cache *s = cache(q, sizes[k]);
			size_t n = sizes[k] < 5000 ? MOST : 500;
			unsigned long expected = 0, slabs;
			uint32_t index = 0;
			struct slab *slab;

			take(q, s, p, n);
			for (size_t i = 0; i < n; i++) {
				memset(p[i], (int)(i * 7 + 1), sizes[k]);
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				if ((seed >> 33) % 10 != 0) {
					quarry_kmem_cache_free(q, s, p[i]);
					p[i] = NULL;
				}
			}
			quarry_kmem_cache_shrink(q, s);
			slabs = info(q, s).num_slabs;
			/* By hand: a page is a hole if no bit of an object that reaches into it is clear. */
			while ((slab = slab_next_of(q, s, &index)) != NULL) {
				uintptr_t block = slab_block(q, slab);
				unsigned char used[1 << QUARRY_MAX_ORDER] = {0};

				for (unsigned int o = 0; o < slab_objects(s, slab); o++) {
					uintptr_t at = slab->base + (uintptr_t)o * s->size - block;

					if ((slab->free[o / 64] >> o % 64 & 1) != 0)
						continue;
					for (uintptr_t g = at >> QUARRY_PAGE_SHIFT;
					     g <= (at + s->size - 1) >> QUARRY_PAGE_SHIFT; g++)
						used[g] = 1;
				}
				for (unsigned int g = 0;
				     slab->nr_free != 0 && g < 1u << slab->order; g++)
					expected += !used[g];
			}
			memset(h.told, 0, sizeof(h.told));
			h.pages = 0;
			assert_int_equal(quarry_slab_reporting_run(q, s), expected);
			assert_int_equal(h.pages, expected);
			check(q);
			assert_int_equal(info(q, s).num_slabs, slabs);
			for (size_t i = 0; i < n; i++) {
				const unsigned char *o = p[i];

				if (o == NULL)
					continue;
				assert_false(is_told(&h, o, sizes[k]));
				assert_int_equal(o[0], (unsigned char)(i * 7 + 1));
				assert_int_equal(o[sizes[k] - 1], (unsigned char)(i * 7 + 1));
			}
			/* The holes are used as ever, and told again when they are there again. */
			for (size_t i = 0; i < n; i++)
				if (p[i] == NULL)
					take(q, s, &p[i], 1);
			memset(h.told, 0, sizeof(h.told));
			(void)quarry_slab_reporting_run(q, NULL);
			for (size_t i = 0; i < n; i++)
				assert_false(is_told(&h, p[i], sizes[k]));
			check(q);
			give(q, s, p, n);
			assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
		}
		finish(q);
	}
}

static void holes_ctor(void *object)
{
	memset(object, 0x5c, 1024);
}

/* What a free object holds counts for some; then nothing is told. Nor after the device's first error. */
static void test_holes_that_are_not_told(void **state)
{
	static const struct {
		uint32_t flags;
		bool ctor;
	} kinds[] = {{0, true}, {SLAB_TYPESAFE_BY_RCU, false}, {SLAB_POISON, false}, {0, false}};
	static struct holes h;
	const struct quarry_reporting_dev dev = {.report = throw_away, .ctx = &h};
	struct quarry *q = machine(64 * MIB, 1, 1);
	void *p[100];

	(void)state;
	h = (struct holes){.q = q};
	assert_int_equal(quarry_page_reporting_register(q, &dev), 0);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const struct kmem_cache_args args = {.ctor = kinds[k].ctor ? holes_ctor : NULL};
		struct kmem_cache *s = quarry_kmem_cache_create(
			q, "kind", 1024, kinds[k].flags | SLAB_NO_MERGE, &args);

		assert_non_null(s);
		take(q, s, p, 100);
		for (unsigned int i = 0; i < 100; i++)
			if (i % 8 != 0)
				give(q, s, &p[i], 1);
		quarry_kmem_cache_shrink(q, s);
		h.error = -5;
		h.calls = 0;
		assert_int_equal(quarry_slab_reporting_run(q, NULL), 0);
		assert_int_equal(h.calls, k == 3 ? 1 : 0);
		h.error = 0;
		assert_int_equal(quarry_slab_reporting_run(q, s) != 0, k == 3);
		check(q);
		for (unsigned int i = 0; i < 100; i += 8)
			give(q, s, &p[i], 1);
		assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
		quarry_rcu_run(q);
		quarry_rcu_run(q);
	}
	finish(q);
}

/* What frees need of an arena is made once, and kept. */
static void test_arenas_of_slabs_are_known(void **state)
{
	struct quarry *q = machine(64 * MIB, 2, 2);
	struct kmem_cache *s = cache(q, 1024);
	const struct slab_range *first[2];
	static void *p[2][200];

	(void)state;
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		const struct page_arena *a;

		quarry_posix_set_cpu(cpu);
		take(q, s, p[cpu], 1);
		a = page_arena_of(q->pages, page_of_addr(q, p[cpu][0]));
		first[cpu] = q->slabs->range[a->index];
		assert_non_null(first[cpu]);
		assert_int_equal(first[cpu]->nid, cpu);
		take(q, s, &p[cpu][1], 199);
		assert_ptr_equal(q->slabs->range[a->index], first[cpu]);
	}
	assert_ptr_not_equal(first[0], first[1]);
	give(q, s, p[0], 200);
	give(q, s, p[1], 200);
	finish(q);
}

/*
 * Records of every size, mixed: none of up to 64 objects lies across two lines of the CPU's cache, larger ones begin at
 * one, and what is skipped for that is given out next: of a piece nothing is lost but at its end.
 */
static void test_records_lie_in_lines(void **state)
{
	static const unsigned int sizes[] = {64, 32, 1024, 8, 16, 24, 128};
	struct quarry *q = machine(64 * MIB, 1, 1);
	const struct slab_store *store = &q->slabs->store;
	struct kmem_cache *s[7];
	static void *p[7][9000];
	unsigned long bytes = 0;
	struct slab *slab;
	uint32_t index = 0;

	(void)state;
	for (size_t k = 0; k < 7; k++)
		s[k] = cache(q, sizes[k]);
	for (size_t i = 0; i < 18; i++)
		for (size_t k = 0; k < 7; k++)
			take(q, s[k], &p[k][500 * i], 500);
	while ((slab = slab_store_next(q->slabs, &index)) != NULL) {
		unsigned int objects = slab_objects(slab_cache(q->slabs, slab->cache), slab);
		size_t size = sizeof(*slab) + (objects + 63) / 64 * 8;

		assert_true(((uintptr_t)slab & 63) + size <= 64 ||
			    (objects > 64 && ((uintptr_t)slab & 63) == 0));
		assert_int_equal(slab_granules_of(slab), (size + SLAB_GRANULE - 1) / SLAB_GRANULE);
		bytes += slab_granules_of(slab) * SLAB_GRANULE;
	}
	assert_true(store->piece > 8);
	assert_true(bytes > (store->piece - 1) * (SLAB_PIECE_BYTES - 256ul));
	check(q);
	for (size_t k = 0; k < 7; k++) {
		give(q, s[k], p[k], 9000);
		assert_int_equal(quarry_kmem_cache_destroy(q, s[k]), 0);
	}
	finish(q);
}

/* Records whose numbers lead past the first tables. */
static void test_records_of_a_million_slabs(void **state)
{
	struct quarry *q = machine(64 * MIB, 1, 1);
	struct kmem_cache *s = cache(q, 2048);
	struct slab_store *store = &q->slabs->store;
	uint32_t pieces, piece, index;
	static void *p[1000];
	unsigned int id;

	(void)state;
	take(q, s, p, 500);
	pieces = store->nr_pieces;
	piece = store->piece;
	/* As if all that the first tables hold were there. */
	store->nr_pieces = SLAB_FIRST_PIECES;
	store->piece = SLAB_FIRST_PIECES;
	take(q, s, &p[500], 500);
	assert_true(page_slab_of(q, p[999], &id, &index));
	assert_true(index >> SLAB_PIECE_SHIFT >= SLAB_FIRST_PIECES);
	assert_int_equal(slab_index(q->slabs, slab_record(q->slabs, index)), index);
	assert_null(store->top->entry[0]);
	assert_non_null(store->top->entry[1]);
	give(q, s, p, 1000);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	store->nr_pieces = pieces;
	store->piece = piece;
	memset(store->free, 0, sizeof(store->free)); /* some of those lie beyond again */
	finish(q);
}

/* Pieces and tables refused one after the other, where new tables are due; and where there can be no more records. */
static void test_records_when_tables_are_refused(void **state)
{
	static const uint32_t at[] = {SLAB_DIR_ENTRIES, SLAB_FIRST_PIECES, SLAB_MAX_PIECES - 1,
				      SLAB_MAX_PIECES};
	struct machine_spec spec = {.memory = {{0, 16 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .ram_bytes = 16 * MIB,
				    .budget = -1};

	(void)state;
	for (size_t k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
		bool none = at[k] == SLAB_MAX_PIECES;
		struct machine m;
		struct slab_store *store;
		unsigned long spent = 0;
		struct kmem_cache *s;
		void *p = NULL;

		machine_build(&m, &spec);
		s = cache(m.q, 2048);
		take(m.q, s, &p, 1);
		quarry_kmem_cache_free(m.q, s, p);
		quarry_kmem_cache_shrink(m.q, s);
		store = &m.q->slabs->store;
		store->nr_pieces = store->piece = at[k];
		memset(store->free, 0, sizeof(store->free));
		for (p = NULL; p == NULL && spent < 10; spent++) {
			unsigned long given = m.tables_given;

			m.q->slabs->pool->used = m.q->slabs->pool->size;
			m.budget = (long)(none ? 9 : spent != 0);
			p = quarry_kmem_cache_alloc(m.q, s, GFP_KERNEL | __GFP_NOWARN);
			assert_true(p != NULL || none || m.tables_given - given == (spent != 0));
			assert_true(p == NULL || store->spare == NULL);
			assert_int_equal(s->node[0].nr_slabs, p != NULL);
		}
		/* What was got for a try in vain is used by the next: a table at a time, then the piece. */
		assert_int_equal(spent, none ? 10 : k == 0 ? 3 : 5);
		m.budget = -1;
		if (p != NULL)
			assert_int_equal(store->nr_pieces, at[k] + (k == 2 ? 1 : 16));
		quarry_kmem_cache_free(m.q, s, p);
		machine_fini(&m);
	}
}

/*
 * What caches of every size reckon with, in every kind of machine: all that is not compared with Linux's numbers in
 * test_geometry. A change on purpose has another sum.
 */
static void test_every_size_reckons_as_it_did(void **state)
{
	static const struct quarry_boot_params params[] = {{0},
							   {.slab_colour = true},
							   {.slab_min_order = 2},
							   {.slab_min_objects = 40},
							   {.slab_max_order = 1},
							   {.sheaf_objects = 100}};
	static const uint32_t flags[] = {0, SLAB_HWCACHE_ALIGN, SLAB_TYPESAFE_BY_RCU,
					 SLAB_RECLAIM_ACCOUNT | SLAB_PANIC};
	uint64_t sum = 0;

	(void)state;
	for (size_t k = 0; k < sizeof(params) / sizeof(params[0]); k++) {
		struct quarry *q = machine_of(16 * MIB, 2, 1, params[k]);

		for (unsigned int size = 1; size < 20000;
		     size += k == 1 && size < 8000 ? 1 : size / 32 * 8 + 1) {
			struct kmem_cache *s = quarry_kmem_cache_create(
				q, "any", size, flags[size / 8 % 4] | SLAB_NO_MERGE, NULL);

			assert_non_null(s);
			slab_state_add_geometry(s, &sum);
			assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
		}
		finish(q);
	}
	slab_state_decided(sum, 0x67a6abbc4f12e46e);
}

/* ---- all decisions of a life ---- */

#define LIFE_HELD 1500

struct life {
	struct quarry *q;
	struct kmem_cache *s[3];
	uint64_t seed, sum;
	size_t held[3];
	void *obj[3][LIFE_HELD];
};

static uint32_t life_random(struct life *l, uint32_t below)
{
	l->seed = l->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((l->seed >> 33) % below);
}

/* Adds what the layer has decided so far: which objects it hands out, and all that it remembers. */
static void life_note(struct life *l, uint64_t value)
{
	l->sum ^= value;
	slab_state_add(l->q, &l->sum);
}

static void life_take(struct life *l, unsigned int k, size_t n)
{
	struct slab *slab;
	uint32_t number;

	for (; n != 0 && l->held[k] < LIFE_HELD; n--) {
		void *p = life_random(l, 8) != 0
				  ? quarry_kmem_cache_alloc(l->q, l->s[k], GFP_KERNEL)
				  : quarry_kmem_cache_alloc_node(l->q, l->s[k], GFP_KERNEL,
								 (int)life_random(l, 2));

		assert_non_null(p);
		assert_int_equal(slab_find(l->q, l->s[k], p, &slab, &number), SLAB_FAULT_NONE);
		l->sum = l->sum * 31 + number + 1000 * slab->node;
		l->obj[k][l->held[k]++] = p;
	}
}

static void life_give(struct life *l, unsigned int k, size_t n)
{
	bool any = life_random(l, 2) != 0;

	for (; n != 0 && l->held[k] != 0; n--) {
		size_t i = any ? life_random(l, (uint32_t)l->held[k]) : l->held[k] - 1;

		quarry_kmem_cache_free(l->q, l->s[k], l->obj[k][i]);
		l->obj[k][i] = l->obj[k][--l->held[k]];
	}
}

static void life_bulk(struct life *l, unsigned int k)
{
	size_t n = life_random(l, 100);

	if (l->held[k] + n > LIFE_HELD)
		return;
	assert_true(
		quarry_kmem_cache_alloc_bulk(l->q, l->s[k], GFP_KERNEL, n, &l->obj[k][l->held[k]]));
	if (life_random(l, 3) != 0)
		l->held[k] += n;
	else
		quarry_kmem_cache_free_bulk(l->q, l->s[k], n, &l->obj[k][l->held[k]]);
}

/*
 * One life of three caches on two nodes, of which every decision goes into a sum: which object is handed out, what
 * sheaves and depots keep, what goes back and when. A change of policy has another sum; no other change may have.
 */
static void test_decisions_are_as_they_were(void **state)
{
	static struct life l;
	unsigned int cpu = 0;

	(void)state;
	l = (struct life){.q = machine(64 * MIB, 3, 2), .seed = 9};
	l.s[0] = cache(l.q, 40);
	l.s[1] = cache(l.q, 700);
	l.s[2] = cache(l.q, 5000);
	for (unsigned int step = 0; step < 6000; step++) {
		unsigned int k = life_random(&l, 3), what = life_random(&l, 100);
		bool grow = (step / 400) % 2 == 0;

		if (life_random(&l, 6) == 0)
			quarry_posix_set_cpu(cpu = life_random(&l, 3));
		if (what < (grow ? 55u : 30u))
			life_take(&l, k, 1 + life_random(&l, 30));
		else if (what < 85)
			life_give(&l, k, 1 + life_random(&l, 40));
		else if (what < 93)
			life_bulk(&l, k);
		else if (what < 98)
			assert_int_equal(quarry_slab_reap(l.q, cpu), 0);
		else if (what == 98)
			life_note(&l, quarry_kmem_cache_shrink(l.q, l.s[k]));
		else if (step % 4 == 0)
			life_note(&l, quarry_drop_slab(l.q));
		life_note(&l, step);
		if (step % 100 == 0)
			check(l.q);
	}
	for (unsigned int k = 0; k < 3; k++) {
		life_give(&l, k, LIFE_HELD);
		life_note(&l, k);
	}
	finish(l.q);
	slab_state_decided(l.sum, 0x5272cd7659b29879);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S14_objects_of_other_nodes_go_home_in_batches),
		cmocka_unit_test(test_S14_one_sheaf_of_three_nodes),
		cmocka_unit_test(test_S14_same_node_is_home),
		cmocka_unit_test(test_S13_depot_starts_small_and_grows_when_cpus_meet),
		cmocka_unit_test(test_S13_depot_decays_to_the_working_set),
		cmocka_unit_test(test_S13_depot_follows_what_comes_and_goes),
		cmocka_unit_test(test_S13_sheaves_grow_under_traffic),
		cmocka_unit_test(test_S13_sheaves_of_large_objects_stay_small),
		cmocka_unit_test(test_S12_empty_slabs_that_were_wanted_again_are_kept),
		cmocka_unit_test(test_S11_double_free_in_a_batch_is_found),
		cmocka_unit_test(test_S11_double_free_among_neighbours),
		cmocka_unit_test(test_S16_reaping_spares_what_was_touched),
		cmocka_unit_test(test_S16_free_limit_follows_the_cpus),
		cmocka_unit_test(test_S16_free_limit_gives_slabs_back_at_free),
		cmocka_unit_test(test_S16_a_node_forgets_what_was_long_ago),
		cmocka_unit_test(test_S16_reap_refuses),
		cmocka_unit_test(test_S15_slabs_are_coloured_in_turn),
		cmocka_unit_test(test_S15_colour_changes_no_geometry_and_no_report),
		cmocka_unit_test(test_shrinker_counts_what_could_go),
		cmocka_unit_test(test_shrinker_empties_caches_under_pressure),
		cmocka_unit_test(test_pressure_lets_a_request_succeed),
		cmocka_unit_test(test_movers_empty_sparse_slabs),
		cmocka_unit_test(test_movers_leave_what_is_pinned),
		cmocka_unit_test(test_movers_need_a_constructor),
		cmocka_unit_test(test_holes_in_slabs_are_told),
		cmocka_unit_test(test_holes_that_are_not_told),
		cmocka_unit_test(test_S7_cpu_that_leaves_gives_its_objects_back),
		cmocka_unit_test(test_S1_node_that_comes_later),
		cmocka_unit_test(test_arenas_of_slabs_are_known),
		cmocka_unit_test(test_records_lie_in_lines),
		cmocka_unit_test(test_records_of_a_million_slabs),
		cmocka_unit_test(test_records_when_tables_are_refused),
		cmocka_unit_test(test_every_size_reckons_as_it_did),
		cmocka_unit_test(test_decisions_are_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
