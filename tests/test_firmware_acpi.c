/* SPDX-License-Identifier: MIT */
/* ACPI: tables built here byte by byte, QEMU's own, and both damaged in every place. */
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

/* ---- building tables ---- */

struct table {
	uint8_t b[2048];
	size_t n;
};

static void begin(struct table *t, const char *signature, size_t first)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->b, signature, 4);
	t->b[8] = 3;
	t->n = first;
}

static uint8_t *entry(struct table *t, uint8_t type, uint8_t size)
{
	uint8_t *e = t->b + t->n;

	t->n += size;
	e[0] = type;
	e[1] = size;
	return e;
}

static void finish(struct table *t)
{
	bed_le32(t->b + 4, (uint32_t)t->n);
	bed_sum(t->b, t->n, 9);
}

static void put_table(struct table *t, uint64_t phys)
{
	finish(t);
	bed_put(&bed, phys, t->b, t->n);
}

static void srat_cpu(struct table *t, uint32_t domain, uint8_t apic)
{
	uint8_t *e = entry(t, 0, 16);

	e[2] = (uint8_t)domain;
	e[3] = apic;
	e[4] = 1;
	e[9] = (uint8_t)(domain >> 8);
	e[10] = (uint8_t)(domain >> 16);
	e[11] = (uint8_t)(domain >> 24);
}

static void srat_memory(struct table *t, uint32_t domain, uint64_t start, uint64_t size,
			uint32_t flags)
{
	uint8_t *e = entry(t, 1, 40);

	bed_le32(e + 2, domain);
	bed_le64(e + 8, start);
	bed_le64(e + 16, size);
	bed_le32(e + 28, flags);
}

static void madt_cpu(struct table *t, uint8_t apic, uint32_t flags)
{
	uint8_t *e = entry(t, 0, 8);

	e[3] = apic;
	bed_le32(e + 4, flags);
}

#define RSDP 0xf0000u
#define ROOT 0x7fff0000u
#define MADT 0x7fff1000u
#define SRAT 0x7fff2000u
#define SLIT 0x7fff3000u

/* Root pointer and root table, which lists @nr tables. @wide: ACPI 2 and an XSDT. */
static void put_root(bool wide, const uint64_t *tables, size_t nr)
{
	struct table root;
	uint8_t r[36] = "RSD PTR ";
	size_t i;

	begin(&root, wide ? "XSDT" : "RSDT", 36);
	for (i = 0; i < nr; i++) {
		bed_le64(root.b + root.n, tables[i]);
		root.n += wide ? 8 : 4;
	}
	put_table(&root, ROOT);
	r[15] = wide ? 2 : 0;
	bed_le32(r + 16, wide ? 0xdead0000 : ROOT);
	if (wide) {
		bed_le32(r + 20, 36);
		bed_le64(r + 24, ROOT);
	}
	bed_sum(r, 20, 8);
	if (wide)
		bed_sum(r, 36, 32);
	bed_put(&bed, RSDP, r, wide ? 36 : 20);
}

static const uint64_t all_tables[] = {MADT, SRAT, SLIT};

static int acpi(void)
{
	return quarry_firmware_acpi(bed.q, RSDP, &bed.memory);
}

static int cpus(struct bed_cpus *c)
{
	return quarry_firmware_acpi_cpus(bed.q, RSDP, &bed.memory, bed_take_cpu, c);
}

/* ---- nodes of memory ---- */

/*
 * Domains 300, 7 and 9, of which the first two have CPUs; memory of 7 covers a hole and a place for more
 * that may be plugged in, and memory of 9 is not there.
 */
static void put_srat(void)
{
	struct table t;

	begin(&t, "SRAT", 48);
	srat_memory(&t, 9, 0x4000000000, 0x1000000, 1);
	srat_memory(&t, 7, 0, 0x40000000, 1);
	srat_cpu(&t, 300, 4);
	srat_cpu(&t, 7, 0);
	srat_memory(&t, 300, 0x40000000, 0x40000000, 1);
	srat_memory(&t, 7, 0x100000000, 0x100000000, 3);
	srat_memory(&t, 11, 0x40000000, 0x40000000, 0); /* not enabled */
	entry(&t, 77, 5);
	put_table(&t, SRAT);
}

static void add_memory(void)
{
	assert_int_equal(quarry_memblock_add(bed.q, 0, 0xa0000), 0);
	assert_int_equal(quarry_memblock_add(bed.q, 0x100000, 0x7fe00000), 0);
	assert_int_equal(quarry_memblock_add(bed.q, 0x100000000, 0x1000000), 0);
}

