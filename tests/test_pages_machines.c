/* SPDX-License-Identifier: MIT */
/*
 * Machines of every odd shape, taken to the last page and back; both ways of handing memory over; and
 * tables that come out of the managed memory, or cannot be had.
 */
#include <quarry/quarry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <page/internal.h>

#include "page_hoard.h"

/* ---- machines of every shape ---- */

#define TOP ((phys_addr_t)1 << QUARRY_MAX_PHYS_BITS)

static const struct machine_spec odd_shapes[] = {
	{.memory = {{0, PAGE, 0}}},
	{.memory = {{PAGE, 2 * PAGE, 0}}},
	{.memory = {{0, 2 * MIB, 0}}},
	{.memory = {{PAGE, 2 * MIB, 0}}},
	{.memory = {{0, 4 * MIB, 0}}},
	{.memory = {{2 * MIB, 6 * MIB, 0}}},
	{.memory = {{2 * MIB, 8 * MIB, 0}}},
	{.memory = {{123, 10 * MIB + 77, 0}}}, /* pages partly outside */
	{.memory = {{TOP - 4 * MIB, TOP, 0}}},
	{.memory = {{TOP - PAGE, TOP, 0}}},
	{.memory = {{0, 8 * MIB, 0}, {TOP - 6 * MIB, TOP, 1}}},
	/* single pages with holes between */
	{.memory = {{0, PAGE, 0},
		    {2 * PAGE, 3 * PAGE, 0},
		    {511 * PAGE, 513 * PAGE, 0},
		    {1023 * PAGE, 1024 * PAGE, 0},
		    {1025 * PAGE, 1026 * PAGE, 0}}},
	/* every boundary inside a pageblock */
	{.memory = {{0, 30 * MIB, 0}},
	 .boot = {.dma_limit = 7 * MIB + 4 * KIB, .dma32_limit = 19 * MIB - 4 * KIB}},
	{.memory = {{0, 30 * MIB, 0}}, .boot = {.dma_limit = PAGE, .dma32_limit = 2 * PAGE}},
	{.memory = {{0, 5 * MIB, 0},
		    {5 * MIB, 5 * MIB + PAGE, 1},
		    {5 * MIB + PAGE, 9 * MIB, 2},
		    {9 * MIB, 25 * MIB, 0}},
	 .boot = {.nr_cpus = 5}},
	/* reservations that leave little, or nothing of a pageblock, a zone, a GiB */
	{.memory = {{0, 20 * MIB, 0}},
	 .reserved = {{0, 2 * MIB - 1, 0}, {4 * MIB + 1, 6 * MIB, 0}, {16 * MIB, 18 * MIB, 0}}},
	{.memory = {{0, 20 * MIB, 0}}, .reserved = {{0, 16 * MIB, 0}}},
	{.memory = {{0, 20 * MIB, 0}}, .reserved = {{PAGE, 20 * MIB, 0}}},
	{.memory = {{0, 20 * MIB, 0}}, .reserved = {{0, 20 * MIB, 0}}}, /* nothing at all */
	{.memory = {{GIB, 3 * GIB, 0}, {3 * GIB, 4 * GIB, 1}},
	 .reserved = {{2 * GIB, 3 * GIB, 0}},
	 .boot = {.nr_cpus = 2}},
	/* an arena cut by the end of the GiB; one that begins at an odd pageblock */
	{.memory = {{GIB - 2 * MIB, GIB + 2 * MIB, 0}}},
	{.memory = {{GIB - 6 * MIB, GIB + 6 * MIB, 0}}},
	{.memory = {{2 * MIB, 4 * MIB, 0}}},
	{.memory = {{2 * MIB, GIB, 0}}},
	{.memory = {{0, 2 * MIB, 0}, {GIB - 2 * MIB, GIB, 0}}},
	{.memory = {{GIB, 2 * GIB, 0}}},
	/* movable memory */
	{.memory = {{0, 300 * MIB, 0}}, .boot = {.kernelcore = 100 * MIB, .nr_cpus = 4}},
	{.memory = {{0, 300 * MIB, 0}, {300 * MIB, 310 * MIB, 1}},
	 .boot = {.movablecore = 200 * MIB}},
	{.memory = {{0, 16 * MIB, 0}}, .boot = {.movablecore = 500 * MIB}},
	{.memory = {{0, 16 * MIB, 0}}, .boot = {.kernelcore = 1}},
	/* highest node, many CPUs */
	{.memory = {{0, 64 * MIB, QUARRY_MAX_NODES - 1}}, .boot = {.nr_cpus = QUARRY_MAX_CPUS}},
	/* far apart */
	{.memory = {{0, 2 * MIB, 0},
		    {70 * GIB, 70 * GIB + 3 * MIB, 0},
		    {5000 * GIB, 5000 * GIB + 2 * PAGE, 3}}},
	/* absurd parameters */
	{.memory = {{0, 64 * MIB, 0}},
	 .boot = {.min_free_kbytes = ~0ul,
		  .watermark_scale_factor = ~0u,
		  .lowmem_reserve_ratio = {1, 1, 1, 1},
		  .set_lowmem_reserve_ratio = true}},
	{.memory = {{0, 64 * MIB, 0}},
	 .boot = {.kernelcore = ~(phys_addr_t)0, .movablecore = ~(phys_addr_t)0}},
	{.memory = {{0, 64 * MIB, 0}}, .boot = {.dma_limit = 1, .dma32_limit = ~(phys_addr_t)1}},
};

