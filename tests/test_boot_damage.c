/* SPDX-License-Identifier: MIT */
/*
 * What callers do wrong before there is an allocator, all of it in one place, for memblock in both
 * directions and for bootmem: each call gives its documented error or report and leaves the state as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quarry/debug.h>
#include <quarry/posix.h>
#include <quarry/quarry.h>

#define K ((phys_addr_t)1 << 10)
#define M ((phys_addr_t)1 << 20)
#define G ((phys_addr_t)1 << 30)
#define PAGE ((phys_addr_t)QUARRY_PAGE_SIZE)
#define TOP (~(phys_addr_t)0)
#define NODE_PAGES 4096u

static unsigned int reports;
static struct quarry *q;

static void count_report(void *ctx, const char *line)
{
	(void)ctx;
	reports += line[0] != ' '; /* its first line */
}

static void drop(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	(void)text;
	(void)len;
}

static const struct quarry_out no_out = {.write = drop};

static void start(void)
{
	const struct quarry_posix_options o = {.ram_bytes = 64u << 20, .report = count_report};

	q = quarry_posix_new(&o);
	assert_non_null(q);
	reports = 0;
}

static void end(void)
{
	quarry_posix_delete(q);
	q = NULL;
}

/* ---- memblock ---- */

/* All of the state that a call could change. */
struct lists {
	struct memblock mb;
	struct memblock_region memory[256], reserved[256];
};

static void lists_copy(struct lists *l)
{
	const struct memblock *mb = quarry_memblock(q);

	memset(l, 0, sizeof(*l));
	l->mb = *mb;
	memcpy(l->memory, mb->memory.regions, mb->memory.cnt * sizeof(l->memory[0]));
	memcpy(l->reserved, mb->reserved.regions, mb->reserved.cnt * sizeof(l->reserved[0]));
}

static void lists_are(const struct lists *l)
{
	static struct lists now;

	lists_copy(&now);
	assert_memory_equal(now.memory, l->memory, sizeof(now.memory));
	assert_memory_equal(now.reserved, l->reserved, sizeof(now.reserved));
	assert_int_equal(now.mb.memory.total_size, l->mb.memory.total_size);
	assert_int_equal(now.mb.reserved.total_size, l->mb.reserved.total_size);
	assert_int_equal(now.mb.current_limit, l->mb.current_limit);
	assert_int_equal(quarry_check_memblock(q, &no_out), 0);
}

/* Sizes, alignments and goals with which nothing can be given. */
static void memblock_refuses(void)
{
	static const struct {
		phys_addr_t size, align, min, max;
	} calls[] = {
		{TOP, 64, 0, 0},
		{TOP - 63, 64, 0, TOP},
		{M, TOP, 0, 0},
		{M, 3, 0, 0},
		{M, 3 * K, 0, 0},
		{M, 48 * M, 0, 0},
		{32 * M, PAGE, 0, 0},
		{M, ~(TOP >> 1), 0, 0},
		{M, PAGE, 40 * M, 41 * M}, /* the goal lies above all memory */
		{M, PAGE, TOP, TOP},
		{M, PAGE, TOP - M, 0},
		{M, PAGE, 20 * M, 10 * M}, /* beyond the limit */
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		assert_int_equal(quarry_memblock_phys_alloc_range(q, calls[i].size, calls[i].align,
								  calls[i].min, calls[i].max),
				 0);
		/* Who asks for a pointer is served below his goal rather than not at all. */
		if (calls[i].size > SIZE_MAX || calls[i].min != 0)
			continue;
		assert_null(quarry_memblock_alloc_exact_nid_raw(q, calls[i].size, calls[i].align,
								calls[i].min, calls[i].max, 0));
	}
	assert_null(quarry_memblock_alloc_exact_nid_raw(q, PAGE, PAGE, 0, 0, 1)); /* no such node */
}

