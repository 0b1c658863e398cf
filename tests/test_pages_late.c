/* SPDX-License-Identifier: MIT */
/*
 * Frees in random order (P6): the CPU writes blocks down and looks at them some at a time. What is counted, what is
 * reported, and when it must not be so.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

#define PAGES 12000u

static const struct machine_spec spec = {
	.memory = {{0, 8 * MACHINE_GIB, 0}},
	.boot = {.nr_cpus = 2},
};

static struct page *held[PAGES];
static uint64_t seed = 0x9e3779b97f4a7c15u;

static struct page_cpu *cpu0(struct machine *m)
{
	return m->q->pages->cpu[0];
}

static void take(struct machine *m, unsigned int n, unsigned int order)
{
	for (unsigned int i = 0; i < n; i++) {
		held[i] = quarry_alloc_pages(m->q, GFP_HIGHUSER_MOVABLE, order);
		assert_non_null(held[i]);
	}
	for (unsigned int i = n; i > 1; i--) {
		unsigned int j = (unsigned int)(machine_random(&seed) % i);
		struct page *page = held[i - 1];

		held[i - 1] = held[j];
		held[j] = page;
	}
}

static void give(struct machine *m, unsigned int from, unsigned int to, unsigned int order)
{
	for (unsigned int i = from; i < to; i++)
		quarry_free_pages(m->q, held[i], order);
}

/* Until the CPU writes down what is freed; returns how many of @n that took. */
static unsigned int give_until_late(struct machine *m, unsigned int n, unsigned int order)
{
	unsigned int i = 0;

	while (i < n && cpu0(m)->nr_late == 0)
		quarry_free_pages(m->q, held[i++], order);
	assert_true(i < n);
	assert_true(cpu0(m)->late_on);
	return i;
}

static void build(struct machine *m)
{
	machine_build(m, &spec);
	quarry_posix_set_cpu(0);
}

/* All is free again, once. */
static void finish(struct machine *m, unsigned long free, unsigned int reports)
{
	quarry_drain_all_pages(m->q);
	assert_int_equal(cpu0(m)->nr_late, 0);
	assert_int_equal(machine_free_pages(m), free);
	assert_int_equal(m->reports, reports);
	machine_check(m);
	machine_fini(m);
}

#define HUGE QUARRY_PAGEBLOCK_ORDER
#define BLOCKS 400u

/* All of BLOCKS are taken; some are given back, so many that others are written down. Returns how many. */
static unsigned int give_huge_until_late(struct machine *m)
{
	unsigned int i = 0;

	take(m, BLOCKS, HUGE);
	while (i < BLOCKS / 2 && cpu0(m)->nr_late_huge < PAGE_LATE_HUGE / 2)
		quarry_free_pages(m->q, held[i++], HUGE);
	assert_int_equal(cpu0(m)->nr_late, PAGE_LATE_HUGE / 2);
	assert_true(cpu0(m)->late_huge_on);
	return i;
}

static void P6_random_frees_are_looked_at_some_at_a_time(void **state)
{
	struct machine m;
	unsigned long free;

	(void)state;
	for (unsigned int order = 0; order < PAGE_PCP_ORDERS; order++) {
		unsigned int n = PAGES >> order, most = 0;
		uint64_t freed;

		build(&m);
		free = machine_free_pages(&m);
		take(&m, n, order);
		freed = quarry_pgfree(m.q);
		for (unsigned int i = 0; i < n; i++) {
			quarry_free_pages(m.q, held[i], order);
			if (cpu0(&m)->nr_late > most)
				most = cpu0(&m)->nr_late;
			if (i % 97 == 0)
				machine_check(&m);
			if (i % 1013 == 0) /* those that are not looked at count too */
				assert_int_equal(quarry_pgfree(m.q) - freed, (uint64_t)(i + 1)
										     << order);
		}
		assert_true(most >= PAGE_LATE / 2 && most <= PAGE_LATE);
		finish(&m, free, 0);
	}
}

static void P6_neighbours_end_it(void **state)
{
	unsigned int i, n = PAGES / 2;
	struct machine m;
	unsigned long free;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	take(&m, n, 0);
	i = give_until_late(&m, n, 0);
	give(&m, i, n, 0);
	assert_true(cpu0(&m)->late_on);
	for (i = 0; i < n; i++) {
		held[i] = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0);
		assert_non_null(held[i]);
	}
	give(&m, 0, n, 0);
	assert_false(cpu0(&m)->late_on);
	finish(&m, free, 0);
}

