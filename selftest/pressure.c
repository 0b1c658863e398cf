/* SPDX-License-Identifier: MIT */
/* Row X4 and section 2b: shrinkers, the background reclaimer, the out-of-memory hook, scopes, tuning. */
#include "internal.h"

static const struct selftest_spec pressure_3m = {.memory = {{0, 3 * SELFTEST_M, 0}},
						 .boot = {SELFTEST_ONE_ZONE}};

#if !QUARRY_TINY

static unsigned long pressure_count(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	const struct selftest_run *t = s->ctx;

	(void)sc;
	return t->m.pile != NULL ? 200 : QUARRY_SHRINK_EMPTY;
}

static unsigned long pressure_scan(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	struct selftest_run *t = s->ctx;
	unsigned long freed = selftest_pile_down(&t->m, sc->nr_to_scan);

	t->m.reclaims++;
	return freed != 0 ? freed : QUARRY_SHRINK_STOP;
}

static void pressure_wake(void *ctx, int nid, unsigned int order)
{
	(void)nid;
	(void)order;
	((struct selftest_run *)ctx)->m.woken++;
}

/* A request that may wait is served by what a shrinker frees. */
static void pressure_shrinker(struct selftest_run *t)
{
	struct quarry_shrinker shrinker = {
		.count_objects = pressure_count,
		.scan_objects = pressure_scan,
		.seeks = QUARRY_DEFAULT_SEEKS,
		.name = "selftest",
		.ctx = t,
	};
	struct page *page;

	if (!selftest_boot(t, &pressure_3m))
		return;
	OK(selftest_pile_up(t, GFP_NOWAIT | __GFP_NOWARN) > 200);
	IS(quarry_register_shrinker(t->m.q, &shrinker), 0);
	IS(-quarry_register_shrinker(t->m.q, &shrinker), QUARRY_EEXIST);
	IS(t->m.reclaims, 0);
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
	quarry_unregister_shrinker(t->m.q, &shrinker);
	OK(page != NULL);
	OK(t->m.reclaims > 0);
	quarry_free_pages(t->m.q, page, 0);
	selftest_pile_down(&t->m, ~0ul);
}

/* The background reclaimer, once woken, frees up to the high watermark. */
static void pressure_kswapd(struct selftest_run *t)
{
	struct quarry_shrinker shrinker = {
		.count_objects = pressure_count,
		.scan_objects = pressure_scan,
		.seeks = QUARRY_DEFAULT_SEEKS,
		.name = "selftest",
		.ctx = t,
	};
	struct selftest_spec spec = pressure_3m;
	struct quarry_zone_info info;
	unsigned int rounds = 0;

	spec.wake = pressure_wake;
	if (!selftest_boot(t, &spec))
		return;
	OK(!quarry_kswapd_wanted(t->m.q, 0));
	OK(selftest_pile_up(t, GFP_NOWAIT | __GFP_NOWARN) > 200);
	OK(t->m.woken > 0 && quarry_kswapd_wanted(t->m.q, 0));
	IS(quarry_register_shrinker(t->m.q, &shrinker), 0);
	while (quarry_kswapd_wanted(t->m.q, 0) && rounds++ < 16)
		quarry_kswapd_run(t->m.q, 0);
	quarry_unregister_shrinker(t->m.q, &shrinker);
	quarry_drain_all_pages(t->m.q);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	OK(info.free > info.wmark[QUARRY_WMARK_HIGH]);
	OK(quarry_vm_event(t->m.q, QUARRY_VM_PAGEOUTRUN) > 0);
	selftest_pile_down(&t->m, ~0ul);
}

#endif

static bool pressure_oom_hook(void *ctx, int nid, gfp_t gfp, unsigned int order)
{
	struct selftest_machine *m = &((struct selftest_run *)ctx)->m;

	(void)nid;
	(void)gfp;
	(void)order;
	m->reclaims++;
	return selftest_pile_down(m, 100) != 0;
}

static void pressure_oom(struct selftest_run *t)
{
	struct selftest_spec spec = pressure_3m;
	struct page *page;

	spec.oom = pressure_oom_hook;
	if (!selftest_boot(t, &spec))
		return;
	OK(selftest_pile_up(t, GFP_NOWAIT | __GFP_NOWARN) > 200);
	OK(quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, 0) == NULL);
	OK(quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN, 0) == NULL);
	IS(t->m.reclaims, 0); /* these would rather do without */
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
	OK(page != NULL);
	IS(t->m.reclaims, 1);
	quarry_free_pages(t->m.q, page, 0);
	selftest_pile_down(&t->m, ~0ul);
}

#if !QUARRY_TINY

static void pressure_scopes(struct selftest_run *t)
{
	uint32_t outer, inner;

	if (!selftest_boot(t, &pressure_3m))
		return;
	IS(quarry_gfp_context(t->m.q, GFP_KERNEL), GFP_KERNEL);
	outer = quarry_memalloc_save(t->m.q, QUARRY_TASK_NOFS);
	IS(quarry_gfp_context(t->m.q, GFP_KERNEL), GFP_KERNEL & ~__GFP_FS);
	inner = quarry_memalloc_save(t->m.q, QUARRY_TASK_NOIO | QUARRY_TASK_PIN);
	IS(quarry_gfp_context(t->m.q, GFP_HIGHUSER_MOVABLE), GFP_HIGHUSER & ~(__GFP_FS | __GFP_IO));
	quarry_memalloc_restore(t->m.q, QUARRY_TASK_NOIO | QUARRY_TASK_PIN, inner);
	IS(quarry_gfp_context(t->m.q, GFP_KERNEL), GFP_KERNEL & ~__GFP_FS);
	quarry_memalloc_restore(t->m.q, QUARRY_TASK_NOFS, outer);
	IS(quarry_gfp_context(t->m.q, GFP_HIGHUSER_MOVABLE), GFP_HIGHUSER_MOVABLE);
}

