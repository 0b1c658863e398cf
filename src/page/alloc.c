/* SPDX-License-Identifier: MIT */
/*
 * One request for pages, from flags to block; and one block back.
 *
 * Request    The common one is served by the CPU's sheaf of the first zone of its list. All others
 *            become a struct alloc_request and go to slowpath.c.
 * Free       The descriptor must say "allocated, this order"; anything else is a double free, a tail,
 *            a wrong order or a foreign page: it is reported and left alone. late.c looks later.
 *
 * Context    No lock is held between steps. A request that may not wait calls nothing that does.
 */
#include "internal.h"
#include "slab_pages.h"

#define ALLOC_ODD (__GFP_THISNODE | __GFP_ZERO) /* the short way sees to neither */
#define ALLOC_AHEAD 8u /* descriptors that are fetched before they are looked at */

#include <base/string.h>

static void alloc_zero(struct quarry *q, struct page *page, unsigned int order)
{
	if (!q->no_access)
		quarry_memset(quarry_page_address(q, page), 0, QUARRY_PAGE_SIZE << order);
}

/* The long way: @nid is a node, @order in range. */
static QUARRY_NOINLINE struct page *alloc_request(struct quarry *q, int nid, uint64_t nodes,
						  gfp_t gfp, unsigned int order,
						  const struct page_caller *caller)
{
	struct page_layer *pl = q->pages;
	const struct page_zonelist *list = zonelist_of(&pl->node[nid], (gfp & __GFP_THISNODE) != 0);
	struct alloc_request r = {
		.gfp = gfp,
		.order = order,
		.type = page_gfp_type(pl, gfp),
		.highest = pl->highest_zone[gfp & 15u],
		.flags = page_gfp_type(pl, gfp) == QUARRY_MIGRATE_MOVABLE ? ZONE_ALLOC_CMA : 0,
		.nid = nid,
		.nodes = nodes,
		.list = list->zone,
		.nr_list = list->nr,
	};
	struct page *page;

	if (page_prep_on(q) && fault_refuses(q, gfp, order))
		return NULL;
	page = slowpath_alloc(q, &r);
	if (page == NULL) {
		if (page_prep_on(q))
			prep_alloc(q, NULL, order, gfp, caller);
		return NULL;
	}
	page_set_word(page, (page_word(page) & PAGE_WORD_ARENA_MASK) |
				    page_word_alloc(order, page_gfp_type(pl, gfp)));
	cpu_count_allocs(q, page_arena_of(pl, page), order, 1);
	if (page_prep_on(q))
		prep_alloc(q, page, order, gfp, caller);
	if ((gfp & __GFP_ZERO) != 0)
		alloc_zero(q, page, order);
	return page;
}

static struct page *alloc_for(struct quarry *q, gfp_t gfp, unsigned int order, int nid,
			      const quarry_nodemask_t *nodes, const struct page_caller *caller)
{
	struct page_layer *pl = q->pages;

	if (unlikely(order > QUARRY_MAX_ORDER || nid >= pl->nr_nodes))
		return NULL;
	if (nid < 0)
		nid = page_this_nid(pl);
	return alloc_request(q, nid, nodes != NULL ? *nodes : ~(uint64_t)0,
			     quarry_gfp_context(q, gfp), order, caller);
}

/* The long way, of this CPU's node, for a call that returns to @address. */
static QUARRY_NOINLINE struct page *alloc_long(struct quarry *q, gfp_t gfp, unsigned int order,
					       const void *address)
{
	return alloc_for(q, gfp, order, QUARRY_NO_NODE, NULL,
			 &(struct page_caller){.address = address});
}

struct page *quarry_alloc_pages_nodemask(struct quarry *q, gfp_t gfp, unsigned int order, int nid,
					 const quarry_nodemask_t *nodes)
{
	return alloc_for(q, gfp, order, nid, nodes,
			 &(struct page_caller){.address = QUARRY_RETURN_ADDRESS()});
}

struct page *quarry_alloc_pages_node(struct quarry *q, int nid, gfp_t gfp, unsigned int order)
{
	return alloc_for(q, gfp, order, nid, NULL,
			 &(struct page_caller){.address = QUARRY_RETURN_ADDRESS()});
}

