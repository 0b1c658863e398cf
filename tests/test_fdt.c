/* SPDX-License-Identifier: MIT */
/*
 * Devicetrees as maps: what is taken from them, what is refused and how, and the machines that come
 * of them beside what Linux made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <devtree.h>
#include <machine.h>

static struct map map;
static struct diag diag;

#define START "/dts-v1/;\n"
#define CELLS2 "#address-cells = <2>; #size-cells = <2>;\n"
#define CELLS1 "#address-cells = <1>; #size-cells = <1>;\n"
/* 256 MiB from 1 GiB on. */
#define RAM "memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x10000000>; };\n"
#define RESERVED "reserved-memory { " CELLS2 " ranges;\n"

static int parse(const char *text)
{
	return map_parse(&map, "t.dts", text, strlen(text), MAP_SOURCE_AUTO, &diag);
}

static void good(const char *text)
{
	if (parse(text) != CLI_OK)
		fail_msg("%s", diag.text.s);
}

static void done(void)
{
	map_free(&map);
	diag_free(&diag);
}

static void refused(const char *text, const char *message)
{
	assert_int_equal(parse(text), CLI_INPUT);
	assert_int_equal(diag.nr_errors, 1);
	if (strstr(diag.text.s, message) == NULL)
		fail_msg("got \"%s\" instead of \"%s\"", diag.text.s, message);
	done();
}

/* @text is taken, with a warning that holds @message. */
static void warned(const char *text, const char *message)
{
	good(text);
	if (diag.text.s == NULL || strstr(diag.text.s, message) == NULL)
		fail_msg("got \"%s\" instead of \"%s\"", diag.text.s, message);
	done();
}

static void entry(const struct map_table *t, size_t i, uint64_t start, uint64_t end)
{
	assert_true(i < t->nr);
	assert_int_equal(t->r[i].start, start);
	assert_int_equal(t->r[i].end, end);
}

static void test_memory(void **state)
{
	const struct map_table *t = &map.by_source[MAP_SOURCE_DEVICETREE];

	(void)state;
	good("/* memmap v1\n * a board */\n" START "/ { " CELLS2
	     "memory@180000000 { device_type = \"memory\"; reg = <1 0x80000000 0 0x1000>; };\n"
	     "memory@0 { device_type = \"memory\"; reg = <0 0x1000 0 0x1000>, <0 0x4000 0 0>, "
	     "<0 0x8000 1 0>; };\n"
	     "off@9 { device_type = \"memory\"; status = \"disabled\"; reg = <9 0 9 0>; };\n"
	     "soc { memory@5 { device_type = \"memory\"; reg = <5 0>; }; }; };");
	assert_int_equal(map.source, MAP_SOURCE_DEVICETREE);
	assert_string_equal(map.title, "a board");
	assert_int_equal(t->nr, 3);
	entry(t, 0, 0x1000, 0x2000);
	entry(t, 1, 0x8000, 0x100008000);
	entry(t, 2, 0x180000000, 0x180001000);
	assert_int_equal(map.nr_srat, 0);
	assert_int_equal(diag.nr_warnings, 0);
	assert_int_equal(map.arch, MAP_ARCH_ARM64);
	done();
	/* A root that says nothing has cells of one. */
	good(START "/ { memory { device_type = \"memory\"; reg = <0x1000 0x2000>; "
		   "linux,usable-memory = <0x2000 0x1000>; }; };");
	entry(t, 0, 0x2000, 0x3000);
	done();
	warned(START
	       "/ { " CELLS2 RAM
	       "memory@41000000 { device_type = \"memory\"; reg = <0 0x41000000 0 0x1000>; }; };",
	       "t.dts: warning: [mem 0x0000000041000000-0x0000000041000fff] overlaps other memory");
	warned(START "/ { " CELLS2 RAM "memory@5 { reg = <0 5 0 5>; }; };",
	       "/memory@5: no device_type");
}

