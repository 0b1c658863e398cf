/* SPDX-License-Identifier: MIT */
/*
 * memblock by Linux's names only, as a kernel developer writes a test of it: the lists are read and
 * reset directly, memory is what malloc() gave. Rows M1 to M14.
 */
#include <linux/cache.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/sizes.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux_runner.h"

#define RAM_SIZE SZ_32K
#define NR_NODES 8
#define NR_INIT_REGIONS 128

static char *ram; /* what the tests allocate from */
static phys_addr_t ram_start, ram_end;

/* To the state at the start of a kernel. */
static void reset(void)
{
	struct memblock_type *types[] = {&memblock.memory, &memblock.reserved};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		memset(types[i]->regions, 0, types[i]->cnt * sizeof(struct memblock_region));
		types[i]->cnt = 1;
		types[i]->max = NR_INIT_REGIONS;
		types[i]->total_size = 0;
	}
	memblock.memory.name = "memory";
	memblock.reserved.name = "reserved";
	memblock.bottom_up = false;
	memblock.current_limit = MEMBLOCK_ALLOC_ANYWHERE;
}

/* Memory to allocate from, all of its bytes 1. */
static void add_ram(void)
{
	reset();
	memset(ram, 1, RAM_SIZE);
	IS(memblock_add(ram_start, RAM_SIZE), 0);
}

/* The same in nodes; @eighths are their sizes. */
static void add_nodes(const unsigned int *eighths)
{
	phys_addr_t base = ram_start;

	reset();
	memset(ram, 1, RAM_SIZE);
	for (int nid = 0; nid < NR_NODES; nid++) {
		phys_addr_t size = RAM_SIZE / 8 * eighths[nid];

		/* Hotpluggable memory is as good as other unless movable_node says it is not. */
		IS(memblock_add_node(base, size, nid, MEMBLOCK_HOTPLUG), 0);
		base += size;
	}
}

static const unsigned int equal_nodes[NR_NODES] = {1, 1, 1, 1, 1, 1, 1, 1};
static const unsigned int odd_nodes[NR_NODES] = {2, 0, 1, 0, 3, 0, 1, 1};

static void region_is(struct memblock_type *type, unsigned long i, phys_addr_t base,
		      phys_addr_t end)
{
	OK(i < type->cnt);
	IS(type->regions[i].base, base);
	IS(type->regions[i].base + type->regions[i].size, end);
}

static void all_bytes_are(const void *p, size_t size, char value)
{
	for (size_t i = 0; i < size; i++)
		IS(((const char *)p)[i], value);
}

static phys_addr_t phys(const void *p)
{
	return (phys_addr_t)(uintptr_t)p;
}

/* ---- lists ---- */

static void M1_M3_lists_at_start(void)
{
	OK(memblock.memory.regions != NULL);
	IS(memblock.memory.cnt, 1);
	IS(memblock.memory.max, NR_INIT_REGIONS);
	IS(memblock.memory.total_size, 0);
	IS(memblock.memory.regions[0].size, 0);
	IS(strcmp(memblock.memory.name, "memory"), 0);
	OK(memblock.reserved.regions != NULL);
	IS(memblock.reserved.cnt, 1);
	IS(memblock.reserved.max, NR_INIT_REGIONS);
	IS(strcmp(memblock.reserved.name, "reserved"), 0);
	OK(!memblock.bottom_up);
	IS(memblock.current_limit, MEMBLOCK_ALLOC_ANYWHERE);
}

static void M2_regions_carry_node_and_flags(void)
{
	struct memblock_region *r = &memblock.memory.regions[0];

	IS(memblock_add_node(SZ_1M, SZ_16M, 1, MEMBLOCK_HOTPLUG | MEMBLOCK_DRIVER_MANAGED), 0);
	region_is(&memblock.memory, 0, SZ_1M, SZ_1M + SZ_16M);
	IS(memblock_get_region_node(r), 1);
	OK(memblock_is_hotpluggable(r) && memblock_is_driver_managed(r));
	OK(!memblock_is_mirror(r) && !memblock_is_nomap(r));
	memblock_set_region_node(r, 3);
	IS(r->nid, 3);
	memblock_set_region_node(r, MAX_NUMNODES);
	IS(r->nid, MAX_NUMNODES);
}

