/* SPDX-License-Identifier: MIT */
/* Limits of all adapters: just below, met exactly, just above. Each row says all that comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <devtree.h>
#include <firmware_bed.h>
#include <machine.h>

#define NOWHERE QUARRY_FIRMWARE_NOWHERE
#define MOST QUARRY_FIRMWARE_MAX_RANGES
#define ROWS(a) (sizeof(a) / sizeof((a)[0]))

static struct firmware_bed bed;
static struct strbuf tree;

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
	strbuf_free(&tree);
	return 0;
}

/* ---- what comes of a row ---- */

#define PAGE_LIST "memory 0x100000-0x101000 nid -1 flags 0\n"

/* @log: a part of it; NULL: it is empty. @lists: NULL: any. */
static void expect(size_t row, int got, int err, const char *log, const char *lists)
{
	char text[16384];

	bed_lists(bed.q, text, sizeof(text));
	if (got != err)
		fail_msg("row %zu: %d, expected %d: %s", row, got, err, bed.log);
	if (log != NULL ? strstr(bed.log, log) == NULL : bed.log[0] != '\0')
		fail_msg("row %zu: the log has \"%s\", expected \"%s\"", row, bed.log,
			 log != NULL ? log : "");
	if (lists != NULL && strcmp(text, lists) != 0)
		fail_msg("row %zu: the lists are \"%s\", expected \"%s\"", row, text, lists);
	bed.log[0] = '\0';
}

/* memblock has @memory and @reserved regions of a page each, a page apart, and nothing else. */
static void fill(unsigned long memory, unsigned long reserved)
{
	bed_again(&bed);
	for (unsigned long i = 0; i < memory; i++)
		assert_int_equal(
			quarry_memblock_add_node(bed.q, 0x10000000 + i * 0x2000, 0x1000, 1, 0), 0);
	for (unsigned long i = 0; i < reserved; i++)
		assert_int_equal(quarry_memblock_reserve(bed.q, 0x20000000 + i * 0x2000, 0x1000),
				 0);
}

/* ---- E820: ranges, and lists of memblock ---- */

/* @n entries of the same range, in a block of the exact size. */
static int e820(size_t n, size_t stride, uint64_t start, uint64_t size)
{
	uint8_t *map = malloc(n * stride + 20);
	int err;

	assert_non_null(map);
	for (size_t i = 0; i < n; i++)
		bed_e820(map + i * stride, start, size, 1);
	map = realloc(map, (n - 1) * stride + 20);
	assert_non_null(map);
	err = quarry_firmware_e820(bed.q, map, n, stride);
	free(map);
	return err;
}

static void test_e820(void **state)
{
	static const struct {
		size_t n, stride;
		uint64_t start, size;
		int err;
		const char *log, *lists;
	} row[] = {
		{1, 19, 0x100000, 0x1000, -QUARRY_EINVAL, "entries of 19 bytes", ""},
		{1, 20, 0x100000, 0x1000, 0, NULL, PAGE_LIST},
		{1, 21, 0x100000, 0x1000, 0, NULL, PAGE_LIST},
		{MOST - 1, 20, 0x100000, 0x1000, 0, "ranges overlap", PAGE_LIST},
		{MOST, 20, 0x100000, 0x1000, 0, "ranges overlap", PAGE_LIST},
		{MOST + 1, 20, 0x100000, 0x1000, -QUARRY_E2BIG, "1025 entries, expected", ""},
		/* Pages: the first and the last byte of one. */
		{1, 20, 0x100000, 0xfff, -QUARRY_ENXIO, "no memory in 1 ranges", ""},
		{1, 20, 0x100001, 0x1000, -QUARRY_ENXIO, "no memory in 1 ranges", ""},
		{1, 20, 0xfffff, 0x1001, 0, NULL, PAGE_LIST},
		{1, 20, 0x100000, 0x1001, 0, NULL, PAGE_LIST},
		/* The highest address that is managed. */
		{1, 20, 0x3fffffffe000, 0x1000, 0, NULL,
		 "memory 0x3fffffffe000-0x3ffffffff000 nid -1 flags 0\n"},
		{1, 20, 0x3ffffffff000, 0x1000, 0, NULL,
		 "memory 0x3ffffffff000-0x400000000000 nid -1 flags 0\n"},
		{1, 20, 0x3ffffffff000, 0x1fff, 0, NULL,
		 "memory 0x3ffffffff000-0x400000000000 nid -1 flags 0\n"},
		{1, 20, 0x3ffffffff000, 0x2000, 0, " 4 KiB of memory above 0x400000000000 ",
		 "memory 0x3ffffffff000-0x400000000000 nid -1 flags 0\n"},
		{1, 20, 0x400000000000, 0x1000, -QUARRY_ENXIO, "no memory in 1 ranges", ""},
		{1, 20, 0x400000000001, 0x1000, -QUARRY_ENXIO, "no memory in 1 ranges", ""},
		/* The end of the address space, whose last page is none. */
		{1, 20, 0x3ffffffff000, 0xffffbfffffffffff, 0,
		 " 18014329790005240 KiB of memory above",
		 "memory 0x3ffffffff000-0x400000000000 nid -1 flags 0\n"},
		{1, 20, 0x3ffffffff000, 0xffffc00000001000, 0,
		 " 18014329790005244 KiB of memory above",
		 "memory 0x3ffffffff000-0x400000000000 nid -1 flags 0\n"},
		{1, 20, 0x3ffffffff000, 0xffffc00000001001, -QUARRY_ERANGE, "end beyond", ""},
		{1, 20, 0xfffffffffffff000, 0xfff, -QUARRY_ENXIO, "no memory", ""},
		{1, 20, 0xfffffffffffff000, 0x1000, -QUARRY_ENXIO, "no memory", ""},
		{1, 20, 0xfffffffffffff000, 0x1001, -QUARRY_ERANGE, "end beyond", ""},
		{1, 20, 0xffffffffffffffff, 1, -QUARRY_ENXIO, "no memory", ""},
		{1, 20, 0xffffffffffffffff, 2, -QUARRY_ERANGE, "end beyond", ""},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		bed_again(&bed);
		expect(i, e820(row[i].n, row[i].stride, row[i].start, row[i].size), row[i].err,
		       row[i].log, row[i].lists);
	}
}

/* What touches a region does not meet it, and needs no more than its own place. */
static void test_room_in_memory(void **state)
{
	static const struct {
		unsigned long there;
		uint64_t start, size;
		int err;
		const char *log;
		unsigned long then;
	} row[] = {
		{127, 0x8000000, 0x1000, 0, NULL, 128},
		{128, 0x8000000, 0x1000, -QUARRY_ENOMEM, "128 of 128 regions, and 1 more", 128},
		{127, 0xffff000, 0x1000, 0, NULL, 128},
		{127, 0xffff000, 0x1fff, 0, NULL, 128},
		{127, 0xffff000, 0x2000, -QUARRY_ENOMEM, "127 of 128 regions, and 2 more", 127},
		{126, 0xffff000, 0x2000, 0, NULL, 127},
		{127, 0x10001000, 0x1000, 0, NULL, 128},
		{127, 0x10000fff, 0x1001, 0, NULL, 128},
		{127, 0x10000000, 0x2000, -QUARRY_ENOMEM, "127 of 128 regions, and 2 more", 127},
		{126, 0x10000000, 0x4000, -QUARRY_ENOMEM, "126 of 128 regions, and 3 more", 126},
		{125, 0x10000000, 0x4000, 0, NULL, 127},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		fill(row[i].there, 0);
		expect(i, e820(1, 20, row[i].start, row[i].size), row[i].err, row[i].log, NULL);
		assert_int_equal(quarry_memblock(bed.q)->memory.cnt, row[i].then);
	}
}

/* ---- Limine ---- */

/* One entry of type @type in the middle of @n, of which the others are a page of memory. */
static int limine(uint64_t n, uint64_t type, uint64_t start, uint64_t size)
{
	static const struct quarry_limine_entry page = {0x100000, 0x1000, 0};
	const struct quarry_limine_entry e = {start, size, type};
	const struct quarry_limine_entry **entries = calloc(n, sizeof(*entries));
	int err;

	assert_non_null(entries);
	for (size_t i = 0; i < n; i++)
		entries[i] = i == n / 2 ? &e : &page;
	err = quarry_firmware_limine(bed.q, entries, n);
	free(entries);
	return err;
}

