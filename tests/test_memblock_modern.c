/* SPDX-License-Identifier: MIT */
/* memblock beyond the checklist: what Linux has added since, and the options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <quarry/posix.h>

#include "text.h"

#define K ((phys_addr_t)1024)
#define M (1024 * K)
#define TOP (~(phys_addr_t)0)

static struct text text;

static const struct quarry_out to_text = {text_take, &text};

static int setup(void **state)
{
	text_clear(&text);
	*state = quarry_posix_new(NULL);
	assert_non_null(*state);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(quarry_check_memblock(*state, &to_text), 0);
	quarry_posix_delete(*state);
	return 0;
}

/* ---- flags ---- */

static void count_given(struct quarry *q, pfn_t start, pfn_t end, void *arg)
{
	(void)q;
	*(phys_addr_t *)arg += end - start;
}

static void test_rsrv_noinit_marks_reservations_only(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add(q, M, 8 * M), 0);
	assert_int_equal(quarry_memblock_reserve(q, 2 * M, 2 * M), 0);
	assert_int_equal(quarry_memblock_reserved_mark_noinit(q, 3 * M, 4 * M), 0);
	assert_int_equal(mb->memory.cnt, 1);
	assert_int_equal(mb->memory.regions[0].flags, MEMBLOCK_NONE);
	assert_int_equal(mb->reserved.cnt, 2);
	assert_int_equal(mb->reserved.regions[0].flags, MEMBLOCK_NONE);
	assert_int_equal(mb->reserved.regions[1].base, 3 * M);
	assert_int_equal(mb->reserved.regions[1].flags, MEMBLOCK_RSRV_NOINIT);
	/* It is reserved as before, and the flag goes with the reservation. */
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 4 * M, M, M), M);
	assert_int_equal(quarry_memblock_phys_free(q, 3 * M, M), 0);
	assert_int_equal(mb->reserved.cnt, 1);
	/* No flag of memory. */
	assert_int_equal(quarry_memblock_add_node(q, 16 * M, M, 0, MEMBLOCK_RSRV_NOINIT),
			 -QUARRY_EINVAL);
}

/* Since 6.16 what the kernel allocates can be told from what it was told to keep off. */
static void test_rsrv_kern_marks_what_is_allocated(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);

	assert_int_equal(quarry_memblock_add_node(q, M, 8 * M, 1, MEMBLOCK_NONE), 0);
	/* Not unless it is asked for: neighbours would not merge as in 6.1. */
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), 8 * M);
	assert_int_equal(mb->reserved.regions[0].flags, MEMBLOCK_NONE);
	quarry_memblock_set_rsrv_kern(q, true);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), 7 * M);
	assert_int_equal(quarry_memblock_phys_alloc_try_nid(q, M, M, 1), 6 * M);
	assert_int_equal(mb->reserved.cnt, 3);
	assert_int_equal(mb->reserved.regions[0].flags, MEMBLOCK_RSRV_KERN);
	assert_int_equal(mb->reserved.regions[0].nid, 1);
	assert_int_equal(mb->reserved.regions[1].flags, MEMBLOCK_RSRV_KERN);
	assert_int_equal(mb->reserved.regions[2].flags, MEMBLOCK_NONE);
	assert_int_equal(quarry_memblock_reserve_kern(q, 2 * M, K), 0);
	assert_int_equal(quarry_memblock_reserve(q, 3 * M, K), 0);
	assert_int_equal(mb->reserved.regions[0].flags, MEMBLOCK_RSRV_KERN);
	assert_int_equal(mb->reserved.regions[1].flags, MEMBLOCK_NONE);
	assert_int_equal(quarry_memblock_reserved_kern_size(q, 16 * M, QUARRY_NO_NODE), 2 * M + K);
	assert_int_equal(quarry_memblock_reserved_kern_size(q, 16 * M, 1), M);
	assert_int_equal(quarry_memblock_reserved_kern_size(q, 6 * M + K, QUARRY_NO_NODE), 2 * K);
	/* No flag of memory; and it goes with the reservation. */
	assert_int_equal(quarry_memblock_add_node(q, 16 * M, M, 0, MEMBLOCK_RSRV_KERN),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_phys_free(q, 6 * M, 2 * M), 0);
	assert_int_equal(quarry_memblock_reserved_kern_size(q, TOP, QUARRY_NO_NODE), K);
	assert_int_equal(quarry_check_memblock(q, &to_text), 0);
}

