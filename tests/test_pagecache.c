/* SPDX-License-Identifier: MIT */
/*
 * The simulated page cache: its lists, second chances, dirty pages, zones and nodes; moves keep what a page
 * is (P17); under pressure (P18) it is given back before a request is refused.
 */
#include <quarry/quarry.h>

#include <quarry/pageinfo.h>
#include <quarry/vmstat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pagecache.h>

#include "machine_build.h"

struct bed {
	struct machine m;
	struct pagecache *pc;
};

static unsigned long bed_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				 unsigned long nr_pages)
{
	struct pagecache *pc = ((struct machine *)ctx)->hook;

	(void)order;
	return pc != NULL ? pagecache_reclaim(pc, nid, gfp, nr_pages) : 0;
}

static unsigned long bed_reclaimable(void *ctx, int nid, enum quarry_zone_type zone)
{
	struct pagecache *pc = ((struct machine *)ctx)->hook;

	return pc != NULL ? pagecache_reclaimable(pc, nid, zone) : 0;
}

/* A machine of 64 MiB, or of two nodes of 64 MiB, with an empty cache. */
static void bed_make(struct bed *b, bool two, const struct pagecache_options *o)
{
	struct machine_spec spec = {
		.memory = {{MACHINE_MIB, 64 * MACHINE_MIB, 0}},
		.port = MACHINE_COUNTED,
		.budget = -1,
		.reclaim = bed_reclaim,
		.reclaimable = bed_reclaimable,
	};

	if (two)
		spec.memory[1] = (struct machine_range){64 * MACHINE_MIB, 128 * MACHINE_MIB, 1};
	memset(b, 0, sizeof(*b));
	machine_build(&b->m, &spec);
	b->pc = pagecache_new(b->m.q, o);
	b->m.hook = b->pc;
}

/* The machine is sound, the cache too; the cache's pages go with the machine. */
static void bed_end(struct bed *b)
{
	assert_int_equal(pagecache_check(b->pc), 0);
	machine_check(&b->m);
	b->m.hook = NULL;
	machine_fini(&b->m);
	pagecache_delete(b->pc);
}

static bool cached(const struct bed *b, uint32_t file)
{
	pfn_t pfn;

	return pagecache_find(b->pc, file, &pfn);
}

static void read_files(struct bed *b, uint32_t first, uint32_t end)
{
	for (uint32_t file = first; file < end; file++)
		assert_true(pagecache_read(b->pc, file));
}

/* Whether of the first @n files exactly those from @from on are cached. */
static bool only_from(const struct bed *b, uint32_t from, uint32_t n)
{
	for (uint32_t file = 0; file < n; file++) {
		if (cached(b, file) != (file >= from))
			return false;
	}
	return true;
}

static const struct pagecache_options clean = {.seed = 1};

static void test_oldest_goes_first(void **state)
{
	struct bed b;

	(void)state;
	bed_make(&b, false, &clean);
	read_files(&b, 0, 10);
	assert_int_equal(pagecache_stats(b.pc)->misses, 10);
	assert_int_equal(pagecache_stats(b.pc)->inactive, 10);
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 3), 3);
	assert_true(only_from(&b, 3, 10));
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 100), 7);
	assert_int_equal(pagecache_stats(b.pc)->cached, 0);
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 1), 0);
	assert_int_equal(pagecache_reclaim(b.pc, -1, GFP_KERNEL, 1), 0);
	assert_int_equal(pagecache_reclaim(b.pc, QUARRY_MAX_NODES, GFP_KERNEL, 1), 0);
	bed_end(&b);
}

static void test_used_page_gets_a_second_chance(void **state)
{
	struct bed b;

	(void)state;
	bed_make(&b, false, &clean);
	read_files(&b, 0, 10);
	read_files(&b, 0, 1);
	assert_int_equal(pagecache_stats(b.pc)->hits, 1);
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 1), 1);
	assert_true(cached(&b, 0));
	assert_false(cached(&b, 1));
	assert_int_equal(pagecache_stats(b.pc)->spared, 1);
	/* One chance, not two: it is the newest page now. */
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 8), 8);
	assert_true(cached(&b, 0));
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 1), 1);
	assert_false(cached(&b, 0));
	bed_end(&b);
}

