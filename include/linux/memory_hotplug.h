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

#endif
