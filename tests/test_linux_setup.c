/* SPDX-License-Identifier: MIT */
/*
 * Boot code as architectures write it, by Linux's headers and names alone: from the firmware's map and the
 * command line to memblock_free_all(). Each board below is set up as one kernel or another would do it.
 */
#include <linux/cma.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/efi.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/init.h>
#include <linux/initrd.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/of_fdt.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/swiotlb.h>
#include <linux/topology.h>

#include <asm/early_ioremap.h>
#include <asm/memory.h>
#include <asm/pgtable.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/tlbflush.h>

#include "linux_runner.h"

static void new_machine(void)
{
	quarry_linux_use(NULL);
	boot_command_line[0] = '\0';
	quarry_linux_bootmem(); /* addresses from 0 on */
}

/* ---- a board with one bank, zones by the reach of its devices ---- */

static phys_addr_t memory_limit __initdata = PHYS_ADDR_MAX;
static int quiet_seen;

static int __init early_mem(char *p)
{
	if (p == NULL)
		return -EINVAL;
	memory_limit = memparse(p, &p) & PAGE_MASK;
	pr_notice("Memory limited to %lldMB\n", (long long)memory_limit >> 20);
	return 0;
}
early_param("mem", early_mem);

static int __init early_quiet(char *p)
{
	quiet_seen += p == NULL;
	return 0;
}
early_param("very-quiet", early_quiet);

static struct resource standard_resources[8];
static struct resource kernel_code = {.name = "Kernel code", .flags = IORESOURCE_SYSTEM_RAM};
static DEFINE_SPINLOCK(setup_lock);
static DEFINE_MUTEX(setup_mutex);

static void __init request_standard_resources(void)
{
	struct memblock_region *region;
	struct resource *res;
	unsigned long i = 0;

	for_each_mem_region(region)
	{
		res = &standard_resources[i++];
		memset(res, 0, sizeof(*res));
		res->name = "System RAM";
		res->start = PFN_PHYS(memblock_region_memory_base_pfn(region));
		res->end = PFN_PHYS(memblock_region_memory_end_pfn(region)) - 1;
		res->flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY;
		IS(request_resource(&iomem_resource, res), 0);
		if (kernel_code.start >= res->start && kernel_code.end <= res->end)
			IS(request_resource(res, &kernel_code), 0);
	}
}

static void __init zone_sizes_init(unsigned long dma_end)
{
	unsigned long max_zone_pfns[MAX_NR_ZONES] = {0};

	max_zone_pfns[ZONE_DMA] = dma_end;
	max_zone_pfns[ZONE_NORMAL] = max_pfn;
	free_area_init(max_zone_pfns);
}

