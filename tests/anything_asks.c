/* SPDX-License-Identifier: MIT */
/* What can be asked of anything.h's machines goes into the digest; and steps that aim at limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "anything.h"

static void any_ask(struct anything *t, pfn_t pfn)
{
	struct quarry_pageblock_info info = {0};
	struct page *page = quarry_pfn_to_page(t->m.q, pfn);

	any_add(t, quarry_pageblock_info(t->m.q, pfn, &info));
	any_add(t, info.nr_free);
	any_add(t, info.untouched);
	any_add(t, info.nr_alike);
	any_add(t, (uint64_t)quarry_free_block_order(t->m.q, pfn));
	any_add(t, page != NULL);
	if (page == NULL)
		return;
	any_add(t, quarry_page_order(t->m.q, page));
	any_add(t, quarry_page_count(t->m.q, page));
	any_add(t, (uint64_t)quarry_page_nid(t->m.q, page));
	any_add(t, quarry_page_zone(t->m.q, page));
	any_add(t, quarry_page_to_pfn(t->m.q, quarry_page_head(t->m.q, page)));
}

/* Also of nodes, zones and CPUs that are not there. */
static void any_ask_zone(struct anything *t, int nid, enum quarry_zone_type zone)
{
	unsigned int cpu = (unsigned int)any_random(t, t->nr_cpus + 1);
	struct quarry_numa_stat numa;

	any_add(t, quarry_zone_free_pages(t->m.q, nid, zone));
	any_add(t, quarry_pageset_count(t->m.q, nid, zone, cpu));
	any_add(t, quarry_stat_threshold(t->m.q, nid, zone));
	any_add(t, quarry_zone_numa(t->m.q, nid, zone, &numa));
	any_add(t, numa.miss + numa.foreign);
	any_add(t, quarry_mpol_weight(t->m.q, nid));
	any_add(t, quarry_node_present(t->m.q, nid));
	any_add(t, (uint64_t)quarry_cpu_nid(t->m.q, cpu, true));
	any_add(t, quarry_fragmentation_score(t->m.q, nid));
	any_add(t, quarry_kswapd_wanted(t->m.q, nid));
	for (unsigned int order = 0; order <= QUARRY_NR_ORDERS; order++) {
		any_add(t, (uint64_t)quarry_fragmentation_index(t->m.q, nid, zone, order));
		any_add(t, (uint64_t)quarry_unusable_index(t->m.q, nid, zone, order));
	}
}

/* But for addresses and places, which are those of this build. */
static void any_ask_owner(struct anything *t, pfn_t pfn)
{
	struct quarry_page_owner o = {0};

	any_add(t, quarry_page_owner(t->m.q, pfn, &o));
	any_add(t, (uint64_t)o.gfp << 8 | o.order << 1 | o.allocated);
	any_add(t, o.alloc.cpu);
	any_add(t, o.free.cpu);
	any_add(t, t->life->helps ? o.alloc.ns + o.free.ns : 0);
}

static void any_ask_areas(struct anything *t)
{
	struct quarry_page_debug_info debug;
	struct quarry_cma_info info;

	for (unsigned int i = 0; i < t->nr_cma; i++) {
		quarry_cma_info(t->m.q, t->cma[i], &info);
		any_add(t, info.used);
		any_add(t, info.maxchunk);
		any_add(t, info.alloc_pages_success);
		any_add(t, info.alloc_pages_fail);
		any_add(t, info.release_pages);
	}
	quarry_page_debug_info(t->m.q, &debug);
	any_add(t, debug.injected);
	any_add(t, debug.owner_lost);
	any_add(t, debug.owner_bytes);
	any_add(t, quarry_num_poisoned_pages(t->m.q));
}

void step_ask(struct anything *t)
{
	for (unsigned int i = 0; i < 40; i++)
		any_ask(t, any_random(t, t->end_pfn));
	for (unsigned int i = 0; i < 40 && i < t->nr_held; i++)
		any_ask(t, quarry_page_to_pfn(t->m.q, t->held[i].page) + any_random(t, 4));
	for (unsigned int i = 0; i < 20; i++)
		any_ask_owner(t, any_random(t, t->end_pfn));
	any_ask_areas(t);
	for (int i = 0; i <= QUARRY_NR_ZONES; i++)
		any_ask_zone(t, (int)any_random(t, 4) - 1, (enum quarry_zone_type)i);
}

void step_ask_ranges(struct anything *t)
{
	for (unsigned int i = 0; i < 10; i++) {
		pfn_t start = any_random(t, t->end_pfn), end = start + 1 + any_random(t, 1500);
		unsigned int flags = any_random(t, 2) != 0 ? QUARRY_ISOLATE_OFFLINE : 0;
		struct quarry_unmovable why = {0};

		any_add(t, quarry_has_unmovable_pages(t->m.q, start, end,
						      any_random(t, 3) != 0 ? QUARRY_MIGRATE_MOVABLE
									    : QUARRY_MIGRATE_CMA,
						      flags, &why));
		any_add(t, (uint64_t)why.pfn << 8 | why.reason);
		any_add(t, (uint64_t)quarry_test_pages_isolated(t->m.q, start, end, flags));
	}
	for (unsigned int i = 0; i < t->nr_isolated; i++)
		any_add(t, (uint64_t)quarry_test_pages_isolated(t->m.q, t->isolated[i].start,
								t->isolated[i].end, i & 1));
}

