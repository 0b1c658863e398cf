/* SPDX-License-Identifier: MIT */
/*
 * The public calls of page.h: what each gives, each refusal and report with the state unchanged after
 * it; and the validator, which must see every kind of damage.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_hoard.h"

static const struct machine_spec small = {.memory = {{0, 8 * MIB, 0}}, .ram_bytes = 8 << 20};

static const struct machine_spec large = {
	.memory = {{4 * KIB, 636 * KIB, 0}, {1 * MIB, 128 * MIB, 0}},
	.ram_bytes = 128 << 20,
	.boot = {.nr_cpus = 2},
};

/* ---- a block's life ---- */

static void each_order(void **state)
{
	struct machine m;
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];

	(void)state;
	machine_build(&m, &large);
	machine_free_blocks(&m, before);
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		struct page *page = quarry_alloc_pages(m.q, GFP_KERNEL, order);
		unsigned int found = 99;
		pfn_t pfn;

		assert_non_null(page);
		pfn = quarry_page_to_pfn(m.q, page);
		assert_int_equal(pfn & (((pfn_t)1 << order) - 1), 0);
		assert_ptr_equal(quarry_pfn_to_page(m.q, pfn), page);
		assert_ptr_equal(quarry_virt_to_page(m.q, quarry_page_address(m.q, page)), page);
		assert_int_equal(quarry_pfn_state(m.q, pfn, &found), QUARRY_PAGE_ALLOCATED);
		assert_int_equal(found, order);
		assert_int_equal(quarry_page_count(m.q, page), 1);
		if (order > 0) {
			assert_int_equal(quarry_pfn_state(m.q, pfn + 1, &found), QUARRY_PAGE_TAIL);
			assert_int_equal(found, order);
			assert_int_equal(quarry_pfn_state(m.q, pfn + (1u << order) - 1, NULL),
					 QUARRY_PAGE_TAIL);
			assert_int_equal(quarry_page_count(m.q, page + 1), 0);
		}
		machine_check(&m);
		quarry_free_pages(m.q, page, order);
		assert_int_not_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_ALLOCATED);
		machine_check(&m);
	}
	quarry_drain_all_pages(m.q);
	machine_free_blocks(&m, after);
	machine_assert_same_blocks(before, after);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static void contents(void **state)
{
	unsigned char *ram;
	struct machine m;
	char *p;

	(void)state;
	machine_build(&m, &small);
	p = quarry_get_free_pages(m.q, GFP_KERNEL, 3);
	assert_non_null(p);
	ram = (unsigned char *)p - (quarry_page_to_pfn(m.q, quarry_virt_to_page(m.q, p)) << 12);
	quarry_free_pages_addr(m.q, p, 3);
	memset(ram, 0xa5, 8 << 20);
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		p = quarry_get_free_pages(m.q, GFP_KERNEL, order);
		if (p == NULL)
			continue;
		memset(p, 0xa5, QUARRY_PAGE_SIZE << order);
		quarry_free_pages_addr(m.q, p, order);
	}
	quarry_drain_all_pages(m.q);
	for (size_t i = 0; i < 8 << 20; i++) {
		if (ram[i] != 0xa5) /* nothing of the allocator's own was written */
			fail_msg("byte %zu of the managed memory was written", i);
	}
	/* Each twice: the second time there is a written one at hand. */
	for (unsigned int order = 0, round = 0; order <= 9; round ^= 1, order += round == 0) {
		p = quarry_get_free_pages(m.q, GFP_KERNEL | __GFP_ZERO, order);
		assert_non_null(p);
		for (size_t i = 0; i < QUARRY_PAGE_SIZE << order; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xa5, QUARRY_PAGE_SIZE << order);
		quarry_free_pages_addr(m.q, p, order);
	}
	machine_check(&m);
	machine_fini(&m);
}