/* A host's report that uses the allocator, as one that writes to a file may. */
static struct {
	struct quarry *q;
	unsigned int reports, more;
	char first[256];
} teller;

static void tell(void *ctx, const char *line)
{
	struct page *page = quarry_alloc_pages(teller.q, GFP_KERNEL, 3);
	unsigned int more = 0;

	(void)ctx;
	if (teller.reports++ == 0)
		snprintf(teller.first, sizeof(teller.first), "%s", line);
	if (sscanf(line, "page: and %u more that were not to be freed", &more) == 1)
		teller.more += more - 1;
	assert_non_null(page);
	quarry_free_pages(teller.q, page, 3);
	quarry_drain_all_pages(teller.q);
}

/* Late blocks with something wrong are told when the CPU has come out, one at a time or with how many there were. */
static void P6_late_blocks_are_told_outside_the_lock(void **state)
{
	static const char *const says[] = {"is not allocated",
					   "is a block of order 0, freed as order 1",
					   "belongs to a slab cache", "foreign descriptor"};
	static uint64_t foreign[64] = {~(uint64_t)0};

	(void)state;
	for (unsigned int k = 0; k < 2 * 4; k++) {
		struct machine_spec spec_k = spec;
		struct page *page, *odd[6];
		unsigned int n, nr = k % 3 == 2 ? 6 : 1;
		struct machine m;
		void *p;

		spec_k.concurrent = k / 4 != 0;
		machine_build(&m, &spec_k);
		quarry_posix_set_cpu(0);
		take(&m, PAGES, 0);
		n = give_until_late(&m, PAGES, 0);
		p = quarry_kmalloc(m.q, 64, GFP_KERNEL);
		assert_non_null(p);
		page = k % 4 == 2   ? quarry_virt_to_page(m.q, p)
		       : k % 4 == 3 ? (struct page *)(void *)&foreign[8]
				    : held[n];
		if (k % 4 == 0)
			quarry_free_pages(m.q, held[n++], 0);
		for (unsigned int i = 0; i < nr; i++)
			odd[i] = page;
		teller.q = m.q;
		teller.reports = teller.more = 0;
		m.q->port.report = tell;
		for (unsigned int i = 0; i < nr; i++)
			quarry_free_pages(m.q, odd[i], k % 4 == 1);
		assert_int_equal(teller.reports, 0);
		give(&m, n + (k % 4 == 1), PAGES, 0);
		quarry_drain_all_pages(m.q);
		assert_int_equal(teller.reports + teller.more, nr);
		if (strstr(teller.first, says[k % 4]) == NULL)
			fail_msg("%s, expected %s", teller.first, says[k % 4]);
		if (k % 4 == 1)
			quarry_free_pages(m.q, page, 0);
		quarry_kfree(m.q, p);
		machine_check(&m);
		machine_fini(&m);
	}
}

static void P6_double_free_is_told_late_and_does_no_harm(void **state)
{
	struct machine m;
	unsigned long free;
	unsigned int i;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	take(&m, PAGES, 0);
	i = give_until_late(&m, PAGES, 0);
	quarry_free_pages(m.q, held[i], 0);
	quarry_free_pages(m.q, held[i], 0);
	quarry_free_pages(m.q, held[i + 1], 0);
	quarry_free_pages(m.q, held[i], 0);
	assert_int_equal(m.reports, 0);
	give(&m, i + 2, PAGES, 0);
	assert_int_equal(m.reports, 2);
	assert_non_null(strstr(m.last_report, "not allocated"));
	finish(&m, free, 2);
}

static void P6_wrong_orders_and_references_are_minded(void **state)
{
	struct machine m;
	unsigned long free;
	struct page *huge;
	unsigned int i;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	huge = quarry_alloc_pages(m.q, GFP_KERNEL, 3);
	assert_non_null(huge);
	take(&m, PAGES, 0);
	i = give_until_late(&m, PAGES, 0);
	quarry_free_pages(m.q, NULL, 0);
	quarry_free_pages(m.q, huge, 0);
	quarry_free_pages(m.q, huge + 1, 0);
	quarry_get_page(m.q, held[i]);
	quarry_free_pages(m.q, held[i], 0); /* one of two references */
	assert_false(quarry_put_page_unless_last(m.q, held[i]));
	assert_int_equal(quarry_page_count(m.q, held[i]), 1);
	assert_int_equal(m.reports, 2);
	assert_int_equal(quarry_page_count(m.q, huge), 1);
	quarry_free_pages(m.q, huge, 3);
	give(&m, i, PAGES, 0);
	finish(&m, free, 2);
}

