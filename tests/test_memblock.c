/* SPDX-License-Identifier: MIT */
/* memblock, row by row (M1-M14), against Linux's own boot log, and beside a textbook model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <boot/internal.h>

#include "block_orders.h"
#include "boot_bed.h"
#include "memblock_boot_log.h"
#include "model_memblock.h"

static void valid(struct quarry *q)
{
	assert_int_equal(quarry_check_memblock(q, &to_stderr), 0);
}

static void region_is(const struct memblock_type *t, unsigned long i, phys_addr_t base,
		      phys_addr_t end, int nid, uint32_t flags)
{
	assert_true(i < t->cnt);
	assert_int_equal(t->regions[i].base, base);
	assert_int_equal(t->regions[i].base + t->regions[i].size, end);
	assert_int_equal(t->regions[i].nid, nid);
	assert_int_equal(t->regions[i].flags, flags);
}

/* The bytes of both lists, to see that a failed call changed nothing. */
struct snapshot {
	struct memblock head;
	struct memblock_region memory[8192], reserved[8192];
};

static struct snapshot before_fail, after_fail;

static void snap(struct quarry *q, struct snapshot *s)
{
	struct memblock *mb = quarry_memblock(q);

	memset(s, 0, sizeof(*s));
	memcpy(&s->head, mb, sizeof(*mb));
	memset(s->head.memory_init, 0, sizeof(s->head.memory_init));
	memset(s->head.reserved_init, 0, sizeof(s->head.reserved_init));
	memset(&s->head.bound, 0, sizeof(s->head.bound)); /* what was learnt is no change */
	assert_true(mb->memory.cnt <= 8192 && mb->reserved.cnt <= 8192);
	memcpy(s->memory, mb->memory.regions, mb->memory.cnt * sizeof(s->memory[0]));
	memcpy(s->reserved, mb->reserved.regions, mb->reserved.cnt * sizeof(s->reserved[0]));
}

static void unchanged_since(struct quarry *q)
{
	snap(q, &after_fail);
	assert_memory_equal(&before_fail, &after_fail, sizeof(before_fail));
}

/* n regions of 4 KiB, one every 16 KiB from 1 MiB on. */
static void fill(struct quarry *q, struct memblock_type *type, unsigned long n)
{
	bool memory = type == &quarry_memblock(q)->memory;

	for (unsigned long i = 0; i < n; i++)
		assert_int_equal(memory ? quarry_memblock_add(q, M + i * 16 * K, 4 * K)
					: quarry_memblock_reserve(q, M + i * 16 * K, 4 * K),
				 0);
}

/* ---- M1 to M5: lists ---- */

static void test_M1_empty_type_has_a_dummy_region(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(mb->memory.cnt, 1);
	assert_int_equal(mb->memory.max, 128);
	region_is(&mb->memory, 0, 0, 0, QUARRY_NO_NODE, 0);
	assert_string_equal(mb->memory.name, "memory");
	assert_string_equal(mb->reserved.name, "reserved");
	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	assert_int_equal(mb->memory.cnt, 1);
	assert_int_equal(quarry_memblock_remove(q, 0, TOP), 0);
	assert_int_equal(mb->memory.cnt, 1);
	region_is(&mb->memory, 0, 0, 0, QUARRY_NO_NODE, 0);
	valid(q);
}

static void test_M1_total_size_is_exact(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, 0, 10 * K), 0);
	assert_int_equal(quarry_memblock_add(q, 4 * K, 10 * K), 0);
	assert_int_equal(quarry_memblock_phys_mem_size(q), 14 * K);
	assert_int_equal(quarry_memblock_remove(q, K, K), 0);
	assert_int_equal(quarry_memblock_phys_mem_size(q), 13 * K);
	/* Linux forgets what trimming takes off; here the sum stays exact. */
	assert_int_equal(quarry_memblock_trim_memory(q, 4 * K), 0);
	assert_int_equal(quarry_memblock_phys_mem_size(q), 8 * K);
	valid(q);
}

static void test_M2_regions_carry_node_and_flags(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add_node(q, M, M, 3, MEMBLOCK_HOTPLUG), 0);
	assert_int_equal(quarry_memblock_add(q, 4 * M, M), 0);
	assert_int_equal(quarry_memblock_reserve_node(q, M, K, 3), 0);
	region_is(&mb->memory, 0, M, 2 * M, 3, MEMBLOCK_HOTPLUG);
	region_is(&mb->memory, 1, 4 * M, 5 * M, QUARRY_NO_NODE, 0);
	region_is(&mb->reserved, 0, M, M + K, 3, 0);
	snap(q, &before_fail);
	assert_int_equal(quarry_memblock_add_node(q, 8 * M, M, QUARRY_MAX_NODES, 0),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_add_node(q, 8 * M, M, -2, 0), -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_add_node(q, 8 * M, M, 0, 0x10), -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_reserve_node(q, 8 * M, M, QUARRY_MAX_NODES),
			 -QUARRY_EINVAL);
	unchanged_since(q);
	valid(q);
}

static void test_M3_starts_top_down_without_limit_in_static_arrays(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_false(mb->bottom_up);
	assert_false(quarry_memblock_bottom_up(q));
	assert_int_equal(mb->current_limit, MEMBLOCK_ALLOC_ANYWHERE);
	assert_int_equal(quarry_memblock_get_current_limit(q), MEMBLOCK_ALLOC_ANYWHERE);
	assert_ptr_equal(mb->memory.regions, mb->memory_init);
	assert_ptr_equal(mb->reserved.regions, mb->reserved_init);
	assert_int_equal(mb->reserved.max, 128);
	quarry_memblock_set_bottom_up(q, true);
	quarry_memblock_set_current_limit(q, G);
	assert_true(quarry_memblock_bottom_up(q));
	assert_int_equal(quarry_memblock_get_current_limit(q), G);
}

static void test_M4_add_range_caps_at_the_end_of_the_address_space(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, TOP - 4 * K, TOP), 0);
	region_is(&mb->memory, 0, TOP - 4 * K, TOP, QUARRY_NO_NODE, 0);
	assert_int_equal(quarry_memblock_add(q, TOP, 4 * K), 0); /* nothing is left of it */
	assert_int_equal(mb->memory.cnt, 1);
	assert_int_equal(quarry_memblock_reserve(q, 0, TOP), 0);
	region_is(&mb->reserved, 0, 0, TOP, QUARRY_NO_NODE, 0);
	assert_int_equal(quarry_memblock_phys_free(q, TOP - K, TOP), 0);
	region_is(&mb->reserved, 0, 0, TOP - K, QUARRY_NO_NODE, 0);
	valid(q);
}

static void test_M4_add_range_size_0_is_nothing(void **state)
{
	struct quarry *q = *state;

	snap(q, &before_fail);
	assert_int_equal(quarry_memblock_add(q, M, 0), 0);
	assert_int_equal(quarry_memblock_reserve(q, M, 0), 0);
	assert_int_equal(quarry_memblock_remove(q, M, 0), 0);
	assert_int_equal(quarry_memblock_mark_nomap(q, M, 0), 0);
	unchanged_since(q);
}

static void test_M4_add_range_inserts_only_what_is_not_covered(void **state)
{
	struct quarry *q = *state;
	struct memblock_type *t = &quarry_memblock(q)->memory;

	assert_int_equal(quarry_memblock_add_node(q, 2 * M, M, 1, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 6 * M, M, 2, MEMBLOCK_NOMAP), 0);
	assert_int_equal(quarry_memblock_add_node(q, M, 8 * M, 3, 0), 0);
	assert_int_equal(t->cnt, 5);
	region_is(t, 0, M, 2 * M, 3, 0);
	region_is(t, 1, 2 * M, 3 * M, 1, 0);
	region_is(t, 2, 3 * M, 6 * M, 3, 0);
	region_is(t, 3, 6 * M, 7 * M, 2, MEMBLOCK_NOMAP);
	region_is(t, 4, 7 * M, 9 * M, 3, 0);
	/* Inside one region: nothing. */
	snap(q, &before_fail);
	assert_int_equal(quarry_memblock_add_node(q, 4 * M, M, 7, 0), 0);
	unchanged_since(q);
	valid(q);
}

static void test_M4_example_of_the_header(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, 0, 4 * K), 0);
	assert_int_equal(quarry_memblock_add(q, 0, 8 * K), 0);
	assert_int_equal(quarry_memblock(q)->memory.cnt, 1);
	region_is(&quarry_memblock(q)->memory, 0, 0, 8 * K, QUARRY_NO_NODE, 0);
}

static void test_M5_neighbours_merge_if_node_and_flags_agree(void **state)
{
	struct quarry *q = *state;
	struct memblock_type *t = &quarry_memblock(q)->memory;

	assert_int_equal(quarry_memblock_add_node(q, 0, M, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 2 * M, M, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, M, M, 1, 0), 0);
	assert_int_equal(t->cnt, 3);
	assert_int_equal(quarry_memblock_set_node(q, M, M, t, 0), 0);
	assert_int_equal(t->cnt, 1);
	assert_int_equal(quarry_memblock_mark_nomap(q, M, M), 0);
	assert_int_equal(t->cnt, 3);
	assert_int_equal(quarry_memblock_clear_nomap(q, M, M), 0);
	assert_int_equal(t->cnt, 1);
	region_is(t, 0, 0, 3 * M, 0, 0);
	valid(q);
}

