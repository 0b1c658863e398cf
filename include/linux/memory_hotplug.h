/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_MEMORY_HOTPLUG_H
#define _QUARRY_LINUX_MEMORY_HOTPLUG_H

#include <linux/types.h>

/*
 * Whether the kernel was told movable_node: then boot allocations keep out of HOTPLUG memory. The
 * library has a weak definition, so that a program may have its own; -DMOVABLE_NODE turns it on.
 */
extern bool movable_node_enabled;

static inline bool movable_node_is_enabled(void)
{
#ifdef MOVABLE_NODE
	return true;
#else
	return movable_node_enabled;
#endif
}

/* ---- memory that comes and goes ---- */

#include <linux/mmzone.h>

enum {
	MMOP_OFFLINE,
	MMOP_ONLINE,
	MMOP_ONLINE_KERNEL,
	MMOP_ONLINE_MOVABLE,
};

typedef int mhp_t;
#define MHP_NONE ((mhp_t)0)

struct memory_group;

static inline int add_memory(int nid, u64 start, u64 size, mhp_t mhp_flags)
{
	(void)mhp_flags;
	return quarry_add_memory(quarry_linux(), nid, start, size);
}

static inline int remove_memory(u64 start, u64 size)
{
	return quarry_remove_memory(quarry_linux(), start, size);
}

/* The zone to which the pages would go; that of the node's lowest kernel zone if it is not Movable. */
static inline struct zone *zone_for_pfn_range(int online_type, int nid, struct memory_group *group,
					      unsigned long start_pfn, unsigned long nr_pages)
{
	(void)group;
	(void)start_pfn;
	(void)nr_pages;
	return quarry_linux_zone(nid,
				 online_type == MMOP_ONLINE_MOVABLE ? ZONE_MOVABLE : ZONE_NORMAL);
}

/* To ZONE_MOVABLE if @zone is one, else to the kernel zone that the range belongs to. */
static inline int online_pages(unsigned long pfn, unsigned long nr_pages, struct zone *zone,
			       struct memory_group *group)
{
	(void)group;
	return quarry_online_pages(quarry_linux(), pfn, nr_pages,
				   zone_idx(zone) == ZONE_MOVABLE ? QUARRY_ONLINE_MOVABLE
								  : QUARRY_ONLINE_KERNEL);
}

static inline int offline_pages(unsigned long start_pfn, unsigned long nr_pages, struct zone *zone,
				struct memory_group *group)
{
	(void)zone;
	(void)group;
	return quarry_offline_pages(quarry_linux(), start_pfn, nr_pages);
}

static inline struct page *pfn_to_online_page(unsigned long pfn)
{
	struct quarry *q = quarry_linux();

	return quarry_memory_block_state(q, pfn) == QUARRY_BLOCK_ONLINE
		       ? quarry_describe_pfn(q, pfn)
		       : NULL;
}

#endif