#define NO_NODES                                                                         \
	"memory 0x0-0xa0000 nid -1 flags 0\nmemory 0x100000-0x7ff00000 nid -1 flags 0\n" \
	"memory 0x100000000-0x101000000 nid -1 flags 0\n"
#define WITH_NODES                                                                          \
	"memory 0x0-0xa0000 nid 1 flags 0\nmemory 0x100000-0x40000000 nid 1 flags 0\n"      \
	"memory 0x40000000-0x7ff00000 nid 0 flags 0\nmemory 0x100000000-0x101000000 nid 1 " \
	"flags 1\n"

static void test_nodes(void **state)
{
	(void)state;
	put_srat();
	put_root(false, all_tables + 1, 1);
	add_memory();
	assert_int_equal(acpi(), 0);
	bed_expect(&bed, WITH_NODES);
	assert_string_equal(bed.log, "");
	/* A second time changes nothing. */
	assert_int_equal(acpi(), 0);
	bed_expect(&bed, WITH_NODES);
}

static void test_xsdt_is_preferred(void **state)
{
	(void)state;
	put_srat();
	put_root(true, all_tables, 3); /* MADT and SLIT are not there */
	add_memory();
	assert_int_equal(acpi(), 0);
	bed_expect(&bed, WITH_NODES);
}

static void test_no_srat_is_one_node(void **state)
{
	struct table t;

	(void)state;
	begin(&t, "SRAT", 48);
	srat_cpu(&t, 5, 0);
	put_root(false, all_tables + 1, 1);
	add_memory();
	assert_int_equal(acpi(), 0);
	put_table(&t, SRAT);
	assert_int_equal(acpi(), 0);
	bed_expect(&bed, NO_NODES);
	assert_non_null(strstr(bed.info, "acpi: no memory in SRAT"));
}

/* Devices with memory of their own are domains too; what is not known is none. */
static void test_other_entries(void **state)
{
	struct table t;
	uint8_t *e, d[4] = {0};

	(void)state;
	begin(&t, "SRAT", 48);
	e = entry(&t, 99, 32);
	bed_le32(e + 4, 8);
	bed_le32(e + 24, 1);
	e = entry(&t, 5, 32); /* a generic initiator */
	bed_le32(e + 4, 6);
	bed_le32(e + 24, 1);
	srat_cpu(&t, 7, 0);
	srat_memory(&t, 7, 0, 0x200000000, 1);
	put_table(&t, SRAT);
	begin(&t, "SLIT", 44);
	bed_le64(t.b + 36, 9);
	t.n += 81;
	memset(t.b + 44, 20, 81);
	for (int i = 0; i < 9; i++)
		t.b[44 + 10 * i] = 10;
	t.b[44 + 9 * 6 + 7] = t.b[44 + 9 * 7 + 6] = 33;
	put_table(&t, SLIT);
	put_root(false, all_tables + 1, 2);
	add_memory();
	assert_int_equal(acpi(), 0);
	/* Node 0 is domain 6, node 1 is domain 7. */
	assert_int_equal(quarry_memblock(bed.q)->memory.regions[0].nid, 1);
	assert_int_equal(quarry_firmware_acpi_distances(bed.q, RSDP, &bed.memory, d, 2), 0);
	assert_int_equal(d[0], 10);
	assert_int_equal(d[1], 33);
}

/* Revision 1 has 8 bits of a domain; what stands above them is no part of it. */
static void test_old_revision(void **state)
{
	struct table t;

	(void)state;
	begin(&t, "SRAT", 48);
	t.b[8] = 1;
	srat_cpu(&t, 0xabcd01, 0);
	srat_memory(&t, 0xffff01, 0, 0x200000000, 1);
	put_table(&t, SRAT);
	put_root(false, all_tables + 1, 1);
	add_memory();
	assert_int_equal(acpi(), 0);
	assert_int_equal(quarry_memblock(bed.q)->memory.regions[0].nid, 0);
}

