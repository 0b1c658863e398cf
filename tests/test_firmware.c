/* SPDX-License-Identifier: MIT */
/* E820 and PVH, and what all adapters do with ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <firmware_bed.h>

static struct firmware_bed bed;

static int setup(void **state)
{
	(void)state;
	bed_begin(&bed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bed_end(&bed);
	return 0;
}

/* ---- E820 ---- */

struct entry {
	uint64_t start, size;
	uint32_t type;
};

/* A map of @stride bytes an entry, in a block of the exact size; the last entry has no more than 20. */
static int e820(const struct entry *e, size_t n, size_t stride)
{
	size_t size = n != 0 ? (n - 1) * stride + 20 : 0, i;
	uint8_t *map = malloc(size + (size == 0));
	int err;

	assert_non_null(map);
	memset(map, 0xff, size);
	for (i = 0; i < n; i++)
		bed_e820(map + i * stride, e[i].start, e[i].size, e[i].type);
	err = quarry_firmware_e820(bed.q, map, n, stride);
	free(map);
	return err;
}

#define E820(stride, ...)                         \
	e820((const struct entry[]){__VA_ARGS__}, \
	     sizeof((const struct entry[]){__VA_ARGS__}) / sizeof(struct entry), stride)

/* The map of a PC in QEMU, out of order: the range below 1 TiB is none of the memory's concern. */
static void test_e820_takes_a_pc(void **state)
{
	(void)state;
	assert_int_equal(E820(24, {0xfd00000000, 0x300000000, 2}, {0, 0x9fc00, 1},
			      {0x9fc00, 0x400, 2}, {0xf0000, 0x10000, 2}, {0x100000, 0x1fee0000, 1},
			      {0x1ffe0000, 0x20000, 2}, {0, 0, 1}),
			 0);
	bed_expect(&bed, "memory 0x0-0x9f000 nid -1 flags 0\n"
			 "memory 0x100000-0x1ffe0000 nid -1 flags 0\n"
			 "reserved 0x0-0x1000 nid -1 flags 0\n");
	assert_string_equal(bed.log, "");
	assert_non_null(strstr(bed.info, "e820: 523772 KiB of memory in 7 ranges"));
}

/* Entries overlap, touch, and end within pages. */
static void test_e820_sorts_joins_and_trims(void **state)
{
	(void)state;
	assert_int_equal(E820(20, {0x8000, 0x8000, 1}, {0x4000, 0x4000, 1}, {0x9800, 0x1000, 3},
			      {0xc000, 0x8000, 1}, {0x20001, 0x3000, 1}, {0x30001, 0xffe, 1}),
			 0);
	/* What is no memory wins, and the page at each end goes with it. */
	bed_expect(&bed, "memory 0x4000-0x9000 nid -1 flags 0\n"
			 "memory 0xb000-0x14000 nid -1 flags 0\n"
			 "memory 0x21000-0x23000 nid -1 flags 0\n");
	bed_expect_log(&bed, "e820: ranges overlap");
}

static void test_e820_types(void **state)
{
	static const uint32_t other[] = {0, 2, 3, 4, 5, 6, 7, 12, 0xefffffff, 0xffffffff};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		assert_int_equal(E820(20, {0x100000, 0x3000, 1}, {0x101000, 0x1000, other[i]}), 0);
		bed_expect(&bed, "memory 0x100000-0x101000 nid -1 flags 0\n"
				 "memory 0x102000-0x103000 nid -1 flags 0\n");
		bed_again(&bed);
	}
}

/* The highest bytes of the address space, and what lies above the addresses that can be managed. */
static void test_e820_far_ends(void **state)
{
	(void)state;
	assert_int_equal(E820(20, {0x3ffffffff000, 0x2000, 1}, {0xfffffffffffff000, 0x1000, 1},
			      {0x1000, 0x1000, 1}),
			 0);
	bed_expect(&bed, "memory 0x1000-0x2000 nid -1 flags 0\n"
			 "memory 0x3ffffffff000-0x400000000000 nid -1 flags 0\n");
	bed_expect_log(&bed, "above 0x400000000000 ignored");
}