static void odd_machines(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(odd_shapes) / sizeof(odd_shapes[0]); i++) {
		struct machine m;

		print_message("odd machine %u\n", i);
		machine_build(&m, &odd_shapes[i]);
		machine_check(&m);
		exhaust_and_return(&m);
		machine_fini(&m);
	}
}

static void many_nodes(void **state)
{
	struct machine_spec spec = {.boot = {.nr_cpus = 128}};
	struct quarry_zoneref refs[QUARRY_MAX_NODES];
	struct machine m;

	(void)state;
	for (int nid = 0; nid < MACHINE_RANGES - 1; nid++)
		spec.memory[nid] = (struct machine_range){(phys_addr_t)nid * 5 * MIB,
							  (phys_addr_t)(nid + 1) * 5 * MIB, nid};
	machine_build(&m, &spec);
	for (int nid = 0; nid < MACHINE_RANGES - 1; nid++) {
		assert_true(quarry_zonelist(m.q, nid, false, refs, QUARRY_MAX_NODES) >=
			    MACHINE_RANGES - 1);
		assert_int_equal(refs[0].nid, nid);
	}
	exhaust_and_return(&m);
	machine_fini(&m);
}

static void memory_beyond_the_limit(void **state)
{
	struct machine_spec spec = {
		.memory = {{TOP - 4 * MIB, TOP + 4 * MIB, 0}, {2 * TOP, 3 * TOP, 1}}};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(managed_pages(&m), 1024);
	machine_check(&m);
	m.reports = 0; /* that pages are left out may be told */
	exhaust_and_return(&m);
	machine_fini(&m);
}

static unsigned long resident_kib(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return resident * 4;
}

/* A server of 16 nodes and 12 TiB, its map from a boot log: only what is used of the tables exists. */
static const struct machine_range server_map[] = {
	{0x0, 0x8e000, 0},
	{0x90000, 0xa0000, 0},
	{0x100000, 0x6d00c000, 0},
	{0x6d018000, 0x6f3fc000, 0},
	{0x6f3ff000, 0x78bff000, 0},
	{0x7bfff000, 0x7c000000, 0},
	{0x100001000, 0xc080000000, 0},
};

static void twelve_tebibytes(void **state)
{
	struct machine_spec spec = {.boot = {.nr_cpus = 240}};
	struct quarry_zone_info info;
	struct quarry_totals totals;
	unsigned long before;
	struct machine m;
	unsigned int n = 0;

	(void)state;
	for (; n < sizeof(server_map) / sizeof(server_map[0]); n++)
		spec.memory[n] = server_map[n];
	for (int nid = 1; nid < 16; nid++, n++) {
		phys_addr_t start = 0xe000000000 + (phys_addr_t)(nid - 1) * 0xc000000000;

		spec.memory[n] = (struct machine_range){start + (nid == 1 ? PAGE : 0),
							start + 0xc000000000, nid};
	}
	before = resident_kib();
	machine_build(&m, &spec);
	quarry_totals(m.q, &totals);
	assert_true(totals.managed > ((12ul << 40) - (4ul << 30)) >> 12);
	assert_int_equal(totals.free, totals.managed);
	assert_true(quarry_zone_info(m.q, 15, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.nr_arenas, 768);
	assert_int_equal(info.nr_virgin_arenas, 768);
	assert_int_equal(info.nr_free[10], 768 * 256);
	assert_true(totals.meta_bytes < totals.managed * 4096 / 10000);
	for (unsigned int cpu = 0; cpu < 240; cpu += 16) {
		for (unsigned int order = 0; order <= 10; order++) {
			struct page *page;

			quarry_posix_set_cpu(cpu);
			page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_ZERO, order);
			assert_non_null(page);
			quarry_free_pages(m.q, page, order);
		}
	}
	quarry_posix_set_cpu(0);
	quarry_drain_all_pages(m.q);
	assert_int_equal(machine_free_pages(&m), totals.managed);
	machine_check(&m);
	print_message("%lu KiB of tables, of which %lu KiB exist\n",
		      (unsigned long)(totals.meta_bytes >> 10), resident_kib() - before);
	assert_true(resident_kib() - before < 128 << 10);
	machine_fini(&m);
}

