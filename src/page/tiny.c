/* SPDX-License-Identifier: MIT */
/*
 * Pages with QUARRY_TINY: requests and frees on a machine of one zone, one CPU and one migratetype.
 *
 * Problem    The same calls as alloc.c's, where neither CPUs nor nodes nor types of pages are told apart: the buddy
 *            system (arena.c) is asked directly, with the CPU pinned, which is the lock.
 *
 * Request    At the low watermark; then, after the background reclaimer is woken, at min as lowered by its
 *            rights; a request that may wait has the port reclaim, as long as that frees something, and asks
 *            port.oom last. Requests that come while the port reclaims do not wait. What is refused says why:
 *            quarry_explain().
 *
 * Free       The descriptor must say "allocated, this order"; anything else is reported and left alone.
 *
 * Cost       No block is kept back: a request splits and a free merges, in one word of a bitmap. Arenas, one for each
 *            range of memory, are asked in turn.
 */
#include "internal.h"

#include <base/meta.h>
#include <base/string.h>

#define TINY_ROUNDS 16u /* of reclaim, for one request */

/* ---- requests ---- */

/* Below the low watermark: how deep the request may go. */
static unsigned int tiny_rights(gfp_t gfp)
{
	if ((gfp & (__GFP_MEMALLOC | __GFP_NOMEMALLOC)) == __GFP_MEMALLOC)
		return ZONE_ALLOC_NO_MARK;
	return ((gfp & __GFP_HIGH) != 0 ? ZONE_ALLOC_HIGH : 0) |
	       ((gfp & (__GFP_ATOMIC | __GFP_NOMEMALLOC)) == __GFP_ATOMIC ? ZONE_ALLOC_HARDER : 0);
}

/* Free pages that must stay for others: @mark as lowered by @rights. */
static unsigned long tiny_mark(const struct page_zone *z, enum quarry_watermark mark,
			       unsigned int rights)
{
	unsigned long pages = z->wmark[mark];

	if ((rights & ZONE_ALLOC_NO_MARK) != 0)
		return 0;
	if ((rights & ZONE_ALLOC_HIGH) != 0)
		pages -= pages / 2;
	if ((rights & ZONE_ALLOC_HARDER) != 0)
		pages -= pages / 4;
	return pages;
}

static struct page *tiny_take(struct quarry *q, unsigned int order, enum quarry_watermark mark,
			      unsigned int rights)
{
	struct page_layer *pl = q->pages;
	unsigned long keep = tiny_mark(pl->zone, mark, rights);
	quarry_pin_t pin = quarry_pin();
	struct page *page = NULL;

	if (pl->zone->nr_free >= keep + ((pfn_t)1 << order))
		for (uint32_t i = 0; i < pl->nr_arenas && page == NULL; i++) {
			struct page_arena *a = &pl->arena[i];

			arena_is_mine(a);
			page = arena_take(q, a, order, QUARRY_MIGRATE_UNMOVABLE);
		}
	if (page != NULL) {
		page_set_word(page,
			      (page_word(page) & PAGE_WORD_ARENA_MASK) | page_word_alloc(order, 0));
		pl->pgalloc += (uint64_t)1 << order;
		pl->allocs++;
	}
	quarry_unpin(pin);
	return page;
}

/* Of the largest free block; -1: there is none. */
static int tiny_largest_order(const struct page_layer *pl)
{
	unsigned int orders = 0;

	for (uint32_t i = 0; i < pl->nr_arenas; i++)
		orders |= pl->arena[i].order_mask[QUARRY_MIGRATE_UNMOVABLE];
	return (int)bits_fls(orders) - 1;
}

/* What lacked, for quarry_explain(). */
static QUARRY_COLD void tiny_refuse(struct quarry *q, gfp_t gfp, unsigned int order,
				    unsigned int rights)
{
	struct quarry_refusal *f = &q->pages->refusal;
	const struct page_zone *z = q->pages->zone;
	unsigned long need = tiny_mark(z, QUARRY_WMARK_MIN, rights) + (1ul << order);
	quarry_pin_t pin = quarry_pin();

	f->serial++;
	f->gfp = gfp;
	f->order = order;
	f->nr_zones = 1;
	f->other_nid = QUARRY_NO_NODE;
	f->zones[0].zone = QUARRY_ZONE_NORMAL;
	f->zones[0].free = (unsigned long)z->nr_free;
	f->zones[0].watermark = need - (1ul << order);
	f->zones[0].largest_order = f->zones[0].largest_allowed = tiny_largest_order(q->pages);
	f->lacking = f->zones[0].lacking = need > z->nr_free ? need - (unsigned long)z->nr_free : 0;
	f->zones[0].reason = f->lacking != 0 ? QUARRY_REFUSED_WATERMARK : QUARRY_REFUSED_ORDER;
	f->remedies = f->lacking != 0 ? QUARRY_REMEDY_RECLAIM : QUARRY_REMEDY_COMPACT;
	f->total[f->zones[0].reason]++;
	quarry_unpin(pin);
	if ((gfp & __GFP_NOWARN) == 0)
		quarry_log(q, QUARRY_LOG_WARN, "page: order %u refused, gfp %#x, %lu pages free",
			   order, gfp, (unsigned long)z->nr_free);
}

