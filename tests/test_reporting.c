/* SPDX-License-Identifier: MIT */
/*
 * Free page reporting and unaccepted memory (2b: tell the hypervisor; accept lazily before first use).
 * A host that forgets what it was told, and one that traps a touch of what it was not asked to accept.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "machine_build.h"

#define MIB MACHINE_MIB
#define PB ((unsigned long)QUARRY_PAGEBLOCK_PAGES)
#define PB_BYTES (QUARRY_PAGE_SIZE << QUARRY_PAGEBLOCK_ORDER)

/* ---- reporting ---- */

struct host {
	struct machine *m;
	unsigned long calls, ranges, refuse_after; /* 0: never */
	unsigned int largest_batch;
	unsigned char told[1024]; /* times, by pageblock */
	bool free_ok;
};

static int host_report(void *ctx, const struct quarry_range *r, unsigned int nr)
{
	struct host *h = ctx;

	if (h->refuse_after != 0 && h->calls >= h->refuse_after)
		return -1;
	h->calls++;
	h->ranges += nr;
	h->largest_batch = nr > h->largest_batch ? nr : h->largest_batch;
	for (unsigned int i = 0; i < nr; i++) {
		assert_int_equal(r[i].size, PB_BYTES);
		assert_int_equal(r[i].start % PB_BYTES, 0);
		h->told[r[i].start / PB_BYTES]++;
		/* While it is told, nobody can have it. */
		assert_int_not_equal(
			quarry_pfn_state(h->m->q, r[i].start >> QUARRY_PAGE_SHIFT, NULL),
			QUARRY_PAGE_FREE);
	}
	return 0;
}

static void host_init(struct host *h, struct machine *m)
{
	struct quarry_reporting_dev dev = {.report = host_report, .ctx = h};

	*h = (struct host){.m = m};
	assert_int_equal(quarry_page_reporting_register(m->q, &dev), 0);
}

static const struct machine_spec report_spec = {.memory = {{0, 512 * MIB, 0}},
						.reserved = {{4 * MIB, 5 * MIB, 0}},
						.boot = {.nr_cpus = 2, .no_thp = true}};

static void test_register(void **state)
{
	struct quarry_reporting_dev dev = {.report = host_report, .order = 3};
	struct machine m;

	(void)state;
	machine_build(&m, &report_spec);
	assert_int_equal(quarry_page_reporting_register(m.q, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_page_reporting_register(m.q, &dev), -QUARRY_EINVAL);
	dev.order = QUARRY_PAGEBLOCK_ORDER;
	dev.report = NULL;
	assert_int_equal(quarry_page_reporting_register(m.q, &dev), -QUARRY_EINVAL);
	assert_int_equal(quarry_page_reporting_run(m.q), 0);
	dev.report = host_report;
	assert_int_equal(quarry_page_reporting_register(m.q, &dev), 0);
	assert_int_equal(quarry_page_reporting_register(m.q, &dev), -QUARRY_EBUSY);
	quarry_page_reporting_unregister(m.q);
	assert_int_equal(quarry_page_reporting_run(m.q), 0);
	assert_int_equal(quarry_page_reporting_register(m.q, &dev), 0);
	machine_fini(&m);
}

/* Every free pageblock is told once, in batches of 32; again only after it was used. */
static void test_report_once(void **state)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS], told;
	struct machine m;
	struct page *page;
	struct host h;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &report_spec);
	machine_free_blocks(&m, before);
	host_init(&h, &m);
	told = quarry_page_reporting_run(m.q);
	machine_check(&m);
	machine_free_blocks(&m, after);
	machine_assert_same_blocks(before, after);
	assert_int_equal(told, h.ranges * PB);
	assert_int_equal(h.largest_batch, QUARRY_REPORTING_CAPACITY);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_PAGE_REPORTED), told);
	/* ZONE_DMA is too small to spare a batch; block 2 has the reservation. */
	for (unsigned int i = 8; i < 256; i++)
		assert_int_equal(h.told[i], 1);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(h.told[i], 0);
	assert_int_equal(quarry_page_reporting_run(m.q), 0);
	/* Used and free again. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 4);
	pfn = quarry_page_to_pfn(m.q, page);
	machine_check(&m);
	assert_int_equal(quarry_page_reporting_run(m.q), 0);
	quarry_free_pages(m.q, page, 4);
	quarry_drain_all_pages(m.q);
	assert_int_equal(quarry_page_reporting_run(m.q), PB);
	assert_int_equal(h.told[pfn / PB], 2);
	machine_check(&m);
	/* A pair of pageblocks: both marks go. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL, QUARRY_MAX_ORDER);
	quarry_free_pages(m.q, page, QUARRY_MAX_ORDER);
	assert_int_equal(quarry_page_reporting_run(m.q), 2 * PB);
	/* Taken by number. */
	assert_int_equal(quarry_alloc_contig_range(m.q, 100 * PB + 5, 100 * PB + 9,
						   QUARRY_MIGRATE_MOVABLE, GFP_KERNEL),
			 0);
	quarry_free_contig_range(m.q, 100 * PB + 5, 4);
	quarry_drain_all_pages(m.q);
	assert_int_equal(quarry_page_reporting_run(m.q), PB);
	assert_int_equal(h.told[100], 2);
	machine_check(&m);
	machine_fini(&m);
}

