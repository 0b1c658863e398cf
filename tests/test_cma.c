/* SPDX-License-Identifier: MIT */
/* CMA areas (2b "CMA areas", P9): declared at boot, lent to movable pages, taken back in one piece. */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "owner.h"

#define MIB MACHINE_MIB
#define PAGES(mib) ((size_t)(mib)*256)

static const struct machine_spec m64 = {
	.memory = {{0, 64 * MACHINE_MIB, 0}},
	.ram_bytes = 64 << 20,
	.boot = {.nr_cpus = 2, .dma_limit = 16 * MACHINE_MIB, .dma32_limit = ~(phys_addr_t)0},
};

static phys_addr_t reserved_bytes(struct machine *m)
{
	return quarry_memblock_reserved_size(m->q);
}

static struct quarry_cma *declare(struct machine *m, phys_addr_t base, phys_addr_t size,
				  unsigned int order_per_bit, const char *name)
{
	struct quarry_cma_spec spec = {.base = base,
				       .size = size,
				       .fixed = base != 0,
				       .order_per_bit = order_per_bit,
				       .name = name,
				       .nid = QUARRY_NO_NODE};
	struct quarry_cma *cma = NULL;

	assert_int_equal(quarry_cma_declare_contiguous(m->q, &spec, &cma), 0);
	assert_non_null(cma);
	return cma;
}

static struct quarry_cma_info info_of(struct machine *m, struct quarry_cma *cma)
{
	struct quarry_cma_info info;

	quarry_cma_info(m->q, cma, &info);
	return info;
}

/* ---- declaration ---- */

