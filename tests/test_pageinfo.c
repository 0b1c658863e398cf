/* SPDX-License-Identifier: MIT */
/* Questions about pages and pageblocks, and references without an order: P1, P5, P9, P19. */
#include <quarry/quarry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_hoard.h"

static const struct machine_spec two_nodes = {
	.memory = {{0, 32 * MIB, 0}, {40 * MIB, 64 * MIB, 1}},
	.boot = {.nr_cpus = 2, .nr_nodes = 3, .dma32_limit = ~(phys_addr_t)0},
};

static void where_a_page_lies(void **state)
{
	enum quarry_zone_type zone;
	struct page *page;
	struct machine m;
	int nid;

	(void)state;
	machine_build(&m, &two_nodes);
	assert_true(quarry_pfn_zone(m.q, 0, &nid, &zone));
	assert_int_equal(nid, 0);
	assert_int_equal(zone, QUARRY_ZONE_DMA);
	assert_true(quarry_pfn_zone(m.q, 40 * MIB / PAGE, &nid, &zone));
	assert_int_equal(nid, 1);
	assert_int_equal(zone, QUARRY_ZONE_NORMAL);
	assert_true(quarry_pfn_zone(m.q, 0, NULL, NULL));
	assert_false(quarry_pfn_zone(m.q, 36 * MIB / PAGE, NULL, NULL));
	assert_false(quarry_pfn_zone(m.q, ~(pfn_t)0 >> QUARRY_PAGE_SHIFT, NULL, NULL));
	page = quarry_alloc_pages_node(m.q, 1, GFP_KERNEL, 0);
	assert_int_equal(quarry_page_nid(m.q, page), 1);
	assert_int_equal(quarry_page_zone(m.q, page), QUARRY_ZONE_NORMAL);
	quarry_free_pages(m.q, page, 0);
	page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, 0);
	assert_int_equal(quarry_page_zone(m.q, page), QUARRY_ZONE_DMA);
	quarry_free_pages(m.q, page, 0);
	assert_int_equal(quarry_cpu_nid(m.q, 0, false), 0);
	assert_int_equal(quarry_cpu_nid(m.q, 1, false), 1);
	assert_int_equal(quarry_cpu_nid(m.q, 1, true), 1);
	assert_int_equal(quarry_cpu_nid(m.q, 2, true), QUARRY_NO_NODE);
	machine_fini(&m);
}

/* A descriptor for every frame, also where nobody has allocated yet; none where there is no memory. */
static void P1_descriptors_on_demand(void **state)
{
	struct machine_spec spec = two_nodes;
	struct page *page;
	struct machine m;

	(void)state;
	spec.port = MACHINE_COUNTED;
	spec.budget = -1;
	machine_build(&m, &spec);
	assert_null(quarry_pfn_to_page(m.q, 50 * MIB / PAGE));
	m.budget = 0;
	assert_null(quarry_describe_pfn(m.q, 50 * MIB / PAGE)); /* no table, nothing changed */
	machine_check(&m);
	m.budget = -1;
	page = quarry_describe_pfn(m.q, 50 * MIB / PAGE + 3);
	assert_non_null(page);
	assert_ptr_equal(quarry_pfn_to_page(m.q, 50 * MIB / PAGE + 3), page);
	assert_ptr_equal(quarry_describe_pfn(m.q, 50 * MIB / PAGE + 3), page);
	assert_int_equal(quarry_page_to_pfn(m.q, page), 50 * MIB / PAGE + 3);
	assert_int_equal(quarry_page_nid(m.q, page), 1);
	machine_check(&m);
	/* A pageblock that is used otherwise: in an arena that has a table by now. */
	assert_non_null(quarry_describe_pfn(m.q, 60 * MIB / PAGE));
	assert_null(quarry_describe_pfn(m.q, 36 * MIB / PAGE));
	assert_null(quarry_describe_pfn(m.q, 1 * GIB / PAGE));
	exhaust_and_return(&m);
	machine_fini(&m);
}

