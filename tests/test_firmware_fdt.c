/* SPDX-License-Identifier: MIT */
/* Devicetrees: what is taken, what is refused, beside the program's own reader, and damaged in every place. */
#include <glob.h>
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

static struct firmware_bed bed;
static struct strbuf blob;

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
	strbuf_free(&blob);
	return 0;
}

#define START "/dts-v1/;\n"
#define CELLS2 "#address-cells = <2>; #size-cells = <2>;\n"
#define RAM "memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x10000000>; };\n"
#define RAM_LIST "memory 0x40000000-0x50000000 nid -1 flags 0\n"
#define RESERVED "reserved-memory { " CELLS2 " ranges;\n"

static void compile(const char *text)
{
	struct diag diag = {0};

	strbuf_free(&blob);
	if (devtree_compile("t.dts", text, strlen(text), &blob, &diag) != CLI_OK)
		fail_msg("%s", diag.text.s);
	diag_free(&diag);
}

/* @blob, in a block of its exact size that is not aligned. */
static int give(phys_addr_t phys, struct quarry_firmware_info *info)
{
	uint8_t *exact = malloc(blob.len + 1);
	int err;

	assert_non_null(exact);
	memcpy(exact + 1, blob.s, blob.len);
	err = quarry_firmware_fdt(bed.q, exact + 1, blob.len, phys, info);
	free(exact);
	return err;
}

static void good(const char *text, const char *lists)
{
	bed_again(&bed);
	compile(text);
	if (give(NOWHERE, NULL) != 0)
		fail_msg("%s", bed.log);
	bed_expect(&bed, lists);
	assert_string_equal(bed.log, "");
}

static void warned(const char *text, const char *lists, const char *message)
{
	bed_again(&bed);
	compile(text);
	assert_int_equal(give(NOWHERE, NULL), 0);
	bed_expect_log(&bed, message);
	bed_expect(&bed, lists);
}

static void refused(const char *text, int err, const char *message)
{
	bed_again(&bed);
	compile(text);
	assert_int_equal(give(NOWHERE, NULL), err);
	bed_expect_log(&bed, message);
	bed_expect(&bed, "");
}

/* ---- what is taken ---- */

static void test_memory(void **state)
{
	(void)state;
	/* Nodes in descending order, as QEMU writes them; disabled, empty, and not below the root. */
	good(START
	     "/ { " CELLS2
	     "memory@180000000 { device_type = \"memory\"; reg = <1 0x80000000 0 0x1000>; };\n"
	     "memory@0 { device_type = \"memory\"; reg = <0 0x1000 0 0x1000>, <0 0x4000 0 0>, "
	     "<0 0x8000 1 0>; };\n"
	     "off@9 { device_type = \"memory\"; status = \"disabled\"; reg = <9 0 9 0>; };\n"
	     "soc { memory@5 { device_type = \"memory\"; reg = <5 0>; }; }; };",
	     "memory 0x1000-0x2000 nid -1 flags 0\nmemory 0x8000-0x100008000 nid -1 flags 0\n"
	     "memory 0x180000000-0x180001000 nid -1 flags 0\n");
	/* A root that says nothing has cells of one; a boot loader's word counts for more than reg. */
	good(START "/ { memory { device_type = \"memory\"; reg = <0x1000 0x2000>; "
		   "linux,usable-memory = <0x2000 0x1000>; }; };",
	     "memory 0x2000-0x3000 nid -1 flags 0\n");
	/* The frame at 0. */
	good(START "/ { memory { device_type = \"memory\"; reg = <0 0x2000>; }; };",
	     "memory 0x0-0x2000 nid -1 flags 0\nreserved 0x0-0x1000 nid -1 flags 0\n");
	good(START "/ { " CELLS2 RAM
		   "chosen { linux,usable-memory-range = <0 0x41000000 0 0x1000>, "
		   "<0 0x4ffff000 0 0x2000>; }; };",
	     "memory 0x41000000-0x41001000 nid -1 flags 0\n"
	     "memory 0x4ffff000-0x50000000 nid -1 flags 0\n");
}

