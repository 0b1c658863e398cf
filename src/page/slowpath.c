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

static bool slowpath_zone_ok(struct quarry *q, const struct alloc_request *r, struct page_zone *z,
			     unsigned long mark, unsigned int flags)
{
	if (unlikely(quarry_load_relaxed(&z->nr_unaccepted) != 0))
		accept_fill(q, z, r->order);
	while (!zone_watermark_ok(q->pages, z, r->order, mark, r->highest, flags, NULL)) {
		if (likely(quarry_load_relaxed(&z->nr_unaccepted) == 0) || !accept_one(q, z))
			return false;
	}
	return true;
}

struct page *slowpath_walk(struct quarry *q, const struct alloc_request *r,
			   enum quarry_watermark mark, unsigned int flags)
{
	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];
		struct page *page;

		if (z->type > r->highest || (r->nodes >> z->nid & 1) == 0 ||
		    !slowpath_zone_ok(q, r, z, z->wmark[mark], flags))
			continue;
		page = pcp_alloc(q, z, r->order, r->type, flags);
		if (page != NULL)
			return page;
	}
	return NULL;
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

	if ((r->gfp & __GFP_KSWAPD_RECLAIM) != 0 && q->port.wake != NULL)
		q->port.wake(q->port.ctx, r->nid, r->order);
	page = slowpath_walk(q, r, QUARRY_WMARK_MIN, flags);
	if (page == NULL)
		page = slowpath_reclaim(q, r, flags);
	if (page == NULL) {
		quarry_drain_all_pages(q);
		page = slowpath_walk(q, r, QUARRY_WMARK_MIN, flags);
	}
	if (page == NULL && (r->gfp & __GFP_NOFAIL) != 0)
		page = slowpath_walk(q, r, QUARRY_WMARK_MIN, flags | ZONE_ALLOC_NO_MARK);
	if (page == NULL)
		refuse_record(q, r, flags);
	return page;
}

struct page *slowpath_alloc(struct quarry *q, const struct alloc_request *r)
{
	struct page *page = slowpath_walk(q, r, QUARRY_WMARK_LOW, 0);

	return page != NULL ? page : slowpath_try(q, r);
}
