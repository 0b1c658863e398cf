/* SPDX-License-Identifier: MIT */
/*
 * Memory and CPUs that come and go (2b: page isolation + hotplug online/offline, zone grow/shrink, memory
 * blocks; P17: drains of a dead CPU). Validators run after each step.
 */
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
#define GIB MACHINE_GIB
#define BLOCK QUARRY_MEMORY_BLOCK_BYTES
#define BLOCK_PAGES ((unsigned long)QUARRY_MEMORY_BLOCK_PAGES)

/* 1 GiB below 4 GiB; two nodes may be; room for memory up to 8 GiB. */
static const struct machine_spec one_gib = {
	.memory = {{1 * MIB, GIB, 0}},
	.boot = {.nr_cpus = 2, .nr_nodes = 2, .max_hotplug_phys = 8 * GIB},
};

static pfn_t pfn_of(phys_addr_t phys)
{
	return phys >> QUARRY_PAGE_SHIFT;
}

static struct quarry_zone_info zone_of(struct machine *m, int nid, enum quarry_zone_type zone)
{
	struct quarry_zone_info info;

	quarry_zone_info(m->q, nid, zone, &info);
	return info;
}

static int online(struct machine *m, phys_addr_t start, phys_addr_t size,
		  enum quarry_online_type how)
{
	return quarry_online_pages(m->q, pfn_of(start), (unsigned long)pfn_of(size), how);
}

static int offline(struct machine *m, phys_addr_t start, phys_addr_t size)
{
	return quarry_offline_pages(m->q, pfn_of(start), (unsigned long)pfn_of(size));
}

/* All that can be seen of a machine, to find that a failed call changed nothing. */
struct snapshot {
	struct quarry_totals totals;
	struct quarry_zone_info zone[2][QUARRY_NR_ZONES];
	struct quarry_zoneref list[2][2 * QUARRY_NR_ZONES];
	unsigned int nr_list[2];
	enum quarry_block_state block[64];
	unsigned long tables_out;
	phys_addr_t memory_bytes;
};

static void take_snapshot(struct machine *m, struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	quarry_drain_all_pages(m->q);
	quarry_totals(m->q, &s->totals);
	for (int nid = 0; nid < 2; nid++) {
		for (int z = 0; z < QUARRY_NR_ZONES; z++)
			quarry_zone_info(m->q, nid, (enum quarry_zone_type)z, &s->zone[nid][z]);
		s->nr_list[nid] =
			quarry_zonelist(m->q, nid, false, s->list[nid], 2 * QUARRY_NR_ZONES);
	}
	for (pfn_t b = 0; b < 64; b++)
		s->block[b] = quarry_memory_block_state(m->q, b * BLOCK_PAGES);
	s->tables_out = m->tables_out;
	s->memory_bytes = quarry_memblock_phys_mem_size(m->q);
}

static void assert_same(struct machine *m, const struct snapshot *before)
{
	struct snapshot now;

	take_snapshot(m, &now);
	assert_memory_equal(&now, before, sizeof(now));
	machine_check(m);
}

/* ---- adding and removing ---- */

