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
	struct machine_spec counted = m32;
	struct page *page, *slab;
	struct machine m;
	void *object;

	(void)state;
	machine_build(&m, &m32);
	assert_int_equal(quarry_register_mover(m.q, NULL, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_register_mover(m.q, &no_isolate, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_register_mover(m.q, &no_migrate, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_register_mover(m.q, &no_putback, NULL), -QUARRY_EINVAL);
	machine_fini(&m);
	counted.port = MACHINE_COUNTED;
	counted.budget = -1;
	machine_build(&m, &counted);
	m.budget = 0; /* the table of movers is made with the first */
	assert_int_equal(quarry_register_mover(m.q, &whole, NULL), -QUARRY_ENOMEM);
	m.budget = -1;
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

/* Blocks of several orders, movers that refuse and fail at random: nothing is lost or broken. */
static void packs_blocks_of_all_orders(void **state)
{
	unsigned long before, after, moved = 0, failed = 0;
	uint64_t seed = 7;
	struct machine m;
	struct owner o;

	(void)state;
	machine_build(&m, &m32);
	owner_init(&o, &m, PAGES(32), PAGES(32), true);
	for (unsigned int round = 0; round < 40; round++) {
		for (size_t i = 0; i < 3000; i++) {
			size_t slot = machine_random(&seed) % 2000;

			if (o.block[slot].page != NULL)
				owner_free(&o, slot);
			else
				owner_alloc(&o, slot, GFP_HIGHUSER_MOVABLE,
					    (unsigned int)(machine_random(&seed) % 5));
		}
		o.refuse_percent = round % 4 == 1 ? 5 : 0;
		o.fail_percent = round % 4 >= 2 ? 5 : 0;
		check(&m, &o);
		quarry_drain_all_pages(m.q);
		before = whole_pageblocks(&m);
		moved = o.migrated;
		assert_int_equal(quarry_compact_node(m.q, 0), 0);
		check(&m, &o);
		after = whole_pageblocks(&m);
		assert_true(after >= before);
		if (round % 4 == 0) /* all may be moved: what is left has no room elsewhere */
			assert_true(machine_free_pages(&m) - after * 512 < 2 * 512);
		moved = o.migrated - moved;
		failed += o.failed + o.refused;
	}
	assert_true(failed != 0);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_PGMIGRATE_SUCCESS), o.migrated);
	assert_true(quarry_vm_event(m.q, QUARRY_VM_PGMIGRATE_FAIL) != 0);
	assert_int_equal(m.reports, 0);
	owner_fini(&o);
	machine_check(&m);
	machine_fini(&m);
}

/* What single arenas cannot put together: a zone with pieces of four GiB is packed as one. */
static void packs_over_arenas(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 7 * MACHINE_MIB, 0},
			   {MACHINE_GIB, MACHINE_GIB + 6 * MACHINE_MIB, 0},
			   {2 * MACHINE_GIB, 2 * MACHINE_GIB + 5 * MACHINE_MIB, 0},
			   {3 * MACHINE_GIB, 3 * MACHINE_GIB + 8 * MACHINE_MIB, 0}},
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};

	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		unsigned long room;
		struct machine m;
		struct owner o;
		size_t n;

		machine_build(&m, &spec);
		owner_init(&o, &m, PAGES(26), 4 * PAGES(1024), false);
		n = fill(&o, 0);
		assert_int_equal(n, PAGES(26));
		free_some(&o, n, 10 + (unsigned int)seed * 7, seed);
		quarry_drain_all_pages(m.q);
		room = machine_free_pages(&m);
		quarry_compact_memory(m.q);
		check(&m, &o);
		/* Two pageblocks are no whole ones: 1 MiB of 7 and of 5. Full, at best. */
		assert_true(whole_pageblocks(&m) >= (room - 512) / 512);
		owner_fini(&o);
		machine_fini(&m);
	}
}

/* A page that cannot be moved keeps its pageblock, which takes in what comes out of others. */
static void unmovable_pages_stay(void **state)
{
	unsigned long room;
	struct machine m;
	struct owner o;
	size_t n;

	(void)state;
	machine_build(&m, &m32);
	owner_init(&o, &m, PAGES(32), PAGES(32), true);
	n = fill(&o, 0);
	for (size_t i = 0; i < n; i++) {
		pfn_t pfn = quarry_page_to_pfn(m.q, o.block[i].page);

		if (pfn % 512 == 77 && pfn / 512 % 2 == 0) /* in each second pageblock */
			assert_int_equal(quarry_set_page_mover(m.q, o.block[i].page, 0), 0);
		else if (pfn % 3 != 0)
			owner_free(&o, i);
	}
	quarry_drain_all_pages(m.q);
	room = machine_free_pages(&m);
	assert_int_equal(whole_pageblocks(&m), 0);
	quarry_compact_memory(m.q);
	machine_check(&m);
	assert_int_equal(o.wrong, 0);
	assert_int_equal(machine_free_pages(&m), room);
	/* All eight others are whole: half of the memory had room for a sixth of it. */
	assert_int_equal(whole_pageblocks(&m), 8);
	for (size_t i = 0; i < n; i++) {
		if (o.block[i].page != NULL)
			quarry_set_page_mover(m.q, o.block[i].page, o.number);
	}
	quarry_compact_memory(m.q);
	check(&m, &o);
	assert_int_equal(whole_pageblocks(&m), room / 512);
	owner_fini(&o);
	machine_fini(&m);
}

