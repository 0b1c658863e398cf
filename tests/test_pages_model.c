/* SPDX-License-Identifier: MIT */
/*
 * The page allocator and a textbook buddy system side by side.
 *
 * random_operations: a list of operations from a printed seed runs on machines of many shapes. After
 * each step the validator must pass; the free blocks of every zone must be those of the model by order and
 * migratetype (P1 to P3, P9), where the types of pageblocks are the library's: at once
 * where the per-CPU sheaves hold nothing, after a drain elsewhere; and a request that may use every
 * reserve fails only if the model has no block for it either. A failing list is shrunk and printed.
 *
 * every_state: on a machine of 8 pages all states that can be reached are visited and every operation is
 * tried in each; on 16 and 64 pages as many as the bound allows, nearest first.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"
#include "model_buddy.h"

#define OWNED_MAX 4096u
#define ZONES_MAX 16u

struct model_zone {
	int nid;
	enum quarry_zone_type type;
	struct model_buddy buddy;
};

struct owned {
	struct page *page;
	pfn_t pfn;
	unsigned int order, refs;
};

struct run {
	const struct machine_spec *spec;
	struct machine m;
	struct model_zone zone[ZONES_MAX];
	unsigned int nr_zones, nr_owned, nr_cpus;
	bool sheaves; /* some zone's sheaves hold pages */
	bool pieces;  /* a zone has a pageblock in two pieces, each with a type of its own */
	struct owned owned[OWNED_MAX];
	char why[400];
};

enum op_kind { OP_ALLOC, OP_FREE, OP_SPLIT, OP_GET, OP_DRAIN, OP_BAD_FREE, OP_EXACT, OP_KINDS };

struct op {
	uint8_t kind, order, gfp, cpu;
	uint32_t pick;
};

static const struct gfp_name {
	gfp_t gfp;
	const char *name;
} gfps[] = {
	{GFP_KERNEL, "KERNEL"},
	{GFP_KERNEL | __GFP_MEMALLOC, "KERNEL|MEMALLOC"},
	{GFP_HIGHUSER_MOVABLE, "HIGHUSER_MOVABLE"},
	{GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC, "HIGHUSER_MOVABLE|MEMALLOC"},
	{GFP_KERNEL | __GFP_RECLAIMABLE, "KERNEL|RECLAIMABLE"},
	{GFP_KERNEL | __GFP_RECLAIMABLE | __GFP_MEMALLOC, "KERNEL|RECLAIMABLE|MEMALLOC"},
	{GFP_ATOMIC, "ATOMIC"},
	{GFP_KERNEL | __GFP_DMA | __GFP_MEMALLOC, "KERNEL|DMA|MEMALLOC"},
	{GFP_KERNEL | __GFP_DMA32 | __GFP_MEMALLOC, "KERNEL|DMA32|MEMALLOC"},
	{GFP_KERNEL | __GFP_THISNODE | __GFP_MEMALLOC, "KERNEL|THISNODE|MEMALLOC"},
	{GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE, "KERNEL|MOVABLE|RECLAIMABLE"},
};
#define NR_GFPS (sizeof(gfps) / sizeof(gfps[0]))

#define RUN_FAIL(r, ...) (snprintf((r)->why, sizeof((r)->why), __VA_ARGS__), false)

static int run_nid(const struct run *r, pfn_t pfn)
{
	for (const struct machine_range *m = r->spec->memory; m->start < m->end; m++) {
		if (pfn << QUARRY_PAGE_SHIFT >= m->start &&
		    (pfn + 1) << QUARRY_PAGE_SHIFT <= m->end)
			return m->nid;
	}
	return -1;
}

static bool run_reserved(const struct run *r, pfn_t pfn)
{
	for (const struct machine_range *m = r->spec->reserved; m->start < m->end; m++) {
		if ((pfn + 1) << QUARRY_PAGE_SHIFT > m->start && pfn << QUARRY_PAGE_SHIFT < m->end)
			return true;
	}
	return false;
}

static struct model_zone *run_zone(struct run *r, pfn_t pfn)
{
	int nid = run_nid(r, pfn);