/* After a kexec handover: only the scratch areas, arrays of memblock's own included. */
static void test_kho_scratch_is_the_one_place_to_allocate(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);
	phys_addr_t i, given = 0;

	assert_int_equal(quarry_memblock_add(q, M, 15 * M), 0);
	assert_int_equal(quarry_memblock_mark_kho_scratch(q, 2 * M, 2 * M), 0);
	assert_int_equal(mb->memory.cnt, 3);
	assert_int_equal(mb->memory.regions[1].flags, MEMBLOCK_KHO_SCRATCH);
	/* Memory as any other until it is told to be the only one. */
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), 15 * M);
	quarry_memblock_set_kho_scratch_only(q, true);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), 3 * M);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 16 * M, M, M), 2 * M);
	assert_int_equal(quarry_memblock_phys_alloc(q, 2 * M, M), 0);
	assert_int_equal(quarry_memblock_phys_alloc_range(q, M, M, 4 * M, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	for (i = 0; i < QUARRY_MEMBLOCK_REGIONS; i++)
		assert_int_equal(quarry_memblock_reserve(q, 8 * M + i * 2 * K, K), 0);
	assert_in_range(mb->reserved_phys, 2 * M, 3 * M - 1);
	quarry_memblock_set_kho_scratch_only(q, false);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), 14 * M);
	assert_int_equal(quarry_memblock_clear_kho_scratch(q, 0, TOP), 0);
	assert_int_equal(mb->memory.cnt, 1);
	assert_int_equal(quarry_check_memblock(q, &to_text), 0);
	/* The hand-off ends the phase, and gives scratch memory too. */
	assert_int_equal(quarry_memblock_mark_kho_scratch(q, 4 * M, M), 0);
	quarry_memblock_set_kho_scratch_only(q, true);
	assert_true(quarry_memblock_free_all(q, count_given, &given) > 5 * M / QUARRY_PAGE_SIZE);
	assert_false(mb->scratch_only);
}

static void test_driver_managed_is_walked_but_never_given(void **state)
{
	struct quarry *q = *state;
	phys_addr_t start, end, total = 0;
	uint64_t i;

	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	assert_int_equal(quarry_memblock_add_node(q, 4 * M, M, 0, MEMBLOCK_DRIVER_MANAGED), 0);
	quarry_for_each_mem_range(q, i, &start, &end) total += end - start;
	assert_int_equal(total, 2 * M);
	quarry_for_each_free_mem_range(q, i, QUARRY_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL)
		assert_int_equal(start, M);
	assert_int_equal(quarry_memblock_phys_alloc(q, M, M), M);
	assert_int_equal(quarry_memblock_phys_alloc(q, K, K), 0);
}

static void test_hotplug_is_used_without_movable_node(void **state)
{
	struct quarry *q = *state;
	phys_addr_t start = 0, end;
	uint64_t i;

	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	assert_int_equal(quarry_memblock_add_node(q, 4 * M, M, 0, MEMBLOCK_HOTPLUG), 0);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, K, K), 2 * M - K);
	quarry_memblock_set_movable_node(q, false);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, K, K), 5 * M - K);
	quarry_for_each_free_mem_range(q, i, QUARRY_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL);
	assert_int_equal(start, 4 * M);
	quarry_memblock_set_movable_node(q, true);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, K, K), 2 * M - K);
}

