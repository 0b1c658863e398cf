/* SPDX-License-Identifier: MIT */
/*
 * Page code as it is written in a kernel, by Linux's names only: rows P1 to P19, X1 to X5. The machine has
 * two nodes with memory, and a third with a CPU only.
 */
#include <linux/bootmem.h>
#include <linux/cma.h>
#include <linux/compaction.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/mempolicy.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/page-isolation.h>
#include <linux/page_reporting.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/vmstat.h>

#include <string.h>

#include "linux_runner.h"

/* What firmware does: 64 MiB, half on node 0, half on node 1, with a hole between; three CPUs. */
static void new_machine(void)
{
	static const int cpu_node[] = {0, 1, 2};
	const struct quarry_posix_options options = {.ram_bytes = SZ_64M + SZ_4M};

	OK(quarry_linux_start(&options) == 0);
	quarry_linux_params = (struct quarry_boot_params){
		.nr_cpus = 3, .nr_nodes = 3, .cpu_node = cpu_node, .no_thp = true};
	memblock_add_node(0, SZ_32M, 0, MEMBLOCK_NONE);
	memblock_add_node(SZ_32M + SZ_4M, SZ_32M, 1, MEMBLOCK_NONE);
	memblock_reserve(SZ_1M, SZ_64K);
}

static void boot(void)
{
	memblock_free_all();
	OK(slab_is_available());
}

/* ---- nodes and zones ---- */

static void X1_views_are_empty_before_boot_and_filled_in_by_it(void)
{
	OK(!populated_zone(&NODE_DATA(0)->node_zones[ZONE_NORMAL]));
	IS(totalram_pages(), 0);
	IS(num_online_nodes(), 1);
	boot();
	OK(populated_zone(&NODE_DATA(0)->node_zones[ZONE_DMA]));
	OK(totalram_pages() > 0);
	IS(num_online_nodes(), 3);
}

static void P12_nodes_and_zones(void)
{
	unsigned long present = 0, managed = 0, spanned = 0;
	struct pglist_data *pgdat;
	struct zone *zone;
	int nid, n = 0;

	boot();
	for_each_zone(zone)
	{
		if (!populated_zone(zone))
			continue;
		present += zone->present_pages;
		managed += zone_managed_pages(zone);
		OK(zone_managed_pages(zone) <= zone->present_pages);
		OK(zone->present_pages <= zone->spanned_pages);
		OK(zone_spans_pfn(zone, zone->zone_start_pfn));
		OK(!zone_spans_pfn(zone, zone_end_pfn(zone)));
		IS(zone_to_nid(zone), zone->zone_pgdat->node_id);
		OK(&zone->zone_pgdat->node_zones[zone_idx(zone)] == zone);
		OK(managed_zone(zone) && !is_highmem(zone) && !zone_is_empty(zone));
		n++;
	}
	IS(n, 3); /* DMA and DMA32 of node 0, DMA32 of node 1 */
	IS(present, SZ_64M / PAGE_SIZE);
	IS(managed, totalram_pages());
	n = 0;
	for_each_populated_zone(zone) n++;
	IS(n, 3);
	for_each_online_pgdat(pgdat) spanned += node_spanned_pages(pgdat->node_id);
	IS(spanned, SZ_64M / PAGE_SIZE);
	IS(pgdat_end_pfn(NODE_DATA(1)), (SZ_64M + SZ_4M) / PAGE_SIZE);
	zone = &NODE_DATA(0)->node_zones[ZONE_DMA];
	OK(strcmp(zone->name, "DMA") == 0);
	IS(zone->spanned_pages, SZ_16M / PAGE_SIZE);
	n = 0;
	for_each_online_node(nid) n += 1 << nid;
	IS(n, 7);
	IS(NODE_DATA(0)->nr_zones, ZONE_DMA32 + 1);
}

static void P13_P14_watermarks(void)
{
	struct zone *zone;

	boot();
	for_each_populated_zone(zone)
	{
		OK(min_wmark_pages(zone) > 0);
		OK(min_wmark_pages(zone) < low_wmark_pages(zone));
		IS(high_wmark_pages(zone) - low_wmark_pages(zone),
		   low_wmark_pages(zone) - min_wmark_pages(zone));
		IS(zone->_watermark[WMARK_PROMO], promo_wmark_pages(zone));
	}
	zone = &NODE_DATA(0)->node_zones[ZONE_DMA];
	IS(zone->lowmem_reserve[ZONE_DMA], 0);
	IS(zone->lowmem_reserve[ZONE_DMA32], /* P16 */
	   zone_managed_pages(&NODE_DATA(0)->node_zones[ZONE_DMA32]) / 256);
}

