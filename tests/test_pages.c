/* SPDX-License-Identifier: MIT */
/*
 * The public calls of page.h and mmzone.h: what each gives, each refusal and report with the state
 * unchanged after it, and machines of every odd shape.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

#define KIB MACHINE_KIB
#define MIB MACHINE_MIB
#define GIB MACHINE_GIB
#define PAGE ((phys_addr_t)QUARRY_PAGE_SIZE)

#define GFP_ALL (GFP_KERNEL | __GFP_MEMALLOC)	/* to the last page */

static const struct machine_spec small = {.memory = {{0, 8 * MIB, 0}}, .ram_bytes = 8 << 20};
static const struct machine_spec large = {
	.memory = {{4 * KIB, 636 * KIB, 0}, {1 * MIB, 128 * MIB, 0}},
	.ram_bytes = 128 << 20,
	.boot = {.nr_cpus = 2},
};
static const struct machine_spec three_nodes = {
	.memory = {{0, 32 * MIB, 0}, {32 * MIB, 64 * MIB, 1}, {64 * MIB, 96 * MIB, 2}},
	.boot = {.nr_cpus = 3,
		 .nr_nodes = 3,
		 .distance = (const uint8_t[]){10, 30, 20, 30, 10, 25, 20, 25, 10},
		 .dma_limit = ~(phys_addr_t)0,
		 .dma32_limit = ~(phys_addr_t)0},
};

/* ---- all of a machine's memory, block by block ---- */

struct hoard {
	struct page **page;
	unsigned int *order;
	size_t n, pages, room;
};

static void hoard_add(struct hoard *h, struct page *page, unsigned int order)
{
	if (h->n == h->room) {
		h->room = h->room != 0 ? 2 * h->room : 1024;
		h->page = realloc(h->page, sizeof(*h->page) * h->room);
		h->order = realloc(h->order, sizeof(*h->order) * h->room);
		assert_true(h->page != NULL && h->order != NULL);
	}
	h->page[h->n] = page;
	h->order[h->n++] = order;
	h->pages += (size_t)1 << order;
}

/* Takes blocks of @order until there are none. */
static void hoard_order(struct machine *m, struct hoard *h, gfp_t gfp, unsigned int order)
{
	struct page *page;

	while ((page = quarry_alloc_pages(m->q, gfp, order)) != NULL)
		hoard_add(h, page, order);
}

static void hoard_all(struct machine *m, struct hoard *h, gfp_t gfp)
{
	for (unsigned int order = QUARRY_NR_ORDERS; order-- > 0;)
		hoard_order(m, h, gfp, order);
}

/* Gives all back, in an order that mixes. */
static void hoard_free(struct machine *m, struct hoard *h)
{
	uint64_t seed = 1;

	while (h->n > 0) {
		size_t k = (size_t)(machine_random(&seed) % h->n);

		quarry_free_pages(m->q, h->page[k], h->order[k]);
		h->n--;
		h->page[k] = h->page[h->n];
		h->order[k] = h->order[h->n];
	}
	free(h->page);
	free(h->order);
	memset(h, 0, sizeof(*h));
}

static unsigned long managed_pages(struct machine *m)
{
	struct quarry_totals totals;

	quarry_totals(m->q, &totals);
	return totals.managed;
}

/* To the last page and back: buddyinfo is what it was right after boot. */
static void exhaust_and_return(struct machine *m)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
	struct hoard h = {0};

	machine_free_blocks(m, before);
	hoard_all(m, &h, GFP_ALL);
	hoard_all(m, &h, GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC);
	assert_int_equal(machine_free_pages(m), 0);
	assert_int_equal(h.pages, managed_pages(m));
	machine_check(m);
	hoard_free(m, &h);
	quarry_drain_all_pages(m->q);
	machine_check(m);
	machine_free_blocks(m, after);
	machine_assert_same_blocks(before, after);
	assert_int_equal(m->reports, 0);
}

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
	for (unsigned int order = 0; order <= 9; order++) {
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
	assert_null(quarry_alloc_pages_exact(m.q, (QUARRY_PAGE_SIZE << QUARRY_MAX_ORDER) + 1, GFP_KERNEL));
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
	/* A reserved page in a pageblock that is in use: page 0 of the machine is no memory. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, 0);
	while (page != NULL && quarry_page_to_pfn(m.q, page) >= 512)
		page = quarry_alloc_pages(m.q, GFP_ALL | __GFP_DMA, 0);
	if (page != NULL) {
		other = quarry_pfn_to_page(m.q, 160);
		assert_non_null(other);
		assert_int_equal(quarry_pfn_state(m.q, 160, NULL), QUARRY_PAGE_RESERVED);
		quarry_free_pages(m.q, other, 0);
		expect_report(&m, &reports, "not allocated");
	}
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
	static const size_t sizes[] = {1, 4095, 4096, 4097, 12288, 12289, 5 * 4096, 1023 * 4096 + 1,
				       4 << 20, 513 * 4096};
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
			assert_int_equal(quarry_page_count(m.q, quarry_virt_to_page(m.q, p + k * 4096)), 1);
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

/* ---- zones and nodes ---- */

static void zone_bits_of_gfp(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 60 * MIB, 0}},
		.boot = {.dma_limit = 16 * MIB, .dma32_limit = 32 * MIB, .movablecore = 12 * MIB},
	};
	struct hoard h = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	hoard_order(&m, &h, GFP_ALL | __GFP_DMA, 0);
	assert_int_equal(h.pages, 4096);
	for (size_t i = 0; i < h.n; i++)
		assert_true(quarry_page_to_pfn(m.q, h.page[i]) < 4096);
	hoard_order(&m, &h, GFP_ALL | __GFP_DMA32, 0);
	assert_int_equal(h.pages, 8192);
	for (size_t i = 0; i < h.n; i++)
		assert_true(quarry_page_to_pfn(m.q, h.page[i]) < 8192);
	hoard_order(&m, &h, GFP_ALL | __GFP_MOVABLE, 0); /* movable alone: up to Normal */
	hoard_order(&m, &h, GFP_ALL | __GFP_HIGHMEM, 0);
	assert_int_equal(h.pages, 12288);
	hoard_order(&m, &h, GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC, 0);
	assert_int_equal(h.pages, 15360);
	assert_int_equal(machine_free_pages(&m), 0);
	machine_check(&m);
	hoard_free(&m, &h);
	machine_check(&m);
	machine_fini(&m);
}

