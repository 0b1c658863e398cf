/* SPDX-License-Identifier: MIT */
/*
 * Who has which page: page_owner, allocinfo, the names in damage reports (spec 2b: page_owner, allocation
 * profiling by call site).
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"
#include "text.h"

static const struct machine_spec real = {
	.memory = {{64 * MACHINE_KIB, 636 * MACHINE_KIB, 0},
		   {1 * MACHINE_MIB, 64 * MACHINE_MIB, 0}},
	.ram_bytes = 64 << 20,
	.boot = {.nr_cpus = 2},
};

static const struct quarry_page_site sites[] = {
	{"drivers/net/ring.c", "ring_fill", 40},
	{"fs/cache.c", "cache_grow", 7},
	{"mm/big.c", "big_alloc", 1200},
};

static void begin(struct machine *m)
{
	machine_build(m, &real);
	assert_int_equal(quarry_page_debug(m->q, "page_owner=on"), 0);
}

/* ---- texts ---- */

/* The place of a tag: index, or -1. */
static int find_site(struct machine *m, const struct quarry_page_site *site,
		     struct quarry_page_site_info *info)
{
	for (unsigned int i = 0; quarry_page_site(m->q, i, info); i++) {
		if (info->site == site)
			return (int)i;
	}
	return -1;
}

/* ---- one block ---- */

static void a_block_has_an_owner(void **state)
{
	struct quarry_page_owner o;
	struct page *page;
	struct machine m;
	pfn_t pfn;

	(void)state;
	begin(&m);
	quarry_posix_set_cpu(1);
	page = quarry_alloc_pages_at(m.q, GFP_KERNEL | __GFP_ZERO, 3, &sites[0]);
	pfn = quarry_page_to_pfn(m.q, page);
	assert_true(quarry_page_owner(m.q, pfn, &o));
	assert_true(o.allocated);
	assert_int_equal(o.order, 3);
	assert_int_equal(o.gfp, GFP_KERNEL | __GFP_ZERO);
	assert_ptr_equal(o.alloc.site, &sites[0]);
	assert_null(o.alloc.address);
	assert_int_equal(o.alloc.cpu, 1);
	assert_true(o.alloc.ns != 0);
	quarry_posix_set_cpu(0);
	quarry_free_pages(m.q, page, 3);
	assert_true(quarry_page_owner(m.q, pfn, &o));
	assert_false(o.allocated);
	assert_ptr_equal(o.alloc.site, &sites[0]); /* the last one */
	assert_non_null(o.free.address);
	assert_int_equal(o.free.cpu, 0);
	assert_true(o.free.ns >= o.alloc.ns);
	/* Nobody had this one, and that is none. */
	assert_false(quarry_page_owner(m.q, pfn + 4096, &o));
	assert_false(quarry_page_owner(m.q, (pfn_t)1 << 40, &o));
	machine_check(&m);
	machine_fini(&m);
}

/* Every public call is told apart by where it returns to. */
static void calls_are_told_apart(void **state)
{
	struct quarry_page_owner o[7];
	quarry_nodemask_t node0 = 1;
	struct page *page[5];
	struct machine m;
	void *p[2];

	(void)state;
	begin(&m);
	page[0] = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	page[1] = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	page[2] = quarry_alloc_pages_node(m.q, 0, GFP_KERNEL, 0);
	page[3] = quarry_alloc_pages_nodemask(m.q, GFP_KERNEL, 0, 0, &node0);
	page[4] = quarry_alloc_pages_at(m.q, GFP_KERNEL, 0, QUARRY_PAGE_SITE());
	p[0] = quarry_get_free_pages(m.q, GFP_KERNEL, 0);
	p[1] = quarry_alloc_pages_exact(m.q, QUARRY_PAGE_SIZE, GFP_KERNEL);
	for (int i = 0; i < 7; i++) {
		struct page *one = i < 5 ? page[i] : quarry_virt_to_page(m.q, p[i - 5]);

		assert_true(quarry_page_owner(m.q, quarry_page_to_pfn(m.q, one), &o[i]));
		assert_true((o[i].alloc.address != NULL) == (i != 4));
		for (int k = 0; k < i; k++)
			assert_ptr_not_equal(o[i].alloc.address, o[k].alloc.address);
		quarry_free_pages(m.q, one, 0);
	}
	assert_string_equal(o[4].alloc.site->function, "calls_are_told_apart");
	assert_non_null(strstr(o[4].alloc.site->file, "test_owner.c"));
	machine_fini(&m);
}

