/* SPDX-License-Identifier: MIT */
/* Isolation of pageblocks and ranges taken as they lie (P3, P9, 2b "alloc_contig_range", "page isolation"). */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "owner.h"
#include "text.h"

#define PAGES(mib) ((size_t)(mib)*256)
#define ALL (GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC)
#define MOVABLE QUARRY_MIGRATE_MOVABLE

static const struct machine_spec m32 = {
	.memory = {{0, 32 * MACHINE_MIB, 0}},
	.ram_bytes = 32 << 20,
	.boot = {.nr_cpus = 2, .dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
};

/* 2 MiB of node 0 with a hole, a border between nodes inside a GiB, and a movable zone. */
static const struct machine_spec odd = {
	.memory = {{0, 12 * MACHINE_MIB, 0},
		   {16 * MACHINE_MIB, 32 * MACHINE_MIB, 0},
		   {32 * MACHINE_MIB, 64 * MACHINE_MIB, 1}},
	.reserved = {{4 * MACHINE_MIB, 4 * MACHINE_MIB + 8192, 0}},
	.boot = {.dma_limit = 8 * MACHINE_MIB, .dma32_limit = ~(phys_addr_t)0},
};

static unsigned int type_at(struct machine *m, pfn_t pfn)
{
	struct page_arena *a = memmap_arena(m->q->pages, pfn);

	return a->virgin || a->empty ? a->type
				     : a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER].type;
}

static void check(struct machine *m, struct owner *o)
{
	machine_check(m);
	if (owner_check(o) != 0)
		fail_msg("the owner found %lu faults, %lu of them calls", owner_check(o), o->wrong);
}

static void zone(struct machine *m, struct quarry_zone_info *info)
{
	assert_true(quarry_zone_info(m->q, 0, QUARRY_ZONE_NORMAL, info));
}

/* ---- isolation ---- */

/* P3, P9: isolated pages are not given out, do not count as free, and merge with none of another type. */
static void isolated_pageblocks_are_out_of_reach(void **state)
{
	struct quarry_zone_info info;
	struct page *page, *held;
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS], free;
	struct machine m;
	size_t n = 0;

	(void)state;
	machine_build(&m, &m32);
	machine_free_blocks(&m, before);
	free = machine_free_pages(&m);
	/* [3, 5) pageblocks: two order-10 pairs lose a half each. */
	assert_int_equal(
		quarry_start_isolate_page_range(m.q, 3 * 512 + 100, 4 * 512 + 1, MOVABLE, 0), 0);
	machine_check(&m);
	zone(&m, &info);
	assert_int_equal(info.isolated, 1024);
	assert_int_equal(info.free, free - 1024);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_ISOLATE], 2);
	assert_int_equal(info.nr_free_type[QUARRY_MIGRATE_ISOLATE][9], 2);
	assert_int_equal(info.nr_free[10], before[10] - 2);
	assert_int_equal(info.nr_free[9], before[9] + 4);
	assert_int_equal(quarry_test_pages_isolated(m.q, 3 * 512, 5 * 512, 0), 0);
	assert_int_equal(quarry_test_pages_isolated(m.q, 3 * 512, 5 * 512 + 1, 0), -QUARRY_EBUSY);
	assert_int_equal(quarry_test_pages_isolated(m.q, 3 * 512 - 1, 5 * 512, 0), -QUARRY_EBUSY);
	held = NULL;
	while ((page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_MEMALLOC, 0)) != NULL) {
		pfn_t pfn = quarry_page_to_pfn(m.q, page);

		assert_true(pfn < 3 * 512 || pfn >= 5 * 512);
		*(struct page **)quarry_page_address(m.q, page) = held;
		held = page;
		n++;
	}
	assert_int_equal(n, free - 1024);
	machine_check(&m);
	quarry_undo_isolate_page_range(m.q, 0, 32 * 256); /* others stay as they are */
	machine_check(&m);
	while (held != NULL) {
		page = held;
		held = *(struct page **)quarry_page_address(m.q, page);
		quarry_free_pages(m.q, page, 0);
	}
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	machine_free_blocks(&m, after);
	machine_assert_same_blocks(before, after);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* Types come back: of each pageblock its own. What is freed meanwhile joins the isolated. */