	for (unsigned int i = 0; i < r->nr_zones; i++) {
		struct model_zone *z = &r->zone[i];

		if (z->nid == nid && pfn >= z->buddy.start && pfn < z->buddy.end)
			return z;
	}
	return NULL;
}

/* Whether another node's memory lies inside a pageblock, between two ranges of one node. */
static bool run_has_pieces(const struct machine_range *m)
{
	for (; m[0].start < m[0].end && m[1].start < m[1].end; m++) {
		if (m[1].nid != m[0].nid && m[2].start < m[2].end && m[2].nid == m[0].nid &&
		    (m[0].end - 1) / QUARRY_PAGEBLOCK_PAGES / QUARRY_PAGE_SIZE ==
			    m[2].start / QUARRY_PAGEBLOCK_PAGES / QUARRY_PAGE_SIZE)
			return true;
	}
	return false;
}

static void run_begin(struct run *r, const struct machine_spec *spec)
{
	struct quarry_zone_info info;

	memset(r, 0, sizeof(*r));
	r->spec = spec;
	machine_build(&r->m, spec);
	r->nr_cpus = spec->boot.nr_cpus != 0 ? spec->boot.nr_cpus : 1;
	r->pieces = run_has_pieces(spec->memory);
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			struct model_zone *z = &r->zone[r->nr_zones];

			if (!quarry_zone_info(r->m.q, nid, (enum quarry_zone_type)t, &info))
				continue;
			assert_true(++r->nr_zones < ZONES_MAX);
			z->nid = nid;
			z->type = (enum quarry_zone_type)t;
			r->sheaves |= info.pcp_batch > 1;
			assert_true(model_buddy_init(&z->buddy, info.start_pfn,
						     info.start_pfn + info.spanned));
		}
	}
	for (unsigned int i = 0; i < r->nr_zones; i++) {
		struct model_zone *z = &r->zone[i];

		for (pfn_t pfn = z->buddy.start; pfn < z->buddy.end; pfn++) {
			if (run_nid(r, pfn) == z->nid && !run_reserved(r, pfn))
				assert_true(model_buddy_free(&z->buddy, pfn, 0));
		}
	}
}

static void run_end(struct run *r)
{
	for (unsigned int i = 0; i < r->nr_zones; i++)
		model_buddy_fini(&r->zone[i].buddy);
	machine_fini(&r->m);
}

/* The model's pageblocks take on the library's types. */
static void run_sync_types(struct run *r, struct model_zone *z)
{
	pfn_t pfn = z->buddy.start;

	while (pfn < z->buddy.end) {
		pfn_t end = (pfn | (QUARRY_PAGEBLOCK_PAGES - 1)) + 1;

		/* The zone's part of the pageblock may begin behind a hole, or not be there. */
		while (pfn < z->buddy.end && pfn < end && run_nid(r, pfn) != z->nid)
			pfn++;
		if (pfn < z->buddy.end && pfn < end) {
			int type = quarry_pageblock_type(r->m.q, pfn);

			if ((unsigned int)type != model_buddy_type(&z->buddy, pfn))
				model_buddy_set_type(&z->buddy, pfn, (unsigned int)type);
		}
		pfn = end;
	}
}

static bool run_compare_types(struct run *r, const struct model_zone *z,
			      const struct quarry_zone_info *info)
{
	for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES; t++) {
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
			if (info->nr_free_type[t][o] != z->buddy.nr_free_type[t][o])
				return RUN_FAIL(r, "zone %d:%s order %u: %lu %s, model %lu", z->nid,
						info->name, o, info->nr_free_type[t][o],
						quarry_migratetype_name((enum quarry_migratetype)t),
						z->buddy.nr_free_type[t][o]);
		}
	}
	return true;
}

static bool run_compare(struct run *r)
{
	struct quarry_zone_info info;

	for (unsigned int i = 0; i < r->nr_zones; i++) {
		struct model_zone *z = &r->zone[i];

		quarry_zone_info(r->m.q, z->nid, z->type, &info);
		if (!r->pieces) {
			run_sync_types(r, z);
			if (!run_compare_types(r, z, &info))
				return false;
		}
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
			if (info.nr_free[o] != z->buddy.nr_free[o])
				return RUN_FAIL(
					r, "zone %d:%s order %u: %lu free blocks, model %lu",
					z->nid, info.name, o, info.nr_free[o], z->buddy.nr_free[o]);
		}
		if (info.free != z->buddy.free)
			return RUN_FAIL(r, "zone %d:%s: %lu free pages, model %lu", z->nid,
					info.name, info.free, z->buddy.free);
	}
	return true;
}