static void test_page_used_twice_is_active(void **state)
{
	struct bed b;

	(void)state;
	bed_make(&b, false, &clean);
	read_files(&b, 0, 10);
	read_files(&b, 0, 1);
	assert_int_equal(pagecache_stats(b.pc)->active, 0);
	read_files(&b, 0, 1);
	assert_int_equal(pagecache_stats(b.pc)->active, 1);
	assert_int_equal(pagecache_stats(b.pc)->activated, 1);
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 9), 9);
	assert_true(cached(&b, 0));
	/* With nothing inactive left it goes over, and then goes. */
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 1), 1);
	assert_int_equal(pagecache_stats(b.pc)->deactivated, 1);
	assert_false(cached(&b, 0));
	bed_end(&b);
}

static void test_missed_again_is_a_refault(void **state)
{
	struct bed b;

	(void)state;
	bed_make(&b, false, &clean);
	read_files(&b, 0, 4);
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 2), 2);
	assert_int_equal(pagecache_stats(b.pc)->refaults, 0);
	read_files(&b, 0, 2);
	read_files(&b, 4, 5);
	assert_int_equal(pagecache_stats(b.pc)->refaults, 2);
	assert_int_equal(pagecache_stats(b.pc)->active, 2);
	assert_int_equal(pagecache_stats(b.pc)->reclaimed, 2);
	assert_int_equal(pagecache_stats(b.pc)->misses, 7);
	bed_end(&b);
}

static void test_dirty_pages_wait_for_io(void **state)
{
	const struct pagecache_options dirty = {.seed = 1, .dirty_percent = 100};
	const gfp_t none[] = {GFP_NOFS, GFP_NOIO};
	struct bed b;

	(void)state;
	bed_make(&b, false, &dirty);
	read_files(&b, 0, 10);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(pagecache_reclaim(b.pc, 0, none[i], 5), 0);
		assert_int_equal(pagecache_stats(b.pc)->skipped, 10 * (i + 1));
		assert_int_equal(pagecache_stats(b.pc)->dirty, 10);
	}
	/* Written back in one pass, free in the next, even if that may not start IO. */
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 5), 0);
	assert_int_equal(pagecache_stats(b.pc)->written, 10);
	assert_int_equal(pagecache_stats(b.pc)->dirty, 0);
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_NOFS, 5), 5);
	assert_true(only_from(&b, 5, 10));
	bed_end(&b);
}

static void test_only_zones_that_help(void **state)
{
	struct bed b;
	unsigned long dma, dma32;

	(void)state;
	bed_make(&b, false, &clean);
	assert_true(pagecache_fill(b.pc, PAGECACHE_FILL));
	dma = pagecache_reclaimable(b.pc, 0, QUARRY_ZONE_DMA);
	dma32 = pagecache_reclaimable(b.pc, 0, QUARRY_ZONE_DMA32);
	assert_true(dma > 0);
	assert_true(dma32 > 0);
	assert_int_equal(dma + dma32, pagecache_stats(b.pc)->cached);
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL | GFP_DMA, 16), 16);
	assert_int_equal(pagecache_reclaimable(b.pc, 0, QUARRY_ZONE_DMA), dma - 16);
	assert_int_equal(pagecache_reclaimable(b.pc, 0, QUARRY_ZONE_DMA32), dma32);
	assert_int_equal(pagecache_reclaimable(b.pc, 1, QUARRY_ZONE_DMA32), 0);
	assert_int_equal(pagecache_reclaimable(b.pc, -1, QUARRY_ZONE_DMA32), 0);
	bed_end(&b);
}

static void test_nodes_have_lists_of_their_own(void **state)
{
	unsigned long here, there;
	struct bed b;

	(void)state;
	bed_make(&b, true, &clean);
	assert_true(pagecache_fill(b.pc, PAGECACHE_FILL));
	here = pagecache_reclaimable(b.pc, 0, QUARRY_ZONE_DMA32);
	there = pagecache_reclaimable(b.pc, 1, QUARRY_ZONE_DMA32);
	assert_true(there > 0);
	assert_int_equal(pagecache_reclaim(b.pc, 1, GFP_KERNEL, 64), 64);
	assert_int_equal(pagecache_reclaimable(b.pc, 0, QUARRY_ZONE_DMA32), here);
	assert_int_equal(pagecache_reclaimable(b.pc, 1, QUARRY_ZONE_DMA32), there - 64);
	bed_end(&b);
}

static void test_fill_stops_at_the_high_watermark(void **state)
{
	struct quarry_zone_info z;
	struct bed b;

	(void)state;
	bed_make(&b, true, &clean);
	assert_true(pagecache_fill(b.pc, PAGECACHE_FILL));
	for (int nid = 0; nid < 2; nid++) {
		assert_true(quarry_zone_info(b.m.q, nid, QUARRY_ZONE_DMA32, &z));
		assert_int_equal(z.free, z.wmark[QUARRY_WMARK_HIGH]);
		/* What is free is scattered. */
		for (unsigned int o = 5; o < QUARRY_NR_ORDERS; o++)
			assert_int_equal(z.nr_free[o], 0);
	}
	assert_int_equal(pagecache_check(b.pc), 0);
	bed_end(&b);
}

