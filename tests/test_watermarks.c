/* SPDX-License-Identifier: MIT */
/*
 * Watermarks: the check (P15), boosts (P13), the highatomic reserve, reserves (P16), and what can be
 * tuned at run time.
 */
#include <page/slab_pages.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_hoard.h"

#define MOVABLE (GFP_NOWAIT | __GFP_MOVABLE)

static void count_wake(void *ctx, int nid, unsigned int order)
{
	unsigned int *wakes = ((struct machine *)ctx)->hook;

	(void)nid;
	(void)order;
	if (wakes != NULL)
		(*wakes)++;
}

/* One zone Normal of @size from address 0 on. */
static struct machine_spec one_zone(phys_addr_t size, unsigned long min_free_kbytes)
{
	return (struct machine_spec){
		.memory = {{0, size, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
		.wake = count_wake,
		.boot = {.dma_limit = ~(phys_addr_t)0,
			 .dma32_limit = ~(phys_addr_t)0,
			 .min_free_kbytes = min_free_kbytes},
	};
}

static struct page_zone *zone_of(struct machine *m, enum quarry_zone_type type)
{
	return m->q->pages->node[0].zone[type];
}

static void normal_info(struct machine *m, struct quarry_zone_info *info)
{
	assert_true(quarry_zone_info(m->q, 0, QUARRY_ZONE_NORMAL, info));
}

static void set_type(struct machine *m, pfn_t pfn, enum quarry_migratetype type)
{
	struct page_arena *a = memmap_arena(m->q->pages, pfn);
	quarry_pin_t pin = arena_lock(m->q, a);

	if (a->virgin)
		arena_unfold(m->q, a);
	arena_set_type(m->q, a, (unsigned int)((pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER),
		       type);
	arena_unlock(m->q, a, pin);
}

static void set(struct machine *m, const char *name, const char *value)
{
	assert_int_equal(quarry_sysctl_set(m->q, name, value), 0);
}

/* ---- the check ---- */

/* P15, written out once more. */
static bool expected_ok(const struct quarry_zone_info *z, unsigned int order, unsigned long mark,
			unsigned int flags)
{
	long usable = (long)z->free - ((1l << order) - 1);

	if ((flags & ZONE_ALLOC_NO_MARK) != 0)
		return true;
	if ((flags & (ZONE_ALLOC_HARDER | ZONE_ALLOC_OOM)) == 0)
		usable -= (long)z->free_highatomic;
	if ((flags & ZONE_ALLOC_CMA) == 0)
		usable -= (long)z->free_cma;
	if ((flags & ZONE_ALLOC_HIGH) != 0)
		mark -= mark / 2;
	if ((flags & ZONE_ALLOC_OOM) != 0)
		mark -= mark / 2;
	else if ((flags & ZONE_ALLOC_HARDER) != 0)
		mark -= mark / 4;
	return usable > (long)mark + (long)z->lowmem_reserve[QUARRY_ZONE_MOVABLE];
}

static void check_to_the_page(void **state)
{
	struct machine_spec spec = one_zone(64 * MIB, 1024);
	struct quarry_refused_zone why;
	struct quarry_zone_info info;
	struct hoard h = {0};
	struct machine m;
	unsigned int yes = 0, no = 0;

	(void)state;
	spec.boot.movablecore = 16 * MIB;
	spec.boot.set_lowmem_reserve_ratio = true;
	spec.boot.lowmem_reserve_ratio[QUARRY_ZONE_NORMAL] = 4;
	machine_build(&m, &spec);
	set_type(&m, 5 * 512, QUARRY_MIGRATE_CMA);
	set_type(&m, 6 * 512, QUARRY_MIGRATE_CMA);
	set_type(&m, 9 * 512, QUARRY_MIGRATE_HIGHATOMIC);
	for (unsigned int i = 0; i < 200; i++)
		hoard_add(&h, quarry_alloc_pages(m.q, GFP_KERNEL, 3), 3);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	normal_info(&m, &info);
	assert_int_equal(info.free_cma, 1024);
	assert_int_equal(info.free_highatomic, 512);
	assert_int_equal(info.lowmem_reserve[QUARRY_ZONE_MOVABLE], 1024);
	for (unsigned int flags = 0; flags < 64; flags++) {
		if ((flags & ZONE_ALLOC_NOFRAGMENT) != 0)
			continue;
		for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
			for (unsigned long mark = 0; mark < 30000; mark += mark % 7 + 1) {
				bool ok = expected_ok(&info, order, mark, flags);

				if (zone_watermark_ok(m.q->pages, zone_of(&m, QUARRY_ZONE_NORMAL),
						      order, mark, QUARRY_ZONE_MOVABLE, flags,
						      &why) != ok)
					fail_msg("flags %#x order %u mark %lu: not %d", flags,
						 order, mark, ok);
				assert_int_equal(why.reason, ok ? QUARRY_REFUSED_NONE
								: QUARRY_REFUSED_WATERMARK);
				assert_int_equal(why.free, info.free);
				yes += ok;
				no += !ok;
			}
		}
	}
	assert_true(yes > 10000 && no > 10000);
	hoard_free(&m, &h);
	machine_fini(&m);
}

/* P15: pages enough are no block; and a block must be of a type that the request may have. */
static void check_wants_a_block(void **state)
{
	static const struct {
		enum quarry_migratetype type;
		unsigned int flags;
		bool ok;
	} cases[] = {
		{QUARRY_MIGRATE_UNMOVABLE, 0, true},
		{QUARRY_MIGRATE_RECLAIMABLE, 0, true},
		{QUARRY_MIGRATE_MOVABLE, 0, true},
		{QUARRY_MIGRATE_CMA, 0, false},
		{QUARRY_MIGRATE_CMA, ZONE_ALLOC_HARDER, false},
		{QUARRY_MIGRATE_CMA, ZONE_ALLOC_CMA, true},
		{QUARRY_MIGRATE_HIGHATOMIC, ZONE_ALLOC_CMA, false},
		{QUARRY_MIGRATE_HIGHATOMIC, ZONE_ALLOC_HARDER, true},
		{QUARRY_MIGRATE_HIGHATOMIC, ZONE_ALLOC_OOM, true},
		{QUARRY_MIGRATE_ISOLATE, ZONE_ALLOC_CMA | ZONE_ALLOC_HARDER, false},
	};
	const struct machine_spec spec = one_zone(16 * MIB, 128);
	struct quarry_refused_zone why;
	struct page_zone *z;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	z = zone_of(&m, QUARRY_ZONE_NORMAL);
	for (unsigned int i = 0; i < 4096; i++)
		assert_non_null(quarry_alloc_pages(m.q, GFP_ALL, 0));
	/* Every second page of pageblock 4, and the first eight of pageblock 2. */
	for (unsigned int i = 0; i < 256; i++)
		quarry_free_pages(m.q, quarry_pfn_to_page(m.q, 4 * 512 + 2 * i), 0);
	for (unsigned int i = 0; i < 8; i++)
		quarry_free_pages(m.q, quarry_pfn_to_page(m.q, 2 * 512 + i), 0);
	quarry_drain_all_pages(m.q);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_type(&m, 2 * 512, cases[i].type);
		machine_check(&m);
		assert_int_equal(zone_watermark_ok(m.q->pages, z, 3, 0, QUARRY_ZONE_NORMAL,
						   cases[i].flags, &why),
				 cases[i].ok);
		assert_int_equal(why.reason,
				 cases[i].ok ? QUARRY_REFUSED_NONE : QUARRY_REFUSED_ORDER);
		assert_false(zone_watermark_ok(m.q->pages, z, 4, 0, QUARRY_ZONE_NORMAL,
					       cases[i].flags, NULL));
		assert_true(zone_watermark_ok(m.q->pages, z, 0, 0, QUARRY_ZONE_NORMAL,
					      cases[i].flags, NULL));
	}
	machine_fini(&m);
}

/* The short way refuses exactly what the long way would: to the page, with special pageblocks too. */
static void short_way_allows_for_special(void **state)
{
	struct machine_spec spec = one_zone(128 * MIB, 2048);
	struct quarry_zone_info info;
	unsigned int wakes = 0, before = 0;
	struct hoard h = {0};
	struct machine m;

	(void)state;
	spec.memory[0].end = 128 * MIB;
	machine_build(&m, &spec);
	set(&m, "watermark_boost_factor", "0"); /* or mixing wakes too */
	/* A sheaf first: the short way is open when the types change. */
	hoard_add(&h, quarry_alloc_pages(m.q, GFP_NOWAIT, 0), 0);
	set_type(&m, 40 * 512, QUARRY_MIGRATE_HIGHATOMIC);
	set_type(&m, 42 * 512, QUARRY_MIGRATE_HIGHATOMIC);
	set_type(&m, 43 * 512, QUARRY_MIGRATE_CMA);
	m.hook = &wakes;
	for (;;) {
		struct page *page;
		bool low;

		normal_info(&m, &info);
		low = info.free <=
		      info.wmark[QUARRY_WMARK_LOW] + info.free_highatomic + info.free_cma;
		page = quarry_alloc_pages(m.q, GFP_NOWAIT, 0);
		assert_int_equal(wakes - before, low);
		before = wakes;
		if (page == NULL)
			break;
		assert_int_not_equal(quarry_page_to_pfn(m.q, page) / 512, 40);
		hoard_add(&h, page, 0);
	}
	normal_info(&m, &info);
	assert_int_equal(info.free_highatomic + info.free_cma, 3 * 512);
	assert_int_equal(info.free, info.wmark[QUARRY_WMARK_MIN] + 3 * 512);
	machine_check(&m);
	/* Without them the marks are what they were. */
	set_type(&m, 40 * 512, QUARRY_MIGRATE_MOVABLE);
	set_type(&m, 42 * 512, QUARRY_MIGRATE_MOVABLE);
	set_type(&m, 43 * 512, QUARRY_MIGRATE_MOVABLE);
	machine_check(&m);
	assert_int_equal(zone_of(&m, QUARRY_ZONE_NORMAL)->fast_mark[QUARRY_ZONE_NORMAL],
			 info.wmark[QUARRY_WMARK_LOW]);
	m.hook = NULL;
	hoard_free(&m, &h);
	machine_fini(&m);
}

/* ---- boost ---- */

/* All movable and in use but 255 single pages of each pageblock: unmovable requests can only steal. */
static void build_mixed(struct machine *m, const struct machine_spec *spec, pfn_t pages)
{
	machine_build(m, spec);
	for (pfn_t i = 0; i < pages; i++)
		assert_non_null(quarry_alloc_pages(m->q, GFP_ALL | __GFP_MOVABLE, 0));
	for (pfn_t i = 1; i < pages; i += 2) {
		if (i % 512 != 1)
			quarry_free_pages(m->q, quarry_pfn_to_page(m->q, i), 0);
	}
	quarry_drain_all_pages(m->q);
}

static void assert_boost(struct machine *m, unsigned long min, unsigned long boost)
{
	struct quarry_zone_info info;

	normal_info(m, &info);
	assert_int_equal(info.boost, boost);
	for (unsigned int i = 0; i < QUARRY_NR_WMARK; i++)
		assert_int_equal(info.wmark[i], min + i * (min / 4) + boost);
	machine_check(m);
}

static void mixing_raises_the_marks(void **state)
{
	static const unsigned long boosts[] = {512, 1024, 1536, 2048, 2304, 2304};
	const struct machine_spec spec = one_zone(64 * MIB, 4096);
	struct page_zone *z;
	unsigned int wakes = 0;
	struct machine m;

	(void)state;
	build_mixed(&m, &spec, 16384);
	m.hook = &wakes;
	z = zone_of(&m, QUARRY_ZONE_NORMAL);
	assert_boost(&m, 1024, 0);
	/* 15000: up to one and a half times high. Each time the reclaimer is woken, once. */
	for (unsigned int i = 0; i < 6; i++) {
		assert_non_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
		assert_int_equal(wakes, i + 1);
		assert_boost(&m, 1024, boosts[i]);
		assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_WATERMARK_BOOST), i + 1);
		assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), i + 1);
	}
	/* Who may not wake does not. */
	assert_non_null(quarry_alloc_pages(m.q, 0, 0));
	assert_int_equal(wakes, 6);
	/* What was there when the reclaimer began is taken back when it has balanced the zone. */
	watermark_boost_decay(m.q, z, 2048);
	assert_boost(&m, 1024, 256);
	watermark_boost_decay(m.q, z, 2048);
	assert_boost(&m, 1024, 0);
	watermark_boost_decay(m.q, z, 1);
	assert_boost(&m, 1024, 0);
	/* The factor is read at the next boost; computing marks takes a boost away. */
	set(&m, "watermark_boost_factor", "0");
	assert_non_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
	assert_boost(&m, 1024, 0);
	set(&m, "watermark_boost_factor", "1"); /* not a page */
	assert_non_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
	assert_boost(&m, 1024, 0);
	set(&m, "watermark_boost_factor", "7"); /* one page, so a pageblock */
	assert_non_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
	assert_non_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
	assert_boost(&m, 1024, 512);
	set(&m, "min_free_kbytes", "8192");
	assert_boost(&m, 2048, 0);
	set(&m, "watermark_boost_factor", "15000");
	set(&m, "min_free_kbytes", "0"); /* high is 32, from the scale factor */
	assert_non_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
	assert_int_equal(z->boost, 512);
	m.hook = NULL;
	machine_fini(&m);
}

