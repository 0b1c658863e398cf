/* SPDX-License-Identifier: MIT */
/* Nodes, zones and zonelists, to read. */
#ifndef _QUARRY_LINUX_MMZONE_H
#define _QUARRY_LINUX_MMZONE_H

#include <quarry/linux.h>

#include <linux/align.h>
#include <linux/numa.h>
#include <linux/pfn.h>
#include <linux/types.h>

#define MAX_ORDER QUARRY_NR_ORDERS /* exclusive, as in 6.1 */
#define MAX_ORDER_NR_PAGES (1 << (MAX_ORDER - 1))
#define pageblock_order QUARRY_PAGEBLOCK_ORDER
#define pageblock_nr_pages (1ul << pageblock_order)
#define pageblock_align(pfn) ALIGN((pfn), pageblock_nr_pages)
#define pageblock_start_pfn(pfn) ALIGN_DOWN((pfn), pageblock_nr_pages)
#define pageblock_end_pfn(pfn) ALIGN((pfn) + 1, pageblock_nr_pages)

#define zone_type quarry_zone_type
#define ZONE_DMA QUARRY_ZONE_DMA
#define ZONE_DMA32 QUARRY_ZONE_DMA32
#define ZONE_NORMAL QUARRY_ZONE_NORMAL
#define ZONE_MOVABLE QUARRY_ZONE_MOVABLE
#define ZONE_DEVICE QUARRY_ZONE_DEVICE
#define MAX_NR_ZONES QUARRY_NR_ZONES

#define MIGRATE_UNMOVABLE QUARRY_MIGRATE_UNMOVABLE
#define MIGRATE_MOVABLE QUARRY_MIGRATE_MOVABLE
#define MIGRATE_RECLAIMABLE QUARRY_MIGRATE_RECLAIMABLE
#define MIGRATE_PCPTYPES QUARRY_MIGRATE_PCPTYPES
#define MIGRATE_HIGHATOMIC QUARRY_MIGRATE_HIGHATOMIC
#define MIGRATE_CMA QUARRY_MIGRATE_CMA
#define MIGRATE_ISOLATE QUARRY_MIGRATE_ISOLATE
#define MIGRATE_TYPES QUARRY_MIGRATE_TYPES

#define migratetype quarry_migratetype
#define is_migrate_movable(mt) ((mt) == MIGRATE_MOVABLE || (mt) == MIGRATE_CMA)
#define is_migrate_cma(mt) ((mt) == MIGRATE_CMA)

#define MAX_PAGE_ORDER QUARRY_MAX_ORDER /* 6.8 */
#define NR_PAGE_ORDERS QUARRY_NR_ORDERS
#define PAGE_ALLOC_COSTLY_ORDER 3
#define SECTION_SIZE_BITS 27
#define PFN_SECTION_SHIFT (SECTION_SIZE_BITS - PAGE_SHIFT)
#define PAGES_PER_SECTION (1ul << PFN_SECTION_SHIFT)
#define pfn_to_section_nr(pfn) ((unsigned long)(pfn) >> PFN_SECTION_SHIFT)
#define section_nr_to_pfn(nr) ((unsigned long)(nr) << PFN_SECTION_SHIFT)

#define WMARK_MIN QUARRY_WMARK_MIN
#define WMARK_LOW QUARRY_WMARK_LOW
#define WMARK_HIGH QUARRY_WMARK_HIGH
#define WMARK_PROMO QUARRY_WMARK_PROMO
#define NR_WMARK QUARRY_NR_WMARK

struct free_area {
	unsigned long nr_free; /* blocks of this order; there are no lists through pages */
};

/*
 * A zone, to read. It is filled in when the machine has booted, and anew by NODE_DATA() and by the
 * for_each_*zone() loops, which must therefore not run on two CPUs at once. zone_page_state() and
 * its like always ask the library.
 */
struct zone {
	unsigned long _watermark[NR_WMARK];
	unsigned long watermark_boost;
	long lowmem_reserve[MAX_NR_ZONES];
	int node;
	struct pglist_data *zone_pgdat;
	unsigned long zone_start_pfn;
	unsigned long managed_pages, spanned_pages, present_pages, cma_pages;
	const char *name;
	struct free_area free_area[MAX_ORDER];
};

/* A place of a zonelist; zone NULL ends it. */
struct zoneref {
	struct zone *zone;
	int zone_idx;
};

#define MAX_ZONES_PER_ZONELIST (MAX_NUMNODES * MAX_NR_ZONES)

struct zonelist {
	struct zoneref _zonerefs[MAX_ZONES_PER_ZONELIST + 1];
};

enum { ZONELIST_FALLBACK, ZONELIST_NOFALLBACK, MAX_ZONELISTS };