/* ---- hand-over ---- */

static void bootmem_as_memblock(void **state)
{
	struct machine_spec specs[] = {
		{.memory = {{0, 16 * MIB, 0}},
		 .reserved = {{8 * KIB, 12 * KIB, 0}, {3 * MIB, 5 * MIB + 1, 0}}},
		{.memory = {{4 * KIB, 636 * KIB, 0}, {1 * MIB, 64 * MIB, 0}},
		 .reserved = {{16 * MIB, 24 * MIB, 0}}},
		{.memory = {{0, 20 * MIB, 0}, {20 * MIB, 41 * MIB, 1}, {50 * MIB, 90 * MIB, 2}},
		 .reserved = {{30 * MIB, 31 * MIB, 0}},
		 .boot = {.nr_cpus = 3}},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		unsigned long memblock[QUARRY_NR_ORDERS], bootmem[QUARRY_NR_ORDERS];
		struct machine a, b;

		specs[i].boot.bootmem = false;
		specs[i].ram_bytes = 128 << 20;
		machine_build(&a, &specs[i]);
		specs[i].boot.bootmem = true;
		machine_build(&b, &specs[i]);
		machine_free_blocks(&a, memblock);
		machine_free_blocks(&b, bootmem);
		machine_assert_same_blocks(memblock, bootmem);
		assert_int_equal(managed_pages(&a), managed_pages(&b));
		exhaust_and_return(&a);
		exhaust_and_return(&b);
		machine_fini(&a);
		machine_fini(&b);
	}
}

/* ---- tables ---- */

/* P1, M14: at most 0.01 % of RAM, from 256 MiB a node on, with a CPU for each 8 MiB at most. */
static void tables_of_boot_keep_their_budget(void **state)
{
	static const unsigned long ram[] = {256, 300, 512, 1024, 3000, 4096, 65536, 1048576};
	static const unsigned int cpus[] = {1, 2, 4, 16, 32, 64, 256, 1024},
				  nodes[] = {1, 2, 4, 16};

	(void)state;
	for (unsigned int i = 0; i < 8 * 8 * 4; i++) {
		phys_addr_t mib = ram[i / 32], share = mib / nodes[i % 4] * MIB;
		struct machine_spec spec = {.boot = {.nr_cpus = cpus[i / 4 % 8]}};
		struct quarry_totals totals;
		struct machine m;

		if (spec.boot.nr_cpus > mib / 8 || share < 256 * MIB)
			continue;
		/* Linux's hole below 4 GiB: each node has two zones, the first one three. */
		for (int nid = 0; nid < (int)nodes[i % 4]; nid++) {
			phys_addr_t low = 16 * MIB + (phys_addr_t)nid * 32 * MIB;
			phys_addr_t high = 4 * GIB + (phys_addr_t)nid * (share - 32 * MIB);

			spec.memory[2 * nid] =
				(struct machine_range){nid == 0 ? PAGE : low, low + 32 * MIB, nid};
			spec.memory[2 * nid + 1] =
				(struct machine_range){high, high + share - 32 * MIB, nid};
		}
		machine_build(&m, &spec);
		quarry_totals(m.q, &totals);
		if (totals.meta_bytes > mib * MIB / 10000)
			fail_msg("%u nodes, %lu MiB, %u CPUs: %zu bytes", nodes[i % 4],
				 (unsigned long)mib, spec.boot.nr_cpus, totals.meta_bytes);
		machine_fini(&m);
	}
}

/* Below that the fixed part shows: 80 bytes a pageblock, 80 a CPU, and what docs/design.md says. 0.01 % at 128 MiB. */
static void tables_of_small_machines(void **state)
{
	static const unsigned long ram[] = {1, 2, 8, 64, 128, 255};

	(void)state;
	for (unsigned int i = 0; i < 6 * 3; i++) {
		struct machine_spec spec = {.memory = {{0, ram[i % 6] * MIB, 0}},
					    .boot = {.nr_cpus = 1u << 2 * (i / 6)}};
		struct quarry_totals totals;
		struct machine m;

		machine_build(&m, &spec);
		quarry_totals(m.q, &totals);
		print_message("%lu MiB, %u CPUs: %zu bytes\n", ram[i % 6], spec.boot.nr_cpus,
			      totals.meta_bytes);
		assert_true(totals.meta_bytes <= 8300 + 80 * (ram[i % 6] / 2 + spec.boot.nr_cpus));
		if (ram[i % 6] >= 128 && spec.boot.nr_cpus == 1)
			assert_true(totals.meta_bytes <= ram[i % 6] * MIB / 10000);
		machine_fini(&m);
	}
}

/*
 * P1, M14: at most 0.25 % of RAM at work: every page in use, 3 % of them in slabs of all sizes, all CPUs at all of
 * kmalloc's classes. More slabs have more records, of 32 bytes or more each: docs/design.md.
 */