/* An arena's descriptors are carved out of a pageblock that the host was told of: it is whole no more. */
static void test_report_then_tables(void **state)
{
	struct machine_spec spec = report_spec;
	struct machine m;
	struct page *page;
	struct host h;

	(void)state;
	spec.port = MACHINE_INSIDE;
	spec.ram_bytes = 512 * MIB;
	/* Boot's tables are in the last pageblock, and leave no room there for more. */
	spec.reserved[1] = (struct machine_range){511 * MIB, 512 * MIB, 0};
	machine_build(&m, &spec);
	host_init(&h, &m);
	assert_true(quarry_page_reporting_run(m.q) > 200 * PB);
	machine_check(&m);
	page = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, QUARRY_PAGEBLOCK_ORDER);
	assert_non_null(page);
	assert_true(m.q->pages->carved != 0);
	machine_check(&m);
	quarry_free_pages(m.q, page, QUARRY_PAGEBLOCK_ORDER);
	machine_check(&m);
	machine_fini(&m);
}

/* A host that says no: what it was asked stays unreported, and is asked again. */
static void test_report_refused(void **state)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
	struct machine m;
	struct host h;

	(void)state;
	machine_build(&m, &report_spec);
	machine_free_blocks(&m, before);
	host_init(&h, &m);
	h.refuse_after = 2;
	assert_int_equal(quarry_page_reporting_run(m.q), 64 * PB);
	machine_check(&m);
	machine_free_blocks(&m, after);
	machine_assert_same_blocks(before, after);
	assert_int_equal(quarry_page_reporting_run(m.q), 0);
	h.refuse_after = 0;
	assert_int_equal(quarry_page_reporting_run(m.q), (248 - 64) * PB);
	for (unsigned int i = 8; i < 256; i++)
		assert_int_equal(h.told[i], 1);
	machine_fini(&m);
}

/* The gap above the low watermark: nothing is told when a batch could not be spared. */
static void test_report_gap(void **state)
{
	struct page *page[300];
	struct quarry_zone_info z;
	struct machine m;
	struct host h;
	unsigned int n = 0;

	(void)state;
	machine_build(&m, &report_spec);
	host_init(&h, &m);
	while (quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &z) &&
	       z.free > z.wmark[QUARRY_WMARK_LOW] + QUARRY_REPORTING_CAPACITY * PB) {
		page[n] = quarry_alloc_pages(m.q, GFP_KERNEL, QUARRY_PAGEBLOCK_ORDER);
		assert_non_null(page[n++]);
		quarry_drain_all_pages(m.q);
	}
	assert_int_equal(quarry_page_reporting_run(m.q), 0);
	quarry_free_pages(m.q, page[--n], QUARRY_PAGEBLOCK_ORDER);
	quarry_drain_all_pages(m.q);
	assert_true(quarry_page_reporting_run(m.q) > 0);
	machine_check(&m);
	machine_fini(&m);
}

