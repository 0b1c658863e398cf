/* SPDX-License-Identifier: MIT */
/* Questions about zones, nodes and the whole machine: computed from the structures when asked. */
#include "internal.h"

#include <base/string.h>

static const char *const info_zone_names[QUARRY_NR_ZONES] = {"DMA", "DMA32", "Normal", "Movable",
							     "Device"};
static const char *const info_type_names[QUARRY_MIGRATE_TYPES] = {
	"Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"};

const char *quarry_zone_name(enum quarry_zone_type zone)
{
	return (unsigned int)zone < QUARRY_NR_ZONES ? info_zone_names[zone] : "?";
}

const char *quarry_migratetype_name(enum quarry_migratetype type)
{
	return (unsigned int)type < QUARRY_MIGRATE_TYPES ? info_type_names[type] : "?";
}

static void info_add_virgin(const struct page_arena *a, struct quarry_zone_info *info)
{
	unsigned int type = a->type;
	pfn_t first = a->base_pfn >> QUARRY_PAGEBLOCK_ORDER, end = first + a->nr_pb;
	unsigned long *counts = info->nr_free_type[type];

	info->nr_virgin_arenas++;
	info->nr_pageblocks[type] += a->nr_pb;
	/* At each end the block that has no buddy; the others are half as many of the next order. */
	for (unsigned int o = QUARRY_PAGEBLOCK_ORDER; first < end && o < QUARRY_MAX_ORDER; o++) {
		counts[o] += first & 1;
		first = (first + 1) / 2;
		counts[o] += 2 * first < end ? (unsigned long)(end & 1) : 0;
		end /= 2;
	}
	counts[QUARRY_MAX_ORDER] += (unsigned long)(end - first);
}

static void info_add_pageblock(const struct page_arena *a, unsigned int i,
			       struct quarry_zone_info *info)
{
	const struct page_pb *pb = &a->pb[i];
	unsigned long *counts = info->nr_free_type[pb->type];

	if ((pb->flags & PAGE_PB_OFFLINE) != 0)
		return;
	info->nr_pageblocks[pb->type]++;
	if (pb->tail || pb->filed == PAGE_NOT_FILED)
		return;
	if (pb->filed > QUARRY_PAGEBLOCK_ORDER)
		counts[pb->filed]++;
	else
		pageblock_count_runs(a->bits[i], counts);
}

static void info_add_arenas(struct quarry *q, const struct page_zone *z,
			    struct quarry_zone_info *info)
{
	for (uint32_t k = z->arena_first; k < zone_arena_end(z); k++) {
		struct page_arena *a = &q->pages->arena[k];
		quarry_pin_t pin;

		if (!page_arena_is_of(a, z))
			continue;
		info->nr_arenas++;
		info->contended += quarry_load_relaxed(&a->contended);
		pin = arena_lock(q, a);
		if (a->virgin) {
			info_add_virgin(a, info);
		} else if (a->empty) {
			info->nr_pageblocks[a->type] += a->nr_pb;
		} else {
			for (unsigned int i = 0; i < a->nr_pb; i++)
				info_add_pageblock(a, i, info);
		}
		arena_unlock(q, a, pin);
	}
}

bool quarry_zone_info(struct quarry *q, int nid, enum quarry_zone_type zone,
		      struct quarry_zone_info *info)
{
	struct page_zone *z;