/* A refusal of a request that may use every reserve: no zone on its way has a block. */
static bool run_justify(struct run *r, gfp_t gfp, unsigned int order)
{
	enum quarry_zone_type highest = QUARRY_ZONE_NORMAL;
	struct quarry_zoneref refs[64];
	struct quarry_refusal refusal;
	unsigned int n;

	if (!quarry_explain(r->m.q, &refusal) || refusal.order != order || refusal.gfp != gfp)
		return RUN_FAIL(r, "refusal of order %u is not explained", order);
	if ((gfp & __GFP_MEMALLOC) == 0)
		return true;
	if ((gfp & __GFP_DMA) != 0)
		highest = QUARRY_ZONE_DMA;
	else if ((gfp & __GFP_DMA32) != 0)
		highest = QUARRY_ZONE_DMA32;
	else if ((gfp & __GFP_HIGHMEM) != 0 && (gfp & __GFP_MOVABLE) != 0)
		highest = QUARRY_ZONE_MOVABLE;
	n = quarry_zonelist(r->m.q, refusal.nid, (gfp & __GFP_THISNODE) != 0, refs, 64);
	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int k = 0; k < r->nr_zones; k++) {
			struct model_zone *z = &r->zone[k];

			if (z->nid != refs[i].nid || z->type != refs[i].zone || z->type > highest)
				continue;
			for (unsigned int o = order; o <= QUARRY_MAX_ORDER; o++) {
				if (z->buddy.nr_free[o] != 0)
					return RUN_FAIL(
						r, "order %u refused, zone %d:%s has order %u",
						order, z->nid, quarry_zone_name(z->type), o);
			}
		}
	}
	return true;
}

static bool run_take(struct run *r, struct page *page, unsigned int order)
{
	pfn_t pfn = quarry_page_to_pfn(r->m.q, page);
	struct model_zone *z = run_zone(r, pfn);
	unsigned int found = 99;

	if (z == NULL || !model_buddy_alloc(&z->buddy, pfn, order))
		return RUN_FAIL(r, "pfn %#llx order %u was not free", (unsigned long long)pfn,
				order);
	if (quarry_pfn_to_page(r->m.q, pfn) != page ||
	    quarry_pfn_state(r->m.q, pfn, &found) != QUARRY_PAGE_ALLOCATED || found != order ||
	    quarry_page_count(r->m.q, page) != 1)
		return RUN_FAIL(r, "pfn %#llx order %u: descriptor is wrong",
				(unsigned long long)pfn, order);
	r->owned[r->nr_owned++] = (struct owned){page, pfn, order, 1};
	return true;
}

static bool run_alloc(struct run *r, const struct op *op)
{
	unsigned int order = op->order % (QUARRY_MAX_ORDER + 1);
	gfp_t gfp = gfps[op->gfp % NR_GFPS].gfp;
	struct page *page;

	if (r->nr_owned == OWNED_MAX)
		return true;
	/* Without types the model knows of no reserve that keeps pageblocks apart. */
	if (r->pieces)
		gfp &= ~__GFP_ATOMIC;
	page = quarry_alloc_pages(r->m.q, gfp, order);
	return page == NULL ? run_justify(r, gfp, order) : run_take(r, page, order);
}

static bool run_exact(struct run *r, const struct op *op)
{
	size_t pages = 1 + op->pick % 37;
	unsigned int order = 0;
	char *addr;

	while ((size_t)1 << order < pages)
		order++;
	if (r->nr_owned + pages > OWNED_MAX)
		return true;
	addr = quarry_alloc_pages_exact(r->m.q, pages * QUARRY_PAGE_SIZE - op->pick % 4096,
					gfps[op->gfp % NR_GFPS].gfp);
	if (addr == NULL)
		return run_justify(r, gfps[op->gfp % NR_GFPS].gfp, order);
	for (size_t i = 0; i < pages; i++) {
		if (!run_take(r, quarry_virt_to_page(r->m.q, addr + i * QUARRY_PAGE_SIZE), 0))
			return false;
	}
	return true;
}

