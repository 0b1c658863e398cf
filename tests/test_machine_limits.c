/* SPDX-License-Identifier: MIT */
/*
 * Machines at the edge of what can be described: more nodes than there can be, node numbers with gaps,
 * parameters that another architecture's kernel does not know, and logs that must betray whose they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <machine.h>

#define GIB ((uint64_t)1 << 30)
#define PC_8G                                                             \
	"BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n" \
	"BIOS-e820: [mem 0x0000000000100000-0x00000000bffdffff] usable\n" \
	"BIOS-e820: [mem 0x0000000100000000-0x000000023fffffff] usable\n"
#define MEMBLOCK_1G "memblock_add: [0x0000000040000000-0x000000007fffffff] x+0x1/0x2\n"

static struct machine m;
static struct diag diag;

/* Boots @text, named @path, and leaves what was said in diag. */
static void boot_as(const char *path, const char *text, const char *cmdline, bool bootmem)
{
	struct machine_options o = {.map_path = path,
				    .map_text = text,
				    .map_len = strlen(text),
				    .cmdline = cmdline,
				    .bootmem = bootmem,
				    .diag = &diag};

	diag_free(&diag);
	if (machine_create(&o, &m) != CLI_OK)
		fail_msg("%s", diag.text.s);
}

static void boot(const char *text, const char *cmdline)
{
	boot_as("t", text, cmdline, false);
}

static void said(const char *what)
{
	if (diag.text.s == NULL || strstr(diag.text.s, what) == NULL)
		fail_msg("\"%s\" instead of \"%s\"", diag.text.s != NULL ? diag.text.s : "", what);
	machine_destroy(&m);
	diag_free(&diag);
}

static void silent(void)
{
	if (diag.text.s != NULL && diag.text.len != 0)
		fail_msg("%s", diag.text.s);
	machine_destroy(&m);
	diag_free(&diag);
}

/* 2a, nodes: as a kernel built for 64 of them, one more and none is believed. */
static void test_a_65th_node_turns_numa_off(void **state)
{
	(void)state;
	boot(PC_8G "SRAT: PXM 0 -> APIC 0x00 -> Node 0\n"
		   "SRAT: Node 0 PXM 0 [mem 0x0-0xbfffffff]\n"
		   "SRAT: Node 64 PXM 64 [mem 0x100000000-0x23fffffff]\n",
	     NULL);
	assert_int_equal(m.nr_nodes, 1);
	assert_int_equal(m.nr_phys_nodes, 0);
	said("t:6: warning: SRAT: Too many proximity domains: a node above 63. NUMA is off");
	boot(PC_8G "SRAT: PXM 99 -> APIC 0x00 -> Node 99\n"
		   "SRAT: Node 0 PXM 0 [mem 0x0-0xbfffffff] hotplug\n"
		   "SRAT: Node 1 PXM 1 [mem 0x100000000-0x23fffffff] hotplug\n",
	     "movable_node");
	assert_int_equal(m.nr_nodes, 1);
	said("no hot-pluggable memory");
	boot(PC_8G "node64/distance:10 20\nnode3/distance:20 10\n", NULL);
	said("Too many proximity domains");
	boot(PC_8G "SRAT: Node 63 PXM 63 [mem 0x0-0x23fffffff]\n", NULL);
	assert_int_equal(m.nr_nodes, 64);
	silent();
	boot_as("t.dts",
		"/dts-v1/;\n/ { #address-cells = <1>; #size-cells = <1>;\n"
		"a { device_type = \"memory\"; numa-node-id = <0>; reg = <0x40000000 0x4000000>; "
		"};\n"
		"b { device_type = \"memory\"; numa-node-id = <64>; reg = <0x60000000 0x4000000>; "
		"};\n"
		"d { compatible = \"numa-distance-map-v1\"; distance-matrix = <0 77 20>; }; };\n",
		NULL, false);
	assert_int_equal(m.nr_nodes, 1);
	assert_non_null(strstr(diag.text.s, "/b: numa-node-id 64 exceeds the largest, 63"));
	said("/d: node 77 exceeds the largest, 63: passed over");
}