static void test_noleaktrace_is_the_current_limit(void **state)
{
	struct quarry *q = *state;

	assert_int_equal(quarry_memblock_add(q, M, 8 * M), 0);
	quarry_memblock_set_current_limit(q, 4 * M);
	assert_int_equal(quarry_memblock_phys_alloc_range(q, K, K, 0, MEMBLOCK_ALLOC_NOLEAKTRACE),
			 4 * M - K);
	assert_ptr_equal(quarry_memblock_alloc_try_nid_raw(q, K, K, 0, MEMBLOCK_ALLOC_NOLEAKTRACE,
							   QUARRY_NO_NODE),
			 quarry_address(q, 4 * M - 2 * K));
	assert_int_equal(quarry_physical(q, quarry_address(q, 5 * M)), 5 * M);
}

/* ---- an empty list has cnt 1 or 0 ---- */

/* Everything that asks for cnt, on empty lists and across the way to empty and back. */
static void walk_empty(struct quarry *q, unsigned long empty)
{
	struct memblock *mb = quarry_memblock(q);
	phys_addr_t start, end;
	pfn_t first, last;
	uint64_t i;

	assert_int_equal(mb->memory.cnt, empty);
	assert_int_equal(mb->reserved.cnt, empty);
	assert_int_equal(quarry_memblock_start_of_DRAM(q), 0);
	assert_int_equal(quarry_memblock_end_of_DRAM(q), 0);
	assert_int_equal(quarry_memblock_find_in_range(q, 0, 0, K, K), 0);
	assert_false(quarry_memblock_is_memory(q, 0));
	assert_int_equal(quarry_memblock_search_pfn_nid(q, 0, &first, &last), QUARRY_NO_NODE);
	quarry_for_each_mem_range(q, i, &start, &end) fail();
	quarry_for_each_free_mem_range_reverse(q, i, QUARRY_NO_NODE, 0, &start, &end, NULL) fail();
	assert_int_equal(quarry_memblock_remove(q, 0, TOP), 0);
	assert_int_equal(quarry_memblock_phys_free(q, 0, TOP), 0);
	assert_int_equal(quarry_memblock_mark_nomap(q, 0, TOP), 0);
	assert_int_equal(quarry_memblock_trim_memory(q, 4 * K), 0);
	assert_int_equal(quarry_memblock_enforce_memory_limit(q, M), 0);
	assert_int_equal(quarry_memblock_cap_memory_range(q, M, M), 0);
	assert_int_equal(mb->memory.cnt, empty);
	assert_int_equal(quarry_check_memblock(q, &to_text), 0);
	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	assert_int_equal(quarry_memblock_reserve(q, M, M), 0);
	assert_int_equal(mb->memory.cnt, 1);
	assert_int_equal(mb->reserved.cnt, 1);
	assert_int_equal(quarry_memblock_cap_memory_range(q, 4 * M, M), 0);
	assert_int_equal(mb->memory.cnt, empty);
	assert_int_equal(mb->reserved.cnt, empty);
	assert_int_equal(quarry_memblock_add(q, M, K), 0);
	assert_int_equal(quarry_memblock_trim_memory(q, 4 * K), 0);
	assert_int_equal(mb->memory.cnt, empty);
	assert_int_equal(mb->memory.total_size, 0);
	assert_int_equal(quarry_memblock_discard(q, NULL, NULL), 0);
	assert_int_equal(mb->memory.cnt, empty);
	quarry_show_memblock(q, &to_text);
}

