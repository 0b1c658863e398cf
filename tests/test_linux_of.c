/* SPDX-License-Identifier: MIT */
/*
 * Flat devicetrees by Linux's headers and names alone, as the setup code of arm64 and riscv walks them: from
 * the tree that the boot loader left to memblock_free_all().
 */
#include <stdio.h>
#include <stdlib.h>

#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/initrd.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/of.h>
#include <linux/of_fdt.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <asm/setup.h>

#include "linux_runner.h"

/* ---- a tree of one's own ---- */

#define TREE_BYTES 4096
#define TREE_RESERVE 40
#define TREE_STRUCTURE 256
#define TREE_STRINGS 3072

static _Alignas(8) u8 tree[TREE_BYTES];
static unsigned int tree_at, tree_name;

static void put(unsigned int at, u32 v)
{
	for (unsigned int i = 0; i < 4; i++)
		tree[at + i] = (u8)(v >> (24 - 8 * i));
}

static void add(u32 v)
{
	put(tree_at, v);
	tree_at += 4;
}

static void add_bytes(const void *data, size_t size)
{
	memcpy(tree + tree_at, data, size);
	tree_at = (unsigned int)ALIGN(tree_at + size, 4);
}

static void open_node(const char *name)
{
	add(1);
	add_bytes(name, strlen(name) + 1);
}

static void close_node(void)
{
	add(2);
}

static void prop(const char *name, const void *data, size_t size)
{
	add(3);
	add((u32)size);
	add(tree_name - TREE_STRINGS);
	memcpy(tree + tree_name, name, strlen(name) + 1);
	tree_name += (unsigned int)strlen(name) + 1;
	add_bytes(data, size);
}

static void prop_text(const char *name, const char *text)
{
	prop(name, text, strlen(text) + 1);
}

static void prop_cells(const char *name, const u32 *cells, unsigned int nr)
{
	u8 data[64];

	for (unsigned int i = 0; i < 4 * nr; i++)
		data[i] = (u8)(cells[i / 4] >> (24 - i % 4 * 8));
	prop(name, data, 4 * nr);
}

#define CELLS(name, ...)                             \
	prop_cells(name, (const u32[]){__VA_ARGS__}, \
		   sizeof((const u32[]){__VA_ARGS__}) / sizeof(u32))

static void begin_tree(void)
{
	memset(tree, 0, sizeof(tree));
	tree_at = TREE_STRUCTURE;
	tree_name = TREE_STRINGS;
}

static void end_tree(void)
{
	const u32 header[10] = {0xd00dfeed,
				TREE_BYTES,
				TREE_STRUCTURE,
				TREE_STRINGS,
				TREE_RESERVE,
				17,
				16,
				0,
				tree_name - TREE_STRINGS,
				0};

	add(9);
	for (unsigned int i = 0; i < 10; i++)
		put(4 * i, header[i]);
	put(36, tree_at - TREE_STRUCTURE);
}

static void reserve_in_header(unsigned int n, u64 base, u64 size)
{
	put(TREE_RESERVE + 16 * n, (u32)(base >> 32));
	put(TREE_RESERVE + 16 * n + 4, (u32)base);
	put(TREE_RESERVE + 16 * n + 8, (u32)(size >> 32));
	put(TREE_RESERVE + 16 * n + 12, (u32)size);
}