static void P17_zonelists(void)
{
	struct zoneref *z;
	struct zone *zone;
	int n = 0, nids[3] = {-1, -1, -1};

	boot();
	IS(node_distance(0, 0), LOCAL_DISTANCE);
	IS(node_distance(0, 2), REMOTE_DISTANCE);
	for_each_zone_zonelist(zone, z, node_zonelist(1, GFP_KERNEL), gfp_zone(GFP_KERNEL))
	{
		OK(n < 3);
		nids[n++] = zone_to_nid(zone);
		IS(zonelist_zone_idx(z), zone_idx(zone));
		IS(zonelist_node_idx(z), zone_to_nid(zone));
	}
	IS(n, 3);
	IS(nids[0], 1);
	IS(nids[2], 0);
	n = 0;
	for_each_zone_zonelist(zone, z, node_zonelist(0, GFP_KERNEL | __GFP_THISNODE),
			       gfp_zone(GFP_DMA))
	{
		IS(zone_idx(zone), ZONE_DMA);
		n++;
	}
	IS(n, 1);
}

static void nodes_by_what_they_have(void)
{
	nodemask_t mask = NODE_MASK_NONE, other;
	int nid, sum = 0;

	boot();
	OK(node_online(0) && node_online(2) && !node_online(3));
	OK(node_state(1, N_MEMORY) && !node_state(2, N_MEMORY) && node_state(2, N_CPU));
	OK(nodes_equal(node_states[N_NORMAL_MEMORY], node_states[N_MEMORY]));
	IS(num_possible_nodes(), 3);
	IS(nr_node_ids, 3);
	IS(first_online_node, 0);
	IS(next_online_node(2), MAX_NUMNODES);
	IS(next_memory_node(0), 1);
	IS(cpu_to_node(2), 2);
	IS(cpu_to_mem(2), 0);
	IS(numa_node_id(), 0);
	IS(numa_mem_id(), 0);
	node_set(3, mask);
	node_set(63, mask);
	OK(node_isset(63, mask) && !node_isset(62, mask));
	IS(nodes_weight(mask), 2);
	IS(first_node(mask), 3);
	IS(next_node(3, mask), 63);
	IS(next_node_in(63, mask), 3);
	for_each_node_mask(nid, mask) sum += nid;
	IS(sum, 66);
	nodes_complement(other, mask);
	OK(!nodes_intersects(mask, other));
	nodes_or(other, other, mask);
	OK(nodes_full(other) && nodes_subset(mask, other));
	nodes_andnot(other, other, mask);
	IS(first_unset_node(other), 3);
	OK(node_test_and_set(3, mask) && !node_test_and_set(4, mask));
	node_clear(3, mask);
	nodes_and(other, other, mask);
	mask = nodemask_of_node(4);
	OK(nodes_equal(other, mask));
	nodes_xor(other, other, other);
	OK(nodes_empty(other));
}

/* ---- pages ---- */

static void P1_P2_P5_blocks(void)
{
	struct page *page;
	struct zone *zone;
	unsigned long free, counted = 0, seen = 0, pfn;

	boot();
	drain_all_pages(NULL);
	free = nr_free_pages();
	page = alloc_pages(GFP_KERNEL, MAX_ORDER - 1);
	OK(page != NULL);
	IS(page_to_pfn(page) & (MAX_ORDER_NR_PAGES - 1), 0);
	IS(nr_free_pages(), free - MAX_ORDER_NR_PAGES);
	OK(!PageBuddy(page) && PageHead(page) && PageTail(page + 1) && PageCompound(page + 1));
	IS(compound_order(page), MAX_PAGE_ORDER);
	IS(compound_nr(page), MAX_ORDER_NR_PAGES);
	OK(compound_head(nth_page(page, 77)) == page);
	__free_pages(page, MAX_ORDER - 1);
	OK(PageBuddy(page));
	IS(buddy_order(page), MAX_PAGE_ORDER);
	IS(nr_free_pages(), free);
	for_each_populated_zone(zone)
	{
		for (unsigned int order = 0; order < NR_PAGE_ORDERS; order++)
			counted += zone->free_area[order].nr_free << order;
		IS(zone_page_state(zone, NR_FREE_PAGES),
		   zone_page_state_snapshot(zone, NR_FREE_PAGES));
	}
	IS(counted, free);
	/* As memory scanners walk: from free block to free block. */
	for (pfn = 0; pfn < max_pfn; pfn++) {
		page = pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;
		if (page == NULL || !PageBuddy(page))
			continue;
		seen += 1ul << buddy_order(page);
		pfn += (1ul << buddy_order(page)) - 1;
	}
	/* The descriptors that were asked for took nothing: they lie outside. */
	IS(seen, free);
	OK(alloc_pages(GFP_KERNEL, MAX_ORDER) == NULL);
	OK(PageReserved(pfn_to_page(SZ_1M >> PAGE_SHIFT)));
}