static void small_zone_is_not_boosted(void **state)
{
	struct machine_spec spec = one_zone(32 * MIB, 512);
	struct quarry_zone_info info;
	uint64_t stolen, boosts;
	struct machine m;

	(void)state;
	spec.boot.dma_limit = 8 * MIB - 4096; /* a page less than four pageblocks */
	build_mixed(&m, &spec, 8192);
	set(&m, "min_free_kbytes", "512"); /* takes away what building it did */
	stolen = quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN);
	boosts = quarry_vm_event(m.q, QUARRY_VM_WATERMARK_BOOST);
	assert_non_null(quarry_alloc_pages(m.q, GFP_ALL | __GFP_DMA, 0));
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), stolen + 1);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.boost, 0);
	/* Normal has one page of an unmovable pageblock, the last of DMA's. */
	assert_non_null(quarry_alloc_pages(m.q, GFP_ALL, 0));
	assert_non_null(quarry_alloc_pages(m.q, GFP_ALL, 0));
	normal_info(&m, &info);
	assert_int_equal(info.boost, 512);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_WATERMARK_BOOST), boosts + 1);
	machine_check(&m);
	machine_fini(&m);
}

/* P13: a single page for who cannot wait is not refused for the sake of a boost. */
static void urgent_page_ignores_boost(void **state)
{
	const struct machine_spec spec = one_zone(64 * MIB, 4096);
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	build_mixed(&m, &spec, 16384);
	for (unsigned int i = 0; i < 5; i++)
		assert_non_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
	do {
		assert_non_null(quarry_alloc_pages(m.q, GFP_ALL | __GFP_MOVABLE, 0));
		normal_info(&m, &info);
	} while (info.free > 1100);
	assert_int_equal(info.boost, 2304);
	assert_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
	assert_non_null(quarry_alloc_pages(m.q, GFP_ATOMIC, 0)); /* 384 would be enough */
	assert_non_null(quarry_alloc_pages(m.q, GFP_NOWAIT | __GFP_HIGH, 0)); /* 512 */
	/* With an order it counts: 3328 / 2 * 3 / 4. Free a block that would do. */
	quarry_free_pages(m.q, quarry_pfn_to_page(m.q, 4), 0);
	quarry_drain_all_pages(m.q);
	assert_null(quarry_alloc_pages(m.q, GFP_ATOMIC, 1));
	machine_check(&m);
	machine_fini(&m);
}

