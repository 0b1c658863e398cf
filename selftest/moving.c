/* SPDX-License-Identifier: MIT */
/* Row P3 and section 2b: isolation, pages that their owners move, compaction, contiguous ranges, CMA. */
#include "internal.h"

#if !QUARRY_TINY

#define MOVING_PB SELFTEST_PB
#define MOVING_PAGES (32 * MOVING_PB) /* of the machine, all free after boot */
/* Its largest blocks. */
#define MOVING_TOP                                                        \
	(QUARRY_MAX_ORDER < QUARRY_PAGEBLOCK_ORDER + 5 ? QUARRY_MAX_ORDER \
						       : QUARRY_PAGEBLOCK_ORDER + 5)
#define MOVING_ORDER (QUARRY_PAGEBLOCK_ORDER - 4u)
#define MOVING_BLOCKS 512u /* of that order */
#define MOVING_GFP (GFP_HIGHUSER_MOVABLE | __GFP_NOWARN)

static const struct selftest_spec moving_64m = {
	.memory = {{0, MOVING_PAGES *SELFTEST_PAGE, 0}},
	.simulated = true,
	.boot = {SELFTEST_ONE_ZONE, .no_thp = true},
};

/* An owner of movable blocks: a block is his while it stands in his table. */
struct moving_owner {
	struct page *block[MOVING_BLOCKS];
	unsigned int nr, moved, put_back;
	bool refuses;
};

static struct page **moving_find(struct moving_owner *o, const struct page *page)
{
	for (unsigned int i = 0; i < o->nr; i++) {
		if (o->block[i] == page)
			return &o->block[i];
	}
	return NULL;
}

static bool moving_isolate(void *ctx, struct page *page)
{
	return moving_find(ctx, page) != NULL;
}

static int moving_migrate(void *ctx, struct page *dst, struct page *src)
{
	struct moving_owner *o = ctx;
	struct page **place = moving_find(o, src);

	if (place == NULL || o->refuses)
		return -QUARRY_EAGAIN;
	*place = dst;
	o->moved++;
	return 0;
}

static void moving_putback(void *ctx, struct page *page)
{
	(void)page;
	((struct moving_owner *)ctx)->put_back++;
}

static const struct quarry_mover moving_ops = {
	.isolate = moving_isolate,
	.migrate = moving_migrate,
	.putback = moving_putback,
};

/* All of the machine in blocks of MOVING_ORDER, and one in @keep of them stays. */
static bool moving_scatter(struct selftest_run *t, struct moving_owner *o, unsigned int keep)
{
	int mover = quarry_register_mover(t->m.q, &moving_ops, o);
	struct page *page;
	unsigned int n = 0;

	if (!selftest_check(t, mover > 0, __FILE__, __LINE__, "a mover is registered"))
		return false;
	o->nr = 0;
	while (n < MOVING_BLOCKS && (page = quarry_alloc_pages(t->m.q, MOVING_GFP | __GFP_MEMALLOC,
							       MOVING_ORDER)) != NULL)
		o->block[n++] = page;
	for (unsigned int i = 0; i < n; i++) {
		pfn_t pfn = quarry_page_to_pfn(t->m.q, o->block[i]);

		if ((unsigned long)(pfn >> MOVING_ORDER) % keep == 0 &&
		    quarry_set_page_mover(t->m.q, o->block[i], (unsigned int)mover) == 0)
			o->block[o->nr++] = o->block[i];
		else
			quarry_free_pages(t->m.q, o->block[i], MOVING_ORDER);
	}
	return selftest_is(t, o->nr, MOVING_BLOCKS / keep, __FILE__, __LINE__, "blocks that stay");
}

static void moving_give_back(struct selftest_run *t, struct moving_owner *o)
{
	for (unsigned int i = 0; i < o->nr; i++)
		quarry_free_pages(t->m.q, o->block[i], MOVING_ORDER);
	o->nr = 0;
}

