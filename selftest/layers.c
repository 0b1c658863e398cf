/* SPDX-License-Identifier: MIT */
/* Rows X1 to X5: what holds across layers. */
#include "internal.h"

#define LAYERS_STEPS 120

static const struct selftest_spec layers_3m = {.memory = {{0, 3 * SELFTEST_M, 0}},
					       .boot = {SELFTEST_ONE_ZONE}};

static void layers_boot_order(struct selftest_run *t)
{
	struct quarry_boot_params params = {.nr_cpus = t->env->cpu + 1};
	struct page *page;

	IS(quarry_stage(t->q), QUARRY_STAGE_SLAB);
	if (!selftest_machine(t, &layers_3m))
		return;
	IS(quarry_stage(t->m.q), QUARRY_STAGE_BOOT);
	OK(quarry_memblock_alloc(t->m.q, 100, 64) != NULL);
	/* Parameters are looked at before anything changes. */
	params.nr_cpus = QUARRY_MAX_CPUS + 1;
	IS(-quarry_boot(t->m.q, &params), QUARRY_EINVAL);
	IS(quarry_stage(t->m.q), QUARRY_STAGE_BOOT);
	params.nr_cpus = t->env->cpu + 1;
	IS(quarry_boot(t->m.q, &params), 0);
	IS(quarry_stage(t->m.q), QUARRY_STAGE_SLAB);
	page = quarry_alloc_pages(t->m.q, GFP_KERNEL, 0);
	OK(page != NULL);
	quarry_free_pages(t->m.q, page, 0);
}

/* The first request after boot of every class, before any cache has a slab. */
static void layers_slab_bootstrap(struct selftest_run *t)
{
	void *object[14];

	if (!selftest_boot(t, &layers_3m))
		return;
	OK(QUARRY_TINY || quarry_kmem_cache_next(t->m.q, NULL) != NULL);
	for (unsigned int i = 0; i < 14; i++) {
		object[i] = quarry_kmalloc(t->m.q, (size_t)8 << (i % 11), GFP_KERNEL);
		OK(object[i] != NULL);
	}
	for (unsigned int i = 0; i < 14; i++)
		quarry_kfree(t->m.q, object[i]);
	IS(quarry_check_slab(t->m.q, NULL), 0);
}

#if !QUARRY_TINY

static void layers_late_calls(struct selftest_run *t)
{
	unsigned int logs;
	void *p;

	if (!selftest_boot(t, &layers_3m))
		return;
	logs = t->m.logs;
	p = quarry_memblock_alloc(t->m.q, 100, 64);
	OK(p != NULL && selftest_all(p, 0, 100));
	OK(quarry_virt_to_cache(t->m.q, p) != NULL);
	OK(t->m.logs > logs); /* with a warning */
	quarry_kfree(t->m.q, p);
}

#endif

/* What each page is, asked one by one, against the zones' counts. */
static void layers_count(struct selftest_run *t, struct quarry *q, pfn_t end)
{
	unsigned long free = 0, out = 0, reserved = 0;
	struct quarry_totals totals;

	quarry_drain_all_pages(q);
	quarry_totals(q, &totals);
	for (pfn_t pfn = 0; pfn < end; pfn++) {
		switch (quarry_pfn_state(q, pfn, NULL)) {
		case QUARRY_PAGE_FREE:
			free++;
			break;
		case QUARRY_PAGE_RESERVED:
			reserved++;
			break;
		default:
			out++;
		}
	}
	IS(free, totals.free);
	OK(free + out + reserved == end);
	IS(totals.pcp, 0);
}

static void layers_step(struct quarry *q, struct selftest_held *b, void **object, uint64_t x)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE,
				      GFP_KERNEL | __GFP_RECLAIMABLE, GFP_ATOMIC};

	if ((x & 1) != 0) {
		if (*object == NULL)
			*object = quarry_kmalloc(q, (size_t)(x >> 16 & 2047) + 1,
						 kinds[(x >> 8 & 1) * 3]);
		else
			quarry_kfree(q, *object), *object = NULL;
	} else if (b->page == NULL) {
		b->order = (unsigned int)(x >> 16 & 3);
		b->page = quarry_alloc_pages(q, kinds[x >> 8 & 3] | __GFP_NOWARN, b->order);
	} else {
		quarry_free_pages(q, b->page, b->order);
		b->page = NULL;
	}
}

/* Every invariant after every step of a random sequence. */
static void layers_invariants_of(struct selftest_run *t, struct quarry *q, unsigned int steps)
{
	struct selftest_held held[16] = {{NULL, 0}};
	void *object[16] = {NULL};

	for (unsigned int i = 0; i < steps && !t->failed; i++) {
		uint64_t x = selftest_random(&t->random);

		layers_step(q, &held[x >> 40 & 15], &object[x >> 40 & 15], x);
		selftest_is(t, quarry_check(q, NULL), 0, __FILE__, __LINE__,
			    "faults after a step == 0");
	}
	for (unsigned int i = 0; i < 16; i++) {
		quarry_free_pages(q, held[i].page, held[i].order);
		quarry_kfree(q, object[i]);
	}
}

static void layers_invariants(struct selftest_run *t)
{
	layers_invariants_of(t, t->q, LAYERS_STEPS / 4);
}

static void layers_invariants_counted(struct selftest_run *t)
{
	if (!selftest_boot(t, &layers_3m))
		return;
	for (unsigned int i = 0; i < 4 && !t->failed; i++) {
		layers_invariants_of(t, t->m.q, LAYERS_STEPS);
		layers_count(t, t->m.q, 768);
	}
}

const struct selftest selftest_layers[] = {
	{"X1", "stages of a boot", layers_boot_order, 0},
	{"X2", "the first objects of every class", layers_slab_bootstrap, 0},
	{"X3", "boot calls after boot go to slab, with a warning",
	 SELFTEST_FULL(layers_late_calls, 0)},
	{"X5", "invariants after every step, on this machine", layers_invariants, 0},
	{"X5", "invariants after every step, and every page counted", layers_invariants_counted, 0},
	{NULL, NULL, NULL, 0},
};