static void tables_at_work_keep_their_budget(void **state)
{
	static const struct {
		phys_addr_t ram;
		unsigned int cpus;
		phys_addr_t second; /* of ram, on a node of its own */
	} at_work[] = {{256 * MIB, 1, 0},
		       {512 * MIB, 4, 0},
		       {1 * GIB, 4, 0},
		       {1536 * MIB, 4, 768 * MIB},
		       {4 * GIB, 16, 0}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(at_work) / sizeof(at_work[0]); i++) {
		phys_addr_t first = at_work[i].ram - at_work[i].second;
		struct machine_spec spec = {.memory = {{0, first, 0}, {first, at_work[i].ram, 1}},
					    .boot = {.nr_cpus = at_work[i].cpus}};
		struct quarry_totals totals;
		struct machine m;

		machine_build(&m, &spec);
		for (unsigned int cpu = 0; cpu < at_work[i].cpus; cpu++) {
			quarry_posix_set_cpu(cpu);
			for (size_t size = 8; size <= 8192; size *= 2)
				assert_non_null(quarry_kmalloc(m.q, size, GFP_KERNEL));
			assert_non_null(quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, 0));
		}
		quarry_posix_set_cpu(0);
		for (size_t size = 16; size <= 8192; size *= 2) {
			for (phys_addr_t used = 0; used < at_work[i].ram / 333; used += size)
				assert_non_null(quarry_kmalloc(m.q, size, GFP_KERNEL));
		}
		while (quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_NOWARN, 9) != NULL)
			;
		while (quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_NOWARN, 0) != NULL)
			;
		quarry_totals(m.q, &totals);
		assert_true(machine_free_pages(&m) < totals.managed / 8);
		print_message("%lu MiB, %u CPUs: %zu bytes, %lu of 100,000\n",
			      (unsigned long)(at_work[i].ram >> 20), at_work[i].cpus,
			      totals.meta_bytes,
			      (unsigned long)(totals.meta_bytes * 100000 / at_work[i].ram));
		assert_true(totals.meta_bytes <= at_work[i].ram / 400);
		machine_fini(&m);
	}
}

static void tables_inside(void **state)
{
	static const phys_addr_t sizes[] = {2 * MIB, 4 * MIB, 16 * MIB, 100 * MIB};

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		phys_addr_t size = sizes[i / 2];
		struct machine_spec spec = {.memory = {{PAGE, size, 0}},
					    .port = MACHINE_INSIDE,
					    .ram_bytes = (size_t)size,
					    .boot = {.nr_cpus = 2, .bootmem = i % 2 != 0}};
		unsigned long blocks[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
		struct quarry_totals totals;
		struct hoard h = {0};
		struct machine m;
		struct page *page;

		machine_build(&m, &spec);
		quarry_totals(m.q, &totals);
		assert_true(totals.meta_bytes > 0);
		assert_true(totals.managed < size / PAGE);
		/* After the first touches all tables are there. */
		for (unsigned int cpu = 0; cpu < 2; cpu++) {
			quarry_posix_set_cpu(cpu);
			page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, 0);
			assert_non_null(page);
			quarry_free_pages(m.q, page, 0);
			page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
			assert_non_null(page);
			quarry_free_pages(m.q, page, 0);
		}
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		machine_free_blocks(&m, blocks);
		hoard_all(&m, &h, GFP_ALL);
		assert_int_equal(machine_free_pages(&m), 0);
		for (size_t k = 0; k < h.n; k++) /* whoever holds a table's page destroys it here */
			memset(quarry_page_address(m.q, h.page[k]), 0xff,
			       QUARRY_PAGE_SIZE << h.order[k]);
		machine_check(&m);
		hoard_free(&m, &h);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		machine_free_blocks(&m, after);
		machine_assert_same_blocks(blocks, after);
		assert_int_equal(m.reports, 0);
		machine_fini(&m);
	}
}

static void tables_inside_out_of_reach(void **state)
{
	struct machine_spec spec = {
		.memory = {{PAGE, 40 * MIB, 0}}, .port = MACHINE_INSIDE, .ram_bytes = 40 << 20};
	struct quarry_refusal refusal;
	struct machine m;
	struct page *page;
	unsigned long free;

	(void)state;
	machine_build(&m, &spec);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 0); /* DMA32's tables are there; DMA's not yet */
	assert_non_null(page);
	quarry_free_pages(m.q, page, 0);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	free = machine_free_pages(&m);
	m.fail_storage = true;
	for (unsigned int i = 0; i < 10; i++) {
		assert_null(quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, i));
		assert_true(quarry_explain(m.q, &refusal));
		assert_int_equal(refusal.nr_zones, 1);
		assert_int_equal(refusal.zones[0].reason, QUARRY_REFUSED_METADATA);
		assert_int_equal(machine_free_pages(&m), free); /* nothing changed */
		machine_check(&m);
	}
	m.fail_storage = false;
	page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, 0);
	assert_non_null(page);
	assert_true(quarry_page_to_pfn(m.q, page) < 4096);
	quarry_free_pages(m.q, page, 0);
	machine_check(&m);
	machine_fini(&m);
}