static void P9_types_of_pageblocks(void)
{
	struct page *page;

	boot();
	page = pfn_to_page(SZ_16M >> PAGE_SHIFT);
	IS(get_pageblock_migratetype(page), MIGRATE_MOVABLE);
	set_pageblock_migratetype(page, MIGRATE_RECLAIMABLE);
	IS(get_pfnblock_migratetype(page, page_to_pfn(page)), MIGRATE_RECLAIMABLE);
	OK(is_migrate_movable(MIGRATE_MOVABLE) && !is_migrate_cma(MIGRATE_MOVABLE));
	IS(gfp_migratetype(GFP_KERNEL), MIGRATE_UNMOVABLE);
	IS(gfp_migratetype(GFP_HIGHUSER_MOVABLE), MIGRATE_MOVABLE);
	IS(gfp_migratetype(GFP_KERNEL | __GFP_RECLAIMABLE), MIGRATE_RECLAIMABLE);
	OK(strcmp(migratetype_names(MIGRATE_UNMOVABLE), "Unmovable") == 0);
}

static void P15_P18_what_flags_allow(void)
{
	unsigned long n = 0;
	struct page *page, *head = NULL;

	boot();
	OK(gfpflags_allow_blocking(GFP_KERNEL) && !gfpflags_allow_blocking(GFP_ATOMIC));
	OK(gfpflags_allow_spinning(GFP_NOWAIT) && !gfpflags_allow_spinning(__GFP_NOWARN));
	OK(gfp_has_io_fs(GFP_KERNEL) && !gfp_has_io_fs(GFP_NOFS));
	IS(gfp_zone(GFP_HIGHUSER_MOVABLE), ZONE_MOVABLE);
	IS(gfp_zone(GFP_KERNEL | GFP_DMA32), ZONE_DMA32);
	/* Pages linked through their contents. */
	while ((page = alloc_page(GFP_KERNEL | __GFP_NOWARN)) != NULL) {
		*(struct page **)page_address(page) = head;
		head = page;
		n++;
	}
	OK(nr_free_pages() > 0);
	page = alloc_page(GFP_ATOMIC);
	OK(page != NULL);
	__free_page(page);
	while (head != NULL) {
		page = head;
		head = *(struct page **)page_address(page);
		put_page(page);
		n--;
	}
	IS(n, 0);
}

/* A cache of pages, linked through their contents. */
struct page_cache {
	struct shrinker shrinker;
	struct page *head;
	unsigned long nr, calls;
};

static void cache_fill(struct page_cache *c)
{
	struct page *page;

	while ((page = alloc_page(GFP_NOWAIT | __GFP_NOWARN)) != NULL) {
		*(struct page **)page_address(page) = c->head;
		c->head = page;
		c->nr++;
	}
}

static unsigned long cache_count(struct shrinker *s, struct shrink_control *sc)
{
	IS(sc->nid, 0);
	return container_of(s, struct page_cache, shrinker)->nr;
}

static unsigned long cache_scan(struct shrinker *s, struct shrink_control *sc)
{
	struct page_cache *c = container_of(s, struct page_cache, shrinker);
	unsigned long freed = 0;

	c->calls++;
	while (freed < sc->nr_to_scan && c->head != NULL) {
		struct page *page = c->head;

		c->head = *(struct page **)page_address(page);
		__free_page(page);
		c->nr--;
		freed++;
	}
	sc->nr_scanned = freed;
	return freed;
}

static void X4_shrinkers(void)
{
	struct page_cache cache = {
		.shrinker = {.count_objects = cache_count,
			     .scan_objects = cache_scan,
			     .seeks = DEFAULT_SEEKS},
	};
	struct shrinker nothing = {.seeks = 1}, *other;
	struct page *page;

	boot();
	IS(register_shrinker(&nothing, "nothing"), -EINVAL);
	IS(register_shrinker(&cache.shrinker, "cache-%d", 1), 0);
	cache_fill(&cache);
	OK(cache.nr > 1000);
	IS(cache.calls, 0);
	page = alloc_page(GFP_KERNEL); /* may wait: the cache gives */
	OK(page != NULL);
	OK(cache.calls > 0);
	__free_page(page);
	drop_slab();
	OK(cache.nr < 1000);
	unregister_shrinker(&cache.shrinker);
	cache.calls = 0;
	drop_slab();
	IS(cache.calls, 0);
	while (cache.head != NULL) {
		page = cache.head;
		cache.head = *(struct page **)page_address(page);
		__free_page(page);
	}
	other = shrinker_alloc(0, "other");
	OK(other != NULL);
	other->count_objects = cache_count;
	other->scan_objects = cache_scan;
	shrinker_register(other);
	shrinker_free(other);
}

