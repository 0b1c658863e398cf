/* SPDX-License-Identifier: MIT */
/* Pages that can be moved, and compaction (2b "compaction"): what is moved, whereto, and what it costs. */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "owner.h"

#define PAGES(mib) ((size_t)(mib)*256)
#define ALL (GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC)

static const struct machine_spec m32 = {
	.memory = {{0, 32 * MACHINE_MIB, 0}},
	.ram_bytes = 32 << 20,
	.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
};

static void check(struct machine *m, struct owner *o)
{
	machine_check(m);
	if (owner_check(o) != 0)
		fail_msg("the owner found %lu faults, %lu of them calls", owner_check(o), o->wrong);
}

/* Free pages of each pageblock, sheaves emptied; returns how many pageblocks. */
static size_t free_of_pageblocks(struct machine *m, pfn_t end, unsigned int *free)
{
	quarry_drain_all_pages(m->q);
	memset(free, 0, (size_t)(end >> QUARRY_PAGEBLOCK_ORDER) * sizeof(*free));
	for (pfn_t pfn = 0; pfn < end; pfn++)
		free[pfn >> QUARRY_PAGEBLOCK_ORDER] +=
			quarry_pfn_state(m->q, pfn, NULL) == QUARRY_PAGE_FREE;
	return (size_t)(end >> QUARRY_PAGEBLOCK_ORDER);
}

static unsigned long whole_pageblocks(struct machine *m)
{
	unsigned long nr_free[QUARRY_NR_ORDERS];

	machine_free_blocks(m, nr_free);
	return nr_free[9] + 2 * nr_free[10];
}

static int by_count(const void *a, const void *b)
{
	return (int)(*(const unsigned int *)b) - (int)(*(const unsigned int *)a);
}

/* The fewest moves of single pages that make all whole pageblocks that there can be. */
static unsigned long fewest_moves(unsigned int *free, size_t n)
{
	unsigned long moves = 0, room = 0;

	qsort(free, n, sizeof(*free), by_count);
	for (size_t i = 0; i < n; i++)
		room += free[i];
	for (size_t i = 0; i < room / QUARRY_PAGEBLOCK_PAGES; i++)
		moves += (unsigned int)QUARRY_PAGEBLOCK_PAGES - free[i];
	return moves;
}

/* Fills the machine with movable blocks of @order in the owner's slots; returns how many. */
static size_t fill(struct owner *o, unsigned int order)
{
	size_t n = 0;

	while (n < o->nr_blocks && owner_alloc(o, n, ALL, order))
		n++;
	return n;
}

static void free_some(struct owner *o, size_t n, unsigned int percent, uint64_t seed)
{
	for (size_t i = 0; i < n; i++) {
		if (machine_random(&seed) % 100 < percent)
			owner_free(o, i);
	}
}

/* ---- movers ---- */

static bool dummy_isolate(void *ctx, struct page *page)
{
	(void)ctx;
	(void)page;
	return false;
}

static int dummy_migrate(void *ctx, struct page *dst, struct page *src)
{
	(void)ctx;
	(void)dst;
	(void)src;
	return -QUARRY_EAGAIN;
}

static void dummy_putback(void *ctx, struct page *page)
{
	(void)ctx;
	(void)page;
}