static void types_come_back(void **state)
{
	struct quarry_zone_info info;
	struct machine m;
	struct page *page;
	unsigned int type;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &m32);
	page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_RECLAIMABLE, 2);
	pfn = quarry_page_to_pfn(m.q, page) & ~(pfn_t)511;
	type = type_at(&m, pfn);
	assert_int_equal(type, QUARRY_MIGRATE_RECLAIMABLE);
	/* It cannot be isolated for what is in it; but with a range beside that. */
	assert_int_equal(quarry_start_isolate_page_range(m.q, pfn, pfn + 512, MOVABLE, 0),
			 -QUARRY_EBUSY);
	assert_int_equal(type_at(&m, pfn), type);
	assert_int_equal(
		quarry_start_isolate_page_range(m.q, pfn + 256, pfn + 512 + 256, MOVABLE, 0), 0);
	assert_int_equal(type_at(&m, pfn), QUARRY_MIGRATE_ISOLATE);
	assert_int_equal(type_at(&m, pfn + 512), QUARRY_MIGRATE_ISOLATE);
	machine_check(&m);
	assert_int_equal(quarry_test_pages_isolated(m.q, pfn, pfn + 512, 0), -QUARRY_EBUSY);
	assert_int_equal(quarry_test_pages_isolated(m.q, pfn + 256, pfn + 512, 0), 0);
	quarry_free_pages(m.q, page, 2);
	quarry_drain_all_pages(m.q); /* it may be in a sheaf */
	assert_int_equal(quarry_test_pages_isolated(m.q, pfn, pfn + 512, 0), 0);
	zone(&m, &info);
	assert_int_equal(info.isolated, 1024);
	machine_check(&m);
	/* Again: refused, and nothing of it is undone by the refusal. */
	assert_int_equal(quarry_start_isolate_page_range(m.q, pfn + 2048, pfn + 2049, MOVABLE, 0),
			 0);
	assert_int_equal(quarry_start_isolate_page_range(m.q, pfn + 1024, pfn + 2049, MOVABLE, 0),
			 -QUARRY_EBUSY);
	assert_int_equal(type_at(&m, pfn + 1024), QUARRY_MIGRATE_MOVABLE);
	assert_int_equal(type_at(&m, pfn + 1536), QUARRY_MIGRATE_MOVABLE);
	assert_int_equal(type_at(&m, pfn + 2048), QUARRY_MIGRATE_ISOLATE);
	quarry_undo_isolate_page_range(m.q, pfn, pfn + 1);
	assert_int_equal(type_at(&m, pfn), type);
	assert_int_equal(type_at(&m, pfn + 512), QUARRY_MIGRATE_ISOLATE);
	quarry_undo_isolate_page_range(m.q, pfn, pfn + 2560);
	assert_int_equal(type_at(&m, pfn + 512), type); /* a pair was claimed */
	assert_int_equal(type_at(&m, pfn + 2048), QUARRY_MIGRATE_MOVABLE);
	machine_check(&m);
	machine_fini(&m);
}

static void expect_unmovable(struct machine *m, pfn_t start, pfn_t end,
			     enum quarry_migratetype type, pfn_t pfn,
			     enum quarry_unmovable_reason reason)
{
	struct quarry_unmovable why = {~(pfn_t)0, QUARRY_UNMOVABLE_NONE};

	assert_true(quarry_has_unmovable_pages(m->q, start, end, type, 0, &why));
	assert_int_equal(why.pfn, pfn);
	assert_int_equal(why.reason, reason);
	assert_true(quarry_has_unmovable_pages(m->q, start, end, type, 0, NULL));
	assert_int_not_equal(quarry_start_isolate_page_range(m->q, start, end, type, 0), 0);
	machine_check(m);
}