/* ---- races that the library handles ---- */

static void frees_while_it_moves(struct owner *o, struct page *src)
{
	size_t slot = o->slot_of[quarry_page_to_pfn(o->m->q, src)];

	if (machine_random(&o->seed) % 4 == 0)
		owner_free(o, slot - 1);
}

/* The owner may free a block after it was isolated: it is freed when compaction lets go of it. */
static void freed_while_isolated(void **state)
{
	struct machine m;
	struct owner o;
	size_t n;

	(void)state;
	machine_build(&m, &m32);
	owner_init(&o, &m, PAGES(32), PAGES(32), true);
	n = fill(&o, 0);
	free_some(&o, n, 60, 3);
	o.before = frees_while_it_moves;
	for (unsigned int i = 0; i < 5; i++) {
		quarry_compact_memory(m.q);
		check(&m, &o);
	}
	assert_true(o.failed != 0);
	assert_int_equal(o.failed, o.put_back);
	o.before = NULL;
	owner_fini(&o);
	machine_check(&m);
	quarry_drain_all_pages(m.q);
	assert_int_equal(whole_pageblocks(&m), 16);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static void takes_a_reference(struct owner *o, struct page *src)
{
	quarry_get_page(o->m->q, src);
}

/* References move with the block, also those taken before the owner's turn; the count is exact. */
static void references_move_along(void **state)
{
	struct page *old[64];
	struct machine m;
	struct owner o;

	(void)state;
	machine_build(&m, &m32);
	owner_init(&o, &m, 64, PAGES(32), true);
	for (size_t i = 0; i < 64; i++) {
		assert_true(owner_alloc(&o, i, GFP_HIGHUSER_MOVABLE, 3));
		old[i] = o.block[i].page;
	}
	for (size_t i = 0; i < 64; i++) {
		if (i % 2 == 0)
			owner_free(&o, i);
		else
			quarry_get_page(m.q, old[i]);
	}
	quarry_drain_all_pages(m.q);
	o.before = takes_a_reference;
	/* Move each by hand: what compaction picks is not the point. */
	for (size_t i = 1; i < 64; i += 2) {
		struct page *dst = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 3);

		assert_true(mover_isolate(m.q, old[i]));
		assert_false(mover_isolate(m.q, old[i])); /* one at a time */
		assert_int_equal(quarry_page_count(m.q, old[i]), 3);
		assert_int_equal(mover_move(m.q, dst, old[i]), 0);
		assert_ptr_equal(o.block[i].page, dst);
		assert_int_equal(quarry_page_count(m.q, dst), 3);
		assert_int_equal(quarry_page_mover(m.q, dst), o.number);
		assert_int_equal(quarry_page_mover(m.q, old[i]), 0);
		assert_int_equal(quarry_page_count(m.q, old[i]), 1);
		quarry_free_pages(m.q, old[i], 3);
		quarry_free_pages(m.q, dst, 3);
		quarry_free_pages(m.q, dst, 3);
		assert_int_equal(quarry_page_count(m.q, dst), 1);
	}
	o.before = NULL;
	check(&m, &o);
	assert_int_equal(m.reports, 0);
	owner_fini(&o);
	machine_fini(&m);
}

/* Each free page of @m is filled with @byte. */
static void free_pages_are_filled(struct machine *m, pfn_t end, unsigned char byte)
{
	quarry_drain_all_pages(m->q);
	for (pfn_t pfn = 0; pfn < end; pfn++) {
		const unsigned char *p = quarry_address(m->q, (phys_addr_t)pfn * QUARRY_PAGE_SIZE);

		if (quarry_pfn_state(m->q, pfn, NULL) == QUARRY_PAGE_FREE)
			assert_true(p[0] == byte && memcmp(p, p + 1, QUARRY_PAGE_SIZE - 1) == 0);
	}
}

/* Free pages keep their pattern, and owners are known, through moves and failures (page_poison, init_on_free, page_owner). */
static void keep_contents_and_owners(bool zero)
{
	struct quarry_page_owner owner;
	struct machine m;
	struct owner o;
	size_t n;

	machine_build(&m, &m32);
	assert_int_equal(quarry_page_debug(m.q, zero ? "init_on_free=1 page_owner=on"
						     : "page_poison=1 page_owner=on"),
			 0);
	owner_init(&o, &m, PAGES(32), PAGES(32), true);
	n = fill(&o, 0);
	free_some(&o, n, 40, 21);
	/* Movers write before they fail. */
	for (unsigned int percent = 100; percent < 101; percent -= 50) {
		o.fail_percent = percent;
		quarry_compact_memory(m.q);
		free_pages_are_filled(&m, PAGES(32), zero ? 0 : 0xaa);
	}
	check(&m, &o);
	assert_true(o.migrated != 0 && o.failed != 0);
	for (size_t i = 0; i < n; i++) {
		if (o.block[i].page != NULL) {
			assert_true(quarry_page_owner(m.q, quarry_page_to_pfn(m.q, o.block[i].page),
						      &owner));
			assert_true(owner.allocated);
		}
	}
	/* What became free is asked for again, and would be reported if it had been written to. */
	if (quarry_alloc_contig_range(m.q, 1000, 2000, QUARRY_MIGRATE_MOVABLE, GFP_KERNEL) == 0)
		quarry_free_contig_range(m.q, 1000, 1000);
	for (size_t i = 0; i < n; i++) {
		if (o.block[i].page == NULL)
			owner_alloc(&o, i, GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC, 0);
	}
	check(&m, &o);
	if (m.reports != 0)
		fail_msg("%u reports, the last: %s", m.reports, m.last_report);
	owner_fini(&o);
	machine_fini(&m);
}

