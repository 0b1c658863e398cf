/* SPDX-License-Identifier: MIT */
/*
 * Debug guard pages (P2: they count as free partners; P7: they swallow halves): what is set aside, when it
 * comes back, and that everything else lives with it. A textbook buddy system with guards runs beside.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model_buddy.h"
#include "owner.h"

#define ALL (GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC)
#define PAGES ((pfn_t)8192)
#define MINORDER_MAX 5u

static const struct machine_spec m32 = {
	.memory = {{0, 32 * MACHINE_MIB, 0}},
	.ram_bytes = 32 << 20,
	.boot = {.nr_cpus = 2, .dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
};

static void guards(struct machine *m, unsigned int minorder)
{
	char text[64];

	snprintf(text, sizeof(text), "debug_guardpage_minorder=%u", minorder);
	assert_int_equal(quarry_page_debug(m->q, text), 0);
}

static unsigned long count_guards(struct machine *m)
{
	unsigned long n = 0;

	for (pfn_t pfn = 0; pfn < PAGES; pfn++)
		n += quarry_pfn_state(m->q, pfn, NULL) == QUARRY_PAGE_GUARD;
	return n;
}

static struct page *take(struct machine *m, unsigned int order)
{
	struct page *page = quarry_alloc_pages(m->q, ALL, order);

	assert_non_null(page);
	quarry_drain_all_pages(m->q);
	machine_check(m);
	return page;
}

static void give(struct machine *m, struct page *page, unsigned int order)
{
	quarry_free_pages(m->q, page, order);
	quarry_drain_all_pages(m->q);
	machine_check(m);
}

/* All has come back: as many pages were freed as were allocated, guards and damaged ones not counted. */
static void events_agree(struct machine *m)
{
	struct quarry_totals t;

	quarry_totals(m->q, &t);
	assert_int_equal(t.pgalloc, t.pgfree);
	assert_int_equal(t.allocs, t.frees);
}

/* P7: each half below minorder is a guard, all others are free; P2: the block merges whole again. */
static void halves_are_set_aside(void **state)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS], free;
	struct machine m;

	(void)state;
	machine_build(&m, &m32);
	machine_free_blocks(&m, before);
	free = machine_free_pages(&m);
	for (unsigned int minorder = 0; minorder <= MINORDER_MAX; minorder++) {
		guards(&m, minorder);
		for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
			unsigned int whole = order > minorder ? order : minorder;
			struct page *page = take(&m, order);
			pfn_t pfn = quarry_page_to_pfn(m.q, page);

			assert_int_equal(machine_free_pages(&m), free - (1ul << whole));
			assert_int_equal(count_guards(&m), (1ul << whole) - (1ul << order));
			for (unsigned int o = order; o < whole; o++) {
				for (pfn_t k = (pfn_t)1 << o; k < (pfn_t)2 << o; k++) {
					unsigned int of;

					assert_int_equal(quarry_pfn_state(m.q, pfn + k, &of),
							 QUARRY_PAGE_GUARD);
					assert_int_equal(of, o);
					assert_int_equal(quarry_free_block_order(m.q, pfn + k), -1);
				}
			}
			give(&m, page, order);
			machine_free_blocks(&m, after);
			machine_assert_same_blocks(before, after);
			assert_int_equal(count_guards(&m), 0);
			events_agree(&m);
		}
	}
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* P2: a guard waits until all of its partner is free, however that was cut; and the aid may be off by then. */
static void guards_wait_for_all_of_their_partner(void **state)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &m32);
	machine_free_blocks(&m, before);
	guards(&m, 4);
	page = take(&m, 2);
	guards(&m, 0);
	assert_int_equal(m.q->pages->features, 0);
	assert_int_equal(count_guards(&m), 12);
	assert_int_equal(quarry_split_page(m.q, page, 2), 0);
	for (unsigned int k = 4; k-- > 1;) {
		give(&m, page + k, 0);
		assert_int_equal(count_guards(&m), 12);
	}
	give(&m, page, 0);
	assert_int_equal(count_guards(&m), 0);
	machine_free_blocks(&m, after);
	machine_assert_same_blocks(before, after);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* A guard is nobody's: to free it is damage, and changes nothing. */