static void S20_scopes(void)
{
	unsigned int noio, nofs, pin, noreclaim;

	boot();
	nofs = memalloc_nofs_save();
	IS(current_gfp_context(GFP_KERNEL), GFP_NOFS);
	noio = memalloc_noio_save();
	IS(current_gfp_context(GFP_KERNEL), GFP_NOIO);
	memalloc_noio_restore(noio);
	IS(current_gfp_context(GFP_KERNEL), GFP_NOFS);
	memalloc_nofs_restore(nofs);
	IS(current_gfp_context(GFP_KERNEL), GFP_KERNEL);
	pin = memalloc_pin_save();
	IS(current_gfp_context(GFP_HIGHUSER_MOVABLE), GFP_HIGHUSER);
	memalloc_pin_restore(pin);
	noreclaim = memalloc_noreclaim_save();
	while (alloc_page(GFP_KERNEL) != NULL)
		;
	IS(nr_free_pages(), 0); /* all reserves */
	memalloc_noreclaim_restore(noreclaim);
}

static void P3_isolation(void)
{
	unsigned long start = SZ_16M >> PAGE_SHIFT, end = start + pageblock_nr_pages, free;
	struct page *page;

	boot();
	drain_all_pages(NULL);
	free = nr_free_pages();
	IS(start_isolate_page_range(start, end, MIGRATE_MOVABLE, 0, GFP_KERNEL), 0);
	OK(is_migrate_isolate_page(pfn_to_page(start)));
	OK(has_isolate_pageblock(page_zone(pfn_to_page(start))));
	OK(!is_migrate_isolate_page(pfn_to_page(end)));
	IS(buddy_order(pfn_to_page(start)), pageblock_order); /* apart from its free buddy */
	IS(nr_free_pages(), free - pageblock_nr_pages);
	IS(test_pages_isolated(start, end, 0), 0);
	IS(start_isolate_page_range(start, end, MIGRATE_MOVABLE, 0, GFP_KERNEL), -EBUSY);
	undo_isolate_page_range(start, end, MIGRATE_MOVABLE);
	IS(buddy_order(pfn_to_page(start)), MAX_PAGE_ORDER);
	IS(nr_free_pages(), free);
	page = alloc_page(GFP_KERNEL);
	start = page_to_pfn(page);
	IS(start_isolate_page_range(start, start + 1, MIGRATE_MOVABLE, REPORT_FAILURE, GFP_KERNEL),
	   -EBUSY);
	__free_page(page);
}

/* A driver with pages that can be moved. */
static struct page *driver_page;
static int driver_moves;

static bool driver_isolate(struct page *page, isolate_mode_t mode)
{
	return mode == 0 && page == driver_page;
}

static int driver_migrate(struct page *dst, struct page *src, enum migrate_mode mode)
{
	if (mode == MIGRATE_ASYNC || src != driver_page)
		return -EAGAIN;
	copy_page(page_address(dst), page_address(src));
	driver_page = dst;
	driver_moves++;
	return MIGRATEPAGE_SUCCESS;
}

static void driver_putback(struct page *page)
{
	OK(page == driver_page);
}

static void contiguous_ranges(void)
{
	static const struct movable_operations ops = {driver_isolate, driver_migrate,
						      driver_putback};
	struct page *page;
	unsigned long pfn;

	boot();
	driver_moves = 0;
	driver_page = alloc_page(GFP_HIGHUSER_MOVABLE);
	strcpy(page_address(driver_page), "driver's");
	__SetPageMovable(driver_page, &ops);
	OK(__PageMovable(driver_page));
	pfn = page_to_pfn(driver_page);
	IS(alloc_contig_range(pfn, pfn + 100, MIGRATE_MOVABLE, GFP_KERNEL), 0);
	IS(driver_moves, 1);
	OK(page_to_pfn(driver_page) < pfn || page_to_pfn(driver_page) >= pfn + 100);
	OK(strcmp(page_address(driver_page), "driver's") == 0);
	OK(page_count(pfn_to_page(pfn + 99)) == 1);
	free_contig_range(pfn, 100);
	__ClearPageMovable(driver_page);
	OK(!__PageMovable(driver_page));
	pfn = page_to_pfn(driver_page);
	IS(alloc_contig_range(pfn, pfn + 1, MIGRATE_MOVABLE, GFP_KERNEL), -EBUSY);
	__free_page(driver_page);
	page = alloc_contig_pages(2048, GFP_KERNEL, 1, NULL); /* more than the largest block */
	OK(page != NULL);
	IS(page_to_nid(page), 1);
	free_contig_range(page_to_pfn(page), 2048);
	OK(fragmentation_index(page_zone(page), 9) == -1000);
	drain_all_pages(NULL);
	IS(extfrag_for_order(page_zone(page), 0), 0);
	IS(nr_free_pages(), totalram_pages());
}