static void tables_fail_at_boot(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 64 * MIB, 0}, {GIB, GIB + 64 * MIB, 1}},
		.port = MACHINE_COUNTED,
		.boot = {.nr_cpus = 2},
	};
	struct machine m;
	int err = -1;
	long n;

	(void)state;
	for (n = 0; err != 0; n++) {
		assert_true(n < 2000);
		spec.budget = n;
		machine_init(&m, &spec);
		err = quarry_boot(m.q, &spec.boot);
		assert_true(err == 0 || err == -QUARRY_ENOMEM);
		if (err == 0) {
			assert_int_equal(quarry_stage(m.q), QUARRY_STAGE_SLAB);
			machine_check(&m);
		}
		machine_fini(&m); /* every table comes back */
	}
	assert_true(n > 8);
}

static void tables_fail_at_work(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 600 * MIB, 0},
			   {GIB, GIB + 600 * MIB, 1},
			   {2 * GIB, 2 * GIB + 600 * MIB, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
		.boot = {.nr_cpus = 2},
	};

	(void)state;
	for (long n = 0; n < 12; n++) {
		struct quarry_refusal refusal;
		struct hoard h = {0};
		struct machine m;
		struct page *page;

		machine_build(&m, &spec);
		m.budget = n;
		for (unsigned int i = 0; i < 40; i++) {
			quarry_posix_set_cpu(i & 1);
			page = quarry_alloc_pages(m.q, i & 2 ? GFP_KERNEL : GFP_KERNEL | __GFP_DMA,
						  i % 11);
			if (page != NULL) {
				hoard_add(&h, page, i % 11);
				continue;
			}
			assert_true(quarry_explain(m.q, &refusal));
			if (refusal.zones[0].reason != QUARRY_REFUSED_WATERMARK)
				assert_int_equal(refusal.zones[0].reason, QUARRY_REFUSED_METADATA);
		}
		if (n == 0)
			assert_int_equal(h.n, 0);
		machine_check(&m);
		m.budget = -1;
		hoard_free(&m, &h);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		assert_int_equal(machine_free_pages(&m), managed_pages(&m));
		page = quarry_alloc_pages(m.q, GFP_KERNEL, 3); /* and it recovers */
		assert_non_null(page);
		quarry_free_pages(m.q, page, 3);
		assert_int_equal(m.reports, 0);
		machine_fini(&m);
	}
}

static void other_cpu_is_faster(struct machine *m)
{
	m->before_table = NULL;
	quarry_posix_set_cpu(1);
	m->hook = quarry_alloc_pages(m->q, GFP_KERNEL, 0);
	quarry_posix_set_cpu(0);
}

/*
 * Without memory for the descriptors of the arenas before it, an arena that has some serves, wherever it stands:
 * what is of the request's type, and what is claimed for it.
 */
