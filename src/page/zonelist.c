/* SPDX-License-Identifier: MIT */
/*
 * Zonelists: which zones a request on a node tries, and in which order.
 *
 * Nodes with memory come nearest first; among equals those with a higher number than the node itself,
 * then the one that has been first of its distance group least often, so that neighbours spread their
 * overflow. Inside a node zones go from high to low.
 *
 * Lists are read without a lock, so a list never changes once it is published. When hotplug gives a zone
 * its first pages or takes its last, the lists of all nodes are made anew and published one by one; a
 * request that still walks an old one meets zones that exist, for zones are never thrown away. Old lists
 * are kept and used again when the same zones have pages again: a section that comes and goes costs one
 * set, once.
 */
#include "internal.h"

#include <base/string.h>

/* The lists of all nodes, for one set of zones with pages. */
struct zonelist_set {
	struct zonelist_set *next;
	uint64_t populated[PAGE_ZONE_WORDS];
	bool built;
	struct page_zonelist *list[]; /* of each node: all, its own */
};

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

static bool zonelist_has(const struct zonelist_set *set, const struct page_zone *z)
{
	return (set->populated[z->index / 64] >> z->index % 64 & 1) != 0;
}

static void zonelist_add_node(const struct page_layer *pl, const struct zonelist_set *set, int nid,
			      struct page_zonelist *list)
{
	for (unsigned int t = QUARRY_NR_ZONES; t-- > 0;) {
		struct page_zone *z = pl->node[nid].zone[t];

		if (z != NULL && zonelist_has(set, z))
			list->zone[list->nr++] = z;
	}
}

static void zonelist_build_node(const struct page_layer *pl, struct zonelist_set *set, int nid,
				uint32_t *load)
{
	bool used[QUARRY_MAX_NODES] = {false};
	int prev = nid, n;

	zonelist_add_node(pl, set, nid, set->list[2 * nid + 1]);
	while ((n = zonelist_next_node(pl, nid, used, load)) >= 0) {
		if (pl->distance[nid * pl->nr_nodes + n] != pl->distance[nid * pl->nr_nodes + prev])
			load[n]++;
		used[n] = true;
		prev = n;
		zonelist_add_node(pl, set, n, set->list[2 * nid]);
	}
}

struct zonelist_set *zonelist_prepare(struct quarry *q, const uint64_t populated[PAGE_ZONE_WORDS])
{
	struct page_layer *pl = q->pages;
	size_t nodes = (size_t)pl->nr_nodes, head, all, own;
	struct zonelist_set *set;
	char *p;

	for (set = pl->zonelists; set != NULL; set = set->next) {
		if (!set->built ||
		    quarry_memcmp(set->populated, populated, sizeof(set->populated)) == 0)
			break;
	}
	if (set == NULL) {
		head = sizeof(*set) + 2 * nodes * sizeof(set->list[0]);
		all = sizeof(struct page_zonelist) + pl->max_zones * sizeof(struct page_zone *);
		own = sizeof(struct page_zonelist) +
		      quarry_min(pl->max_zones, (unsigned int)QUARRY_NR_ZONES) *
			      sizeof(struct page_zone *);
		set = quarry_meta_alloc(q, head + nodes * (all + own));
		if (set == NULL)
			return NULL;
		p = (char *)set + head;
		for (size_t n = 0; n < nodes; n++, p += all + own) {
			set->list[2 * n] = (struct page_zonelist *)(void *)p;
			set->list[2 * n + 1] = (struct page_zonelist *)(void *)(p + all);
		}
		set->next = pl->zonelists;
		pl->zonelists = set;
	}
	if (!set->built)
		quarry_memcpy(set->populated, populated, sizeof(set->populated));
	return set;
}

void zonelist_populated(const struct page_layer *pl, uint64_t populated[PAGE_ZONE_WORDS])
{
	quarry_memset(populated, 0, PAGE_ZONE_WORDS * sizeof(*populated));
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		/* Even if nothing of it is managed yet: what is reserved may be released. */
		if (pl->zone[i].present != 0)
			populated[i / 64] |= (uint64_t)1 << i % 64;
	}
}

void zonelist_publish(struct quarry *q, struct zonelist_set *set)
{
	struct page_layer *pl = q->pages;
	uint32_t load[QUARRY_MAX_NODES] = {0};

	for (int n = 0; n < pl->nr_nodes && !set->built; n++) {
		zonelist_build_node(pl, set, n, load);
		hardened_seal_list(pl, set->list[2 * n]);
		hardened_seal_list(pl, set->list[2 * n + 1]);
	}
	set->built = true;
	event_homes_leave(q);
	for (int n = 0; n < pl->nr_nodes; n++) {
		quarry_store_release(&pl->node[n].list,
				     (const struct page_zonelist *)set->list[2 * n]);
		quarry_store_release(&pl->node[n].list_this,
				     (const struct page_zonelist *)set->list[2 * n + 1]);
	}
	event_homes_enter(q);
}

unsigned int quarry_zonelist(struct quarry *q, int nid, bool this_node_only,
			     struct quarry_zoneref *refs, unsigned int max)
{
	const struct page_zonelist *list;

	if (!quarry_node_possible(q, nid))
		return 0;
	list = zonelist_of(&q->pages->node[nid], this_node_only);
	for (unsigned int i = 0; i < list->nr && i < max; i++) {
		refs[i].nid = list->zone[i]->nid;
		refs[i].zone = (enum quarry_zone_type)list->zone[i]->type;
	}
	return list->nr;
}