static void contents_and_owners_are_kept(void **state)
{
	(void)state;
	keep_contents_and_owners(false);
	keep_contents_and_owners(true);
}

/* ---- requests ---- */

static struct alloc_request request(struct machine *m, gfp_t gfp, unsigned int order)
{
	struct page_layer *pl = m->q->pages;

	return (struct alloc_request){
		.gfp = gfp,
		.order = order,
		.type = page_gfp_type(pl, gfp),
		.highest = pl->highest_zone[gfp & 15u],
		.nodes = ~(uint64_t)0,
		.list = zonelist_of(&pl->node[0], false)->zone,
		.nr_list = zonelist_of(&pl->node[0], false)->nr,
	};
}

/* Movable single pages everywhere, each second one free. */
static void chequer(struct machine *m, struct owner *o, const struct machine_spec *spec)
{
	size_t n;

	machine_build(m, spec);
	owner_init(o, m, PAGES(32), PAGES(32), spec->ram_bytes != 0);
	n = fill(o, 0);
	for (size_t i = 0; i < n; i++) {
		if (quarry_page_to_pfn(m->q, o->block[i].page) % 2 != 0)
			owner_free(o, i);
	}
	quarry_drain_all_pages(m->q);
	assert_int_equal(zone_largest_order(&m->q->pages->zone[0]), 0);
}

/* A block of each order is made and handed over; the fewest moves are half of it. */
static void makes_a_block_of_each_order(void **state)
{
	for (unsigned int order = 1; order <= QUARRY_MAX_ORDER; order++) {
		unsigned int priority = order % 3;
		struct page *page = NULL;
		struct alloc_request r;
		struct page_zone *z;
		unsigned long free;
		struct machine m;
		struct owner o;

		(void)state;
		chequer(&m, &o, &m32);
		z = &m.q->pages->zone[0];
		free = machine_free_pages(&m);
		r = request(&m, GFP_HIGHUSER_MOVABLE, order);
		assert_int_equal(compaction_suitable(m.q, z, order, r.highest, 0),
				 COMPACT_CONTINUE);
		assert_int_equal(compaction_direct(m.q, &r, 0, priority, &page), COMPACT_SUCCESS);
		assert_non_null(page);
		assert_int_equal(quarry_page_to_pfn(m.q, page) % (1u << order), 0);
		assert_int_equal(o.migrated, 1u << (order - 1));
		assert_int_equal(machine_free_pages(&m), free - (1u << order));
		assert_int_equal(owner_check(&o), 0);
		/* It is the caller's: to be described as allocated, or put back. */
		zone_put_one(m.q, page, order);
		check(&m, &o);
		assert_true(zone_largest_order(z) >= (int)order);
		assert_int_equal(compaction_suitable(m.q, z, order, r.highest, 0), COMPACT_SUCCESS);
		assert_int_equal(m.reports, 0);
		owner_fini(&o);
		machine_fini(&m);
	}
}

/*
 * Of two pageblocks: those that lie in one block, all of it memory. The emptiest two beside each other, and the
 * emptiest of all, which has no partner, are none; nor is a pair of which one is CMA's.
 */
static void a_block_of_two_pageblocks(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 30 * MACHINE_MIB, 0}},
		.ram_bytes = 30 << 20,
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};
	struct page *page = NULL;
	struct alloc_request r;
	struct machine m;
	quarry_pin_t pin;
	struct owner o;
	size_t n;

	(void)state;
	machine_build(&m, &spec);
	owner_init(&o, &m, PAGES(30), PAGES(30), true);
	n = fill(&o, 0);
	for (size_t i = 0; i < n; i++) {
		pfn_t pfn = quarry_page_to_pfn(m.q, o.block[i].page), pb = pfn / 512;

		/* In use: of pageblocks 5, 6, 12, 13 and 14 a 32nd, of 8 and 9 a quarter, of others half. */
		if (pfn % (pb == 5 || pb == 6 || pb >= 12 ? 32 : pb == 8 || pb == 9 ? 4 : 2) != 0)
			owner_free(&o, i);
	}
	quarry_drain_all_pages(m.q);
	pin = arena_lock(m.q, &m.q->pages->arena[0]);
	arena_set_type(m.q, &m.q->pages->arena[0], 13, QUARRY_MIGRATE_CMA);
	arena_unlock(m.q, &m.q->pages->arena[0], pin);
	r = request(&m, GFP_HIGHUSER_MOVABLE, 10);
	assert_int_equal(compaction_direct(m.q, &r, 0, 0, &page), COMPACT_SUCCESS);
	assert_non_null(page);
	assert_int_equal(quarry_page_to_pfn(m.q, page), 8 * 512);
	assert_int_equal(o.migrated, 256);
	zone_put_one(m.q, page, 10);
	check(&m, &o);
	owner_fini(&o);
	machine_fini(&m);
}