static void test_limine(void **state)
{
	static const struct {
		uint64_t n, type, size;
		unsigned long reserved;
		int err;
		const char *log;
		unsigned long then;
	} row[] = {
		{MOST, 0, 0x1000, 0, 0, "overlap", 1},
		{MOST + 1, 0, 0x1000, 0, -QUARRY_E2BIG, "1025 entries, expected", 1},
		/* What is in use is one range more; an empty one that stays is none. */
		{MOST - 1, 5, 0x1000, 0, 0, "overlap", 1},
		{MOST, 5, 0x1000, 0, -QUARRY_E2BIG, "more than 1024 ranges", 1},
		{MOST, 5, 0, 0, -QUARRY_E2BIG, "more than 1024 ranges", 1},
		{MOST - 1, 6, 0x1000, 0, 0, "overlap", 1},
		{MOST, 6, 0x1000, 0, -QUARRY_E2BIG, "more than 1024 ranges", 1},
		{MOST, 6, 0, 0, 0, "overlap", 1},
		/* One place, of those that are left. */
		{3, 5, 0x1000, 127, 0, "overlap", 128},
		{3, 5, 0x1000, 128, -QUARRY_ENOMEM, "128 of 128 regions, and 1 more", 128},
		{3, 6, 0x1000, 127, 0, "overlap", 128},
		{3, 6, 0x1000, 128, -QUARRY_ENOMEM, "128 of 128 regions, and 1 more", 128},
		/* To the first region that is reserved already, and one byte on. */
		{3, 6, 0xc000000, 127, 0, "overlap", 127},
		{3, 6, 0xc000001, 127, -QUARRY_ENOMEM, "127 of 128 regions, and 2 more", 127},
		{3, 5, 0xc000000, 127, 0, "overlap", 128},
		{3, 5, 0xc000001, 127, -QUARRY_ENOMEM, "127 of 128 regions, and 2 more", 127},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		fill(0, row[i].reserved);
		expect(i, limine(row[i].n, row[i].type, 0x14000000, row[i].size), row[i].err,
		       row[i].log, NULL);
		assert_int_equal(quarry_memblock(bed.q)->reserved.cnt, row[i].then);
	}
	/* The frame at 0 takes a place too, and what the boot loader has may be cut by it. */
	fill(0, 127);
	expect(0, limine(1, 0, 0, 0x2000), 0, NULL, NULL);
	fill(0, 125);
	expect(1, limine(2, 5, 0, 0x2000), 0, NULL, NULL);
	fill(0, 126);
	expect(2, limine(2, 5, 0, 0x2000), -QUARRY_ENOMEM, "126 of 128 regions, and 3 more", NULL);
}

/* ---- PVH ---- */

#define INFO 0x2000u

struct pvh_row {
	uint32_t entries, modules;
	size_t line; /* characters; ended by a 0 */
	int err;
	const char *log;
};

/* Everything in blocks of the exact size. */
static void put_pvh(const struct pvh_row *r)
{
	uint8_t info[56] = {0}, *map = calloc(r->entries, 24),
		*modules = calloc(r->modules + 1, 32);
	char *line = calloc(1, r->line + 1);

	assert_true(map != NULL && modules != NULL && line != NULL);
	bed_le32(info, 0x336ec578);
	bed_le32(info + 4, 1);
	bed_le32(info + 12, r->modules);
	bed_le64(info + 16, 0x40000);
	bed_le64(info + 24, 0x60000);
	bed_le64(info + 40, 0x80000);
	bed_le32(info + 48, r->entries);
	for (size_t i = 0; i < r->entries; i++)
		bed_e820(map + i * 24, 0x100000, 0x1000, 1);
	memset(line, 'x', r->line);
	bed_put(&bed, INFO, info, sizeof(info));
	bed_put(&bed, 0x80000, map, r->entries * 24);
	bed_put(&bed, 0x40000, modules, r->modules * 32 + 1);
	bed_put(&bed, 0x60000, line, r->line + 1);
	free(map);
	free(modules);
	free(line);
}

static void drop(void)
{
	while (bed.nr != 0)
		free(bed.chunk[--bed.nr].data);
}

