/* SPDX-License-Identifier: MIT */
/* bootmem, row by row (B1-B19), and beside a model that does everything bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "block_orders.h"
#include "boot_bed.h"
#include "model_bootmem.h"

#define PAGE ((phys_addr_t)QUARRY_PAGE_SIZE)
#define WORD_BITS (8 * sizeof(long))

static int setup_board(void **state)
{
	*state = machine(32 * M);
	return 0;
}

static void valid(struct quarry *q)
{
	assert_int_equal(quarry_check_bootmem(q, &to_stderr), 0);
}

static bootmem_data_t *node(struct quarry *q, int nid)
{
	return &quarry_bootmem(q)->bootmem_node_data[nid];
}

static unsigned long *map_of(struct quarry *q, int nid)
{
	return node(q, nid)->node_bootmem_map;
}

static bool is_taken(const bootmem_data_t *b, pfn_t pfn)
{
	const unsigned int bits = 8 * sizeof(unsigned long);
	pfn_t i = pfn - b->node_min_pfn;

	const unsigned long *map = b->node_bootmem_map;

	return (map[i / bits] >> (i % bits) & 1) != 0;
}

/* Physical address of an allocation. */
static phys_addr_t at(struct quarry *q, const void *p)
{
	return p != NULL ? quarry_virt_to_phys(q, p) : 0;
}

/* Node 0 of 1024 pages from page 0, RAM all of it, bitmap at page 1 and page 0 reserved. */
static void small_node(struct quarry *q)
{
	assert_int_equal(quarry_init_bootmem(q, 1, 1024), 128);
	assert_int_equal(quarry_free_bootmem(q, 0, 4 * M), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 0, 2 * PAGE, BOOTMEM_DEFAULT), 0);
}

static struct bootmem before_fail;
static bootmem_data_t nodes_before[QUARRY_MAX_NODES];
static unsigned long map_before[3][64];

/* Remembers nodes and the maps of nodes 0..2, of up to 4096 pages each. */
static void snap(struct quarry *q)
{
	before_fail = *quarry_bootmem(q);
	memcpy(nodes_before, before_fail.bootmem_node_data, sizeof(nodes_before));
	for (int nid = 0; nid < 3; nid++) {
		const bootmem_data_t *b = node(q, nid);

		if (b->node_bootmem_map != NULL)
			memcpy(map_before[nid], b->node_bootmem_map,
			       quarry_bootmap_bytes(b->node_low_pfn - b->node_min_pfn));
	}
}

static void unchanged(struct quarry *q)
{
	assert_memory_equal(&before_fail, quarry_bootmem(q), sizeof(before_fail));
	assert_memory_equal(nodes_before, before_fail.bootmem_node_data, sizeof(nodes_before));
	for (int nid = 0; nid < 3; nid++) {
		const bootmem_data_t *b = node(q, nid);

		if (b->node_bootmem_map != NULL)
			assert_memory_equal(
				map_before[nid], b->node_bootmem_map,
				quarry_bootmap_bytes(b->node_low_pfn - b->node_min_pfn));
	}
	valid(q);
}

/* ---- B1 to B8: nodes ---- */

static void test_B1_node_data_is_indexed_by_node(void **state)
{
	struct quarry *q = *state;
	bootmem_data_t *b;

	assert_ptr_equal(quarry_bootmem(q)->bdata_list->next, quarry_bootmem(q)->bdata_list);
	assert_int_equal(quarry_init_bootmem_node(q, 5, 0x1000, 0x1000, 0x2000), 512);
	b = &quarry_bootmem(q)->bootmem_node_data[5];
	assert_int_equal(b->node_min_pfn, 0x1000);
	assert_int_equal(b->node_low_pfn, 0x2000);
	assert_non_null(b->node_bootmem_map);
	assert_int_equal(b->last_end_off, 0);
	assert_int_equal(b->hint_idx, 0);
	assert_ptr_equal(b->list.next, quarry_bootmem(q)->bdata_list);
	assert_ptr_equal(quarry_bootmem(q)->bdata_list->next, &b->list);
	valid(q);
}

static void test_B2_bit_i_is_page_min_plus_i(void **state)
{
	struct quarry *q = *state;

	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 0x900, 100, 300), 0);
	assert_int_equal(quarry_free_bootmem_node(q, 0, 100 * PAGE, PAGE), 0);
	assert_int_equal(quarry_free_bootmem_node(q, 0, 299 * PAGE, PAGE), 0);
	assert_int_equal(map_of(q, 0)[0], ~1ul);
	assert_int_equal(map_of(q, 0)[199 / WORD_BITS], ~(1ul << 199 % WORD_BITS));
	/* [min, low) is half-open. */
	assert_int_equal(quarry_free_bootmem_node(q, 0, 300 * PAGE, PAGE), -QUARRY_EINVAL);
	assert_int_equal(quarry_free_bootmem_node(q, 0, 99 * PAGE, PAGE), -QUARRY_EINVAL);
	valid(q);
}

static void test_B3_map_lies_where_the_caller_says_and_starts_all_ones(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_init_bootmem_node(q, 0, 7, 0, 4096), 512);
	assert_ptr_equal(node(q, 0)->node_bootmem_map, quarry_phys_to_virt(q, 7 * PAGE));
	for (unsigned int i = 0; i < 4096 / WORD_BITS; i++)
		assert_int_equal(map_of(q, 0)[i], ~0ul);
	assert_null(quarry___alloc_bootmem_nopanic(q, 1, 1, 0)); /* RAM must be freed in first */
}

static void test_B4_last_end_off_is_in_bytes(void **state)
{
	struct quarry *q = *state;

	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 100, 100, 200), 0);
	assert_int_equal(quarry_free_bootmem(q, 101 * PAGE, 99 * PAGE), 0);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 100, 64, 0)), 101 * PAGE);
	assert_int_equal(node(q, 0)->last_end_off, PAGE + 100);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 2 * PAGE, PAGE, 0)), 102 * PAGE);
	assert_int_equal(node(q, 0)->last_end_off, 4 * PAGE);
	valid(q);
}

static void test_B5_hint_follows_allocations_and_frees_below(void **state)
{
	struct quarry *q = *state;

	small_node(q);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 3 * PAGE + 1, PAGE, 0)), 2 * PAGE);
	assert_int_equal(node(q, 0)->hint_idx, 6);
	assert_int_equal(quarry_free_bootmem(q, 3 * PAGE, PAGE), 0);
	assert_int_equal(node(q, 0)->hint_idx, 3);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 0)), 3 * PAGE);
	assert_int_equal(quarry_reserve_bootmem(q, 100 * PAGE, PAGE, 0), 0);
	assert_int_equal(quarry_free_bootmem(q, 100 * PAGE, PAGE), 0);
	assert_int_equal(node(q, 0)->hint_idx, 4); /* not raised by a free above */
	valid(q);
}