/* Unmovable pages get no block of a movable pageblock past the rules of fallback, below order 9. */
static void capture_keeps_pageblocks_clean(void **state)
{
	struct page *page = NULL;
	struct alloc_request r;
	struct machine m;
	struct owner o;

	(void)state;
	chequer(&m, &o, &m32);
	r = request(&m, GFP_KERNEL, 4);
	assert_int_equal(compaction_direct(m.q, &r, 0, COMPACT_PRIO_DEFAULT, &page),
			 COMPACT_SUCCESS);
	assert_null(page);
	assert_true(zone_largest_order(&m.q->pages->zone[0]) >= 4);
	check(&m, &o);
	r = request(&m, GFP_KERNEL, 9);
	assert_int_equal(compaction_direct(m.q, &r, 0, COMPACT_PRIO_DEFAULT, &page),
			 COMPACT_SUCCESS);
	assert_non_null(page);
	zone_put_one(m.q, page, 9);
	/* Nobody to hand it to. */
	r = request(&m, GFP_KERNEL, 10);
	assert_int_equal(compaction_direct(m.q, &r, 0, COMPACT_PRIO_DEFAULT, NULL),
			 COMPACT_SUCCESS);
	assert_int_equal(zone_largest_order(&m.q->pages->zone[0]), 10);
	check(&m, &o);
	owner_fini(&o);
	machine_fini(&m);
}

static void whether_it_is_suitable(void **state)
{
	struct page *page = NULL;
	struct page_zone *z;
	struct alloc_request r;
	struct machine m;
	struct owner o;

	(void)state;
	chequer(&m, &o, &m32);
	z = &m.q->pages->zone[0];
	/* Orders of 0, and requests that may not wait for I/O: not at all. */
	r = request(&m, GFP_HIGHUSER_MOVABLE, 0);
	assert_int_equal(compaction_direct(m.q, &r, 0, 0, &page), COMPACT_SKIPPED);
	r = request(&m, GFP_HIGHUSER_MOVABLE & ~__GFP_IO, 4);
	assert_int_equal(compaction_direct(m.q, &r, 0, 0, &page), COMPACT_SKIPPED);
	/* Not on a node that may not serve the request. */
	r = request(&m, GFP_HIGHUSER_MOVABLE, 4);
	r.nodes = 2;
	assert_int_equal(compaction_direct(m.q, &r, 0, 0, &page), COMPACT_SKIPPED);
	/* 4096 single pages are free: of the order they lack everything. */
	assert_int_equal(quarry_fragmentation_index(m.q, 0, QUARRY_ZONE_NORMAL, 0), -1000);
	assert_int_equal(quarry_fragmentation_index(m.q, 0, QUARRY_ZONE_NORMAL, 4),
			 1000 - (int)((1000 + 4096ul * 1000 / 16) / 4096));
	assert_int_equal(quarry_unusable_index(m.q, 0, QUARRY_ZONE_NORMAL, 1), 1000);
	assert_int_equal(quarry_unusable_index(m.q, 0, QUARRY_ZONE_NORMAL, 0), 0);
	assert_int_equal(quarry_fragmentation_index(m.q, 0, QUARRY_ZONE_NORMAL, 11), 0);
	assert_int_equal(quarry_unusable_index(m.q, 0, QUARRY_ZONE_DMA, 1), 0);
	assert_int_equal(quarry_fragmentation_index(m.q, 1, QUARRY_ZONE_NORMAL, 4), 0);
	/* The threshold counts for orders above 3 only. */
	assert_int_equal(quarry_sysctl_set(m.q, "extfrag_threshold", "1001"), -QUARRY_EINVAL);
	assert_int_equal(quarry_sysctl_set(m.q, "extfrag_threshold", "1000"), 0);
	assert_int_equal(compaction_suitable(m.q, z, 4, r.highest, 0), COMPACT_NOT_SUITABLE);
	assert_int_equal(compaction_suitable(m.q, z, 3, r.highest, 0), COMPACT_CONTINUE);
	assert_int_equal(quarry_sysctl_set(m.q, "extfrag_threshold", "500"), 0);
	assert_int_equal(compaction_suitable(m.q, z, 4, r.highest, 0), COMPACT_CONTINUE);
	/* Too few pages above the watermark and twice the block; with one more it is enough. */
	while (z->nr_free > z->wmark[QUARRY_WMARK_LOW] + 2 * 16 + 1) {
		uint32_t hint = z->arena_first;

		assert_non_null(zone_take(m.q, z, &hint, 0, QUARRY_MIGRATE_MOVABLE, 0));
	}
	assert_int_equal(compaction_suitable(m.q, z, 4, r.highest, 0), COMPACT_CONTINUE);
	{
		uint32_t hint = z->arena_first;
		struct page *last = zone_take(m.q, z, &hint, 0, QUARRY_MIGRATE_MOVABLE, 0);

		assert_int_equal(compaction_suitable(m.q, z, 4, r.highest, 0), COMPACT_SKIPPED);
		assert_int_equal(compaction_direct(m.q, &r, 0, 0, &page), COMPACT_SKIPPED);
		zone_put_one(m.q, last, 0);
	}
	assert_int_equal(owner_check(&o), 0);
	owner_fini(&o);
	machine_fini(&m);
}