static void test_pvh(void **state)
{
	/* The start info, the map, the command line and the list of modules are ranges too. */
	static const struct pvh_row row[] = {
		{MOST - 5, 0, 4094, 0, "overlap"},
		{MOST - 4, 0, 4095, 0, "overlap"},
		{MOST - 3, 0, 9, -QUARRY_E2BIG, "more than 1024 ranges"},
		{MOST, 0, 9, -QUARRY_E2BIG, "more than 1024 ranges"},
		{MOST + 1, 0, 9, -QUARRY_E2BIG, "1025 entries and 0 modules"},
		{1, MOST - 1, 9, 0, NULL},
		{1, MOST, 9, 0, NULL},
		{1, MOST + 1, 9, -QUARRY_E2BIG, "1 entries and 1025 modules"},
		{1, 0, 4096, -QUARRY_EINVAL, "does not end within 4096 bytes"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		struct quarry_firmware_info info = {0};

		bed_again(&bed);
		put_pvh(&row[i]);
		expect(i, quarry_firmware_pvh(bed.q, INFO, &bed.memory, &info), row[i].err,
		       row[i].log, NULL);
		if (row[i].err == 0) {
			assert_int_equal(info.cmdline_length, row[i].line);
			assert_int_equal(info.nr_modules, row[i].modules);
			assert_int_equal(info.nr_ranges, row[i].entries);
			assert_true(quarry_memblock_is_reserved(bed.q, 0x60000 + row[i].line));
			assert_false(quarry_memblock_is_reserved(bed.q, 0x60001 + row[i].line));
		}
		drop();
	}
}

/* Room for text and modules: none, one less than there is, as much, one more. */
static void test_room_of_the_caller(void **state)
{
	static const struct pvh_row r = {1, 3, 5, 0, NULL};

	(void)state;
	put_pvh(&r);
	for (unsigned int room = 0; room <= 7; room++) {
		struct quarry_range module[8];
		char line[8] = "-------";
		struct quarry_firmware_info info = {.cmdline = line,
						    .cmdline_room = room,
						    .module = module,
						    .module_room = room};

		memset(module, 7, sizeof(module));
		bed_again(&bed);
		expect(room, quarry_firmware_pvh(bed.q, INFO, &bed.memory, &info), 0, NULL, NULL);
		assert_int_equal(info.cmdline_length, 5);
		for (unsigned int i = 0; i < 8; i++) {
			unsigned int fits = room == 0 ? 0 : room - 1 < 5 ? room - 1 : 5;
			char c = i < fits ? 'x' : room != 0 && i == fits ? '\0' : '-';

			assert_int_equal(line[i], i < 7 ? c : '\0');
			assert_int_equal(module[i].size == 0, i < room && i < 3);
		}
	}
}

/* ---- UEFI ---- */

static void test_efi(void **state)
{
	static const struct {
		size_t n, stride, more;
		uint32_t type;
		uint64_t start, pages;
		int err;
		const char *log, *lists;
	} row[] = {
		{1, 39, 0, 7, 0x100000, 1, -QUARRY_EINVAL, "descriptors of 39 bytes", ""},
		{1, 40, 0, 7, 0x100000, 1, 0, NULL, PAGE_LIST},
		{1, 41, 0, 7, 0x100000, 1, 0, NULL, PAGE_LIST},
		{1, 40, 1, 7, 0x100000, 1, -QUARRY_ERANGE, "1 bytes are left behind", ""},
		{1, 40, 39, 7, 0x100000, 1, -QUARRY_ERANGE, "39 bytes are left behind", ""},
		{MOST, 40, 0, 7, 0x100000, 1, 0, "overlap", PAGE_LIST},
		{MOST, 40, 39, 7, 0x100000, 1, -QUARRY_ERANGE, "39 bytes are left behind", ""},
		{MOST + 1, 40, 0, 7, 0x100000, 1, -QUARRY_E2BIG, "more than 1024 descriptors", ""},
		{MOST / 2, 40, 0, 2, 0x100000, 1, 0, "overlap",
		 PAGE_LIST "reserved 0x100000-0x101000 nid -1 flags 128\n"},
		{MOST / 2 + 1, 40, 0, 2, 0x100000, 1, -QUARRY_E2BIG, "more than 1024 ranges", ""},
		/* All addresses, all but a page of them, a page too many. */
		{1, 40, 0, 7, 0x1000, 0xffffffffffffd, 0, " 18014329790005240 KiB of memory above",
		 "memory 0x1000-0x400000000000 nid -1 flags 0\n"},
		{1, 40, 0, 7, 0x1000, 0xfffffffffffff, 0, " 18014329790005244 KiB of memory above",
		 "memory 0x1000-0x400000000000 nid -1 flags 0\n"},
		{1, 40, 0, 7, 0x1001, 0xfffffffffffff, -QUARRY_ERANGE, "end beyond", ""},
		{1, 40, 0, 7, 0, 0x10000000000000, -QUARRY_ERANGE, "descriptor 0 is larger", ""},
		/* What the boot loader uses to the last byte. */
		{1, 40, 0, 2, 0x3ffffffff000, 1, 0, NULL,
		 "memory 0x3ffffffff000-0x400000000000 nid -1 flags 0\n"
		 "reserved 0x3ffffffff000-0x400000000000 nid -1 flags 128\n"},
		{1, 40, 0, 2, 0x3ffffffff000, 0xffffc00000001, 0, "KiB of memory above",
		 "memory 0x3ffffffff000-0x400000000000 nid -1 flags 0\n"
		 "reserved 0x3ffffffff000-0xffffffffffffffff nid -1 flags 128\n"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		size_t size = row[i].n * row[i].stride + row[i].more;
		uint8_t *map = calloc(1, size + 40);

		assert_non_null(map);
		bed_again(&bed);
		for (size_t k = 0; k < row[i].n; k++)
			bed_efi(map + k * row[i].stride, row[i].type, row[i].start, row[i].pages,
				8);
		map = realloc(map, size);
		expect(i, quarry_firmware_efi(bed.q, map, size, row[i].stride, 1), row[i].err,
		       row[i].log, row[i].lists);
		free(map);
	}
}

/* What the boot loader uses takes one place, though its memory is of two kinds. */
static void test_efi_one_place(void **state)
{
	uint8_t map[80] = {0};

	(void)state;
	bed_efi(map, 2, 0x100000, 1, 8);
	bed_efi(map + 40, 2, 0x101000, 1, 0x10008);
	for (unsigned long there = 127; there <= 128; there++) {
		fill(0, there);
		expect(there, quarry_firmware_efi(bed.q, map, sizeof(map), 40, 1),
		       there < 128 ? 0 : -QUARRY_ENOMEM,
		       there < 128 ? NULL : "128 of 128 regions, and 1 more", NULL);
	}
}

/* ---- Multiboot2 ---- */

struct mbi {
	uint8_t b[32768];
	size_t n;
};

static uint8_t *tag(struct mbi *m, uint32_t type, uint32_t size)
{
	uint8_t *t = m->b + m->n;

	bed_le32(t, type);
	bed_le32(t + 4, size);
	m->n = (m->n + size + 7) & ~(size_t)7;
	return t;
}

/* A map of @n entries of 20 bytes, with a tag of @more bytes more than they need. */
static void begin_mbi(struct mbi *m, uint32_t n, int more)
{
	uint8_t *t;

	memset(m, 0, sizeof(*m));
	m->n = 8;
	t = tag(m, 6, (uint32_t)((int)(16 + n * 20) + more));
	bed_le32(t + 8, 20);
	for (uint32_t i = 0; i < n; i++)
		bed_e820(t + 16 + (size_t)i * 20, 0x100000 + i % 2 * 0x1000, 0x1000, 1);
}

/* The last tag has @last bytes, the whole @more bytes more than it has tags. */
static int give_mbi(struct mbi *m, uint32_t last, int more, phys_addr_t phys)
{
	uint8_t *exact;
	size_t size;
	int err;

	bed_le32(m->b + m->n, 0);
	bed_le32(m->b + m->n + 4, last);
	size = (size_t)((ptrdiff_t)m->n + 8 + more);
	bed_le32(m->b, (uint32_t)size);
	exact = malloc(size);
	assert_non_null(exact);
	memcpy(exact, m->b, size);
	err = quarry_firmware_multiboot2(bed.q, exact, size, phys, NULL);
	free(exact);
	return err;
}

#define TWO_PAGES "memory 0x100000-0x102000 nid -1 flags 0\n"

static void test_multiboot2(void **state)
{
	static const struct {
		uint32_t n;
		int more_map;
		uint32_t last;
		int more;
		phys_addr_t phys;
		int err;
		const char *log, *lists;
	} row[] = {
		/* A map that ends within an entry, with one, and behind it. */
		{2, -1, 8, 0, NOWHERE, 0, NULL, PAGE_LIST},
		{2, 0, 8, 0, NOWHERE, 0, NULL, TWO_PAGES},
		{2, 1, 8, 0, NOWHERE, 0, NULL, TWO_PAGES},
		{1, -1, 8, 0, NOWHERE, -QUARRY_ENXIO, "no memory in 0 ranges", ""},
		{0, 0, 8, 0, NOWHERE, -QUARRY_ENXIO, "no memory in 0 ranges", ""},
		{0, -1, 8, 0, NOWHERE, -QUARRY_ERANGE, "has 15 bytes, expected 16 to", ""},
		/* The last tag, and the end of all. */
		{1, 0, 7, 0, NOWHERE, -QUARRY_ERANGE, "has 7 bytes, expected 8 to 8", ""},
		{1, 0, 9, 0, NOWHERE, -QUARRY_ERANGE, "has 9 bytes, expected 8 to 8", ""},
		{1, 0, 9, 1, NOWHERE, 0, NULL, PAGE_LIST},
		{1, 0, 8, -1, NOWHERE, -QUARRY_ERANGE, "the tags do not end within 55 bytes", ""},
		{1, 0, 8, -8, NOWHERE, -QUARRY_ERANGE, "the tags do not end within 48 bytes", ""},
		{1, 0, 8, -9, NOWHERE, -QUARRY_ERANGE, "the tags do not end within 47 bytes", ""},
		{1, 0, 8, -12, NOWHERE, -QUARRY_ERANGE, "the tags do not end within 44 bytes", ""},
		{1, 0, 8, -13, NOWHERE, -QUARRY_ERANGE, "has 36 bytes, expected 16 to 35", ""},
		/* The information itself is a range, if it lies anywhere. */
		{MOST - 1, 0, 8, 0, 0x100000, 0, "overlap", NULL},
		{MOST, 0, 8, 0, NOWHERE, 0, "overlap", TWO_PAGES},
		{MOST, 0, 8, 0, 0x100000, -QUARRY_E2BIG, "more than 1024 ranges", ""},
		{MOST + 1, 0, 8, 0, NOWHERE, -QUARRY_E2BIG, "more than 1024 ranges", ""},
	};
	struct mbi m;

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		bed_again(&bed);
		begin_mbi(&m, row[i].n, row[i].more_map);
		expect(i, give_mbi(&m, row[i].last, row[i].more, row[i].phys), row[i].err,
		       row[i].log, row[i].lists);
	}
}

/* The least that each kind of tag has, and a byte less; a module that is empty, or less. */
static void test_multiboot2_tags(void **state)
{
	static const struct {
		uint32_t type, least;
	} row[] = {{1, 9}, {3, 16}, {6, 16}, {14, 28}, {15, 44}, {17, 16}, {18, 8}, {77, 8}};
	struct mbi m;

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++)
		for (uint32_t less = 0; less < 2; less++) {
			bed_again(&bed);
			begin_mbi(&m, 1, 0);
			tag(&m, row[i].type, row[i].least - less);
			expect(i, give_mbi(&m, 8, 0, NOWHERE), less ? -QUARRY_ERANGE : 0,
			       less ? "the tag at offset 0x30" : NULL, less ? "" : PAGE_LIST);
		}
	for (uint32_t start = 0xfff; start <= 0x1001; start++) {
		uint8_t *t;

		bed_again(&bed);
		begin_mbi(&m, 1, 0);
		t = tag(&m, 3, 17);
		bed_le32(t + 8, start);
		bed_le32(t + 12, 0x1000);
		expect(start, give_mbi(&m, 8, 0, NOWHERE), start > 0x1000 ? -QUARRY_EINVAL : 0,
		       start > 0x1000 ? "ends before it begins" : NULL,
		       start > 0x1000   ? ""
		       : start < 0x1000 ? PAGE_LIST "reserved 0xfff-0x1000 nid -1 flags 0\n"
					: PAGE_LIST);
	}
}

/* ---- devicetrees: blocks of the blob ---- */

#define START "/dts-v1/;\n"
#define RESERVED "reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges; "
#define RAM "m { device_type = \"memory\"; reg = <0x100000 0x1000>; };\n"