/* As in 6.1, where the nid of such a region is MAX_NUMNODES; NUMA_NO_NODE is stored as it is given. */
static void M2_a_region_without_a_node(void)
{
	unsigned long start, end;
	u64 cursor;
	phys_addr_t from, to;
	int nid;

	IS(memblock_add(SZ_1M, SZ_16M), 0);
	IS(memblock_reserve(SZ_2M, SZ_1M), 0);
	IS(memblock.memory.regions[0].nid, MAX_NUMNODES);
	IS(memblock_get_region_node(&memblock.reserved.regions[0]), MAX_NUMNODES);
	IS(memblock_search_pfn_nid(SZ_4M >> PAGE_SHIFT, &start, &end), MAX_NUMNODES);
	IS(memblock_search_pfn_nid(SZ_1G >> PAGE_SHIFT, &start, &end), -1);
	for_each_free_mem_range(cursor, NUMA_NO_NODE, MEMBLOCK_NONE, &from, &to, &nid)
		IS(nid, MAX_NUMNODES);
	OK(memblock_phys_alloc(SZ_4K, SZ_4K) != 0);
	IS(memblock.reserved.regions[1].nid, MAX_NUMNODES);
	IS(memblock_set_node(SZ_4M, SZ_1M, &memblock.memory, 2), 0);
	IS(memblock_set_node(SZ_4M, SZ_1M, &memblock.memory, MAX_NUMNODES), 0);
	IS(memblock.memory.cnt, 1);
	IS(memblock_add_node(SZ_1G, SZ_1M, NUMA_NO_NODE, MEMBLOCK_NONE), 0);
	IS(memblock.memory.regions[1].nid, NUMA_NO_NODE);
	IS(memblock_set_node(SZ_1G, SZ_1M, &memblock.memory, MAX_NUMNODES + 1), -EINVAL);
	IS(memblock_remove(0, PHYS_ADDR_MAX), 0);
	IS(memblock.memory.regions[0].nid, MAX_NUMNODES);
}

/* Names of 6.16. */
static void rsrv_kern_and_kho_scratch(void)
{
	IS(memblock_add(SZ_1M, SZ_16M), 0);
	IS(memblock_reserve_kern(SZ_2M, SZ_1M), 0);
	IS(memblock.reserved.regions[0].flags, MEMBLOCK_RSRV_KERN);
	IS(memblock_reserved_kern_size(PHYS_ADDR_MAX, NUMA_NO_NODE), SZ_1M);
	IS(memblock_reserved_kern_size(PHYS_ADDR_MAX, 0), 0);
	IS(memblock_mark_kho_scratch(SZ_4M, SZ_1M), 0);
	OK(memblock_is_kho_scratch(&memblock.memory.regions[1]));
	memblock_set_kho_scratch_only();
	IS(memblock_phys_alloc(SZ_512K, SZ_512K), SZ_4M + SZ_512K);
	IS(memblock_phys_alloc(SZ_1M, SZ_1M), 0);
	memblock_clear_kho_scratch_only();
	IS(memblock_phys_alloc(SZ_1M, SZ_1M), SZ_16M);
	IS(memblock_clear_kho_scratch(SZ_4M, SZ_1M), 0);
	IS(memblock.memory.cnt, 1);
}

static void numa_coverage_and_mirrors(void)
{
	OK(memblock_validate_numa_coverage(0));
	IS(memblock_add_node(0, SZ_16M, 1, MEMBLOCK_NONE), 0);
	OK(memblock_validate_numa_coverage(0));
	IS(memblock_add(SZ_32M, SZ_1M), 0);
	OK(!memblock_validate_numa_coverage(SZ_1M - 1));
	OK(memblock_validate_numa_coverage(SZ_1M));
	OK(!memblock_has_mirror());
	IS(memblock_mark_mirror(0, SZ_1M), 0);
	OK(memblock_has_mirror());
}

static void early_memtest_by_name(void)
{
	static u64 cells[SZ_64K / 8] __aligned(SZ_4K);
	phys_addr_t base = __pa(cells);

	IS(memblock_add(base, sizeof(cells)), 0);
	IS(memblock_reserve(base, SZ_4K), 0);
	cells[0] = cells[SZ_4K / 8] = cells[SZ_8K / 8] = 1;
	early_memtest(base, base + SZ_8K);
	IS(cells[SZ_4K / 8], 1); /* without memtest= */
	quarry_linux_memtest = 4;
	early_memtest(base, base + SZ_8K);
	quarry_linux_memtest = 0;
	IS(cells[0], 1); /* reserved */
	IS(cells[SZ_4K / 8], 0);
	IS(cells[SZ_8K / 8], 1); /* beyond */
	IS(memblock_reserved_size(), SZ_4K);
}

static void M4_add_joins_splits_and_caps(void)
{
	struct memblock_type *t = &memblock.memory;

	IS(memblock_add(SZ_1G, SZ_8K), 0);
	IS(memblock_add(SZ_1G + SZ_16K, SZ_8K), 0);
	IS(t->cnt, 2);
	IS(memblock_add(SZ_1G + SZ_4K, SZ_16K), 0); /* over the hole and into both */
	IS(t->cnt, 1);
	region_is(t, 0, SZ_1G, SZ_1G + SZ_8K + SZ_16K);
	IS(memblock_add(SZ_1G + SZ_4K, SZ_4K), 0);  /* within */
	IS(memblock_add(SZ_1G, SZ_16K + SZ_8K), 0); /* twice */
	IS(t->cnt, 1);
	IS(memblock_add(SZ_512M, SZ_1M), 0); /* below */
	region_is(t, 0, SZ_512M, SZ_512M + SZ_1M);
	IS(t->total_size, SZ_1M + SZ_8K + SZ_16K);
	IS(memblock_add(PHYS_ADDR_MAX - SZ_1M, SZ_2M), 0);
	IS(t->cnt, 3);
	region_is(t, 2, PHYS_ADDR_MAX - SZ_1M, PHYS_ADDR_MAX);
	IS(memblock_add(SZ_4G, 0), 0);
	IS(t->cnt, 3);
}

