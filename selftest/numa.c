/* SPDX-License-Identifier: MIT */
/* Section 2b: NUMA policies, on a simulated machine of three nodes. */
#include "internal.h"

#if !QUARRY_TINY

#define NUMA_PAGES 2048u /* of a node */
#define NUMA_NO_INDEX QUARRY_MPOL_NO_INDEX

static const struct selftest_spec numa_spec = {
	.memory = {{0, 8 * SELFTEST_M, 0},
		   {8 * SELFTEST_M, 8 * SELFTEST_M, 1},
		   {16 * SELFTEST_M, 8 * SELFTEST_M, 2}},
	.simulated = true,
	.boot = {.nr_nodes = 3, SELFTEST_ONE_ZONE},
};

/* Node of one page by @pol, given back at once; -1: refused. */
static int numa_node(struct selftest_run *t, struct quarry_mempolicy *pol, unsigned long ilx,
		     int nid)
{
	struct page *page =
		quarry_alloc_pages_mpol(t->m.q, GFP_KERNEL | __GFP_NOWARN, 0, pol, ilx, nid);
	pfn_t pfn;

	if (page == NULL)
		return -1;
	pfn = quarry_page_to_pfn(t->m.q, page);
	quarry_free_pages(t->m.q, page, 0);
	return (int)(pfn / NUMA_PAGES);
}

static void numa_bind_and_preferred(struct selftest_run *t)
{
	struct quarry_mempolicy pol;
	struct page *page;

	if (!selftest_boot(t, &numa_spec))
		return;
	IS(-quarry_mpol_init(t->m.q, &pol, MPOL_BIND, 0, 0), QUARRY_EINVAL);
	IS(quarry_mpol_init(t->m.q, &pol, MPOL_PREFERRED, 0, 2), 0);
	IS(numa_node(t, &pol, NUMA_NO_INDEX, 0), 1);
	IS(quarry_mpol_init(t->m.q, &pol, MPOL_BIND, 0, 2), 0);
	IS(numa_node(t, &pol, NUMA_NO_INDEX, 2), 1);
	do {
		/* Not by the policy: who may use all reserves may use all nodes. */
		page = quarry_alloc_pages_node(
			t->m.q, 1, GFP_KERNEL | __GFP_MEMALLOC | __GFP_THISNODE | __GFP_NOWARN, 0);
	} while (page != NULL);
	IS(numa_node(t, &pol, NUMA_NO_INDEX, 0), -1); /* full, and the others do not count */
	IS(quarry_mpol_init(t->m.q, &pol, MPOL_PREFERRED, 0, 2), 0);
	IS(numa_node(t, &pol, NUMA_NO_INDEX, 0), 2); /* full, and the next is near */
}

static void numa_interleave(struct selftest_run *t)
{
	struct quarry_mempolicy pol;
	unsigned int n[3] = {0};

	if (!selftest_boot(t, &numa_spec))
		return;
	IS(quarry_mpol_init(t->m.q, &pol, MPOL_INTERLEAVE, 0, 5), 0);
	for (unsigned int i = 0; i < 6; i++)
		IS(numa_node(t, &pol, NUMA_NO_INDEX, 1), i % 2 * 2);
	for (unsigned int i = 0; i < 6; i++)
		IS(numa_node(t, &pol, i, 1), i % 2 * 2);
	IS(quarry_mpol_set_weight(t->m.q, 0, 4), 0);
	IS(quarry_mpol_set_weight(t->m.q, 2, 3), 0);
	IS(quarry_mpol_init(t->m.q, &pol, MPOL_WEIGHTED_INTERLEAVE, 0, 7), 0);
	for (unsigned int i = 0; i < 16; i++)
		n[numa_node(t, &pol, NUMA_NO_INDEX, 1)]++;
	IS(n[0], 8);
	IS(n[1], 2);
	IS(n[2], 6);
	IS(quarry_vm_event(t->m.q, QUARRY_VM_NUMA_INTERLEAVE), 28);
}

#endif

const struct selftest selftest_numa[] = {
	{"2b", "NUMA policies: bind and preferred",
	 SELFTEST_FULL(numa_bind_and_preferred, SELFTEST_NEEDS_NODES)},
	{"2b", "NUMA policies: interleave, by counter, index and weight",
	 SELFTEST_FULL(numa_interleave, SELFTEST_NEEDS_NODES)},
	{NULL, NULL, NULL, 0},
};
