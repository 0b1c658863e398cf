/* SPDX-License-Identifier: MIT */
/*
 * Memory pressure (P18, X4, S20): shrinkers, direct and background reclaim, scopes, the out-of-memory
 * hook, requests that must not fail; and refusals that say what would have helped.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "owner.h"
#include "page_hoard.h"
#include "text.h"

/* What the host holds and may be asked to give back. */
struct host {
	struct machine m;
	struct hoard pages;  /* port.reclaim gives these */
	struct hoard victim; /* port.oom gives these */
	unsigned int reclaims, ooms, waits, wakes;
	unsigned long asked;
	gfp_t gfp;
	int nid;
	bool in_interrupt;
	bool nested; /* reclaim itself asks for a page */
	struct quarry_task task;
};

static struct host *host_of(void *ctx)
{
	return ((struct machine *)ctx)->hook;
}

static unsigned long host_give(struct host *h, struct hoard *from, unsigned long n)
{
	unsigned long pages = 0;

	while (pages < n && from->n > 0) {
		from->n--;
		quarry_free_pages(h->m.q, from->page[from->n], from->order[from->n]);
		pages += 1ul << from->order[from->n];
	}
	return pages;
}

static unsigned long host_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				  unsigned long nr_pages)
{
	struct host *h = host_of(ctx);

	(void)order;
	if (h == NULL)
		return 0;
	h->reclaims++;
	h->gfp = gfp;
	h->nid = nid;
	h->asked = nr_pages;
	if (h->nested) {
		/* Its own request uses the reserves, and does not come back here. */
		unsigned int before = h->reclaims;
		struct page *page = quarry_alloc_pages(h->m.q, GFP_KERNEL, 0);

		assert_non_null(page);
		assert_int_equal(h->reclaims, before);
		assert_int_equal(quarry_try_to_free_pages(h->m.q, 0, GFP_KERNEL, 0), 0);
		quarry_free_pages(h->m.q, page, 0);
	}
	return host_give(h, &h->pages, nr_pages);
}

static unsigned long host_reclaimable(void *ctx, int nid, enum quarry_zone_type zone)
{
	(void)nid;
	(void)zone;
	return host_of(ctx) != NULL ? host_of(ctx)->pages.n : 0;
}

static bool host_oom(void *ctx, int nid, gfp_t gfp, unsigned int order)
{
	struct host *h = host_of(ctx);

	(void)nid;
	(void)gfp;
	(void)order;
	if (h == NULL)
		return false;
	h->ooms++;
	return host_give(h, &h->victim, 64) != 0;
}

/* Time passes: after three moments somebody frees. */
static void host_wait(void *ctx, int nid)
{
	struct host *h = host_of(ctx);

	(void)nid;
	assert_non_null(h);
	if (++h->waits == 3)
		host_give(h, &h->victim, 1);
}

static void host_wake(void *ctx, int nid, unsigned int order)
{
	(void)nid;
	(void)order;
	if (host_of(ctx) != NULL)
		host_of(ctx)->wakes++;
}

static struct quarry_task *host_task(void *ctx)
{
	struct host *h = host_of(ctx);

	return h == NULL || h->in_interrupt ? NULL : &h->task;
}

static const struct machine_spec host_spec = {
	.memory = {{0, 15 * MIB, 0}},
	.port = MACHINE_COUNTED,
	.budget = -1,
	.reclaim = host_reclaim,
	.wake = host_wake,
};

static void host_build(struct host *h, const struct machine_spec *spec)
{
	memset(h, 0, sizeof(*h));
	machine_build(&h->m, spec);
	h->m.hook = h;
	/* Marks that do not move: what is expected below is said to the page. */
	assert_int_equal(quarry_sysctl_set(h->m.q, "watermark_boost_factor", "0"), 0);
}

static void host_fini(struct host *h)
{
	h->m.hook = NULL;
	hoard_free(&h->m, &h->pages);
	hoard_free(&h->m, &h->victim);
	machine_check(&h->m);
	machine_fini(&h->m);
}

static void dma_zone(struct host *h, struct quarry_zone_info *z)
{
	assert_true(quarry_zone_info(h->m.q, 0, QUARRY_ZONE_DMA, z));
}

/* ---- shrinkers ---- */

/* A cache of pages that a shrinker frees. */
struct cache {
	struct quarry_shrinker shrinker;
	struct host *h;
	struct hoard pages;
	unsigned long scanned, calls, largest, counts;
	int nids[16];
	gfp_t gfp;
	bool stop;
	bool no_fs; /* does nothing where file systems must not be entered */
};

static unsigned long cache_count(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	struct cache *c = s->ctx;

	c->nids[c->counts++ % 16] = sc->nid;
	return c->pages.n != 0 ? c->pages.n : QUARRY_SHRINK_EMPTY;
}

static unsigned long cache_scan(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	struct cache *c = s->ctx;

	c->gfp = sc->gfp;
	c->calls++;
	if (c->stop || (c->no_fs && (sc->gfp & __GFP_FS) == 0))
		return QUARRY_SHRINK_STOP;
	c->scanned += sc->nr_to_scan;
	if (sc->nr_to_scan > c->largest)
		c->largest = sc->nr_to_scan;
	return host_give(c->h, &c->pages, sc->nr_to_scan);
}

static void cache_init(struct cache *c, struct host *h)
{
	memset(c, 0, sizeof(*c));
	c->h = h;
	c->shrinker = (struct quarry_shrinker){.count_objects = cache_count,
					       .scan_objects = cache_scan,
					       .seeks = QUARRY_DEFAULT_SEEKS,
					       .name = "test",
					       .ctx = c};
}