static void M5_neighbours_of_other_nodes_stay_apart(void)
{
	IS(memblock_add_node(0, SZ_1M, 0, MEMBLOCK_NONE), 0);
	IS(memblock_add_node(SZ_1M, SZ_1M, 1, MEMBLOCK_NONE), 0);
	IS(memblock.memory.cnt, 2);
	IS(memblock_set_node(0, PHYS_ADDR_MAX, &memblock.memory, MAX_NUMNODES), 0);
	IS(memblock.memory.cnt, 1);
	IS(memblock_mark_nomap(SZ_512K, SZ_1M), 0);
	IS(memblock.memory.cnt, 3);
	OK(!memblock_is_map_memory(SZ_1M) && memblock_is_memory(SZ_1M));
	IS(memblock_clear_nomap(0, SZ_2M), 0);
	IS(memblock.memory.cnt, 1);
}

static void M6_reserved_array_doubles_in_the_memory_there_is(void)
{
	struct memblock_region *first_array = memblock.reserved.regions;
	phys_addr_t base = SZ_128K;
	phys_addr_t array = PAGE_ALIGN(2 * NR_INIT_REGIONS * sizeof(struct memblock_region));

	memblock_allow_resize();
	add_ram();
	for (unsigned long i = 0; i < NR_INIT_REGIONS; i++, base += SZ_64K) {
		IS(memblock_reserve(base, SZ_32K), 0);
		IS(memblock.reserved.cnt, i + 1);
	}
	IS(memblock_reserve(base, SZ_32K), 0);
	IS(memblock.reserved.max, 2 * NR_INIT_REGIONS);
	IS(memblock.reserved.cnt, NR_INIT_REGIONS + 2);
	IS(memblock.reserved.total_size, (NR_INIT_REGIONS + 1) * (phys_addr_t)SZ_32K + array);
	OK((char *)memblock.reserved.regions >= ram &&
	   (char *)memblock.reserved.regions + array <= ram + RAM_SIZE);
	IS(memblock_reserve(SZ_16K, SZ_16K), 0);
	region_is(&memblock.reserved, 0, SZ_16K, SZ_32K);
	/* The array goes away with the memory, so the first one is put back by hand. */
	memblock.reserved.regions = first_array;
	memblock.reserved.cnt = NR_INIT_REGIONS;
	reset();
	add_ram();
	IS(memblock_reserve(ram_start, SZ_4K), 0);
	IS(memblock_phys_free(ram_start, RAM_SIZE), 0);
	IS(memblock.reserved.total_size, 0);
}

static void M7_marks_split_at_both_ends(void)
{
	struct memblock_type *t = &memblock.memory;

	IS(memblock_add(SZ_1M, SZ_8M), 0);
	IS(memblock_mark_hotplug(SZ_2M, SZ_1M), 0);
	IS(t->cnt, 3);
	region_is(t, 1, SZ_2M, SZ_2M + SZ_1M);
	OK(memblock_is_hotpluggable(&t->regions[1]) && !memblock_is_hotpluggable(&t->regions[2]));
	IS(memblock_clear_hotplug(SZ_1M, SZ_8M), 0);
	IS(t->cnt, 1);
	IS(memblock_reserve(SZ_4M, SZ_1M), 0);
	IS(memblock_reserved_mark_noinit(SZ_4M, SZ_4K), 0);
	IS(memblock.reserved.cnt, 2);
	OK(memblock_is_reserved_noinit(&memblock.reserved.regions[0]));
	OK(!memblock_is_reserved_noinit(&memblock.reserved.regions[1]));
}

static void M8_remove_skips_what_is_not_there(void)
{
	struct memblock_type *t = &memblock.memory;

	IS(memblock_add(SZ_1M, SZ_4M), 0);
	IS(memblock_add(SZ_16M, SZ_4M), 0);
	IS(memblock_remove(SZ_8M, SZ_1M), 0);
	IS(t->cnt, 2);
	IS(memblock_remove(SZ_2M, SZ_1M), 0);
	IS(t->cnt, 3);
	IS(memblock_remove(SZ_4M, SZ_16M), 0);
	region_is(t, 0, SZ_1M, SZ_2M);
	region_is(t, 1, SZ_2M + SZ_1M, SZ_4M);
	IS(t->total_size, SZ_2M);
	IS(memblock_remove(0, PHYS_ADDR_MAX), 0);
	IS(t->cnt, 1);
	IS(t->regions[0].base, 0);
	IS(t->regions[0].size, 0);
}

static void M10_reserve_and_free(void)
{
	struct memblock_type *t = &memblock.reserved;

	IS(memblock_reserve(SZ_1M, SZ_2M), 0); /* no memory is there */
	IS(memblock_reserve(SZ_2M, SZ_2M), 0);
	region_is(t, 0, SZ_1M, SZ_4M);
	IS(memblock_phys_free(SZ_2M, SZ_1M), 0);
	IS(t->cnt, 2);
	OK(!memblock_is_reserved(SZ_2M) && memblock_is_reserved(SZ_1M));
	OK(memblock_is_region_reserved(SZ_2M, SZ_2M) && !memblock_is_region_reserved(SZ_8M, SZ_2M));
	memblock_free((void *)(uintptr_t)SZ_1M, SZ_1M); /* virtual is physical here */
	IS(t->cnt, 1);
	memblock_free(NULL, SZ_1M);
	IS(t->total_size, SZ_1M);
	IS(memblock_phys_free(0, PHYS_ADDR_MAX), 0);
	IS(memblock_reserved_size(), 0);
}