static void compile(const char *text)
{
	struct diag diag = {0};

	strbuf_free(&tree);
	if (devtree_compile("t.dts", text, strlen(text), &tree, &diag) != CLI_OK)
		fail_msg("%s", diag.text.s);
	diag_free(&diag);
}

static int give_fdt(const void *blob, size_t size, phys_addr_t phys,
		    struct quarry_firmware_info *info)
{
	uint8_t *exact = malloc(size + (size == 0));
	int err;

	assert_non_null(exact);
	memcpy(exact, blob, size);
	err = quarry_firmware_fdt(bed.q, exact, size, phys, info);
	free(exact);
	return err;
}

static uint32_t be32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The blocks of @tree from offset 40 on, in the order of @order, which says each by its offset in the header. */
static size_t lay_out(uint8_t *b, const uint8_t order[3], size_t reserve_bytes)
{
	size_t n = 40;

	memset(b, 0, 4096);
	memcpy(b, tree.s, 40);
	for (unsigned int i = 0; i < 3; i++) {
		size_t bytes =
			order[i] == 16 ? reserve_bytes : be32(tree.s + (order[i] == 8 ? 36 : 32));

		n = (n + 7) & ~(size_t)7;
		memcpy(b + n, tree.s + be32(tree.s + order[i]), bytes);
		bed_be32(b + order[i], (uint32_t)n);
		n += bytes;
	}
	bed_be32(b + 4, (uint32_t)n);
	return n;
}

/* Each block at the end, and at the beginning; a byte less cuts the last one off. */
static void test_fdt_blocks(void **state)
{
	static const uint8_t order[3][3] = {{16, 8, 12}, {8, 12, 16}, {12, 16, 8}};
	static uint8_t b[4096];

	(void)state;
	compile("/dts-v1/; /memreserve/ 0x5000 0x800; / { " RAM "};");
	for (size_t i = 0; i < 3; i++) {
		size_t n = lay_out(b, order[i], 32);

		bed_again(&bed);
		expect(i, give_fdt(b, n, NOWHERE, NULL), 0, NULL,
		       PAGE_LIST "reserved 0x5000-0x5800 nid -1 flags 0\n");
		bed_again(&bed);
		expect(i, give_fdt(b, n - 1, NOWHERE, NULL), -QUARRY_ERANGE, "expected at most",
		       "");
		bed_be32(b + 4, (uint32_t)n - 1);
		expect(i, give_fdt(b, n - 1, NOWHERE, NULL), -QUARRY_ERANGE,
		       order[i][2] == 16 ? "list of reservations does not end"
					 : "a block lies outside",
		       "");
		/* The first block begins within the header. */
		n = lay_out(b, order[i], 32);
		bed_be32(b + order[i][0], 36);
		expect(i, give_fdt(b, n, NOWHERE, NULL), -QUARRY_ERANGE, "a block lies outside",
		       "");
		/* A block of which nothing is left. */
		bed_be32(b + order[i][0], (uint32_t)n);
		expect(i, give_fdt(b, n, NOWHERE, NULL), -QUARRY_ERANGE, "a block lies outside",
		       "");
	}
	/* The list ends with the blob, without an end of its own. */
	expect(3, give_fdt(b, lay_out(b, order[1], 16), NOWHERE, NULL), -QUARRY_ERANGE,
	       "list of reservations does not end", "");
}