static void shrinkers_come_and_go(void **state)
{
	struct quarry_shrinker bad = {.count_objects = cache_count};
	struct cache a, b;
	struct host h;

	(void)state;
	host_build(&h, &host_spec);
	cache_init(&a, &h);
	cache_init(&b, &h);
	assert_int_equal(quarry_register_shrinker(h.m.q, &bad), -QUARRY_EINVAL);
	assert_int_equal(quarry_register_shrinker(h.m.q, &a.shrinker), 0);
	assert_int_equal(quarry_register_shrinker(h.m.q, &b.shrinker), 0);
	assert_int_equal(quarry_register_shrinker(h.m.q, &a.shrinker), -QUARRY_EEXIST);
	assert_int_equal(quarry_drop_slab(h.m.q), 0); /* both are empty: counted, not scanned */
	assert_true(a.counts == 1 && b.counts == 1);
	assert_int_equal(a.calls, 0);
	quarry_unregister_shrinker(h.m.q, &a.shrinker);
	quarry_unregister_shrinker(h.m.q, &a.shrinker);
	assert_int_equal(quarry_drop_slab(h.m.q), 0);
	assert_true(a.counts == 1 && b.counts == 2);
	quarry_unregister_shrinker(h.m.q, &b.shrinker);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_DROP_SLAB), 2);
	host_fini(&h);
}

/* How much a cache is asked for: 4 / seeks of it at priority 0, in batches; what is less is kept. */
static void shrinkers_share(void **state)
{
	struct cache c;
	struct host h;

	(void)state;
	host_build(&h, &host_spec);
	cache_init(&c, &h);
	assert_int_equal(quarry_register_shrinker(h.m.q, &c.shrinker), 0);
	hoard_order(&h.m, &c.pages, GFP_NOWAIT, 0);
	while (c.pages.n > 1000)
		host_give(&h, &c.pages, 1);
	c.stop = true;
	assert_int_equal(quarry_drop_slab(h.m.q), 0);
	assert_int_equal(c.calls, 1); /* it said stop */
	assert_int_equal(c.shrinker.deferred_all, 2000);
	c.stop = false;
	assert_int_equal(quarry_drop_slab(h.m.q), 1000);
	assert_int_equal(c.largest, 128);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_SLABS_SCANNED), c.scanned);
	quarry_unregister_shrinker(h.m.q, &c.shrinker);
	hoard_free(&h.m, &c.pages);
	host_fini(&h);
}

