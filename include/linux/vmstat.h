/* SPDX-License-Identifier: MIT */
/* Counts of zones and nodes, asked of the library at each call. */
#ifndef _QUARRY_LINUX_VMSTAT_H
#define _QUARRY_LINUX_VMSTAT_H

#include <linux/mmzone.h>

/* Those that have no counterpart here read 0. */
enum zone_stat_item {
	NR_FREE_PAGES,
	NR_ZONE_INACTIVE_ANON,
	NR_ZONE_ACTIVE_ANON,
	NR_ZONE_INACTIVE_FILE,
	NR_ZONE_ACTIVE_FILE,
	NR_ZONE_UNEVICTABLE,
	NR_ZONE_WRITE_PENDING,
	NR_MLOCK,
	NR_BOUNCE,
	NR_ZSPAGES,
	NR_FREE_CMA_PAGES,
	NR_VM_ZONE_STAT_ITEMS
};

enum node_stat_item {
	NR_SLAB_RECLAIMABLE_B, /* in pages, for all its name, as global_node_page_state_pages() */
	NR_SLAB_UNRECLAIMABLE_B,
	NR_VM_NODE_STAT_ITEMS
};

unsigned long zone_page_state(struct zone *zone, enum zone_stat_item item);
unsigned long global_zone_page_state(enum zone_stat_item item);
unsigned long global_node_page_state_pages(enum node_stat_item item);

#define zone_page_state_snapshot(zone, item) zone_page_state((zone), (item))
#define global_node_page_state(item) global_node_page_state_pages(item)
#define sum_zone_node_page_state(nid, item) quarry_linux_node_state(nid, item)

/* Over the zones of a node. */
unsigned long quarry_linux_node_state(int nid, enum zone_stat_item item);

#endif
