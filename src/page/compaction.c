/* SPDX-License-Identifier: MIT */
/*
 * When to compact, and how hard; vacate.c does it.
 *
 * Direct     A request of order > 0 that found enough pages but no block. Its zones are tried in turn:
 *            first asynchronously (movable pageblocks only, given up at the first lock that another
 *            CPU holds), then synchronously, last with all hints ignored. The block that is
 *            made goes to the requester past the lists, unless it would put unmovable pages into a movable
 *            pageblock; then the walk over the zones decides, as for any request.
 *
 * Suitable   Compaction needs pages to move to: the zone must stay above min (low, for orders above 3)
 *            with twice the block's size in addition. For orders above 3 it must also fail for
 *            fragmentation rather than for lack of memory: extfrag_threshold.
 *
 * Deferred   A zone in which it failed is passed over: for the next 1, 3, 7 ... 63 requests of that order
 *            or above, until one is served.
 *
 * Hints      A pageblock that could not be emptied is not looked at again (page_pb.skip) until the zone
 *            starts anew: when deferral has run to its end, or kcompactd begins.
 *
 * Whole      A node is compacted when its owner asks, and by kcompactd when its fragmentation score is
 *            too high: as many pageblocks are emptied as the others have room for.
 */
#include "internal.h"

#define COMPACT_MAX_DEFER_SHIFT 6u
#define COMPACT_COSTLY_ORDER 3u

/* ---- deferral: hints, changed without a lock ---- */

static void compaction_defer(struct page_zone *z, unsigned int order)
{
	unsigned int shift = quarry_load_relaxed(&z->compact_defer_shift);

	quarry_store_relaxed(&z->compact_considered, 0u);
	if (shift < COMPACT_MAX_DEFER_SHIFT)
		quarry_store_relaxed(&z->compact_defer_shift, (uint8_t)(shift + 1));
	if (order < quarry_load_relaxed(&z->compact_order_failed))
		quarry_store_relaxed(&z->compact_order_failed, (uint8_t)order);
}

bool compaction_deferred(struct page_zone *z, unsigned int order)
{
	uint32_t limit = 1u << quarry_load_relaxed(&z->compact_defer_shift);
	uint32_t considered = quarry_load_relaxed(&z->compact_considered);

	if (order < quarry_load_relaxed(&z->compact_order_failed))
		return false;
	considered = quarry_min(considered + 1, limit);
	quarry_store_relaxed(&z->compact_considered, considered);
	return considered < limit;
}

void compaction_defer_reset(struct page_zone *z, unsigned int order, bool success)
{
	if (success) {
		quarry_store_relaxed(&z->compact_considered, 0u);
		quarry_store_relaxed(&z->compact_defer_shift, (uint8_t)0);
	}
	if (order >= quarry_load_relaxed(&z->compact_order_failed))
		quarry_store_relaxed(&z->compact_order_failed, (uint8_t)(order + 1));
}

/* Whether deferral has run to its end, so that the zone is looked at anew. */
static bool compaction_restarting(const struct page_zone *z, unsigned int order)
{
	return order >= quarry_load_relaxed(&z->compact_order_failed) &&
	       quarry_load_relaxed(&z->compact_defer_shift) == COMPACT_MAX_DEFER_SHIFT &&
	       quarry_load_relaxed(&z->compact_considered) >= 1u << COMPACT_MAX_DEFER_SHIFT;
}

static void compaction_reset_skip(struct quarry *q, struct page_zone *z)
{
	for (uint32_t k = z->arena_first; k < zone_arena_end(z); k++) {
		struct page_arena *a = &q->pages->arena[k];
		quarry_pin_t pin;

		if (!page_arena_is_of(a, z))
			continue;
		pin = arena_lock(q, a);
		for (unsigned int i = 0; !a->virgin && !a->empty && i < a->nr_pb; i++)
			a->pb[i].skip = 0;
		arena_unlock(q, a, pin);
	}
}

/* ---- one zone ---- */

enum compact_result compaction_suitable(struct quarry *q, const struct page_zone *z,
					unsigned int order, unsigned int highest,
					unsigned int alloc_flags)
{
	enum quarry_watermark mark =
		order > COMPACT_COSTLY_ORDER ? QUARRY_WMARK_LOW : QUARRY_WMARK_MIN;
	int index;

	if (zone_watermark_ok(q->pages, z, order, zone_mark(z, QUARRY_WMARK_MIN), highest,
			      alloc_flags, NULL))
		return COMPACT_SUCCESS;
	if (!zone_watermark_ok(q->pages, z, 0, zone_mark(z, mark) + (2ul << order), highest,
			       ZONE_ALLOC_CMA, NULL))
		return COMPACT_SKIPPED;
	if (order <= COMPACT_COSTLY_ORDER)
		return COMPACT_CONTINUE;
	index = quarry_fragmentation_index(q, z->nid, (enum quarry_zone_type)z->type, order);
	if (index >= 0 && (unsigned int)index <= quarry_load_relaxed(&q->pages->extfrag_threshold))
		return COMPACT_NOT_SUITABLE;
	return COMPACT_CONTINUE;
}

