/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU sheaves of pages: what makes order 0 to 3 and 9 cheap.
 *
 * For each zone a CPU holds sheaves of blocks to hand out, by migratetype and order, filled in one go
 * from the CPU's own arena, and sheaves of blocks taken back, by order. The two are apart on purpose:
 * a page just freed goes back to its pageblock before it is handed out again. A single stack would
 * pass the same scattered pages round for ever and no pageblock would become whole.
 *
 * Pages in a sheaf are not free pages of the zone, as in Linux. A CPU works on its sheaves inside its
 * own lock (base/lock.h), which costs it no atomic; so any CPU can empty any other's. Who finds itself
 * shut out goes to the arenas: nothing depends on a sheaf being there.
 */
#include "internal.h"

/* Lets requests whose first zone is @z take the short way to @pcp. */
static void pcp_open_fast(struct quarry *q, unsigned int cpu, const struct page_zone *z,
			  struct page_pcp *pcp)
{
	struct page_layer *pl = q->pages;
	const struct page_zonelist *list = zonelist_of(&pl->node[pl->cpu[cpu].nid], false);

	for (unsigned int bits = 0; bits < PAGE_FAST_BITS; bits++) {
		unsigned int highest = pl->highest_zone[bits & 15u], i = 0;
		unsigned int type = page_gfp_type(pl, bits);

		while (i < list->nr && list->zone[i]->type > highest)
			i++;
		if (i < list->nr && list->zone[i] == z) {
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

void pcp_update(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	unsigned int nr_zones = page_nr_zones(pl);

	for (unsigned int cpu = 0; cpu < pl->nr_cpus; cpu++) {
		struct page_cpu *c = &pl->cpu[cpu];
		quarry_pin_t pin;

		if (!quarry_cpu_revoke(q, &c->lock, &pin))
			continue;
		for (unsigned int bits = 0; bits < PAGE_FAST_BITS; bits++)
			c->fast[bits].out = NULL;
		for (unsigned int i = 0; quarry_load_relaxed(&pl->features) == 0 && i < nr_zones;
		     i++) {
			struct page_pcp *pcp = quarry_load_acquire(&c->pcp[i]);

			if (pcp != NULL)
				pcp_open_fast(q, cpu, &pl->zone[i], pcp);
		}
		quarry_cpu_give_back(q, &c->lock, pin);
	}
}

void page_set_feature(struct quarry *q, uint32_t feature, bool on)
{
	if (on)
		quarry_fetch_or_relaxed(&q->pages->features, feature);
	else
		quarry_fetch_and_relaxed(&q->pages->features, ~feature);
	pcp_update(q);
}

static void pcp_set_caps(struct page_pcp *pcp, const struct page_zone *z)
{
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		pcp->in[slot].cap = z->sheaf_cap[slot];
		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++)
			pcp->out[t][slot].cap = z->sheaf_cap[slot];
	}
}

/*
 * Where the search for blocks begins: in the first arena for pages that stay, behind it for movable ones, which
 * come to it last.
 */
static uint32_t pcp_first_arena(const struct page_zone *z, unsigned int type)
{
	bool behind = type == QUARRY_MIGRATE_MOVABLE && zone_arena_end(z) - z->arena_first > 1;

	return z->arena_first + behind;
}

/* This CPU's sheaves for @z, made at first use; NULL: no memory for them. */
static QUARRY_NOINLINE struct page_pcp *pcp_make(struct quarry *q, unsigned int cpu,
						 const struct page_zone *z)
{
	struct page_layer *pl = q->pages;
	struct page_pcp *pcp, *expected = NULL;
	quarry_pin_t pin;

	pcp = quarry_meta_alloc_node(q, sizeof(*pcp), quarry_load_relaxed(&pl->cpu[cpu].mem_nid));
	if (pcp == NULL)
		return NULL;
	pcp_set_caps(pcp, z);
	/* CPUs start in arenas of their own. */
	pcp->arena_stay = z->arena_first;
	pcp->arena = pcp_first_arena(z, QUARRY_MIGRATE_MOVABLE);
	pcp->arena += (zone_arena_end(z) - pcp->arena) * cpu / pl->nr_cpus;
	if (!quarry_cmpxchg(&pl->cpu[cpu].pcp[z->index], &expected, pcp)) {
		quarry_meta_free(q, pcp);
		pcp = expected;
	}
	if (quarry_cpu_revoke(q, &pl->cpu[cpu].lock, &pin)) {
		if (quarry_load_relaxed(&pl->features) == 0)
			pcp_open_fast(q, cpu, z, pcp);
		quarry_cpu_give_back(q, &pl->cpu[cpu].lock, pin);
	}
	return pcp;
}

/*
 * This CPU's sheaves for @z, with the CPU inside its lock and pinned. NULL: there are none, or others are
 * at them; not pinned.
 */
static struct page_pcp *pcp_enter(struct quarry *q, const struct page_zone *z, quarry_pin_t *pin)
{
	struct page_layer *pl = q->pages;
	struct page_pcp *pcp;
	unsigned int cpu;