static unsigned long resident(const unsigned char *ram, size_t size)
{
	unsigned char *map = malloc(size / 4096);
	unsigned long n = 0;

	assert_non_null(map);
	assert_int_equal(mincore((void *)(uintptr_t)ram, size, map), 0);
	for (size_t i = 0; i < size / 4096; i++)
		n += map[i] & 1u;
	free(map);
	return n;
}

/* Nobody is told while free pages are to keep what they hold. */
static void test_report_poison(void **state)
{
	struct machine_spec spec = report_spec;
	struct machine m;
	struct host h;

	(void)state;
	spec.memory[0].end = 160 * MIB;
	spec.ram_bytes = (size_t)(160 * MIB);
	machine_build(&m, &spec);
	host_init(&h, &m);
	assert_int_equal(quarry_page_debug(m.q, "init_on_free=1"), 0);
	assert_int_equal(quarry_page_reporting_run(m.q), 0);
	assert_int_equal(h.calls, 0);
	assert_int_equal(quarry_page_debug(m.q, "init_on_free=0"), 0);
	assert_true(quarry_page_reporting_run(m.q) >= 60 * PB);
	machine_check(&m);
	machine_fini(&m);
}

/* The posix port gives memory back: what the process holds shrinks, and what is in use stays. */
static void test_report_posix(void **state)
{
	struct machine_spec spec = report_spec;
	const size_t size = (size_t)(512 * MIB);
	struct page *page[64], *kept;
	struct machine m;
	unsigned char *ram;
	unsigned long full;

	(void)state;
	spec.ram_bytes = size;
	machine_build(&m, &spec);
	ram = quarry_address(m.q, 0);
	assert_int_equal(quarry_posix_report_free(m.q), 0);
	assert_int_equal(quarry_posix_report_free(m.q), -QUARRY_EBUSY);
	for (unsigned int i = 0; i < 64; i++) {
		page[i] = quarry_alloc_pages(m.q, GFP_KERNEL, QUARRY_PAGEBLOCK_ORDER);
		memset(quarry_page_address(m.q, page[i]), 0x5a, PB_BYTES);
	}
	kept = page[0];
	full = resident(ram, size);
	assert_true(full >= 64 * PB);
	for (unsigned int i = 1; i < 64; i++)
		quarry_free_pages(m.q, page[i], QUARRY_PAGEBLOCK_ORDER);
	quarry_drain_all_pages(m.q);
	assert_true(quarry_page_reporting_run(m.q) >= 63 * PB);
	assert_true(resident(ram, size) <= full - 63 * PB);
	for (size_t k = 0; k < PB_BYTES; k++)
		assert_int_equal(((unsigned char *)quarry_page_address(m.q, kept))[k], 0x5a);
	machine_check(&m);
	machine_fini(&m);
	machine_build(&m, &report_spec);
	assert_int_equal(quarry_posix_report_free(m.q), -QUARRY_EINVAL);
	machine_fini(&m);
}

/* ---- unaccepted memory ---- */

/* A machine whose memory cannot be touched until it is accepted. */
struct guest {
	struct quarry *q;
	void *storage;
	unsigned char *ram;
	size_t size;
	bool booted;
	unsigned int fail_one_in; /* accepts; 0: none */
	unsigned long calls, pages;
	unsigned char *accepted; /* by page: times */
	unsigned long twice;     /* pages accepted again after boot */
	unsigned int faults;
};

static int guest_accept(void *ctx, phys_addr_t phys, phys_addr_t size)
{
	struct guest *g = ctx;

	assert_int_equal((phys | size) % QUARRY_PAGE_SIZE, 0);
	if (g->fail_one_in != 0 && ++g->calls % g->fail_one_in == 0)
		return -QUARRY_EINVAL;
	for (size_t i = phys / QUARRY_PAGE_SIZE; i < (phys + size) / QUARRY_PAGE_SIZE; i++) {
		g->twice += g->booted && g->accepted[i] != 0;
		g->accepted[i] = 1;
	}
	g->pages += size / QUARRY_PAGE_SIZE;
	return mprotect(g->ram + phys, size, PROT_READ | PROT_WRITE) == 0 ? 0 : -QUARRY_EINVAL;
}

static void guest_report(void *ctx, const char *line)
{
	struct guest *g = ctx;

	(void)line;
	g->faults++;
}