/* 2b, memory blocks: absent, offline, online, and back; zone Normal is made, grows, shrinks, goes. */
static void test_block_comes_and_goes(void **state)
{
	struct snapshot before, offline_again;
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &one_gib);
	take_snapshot(&m, &before);
	assert_int_equal(quarry_memory_block_state(m.q, pfn_of(4 * GIB)), QUARRY_BLOCK_ABSENT);
	assert_int_equal(quarry_add_memory(m.q, 0, 4 * GIB, 2 * BLOCK), 0);
	assert_int_equal(quarry_memory_block_state(m.q, pfn_of(4 * GIB)), QUARRY_BLOCK_OFFLINE);
	assert_int_equal(quarry_pfn_state(m.q, pfn_of(4 * GIB), NULL), QUARRY_PAGE_OFFLINE);
	assert_null(quarry_pfn_to_page(m.q, pfn_of(4 * GIB)));
	machine_check(&m);
	assert_int_equal(online(&m, 4 * GIB, BLOCK, QUARRY_ONLINE_DEFAULT), 0);
	machine_check(&m);
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_NORMAL).present, BLOCK_PAGES);
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_NORMAL).free, BLOCK_PAGES);
	assert_int_equal(online(&m, 4 * GIB + BLOCK, BLOCK, QUARRY_ONLINE_DEFAULT), 0);
	machine_check(&m);
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_NORMAL).managed, 2 * BLOCK_PAGES);
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_NORMAL).spanned, 2 * BLOCK_PAGES);
	/* It is the first zone of the list now. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 3);
	assert_true(quarry_page_to_pfn(m.q, page) >= pfn_of(4 * GIB));
	assert_ptr_equal(quarry_pfn_to_page(m.q, quarry_page_to_pfn(m.q, page)), page);
	quarry_free_pages(m.q, page, 3);
	machine_check(&m);
	assert_int_equal(offline(&m, 4 * GIB, BLOCK), 0);
	machine_check(&m);
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_NORMAL).start_pfn, pfn_of(4 * GIB + BLOCK));
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_NORMAL).spanned, BLOCK_PAGES);
	assert_int_equal(quarry_pfn_state(m.q, pfn_of(4 * GIB), NULL), QUARRY_PAGE_OFFLINE);
	assert_null(quarry_describe_pfn(m.q, pfn_of(4 * GIB)));
	assert_int_equal(offline(&m, 4 * GIB + BLOCK, BLOCK), 0);
	machine_check(&m);
	assert_null(quarry_describe_pfn(m.q, pfn_of(4 * GIB)));
	assert_null(quarry_describe_pfn(m.q, pfn_of(4 * GIB + BLOCK)));
	take_snapshot(&m, &offline_again);
	assert_memory_equal(offline_again.zone, before.zone, sizeof(before.zone));
	assert_memory_equal(offline_again.list, before.list, sizeof(before.list));
	assert_int_equal(quarry_remove_memory(m.q, 4 * GIB, 2 * BLOCK), 0);
	assert_int_equal(quarry_memory_block_state(m.q, pfn_of(4 * GIB)), QUARRY_BLOCK_ABSENT);
	assert_int_equal(quarry_memblock_phys_mem_size(m.q), before.memory_bytes);
	/* It may come again, as something else. */
	assert_int_equal(quarry_add_memory(m.q, 1, 4 * GIB, BLOCK), 0);
	assert_int_equal(online(&m, 4 * GIB, BLOCK, QUARRY_ONLINE_MOVABLE), 0);
	machine_check(&m);
	assert_int_equal(zone_of(&m, 1, QUARRY_ZONE_MOVABLE).managed, BLOCK_PAGES);
	assert_true(quarry_node_present(m.q, 1));
	assert_int_equal(offline(&m, 4 * GIB, BLOCK), 0);
	assert_false(quarry_node_present(m.q, 1));
	machine_fini(&m);
}

/* Only nodes that were possible at boot get memory. */
static void test_possible_nodes(void **state)
{
	struct machine_spec spec = one_gib;
	struct machine m;

	(void)state;
	spec.boot.nr_nodes = 3;
	spec.boot.possible_nodes = 1u << 2 | 1u << 4;
	machine_build(&m, &spec);
	for (int nid = -1; nid <= 5; nid++) {
		bool possible = nid == 0 || nid == 2 || nid == 4;

		assert_int_equal(quarry_node_possible(m.q, nid), possible);
		assert_int_equal(quarry_add_memory(m.q, nid, 4 * GIB, BLOCK),
				 possible ? 0 : -QUARRY_EINVAL);
		if (possible)
			assert_int_equal(quarry_remove_memory(m.q, 4 * GIB, BLOCK), 0);
	}
	machine_check(&m);
	machine_fini(&m);
}

