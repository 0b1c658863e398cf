/* SPDX-License-Identifier: MIT */
/* Section 2b: memory and CPUs that come and go, damaged pages, free memory told to the host. */
#include "internal.h"

#if !QUARRY_TINY

#define MACHINES_BLOCK QUARRY_MEMORY_BLOCK_BYTES
#define MACHINES_PAGES ((unsigned long)QUARRY_MEMORY_BLOCK_PAGES)
#define MACHINES_TOLD (2 * QUARRY_REPORTING_CAPACITY * SELFTEST_PB) /* pages */

/* One memory block at boot, and room for another. */
static const struct selftest_spec machines_128m = {
	.memory = {{0, MACHINES_BLOCK, 0}},
	.simulated = true,
	.boot = {.max_hotplug_phys = 2 * MACHINES_BLOCK, SELFTEST_ONE_ZONE},
};

static void machines_memory(struct selftest_run *t)
{
	const pfn_t start = MACHINES_PAGES;
	struct quarry_zone_info info;
	struct page *page;
	struct quarry *q;

	if (!selftest_boot(t, &machines_128m))
		return;
	q = t->m.q;
	IS(quarry_memory_block_state(q, start), QUARRY_BLOCK_ABSENT);
	IS(-quarry_add_memory(q, 0, MACHINES_BLOCK + 1, MACHINES_BLOCK), QUARRY_EINVAL);
	IS(quarry_add_memory(q, 0, MACHINES_BLOCK, MACHINES_BLOCK), 0);
	IS(quarry_memory_block_state(q, start), QUARRY_BLOCK_OFFLINE);
	IS(-quarry_add_memory(q, 0, MACHINES_BLOCK, MACHINES_BLOCK), QUARRY_EEXIST);
	IS(quarry_online_pages(q, start, MACHINES_PAGES, QUARRY_ONLINE_MOVABLE), 0);
	OK(quarry_zone_info(q, 0, QUARRY_ZONE_MOVABLE, &info));
	IS(info.start_pfn, start);
	IS(info.managed, MACHINES_PAGES);
	IS(-quarry_remove_memory(q, MACHINES_BLOCK, MACHINES_BLOCK), QUARRY_EBUSY);
	page = quarry_alloc_pages(q, GFP_HIGHUSER_MOVABLE, 0);
	OK(page != NULL && quarry_page_to_pfn(q, page) >= start);
	/* Somebody uses it, and has not said how to move it. */
	IS(-quarry_offline_pages(q, start, MACHINES_PAGES), QUARRY_EBUSY);
	IS(quarry_memory_block_state(q, start), QUARRY_BLOCK_ONLINE);
	quarry_free_pages(q, page, 0);
	IS(quarry_offline_pages(q, start, MACHINES_PAGES), 0);
	OK(!quarry_zone_info(q, 0, QUARRY_ZONE_MOVABLE, &info) || info.managed == 0);
	IS(quarry_remove_memory(q, MACHINES_BLOCK, MACHINES_BLOCK), 0);
	IS(quarry_memory_block_state(q, start), QUARRY_BLOCK_ABSENT);
}

static void machines_cpus(struct selftest_run *t)
{
	struct selftest_spec spec = machines_128m;
	unsigned int other = t->env->cpu + 1;

	spec.boot.nr_cpus = t->env->cpu + 2;
	if (!selftest_boot(t, &spec))
		return;
	OK(quarry_cpu_is_online(t->m.q, other));
	IS(quarry_cpu_offline(t->m.q, other), 0);
	OK(!quarry_cpu_is_online(t->m.q, other));
	IS(-quarry_cpu_offline(t->m.q, other), QUARRY_EINVAL);
	IS(quarry_cpu_online(t->m.q, other), 0);
	OK(quarry_cpu_is_online(t->m.q, other));
	IS(-quarry_cpu_online(t->m.q, other + 1), QUARRY_EINVAL);
}