static void by_address(void **state)
{
	struct machine m;
	char *p, foreign[2];

	(void)state;
	machine_build(&m, &small);
	p = quarry_get_free_pages(m.q, GFP_KERNEL, 2);
	assert_non_null(p);
	quarry_free_pages_addr(m.q, NULL, 0);
	quarry_free_pages(m.q, NULL, 0);
	quarry_free_pages_exact(m.q, NULL, 5);
	assert_int_equal(m.reports, 0);
	quarry_free_pages_addr(m.q, p + 1, 2);
	assert_int_equal(m.reports, 1);
	quarry_free_pages_addr(m.q, foreign, 0);
	assert_int_equal(m.reports, 2);
	quarry_free_pages_addr(m.q, (void *)~(uintptr_t)0xfff, 0);
	assert_int_equal(m.reports, 3);
	assert_null(quarry_virt_to_page(m.q, foreign));
	assert_int_equal(quarry_page_count(m.q, quarry_virt_to_page(m.q, p)), 1);
	quarry_free_pages_addr(m.q, p, 2);
	assert_int_equal(m.reports, 3);
	machine_check(&m);
	machine_fini(&m);
}

static void arguments_out_of_range(void **state)
{
	struct machine m;
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];

	(void)state;
	machine_build(&m, &small);
	machine_free_blocks(&m, before);
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL, QUARRY_MAX_ORDER + 1));
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL, 64));
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL, ~0u));
	assert_null(quarry_alloc_pages_node(m.q, 1, GFP_KERNEL, 0));
	assert_null(quarry_alloc_pages_node(m.q, QUARRY_MAX_NODES, GFP_KERNEL, 0));
	assert_null(quarry_alloc_pages_exact(m.q, 0, GFP_KERNEL));
	assert_null(quarry_alloc_pages_exact(m.q, (QUARRY_PAGE_SIZE << QUARRY_MAX_ORDER) + 1,
					     GFP_KERNEL));
	assert_null(quarry_alloc_pages_exact(m.q, ~(size_t)0, GFP_KERNEL));
	quarry_drain_pages(m.q, 1);
	quarry_drain_pages(m.q, ~0u);
	machine_free_blocks(&m, after);
	machine_assert_same_blocks(before, after);
	assert_int_equal(m.reports, 0);
	machine_check(&m);
	machine_fini(&m);
}

/* ---- damage ---- */

static void expect_report(struct machine *m, unsigned int *reports, const char *text)
{
	if (m->reports != *reports + 1)
		fail_msg("%u reports, not one (%s)", m->reports - *reports, m->last_report);
	*reports = m->reports;
	if (strstr(m->last_report, text) == NULL)
		fail_msg("report says \"%s\", not \"%s\"", m->last_report, text);
	machine_check(m);
}

static void bad_frees(void **state)
{
	struct page *page, *other, foreign = {~(uint64_t)0};
	unsigned int reports = 0;
	unsigned long free;
	struct machine m;
	void *object;

	(void)state;
	machine_build(&m, &large);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 4);
	other = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	assert_true(page != NULL && other != NULL);
	free = machine_free_pages(&m);
	quarry_free_pages(m.q, page, 3);
	expect_report(&m, &reports, "order 4");
	quarry_free_pages(m.q, page, 5);
	expect_report(&m, &reports, "order 4");
	quarry_free_pages(m.q, page, 20);
	expect_report(&m, &reports, "order 4");
	quarry_free_pages(m.q, page, ~0u);
	expect_report(&m, &reports, "order 4");
	quarry_free_pages(m.q, page + 1, 0);
	expect_report(&m, &reports, "not allocated");
	quarry_free_pages(m.q, page + 8, 3);
	expect_report(&m, &reports, "not allocated");
	quarry_free_pages(m.q, &foreign, 0);
	expect_report(&m, &reports, "foreign");
	foreign.word = 5; /* as a page of the first arena might read */
	quarry_free_pages(m.q, &foreign, 0);
	expect_report(&m, &reports, "foreign");
	foreign.word = ~(uint64_t)0;
	quarry_get_page(m.q, &foreign);
	expect_report(&m, &reports, "foreign");
	assert_int_equal(foreign.word, ~(uint64_t)0);
	assert_int_equal(quarry_split_page(m.q, NULL, 0), -QUARRY_EINVAL);
	assert_int_equal(quarry_page_count(m.q, page), 1);
	assert_int_equal(machine_free_pages(&m), free);
	quarry_free_pages(m.q, page, 4);
	quarry_free_pages(m.q, page, 4);
	expect_report(&m, &reports, "not allocated");
	quarry_free_pages(m.q, other, 0);
	quarry_free_pages(m.q, other, 0); /* from a sheaf, before it is drained */
	expect_report(&m, &reports, "not allocated");
	quarry_drain_all_pages(m.q);
	quarry_free_pages(m.q, other, 0);
	expect_report(&m, &reports, "not allocated");
	object = quarry_kmalloc(m.q, 64, GFP_KERNEL);
	assert_non_null(object);
	quarry_free_pages(m.q, quarry_virt_to_page(m.q, object), 0);
	expect_report(&m, &reports, "slab");
	quarry_kfree(m.q, object);
	assert_int_equal(m.reports, reports);
	machine_fini(&m);
}