/* Each documented error of adding and removing; nothing changes. */
static void test_add_errors(void **state)
{
	struct machine_spec no_room = one_gib;
	struct snapshot before;
	struct machine m;

	(void)state;
	machine_build(&m, &one_gib);
	take_snapshot(&m, &before);
	assert_int_equal(quarry_add_memory(m.q, 0, 4 * GIB + MIB, BLOCK), -QUARRY_EINVAL);
	assert_int_equal(quarry_add_memory(m.q, 0, 4 * GIB, BLOCK + 4096), -QUARRY_EINVAL);
	assert_int_equal(quarry_add_memory(m.q, 0, 4 * GIB, 0), -QUARRY_EINVAL);
	assert_int_equal(quarry_add_memory(m.q, 2, 4 * GIB, BLOCK), -QUARRY_EINVAL);
	assert_int_equal(quarry_add_memory(m.q, -1, 4 * GIB, BLOCK), -QUARRY_EINVAL);
	assert_int_equal(quarry_add_memory(m.q, 0, ~(phys_addr_t)0 - BLOCK + 1, 2 * BLOCK),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_add_memory(m.q, 0, 8 * GIB, BLOCK), -QUARRY_E2BIG);
	assert_int_equal(quarry_add_memory(m.q, 0, 8 * GIB - BLOCK, 2 * BLOCK), -QUARRY_E2BIG);
	assert_int_equal(quarry_add_memory(m.q, 0, 0, BLOCK), -QUARRY_EEXIST);
	assert_int_equal(quarry_add_memory(m.q, 0, GIB - BLOCK, 2 * BLOCK), -QUARRY_EEXIST);
	assert_int_equal(quarry_remove_memory(m.q, 4 * GIB, BLOCK), -QUARRY_EINVAL);
	assert_int_equal(quarry_remove_memory(m.q, 4 * GIB, 4096), -QUARRY_EINVAL);
	assert_int_equal(quarry_remove_memory(m.q, 4 * GIB, BLOCK + 1), -QUARRY_EINVAL);
	assert_int_equal(quarry_remove_memory(m.q, BLOCK, BLOCK), -QUARRY_EBUSY);
	assert_same(&m, &before);
	assert_int_equal(quarry_add_memory(m.q, 0, 4 * GIB, 2 * BLOCK), 0);
	take_snapshot(&m, &before);
	assert_int_equal(quarry_add_memory(m.q, 0, 4 * GIB + BLOCK, 2 * BLOCK), -QUARRY_EEXIST);
	assert_same(&m, &before);
	machine_fini(&m);
	no_room.boot.max_hotplug_phys = 0;
	machine_build(&m, &no_room);
	assert_int_equal(quarry_add_memory(m.q, 0, 4 * GIB, BLOCK), -QUARRY_E2BIG);
	/* What boot had may leave and come back, but not to another zone. */
	assert_int_equal(offline(&m, 2 * BLOCK, BLOCK), 0);
	take_snapshot(&m, &before);
	assert_int_equal(online(&m, 2 * BLOCK, BLOCK, QUARRY_ONLINE_MOVABLE), -QUARRY_E2BIG);
	assert_same(&m, &before);
	assert_int_equal(online(&m, 2 * BLOCK, BLOCK, QUARRY_ONLINE_DEFAULT), 0);
	machine_check(&m);
	machine_fini(&m);
}

/* Each documented error of going on- and offline; nothing changes. */
static void test_online_errors(void **state)
{
	struct machine_spec holes = one_gib;
	struct snapshot before;
	struct machine m;
	struct page *page;
	pfn_t pfn;

	(void)state;
	holes.memory[0].end = 512 * MIB;
	holes.memory[1] = (struct machine_range){516 * MIB, GIB, 0};
	machine_build(&m, &holes);
	assert_int_equal(quarry_add_memory(m.q, 0, 4 * GIB, BLOCK), 0);
	assert_int_equal(quarry_add_memory(m.q, 1, 4 * GIB + BLOCK, BLOCK), 0);
	while (quarry_page_to_pfn(m.q, page = quarry_alloc_pages(m.q, GFP_KERNEL, 10)) <
	       BLOCK_PAGES)
		;
	pfn = quarry_page_to_pfn(m.q, page) & ~(BLOCK_PAGES - 1);
	take_snapshot(&m, &before);
	assert_int_equal(online(&m, 4 * GIB + 4096, BLOCK, QUARRY_ONLINE_DEFAULT), -QUARRY_EINVAL);
	assert_int_equal(online(&m, 4 * GIB, 0, QUARRY_ONLINE_DEFAULT), -QUARRY_EINVAL);
	assert_int_equal(online(&m, 4 * GIB, 4096, QUARRY_ONLINE_DEFAULT), -QUARRY_EINVAL);
	assert_int_equal(online(&m, 4 * GIB, 2 * BLOCK, QUARRY_ONLINE_DEFAULT), -QUARRY_EINVAL);
	assert_int_equal(online(&m, BLOCK, BLOCK, QUARRY_ONLINE_DEFAULT), -QUARRY_EINVAL);
	assert_int_equal(online(&m, 5 * GIB, BLOCK, QUARRY_ONLINE_DEFAULT), -QUARRY_EINVAL);
	assert_int_equal(online(&m, 8 * GIB, BLOCK, QUARRY_ONLINE_DEFAULT), -QUARRY_EINVAL);
	assert_int_equal(online(&m, 4 * GIB, BLOCK, (enum quarry_online_type)3), -QUARRY_EINVAL);
	assert_int_equal(offline(&m, 4 * GIB, BLOCK), -QUARRY_EINVAL);
	assert_int_equal(offline(&m, 4096, BLOCK), -QUARRY_EINVAL);
	assert_int_equal(offline(&m, 0, BLOCK), -QUARRY_EINVAL);         /* DMA and DMA32 */
	assert_int_equal(offline(&m, 512 * MIB, BLOCK), -QUARRY_EINVAL); /* a hole */
	assert_int_equal(quarry_offline_pages(m.q, pfn, BLOCK_PAGES), -QUARRY_EBUSY);
	assert_same(&m, &before);
	quarry_free_pages(m.q, page, 10);
	assert_int_equal(quarry_offline_pages(m.q, pfn, BLOCK_PAGES), 0);
	machine_check(&m);
	machine_fini(&m);
}