/* X4: a request that may wait is served by what shrinkers free; only of nodes that have memory. */
static void shrinkers_serve_requests(void **state)
{
	struct machine_spec spec = {.memory = {{0, 8 * MIB, 0}, {8 * MIB, 15 * MIB, 1}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .boot = {.nr_cpus = 2, .nr_nodes = 3}};
	bool seen[3] = {false};
	struct cache c;
	struct host h;
	struct page *page;

	(void)state;
	host_build(&h, &spec);
	cache_init(&c, &h);
	c.shrinker.flags = QUARRY_SHRINKER_NUMA_AWARE;
	assert_int_equal(quarry_register_shrinker(h.m.q, &c.shrinker), 0);
	hoard_order(&h.m, &c.pages, GFP_NOWAIT, 0);
	assert_null(quarry_alloc_pages(h.m.q, GFP_NOWAIT, 0));
	assert_int_equal(c.calls, 0);
	c.no_fs = true;
	assert_null(quarry_alloc_pages(h.m.q, GFP_NOFS, 0));
	assert_true(c.calls > 0);
	assert_int_equal(c.gfp, GFP_NOFS);
	for (unsigned int i = 0; i < 16 && i < c.counts; i++)
		seen[c.nids[i]] = true;
	assert_true(seen[0] && seen[1] && !seen[2]);
	page = quarry_alloc_pages(h.m.q, GFP_KERNEL, 0);
	assert_non_null(page);
	assert_int_equal(c.gfp, GFP_KERNEL);
	assert_true(quarry_vm_event(h.m.q, QUARRY_VM_PGSTEAL_DIRECT) > 0);
	assert_true(quarry_vm_event(h.m.q, QUARRY_VM_ALLOCSTALL) >= 2);
	quarry_free_pages(h.m.q, page, 0);
	quarry_unregister_shrinker(h.m.q, &c.shrinker);
	hoard_free(&h.m, &c.pages);
	host_fini(&h);
}

/* ---- direct reclaim ---- */

static void direct_reclaim_does_not_recurse(void **state)
{
	struct page *page;
	struct host h;

	(void)state;
	host_build(&h, &host_spec);
	hoard_order(&h.m, &h.pages, GFP_NOWAIT, 0);
	h.nested = true;
	page = quarry_alloc_pages(h.m.q, GFP_KERNEL, 0);
	assert_non_null(page);
	assert_int_equal(h.reclaims, 1);
	assert_int_equal(h.asked, 32);
	quarry_free_pages(h.m.q, page, 0);
	host_fini(&h);
}

/* How often each kind of request asks before it gives up, when nothing comes. */
static void effort_by_flags(void **state)
{
	static const struct {
		gfp_t gfp;
		unsigned int order, reclaims, ooms;
	} cases[] = {
		{GFP_NOWAIT, 0, 0, 0},
		{GFP_ATOMIC, 0, 0, 0},
		{GFP_KERNEL | __GFP_NORETRY, 0, 13, 0},
		{GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0, 13, 0},
		{GFP_KERNEL, 0, 13, 1},
		{GFP_KERNEL, 3, 13, 1},
		{GFP_KERNEL, 4, 13, 0}, /* costly */
		{GFP_KERNEL | __GFP_THISNODE, 0, 13, 0},
		{GFP_DMA | GFP_KERNEL, 0, 13, 0}, /* a low zone is not worth a process */
	};
	struct machine_spec spec = {.memory = {{0, 40 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .reclaim = host_reclaim,
				    .oom = host_oom};
	struct hoard all = {0};
	struct host h;

	(void)state;
	host_build(&h, &spec);
	hoard_order(&h.m, &all, GFP_ALL, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		h.reclaims = 0;
		h.ooms = 0;
		assert_null(quarry_alloc_pages(h.m.q, cases[i].gfp, cases[i].order));
		assert_int_equal(h.reclaims, cases[i].reclaims);
		assert_int_equal(h.ooms, cases[i].ooms);
	}
	hoard_free(&h.m, &all);
	host_fini(&h);
}

static unsigned long nothing_reclaimable(void *ctx, int nid, enum quarry_zone_type zone)
{
	(void)ctx;
	(void)nid;
	(void)zone;
	return 0;
}

static unsigned long one_page(void *ctx, int nid, gfp_t gfp, unsigned int order,
			      unsigned long nr_pages)
{
	struct host *h = host_of(ctx);

	(void)nid;
	(void)gfp;
	(void)order;
	(void)nr_pages;
	h->reclaims++;
	return host_give(h, &h->pages, 1);
}

/* A large block for which compaction lacks pages: as long as reclaim brings some, but not for ever. */
static void rounds_for_lack_of_pages(void **state)
{
	struct machine_spec spec = host_spec;
	struct owner o;
	struct host h;

	(void)state;
	spec.reclaim = one_page;
	spec.reclaimable = nothing_reclaimable;
	host_build(&h, &spec);
	owner_init(&o, &h.m, 4, 4096, false);
	hoard_order(&h.m, &h.pages, GFP_NOWAIT, 0);
	h.reclaims = 0;
	assert_null(quarry_alloc_pages(h.m.q, GFP_KERNEL | __GFP_RETRY_MAYFAIL, 8));
	assert_int_equal(h.reclaims,
			 17 * 13); /* 16 rounds, and the last; each asks harder and harder */
	owner_fini(&o);
	host_fini(&h);
}

/* With a host that knows what it could free, progress is followed up for as long as that is enough. */
static void reclaim_follows_progress(void **state)
{
	struct machine_spec spec = host_spec;
	struct page *page;
	struct host h;

	(void)state;
	spec.reclaimable = host_reclaimable;
	spec.memory[0].end = 100 * MIB;
	host_build(&h, &spec);
	hoard_order(&h.m, &h.pages, GFP_NOWAIT, 0);
	/* Pages come back in reverse order of address; a block of order 3 needs many rounds at times. */
	page = quarry_alloc_pages(h.m.q, GFP_KERNEL, 3);
	assert_non_null(page);
	quarry_free_pages(h.m.q, page, 3);
	host_fini(&h);
}

static void oom_hook_frees(void **state)
{
	struct machine_spec spec = {.memory = {{0, 40 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .oom = host_oom};
	struct page *page;
	struct host h;

	(void)state;
	host_build(&h, &spec);
	hoard_order(&h.m, &h.victim, GFP_NOWAIT, 0);
	page = quarry_alloc_pages(h.m.q, GFP_KERNEL, 0);
	assert_non_null(page);
	assert_int_equal(h.ooms, 1);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_OOM_KILL), 1);
	quarry_free_pages(h.m.q, page, 0);
	host_fini(&h);
}

/* Somebody is ended at once, and his pages come back a while after. */
static bool host_oom_slowly(void *ctx, int nid, gfp_t gfp, unsigned int order)
{
	struct host *h = host_of(ctx);

	if (h == NULL)
		return false;
	if (h->ooms == 0) {
		h->ooms++;
		return true;
	}
	return host_oom(ctx, nid, gfp, order);
}

/* Who may not use the reserves goes on meanwhile, unless it is he who is being ended. */
static void oom_hook_frees_late(void **state)
{
	struct machine_spec spec = {.memory = {{0, 40 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .oom = host_oom_slowly,
				    .task = host_task};
	struct host h;

	(void)state;
	for (unsigned int ended = 0; ended < 2; ended++) {
		struct page *page;

		host_build(&h, &spec);
		hoard_order(&h.m, &h.victim, GFP_NOWAIT, 0);
		h.ooms = 0;
		h.task.flags = ended != 0 ? QUARRY_TASK_OOM_VICTIM : 0;
		page = quarry_alloc_pages(h.m.q, GFP_KERNEL | __GFP_NOMEMALLOC, 0);
		h.task.flags = 0;
		assert_int_equal(page != NULL, ended == 0);
		assert_int_equal(h.ooms, 2 - ended);
		if (page != NULL)
			quarry_free_pages(h.m.q, page, 0);
		host_fini(&h);
	}
}

/* X4: NOFAIL loops while time can pass, and takes the reserves first. */
static void nofail_loops(void **state)
{
	struct machine_spec spec = {.memory = {{0, 15 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .wait = host_wait};
	struct quarry_zone_info z;
	struct page *page;
	struct host h;

	(void)state;
	host_build(&h, &spec);
	hoard_order(&h.m, &h.victim, GFP_NOWAIT, 0);
	dma_zone(&h, &z);
	assert_true(z.free > 0); /* the reserve */
	page = quarry_alloc_pages(h.m.q, GFP_KERNEL | __GFP_NOFAIL, 0);
	assert_non_null(page);
	assert_int_equal(h.waits, 0);
	quarry_free_pages(h.m.q, page, 0);
	hoard_order(&h.m, &h.victim, GFP_ALL, 0);
	page = quarry_alloc_pages(h.m.q, GFP_KERNEL | __GFP_NOFAIL, 0);
	assert_non_null(page);
	assert_int_equal(h.waits, 3);
	quarry_free_pages(h.m.q, page, 0);
	host_fini(&h);
}

static unsigned long host_promises(void *ctx, int nid, enum quarry_zone_type zone)
{
	(void)ctx;
	(void)nid;
	(void)zone;
	return 1ul << 20;
}

/* Each moment that the host lets pass begins the rounds anew: 16 in vain, and a last one. */
static void nofail_begins_anew(void **state)
{
	struct machine_spec spec = {.memory = {{0, 15 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .reclaim = host_reclaim,
				    .reclaimable = host_promises,
				    .wait = host_wait};
	unsigned int once;
	struct page *page;
	struct host h;

	(void)state;
	host_build(&h, &spec);
	hoard_order(&h.m, &h.victim, GFP_NOWAIT | __GFP_MEMALLOC, 0);
	assert_null(quarry_alloc_pages(h.m.q, GFP_KERNEL | __GFP_NOWARN, 0));
	once = h.reclaims;
	assert_true(once > 16 && once % 17 == 0);
	page = quarry_alloc_pages(h.m.q, GFP_KERNEL | __GFP_NOFAIL, 0);
	assert_non_null(page);
	assert_int_equal(h.waits, 3);
	assert_int_equal(h.reclaims, once + (1 + 3) * once);
	quarry_free_pages(h.m.q, page, 0);
	host_fini(&h);
}

/* Where nobody else can free, a request that must not fail comes back empty rather than never. */
static void nofail_alone(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 15 * MIB, 0}}, .port = MACHINE_COUNTED, .budget = -1};
	struct hoard all = {0};
	struct host h;

	(void)state;
	host_build(&h, &spec);
	hoard_order(&h.m, &all, GFP_ALL, 0);
	assert_null(quarry_alloc_pages(h.m.q, GFP_KERNEL | __GFP_NOFAIL, 0));
	hoard_free(&h.m, &all);
	host_fini(&h);
}

/* ---- tasks ---- */

static void scopes_change_requests(void **state)
{
	struct machine_spec spec = host_spec;
	uint32_t io, fs, again, pin;
	struct page *page;
	struct host h;

	(void)state;
	spec.task = host_task;
	spec.boot.movablecore = 4 * MIB;
	spec.boot.dma_limit = ~(phys_addr_t)0;
	spec.boot.dma32_limit = ~(phys_addr_t)0;
	host_build(&h, &spec);
	assert_int_equal(quarry_gfp_context(h.m.q, GFP_HIGHUSER_MOVABLE), GFP_HIGHUSER_MOVABLE);
	fs = quarry_memalloc_save(h.m.q, QUARRY_TASK_NOFS);
	assert_int_equal(quarry_gfp_context(h.m.q, GFP_KERNEL), GFP_NOFS);
	io = quarry_memalloc_save(h.m.q, QUARRY_TASK_NOIO);
	again = quarry_memalloc_save(h.m.q, QUARRY_TASK_NOIO);
	assert_int_equal(quarry_gfp_context(h.m.q, GFP_KERNEL), GFP_NOIO);
	quarry_memalloc_restore(h.m.q, QUARRY_TASK_NOIO, again);
	assert_int_equal(quarry_gfp_context(h.m.q, GFP_KERNEL), GFP_NOIO);
	quarry_memalloc_restore(h.m.q, QUARRY_TASK_NOIO, io);
	assert_int_equal(quarry_gfp_context(h.m.q, GFP_KERNEL), GFP_NOFS);
	h.in_interrupt = true; /* the scope is the task's, not the interrupt's */
	assert_int_equal(quarry_gfp_context(h.m.q, GFP_KERNEL), GFP_KERNEL);
	assert_int_equal(quarry_memalloc_save(h.m.q, QUARRY_TASK_NOIO), 0);
	h.in_interrupt = false;
	quarry_memalloc_restore(h.m.q, QUARRY_TASK_NOFS, fs);
	assert_int_equal(h.task.flags, 0);

	/* Pinned pages must not lie in ZONE_MOVABLE, the short way included. */
	for (unsigned int i = 0; i < 3; i++) {
		page = quarry_alloc_pages(h.m.q, GFP_HIGHUSER_MOVABLE, 0);
		assert_true(quarry_page_to_pfn(h.m.q, page) >= 11 * MIB / PAGE);
		quarry_free_pages(h.m.q, page, 0);
		pin = quarry_memalloc_save(h.m.q, QUARRY_TASK_PIN);
		page = quarry_alloc_pages(h.m.q, GFP_HIGHUSER_MOVABLE, 0);
		assert_true(quarry_page_to_pfn(h.m.q, page) < 11 * MIB / PAGE);
		quarry_free_pages(h.m.q, page, 0);
		quarry_memalloc_restore(h.m.q, QUARRY_TASK_PIN, pin);
	}
	host_fini(&h);
}

/* S20: what interrupts, victims and reclaimers may take of the reserve. */
static void reserves_by_task(void **state)
{
	struct machine_spec spec = host_spec;
	struct quarry_zone_info z;
	struct hoard all = {0};
	unsigned long min;
	struct host h;

	(void)state;
	spec.task = host_task;
	host_build(&h, &spec);
	hoard_order(&h.m, &all, GFP_NOWAIT, 0);
	dma_zone(&h, &z);
	min = z.wmark[QUARRY_WMARK_MIN];
	assert_int_equal(z.free, min);
	h.in_interrupt = true;
	h.reclaims = 0;
	assert_null(quarry_alloc_pages(h.m.q, GFP_KERNEL, 0)); /* waits for nothing there */
	assert_int_equal(h.reclaims, 0);
	hoard_order(&h.m, &all, __GFP_HIGH, 0);
	dma_zone(&h, &z);
	assert_int_equal(z.free, min - min / 2);
	hoard_order(&h.m, &all, GFP_ATOMIC, 0);
	dma_zone(&h, &z);
	assert_int_equal(z.free, min - min / 2 - (min - min / 2) / 4);
	h.in_interrupt = false;
	h.task.flags = QUARRY_TASK_MEMALLOC;
	assert_null(quarry_alloc_pages(h.m.q, GFP_KERNEL | __GFP_NOMEMALLOC, 0));
	hoard_order(&h.m, &all, GFP_NOWAIT, 0);
	dma_zone(&h, &z);
	assert_int_equal(z.free, 0);
	h.task.flags = 0;
	hoard_free(&h.m, &all);
	hoard_order(&h.m, &all, GFP_NOWAIT, 0);
	h.task.flags = QUARRY_TASK_OOM_VICTIM;
	hoard_order(&h.m, &all, GFP_NOWAIT, 0);
	dma_zone(&h, &z);
	assert_int_equal(z.free, min - min / 2);
	hoard_free(&h.m, &all);
	host_fini(&h);
}

/* ---- background ---- */

static void kswapd_until_high(void **state)
{
	struct quarry_zone_info z;
	struct page *page;
	struct host h;

	(void)state;
	host_build(&h, &host_spec);
	assert_false(quarry_kswapd_wanted(h.m.q, 0));
	assert_int_equal(quarry_kswapd_run(h.m.q, 0), 0);
	assert_false(quarry_kswapd_wanted(h.m.q, -1));
	assert_false(quarry_kswapd_wanted(h.m.q, 1));
	do {
		page = quarry_alloc_pages(h.m.q, GFP_NOWAIT, 0);
		assert_non_null(page);
		hoard_add(&h.pages, page, 0);
	} while (h.wakes == 0);
	dma_zone(&h, &z);
	assert_true(z.free <= z.wmark[QUARRY_WMARK_LOW]);
	assert_true(quarry_kswapd_wanted(h.m.q, 0));
	assert_int_equal(h.reclaims, 0);
	assert_true(quarry_kswapd_run(h.m.q, 0) > 0);
	quarry_drain_all_pages(h.m.q);
	dma_zone(&h, &z);
	assert_true(z.free > z.wmark[QUARRY_WMARK_HIGH]);
	assert_true(h.pages.n > 0); /* not more than it takes */
	assert_false(quarry_kswapd_wanted(h.m.q, 0));
	assert_int_equal(h.gfp, GFP_KERNEL);
	assert_true(quarry_vm_event(h.m.q, QUARRY_VM_PGSTEAL_KSWAPD) > 0);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_PAGEOUTRUN), 1);
	host_fini(&h);
}

/* Sixteen runs in vain, and the node is left alone until something is freed. */
static void kswapd_gives_up(void **state)
{
	struct hoard all = {0};
	struct page *page;
	struct host h;

	(void)state;
	host_build(&h, &host_spec);
	hoard_order(&h.m, &all, GFP_NOWAIT, 0);
	for (unsigned int i = 0; i < 20; i++) {
		assert_null(quarry_alloc_pages(h.m.q, GFP_NOWAIT, 0));
		assert_int_equal(quarry_kswapd_wanted(h.m.q, 0), i < 16);
		assert_int_equal(quarry_kswapd_run(h.m.q, 0), 0);
	}
	hoard_add(&h.pages, all.page[--all.n], 0);
	page = quarry_alloc_pages(h.m.q, GFP_KERNEL, 0); /* direct reclaim works */
	assert_non_null(page);
	hoard_add(&all, page, 0);
	assert_null(quarry_alloc_pages(h.m.q, GFP_NOWAIT, 0));
	assert_true(quarry_kswapd_wanted(h.m.q, 0));
	hoard_free(&h.m, &all);
	host_fini(&h);
}

/* Only nodes that may serve the request are woken. */
static void kswapd_by_node(void **state)
{
	struct machine_spec spec = {.memory = {{0, 8 * MIB, 0}, {8 * MIB, 15 * MIB, 1}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .wake = host_wake,
				    .boot = {.nr_cpus = 2}};
	const quarry_nodemask_t one = 2;
	struct quarry_refusal f;
	struct hoard all = {0};
	struct page *page;
	struct host h;

	(void)state;
	host_build(&h, &spec);
	while ((page = quarry_alloc_pages_nodemask(h.m.q, GFP_NOWAIT, 0, 0, &one)) != NULL) {
		assert_true(quarry_page_to_pfn(h.m.q, page) >= 8 * MIB / PAGE);
		hoard_add(&all, page, 0);
	}
	assert_true(quarry_kswapd_wanted(h.m.q, 1));
	assert_false(quarry_kswapd_wanted(h.m.q, 0));
	assert_true(quarry_explain(h.m.q, &f));
	assert_int_equal(f.nr_zones, 2);
	assert_int_equal(f.zones[0].reason, QUARRY_REFUSED_NODE);
	assert_int_equal(f.zones[1].reason, QUARRY_REFUSED_WATERMARK);
	assert_int_equal(f.nearest, 1);
	assert_true(f.remedies & QUARRY_REMEDY_OTHER_NODE);
	assert_int_equal(f.other_nid, 0);
	hoard_free(&h.m, &all);
	host_fini(&h);
}

/* ---- compaction ---- */

static const struct machine_spec packed_spec = {
	.memory = {{16 * MIB, 80 * MIB, 0}},
	.port = MACHINE_COUNTED,
	.budget = -1,
	.ram_bytes = 80 << 20,
	.wake = host_wake,
	.boot = {.dma_limit = ~(phys_addr_t)0},
};

/* Every second page of the machine is in use, by an owner who can move them. */
static void packed_build_as(struct host *h, struct owner *o, const struct machine_spec *spec)
{
	const size_t pages = (size_t)(64 * MIB / PAGE);
	size_t n = 0;

	host_build(h, spec);
	owner_init(o, &h->m, pages, (pfn_t)(80 * MIB / PAGE), true);
	while (n < pages && owner_alloc(o, n, GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC, 0))
		n++;
	for (size_t i = 0; i < n; i++) {
		if (quarry_page_to_pfn(h->m.q, o->block[i].page) % 2 == 0)
			owner_free(o, i);
	}
	quarry_drain_all_pages(h->m.q);
	h->wakes = 0;
}

static void packed_build(struct host *h, struct owner *o)
{
	packed_build_as(h, o, &packed_spec);
}

static void packed_fini(struct host *h, struct owner *o)
{
	assert_int_equal(owner_check(o), 0);
	owner_free_all(o);
	owner_fini(o);
	host_fini(h);
}

/* What the zones of a node have counted of requests. */
static struct quarry_numa_stat counted(struct quarry *q, int nid)
{
	struct quarry_numa_stat sum = {0}, stat;

	for (int zone = 0; zone < QUARRY_NR_ZONES; zone++) {
		quarry_zone_numa(q, nid, (enum quarry_zone_type)zone, &stat);
		sum.hit += stat.hit;
		sum.miss += stat.miss;
		sum.foreign += stat.foreign;
		sum.local += stat.local;
		sum.other += stat.other;
	}
	return sum;
}

/* P18: half of the memory is free, in single pages; requests that may wait get their blocks all the same. */
static void compaction_serves_requests(void **state)
{
	static const unsigned int orders[] = {1, 3, 5, 9, 10};
	struct page *page;
	struct owner o;
	struct host h;
	uint64_t before;

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		packed_build(&h, &o);
		assert_null(quarry_alloc_pages(h.m.q, GFP_NOWAIT | __GFP_NOWARN, orders[i]));
		assert_int_equal(o.migrated, 0);
		before = counted(h.m.q, 0).hit;
		page = quarry_alloc_pages(h.m.q, GFP_HIGHUSER_MOVABLE, orders[i]);
		assert_non_null(page);
		assert_int_equal(counted(h.m.q, 0).hit, before + 1);
		assert_true(o.migrated >= 1ul << (orders[i] - 1));
		assert_true(quarry_vm_event(h.m.q, QUARRY_VM_COMPACT_SUCCESS) == 1);
		assert_true(quarry_vm_event(h.m.q, QUARRY_VM_COMPACT_STALL) >= 1);
		quarry_free_pages(h.m.q, page, orders[i]);
		machine_check(&h.m);
		packed_fini(&h, &o);
	}
}

/* What compaction makes on another node than the wanted one is told as such. */
static void compaction_serves_from_afar(void **state)
{
	struct machine_spec spec = packed_spec;
	struct quarry_numa_stat near, far, stat;
	struct page *page;
	struct owner o;
	struct host h;

	(void)state;
	if (QUARRY_MAX_NODES < 2)
		skip();
	spec.memory[0].end = 48 * MIB;
	spec.memory[1] = (struct machine_range){48 * MIB, 80 * MIB, 1};
	packed_build_as(&h, &o, &spec);
	/* The near node is full again. */
	for (size_t i = 0; i < o.nr_blocks; i++) {
		if (o.block[i].page == NULL)
			owner_alloc(&o, i, GFP_HIGHUSER_MOVABLE | __GFP_THISNODE | __GFP_MEMALLOC,
				    0);
	}
	near = counted(h.m.q, 0);
	far = counted(h.m.q, 1);
	page = quarry_alloc_pages(h.m.q, GFP_HIGHUSER_MOVABLE, 4);
	assert_non_null(page);
	assert_int_equal(quarry_page_nid(h.m.q, page), 1);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_COMPACT_SUCCESS), 1);
	stat = counted(h.m.q, 0);
	assert_int_equal(stat.foreign, near.foreign + 1);
	assert_int_equal(stat.hit, near.hit);
	stat = counted(h.m.q, 1);
	assert_int_equal(stat.miss, far.miss + 1);
	assert_int_equal(stat.other, far.other + 1);
	assert_int_equal(stat.hit, far.hit);
	quarry_free_pages(h.m.q, page, 4);
	machine_check(&h.m);
	packed_fini(&h, &o);
}

static unsigned long says_one(void *ctx, int nid, gfp_t gfp, unsigned int order,
			      unsigned long nr_pages)
{
	(void)ctx;
	(void)nid;
	(void)gfp;
	(void)order;
	(void)nr_pages;
	return 1;
}

/*
 * Blocks are made that the request may not have, for types would mix: once before reclaim, then after each of 16
 * rounds of it, then 17 times at this priority, and 17 times at the highest. At last it may.
 */
static void compaction_is_tried_so_often(void **state)
{
	struct machine_spec spec = packed_spec;
	struct page *page;
	struct owner o;
	struct host h;

	(void)state;
	spec.reclaim = says_one;
	packed_build_as(&h, &o, &spec);
	assert_int_equal(quarry_sysctl_set(h.m.q, "defrag_mode", "1"), 0);
	page = quarry_alloc_pages(h.m.q, GFP_KERNEL, 2);
	assert_non_null(page);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_COMPACT_STALL), 1 + 16 + 17 + 17);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_COMPACT_FAIL), 1 + 16 + 17 + 17);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_ALLOCSTALL), 16 + 17 + 17);
	quarry_free_pages(h.m.q, page, 2);
	machine_check(&h.m);
	packed_fini(&h, &o);
}