#define NODE(name, where, id)                                                        \
	name " { device_type = \"memory\"; numa-node-id = <" id ">; reg = <0 " where \
	     " 0 0x1000000>; };\n"

static void test_nodes(void **state)
{
	(void)state;
	good(START "/ { " CELLS2 NODE("a", "0x41000000", "1")
		     NODE("b", "0x40000000",
			  "0") "c { device_type = \"memory\"; numa-node-id = <1>; hotpluggable; "
			       "reg = <1 0 0 0x1000000>; }; };",
	     "memory 0x40000000-0x41000000 nid 0 flags 0\n"
	     "memory 0x41000000-0x42000000 nid 1 flags 0\n"
	     "memory 0x100000000-0x101000000 nid 1 flags 1\n");
	warned(START "/ { " CELLS2 NODE("a", "0x41000000", "1") RAM "};", RAM_LIST,
	       "fdt: 1 of 2 ranges of memory have no numa-node-id; nodes are not used");
	/* What is empty has no say. */
	good(START
	     "/ { " CELLS2
	     "a { device_type = \"memory\"; numa-node-id = <1>; reg = <0 0x41000000 0 0>; };\n" RAM
	     "};",
	     RAM_LIST);
	good(START "/ { " CELLS2 NODE(
		     "a", "0x41000000",
		     "1") "b { device_type = \"memory\"; reg = <0 0x40000000 0 0>; }; };",
	     "memory 0x41000000-0x42000000 nid 1 flags 0\n");
	refused(START "/ { " CELLS2 NODE("a", "0x41000000", "1") NODE("b", "0x40800000", "0") "};",
		-QUARRY_EINVAL, "fdt: memory at 0x41000000 is said to be of two nodes");
	refused(START "/ { " CELLS2 NODE("a", "0x41000000", "64") "};", -QUARRY_EINVAL,
		"fdt: a: numa-node-id 64, expected a number below 64");
}

static void test_blob_initrd_and_bootargs(void **state)
{
	char line[64];
	struct quarry_firmware_info info = {.cmdline = line, .cmdline_room = sizeof(line)};
	char lists[512];

	(void)state;
	compile("/dts-v1/; /memreserve/ 0x48000000 0x1800; / { " CELLS2 RAM
		"chosen { linux,initrd-start = <0x44000000>; linux,initrd-end = <0 0x44012345>; "
		"bootargs = \"console=ttyAMA0 quiet\"; }; };");
	assert_int_equal(give(0x45000000, &info), 0);
	snprintf(lists, sizeof(lists),
		 RAM_LIST "reserved 0x44000000-0x44012345 nid -1 flags 0\n"
			  "reserved 0x45000000-0x%zx nid -1 flags 128\n"
			  "reserved 0x48000000-0x48001800 nid -1 flags 0\n",
		 (size_t)0x45000000 + blob.len);
	bed_expect(&bed, lists);
	assert_string_equal(line, "console=ttyAMA0 quiet");
	assert_int_equal(info.cmdline_length, 21);
	assert_int_equal(info.initrd.start, 0x44000000);
	assert_int_equal(info.initrd.size, 0x12345);
	assert_int_equal(info.ram_bytes, 0x10000000);
	assert_int_equal(info.ram_end, 0x50000000);
}