/* How many tables going online needs; with fewer it is refused, and the machine is as it was. */
static long online_refused(struct machine *m, phys_addr_t start, phys_addr_t size,
			   enum quarry_online_type how)
{
	struct snapshot before;
	long n;

	take_snapshot(m, &before);
	for (n = 0;; n++) {
		int err;

		m->budget = n;
		err = online(m, start, size, how);
		m->budget = -1;
		if (err == 0)
			return n;
		assert_int_equal(err, -QUARRY_ENOMEM);
		assert_same(m, &before);
		machine_check(m);
	}
}

/* Every Nth table that is refused: adding and going online leave the machine as it was. */
static void test_tables_refused(void **state)
{
	struct machine_spec spec = one_gib;
	struct snapshot before;
	struct machine m;
	long n;
	int err;

	(void)state;
	spec.port = MACHINE_COUNTED;
	spec.budget = -1;
	machine_build(&m, &spec);
	take_snapshot(&m, &before);
	for (n = 0;; n++) {
		m.budget = n;
		err = quarry_add_memory(m.q, 1, 4 * GIB, 3 * BLOCK);
		m.budget = -1;
		if (err == 0)
			break;
		assert_int_equal(err, -QUARRY_ENOMEM);
		assert_same(&m, &before);
	}
	assert_int_equal(n, 3);
	assert_int_equal(online_refused(&m, 4 * GIB, 3 * BLOCK, QUARRY_ONLINE_KERNEL), 2);
	machine_check(&m);
	/* A block of boot that changes its zone needs tables of its own. */
	assert_int_equal(offline(&m, 2 * BLOCK, 2 * BLOCK), 0);
	assert_int_equal(online_refused(&m, 2 * BLOCK, 2 * BLOCK, QUARRY_ONLINE_MOVABLE), 4);
	machine_check(&m);
	/* The next ones find that zone, with lists: but for their own tables nothing is made, or thrown away. */
	assert_int_equal(offline(&m, 5 * BLOCK, 2 * BLOCK), 0);
	assert_int_equal(online_refused(&m, 5 * BLOCK, 2 * BLOCK, QUARRY_ONLINE_MOVABLE), 2);
	machine_check(&m);
	machine_fini(&m);
}

/* Which zone a block goes to: Linux's rules, all of them. */
static void test_zone_rules(void **state)
{
	struct machine_spec spec = one_gib;
	struct machine m;

	(void)state;
	for (int movable_node = 0; movable_node < 2; movable_node++) {
		enum quarry_zone_type neither =
			movable_node ? QUARRY_ZONE_MOVABLE : QUARRY_ZONE_NORMAL;

		spec.boot.movable_node = movable_node;
		machine_build(&m, &spec);
		/* inside DMA32's span it goes back there; kernel likewise */
		assert_int_equal(offline(&m, 2 * BLOCK, BLOCK), 0);
		assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_DMA32).spanned, pfn_of(GIB) - 4096);
		assert_int_equal(online(&m, 2 * BLOCK, BLOCK, QUARRY_ONLINE_DEFAULT), 0);
		assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_DMA32).present, pfn_of(GIB) - 4096);
		assert_int_equal(offline(&m, 2 * BLOCK, BLOCK), 0);
		assert_int_equal(online(&m, 2 * BLOCK, BLOCK, QUARRY_ONLINE_KERNEL), 0);
		assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_DMA32).present, pfn_of(GIB) - 4096);
		/* below 4 GiB, but in nobody's span: as above it */
		assert_int_equal(quarry_add_memory(m.q, 0, 2 * GIB, 6 * BLOCK), 0);
		assert_int_equal(online(&m, 2 * GIB, BLOCK, QUARRY_ONLINE_DEFAULT), 0);
		assert_int_equal(zone_of(&m, 0, neither).present, BLOCK_PAGES);
		/* the other one, as told; its span then holds a block between */
		assert_int_equal(
			online(&m, 2 * GIB + 2 * BLOCK, BLOCK,
			       movable_node ? QUARRY_ONLINE_KERNEL : QUARRY_ONLINE_MOVABLE),
			0);
		assert_int_equal(
			online(&m, 2 * GIB + 4 * BLOCK, BLOCK,
			       movable_node ? QUARRY_ONLINE_KERNEL : QUARRY_ONLINE_MOVABLE),
			0);
		assert_int_equal(online(&m, 2 * GIB + 3 * BLOCK, BLOCK, QUARRY_ONLINE_DEFAULT), 0);
		assert_int_equal(
			zone_of(&m, 0, movable_node ? QUARRY_ZONE_NORMAL : QUARRY_ZONE_MOVABLE)
				.present,
			3 * BLOCK_PAGES);
		machine_check(&m);
		/* spans may overlap: in both, it is as in neither */
		assert_int_equal(
			online(&m, 2 * GIB + 5 * BLOCK, BLOCK,
			       movable_node ? QUARRY_ONLINE_MOVABLE : QUARRY_ONLINE_KERNEL),
			0);
		assert_int_equal(online(&m, 2 * GIB + BLOCK, BLOCK, QUARRY_ONLINE_DEFAULT), 0);
		assert_int_equal(zone_of(&m, 0, neither).present, 3 * BLOCK_PAGES);
		machine_check(&m);
		machine_fini(&m);
	}
}