static void test_fill_of_a_size(void **state)
{
	struct bed b;

	(void)state;
	bed_make(&b, false, &clean);
	assert_true(pagecache_fill(b.pc, 1000));
	assert_int_equal(pagecache_stats(b.pc)->cached, 1000);
	assert_true(cached(&b, 0));
	assert_true(cached(&b, 999));
	assert_false(cached(&b, 1000));
	/* The lowest were used most recently. */
	assert_int_equal(pagecache_reclaim(b.pc, 0, GFP_KERNEL, 10), 10);
	assert_true(cached(&b, 989));
	assert_false(cached(&b, 990));
	bed_end(&b);
}

/* P17: what a page is, and its place in the order of reclaim, do not depend on where it lies. */
static void test_moves_keep_identity(void **state)
{
	struct bed moved, still;
	unsigned long elsewhere = 0, n;

	(void)state;
	bed_make(&moved, false, &clean);
	bed_make(&still, false, &clean);
	assert_true(pagecache_fill(moved.pc, 4000));
	assert_true(pagecache_fill(still.pc, 4000));
	assert_int_equal(quarry_compact_node(moved.m.q, 0), 0);
	assert_true(pagecache_stats(moved.pc)->migrated > 500);
	assert_int_equal(pagecache_check(moved.pc), 0);
	for (uint32_t file = 0; file < 4000; file++) {
		pfn_t a, b;

		assert_true(pagecache_find(moved.pc, file, &a));
		assert_true(pagecache_find(still.pc, file, &b));
		elsewhere += a != b;
	}
	assert_true(elsewhere > 500);
	assert_true(elsewhere <= pagecache_stats(moved.pc)->migrated);
	for (n = 0; n < 4000; n += 500) {
		assert_int_equal(pagecache_reclaim(moved.pc, 0, GFP_KERNEL, 500), 500);
		assert_int_equal(pagecache_reclaim(still.pc, 0, GFP_KERNEL, 500), 500);
		for (uint32_t file = 0; file < 4000; file++)
			assert_int_equal(cached(&moved, file), cached(&still, file));
	}
	bed_end(&moved);
	bed_end(&still);
}

static void test_pinned_pages_stay(void **state)
{
	const struct pagecache_options pinned = {.seed = 1, .pinned = true};
	struct bed b;

	(void)state;
	bed_make(&b, false, &pinned);
	assert_true(pagecache_fill(b.pc, 4000));
	assert_int_equal(quarry_compact_node(b.m.q, 0), 0);
	assert_int_equal(pagecache_stats(b.pc)->migrated, 0);
	assert_int_equal(quarry_vm_event(b.m.q, QUARRY_VM_PGMIGRATE_SUCCESS), 0);
	bed_end(&b);
}

/* All that a run of @seed does, as one number. */
static uint64_t run_of(uint64_t seed)
{
	const struct pagecache_options o = {.seed = seed, .dirty_percent = 10};
	uint64_t sum = 0;
	struct bed b;

	bed_make(&b, true, &o);
	assert_true(pagecache_fill(b.pc, PAGECACHE_FILL));
	for (unsigned int i = 0; i < 2000; i++) {
		pagecache_read_any(b.pc);
		if (i % 100 == 0)
			pagecache_reclaim(b.pc, (int)(i / 100 % 2), GFP_KERNEL, 200);
		if (i % 500 == 0)
			quarry_compact_memory(b.m.q);
	}
	for (uint32_t file = 0; file < 40000; file++) {
		pfn_t pfn = 0;

		sum = sum * 31 + (pagecache_find(b.pc, file, &pfn) ? pfn : 0);
	}
	assert_true(pagecache_stats(b.pc)->refaults > 0);
	sum = sum * 31 + pagecache_stats(b.pc)->written;
	bed_end(&b);
	return sum;
}

static void test_seed_decides(void **state)
{
	uint64_t once = run_of(7);

	(void)state;
	assert_true(once == run_of(7));
	assert_true(once != run_of(8));
}