static void test_reserved_memory(void **state)
{
	(void)state;
	good(START "/ { " CELLS2 RAM RESERVED
		   "a@41000000 { reg = <0 0x41000000 0 0x1000>, <0 0x41002000 0 0x1000>; };\n"
		   "b@42000000 { reg = <0 0x42000000 0 0x1000>; no-map; };\n"
		   "c@43000000 { reg = <0 0x43000000 0 0x1000>; status = \"disabled\"; };\n"
		   "d@10000 { reg = <0 0x10000 0 0x1000>; no-map; }; }; };",
	     "memory 0x40000000-0x42000000 nid -1 flags 0\n"
	     "memory 0x42000000-0x42001000 nid -1 flags 4\n"
	     "memory 0x42001000-0x50000000 nid -1 flags 0\n"
	     "reserved 0x41000000-0x41001000 nid -1 flags 0\n"
	     "reserved 0x41002000-0x41003000 nid -1 flags 0\n");
	/* Places of the kernel's choice: from the top down, aligned, in ranges. */
	good(START "/ { " CELLS2 RAM RESERVED "a { size = <0 0x3000>; };\n"
		   "b { size = <0 0x1000>; alignment = <0 0x100000>; no-map; };\n"
		   "c { size = <0 0x1000>; alloc-ranges = <0 0x10000 0 0x10000>, "
		   "<0 0x48000000 0 0x2000>; }; }; };",
	     "memory 0x40000000-0x4ff00000 nid -1 flags 0\n"
	     "memory 0x4ff00000-0x4ff01000 nid -1 flags 4\n"
	     "memory 0x4ff01000-0x50000000 nid -1 flags 0\n"
	     "reserved 0x48001000-0x48002000 nid -1 flags 0\n"
	     "reserved 0x4fffd000-0x50000000 nid -1 flags 0\n");
	warned(START "/ { " CELLS2 RAM RESERVED "a { size = <1 0>; }; }; };", RAM_LIST,
	       "fdt: a: no room for 0x100000000 bytes, passed over");
	warned(START "/ { " CELLS2 RAM RESERVED "a { no-map; }; }; };", RAM_LIST,
	       "fdt: a: neither a place nor a size, passed over");
	refused(START "/ { " CELLS2 RAM
		      "reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges; }; };",
		-QUARRY_EINVAL, "fdt: reserved-memory: no ranges, or cells that differ");
	/* The root's own default is 1 and 1: here it must be said. */
	refused(START "/ { m { device_type = \"memory\"; reg = <0x40000000 0x1000000>; };\n"
		      "reserved-memory { #address-cells = <1>; ranges; }; };",
		-QUARRY_EINVAL, "fdt: reserved-memory: no ranges, or cells that differ");
	refused(START "/ { m { device_type = \"memory\"; reg = <0x40000000 0x1000000>; };\n"
		      "reserved-memory { #size-cells = <1>; ranges; }; };",
		-QUARRY_EINVAL, "fdt: reserved-memory: no ranges, or cells that differ");
	refused(START "/ { " CELLS2 RAM "reserved-memory { " CELLS2 " }; };", -QUARRY_EINVAL,
		"fdt: reserved-memory: no ranges");
	refused(START "/ { " CELLS2 RAM RESERVED "a { size = <1>; }; }; };", -QUARRY_EINVAL,
		"fdt: a: size has 4 bytes, expected 8");
	refused(START "/ { " CELLS2 RAM RESERVED "a { size = <0 1>; alignment = <0 3>; }; }; };",
		-QUARRY_EINVAL, "fdt: a: alignment 0x3, expected a power of two");
	refused(START "/ { " CELLS2 RAM RESERVED
		      "a@41000000 { reg = <0 0x41000000 0 0x1000>; no-map; reusable; }; }; };",
		-QUARRY_EINVAL, "fdt: a@41000000: no-map and reusable exclude each other");
}

/* What is in use already stays in the map. */
static void test_no_map_of_what_is_reserved(void **state)
{
	(void)state;
	compile(START "/ { " CELLS2 RAM RESERVED
		      "b@42000000 { reg = <0 0x42000000 0 0x1000>; no-map; }; }; };");
	assert_int_equal(quarry_memblock_reserve(bed.q, 0x42000800, 0x100), 0);
	assert_int_equal(give(NOWHERE, NULL), 0);
	bed_expect(&bed, RAM_LIST "reserved 0x42000800-0x42000900 nid -1 flags 0\n");
	bed_expect_log(&bed, "fdt: b@42000000: in use already, stays in the map");
	bed_again(&bed);
	assert_int_equal(give(0x41fffff0, NULL), 0);
	assert_int_equal(quarry_memblock(bed.q)->memory.cnt, 1);
	bed_expect_log(&bed, "fdt: b@42000000: in use already");
}

static int count_cma(struct quarry_cma *cma, void *arg)
{
	struct quarry_cma_info *info = arg;

	quarry_cma_info(bed.q, cma, &info[info[0].name[0] != '\0']);
	return 0;
}