static void test_B6_list_is_sorted_by_address(void **state)
{
	struct quarry *q = *state;
	struct bootmem *bm = quarry_bootmem(q);
	static const int by_address[] = {1, 2, 3, 0};
	struct list_head *link;

	assert_int_not_equal(quarry_init_bootmem_node(q, 2, 0x300, 0x300, 0x400), 0);
	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 0x500, 0x500, 0x600), 0);
	assert_int_not_equal(quarry_init_bootmem_node(q, 1, 0x100, 0x100, 0x200), 0);
	assert_int_not_equal(quarry_init_bootmem_node(q, 3, 0x400, 0x400, 0x500), 0);
	link = bm->bdata_list->next;
	for (unsigned int i = 0; i < 4; i++, link = link->next) {
		assert_ptr_equal(link, &node(q, by_address[i])->list);
		assert_ptr_equal(link->prev->next, link);
		assert_ptr_equal(link->next->prev, link);
	}
	assert_ptr_equal(link, bm->bdata_list);
	valid(q);
}

static void test_B7_init_core_clamps_traces_and_refuses(void **state)
{
	struct quarry *q = *state;
	pfn_t max = (pfn_t)1 << (QUARRY_MAX_PHYS_BITS - QUARRY_PAGE_SHIFT);

	quarry_bootmem_set_debug(q, true);
	assert_int_equal(quarry_init_bootmem(q, 5, 1024), 128);
	assert_string_equal(said.log[0], "bootmem::init nid=0 start=0 map=5 end=400 mapsize=80");
	quarry_bootmem_set_debug(q, false);
	assert_int_equal(quarry_bootmem(q)->min_low_pfn, 5);
	assert_int_equal(quarry_bootmem(q)->max_low_pfn, 1024);
	assert_int_not_equal(quarry_init_bootmem_node(q, 1, 6, max - 64, TOP), 0);
	assert_int_equal(node(q, 1)->node_low_pfn, max);
	snap(q);
	assert_int_equal(quarry_init_bootmem_node(q, -1, 9, 2000, 2100), 0);
	assert_int_equal(quarry_init_bootmem_node(q, QUARRY_MAX_NODES, 9, 2000, 2100), 0);
	assert_int_equal(quarry_init_bootmem_node(q, 1, 9, 2000, 2100), 0);   /* in use */
	assert_int_equal(quarry_init_bootmem_node(q, 2, 9, 2000, 2000), 0);   /* empty */
	assert_int_equal(quarry_init_bootmem_node(q, 2, 9, max, TOP), 0);     /* empty once cut */
	assert_int_equal(quarry_init_bootmem_node(q, 2, 9, 1000, 2000), 0);   /* node 0's pages */
	assert_int_equal(quarry_init_bootmem_node(q, 2, 5, 2000, 3000), 0);   /* node 0's bitmap */
	assert_int_equal(quarry_init_bootmem_node(q, 2, TOP, 2000, 3000), 0); /* nowhere */
	assert_int_equal(said.reports, 8);
	unchanged(q);
}

static void test_B8_bootmap_bytes_and_pages(void **state)
{
	(void)state;
	assert_int_equal(quarry_bootmap_bytes(0), 0);
	assert_int_equal(quarry_bootmap_bytes(1), sizeof(long));
	assert_int_equal(quarry_bootmap_bytes(64), 8);
	assert_int_equal(quarry_bootmap_bytes(65), 8 + sizeof(long));
	assert_int_equal(quarry_bootmem_bootmap_pages(0), 0);
	assert_int_equal(quarry_bootmem_bootmap_pages(1), 1);
	assert_int_equal(quarry_bootmem_bootmap_pages(32768), 1); /* the header's example */
	assert_int_equal(quarry_bootmem_bootmap_pages(32769), 2);
}

/* ---- B9 to B12: marks ---- */

static void test_B9_double_free_is_reported_and_changes_nothing(void **state)
{
	struct quarry *q = *state;

	small_node(q);
	assert_int_equal(quarry_reserve_bootmem(q, 100 * PAGE, 4 * PAGE, 0), 0);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 10 * PAGE + 5, 64, 200 * PAGE)),
			 200 * PAGE);
	snap(q);
	assert_int_equal(quarry_free_bootmem(q, 102 * PAGE, 4 * PAGE), -QUARRY_EINVAL);
	assert_int_equal(said.reports, 1);
	assert_non_null(strstr(said.report, "double free of pfn 0x68"));
	assert_int_equal(quarry_free_bootmem_node(q, 0, 50 * PAGE, PAGE), -QUARRY_EINVAL);
	unchanged(q);
}

static void test_B10_exclusive_reserve_rolls_back_exactly(void **state)
{
	struct quarry *q = *state;

	small_node(q);
	assert_int_equal(quarry_reserve_bootmem(q, 100 * PAGE, PAGE, BOOTMEM_EXCLUSIVE), 0);
	assert_int_not_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 0)), 0);
	snap(q);
	assert_int_equal(quarry_reserve_bootmem(q, 90 * PAGE, 20 * PAGE, BOOTMEM_EXCLUSIVE),
			 -QUARRY_EBUSY);
	assert_int_equal(quarry_reserve_bootmem_node(q, 0, 100 * PAGE, PAGE, BOOTMEM_EXCLUSIVE),
			 -QUARRY_EBUSY);
	unchanged(q);
	assert_int_equal(said.reports, 0);
	/* Without it a repeat is accepted, and only traced. */
	quarry_bootmem_set_debug(q, true);
	said.logs = 0;
	assert_int_equal(quarry_reserve_bootmem(q, 90 * PAGE, 20 * PAGE, BOOTMEM_DEFAULT), 0);
	assert_string_equal(said.log[0], "bootmem::reserve nid=0 start=5a end=6e");
	assert_string_equal(said.log[1], "bootmem::reserve silent double reserve of 64-64");
	assert_int_equal(said.logs, 2);
	assert_true(is_taken(node(q, 0), 90) && is_taken(node(q, 0), 109));
	assert_false(is_taken(node(q, 0), 89) || is_taken(node(q, 0), 110));
	valid(q);
}

static void test_B11_free_rounds_inward_reserve_outward(void **state)
{
	struct quarry *q = *state;
	const bootmem_data_t *b = node(q, 0);

	small_node(q);
	assert_int_equal(quarry_reserve_bootmem(q, 100 * PAGE + 4095, 2, 0), 0);
	assert_true(is_taken(b, 100) && is_taken(b, 101));
	assert_false(is_taken(b, 102));
	assert_int_equal(quarry_free_bootmem(q, 100 * PAGE + 1, 2 * PAGE - 1), 0);
	assert_true(is_taken(b, 100));
	assert_false(is_taken(b, 101));
	snap(q);
	assert_int_equal(quarry_free_bootmem(q, 100 * PAGE + 1, PAGE), 0); /* no whole page */
	assert_int_equal(quarry_free_bootmem(q, 5000 * PAGE, 0), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 5000 * PAGE, 0, 0), 0);
	unchanged(q);
	assert_int_equal(quarry_free_bootmem(q, TOP - 2 * PAGE, TOP), -QUARRY_EINVAL);
	assert_int_equal(quarry_reserve_bootmem(q, TOP, TOP, 0), -QUARRY_EINVAL);
	assert_int_equal(quarry_reserve_bootmem(q, TOP - 1, TOP, 0), -QUARRY_EINVAL);
	assert_int_equal(said.reports, 3);
	unchanged(q);
}