/* ---- search and iteration ---- */

static void M9_find_in_both_directions(void)
{
	IS(memblock_add(0, SZ_16M), 0);
	IS(memblock_reserve(SZ_16M - SZ_1M, SZ_1M), 0);
	IS(memblock_find_in_range(0, MEMBLOCK_ALLOC_ACCESSIBLE, SZ_1M, SZ_1M), SZ_16M - SZ_2M);
	memblock_set_bottom_up(true);
	IS(memblock_find_in_range(0, MEMBLOCK_ALLOC_ACCESSIBLE, SZ_4K, SZ_4K), SZ_4K);
	memblock_set_bottom_up(false);
	memblock_set_current_limit(SZ_4M);
	IS(memblock_get_current_limit(), SZ_4M);
	IS(memblock_phys_alloc_range(SZ_1M, SZ_1M, 0, MEMBLOCK_ALLOC_ACCESSIBLE), SZ_4M - SZ_1M);
	IS(memblock_phys_alloc_range(SZ_1M, SZ_1M, 0, MEMBLOCK_ALLOC_NOLEAKTRACE), SZ_2M);
	IS(memblock_phys_alloc_range(SZ_1M, SZ_1M, SZ_8M, SZ_16M), SZ_16M - SZ_2M);
	IS(memblock_find_in_range_node(SZ_1M, SZ_1M, 0, SZ_8M, MAX_NUMNODES, MEMBLOCK_NONE),
	   SZ_8M - SZ_1M);
}

static void M11_iterators(void)
{
	phys_addr_t start, end, total = 0;
	unsigned long start_pfn, end_pfn, pages = 0;
	struct memblock_region *r;
	int nid, n = 0, i;
	u64 cursor;

	IS(memblock_add_node(SZ_1M, SZ_1M, 0, MEMBLOCK_NONE), 0);
	IS(memblock_add_node(SZ_4M, SZ_1M, 1, MEMBLOCK_HOTPLUG), 0);
	IS(memblock_add_node(SZ_8M, SZ_1M, 1, MEMBLOCK_NOMAP), 0);
	IS(memblock_reserve(SZ_1M + SZ_512K, SZ_4K), 0);
	for_each_mem_range(cursor, &start, &end) total += end - start;
	IS(total, SZ_2M);
	for_each_mem_range_rev(cursor, &start, &end) IS(start, n++ == 0 ? SZ_4M : SZ_1M);
	IS(n, 2);
	n = 0;
	for_each_free_mem_range(cursor, NUMA_NO_NODE, MEMBLOCK_NONE, &start, &end, &nid)
	{
		IS(nid, n == 2);
		n++;
	}
	IS(n, 3);
	for_each_free_mem_range_reverse(cursor, 0, MEMBLOCK_NONE, &start, &end, NULL) n--;
	IS(n, 1);
	IS(start, SZ_1M);
	for_each_reserved_mem_range(cursor, &start, &end) IS(end - start, SZ_4K);
	for_each_mem_pfn_range(i, 1, &start_pfn, &end_pfn, &nid)
	{
		IS(nid, 1);
		pages += end_pfn - start_pfn;
	}
	IS(pages, SZ_2M >> PAGE_SHIFT);
	n = 0;
	for_each_mem_region(r) IS(r->base, n++ == 0 ? SZ_1M : SZ_4M * (n - 1));
	IS(n, 3);
	for_each_reserved_mem_region(r)
		IS(memblock_region_reserved_end_pfn(r) - memblock_region_reserved_base_pfn(r), 1);
	IS(memblock_search_pfn_nid(SZ_4M >> PAGE_SHIFT, &start_pfn, &end_pfn), 1);
	IS(end_pfn - start_pfn, SZ_1M >> PAGE_SHIFT);
}

/* ---- allocation ---- */

static void alloc_at_the_end(bool bottom_up, bool raw)
{
	phys_addr_t size = SZ_1K, at;
	void *p;

	add_ram();
	memblock_set_bottom_up(bottom_up);
	OK(memblock_bottom_up() == bottom_up);
	p = raw ? memblock_alloc_raw(size, SMP_CACHE_BYTES) : memblock_alloc(size, SMP_CACHE_BYTES);
	at = bottom_up ? ram_start : ram_end - size;
	IS(phys(p), at);
	all_bytes_are(p, size, raw ? 1 : 0);
	region_is(&memblock.reserved, 0, at, at + size);
	/* A second one is its neighbour, and they merge. */
	OK(memblock_alloc(size, SMP_CACHE_BYTES) != NULL);
	IS(memblock.reserved.cnt, 1);
	IS(memblock.reserved.total_size, 2 * size);
	memblock_free(p, size);
	IS(memblock.reserved.total_size, size);
}

static void M12_alloc_takes_either_end_and_clears(void)
{
	for (int how = 0; how < 4; how++)
		alloc_at_the_end((how & 1) != 0, (how & 2) != 0);
}