static void test_e820_refuses(void **state)
{
	struct entry *many = calloc(QUARRY_FIRMWARE_MAX_RANGES + 1, sizeof(*many));
	size_t i;

	(void)state;
	assert_non_null(many);
	assert_int_equal(quarry_memblock_add(bed.q, 0x5000, 0x1000), 0);
	assert_int_equal(E820(19, {0x1000, 0x1000, 1}), -QUARRY_EINVAL);
	bed_expect_log(&bed, "e820: entries of 19 bytes, expected at least 20");
	assert_int_equal(e820(NULL, 0, 20), -QUARRY_ENXIO);
	bed_expect_log(&bed, "e820: no memory in 0 ranges");
	assert_int_equal(E820(20, {0x1000, 0x1000, 2}), -QUARRY_ENXIO);
	bed_expect_log(&bed, "e820: no memory in 1 ranges");
	assert_int_equal(E820(20, {0x1000, 0x1000, 1}, {0xfffffffffffff000, 0x1001, 2}),
			 -QUARRY_ERANGE);
	bed_expect_log(&bed, "e820: 0x1001 bytes at 0xfffffffffffff000 end beyond");
	for (i = 0; i <= QUARRY_FIRMWARE_MAX_RANGES; i++)
		many[i] = (struct entry){0x100000 + i * 0x2000, 0x1000, 1};
	assert_int_equal(e820(many, QUARRY_FIRMWARE_MAX_RANGES + 1, 20), -QUARRY_E2BIG);
	bed_expect_log(&bed, "e820: 1025 entries, expected at most 1024");
	/* One region too many for the array, which has one already. */
	assert_int_equal(e820(many, QUARRY_MEMBLOCK_REGIONS, 20), -QUARRY_ENOMEM);
	bed_expect_log(&bed, "e820: memblock's memory list has 1 of 128 regions, and 128 more");
	bed_expect(&bed, "memory 0x5000-0x6000 nid -1 flags 0\n");
	assert_int_equal(e820(many, QUARRY_MEMBLOCK_REGIONS - 1, 20), 0);
	assert_int_equal(quarry_memblock(bed.q)->memory.cnt, QUARRY_MEMBLOCK_REGIONS);
	free(many);
}

/* The frame at 0 needs room among the reservations. */
static void test_e820_counts_reservations(void **state)
{
	unsigned long i;

	(void)state;
	for (i = 0; i < QUARRY_MEMBLOCK_REGIONS; i++)
		assert_int_equal(quarry_memblock_reserve(bed.q, 0x10000 + i * 0x2000, 0x1000), 0);
	assert_int_equal(E820(20, {0, 0x8000, 1}), -QUARRY_ENOMEM);
	bed_expect_log(&bed, "e820: memblock's reserved list has 128 of 128 regions, and 1 more");
	assert_int_equal(quarry_memblock_phys_mem_size(bed.q), 0);
	assert_int_equal(E820(20, {0x1000, 0x7000, 1}), 0);
}

/* An empty list has room for as many regions as it can have. */
static void test_e820_fills_an_empty_list(void **state)
{
	struct entry *all = calloc(QUARRY_MEMBLOCK_REGIONS, sizeof(*all));

	(void)state;
	assert_non_null(all);
	for (unsigned long i = 0; i < QUARRY_MEMBLOCK_REGIONS; i++)
		all[i] = (struct entry){0x10000 + i * 0x2000, 0x1000, 1};
	assert_int_equal(e820(all, QUARRY_MEMBLOCK_REGIONS, 20), 0);
	assert_int_equal(quarry_memblock(bed.q)->memory.cnt, QUARRY_MEMBLOCK_REGIONS);
	free(all);
}

/* What meets regions that are there may be cut by each of them. */
static void test_e820_counts_what_it_meets(void **state)
{
	unsigned long i;

	(void)state;
	for (i = 0; i < QUARRY_MEMBLOCK_REGIONS - 1; i++)
		assert_int_equal(quarry_memblock_add_node(bed.q, 0x3000 + i * 0x2000, 0x1000, 1,
							  MEMBLOCK_HOTPLUG),
				 0);
	assert_int_equal(E820(20, {0x1000, 0x3000, 1}), -QUARRY_ENOMEM);
	bed_expect_log(&bed, "e820: memblock's memory list has 127 of 128 regions, and 2 more");
	assert_int_equal(quarry_memblock_remove(bed.q, 0x5000, 0x1000), 0);
	assert_int_equal(E820(20, {0x1000, 0x3000, 1}), 0);
	assert_int_equal(quarry_memblock(bed.q)->memory.cnt, QUARRY_MEMBLOCK_REGIONS - 1);
}

/* Memory that is there already stays as it is. */
static void test_e820_adds_to_what_is_there(void **state)
{
	(void)state;
	assert_int_equal(quarry_memblock_add_node(bed.q, 0x3000, 0x1000, 1, MEMBLOCK_HOTPLUG), 0);
	assert_int_equal(E820(20, {0x1000, 0x7000, 1}), 0);
	bed_expect(&bed, "memory 0x1000-0x3000 nid -1 flags 0\nmemory 0x3000-0x4000 nid 1 flags 1\n"
			 "memory 0x4000-0x8000 nid -1 flags 0\n");
}