/* P18: compaction before reclaim is for who may not use the reserves. */
static void compaction_before_or_after_reclaim(void **state)
{
	static const struct {
		gfp_t gfp;
		uint32_t task;
		unsigned int order;
		bool first;
	} rules[] = {
		{GFP_HIGHUSER_MOVABLE, 0, 4, true},
		{GFP_KERNEL, 0, 2, true}, /* pages that stay */
		{GFP_HIGHUSER_MOVABLE, 0, 2, false},
		{GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC, 0, 4, false},
		{GFP_HIGHUSER_MOVABLE, QUARRY_TASK_OOM_VICTIM, 4, false},
		{GFP_HIGHUSER_MOVABLE | __GFP_NOMEMALLOC, QUARRY_TASK_OOM_VICTIM, 4, true},
	};
	struct machine_spec spec = packed_spec;
	struct hoard made = {0};
	struct owner o;
	struct host h;

	(void)state;
	spec.reclaim = host_reclaim;
	spec.task = host_task;
	packed_build_as(&h, &o, &spec);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		unsigned long moved = o.migrated;
		struct page *page;

		h.reclaims = 0;
		h.task.flags = rules[i].task;
		page = quarry_alloc_pages(h.m.q, rules[i].gfp, rules[i].order);
		h.task.flags = 0;
		assert_non_null(page);
		assert_true(o.migrated > moved);
		assert_int_equal(h.reclaims, rules[i].first ? 0 : 13);
		hoard_add(&made, page, rules[i].order);
	}
	hoard_free(&h.m, &made);
	packed_fini(&h, &o);
}