static void an_arena_with_descriptors_serves(void **state)
{
	static const gfp_t kinds[] = {GFP_HIGHUSER_MOVABLE, GFP_KERNEL};
	struct machine_spec spec = {.memory = {{0, 3 * GIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .boot = {.nr_cpus = 1,
					     .dma_limit = ~(phys_addr_t)0,
					     .dma32_limit = ~(phys_addr_t)0}};
	const pfn_t third = 2 * GIB / QUARRY_PAGE_SIZE;
	struct page *page[2];
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(quarry_alloc_contig_range(m.q, third, third + 1, QUARRY_MIGRATE_MOVABLE,
						   GFP_KERNEL),
			 0);
	m.budget = 0;
	for (unsigned int i = 0; i < 2; i++) {
		page[i] = quarry_alloc_pages(m.q, kinds[i], QUARRY_MAX_ORDER);
		assert_non_null(page[i]);
		assert_true(quarry_page_to_pfn(m.q, page[i]) > third);
	}
	m.budget = -1;
	for (unsigned int i = 0; i < 2; i++)
		quarry_free_pages(m.q, page[i], QUARRY_MAX_ORDER);
	quarry_free_contig_range(m.q, third, 1);
	machine_check(&m);
	machine_fini(&m);
}

/* Two CPUs make the descriptors of an arena at once: one table wins, the other is given back. */
static void two_make_a_table(void **state)
{
	struct machine_spec spec = {.memory = {{16 * MIB, 128 * MIB, 0}},
				    .port = MACHINE_COUNTED,
				    .budget = -1,
				    .boot = {.nr_cpus = 2}};
	struct page *first, *second;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	m.before_table = other_cpu_is_faster;
	second = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	first = m.hook;
	assert_true(first != NULL && second != NULL);
	assert_ptr_equal(quarry_pfn_to_page(m.q, quarry_page_to_pfn(m.q, first)), first);
	machine_check(&m);
	quarry_free_pages(m.q, first, 0);
	quarry_free_pages(m.q, second, 0);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static unsigned int interrupt_in;

static void interrupt(struct machine *m)
{
	if (--interrupt_in != 0)
		return;
	m->before_table = NULL;
	m->hook = quarry_alloc_pages(m->q, GFP_KERNEL, 0);
}

/* An interrupt takes a page while its CPU makes a table for its first: each is made twice, and one is given back. */
static void an_interrupt_makes_the_table(void **state)
{
	struct machine_spec spec = {
		.memory = {{16 * MIB, 128 * MIB, 0}}, .port = MACHINE_COUNTED, .budget = -1};
	unsigned long usual = 0;
	bool fired = true;

	(void)state;
	for (unsigned int n = 0; fired; n++) {
		struct page *first, *second;
		struct machine m;

		machine_build(&m, &spec);
		interrupt_in = n;
		m.before_any = true;
		m.before_table = n != 0 ? interrupt : NULL;
		second = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		fired = n == 0 || m.hook != NULL;
		m.before_table = NULL;
		first = m.hook != NULL ? m.hook : quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		assert_true(first != NULL && second != NULL && first != second);
		machine_check(&m);
		quarry_free_pages(m.q, first, 0);
		quarry_free_pages(m.q, second, 0);
		usual = n == 0 ? m.tables_out : usual;
		assert_int_equal(m.tables_out, usual + (m.q->pages->spare_cpu != NULL));
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		assert_int_equal(m.reports, 0);
		machine_fini(&m);
		assert_true(n < 20 && (fired || n > 3));
	}
}

/* Odd shapes that pay for their own tables: they may be too poor for it, never worse. */
static void odd_machines_with_tables_inside(void **state)
{
	unsigned int booted = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(odd_shapes) / sizeof(odd_shapes[0]); i++) {
		struct machine_spec spec = odd_shapes[i];
		struct hoard h = {0};
		struct machine m;
		int err;

		spec.port = MACHINE_INSIDE;
		for (const struct machine_range *r = spec.memory; r->start < r->end; r++)
			spec.ram_bytes =
				(size_t)(r->end > spec.ram_bytes ? r->end : spec.ram_bytes);
		if (spec.ram_bytes > 4 * GIB)
			continue;
		machine_init(&m, &spec);
		err = quarry_boot(m.q, &spec.boot);
		assert_true(err == 0 || err == -QUARRY_ENOMEM);
		if (err == 0) {
			booted++;
			machine_check(&m);
			hoard_all(&m, &h, GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC);
			machine_check(&m);
			hoard_free(&m, &h);
			quarry_drain_all_pages(m.q);
			machine_check(&m);
			assert_int_equal(m.reports, 0);
		}
		machine_fini(&m);
	}
	assert_true(booted > 10);
}

static void bootmem_that_knows_nothing(void **state)
{
	struct machine_spec spec = {.memory = {{0, 20 * MIB, 0}}};
	struct quarry_boot_params params = {.bootmem = true};
	struct machine m;

	(void)state;
	machine_init(&m, &spec);
	assert_int_equal(quarry_boot(m.q, &params), 0);
	assert_int_equal(managed_pages(&m), 0);
	assert_null(quarry_alloc_pages(m.q, GFP_ALL, 0));
	machine_check(&m);
	machine_fini(&m);
}

/* Tables that the machine pays for lie on the node that they describe. */
static void tables_lie_near_their_node(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0}, {64 * MACHINE_MIB, 128 * MACHINE_MIB, 1}},
		.port = MACHINE_INSIDE,
		.ram_bytes = 128 * MACHINE_MIB,
		.boot = {.nr_cpus = 2},
	};
	const struct memblock_type *reserved;
	phys_addr_t near[2] = {0, 0};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	reserved = &quarry_memblock(m.q)->reserved;
	for (unsigned long i = 0; i < reserved->cnt; i++)
		near[reserved->regions[i].base >= 64 * MACHINE_MIB] += reserved->regions[i].size;
	/* 32 pageblocks of 16 + 64 bytes each; what belongs to no node comes from the top. */
	assert_true(near[0] >= 32 * 80 && near[0] < 64 * 80);
	assert_true(near[1] >= 32 * 80);
	machine_check(&m);
	machine_fini(&m);
}

