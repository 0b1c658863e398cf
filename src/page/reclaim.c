/* SPDX-License-Identifier: MIT */
/*
 * Reclaim: making pages free, for a request that waits or in the background.
 *
 * Problem    The library does not know who holds pages. Two kinds of owners do: the host's own pool of
 *            pages (a page cache, a balloon), reached by port.reclaim; and caches of objects, reached by
 *            their shrinkers. Both are asked again and again, harder each time, until enough is free.
 *
 * Terms      Priority: 12 down to 0, how large a share is asked for. Balanced: a node is, for an order
 *            and a highest zone, when one of its zones up to that one is above its high watermark.
 *
 * Direct     reclaim_direct(): all nodes that may serve the request, nearest first, until 32 pages, or a block
 *            of the order, have come.
 * Background Requests below low call reclaim_wake(): what they wanted is noted for each node, and the
 *            port told. quarry_kswapd_run() then works on its node until it is balanced. After 16 runs
 *            that freed nothing the node is left alone, until direct reclaim frees something.
 *
 * Recursion  A task that reclaims is marked QUARRY_TASK_MEMALLOC. Its own requests use all reserves and
 *            never reclaim, so reclaim does not call itself.
 *
 * Count      Pages: what port.reclaim says, and what this CPU freed while shrinkers ran.
 * Locks      None is held while owners are called. What requests want of a node is under reclaim_lock.
 */
#include "internal.h"

#define RECLAIM_PRIORITY 12u
#define RECLAIM_CLUSTER 32ul /* pages that make a direct request try again */
#define RECLAIM_FAILURES 16u /* runs in vain after which a node is left alone */

/* Blocks that compaction needs beside the one it makes: twice its size. */
static unsigned long reclaim_compact_gap(unsigned int order)
{
	return 2ul << order;
}

/* Where this CPU's frees are counted, for pcp_events(). */
static unsigned int reclaim_this_cpu(struct quarry *q)
{
	quarry_pin_t pin = quarry_pin();
	unsigned int cpu = quarry_cpu();

	quarry_unpin(pin);
	return page_cpu_of(q->pages, cpu) != NULL ? cpu : q->pages->nr_cpus;
}

/* Pages that @cpu has freed since boot. */
static uint64_t reclaim_freed(struct quarry *q, unsigned int cpu)
{
	uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS],
		frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];
	uint64_t pages = 0;

	pcp_events(q, cpu, allocs, frees);
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			pages += frees[t][o] << o;
	}
	return pages;
}

struct reclaim_control {
	gfp_t gfp;
	unsigned int order;
	unsigned int priority;
	unsigned long want; /* pages */
	bool kswapd;
};

/* One pass over node @nid; returns pages. */
static unsigned long reclaim_node(struct quarry *q, int nid, const struct reclaim_control *rc)
{
	unsigned long pages = 0;
	unsigned int cpu;
	uint64_t before;

	if (q->port.reclaim != NULL) {
		pages = q->port.reclaim(q->port.ctx, nid, rc->gfp, rc->order, rc->want);
		page_event(q, rc->kswapd ? QUARRY_VM_PGSCAN_KSWAPD : QUARRY_VM_PGSCAN_DIRECT,
			   rc->want);
	}
	cpu = reclaim_this_cpu(q);
	before = reclaim_freed(q, cpu);
	shrinker_run_all(q, nid, rc->gfp, rc->priority);
	pages += (unsigned long)(reclaim_freed(q, cpu) - before);
	page_event(q, rc->kswapd ? QUARRY_VM_PGSTEAL_KSWAPD : QUARRY_VM_PGSTEAL_DIRECT, pages);
	return pages;
}

bool reclaim_possible(const struct quarry *q)
{
	return q->port.reclaim != NULL || quarry_load_relaxed(&q->pages->shrinkers) != NULL;
}

/* ---- direct ---- */

/* One pass over the nodes of the request, until rc->want pages have come; returns pages. */
static unsigned long reclaim_nodes(struct quarry *q, const struct alloc_request *r,
				   const struct reclaim_control *rc, unsigned long had)
{
	unsigned long pages = had;
	int last = QUARRY_NO_NODE;

	for (unsigned int i = 0; i < r->nr_list && pages < rc->want; i++) {
		const struct page_zone *z = r->list[i];

		if (z->nid == last || z->type > r->highest || (r->nodes >> z->nid & 1) == 0)
			continue;
		last = z->nid;
		pages += reclaim_node(q, last, rc);
	}
	return pages;
}