static void test_M5_overlap_is_damage_that_the_validator_and_merge_find(void **state)
{
	struct quarry *q = *state;
	struct memblock_type *t = &quarry_memblock(q)->memory;

	assert_int_equal(quarry_memblock_add(q, 0, M), 0);
	assert_int_equal(quarry_memblock_add(q, 2 * M, M), 0);
	t->regions[0].size = 3 * M;
	assert_int_not_equal(quarry_check_memblock(q, NULL), 0);
	assert_int_equal(quarry_memblock_mark_hotplug(q, 0, TOP), 0);
	assert_true(said.reports > 0);
	t->regions[0].size = M;
	valid(q);
	t->total_size++;
	assert_int_equal(quarry_check_memblock(q, NULL), 1);
	t->total_size--;
	t->regions[1].nid = 64;
	assert_int_equal(quarry_check_memblock(q, NULL), 1);
	t->regions[1].nid = QUARRY_NO_NODE;
	t->cnt = 129;
	assert_int_equal(quarry_check_memblock(q, NULL), 1);
	t->cnt = 2;
	valid(q);
}

/* ---- M6: doubling ---- */

static void test_M6_full_array_fails_until_resize_is_allowed(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	fill(q, &mb->memory, 128);
	fill(q, &mb->reserved, 128);
	snap(q, &before_fail);
	assert_int_equal(quarry_memblock_add(q, G, 4 * K), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_reserve(q, G, 4 * K), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_add(q, 0, G), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_remove(q, M + K, K), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_phys_free(q, M + K, K), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_mark_nomap(q, M + K, K), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_set_node(q, M + K, K, &mb->memory, 1), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_enforce_memory_limit(q, 5 * K), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_cap_memory_range(q, M, M), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_phys_alloc(q, K, K), 0);
	unchanged_since(q);
	/* What needs no slot works all the same. */
	assert_int_equal(quarry_memblock_add(q, M, 4 * K), 0);
	assert_int_equal(quarry_memblock_remove(q, M, 4 * K), 0);
	assert_int_equal(mb->memory.cnt, 127);
	valid(q);
}

static void test_M6_reserved_doubles_above_what_is_reserved_first(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 128);
	/* The new array, 2 pages, goes to the top of what lies above the 129th range. */
	assert_int_equal(quarry_memblock_reserve(q, 8 * M, M), 0);
	assert_int_equal(mb->reserved.max, 256);
	assert_int_equal(mb->reserved_phys, 16 * M - 8 * K);
	assert_ptr_not_equal(mb->reserved.regions, mb->reserved_init);
	assert_true(quarry_memblock_is_region_reserved(q, 16 * M - 8 * K, 8 * K));
	assert_int_equal(quarry_memblock_reserved_size(q), 128 * 4 * K + M + 8 * K);
	valid(q);
}

static void test_M6_reserved_doubles_below_if_there_is_no_room_above(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 128);
	assert_int_equal(quarry_memblock_reserve(q, 8 * M, 8 * M), 0);
	assert_int_equal(mb->reserved_phys, 8 * M - 8 * K);
	valid(q);
}

static void test_M6_no_room_for_the_array_changes_nothing(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 128);
	snap(q, &before_fail);
	assert_int_equal(quarry_memblock_reserve(q, 0, 16 * M), -QUARRY_ENOMEM);
	unchanged_since(q);
	assert_non_null(strstr(said.log[said.logs - 1], "failed to double reserved array"));
}

static void test_M6_old_array_is_freed_unless_static(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);
	phys_addr_t first;

	assert_int_equal(quarry_memblock_add(q, 0, 64 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 200);
	first = mb->reserved_phys;
	fill(q, &mb->reserved, 300);
	assert_int_equal(mb->reserved.max, 512);
	assert_int_not_equal(mb->reserved_phys, first);
	assert_int_equal(quarry_memblock_reserved_size(q), 300 * 4 * K + 12 * K);
	valid(q);
}

static void test_M6_memory_array_doubles_and_doubles_reserved_if_it_must(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, G, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 128);
	fill(q, &mb->memory, 127);
	assert_int_equal(mb->memory.max, 128);
	assert_int_equal(quarry_memblock_add(q, 2 * G, 4 * K), 0);
	assert_int_equal(mb->memory.max, 256);
	assert_int_equal(mb->reserved.max, 256);
	assert_int_equal(mb->memory_phys, G + 16 * M - 8 * K);
	assert_int_equal(mb->reserved_phys, G + 16 * M - 16 * K);
	assert_int_equal(mb->memory.cnt, 129);
	valid(q);
	assert_int_equal(quarry_memblock_phys_free(q, mb->memory_phys, K), -QUARRY_EBUSY);
	assert_int_equal(quarry_memblock_phys_free(q, 0, TOP), -QUARRY_EBUSY);
	assert_int_equal(said.reports, 2);
	valid(q);
}

static void test_M6_storage_that_fails_is_out_of_memory(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 128);
	q->port.storage = NULL;
	q->direct_map = (uintptr_t)0 - (uintptr_t)(16 * M - 8 * K); /* its address is NULL */
	snap(q, &before_fail);
	assert_int_equal(quarry_memblock_reserve(q, 8 * M, M), -QUARRY_ENOMEM);
	unchanged_since(q);
}

static unsigned int late_allocs, late_frees;

static void *late_alloc(struct quarry *q, size_t size, int nid)
{
	(void)q;
	(void)nid;
	late_allocs++;
	return calloc(1, size);
}

static void late_free(struct quarry *q, void *p)
{
	(void)q;
	late_frees++;
	free(p);
}

static void test_M6_after_boot_arrays_come_from_the_late_allocator(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);
	void *p;

	late_allocs = late_frees = 0;
	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 128);
	q->stage = QUARRY_STAGE_SLAB;
	assert_int_equal(quarry_memblock_reserve(q, 8 * M, M), -QUARRY_ENOMEM);
	assert_null(quarry_memblock_alloc(q, K, 8));
	quarry_memblock_set_late_alloc(q, late_alloc, late_free);
	fill(q, &mb->reserved, 300);
	assert_int_equal(late_allocs, 2);
	assert_int_equal(late_frees, 1);
	assert_int_equal(mb->reserved_phys, 0);
	valid(q);
	p = quarry_memblock_alloc(q, K, 8);
	assert_non_null(p);
	free(p);
	assert_int_equal(quarry_memblock_phys_alloc(q, K, 8), 0);
	quarry_memblock_set_node(q, 0, 16 * M, &mb->memory, 1);
	for (int i = 0; i < 160; i++) /* memory's array too */
		assert_int_equal(quarry_memblock_add_node(q, 16 * M + (phys_addr_t)i * 8 * K, 8 * K,
							  i % 2, 0),
				 0);
	assert_int_equal(late_allocs, 3 + 1);
	assert_int_equal(mb->memory_phys, 0);
	valid(q);
	assert_int_equal(quarry_memblock_discard(q, NULL, NULL), 0);
	assert_int_equal(late_frees, 3);
	q->stage = QUARRY_STAGE_BOOT;
	valid(q);
}

/* That an array is doubled is told to who asked for it, alone. */
static void test_M6_doubling_is_told(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 140);
	assert_int_equal(mb->reserved.max, 256);
	assert_int_equal(said.logs, 0);
	fill(q, &mb->reserved, 250);
	quarry_memblock_set_debug(q, true);
	while (mb->reserved.max == 256) {
		said.logs = 0;
		assert_int_equal(quarry_memblock_reserve(q, 8 * M + mb->reserved.cnt * 16 * K, K),
				 0);
	}
	assert_non_null(strstr(said.log[1], "memblock: reserved is doubled to 512 at [0x"));
	valid(q);
}

/* ---- M7, M8: isolate and remove ---- */

static void test_M7_isolate_splits_at_both_ends(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add_node(q, 0, 8 * M, 0, 0), 0);
	assert_int_equal(quarry_memblock_set_node(q, 2 * M, 3 * M, &mb->memory, 1), 0);
	assert_int_equal(mb->memory.cnt, 3);
	region_is(&mb->memory, 0, 0, 2 * M, 0, 0);
	region_is(&mb->memory, 1, 2 * M, 5 * M, 1, 0);
	region_is(&mb->memory, 2, 5 * M, 8 * M, 0, 0);
	assert_int_equal(quarry_memblock_mark_hotplug(q, 4 * M, 2 * M), 0);
	assert_int_equal(mb->memory.cnt, 5);
	region_is(&mb->memory, 2, 4 * M, 5 * M, 1, MEMBLOCK_HOTPLUG);
	region_is(&mb->memory, 3, 5 * M, 6 * M, 0, MEMBLOCK_HOTPLUG);
	assert_int_equal(quarry_memblock_clear_hotplug(q, 0, TOP), 0);
	assert_int_equal(mb->memory.cnt, 3);
	valid(q);
	assert_int_equal(quarry_memblock_set_node(q, 0, M, &mb->memory, 64), -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_set_node(q, 0, M, NULL, 0), -QUARRY_EINVAL);
}

static void test_M7_isolate_needs_at_most_two_slots(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	fill(q, &mb->memory, 126);
	assert_int_equal(quarry_memblock_set_node(q, M + K, K, &mb->memory, 1), 0);
	assert_int_equal(mb->memory.cnt, 128);
	/* Full: one end may still fall on a boundary, none may need a split. */
	assert_int_equal(quarry_memblock_set_node(q, M + K, K, &mb->memory, 2), 0);
	snap(q, &before_fail);
	assert_int_equal(quarry_memblock_set_node(q, M + K, 2 * K, &mb->memory, 2), -QUARRY_ENOMEM);
	unchanged_since(q);
	valid(q);
}

