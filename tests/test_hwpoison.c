/* SPDX-License-Identifier: MIT */
/*
 * Damaged pages (2b, hwpoison: take a page off the buddy, never reuse). In every state that a page can be
 * in; validators run after each step, and the page is looked for by taking all memory there is.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "owner.h"

#define MIB MACHINE_MIB
#define BLOCK QUARRY_MEMORY_BLOCK_BYTES
#define BLOCK_PAGES ((unsigned long)QUARRY_MEMORY_BLOCK_PAGES)
#define SIMULATED QUARRY_MF_SW_SIMULATED

static const struct machine_spec small = {.memory = {{0, 32 * MIB, 0}}, .boot = {.nr_cpus = 2}};

static unsigned long managed(struct machine *m)
{
	struct quarry_totals t;

	quarry_totals(m->q, &t);
	return t.managed;
}

/* Takes every page that there is, gives all back; whether @pfn was among them. Returns their number. */
static unsigned long take_all(struct machine *m, pfn_t pfn, bool *seen)
{
	const gfp_t gfp = __GFP_MEMALLOC | __GFP_HIGHMEM | __GFP_MOVABLE | __GFP_NOWARN;
	struct page *first = NULL, *page;
	unsigned long n = 0, max = managed(m);
	struct page **all = calloc(max, sizeof(*all));

	(void)first;
	*seen = false;
	assert_non_null(all);
	while (n < max && (page = quarry_alloc_pages(m->q, gfp, 0)) != NULL) {
		*seen = *seen || quarry_page_to_pfn(m->q, page) == pfn;
		all[n++] = page;
	}
	for (unsigned long i = 0; i < n; i++)
		quarry_free_pages(m->q, all[i], 0);
	quarry_drain_all_pages(m->q);
	free(all);
	machine_check(m);
	return n;
}

static void assert_never_seen(struct machine *m, pfn_t pfn)
{
	bool seen;

	assert_int_equal(quarry_pfn_state(m->q, pfn, NULL), QUARRY_PAGE_POISONED);
	assert_true(take_all(m, pfn, &seen) > 0);
	assert_false(seen);
	assert_true(quarry_page_is_poisoned(m->q, pfn));
}

/* A free page: out of an untouched arena, out of a whole block, out of a broken one. */
static void test_free_page(void **state)
{
	struct quarry_zone_info before, now;
	struct page_pb *pb;
	struct machine m;
	unsigned long all;
	bool seen;

	(void)state;
	machine_build(&m, &small);
	all = managed(&m);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &before);
	assert_int_equal(quarry_memory_failure(m.q, 6000, SIMULATED), 0);
	machine_check(&m);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &now);
	assert_int_equal(now.free, before.free - 1);
	assert_int_equal(now.managed, before.managed);
	/* One block of each order is left round it. */
	for (unsigned int o = 0; o < QUARRY_MAX_ORDER; o++)
		assert_int_equal(now.nr_free[o], before.nr_free[o] + 1);
	assert_int_equal(now.nr_free[QUARRY_MAX_ORDER], before.nr_free[QUARRY_MAX_ORDER] - 1);
	assert_int_equal(quarry_num_poisoned_pages(m.q), 1);
	assert_never_seen(&m, 6000);
	assert_int_equal(quarry_memory_failure(m.q, 6001, SIMULATED), 0);
	assert_never_seen(&m, 6001);
	assert_never_seen(&m, 6000);
	/* The validator misses the mark of a pageblock that has such pages. */
	pb = &memmap_arena(m.q->pages, 6000)
		      ->pb[(6000 - memmap_arena(m.q->pages, 6000)->base_pfn) >>
			   QUARRY_PAGEBLOCK_ORDER];
	pb->flags ^= PAGE_PB_POISONED;
	assert_true(quarry_check_pages(m.q, NULL) > 0);
	assert_int_equal(hwpoison_fault(m.q->pages), 6000);
	pb->flags ^= PAGE_PB_POISONED;
	machine_check(&m);
	/* And back. */
	assert_int_equal(quarry_unpoison_memory(m.q, 6000), 0);
	machine_check(&m);
	assert_int_equal(quarry_unpoison_memory(m.q, 6001), 0);
	machine_check(&m);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &now);
	machine_assert_same_blocks(now.nr_free, before.nr_free);
	assert_int_equal(quarry_num_poisoned_pages(m.q), 0);
	take_all(&m, 6000, &seen);
	assert_true(seen);
	assert_int_equal(managed(&m), all);
	machine_fini(&m);
}

