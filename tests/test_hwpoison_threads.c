/* SPDX-License-Identifier: MIT */
/* Damage is told while other CPUs take ranges of pages, and blocks, out of the same pageblocks. */
#include <quarry/quarry.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "machine_build.h"

#define MIB MACHINE_MIB
#define FIRST ((pfn_t)4096) /* the pageblocks at work */
#define PAGES 4096u
#define RANGES 2000u

struct worker {
	struct machine *m;
	uint32_t done;
	unsigned long ranges, refused, wrong;
};

/* Takes ranges while the other thread tells damage. */
static void *take_ranges(void *arg)
{
	struct worker *w = arg;
	struct quarry *q = w->m->q;
	uint64_t seed = 5;

	quarry_posix_set_cpu(1);
	for (unsigned int i = 0; i < RANGES; i++) {
		pfn_t start = FIRST + machine_random(&seed) % 512;
		unsigned long nr = 1 + machine_random(&seed) % (PAGES - 512);
		int err = quarry_alloc_contig_range(q, start, start + nr, QUARRY_MIGRATE_MOVABLE,
						    GFP_KERNEL);

		if (err == 0)
			quarry_free_contig_range(q, start, nr);
		w->ranges += err == 0;
		w->refused += err == -QUARRY_EBUSY;
		w->wrong += err != 0 && err != -QUARRY_EBUSY;
	}
	__atomic_store_n(&w->done, 1u, __ATOMIC_RELEASE);
	return NULL;
}

/* 2b, hwpoison and alloc_contig_range: damage found in a range that is being taken refuses the range. */
static void damage_in_a_range(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MIB, 0}}, .concurrent = true, .boot = {.nr_cpus = 2}};
	struct quarry_totals totals;
	struct machine m;
	uint64_t seed = 1;
	struct worker w = {.m = &m};
	pthread_t thread;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(pthread_create(&thread, NULL, take_ranges, &w), 0);
	while (__atomic_load_n(&w.done, __ATOMIC_ACQUIRE) == 0) {
		pfn_t pfn = FIRST + machine_random(&seed) % PAGES;
		int err = quarry_memory_failure(m.q, pfn, QUARRY_MF_SW_SIMULATED);

		assert_true(err == 0 || err == -QUARRY_EBUSY);
		assert_true(quarry_page_is_poisoned(m.q, pfn));
		assert_int_equal(quarry_unpoison_memory(m.q, pfn), 0);
	}
	pthread_join(thread, NULL);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	assert_int_equal(w.wrong, 0);
	assert_true(w.ranges > 0);
	quarry_totals(m.q, &totals);
	assert_int_equal(totals.free, totals.managed);
	assert_int_equal(quarry_num_poisoned_pages(m.q), 0);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(damage_in_a_range)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