static void movers_are_registered(void **state)
{
	static const struct quarry_mover whole = {dummy_isolate, dummy_migrate, dummy_putback};
	static const struct quarry_mover no_isolate = {NULL, dummy_migrate, dummy_putback};
	static const struct quarry_mover no_migrate = {dummy_isolate, NULL, dummy_putback};
	static const struct quarry_mover no_putback = {dummy_isolate, dummy_migrate, NULL};
	struct page *page, *slab;
	struct machine m;
	void *object;

	(void)state;
	machine_build(&m, &m32);
	assert_int_equal(quarry_register_mover(m.q, NULL, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_register_mover(m.q, &no_isolate, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_register_mover(m.q, &no_migrate, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_register_mover(m.q, &no_putback, NULL), -QUARRY_EINVAL);
	for (int i = 1; i <= QUARRY_MAX_MOVERS; i++)
		assert_int_equal(quarry_register_mover(m.q, &whole, NULL), i);
	assert_int_equal(quarry_register_mover(m.q, &whole, NULL), -QUARRY_ENOSPC);

	page = quarry_alloc_pages(m.q, GFP_KERNEL, 2);
	assert_non_null(page);
	assert_int_equal(quarry_page_mover(m.q, page), 0);
	assert_int_equal(quarry_set_page_mover(m.q, page, QUARRY_MAX_MOVERS + 1), -QUARRY_EINVAL);
	assert_int_equal(quarry_set_page_mover(m.q, NULL, 1), -QUARRY_EINVAL);
	assert_int_equal(quarry_set_page_mover(m.q, page + 1, 1), -QUARRY_EINVAL); /* a tail */
	assert_int_equal(quarry_set_page_mover(m.q, page, 63), 0);
	assert_int_equal(quarry_page_mover(m.q, page), 63);
	assert_int_equal(quarry_page_mover(m.q, page + 1), 0);
	assert_int_equal(quarry_page_count(m.q, page), 1);
	assert_int_equal(quarry_set_page_mover(m.q, page, 0), 0);
	assert_int_equal(quarry_page_mover(m.q, page), 0);
	/* Free forgets the mover, with one reference or with several. */
	assert_int_equal(quarry_set_page_mover(m.q, page, 7), 0);
	quarry_get_page(m.q, page);
	quarry_free_pages(m.q, page, 2);
	assert_int_equal(quarry_page_mover(m.q, page), 7);
	quarry_free_pages(m.q, page, 2);
	assert_int_equal(quarry_page_mover(m.q, page), 0);
	assert_int_equal(quarry_set_page_mover(m.q, page, 7), -QUARRY_EINVAL);
	assert_int_equal(m.reports, 0);
	/* Too large a block, and a page of objects. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL, QUARRY_MAX_ORDER);
	assert_non_null(page);
	assert_int_equal(quarry_set_page_mover(m.q, page, 1), -QUARRY_EINVAL);
	quarry_free_pages(m.q, page, QUARRY_MAX_ORDER);
	object = quarry_kmalloc(m.q, 100, GFP_KERNEL);
	slab = quarry_virt_to_page(m.q, object);
	assert_int_equal(quarry_set_page_mover(m.q, slab, 1), -QUARRY_EINVAL);
	quarry_kfree(m.q, object);
	machine_check(&m);
	machine_fini(&m);
}

/* ---- whole nodes ---- */

/* After random frees, compaction makes every whole pageblock that there can be, with the fewest moves. */
static void packs_with_the_fewest_moves(void **state)
{
	static const unsigned int freed[] = {10, 50, 80, 97};
	unsigned int free[16];
	struct machine m;
	struct owner o;

	(void)state;
	for (size_t k = 0; k < sizeof(freed) / sizeof(freed[0]); k++) {
		unsigned long moves, room = 0;
		size_t n;

		machine_build(&m, &m32);
		owner_init(&o, &m, PAGES(32), PAGES(32), true);
		free_some(&o, fill(&o, 0), freed[k], k);
		n = free_of_pageblocks(&m, PAGES(32), free);
		for (size_t i = 0; i < n; i++)
			room += free[i];
		moves = fewest_moves(free, n);
		assert_int_equal(quarry_compact_node(m.q, 0), 0);
		check(&m, &o);
		assert_int_equal(whole_pageblocks(&m), room / QUARRY_PAGEBLOCK_PAGES);
		assert_true(o.migrated <= moves);
		assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_PGMIGRATE_SUCCESS), o.migrated);
		assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_COMPACT_ISOLATED), o.migrated);
		assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_PGMIGRATE_FAIL), 0);
		assert_true(quarry_vm_event(m.q, QUARRY_VM_COMPACT_MIGRATE_SCANNED) != 0);
		assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_COMPACT_FREE_SCANNED), o.migrated);
		/* There is nothing left to do. */
		moves = o.migrated;
		quarry_compact_memory(m.q);
		assert_int_equal(o.migrated, moves);
		assert_int_equal(m.reports, 0);
		owner_fini(&o);
		machine_fini(&m);
	}
	machine_build(&m, &m32);
	assert_int_equal(quarry_compact_node(m.q, 1), -QUARRY_EINVAL);
	assert_int_equal(quarry_compact_node(m.q, -1), -QUARRY_EINVAL);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(movers_are_registered),
		cmocka_unit_test(packs_with_the_fewest_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