unsigned long reclaim_direct(struct quarry *q, const struct alloc_request *r)
{
	struct page_layer *pl = q->pages;
	struct reclaim_control rc = {.gfp = r->gfp,
				     .order = r->order,
				     .want = quarry_max(RECLAIM_CLUSTER, 1ul << r->order)};
	unsigned long pages = 0;
	uint32_t saved;

	if ((r->gfp & __GFP_DIRECT_RECLAIM) == 0 || !reclaim_possible(q) ||
	    (task_flags(q) & QUARRY_TASK_MEMALLOC) != 0)
		return 0;
	page_event(q, event_allocstall(r->highest), 1);
	saved = quarry_memalloc_save(q, QUARRY_TASK_MEMALLOC);
	for (unsigned int p = RECLAIM_PRIORITY + 1; p-- > 0 && pages < rc.want;) {
		rc.priority = p;
		pages = reclaim_nodes(q, r, &rc, pages);
	}
	quarry_memalloc_restore(q, QUARRY_TASK_MEMALLOC, saved);
	for (int n = 0; pages != 0 && n < pl->nr_nodes; n++)
		quarry_store_relaxed(&pl->node[n].kswapd_failures, 0u);
	return pages;
}

unsigned long quarry_try_to_free_pages(struct quarry *q, int nid, gfp_t gfp, unsigned int order)
{
	const struct page_layer *pl = q->pages;
	struct alloc_request r = {.gfp = gfp, .order = order, .nid = nid, .nodes = ~(uint64_t)0};
	const struct page_zonelist *list;

	if (nid < 0 || nid >= pl->nr_nodes || order > QUARRY_MAX_ORDER)
		return 0;
	list = zonelist_of(&pl->node[nid], (gfp & __GFP_THISNODE) != 0);
	r.highest = pl->highest_zone[gfp & 15u];
	r.list = list->zone;
	r.nr_list = list->nr;
	return reclaim_direct(q, &r);
}

/* ---- background ---- */

/* Whether one of the node's zones up to @highest is above its high watermark for @order. */
static bool reclaim_balanced(struct quarry *q, int nid, unsigned int order, unsigned int highest)
{
	const struct page_node *node = &q->pages->node[nid];
	bool any = false;

	for (unsigned int t = 0; t <= highest; t++) {
		const struct page_zone *z = node->zone[t];

		if (z == NULL || quarry_load_relaxed(&z->managed) == 0)
			continue;
		any = true;
		if (zone_watermark_ok(q->pages, z, order, zone_mark(z, QUARRY_WMARK_HIGH), highest,
				      0, NULL))
			return true;
	}
	return !any;
}

static bool reclaim_boosted(const struct page_node *node)
{
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		if (node->zone[t] != NULL && quarry_load_relaxed(&node->zone[t]->boost) != 0)
			return true;
	}
	return false;
}

/* Notes what a request wants of node @nid, and tells the port unless that would be in vain. */
static void reclaim_wake_node(struct quarry *q, int nid, gfp_t gfp, unsigned int order,
			      unsigned int highest)
{
	struct page_layer *pl = q->pages;
	struct page_node *node = &pl->node[nid];
	quarry_pin_t pin;

	if (q->port.wake == NULL)
		return;
	if (quarry_load_relaxed(&node->kswapd_failures) >= RECLAIM_FAILURES ||
	    (reclaim_balanced(q, nid, order, highest) && !reclaim_boosted(node))) {
		/* Not pages are lacking but a block, and who asks cannot make one itself. */
		if (order > 0 && (gfp & __GFP_DIRECT_RECLAIM) == 0 && mover_any(q)) {
			compaction_wake(q, nid, order, highest);
			q->port.wake(q->port.ctx, nid, order);
		}
		return;
	}
	pin = quarry_lock(q->concurrent, &pl->reclaim_lock);
	node->kswapd_order = (uint8_t)quarry_max(node->kswapd_order, order);
	node->kswapd_highest = (uint8_t)quarry_max(node->kswapd_highest, highest);
	quarry_store_relaxed(&node->kswapd_wanted, true);
	quarry_unlock(q->concurrent, &pl->reclaim_lock, pin);
	page_event(q, QUARRY_VM_KSWAPD_WAKE, 1);
	q->port.wake(q->port.ctx, nid, order);
}

