/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU sheaves of pages: what makes order 0 to 3 and 9 cheap.
 *
 * For each zone a CPU holds sheaves of blocks to hand out, by migratetype and order, filled in one go
 * from the CPU's own arena, and sheaves of blocks taken back, by order. The two are apart on purpose:
 * a page just freed goes back to its pageblock before it is handed out again. A single stack would
 * pass the same scattered pages round for ever and no pageblock would become whole.
 *
 * Pages in a sheaf are not free pages of the zone, as in Linux. On a concurrent machine each set of
 * sheaves has a lock, which its own CPU nearly always finds free; so any CPU can empty any other's.
 */
#include "internal.h"

static quarry_pin_t pcp_lock(struct quarry *q, struct page_pcp *pcp)
{
	return q->concurrent ? quarry_lock(true, &pcp->lock) : quarry_pin();
}

static void pcp_unlock(struct quarry *q, struct page_pcp *pcp, quarry_pin_t pin)
{
	if (q->concurrent)
		quarry_unlock(true, &pcp->lock, pin);
	else
		quarry_unpin(pin);
}

/* Lets requests whose first zone is @z take the short way to @pcp. */
static void pcp_open_fast(struct quarry *q, unsigned int cpu, const struct page_zone *z,
			  struct page_pcp *pcp)
{
	struct page_layer *pl = q->pages;
	const struct page_node *node = &pl->node[pl->cpu[cpu].nid];

	for (unsigned int bits = 0; bits < PAGE_FAST_BITS; bits++) {
		unsigned int highest = pl->highest_zone[bits & 15u], i = 0;
		unsigned int type = page_gfp_type(pl, bits);

		while (i < node->nr_list && node->list[i]->type > highest)
			i++;
		if (i < node->nr_list && node->list[i] == z) {
			struct page_fast f = {
				.out = pcp->out[type],
				.zone_free = &z->nr_free,
				.word = page_word_alloc(0, type),
				.allocs = pl->cpu[cpu].allocs[z->type],
			};

			watermark_open_fast(q, cpu, bits, &f, z);
		}
	}
}

/* This CPU's sheaves for @z, made at first use; NULL: no memory for them. */
static QUARRY_NOINLINE struct page_pcp *pcp_make(struct quarry *q, unsigned int cpu,
						 const struct page_zone *z)
{
	struct page_layer *pl = q->pages;
	struct page_pcp *pcp, *expected = NULL;

	pcp = quarry_meta_alloc_node(q, sizeof(*pcp), pl->cpu[cpu].mem_nid);
	if (pcp == NULL)
		return NULL;
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		pcp->in[slot].cap = z->sheaf_cap[slot];
		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++)
			pcp->out[t][slot].cap = z->sheaf_cap[slot];
	}
	/* CPUs start in arenas of their own. */
	pcp->arena = z->arena_first +
		     (uint32_t)((uint64_t)(z->arena_last - z->arena_first) * cpu / pl->nr_cpus);
	if (!quarry_cmpxchg(&pl->cpu[cpu].pcp[z->index], &expected, pcp)) {
		quarry_meta_free(q, pcp);
		pcp = expected;
	}
	if (!q->concurrent)
		pcp_open_fast(q, cpu, z, pcp);
	return pcp;
}

/*
 * The sheaves for @z of the CPU that this runs on. It may be another one by the time they are used; the
 * lock then keeps the two apart, and on a machine with one CPU there is no other.
 */
static inline struct page_pcp *pcp_of(struct quarry *q, const struct page_zone *z)
{
	quarry_pin_t pin = quarry_pin();
	unsigned int cpu = quarry_cpu();
	struct page_pcp *pcp = quarry_load_acquire(&q->pages->cpu[cpu].pcp[z->index]);

	quarry_unpin(pin);
	return likely(pcp != NULL) ? pcp : pcp_make(q, cpu, z);
}

/* Gives all blocks of @s to the buddy system. */
static void pcp_spill(struct quarry *q, struct page_sheaf *s, unsigned int order)
{
	zone_put(q, s->hand, s->n, order);
	s->n = 0;
	s->blocks = 0;
	s->hand[0].base = NULL;
}

QUARRY_NOINLINE void pcp_push(struct quarry *q, struct page_sheaf *s, struct page *page,
			      unsigned int order)
{
	struct page *base = page_word_base(page);
	uint64_t bit = (uint64_t)1 << page_word_bit(page);

	if (s->n != 0 && s->hand[0].base == base) {
		s->hand[0].mask |= bit;
	} else {
		if (s->n == PAGE_SHEAF_HANDS)
			pcp_spill(q, s, order);
		s->hand[s->n++] = s->hand[0];
		s->hand[0] = (struct page_hand){base, bit};
	}
	if (++s->blocks >= s->cap)
		pcp_spill(q, s, order);
}

