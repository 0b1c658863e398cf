/* SPDX-License-Identifier: MIT */
/*
 * Everything that can happen to pages, at random, on machines of several shapes.
 *
 * After each step the validator passes. Now and then the sheaves are emptied, and the truth about every
 * page frame is put together from what the test knows alone: what it owns, what it has poisoned, which
 * memory blocks are offline. Every other frame must be free; a textbook buddy system that is given these
 * frames one by one must hold the blocks that the library shows, by zone, migratetype and order (P1 to P3,
 * P9); and free, isolated and poisoned pages must add up to the managed ones.
 *
 * QUARRY_TEST_SEED begins with another seed, QUARRY_TEST_STEPS takes other than the usual number of steps.
 */
#include <quarry/quarry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"
#include "model_buddy.h"
#include "owner.h"
#include "page_state.h"

#define MIB MACHINE_MIB
#define BLOCK QUARRY_MEMORY_BLOCK_PAGES
#define HELD_MAX 6000u
#define OWNER_SLOTS 3000u
#define RUNS_MAX 64u
#define ZONES_MAX 24
/* Also in configurations that have but one node, or one CPU: test_configs.sh. */
#define NODE_1 (QUARRY_MAX_NODES > 1 ? 1 : 0)
#define CPUS(n) (QUARRY_MAX_CPUS < (n) ? QUARRY_MAX_CPUS : (n))

/* Frames in a row that were taken, or isolated, at once. */
struct run {
	pfn_t start, end;
	struct quarry_cma *cma; /* NULL: taken by number */
};

struct held {
	struct page *page;
	unsigned int order, refs;
};

struct anything {
	const struct machine_spec *spec;
	struct machine m;
	struct owner owner;
	uint64_t seed;
	unsigned int step, nr_cpus;
	pfn_t end_pfn;
	bool *memory, *reserved, *poison; /* by frame, as the test has it */
	unsigned int nr_held, nr_taken, nr_isolated;
	struct held held[HELD_MAX];
	struct run taken[RUNS_MAX], isolated[RUNS_MAX];
	struct quarry_cma *cma[4];
	unsigned int nr_cma;
	const char *last;
	uint64_t digest;
};

static uint64_t any_random(struct anything *t, uint64_t below)
{
	return machine_random(&t->seed) % below;
}

#define ANY_FAIL(t, ...)                                               \
	do {                                                           \
		print_message("step %u (%s): ", (t)->step, (t)->last); \
		fail_msg(__VA_ARGS__);                                 \
	} while (0)

/* ---- decisions ---- */

/* The configurations that digests were written down for. */
#define USUAL                                                                                \
	(QUARRY_PAGE_SHIFT == 12 && QUARRY_PAGEBLOCK_ORDER == 9 && QUARRY_MAX_ORDER == 10 && \
	 QUARRY_MAX_NODES >= 64 && QUARRY_MAX_CPUS >= 256)
#define DIGEST_AT 150u

static void any_add(struct anything *t, uint64_t x)
{
	t->digest ^= x;
	t->digest = machine_random(&t->digest);
}

static void any_add_text(void *ctx, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		any_add(ctx, (unsigned char)text[i]);
}

static void any_add_events(struct anything *t)
{
	for (unsigned int e = 0; e < QUARRY_NR_VM_EVENTS; e++)
		any_add(t, quarry_vm_event(t->m.q, (enum quarry_vm_event)e));
}

/* Where all steps so far have led to: states on the way, events, texts. QUARRY_TEST_DECISIONS tells it. */
static void any_digest(struct anything *t, uint64_t want)
{
	struct quarry_out out = {.write = any_add_text, .ctx = t};

	if (!USUAL || getenv("QUARRY_TEST_SEED") != NULL)
		return;
	quarry_show_zoneinfo(t->m.q, &out);
	quarry_show_pagetypeinfo(t->m.q, &out);
	quarry_show_vmstat(t->m.q, &out);
	quarry_show_mem(t->m.q, &out);
	quarry_show_refusal(t->m.q, &out);
	if (getenv("QUARRY_TEST_DECISIONS") != NULL)
		print_message("0x%016llx\n", (unsigned long long)t->digest);
	else if (t->digest != want)
		ANY_FAIL(t, "other decisions than written down: 0x%016llx",
			 (unsigned long long)t->digest);
}

/* ---- the truth ---- */

