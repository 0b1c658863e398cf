/* SPDX-License-Identifier: MIT */
/* Rows P9 to P18: migratetypes, zones, watermarks and reserves, zonelists, what a request may do. */
#include "internal.h"

#define MIB SELFTEST_MIB
#define GIB SELFTEST_GIB
#define ZONES_PAGES 16384u /* of a machine of 64 SELFTEST_M */
#define ZONES_PFN(bytes) ((bytes) >> QUARRY_PAGE_SHIFT)

static const struct selftest_spec zones_3m = {
	.memory = {{0, 3 * SELFTEST_M, 0}},
	.boot = {SELFTEST_ONE_ZONE, .min_free_kbytes = 224u << (QUARRY_PAGE_SHIFT - 12)},
};
#if !QUARRY_TINY
/* One pageblock and a half. */
static const struct selftest_spec zones_tiny = {
	.memory = {{0, SELFTEST_PB * 3 / 2 * SELFTEST_PAGE, 0}},
	.simulated = true,
	.boot = {SELFTEST_ONE_ZONE},
};
static const struct selftest_spec zones_64m = {
	.memory = {{0, 64 * SELFTEST_M, 0}},
	.simulated = true,
	.boot = {SELFTEST_ONE_ZONE, .no_thp = true},
};
/* Memory as a PC has it: a hole below 4 GiB. */
static const struct selftest_spec zones_5g = {
	.memory = {{1 * MIB, 3 * GIB - 1 * MIB, 0}, {4 * GIB, 2 * GIB, 0}},
	.simulated = true,
};

static void zones_migratetypes(struct selftest_run *t)
{
	static const char *const names[] = {"Unmovable",  "Movable", "Reclaimable",
					    "HighAtomic", "CMA",     "Isolate"};
	struct quarry_zone_info info;

	for (unsigned int k = 0; k < QUARRY_MIGRATE_TYPES; k++)
		OK(selftest_contains(quarry_migratetype_name((enum quarry_migratetype)k),
				     names[k]));
	if (!selftest_boot(t, &zones_64m))
		return;
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE], ZONES_PAGES >> QUARRY_PAGEBLOCK_ORDER);
	selftest_machine_fini(t);
	/* Too little memory to keep them apart. */
	if (!selftest_boot(t, &zones_tiny))
		return;
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE], 0);
	IS(info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], 2);
}

/* Out of unmovable pages: the largest movable block is claimed, with its pageblocks. */
static void zones_fallback_claims(struct selftest_run *t)
{
	struct quarry_zone_info info;
	struct page *page, *other;
	unsigned long claimed;

	if (!selftest_boot(t, &zones_64m))
		return;
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
	OK(page != NULL);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	claimed = info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE];
	OK(claimed >= 1 && claimed <= 1u << (QUARRY_MAX_ORDER - QUARRY_PAGEBLOCK_ORDER));
	IS(info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE],
	   (ZONES_PAGES >> QUARRY_PAGEBLOCK_ORDER) - claimed);
	/* The next ones lie there too, and movable pages elsewhere. */
	other = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
	OK(other != NULL);
	IS(quarry_page_to_pfn(t->m.q, other) >> QUARRY_MAX_ORDER,
	   quarry_page_to_pfn(t->m.q, page) >> QUARRY_MAX_ORDER);
	quarry_free_pages(t->m.q, other, 0);
	other = quarry_alloc_pages(t->m.q, GFP_HIGHUSER_MOVABLE, 0);
	OK(other != NULL);
	OK(quarry_page_to_pfn(t->m.q, other) >> QUARRY_PAGEBLOCK_ORDER !=
	   quarry_page_to_pfn(t->m.q, page) >> QUARRY_PAGEBLOCK_ORDER);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], claimed);
	quarry_free_pages(t->m.q, other, 0);
	quarry_free_pages(t->m.q, page, 0);
}