/* A page in a CPU's sheaf is called in, of both kinds of sheaf. */
static void test_page_in_sheaf(void **state)
{
	struct machine_spec spec = {.memory = {{0, 512 * MIB, 0}}};
	struct machine m;
	struct page *page;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &spec);
	/* The first request of all makes tables and takes one page; the second fills a sheaf. */
	quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0), 0);
	page = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0);
	pfn = quarry_page_to_pfn(m.q, page);
	assert_int_equal(quarry_pfn_state(m.q, pfn + 1, NULL), QUARRY_PAGE_PCP);
	assert_int_equal(quarry_memory_failure(m.q, pfn + 1, 0), 0);
	assert_int_equal(quarry_pfn_state(m.q, pfn + 1, NULL), QUARRY_PAGE_POISONED);
	machine_check(&m);
	quarry_free_pages(m.q, page, 0);
	assert_int_equal(quarry_memory_failure(m.q, pfn, 0), 0);
	machine_check(&m);
	assert_int_equal(quarry_num_poisoned_pages(m.q), 2);
	assert_never_seen(&m, pfn);
	assert_never_seen(&m, pfn + 1);
	machine_fini(&m);
}

/* A page in use that nobody can move is marked, and taken when its block is freed: each order. */
static void test_page_in_use(void **state)
{
	struct machine m;
	struct page *page;
	pfn_t pfn;

	(void)state;
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		machine_build(&m, &small);
		page = quarry_alloc_pages(m.q, GFP_KERNEL, order);
		pfn = quarry_page_to_pfn(m.q, page) + (((pfn_t)1 << order) - 1) / 3;
		assert_int_equal(quarry_memory_failure(m.q, pfn, SIMULATED), -QUARRY_EBUSY);
		assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), ((pfn_t)1 << order) < 4
									   ? QUARRY_PAGE_ALLOCATED
									   : QUARRY_PAGE_TAIL);
		assert_true(quarry_page_is_poisoned(m.q, pfn));
		assert_int_equal(quarry_memory_failure(m.q, pfn, SIMULATED), -QUARRY_EHWPOISON);
		assert_int_equal(quarry_num_poisoned_pages(m.q), 1);
		machine_check(&m);
		quarry_free_pages(m.q, page, order);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		assert_never_seen(&m, pfn);
		/* A free of what is gone is told as any double free. */
		quarry_free_pages(m.q, quarry_pfn_to_page(m.q, pfn), 0);
		assert_int_equal(m.reports, 1);
		machine_check(&m);
		machine_fini(&m);
	}
}

/* What a CPU has just taken back is asked for again at once: it comes without the damaged page. */
static void test_page_in_use_asked_again(void **state)
{
	static const unsigned int orders[] = {0, 1, 2, 3, QUARRY_PAGEBLOCK_ORDER};
	struct machine_spec spec = {.memory = {{0, 2048 * MIB, 0}}, .boot = {.nr_cpus = 1}};
	struct page *page[256];
	struct machine m;

	(void)state;
	for (unsigned int k = 0; k < 5; k++) {
		const unsigned int order = orders[k], n = order > 3 ? 3 : 256;
		pfn_t pfn;

		machine_build(&m, &spec);
		for (unsigned int i = 0; i < n; i++)
			assert_non_null(page[i] = quarry_alloc_pages(m.q, GFP_KERNEL, order));
		pfn = quarry_page_to_pfn(m.q, page[n / 2]) + ((pfn_t)1 << order) - 1;
		assert_int_equal(quarry_memory_failure(m.q, pfn, SIMULATED), -QUARRY_EBUSY);
		for (unsigned int i = 0; i < n; i++)
			quarry_free_pages(m.q, page[i], order);
		for (unsigned int i = 0; i < n; i++) {
			assert_non_null(page[i] = quarry_alloc_pages(m.q, GFP_KERNEL, order));
			assert_int_not_equal(quarry_page_to_pfn(m.q, page[i]) >> order,
					     pfn >> order);
		}
		for (unsigned int i = 0; i < n; i++)
			quarry_free_pages(m.q, page[i], order);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_POISONED);
		machine_fini(&m);
	}
}