static void test_numa(void **state)
{
	(void)state;
	good(START
	     "/ { " CELLS1
	     "a { device_type = \"memory\"; numa-node-id = <1>; reg = <0x80000000 0x1000>; };\n"
	     "b { device_type = \"memory\"; numa-node-id = <0>; reg = <0x1000 0x1000>; "
	     "hotpluggable; };\n"
	     "cpus { #address-cells = <1>; #size-cells = <0>;\n"
	     "cpu@0 { device_type = \"cpu\"; reg = <0>; numa-node-id = <1>; };\n"
	     "cpu@1 { device_type = \"cpu\"; reg = <1>; numa-node-id = <0>; };\n"
	     "cpu@2 { device_type = \"cpu\"; reg = <2>; status = \"disabled\"; };\n"
	     "cpu-map { }; };\n"
	     "distance-map { compatible = \"numa-distance-map-v1\";\n"
	     "distance-matrix = <0 0 10>, <0 1 16>, <1 0 32>, <1 2 20>; }; };");
	assert_int_equal(map.nr_srat, 2);
	assert_int_equal(map.srat[0].nid, 0);
	assert_int_equal(map.srat[1].nid, 1);
	entry(&map.hotplug, 0, 0x1000, 0x2000);
	assert_int_equal(map.logged_cpus, 2);
	assert_int_equal(map.nr_cpu_nodes, 2);
	assert_int_equal(map.cpu_node[0], 1);
	assert_int_equal(map.nr_distance, 3);
	assert_int_equal(map.distance[0 * 3 + 1], 16);
	assert_int_equal(map.distance[1 * 3 + 0], 32);
	assert_int_equal(map.distance[2 * 3 + 1], 20);
	assert_int_equal(map.distance[2 * 3 + 0], 0);
	done();
	warned(START
	       "/ { " CELLS1
	       "a { device_type = \"memory\"; numa-node-id = <1>; reg = <0x80000000 0x1000>; };\n"
	       "b { device_type = \"memory\"; reg = <0x1000 0x1000>; }; };",
	       "1 of 2 ranges of memory have no numa-node-id; NUMA is off");
}

static void test_reserved(void **state)
{
	(void)state;
	good(START
	     "/memreserve/ 0x48000000 0x1000;\n/ { " CELLS2 RAM RESERVED
	     "fw@41000000 { reg = <0 0x41000000 0 0x1000>, <0 0x42000000 0 0x1000>; no-map; };\n"
	     "buf@43000000 { reg = <0 0x43000000 0 0x2000>; };\n"
	     "pool { compatible = \"shared-dma-pool\"; reusable; size = <0 0x400000>;\n"
	     "alignment = <0 0x400000>; alloc-ranges = <0 0x40000000 0 0x8000000>; "
	     "linux,cma-default; };\n"
	     "empty { }; };\n"
	     "chosen { linux,initrd-start = <0x44000000>; linux,initrd-end = <0 0x44100000>;\n"
	     "bootargs = \"quiet\"; }; };");
	assert_int_equal(map.reserve.nr, 2);
	entry(&map.reserve, 0, 0x48000000, 0x48001000);
	entry(&map.reserve, 1, 0x44000000, 0x44100000);
	assert_int_equal(map.reserve.r[1].type, MAP_RESERVE_RAMDISK);
	assert_int_equal(map.nr_resmem, 4);
	assert_string_equal(map.resmem[0].name, "fw@41000000");
	assert_int_equal(map.resmem[0].kind, MAP_RESMEM_NOMAP);
	assert_int_equal(map.resmem[1].start, 0x42000000);
	assert_int_equal(map.resmem[2].kind, MAP_RESMEM_RESERVED);
	assert_int_equal(map.resmem[3].kind, MAP_RESMEM_CMA);
	assert_true(map.resmem[3].dynamic && map.resmem[3].cma_default);
	assert_int_equal(map.resmem[3].size, 0x400000);
	assert_int_equal(map.resmem[3].align, 0x400000);
	assert_int_equal(map.resmem[3].nr_ranges, 1);
	entry(&map.alloc_ranges, 0, 0x40000000, 0x48000000);
	assert_string_equal(map.cmdline, "quiet");
	assert_non_null(strstr(diag.text.s, "/reserved-memory/empty: neither reg nor a size"));
	done();
	warned(START "/ { " CELLS2 RAM RESERVED "a { reg = <0 0x41000000 0 0x2000>; };\n"
		     "b { reg = <0 0x41001000 0 0x1000>; }; }; };",
	       "/reserved-memory: b (0x41001000-0x41001fff) overlaps a");
}

