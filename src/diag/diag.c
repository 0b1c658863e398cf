/* SPDX-License-Identifier: MIT */
/* Nodes, zones and their sums, for the texts of this folder. */
#include "diag.h"

int diag_nr_nodes(struct quarry *q)
{
	struct quarry_totals totals;

	quarry_totals(q, &totals);
	return totals.nr_nodes;
}

bool diag_next_zone(struct quarry *q, int *nid, int *zone, struct quarry_zone_info *info)
{
	int nodes = diag_nr_nodes(q);

	while (*nid < nodes) {
		while (++*zone < QUARRY_NR_ZONES) {
			if (quarry_zone_info(q, *nid, (enum quarry_zone_type) * zone, info))
				return true;
		}
		++*nid;
		*zone = -1;
	}
	return false;
}

#if !QUARRY_TINY

bool diag_has_cma(struct quarry *q)
{
	struct quarry_zone_info info;
	int nid = 0, zone = -1;

	while (diag_next_zone(q, &nid, &zone, &info)) {
		if (info.nr_pageblocks[QUARRY_MIGRATE_CMA] != 0)
			return true;
	}
	return false;
}

void diag_add_node(struct quarry *q, int nid, struct diag_pages *sum)
{
	unsigned long reclaimable, unreclaimable;
	struct quarry_zone_info info;

	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		if (!quarry_zone_info(q, nid, (enum quarry_zone_type)t, &info))
			continue;
		sum->present += info.present;
		sum->managed += info.managed;
		sum->free += info.free;
		sum->pcp += info.pcp;
		sum->free_cma += info.free_cma;
		sum->low += info.wmark[QUARRY_WMARK_LOW];
		sum->movable += t == QUARRY_ZONE_MOVABLE ? info.managed : 0;
		sum->cma += info.cma;
	}
	quarry_slab_pages(q, nid, &reclaimable, &unreclaimable);
	sum->slab_reclaimable += reclaimable;
	sum->slab_unreclaimable += unreclaimable;
}

void diag_add_all(struct quarry *q, struct diag_pages *sum)
{
	int nodes = diag_nr_nodes(q);

	*sum = (struct diag_pages){0};
	for (int nid = 0; nid < nodes; nid++)
		diag_add_node(q, nid, sum);
}

#endif
