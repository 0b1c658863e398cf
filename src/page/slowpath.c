/* SPDX-License-Identifier: MIT */
/*
 * A request that the CPU's sheaf cannot serve at once.
 *
 * Steps      1  The zonelist is walked with the low watermark.
 *            2  The background reclaimers are woken; the list is walked with min, lowered by the
 *               request's rights.
 *            3  A task that reclaims, or is being ended, may have the reserves. It, and a request with
 *               __GFP_ATOMIC, may have pages of any node, unless __GFP_THISNODE says which.
 *            4  A block of more than eight pages, or of pages that stay, is first asked of compaction:
 *               there may be enough pages. Not for who may use the reserves: he needs pages soon.
 *            5  Direct reclaim, then compaction, again and again while they make progress; compaction
 *               is made to try harder when it fails.
 *            6  7, and then the out-of-memory hook: nobody ends for what sheaves hold, or what is kept for
 *               requests that cannot wait.
 *            7  All sheaves are emptied and the list is walked a last time: what they hold is free
 *               memory, and a refusal must not be a lie. Nor may it be for what another CPU had in its
 *               hands at that moment: then arenas are asked one by one.
 *
 * Ends       A request that may not wait goes from 3 to 7. With __GFP_NORETRY 5 is made once; for a
 *            costly order (above 3) too, unless __GFP_RETRY_MAYFAIL, which stops before 6. A task that is
 *            being ended asks the hook once. With __GFP_NOFAIL 5 and 6 are repeated for as long as the
 *            host can make progress or let time pass (port.wait); a quarter of min is used, or, where the
 *            hook is asked or no time can pass, all that is there.
 *
 * Context    No lock is held between steps. A request that may not wait calls nothing that does.
 */
#include "internal.h"

#define SLOWPATH_ROUNDS 16u /* rounds in vain, after which the next such is the last */
#define SLOWPATH_COSTLY 3u  /* Linux: PAGE_ALLOC_COSTLY_ORDER */

struct slowpath_state {
	struct quarry *q;
	struct alloc_request r;
	unsigned int flags;     /* rights */
	bool reserves;          /* those of a task that reclaims, or is being ended */
	unsigned int in_vain;   /* rounds of reclaim in a row without progress */
	unsigned long progress; /* pages of the last round */
	/* compaction */
	enum compact_result result;
	unsigned int priority, made_in_vain;
};

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
	event_numa(q, z, r);
	if (r->order > 0 && (flags & ZONE_ALLOC_HARDER) != 0)
		highatomic_reserve(q, z, page);
	if (unlikely(watermark_take_boosted(z)))
		reclaim_wake_boosted(q, z);
}

/* Whether @z stays above @mark; what is unaccepted of it is accepted as far as that needs. */
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

static struct page *slowpath_pass(struct quarry *q, const struct alloc_request *r,
				  enum quarry_watermark mark, unsigned int flags)
{
	const struct page_zone *first = slowpath_first(r);
	bool local = first != NULL && (flags & ZONE_ALLOC_NOFRAGMENT) != 0 &&
		     quarry_load_relaxed(&q->pages->defrag_mode) == 0;

	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];
		struct page *page;

		if (z->type > r->highest || (r->nodes >> z->nid & 1) == 0)
			continue;
		/* A near page is worth a mixed pageblock. */
		if (local && z->nid != first->nid)
			return NULL;
		if (!slowpath_zone_ok(q, r, z, zone_mark(z, mark), flags))
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

	if ((gfp & __GFP_HIGH) != 0)
		flags |= ZONE_ALLOC_HIGH;
	if ((gfp & __GFP_ATOMIC) != 0 && (gfp & __GFP_NOMEMALLOC) == 0)
		flags |= ZONE_ALLOC_HARDER;
	return flags;
}

/* What the request, or its task, may take out of the reserves; 0: nothing. */
static unsigned int slowpath_reserves(gfp_t gfp, uint32_t task)
{
	if ((gfp & __GFP_NOMEMALLOC) != 0)
		return 0;
	if ((gfp & __GFP_MEMALLOC) != 0 || (task & QUARRY_TASK_MEMALLOC) != 0)
		return ZONE_ALLOC_NO_MARK;
	return (task & QUARRY_TASK_OOM_VICTIM) != 0 ? ZONE_ALLOC_OOM : 0;
}