/* A pageblock that a CPU hands out and takes back again and again goes round no more once it is damaged. */
static void test_pageblock_that_goes_round(void **state)
{
	struct machine_spec spec = {.memory = {{0, 2048 * MIB, 0}}, .boot = {.nr_cpus = 1}};
	const unsigned int order = QUARRY_PAGEBLOCK_ORDER;
	struct page *page, *other;
	struct machine m;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &spec);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, order);
	for (unsigned int i = 0; i < 3; i++) {
		quarry_free_pages(m.q, page, order);
		other = quarry_alloc_pages(m.q, GFP_KERNEL, order);
		if (i != 0)
			assert_ptr_equal(other, page);
		page = other;
	}
	pfn = quarry_page_to_pfn(m.q, page);
	assert_int_equal(quarry_memory_failure(m.q, pfn + 5, SIMULATED), -QUARRY_EBUSY);
	quarry_free_pages(m.q, page, order);
	assert_non_null(other = quarry_alloc_pages(m.q, GFP_KERNEL, order));
	assert_ptr_not_equal(other, page);
	quarry_free_pages(m.q, other, order);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	assert_int_equal(quarry_pfn_state(m.q, pfn + 5, NULL), QUARRY_PAGE_POISONED);
	machine_fini(&m);
}

/* A mark on a page in use can be taken back; the page is then as any other. */
static void test_unmark(void **state)
{
	struct machine m;
	struct page *page;
	bool seen;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &small);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 3);
	pfn = quarry_page_to_pfn(m.q, page) + 5;
	assert_int_equal(quarry_memory_failure(m.q, pfn, SIMULATED), -QUARRY_EBUSY);
	assert_int_equal(quarry_unpoison_memory(m.q, pfn), 0);
	assert_int_equal(quarry_unpoison_memory(m.q, pfn), -QUARRY_EBUSY);
	machine_check(&m);
	quarry_free_pages(m.q, page, 3);
	take_all(&m, pfn, &seen);
	assert_true(seen);
	/* A real one ends that. */
	assert_int_equal(quarry_memory_failure(m.q, pfn, 0), 0);
	assert_int_equal(quarry_unpoison_memory(m.q, pfn), -QUARRY_EOPNOTSUPP);
	assert_never_seen(&m, pfn);
	machine_fini(&m);
}

/* An object's page: taken when the slab goes. */
static void test_slab_page(void **state)
{
	struct kmem_cache *cache;
	struct machine m;
	void *object;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &small);
	cache = quarry_kmem_cache_create(m.q, "damaged", 2000, SLAB_NO_MERGE, NULL);
	object = quarry_kmem_cache_alloc(m.q, cache, GFP_KERNEL);
	pfn = quarry_physical(m.q, object) >> QUARRY_PAGE_SHIFT;
	assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_SLAB);
	assert_int_equal(quarry_memory_failure(m.q, pfn, 0), -QUARRY_EBUSY);
	assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_SLAB);
	machine_check(&m);
	quarry_kmem_cache_free(m.q, cache, object);
	assert_int_equal(quarry_kmem_cache_destroy(m.q, cache), 0);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_POISONED);
	machine_fini(&m);
}

/* What boot reserved is marked; handed over later, it is managed and poisoned. */
static void test_reserved_page(void **state)
{
	struct machine_spec spec = small;
	struct machine m;
	unsigned long before;

	(void)state;
	spec.reserved[0] = (struct machine_range){20 * MIB, 21 * MIB, 0};
	machine_build(&m, &spec);
	before = managed(&m);
	assert_int_equal(quarry_memory_failure(m.q, 20 * 256 + 7, 0), -QUARRY_EBUSY);
	machine_check(&m);
	assert_int_equal(quarry_free_reserved(m.q, 20 * 256, 21 * 256), 256);
	assert_int_equal(managed(&m), before + 256);
	assert_never_seen(&m, 20 * 256 + 7);
	machine_fini(&m);
}