/*
 * P18: reclaim brings pages, but no block can be made: after the rounds in vain compaction alone goes on, once harder,
 * and not even that for a costly block.
 */
static void compaction_gives_up(void **state)
{
	static const struct {
		unsigned int order, rounds;
	} rules[] = {{1, 18}, {3, 18}, {4, 17}, {8, 17}};
	struct machine_spec spec = packed_spec;
	struct owner o;
	struct host h;

	(void)state;
	spec.reclaim = one_page;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		packed_build_as(&h, &o, &spec);
		o.fail_percent = 100;
		for (unsigned int n = 0; n < 4000; n++)
			hoard_add(&h.pages, quarry_alloc_pages(h.m.q, GFP_NOWAIT, 0), 0);
		quarry_drain_all_pages(h.m.q);
		assert_null(quarry_alloc_pages(
			h.m.q, GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL | __GFP_NOWARN,
			rules[i].order));
		assert_int_equal(h.reclaims, rules[i].rounds * 13);
		packed_fini(&h, &o);
	}
}

/*
 * P18: a costly request that will not retry compacts asynchronously before and after reclaim: it empties movable
 * pageblocks only. Here these hold pages that nobody can move, and others hold pages that can be.
 */
static void costly_noretry_stays_async(void **state)
{
	static const struct {
		gfp_t gfp;
		bool served;
	} rules[] = {
		{GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, false},
		{GFP_KERNEL, true},
	};
	const size_t half = (size_t)(32 * MIB / PAGE);
	struct machine_spec spec = packed_spec;
	struct hoard rest = {0}, keep = {0};
	struct page *page;
	struct owner o;
	struct host h;

	(void)state;
	spec.reclaim = host_reclaim;
	host_build(&h, &spec);
	owner_init(&o, &h.m, half, (pfn_t)(80 * MIB / PAGE), true);
	for (size_t n = 0; n < half; n++)
		assert_true(owner_alloc(&o, n, GFP_KERNEL, 0));
	hoard_order(&h.m, &rest, GFP_NOWAIT | __GFP_MOVABLE | __GFP_MEMALLOC, 0);
	for (size_t n = 0; n < half; n += 2)
		owner_free(&o, n);
	for (size_t n = 0; n < rest.n; n++) {
		if (quarry_page_to_pfn(h.m.q, rest.page[n]) % 2 != 0)
			hoard_add(&keep, rest.page[n], 0);
		else
			quarry_free_pages(h.m.q, rest.page[n], 0);
	}
	quarry_drain_all_pages(h.m.q);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		h.reclaims = 0;
		page = quarry_alloc_pages(h.m.q, rules[i].gfp, 4);
		assert_int_equal(page != NULL, rules[i].served);
		assert_int_equal(h.reclaims, 13);
		quarry_free_pages(h.m.q, page, 4);
	}
	rest.n = 0;
	hoard_free(&h.m, &rest);
	hoard_free(&h.m, &keep);
	packed_fini(&h, &o);
}