static void test_empty_cnt_is_1_or_0_by_choice(void **state)
{
	struct quarry *q = *state;

	walk_empty(q, QUARRY_MEMBLOCK_EMPTY_CNT);
	assert_int_equal(quarry_memblock_set_empty_cnt(q, 0), 0);
	walk_empty(q, 0);
	assert_int_equal(quarry_memblock_set_empty_cnt(q, 1), 0);
	walk_empty(q, 1);
	assert_int_equal(quarry_memblock_set_empty_cnt(q, 2), -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	assert_int_equal(quarry_memblock_set_empty_cnt(q, 0), 0);
	assert_int_equal(quarry_memblock(q)->memory.cnt, 1);
	assert_int_equal(quarry_memblock(q)->reserved.cnt, 0);
}

/* ---- reserve_mem= ---- */

static void test_reserve_mem_finds_and_releases_by_name(void **state)
{
	struct quarry *q = *state;
	phys_addr_t start, size;

	assert_int_equal(quarry_memblock_add(q, 0, 256 * M), 0);
	/* The header's example. */
	assert_int_equal(quarry_memblock_reserve_mem_param(q, "64M:4096:trace"), 0);
	assert_int_equal(quarry_memblock_reserve_mem_param(q, "0x100000:2m:oops"), 0);
	assert_int_equal(quarry_memblock_reserve_mem_param(q, "010000:0:7up"), 0);
	assert_true(quarry_memblock_reserve_mem_find(q, "trace", &start, &size));
	assert_int_equal(start, 192 * M);
	assert_int_equal(size, 64 * M);
	assert_true(quarry_memblock_reserve_mem_find(q, "oops", &start, &size));
	assert_int_equal(start, 190 * M);
	assert_true(quarry_memblock_reserve_mem_find(q, "7up", &start, &size));
	assert_int_equal(size, 4 * K);
	assert_false(quarry_memblock_reserve_mem_find(q, "oop", &start, &size));
	assert_false(quarry_memblock_reserve_mem_find(q, "", &start, &size));
	assert_true(quarry_memblock_is_region_reserved(q, 192 * M, 64 * M));
	assert_int_equal(quarry_memblock_reserve_mem_release(q, "trace"), 0);
	assert_int_equal(quarry_memblock_reserve_mem_release(q, "trace"), -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_reserve_mem_release(q, ""), -QUARRY_EINVAL);
	assert_false(quarry_memblock_is_reserved(q, 193 * M));
	/* The slot is used again. */
	assert_int_equal(quarry_memblock_reserve_mem(q, M, M, "again"), 0);
	assert_int_equal(quarry_memblock(q)->nr_reserve_mem, 3);
	for (int big = 0; big < 2; big++) {
		assert_int_equal(quarry_memblock_reserve_mem_param(q, big ? "0xABCDEF:0:hex"
									  : "0Xabcdef:0:hex"),
				 0);
		assert_true(quarry_memblock_reserve_mem_find(q, "hex", &start, &size));
		assert_int_equal(size, 0xabcdef);
		assert_int_equal(quarry_memblock_reserve_mem_release(q, "hex"), 0);
	}
}

static void test_reserve_mem_refuses_and_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"1M",
		"1M:1M",
		"1M:1M:",
		":1M:x",
		"1M::x",
		"0:1M:x",
		"1M:3000:x",
		"1M:1M:123",
		"1M:1M:sixteenbytesname",
		"1X:1M:x",
		"0x:1M:x",
		"08:1M:x",
		"16E:1M:x",
		"-1:1M:x",
		"1M:1M 1M:x",
		"1MM:1M:x",
		"1M,1M:x",
		"99999999999999999999:1M:x",
	};
	struct quarry *q = *state;
	char name[8] = "name0";

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(quarry_memblock_reserve_mem_param(q, bad[i]), -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_reserve_mem(q, 32 * M, K, "large"), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_reserved_size(q), 0);
	assert_int_equal(quarry_memblock(q)->nr_reserve_mem, 0);
	for (unsigned int i = 0; i < QUARRY_RESERVE_MEM_MAX; i++) {
		name[4] = (char)('0' + i);
		assert_int_equal(quarry_memblock_reserve_mem(q, K, K, name), 0);
	}
	assert_int_equal(quarry_memblock_reserve_mem(q, K, K, "name3"), -QUARRY_EEXIST);
	assert_int_equal(quarry_memblock_reserve_mem(q, K, K, "other"), -QUARRY_ENOSPC);
	assert_int_equal(quarry_memblock_reserved_size(q), QUARRY_RESERVE_MEM_MAX * K);
	assert_int_equal(quarry_memblock_reserve_mem_release(q, "name3"), 0);
	assert_int_equal(quarry_memblock_reserve_mem(q, K, K, "other"), 0);
}