static void M12_alloc_fits_gaps_or_fails(void)
{
	for (int up = 0; up < 2; up++) {
		add_ram();
		memblock_set_bottom_up(up);
		/* Gaps of 64 bytes below, 1 KiB in the middle, 64 bytes above. */
		memblock_reserve(ram_start + SZ_64, SZ_16K - SZ_64);
		memblock_reserve(ram_start + SZ_16K + SZ_1K, SZ_16K - SZ_1K - SZ_64);
		OK(memblock_alloc(SZ_2K, SMP_CACHE_BYTES) == NULL);
		IS(phys(memblock_alloc(SZ_1K, SMP_CACHE_BYTES)), ram_start + SZ_16K);
		IS(memblock.reserved.cnt, 1);
		OK(memblock_alloc(SZ_128, SMP_CACHE_BYTES) == NULL);
		OK(memblock_alloc(SZ_64, SMP_CACHE_BYTES) != NULL);
		OK(memblock_alloc(SZ_64, SMP_CACHE_BYTES) != NULL);
		OK(memblock_alloc(1, 1) == NULL);
		IS(memblock.reserved.total_size, RAM_SIZE);
	}
	reset();
	OK(memblock_alloc(SZ_1K, SMP_CACHE_BYTES) == NULL); /* no memory */
	add_ram();
	OK(memblock_alloc(RAM_SIZE + SZ_2, SMP_CACHE_BYTES) == NULL);
	OK(memblock_alloc(0, SMP_CACHE_BYTES) == NULL);
	IS(memblock.reserved.total_size, 0);
}

static void M12_alloc_from_prefers_what_lies_above(void)
{
	add_ram();
	IS(phys(memblock_alloc_from(SZ_1K, SMP_CACHE_BYTES, ram_end - SZ_4K)), ram_end - SZ_1K);
	/* No room above: the bound is dropped. */
	IS(phys(memblock_alloc_from(SZ_8K, SMP_CACHE_BYTES, ram_end - SZ_4K)),
	   ram_end - SZ_1K - SZ_8K);
	add_ram();
	memblock_set_bottom_up(true);
	IS(phys(memblock_alloc_from(SZ_1K, SMP_CACHE_BYTES, ram_end - SZ_4K)), ram_end - SZ_4K);
	IS(phys(memblock_alloc_from(SZ_8K, SMP_CACHE_BYTES, ram_end - SZ_4K)), ram_start);
}

static void M12_try_nid_respects_the_bounds(void)
{
	phys_addr_t min = ram_start + SZ_4K, max = ram_start + SZ_16K;

	add_ram();
	IS(phys(memblock_alloc_try_nid(SZ_1K, SMP_CACHE_BYTES, min, max, NUMA_NO_NODE)),
	   max - SZ_1K);
	memblock_set_bottom_up(true);
	IS(phys(memblock_alloc_try_nid(SZ_1K, SMP_CACHE_BYTES, min, max, NUMA_NO_NODE)), min);
	/* What fits only below min is taken there; above max nothing is. */
	IS(phys(memblock_alloc_try_nid(SZ_8K + SZ_4K, SMP_CACHE_BYTES, min, min + SZ_8K,
				       NUMA_NO_NODE)),
	   0);
	memblock_set_bottom_up(false);
	IS(phys(memblock_alloc_try_nid_raw(SZ_4K, SMP_CACHE_BYTES, min, min + SZ_1K, NUMA_NO_NODE)),
	   ram_start);
	memblock_set_current_limit(ram_start + SZ_8K);
	IS(phys(memblock_alloc_try_nid(SZ_1K, SMP_CACHE_BYTES, 0, ram_end, NUMA_NO_NODE)),
	   ram_start + SZ_8K - SZ_1K);
}

static void M12_try_nid_prefers_its_node(void)
{
	struct memblock_region *node = memblock.memory.regions;

	for (int up = 0; up < 2; up++) {
		for (int nid = 0; nid < NR_NODES; nid++) {
			phys_addr_t at;

			add_nodes(equal_nodes);
			memblock_set_bottom_up(up);
			at = up ? node[nid].base : node[nid].base + node[nid].size - SZ_1K;
			IS(phys(memblock_alloc_try_nid(SZ_1K, SMP_CACHE_BYTES, ram_start, ram_end,
						       nid)),
			   at);
			all_bytes_are((void *)(uintptr_t)at, SZ_1K, 0);
			IS(phys(memblock_alloc_node(SZ_1K, SMP_CACHE_BYTES, nid)),
			   up ? at + SZ_1K : at - SZ_1K);
		}
	}
}

