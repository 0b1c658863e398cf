/* SPDX-License-Identifier: MIT */
/*
 * CPUs that come and go.
 *
 * Room for every CPU is made at boot: nr_cpus is the number that can be. One that leaves gives its sheaves
 * back to the buddy system; its counts of events stay where they are, and every sum goes over all CPUs
 * that can be, so totals stay exact. What is left is the share of the per-CPU limits: a zone's low
 * watermark divided by the CPUs of its node, or, if that has none, by all that are online.
 */
#include "hotplug.h"

bool quarry_cpu_is_online(struct quarry *q, unsigned int cpu)
{
	return cpu < q->pages->nr_cpus && !quarry_load_relaxed(&q->pages->cpu[cpu].offline);
}

int page_cpu_may_leave(struct quarry *q, unsigned int cpu)
{
	if (!quarry_cpu_is_online(q, cpu))
		return -QUARRY_EINVAL;
	return q->pages->nr_online_cpus > 1 ? 0 : -QUARRY_EBUSY;
}

void page_cpu_offline(struct quarry *q, unsigned int cpu)
{
	struct page_layer *pl = q->pages;
	struct page_node *node = &pl->node[pl->cpu[cpu].nid];

	quarry_drain_pages(q, cpu);
	quarry_store_relaxed(&pl->cpu[cpu].offline, true);
	quarry_store_relaxed(&pl->nr_online_cpus, pl->nr_online_cpus - 1);
	quarry_store_relaxed(&node->nr_cpus, node->nr_cpus - (node->nr_cpus != 0));
	watermark_update_pcp(q);
	pcp_update(q);
}

int page_cpu_online(struct quarry *q, unsigned int cpu)
{
	struct page_layer *pl = q->pages;
	struct page_node *node;

	if (cpu >= pl->nr_cpus || quarry_cpu_is_online(q, cpu))
		return -QUARRY_EINVAL;
	node = &pl->node[pl->cpu[cpu].nid];
	quarry_store_relaxed(&pl->cpu[cpu].offline, false);
	quarry_store_relaxed(&pl->nr_online_cpus, pl->nr_online_cpus + 1);
	quarry_store_relaxed(&node->nr_cpus, node->nr_cpus + 1);
	watermark_update_pcp(q);
	pcp_update(q);
	return 0;
}