static void wrong_declarations_change_nothing(void **state)
{
	static const struct {
		struct quarry_cma_spec spec;
		int err;
	} wrong[] = {
		{{.size = 0, .nid = -1}, -QUARRY_EINVAL},
		{{.size = 4 * MACHINE_MIB, .alignment = 3 * MACHINE_MIB, .nid = -1},
		 -QUARRY_EINVAL},
		{{.size = 4 * MACHINE_MIB, .base = MACHINE_MIB, .fixed = true, .nid = -1},
		 -QUARRY_EINVAL},
		{{.size = 4 * MACHINE_MIB, .base = 62 * MACHINE_MIB, .fixed = true, .nid = -1},
		 -QUARRY_EINVAL},
		{{.size = 4 * MACHINE_MIB, .base = 8 * MACHINE_MIB, .fixed = true, .nid = -1},
		 -QUARRY_EBUSY},
		{{.size = 4 * MACHINE_MIB,
		  .limit = 6 * MACHINE_MIB,
		  .base = 4 * MACHINE_MIB,
		  .nid = -1},
		 -QUARRY_EINVAL},
		{{.size = 4 * MACHINE_MIB, .order_per_bit = 10, .nid = -1}, -QUARRY_EINVAL},
		{{.size = 60 * MACHINE_MIB, .nid = -1}, -QUARRY_ENOMEM},
		{{.size = 4 * MACHINE_MIB, .nid = 1}, -QUARRY_ENOMEM},
		{{.size = ~(phys_addr_t)0, .nid = -1}, -QUARRY_EINVAL},
	};
	struct quarry_cma *cma = NULL;
	struct machine m;
	phys_addr_t before;

	(void)state;
	machine_init(&m, &m64);
	quarry_memblock_reserve(m.q, 10 * MIB, MIB);
	before = reserved_bytes(&m);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int err = quarry_cma_declare_contiguous(m.q, &wrong[i].spec, &cma);

		if (err != wrong[i].err)
			fail_msg("declaration %zu: %d", i, err);
		assert_null(cma);
		assert_int_equal(reserved_bytes(&m), before);
	}
	/* Of memory that is reserved already: aligned, and reserved as a whole. */
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 10 * MIB, 2 * MIB, 0, NULL, &cma),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 10 * MIB, MIB, 0, NULL, &cma),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 11 * MIB, 2 * MIB, 0, NULL, &cma),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 10 * MIB, 0, 0, NULL, &cma),
			 -QUARRY_EINVAL);
	quarry_memblock_reserve(m.q, 11 * MIB, MIB);
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 10 * MIB, 2 * MIB, 10, NULL, &cma),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 10 * MIB, 2 * MIB, 9, NULL, NULL), 0);
	/* All areas there can be. */
	for (unsigned int i = 1; i < QUARRY_MAX_CMA_AREAS; i++)
		declare(&m, 0, 2 * MIB, 0, NULL);
	before = reserved_bytes(&m);
	assert_int_equal(quarry_cma_declare_contiguous(
				 m.q, &(struct quarry_cma_spec){.size = 2 * MIB, .nid = -1}, NULL),
			 -QUARRY_ENOSPC);
	quarry_memblock_reserve(m.q, 0, 2 * MIB);
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 0, 2 * MIB, 0, NULL, NULL),
			 -QUARRY_ENOSPC);
	quarry_memblock_phys_free(m.q, 0, 2 * MIB);
	assert_int_equal(reserved_bytes(&m), before);
	/* Too late. */
	assert_int_equal(quarry_boot(m.q, &m64.boot), 0);
	assert_int_equal(quarry_cma_declare_contiguous(
				 m.q, &(struct quarry_cma_spec){.size = 2 * MIB, .nid = -1}, NULL),
			 -QUARRY_EINVAL);
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 10 * MIB, 2 * MIB, 0, NULL, NULL),
			 -QUARRY_EINVAL);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static void tables_may_be_refused(void **state)
{
	struct machine_spec spec = m64;

	(void)state;
	spec.port = MACHINE_COUNTED;
	spec.ram_bytes = 0;
	for (long budget = 0; budget <= 2; budget++) {
		struct quarry_cma *cma = NULL;
		struct machine m;
		int err;

		spec.budget = -1;
		machine_init(&m, &spec);
		m.budget = budget;
		err = quarry_cma_declare_contiguous(
			m.q, &(struct quarry_cma_spec){.size = 5 * MIB, .nid = -1}, &cma);
		m.budget = -1;
		assert_int_equal(err, budget < 2 ? -QUARRY_ENOMEM : 0);
		assert_int_equal(reserved_bytes(&m), budget < 2 ? 0 : 6 * MIB);
		assert_int_equal(quarry_boot(m.q, &spec.boot), 0);
		machine_check(&m);
		machine_fini(&m);
	}
}

static int collect_names(struct quarry_cma *cma, void *arg)
{
	struct {
		struct machine *m;
		char text[512];
		int stop;
	} *all = arg;
	struct quarry_cma_info info = info_of(all->m, cma);

	snprintf(all->text + strlen(all->text), sizeof(all->text) - strlen(all->text),
		 "%s %llu+%lu;", info.name, (unsigned long long)info.base_pfn, info.count);
	return --all->stop == 0 ? 77 : 0;
}