/* Another instance, perhaps at the same address: the driver's operations are made known anew. */
static void contiguous_ranges_on_a_new_machine(void)
{
	contiguous_ranges();
	new_machine();
	contiguous_ranges();
}

static int count_area(struct cma *area, void *data)
{
	OK(cma_get_size(area) > 0);
	++*(int *)data;
	return 0;
}

static void cma_areas(void)
{
	struct cma *area, *other;
	struct page *page;
	int n = 0;

	IS(cma_declare_contiguous(0, SZ_8M, 0, 0, 0, false, "camera", &area), 0);
	IS(cma_declare_contiguous_nid(0, 0, 0, 0, 0, false, "none", &other, 0), -EINVAL);
	memblock_reserve(SZ_16M, SZ_4M);
	IS(cma_init_reserved_mem(SZ_16M, SZ_4M, 0, "display", &other), 0);
	boot();
	IS(cma_get_size(area), SZ_8M);
	IS(cma_get_base(other), SZ_16M);
	OK(strcmp(cma_get_name(other), "display") == 0);
	cma_for_each_area(count_area, &n);
	IS(n, 2);
	IS(global_zone_page_state(NR_FREE_CMA_PAGES), (SZ_8M + SZ_4M) / PAGE_SIZE);
	IS(zone_cma_pages(&NODE_DATA(0)->node_zones[ZONE_DMA32]) +
		   zone_cma_pages(&NODE_DATA(1)->node_zones[ZONE_DMA32]),
	   (SZ_8M + SZ_4M) / PAGE_SIZE);
	page = cma_alloc(other, 1000, 2, false);
	OK(page != NULL);
	OK(is_migrate_cma(get_pageblock_migratetype(page)));
	OK(cma_alloc(other, 1000, 0, true) == NULL);
	OK(cma_release(other, page, 1000));
	OK(!cma_release(other, NULL, 1));
}

/* A machine of one memory block, and room for a second one. */
static void hotplug(void)
{
	const struct quarry_posix_options options = {.ram_bytes = SZ_256M};
	struct zone *zone;
	struct page *page;
	unsigned long start = SZ_128M >> PAGE_SHIFT, nr = SZ_128M >> PAGE_SHIFT;

	OK(quarry_linux_start(&options) == 0);
	quarry_linux_params = (struct quarry_boot_params){.max_hotplug_phys = SZ_256M};
	memblock_add(0, SZ_128M);
	boot();
	IS(add_memory(0, SZ_128M + SZ_1M, SZ_128M, MHP_NONE), -EINVAL);
	IS(add_memory(0, SZ_128M, SZ_128M, MHP_NONE), 0);
	IS(add_memory(0, SZ_128M, SZ_128M, MHP_NONE), -EEXIST);
	OK(pfn_to_online_page(start) == NULL);
	zone = zone_for_pfn_range(MMOP_ONLINE_MOVABLE, 0, NULL, start, nr);
	IS(zone_idx(zone), ZONE_MOVABLE);
	IS(online_pages(start, nr, zone, NULL), 0);
	zone = &NODE_DATA(0)->node_zones[ZONE_MOVABLE];
	IS(zone->zone_start_pfn, start);
	IS(zone_managed_pages(zone), nr);
	page = pfn_to_online_page(start + 7);
	OK(page != NULL);
	OK(page_zone(page) == zone);
	IS(remove_memory(SZ_128M, SZ_128M), -EBUSY);
	IS(offline_pages(start, nr, zone, NULL), 0);
	IS(remove_memory(SZ_128M, SZ_128M), 0);
	OK(!managed_zone(&NODE_DATA(0)->node_zones[ZONE_MOVABLE]));
}

static void damaged_pages(void)
{
	struct page *page;
	unsigned long pfn;

	boot();
	pfn = SZ_16M >> PAGE_SHIFT;
	IS(memory_failure(pfn, MF_SW_SIMULATED), 0);
	OK(PageHWPoison(pfn_to_page(pfn)) && !PageHWPoison(pfn_to_page(pfn + 1)));
	IS(num_poisoned_pages, 1);
	page = alloc_page(GFP_KERNEL);
	IS(soft_offline_page(page_to_pfn(page), 0), -EBUSY);
	__free_page(page);
	IS(unpoison_memory(pfn), 0);
	IS(num_poisoned_pages, 0);
	IS(unpoison_memory(pfn), -EBUSY);
}