/* A page that can be moved: its block goes elsewhere with all it holds, and the page is taken. */
static void test_movable_page(void **state)
{
	struct machine_spec spec = small;
	struct machine m;
	struct quarry_totals t;
	struct owner o;
	pfn_t pfn;

	(void)state;
	spec.ram_bytes = 32 * MIB;
	for (unsigned int order = 0; order <= QUARRY_PAGEBLOCK_ORDER; order++) {
		machine_build(&m, &spec);
		owner_init(&o, &m, 4, 32 * 256, true);
		assert_true(owner_alloc(&o, 0, GFP_HIGHUSER_MOVABLE, order));
		pfn = quarry_page_to_pfn(m.q, o.block[0].page) + ((pfn_t)1 << order) / 2;
		assert_int_equal(quarry_memory_failure(m.q, pfn, 0), 0);
		machine_check(&m);
		assert_int_equal(o.migrated, 1ul << order);
		assert_int_equal(owner_check(&o), 0);
		assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_POISONED);
		/* One that will not be moved is marked. */
		o.fail_percent = 100;
		pfn = quarry_page_to_pfn(m.q, o.block[0].page);
		assert_int_equal(quarry_memory_failure(m.q, pfn, 0), -QUARRY_EBUSY);
		assert_int_equal(owner_check(&o), 0);
		machine_check(&m);
		owner_free_all(&o);
		quarry_drain_all_pages(m.q);
		assert_int_equal(quarry_pfn_state(m.q, pfn, NULL), QUARRY_PAGE_POISONED);
		machine_check(&m);
		/* What was taken out of blocks on their way counts as freed. */
		quarry_totals(m.q, &t);
		assert_int_equal(t.pgalloc, t.pgfree);
		owner_fini(&o);
		machine_fini(&m);
	}
}

static pfn_t marked_on_the_way;

/* The page before the one that moves is free: compaction holds it, as part of its window. */
static void mark_neighbour(struct owner *o, struct page *src)
{
	pfn_t pfn = quarry_page_to_pfn(o->m->q, src) - 1;

	if (marked_on_the_way != 0)
		return;
	marked_on_the_way = pfn;
	assert_int_equal(quarry_memory_failure(o->m->q, pfn, 0), -QUARRY_EBUSY);
}

/* A page that compaction holds when it is found to be damaged is not in the block that it makes. */
static void test_page_in_window(void **state)
{
	enum { PAGES = 32 * 256 };
	struct machine_spec spec = small;
	struct machine m;
	struct owner o;
	struct page *page;
	size_t n = 0;
	pfn_t pfn;

	(void)state;
	spec.ram_bytes = 32 * MIB;
	machine_build(&m, &spec);
	owner_init(&o, &m, PAGES, PAGES, true);
	while (n < PAGES && owner_alloc(&o, n, GFP_HIGHUSER_MOVABLE | __GFP_NOWARN, 0))
		n++;
	for (size_t i = 0; i < n; i++) {
		if (quarry_page_to_pfn(m.q, o.block[i].page) % 8 != 5)
			owner_free(&o, i);
	}
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	marked_on_the_way = 0;
	o.before = mark_neighbour;
	page = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, QUARRY_PAGEBLOCK_ORDER);
	assert_int_not_equal(marked_on_the_way, 0);
	assert_non_null(page); /* another one */
	pfn = quarry_page_to_pfn(m.q, page);
	assert_false(marked_on_the_way >= pfn && marked_on_the_way < pfn + QUARRY_PAGEBLOCK_PAGES);
	assert_int_equal(owner_check(&o), 0);
	quarry_free_pages(m.q, page, QUARRY_PAGEBLOCK_ORDER);
	machine_check(&m);
	assert_int_equal(quarry_pfn_state(m.q, marked_on_the_way, NULL), QUARRY_PAGE_POISONED);
	owner_free_all(&o);
	owner_fini(&o);
	quarry_drain_all_pages(m.q);
	assert_never_seen(&m, marked_on_the_way);
	machine_fini(&m);
}