static void moving_isolation(struct selftest_run *t)
{
	const pfn_t start = 4 * MOVING_PB, block = start >> MOVING_TOP << MOVING_TOP;
	unsigned long before[QUARRY_NR_ORDERS], now[QUARRY_NR_ORDERS];
	struct quarry_totals totals;
	struct quarry *q;

	if (!selftest_boot(t, &moving_64m))
		return;
	q = t->m.q;
	selftest_blocks(q, before);
	IS(quarry_free_block_order(q, block), MOVING_TOP);
	IS(quarry_pageblock_type(q, start), QUARRY_MIGRATE_MOVABLE);
	IS(quarry_start_isolate_page_range(q, start, start + MOVING_PB, QUARRY_MIGRATE_MOVABLE, 0),
	   0);
	IS(quarry_pageblock_type(q, start), QUARRY_MIGRATE_ISOLATE);
	IS(quarry_pageblock_type(q, start + MOVING_PB), QUARRY_MIGRATE_MOVABLE);
	/* Its buddy is free too, and they do not merge across the types. */
	IS(quarry_free_block_order(q, start), QUARRY_PAGEBLOCK_ORDER);
	IS(quarry_free_block_order(q, start + MOVING_PB), QUARRY_PAGEBLOCK_ORDER);
	selftest_blocks(q, now);
	IS(now[MOVING_TOP], before[MOVING_TOP] - (MOVING_TOP > QUARRY_PAGEBLOCK_ORDER));
	quarry_totals(q, &totals);
	IS(totals.free, MOVING_PAGES - MOVING_PB); /* isolated pages do not count */
	IS(quarry_test_pages_isolated(q, start, start + MOVING_PB, 0), 0);
	IS(-quarry_start_isolate_page_range(q, start, start + 1, QUARRY_MIGRATE_MOVABLE, 0),
	   QUARRY_EBUSY);
	quarry_undo_isolate_page_range(q, start, start + MOVING_PB);
	IS(quarry_pageblock_type(q, start), QUARRY_MIGRATE_MOVABLE);
	IS(quarry_free_block_order(q, block), MOVING_TOP);
	selftest_blocks(q, now);
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
		IS(now[o], before[o]);
}

static void moving_unmovable(struct selftest_run *t)
{
	struct quarry_unmovable why;
	struct page *page;
	pfn_t pfn;

	if (!selftest_boot(t, &moving_64m))
		return;
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, 3);
	OK(page != NULL);
	pfn = quarry_page_to_pfn(t->m.q, page);
	OK(quarry_has_unmovable_pages(t->m.q, pfn, pfn + 8, QUARRY_MIGRATE_MOVABLE, 0, &why));
	IS(why.pfn, pfn);
	IS(why.reason, QUARRY_UNMOVABLE_ALLOCATED);
	IS(-quarry_start_isolate_page_range(t->m.q, pfn, pfn + 8, QUARRY_MIGRATE_MOVABLE, 0),
	   QUARRY_EBUSY);
	IS(-quarry_alloc_contig_range(t->m.q, pfn, pfn + 8, QUARRY_MIGRATE_MOVABLE, GFP_KERNEL),
	   QUARRY_EBUSY);
	IS(quarry_pageblock_type(t->m.q, pfn), QUARRY_MIGRATE_UNMOVABLE);
	quarry_free_pages(t->m.q, page, 3);
}

/* Pageblocks in blocks of @nr_free that are no smaller. */
static unsigned long moving_whole(const unsigned long *nr_free)
{
	unsigned long n = 0;

	for (unsigned int o = QUARRY_PAGEBLOCK_ORDER; o < QUARRY_NR_ORDERS; o++)
		n += nr_free[o] << (o - QUARRY_PAGEBLOCK_ORDER);
	return n;
}

static void moving_compaction(struct selftest_run *t)
{
	struct moving_owner owner = {.nr = 0};
	unsigned long nr_free[QUARRY_NR_ORDERS];

	if (!selftest_boot(t, &moving_64m) || !moving_scatter(t, &owner, 16))
		return;
	selftest_quiesce(t->m.q);
	selftest_blocks(t->m.q, nr_free);
	IS(moving_whole(nr_free), 0); /* one block stands in each pageblock */
	OK(quarry_fragmentation_index(t->m.q, 0, QUARRY_ZONE_NORMAL, QUARRY_PAGEBLOCK_ORDER) > 500);
	owner.refuses = true;
	IS(quarry_compact_node(t->m.q, 0), 0);
	IS(owner.moved, 0);
	OK(owner.put_back > 0);
	owner.refuses = false;
	IS(quarry_compact_node(t->m.q, 0), 0);
	quarry_drain_all_pages(t->m.q);
	selftest_blocks(t->m.q, nr_free);
	/* 32 blocks, each a sixteenth of a pageblock, fit into two. */
	OK(moving_whole(nr_free) >= 29);
	/* Each GiB is packed by itself, then one into the other. */
	OK(owner.moved >= 29);
	OK(owner.moved <= (MOVING_PAGES * SELFTEST_PAGE > SELFTEST_GIB ? 64u : 32u));
	IS(quarry_fragmentation_index(t->m.q, 0, QUARRY_ZONE_NORMAL, QUARRY_PAGEBLOCK_ORDER) + 1000,
	   0);
	moving_give_back(t, &owner);
}