static void test_M8_remove_cuts_skips_gaps_and_leaves_the_empty_state(void **state)
{
	struct quarry *q = *state;
	struct memblock_type *t = &quarry_memblock(q)->memory;

	assert_int_equal(quarry_memblock_add(q, 0, 4 * M), 0);
	assert_int_equal(quarry_memblock_add(q, 8 * M, 4 * M), 0);
	assert_int_equal(quarry_memblock_remove(q, M, M), 0);
	assert_int_equal(t->cnt, 3);
	assert_int_equal(quarry_memblock_remove(q, 5 * M, M), 0); /* absent */
	assert_int_equal(t->cnt, 3);
	assert_int_equal(quarry_memblock_remove(q, 3 * M, 6 * M), 0);
	region_is(t, 0, 0, M, QUARRY_NO_NODE, 0);
	region_is(t, 1, 2 * M, 3 * M, QUARRY_NO_NODE, 0);
	region_is(t, 2, 9 * M, 12 * M, QUARRY_NO_NODE, 0);
	valid(q);
	assert_int_equal(quarry_memblock_remove(q, 0, TOP), 0);
	assert_int_equal(t->cnt, 1);
	assert_int_equal(t->total_size, 0);
	assert_int_equal(quarry_memblock_remove(q, 0, TOP), 0);
	valid(q);
}

/* ---- M9: search ---- */

static void test_M9_find_in_range_goes_top_down_or_bottom_up(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, 0, M), 0);
	assert_int_equal(quarry_memblock_reserve(q, M - 4 * K, 4 * K), 0);
	/* The header's example. */
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, 4 * K, 4 * K), 0xfe000);
	quarry_memblock_set_bottom_up(q, true);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, 4 * K, 4 * K), 4 * K);
	assert_int_equal(quarry_memblock_find_in_range(q, 10 * K, 0, 4 * K, 8 * K), 16 * K);
	quarry_memblock_set_bottom_up(q, false);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 100 * K, 4 * K, 64 * K), 64 * K);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 2 * M, 2 * M, 4 * K), 0);
}

static void test_M9_never_below_the_first_page(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, 0, 8 * K), 0);
	for (int up = 0; up < 2; up++) {
		quarry_memblock_set_bottom_up(q, up);
		assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, 4 * K, 1), 4 * K);
		assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, 4 * K + 1, 1), 0);
		assert_int_equal(quarry_memblock_find_in_range(q, 0, 4 * K, 1, 1), 0);
	}
}

static void test_M9_end_0_is_the_current_limit(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	quarry_memblock_set_current_limit(q, 8 * M);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, MEMBLOCK_ALLOC_ACCESSIBLE, M, M),
			 7 * M);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, MEMBLOCK_ALLOC_ANYWHERE, M, M),
			 15 * M);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), 7 * M);
	assert_int_equal(quarry_memblock_find_in_range(q, 9 * M, 0, M, M), 0);
}

static void test_M9_prefers_mirrored_memory_then_takes_any(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, M, 16 * M), 0);
	assert_int_equal(quarry_memblock_mark_mirror(q, 4 * M, M), 0);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, M, M), 4 * M);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), 4 * M);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), 16 * M);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, M, M), 15 * M);
	assert_non_null(strstr(said.log[said.logs - 1], "mirrored memory"));
	assert_int_equal(
		quarry_memblock_find_in_range_node(q, M, M, 0, 0, QUARRY_NO_NODE, MEMBLOCK_MIRROR),
		0);
}

static void test_M9_matches_the_node(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add_node(q, 0, 8 * M, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 8 * M, 8 * M, 1, 0), 0);
	assert_int_equal(quarry_memblock_find_in_range_node(q, M, M, 0, 0, 0, 0), 7 * M);
	assert_int_equal(quarry_memblock_find_in_range_node(q, M, M, 0, 0, 1, 0), 15 * M);
	assert_int_equal(quarry_memblock_find_in_range_node(q, M, M, 0, 0, 2, 0), 0);
	assert_int_equal(quarry_memblock_find_in_range_node(q, M, M, 0, 0, -1, 0), 15 * M);
	/* A block never spans two regions. */
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, 9 * M, 4 * K), 0);
}

static void test_M9_passes_over_flagged_regions(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add_node(q, M, M, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 2 * M, M, 0, MEMBLOCK_NOMAP), 0);
	assert_int_equal(quarry_memblock_add_node(q, 3 * M, M, 0, MEMBLOCK_HOTPLUG), 0);
	assert_int_equal(quarry_memblock_add_node(q, 4 * M, M, 0, MEMBLOCK_DRIVER_MANAGED), 0);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, M, M), M);
	assert_int_equal(quarry_memblock_find_in_range_node(q, M, M, 0, 0, 0, MEMBLOCK_NOMAP),
			 2 * M);
	assert_int_equal(quarry_memblock_find_in_range_node(q, M, M, 0, 0, 0, MEMBLOCK_HOTPLUG),
			 3 * M);
	assert_int_equal(
		quarry_memblock_find_in_range_node(q, M, M, 0, 0, 0, MEMBLOCK_DRIVER_MANAGED),
		4 * M);
}

static void test_M9_bad_arguments_and_the_top_find_nothing(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, K, K), 0); /* no memory at all */
	assert_int_equal(quarry_memblock_add(q, TOP - M + 1, M), 0);
	for (int up = 0; up < 2; up++) {
		quarry_memblock_set_bottom_up(q, up);
		assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, 0, K), 0);
		assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, K, 3), 0);
		assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, TOP, 1), 0);
		assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, K, (phys_addr_t)1 << 63),
				 0);
		assert_int_equal(quarry_memblock_find_in_range(q, TOP, 0, K, K), 0);
		assert_int_equal(quarry_memblock_find_in_range(q, TOP - 100, 0, 10, 512), 0);
		assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, M - 1, 4 * K), TOP - M + 1);
	}
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, 1, 0), TOP - M + 1);
	quarry_memblock_set_bottom_up(q, false);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, 1, 0), TOP - 63);
}

/* ---- M10: reserve, free, trace ---- */

static void test_M10_reserve_works_outside_memory(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_reserve(q, 0xfee00000, 4 * K), 0);
	assert_true(quarry_memblock_is_reserved(q, 0xfee00fff));
	assert_false(quarry_memblock_is_memory(q, 0xfee00fff));
	assert_int_equal(quarry_memblock_phys_free(q, 0xfee00000, 2 * K), 0);
	assert_int_equal(quarry_memblock_reserved_size(q), 2 * K);
	assert_int_equal(quarry_memblock_phys_free(q, 0, TOP), 0);
	assert_int_equal(quarry_memblock(q)->reserved.cnt, 1);
	valid(q);
}

static void test_M10_debug_traces_each_call(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, 0, K), 0);
	quarry_memblock_dump_all(q);
	assert_int_equal(said.logs, 0);
	quarry_memblock_set_debug(q, true);
	assert_int_equal(quarry_memblock_add(q, 0x1000, 0x9ec00), 0);
	assert_string_equal(said.log[0], "memblock_add: [0x0000000000001000-0x000000000009fbff]");
	assert_int_equal(quarry_memblock_reserve(q, 0xf5b90, 16), 0);
	assert_string_equal(said.log[1],
			    "memblock_reserve: [0x00000000000f5b90-0x00000000000f5b9f]");
	assert_int_equal(quarry_memblock_phys_free(q, 0xf5b90, 16), 0);
	assert_string_equal(said.log[2],
			    "memblock_phys_free: [0x00000000000f5b90-0x00000000000f5b9f]");
	assert_int_equal(quarry_memblock_remove(q, 0, K), 0);
	assert_string_equal(said.log[3],
			    "memblock_remove: [0x0000000000000000-0x00000000000003ff]");
	assert_int_equal(quarry_memblock_phys_alloc_range(q, 28672, 4 * K, 0, M), 0x98000);
	assert_string_equal(said.log[4], "memblock_phys_alloc_range: 28672 bytes align=0x1000 "
					 "from=0x0000000000000000 max_addr=0x0000000000100000");
	assert_non_null(quarry_memblock_alloc(q, 64, 8));
	assert_string_equal(said.log[6], "memblock_alloc_try_nid: 64 bytes align=0x8 nid=-1 "
					 "from=0x0000000000000000 max_addr=0x0000000000000000");
	assert_true(quarry_memblock_alloc_range_nid(q, 4 * K, K, K, M, QUARRY_NO_NODE, false) != 0);
	assert_string_equal(said.log[8], "memblock_alloc_range_nid: 4096 bytes align=0x400 nid=-1 "
					 "from=0x0000000000000400 max_addr=0x0000000000100000");
	said.logs = 0;
	assert_int_equal(quarry_memblock_set_node(q, 0, G, &quarry_memblock(q)->memory, 1), 0);
	quarry_memblock_dump_all(q);
	assert_string_equal(said.log[0], "MEMBLOCK configuration:");
	assert_string_equal(said.log[2], " memory.cnt  = 0x1");
	assert_string_equal(said.log[3], " memory[0x0]\t[0x0000000000001000-0x000000000009fbff], "
					 "0x000000000009ec00 bytes on node 1 flags: 0x0");
}

/* ---- M11: iteration ---- */

static void iteration_map(struct quarry *q)
{
	assert_int_equal(quarry_memblock_add_node(q, 0, 4 * M, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 4 * M, 4 * M, 1, MEMBLOCK_HOTPLUG), 0);
	assert_int_equal(quarry_memblock_add_node(q, 8 * M, M, 1, MEMBLOCK_NOMAP), 0);
	assert_int_equal(quarry_memblock_add_node(q, 9 * M, M, 1, MEMBLOCK_MIRROR), 0);
	assert_int_equal(quarry_memblock_add_node(q, TOP - M, M, 2, 0), 0);
	assert_int_equal(quarry_memblock_reserve(q, M, M), 0);
	assert_int_equal(quarry_memblock_reserve(q, 3 * M, 2 * M), 0);
	assert_int_equal(quarry_memblock_reserve_node(q, 5 * M, K, 0), 0); /* touches, not merged */
}