/* Tables that lie in memory are kept. */
static void test_tables_in_memory_are_reserved(void **state)
{
	(void)state;
	put_srat();
	put_root(true, all_tables + 1, 1);
	assert_int_equal(quarry_memblock_add(bed.q, 0, 0x80000000), 0);
	assert_int_equal(quarry_memblock_reserve(bed.q, SRAT + 16, 16), 0);
	assert_int_equal(acpi(), 0);
	bed_expect(&bed, "memory 0x0-0x40000000 nid 1 flags 0\n"
			 "memory 0x40000000-0x80000000 nid 0 flags 0\n"
			 "reserved 0xf0000-0xf0024 nid -1 flags 0\n"
			 "reserved 0x7fff0000-0x7fff002c nid -1 flags 0\n"
			 "reserved 0x7fff2000-0x7fff211d nid -1 flags 0\n");
}

/* What lies behind the root table is no entry of it. */
static void test_root_ends_where_it_says(void **state)
{
	struct table t;
	uint8_t behind[8];

	(void)state;
	put_srat();
	begin(&t, "APIC", 44);
	put_table(&t, MADT);
	put_root(true, all_tables + 1, 1);
	bed_le64(behind, MADT);
	bed_put(&bed, ROOT + 44, behind, sizeof(behind));
	assert_int_equal(quarry_memblock_add(bed.q, 0, 0x80000000), 0);
	assert_int_equal(acpi(), 0);
	assert_true(quarry_memblock_is_reserved(bed.q, SRAT));
	assert_false(quarry_memblock_is_reserved(bed.q, MADT));
}

/* Three tables need three places among the reservations, or nothing is changed. */
static void test_no_room_for_tables(void **state)
{
	(void)state;
	put_srat();
	put_root(true, all_tables + 1, 1);
	assert_int_equal(quarry_memblock_add(bed.q, 0, 0x80000000), 0);
	for (phys_addr_t i = 0; i < QUARRY_MEMBLOCK_REGIONS - 2; i++)
		assert_int_equal(quarry_memblock_reserve(bed.q, 0x100000 + i * 0x2000, 0x1000), 0);
	assert_int_equal(acpi(), -QUARRY_ENOMEM);
	bed_expect_log(&bed, "reserved list has 126 of 128 regions, and 3 more are needed");
	assert_int_equal(quarry_memblock(bed.q)->reserved.cnt, QUARRY_MEMBLOCK_REGIONS - 2);
	assert_int_equal(quarry_memblock(bed.q)->memory.cnt, 1);
	assert_int_equal(quarry_memblock_phys_free(bed.q, 0x100000, 0x1000), 0);
	assert_int_equal(acpi(), 0);
	assert_int_equal(quarry_memblock(bed.q)->reserved.cnt, QUARRY_MEMBLOCK_REGIONS);
}

/* ---- what is refused ---- */

static void refused(int err, const char *message)
{
	assert_int_equal(acpi(), err);
	bed_expect_log(&bed, message);
	bed_expect(&bed, NO_NODES);
}

static void test_refuses_srat(void **state)
{
	static struct table t;
	unsigned int i;

	(void)state;
	put_root(false, all_tables + 1, 1);
	add_memory();
	/* Two domains claim the same. */
	begin(&t, "SRAT", 48);
	srat_memory(&t, 0, 0, 0x50000000, 1);
	srat_memory(&t, 1, 0x40000000, 0x200000000, 1);
	put_table(&t, SRAT);
	refused(-QUARRY_EINVAL, "acpi: SRAT: 0x40000000 is memory of domains 0 and 1");
	bed.nr--;
	free(bed.chunk[bed.nr].data);
	/* More than 1 MiB is nobody's; exactly 1 MiB may be. */
	begin(&t, "SRAT", 48);
	srat_memory(&t, 0, 0x1e1000, 0x200000000, 1);
	put_table(&t, SRAT);
	refused(-QUARRY_EINVAL, "acpi: SRAT leaves out 1540 KiB of memory");
	bed.nr--;
	free(bed.chunk[bed.nr].data);
	begin(&t, "SRAT", 48);
	srat_memory(&t, 0, 0xfffffffffffff000, 0x1001, 1);
	put_table(&t, SRAT);
	refused(-QUARRY_ERANGE, "acpi: SRAT: 0x1001 bytes at 0xfffffffffffff000 end beyond");
	bed.nr--;
	free(bed.chunk[bed.nr].data);
	begin(&t, "SRAT", 48);
	for (i = 0; i <= QUARRY_MAX_NODES; i++)
		srat_cpu(&t, i, (uint8_t)i);
	put_table(&t, SRAT);
	refused(-QUARRY_E2BIG, "acpi: SRAT has more than 64 domains");
	bed.nr--;
	free(bed.chunk[bed.nr].data);
	begin(&t, "SRAT", 48);
	entry(&t, 0, 16)[1] = 17;
	put_table(&t, SRAT);
	refused(-QUARRY_ERANGE, "acpi: SRAT: the entry at offset 0x30 does not fit");
	bed.nr--;
	free(bed.chunk[bed.nr].data);
	begin(&t, "SRAT", 40);
	put_table(&t, SRAT);
	refused(-QUARRY_ERANGE, "acpi: a table of 40 bytes, expected at least 48");
}

