/* SPDX-License-Identifier: MIT */
/* The map parser, its tables, and the machines that come of the maps in maps/ beside what Linux made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <machine.h>
#include <map.h>

static struct map map;
static struct diag diag;

static int parse(const char *text)
{
	return map_parse(&map, "t", text, strlen(text), MAP_SOURCE_AUTO, &diag);
}

static void done(void)
{
	map_free(&map);
	diag_free(&diag);
}

/* @text must be refused with exactly one message, which holds @message. */
static void refused(const char *text, const char *message)
{
	assert_int_equal(parse(text), CLI_INPUT);
	assert_int_equal(diag.nr_errors, 1);
	if (strstr(diag.text.s, message) == NULL)
		fail_msg("got \"%s\" instead of \"%s\"", diag.text.s, message);
	done();
}

static void entry(const struct map_table *t, size_t i, uint64_t start, uint64_t end, uint32_t type)
{
	assert_true(i < t->nr);
	assert_int_equal(t->r[i].start, start);
	assert_int_equal(t->r[i].end, end);
	assert_int_equal(t->r[i].type, type);
}

#define E820 "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\n"

static void test_e820_new(void **state)
{
	const struct map_table *t = &map.by_source[MAP_SOURCE_E820];

	(void)state;
	assert_int_equal(
		parse("BIOS-e820: [mem 0x0-0x9fbff] usable\n"
		      "[    0.000000] BIOS-e820: [mem 0xa0000-0xfffff] reserved\n"
		      "<6>[    0.000000] BIOS-e820: [mem 0x100000-0x1fffff] ACPI data\r\n"
		      "kern  :info  : [    0.000000] BIOS-e820: [mem 0x200000-0x2fffff] ACPI NVS\n"
		      "kern.info: BIOS-e820: [mem 0x300000-0x3fffff] unusable\n"
		      "   BIOS-e820: [mem 0x400000-0x4fffff] persistent (type 12)\n"
		      "Nov 23 19:08:01 host kernel: BIOS-e820: [mem 0x500000-0x5fffff] type 20\n"
		      "[    0.000000][    T0] BIOS-e820: [mem 0x600000-0x6fffff] soft reserved\n"
		      "BIOS-e820: [mem 0x700000-0xffffffffffffffff] persistent (type 7)"),
		CLI_OK);
	assert_int_equal(t->nr, 9);
	entry(t, 0, 0, 0x9fc00, MAP_RAM);
	entry(t, 1, 0xa0000, 0x100000, MAP_RESERVED);
	entry(t, 2, 0x100000, 0x200000, MAP_ACPI);
	entry(t, 3, 0x200000, 0x300000, MAP_NVS);
	entry(t, 4, 0x300000, 0x400000, MAP_UNUSABLE);
	entry(t, 5, 0x400000, 0x500000, MAP_PRAM);
	entry(t, 6, 0x500000, 0x600000, 20);
	entry(t, 7, 0x600000, 0x700000, MAP_SOFT_RESERVED);
	entry(t, 8, 0x700000, UINT64_MAX, MAP_PMEM);
	assert_int_equal(map.nr_lines, 9);
	assert_int_equal(t->r[8].line, 9);
	done();
}

static void test_e820_newest(void **state)
{
	const struct map_table *t = &map.by_source[MAP_SOURCE_E820];

	(void)state;
	assert_int_equal(
		parse("[    0.000000] BIOS-e820: [mem 0x0-0x9dfff]  System RAM\n"
		      "[    0.000000] BIOS-e820: [mem 0x9e000-0x9efff]  device reserved\n"
		      "[    0.000000] BIOS-e820: [gap 0x000000000009f000-0x00000000000fffff]\n"
		      "kern  :info  : [Fri Apr  7 00:04:12 2023] BIOS-e820: [mem "
		      "0x100000-0x1fffff] usable\n"
		      "Xen: [mem 0x200000-0x2fffff] usable\n"
		      "Xen: 4 bit\n"
		      "[    0.000000] e820: update [mem 0x0-0xfff] System RAM ==> device "
		      "reserved\n"),
		CLI_OK);
	assert_int_equal(t->nr, 4);
	entry(t, 0, 0, 0x9e000, MAP_RAM);
	entry(t, 1, 0x9e000, 0x9f000, MAP_RESERVED);
	entry(t, 2, 0x100000, 0x200000, MAP_RAM);
	entry(t, 3, 0x200000, 0x300000, MAP_RAM);
	assert_int_equal(map.nr_updates, 1);
	assert_int_equal(map.nr_ignored, 1);
	done();
}

static void test_e820_old(void **state)
{
	const struct map_table *t = &map.by_source[MAP_SOURCE_E820];

	(void)state;
	assert_int_equal(parse(" BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)\n"
			       " BIOS-e820: 000000000009fc00 - 00000000000a0000 (reserved)\n"
			       " BIOS-e820: 0000000000100000 - 0000000000200000 type 9\n"),
			 CLI_OK);
	entry(t, 0, 0, 0x9fc00, MAP_RAM);
	entry(t, 1, 0x9fc00, 0xa0000, MAP_RESERVED);
	entry(t, 2, 0x100000, 0x200000, 9);
	done();
}

static void test_efi(void **state)
{
	const struct map_table *t = &map.by_source[MAP_SOURCE_EFI];

	(void)state;
	assert_int_equal(
		parse("efi: mem00: type=7, attr=0xf, range=[0x0-0x1000) (0MB)\n"
		      "efi: mem01: type=6, attr=0x800000000000000f, range=[0x1000-0x2000) (0MB)\n"
		      "efi: mem02: type=4, attr=0x1, range=[0x2000-0x3000) (0MB)\n"
		      "efi: mem03: [Conventional|   |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] "
		      "range=[0x3000-0x3fff] (0MB)\n"
		      "efi: mem04: [Conventional Memory|   |  |  |  |WB|WT|WC|UC] "
		      "range=[0x4000-0x5000) (0MB)\n"
		      "efi: mem05: [Conventional|   |  |  |SP|WB|WT|WC|UC] range=[0x5000-0x5fff] "
		      "(0MB)\n"
		      "efi: mem06: [ACPI Memory NVS|  |WB] range=[0x6000-0x6fff] (0MB)\n"
		      "efi: mem07: [type=42|attr=0x8] range=[0x7000-0x7fff] (0MB)\n"
		      "EFI: mem08: type=9, attr=0xf, range=[0x8000-0x9000) (0MB)\n"
		      "efi: mem09: [Persistent|  |NV|WB] range=[0x9000-0x9fff] (0MB)\n"
		      "efi: memattr: not a range\n"),
		CLI_OK);
	assert_int_equal(map.source, MAP_SOURCE_EFI);
	assert_int_equal(t->nr, 10);
	entry(t, 0, 0, 0x1000, MAP_RAM);
	entry(t, 1, 0x1000, 0x2000, MAP_RESERVED);
	entry(t, 2, 0x2000, 0x3000, MAP_RESERVED); /* not write-back */
	entry(t, 3, 0x3000, 0x4000, MAP_RAM);
	entry(t, 4, 0x4000, 0x5000, MAP_RAM);
	entry(t, 5, 0x5000, 0x6000, MAP_SOFT_RESERVED);
	entry(t, 6, 0x6000, 0x7000, MAP_NVS);
	entry(t, 7, 0x7000, 0x8000, MAP_RESERVED);
	entry(t, 8, 0x8000, 0x9000, MAP_ACPI);
	entry(t, 9, 0x9000, 0xa000, MAP_PMEM);
	assert_int_equal(map.nr_ignored, 1);
	done();
}