struct page *quarry_alloc_pages_at(struct quarry *q, gfp_t gfp, unsigned int order,
				   const struct quarry_page_site *site)
{
	/* While nobody wants to know, the short way is the best one. */
	if (!page_prep_on(q))
		return quarry_alloc_pages(q, gfp, order);
	return alloc_for(q, gfp, order, QUARRY_NO_NODE, NULL, &(struct page_caller){.site = site});
}

struct page *page_alloc_for(struct quarry *q, gfp_t gfp, unsigned int order, const void *address)
{
	return page_prep_on(q) ? alloc_long(q, gfp, order, address)
			       : quarry_alloc_pages(q, gfp, order);
}

/* A block of @s, whose cur has the blocks @mask. Inside. */
static QUARRY_ALWAYS_INLINE struct page *alloc_pop(struct page_sheaf *s, uint64_t mask)
{
	struct page *page = page_sheaf_pop(s, mask);

	page_set_word(page, page_word(page) | s->word);
	QUARRY_ASSUME(page != NULL);
	return page;
}

/*
 * The short way: the first zone of the list has a block in a sheaf, which is filled if @fill, and stays above its
 * low watermark. Inside; NULL: take the long way.
 */
static QUARRY_ALWAYS_INLINE struct page *alloc_short(struct quarry *q, struct page_cpu *cpu,
						     gfp_t gfp, unsigned int slot, bool fill)
	QUARRY_REQUIRES(cpu->lock)
{
	const struct page_fast *f = &cpu->fast[slot];
	size_t bits = gfp % PAGE_FAST_BITS;
	struct page_sheaf *s = f->out[bits];
	uint64_t mask = s->cur.mask;

	if (unlikely(mask == 0) && (!fill || s->cap == 0))
		return NULL;
	if (unlikely(quarry_load_relaxed(&s->zone->nr_free) <= quarry_load_relaxed(&f->mark[bits])))
		return NULL;
	if (fill && mask == 0) {
		if (!pcp_refill(q, cpu, s, slot))
			return NULL;
		mask = s->cur.mask;
	}
	return alloc_pop(s, mask);
}

/*
 * All that the shortest way could not do. In functions of its own, so that that one saves no register. The CPU is
 * inside and comes out.
 */
static QUARRY_NOINLINE struct page *alloc_inside(struct quarry *q, gfp_t gfp, unsigned int order,
						 quarry_pin_t pin, struct page_cpu *cpu,
						 const void *address) QUARRY_RELEASES(cpu->lock)
{
	struct page *page = alloc_short(q, cpu, gfp, (unsigned int)pcp_slot(order), true);

	quarry_cpu_leave(&cpu->lock);
	quarry_unpin(pin);
	return page != NULL ? page : alloc_long(q, gfp, order, address);
}

/*
 * An order that no sheaf holds, out of the first zone of the list, if all that the long way would look at there is
 * as usual. Inside, and comes out; NULL: take that way.
 */
static QUARRY_NOINLINE struct page *alloc_uncached(struct quarry *q, gfp_t gfp, unsigned int order,
						   quarry_pin_t pin, struct page_cpu *cpu)
	QUARRY_RELEASES(cpu->lock)
{
	const struct page_fast *f = &cpu->fast[0];
	const struct page_sheaf *s = f->out[gfp % PAGE_FAST_BITS];
	unsigned long mark = quarry_load_relaxed(&f->mark[gfp % PAGE_FAST_BITS]);
	struct page_zone *z = s->zone;
	unsigned int type = page_word_type(s->word);
	struct page *page = NULL;
	uint32_t hint;

	quarry_cpu_leave(&cpu->lock);
	quarry_unpin(pin);
	if (z == NULL || quarry_load_relaxed(&z->special) != 0 ||
	    quarry_load_relaxed(&z->nr_unaccepted) != 0 ||
	    quarry_load_relaxed(&z->nr_free) < mark + ((uint64_t)1 << order))
		return NULL;
	hint = zone_first_arena(z, type);
	page = zone_take_listed(q, z, &hint, order, type);
	if (page == NULL)
		return NULL;
	page_set_word(page, page_word(page) | page_word_alloc(order, type));
	cpu_count_allocs(q, page_arena_of(q->pages, page), order, 1);
	return page;
}

