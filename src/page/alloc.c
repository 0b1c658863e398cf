/* SPDX-License-Identifier: MIT */
/*
 * One request for pages, from flags to block; and one block back.
 *
 * Request    The gfp flags give the highest zone, the migratetype, and how deep the request may go.
 *            The zonelist of its node is walked with the low watermark; if no zone gives, the
 *            background reclaimer is woken and the list walked again with min, lowered by the
 *            request's rights; then, if it may wait, memory is reclaimed through the port and the
 *            walk repeated; last, every CPU's sheaves are emptied and the walk made once more.
 * Refusal    What each zone lacked is kept for quarry_explain().
 * Free       The descriptor must say "allocated, this order"; anything else is a double free, a tail,
 *            a wrong order or a foreign page: it is reported and left alone.
 *
 * Context    No lock is held between steps. A request that may not wait calls nothing that does.
 */
#include "internal.h"

#include <base/string.h>

#define ALLOC_RECLAIM_ROUNDS 16u

struct alloc_request {
	gfp_t gfp;
	unsigned int order;
	unsigned int type;
	unsigned int highest;
	int nid;
	struct page_zone **list;
	unsigned int nr_list;
};

static struct page *alloc_walk(struct quarry *q, const struct alloc_request *r,
			       enum quarry_watermark mark, unsigned int flags)
{
	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];
		struct page *page;

		if (z->type > r->highest ||
		    !zone_watermark_ok(q->pages, z, r->order, z->wmark[mark], r->highest, flags,
				       NULL))
			continue;
		page = pcp_alloc(q, z, r->order, r->type);
		if (page != NULL)
			return page;
	}
	return NULL;
}

/* How deep the request may go below the min watermark. */
static unsigned int alloc_rights(gfp_t gfp)
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

/* Why a zone that passed the watermark test gave nothing. */
static enum quarry_refusal_reason alloc_refused_late(const struct page_zone *z, unsigned int order,
						     int largest_order)
{
	if (largest_order < (int)order)
		return QUARRY_REFUSED_ORDER;
	for (unsigned int type = 0; type < QUARRY_MIGRATE_PCPTYPES; type++) {
		if (zone_has_block(z, order, type))
			return QUARRY_REFUSED_METADATA;
	}
	return QUARRY_REFUSED_TYPE;
}

static QUARRY_COLD void alloc_refuse(struct quarry *q, const struct alloc_request *r,
				     unsigned int flags)
{
	struct page_layer *pl = q->pages;
	struct quarry_refusal *f = &pl->refusal;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->refusal_lock);

	f->serial++;
	f->gfp = r->gfp;
	f->order = r->order;
	f->nid = r->nid;
	f->nr_zones = 0;
	for (unsigned int i = 0; i < r->nr_list; i++) {
		struct page_zone *z = r->list[i];
		struct quarry_refused_zone *why;

		if (z->type > r->highest)
			continue;
		if (f->nr_zones++ >= QUARRY_EXPLAIN_ZONES)
			continue;
		why = &f->zones[f->nr_zones - 1];
		why->nid = z->nid;
		why->zone = (enum quarry_zone_type)z->type;
		why->largest_order = zone_largest_order(z);
		if (zone_watermark_ok(pl, z, r->order, z->wmark[QUARRY_WMARK_MIN], r->highest,
				      flags, why))
			why->reason = alloc_refused_late(z, r->order, why->largest_order);
	}
	f->total[f->nr_zones > 0 ? f->zones[0].reason : QUARRY_REFUSED_ORDER]++;
	page_count(&pl->refused);
	quarry_unlock(q->concurrent, &pl->refusal_lock, pin);
}