static bool run_free(struct run *r, unsigned int k)
{
	struct owned *o = &r->owned[k];
	struct model_zone *z = run_zone(r, o->pfn);

	quarry_free_pages(r->m.q, o->page, o->order);
	if (--o->refs > 0)
		return quarry_page_count(r->m.q, o->page) == o->refs || RUN_FAIL(r, "references");
	if (!model_buddy_free(&z->buddy, o->pfn, o->order))
		return RUN_FAIL(r, "model: pfn %#llx was free", (unsigned long long)o->pfn);
	r->owned[k] = r->owned[--r->nr_owned];
	return true;
}

static bool run_split(struct run *r, unsigned int k)
{
	struct owned o = r->owned[k];
	int err = quarry_split_page(r->m.q, o.page, o.order);

	if (o.refs != 1)
		return err == -QUARRY_EINVAL || RUN_FAIL(r, "split of a shared block: %d", err);
	if (err != 0)
		return RUN_FAIL(r, "split: %d", err);
	if (r->nr_owned + (1u << o.order) > OWNED_MAX) { /* no room to own them: give them back */
		for (unsigned int i = 1; i < 1u << o.order; i++) {
			quarry_free_pages(r->m.q, o.page + i, 0);
			if (!model_buddy_free(&run_zone(r, o.pfn)->buddy, o.pfn + i, 0))
				return RUN_FAIL(r, "model: split");
		}
	} else {
		for (unsigned int i = 1; i < 1u << o.order; i++)
			r->owned[r->nr_owned++] = (struct owned){o.page + i, o.pfn + i, 0, 1};
	}
	r->owned[k].order = 0;
	return true;
}

/* A free that must be refused, with one report. */
static bool run_bad_free(struct run *r, const struct op *op)
{
	const struct owned *o = &r->owned[op->pick % r->nr_owned];
	unsigned int before = r->m.reports, wrong = op->order % 64;

	if ((op->gfp & 1) != 0 && o->order > 0)
		quarry_free_pages(r->m.q, o->page + 1 + op->pick % ((1u << o->order) - 1), wrong);
	else
		quarry_free_pages(r->m.q, o->page, wrong == o->order ? wrong + 1 : wrong);
	late_settle(r->m.q); /* among frees in random order it may be told later */
	if (r->m.reports != before + 1)
		return RUN_FAIL(r, "bad free: %u reports", r->m.reports - before);
	return true;
}

static bool run_op(struct run *r, const struct op *op)
{
	unsigned int reports = r->m.reports;
	bool ok = true;

	quarry_posix_set_cpu(op->cpu % r->nr_cpus);
	if (op->kind == OP_BAD_FREE && r->nr_owned > 0)
		return run_bad_free(r, op);
	if (op->kind == OP_ALLOC)
		ok = run_alloc(r, op);
	else if (op->kind == OP_EXACT)
		ok = run_exact(r, op);
	else if (op->kind == OP_DRAIN)
		quarry_drain_all_pages(r->m.q);
	else if (r->nr_owned == 0)
		return true;
	else if (op->kind == OP_FREE)
		ok = run_free(r, op->pick % r->nr_owned);
	else if (op->kind == OP_SPLIT)
		ok = run_split(r, op->pick % r->nr_owned);
	else if (op->kind == OP_GET)
		quarry_get_page(r->m.q, r->owned[op->pick % r->nr_owned].page),
			r->owned[op->pick % r->nr_owned].refs++;
	if (ok && r->m.reports != reports)
		return RUN_FAIL(r, "reported: %.200s", r->m.last_report);
	return ok;
}

static bool run_everything_back(struct run *r)
{
	while (r->nr_owned > 0) {
		if (!run_free(r, r->nr_owned - 1))
			return false;
	}
	quarry_drain_all_pages(r->m.q);
	return run_compare(r) && (machine_is_sound(&r->m, r->why));
}

