/* SPDX-License-Identifier: MIT */
/*
 * Who gets which page: zones by gfp, nodes by distance, watermarks and reserves, reclaim, migratetypes.
 */
#include <quarry/quarry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_hoard.h"

#include <page/internal.h>

static const struct machine_spec small = {.memory = {{0, 8 * MIB, 0}}, .ram_bytes = 8 << 20};

static const struct machine_spec three_nodes = {
	.memory = {{0, 32 * MIB, 0}, {32 * MIB, 64 * MIB, 1}, {64 * MIB, 96 * MIB, 2}},
	.boot = {.nr_cpus = 3,
		 .nr_nodes = 3,
		 .distance = (const uint8_t[]){10, 30, 20, 30, 10, 25, 20, 25, 10},
		 .dma_limit = ~(phys_addr_t)0,
		 .dma32_limit = ~(phys_addr_t)0},
};

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

/* A machine without the zone that is asked for gives from Normal downwards. */
static void zones_that_are_not_there(void **state)
{
	const struct machine_spec spec = {
		.memory = {{0, 64 * MIB, 0}},
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};
	static const gfp_t bits[] = {__GFP_DMA, __GFP_DMA32, __GFP_HIGHMEM,
				     __GFP_DMA | __GFP_MOVABLE};
	struct quarry_zone_info z;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &z);
	assert_int_equal(z.present, 64 * MIB / PAGE);
	for (unsigned int i = 0; i < 4; i++) {
		struct page *page = quarry_alloc_pages(m.q, GFP_KERNEL | bits[i], 3);

		assert_non_null(page);
		quarry_free_pages(m.q, page, 3);
	}
	assert_int_equal(m.q->pages->highest_zone[__GFP_DMA], QUARRY_ZONE_NORMAL);
	assert_int_equal(m.q->pages->highest_zone[__GFP_DMA32], QUARRY_ZONE_NORMAL);
	machine_check(&m);
	machine_fini(&m);
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

		while ((page = quarry_alloc_pages_node(m.q, nid, GFP_ALL | __GFP_THISNODE, 4)) !=
		       NULL) {
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
		assert_int_equal(refusal.zones[0].reason, QUARRY_REFUSED_WATERMARK);
		assert_int_equal(refusal.zones[0].watermark + refusal.zones[0].reserve, 0);
		assert_int_equal(refusal.zones[0].lacking, 1 << 4);
		assert_int_equal(refusal.zones[0].largest_order, -1);
	}
	assert_int_equal(refusal.serial, 3);
	assert_null(quarry_alloc_pages(m.q, GFP_ALL, 0));
	assert_true(quarry_explain(m.q, &refusal));
	assert_int_equal(refusal.nr_zones, 3);
	assert_int_equal(refusal.zones[0].reason, QUARRY_REFUSED_WATERMARK);
	assert_int_equal(refusal.zones[0].lacking, 1); /* it may ignore the marks */
	assert_int_equal(refusal.total[QUARRY_REFUSED_WATERMARK], 4);
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
		.boot = {.dma_limit = ~(phys_addr_t)0,
			 .dma32_limit = ~(phys_addr_t)0,
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
		.boot = {.dma_limit = 8 * MIB,
			 .dma32_limit = ~(phys_addr_t)0,
			 .lowmem_reserve_ratio = {10, 10, 0, 0},
			 .set_lowmem_reserve_ratio = true,
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
	assert_int_equal(refusal.total[QUARRY_REFUSED_ORDER], 1);
	assert_int_equal(refusal.total[QUARRY_REFUSED_WATERMARK], 1); /* when all was taken */
	hoard_free(&m, &h);
	machine_check(&m);
	machine_fini(&m);
}

/* What would help elsewhere: a zone above the highest, another node, by the request's own rules. */
static void help_from_elsewhere(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 48 * MIB, 0}, {48 * MIB, 80 * MIB, 1}},
		.boot = {.nr_nodes = 2,
			 .dma_limit = 16 * MIB,
			 .dma32_limit = ~(phys_addr_t)0,
			 .movablecore = 16 * MIB},
	};
	const gfp_t on_node = GFP_NOWAIT | __GFP_NOWARN | __GFP_THISNODE;
	struct quarry_refusal f;
	struct hoard h = {0};
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	/* DMA is full: a zone above it would do, on the node itself and elsewhere. */
	hoard_order(&m, &h, GFP_NOWAIT | __GFP_NOWARN | __GFP_DMA, 0);
	assert_true(quarry_explain(m.q, &f));
	assert_int_equal(f.remedies & (QUARRY_REMEDY_HIGHER_ZONE | QUARRY_REMEDY_OTHER_NODE |
				       QUARRY_REMEDY_MOVABLE),
			 QUARRY_REMEDY_HIGHER_ZONE | QUARRY_REMEDY_MOVABLE);
	/* Node 0 is full for those who may not leave it. */
	while ((page = quarry_alloc_pages_node(m.q, 0, on_node, 0)) != NULL)
		hoard_add(&h, page, 0);
	assert_true(quarry_explain(m.q, &f));
	assert_int_equal(f.remedies & (QUARRY_REMEDY_HIGHER_ZONE | QUARRY_REMEDY_OTHER_NODE |
				       QUARRY_REMEDY_MOVABLE),
			 QUARRY_REMEDY_OTHER_NODE | QUARRY_REMEDY_MOVABLE);
	assert_int_equal(f.other_nid, 1);
	/* Then all of it for everybody: nothing elsewhere but what is movable. */
	hoard_order(&m, &h, GFP_NOWAIT | __GFP_NOWARN, 0);
	assert_true(quarry_explain(m.q, &f));
	assert_int_equal(f.remedies & (QUARRY_REMEDY_HIGHER_ZONE | QUARRY_REMEDY_OTHER_NODE |
				       QUARRY_REMEDY_MOVABLE),
			 QUARRY_REMEDY_MOVABLE);
	/* And that too. */
	hoard_order(&m, &h, (GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) | __GFP_NOWARN, 0);
	page = quarry_alloc_pages_node(m.q, 0, on_node, 0);
	assert_null(page);
	assert_true(quarry_explain(m.q, &f));
	assert_int_equal(f.remedies & (QUARRY_REMEDY_HIGHER_ZONE | QUARRY_REMEDY_OTHER_NODE |
				       QUARRY_REMEDY_MOVABLE),
			 0);
	hoard_free(&m, &h);
	machine_check(&m);
	machine_fini(&m);
}