/* A zone in which it failed is passed over 1, 3, 7 ... 63 times for the same order, not for smaller ones. */
static void failures_are_deferred(void **state)
{
	struct page *page = NULL;
	struct alloc_request r;
	struct page_zone *z;
	struct machine m;
	struct owner o;

	(void)state;
	chequer(&m, &o, &m32);
	z = &m.q->pages->zone[0];
	o.refuse_percent = 100;
	r = request(&m, GFP_HIGHUSER_MOVABLE, 5);
	for (unsigned int passed_over = 0; passed_over <= 63; passed_over = 2 * passed_over + 1) {
		for (unsigned int i = 0; i < passed_over; i++)
			assert_int_equal(compaction_direct(m.q, &r, 0, 1, &page), COMPACT_DEFERRED);
		/* All pageblocks were of no use the last time; the hints are reset when it starts anew. */
		assert_int_equal(compaction_direct(m.q, &r, 0, 1, &page),
				 passed_over % 63 == 0 ? COMPACT_COMPLETE : COMPACT_PARTIAL);
		assert_null(page);
	}
	assert_int_equal(z->compact_defer_shift, 6);
	/* Full priority is not deferred, nor put off by hints; and a failure of an asynchronous call tells nothing. */
	assert_int_equal(compaction_direct(m.q, &r, 0, COMPACT_PRIO_SYNC_FULL, &page),
			 COMPACT_COMPLETE);
	for (unsigned int i = 0; i < 63; i++)
		assert_true(compaction_deferred(z, 5));
	o.refuse_percent = 0;
	/* It starts anew, and serves. A larger order failed for all that is known; a smaller one did not. */
	assert_int_equal(compaction_direct(m.q, &r, 0, 1, &page), COMPACT_SUCCESS);
	assert_non_null(page);
	zone_put_one(m.q, page, 5);
	assert_int_equal(z->compact_order_failed, 6);
	assert_false(compaction_deferred(z, 5));
	compaction_defer_reset(z, 5, true);
	assert_int_equal(z->compact_defer_shift, 0);
	assert_int_equal(z->compact_considered, 0);
	check(&m, &o);
	owner_fini(&o);
	machine_fini(&m);
}

/* Asynchronous calls pass over other types' pageblocks, and give up at a lock that is held. */
static void asynchronous_calls_give_up(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 32 * MACHINE_MIB, 0}},
		.ram_bytes = 32 << 20,
		.concurrent = true,
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};
	struct page *page = NULL;
	struct page_arena *a;
	struct alloc_request r;
	struct machine m;
	struct owner o;

	(void)state;
	chequer(&m, &o, &spec);
	a = &m.q->pages->arena[0];
	r = request(&m, GFP_HIGHUSER_MOVABLE, 3);
	a->lock.held = 1;
	assert_int_equal(compaction_direct(m.q, &r, 0, COMPACT_PRIO_ASYNC, &page),
			 COMPACT_CONTENDED);
	a->lock.held = 0;
	assert_null(page);
	assert_int_equal(o.migrated, 0);
	for (unsigned int i = 0; i < a->nr_pb; i++) {
		assert_int_equal(a->pb[i].skip, 0);
		arena_set_type(m.q, a, i,
			       i == 5 ? QUARRY_MIGRATE_MOVABLE : QUARRY_MIGRATE_UNMOVABLE);
	}
	/* Of the others none is emptied; and what comes out of the one stays in it. */
	assert_int_equal(compaction_direct(m.q, &r, 0, COMPACT_PRIO_ASYNC, &page), COMPACT_SUCCESS);
	assert_non_null(page);
	assert_int_equal(quarry_page_to_pfn(m.q, page) / 512, 5);
	zone_put_one(m.q, page, 3);
	assert_int_equal(a->pb[5].nr_free, 256);
	r = request(&m, GFP_HIGHUSER_MOVABLE, 9);
	assert_int_equal(compaction_direct(m.q, &r, 0, COMPACT_PRIO_ASYNC, &page),
			 COMPACT_COMPLETE);
	check(&m, &o);
	/* With full priority any pageblock takes in, and is emptied. */
	assert_int_equal(compaction_direct(m.q, &r, 0, COMPACT_PRIO_SYNC_FULL, &page),
			 COMPACT_SUCCESS);
	zone_put_one(m.q, page, 9);
	check(&m, &o);
	owner_fini(&o);
	machine_fini(&m);
}

/* A hint keeps a pageblock out until it is reset; asking for the whole node does not heed it. */
static void hints_are_heeded(void **state)
{
	struct page *page = NULL;
	struct page_arena *a;
	struct alloc_request r;
	struct machine m;
	struct owner o;

	(void)state;
	chequer(&m, &o, &m32);
	a = &m.q->pages->arena[0];
	r = request(&m, GFP_HIGHUSER_MOVABLE, 9);
	for (unsigned int i = 0; i < a->nr_pb; i++)
		a->pb[i].skip = i != 3;
	assert_int_equal(compaction_direct(m.q, &r, 0, 1, &page), COMPACT_SUCCESS);
	assert_int_equal(quarry_page_to_pfn(m.q, page) / 512, 3);
	zone_put_one(m.q, page, 9);
	assert_int_equal(quarry_compact_node(m.q, 0), 0);
	assert_int_equal(whole_pageblocks(&m), 8);
	check(&m, &o);
	owner_fini(&o);
	machine_fini(&m);
}