static void memblock_damage(bool bottom_up)
{
	static struct lists before;

	start();
	quarry_memblock_set_bottom_up(q, bottom_up);
	assert_int_equal(quarry_memblock_add_node(q, 0, 32 * M, 0, MEMBLOCK_NONE), 0);
	assert_int_equal(quarry_memblock_reserve(q, 8 * M, M), 0);
	lists_copy(&before);
	/* Sizes of 0; ranges of which nothing lies in the address space. */
	assert_int_equal(quarry_memblock_add(q, 40 * M, 0), 0);
	assert_int_equal(quarry_memblock_add(q, TOP, TOP), 0);
	assert_int_equal(quarry_memblock_remove(q, 4 * M, 0), 0);
	assert_int_equal(quarry_memblock_reserve(q, 4 * M, 0), 0);
	assert_int_equal(quarry_memblock_reserve(q, TOP, M), 0);
	assert_int_equal(quarry_memblock_phys_free(q, 8 * M, 0), 0);
	assert_int_equal(quarry_memblock_set_node(q, 4 * M, 0, &quarry_memblock(q)->memory, 1), 0);
	/* What is not there, or not reserved. */
	assert_int_equal(quarry_memblock_remove(q, 40 * M, TOP), 0);
	assert_int_equal(quarry_memblock_phys_free(q, 9 * M, TOP), 0);
	assert_int_equal(quarry_memblock_phys_free(q, 0, 8 * M), 0);
	assert_int_equal(quarry_memblock_mark_nomap(q, G, TOP), 0);
	memblock_refuses();
	lists_are(&before);
	/* To the very top and no further: 32-bit programs too have 64-bit physical addresses. */
	assert_int_equal(quarry_memblock_reserve(q, TOP - M, TOP), 0);
	assert_int_equal(quarry_memblock(q)->reserved.total_size, 2 * M);
	assert_int_equal(quarry_memblock_phys_free(q, TOP - M, TOP), 0);
	assert_int_equal(quarry_memblock_reserve(q, 4 * G - M, 2 * M), 0);
	assert_int_equal(quarry_memblock_phys_free(q, 4 * G - M, 2 * M), 0);
	lists_are(&before);
	end();
}

/* Both arrays full, growing not allowed: nothing that needs a slot, and nothing half done. */
static void memblock_exhausted(bool bottom_up)
{
	static struct lists before;
	unsigned int i;

	start();
	quarry_memblock_set_bottom_up(q, bottom_up);
	for (i = 0; i < 128; i++) {
		assert_int_equal(quarry_memblock_add(q, i * 64 * K, 32 * K), 0);
		assert_int_equal(quarry_memblock_reserve(q, i * 64 * K + 8 * K, 8 * K), 0);
	}
	lists_copy(&before);
	assert_int_equal(quarry_memblock_add(q, G, PAGE), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_reserve(q, G, PAGE), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_remove(q, 4 * K, 4 * K), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_phys_free(q, 10 * K, 2 * K), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_mark_hotplug(q, 4 * K, 4 * K), -QUARRY_ENOMEM);
	assert_int_equal(quarry_memblock_phys_alloc(q, 4 * K, 32 * K), 0);
	lists_are(&before);
	end();
}

static char first_fault[160];

static void keep_first(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	if (first_fault[0] == '\0')
		snprintf(first_fault, sizeof(first_fault), "%.*s", (int)len, text);
}

/* The validator's first word; one fault, or more. */
static const char *fault(void)
{
	first_fault[0] = '\0';
	assert_true(quarry_check_memblock(q, &(struct quarry_out){.write = keep_first}) > 0);
	return first_fault;
}