/* Soft offline: a free and a movable page go; one in use stays, unmarked. */
static void test_soft_offline(void **state)
{
	struct machine_spec spec = small;
	struct machine m;
	struct owner o;
	struct page *page;
	bool seen;
	pfn_t pfn;

	(void)state;
	spec.ram_bytes = 32 * MIB;
	machine_build(&m, &spec);
	assert_int_equal(quarry_soft_offline_page(m.q, 7000), 0);
	assert_never_seen(&m, 7000);
	assert_int_equal(quarry_soft_offline_page(m.q, 7000), 0);
	assert_int_equal(quarry_num_poisoned_pages(m.q), 1);
	owner_init(&o, &m, 1, 32 * 256, true);
	assert_true(owner_alloc(&o, 0, GFP_HIGHUSER_MOVABLE, 2));
	pfn = quarry_page_to_pfn(m.q, o.block[0].page) + 1;
	assert_int_equal(quarry_soft_offline_page(m.q, pfn), 0);
	assert_int_equal(owner_check(&o), 0);
	assert_never_seen(&m, pfn);
	owner_free_all(&o);
	owner_fini(&o);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 2);
	pfn = quarry_page_to_pfn(m.q, page) + 3;
	assert_int_equal(quarry_soft_offline_page(m.q, pfn), -QUARRY_EBUSY);
	assert_false(quarry_page_is_poisoned(m.q, pfn));
	machine_check(&m);
	quarry_free_pages(m.q, page, 2);
	take_all(&m, pfn, &seen);
	assert_true(seen);
	machine_fini(&m);
}

/* Frames that are no memory, and no room for the record: nothing changes. */
static void test_errors(void **state)
{
	struct machine_spec spec = small;
	unsigned long free_pages;
	struct machine m;
	int err;

	(void)state;
	spec.memory[0].end = 24 * MIB;
	spec.memory[1] = (struct machine_range){28 * MIB, 32 * MIB, 0};
	spec.port = MACHINE_COUNTED;
	spec.budget = -1;
	machine_build(&m, &spec);
	assert_int_equal(quarry_memory_failure(m.q, 26 * 256, 0), -QUARRY_ENXIO); /* a hole */
	assert_int_equal(quarry_memory_failure(m.q, 32 * 256, 0), -QUARRY_ENXIO);
	assert_int_equal(quarry_memory_failure(m.q, (pfn_t)1 << 40, 0), -QUARRY_ENXIO);
	assert_int_equal(quarry_soft_offline_page(m.q, 26 * 256), -QUARRY_ENXIO);
	assert_int_equal(quarry_unpoison_memory(m.q, 32 * 256), -QUARRY_ENXIO);
	assert_int_equal(quarry_unpoison_memory(m.q, 20 * 256), -QUARRY_EBUSY);
	assert_false(quarry_page_is_poisoned(m.q, 26 * 256));
	free_pages = machine_free_pages(&m);
	for (long n = 0;; n++) {
		m.budget = n;
		err = n % 2 != 0 ? quarry_memory_failure(m.q, 5000, 0)
				 : quarry_soft_offline_page(m.q, 5000);
		m.budget = -1;
		if (err == 0)
			break;
		assert_int_equal(err, -QUARRY_ENOMEM);
		assert_int_equal(quarry_num_poisoned_pages(m.q), 0);
		assert_int_equal(machine_free_pages(&m), free_pages);
		machine_check(&m);
	}
	assert_true(m.tables_refused > 0);
	machine_check(&m);
	machine_fini(&m);
}

