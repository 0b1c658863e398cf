/* SPDX-License-Identifier: MIT */
/*
 * Pages that come back and are free already, by their bits: whichever call finds them has told it when it returns, once,
 * and nothing waits to be told by another.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

#define PAGES 3000u

static struct page *held[PAGES];

static void build(struct machine *m, phys_addr_t end, bool concurrent)
{
	const struct machine_spec spec = {
		.memory = {{0, end, 0}}, .concurrent = concurrent, .boot = {.nr_cpus = 2}};

	machine_build(m, &spec);
}

/* Damage: the bit of the page that @pfn names says that it is free. */
static void set_bit(struct machine *m, pfn_t pfn)
{
	struct page_arena *a = memmap_arena(m->q->pages, pfn);
	size_t offset = (size_t)(pfn - a->base_pfn);

	a->bits[offset >> QUARRY_PAGEBLOCK_ORDER][(offset >> 6) % PAGE_WORDS] |= (uint64_t)1
										 << offset % 64;
	a->pb[offset >> QUARRY_PAGEBLOCK_ORDER].nr_free++;
}

/* @reports in all, and no more to come. */
static void told(struct machine *m, unsigned int reports)
{
	assert_int_equal(m->q->pages->again.n + m->q->pages->again.lost, 0);
	assert_int_equal(m->reports, reports);
}

static void take(struct machine *m, unsigned int n, unsigned int order, bool shuffle)
{
	uint64_t seed = 1;

	for (unsigned int i = 0; i < n; i++)
		assert_non_null(held[i] = quarry_alloc_pages(m->q, GFP_HIGHUSER_MOVABLE, order));
	for (unsigned int i = n; shuffle && i > 1; i--) {
		unsigned int j = (unsigned int)(machine_random(&seed) % i);
		struct page *page = held[i - 1];

		held[i - 1] = held[j];
		held[j] = page;
	}
}

/* Each of many frees, of which some are of pages that are free by then. */
static void frees(phys_addr_t end, bool concurrent, unsigned int order, bool shuffle)
{
	unsigned int n = order < PAGE_PCP_ORDERS ? 1200u >> order : 12;
	struct machine m;

	build(&m, end, concurrent);
	take(&m, n, order, shuffle);
	for (unsigned int i = 5; i < n; i += 9)
		set_bit(&m, quarry_page_to_pfn(m.q, held[i]));
	for (unsigned int i = 0; i < n; i++) {
		quarry_free_pages(m.q, held[i], order);
		told(&m, m.reports);
	}
	quarry_drain_all_pages(m.q);
	told(&m, m.reports);
	assert_true(m.reports != 0);
	machine_fini(&m);
}

static void test_frees(void **state)
{
	(void)state;
	for (unsigned int order = 0; order <= QUARRY_PAGEBLOCK_ORDER; order++) {
		for (unsigned int k = 0; k < 4; k++) {
			frees(64 * MACHINE_MIB, k % 2 != 0, order, k / 2 != 0);
			frees(4 * MACHINE_GIB, k % 2 != 0, order, k / 2 != 0);
		}
	}
}

/* ---- blocks that were written down, and are looked at by somebody else ---- */

static void by_drain(struct quarry *q)
{
	quarry_drain_pages(q, 0);
}

static void by_count(struct quarry *q)
{
	(void)quarry_page_count(q, held[PAGES - 1]);
}

static void by_zone(struct quarry *q)
{
	struct quarry_zone_info info;

	assert_true(quarry_zone_info(q, 0, QUARRY_ZONE_NORMAL, &info));
}

static void by_cpu(struct quarry *q)
{
	(void)quarry_pageset_count(q, 0, QUARRY_ZONE_NORMAL, 0);
}

static void by_event(struct quarry *q)
{
	(void)quarry_pgfree(q);
}

static void by_owner(struct quarry *q)
{
	assert_int_equal(quarry_page_debug(q, "page_owner=1"), 0);
}

static bool no_isolate(void *ctx, struct page *page)
{
	(void)ctx;
	(void)page;
	return false;
}

