/* SPDX-License-Identifier: MIT */
/* Section 2b and row X5: contents, injected failures, owners, events, and the texts of /proc. */
#include "internal.h"

#if !QUARRY_TINY

static const struct selftest_spec debug_3m = {.memory = {{0, 3 * SELFTEST_M, 0}},
					      .boot = {SELFTEST_ONE_ZONE}};

static void debug_init(struct selftest_run *t)
{
	unsigned char *p;

	if (!selftest_boot(t, &debug_3m))
		return;
	IS(-quarry_page_debug(t->m.q, "init_on_alloc=perhaps"), QUARRY_EINVAL);
	IS(quarry_page_debug(t->m.q, "init_on_alloc=1"), 0);
	p = quarry_get_free_pages(t->m.q, GFP_KERNEL, 1);
	OK(p != NULL);
	selftest_set(p, 0xa5, 2 * QUARRY_PAGE_SIZE);
	quarry_free_pages_addr(t->m.q, p, 1);
	quarry_drain_all_pages(t->m.q);
	p = quarry_get_free_pages(t->m.q, GFP_KERNEL, 1);
	OK(p != NULL && selftest_all(p, 0, 2 * QUARRY_PAGE_SIZE));
	selftest_set(p, 0xa5, 2 * QUARRY_PAGE_SIZE);
	IS(quarry_page_debug(t->m.q, "init_on_alloc=0 init_on_free=1"), 0);
	quarry_free_pages_addr(t->m.q, p, 1);
	OK(selftest_all(p, 0, 2 * QUARRY_PAGE_SIZE));
	IS(quarry_page_debug(t->m.q, "init_on_free=0"), 0);
}

/* A page that is written to after it was freed is found when it is next handed out. */
static void debug_poison(struct selftest_run *t)
{
	struct quarry_page_debug_info info;
	unsigned char *p;

	if (!selftest_boot(t, &debug_3m))
		return;
	IS(quarry_page_debug(t->m.q, "page_poison=1"), 0);
	p = quarry_get_free_pages(t->m.q, GFP_KERNEL, 0);
	OK(p != NULL);
	quarry_free_pages_addr(t->m.q, p, 0);
	OK(selftest_all(p, 0xaa, QUARRY_PAGE_SIZE));
	IS(t->m.reports, 0);
	p[77] = 0x55;
	selftest_pile_up(t, GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN);
	quarry_page_debug_info(t->m.q, &info);
	IS(info.poison_found, 1);
	OK(t->m.reports > 0);
	selftest_pile_down(&t->m, ~0ul);
	IS(quarry_page_debug(t->m.q, "page_poison=0"), 0);
}

static void debug_failures(struct selftest_run *t)
{
	struct quarry_page_debug_info info;
	unsigned int failed = 0;
	struct page *page;

	if (!selftest_boot(t, &debug_3m))
		return;
	IS(quarry_page_debug(t->m.q, "fail-nth=3"), 0);
	for (unsigned int i = 1; i <= 5; i++) {
		page = quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_NOWARN, 0);
		failed |= (unsigned int)(page == NULL) << i;
		quarry_free_pages(t->m.q, page, 0);
	}
	IS(failed, 1 << 3);
	IS(quarry_page_debug(t->m.q, "fail_page_alloc=1,100,0,-1 fail_page_alloc.min-order=1 "
				     "fail_page_alloc.ignore-gfp-wait=N"),
	   0);
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_NOWARN, 0);
	OK(page != NULL);
	quarry_free_pages(t->m.q, page, 0);
	OK(quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_NOWARN, 1) == NULL);
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_NOFAIL, 1);
	OK(page != NULL);
	quarry_free_pages(t->m.q, page, 1);
	quarry_page_debug_info(t->m.q, &info);
	IS(info.injected, 2);
	IS(quarry_page_debug(t->m.q, "fail_page_alloc=1,0,0,0"), 0);
}

static void debug_owner(struct selftest_run *t)
{
	const struct quarry_page_site *site = QUARRY_PAGE_SITE();
	struct quarry_page_owner owner;
	struct page *page;
	pfn_t pfn;

	if (!selftest_boot(t, &debug_3m))
		return;
	IS(quarry_page_debug(t->m.q, "page_owner=on"), 0);
	page = quarry_alloc_pages_at(t->m.q, GFP_KERNEL, 2, site);
	OK(page != NULL);
	pfn = quarry_page_to_pfn(t->m.q, page);
	OK(quarry_page_owner(t->m.q, pfn, &owner));
	OK(owner.allocated && owner.alloc.site == site);
	IS(owner.order, 2);
	IS(owner.gfp, GFP_KERNEL);
	OK(selftest_shows(t->m.q, quarry_show_allocinfo, __FILE__));
	quarry_free_pages(t->m.q, page, 2);
	OK(quarry_page_owner(t->m.q, pfn, &owner));
	OK(!owner.allocated);
	IS(quarry_page_debug(t->m.q, "page_owner=off"), 0);
}

static void debug_event(void *ctx, const struct quarry_trace_event *event)
{
	struct selftest_run *t = ctx;

	if (event->type == QUARRY_TRACE_PAGE_ALLOC && event->order == 5)
		t->m.woken++;
	if (event->type == QUARRY_TRACE_PAGE_FREE && event->order == 5)
		t->m.reclaims++;
}

static void debug_events(struct selftest_run *t)
{
	struct page *page;

	if (!selftest_boot(t, &debug_3m))
		return;
	IS(quarry_trace_set(t->m.q, debug_event, t), 0);
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, 5);
	OK(page != NULL);
	IS(t->m.woken, 1);
	quarry_free_pages(t->m.q, page, 5);
	IS(t->m.reclaims, 1);
	IS(quarry_trace_set(t->m.q, NULL, NULL), 0);
	quarry_free_pages(t->m.q, quarry_alloc_pages(t->m.q, GFP_KERNEL, 5), 5);
	IS(t->m.woken + t->m.reclaims, 2);
}

static void debug_texts(struct selftest_run *t)
{
	struct selftest_text order = {.n = 0};

	OK(selftest_shows(t->q, quarry_show_buddyinfo, ", zone "));
	selftest_add(&order, "Page block order: ");
	selftest_add_number(&order, QUARRY_PAGEBLOCK_ORDER);
	selftest_add(&order, "\n");
	OK(selftest_shows(t->q, quarry_show_pagetypeinfo, order.s));
	OK(selftest_shows(t->q, quarry_show_zoneinfo, "        managed  "));
	OK(selftest_shows(t->q, quarry_show_zoneinfo, "        protection: ("));
	OK(selftest_shows(t->q, quarry_show_vmstat, "nr_free_pages "));
	OK(selftest_shows(t->q, quarry_show_vmstat, "pgalloc_normal "));
	OK(selftest_shows(t->q, quarry_show_meminfo, "MemTotal: "));
	OK(selftest_shows(t->q, quarry_show_extfrag_index, ", zone "));
}

#endif

const struct selftest selftest_debug[] = {
	{"2b", "contents are cleared at either end", SELFTEST_FULL(debug_init, 0)},
	{"2b", "a write to a free page is found", SELFTEST_FULL(debug_poison, 0)},
	{"2b", "requests fail by will", SELFTEST_FULL(debug_failures, 0)},
	{"2b", "pages have owners", SELFTEST_FULL(debug_owner, 0)},
	{"2b", "events are told", SELFTEST_FULL(debug_events, 0)},
	{"X5 2b", "the texts of /proc", SELFTEST_FULL(debug_texts, 0)},
	{NULL, NULL, NULL, 0},
};