static void test_arch(void **state)
{
	(void)state;
	good(START "/ { compatible = \"riscv-virtio\"; " CELLS2 RAM "};");
	assert_int_equal(map.arch, MAP_ARCH_RISCV64);
	done();
	good(START "/ { " CELLS2 RAM "cpus { cpu@0 { device_type = \"cpu\"; "
		   "riscv,isa = \"rv64imac\"; }; }; };");
	assert_int_equal(map.arch, MAP_ARCH_RISCV64);
	done();
	good("// riscv64 board, by its comment\n" START "/ { " CELLS2 RAM "};");
	assert_int_equal(map.arch, MAP_ARCH_RISCV64);
	done();
	good("// no riscv64 board\n" START "/ { " CELLS2 RAM
	     "cpus { cpu@0 { device_type = \"cpu\"; "
	     "compatible = \"arm,cortex-a57\"; }; }; };");
	assert_int_equal(map.arch, MAP_ARCH_ARM64);
	assert_int_equal(map_arch_by_name("riscv64"), MAP_ARCH_RISCV64);
	assert_int_equal(map_arch_by_name("vax"), MAP_NR_ARCHS);
	done();
}

static void test_refused(void **state)
{
	(void)state;
	refused(START "/ { };", "t.dts: no memory in this devicetree");
	refused(START "/ { " CELLS2 "m { device_type = \"memory\"; reg = <1 2 3>; }; };",
		"t.dts: /m: reg has 12 bytes, expected a multiple of 16");
	refused(START "/ { " CELLS2 "m { device_type = \"memory\"; reg = <0xffffffff 0 1 0>; }; };",
		"/m: reg: 0x100000000 bytes at 0xffffffff00000000 end beyond the address space");
	refused(START "/ { #address-cells = <3>; };", "/: #address-cells is 3 and");
	refused(START "/ { #size-cells = <0>; };", "#size-cells 0, expected 1 or 2");
	refused(START "/ { #size-cells = <0 1>; };", "/: #size-cells has 8 bytes, expected 4");
	refused(START "/ { " CELLS1
		      "m { device_type = \"memory\"; numa-node-id; reg = <1 2>; }; };",
		"/m: numa-node-id has 0 bytes, expected 4");
	refused(START
		"/ { " CELLS1
		"a { device_type = \"memory\"; numa-node-id = <0>; reg = <0x1000 0x2000>; };\n"
		"b { device_type = \"memory\"; numa-node-id = <1>; reg = <0x2000 0x2000>; }; "
		"};",
		"[mem 0x0000000000002000-0x0000000000003fff] of node 1 overlaps memory of node 0");
	refused(START "/memreserve/ 0xffffffffffff0000 0x20000;\n/ { " CELLS2 RAM "};",
		"/memreserve/: 0x20000 bytes at 0xffffffffffff0000 end beyond");
	refused(START "/ { " CELLS2 RAM "reserved-memory { " CELLS1 " ranges; }; };",
		"/reserved-memory: #address-cells and #size-cells differ from the root's, 2 and 2");
	refused(START "/ { " CELLS2 RAM "reserved-memory { " CELLS2 " }; };",
		"/reserved-memory: no ranges property");
	refused(START "/ { " CELLS2 RAM RESERVED "x { reg = <0 1 0 1>; no-map; reusable; }; }; };",
		"/reserved-memory/x: no-map and reusable exclude each other");
	refused(START "/ { " CELLS2 RAM RESERVED "x { reg = <0 1 1>; }; }; };",
		"/reserved-memory/x: reg has 12 bytes");
	refused(START "/ { " CELLS2 RAM RESERVED "x { size = <5>; }; }; };",
		"/reserved-memory/x: size has 4 bytes, expected 8");
	refused(START "/ { " CELLS2 RAM RESERVED "x { size = <0 5>; alignment = <0 3>; }; }; };",
		"alignment 0x3, expected a power of two");
	refused(START "/ { " CELLS2 RAM "d { compatible = \"numa-distance-map-v1\"; }; };",
		"/d: distance-matrix has 0 bytes, expected a multiple of 12");
	refused(START "/ { " CELLS2 RAM "d { compatible = \"numa-distance-map-v1\"; "
		      "distance-matrix = <0 0 11>; }; };",
		"distance 11 from node 0 to node 0, expected 10");
	refused(START "/ { " CELLS2 RAM "d { compatible = \"numa-distance-map-v1\"; "
		      "distance-matrix = <0 1 256>; }; };",
		"expected 11 to 255");
	refused(START "/ { " CELLS2 RAM
		      "chosen { linux,initrd-start = <5>; linux,initrd-end = <4>; "
		      "}; };",
		"/chosen: linux,initrd-end 0x4 lies below");
	refused(START "/ { " CELLS2 RAM "chosen { linux,initrd-start = <1 2 3>; }; };",
		"linux,initrd-start has 12 bytes, expected 4 or 8");
	refused(START "/ { " CELLS2 RAM "chosen { linux,usable-memory-range = <0 1 0 0>; }; };",
		"expected 1 or 2");
}