static bool any_is_managed(const struct anything *t, pfn_t pfn)
{
	return t->memory[pfn] && !t->reserved[pfn] &&
	       quarry_memory_block_state(t->m.q, pfn) == QUARRY_BLOCK_ONLINE;
}

/* Frames that somebody has, by the test's own books. */
static void any_used(struct anything *t, bool *used)
{
	for (unsigned int i = 0; i < t->nr_held; i++)
		memset(&used[quarry_page_to_pfn(t->m.q, t->held[i].page)], 1,
		       (size_t)1 << t->held[i].order);
	for (size_t i = 0; i < t->owner.nr_blocks; i++) {
		const struct owner_block *b = &t->owner.block[i];

		if (b->page != NULL)
			memset(&used[quarry_page_to_pfn(t->m.q, b->page)], 1,
			       (size_t)1 << b->order);
	}
	for (unsigned int i = 0; i < t->nr_taken; i++)
		memset(&used[t->taken[i].start], 1, (size_t)(t->taken[i].end - t->taken[i].start));
}

struct any_zone {
	int nid;
	enum quarry_zone_type type;
	struct quarry_zone_info info;
	struct model_buddy model;
	unsigned long managed, isolated;
};

static unsigned int any_zones(struct anything *t, struct any_zone *z)
{
	unsigned int n = 0;

	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int k = 0; k < QUARRY_NR_ZONES; k++) {
			memset(&z[n], 0, sizeof(z[n]));
			if (!quarry_zone_info(t->m.q, nid, (enum quarry_zone_type)k, &z[n].info))
				continue;
			z[n].nid = nid;
			z[n].type = (enum quarry_zone_type)k;
			assert_true(model_buddy_init(&z[n].model, z[n].info.start_pfn,
						     z[n].info.start_pfn + z[n].info.spanned));
			n++;
		}
	}
	assert_true(n <= ZONES_MAX);
	return n;
}

/* Frame @pfn of zone @z is free, or not, as it should be; free ones go to the model. */
static void any_frame(struct anything *t, struct any_zone *z, pfn_t pfn, bool used)
{
	unsigned int order = 0;
	enum quarry_page_state state = quarry_pfn_state(t->m.q, pfn, &order);
	int type = quarry_pageblock_type(t->m.q, pfn);
	bool free = !used && !t->poison[pfn];

	any_add(t, (uint64_t)state << 32 | order << 8 | (unsigned int)type);
	if (free != (state == QUARRY_PAGE_FREE))
		ANY_FAIL(t, "pfn %#llx: state %d, used %d, poisoned %d", (unsigned long long)pfn,
			 (int)state, used, t->poison[pfn]);
	z->managed++;
	if (!free)
		return;
	if (model_buddy_type(&z->model, pfn) != (unsigned int)type)
		model_buddy_set_type(&z->model, pfn, (unsigned int)type);
	assert_true(model_buddy_free(&z->model, pfn, 0));
	z->isolated += type == QUARRY_MIGRATE_ISOLATE;
}

static void any_compare_zone(struct anything *t, const struct any_zone *z)
{
	if (z->managed != z->info.managed || z->isolated != z->info.isolated ||
	    z->model.free != z->info.free + z->info.isolated || z->info.pcp != 0)
		ANY_FAIL(t,
			 "zone %d %s: managed %lu (%lu), isolated %lu (%lu), free %lu (%lu), pcp "
			 "%lu",
			 z->nid, z->info.name, z->info.managed, z->managed, z->info.isolated,
			 z->isolated, z->info.free, z->model.free - z->isolated, z->info.pcp);
	for (unsigned int k = 0; k < QUARRY_MIGRATE_TYPES; k++) {
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
			if (z->info.nr_free_type[k][o] != z->model.nr_free_type[k][o])
				ANY_FAIL(t, "zone %d %s type %u order %u: %lu, model %lu", z->nid,
					 z->info.name, k, o, z->info.nr_free_type[k][o],
					 z->model.nr_free_type[k][o]);
		}
	}
}