/* One round of reclaim, and the walk after it. */
static struct page *slowpath_reclaim(struct slowpath_state *s)
{
	const struct alloc_request *r = &s->r;
	struct page *page;

	s->progress = reclaim_direct(s->q, r);
	s->r.rounds++;
	s->r.reclaimed += s->progress;
	if (s->progress == 0)
		return NULL;
	page = slowpath_walk(s->q, r, QUARRY_WMARK_MIN, s->flags);
	if (page != NULL)
		return page;
	/* What was freed may sit in sheaves, or be kept for others. */
	highatomic_unreserve(s->q, r, false);
	quarry_drain_all_pages(s->q);
	return slowpath_walk(s->q, r, QUARRY_WMARK_MIN, s->flags);
}

/* One round of compaction; the block that it makes, or another that is there by now. */
static struct page *slowpath_compact(struct slowpath_state *s, unsigned int priority)
{
	const struct alloc_request *r = &s->r;
	struct page *page = NULL;
	struct page_zone *z;
	uint32_t saved;

	s->result = COMPACT_SKIPPED;
	if (r->order == 0 || !mover_any(s->q))
		return NULL;
	/* What it needs itself must not lead back here. */
	saved = quarry_memalloc_save(s->q, QUARRY_TASK_MEMALLOC);
	s->result = compaction_direct(s->q, r, s->flags, priority, &page);
	quarry_memalloc_restore(s->q, QUARRY_TASK_MEMALLOC, saved);
	if (s->result == COMPACT_SKIPPED || s->result == COMPACT_DEFERRED)
		return NULL;
	page_event(s->q, QUARRY_VM_COMPACT_STALL, 1);
	if (page == NULL)
		page = slowpath_walk(s->q, r, QUARRY_WMARK_MIN, s->flags);
	else
		slowpath_got(s->q, r, page_arena_of(s->q->pages, page)->zone, page, s->flags);
	page_event(s->q, page != NULL ? QUARRY_VM_COMPACT_SUCCESS : QUARRY_VM_COMPACT_FAIL, 1);
	if (page != NULL) {
		z = page_arena_of(s->q->pages, page)->zone;
		compaction_defer_reset(z, r->order, true);
	}
	return page;
}

/* Whether compaction may succeed the next time, harder if it has failed. */
static bool slowpath_compact_again(struct slowpath_state *s)
{
	bool costly = s->r.order > SLOWPATH_COSTLY;

	if (s->r.order == 0 || s->progress == 0)
		return false;
	switch (s->result) {
	case COMPACT_SKIPPED: /* for lack of pages, which reclaim is bringing */
		return s->in_vain <= SLOWPATH_ROUNDS && mover_any(s->q);
	case COMPACT_CONTINUE:
	case COMPACT_SUCCESS: /* others were faster */
		if (++s->made_in_vain <= (costly ? SLOWPATH_ROUNDS / 4 : SLOWPATH_ROUNDS))
			return true;
		break;
	default:
		break;
	}
	if (s->priority <= (costly ? COMPACT_PRIO_SYNC_LIGHT : COMPACT_PRIO_SYNC_FULL))
		return false;
	s->priority--;
	s->made_in_vain = 0;
	return true;
}

/* Whether a zone could serve the request if all that reclaim may free were free. */
static bool slowpath_reclaimable(const struct slowpath_state *s)
{
	const struct quarry *q = s->q;
	const struct alloc_request *r = &s->r;

	if (q->port.reclaimable == NULL)
		return true;
	for (unsigned int i = 0; i < r->nr_list; i++) {
		const struct page_zone *z = r->list[i];
		unsigned long more;

		if (z->type > r->highest || (r->nodes >> z->nid & 1) == 0)
			continue;
		more = q->port.reclaimable(q->port.ctx, z->nid, (enum quarry_zone_type)z->type);
		if (zone_would_do(z, r->order, zone_mark(z, QUARRY_WMARK_MIN), r->highest,
				  s->flags | r->flags, more))
			return true;
	}
	return false;
}

/*
 * Whether another round makes sense. With a host that can tell what it could give: as long as that would do, and a
 * round that freed something is not in vain. Else each counts, or a host that always frees a little would keep the
 * request for ever; and one that has freed nothing is the last.
 */