/* Has the host free something; false: it cannot. Once for all who wait. */
static bool tiny_reclaim(struct quarry *q, gfp_t gfp, unsigned int order)
{
	const struct quarry_port *port = &q->port;
	bool done = false;

	q->pages->reclaiming = true;
	if (port->reclaim != NULL)
		done = port->reclaim(port->ctx, 0, gfp, order, 1ul << order) != 0;
	if (!done && port->oom != NULL && (gfp & (__GFP_NORETRY | __GFP_RETRY_MAYFAIL)) == 0)
		done = port->oom(port->ctx, 0, gfp, order);
	q->pages->reclaiming = false;
	return done;
}

/* After the low watermark: what may be tried, and the refusal. */
static QUARRY_NOINLINE struct page *tiny_slow(struct quarry *q, gfp_t gfp, unsigned int order)
{
	const struct quarry_port *port = &q->port;
	bool may_wait = (gfp & __GFP_DIRECT_RECLAIM) != 0 && !q->pages->reclaiming;
	unsigned int rounds = (gfp & __GFP_NORETRY) != 0 ? 1 : TINY_ROUNDS;
	unsigned int rights = tiny_rights(gfp);
	struct page *page;

	if (port->wake != NULL && (gfp & __GFP_KSWAPD_RECLAIM) != 0)
		port->wake(port->ctx, 0, order);
	page = tiny_take(q, order, QUARRY_WMARK_MIN, rights);
	while (page == NULL && may_wait && rounds-- > 0 && tiny_reclaim(q, gfp, order))
		page = tiny_take(q, order, QUARRY_WMARK_MIN, rights);
	if (page == NULL && may_wait && (gfp & __GFP_NOFAIL) != 0) {
		rights = ZONE_ALLOC_NO_MARK;
		while ((page = tiny_take(q, order, QUARRY_WMARK_MIN, rights)) == NULL &&
		       port->wait != NULL) {
			port->wait(port->ctx, 0);
			tiny_reclaim(q, gfp, order);
		}
	}
	if (page == NULL)
		tiny_refuse(q, gfp, order, rights);
	return page;
}

struct page *quarry_alloc_pages(struct quarry *q, gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (order > QUARRY_MAX_ORDER)
		return NULL;
	page = tiny_take(q, order, QUARRY_WMARK_LOW, 0);
	if (page == NULL)
		page = tiny_slow(q, gfp, order);
	if (page != NULL && (gfp & __GFP_ZERO) != 0)
		quarry_memset(quarry_page_address(q, page), 0, QUARRY_PAGE_SIZE << order);
	return page;
}

struct page *quarry_alloc_pages_node(struct quarry *q, int nid, gfp_t gfp, unsigned int order)
{
	return nid > 0 ? NULL : quarry_alloc_pages(q, gfp, order);
}

void *quarry_get_free_pages(struct quarry *q, gfp_t gfp, unsigned int order)
{
	struct page *page = quarry_alloc_pages(q, gfp, order);

	return page != NULL ? quarry_page_address(q, page) : NULL;
}

/* ---- frees ---- */