static void test_M11_for_each_mem_range_both_ways(void **state)
{
	struct quarry *q = *state;
	const phys_addr_t want[][2] = {{0, 4 * M}, {4 * M, 8 * M}, {9 * M, 10 * M}, {TOP - M, TOP}};
	phys_addr_t start, end;
	unsigned int n = 0;
	uint64_t i;

	quarry_for_each_mem_range(q, i, &start, &end) n++;
	quarry_for_each_mem_range_rev(q, i, &start, &end) n++;
	assert_int_equal(n, 0); /* the dummy is not a range */
	iteration_map(q);
	quarry_for_each_mem_range(q, i, &start, &end)
	{
		assert_int_equal(start, want[n][0]);
		assert_int_equal(end, want[n++][1]);
	}
	assert_int_equal(n, 4);
	quarry_for_each_mem_range_rev(q, i, &start, &end)
	{
		assert_int_equal(start, want[--n][0]);
		assert_int_equal(end, want[n][1]);
	}
	assert_int_equal(n, 0);
}

static void test_M11_for_each_free_mem_range_both_ways(void **state)
{
	struct quarry *q = *state;
	const phys_addr_t want[][3] = {
		{0, M, 0}, {2 * M, 3 * M, 0}, {9 * M, 10 * M, 1}, {TOP - M, TOP, 2}};
	phys_addr_t start, end;
	unsigned int n = 0;
	uint64_t i;
	int nid;

	iteration_map(q);
	quarry_for_each_free_mem_range(q, i, QUARRY_NO_NODE, MEMBLOCK_NONE, &start, &end, &nid)
	{
		assert_int_equal(start, want[n][0]);
		assert_int_equal(end, want[n][1]);
		assert_int_equal(nid, want[n++][2]);
	}
	assert_int_equal(n, 4);
	quarry_for_each_free_mem_range_reverse(q, i, QUARRY_NO_NODE, MEMBLOCK_NONE, &start, &end,
					       &nid)
	{
		assert_int_equal(start, want[--n][0]);
		assert_int_equal(end, want[n][1]);
		assert_int_equal(nid, want[n][2]);
	}
	assert_int_equal(n, 0);
	quarry_for_each_free_mem_range(q, i, 1, MEMBLOCK_HOTPLUG, &start, &end, NULL)
	{
		assert_int_equal(start, n == 0 ? 5 * M + K : 9 * M);
		n++;
	}
	assert_int_equal(n, 2);
	quarry_for_each_free_mem_range(q, i, QUARRY_NO_NODE, MEMBLOCK_MIRROR, &start, &end, NULL)
	{
		assert_int_equal(start, 9 * M);
		n++;
	}
	assert_int_equal(n, 3);
}

static void test_M11_cursor_packs_both_indexes(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);
	phys_addr_t start, end;
	uint64_t i = 0;

	iteration_map(q);
	assert_true(quarry_memblock_next_range(q, &i, QUARRY_NO_NODE, 0, &mb->memory, &mb->reserved,
					       &start, &end, NULL));
	assert_int_equal((uint32_t)i, 0); /* still in memory[0], */
	assert_int_equal(i >> 32, 1);     /* at the gap above reserved[0] */
	while (quarry_memblock_next_range(q, &i, QUARRY_NO_NODE, 0, &mb->memory, &mb->reserved,
					  NULL, NULL, NULL))
		;
	assert_false(quarry_memblock_next_range(q, &i, QUARRY_NO_NODE, 0, &mb->memory,
						&mb->reserved, NULL, NULL, NULL));
	i = UINT64_MAX;
	while (quarry_memblock_next_range_rev(q, &i, QUARRY_NO_NODE, 0, &mb->memory, &mb->reserved,
					      NULL, NULL, NULL))
		;
	assert_false(quarry_memblock_next_range_rev(q, &i, QUARRY_NO_NODE, 0, &mb->memory,
						    &mb->reserved, NULL, NULL, NULL));
}

static void test_M11_for_each_reserved_mem_range_ignores_nodes_and_flags(void **state)
{
	struct quarry *q = *state;
	phys_addr_t start, end, sum = 0;
	uint64_t i;

	iteration_map(q);
	quarry_for_each_reserved_mem_range(q, i, &start, &end) sum += end - start;
	assert_int_equal(sum, quarry_memblock_reserved_size(q));
}

static void test_M11_for_each_mem_pfn_range_needs_a_whole_page(void **state)
{
	struct quarry *q = *state;
	pfn_t start, end;
	int i, nid, n = 0;

	assert_int_equal(quarry_memblock_add_node(q, 0x1000, 0x9ec00, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 0xa0100, 0x1e00, 0, 0), 0); /* none inside */
	assert_int_equal(quarry_memblock_add_node(q, M, M, 1, MEMBLOCK_NOMAP), 0);
	quarry_for_each_mem_pfn_range(q, i, QUARRY_NO_NODE, &start, &end, &nid)
	{
		assert_int_equal(start, n == 0 ? 1 : 0x100);
		assert_int_equal(end, n == 0 ? 0x9f : 0x200);
		assert_int_equal(nid, n++);
	}
	assert_int_equal(n, 2);
	quarry_for_each_mem_pfn_range(q, i, 1, &start, NULL, NULL) assert_int_equal(start, 0x100);
	assert_int_equal(quarry_memblock_search_pfn_nid(q, 0x180, &start, &end), 1);
	assert_int_equal(start, 0x100);
	assert_int_equal(end, 0x200);
	assert_int_equal(quarry_memblock_search_pfn_nid(q, 0x280, &start, &end), QUARRY_NO_NODE);
	assert_int_equal(quarry_memblock_search_pfn_nid(q, TOP, &start, &end), QUARRY_NO_NODE);
	assert_int_equal(end, 0);
}

/* ---- M12: allocation ---- */

/* Faults that have it forgotten cost nothing but time. */
static void remembered(const struct memblock *mb)
{
	assert_true(memblock_bound_forbids(mb, (phys_addr_t)1 << 31, MEMBLOCK_NONE));
}

/* M9: what is remembered of a search in vain never hides room, however the lists change. */
static void test_M9_a_failure_is_remembered_until_there_is_room(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, M, 15 * M), 0);
	for (phys_addr_t at = M; at < 16 * M; at += M)
		assert_int_equal(quarry_memblock_reserve(q, at, 64 * K), 0);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, K), 0);
	remembered(mb);
	assert_int_equal(mb->bound.longest, M - 64 * K);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, K), 0);
	remembered(mb);
	assert_int_not_equal(quarry_memblock_phys_alloc(q, M - 64 * K, K), 0);
	remembered(mb);
	/* A free, an addition, a flag or a node gone: each makes room. */
	assert_int_equal(quarry_memblock_phys_free(q, 4 * M, 64 * K), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, K), 4 * M);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, 2 * M, K), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_add(q, 32 * M, M), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, 2 * M, K), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_add(q, 33 * M, M), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, 2 * M, K), 32 * M);
	remembered(mb);
	assert_int_equal(quarry_memblock_add_node(q, 64 * M, 4 * M, 1, MEMBLOCK_NOMAP), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, 4 * M, K), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_clear_nomap(q, 64 * M, 4 * M), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, 4 * M, K), 64 * M);
	remembered(mb);
	assert_int_equal(quarry_memblock_add_node(q, 128 * M, 4 * M, 1, MEMBLOCK_NONE), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_add_node(q, 132 * M, 4 * M, 2, MEMBLOCK_NONE), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, 8 * M, K), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_set_node(q, 132 * M, 4 * M, &mb->memory, 1), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, 8 * M, K), 128 * M);
	remembered(mb);
	assert_int_equal(quarry_memblock_add_node(q, 256 * M, 16 * M, 1, MEMBLOCK_HOTPLUG), 0);
	remembered(mb);
	assert_int_equal(quarry_memblock_phys_alloc(q, 16 * M, K), 0);
	remembered(mb);
	quarry_memblock_set_movable_node(q, false);
	assert_int_equal(quarry_memblock_phys_alloc(q, 16 * M, K), 256 * M);
	/* Lists that somebody wrote to by hand. */
	assert_int_equal(quarry_memblock_phys_alloc(q, 16 * M, K), 0);
	mb->reserved.total_size -= mb->reserved.regions[mb->reserved.cnt - 1].size;
	mb->reserved.cnt--;
	assert_int_equal(quarry_memblock_phys_alloc(q, 16 * M, K), 256 * M);
}

/* Addresses that a pointer cannot hold are memory, but not for who wants a pointer: 32-bit programs. */
static void test_M12_virtual_allocations_stay_in_reach(void **state)
{
	const phys_addr_t reach = (phys_addr_t)UINTPTR_MAX;
	struct quarry *q = *state;
	void *p;

	assert_int_equal(quarry_memblock_add(q, 3 * G, 3 * G), 0);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), 6 * G - M);
	p = quarry_memblock_alloc(q, M, M);
	assert_int_equal(quarry_physical(q, p), reach > 6 * G ? 6 * G - 2 * M : 4 * G - M);
	assert_int_equal(quarry_memblock_free(q, p, M), 0);
	/* Around 4 GiB: ranges that touch it, end there, and lie across. */
	assert_int_equal(quarry_memblock_reserve(q, 4 * G - 64 * K, 128 * K), 0);
	assert_int_equal(quarry_memblock_phys_alloc_range(q, 64 * K, 64 * K, 0, 4 * G),
			 4 * G - 128 * K);
	assert_int_equal(quarry_memblock_phys_alloc_range(q, 64 * K, 64 * K, 4 * G, 5 * G),
			 5 * G - 64 * K);
	assert_int_equal(quarry_memblock_phys_free(q, 4 * G - 4 * K, 8 * K), 0);
	assert_int_equal(quarry_memblock_find_in_range(q, 4 * G - 4 * K, 4 * G + 4 * K, 8 * K, K),
			 4 * G - 4 * K);
	assert_true(quarry_memblock_is_region_memory(q, 4 * G - 1, 2));
	assert_int_equal(quarry_memblock_remove(q, 4 * G - 1, 2), 0);
	assert_false(quarry_memblock_is_memory(q, 4 * G - 1));
	assert_false(quarry_memblock_is_memory(q, 4 * G));
	assert_true(quarry_memblock_is_memory(q, 4 * G + 1));
}