/* Node of a page, by address. */
static int node_at(struct machine *m, const struct page *page)
{
	return (int)(quarry_page_to_pfn(m->q, page) / 8192);
}

static void nodes_in_order_of_distance(void **state)
{
	static const int expected[3][3] = {{0, 2, 1}, {1, 2, 0}, {2, 0, 1}};
	struct quarry_zoneref refs[3];
	struct machine m;

	(void)state;
	for (int nid = 0; nid < 3; nid++) {
		struct hoard h = {0};
		struct page *page;
		int place = 0;

		machine_build(&m, &three_nodes);
		assert_true(quarry_node_present(m.q, nid));
		assert_int_equal(quarry_node_distance(m.q, nid, nid), 10);
		assert_int_equal(quarry_zonelist(m.q, nid, false, refs, 3), 3);
		for (int i = 0; i < 3; i++)
			assert_int_equal(refs[i].nid, expected[nid][i]);
		refs[1].nid = 77;
		assert_int_equal(quarry_zonelist(m.q, nid, false, refs, 1), 3);
		assert_int_equal(refs[1].nid, 77);
		assert_int_equal(quarry_zonelist(m.q, nid, true, refs, 3), 1);
		assert_int_equal(refs[0].nid, nid);
		quarry_posix_set_cpu((unsigned int)nid);
		while ((page = quarry_alloc_pages(m.q, GFP_ALL, 3)) != NULL) {
			hoard_add(&h, page, 3);
			if (place < 3 && node_at(&m, page) == expected[nid][place])
				place++; /* the next node's turn comes for the first time */
			for (int i = place; i < 3; i++)
				assert_int_not_equal(node_at(&m, page), expected[nid][i]);
		}
		assert_int_equal(place, 3);
		assert_int_equal(h.pages, 3 * 8192);
		hoard_free(&m, &h);
		machine_check(&m);
		machine_fini(&m);
	}
}

static void this_node_only(void **state)
{
	struct quarry_refusal refusal;
	struct hoard h = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &three_nodes);
	assert_false(quarry_explain(m.q, &refusal));
	for (int nid = 2; nid >= 0; nid--) {
		struct page *page;
		unsigned int n = 0;

		while ((page = quarry_alloc_pages_node(m.q, nid, GFP_ALL | __GFP_THISNODE, 4)) != NULL) {
			assert_int_equal(node_at(&m, page), nid);
			hoard_add(&h, page, 4);
			n++;
		}
		assert_int_equal(n, 512);
		assert_true(quarry_explain(m.q, &refusal));
		assert_int_equal(refusal.nid, nid);
		assert_int_equal(refusal.nr_zones, 1);
		assert_int_equal(refusal.zones[0].nid, nid);
		assert_int_equal(refusal.zones[0].zone, QUARRY_ZONE_NORMAL);
		assert_int_equal(refusal.zones[0].reason, QUARRY_REFUSED_ORDER);
		assert_int_equal(refusal.zones[0].largest_order, -1);
	}
	assert_int_equal(refusal.serial, 3);
	assert_null(quarry_alloc_pages(m.q, GFP_ALL, 0));
	assert_true(quarry_explain(m.q, &refusal));
	assert_int_equal(refusal.nr_zones, 3);
	assert_int_equal(refusal.zones[0].reason, QUARRY_REFUSED_ORDER); /* it may ignore the marks */
	assert_int_equal(refusal.total[QUARRY_REFUSED_ORDER], 4);
	hoard_free(&m, &h);
	assert_false(quarry_node_present(m.q, 3));
	assert_false(quarry_node_present(m.q, -1));
	assert_int_equal(quarry_node_distance(m.q, 0, 3), 0);
	assert_int_equal(quarry_zonelist(m.q, 3, false, NULL, 0), 0);
	assert_int_equal(quarry_zonelist(m.q, -1, false, NULL, 0), 0);
	machine_check(&m);
	machine_fini(&m);
}

static void node_without_memory(void **state)
{
	static const int cpu_node[2] = {1, 0};
	struct machine_spec spec = {.memory = {{0, 16 * MIB, 0}},
				    .boot = {.nr_cpus = 2, .cpu_node = cpu_node}};
	struct quarry_refusal refusal;
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	assert_false(quarry_node_present(m.q, 1));
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	assert_non_null(page);
	quarry_free_pages(m.q, page, 0);
	assert_null(quarry_alloc_pages(m.q, GFP_ALL | __GFP_THISNODE, 0));
	assert_true(quarry_explain(m.q, &refusal));
	assert_int_equal(refusal.nr_zones, 0);
	assert_int_equal(refusal.nid, 1);
	machine_check(&m);
	machine_fini(&m);
}

/* ---- watermarks ---- */

static const struct quarry_refused_zone *refusal_of(struct machine *m, struct quarry_refusal *r)
{
	assert_true(quarry_explain(m->q, r));
	assert_true(r->nr_zones > 0);
	return &r->zones[0];
}