/* A node. The sizes are filled in when the machine boots; bdata is there from the start. */
typedef struct pglist_data {
	int node_id;
	unsigned long node_start_pfn;
	unsigned long node_present_pages; /* RAM */
	unsigned long node_spanned_pages; /* with holes */
	struct bootmem_data *bdata;
	int nr_zones; /* index of the highest zone with memory, and one */
	struct zone node_zones[MAX_NR_ZONES];
	struct zonelist node_zonelists[MAX_ZONELISTS];
} pg_data_t;

/* The node @nid, 0 to MAX_NUMNODES - 1, as it was filled in last. */
struct pglist_data *quarry_linux_node(int nid);
/* The same, filled in now if the machine has booted. */
struct pglist_data *quarry_linux_pgdat(int nid);
/* A zone without filling in. */
struct zone *quarry_linux_zone(int nid, enum quarry_zone_type type);

#define NODE_DATA(nid) quarry_linux_pgdat(nid)
#define contig_page_data (*NODE_DATA(0))
#define node_start_pfn(nid) (NODE_DATA(nid)->node_start_pfn)
#define node_present_pages(nid) (NODE_DATA(nid)->node_present_pages)
#define node_spanned_pages(nid) (NODE_DATA(nid)->node_spanned_pages)
#define node_end_pfn(nid) (node_start_pfn(nid) + node_spanned_pages(nid))
#define pgdat_end_pfn(pgdat) ((pgdat)->node_start_pfn + (pgdat)->node_spanned_pages)
#define pgdat_is_empty(pgdat) ((pgdat)->node_start_pfn == 0 && (pgdat)->node_spanned_pages == 0)

#define wmark_pages(z, i) ((z)->_watermark[i] + (z)->watermark_boost)
#define min_wmark_pages(z) wmark_pages(z, WMARK_MIN)
#define low_wmark_pages(z) wmark_pages(z, WMARK_LOW)
#define high_wmark_pages(z) wmark_pages(z, WMARK_HIGH)
#define promo_wmark_pages(z) wmark_pages(z, WMARK_PROMO)

#define zone_idx(zone) ((enum zone_type)((zone) - (zone)->zone_pgdat->node_zones))

static inline unsigned long zone_managed_pages(const struct zone *zone)
{
	return zone->managed_pages;
}

static inline unsigned long zone_cma_pages(const struct zone *zone)
{
	return zone->cma_pages;
}

static inline unsigned long zone_end_pfn(const struct zone *zone)
{
	return zone->zone_start_pfn + zone->spanned_pages;
}

static inline bool zone_spans_pfn(const struct zone *zone, unsigned long pfn)
{
	return zone->zone_start_pfn <= pfn && pfn < zone_end_pfn(zone);
}

static inline bool zone_is_empty(const struct zone *zone)
{
	return zone->spanned_pages == 0;
}

static inline bool populated_zone(const struct zone *zone)
{
	return zone->present_pages != 0;
}

static inline bool managed_zone(const struct zone *zone)
{
	return zone->managed_pages != 0;
}

static inline int zone_to_nid(const struct zone *zone)
{
	return zone->node;
}

/* There is no high memory: all of it is in the direct map. */
static inline int is_highmem(const struct zone *zone)
{
	(void)zone;
	return 0;
}

static inline int is_highmem_idx(enum zone_type idx)
{
	(void)idx;
	return 0;
}

/* Nodes and zones in order; each step fills in what it leads to. */
struct pglist_data *first_online_pgdat(void);
struct pglist_data *next_online_pgdat(struct pglist_data *pgdat);
struct zone *next_zone(struct zone *zone);

#define for_each_online_pgdat(pgdat) \
	for (pgdat = first_online_pgdat(); pgdat != NULL; pgdat = next_online_pgdat(pgdat))
#define for_each_zone(zone) \
	for (zone = first_online_pgdat()->node_zones; zone != NULL; zone = next_zone(zone))
#define for_each_populated_zone(zone)                   \
	for_each_zone(zone) if (!populated_zone(zone)); \
	else

static inline struct zone *zonelist_zone(const struct zoneref *ref)
{
	return ref->zone;
}

static inline int zonelist_zone_idx(const struct zoneref *ref)
{
	return ref->zone_idx;
}

static inline int zonelist_node_idx(const struct zoneref *ref)
{
	return zone_to_nid(ref->zone);
}

/* From @ref on, the first zone not above @highest. */
static inline struct zoneref *_zonelist_from(struct zoneref *ref, int highest)
{
	while (ref->zone != NULL && ref->zone_idx > highest)
		ref++;
	return ref;
}

#define for_each_zone_zonelist(zone, z, zlist, highidx)                                       \
	for (z = _zonelist_from((zlist)->_zonerefs, (int)(highidx)), zone = zonelist_zone(z); \
	     zone != NULL; z = _zonelist_from(z + 1, (int)(highidx)), zone = zonelist_zone(z))

/* The migratetypes' names, as /proc/pagetypeinfo has them. */
#define migratetype_names(mt) quarry_migratetype_name((enum quarry_migratetype)(mt))

#endif