static void split_pages_have_owners_each(void **state)
{
	struct quarry_page_site_info info;
	struct quarry_page_owner o;
	struct page *page;
	struct machine m;

	(void)state;
	begin(&m);
	page = quarry_alloc_pages_at(m.q, GFP_KERNEL, 4, &sites[1]);
	assert_int_equal(quarry_split_page(m.q, page, 4), 0);
	assert_true(find_site(&m, &sites[1], &info) > 0);
	assert_int_equal(info.live_blocks, 16);
	assert_int_equal(info.live_bytes, 16 * QUARRY_PAGE_SIZE);
	assert_int_equal(info.blocks, 1);
	for (int i = 0; i < 16; i++) {
		assert_true(quarry_page_owner(m.q, quarry_page_to_pfn(m.q, page + i), &o));
		assert_true(o.allocated);
		assert_int_equal(o.order, 0);
		assert_ptr_equal(o.alloc.site, &sites[1]);
		quarry_free_pages(m.q, page + i, 0);
	}
	find_site(&m, &sites[1], &info);
	assert_int_equal(info.live_blocks, 0);
	assert_int_equal(info.live_bytes, 0);
	machine_check(&m);
	machine_fini(&m);
}

/* What compaction must do: the owner goes along. */
static void owners_move_with_contents(void **state)
{
	struct quarry_page_site_info info;
	struct quarry_page_owner o;
	struct page *src, *dst;
	struct machine m;

	(void)state;
	begin(&m);
	src = quarry_alloc_pages_at(m.q, GFP_HIGHUSER_MOVABLE, 2, &sites[0]);
	dst = quarry_alloc_pages_at(m.q, GFP_HIGHUSER_MOVABLE, 2, &sites[1]);
	prep_moved(m.q, dst, src, 2);
	assert_true(quarry_page_owner(m.q, quarry_page_to_pfn(m.q, dst), &o));
	assert_ptr_equal(o.alloc.site, &sites[0]);
	quarry_free_pages(m.q, src, 2);
	find_site(&m, &sites[0], &info);
	assert_int_equal(info.live_blocks, 1);
	find_site(&m, &sites[1], &info);
	assert_int_equal(info.live_blocks, 0);
	quarry_free_pages(m.q, dst, 2);
	find_site(&m, &sites[0], &info);
	assert_int_equal(info.live_blocks, 0);
	machine_fini(&m);
}

/* ---- damage ---- */

struct lines {
	char text[4096];
	unsigned int n;
};

static void keep_line(void *ctx, const char *line)
{
	struct lines *l = ctx;

	l->n++;
	snprintf(l->text + strlen(l->text), sizeof(l->text) - strlen(l->text), "%s\n", line);
}

static void damage_names_owner_and_last_user(void **state)
{
	struct lines l = {.n = 0};
	struct quarry_posix_options options = {.report = keep_line, .log_ctx = &l};
	struct quarry *q = quarry_posix_new(&options);
	struct page *page;

	(void)state;
	assert_int_equal(quarry_memblock_add(q, 0, 16 << 20), 0);
	assert_int_equal(quarry_boot(q, NULL), 0);
	assert_int_equal(quarry_page_debug(q, "page_owner=on"), 0);
	page = quarry_alloc_pages_at(q, GFP_KERNEL, 2, &sites[2]);
	quarry_free_pages(q, page, 1); /* wrong order */
	assert_non_null(strstr(l.text, "is a block of order 2, freed as order 1; kept\n"
				       "page: it was taken at mm/big.c:1200 big_alloc() by CPU 0"));
	memset(&l, 0, sizeof(l));
	quarry_free_pages(q, page + 2, 0); /* a tail */
	assert_non_null(strstr(l.text, "it was taken at mm/big.c:1200 big_alloc() by CPU 0"));
	memset(&l, 0, sizeof(l));
	quarry_free_pages(q, page, 2);
	assert_int_equal(l.n, 0);
	quarry_free_pages(q, page, 2); /* twice */
	assert_non_null(strstr(l.text, "is not allocated (double free"));
	assert_non_null(strstr(l.text, "it was last taken at mm/big.c:1200 big_alloc()"));
	assert_non_null(strstr(l.text, "it was last freed by a call from 0x"));
	assert_int_equal(l.n, 3);
	quarry_posix_delete(q);
}

