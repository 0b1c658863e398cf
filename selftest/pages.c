/* SPDX-License-Identifier: MIT */
/* Rows P1 to P8 and P19: blocks, their orders, halves and buddies; references and damage. */
#include "internal.h"

#define PAGES_ORDER 4u /* one that CPUs do not cache */

/* One zone, one arena, no migratetypes: every count is known. */
static const struct selftest_spec pages_3m = {
	.memory = {{0, 3 * SELFTEST_M, 0}},
	.boot = {SELFTEST_ONE_ZONE, .no_grouping = true},
};
#if !QUARRY_TINY
/* With migratetypes: all free after boot. */
static const struct selftest_spec pages_64m = {
	.memory = {{0, 64 * SELFTEST_M, 0}},
	.simulated = true,
	.boot = {SELFTEST_ONE_ZONE},
};
#endif

static void pages_orders(struct selftest_run *t)
{
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		struct page *page = selftest_take(t, GFP_KERNEL | __GFP_NOWARN, order);
		unsigned int of = 0;
		pfn_t pfn;

		if (page == NULL) {
			OK(order > 0); /* there need not be a large block */
			continue;
		}
		pfn = quarry_page_to_pfn(t->q, page);
		IS(pfn & (((pfn_t)1 << order) - 1), 0);
		IS(quarry_pfn_state(t->q, pfn, &of), QUARRY_PAGE_ALLOCATED);
		IS(of, order);
		OK(quarry_pfn_to_page(t->q, pfn) == page);
		OK(quarry_virt_to_page(t->q, quarry_page_address(t->q, page)) == page);
		if (order > 0)
			IS(quarry_pfn_state(t->q, pfn + (1u << order) - 1, NULL), QUARRY_PAGE_TAIL);
		selftest_forget(t, page);
		quarry_free_pages(t->q, page, order);
	}
	OK(quarry_alloc_pages(t->q, GFP_KERNEL, QUARRY_MAX_ORDER + 1) == NULL);
}

/* Frees the pages of a split block, odd ones first: the runner finds the blocks as they were. */
static void pages_merge(struct selftest_run *t)
{
	struct page *page = quarry_alloc_pages(t->q, GFP_KERNEL, 3);
	pfn_t pfn;

	if (page == NULL) {
		selftest_skip(t, "no block of order 3");
		return;
	}
	pfn = quarry_page_to_pfn(t->q, page);
	IS(quarry_split_page(t->q, page, 3), 0);
	for (unsigned int i = 1; i < 8; i += 2)
		quarry_free_pages(t->q, page + i, 0);
	for (unsigned int i = 0; i < 8; i += 2) {
		IS(quarry_pfn_state(t->q, pfn + i, NULL), QUARRY_PAGE_ALLOCATED);
		quarry_free_pages(t->q, page + i, 0);
	}
	quarry_drain_all_pages(t->q);
	for (unsigned int i = 0; i < 8; i++)
		IS(quarry_pfn_state(t->q, pfn + i, NULL), QUARRY_PAGE_FREE);
}

/* nr_free of every order is what the lists of all types hold, and together they are the free pages. */
static void pages_counts(struct selftest_run *t)
{
	struct quarry_zone_info info;

	selftest_quiesce(t->q);
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int z = 0; z < QUARRY_NR_ZONES; z++) {
			unsigned long free = 0;

			if (!quarry_zone_info(t->q, nid, (enum quarry_zone_type)z, &info))
				continue;
			for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
				unsigned long all = 0;

				for (unsigned int k = 0; k < QUARRY_MIGRATE_TYPES; k++)
					all += info.nr_free_type[k][o];
				IS(info.nr_free[o], all);
				free += all << o;
			}
			IS(free, info.free);
			IS(info.pcp, 0);
		}
	}
}

