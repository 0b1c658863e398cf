/* SPDX-License-Identifier: MIT */
/*
 * Zonelists: which zones a request on a node tries, and in which order.
 *
 * Nodes with memory come nearest first; among equals those with a higher number than the node itself,
 * then the one that has been first of its distance group least often, so that neighbours spread their
 * overflow. Inside a node zones go from high to low.
 */
#include "internal.h"

#include <base/string.h>

/* The nearest node not in @used, as seen from @nid; -1: none is left. */
static int zonelist_next_node(const struct page_layer *pl, int nid, const bool *used,
			      const uint32_t *load)
{
	uint64_t best_value = ~(uint64_t)0;
	int best = -1;

	if (!used[nid] && pl->node[nid].present)
		return nid;
	for (int n = 0; n < pl->nr_nodes; n++) {
		uint64_t value;

		if (used[n] || !pl->node[n].present)
			continue;
		value = pl->distance[nid * pl->nr_nodes + n] + (uint64_t)(n < nid);
		value = value * QUARRY_MAX_NODES + load[n];
		if (value < best_value) {
			best_value = value;
			best = n;
		}
	}
	return best;
}

static void zonelist_add_node(struct page_layer *pl, int nid, struct page_zone **list, uint16_t *n)
{
	for (unsigned int t = QUARRY_NR_ZONES; t-- > 0;) {
		struct page_zone *z = pl->node[nid].zone[t];

		if (z != NULL && z->managed != 0)
			list[(*n)++] = z;
	}
}

static void zonelist_build_node(struct page_layer *pl, int nid, uint32_t *load)
{
	struct page_node *node = &pl->node[nid];
	bool used[QUARRY_MAX_NODES] = {false};
	int prev = nid, n;

	zonelist_add_node(pl, nid, node->list_this, &node->nr_list_this);
	while ((n = zonelist_next_node(pl, nid, used, load)) >= 0) {
		if (pl->distance[nid * pl->nr_nodes + n] != pl->distance[nid * pl->nr_nodes + prev])
			load[n]++;
		used[n] = true;
		prev = n;
		zonelist_add_node(pl, n, node->list, &node->nr_list);
	}
}

int zonelist_reserve(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	size_t per_node = (size_t)pl->nr_zones + QUARRY_NR_ZONES;
	struct page_zone **lists;

	lists = quarry_meta_alloc(q, sizeof(struct page_zone *) * per_node * (size_t)pl->nr_nodes);
	if (lists == NULL)
		return -QUARRY_ENOMEM;
	for (int n = 0; n < pl->nr_nodes; n++) {
		pl->node[n].list = lists + per_node * (size_t)n;
		pl->node[n].list_this = pl->node[n].list + pl->nr_zones;
	}
	return 0;
}

void zonelist_build(struct quarry *q)
{
	uint32_t load[QUARRY_MAX_NODES] = {0};

	event_homes_leave(q);
	for (int n = 0; n < q->pages->nr_nodes; n++)
		zonelist_build_node(q->pages, n, load);
	event_homes_enter(q);
}

unsigned int quarry_zonelist(struct quarry *q, int nid, bool this_node_only,
			     struct quarry_zoneref *refs, unsigned int max)
{
	struct page_layer *pl = q->pages;
	unsigned int n;

	if (nid < 0 || nid >= pl->nr_nodes)
		return 0;
	n = this_node_only ? pl->node[nid].nr_list_this : pl->node[nid].nr_list;
	for (unsigned int i = 0; i < n && i < max; i++) {
		const struct page_zone *z =
			this_node_only ? pl->node[nid].list_this[i] : pl->node[nid].list[i];

		refs[i].nid = z->nid;
		refs[i].zone = (enum quarry_zone_type)z->type;
	}
	return n;
}