/* Above the mark, twice the block must be free, and one page more: of small blocks the min mark, else the low one. */
static void suitable_with_just_enough(void **state)
{
	struct page_zone *z;
	struct machine m;
	struct owner o;

	(void)state;
	chequer(&m, &o, &m32);
	z = &m.q->pages->zone[0];
	assert_int_equal(quarry_sysctl_set(m.q, "extfrag_threshold", "0"), 0);
	for (unsigned int order = QUARRY_MAX_ORDER; order > 0; order--) {
		enum quarry_watermark mark = order > 3 ? QUARRY_WMARK_LOW : QUARRY_WMARK_MIN;
		unsigned long least = z->wmark[mark] + (2ul << order) + 1;

		while (z->nr_free >= least) {
			uint32_t hint = z->arena_first;

			assert_int_equal(compaction_suitable(m.q, z, order, QUARRY_ZONE_NORMAL, 0),
					 COMPACT_CONTINUE);
			assert_non_null(zone_take(m.q, z, &hint, 0, QUARRY_MIGRATE_MOVABLE, 0));
		}
		assert_int_equal(z->nr_free, least - 1);
		assert_int_equal(compaction_suitable(m.q, z, order, QUARRY_ZONE_NORMAL, 0),
				 COMPACT_SKIPPED);
	}
	owner_fini(&o);
	machine_fini(&m);
}

/* All pages in use: those of the lower half, but for page @first of each word, can be moved; of the upper one half is free. */
static void comb(struct machine *m, struct owner *o, unsigned int first)
{
	size_t n;

	machine_build(m, &m32);
	owner_init(o, m, PAGES(32), PAGES(32), false);
	n = fill(o, 0);
	for (size_t i = 0; i < n; i++) {
		pfn_t pfn = quarry_page_to_pfn(m->q, o->block[i].page);

		if (pfn < PAGES(16) ? pfn % 64 == first : pfn % 2 == 0)
			owner_free(o, i);
		else if (pfn >= PAGES(16))
			assert_int_equal(quarry_set_page_mover(m->q, o->block[i].page, 0), 0);
	}
	quarry_drain_all_pages(m->q);
}

/* Moves that fail: whatever was free of each word is free again. */
static void failures_give_all_back(void **state)
{
	(void)state;
	for (unsigned int order = 6; order <= QUARRY_PAGEBLOCK_ORDER; order++) {
		for (unsigned int first = 0; first < 64; first += 21) {
			struct alloc_request r;
			struct page *page = NULL;
			unsigned long free;
			struct machine m;
			struct owner o;

			comb(&m, &o, first);
			free = machine_free_pages(&m);
			o.fail_percent = 100;
			r = request(&m, GFP_HIGHUSER_MOVABLE, order);
			assert_int_not_equal(compaction_direct(m.q, &r, 0, 0, &page),
					     COMPACT_SUCCESS);
			assert_true(o.failed != 0);
			quarry_drain_all_pages(m.q);
			assert_int_equal(machine_free_pages(&m), free);
			machine_check(&m);
			assert_int_equal(o.wrong, 0);
			owner_fini(&o);
			machine_fini(&m);
		}
	}
}

/* What is whole stays whole: a CMA area with nothing in it takes in nothing while a pageblock is emptied. */
static void whole_pageblocks_are_no_targets(void **state)
{
	struct quarry_cma_spec area = {.size = 6 * MACHINE_MIB, .nid = QUARRY_NO_NODE};
	struct quarry_cma *cma;
	struct quarry_cma_info info;
	struct alloc_request r;
	struct page *page = NULL;
	struct machine m;
	struct owner o;
	size_t n = 0;

	(void)state;
	machine_init(&m, &m32);
	assert_int_equal(quarry_cma_declare_contiguous(m.q, &area, &cma), 0);
	assert_int_equal(quarry_boot(m.q, &m32.boot), 0);
	owner_init(&o, &m, PAGES(32), PAGES(32), false);
	quarry_cma_info(m.q, cma, &info);
	while (n < PAGES(32) && owner_alloc(&o, n, GFP_KERNEL | __GFP_MEMALLOC, 0))
		n++;
	for (size_t i = 0; i < n; i++) {
		pfn_t pfn = quarry_page_to_pfn(m.q, o.block[i].page);

		assert_true(pfn < info.base_pfn || pfn >= info.base_pfn + info.count);
		if (pfn / QUARRY_PAGEBLOCK_PAGES == 5 && pfn % 2 == 0)
			owner_free(&o, i);
	}
	quarry_drain_all_pages(m.q);
	r = request(&m, GFP_KERNEL, QUARRY_PAGEBLOCK_ORDER);
	assert_int_equal(compaction_suitable(m.q, &m.q->pages->zone[0], r.order, r.highest, 0),
			 COMPACT_CONTINUE);
	assert_int_not_equal(compaction_direct(m.q, &r, 0, 0, &page), COMPACT_SUCCESS);
	assert_int_equal(o.migrated, 0);
	check(&m, &o);
	owner_fini(&o);
	machine_fini(&m);
}

/* Of two that are equally full the lower one is filled. */
static void of_equals_the_lower_is_filled(void **state)
{
	unsigned int free[16];
	struct machine m;
	struct owner o;
	size_t n;

	(void)state;
	machine_build(&m, &m32);
	owner_init(&o, &m, PAGES(32), PAGES(32), false);
	n = fill(&o, 0);
	for (size_t i = 0; i < n; i++) {
		pfn_t pfn = quarry_page_to_pfn(m.q, o.block[i].page);

		if ((pfn / QUARRY_PAGEBLOCK_PAGES == 3 || pfn / QUARRY_PAGEBLOCK_PAGES == 9) &&
		    pfn % 2 == 0)
			owner_free(&o, i);
	}
	quarry_compact_memory(m.q);
	assert_int_equal(free_of_pageblocks(&m, PAGES(32), free), 16);
	assert_int_equal(free[3], 0);
	assert_int_equal(free[9], QUARRY_PAGEBLOCK_PAGES);
	check(&m, &o);
	owner_fini(&o);
	machine_fini(&m);
}