/* ---- the highatomic reserve ---- */

static void atomic_order_keeps_its_pageblock(void **state)
{
	const struct machine_spec spec = one_zone(64 * MIB, 4096);
	struct quarry_zone_info info;
	struct hoard movable = {0}, atomic = {0};
	struct machine m;
	struct page *page;
	pfn_t block;

	(void)state;
	machine_build(&m, &spec);
	hoard_order(&m, &movable, MOVABLE, 0);
	normal_info(&m, &info);
	assert_int_equal(info.free, 1024);
	/* Order 0, or who waits, keeps nothing. */
	hoard_add(&atomic, quarry_alloc_pages(m.q, GFP_ATOMIC, 0), 0);
	assert_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 2));
	normal_info(&m, &info);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_HIGHATOMIC], 0);
	page = quarry_alloc_pages(m.q, GFP_ATOMIC, 2);
	hoard_add(&atomic, page, 2);
	block = quarry_page_to_pfn(m.q, page) / 512;
	assert_int_equal(quarry_pageblock_type(m.q, block * 512), QUARRY_MIGRATE_HIGHATOMIC);
	normal_info(&m, &info);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_HIGHATOMIC], 1);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_HIGHATOMIC_RESERVE), 1);
	machine_check(&m);
	/* The next such requests go there, ordinary ones do not. */
	for (unsigned int i = 0; i < 50; i++) {
		page = quarry_alloc_pages(m.q, GFP_ATOMIC, i % 3 + 1);
		hoard_add(&atomic, page, i % 3 + 1);
		assert_int_equal(quarry_page_to_pfn(m.q, page) / 512, block);
		machine_check(&m);
	}
	hoard_free(&m, &atomic);
	quarry_drain_all_pages(m.q);
	normal_info(&m, &info);
	assert_true(info.free_highatomic >= 511);
	/* What comes back stays reserved, and does not count for others. */
	for (unsigned int i = 0; i < 300; i++)
		quarry_free_pages(m.q, movable.page[--movable.n], 0);
	quarry_drain_all_pages(m.q);
	normal_info(&m, &info);
	assert_true(info.free > info.wmark[QUARRY_WMARK_MIN]);
	assert_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
	/* Before a request that waited fails, the reserve is given back, as pageblocks of its type. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_RECLAIMABLE, 0);
	assert_non_null(page);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_HIGHATOMIC_UNRESERVE), 1);
	assert_int_equal(quarry_pageblock_type(m.q, block * 512), QUARRY_MIGRATE_RECLAIMABLE);
	normal_info(&m, &info);
	assert_int_equal(info.free_highatomic, 0);
	machine_check(&m);
	quarry_free_pages(m.q, page, 0);
	hoard_free(&m, &movable);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* At most a hundredth of the zone and one pageblock; without force the last one stays. */