static void P19_addresses(void)
{
	unsigned long addr;
	struct page *page;
	void *p;

	boot();
	addr = __get_free_pages(GFP_KERNEL, 2);
	OK(addr != 0);
	memset((void *)addr, 0xa5, 4 * PAGE_SIZE);
	page = virt_to_page((void *)addr);
	OK(page_address(page) == (void *)addr);
	OK(virt_to_head_page((void *)(addr + PAGE_SIZE + 5)) == page);
	IS(page_size(page), 4 * PAGE_SIZE);
	IS(page_shift(page), PAGE_SHIFT + 2);
	IS(page_to_phys(page), __pa(addr));
	OK(virt_addr_valid((void *)addr));
	OK(!virt_addr_valid(__va(SZ_32M + SZ_1M)));
	free_pages(addr, 2);
	addr = get_zeroed_page(GFP_KERNEL);
	OK(addr != 0 && *(unsigned long *)addr == 0);
	free_page(addr);
	addr = __get_dma_pages(GFP_KERNEL, 0);
	OK(__pa(addr) < SZ_16M);
	IS(page_zonenum(virt_to_page((void *)addr)), ZONE_DMA);
	free_page(addr);
	p = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	OK(p != NULL);
	free_pages_exact(p, 3 * PAGE_SIZE);
	p = alloc_pages_exact_nid(1, 5 * PAGE_SIZE, GFP_KERNEL);
	OK(p != NULL);
	IS(page_to_nid(virt_to_page(p)), 1);
	free_pages_exact(p, 5 * PAGE_SIZE);
	OK(alloc_pages_exact_nid(1, 0, GFP_KERNEL) == NULL);
	drain_local_pages(NULL);
	drain_all_pages(NULL);
	IS(nr_free_pages(), totalram_pages());
}

static void P19_references(void)
{
	struct page *page, *one;

	boot();
	page = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
	OK(page != NULL);
	IS(page_count(page), 1);
	get_page(page + 2); /* of the whole block */
	IS(page_count(page + 3), 2);
	IS(page_ref_count(page + 3), 0);
	OK(try_get_page(page));
	put_page(page);
	put_page(page + 1);
	IS(page_count(page), 1);
	get_page(page);
	OK(!put_page_testzero(page));
	OK(put_page_testzero(page)); /* the last one: ours to free */
	__free_pages(page, 2);
	OK(!try_get_page(page));
	page = alloc_pages(GFP_KERNEL, 2);
	split_page(page, 2);
	for (one = page; one < page + 4; one++) {
		OK(!PageCompound(one));
		IS(page_count(one), 1);
		put_page(one);
	}
	drain_all_pages(NULL);
	IS(nr_free_pages(), totalram_pages());
}

static void P19_release_pages(void)
{
	struct page *pages[3];

	boot();
	pages[0] = alloc_page(GFP_KERNEL);
	pages[1] = alloc_pages(GFP_KERNEL | __GFP_COMP, 2) + 3; /* a later page: of its block */
	pages[2] = alloc_page(GFP_KERNEL);
	get_page(pages[2]);
	release_pages(pages, 3);
	IS(page_count(pages[0]), 0);
	IS(page_count(pages[1]), 0);
	IS(page_count(pages[2]), 1);
	put_page(pages[2]);
	drain_all_pages(NULL);
	IS(nr_free_pages(), totalram_pages());
}

static void P19_bulk(void)
{
	struct page *pages[20] = {NULL};

	boot();
	pages[7] = alloc_page(GFP_KERNEL);
	IS(alloc_pages_bulk_array(GFP_KERNEL, 10, pages), 10); /* fills what is empty */
	OK(pages[9] != NULL && pages[10] == NULL);
	IS(alloc_pages_bulk_array_node(GFP_KERNEL, 1, 20, pages), 20);
	IS(page_to_nid(pages[15]), 1);
	for (int i = 0; i < 20; i++)
		__free_page(pages[i]);
	drain_all_pages(NULL);
	IS(nr_free_pages(), totalram_pages());
}

static void nodes_of_a_request(void)
{
	nodemask_t mask = nodemask_of_node(1);
	struct page *page;

	boot();
	page = alloc_pages_node(1, GFP_KERNEL, 0);
	IS(page_to_nid(page), 1);
	OK(page_zone(page) == &NODE_DATA(1)->node_zones[ZONE_DMA32]);
	OK(page_pgdat(page) == NODE_DATA(1));
	IS(pfn_to_nid(page_to_pfn(page)), 1);
	__free_page(page);
	page = __alloc_pages(GFP_KERNEL, 3, 0, &mask);
	IS(page_to_nid(page), 1);
	__free_pages(page, 3);
	page = __alloc_pages_node(0, GFP_KERNEL | __GFP_THISNODE, 0);
	IS(page_to_nid(page), 0);
	__free_page(page);
	OK(alloc_pages_node(2, GFP_KERNEL | __GFP_THISNODE, 0) == NULL); /* has no memory */
	page = alloc_pages_node(2, GFP_KERNEL, 0);
	OK(page != NULL);
	__free_page(page);
}