static void P6_what_is_isolated_meanwhile_stays_out(void **state)
{
	struct machine m;
	unsigned long free;
	unsigned int i;
	pfn_t start;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	take(&m, PAGES, 0);
	i = give_until_late(&m, PAGES, 0);
	give(&m, i, PAGES, 0);
	assert_int_not_equal(cpu0(&m)->nr_late, 0);
	/* All of it is free, though the last one is not looked at yet. */
	start = quarry_page_to_pfn(m.q, held[PAGES - 1]) & ~(pfn_t)(QUARRY_PAGEBLOCK_PAGES - 1);
	assert_int_equal(quarry_start_isolate_page_range(m.q, start, start + QUARRY_PAGEBLOCK_PAGES,
							 QUARRY_MIGRATE_MOVABLE, 0),
			 0);
	machine_check(&m);
	assert_int_equal(machine_free_pages(&m), free - QUARRY_PAGEBLOCK_PAGES);
	quarry_undo_isolate_page_range(m.q, start, start + QUARRY_PAGEBLOCK_PAGES);
	finish(&m, free, 0);
}

static bool refuse(void *ctx, struct page *page)
{
	(void)ctx;
	(void)page;
	return false;
}

static int fail_to_move(void *ctx, struct page *dst, struct page *src)
{
	(void)ctx;
	(void)dst;
	(void)src;
	return -QUARRY_EBUSY;
}

static void put_back(void *ctx, struct page *page)
{
	(void)ctx;
	(void)page;
}

static void P6_nothing_is_late_while_owners_move_pages(void **state)
{
	static const struct quarry_mover mover = {refuse, fail_to_move, put_back};
	struct machine m;
	unsigned long free;
	unsigned int i;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	take(&m, PAGES, 0);
	i = give_until_late(&m, PAGES, 0);
	assert_int_equal(quarry_register_mover(m.q, &mover, NULL), 1);
	assert_int_equal(cpu0(&m)->nr_late, 0);
	for (; i < PAGES; i++) {
		quarry_free_pages(m.q, held[i], 0);
		assert_int_equal(cpu0(&m)->nr_late, 0);
	}
	finish(&m, free, 0);
}

/* Also if all was looked at a moment before, but the CPU still writes down; single pages, then pageblocks. */
static void P6_nothing_becomes_late_once_owners_move_pages(void **state)
{
	static const struct quarry_mover mover = {refuse, fail_to_move, put_back};

	(void)state;
	for (unsigned int k = 0; k < 2; k++) {
		const unsigned int order = k == 0 ? 0 : HUGE, n = k == 0 ? PAGES : BLOCKS;
		struct quarry_totals totals;
		struct machine m;
		unsigned long free;
		unsigned int i;

		build(&m);
		free = machine_free_pages(&m);
		if (k == 0)
			take(&m, PAGES, 0);
		i = k == 0 ? give_until_late(&m, PAGES, 0) : give_huge_until_late(&m);
		quarry_totals(m.q, &totals); /* counts what is late */
		assert_int_equal(cpu0(&m)->nr_late, 0);
		assert_int_equal(quarry_register_mover(m.q, &mover, NULL), 1);
		for (; i < n; i++) {
			quarry_free_pages(m.q, held[i], order);
			assert_int_equal(cpu0(&m)->nr_late, 0);
		}
		finish(&m, free, 0);
	}
}

/* A CPU that leaves, and one whose sheaves another one empties. */
static void P6_others_find_what_is_late(void **state)
{
	struct machine m;
	unsigned long free;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	take(&m, PAGES, 0);
	give(&m, give_until_late(&m, PAGES, 0), PAGES - 3, 0);
	quarry_posix_set_cpu(1);
	quarry_drain_pages(m.q, 0);
	assert_int_equal(cpu0(&m)->nr_late, 0);
	assert_int_equal(machine_free_pages(&m), free - 3);
	machine_check(&m);
	give(&m, PAGES - 3, PAGES, 0);
	finish(&m, free, 0);
}