static void test_iomem(void **state)
{
	const struct map_table *t = &map.by_source[MAP_SOURCE_IOMEM];

	(void)state;
	assert_int_equal(parse("00000000-00000fff : Reserved\n"
			       "00001000-0009fbff : System RAM\n"
			       "00100000-bfffffff : System RAM\n"
			       "  01000000-022764ff : Kernel code\n"
			       "  03b32000-03c55fff : Kernel bss\n"
			       "  10000000-1fffffff : Crash kernel\n"
			       "  20000000-2000ffff : reserved\n"
			       "c0001000-eebfffff : PCI Bus 0000:00\n"
			       "  fec00000-fec003ff : IOAPIC 0\n"
			       "100000000-63fffffff : Persistent Memory\n"
			       "  100000000-1ffffffff : namespace0.0\n"),
			 CLI_OK);
	assert_int_equal(t->nr, 4);
	entry(t, 0, 0, 0x1000, MAP_RESERVED);
	entry(t, 2, 0x100000, 0xc0000000, MAP_RAM);
	entry(t, 3, 0x100000000, 0x640000000, MAP_PMEM);
	assert_int_equal(map.reserve.nr, 4);
	entry(&map.reserve, 0, 0x1000000, 0x2276500, MAP_RESERVE_KERNEL);
	entry(&map.reserve, 2, 0x10000000, 0x20000000, MAP_RESERVE_CRASH);
	entry(&map.reserve, 3, 0x20000000, 0x20010000, MAP_RESERVE_OTHER);
	assert_int_equal(map.nr_ignored, 0);
	done();
}

static void test_srat(void **state)
{
	(void)state;
	assert_int_equal(
		parse(E820 "ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x7fffffff]\n"
			   "SRAT: Node 1 PXM 7 [mem 0x80000000-0xffffffff] hotplug\n"
			   "ACPI: SRAT: Node 2 PXM 2 [mem 0x100000000-0x1ffffffff] non-volatile\n"
			   "SRAT: Node 3 PXM 3 200000000-280000000\n"
			   "SRAT: PXM 0 -> APIC 0x00 -> Node 0\n"
			   "SRAT: PXM 1 -> APIC 0x01 -> Node 3\n"
			   "ACPI: SRAT 0x000000005FFE1BDF 000110 (v01 BOCHS)\n"),
		CLI_OK);
	assert_int_equal(map.nr_srat, 4);
	assert_int_equal(map.srat[0].end, 0x80000000);
	assert_int_equal(map.srat[1].nid, 1);
	assert_true(map.srat[1].hotplug && !map.srat[1].nonvolatile);
	assert_true(map.srat[2].nonvolatile);
	assert_int_equal(map.srat[3].start, 0x200000000);
	assert_int_equal(map.srat[3].end, 0x280000000);
	assert_int_equal(map.nr_cpu_nodes, 2);
	assert_int_equal(map.cpu_node[1], 3);
	assert_int_equal(map.nr_ignored, 1);
	done();
}

static void test_log(void **state)
{
	(void)state;
	assert_int_equal(
		parse(E820 "Command line: console=ttyS0 mem=1G\n"
			   "RAMDISK: [mem 0x120000-0x12ffff]\n"
			   "RAMDISK: 00140000 - 00150000\n"
			   "memblock_add: [0x100000-0x1fffff] e820__memblock_setup+0x65/0x7d\n"
			   "memblock_reserve: [0x100000-0x10ffff] setup_arch+0x797/0xd4f\n"
			   " reserved[0x0]\t[0x100000-0x110fff], 0x11000 bytes flags: 0x0\n"
			   "   memblock_free: [0x108000-0x108fff] f\n"
			   "memblock_phys_free: [0x109000-0x109fff] f\n"
			   "memblock_remove: [0x1f0000-0x1fffff] f\n"
			   "memblock_reserve: [0x0-0xffffffffffffffff] huge\n"
			   "memblock_reserve: [0x2000-0x1fff] empty\n"
			   "e820: update [mem 0x0-0xfff] usable ==> reserved\n"
			   "e820: remove [mem 0xa0000-0xfffff] usable\n"
			   "setup_percpu: NR_CPUS:64 nr_cpumask_bits:4 nr_cpu_ids:8 nr_node_ids:2\n"
			   "smp: Brought up 2 nodes, 4 CPUs\n"),
		CLI_OK);
	assert_string_equal(map.cmdline, "console=ttyS0 mem=1G");
	assert_int_equal(map.reserve.nr, 2);
	entry(&map.reserve, 1, 0x140000, 0x150000, MAP_RESERVE_RAMDISK);
	assert_int_equal(map.nr_ops, 7);
	assert_int_equal(map.ops[1].kind, MAP_OP_RESERVE);
	assert_int_equal(map.ops[2].end, 0x111000);
	assert_int_equal(map.ops[4].kind, MAP_OP_FREE);
	assert_int_equal(map.ops[5].kind, MAP_OP_REMOVE);
	assert_true(map.has_dump);
	assert_int_equal(map.nr_updates, 2);
	assert_int_equal(map.updates[0].to, MAP_RESERVED);
	assert_int_equal(map.updates[1].to, 0);
	assert_int_equal(map.logged_cpus, 4);
	assert_int_equal(diag.nr_warnings, 1);
	done();
}

static void test_expected(void **state)
{
	(void)state;
	assert_int_equal(
		parse(E820
		      "Zone ranges:\n"
		      "  DMA      [mem 0x0000000000001000-0x0000000000ffffff]\n"
		      "  DMA32    [mem 0x0000000001000000-0x00000000ffffffff]\n"
		      "  Normal   empty\n"
		      "Movable zone start for each node\n"
		      "Early memory node ranges\n"
		      "  node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
		      "  node   1: [mem 0x0000000000100000-0x00000000bfffffff]\n"
		      "On node 1 totalpages: 16777216\n"
		      "Memory: 338676K/1572332K available (14343K kernel code, 92828K reserved, 0K "
		      "x)\n"
		      "Freeing initrd memory: 1660K\n"
		      "Freeing unused kernel image (initmem) memory: 2824K\n"
		      "zone: node=1 name=DMA32 min=1 low=2 high=3 spanned=4 present=5 managed=6 "
		      "start_pfn=7\n"),
		CLI_OK);
	assert_int_equal(map.expected.nr_zone_ranges, 2);
	assert_int_equal(map.expected.zone_range[1].type, QUARRY_ZONE_DMA32);
	assert_int_equal(map.expected.zone_range[1].end, 0x100000000);
	assert_int_equal(map.expected.node_ranges.nr, 2);
	entry(&map.expected.node_ranges, 1, 0x100000, 0xc0000000, 1);
	assert_int_equal(map.expected.totalpages[1], 16777216);
	assert_int_equal(map.expected.totalpages[0], UINT64_MAX);
	assert_int_equal(map.expected.total_kb, 1572332);
	assert_int_equal(map.expected.reserved_kb, 92828);
	assert_int_equal(map.expected.freed_kb, 1660 + 2824);
	assert_int_equal(map.expected.nr_zones, 1);
	assert_string_equal(map.expected.zones[0].name, "DMA32");
	assert_int_equal(map.expected.zones[0].managed, 6);
	done();
}

static void test_source(void **state)
{
	static const char all[] = E820 "efi: mem00: type=7, attr=0xf, range=[0x0-0x1000) (0MB)\n"
				       "iomem: 00001000-0009fbff : System RAM\n";
	static const enum map_source wish[] = {MAP_SOURCE_AUTO, MAP_SOURCE_E820, MAP_SOURCE_EFI,
					       MAP_SOURCE_IOMEM};
	static const enum map_source got[] = {MAP_SOURCE_E820, MAP_SOURCE_E820, MAP_SOURCE_EFI,
					      MAP_SOURCE_IOMEM};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(map_parse(&map, "t", all, strlen(all), wish[i], &diag), CLI_OK);
		assert_int_equal(map.source, got[i]);
		assert_int_equal(map_source_by_name(map_source_name(wish[i])), wish[i]);
		done();
	}
	assert_int_equal(map_parse(&map, "t", E820, strlen(E820), MAP_SOURCE_EFI, &diag),
			 CLI_INPUT);
	assert_non_null(strstr(diag.text.s, "no efi lines"));
	assert_int_equal(map_source_by_name("acpi"), MAP_NR_SOURCES);
	done();
}