	*info = (struct quarry_zone_info){.name = quarry_zone_name(zone)};
	if (nid < 0 || nid >= q->pages->nr_nodes || (unsigned int)zone >= QUARRY_NR_ZONES)
		return false;
	z = page_node_zone(q->pages, nid, (unsigned int)zone);
	if (z == NULL || quarry_load_relaxed(&z->present) == 0)
		return false;
	info->start_pfn = quarry_load_relaxed(&z->start_pfn);
	info->spanned = quarry_load_relaxed(&z->spanned);
	info->present = quarry_load_relaxed(&z->present);
	info->managed = quarry_load_relaxed(&z->managed);
	info->free = (unsigned long)quarry_load_relaxed(&z->nr_free);
	info->unaccepted = quarry_load_relaxed(&z->nr_unaccepted);
	info->isolated = (unsigned long)quarry_load_relaxed(&z->nr_isolated);
	info->cma = z->cma_pages;
	info->pcp = pcp_pages(q, z);
	info->pcp_high = quarry_load_relaxed(&z->pcp_high);
	info->pcp_batch = quarry_load_relaxed(&z->pcp_batch);
	for (unsigned int i = 0; i < QUARRY_NR_WMARK; i++)
		info->wmark[i] = zone_mark(z, (enum quarry_watermark)i);
	info->boost = quarry_load_relaxed(&z->boost);
	info->free_highatomic = (unsigned long)quarry_load_relaxed(&z->nr_free_highatomic);
	info->free_cma = (unsigned long)quarry_load_relaxed(&z->nr_free_cma);
	for (unsigned int i = 0; i < QUARRY_NR_ZONES; i++)
		info->lowmem_reserve[i] = quarry_load_relaxed(&z->reserve[i]);
	info_add_arenas(q, z, info);
	for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES; t++) {
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			info->nr_free[o] += info->nr_free_type[t][o];
	}
	return true;
}

bool quarry_node_present(struct quarry *q, int nid)
{
	return nid >= 0 && nid < q->pages->nr_nodes &&
	       quarry_load_relaxed(&q->pages->node[nid].present);
}

bool quarry_node_possible(struct quarry *q, int nid)
{
	return nid >= 0 && nid < q->pages->nr_nodes && q->pages->node[nid].possible;
}

bool quarry_node_online(struct quarry *q, int nid)
{
	for (unsigned int c = 0; c < q->pages->nr_cpus; c++) {
		if (nid >= 0 && q->pages->cpu_place[c].nid == nid)
			return true;
	}
	return quarry_node_present(q, nid);
}

unsigned int quarry_node_distance(struct quarry *q, int from, int to)
{
	int n = q->pages->nr_nodes;

	return from < 0 || to < 0 || from >= n || to >= n ? 0 : q->pages->distance[from * n + to];
}

void quarry_totals(struct quarry *q, struct quarry_totals *totals)
{
	struct page_layer *pl = q->pages;

	*totals = (struct quarry_totals){
		.present = quarry_load_relaxed(&pl->present),
		.managed = quarry_load_relaxed(&pl->managed),
		.min_free_kbytes = quarry_load_relaxed(&pl->min_free_kbytes),
		.totalreserve = quarry_load_relaxed(&pl->totalreserve),
		.nr_nodes = pl->nr_nodes,
		.nr_cpus = quarry_load_relaxed(&pl->nr_online_cpus),
		.meta_bytes = quarry_load_relaxed(&q->meta_bytes),
		.refused = quarry_load_relaxed(&pl->refused),
		.fallback_claimed = quarry_vm_event(q, QUARRY_VM_FALLBACK_CLAIMED),
		.fallback_stolen = quarry_vm_event(q, QUARRY_VM_FALLBACK_STOLEN),
	};
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		totals->free += (unsigned long)quarry_load_relaxed(&pl->zone[i].nr_free);
		totals->pcp += pcp_pages(q, &pl->zone[i]);
	}
	for (unsigned int c = 0; c <= pl->nr_cpus; c++) {
		uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];
		uint64_t frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];

		pcp_events(q, c, allocs, frees);
		for (unsigned int i = 0; i < QUARRY_NR_ZONES * QUARRY_NR_ORDERS; i++) {
			unsigned int t = i / QUARRY_NR_ORDERS, o = i % QUARRY_NR_ORDERS;

			totals->allocs += allocs[t][o];
			totals->frees += frees[t][o];
			totals->pgalloc += allocs[t][o] << o;
			totals->pgfree += frees[t][o] << o;
		}
	}
}