static void guest_init(struct guest *g, size_t size, const struct quarry_range *unaccepted,
		       unsigned int nr, unsigned int fail_one_in, bool accept)
{
	struct quarry_port port = {.ctx = g, .report = guest_report};

	*g = (struct guest){.size = size, .fail_one_in = fail_one_in};
	g->ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(g->ram != MAP_FAILED);
	g->accepted = calloc(size / QUARRY_PAGE_SIZE, 1);
	for (unsigned int i = 0; i < nr; i++)
		assert_int_equal(
			mprotect(g->ram + unaccepted[i].start, unaccepted[i].size, PROT_NONE), 0);
	port.direct_map = (uintptr_t)g->ram;
	port.accept = accept ? guest_accept : NULL;
	quarry_posix_set_cpu(0);
	assert_int_equal(posix_memalign(&g->storage, 64, QUARRY_STORAGE_SIZE), 0);
	g->q = quarry_init(g->storage, QUARRY_STORAGE_SIZE, &port);
	assert_non_null(g->q);
	assert_int_equal(quarry_memblock_add(g->q, MIB, size - MIB), 0);
}

static int guest_start(struct guest *g, const struct quarry_range *unaccepted, unsigned int nr)
{
	struct quarry_boot_params params = {
		.nr_cpus = 2, .unaccepted = unaccepted, .nr_unaccepted = nr, .no_thp = true};

	return quarry_boot(g->q, &params);
}

static int guest_boot(struct guest *g, size_t size, const struct quarry_range *unaccepted,
		      unsigned int nr, unsigned int fail_one_in, bool accept)
{
	guest_init(g, size, unaccepted, nr, fail_one_in, accept);
	return guest_start(g, unaccepted, nr);
}

static void guest_check(struct guest *g)
{
	assert_int_equal(quarry_check_pages(g->q, NULL), 0);
	assert_int_equal(g->twice, 0);
	assert_int_equal(g->faults, 0);
}

static void guest_fini(struct guest *g)
{
	quarry_destroy(g->q);
	munmap(g->ram, g->size);
	free(g->accepted);
	free(g->storage);
}

static struct quarry_zone_info guest_zone(struct guest *g, enum quarry_zone_type zone)
{
	struct quarry_zone_info z;

	assert_true(quarry_zone_info(g->q, 0, zone, &z));
	return z;
}

/* Tables lie in the machine itself: every touch of a page that is not accepted would trap. */
static void test_accept_lazily(void **state)
{
	/* from 33 MiB + 12 KiB on: pageblocks that are unaccepted in part, too */
	const struct quarry_range unaccepted[] = {{33 * MIB + 3 * 4096, 479 * MIB - 3 * 4096}};
	struct quarry_zone_info z, z2;
	struct page *page;
	struct guest g;
	unsigned long taken = 0;

	(void)state;
	assert_int_equal(guest_boot(&g, 512 * MIB, unaccepted, 1, 0, true), 0);
	g.booted = true;
	guest_check(&g);
	/* From now on pageblocks know; the host's list may go. */
	assert_int_equal(g.q->nr_unaccepted, 0);
	z = guest_zone(&g, QUARRY_ZONE_DMA32);
	assert_true(z.unaccepted > 400 * 256);
	assert_true(z.free + z.pcp < 100 * 256);
	assert_int_equal(quarry_pfn_state(g.q, 300 * 256, NULL), QUARRY_PAGE_UNACCEPTED);
	assert_true(g.pages < 40 * 256);
	/* Use it all: each page can be written when it is given. */
	while ((page = quarry_alloc_pages(g.q, GFP_HIGHUSER_MOVABLE | __GFP_NOWARN, 0)) != NULL) {
		*(volatile unsigned char *)quarry_page_address(g.q, page) = 1;
		if (++taken % 4096 != 0)
			continue;
		guest_check(&g);
		/* No more is accepted than the high watermark asks for. */
		z2 = guest_zone(&g, QUARRY_ZONE_DMA32);
		assert_true(z2.unaccepted == 0 ||
			    z2.free <= z2.wmark[QUARRY_WMARK_HIGH] + 2 * PB + 40 * 256);
	}
	z2 = guest_zone(&g, QUARRY_ZONE_DMA32);
	assert_int_equal(z2.unaccepted, 0);
	assert_int_equal(z2.managed, z.managed);
	assert_true(taken > 480 * 256);
	assert_int_equal(quarry_vm_event(g.q, QUARRY_VM_PAGE_ACCEPTED), z.unaccepted);
	guest_check(&g);
	guest_fini(&g);
}

