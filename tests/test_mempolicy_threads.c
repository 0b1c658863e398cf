/* SPDX-License-Identifier: MIT */
/*
 * Section 2b, NUMA policies: CPUs that share one interleave policy. Each turn is one request's, so
 * after whole rounds every node has given its exact share. Runs under ThreadSanitizer too.
 */
#include <quarry/quarry.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "machine_build.h"

#define WORKERS 3
#define PAGES 600

struct worker {
	pthread_t thread;
	struct machine *m;
	struct quarry_mempolicy *pol;
	unsigned int cpu;
	size_t nr[3];
};

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct page *pages[PAGES];

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < PAGES; i += 2) {
		pages[i] = quarry_alloc_pages_mpol(w->m->q, GFP_KERNEL, 0, w->pol,
						   QUARRY_MPOL_NO_INDEX, QUARRY_NO_NODE);
		if (quarry_alloc_pages_bulk_mpol(w->m->q, GFP_KERNEL, w->pol, 1, &pages[i + 1]) !=
		    1)
			pages[i + 1] = NULL;
	}
	for (unsigned int i = 0; i < PAGES; i++) {
		if (pages[i] == NULL)
			continue;
		w->nr[quarry_page_to_pfn(w->m->q, pages[i]) / 4096]++;
		quarry_free_pages(w->m->q, pages[i], 0);
	}
	return NULL;
}

static void shares_are_exact_with_threads(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 16 * MACHINE_MIB, 0},
			   {16 * MACHINE_MIB, 32 * MACHINE_MIB, 1},
			   {32 * MACHINE_MIB, 48 * MACHINE_MIB, 2}},
		.concurrent = true,
		.boot = {.nr_cpus = WORKERS,
			 .nr_nodes = 3,
			 .dma_limit = ~(phys_addr_t)0,
			 .dma32_limit = ~(phys_addr_t)0},
	};
	static const size_t weight[3] = {3, 1, 2};
	struct worker w[WORKERS] = {0};
	struct quarry_mempolicy pol;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	for (int nid = 0; nid < 3; nid++)
		assert_int_equal(quarry_mpol_set_weight(m.q, nid, (unsigned int)weight[nid]), 0);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_WEIGHTED_INTERLEAVE, 0, 7), 0);
	for (unsigned int i = 0; i < WORKERS; i++) {
		w[i].m = &m;
		w[i].pol = &pol;
		w[i].cpu = i;
		assert_int_equal(pthread_create(&w[i].thread, NULL, worker_main, &w[i]), 0);
	}
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(w[i].thread, NULL);
	for (int nid = 0; nid < 3; nid++)
		assert_int_equal(w[0].nr[nid] + w[1].nr[nid] + w[2].nr[nid],
				 WORKERS * PAGES / 6 * weight[nid]);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_NUMA_INTERLEAVE), WORKERS * PAGES);
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_exact_with_threads),
	};

	return cmocka_run_group_tests_name("mempolicy-threads", tests, NULL, NULL);
}