static void test_errors(void **state)
{
	(void)state;
	refused("hello\nworld\n", "t:2: the file ends without a memory map, expected");
	refused("", "without a memory map");
	refused(E820 "BIOS-e820: [mem 0x00", "t:2: the line ends too early, expected [mem 0xSTART");
	refused("BIOS-e820: [mem 0x0-0xfff] good\n", "t:1: found \"good\", expected a type");
	refused("BIOS-e820: [mem 0x0-0xfff] usable or not\n", "expected the end of the line");
	refused("BIOS-e820: [mem 0x1000-0xfff] usable\n", "t:1: the range 0x1000-0xfff is empty");
	refused("BIOS-e820: 1000 - 1000 (usable)\n", "is empty or inverted");
	refused("BIOS-e820: 1000 - 2000 (usable\n", "expected \")\"");
	refused("BIOS-e820: [mem 0x0-0x10000000000000000] usable\n", "expected [mem 0xSTART");
	refused("BIOS-e820: hello\n", "found \"hello\", expected [mem");
	refused("efi: mem00: type=7, attr=0xf, range=[0x0-0x1000 (0MB)\n", "expected range=[");
	refused("efi: mem00: type=7, range=[0x0-0x1000)\n", "expected type=N, attr=");
	refused("efi: mem00: [Nonsense|WB] range=[0x0-0x1000)\n", "expected [EFI TYPE");
	refused("efi: mem00: type=7, attr=0xf, range=[0x1000-0x1000) (0MB)\n", "is empty");
	refused("00100000-bfff\n", "expected \" : NAME\"");
	refused("00100000-000fffff : System RAM\n", "is empty or inverted");
	refused("00000000-00000000 : System RAM\n", "hidden");
	refused("iomem: 1000-\n", "expected START-END : NAME");
	refused(E820 "SRAT: Node x\n", "expected Node N PXM P");
	refused(E820 "SRAT: Node 0 PXM 0 [mem 0x0-\n", "expected [mem 0xSTART-0xEND]");
	refused(E820 "SRAT: PXM 0 -> APIC 0 -> Node x\n", "expected a node number");
	refused(E820 "RAMDISK: nowhere\n", "expected [mem");
	refused(E820 "memblock_reserve: [0x0\n", "expected [0xSTART-0xEND]");
	refused(E820 "e820: update [mem 0x0-0xfff] usable\n", "expected TYPE ==> TYPE");
	refused(E820 "zone: node=0 name=DMA\n", "expected node= name=");
	refused("BIOS-e820: [mem \x01\x02\n", "found \"??\"");
}

static void test_binary(void **state)
{
	static const char elf[] = "\x7f"
				  "ELF\x02\x01\x01\0\0\0";
	size_t len = 200000;
	char *big = malloc(len);

	(void)state;
	assert_int_equal(map_parse(&map, "t", elf, sizeof(elf), MAP_SOURCE_AUTO, &diag), CLI_INPUT);
	assert_non_null(strstr(diag.text.s, "t:1: a zero byte at column 8"));
	done();
	assert_non_null(big);
	memset(big, 'x', len);
	assert_int_equal(map_parse(&map, "t", big, len, MAP_SOURCE_AUTO, &diag), CLI_INPUT);
	assert_non_null(strstr(diag.text.s, "t:1: the line is longer than 65536 bytes"));
	done();
	/* Exactly the longest line is fine, and is no map. */
	big[65536] = '\n';
	assert_int_equal(map_parse(&map, "t", big, 65537, MAP_SOURCE_AUTO, &diag), CLI_INPUT);
	assert_non_null(strstr(diag.text.s, "t:1: the file ends"));
	done();
	free(big);
}

static void test_too_many(void **state)
{
	struct strbuf text = {0};
	int i;

	(void)state;
	for (i = 0; i <= MAP_MAX_RANGES; i++)
		strbuf_addf(&text, "BIOS-e820: [mem 0x%x000-0x%xfff] usable\n", i, i);
	assert_int_equal(parse(text.s), CLI_INPUT);
	assert_non_null(strstr(diag.text.s, "t:100001: more than 100000 ranges"));
	done();
	strbuf_free(&text);
}

static void test_load_errors(void **state)
{
	(void)state;
	assert_int_equal(map_load(&map, "/nonexistent/map", MAP_SOURCE_AUTO, &diag), CLI_INPUT);
	assert_string_equal(diag.text.s,
			    "/nonexistent/map: cannot open: No such file or directory\n");
	done();
	assert_int_equal(map_load(&map, "/", MAP_SOURCE_AUTO, &diag), CLI_INPUT);
	assert_string_equal(diag.text.s, "/: cannot read: Is a directory\n");
	done();
	assert_int_equal(map_load(&map, "/dev/null", MAP_SOURCE_AUTO, &diag), CLI_INPUT);
	assert_non_null(strstr(diag.text.s, "/dev/null: empty"));
	done();
	assert_int_equal(map_load(&map, "/dev/zero", MAP_SOURCE_AUTO, &diag), CLI_INPUT);
	assert_non_null(strstr(diag.text.s, "/dev/zero: larger than 64 MiB"));
	done();
}

/* ---- tables ---- */

/* What the rule says of one address: the largest type of those that cover it, 0 if none. */
static uint32_t type_at(const struct map_range *r, size_t n, uint64_t at)
{
	uint32_t best = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (r[i].start <= at && at < r[i].end && r[i].type > best)
			best = r[i].type;
	return best;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void check_sorted(const struct map_table *t)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		assert_true(t->r[i].start < t->r[i].end);
	for (i = 1; i < t->nr; i++) {
		assert_true(t->r[i - 1].end <= t->r[i].start);
		assert_true(t->r[i - 1].end < t->r[i].start || t->r[i - 1].type != t->r[i].type);
	}
}

static void test_update_random(void **state)
{
	uint32_t seed = 1;
	int round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		struct map_table t = {0}, was;
		uint32_t n = next_random(&seed) % 12, i;
		uint64_t at;

		for (i = 0; i < n; i++) {
			uint32_t start = next_random(&seed) % 40;

			map_table_add(&t, start, start + next_random(&seed) % 12,
				      1 + next_random(&seed) % 5, i + 1);
		}
		map_table_copy(&was, &t);
		map_table_update(&t, "t", NULL);
		check_sorted(&t);
		for (at = 0; at < 60; at++)
			if (type_at(t.r, t.nr, at) != type_at(was.r, was.nr, at))
				fail_msg("round %d: another type at %d", round, (int)at);
		map_table_free(&t);
		map_table_free(&was);
	}
}

static void test_change_random(void **state)
{
	uint32_t seed = 2;
	int round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		struct map_table t = {0}, was;
		uint32_t n = next_random(&seed) % 8, i, from, to;
		uint64_t at, lo, hi, changed, counted = 0;

		for (i = 0; i < n; i++)
			map_table_add(&t, i * 8 + next_random(&seed) % 4,
				      i * 8 + 4 + next_random(&seed) % 4,
				      1 + next_random(&seed) % 3, 0);
		map_table_copy(&was, &t);
		lo = next_random(&seed) % 64;
		hi = lo + next_random(&seed) % 30;
		from = next_random(&seed) % 4;
		to = next_random(&seed) % 4;
		changed = map_table_change(&t, lo, hi, from, to);
		for (at = 0; at < 100; at++) {
			uint32_t before = type_at(was.r, was.nr, at), want = before;

			if (at >= lo && at < hi && before != 0 && (from == 0 || before == from)) {
				want = to;
				counted++;
			}
			assert_int_equal(type_at(t.r, t.nr, at), want);
		}
		assert_int_equal(changed, counted);
		map_table_free(&t);
		map_table_free(&was);
	}
}