static void test_M12_alloc_clears_and_raw_does_not(void **state)
{
	struct quarry *q = *state;
	unsigned char *ram = (unsigned char *)q->direct_map, *p;

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	memset(ram + 8 * M, 0xaa, 8 * M);
	p = quarry_memblock_alloc(q, 100, 64);
	assert_ptr_equal(p, ram + 16 * M - 128);
	for (int i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(p[100], 0xaa); /* nothing beyond */
	p = quarry_memblock_alloc_raw(q, 64, 64);
	assert_int_equal(p[0], 0xaa);
	assert_int_equal(quarry_memblock_free(q, p, 64), 0);
	assert_int_equal(quarry_memblock_free(q, NULL, 64), 0);
	assert_int_equal(quarry_memblock_reserved_size(q), 100);
	valid(q);
}

static void test_M12_retries_below_min_addr_and_on_other_nodes(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add_node(q, 0, 8 * M, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 8 * M, 8 * M, 1, 0), 0);
	assert_int_equal(q->no_access, true);
	assert_ptr_equal(quarry_memblock_alloc_from(q, M, M, 12 * M),
			 quarry_phys_to_virt(q, 15 * M));
	assert_ptr_equal(quarry_memblock_alloc_from(q, M, M, 15 * M),
			 quarry_phys_to_virt(q, 14 * M));
	assert_ptr_equal(quarry_memblock_alloc_node(q, M, M, 0), quarry_phys_to_virt(q, 7 * M));
	assert_ptr_equal(quarry_memblock_alloc_node(q, 7 * M, M, 1),
			 NULL); /* free: 8..14 and 0..7, page 0 excepted */
	assert_ptr_equal(quarry_memblock_alloc_node(q, 6 * M, M, 0), quarry_phys_to_virt(q, M));
	assert_ptr_equal(quarry_memblock_alloc_node(q, M, M, 0), quarry_phys_to_virt(q, 13 * M));
	assert_null(quarry_memblock_alloc_exact_nid_raw(q, M, M, 0, 0, 0));
	assert_ptr_equal(quarry_memblock_alloc_exact_nid_raw(q, M, M, 0, 0, 1),
			 quarry_phys_to_virt(q, 12 * M));
	assert_ptr_equal(quarry_memblock_alloc_try_nid(q, M, M, 0, 10 * M, 1),
			 quarry_phys_to_virt(q, 9 * M));
	assert_int_equal(quarry_memblock_phys_alloc_try_nid(q, M, M, 5), 11 * M);
	assert_ptr_equal(quarry_memblock_alloc_low(q, M, M), quarry_phys_to_virt(q, 10 * M));
	valid(q);
}

static void test_M12_align_0_is_a_cache_line(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	assert_int_equal(quarry_memblock_phys_alloc(q, 1, 0), 2 * M - 64);
	assert_non_null(strstr(said.log[0], "alignment 0"));
	assert_int_equal(quarry_memblock_phys_alloc(q, 1, 3), 0);
	assert_int_equal(quarry_memblock_phys_alloc(q, 0, 8), 0);
}

static void test_M12_failure_is_null_or_panic(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	snap(q, &before_fail);
	assert_null(quarry_memblock_alloc(q, 2 * M, 64));
	assert_int_equal(quarry_memblock_phys_alloc(q, TOP, 64), 0);
	unchanged_since(q);
	assert_ptr_equal(quarry_memblock_alloc_or_panic(q, K, K),
			 quarry_phys_to_virt(q, 2 * M - K));
	q->port.panic = test_panic;
	if (setjmp(panicked) == 0) {
		quarry_memblock_alloc_or_panic(q, 2 * M, 64);
		fail();
	}
	valid(q);
}

/* Whether @type has, from *i on, the region that the log shows. */
static void log_region(const struct memblock_type *type, unsigned long *i,
		       const struct boot_log_line *l)
{
	region_is(type, (*i)++, l->base, l->base + l->size, l->nid, 0);
}

static void *log_expect(struct quarry *q, const struct boot_log_line *l)
{
	return quarry_phys_to_virt(q, l->base);
}

static void test_M12_every_address_of_a_linux_boot(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);
	unsigned long memory = 0, reserved = 0;

	for (size_t i = 0; i < sizeof(boot_log) / sizeof(boot_log[0]); i++) {
		const struct boot_log_line *l = &boot_log[i];

		switch (l->kind) {
		case START_MEMORY:
			assert_int_equal(quarry_memblock_add(q, l->base, l->size), 0);
			break;
		case START_RESERVED:
		case RESERVE:
			assert_int_equal(quarry_memblock_reserve(q, l->base, l->size), 0);
			break;
		case PHYS_FREE:
			assert_int_equal(quarry_memblock_phys_free(q, l->base, l->size), 0);
			break;
		case PHYS_RANGE:
			assert_int_equal(quarry_memblock_phys_alloc_range(q, l->size, l->align,
									  l->min, l->max),
					 l->base);
			break;
		case PHYS_TRY_NID:
			assert_int_equal(
				quarry_memblock_phys_alloc_try_nid(q, l->size, l->align, l->nid),
				l->base);
			break;
		case TRY_NID:
			assert_ptr_equal(quarry_memblock_alloc_try_nid(q, l->size, l->align, l->min,
								       l->max, l->nid),
					 log_expect(q, l));
			break;
		case TRY_NID_RAW:
			assert_ptr_equal(quarry_memblock_alloc_try_nid_raw(q, l->size, l->align,
									   l->min, l->max, l->nid),
					 log_expect(q, l));
			break;
		case EXACT_NID_RAW:
			assert_ptr_equal(quarry_memblock_alloc_exact_nid_raw(
						 q, l->size, l->align, l->min, l->max, l->nid),
					 log_expect(q, l));
			break;
		case SET_NODES:
			assert_int_equal(
				quarry_memblock_set_node(q, l->base, l->size, &mb->memory, l->nid),
				0);
			assert_int_equal(quarry_memblock_set_node(q, l->base, l->size,
								  &mb->reserved, l->nid),
					 0);
			break;
		case DUMP_MEMORY:
			log_region(&mb->memory, &memory, l);
			break;
		case DUMP_RESERVED:
			log_region(&mb->reserved, &reserved, l);
			break;
		}
		valid(q);
	}
	assert_int_equal(memory, 3);
	assert_int_equal(reserved, 7);
}

/* ---- M13: hand-off ---- */

static struct {
	pfn_t start[256], end[256];
	unsigned int n;
	unsigned long pages;
} given;

static void give(struct quarry *q, pfn_t start, pfn_t end, void *arg)
{
	(void)q;
	assert_ptr_equal(arg, &given);
	assert_true(start < end);
	assert_true(given.n < 256);
	given.start[given.n] = start;
	given.end[given.n++] = end;
	given.pages += (unsigned long)(end - start);
}

static void test_M13_free_all_rounds_inward_and_counts(void **state)
{
	struct quarry *q = *state;
	unsigned long pages;

	memset(&given, 0, sizeof(given));
	assert_int_equal(quarry_memblock_add_node(q, 0x1000, 0x9ec00, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, M, 7 * M, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 8 * M, M, 0, MEMBLOCK_NOMAP), 0);
	assert_int_equal(quarry_memblock_add_node(q, 9 * M, M, 0, MEMBLOCK_DRIVER_MANAGED), 0);
	assert_int_equal(quarry_memblock_add_node(q, 10 * M, M, 1, MEMBLOCK_HOTPLUG), 0);
	assert_int_equal(quarry_memblock_add_node(q, 11 * M, M, 1, MEMBLOCK_MIRROR), 0);
	assert_int_equal(quarry_memblock_reserve(q, M + 100, 1), 0);
	assert_int_equal(quarry_memblock_reserve(q, 2 * M + 5000, 10000), 0);
	pages = quarry_memblock_free_all(q, give, &given);
	assert_int_equal(pages, given.pages);
	assert_int_equal(given.n, 5);
	assert_int_equal(given.start[0], 1);
	assert_int_equal(given.end[0], 0x9f);
	assert_int_equal(given.start[1], 0x101);
	assert_int_equal(given.end[1], 0x201);
	assert_int_equal(given.start[2], 0x204);
	assert_int_equal(given.end[2], 0x800);
	assert_int_equal(given.start[3], 0xa00);
	assert_int_equal(given.end[4], 0xc00);
	assert_int_equal(quarry_memblock_phys_mem_size(q), 0x9ec00 + 11 * M);
	region_is(&quarry_memblock(q)->memory, 4, 10 * M, 11 * M, 1, 0);
	valid(q);
}

/* Pages that do not fit a block of their alignment go by smaller ones; what is reserved is not counted. */
static void test_M13_hand_off_in_blocks_of_every_order(void **state)
{
	static bool free[64 * 256];
	const pfn_t pages = QUARRY_ARRAY_SIZE(free);
	unsigned long want[QUARRY_NR_ORDERS], got[QUARRY_NR_ORDERS], sum = 0;
	struct quarry *q = *state;
	struct quarry_totals totals;

	assert_int_equal(quarry_memblock_add_node(q, 0, 40 * M + 3 * 4096, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 48 * M + 4096, 15 * M, 1, 0), 0);
	memset(free, 0, sizeof(free));
	memset(free, 1, 40 * 256 + 3);
	memset(free + 48 * 256 + 1, 1, 15 * 256);
	for (pfn_t at = 0, run = 1; at + run < pages; at += 2 * run + 1, run = run * 3 / 2 + 1) {
		assert_int_equal(quarry_memblock_reserve(q, at * 4096 + 100, run * 4096 - 200), 0);
		memset(free + at, 0, run);
	}
	assert_int_equal(quarry_boot(q, NULL), 0);
	block_orders_of(free, pages, want);
	block_orders_had(q, got);
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		assert_int_equal(got[o], want[o]);
		sum += want[o] << o;
	}
	assert_true(want[0] > 2 && want[QUARRY_MAX_ORDER] >= 2);
	quarry_totals(q, &totals);
	assert_int_equal(totals.managed, sum);
	assert_int_equal(totals.present, 55 * 256 + 3);
	assert_int_equal(quarry_check(q, &to_stderr), 0);
}