static struct page *alloc_reclaim(struct quarry *q, const struct alloc_request *r,
				  unsigned int flags)
{
	unsigned int rounds = (r->gfp & __GFP_NORETRY) != 0 ? 1 : ALLOC_RECLAIM_ROUNDS;
	unsigned long want = quarry_max(32ul, 1ul << r->order);

	if ((r->gfp & __GFP_DIRECT_RECLAIM) == 0 || q->port.reclaim == NULL)
		return NULL;
	for (unsigned int i = 0; i < rounds || (r->gfp & __GFP_NOFAIL) != 0; i++) {
		struct page *page;

		if (q->port.reclaim(q->port.ctx, r->nid, r->gfp, r->order, want) == 0)
			return NULL;
		page = alloc_walk(q, r, QUARRY_WMARK_MIN, flags);
		if (page == NULL && r->order > 0) {
			quarry_drain_all_pages(q);
			page = alloc_walk(q, r, QUARRY_WMARK_MIN, flags);
		}
		if (page != NULL)
			return page;
	}
	return NULL;
}

static QUARRY_COLD struct page *alloc_slow(struct quarry *q, const struct alloc_request *r)
{
	unsigned int flags = alloc_rights(r->gfp);
	struct page *page;

	if ((r->gfp & __GFP_KSWAPD_RECLAIM) != 0 && q->port.wake != NULL)
		q->port.wake(q->port.ctx, r->nid, r->order);
	page = alloc_walk(q, r, QUARRY_WMARK_MIN, flags);
	if (page == NULL)
		page = alloc_reclaim(q, r, flags);
	if (page == NULL) {
		quarry_drain_all_pages(q);
		page = alloc_walk(q, r, QUARRY_WMARK_MIN, flags);
	}
	if (page == NULL && (r->gfp & __GFP_NOFAIL) != 0)
		page = alloc_walk(q, r, QUARRY_WMARK_MIN, flags | ZONE_ALLOC_NO_MARK);
	if (page == NULL)
		alloc_refuse(q, r, flags);
	return page;
}

static void alloc_zero(struct quarry *q, struct page *page, unsigned int order)
{
	if (!q->no_access)
		quarry_memset(quarry_page_address(q, page), 0, QUARRY_PAGE_SIZE << order);
}

static QUARRY_NOINLINE struct page *alloc_request(struct quarry *q, int nid, gfp_t gfp,
						  unsigned int order)
{
	struct page_layer *pl = q->pages;
	struct page_node *node = &pl->node[nid];
	bool this_node = (gfp & __GFP_THISNODE) != 0;
	struct alloc_request r = {
		.gfp = gfp,
		.order = order,
		.type = page_gfp_type(pl, gfp),
		.highest = pl->highest_zone[gfp & 15u],
		.nid = nid,
		.list = this_node ? node->list_this : node->list,
		.nr_list = this_node ? node->nr_list_this : node->nr_list,
	};
	struct page *page = alloc_walk(q, &r, QUARRY_WMARK_LOW, 0);

	return page != NULL ? page : alloc_slow(q, &r);
}

struct page *quarry_alloc_pages_node(struct quarry *q, int nid, gfp_t gfp, unsigned int order)
{
	struct page_layer *pl = q->pages;
	struct page *page;
	quarry_pin_t pin;

	if (unlikely(order > QUARRY_MAX_ORDER || nid >= pl->nr_nodes))
		return NULL;
	if (nid < 0) {
		pin = quarry_pin();
		nid = pl->cpu[quarry_cpu()].nid;
		quarry_unpin(pin);
	}
	page = alloc_request(q, nid, gfp, order);
	if (page == NULL)
		return NULL;
	page_set_word(page, (page_word(page) & PAGE_WORD_ARENA_MASK) |
				    page_word_alloc(order, page_gfp_type(pl, gfp)));
	pin = quarry_pin();
	page_count(&pl->cpu[quarry_cpu()].allocs[order]);
	quarry_unpin(pin);
	if ((gfp & __GFP_ZERO) != 0)
		alloc_zero(q, page, order);
	return page;
}

struct page *quarry_alloc_pages(struct quarry *q, gfp_t gfp, unsigned int order)
{
	quarry_pin_t pin = quarry_pin();
	struct page_cpu *cpu = &q->pages->cpu[quarry_cpu()];
	const struct page_fast *f = &cpu->fast[gfp % PAGE_FAST_BITS];
	int slot = pcp_slot(order);
	struct page_sheaf *s;
	struct page *page;