static void policies(void)
{
	char text[40], bind[] = "bind=static:1", both[] = "interleave:0-1", bad[] = "bind:2",
		       worse[] = "bind:x", unknown[] = "spread:0";
	struct mempolicy *pol, *copy;
	struct page *page;

	boot();
	IS(mpol_parse_str(bad, &pol), 1);
	IS(mpol_parse_str(worse, &pol), 1);
	IS(mpol_parse_str(unknown, &pol), 1);
	IS(mpol_parse_str(bind, &pol), 0);
	mpol_to_str(text, sizeof(text), pol);
	OK(strcmp(text, "bind=static:1") == 0);
	page = alloc_pages_mpol(GFP_KERNEL, 0, pol, NO_INTERLEAVE_INDEX, 0);
	IS(page_to_nid(page), 1);
	__free_page(page);
	mpol_put(pol);
	IS(mpol_parse_str(both, &pol), 0);
	copy = mpol_dup(pol);
	mpol_put(pol);
	for (unsigned long i = 0; i < 4; i++) {
		page = alloc_pages_mpol(GFP_KERNEL, 0, copy, i, numa_node_id());
		IS(page_to_nid(page), i % 2);
		__free_page(page);
	}
	mpol_put(copy);
}

static void memory_in_numbers(void)
{
	struct sysinfo info;
	unsigned long pages = 0, slabs;
	void *p;

	boot();
	si_meminfo(&info);
	IS(info.totalram, totalram_pages());
	IS(info.freeram, nr_free_pages());
	IS(info.mem_unit, PAGE_SIZE);
	for (int nid = 0; nid < 2; nid++) {
		si_meminfo_node(&info, nid);
		pages += info.totalram;
		OK(info.freeram <= info.totalram);
	}
	IS(pages, totalram_pages());
	OK(nr_free_buffer_pages() > 0 && nr_free_buffer_pages() < totalram_pages());
	OK(totalreserve_pages > 0);
	slabs = global_node_page_state(NR_SLAB_UNRECLAIMABLE_B);
	p = kmalloc(8192, GFP_KERNEL);
	OK(global_node_page_state(NR_SLAB_UNRECLAIMABLE_B) > slabs);
	OK(PageSlab(virt_to_page(p)));
	kfree(p);
	IS(zone_page_state(page_zone(virt_to_page(p)), NR_MLOCK), 0);
}

static void X1_reserved_memory_is_freed_after_boot(void)
{
	unsigned long before;

	boot();
	before = totalram_pages();
	free_reserved_page(pfn_to_page(SZ_1M >> PAGE_SHIFT));
	IS(totalram_pages(), before + 1);
	IS(free_reserved_area(__va(SZ_1M + SZ_4K), __va(SZ_1M + SZ_64K), 0xcc, "unused image"), 15);
	IS(totalram_pages(), before + 16);
	IS(*(unsigned char *)__va(SZ_1M + SZ_32K), 0xcc);
}

static void X1_a_balloon_takes_pages_out_of_the_count(void)
{
	struct page *page[64];
	unsigned long before, free;
	struct sysinfo info;

	boot();
	before = totalram_pages();
	free = nr_free_pages();
	for (unsigned int i = 0; i < 64; i++) {
		page[i] = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_NORETRY);
		OK(page[i] != NULL);
		adjust_managed_page_count(page[i], -1);
	}
	IS(totalram_pages(), before - 64);
	si_meminfo(&info);
	IS(info.totalram, before - 64);
	IS(quarry_check(quarry_linux(), NULL), 0);
	/* More than there is, or all: refused. */
	IS(-quarry_adjust_managed_page_count(quarry_linux(), page[0], -(long)before), EINVAL);
	IS(-quarry_adjust_managed_page_count(quarry_linux(), page[0], (long)before), EINVAL);
	IS(-quarry_adjust_managed_page_count(quarry_linux(), NULL, 1), EINVAL);
	IS(totalram_pages(), before - 64);
	for (unsigned int i = 0; i < 64; i++) {
		adjust_managed_page_count(page[i], 1);
		__free_page(page[i]);
	}
	drain_all_pages(NULL);
	IS(totalram_pages(), before);
	IS(nr_free_pages(), free);
	IS(quarry_check(quarry_linux(), NULL), 0);
}

static void X2_X3_slab_comes_up_with_boot(void)
{
	void *p;

	OK(!slab_is_available());
	OK(memblock_alloc(100, 64) != NULL);
	boot();
	OK(slab_is_available());
	/* The first object of each class. */
	for (size_t size = 8; size <= 2 * PAGE_SIZE; size *= 2) {
		p = kmalloc(size, GFP_KERNEL);
		OK(p != NULL);
		IS(ksize(p), size);
		OK(PageSlab(virt_to_page(p)));
		kfree(p);
	}
	/* Late callers of memblock are served all the same. */
	p = memblock_alloc(100, 64);
	OK(p != NULL);
	OK(PageSlab(virt_to_page(p)));
	IS(*(unsigned char *)p, 0);
	kfree(p);
}

