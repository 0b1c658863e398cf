/* SPDX-License-Identifier: MIT */
/* Nodes and zones, as far as boot code names them. */
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

/* A node. The sizes are filled in when the machine boots; bdata is there from the start. */
typedef struct pglist_data {
	int node_id;
	unsigned long node_start_pfn;
	unsigned long node_present_pages; /* RAM */
	unsigned long node_spanned_pages; /* with holes */
	struct bootmem_data *bdata;
} pg_data_t;

/* The node @nid, 0 to MAX_NUMNODES - 1. */
struct pglist_data *quarry_linux_node(int nid);

#define NODE_DATA(nid) quarry_linux_node(nid)
#define contig_page_data (*NODE_DATA(0))
#define node_start_pfn(nid) (NODE_DATA(nid)->node_start_pfn)
#define node_present_pages(nid) (NODE_DATA(nid)->node_present_pages)
#define node_spanned_pages(nid) (NODE_DATA(nid)->node_spanned_pages)
#define node_end_pfn(nid) (node_start_pfn(nid) + node_spanned_pages(nid))

#endif