static void test_M13_empty_map_gives_nothing(void **state)
{
	struct quarry *q = *state;

	memset(&given, 0, sizeof(given));
	assert_int_equal(quarry_memblock_free_all(q, give, &given), 0);
	assert_int_equal(quarry_memblock_discard(q, give, &given), 0);
	assert_int_equal(given.n, 0);
}

static void test_M13_discard_gives_back_doubled_arrays(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, G, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 150);
	fill(q, &mb->memory, 150);
	memset(&given, 0, sizeof(given));
	assert_int_equal(quarry_memblock_free_all(q, give, &given), 16 * M / (4 * K) - 4);
	assert_int_equal(given.n, 1);
	assert_int_equal(quarry_memblock_discard(q, give, &given), 4);
	assert_int_equal(given.pages, 16 * M / (4 * K));
	assert_ptr_equal(mb->memory.regions, mb->memory_init);
	assert_int_equal(mb->reserved.max, 128);
	assert_int_equal(mb->memory.total_size, 0);
	valid(q);
}

static void test_M13_free_late_gives_whole_pages(void **state)
{
	struct quarry *q = *state;

	memset(&given, 0, sizeof(given));
	assert_int_equal(quarry_memblock_free_late(q, 100, 3 * 4096, give, &given), 2);
	assert_int_equal(given.start[0], 1);
	assert_int_equal(given.end[0], 3);
	assert_int_equal(quarry_memblock_free_late(q, 100, 4096, give, &given), 0);
	assert_int_equal(quarry_memblock_free_late(q, TOP - 100, TOP, give, &given), 0);
	assert_int_equal(given.n, 1);
}

/* ---- M14: limits and questions ---- */

static void test_M14_enforce_memory_limit_cuts_both_lists(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, 0, 4 * M), 0);
	assert_int_equal(quarry_memblock_add(q, 8 * M, 4 * M), 0);
	assert_int_equal(quarry_memblock_reserve(q, 8 * M, 8 * M), 0);
	snap(q, &before_fail);
	assert_int_equal(quarry_memblock_enforce_memory_limit(q, 0), 0);
	assert_int_equal(quarry_memblock_enforce_memory_limit(q, 9 * M), 0);
	unchanged_since(q);
	assert_int_equal(quarry_memblock_enforce_memory_limit(q, 5 * M), 0);
	assert_int_equal(quarry_memblock_end_of_DRAM(q), 9 * M);
	assert_int_equal(quarry_memblock_phys_mem_size(q), 5 * M);
	region_is(&mb->reserved, 0, 8 * M, 9 * M, QUARRY_NO_NODE, 0);
	valid(q);
}

static void test_M14_limits_spare_memblocks_own_arrays(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	fill(q, &mb->reserved, 150);
	assert_int_equal(mb->reserved_phys, 16 * M - 8 * K);
	assert_int_equal(quarry_memblock_enforce_memory_limit(q, 2 * M), 0);
	assert_true(quarry_memblock_is_region_reserved(q, 16 * M - 8 * K, 8 * K));
	assert_int_equal(quarry_memblock_end_of_DRAM(q), 2 * M);
	valid(q);
	assert_int_equal(quarry_memblock_cap_memory_range(q, M, 100 * K), 0);
	assert_int_equal(mb->reserved.cnt, 8); /* 7 of the 150, and the array */
	valid(q);
}

static void test_M14_cap_memory_range_keeps_nomap(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_cap_memory_range(q, M, M), 0); /* no memory: a warning */
	assert_int_equal(said.logs, 1);
	assert_int_equal(quarry_memblock_add_node(q, 0, 4 * M, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 4 * M, 4 * M, 0, MEMBLOCK_NOMAP), 0);
	assert_int_equal(quarry_memblock_add_node(q, 8 * M, 4 * M, 0, 0), 0);
	assert_int_equal(quarry_memblock_reserve(q, 0, 12 * M), 0);
	assert_int_equal(quarry_memblock_cap_memory_range(q, M, 0), 0);
	assert_int_equal(quarry_memblock_phys_mem_size(q), 12 * M);
	assert_int_equal(quarry_memblock_cap_memory_range(q, 3 * M, 2 * M), 0);
	assert_int_equal(mb->memory.cnt, 2);
	region_is(&mb->memory, 0, 3 * M, 4 * M, 0, 0);
	region_is(&mb->memory, 1, 4 * M, 8 * M, 0, MEMBLOCK_NOMAP);
	region_is(&mb->reserved, 0, 3 * M, 5 * M, QUARRY_NO_NODE, 0);
	valid(q);
	assert_int_equal(quarry_memblock_cap_memory_range(q, G, TOP), 0);
	assert_int_equal(mb->memory.cnt, 1);
	assert_int_equal(mb->reserved.total_size, 0);
	valid(q);
}

static void test_M14_mem_limit_remove_map(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add_node(q, 0, 4 * M, 0, 0), 0);
	assert_int_equal(quarry_memblock_add_node(q, 8 * M, 4 * M, 0, MEMBLOCK_NOMAP), 0);
	assert_int_equal(quarry_memblock_mem_limit_remove_map(q, 0), 0);
	assert_int_equal(quarry_memblock_mem_limit_remove_map(q, 100 * M), 0);
	assert_int_equal(mb->memory.total_size, 8 * M);
	assert_int_equal(quarry_memblock_mem_limit_remove_map(q, M), 0);
	region_is(&mb->memory, 0, 0, M, 0, 0);
	region_is(&mb->memory, 1, 8 * M, 12 * M, 0, MEMBLOCK_NOMAP);
	valid(q);
}

static void test_M14_trim_memory(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, 0x1000, 0x9ec00), 0);
	assert_int_equal(quarry_memblock_add(q, 0xa0100, 0x1e00), 0);
	assert_int_equal(quarry_memblock_add(q, TOP - 100, 100), 0);
	assert_int_equal(quarry_memblock_trim_memory(q, 0), -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_trim_memory(q, 3), -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_trim_memory(q, 4096), 0);
	assert_int_equal(mb->memory.cnt, 1);
	region_is(&mb->memory, 0, 0x1000, 0x9f000, QUARRY_NO_NODE, 0);
	valid(q);
	assert_int_equal(quarry_memblock_trim_memory(q, M), 0);
	assert_int_equal(mb->memory.total_size, 0);
	valid(q);
}

static void test_M14_questions(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_start_of_DRAM(q), 0);
	assert_int_equal(quarry_memblock_end_of_DRAM(q), 0);
	assert_false(quarry_memblock_is_memory(q, 0));
	assert_false(quarry_memblock_is_region_memory(q, 0, 0));
	assert_false(quarry_memblock_is_region_reserved(q, 0, TOP));
	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	assert_int_equal(quarry_memblock_add_node(q, 2 * M, M, 0, MEMBLOCK_NOMAP), 0);
	assert_int_equal(quarry_memblock_reserve(q, M, K), 0);
	assert_int_equal(quarry_memblock_start_of_DRAM(q), M);
	assert_int_equal(quarry_memblock_end_of_DRAM(q), 3 * M);
	assert_true(quarry_memblock_is_memory(q, M));
	assert_false(quarry_memblock_is_memory(q, M - 1));
	assert_false(quarry_memblock_is_memory(q, 3 * M));
	assert_true(quarry_memblock_is_memory(q, 3 * M - 1));
	assert_false(quarry_memblock_is_map_memory(q, 3 * M - 1));
	assert_true(quarry_memblock_is_map_memory(q, 2 * M - 1));
	assert_true(quarry_memblock_is_region_memory(q, M, M));
	assert_false(quarry_memblock_is_region_memory(q, M, M + 1)); /* two regions */
	assert_false(quarry_memblock_is_region_memory(q, M, TOP));
	assert_true(quarry_memblock_is_region_reserved(q, 0, M + 1));
	assert_false(quarry_memblock_is_region_reserved(q, 0, M));
	assert_false(quarry_memblock_is_region_reserved(q, M + K, TOP));
	assert_true(quarry_memblock_overlaps_region(&quarry_memblock(q)->memory, 0, TOP));
}

/* ---- big maps ---- */

static void test_M4_ten_thousand_regions_in_any_order(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);
	uint64_t order = 1;

	assert_int_equal(quarry_memblock_add(q, 64 * G, G), 0);
	quarry_memblock_allow_resize(q);
	for (unsigned int i = 0; i < 10000; i++) {
		order = (order * 16381 + 1) & 16383; /* each number below 2^14 once */
		assert_int_equal(quarry_memblock_reserve(q, order * M, 4 * K), 0);
	}
	assert_true(mb->reserved.cnt >= 10000);
	valid(q);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_not_equal(quarry_memblock_phys_alloc(q, 4 * K, 4 * K), 0);
	assert_int_equal(quarry_memblock_phys_free(q, 0, 64 * G), 0);
	assert_true(mb->reserved.regions[0].base >= 64 * G);
	valid(q);
}

/* ---- side by side with the model ---- */

static struct model_memblock model;
static struct memblock_region expected[MODEL_UNITS];

static uint64_t rng;
static char last_op[160]; /* for the message of a failure */