/* A table that what is accepted has no room for has more accepted, as a request has. */
static void test_accept_for_tables(void **state)
{
	const struct quarry_range unaccepted[] = {{6 * MIB, 58 * MIB}};
	struct quarry_zone_info z;
	struct guest g;
	char *table;

	(void)state;
	assert_int_equal(guest_boot(&g, 64 * MIB, unaccepted, 1, 0, true), 0);
	g.booted = true;
	z = guest_zone(&g, QUARRY_ZONE_DMA32);
	assert_true(z.unaccepted > 8 * PB && z.free < 2 * PB);
	table = quarry_meta_alloc(g.q, 2 * PB * QUARRY_PAGE_SIZE - 64);
	assert_non_null(table);
	assert_int_equal(quarry_vm_event(g.q, QUARRY_VM_PAGE_ACCEPTED),
			 z.unaccepted - guest_zone(&g, QUARRY_ZONE_DMA32).unaccepted);
	guest_check(&g);
	quarry_meta_free(g.q, table);
	guest_check(&g);
	guest_fini(&g);
}

/* Takes memory from the boot allocator that is given, 20 times, and writes to all of it; returns where the last one lies. */
static phys_addr_t guest_take_early(struct guest *g, bool bootmem)
{
	char *p = NULL;

	for (size_t i = 1; i <= 20; i++) {
		p = bootmem ? quarry_alloc_bootmem_nopanic(g->q, 1000 * i)
			    : quarry_memblock_alloc(g->q, 1000 * i, 64);
		assert_non_null(p);
		memset(p, 0x5a, 1000 * i);
	}
	return (phys_addr_t)(p - (char *)g->ram);
}

/* What boot allocators give can be touched at once, memblock's own arrays and tested memory too. */
static void test_accept_before_boot(void **state)
{
	const struct quarry_range unaccepted[] = {{MIB, 100 * MIB}, {101 * MIB, 27 * MIB}};
	phys_addr_t reserved, at, map = 0;
	struct quarry_zone_info z;
	struct page *page;
	struct guest g;

	(void)state;
	for (unsigned int bootmem = 0; bootmem < 2; bootmem++) {
		struct quarry_boot_params params = {.bootmem = bootmem != 0, .no_thp = true};

		guest_init(&g, 128 * MIB, unaccepted, 2, 0, true);
		assert_int_equal(quarry_memblock_set_unaccepted(g.q, unaccepted, 2), 0);
		quarry_memblock_allow_resize(g.q);
		if (bootmem != 0) {
			map = quarry_memblock_phys_alloc(
				g.q, quarry_bootmem_bootmap_pages(128 * 256) * QUARRY_PAGE_SIZE,
				QUARRY_PAGE_SIZE);
			quarry_init_bootmem_node(g.q, 0, map / QUARRY_PAGE_SIZE, 256, 128 * 256);
			assert_int_equal(quarry_free_bootmem_node(g.q, 0, MIB, map - MIB), 0);
		}
		at = guest_take_early(&g, bootmem != 0);
		for (phys_addr_t i = 0; i < 300; i++) /* more than the arrays hold */
			assert_int_equal(quarry_memblock_reserve(g.q, (20 * MIB + i * 8192), 4096),
					 0);
		assert_int_equal(quarry_memblock_memtest(g.q, 40 * MIB, 41 * MIB, 1), 0);
		assert_true(g.pages < 3 * 256 && g.accepted[50 * 256] == 0);
		/* A port that does not accept: nothing is given, nothing is reserved. */
		g.fail_one_in = 1;
		reserved = quarry_memblock_reserved_size(g.q);
		assert_null(bootmem != 0 ? quarry_alloc_bootmem_nopanic(g.q, 3 * MIB)
					 : quarry_memblock_alloc(g.q, 3 * MIB, 64));
		assert_int_equal(quarry_memblock_reserved_size(g.q), reserved);
		g.fail_one_in = 0;
		assert_int_equal(quarry_boot(g.q, &params), 0);
		assert_int_equal(quarry_pfn_state(g.q, at / QUARRY_PAGE_SIZE, NULL),
				 QUARRY_PAGE_RESERVED);
		z = guest_zone(&g, QUARRY_ZONE_DMA32);
		assert_true(z.unaccepted > 80 * 256);
		while ((page = quarry_alloc_pages(g.q, GFP_HIGHUSER_MOVABLE | __GFP_NOWARN, 0)) !=
		       NULL)
			*(volatile unsigned char *)quarry_page_address(g.q, page) = 1;
		assert_int_equal(guest_zone(&g, QUARRY_ZONE_DMA32).unaccepted, 0);
		guest_check(&g);
		guest_fini(&g);
	}
	/* Nobody to accept; and none that must be. */
	guest_init(&g, 8 * MIB, NULL, 0, 0, false);
	assert_int_equal(quarry_memblock_set_unaccepted(g.q, unaccepted, 2), -QUARRY_EINVAL);
	assert_int_equal(quarry_memblock_set_unaccepted(g.q, NULL, 0), 0);
	assert_non_null(quarry_memblock_alloc(g.q, MIB, 64));
	assert_int_equal(quarry_boot(g.q, NULL), 0);
	guest_check(&g);
	guest_fini(&g);
}