static void machines_damage(struct selftest_run *t)
{
	const pfn_t bad = MACHINES_PAGES - 5;
	struct page *page;
	pfn_t pfn;

	if (!selftest_boot(t, &machines_128m))
		return;
	IS(quarry_memory_failure(t->m.q, bad, QUARRY_MF_SW_SIMULATED), 0); /* free: gone */
	OK(quarry_page_is_poisoned(t->m.q, bad));
	IS(-quarry_memory_failure(t->m.q, bad, QUARRY_MF_SW_SIMULATED), QUARRY_EHWPOISON);
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
	OK(page != NULL);
	pfn = quarry_page_to_pfn(t->m.q, page);
	IS(-quarry_soft_offline_page(t->m.q, pfn), QUARRY_EBUSY);
	IS(-quarry_memory_failure(t->m.q, pfn, QUARRY_MF_SW_SIMULATED), QUARRY_EBUSY); /* marked */
	IS(quarry_num_poisoned_pages(t->m.q), 2);
	quarry_free_pages(t->m.q, page, 0);
	quarry_drain_all_pages(t->m.q);
	OK(quarry_pfn_state(t->m.q, pfn, NULL) != QUARRY_PAGE_FREE); /* never again */
	IS(quarry_unpoison_memory(t->m.q, pfn), 0);
	IS(quarry_unpoison_memory(t->m.q, bad), 0);
	IS(-quarry_unpoison_memory(t->m.q, bad), QUARRY_EBUSY);
	IS(quarry_num_poisoned_pages(t->m.q), 0);
	IS(quarry_pfn_state(t->m.q, bad, NULL), QUARRY_PAGE_FREE);
}

static int machines_told(void *ctx, const struct quarry_range *ranges, unsigned int nr)
{
	struct selftest_run *t = ctx;

	(void)ranges;
	t->m.woken += nr;
	return nr > QUARRY_REPORTING_CAPACITY ? -QUARRY_EINVAL : 0;
}

static void machines_reporting(struct selftest_run *t)
{
	/* A zone is passed over that has hardly more free than is told in one go. */
	const struct selftest_spec spec = {
		.memory = {{0, MACHINES_TOLD * SELFTEST_PAGE, 0}},
		.simulated = true,
		.boot = {SELFTEST_ONE_ZONE},
	};
	const struct quarry_reporting_dev dev = {.report = machines_told, .ctx = t};
	unsigned long pages;

	if (MACHINES_TOLD >> (QUARRY_MAX_PHYS_BITS - QUARRY_PAGE_SHIFT) != 0) {
		selftest_skip(t, "pageblocks are too large");
		return;
	}
	if (!selftest_boot(t, &spec))
		return;
	IS(quarry_page_reporting_run(t->m.q), 0);
	IS(quarry_page_reporting_register(t->m.q, &dev), 0);
	IS(-quarry_page_reporting_register(t->m.q, &dev), QUARRY_EBUSY);
	pages = quarry_page_reporting_run(t->m.q);
	OK(pages > MACHINES_TOLD / 2 && pages <= MACHINES_TOLD);
	OK(t->m.woken > 0);
	IS(quarry_page_reporting_run(t->m.q), 0); /* told once */
	quarry_page_reporting_unregister(t->m.q);
}

static int machines_accept(void *ctx, phys_addr_t phys, phys_addr_t size)
{
	struct selftest_run *t = ctx;

	(void)phys;
	t->m.reclaims += (unsigned int)(size >> QUARRY_PAGE_SHIFT);
	return 0;
}

static void machines_unaccepted(struct selftest_run *t)
{
	static const struct quarry_range range = {MACHINES_BLOCK, MACHINES_BLOCK};
	struct selftest_spec spec = machines_128m;
	struct quarry_zone_info info;

	spec.memory[0].size = 2 * MACHINES_BLOCK;
	spec.accept = machines_accept;
	spec.boot.unaccepted = &range;
	spec.boot.nr_unaccepted = 1;
	if (!selftest_boot(t, &spec))
		return;
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.unaccepted, MACHINES_PAGES);
	IS(info.managed, 2 * MACHINES_PAGES);
	IS(t->m.reclaims, 0); /* nobody has used it */
	IS(quarry_accept_memory(t->m.q, MACHINES_PAGES, 2 * MACHINES_PAGES), MACHINES_PAGES);
	IS(t->m.reclaims, MACHINES_PAGES);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.unaccepted, 0);
}

#endif

const struct selftest selftest_machines[] = {
	{"2b P12", "memory comes and goes at run time", SELFTEST_FULL(machines_memory, 0)},
	{"2b", "CPUs come and go", SELFTEST_FULL(machines_cpus, SELFTEST_NEEDS_CPUS)},
	{"2b", "damaged pages are never handed out again", SELFTEST_FULL(machines_damage, 0)},
	{"2b", "free memory is told to the host, once", SELFTEST_FULL(machines_reporting, 0)},
	{"2b", "memory is accepted before it is used", SELFTEST_FULL(machines_unaccepted, 0)},
	{NULL, NULL, NULL, 0},
};