/* What the shortest way could not enter for. Not inside. */
static QUARRY_NOINLINE struct page *alloc_next(struct quarry *q, gfp_t gfp, unsigned int order,
					       quarry_pin_t pin, const void *address)
{
	struct page_cpu *cpu = page_this_cpu(q);
	struct page *page;

	if (order > QUARRY_MAX_ORDER || !quarry_cpu_enter_common(&cpu->lock)) {
		quarry_unpin(pin);
		return alloc_long(q, gfp, order, address);
	}
	/* Where CPUs fence, all come by here. */
	if (pcp_slot(order) >= 0)
		return alloc_inside(q, gfp, order, pin, cpu, address);
	page = alloc_uncached(q, gfp, order, pin, cpu);
	return page != NULL ? page : alloc_long(q, gfp, order, address);
}

/* For an @order that the compiler may know, and its @slot. */
static QUARRY_ALWAYS_INLINE struct page *alloc_pages(struct quarry *q, gfp_t gfp,
						     unsigned int order, unsigned int slot)
{
	quarry_pin_t pin = quarry_pin();
	struct page_cpu *cpu = page_this_cpu(q);
	struct page *page;

	if (unlikely(slot > PAGE_PCP_HUGE) || unlikely(!quarry_cpu_enter_open(&cpu->lock)))
		return alloc_next(q, gfp, order, pin, QUARRY_RETURN_ADDRESS());
	page = alloc_short(q, cpu, gfp, slot, false);
	if (unlikely(page == NULL))
		return alloc_inside(q, gfp, order, pin, cpu, QUARRY_RETURN_ADDRESS());
	quarry_cpu_leave(&cpu->lock);
	quarry_unpin(pin);
	return page;
}

/* With a flag of ALLOC_ODD: by the short way, if all that is wanted is zeroes, and that way is open. */
static QUARRY_NOINLINE struct page *alloc_odd(struct quarry *q, gfp_t gfp, unsigned int order,
					      const void *address)
{
	quarry_pin_t pin = quarry_pin();
	struct page_cpu *cpu = page_this_cpu(q);
	struct page *page = NULL;

	if ((gfp & __GFP_THISNODE) == 0 && pcp_slot(order) >= 0 &&
	    quarry_cpu_enter_common(&cpu->lock)) {
		page = alloc_short(q, cpu, gfp, (unsigned int)pcp_slot(order), true);
		quarry_cpu_leave(&cpu->lock);
	}
	quarry_unpin(pin);
	if (page == NULL)
		return alloc_long(q, gfp, order, address);
	alloc_zero(q, page, order);
	return page;
}

struct page *quarry_alloc_pages(struct quarry *q, gfp_t gfp, unsigned int order)
{
	if (unlikely((gfp & ALLOC_ODD) != 0))
		return alloc_odd(q, gfp, order, QUARRY_RETURN_ADDRESS());
	/* Single pages by a copy of their own. */
	return order == 0 ? alloc_pages(q, gfp, 0, 0)
			  : alloc_pages(q, gfp, order, (unsigned int)pcp_slot(order));
}

/* Changes an allocated block's count from what @word says; false: another CPU did, @word is new. */
static bool alloc_change_refs(struct quarry *q, struct page *page, uint64_t *word, uint64_t to)
{
	if (q->concurrent)
		return quarry_cmpxchg(&page->word, word, to);
	page_set_word(page, to);
	return true;
}

QUARRY_COLD int alloc_judge_odd(struct quarry *q, struct page *page, unsigned int order,
				uint64_t *said)
{
	uint64_t word = *said = page_word(page);

	if (!memmap_is_descriptor(q->pages, page, word))
		return -1;
	while ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC && page_word_order(word) == order) {
		if (page_word_refs(word) <= 1) {
			/* One that can be moved: compaction may take a reference at this moment. */
			if (page_word_mover(word) == 0 ||
			    alloc_change_refs(q, page, &word,
					      (word & PAGE_WORD_ARENA_MASK) |
						      page_word_alloc(order, page_word_type(word))))
				return 1;
			continue;
		}
		if (alloc_change_refs(q, page, &word, word - PAGE_WORD_REF_ONE))
			return 0;
	}
	*said = word;
	return -1;
}