static void M12_try_nid_falls_back_to_other_nodes(void)
{
	struct memblock_region *node = memblock.memory.regions;

	/* The node is too small: the highest that is large enough, or the lowest. */
	add_nodes(odd_nodes);
	IS(memblock.memory.cnt, 5);
	IS(phys(memblock_alloc_try_nid(SZ_8K, SMP_CACHE_BYTES, ram_start, ram_end, 2)),
	   node[2].base + node[2].size - SZ_8K);
	add_nodes(odd_nodes);
	memblock_set_bottom_up(true);
	IS(phys(memblock_alloc_try_nid(SZ_8K, SMP_CACHE_BYTES, ram_start, ram_end, 2)), ram_start);
	/* The node is taken. */
	add_nodes(equal_nodes);
	memblock_reserve(node[3].base, node[3].size);
	IS(phys(memblock_alloc_try_nid(SZ_1K, SMP_CACHE_BYTES, ram_start, ram_end, 3)),
	   ram_end - SZ_1K);
	/* The bounds do not meet the node: within them, on any other. */
	add_nodes(equal_nodes);
	IS(phys(memblock_alloc_try_nid(SZ_1K, SMP_CACHE_BYTES, node[4].base, node[6].base, 0)),
	   node[6].base - SZ_1K);
	/* No node has so much. */
	OK(memblock_alloc_try_nid(SZ_8K, SMP_CACHE_BYTES, ram_start, ram_end, 0) == NULL);
}

static void M12_try_nid_takes_the_part_of_its_node_within_the_bounds(void)
{
	struct memblock_region *node = memblock.memory.regions;
	phys_addr_t min, max;

	add_nodes(equal_nodes);
	min = node[2].base + SZ_2K;
	max = node[4].base + SZ_1K;
	IS(phys(memblock_alloc_try_nid(SZ_1K, SMP_CACHE_BYTES, min, max, 2)), node[3].base - SZ_1K);
	IS(phys(memblock_alloc_try_nid(SZ_1K, SMP_CACHE_BYTES, min, max, 4)), max - SZ_1K);
	/* Node 4 has no more room below max: node 3 has. */
	IS(phys(memblock_alloc_try_nid(SZ_1K, SMP_CACHE_BYTES, min, max, 4)), node[4].base - SZ_1K);
}

static void M12_exact_nid_never_falls_back(void)
{
	struct memblock_region *node = memblock.memory.regions;

	for (int up = 0; up < 2; up++) {
		add_nodes(odd_nodes);
		memblock_set_bottom_up(up);
		OK(memblock_alloc_exact_nid_raw(SZ_8K, SMP_CACHE_BYTES, 0, 0, 2) == NULL);
		OK(memblock_alloc_exact_nid_raw(SZ_1K, SMP_CACHE_BYTES, 0, 0, 1) == NULL);
		IS(memblock.reserved.total_size, 0);
		IS(phys(memblock_alloc_exact_nid_raw(SZ_4K, SMP_CACHE_BYTES, 0, 0, 2)),
		   node[1].base);
		/* min_addr is given up before the node is. */
		IS(phys(memblock_alloc_exact_nid_raw(SZ_4K, SMP_CACHE_BYTES, ram_end - SZ_4K, 0,
						     6)),
		   node[3].base);
		all_bytes_are((void *)(uintptr_t)node[3].base, SZ_4K, 1);
		OK(memblock_alloc_exact_nid_raw(1, 1, 0, 0, 6) == NULL);
	}
}

static void M12_movable_node_spares_hotplug_memory(void)
{
	add_nodes(equal_nodes);
	movable_node_enabled = true;
	OK(memblock_alloc(SZ_1K, SMP_CACHE_BYTES) == NULL);
	IS(memblock_clear_hotplug(ram_start, SZ_4K), 0);
	IS(phys(memblock_alloc(SZ_1K, SMP_CACHE_BYTES)), ram_start + SZ_4K - SZ_1K);
	movable_node_enabled = false;
	IS(phys(memblock_alloc(SZ_1K, SMP_CACHE_BYTES)), ram_end - SZ_1K);
}

static void M12_phys_alloc(void)
{
	IS(memblock_add_node(SZ_1M, SZ_1M, 0, MEMBLOCK_NONE), 0);
	IS(memblock_add_node(SZ_2M, SZ_1M, 1, MEMBLOCK_NONE), 0);
	IS(memblock_phys_alloc(SZ_4K, SZ_4K), SZ_2M + SZ_1M - SZ_4K);
	IS(memblock_phys_alloc_try_nid(SZ_4K, SZ_4K, 0), SZ_2M - SZ_4K);
	IS(memblock_phys_alloc_try_nid(SZ_1M - SZ_4K, SZ_4K, 0), SZ_1M);
	IS(memblock_phys_alloc_try_nid(SZ_4K, SZ_4K, 0), SZ_2M + SZ_1M - SZ_8K);
	IS(memblock_phys_alloc(SZ_2M, SZ_4K), 0);
}

static void M12_alloc_low_stays_below_4_gib(void)
{
	IS(memblock_add(SZ_4G - SZ_1M, SZ_2M), 0);
	IS(memblock_phys_alloc(SZ_4K, SZ_4K), SZ_4G + SZ_1M - SZ_4K);
	/* Nothing is behind these addresses, so nothing may be cleared. */
	IS(phys(memblock_alloc_try_nid_raw(SZ_4K, SZ_4K, 0, MEMBLOCK_LOW_ADDRESS_LIMIT,
					   NUMA_NO_NODE)),
	   SZ_4G - SZ_8K);
	reset();
	add_ram();
	OK(memblock_alloc_low(SZ_4K, SZ_4K) == NULL || ram_start < SZ_4G);
}