static void any_compare(struct anything *t)
{
	static struct any_zone z[ZONES_MAX + 1];
	bool *used = calloc((size_t)t->end_pfn, sizeof(*used));
	unsigned int n, cur = 0;

	assert_non_null(used);
	quarry_drain_all_pages(t->m.q);
	any_used(t, used);
	n = any_zones(t, z);
	for (pfn_t pfn = 0; pfn < t->end_pfn; pfn++) {
		enum quarry_zone_type type;
		int nid;

		if (!any_is_managed(t, pfn)) {
			assert_false(used[pfn]);
			continue;
		}
		assert_true(quarry_pfn_zone(t->m.q, pfn, &nid, &type));
		if (z[cur].nid != nid || z[cur].type != type) {
			for (cur = 0; cur < n && (z[cur].nid != nid || z[cur].type != type); cur++)
				;
			assert_true(cur < n);
		}
		any_frame(t, &z[cur], pfn, used[pfn]);
	}
	for (unsigned int i = 0; i < n; i++) {
		any_compare_zone(t, &z[i]);
		model_buddy_fini(&z[i].model);
	}
	assert_int_equal(owner_check(&t->owner), 0);
	free(used);
}

/* ---- steps ---- */

static gfp_t any_gfp(struct anything *t)
{
	static const gfp_t gfp[] = {
		GFP_KERNEL,
		GFP_KERNEL | __GFP_MEMALLOC,
		GFP_HIGHUSER_MOVABLE,
		GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC,
		GFP_HIGHUSER_MOVABLE | __GFP_NORETRY,
		GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_ATOMIC,
		GFP_ATOMIC | __GFP_MOVABLE,
		GFP_NOWAIT,
		GFP_KERNEL | __GFP_DMA,
		GFP_KERNEL | __GFP_DMA32 | __GFP_RETRY_MAYFAIL,
		GFP_KERNEL | __GFP_THISNODE,
		GFP_NOFS | __GFP_ZERO,
	};

	return gfp[any_random(t, sizeof(gfp) / sizeof(gfp[0]))];
}

static unsigned int any_order(struct anything *t)
{
	return (unsigned int)(any_random(t, 4) != 0 ? any_random(t, 4)
						    : any_random(t, QUARRY_NR_ORDERS));
}

static void any_hold(struct anything *t, struct page *page, unsigned int order)
{
	if (page == NULL)
		return;
	if (t->nr_held == HELD_MAX)
		quarry_free_pages(t->m.q, page, order);
	else
		t->held[t->nr_held++] = (struct held){page, order, 1};
}

static void step_alloc(struct anything *t)
{
	unsigned int order = any_order(t), n = 1 + (unsigned int)any_random(t, 60);
	gfp_t gfp = any_gfp(t);

	for (unsigned int i = 0; i < (order < 6 ? n : 1); i++)
		any_hold(t, quarry_alloc_pages(t->m.q, gfp, order), order);
}

static void step_alloc_node(struct anything *t)
{
	unsigned int order = any_order(t);
	quarry_nodemask_t nodes = (quarry_nodemask_t)machine_random(&t->seed);
	int nid = (int)any_random(t, 4) - 1;

	any_hold(t, quarry_alloc_pages_nodemask(t->m.q, any_gfp(t), order, nid, &nodes), order);
}

static void any_free_one(struct anything *t, unsigned int i)
{
	struct held *h = &t->held[i];

	quarry_free_pages(t->m.q, h->page, h->order);
	if (--h->refs == 0)
		*h = t->held[--t->nr_held];
}

static void step_free(struct anything *t)
{
	unsigned int n = (unsigned int)any_random(t, 90);

	while (n-- > 0 && t->nr_held > 0)
		any_free_one(t, (unsigned int)any_random(t, t->nr_held));
}

static void step_get(struct anything *t)
{
	struct held *h = &t->held[any_random(t, HELD_MAX)];

	if (h < t->held + t->nr_held) {
		quarry_get_page(t->m.q, h->page);
		h->refs++;
	}
}

static void step_split(struct anything *t)
{
	struct held *h = &t->held[any_random(t, HELD_MAX)];
	unsigned int order;

	if (h >= t->held + t->nr_held || h->refs != 1)
		return;
	order = h->order;
	assert_int_equal(quarry_split_page(t->m.q, h->page, order), 0);
	h->order = 0;
	for (unsigned int i = 1; i < 1u << order; i++)
		any_hold(t, h->page + i, 0);
}

static void step_bulk(struct anything *t)
{
	struct page *pages[200];
	struct quarry_mempolicy pol;
	size_t n;

	if (quarry_mpol_init(t->m.q, &pol, MPOL_INTERLEAVE, 0, 1) != 0)
		return;
	n = quarry_alloc_pages_bulk_mpol(t->m.q, any_gfp(t), &pol, any_random(t, 200), pages);
	for (size_t i = 0; i < n; i++)
		any_hold(t, pages[i], 0);
}