static void rights_dig_deeper(void **state)
{
	static const struct {
		gfp_t gfp;
		unsigned int num, den; /* of min that stays */
	} steps[] = {
		{GFP_KERNEL, 8, 8},
		{GFP_ATOMIC | __GFP_NOMEMALLOC, 4, 8}, /* HIGH alone is left */
		{GFP_ATOMIC, 3, 8},
		{GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOMEMALLOC, 3, 8}, /* gets nothing more */
		{GFP_KERNEL | __GFP_MEMALLOC, 0, 8},
	};
	struct machine_spec spec = {
		.memory = {{0, 16 * MIB, 0}},
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0,
			 .min_free_kbytes = 3200},
	};
	struct quarry_zone_info info;
	const struct quarry_refused_zone *why;
	struct quarry_refusal refusal;
	struct hoard h = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &info);
	assert_int_equal(info.wmark[QUARRY_WMARK_MIN], 800);
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		hoard_order(&m, &h, steps[i].gfp, 0);
		assert_int_equal(machine_free_pages(&m), 800 * steps[i].num / steps[i].den);
		why = refusal_of(&m, &refusal);
		assert_int_equal(why->free, 800 * steps[i].num / steps[i].den);
		if (why->free != 0)
			assert_int_equal(why->reason, QUARRY_REFUSED_WATERMARK);
		assert_int_equal(refusal.gfp, steps[i].gfp);
		machine_check(&m);
	}
	assert_int_equal(h.pages, 4096);
	hoard_free(&m, &h);
	/* With an order: the block but one page counts as gone. */
	hoard_order(&m, &h, GFP_KERNEL, 5);
	assert_true(machine_free_pages(&m) <= 800 + 31);
	assert_true(machine_free_pages(&m) + 32 > 800 + 31);
	why = refusal_of(&m, &refusal);
	assert_int_equal(why->reason, QUARRY_REFUSED_WATERMARK);
	assert_int_equal(why->watermark, 800);
	assert_int_equal(why->largest_order >= 5, 1);
	hoard_free(&m, &h);
	/* A request that must not fail may take everything. */
	hoard_order(&m, &h, GFP_KERNEL, 0);
	for (unsigned int i = 0; i < 800; i++)
		hoard_add(&h, quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_NOFAIL, 0), 0);
	assert_int_equal(machine_free_pages(&m), 0);
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_NOFAIL, 0));
	hoard_free(&m, &h);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static void lowmem_reserve_refuses(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 64 * MIB, 0}},
		.boot = {.dma_limit = 8 * MIB, .dma32_limit = ~(phys_addr_t)0,
			 .lowmem_reserve_ratio = {10, 10, 0, 0}, .set_lowmem_reserve_ratio = true,
			 .min_free_kbytes = 1024},
	};
	struct quarry_zone_info dma;
	struct quarry_refusal refusal;
	struct hoard h = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &dma);
	assert_int_equal(dma.lowmem_reserve[QUARRY_ZONE_NORMAL], 14336 / 10);
	hoard_order(&m, &h, GFP_KERNEL, 0);
	assert_true(quarry_explain(m.q, &refusal));
	assert_int_equal(refusal.nr_zones, 2);
	assert_int_equal(refusal.zones[0].zone, QUARRY_ZONE_NORMAL);
	assert_int_equal(refusal.zones[1].zone, QUARRY_ZONE_DMA);
	assert_int_equal(refusal.zones[1].reason, QUARRY_REFUSED_WATERMARK);
	assert_int_equal(refusal.zones[1].reserve, 1433);
	assert_int_equal(refusal.zones[1].watermark, dma.wmark[QUARRY_WMARK_MIN]);
	assert_int_equal(refusal.zones[1].free, 1433 + dma.wmark[QUARRY_WMARK_MIN]);
	/* Those who need the zone get what was kept for them. */
	hoard_order(&m, &h, GFP_KERNEL | __GFP_DMA, 0);
	assert_true(quarry_explain(m.q, &refusal));
	assert_int_equal(refusal.nr_zones, 1);
	assert_int_equal(refusal.zones[0].reserve, 0);
	assert_int_equal(refusal.zones[0].free, dma.wmark[QUARRY_WMARK_MIN]);
	hoard_free(&m, &h);
	machine_check(&m);
	machine_fini(&m);
}

static void fragmented(void **state)
{
	const struct quarry_refused_zone *why;
	struct quarry_refusal refusal;
	struct hoard h = {0};
	struct machine m;
	size_t n = 0;

	(void)state;
	machine_build(&m, &small);
	hoard_order(&m, &h, GFP_ALL, 0);
	for (size_t i = 0; i < h.n; i++) {
		if (quarry_page_to_pfn(m.q, h.page[i]) & 1)
			quarry_free_pages(m.q, h.page[i], 0);
		else
			h.page[n++] = h.page[i];
	}
	h.n = n;
	quarry_drain_all_pages(m.q);
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL, 1));
	why = refusal_of(&m, &refusal);
	assert_int_equal(why->reason, QUARRY_REFUSED_ORDER);
	assert_int_equal(why->largest_order, 0);
	assert_int_equal(why->free, 1024);
	assert_int_equal(refusal.total[QUARRY_REFUSED_ORDER], 2);
	hoard_free(&m, &h);
	machine_check(&m);
	machine_fini(&m);
}

struct reclaimer {
	struct hoard h;
	unsigned int wakes, calls;
	gfp_t gfp;
};

static void test_wake(void *ctx, int nid, unsigned int order)
{
	struct reclaimer *r = ((struct machine *)ctx)->hook;

	(void)nid;
	(void)order;
	if (r != NULL)
		r->wakes++;
}

static unsigned long test_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				  unsigned long nr_pages)
{
	struct machine *m = ctx;
	struct reclaimer *r = m->hook;
	unsigned long freed = 0;

	(void)nid;
	(void)order;
	if (r == NULL)
		return 0;
	r->calls++;
	r->gfp = gfp;
	for (; freed < nr_pages && r->h.n > 0; freed++)
		quarry_free_pages(m->q, r->h.page[--r->h.n], 0);
	return freed;
}

static void reclaim(void **state)
{
	struct machine_spec spec = {.memory = {{0, 16 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .wake = test_wake,
				    .reclaim = test_reclaim};
	struct reclaimer r = {0};
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	hoard_order(&m, &r.h, GFP_KERNEL, 0);
	m.hook = &r;
	assert_null(quarry_alloc_pages(m.q, __GFP_HIGHMEM, 0)); /* may do neither */
	assert_int_equal(r.wakes, 0);
	assert_int_equal(r.calls, 0);
	assert_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0)); /* may wake, may not wait */
	assert_int_equal(r.wakes, 1);
	assert_int_equal(r.calls, 0);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	assert_non_null(page);
	assert_int_equal(r.wakes, 2);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.gfp, GFP_KERNEL);
	quarry_free_pages(m.q, page, 0);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 6);
	assert_non_null(page); /* after as many rounds as it took */
	assert_true(r.calls > 1);
	quarry_free_pages(m.q, page, 6);
	m.hook = NULL;
	hoard_free(&m, &r.h);
	machine_check(&m);
	machine_fini(&m);
}

static unsigned long useless_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				     unsigned long nr_pages)
{
	(void)nid;
	(void)gfp;
	(void)order;
	(void)nr_pages;
	((struct machine *)ctx)->tables_refused++; /* counts calls here */
	return 1;
}

static void reclaim_ends(void **state)
{
	struct machine_spec spec = {.memory = {{0, 16 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .reclaim = useless_reclaim};
	struct hoard h = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	hoard_order(&m, &h, GFP_ALL, 0);
	m.tables_refused = 0;
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_NORETRY, 0));
	assert_int_equal(m.tables_refused, 1);
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL, 0));
	assert_true(m.tables_refused > 2 && m.tables_refused < 100);
	hoard_free(&m, &h);
	machine_fini(&m);
}