/* ---- dtc ---- */

static void test_dtc_errors(void **state)
{
	char *path = getenv("PATH") != NULL ? strdup(getenv("PATH")) : NULL;

	(void)state;
	refused(START "/ {\n  memory = <1;\n};", "t.dts:3: dtc: syntax error");
	refused(START "/ { x = &nowhere; };", "dtc: ");
	refused("// no tree", "dtc: ");
	assert_int_equal(map_parse(&map, "a/b.txt", START "/ {", 13, MAP_SOURCE_AUTO, &diag),
			 CLI_INPUT);
	assert_non_null(strstr(diag.text.s, "a/b.txt:2: dtc: syntax error"));
	done();
	assert_int_equal(map_parse(&map, "t", START, strlen(START), MAP_SOURCE_E820, &diag),
			 CLI_INPUT);
	assert_non_null(strstr(diag.text.s, "t: no e820 lines in this map"));
	done();
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(parse(START "/ { " CELLS2 RAM "};"), CLI_FAILED);
	assert_non_null(strstr(diag.text.s, "t.dts: devicetree source needs the program dtc"));
	done();
	assert_non_null(path);
	setenv("PATH", path, 1);
	free(path);
}

/* A program that calls itself dtc and does not behave. */
static void fake_dtc(const char *script, const char *message)
{
	char folder[] = "/tmp/quarry-dtc-XXXXXX", file[64], path[4096];
	char *old = strdup(getenv("PATH"));
	FILE *f;

	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/dtc", folder);
	snprintf(path, sizeof(path), "%s:%s", folder, old);
	f = fopen(file, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	assert_int_equal(chmod(file, 0700), 0);
	setenv("PATH", path, 1);
	assert_int_equal(parse(START "/ { " CELLS2 RAM "};"), CLI_INPUT);
	setenv("PATH", old, 1);
	unlink(file);
	rmdir(folder);
	free(old);
	if (strstr(diag.text.s, message) == NULL)
		fail_msg("got \"%s\" instead of \"%s\"", diag.text.s, message);
	done();
}

static void test_dtc_misbehaves(void **state)
{
	(void)state;
	fake_dtc("exit 0", "dtc wrote nothing");
	fake_dtc("exit 3", "dtc failed without a message");
	fake_dtc("echo what; echo 'Error: x.dtsi:3.1-2 oops' >&2; exit 1",
		 "dtc: x.dtsi:3.1-2 oops");
	fake_dtc("echo nonsense", "the devicetree blob is damaged");
	fake_dtc("exec cat /dev/zero", "dtc wrote more than 16 MiB, stopped");
	fake_dtc("cat /dev/zero >&2 & cat /dev/zero; wait", "dtc wrote more than 16 MiB");
}

/* ---- blobs ---- */

static const char *map_path(const char *name)
{
	static char path[256];
	const char *dir = getenv("QUARRY_MAPS");

	snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : "maps", name);
	return path;
}