static void step_owner(struct anything *t)
{
	unsigned int n = (unsigned int)any_random(t, 100), order;

	order = (unsigned int)any_random(t, QUARRY_PAGEBLOCK_ORDER + 1);
	order = any_random(t, 5) != 0 ? order % 4 : order;
	for (unsigned int i = 0; i < (order < 6 ? n : 2); i++) {
		size_t slot = any_random(t, OWNER_SLOTS);

		if (t->owner.block[slot].page == NULL)
			(void)owner_alloc(&t->owner, slot, GFP_HIGHUSER_MOVABLE, order);
		else
			owner_free(&t->owner, slot);
	}
}

static void step_compact(struct anything *t)
{
	switch (any_random(t, 4)) {
	case 0:
		quarry_compact_memory(t->m.q);
		break;
	case 1:
		(void)quarry_kcompactd_run(t->m.q, (int)any_random(t, 3));
		break;
	case 2:
		(void)quarry_kswapd_run(t->m.q, (int)any_random(t, 3));
		break;
	default:
		(void)quarry_try_to_free_pages(t->m.q, (int)any_random(t, 3), GFP_KERNEL, 3);
	}
}

static void any_range(struct anything *t, pfn_t *start, pfn_t *end)
{
	pfn_t size = any_random(t, 3) != 0 ? 1 + any_random(t, 600) : 1 + any_random(t, 5000);

	*start = any_random(t, t->end_pfn);
	*end = *start + size;
}

static void step_contig(struct anything *t)
{
	struct run *r = &t->taken[t->nr_taken];
	struct page *page;

	if (t->nr_taken == RUNS_MAX)
		return;
	r->cma = NULL;
	if (any_random(t, 2) != 0) {
		any_range(t, &r->start, &r->end);
		t->nr_taken += quarry_alloc_contig_range(t->m.q, r->start, r->end,
							 QUARRY_MIGRATE_MOVABLE, GFP_KERNEL) == 0;
	} else {
		unsigned long n = 1 + any_random(t, 3000);

		page = quarry_alloc_contig_pages(t->m.q, n, any_gfp(t), QUARRY_NO_NODE, NULL);
		if (page != NULL) {
			r->start = quarry_page_to_pfn(t->m.q, page);
			r->end = r->start + n;
			t->nr_taken++;
		}
	}
}

static void step_cma(struct anything *t)
{
	struct run *r = &t->taken[t->nr_taken];
	unsigned long n = 1 + any_random(t, any_random(t, 2) ? 2000 : 20);
	struct page *page;

	if (t->nr_taken == RUNS_MAX || t->nr_cma == 0)
		return;
	r->cma = t->cma[any_random(t, t->nr_cma)];
	page = quarry_cma_alloc(t->m.q, r->cma, n, (unsigned int)any_random(t, 10), true);
	if (page == NULL)
		return;
	r->start = quarry_page_to_pfn(t->m.q, page);
	r->end = r->start + n;
	t->nr_taken++;
}

static void step_untake(struct anything *t)
{
	struct run *r = &t->taken[any_random(t, RUNS_MAX)];
	unsigned long n;

	if (r >= t->taken + t->nr_taken)
		return;
	n = (unsigned long)(r->end - r->start);
	if (r->cma != NULL)
		assert_true(quarry_cma_release(t->m.q, r->cma, quarry_pfn_to_page(t->m.q, r->start),
					       n));
	else
		quarry_free_contig_range(t->m.q, r->start, n);
	*r = t->taken[--t->nr_taken];
}

static void step_isolate(struct anything *t)
{
	struct run *r = &t->isolated[t->nr_isolated];

	if (t->nr_isolated == 4)
		return;
	any_range(t, &r->start, &r->end);
	t->nr_isolated += quarry_start_isolate_page_range(t->m.q, r->start, r->end,
							  QUARRY_MIGRATE_MOVABLE, 0) == 0;
}

static void step_unisolate(struct anything *t)
{
	if (t->nr_isolated == 0)
		return;
	t->nr_isolated--;
	quarry_undo_isolate_page_range(t->m.q, t->isolated[t->nr_isolated].start,
				       t->isolated[t->nr_isolated].end);
}

/* A memory block; at 0 where there is none, which is refused. */
static pfn_t any_block(struct anything *t)
{
	return any_random(t, t->end_pfn / BLOCK + 1) * BLOCK;
}

