/* SPDX-License-Identifier: MIT */
/* What the host of anything.h's machines does when it is asked, and steps that make it be asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "anything.h"

static unsigned long any_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				 unsigned long nr_pages)
{
	struct machine *m = ctx;
	struct anything *t = m->hook;
	unsigned long freed = 0;

	any_add(t, (uint64_t)nid << 48 | (uint64_t)order << 32 | gfp);
	any_add(t, nr_pages);
	if (any_random(t, 4) == 0)
		return 0;
	while (freed < nr_pages && t->nr_held > 0 && any_random(t, 16) != 0) {
		unsigned int i = (unsigned int)any_random(t, t->nr_held);

		freed += 1ul << t->held[i].order;
		any_free_one(t, i);
	}
	return freed;
}

static unsigned long any_reclaimable(void *ctx, int nid, enum quarry_zone_type zone)
{
	struct machine *m = ctx;
	struct anything *t = m->hook;

	any_add(t, (uint64_t)nid << 8 | zone);
	return any_random(t, 4) * 100;
}

static bool any_oom(void *ctx, int nid, gfp_t gfp, unsigned int order)
{
	struct machine *m = ctx;
	struct anything *t = m->hook;
	bool some = t->nr_held > 0 && any_random(t, 2) != 0;

	any_add(t, (uint64_t)nid << 48 | (uint64_t)order << 32 | gfp);
	if (some)
		any_free_one(t, (unsigned int)any_random(t, t->nr_held));
	return some;
}

static void any_wake(void *ctx, int nid, unsigned int order)
{
	struct machine *m = ctx;

	any_add(m->hook, (uint64_t)nid << 8 | order);
}

/* What is refused is nobody's for good. */
static int any_accept(void *ctx, phys_addr_t phys, phys_addr_t size_bytes)
{
	struct machine *m = ctx;
	struct anything *t = m->hook;

	if (quarry_stage(m->q) != QUARRY_STAGE_SLAB && !t->life->odd) /* while it boots */
		return 0;
	any_add(t, phys);
	any_add(t, size_bytes);
	if (any_random(t, 8) != 0)
		return 0;
	if (quarry_stage(m->q) != QUARRY_STAGE_SLAB)
		t->boot_refused = true;
	else
		memset(&t->memory[phys >> QUARRY_PAGE_SHIFT], 0, size_bytes >> QUARRY_PAGE_SHIFT);
	return -QUARRY_EBUSY;
}

/* Time passes: somebody frees, and tables can be had again. */
static void any_wait(void *ctx, int nid)
{
	struct anything *t = ((struct machine *)ctx)->hook;

	any_add(t, (uint64_t)nid);
	t->m.budget = -1;
	if (!any_free_something(t) && t->waits > 100)
		ANY_FAIL(t, "a request waits, and nothing is in use");
	t->waits++;
}

/* Three seconds later each time. */
static uint64_t any_now(void *ctx)
{
	struct anything *t = ((struct machine *)ctx)->hook;

	return t != NULL ? t->clock += 3000000000u : 1;
}

static void any_log(void *ctx, enum quarry_log_level level, const char *line)
{
	struct anything *t = ((struct machine *)ctx)->hook;

	if (t == NULL)
		return;
	any_add(t, level);
	any_add_text(t, line, strlen(line));
}

void any_help(struct machine_spec *spec)
{
	spec->port = MACHINE_COUNTED;
	spec->budget = -1;
	spec->reclaim = any_reclaim;
	spec->reclaimable = any_reclaimable;
	spec->oom = any_oom;
	spec->wake = any_wake;
	spec->accept = any_accept;
	spec->wait = any_wait;
	spec->now = any_now;
	spec->log = any_log;
}

int any_tell(void *ctx, const struct quarry_range *ranges, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		any_add(ctx, ranges[i].start);
		any_add(ctx, ranges[i].size);
	}
	return any_random(ctx, 8) == 0 ? -QUARRY_EBUSY : 0;
}

/* ---- shrinkers ---- */

static unsigned long any_count(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	struct anything *t = s->ctx;

	any_add(t, (uint64_t)sc->nid << 32 | sc->gfp);
	return any_random(t, 4) == 0 ? QUARRY_SHRINK_EMPTY : any_random(t, 400);
}

static unsigned long any_scan(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	struct anything *t = s->ctx;
	unsigned long freed = 0;

	any_add(t, (uint64_t)sc->nid << 32 | sc->gfp);
	any_add(t, sc->nr_to_scan);
	if (any_random(t, 8) == 0)
		return QUARRY_SHRINK_STOP;
	while (freed < sc->nr_to_scan / 4 && t->nr_held > 0) {
		any_free_one(t, (unsigned int)any_random(t, t->nr_held));
		freed++;
	}
	return freed;
}

void any_host_begin(struct anything *t)
{
	for (unsigned int i = 0; i < 2; i++) {
		t->shrinker[i] = (struct quarry_shrinker){.count_objects = any_count,
							  .scan_objects = any_scan,
							  .seeks = i,
							  .batch = 40 * i,
							  .name = "any",
							  .ctx = t};
		if (i == 1) {
			t->shrinker[i].flags = QUARRY_SHRINKER_NUMA_AWARE;
			t->shrinker[i].deferred = t->deferred;
		}
		assert_int_equal(quarry_register_shrinker(t->m.q, &t->shrinker[i]), 0);
	}
}

/* ---- steps ---- */

void step_shrink(struct anything *t)
{
	int nid = (int)any_random(t, 4) - 1;
	gfp_t gfp = any_gfp(t);

	if (any_random(t, 4) == 0)
		any_add(t, quarry_drop_slab(t->m.q));
	else
		any_add(t, quarry_try_to_free_pages(t->m.q, nid, gfp, any_order(t)));
}

/* Where there is enough memory that may become free. */
void step_nofail(struct anything *t)
{
	static const gfp_t kinds[] = {GFP_KERNEL | __GFP_NOFAIL, GFP_NOFS | __GFP_NOFAIL,
				      GFP_HIGHUSER_MOVABLE | __GFP_NOFAIL};
	struct quarry_totals totals;
	struct page *page;

	quarry_totals(t->m.q, &totals);
	if (!t->life->helps || totals.managed < 1000)
		return;
	for (unsigned int n = (unsigned int)any_random(t, 40); n > 0; n--) {
		t->waits = 0;
		page = quarry_alloc_pages(t->m.q, kinds[any_random(t, 3)], 0);
		if (page == NULL)
			ANY_FAIL(t, "a request that must not fail");
		any_hold(t, page, 0);
	}
	any_add(t, t->waits);
}

/* kswapd and kcompactd of each node, also of nodes that are not there; the former until it has nothing to do. */
void step_daemons(struct anything *t)
{
	unsigned int runs = 1 + (unsigned int)any_random(t, 20);

	for (int nid = -1; nid < 4; nid++) {
		for (unsigned int n = 0; n < runs; n++) {
			bool wanted = quarry_kswapd_wanted(t->m.q, nid);

			any_add(t, wanted);
			any_add(t, quarry_kswapd_run(t->m.q, nid));
			if (!wanted)
				break;
		}
		any_add(t, quarry_kcompactd_run(t->m.q, nid));
	}
}