/* Pages in use: what can be moved is, with all it holds; what cannot keeps the block. P9's owners. */
static void test_offline_moves(void **state)
{
	enum { SLOTS = 4000 };
	struct machine_spec spec = {.memory = {{0, GIB, 0}},
				    .ram_bytes = (size_t)GIB,
				    .boot = {.nr_cpus = 2, .movablecore = 512 * MIB}};
	struct quarry_zone_info before;
	struct machine m;
	struct owner o;
	struct page *page;
	pfn_t block = 0;

	(void)state;
	machine_build(&m, &spec);
	before = zone_of(&m, 0, QUARRY_ZONE_MOVABLE);
	owner_init(&o, &m, SLOTS, pfn_of(GIB), true);
	for (size_t i = 0; i < SLOTS; i++)
		assert_true(owner_alloc(&o, i, GFP_HIGHUSER_MOVABLE, (unsigned int)(i % 4)));
	for (size_t i = 0; i < SLOTS; i += 3)
		owner_free(&o, i);
	block = quarry_page_to_pfn(m.q, o.block[1].page) & ~(BLOCK_PAGES - 1);
	assert_true(block >= before.start_pfn);
	/* A refused move leaves all as it was. */
	o.fail_percent = 100;
	assert_int_equal(quarry_offline_pages(m.q, block, BLOCK_PAGES), -QUARRY_EBUSY);
	machine_check(&m);
	assert_int_equal(owner_check(&o), 0);
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_MOVABLE).isolated, 0);
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_MOVABLE).present, before.present);
	/* Some fail: tried again until all are gone. */
	o.fail_percent = 20;
	assert_int_equal(quarry_offline_pages(m.q, block, BLOCK_PAGES), 0);
	machine_check(&m);
	assert_int_equal(owner_check(&o), 0);
	assert_true(o.migrated > 1000);
	for (size_t i = 0; i < SLOTS; i++) {
		if (o.block[i].page == NULL)
			continue;
		assert_int_not_equal(quarry_page_to_pfn(m.q, o.block[i].page) & ~(BLOCK_PAGES - 1),
				     block);
	}
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_MOVABLE).present, before.present - BLOCK_PAGES);
	assert_int_equal(quarry_online_pages(m.q, block, BLOCK_PAGES, QUARRY_ONLINE_MOVABLE), 0);
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_MOVABLE).present, before.present);
	/* One page that nobody can move. */
	o.fail_percent = 0;
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	block = quarry_page_to_pfn(m.q, page) & ~(BLOCK_PAGES - 1);
	if (block != 0)
		assert_int_equal(quarry_offline_pages(m.q, block, BLOCK_PAGES), -QUARRY_EBUSY);
	machine_check(&m);
	owner_fini(&o);
	machine_fini(&m);
}