static void step_offline(struct anything *t)
{
	pfn_t start = any_block(t);
	int err = quarry_offline_pages(t->m.q, start, BLOCK);

	assert_int_equal(
		quarry_memory_block_state(t->m.q, start) != QUARRY_BLOCK_ONLINE || err != 0, true);
}

static void step_online(struct anything *t)
{
	pfn_t start = any_block(t);

	if (quarry_online_pages(t->m.q, start, BLOCK, (enum quarry_online_type)any_random(t, 3)) !=
	    0)
		return;
	/* What was reserved at boot can go offline no more than it could; this was all memory. */
	for (pfn_t pfn = start; pfn < start + BLOCK; pfn++)
		assert_false(t->reserved[pfn]);
}

static void step_add_remove(struct anything *t)
{
	pfn_t start = any_block(t);
	phys_addr_t phys = start << QUARRY_PAGE_SHIFT;
	bool add = any_random(t, 2) != 0;

	if (add) {
		if (quarry_add_memory(t->m.q, (int)any_random(t, 2), phys,
				      QUARRY_MEMORY_BLOCK_BYTES) != 0)
			return;
	} else if (quarry_remove_memory(t->m.q, phys, QUARRY_MEMORY_BLOCK_BYTES) != 0) {
		return;
	}
	for (pfn_t pfn = start; pfn < start + BLOCK; pfn++) {
		t->memory[pfn] = add;
		t->poison[pfn] = false;
	}
}

static void step_poison(struct anything *t)
{
	pfn_t pfn = any_random(t, t->end_pfn);
	int err;

	switch (any_random(t, 3)) {
	case 0:
		err = quarry_memory_failure(t->m.q, pfn, QUARRY_MF_SW_SIMULATED);
		if (err == 0 || err == -QUARRY_EBUSY)
			t->poison[pfn] = true;
		break;
	case 1:
		err = quarry_soft_offline_page(t->m.q, pfn);
		if (err == 0)
			t->poison[pfn] = true;
		break;
	default:
		for (pfn_t k = 0; k < t->end_pfn && any_random(t, 3) != 0; k++) {
			if (t->poison[k] && quarry_unpoison_memory(t->m.q, k) == 0)
				t->poison[k] = false;
		}
	}
	for (pfn_t k = pfn > 9 ? pfn - 9 : 0; k < pfn + 9 && k < t->end_pfn; k++)
		assert_int_equal(quarry_page_is_poisoned(t->m.q, k),
				 t->poison[k] && quarry_memory_block_state(t->m.q, k) ==
							 QUARRY_BLOCK_ONLINE);
}

static void step_cpu(struct anything *t)
{
	unsigned int cpu = (unsigned int)any_random(t, t->nr_cpus);

	bool online = quarry_cpu_is_online(t->m.q, cpu);
	int err;

	if (t->nr_cpus == 1 || !quarry_cpu_is_online(t->m.q, cpu == 0))
		return;
	quarry_posix_set_cpu(cpu == 0);
	err = online ? quarry_cpu_offline(t->m.q, cpu) : quarry_cpu_online(t->m.q, cpu);
	assert_int_equal(err, 0);
}

static void step_sysctl(struct anything *t)
{
	static const char *const name[] = {"vm.min_free_kbytes",
					   "vm.watermark_scale_factor",
					   "vm.watermark_boost_factor",
					   "vm.defrag_mode",
					   "vm.compaction_proactiveness",
					   "vm.extfrag_threshold",
					   "vm.percpu_pagelist_high_fraction"};
	char value[32];

	snprintf(value, sizeof(value), "%u",
		 (unsigned int)any_random(t, any_random(t, 2) ? 2 : 4000));
	(void)quarry_sysctl_set(t->m.q, name[any_random(t, sizeof(name) / sizeof(name[0]))], value);
}

static void step_drain(struct anything *t)
{
	if (any_random(t, 2) != 0)
		quarry_age_pages(t->m.q);
	else
		quarry_drain_pages(t->m.q, (unsigned int)any_random(t, 8));
}

static void step_reserved(struct anything *t)
{
	pfn_t start, end, n = 0;

	any_range(t, &start, &end);
	end = end < t->end_pfn ? end : t->end_pfn;
	for (pfn_t pfn = start; pfn < end; pfn++) {
		if (t->memory[pfn] && t->reserved[pfn]) {
			t->reserved[pfn] = false;
			n++;
		}
	}
	assert_int_equal(quarry_free_reserved(t->m.q, start, end), n);
}