static void test_update_warns(void **state)
{
	struct map_table *t = &map.by_source[MAP_SOURCE_E820];

	(void)state;
	assert_int_equal(parse("BIOS-e820: [mem 0x100000-0x1fffff] usable\n"
			       "BIOS-e820: [mem 0x0-0x9ffff] usable\n"
			       "BIOS-e820: [mem 0x180000-0x27ffff] reserved\n"),
			 CLI_OK);
	map_table_update(t, "t", &diag);
	assert_int_equal(diag.nr_warnings, 2);
	assert_non_null(strstr(diag.text.s,
			       "t:2: warning: [mem 0x0000000000000000-0x000000000009ffff] "
			       "lies below the line before; sorted"));
	assert_non_null(strstr(diag.text.s,
			       "t:3: warning: [mem 0x0000000000180000-0x000000000027ffff] "
			       "overlaps the range of line 1; reserved wins"));
	entry(t, 1, 0x100000, 0x180000, MAP_RAM);
	entry(t, 2, 0x180000, 0x280000, MAP_RESERVED);
	done();
}

/* A big table in the worst order takes no quadratic time. */
static void test_update_big(void **state)
{
	struct map_table t = {0};
	uint64_t i, n = 100000;

	(void)state;
	for (i = 0; i < n; i++)
		map_table_add(&t, i, 2 * n - i, (uint32_t)(i % 7 + 1), 0);
	map_table_update(&t, "t", NULL);
	check_sorted(&t);
	map_table_free(&t);
}

/* ---- machines ---- */

static const char *map_path(const char *name)
{
	static char path[256];
	const char *dir = getenv("QUARRY_MAPS");

	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : "maps", name);
	return path;
}

static void make(struct machine *m, const char *name, bool bootmem, const char *cmdline)
{
	struct machine_options o = {
		.map_path = map_path(name), .bootmem = bootmem, .cmdline = cmdline, .quiet = true};

	assert_int_equal(machine_create(&o, m), CLI_OK);
}

static void check_zone_ranges(struct machine *m)
{
	const struct map_expected *e = &m->map.expected;
	uint64_t start, end;
	size_t i;

	for (i = 0; i < e->nr_zone_ranges; i++) {
		assert_true(machine_zone_range(m, (enum quarry_zone_type)e->zone_range[i].type,
					       &start, &end));
		assert_int_equal(start, e->zone_range[i].start);
		assert_int_equal(end, e->zone_range[i].end);
	}
}

static void check_node_ranges(struct machine *m)
{
	const struct map_table *e = &m->map.expected.node_ranges;
	const struct memblock_type *t = &quarry_memblock(m->q)->memory;
	size_t i;

	if (e->nr == 0)
		return;
	assert_int_equal(t->cnt, e->nr);
	for (i = 0; i < e->nr; i++) {
		assert_int_equal(t->regions[i].base, e->r[i].start);
		assert_int_equal(t->regions[i].base + t->regions[i].size, e->r[i].end);
		assert_int_equal(t->regions[i].nid, e->r[i].type);
	}
}

static void check_totalpages(struct machine *m)
{
	int nid, zone;

	for (nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		unsigned long present = 0;
		struct quarry_zone_info info;

		if (m->map.expected.totalpages[nid] == UINT64_MAX)
			continue;
		for (zone = 0; zone < QUARRY_NR_ZONES; zone++)
			if (quarry_zone_info(m->q, nid, (enum quarry_zone_type)zone, &info))
				present += info.present;
		assert_int_equal(present, m->map.expected.totalpages[nid]);
	}
}

/* Linux prints its zones after it freed the RAM disk and its own start-up code. */
static void check_zones(struct machine *m)
{
	const struct map_expected *e = &m->map.expected;
	uint64_t managed = 0, linux_managed = 0;
	struct quarry_zone_info info;
	struct quarry_totals t;
	size_t i;
	int zone;

	for (i = 0; i < e->nr_zones; i++) {
		const struct map_expect_zone *z = &e->zones[i];

		for (zone = 0; strcmp(quarry_zone_name((enum quarry_zone_type)zone), z->name) != 0;)
			zone++;
		assert_true(quarry_zone_info(m->q, z->nid, (enum quarry_zone_type)zone, &info));
		assert_int_equal(info.start_pfn, z->start_pfn);
		assert_int_equal(info.spanned, z->spanned);
		assert_int_equal(info.present, z->present);
		managed += info.managed;
		linux_managed += z->managed;
	}
	if (e->reserved_kb == UINT64_MAX)
		return;
	quarry_totals(m->q, &t);
	assert_int_equal(t.present, e->total_kb / 4);
	assert_int_equal(t.managed - m->released / QUARRY_PAGE_SIZE,
			 (e->total_kb - e->reserved_kb) / 4);
	assert_int_equal(managed + e->freed_kb / 4 - m->released / QUARRY_PAGE_SIZE, linux_managed);
}

static void compare_machines(struct machine *a, struct machine *b)
{
	struct quarry_zone_info x, y;
	int nid, zone;

	for (nid = 0; nid < a->nr_nodes; nid++)
		for (zone = 0; zone < QUARRY_NR_ZONES; zone++) {
			bool has = quarry_zone_info(a->q, nid, (enum quarry_zone_type)zone, &x);

			assert_int_equal(
				has, quarry_zone_info(b->q, nid, (enum quarry_zone_type)zone, &y));
			assert_int_equal(x.start_pfn, y.start_pfn);
			assert_int_equal(x.managed, y.managed);
			assert_memory_equal(x.nr_free, y.nr_free, sizeof(x.nr_free));
			assert_memory_equal(x.wmark, y.wmark, sizeof(x.wmark));
			assert_memory_equal(x.lowmem_reserve, y.lowmem_reserve,
					    sizeof(x.lowmem_reserve));
		}
}

/* The maps whose expected lines are Linux's words for the same rules as ours. */
static void test_machines_as_linux(void **state)
{
	static const char *const names[] = {
		"qemu-512m-1node.boot.txt",  "qemu-1g-1node.boot.txt",
		"qemu-1536m-2node.boot.txt", "server-2s-xeon-128g-pmem.txt",
		"server-epyc-8node-1t.txt",  "vm-24g-2cpu.txt",
		"laptop-8g-efi.txt"};
	struct machine m, b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		make(&m, names[i], false, NULL);
		check_zone_ranges(&m);
		check_node_ranges(&m);
		check_totalpages(&m);
		check_zones(&m);
		make(&b, names[i], true, NULL);
		check_zones(&b);
		compare_machines(&m, &b);
		machine_destroy(&m);
		machine_destroy(&b);
	}
}

/* M14: what tables take of each map's machine at boot, with its CPUs and with one for each 8 MiB. */
static void test_machine_tables(void **state)
{
	static const char *const names[] = {
		"arm64-hikey-1g.dts",        "arm64-phone-sdm845.dts",
		"laptop-8g-efi.txt",         "arm64-qemu-virt-2node-3g.dts",
		"qemu-1536m-2node.boot.txt", "qemu-1g-1node.boot.txt",
		"qemu-512m-1node.boot.txt",  "riscv64-icicle-2g.dts",
		"server-16s-12t.txt",        "riscv64-qemu-virt-2node-2g.dts",
		"riscv64-unmatched-16g.dts", "server-2s-xeon-128g-pmem.txt",
		"server-epyc-8node-1t.txt",  "vm-24g-2cpu.txt"};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
		struct machine_options o = {.map_path = map_path(names[i / 2]), .quiet = true};
		struct quarry_totals t;
		struct machine m;

		assert_int_equal(machine_create(&o, &m), CLI_OK);
		if (i % 2 != 0) {
			o.nr_cpus = (unsigned int)(m.ram_bytes >> 23);
			o.nr_cpus = o.nr_cpus < QUARRY_MAX_CPUS ? o.nr_cpus : QUARRY_MAX_CPUS;
			machine_destroy(&m);
			assert_int_equal(machine_create(&o, &m), CLI_OK);
		}
		quarry_totals(m.q, &t);
		if (t.meta_bytes > m.ram_bytes / 10000)
			fail_msg("%s, %u CPUs: %zu bytes", names[i / 2], m.nr_cpus, t.meta_bytes);
		machine_destroy(&m);
	}
}