QUARRY_COLD void alloc_tell_odd(struct quarry *q, struct page *page, unsigned int order,
				uint64_t word)
{
	unsigned long long pfn;

	if (!memmap_is_descriptor(q->pages, page, word)) {
		quarry_report(q, "page: free of a foreign descriptor %p", (void *)page);
		return;
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
	if (page_prep_on(q))
		pageowner_report(q, page);
}

QUARRY_COLD bool alloc_free_odd(struct quarry *q, struct page *page, unsigned int order)
{
	uint64_t word;
	int free = alloc_judge_odd(q, page, order, &word);

	if (free < 0)
		alloc_tell_odd(q, page, order, word);
	return free > 0;
}

/* For a call that returns to @address; @batched: one of many, told so in the trace. */
static QUARRY_NOINLINE void alloc_free_long(struct quarry *q, struct page *page, unsigned int order,
					    const void *address, bool batched)
{
	uint64_t word;

	if (page == NULL)
		return;
	/* Acquire: what other CPUs did to the block before they let go of it. */
	word = quarry_load_acquire(&page->word);
	if ((!alloc_may_free_any(q->pages, page, word, order) || order > QUARRY_MAX_ORDER) &&
	    !alloc_free_odd(q, page, order))
		return;
	if (page_prep_on(q))
		prep_free(q, page, order, address, batched);
	page_set_word(page, word & PAGE_WORD_ARENA_MASK); /* PAGE_WORD_FREE */
	pcp_free(q, page, order);
}

/*
 * What follows the shortest way, in functions of its own, so that that one saves no register. The CPU is
 * inside and comes out; the page is none of the 64 about the one before, or something is wrong with it.
 */
static QUARRY_NOINLINE void alloc_free_inside(struct page_cpu *cpu, struct page *page,
					      unsigned int order, quarry_pin_t pin,
					      const void *address) QUARRY_RELEASES(cpu->lock)
{
	struct quarry *q = cpu->q;
	/* Acquire: what other CPUs did to the block before they let go of it. */
	uint64_t word = page != NULL ? quarry_load_acquire(&page->word) : 0;
	bool put = false; /* something went to its arena */

	if (unlikely(!alloc_may_free_any(q->pages, page, word, order))) {
		quarry_cpu_leave(&cpu->lock);
		quarry_unpin(pin);
		alloc_free_long(q, page, order, address, false);
		return;
	}
	page_set_word(page, word & PAGE_WORD_ARENA_MASK); /* PAGE_WORD_FREE */
	if (unlikely(word < quarry_load_relaxed(&q->strict_below))) {
		put = true;
		pcp_push_counted(q, cpu, page, order);
	} else if (likely(order == 0)) { /* the same with addresses that the compiler knows */
		put = pcp_push(cpu, page, 0);
		if (unlikely(put))
			pcp_in_stage(q, cpu, 0);
	} else {
		put = pcp_push(cpu, page, order);
		if (unlikely(put))
			pcp_in_stage(q, cpu, order);
	}
	quarry_cpu_leave(&cpu->lock);
	quarry_unpin(pin);
	if (unlikely(put))
		arena_tell(q);
}

/* The same of a whole pageblock. */
static QUARRY_NOINLINE void alloc_free_huge(struct page_cpu *cpu, struct page *page,
					    quarry_pin_t pin, const void *address)
	QUARRY_RELEASES(cpu->lock)
{
	struct quarry *q = cpu->q;
	uint64_t word;
	bool put;

	if (cpu->late_huge_on && likely(((uintptr_t)page & 7) == 0)) {
		put = late_push_huge(cpu, page);
		if (put)
			late_give_huge(q, cpu);
		quarry_cpu_leave(&cpu->lock);
		quarry_unpin(pin);
		if (put)
			arena_tell(q);
		return;
	}
	word = page != NULL ? quarry_load_acquire(&page->word) : 0;
	if (unlikely(!alloc_may_free_any(q->pages, page, word, QUARRY_PAGEBLOCK_ORDER))) {
		quarry_cpu_leave(&cpu->lock);
		quarry_unpin(pin);
		alloc_free_long(q, page, QUARRY_PAGEBLOCK_ORDER, address, false);
		return;
	}
	page_set_word(page, word & PAGE_WORD_ARENA_MASK); /* PAGE_WORD_FREE */
	put = pcp_free_huge(q, cpu, page, page_word_type(word));
	quarry_cpu_leave(&cpu->lock);
	quarry_unpin(pin);
	if (unlikely(put))
		arena_tell(q);
}

/* Inside, and comes out: there is no room for another late block. */
static QUARRY_NOINLINE void alloc_free_late(struct page_cpu *cpu, quarry_pin_t pin)
	QUARRY_RELEASES(cpu->lock)
{
	struct quarry *q = cpu->q;

	late_give_old(q, cpu);
	quarry_cpu_leave(&cpu->lock);
	quarry_unpin(pin);
	arena_tell(q);
}

/*
 * The shortest way: @page joins the open hand, or is late. Inside. 0: it was neither; 1: it is done; 2: it is, and
 * late blocks are due.
 */
static QUARRY_ALWAYS_INLINE int alloc_free_short(struct page_cpu *cpu, struct page *page,
						 unsigned int order) QUARRY_REQUIRES(cpu->lock)
{
	struct page_hand *h = &cpu->open[order];
	uintptr_t offset = (uintptr_t)page - (uintptr_t)h->base;
	uint64_t word;

	/* In the same 64 pages as the one before? Then it is a page, and its zone does not matter. */
	if (likely(offset < PAGE_WORD_BYTES)) {
		word = quarry_load_acquire(&page->word); /* as in alloc_free_inside() */
		if (unlikely(!alloc_may_free(word, order)))
			return 0;
		page_set_word(page, word & PAGE_WORD_ARENA_MASK);
		h->mask |= (uint64_t)1 << (offset / sizeof(*page));
		return 1;
	}
	if (cpu->late_on && likely(((uintptr_t)page & 7) == 0))
		return 1 + late_push(cpu, page, order);
	return 0;
}

/*
 * The same of a whole pageblock, which stays in the sheaf that it comes from; 0 or 1. What pcp_free_huge() has looked at
 * is as it was, or the sheaf would have been emptied.
 */
static QUARRY_ALWAYS_INLINE int alloc_free_round(struct page_cpu *cpu, struct page *page)
	QUARRY_REQUIRES(cpu->lock)
{
	struct page_sheaf *s = cpu->round.sheaf;
	uint64_t word;

	if (unlikely(s == NULL) || s->cur.base != page || s->cur.mask != 0 ||
	    unlikely(quarry_load_relaxed(&cpu->round.pb->type) != page_word_type(s->word)))
		return 0;
	word = quarry_load_acquire(&page->word); /* as in alloc_free_inside() */
	if (unlikely((word & ~PAGE_WORD_ARENA_MASK) != s->word))
		return 0;
	page_set_word(page, word & PAGE_WORD_ARENA_MASK);
	s->cur.mask = 1;
	s->kept++;
	return 1;
}

/* What the shortest way could not enter for, or not do. Not inside. */
static QUARRY_NOINLINE void alloc_free_next(struct page_cpu *cpu, struct page *page,
					    unsigned int order, quarry_pin_t pin,
					    const void *address)
{
	struct quarry *q = cpu->q;
	int done;

	if (pcp_slot(order) >= 0 && quarry_cpu_enter_common(&cpu->lock)) {
		/* Where CPUs fence, all come by here. */
		done = order < PAGE_PCP_ORDERS ? alloc_free_short(cpu, page, order)
					       : alloc_free_round(cpu, page);
		if (done == 2)
			late_give_old(q, cpu);
		if (done != 0) {
			quarry_cpu_leave(&cpu->lock);
			quarry_unpin(pin);
			if (done == 2)
				arena_tell(q);
			return;
		}
		if (order < PAGE_PCP_ORDERS)
			alloc_free_inside(cpu, page, order, pin, address);
		else
			alloc_free_huge(cpu, page, pin, address);
		return;
	}
	quarry_unpin(pin);
	alloc_free_long(q, page, order, address, false);
}

/* For an @order that the compiler may know. */
static QUARRY_ALWAYS_INLINE void alloc_free(struct quarry *q, struct page *page, unsigned int order)
{
	quarry_pin_t pin = quarry_pin();
	struct page_cpu *cpu = page_this_cpu(q);
	int done;

	if (unlikely(pcp_slot(order) < 0) || unlikely(!quarry_cpu_enter_open(&cpu->lock))) {
		alloc_free_next(cpu, page, order, pin, QUARRY_RETURN_ADDRESS());
		return;
	}
	done = order < PAGE_PCP_ORDERS ? alloc_free_short(cpu, page, order)
				       : alloc_free_round(cpu, page);
	if (likely(done == 1)) {
		quarry_cpu_leave(&cpu->lock);
		quarry_unpin(pin);
	} else if (done == 2) {
		alloc_free_late(cpu, pin);
	} else if (order < PAGE_PCP_ORDERS) {
		alloc_free_inside(cpu, page, order, pin, QUARRY_RETURN_ADDRESS());
	} else {
		alloc_free_huge(cpu, page, pin, QUARRY_RETURN_ADDRESS());
	}
}

void quarry_free_pages(struct quarry *q, struct page *page, unsigned int order)
{
	if (likely(order == 0))
		alloc_free(q, page, 0);
	else
		alloc_free(q, page, order);
}

void quarry_release_pages(struct quarry *q, struct page **pages, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		unsigned int order;

		if (i + ALLOC_AHEAD < nr && pages[i + ALLOC_AHEAD] != NULL)
			quarry_prefetch(pages[i + ALLOC_AHEAD]);
		if (pages[i] == NULL)
			continue;
		order = page_word_order(page_word(pages[i]));
		if (page_prep_on(q))
			alloc_free_long(q, pages[i], order, QUARRY_RETURN_ADDRESS(), order == 0);
		else
			quarry_free_pages(q, pages[i], order);
	}
}