static void what_cannot_be_moved_is_named(void **state)
{
	struct quarry_unmovable why;
	struct page *page;
	struct machine m;
	pfn_t pfn, slab;
	void *object;

	(void)state;
	machine_build(&m, &odd);
	assert_false(quarry_has_unmovable_pages(m.q, 2048, 3072, MOVABLE, 0, &why));
	assert_int_equal(why.reason, QUARRY_UNMOVABLE_NONE);
	/* Reserved at boot; in a pageblock without descriptors, and in one with. */
	expect_unmovable(&m, 0, 2048, MOVABLE, 1024, QUARRY_UNMOVABLE_RESERVED);
	expect_unmovable(&m, 1025, 2048, MOVABLE, 1025, QUARRY_UNMOVABLE_RESERVED);
	/* Holes, and beyond the end. */
	expect_unmovable(&m, 2560, 4096, MOVABLE, 3072, QUARRY_UNMOVABLE_RESERVED);
	expect_unmovable(&m, 16128, 16640, MOVABLE, 16384, QUARRY_UNMOVABLE_RESERVED);
	assert_int_equal(quarry_start_isolate_page_range(m.q, 16128, 16640, MOVABLE, 0),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_start_isolate_page_range(m.q, 2048, 2048, MOVABLE, 0),
			 -QUARRY_EINVAL);
	/* A block without a mover, asked for from its head and from inside. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 5);
	pfn = quarry_page_to_pfn(m.q, page);
	expect_unmovable(&m, pfn & ~(pfn_t)511, (pfn & ~(pfn_t)511) + 512, MOVABLE, pfn,
			 QUARRY_UNMOVABLE_ALLOCATED);
	expect_unmovable(&m, pfn + 7, pfn + 8, MOVABLE, pfn + 7, QUARRY_UNMOVABLE_ALLOCATED);
	quarry_free_pages(m.q, page, 5);
	object = quarry_kmalloc(m.q, 2000, GFP_KERNEL);
	slab = quarry_physical(m.q, object) >> QUARRY_PAGE_SHIFT & ~(pfn_t)511;
	assert_true(quarry_has_unmovable_pages(m.q, slab, slab + 512, MOVABLE, 0, &why));
	assert_int_equal(why.reason, QUARRY_UNMOVABLE_SLAB);
	quarry_kfree(m.q, object);
	/* Not for CMA. */
	expect_unmovable(&m, 2048, 3072, QUARRY_MIGRATE_CMA, 2048, QUARRY_UNMOVABLE_TYPE);
	/* A block of order 10 that reaches in from the pageblock before. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 10);
	pfn = quarry_page_to_pfn(m.q, page);
	expect_unmovable(&m, pfn + 600, pfn + 601, MOVABLE, pfn + 600, QUARRY_UNMOVABLE_ALLOCATED);
	quarry_free_pages(m.q, page, 10);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* In ZONE_MOVABLE all blocks pass, as in Linux; whether they go is seen when they are moved. */
static void movable_zone_is_trusted(void **state)
{
	struct machine_spec spec = m32;
	struct machine m;
	struct page *page;
	pfn_t pfn;

	(void)state;
	spec.boot.movablecore = 16 * MACHINE_MIB;
	machine_build(&m, &spec);
	page = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0);
	pfn = quarry_page_to_pfn(m.q, page);
	assert_true(pfn >= PAGES(16));
	assert_false(quarry_has_unmovable_pages(m.q, pfn, pfn + 1, MOVABLE, 0, NULL));
	assert_int_equal(quarry_alloc_contig_range(m.q, pfn, pfn + 1, MOVABLE, GFP_KERNEL),
			 -QUARRY_EBUSY);
	assert_int_equal(type_at(&m, pfn), QUARRY_MIGRATE_MOVABLE);
	machine_check(&m);
	quarry_free_pages(m.q, page, 0);
	assert_int_equal(quarry_alloc_contig_range(m.q, pfn, pfn + 1, MOVABLE, GFP_KERNEL), 0);
	quarry_free_contig_range(m.q, pfn, 1);
	machine_check(&m);
	machine_fini(&m);
}

/* No room for descriptors: nothing is isolated, as with any failure. */
static void without_tables_nothing_is_isolated(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 8 * MACHINE_MIB, 0},
			   {MACHINE_GIB - 4 * MACHINE_MIB, MACHINE_GIB + 4 * MACHINE_MIB, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};
	pfn_t border = MACHINE_GIB >> QUARRY_PAGE_SHIFT;
	unsigned long free;

	(void)state;
	for (long budget = 0; budget <= 2; budget++) {
		struct machine m;
		int err;

		machine_build(&m, &spec);
		free = machine_free_pages(&m);
		m.budget = budget;
		err = quarry_alloc_contig_range(m.q, border - 700, border + 700, MOVABLE,
						GFP_KERNEL);
		assert_int_equal(err, budget < 2 ? -QUARRY_ENOMEM : 0);
		m.budget = -1;
		machine_check(&m);
		for (pfn_t pfn = border - 1024; pfn < border + 1024; pfn += 512)
			assert_int_equal(type_at(&m, pfn), QUARRY_MIGRATE_MOVABLE);
		if (err == 0)
			quarry_free_contig_range(m.q, border - 700, 1400);
		quarry_drain_all_pages(m.q);
		assert_int_equal(machine_free_pages(&m), free);
		machine_fini(&m);
	}
}

