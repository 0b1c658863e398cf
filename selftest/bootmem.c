/* SPDX-License-Identifier: MIT */
/* Rows B1 to B19: bootmem, on machines of 512 pages in the scratch memory. */
#include "internal.h"

#if !QUARRY_TINY

#define BOOTMEM_PAGES 512u /* of the machine */
#define BOOTMEM_MAP 1u     /* page of the bitmap */
#define BOOTMEM_FIRST 2u   /* first page that is free: page 0 and the bitmap are not */

static const struct selftest_spec bootmem_spec = {.memory = {{0, 2 * SELFTEST_M, 0}}};

/* Node 0, all its pages free but the first two. */
static bootmem_data_t *bootmem_node(struct selftest_run *t)
{
	struct quarry *q;

	if (!selftest_machine(t, &bootmem_spec))
		return NULL;
	q = t->m.q;
	if (quarry_init_bootmem(q, BOOTMEM_MAP, BOOTMEM_PAGES) == 0 ||
	    quarry_free_bootmem(q, 0, BOOTMEM_PAGES * SELFTEST_PAGE) != 0 ||
	    quarry_reserve_bootmem(q, 0, BOOTMEM_FIRST * SELFTEST_PAGE, BOOTMEM_DEFAULT) != 0) {
		selftest_check(t, false, __FILE__, __LINE__, "a node of bootmem");
		return NULL;
	}
	return &quarry_bootmem(q)->bootmem_node_data[0];
}

static bool bootmem_reserved(const bootmem_data_t *b, pfn_t pfn)
{
	const unsigned long *map = b->node_bootmem_map;
	size_t i = (size_t)(pfn - b->node_min_pfn);

	return (map[i / (8 * sizeof(long))] >> i % (8 * sizeof(long)) & 1) != 0;
}

static pfn_t bootmem_pfn(struct selftest_run *t, const void *p)
{
	return quarry_physical(t->m.q, p) >> QUARRY_PAGE_SHIFT;
}

static void bootmem_fields(struct selftest_run *t)
{
	const bootmem_data_t *node;

	if (!selftest_machine(t, &bootmem_spec))
		return;
	IS(quarry_init_bootmem_node(t->m.q, 3, BOOTMEM_MAP, 128, 256), 16);
	node = quarry_bootmem(t->m.q)->bootmem_node_data;
	IS(node[3].node_min_pfn, 128);
	IS(node[3].node_low_pfn, 256);
	IS(node[3].last_end_off, 0);
	IS(node[3].hint_idx, 0);
	OK(node[0].node_bootmem_map == NULL);
	/* In the page that was named, all reserved. */
	OK(node[3].node_bootmem_map == quarry_address(t->m.q, BOOTMEM_MAP * SELFTEST_PAGE));
	OK(selftest_all(node[3].node_bootmem_map, 0xff, 16));
	IS(quarry_free_bootmem_node(t->m.q, 3, 130 * SELFTEST_PAGE, SELFTEST_PAGE), 0);
	OK(!bootmem_reserved(&node[3], 130) && bootmem_reserved(&node[3], 129));
}

static void bootmem_ends_and_hints(struct selftest_run *t)
{
	const bootmem_data_t *b = bootmem_node(t);

	if (b == NULL)
		return;
	OK(quarry___alloc_bootmem_nopanic(t->m.q, 100, 64, 0) != NULL);
	IS(b->last_end_off, BOOTMEM_FIRST * SELFTEST_PAGE + 100); /* bytes */
	IS(b->hint_idx, BOOTMEM_FIRST + 1);
	IS(quarry_free_bootmem(t->m.q, 0, SELFTEST_PAGE), 0);
	IS(b->hint_idx, 0);
}

static void bootmem_nodes_by_address(struct selftest_run *t)
{
	void *p;

	if (!selftest_machine(t, &bootmem_spec))
		return;
	OK(quarry_init_bootmem_node(t->m.q, 0, 1, 256, 512) != 0);
	OK(quarry_init_bootmem_node(t->m.q, 5, 2, 16, 256) != 0);
	IS(quarry_free_bootmem(t->m.q, 16 * SELFTEST_PAGE, 496 * SELFTEST_PAGE), 0);
	p = quarry___alloc_bootmem_nopanic(t->m.q, SELFTEST_PAGE, SELFTEST_PAGE, 0);
	OK(p != NULL);
	IS(bootmem_pfn(t, p), 16); /* node 5 lies lower than node 0 */
}