/* A machine that pays for its own tables: they come out of the memory that it has. */
static void test_tables_inside(void **state)
{
	struct machine_spec spec = {.memory = {{0, 512 * MIB, 0}},
				    .port = MACHINE_INSIDE,
				    .ram_bytes = (size_t)GIB,
				    .boot = {.nr_cpus = 2, .max_hotplug_phys = GIB}};
	struct machine m;
	struct page *page;
	unsigned long n = 0;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(quarry_add_memory(m.q, 0, 512 * MIB, 2 * BLOCK), 0);
	machine_check(&m);
	assert_int_equal(online(&m, 512 * MIB, 2 * BLOCK, QUARRY_ONLINE_DEFAULT), 0);
	machine_check(&m);
	while ((page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_NOWARN, 4)) != NULL) {
		memset(quarry_page_address(m.q, page), 1, QUARRY_PAGE_SIZE << 4);
		n += quarry_page_to_pfn(m.q, page) >= pfn_of(512 * MIB);
	}
	assert_true(n > 3500); /* of 4096 */
	machine_check(&m);
	machine_fini(&m);
}

/* ---- CPUs ---- */

/* P17, page_alloc_cpu_dead: sheaves of pages and objects come back, counts stay, limits grow. */
static void test_cpu_comes_and_goes(void **state)
{
	struct machine_spec spec = {.memory = {{0, GIB, 0}, {GIB, 2 * GIB, 1}},
				    .boot = {.nr_cpus = 4, .cpu_node = (const int[]){0, 0, 1, 1}}};
	struct quarry_totals before, now;
	struct quarry_zone_info z0, z1, z;
	struct machine m;
	struct page *page;
	void *object;

	(void)state;
	machine_build(&m, &spec);
	z0 = zone_of(&m, 0, QUARRY_ZONE_DMA32);
	z1 = zone_of(&m, 1, QUARRY_ZONE_DMA32);
	quarry_posix_set_cpu(3);
	for (unsigned int i = 0; i < 40; i++) {
		page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		quarry_free_pages(m.q, page, 0);
		object = quarry_kmalloc(m.q, 64, GFP_KERNEL);
		quarry_kfree(m.q, object);
	}
	quarry_posix_set_cpu(0);
	quarry_totals(m.q, &before);
	assert_true(before.pcp > 0);
	assert_int_equal(before.nr_cpus, 4);
	assert_true(quarry_cpu_is_online(m.q, 3));
	assert_int_equal(quarry_cpu_offline(m.q, 3), 0);
	assert_false(quarry_cpu_is_online(m.q, 3));
	machine_check(&m);
	assert_int_equal(quarry_check_slab(m.q, NULL), 0);
	quarry_totals(m.q, &now);
	assert_int_equal(now.nr_cpus, 3);
	assert_int_equal(now.pcp, 0);
	assert_true(now.allocs >= before.allocs && now.frees >= before.frees);
	assert_int_equal(now.managed, before.managed);
	/* Twice the share for the CPU that is left; the other node's stay. */
	z = zone_of(&m, 1, QUARRY_ZONE_DMA32);
	assert_int_equal(z.pcp_high, z.wmark[QUARRY_WMARK_LOW]);
	assert_int_equal(z1.pcp_high, z.wmark[QUARRY_WMARK_LOW] / 2);
	assert_int_equal(zone_of(&m, 0, QUARRY_ZONE_DMA32).pcp_high, z0.pcp_high);
	/* The node without a CPU: by all that are online. */
	assert_int_equal(quarry_cpu_offline(m.q, 2), 0);
	assert_int_equal(zone_of(&m, 1, QUARRY_ZONE_DMA32).pcp_high, z.wmark[QUARRY_WMARK_LOW] / 2);
	assert_int_equal(quarry_cpu_online(m.q, 2), 0);
	assert_int_equal(quarry_cpu_online(m.q, 3), 0);
	assert_int_equal(zone_of(&m, 1, QUARRY_ZONE_DMA32).pcp_high, z1.pcp_high);
	quarry_posix_set_cpu(3);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	assert_non_null(page);
	quarry_free_pages(m.q, page, 0);
	machine_check(&m);
	machine_fini(&m);
}

static void test_cpu_errors(void **state)
{
	struct machine m;

	(void)state;
	machine_build(&m, &one_gib);
	assert_int_equal(quarry_cpu_offline(m.q, 2), -QUARRY_EINVAL);
	assert_int_equal(quarry_cpu_online(m.q, 2), -QUARRY_EINVAL);
	assert_int_equal(quarry_cpu_online(m.q, 1), -QUARRY_EINVAL);
	assert_false(quarry_cpu_is_online(m.q, 2));
	assert_int_equal(quarry_cpu_offline(m.q, 1), 0);
	assert_int_equal(quarry_cpu_offline(m.q, 1), -QUARRY_EINVAL);
	assert_int_equal(quarry_cpu_offline(m.q, 0), -QUARRY_EBUSY);
	assert_true(quarry_cpu_is_online(m.q, 0));
	assert_int_equal(quarry_cpu_online(m.q, 1), 0);
	machine_check(&m);
	machine_fini(&m);
}