static void mapping_pages(void)
{
	struct page *from, *to;
	char text[8] = "";

	boot();
	from = alloc_page(GFP_HIGHUSER);
	to = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	memcpy_to_page(from, 100, "quarry", 7);
	copy_highpage(to, from);
	memcpy_from_page(text, to, 100, 7);
	OK(strcmp(text, "quarry") == 0);
	memzero_page(to, 100, 7);
	IS(((char *)kmap_local_page(to))[100], 0);
	clear_highpage(from);
	IS(((char *)kmap(from))[101], 0);
	kunmap(from);
	OK(!PageHighMem(from));
	__free_page(from);
	__free_page(to);
}

static unsigned long told_pages, told_calls;

static int host_is_told(struct page_reporting_dev_info *prdev, struct scatterlist *sgl,
			unsigned int nents)
{
	struct scatterlist *sg;
	unsigned int i;

	(void)prdev;
	told_calls++;
	for_each_sg(sgl, sg, nents, i)
	{
		IS(PageBuddy(sg_page(sg)), 0); /* nobody gets at it meanwhile */
		IS(sg_phys(sg) % (pageblock_nr_pages * PAGE_SIZE), 0);
		told_pages += sg->length >> PAGE_SHIFT;
	}
	return nents > PAGE_REPORTING_CAPACITY ? -EINVAL : 0;
}

static void reporting_of_free_pages(void)
{
	struct page_reporting_dev_info dev = {.report = host_is_told}, none = {0};
	const struct quarry_posix_options options = {.ram_bytes = SZ_256M};
	unsigned long pages;

	/* A zone keeps 32 pageblocks back while some are told. */
	OK(quarry_linux_start(&options) == 0);
	quarry_linux_params = (struct quarry_boot_params){.nr_cpus = 1, .no_thp = true};
	memblock_add(0, SZ_256M);
	boot();
	told_pages = told_calls = 0;
	__free_page(alloc_page(GFP_KERNEL));
	IS(page_reporting_register(&none), -EINVAL);
	IS(page_reporting_register(&dev), 0);
	IS(page_reporting_register(&dev), -EBUSY);
	pages = quarry_page_reporting_run(quarry_linux());
	OK(pages != 0);
	IS(told_pages, pages);
	OK(told_calls >= pages / pageblock_nr_pages / PAGE_REPORTING_CAPACITY);
	IS(quarry_page_reporting_run(quarry_linux()), 0); /* all are told */
	page_reporting_unregister(&dev);
	IS(page_reporting_register(&dev), 0);
	page_reporting_unregister(&dev);
	accept_memory(0,
		      totalram_pages() * PAGE_SIZE); /* all was accepted before: nothing happens */
}

int main(void)
{
	static const struct linux_test tests[] = {
		LINUX_TEST(X1_views_are_empty_before_boot_and_filled_in_by_it),
		LINUX_TEST(P12_nodes_and_zones),
		LINUX_TEST(P13_P14_watermarks),
		LINUX_TEST(P17_zonelists),
		LINUX_TEST(nodes_by_what_they_have),
		LINUX_TEST(P1_P2_P5_blocks),
		LINUX_TEST(P9_types_of_pageblocks),
		LINUX_TEST(P15_P18_what_flags_allow),
		LINUX_TEST(X4_shrinkers),
		LINUX_TEST(S20_scopes),
		LINUX_TEST(P3_isolation),
		LINUX_TEST(contiguous_ranges),
		LINUX_TEST(contiguous_ranges_on_a_new_machine),
		LINUX_TEST(cma_areas),
		LINUX_TEST(hotplug),
		LINUX_TEST(damaged_pages),
		LINUX_TEST(reporting_of_free_pages),
		LINUX_TEST(P19_addresses),
		LINUX_TEST(P19_references),
		LINUX_TEST(P19_release_pages),
		LINUX_TEST(P19_bulk),
		LINUX_TEST(nodes_of_a_request),
		LINUX_TEST(policies),
		LINUX_TEST(memory_in_numbers),
		LINUX_TEST(X1_reserved_memory_is_freed_after_boot),
		LINUX_TEST(X1_a_balloon_takes_pages_out_of_the_count),
		LINUX_TEST(X2_X3_slab_comes_up_with_boot),
		LINUX_TEST(mapping_pages),
	};
	int failed = linux_run("linux-pages", tests, ARRAY_SIZE(tests), new_machine);

	quarry_linux_use(NULL);
	return failed;
}