/* ---- many blocks ---- */

#define BLOCKS 300

struct held {
	struct page *page;
	unsigned int order, site;
};

static void compare_sites(struct machine *m, const struct held *h)
{
	struct quarry_page_site_info info;
	struct quarry_page_owner o;
	unsigned int live = 0, seen = 0;
	pfn_t pfn = 0;

	for (unsigned int s = 0; s < 3; s++) {
		uint64_t bytes = 0, blocks = 0;

		for (int i = 0; i < BLOCKS; i++) {
			if (h[i].page != NULL && h[i].site == s) {
				bytes += QUARRY_PAGE_SIZE << h[i].order;
				blocks++;
			}
		}
		assert_true(find_site(m, &sites[s], &info) > 0);
		assert_int_equal(info.live_bytes, bytes);
		assert_int_equal(info.live_blocks, blocks);
		live += (unsigned int)blocks;
	}
	while (quarry_page_owner_next(m->q, &pfn, &o)) {
		bool found = false;

		for (int i = 0; i < BLOCKS && !found; i++)
			found = h[i].page != NULL && quarry_page_to_pfn(m->q, h[i].page) == pfn &&
				h[i].order == o.order && &sites[h[i].site] == o.alloc.site;
		assert_true(found);
		seen++;
		pfn += (pfn_t)1 << o.order;
	}
	assert_int_equal(seen, live);
}

static void totals_by_place(void **state)
{
	struct held h[BLOCKS] = {{NULL, 0, 0}};
	struct quarry_page_debug_info info;
	static struct text t;
	struct quarry_out out = text_out(&t);
	uint64_t seed = 3;
	struct machine m;

	(void)state;
	begin(&m);
	for (unsigned int s = 0; s < 3; s++)
		quarry_free_pages(m.q, quarry_alloc_pages_at(m.q, GFP_KERNEL, 0, &sites[s]), 0);
	for (int step = 0; step < 3000; step++) {
		uint64_t r = machine_random(&seed);
		struct held *one = &h[r % BLOCKS];

		quarry_posix_set_cpu(r >> 40 & 1);
		if (one->page != NULL) {
			quarry_free_pages(m.q, one->page, one->order);
			one->page = NULL;
		} else {
			one->order = (unsigned int)(r >> 20) % 7;
			one->site = (unsigned int)(r >> 30) % 3;
			one->page = quarry_alloc_pages_at(m.q, GFP_KERNEL, one->order,
							  &sites[one->site]);
		}
		if (step % 300 == 0)
			compare_sites(&m, h);
		if (step % 300 == 0)
			machine_check(&m);
	}
	compare_sites(&m, h);
	quarry_page_debug_info(m.q, &info);
	assert_int_equal(info.owner_lost, 0);
	assert_true(info.sites >= 5); /* unknown, three tags, calls of free */
	/* 28 bytes a page of what was touched, beside the fixed tables. */
	assert_true(info.owner_bytes < (300 << 10) + 16384 * 28);
	assert_true(info.owner_bytes > QUARRY_PAGEBLOCK_PAGES * 28);
	quarry_show_page_sites(m.q, 2, &out);
	assert_non_null(strchr(t.s, '\n'));
	assert_int_equal(strspn(strchr(strchr(t.s, '\n') + 1, '\n'), "\n"), 1); /* two lines */
	/* Off and on: nothing is known of what was taken before. */
	assert_int_equal(quarry_page_debug(m.q, "page_owner=off"), 0);
	assert_false(quarry_page_owner(m.q, 4096, &(struct quarry_page_owner){0}));
	assert_int_equal(quarry_page_debug(m.q, "page_owner=on"), 0);
	for (int i = 0; i < BLOCKS; i++)
		quarry_free_pages(m.q, h[i].page, h[i].order);
	for (unsigned int i = 0; i < 3; i++) {
		struct quarry_page_site_info s;

		assert_int_equal(find_site(&m, &sites[i], &s), -1);
	}
	machine_check(&m);
	machine_fini(&m);
}