	/* The first zone of the list has a block in a sheaf, and stays above its low watermark. */
	if (likely(slot >= 0 && f->out != NULL) &&
	    likely((gfp & (__GFP_THISNODE | __GFP_ZERO)) == 0)) {
		s = &f->out[slot];
		if (likely(s->n != 0 && *f->zone_free > f->mark + ((1ul << order) - 1))) {
			page = page_sheaf_pop(s);
			page_set_word(page, page_word(page) | f->word |
						    (uint64_t)order << PAGE_WORD_ORDER_SHIFT);
			page_count(&cpu->allocs[order]);
			quarry_unpin(pin);
			return page;
		}
	}
	quarry_unpin(pin);
	return quarry_alloc_pages_node(q, QUARRY_NO_NODE, gfp, order);
}

/* Whether @page, which reads @word, stands where its arena keeps descriptors. */
static bool alloc_is_descriptor(const struct page_layer *pl, const struct page *page, uint64_t word)
{
	const struct page_arena *a;
	uintptr_t offset;

	if (word >> PAGE_WORD_ARENA_SHIFT >= pl->nr_arenas)
		return false;
	a = &pl->arena[word >> PAGE_WORD_ARENA_SHIFT];
	offset = (uintptr_t)page - (uintptr_t)quarry_load_relaxed(&a->map);
	return offset < (uintptr_t)a->nr_pb * QUARRY_PAGEBLOCK_PAGES * sizeof(*page);
}

/* Changes an allocated block's count from what @word says; false: another CPU did, @word is new. */
static bool alloc_change_refs(struct quarry *q, struct page *page, uint64_t *word, uint64_t to)
{
	if (q->concurrent)
		return quarry_cmpxchg(&page->word, word, to);
	page_set_word(page, to);
	return true;
}

/*
 * Not the last reference, or something is wrong with freeing @page at @order. True: it is the last by
 * now, as other CPUs let go meanwhile.
 */
static QUARRY_COLD bool alloc_free_odd(struct quarry *q, struct page *page, unsigned int order)
{
	uint64_t word = page_word(page);
	unsigned long long pfn;

	if (!alloc_is_descriptor(q->pages, page, word)) {
		quarry_report(q, "page: free of a foreign descriptor %p", (void *)page);
		return false;
	}
	while ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC && page_word_order(word) == order) {
		if (page_word_refs(word) <= 1)
			return true;
		if (alloc_change_refs(q, page, &word, word - PAGE_WORD_REF_ONE))
			return false;
	}
	pfn = (unsigned long long)quarry_page_to_pfn(q, page);
	switch (word & PAGE_WORD_STATE_MASK) {
	case PAGE_WORD_ALLOC:
		quarry_report(q, "page: pfn %#llx is a block of order %u, freed as order %u; kept",
			      pfn, page_word_order(word), order);
		break;
	case PAGE_WORD_SLAB:
		quarry_report(q, "page: pfn %#llx belongs to a slab cache, freed as a page; kept",
			      pfn);
		break;
	default:
		quarry_report(q,
			      "page: pfn %#llx order %u is not allocated (double free, or inside a "
			      "block)",
			      pfn, order);
	}
	return false;
}

void quarry_free_pages(struct quarry *q, struct page *page, unsigned int order)
{
	const uint64_t ignore = PAGE_WORD_ARENA_MASK | (uint64_t)15 << PAGE_WORD_TYPE_SHIFT;
	struct page_layer *pl = q->pages;
	int slot = pcp_slot(order);
	struct page_cpu *cpu;
	struct page_pcp *pcp;
	quarry_pin_t pin;
	uint64_t word;

	if (unlikely(page == NULL))
		return;
	/* Acquire: what other CPUs did to the block before they let go of it. */
	word = quarry_load_acquire(&page->word);
	if (unlikely((word & ~ignore) != page_word_alloc(order, 0) || order > QUARRY_MAX_ORDER) &&
	    !alloc_free_odd(q, page, order))
		return;
	pin = quarry_pin();
	cpu = &pl->cpu[quarry_cpu()];
	page_set_word(page, word & PAGE_WORD_ARENA_MASK); /* PAGE_WORD_FREE */
	page_count(&cpu->frees[order]);
	pcp = cpu->pcp[pl->arena[word >> PAGE_WORD_ARENA_SHIFT].zone_index];
	if (unlikely(slot < 0 || pcp == NULL || q->concurrent) || pcp->in[slot].cap == 0)
		pcp_free(q, page, order);
	else if (unlikely(!page_sheaf_push(&pcp->in[slot], page)))
		pcp_push(q, &pcp->in[slot], page, order);
	quarry_unpin(pin);
}