static void bootmem_init_and_map_size(struct selftest_run *t)
{
	if (!selftest_machine(t, &bootmem_spec))
		return;
	IS(quarry_bootmap_bytes(1), sizeof(long));
	IS(quarry_bootmap_bytes(8 * sizeof(long) + 1), 2 * sizeof(long));
	IS(quarry_bootmem_bootmap_pages(8 * SELFTEST_PAGE), 1);
	IS(quarry_bootmem_bootmap_pages(8 * SELFTEST_PAGE + 1), 2);
	IS(quarry_init_bootmem(t->m.q, BOOTMEM_MAP, BOOTMEM_PAGES),
	   quarry_bootmap_bytes(BOOTMEM_PAGES));
	IS(quarry_bootmem(t->m.q)->min_low_pfn, BOOTMEM_MAP);
	IS(quarry_bootmem(t->m.q)->max_low_pfn, BOOTMEM_PAGES);
	IS(quarry_init_bootmem(t->m.q, BOOTMEM_MAP, BOOTMEM_PAGES), 0); /* in use */
	IS(t->m.reports, 1);
}

static void bootmem_free_and_reserve(struct selftest_run *t)
{
	const phys_addr_t page = SELFTEST_PAGE;
	const bootmem_data_t *b = bootmem_node(t);
	struct quarry *q = t->m.q;

	if (b == NULL)
		return;
	/* Outwards; a repeat is fine, but not if it shall be exclusive, and then nothing changes. */
	IS(quarry_reserve_bootmem(q, 10 * page + 1, page, BOOTMEM_DEFAULT), 0);
	OK(bootmem_reserved(b, 10) && bootmem_reserved(b, 11) && !bootmem_reserved(b, 12));
	IS(quarry_reserve_bootmem(q, 10 * page, page, BOOTMEM_DEFAULT), 0);
	IS(-quarry_reserve_bootmem(q, 8 * page, 4 * page, BOOTMEM_EXCLUSIVE), QUARRY_EBUSY);
	OK(!bootmem_reserved(b, 8) && !bootmem_reserved(b, 9) && bootmem_reserved(b, 10));
	IS(quarry_reserve_bootmem(q, 8 * page, 2 * page, BOOTMEM_EXCLUSIVE), 0);
	/* Inwards; a double free is reported and refused. */
	IS(quarry_free_bootmem(q, 10 * page + 1, 2 * page - 1), 0);
	OK(bootmem_reserved(b, 10) && !bootmem_reserved(b, 11));
	IS(t->m.reports, 0);
	IS(-quarry_free_bootmem(q, 10 * page, 2 * page), QUARRY_EINVAL);
	OK(bootmem_reserved(b, 10));
	IS(t->m.reports, 1);
}

static void bootmem_spans_nodes(struct selftest_run *t)
{
	const bootmem_data_t *node;
	struct quarry *q;

	if (!selftest_machine(t, &bootmem_spec))
		return;
	q = t->m.q;
	node = quarry_bootmem(q)->bootmem_node_data;
	OK(quarry_init_bootmem_node(q, 0, 1, 0, 256) != 0);
	OK(quarry_init_bootmem_node(q, 1, 2, 256, 512) != 0);
	IS(quarry_free_bootmem(q, 0, 512 * SELFTEST_PAGE), 0);
	IS(quarry_reserve_bootmem(q, 257 * SELFTEST_PAGE, SELFTEST_PAGE, BOOTMEM_DEFAULT), 0);
	/* The second node refuses: the first is as it was. */
	IS(-quarry_reserve_bootmem(q, 254 * SELFTEST_PAGE, 4 * SELFTEST_PAGE, BOOTMEM_EXCLUSIVE),
	   QUARRY_EBUSY);
	OK(!bootmem_reserved(&node[0], 254) && !bootmem_reserved(&node[1], 256));
	IS(quarry_reserve_bootmem(q, 254 * SELFTEST_PAGE, 3 * SELFTEST_PAGE, BOOTMEM_EXCLUSIVE), 0);
	OK(bootmem_reserved(&node[0], 255) && bootmem_reserved(&node[1], 256));
	IS(-quarry_free_bootmem(q, 500 * SELFTEST_PAGE, 20 * SELFTEST_PAGE), QUARRY_EINVAL);
	OK(!bootmem_reserved(&node[1], 500));
}