static void texts_of_linux(void **state)
{
	static struct text t;
	struct quarry_out out = text_out(&t);
	struct page *a, *b;
	char expect[400];
	struct machine m;
	pfn_t pfn;

	(void)state;
	begin(&m);
	a = quarry_alloc_pages_at(m.q, GFP_KERNEL, 3, &sites[0]);
	b = quarry_alloc_pages_at(m.q, GFP_HIGHUSER_MOVABLE, 0, &sites[1]);
	quarry_show_allocinfo(m.q, &out);
	assert_string_equal(t.s, "allocinfo - version: 1.0\n"
				 "#     <size>  <calls> <tag info>\n"
				 "       32768        1 drivers/net/ring.c:40 func:ring_fill \n"
				 "        4096        1 fs/cache.c:7 func:cache_grow \n");
	text_clear(&t);
	quarry_show_page_sites(m.q, 10, &out);
	assert_string_equal(t.s,
			    "        32 KiB in        1 blocks, of         32 KiB in        1: "
			    "drivers/net/ring.c:40 func:ring_fill\n"
			    "         4 KiB in        1 blocks, of          4 KiB in        1: "
			    "fs/cache.c:7 func:cache_grow\n");
	text_clear(&t);
	quarry_show_page_owner(m.q, &out);
	pfn = quarry_page_to_pfn(m.q, a);
	snprintf(expect, sizeof(expect),
		 "\nPFN %llu type Unmovable Block %llu type %s Flags 0x0()\n "
		 "drivers/net/ring.c:40 func:ring_fill\n\n",
		 (unsigned long long)pfn, (unsigned long long)pfn >> 9,
		 quarry_migratetype_name((enum quarry_migratetype)quarry_pageblock_type(m.q, pfn)));
	assert_non_null(strstr(t.s, expect));
	assert_non_null(strstr(t.s, "Page allocated via order 3, mask 0xcc0(GFP_KERNEL), pid 0, "
				    "tgid 0 (cpu0), ts "));
	assert_non_null(strstr(t.s, "Page allocated via order 0, mask 0x100cca"
				    "(GFP_HIGHUSER_MOVABLE), pid 0, "));
	quarry_free_pages(m.q, a, 3);
	quarry_free_pages(m.q, b, 0);
	machine_fini(&m);
}

/* All of page_owner, block by block: types, places that are known by address alone, times. */
static void text_of_every_block(void **state)
{
	static const struct {
		gfp_t gfp;
		unsigned int order;
		const char *type;
	} want[] = {{GFP_KERNEL, 1, "Unmovable"},
		    {GFP_KERNEL | __GFP_RECLAIMABLE, 0, "Reclaimable"},
		    {GFP_HIGHUSER_MOVABLE, 4, "Movable"}};
	struct quarry_page_owner o;
	struct page *page[3];
	static struct text t;
	struct quarry_out out = text_out(&t);
	char expect[2000], gfp[160], place[80];
	unsigned int blocks = 0;
	struct machine m;
	size_t n = 0;
	pfn_t pfn = 0;

	(void)state;
	begin(&m);
	for (unsigned int i = 0; i < 3; i++) {
		quarry_posix_set_cpu(i == 1);
		page[i] = quarry_alloc_pages(m.q, want[i].gfp, want[i].order);
	}
	quarry_posix_set_cpu(0);
	while (quarry_page_owner_next(m.q, &pfn, &o)) {
		unsigned int i = pfn == quarry_page_to_pfn(m.q, page[0])   ? 0
				 : pfn == quarry_page_to_pfn(m.q, page[1]) ? 1
									   : 2;

		assert_int_equal(pfn, quarry_page_to_pfn(m.q, page[i]));
		quarry_gfp_format(want[i].gfp, gfp, sizeof(gfp));
		snprintf(place, sizeof(place), "%p:0 func:?", o.alloc.address);
		n += (size_t)snprintf(
			expect + n, sizeof(expect) - n,
			"Page allocated via order %u, mask %#x(%s), pid %u, tgid %u (cpu%u), ts "
			"%llu ns, free_ts %llu ns\nPFN %llu type %s Block %llu type %s Flags "
			"0x0()\n %s\n\n",
			want[i].order, want[i].gfp, gfp, i == 1, i == 1, i == 1,
			(unsigned long long)o.alloc.ns, (unsigned long long)o.free.ns,
			(unsigned long long)pfn, want[i].type, (unsigned long long)pfn >> 9,
			quarry_migratetype_name(
				(enum quarry_migratetype)quarry_pageblock_type(m.q, pfn)),
			place);
		blocks++;
		pfn += (pfn_t)1 << o.order;
	}
	assert_int_equal(blocks, 3);
	quarry_show_page_owner(m.q, &out);
	assert_string_equal(t.s, expect);
	for (unsigned int i = 0; i < 3; i++)
		quarry_free_pages(m.q, page[i], want[i].order);
	machine_fini(&m);
}