static void P19_references_without_an_order(void **state)
{
	struct page *page, *tail;
	struct machine m;

	(void)state;
	machine_build(&m, &two_nodes);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 3);
	tail = page + 5;
	assert_ptr_equal(quarry_page_head(m.q, tail), page);
	assert_ptr_equal(quarry_page_head(m.q, page), page);
	assert_int_equal(quarry_page_order(m.q, page), 3);
	assert_int_equal(quarry_page_order(m.q, tail), 3);
	assert_false(quarry_put_page_unless_last(m.q, page));
	quarry_get_page(m.q, page);
	assert_int_equal(quarry_page_count(m.q, page), 2);
	assert_true(quarry_put_page_unless_last(m.q, page));
	assert_false(quarry_put_page_unless_last(m.q, page));
	assert_int_equal(m.reports, 0);
	quarry_get_page(m.q, page);
	quarry_put_page(m.q, page);
	assert_int_equal(quarry_page_count(m.q, page), 1);
	quarry_put_page(m.q, page);
	assert_int_equal(quarry_page_count(m.q, page), 0);
	assert_int_equal(m.reports, 0);
	assert_false(quarry_put_page_unless_last(m.q, page));
	assert_int_equal(m.reports, 1);
	quarry_put_page(m.q, page); /* once too often */
	assert_int_equal(m.reports, 2);
	quarry_drain_all_pages(m.q);
	assert_int_equal(quarry_page_order(m.q, page), 0);
	assert_ptr_equal(quarry_page_head(m.q, tail), tail);
	machine_check(&m);
	assert_int_equal(machine_free_pages(&m), managed_pages(&m));
	machine_fini(&m);
}

/* Every free block that there is, found frame by frame, is one of those counted. */
static void assert_blocks_by_frame(struct machine *m, pfn_t end)
{
	unsigned long counted[QUARRY_NR_ORDERS], found[QUARRY_NR_ORDERS] = {0};

	quarry_drain_all_pages(m->q);
	machine_free_blocks(m, counted);
	for (pfn_t pfn = 0; pfn < end; pfn++) {
		int order = quarry_free_block_order(m->q, pfn);

		if (order >= 0)
			found[order]++;
	}
	machine_assert_same_blocks(found, counted);
}

static void P5_free_blocks_by_frame(void **state)
{
	struct hoard h = {0};
	uint64_t seed = 3;
	struct machine m;

	(void)state;
	machine_build(&m, &two_nodes);
	assert_blocks_by_frame(&m, 64 * MIB / PAGE); /* virgin */
	for (unsigned int i = 0; i < 400; i++) {
		uint64_t x = machine_random(&seed);
		unsigned int order = (unsigned int)(x % 5);
		struct page *page =
			quarry_alloc_pages_node(m.q, (int)(x >> 32 & 1), GFP_KERNEL, order);

		assert_non_null(page);
		if ((x >> 40 & 1) != 0)
			hoard_add(&h, page, order);
		else
			quarry_free_pages(m.q, page, order);
	}
	assert_blocks_by_frame(&m, 64 * MIB / PAGE);
	hoard_free(&m, &h);
	assert_blocks_by_frame(&m, 64 * MIB / PAGE);
	assert_int_equal(quarry_free_block_order(m.q, 36 * MIB / PAGE), -1);
	assert_int_equal(quarry_free_block_order(m.q, 1 * GIB / PAGE), -1);
	machine_fini(&m);
}