/* What the validator knows of a whole map: mirrors, the place of a doubled array, the bound of free runs. */
static void test_memblock_validator(void **state)
{
	struct memblock *mb;
	phys_addr_t at;

	(void)state;
	start();
	mb = quarry_memblock(q);
	assert_int_equal(quarry_memblock_add_node(q, 0, 32 * M, 0, MEMBLOCK_NONE), 0);
	assert_int_equal(quarry_check_memblock(q, &no_out), 0);
	mb->memory.regions[0].flags |= MEMBLOCK_MIRROR;
	assert_string_equal(fault(), "memblock: mirror flag at memory[0] not known\n");
	mb->memory.regions[0].flags = MEMBLOCK_NONE;
	quarry_memblock_allow_resize(q);
	for (unsigned int i = 0; i < 200; i++)
		assert_int_equal(quarry_memblock_reserve(q, i * 16 * K, 8 * K), 0);
	assert_int_equal(quarry_check_memblock(q, &no_out), 0);
	at = mb->reserved_phys;
	assert_int_not_equal(at, 0);
	mb->reserved_phys = 8 * M;
	assert_string_equal(fault(), "memblock: array of reserved at 0x800000 is not reserved\n");
	mb->reserved_phys = at;
	assert_int_equal(quarry_check_memblock(q, &no_out), 0);
	end();
}

/* An empty list has one region or none, as its owner likes; one that is not empty keeps its count. */
static void test_memblock_empty_count(void **state)
{
	(void)state;
	for (unsigned int filled = 0; filled < 4; filled++) {
		start();
		if ((filled & 1) != 0)
			assert_int_equal(quarry_memblock_add(q, M, M), 0);
		if ((filled & 2) != 0) {
			assert_int_equal(quarry_memblock_reserve(q, M, PAGE), 0);
			assert_int_equal(quarry_memblock_reserve(q, M + 4 * PAGE, PAGE), 0);
		}
		for (unsigned int cnt = 0; cnt < 2; cnt++) {
			assert_int_equal(quarry_memblock_set_empty_cnt(q, cnt), 0);
			assert_int_equal(quarry_memblock(q)->memory.cnt,
					 (filled & 1) != 0 ? 1 : cnt);
			assert_int_equal(quarry_memblock(q)->reserved.cnt,
					 (filled & 2) != 0 ? 2 : cnt);
			assert_int_equal(quarry_check_memblock(q, &no_out), 0);
		}
		assert_int_equal(quarry_memblock_set_empty_cnt(q, 2), -QUARRY_EINVAL);
		assert_int_equal(quarry_check_memblock(q, &no_out), 0);
		end();
	}
}

static unsigned int logged;

static void count_log(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	logged += level == QUARRY_LOG_ERR && strstr(line, "bootmem") != NULL;
}

/* A report goes to the log where there is nothing else, and nowhere where there is none. */
static void test_reports_go_to_the_log(void **state)
{
	_Alignas(64) static unsigned char room[QUARRY_STORAGE_SIZE];
	struct quarry_port port = {.no_access = true};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct quarry *own;

		memset(room, 0, sizeof(room));
		logged = 0;
		port.log = i == 0 ? count_log : NULL;
		own = quarry_init(room, sizeof(room), &port);
		assert_non_null(own);
		assert_int_equal(quarry_init_bootmem_node(own, -1, 9, 2000, 2100), 0);
		assert_int_equal(logged, i == 0);
	}
}

static void test_memblock_damage_top_down(void **state)
{
	(void)state;
	memblock_damage(false);
	memblock_exhausted(false);
}

static void test_memblock_damage_bottom_up(void **state)
{
	(void)state;
	memblock_damage(true);
	memblock_exhausted(true);
}

/* ---- bootmem ---- */

static struct {
	bootmem_data_t node[2];
	unsigned char map[NODE_PAGES / 8];
} boot_before;

static void boot_copy(void)
{
	memcpy(boot_before.node, &quarry_bootmem(q)->bootmem_node_data[0],
	       sizeof(boot_before.node[0]));
	memcpy(boot_before.map, boot_before.node[0].node_bootmem_map, sizeof(boot_before.map));
}