/* All of the machine as pages of one kind, the last of them out of other types' pageblocks. */
static void zones_fallback_reaches_all(struct selftest_run *t)
{
	struct quarry_totals totals;
	struct page *page;
	unsigned long n = 0;

	if (!selftest_boot(t, &zones_64m))
		return;
	OK(quarry_alloc_pages(t->m.q, GFP_KERNEL, 3) != NULL);
	OK(quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_RECLAIMABLE, 3) != NULL);
	do {
		page = quarry_alloc_pages(t->m.q,
					  GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC | __GFP_NOWARN, 0);
		n += page != NULL;
	} while (page != NULL);
	quarry_totals(t->m.q, &totals);
	IS(totals.free + totals.pcp, 0);
	IS(n, totals.managed - 16);
}

static void zones_ranges(struct selftest_run *t)
{
	const pfn_t block = (pfn_t)1 << QUARRY_MAX_ORDER;
	struct selftest_spec spec = zones_5g;
	struct quarry_zone_info info;

	if (!selftest_boot(t, &spec))
		return;
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_DMA, &info));
	IS(info.start_pfn, ZONES_PFN(1 * MIB));
	IS(info.spanned, ZONES_PFN(15 * MIB));
	IS(info.managed, ZONES_PFN(15 * MIB));
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_DMA32, &info));
	IS(info.start_pfn, ZONES_PFN(16 * MIB));
	IS(info.spanned, ZONES_PFN(4 * GIB - 16 * MIB));
	IS(info.present, ZONES_PFN(3 * GIB - 16 * MIB));
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.start_pfn, ZONES_PFN(4 * GIB));
	IS(info.present, ZONES_PFN(2 * GIB));
	OK(!quarry_zone_info(t->m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	selftest_machine_fini(t);
	spec.boot.movablecore = 1 * GIB;
	if (!selftest_boot(t, &spec))
		return;
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	IS(info.start_pfn, ZONES_PFN(5 * GIB));
	IS(info.present, ZONES_PFN(1 * GIB));
	selftest_machine_fini(t);
	spec.boot.movablecore = 0;
	spec.boot.kernelcore = 4 * GIB; /* from the lowest memory on; then up to a whole block */
	if (!selftest_boot(t, &spec))
		return;
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	IS(info.start_pfn, (ZONES_PFN(5 * GIB + 1 * MIB) + block - 1) & ~(block - 1));
}

#endif

/* Of any machine: the marks rise, and what lies between two is the same. */
static void zones_marks_rise(struct selftest_run *t)
{
	struct quarry_zone_info info;

	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int z = 0; z < QUARRY_NR_ZONES; z++) {
			const unsigned long *mark = info.wmark;

			if (!quarry_zone_info(t->q, nid, (enum quarry_zone_type)z, &info))
				continue;
			OK(mark[QUARRY_WMARK_MIN] <= mark[QUARRY_WMARK_LOW]);
			IS(mark[QUARRY_WMARK_HIGH] - mark[QUARRY_WMARK_LOW],
			   mark[QUARRY_WMARK_LOW] - mark[QUARRY_WMARK_MIN]);
			IS(mark[QUARRY_WMARK_PROMO] - mark[QUARRY_WMARK_HIGH],
			   mark[QUARRY_WMARK_LOW] - mark[QUARRY_WMARK_MIN]);
			OK(info.managed <= info.present && info.present <= info.spanned);
			OK(info.free + info.pcp <= info.managed);
		}
	}
}

#if !QUARRY_TINY

