/* SPDX-License-Identifier: MIT */
/* Multiboot2, Limine and UEFI, and the second phase: what the boot loader gives back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <firmware_bed.h>

#define NOWHERE QUARRY_FIRMWARE_NOWHERE

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

/* ---- Multiboot2 ---- */

struct mbi {
	uint8_t b[4096];
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

static void tag_mmap(struct mbi *m)
{
	uint8_t *t = tag(m, 6, 16 + 2 * 24);

	bed_le32(t + 8, 24);
	bed_e820(t + 16, 0x100000, 0xf00000, 1);
	bed_e820(t + 40, 0x1000000, 0x10000, 2);
}

static void tag_efi(struct mbi *m)
{
	uint8_t *t = tag(m, 17, 16 + 2 * 48);

	bed_le32(t + 8, 48);
	bed_le32(t + 12, 1);
	bed_efi(t + 16, 7, 0x200000, 0x100, 8);
	bed_efi(t + 64, 4, 0x300000, 0x10, 8);
}

static void begin(struct mbi *m)
{
	memset(m, 0, sizeof(*m));
	m->n = 8;
}

static void finish(struct mbi *m)
{
	tag(m, 0, 8);
	bed_le32(m->b, (uint32_t)m->n);
}

/* In a block of the exact size that is not aligned. */
static int give(const struct mbi *m, phys_addr_t phys, struct quarry_firmware_info *info)
{
	uint8_t *exact = malloc(m->n + 1);
	int err;

	assert_non_null(exact);
	memcpy(exact + 1, m->b, m->n);
	err = quarry_firmware_multiboot2(bed.q, exact + 1, m->n, phys, info);
	free(exact);
	return err;
}

static void test_multiboot2(void **state)
{
	struct quarry_range module[1] = {{0, 0}};
	char line[16];
	struct quarry_firmware_info info = {
		.cmdline = line, .cmdline_room = sizeof(line), .module = module, .module_room = 1};
	struct mbi m;
	uint8_t *t;

	(void)state;
	info.nr_modules = 7; /* of an earlier call */
	begin(&m);
	memcpy(tag(&m, 1, 8 + 6) + 8, "quiet", 6);
	tag_efi(&m);
	t = tag(&m, 3, 16 + 6);
	bed_le32(t + 8, 0x400000);
	bed_le32(t + 12, 0x412345);
	t = tag(&m, 3, 16 + 1);
	bed_le32(t + 8, 0x500000);
	bed_le32(t + 12, 0x500001);
	tag_mmap(&m);
	tag(&m, 14, 8 + 20);
	tag(&m, 15, 8 + 36);
	finish(&m);
	assert_int_equal(give(&m, 0x120000, &info), 0);
	bed_expect(&bed, "memory 0x100000-0x1000000 nid -1 flags 0\n"
			 "reserved 0x120000-0x120150 nid -1 flags 128\n"
			 "reserved 0x400000-0x412345 nid -1 flags 0\n"
			 "reserved 0x500000-0x500001 nid -1 flags 0\n");
	assert_int_equal(m.n, 0x150);
	assert_string_equal(line, "quiet");
	assert_int_equal(info.nr_modules, 2);
	assert_int_equal(info.initrd.size, 0x12345);
	assert_int_equal(module[0].start, 0x400000);
	/* The newer root pointer, by its physical address. */
	assert_int_equal(info.rsdp, 0x120000 + 0x150 - 8 - 48 + 8);
	assert_int_equal(m.b[info.rsdp - 0x120000 - 8], 15);
}

/* Entries as short as they can be; a command line that ends with its tag, right before the next. */
static void test_multiboot2_at_its_edges(void **state)
{
	char line[16];
	struct quarry_firmware_info info = {.cmdline = line, .cmdline_room = sizeof(line)};
	struct mbi m;
	uint8_t *t;

	(void)state;
	begin(&m);
	memcpy(tag(&m, 1, 8 + 8) + 8, "no end..", 8);
	t = tag(&m, 6, 16 + 20);
	bed_le32(t + 8, 20);
	bed_e820(t + 16, 0x100000, 0xf00000, 1);
	finish(&m);
	assert_int_equal(give(&m, NOWHERE, &info), 0);
	bed_expect(&bed, "memory 0x100000-0x1000000 nid -1 flags 0\n");
	assert_string_equal(line, "no end..");
	assert_int_equal(info.cmdline_length, 8);
}

/* The largest that is taken, nearly all of it one tag; with 8 bytes more it is none. */
static void test_multiboot2_is_16_mib_at_most(void **state)
{
	const size_t most = (size_t)16 << 20;
	uint8_t *b = calloc(1, most + 8);

	(void)state;
	assert_non_null(b);
	for (size_t size = most; size <= most + 8; size += 8) {
		struct mbi m;

		begin(&m);
		tag_mmap(&m);
		memcpy(b, m.b, m.n);
		bed_le32(b, (uint32_t)size);
		bed_le32(b + m.n, 77);
		bed_le32(b + m.n + 4, (uint32_t)(size - m.n - 8));
		memset(b + size - 8, 0, 8);
		bed_le32(b + size - 4, 8);
		assert_int_equal(quarry_firmware_multiboot2(bed.q, b, size, NOWHERE, NULL),
				 size == most ? 0 : -QUARRY_ERANGE);
		if (size == most)
			bed_expect(&bed, "memory 0x100000-0x1000000 nid -1 flags 0\n");
		else
			bed_expect_log(&bed,
				       "multiboot2: size 0x1000008, expected at most 0x1000000");
	}
	free(b);
}

static void test_multiboot2_takes_efi_where_it_must(void **state)
{
	struct mbi m;

	(void)state;
	begin(&m);
	tag_efi(&m);
	finish(&m);
	assert_int_equal(give(&m, NOWHERE, NULL), 0);
	bed_expect(&bed, "memory 0x200000-0x310000 nid -1 flags 0\n"
			 "reserved 0x300000-0x310000 nid -1 flags 128\n");
	bed_again(&bed);
	begin(&m);
	tag_efi(&m);
	tag(&m, 18, 8);
	finish(&m);
	assert_int_equal(give(&m, NOWHERE, NULL), -QUARRY_ENXIO);
	bed_expect_log(&bed, "multiboot2: no memory map, and EFI's boot services still run");
}

static void mb2_refused(const struct mbi *m, int err, const char *message)
{
	assert_int_equal(give(m, NOWHERE, NULL), err);
	bed_expect_log(&bed, message);
	bed_expect(&bed, "");
}

static void test_multiboot2_refuses(void **state)
{
	struct mbi m;

	(void)state;
	begin(&m);
	finish(&m);
	mb2_refused(&m, -QUARRY_ENXIO, "multiboot2: no memory map");
	bed_le32(m.b, (uint32_t)m.n + 1);
	mb2_refused(&m, -QUARRY_ERANGE, "multiboot2: size 0x11, expected at most 0x10");
	bed_le32(m.b, 8);
	mb2_refused(&m, -QUARRY_ERANGE, "multiboot2: the tags do not end within 8 bytes");
	m.n = 7;
	mb2_refused(&m, -QUARRY_ERANGE, "multiboot2: 7 bytes, expected a header of 8");
	begin(&m);
	tag(&m, 6, 15);
	finish(&m);
	mb2_refused(&m, -QUARRY_ERANGE, "the tag at offset 0x8, of type 6, has 15 bytes");
	begin(&m);
	tag_mmap(&m);
	m.b[16] = 19;
	finish(&m);
	mb2_refused(&m, -QUARRY_EINVAL, "multiboot2: map entries of 19 bytes, expected");
	begin(&m);
	tag_mmap(&m);
	bed_le32(tag(&m, 3, 17) + 8, 1);
	finish(&m);
	mb2_refused(&m, -QUARRY_EINVAL, "multiboot2: the module at offset 0x48 ends before");
	begin(&m);
	tag_efi(&m);
	m.b[8 + 12] = 2;
	finish(&m);
	mb2_refused(&m, -QUARRY_EINVAL, "efi: descriptors of version 2, expected 1");
}

/* ---- Limine ---- */

static int limine(const struct quarry_limine_entry *e, size_t n)
{
	const struct quarry_limine_entry **entries = calloc(n, sizeof(*entries));
	size_t i;
	int err;

	assert_non_null(entries);
	for (i = 0; i < n; i++)
		entries[i] = &e[i];
	err = quarry_firmware_limine(bed.q, entries, n);
	free(entries);
	return err;
}

static const struct quarry_limine_entry limine_map[] = {
	{0x1000, 0x51000, 5},      {0x52000, 0x4d000, 0},     {0x9fc00, 0x400, 1},
	{0x100000, 0x700000, 0},   {0x800000, 0x8000, 2},     {0x808000, 0x8000, 3},
	{0x810000, 0x1000, 4},     {0x1000000, 0x200000, 6},  {0x1200000, 0x300000, 5},
	{0x1500000, 0x1000000, 0}, {0xfd000000, 0x300000, 7},
};

static void test_limine(void **state)
{
	static struct quarry_limine_entry many[QUARRY_FIRMWARE_MAX_RANGES + 1];

	(void)state;
	assert_int_equal(limine(limine_map, 11), 0);
	bed_expect(&bed, "memory 0x1000-0x9f000 nid -1 flags 0\n"
			 "memory 0x100000-0x800000 nid -1 flags 0\n"
			 "memory 0x1000000-0x2500000 nid -1 flags 0\n"
			 "reserved 0x1000-0x52000 nid -1 flags 128\n"
			 "reserved 0x1000000-0x1200000 nid -1 flags 0\n"
			 "reserved 0x1200000-0x1500000 nid -1 flags 128\n");
	assert_int_equal(limine(many, QUARRY_FIRMWARE_MAX_RANGES + 1), -QUARRY_E2BIG);
	bed_expect_log(&bed, "limine: 1025 entries, expected at most 1024");
	bed_again(&bed);
	assert_int_equal(limine(limine_map + 2, 1), -QUARRY_ENXIO);
	bed_expect_log(&bed, "limine: no memory in 1 ranges");
}

/* ---- UEFI ---- */

#define STRIDE 48

static int efi(const uint8_t *map, size_t size, size_t stride, uint32_t version)
{
	uint8_t *exact = malloc(size + 1);
	int err;

	assert_non_null(exact);
	memcpy(exact + 1, map, size);
	err = quarry_firmware_efi(bed.q, exact + 1, size, stride, version);
	free(exact);
	return err;
}

static void test_efi_types(void **state)
{
	uint8_t map[17 * STRIDE] = {0};
	uint32_t type;

	(void)state;
	for (type = 0; type < 17; type++)
		bed_efi(map + type * STRIDE, type, 0x100000 * (type + 1), 0x10, 0xf);
	assert_int_equal(efi(map, sizeof(map), STRIDE, 1), 0);
	bed_expect(&bed, "memory 0x200000-0x210000 nid -1 flags 0\n"
			 "memory 0x300000-0x310000 nid -1 flags 0\n"
			 "memory 0x400000-0x410000 nid -1 flags 0\n"
			 "memory 0x500000-0x510000 nid -1 flags 0\n"
			 "memory 0x800000-0x810000 nid -1 flags 0\n"
			 "memory 0x1000000-0x1010000 nid -1 flags 0\n"
			 "reserved 0x200000-0x210000 nid -1 flags 128\n"
			 "reserved 0x300000-0x310000 nid -1 flags 128\n"
			 "reserved 0x400000-0x410000 nid -1 flags 128\n"
			 "reserved 0x500000-0x510000 nid -1 flags 128\n");
}

static void test_efi_attributes(void **state)
{
	uint8_t map[4 * STRIDE] = {0};

	(void)state;
	bed_efi(map, 7, 0x100000, 0x10, 1);                /* cannot be cached */
	bed_efi(map + STRIDE, 7, 0x200000, 0x10, 0x4000f); /* for a special purpose */
	bed_efi(map + 2 * STRIDE, 7, 0x300000, 0x10, 0x1000f);
	bed_efi(map + 3 * STRIDE, 7, 0x310000, 0x10, 0xf);
	assert_int_equal(efi(map, sizeof(map), STRIDE, 1), 0);
	bed_expect(&bed, "memory 0x300000-0x310000 nid -1 flags 2\n"
			 "memory 0x310000-0x320000 nid -1 flags 0\n");
}

static void test_efi_unaccepted(void **state)
{
	struct quarry_range r[3] = {{1, 1}};
	uint8_t map[3 * STRIDE] = {0};

	(void)state;
	bed_efi(map, 15, 0x100000, 0x10, 8);
	bed_efi(map + STRIDE, 7, 0x200000, 0x10, 8);
	bed_efi(map + 2 * STRIDE, 15, 0x300000, 0x10, 8);
	assert_int_equal(quarry_firmware_efi_unaccepted(bed.q, map, sizeof(map), STRIDE, 1, r, 1),
			 2);
	assert_int_equal(r[0].start, 0x100000);
	assert_int_equal(r[0].size, 0x10000);
	/* Whole pages, of all that are touched; the last one of the address space stays. */
	bed_le64(map + 8, 0x100800);
	bed_le64(map + STRIDE + 24, 0);
	bed_le32(map + STRIDE, 15);
	bed_le64(map + 2 * STRIDE + 8, 0xfffffffffffeefff);
	for (unsigned int max = 0; max <= 3; max++) {
		r[0] = r[1] = r[2] = (struct quarry_range){7, 7};
		assert_int_equal(
			quarry_firmware_efi_unaccepted(bed.q, map, sizeof(map), STRIDE, 1, r, max),
			2);
		assert_int_equal(r[0].start, max > 0 ? 0x100000 : 7);
		assert_int_equal(r[0].size, max > 0 ? 0x11000 : 7);
		assert_int_equal(r[1].start, max > 1 ? 0xfffffffffffee000 : 7);
		assert_int_equal(r[1].size, max > 1 ? 0x11000 : 7);
		assert_int_equal(r[2].start, 7);
	}
	bed_le64(map + 2 * STRIDE + 8, 0xfffffffffffef000);
	bed_le64(map + 2 * STRIDE + 24, 0x11);
	assert_int_equal(quarry_firmware_efi_unaccepted(bed.q, map, sizeof(map), STRIDE, 1, r, 3),
			 2);
	assert_int_equal(r[1].start, 0xfffffffffffef000);
	assert_int_equal(r[1].size, 0x10000);
	bed_le64(map + 2 * STRIDE + 24, 0x10);
	r[0].start = 5;
	assert_int_equal(quarry_firmware_efi_unaccepted(bed.q, map, sizeof(map), 39, 1, r, 1),
			 -QUARRY_EINVAL);
	bed_le64(map + 8, 0xffffffffffff1000);
	assert_int_equal(quarry_firmware_efi_unaccepted(bed.q, map, sizeof(map), STRIDE, 1, r, 1),
			 -QUARRY_ERANGE);
	bed_expect_log(&bed, "efi: 0x10000 bytes at 0xffffffffffff1000 end beyond");
	assert_int_equal(r[0].start, 5);
}

static void test_efi_refuses(void **state)
{
	static uint8_t map[STRIDE * (QUARRY_FIRMWARE_MAX_RANGES + 1)];

	(void)state;
	bed_efi(map, 7, 0x100000, 0x10, 8);
	assert_int_equal(efi(map, STRIDE, STRIDE, 2), -QUARRY_EINVAL);
	bed_expect_log(&bed, "efi: descriptors of version 2, expected 1");
	assert_int_equal(efi(map, STRIDE, 39, 1), -QUARRY_EINVAL);
	bed_expect_log(&bed, "efi: descriptors of 39 bytes, expected at least 40");
	assert_int_equal(efi(map, STRIDE + 2, STRIDE, 1), -QUARRY_ERANGE);
	bed_expect_log(&bed, "efi: 2 bytes are left behind the last descriptor");
	assert_int_equal(efi(map, sizeof(map), STRIDE, 1), -QUARRY_E2BIG);
	bed_expect_log(&bed, "efi: more than 1024 descriptors");
	assert_int_equal(efi(map, sizeof(map) - STRIDE, STRIDE, 1), 0);
	bed_again(&bed);
	assert_int_equal(efi(map, 0, STRIDE, 1), -QUARRY_ENXIO);
	bed_expect_log(&bed, "efi: no memory in 0 ranges");
	bed_le64(map + 24, (uint64_t)1 << 52);
	assert_int_equal(efi(map, STRIDE, STRIDE, 1), -QUARRY_ERANGE);
	bed_expect_log(&bed, "efi: descriptor 0 is larger than the address space");
	bed_le64(map + 24, 16);
	bed_efi(map + STRIDE, 7, 0x200000, 0x10, 8);
	bed_efi(map + 2 * STRIDE, 7, 0x300000, (uint64_t)1 << 52, 8);
	assert_int_equal(efi(map, 3 * STRIDE, STRIDE, 1), -QUARRY_ERANGE);
	bed_expect_log(&bed, "efi: descriptor 2 is larger than the address space");
	bed_expect(&bed, "");
}

/* ---- the second phase ---- */

static unsigned long managed(void)
{
	struct quarry_totals t;

	quarry_totals(bed.q, &t);
	return t.managed;
}

static void boot(void)
{
	assert_int_equal(quarry_boot(bed.q, NULL), 0);
	assert_int_equal(quarry_check(bed.q, NULL), 0);
}

/* What the boot loader can give back comes back, once; the kernel's place stays. */
static void test_release(void **state)
{
	unsigned long before;

	(void)state;
	assert_int_equal(quarry_firmware_release(bed.q), 0);
	assert_int_equal(limine(limine_map, 11), 0);
	assert_int_equal(quarry_firmware_release(bed.q), 0);
	boot();
	before = managed();
	assert_int_equal(before, 0x4d + 0x700 + 0x1000);
	assert_int_equal(quarry_firmware_release(bed.q), 0x51 + 0x300);
	assert_int_equal(managed(), before + 0x51 + 0x300);
	assert_int_equal(quarry_firmware_release(bed.q), 0);
	assert_int_equal(quarry_check(bed.q, NULL), 0);
}

/* A kernel that lies in the boot loader's memory, and a page that they share. */
static void test_release_spares_what_was_reserved(void **state)
{
	(void)state;
	assert_int_equal(quarry_memblock_reserve(bed.q, 0x1240800, 0x2000), 0);
	assert_int_equal(quarry_memblock_reserve(bed.q, 0x14ff000, 0x1000), 0);
	assert_int_equal(limine(limine_map, 11), 0);
	boot();
	assert_int_equal(quarry_firmware_release(bed.q), 0x51 + 0x300 - 3 - 1);
	assert_int_equal(quarry_check(bed.q, NULL), 0);
}

/* Tables that share a page are given back with it. */
static void test_release_of_parts_of_pages(void **state)
{
	struct mbi m;

	(void)state;
	begin(&m);
	tag_mmap(&m);
	finish(&m);
	assert_int_equal(quarry_memblock_reserve_firmware(bed.q, 0x120000, 0x100), 0);
	assert_int_equal(give(&m, 0x120ff0, NULL), 0);
	boot();
	assert_int_equal(managed(), 0xf00 - 2);
	assert_int_equal(quarry_firmware_release(bed.q), 2);
	assert_int_equal(quarry_check(bed.q, NULL), 0);
}

/* Any halves of pages: a page comes back if the boot loader has a part of it, and nobody else. */
static void test_release_of_any_parts(void **state)
{
	enum { PAGES = 64, CELLS = 2 * PAGES };
	const phys_addr_t base = 0x200000;
	uint64_t seed = 5;

	(void)state;
	for (unsigned int try = 0; try < 60; try++) {
		unsigned int kind[CELLS], reserved = 0, back = 0;

		bed_again(&bed);
		assert_int_equal(quarry_memblock_add(bed.q, 0x100000, 0x700000), 0);
		for (unsigned int i = 0, now = 0; i < CELLS; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			if ((seed >> 40) % 3 == 0)
				now = (unsigned int)(seed >> 50) % 3;
			if (try < 9 && i < 2) /* the first page in every way */
				now = i == 0 ? try % 3 : try / 3;
			kind[i] = now;
			if (now == 1)
				assert_int_equal(
					quarry_memblock_reserve(bed.q, base + i * 0x800, 0x800), 0);
			else if (now == 2)
				assert_int_equal(quarry_memblock_reserve_firmware(
							 bed.q, base + i * 0x800, 0x800),
						 0);
		}
		for (unsigned int i = 0; i < CELLS; i += 2) {
			reserved += kind[i] != 0 || kind[i + 1] != 0;
			back += (kind[i] == 2 || kind[i + 1] == 2) && kind[i] != 1 &&
				kind[i + 1] != 1;
		}
		boot();
		assert_int_equal(managed(), 0x700 - reserved);
		assert_int_equal(quarry_firmware_release(bed.q), back);
		assert_int_equal(managed(), 0x700 - reserved + back);
		assert_int_equal(quarry_check(bed.q, NULL), 0);
		assert_int_equal(quarry_firmware_release(bed.q), 0);
	}
}

/* ---- what boot loaders left ---- */

static uint8_t *blob;
static size_t blob_size;

static void load(const char *name)
{
	free(blob);
	blob = bed_file(name, &blob_size);
}

static phys_addr_t lists_checked(void)
{
	assert_int_equal(quarry_check_memblock(bed.q, NULL), 0);
	return quarry_memblock_phys_mem_size(bed.q);
}

/* All that was added is there in the end, but for the frame at 0. */
static void check_boots(phys_addr_t ram)
{
	unsigned long kept = quarry_memblock_is_memory(bed.q, 0) ? 1 : 0;

	boot();
	quarry_firmware_release(bed.q);
	assert_int_equal(managed() + kept, ram / 4096);
	assert_int_equal(quarry_check(bed.q, NULL), 0);
}

static void test_ovmf(void **state)
{
	(void)state;
	load("ovmf-x86_64.efimap");
	assert_int_equal(efi(blob, blob_size, 48, 1), 0);
	assert_string_equal(bed.log, "");
	check_boots(lists_checked());
	bed_again(&bed);
	load("aavmf-aarch64.efimap");
	assert_int_equal(efi(blob, blob_size, 48, 1), 0);
	assert_string_equal(bed.log, "");
	check_boots(lists_checked());
	free(blob);
	blob = NULL;
}

static void check_grub(const char *name, phys_addr_t phys)
{
	struct quarry_range module[2];
	char line[32];
	struct quarry_firmware_info info = {
		.cmdline = line, .cmdline_room = sizeof(line), .module = module, .module_room = 2};
	unsigned int i;

	bed_again(&bed);
	load(name);
	assert_int_equal(quarry_firmware_multiboot2(bed.q, blob, blob_size, phys, &info), 0);
	assert_string_equal(bed.log, "");
	assert_string_equal(line, "console=ttyS0 quiet");
	assert_int_equal(info.nr_modules, 2);
	for (i = 0; i < 2; i++) {
		assert_int_equal(module[i].size, 11);
		assert_true(quarry_memblock_is_reserved(bed.q, module[i].start));
	}
	assert_memory_equal(blob + (info.rsdp - phys), "RSD PTR ", 8);
	assert_in_range(lists_checked(), 480 << 20, 512 << 20);
	free(blob);
	blob = NULL;
}

static void test_grub(void **state)
{
	(void)state;
	check_grub("grub-bios.mbi", 0x133010);
	check_grub("grub-uefi.mbi", 0x11000);
}

/* ---- damage ---- */

static struct bed_outcomes outcomes;

static void check_result(int err)
{
	char lists[16384];

	assert_true(err <= 0);
	bed_lists(bed.q, lists, sizeof(lists));
	if (err != 0) {
		assert_string_equal(lists, "");
		assert_true(bed.log[0] != '\0');
	}
	assert_int_equal(quarry_check_memblock(bed.q, NULL), 0);
	bed_outcome(&bed, &outcomes, err);
}

static void try_mb2(const uint8_t *data, size_t n)
{
	struct quarry_range module[2] = {{0, 0}};
	char line[64] = "";
	struct quarry_firmware_info info = {
		.cmdline = line, .cmdline_room = sizeof(line), .module = module, .module_room = 2};
	uint8_t *exact = malloc(n);

	assert_non_null(exact);
	memcpy(exact, data, n);
	bed_again(&bed);
	check_result(quarry_firmware_multiboot2(bed.q, exact, n, 0x133010, &info));
	bed_note_info(&outcomes, &info);
	free(exact);
}

static void test_multiboot2_every_damage(void **state)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	size_t at, i, size;