/* Packing, of two that are equally full only the lower is a target: the higher is not, even if it cannot be emptied. */
static void of_equals_the_higher_is_no_target(void **state)
{
	static const struct {
		pfn_t stays; /* pageblock that cannot be emptied */
		unsigned int free[2], moves;
	} row[] = {{3, {0, QUARRY_PAGEBLOCK_PAGES}, 256}, {9, {256, 256}, 0}};
	unsigned int free[16];

	(void)state;
	for (unsigned int k = 0; k < 2; k++) {
		struct machine m;
		struct owner o;
		size_t n;

		machine_build(&m, &m32);
		owner_init(&o, &m, PAGES(32), PAGES(32), false);
		n = fill(&o, 0);
		for (size_t i = 0; i < n; i++) {
			pfn_t pfn = quarry_page_to_pfn(m.q, o.block[i].page);
			pfn_t pb = pfn / QUARRY_PAGEBLOCK_PAGES;

			if ((pb == 3 || pb == 9) && pfn % 2 == 0)
				owner_free(&o, i);
			else if (pb == row[k].stays)
				assert_int_equal(quarry_set_page_mover(m.q, o.block[i].page, 0), 0);
		}
		quarry_compact_memory(m.q);
		assert_int_equal(free_of_pageblocks(&m, PAGES(32), free), 16);
		assert_int_equal(free[3], row[k].free[0]);
		assert_int_equal(free[9], row[k].free[1]);
		assert_int_equal(o.migrated, row[k].moves);
		machine_check(&m);
		owner_fini(&o);
		machine_fini(&m);
	}
}

/* ---- kcompactd ---- */

/* A block of each order, for who could not wait for it. */
static void kcompactd_makes_each_order(void **state)
{
	(void)state;
	for (unsigned int order = 1; order <= QUARRY_MAX_ORDER; order++) {
		struct machine m;
		struct owner o;

		chequer(&m, &o, &m32);
		compaction_wake(m.q, 0, order, QUARRY_ZONE_NORMAL);
		assert_int_equal(quarry_kcompactd_run(m.q, 0), 1);
		assert_int_equal(zone_largest_order(&m.q->pages->zone[0]), order);
		check(&m, &o);
		owner_fini(&o);
		machine_fini(&m);
	}
}

static void kcompactd_serves_and_keeps_the_score(void **state)
{
	struct page_zone *z;
	struct machine m;
	struct owner o;

	(void)state;
	chequer(&m, &o, &m32);
	z = &m.q->pages->zone[0];
	assert_int_equal(quarry_kcompactd_run(m.q, 1), 0);
	assert_int_equal(quarry_sysctl_set(m.q, "compaction_proactiveness", "101"), -QUARRY_EINVAL);
	assert_int_equal(quarry_sysctl_set(m.q, "compaction_proactiveness", "0"), 0);
	assert_int_equal(quarry_kcompactd_run(m.q, 0),
			 0); /* nobody asked, and it shall not by itself */
	compaction_wake(m.q, 0, 0, QUARRY_ZONE_NORMAL);
	assert_int_equal(quarry_kcompactd_run(m.q, 0), 0);
	/* Asked for two orders, the larger is made. */
	compaction_wake(m.q, 0, 7, QUARRY_ZONE_NORMAL);
	compaction_wake(m.q, 0, 3, QUARRY_ZONE_DMA);
	assert_int_equal(quarry_kcompactd_run(m.q, 0), 1);
	assert_int_equal(zone_largest_order(z), 7);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_COMPACT_DAEMON_WAKE), 1);
	assert_true(quarry_vm_event(m.q, QUARRY_VM_COMPACT_DAEMON_MIGRATE) != 0);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_COMPACT_DAEMON_FREE), o.migrated);
	assert_int_equal(quarry_kcompactd_run(m.q, 0), 0); /* served */
	check(&m, &o);
	/* By the score: from 99 (nothing is whole; present / (present + 1)) down to the mark. */
	assert_int_equal(quarry_fragmentation_score(m.q, 0), 99);
	assert_int_equal(quarry_fragmentation_score(m.q, 1), 0);
	assert_int_equal(quarry_sysctl_set(m.q, "compaction_proactiveness", "50"), 0);
	assert_int_equal(quarry_kcompactd_run(m.q, 0), 4); /* of 8: half is whole */
	assert_true(quarry_fragmentation_score(m.q, 0) <= 50);
	assert_int_equal(quarry_kcompactd_run(m.q, 0), 0); /* below 60 */
	assert_int_equal(quarry_sysctl_set(m.q, "compaction_proactiveness", "100"), 0);
	assert_int_equal(quarry_kcompactd_run(m.q, 0), 4);
	assert_int_equal(quarry_fragmentation_score(m.q, 0), 0);
	check(&m, &o);
	owner_fini(&o);
	machine_fini(&m);
}