/* A board: two banks, one of them hotpluggable; regions of every kind. */
static void board_tree(void)
{
	static const char compatible[] = "vendor,board\0vendor,family";

	begin_tree();
	open_node("");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	prop("compatible", compatible, sizeof(compatible));
	prop_text("model", "Vendor Board");
	open_node("chosen");
	prop_text("bootargs", "cma=0 quiet");
	CELLS("linux,initrd-start", 0, 0x84000000);
	CELLS("linux,initrd-end", 0, 0x84123456);
	close_node();
	open_node("memory@80000000");
	prop_text("device_type", "memory");
	CELLS("reg", 0, 0x80000000, 0, 0x10000000, 0, 0, 0, 0, 0, 0xa0000000, 0, 0x08000000);
	close_node();
	open_node("memory@100000000");
	prop_text("device_type", "memory");
	CELLS("reg", 1, 0, 0, 0x08000000);
	prop("hotpluggable", "", 0);
	close_node();
	open_node("memory@200000000");
	prop_text("device_type", "memory");
	prop_text("status", "disabled");
	CELLS("reg", 2, 0, 0, 0x08000000);
	close_node();
	open_node("reserved-memory");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	prop("ranges", "", 0);
	open_node("firmware@80000000");
	CELLS("phandle", 7);
	CELLS("reg", 0, 0x80000000, 0, 0x00200000);
	prop("no-map", "", 0);
	close_node();
	open_node("log@8f000000");
	CELLS("reg", 0, 0x8f000000, 0, 0x00001000, 0, 0x8f800000, 0, 0x00001000);
	close_node();
	open_node("pool@a0000000");
	prop_text("compatible", "shared-dma-pool");
	prop("reusable", "", 0);
	prop("linux,cma-default", "", 0);
	CELLS("reg", 0, 0xa0000000, 0, 0x01000000);
	close_node();
	open_node("video");
	CELLS("size", 0, 0x00400000);
	CELLS("alignment", 0, 0x00400000);
	CELLS("alloc-ranges", 0, 0xa4000000, 0, 0x02000000);
	close_node();
	open_node("nowhere");
	CELLS("size", 0, 0x00400000);
	CELLS("alloc-ranges", 3, 0, 0, 0x02000000);
	close_node();
	close_node();
	close_node();
	end_tree();
	reserve_in_header(0, 0x8e000000, 0x10000);
}

static void new_machine(void)
{
	quarry_linux_use(NULL);
	boot_command_line[0] = '\0';
	phys_initrd_start = 0;
	phys_initrd_size = 0;
	quarry_linux_bootmem();
}

/* ---- walking ---- */

struct walk {
	unsigned int nodes, deepest, memories;
	unsigned long region;
};

static int see_node(unsigned long node, const char *uname, int depth, void *data)
{
	struct walk *w = data;
	const char *type = of_get_flat_dt_prop(node, "device_type", NULL);

	IS(depth == 0, w->nodes == 0);
	IS(depth == 0, node == of_get_flat_dt_root());
	w->nodes++;
	w->deepest = max(w->deepest, (unsigned int)depth);
	w->memories += type != NULL && strcmp(type, "memory") == 0;
	if (strcmp(uname, "video") != 0)
		return 0;
	w->region = node;
	return 42;
}

static int count_child(unsigned long node, const char *uname, void *data)
{
	(void)node;
	OK(uname[0] != '\0');
	++*(int *)data;
	return 0;
}

static void every_node_is_seen(void)
{
	struct walk w = {0};
	int chosen, regions, size = 0, children = 0;
	const __be32 *reg;

	board_tree();
	OK(early_init_dt_verify(tree));
	IS(early_init_dt_scan_root(), 0);
	IS(dt_root_addr_cells, 2);
	IS(dt_root_size_cells, 2);
	IS(of_scan_flat_dt(see_node, &w), 42);
	IS(w.nodes, 10);
	IS(w.deepest, 2);
	IS(w.memories, 3);
	/* Its own "size", and not that of the node behind it. */
	reg = of_get_flat_dt_prop(w.region, "alignment", &size);
	IS(size, 8);
	IS(dt_mem_next_cell(2, &reg), 0x400000);
	OK(of_get_flat_dt_prop(w.region, "reg", &size) == NULL);
	IS(of_scan_flat_dt_subnodes(of_get_flat_dt_root(), count_child, &children), 0);
	IS(children, 5);
	chosen = of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "chosen");
	OK(chosen > 0);
	children = 0;
	IS(of_scan_flat_dt_subnodes((unsigned long)chosen, count_child, &children), 0);
	IS(children, 0);
	OK(of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "memory") > chosen);
	OK(of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "memory@100000000") >
	   of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "memory@80000000"));
	OK(of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "video") < 0);
	regions = of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "reserved-memory");
	IS(of_get_flat_dt_phandle((unsigned long)of_get_flat_dt_subnode_by_name(
		   (unsigned long)regions, "firmware")),
	   7);
	IS(of_get_flat_dt_phandle((unsigned long)regions), 0);
	IS(of_flat_dt_is_compatible(of_get_flat_dt_root(), "vendor,board"), 1);
	IS(of_flat_dt_is_compatible(of_get_flat_dt_root(), "vendor,family"), 2);
	IS(of_flat_dt_is_compatible(of_get_flat_dt_root(), "vendor"), 0);
	IS(strcmp(of_flat_dt_get_machine_name(), "Vendor Board"), 0);
}