/* Page 160 of the machine lies in a hole, in a pageblock that is in use. */
static void free_of_a_reserved_page(void **state)
{
	unsigned int reports = 0;
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &large);
	do {
		page = quarry_alloc_pages(m.q, GFP_ALL | __GFP_DMA, 0);
		assert_non_null(page);
	} while (quarry_page_to_pfn(m.q, page) >= 512);
	page = quarry_pfn_to_page(m.q, 160);
	assert_non_null(page);
	assert_int_equal(quarry_pfn_state(m.q, 160, NULL), QUARRY_PAGE_RESERVED);
	quarry_free_pages(m.q, page, 0);
	expect_report(&m, &reports, "not allocated");
	quarry_get_page(m.q, page);
	expect_report(&m, &reports, "no allocated");
	machine_fini(&m);
}

static void references(void **state)
{
	unsigned int reports = 0;
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &small);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 2);
	assert_non_null(page);
	for (unsigned int i = 2; i <= 1000; i++) {
		quarry_get_page(m.q, page);
		assert_int_equal(quarry_page_count(m.q, page), i);
	}
	assert_int_equal(quarry_split_page(m.q, page, 2), -QUARRY_EINVAL);
	quarry_free_pages(m.q, page, 1); /* still checked */
	expect_report(&m, &reports, "order 2");
	assert_int_equal(quarry_page_count(m.q, page), 1000);
	for (unsigned int i = 999; i > 0; i--) {
		quarry_free_pages(m.q, page, 2);
		assert_int_equal(quarry_page_count(m.q, page), i);
	}
	quarry_free_pages(m.q, page, 2);
	assert_int_equal(quarry_page_count(m.q, page), 0);
	assert_int_equal(m.reports, reports);
	quarry_get_page(m.q, page);
	expect_report(&m, &reports, "no allocated");
	quarry_get_page(m.q, page + 1);
	expect_report(&m, &reports, "no allocated");
	machine_fini(&m);
}

static void split(void **state)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &large);
	machine_free_blocks(&m, before);
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		page = quarry_alloc_pages(m.q, GFP_KERNEL, order);
		assert_non_null(page);
		assert_int_equal(quarry_split_page(m.q, page, order + 1), -QUARRY_EINVAL);
		assert_int_equal(quarry_split_page(m.q, page, ~0u), -QUARRY_EINVAL);
		if (order > 0)
			assert_int_equal(quarry_split_page(m.q, page + 1, 0), -QUARRY_EINVAL);
		assert_int_equal(quarry_split_page(m.q, page, order), 0);
		machine_check(&m);
		for (unsigned int i = 0; i < 1u << order; i++) {
			unsigned int k = i ^ 5u % (1u << order); /* not in order */

			assert_int_equal(quarry_page_count(m.q, page + k), 1);
			quarry_free_pages(m.q, page + k, 0);
			assert_int_equal(quarry_page_count(m.q, page + k), 0);
		}
		assert_int_equal(quarry_split_page(m.q, page, 0), -QUARRY_EINVAL);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		machine_free_blocks(&m, after);
		machine_assert_same_blocks(before, after);
	}
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static void exact(void **state)
{
	static const size_t sizes[] = {
		1, 4095, 4096, 4097, 12288, 12289, 5 * 4096, 1023 * 4096 + 1, 4 << 20, 513 * 4096};
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS], free;
	struct machine m;

	(void)state;
	machine_build(&m, &large);
	machine_free_blocks(&m, before);
	free = machine_free_pages(&m);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t pages = (sizes[i] + 4095) / 4096;
		char *p = quarry_alloc_pages_exact(m.q, sizes[i], GFP_KERNEL);

		assert_non_null(p);
		quarry_drain_all_pages(m.q);
		assert_int_equal(machine_free_pages(&m), free - pages);
		for (size_t k = 0; k < pages; k++)
			assert_int_equal(
				quarry_page_count(m.q, quarry_virt_to_page(m.q, p + k * 4096)), 1);
		machine_check(&m);
		quarry_free_pages_exact(m.q, p, sizes[i]);
		quarry_drain_all_pages(m.q);
		machine_free_blocks(&m, after);
		machine_assert_same_blocks(before, after);
	}
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static void states_of_page_frames(void **state)
{
	struct machine m;
	struct page *page;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &large);
	assert_null(quarry_pfn_to_page(m.q, 1 << 20));
	assert_null(quarry_pfn_to_page(m.q, ~(pfn_t)0));
	assert_null(quarry_pfn_to_page(m.q, 20000)); /* not touched yet */
	assert_int_equal(quarry_pfn_state(m.q, 20000, NULL), QUARRY_PAGE_FREE);
	assert_int_equal(quarry_pfn_state(m.q, 200, NULL), QUARRY_PAGE_RESERVED); /* in a hole */
	assert_int_equal(quarry_pfn_state(m.q, ~(pfn_t)0, NULL), QUARRY_PAGE_RESERVED);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	pfn = quarry_page_to_pfn(m.q, page);
	assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_ALLOCATED);
	quarry_free_pages(m.q, page, 0);
	assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_PCP);
	quarry_drain_all_pages(m.q);
	assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_FREE);
	machine_fini(&m);
}