/* Where areas go, and what they are called. */
static void areas_are_placed_and_named(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 3 * MACHINE_GIB, 0}, {4 * MACHINE_GIB, 6 * MACHINE_GIB, 1}},
		.boot = {.nr_cpus = 2},
	};
	struct quarry_cma_spec want = {.size = 16 * MACHINE_MIB, .nid = QUARRY_NO_NODE};
	struct {
		struct machine *m;
		char text[512];
		int stop;
	} all = {0};
	struct machine m;

	(void)state;
	machine_init(&m, &spec);
	assert_int_equal(quarry_cma_for_each_area(m.q, collect_names, &all), 0);
	/* The lowest place above 4 GiB; below a limit, on a node, aligned: the highest. */
	assert_int_equal(quarry_cma_declare_contiguous(m.q, &want, NULL), 0);
	want.limit = 2 * MACHINE_GIB + 5 * MIB;
	want.size = 15 * MIB;
	want.name = "below";
	assert_int_equal(quarry_cma_declare_contiguous(m.q, &want, NULL), 0);
	want = (struct quarry_cma_spec){.size = 2 * MIB, .nid = 0, .alignment = 512 * MIB};
	assert_int_equal(quarry_cma_declare_contiguous(m.q, &want, NULL), 0);
	want = (struct quarry_cma_spec){
		.size = 2 * MIB, .base = 64 * MIB, .fixed = true, .nid = -1};
	want.name = "a name that is far too long for what is kept of it, as there are 63 bytes";
	assert_int_equal(quarry_cma_declare_contiguous(m.q, &want, NULL), 0);
	all.m = &m;
	assert_int_equal(quarry_cma_for_each_area(m.q, collect_names, &all), 0);
	assert_string_equal(
		all.text,
		"cma0 1048576+4096;below 521216+4096;cma2 655360+131072;"
		"a name that is far too long for what is kept of it, as there ar 16384+512;");
	all.stop = 2;
	assert_int_equal(quarry_cma_for_each_area(m.q, collect_names, &all), 77);
	assert_int_equal(quarry_boot(m.q, &spec.boot), 0);
	machine_check(&m);
	machine_fini(&m);
}

/* ---- boot ---- */

static void booted_areas_are_lent(void **state)
{
	struct quarry_zone_info info;
	struct quarry_totals totals;
	struct quarry_cma *cma;
	struct page *page;
	struct machine m;

	(void)state;
	machine_init(&m, &m64);
	cma = declare(&m, 32 * MIB, 8 * MIB, 0, "test");
	assert_false(info_of(&m, cma).active);
	assert_int_equal(quarry_boot(m.q, &m64.boot), 0);
	machine_check(&m);
	assert_true(info_of(&m, cma).active);
	assert_int_equal(info_of(&m, cma).maxchunk, 2048);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.cma, 2048);
	assert_int_equal(info.free_cma, 2048);
	assert_int_equal(info.managed, PAGES(48)); /* as if it had never been reserved */
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_CMA], 4);
	assert_int_equal(info.nr_free_type[QUARRY_MIGRATE_CMA][10], 2);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.cma + info.free_cma, 0);
	quarry_totals(m.q, &totals);
	assert_int_equal(totals.managed, PAGES(64));
	/* Nothing that cannot be moved gets in. */
	while ((page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_MEMALLOC, 0)) != NULL)
		assert_true(quarry_page_to_pfn(m.q, page) < PAGES(32) ||
			    quarry_page_to_pfn(m.q, page) >= PAGES(40));
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.free_cma, 2048);
	machine_check(&m);
	machine_fini(&m);
}

/* Over the border of a zone, in a hole, or handed over by bootmem already: what is memory is like all other. */
static void what_cannot_be_activated_is_plain_memory(void **state)
{
	struct machine_spec spec = m64;
	struct quarry_zone_info info;
	struct quarry_cma *cma;
	struct machine m;

	(void)state;
	machine_init(&m, &m64);
	cma = declare(&m, 12 * MIB, 8 * MIB, 0, NULL);
	assert_int_equal(quarry_memblock_reserve(m.q, 80 * MIB, 2 * MIB), 0);
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 80 * MIB, 2 * MIB, 0, NULL, NULL), 0);
	assert_int_equal(quarry_boot(m.q, &m64.boot), 0);
	assert_false(info_of(&m, cma).active);
	assert_null(quarry_cma_alloc(m.q, cma, 1, 0, true));
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.cma, 0);
	assert_int_equal(info.managed, PAGES(48));
	assert_int_equal(info.free, PAGES(48));
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_CMA], 0);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.free, info.managed);
	assert_int_equal(quarry_pfn_state(m.q, PAGES(12), NULL), QUARRY_PAGE_FREE);
	machine_check(&m);
	machine_fini(&m);

	spec.boot.bootmem = true;
	machine_init(&m, &spec);
	cma = declare(&m, 32 * MIB, 8 * MIB, 0, NULL);
	assert_int_equal(quarry_boot(m.q, &spec.boot), 0);
	assert_false(info_of(&m, cma).active);
	machine_check(&m);
	machine_fini(&m);
}