static void bootmem_arguments(struct selftest_run *t)
{
	if (bootmem_node(t) == NULL)
		return;
	OK(quarry___alloc_bootmem_nopanic(t->m.q, 0, 64, 0) == NULL);
	OK(quarry___alloc_bootmem_nopanic(t->m.q, 64, 3, 0) == NULL);
	IS(t->m.reports, 2);
	OK(quarry___alloc_bootmem_nopanic(t->m.q, 2 * SELFTEST_M, 64, 0) == NULL);
	IS(t->m.reports, 2);
}

static void bootmem_goal_and_scan(struct selftest_run *t)
{
	const bootmem_data_t *b = bootmem_node(t);
	struct quarry *q = t->m.q;
	void *p;

	if (b == NULL)
		return;
	IS(quarry_reserve_bootmem(q, 5 * SELFTEST_PAGE, SELFTEST_PAGE, BOOTMEM_DEFAULT), 0);
	/* Pages 2 to 4 are too few for four. */
	p = quarry___alloc_bootmem_nopanic(q, 4 * SELFTEST_PAGE, SELFTEST_PAGE, 0);
	OK(p != NULL);
	IS(bootmem_pfn(t, p), 6);
	/* In steps of the alignment, by the physical address. */
	p = quarry___alloc_bootmem_nopanic(q, SELFTEST_PAGE, 16 * SELFTEST_PAGE, 0);
	OK(p != NULL);
	IS(bootmem_pfn(t, p), 16);
	p = quarry___alloc_bootmem_nopanic(q, SELFTEST_PAGE, SELFTEST_PAGE, 300 * SELFTEST_PAGE);
	OK(p != NULL);
	IS(bootmem_pfn(t, p), 300);
	/* The hint is past all free pages but the first: round once. */
	IS(quarry_reserve_bootmem(q, 301 * SELFTEST_PAGE, 211 * SELFTEST_PAGE, BOOTMEM_DEFAULT), 0);
	p = quarry___alloc_bootmem_nopanic(q, SELFTEST_PAGE, SELFTEST_PAGE, 0);
	OK(p != NULL && bootmem_pfn(t, p) < 300);
}

static void bootmem_packs_and_clears(struct selftest_run *t)
{
	char *first, *second;

	if (bootmem_node(t) == NULL)
		return;
	selftest_set(quarry_address(t->m.q, BOOTMEM_FIRST * SELFTEST_PAGE), 0xa5,
		     3 * QUARRY_PAGE_SIZE);
	first = quarry___alloc_bootmem_nopanic(t->m.q, 100, 64, 0);
	OK(first != NULL && selftest_all(first, 0, 100));
	/* Into the rest of that page, and the next one. */
	second = quarry___alloc_bootmem_nopanic(t->m.q, SELFTEST_PAGE, 64, 0);
	OK(second == first + 128);
	OK(selftest_all(second, 0, QUARRY_PAGE_SIZE));
	OK(!bootmem_reserved(&quarry_bootmem(t->m.q)->bootmem_node_data[0], BOOTMEM_FIRST + 2));
}

static void bootmem_nodes_and_late_calls(struct selftest_run *t)
{
	struct selftest_spec spec = bootmem_spec;
	struct quarry *q;
	void *p;

	if (!selftest_machine(t, &spec))
		return;
	q = t->m.q;
	OK(quarry_init_bootmem_node(q, 0, 1, 0, 256) != 0);
	OK(quarry_init_bootmem_node(q, 1, 2, 256, 512) != 0);
	IS(quarry_free_bootmem(q, 0, 512 * SELFTEST_PAGE), 0);
	IS(quarry_reserve_bootmem(q, 0, 3 * SELFTEST_PAGE, BOOTMEM_DEFAULT), 0);
	p = quarry_alloc_bootmem_node_nopanic(q, 1, SELFTEST_PAGE); /* its goal is beyond both */
	OK(p != NULL);
	IS(bootmem_pfn(t, p), 256);
	p = quarry___alloc_bootmem_node_nopanic(q, 1, 255 * SELFTEST_PAGE, SELFTEST_PAGE, 0);
	OK(p != NULL);
	p = quarry___alloc_bootmem_node_nopanic(q, 1, SELFTEST_PAGE, SELFTEST_PAGE, 0);
	OK(p != NULL && bootmem_pfn(t, p) < 256); /* node 1 is full */
	spec.boot.bootmem = true;
	spec.boot.nr_cpus = t->env->cpu + 1;
	IS(quarry_boot(q, &spec.boot), 0);
	p = quarry___alloc_bootmem_nopanic(q, 100, 64, 0);
	OK(p != NULL && selftest_all(p, 0, 100));
	OK(quarry_virt_to_cache(q, p) != NULL); /* slab served it */
	OK(t->m.logs > 0);
	quarry_kfree(q, p);
}