static void names(void **state)
{
	static const char *const zones[] = {"DMA", "DMA32", "Normal", "Movable", "Device"};
	static const char *const types[] = {"Unmovable",  "Movable", "Reclaimable",
					    "HighAtomic", "CMA",     "Isolate"};

	(void)state;
	for (int i = 0; i < QUARRY_NR_ZONES; i++)
		assert_string_equal(quarry_zone_name((enum quarry_zone_type)i), zones[i]);
	for (int i = 0; i < QUARRY_MIGRATE_TYPES; i++)
		assert_string_equal(quarry_migratetype_name((enum quarry_migratetype)i), types[i]);
	assert_non_null(quarry_zone_name((enum quarry_zone_type)99));
	assert_non_null(quarry_migratetype_name((enum quarry_migratetype)99));
}

/* ---- counts ---- */

static void counts_add_up(void **state)
{
	struct quarry_zone_info dma, dma32;
	struct quarry_totals totals;
	struct hoard h = {0};
	struct machine m;
	unsigned int bad = 0;

	(void)state;
	machine_build(&m, &large);
	for (unsigned int i = 0; i < 1000; i++) {
		quarry_posix_set_cpu(i & 1);
		hoard_add(&h,
			  quarry_alloc_pages(m.q, i % 3 ? GFP_KERNEL : GFP_HIGHUSER_MOVABLE, i % 5),
			  i % 5);
		quarry_totals(m.q, &totals);
		bad += totals.free + totals.pcp + h.pages != totals.managed;
		bad += totals.allocs != i + 1 || totals.pgalloc != h.pages;
	}
	assert_int_equal(bad, 0);
	assert_int_not_equal(totals.pcp, 0);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &dma);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &dma32);
	assert_int_equal(dma.pcp + dma32.pcp, totals.pcp);
	assert_int_equal(dma.free + dma32.free, totals.free);
	assert_int_equal(dma.managed + dma32.managed, totals.managed);
	assert_int_equal(dma.present + dma32.present, totals.present);
	assert_int_equal(totals.nr_cpus, 2);
	assert_int_equal(totals.nr_nodes, 1);
	hoard_free(&m, &h);
	quarry_drain_pages(m.q, 0);
	quarry_drain_pages(m.q, 1);
	quarry_totals(m.q, &totals);
	assert_int_equal(totals.pcp, 0);
	assert_int_equal(totals.free, totals.managed);
	assert_int_equal(totals.frees, 1000);
	assert_int_equal(totals.pgfree, totals.pgalloc);
	machine_check(&m);
	machine_fini(&m);
}