static bool slowpath_again(struct slowpath_state *s)
{
	bool known = s->q->port.reclaimable != NULL;

	if (s->progress != 0 && s->r.order <= SLOWPATH_COSTLY && known)
		s->in_vain = 0;
	else
		s->in_vain++;
	return (s->progress != 0 || known) && s->in_vain <= SLOWPATH_ROUNDS &&
	       slowpath_reclaimable(s);
}

/* Whether a task may be ended for the request. */
static bool slowpath_may_oom(const struct alloc_request *r)
{
	return r->order <= SLOWPATH_COSTLY &&
	       (r->gfp & (__GFP_RETRY_MAYFAIL | __GFP_THISNODE)) == 0 &&
	       r->highest >= QUARRY_ZONE_NORMAL;
}

/* The last resort. True: it is worth another try. */
static bool slowpath_oom(struct slowpath_state *s)
{
	const struct alloc_request *r = &s->r;
	struct quarry *q = s->q;

	if (!q->port.oom(q->port.ctx, r->nid, r->gfp, r->order))
		return false;
	page_event(q, QUARRY_VM_OOM_KILL, 1);
	return true;
}

/* Whether the request is of a task that is being ended, and had what it may have: it need not go on. */
static bool slowpath_dying(const struct slowpath_state *s)
{
	const struct quarry_task *task = task_current(s->q);

	return (s->flags & ZONE_ALLOC_OOM) != 0 ||
	       ((s->r.gfp & __GFP_NOMEMALLOC) != 0 && task != NULL &&
		(task->flags & QUARRY_TASK_OOM_VICTIM) != 0);
}

/* A walk that no other CPU at work can lead astray: by number, then arena by arena. */
static struct page *slowpath_surely(struct slowpath_state *s)
{
	const struct alloc_request *r = &s->r;
	unsigned int flags = s->flags | (r->flags & ~ZONE_ALLOC_NOFRAGMENT);

	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];
		struct page *page = NULL;

		if (z->type > r->highest || (r->nodes >> z->nid & 1) == 0)
			continue;
		if (zone_would_do(z, r->order, zone_mark(z, QUARRY_WMARK_MIN), r->highest, flags,
				  0))
			page = fallback_surely(s->q, z, r->order, r->type, flags);
		if (page != NULL) {
			slowpath_got(s->q, r, z, page, flags);
			return page;
		}
	}
	return NULL;
}

/*
 * The sheaves' contents are free memory that no walk sees. A request that has waited in vain may also mix
 * types in a pageblock, whatever defrag_mode says, and breaks up the highatomic reserve.
 */
static struct page *slowpath_last(struct slowpath_state *s, bool waited)
{
	struct page *page;

	quarry_drain_all_pages(s->q);
	s->flags &= ~ZONE_ALLOC_NOFRAGMENT;
	page = slowpath_walk(s->q, &s->r, QUARRY_WMARK_MIN, s->flags);
	while (page == NULL && waited && highatomic_unreserve(s->q, &s->r, true))
		page = slowpath_walk(s->q, &s->r, QUARRY_WMARK_MIN, s->flags);
	if (page == NULL && s->q->concurrent)
		page = slowpath_surely(s);
	return page;
}

/* Reclaims until there is a block, or it is no use. */
static struct page *slowpath_wait(struct slowpath_state *s)
{
	const gfp_t gfp = s->r.gfp;
	const bool once = (gfp & __GFP_NORETRY) != 0 ||
			  (s->r.order > SLOWPATH_COSTLY && (gfp & __GFP_RETRY_MAYFAIL) == 0);
	uint64_t since = 0, next = 0;
	struct page *page;