static void test_fake_nodes_are_64_at_most(void **state)
{
	(void)state;
	boot(PC_8G, "numa=fake=100");
	assert_int_equal(m.nr_nodes, 64);
	said("numa=fake=100 too large, reducing to 64");
	boot(PC_8G, "numa=fake=32M");
	assert_in_range(m.nr_nodes, 40, 64);
	said("numa=fake=: nodes of 128 MiB instead, for 64 at most");
	boot(PC_8G, "numa=off numa=fake=2");
	assert_int_equal(m.nr_nodes, 2);
	silent();
}

static void test_nobody_but_x86_fakes_nodes(void **state)
{
	(void)state;
	boot(MEMBLOCK_1G "psci: probing for conduit method from DT.\n", "numa=fake=4");
	assert_int_equal(m.arch, MAP_ARCH_ARM64);
	assert_int_equal(m.nr_nodes, 1);
	said("numa=fake= means nothing on arm64, ignored");
	boot(MEMBLOCK_1G "riscv: base ISA extensions acdfim\n", "numa=noacpi");
	assert_int_equal(m.arch, MAP_ARCH_RISCV64);
	assert_false(m.cmdline.numa_off);
	said("numa=noacpi means nothing on riscv64, ignored");
}

static void test_memtest_says_that_it_finds_nothing(void **state)
{
	(void)state;
	boot(PC_8G, "memtest=4");
	said("memtest= has no effect");
	boot(PC_8G, "memtest=0");
	silent();
}

static enum map_arch arch_of(const char *text)
{
	enum map_arch arch;

	boot(text, NULL);
	arch = m.arch;
	silent();
	return arch;
}

/* Only zones differ, but wholly: ZONE_DMA of arm64 is ZONE_DMA32 elsewhere. */
static void test_a_log_betrays_its_architecture(void **state)
{
	struct quarry_zone_info z;

	(void)state;
	assert_int_equal(arch_of(MEMBLOCK_1G), MAP_ARCH_X86_64);
	assert_int_equal(arch_of("Linux version 6.1.0-56-cloud-arm64 (x)\n" MEMBLOCK_1G),
			 MAP_ARCH_ARM64);
	assert_int_equal(
		arch_of("Linux version 5.4.0 (gcc version 9 (aarch64-linux))\n" MEMBLOCK_1G),
		MAP_ARCH_ARM64);
	assert_int_equal(arch_of("Linux version 6.6.0-riscv64 (x)\n" MEMBLOCK_1G),
			 MAP_ARCH_RISCV64);
	assert_int_equal(arch_of("Linux version 6.6.0-amd64 (x)\n" MEMBLOCK_1G), MAP_ARCH_X86_64);
	assert_int_equal(arch_of("Booting Linux on physical CPU 0x0000000000 [0x411fd070]\n" //
				 "efi: mem00: [Conventional|WB] range=[0x40000000-0x7fffffff]\n"),
			 MAP_ARCH_ARM64);
	assert_int_equal(arch_of("SBI specification v1.0 detected\n" MEMBLOCK_1G),
			 MAP_ARCH_RISCV64);
	/* e820 is the last word. */
	assert_int_equal(arch_of("psci: x\n" PC_8G), MAP_ARCH_X86_64);
	/* A log without its first lines: no other ZONE_DMA reaches so far. */
	boot(MEMBLOCK_1G "Zone ranges:\n"
			 "  DMA      [mem 0x0000000040000000-0x000000007fffffff]\n"
			 "  DMA32    empty\n"
			 "  Normal   empty\n",
	     NULL);
	assert_int_equal(m.arch, MAP_ARCH_ARM64);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &z));
	assert_int_equal(z.present, 0x40000);
	silent();
}

