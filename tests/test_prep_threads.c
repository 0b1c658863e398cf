/* SPDX-License-Identifier: MIT */
/*
 * Debugging aids with CPUs in parallel: owners, poison, failures by will, counts by zone. At the end of
 * each round the totals by place are those of the blocks that are held, no page is lost and none was
 * written to while it was free.
 */
#include <page/internal.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

#define THREADS 4
#define BLOCKS 60
#define STEPS 1500

static const struct machine_spec spec = {
	.memory = {{1 * MACHINE_MIB, 64 * MACHINE_MIB, 0},
		   {64 * MACHINE_MIB, 128 * MACHINE_MIB, 1}},
	.ram_bytes = 128 << 20,
	.concurrent = true,
	.boot = {.nr_cpus = THREADS},
};

static const struct quarry_page_site sites[THREADS] = {{"thread.c", "zero", 0},
						       {"thread.c", "one", 1},
						       {"thread.c", "two", 2},
						       {"thread.c", "three", 3}};

struct worker {
	struct machine *m;
	unsigned int cpu;
	uint64_t seed, got, gave; /* pages */
	struct page *page[BLOCKS];
	unsigned int order[BLOCKS];
};

static void *work(void *arg)
{
	struct worker *w = arg;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int step = 0; step < STEPS; step++) {
		uint64_t r = machine_random(&w->seed);
		unsigned int i = (unsigned int)(r % BLOCKS);

		if (w->page[i] != NULL) {
			quarry_free_pages(w->m->q, w->page[i], w->order[i]);
			w->gave += 1ull << w->order[i];
			w->page[i] = NULL;
			continue;
		}
		w->order[i] = (unsigned int)(r >> 20) % 5;
		w->page[i] = quarry_alloc_pages_at(w->m->q, GFP_KERNEL | __GFP_NOWARN, w->order[i],
						   &sites[w->cpu]);
		if (w->page[i] == NULL)
			continue;
		w->got += 1ull << w->order[i];
		memset(quarry_page_address(w->m->q, w->page[i]), (int)w->cpu,
		       QUARRY_PAGE_SIZE << w->order[i]);
		if (step % 100 == 0)
			quarry_drain_all_pages(w->m->q);
	}
	return NULL;
}

static void compare(struct worker *w, struct machine *m)
{
	struct quarry_page_site_info info;
	struct quarry_page_debug_info found;

	for (unsigned int t = 0; t < THREADS; t++) {
		uint64_t bytes = 0, blocks = 0;
		bool seen = false;

		for (unsigned int i = 0; i < BLOCKS; i++) {
			blocks += w[t].page[i] != NULL;
			bytes += w[t].page[i] != NULL ? QUARRY_PAGE_SIZE << w[t].order[i] : 0;
		}
		for (unsigned int i = 0; !seen && quarry_page_site(m->q, i, &info); i++)
			seen = info.site == &sites[t];
		assert_true(seen);
		assert_int_equal(info.live_blocks, blocks);
		assert_int_equal(info.live_bytes, bytes);
	}
	quarry_page_debug_info(m->q, &found);
	assert_int_equal(found.poison_found, 0);
	assert_int_equal(found.owner_lost, 0);
	assert_int_equal(m->reports, 0);
}

static void owners_in_parallel(void **state)
{
	struct worker w[THREADS] = {0};
	uint64_t got = 0, gave = 0, served = 0, pgalloc = 0;
	struct quarry_page_debug_info info;
	pthread_t thread[THREADS];
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(quarry_page_debug(m.q, "page_owner=on page_poison=1 "
						"fail_page_alloc=1,2,0,-1 "
						"fail_page_alloc.min-order=0 "
						"fail_page_alloc.ignore-gfp-wait=N"),
			 0);
	for (int round = 0; round < 3; round++) {
		for (unsigned int t = 0; t < THREADS; t++) {
			w[t].m = &m;
			w[t].cpu = t;
			w[t].seed = 100u * (unsigned int)round + t + 1;
			assert_int_equal(pthread_create(&thread[t], NULL, work, &w[t]), 0);
		}
		for (unsigned int t = 0; t < THREADS; t++)
			pthread_join(thread[t], NULL);
		quarry_posix_set_cpu(0);
		machine_check(&m);
		compare(w, &m);
	}
	quarry_page_debug_info(m.q, &info);
	assert_true(info.injected > 0);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FAULT_INJECTED), info.injected);
	for (unsigned int t = 0; t < THREADS; t++) {
		got += w[t].got;
		gave += w[t].gave;
	}
	for (unsigned int z = 0; z < QUARRY_NR_ZONES; z++) {
		struct quarry_numa_stat n[2];

		quarry_zone_numa(m.q, 0, (enum quarry_zone_type)z, &n[0]);
		quarry_zone_numa(m.q, 1, (enum quarry_zone_type)z, &n[1]);
		served += n[0].hit + n[0].miss + n[1].hit + n[1].miss;
		assert_int_equal(n[0].hit + n[0].miss, n[0].local + n[0].other);
		assert_int_equal(n[1].hit + n[1].miss, n[1].local + n[1].other);
		pgalloc += quarry_pgalloc(m.q, (enum quarry_zone_type)z);
	}
	assert_int_equal(pgalloc, got);
	assert_int_equal(quarry_pgfree(m.q), gave + m.q->pages->handed_over);
	assert_true(served <= got && served > got / 16);
	for (unsigned int t = 0; t < THREADS; t++) {
		for (unsigned int i = 0; i < BLOCKS; i++)
			quarry_free_pages(m.q, w[t].page[i], w[t].order[i]);
	}
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(owners_in_parallel)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