static struct quarry_range accepted_last;

static int accept_note(void *ctx, phys_addr_t phys, phys_addr_t size)
{
	(void)ctx;
	accepted_last = (struct quarry_range){phys, size};
	return 0;
}

/* Memory up to the end of the address space: one past it is 0. */
static void test_accept_at_the_top(void **state)
{
	const struct quarry_range unaccepted = {0 - 2 * MIB, 2 * MIB};
	struct quarry_posix_options options = {.ram_bytes = 0};
	struct quarry *q = quarry_posix_new(&options);
	phys_addr_t at;

	(void)state;
	assert_non_null(q);
	q->port.accept = accept_note;
	assert_int_equal(quarry_memblock_set_unaccepted(q, &unaccepted, 1), 0);
	assert_int_equal(quarry_memblock_add(q, 0 - 2 * MIB, 2 * MIB), 0);
	at = quarry_memblock_phys_alloc(q, 3 * QUARRY_PAGE_SIZE, 64);
	assert_true(at > 0 - 2 * MIB);
	assert_true(accepted_last.size >= 3 * QUARRY_PAGE_SIZE);
	assert_true(accepted_last.start <= at && accepted_last.start % QUARRY_PAGE_SIZE == 0);
	assert_int_equal(accepted_last.start + accepted_last.size, 0);
	quarry_posix_delete(q);
}

/* A large block is not there yet: pageblocks are accepted until it is. */
static void test_accept_for_order(void **state)
{
	const struct quarry_range unaccepted[] = {{64 * MIB, 448 * MIB}};
	struct page *page;
	struct guest g;

	(void)state;
	assert_int_equal(guest_boot(&g, 512 * MIB, unaccepted, 1, 0, true), 0);
	g.booted = true;
	for (unsigned int i = 0; i < 80; i++) {
		page = quarry_alloc_pages(g.q, GFP_KERNEL, QUARRY_MAX_ORDER);
		assert_non_null(page);
		memset(quarry_page_address(g.q, page), 1, QUARRY_PAGE_SIZE << QUARRY_MAX_ORDER);
		guest_check(&g);
	}
	/* By range, as offlining does. */
	assert_int_equal(quarry_accept_memory(g.q, 480 * 256, 500 * 256), 20 * 256);
	assert_int_equal(quarry_accept_memory(g.q, 480 * 256, 500 * 256), 0);
	assert_int_equal(quarry_accept_memory(g.q, 600 * 256, 700 * 256), 0);
	guest_check(&g);
	guest_fini(&g);
}