/* Splits are counted before the first is made. */
static void test_no_room_for_nodes(void **state)
{
	struct memblock *mb = quarry_memblock(bed.q);
	char before[16384];
	unsigned long i;

	(void)state;
	put_srat();
	put_root(false, all_tables + 1, 1);
	add_memory();
	for (i = 3; i < QUARRY_MEMBLOCK_REGIONS; i++)
		assert_int_equal(quarry_memblock_add(bed.q, 0x110000000 + i * 0x2000, 0x1000), 0);
	assert_int_equal(mb->memory.cnt, QUARRY_MEMBLOCK_REGIONS);
	bed_lists(bed.q, before, sizeof(before));
	assert_int_equal(acpi(), -QUARRY_ENOMEM);
	bed_expect_log(&bed, "acpi: memblock's memory list has 128 of 128 regions, and 1 more");
	bed_expect(&bed, before);
	assert_int_equal(quarry_memblock_remove(bed.q, 0x110000000 + 3 * 0x2000, 0x1000), 0);
	assert_int_equal(acpi(), 0);
	assert_int_equal(mb->memory.regions[1].nid, 1);
	assert_int_equal(mb->memory.regions[2].nid, 0);
}

static uint8_t *bytes_at(uint64_t phys)
{
	unsigned int i;

	for (i = 0; i < bed.nr; i++)
		if (bed.chunk[i].phys == phys)
			return bed.chunk[i].data;
	fail_msg("nothing at %llx", (unsigned long long)phys);
	return NULL;
}

/* A root table without an entry is one. */
static void test_empty_root(void **state)
{
	(void)state;
	put_root(false, all_tables, 0);
	add_memory();
	assert_int_equal(acpi(), 0);
	bed_expect(&bed, NO_NODES);
	assert_string_equal(bed.log, "");
}

static void test_refuses_roots(void **state)
{
	(void)state;
	put_srat();
	put_root(true, all_tables + 1, 1);
	add_memory();
	bytes_at(RSDP)[0] ^= 1;
	refused(-QUARRY_EINVAL, "acpi: no root pointer at 0xf0000, or its checksum is wrong");
	bytes_at(RSDP)[0] ^= 1;
	bytes_at(RSDP)[10] ^= 1;
	refused(-QUARRY_EINVAL, "acpi: no root pointer at 0xf0000, or its checksum is wrong");
	bytes_at(RSDP)[10] ^= 1;
	bytes_at(RSDP)[33] ^= 1;
	refused(-QUARRY_EINVAL, "acpi: the root pointer's length or second checksum is wrong");
	bytes_at(RSDP)[33] ^= 1;
	bytes_at(RSDP)[21] = 0x10;
	refused(-QUARRY_EINVAL, "acpi: the root pointer's length or second checksum is wrong");
	bytes_at(RSDP)[21] = 0;
	bytes_at(ROOT)[0] = 'R';
	refused(-QUARRY_EINVAL, "acpi: no XSDT at 0x7fff0000");
	bytes_at(ROOT)[0] = 'X';
	bytes_at(ROOT)[12] ^= 1;
	refused(-QUARRY_EINVAL, "acpi: the checksum of the XSDT is wrong");
	bytes_at(ROOT)[12] ^= 1;
	bytes_at(ROOT)[4] = 35;
	refused(-QUARRY_EINVAL, "acpi: no XSDT at 0x7fff0000");
	bytes_at(ROOT)[4] = 255;
	refused(-QUARRY_ERANGE, "acpi: the XSDT at 0x7fff0000 cannot be read");
	bed_cut(&bed, ROOT, 35);
	refused(-QUARRY_ERANGE, "acpi: no XSDT at 0x7fff0000");
	assert_int_equal(quarry_firmware_acpi(bed.q, 0xf0020, &bed.memory), -QUARRY_ERANGE);
	bed_expect_log(&bed, "acpi: the root pointer at 0xf0020 cannot be read");
}