	if (!s->reserves && (s->r.order > SLOWPATH_COSTLY || s->r.type != QUARRY_MIGRATE_MOVABLE)) {
		page = slowpath_compact(s, COMPACT_PRIO_ASYNC);
		if (page != NULL)
			return page;
		if (s->r.order > SLOWPATH_COSTLY && (gfp & __GFP_NORETRY) != 0) {
			/* It says that reclaim would be much work for little hope. */
			if (mover_any(s->q) &&
			    (s->result == COMPACT_SKIPPED || s->result == COMPACT_DEFERRED))
				return NULL;
			s->priority =
				COMPACT_PRIO_ASYNC; /* who will not retry will not wait long */
		}
	}
	for (;;) {
		warn_stall(s->q, &s->r, &since, &next);
		if (s->r.rounds != 0 && (gfp & __GFP_KSWAPD_RECLAIM) != 0)
			reclaim_wake(s->q,
				     &s->r); /* that it stays awake as long as somebody waits */
		page = slowpath_reclaim(s);
		if (page == NULL)
			page = slowpath_compact(s, s->priority);
		if (page != NULL || once)
			return page;
		if (slowpath_again(s) || slowpath_compact_again(s))
			continue;
		if (s->q->port.oom == NULL || !slowpath_may_oom(&s->r))
			return NULL;
		page = slowpath_last(s, true);
		if (page != NULL || !slowpath_oom(s))
			return page;
		s->in_vain = 0;
		page = slowpath_walk(s->q, &s->r, QUARRY_WMARK_MIN, s->flags);
		if (page != NULL || slowpath_dying(s))
			return page;
	}
}

/*
 * A request that must not fail: deeper into the reserves, and on, for as long as others can free memory. Those that
 * nobody was ended for leave the most of the reserves to who frees memory with them.
 */
static struct page *slowpath_nofail(struct slowpath_state *s)
{
	struct quarry *q = s->q;
	unsigned int right = q->port.wait == NULL || slowpath_may_oom(&s->r) ? ZONE_ALLOC_NO_MARK
									     : ZONE_ALLOC_HARDER;
	struct page *page;

	for (;;) {
		page = slowpath_walk(q, &s->r, QUARRY_WMARK_MIN, s->flags | right);
		if (page != NULL || q->port.wait == NULL)
			return page;
		q->port.wait(q->port.ctx, s->r.nid);
		s->in_vain = 0;
		page = slowpath_wait(s);
		if (page == NULL)
			page = slowpath_last(s, true);
		if (page != NULL)
			return page;
	}
}

static QUARRY_COLD struct page *slowpath_try(struct quarry *q, const struct alloc_request *request)
{
	struct slowpath_state s = {.q = q,
				   .r = *request,
				   .flags = slowpath_rights(request->gfp) |
					    fallback_nofragment(q->pages, NULL, request->gfp),
				   .priority = COMPACT_PRIO_DEFAULT};
	const struct quarry_task *task = task_current(q);
	uint32_t task_flags = task != NULL ? task->flags : 0;
	bool can_wait = (s.r.gfp & __GFP_DIRECT_RECLAIM) != 0 && task != NULL &&
			(task_flags & QUARRY_TASK_MEMALLOC) == 0;
	unsigned int reserves = slowpath_reserves(s.r.gfp, task_flags);
	struct page *page;

	s.reserves = reserves != 0;
	hardened_look(q);
	if ((s.r.gfp & __GFP_KSWAPD_RECLAIM) != 0)
		reclaim_wake(q, &s.r);
	page = slowpath_walk(q, &s.r, QUARRY_WMARK_MIN, s.flags);
	if (page == NULL && (reserves != 0 || (s.r.gfp & __GFP_ATOMIC) != 0)) {
		if (reserves != 0)
			s.flags = reserves | (s.flags & ZONE_ALLOC_KSWAPD);
		if ((s.r.gfp & __GFP_THISNODE) == 0)
			s.r.nodes = ~(uint64_t)0;
		page = slowpath_walk(q, &s.r, QUARRY_WMARK_MIN, s.flags);
	}
	if (page == NULL && can_wait)
		page = slowpath_wait(&s);
	if (page == NULL)
		page = slowpath_last(&s, can_wait);
	if (page == NULL && can_wait && (s.r.gfp & __GFP_NOFAIL) != 0)
		page = slowpath_nofail(&s);
	if (page == NULL) {
		refuse_record(q, &s.r, s.flags);
		warn_alloc(q, &s.r);
	}
	return page;
}

struct page *slowpath_alloc(struct quarry *q, const struct alloc_request *r)
{
	struct page *page;

	nolock_flush(q, NOLOCK_FLUSH);
	page = slowpath_walk(q, r, QUARRY_WMARK_LOW,
			     fallback_nofragment(q->pages, slowpath_first(r), r->gfp));
	return page != NULL ? page : slowpath_try(q, r);
}