static void test_pools_become_cma(void **state)
{
	struct quarry_cma_info info[2] = {0};

	(void)state;
	good(START "/ { " CELLS2 RAM RESERVED
		   "pool { compatible = \"shared-dma-pool\"; reusable; size = <0 0x800000>;\n"
		   "alloc-ranges = <0 0x40000000 0 0x4000000>; linux,cma-default; };\n"
		   "fix@45000000 { compatible = \"shared-dma-pool\"; reusable; "
		   "reg = <0 0x45000000 0 0x400000>; }; }; };",
	     RAM_LIST "reserved 0x43800000-0x44000000 nid -1 flags 0\n"
		      "reserved 0x45000000-0x45400000 nid -1 flags 0\n");
	assert_int_equal(quarry_cma_for_each_area(bed.q, count_cma, info), 0);
	assert_string_equal(info[0].name, "fix@45000000");
	assert_int_equal(info[0].base_pfn, 0x45000);
	assert_string_equal(info[1].name, "pool");
	assert_int_equal(info[1].count, 0x800);
	assert_int_equal(info[0].order_per_bit + info[1].order_per_bit, 0);
	warned(START "/ { " CELLS2 RAM RESERVED
		     "fix@45001000 { compatible = \"shared-dma-pool\"; reusable; "
		     "reg = <0 0x45001000 0 0x400000>; }; }; };",
	       RAM_LIST, "fdt: fix@45001000: a pool must be of whole pageblocks, passed over");
	warned(START
	       "/ { " CELLS2 RAM RESERVED
	       "pool { compatible = \"shared-dma-pool\"; reusable; size = <0 0x1000>; }; }; };",
	       RAM_LIST, "fdt: pool: a pool must be of whole pageblocks, passed over");
}

static void test_refuses(void **state)
{
	(void)state;
	refused(START "/ { };", -QUARRY_ENXIO, "fdt: no memory in 0 ranges");
	refused(START "/ { " CELLS2 "memory { reg = <0 0 0 1>; }; };", -QUARRY_ENXIO, "no memory");
	refused(START "/ { " CELLS2 "m { device_type = \"memory\"; reg = <0 0 0>; }; };",
		-QUARRY_EINVAL, "fdt: m: reg has 12 bytes, expected a multiple of 16");
	refused(START "/ { " CELLS2
		      "m { device_type = \"memory\"; reg = <0xffffffff 0xfffff000 0 0x1001>; }; };",
		-QUARRY_ERANGE, "fdt: 0x1001 bytes at 0xfffffffffffff000 end beyond");
	refused(START "/ { #address-cells = <3>; };", -QUARRY_EINVAL, "#size-cells is above 2");
	refused(START "/ { #size-cells = <0>; };", -QUARRY_EINVAL, "#size-cells is 0");
	refused(START "/ { #size-cells = <0 1>; };", -QUARRY_EINVAL,
		"#size-cells has 8 bytes, expected 4");
	refused(START "/ { " CELLS2 RAM "chosen { linux,initrd-start = <0 0 1>; }; };",
		-QUARRY_EINVAL, "fdt: chosen: linux,initrd-start has 12 bytes, expected 4 or 8");
	refused(START "/ { " CELLS2 RAM
		      "chosen { linux,initrd-start = <2>; linux,initrd-end = <1>; }; };",
		-QUARRY_EINVAL, "fdt: chosen: linux,initrd-end 0x1 lies below");
	refused("/dts-v1/; /memreserve/ 0xfffffffffffff000 0x1001; / { " CELLS2 RAM "};",
		-QUARRY_ERANGE, "fdt: 0x1001 bytes at 0xfffffffffffff000 end beyond");
}