	*pin = quarry_pin();
	cpu = quarry_cpu();
	if (unlikely(quarry_load_acquire(&pl->cpu[cpu].pcp[z->index]) == NULL)) {
		quarry_unpin(*pin);
		if (pcp_make(q, cpu, z) == NULL)
			return NULL;
		*pin = quarry_pin();
		cpu = quarry_cpu(); /* perhaps another one by now */
	}
	pcp = quarry_load_acquire(&pl->cpu[cpu].pcp[z->index]);
	if (likely(pcp != NULL && quarry_cpu_enter(&pl->cpu[cpu].lock)))
		return pcp;
	quarry_unpin(*pin);
	return NULL;
}

static void pcp_leave(struct quarry *q, quarry_pin_t pin)
{
	quarry_cpu_leave(&q->pages->cpu[quarry_cpu()].lock);
	quarry_unpin(pin);
}

/* Gives all blocks of @s to the buddy system. */
static void pcp_spill(struct quarry *q, struct page_sheaf *s, unsigned int order)
{
	if (page_prep_on(q))
		prep_trace_drain(q, s->hand, s->n, order);
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
	struct page_pcp *pcp = NULL;
	struct page *page = NULL;
	struct page_sheaf *s;
	quarry_pin_t pin;
	uint32_t first, *hint;

	/* A sheaf may hold CMA pages, and none of the highatomic reserve: not for those two. */
	if (likely(quarry_load_relaxed(&z->special) == 0) ||
	    !((order > 0 && (alloc_flags & ZONE_ALLOC_HARDER) != 0) ||
	      (type == QUARRY_MIGRATE_MOVABLE && (alloc_flags & ZONE_ALLOC_CMA) == 0))) {
		if (slot >= 0 && z->sheaf_cap[slot] != 0)
			pcp = pcp_enter(q, z, &pin);
	}
	if (pcp == NULL) {
		first = pcp_first_arena(z, type);
		return zone_take(q, z, &first, order, type, alloc_flags);
	}
	s = &pcp->out[type][slot];
	hint = type == QUARRY_MIGRATE_MOVABLE ? &pcp->arena : &pcp->arena_stay;
	if (likely(s->n != 0) || zone_fill(q, z, hint, order, type, alloc_flags, s))
		page = page_sheaf_pop(s);
	first = *hint;
	pcp_leave(q, pin);
	return page != NULL ? page : zone_take(q, z, &first, order, type, alloc_flags);
}

void pcp_free(struct quarry *q, struct page *page, unsigned int order)
{
	struct page_zone *z = page_arena_of(q->pages, page)->zone;
	int slot = pcp_slot(order);
	struct page_pcp *pcp = NULL;
	quarry_pin_t pin;

	if (slot >= 0 && z->sheaf_cap[slot] != 0)
		pcp = pcp_enter(q, z, &pin);
	if (pcp == NULL) {
		zone_put_one(q, page, order);
		return;
	}
	if (!page_sheaf_push(&pcp->in[slot], page))
		pcp_push(q, &pcp->in[slot], page, order);
	pcp_leave(q, pin);
}

static unsigned int pcp_order(unsigned int slot)
{
	return slot < PAGE_PCP_ORDERS ? slot : QUARRY_PAGEBLOCK_ORDER;
}

static void pcp_drain(struct quarry *q, struct page_pcp *pcp)
{
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		pcp_spill(q, &pcp->in[slot], pcp_order(slot));
		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++)
			pcp_spill(q, &pcp->out[t][slot], pcp_order(slot));
	}
}

void quarry_drain_pages(struct quarry *q, unsigned int cpu)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin;

	if (cpu >= pl->nr_cpus || !quarry_cpu_revoke(q, &pl->cpu[cpu].lock, &pin))
		return;
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		struct page_pcp *pcp = quarry_load_acquire(&pl->cpu[cpu].pcp[i]);

		if (pcp != NULL)
			pcp_drain(q, pcp);
	}
	quarry_cpu_give_back(q, &pl->cpu[cpu].lock, pin);
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

unsigned long pcp_pages_of(struct quarry *q, const struct page_zone *z, unsigned int cpu)
{
	struct page_cpu *c = &q->pages->cpu[cpu];
	struct page_pcp *pcp = quarry_load_acquire(&c->pcp[z->index]);
	unsigned long pages = 0;
	quarry_pin_t pin;

	if (pcp == NULL || !quarry_cpu_revoke(q, &c->lock, &pin))
		return 0;
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		pages += pcp_blocks(&pcp->in[slot]) << pcp_order(slot);
		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++)
			pages += pcp_blocks(&pcp->out[t][slot]) << pcp_order(slot);
	}
	quarry_cpu_give_back(q, &c->lock, pin);
	return pages;
}

unsigned long pcp_pages(struct quarry *q, const struct page_zone *z)
{
	unsigned long pages = 0;

	for (unsigned int cpu = 0; cpu < q->pages->nr_cpus; cpu++)
		pages += pcp_pages_of(q, z, cpu);
	return pages;
}
