/* SPDX-License-Identifier: MIT */
/*
 * A request that the CPU's sheaf cannot serve at once.
 *
 * The zonelist of its node is walked with the low watermark; if no zone gives, the background
 * reclaimer is woken and the list walked again with min, lowered by the request's rights; then, if it
 * may wait, memory is reclaimed through the port and the walk repeated; last, every CPU's sheaves are
 * emptied and the walk made once more.
 *
 * Context    No lock is held between steps. A request that may not wait calls nothing that does.
 */
#include "internal.h"

#define SLOWPATH_ROUNDS 16u

/* The first zone that the request may use: its node is the local one. */
static struct page_zone *slowpath_first(const struct alloc_request *r)
{
	for (unsigned int i = 0; i < r->nr_list; i++) {
		if (r->list[i]->type <= r->highest && (r->nodes >> r->list[i]->nid & 1) != 0)
			return r->list[i];
	}
	return NULL;
}

/* What follows from having got a block. */
static void slowpath_got(struct quarry *q, const struct alloc_request *r, struct page_zone *z,
			 struct page *page, unsigned int flags)
{
	if (r->order > 0 && (flags & ZONE_ALLOC_HARDER) != 0)
		highatomic_reserve(q, z, page);
	if (watermark_take_boosted(z) && q->port.wake != NULL)
		q->port.wake(q->port.ctx, z->nid, 0);
}

static struct page *slowpath_pass(struct quarry *q, const struct alloc_request *r,
				  enum quarry_watermark mark, unsigned int flags)
{
	const struct page_zone *first = slowpath_first(r);
	bool local = (flags & ZONE_ALLOC_NOFRAGMENT) != 0 &&
		     quarry_load_relaxed(&q->pages->defrag_mode) == 0;

	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];
		struct page *page;

		if (z->type > r->highest || (r->nodes >> z->nid & 1) == 0)
			continue;
		/* A near page is worth a mixed pageblock. */
		if (local && z->nid != first->nid)
			return NULL;
		if (!zone_watermark_ok(q->pages, z, r->order, zone_mark(z, mark), r->highest, flags,
				       NULL))
			continue;
		page = pcp_alloc(q, z, r->order, r->type, flags);
		if (page != NULL) {
			slowpath_got(q, r, z, page, flags);
			return page;
		}
	}
	return NULL;
}

struct page *slowpath_walk(struct quarry *q, const struct alloc_request *r,
			   enum quarry_watermark mark, unsigned int flags)
{
	struct page *page;

	flags |= r->flags;
	if (r->type == QUARRY_MIGRATE_MOVABLE)
		flags |= ZONE_ALLOC_CMA;
	page = slowpath_pass(q, r, mark, flags);
	if (page == NULL && (flags & ZONE_ALLOC_NOFRAGMENT) != 0 &&
	    quarry_load_relaxed(&q->pages->defrag_mode) == 0)
		page = slowpath_pass(q, r, mark, flags & ~ZONE_ALLOC_NOFRAGMENT);
	return page;
}

/* How deep the request may go below the min watermark. */
static unsigned int slowpath_rights(gfp_t gfp)
{
	unsigned int flags = 0;

	if ((gfp & __GFP_MEMALLOC) != 0 && (gfp & __GFP_NOMEMALLOC) == 0)
		flags |= ZONE_ALLOC_NO_MARK;
	if ((gfp & __GFP_HIGH) != 0)
		flags |= ZONE_ALLOC_HIGH;
	if ((gfp & __GFP_ATOMIC) != 0 && (gfp & __GFP_NOMEMALLOC) == 0)
		flags |= ZONE_ALLOC_HARDER;
	return flags;
}

static struct page *slowpath_reclaim(struct quarry *q, const struct alloc_request *r,
				     unsigned int flags)
{
	unsigned int rounds = (r->gfp & __GFP_NORETRY) != 0 ? 1 : SLOWPATH_ROUNDS;
	unsigned long want = quarry_max(32ul, 1ul << r->order);

	if ((r->gfp & __GFP_DIRECT_RECLAIM) == 0 || q->port.reclaim == NULL)
		return NULL;
	for (unsigned int i = 0; i < rounds || (r->gfp & __GFP_NOFAIL) != 0; i++) {
		struct page *page;

		if (q->port.reclaim(q->port.ctx, r->nid, r->gfp, r->order, want) == 0)
			return NULL;
		page = slowpath_walk(q, r, QUARRY_WMARK_MIN, flags);
		if (page == NULL && r->order > 0) {
			quarry_drain_all_pages(q);
			page = slowpath_walk(q, r, QUARRY_WMARK_MIN, flags);
		}
		if (page != NULL)
			return page;
	}
	return NULL;
}

static QUARRY_COLD struct page *slowpath_try(struct quarry *q, const struct alloc_request *r)
{
	unsigned int flags = slowpath_rights(r->gfp);
	struct page *page;

	flags |= fallback_nofragment(q->pages, NULL, r->gfp);

	if ((r->gfp & __GFP_KSWAPD_RECLAIM) != 0 && q->port.wake != NULL)
		q->port.wake(q->port.ctx, r->nid, r->order);
	page = slowpath_walk(q, r, QUARRY_WMARK_MIN, flags);
	if (page == NULL)
		page = slowpath_reclaim(q, r, flags);
	if (page == NULL) {
		quarry_drain_all_pages(q);
		/* Reclaim has failed: types may be mixed, and the highatomic reserve is broken up. */
		flags &= ~ZONE_ALLOC_NOFRAGMENT;
		page = slowpath_walk(q, r, QUARRY_WMARK_MIN, flags);
	}
	while (page == NULL && (r->gfp & __GFP_DIRECT_RECLAIM) != 0 &&
	       highatomic_unreserve(q, r, true))
		page = slowpath_walk(q, r, QUARRY_WMARK_MIN, flags);
	if (page == NULL && (r->gfp & __GFP_NOFAIL) != 0)
		page = slowpath_walk(q, r, QUARRY_WMARK_MIN, flags | ZONE_ALLOC_NO_MARK);
	if (page == NULL)
		refuse_record(q, r, flags);
	return page;
}

struct page *slowpath_alloc(struct quarry *q, const struct alloc_request *r)
{
	struct page *page = slowpath_walk(q, r, QUARRY_WMARK_LOW,
					  fallback_nofragment(q->pages, slowpath_first(r), r->gfp));

	return page != NULL ? page : slowpath_try(q, r);
}