/* Nodes 0 [0, 1024), 1 [1024, 2048) and, after a hole, 2 [3000, 4000). */
static void three_nodes(struct quarry *q)
{
	assert_int_not_equal(quarry_init_bootmem_node(q, 1, 1024, 1024, 2048), 0);
	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 1, 0, 1024), 0);
	assert_int_not_equal(quarry_init_bootmem_node(q, 2, 3000, 3000, 4000), 0);
	assert_int_equal(quarry_free_bootmem(q, 0, 2048 * PAGE), 0);
	assert_int_equal(quarry_free_bootmem(q, 3000 * PAGE, 1000 * PAGE), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 0, 2 * PAGE, BOOTMEM_EXCLUSIVE), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 1024 * PAGE, PAGE, BOOTMEM_EXCLUSIVE), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 3000 * PAGE, PAGE, BOOTMEM_EXCLUSIVE), 0);
	valid(q);
}

static void test_B12_marks_span_nodes_that_touch(void **state)
{
	struct quarry *q = *state;

	three_nodes(q);
	assert_int_equal(quarry_reserve_bootmem(q, 1020 * PAGE, 10 * PAGE, BOOTMEM_DEFAULT), 0);
	assert_true(is_taken(node(q, 0), 1020) && is_taken(node(q, 0), 1023));
	assert_true(is_taken(node(q, 1), 1029));
	assert_false(is_taken(node(q, 1), 1030));
	assert_int_equal(quarry_free_bootmem(q, 1020 * PAGE, 10 * PAGE), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 1024 * PAGE, PAGE, BOOTMEM_DEFAULT), 0);
	valid(q);
}

static void test_B12_refusal_on_a_later_node_undoes_the_earlier(void **state)
{
	struct quarry *q = *state;

	three_nodes(q);
	assert_int_equal(quarry_reserve_bootmem(q, 1500 * PAGE, PAGE, 0), 0);
	snap(q);
	assert_int_equal(quarry_reserve_bootmem(q, 1000 * PAGE, 600 * PAGE, BOOTMEM_EXCLUSIVE),
			 -QUARRY_EBUSY);
	unchanged(q);
	assert_int_equal(said.reports, 0);
}

static void test_B12_a_hole_is_reported_and_changes_nothing(void **state)
{
	struct quarry *q = *state;

	three_nodes(q);
	snap(q);
	assert_int_equal(quarry_reserve_bootmem(q, 2000 * PAGE, 1500 * PAGE, 0), -QUARRY_EINVAL);
	assert_int_equal(quarry_reserve_bootmem(q, 2500 * PAGE, PAGE, 0), -QUARRY_EINVAL);
	assert_int_equal(quarry_free_bootmem(q, 4000 * PAGE, PAGE), -QUARRY_EINVAL);
	assert_int_equal(quarry_reserve_bootmem_node(q, 0, 1023 * PAGE, 2 * PAGE, 0),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_reserve_bootmem_node(q, 7, 0, PAGE, 0), -QUARRY_EINVAL);
	assert_int_equal(said.reports, 5);
	unchanged(q);
}

/* ---- B13 to B17: allocation from a node ---- */

static void test_B13_bad_arguments_are_reported(void **state)
{
	struct quarry *q = *state;

	small_node(q);
	snap(q);
	assert_null(quarry___alloc_bootmem_nopanic(q, 0, 64, 0));
	assert_null(quarry___alloc_bootmem_nopanic(q, 64, 48, 0));
	assert_null(quarry___alloc_bootmem_low_nopanic(q, 64, 64, 4 * G - 63));
	assert_null(quarry___alloc_bootmem_low_nopanic(q, 64, 64, TOP));
	assert_int_equal(said.reports, 4);
	assert_null(quarry___alloc_bootmem_nopanic(q, (size_t)-1, 64, 0));
	assert_null(quarry___alloc_bootmem_nopanic(q, 64, ~(SIZE_MAX >> 1), 0));
	assert_null(quarry___alloc_bootmem_node_nopanic(q, 3, ~(SIZE_MAX >> 1) >> 1, 64, TOP));
	assert_int_equal(said.reports, 4); /* these are possible, just not here */
	unchanged(q);
	/* Where no node is open. */
	assert_int_equal(at(q, quarry___alloc_bootmem_node_nopanic(q, 3, 1, 0, 0)), 2 * PAGE);
}

static void test_B14_goal_step_hint_and_one_wrap(void **state)
{
	struct quarry *q = *state;

	/* The node begins at an odd page: alignment is of absolute pages. */
	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 33, 33, 133), 0);
	assert_int_equal(quarry_free_bootmem(q, 34 * PAGE, 99 * PAGE), 0);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, 8 * PAGE, 0)), 40 * PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 100 * PAGE)), 100 * PAGE);
	assert_int_equal(node(q, 0)->hint_idx, 101 - 33);
	/* The hint lies past the start: begin there, though the goal is lower. */
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 50 * PAGE)), 101 * PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 31 * PAGE, PAGE, 0)), 102 * PAGE);
	/* From the hint there is nothing now: once more from the start. */
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 0)), 34 * PAGE);
	/* A goal that is not inside the node counts as none. */
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 33 * PAGE)), 35 * PAGE);
	valid(q);
}

static void test_B14_wrap_to_index_0(void **state)
{
	struct quarry *q = *state;

	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 900, 64, 128), 0);
	assert_int_equal(quarry_free_bootmem(q, 64 * PAGE, 64 * PAGE), 0);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 60 * PAGE, PAGE, 68 * PAGE)), 68 * PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 4 * PAGE, PAGE, 0)), 64 * PAGE);
	assert_null(quarry___alloc_bootmem_nopanic(q, 1, 1, 0));
	valid(q);
}

static void test_B15_scan_jumps_over_taken_pages_by_steps(void **state)
{
	struct quarry *q = *state;

	small_node(q);
	assert_int_equal(quarry_reserve_bootmem(q, 17 * PAGE, PAGE, 0), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 24 * PAGE, PAGE, 0), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 47 * PAGE, PAGE, 0), 0);
	/* 16 hits 17, 24 is taken itself, 32 hits 47 with 16 pages but not with 15. */
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 16 * PAGE, 8 * PAGE, 16 * PAGE)),
			 48 * PAGE);
	assert_int_equal(quarry_free_bootmem(q, 48 * PAGE, 16 * PAGE), 0);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 15 * PAGE, 8 * PAGE, 16 * PAGE)),
			 48 * PAGE);
	assert_int_equal(quarry_free_bootmem(q, 16 * PAGE, PAGE), -QUARRY_EINVAL);
	valid(q);
}