/* Takes pages, of node 0 first, until @gfp is refused. */
static void take_pages(struct machine *m, struct hoard *h, gfp_t gfp)
{
	struct page *page;

	while ((page = quarry_alloc_pages_node(m->q, 0, gfp, 0)) != NULL)
		hoard_add(h, page, 0);
	quarry_drain_all_pages(m->q);
}

/* Gives back every second page. */
static void give_scattered(struct machine *m, struct hoard *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (quarry_page_to_pfn(m->q, h->page[i]) % 2 == 0)
			quarry_free_pages(m->q, h->page[i], 0);
		else
			h->page[n++] = h->page[i];
	}
	h->n = n;
	quarry_drain_all_pages(m->q);
}

/*
 * What is named is all that would help, and nothing else. Node 0 has zones DMA, Normal and Movable, node 1 the last two;
 * each row first takes pages as far as its rights go, then asks node 0 for a block.
 */
enum {
	NOW = GFP_NOWAIT | __GFP_NOWARN,
	ONE = NOW | __GFP_THISNODE,
	DMA = ONE | __GFP_DMA,
	MOVES = __GFP_HIGHMEM | __GFP_MOVABLE,
	HARD = __GFP_HIGH | __GFP_ATOMIC,
	ALL = __GFP_MEMALLOC,
	RECLAIM = QUARRY_REMEDY_RECLAIM,
	MEMALLOC = QUARRY_REMEDY_MEMALLOC,
	ATOMIC = QUARRY_REMEDY_ATOMIC | MEMALLOC,
	HIGH = QUARRY_REMEDY_HIGH | ATOMIC,
	MOVABLE = QUARRY_REMEDY_MOVABLE,
	OTHER = QUARRY_REMEDY_OTHER_NODE,
	HIGHER = QUARRY_REMEDY_HIGHER_ZONE,
	SCATTERED = QUARRY_REMEDY_SMALLER | QUARRY_REMEDY_COMPACT,
};