/* ---- ranges ---- */

static void ranges_are_taken_and_given_back(void **state)
{
	static const struct {
		pfn_t start, end;
	} ranges[] = {{0, 1}, {511, 513}, {512, 1024}, {1000, 5000}, {0, 8192}, {8191, 8192}};
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
	struct quarry_totals totals;
	struct machine m;

	(void)state;
	machine_build(&m, &m32);
	/* With tables outside nothing else is in use but what caches took at boot. */
	machine_free_blocks(&m, before);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		pfn_t start = ranges[i].start, end = ranges[i].end;
		unsigned long free = machine_free_pages(&m);

		assert_int_equal(quarry_alloc_contig_range(m.q, start, end, MOVABLE,
							   GFP_KERNEL | __GFP_ZERO),
				 0);
		machine_check(&m);
		assert_int_equal(machine_free_pages(&m), free - (end - start));
		for (pfn_t pfn = start; pfn < end; pfn++) {
			struct page *page = quarry_pfn_to_page(m.q, pfn);
			unsigned char *bytes = quarry_page_address(m.q, page);

			assert_int_equal(quarry_page_count(m.q, page), 1);
			assert_int_equal(bytes[0] | bytes[QUARRY_PAGE_SIZE - 1], 0);
			memset(bytes, 0xaa, QUARRY_PAGE_SIZE);
		}
		/* They are in use, and nobody moves them. */
		assert_int_equal(quarry_alloc_contig_range(m.q, start, end, MOVABLE, GFP_KERNEL),
				 -QUARRY_EBUSY);
		machine_check(&m);
		quarry_free_contig_range(m.q, start, end - start);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		machine_free_blocks(&m, after);
		machine_assert_same_blocks(before, after);
	}
	quarry_totals(m.q, &totals);
	assert_int_equal(totals.pgalloc, totals.pgfree);
	assert_int_equal(m.reports, 0);
	/* What is not in use is reported. */
	quarry_free_contig_range(m.q, 8190, 1);
	quarry_free_contig_range(m.q, 1 << 20, 1);
	assert_int_equal(m.reports, 2);
	machine_check(&m);
	machine_fini(&m);
}

static void ranges_out_of_bounds(void **state)
{
	struct machine m;

	(void)state;
	machine_build(&m, &odd);
	assert_int_equal(quarry_alloc_contig_range(m.q, 2560, 2560, MOVABLE, GFP_KERNEL),
			 -QUARRY_EINVAL);
	for (unsigned int type = QUARRY_MIGRATE_ISOLATE; type < 20; type++)
		assert_int_equal(quarry_alloc_contig_range(m.q, 2048, 2560,
							   (enum quarry_migratetype)type,
							   GFP_KERNEL),
				 -QUARRY_EINVAL);
	/* Over the border of DMA, of the node, of the memory. */
	assert_int_equal(quarry_alloc_contig_range(m.q, 2000, 2100, MOVABLE, GFP_KERNEL),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_alloc_contig_range(m.q, 8000, 8200, MOVABLE, GFP_KERNEL),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_alloc_contig_range(m.q, 16000, 16385, MOVABLE, GFP_KERNEL),
			 -QUARRY_EINVAL);
	/* Over a hole inside a zone, or what is reserved: there is an arena, but no memory. */
	assert_int_equal(quarry_alloc_contig_range(m.q, 3000, 4200, MOVABLE, GFP_KERNEL),
			 -QUARRY_EBUSY);
	assert_int_equal(quarry_alloc_contig_range(m.q, 1000, 1100, MOVABLE, GFP_KERNEL),
			 -QUARRY_EBUSY);
	machine_check(&m);
	machine_fini(&m);
}