static void read_file(const char *path, struct strbuf *text)
{
	FILE *f = fopen(path, "rb");
	char chunk[4096];
	size_t n;

	if (f == NULL)
		fail_msg("%s: cannot open", path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		strbuf_add(text, chunk, n);
	fclose(f);
}

/* Every blob that ends too early is refused, from memory that ends there too. */
static void test_truncated(void **state)
{
	const char *path = map_path("arm64-hikey-1g.dts");
	struct strbuf text = {0}, blob = {0};
	size_t len;

	(void)state;
	read_file(path, &text);
	assert_int_equal(devtree_compile(path, text.s, text.len, &blob, &diag), CLI_OK);
	assert_true(devtree_is_blob(blob.s, blob.len));
	for (len = 4; len < blob.len; len++) {
		char *cut = malloc(len);

		assert_non_null(cut);
		memcpy(cut, blob.s, len);
		assert_int_equal(map_parse(&map, "t.dtb", cut, len, MAP_SOURCE_AUTO, &diag),
				 CLI_INPUT);
		assert_non_null(strstr(diag.text.s, "t.dtb: the devicetree blob is damaged"));
		done();
		free(cut);
	}
	/* Bytes behind the tree do no harm. */
	strbuf_add(&blob, "tail", 4);
	assert_int_equal(map_parse(&map, "t.dtb", blob.s, blob.len, MAP_SOURCE_AUTO, &diag),
			 CLI_OK);
	done();
	strbuf_free(&text);
	strbuf_free(&blob);
}

/* A blob may lie at any address; libfdt wants one that 8 divides. */
static void test_unaligned(void **state)
{
	const char *path = map_path("arm64-hikey-1g.dts");
	struct strbuf text = {0}, blob = {0};

	(void)state;
	read_file(path, &text);
	assert_int_equal(devtree_compile(path, text.s, text.len, &blob, &diag), CLI_OK);
	for (size_t at = 0; at < 8; at++) {
		char *moved = malloc(at + blob.len);

		assert_non_null(moved);
		memcpy(moved + at, blob.s, blob.len);
		if (map_parse(&map, "t.dtb", moved + at, blob.len, MAP_SOURCE_AUTO, &diag) !=
		    CLI_OK)
			fail_msg("at %zu: %s", at, diag.text.s);
		done();
		free(moved);
	}
	strbuf_free(&text);
	strbuf_free(&blob);
}

/* ---- machines ---- */

static void boot(struct machine *m, const char *text, const char *cmdline, enum map_arch arch)
{
	struct machine_options o = {.map_path = "t.dts",
				    .map_text = text,
				    .map_len = strlen(text),
				    .cmdline = cmdline,
				    .arch = arch,
				    .diag = &diag};

	if (machine_create(&o, m) != CLI_OK)
		fail_msg("%s", diag.text.s);
	assert_int_equal(quarry_check(m->q, NULL), 0);
}

static void zone(struct machine *m, int nid, enum quarry_zone_type type, uint64_t start_pfn,
		 unsigned long spanned, unsigned long present)
{
	struct quarry_zone_info info;

	assert_int_equal(quarry_zone_info(m->q, nid, type, &info), present != 0);
	assert_int_equal(info.spanned, spanned);
	assert_int_equal(info.present, present);
	if (present != 0)
		assert_int_equal(info.start_pfn, start_pfn);
}

/*
 * QEMU's virt board, by its size and nodes. The numbers are zoneinfo's of Debian's Linux 6.1.192
 * for arm64 on QEMU 7.2, devicetree boot.
 */
#define VIRT(memory) START "/ { compatible = \"linux,dummy-virt\"; " CELLS2 memory
#define CPU(n, more)                                                                      \
	"cpu@" #n " { device_type = \"cpu\"; compatible = \"arm,cortex-a57\"; reg = <" #n \
	"> ; " more "};\n"

static void test_linux_arm64(void **state)
{
	struct machine m;

	(void)state;
	boot(&m,
	     VIRT("memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x40000000>; "
		  "};"
		  "cpus { #address-cells = <1>; #size-cells = <0>; " CPU(0, "") "}; };"),
	     NULL, MAP_ARCH_UNKNOWN);
	zone(&m, 0, QUARRY_ZONE_DMA, 262144, 262144, 262144);
	zone(&m, 0, QUARRY_ZONE_DMA32, 0, 0, 0);
	zone(&m, 0, QUARRY_ZONE_NORMAL, 0, 0, 0);
	assert_int_equal(m.nr_cpus, 1);
	machine_destroy(&m);
	boot(&m,
	     VIRT("memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 1 0x40000000>; "
		  "};"
		  "cpus { #address-cells = <1>; #size-cells = <0>; " CPU(0, "") CPU(1, "")
			  CPU(2, "") CPU(3, "") "}; };"),
	     NULL, MAP_ARCH_UNKNOWN);
	zone(&m, 0, QUARRY_ZONE_DMA, 262144, 786432, 786432);
	zone(&m, 0, QUARRY_ZONE_DMA32, 0, 0, 0);
	zone(&m, 0, QUARRY_ZONE_NORMAL, 1048576, 524288, 524288);
	assert_int_equal(m.nr_cpus, 4);
	machine_destroy(&m);
	boot(&m,
	     VIRT("memory@100000000 { device_type = \"memory\"; numa-node-id = <1>; "
		  "reg = <1 0 0 0x80000000>; };"
		  "memory@40000000 { device_type = \"memory\"; numa-node-id = <0>; "
		  "reg = <0 0x40000000 0 0xc0000000>; };"
		  "cpus { #address-cells = <1>; #size-cells = <0>; " CPU(0, "numa-node-id = <0>; ")
			  CPU(1, "numa-node-id = <1>; ") "}; };"),
	     NULL, MAP_ARCH_UNKNOWN);
	zone(&m, 0, QUARRY_ZONE_DMA, 262144, 786432, 786432);
	zone(&m, 0, QUARRY_ZONE_NORMAL, 0, 0, 0);
	zone(&m, 1, QUARRY_ZONE_DMA, 0, 0, 0);
	zone(&m, 1, QUARRY_ZONE_NORMAL, 1048576, 524288, 524288);
	assert_int_equal(m.cpu_node[1], 1);
	assert_int_equal(quarry_node_distance(m.q, 0, 1), 20);
	machine_destroy(&m);
	diag_free(&diag);
}

static void test_zone_limits(void **state)
{
	static const char high[] = START "/ { " CELLS2 "m { device_type = \"memory\"; "
					 "reg = <0x80 0 0 0x40000000>; }; };";
	uint64_t start, end;
	struct machine m;

	(void)state;
	/* No RAM below 4 GiB: arm64 has all in ZONE_DMA, riscv64 in Normal. */
	boot(&m, high, NULL, MAP_ARCH_UNKNOWN);
	zone(&m, 0, QUARRY_ZONE_DMA, 0x8000000, 262144, 262144);
	assert_true(machine_zone_range(&m, QUARRY_ZONE_DMA, &start, &end));
	assert_int_equal(start, 0x8000000000);
	assert_int_equal(end, 0x8040000000);
	assert_false(machine_zone_range(&m, QUARRY_ZONE_NORMAL, &start, &end));
	machine_destroy(&m);
	boot(&m, high, NULL, MAP_ARCH_RISCV64);
	zone(&m, 0, QUARRY_ZONE_NORMAL, 0x8000000, 262144, 262144);
	machine_destroy(&m);
	boot(&m, START "/ { " CELLS2 RAM "};", NULL, MAP_ARCH_RISCV64);
	zone(&m, 0, QUARRY_ZONE_DMA, 0, 0, 0);
	zone(&m, 0, QUARRY_ZONE_DMA32, 0x40000, 65536, 65536);
	machine_destroy(&m);
	boot(&m, START "/ { " CELLS2 RAM "};", NULL, MAP_ARCH_X86_64);
	assert_int_equal(m.arch, MAP_ARCH_X86_64);
	zone(&m, 0, QUARRY_ZONE_DMA32, 0x40000, 65536, 65536);
	machine_destroy(&m);
	diag_free(&diag);
}

static void reservation(const struct machine *m, size_t i, const char *name, const char *kind,
			uint64_t start, uint64_t end)
{
	assert_true(i < m->nr_reservations);
	assert_string_equal(m->reservations[i].name, name);
	assert_string_equal(m->reservations[i].kind, kind);
	assert_int_equal(m->reservations[i].start, start);
	assert_int_equal(m->reservations[i].end, end);
}

static void test_machine_reserved(void **state)
{
	struct quarry_zone_info zone;
	struct quarry_totals t;
	struct machine m;

	(void)state;
	boot(&m,
	     START
	     "/memreserve/ 0x48000000 0x1000;\n/ { " CELLS2 RAM RESERVED
	     "fw@41000000 { reg = <0 0x41000000 0 0x100000>; no-map; };\n"
	     "low { size = <0 0x100000>; alignment = <0 0x100000>; no-map; alloc-ranges = "
	     "<0 0x20000000 0 0x1000>, <0 0x40000000 0 0x800000>; };\n"
	     "pool { compatible = \"shared-dma-pool\"; reusable; size = <0 0x400000>; "
	     "linux,cma-default; };\n"
	     "huge { size = <0 0x40000000>; };\n"
	     "odd { compatible = \"shared-dma-pool\"; reusable; reg = <0 0x45100000 0 "
	     "0x200000>; };\n"
	     "}; chosen { linux,initrd-start = <0x44000000>; linux,initrd-end = <0x44100000>; "
	     "}; };",
	     "reserve_mem=64K:4K:trace crashkernel=16M@0x46000000", MAP_ARCH_UNKNOWN);
	assert_int_equal(m.nr_reservations, 5);
	reservation(&m, 0, "fw@41000000", "no-map", 0x41000000, 0x41100000);
	reservation(&m, 1, "low", "no-map", 0x40700000, 0x40800000);
	reservation(&m, 2, "pool", "CMA", 0x4fc00000, 0x50000000);
	assert_true(m.reservations[2].cma_default);
	reservation(&m, 3, "crashkernel", "crash kernel", 0x46000000, 0x47000000);
	reservation(&m, 4, "trace", "reserve_mem", 0x4fbf0000, 0x4fc00000);
	assert_true(quarry_memblock_is_memory(m.q, 0x41000000));
	assert_false(quarry_memblock_is_map_memory(m.q, 0x41000000));
	assert_false(quarry_memblock_is_map_memory(m.q, 0x40700000));
	assert_true(quarry_memblock_is_reserved(m.q, 0x44000000));
	assert_true(quarry_memblock_is_reserved(m.q, 0x48000000));
	assert_false(quarry_memblock_is_reserved(m.q, 0x45100000));
	assert_non_null(strstr(diag.text.s, "/reserved-memory/huge: no room for 0x40000000 bytes"));
	assert_non_null(strstr(diag.text.s, "/reserved-memory/odd: a CMA pool must lie on"));
	quarry_totals(m.q, &t);
	assert_int_equal(t.present, 65536);
	/* fw 256, low 256, crash kernel 4096, trace 16, RAM disk 256, memreserve 1; the pool is lent */
	assert_int_equal(t.managed, 65536 - 256 - 256 - 4096 - 16 - 256 - 1);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &zone));
	assert_int_equal(zone.cma, 1024);
	assert_int_equal(zone.free_cma, 1024);
	assert_int_equal(m.lent, 4 << 20);
	machine_destroy(&m);
	diag_free(&diag);
}

