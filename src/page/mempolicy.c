/* SPDX-License-Identifier: MIT */
/*
 * NUMA policies: from a policy and a request to a node and a mask of nodes.
 *
 * Problem    A caller says once how its memory shall be spread, and then only asks for pages. Which
 *            zone of the list gives is slowpath.c's affair; here is decided whose list is walked, and
 *            which nodes of it count.
 *
 * Terms      asked    the nodes that the caller named
 *            allowed  the nodes that a policy may use: those with memory, or what a rebind said
 *            nodes    what follows from the two by the policy's flags
 *            turn     of both interleaves: the node that was last, and how often it still goes on
 *
 * Invariant  nodes is empty only if the mode needs none. Of MPOL_PREFERRED it has one bit.
 *
 * Locks      none. A policy may be used by several CPUs at once: turn changes by compare and exchange,
 *            so each turn is one request's; all else is fixed until a rebind, which is its owner's to
 *            keep apart from requests.
 *
 * Failure    A request that no allowed node can serve gives NULL and has used up its turn, as in Linux.
 */
#include "internal.h"

#include <base/format.h>

#define MEMPOLICY_NO_TURN (~(uint64_t)0)

static quarry_nodemask_t mempolicy_bit(int nid)
{
	return (quarry_nodemask_t)1 << nid;
}

/* The first node of @nodes above @nid, round and round; @nodes is not empty. */
static int mempolicy_next(quarry_nodemask_t nodes, int nid)
{
	quarry_nodemask_t above = nid >= 63 ? 0 : nodes >> (nid + 1) << (nid + 1);

	return (int)bits_ctz64(above != 0 ? above : nodes);
}

/* The @n-th node of @nodes, counted from 0. */
static int mempolicy_nth(quarry_nodemask_t nodes, unsigned int n)
{
	while (n-- > 0)
		nodes &= nodes - 1;
	return (int)bits_ctz64(nodes);
}

static quarry_nodemask_t mempolicy_with_memory(const struct page_layer *pl)
{
	quarry_nodemask_t nodes = 0;

	for (int nid = 0; nid < pl->nr_nodes; nid++) {
		if (quarry_load_relaxed(&pl->node[nid].present))
			nodes |= mempolicy_bit(nid);
	}
	return nodes;
}

/* Bit n of @asked names the n-th node of @allowed, round and round. @allowed is not empty. */
static quarry_nodemask_t mempolicy_relative(quarry_nodemask_t asked, quarry_nodemask_t allowed)
{
	unsigned int nr = bits_popcount64(allowed);
	quarry_nodemask_t nodes = 0;

	for (; asked != 0; asked &= asked - 1)
		nodes |= mempolicy_bit(mempolicy_nth(allowed, bits_ctz64(asked) % nr));
	return nodes;
}

/* The n-th node of @from becomes the n-th of @to, round and round; what is not in @from stays. */
static quarry_nodemask_t mempolicy_remap(quarry_nodemask_t nodes, quarry_nodemask_t from,
					 quarry_nodemask_t to)
{
	unsigned int nr = bits_popcount64(to);
	quarry_nodemask_t result = nodes & ~from;

	for (nodes &= from; nodes != 0; nodes &= nodes - 1) {
		quarry_nodemask_t below = (nodes & (~nodes + 1)) - 1;

		result |= mempolicy_bit(mempolicy_nth(to, bits_popcount64(from & below) % nr));
	}
	return result;
}

static bool mempolicy_needs_nodes(unsigned int mode)
{
	return mode != MPOL_DEFAULT && mode != MPOL_LOCAL;
}

int quarry_mpol_init(struct quarry *q, struct quarry_mempolicy *pol, unsigned int mode,
		     unsigned int flags, quarry_nodemask_t nodes)
{
	struct quarry_mempolicy new = {
		.flags = (uint16_t)flags,
		.home_node = QUARRY_NO_NODE,
		.asked = nodes,
		.allowed = mempolicy_with_memory(q->pages),
		.turn = MEMPOLICY_NO_TURN,
	};

	if (mode >= MPOL_MAX || (flags & ~(unsigned int)MPOL_MODE_FLAGS) != 0 ||
	    (flags & MPOL_MODE_FLAGS) == MPOL_MODE_FLAGS)
		return -QUARRY_EINVAL;
	if (mode == MPOL_PREFERRED && nodes == 0)
		mode = MPOL_LOCAL;
	if (!mempolicy_needs_nodes(mode) && (nodes != 0 || flags != 0))
		return -QUARRY_EINVAL;
	if (mempolicy_needs_nodes(mode)) {
		new.nodes = (flags & MPOL_F_RELATIVE_NODES) != 0
				    ? mempolicy_relative(nodes, new.allowed)
				    : nodes &new.allowed;
		if (new.nodes == 0)
			return -QUARRY_EINVAL;
	}
	if (mode == MPOL_PREFERRED)
		new.nodes &= ~new.nodes + 1;
	new.mode = (uint16_t)mode;
	*pol = new;
	return 0;
}