/* ---- boards ---- */

static void is_region(const struct memblock_type *type, unsigned long i, phys_addr_t base,
		      phys_addr_t size, enum memblock_flags flags)
{
	OK(i < type->cnt);
	IS(type->regions[i].base, base);
	IS(type->regions[i].size, size);
	IS(type->regions[i].flags, flags);
}

/* As setup_arch(), setup_bootmem() and mem_init() of riscv do it. */
static void riscv_like_board(void)
{
	phys_addr_t video;
	unsigned long pages = 0;

	board_tree();
	OK(early_init_dt_scan(tree));
	IS(strcmp(boot_command_line, "cma=0 quiet"), 0);
	parse_early_param();
	is_region(&memblock.memory, 0, 0x80000000, SZ_256M, MEMBLOCK_NONE);
	is_region(&memblock.memory, 1, 0xa0000000, SZ_128M, MEMBLOCK_NONE);
	is_region(&memblock.memory, 2, 0x100000000, SZ_128M, MEMBLOCK_HOTPLUG);
	IS(memblock.memory.cnt, 3);
	memblock_reserve(0x80200000, SZ_8M); /* the kernel */
	IS(phys_initrd_start, 0x84000000);
	IS(phys_initrd_size, 0x123456);
	reserve_initrd_mem();
	early_init_fdt_scan_reserved_mem();
	is_region(&memblock.memory, 0, 0x80000000, SZ_2M, MEMBLOCK_NOMAP);
	is_region(&memblock.memory, 1, 0x80200000, SZ_256M - SZ_2M, MEMBLOCK_NONE);
	OK(!memblock_is_reserved(0x80000000)); /* it is not mapped: that will do */
	OK(memblock_is_region_memory(0x8f000000, SZ_4K) && memblock_is_reserved(0x8f000fff));
	OK(!memblock_is_reserved(0x8f001000) && memblock_is_reserved(0x8f800000));
	OK(memblock_is_reserved(0x8e00ffff) && !memblock_is_reserved(0x8e010000));
	OK(memblock_is_reserved(0xa0000000) && memblock_is_reserved(0xa0ffffff));
	OK(!memblock_is_reserved(0xa1000000));
	for (video = 0xa4000000; !memblock_is_reserved(video); video += SZ_4M)
		OK(video < 0xa6000000);
	OK(memblock_is_region_reserved(video, SZ_4M) && !memblock_is_reserved(video + SZ_4M));
	OK(dma_contiguous_default_area != NULL);
	IS(cma_get_base(dma_contiguous_default_area), 0xa0000000);
	IS(cma_get_size(dma_contiguous_default_area), SZ_16M);
	memblock_free_all();
	OK(memblock_is_map_memory(0x80200000) && !memblock_is_map_memory(0x80100000));
	/* The area's pages are there for its owner. */
	for (int i = 0; i < 8; i++, pages += 512)
		OK(cma_alloc(dma_contiguous_default_area, 512, 0, false) != NULL);
	OK(cma_alloc(dma_contiguous_default_area, 512, 0, true) == NULL);
	IS(pages * PAGE_SIZE, SZ_16M);
}

/* A crash kernel has what /chosen grants it, on a root of one cell each. */
static void usable_ranges(void)
{
	begin_tree();
	open_node("");
	open_node("chosen@0");
	CELLS("linux,usable-memory-range", 0x10000000, 0x04000000, 0x1000, 0x1000);
	close_node();
	open_node("memory@0");
	prop_text("device_type", "memory");
	CELLS("linux,usable-memory", 0x8000000, 0x18000000);
	CELLS("reg", 0, 0x40000000);
	close_node();
	close_node();
	end_tree();
	OK(early_init_dt_scan(tree));
	IS(dt_root_addr_cells, 1);
	IS(dt_root_size_cells, 1);
	is_region(&memblock.memory, 0, 0x1000, 0x1000, MEMBLOCK_NONE);
	is_region(&memblock.memory, 1, 0x10000000, SZ_64M, MEMBLOCK_NONE);
	IS(memblock.memory.cnt, 2);
	IS(boot_command_line[0], 0);
	IS(phys_initrd_size, 0);
	early_init_fdt_reserve_self();
	OK(memblock_is_region_reserved(__pa(tree), TREE_BYTES));
	IS(of_flat_dt_get_machine_name() == NULL, 1);
}