/* Words of the header, and of the structure. */
static void test_refuses_damage(void **state)
{
	static const struct {
		uint32_t at, value;
		int err;
		const char *message;
	} damage[] = {
		{0, 0xd00dfeee, -QUARRY_EINVAL, "fdt: magic 0xd00dfeee, expected 0xd00dfeed"},
		{4, 0x10000, -QUARRY_ERANGE, "fdt: size 0x10000, expected at most"},
		{4, 39, -QUARRY_ERANGE, "fdt: size 0x27, expected"},
		{8, 0x10000, -QUARRY_ERANGE, "fdt: a block lies outside"},
		{12, 0xfffffff0, -QUARRY_ERANGE, "fdt: a block lies outside"},
		{16, 8, -QUARRY_ERANGE, "fdt: a block lies outside"},
		{20, 16, -QUARRY_EINVAL, "fdt: version 16, compatible with 16, expected 17"},
		{24, 18, -QUARRY_EINVAL, "fdt: version 17, compatible with 18, expected 17"},
		{36, 8, -QUARRY_ERANGE, "fdt: the structure does not end within its 8 bytes"},
		{56, 5, -QUARRY_EINVAL, "fdt: the tag at offset 0x38 is damaged or out of place"},
		{56, 9, -QUARRY_EINVAL, "fdt: no root node"},
		{64, 2, -QUARRY_EINVAL, "damaged or out of place"},
	};
	char word[4];
	size_t i;

	(void)state;
	compile(START "/ { " CELLS2 RAM "};");
	for (i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		memcpy(word, blob.s + damage[i].at, 4);
		bed_be32((uint8_t *)blob.s + damage[i].at, damage[i].value);
		assert_int_equal(give(NOWHERE, NULL), damage[i].err);
		bed_expect_log(&bed, damage[i].message);
		bed_expect(&bed, "");
		memcpy(blob.s + damage[i].at, word, 4);
	}
	/* The last name has no end: the property that has it is damaged. */
	blob.s[blob.len - 1] = 'x';
	assert_int_equal(give(NOWHERE, NULL), -QUARRY_EINVAL);
	bed_expect_log(&bed, "is damaged or out of place");
	assert_int_equal(quarry_firmware_fdt(bed.q, blob.s, 39, NOWHERE, NULL), -QUARRY_ERANGE);
	bed_expect_log(&bed, "fdt: 39 bytes, expected a header of 40");
}

/* ---- CPUs, distances, properties ---- */

static int cpus(struct bed_cpus *c)
{
	return quarry_firmware_fdt_cpus(bed.q, blob.s, blob.len, bed_take_cpu, c);
}

static void test_cpus(void **state)
{
	struct bed_cpus c = {0};

	(void)state;
	compile(START "/ { cpus { #address-cells = <2>; #size-cells = <0>;\n"
		      "cpu@0 { device_type = \"cpu\"; reg = <1 0x101>; numa-node-id = <3>; };\n"
		      "cpu-map { };\n"
		      "cpu@1 { device_type = \"cpu\"; reg = <0 2>; status = \"disabled\"; };\n"
		      "cpu@2 { device_type = \"cpu\"; reg = <0 4>; status = \"okay\"; }; }; };");
	assert_int_equal(cpus(&c), 0);
	assert_int_equal(c.nr, 2);
	assert_int_equal(c.cpu[0].id, 0x100000101);
	assert_int_equal(c.cpu[0].nid, 3);
	assert_int_equal(c.cpu[1].id, 4);
	assert_int_equal(c.cpu[1].nid, QUARRY_NO_NODE);
	c = (struct bed_cpus){.stop = 1};
	assert_int_equal(cpus(&c), 7);
	assert_int_equal(c.nr, 1);
	compile(START "/ { };");
	assert_int_equal(cpus(&c), -QUARRY_ENXIO);
	bed_expect_log(&bed, "fdt: no /cpus");
	compile(START "/ { cpus { #address-cells = <1>; #size-cells = <0>; "
		      "c { device_type = \"cpu\"; }; }; };");
	assert_int_equal(cpus(&c), -QUARRY_EINVAL);
	bed_expect_log(&bed, "fdt: c: a CPU without a reg");
}

static int distances(uint8_t *d, unsigned int nr)
{
	return quarry_firmware_fdt_distances(bed.q, blob.s, blob.len, d, nr);
}