int quarry_mpol_rebind(struct quarry *q, struct quarry_mempolicy *pol, quarry_nodemask_t allowed)
{
	quarry_nodemask_t nodes = pol->nodes;

	allowed &= mempolicy_with_memory(q->pages);
	if (allowed == 0)
		return -QUARRY_EINVAL;
	switch (pol->mode) {
	case MPOL_BIND:
	case MPOL_INTERLEAVE:
	case MPOL_WEIGHTED_INTERLEAVE:
		if ((pol->flags & MPOL_F_STATIC_NODES) != 0)
			nodes = pol->asked & allowed;
		else if ((pol->flags & MPOL_F_RELATIVE_NODES) != 0)
			nodes = mempolicy_relative(pol->asked, allowed);
		else
			nodes = mempolicy_remap(nodes, pol->allowed, allowed);
		pol->nodes = nodes != 0 ? nodes : allowed;
		break;
	default:
		break;
	}
	pol->allowed = allowed;
	return 0;
}

int quarry_mpol_set_home_node(struct quarry *q, struct quarry_mempolicy *pol, int nid)
{
	if (pol->mode != MPOL_BIND && pol->mode != MPOL_PREFERRED_MANY)
		return -QUARRY_EINVAL;
	if (nid >= q->pages->nr_nodes)
		return -QUARRY_EINVAL;
	pol->home_node = nid < 0 ? QUARRY_NO_NODE : nid;
	return 0;
}

/* ---- whose turn it is ---- */

int quarry_mpol_set_weight(struct quarry *q, int nid, unsigned int weight)
{
	if (nid < 0 || nid >= q->pages->nr_nodes || weight > 255)
		return -QUARRY_EINVAL;
	quarry_store_relaxed(&q->pages->node[nid].weight, (uint8_t)weight);
	return 0;
}

unsigned int quarry_mpol_weight(struct quarry *q, int nid)
{
	unsigned int weight;

	if (nid < 0 || nid >= q->pages->nr_nodes)
		return 0;
	weight = quarry_load_relaxed(&q->pages->node[nid].weight);
	return weight != 0 ? weight : 1;
}

/* How often @nid comes in a round of @pol. */
static unsigned int mempolicy_share(struct quarry *q, const struct quarry_mempolicy *pol, int nid)
{
	return pol->mode == MPOL_WEIGHTED_INTERLEAVE ? quarry_mpol_weight(q, nid) : 1;
}

/* Takes @times turns that belong together: @nid's, at most, and as many as it still has. */
static int mempolicy_take_turns(struct quarry *q, struct quarry_mempolicy *pol, size_t max,
				size_t *times)
{
	uint64_t turn = quarry_load_relaxed(&pol->turn), next;
	bool done;
	int nid;

	do {
		uint64_t left = turn & 0xffffffffu;

		nid = turn == MEMPOLICY_NO_TURN ? 63 : (int)(turn >> 32);
		if (turn == MEMPOLICY_NO_TURN || left == 0 ||
		    (pol->nodes & mempolicy_bit(nid)) == 0) {
			nid = mempolicy_next(pol->nodes, nid);
			left = mempolicy_share(q, pol, nid);
		}
		*times = quarry_min((size_t)left, max);
		next = (uint64_t)(unsigned int)nid << 32 | (left - *times);
		done = true;
		if (q->concurrent)
			done = quarry_cmpxchg(&pol->turn, &turn, next);
		else
			pol->turn = next;
	} while (!done);
	return nid;
}