/* A CPU that frees keeps pages back, again and again, but never more than a pageset of Linux's may hold. */
static void sheaves_are_bounded(void **state)
{
	struct quarry_zone_info info;
	struct page *page[4000];
	struct machine m;
	unsigned long most = 0;

	(void)state;
	machine_build(&m, &large);
	for (unsigned int i = 0; i < 4000; i++) {
		page[i] = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		assert_non_null(page[i]);
	}
	quarry_drain_all_pages(m.q);
	for (unsigned int i = 0; i < 4000; i++) {
		quarry_free_pages(m.q, page[i], 0);
		quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info);
		assert_true(info.pcp <= info.pcp_high && info.pcp <= info.managed / 8);
		if (i >= 2000)
			most = info.pcp > most ? info.pcp : most;
	}
	assert_true(info.pcp_batch > 1 && most >= info.pcp_batch / 2);
	quarry_drain_all_pages(m.q);
	assert_int_equal(machine_free_pages(&m), managed_pages(&m));
	machine_check(&m);
	machine_fini(&m);
}

static unsigned long held_back(struct machine *m)
{
	struct quarry_totals totals;

	quarry_totals(m->q, &totals);
	return totals.pcp;
}

/* Batches grow while a CPU allocates in one go, never beyond an eighth of the memory; age makes them small. */
static void batches_grow_and_age(void **state)
{
	struct quarry_zone_info info;
	struct page *page[20000];
	unsigned long most = 0, held, batch;
	struct machine m;

	(void)state;
	machine_build(&m, &large);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info);
	batch = info.pcp_batch + 1;
	for (unsigned int i = 0; i < 20000; i++) {
		page[i] = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		assert_non_null(page[i]);
		if (i % 64 == 0) {
			held = held_back(&m);
			most = held > most ? held : most;
		}
	}
	assert_true(most > batch && most <= managed_pages(&m) / 8);
	for (unsigned int i = 0; i < 8; i++)
		quarry_age_pages(m.q);
	assert_true(held_back(&m) <= batch);
	machine_check(&m);
	for (unsigned int i = 0; i < 20000; i++)
		quarry_free_pages(m.q, page[i], 0);
	quarry_age_pages(m.q); /* what was freed goes home */
	assert_true(held_back(&m) <= batch);
	quarry_drain_all_pages(m.q);
	assert_int_equal(held_back(&m), 0);
	assert_int_equal(machine_free_pages(&m), managed_pages(&m));
	machine_check(&m);
	machine_fini(&m);
}

/* What age leaves of one hand is a batch, to the block. */
static void age_leaves_a_batch(void **state)
{
	const struct machine_spec spec = {
		.memory = {{0, 64 * MIB, 0}},
		.boot = {.dma_limit = ~(phys_addr_t)0},
	};
	static struct page *page[4000];
	unsigned int n = 0;
	struct machine m;
	unsigned long cap;

	(void)state;
	machine_build(&m, &spec);
	cap = m.q->pages->zone[0].sheaf_cap[0];
	assert_in_range(cap, 2, 32);
	do {
		page[n] = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		assert_non_null(page[n++]);
	} while (held_back(&m) < 2 * cap && n < 4000);
	for (unsigned int i = 0; i < 8; i++)
		quarry_age_pages(m.q);
	assert_int_equal(held_back(&m), cap);
	machine_check(&m);
	while (n > 0)
		quarry_free_pages(m.q, page[--n], 0);
	machine_fini(&m);
}

/* The first zone of the machine has sheaves of its size as all others have. */
static void every_zone_has_its_sheaves(void **state)
{
	const struct machine_spec spec = {
		.memory = {{0, 384 * MIB, 0}},
		.boot = {.dma_limit = 128 * MIB, .dma32_limit = 256 * MIB},
	};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	for (unsigned int i = 0; i < page_nr_zones(m.q->pages); i++) {
		const struct page_zone *z = &m.q->pages->zone[i];

		if (z->managed == 0)
			continue;
		assert_true(z->pcp_batch > 1);
		assert_int_equal(z->sheaf_cap[0], z->pcp_batch + 1 < 64 ? z->pcp_batch + 1 : 64);
		assert_true(z->sheaf_cap[3] >= 1);
	}
	machine_fini(&m);
}

/* ---- the validator ---- */

struct damage {
	const char *what;
	void (*make)(struct machine *m, struct page *owned, struct page *cached);
};