struct bootmem_gift {
	pfn_t last;
	unsigned long pages;
	bool ascending;
};

static void bootmem_give(struct quarry *q, pfn_t start, pfn_t end, void *arg)
{
	struct bootmem_gift *g = arg;

	(void)q;
	/* The bitmap's own pages come last. */
	g->ascending = g->ascending && (start >= g->last || start == BOOTMEM_MAP);
	g->last = end;
	g->pages += (unsigned long)(end - start);
}

static void bootmem_hand_off(struct selftest_run *t)
{
	struct bootmem_gift g = {.ascending = true};
	const bootmem_data_t *b = bootmem_node(t);

	if (b == NULL)
		return;
	IS(quarry_reserve_bootmem(t->m.q, 77 * SELFTEST_PAGE, SELFTEST_PAGE, BOOTMEM_DEFAULT), 0);
	/* All but page 0 and page 77: the bitmap's page is given too. */
	IS(quarry_free_all_bootmem(t->m.q, bootmem_give, &g), BOOTMEM_PAGES - 2);
	IS(g.pages, BOOTMEM_PAGES - 2);
	OK(g.ascending);
	OK(b->node_bootmem_map == NULL);
}

static void bootmem_boots(struct selftest_run *t)
{
	struct quarry_boot_params params = {
		.nr_cpus = t->env->cpu + 1, .bootmem = true, .no_grouping = true};
	struct quarry_totals totals;
	unsigned long nr_free[QUARRY_NR_ORDERS];
	unsigned long free = 0, large = 0;

	if (bootmem_node(t) == NULL)
		return;
	IS(quarry_reserve_bootmem(t->m.q, SELFTEST_M, 16 * SELFTEST_PAGE, BOOTMEM_DEFAULT), 0);
	IS(quarry_boot(t->m.q, &params), 0);
	selftest_quiesce(t->m.q);
	quarry_totals(t->m.q, &totals);
	selftest_blocks(t->m.q, nr_free);
	/* In blocks as large as alignment and reservations let them be. */
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
		free += nr_free[o] << o;
	for (unsigned int o = 7; o < QUARRY_NR_ORDERS; o++)
		large += nr_free[o] << (o - 7);
	IS(free, totals.free);
	OK(large > 0 && large <= 3);
	OK(totals.managed >= free && totals.managed < BOOTMEM_PAGES - 16);
	IS(quarry_pfn_state(t->m.q, SELFTEST_M >> QUARRY_PAGE_SHIFT, NULL), QUARRY_PAGE_RESERVED);
}

#endif

const struct selftest selftest_bootmem[] = {
	{"B1 B2 B3", "bootmem node: fields, bitmap all ones at the page named",
	 SELFTEST_FULL(bootmem_fields, SELFTEST_NEEDS_NODES)},
	{"B4 B5", "bootmem end in bytes, hint in pages", SELFTEST_FULL(bootmem_ends_and_hints, 0)},
	{"B6", "bootmem nodes are sorted by address",
	 SELFTEST_FULL(bootmem_nodes_by_address, SELFTEST_NEEDS_NODES)},
	{"B7 B8", "bootmem begins a node; size of its bitmap",
	 SELFTEST_FULL(bootmem_init_and_map_size, 0)},
	{"B9 B10 B11", "bootmem frees inwards and reserves outwards, exclusive or not",
	 SELFTEST_FULL(bootmem_free_and_reserve, 0)},
	{"B12", "bootmem marks span nodes that touch",
	 SELFTEST_FULL(bootmem_spans_nodes, SELFTEST_NEEDS_NODES)},
	{"B13", "bootmem refuses wrong arguments", SELFTEST_FULL(bootmem_arguments, 0)},
	{"B14 B15", "bootmem goal, step and scan", SELFTEST_FULL(bootmem_goal_and_scan, 0)},
	{"B16 B17", "bootmem packs small blocks, and clears them",
	 SELFTEST_FULL(bootmem_packs_and_clears, 0)},
	{"B18", "bootmem prefers a node; late calls go to slab",
	 SELFTEST_FULL(bootmem_nodes_and_late_calls, SELFTEST_NEEDS_NODES)},
	{"B19", "bootmem hands over all free pages, and its bitmap",
	 SELFTEST_FULL(bootmem_hand_off, 0)},
	{"B19", "a machine boots from bootmem", SELFTEST_FULL(bootmem_boots, 0)},
	{NULL, NULL, NULL, 0},
};