static void arm_like_board(void)
{
	unsigned long flags, start, end;
	struct cma *area;
	struct zone *zone;

	strscpy(boot_command_line,
		"console=ttyAMA0 mem=96M very_quiet cma=8M memblock=quiet -- mem=1M",
		COMMAND_LINE_SIZE);
	parse_early_param();
	parse_early_param(); /* once a machine */
	IS(memory_limit, SZ_64M + SZ_32M);
	IS(quiet_seen, 1);

	early_init_dt_add_memory_arch(SZ_64M + 0x123, SZ_128M);
	memblock_enforce_memory_limit(memory_limit);
	kernel_code.start = SZ_64M + SZ_32K;
	kernel_code.end = SZ_64M + SZ_4M - 1;
	memblock_reserve(kernel_code.start, resource_size(&kernel_code));
	phys_initrd_start = SZ_64M + SZ_16M + 0x10;
	phys_initrd_size = SZ_1M;
	reserve_initrd_mem();
	OK(initrd_start == (unsigned long)__va(phys_initrd_start));
	IS(initrd_end - initrd_start, SZ_1M);
	IS(memblock_reserved_size(), SZ_4M - SZ_32K + SZ_1M + PAGE_SIZE);
	memblock_allow_resize();
	dma_contiguous_reserve(SZ_128M);
	area = dma_contiguous_default_area;
	OK(area != NULL);
	OK(cma_get_base(area) + cma_get_size(area) <= SZ_128M);
	min_low_pfn = PFN_UP(memblock_start_of_DRAM());
	max_low_pfn = max_pfn = PFN_DOWN(memblock_end_of_DRAM());
	get_pfn_range_for_nid(MAX_NUMNODES, &start, &end);
	IS(start, min_low_pfn);
	IS(end, max_pfn);
	IS(absent_pages_in_range(0, max_pfn), min_low_pfn);
	zone_sizes_init(PFN_DOWN(SZ_128M));
	sparse_init();
	IS(NODE_DATA(0)->node_start_pfn, min_low_pfn);
	IS(NODE_DATA(0)->node_present_pages, max_pfn - min_low_pfn);
	request_standard_resources();
	high_memory = __va(PFN_PHYS(max_low_pfn) - 1) + 1;

	swiotlb_init(max_pfn > PFN_DOWN(SZ_128M), SWIOTLB_VERBOSE);
	memblock_free_all();
	mem_init_print_info();
	zone = &NODE_DATA(0)->node_zones[ZONE_DMA];
	IS(zone_end_pfn(zone), PFN_DOWN(SZ_128M));
	zone = &NODE_DATA(0)->node_zones[ZONE_NORMAL];
	IS(zone->zone_start_pfn, PFN_DOWN(SZ_128M));
	IS(NODE_DATA(0)->node_zones[ZONE_DMA32].present_pages, 0);
	IS(free_reserved_area((void *)initrd_start, (void *)initrd_end, -1, "initrd"),
	   PFN_DOWN(SZ_1M) - 1);
	OK(alloc_page(GFP_DMA) != NULL);
	spin_lock_irqsave(&setup_lock, flags);
	OK(!spin_trylock(&setup_lock));
	spin_unlock_irqrestore(&setup_lock, flags);
	mutex_lock(&setup_mutex);
	mutex_unlock(&setup_mutex);
	IS(release_resource(&kernel_code), 0);
	IS(release_resource(&standard_resources[0]), 0);
	OK(iomem_resource.child == NULL);
	udelay(10);
	flush_tlb_all();
	IS(smp_processor_id(), 0);
	IS(num_possible_cpus(), 1);
}

/* A RAM disk that is not where it should be is given up. */
static void a_ram_disk_out_of_place(void)
{
	memblock_add(0, SZ_32M);
	memblock_reserve(SZ_8M, SZ_1M);
	phys_initrd_start = SZ_8M + SZ_64K;
	phys_initrd_size = SZ_64K;
	reserve_initrd_mem();
	IS(initrd_start | initrd_end, 0);
	phys_initrd_start = SZ_32M - SZ_64K;
	phys_initrd_size = SZ_128K;
	reserve_initrd_mem();
	IS(initrd_start | initrd_end, 0);
	phys_initrd_size = 0;
	reserve_initrd_mem();
	IS(initrd_start, 0);
	IS(memblock_reserved_size(), SZ_1M);
	early_init_dt_add_memory_arch(SZ_64M + 1, PAGE_SIZE); /* no whole page */
	early_init_dt_add_memory_arch(~0ull - 1, 5);
	IS(memblock_phys_mem_size(), SZ_32M);
}

/* ---- a machine of EFI, two nodes, tables near them ---- */

static const efi_memory_desc_t firmware[] = {
	{.type = EFI_CONVENTIONAL_MEMORY,
	 .phys_addr = 0,
	 .num_pages = 0x2000,
	 .attribute = EFI_MEMORY_WB},
	{.type = EFI_RUNTIME_SERVICES_DATA,
	 .phys_addr = 0x2000000,
	 .num_pages = 0x10,
	 .attribute = EFI_MEMORY_WB | EFI_MEMORY_RUNTIME},
	{.type = EFI_LOADER_DATA,
	 .phys_addr = 0x2010000,
	 .num_pages = 0x1ff0,
	 .attribute = EFI_MEMORY_WB},
	{.type = EFI_MEMORY_MAPPED_IO,
	 .phys_addr = 0x9000000,
	 .num_pages = 1,
	 .attribute = EFI_MEMORY_UC},
	{.type = EFI_ACPI_RECLAIM_MEMORY,
	 .phys_addr = 0x4000000,
	 .num_pages = 0x10,
	 .attribute = EFI_MEMORY_WB},
	{.type = EFI_BOOT_SERVICES_CODE,
	 .phys_addr = 0x4010000,
	 .num_pages = 0x1ff0,
	 .attribute = EFI_MEMORY_WB},
};