static const struct {
	gfp_t takes[2];
	gfp_t asks;
	unsigned int order, remedies;
} remedies[] = {
	/* Takes nothing: tables are refused, each zone has the pages. No right helps, and no zone that needs tables too. */
	{{0}, DMA, 0, 0},
	{{0}, ONE, 0, 0},
	{{0}, ONE | MOVES, 3, 0},
	{{0}, NOW, 3, 0},
	/* DMA is used up, and no other node has one. With an order: every second page is given back. */
	{{DMA}, DMA, 0, RECLAIM | HIGH | MOVABLE | HIGHER},
	{{DMA}, NOW | __GFP_DMA, 0, RECLAIM | HIGH | MOVABLE | HIGHER},
	{{DMA | __GFP_HIGH}, DMA, 0, RECLAIM | ATOMIC | MOVABLE | HIGHER},
	{{DMA | HARD}, DMA, 0, RECLAIM | MEMALLOC | MOVABLE | HIGHER},
	{{DMA | ALL}, DMA, 3, SCATTERED | MOVABLE | HIGHER},
	/* Node 0 is. */
	{{ONE}, ONE, 0, RECLAIM | HIGH | MOVABLE | OTHER},
	{{ONE | __GFP_HIGH}, ONE, 0, RECLAIM | ATOMIC | MOVABLE | OTHER},
	{{ONE | HARD}, ONE, 0, RECLAIM | MEMALLOC | MOVABLE | OTHER},
	{{ONE | ALL}, ONE, 1, SCATTERED | MOVABLE | OTHER},
	/* Both are, but for what can be moved. */
	{{NOW}, NOW, 0, RECLAIM | HIGH | MOVABLE},
	{{NOW | HARD}, NOW, 0, RECLAIM | MEMALLOC | MOVABLE},
	{{NOW | HARD}, ONE, 0, RECLAIM | MEMALLOC | MOVABLE},
	{{NOW | ALL}, NOW, 1, SCATTERED | MOVABLE},
	/* That too, on one node or on both. */
	{{NOW | HARD, ONE | MOVES | HARD}, ONE, 0, RECLAIM | MEMALLOC},
	{{NOW | HARD, ONE | MOVES | HARD}, ONE | MOVES, 0, RECLAIM | MEMALLOC | OTHER},
	{{NOW | HARD, NOW | MOVES | HARD}, ONE | MOVES, 0, RECLAIM | MEMALLOC},
	{{NOW | HARD, NOW | MOVES | HARD}, NOW, 0, RECLAIM | MEMALLOC},
	{{NOW | ALL, NOW | MOVES | ALL}, NOW, 1, SCATTERED},
	/* There is no page at all: not for who may have the last one either. */
	{{NOW | ALL, NOW | MOVES | ALL}, NOW, 0, RECLAIM},
	{{NOW | ALL, NOW | MOVES | ALL}, NOW | HARD, 0, RECLAIM},
	{{NOW | ALL, NOW | MOVES | ALL}, NOW | ALL, 0, RECLAIM},
	{{NOW | ALL, NOW | MOVES | ALL}, NOW | ALL, 1, SCATTERED},
	{{ONE | ALL}, ONE | ALL, 0, RECLAIM | MOVABLE | OTHER},
};

static const struct machine_spec remedies_spec = {
	.memory = {{0, 48 * MIB, 0}, {48 * MIB, 112 * MIB, 1}},
	.port = MACHINE_COUNTED,
	.budget = -1,
	.boot = {.nr_nodes = 2,
		 .dma_limit = 16 * MIB,
		 .dma32_limit = ~(phys_addr_t)0,
		 .movablecore = 32 * MIB},
};