static void zones_marks(struct selftest_run *t)
{
	struct selftest_spec spec =
		zones_64m; /* but smaller: from 512 MiB on it is computed again */
	const uint64_t kib = (uint64_t)4096 << (QUARRY_PAGE_SHIFT - 10);
	struct quarry_zone_info info;
	unsigned long min, gap;
	uint64_t root;
	struct quarry_totals totals;

	spec.memory[0].size = 16 * SELFTEST_M;
	if (!selftest_boot(t, &spec))
		return;
	quarry_totals(t->m.q, &totals);
	root = (uint64_t)totals.min_free_kbytes; /* of 16 x 16384 KiB, with pages of 4 KiB: 512 */
	OK(root * root <= 16 * kib && (root + 1) * (root + 1) > 16 * kib);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	min = (unsigned long)root >> (QUARRY_PAGE_SHIFT - 10);
	IS(info.wmark[QUARRY_WMARK_MIN], min);
	gap = min / 4 > 4 ? min / 4 : 4; /* or 1/1000 of the zone */
	IS(info.wmark[QUARRY_WMARK_LOW], min + gap);
	IS(info.wmark[QUARRY_WMARK_HIGH], min + 2 * gap);
	IS(info.wmark[QUARRY_WMARK_PROMO], min + 3 * gap);
}

#endif

static void zones_depth(struct selftest_run *t)
{
	struct quarry_zone_info info;
	unsigned long min, start, taken;

	if (!selftest_boot(t, &zones_3m))
		return;
	selftest_quiesce(t->m.q);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	start = info.free;
	min = info.wmark[QUARRY_WMARK_MIN];
	OK(min > 32);
	taken = selftest_pile_up(t, GFP_KERNEL | __GFP_NOWARN);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	OK(info.free <= min && info.free > min / 2); /* to min, and not below */
	taken += selftest_pile_up(t, GFP_ATOMIC | __GFP_NOWARN);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	OK(info.free <= min / 2 && info.free > min / 4); /* half of it, and a quarter less */
	OK(quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_NOWARN, 0) == NULL);
	taken += selftest_pile_up(t, GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.free + info.pcp, 0);
	IS(selftest_pile_down(&t->m, ~0ul), taken);
	selftest_quiesce(t->m.q);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	OK(info.free <= start && info.free + 8 >= start); /* but for the CPU's sheaves */
}

#if !QUARRY_TINY

static void zones_reserves(struct selftest_run *t)
{
	struct quarry_zone_info dma, dma32, normal;

	if (!selftest_boot(t, &zones_5g))
		return;
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_DMA, &dma));
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_DMA32, &dma32));
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &normal));
	IS(dma.lowmem_reserve[QUARRY_ZONE_DMA], 0);
	IS(dma.lowmem_reserve[QUARRY_ZONE_DMA32], dma32.managed / 256);
	IS(dma.lowmem_reserve[QUARRY_ZONE_NORMAL], (dma32.managed + normal.managed) / 256);
	IS(dma32.lowmem_reserve[QUARRY_ZONE_NORMAL], normal.managed / 256);
	IS(normal.lowmem_reserve[QUARRY_ZONE_NORMAL], 0);
}

static void zones_lists(struct selftest_run *t)
{
	static const uint8_t distance[] = {10, 30, 20, 30, 10, 25, 20, 25, 10};
	static const int near[3][3] = {{0, 2, 1}, {1, 2, 0}, {2, 0, 1}};
	const struct selftest_spec spec = {
		.memory = {{0, 8 * MIB, 0}, {8 * MIB, 8 * MIB, 1}, {16 * MIB, 8 * MIB, 2}},
		.simulated = true,
		.boot = {.nr_nodes = 3,
			 .distance = distance,
			 .dma_limit = 4 * MIB,
			 .dma32_limit = ~(phys_addr_t)0},
	};
	struct quarry_zoneref list[8];

	if (!selftest_boot(t, &spec))
		return;
	for (int nid = 0; nid < 3; nid++) {
		unsigned int k = 0;

		IS(quarry_zonelist(t->m.q, nid, false, list, 8), 4);
		for (unsigned int i = 0; i < 3; i++) {
			IS(list[k].nid, near[nid][i]);
			IS(list[k++].zone, QUARRY_ZONE_NORMAL);
			/* Inside a node from high to low. */
			if (near[nid][i] == 0)
				IS(list[k++].zone, QUARRY_ZONE_DMA);
		}
		IS(quarry_zonelist(t->m.q, nid, true, list, 8), nid == 0 ? 2 : 1);
		IS(list[0].nid, nid);
	}
}