/* An area that is a whole GiB, and one where all else is reserved: arenas without records until then. */
static void areas_in_arenas_without_records(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 4 * MACHINE_GIB, 0}},
		.reserved = {{2 * MACHINE_GIB, 3 * MACHINE_GIB, 0}},
	};
	struct quarry_zone_info info;
	struct quarry_cma *whole, *part;
	struct page *page;
	struct machine m;

	(void)state;
	machine_init(&m, &spec);
	whole = declare(&m, MACHINE_GIB, MACHINE_GIB, 0, NULL);
	assert_int_equal(quarry_cma_init_reserved_mem(m.q, 2 * MACHINE_GIB + 6 * MIB, 2 * MIB, 0,
						      NULL, &part),
			 0);
	assert_int_equal(quarry_boot(m.q, &spec.boot), 0);
	machine_check(&m);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info));
	assert_int_equal(info.free_cma, PAGES(1026));
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_CMA], 513);
	page = quarry_cma_alloc(m.q, whole, 1 << 18, 18, false);
	assert_non_null(page);
	assert_int_equal(quarry_page_to_pfn(m.q, page), 1 << 18);
	machine_check(&m);
	page = quarry_cma_alloc(m.q, part, 512, 9, false);
	assert_non_null(page);
	assert_true(quarry_cma_release(m.q, part, page, 512));
	machine_check(&m);
	machine_fini(&m);
}

/* ---- in use ---- */

static void pages_are_given_and_released(void **state)
{
	struct quarry_cma *cma, *coarse;
	struct quarry_zone_info zone;
	struct quarry_cma_info info;
	struct page *a, *b, *c;
	struct machine m;

	(void)state;
	machine_init(&m, &m64);
	cma = declare(&m, 32 * MIB, 4 * MIB, 0, "fine");
	coarse = declare(&m, 36 * MIB, 4 * MIB, 4, "coarse");
	assert_int_equal(quarry_boot(m.q, &m64.boot), 0);
	/* Lowest place first; aligned by page frame. */
	a = quarry_cma_alloc(m.q, cma, 3, 0, false);
	b = quarry_cma_alloc(m.q, cma, 5, 4, false);
	c = quarry_cma_alloc(m.q, cma, 2, 1, false);
	assert_int_equal(quarry_page_to_pfn(m.q, a), 8192);
	assert_int_equal(quarry_page_to_pfn(m.q, b), 8192 + 16);
	assert_int_equal(quarry_page_to_pfn(m.q, c), 8192 + 4);
	info = info_of(&m, cma);
	assert_int_equal(info.used, 10);
	assert_int_equal(info.maxchunk, 1024 - 21);
	assert_int_equal(info.alloc_pages_success, 10);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &zone));
	assert_int_equal(zone.free_cma, 2048 - 10);
	assert_int_equal(zone.cma, 2048);
	machine_check(&m);
	/* In units: 17 pages are two of 16; the second call gets the third. */
	a = quarry_cma_alloc(m.q, coarse, 17, 0, false);
	c = quarry_cma_alloc(m.q, coarse, 1, 0, false);
	assert_int_equal(quarry_page_to_pfn(m.q, c) - quarry_page_to_pfn(m.q, a), 32);
	assert_int_equal(info_of(&m, coarse).used, 48);
	/* Nothing that is not given out, or of another area, is released. */
	assert_false(quarry_cma_release(m.q, cma, a, 17));
	assert_false(quarry_cma_release(m.q, coarse, a, 49));
	assert_false(quarry_cma_release(m.q, coarse, a + 1, 1));
	assert_false(quarry_cma_release(m.q, coarse, a, 0));
	assert_false(quarry_cma_release(m.q, coarse, a, 1025));
	assert_false(quarry_cma_release(m.q, coarse, NULL, 1));
	assert_int_equal(info_of(&m, coarse).used, 48);
	assert_true(quarry_cma_release(m.q, coarse, a, 17));
	assert_false(quarry_cma_release(m.q, coarse, a, 17));
	assert_true(quarry_cma_release(m.q, cma, b, 5));
	assert_int_equal(info_of(&m, coarse).release_pages, 17);
	/* More than there is; and all that there is. */
	assert_null(quarry_cma_alloc(m.q, cma, 0, 0, true));
	assert_null(quarry_cma_alloc(m.q, cma, 1025, 0, true));
	assert_null(quarry_cma_alloc(m.q, cma, 1020, 0, false)); /* is said in the log */
	assert_null(quarry_cma_alloc(m.q, cma, 1, 64, true));
	assert_int_equal(info_of(&m, cma).alloc_pages_fail, 1020);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_CMA_ALLOC_FAIL), 1);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_CMA_ALLOC_SUCCESS), 5);
	assert_int_equal(m.reports, 0);
	machine_check(&m);
	machine_fini(&m);
}