/* Quarry's own tables are reserved too, and stay so. */
static void tables_are_not_released(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 96 * MACHINE_MIB, 0}},
		.reserved = {{4 * MACHINE_MIB, 5 * MACHINE_MIB, 0}},
		.port = MACHINE_INSIDE,
		.ram_bytes = 96 * MACHINE_MIB,
		.boot = {.nr_cpus = 1},
	};
	static struct page *page[96 * 256];
	struct machine m;
	size_t n = 0;

	(void)state;
	machine_build(&m, &spec);
	page[n++] = quarry_alloc_pages(m.q, GFP_KERNEL, 0); /* an arena gets its descriptors */
	assert_int_equal(quarry_free_reserved(m.q, 0, 96 * MACHINE_MIB >> 12), 256);
	machine_check(&m);
	/* Every page that can be had is written to; the tables must not notice. */
	while (n < sizeof(page) / sizeof(page[0]) &&
	       (page[n] = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_MEMALLOC | __GFP_ZERO, 0)) !=
		       NULL)
		memset(quarry_page_address(m.q, page[n++]), 0xa5, QUARRY_PAGE_SIZE);
	machine_check(&m);
	while (n > 0)
		quarry_free_pages(m.q, page[--n], 0);
	machine_check(&m);
	machine_fini(&m);
}

/* What is reserved at boot and released later: as if it had never been reserved (M13, B19). */
static void M13_reserved_pages_are_released(void **state)
{
	struct machine_spec spec = {
		.memory = {{MACHINE_MIB, 100 * MACHINE_MIB, 0},
			   {101 * MACHINE_MIB, 5 * MACHINE_GIB, 0}},
		.boot = {.nr_cpus = 1},
	};
	unsigned long want[QUARRY_NR_ORDERS], got[QUARRY_NR_ORDERS];
	struct quarry_totals before, after;
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	machine_free_blocks(&m, want);
	quarry_totals(m.q, &before);
	machine_fini(&m);

	/* Parts of pageblocks, whole ones, a whole GiB; a page in the middle of it is in use. */
	spec.reserved[0] = (struct machine_range){3 * MACHINE_MIB, 40 * MACHINE_MIB + 4096, 0};
	spec.reserved[1] = (struct machine_range){2 * MACHINE_GIB, 3 * MACHINE_GIB, 0};
	machine_build(&m, &spec);
	page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_DMA, 0);
	assert_non_null(page);
	assert_int_equal(quarry_free_reserved(m.q, 0x300, 0x480), 0x180);
	/* Late frees are of reserved pages alone: free ones, ones in use, holes change nothing. */
	assert_int_equal(quarry_free_late(m.q, 0x47f, 0x500), 0);
	assert_non_null(strstr(m.last_report, "late free of pfn 0x47f-0x4ff, of which 1 page"));
	assert_int_equal(quarry_free_late(m.q, quarry_page_to_pfn(m.q, page),
					  quarry_page_to_pfn(m.q, page) + 1),
			 0);
	assert_int_equal(quarry_free_late(m.q, 0x6400, 0x6500), 0);
	assert_int_equal(quarry_free_late(m.q, 0x10000000, 0x10000001), 0);
	assert_int_equal(m.reports, 4);
	machine_check(&m);
	assert_int_equal(quarry_free_late(m.q, 0x480, 0x480), 0);
	assert_int_equal(quarry_free_late(m.q, 0x480, 0x500), 0x80);
	assert_int_equal(m.reports, 4);
	machine_check(&m);
	assert_int_equal(quarry_free_reserved(m.q, 0, 6 * MACHINE_GIB >> 12),
			 (37 * MACHINE_MIB >> 12) + 1 - 0x200 + (MACHINE_GIB >> 12));
	assert_int_equal(quarry_free_reserved(m.q, 0, ~(pfn_t)0), 0); /* nothing is left */
	machine_check(&m);
	assert_int_equal(quarry_page_count(m.q, page), 1);
	quarry_free_pages(m.q, page, 0);
	quarry_drain_all_pages(m.q);
	machine_free_blocks(&m, got);
	machine_assert_same_blocks(got, want);
	quarry_totals(m.q, &after);
	assert_int_equal(after.managed, before.managed);
	assert_int_equal(after.free, before.free);
	machine_fini(&m);
}

/*
 * The first number behind nodes, and behind CPUs, is none, whatever lies there: the machine has a third of each, which
 * its books leave out.
 */