/* The task that compacts uses the reserves, and does not reclaim or compact again. */
static struct machine *nested_machine;

static void nested_request(struct owner *o, struct page *src)
{
	struct page *page = quarry_alloc_pages(nested_machine->q, GFP_KERNEL, 0);

	(void)o;
	(void)src;
	if (page != NULL)
		quarry_free_pages(nested_machine->q, page, 0);
	assert_null(quarry_alloc_pages(nested_machine->q, GFP_KERNEL | __GFP_NOWARN, 9));
}

static void compaction_does_not_recurse(void **state)
{
	struct page *page;
	struct owner o;
	struct host h;

	(void)state;
	packed_build(&h, &o);
	nested_machine = &h.m;
	o.before = nested_request;
	page = quarry_alloc_pages(h.m.q, GFP_HIGHUSER_MOVABLE, 4);
	assert_non_null(page);
	quarry_free_pages(h.m.q, page, 4);
	packed_fini(&h, &o);
}

/* Who cannot wait has kcompactd make the block, for the next time. */
static void kcompactd_for_those_who_cannot_wait(void **state)
{
	struct page *page;
	struct owner o;
	struct host h;

	(void)state;
	packed_build(&h, &o);
	assert_null(quarry_alloc_pages(h.m.q, GFP_ATOMIC | __GFP_NOWARN, 5));
	assert_int_equal(h.wakes, 1);
	assert_true(quarry_kswapd_wanted(h.m.q, 0));
	assert_int_equal(quarry_kswapd_run(h.m.q, 0),
			 0); /* pages are not what is lacking: it hands on */
	assert_true(quarry_kcompactd_run(h.m.q, 0) > 0);
	page = quarry_alloc_pages(h.m.q, GFP_ATOMIC, 5);
	assert_non_null(page);
	quarry_free_pages(h.m.q, page, 5);
	packed_fini(&h, &o);
}