static void any_ask_node(struct anything *t, int nid)
{
	struct quarry_zoneref refs[16];

	any_add(t, quarry_node_possible(t->m.q, nid));
	any_add(t, quarry_node_online(t->m.q, nid));
	for (int to = -1; to < 5; to++)
		any_add(t, quarry_node_distance(t->m.q, nid, to));
	for (unsigned int own = 0; own < 2; own++) {
		unsigned int n = quarry_zonelist(t->m.q, nid, own != 0, refs, 16);

		any_add(t, n);
		for (unsigned int i = 0; i < n && i < 16; i++)
			any_add(t, (uint64_t)refs[i].nid << 8 | refs[i].zone);
	}
}

void step_ask_words(struct anything *t)
{
	static const char *const name[] = {"min_free_kbytes",
					   "lowmem_reserve_ratio",
					   "watermark_scale_factor",
					   "watermark_boost_factor",
					   "percpu_pagelist_high_fraction",
					   "extfrag_threshold",
					   "defrag_mode",
					   "compaction_proactiveness",
					   "transparent_hugepage/enabled",
					   "none"};
	struct quarry_totals totals;
	char text[64] = "";

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		any_add(t, (uint64_t)quarry_sysctl_get(t->m.q, name[i], text, sizeof(text)));
		any_add_text(t, text, strlen(text));
	}
	for (int nid = -1; nid < 5; nid++)
		any_ask_node(t, nid);
	quarry_totals(t->m.q, &totals);
	any_add(t, totals.present);
	any_add(t, totals.pcp);
	any_add(t, totals.totalreserve);
	any_add(t, totals.allocs + totals.frees + totals.refused);
	any_add(t, totals.fallback_claimed);
}

/* ---- what is met exactly ---- */

/* Takes @n pages of the zone, and no others if it has as many, in as few blocks as may be. */
static void any_take(struct anything *t, int nid, enum quarry_zone_type zone, unsigned long n)
{
	static const gfp_t of_zone[QUARRY_NR_ZONES] = {[QUARRY_ZONE_DMA] = __GFP_DMA,
						       [QUARRY_ZONE_DMA32] = __GFP_DMA32,
						       [QUARRY_ZONE_MOVABLE] =
							       __GFP_HIGHMEM | __GFP_MOVABLE};
	gfp_t gfp = GFP_NOWAIT | __GFP_MEMALLOC | __GFP_THISNODE | __GFP_NOWARN | of_zone[zone];
	unsigned int order = QUARRY_MAX_ORDER;

	while (n > 0) {
		struct page *page = NULL;

		if (1ul << order <= n)
			page = quarry_alloc_pages_node(t->m.q, nid, gfp, order);
		if (page != NULL) {
			any_hold(t, page, order);
			n -= 1ul << order;
		} else if (order-- == 0) {
			break;
		}
	}
}

/* As many pages are free as a mark wants for a block, or one more or less. Then it is asked for, in several ways. */
void step_aim_marks(struct anything *t)
{
	enum quarry_zone_type zone = (enum quarry_zone_type)any_random(t, QUARRY_NR_ZONES);
	int nid = (int)any_random(t, 3);
	unsigned int order = (unsigned int)any_random(t, 6);
	struct quarry_zone_info z;
	unsigned long want;

	quarry_drain_all_pages(t->m.q);
	if (!quarry_zone_info(t->m.q, nid, zone, &z))
		return;
	want = z.wmark[any_random(t, QUARRY_NR_WMARK)];
	want = any_random(t, 3) == 0 ? want / 2 : any_random(t, 3) == 0 ? want / 4 : want;
	want += any_random(t, 3) == 0 ? z.lowmem_reserve[any_random(t, QUARRY_NR_ZONES)] : 0;
	want += (1ul << order) + any_random(t, 3) - 1;
	if (z.free < want || t->nr_held + 100 > HELD_MAX)
		return;
	any_take(t, nid, zone, z.free - want);
	for (unsigned int i = 0; i < 4; i++) {
		struct page *page;

		quarry_drain_all_pages(t->m.q);
		any_add(t, quarry_zone_free_pages(t->m.q, nid, zone));
		page = quarry_alloc_pages_node(t->m.q, nid, any_gfp(t), order);
		any_add(t, page != NULL ? quarry_page_to_pfn(t->m.q, page) : ~(uint64_t)0);
		if (page != NULL)
			quarry_free_pages(t->m.q, page, order);
	}
}

/* The threshold of fragmentation is what it is, or one more or less, and a block is asked for. */
void step_aim_threshold(struct anything *t)
{
	enum quarry_zone_type zone = (enum quarry_zone_type)any_random(t, QUARRY_NR_ZONES);
	unsigned int order = 4 + (unsigned int)any_random(t, 5);
	int nid = (int)any_random(t, 3);
	int index = quarry_fragmentation_index(t->m.q, nid, zone, order);
	char text[16];

	if (index < 0)
		return;
	snprintf(text, sizeof(text), "%d", index + (int)any_random(t, 3) - 1);
	any_add(t, (uint64_t)quarry_sysctl_set(t->m.q, "extfrag_threshold", text));
	any_hold(t,
		 quarry_alloc_pages_node(t->m.q, nid,
					 any_random(t, 2) != 0 ? GFP_HIGHUSER_MOVABLE : GFP_KERNEL,
					 order),
		 order);
}