static void test_machine_big(void **state)
{
	struct machine m;
	struct quarry_totals t;

	(void)state;
	make(&m, "server-16s-12t.txt", false, NULL);
	quarry_totals(m.q, &t);
	assert_int_equal(t.nr_nodes, 16);
	assert_int_equal(m.nr_cpus, 16);
	assert_true(t.meta_bytes < (size_t)1 << 30);
	machine_destroy(&m);
}

/* e820 and EFI of one machine tell of the same RAM. */
static void test_machine_efi(void **state)
{
	struct machine_options o = {.map_path = map_path("laptop-8g-efi.txt"), .quiet = true};
	struct machine a, b;

	(void)state;
	assert_int_equal(machine_create(&o, &a), CLI_OK);
	o.map_source = MAP_SOURCE_EFI;
	assert_int_equal(machine_create(&o, &b), CLI_OK);
	assert_int_equal(a.ram_bytes, b.ram_bytes);
	compare_machines(&a, &b);
	machine_destroy(&a);
	machine_destroy(&b);
}

static void test_machine_numa(void **state)
{
	struct machine m;
	int nid;

	(void)state;
	make(&m, "qemu-1536m-2node.boot.txt", false, "numa=off");
	assert_int_equal(m.nr_nodes, 1);
	assert_null(m.cpu_node);
	machine_destroy(&m);
	make(&m, "vm-24g-2cpu.txt", false, "numa=fake=5");
	assert_int_equal(m.nr_nodes, 5);
	for (nid = 0; nid < 5; nid++)
		assert_true(quarry_node_present(m.q, nid));
	machine_destroy(&m);
	make(&m, "pc-pentium-128m.txt", true, "numa=fake=64");
	assert_int_equal(m.nr_nodes, 1);
	machine_destroy(&m);
	make(&m, "qemu-1536m-2node.boot.txt", false, NULL);
	assert_int_equal(m.nr_cpus, 4);
	assert_int_equal(m.cpu_node[1], 0);
	assert_int_equal(m.cpu_node[2], 1);
	machine_destroy(&m);
}

/* Boot @text and return what create says; the machine is left in @m if CLI_OK. */
static int boot_text(struct machine *m, const char *text, const char *cmdline)
{
	struct machine_options o = {.map_path = "t",
				    .map_text = text,
				    .map_len = strlen(text),
				    .cmdline = cmdline,
				    .diag = &diag};
	int status = machine_create(&o, m);

	assert_int_equal(status == CLI_OK, diag.nr_errors == 0);
	diag_free(&diag);
	return status;
}

static void test_machine_srat_holes(void **state)
{
	struct machine m;

	(void)state;
	/* Memory below, between and above what SRAT covers, less than 1 MiB of it. */
	assert_int_equal(boot_text(&m,
				   "BIOS-e820: [mem 0x100000-0xfffffff] usable\n"
				   "SRAT: Node 3 PXM 3 [mem 0x110000-0x7fcffff]\n"
				   "SRAT: Node 1 PXM 1 [mem 0x8000000-0xffaffff]\n",
				   NULL),
			 CLI_OK);
	assert_int_equal(m.nr_ram, 2);
	assert_int_equal(m.ram[0].nid, 3);
	assert_int_equal(m.ram[0].end, 0x8000000);
	assert_int_equal(m.ram[1].nid, 1);
	assert_int_equal(m.ram[1].end, 0x10000000);
	machine_destroy(&m);
	/* 1 MiB: then SRAT is not believed. Between two pieces of one node nothing is lost. */
	assert_int_equal(boot_text(&m,
				   "BIOS-e820: [mem 0x100000-0xfffffff] usable\n"
				   "SRAT: Node 3 PXM 3 [mem 0x0-0x7efffff]\n"
				   "SRAT: Node 1 PXM 1 [mem 0x8000000-0xfffffff]\n",
				   NULL),
			 CLI_OK);
	assert_int_equal(m.nr_nodes, 1);
	assert_int_equal(m.nr_ram, 1);
	machine_destroy(&m);
	assert_int_equal(boot_text(&m,
				   "BIOS-e820: [mem 0x100000-0xfffffff] usable\n"
				   "SRAT: Node 1 PXM 1 [mem 0x0-0x1ffffff]\n"
				   "SRAT: Node 1 PXM 1 [mem 0x4000000-0x7ffffff]\n"
				   "SRAT: Node 0 PXM 0 [mem 0x8000000-0xfffffff]\n",
				   NULL),
			 CLI_OK);
	assert_int_equal(m.nr_ram, 2);
	assert_int_equal(m.ram[0].nid, 1);
	assert_int_equal(m.ram[0].end, 0x8000000);
	machine_destroy(&m);
	/* Two nodes that claim the same memory: none is believed. */
	assert_int_equal(boot_text(&m,
				   "BIOS-e820: [mem 0x100000-0xfffffff] usable\n"
				   "SRAT: Node 3 PXM 3 [mem 0x0-0x3ffffff]\n"
				   "SRAT: Node 1 PXM 1 [mem 0x3000000-0xfffffff]\n",
				   NULL),
			 CLI_OK);
	assert_int_equal(m.nr_nodes, 1);
	machine_destroy(&m);
}

/* What QEMU's pc has with 4 GiB, less what is beyond RAM. */
#define PC_4G                                                             \
	"BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n" \
	"BIOS-e820: [mem 0x0000000000100000-0x00000000bffdffff] usable\n" \
	"BIOS-e820: [mem 0x0000000100000000-0x000000013fffffff] usable\n"

static void ram(const struct machine *m, size_t i, uint64_t start, uint64_t end, int nid)
{
	assert_true(i < m->nr_ram);
	assert_int_equal(m->ram[i].start, start);
	assert_int_equal(m->ram[i].end, end);
	assert_int_equal(m->ram[i].nid, nid);
}