	(void)state;
	load("grub-bios.mbi");
	outcomes = (struct bed_outcomes){0};
	size = blob_size;
	for (at = 0; at < size; at++)
		for (i = 0; i < sizeof(flips); i++) {
			blob[at] ^= flips[i];
			try_mb2(blob, size);
			blob[at] ^= flips[i];
		}
	for (at = 0; at < size; at++)
		try_mb2(blob, at);
	for (at = 8; at < size; at++) {
		bed_le32(blob, (uint32_t)at);
		try_mb2(blob, at);
	}
	bed_expect_outcomes(&outcomes, (struct bed_outcomes){8272, 4761, 0xcbd00a6efc248610});
	free(blob);
	blob = NULL;
}

static void try_efi(const uint8_t *map, size_t n)
{
	struct quarry_range r[2] = {{0, 0}};
	int nr;

	bed_again(&bed);
	check_result(efi(map, n, STRIDE, 1));
	nr = quarry_firmware_efi_unaccepted(bed.q, map, n, STRIDE, 1, r, 2);
	bed_note(&outcomes, &nr, sizeof(nr));
	bed_note(&outcomes, r, sizeof(r));
}

static void test_efi_every_damage(void **state)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	size_t at, i;

	(void)state;
	load("aavmf-aarch64.efimap");
	outcomes = (struct bed_outcomes){0};
	for (at = 0; at < blob_size; at++) {
		try_efi(blob, at);
		for (i = 0; i < sizeof(flips); i++) {
			blob[at] ^= flips[i];
			try_efi(blob, blob_size);
			blob[at] ^= flips[i];
		}
	}
	bed_expect_outcomes(&outcomes, (struct bed_outcomes){5568, 4035, 0x3429d8a4bb76dbb3});
	free(blob);
	blob = NULL;
}

