/* SPDX-License-Identifier: MIT */
/*
 * Boot code as kernels have it, by Linux's headers and names alone: the headers that mm/bootmem.c,
 * mm/memblock.c and an architecture's setup code include, in any order, and what such code does with
 * them: find a place for the bitmap, tell of RAM, reserve the image, allocate tables, hand over.
 */
#include <linux/bitops.h>
#include <linux/bootmem.h>
#include <linux/bug.h>
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/initrd.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/list.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/mmdebug.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/pfn.h>
#include <linux/poison.h>
#include <linux/range.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/bitops.h>
#include <asm/bug.h>
#include <asm/cache.h>
#include <asm/dma.h>
#include <asm/io.h>
#include <asm/page.h>
#include <asm/processor.h>
#include <asm/sections.h>
#include <asm/setup.h>

#include "linux_runner.h"

static void new_machine(void)
{
	quarry_linux_use(NULL);
}

struct bank {
	struct list_head list;
	struct range ram;
};

static LIST_HEAD(banks);
static char command_line[COMMAND_LINE_SIZE] __initdata;

static struct bank *__init bank_add(u64 start, u64 end)
{
	struct bank *bank = alloc_bootmem(sizeof(*bank));

	bank->ram = (struct range){start, end};
	list_add_tail(&bank->list, &banks);
	return bank;
}

/* A board with 32 MiB from 0 on: image in the second MiB, bitmap behind it. */
static unsigned long __init setup_memory(void)
{
	unsigned long start_pfn = PFN_UP(SZ_1M + 0x1234), size;

	min_low_pfn = 0;
	max_low_pfn = PFN_DOWN(SZ_32M);
	size = init_bootmem_node(NODE_DATA(0), start_pfn, min_low_pfn, max_low_pfn);
	free_bootmem(PFN_PHYS(min_low_pfn), PFN_PHYS(max_low_pfn - min_low_pfn));
	if (reserve_bootmem(0, PAGE_SIZE, BOOTMEM_DEFAULT) < 0 ||
	    reserve_bootmem(SZ_1M, (PFN_PHYS(start_pfn) + size + PAGE_SIZE - 1) - SZ_1M,
			    BOOTMEM_DEFAULT) < 0)
		panic("no room for the image");
	return size;
}

static void bootmem_board(void)
{
	unsigned long *map, pages = 0, idx;
	struct bank *bank, *next;
	unsigned int shift = 4, mask;

	IS(setup_memory(), PFN_DOWN(SZ_32M) / 8);
	/* The bitmap is an unsigned long array, for the bit calls. */
	map = NODE_DATA(0)->bdata->node_bootmem_map;
	OK(test_bit(0, map) && !test_bit(1, map) && test_bit(PFN_DOWN(SZ_1M), map));
	IS(find_next_zero_bit(map, PFN_DOWN(SZ_32M), 0), 1);
	IS(find_next_bit(map, PFN_DOWN(SZ_32M), 1), PFN_DOWN(SZ_1M));
	for_each_set_bit(idx, map, PFN_DOWN(SZ_32M)) pages++;
	IS(pages, 1 + 4);
	IS(hweight_long(map[BIT_WORD(PFN_DOWN(SZ_1M))]), 4);

	INIT_LIST_HEAD(&banks);
	bank_add(SZ_1M, SZ_16M);
	bank_add(SZ_16M, SZ_32M);
	pages = 0;
	list_for_each_entry(bank, &banks, list) pages += range_len(&bank->ram) >> PAGE_SHIFT;
	IS(pages, PFN_DOWN(SZ_32M - SZ_1M));
	OK(virt_to_phys(list_first_entry(&banks, struct bank, list)) >= __pa(MAX_DMA_ADDRESS));
	list_for_each_entry_safe(bank, next, &banks, list) list_del(&bank->list);
	OK(list_empty(&banks));
	OK(alloc_large_system_hash("PID", sizeof(void *), 0, 18, HASH_EARLY | HASH_SMALL, &shift,
				   &mask, 0, 4096) != NULL);
	IS(mask, 127);
	IS(command_line[0], 0);
	BUG_ON(&_end[0] <= &_text[0] || &_etext[0] <= &_stext[0]);
	cpu_relax();
	reset_all_zones_managed_pages();
	pages = free_all_bootmem();
	IS(totalram_pages(), pages);
	OK(kzalloc(SZ_1K, GFP_KERNEL) != NULL);
}