static void zonelist_is(int nid, const char *expected)
{
	struct quarry_zoneref refs[16];
	struct strbuf list = {0};
	unsigned int n = quarry_zonelist(m.q, nid, false, refs, 16);

	for (unsigned int i = 0; i < n; i++)
		strbuf_addf(&list, "%s%d:%d", i != 0 ? " " : "", refs[i].nid, (int)refs[i].zone);
	assert_string_equal(list.s, expected);
	strbuf_free(&list);
}

/* P17: nodes 1, 4 and 9 have memory, 6 has a CPU alone; the others are not there. */
static void test_node_numbers_with_gaps(void **state)
{
	static const char text[] = PC_8G "SRAT: PXM 0 -> APIC 0x00 -> Node 1\n"
					 "SRAT: PXM 1 -> APIC 0x01 -> Node 6\n"
					 "SRAT: PXM 2 -> APIC 0x02 -> Node 9\n"
					 "SRAT: Node 1 PXM 0 [mem 0x0-0xbfffffff]\n"
					 "SRAT: Node 4 PXM 1 [mem 0x100000000-0x17fffffff]\n"
					 "SRAT: Node 9 PXM 2 [mem 0x180000000-0x23fffffff]\n";
	static const char distances[] = "node1/distance:10 30 20 40\n"
					"node4/distance:30 10 20 15\n"
					"node6/distance:20 20 10 12\n"
					"node9/distance:40 15 12 10\n";

	(void)state;
	for (int bootmem = 0; bootmem < 2; bootmem++) {
		struct strbuf both = {0};

		boot_as("t", text, NULL, bootmem != 0);
		assert_int_equal(m.nr_nodes, 10);
		assert_true(quarry_node_present(m.q, 1) && quarry_node_present(m.q, 9));
		assert_false(quarry_node_present(m.q, 0) || quarry_node_present(m.q, 5));
		assert_int_equal(m.cpu_node[1], 6);
		/* Node 4 was taken first by another before: node 9 takes it last. */
		zonelist_is(1, "1:1 1:0 4:2 9:2");
		zonelist_is(4, "4:2 9:2 1:1 1:0");
		zonelist_is(9, "9:2 1:1 1:0 4:2");
		silent();
		strbuf_addf(&both, "%s%s", text, distances);
		boot_as("t", both.s, NULL, bootmem != 0);
		assert_int_equal(quarry_node_distance(m.q, 6, 9), 12);
		zonelist_is(1, "1:1 1:0 4:2 9:2");
		zonelist_is(4, "4:2 9:2 1:1 1:0");
		zonelist_is(6, "9:2 1:1 1:0 4:2");
		zonelist_is(9, "9:2 4:2 1:1 1:0");
		silent();
		strbuf_free(&both);
	}
}

/* 2a, zone sizes: 6.1 takes kernelcore=mirror at its word even where nothing is mirrored. */
static void test_mirror_without_mirrored_memory(void **state)
{
	struct quarry_zone_info z;

	(void)state;
	for (int bootmem = 0; bootmem < 2; bootmem++) {
		boot_as("t", PC_8G, "kernelcore=mirror", bootmem != 0);
		assert_false(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &z));
		assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &z));
		assert_int_equal(z.start_pfn, 4 * GIB >> 12);
		assert_int_equal(z.spanned, 5 * GIB >> 12);
		assert_int_equal(z.present, z.spanned);
		assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &z));
		assert_int_equal(z.present, 0xbffe0 - 0x1000);
		said("the system has no mirror memory, all above 4 GiB is movable");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_65th_node_turns_numa_off),
		cmocka_unit_test(test_fake_nodes_are_64_at_most),
		cmocka_unit_test(test_nobody_but_x86_fakes_nodes),
		cmocka_unit_test(test_memtest_says_that_it_finds_nothing),
		cmocka_unit_test(test_a_log_betrays_its_architecture),
		cmocka_unit_test(test_node_numbers_with_gaps),
		cmocka_unit_test(test_mirror_without_mirrored_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