/* ---- one change at a time ---- */

struct nested {
	struct machine *m;
	unsigned int calls;
};

static bool nested_isolate(void *ctx, struct page *page)
{
	struct nested *n = ctx;

	(void)page;
	n->calls++;
	assert_int_equal(quarry_add_memory(n->m->q, 0, 4 * GIB, BLOCK), -QUARRY_EBUSY);
	assert_int_equal(online(n->m, 4 * GIB, BLOCK, QUARRY_ONLINE_DEFAULT), -QUARRY_EBUSY);
	assert_int_equal(offline(n->m, 2 * BLOCK, BLOCK), -QUARRY_EBUSY);
	assert_int_equal(quarry_remove_memory(n->m->q, 4 * GIB, BLOCK), -QUARRY_EBUSY);
	assert_int_equal(quarry_cpu_offline(n->m->q, 1), -QUARRY_EBUSY);
	assert_int_equal(quarry_cpu_online(n->m->q, 1), -QUARRY_EBUSY);
	return false;
}

static int nested_migrate(void *ctx, struct page *dst, struct page *src)
{
	(void)ctx;
	(void)dst;
	(void)src;
	return -QUARRY_EAGAIN;
}

static void nested_putback(void *ctx, struct page *page)
{
	(void)ctx;
	(void)page;
}

/* A mover that would change the machine meanwhile is told so, by every call. */
static void test_one_at_a_time(void **state)
{
	static const struct quarry_mover ops = {nested_isolate, nested_migrate, nested_putback};
	struct machine m;
	struct nested n = {.m = &m};
	struct page *page;
	int mover;

	(void)state;
	machine_build(&m, &one_gib);
	mover = quarry_register_mover(m.q, &ops, &n);
	assert_true(mover > 0);
	do {
		page = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 9);
	} while (quarry_page_to_pfn(m.q, page) < BLOCK_PAGES);
	assert_int_equal(quarry_set_page_mover(m.q, page, (unsigned int)mover), 0);
	assert_int_equal(quarry_offline_pages(m.q,
					      quarry_page_to_pfn(m.q, page) & ~(BLOCK_PAGES - 1),
					      BLOCK_PAGES),
			 -QUARRY_EBUSY);
	assert_true(n.calls > 0);
	machine_check(&m);
	assert_int_equal(quarry_add_memory(m.q, 0, 4 * GIB, BLOCK), 0);
	machine_fini(&m);
}

/* ---- sequences ---- */

#define SEQ_BLOCKS 24u /* 3 GiB: 1 of boot, 2 beyond */
#define SEQ_SLOTS 600u

struct sequence {
	struct machine m;
	struct owner o;
	struct page *page[SEQ_SLOTS];
	unsigned int order[SEQ_SLOTS];
	uint64_t seed;
	unsigned long onlined, offlined, refused, removed;
};

static void sequence_memory(struct sequence *s)
{
	phys_addr_t start = machine_random(&s->seed) % SEQ_BLOCKS * BLOCK;
	phys_addr_t size = (1 + machine_random(&s->seed) % 2) * BLOCK;
	enum quarry_online_type how = (enum quarry_online_type)(machine_random(&s->seed) % 3);
	unsigned int what = (unsigned int)(machine_random(&s->seed) % 5);
	int err;

	/* Mostly what can be done with the block. */
	if (machine_random(&s->seed) % 4 != 0) {
		switch (quarry_memory_block_state(s->m.q, pfn_of(start))) {
		case QUARRY_BLOCK_ABSENT:
			what = 0;
			break;
		case QUARRY_BLOCK_OFFLINE:
			what = what < 4 ? 1 : 4;
			break;
		default:
			what = 3;
		}
	}
	switch (what) {
	case 0:
		err = quarry_add_memory(s->m.q, (int)(machine_random(&s->seed) % 2), start, size);
		break;
	case 1:
	case 2:
		err = online(&s->m, start, size, how);
		s->onlined += err == 0;
		break;
	case 3:
		err = offline(&s->m, start, size);
		s->offlined += err == 0;
		break;
	default:
		err = quarry_remove_memory(s->m.q, start, size);
		s->removed += err == 0;
	}
	s->refused += err != 0;
}