static void reserve_is_bounded(void **state)
{
	struct machine_spec spec = one_zone(64 * MIB, 4096);
	struct alloc_request r = {.type = QUARRY_MIGRATE_MOVABLE,
				  .highest = QUARRY_ZONE_NORMAL,
				  .nodes = ~(uint64_t)0};
	struct quarry_zone_info info;
	struct hoard h = {0};
	struct machine m;

	(void)state;
	spec.boot.watermark_scale_factor = 3000; /* low is 30 % of the zone above min */
	machine_build(&m, &spec);
	r.list = zonelist_of(&m.q->pages->node[0], false)->zone;
	r.nr_list = zonelist_of(&m.q->pages->node[0], false)->nr;
	assert_false(highatomic_unreserve(m.q, &r, true));
	do {
		hoard_add(&h, quarry_alloc_pages(m.q, GFP_NOWAIT, 0), 0);
		normal_info(&m, &info);
	} while (info.free > info.wmark[QUARRY_WMARK_LOW]);
	for (unsigned int i = 0; i < 4; i++)
		hoard_add(&h, quarry_alloc_pages(m.q, GFP_ATOMIC, 9), 9);
	normal_info(&m, &info);
	/* 0 and 512 are below 16384 / 100 + 512. */
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_HIGHATOMIC], 2);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_HIGHATOMIC_RESERVE), 2);
	assert_int_equal(info.free_highatomic, 0);
	assert_false(highatomic_unreserve(m.q, &r, true)); /* nothing of them is free */
	hoard_free(&m, &h);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	r.nodes = 2;
	assert_false(highatomic_unreserve(m.q, &r, true)); /* another node's request */
	r.nodes = 1;
	assert_true(highatomic_unreserve(m.q, &r, false));
	machine_check(&m);
	assert_false(highatomic_unreserve(m.q, &r, false));
	normal_info(&m, &info);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_HIGHATOMIC], 1);
	assert_true(highatomic_unreserve(m.q, &r, true));
	machine_check(&m);
	assert_false(highatomic_unreserve(m.q, &r, true));
	normal_info(&m, &info);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_HIGHATOMIC], 0);
	assert_int_equal(info.nr_free[10], 16); /* all merges again: P3 */
	machine_fini(&m);
}