static int no_migrate(void *ctx, struct page *dst, struct page *src)
{
	(void)ctx;
	(void)dst;
	(void)src;
	return -QUARRY_EBUSY;
}

static void no_putback(void *ctx, struct page *page)
{
	(void)ctx;
	(void)page;
}

static void by_mover(struct quarry *q)
{
	static const struct quarry_mover mover = {no_isolate, no_migrate, no_putback};

	assert_int_equal(quarry_register_mover(q, &mover, NULL), 1);
}

static void by_leaving(struct quarry *q)
{
	quarry_posix_set_cpu(1);
	assert_int_equal(quarry_cpu_offline(q, 0), 0);
}

static void late(void (*way)(struct quarry *q), bool concurrent)
{
	struct machine m;
	unsigned int i = 0;

	build(&m, 8 * MACHINE_GIB, concurrent);
	take(&m, PAGES, 0, true);
	while (i < PAGES - 1 && m.q->pages->cpu[0]->nr_late == 0)
		quarry_free_pages(m.q, held[i++], 0);
	assert_true(i < PAGES - 1);
	set_bit(&m, quarry_page_to_pfn(m.q, held[i - 1]));
	told(&m, 0);
	way(m.q);
	told(&m, 1);
	machine_fini(&m);
}

static void test_late_blocks(void **state)
{
	static void (*const ways[])(struct quarry * q) = {by_drain, by_count, by_zone,  by_cpu,
							  by_event, by_owner, by_mover, by_leaving};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		late(ways[i], false);
		late(ways[i], true);
	}
}

/* ---- pageblocks that are the host's for a while ---- */

static int accept_badly(void *ctx, phys_addr_t phys, phys_addr_t size_bytes)
{
	struct machine *m = ctx;

	(void)size_bytes;
	if (quarry_stage(m->q) == QUARRY_STAGE_SLAB)
		set_bit(m, phys >> QUARRY_PAGE_SHIFT);
	return 0;
}

static void test_accepted(void **state)
{
	static const struct quarry_range range = {4 * MACHINE_MIB, 60 * MACHINE_MIB};
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
		.accept = accept_badly,
		.boot = {.nr_cpus = 1, .unaccepted = &range, .nr_unaccepted = 1}};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	for (unsigned int i = 0; i < PAGES && m.reports == 0; i++) {
		(void)!quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		told(&m, m.reports);
	}
	assert_true(m.reports != 0);
	machine_fini(&m);
}

static int report_badly(void *ctx, const struct quarry_range *ranges, unsigned int n)
{
	(void)n;
	set_bit(ctx, ranges[0].start >> QUARRY_PAGE_SHIFT);
	return 0;
}

static void test_reported(void **state)
{
	struct quarry_reporting_dev dev = {.report = report_badly};
	struct machine m;

	(void)state;
	build(&m, 256 * MACHINE_MIB, false);
	dev.ctx = &m;
	quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_KERNEL, 0), 0);
	assert_int_equal(quarry_page_reporting_register(m.q, &dev), 0);
	(void)quarry_page_reporting_run(m.q);
	told(&m, m.reports);
	assert_true(m.reports != 0);
	machine_fini(&m);
}

static void test_unpoisoned(void **state)
{
	struct machine m;
	pfn_t pfn;

	(void)state;
	build(&m, 64 * MACHINE_MIB, false);
	take(&m, 2, 0, false);
	pfn = quarry_page_to_pfn(m.q, held[1]);
	quarry_free_pages(m.q, held[1], 0);
	assert_int_equal(quarry_memory_failure(m.q, pfn, QUARRY_MF_SW_SIMULATED), 0);
	set_bit(&m, pfn);
	assert_int_equal(quarry_unpoison_memory(m.q, pfn), 0);
	told(&m, 1);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frees),      cmocka_unit_test(test_late_blocks),
		cmocka_unit_test(test_accepted),   cmocka_unit_test(test_reported),
		cmocka_unit_test(test_unpoisoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