static void test_B16_packs_into_a_partial_page(void **state)
{
	struct quarry *q = *state;

	small_node(q);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 100, 64, 0)), 2 * PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 100, 64, 0)), 2 * PAGE + 128);
	assert_int_equal(node(q, 0)->hint_idx, 3);
	assert_false(is_taken(node(q, 0), 3)); /* nothing new was needed */
	/* The theory's picture: 1.5 pages at 2.25 pages end at 3.75. */
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 796, 4, 0)), 2 * PAGE + 228);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 3 * PAGE / 2, 64, 0)),
			 2 * PAGE + PAGE / 4);
	assert_true(is_taken(node(q, 0), 3));
	assert_false(is_taken(node(q, 0), 4));
	/* Alignment to a page cannot pack; after a hole there is no packing. */
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 100, PAGE, 0)), 4 * PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 100, 64, 20 * PAGE)), 20 * PAGE);
	valid(q);
}

static void test_B16_never_packs_into_a_page_that_was_freed(void **state)
{
	struct quarry *q = *state;

	small_node(q);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 100, 64, 50 * PAGE)), 50 * PAGE);
	assert_int_equal(quarry_free_bootmem(q, 50 * PAGE, PAGE), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 50 * PAGE, PAGE, BOOTMEM_EXCLUSIVE), 0);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 100, 64, 51 * PAGE)), 51 * PAGE);
	valid(q);
}

static void test_B17_result_is_cleared_and_recorded(void **state)
{
	struct quarry *q = *state;
	unsigned char *p;

	small_node(q);
	memset(quarry_phys_to_virt(q, 2 * PAGE), 0xaa, 4 * PAGE);
	p = quarry___alloc_bootmem(q, 5000, 64, 0);
	assert_ptr_equal(p, quarry_phys_to_virt(q, 2 * PAGE));
	for (int i = 0; i < 5000; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(p[5000], 0xaa);
	assert_int_equal(node(q, 0)->last_end_off, 2 * PAGE + 5000);
	assert_int_equal(node(q, 0)->hint_idx, 4);
	valid(q);
}

static void test_B17_allocations_are_traced(void **state)
{
	struct quarry *q = *state;

	small_node(q);
	quarry_bootmem_set_debug(q, true);
	said.logs = 0;
	assert_non_null(quarry___alloc_bootmem_node(q, 0, 5000, 64, 8 * PAGE));
	assert_string_equal(said.log[0],
			    "bootmem::alloc nid=0 size=1388 [2 pages] align=40 goal=8000 limit=0");
	assert_int_equal(said.logs, 1);
	assert_non_null(quarry___alloc_bootmem(q, PAGE, 128, 0));
	assert_string_equal(said.log[1],
			    "bootmem::alloc nid=-1 size=1000 [1 pages] align=80 goal=0 limit=0");
	said.logs = 1;
	quarry_bootmem_set_debug(q, false);
	assert_non_null(quarry___alloc_bootmem_node(q, 0, 5000, 64, 8 * PAGE));
	assert_int_equal(said.logs, 1);
}

static void test_B17_page_0_is_not_given_as_null(void **state)
{
	struct quarry *q = *state;

	q->direct_map = 0;
	assert_int_not_equal(quarry_init_bootmem(q, 100, 64), 0);
	assert_int_equal(quarry_free_bootmem(q, 0, 64 * PAGE), 0);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 0)), PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem_nopanic(q, 62 * PAGE, PAGE, 0)), 2 * PAGE);
	assert_null(quarry___alloc_bootmem_nopanic(q, 1, 1, 0));
	assert_false(is_taken(node(q, 0), 0));
	valid(q);
}

/* ---- B18: policy ---- */

static void test_B18_nodes_in_order_goal_then_none(void **state)
{
	struct quarry *q = *state;

	three_nodes(q);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 0)), 2 * PAGE);
	/* Nodes wholly below the goal are skipped; */
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 1024 * PAGE)), 1025 * PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 3500 * PAGE)), 3500 * PAGE);
	/* one that nothing satisfies is dropped. */
	assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 9000 * PAGE)), 3 * PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem(q, 1021 * PAGE, PAGE, 3500 * PAGE)),
			 1026 * PAGE);
	assert_null(quarry___alloc_bootmem_nopanic(q, 1021 * PAGE, PAGE, 0));
	valid(q);
}

static void test_B18_node_is_preferred(void **state)
{
	struct quarry *q = *state;

	three_nodes(q);
	assert_int_equal(at(q, quarry___alloc_bootmem_node(q, 1, PAGE, PAGE, 0)), 1025 * PAGE);
	assert_int_equal(at(q, quarry_alloc_bootmem_node(q, 2, 64)), 3001 * PAGE);
	assert_int_equal(at(q, quarry_alloc_bootmem_pages_node(q, 2, 64)), 3002 * PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem_node(q, 2, 1000 * PAGE, PAGE, 0)), 2 * PAGE);
	assert_null(quarry_alloc_bootmem_node_nopanic(q, 2, 1100 * PAGE));
	/* A goal that the node cannot meet: others first, then the node without it. */
	assert_int_equal(at(q, quarry___alloc_bootmem_node(q, 1, PAGE, PAGE, 3100 * PAGE)),
			 1026 * PAGE);
	valid(q);
}

static void test_B18_low_ends_at_4_gib(void **state)
{
	struct quarry *q = *state;
	pfn_t four = 4 * G / PAGE;

	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 10, four - 64, four + 64), 0);
	assert_int_not_equal(quarry_init_bootmem_node(q, 1, 11, four + 64, four + 128), 0);
	assert_int_equal(quarry_free_bootmem(q, (four - 64) * PAGE, 192 * PAGE), 0);
	assert_null(quarry___alloc_bootmem_low_nopanic(q, 65 * PAGE, PAGE, 0));
	assert_int_equal(at(q, quarry___alloc_bootmem_low_node(q, 1, PAGE, PAGE, 0)),
			 (four - 64) * PAGE);
	assert_int_equal(at(q, quarry_alloc_bootmem_low_pages(q, 63 * PAGE)), (four - 63) * PAGE);
	assert_null(quarry_alloc_bootmem_low_pages_nopanic(q, 1));
	if (sizeof(void *) < 8)
		return; /* no pointer reaches the rest */
	assert_int_equal(at(q, quarry___alloc_bootmem_low_node(q, 1, PAGE, PAGE, 4 * G)),
			 (four + 64) * PAGE);
	assert_int_equal(at(q, quarry___alloc_bootmem_node_high(q, 0, PAGE, PAGE, 0)), 4 * G);
	assert_int_equal(at(q, quarry_alloc_bootmem_pages(q, PAGE)), (four + 1) * PAGE);
	assert_int_equal(at(q, quarry_alloc_bootmem(q, 32)), (four + 2) * PAGE);
	assert_int_equal(at(q, quarry_alloc_bootmem_nopanic(q, 32)), (four + 2) * PAGE + 64);
	assert_int_equal(at(q, quarry_alloc_bootmem_align(q, 32, 256)), (four + 2) * PAGE + 256);
	assert_int_equal(at(q, quarry_alloc_bootmem_pages_nopanic(q, 32)), (four + 3) * PAGE);
	valid(q);
}