/* ---- tunables ---- */

static void assert_reads(struct machine *m, const char *name, const char *want)
{
	char buf[QUARRY_SYSCTL_SIZE];

	assert_int_equal(quarry_sysctl_get(m->q, name, buf, sizeof(buf)), strlen(want));
	assert_string_equal(buf, want);
}

static void tunables_by_name(void **state)
{
	static const struct {
		const char *name, *first, *good, *reads;
		const char *bad[5];
	} t[] = {
		{"min_free_kbytes",
		 "512\n",
		 " 1000\n",
		 "1000\n",
		 {"-1", "", " ", "2147483648", "12 3"}},
		{"watermark_scale_factor",
		 "10\n",
		 "3000",
		 "3000\n",
		 {"0", "3001", "x", "1x", "-10"}},
		{"watermark_boost_factor",
		 "15000\n",
		 "0x10",
		 "16\n",
		 {"-1", "0x", "1.5", "+1", "08"}},
		{"percpu_pagelist_high_fraction", "0\n", "8", "8\n", {"7", "1", "-8", "", "9 9"}},
		{"defrag_mode", "0\n", "1", "1\n", {"2", "-1", "y", "", "1,"}},
		{"extfrag_threshold", "500\n", "1000", "1000\n", {"1001", "-1", "a", "", "\n"}},
		{"compaction_proactiveness", "20\n", "0", "0\n", {"101", "-1", "a", "", "\n"}},
		{"compact_unevictable_allowed", "1\n", "0", "0\n", {"2", "-1", "a", "", "\n"}},
		{"lowmem_reserve_ratio",
		 "256\t256\t32\t0\t0\n",
		 "64 -3\t010\n",
		 "64\t0\t8\t0\t0\n",
		 {"", "1 x", "1 2 3 4 5 6", "1,2", "1 99999999999"}},
		{"transparent_hugepage/enabled",
		 "always madvise [never]\n",
		 "madvise\n",
		 "always [madvise] never\n",
		 {"", "on", "always never", "alway", "alwaysalwaysalways"}},
	};
	const struct machine_spec spec = one_zone(64 * MIB, 512);
	char buf[8] = "untouch";
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_reads(&m, t[i].name, t[i].first);
		for (unsigned int k = 0; k < 5; k++) {
			assert_int_equal(quarry_sysctl_set(m.q, t[i].name, t[i].bad[k]),
					 -QUARRY_EINVAL);
			assert_reads(&m, t[i].name, t[i].first);
		}
		assert_int_equal(quarry_sysctl_set(m.q, t[i].name, t[i].good), 0);
		assert_reads(&m, t[i].name, t[i].reads);
		machine_check(&m);
	}
	assert_reads(&m, "transparent_hugepage/enabled", "always [madvise] never\n");
	set(&m, "transparent_hugepage/enabled", "  always\n");
	assert_reads(&m, "transparent_hugepage/enabled", "[always] madvise never\n");
	assert_int_equal(quarry_sysctl_set(m.q, "swappiness", "1"), -QUARRY_ENOENT);
	assert_int_equal(quarry_sysctl_set(m.q, "min_free", "1"), -QUARRY_ENOENT);
	assert_int_equal(quarry_sysctl_get(m.q, "min_free_kbytes2", buf, 8), -QUARRY_ENOENT);
	assert_string_equal(buf, "untouch");
	/* Cut, with the whole length returned; no room at all. */
	assert_int_equal(quarry_sysctl_get(m.q, "lowmem_reserve_ratio", buf, 4), 11);
	assert_string_equal(buf, "64\t");
	assert_int_equal(quarry_sysctl_get(m.q, "lowmem_reserve_ratio", NULL, 0), 11);
	machine_fini(&m);
}