static void moving_contiguous(struct selftest_run *t)
{
	const pfn_t start = 6 * MOVING_PB + 3, end = 9 * MOVING_PB + 5; /* of any alignment */
	const pfn_t large = 8 * MOVING_PB;
	struct moving_owner owner = {.nr = 0};
	struct page *page;

	if (!selftest_boot(t, &moving_64m) || !moving_scatter(t, &owner, 8))
		return;
	IS(quarry_alloc_contig_range(t->m.q, start, end, QUARRY_MIGRATE_MOVABLE, GFP_KERNEL), 0);
	OK(owner.moved >= 6);
	for (pfn_t pfn = start; pfn < end; pfn++)
		IS(quarry_pfn_state(t->m.q, pfn, NULL), QUARRY_PAGE_ALLOCATED);
	IS(quarry_pageblock_type(t->m.q, start), QUARRY_MIGRATE_MOVABLE);
	quarry_free_contig_range(t->m.q, start, (unsigned long)(end - start));
	page = quarry_alloc_contig_pages(t->m.q, (unsigned long)large, GFP_KERNEL, 0, NULL);
	OK(page != NULL);
	IS(quarry_page_to_pfn(t->m.q, page) & (large - 1), 0);
	quarry_free_contig_range(t->m.q, quarry_page_to_pfn(t->m.q, page), (unsigned long)large);
	moving_give_back(t, &owner);
}

static void moving_cma(struct selftest_run *t)
{
	const unsigned long count = 4 * MOVING_PB, some = MOVING_PB + MOVING_PB / 4 + 1;
	const struct quarry_cma_spec area = {
		.size = 4 * MOVING_PB * SELFTEST_PAGE,
		.name = "selftest",
		.nid = QUARRY_NO_NODE,
	};
	struct quarry_boot_params params = moving_64m.boot;
	struct quarry_zone_info zone;
	struct quarry_cma_info info;
	struct quarry_cma *cma;
	struct page *page;

	if (!selftest_machine(t, &moving_64m))
		return;
	params.nr_cpus = t->env->cpu + 1;
	IS(quarry_cma_declare_contiguous(t->m.q, &area, &cma), 0);
	IS(quarry_boot(t->m.q, &params), 0);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &zone));
	IS(zone.nr_pageblocks[QUARRY_MIGRATE_CMA], 4);
	IS(zone.free_cma, count);
	page = quarry_cma_alloc(t->m.q, cma, some, QUARRY_PAGEBLOCK_ORDER - 3, false);
	OK(page != NULL);
	IS(quarry_page_to_pfn(t->m.q, page) & (MOVING_PB / 8 - 1), 0);
	quarry_cma_info(t->m.q, cma, &info);
	IS(info.used, some);
	IS(info.count, count);
	OK(quarry_cma_alloc(t->m.q, cma, count, 0, true) == NULL);
	OK(!quarry_cma_release(t->m.q, cma, page, count)); /* more than there is */
	OK(quarry_cma_release(t->m.q, cma, page, some));
	quarry_drain_all_pages(t->m.q);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &zone));
	IS(zone.free_cma, count);
	quarry_cma_info(t->m.q, cma, &info);
	IS(info.used, 0);
}

#endif

const struct selftest selftest_moving[] = {
	{"P3 2b", "an isolated pageblock does not merge with its free buddy",
	 SELFTEST_FULL(moving_isolation, 0)},
	{"2b", "isolation refuses what nobody can move", SELFTEST_FULL(moving_unmovable, 0)},
	{"2b", "compaction makes whole pageblocks", SELFTEST_FULL(moving_compaction, 0)},
	{"2b", "contiguous ranges: what is in them moves away",
	 SELFTEST_FULL(moving_contiguous, 0)},
	{"2b", "CMA: pages are lent, and taken when needed", SELFTEST_FULL(moving_cma, 0)},
	{NULL, NULL, NULL, 0},
};