static void P9_type_of_a_pageblock(void **state)
{
	const pfn_t pfn = 48 * MIB / PAGE;
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	machine_build(&m, &two_nodes);
	assert_int_equal(quarry_pageblock_type(m.q, pfn), QUARRY_MIGRATE_MOVABLE);
	assert_int_equal(quarry_pageblock_type(m.q, 1 * GIB / PAGE), -QUARRY_ENOENT);
	assert_int_equal(quarry_zone_free_pages(m.q, 1, QUARRY_ZONE_NORMAL), 6144);
	assert_int_equal(quarry_zone_free_pages(m.q, 2, QUARRY_ZONE_NORMAL), 0);
	assert_int_equal(quarry_zone_free_pages(m.q, 3, QUARRY_ZONE_NORMAL), 0);
	assert_int_equal(quarry_set_pageblock_type(m.q, pfn + 700, QUARRY_MIGRATE_RECLAIMABLE), 0);
	machine_check(&m);
	assert_int_equal(quarry_pageblock_type(m.q, pfn), QUARRY_MIGRATE_MOVABLE);
	assert_int_equal(quarry_pageblock_type(m.q, pfn + 512), QUARRY_MIGRATE_RECLAIMABLE);
	assert_true(quarry_zone_info(m.q, 1, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_RECLAIMABLE], 1);
	assert_int_equal(info.free, 6144);
	assert_int_equal(quarry_set_pageblock_type(m.q, pfn, QUARRY_MIGRATE_UNMOVABLE), 0);
	machine_check(&m);
	assert_int_equal(quarry_set_pageblock_type(m.q, pfn, QUARRY_MIGRATE_ISOLATE),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_set_pageblock_type(m.q, 1 * GIB / PAGE, QUARRY_MIGRATE_MOVABLE),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_set_pageblock_type(m.q, pfn, QUARRY_MIGRATE_MOVABLE), 0);
	assert_int_equal(quarry_set_pageblock_type(m.q, pfn + 512, QUARRY_MIGRATE_MOVABLE), 0);
	machine_check(&m);
	machine_fini(&m);
}

/* A pageblock in one question, before and after a page of it is taken; none where there is no memory. */
static void P9_what_a_pageblock_looks_like(void **state)
{
	struct quarry_pageblock_info info = {.nr_free = 77};
	struct page *page;
	struct machine m;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &two_nodes);
	assert_false(quarry_pageblock_info(m.q, 36 * MIB / PAGE, &info));
	assert_int_equal(info.nr_free, 77);
	assert_true(quarry_pageblock_info(m.q, 40 * MIB / PAGE + 513, &info));
	assert_int_equal(info.pfn, 40 * MIB / PAGE + 512);
	assert_int_equal(info.nid, 1);
	assert_int_equal(info.zone, QUARRY_ZONE_NORMAL);
	assert_int_equal(info.type, QUARRY_MIGRATE_MOVABLE);
	assert_int_equal(info.nr_free, 512);
	assert_true(info.untouched);
	for (unsigned int i = 0, n = info.nr_alike; i < n; i++) {
		struct quarry_pageblock_info next;

		assert_true(quarry_pageblock_info(m.q, info.pfn + 512 * i, &next));
		assert_int_equal(next.nr_alike, n - i);
		assert_int_equal(next.nr_free, 512);
		assert_int_equal(next.type, info.type);
	}
	page = quarry_alloc_pages_node(m.q, 1, GFP_KERNEL, 4);
	pfn = quarry_page_to_pfn(m.q, page);
	assert_true(quarry_pageblock_info(m.q, pfn, &info));
	assert_int_equal(info.nr_alike, 1);
	assert_int_equal(info.type, QUARRY_MIGRATE_UNMOVABLE);
	assert_int_equal(info.type, quarry_pageblock_type(m.q, pfn));
	assert_false(info.untouched);
	assert_int_equal(info.nr_free, 512 - 16);
	for (pfn_t p = 0; p < 512; p++)
		assert_int_equal(info.free[p / 64] >> p % 64 & 1,
				 quarry_pfn_state(m.q, info.pfn + p, NULL) == QUARRY_PAGE_FREE);
	quarry_free_pages(m.q, page, 4);
	assert_true(quarry_pageblock_info(m.q, pfn, &info));
	assert_int_equal(info.nr_free, 512);
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_a_page_lies),
		cmocka_unit_test(P1_descriptors_on_demand),
		cmocka_unit_test(P19_references_without_an_order),
		cmocka_unit_test(P5_free_blocks_by_frame),
		cmocka_unit_test(P9_type_of_a_pageblock),
		cmocka_unit_test(P9_what_a_pageblock_looks_like),
	};

	return cmocka_run_group_tests_name("pageinfo", tests, NULL, NULL);
}