/* ---- a PC's root pointer ---- */

static void test_acpi_scan(void **state)
{
	uint8_t r[20] = "RSD PTR ", segment[2] = {0x00, 0x9f}, low[1024] = {0}, bios[0x20000];
	size_t i;

	(void)state;
	memset(bios, 0, sizeof(bios));
	for (i = 0; i < 20; i++)
		r[8] = (uint8_t)(r[8] - (i != 8 ? r[i] : 0));
	assert_int_equal(quarry_firmware_acpi_scan(bed.q, &bed.memory), 0);
	memcpy(bios + 0x1ffe0, r, 20);
	memcpy(bios + 0x100, r, 20);
	bios[0x100 + 9] ^= 1;        /* not its checksum */
	memcpy(bios + 0x208, r, 20); /* not aligned */
	bed_put(&bed, 0xe0000, bios, sizeof(bios));
	assert_int_equal(quarry_firmware_acpi_scan(bed.q, &bed.memory), 0xfffe0);
	memcpy(low + 1000 / 16 * 16, r, 20);
	bed_put(&bed, 0x40e, segment, 2);
	bed_put(&bed, 0x9f000, low, sizeof(low));
	assert_int_equal(quarry_firmware_acpi_scan(bed.q, &bed.memory), 0x9f000 + 1000 / 16 * 16);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_multiboot2),
		T(test_multiboot2_at_its_edges),
		T(test_multiboot2_is_16_mib_at_most),
		T(test_multiboot2_takes_efi_where_it_must),
		T(test_multiboot2_refuses),
		T(test_limine),
		T(test_efi_types),
		T(test_efi_attributes),
		T(test_efi_unaccepted),
		T(test_efi_refuses),
		T(test_release),
		T(test_release_spares_what_was_reserved),
		T(test_release_of_parts_of_pages),
		T(test_release_of_any_parts),
		T(test_ovmf),
		T(test_grub),
		T(test_multiboot2_every_damage),
		T(test_efi_every_damage),
		T(test_acpi_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