/* P14, P16: each tunable moves what depends on it, and a request sees it at once. */
static void tunables_take_effect(void **state)
{
	struct machine_spec spec = one_zone(64 * MIB, 4096);
	struct quarry_zone_info dma, normal;
	struct quarry_totals totals;
	struct hoard h = {0};
	struct machine m;

	(void)state;
	spec.boot.dma_limit = 8 * MIB;
	spec.boot.nr_cpus = 2;
	machine_build(&m, &spec);
	hoard_order(&m, &h, GFP_NOWAIT | __GFP_DMA, 0);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &dma);
	assert_int_equal(dma.free, 128);
	assert_int_equal(dma.wmark[QUARRY_WMARK_MIN], 128);
	set(&m, "min_free_kbytes", "2048");
	hoard_order(&m, &h, GFP_NOWAIT | __GFP_DMA, 0);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &dma);
	assert_int_equal(dma.free, 64);
	assert_int_equal(dma.pcp_high, 80 / 2); /* low, by the CPUs */
	set(&m, "watermark_scale_factor", "1000");
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &dma);
	assert_int_equal(dma.wmark[QUARRY_WMARK_LOW], 64 + 204);
	assert_int_equal(dma.wmark[QUARRY_WMARK_PROMO], 64 + 3 * 204);
	assert_int_equal(dma.pcp_high, 268 / 2);
	normal_info(&m, &normal);
	quarry_totals(m.q, &totals);
	assert_int_equal(totals.totalreserve, dma.wmark[QUARRY_WMARK_HIGH] +
						      dma.lowmem_reserve[QUARRY_ZONE_NORMAL] +
						      normal.wmark[QUARRY_WMARK_HIGH]);
	set(&m, "percpu_pagelist_high_fraction", "8");
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &dma);
	assert_int_equal(dma.pcp_high, 2048 / 8 / 2);
	set(&m, "percpu_pagelist_high_fraction", "0");
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &dma);
	assert_int_equal(dma.pcp_high, 268 / 2);
	hoard_free(&m, &h);
	/* All that was kept for DMA, ten of it, and one in ten. */
	set(&m, "min_free_kbytes", "0");
	set(&m, "watermark_scale_factor", "1");
	set(&m, "lowmem_reserve_ratio", "10");
	hoard_order(&m, &h, GFP_NOWAIT, 0);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &dma);
	assert_int_equal(dma.lowmem_reserve[QUARRY_ZONE_NORMAL], 14336 / 10);
	assert_int_equal(dma.free, 14336 / 10);
	set(&m, "lowmem_reserve_ratio", "0");
	hoard_order(&m, &h, GFP_NOWAIT, 0);
	assert_int_equal(machine_free_pages(&m), 0);
	machine_check(&m);
	hoard_free(&m, &h);
	machine_fini(&m);
}