/* Who wants to see every free sees those from then on. */
static void P6_features_end_it(void **state)
{
	struct machine m;
	unsigned long free;
	unsigned int i;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	take(&m, PAGES, 0);
	i = give_until_late(&m, PAGES, 0);
	page_set_feature(m.q, PAGE_FEATURE_SCOPE, true);
	assert_int_equal(cpu0(&m)->nr_late, 0);
	give(&m, i, PAGES, 0);
	assert_int_equal(cpu0(&m)->nr_late, 0);
	page_set_feature(m.q, PAGE_FEATURE_SCOPE, false);
	finish(&m, free, 0);
}

/* Blocks out of the reserves may be freed as all others are, though their words look odd. */
static void P6_late_blocks_of_the_reserves_go_back(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < 2; k++) {
		struct machine_spec other = spec;
		struct machine m;
		unsigned long free;
		unsigned int i;

		other.concurrent = k != 0;
		machine_build(&m, &other);
		quarry_posix_set_cpu(0);
		free = machine_free_pages(&m);
		take(&m, PAGES, 0);
		i = give_until_late(&m, PAGES, 0);
		give(&m, i, i + 20, 0);
		for (unsigned int n = 0; n < cpu0(&m)->nr_late; n += 2)
			((struct page *)(uintptr_t)cpu0(&m)->late[n])->word |= PAGE_WORD_PFMEMALLOC;
		give(&m, i + 20, PAGES, 0);
		finish(&m, free, 0);
	}
}

/* ---- whole pageblocks ---- */

static void P6_whole_pageblocks_are_looked_at_some_at_a_time(void **state)
{
	struct machine m;
	unsigned long free;
	unsigned int i, most = 0;
	uint64_t freed;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	freed = quarry_pgfree(m.q);
	i = give_huge_until_late(&m);
	for (; i < BLOCKS; i++) {
		quarry_free_pages(m.q, held[i], HUGE);
		most = quarry_max(most, (unsigned int)cpu0(&m)->nr_late_huge);
		assert_true(cpu0(&m)->nr_late_huge < PAGE_LATE_HUGE);
		if (i % 31 == 0)
			machine_check(&m);
		if (i % 37 == 0)
			assert_int_equal(quarry_pgfree(m.q) - freed, (uint64_t)(i + 1) << HUGE);
	}
	assert_int_equal(most, PAGE_LATE_HUGE - 1);
	assert_int_equal(quarry_pgfree(m.q) - freed, (uint64_t)BLOCKS << HUGE);
	finish(&m, free, 0);
}

/* Who asks for one frees no more than he takes. */
static void P6_a_request_ends_it_for_pageblocks(void **state)
{
	struct machine m;
	unsigned long free;
	unsigned int i, taken = 0;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	i = give_huge_until_late(&m);
	while (cpu0(&m)->late_huge_on)
		held[taken++] = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, HUGE);
	assert_true(taken <= i);
	assert_int_equal(cpu0(&m)->nr_late_huge, PAGE_LATE_HUGE / 2); /* they stay a while */
	give(&m, 0, taken, HUGE);
	give(&m, i, BLOCKS, HUGE);
	finish(&m, free, 0);
}

/* One alone, among single pages or not. */
static void P6_one_pageblock_is_late(void **state)
{
	struct machine m;
	unsigned long free;
	unsigned int i;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	i = give_huge_until_late(&m);
	quarry_drain_all_pages(m.q);
	assert_int_equal(cpu0(&m)->nr_late_huge, 0);
	cpu0(&m)->late_huge_on = true; /* as after many of them */
	quarry_free_pages(m.q, held[i], HUGE);
	assert_int_equal(cpu0(&m)->nr_late_huge, 1);
	quarry_drain_all_pages(m.q);
	assert_int_equal(cpu0(&m)->nr_late_huge, 0);
	machine_check(&m);
	give(&m, i + 1, BLOCKS, HUGE);
	finish(&m, free, 0);
}