/* ---- the caller's own storage ---- */

static void test_map_may_live_in_an_object_of_the_caller(void **state)
{
	static struct memblock mine = QUARRY_MEMBLOCK_INIT(mine);
	struct quarry *q = *state;

	assert_int_equal(mine.memory.max, QUARRY_MEMBLOCK_REGIONS);
	assert_int_equal(mine.current_limit, MEMBLOCK_ALLOC_ANYWHERE);
	quarry_memblock_use(q, &mine);
	assert_ptr_equal(quarry_memblock(q), &mine);
	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	assert_int_equal(mine.memory.regions[0].base, M);
	mine.bottom_up = true;
	assert_int_equal(quarry_memblock_phys_alloc(q, K, K), M);
	assert_int_equal(quarry_check_memblock(q, &to_text), 0);
}

static void test_nodes_may_live_in_an_array_of_the_caller(void **state)
{
	static bootmem_data_t mine[QUARRY_MAX_NODES];
	static struct list_head list;
	struct quarry *q = *state;

	mine[3].node_low_pfn = 77; /* is cleared */
	quarry_bootmem_use(q, mine, &list);
	assert_int_equal(quarry_init_bootmem(q, 1, 1024), 128);
	assert_int_equal(mine[0].node_low_pfn, 1024);
	assert_ptr_equal(list.next, &mine[0].list);
	assert_int_equal(quarry_check_bootmem(q, &to_text), 0);
}

static void test_an_array_put_back_by_hand_is_the_static_one(void **state)
{
	struct quarry *q = *state;
	struct memblock *mb = quarry_memblock(q);
	phys_addr_t array;

	assert_int_equal(quarry_memblock_add(q, 0, 16 * M), 0);
	quarry_memblock_allow_resize(q);
	for (phys_addr_t i = 1; i <= QUARRY_MEMBLOCK_REGIONS + 1; i++)
		assert_int_equal(quarry_memblock_reserve(q, i * 8 * K, 4 * K), 0);
	array = mb->reserved_phys;
	assert_int_equal(quarry_memblock_phys_free(q, array, K), -QUARRY_EBUSY);
	mb->reserved.regions = mb->reserved_init;
	mb->reserved.max = QUARRY_MEMBLOCK_REGIONS;
	mb->reserved.cnt = 1;
	mb->reserved.total_size = mb->reserved.regions[0].size;
	assert_int_equal(quarry_memblock_phys_free(q, 0, TOP), 0);
	assert_int_equal(quarry_memblock_reserved_size(q), 0);
}

/* ---- memtest ---- */

static void count_bad(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)level;
	*(unsigned int *)ctx += strstr(line, "bad mem addr") != NULL;
}