/* Index of the step that failed, @n if the clean-up did, -1 if all is well. @why gets the reason. */
static int run_list(const struct machine_spec *spec, const struct op *ops, unsigned int n,
		    unsigned int check_each, char *why)
{
	struct run *r = malloc(sizeof(*r));
	int failed = -1;

	assert_non_null(r);
	run_begin(r, spec);
	if (!run_compare(r))
		failed = 0;
	for (unsigned int i = 0; failed < 0 && i < n; i++) {
		bool ok = run_op(r, &ops[i]);

		if (ok && (i % check_each == 0 || i + 1 == n))
			ok = machine_is_sound(&r->m, r->why);
		if (ok && (!r->sheaves || ops[i].kind == OP_DRAIN))
			ok = run_compare(r);
		if (!ok)
			failed = (int)i;
	}
	if (failed < 0 && !run_everything_back(r))
		failed = (int)n;
	snprintf(why, sizeof(r->why), "%s", r->why);
	run_end(r);
	free(r);
	return failed;
}

static void print_op(const struct op *op)
{
	static const char *const kinds[OP_KINDS] = {"alloc", "free",     "split", "get",
						    "drain", "bad_free", "exact"};

	print_message("\t{%s, order %u, %s, cpu %u, pick %u}\n", kinds[op->kind], op->order,
		      gfps[op->gfp % NR_GFPS].name, op->cpu, op->pick);
}

/* Drops what the failure does not need, in ever smaller pieces; prints what is left. */
static void shrink_and_fail(const char *name, const struct machine_spec *spec, struct op *ops,
			    unsigned int n, uint64_t seed)
{
	struct op *fewer = malloc(sizeof(*ops) * n);
	char why[400];

	assert_non_null(fewer);
	for (unsigned int piece = n / 2; piece > 0; piece /= 2) {
		for (unsigned int at = 0; at + piece <= n;) {
			memcpy(fewer, ops, sizeof(*ops) * at);
			memcpy(fewer + at, ops + at + piece, sizeof(*ops) * (n - at - piece));
			if (run_list(spec, fewer, n - piece, 1, why) < 0) {
				at += piece;
				continue;
			}
			n -= piece;
			memcpy(ops, fewer, sizeof(*ops) * n);
		}
	}
	run_list(spec, ops, n, 1, why);
	free(fewer);
	for (unsigned int i = 0; i < n; i++)
		print_op(&ops[i]);
	fail_msg("machine %s, seed %#llx, %u operations: %s", name, (unsigned long long)seed, n,
		 why);
}

static struct op random_op(uint64_t *seed, unsigned int i, unsigned int max_order)
{
	uint64_t x = machine_random(seed), y = machine_random(seed);
	unsigned int roll = (unsigned int)(x & 63), grow = (i / 256) & 1 ? 24 : 36;
	struct op op = {.pick = (uint32_t)y, .cpu = (uint8_t)(y >> 32)};

	op.gfp = (uint8_t)(x >> 8 & 0xff);
	op.order = (uint8_t)(x >> 16 & 3 ? x >> 20 & 3 : (x >> 20 & 0xff) % (max_order + 1));
	op.kind = roll < grow  ? OP_ALLOC
		  : roll < 56  ? OP_FREE
		  : roll == 56 ? OP_SPLIT
		  : roll == 57 ? OP_GET
		  : roll == 58 ? OP_EXACT
		  : roll <= 60 ? OP_DRAIN
			       : OP_BAD_FREE;
	if (op.kind == OP_BAD_FREE)
		op.order = (uint8_t)(y >> 40 & 63);
	return op;
}

struct shape {
	const char *name;
	unsigned int ops, check_each, max_order;
	struct machine_spec spec;
};

#define SEEDS 3u /* lists of operations for each machine */
#define KIB MACHINE_KIB
#define MIB MACHINE_MIB