static struct page_arena *arena_of(struct machine *m, const struct page *page)
{
	return page_arena_of(m->q->pages, page);
}

static unsigned int pageblock_of(struct machine *m, const struct page *page)
{
	return (unsigned int)((quarry_page_to_pfn(m->q, page) - arena_of(m, page)->base_pfn) >> 9);
}

static void damage_bit_set(struct machine *m, struct page *owned, struct page *cached)
{
	(void)cached;
	pageblock_set(arena_of(m, owned)->bits[pageblock_of(m, owned)],
		      (unsigned int)quarry_page_to_pfn(m->q, owned) & 511u, 0);
}

static void damage_bit_clear(struct machine *m, struct page *owned, struct page *cached)
{
	unsigned int i = pageblock_of(m, owned);
	uint64_t *bits = arena_of(m, owned)->bits[i];

	(void)cached;
	pageblock_clear(bits, (unsigned int)pageblock_find(bits, 0), 0);
}

static void damage_count(struct machine *m, struct page *owned, struct page *cached)
{
	(void)cached;
	arena_of(m, owned)->pb[pageblock_of(m, owned)].nr_free++;
}

static void damage_filed(struct machine *m, struct page *owned, struct page *cached)
{
	(void)cached;
	arena_of(m, owned)->pb[pageblock_of(m, owned)].filed ^= 1;
}

static void damage_type(struct machine *m, struct page *owned, struct page *cached)
{
	struct page_pb *pb = &arena_of(m, owned)->pb[pageblock_of(m, owned)];

	(void)cached;
	pb->type = pb->type == QUARRY_MIGRATE_RECLAIMABLE ? QUARRY_MIGRATE_MOVABLE
							  : QUARRY_MIGRATE_RECLAIMABLE;
}

static void damage_link(struct machine *m, struct page *owned, struct page *cached)
{
	(void)cached;
	arena_of(m, owned)->pb[pageblock_of(m, owned)].prev = 3;
}

static void damage_second(struct machine *m, struct page *owned, struct page *cached)
{
	(void)cached;
	arena_of(m, owned)->pb[pageblock_of(m, owned)].tail = 1;
}

static void damage_mask(struct machine *m, struct page *owned, struct page *cached)
{
	(void)cached;
	arena_of(m, owned)->order_mask[QUARRY_MIGRATE_RECLAIMABLE] ^= 2;
}

static void damage_avail(struct machine *m, struct page *owned, struct page *cached)
{
	(void)cached;
	zone_avail(arena_of(m, owned)->zone, QUARRY_MIGRATE_RECLAIMABLE, 3)[0] ^= 1;
}

static void damage_arena_count(struct machine *m, struct page *owned, struct page *cached)
{
	(void)cached;
	arena_of(m, owned)->nr_free--;
}

static void damage_zone_count(struct machine *m, struct page *owned, struct page *cached)
{
	(void)cached;
	arena_of(m, owned)->zone->nr_free++;
}

static void damage_arena_name(struct machine *m, struct page *owned, struct page *cached)
{
	(void)m;
	(void)cached;
	owned->word ^= (uint64_t)1 << PAGE_WORD_ARENA_SHIFT;
}

static void damage_lost(struct machine *m, struct page *owned, struct page *cached)
{
	(void)m;
	(void)cached;
	owned->word &= PAGE_WORD_ARENA_MASK;
}

static void damage_order(struct machine *m, struct page *owned, struct page *cached)
{
	(void)m;
	(void)cached;
	owned->word += (uint64_t)1 << PAGE_WORD_ORDER_SHIFT;
}

static void damage_cached(struct machine *m, struct page *owned, struct page *cached)
{
	(void)m;
	(void)owned;
	cached->word |= page_word_alloc(0, 0);
}

