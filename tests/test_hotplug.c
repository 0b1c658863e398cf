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

#include "machine_build.h"

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
	assert_int_equal(offline(&m, 4 * GIB + BLOCK, BLOCK), 0);
	machine_check(&m);
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
	take_snapshot(&m, &before);
	for (n = 0;; n++) {
		m.budget = n;
		err = online(&m, 4 * GIB, 3 * BLOCK, QUARRY_ONLINE_KERNEL);
		m.budget = -1;
		if (err == 0)
			break;
		assert_int_equal(err, -QUARRY_ENOMEM);
		assert_same(&m, &before);
	}
	assert_int_equal(n, 2); /* the zone's bits, the zonelists */
	machine_check(&m);
	/* A block of boot that changes its zone needs tables of its own. */
	assert_int_equal(offline(&m, 2 * BLOCK, 2 * BLOCK), 0);
	take_snapshot(&m, &before);
	for (n = 0;; n++) {
		m.budget = n;
		err = online(&m, 2 * BLOCK, 2 * BLOCK, QUARRY_ONLINE_MOVABLE);
		m.budget = -1;
		if (err == 0)
			break;
		assert_int_equal(err, -QUARRY_ENOMEM);
		assert_same(&m, &before);
	}
	assert_int_equal(n, 4);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block_comes_and_goes), cmocka_unit_test(test_add_errors),
		cmocka_unit_test(test_online_errors),        cmocka_unit_test(test_tables_refused),
		cmocka_unit_test(test_zone_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