static const struct shape shapes[] = {
	{"16 pages", 3000, 1, 4, {.memory = {{0, 64 * KIB, 0}}}},
	{"64 pages", 3000, 1, 6, {.memory = {{4 * KIB, 260 * KIB, 0}}}},
	{"one page", 200, 1, 1, {.memory = {{16 * KIB, 20 * KIB, 0}}}},
	{"700 pages across pageblocks",
	 2000,
	 1,
	 9,
	 {.memory = {{300 * 4 * KIB, 1000 * 4 * KIB, 0}}}},
	{"8 MiB, 2 CPUs", 2000, 1, 10, {.memory = {{0, 8 * MIB, 0}}, .boot = {.nr_cpus = 2}}},
	{"24 MiB, holes and reservations",
	 2000,
	 1,
	 10,
	 {.memory = {{4 * KIB, 636 * KIB, 0}, {1 * MIB, 24 * MIB, 0}},
	  .reserved = {{1 * MIB, 3 * MIB + 4 * KIB, 0},
		       {5 * MIB, 5 * MIB + 1, 0},
		       {17 * MIB, 18 * MIB, 0}}}},
	{"zone limits inside pageblocks",
	 2000,
	 1,
	 10,
	 {.memory = {{0, 20 * MIB, 0}},
	  .boot = {.dma_limit = 5 * MIB + 12 * KIB, .dma32_limit = 11 * MIB + 20 * KIB}}},
	{"nodes interleaved inside pageblocks",
	 2000,
	 1,
	 10,
	 {.memory = {{0, 3 * MIB, 0},
		     {3 * MIB, 3 * MIB + 64 * KIB, 1},
		     {3 * MIB + 64 * KIB, 9 * MIB, 0},
		     {9 * MIB, 17 * MIB + 4 * KIB, 1},
		     {17 * MIB + 4 * KIB, 17 * MIB + 8 * KIB, 0},
		     {18 * MIB, 26 * MIB, 2}},
	  .boot = {.nr_cpus = 3}}},
	{"256 MiB, 4 CPUs, sheaves",
	 3000,
	 8,
	 10,
	 {.memory = {{0, 256 * MIB, 0}},
	  .reserved = {{100 * MIB, 101 * MIB, 0}},
	  .boot = {.nr_cpus = 4, .no_thp = true}}},
	{"2 GiB, whole pageblocks in sheaves",
	 1500,
	 64,
	 10,
	 {.memory = {{0, 1 * MACHINE_GIB - 6 * MIB, 0}, {1 * MACHINE_GIB, 2 * MACHINE_GIB, 0}},
	  .reserved = {{1 * MACHINE_GIB, 1 * MACHINE_GIB + 100, 0}}}},
	{"256 MiB, concurrent",
	 1500,
	 8,
	 10,
	 {.memory = {{0, 256 * MIB, 0}}, .concurrent = true, .boot = {.nr_cpus = 2}}},
	{"3 nodes over GiB borders, movable",
	 1500,
	 32,
	 10,
	 {.memory = {{1000 * MIB, 1100 * MIB, 0},
		     {2000 * MIB, 2100 * MIB, 1},
		     {2100 * MIB, 2101 * MIB, 2},
		     {4090 * MIB, 4200 * MIB, 2}},
	  .boot = {.nr_cpus = 6, .movablecore = 60 * MIB}}},
};

static void random_operations(void **state)
{
	const char *given = getenv("QUARRY_TEST_SEED");

	(void)state;
	for (unsigned int i = 0; i < SEEDS * sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *s = &shapes[i / SEEDS];
		uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 0x5eed0000u + i,
			 x = seed;
		struct op *ops = malloc(sizeof(*ops) * s->ops);
		char why[400];
		int failed;

		assert_non_null(ops);
		print_message("%s: seed %#llx\n", s->name, (unsigned long long)seed);
		for (unsigned int k = 0; k < s->ops; k++)
			ops[k] = random_op(&x, k, s->max_order);
		failed = run_list(&s->spec, ops, s->ops, s->check_each, why);
		if (failed >= 0) {
			unsigned int n =
				(unsigned int)failed < s->ops ? (unsigned int)failed + 1 : s->ops;

			shrink_and_fail(s->name, &s->spec, ops, n, seed);
		}
		free(ops);
	}
}

/* ---- every state ---- */

#define STATES_MAX 32768u
#define STATE_HASH 131072u

struct known_state {
	uint32_t parent;
	struct op op; /* from the parent */
	uint64_t hash;
};

static struct known_state known[STATES_MAX];
static uint32_t known_by_hash[STATE_HASH];