static int any_tell(void *ctx, const struct quarry_range *ranges, unsigned int n)
{
	(void)ranges;
	(void)n;
	return any_random(ctx, 8) == 0 ? -QUARRY_EBUSY : 0;
}

static void step_report(struct anything *t)
{
	(void)quarry_page_reporting_run(t->m.q);
}

static const struct step {
	void (*run)(struct anything *t);
	const char *name;
	unsigned int weight;
} steps[] = {
	{step_alloc, "alloc", 30},        {step_alloc_node, "alloc node", 10},
	{step_free, "free", 36},          {step_get, "get", 3},
	{step_split, "split", 4},         {step_bulk, "bulk", 4},
	{step_owner, "owner", 24},        {step_compact, "compact", 5},
	{step_contig, "contig", 8},       {step_cma, "cma", 8},
	{step_untake, "untake", 8},       {step_isolate, "isolate", 3},
	{step_unisolate, "unisolate", 4}, {step_offline, "offline", 4},
	{step_online, "online", 6},       {step_add_remove, "add, remove", 4},
	{step_poison, "poison", 4},       {step_cpu, "cpu", 2},
	{step_sysctl, "sysctl", 2},       {step_drain, "drain", 3},
	{step_reserved, "reserved", 1},   {step_report, "report", 2},
};

/* ---- a machine's life ---- */

static void any_know_memory(struct anything *t)
{
	for (const struct machine_range *r = t->spec->memory; r->start < r->end; r++) {
		pfn_t start = (r->start + QUARRY_PAGE_SIZE - 1) >> QUARRY_PAGE_SHIFT;

		for (pfn_t pfn = start; pfn < r->end >> QUARRY_PAGE_SHIFT; pfn++)
			t->memory[pfn] = true;
	}
	for (const struct machine_range *r = t->spec->reserved; r->start < r->end; r++) {
		pfn_t end = (r->end + QUARRY_PAGE_SIZE - 1) >> QUARRY_PAGE_SHIFT;

		for (pfn_t pfn = r->start >> QUARRY_PAGE_SHIFT; pfn < end; pfn++)
			t->reserved[pfn] = true;
	}
}

/* An area that a zone's border runs through stays reserved, and is none. */
static void any_know_cma(struct anything *t)
{
	for (unsigned int i = t->nr_cma; i-- > 0;) {
		struct quarry_cma_info info;

		quarry_cma_info(t->m.q, t->cma[i], &info);
		if (info.active)
			continue;
		memset(&t->reserved[info.base_pfn], true, info.count);
		t->cma[i] = t->cma[--t->nr_cma];
	}
}

static void any_begin(struct anything *t, const struct machine_spec *spec, unsigned int cmas,
		      pfn_t end_pfn)
{
	struct quarry_reporting_dev dev = {.report = any_tell, .ctx = t};

	t->spec = spec;
	t->end_pfn = end_pfn;
	t->nr_cpus = spec->boot.nr_cpus;
	t->memory = calloc((size_t)end_pfn, 1);
	t->reserved = calloc((size_t)end_pfn, 1);
	t->poison = calloc((size_t)end_pfn, 1);
	assert_true(t->memory != NULL && t->reserved != NULL && t->poison != NULL);
	machine_init(&t->m, spec);
	for (t->nr_cma = 0; t->nr_cma < cmas; t->nr_cma++) {
		struct quarry_cma_spec area = {.size = (8 + 8 * t->nr_cma) * MIB,
					       .order_per_bit = t->nr_cma % 2,
					       .nid = QUARRY_NO_NODE};

		int err = quarry_cma_declare_contiguous(t->m.q, &area, &t->cma[t->nr_cma]);

		/* For larger pageblocks there may be no place. */
		if (QUARRY_PAGE_SHIFT + QUARRY_PAGEBLOCK_ORDER > 21 && err != 0)
			break;
		assert_int_equal(err, 0);
	}
	assert_int_equal(quarry_boot(t->m.q, &spec->boot), 0);
	owner_init(&t->owner, &t->m, OWNER_SLOTS, end_pfn, false);
	t->owner.refuse_percent = 3;
	t->owner.fail_percent = 3;
	assert_int_equal(quarry_page_reporting_register(t->m.q, &dev), 0);
	any_know_memory(t);
	any_know_cma(t);
	any_compare(t);
}

