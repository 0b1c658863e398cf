/* SPDX-License-Identifier: MIT */
/* Distances between nodes, and the nodes of CPUs. */
#ifndef _QUARRY_LINUX_TOPOLOGY_H
#define _QUARRY_LINUX_TOPOLOGY_H

#include <quarry/linux.h>

#include <linux/mmzone.h>
#include <linux/nodemask.h>

#define LOCAL_DISTANCE 10
#define REMOTE_DISTANCE 20

static inline int node_distance(int from, int to)
{
	return (int)quarry_node_distance(quarry_linux(), from, to);
}

static inline int cpu_to_node(int cpu)
{
	return quarry_cpu_nid(quarry_linux(), (unsigned int)cpu, false);
}

static inline int cpu_to_mem(int cpu)
{
	return quarry_cpu_nid(quarry_linux(), (unsigned int)cpu, true);
}

/* Of the CPU that the calling thread plays. */
int numa_node_id(void);
int numa_mem_id(void);

#endif