/* Pages in sheaves change nothing: marks are kept to the page, and what sheaves hold is asked for first. */
static void marks_with_sheaves(void **state)
{
	struct machine_spec spec = {.memory = {{0, 100 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .wake = test_wake,
				    .boot = {.nr_cpus = 2}};
	struct quarry_zone_info zone[2];
	struct reclaimer r = {0};
	struct machine m;
	unsigned int wakes = 0;

	(void)state;
	machine_build(&m, &spec);
	m.hook = &r;
	for (;;) {
		bool low = true;
		struct page *page;

		for (unsigned int t = 0; t < 2; t++) {
			quarry_zone_info(m.q, 0, (enum quarry_zone_type)t, &zone[t]);
			low &= zone[t].free <= zone[t].wmark[QUARRY_WMARK_LOW] +
						       zone[t].lowmem_reserve[QUARRY_ZONE_NORMAL];
		}
		page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		assert_int_equal(r.wakes - wakes, low);
		wakes = r.wakes;
		if (page == NULL)
			break;
		hoard_add(&r.h, page, 0);
		quarry_posix_set_cpu((unsigned int)r.h.n % 7 == 0);
	}
	for (unsigned int t = 0; t < 2; t++) {
		quarry_zone_info(m.q, 0, (enum quarry_zone_type)t, &zone[t]);
		assert_int_equal(zone[t].pcp, 0);
		assert_int_equal(zone[t].free, zone[t].wmark[QUARRY_WMARK_MIN] +
						       zone[t].lowmem_reserve[QUARRY_ZONE_NORMAL]);
	}
	m.hook = NULL;
	hoard_free(&m, &r.h);
	machine_check(&m);
	machine_fini(&m);
}

/* ---- migratetypes ---- */

static void zone_normal(struct machine *m, struct quarry_zone_info *info)
{
	assert_true(quarry_zone_info(m->q, 0, QUARRY_ZONE_NORMAL, info));
}

static void fallback_claims_and_steals(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 16 * MIB, 0}},
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};
	struct hoard unmovable = {0}, movable = {0};
	struct quarry_zone_info info;
	struct quarry_totals totals;
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	zone_normal(&m, &info);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE], 8);
	assert_int_equal(info.nr_free_type[QUARRY_MIGRATE_MOVABLE][10], 4);
	/* The largest block is claimed, with all its pageblocks. */
	page = quarry_alloc_pages(m.q, GFP_ALL, 0);
	hoard_add(&unmovable, page, 0);
	zone_normal(&m, &info);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], 2);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE], 6);
	quarry_totals(m.q, &totals);
	assert_int_equal(totals.fallback_claimed, 2);
	assert_int_equal(totals.fallback_stolen, 0);
	/* Reclaimable asks unmovable first, whose larger block is a whole pageblock. */
	page = quarry_alloc_pages(m.q, GFP_ALL | __GFP_RECLAIMABLE, 0);
	hoard_add(&unmovable, page, 0);
	zone_normal(&m, &info);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_RECLAIMABLE], 2);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], 2);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE], 4);
	/* Fill what is movable; then fill two thirds of the unmovable pageblocks. */
	while (quarry_totals(m.q, &totals), totals.fallback_claimed + totals.fallback_stolen == 4) {
		page = quarry_alloc_pages(m.q, GFP_ALL | __GFP_MOVABLE, 0);
		hoard_add(&movable, page, 0);
		assert_true(movable.n <= 2049);
	}
	/* The 2049th took a pageblock of another type over: all of it was free. */
	assert_int_equal(movable.n, 2049);
	assert_int_equal(totals.fallback_claimed, 5);
	machine_check(&m);
	hoard_order(&m, &unmovable, GFP_ALL, 2);
	hoard_order(&m, &unmovable, GFP_ALL, 0);
	assert_int_equal(machine_free_pages(&m), 0);
	zone_normal(&m, &info);
	/* Free eight pages of an unmovable block: a movable request steals, the type stays. */
	for (size_t i = 0; i < unmovable.n; i++) {
		if (unmovable.order[i] == 2 && quarry_page_to_pfn(m.q, unmovable.page[i]) % 512 > 64) {
			quarry_free_pages(m.q, unmovable.page[i], 2);
			unmovable.page[i] = unmovable.page[--unmovable.n];
			unmovable.order[i] = unmovable.order[unmovable.n];
			break;
		}
	}
	quarry_totals(m.q, &totals);
	page = quarry_alloc_pages(m.q, GFP_ALL | __GFP_MOVABLE, 0);
	assert_non_null(page);
	hoard_add(&movable, page, 0);
	{
		struct quarry_zone_info now;
		struct quarry_totals after;

		zone_normal(&m, &now);
		quarry_totals(m.q, &after);
		assert_memory_equal(now.nr_pageblocks, info.nr_pageblocks, sizeof(info.nr_pageblocks));
		assert_int_equal(after.fallback_stolen + after.fallback_claimed,
				 totals.fallback_stolen + totals.fallback_claimed + 1);
		assert_int_equal(after.fallback_stolen, totals.fallback_stolen + 1);
	}
	machine_check(&m);
	hoard_free(&m, &unmovable);
	hoard_free(&m, &movable);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	zone_normal(&m, &info);
	assert_int_equal(info.nr_free[10], 4); /* mixed types come together all the same */
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* A machine of 8 pageblocks, every page taken singly with @gfp. */
static void build_full(struct machine *m, gfp_t gfp)
{
	static const struct machine_spec spec = {
		.memory = {{0, 16 * MIB, 0}},
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};

	machine_build(m, &spec);
	for (unsigned int i = 0; i < 4096; i++)
		assert_non_null(quarry_alloc_pages(m->q, gfp, 0));
	assert_int_equal(machine_free_pages(m), 0);
}

static void free_run(struct machine *m, pfn_t pfn, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		quarry_free_pages(m->q, quarry_pfn_to_page(m->q, pfn + i), 0);
}

struct type_counts {
	uint64_t claimed, stolen;
	unsigned long movable, unmovable;
};

static struct type_counts type_counts(struct machine *m)
{
	struct quarry_zone_info info;
	struct quarry_totals totals;

	zone_normal(m, &info);
	quarry_totals(m->q, &totals);
	return (struct type_counts){totals.fallback_claimed, totals.fallback_stolen,
				    info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE],
				    info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE]};
}