/* Pages of a pool are the caller's of the pool. */
static void pools_of_pages_have_a_caller(void **state)
{
	uintptr_t here = (uintptr_t)pools_of_pages_have_a_caller;
	struct quarry_page_owner owner;
	struct quarry_mempool *pool;
	struct page *page[2];
	struct machine m;

	(void)state;
	begin(&m);
	pool = quarry_mempool_create_page_pool(m.q, 1, 2);
	assert_non_null(pool);
	page[0] = quarry_mempool_alloc(m.q, pool, GFP_KERNEL);
	page[1] = quarry_mempool_alloc_preallocated(m.q, pool);
	for (int i = 0; i < 2; i++) {
		assert_true(quarry_page_owner(m.q, quarry_page_to_pfn(m.q, page[i]), &owner));
		assert_true((uintptr_t)owner.alloc.address - here < 4000);
		quarry_mempool_free(m.q, page[i], pool);
	}
	quarry_mempool_destroy(m.q, pool);
	machine_check(&m);
	machine_fini(&m);
}

/* Most bytes first, the older place first among equals. */
static void places_by_bytes(void **state)
{
	static const struct quarry_page_site more[2] = {{"lib/a.c", "a", 1}, {"lib/b.c", "b", 2}};
	static const char *const order[] = {"big_alloc", "cache_grow", "func:a\n", "func:b\n",
					    "ring_fill"};
	const struct {
		const struct quarry_page_site *site;
		unsigned int order;
	} taken[] = {{&sites[0], 0}, {&sites[1], 1}, {&more[0], 1}, {&sites[2], 3}, {&more[1], 1}};
	struct page *page[5];
	static struct text t;
	struct quarry_out out = text_out(&t);
	struct machine m;
	char *at, *all;

	(void)state;
	begin(&m);
	for (int i = 0; i < 5; i++)
		page[i] = quarry_alloc_pages_at(m.q, GFP_KERNEL, taken[i].order, taken[i].site);
	/* Any number of lines are the first ones. */
	quarry_show_page_sites(m.q, 10, &out);
	all = strdup(t.s);
	assert_non_null(all);
	for (unsigned int max = 0; max <= 6; max++) {
		unsigned int lines = 0;

		text_clear(&t);
		quarry_show_page_sites(m.q, max, &out);
		for (size_t i = 0; i < t.len; i++)
			lines += t.s[i] == '\n';
		assert_int_equal(lines, max < 5 ? max : 5);
		assert_memory_equal(t.s, all, t.len);
	}
	at = all;
	for (int i = 0; i < 5; i++) {
		char *end = strchr(at, '\n');

		assert_non_null(end);
		assert_in_range((uintptr_t)strstr(at, order[i]), (uintptr_t)at, (uintptr_t)end);
		at = end + 1;
	}
	assert_string_equal(at, "");
	free(all);
	/* What was given back counts among all that it had. */
	for (int i = 0; i < 5; i++)
		quarry_free_pages(m.q, page[i], taken[i].order);
	page[0] = quarry_alloc_pages_at(m.q, GFP_KERNEL, 2, taken[3].site);
	text_clear(&t);
	quarry_show_page_sites(m.q, 1, &out);
	assert_string_equal(t.s,
			    "        16 KiB in        1 blocks, of         48 KiB in        2: "
			    "mm/big.c:1200 func:big_alloc\n");
	quarry_free_pages(m.q, page[0], 2);
	machine_fini(&m);
}