#endif

static void zones_wake(void *ctx, int nid, unsigned int order)
{
	(void)nid;
	(void)order;
	((struct selftest_run *)ctx)->m.woken++;
}

static unsigned long zones_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				   unsigned long nr_pages)
{
	struct selftest_machine *m = &((struct selftest_run *)ctx)->m;

	(void)nid;
	(void)gfp;
	(void)order;
	m->reclaims++;
	return selftest_pile_down(m, nr_pages);
}

static void zones_slow_path(struct selftest_run *t)
{
	struct selftest_spec spec = zones_3m;
	struct quarry_refusal why;
	struct page *page;

	spec.wake = zones_wake;
	spec.reclaim = zones_reclaim;
	if (!selftest_boot(t, &spec))
		return;
	/* May not wait: the background reclaimer is woken, and that is all. */
	OK(selftest_pile_up(t, GFP_NOWAIT | __GFP_NOWARN) > 64);
	OK(t->m.woken > 0);
	IS(t->m.reclaims, 0);
	OK(quarry_explain(t->m.q, &why));
	IS(why.gfp, GFP_NOWAIT | __GFP_NOWARN);
	IS(why.zones[0].reason, QUARRY_REFUSED_WATERMARK);
	/* May wait: memory is reclaimed for it. */
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
	OK(page != NULL);
	OK(t->m.reclaims > 0);
	quarry_free_pages(t->m.q, page, 0);
	selftest_pile_down(&t->m, ~0ul);
}

/* Nothing to reclaim: all give up but the one that must not fail, which gets a page of the reserve. */
static void zones_nothing_to_reclaim(struct selftest_run *t)
{
	struct selftest_spec spec = zones_3m;
	struct page *page;
	void *pile;

	spec.reclaim = zones_reclaim;
	if (!selftest_boot(t, &spec))
		return;
	OK(selftest_pile_up(t, GFP_NOWAIT | __GFP_NOWARN) > 64);
	pile = t->m.pile;
	t->m.pile = NULL;
	OK(quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, 0) == NULL);
	OK(t->m.reclaims > 0);
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_NOFAIL, 0);
	OK(page != NULL);
	quarry_free_pages(t->m.q, page, 0);
	t->m.pile = pile;
	selftest_pile_down(&t->m, ~0ul);
}

const struct selftest selftest_zones[] = {
	{"P9", "migratetypes, and a machine too small for them",
	 SELFTEST_FULL(zones_migratetypes, 0)},
	{"P10 P11", "a type that runs out claims the largest block",
	 SELFTEST_FULL(zones_fallback_claims, 0)},
	{"P10 P11", "fallback reaches every page", SELFTEST_FULL(zones_fallback_reaches_all, 0)},
	{"P12", "zones DMA, DMA32, Normal and Movable",
	 SELFTEST_FULL(zones_ranges, SELFTEST_NEEDS_BITS)},
	{"P13", "watermarks rise in equal steps", zones_marks_rise, 0},
	{"P13 P14", "watermarks by Linux's formula", SELFTEST_FULL(zones_marks, 0)},
	{"P15", "how deep a request may go", zones_depth, 0},
	{"P16", "lower zones keep a reserve", SELFTEST_FULL(zones_reserves, SELFTEST_NEEDS_BITS)},
	{"P17", "zonelists: nodes by distance, zones from high to low",
	 SELFTEST_FULL(zones_lists, SELFTEST_NEEDS_NODES)},
	{"P18", "wake, reclaim, refuse", zones_slow_path, 0},
	{"P18 X4", "nothing to reclaim: NORETRY fails, NOFAIL does not", zones_nothing_to_reclaim,
	 0},
	{NULL, NULL, NULL, 0},
};