/* What is in the way is moved, contents and all; outside of the range it need not be movable. */
static void blocks_in_the_way_are_moved(void **state)
{
	struct quarry_totals totals;
	uint64_t seed = 3;
	struct machine m;
	struct owner o;

	(void)state;
	machine_build(&m, &m32);
	owner_init(&o, &m, 3000, PAGES(32), true);
	for (unsigned int round = 0; round < 60; round++) {
		pfn_t start = (pfn_t)(machine_random(&seed) % PAGES(28));
		pfn_t end = start + 1 + (pfn_t)(machine_random(&seed) % 1000);
		unsigned long free;
		int err;

		for (size_t i = 0; i < 1000; i++) {
			size_t slot = machine_random(&seed) % 3000;

			if (o.block[slot].page != NULL)
				owner_free(&o, slot);
			else
				owner_alloc(&o, slot, GFP_HIGHUSER_MOVABLE,
					    (unsigned int)(machine_random(&seed) % 3));
		}
		o.fail_percent = round % 3 == 1 ? 30 : 0;
		o.refuse_percent = round % 3 == 2 ? 30 : 0;
		check(&m, &o);
		quarry_drain_all_pages(m.q);
		free = machine_free_pages(&m);
		err = quarry_alloc_contig_range(m.q, start, end, MOVABLE, GFP_KERNEL);
		check(&m, &o);
		quarry_drain_all_pages(m.q);
		if (err == 0) {
			assert_int_equal(machine_free_pages(&m), free - (end - start));
			for (pfn_t pfn = start; pfn < end; pfn++)
				assert_int_equal(o.slot_of[pfn], 0);
			quarry_free_contig_range(m.q, start, (unsigned long)(end - start));
		}
		assert_true(err == 0 || (err == -QUARRY_EBUSY && round % 3 != 0));
		quarry_drain_all_pages(m.q);
		assert_int_equal(machine_free_pages(&m), free);
		for (pfn_t pfn = 0; pfn < PAGES(32); pfn += 512)
			assert_int_not_equal(type_at(&m, pfn), QUARRY_MIGRATE_ISOLATE);
		check(&m, &o);
	}
	assert_true(o.migrated != 0 && o.failed != 0 && o.refused != 0);
	assert_int_equal(m.reports, 0);
	owner_fini(&o);
	quarry_drain_all_pages(m.q);
	quarry_totals(m.q, &totals);
	assert_int_equal(totals.pgalloc, totals.pgfree);
	machine_check(&m);
	machine_fini(&m);
}

/* No page to move to: out of memory, and all is as it was. */
static void no_page_to_move_to(void **state)
{
	unsigned long free;
	struct machine m;
	struct owner o;
	size_t n = 0;

	(void)state;
	machine_build(&m, &m32);
	owner_init(&o, &m, PAGES(32), PAGES(32), true);
	while (owner_alloc(&o, n, ALL, 0))
		n++;
	quarry_drain_all_pages(m.q);
	free = machine_free_pages(&m);
	assert_int_equal(quarry_alloc_contig_range(m.q, 1024, 2048, MOVABLE, GFP_NOWAIT),
			 -QUARRY_ENOMEM);
	check(&m, &o);
	assert_int_equal(machine_free_pages(&m), free);
	assert_int_equal(o.migrated, 0);
	for (pfn_t pfn = 0; pfn < PAGES(32); pfn += 512)
		assert_int_not_equal(type_at(&m, pfn), QUARRY_MIGRATE_ISOLATE);
	owner_fini(&o);
	machine_fini(&m);
}