/* cma= takes the place of the Devicetree's default pool; other pools stay. */
static void test_machine_cma(void **state)
{
	struct quarry_zone_info zone;
	struct machine m;

	(void)state;
	boot(&m,
	     START "/ { " CELLS2 RAM RESERVED
		   "first { compatible = \"shared-dma-pool\"; reusable; size = <0 0x400000>; "
		   "linux,cma-default; };\n"
		   "second { compatible = \"shared-dma-pool\"; reusable; size = <0 0x200000>; };\n"
		   "}; };",
	     "cma=7M@0x42000000-0x44000000", MAP_ARCH_UNKNOWN);
	assert_int_equal(m.nr_reservations, 2);
	reservation(&m, 0, "second", "CMA", 0x4fe00000, 0x50000000);
	reservation(&m, 1, "reserved", "CMA", 0x43800000, 0x44000000);
	assert_true(m.reservations[1].cma_default);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &zone));
	assert_int_equal(zone.cma, 512 + 2048);
	machine_destroy(&m);
	diag_free(&diag);
}

/* mem= counts what is kept; usable-memory-range says where it may lie. */
/* Nodes are those of memory and of CPUs: neither gaps nor a distance-map make any. */
static void test_machine_nodes(void **state)
{
	static const char tree[] =
		START "/ { " CELLS2 "a { device_type = \"memory\"; numa-node-id = <0>; reg = <0 "
		      "0x40000000 0 0x8000000>; };\n"
		      "b { device_type = \"memory\"; numa-node-id = <3>; reg = <0 0x80000000 0 "
		      "0x8000000>; };\n"
		      "cpus { #address-cells = <1>; #size-cells = <0>;\n"
		      "cpu@0 { device_type = \"cpu\"; reg = <0>; numa-node-id = <3>; };\n"
		      "cpu@1 { device_type = \"cpu\"; reg = <1>; };\n"
		      "cpu@2 { device_type = \"cpu\"; reg = <2>; numa-node-id = <2>; }; };\n"
		      "distance-map { compatible = \"numa-distance-map-v1\";\n"
		      "distance-matrix = <0 0 10>, <0 1 15>, <0 2 30>, <0 3 20>, <5 5 10>; }; };";
	static const bool possible[] = {true, false, true, true, false, false};
	struct quarry_zoneref refs[4];
	struct machine m;

	(void)state;
	boot(&m, tree, NULL, MAP_ARCH_ARM64);
	assert_int_equal(m.nr_cpus, 3);
	assert_int_equal(m.cpu_node[0], 3);
	assert_int_equal(m.cpu_node[1], 0);
	assert_int_equal(m.cpu_node[2], 2);
	for (int nid = 0; nid < 6; nid++) {
		assert_int_equal(quarry_node_possible(m.q, nid), possible[nid]);
		assert_int_equal(quarry_zonelist(m.q, nid, false, refs, 4), possible[nid] ? 2 : 0);
	}
	assert_false(quarry_node_present(m.q, 2));
	assert_true(quarry_node_online(m.q, 2));
	assert_int_equal(quarry_zonelist(m.q, 2, false, refs, 4), 2);
	assert_int_equal(refs[0].nid, 3); /* 20 as unsaid, 30 to node 0 */
	machine_destroy(&m);
	diag_free(&diag);
}