/* What is reserved already stays in the map; cells of /reserved-memory that are not the root's are not believed. */
static void regions_refused(void)
{
	board_tree();
	OK(early_init_dt_scan(tree));
	memblock_reserve(0x80100000, SZ_4K);
	early_init_fdt_scan_reserved_mem();
	is_region(&memblock.memory, 0, 0x80000000, SZ_256M, MEMBLOCK_NONE);
	OK(memblock_is_reserved(0x8f000000));

	new_machine();
	board_tree();
	OK(early_init_dt_scan(tree));
	dt_root_size_cells = 1;
	early_init_fdt_scan_reserved_mem();
	OK(!memblock_is_reserved(0x8f000000) && memblock_is_reserved(0x8e000000));
}

/* QEMU's own tree of an arm64 machine. */
static void tree_of_qemu(void)
{
	static _Alignas(8) u8 blob[1 << 20];
	FILE *f = fopen("tests/data/firmware/qemu-aarch64-virt.dtb", "rb");
	size_t size;

	if (f == NULL)
		f = fopen("../tests/data/firmware/qemu-aarch64-virt.dtb", "rb");
	OK(f != NULL);
	size = fread(blob, 1, sizeof(blob), f);
	fclose(f);
	OK(size > 1000);
	OK(early_init_dt_scan(blob));
	OK(of_flat_dt_is_compatible(of_get_flat_dt_root(), "linux,dummy-virt") != 0);
	IS(memblock.memory.regions[0].base, 0x40000000);
	OK(memblock_phys_mem_size() >= SZ_128M);
	OK(of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "cpus") > 0);
	early_init_fdt_scan_reserved_mem();
	memblock_free_all();
}

/* ---- no tree ---- */

static int never(unsigned long node, const char *uname, int depth, void *data)
{
	(void)node;
	(void)uname;
	(void)depth;
	(void)data;
	return 1;
}

static void damaged_trees(void)
{
	OK(!early_init_dt_scan(NULL));
	board_tree();
	tree[0] ^= 1;
	OK(!early_init_dt_scan(tree));
	board_tree();
	put(TREE_STRUCTURE + 40, 99); /* a tag that is none, or a length beyond the end */
	OK(!early_init_dt_scan(tree));
	board_tree();
	put(4, 39);
	OK(!early_init_dt_verify(tree));
	OK(initial_boot_params == NULL);
	IS(memblock.memory.regions[0].size, 0);
	/* Nothing is found in it. */
	IS(of_scan_flat_dt(never, NULL), 0);
	OK(of_get_flat_dt_prop(0, "model", NULL) == NULL);
	IS(of_get_flat_dt_subnode_by_name(0, "chosen"), -ENOENT);
	IS(early_init_dt_scan_root(), -ENODEV);
	IS(early_init_dt_scan_chosen(boot_command_line), -ENOENT);
	IS(early_init_dt_scan_memory(), 0);
	early_init_dt_check_for_usable_mem_range();
	early_init_fdt_scan_reserved_mem();
	early_init_fdt_reserve_self();
	IS(memblock.reserved.regions[0].size, 0);
}

static void numbers(void)
{
	static const u8 bytes[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	__be32 cells[3];

	memcpy(cells, bytes, sizeof(cells));
	IS(be32_to_cpu(cells[0]), 0x01020304);
	IS(of_read_number(cells, 0), 0);
	IS(of_read_number(cells, 1), 0x01020304);
	IS(of_read_number(cells, 2), 0x0102030405060708ull);
	IS(of_read_number(cells, 3), 0x05060708090a0b0cull);
	IS(of_read_ulong(cells + 1, 1), 0x05060708);
}

static const struct linux_test tests[] = {
	LINUX_TEST(every_node_is_seen),
	LINUX_TEST(riscv_like_board),
	LINUX_TEST(usable_ranges),
	LINUX_TEST(regions_refused),
	LINUX_TEST(tree_of_qemu),
	LINUX_TEST(damaged_trees),
	LINUX_TEST(numbers),
};

int main(void)
{
	return linux_run("linux_of", tests, sizeof(tests) / sizeof(tests[0]), new_machine);
}