static bool __init is_memory(const efi_memory_desc_t *md)
{
	return (md->attribute & (EFI_MEMORY_WB | EFI_MEMORY_WT | EFI_MEMORY_WC)) != 0;
}

static bool __init is_usable_memory(const efi_memory_desc_t *md)
{
	switch (md->type) {
	case EFI_LOADER_CODE:
	case EFI_LOADER_DATA:
	case EFI_ACPI_RECLAIM_MEMORY:
	case EFI_BOOT_SERVICES_CODE:
	case EFI_BOOT_SERVICES_DATA:
	case EFI_CONVENTIONAL_MEMORY:
	case EFI_PERSISTENT_MEMORY:
		return (md->attribute & EFI_MEMORY_WB) != 0;
	default:
		return false;
	}
}

static void __init reserve_regions(void)
{
	efi_memory_desc_t *md;
	u64 paddr, npages, size;

	memblock_remove(0, PHYS_ADDR_MAX);
	for_each_efi_memory_desc(md)
	{
		paddr = md->phys_addr;
		npages = md->num_pages;
		memrange_efi_to_native(&paddr, &npages);
		size = npages << PAGE_SHIFT;
		if (!is_memory(md))
			continue;
		early_init_dt_add_memory_arch(paddr, size);
		if (!is_usable_memory(md))
			memblock_mark_nomap(paddr, size);
		if (md->type == EFI_ACPI_RECLAIM_MEMORY)
			memblock_reserve(paddr, size);
	}
}

static nodemask_t numa_nodes_parsed __initdata;

static void __init numa_add_memblk(int nid, u64 start, u64 end)
{
	IS(memblock_set_node(start, end - start, &memblock.memory, nid), 0);
	node_set(nid, numa_nodes_parsed);
}

static void __init setup_node_data(int nid)
{
	const size_t nd_size = roundup(sizeof(pg_data_t), SMP_CACHE_BYTES);
	phys_addr_t nd_pa = memblock_phys_alloc_try_nid(nd_size, SMP_CACHE_BYTES, nid);

	if (!nd_pa)
		panic("Cannot allocate %zu bytes for node %d data\n", nd_size, nid);
	IS(early_pfn_to_nid(PFN_DOWN(nd_pa)), nid);
	node_set_online(nid);
}

static void efi_machine(void)
{
	unsigned long map_phys = SZ_1M, zones[MAX_NR_ZONES] = {0};
	void *map = early_memremap(map_phys, sizeof(firmware));
	int nid, cpu, cpus = 0, online = 0;

	memcpy(map, firmware, sizeof(firmware));
	efi.memmap = (struct efi_memory_map){.map = map,
					     .map_end = (char *)map + sizeof(firmware),
					     .nr_map = ARRAY_SIZE(firmware),
					     .desc_size = sizeof(efi_memory_desc_t)};
	efi.flags = BIT(EFI_BOOT) | BIT(EFI_MEMMAP);
	OK(efi_enabled(EFI_MEMMAP) && !efi_enabled(EFI_64BIT));
	memblock_add(SZ_1G, SZ_1M); /* what was known before is forgotten */
	reserve_regions();
	IS(efi_mem_type(0x4000fff), EFI_ACPI_RECLAIM_MEMORY);
	IS(efi_mem_type(0x8000000), -EINVAL);
	IS(efi_mem_attributes(0x2000000), EFI_MEMORY_WB | EFI_MEMORY_RUNTIME);
	early_memunmap(map, sizeof(firmware));
	IS(memblock_phys_mem_size(), SZ_64M + SZ_32M);
	OK(!memblock_is_map_memory(0x2000000) && memblock_is_map_memory(0x2010000));

	nodes_clear(numa_nodes_parsed);
	nodes_clear(node_possible_map);
	nodes_clear(node_online_map);
	numa_add_memblk(0, 0, SZ_32M);
	numa_add_memblk(1, SZ_32M, SZ_64M + SZ_32M);
	node_possible_map = numa_nodes_parsed;
	for_each_node_mask(nid, numa_nodes_parsed) setup_node_data(nid);
	setup_nr_node_ids();
	IS(nr_node_ids, 2);
	for_each_online_node(nid) online++;
	IS(online, 2);
	quarry_linux_params.nr_cpus = 4;
	for_each_possible_cpu(cpu) cpus++;
	IS(cpus, 4);
	zones[ZONE_DMA32] = zones[ZONE_NORMAL] = PFN_DOWN(memblock_end_of_DRAM());
	free_area_init_nodes(zones);
	IS(node_spanned_pages(1), PFN_DOWN(SZ_64M));
	OK(node_state(1, N_MEMORY));
	memblock_free_all();
	quarry_linux_params.nr_cpus = 0;
	IS(page_to_nid(alloc_pages_node(1, GFP_KERNEL, 0)), 1);
	IS(NODE_DATA(0)->node_zones[ZONE_DMA].present_pages, 0);
	IS(NODE_DATA(1)->node_zones[ZONE_DMA32].present_pages, PFN_DOWN(SZ_64M));
	IS(num_online_nodes(), 2);
}