/* Turns in a whole round of @pol; one at least, whatever weights are written meanwhile. */
static size_t mempolicy_round(struct quarry *q, const struct quarry_mempolicy *pol)
{
	size_t round = 0;

	for (quarry_nodemask_t n = pol->nodes; n != 0; n &= n - 1)
		round += mempolicy_share(q, pol, (int)bits_ctz64(n));
	return quarry_max(round, (size_t)1);
}

/* The node that index @ilx falls on, when the nodes take indices in turn. */
static int mempolicy_of_index(struct quarry *q, const struct quarry_mempolicy *pol,
			      unsigned long ilx)
{
	quarry_nodemask_t nodes;
	int nid = 0;

	ilx %= mempolicy_round(q, pol);
	/* Weights may change between the two sums: then the last node it is. */
	for (nodes = pol->nodes; nodes != 0; nodes &= nodes - 1) {
		unsigned long share;

		nid = (int)bits_ctz64(nodes);
		share = mempolicy_share(q, pol, nid);
		if (ilx < share)
			break;
		ilx -= share;
	}
	return nid;
}

/* ---- one request ---- */

/* The zone type from which on a bind holds: the highest there is. */
static unsigned int mempolicy_zone(const struct page_layer *pl, quarry_nodemask_t nodes)
{
	unsigned int highest = 0;
	bool movable_only = true;

	for (int nid = 0; nid < pl->nr_nodes; nid++) {
		for (unsigned int t = 0; t < QUARRY_ZONE_MOVABLE; t++) {
			if (pl->node[nid].zone[t] == NULL ||
			    quarry_load_relaxed(&pl->node[nid].zone[t]->managed) == 0)
				continue;
			highest = quarry_max(highest, t);
			if ((nodes & mempolicy_bit(nid)) != 0)
				movable_only = false;
		}
	}
	return movable_only ? (unsigned int)QUARRY_ZONE_MOVABLE : highest;
}

static bool mempolicy_is_interleave(const struct quarry_mempolicy *pol)
{
	return pol->mode == MPOL_INTERLEAVE || pol->mode == MPOL_WEIGHTED_INTERLEAVE;
}

/* Whose zonelist is walked; the nodes that count go to @nodes. No interleave. */
static int mempolicy_node(struct quarry *q, const struct quarry_mempolicy *pol, gfp_t gfp, int nid,
			  quarry_nodemask_t *nodes)
{
	struct page_layer *pl = q->pages;

	*nodes = ~(quarry_nodemask_t)0;
	switch (pol->mode) {
	case MPOL_PREFERRED:
		return (int)bits_ctz64(pol->nodes);
	case MPOL_PREFERRED_MANY:
		*nodes = pol->nodes;
		return pol->home_node >= 0 ? pol->home_node : nid;
	case MPOL_BIND:
		if (pl->highest_zone[gfp & 15u] >= mempolicy_zone(pl, pol->nodes))
			*nodes = pol->nodes;
		return pol->home_node >= 0 ? pol->home_node : nid;
	default:
		return nid;
	}
}

/* From node @nid first; counts what stays there. */
static struct page *mempolicy_interleaved(struct quarry *q, gfp_t gfp, unsigned int order, int nid)
{
	struct page *page = quarry_alloc_pages_node(q, nid, gfp, order);

	if (page != NULL && page_arena_of(q->pages, page)->zone->nid == nid)
		event_interleave(q, page);
	return page;
}

struct page *quarry_alloc_pages_mpol(struct quarry *q, gfp_t gfp, unsigned int order,
				     struct quarry_mempolicy *pol, unsigned long ilx, int nid)
{
	const gfp_t waits = __GFP_DIRECT_RECLAIM | __GFP_NOFAIL;
	quarry_nodemask_t nodes;
	struct page *page = NULL;
	size_t times;

	if (unlikely(order > QUARRY_MAX_ORDER || nid >= q->pages->nr_nodes))
		return NULL;
	if (mempolicy_is_interleave(pol)) {
		nid = ilx == QUARRY_MPOL_NO_INDEX ? mempolicy_take_turns(q, pol, 1, &times)
						  : mempolicy_of_index(q, pol, ilx);
		return mempolicy_interleaved(q, gfp, order, nid);
	}
	nid = mempolicy_node(q, pol, gfp, nid < 0 ? page_this_nid(q->pages) : nid, &nodes);
	if (order == QUARRY_PAGEBLOCK_ORDER && ilx != QUARRY_MPOL_NO_INDEX &&
	    (nodes & mempolicy_bit(nid)) != 0) {
		page = quarry_alloc_pages_node(
			q, nid, (gfp & ~waits) | __GFP_THISNODE | __GFP_NORETRY | __GFP_NOWARN,
			order);
		if (page != NULL)
			return page;
	}
	if (pol->mode == MPOL_PREFERRED_MANY) {
		page = quarry_alloc_pages_nodemask(q, (gfp & ~waits) | __GFP_NOWARN, order, nid,
						   &nodes);
		nodes = ~(quarry_nodemask_t)0;
	}
	return page != NULL ? page : quarry_alloc_pages_nodemask(q, gfp, order, nid, &nodes);
}