static void test_distances(void **state)
{
	static const uint8_t expected[9] = {10, 16, 20, 32, 10, 25, 20, 25, 10};
	uint8_t d[9];

	(void)state;
	compile(START
		"/ { x { distance-map { compatible = \"numa-distance-map-v1\";\n"
		"distance-matrix = <0 0 10>, <0 1 16>, <1 0 32>, <1 2 25>, <3 4 99>; }; }; };");
	assert_int_equal(distances(d, 3), 0);
	assert_memory_equal(d, expected, 9);
	compile(START "/ { };");
	assert_int_equal(distances(d, 3), -QUARRY_ENXIO);
	bed_expect_log(&bed, "fdt: no distance-map");
	compile(START
		"/ { m { compatible = \"numa-distance-map-v1\"; distance-matrix = <0 0>; }; };");
	assert_int_equal(distances(d, 3), -QUARRY_EINVAL);
	bed_expect_log(&bed, "fdt: distance-matrix has 8 bytes, expected a multiple of 12");
	compile(START
		"/ { m { compatible = \"numa-distance-map-v1\"; distance-matrix = <0 1 10>; }; };");
	assert_int_equal(distances(d, 3), -QUARRY_EINVAL);
	bed_expect_log(&bed, "fdt: distance 10 from node 0 to node 1, expected");
	assert_memory_equal(d, expected, 9);
}

static void test_property(void **state)
{
	const char *p;
	size_t size;

	(void)state;
	compile(START "/ { model = \"board\"; psci { method = \"hvc\"; };\n"
		      "soc { intc@8000000 { reg = <1 2>; }; }; };");
	p = quarry_firmware_fdt_property(bed.q, blob.s, blob.len, "/psci", "method", &size);
	assert_string_equal(p, "hvc");
	assert_int_equal(size, 4);
	p = quarry_firmware_fdt_property(bed.q, blob.s, blob.len, "/", "model", NULL);
	assert_string_equal(p, "board");
	assert_non_null(
		quarry_firmware_fdt_property(bed.q, blob.s, blob.len, "/soc/intc", "reg", &size));
	assert_int_equal(size, 8);
	assert_non_null(quarry_firmware_fdt_property(bed.q, blob.s, blob.len, "/soc/intc@8000000",
						     "reg", NULL));
	assert_null(quarry_firmware_fdt_property(bed.q, blob.s, blob.len, "/psc", "method", &size));
	assert_int_equal(size, 0);
	assert_null(quarry_firmware_fdt_property(bed.q, blob.s, blob.len, "/soc", "reg", NULL));
	assert_string_equal(bed.log, "");
	assert_null(quarry_firmware_fdt_property(bed.q, blob.s, 40, "/psci", "method", NULL));
}

/* ---- QEMU's own ---- */

static void load(const char *name)
{
	size_t size;
	uint8_t *data = bed_file(name, &size);

	strbuf_free(&blob);
	strbuf_add(&blob, (const char *)data, size);
	free(data);
}

static void check_four_cpus(void)
{
	static const uint8_t expected[4] = {10, 20, 20, 10};
	struct bed_cpus c = {0};
	uint8_t d[4];
	unsigned int i;

	assert_int_equal(cpus(&c), 0);
	assert_int_equal(c.nr, 4);
	for (i = 0; i < 4; i++) {
		uint64_t id = c.cpu[i].id;

		assert_true(id < 4);
		assert_int_equal(c.cpu[i].nid, id / 2);
	}
	assert_int_equal(distances(d, 2), 0);
	assert_memory_equal(d, expected, 4);
}

static void test_qemu_aarch64(void **state)
{
	size_t size;

	(void)state;
	load("qemu-aarch64-virt.dtb");
	assert_int_equal(give(NOWHERE, NULL), 0);
	bed_expect(&bed, "memory 0x40000000-0x50000000 nid 0 flags 0\n"
			 "memory 0x50000000-0x60000000 nid 1 flags 0\n");
	check_four_cpus();
	assert_string_equal(
		quarry_firmware_fdt_property(bed.q, blob.s, blob.len, "/psci", "method", &size),
		"hvc");
}