static void exactly_these_remedies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
		struct quarry_refusal f;
		struct hoard h = {0};
		struct machine m;

		machine_build(&m, &remedies_spec);
		for (int k = 0; k < 2 && remedies[i].takes[k] != 0; k++)
			take_pages(&m, &h, remedies[i].takes[k]);
		if (remedies[i].order != 0)
			give_scattered(&m, &h);
		m.budget = remedies[i].takes[0] == 0 ? 0 : -1;
		assert_null(quarry_alloc_pages_node(m.q, 0, remedies[i].asks, remedies[i].order));
		assert_true(quarry_explain(m.q, &f));
		if (f.remedies != remedies[i].remedies)
			fail_msg("row %zu names %#x", i, f.remedies);
		m.budget = -1;
		hoard_free(&m, &h);
		machine_check(&m);
		machine_fini(&m);
	}
}

/* No memory for tables: what has its tables already would have done, at whatever order. */
static void remedies_without_tables(void **state)
{
	static const struct {
		int nid;
		gfp_t first, asks;
		unsigned int remedies;
	} rows[] = {
		{1, ONE | MOVES, ONE | MOVES, OTHER},
		{1, ONE, ONE, OTHER},
		{0, ONE | MOVES, ONE, MOVABLE},
		{0, ONE, DMA, HIGHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct quarry_refusal f;
		struct machine m;
		struct page *page;

		machine_build(&m, &remedies_spec);
		page = quarry_alloc_pages_node(m.q, rows[i].nid, rows[i].first, 0);
		assert_non_null(page);
		quarry_free_pages(m.q, page, 0);
		quarry_drain_all_pages(m.q);
		m.budget = 0;
		if (quarry_alloc_pages_node(m.q, 0, rows[i].asks, 2) != NULL)
			fail_msg("row %zu is served", i);
		assert_true(quarry_explain(m.q, &f));
		assert_int_equal(f.zones[f.nearest].reason, QUARRY_REFUSED_METADATA);
		if (f.remedies != rows[i].remedies)
			fail_msg("row %zu names %#x", i, f.remedies);
		m.budget = -1;
		machine_check(&m);
		machine_fini(&m);
	}
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
	assert_int_equal(m.tables_refused, 13); /* one round: each priority once */
	assert_null(quarry_alloc_pages(m.q, GFP_KERNEL, 0));
	assert_true(m.tables_refused > 26 && m.tables_refused < 13 * 20);
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

static void whole_pageblocks_are_claimed(void **state)
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
	/* Fill what is movable. */
	while (quarry_totals(m.q, &totals), totals.fallback_claimed + totals.fallback_stolen == 4) {
		page = quarry_alloc_pages(m.q, GFP_ALL | __GFP_MOVABLE, 0);
		hoard_add(&movable, page, 0);
		assert_true(movable.n <= 2049);
	}
	/* The 2049th took a pageblock of another type over: all of it was free. */
	assert_int_equal(movable.n, 2049);
	assert_int_equal(totals.fallback_claimed, 5);
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

	/* So does what stays where it is, when it cannot have a pageblock. */
	build_full(&m, GFP_ALL | __GFP_MOVABLE);
	free_run(&m, 2 * 512 + 8, 8);
	free_run(&m, 6 * 512 + 77, 1);
	assert_int_equal(one_fallback(&m, GFP_KERNEL, false), 6 * 512 + 77);
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

static const struct machine_spec two_cpus = {
	.memory = {{0, 8 * GIB, 0}},
	.concurrent = true,
	.boot = {.nr_cpus = 2, .dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
};

static size_t blocks_of_gib(const struct machine *m, const struct hoard *h, pfn_t gib)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		n += quarry_page_to_pfn(m->q, h->page[i]) / PAGE_ARENA_PAGES == gib;
	return n;
}

static void take_as(struct machine *m, unsigned int cpu, struct hoard *h, unsigned int order,
		    size_t blocks)
{
	quarry_posix_set_cpu(cpu);
	for (size_t i = 0; i < blocks; i++)
		hoard_add(h, quarry_alloc_pages(m->q, GFP_HIGHUSER_MOVABLE, order), order);
}

/* In turns, so that none seems to be gone. */
static void take_as_both(struct machine *m, struct hoard *h, unsigned int order, size_t blocks)
{
	const size_t turn = 4096u >> order;

	for (size_t taken = 0; taken < blocks; taken += turn) {
		for (unsigned int cpu = 0; cpu < 2; cpu++)
			take_as(m, cpu, &h[cpu], order, turn);
	}
}

static void free_every_second(struct machine *m, struct hoard *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (i % 2 == 0) {
			quarry_free_pages(m->q, h->page[i], h->order[i]);
		} else {
			h->page[n] = h->page[i];
			h->order[n++] = h->order[i];
		}
	}
	h->n = n;
}

/* Two CPUs take movable blocks in turns, out of holes too: each stays in a GiB of its own. */
static void cpus_keep_apart(void **state)
{
	(void)state;
	for (unsigned int order = 0; order <= 9; order += 3) {
		const size_t blocks = 60000u >> order;
		struct hoard h[2] = {{0}};
		struct machine m;
		pfn_t home[2];

		if (order == 6)
			continue; /* has no sheaves */
		machine_build(&m, &two_cpus);
		take_as_both(&m, h, order, blocks);
		for (unsigned int cpu = 0; cpu < 2; cpu++)
			home[cpu] = quarry_page_to_pfn(m.q, h[cpu].page[0]) / PAGE_ARENA_PAGES;
		assert_int_not_equal(home[0], home[1]);
		for (unsigned int round = 0; round < 4; round++) {
			for (unsigned int cpu = 0; cpu < 2; cpu++)
				free_every_second(&m, &h[cpu]);
			quarry_drain_all_pages(m.q);
			take_as_both(&m, h, order, blocks); /* more than there are holes */
			for (unsigned int cpu = 0; cpu < 2; cpu++)
				assert_int_equal(blocks_of_gib(&m, &h[cpu], home[!cpu]), 0);
		}
		machine_check(&m);
		for (unsigned int cpu = 0; cpu < 2; cpu++)
			hoard_free(&m, &h[cpu]);
		quarry_posix_set_cpu(0);
		machine_fini(&m);
	}
}

/* What a CPU has left behind full of holes is filled by another soon: little is broken meanwhile. */
static void holes_of_others_are_filled(void **state)
{
	const size_t pages = 400000, holes = pages / 2;
	struct hoard h[2] = {{0}};
	struct machine m;
	size_t elsewhere;

	(void)state;
	machine_build(&m, &two_cpus);
	take_as(&m, 0, &h[0], 0, pages);
	free_every_second(&m, &h[0]);
	quarry_drain_all_pages(m.q);
	take_as(&m, 1, &h[1], 0, holes);
	elsewhere = holes - blocks_of_gib(&m, &h[1], 1) - blocks_of_gib(&m, &h[1], 2);
	print_message("%zu of %zu pages were taken elsewhere first\n", elsewhere, holes);
	assert_in_range(elsewhere, 1, holes / 5);
	machine_check(&m);
	for (unsigned int cpu = 0; cpu < 2; cpu++)
		hoard_free(&m, &h[cpu]);
	quarry_posix_set_cpu(0);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zone_bits_of_gfp),
		cmocka_unit_test(zones_that_are_not_there),
		cmocka_unit_test(nodes_in_order_of_distance),
		cmocka_unit_test(this_node_only),
		cmocka_unit_test(node_without_memory),
		cmocka_unit_test(rights_dig_deeper),
		cmocka_unit_test(lowmem_reserve_refuses),
		cmocka_unit_test(fragmented),
		cmocka_unit_test(help_from_elsewhere),
		cmocka_unit_test(exactly_these_remedies),
		cmocka_unit_test(remedies_without_tables),
		cmocka_unit_test(reclaim),
		cmocka_unit_test(reclaim_ends),
		cmocka_unit_test(marks_with_sheaves),
		cmocka_unit_test(whole_pageblocks_are_claimed),
		cmocka_unit_test(half_decides),
		cmocka_unit_test(movable_takes_little),
		cmocka_unit_test(too_small_for_types),
		cmocka_unit_test(cpus_keep_apart),
		cmocka_unit_test(holes_of_others_are_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
