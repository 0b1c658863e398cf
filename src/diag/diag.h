/* SPDX-License-Identifier: MIT */
/* What the texts share: which nodes and zones there are, and sums over them. */
#ifndef QUARRY_DIAG_DIAG_H
#define QUARRY_DIAG_DIAG_H

#include <base/format.h>
#include <base/quarry_state.h>

#define DIAG_KIB (QUARRY_PAGE_SIZE >> 10) /* KiB of a page */

/* Pages of a zone, a node or the machine. */
struct diag_pages {
	unsigned long present, managed, free, pcp, free_cma;
	unsigned long low;     /* sum of the low watermarks */
	unsigned long movable; /* managed by zones that hold movable pages alone */
	unsigned long cma;     /* in CMA pageblocks */
	unsigned long slab_reclaimable, slab_unreclaimable;
};

int diag_nr_nodes(struct quarry *q);
/* Linux lists CMA only where it is configured, and so do we: when a zone has such a pageblock. */
bool diag_has_cma(struct quarry *q);
/* Adds what node @nid has. */
void diag_add_node(struct quarry *q, int nid, struct diag_pages *sum);
/* What the machine has. */
void diag_add_all(struct quarry *q, struct diag_pages *sum);

/*
 * Walks the zones that have memory, by node and from low to high: start with *nid 0 and *zone -1.
 * False: there are no more.
 */
bool diag_next_zone(struct quarry *q, int *nid, int *zone, struct quarry_zone_info *info);

#endif