/* A table whose sum is wrong does not count. */
static void test_damaged_table_is_passed_over(void **state)
{
	(void)state;
	put_srat();
	put_root(false, all_tables + 1, 1);
	add_memory();
	bytes_at(SRAT)[60] ^= 4;
	assert_int_equal(acpi(), 0);
	bed_expect(&bed, NO_NODES);
	bed_expect_log(&bed, "acpi: SRAT at 0x7fff2000 has a wrong checksum, passed over");
}

static void test_table(void **state)
{
	struct quarry_range r = {1, 2};

	(void)state;
	put_srat();
	put_root(false, all_tables, 3);
	assert_int_equal(quarry_firmware_acpi_table(bed.q, RSDP, &bed.memory, "APIC", &r),
			 -QUARRY_ENXIO);
	assert_int_equal(r.start, 1);
	assert_int_equal(quarry_firmware_acpi_table(bed.q, RSDP, &bed.memory, "SRAT", &r), 0);
	assert_int_equal(r.start, SRAT);
	assert_int_equal(r.size, 0x11d);
}

/* ---- CPUs ---- */

static void test_cpus_of_a_pc(void **state)
{
	struct bed_cpus c = {0};
	struct table t;
	uint8_t *e;

	(void)state;
	begin(&t, "APIC", 44);
	madt_cpu(&t, 0, 1);
	madt_cpu(&t, 4, 1);
	madt_cpu(&t, 2, 0);    /* not enabled */
	madt_cpu(&t, 0xff, 1); /* no CPU */
	e = entry(&t, 9, 16);
	bed_le32(e + 4, 4); /* named above already */
	bed_le32(e + 8, 1);
	e = entry(&t, 9, 16);
	bed_le32(e + 4, 0x10000);
	bed_le32(e + 8, 1);
	entry(&t, 1, 12);
	put_table(&t, MADT);
	put_root(false, all_tables, 2);
	assert_int_equal(cpus(&c), 0);
	assert_int_equal(c.nr, 3);
	assert_int_equal(c.cpu[1].id, 4);
	assert_int_equal(c.cpu[1].nid, QUARRY_NO_NODE);
	assert_int_equal(c.cpu[2].id, 0x10000);
	put_srat();
	c = (struct bed_cpus){0};
	assert_int_equal(cpus(&c), 0);
	assert_int_equal(c.cpu[0].nid, 1);
	assert_int_equal(c.cpu[1].nid, 0);
	assert_int_equal(c.cpu[2].nid, QUARRY_NO_NODE);
	c = (struct bed_cpus){.stop = 2};
	assert_int_equal(cpus(&c), 7);
	assert_int_equal(c.nr, 2);
}

/* MPIDRs and harts: SRAT names them by ACPI's own number. */
static void test_cpus_of_arm_and_riscv(void **state)
{
	struct bed_cpus c = {0};
	struct table t;
	uint8_t *e;

	(void)state;
	begin(&t, "APIC", 44);
	e = entry(&t, 11, 80);
	bed_le32(e + 8, 21);
	bed_le32(e + 12, 1);
	bed_le64(e + 68, 0x100000003);
	e = entry(&t, 24, 36);
	bed_le32(e + 4, 1);
	bed_le64(e + 8, 5);
	bed_le32(e + 16, 22);
	put_table(&t, MADT);
	begin(&t, "SRAT", 48);
	e = entry(&t, 7, 20);
	bed_le32(e + 4, 8);
	bed_le32(e + 8, 22);
	bed_le32(e + 12, 1);
	e = entry(&t, 3, 18);
	bed_le32(e + 2, 9);
	bed_le32(e + 6, 21);
	bed_le32(e + 10, 1);
	put_table(&t, SRAT);
	put_root(true, all_tables, 2);
	assert_int_equal(cpus(&c), 0);
	assert_int_equal(c.nr, 2);
	assert_int_equal(c.cpu[0].id, 0x100000003);
	assert_int_equal(c.cpu[0].nid, 1);
	assert_int_equal(c.cpu[1].id, 5);
	assert_int_equal(c.cpu[1].nid, 0);
}