/* A movable page out of a CMA pageblock. */
static struct page *borrow(struct machine *m)
{
	struct page_zone *z = m->q->pages->node[0].zone[QUARRY_ZONE_NORMAL];
	uint32_t hint = z->arena_first;
	struct page *page = zone_take(m->q, z, &hint, 0, QUARRY_MIGRATE_CMA, 0);

	if (page != NULL)
		page_set_word(page, (page_word(page) & PAGE_WORD_ARENA_MASK) |
					    page_word_alloc(0, QUARRY_MIGRATE_MOVABLE));
	return page;
}

/* What is lent is moved when the area is needed, contents and all; a place that resists is passed over. */
static void lent_pages_are_moved(void **state)
{
	struct quarry_zone_info zone;
	struct quarry_cma *cma;
	struct page *page[16];
	uint64_t seed = 9;
	struct machine m;
	struct owner o;
	size_t n = 0;

	(void)state;
	machine_init(&m, &m64);
	cma = declare(&m, 32 * MIB, 8 * MIB, 0, "lent");
	assert_int_equal(quarry_boot(m.q, &m64.boot), 0);
	owner_init(&o, &m, 2048, PAGES(64), true);
	while ((page[0] = borrow(&m)) != NULL)
		owner_adopt(&o, n++, page[0], 0);
	assert_int_equal(n, 2048);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &zone));
	assert_int_equal(zone.free_cma, 0);
	/* Refused everywhere: nothing is taken. */
	o.refuse_percent = 100;
	assert_null(quarry_cma_alloc(m.q, cma, 2048, 0, true));
	assert_int_equal(info_of(&m, cma).used, 0);
	machine_check(&m);
	o.refuse_percent = 0;
	o.fail_percent = 5; /* tried five times, so that most places are cleared */
	for (int i = 0; i < 16; i++) {
		page[i] = quarry_cma_alloc(m.q, cma, 100, 2, false);
		assert_non_null(page[i]);
		machine_check(&m);
		assert_int_equal(owner_check(&o), 0);
		memset(quarry_page_address(m.q, page[i]), 0x55, 100 * QUARRY_PAGE_SIZE);
	}
	assert_int_equal(o.migrated, quarry_vm_event(m.q, QUARRY_VM_PGMIGRATE_SUCCESS));
	assert_true(o.migrated >= 1600);
	for (int i = 0; i < 16; i++) {
		size_t k = machine_random(&seed) % (16 - (size_t)i);

		assert_true(quarry_cma_release(m.q, cma, page[k], 100));
		page[k] = page[15 - i];
		machine_check(&m);
	}
	assert_int_equal(info_of(&m, cma).used, 0);
	assert_int_equal(owner_check(&o), 0);
	owner_fini(&o);
	quarry_drain_all_pages(m.q);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &zone));
	assert_int_equal(zone.free_cma, 2048);
	assert_int_equal(m.reports, 0);
	machine_check(&m);
	machine_fini(&m);
}