static void a_guard_is_not_freed(void **state)
{
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &m32);
	guards(&m, 3);
	page = take(&m, 0);
	give(&m, page + 1, 0);
	assert_int_equal(m.reports, 1);
	assert_non_null(strstr(m.last_report, "is not allocated"));
	assert_int_equal(count_guards(&m), 7);
	give(&m, page, 0);
	assert_int_equal(m.reports, 1);
	machine_fini(&m);
}

/* ---- beside a textbook ---- */

struct life {
	struct machine m;
	struct model_buddy model;
	struct page *page[256];
	unsigned int order[256];
};

static void life_compare(struct life *l)
{
	struct quarry_zone_info info;

	assert_true(quarry_zone_info(l->m.q, 0, QUARRY_ZONE_NORMAL, &info));
	for (pfn_t pfn = 0; pfn < PAGES; pfn += QUARRY_PAGEBLOCK_PAGES)
		model_buddy_set_type(&l->model, pfn,
				     (unsigned int)quarry_pageblock_type(l->m.q, pfn));
	machine_assert_same_blocks(info.nr_free, l->model.nr_free);
	assert_int_equal(info.free, l->model.free);
}

static void life_step(struct life *l, uint64_t x)
{
	static const gfp_t gfps[] = {GFP_KERNEL, ALL, GFP_ATOMIC, GFP_KERNEL | __GFP_RECLAIMABLE};
	unsigned int k = (unsigned int)(x % 256), order = (unsigned int)(x >> 8) % 8;

	quarry_posix_set_cpu(x >> 40 & 1);
	if (l->page[k] != NULL) {
		assert_true(model_buddy_free(&l->model, quarry_page_to_pfn(l->m.q, l->page[k]),
					     l->order[k]));
		quarry_free_pages(l->m.q, l->page[k], l->order[k]);
		l->page[k] = NULL;
	} else {
		l->order[k] = (x >> 16 & 3) != 0 ? order % 3 : order;
		l->page[k] = quarry_alloc_pages(l->m.q, gfps[x >> 24 & 3], l->order[k]);
		if (l->page[k] != NULL)
			assert_true(model_buddy_alloc(
				&l->model, quarry_page_to_pfn(l->m.q, l->page[k]), l->order[k]));
	}
	/* What a CPU took for its sheaves, guards and all, goes back as if it had not been. */
	quarry_drain_all_pages(l->m.q);
}

/* P2, P7: the same free blocks and as many guards as a list buddy that sets aside and merges as Linux does. */
static void as_in_a_textbook(void **state)
{
	static struct life l;

	(void)state;
	for (unsigned int minorder = 1; minorder <= MINORDER_MAX; minorder++) {
		uint64_t seed = minorder;

		memset(&l, 0, sizeof(l));
		machine_build(&l.m, &m32);
		assert_true(model_buddy_init(&l.model, 0, PAGES));
		for (pfn_t pfn = 0; pfn < PAGES; pfn += QUARRY_PAGEBLOCK_PAGES)
			assert_true(model_buddy_free(&l.model, pfn, QUARRY_PAGEBLOCK_ORDER));
		l.model.minorder = minorder;
		guards(&l.m, minorder);
		for (unsigned int i = 0; i < 1500; i++) {
			life_step(&l, machine_random(&seed));
			life_compare(&l);
			if (i % 16 == 0) {
				machine_check(&l.m);
				assert_int_equal(count_guards(&l.m), l.model.guards);
			}
		}
		assert_int_not_equal(l.model.guards, 0);
		for (unsigned int k = 0; k < 256; k++) {
			if (l.page[k] != NULL)
				quarry_free_pages(l.m.q, l.page[k], l.order[k]);
		}
		quarry_drain_all_pages(l.m.q);
		machine_check(&l.m);
		assert_int_equal(count_guards(&l.m), 0);
		assert_int_equal(machine_free_pages(&l.m), PAGES);
		assert_int_equal(l.m.reports, 0);
		model_buddy_fini(&l.model);
		machine_fini(&l.m);
	}
}