static void test_fdt_header(void **state)
{
	static const struct {
		uint32_t at, value;
		int err;
		const char *log;
	} row[] = {
		{4, 39, -QUARRY_ERANGE, "fdt: size 0x27, expected"},
		{4, 40, -QUARRY_ERANGE, "a block lies outside its 0x28 bytes"},
		{4, 0x7fffffff, 0, NULL},
		{4, 0x80000000, -QUARRY_ERANGE, "fdt: size 0x80000000, expected"},
		{20, 16, -QUARRY_EINVAL, "version 16, compatible with 16, expected 17"},
		{20, 17, 0, NULL},
		{20, 18, 0, NULL},
		{24, 16, 0, NULL},
		{24, 17, 0, NULL},
		{24, 18, -QUARRY_EINVAL, "version 17, compatible with 18, expected 17"},
		{16, 44, -QUARRY_EINVAL, "a block is not aligned"},
		{8, 58, -QUARRY_EINVAL, "a block is not aligned"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		bed_again(&bed);
		compile(START "/ { " RAM "};");
		bed_be32((uint8_t *)tree.s + row[i].at, row[i].value);
		expect(i, quarry_firmware_fdt(bed.q, tree.s, SIZE_MAX, NOWHERE, NULL), row[i].err,
		       row[i].log, row[i].err != 0 ? "" : PAGE_LIST);
	}
	bed_again(&bed);
	expect(1, quarry_firmware_fdt(bed.q, tree.s, 39, NOWHERE, NULL), -QUARRY_ERANGE,
	       "39 bytes, expected a header", "");
	expect(1, quarry_firmware_fdt(bed.q, tree.s, 40, NOWHERE, NULL), -QUARRY_ERANGE,
	       "expected at most 0x28", "");
}

/* Words of a structure that ends with the blob, of which the last @cut bytes are left out. */
static int give_structure(const uint32_t *word, uint32_t words, uint32_t cut, uint32_t strings)
{
	static const char names[8] = {'n', 0, 'd', 0, 0, 0, 'x', 'x'};
	uint32_t size = words * 4 - cut, n = 40 + 16 + 8 + size;
	uint8_t b[1024] = {0};

	assert_true(n + 4 < sizeof(b));
	for (uint32_t i = 0; i < words; i++)
		bed_be32(b + 64 + (size_t)i * 4, word[i]);
	memcpy(b + 56, names, 8);
	bed_be32(b, 0xd00dfeed);
	bed_be32(b + 4, n);
	bed_be32(b + 8, 64);
	bed_be32(b + 12, strings == 0 ? 63 : 56);
	bed_be32(b + 16, 40);
	bed_be32(b + 20, 17);
	bed_be32(b + 24, 17);
	bed_be32(b + 32, strings == 0 ? 1 : strings);
	bed_be32(b + 36, size);
	return give_fdt(b, n, NOWHERE, NULL);
}

#define ROOT_NODE 1, 0
#define WORDS(...) \
	(const uint32_t[]){__VA_ARGS__}, (uint32_t)ROWS(((const uint32_t[]){__VA_ARGS__}))
#define DAMAGED -QUARRY_EINVAL, "is damaged or out of place"
#define ENDLESS -QUARRY_ERANGE, "the structure does not end within"
#define EMPTY -QUARRY_ENXIO, "no memory in 0 ranges"

/* Where a tag, a text, a value or a name ends with its block. */
static void test_fdt_structure(void **state)
{
	const struct {
		const uint32_t *word;
		uint32_t words, cut, strings;
		int err;
		const char *log;
	} row[] = {
		{WORDS(ROOT_NODE, 2, 9), 0, 8, EMPTY},
		{WORDS(ROOT_NODE, 2, 9), 1, 8, ENDLESS},
		{WORDS(ROOT_NODE, 2, 9), 4, 8, ENDLESS},
		{WORDS(ROOT_NODE, 2, 9), 5, 8, ENDLESS},
		{WORDS(ROOT_NODE, 9), 0, 8, -QUARRY_EINVAL, "a node is not closed"},
		{WORDS(4, 9), 0, 8, -QUARRY_EINVAL, "no root node"},
		{WORDS(ROOT_NODE, 2, 2, 9), 0, 8, DAMAGED},
		{WORDS(ROOT_NODE, 2, ROOT_NODE, 2, 9), 0, 8, DAMAGED},
		/* A node's name. */
		{WORDS(1, 0x61616100), 0, 8, ENDLESS},
		{WORDS(1, 0x61616161), 0, 8, DAMAGED},
		{WORDS(1, 0x61610000), 1, 8, DAMAGED},
		{WORDS(1, 0), 4, 8, DAMAGED},
		/* A property's header, and its value. */
		{WORDS(ROOT_NODE, 3, 0, 0), 0, 8, ENDLESS},
		{WORDS(ROOT_NODE, 3, 0, 0), 1, 8, DAMAGED},
		{WORDS(ROOT_NODE, 3, 4, 0, 7), 0, 8, ENDLESS},
		{WORDS(ROOT_NODE, 3, 3, 0, 7), 0, 8, ENDLESS},
		{WORDS(ROOT_NODE, 3, 5, 0, 7), 0, 8, DAMAGED},
		{WORDS(ROOT_NODE, 3, 4, 0, 7, 2, 9), 0, 8, EMPTY},
		/* A property's name: behind the last 0 there is none. */
		{WORDS(ROOT_NODE, 3, 0, 5, 2, 9), 0, 8, EMPTY},
		{WORDS(ROOT_NODE, 3, 0, 6, 2, 9), 0, 8, DAMAGED},
		{WORDS(ROOT_NODE, 3, 0, 1, 2, 9), 0, 2, EMPTY},
		{WORDS(ROOT_NODE, 3, 0, 2, 2, 9), 0, 2, DAMAGED},
		{WORDS(ROOT_NODE, 3, 0, 0, 2, 9), 0, 1, DAMAGED},
		{WORDS(ROOT_NODE, 3, 0, 0, 2, 9), 0, 0, DAMAGED},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		bed_again(&bed);
		expect(i, give_structure(row[i].word, row[i].words, row[i].cut, row[i].strings),
		       row[i].err, row[i].log, "");
	}
	for (uint32_t depth = 63; depth <= 65; depth++) {
		uint32_t word[65 * 3 + 1] = {0};

		for (uint32_t i = 0; i < depth; i++) {
			word[i * 2] = 1;
			word[depth * 2 + i] = 2;
		}
		word[depth * 3] = 9;
		bed_again(&bed);
		expect(depth, give_structure(word, depth * 3 + 1, 0, 8),
		       depth > 64 ? -QUARRY_EINVAL : -QUARRY_ENXIO,
		       depth > 64 ? "is damaged or out of place" : "no memory in 0 ranges", "");
	}
}

/* ---- devicetrees: values ---- */

static const struct {
	const char *text;
	int err;
	const char *log, *lists;
} fdt_value[] = {
	/* A text without its end is none. */
	{"m { device_type = [6d 65 6d 6f 72 79]; reg = <0x100000 0x1000>; };", -QUARRY_ENXIO,
	 "no memory", ""},
	{"m { device_type = [6d 65 6d 6f 72 79 00]; reg = <0x100000 0x1000>; };", 0, NULL,
	 PAGE_LIST},
	{"m { device_type = [00 6d 65 6d 6f 72 79 00]; reg = <0x100000 0x1000>; };", 0, NULL,
	 PAGE_LIST},
	{"m { device_type = \"memoryx\"; reg = <0x100000 0x1000>; };", -QUARRY_ENXIO, "no memory",
	 ""},
	{"m { device_type = \"memor\"; reg = <0x100000 0x1000>; };", -QUARRY_ENXIO, "no memory",
	 ""},
	{"m { device_type = \"memory\"; reg = [00 00 00]; };", -QUARRY_EINVAL,
	 "reg has 3 bytes, expected a multiple of 8", ""},
	{"#address-cells = <2>; m { device_type = \"memory\"; reg = <0 0x100000 0x1000>; "
	 "};",
	 0, NULL, PAGE_LIST},
	{"#address-cells = <3>; " RAM, -QUARRY_EINVAL, "is above 2", ""},
	{"#size-cells = <2>; m { device_type = \"memory\"; reg = <0x100000 0 0x1000>; };", 0, NULL,
	 PAGE_LIST},
	{"#size-cells = <3>; " RAM, -QUARRY_EINVAL, "is above 2", ""},
	{"#address-cells = <0>; " RAM, -QUARRY_EINVAL, "or #size-cells is 0", ""},
	/* Nodes. */
	{"m { device_type = \"memory\"; reg = <0x100000 0x1000>; numa-node-id = <63>; };", 0, NULL,
	 "memory 0x100000-0x101000 nid 63 flags 0\n"},
	{"m { device_type = \"memory\"; reg = <0x100000 0x1000>; numa-node-id = <64>; };",
	 -QUARRY_EINVAL, "numa-node-id 64, expected a number below 64", ""},
	/* A RAM disk that ends where it begins, a byte later, a byte before. */
	{RAM "chosen { linux,initrd-start = <9>; linux,initrd-end = <9>; };", 0, NULL, PAGE_LIST},
	{RAM "chosen { linux,initrd-start = <9>; linux,initrd-end = <10>; };", 0, NULL,
	 PAGE_LIST "reserved 0x9-0xa nid -1 flags 0\n"},
	{RAM "chosen { linux,initrd-start = <9>; linux,initrd-end = <8>; };", -QUARRY_EINVAL,
	 "lies below", ""},
	/* A range of addresses that a region just fits into, or not. */
	{RAM RESERVED "a { size = <0x800>; alloc-ranges = <0x100400 0x800>; }; };", 0, NULL,
	 PAGE_LIST "reserved 0x100400-0x100c00 nid -1 flags 0\n"},
	{RAM RESERVED "a { size = <0x801>; alloc-ranges = <0x100400 0x800>; }; };", 0,
	 "a: no room for 0x801 bytes", PAGE_LIST},
	{RAM RESERVED "a { size = <0x1000>; }; };", 0, NULL,
	 PAGE_LIST "reserved 0x100000-0x101000 nid -1 flags 0\n"},
	{RAM RESERVED "a { size = <0x1001>; }; };", 0, "a: no room for 0x1001 bytes", PAGE_LIST},
	/* What is not to be mapped beside a RAM disk, and one byte into it. */
	{RAM "chosen { linux,initrd-start = <0x1000>; linux,initrd-end = <0x100000>; }; " RESERVED
	     "a { reg = <0x100000 0x1000>; no-map; }; };",
	 0, NULL,
	 "memory 0x100000-0x101000 nid -1 flags 4\n"
	 "reserved 0x1000-0x100000 nid -1 flags 0\n"},
	{RAM "chosen { linux,initrd-start = <0x1000>; linux,initrd-end = <0x100001>; }; " RESERVED
	     "a { reg = <0x100000 0x1000>; no-map; }; };",
	 0, "a: in use already", PAGE_LIST "reserved 0x1000-0x100001 nid -1 flags 0\n"},
	/* The end of the address space. */
	{"#address-cells = <2>; #size-cells = <2>; m { device_type = \"memory\"; "
	 "reg = <0 0x1000 0xffffffff 0xfffff000>; };",
	 0, " 18014329790005244 KiB of memory above",
	 "memory 0x1000-0x400000000000 nid -1 flags 0\n"},
	{"#address-cells = <2>; #size-cells = <2>; m { device_type = \"memory\"; "
	 "reg = <0 0x1000 0xffffffff 0xfffff001>; };",
	 -QUARRY_ERANGE, "end beyond", ""},
};

static void test_fdt_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(fdt_value); i++) {
		char text[512];

		snprintf(text, sizeof(text), START "/ { %s };", fdt_value[i].text);
		compile(text);
		bed_again(&bed);
		expect(i, give_fdt(tree.s, tree.len, NOWHERE, NULL), fdt_value[i].err,
		       fdt_value[i].log, fdt_value[i].lists);
	}
}

/* A tree with @n ranges between @before and @after, besides a page of memory; its own place is a range more. */
static int give_ranges(const char *before, const char *after, unsigned int n, phys_addr_t phys)
{
	static char text[65536];
	size_t k;

	k = (size_t)snprintf(text, sizeof(text), START "/ { " RAM " %s", before);
	for (unsigned int i = 0; i < n; i++)
		k += (size_t)snprintf(text + k, sizeof(text) - k, " 0x100000 0x1000");
	snprintf(text + k, sizeof(text) - k, "%s", after);
	compile(text);
	bed_again(&bed);
	return give_fdt(tree.s, tree.len, phys, NULL);
}