/* Borders, distances, order and CPUs of fake nodes as Linux 6.1 printed them for such machines. */
static void test_machine_fake(void **state)
{
	struct quarry_zone_info info;
	struct quarry_zoneref refs[16];
	struct machine m;

	(void)state;
	assert_int_equal(boot_text(&m, PC_4G "smp: Brought up 4 nodes, 2 CPUs\n", "numa=fake=4"),
			 CLI_OK);
	assert_int_equal(m.nr_ram, 5);
	ram(&m, 1, 0x100000, 0x40000000, 0);
	ram(&m, 2, 0x40000000, 0x80000000, 1);
	ram(&m, 3, 0x80000000, 0xbffe0000, 2);
	ram(&m, 4, 0x100000000, 0x140000000, 3);
	assert_int_equal(quarry_node_distance(m.q, 0, 3), 10);
	assert_int_equal(m.cpu_node[1], 1);
	assert_true(quarry_zone_info(m.q, 3, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.pcp_high,
			 info.wmark[QUARRY_WMARK_LOW] / 2); /* both CPUs are its own */
	assert_int_equal(quarry_zonelist(m.q, 2, false, refs, 16), 5);
	assert_int_equal(refs[1].nid, 3);
	machine_destroy(&m);
	/* Two real nodes, each in two: the third reaches over the hole to 4 GiB. */
	assert_int_equal(boot_text(&m,
				   PC_4G "SRAT: Node 0 PXM 0 [mem 0x0-0x3fffffff]\n"
					 "SRAT: Node 1 PXM 1 [mem 0x40000000-0x13fffffff]\n"
					 "SRAT: PXM 0 -> APIC 0x00 -> Node 0\n"
					 "SRAT: PXM 1 -> APIC 0x01 -> Node 1\n",
				   "numa=fake=2U"),
			 CLI_OK);
	ram(&m, 1, 0x100000, 0x20000000, 0);
	ram(&m, 2, 0x20000000, 0x40000000, 1);
	ram(&m, 3, 0x40000000, 0xbffe0000, 2);
	ram(&m, 4, 0x100000000, 0x140000000, 3);
	assert_int_equal(m.cpu_node[1], 2);
	assert_int_equal(quarry_node_distance(m.q, 0, 1), 10);
	assert_int_equal(quarry_node_distance(m.q, 1, 2), 20);
	assert_true(quarry_zone_info(m.q, 3, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.pcp_high, info.wmark[QUARRY_WMARK_LOW]);
	assert_int_equal(quarry_zonelist(m.q, 1, false, refs, 16), 5);
	assert_int_equal(refs[1].nid, 0);
	assert_int_equal(refs[3].nid, 3);
	machine_destroy(&m);
	/* Two of 32 MiB in the second real node, which are too few. */
	assert_int_equal(boot_text(&m,
				   PC_4G "SRAT: Node 0 PXM 0 [mem 0x0-0x3fffffff]\n"
					 "SRAT: Node 1 PXM 1 [mem 0x40000000-0x43ffffff]\n"
					 "SRAT: Node 2 PXM 2 [mem 0x44000000-0x13fffffff]\n",
				   "numa=fake=4U"),
			 CLI_OK);
	assert_int_equal(m.nr_nodes, 3);
	assert_false(m.fake);
	machine_destroy(&m);
	/* The lowest real node comes first, whatever its number; one without memory counts for nothing. */
	assert_int_equal(boot_text(&m,
				   PC_4G "SRAT: Node 2 PXM 2 [mem 0x0-0x3fffffff]\n"
					 "SRAT: Node 0 PXM 0 [mem 0x40000000-0x13fffffff]\n"
					 "SRAT: PXM 1 -> APIC 0x00 -> Node 1\n",
				   "numa=fake=2U"),
			 CLI_OK);
	assert_true(m.fake);
	ram(&m, 1, 0x100000, 0x20000000, 0);
	ram(&m, 2, 0x20000000, 0x40000000, 1);
	ram(&m, 3, 0x40000000, 0xbffe0000, 2);
	assert_int_equal(m.fake_node[1], 2);
	assert_int_equal(m.fake_node[2], 0);
	machine_destroy(&m);
	assert_int_equal(boot_text(&m,
				   PC_4G "SRAT: Node 0 PXM 0 [mem 0x0-0x3ffffff]\n"
					 "SRAT: Node 1 PXM 1 [mem 0x4000000-0x13fffffff]\n",
				   "numa=fake=4U"),
			 CLI_OK);
	assert_false(m.fake);
	machine_destroy(&m);
	/* By size; and more than there is room for. */
	assert_int_equal(boot_text(&m, PC_4G, "numa=fake=1536M"), CLI_OK);
	assert_int_equal(m.nr_nodes, 2);
	ram(&m, 1, 0x100000, 0x62000000, 0); /* a step more, for the hole below 1 MiB */
	machine_destroy(&m);
	assert_int_equal(boot_text(&m, PC_4G, "numa=fake=1M"), CLI_OK);
	assert_in_range(m.nr_nodes, 40, 64);
	machine_destroy(&m);
	assert_int_equal(boot_text(&m, PC_4G, "numa=fake=4U"), CLI_OK);
	assert_int_equal(m.nr_nodes, 4);
	ram(&m, 3, 0xa0000000, 0xbffe0000, 2);
	machine_destroy(&m);
	/* The hole leaves fewer than were asked for: none are made. */
	assert_int_equal(boot_text(&m, PC_4G, "numa=fake=64U"), CLI_OK);
	assert_int_equal(m.nr_nodes, 1);
	machine_destroy(&m);
	/* Distances, row by row: a node is 10 from itself, the last needs its comma. */
	assert_int_equal(boot_text(&m, PC_4G, "numa=fake=2:11,30,300,10"), CLI_OK);
	assert_int_equal(quarry_node_distance(m.q, 0, 0), 10);
	assert_int_equal(quarry_node_distance(m.q, 0, 1), 30);
	assert_int_equal(quarry_node_distance(m.q, 1, 0), 20);
	assert_int_equal(quarry_node_distance(m.q, 1, 1), 10);
	machine_destroy(&m);
	assert_int_equal(boot_text(&m, PC_4G, "numa=fake=2:10,30,31"), CLI_OK);
	assert_int_equal(quarry_node_distance(m.q, 0, 1), 30);
	assert_int_equal(quarry_node_distance(m.q, 1, 0), 10); /* both are in one real node */
	machine_destroy(&m);
	/* Only the real nodes are turned off. */
	assert_int_equal(boot_text(&m, PC_4G, "numa=fake=4 numa=off"), CLI_OK);
	assert_int_equal(m.nr_nodes, 4);
	machine_destroy(&m);
}

static void test_distances(void **state)
{
	struct machine m;

	(void)state;
	assert_int_equal(boot_text(&m,
				   E820 "SRAT: Node 0 PXM 0 [mem 0x0-0x17ffff]\n"
					"SRAT: Node 2 PXM 1 [mem 0x180000-0x1fffff]\n"
					"NUMA: Node 2 distance: 21 10\n"
					"NUMA: Node 0 distance: 10 17\n",
				   NULL),
			 CLI_OK);
	assert_int_equal(quarry_node_distance(m.q, 0, 2), 17);
	assert_int_equal(quarry_node_distance(m.q, 2, 0), 21);
	assert_int_equal(quarry_node_distance(m.q, 1, 0), 20);
	machine_destroy(&m);
	assert_int_equal(parse(E820 "node0/distance:10 20\n"
				    "/sys/devices/system/node/node1/distance:20 10\n"),
			 CLI_OK);
	assert_int_equal(map.nr_distance, 2);
	assert_int_equal(map.distance[1], 20);
	done();
	refused(E820 "node0/distance:10 20\n", "t:2: 2 distances, expected 1: one to each node");
	refused(E820 "node0/distance:10 20\nnode0/distance:10 20\n",
		"t:3: a second line of distances");
	refused(E820 "node0/distance:\n", "expected distances from 10 to 255");
	refused(E820 "node0/distance:9\n", "found \"9\", expected distances");
	refused(E820 "node0/distance:10 256\n", "expected distances from 10");
	refused(E820 "node0/distance:10x\n", "expected distances from 10");
}

/* CPUs and distances of nodes whose memory is not there. */
static void test_machine_memoryless(void **state)
{
	struct machine m;

	(void)state;
	assert_int_equal(boot_text(&m,
				   PC_4G "SRAT: Node 1 PXM 1 [mem 0x0-0x13fffffff]\n"
					 "SRAT: PXM 0 -> APIC 0x00 -> Node 0\n"
					 "SRAT: PXM 1 -> APIC 0x01 -> Node 1\n"
					 "SRAT: PXM 2 -> APIC 0x02 -> Node 2\n",
				   "min_free_kbytes=4096"),
			 CLI_OK);
	assert_int_equal(m.nr_cpus, 3);
	assert_int_equal(m.nr_nodes, 3);
	assert_int_equal(m.cpu_node[0], 0);
	assert_int_equal(m.cpu_node[2], 2);
	assert_false(quarry_node_present(m.q, 0));
	machine_destroy(&m);
}

static void test_machine_movable_node(void **state)
{
	static const char text[] = PC_4G "SRAT: Node 0 PXM 0 [mem 0x0-0x7fffffff]\n"
					 "SRAT: Node 1 PXM 1 [mem 0x80000000-0x13fffffff] hotplug\n"
					 "RAMDISK: [mem 0x1000000-0x1ffffff]\n";
	static const char used[] = PC_4G "SRAT: Node 0 PXM 0 [mem 0x0-0x13fffffff] hotplug\n";
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	assert_int_equal(boot_text(&m, text, "movable_node kernelcore=1G"), CLI_OK);
	assert_true(quarry_zone_info(m.q, 1, QUARRY_ZONE_MOVABLE, &info));
	assert_int_equal(info.start_pfn, 0x80000);
	assert_false(quarry_zone_info(m.q, 1, QUARRY_ZONE_NORMAL, &info));
	assert_false(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	machine_destroy(&m);
	assert_int_equal(boot_text(&m, text, NULL), CLI_OK);
	assert_false(quarry_zone_info(m.q, 1, QUARRY_ZONE_MOVABLE, &info));
	machine_destroy(&m);
	/* The first MiB is reserved, so its node holds the kernel and stays. */
	assert_int_equal(boot_text(&m, used, "movable_node"), CLI_OK);
	assert_false(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	machine_destroy(&m);
}

/* As Linux 6.1 placed it: "Reserving 128MB of memory at 880MB for crashkernel". */
static void test_machine_crash(void **state)
{
	static const char text[] = "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
				   "BIOS-e820: [mem 0x0000000000100000-0x000000003ffdffff] usable\n"
				   "RAMDISK: [mem 0x3fee4000-0x3ffdffff]\n";
	struct machine m;

	(void)state;
	assert_int_equal(boot_text(&m, text, "crashkernel=128M reserve_mem=1M:1M:log"), CLI_OK);
	assert_int_equal(m.nr_reservations, 2);
	assert_int_equal(m.reservations[0].start, 0x37000000);
	assert_int_equal(m.reservations[1].start, 0x3fd00000);
	assert_true(quarry_memblock_is_reserved(m.q, 0x37000000));
	machine_destroy(&m);
	assert_int_equal(boot_text(&m, text, "crashkernel=2G"), CLI_OK);
	assert_int_equal(m.nr_reservations, 0);
	machine_destroy(&m);
	assert_int_equal(boot_text(&m, PC_4G, "crashkernel=512M,high crashkernel=64M,low"), CLI_OK);
	assert_int_equal(m.nr_reservations, 2);
	assert_int_equal(m.reservations[0].start, 0xbb000000);
	assert_int_equal(m.reservations[1].start, 0x120000000);
	machine_destroy(&m);
}

/* Mirrored memory is marked; without any, that is said. */
static void test_machine_mirror(void **state)
{
	static const char text[] = "efi: mem00: [Conventional|MR|WB] range=[0x1000000-0x1ffffff]\n"
				   "efi: mem01: [Conventional|  |WB] range=[0x2000000-0x3ffffff]\n";
	struct machine_options o = {.map_path = "t",
				    .map_text = E820,
				    .map_len = strlen(E820),
				    .cmdline = "kernelcore=mirror",
				    .diag = &diag};
	struct machine m;

	(void)state;
	assert_int_equal(machine_create(&o, &m), CLI_OK);
	assert_non_null(strstr(diag.text.s, "the system has no mirror memory, all above 4 GiB"));
	machine_destroy(&m);
	diag_free(&diag);
	assert_int_equal(boot_text(&m, text, "kernelcore=mirror"), CLI_OK);
	assert_int_equal(quarry_memblock(m.q)->memory.cnt, 2);
	assert_int_equal(quarry_memblock(m.q)->memory.regions[0].flags, MEMBLOCK_MIRROR);
	machine_destroy(&m);
}

#define MIRROR_EFI(kind, range) "efi: mem00: [Conventional|" kind "|WB] range=[" range "]\n"

/* 2a, zone sizing: two nodes, borders at odd pages; node 1 begins with memory that is not mirrored. */
static const char mirror_text[] =
	"BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable\n"
	"BIOS-e820: [mem 0x0000000000100000-0x00000000bfffffff] usable\n"
	"BIOS-e820: [mem 0x0000000100000000-0x00000002ffffffff] usable\n"
	"SRAT: Node 0 PXM 0 [mem 0x0-0x1bfffffff]\n"
	"SRAT: Node 1 PXM 1 [mem 0x1c0000000-0x2ffffffff]\n" MIRROR_EFI("MR", "0x0-0x9ffff")
		MIRROR_EFI("MR", "0x100000-0x3fffffff") MIRROR_EFI("MR", "0x100000000-0x120804fff")
			MIRROR_EFI("MR", "0x160003000-0x160005fff")
				MIRROR_EFI("MR", "0x200000000-0x23fffffff");

static void mirror_said(void *ctx, const char *text, size_t len)
{
	strbuf_addf(ctx, "%.*s", (int)len, text);
}

/* Every page of the zone can be had and comes back, and none of a movable zone for the kernel. */
static void mirror_exhaust(struct machine *m)
{
	struct strbuf said = {0};
	struct quarry_out out = {.write = mirror_said, .ctx = &said};
	struct quarry_totals before, after;
	struct page *page;
	unsigned long kernel = 0;
	pfn_t *taken = xmalloc(sizeof(*taken) * (5 << 18));

	quarry_totals(m->q, &before);
	while ((page = quarry_alloc_pages(m->q, GFP_ATOMIC, 0)) != NULL) {
		pfn_t pfn = quarry_page_to_pfn(m->q, page);
		bool mirrored = pfn < 0xc0000 || pfn < 0x120805 ||
				(pfn >= 0x160003 && pfn < 0x160006) ||
				(pfn >= 0x200000 && pfn < 0x240000) ||
				/* up to where the movable zone's start is rounded */
				(pfn >= 0x120805 && pfn < 0x120c00);

		assert_true(mirrored);
		taken[kernel++] = pfn;
	}
	assert_true(kernel > 0x110000);
	while (kernel > 0)
		quarry_free_pages(m->q, quarry_pfn_to_page(m->q, taken[--kernel]), 0);
	free(taken);
	quarry_totals(m->q, &after);
	assert_int_equal(before.free + before.pcp, after.free + after.pcp);
	if (quarry_check_pages(m->q, &out) != 0)
		fail_msg("%s", said.s);
	strbuf_free(&said);
}

static void mirror_zones(struct machine *m)
{
	struct quarry_zone_info z;

	assert_true(quarry_zone_info(m->q, 0, QUARRY_ZONE_NORMAL, &z));
	assert_int_equal(z.start_pfn, 0x100000);
	assert_int_equal(z.spanned, 0xc0000);
	assert_int_equal(z.present, 0x20805 + 3 + (0x120c00 - 0x120805));
	assert_true(quarry_zone_info(m->q, 0, QUARRY_ZONE_MOVABLE, &z));
	assert_int_equal(z.start_pfn, 0x120c00);
	assert_int_equal(z.spanned, 0x1c0000 - 0x120c00);
	assert_int_equal(z.present, 0x1c0000 - 0x120c00 - 3);
	assert_int_equal(z.managed, z.present);
	assert_true(quarry_zone_info(m->q, 1, QUARRY_ZONE_MOVABLE, &z));
	assert_int_equal(z.start_pfn, 0x1c0000);
	assert_int_equal(z.present, 0x100000);
	assert_true(quarry_zone_info(m->q, 1, QUARRY_ZONE_NORMAL, &z));
	assert_int_equal(z.present, 0x40000);
	/* Below 4 GiB nothing is movable. */
	assert_true(quarry_zone_info(m->q, 0, QUARRY_ZONE_DMA32, &z));
	assert_int_equal(z.present, 0xc0000 - 0x1000);
}

/* kernelcore=mirror: what is not mirrored is movable, by memblock and by bootmem. */
static void test_machine_mirror_zones(void **state)
{
	for (int bootmem = 0; bootmem < 2; bootmem++) {
		struct machine_options o = {.map_path = "t",
					    .map_text = mirror_text,
					    .map_len = strlen(mirror_text),
					    .cmdline = "kernelcore=mirror movablecore=1G",
					    .bootmem = bootmem != 0,
					    .diag = &diag};
		struct machine m;

		(void)state;
		assert_int_equal(machine_create(&o, &m), CLI_OK);
		mirror_zones(&m);
		mirror_exhaust(&m);
		machine_destroy(&m);
		/* Not asked for: flags and zones as without. */
		o.cmdline = NULL;
		assert_int_equal(machine_create(&o, &m), CLI_OK);
		assert_false(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE,
					      &(struct quarry_zone_info){0}));
		machine_destroy(&m);
		diag_free(&diag);
	}
}

/* One zone of sysctl-1G as Linux 6.1 had it after the writes: tests/data/oracle/steps.tsv. */
static void sysctl_zone(struct machine *m, enum quarry_zone_type zone, unsigned long min,
			unsigned long low, unsigned long high, unsigned long pcp_high)
{
	struct quarry_zone_info z;

	assert_true(quarry_zone_info(m->q, 0, zone, &z));
	assert_int_equal(z.wmark[QUARRY_WMARK_MIN], min);
	assert_int_equal(z.wmark[QUARRY_WMARK_LOW], low);
	assert_int_equal(z.wmark[QUARRY_WMARK_HIGH], high);
	assert_int_equal(z.pcp_high, pcp_high);
}

/* sysctl.vm.NAME= is written when start-up code and the RAM disk are free again, as init does. */
static void test_machine_sysctl(void **state)
{
	struct strbuf text = {0};
	struct quarry_zone_info z;
	struct machine m;
	FILE *log = fopen("tests/data/oracle/sysctl-1G.map", "re");
	char line[1024];

	(void)state;
	assert_non_null(log);
	while (fgets(line, sizeof(line), log) != NULL)
		strbuf_addf(&text, "%s", line);
	fclose(log);
	strbuf_addf(&text, "Freeing initrd memory: 1008K\n"
			   "Freeing unused decrypted memory: 2036K\n"
			   "Freeing unused kernel image (initmem) memory: 2612K\n"
			   "Freeing unused kernel image (text/rodata gap) memory: 2040K\n"
			   "Freeing unused kernel image (rodata/data gap) memory: 1892K\n");
	assert_int_equal(boot_text(&m, text.s, "sysctl.vm.min_free_kbytes=20000"), CLI_OK);
	sysctl_zone(&m, QUARRY_ZONE_DMA, 77, 96, 115, 48);
	sysctl_zone(&m, QUARRY_ZONE_DMA32, 4922, 6152, 7382, 3076);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &z));
	/* Reserves are from boot: nobody has written, or read, their ratio since. */
	assert_int_equal(z.lowmem_reserve[QUARRY_ZONE_DMA32], 948);
	machine_destroy(&m);
	/* Each in its turn. */
	assert_int_equal(boot_text(&m, text.s,
				   "sysctl.vm.min_free_kbytes=20000 "
				   "\"sysctl.vm.lowmem_reserve_ratio=64 64 8 0\" "
				   "sysctl.vm.watermark_scale_factor=200 "
				   "sysctl.vm.percpu_pagelist_high_fraction=8"),
			 CLI_OK);
	sysctl_zone(&m, QUARRY_ZONE_DMA, 77, 153, 229, 240);
	sysctl_zone(&m, QUARRY_ZONE_DMA32, 4922, 9827, 14732, 15328);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &z));
	assert_int_equal(z.lowmem_reserve[QUARRY_ZONE_DMA32], 3832);
	machine_destroy(&m);
	assert_int_equal(boot_text(&m, text.s, "sysctl.vm.percpu_pagelist_high_fraction=3"),
			 CLI_INPUT);
	strbuf_free(&text);
}