/* The beginning of what is longer than a struct text. */
static void take_beginning(void *ctx, const char *piece, size_t len)
{
	if (((struct text *)ctx)->len + len < sizeof(((struct text *)ctx)->s))
		text_take(ctx, piece, len);
}

/* More places than there is room for: the rest is one. */
static void too_many_places(void **state)
{
	static struct quarry_page_site many[5000];
	struct quarry_page_site_info info;
	static struct text t;
	struct quarry_out out = {take_beginning, &t};
	struct page *page;
	struct machine m;

	(void)state;
	begin(&m);
	for (int i = 0; i < 5000; i++) {
		many[i] = (struct quarry_page_site){"many.c", "many", (unsigned int)i};
		quarry_free_pages(m.q, quarry_alloc_pages_at(m.q, GFP_KERNEL, 0, &many[i]), 0);
	}
	assert_true(quarry_page_site(m.q, 0, &info));
	assert_in_range(info.blocks, 5000 - 4096, 5000 - 4090);
	assert_int_equal(info.live_blocks, 0);
	assert_false(quarry_page_site(m.q, 4096, &info));
	/* It has a line of its own, before all others. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 1);
	quarry_show_allocinfo(m.q, &out);
	assert_non_null(strstr(t.s,
			       "<tag info>\n        8192        1 unknown:0 func:? \n           0 "
			       "       0 many.c:0 func:many \n"));
	text_clear(&t);
	quarry_show_page_owner(m.q, &out);
	assert_non_null(strstr(t.s, " Flags 0x0()\n unknown:0 func:?\n\n"));
	quarry_free_pages(m.q, page, 1);
	machine_fini(&m);
}

/* Each table refused once: the block is handed out all the same, and what is lost is counted. */
static void no_memory_for_records(void **state)
{
	struct machine_spec spec = {
		.memory = {{1 * MACHINE_MIB, 64 * MACHINE_MIB, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
	};
	struct quarry_page_debug_info info;
	struct quarry_page_owner o;
	struct machine m;

	(void)state;
	for (long budget = 0; budget < 3; budget++) {
		struct page *page;

		machine_build(&m, &spec);
		/* Descriptors and sheaves are there. */
		quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_KERNEL, 0), 0);
		assert_int_equal(quarry_page_debug(m.q, "page_owner=on"), 0);
		m.budget = budget;
		page = quarry_alloc_pages_at(m.q, GFP_KERNEL, 0, &sites[0]);
		assert_non_null(page);
		quarry_page_debug_info(m.q, &info);
		assert_int_equal(info.owner_lost, budget < 2);
		assert_int_equal(quarry_page_owner(m.q, quarry_page_to_pfn(m.q, page), &o),
				 budget == 2);
		m.budget = -1;
		quarry_free_pages(m.q, page, 0);
		machine_check(&m);
		machine_fini(&m);
	}
}

/* Slabs are pages with owners too; tables inside the machine are not. */
static void slabs_have_owners(void **state)
{
	struct machine_spec inside = real;
	struct quarry_page_owner o;
	unsigned int seen = 0;
	pfn_t pfn = 0;
	struct machine m;
	void *p[64];

	(void)state;
	inside.port = MACHINE_INSIDE;
	machine_build(&m, &inside);
	assert_int_equal(quarry_page_debug(m.q, "page_owner=on"), 0);
	for (int i = 0; i < 64; i++)
		p[i] = quarry_kmalloc(m.q, 1000, GFP_KERNEL);
	while (quarry_page_owner_next(m.q, &pfn, &o)) {
		assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_SLAB);
		pfn += (pfn_t)1 << o.order;
		seen++;
	}
	assert_true(seen >= 2);
	for (int i = 0; i < 64; i++)
		quarry_kfree(m.q, p[i]);
	machine_check(&m);
	machine_fini(&m);
}