/* Gigantic pages: 1 GiB is 262144 pages of order 0. Zone by zone, node by node. */
static void gigantic_ranges(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 3 * MACHINE_GIB + 7 * MACHINE_MIB, 0},
			   {4 * MACHINE_GIB, 6 * MACHINE_GIB, 1}},
		.boot = {.nr_cpus = 2},
	};
	const unsigned long gib = 1ul << 18;
	quarry_nodemask_t second = 2;
	struct page *page[3], *hole;
	unsigned long free;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	free = machine_free_pages(&m);
	/* Something unmovable in the second GiB: it is passed over. */
	assert_int_equal(quarry_alloc_contig_range(m.q, gib + 5, gib + 6, MOVABLE, GFP_KERNEL), 0);
	for (int i = 0; i < 2; i++) {
		page[i] = quarry_alloc_contig_pages(m.q, gib, GFP_KERNEL, i, NULL);
		assert_non_null(page[i]);
		assert_int_equal(quarry_page_to_pfn(m.q, page[i]), i == 0 ? 2 * gib : 4 * gib);
		machine_check(&m);
	}
	/* Node 0 has one GiB left that cannot be cleared; node 1 helps, unless it may not. */
	assert_null(quarry_alloc_contig_pages(m.q, gib, GFP_KERNEL | __GFP_THISNODE, 0, NULL));
	page[2] = quarry_alloc_contig_pages(m.q, gib, GFP_KERNEL, 0, &second);
	assert_non_null(page[2]);
	assert_int_equal(quarry_page_to_pfn(m.q, page[2]), 5 * gib);
	assert_null(quarry_alloc_contig_pages(m.q, gib, GFP_KERNEL, QUARRY_NO_NODE, NULL));
	/* A length that is no power of two. */
	hole = quarry_alloc_contig_pages(m.q, 1000, GFP_KERNEL, QUARRY_NO_NODE, NULL);
	assert_non_null(hole);
	assert_null(quarry_alloc_contig_pages(m.q, 0, GFP_KERNEL, 0, NULL));
	assert_null(quarry_alloc_contig_pages(m.q, 1, GFP_KERNEL, 2, NULL));
	machine_check(&m);
	for (int i = 0; i < 3; i++)
		quarry_free_contig_range(m.q, quarry_page_to_pfn(m.q, page[i]), gib);
	quarry_free_contig_range(m.q, quarry_page_to_pfn(m.q, hole), 1000);
	quarry_free_contig_range(m.q, gib + 5, 1);
	quarry_drain_all_pages(m.q);
	assert_int_equal(machine_free_pages(&m), free);
	assert_int_equal(m.reports, 0);
	machine_check(&m);
	machine_fini(&m);
}

/* Tables inside: descriptors are not carved out of a pageblock that is isolated. */
static void tables_keep_out_of_isolated_pageblocks(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 24 * MACHINE_MIB, 0}},
		.port = MACHINE_INSIDE,
		.ram_bytes = 24 << 20,
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(quarry_start_isolate_page_range(m.q, PAGES(8), PAGES(16), MOVABLE, 0), 0);
	for (unsigned int i = 0; i < 50; i++) {
		struct page *page = quarry_alloc_pages(m.q, GFP_KERNEL, i % 4);

		assert_non_null(page);
		assert_true(quarry_page_to_pfn(m.q, page) < PAGES(8) ||
			    quarry_page_to_pfn(m.q, page) >= PAGES(16));
	}
	assert_int_equal(quarry_test_pages_isolated(m.q, PAGES(8), PAGES(16), 0), 0);
	machine_check(&m);
	quarry_undo_isolate_page_range(m.q, PAGES(8), PAGES(16));
	machine_check(&m);
	machine_fini(&m);
}

/* ---- refusals ---- */