static void test_fdt_ranges(void **state)
{
	static const struct {
		const char *before, *after;
		int fits; /* there are not as many places for reservations */
		const char *log;
	} row[] = {
		{"n { device_type = \"memory\"; reg = <", ">; }; };", 0, "overlap"},
		{"chosen { linux,usable-memory-range = <", ">; }; };", 0, NULL},
		{RESERVED "a { reg = <", ">; }; }; };", -QUARRY_ENOMEM,
		 "reserved list has 0 of 128 regions"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++)
		for (unsigned int n = MOST - 3; n <= MOST; n++)
			for (unsigned int own = 0; own < 2; own++) {
				bool fits = n + own < MOST;
				int err = give_ranges(row[i].before, row[i].after, n,
						      own != 0 ? 0x7000 : NOWHERE);

				expect(i, err, fits ? row[i].fits : -QUARRY_E2BIG,
				       fits ? row[i].log : "more than 1024 ranges", NULL);
				assert_int_equal(quarry_memblock_is_memory(bed.q, 0x100000),
						 err == 0);
			}
}

/* What is not to be mapped behind and before the blob, and one byte into it. */
static void test_fdt_place_of_the_blob(void **state)
{
	(void)state;
	compile(START "/ { " RAM RESERVED "a { reg = <0x100000 0x1000>; no-map; }; }; };");
	for (unsigned int i = 0; i < 4; i++) {
		const phys_addr_t at[] = {0x100000 - tree.len, 0x100001 - tree.len, 0x100fff,
					  0x101000};
		bool used = i == 1 || i == 2;

		bed_again(&bed);
		expect(i, give_fdt(tree.s, tree.len, at[i], NULL), 0,
		       used ? "a: in use already" : NULL, NULL);
		assert_int_equal(quarry_memblock(bed.q)->memory.regions[0].flags,
				 used ? 0 : MEMBLOCK_NOMAP);
	}
}

static void test_fdt_distances(void **state)
{
	static const struct {
		uint32_t a, b, far;
		int err;
	} row[] = {
		{0, 63, 11, 0},
		{63, 0, 255, 0},
		{0, 64, 20, -QUARRY_EINVAL},
		{64, 0, 20, -QUARRY_EINVAL},
		{0, 1, 10, -QUARRY_EINVAL},
		{0, 1, 256, -QUARRY_EINVAL},
		{1, 1, 10, 0},
		{1, 1, 11, -QUARRY_EINVAL},
		{1, 1, 9, -QUARRY_EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		char text[256];

		snprintf(text, sizeof(text),
			 START "/ { d { compatible = \"numa-distance-map-v1\"; "
			       "distance-matrix = <%u %u %u>; }; };",
			 row[i].a, row[i].b, row[i].far);
		compile(text);
		for (unsigned int nr = 63; nr <= 64; nr++) {
			uint8_t *d = calloc(nr, nr);

			assert_non_null(d);
			expect(i, quarry_firmware_fdt_distances(bed.q, tree.s, tree.len, d, nr),
			       row[i].err, row[i].err != 0 ? "fdt: distance" : NULL, "");
			if (row[i].err == 0 && nr == 64 && row[i].a != row[i].b)
				assert_int_equal(d[row[i].a * 64 + row[i].b], row[i].far);
			else if (row[i].err == 0)
				for (unsigned int k = 0; k < nr * nr; k++)
					assert_int_equal(d[k], k / nr == k % nr ? 10 : 20);
			free(d);
		}
	}
}

/* ---- ACPI ---- */

#define RSDP 0xf0000u
#define ROOT 0x7fff0000u
#define TABLE 0x7fff8000u
#define OTHER 0x90000000u

/* The table of @n bytes at @b, which has all but its header and lies at @phys from now on. */
static void put_table(uint8_t *b, const char *signature, size_t n, phys_addr_t phys)
{
	memcpy(b, signature, 4);
	bed_le32(b + 4, (uint32_t)n);
	b[8] = 3;
	bed_sum(b, n, 9);
	bed_put(&bed, phys, b, n);
}

/* Root pointer of @size bytes and a root table of @root, which lists two tables. */
static void put_root(size_t size, size_t root)
{
	uint8_t r[4100] = "RSD PTR ", x[64] = {0};

	r[15] = 2;
	bed_le32(r + 20, (uint32_t)size);
	bed_le64(r + 24, ROOT);
	bed_sum(r, 20, 8);
	bed_sum(r, size, 32);
	bed_le64(x + 36, TABLE);
	bed_le64(x + 44, OTHER);
	put_table(x, "XSDT", root, ROOT);
	bed_put(&bed, RSDP, r, size);
}

static int acpi(void)
{
	return quarry_firmware_acpi(bed.q, RSDP, &bed.memory);
}

static void test_acpi_root(void **state)
{
	static const struct {
		size_t size, root;
		int err;
		bool finds_other;
	} row[] = {
		{35, 52, -QUARRY_EINVAL, false},
		{36, 52, 0, true},
		{4096, 52, 0, true},
		{4097, 52, -QUARRY_EINVAL, false},
		{36, 51, 0, false},
		{36, 53, 0, true},
		{36, 43, -QUARRY_ENXIO, false},
		{36, 44, 0, false},
		{36, 36, -QUARRY_ENXIO, false},
		{36, 59, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		struct quarry_range found = {0, 0};
		uint8_t t[40] = {0};

		put_root(row[i].size, row[i].root);
		put_table(t, "HERE", 40, TABLE);
		put_table(t, "TOOO", 36, OTHER);
		assert_int_equal(
			quarry_firmware_acpi_table(bed.q, RSDP, &bed.memory, "HERE", &found),
			row[i].err);
		assert_int_equal(found.size, row[i].err == 0 ? 40 : 0);
		assert_int_equal(
			quarry_firmware_acpi_table(bed.q, RSDP, &bed.memory, "TOOO", &found) == 0,
			row[i].finds_other);
		drop();
	}
}

/* A table's size: less than a header, a header, the most that is believed, and a byte more. */
static void test_acpi_table_sizes(void **state)
{
	static const struct {
		size_t size;
		int err;
	} row[] = {{35, -QUARRY_ENXIO}, {36, 0}, {2u << 20, 0}, {(2u << 20) + 1, -QUARRY_ENXIO}};
	uint8_t *t = malloc((2u << 20) + 1);

	(void)state;
	assert_non_null(t);
	for (size_t i = 0; i < ROWS(row); i++) {
		struct quarry_range found = {0, 0};

		memset(t, 0, row[i].size);
		put_root(36, 44);
		put_table(t, "HERE", row[i].size, TABLE);
		if (row[i].size < 36)
			bed_put(&bed, TABLE + row[i].size, t, 8);
		assert_int_equal(
			quarry_firmware_acpi_table(bed.q, RSDP, &bed.memory, "HERE", &found),
			row[i].err);
		assert_int_equal(found.size, row[i].err == 0 ? row[i].size : 0);
		drop();
	}
	free(t);
}

/* What has the address 0 is nowhere, whatever lies there; the next one is a place. */
static void test_acpi_first_address(void **state)
{
	uint8_t r[20] = "RSD PTR ", t[36] = {0};

	(void)state;
	bed_le32(r + 16, ROOT);
	bed_sum(r, 20, 8);
	for (unsigned int at = 0; at < 2; at++) {
		bed_again(&bed);
		put_table(t, "RSDT", 36, ROOT);
		bed_put(&bed, at, r, 20);
		expect(at, quarry_firmware_acpi(bed.q, at, &bed.memory),
		       at == 0 ? -QUARRY_ERANGE : 0, at == 0 ? "cannot be read" : NULL, "");
		drop();
	}
}

/* The root pointer in the last bytes of the address space, which it may fill, but not leave. */
static void test_acpi_last_address(void **state)
{
	uint8_t r[40] = "RSD PTR ", t[36] = {0};

	(void)state;
	bed_le32(r + 16, ROOT);
	bed_sum(r, 20, 8);
	for (unsigned int less = 19; less <= 21; less++) {
		bed_again(&bed);
		put_table(t, "RSDT", 36, ROOT);
		bed_put(&bed, 0 - (uint64_t)less, r, 40);
		expect(less, quarry_firmware_acpi(bed.q, 0 - (uint64_t)less, &bed.memory),
		       less < 20 ? -QUARRY_ERANGE : 0, less < 20 ? "cannot be read" : NULL, "");
		drop();
	}
}

/* Entries of a MADT: of which sizes and how many; the last one ends with the table, or does not. */
static void test_acpi_entries(void **state)
{
	static const struct {
		uint8_t type, size, last; /* bytes; what it says it has, if not as many */
		unsigned int cpus;
		int err;
	} row[] = {
		{0, 7, 7, 0, 0},
		{0, 8, 8, 1, 0},
		{0, 9, 9, 1, 0},
		{9, 15, 15, 0, 0},
		{9, 16, 16, 1, 0},
		{11, 75, 75, 0, 0},
		{11, 76, 76, 1, 0},
		{24, 19, 19, 0, 0},
		{24, 20, 20, 1, 0},
		{0, 8, 7, 0, -QUARRY_ERANGE}, /* a byte is left */
		{0, 8, 9, 0, -QUARRY_ERANGE},
		{77, 2, 2, 0, 0},
		{77, 2, 1, 0, -QUARRY_ERANGE},
		{77, 1, 0, 0, -QUARRY_ERANGE},
		{77, 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		struct bed_cpus c = {0};
		uint8_t t[44 + 80] = {0};

		memset(t + 44, 1, row[i].size); /* enabled, whatever it is */
		t[44] = row[i].type;
		t[45] = row[i].last;
		put_root(36, 44);
		put_table(t, "APIC", 44u + row[i].size, TABLE);
		expect(i, quarry_firmware_acpi_cpus(bed.q, RSDP, &bed.memory, bed_take_cpu, &c),
		       row[i].err, row[i].err != 0 ? "at offset 0x" : NULL, "");
		assert_int_equal(c.nr, row[i].cpus);
		drop();
	}
}

static void test_acpi_number_of_entries(void **state)
{
	static uint8_t t[44 + 2 * 16385];

	(void)state;
	for (size_t n = 16383; n <= 16385; n++) {
		struct bed_cpus c = {0};

		memset(t, 0, sizeof(t));
		memset(t + 44, 2, 2 * n);
		put_root(36, 44);
		put_table(t, "APIC", 44 + 2 * n, TABLE);
		expect(n, quarry_firmware_acpi_cpus(bed.q, RSDP, &bed.memory, bed_take_cpu, &c),
		       n > 16384 ? -QUARRY_E2BIG : 0, n > 16384 ? "more than 16384 entries" : NULL,
		       "");
		drop();
	}
	for (size_t n = 43; n <= 44; n++) {
		struct bed_cpus c = {0};

		put_root(36, 44);
		put_table(t, "APIC", n, TABLE);
		expect(n, quarry_firmware_acpi_cpus(bed.q, RSDP, &bed.memory, bed_take_cpu, &c),
		       n < 44 ? -QUARRY_ERANGE : 0,
		       n < 44 ? "a table of 43 bytes, expected at least 44" : NULL, "");
		drop();
	}
}

/* ---- SRAT ---- */

struct ram {
	uint32_t domain;
	uint64_t start, size;
};

static size_t srat_memory(uint8_t *t, size_t n, const struct ram *r)
{
	t[n] = 1;
	t[n + 1] = 40;
	bed_le32(t + n + 2, r->domain);
	bed_le64(t + n + 8, r->start);
	bed_le64(t + n + 16, r->size);
	bed_le32(t + n + 28, 1);
	return n + 40;
}

/* The table has these entries; the root table has @root bytes, of 44 on it lists it. */
static void put_srat(const struct ram *r, size_t nr, size_t root)
{
	uint8_t *t = calloc(1, 48 + nr * 40);
	size_t n = 48;

	assert_non_null(t);
	for (size_t i = 0; i < nr; i++)
		n = srat_memory(t, n, &r[i]);
	put_root(36, root);
	put_table(t, "SRAT", n, TABLE);
	free(t);
}

#define MIB 0x100000ull
#define RAMS(...) (const struct ram[]){__VA_ARGS__}, ROWS(((const struct ram[]){__VA_ARGS__}))

/* Memory is [1 MiB, 8 MiB) and [16 MiB, 17 MiB). */
static const struct {
	const struct ram *r;
	size_t nr;
	int err;
	const char *log;
	int first, last; /* nodes of these regions */
} nodes[] = {
	/* 1 MiB that nobody has, in one place or two, and a byte more, or less. */
	{RAMS({5, 2 * MIB - 1, 30 * MIB}), 0, NULL, -1, 0},
	{RAMS({5, 2 * MIB, 30 * MIB}), 0, NULL, -1, 0},
	{RAMS({5, 2 * MIB + 1, 30 * MIB}), -QUARRY_EINVAL, "leaves out 1024 KiB", -1, -1},
	{RAMS({5, 2 * MIB + 1024, 30 * MIB}), -QUARRY_EINVAL, "leaves out 1025 KiB", -1, -1},
	{RAMS({5, 0, 16 * MIB}), 0, NULL, 0, -1},
	{RAMS({5, 0, 8 * MIB - 1}), -QUARRY_EINVAL, "leaves out 1024 KiB", -1, -1},
	{RAMS({5, 0, 8 * MIB}), 0, NULL, 0, -1},
	{RAMS({5, 0, 8 * MIB}, {6, 17 * MIB - 1, 1}), 0, NULL, 0, 1},
	{RAMS({5, 0, 4 * MIB}, {6, 5 * MIB, 12 * MIB}), 0, NULL, 0, 1},
	{RAMS({5, 0, 4 * MIB}, {6, 5 * MIB + 1, 12 * MIB}), -QUARRY_EINVAL, "leaves out 1024 KiB",
	 -1, -1},
	{RAMS({6, 5 * MIB, 12 * MIB - 1}, {5, 0, 4 * MIB}), -QUARRY_EINVAL, "leaves out 1024 KiB",
	 -1, -1},
	/* Entries that touch, and that share a byte, in both orders. */
	{RAMS({5, 0, 4 * MIB}, {6, 4 * MIB, 13 * MIB}), 0, NULL, 0, 1},
	{RAMS({6, 4 * MIB, 13 * MIB}, {5, 0, 4 * MIB}), 0, NULL, 1, 0},
	{RAMS({5, 0, 4 * MIB + 1}, {6, 4 * MIB, 13 * MIB}), -QUARRY_EINVAL,
	 "0x400000 is memory of domains 5 and 6", -1, -1},
	{RAMS({6, 4 * MIB, 13 * MIB}, {5, 0, 4 * MIB + 1}), -QUARRY_EINVAL,
	 "0x400000 is memory of domains 6 and 5", -1, -1},
	{RAMS({5, 0, 4 * MIB + 1}, {5, 4 * MIB, 13 * MIB}), 0, NULL, 0, 0},
	/* The end of the address space. */
	{RAMS({5, MIB, 0xffffffffffefffff}), 0, NULL, 0, 0},
	{RAMS({5, MIB, 0xfffffffffff00000}), 0, NULL, 0, 0},
	{RAMS({5, MIB, 0xfffffffffff00001}), -QUARRY_ERANGE, "end beyond", -1, -1},
	{RAMS({5, 0, 20 * MIB}, {6, 0xffffffffffffffff, 1}), 0, NULL, 0, 0},
	{RAMS({5, 0, 20 * MIB}, {6, 0xffffffffffffffff, 2}), -QUARRY_ERANGE, "end beyond", -1, -1},
};

static void test_srat_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(nodes); i++) {
		const struct memblock_type *m;

		bed_again(&bed);
		assert_int_equal(quarry_memblock_add(bed.q, MIB, 7 * MIB), 0);
		assert_int_equal(quarry_memblock_add(bed.q, 16 * MIB, MIB), 0);
		put_srat(nodes[i].r, nodes[i].nr, 44);
		expect(i, acpi(), nodes[i].err, nodes[i].log, NULL);
		m = &quarry_memblock(bed.q)->memory;
		if (m->regions[0].nid != nodes[i].first ||
		    m->regions[m->cnt - 1].nid != nodes[i].last)
			fail_msg("row %zu: nodes %d and %d", i, m->regions[0].nid,
				 m->regions[m->cnt - 1].nid);
		drop();
	}
}

static void test_srat_counts(void **state)
{
	static struct ram r[MOST + 1];

	(void)state;
	for (size_t n = MOST - 1; n <= MOST + 1; n++) {
		for (size_t i = 0; i < n; i++)
			r[i] = (struct ram){7, 0, 0x1000};
		bed_again(&bed);
		assert_int_equal(quarry_memblock_add(bed.q, 0, 0x1000), 0);
		put_srat(r, n, 44);
		expect(n, acpi(), n > MOST ? -QUARRY_E2BIG : 0,
		       n > MOST ? "more than 1024 ranges" : NULL, NULL);
		assert_int_equal(quarry_memblock(bed.q)->memory.regions[0].nid, n > MOST ? -1 : 0);
		drop();
	}
	for (uint32_t n = 63; n <= 65; n++) {
		const struct memblock_type *m;

		for (uint32_t i = 0; i < n; i++)
			r[i] = (struct ram){1000 + i, i * 0x1000, 0x1000};
		bed_again(&bed);
		assert_int_equal(quarry_memblock_add(bed.q, 0, n * 0x1000), 0);
		put_srat(r, n, 44);
		expect(n, acpi(), n > 64 ? -QUARRY_E2BIG : 0,
		       n > 64 ? "more than 64 domains" : NULL, NULL);
		m = &quarry_memblock(bed.q)->memory;
		assert_int_equal(m->cnt, n > 64 ? 1 : n);
		assert_int_equal(m->regions[m->cnt - 1].nid, n > 64 ? -1 : (int)n - 1);
		drop();
	}
}

/* The sizes of its entries: each kind has a domain where it is long enough. */
static void test_srat_entries(void **state)
{
	static const struct {
		uint8_t type, least, domain_at, flags_at;
	} row[] = {{0, 16, 2, 4},  {1, 40, 2, 28}, {2, 24, 4, 12},
		   {3, 18, 2, 10}, {5, 32, 4, 24}, {7, 20, 4, 12}};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++)
		for (uint8_t less = 0; less < 2; less++) {
			uint8_t t[48 + 40 + 40] = {0};
			size_t n = srat_memory(t, 48, &(struct ram){6, 0, 0x1000});

			t[n] = row[i].type;
			t[n + 1] = (uint8_t)(row[i].least - less);
			t[n + row[i].domain_at] = 5;
			t[n + row[i].flags_at] = 1;
			put_root(36, 44);
			put_table(t, "SRAT", n + t[n + 1], TABLE);
			bed_again(&bed);
			assert_int_equal(quarry_memblock_add(bed.q, 0, 0x1000), 0);
			expect(i, acpi(), 0, NULL, NULL);
			/* Domains of memory come last, in their own order. */
			assert_int_equal(quarry_memblock(bed.q)->memory.regions[0].nid,
					 row[i].type == 1 ? 0 : 1 - less);
			drop();
		}
}

/* 8 bits of a domain up to revision 1, 32 from 2 on. */
static void test_srat_revisions(void **state)
{
	(void)state;
	for (uint8_t revision = 1; revision <= 3; revision++) {
		static const struct ram r[] = {{0x105, 0, 0x1000}, {0x205, 0x1000, 0x1000}};
		uint8_t *t;

		put_srat(r, 2, 44);
		t = bed.chunk[bed.nr - 1].data;
		t[8] = revision;
		bed_sum(t, 48 + 80, 9);
		bed_again(&bed);
		assert_int_equal(quarry_memblock_add(bed.q, 0, 0x2000), 0);
		expect(revision, acpi(), 0, NULL,
		       revision < 2 ? "memory 0x0-0x2000 nid 0 flags 0\n"
				    : "memory 0x0-0x1000 nid 0 flags 0\n"
				      "memory 0x1000-0x2000 nid 1 flags 0\n");
		drop();
	}
}

/* Places for regions that are split: each inner end takes one, an edge of memory none. */
static void test_srat_splits(void **state)
{
	const struct {
		unsigned long regions;
		const struct ram *r;
		size_t nr;
		int err;
		const char *log;
		unsigned long then;
	} row[] = {
		{128, RAMS({5, 0x10000000, 0x1000}, {6, 0x10001000, 0x1000000}), 0, NULL, 128},
		{128, RAMS({5, 0xffff000, 0x1001000}), 0, NULL, 128},
		{128, RAMS({5, 0x10000000, 0xfff}, {6, 0x10000fff, 0x1000000}), -QUARRY_ENOMEM,
		 "128 of 128 regions, and 1 more", 128},
		{127, RAMS({5, 0x10000000, 0xfff}, {6, 0x10000fff, 0x1000000}), 0, NULL, 128},
		{127, RAMS({5, 0x10000000, 1}, {6, 0x10000001, 0x1000000}), 0, NULL, 128},
		{127, RAMS({6, 0x10000001, 0x1000000}, {5, 0x10000000, 1}), 0, NULL, 128},
		{126, RAMS({5, 0x10000000, 1}, {6, 0x10000001, 1}, {7, 0x10000002, 0x1000000}), 0,
		 NULL, 128},
		{127, RAMS({5, 0x10000000, 1}, {6, 0x10000001, 1}, {7, 0x10000002, 0x1000000}),
		 -QUARRY_ENOMEM, "127 of 128 regions, and 2 more", 127},
		{127, RAMS({5, 0x10000000, 1}, {6, 0x10000002, 0x1000000}), -QUARRY_ENOMEM,
		 "127 of 128 regions, and 2 more", 127},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		fill(row[i].regions, 0);
		put_srat(row[i].r, row[i].nr, 44);
		expect(i, acpi(), row[i].err, row[i].log, NULL);
		assert_int_equal(quarry_memblock(bed.q)->memory.cnt, row[i].then);
		drop();
	}
	/* Root pointer, root table and SRAT lie in memory: three places. */
	for (unsigned long there = 125; there <= 126; there++) {
		fill(0, there);
		assert_int_equal(quarry_memblock_add(bed.q, 0, 0x80000000), 0);
		put_srat(&(struct ram){5, 0, 0x80000000}, 1, 44);
		expect(there, acpi(), there > 125 ? -QUARRY_ENOMEM : 0,
		       there > 125 ? "126 of 128 regions, and 3 more" : NULL, NULL);
		assert_int_equal(quarry_memblock(bed.q)->reserved.cnt, there > 125 ? 126 : 128);
		drop();
	}
}

/* ---- SLIT ---- */

/* Domains 1 and 2 are nodes 0 and 1. */
static const struct {
	uint64_t rows;
	size_t size;
	uint8_t local, far;
	int err;
	uint8_t told; /* from node 0 to node 1 */
} slit[] = {
	{3, 44 + 9, 10, 11, 0, 11},
	{3, 44 + 9, 10, 255, 0, 255},
	{3, 44 + 10, 10, 30, 0, 30},
	{3, 44 + 8, 10, 30, -QUARRY_ERANGE, 0},
	{3, 44 + 9, 10, 10, -QUARRY_EINVAL, 0},
	{3, 44 + 9, 11, 30, -QUARRY_EINVAL, 0},
	{3, 44 + 9, 9, 30, -QUARRY_EINVAL, 0},
	{2, 44 + 4, 10, 30, 0, 20}, /* domain 2 lies beyond */
	{1, 44 + 1, 10, 30, 0, 20},
	{1, 44, 10, 30, -QUARRY_ERANGE, 0},
	{0, 44, 10, 30, -QUARRY_ERANGE, 0},
	{1, 43, 10, 30, -QUARRY_ERANGE, 0},
	{(uint64_t)1 << 32, 44 + 9, 10, 30, -QUARRY_ERANGE, 0},
};

static void test_slit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(slit); i++) {
		static const struct ram r[] = {{1, 0, 0x1000}, {2, 0x1000, 0x1000}};
		uint8_t t[64] = {0}, d[9];

		put_srat(r, 2, 52);
		bed_le64(t + 36, slit[i].rows);
		memset(t + 44, slit[i].far, 20);
		for (size_t k = 0; k < slit[i].rows && slit[i].rows <= 3; k++)
			t[44 + k * (size_t)slit[i].rows + k] = slit[i].local;
		put_table(t, "SLIT", slit[i].size, OTHER);
		for (unsigned int nr = 1; nr <= 3; nr++) {
			memset(d, 99, sizeof(d));
			expect(i, quarry_firmware_acpi_distances(bed.q, RSDP, &bed.memory, d, nr),
			       slit[i].err, slit[i].err != 0 ? "acpi: SLIT" : NULL, "");
			if (slit[i].err != 0) {
				assert_int_equal(d[0], 99);
				continue;
			}
			assert_int_equal(d[0], 10);
			if (nr > 1)
				assert_int_equal(d[1], slit[i].told);
			assert_int_equal(d[nr * nr - 1], 10);
			if (nr == 3)
				assert_int_equal(d[2], 20);
			else
				assert_int_equal(d[nr * nr], 99);
		}
		drop();
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_e820),
		T(test_room_in_memory),
		T(test_limine),
		T(test_pvh),
		T(test_room_of_the_caller),
		T(test_efi),
		T(test_efi_one_place),
		T(test_multiboot2),
		T(test_multiboot2_tags),
		T(test_fdt_blocks),
		T(test_fdt_header),
		T(test_fdt_structure),
		T(test_fdt_values),
		T(test_fdt_ranges),
		T(test_fdt_place_of_the_blob),
		T(test_fdt_distances),
		T(test_acpi_root),
		T(test_acpi_table_sizes),
		T(test_acpi_first_address),
		T(test_acpi_last_address),
		T(test_acpi_entries),
		T(test_acpi_number_of_entries),
		T(test_srat_memory),
		T(test_srat_counts),
		T(test_srat_entries),
		T(test_srat_revisions),
		T(test_srat_splits),
		T(test_slit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