/* One request; what it did to types. Returns the page's number. */
static pfn_t one_fallback(struct machine *m, gfp_t gfp, bool claims)
{
	struct type_counts before = type_counts(m), after;
	struct page *page = quarry_alloc_pages(m->q, gfp | __GFP_MEMALLOC, 0);
	bool movable = (gfp & __GFP_MOVABLE) != 0;

	assert_non_null(page);
	after = type_counts(m);
	assert_int_equal(after.claimed - before.claimed, claims);
	assert_int_equal(after.stolen - before.stolen, !claims);
	assert_int_equal(after.movable - before.movable, claims ? (movable ? 1 : -1) : 0);
	assert_int_equal(after.unmovable - before.unmovable, claims ? (movable ? -1 : 1) : 0);
	machine_check(m);
	return quarry_page_to_pfn(m->q, page);
}

/* A pageblock changes its type if half of it is free or fits; else one block alone is taken. */
static void half_decides(void **state)
{
	struct machine m;

	(void)state;
	build_full(&m, GFP_ALL | __GFP_MOVABLE);
	for (unsigned int k = 0; k < 31; k++)
		free_run(&m, 3 * 512 + 16 * k, 8);
	free_run(&m, 3 * 512 + 16 * 31, 7); /* 255 in all */
	assert_int_equal(one_fallback(&m, GFP_KERNEL, false) / 512, 3);
	/* 254 free and one that fits; the next page makes 256. */
	free_run(&m, 3 * 512 + 16 * 31 + 7, 1);
	assert_int_equal(one_fallback(&m, GFP_KERNEL, true) / 512, 3);
	machine_fini(&m);

	/* Pages that fit count as much as free ones. */
	build_full(&m, GFP_ALL | __GFP_MOVABLE);
	for (unsigned int k = 0; k < 31; k++) {
		free_run(&m, 5 * 512 + 8 * k, 8);
		for (unsigned int i = 0; i < 8; i++)
			one_fallback(&m, GFP_KERNEL, false);
	}
	free_run(&m, 5 * 512 + 8 * 31, 8);
	one_fallback(&m, GFP_KERNEL, true);
	machine_fini(&m);
}

/* For movable pages a small block is no reason to take the pageblock over, and the smallest does. */
static void movable_takes_little(void **state)
{
	struct machine m;

	(void)state;
	build_full(&m, GFP_ALL);
	for (unsigned int k = 0; k < 32; k++)
		free_run(&m, 2 * 512 + 16 * k, 8);
	assert_int_equal(one_fallback(&m, GFP_KERNEL | __GFP_MOVABLE, false), 2 * 512);
	machine_fini(&m);

	build_full(&m, GFP_ALL);
	for (unsigned int k = 0; k < 16; k++)
		free_run(&m, 2 * 512 + 32 * k, 16);
	assert_int_equal(one_fallback(&m, GFP_KERNEL | __GFP_MOVABLE, true), 2 * 512);
	machine_fini(&m);

	build_full(&m, GFP_ALL);
	free_run(&m, 2 * 512 + 8, 8);
	free_run(&m, 6 * 512 + 77, 1);
	assert_int_equal(one_fallback(&m, GFP_KERNEL | __GFP_MOVABLE, false), 6 * 512 + 77);
	machine_fini(&m);

	/* What stays where it is takes of the largest. */
	build_full(&m, GFP_ALL | __GFP_MOVABLE);
	free_run(&m, 2 * 512 + 8, 8);
	free_run(&m, 6 * 512 + 77, 1);
	assert_int_equal(one_fallback(&m, GFP_KERNEL, false), 2 * 512 + 8);
	machine_fini(&m);
}

static void too_small_for_types(void **state)
{
	struct quarry_zone_info info;
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &small);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], 4);
	page = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0);
	assert_non_null(page);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], 4);
	quarry_free_pages(m.q, page, 0);
	machine_fini(&m);
}