/* The zones that the kernel's own parameters ask for. */
static void parameters_of_the_kernel(void)
{
	static char line[] =
		"kernelcore=\"50%\" movable-node memtest=3 nonsense movablecore=lots cma=x";

	strcpy(boot_command_line, line);
	parse_early_param();
	IS(quarry_linux_memtest, 3);
	OK(movable_node_is_enabled());
	quarry_linux_memtest = 0;
	movable_node_enabled = false;
	new_machine();
	strcpy(boot_command_line, "kernelcore=50%");
	parse_early_param();
	memblock_add(0, SZ_64M);
	memblock_free_all();
	IS(NODE_DATA(0)->node_zones[ZONE_MOVABLE].zone_start_pfn, PFN_DOWN(SZ_32M));
	new_machine();
	strcpy(boot_command_line, "movablecore=16M");
	parse_early_param();
	memblock_add(0, SZ_64M);
	memblock_free_all();
	IS(NODE_DATA(0)->node_zones[ZONE_MOVABLE].present_pages, PFN_DOWN(SZ_16M));
}

/* A crash kernel's place, and how resources stand in each other. */
static void resources(void)
{
	struct resource root = {.end = SZ_1G - 1, .flags = IORESOURCE_MEM};
	struct resource a = DEFINE_RES_MEM_NAMED(SZ_16M, SZ_16M, "a");
	struct resource b = DEFINE_RES_MEM(SZ_64M, SZ_16M);
	struct resource in_a = DEFINE_RES_MEM(SZ_16M + SZ_4K, SZ_4K);
	struct resource cut = DEFINE_RES_MEM(SZ_8M, SZ_16M);
	struct resource over = DEFINE_RES_MEM(SZ_8M, SZ_128M);
	struct resource out = DEFINE_RES_MEM(SZ_512M, SZ_1G);

	IS(request_resource(&root, &b), 0);
	IS(request_resource(&root, &a), 0);
	OK(root.child == &a && a.sibling == &b && b.sibling == NULL && a.parent == &root);
	IS(request_resource(&root, &in_a), -EBUSY);
	OK(request_resource_conflict(&root, &in_a) == &a);
	IS(insert_resource(&root, &in_a), 0);
	OK(in_a.parent == &a && resource_contains(&a, &in_a) && !resource_overlaps(&in_a, &b));
	IS(insert_resource(&root, &cut), -EBUSY);
	IS(insert_resource(&root, &out), -EBUSY);
	IS(insert_resource(&root, &over), 0);
	OK(root.child == &over && over.child == &a && b.parent == &over && over.sibling == NULL);
	IS(resource_size(&over), SZ_128M);
	IS(release_resource(&a), 0);
	IS(release_resource(&a), -EINVAL);
	OK(over.child == &b && in_a.parent == &a);
}

static const struct linux_test tests[] = {
	LINUX_TEST(arm_like_board), LINUX_TEST(a_ram_disk_out_of_place),
	LINUX_TEST(efi_machine),    LINUX_TEST(parameters_of_the_kernel),
	LINUX_TEST(resources),
};

int main(void)
{
	int status = linux_run("linux_setup", tests, ARRAY_SIZE(tests), new_machine);

	quarry_linux_use(NULL);
	return status;
}