/* After memory or CPUs came or went, a value that was asked for wins over a smaller computed one. */
static void updates_keep_a_larger_wish(void **state)
{
	struct machine_spec spec = one_zone(64 * MIB, 0);
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	spec.boot.nr_cpus = 4;
	machine_build(&m, &spec);
	assert_reads(&m, "min_free_kbytes", "1024\n"); /* sqrt(16 * 65536) */
	set(&m, "min_free_kbytes", "900");
	watermark_update(m.q);
	assert_reads(&m, "min_free_kbytes", "1013\n"); /* now without what is above high */
	set(&m, "min_free_kbytes", "3000");
	watermark_update(m.q);
	assert_reads(&m, "min_free_kbytes", "3000\n");
	normal_info(&m, &info);
	assert_int_equal(info.wmark[QUARRY_WMARK_LOW], 750 + 187);
	assert_int_equal(info.pcp_high, 937 / 4);
	m.q->pages->node[0].nr_cpus = 3;
	watermark_update_pcp(m.q);
	normal_info(&m, &info);
	assert_int_equal(info.pcp_high, 937 / 3);
	machine_check(&m);
	machine_fini(&m);
}

/* One word of three, with spaces round it; no word is too long to be refused. */
static void words_are_read_whole(void **state)
{
	static const char name[] = "transparent_hugepage/enabled";
	static const char *const good[] = {"never", " madvise\n", "\talways  "};
	static const char *const bad[] = {"", " ", "nev", "neverr", "never always", "[never]"};
	struct machine_spec spec = one_zone(64 * MIB, 1000);
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(quarry_sysctl_set(m.q, name, good[i]), 0);
		assert_int_equal(m.q->pages->thp, i);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(quarry_sysctl_set(m.q, name, bad[i]), -QUARRY_EINVAL);
	for (int n = 6; n < 40; n++) {
		char word[41];

		snprintf(word, sizeof(word), "always%0*d", n - 5, 0);
		assert_int_equal(quarry_sysctl_set(m.q, name, word), -QUARRY_EINVAL);
	}
	assert_int_equal(m.q->pages->thp, 2);
	machine_fini(&m);
}