void quarry_get_page(struct quarry *q, struct page *page)
{
	uint64_t word = page_word(page);

	if (!memmap_is_descriptor(q->pages, page, word)) {
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
	uint64_t word;

	late_settle_own(q); /* a reference that this CPU has just dropped does not count */
	word = page_word(page);
	return (word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC ? page_word_refs(word) : 0;
}

int quarry_split_page(struct quarry *q, struct page *page, unsigned int order)
{
	uint64_t word, plain;

	late_settle_own(q);
	word = page != NULL ? page_word(page) : 0;
	do {
		if ((word & PAGE_WORD_STATE_MASK) != PAGE_WORD_ALLOC ||
		    page_word_order(word) != order || page_word_refs(word) != 1)
			return -QUARRY_EINVAL;
		plain = (word & PAGE_WORD_ARENA_MASK) |
			page_word_alloc(order, page_word_type(word));
		/* Of one that can be moved compaction may take a reference at this moment; of a plain one not. */
	} while (page_word_mover(word) != 0 && !alloc_change_refs(q, page, &word, plain));
	if (page_prep_on(q))
		prep_split(q, page, order);
	word = (word & PAGE_WORD_ARENA_MASK) | page_word_alloc(0, page_word_type(word));
	for (unsigned int i = 0; i < 1u << order; i++)
		page_set_word(&page[i], word);
	return 0;
}

/* quarry_alloc_pages() for a call that returns to @address. */
static struct page *alloc_from(struct quarry *q, gfp_t gfp, unsigned int order, const void *address)
{
	return page_prep_on(q) ? alloc_long(q, gfp, order, address)
			       : quarry_alloc_pages(q, gfp, order);
}

void *quarry_get_free_pages(struct quarry *q, gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_from(q, gfp, order, QUARRY_RETURN_ADDRESS());

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
	page = alloc_from(q, gfp, order, QUARRY_RETURN_ADDRESS());
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

	if (addr != NULL && pages > (size_t)1 << QUARRY_MAX_ORDER) {
		quarry_report(q, "page: free of %llu pages at %p, more than one call gives; kept",
			      (unsigned long long)pages, addr);
		return;
	}
	for (size_t i = 0; addr != NULL && i < pages; i++)
		quarry_free_pages_addr(q, (char *)addr + i * QUARRY_PAGE_SIZE, 0);
}