/* An area is for who asks for it by its bitmap: it neither goes offline nor is it taken by page frame number. */
static void areas_stay_areas(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 256 * MACHINE_MIB, 0}},
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};
	const pfn_t start = PAGES(128), end = PAGES(256);
	struct quarry_unmovable why;
	struct quarry_zone_info info;
	struct quarry_cma *cma;
	struct page *page;
	struct machine m;

	(void)state;
	machine_init(&m, &spec);
	cma = declare(&m, 160 * MIB, 8 * MIB, 0, NULL);
	assert_int_equal(quarry_boot(m.q, &spec.boot), 0);
	assert_int_equal(quarry_offline_pages(m.q, start, PAGES(128)), -QUARRY_EBUSY);
	machine_check(&m);
	assert_true(quarry_has_unmovable_pages(m.q, start, end, QUARRY_MIGRATE_MOVABLE,
					       QUARRY_ISOLATE_OFFLINE, &why));
	assert_int_equal(why.pfn, PAGES(160));
	assert_int_equal(why.reason, QUARRY_UNMOVABLE_TYPE);
	assert_int_equal(quarry_alloc_contig_range(m.q, PAGES(166), PAGES(170),
						   QUARRY_MIGRATE_MOVABLE, GFP_KERNEL),
			 -QUARRY_EBUSY);
	/* The first place that is 64 MiB long lies before it, the next behind. */
	for (int i = 0; i < 3; i++) {
		page = quarry_alloc_contig_pages(m.q, PAGES(64), GFP_HIGHUSER_MOVABLE, 0, NULL);
		assert_int_equal(page != NULL ? quarry_page_to_pfn(m.q, page) : 0,
				 i < 2 ? PAGES(64) * (size_t)i : PAGES(192));
		machine_check(&m);
	}
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.free_cma, PAGES(8));
	assert_non_null(quarry_cma_alloc(m.q, cma, PAGES(8), 0, false));
	machine_check(&m);
	machine_fini(&m);
}

/* Tables inside: descriptors and tables keep out of areas, also when nothing else has room. */
static void tables_keep_out(void **state)
{
	struct machine_spec spec = m64;
	struct quarry_zone_info zone;
	struct quarry_cma *cma;
	struct page *page;
	struct machine m;

	(void)state;
	spec.port = MACHINE_INSIDE;
	machine_init(&m, &spec);
	cma = declare(&m, 0, 24 * MIB, 0, NULL);
	assert_int_equal(quarry_boot(m.q, &spec.boot), 0);
	assert_true(info_of(&m, cma).active);
	while (quarry_alloc_pages(m.q, GFP_KERNEL, 0) != NULL)
		;
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &zone));
	assert_int_equal(zone.free_cma, PAGES(24));
	page = quarry_cma_alloc(m.q, cma, PAGES(24), 0, false);
	assert_non_null(page);
	memset(quarry_page_address(m.q, page), 0x77, 24 << 20);
	machine_check(&m);
	assert_true(quarry_cma_release(m.q, cma, page, PAGES(24)));
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_declarations_change_nothing),
		cmocka_unit_test(tables_may_be_refused),
		cmocka_unit_test(areas_are_placed_and_named),
		cmocka_unit_test(booted_areas_are_lent),
		cmocka_unit_test(what_cannot_be_activated_is_plain_memory),
		cmocka_unit_test(areas_in_arenas_without_records),
		cmocka_unit_test(pages_are_given_and_released),
		cmocka_unit_test(lent_pages_are_moved),
		cmocka_unit_test(areas_stay_areas),
		cmocka_unit_test(tables_keep_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