static void the_first_that_is_not_there(void **state)
{
	const struct machine_spec spec = {
		.memory = {{0, 48 * MIB, 0}, {48 * MIB, 96 * MIB, 1}, {96 * MIB, 144 * MIB, 2}},
		.boot = {.nr_cpus = 3}};
	struct quarry_mempolicy pol;
	struct quarry_numa_stat numa;
	struct quarry_zone_info info;
	struct page *page;
	struct machine m;
	struct quarry *q;

	(void)state;
	if (QUARRY_MAX_NODES < 3 || QUARRY_MAX_CPUS < 3)
		skip();
	machine_build(&m, &spec);
	q = m.q;
	quarry_posix_set_cpu(2);
	page = quarry_alloc_pages(q, GFP_KERNEL, 0);
	assert_int_equal(quarry_page_nid(q, page), 2);
	quarry_free_pages(q, page, 0);
	quarry_posix_set_cpu(0);
	assert_true(quarry_pageset_count(q, 2, QUARRY_ZONE_DMA32, 2) != 0);
	assert_int_equal(quarry_mpol_init(q, &pol, MPOL_BIND, 0, 7), 0);
	q->pages->nr_nodes = 2;
	for (int zone = 0; zone < QUARRY_NR_ZONES; zone++) {
		const enum quarry_zone_type type = (enum quarry_zone_type)zone;

		assert_false(quarry_zone_info(q, 2, type, &info));
		assert_false(quarry_zone_numa(q, 2, type, &numa));
		assert_int_equal(quarry_zone_free_pages(q, 2, type), 0);
		assert_int_equal(quarry_pageset_count(q, 2, type, 0), 0);
		assert_int_equal(quarry_stat_threshold(q, 2, type), 0);
		assert_int_equal(quarry_unusable_index(q, 2, type, QUARRY_MAX_ORDER), 0);
		assert_int_equal(quarry_fragmentation_index(q, 2, type, QUARRY_MAX_ORDER), 0);
	}
	assert_false(quarry_node_present(q, 2));
	assert_false(quarry_node_possible(q, 2));
	assert_int_equal(quarry_node_distance(q, 0, 2) + quarry_node_distance(q, 2, 0), 0);
	assert_int_equal(quarry_zonelist(q, 2, false, NULL, 0), 0);
	assert_int_equal(quarry_fragmentation_score(q, 2), 0);
	assert_int_equal(quarry_mpol_weight(q, 2), 0);
	assert_int_equal(quarry_mpol_set_weight(q, 2, 3), -QUARRY_EINVAL);
	assert_int_equal(quarry_mpol_set_home_node(q, &pol, 2), -QUARRY_EINVAL);
	assert_int_equal(quarry_compact_node(q, 2), -QUARRY_EINVAL);
	assert_false(quarry_kswapd_wanted(q, 2));
	assert_int_equal(quarry_kcompactd_run(q, 2), 0);
	assert_int_equal(quarry_vm_event(q, QUARRY_VM_COMPACT_DAEMON_WAKE), 0);
	assert_null(quarry_alloc_contig_pages(q, 1, GFP_KERNEL, 2, NULL));
	assert_int_equal(quarry_add_memory(q, 2, 0, QUARRY_MEMORY_BLOCK_BYTES), -QUARRY_EINVAL);
	q->pages->nr_nodes = 3;
	q->pages->nr_cpus = 2;
	assert_int_equal(quarry_pageset_count(q, 2, QUARRY_ZONE_DMA32, 2), 0);
	assert_int_equal(quarry_cpu_nid(q, 2, false), QUARRY_NO_NODE);
	assert_int_equal(quarry_cpu_nid(q, 2, true), QUARRY_NO_NODE);
	assert_false(quarry_cpu_is_online(q, 2));
	assert_int_equal(quarry_cpu_offline(q, 2), -QUARRY_EINVAL);
	assert_int_equal(quarry_cpu_online(q, 2), -QUARRY_EINVAL);
	quarry_drain_pages(q, 2);
	q->pages->nr_cpus = 3;
	assert_true(quarry_pageset_count(q, 2, QUARRY_ZONE_DMA32, 2) != 0);
	assert_int_equal(m.reports, 0);
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_machines),
		cmocka_unit_test(many_nodes),
		cmocka_unit_test(memory_beyond_the_limit),
		cmocka_unit_test(twelve_tebibytes),
		cmocka_unit_test(bootmem_as_memblock),
		cmocka_unit_test(tables_of_boot_keep_their_budget),
		cmocka_unit_test(tables_of_small_machines),
		cmocka_unit_test(tables_at_work_keep_their_budget),
		cmocka_unit_test(tables_inside),
		cmocka_unit_test(an_arena_with_descriptors_serves),
		cmocka_unit_test(tables_inside_out_of_reach),
		cmocka_unit_test(tables_fail_at_boot),
		cmocka_unit_test(tables_fail_at_work),
		cmocka_unit_test(two_make_a_table),
		cmocka_unit_test(an_interrupt_makes_the_table),
		cmocka_unit_test(odd_machines_with_tables_inside),
		cmocka_unit_test(bootmem_that_knows_nothing),
		cmocka_unit_test(tables_lie_near_their_node),
		cmocka_unit_test(tables_are_not_released),
		cmocka_unit_test(the_first_that_is_not_there),
		cmocka_unit_test(M13_reserved_pages_are_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