static void sequence_pages(struct sequence *s)
{
	static const gfp_t gfp[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_ATOMIC,
				    GFP_KERNEL | __GFP_RECLAIMABLE};
	size_t i = machine_random(&s->seed) % SEQ_SLOTS;

	if (i % 2 == 0) { /* pages that can be moved */
		if (s->o.block[i / 2].page != NULL)
			owner_free(&s->o, i / 2);
		else
			(void)owner_alloc(&s->o, i / 2, GFP_HIGHUSER_MOVABLE,
					  (unsigned int)(machine_random(&s->seed) % 8));
		return;
	}
	if (s->page[i] != NULL) {
		quarry_free_pages(s->m.q, s->page[i], s->order[i]);
		s->page[i] = NULL;
		return;
	}
	s->order[i] = (unsigned int)(machine_random(&s->seed) % 5);
	s->page[i] = quarry_alloc_pages(s->m.q, gfp[machine_random(&s->seed) % 4], s->order[i]);
}

static void sequence_step(struct sequence *s)
{
	unsigned int cpu = (unsigned int)(machine_random(&s->seed) % 3);
	pfn_t pfn = machine_random(&s->seed) % pfn_of(SEQ_BLOCKS * BLOCK);

	switch (machine_random(&s->seed) % 24) {
	case 0:
	case 1:
		sequence_memory(s);
		break;
	case 2: /* CPU 0 plays the machine while another one comes or goes */
		quarry_posix_set_cpu(0);
		if (cpu == 0)
			break;
		if (quarry_cpu_is_online(s->m.q, cpu))
			assert_int_equal(quarry_cpu_offline(s->m.q, cpu), 0);
		else
			assert_int_equal(quarry_cpu_online(s->m.q, cpu), 0);
		break;
	case 3:
		(void)quarry_memory_failure(s->m.q, pfn, QUARRY_MF_SW_SIMULATED);
		break;
	case 4:
		(void)quarry_unpoison_memory(s->m.q, pfn);
		break;
	default:
		if (quarry_cpu_is_online(s->m.q, cpu))
			quarry_posix_set_cpu(cpu);
		sequence_pages(s);
	}
}

/* All that may happen, in any order; no page is lost, and all comes back in the end. */
static void test_sequences(void **state)
{
	const struct machine_spec spec = {
		.memory = {{0, GIB, 0}},
		.boot = {.nr_cpus = 3, .nr_nodes = 2, .max_hotplug_phys = SEQ_BLOCKS * BLOCK}};
	struct sequence *s = calloc(1, sizeof(*s));
	struct quarry_totals t;

	(void)state;
	assert_non_null(s);
	for (uint64_t seed = 1; seed <= 3; seed++) {
		memset(s, 0, sizeof(*s));
		s->seed = seed;
		machine_build(&s->m, &spec);
		owner_init(&s->o, &s->m, SEQ_SLOTS / 2, pfn_of(SEQ_BLOCKS * BLOCK), false);
		for (unsigned int i = 0; i < 1500; i++) {
			sequence_step(s);
			if (i % 60 == 0)
				machine_check(&s->m);
		}
		machine_check(&s->m);
		assert_int_equal(owner_check(&s->o), 0);
		quarry_posix_set_cpu(0);
		for (size_t i = 0; i < SEQ_SLOTS; i++)
			quarry_free_pages(s->m.q, s->page[i], s->order[i]);
		owner_fini(&s->o);
		quarry_drain_all_pages(s->m.q);
		machine_check(&s->m);
		quarry_totals(s->m.q, &t);
		/* Poisoned pages of offline blocks are in neither sum. */
		assert_true(t.free <= t.managed &&
			    t.free + quarry_num_poisoned_pages(s->m.q) >= t.managed);
		assert_int_equal(t.pcp, 0);
		assert_true(s->onlined > 10 && s->offlined > 5 && s->refused > 10);
		assert_int_equal(s->m.reports, 0);
		machine_fini(&s->m);
	}
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block_comes_and_goes), cmocka_unit_test(test_possible_nodes),
		cmocka_unit_test(test_add_errors),           cmocka_unit_test(test_online_errors),
		cmocka_unit_test(test_tables_refused),       cmocka_unit_test(test_zone_rules),
		cmocka_unit_test(test_offline_moves),        cmocka_unit_test(test_tables_inside),
		cmocka_unit_test(test_cpu_comes_and_goes),   cmocka_unit_test(test_cpu_errors),
		cmocka_unit_test(test_one_at_a_time),        cmocka_unit_test(test_sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