/* Whether @page is an allocated block of @order. Pinned. */
static bool tiny_is_block(const struct quarry *q, const struct page *page, unsigned int order)
{
	uint64_t word;

	for (uint32_t i = 0; i < q->pages->nr_arenas; i++) {
		if (!memmap_is_descriptor(q->pages, page, (uint64_t)i << PAGE_WORD_ARENA_SHIFT))
			continue;
		word = page_word(page);
		return (word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC &&
		       page_word_order(word) == order;
	}
	return false;
}

static QUARRY_COLD void tiny_complain(struct quarry *q, const struct page *page, unsigned int order)
{
	quarry_report(q,
		      "page: %p is no allocated block of order %u (double free, wrong order); kept",
		      (const void *)page, order);
}

void quarry_free_pages(struct quarry *q, struct page *page, unsigned int order)
{
	quarry_pin_t pin = quarry_pin();
	bool good = page == NULL || tiny_is_block(q, page, order);
	struct page_arena *a;
	uint64_t word;

	if (page != NULL && good) {
		word = page_word(page) - PAGE_WORD_REF_ONE;
		if (page_word_refs(word) != 0) {
			page_set_word(page, word);
		} else {
			page_set_word(page, word & PAGE_WORD_ARENA_MASK); /* PAGE_WORD_FREE */
			q->pages->pgfree += (uint64_t)1 << order;
			q->pages->frees++;
			a = page_arena_of(q->pages, page);
			arena_is_mine(a);
			arena_put(q, a, quarry_page_to_pfn(q, page), order);
		}
	}
	quarry_unpin(pin);
	if (!good)
		tiny_complain(q, page, order);
}

void quarry_free_pages_addr(struct quarry *q, void *addr, unsigned int order)
{
	if (addr != NULL && ((uintptr_t)addr & (QUARRY_PAGE_SIZE - 1)) == 0)
		quarry_free_pages(q, quarry_virt_to_page(q, addr), order);
	else if (addr != NULL)
		quarry_report(q, "page: free of %p, which is no page", addr);
}

void quarry_get_page(struct quarry *q, struct page *page)
{
	quarry_pin_t pin = quarry_pin();
	uint64_t word = page_word(page);
	bool good = tiny_is_block(q, page, page_word_order(word)) &&
		    page_word_refs(word) != PAGE_WORD_REF_MAX;

	if (good)
		page_set_word(page, word + PAGE_WORD_REF_ONE);
	quarry_unpin(pin);
	if (!good)
		tiny_complain(q, page, page_word_order(word));
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

	(void)q;
	if ((word & ~PAGE_WORD_IGNORED) != page_word_alloc(order, 0))
		return -QUARRY_EINVAL;
	for (unsigned int i = 0; i < 1u << order; i++)
		page_set_word(&page[i], (word & PAGE_WORD_ARENA_MASK) | page_word_alloc(0, 0));
	return 0;
}

/* No CPU keeps any. */
void quarry_drain_all_pages(struct quarry *q)
{
	(void)q;
}

/* ---- the library's own tables ---- */

void *quarry_meta_alloc_node(struct quarry *q, size_t size_bytes, int nid)
{
	unsigned int order = bits_get_order(size_bytes);
	struct page *page = NULL;
	quarry_pin_t pin;
	phys_addr_t phys;
	void *p = NULL;

	if (q->stage < QUARRY_STAGE_PAGES) {
		phys = quarry_memblock_phys_alloc_try_nid(q, size_bytes, 64, nid);
		if (phys != 0)
			p = quarry_phys_to_virt(q, phys);
	} else {
		size_bytes = QUARRY_PAGE_SIZE << order;
		if (order <= QUARRY_MAX_ORDER)
			page = tiny_take(q, order, QUARRY_WMARK_MIN,
					 ZONE_ALLOC_HIGH | ZONE_ALLOC_HARDER);
		if (page != NULL)
			p = quarry_page_address(q, page);
	}
	if (p == NULL)
		return NULL;
	pin = quarry_pin();
	q->meta_bytes += size_bytes;
	quarry_unpin(pin);
	return quarry_memset(p, 0, size_bytes);
}

void *quarry_meta_alloc(struct quarry *q, size_t size_bytes)
{
	return quarry_meta_alloc_node(q, size_bytes, QUARRY_NO_NODE);
}

/* ---- questions ---- */

bool quarry_explain(struct quarry *q, struct quarry_refusal *refusal)
{
	quarry_pin_t pin = quarry_pin();

	*refusal = q->pages->refusal;
	quarry_unpin(pin);
	return refusal->serial != 0;
}

const char *quarry_zone_name(enum quarry_zone_type zone)
{
	return zone == QUARRY_ZONE_NORMAL ? "Normal" : "?";
}

bool quarry_node_present(struct quarry *q, int nid)
{
	return q->pages != NULL && nid == 0;
}

bool quarry_zone_info(struct quarry *q, int nid, enum quarry_zone_type zone,
		      struct quarry_zone_info *info)
{
	const struct page_zone *z = q->pages->zone;

	*info = (struct quarry_zone_info){.name = quarry_zone_name(zone)};
	if (nid != 0 || zone != QUARRY_ZONE_NORMAL)
		return false;
	info->start_pfn = z->start_pfn;
	info->spanned = z->spanned;
	info->present = z->present;
	info->managed = z->managed;
	info->free = (unsigned long)z->nr_free;
	info->nr_arenas = q->pages->nr_arenas;
	for (unsigned int i = 0; i < QUARRY_NR_WMARK; i++)
		info->wmark[i] = z->wmark[i];
	for (uint32_t k = 0; k < q->pages->nr_arenas; k++) {
		const struct page_arena *a = &q->pages->arena[k];

		info->nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE] += a->nr_pb;
		for (unsigned int i = 0; i < a->nr_pb; i++)
			pageblock_count_runs(a->bits[i], info->nr_free);
	}
	quarry_memcpy(info->nr_free_type[QUARRY_MIGRATE_UNMOVABLE], info->nr_free,
		      sizeof(info->nr_free));
	return true;
}

void quarry_totals(struct quarry *q, struct quarry_totals *totals)
{
	const struct page_layer *pl = q->pages;

	*totals = (struct quarry_totals){
		.present = pl->zone->present,
		.managed = pl->zone->managed,
		.free = (unsigned long)pl->zone->nr_free,
		.min_free_kbytes = pl->min_free_kbytes,
		.totalreserve = quarry_min(pl->zone->wmark[QUARRY_WMARK_HIGH], pl->zone->managed),
		.nr_nodes = 1,
		.nr_cpus = 1,
		.meta_bytes = q->meta_bytes,
		.pgalloc = pl->pgalloc,
		.pgfree = pl->pgfree,
		.allocs = pl->allocs,
		.frees = pl->frees,
		.refused = pl->refusal.serial,
	};
}