static void validator_sees_damage(void **state)
{
	static const struct damage damages[] = {
		{"bit set", damage_bit_set},
		{"bit clear", damage_bit_clear},
		{"count", damage_count},
		{"filed", damage_filed},
		{"type", damage_type},
		{"link", damage_link},
		{"second", damage_second},
		{"order mask", damage_mask},
		{"avail", damage_avail},
		{"arena count", damage_arena_count},
		{"zone count", damage_zone_count},
		{"arena name", damage_arena_name},
		{"lost block", damage_lost},
		{"order", damage_order},
		{"page in a sheaf", damage_cached},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct page *owned, *cached;
		struct machine m;
		char why[256];

		machine_build(&m, &large);
		cached = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		owned = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		assert_true(cached != NULL && owned != NULL);
		quarry_free_pages(m.q, cached, 0);
		machine_check(&m);
		damages[i].make(&m, owned, cached);
		if (machine_is_sound(&m, why))
			fail_msg("the validator does not see: %s", damages[i].what);
		assert_int_not_equal(strlen(why), 0);
		assert_true(quarry_check_pages(m.q, NULL) > 0);
		machine_fini(&m);
	}
}

/*
 * P4: of order 9 a block that is freed lies ready if none does, and after it the one freed last is handed out, to
 * requests of the pageblock's type only, and the counts know of it.
 */
static void whole_pageblocks_are_reused(void **state)
{
	const gfp_t gfp = GFP_HIGHUSER_MOVABLE;
	struct page *all[16], *page;
	struct quarry_totals before, now;
	struct machine m;

	(void)state;
	machine_build(&m, &(const struct machine_spec){.memory = {{0, 16 * MACHINE_GIB, 0}}});
	for (size_t i = 0; i < 16; i++) {
		all[i] = quarry_alloc_pages(m.q, gfp, QUARRY_PAGEBLOCK_ORDER);
		assert_non_null(all[i]);
	}
	quarry_drain_all_pages(m.q);
	quarry_free_pages(m.q, all[3], QUARRY_PAGEBLOCK_ORDER);
	quarry_free_pages(m.q, all[8], QUARRY_PAGEBLOCK_ORDER);
	assert_int_equal(quarry_pfn_state(m.q, quarry_page_to_pfn(m.q, all[8]), NULL),
			 QUARRY_PAGE_PCP);
	machine_check(&m);
	quarry_totals(m.q, &before);
	assert_ptr_equal(quarry_alloc_pages(m.q, gfp, QUARRY_PAGEBLOCK_ORDER), all[3]);
	assert_ptr_equal(quarry_alloc_pages(m.q, gfp, QUARRY_PAGEBLOCK_ORDER), all[8]);
	machine_check(&m);
	quarry_totals(m.q, &now);
	assert_int_equal(now.pgalloc - before.pgalloc, 2 * QUARRY_PAGEBLOCK_PAGES);
	assert_int_equal(now.free, before.free);
	/* Of another type by now: it goes back to its arena. */
	assert_int_equal(quarry_set_pageblock_type(m.q, quarry_page_to_pfn(m.q, all[5]),
						   QUARRY_MIGRATE_UNMOVABLE),
			 0);
	quarry_free_pages(m.q, all[5], QUARRY_PAGEBLOCK_ORDER);
	page = quarry_alloc_pages(m.q, gfp, QUARRY_PAGEBLOCK_ORDER);
	assert_non_null(page);
	assert_ptr_not_equal(page, all[5]);
	machine_check(&m);
	quarry_free_pages(m.q, page, QUARRY_PAGEBLOCK_ORDER);
	for (size_t i = 0; i < 16; i++) {
		if (i != 5)
			quarry_free_pages(m.q, all[i], QUARRY_PAGEBLOCK_ORDER);
	}
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* P4: so is a word of 64 pages whose blocks are all freed; if one is missing, all go back to the pageblock first. */
/* Hands that come back while somebody is at their arena wait, all of them and as they are, if they may. */
static void hands_wait_for_their_arena(void **state)
{
	struct page_hand hands[3], before[3];
	struct page_arena *a;
	unsigned int n = 0;
	struct machine m;
	quarry_pin_t pin;

	(void)state;
	machine_build(&m, &(const struct machine_spec){.memory = {{0, 256 * MACHINE_MIB, 0}},
						       .concurrent = true});
	quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_KERNEL, 0), 0);
	quarry_drain_all_pages(m.q);
	for (; n < 3; n++) {
		struct page *page = quarry_alloc_pages(m.q, GFP_KERNEL, 6);

		assert_non_null(page);
		hands[n] = (struct page_hand){page_word_base(page), ~(uint64_t)0};
		for (unsigned int i = 0; i < 64; i++)
			page_set_word(page + i, page_word(page + i) & PAGE_WORD_ARENA_MASK);
	}
	memcpy(before, hands, sizeof(before));
	a = page_arena_of(m.q->pages, hands[0].base);
	pin = arena_lock(m.q, a);
	assert_int_equal(zone_put(m.q, hands, 3, 0, true, NULL), 3);
	arena_unlock(m.q, a, pin);
	assert_memory_equal(hands, before, sizeof(before));
	assert_int_equal(zone_put(m.q, hands, 3, 0, true, NULL), 0);
	assert_int_equal(machine_free_pages(&m), 256 * MACHINE_MIB / QUARRY_PAGE_SIZE);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* Two whole words that came back: both are handed out again before an arena is asked, the last one first. */