/* ---- many pages ---- */

/* @nr pages of node @nid first; returns how many there were. */
static size_t mempolicy_bulk_node(struct quarry *q, gfp_t gfp, int nid, size_t nr,
				  struct page **pages)
{
	size_t n = 0;

	while (n < nr) {
		pages[n] = mempolicy_interleaved(q, gfp, 0, nid);
		if (pages[n] == NULL)
			break;
		n++;
	}
	return n;
}

static size_t mempolicy_bulk(struct quarry *q, gfp_t gfp, struct quarry_mempolicy *pol, size_t nr,
			     struct page **pages)
{
	size_t rounds = nr / mempolicy_round(q, pol), done = 0;

	/* Whole rounds leave the turn where it was, so they can be served node by node. */
	for (quarry_nodemask_t n = pol->nodes; n != 0 && rounds != 0; n &= n - 1) {
		int nid = (int)bits_ctz64(n);
		size_t want = quarry_min(rounds * mempolicy_share(q, pol, nid), nr - done), got;

		got = mempolicy_bulk_node(q, gfp, nid, want, pages + done);
		done += got;
		if (got < want)
			return done;
	}
	while (done < nr) {
		size_t times, got;
		int nid = mempolicy_take_turns(q, pol, nr - done, &times);

		got = mempolicy_bulk_node(q, gfp, nid, times, pages + done);
		done += got;
		if (got < times)
			break;
	}
	return done;
}

size_t quarry_alloc_pages_bulk_mpol(struct quarry *q, gfp_t gfp, struct quarry_mempolicy *pol,
				    size_t nr, struct page **pages)
{
	size_t n = 0;

	if (mempolicy_is_interleave(pol))
		return mempolicy_bulk(q, gfp, pol, nr, pages);
	while (n < nr) {
		struct page *page = quarry_alloc_pages_mpol(q, gfp, 0, pol, QUARRY_MPOL_NO_INDEX,
							    QUARRY_NO_NODE);

		if (page == NULL)
			break;
		pages[n++] = page;
	}
	return n;
}

/* ---- in words ---- */

static size_t mempolicy_put(char *buf, size_t size, size_t used, const char *text)
{
	size_t at = quarry_min(used, size);

	return used + quarry_format(buf + at, size - at, "%s", text);
}

/* ":0-2,5" */
static size_t mempolicy_put_nodes(char *buf, size_t size, size_t used, quarry_nodemask_t nodes)
{
	char sep = ':';

	while (nodes != 0) {
		unsigned int first = bits_ctz64(nodes), last = first;
		char part[16];

		while (last < 63 && (nodes >> (last + 1) & 1) != 0)
			last++;
		quarry_format(part, sizeof(part), last > first ? "%c%u-%u" : "%c%u", sep, first,
			      last);
		used = mempolicy_put(buf, size, used, part);
		nodes = last == 63 ? 0 : nodes >> (last + 1) << (last + 1);
		sep = ',';
	}
	return used;
}

size_t quarry_mpol_to_str(const struct quarry_mempolicy *pol, char *buf, size_t size)
{
	static const char *const names[MPOL_MAX] = {
		"default",
		"prefer",
		"bind",
		"interleave",
		"local",
		"prefer (many)",
		"weighted interleave",
	};
	size_t used = mempolicy_put(buf, size, 0, names[pol->mode]);

	if ((pol->flags & MPOL_F_STATIC_NODES) != 0)
		used = mempolicy_put(buf, size, used, "=static");
	else if ((pol->flags & MPOL_F_RELATIVE_NODES) != 0)
		used = mempolicy_put(buf, size, used, "=relative");
	return mempolicy_put_nodes(buf, size, used, pol->nodes);
}