static void test_machine_limits(void **state)
{
	static const char two[] = START
		"/ { " CELLS2 "m { device_type = \"memory\"; reg = <0 0x40000000 0 0x8000000>, "
		"<0 0x80000000 0 0x8000000>; };\n"
		"chosen { linux,usable-memory-range = <0 0x41000000 1 0>; }; };";
	struct machine m;

	(void)state;
	boot(&m, two, "mem=64M mem=144M memmap=1M$0x42000000", MAP_ARCH_UNKNOWN);
	assert_int_equal(m.nr_ram, 2);
	assert_int_equal(m.ram[0].start, 0x41000000);
	assert_int_equal(m.ram[0].end, 0x48000000);
	assert_int_equal(m.ram[1].end, 0x82000000);
	assert_non_null(strstr(diag.text.s, "memmap= means nothing on arm64, ignored"));
	machine_destroy(&m);
	diag_free(&diag);
	boot(&m, two, "mem=64M mem=144M", MAP_ARCH_RISCV64);
	assert_int_equal(m.nr_ram, 1);
	assert_int_equal(m.ram_bytes, 64 << 20);
	machine_destroy(&m);
	diag_free(&diag);
}

static void test_machine_maps(void **state)
{
	static const struct {
		const char *name;
		enum map_arch arch;
		int nodes;
		uint64_t ram;
		size_t reservations;
	} maps[] = {
		{"arm64-hikey-1g.dts", MAP_ARCH_ARM64, 1, 0x3ddfd000, 2},
		{"arm64-phone-sdm845.dts", MAP_ARCH_ARM64, 1, 0x100000000, 20},
		{"arm64-qemu-virt-2node-3g.dts", MAP_ARCH_ARM64, 2, 0xc0000000, 0},
		{"riscv64-icicle-2g.dts", MAP_ARCH_RISCV64, 1, 0x80000000, 1},
		{"riscv64-k210-8m.dts", MAP_ARCH_RISCV64, 1, 0x800000, 0},
		{"riscv64-qemu-virt-2node-2g.dts", MAP_ARCH_RISCV64, 2, 0x80000000, 0},
		{"riscv64-unmatched-16g.dts", MAP_ARCH_RISCV64, 1, 0x400000000, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		struct machine_options o = {
			.map_path = map_path(maps[i].name), .bootmem = i & 1, .diag = &diag};
		struct machine m;

		assert_int_equal(machine_create(&o, &m), CLI_OK);
		assert_null(diag.text.s);
		assert_int_equal(m.arch, maps[i].arch);
		assert_int_equal(m.nr_nodes, maps[i].nodes);
		assert_int_equal(m.ram_bytes, maps[i].ram);
		assert_int_equal(m.nr_reservations, maps[i].reservations);
		assert_int_equal(quarry_check(m.q, NULL), 0);
		machine_destroy(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),           cmocka_unit_test(test_numa),
		cmocka_unit_test(test_reserved),         cmocka_unit_test(test_arch),
		cmocka_unit_test(test_refused),          cmocka_unit_test(test_dtc_errors),
		cmocka_unit_test(test_dtc_misbehaves),   cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_linux_arm64),      cmocka_unit_test(test_zone_limits),
		cmocka_unit_test(test_machine_reserved), cmocka_unit_test(test_machine_limits),
		cmocka_unit_test(test_machine_maps),     cmocka_unit_test(test_machine_cma),
		cmocka_unit_test(test_machine_nodes),    cmocka_unit_test(test_unaligned),
	};

	return cmocka_run_group_tests_name("fdt", tests, NULL, NULL);
}