static void reclaim_wake_node_of(struct host *h, gfp_t gfp, unsigned int order)
{
	struct page_layer *pl = h->m.q->pages;
	struct alloc_request r = {.gfp = gfp,
				  .order = order,
				  .highest = QUARRY_ZONE_NORMAL,
				  .nodes = ~(uint64_t)0,
				  .list = zonelist_of(&pl->node[0], false)->zone,
				  .nr_list = zonelist_of(&pl->node[0], false)->nr};

	reclaim_wake(h->m.q, &r);
}

/* Where the background reclaimer has given up, or pages are not what is lacking, kcompactd alone is told. */
static void kcompactd_where_reclaim_gave_up(void **state)
{
	struct page_node *node;
	struct page *page;
	struct owner o;
	struct host h;
	uint64_t events;

	(void)state;
	packed_build(&h, &o);
	node = &h.m.q->pages->node[0];
	node->kswapd_wanted = false; /* by who filled the machine */
	node->kswapd_order = node->kswapd_highest = 0;
	events = quarry_vm_event(h.m.q, QUARRY_VM_KSWAPD_WAKE);
	node->kswapd_failures = 15;
	assert_null(quarry_alloc_pages(h.m.q, GFP_ATOMIC | __GFP_NOWARN, 5));
	assert_int_equal(h.wakes, 1);
	assert_true(node->kswapd_wanted && node->compact_order == 0);
	assert_int_equal(node->kswapd_order, 5);
	assert_int_equal(node->kswapd_highest, QUARRY_ZONE_NORMAL);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_KSWAPD_WAKE), events + 1);
	node->kswapd_wanted = false;
	node->kswapd_failures = 16;
	assert_null(quarry_alloc_pages(h.m.q, GFP_ATOMIC | __GFP_NOWARN, 5));
	assert_int_equal(h.wakes, 2);
	assert_false(quarry_kswapd_wanted(h.m.q, 0));
	assert_int_equal(node->compact_order, 5);
	assert_int_equal(node->compact_highest, QUARRY_ZONE_NORMAL);
	assert_int_equal(quarry_vm_event(h.m.q, QUARRY_VM_KSWAPD_WAKE), events + 1);
	assert_true(quarry_kcompactd_run(h.m.q, 0) > 0);
	assert_int_equal(node->compact_order, 0);
	page = quarry_alloc_pages(h.m.q, GFP_ATOMIC, 5);
	assert_non_null(page);
	quarry_free_pages(h.m.q, page, 5);
	/* Not for single pages, nor for who can compact by itself. */
	reclaim_wake_node_of(&h, GFP_ATOMIC, 0);
	reclaim_wake_node_of(&h, GFP_KERNEL, 5);
	assert_int_equal(h.wakes, 2);
	assert_int_equal(node->compact_order, 0);
	reclaim_wake_node_of(&h, GFP_ATOMIC, 5);
	assert_int_equal(h.wakes, 3);
	packed_fini(&h, &o);
}