/* A memory block with poisoned pages goes offline, and they are poisoned when it comes back. */
static void test_offline_with_poison(void **state)
{
	struct machine_spec spec = {.memory = {{0, 4 * BLOCK, 0}},
				    .boot = {.nr_cpus = 2, .max_hotplug_phys = 8 * BLOCK}};
	const pfn_t pfn = 2 * BLOCK_PAGES + 777;
	struct quarry_zone_info z;
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(quarry_memory_failure(m.q, pfn, SIMULATED), 0);
	assert_int_equal(quarry_offline_pages(m.q, 2 * BLOCK_PAGES, BLOCK_PAGES), 0);
	machine_check(&m);
	assert_int_equal(quarry_memory_failure(m.q, pfn, SIMULATED), -QUARRY_ENXIO);
	assert_int_equal(
		quarry_online_pages(m.q, 2 * BLOCK_PAGES, BLOCK_PAGES, QUARRY_ONLINE_DEFAULT), 0);
	assert_never_seen(&m, pfn);
	/* In another zone it has other tables. */
	assert_int_equal(quarry_offline_pages(m.q, 2 * BLOCK_PAGES, BLOCK_PAGES), 0);
	assert_int_equal(
		quarry_online_pages(m.q, 2 * BLOCK_PAGES, BLOCK_PAGES, QUARRY_ONLINE_MOVABLE), 0);
	assert_never_seen(&m, pfn);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &z);
	assert_int_equal(z.managed, BLOCK_PAGES);
	assert_int_equal(z.free, BLOCK_PAGES - 1);
	/* In use and marked, it does not go. */
	page = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0);
	assert_int_equal(quarry_memory_failure(m.q, quarry_page_to_pfn(m.q, page), SIMULATED),
			 -QUARRY_EBUSY);
	assert_int_equal(quarry_offline_pages(m.q, 2 * BLOCK_PAGES, BLOCK_PAGES), -QUARRY_EBUSY);
	machine_check(&m);
	quarry_free_pages(m.q, page, 0);
	assert_int_equal(quarry_offline_pages(m.q, 2 * BLOCK_PAGES, BLOCK_PAGES), 0);
	assert_int_equal(quarry_num_poisoned_pages(m.q), 2);
	/* New memory in its place is sound. */
	assert_int_equal(quarry_remove_memory(m.q, 2 * BLOCK, BLOCK), 0);
	assert_int_equal(quarry_num_poisoned_pages(m.q), 0);
	assert_int_equal(quarry_add_memory(m.q, 0, 2 * BLOCK, BLOCK), 0);
	assert_int_equal(
		quarry_online_pages(m.q, 2 * BLOCK_PAGES, BLOCK_PAGES, QUARRY_ONLINE_MOVABLE), 0);
	machine_check(&m);
	quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &z);
	assert_int_equal(z.free, BLOCK_PAGES);
	machine_fini(&m);
}