static void test_cpus_refuses(void **state)
{
	static uint8_t big[44 + 2 * 16385];
	struct bed_cpus c = {0};
	struct table t;
	size_t i;

	(void)state;
	put_root(false, all_tables, 1);
	assert_int_equal(cpus(&c), -QUARRY_ENXIO);
	assert_non_null(strstr(bed.info, "acpi: no MADT"));
	begin(&t, "APIC", 44);
	entry(&t, 0, 8)[1] = 1;
	put_table(&t, MADT);
	assert_int_equal(cpus(&c), -QUARRY_ERANGE);
	bed_expect_log(&bed, "acpi: APIC: the entry at offset 0x2c does not fit");
	assert_int_equal(c.nr, 0);
	free(bed.chunk[--bed.nr].data);
	/* One entry too many. */
	for (i = 44; i < sizeof(big); i += 2)
		big[i + 1] = 2;
	memcpy(big, "APIC", 4);
	bed_le32(big + 4, sizeof(big));
	bed_sum(big, sizeof(big), 9);
	bed_put(&bed, MADT, big, sizeof(big));
	assert_int_equal(cpus(&c), -QUARRY_E2BIG);
	bed_expect_log(&bed, "acpi: APIC has more than 16384 entries");
}

/* ---- distances ---- */

static int distances(uint8_t *d, unsigned int nr)
{
	return quarry_firmware_acpi_distances(bed.q, RSDP, &bed.memory, d, nr);
}

/* Rows are domains, which are not nodes: 7 is node 1, and 300 lies beyond the matrix. */
static void put_slit(uint8_t local, uint8_t far, uint64_t rows)
{
	struct table t;
	size_t i, j;

	begin(&t, "SLIT", 44);
	bed_le64(t.b + 36, rows);
	for (i = 0; i < 10; i++)
		for (j = 0; j < 10; j++)
			t.b[t.n++] = (uint8_t)(i == j ? local : far + i + j);
	put_table(&t, SLIT);
}

static void test_distances(void **state)
{
	static const uint8_t expected[16] = {10, 20, 20, 20, 20, 10, 46, 20,
					     20, 46, 10, 20, 20, 20, 20, 10};
	uint8_t d[16] = {0};

	(void)state;
	put_root(false, all_tables, 3);
	assert_int_equal(distances(d, 4), -QUARRY_ENXIO);
	assert_non_null(strstr(bed.info, "acpi: no SRAT"));
	put_srat();
	assert_int_equal(distances(d, 4), -QUARRY_ENXIO);
	assert_non_null(strstr(bed.info, "acpi: no SLIT"));
	put_slit(10, 30, 10);
	assert_int_equal(distances(d, 4), 0);
	assert_memory_equal(d, expected, 16);
}

static void test_distances_refuses(void **state)
{
	static const struct {
		uint8_t local, far;
		uint64_t rows;
		int err;
		const char *message;
	} bad[] = {
		{10, 30, 11, -QUARRY_ERANGE, "acpi: SLIT has 144 bytes, too few for its matrix"},
		{10, 30, 0, -QUARRY_ERANGE, "acpi: SLIT has 144 bytes, too few for its matrix"},
		{10, 30, (uint64_t)1 << 32, -QUARRY_ERANGE, "too few for its matrix"},
		{11, 30, 10, -QUARRY_EINVAL, "acpi: SLIT: distance 11 from 0 to 0, expected"},
		{10, 9, 10, -QUARRY_EINVAL, "acpi: SLIT: distance 10 from 0 to 1, expected"},
	};
	uint8_t d[4] = {1, 2, 3, 4};
	size_t i;

	(void)state;
	put_root(false, all_tables, 3);
	put_srat();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_slit(bad[i].local, bad[i].far, bad[i].rows);
		assert_int_equal(distances(d, 2), bad[i].err);
		bed_expect_log(&bed, bad[i].message);
		assert_int_equal(d[3], 4);
		free(bed.chunk[--bed.nr].data);
	}
}

/* ---- QEMU's own ---- */

/* A file of pieces of a machine's memory: address, size, bytes. */
static void load(const char *name)
{
	size_t size, at = 0;
	uint8_t *file = bed_file(name, &size);

	while (at + 16 <= size) {
		uint64_t head[2];

		memcpy(head, file + at, 16);
		assert_true(head[1] <= size - at - 16);
		bed_put(&bed, head[0], file + at + 16, head[1]);
		at += 16 + head[1];
	}
	assert_int_equal(at, size);
	free(file);
}

