/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_NUMA_H
#define _QUARRY_LINUX_NUMA_H

#include <quarry/types.h>

#define NODES_SHIFT 6
#define MAX_NUMNODES QUARRY_MAX_NODES
#define NUMA_NO_NODE QUARRY_NO_NODE

/* 6.11 */
static inline bool numa_valid_node(int nid)
{
	return nid >= 0 && nid < MAX_NUMNODES;
}

#endif