/* memmap= in the form that changes types. */
static void test_machine_memmap(void **state)
{
	struct machine m;

	(void)state;
	assert_int_equal(boot_text(&m, PC_4G,
				   "memmap=1M%0x10000000-1+2 memmap=1M%0x20000000 "
				   "memmap=1M!0x30000000 memmap=1M#0x38000000"),
			 CLI_OK);
	assert_int_equal(m.nr_ram, 7);
	/* Page 0 is never used. */
	assert_int_equal(m.ram_bytes, 0x9e000 + 0xbffe0000 - 0x100000 + 0x40000000 - 0x400000);
	machine_destroy(&m);
	assert_int_equal(boot_text(&m, PC_4G, "memmap=exactmap memmap=1M@16M"), CLI_OK);
	assert_int_equal(m.ram_bytes, 1 << 20);
	machine_destroy(&m);
}

static void test_machine_limits(void **state)
{
	struct quarry_zone_info z;
	struct machine m;

	(void)state;
	assert_int_equal(boot_text(&m, "BIOS-e820: [mem 0x0-0xfff] usable\n", NULL), CLI_INPUT);
	assert_int_equal(boot_text(&m, "BIOS-e820: [mem 0x100001-0x100ffe] usable\n", NULL),
			 CLI_INPUT);
	assert_int_equal(boot_text(&m, E820, "mem=1M"), CLI_INPUT);
	assert_int_equal(boot_text(&m, E820, "mem=x"), CLI_INPUT);
	/* Beyond what can be managed. */
	assert_int_equal(
		boot_text(&m, "BIOS-e820: [mem 0x400000000000-0x4fffffffffff] usable\n", NULL),
		CLI_INPUT);
	assert_int_equal(
		boot_text(&m, E820 "BIOS-e820: [mem 0xfffffffff000-0xffffffffffffffff] usable\n",
			  NULL),
		CLI_OK);
	assert_int_equal(m.ram_bytes, 0x100000);
	machine_destroy(&m);
	/* The largest machine, and what is cut off it. */
	assert_int_equal(boot_text(&m, "BIOS-e820: [mem 0x0-0x3fffffffffff] usable\n", NULL),
			 CLI_OK);
	assert_int_equal(m.ram[m.nr_ram - 1].end, 0x3fffc0000000);
	machine_destroy(&m);
	/* No minimum, if that was asked for; the gaps stay. */
	assert_int_equal(
		boot_text(&m, "BIOS-e820: [mem 0x0-0x7fffffff] usable\n", "min_free_kbytes=0"),
		CLI_OK);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &z));
	assert_int_equal(z.wmark[QUARRY_WMARK_MIN], 0);
	assert_int_equal(z.wmark[QUARRY_WMARK_LOW], z.managed / 1000);
	assert_int_equal(z.wmark[QUARRY_WMARK_HIGH], 2 * z.wmark[QUARRY_WMARK_LOW]);
	machine_destroy(&m);
	/* All of it reserved: nothing to boot with, or a machine without a free page, but no crash. */
	if (boot_text(&m, E820 "RAMDISK: [mem 0x0-0xffffffffffffffff]\n", NULL) == CLI_OK)
		machine_destroy(&m);
}