static void turn(struct machine *m, pfn_t pfn, unsigned int type)
{
	struct page_arena *a = memmap_arena(m->q->pages, pfn);
	quarry_pin_t pin = arena_lock(m->q, a);

	arena_set_type(m->q, a, (unsigned int)((pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER),
		       type);
	arena_unlock(m->q, a, pin);
}

/* P15, P18: a refusal names what is free, but highatomic, CMA or isolated. */
static void a_refusal_names_what_was_not_for_it(void **state)
{
	struct page *page, *list = NULL;
	static struct text text;
	const struct quarry_out out = text_out(&text);
	struct quarry_refusal f;
	struct machine m;

	(void)state;
	machine_build(&m, &m32);
	assert_int_equal(quarry_start_isolate_page_range(m.q, 4 * 512, 6 * 512, MOVABLE, 0), 0);
	turn(&m, 8 * 512, QUARRY_MIGRATE_HIGHATOMIC);
	turn(&m, 9 * 512, QUARRY_MIGRATE_CMA);
	turn(&m, 10 * 512, QUARRY_MIGRATE_CMA);
	while ((page = quarry_alloc_pages(m.q, GFP_NOWAIT | __GFP_NOWARN, 0)) != NULL) {
		*(struct page **)quarry_page_address(m.q, page) = list;
		list = page;
	}
	assert_true(quarry_explain(m.q, &f));
	assert_int_equal(f.zones[0].reason, QUARRY_REFUSED_WATERMARK);
	assert_int_equal(f.zones[0].highatomic, 512);
	assert_int_equal(f.zones[0].cma, 1024);
	assert_int_equal(f.zones[0].unusable, 1536);
	assert_int_equal(f.zones[0].isolated, 1024);
	assert_int_equal(f.zones[0].unaccepted, 0);
	m.q->pages->refusal->zones[0].unaccepted = 7;
	quarry_show_refusal(m.q, &out);
	assert_non_null(strstr(text.s, " + 1536 in blocks that are not for it (short by "));
	assert_non_null(strstr(text.s, "; of its pages 512 kept for requests that cannot wait, "
				       "1024 in CMA areas, 1024 isolated, 7 not accepted\n"));
	while ((page = list) != NULL) {
		list = *(struct page **)quarry_page_address(m.q, page);
		quarry_free_pages(m.q, page, 0);
	}
	quarry_undo_isolate_page_range(m.q, 4 * 512, 6 * 512);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* Every reason and every remedy has its words. */
static void each_refusal_has_its_words(void **state)
{
	static struct text text;
	const struct quarry_out out = text_out(&text);
	struct machine_spec spec = m32;
	struct quarry_refusal *f;
	struct machine m;

	(void)state;
	for (int nid = 0; nid < 8; nid++)
		spec.memory[nid] =
			(struct machine_range){(phys_addr_t)nid * 4 * MACHINE_MIB,
					       (phys_addr_t)(nid + 1) * 4 * MACHINE_MIB, nid};
	machine_build(&m, &spec);
	f = m.q->pages->refusal; /* of eight zones */
	*f = (struct quarry_refusal){
		.serial = 7,
		.gfp = GFP_KERNEL,
		.order = 3,
		.type = QUARRY_MIGRATE_UNMOVABLE,
		.nid = 1,
		.nr_zones = 9,
		.zones = {{.nid = 0, .reason = QUARRY_REFUSED_NODE, .cma = 5},
			  {.nid = 1,
			   .zone = QUARRY_ZONE_DMA32,
			   .reason = QUARRY_REFUSED_WATERMARK,
			   .free = 10,
			   .watermark = 8,
			   .reserve = 4,
			   .lacking = 2},
			  {.nid = 1,
			   .zone = QUARRY_ZONE_NORMAL,
			   .reason = QUARRY_REFUSED_ORDER,
			   .free = 20,
			   .isolated = 3,
			   .largest_order = -1},
			  {.nid = 2,
			   .zone = QUARRY_ZONE_NORMAL,
			   .reason = QUARRY_REFUSED_TYPE,
			   .largest_order = 4,
			   .largest_allowed = -1},
			  {.nid = 3, .reason = QUARRY_REFUSED_METADATA},
			  {.nid = 4,
			   .reason = QUARRY_REFUSED_NONE,
			   .highatomic = 1,
			   .unaccepted = 2}},
		.nearest = 1,
		.remedies = 511,
		.lacking = 2,
		.smaller_order = 1,
		.other_nid = 5,
		.reclaim_rounds = 1,
		.reclaimed = 6,
	};
	quarry_show_refusal(m.q, &out);
	assert_string_equal(
		text.s,
		"refused: order 3, Unmovable, gfp 0xcc0, preferred node 1, refusal number 7\n"
		"  node 0 zone DMA     not among the nodes of the request\n"
		"  node 1 zone DMA32   10 pages free, must stay above min 8 + reserve 4 (short by "
		"2)\n"
		"  node 1 zone Normal  20 pages free, but no block of order 3: the largest is "
		"none; of "
		"its pages 3 isolated\n"
		"  node 2 zone Normal  free blocks are of types that it may not use: the largest "
		"is "
		"order 4, of its own types none\n"
		"  node 3 zone DMA     no memory for the tables of an arena that nobody had used\n"
		"  node 4 zone DMA     was not asked; of its pages 1 kept for requests that cannot "
		"wait, "
		"2 not accepted\n"
		"  node 0 zone DMA     was not asked\n"
		"  node 0 zone DMA     was not asked\n"
		"  and 1 more zones\n"
		"  nearest: node 1 zone DMA32\n"
		"  reclaim: 1 rounds freed 6 pages\n"
		"  would have helped: 2 more free pages in node 1 zone DMA32, order 1, node 5, "
		"moving "
		"pages together (enough are free), __GFP_HIGH, GFP_ATOMIC, __GFP_MEMALLOC, "
		"__GFP_MOVABLE (CMA, ZONE_MOVABLE), a higher zone\n");
	text_clear(&text);
	f->nr_zones = 1;
	f->nearest = 0;
	f->remedies = f->reclaim_rounds = 0;
	quarry_show_refusal(m.q, &out);
	assert_string_equal(
		text.s,
		"refused: order 3, Unmovable, gfp 0xcc0, preferred node 1, refusal number 7\n"
		"  node 0 zone DMA     not among the nodes of the request\n"
		"  would have helped: nothing that was tried\n");
	text_clear(&text);
	f->nr_zones = 0;
	f->nearest = -1;
	f->remedies = QUARRY_REMEDY_SMALLER | QUARRY_REMEDY_OTHER_NODE;
	quarry_show_refusal(m.q, &out);
	assert_string_equal(
		text.s,
		"refused: order 3, Unmovable, gfp 0xcc0, preferred node 1, refusal number 7\n"
		"  no zone may serve this request\n"
		"  would have helped: order 1, node 5\n");
	text_clear(&text);
	f->serial = 0;
	quarry_show_refusal(m.q, &out);
	assert_string_equal(text.s, "");
	machine_fini(&m);
}

/* Lines on CMA are there where CMA is. */
static void texts_tell_of_cma(void **state)
{
	static struct text text;
	static void (*const show[])(struct quarry *, const struct quarry_out *) = {
		quarry_show_meminfo, quarry_show_vmstat, quarry_show_mem};
	static const char *const line[] = {"CmaTotal: ", "cma_alloc_success ",
					   " pages cma reserved"};
	const struct quarry_out out = text_out(&text);
	struct machine m;

	(void)state;
	machine_build(&m, &m32);
	/* From here on the pageblocks of the arena have types of their own. */
	quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_KERNEL, 0), 0);
	for (int i = 0; i < 6; i++) {
		if (i == 3) {
			turn(&m, 9 * 512, QUARRY_MIGRATE_CMA);
			memmap_arena(m.q->pages, 9 * 512)->zone->cma_pages = 300;
		}
		text_clear(&text);
		show[i % 3](m.q, &out);
		assert_int_equal(strstr(text.s, line[i % 3]) != NULL, i >= 3);
	}
	/* One free pageblock, and what the zone says of its areas. */
	assert_non_null(strstr(text.s, " free_cma:512\n"));
	assert_non_null(strstr(text.s, " free_cma:2048kB\n"));
	assert_non_null(strstr(text.s, "\n300 pages cma reserved\n"));
	text_clear(&text);
	quarry_show_meminfo(m.q, &out);
	assert_non_null(
		strstr(text.s, "\nCmaTotal:           1200 kB\nCmaFree:            2048 kB\n"));
	text_clear(&text);
	quarry_show_vmstat(m.q, &out);
	assert_non_null(strstr(text.s, "\nnr_free_cma 512\n"));
	assert_non_null(strstr(text.s, "\ncma_alloc_success 0\ncma_alloc_fail 0\nunevictable"));
	text_clear(&text);
	quarry_show_zoneinfo(m.q, &out);
	assert_non_null(strstr(text.s, "\n        cma      300\n"));
	assert_non_null(strstr(text.s, "\n      nr_free_cma  512\n"));
	text_clear(&text);
	quarry_show_pagetypeinfo(m.q, &out);
	assert_non_null(
		strstr(text.s, " Movable  Reclaimable   HighAtomic          CMA      Isolate \n"));
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(isolated_pageblocks_are_out_of_reach),
		cmocka_unit_test(types_come_back),
		cmocka_unit_test(what_cannot_be_moved_is_named),
		cmocka_unit_test(movable_zone_is_trusted),
		cmocka_unit_test(without_tables_nothing_is_isolated),
		cmocka_unit_test(ranges_are_taken_and_given_back),
		cmocka_unit_test(ranges_out_of_bounds),
		cmocka_unit_test(blocks_in_the_way_are_moved),
		cmocka_unit_test(no_page_to_move_to),
		cmocka_unit_test(gigantic_ranges),
		cmocka_unit_test(a_refusal_names_what_was_not_for_it),
		cmocka_unit_test(each_refusal_has_its_words),
		cmocka_unit_test(texts_tell_of_cma),
		cmocka_unit_test(tables_keep_out_of_isolated_pageblocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