/* The smallest order that is large enough gives; its upper halves go to the orders below. */
static void pages_smallest_is_halved(struct selftest_run *t)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
	unsigned int from = PAGES_ORDER;
	struct page *page, *half;

	if (!selftest_boot(t, &pages_3m))
		return;
	/* Until the next one must be split. */
	do {
		page = quarry_alloc_pages(t->m.q, GFP_KERNEL, PAGES_ORDER);
		OK(page != NULL);
		selftest_blocks(t->m.q, before);
	} while (before[PAGES_ORDER] != 0);
	while (from < QUARRY_NR_ORDERS && before[from] == 0)
		from++;
	OK(from < QUARRY_NR_ORDERS);
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, PAGES_ORDER);
	OK(page != NULL);
	selftest_blocks(t->m.q, after);
	for (unsigned int o = PAGES_ORDER; o < QUARRY_NR_ORDERS; o++) {
		unsigned long halves = o < from, taken = o == from;

		IS(after[o] + taken, before[o] + halves);
	}
	/* Its other half cannot merge while this one is out, and is next. */
	half = quarry_alloc_pages(t->m.q, GFP_KERNEL, PAGES_ORDER);
	OK(half != NULL);
	IS(quarry_page_to_pfn(t->m.q, half),
	   quarry_page_to_pfn(t->m.q, page) ^ ((pfn_t)1 << PAGES_ORDER));
	quarry_free_pages(t->m.q, page, PAGES_ORDER);
	quarry_free_pages(t->m.q, half, PAGES_ORDER);
	selftest_blocks(t->m.q, after);
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
		IS(after[o], before[o]);
}

#if !QUARRY_TINY

/* A page comes back to the lists of its pageblock's type. */
static void pages_keep_their_type(struct selftest_run *t)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE,
				      GFP_KERNEL | __GFP_RECLAIMABLE};
	struct page *page[3 * 8];
	struct quarry_zone_info info;
	unsigned long all = 0;

	if (!selftest_boot(t, &pages_64m))
		return;
	for (unsigned int i = 0; i < 3 * 8; i++) {
		page[i] = quarry_alloc_pages(t->m.q, kinds[i % 3], i % 3);
		OK(page[i] != NULL);
	}
	for (unsigned int i = 0; i < 3 * 8; i++)
		quarry_free_pages(t->m.q, page[i], i % 3);
	quarry_drain_all_pages(t->m.q);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.free, 16384);
	for (unsigned int k = 0; k < QUARRY_MIGRATE_PCPTYPES; k++) {
		unsigned long free = 0;

		OK(info.nr_pageblocks[k] > 0);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			free += info.nr_free_type[k][o] << o;
		/* A block of more than two may be of several types, and counts as its first one's. */
		if (QUARRY_MAX_ORDER <= QUARRY_PAGEBLOCK_ORDER + 1)
			IS(free, info.nr_pageblocks[k] << QUARRY_PAGEBLOCK_ORDER);
		all += free;
	}
	IS(all, info.free);
}

static void pages_references(struct selftest_run *t)
{
	struct page *page = selftest_take(t, GFP_KERNEL, 0);
	unsigned char *p;
	pfn_t pfn;

	OK(page != NULL);
	pfn = quarry_page_to_pfn(t->q, page);
	IS(quarry_page_count(t->q, page), 1);
	quarry_get_page(t->q, page);
	IS(quarry_page_count(t->q, page), 2);
	quarry_free_pages(t->q, page, 0);
	IS(quarry_page_count(t->q, page), 1);
	IS(quarry_pfn_state(t->q, pfn, NULL), QUARRY_PAGE_ALLOCATED);
	/* Three pages, not four. */
	p = quarry_alloc_pages_exact(t->q, 2 * QUARRY_PAGE_SIZE + 1, GFP_KERNEL);
	OK(p != NULL);
	page = quarry_virt_to_page(t->q, p);
	pfn = quarry_page_to_pfn(t->q, page);
	IS(quarry_pfn_state(t->q, pfn + 2, NULL), QUARRY_PAGE_ALLOCATED);
	OK(quarry_pfn_state(t->q, pfn + 3, NULL) != QUARRY_PAGE_TAIL);
	quarry_free_pages_exact(t->q, p, 2 * QUARRY_PAGE_SIZE + 1);
}

#endif

/* Every page has held something, so whichever is given was cleared. */
static void pages_zeroed(struct selftest_run *t)
{
	unsigned char *p;

	if (!selftest_boot(t, &pages_3m))
		return;
	selftest_pile_up(t, GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN);
	for (void **link = t->m.pile; link != NULL; link = *link)
		selftest_set(link + 1, 0xa5, QUARRY_PAGE_SIZE - sizeof(*link));
	selftest_pile_down(&t->m, ~0ul);
	p = quarry_get_free_pages(t->m.q, GFP_KERNEL | __GFP_ZERO, 2);
	OK(p != NULL && selftest_all(p, 0, 4 * QUARRY_PAGE_SIZE));
	quarry_free_pages_addr(t->m.q, p, 2);
	p = quarry_kzalloc(t->m.q, 1000, GFP_KERNEL);
	OK(p != NULL && selftest_all(p, 0, 1000));
	quarry_kfree(t->m.q, p);
}