static void test_qemu_q35(void **state)
{
	static const uint8_t expected[4] = {10, 20, 20, 10};
	char line[64];
	struct quarry_firmware_info info = {.cmdline = line, .cmdline_room = sizeof(line)};
	struct bed_cpus c = {0};
	uint8_t d[4];
	unsigned int i;

	(void)state;
	load("qemu-x86_64-q35.mem");
	assert_int_equal(quarry_firmware_pvh(bed.q, 0x21e0, &bed.memory, &info), 0);
	assert_string_equal(line, "console=ttyS0 quiet");
	assert_int_equal(info.nr_ranges, 9);
	assert_int_equal(info.initrd.size, 11);
	assert_int_equal(quarry_firmware_acpi(bed.q, info.rsdp, &bed.memory), 0);
	bed_expect(&bed, "memory 0x0-0x9f000 nid 0 flags 0\n"
			 "memory 0x100000-0x10000000 nid 0 flags 0\n"
			 "memory 0x10000000-0x1ffe0000 nid 1 flags 0\n"
			 "reserved 0x0-0x1000 nid -1 flags 0\n"
			 "reserved 0x11c0-0x11d4 nid -1 flags 128\n"
			 "reserved 0x21c0-0x2218 nid -1 flags 128\n"
			 "reserved 0x1ffd7000-0x1ffd700b nid -1 flags 0\n");
	assert_int_equal(quarry_firmware_acpi_cpus(bed.q, info.rsdp, &bed.memory, bed_take_cpu, &c),
			 0);
	assert_int_equal(c.nr, 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(c.cpu[i].id, i);
		assert_int_equal(c.cpu[i].nid, i / 2);
	}
	assert_int_equal(quarry_firmware_acpi_distances(bed.q, info.rsdp, &bed.memory, d, 2), 0);
	assert_memory_equal(d, expected, 4);
	assert_string_equal(bed.log, "");
}

/* ---- damage ---- */

static struct bed_outcomes outcomes;

/* Everything on the machine as it is now; what fails leaves no trace. */
static void try(uint64_t rsdp)
{
	struct quarry_firmware_info info;
	char before[4096], after[4096], line[24] = "";
	struct quarry_range module[2] = {{0, 0}};
	uint8_t d[16] = {0};
	int err;

	bed_again(&bed);
	info = (struct quarry_firmware_info){
		.cmdline = line, .cmdline_room = sizeof(line), .module = module, .module_room = 2};
	err = quarry_firmware_pvh(bed.q, 0x21e0, &bed.memory, &info);
	assert_true(err <= 0);
	bed_note_info(&outcomes, &info);
	bed_outcome(&bed, &outcomes, err);
	bed_lists(bed.q, before, sizeof(before));
	if (err != 0) {
		assert_string_equal(before, "");
		add_memory();
		bed_lists(bed.q, before, sizeof(before));
	}
	err = quarry_firmware_acpi(bed.q, rsdp, &bed.memory);
	assert_true(err <= 0);
	bed_lists(bed.q, after, sizeof(after));
	if (err != 0)
		assert_string_equal(before, after);
	bed_outcome(&bed, &outcomes, err);
	err = quarry_firmware_acpi_cpus(bed.q, rsdp, &bed.memory, bed_note_cpu, &outcomes);
	assert_true(err <= 0);
	bed_outcome(&bed, &outcomes, err);
	err = quarry_firmware_acpi_distances(bed.q, rsdp, &bed.memory, d, 4);
	assert_true(err <= 0);
	bed_note(&outcomes, d, sizeof(d));
	bed_outcome(&bed, &outcomes, err);
}

/* A table's sum is put right again, so that what is behind it is reached. */
static void mend(unsigned int i, size_t at)
{
	uint8_t *b = bed.chunk[i].data;

	if (bed.chunk[i].phys > 0x1ffe0000 && at != 9)
		bed_sum(b, bed.chunk[i].size, 9);
}

static void test_every_flip(void **state)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	unsigned int i;
	size_t at, k;

	(void)state;
	load("qemu-x86_64-q35.mem");
	outcomes = (struct bed_outcomes){0};
	for (i = 0; i < bed.nr; i++)
		for (at = 0; at < bed.chunk[i].size; at++)
			for (k = 0; k < sizeof(flips); k++) {
				bed.chunk[i].data[at] ^= flips[k];
				mend(i, at);
				try(0xf59e0);
				bed.chunk[i].data[at] ^= flips[k];
				mend(i, at);
			}
	bed_expect_outcomes(&outcomes, (struct bed_outcomes){15276, 14428, 0x9c62e710f43a49d6});
}

