/* SPDX-License-Identifier: MIT */
/*
 * Policy under threads: two CPUs take and give back blocks of all types under pressure, so that types are mixed,
 * zones boosted and highatomic pageblocks reserved and given back, while a third writes tunables, turns
 * pageblocks into CMA and back, and takes boosts away. Afterwards every count is exact and no page is lost.
 */
#include <page/internal.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

#define HELD 600u
#define STEPS 20000u

struct policy {
	struct machine m;
	atomic_uint running, taken, refused;
};

struct policy_worker {
	struct policy *p;
	unsigned int cpu, n;
	struct page *page[HELD];
	unsigned int order[HELD];
};

static void *work(void *arg)
{
	static const gfp_t gfps[] = {GFP_KERNEL,           GFP_KERNEL | __GFP_RECLAIMABLE,
				     GFP_HIGHUSER_MOVABLE, GFP_HIGHUSER_MOVABLE,
				     GFP_ATOMIC,           GFP_ATOMIC,
				     GFP_NOWAIT,           GFP_KERNEL | __GFP_DMA};
	struct policy_worker *w = arg;
	struct quarry *q = w->p->m.q;
	uint64_t seed = w->cpu + 1;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < STEPS; i++) {
		uint64_t x = machine_random(&seed);
		unsigned int order = (unsigned int)(x >> 8 & 7), k;

		if (w->n < HELD && (x & 63) < (i / 2000 % 2 != 0 ? 26u : 44u)) {
			w->page[w->n] = quarry_alloc_pages(q, gfps[x >> 16 & 7], order);
			w->order[w->n] = order;
			atomic_fetch_add(w->page[w->n] != NULL ? &w->p->taken : &w->p->refused, 1);
			w->n += w->page[w->n] != NULL;
		} else if (w->n > 0) {
			k = (unsigned int)(x >> 32) % w->n;
			quarry_free_pages(q, w->page[k], w->order[k]);
			w->n--;
			w->page[k] = w->page[w->n];
			w->order[k] = w->order[w->n];
		}
	}
	while (w->n > 0) {
		w->n--;
		quarry_free_pages(q, w->page[w->n], w->order[w->n]);
	}
	atomic_fetch_sub(&w->p->running, 1);
	return NULL;
}

static void turn_pageblock(struct quarry *q, pfn_t pfn, unsigned int type)
{
	struct page_arena *a = memmap_arena(q->pages, pfn);
	quarry_pin_t pin;

	if (a == NULL)
		return;
	pin = arena_lock(q, a);
	if (a->virgin)
		arena_unfold(q, a);
	arena_set_type(q, a, (unsigned int)((pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER), type);
	arena_unlock(q, a, pin);
}

static void *rule(void *arg)
{
	static const struct {
		const char *name, *value[4];
	} tunables[] = {
		{"min_free_kbytes", {"0", "1000", "2000", "4000"}},
		{"watermark_scale_factor", {"1", "10", "100", "300"}},
		{"watermark_boost_factor", {"0", "15000", "15000", "5000"}},
		{"lowmem_reserve_ratio", {"0", "256", "8", "32"}},
		{"percpu_pagelist_high_fraction", {"0", "8", "16", "100"}},
		{"defrag_mode", {"0", "1", "0", "1"}},
		{"transparent_hugepage/enabled", {"never", "always", "never", "never"}},
	};
	struct policy *p = arg;
	struct quarry *q = p->m.q;
	char text[QUARRY_SYSCTL_SIZE];
	struct quarry_zone_info info;
	uint64_t seed = 99;

	quarry_posix_set_cpu(2);
	while (atomic_load(&p->running) != 0) {
		uint64_t x = machine_random(&seed);
		unsigned int k = (unsigned int)(x >> 8) % 7;

		quarry_sysctl_set(q, tunables[k].name, tunables[k].value[x & 3]);
		quarry_sysctl_get(q, tunables[k].name, text, sizeof(text));
		turn_pageblock(q, (pfn_t)(x >> 16) % 16384,
			       (x >> 32 & 1) != 0 ? QUARRY_MIGRATE_CMA : QUARRY_MIGRATE_MOVABLE);
		for (unsigned int i = 0; i < q->pages->nr_zones; i++)
			watermark_boost_decay(q, &q->pages->zone[i],
					      (unsigned long)(x >> 40 & 1023));
		quarry_zone_info(q, 0, QUARRY_ZONE_NORMAL, &info);
		if ((x >> 50 & 15) == 0)
			watermark_update(q);
	}
	return NULL;
}

static void policy_changes_under_way(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0}},
		.concurrent = true,
		.boot = {.nr_cpus = 3, .dma32_limit = 24 * MACHINE_MIB, .min_free_kbytes = 1000},
	};
	static struct policy p;
	static struct policy_worker w[2];
	struct quarry_totals totals;
	pthread_t thread[3];

	(void)state;
	machine_build(&p.m, &spec);
	atomic_store(&p.running, 2);
	for (unsigned int i = 0; i < 2; i++) {
		w[i].p = &p;
		w[i].cpu = i;
		assert_int_equal(pthread_create(&thread[i], NULL, work, &w[i]), 0);
	}
	assert_int_equal(pthread_create(&thread[2], NULL, rule, &p), 0);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	quarry_drain_all_pages(p.m.q);
	machine_check(&p.m);
	quarry_totals(p.m.q, &totals);
	assert_int_equal(totals.free, totals.managed);
	print_message(
		"%u taken, %u refused; %llu claimed, %llu stolen, %llu boosts, %llu reserved\n",
		atomic_load(&p.taken), atomic_load(&p.refused),
		(unsigned long long)totals.fallback_claimed,
		(unsigned long long)totals.fallback_stolen,
		(unsigned long long)quarry_vm_event(p.m.q, QUARRY_VM_WATERMARK_BOOST),
		(unsigned long long)quarry_vm_event(p.m.q, QUARRY_VM_HIGHATOMIC_RESERVE));
	assert_true(totals.fallback_claimed > 0);
	assert_int_equal(p.m.reports, 0);
	machine_fini(&p.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_changes_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