static void compaction_count(const struct vacate *v, bool daemon)
{
	page_event(v->q, QUARRY_VM_COMPACT_MIGRATE_SCANNED, v->scanned);
	page_event(v->q, QUARRY_VM_COMPACT_FREE_SCANNED, v->free_scanned);
	if (daemon) {
		page_event(v->q, QUARRY_VM_COMPACT_DAEMON_MIGRATE, v->scanned);
		page_event(v->q, QUARRY_VM_COMPACT_DAEMON_FREE, v->free_scanned);
	}
}

/* A block of @order, out of the buddy system; the arenas are asked in turn. */
static struct page *compaction_make(struct vacate *v, unsigned int order)
{
	struct page_zone *z = v->z;
	uint32_t n = zone_arena_end(z) - z->arena_first;
	uint32_t from = quarry_load_relaxed(&z->compact_arena);

	if (from < z->arena_first || from >= zone_arena_end(z))
		from = z->arena_first;
	if (!v->async)
		quarry_drain_all_pages(v->q);
	for (uint32_t i = 0; i < n && !v->contended; i++) {
		uint32_t k = from + i < zone_arena_end(z) ? from + i : from + i - n;
		struct page_arena *a = &v->q->pages->arena[k];
		struct page *page = page_arena_is_of(a, z) ? vacate_block(v, a, order) : NULL;

		if (page != NULL) {
			quarry_store_relaxed(&z->compact_arena, k);
			return page;
		}
	}
	return NULL;
}

/* Whether a request of type @type gets the block at @page itself. */
static bool compaction_may_capture(struct quarry *q, const struct page *page, unsigned int order,
				   unsigned int type)
{
	struct page_arena *a = page_arena_of(q->pages, page);
	quarry_pin_t pin = arena_lock(q, a);
	unsigned int of = a->pb[(size_t)(page - a->map) >> QUARRY_PAGEBLOCK_ORDER].type;

	arena_unlock(q, a, pin);
	return of < QUARRY_MIGRATE_PCPTYPES &&
	       (order >= QUARRY_PAGEBLOCK_ORDER || of != QUARRY_MIGRATE_MOVABLE ||
		type == QUARRY_MIGRATE_MOVABLE);
}

static enum compact_result compaction_zone(struct quarry *q, struct page_zone *z,
					   const struct alloc_request *r, unsigned int alloc_flags,
					   unsigned int priority, struct page **captured)
{
	enum compact_result result = compaction_suitable(q, z, r->order, r->highest, alloc_flags);
	struct vacate v = {
		.q = q,
		.z = z,
		.async = priority == COMPACT_PRIO_ASYNC,
		.ignore_skip = priority == COMPACT_PRIO_SYNC_FULL,
		.any_target = priority == COMPACT_PRIO_SYNC_FULL || q->pages->no_grouping,
		.no_cma = (alloc_flags & ZONE_ALLOC_CMA) == 0,
	};
	struct page *page;

	if (result != COMPACT_CONTINUE)
		return result;
	if (compaction_restarting(z, r->order))
		compaction_reset_skip(q, z);
	page = compaction_make(&v, r->order);
	compaction_count(&v, false);
	if (page == NULL)
		return v.contended ? COMPACT_CONTENDED
		       : v.skipped ? COMPACT_PARTIAL
				   : COMPACT_COMPLETE;
	if (captured != NULL && compaction_may_capture(q, page, r->order, r->type))
		*captured = page;
	else
		zone_put_one(q, page, r->order);
	return COMPACT_SUCCESS;
}

enum compact_result compaction_direct(struct quarry *q, const struct alloc_request *r,
				      unsigned int alloc_flags, unsigned int priority,
				      struct page **captured)
{
	enum compact_result best = COMPACT_SKIPPED;