/* What cannot be accepted stays out: at boot, and later. */
static void test_accept_fails(void **state)
{
	const struct quarry_range unaccepted[] = {{64 * MIB + 4096, 256 * MIB},
						  {330 * MIB, 100 * MIB}};
	unsigned long managed, taken = 0, accepted;
	struct quarry_zone_info z;
	struct page *page;
	struct guest g;

	(void)state;
	assert_int_equal(guest_boot(&g, 512 * MIB, unaccepted, 2, 3, true), 0);
	g.booted = true;
	guest_check(&g);
	managed = guest_zone(&g, QUARRY_ZONE_DMA32).managed;
	while ((page = quarry_alloc_pages(g.q, GFP_HIGHUSER_MOVABLE | __GFP_NOWARN, 0)) != NULL) {
		*(volatile unsigned char *)quarry_page_address(g.q, page) = 1;
		taken++;
	}
	z = guest_zone(&g, QUARRY_ZONE_DMA32);
	assert_int_equal(z.unaccepted, 0);
	accepted = (unsigned long)quarry_vm_event(g.q, QUARRY_VM_PAGE_ACCEPTED);
	assert_true(accepted > 0);
	assert_true(z.managed < managed && (managed - z.managed) % PB == 0);
	guest_check(&g);
	/* They are not released by accident either. */
	assert_int_equal(quarry_free_reserved(g.q, 64 * 256, 512 * 256), 0);
	guest_check(&g);
	guest_fini(&g);
	/* Asked for by name: what it returns is what was accepted, not what was refused. */
	assert_int_equal(guest_boot(&g, 512 * MIB, unaccepted, 2, 3, true), 0);
	g.booted = true;
	z = guest_zone(&g, QUARRY_ZONE_DMA32);
	accepted = quarry_accept_memory(g.q, 0, 512 * 256);
	assert_true(accepted > 0 && accepted % PB == 0);
	taken = z.managed - guest_zone(&g, QUARRY_ZONE_DMA32).managed;
	assert_true(taken > 0 && taken % PB == 0);
	assert_int_equal(accepted + taken, z.unaccepted);
	assert_int_equal(guest_zone(&g, QUARRY_ZONE_DMA32).unaccepted, 0);
	guest_check(&g);
	guest_fini(&g);
}

/* A CMA area is accepted when it is activated; one that cannot be stays reserved. */
static void test_accept_cma(void **state)
{
	/* What is asked for before boot lies above. */
	const struct quarry_range unaccepted[] = {{64 * MIB, 48 * MIB}};
	struct quarry_cma_spec spec = {
		.base = 96 * MIB, .size = 8 * MIB, .fixed = true, .nid = QUARRY_NO_NODE};

	(void)state;
	for (unsigned int fail = 0; fail < 2; fail++) {
		struct quarry_cma *cma;
		struct page *page;
		struct guest g;

		guest_init(&g, 128 * MIB, unaccepted, 1, 0, true);
		assert_int_equal(quarry_cma_declare_contiguous(g.q, &spec, &cma), 0);
		g.fail_one_in = fail; /* each */
		assert_int_equal(guest_start(&g, unaccepted, 1), 0);
		page = quarry_cma_alloc(g.q, cma, 2048, 0, true);
		assert_int_equal(page == NULL, fail);
		if (page != NULL)
			memset(quarry_page_address(g.q, page), 0x5a, 8 * MIB);
		else
			assert_int_equal(quarry_pfn_state(g.q, 96 * 256, NULL),
					 QUARRY_PAGE_RESERVED);
		guest_check(&g);
		guest_fini(&g);
	}
}