void reclaim_wake(struct quarry *q, const struct alloc_request *r)
{
	int last = QUARRY_NO_NODE;

	for (unsigned int i = 0; i < r->nr_list; i++) {
		const struct page_zone *z = r->list[i];

		if (z->type > r->highest || z->nid == last || (r->nodes >> z->nid & 1) == 0)
			continue;
		last = z->nid;
		reclaim_wake_node(q, last, r->gfp, r->order, r->highest);
	}
}

void reclaim_wake_boosted(struct quarry *q, const struct page_zone *z)
{
	reclaim_wake_node(q, z->nid, GFP_KERNEL, 0, z->type);
}

bool quarry_kswapd_wanted(struct quarry *q, int nid)
{
	return nid >= 0 && nid < q->pages->nr_nodes &&
	       quarry_load_relaxed(&q->pages->node[nid].kswapd_wanted);
}

/* What the node's zones up to @highest want freed in one pass: all that is below their high marks. */
static unsigned long reclaim_target(const struct page_node *node, unsigned int highest)
{
	unsigned long want = 0;

	for (unsigned int t = 0; t <= highest; t++) {
		if (node->zone[t] != NULL && quarry_load_relaxed(&node->zone[t]->managed) != 0)
			want += quarry_max(zone_mark(node->zone[t], QUARRY_WMARK_HIGH),
					   RECLAIM_CLUSTER);
	}
	return want;
}

/* Until node @nid is balanced, or nothing more comes. */
static unsigned long reclaim_balance(struct quarry *q, int nid, unsigned int order,
				     unsigned int highest)
{
	struct page_node *node = &q->pages->node[nid];
	struct reclaim_control rc = {.gfp = GFP_KERNEL, .order = order, .kswapd = true};
	unsigned long pages = 0;

	page_event(q, QUARRY_VM_PAGEOUTRUN, 1);
	for (unsigned int p = RECLAIM_PRIORITY; p >= 1; p--) {
		unsigned long got;

		if (reclaim_balanced(q, nid, rc.order, highest)) {
			page_event(q,
				   rc.order == 0 ? QUARRY_VM_KSWAPD_LOW_HIT
						 : QUARRY_VM_KSWAPD_HIGH_HIT,
				   1);
			break;
		}
		rc.priority = p;
		rc.want = reclaim_target(node, highest);
		got = reclaim_node(q, nid, &rc);
		pages += got;
		/* With room for compaction to work in, more pages are not what the order lacks. */
		if (rc.order != 0 && pages >= reclaim_compact_gap(rc.order))
			rc.order = 0;
		p += got >= rc.want; /* it gives all that was asked: no reason to ask harder */
	}
	return pages;
}

unsigned long quarry_kswapd_run(struct quarry *q, int nid)
{
	struct page_layer *pl = q->pages;
	unsigned long pages, boost[QUARRY_NR_ZONES] = {0};
	unsigned int order, highest;
	struct page_node *node;
	quarry_pin_t pin;
	uint32_t saved;

	if (!quarry_kswapd_wanted(q, nid))
		return 0;
	node = &pl->node[nid];
	pin = quarry_lock(q->concurrent, &pl->reclaim_lock);
	order = node->kswapd_order;
	highest = node->kswapd_highest;
	node->kswapd_order = 0;
	node->kswapd_highest = 0;
	quarry_store_relaxed(&node->kswapd_wanted, false);
	quarry_unlock(q->concurrent, &pl->reclaim_lock, pin);

	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		if (node->zone[t] != NULL)
			boost[t] = quarry_load_relaxed(&node->zone[t]->boost);
	}
	saved = quarry_memalloc_save(q, QUARRY_TASK_MEMALLOC);
	pages = reclaim_balance(q, nid, order, highest);
	quarry_memalloc_restore(q, QUARRY_TASK_MEMALLOC, saved);
	compaction_wake(q, nid, order, highest);
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		if (boost[t] == 0)
			continue;
		/* Types were mixed for want of a pageblock: let there be some. */
		compaction_wake(q, nid, QUARRY_PAGEBLOCK_ORDER, t);
		watermark_boost_decay(q, node->zone[t], boost[t]);
	}
	if (pages != 0)
		quarry_store_relaxed(&node->kswapd_failures, 0u);
	else if (!reclaim_balanced(q, nid, order, highest))
		quarry_store_relaxed(&node->kswapd_failures,
				     quarry_load_relaxed(&node->kswapd_failures) + 1);
	return pages;
}