	if (captured != NULL)
		*captured = NULL;
	alloc_flags |= r->flags;
	if (r->order == 0 || (r->gfp & __GFP_IO) == 0)
		return COMPACT_SKIPPED;
	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];
		enum compact_result result;

		if (z->type > r->highest || (r->nodes >> z->nid & 1) == 0)
			continue;
		if (priority > COMPACT_PRIO_SYNC_FULL && compaction_deferred(z, r->order)) {
			best = quarry_max(best, COMPACT_DEFERRED);
			continue;
		}
		result = compaction_zone(q, z, r, alloc_flags, priority, captured);
		best = quarry_max(best, result);
		if (result == COMPACT_SUCCESS) {
			compaction_defer_reset(z, r->order, false);
			break;
		}
		if (result == COMPACT_CONTENDED)
			break;
		if (priority != COMPACT_PRIO_ASYNC &&
		    (result == COMPACT_COMPLETE || result == COMPACT_PARTIAL))
			compaction_defer(z, r->order);
	}
	return best;
}

/* ---- whole nodes ---- */

/* Empties up to @goal pageblocks of @z that can be emptied; returns how many. */
static unsigned long compaction_pack(struct quarry *q, struct page_zone *z, bool daemon,
				     unsigned long goal)
{
	struct vacate v = {.q = q,
			   .z = z,
			   .goal = goal,
			   .ignore_skip = true,
			   .any_target = q->pages->no_grouping};

	quarry_drain_all_pages(q);
	vacate_zone(&v);
	compaction_count(&v, daemon);
	return v.made;
}

int quarry_compact_node(struct quarry *q, int nid)
{
	if (!quarry_node_present(q, nid))
		return -QUARRY_EINVAL;
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		struct page_zone *z = page_node_zone(q->pages, nid, t);

		if (z != NULL)
			compaction_pack(q, z, false, ~0ul);
	}
	return 0;
}

void quarry_compact_memory(struct quarry *q)
{
	for (int nid = 0; nid < q->pages->nr_nodes; nid++)
		(void)quarry_compact_node(q, nid);
}

/* ---- kcompactd ---- */

void compaction_wake(struct quarry *q, int nid, unsigned int order, unsigned int highest)
{
	struct page_node *node = &q->pages->node[nid];

	if (order == 0)
		return;
	if (quarry_load_relaxed(&node->compact_order) < order)
		quarry_store_relaxed(&node->compact_order, (uint32_t)order);
	if (quarry_load_relaxed(&node->compact_highest) < highest)
		quarry_store_relaxed(&node->compact_highest, (uint32_t)highest);
}

/* Blocks of @order in the node's zones up to @highest; returns how many were made. */
static unsigned long compaction_serve(struct quarry *q, const struct page_node *node,
				      unsigned int order, unsigned int highest)
{
	unsigned long made = 0;

	page_event(q, QUARRY_VM_COMPACT_DAEMON_WAKE, 1);
	for (unsigned int t = 0; t <= highest && t < QUARRY_NR_ZONES; t++) {
		struct page_zone *z = node->zone[t];
		struct vacate v = {.q = q, .z = z, .any_target = q->pages->no_grouping};
		struct page *page;

		if (z == NULL || compaction_deferred(z, order) ||
		    compaction_suitable(q, z, order, highest, 0) != COMPACT_CONTINUE)
			continue;
		compaction_reset_skip(q, z);
		page = compaction_make(&v, order);
		compaction_count(&v, true);
		if (page != NULL) {
			zone_put_one(q, page, order);
			compaction_defer_reset(z, order, false);
			made++;
		} else {
			compaction_defer(z, order);
		}
	}
	return made;
}

static unsigned long compaction_proactive(struct quarry *q, int nid)
{
	unsigned int proactiveness = quarry_load_relaxed(&q->pages->compaction_proactiveness);
	unsigned int low = quarry_max(100u - proactiveness, 5u);
	unsigned int high = quarry_min(low + 10u, 100u);
	unsigned long made = 0;

	if (proactiveness == 0 || quarry_fragmentation_score(q, nid) <= high)
		return 0;
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		struct page_zone *z = page_node_zone(q->pages, nid, t);

		if (z != NULL)
			made += compaction_pack(q, z, true, fragmentation_lack(q, z, low));
	}
	return made;
}

unsigned long quarry_kcompactd_run(struct quarry *q, int nid)
{
	struct page_node *node;
	unsigned int order, highest;

	if (!quarry_node_present(q, nid))
		return 0;
	node = &q->pages->node[nid];
	order = quarry_exchange_acquire(&node->compact_order, 0u);
	highest = quarry_exchange_acquire(&node->compact_highest, 0u);
	return order != 0 ? compaction_serve(q, node, order, highest)
			  : compaction_proactive(q, nid);
}