static void test_memtest_reserves_what_is_bad(void **state)
{
	unsigned int bad = 0;
	struct quarry_posix_options options = {
		.ram_bytes = 4 * M, .log = count_bad, .log_ctx = &bad};
	struct quarry *q = quarry_posix_new(&options);
	struct memblock *mb;
	uint64_t *word;

	(void)state;
	assert_non_null(q);
	mb = quarry_memblock(q);
	word = quarry_address(q, 0);
	assert_int_equal(quarry_memblock_add(q, 0, 2 * M), 0);
	assert_int_equal(quarry_memblock_add(q, 3 * M + 4, M / 2), 0);
	assert_int_equal(quarry_memblock_reserve(q, M, 64 * K), 0);
	word[M / 8] = word[(2 * M + K) / 8] = 7; /* reserved, and no memory: never touched */
	assert_int_equal(quarry_memblock_memtest(q, 0, TOP, 17), 0);
	assert_int_equal(bad, 0);
	assert_int_equal(mb->reserved.cnt, 1);
	assert_int_equal(word[0], 0);
	assert_int_equal(word[M / 8], 7);
	assert_int_equal(word[(2 * M + K) / 8], 7);
	/* Words that do not hold: one, three in a row, the last of a stretch, the first. */
	quarry_memblock_memtest_fill(q, 0, TOP, 0x5555555555555555u);
	assert_int_equal(word[(M - 8) / 8], 0x5555555555555555u);
	word[100] ^= 1;
	word[200] = word[201] = word[202] = 0;
	word[(M - 8) / 8] ^= (uint64_t)1 << 63;
	word[(M + 64 * K) / 8] = 0;
	assert_int_equal(quarry_memblock_memtest_check(q, 0, TOP, 0x5555555555555555u), 8 * 6);
	assert_int_equal(bad, 4);
	assert_int_equal(mb->reserved.cnt, 3);
	assert_int_equal(mb->reserved.regions[0].base, 800);
	assert_int_equal(mb->reserved.regions[0].size, 8);
	assert_int_equal(mb->reserved.regions[1].base, 1600);
	assert_int_equal(mb->reserved.regions[1].size, 24);
	assert_int_equal(mb->reserved.regions[2].base, M - 8);
	assert_int_equal(mb->reserved.regions[2].size, 64 * K + 16);
	/* Within bounds, and never what is reserved by now. */
	word[50] = word[M / 16] = 0;
	assert_int_equal(quarry_memblock_memtest_check(q, M / 4, M, 0x5555555555555555u), 8);
	assert_int_equal(quarry_memblock_memtest(q, 0, 4 * K, 1), 0);
	assert_int_equal(word[49], 0);
	assert_int_equal(word[4 * K / 8], 0x5555555555555555u);
	assert_int_equal(quarry_check_memblock(q, &to_text), 0);
	quarry_posix_delete(q);
	/* Simulated memory is not touched. */
	q = quarry_posix_new(NULL);
	assert_int_equal(quarry_memblock_add(q, 0, 2 * M), 0);
	assert_int_equal(quarry_memblock_memtest(q, 0, TOP, 17), 0);
	quarry_posix_delete(q);
}

/* ---- text ---- */

static void test_list_as_debugfs_has_it(void **state)
{
	struct quarry *q = *state;

	quarry_show_memblock_list(q, false, &to_text);
	assert_string_equal(text.s, "");
	assert_int_equal(quarry_memblock_add(q, 0x1000, 0x9e000), 0);
	assert_int_equal(quarry_memblock_add_node(q, M, M, 1, MEMBLOCK_HOTPLUG), 0);
	assert_int_equal(
		quarry_memblock_add_node(q, 4 * M, M, 10, MEMBLOCK_NOMAP | MEMBLOCK_DRIVER_MANAGED),
		0);
	quarry_show_memblock_list(q, false, &to_text);
	assert_string_equal(text.s,
			    "   0: 0x0000000000001000..0x000000000009efff    x NONE\n"
			    "   1: 0x0000000000100000..0x00000000001fffff    1 HOTPLUG\n"
			    "   2: 0x0000000000400000..0x00000000004fffff   10 NOMAP|DRV_MNG\n");
	text_clear(&text);
	assert_int_equal(quarry_memblock_reserve(q, M, M), 0);
	assert_int_equal(quarry_memblock_reserved_mark_noinit(q, M, M), 0);
	quarry_show_memblock_list(q, true, &to_text);
	assert_string_equal(text.s, "   0: 0x0000000000100000..0x00000000001fffff    x RSV_NIT\n");
	text_clear(&text);
	quarry_show_memblock(q, &to_text);
	assert_string_equal(text.s,
			    "MEMBLOCK configuration:\n"
			    " memory size = 0x000000000029e000 reserved size = 0x0000000000100000\n"
			    " memory.cnt  = 0x3\n"
			    " memory[0x0]\t[0x0000000000001000-0x000000000009efff], "
			    "0x000000000009e000 bytes flags: 0x0\n"
			    " memory[0x1]\t[0x0000000000100000-0x00000000001fffff], "
			    "0x0000000000100000 bytes on node 1 flags: 0x1\n"
			    " memory[0x2]\t[0x0000000000400000-0x00000000004fffff], "
			    "0x0000000000100000 bytes on node 10 flags: 0xc\n"
			    " reserved.cnt  = 0x1\n"
			    " reserved[0x0]\t[0x0000000000100000-0x00000000001fffff], "
			    "0x0000000000100000 bytes flags: 0x10\n");
}