static void names(void **state)
{
	static const char *const zones[] = {"DMA", "DMA32", "Normal", "Movable", "Device"};
	static const char *const types[] = {"Unmovable", "Movable", "Reclaimable",
					    "HighAtomic", "CMA", "Isolate"};

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
		hoard_add(&h, quarry_alloc_pages(m.q, i % 3 ? GFP_KERNEL : GFP_HIGHUSER_MOVABLE, i % 5),
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

/* ---- machines of every shape ---- */

#define TOP ((phys_addr_t)1 << QUARRY_MAX_PHYS_BITS)

static const struct machine_spec odd_shapes[] = {
	{.memory = {{0, PAGE, 0}}},
	{.memory = {{PAGE, 2 * PAGE, 0}}},
	{.memory = {{0, 2 * MIB, 0}}},
	{.memory = {{PAGE, 2 * MIB, 0}}},
	{.memory = {{0, 4 * MIB, 0}}},
	{.memory = {{2 * MIB, 6 * MIB, 0}}},
	{.memory = {{2 * MIB, 8 * MIB, 0}}},
	{.memory = {{123, 10 * MIB + 77, 0}}}, /* pages partly outside */
	{.memory = {{TOP - 4 * MIB, TOP, 0}}},
	{.memory = {{TOP - PAGE, TOP, 0}}},
	{.memory = {{0, 8 * MIB, 0}, {TOP - 6 * MIB, TOP, 1}}},
	/* single pages with holes between */
	{.memory = {{0, PAGE, 0}, {2 * PAGE, 3 * PAGE, 0}, {511 * PAGE, 513 * PAGE, 0},
		    {1023 * PAGE, 1024 * PAGE, 0}, {1025 * PAGE, 1026 * PAGE, 0}}},
	/* every boundary inside a pageblock */
	{.memory = {{0, 30 * MIB, 0}},
	 .boot = {.dma_limit = 7 * MIB + 4 * KIB, .dma32_limit = 19 * MIB - 4 * KIB}},
	{.memory = {{0, 30 * MIB, 0}}, .boot = {.dma_limit = PAGE, .dma32_limit = 2 * PAGE}},
	{.memory = {{0, 5 * MIB, 0}, {5 * MIB, 5 * MIB + PAGE, 1}, {5 * MIB + PAGE, 9 * MIB, 2},
		    {9 * MIB, 25 * MIB, 0}},
	 .boot = {.nr_cpus = 5}},
	/* reservations that leave little, or nothing of a pageblock, a zone, a GiB */
	{.memory = {{0, 20 * MIB, 0}},
	 .reserved = {{0, 2 * MIB - 1, 0}, {4 * MIB + 1, 6 * MIB, 0}, {16 * MIB, 18 * MIB, 0}}},
	{.memory = {{0, 20 * MIB, 0}}, .reserved = {{0, 16 * MIB, 0}}},
	{.memory = {{0, 20 * MIB, 0}}, .reserved = {{PAGE, 20 * MIB, 0}}},
	{.memory = {{0, 20 * MIB, 0}}, .reserved = {{0, 20 * MIB, 0}}}, /* nothing at all */
	{.memory = {{GIB, 3 * GIB, 0}, {3 * GIB, 4 * GIB, 1}},
	 .reserved = {{2 * GIB, 3 * GIB, 0}}, .boot = {.nr_cpus = 2}},
	/* an arena cut by the end of the GiB; one that begins at an odd pageblock */
	{.memory = {{GIB - 2 * MIB, GIB + 2 * MIB, 0}}},
	{.memory = {{GIB - 6 * MIB, GIB + 6 * MIB, 0}}},
	{.memory = {{2 * MIB, 4 * MIB, 0}}},
	{.memory = {{2 * MIB, GIB, 0}}},
	{.memory = {{0, 2 * MIB, 0}, {GIB - 2 * MIB, GIB, 0}}},
	{.memory = {{GIB, 2 * GIB, 0}}},
	/* movable memory */
	{.memory = {{0, 300 * MIB, 0}}, .boot = {.kernelcore = 100 * MIB, .nr_cpus = 4}},
	{.memory = {{0, 300 * MIB, 0}, {300 * MIB, 310 * MIB, 1}}, .boot = {.movablecore = 200 * MIB}},
	{.memory = {{0, 16 * MIB, 0}}, .boot = {.movablecore = 500 * MIB}},
	{.memory = {{0, 16 * MIB, 0}}, .boot = {.kernelcore = 1}},
	/* highest node, many CPUs */
	{.memory = {{0, 64 * MIB, QUARRY_MAX_NODES - 1}}, .boot = {.nr_cpus = QUARRY_MAX_CPUS}},
	/* far apart */
	{.memory = {{0, 2 * MIB, 0}, {70 * GIB, 70 * GIB + 3 * MIB, 0}, {5000 * GIB, 5000 * GIB + 2 * PAGE, 3}}},
	/* absurd parameters */
	{.memory = {{0, 64 * MIB, 0}},
	 .boot = {.min_free_kbytes = ~0ul, .watermark_scale_factor = ~0u,
		  .lowmem_reserve_ratio = {1, 1, 1, 1}, .set_lowmem_reserve_ratio = true}},
	{.memory = {{0, 64 * MIB, 0}}, .boot = {.kernelcore = ~(phys_addr_t)0, .movablecore = ~(phys_addr_t)0}},
	{.memory = {{0, 64 * MIB, 0}}, .boot = {.dma_limit = 1, .dma32_limit = ~(phys_addr_t)1}},
};

static void odd_machines(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(odd_shapes) / sizeof(odd_shapes[0]); i++) {
		struct machine m;

		print_message("odd machine %u\n", i);
		machine_build(&m, &odd_shapes[i]);
		machine_check(&m);
		exhaust_and_return(&m);
		machine_fini(&m);
	}
}

static void many_nodes(void **state)
{
	struct machine_spec spec = {.boot = {.nr_cpus = 128}};
	struct quarry_zoneref refs[QUARRY_MAX_NODES];
	struct machine m;

	(void)state;
	for (int nid = 0; nid < MACHINE_RANGES - 1; nid++)
		spec.memory[nid] = (struct machine_range){(phys_addr_t)nid * 5 * MIB,
							  (phys_addr_t)(nid + 1) * 5 * MIB, nid};
	machine_build(&m, &spec);
	for (int nid = 0; nid < MACHINE_RANGES - 1; nid++) {
		assert_true(quarry_zonelist(m.q, nid, false, refs, QUARRY_MAX_NODES) >= MACHINE_RANGES - 1);
		assert_int_equal(refs[0].nid, nid);
	}
	exhaust_and_return(&m);
	machine_fini(&m);
}

static void memory_beyond_the_limit(void **state)
{
	struct machine_spec spec = {.memory = {{TOP - 4 * MIB, TOP + 4 * MIB, 0}, {2 * TOP, 3 * TOP, 1}}};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(managed_pages(&m), 1024);
	machine_check(&m);
	m.reports = 0; /* that pages are left out may be told */
	exhaust_and_return(&m);
	machine_fini(&m);
}

static unsigned long resident_kib(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return resident * 4;
}

/* A server of 16 nodes and 12 TiB, its map from a boot log: only what is used of the tables exists. */
static const struct machine_range server_map[] = {
	{0x0, 0x8e000, 0},		{0x90000, 0xa0000, 0},		{0x100000, 0x6d00c000, 0},
	{0x6d018000, 0x6f3fc000, 0},	{0x6f3ff000, 0x78bff000, 0},	{0x7bfff000, 0x7c000000, 0},
	{0x100001000, 0xc080000000, 0},
};

static void twelve_tebibytes(void **state)
{
	struct machine_spec spec = {.boot = {.nr_cpus = 240}};
	struct quarry_zone_info info;
	struct quarry_totals totals;
	unsigned long before;
	struct machine m;
	unsigned int n = 0;

	(void)state;
	for (; n < sizeof(server_map) / sizeof(server_map[0]); n++)
		spec.memory[n] = server_map[n];
	for (int nid = 1; nid < 16; nid++, n++) {
		phys_addr_t start = 0xe000000000 + (phys_addr_t)(nid - 1) * 0xc000000000;

		spec.memory[n] = (struct machine_range){start + (nid == 1 ? PAGE : 0),
							start + 0xc000000000, nid};
	}
	before = resident_kib();
	machine_build(&m, &spec);
	quarry_totals(m.q, &totals);
	assert_true(totals.managed > ((12ul << 40) - (4ul << 30)) >> 12);
	assert_int_equal(totals.free, totals.managed);
	assert_true(quarry_zone_info(m.q, 15, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.nr_arenas, 768);
	assert_int_equal(info.nr_virgin_arenas, 768);
	assert_int_equal(info.nr_free[10], 768 * 256);
	assert_true(totals.meta_bytes < totals.managed * 4096 / 10000);
	for (unsigned int cpu = 0; cpu < 240; cpu += 16) {
		for (unsigned int order = 0; order <= 10; order++) {
			struct page *page;

			quarry_posix_set_cpu(cpu);
			page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_ZERO, order);
			assert_non_null(page);
			quarry_free_pages(m.q, page, order);
		}
	}
	quarry_posix_set_cpu(0);
	quarry_drain_all_pages(m.q);
	assert_int_equal(machine_free_pages(&m), totals.managed);
	machine_check(&m);
	print_message("%lu KiB of tables, of which %lu KiB exist\n", (unsigned long)(totals.meta_bytes >> 10),
		      resident_kib() - before);
	assert_true(resident_kib() - before < 128 << 10);
	machine_fini(&m);
}

/* ---- hand-over ---- */

static void bootmem_as_memblock(void **state)
{
	struct machine_spec specs[] = {
		{.memory = {{0, 16 * MIB, 0}}, .reserved = {{8 * KIB, 12 * KIB, 0}, {3 * MIB, 5 * MIB + 1, 0}}},
		{.memory = {{4 * KIB, 636 * KIB, 0}, {1 * MIB, 64 * MIB, 0}},
		 .reserved = {{16 * MIB, 24 * MIB, 0}}},
		{.memory = {{0, 20 * MIB, 0}, {20 * MIB, 41 * MIB, 1}, {50 * MIB, 90 * MIB, 2}},
		 .reserved = {{30 * MIB, 31 * MIB, 0}}, .boot = {.nr_cpus = 3}},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		unsigned long memblock[QUARRY_NR_ORDERS], bootmem[QUARRY_NR_ORDERS];
		struct machine a, b;

		specs[i].boot.bootmem = false;
		specs[i].ram_bytes = 128 << 20;
		machine_build(&a, &specs[i]);
		specs[i].boot.bootmem = true;
		machine_build(&b, &specs[i]);
		machine_free_blocks(&a, memblock);
		machine_free_blocks(&b, bootmem);
		machine_assert_same_blocks(memblock, bootmem);
		assert_int_equal(managed_pages(&a), managed_pages(&b));
		exhaust_and_return(&a);
		exhaust_and_return(&b);
		machine_fini(&a);
		machine_fini(&b);
	}
}

/* ---- tables ---- */

static void tables_inside(void **state)
{
	static const phys_addr_t sizes[] = {2 * MIB, 4 * MIB, 16 * MIB, 100 * MIB};

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		phys_addr_t size = sizes[i / 2];
		struct machine_spec spec = {.memory = {{PAGE, size, 0}}, .port = MACHINE_INSIDE,
					    .ram_bytes = (size_t)size,
					    .boot = {.nr_cpus = 2, .bootmem = i % 2 != 0}};
		unsigned long blocks[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
		struct quarry_totals totals;
		struct hoard h = {0};
		struct machine m;
		struct page *page;

		machine_build(&m, &spec);
		quarry_totals(m.q, &totals);
		assert_true(totals.meta_bytes > 0);
		assert_true(totals.managed < size / PAGE);
		/* After the first touches all tables are there. */
		for (unsigned int cpu = 0; cpu < 2; cpu++) {
			quarry_posix_set_cpu(cpu);
			page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, 0);
			assert_non_null(page);
			quarry_free_pages(m.q, page, 0);
			page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
			assert_non_null(page);
			quarry_free_pages(m.q, page, 0);
		}
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		machine_free_blocks(&m, blocks);
		hoard_all(&m, &h, GFP_ALL);
		assert_int_equal(machine_free_pages(&m), 0);
		for (size_t k = 0; k < h.n; k++) /* whoever holds a table's page destroys it here */
			memset(quarry_page_address(m.q, h.page[k]), 0xff, QUARRY_PAGE_SIZE << h.order[k]);
		machine_check(&m);
		hoard_free(&m, &h);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		machine_free_blocks(&m, after);
		machine_assert_same_blocks(blocks, after);
		assert_int_equal(m.reports, 0);
		machine_fini(&m);
	}
}