/* Off: the tag costs nothing, and nothing is kept. */
static void off_is_off(void **state)
{
	struct quarry_page_debug_info info;
	struct quarry_page_site_info site;
	struct page *page;
	struct machine m;
	pfn_t pfn = 0;

	(void)state;
	machine_build(&m, &real);
	page = quarry_alloc_pages_at(m.q, GFP_KERNEL, 0, &sites[0]);
	assert_non_null(page);
	assert_false(quarry_page_owner_next(m.q, &pfn, &(struct quarry_page_owner){0}));
	assert_false(quarry_page_site(m.q, 0, &site));
	quarry_page_debug_info(m.q, &info);
	assert_int_equal(info.owner_bytes, 0);
	quarry_free_pages(m.q, page, 0);
	machine_fini(&m);
}

/* Whatever tables are refused, blocks come, are split and go; switched off, it has no table left. */
static void tables_are_given_back(void **state)
{
	const struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0}}, .port = MACHINE_COUNTED, .budget = -1};
	struct page *held[40], *before;
	unsigned long tables;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	before = quarry_alloc_pages(m.q, GFP_KERNEL, 3);
	assert_non_null(before);
	assert_int_equal(quarry_page_debug(m.q, "page_owner=0"), 0);
	tables = m.tables_out;
	for (long budget = 0; budget < 8; budget++) {
		m.budget = budget;
		(void)quarry_page_debug(m.q, "page_owner=1");
		for (unsigned int i = 0; i < 40; i++)
			assert_non_null(held[i] = quarry_alloc_pages(m.q, GFP_KERNEL, 2));
		for (unsigned int i = 0; i < 40; i += 2)
			assert_int_equal(quarry_split_page(m.q, held[i], 2), 0);
		for (unsigned int i = 0; i < 40; i++) {
			for (unsigned int k = 0; i % 2 == 0 && k < 4; k++)
				quarry_free_pages(m.q, held[i] + k, 0);
			if (i % 2 != 0)
				quarry_free_pages(m.q, held[i], 2);
		}
		m.budget = -1;
		assert_int_equal(quarry_page_debug(m.q, "page_owner=0"), 0);
		assert_int_equal(m.tables_out, tables);
		machine_check(&m);
	}
	/* One that was there before, in an arena that nothing is known of. */
	assert_int_equal(quarry_page_debug(m.q, "page_owner=1"), 0);
	assert_int_equal(quarry_split_page(m.q, before, 3), 0);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* Tables that are pages themselves go as others do: without a record, which would be of a table that has gone. */
static void tables_inside_are_given_back(void **state)
{
	struct machine_spec inside = real;
	struct quarry_totals before, after;
	struct page *held[16];
	struct machine m;

	(void)state;
	inside.port = MACHINE_INSIDE;
	machine_build(&m, &inside);
	assert_int_equal(quarry_page_debug(m.q, "page_owner=0"), 0);
	quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_KERNEL, 9), 9);
	quarry_drain_all_pages(m.q);
	quarry_totals(m.q, &before);
	assert_int_equal(quarry_page_debug(m.q, "page_owner=1"), 0);
	for (unsigned int i = 0; i < 16; i++)
		assert_non_null(held[i] = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 9));
	for (unsigned int i = 0; i < 16; i++)
		quarry_free_pages(m.q, held[i], 9);
	assert_int_equal(quarry_page_debug(m.q, "page_owner=0"), 0);
	quarry_drain_all_pages(m.q);
	quarry_totals(m.q, &after);
	assert_int_equal(after.free, before.free);
	assert_int_equal(after.meta_bytes, before.meta_bytes);
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_given_back),
		cmocka_unit_test(tables_inside_are_given_back),
		cmocka_unit_test(a_block_has_an_owner),
		cmocka_unit_test(calls_are_told_apart),
		cmocka_unit_test(split_pages_have_owners_each),
		cmocka_unit_test(owners_move_with_contents),
		cmocka_unit_test(damage_names_owner_and_last_user),
		cmocka_unit_test(totals_by_place),
		cmocka_unit_test(texts_of_linux),
		cmocka_unit_test(text_of_every_block),
		cmocka_unit_test(pools_of_pages_have_a_caller),
		cmocka_unit_test(places_by_bytes),
		cmocka_unit_test(too_many_places),
		cmocka_unit_test(no_memory_for_records),
		cmocka_unit_test(slabs_have_owners),
		cmocka_unit_test(off_is_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