/* ---- limits ---- */

static void M14_trim_memory(void)
{
	struct memblock_type *t = &memblock.memory;

	IS(memblock_add(SZ_1M + SZ_2, SZ_1M), 0); /* unaligned base */
	IS(memblock_add(SZ_4M, SZ_1M - SZ_2), 0); /* unaligned end */
	IS(memblock_add(SZ_8M + SZ_2, SZ_1K), 0); /* too small */
	IS(memblock_add(SZ_16M, SZ_1M), 0);       /* right */
	memblock_trim_memory(SZ_4K);
	IS(t->cnt, 3);
	region_is(t, 0, SZ_1M + SZ_4K, SZ_2M);
	region_is(t, 1, SZ_4M, SZ_4M + SZ_1M - SZ_4K);
	region_is(t, 2, SZ_16M, SZ_16M + SZ_1M);
}

static void M14_limits_and_questions(void)
{
	IS(memblock_start_of_DRAM(), 0);
	IS(memblock_end_of_DRAM(), 0);
	IS(memblock_add(SZ_1M, SZ_1M), 0);
	IS(memblock_add(SZ_8M, SZ_8M), 0);
	IS(memblock_start_of_DRAM(), SZ_1M);
	IS(memblock_end_of_DRAM(), SZ_16M);
	IS(memblock_phys_mem_size(), SZ_8M + SZ_1M);
	OK(memblock_is_memory(SZ_8M) && !memblock_is_memory(SZ_4M));
	OK(memblock_is_region_memory(SZ_8M, SZ_8M) && !memblock_is_region_memory(SZ_1M, SZ_8M));
	OK(memblock_overlaps_region(&memblock.memory, SZ_4M, SZ_8M));
	OK(!memblock_overlaps_region(&memblock.memory, SZ_4M, SZ_4M));
	memblock_enforce_memory_limit(SZ_4M);
	IS(memblock_end_of_DRAM(), SZ_8M + SZ_1M + SZ_2M);
	memblock_mem_limit_remove_map(SZ_2M);
	IS(memblock_end_of_DRAM(), SZ_8M + SZ_1M);
	memblock_cap_memory_range(SZ_8M, SZ_512K);
	region_is(&memblock.memory, 0, SZ_8M, SZ_8M + SZ_512K);
}

static void reserve_mem_by_name(void)
{
	phys_addr_t start, size;

	IS(memblock_add(SZ_1M, SZ_8M), 0);
	IS(quarry_memblock_reserve_mem_param(quarry_linux(), "1M:0x1000:oops"), 0);
	IS(reserve_mem_find_by_name("oops", &start, &size), 1);
	IS(start, SZ_8M);
	IS(size, SZ_1M);
	IS(reserve_mem_find_by_name("oop", &start, &size), 0);
	OK(memblock_is_region_reserved(SZ_8M, SZ_1M));
	IS(reserve_mem_release_by_name("oops"), 1);
	IS(reserve_mem_release_by_name("oops"), 0);
	IS(memblock_reserved_size(), 0);
}

/* ---- what stands around it ---- */

static void headers_compute(void)
{
	u64 big = SZ_4G + 1;
	int a = 1, b = 2;

	IS(PFN_UP(big), 0x100001);
	IS(PFN_DOWN(big), 0x100000);
	IS(PFN_PHYS(0x100000), SZ_4G);
	IS(PAGE_ALIGN(5000), 2 * PAGE_SIZE);
	IS(ALIGN_DOWN(5000, SZ_4K), SZ_4K);
	IS(roundup(10, 3), 12);
	IS(DIV_ROUND_UP(10, 3), 4);
	IS(min(a, b), 1);
	IS(max_t(u64, 1, 7), 7);
	swap(a, b);
	IS(a, 2);
	IS(ilog2(SZ_64K), 16);
	IS(clamp(5, 1, 3), 3);
	IS(IS_ENABLED(CONFIG_SURELY_NOT), 0);
	OK(WARN_ON(a == 3) == 0);
	IS(__pa(__va(SZ_1M)), SZ_1M);
	BUILD_BUG_ON(NUMA_NO_NODE != -1);
	BUILD_BUG_ON(MAX_NUMNODES != 1 << NODES_SHIFT);
	IS(printk(KERN_INFO "%s %5d %#llx %pa %zu%%\n", "printk", 42, 0x123ull, &big, sizeof(big)),
	   41);
}

static void M12_a_node_or_exactly_it(void)
{
	IS(memblock_add_node(0, SZ_16M, 0, MEMBLOCK_NONE), 0);
	IS(memblock_add_node(SZ_16M, SZ_16M, 1, MEMBLOCK_NONE), 0);
	IS(memblock_alloc_range_nid(SZ_1M, SZ_1M, 0, SZ_32M, 0, true), SZ_16M - SZ_1M);
	IS(memblock_alloc_range_nid(SZ_1M, SZ_1M, SZ_16M, SZ_32M, 0, true), 0);
	IS(memblock_alloc_range_nid(SZ_1M, SZ_1M, SZ_16M, SZ_32M, 0, false), SZ_32M - SZ_1M);
	IS(memblock_alloc_range_nid(SZ_1M, SZ_1M, 0, SZ_32M, NUMA_NO_NODE, true), SZ_32M - SZ_2M);
	IS(memblock_reserved_size(), SZ_1M + SZ_2M);
	OK(memblock_addrs_overlap(0, SZ_2M, SZ_1M, 1) &&
	   memblock_addrs_overlap(SZ_1M, 1, 0, SZ_2M));
	OK(!memblock_addrs_overlap(0, SZ_1M, SZ_1M, 1) &&
	   !memblock_addrs_overlap(SZ_1M, 1, 0, SZ_1M));
}