static void tables_inside_out_of_reach(void **state)
{
	struct machine_spec spec = {.memory = {{PAGE, 40 * MIB, 0}}, .port = MACHINE_INSIDE,
				    .ram_bytes = 40 << 20};
	struct quarry_refusal refusal;
	struct machine m;
	struct page *page;
	unsigned long free;

	(void)state;
	machine_build(&m, &spec);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 0); /* DMA32's tables are there; DMA's not yet */
	assert_non_null(page);
	quarry_free_pages(m.q, page, 0);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	free = machine_free_pages(&m);
	m.fail_storage = true;
	for (unsigned int i = 0; i < 10; i++) {
		assert_null(quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, i));
		assert_true(quarry_explain(m.q, &refusal));
		assert_int_equal(refusal.nr_zones, 1);
		assert_int_equal(refusal.zones[0].reason, QUARRY_REFUSED_METADATA);
		assert_int_equal(machine_free_pages(&m), free); /* nothing changed */
		machine_check(&m);
	}
	m.fail_storage = false;
	page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, 0);
	assert_non_null(page);
	assert_true(quarry_page_to_pfn(m.q, page) < 4096);
	quarry_free_pages(m.q, page, 0);
	machine_check(&m);
	machine_fini(&m);
}

static void tables_fail_at_boot(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 64 * MIB, 0}, {GIB, GIB + 64 * MIB, 1}},
		.port = MACHINE_COUNTED,
		.boot = {.nr_cpus = 2},
	};
	struct machine m;
	int err = -1;
	long n;

	(void)state;
	for (n = 0; err != 0; n++) {
		assert_true(n < 2000);
		spec.budget = n;
		machine_init(&m, &spec);
		err = quarry_boot(m.q, &spec.boot);
		assert_true(err == 0 || err == -QUARRY_ENOMEM);
		if (err == 0) {
			assert_int_equal(quarry_stage(m.q), QUARRY_STAGE_SLAB);
			machine_check(&m);
		}
		machine_fini(&m); /* every table comes back */
	}
	assert_true(n > 8);
}