/* A range that is taken by number is accepted; what is accepted is filled as free pages are to be. */
static void test_accept_contig(void **state)
{
	const struct quarry_range unaccepted[] = {{64 * MIB, 128 * MIB}};
	struct quarry_page_debug_info info;
	struct page *page;
	struct guest g;

	(void)state;
	assert_int_equal(guest_boot(&g, 192 * MIB, unaccepted, 1, 0, true), 0);
	assert_int_equal(quarry_page_debug(g.q, "page_poison=1"), 0);
	assert_false(quarry_has_unmovable_pages(g.q, 96 * 256, 128 * 256, QUARRY_MIGRATE_MOVABLE, 0,
						NULL));
	assert_int_equal(quarry_alloc_contig_range(g.q, 96 * 256, 98 * 256, QUARRY_MIGRATE_MOVABLE,
						   GFP_KERNEL),
			 0);
	assert_int_equal(quarry_vm_event(g.q, QUARRY_VM_PAGE_ACCEPTED), 2 * 256);
	memset(quarry_page_address(g.q, quarry_pfn_to_page(g.q, 96 * 256)), 1, 2 * MIB);
	guest_check(&g);
	/* The second place of that size is in memory that is not accepted. */
	for (unsigned int i = 0; i < 2; i++) {
		page = quarry_alloc_contig_pages(g.q, 32 * 256, GFP_KERNEL, 0, NULL);
		assert_non_null(page);
		memset(quarry_page_address(g.q, page), 1, 32 * MIB);
		guest_check(&g);
	}
	assert_int_equal(quarry_page_to_pfn(g.q, page), 64 * 256);
	/* What is not accepted now will not be. */
	g.fail_one_in = 1;
	assert_int_equal(quarry_alloc_contig_range(g.q, 120 * 256, 122 * 256,
						   QUARRY_MIGRATE_MOVABLE, GFP_KERNEL),
			 -QUARRY_EBUSY);
	quarry_page_debug_info(g.q, &info);
	assert_int_equal(info.poison_found, 0);
	guest_check(&g);
	guest_fini(&g);
}

static void test_accept_errors(void **state)
{
	const struct quarry_range unaccepted[] = {{64 * MIB, 64 * MIB}};
	struct guest g;

	(void)state;
	assert_int_equal(guest_boot(&g, 128 * MIB, unaccepted, 1, 0, false), -QUARRY_EINVAL);
	guest_fini(&g);
	/* Whole GiBs: nothing is written for them until the first is wanted. */
	assert_int_equal(guest_boot(&g, 128 * MIB, unaccepted, 0, 0, true), 0);
	assert_int_equal(guest_zone(&g, QUARRY_ZONE_DMA32).unaccepted, 0);
	assert_int_equal(quarry_accept_memory(g.q, 0, 128 * 256), 0);
	guest_check(&g);
	guest_fini(&g);
}

/* Whole GiBs on a large simulated machine: boot writes no records for them. */
static int count_accept(void *ctx, phys_addr_t phys, phys_addr_t size)
{
	(void)phys;
	(*(unsigned long *)((struct machine *)ctx)->hook) += size / QUARRY_PAGE_SIZE;
	return 0;
}

static void test_accept_large(void **state)
{
	const struct quarry_range unaccepted = {MACHINE_GIB, 63 * MACHINE_GIB};
	unsigned long accepted = 0;
	struct quarry_zone_info z;
	struct machine m;
	struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_GIB, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
		.accept = count_accept,
		.boot = {.nr_cpus = 2, .unaccepted = &unaccepted, .nr_unaccepted = 1}};

	(void)state;
	machine_build(&m, &spec);
	m.hook = &accepted;
	machine_check(&m);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &z));
	assert_int_equal(z.unaccepted, 60 * MACHINE_GIB / QUARRY_PAGE_SIZE);
	assert_int_equal(z.free, 0);
	assert_int_equal(z.managed, z.unaccepted);
	assert_non_null(quarry_alloc_pages(m.q, GFP_KERNEL, 0));
	machine_check(&m);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &z));
	assert_true(z.free >= z.wmark[QUARRY_WMARK_HIGH]);
	assert_true(z.free <= z.wmark[QUARRY_WMARK_HIGH] + PB);
	assert_true(accepted <= z.wmark[QUARRY_WMARK_HIGH] + 2 * PB);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_report_once),
		cmocka_unit_test(test_report_refused),
		cmocka_unit_test(test_report_gap),
		cmocka_unit_test(test_report_posix),
		cmocka_unit_test(test_accept_lazily),
		cmocka_unit_test(test_accept_for_tables),
		cmocka_unit_test(test_accept_for_order),
		cmocka_unit_test(test_accept_fails),
		cmocka_unit_test(test_report_poison),
		cmocka_unit_test(test_accept_cma),
		cmocka_unit_test(test_accept_contig),
		cmocka_unit_test(test_accept_errors),
		cmocka_unit_test(test_report_then_tables),
		cmocka_unit_test(test_accept_at_the_top),
		cmocka_unit_test(test_accept_large),
		cmocka_unit_test(test_accept_before_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