/* As before, with @nr reports since. */
static void boot_is(unsigned int nr)
{
	const bootmem_data_t *b = &quarry_bootmem(q)->bootmem_node_data[0];

	assert_int_equal(reports, nr);
	reports = 0;
	assert_memory_equal(b, boot_before.node, sizeof(*b));
	assert_memory_equal(b->node_bootmem_map, boot_before.map, sizeof(boot_before.map));
	assert_int_equal(quarry_check_bootmem(q, &no_out), 0);
}

static void test_bootmem_damage(void **state)
{
	(void)state;
	start();
	assert_int_not_equal(quarry_init_bootmem_node(q, 0, 1, 0, NODE_PAGES), 0);
	assert_int_equal(quarry_free_bootmem(q, 2 * PAGE, (NODE_PAGES - 2) * PAGE), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 8 * M, M, BOOTMEM_DEFAULT), 0);
	boot_copy();
	/* Double free; free of what is free, in part; of what no node has; beyond the top. */
	assert_int_equal(quarry_free_bootmem(q, 4 * M, PAGE), -QUARRY_EINVAL);
	assert_int_equal(quarry_free_bootmem(q, 8 * M, 2 * M), -QUARRY_EINVAL);
	assert_int_equal(quarry_free_bootmem(q, 8 * M, 64 * M), -QUARRY_EINVAL);
	assert_int_equal(quarry_free_bootmem(q, TOP - 2 * PAGE, TOP), -QUARRY_EINVAL);
	assert_int_equal(quarry_reserve_bootmem(q, TOP - 1, TOP, BOOTMEM_DEFAULT), -QUARRY_EINVAL);
	assert_int_equal(quarry_reserve_bootmem(q, 15 * M, 4 * M, BOOTMEM_DEFAULT), -QUARRY_EINVAL);
	assert_int_equal(quarry_reserve_bootmem(q, 4 * G - PAGE, 2 * PAGE, 0), -QUARRY_EINVAL);
	boot_is(7);
	/* Exclusive, and already taken: no report, but an error. */
	assert_int_equal(quarry_reserve_bootmem(q, 7 * M, 2 * M, BOOTMEM_EXCLUSIVE), -QUARRY_EBUSY);
	/* Sizes of 0 for marks are nothing; parts of a page are not freed. */
	assert_int_equal(quarry_free_bootmem(q, 4 * M, 0), 0);
	assert_int_equal(quarry_reserve_bootmem(q, 4 * M, 0, BOOTMEM_DEFAULT), 0);
	assert_int_equal(quarry_free_bootmem(q, 8 * M + 1, PAGE), 0);
	boot_is(0);
	/* Requests that are wrong, and then those that are only too large. */
	assert_null(quarry___alloc_bootmem_nopanic(q, 0, 64, 0));
	assert_null(quarry___alloc_bootmem_nopanic(q, 64, 3, 0));
	assert_null(quarry___alloc_bootmem_nopanic(q, 64, 48, 0));
	assert_null(quarry___alloc_bootmem_low_nopanic(q, 64, 64, 4 * G - 63));
	assert_null(quarry___alloc_bootmem_low_nopanic(q, 64, 64, TOP));
	boot_is(5);
	assert_null(quarry___alloc_bootmem_nopanic(q, 16 * M, PAGE, 0));
	assert_null(quarry___alloc_bootmem_nopanic(q, SIZE_MAX, PAGE, 0));
	assert_null(quarry___alloc_bootmem_nopanic(q, SIZE_MAX - 63, 64, TOP));
	assert_null(quarry___alloc_bootmem_nopanic(q, PAGE, ~(SIZE_MAX >> 1), PAGE));
	boot_is(0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memblock_damage_top_down),
		cmocka_unit_test(test_memblock_damage_bottom_up),
		cmocka_unit_test(test_memblock_validator),
		cmocka_unit_test(test_memblock_empty_count),
		cmocka_unit_test(test_reports_go_to_the_log),
		cmocka_unit_test(test_bootmem_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