static void tables_fail_at_work(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 600 * MIB, 0}, {GIB, GIB + 600 * MIB, 1}, {2 * GIB, 2 * GIB + 600 * MIB, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
		.boot = {.nr_cpus = 2},
	};

	(void)state;
	for (long n = 0; n < 12; n++) {
		struct quarry_refusal refusal;
		struct hoard h = {0};
		struct machine m;
		struct page *page;

		machine_build(&m, &spec);
		m.budget = n;
		for (unsigned int i = 0; i < 40; i++) {
			quarry_posix_set_cpu(i & 1);
			page = quarry_alloc_pages(m.q, i & 2 ? GFP_KERNEL : GFP_KERNEL | __GFP_DMA, i % 11);
			if (page != NULL) {
				hoard_add(&h, page, i % 11);
				continue;
			}
			assert_true(quarry_explain(m.q, &refusal));
			if (refusal.zones[0].reason != QUARRY_REFUSED_WATERMARK)
				assert_int_equal(refusal.zones[0].reason, QUARRY_REFUSED_METADATA);
		}
		if (n == 0)
			assert_int_equal(h.n, 0);
		machine_check(&m);
		m.budget = -1;
		hoard_free(&m, &h);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		assert_int_equal(machine_free_pages(&m), managed_pages(&m));
		page = quarry_alloc_pages(m.q, GFP_KERNEL, 3); /* and it recovers */
		assert_non_null(page);
		quarry_free_pages(m.q, page, 3);
		assert_int_equal(m.reports, 0);
		machine_fini(&m);
	}
}

static void other_cpu_is_faster(struct machine *m)
{
	m->before_table = NULL;
	quarry_posix_set_cpu(1);
	m->hook = quarry_alloc_pages(m->q, GFP_KERNEL, 0);
	quarry_posix_set_cpu(0);
}

/* Two CPUs make the descriptors of an arena at once: one table wins, the other is given back. */
static void two_make_a_table(void **state)
{
	struct machine_spec spec = {.memory = {{16 * MIB, 128 * MIB, 0}}, .port = MACHINE_COUNTED,
				    .budget = -1, .boot = {.nr_cpus = 2}};
	struct page *first, *second;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	m.before_table = other_cpu_is_faster;
	second = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	first = m.hook;
	assert_true(first != NULL && second != NULL);
	assert_ptr_equal(quarry_pfn_to_page(m.q, quarry_page_to_pfn(m.q, first)), first);
	machine_check(&m);
	quarry_free_pages(m.q, first, 0);
	quarry_free_pages(m.q, second, 0);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* Odd shapes that pay for their own tables: they may be too poor for it, never worse. */
static void odd_machines_with_tables_inside(void **state)
{
	unsigned int booted = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(odd_shapes) / sizeof(odd_shapes[0]); i++) {
		struct machine_spec spec = odd_shapes[i];
		struct hoard h = {0};
		struct machine m;
		int err;

		spec.port = MACHINE_INSIDE;
		for (const struct machine_range *r = spec.memory; r->start < r->end; r++)
			spec.ram_bytes = (size_t)(r->end > spec.ram_bytes ? r->end : spec.ram_bytes);
		if (spec.ram_bytes > 4 * GIB)
			continue;
		machine_init(&m, &spec);
		err = quarry_boot(m.q, &spec.boot);
		assert_true(err == 0 || err == -QUARRY_ENOMEM);
		if (err == 0) {
			booted++;
			machine_check(&m);
			hoard_all(&m, &h, GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC);
			machine_check(&m);
			hoard_free(&m, &h);
			quarry_drain_all_pages(m.q);
			machine_check(&m);
			assert_int_equal(m.reports, 0);
		}
		machine_fini(&m);
	}
	assert_true(booted > 10);
}

static void bootmem_that_knows_nothing(void **state)
{
	struct machine_spec spec = {.memory = {{0, 20 * MIB, 0}}};
	struct quarry_boot_params params = {.bootmem = true};
	struct machine m;

	(void)state;
	machine_init(&m, &spec);
	assert_int_equal(quarry_boot(m.q, &params), 0);
	assert_int_equal(managed_pages(&m), 0);
	assert_null(quarry_alloc_pages(m.q, GFP_ALL, 0));
	machine_check(&m);
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
	arena_of(m, owned)->pb[pageblock_of(m, owned)].second = 1;
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
		{"bit set", damage_bit_set},	     {"bit clear", damage_bit_clear},
		{"count", damage_count},	     {"filed", damage_filed},
		{"type", damage_type},		     {"link", damage_link},
		{"second", damage_second},	     {"order mask", damage_mask},
		{"avail", damage_avail},	     {"arena count", damage_arena_count},
		{"zone count", damage_zone_count},   {"arena name", damage_arena_name},
		{"lost block", damage_lost},	     {"order", damage_order},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_order),
		cmocka_unit_test(contents),
		cmocka_unit_test(by_address),
		cmocka_unit_test(arguments_out_of_range),
		cmocka_unit_test(bad_frees),
		cmocka_unit_test(references),
		cmocka_unit_test(split),
		cmocka_unit_test(exact),
		cmocka_unit_test(states_of_page_frames),
		cmocka_unit_test(zone_bits_of_gfp),
		cmocka_unit_test(nodes_in_order_of_distance),
		cmocka_unit_test(this_node_only),
		cmocka_unit_test(node_without_memory),
		cmocka_unit_test(rights_dig_deeper),
		cmocka_unit_test(lowmem_reserve_refuses),
		cmocka_unit_test(fragmented),
		cmocka_unit_test(reclaim),
		cmocka_unit_test(reclaim_ends),
		cmocka_unit_test(marks_with_sheaves),
		cmocka_unit_test(fallback_claims_and_steals),
		cmocka_unit_test(half_decides),
		cmocka_unit_test(movable_takes_little),
		cmocka_unit_test(too_small_for_types),
		cmocka_unit_test(names),
		cmocka_unit_test(counts_add_up),
		cmocka_unit_test(odd_machines),
		cmocka_unit_test(many_nodes),
		cmocka_unit_test(memory_beyond_the_limit),
		cmocka_unit_test(twelve_tebibytes),
		cmocka_unit_test(bootmem_as_memblock),
		cmocka_unit_test(tables_inside),
		cmocka_unit_test(tables_inside_out_of_reach),
		cmocka_unit_test(tables_fail_at_boot),
		cmocka_unit_test(tables_fail_at_work),
		cmocka_unit_test(two_make_a_table),
		cmocka_unit_test(odd_machines_with_tables_inside),
		cmocka_unit_test(bootmem_that_knows_nothing),
		cmocka_unit_test(validator_sees_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