/* A scope opens all reserves, and keeps reclaim from calling itself. */
static void pressure_memalloc(struct selftest_run *t)
{
	struct quarry_totals totals;
	uint32_t saved;

	if (!selftest_boot(t, &pressure_3m))
		return;
	OK(selftest_pile_up(t, GFP_KERNEL | __GFP_NOWARN) > 200);
	quarry_totals(t->m.q, &totals);
	OK(totals.free > 0);
	saved = quarry_memalloc_save(t->m.q, QUARRY_TASK_MEMALLOC);
	OK(selftest_pile_up(t, GFP_KERNEL | __GFP_NOWARN) > 0);
	quarry_memalloc_restore(t->m.q, QUARRY_TASK_MEMALLOC, saved);
	quarry_totals(t->m.q, &totals);
	IS(totals.free + totals.pcp, 0);
	OK(quarry_alloc_pages(t->m.q, GFP_KERNEL | __GFP_NOWARN, 0) == NULL);
	selftest_pile_down(&t->m, ~0ul);
}

static void pressure_refusals(struct selftest_run *t)
{
	const quarry_nodemask_t nowhere = (quarry_nodemask_t)1 << 5;
	struct quarry_refusal why;

	if (!selftest_boot(t, &pressure_3m))
		return;
	OK(!quarry_explain(t->m.q, &why));
	OK(quarry_alloc_pages_nodemask(t->m.q, GFP_KERNEL | __GFP_NOWARN, 2, 0, &nowhere) == NULL);
	OK(quarry_explain(t->m.q, &why));
	IS(why.order, 2);
	IS(why.zones[0].reason, QUARRY_REFUSED_NODE);
	OK((why.remedies & QUARRY_REMEDY_OTHER_NODE) != 0);
	IS(why.other_nid, 0);
	OK(selftest_pile_up(t, GFP_KERNEL | __GFP_NOWARN) > 200);
	OK(quarry_explain(t->m.q, &why));
	IS(why.zones[0].reason, QUARRY_REFUSED_WATERMARK);
	OK((why.remedies & QUARRY_REMEDY_ATOMIC) != 0 &&
	   (why.remedies & QUARRY_REMEDY_RECLAIM) != 0);
	selftest_pile_down(&t->m, ~0ul);
}

static void pressure_sysctls(struct selftest_run *t)
{
	const struct selftest_spec spec = {
		.memory = {{0, 64 * SELFTEST_M, 0}},
		.simulated = true,
		.boot = {SELFTEST_ONE_ZONE, .no_thp = true},
	};
	const unsigned long min = 2048u >> (QUARRY_PAGE_SHIFT - 10);
	char text[QUARRY_SYSCTL_SIZE];
	struct quarry_zone_info info;

	if (!selftest_boot(t, &spec))
		return;
	IS(quarry_sysctl_set(t->m.q, "min_free_kbytes", "2048"), 0);
	IS(quarry_sysctl_get(t->m.q, "min_free_kbytes", text, sizeof(text)), 5);
	OK(selftest_contains(text, "2048\n"));
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.wmark[QUARRY_WMARK_MIN], min);
	/* A quarter of it, or a thousandth of the zone. */
	IS(info.wmark[QUARRY_WMARK_LOW], min + (min / 4 > 16 ? min / 4 : 16));
	IS(quarry_sysctl_set(t->m.q, "watermark_scale_factor", "1000"), 0);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.wmark[QUARRY_WMARK_LOW], min + 1638); /* a tenth of the zone */
	IS(-quarry_sysctl_set(t->m.q, "watermark_scale_factor", "3001"), QUARRY_EINVAL);
	IS(-quarry_sysctl_set(t->m.q, "swappiness", "60"), QUARRY_ENOENT);
	OK(quarry_zone_info(t->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	IS(info.wmark[QUARRY_WMARK_LOW], min + 1638);
}

#endif

const struct selftest selftest_pressure[] = {
	{"X4", "shrinkers serve a request that may wait", SELFTEST_FULL(pressure_shrinker, 0)},
	{"X4", "the background reclaimer frees up to the high watermark",
	 SELFTEST_FULL(pressure_kswapd, 0)},
	{"X4 P18", "the out-of-memory hook is the last resort", pressure_oom, 0},
	{"S20", "scopes: NOIO, NOFS, PIN", SELFTEST_FULL(pressure_scopes, 0)},
	{"S20 X4", "scopes: MEMALLOC opens the reserves", SELFTEST_FULL(pressure_memalloc, 0)},
	{"P15 2b", "refusals say what was lacking, and what would help",
	 SELFTEST_FULL(pressure_refusals, 0)},
	{"P14 2b", "watermarks are tuned at run time", SELFTEST_FULL(pressure_sysctls, 0)},
	{NULL, NULL, NULL, 0},
};