/* ---- beside the rest of the page layer ---- */

/* Guards count as free pages for page_poison: they are filled with the others, and hold. */
static void poison_holds_in_guards(void **state)
{
	struct machine m;
	struct page *page, *again;

	(void)state;
	machine_build(&m, &m32);
	memset(m.ram != NULL ? m.ram : quarry_phys_to_virt(m.q, 0), 0x11, 32 << 20);
	guards(&m, 3);
	page = take(&m, 0);
	assert_int_equal(quarry_page_debug(m.q, "page_poison=1"), 0);
	give(&m, page, 0);
	assert_int_equal(quarry_page_debug(m.q, "debug_guardpage_minorder=0"), 0);
	again = take(&m, 3);
	assert_ptr_equal(again, page);
	assert_int_equal(m.reports, 0);
	give(&m, again, 3);
	machine_fini(&m);
}

/* A damaged page in a guard is marked, and kept when its guard joins the partner. */
static void damaged_guards_are_kept(void **state)
{
	struct machine m;
	struct page *page;
	unsigned long free;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &m32);
	free = machine_free_pages(&m);
	guards(&m, 3);
	page = take(&m, 0);
	pfn = quarry_page_to_pfn(m.q, page);
	assert_int_equal(quarry_memory_failure(m.q, pfn + 5, QUARRY_MF_SW_SIMULATED),
			 -QUARRY_EBUSY);
	machine_check(&m);
	assert_int_equal(quarry_pfn_state(m.q, pfn + 5, NULL), QUARRY_PAGE_GUARD);
	give(&m, page, 0);
	assert_int_equal(quarry_pfn_state(m.q, pfn + 5, NULL), QUARRY_PAGE_POISONED);
	assert_int_equal(count_guards(&m), 0);
	assert_int_equal(machine_free_pages(&m), free - 1);
	events_agree(&m);
	assert_int_equal(quarry_unpoison_memory(m.q, pfn + 5), 0);
	machine_check(&m);
	assert_int_equal(machine_free_pages(&m), free);
	machine_fini(&m);
}

/* Ranges are emptied of blocks with guards; compaction leaves those alone, and nothing is lost. */
static void ranges_and_compaction(void **state)
{
	struct machine m;
	struct owner o;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &m32);
	owner_init(&o, &m, 64, PAGES, true);
	guards(&m, 3);
	for (size_t k = 0; k < 64; k++)
		assert_true(owner_alloc(&o, k, GFP_HIGHUSER_MOVABLE, (unsigned int)k % 3));
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	pfn = quarry_page_to_pfn(m.q, o.block[0].page) & ~(pfn_t)511;
	assert_int_equal(
		quarry_alloc_contig_range(m.q, pfn, pfn + 512, QUARRY_MIGRATE_MOVABLE, GFP_KERNEL),
		0);
	machine_check(&m);
	assert_int_not_equal(o.migrated, 0);
	assert_int_equal(owner_check(&o), 0);
	quarry_free_contig_range(m.q, pfn, 512);
	quarry_compact_memory(m.q);
	machine_check(&m);
	assert_int_equal(owner_check(&o), 0);
	owner_free_all(&o);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	assert_int_equal(count_guards(&m), 0);
	assert_int_equal(machine_free_pages(&m), PAGES);
	assert_int_equal(m.reports, 0);
	owner_fini(&o);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halves_are_set_aside),
		cmocka_unit_test(guards_wait_for_all_of_their_partner),
		cmocka_unit_test(a_guard_is_not_freed),
		cmocka_unit_test(as_in_a_textbook),
		cmocka_unit_test(poison_holds_in_guards),
		cmocka_unit_test(damaged_guards_are_kept),
		cmocka_unit_test(ranges_and_compaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