static int owned_order(const void *a, const void *b)
{
	pfn_t x = ((const struct owned *)a)->pfn, y = ((const struct owned *)b)->pfn;

	return x < y ? -1 : x > y;
}

/* A state is which blocks are owned: addresses and orders. */
static uint64_t state_hash(struct run *r)
{
	uint64_t hash = r->nr_owned;

	qsort(r->owned, r->nr_owned, sizeof(r->owned[0]), owned_order);
	for (unsigned int i = 0; i < r->nr_owned; i++) {
		hash += r->owned[i].pfn * 16 + r->owned[i].order + 1;
		hash = machine_random(&hash);
	}
	return hash;
}

/* Enters a state; false: it was known, or there is no room. */
static bool state_enter(uint64_t hash, uint32_t parent, struct op op, uint32_t *n)
{
	uint32_t slot = (uint32_t)(hash % STATE_HASH);

	while (known_by_hash[slot] != 0) {
		if (known[known_by_hash[slot] - 1].hash == hash)
			return false;
		slot = (slot + 1) % STATE_HASH;
	}
	if (*n == STATES_MAX)
		return false;
	known[*n] = (struct known_state){parent, op, hash};
	known_by_hash[slot] = ++*n;
	return true;
}

static void state_go(struct run *r, uint32_t state)
{
	struct op path[128];
	unsigned int n = 0;

	while (r->nr_owned > 0)
		assert_true(run_free(r, r->nr_owned - 1));
	for (; state != 0; state = known[state].parent) {
		assert_true(n < 128);
		path[n++] = known[state].op;
	}
	while (n-- > 0) {
		if (!run_op(r, &path[n]))
			fail_msg("replay: %s", r->why);
		state_hash(r); /* sorts: a free names its block by place */
	}
}

static bool state_try(struct run *r, uint32_t from, struct op op, uint32_t *n)
{
	state_go(r, from);
	if (!run_op(r, &op) || !run_compare(r) || !machine_is_sound(&r->m, r->why)) {
		print_message("path, last first:\n");
		print_op(&op);
		for (uint32_t s = from; s != 0; s = known[s].parent)
			print_op(&known[s].op);
		return false;
	}
	return state_enter(state_hash(r), from, op, n) || true;
}

static uint32_t every_state(pfn_t pages, unsigned int max_order, uint32_t visit)
{
	struct machine_spec spec = {.memory = {{0, pages << QUARRY_PAGE_SHIFT, 0}}};
	struct run *r = malloc(sizeof(*r));
	struct op none = {0};
	uint32_t n = 0, done;

	assert_non_null(r);
	memset(known_by_hash, 0, sizeof(known_by_hash));
	run_begin(r, &spec);
	state_enter(state_hash(r), 0, none, &n);
	for (done = 0; done < n && done < visit; done++) {
		unsigned int owned;

		state_go(r, done);
		owned = r->nr_owned;
		for (unsigned int o = 0; o <= max_order + 1; o++) {
			struct op op = {.kind = OP_ALLOC, .order = (uint8_t)o, .gfp = 1};

			if (!state_try(r, done, op, &n))
				fail_msg("%u pages: %s", (unsigned int)pages, r->why);
		}
		for (unsigned int k = 0; k < owned; k++) {
			struct op op = {.kind = OP_FREE, .pick = k};

			if (!state_try(r, done, op, &n))
				fail_msg("%u pages: %s", (unsigned int)pages, r->why);
		}
	}
	run_end(r);
	free(r);
	return done < n ? 0 : n; /* 0: not all */
}

static void every_state_of_8_pages(void **state)
{
	(void)state;
	/* s(0) = 2, s(n) = s(n - 1)^2 + 1: free or owned whole, or two halves. */
	assert_int_equal(every_state(8, 3, STATES_MAX), 677);
}

static void near_states_of_16_pages(void **state)
{
	(void)state;
	assert_int_equal(every_state(16, 4, 3000), 0);
}

static void near_states_of_64_pages(void **state)
{
	(void)state;
	assert_int_equal(every_state(64, 6, 1500), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_of_8_pages),
		cmocka_unit_test(near_states_of_16_pages),
		cmocka_unit_test(near_states_of_64_pages),
		cmocka_unit_test(random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