/* The same of tables that have each kind of entry: the root pointer's sums and all others are right. */
static void test_every_flip_of_every_entry(void **state)
{
	static const uint8_t flips[] = {0x01, 0x02, 0x80, 0xff};
	struct table t;
	unsigned int i;
	uint8_t *e;
	size_t at, k;

	(void)state;
	put_root(true, all_tables, 3);
	begin(&t, "APIC", 44);
	madt_cpu(&t, 3, 1);
	madt_cpu(&t, 2, 0);
	for (i = 0; i < 2; i++) {
		e = entry(&t, 9, 16);
		bed_le32(e + 4, i == 0 ? 3 : 0x10000);
		bed_le32(e + 8, 1);
	}
	e = entry(&t, 11, 80);
	bed_le32(e + 8, 21);
	bed_le32(e + 12, 1);
	bed_le64(e + 68, 0x100000003);
	e = entry(&t, 24, 36);
	bed_le32(e + 4, 1);
	bed_le64(e + 8, 5);
	bed_le32(e + 16, 22);
	put_table(&t, MADT);
	begin(&t, "SRAT", 48);
	srat_cpu(&t, 0, 3);
	srat_memory(&t, 0, 0, 0x40000000, 1);
	srat_memory(&t, 2, 0x40000000, 0x200000000, 3);
	e = entry(&t, 2, 24);
	bed_le32(e + 4, 1);
	bed_le32(e + 8, 0x10000);
	bed_le32(e + 12, 1);
	e = entry(&t, 3, 18);
	bed_le32(e + 2, 2);
	bed_le32(e + 6, 21);
	bed_le32(e + 10, 1);
	e = entry(&t, 5, 32);
	bed_le32(e + 4, 3);
	bed_le32(e + 24, 1);
	e = entry(&t, 7, 20);
	bed_le32(e + 4, 1);
	bed_le32(e + 8, 22);
	bed_le32(e + 12, 1);
	put_table(&t, SRAT);
	put_slit(10, 30, 10);
	outcomes = (struct bed_outcomes){0};
	try(RSDP);
	for (i = 0; i < bed.nr; i++)
		for (at = 0; at < bed.chunk[i].size; at++)
			for (k = 0; k < sizeof(flips); k++) {
				uint8_t *b = bed.chunk[i].data;
				bool pointer = bed.chunk[i].phys == RSDP;
				size_t sum = pointer ? 32 : 9;

				b[at] ^= flips[k];
				if (pointer && at < 20 && at != 8)
					bed_sum(b, 20, 8);
				if (at != sum)
					bed_sum(b, bed.chunk[i].size, sum);
				try(RSDP);
				b[at] ^= flips[k];
				if (pointer)
					bed_sum(b, 20, 8);
				bed_sum(b, bed.chunk[i].size, sum);
			}
	bed_expect_outcomes(&outcomes, (struct bed_outcomes){10980, 7375, 0x80f61a2c824358e5});
}

/* Every piece of memory ends early, as it is and by its own word. */
static void test_every_truncation(void **state)
{
	unsigned int i;
	size_t n, size;

	(void)state;
	load("qemu-x86_64-q35.mem");
	outcomes = (struct bed_outcomes){0};
	for (i = 0; i < bed.nr; i++) {
		size = bed.chunk[i].size;
		for (n = 0; n < size; n++) {
			bed.chunk[i].size = n;
			try(0xf59e0);
			if (bed.chunk[i].phys < 0x1ffe0000 || n < 36)
				continue;
			bed_le32(bed.chunk[i].data + 4, (uint32_t)n);
			mend(i, 0);
			try(0xf59e0);
		}
		bed.chunk[i].size = size;
		if (bed.chunk[i].phys > 0x1ffe0000) {
			bed_le32(bed.chunk[i].data + 4, (uint32_t)size);
			mend(i, 0);
		}
	}
	bed_expect_outcomes(&outcomes, (struct bed_outcomes){7652, 5081, 0xb3b6b873f2ff8d61});
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_nodes),
		T(test_xsdt_is_preferred),
		T(test_no_srat_is_one_node),
		T(test_other_entries),
		T(test_old_revision),
		T(test_root_ends_where_it_says),
		T(test_no_room_for_tables),
		T(test_tables_in_memory_are_reserved),
		T(test_refuses_srat),
		T(test_no_room_for_nodes),
		T(test_empty_root),
		T(test_refuses_roots),
		T(test_damaged_table_is_passed_over),
		T(test_table),
		T(test_cpus_of_a_pc),
		T(test_cpus_of_arm_and_riscv),
		T(test_cpus_refuses),
		T(test_distances),
		T(test_distances_refuses),
		T(test_qemu_q35),
		T(test_every_flip),
		T(test_every_flip_of_every_entry),
		T(test_every_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