static void test_qemu_riscv64(void **state)
{
	(void)state;
	load("qemu-riscv64-virt.dtb");
	assert_int_equal(give(NOWHERE, NULL), 0);
	bed_expect(&bed, "memory 0x80000000-0x90000000 nid 0 flags 0\n"
			 "memory 0x90000000-0xa0000000 nid 1 flags 0\n");
	check_four_cpus();
}

/* ---- beside the program's reader ---- */

/* Memory and reservations as the program makes them of @path, which is read by libfdt. */
static void lists_by_libfdt(const char *path, char *text, size_t size)
{
	struct diag diag = {0};
	struct machine_options o = {.map_path = path, .diag = &diag};
	struct machine m;

	if (machine_prepare(&o, &m) != CLI_OK)
		fail_msg("%s", diag.text.s);
	/* An adapter keeps the frame at 0 back. */
	if (quarry_memblock_is_memory(m.q, 0))
		assert_int_equal(quarry_memblock_reserve(m.q, 0, QUARRY_PAGE_SIZE), 0);
	bed_lists(m.q, text, size);
	machine_destroy(&m);
	diag_free(&diag);
}

static void compile_file(const char *path)
{
	struct strbuf text = {0};
	char chunk[4096];
	size_t n;
	FILE *in = fopen(path, "rb");
	struct diag diag = {0};

	assert_non_null(in);
	while ((n = fread(chunk, 1, sizeof(chunk), in)) != 0)
		strbuf_add(&text, chunk, n);
	fclose(in);
	strbuf_free(&blob);
	if (devtree_compile(path, text.s, text.len, &blob, &diag) != CLI_OK)
		fail_msg("%s", diag.text.s);
	strbuf_free(&text);
	diag_free(&diag);
}

/* Every machine in maps/: the same regions as by libfdt, to the byte. */
static void test_equals_libfdt(void **state)
{
	char expected[16384], got[16384];
	glob_t maps = {0};
	size_t i;

	(void)state;
	assert_int_equal(glob("maps/*.dts", 0, NULL, &maps), 0);
	assert_true(maps.gl_pathc >= 7);
	for (i = 0; i < maps.gl_pathc; i++) {
		struct memblock *mb;

		lists_by_libfdt(maps.gl_pathv[i], expected, sizeof(expected));
		compile_file(maps.gl_pathv[i]);
		bed_again(&bed);
		assert_int_equal(give(NOWHERE, NULL), 0);
		/* The program puts memory without nodes on node 0 at once, quarry_boot() later. */
		mb = quarry_memblock(bed.q);
		if (mb->memory.regions[0].nid == QUARRY_NO_NODE)
			assert_int_equal(
				quarry_memblock_set_node(bed.q, 0, UINT64_MAX, &mb->memory, 0), 0);
		bed_lists(bed.q, got, sizeof(got));
		if (strcmp(got, expected) != 0)
			fail_msg("%s: libfdt:\n%sadapter:\n%s", maps.gl_pathv[i], expected, got);
	}
	globfree(&maps);
}

/* ---- damage ---- */

#define ALL_OF_IT                                                                               \
	"/dts-v1/; /memreserve/ 0x48000000 0x1000; / { " CELLS2                                 \
	"a { device_type = \"memory\"; reg = <0 0x40000000 0 0x10000000>; numa-node-id = <0>; " \
	"};\n"                                                                                  \
	"b { device_type = \"memory\"; reg = <1 0 0 0x8000000>, <2 0 0 0x4000000>;\n"           \
	"numa-node-id = <1>; hotpluggable; };\n"                                                \
	"cpus { #address-cells = <1>; #size-cells = <0>;\n"                                     \
	"c@0 { device_type = \"cpu\"; numa-node-id = <0>; reg = <0>; };\n"                      \
	"c@1 { device_type = \"cpu\"; numa-node-id = <1>; reg = <1>; }; };\n"                   \
	"distance-map { compatible = \"numa-distance-map-v1\";\n"                               \
	"distance-matrix = <0 0 10>, <0 1 20>, <1 1 10>; };\n"                                  \
	"reserved-memory { " CELLS2 " ranges;\n"                                                \
	"f@41000000 { reg = <0 0x41000000 0 0x100000>; no-map; };\n"                            \
	"g@42000000 { reg = <0 0x42000000 0 0x100000>, <0 0x43000000 0 0x1000>; };\n"           \
	"p { compatible = \"shared-dma-pool\"; reusable; size = <0 0x800000>;\n"                \
	"alignment = <0 0x400000>; alloc-ranges = <0 0x40000000 0 0x8000000>;\n"                \
	"linux,cma-default; };\n"                                                               \
	"q { size = <0 0x1000>; no-map; }; };\n"                                                \
	"chosen { linux,initrd-start = <0x44000000>; linux,initrd-end = <0x44100000>;\n"        \
	"linux,usable-memory-range = <0 0x40000000 3 0>; bootargs = \"quiet\"; }; };\n"