/* ---- what would have helped ---- */

/* Each remedy that is named is tried, and works; each that is not named does not. */
static void remedies_are_true(void **state)
{
	static struct text text;
	struct quarry_out out = text_out(&text);
	struct quarry_refusal f;
	struct hoard all = {0};
	struct page *page;
	struct host h;
	gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;

	(void)state;
	host_build(&h, &host_spec);
	hoard_order(&h.m, &all, gfp, 0);
	assert_null(quarry_alloc_pages(h.m.q, gfp, 0));
	assert_true(quarry_explain(h.m.q, &f));
	assert_int_equal(f.remedies, QUARRY_REMEDY_RECLAIM | QUARRY_REMEDY_HIGH |
					     QUARRY_REMEDY_ATOMIC | QUARRY_REMEDY_MEMALLOC);
	assert_int_equal(f.lacking, 1);
	page = quarry_alloc_pages(h.m.q, gfp | __GFP_HIGH, 0);
	assert_non_null(page);
	quarry_free_pages(h.m.q, page, 0);
	quarry_drain_all_pages(h.m.q);
	quarry_free_pages(h.m.q, all.page[--all.n], 0);
	page = quarry_alloc_pages(h.m.q, gfp, 0);
	assert_non_null(page);
	quarry_free_pages(h.m.q, page, 0);

	/* Enough pages, but every second one: a smaller order, or moving, would do. */
	hoard_free(&h.m, &all);
	hoard_order(&h.m, &all, GFP_ALL, 0);
	for (size_t i = 0; i < all.n; i++) {
		if (quarry_page_to_pfn(h.m.q, all.page[i]) % 2 == 0)
			hoard_add(&h.pages, all.page[i], 0);
	}
	for (size_t i = 0; i < all.n;) {
		if (quarry_page_to_pfn(h.m.q, all.page[i]) % 2 != 0)
			i++;
		else
			all.page[i] = all.page[--all.n];
	}
	host_give(&h, &h.pages, ~0ul);
	quarry_drain_all_pages(h.m.q);
	assert_null(quarry_alloc_pages(h.m.q, gfp, 2));
	assert_true(quarry_explain(h.m.q, &f));
	assert_int_equal(f.zones[0].reason, QUARRY_REFUSED_ORDER);
	assert_int_equal(f.zones[0].largest_order, 0);
	assert_int_equal(f.remedies, QUARRY_REMEDY_COMPACT | QUARRY_REMEDY_SMALLER);
	assert_int_equal(f.smaller_order, 0);
	quarry_show_refusal(h.m.q, &out);
	assert_non_null(
		strstr(text.s, " pages free, but no block of order 2: the largest is order 0\n"));
	all.pages = all.n;
	hoard_free(&h.m, &all);
	host_fini(&h);
}

/* The record in words: every refusal names zone, lack and remedy. */
static void refusal_in_words(void **state)
{
	static struct text text;
	struct quarry_out out = text_out(&text);
	struct hoard all = {0};
	struct host h;

	(void)state;
	host_build(&h, &host_spec);
	quarry_show_refusal(h.m.q, &out);
	assert_string_equal(text.s, "");
	hoard_order(&h.m, &all, GFP_NOWAIT, 0);
	assert_null(quarry_alloc_pages(h.m.q, GFP_KERNEL, 0));
	text_clear(&text);
	quarry_show_refusal(h.m.q, &out);
	assert_non_null(strstr(text.s, "refused: order 0, Unmovable, gfp 0xcc0"));
	assert_non_null(strstr(text.s, "(short by 1)"));
	assert_non_null(strstr(text.s, "reclaim: 1 rounds freed 0 pages"));
	assert_non_null(strstr(text.s, "would have helped: 1 more free pages in node 0 zone DMA, "
				       "__GFP_HIGH, GFP_ATOMIC, __GFP_MEMALLOC"));
	hoard_free(&h.m, &all);
	host_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shrinkers_come_and_go),
		cmocka_unit_test(shrinkers_share),
		cmocka_unit_test(shrinkers_serve_requests),
		cmocka_unit_test(direct_reclaim_does_not_recurse),
		cmocka_unit_test(effort_by_flags),
		cmocka_unit_test(rounds_for_lack_of_pages),
		cmocka_unit_test(reclaim_follows_progress),
		cmocka_unit_test(oom_hook_frees),
		cmocka_unit_test(oom_hook_frees_late),
		cmocka_unit_test(nofail_loops),
		cmocka_unit_test(nofail_begins_anew),
		cmocka_unit_test(nofail_alone),
		cmocka_unit_test(scopes_change_requests),
		cmocka_unit_test(reserves_by_task),
		cmocka_unit_test(kswapd_until_high),
		cmocka_unit_test(kswapd_gives_up),
		cmocka_unit_test(kswapd_by_node),
		cmocka_unit_test(compaction_serves_requests),
		cmocka_unit_test(compaction_serves_from_afar),
		cmocka_unit_test(compaction_is_tried_so_often),
		cmocka_unit_test(compaction_before_or_after_reclaim),
		cmocka_unit_test(compaction_gives_up),
		cmocka_unit_test(costly_noretry_stays_async),
		cmocka_unit_test(compaction_does_not_recurse),
		cmocka_unit_test(kcompactd_for_those_who_cannot_wait),
		cmocka_unit_test(kcompactd_where_reclaim_gave_up),
		cmocka_unit_test(remedies_are_true),
		cmocka_unit_test(refusal_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