static uint64_t rnd(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

static int rnd_nid(void)
{
	return (int)rnd(5) - 1;
}

/* Short ranges mostly, so that lists grow; now and then one to the end of the address space. */
static void rnd_range(phys_addr_t *base, phys_addr_t *size)
{
	uint64_t kind = rnd(32);

	*base = rnd(MODEL_UNITS) * MODEL_UNIT;
	*size = rnd(kind < 24 ? 8 : kind < 31 ? 200 : MODEL_UNITS) * MODEL_UNIT;
	if (*base + *size > MODEL_UNITS * MODEL_UNIT)
		*size = MODEL_UNITS * MODEL_UNIT - *base;
	if (kind == 31 && rnd(4) == 0)
		*size = TOP;
}

static bool same_list(const struct memblock_type *t, const struct model_list *l)
{
	size_t n = model_regions(l, expected);

	if (n == 0)
		return t->cnt == 1 && t->regions[0].size == 0;
	return n == t->cnt && memcmp(expected, t->regions, n * sizeof(expected[0])) == 0;
}

/* A new array must lie in free memory of the model, outside what is being reserved. */
static bool model_array(phys_addr_t was, phys_addr_t was_size, phys_addr_t now,
			phys_addr_t now_size, phys_addr_t base, phys_addr_t size, bool avoid)
{
	if (now % QUARRY_PAGE_SIZE != 0 || now == 0)
		return false;
	for (phys_addr_t a = now; a < now + now_size; a += MODEL_UNIT) {
		const struct model_unit *u = &model.memory.unit[a / MODEL_UNIT];

		if (!u->present || (u->flags & ~(uint32_t)MEMBLOCK_MIRROR) != 0 ||
		    model.reserved.unit[a / MODEL_UNIT].present)
			return false;
	}
	if (avoid && base < now + now_size && now < base + size)
		return false;
	if (was != 0)
		model_cut(&model.reserved, was, was_size);
	model_add(&model.reserved, now, now_size, QUARRY_NO_NODE, 0);
	return true;
}

static phys_addr_t array_bytes(unsigned long max)
{
	return (max * sizeof(struct memblock_region) + QUARRY_PAGE_SIZE - 1) &
	       ~(phys_addr_t)(QUARRY_PAGE_SIZE - 1);
}

/* What moved since @was: enter it in the model. */
static bool follow_arrays(struct quarry *q, const struct memblock *was, phys_addr_t base,
			  phys_addr_t size, bool avoid)
{
	struct memblock *mb = quarry_memblock(q);

	if (mb->memory_phys != was->memory_phys &&
	    !model_array(was->memory_phys, array_bytes(was->memory.max), mb->memory_phys,
			 array_bytes(mb->memory.max), 0, 0, false))
		return false;
	return mb->reserved_phys == was->reserved_phys ||
	       model_array(was->reserved_phys, array_bytes(was->reserved.max), mb->reserved_phys,
			   array_bytes(mb->reserved.max), base, size, avoid);
}

static bool holds_array(const struct memblock *mb, phys_addr_t base, phys_addr_t size)
{
	phys_addr_t end = size > ~base ? TOP : base + size;

	return (mb->memory_phys != 0 && base < mb->memory_phys + array_bytes(mb->memory.max) &&
		mb->memory_phys < end) ||
	       (mb->reserved_phys != 0 &&
		base < mb->reserved_phys + array_bytes(mb->reserved.max) &&
		mb->reserved_phys < end);
}

/* What the reserved list had where an array lies, before a limit cut it. */
static void keep_array(const struct model_list *was, phys_addr_t at, phys_addr_t size)
{
	if (at != 0)
		memcpy(&model.reserved.unit[at / MODEL_UNIT], &was->unit[at / MODEL_UNIT],
		       size / MODEL_UNIT * sizeof(was->unit[0]));
}

static bool step_alloc(struct quarry *q)
{
	static const phys_addr_t aligns[] = {MODEL_UNIT, 2 * MODEL_UNIT, 4 * K, 16 * K, 64 * K};
	struct memblock was = *quarry_memblock(q);
	struct model_request req = {.size = (1 + rnd(24)) * MODEL_UNIT,
				    .align = aligns[rnd(5)],
				    .min = rnd(4) == 0 ? rnd(MODEL_UNITS) * MODEL_UNIT : 0,
				    .max = rnd(4) == 0 ? rnd(MODEL_UNITS) * MODEL_UNIT : 0,
				    .nid = rnd_nid()};
	phys_addr_t want = model_find(&model, &req), got = 0;
	unsigned int kind = (unsigned int)rnd(3);
	void *p;

	if (kind == 0) {
		req.nid = QUARRY_NO_NODE;
		want = model_find(&model, &req);
		got = quarry_memblock_phys_alloc_range(q, req.size, req.align, req.min, req.max);
	} else {
		if (req.max > model.limit)
			req.max = model.limit;
		req.exact = kind == 2;
		want = model_find(&model, &req);
		if (want == 0) {
			req.min = 0;
			want = model_find(&model, &req);
		}
		p = req.exact ? quarry_memblock_alloc_exact_nid_raw(q, req.size, req.align, req.min,
								    req.max, req.nid)
			      : quarry_memblock_alloc_try_nid(q, req.size, req.align, req.min,
							      req.max, req.nid);
		got = p != NULL ? quarry_virt_to_phys(q, p) : 0;
	}
	snprintf(last_op, sizeof(last_op),
		 "alloc %u: size 0x%llx align 0x%llx min 0x%llx max 0x%llx nid %d: 0x%llx, not "
		 "0x%llx",
		 kind, (unsigned long long)req.size, (unsigned long long)req.align,
		 (unsigned long long)req.min, (unsigned long long)req.max, req.nid,
		 (unsigned long long)got, (unsigned long long)want);
	if (got == 0 && want != 0) /* it was found, but the array was full */
		return was.reserved.cnt >= was.reserved.max - 1;
	if (got != want || !follow_arrays(q, &was, want, req.size, true))
		return false;
	model_add(&model.reserved, got, got != 0 ? req.size : 0, QUARRY_NO_NODE, 0);
	return true;
}

static bool step_limits(struct quarry *q)
{
	static struct model_list reserved;
	struct memblock *mb = quarry_memblock(q), was = *mb;
	phys_addr_t base, size;
	bool moved;
	int err;

	snprintf(last_op, sizeof(last_op), "limit or setting");
	rnd_range(&base, &size);
	switch (rnd(12)) {
	case 0:
		base = (MODEL_UNITS / 2 + rnd(MODEL_UNITS / 2)) * MODEL_UNIT;
		err = quarry_memblock_enforce_memory_limit(q, base);
		moved = follow_arrays(q, &was, 0, 0, false);
		reserved = model.reserved;
		if (err == 0)
			model_enforce_limit(&model, base);
		break;
	case 1:
		base = rnd(MODEL_UNITS / 8) * MODEL_UNIT;
		size = (MODEL_UNITS / 2 + rnd(MODEL_UNITS / 2)) * MODEL_UNIT;
		err = quarry_memblock_cap_memory_range(q, base, size);
		moved = follow_arrays(q, &was, 0, 0, false);
		reserved = model.reserved;
		if (err == 0)
			model_cap(&model, base, size);
		break;
	case 2:
		base = (MODEL_UNITS / 2 + rnd(MODEL_UNITS / 2)) * MODEL_UNIT;
		err = quarry_memblock_mem_limit_remove_map(q, base);
		moved = follow_arrays(q, &was, 0, 0, false);
		reserved = model.reserved;
		if (err == 0 && model_max_addr(&model, base) != TOP)
			model_cap(&model, 0, model_max_addr(&model, base));
		break;
	case 3:
		size = 2 * MODEL_UNIT << rnd(3);
		model_trim(&model, size);
		return quarry_memblock_trim_memory(q, size) == 0;
	case 4:
	case 5:
		model.bottom_up = !model.bottom_up;
		quarry_memblock_set_bottom_up(q, model.bottom_up);
		return true;
	case 6:
	case 7:
		model.limit =
			rnd(2) ? MEMBLOCK_ALLOC_ANYWHERE : (1 + rnd(MODEL_UNITS)) * MODEL_UNIT;
		quarry_memblock_set_current_limit(q, model.limit);
		return true;
	default:
		return true;
	}
	keep_array(&reserved, mb->memory_phys, array_bytes(mb->memory.max));
	keep_array(&reserved, mb->reserved_phys, array_bytes(mb->reserved.max));
	return moved && (err == 0 || err == -QUARRY_ENOMEM);
}

/* One change of a range; the model follows if it was made. */
static bool step_range(struct quarry *q)
{
	static const uint32_t flags[] = {
		0, 0, MEMBLOCK_HOTPLUG, MEMBLOCK_MIRROR, MEMBLOCK_NOMAP, MEMBLOCK_DRIVER_MANAGED};
	struct memblock *mb = quarry_memblock(q), was = *mb;
	uint32_t flag = flags[rnd(6)];
	phys_addr_t base, size;
	int nid = rnd_nid(), err;
	unsigned int op = (unsigned int)rnd(12);
	bool reserved = op < 4 || op == 11, fits, tight;
	const struct memblock_type *list;

	rnd_range(&base, &size);
	if (size == TOP && (op < 2 || (op >= 4 && op < 7)))
		size = MODEL_UNITS * MODEL_UNIT - base; /* the model ends there */
	switch (op) {
	case 0:
	case 1:
		err = quarry_memblock_reserve_node(q, base, size, nid);
		break;
	case 2:
	case 3:
		err = quarry_memblock_phys_free(q, base, size);
		if (err == -QUARRY_EBUSY)
			return holds_array(&was, base, size);
		if (size != 0 && holds_array(&was, base, size))
			return false;
		break;
	case 4:
	case 5:
	case 6:
		err = quarry_memblock_add_node(q, base, size, nid, flag);
		break;
	case 7:
		err = quarry_memblock_remove(q, base, size);
		break;
	case 8:
		err = quarry_memblock_set_node(q, base, size, &mb->memory, nid);
		break;
	case 9:
		err = flag == MEMBLOCK_MIRROR    ? quarry_memblock_mark_mirror(q, base, size)
		      : flag == MEMBLOCK_HOTPLUG ? quarry_memblock_mark_hotplug(q, base, size)
						 : quarry_memblock_mark_nomap(q, base, size);
		break;
	case 10:
		err = flag == MEMBLOCK_HOTPLUG ? quarry_memblock_clear_hotplug(q, base, size)
					       : quarry_memblock_clear_nomap(q, base, size);
		break;
	default:
		err = quarry_memblock_set_node(q, base, size, &mb->reserved, nid);
		break;
	}
	list = reserved ? &was.reserved : &was.memory;
	fits = (list->total_size != 0 ? list->cnt : 0) +
		       model_pieces(reserved ? &model.reserved : &model.memory, base, size) <=
	       list->max;
	tight = list->cnt + 2 > list->max;
	snprintf(last_op, sizeof(last_op), "range op %u at 0x%llx size 0x%llx nid %d flag %x: %d",
		 op, (unsigned long long)base, (unsigned long long)size, nid, flag, err);
	if (!follow_arrays(q, &was, base, size, reserved))
		return false;
	if (err != 0)
		return err == -QUARRY_ENOMEM && (op < 2 || (op >= 4 && op < 7) ? !fits : tight);
	if (!mb->can_resize && (op < 2 || (op >= 4 && op < 7)) && !fits)
		return false;
	switch (op) {
	case 0:
	case 1:
		model_add(&model.reserved, base, size, nid, 0);
		break;
	case 2:
	case 3:
		model_cut(&model.reserved, base, size);
		break;
	case 4:
	case 5:
	case 6:
		model_add(&model.memory, base, size, nid, flag);
		model.has_mirror |= flag == MEMBLOCK_MIRROR;
		break;
	case 7:
		model_cut(&model.memory, base, size);
		break;
	case 8:
		model_set_node(&model.memory, base, size, nid);
		break;
	case 9:
		model_set_flags(
			&model.memory, base, size,
			flag == MEMBLOCK_MIRROR || flag == MEMBLOCK_HOTPLUG ? flag : MEMBLOCK_NOMAP,
			0);
		model.has_mirror |= flag == MEMBLOCK_MIRROR;
		break;
	case 10:
		model_set_flags(&model.memory, base, size, 0,
				flag == MEMBLOCK_HOTPLUG ? flag : MEMBLOCK_NOMAP);
		break;
	default:
		model_set_node(&model.reserved, base, size, nid);
		break;
	}
	return true;
}

/* Questions and both directions of iteration give what the model has. */
static bool same_answers(struct quarry *q)
{
	static struct memblock_region ranges[MODEL_UNITS];
	phys_addr_t at = rnd(MODEL_UNITS) * MODEL_UNIT + rnd(MODEL_UNIT), start, end;
	const struct model_unit *m = &model.memory.unit[at / MODEL_UNIT];
	phys_addr_t size = rnd(20) * MODEL_UNIT, base = at / MODEL_UNIT * MODEL_UNIT;
	uint32_t flags = (uint32_t)rnd(16);
	int nid = rnd_nid(), got_nid;
	size_t n, k = 0;
	uint64_t i;

	if (quarry_memblock_is_memory(q, at) != m->present ||
	    quarry_memblock_is_map_memory(q, at) !=
		    (m->present && (m->flags & MEMBLOCK_NOMAP) == 0) ||
	    quarry_memblock_is_reserved(q, at) != model.reserved.unit[at / MODEL_UNIT].present ||
	    quarry_memblock_is_region_reserved(q, base, size) !=
		    model_any(&model.reserved, base, size))
		return false;
	n = model_free_ranges(&model, nid, flags, ranges);
	quarry_for_each_free_mem_range(q, i, nid, flags, &start, &end, &got_nid)
	{
		if (k == n || ranges[k].base != start || ranges[k].base + ranges[k].size != end ||
		    ranges[k].nid != got_nid)
			return false;
		k++;
	}
	if (k != n)
		return false;
	quarry_for_each_free_mem_range_reverse(q, i, nid, flags, &start, &end, &got_nid)
	{
		if (k-- == 0 || ranges[k].base != start || ranges[k].base + ranges[k].size != end ||
		    ranges[k].nid != got_nid)
			return false;
	}
	return k == 0;
}

static bool step(struct quarry *q)
{
	uint64_t kind = rnd(16);
	bool ok = kind == 0 ? step_limits(q) : kind < 5 ? step_alloc(q) : step_range(q);

	return ok && same_list(&quarry_memblock(q)->memory, &model.memory) &&
	       same_list(&quarry_memblock(q)->reserved, &model.reserved) && same_answers(q) &&
	       quarry_check_memblock(q, &to_stderr) == 0;
}

static unsigned long max_doubled;

static void play(uint64_t seed, unsigned int steps, bool resize)
{
	struct quarry *q = machine(0);
	struct memblock *mb = quarry_memblock(q);

	rng = seed;
	model_memblock_init(&model);
	if (resize)
		quarry_memblock_allow_resize(q);
	for (unsigned int i = 0; i < steps; i++) {
		if (!step(q))
			fail_msg("model and memblock part: seed %llu, step %u%s, %s",
				 (unsigned long long)seed, i, resize ? ", resizing" : "", last_op);
	}
	if (mb->memory.max + mb->reserved.max > max_doubled)
		max_doubled = mb->memory.max + mb->reserved.max;
	quarry_posix_delete(q);
}

static void test_M4_to_M14_model_side_by_side(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		play(seed * 0x9e3779b97f4a7c15u, 1500, false);
}

static void test_M6_model_side_by_side_with_doubling(void **state)
{
	(void)state;
	max_doubled = 0;
	for (uint64_t seed = 1; seed <= 12; seed++)
		play(seed * 0xd1342543de82ef95u, 1500, true);
	assert_true(max_doubled > 256); /* it did happen */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_M1_empty_type_has_a_dummy_region),
		TEST(test_M1_total_size_is_exact),
		TEST(test_M2_regions_carry_node_and_flags),
		TEST(test_M3_starts_top_down_without_limit_in_static_arrays),
		TEST(test_M4_add_range_caps_at_the_end_of_the_address_space),
		TEST(test_M4_add_range_size_0_is_nothing),
		TEST(test_M4_add_range_inserts_only_what_is_not_covered),
		TEST(test_M4_example_of_the_header),
		TEST(test_M4_ten_thousand_regions_in_any_order),
		TEST(test_M5_neighbours_merge_if_node_and_flags_agree),
		TEST(test_M5_overlap_is_damage_that_the_validator_and_merge_find),
		TEST(test_M6_full_array_fails_until_resize_is_allowed),
		TEST(test_M6_reserved_doubles_above_what_is_reserved_first),
		TEST(test_M6_reserved_doubles_below_if_there_is_no_room_above),
		TEST(test_M6_no_room_for_the_array_changes_nothing),
		TEST(test_M6_old_array_is_freed_unless_static),
		TEST(test_M6_memory_array_doubles_and_doubles_reserved_if_it_must),
		TEST(test_M6_storage_that_fails_is_out_of_memory),
		TEST(test_M6_doubling_is_told),
		cmocka_unit_test_setup_teardown(
			test_M6_after_boot_arrays_come_from_the_late_allocator, setup_ram,
			teardown),
		TEST(test_M7_isolate_splits_at_both_ends),
		TEST(test_M7_isolate_needs_at_most_two_slots),
		TEST(test_M8_remove_cuts_skips_gaps_and_leaves_the_empty_state),
		TEST(test_M9_find_in_range_goes_top_down_or_bottom_up),
		TEST(test_M9_never_below_the_first_page),
		TEST(test_M9_end_0_is_the_current_limit),
		TEST(test_M9_prefers_mirrored_memory_then_takes_any),
		TEST(test_M9_matches_the_node),
		TEST(test_M9_passes_over_flagged_regions),
		TEST(test_M9_bad_arguments_and_the_top_find_nothing),
		TEST(test_M10_reserve_works_outside_memory),
		TEST(test_M10_debug_traces_each_call),
		TEST(test_M11_for_each_mem_range_both_ways),
		TEST(test_M11_for_each_free_mem_range_both_ways),
		TEST(test_M11_cursor_packs_both_indexes),
		TEST(test_M11_for_each_reserved_mem_range_ignores_nodes_and_flags),
		TEST(test_M11_for_each_mem_pfn_range_needs_a_whole_page),
		cmocka_unit_test_setup_teardown(test_M12_alloc_clears_and_raw_does_not, setup_ram,
						teardown),
		TEST(test_M9_a_failure_is_remembered_until_there_is_room),
		TEST(test_M12_virtual_allocations_stay_in_reach),
		TEST(test_M12_retries_below_min_addr_and_on_other_nodes),
		TEST(test_M12_align_0_is_a_cache_line),
		TEST(test_M12_failure_is_null_or_panic),
		TEST(test_M12_every_address_of_a_linux_boot),
		TEST(test_M13_free_all_rounds_inward_and_counts),
		TEST(test_M13_hand_off_in_blocks_of_every_order),
		TEST(test_M13_empty_map_gives_nothing),
		TEST(test_M13_discard_gives_back_doubled_arrays),
		TEST(test_M13_free_late_gives_whole_pages),
		TEST(test_M14_enforce_memory_limit_cuts_both_lists),
		TEST(test_M14_limits_spare_memblocks_own_arrays),
		TEST(test_M14_cap_memory_range_keeps_nomap),
		TEST(test_M14_mem_limit_remove_map),
		TEST(test_M14_trim_memory),
		TEST(test_M14_questions),
		cmocka_unit_test(test_M4_to_M14_model_side_by_side),
		cmocka_unit_test(test_M6_model_side_by_side_with_doubling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