/* Memory that is removed takes its marks along: those of its first and its last page, not their neighbours'. */
static void test_remove_with_poison(void **state)
{
	static const struct {
		pfn_t pfn;
		bool forgotten;
	} page[] = {
		{2 * BLOCK_PAGES - 1, false},
		{2 * BLOCK_PAGES, true},
		{3 * BLOCK_PAGES - 1, true},
		{3 * BLOCK_PAGES, false},
	};
	struct machine_spec spec = {.memory = {{0, 4 * BLOCK, 0}},
				    .boot = {.nr_cpus = 2, .max_hotplug_phys = 8 * BLOCK}};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(quarry_memory_failure(m.q, page[i].pfn, SIMULATED), 0);
	assert_int_equal(quarry_offline_pages(m.q, 2 * BLOCK_PAGES, BLOCK_PAGES), 0);
	assert_int_equal(quarry_num_poisoned_pages(m.q), 4);
	assert_int_equal(quarry_remove_memory(m.q, 2 * BLOCK, BLOCK), 0);
	assert_int_equal(quarry_num_poisoned_pages(m.q), 2);
	assert_int_equal(quarry_add_memory(m.q, 0, 2 * BLOCK, BLOCK), 0);
	assert_int_equal(
		quarry_online_pages(m.q, 2 * BLOCK_PAGES, BLOCK_PAGES, QUARRY_ONLINE_DEFAULT), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(quarry_page_is_poisoned(m.q, page[i].pfn), !page[i].forgotten);
	machine_check(&m);
	machine_fini(&m);
}

/* Random: allocate, free, poison, take back; nothing poisoned is ever given, no page is lost. */
static void test_sequences(void **state)
{
	enum { SLOTS = 300, STEPS = 4000 };
	struct page *page[SLOTS] = {NULL};
	unsigned int order[SLOTS];
	struct machine m;
	uint64_t seed = 9;

	(void)state;
	machine_build(&m, &small);
	for (unsigned int i = 0; i < STEPS; i++) {
		unsigned int slot = (unsigned int)(machine_random(&seed) % SLOTS);
		pfn_t pfn = machine_random(&seed) % (32 * 256);
		int err;

		quarry_posix_set_cpu((unsigned int)(machine_random(&seed) % 2));
		switch (machine_random(&seed) % 12) {
		case 0:
			err = quarry_memory_failure(m.q, pfn, SIMULATED);
			assert_true(err == 0 || err == -QUARRY_EBUSY || err == -QUARRY_EHWPOISON);
			break;
		case 1:
		case 2:
			err = quarry_unpoison_memory(m.q, pfn);
			assert_true(err == 0 || err == -QUARRY_EBUSY);
			break;
		default:
			if (page[slot] != NULL) {
				quarry_free_pages(m.q, page[slot], order[slot]);
				page[slot] = NULL;
				break;
			}
			order[slot] = (unsigned int)(machine_random(&seed) % 6);
			page[slot] = quarry_alloc_pages(
				m.q, i % 2 ? GFP_KERNEL : GFP_HIGHUSER_MOVABLE, order[slot]);
			for (unsigned int k = 0; page[slot] != NULL && k < 1u << order[slot]; k++)
				assert_false(quarry_page_is_poisoned(
					m.q, quarry_page_to_pfn(m.q, page[slot]) + k));
		}
		if (i % 64 == 0)
			machine_check(&m);
	}
	for (unsigned int i = 0; i < SLOTS; i++)
		quarry_free_pages(m.q, page[i], order[i]);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	assert_true(quarry_num_poisoned_pages(m.q) > 50);
	assert_int_equal(machine_free_pages(&m) + quarry_num_poisoned_pages(m.q), managed(&m));
	for (pfn_t pfn = 0; pfn < 32 * 256; pfn++)
		(void)quarry_unpoison_memory(m.q, pfn);
	machine_check(&m);
	assert_int_equal(machine_free_pages(&m), managed(&m));
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* A zone's border inside a pageblock: two arenas share its record, and each has a damaged page. */
static void test_border_in_pageblock(void **state)
{
	struct machine_spec spec = {.memory = {{0, 32 * MIB, 0}},
				    .boot = {.dma_limit = 5 * MIB + 48 * 1024, .nr_cpus = 1}};
	pfn_t border = (5 * MIB + 48 * 1024) >> QUARRY_PAGE_SHIFT, bad[] = {border - 1, border + 3};
	struct machine m;

	(void)state;
	for (unsigned int first = 0; first < 2; first++) {
		machine_build(&m, &spec);
		for (unsigned int k = 0; k < 2; k++) {
			assert_int_equal(quarry_memory_failure(m.q, bad[k ^ first], SIMULATED), 0);
			machine_check(&m);
			assert_never_seen(&m, bad[k ^ first]);
		}
		assert_never_seen(&m, bad[0]);
		assert_int_equal(quarry_unpoison_memory(m.q, bad[0]), 0);
		machine_check(&m);
		assert_never_seen(&m, bad[1]);
		assert_int_equal(quarry_unpoison_memory(m.q, bad[1]), 0);
		machine_check(&m);
		assert_int_equal(machine_free_pages(&m), managed(&m));
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_page),
		cmocka_unit_test(test_page_in_sheaf),
		cmocka_unit_test(test_page_in_use),
		cmocka_unit_test(test_unmark),
		cmocka_unit_test(test_slab_page),
		cmocka_unit_test(test_reserved_page),
		cmocka_unit_test(test_movable_page),
		cmocka_unit_test(test_page_in_window),
		cmocka_unit_test(test_soft_offline),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_offline_with_poison),
		cmocka_unit_test(test_remove_with_poison),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_border_in_pageblock),
		cmocka_unit_test(test_page_in_use_asked_again),
		cmocka_unit_test(test_pageblock_that_goes_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