static void P6_pageblocks_are_told_late_and_do_no_harm(void **state)
{
	struct machine m;
	unsigned long free;
	unsigned int i;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	i = give_huge_until_late(&m);
	quarry_free_pages(m.q, held[i - 1], HUGE);          /* it is late */
	quarry_free_pages(m.q, held[0], HUGE);              /* it went long ago */
	quarry_free_pages(m.q, held[BLOCKS - 1] + 8, HUGE); /* inside a block */
	quarry_free_pages(m.q, NULL, HUGE);
	quarry_get_page(m.q, held[BLOCKS - 2]);
	quarry_free_pages(m.q, held[BLOCKS - 2], HUGE); /* not the last reference */
	assert_int_equal(quarry_page_count(m.q, held[BLOCKS - 2]), 1);
	assert_int_equal(cpu0(&m)->nr_late, 0); /* it was looked at for that */
	assert_int_equal(m.reports, 3);
	give(&m, i, BLOCKS, HUGE);
	finish(&m, free, 3);
}

/* Single pages and pageblocks, whose places in the list change. */
static void P6_pageblocks_among_pages(void **state)
{
	static struct page *block[40];
	struct machine m;
	unsigned long free;
	unsigned int i, k, most = 0;

	(void)state;
	build(&m);
	free = machine_free_pages(&m);
	for (k = 0; k < 40; k++)
		assert_non_null(block[k] = quarry_alloc_pages(m.q, GFP_KERNEL, HUGE));
	take(&m, PAGES, 0);
	i = give_until_late(&m, PAGES, 0);
	cpu0(&m)->late_huge_on = true; /* as after many of them */
	for (k = 0; k < 40; k++) {
		for (unsigned int n = 0; n < (k % 5) * (k % 5); n++)
			quarry_free_pages(m.q, held[i++], 0);
		quarry_free_pages(m.q, block[k], HUGE);
		most = quarry_max(most, cpu0(&m)->nr_late);
		machine_check(&m);
		cpu0(&m)->late_on = true; /* the check has looked at all */
		cpu0(&m)->late_huge_on = k % 7 != 6;
	}
	assert_true(most > 1);
	for (; i < PAGES; i++) {
		quarry_free_pages(m.q, held[i], 0);
		if (i % 3 == 0 && k > 0 && k-- != 0) {
			block[k] = quarry_alloc_pages(m.q, GFP_KERNEL, HUGE);
			assert_non_null(block[k]);
			cpu0(&m)->late_huge_on = true;
			quarry_free_pages(m.q, block[k], HUGE);
		}
	}
	finish(&m, free, 0);
}

/* A page that is found damaged while its pageblock is late is not handed out again. */
static void P6_a_late_pageblock_that_is_damaged(void **state)
{
	struct machine m;
	unsigned int i;
	pfn_t pfn;

	(void)state;
	build(&m);
	i = give_huge_until_late(&m);
	pfn = quarry_page_to_pfn(m.q, held[i - 1]) + 9;
	assert_int_equal(quarry_memory_failure(m.q, pfn, QUARRY_MF_SW_SIMULATED), 0);
	assert_int_equal(cpu0(&m)->nr_late, 0);
	assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_POISONED);
	give(&m, i, BLOCKS, HUGE);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(P6_random_frees_are_looked_at_some_at_a_time),
		cmocka_unit_test(P6_neighbours_end_it),
		cmocka_unit_test(P6_late_blocks_of_the_reserves_go_back),
		cmocka_unit_test(P6_late_blocks_are_told_outside_the_lock),
		cmocka_unit_test(P6_double_free_is_told_late_and_does_no_harm),
		cmocka_unit_test(P6_wrong_orders_and_references_are_minded),
		cmocka_unit_test(P6_what_is_isolated_meanwhile_stays_out),
		cmocka_unit_test(P6_nothing_is_late_while_owners_move_pages),
		cmocka_unit_test(P6_nothing_becomes_late_once_owners_move_pages),
		cmocka_unit_test(P6_others_find_what_is_late),
		cmocka_unit_test(P6_features_end_it),
		cmocka_unit_test(P6_whole_pageblocks_are_looked_at_some_at_a_time),
		cmocka_unit_test(P6_a_request_ends_it_for_pageblocks),
		cmocka_unit_test(P6_one_pageblock_is_late),
		cmocka_unit_test(P6_pageblocks_are_told_late_and_do_no_harm),
		cmocka_unit_test(P6_pageblocks_among_pages),
		cmocka_unit_test(P6_a_late_pageblock_that_is_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