static void kcompactd_defers(void **state)
{
	struct machine m;
	struct owner o;

	(void)state;
	chequer(&m, &o, &m32);
	o.refuse_percent = 100;
	quarry_sysctl_set(m.q, "compaction_proactiveness", "0");
	for (unsigned int i = 0; i < 2; i++) {
		compaction_wake(m.q, 0, 6, QUARRY_ZONE_NORMAL);
		assert_int_equal(quarry_kcompactd_run(m.q, 0), 0);
	}
	o.refuse_percent = 0;
	compaction_wake(m.q, 0, 6, QUARRY_ZONE_NORMAL); /* failed once; the next was passed over */
	assert_int_equal(quarry_kcompactd_run(m.q, 0), 1);
	check(&m, &o);
	owner_fini(&o);
	machine_fini(&m);
}

/* ---- the state that random replacement leaves (notes: test of fragmentation) ---- */

static void after_random_replacement(void **state)
{
	unsigned long room, moves;
	unsigned int free[16];
	uint64_t seed = 11;
	struct machine m;
	struct owner o;
	size_t n;

	(void)state;
	for (unsigned int order = 0; order <= 3; order += 3) {
		machine_build(&m, &m32);
		owner_init(&o, &m, PAGES(32), PAGES(32), true);
		n = fill(&o, order);
		free_some(&o, n, 50, 5);
		for (unsigned int round = 0; round < 100; round++) {
			size_t freed = 0;

			for (size_t i = 0; i < n; i++) {
				if (o.block[i].page != NULL && machine_random(&seed) % 10 == 0) {
					owner_free(&o, i);
					freed++;
				}
			}
			for (size_t i = 0; freed > 0; i++) {
				size_t slot = (size_t)machine_random(&seed) % n;

				if (o.block[slot].page == NULL) {
					assert_true(owner_alloc(&o, slot, ALL, order));
					freed--;
				}
			}
		}
		room = 0;
		for (size_t i = 0, k = free_of_pageblocks(&m, PAGES(32), free); i < k; i++)
			room += free[i];
		moves = fewest_moves(free, 16);
		quarry_compact_memory(m.q);
		check(&m, &o);
		assert_int_equal(whole_pageblocks(&m), room / 512);
		assert_true(o.migrated <= moves);
		owner_fini(&o);
		machine_fini(&m);
	}
}

/* P18: a block of a costly order is not made where the index says that memory is short: up to the threshold. */
static void the_threshold_is_met_exactly(void **state)
{
	struct machine_spec spec = {.memory = {{16 * MACHINE_MIB, 48 * MACHINE_MIB, 0}}};
	const struct page_zone *z;
	struct page *page, *held[32 * 256];
	unsigned int n = 0, order = 4;
	struct machine m;
	int index;

	(void)state;
	machine_build(&m, &spec);
	z = &m.q->pages->zone[0];
	while ((page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_MEMALLOC, 0)) != NULL)
		held[n++] = page;
	for (unsigned int i = 0; i < n; i++) {
		if (quarry_page_to_pfn(m.q, held[i]) % 2 == 0)
			quarry_free_pages(m.q, held[i], 0);
	}
	quarry_drain_all_pages(m.q);
	index = quarry_fragmentation_index(m.q, 0, (enum quarry_zone_type)z->type, order);
	assert_true(index > 500 && index < 1000);
	for (int more = -1; more <= 1; more++) {
		m.q->pages->extfrag_threshold = (unsigned int)(index + more);
		assert_int_equal(compaction_suitable(m.q, z, order, z->type, 0),
				 more < 0 ? COMPACT_CONTINUE : COMPACT_NOT_SUITABLE);
		/* Others are not asked for it. */
		assert_int_equal(compaction_suitable(m.q, z, 3, z->type, 0), COMPACT_CONTINUE);
	}
	for (unsigned int i = 0; i < n; i++) {
		if (quarry_page_to_pfn(m.q, held[i]) % 2 != 0)
			quarry_free_pages(m.q, held[i], 0);
	}
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_threshold_is_met_exactly),
		cmocka_unit_test(movers_are_registered),
		cmocka_unit_test(packs_with_the_fewest_moves),
		cmocka_unit_test(packs_blocks_of_all_orders),
		cmocka_unit_test(packs_over_arenas),
		cmocka_unit_test(unmovable_pages_stay),
		cmocka_unit_test(freed_while_isolated),
		cmocka_unit_test(references_move_along),
		cmocka_unit_test(contents_and_owners_are_kept),
		cmocka_unit_test(makes_a_block_of_each_order),
		cmocka_unit_test(a_block_of_two_pageblocks),
		cmocka_unit_test(capture_keeps_pageblocks_clean),
		cmocka_unit_test(whether_it_is_suitable),
		cmocka_unit_test(failures_are_deferred),
		cmocka_unit_test(asynchronous_calls_give_up),
		cmocka_unit_test(hints_are_heeded),
		cmocka_unit_test(kcompactd_serves_and_keeps_the_score),
		cmocka_unit_test(whole_pageblocks_are_no_targets),
		cmocka_unit_test(of_equals_the_lower_is_filled),
		cmocka_unit_test(of_equals_the_higher_is_no_target),
		cmocka_unit_test(kcompactd_makes_each_order),
		cmocka_unit_test(suitable_with_just_enough),
		cmocka_unit_test(failures_give_all_back),
		cmocka_unit_test(kcompactd_defers),
		cmocka_unit_test(after_random_replacement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