/* Plenty is more than twice the high watermark of a node's own zone, to the page; a node without memory has none. */
static void plenty_to_the_page(void **state)
{
	static const int cpu_node[2] = {0, 1};
	struct machine_spec spec = one_zone(64 * MIB, 1000);
	struct quarry_zone_info info;
	struct page_zone *z;
	struct machine m;
	uint64_t free;

	(void)state;
	spec.boot.nr_cpus = 2;
	spec.boot.nr_nodes = 2;
	spec.boot.cpu_node = cpu_node;
	machine_build(&m, &spec);
	z = zone_of(&m, QUARRY_ZONE_NORMAL);
	normal_info(&m, &info);
	assert_int_equal(info.wmark[QUARRY_WMARK_HIGH], zone_mark(z, QUARRY_WMARK_HIGH));
	free = quarry_load_relaxed(&z->nr_free);
	assert_true(page_node_has_plenty(m.q, 0));
	assert_false(page_node_has_plenty(m.q, 1));
	for (unsigned long k = 0; k <= 4; k++) {
		quarry_store_relaxed(&z->nr_free, 2 * info.wmark[QUARRY_WMARK_HIGH] + k);
		assert_int_equal(page_node_has_plenty(m.q, 0), k >= 2);
		assert_false(page_node_has_plenty(m.q, 1));
	}
	quarry_store_relaxed(&z->nr_free, free);
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_to_the_page),
		cmocka_unit_test(check_wants_a_block),
		cmocka_unit_test(short_way_allows_for_special),
		cmocka_unit_test(mixing_raises_the_marks),
		cmocka_unit_test(small_zone_is_not_boosted),
		cmocka_unit_test(urgent_page_ignores_boost),
		cmocka_unit_test(atomic_order_keeps_its_pageblock),
		cmocka_unit_test(reserve_is_bounded),
		cmocka_unit_test(tunables_by_name),
		cmocka_unit_test(tunables_take_effect),
		cmocka_unit_test(updates_keep_a_larger_wish),
		cmocka_unit_test(words_are_read_whole),
		cmocka_unit_test(plenty_to_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