#if !QUARRY_TINY

/* Many at once, and one without waiting for anything. */
static void pages_bulk(struct selftest_run *t)
{
	struct page *page[100] = {NULL}, *one = NULL;
	struct quarry_totals before, after;

	if (!selftest_boot(t, &pages_3m))
		return;
	/* The first page makes the tables, which lie in this memory. */
	quarry_free_pages(t->m.q, quarry_alloc_pages(t->m.q, GFP_KERNEL, 0), 0);
	quarry_totals(t->m.q, &before);
	IS(quarry_alloc_pages_bulk(t->m.q, QUARRY_NO_NODE, GFP_KERNEL, 100, page), 100);
	for (unsigned int i = 0; i < 100; i++)
		IS(quarry_page_count(t->m.q, page[i]), 1);
	for (unsigned int i = 0; i < 100 && one == NULL; i++) {
		quarry_free_pages(t->m.q, page[i], 0);
		page[i] = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
		one = quarry_alloc_pages_nolock(t->m.q, QUARRY_NO_NODE, 0);
	}
	/* It may have none where sheaves hold single pages; what it gives is a page like others. */
	OK(one == NULL || quarry_page_count(t->m.q, one) == 1);
	quarry_free_pages_nolock(t->m.q, one, 0);
	quarry_free_pages_nolock(t->m.q, page[7], 0); /* aside, or into the sheaf: not lost */
	IS(quarry_page_count(t->m.q, page[7]), 0);
	page[7] = NULL;
	quarry_release_pages(t->m.q, page, 100);
	IS(quarry_page_count(t->m.q, page[99]), 0);
	quarry_drain_all_pages(t->m.q);
	quarry_totals(t->m.q, &after);
	IS(after.free + after.pcp, before.free + before.pcp);
}

#endif

/* Each is reported and changes nothing. */
static void pages_damage(struct selftest_run *t)
{
	struct quarry_totals before, after;
	struct page *page, *other;
	unsigned int reports = 0;

	if (!selftest_boot(t, &pages_3m))
		return;
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, 2);
	other = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
	OK(page != NULL && other != NULL);
	quarry_free_pages(t->m.q, other, 0);
	quarry_totals(t->m.q, &before);
	IS(t->m.reports, reports);
	quarry_free_pages(t->m.q, other, 0); /* twice */
	IS(t->m.reports, ++reports);
	quarry_free_pages(t->m.q, page, 1); /* as another order */
	IS(t->m.reports, ++reports);
	quarry_free_pages(t->m.q, page + 1, 0); /* inside */
	IS(t->m.reports, ++reports);
	quarry_free_pages_addr(t->m.q, t, 0); /* from elsewhere */
	IS(t->m.reports, ++reports);
	quarry_totals(t->m.q, &after);
	IS(after.free + after.pcp, before.free + before.pcp);
	IS(quarry_page_count(t->m.q, page), 1);
	quarry_free_pages(t->m.q, NULL, 0); /* nothing */
	quarry_free_pages(t->m.q, page, 2);
	IS(t->m.reports, reports);
}

const struct selftest selftest_pages[] = {
	{"P1", "blocks of all orders, aligned to their size", pages_orders, 0},
	{"P2", "buddies merge in whatever order they come back", pages_merge, 0},
	{"P4 P6 P7", "the smallest block that fits is halved, and its half is next",
	 pages_smallest_is_halved, 0},
	{"P5", "free counts are what the lists hold", pages_counts, 0},
	{"P8", "pages go back to the lists of their type", SELFTEST_FULL(pages_keep_their_type, 0)},
	{"P19", "references, exact sizes", SELFTEST_FULL(pages_references, 0)},
	{"2b P19", "many pages at once, and one without waiting", SELFTEST_FULL(pages_bulk, 0)},
	{"P19 S20", "zeroed pages and objects", pages_zeroed, 0},
	{"P19", "double frees, wrong orders and foreign pages are refused", pages_damage, 0},
	{NULL, NULL, NULL, 0},
};