static void test_B18_without_nopanic_failure_panics(void **state)
{
	struct quarry *volatile q = *state;

	small_node(q);
	snap(q);
	for (volatile int kind = 0; kind < 7; kind++) {
		if (setjmp(panicked) != 0)
			continue;
		switch (kind) {
		case 0:
			quarry___alloc_bootmem(q, 5 * M, 64, 0);
			break;
		case 1:
			quarry___alloc_bootmem_node(q, 0, 5 * M, 64, 0);
			break;
		case 2:
			quarry_alloc_bootmem_low(q, 5 * M);
			break;
		case 3:
			quarry_alloc_bootmem_low_pages_node(q, 0, 5 * M);
			break;
		case 4:
			quarry___alloc_bootmem_node_high(q, 0, 5 * M, 64, 0);
			break;
		case 5:
			quarry___alloc_bootmem_node_high(q, 0, 4 * PAGE, 3, 0);
			break;
		default:
			quarry___alloc_bootmem(q, 0, 64, 0);
			break;
		}
		fail();
	}
	unchanged(q);
}

static void *late_alloc(struct quarry *q, size_t size, int nid)
{
	(void)q;
	assert_int_equal(size, 64);
	return nid == 3 ? &said : NULL;
}

static void late_free(struct quarry *q, void *p)
{
	(void)q;
	(void)p;
}

static void test_B18_after_boot_the_late_allocator_serves(void **state)
{
	struct quarry *q = *state;

	small_node(q);
	snap(q);
	q->stage = QUARRY_STAGE_SLAB;
	assert_null(quarry___alloc_bootmem_nopanic(q, 64, 64, 0));
	quarry_memblock_set_late_alloc(q, late_alloc, late_free);
	assert_ptr_equal(quarry_alloc_bootmem_node(q, 3, 64), &said);
	assert_null(quarry_alloc_bootmem_nopanic(q, 64));
	assert_non_null(strstr(said.log[said.logs - 1], "boot is over"));
	assert_int_equal(quarry_init_bootmem_node(q, 1, 2000, 2000, 3000), 0);
	q->stage = QUARRY_STAGE_BOOT;
	unchanged(q);
}

/* ---- B19: hand-off ---- */

static struct {
	pfn_t start[4096], end[4096];
	unsigned int n;
	unsigned long pages;
} given;

static void give(struct quarry *q, pfn_t start, pfn_t end, void *arg)
{
	(void)q;
	assert_ptr_equal(arg, &given);
	assert_true(start < end && given.n < 4096);
	given.start[given.n] = start;
	given.end[given.n++] = end;
	given.pages += (unsigned long)(end - start);
}

/* 32 MiB of RAM on node 0, bitmap in page 1; holes of every size are reserved. @free: of each page. */
static void board(struct quarry *q, bool *free)
{
	const pfn_t pages = 32 * M / PAGE;

	assert_int_equal(quarry_memblock_add_node(q, 0, 32 * M, 0, MEMBLOCK_NONE), 0);
	assert_int_equal(quarry_init_bootmem(q, 1, pages), pages / 8);
	assert_int_equal(quarry_free_bootmem(q, 0, 32 * M), 0);
	memset(free, 1, pages);
	for (pfn_t at = 0, run = 1; at + run < pages / 2;
	     at += 2 * run + 1, run = run * 3 / 2 + 1) {
		assert_int_equal(quarry_reserve_bootmem(q, at * PAGE, run * PAGE, 0), 0);
		memset(free + at, 0, run);
	}
	/* A word of the bitmap between reserved pages, and one without its first bit. */
	for (pfn_t at = 6400; at <= 6400 + 128; at += 64) {
		assert_int_equal(quarry_reserve_bootmem(q, (at - 1) * PAGE, PAGE, 0), 0);
		free[at - 1] = false;
	}
	assert_int_equal(quarry_reserve_bootmem(q, 6464 * PAGE, PAGE, 0), 0);
	free[6464] = false;
	assert_int_equal(quarry_reserve_bootmem(q, PAGE, PAGE, 0), 0);
	free[1] = true; /* the bitmap's own page is handed over last */
}

/* A clear word of the bitmap is a block of its order, other pages as they fit together; all of it counts. */
static void test_B19_hand_off_in_blocks_of_every_order(void **state)
{
	static bool free[32 * 256];
	struct quarry_boot_params params = {.bootmem = true};
	unsigned long want[QUARRY_NR_ORDERS], got[QUARRY_NR_ORDERS], pages = 0;
	struct quarry *q = *state;
	struct quarry_totals totals;
	unsigned int order;

	board(q, free);
	assert_int_equal(quarry_boot(q, &params), 0);
	block_orders_of(free, QUARRY_ARRAY_SIZE(free), want);
	block_orders_had(q, got);
	for (order = 0; order < QUARRY_NR_ORDERS; order++) {
		assert_int_equal(got[order], want[order]);
		pages += want[order] << order;
	}
	assert_true(want[0] > 5 && want[6] >= 1 && want[QUARRY_MAX_ORDER] >= 1);
	quarry_totals(q, &totals);
	assert_int_equal(totals.managed, pages);
	/* One word, at 6400, is a block of order 6 by itself. */
	assert_int_equal(quarry_pfn_state(q, 6400, &order), QUARRY_PAGE_FREE);
	assert_int_not_equal(quarry_pfn_state(q, 6399, &order), QUARRY_PAGE_FREE);
	assert_null(node(q, 0)->node_bootmem_map);
	assert_int_equal(quarry_check(q, &to_stderr), 0);
}