struct page *pcp_alloc(struct quarry *q, struct page_zone *z, unsigned int order, unsigned int type,
		       unsigned int alloc_flags)
{
	int slot = pcp_slot(order);
	struct page_pcp *pcp = slot >= 0 && z->sheaf_cap[slot] != 0 ? pcp_of(q, z) : NULL;
	struct page *page = NULL;
	struct page_sheaf *s;
	quarry_pin_t pin;
	uint32_t hint;

	/* A sheaf may hold CMA pages, and none of the highatomic reserve: not for those two. */
	if (unlikely(quarry_load_relaxed(&z->special) != 0) &&
	    ((order > 0 && (alloc_flags & ZONE_ALLOC_HARDER) != 0) ||
	     (type == QUARRY_MIGRATE_MOVABLE && (alloc_flags & ZONE_ALLOC_CMA) == 0)))
		pcp = NULL;
	if (pcp == NULL) {
		hint = z->arena_first;
		return zone_take(q, z, &hint, order, type, alloc_flags);
	}
	pin = pcp_lock(q, pcp);
	s = &pcp->out[type][slot];
	if (likely(s->n != 0) || zone_fill(q, z, &pcp->arena, order, type, alloc_flags, s))
		page = page_sheaf_pop(s);
	pcp_unlock(q, pcp, pin);
	return page;
}

void pcp_free(struct quarry *q, struct page *page, unsigned int order)
{
	struct page_zone *z = page_arena_of(q->pages, page)->zone;
	int slot = pcp_slot(order);
	struct page_pcp *pcp = slot >= 0 && z->sheaf_cap[slot] != 0 ? pcp_of(q, z) : NULL;
	quarry_pin_t pin;

	if (pcp == NULL) {
		zone_put_one(q, page, order);
		return;
	}
	pin = pcp_lock(q, pcp);
	if (!page_sheaf_push(&pcp->in[slot], page))
		pcp_push(q, &pcp->in[slot], page, order);
	pcp_unlock(q, pcp, pin);
}

static unsigned int pcp_order(unsigned int slot)
{
	return slot < PAGE_PCP_ORDERS ? slot : QUARRY_PAGEBLOCK_ORDER;
}

static void pcp_drain(struct quarry *q, struct page_pcp *pcp)
{
	quarry_pin_t pin = pcp_lock(q, pcp);

	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		pcp_spill(q, &pcp->in[slot], pcp_order(slot));
		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++)
			pcp_spill(q, &pcp->out[t][slot], pcp_order(slot));
	}
	pcp_unlock(q, pcp, pin);
}

void quarry_drain_pages(struct quarry *q, unsigned int cpu)
{
	struct page_layer *pl = q->pages;

	if (cpu >= pl->nr_cpus)
		return;
	for (unsigned int i = 0; i < pl->nr_zones; i++) {
		struct page_pcp *pcp = quarry_load_acquire(&pl->cpu[cpu].pcp[i]);

		if (pcp != NULL)
			pcp_drain(q, pcp);
	}
}

void quarry_drain_all_pages(struct quarry *q)
{
	for (unsigned int cpu = 0; cpu < q->pages->nr_cpus; cpu++)
		quarry_drain_pages(q, cpu);
}

static unsigned long pcp_blocks(const struct page_sheaf *s)
{
	unsigned long blocks = 0;

	for (uint32_t k = 0; k < s->n; k++)
		blocks += bits_popcount64(s->hand[k].mask);
	return blocks;
}

unsigned long pcp_pages(struct quarry *q, const struct page_zone *z)
{
	unsigned long pages = 0;

	for (unsigned int cpu = 0; cpu < q->pages->nr_cpus; cpu++) {
		struct page_pcp *pcp = quarry_load_acquire(&q->pages->cpu[cpu].pcp[z->index]);
		quarry_pin_t pin;

		if (pcp == NULL)
			continue;
		pin = pcp_lock(q, pcp);
		for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
			pages += pcp_blocks(&pcp->in[slot]) << pcp_order(slot);
			for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++)
				pages += pcp_blocks(&pcp->out[t][slot]) << pcp_order(slot);
		}
		pcp_unlock(q, pcp, pin);
	}
	return pages;
}