void quarry_get_page(struct quarry *q, struct page *page)
{
	uint64_t word = page_word(page);

	if (!alloc_is_descriptor(q->pages, page, word)) {
		quarry_report(q, "page: reference to a foreign descriptor %p", (void *)page);
		return;
	}
	do {
		if ((word & PAGE_WORD_STATE_MASK) != PAGE_WORD_ALLOC ||
		    page_word_refs(word) == PAGE_WORD_REF_MAX) {
			quarry_report(q,
				      "page: reference to pfn %#llx, which is no allocated block",
				      (unsigned long long)quarry_page_to_pfn(q, page));
			return;
		}
	} while (!alloc_change_refs(q, page, &word, word + PAGE_WORD_REF_ONE));
}

unsigned int quarry_page_count(struct quarry *q, const struct page *page)
{
	uint64_t word = page_word(page);

	(void)q;
	return (word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC ? page_word_refs(word) : 0;
}

int quarry_split_page(struct quarry *q, struct page *page, unsigned int order)
{
	uint64_t word = page != NULL ? page_word(page) : 0;
	unsigned int type = page_word_type(word);

	(void)q;
	if ((word & PAGE_WORD_STATE_MASK) != PAGE_WORD_ALLOC || page_word_order(word) != order ||
	    page_word_refs(word) != 1)
		return -QUARRY_EINVAL;
	word = (word & PAGE_WORD_ARENA_MASK) | page_word_alloc(0, type);
	for (unsigned int i = 0; i < 1u << order; i++)
		page_set_word(&page[i], word);
	return 0;
}

void *quarry_get_free_pages(struct quarry *q, gfp_t gfp, unsigned int order)
{
	struct page *page = quarry_alloc_pages(q, gfp, order);

	return page != NULL ? quarry_page_address(q, page) : NULL;
}

void quarry_free_pages_addr(struct quarry *q, void *addr, unsigned int order)
{
	struct page *page;

	if (addr == NULL)
		return;
	page = quarry_virt_to_page(q, addr);
	if (page == NULL || ((uintptr_t)addr & (QUARRY_PAGE_SIZE - 1)) != 0) {
		quarry_report(q, "page: free of %p, which is no page of this machine", addr);
		return;
	}
	quarry_free_pages(q, page, order);
}

void *quarry_alloc_pages_exact(struct quarry *q, size_t size_bytes, gfp_t gfp)
{
	size_t pages = size_bytes / QUARRY_PAGE_SIZE + (size_bytes % QUARRY_PAGE_SIZE != 0);
	unsigned int order;
	struct page *page;

	if (pages == 0 || pages > (size_t)1 << QUARRY_MAX_ORDER)
		return NULL;
	order = bits_fls(pages - 1);
	page = quarry_alloc_pages(q, gfp, order);
	if (page == NULL)
		return NULL;
	quarry_split_page(q, page, order);
	for (size_t i = pages; i < (size_t)1 << order; i++)
		quarry_free_pages(q, page + i, 0);
	return quarry_page_address(q, page);
}

void quarry_free_pages_exact(struct quarry *q, void *addr, size_t size_bytes)
{
	size_t pages = size_bytes / QUARRY_PAGE_SIZE + (size_bytes % QUARRY_PAGE_SIZE != 0);

	for (size_t i = 0; addr != NULL && i < pages; i++)
		quarry_free_pages_addr(q, (char *)addr + i * QUARRY_PAGE_SIZE, 0);
}

bool quarry_explain(struct quarry *q, struct quarry_refusal *refusal)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &q->pages->refusal_lock);

	*refusal = q->pages->refusal;
	quarry_unlock(q->concurrent, &q->pages->refusal_lock, pin);
	return refusal->serial != 0;
}