static void test_machine_shares(void **state)
{
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	make(&m, "vm-24g-2cpu.txt", false, "movablecore=25%");
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	assert_in_range(info.present, m.ram_bytes / 4096 / 4 - 1024, m.ram_bytes / 4096 / 4 + 1024);
	machine_destroy(&m);
	make(&m, "vm-24g-2cpu.txt", true, "kernelcore=8G");
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	machine_destroy(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_e820_new),
		cmocka_unit_test(test_e820_newest),
		cmocka_unit_test(test_e820_old),
		cmocka_unit_test(test_efi),
		cmocka_unit_test(test_iomem),
		cmocka_unit_test(test_srat),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_expected),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_load_errors),
		cmocka_unit_test(test_update_random),
		cmocka_unit_test(test_change_random),
		cmocka_unit_test(test_update_warns),
		cmocka_unit_test(test_update_big),
		cmocka_unit_test(test_machines_as_linux),
		cmocka_unit_test(test_machine_tables),
		cmocka_unit_test(test_machine_big),
		cmocka_unit_test(test_machine_efi),
		cmocka_unit_test(test_machine_numa),
		cmocka_unit_test(test_machine_srat_holes),
		cmocka_unit_test(test_machine_fake),
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_machine_memoryless),
		cmocka_unit_test(test_machine_movable_node),
		cmocka_unit_test(test_machine_crash),
		cmocka_unit_test(test_machine_mirror),
		cmocka_unit_test(test_machine_mirror_zones),
		cmocka_unit_test(test_machine_sysctl),
		cmocka_unit_test(test_machine_memmap),
		cmocka_unit_test(test_machine_limits),
		cmocka_unit_test(test_machine_shares),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