static struct bed_outcomes outcomes;

/* All readers on @len bytes, which the address sanitizer guards on both sides. */
static void try(const char *data, size_t len, bool intact)
{
	char lists[4096], line[16] = "";
	struct quarry_firmware_info info = {.cmdline = line, .cmdline_room = sizeof(line)};
	uint8_t *exact = malloc(len), d[16] = {0};
	const void *property;
	int err;

	assert_non_null(exact);
	memcpy(exact, data, len);
	bed_again(&bed);
	err = quarry_firmware_fdt(bed.q, exact, len, 0x47000000, &info);
	assert_true(err <= 0 && (err == 0 || !intact));
	bed_lists(bed.q, lists, sizeof(lists));
	if (err != 0) {
		assert_string_equal(lists, "");
		assert_string_not_equal(bed.log, "");
	}
	assert_int_equal(quarry_check_memblock(bed.q, NULL), 0);
	bed_note_info(&outcomes, &info);
	bed_outcome(&bed, &outcomes, err);
	err = quarry_firmware_fdt_cpus(bed.q, exact, len, bed_note_cpu, &outcomes);
	assert_true(err <= 0 && (err == 0 || !intact));
	bed_outcome(&bed, &outcomes, err);
	err = quarry_firmware_fdt_distances(bed.q, exact, len, d, 4);
	assert_true(err <= 0 && (err == 0 || !intact));
	bed_note(&outcomes, d, sizeof(d));
	property = quarry_firmware_fdt_property(bed.q, exact, len, "/chosen/", "bootargs", NULL);
	bed_outcome(&bed, &outcomes, property == NULL);
	free(exact);
}

static void test_every_truncation(void **state)
{
	size_t len;

	(void)state;
	compile(ALL_OF_IT);
	outcomes = (struct bed_outcomes){0};
	try(blob.s, blob.len, true);
	for (len = 0; len < blob.len; len++)
		try(blob.s, len, false);
	/* The header says so too: then what is missing is missing inside. */
	for (len = 40; len < blob.len; len++) {
		bed_be32((uint8_t *)blob.s + 4, (uint32_t)len);
		try(blob.s, len, false);
	}
	bed_expect_outcomes(&outcomes, (struct bed_outcomes){7539, 3, 0xcf11e6bf0ce36ce4});
}

static void test_every_flip(void **state)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	size_t at, i;

	(void)state;
	compile(ALL_OF_IT);
	outcomes = (struct bed_outcomes){0};
	for (at = 0; at < blob.len; at++)
		for (i = 0; i < sizeof(flips); i++) {
			blob.s[at] = (char)(blob.s[at] ^ flips[i]);
			try(blob.s, blob.len, false);
			blob.s[at] = (char)(blob.s[at] ^ flips[i]);
		}
	try(blob.s, blob.len, true);
	bed_expect_outcomes(&outcomes, (struct bed_outcomes){11487, 6129, 0xbbf97e34cdf0e208});
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_memory),
		T(test_nodes),
		T(test_blob_initrd_and_bootargs),
		T(test_reserved_memory),
		T(test_no_map_of_what_is_reserved),
		T(test_pools_become_cma),
		T(test_refuses),
		T(test_refuses_damage),
		T(test_cpus),
		T(test_distances),
		T(test_property),
		T(test_qemu_aarch64),
		T(test_qemu_riscv64),
		T(test_equals_libfdt),
		T(test_every_truncation),
		T(test_every_flip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