static void M11_free_pages_of_a_zone(void)
{
	static const unsigned long expected[][2] = {{0x800, 0xfff}, {0x1001, 0x1200}};
	struct zone zone = {.node = 1, .zone_start_pfn = 0x800, .spanned_pages = 0xa00};
	unsigned long start, end, n = 0;
	u64 i;

	IS(memblock_add_node(0, SZ_4M, 0, MEMBLOCK_NONE), 0);
	IS(memblock_add_node(SZ_4M, SZ_16M, 1, MEMBLOCK_NONE), 0);
	/* All of one page, half of the next. */
	IS(memblock_reserve(SZ_16M - SZ_4K, SZ_4K + SZ_2K), 0);
	for_each_free_mem_pfn_range_in_zone(i, &zone, &start, &end)
	{
		OK(n < 2);
		IS(start, expected[n][0]);
		IS(end, expected[n][1]);
		n++;
	}
	IS(n, 2);
	for_each_free_mem_pfn_range_in_zone(i, &zone, &start, &end) break;
	for_each_free_mem_pfn_range_in_zone_from(i, &zone, &start, &end) n++;
	IS(n, 4);
	zone.node = 2;
	for_each_free_mem_pfn_range_in_zone(i, &zone, NULL, NULL) n++;
	IS(n, 4);
}

static const struct linux_test tests[] = {
	LINUX_TEST(M1_M3_lists_at_start),
	LINUX_TEST(M2_regions_carry_node_and_flags),
	LINUX_TEST(M2_a_region_without_a_node),
	LINUX_TEST(rsrv_kern_and_kho_scratch),
	LINUX_TEST(early_memtest_by_name),
	LINUX_TEST(M4_add_joins_splits_and_caps),
	LINUX_TEST(M5_neighbours_of_other_nodes_stay_apart),
	LINUX_TEST(M6_reserved_array_doubles_in_the_memory_there_is),
	LINUX_TEST(M7_marks_split_at_both_ends),
	LINUX_TEST(M8_remove_skips_what_is_not_there),
	LINUX_TEST(M9_find_in_both_directions),
	LINUX_TEST(M11_free_pages_of_a_zone),
	LINUX_TEST(M12_a_node_or_exactly_it),
	LINUX_TEST(M10_reserve_and_free),
	LINUX_TEST(M11_iterators),
	LINUX_TEST(M12_alloc_takes_either_end_and_clears),
	LINUX_TEST(M12_alloc_fits_gaps_or_fails),
	LINUX_TEST(M12_alloc_from_prefers_what_lies_above),
	LINUX_TEST(M12_try_nid_respects_the_bounds),
	LINUX_TEST(M12_try_nid_prefers_its_node),
	LINUX_TEST(M12_try_nid_falls_back_to_other_nodes),
	LINUX_TEST(M12_try_nid_takes_the_part_of_its_node_within_the_bounds),
	LINUX_TEST(M12_exact_nid_never_falls_back),
	LINUX_TEST(M12_movable_node_spares_hotplug_memory),
	LINUX_TEST(M12_phys_alloc),
	LINUX_TEST(M12_alloc_low_stays_below_4_gib),
	LINUX_TEST(M14_trim_memory),
	LINUX_TEST(M14_limits_and_questions),
	LINUX_TEST(reserve_mem_by_name),
	LINUX_TEST(headers_compute),
	LINUX_TEST(numa_coverage_and_mirrors), /* last: that there are mirrors is never forgotten */
};

int main(void)
{
	int status;

	/* Before any call: the lists are valid already. */
	if (memblock.memory.cnt != 1 || memblock.memory.max != NR_INIT_REGIONS)
		return 1;
	/*
	 * After the first call the default instance is made. What malloc() gives then, begins on a cache line at
	 * least: Linux's tests use it as memory, and count on blocks of SZ_64 at its end.
	 */
	if (memblock_find_in_range(0, SZ_4K, SZ_64, SZ_64) != 0)
		return 1;
	ram = malloc(RAM_SIZE);
	if (ram == NULL)
		return 1;
#ifdef __GLIBC__
	if ((uintptr_t)ram % SZ_64 != 0) {
		fprintf(stderr, "malloc() gives %p after the first call\n", (void *)ram);
		return 1;
	}
#endif
	free(ram);
	ram = aligned_alloc(SZ_4K, RAM_SIZE);
	if (ram == NULL)
		return 1;
	ram_start = (phys_addr_t)(uintptr_t)ram;
	ram_end = ram_start + RAM_SIZE;
	status = linux_run("linux_memblock", tests, ARRAY_SIZE(tests), reset);
	free(ram);
	return status;
}