/* P18, X4: memory is full, and yet nobody is refused, until the cache has given all. */
static void test_cache_gives_way_to_requests(void **state)
{
	const struct pagecache_options o = {.seed = 3, .dirty_percent = 20};
	struct quarry_refusal why;
	unsigned long served = 0, was;
	struct bed b;

	(void)state;
	bed_make(&b, false, &o);
	assert_true(pagecache_fill(b.pc, PAGECACHE_FILL));
	was = (unsigned long)pagecache_stats(b.pc)->cached;
	while (quarry_alloc_pages(b.m.q, GFP_KERNEL, 0) != NULL)
		served++;
	/* All of it, but for what the lowest zone keeps from GFP_KERNEL. */
	assert_true(served >= was / 100 * 95);
	assert_int_equal(pagecache_stats(b.pc)->cached, 0);
	assert_true(quarry_explain(b.m.q, &why));
	assert_int_equal(why.zones[why.nearest].reason, QUARRY_REFUSED_WATERMARK);
	/* And a page that cannot be read in is not cached. */
	assert_false(pagecache_read(b.pc, 1u << 16));
	assert_int_equal(pagecache_stats(b.pc)->refused, 1);
	assert_int_equal(pagecache_stats(b.pc)->cached, 0);
	bed_end(&b);
}

/* Blocks of order 9 that a full machine gives before it refuses one. */
static unsigned int huge_blocks(bool pinned)
{
	const struct pagecache_options o = {.seed = 5, .pinned = pinned};
	unsigned int n = 0;
	struct bed b;

	bed_make(&b, false, &o);
	assert_true(pagecache_fill(b.pc, PAGECACHE_FILL));
	while (quarry_alloc_pages(b.m.q, GFP_KERNEL | __GFP_RETRY_MAYFAIL, 9) != NULL)
		n++;
	if (!pinned)
		assert_true(quarry_vm_event(b.m.q, QUARRY_VM_COMPACT_SUCCESS) > 0);
	bed_end(&b);
	return n;
}

static void test_compaction_makes_huge_blocks(void **state)
{
	unsigned int with = huge_blocks(false), without = huge_blocks(true);

	(void)state;
	/* Of the 23 or so that there are above the zone of 16 MiB. */
	assert_true(with >= 15);
	assert_true(without < with);
	print_message("order 9: %u with compaction, %u without\n", with, without);
}

/* What the posix port told its owner. */
struct woken {
	unsigned int times;
	int nid;
	unsigned int order;
};

static void note_wake(void *ctx, int nid, unsigned int order)
{
	struct woken *w = ctx;

	w->times++;
	w->nid = nid;
	w->order = order;
}

static unsigned long give_nothing(void *ctx, int nid, gfp_t gfp, unsigned int order,
				  unsigned long nr_pages)
{
	(void)ctx;
	(void)nid;
	(void)gfp;
	(void)order;
	(void)nr_pages;
	return 0;
}

/* P18: the posix port tells its owner, who then runs kswapd himself, on a machine of one thread too. */
static void test_posix_port_tells_who_asks(void **state)
{
	struct woken w = {.nid = -1};
	const struct quarry_posix_options o = {
		.reclaim = give_nothing, .wake = note_wake, .hook_ctx = &w};
	struct quarry *q = quarry_posix_new(&o);

	(void)state;
	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, 0, 16 * MACHINE_MIB), 0);
	assert_int_equal(quarry_boot(q, NULL), 0);
	assert_int_equal(w.times, 0);
	while (quarry_alloc_pages(q, GFP_KERNEL, 1) != NULL && w.times == 0)
		;
	assert_int_equal(w.times, 1);
	assert_int_equal(w.nid, 0);
	assert_int_equal(w.order, 1);
	assert_true(quarry_kswapd_wanted(q, 0));
	quarry_posix_delete(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oldest_goes_first),
		cmocka_unit_test(test_used_page_gets_a_second_chance),
		cmocka_unit_test(test_page_used_twice_is_active),
		cmocka_unit_test(test_missed_again_is_a_refault),
		cmocka_unit_test(test_dirty_pages_wait_for_io),
		cmocka_unit_test(test_only_zones_that_help),
		cmocka_unit_test(test_nodes_have_lists_of_their_own),
		cmocka_unit_test(test_fill_stops_at_the_high_watermark),
		cmocka_unit_test(test_fill_of_a_size),
		cmocka_unit_test(test_moves_keep_identity),
		cmocka_unit_test(test_pinned_pages_stay),
		cmocka_unit_test(test_seed_decides),
		cmocka_unit_test(test_cache_gives_way_to_requests),
		cmocka_unit_test(test_compaction_makes_huge_blocks),
		cmocka_unit_test(test_posix_port_tells_who_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