static void memblock_board(void)
{
	unsigned long pages;
	phys_addr_t found;
	int i;

	quarry_linux_bootmem(); /* addresses from 0 on */
	memblock_add_node(0, SZ_16M, 0, MEMBLOCK_NONE);
	memblock_add_node(SZ_16M, SZ_16M, 1, MEMBLOCK_NONE);
	memblock_reserve(0, SZ_1M);
	memblock_allow_resize();
	for (i = 0; i < 2; i++) {
		found = memblock_phys_alloc_try_nid(sizeof(struct bank), SMP_CACHE_BYTES, i);
		IS(found / SZ_16M, i);
		kmemleak_alloc_phys(found, sizeof(struct bank), 0);
	}
	memblock_free_all();
	pages = PFN_DOWN(SZ_32M - SZ_1M) - 2;
	IS(totalram_pages(), pages);
	memblock_free_late(0, SZ_1M);
	IS(totalram_pages(), pages + PFN_DOWN(SZ_1M));
}

static unsigned long long memory_limit;

static int __init early_mem(char *p)
{
	memory_limit = memparse(p, &p) & PAGE_MASK;
	return *p == '\0' ? 0 : -EINVAL;
}
early_param("mem", early_mem);

/* A RAM disk that lies in RAM is reserved and found by its address. */
static void parameters_and_a_ram_disk(void)
{
	char *rest, text[] = "64M@16K";

	IS(memparse(text, &rest), SZ_64M);
	OK(*rest == '@');
	IS(memparse(rest + 1, &rest), SZ_16K);
	OK(*rest == '\0');
	IS(memparse("0x10k", NULL), SZ_16K);
	IS(memparse("010", NULL), 8);
	IS(memparse("2g", NULL), SZ_2G);
	IS(memparse("1T", NULL), 1ull << 40);
	IS(memparse("-1", &rest), 0);
	OK(strcmp(rest, "-1") == 0);
	IS(memparse("", &rest), 0);
	OK(*rest == '\0');
	IS(quarry_param_early_mem("24M"), 0);
	IS(quarry_param_early_mem("24Mb"), -EINVAL);

	quarry_linux_bootmem();
	memblock_add(0, SZ_32M);
	IS(quarry_param_early_mem("24M"), 0);
	memblock_enforce_memory_limit(memory_limit);
	phys_initrd_start = SZ_8M;
	phys_initrd_size = SZ_1M + 5;
	OK(memblock_is_region_memory(phys_initrd_start, phys_initrd_size));
	memblock_reserve(phys_initrd_start, phys_initrd_size);
	initrd_start = (unsigned long)__va(phys_initrd_start);
	initrd_end = initrd_start + phys_initrd_size;
	max_pfn = max_low_pfn = PFN_DOWN(memblock_end_of_DRAM());
	high_memory = __va(PFN_PHYS(max_low_pfn));
	set_max_mapnr(max_low_pfn);
	IS(max_mapnr, PFN_DOWN(SZ_16M + SZ_8M));
	memblock_free_all();
	IS(totalram_pages(), max_low_pfn - PFN_UP(phys_initrd_size));
	new_machine();
	IS(initrd_start | initrd_end | phys_initrd_start | phys_initrd_size | max_mapnr, 0);
	OK(high_memory == NULL);
}

static void bit_calls(void)
{
	unsigned long map[BITS_TO_LONGS(200)] = {0}, bit, sum = 0;

	__set_bit(3, map);
	set_bit(199, map);
	OK(!test_and_set_bit(64, map) && test_and_set_bit(64, map));
	for_each_set_bit(bit, map, 200) sum += bit;
	IS(sum, 3 + 64 + 199);
	IS(find_next_bit(map, 199, 65), 199); /* none */
	IS(find_first_bit(map, 200), 3);
	IS(find_first_zero_bit(map, 200), 0);
	OK(__test_and_clear_bit(3, map) && !test_bit(3, map));
	clear_bit(64, map);
	__clear_bit(199, map);
	IS(find_first_bit(map, 200), 200);
	IS(__ffs(0x50), 4);
	IS(ffz(0x0ful), 4);
	IS(__fls(0x50), 6);
	IS(fls64(0), 0);
	IS(fls64(1ull << 40), 41);
	IS(roundup_pow_of_two(5000ul), 8192);
	IS(roundup_pow_of_two(1ul), 1);
	IS(rounddown_pow_of_two(5000ul), 4096);
	IS(order_base_2(5), 3);
}

static const struct linux_test tests[] = {
	LINUX_TEST(bootmem_board),
	LINUX_TEST(memblock_board),
	LINUX_TEST(parameters_and_a_ram_disk),
	LINUX_TEST(bit_calls),
};

int main(void)
{
	int status = linux_run("linux_boot", tests, ARRAY_SIZE(tests), new_machine);

	new_machine();
	return status;
}