/* A generator whose numbers are the same everywhere. */
static uint32_t random_below(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*seed >> 33) % below);
}

#define RANDOM_PAGES 64u
#define RANDOM_UNITS 16u /* of a page */

/* Any ranges: a page is memory if each of its bytes is in RAM, and in nothing else. */
static void test_e820_random(void **state)
{
	struct bed_outcomes outcomes = {0};
	uint64_t seed = 1;

	(void)state;
	for (unsigned int try = 0; try < 3000; try++) {
		static bool ram[RANDOM_PAGES * RANDOM_UNITS], taken[RANDOM_PAGES * RANDOM_UNITS];
		unsigned int n = 1 + random_below(&seed, 7), pages = 0;
		struct entry e[7];
		int err;

		bed_again(&bed);
		memset(ram, 0, sizeof(ram));
		memset(taken, 0, sizeof(taken));
		for (unsigned int i = 0; i < n; i++) {
			uint32_t start = random_below(&seed, RANDOM_PAGES * RANDOM_UNITS);
			uint32_t end = start + random_below(&seed, 24 * RANDOM_UNITS);

			if (random_below(&seed, 3) == 0)
				start -= start % RANDOM_UNITS;
			end = end < RANDOM_PAGES * RANDOM_UNITS ? end : RANDOM_PAGES * RANDOM_UNITS;
			e[i] = (struct entry){start * 256ull, (end - start) * 256ull,
					      random_below(&seed, 4) == 0 ? 2 : 1};
			memset(&(e[i].type == 1 ? ram : taken)[start], true, end - start);
		}
		err = e820(e, n, 24);
		for (unsigned int i = 0; i < RANDOM_PAGES; i++) {
			bool memory = true;

			for (unsigned int k = 0; k < RANDOM_UNITS; k++)
				memory = memory && ram[i * RANDOM_UNITS + k] &&
					 !taken[i * RANDOM_UNITS + k];
			pages += memory;
			assert_int_equal(quarry_memblock_is_memory(bed.q, i * 4096), memory);
			if (memory)
				assert_int_equal(quarry_memblock_is_reserved(bed.q, i * 4096),
						 i == 0);
		}
		assert_int_equal(err, pages != 0 ? 0 : -QUARRY_ENXIO);
		assert_int_equal(quarry_memblock_phys_mem_size(bed.q), pages * 4096);
		bed_outcome(&bed, &outcomes, err);
	}
	bed_expect_outcomes(&outcomes, (struct bed_outcomes){3000, 2792, 0xe93e5de2725a8c89});
}

static void test_too_late(void **state)
{
	(void)state;
	assert_int_equal(quarry_memblock_add(bed.q, 0, 64 << 20), 0);
	assert_int_equal(quarry_boot(bed.q, NULL), 0);
	assert_int_equal(E820(20, {0x1000, 0x7000, 1}), -QUARRY_EINVAL);
	bed_expect_log(&bed, "e820: too late");
	assert_int_equal(quarry_firmware_acpi(bed.q, 0x1000, &bed.memory), -QUARRY_EINVAL);
	bed_expect_log(&bed, "acpi: too late");
}

/* ---- PVH ---- */

#define INFO 0x2000u
#define MAP 0x3000u
#define LINE 0x4000u
#define MODULES 0x5000u

static uint8_t *put_pvh(void)
{
	static const struct entry e[] = {
		{0, 0x9fc00, 1}, {0x100000, 0x7f00000, 1}, {0x8000000, 0x10000, 2}};
	uint8_t info[56] = {0}, map[3 * 24] = {0}, modules[2 * 32] = {0};
	size_t i;

	bed_le32(info, 0x336ec578);
	bed_le32(info + 4, 1);
	bed_le32(info + 12, 2);
	bed_le64(info + 16, MODULES);
	bed_le64(info + 24, LINE);
	bed_le64(info + 32, 0xf5b20);
	bed_le64(info + 40, MAP);
	bed_le32(info + 48, 3);
	for (i = 0; i < 3; i++)
		bed_e820(map + i * 24, e[i].start, e[i].size, e[i].type);
	bed_le64(modules, 0x1000000);
	bed_le64(modules + 8, 0x123456);
	bed_le64(modules + 32, 0x1200000);
	bed_le64(modules + 40, 0x10);
	bed_put(&bed, MAP, map, sizeof(map));
	bed_put(&bed, LINE, "console=ttyS0", 14);
	bed_put(&bed, MODULES, modules, sizeof(modules));
	return bed_put(&bed, INFO, info, sizeof(info));
}