static void the_last_words_come_first(void **state)
{
	struct page *all[256], *page;
	unsigned int first = 0;
	struct machine m;

	(void)state;
	machine_build(&m, &(const struct machine_spec){.memory = {{0, MACHINE_GIB, 0}}});
	for (unsigned int i = 0; i < 256; i++)
		assert_non_null(all[i] = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0));
	quarry_drain_all_pages(m.q);
	while (quarry_page_to_pfn(m.q, all[first]) % 64 != 0)
		first++;
	for (unsigned int i = 0; i < 128; i++)
		quarry_free_pages(m.q, all[first + i], 0);
	for (unsigned int i = 0; i < 128; i++) {
		page = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0);
		assert_ptr_equal(page, all[first + (i < 64 ? 64 + i : i - 64)]);
	}
	machine_check(&m);
	for (unsigned int i = 0; i < 256; i++)
		quarry_free_pages(m.q, all[i], 0);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static void whole_words_are_reused(void **state)
{
	const gfp_t gfp = GFP_HIGHUSER_MOVABLE;

	(void)state;
	for (unsigned int order = 0; order < 4; order++) {
		const unsigned int n = 64u >> order;
		struct page *all[192];
		struct quarry_totals before, now;
		struct machine m;
		unsigned int first = 0;

		machine_build(&m, &(const struct machine_spec){.memory = {{0, MACHINE_GIB, 0}}});
		for (unsigned int i = 0; i < 3 * n; i++)
			assert_non_null(all[i] = quarry_alloc_pages(m.q, gfp, order));
		quarry_drain_all_pages(m.q);
		while (quarry_page_to_pfn(m.q, all[first]) % 64 != 0)
			first++;
		quarry_totals(m.q, &before);
		for (unsigned int missing = 0; missing < 2; missing++) {
			for (unsigned int i = missing; i < n; i++)
				quarry_free_pages(m.q, all[first + i], order);
			for (unsigned int i = missing; i < n; i++) {
				struct page *page = quarry_alloc_pages(m.q, gfp, order);

				if (missing != 0) {
					assert_non_null(page);
					assert_ptr_not_equal(page, all[first + i]);
				} else {
					assert_ptr_equal(page, all[first + i]);
				}
				all[first + i] = page;
			}
			machine_check(&m);
		}
		quarry_totals(m.q, &now);
		assert_int_equal(now.pgalloc - before.pgalloc, (2 * n - 1) << order);
		for (unsigned int i = 0; i < 3 * n; i++)
			quarry_free_pages(m.q, all[i], order);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		assert_int_equal(m.reports, 0);
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_pageblocks_are_reused),
		cmocka_unit_test(whole_words_are_reused),
		cmocka_unit_test(the_last_words_come_first),
		cmocka_unit_test(hands_wait_for_their_arena),
		cmocka_unit_test(each_order),
		cmocka_unit_test(contents),
		cmocka_unit_test(by_address),
		cmocka_unit_test(arguments_out_of_range),
		cmocka_unit_test(bad_frees),
		cmocka_unit_test(free_of_a_reserved_page),
		cmocka_unit_test(references),
		cmocka_unit_test(split),
		cmocka_unit_test(exact),
		cmocka_unit_test(states_of_page_frames),
		cmocka_unit_test(names),
		cmocka_unit_test(counts_add_up),
		cmocka_unit_test(sheaves_are_bounded),
		cmocka_unit_test(batches_grow_and_age),
		cmocka_unit_test(age_leaves_a_batch),
		cmocka_unit_test(every_zone_has_its_sheaves),
		cmocka_unit_test(validator_sees_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