static void any_end(struct anything *t)
{
	while (t->nr_isolated > 0)
		step_unisolate(t);
	while (t->nr_held > 0)
		any_free_one(t, t->nr_held - 1);
	while (t->nr_taken > 0)
		step_untake(t);
	owner_free_all(&t->owner);
	t->last = "all back";
	machine_check(&t->m);
	any_compare(t);
	owner_fini(&t->owner);
	machine_fini(&t->m);
	free(t->memory);
	free(t->reserved);
	free(t->poison);
}

static const struct step *any_pick(struct anything *t)
{
	const struct step *s = steps;
	unsigned int sum = 0, at;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		sum += steps[i].weight;
	for (at = (unsigned int)any_random(t, sum); at >= s->weight; s++)
		at -= s->weight;
	return s;
}

static void any_live(const struct machine_spec *spec, unsigned int cmas, pfn_t end_pfn,
		     uint64_t seed, unsigned int nr, uint64_t digest)
{
	static struct anything t;
	const char *given = getenv("QUARRY_TEST_SEED"), *steps_given = getenv("QUARRY_TEST_STEPS");

	memset(&t, 0, sizeof(t));
	t.seed = given != NULL ? strtoull(given, NULL, 0) + seed : seed;
	t.last = "boot";
	nr = steps_given != NULL ? (unsigned int)strtoul(steps_given, NULL, 0) : nr;
	any_begin(&t, spec, cmas, end_pfn);
	for (t.step = 0; t.step < nr; t.step++) {
		const struct step *s = any_pick(&t);
		unsigned int cpu;
		char why[256];

		do
			cpu = (unsigned int)any_random(&t, t.nr_cpus);
		while (!quarry_cpu_is_online(t.m.q, cpu));
		quarry_posix_set_cpu(cpu);
		t.last = s->name;
		if (getenv("QUARRY_TEST_LOUD") != NULL)
			print_message("%u %s\n", t.step, s->name);
		s->run(&t);
		if (t.m.reports != 0)
			ANY_FAIL(&t, "reported: %s", t.m.last_report);
		if (!machine_is_sound(&t.m, why))
			ANY_FAIL(&t, "%s", why);
		any_add_events(&t);
		if (USUAL && t.step < DIGEST_AT)
			page_state_add(t.m.q, &t.digest);
		if (t.step % 16 == 0)
			any_compare(&t);
		if (t.step + 1 == DIGEST_AT)
			any_digest(&t, digest);
	}
	any_end(&t);
}

static void two_nodes_cma_hotplug(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{4096, 632 * 1024, 0},
			   {1 * MIB, 256 * MIB, 0},
			   {256 * MIB, 512 * MIB, NODE_1}},
		.reserved = {{1 * MIB, 2 * MIB + 4097, 0}, {300 * MIB, 300 * MIB + 5, 0}},
		.boot = {.nr_cpus = CPUS(4), .max_hotplug_phys = 1024 * MIB}};

	(void)state;
	any_live(&spec, 2, 1024 * MIB >> QUARRY_PAGE_SHIFT, 1, 600, 0x4d0c7e268e56850c);
}

static void movable_and_odd_borders(void **state)
{
	static const struct machine_spec spec = {.memory = {{0, 90 * MIB + 8192, 0},
							    {91 * MIB, 150 * MIB, 0},
							    {150 * MIB, 260 * MIB, NODE_1}},
						 .reserved = {{20 * MIB, 24 * MIB, 0}},
						 .boot = {.nr_cpus = CPUS(3),
							  .dma_limit = 17 * MIB + 4096,
							  .dma32_limit = 61 * MIB + 12288,
							  .movablecore = 80 * MIB,
							  .max_hotplug_phys = 768 * MIB}};

	(void)state;
	any_live(&spec, 1, 768 * MIB >> QUARRY_PAGE_SHIFT, 1000, 600, 0x1959c99684b76d10);
}

static void small_and_concurrent(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 40 * MIB, 0}}, .concurrent = true, .boot = {.nr_cpus = CPUS(2)}};

	(void)state;
	any_live(&spec, 1, 40 * MIB >> QUARRY_PAGE_SHIFT, 2000, 600, 0x1b3f90f97b089f33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_nodes_cma_hotplug),
		cmocka_unit_test(movable_and_odd_borders),
		cmocka_unit_test(small_and_concurrent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