#define PVH_LISTS                                                                             \
	"memory 0x0-0x9f000 nid -1 flags 0\nmemory 0x100000-0x8000000 nid -1 flags 0\n"       \
	"reserved 0x0-0x1000 nid -1 flags 0\nreserved 0x2000-0x2038 nid -1 flags 128\n"       \
	"reserved 0x3000-0x3048 nid -1 flags 128\nreserved 0x4000-0x400e nid -1 flags 128\n"  \
	"reserved 0x5000-0x5040 nid -1 flags 128\nreserved 0x1000000-0x1123456 nid -1 flags " \
	"0\nreserved 0x1200000-0x1200010 nid -1 flags 0\n"

static void test_pvh(void **state)
{
	char line[8];
	struct quarry_firmware_info info = {.cmdline = line, .cmdline_room = sizeof(line)};

	(void)state;
	put_pvh();
	/* What is there is of an earlier call. */
	info.nr_modules = 7;
	info.initrd.size = 7;
	info.cmdline_length = 7;
	info.nr_ranges = 7;
	assert_int_equal(quarry_firmware_pvh(bed.q, INFO, &bed.memory, &info), 0);
	bed_expect(&bed, PVH_LISTS);
	assert_int_equal(info.nr_modules, 2);
	assert_string_equal(line, "console");
	assert_int_equal(info.cmdline_length, 13);
	assert_int_equal(info.rsdp, 0xf5b20);
	assert_int_equal(info.initrd.start, 0x1000000);
	assert_int_equal(info.initrd.size, 0x123456);
	assert_int_equal(info.ram_bytes, 0x7f00000 + 0x9f000);
	assert_int_equal(info.ram_end, 0x8000000);
	assert_int_equal(info.nr_ranges, 3);
	bed_again(&bed);
	assert_int_equal(quarry_firmware_pvh(bed.q, INFO, &bed.memory, NULL), 0);
	bed_expect(&bed, PVH_LISTS);
}

static void pvh_refused(int err, const char *message)
{
	assert_int_equal(quarry_firmware_pvh(bed.q, INFO, &bed.memory, NULL), err);
	bed_expect_log(&bed, message);
	bed_expect(&bed, "");
}

static void test_pvh_refuses(void **state)
{
	uint8_t *info = put_pvh();

	(void)state;
	info[0]++;
	pvh_refused(-QUARRY_EINVAL, "pvh: magic 0x336ec579, expected 0x336ec578");
	info[0]--;
	info[4] = 0;
	pvh_refused(-QUARRY_EINVAL, "pvh: version 0 has no memory map");
	info[4] = 1;
	bed_le32(info + 48, 1025);
	pvh_refused(-QUARRY_E2BIG, "pvh: 1025 entries and 2 modules, expected at most 1024");
	bed_le32(info + 48, 0);
	pvh_refused(-QUARRY_ENXIO, "pvh: the memory map is empty");
	bed_le32(info + 48, 4);
	pvh_refused(-QUARRY_ERANGE, "pvh: the memory map at 0x3000 cannot be read");
	bed_le32(info + 48, 3);
	bed_le32(info + 12, 3);
	pvh_refused(-QUARRY_ERANGE, "pvh: the list of modules at 0x5040 cannot be read");
	bed_le32(info + 12, 2);
	bed_cut(&bed, LINE, 13);
	pvh_refused(-QUARRY_ERANGE, "pvh: the command line at 0x400d cannot be read");
	bed_le64(info + 24, 0);
	bed_cut(&bed, INFO, 55);
	pvh_refused(-QUARRY_ERANGE, "pvh: the start info at 0x2000 cannot be read");
	bed_cut(&bed, INFO, 39);
	pvh_refused(-QUARRY_ERANGE, "pvh: the start info at 0x2000 cannot be read");
}

static void test_pvh_endless_command_line(void **state)
{
	static char line[4096];
	uint8_t *info = put_pvh();

	(void)state;
	memset(line, 'x', sizeof(line));
	bed_put(&bed, 0x10000, line, sizeof(line));
	bed_le64(info + 24, 0x10000);
	pvh_refused(-QUARRY_EINVAL, "pvh: the command line does not end within 4096 bytes");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_e820_takes_a_pc),
		T(test_e820_sorts_joins_and_trims),
		T(test_e820_types),
		T(test_e820_far_ends),
		T(test_e820_refuses),
		T(test_e820_counts_reservations),
		T(test_e820_fills_an_empty_list),
		T(test_e820_counts_what_it_meets),
		T(test_e820_adds_to_what_is_there),
		T(test_e820_random),
		T(test_too_late),
		T(test_pvh),
		T(test_pvh_refuses),
		T(test_pvh_endless_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