/* Nodes that there can be, no others; each flag by its name; validators of all layers are added up. */
static void test_list_of_odd_regions(void **state)
{
	struct quarry *q = *state;
	struct memblock *m = (struct memblock *)quarry_memblock(q);
	char want[400];

	assert_int_equal(quarry_memblock_add(q, M, M), 0);
	for (int nid = -1; nid <= QUARRY_MAX_NODES; nid++) {
		bool is = nid >= 0 && nid < QUARRY_MAX_NODES;

		m->memory.regions[0].nid = nid;
		text_clear(&text);
		quarry_show_memblock_list(q, false, &to_text);
		snprintf(want, sizeof(want),
			 is ? "   0: 0x0000000000100000..0x00000000001fffff %4d NONE\n"
			    : "   0: 0x0000000000100000..0x00000000001fffff    x NONE\n",
			 nid);
		assert_string_equal(text.s, want);
		text_clear(&text);
		quarry_show_memblock(q, &to_text);
		snprintf(want, sizeof(want), " on node %d flags: 0x0\n", nid);
		assert_int_equal(strstr(text.s, want) != NULL, is);
	}
	m->memory.regions[0].nid = QUARRY_NO_NODE;
	m->memory.regions[0].flags = 0x7f;
	text_clear(&text);
	quarry_show_memblock_list(q, false, &to_text);
	assert_non_null(
		strstr(text.s, " x HOTPLUG|MIRROR|NOMAP|DRV_MNG|RSV_NIT|RSV_KERN|KHO_SCRATCH\n"));
	m->memory.regions[0].flags = 0;
	m->memory.total_size++;
	text_clear(&text);
	assert_int_equal(quarry_check(q, &to_text), quarry_check_memblock(q, &to_text));
	assert_true(quarry_check(q, NULL) > 0);
	m->memory.total_size--;
	assert_int_equal(quarry_check(q, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_rsrv_noinit_marks_reservations_only),
		TEST(test_rsrv_kern_marks_what_is_allocated),
		TEST(test_kho_scratch_is_the_one_place_to_allocate),
		TEST(test_driver_managed_is_walked_but_never_given),
		TEST(test_hotplug_is_used_without_movable_node),
		TEST(test_noleaktrace_is_the_current_limit),
		TEST(test_empty_cnt_is_1_or_0_by_choice),
		TEST(test_reserve_mem_finds_and_releases_by_name),
		TEST(test_reserve_mem_refuses_and_changes_nothing),
		TEST(test_map_may_live_in_an_object_of_the_caller),
		TEST(test_nodes_may_live_in_an_array_of_the_caller),
		TEST(test_an_array_put_back_by_hand_is_the_static_one),
		TEST(test_memtest_reserves_what_is_bad),
		TEST(test_list_as_debugfs_has_it),
		TEST(test_list_of_odd_regions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