/* B18: with the real slab behind it. */
static void test_B18_after_boot_slab_serves(void **state)
{
	static bool free[32 * 256];
	struct quarry_boot_params params = {.bootmem = true};
	struct quarry *q = *state;
	void *p;

	board(q, free);
	assert_int_equal(quarry_boot(q, &params), 0);
	p = quarry_alloc_bootmem(q, 100);
	assert_non_null(
		strstr(said.log[(said.logs - 1) % 64], "alloc_bootmem: called when boot is over"));
	assert_non_null(p);
	assert_in_range(quarry_ksize(q, p), 100, 128);
	memset(p, 0xff, 100);
	quarry_kfree(q, p);
	/* Cleared, though the object was used before; of any size that kmalloc has; nodes too. */
	p = quarry_alloc_bootmem_node(q, 0, 100);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(((unsigned char *)p)[i], 0);
	quarry_kfree(q, p);
	p = quarry___alloc_bootmem_low(q, 3 * PAGE, PAGE, 0);
	assert_true(quarry_ksize(q, p) >= 3 * PAGE);
	quarry_kfree(q, p);
	assert_null(quarry_alloc_bootmem_nopanic(q, 64 * M));
	assert_int_equal(said.reports, 0);
	assert_int_equal(quarry_check(q, &to_stderr), 0);
}

/* B14: a node across 4 GiB; nothing is given that a pointer cannot hold. */
static void test_B14_node_across_4_gib(void **state)
{
	const phys_addr_t reach = (phys_addr_t)UINTPTR_MAX;
	struct quarry *q = *state;

	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 0xffff0, 0xffff0, 0x100010), 0);
	assert_int_equal(quarry_free_bootmem(q, 4 * G - 15 * PAGE, 31 * PAGE), 0);
	assert_int_equal(quarry_free_bootmem(q, 4 * G, PAGE), -QUARRY_EINVAL);
	assert_int_equal(quarry_reserve_bootmem(q, 4 * G - 1, 2, BOOTMEM_EXCLUSIVE), 0);
	assert_int_equal(quarry_free_bootmem(q, 4 * G - PAGE, 2 * PAGE), 0);
	assert_int_equal(at(q, quarry___alloc_bootmem_low(q, PAGE, PAGE, 4 * G - 2 * PAGE)),
			 4 * G - 2 * PAGE);
	if (reach > 8 * G)
		assert_int_equal(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 4 * G + PAGE)),
				 4 * G + PAGE);
	else
		assert_true(at(q, quarry___alloc_bootmem(q, PAGE, PAGE, 4 * G + PAGE)) <= reach);
	assert_null(quarry___alloc_bootmem_low_nopanic(q, 16 * PAGE, PAGE, 0));
	valid(q);
}

static void test_B19_free_all_gives_runs_then_the_bitmap(void **state)
{
	struct quarry *q = *state;
	unsigned long pages;

	three_nodes(q);
	assert_int_equal(quarry_reserve_bootmem(q, 100 * PAGE, 100 * PAGE, 0), 0);
	memset(&given, 0, sizeof(given));
	pages = quarry_free_all_bootmem(q, give, &given);
	assert_int_equal(pages, given.pages);
	assert_int_equal(pages, 3048 - 100 - 1);
	assert_int_equal(given.n, 7);
	assert_int_equal(given.start[0], 2);
	assert_int_equal(given.end[0], 100);
	assert_int_equal(given.start[1], 200);
	assert_int_equal(given.end[1], 1024);
	assert_int_equal(given.start[2], 1); /* bitmap of node 0 */
	assert_int_equal(given.end[2], 2);
	assert_int_equal(given.start[3], 1025);
	assert_int_equal(given.start[4], 1024);
	assert_int_equal(given.end[5], 4000);
	assert_null(node(q, 0)->node_bootmem_map);
	assert_int_equal(quarry_free_all_bootmem(q, give, &given), 0);
	/* A closed node refuses. */
	said.reports = 0;
	assert_int_equal(quarry_reserve_bootmem(q, PAGE, PAGE, 0), -QUARRY_EINVAL);
	assert_int_equal(quarry_free_bootmem_node(q, 0, PAGE, PAGE), -QUARRY_EINVAL);
	assert_null(quarry___alloc_bootmem_nopanic(q, 1, 1, 0));
	assert_int_equal(said.reports, 2);
	valid(q);
}

static void test_B19_bitmap_left_free_is_given_once(void **state)
{
	struct quarry *q = *state;

	memset(&given, 0, sizeof(given));
	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 60, 0, 64), 0);
	assert_int_not_equal(quarry_init_bootmem_node(q, 1, 5000, 64, 128), 0); /* of no node */
	assert_int_equal(quarry_free_bootmem(q, 0, 128 * PAGE), 0);
	assert_int_equal(quarry_free_all_bootmem(q, give, &given), 128);
	assert_int_equal(said.reports, 1);
	assert_int_equal(given.n, 4);
	assert_int_equal(given.end[0], 60);
	assert_int_equal(given.start[2], 60);
	assert_int_equal(given.end[2], 61);
}

static void test_B19_free_bootmem_late_gives_whole_pages(void **state)
{
	struct quarry *q = *state;

	memset(&given, 0, sizeof(given));
	assert_int_equal(quarry_free_bootmem_late(q, 100, 3 * PAGE, give, &given), 2);
	assert_int_equal(given.start[0], 1);
	assert_int_equal(given.end[0], 3);
	assert_int_equal(quarry_free_bootmem_late(q, 100, PAGE, give, &given), 0);
	assert_int_equal(given.n, 1);
}

static char said_by_check[256];

/* The first thing said. */
static void keep_text(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	if (said_by_check[0] == '\0')
		snprintf(said_by_check, sizeof(said_by_check), "%.*s", (int)len, text);
}

static void test_B6_validator_finds_damage(void **state)
{
	struct quarry *q = *state;
	bootmem_data_t *b = node(q, 0);
	struct list_head *head = quarry_bootmem(q)->bdata_list, stray = {head, head};

	three_nodes(q);
	b->list.prev = &node(q, 2)->list;
	assert_int_equal(quarry_check_bootmem(q, NULL), 1);
	assert_int_equal(quarry_check(q, NULL), 1);
	b->list.prev = head;
	b->hint_idx = 1025;
	assert_int_equal(quarry_check_bootmem(q, NULL), 1);
	b->hint_idx = 0;
	b->last_end_off = 500 * PAGE + 1;
	assert_int_equal(quarry_check_bootmem(q, NULL), 1);
	b->last_end_off = 1025 * PAGE;
	assert_int_equal(quarry_check_bootmem(q, NULL), 1);
	b->last_end_off = 0;
	node(q, 2)->node_low_pfn = node(q, 2)->node_min_pfn;
	said_by_check[0] = '\0';
	assert_true(quarry_check_bootmem(q, &(struct quarry_out){.write = keep_text}) > 0);
	assert_string_equal(said_by_check, "bootmem: node 2 is empty\n");
	node(q, 2)->node_low_pfn = node(q, 2)->node_min_pfn + 1000;
	map_of(q, 2)[1000 / WORD_BITS] = 0; /* 1000 pages end inside this word */
	assert_int_equal(quarry_check_bootmem(q, NULL), WORD_BITS - 1000 % WORD_BITS);
	map_of(q, 2)[1000 / WORD_BITS] = ~0ul;
	node(q, 2)->list.next = &b->list; /* a ring without its head */
	assert_true(quarry_check_bootmem(q, NULL) > 0);
	node(q, 2)->list.next = &stray;
	assert_true(quarry_check_bootmem(q, NULL) > 0);
	node(q, 2)->list.next = head;
	valid(q);
	node(q, 1)->list.next = head; /* one is left out */
	assert_true(quarry_check_bootmem(q, NULL) > 0);
}

/* ---- side by side with a model that goes bit by bit ---- */

#define MODEL_NODES 3

static struct model_bootmem model; /* by address; so are the node numbers */
static uint64_t rng;
static char last_op[160];

static uint64_t rnd(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

static uint64_t up(uint64_t x, uint64_t align)
{
	return (x + align - 1) / align * align;
}

static bool step_mark(struct quarry *q)
{
	uint64_t addr = rnd(4200 * PAGE), size = rnd(rnd(8) == 0 ? 3000 * PAGE : 40 * PAGE);
	uint64_t page = addr / PAGE * PAGE;
	unsigned int op = (unsigned int)rnd(4);
	int want, got;

	if (op == 0)
		size = rnd(8) == 0 ? size : PAGE + rnd(2) * (addr - page);
	if (op <= 1) {
		want = model_bootmem_mark(&model, up(addr, PAGE) / PAGE, (addr + size) / PAGE,
					  false, false);
		got = quarry_free_bootmem(q, addr, size);
	} else {
		want = size == 0 ? 0
				 : model_bootmem_mark(&model, addr / PAGE,
						      up(addr + size, PAGE) / PAGE, true, op == 2);
		got = quarry_reserve_bootmem(q, addr, size,
					     op == 2 ? BOOTMEM_EXCLUSIVE : BOOTMEM_DEFAULT);
	}
	snprintf(last_op, sizeof(last_op), "mark %u of 0x%llx, 0x%llx bytes: %d, not %d", op,
		 (unsigned long long)addr, (unsigned long long)size, got, want);
	return want == got;
}

static bool step_alloc(struct quarry *q)
{
	uint64_t size = 1 + (rnd(2) ? rnd(300) : rnd(20 * PAGE)), align = (uint64_t)1 << rnd(16);
	uint64_t goal = rnd(3) == 0 ? rnd(4300 * PAGE) : 0, want, got;
	int nid = (int)rnd(MODEL_NODES + 1) - 1;

	if (nid < 0) {
		want = model_bootmem_any(&model, size, align, goal);
		got = at(q, quarry___alloc_bootmem_nopanic(q, size, align, goal));
	} else {
		want = model_bootmem_prefer(&model, nid, size, align, goal);
		got = at(q, quarry___alloc_bootmem_node_nopanic(q, nid, size, align, goal));
	}
	snprintf(last_op, sizeof(last_op),
		 "alloc on %d of 0x%llx bytes, align 0x%llx, goal 0x%llx: 0x%llx, not 0x%llx", nid,
		 (unsigned long long)size, (unsigned long long)align, (unsigned long long)goal,
		 (unsigned long long)got, (unsigned long long)want);
	return want == got;
}

static void play(uint64_t seed, unsigned int steps)
{
	/* Touching nodes, a hole, starts that are no multiple of a word. */
	static const uint64_t bounds[MODEL_NODES][2] = {{1, 1000}, {1000, 2500}, {3001, 4096}};
	struct quarry *q = machine(0);
	unsigned long pages = 0, taken_maps = 3;

	rng = seed;
	memset(&model, 0, sizeof(model));
	for (int i = 0; i < MODEL_NODES; i++) {
		model_bootmem_node(&model, i, bounds[i][0], bounds[i][1]);
		assert_int_not_equal(
			quarry_init_bootmem_node(q, i, bounds[i][0], bounds[i][0], bounds[i][1]),
			0);
		assert_int_equal(
			model_bootmem_mark(&model, bounds[i][0] + 1, bounds[i][1], false, false),
			0);
		assert_int_equal(quarry_free_bootmem(q, (bounds[i][0] + 1) * PAGE,
						     (bounds[i][1] - bounds[i][0] - 1) * PAGE),
				 0);
	}
	for (unsigned int i = 0; i < steps; i++) {
		if (!(rnd(3) == 0 ? step_alloc(q) : step_mark(q)) ||
		    !model_bootmem_same(&model, q, &to_stderr))
			fail_msg("model and bootmem part: seed %llu, step %u, %s",
				 (unsigned long long)seed, i, last_op);
	}
	for (int i = 0; i < MODEL_NODES; i++) {
		const struct model_bootmem_node *n = &model.node[i];

		for (uint64_t p = n->min; p < n->low; p++)
			pages += !n->taken[p - n->min];
		taken_maps -= !n->taken[0];
	}
	memset(&given, 0, sizeof(given));
	assert_int_equal(quarry_free_all_bootmem(q, give, &given), pages + taken_maps);
	assert_int_equal(given.pages, pages + taken_maps);
	quarry_posix_delete(q);
}

static void test_B9_to_B19_model_side_by_side(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		play(seed * 0x9e3779b97f4a7c15u, 1500);
}

/* ---- large nodes: parts of the bitmap that are all alike ---- */

#define LARGE_MIN 77
#define LARGE_PAGES ((17 * G + 5 * M) / PAGE + 13)

static bool large[LARGE_PAGES]; /* reserved */

/* A page, more often than not beside the border of a part. */
static pfn_t large_page(const struct bootmem_chunks *k)
{
	pfn_t i = rnd(LARGE_PAGES);

	if (rnd(3) != 0)
		i = (i >> k->order << k->order) + rnd(3) - 1 + WORD_BITS * rnd(2);
	return i < LARGE_PAGES ? i : LARGE_PAGES - 1;
}

static void large_mark(struct quarry *q, const struct bootmem_chunks *k)
{
	pfn_t from = large_page(k), to = large_page(k) + 1;
	bool reserve = rnd(2) == 0, exclusive = rnd(2) == 0, odd;
	phys_addr_t start;
	int err;

	if (from >= to)
		to = quarry_min(from + 1 + rnd(WORD_BITS * 3), LARGE_PAGES);
	odd = memchr(&large[from], reserve, to - from) != NULL && (exclusive || !reserve);
	start = (LARGE_MIN + from) * PAGE;
	err = reserve ? quarry_reserve_bootmem(q, start, (to - from) * PAGE,
					       exclusive ? BOOTMEM_EXCLUSIVE : BOOTMEM_DEFAULT)
		      : quarry_free_bootmem(q, start, (to - from) * PAGE);
	assert_int_equal(err, !odd ? 0 : reserve ? -QUARRY_EBUSY : -QUARRY_EINVAL);
	if (err == 0)
		memset(&large[from], reserve, to - from);
}

static void large_alloc(struct quarry *q, const struct bootmem_chunks *k)
{
	pfn_t goal = large_page(k), pages = 1 + (rnd(4) == 0 ? rnd(80000) : rnd(100)), i;
	void *p = quarry___alloc_bootmem_nopanic(q, pages * PAGE, PAGE, (LARGE_MIN + goal) * PAGE);

	if (p == NULL)
		return;
	i = at(q, p) / PAGE - LARGE_MIN;
	assert_null(memchr(&large[i], true, pages));
	memset(&large[i], true, pages);
}

/* B2, B9, B11, B19: what is free comes out as a map of one byte a page has it. */
static void large_play(uint64_t seed)
{
	struct quarry *q = machine(0);
	const struct bootmem_chunks *k = &quarry_bootmem(q)->chunks[0];
	unsigned long pages = 0, map_pages = quarry_bootmem_bootmap_pages(LARGE_PAGES);

	rng = seed;
	assert_int_not_equal(
		quarry_init_bootmem_node(q, 0, LARGE_MIN, LARGE_MIN, LARGE_MIN + LARGE_PAGES), 0);
	assert_true(k->order > 0 && LARGE_PAGES >> k->order < QUARRY_BOOTMEM_CHUNKS);
	memset(large, true, sizeof(large));
	for (int i = 0; i < 120; i++) {
		if (rnd(4) == 0)
			large_alloc(q, k);
		else
			large_mark(q, k);
		valid(q);
	}
	assert_int_equal(
		quarry_reserve_bootmem(q, LARGE_MIN * PAGE, map_pages * PAGE, BOOTMEM_DEFAULT), 0);
	memset(large, true, map_pages);
	for (pfn_t i = 0; i < LARGE_PAGES; i++)
		pages += !large[i];
	memset(&given, 0, sizeof(given));
	assert_int_equal(quarry_free_all_bootmem(q, give, &given), pages + map_pages);
	for (unsigned int i = 0;
	     i + 1 < given.n && i + 1 < sizeof(given.start) / sizeof(given.start[0]); i++) {
		assert_null(memchr(&large[given.start[i] - LARGE_MIN], true,
				   given.end[i] - given.start[i]));
		assert_true(large[given.end[i] - LARGE_MIN] ||
			    given.end[i] == LARGE_MIN + LARGE_PAGES);
	}
	quarry_posix_delete(q);
}

static void test_B9_to_B19_large_node_side_by_side(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		large_play(seed * 0x9e3779b97f4a7c15u);
}

/* A terabyte of which nearly all is free: its bitmap is hardly written, and what is not is not read. */
static void test_B2_bitmap_of_a_terabyte_is_hardly_written(void **state)
{
	const pfn_t pages = ((phys_addr_t)1 << 40) / PAGE;
	struct quarry *q = *state;
	unsigned long written = 0;
	unsigned char *map;

	assert_int_equal(quarry_init_bootmem_node(q, 0, 0x100, 0, pages), pages / 8);
	map = node(q, 0)->node_bootmem_map;
	memset(map, 0x5a, pages / 8);
	assert_int_equal(quarry_free_bootmem(q, M, (phys_addr_t)pages * PAGE - 3 * M), 0);
	assert_int_equal(quarry_reserve_bootmem(q, M, pages / 8, BOOTMEM_DEFAULT), 0);
	assert_int_not_equal(at(q, quarry___alloc_bootmem_nopanic(q, 64, 64, 512 * G)), 0);
	valid(q);
	for (pfn_t i = 0; i < pages / 8; i += PAGE)
		written += memcmp(&map[i], &map[pages / 32], PAGE) != 0;
	assert_int_equal(map[pages / 32], 0x5a);
	assert_in_range(written, 1, 3 * (8192 / QUARRY_BOOTMEM_CHUNKS)); /* three parts */
	memset(&given, 0, sizeof(given));
	assert_int_equal(quarry_free_all_bootmem(q, give, &given), pages - 3 * M / PAGE - 1);
	/* No pointer of 32 bits reaches the goal: there the allocation lies at the very start. */
	assert_int_equal(given.n, sizeof(void *) == 8 ? 3 : 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_BOARD(name) cmocka_unit_test_setup_teardown(name, setup_board, teardown)
#define TEST_RAM(name) cmocka_unit_test_setup_teardown(name, setup_ram, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_B1_node_data_is_indexed_by_node),
		TEST(test_B2_bit_i_is_page_min_plus_i),
		TEST_RAM(test_B3_map_lies_where_the_caller_says_and_starts_all_ones),
		TEST(test_B4_last_end_off_is_in_bytes),
		TEST(test_B5_hint_follows_allocations_and_frees_below),
		TEST(test_B6_list_is_sorted_by_address),
		TEST(test_B6_validator_finds_damage),
		TEST(test_B7_init_core_clamps_traces_and_refuses),
		TEST(test_B8_bootmap_bytes_and_pages),
		TEST(test_B9_double_free_is_reported_and_changes_nothing),
		TEST(test_B10_exclusive_reserve_rolls_back_exactly),
		TEST(test_B11_free_rounds_inward_reserve_outward),
		TEST(test_B12_marks_span_nodes_that_touch),
		TEST(test_B12_refusal_on_a_later_node_undoes_the_earlier),
		TEST(test_B12_a_hole_is_reported_and_changes_nothing),
		TEST(test_B13_bad_arguments_are_reported),
		TEST(test_B14_goal_step_hint_and_one_wrap),
		TEST(test_B14_wrap_to_index_0),
		TEST(test_B15_scan_jumps_over_taken_pages_by_steps),
		TEST(test_B16_packs_into_a_partial_page),
		TEST(test_B16_never_packs_into_a_page_that_was_freed),
		TEST_RAM(test_B17_result_is_cleared_and_recorded),
		TEST(test_B17_allocations_are_traced),
		TEST(test_B17_page_0_is_not_given_as_null),
		TEST(test_B18_nodes_in_order_goal_then_none),
		TEST(test_B18_node_is_preferred),
		TEST(test_B18_low_ends_at_4_gib),
		TEST(test_B18_without_nopanic_failure_panics),
		TEST(test_B18_after_boot_the_late_allocator_serves),
		TEST_BOARD(test_B18_after_boot_slab_serves),
		TEST_BOARD(test_B19_hand_off_in_blocks_of_every_order),
		TEST(test_B14_node_across_4_gib),
		TEST(test_B19_free_all_gives_runs_then_the_bitmap),
		TEST(test_B19_bitmap_left_free_is_given_once),
		TEST(test_B19_free_bootmem_late_gives_whole_pages),
		cmocka_unit_test(test_B9_to_B19_model_side_by_side),
		cmocka_unit_test(test_B9_to_B19_large_node_side_by_side),
		TEST(test_B2_bitmap_of_a_terabyte_is_hardly_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
