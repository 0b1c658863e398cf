/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU sheaves of pages: what makes order 0 to 3 and a pageblock's, 9, cheap.
 *
 * Sheaves    For each zone a CPU holds sheaves of blocks to hand out, by migratetype and order, filled in
 *            one go from the CPU's own arena, and sheaves of blocks taken back, by order. The two are
 *            apart on purpose: a page just freed goes back to its pageblock before it is handed out
 *            again. A single stack would pass the same scattered pages round for ever and no pageblock
 *            would become whole. Blocks taken back collect in an open hand, one for each order and for
 *            all zones, as long as they lie in the same 64 pages; so the short way need not know
 *            their zone. A hand that is closed has its bitmap and record prefetched: it will be put
 *            back soon, but not at once. Only a hand that holds its whole word, or pageblock, which no order
 *            of handing out can break, is handed out again by the CPU that took it back: the last one first.
 *
 * Size       Pages in a sheaf are not free pages of the zone, as in Linux. A sheaf takes and gives back
 *            a batch at a time. A batch doubles each time, up to a limit, while the zone has more than
 *            its high watermark free; below it, after a drain and after quarry_age_pages() it is small
 *            again. All limits of all CPUs together are below an eighth of the zone.
 *
 * Locks      A CPU works on its sheaves inside its own lock (base/lock.h), which costs it no atomic; so
 *            any CPU can empty any other's. Who finds itself shut out goes to the arenas: nothing
 *            depends on a sheaf being there. Inside, only arenas' locks are taken, and nothing of the port is
 *            called.
 */
#include "internal.h"

#include "slab_pages.h"

#include <base/string.h>

#define PCP_KEEP \
	PAGE_IN_STAGE /* hands closed last stay when a full sheaf is put back: they may still be on their way */
#define PCP_GROWN_MAX 5u

static unsigned int pcp_order(unsigned int slot)
{
	return slot < PAGE_PCP_ORDERS ? slot : QUARRY_PAGEBLOCK_ORDER;
}

/* Blocks of a batch now. */
static unsigned int pcp_batch(const struct page_sheaf *s)
{
	return quarry_min((unsigned int)s->cap << s->grown, (unsigned int)s->high);
}

/* A batch has come or gone: the next one is larger, unless pages are short. */
static void pcp_grow(const struct page_zone *z, struct page_sheaf *s)
{
	if (quarry_load_relaxed(&z->nr_free) <= zone_mark(z, QUARRY_WMARK_HIGH))
		s->grown = 0;
	else if (s->grown < PCP_GROWN_MAX && pcp_batch(s) < s->high)
		s->grown++;
}

/* ---- making them ---- */

/* Requests of @cpu whose first zone is @z take the short way to @pcp. Inside. */
static void pcp_open_fast(struct quarry *q, unsigned int cpu, const struct page_zone *z,
			  struct page_pcp *pcp)
{
	struct page_layer *pl = q->pages;
	const struct page_zonelist *list = zonelist_of(&pl->node[pl->cpu_place[cpu].nid], false);

	for (unsigned int bits = 0; bits < PAGE_FAST_BITS; bits++) {
		unsigned int highest = pl->highest_zone[bits & 15u], i = 0;
		unsigned int type = page_gfp_type(pl, bits);

		while (i < list->nr && list->zone[i]->type > highest)
			i++;
		if (i < list->nr && list->zone[i] == z) {
			struct page_sheaf *out[PAGE_PCP_ORDERS + 1];

			for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
				struct page_sheaf *s = &pcp->out[type][slot];

				out[slot] = s->cap != 0 ? s : pcp_no_sheaf();
			}
			watermark_open_fast(q, cpu, bits, out, z);
		}
	}
}

struct page_sheaf *pcp_no_sheaf(void)
{
	static const struct page_sheaf none;

	return (struct page_sheaf *)(uintptr_t)&none;
}

static void pcp_init_sheaf(struct page_sheaf *s, struct page_zone *z, unsigned int slot)
{
	s->zone = z;
	s->cap = z->sheaf_cap[slot];
	s->high = z->sheaf_high[slot];
}

/* New sheaves of @cpu for @z. Inside. */
static void pcp_init(const struct page_layer *pl, struct page_pcp *pcp, unsigned int cpu,
		     struct page_zone *z)
{
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++) {
			pcp_init_sheaf(&pcp->out[t][slot], z, slot);
			pcp->out[t][slot].word = page_word_alloc(pcp_order(slot), t);
		}
	}
	/* CPUs start in arenas of their own. */
	pcp->home_stay = z->arena_first;
	pcp->home = zone_first_arena(z, QUARRY_MIGRATE_MOVABLE);
	if (!pl->one_home)
		pcp->home += (zone_arena_end(z) - pcp->home) * cpu / pl->nr_cpus;
}

/*
 * Makes the sheaves of @cpu, on which this ran a moment ago, for @z at their first use. They come to be known
 * inside the CPU's lock, as their opening does. Whoever cannot get in, or runs on another CPU by now, waits for
 * nobody, as an interrupt or a signal handler could not: the next request tries again.
 */
static QUARRY_NOINLINE void pcp_make(struct quarry *q, unsigned int cpu, struct page_zone *z)
{
	struct page_cpu *c;
	struct page_pcp *pcp;
	quarry_pin_t pin;

	cpu_make(q);
	c = page_cpu_of(q->pages, cpu);
	if (c == NULL)
		return;
	pcp = quarry_meta_alloc_node(q, sizeof(*pcp), page_cpu_node(q, cpu));
	if (pcp == NULL)
		return;
	pin = quarry_pin();
	if (quarry_cpu() == cpu && quarry_cpu_enter(&c->lock)) {
		if (c->pcp[z->index] == NULL) {
			pcp_init(q->pages, pcp, cpu, z);
			pcp_open_fast(q, cpu, z, pcp);
			quarry_store_release(&c->pcp[z->index], pcp);
			pcp = NULL;
		}
		quarry_cpu_leave(&c->lock);
	}
	quarry_unpin(pin);
	if (pcp != NULL)
		quarry_meta_free(q, pcp);
}

void pcp_update(struct quarry *q)
{
	struct page_layer *pl = q->pages;

	/* The lock of cpu_make(): what a CPU has made by now is found below, and later ones know what has changed. */
	quarry_unlock(q->concurrent, &pl->mark_lock, quarry_lock(q->concurrent, &pl->mark_lock));
	for (unsigned int cpu = 0; cpu < pl->nr_cpus; cpu++) {
		struct page_cpu *c = page_cpu_of(pl, cpu);
		quarry_pin_t pin;

		if (c == NULL || !quarry_cpu_revoke(q, &c->lock, &pin))
			continue;
		watermark_close_fast(q, cpu);
		for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
			struct page_pcp *pcp = quarry_load_acquire(&c->pcp[i]);

			if (pcp != NULL)
				pcp_open_fast(q, cpu, &pl->zone[i], pcp);
		}
		quarry_cpu_give_back(q, &c->lock, pin);
	}
}

void page_set_feature(struct quarry *q, uint32_t feature, bool on)
{
	struct page_layer *pl = q->pages;
	/* The lock of cpu_make(): who makes a CPU's tables afterwards knows of it. */
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->mark_lock);

	if (on)
		quarry_fetch_or_relaxed(&pl->features, feature);
	else
		quarry_fetch_and_relaxed(&pl->features, ~feature);
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
	for (unsigned int cpu = 0; cpu < pl->nr_cpus; cpu++) {
		struct page_cpu *c = page_cpu_of(pl, cpu);

		if (c == NULL || !quarry_cpu_revoke(q, &c->lock, &pin))
			continue;
		late_end(q, c);
		quarry_cpu_set_slow(&c->lock, quarry_load_relaxed(&pl->features) != 0);
		quarry_cpu_give_back(q, &c->lock, pin);
		arena_tell(q);
	}
}

/*
 * This CPU's sheaves for @z, in *@found, with the CPU inside its lock and pinned. False: there are none, or others are
 * at them; not pinned.
 */
static bool pcp_enter(struct quarry *q, struct page_zone *z, quarry_pin_t *pin,
		      struct page_pcp **found)
	QUARRY_TRY_ACQUIRES(page_this_cpu(q)->lock) QUARRY_NO_THREAD_SAFETY
{
	struct page_cpu *cpu;

	*pin = quarry_pin();
	cpu = page_this_cpu(q);
	if (unlikely(quarry_load_acquire(&cpu->pcp[z->index]) == NULL)) {
		unsigned int i = quarry_cpu();

		quarry_unpin(*pin);
		pcp_make(q, i, z);
		*pin = quarry_pin();
		cpu = page_this_cpu(q); /* perhaps another one by now */
	}
	*found = quarry_load_acquire(&cpu->pcp[z->index]);
	if (likely(*found != NULL && quarry_cpu_enter(&cpu->lock)))
		return true;
	quarry_unpin(*pin);
	return false;
}

static void pcp_leave(struct quarry *q, quarry_pin_t pin) QUARRY_RELEASES(page_this_cpu(q)->lock)
{
	quarry_cpu_leave(&page_this_cpu(q)->lock);
	quarry_unpin(pin);
}

/* ---- taking back; inside ---- */

void pcp_init_in(struct page_cpu *cpu)
{
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		cpu->open[slot] = (struct page_hand){PAGE_HAND_NONE, 0};
		cpu->in[slot].limit = UINT16_MAX;
	}
}

static unsigned int pcp_blocks(const struct page_hand *hands, unsigned int n)
{
	unsigned int blocks = 0;

	for (unsigned int k = 0; k < n; k++)
		blocks += bits_popcount64(hands[k].mask);
	return blocks;
}

/* Counts what was written down lately, and fetches what putting it back will touch. */
static void pcp_count_in(struct quarry *q, struct page_in *in, unsigned int slot)
{
	const struct page_layer *pl = q->pages;
	unsigned int blocks = 0, limit = in->limit;

	for (unsigned int k = in->staged; k < in->n; k++) {
		const struct page_hand *h = &in->hand[k];
		const struct page_arena *a = page_arena_of(pl, h->base + bits_ctz64(h->mask));
		size_t i = (size_t)(h->base - a->map) >> QUARRY_PAGEBLOCK_ORDER;

		quarry_prefetch_write(&a->bits[i]);
		quarry_prefetch_write(&a->pb[i]);
		blocks += (h->mask & (h->mask - 1)) == 0 ? 1 : bits_popcount64(h->mask);
		limit = quarry_min(limit, (unsigned int)quarry_load_relaxed(&a->in_limit[slot]));
	}
	in->staged = in->n;
	in->blocks += blocks;
	in->limit = (uint16_t)limit;
}

/* Gives back the @n oldest hands, some of which stay if @may_skip and their arenas are in use. */
static void pcp_spill(struct quarry *q, struct page_cpu *cpu, unsigned int slot, unsigned int n,
		      bool may_skip) QUARRY_REQUIRES(cpu->lock)
{
	struct page_in *in = &cpu->in[slot];
	unsigned int left;

	if (page_prep_on(q)) {
		prep_trace_drain(q, in->hand, n, pcp_order(slot));
		may_skip = false;
	}
	left = zone_put(q, in->hand, n, pcp_order(slot), may_skip, cpu->put);

	for (unsigned int k = n; left < n && k < in->n; k++)
		in->hand[left + k - n] = in->hand[k];
	in->n = (uint16_t)(in->n - (n - left));
	in->staged = 0;
	in->blocks = 0;
	in->limit = UINT16_MAX;
	pcp_count_in(q, in, slot);
}

static void pcp_spill_all(struct quarry *q, struct page_cpu *cpu, unsigned int slot)
	QUARRY_REQUIRES(cpu->lock)
{
	struct page_in *in = &cpu->in[slot];
	struct page_hand open = cpu->open[slot];

	cpu->open[slot] = (struct page_hand){PAGE_HAND_NONE, 0};
	pcp_spill(q, cpu, slot, in->n, false);
	if (open.mask == 0)
		return;
	if (page_prep_on(q))
		prep_trace_drain(q, &open, 1, pcp_order(slot));
	zone_put(q, &open, 1, pcp_order(slot), false, cpu->put);
}

QUARRY_NOINLINE void pcp_in_stage(struct quarry *q, struct page_cpu *cpu, unsigned int slot)
{
	struct page_in *in = &cpu->in[slot];
	bool full = in->n == PAGE_IN_HANDS;
	unsigned int staged, before;

	staged = in->staged;
	before = in->blocks;
	pcp_count_in(q, in, slot);
	late_watch(q, cpu, in->n - staged, in->blocks - before);
	if (!full && in->blocks + pcp_in_least(slot) <= in->limit)
		return;
	pcp_spill(q, cpu, slot, full ? in->n - PCP_KEEP : in->n, true);
	if (in->n > PAGE_IN_HANDS - PAGE_IN_STAGE ||
	    (in->n != 0 && in->blocks + pcp_in_least(slot) > in->limit))
		pcp_spill_all(q, cpu, slot); /* too many were in use: wait for their arenas */
}

/*
 * Whether blocks of pageblock @i of @a, which were just freed, may be handed out by @s again. Whoever changes the
 * type, to isolate the pageblock, or marks a page as damaged, then empties all CPUs' sheaves: it finds the blocks here,
 * or handed out before it asked.
 */
static inline bool pcp_may_keep(const struct page_layer *pl, const struct page_sheaf *s,
				const struct page_arena *a, size_t i)
{
	return quarry_load_relaxed(&a->pb[i].type) == page_word_type(s->word) &&
	       (likely(quarry_load_relaxed(&pl->poison) == NULL) ||
		hwpoison_bits(pl, a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER)) == NULL);
}

/* Whether @hand is a whole word that may be handed out by @s again. */
static inline bool pcp_may_keep_hand(const struct quarry *q, const struct page_sheaf *s,
				     unsigned int slot, const struct page_hand *hand)
{
	static const uint64_t whole[] = {~(uint64_t)0, 0x5555555555555555u, 0x1111111111111111u,
					 0x0101010101010101u, 1};
	const struct page_arena *a;

	if (hand->mask != (whole[slot] & PAGE_BITS_ALL))
		return false;
	a = page_arena_of(q->pages, hand->base);
	return page_arena_is_of(a, s->zone) &&
	       pcp_may_keep(q->pages, s, a,
			    (size_t)(hand->base - a->map) >> QUARRY_PAGEBLOCK_ORDER);
}

/* @hand, of @blocks blocks that were just freed, is the empty @s's. */
static inline void pcp_keep(struct page_sheaf *s, const struct page_hand *hand, unsigned int blocks)
{
	page_hand_copy(&s->cur, hand);
	s->grown = 0; /* what goes round needs no large batches */
	s->kept += blocks;
}

bool pcp_push_huge(struct quarry *q, struct page_cpu *cpu, const struct page_arena *a, size_t i)
{
	struct page_in *in = &cpu->in[PAGE_PCP_HUGE];

	quarry_prefetch_write(&a->bits[i]);
	quarry_prefetch_write(&a->pb[i]);
	in->hand[in->n++] = (struct page_hand){&a->map[i << QUARRY_PAGEBLOCK_ORDER], 1};
	in->staged = in->n;
	in->blocks++;
	in->limit = quarry_min(in->limit, quarry_load_relaxed(&a->in_limit[PAGE_PCP_HUGE]));
	if (likely(in->blocks + cpu->nr_late_huge < in->limit && in->n < PAGE_IN_HANDS))
		return false;
	late_watch_huge(q, cpu, in->limit);
	pcp_spill(q, cpu, PAGE_PCP_HUGE, in->n, true);
	if (2 * in->blocks > in->limit || 2 * in->n > PAGE_IN_HANDS)
		pcp_spill_all(q, cpu,
			      PAGE_PCP_HUGE); /* too many were in use: wait for their arenas */
	return true;
}

bool pcp_free_huge(struct quarry *q, struct page_cpu *cpu, struct page *page, unsigned int type)
{
	const struct page_arena *a = page_arena_of(q->pages, page);
	size_t i = (size_t)(page - a->map) >> QUARRY_PAGEBLOCK_ORDER;
	struct page_pcp *pcp = quarry_load_relaxed(&cpu->pcp[a->zone->index]);
	const struct page_hand hand = {page, 1};
	struct page_sheaf *s;

	if (likely(pcp != NULL && type < QUARRY_MIGRATE_PCPTYPES)) {
		s = &pcp->out[type][PAGE_PCP_HUGE];
		if (s->cur.mask == 0 && s->cap != 0 && pcp_may_keep(q->pages, s, a, i)) {
			pcp_keep(s, &hand, 1);
			cpu->round = (struct page_round){s, &a->pb[i]};
			return false;
		}
	}
	return pcp_push_huge(q, cpu, a, i);
}

void pcp_push_counted(struct quarry *q, struct page_cpu *cpu, struct page *page, unsigned int slot)
{
	struct page_in *in = &cpu->in[slot];
	struct page *base = page_word_base(page);
	uint64_t bit = (uint64_t)1 << page_word_bit(page);

	if (slot == PAGE_PCP_HUGE) {
		const struct page_arena *a = page_arena_of(q->pages, page);

		pcp_push_huge(q, cpu, a, (size_t)(page - a->map) >> QUARRY_PAGEBLOCK_ORDER);
		return;
	}
	if (cpu->open[slot].mask != 0)
		page_hand_copy(&in->hand[in->n++], &cpu->open[slot]);
	cpu->open[slot] = (struct page_hand){PAGE_HAND_NONE, 0};
	pcp_count_in(q, in, slot);
	if (in->n == PAGE_IN_HANDS)
		pcp_spill(q, cpu, slot, PAGE_IN_HANDS - PCP_KEEP, false);
	if (in->n != 0 && in->hand[in->n - 1].base == base) {
		in->hand[in->n - 1].mask |= bit;
		in->blocks++;
	} else {
		in->hand[in->n++] = (struct page_hand){base, bit};
		pcp_count_in(q, in, slot);
	}
	if (in->blocks >= in->limit)
		pcp_spill_all(q, cpu, slot);
}

void pcp_free(struct quarry *q, struct page *page, unsigned int order)
{
	const struct page_arena *a = page_arena_of(q->pages, page);
	int slot = pcp_slot(order);
	struct page_cpu *cpu;
	quarry_pin_t pin;

	if (slot >= 0)
		cpu_make(q);
	pin = quarry_pin();
	cpu = page_this_cpu(q);
	if (slot >= 0 && quarry_cpu_enter(&cpu->lock)) {
		pcp_push_counted(q, cpu, page, (unsigned int)slot);
		quarry_cpu_leave(&cpu->lock);
		quarry_unpin(pin);
	} else {
		quarry_unpin(pin);
		cpu_count_free(q, a, order);
		zone_put_one(q, page, order);
	}
	arena_tell(q);
}

/* ---- handing out ---- */

/* Where the search for blocks of @type begins. */
static uint32_t pcp_home(const struct page_pcp *pcp, unsigned int type)
{
	return type == QUARRY_MIGRATE_MOVABLE ? pcp->home : pcp->home_stay;
}

/* Fills an empty sheaf. False: nothing is at hand; @hint says where there may be something. Inside. */
static bool pcp_fill(struct quarry *q, struct page_zone *z, uint32_t *hint, struct page_sheaf *s,
		     unsigned int order, unsigned int type, unsigned int alloc_flags)
{
	unsigned int n = zone_fill(q, z, hint, order, type, alloc_flags, s, pcp_batch(s));

	if (n == 0)
		return false;
	s->count += n;
	page_sheaf_turn(s);
	pcp_grow(z, s);
	return true;
}

/* Fills empty @s with the hand taken back last, if that may be. */
static bool pcp_take_own(const struct quarry *q, struct page_cpu *cpu, struct page_sheaf *s,
			 unsigned int slot) QUARRY_REQUIRES(cpu->lock)
{
	unsigned int blocks = slot == PAGE_PCP_HUGE ? 1 : PAGE_BITS >> slot;
	struct page_hand *hand = &cpu->open[slot];
	struct page_in *in = &cpu->in[slot];

	if (hand->mask == 0) {
		if (in->n == 0)
			return false;
		hand = &in->hand[in->n - 1];
	}
	if (!pcp_may_keep_hand(q, s, slot, hand))
		return false;
	pcp_keep(s, hand, blocks);
	if (hand == &cpu->open[slot]) {
		*hand = (struct page_hand){PAGE_HAND_NONE, 0};
	} else if (in->staged == in->n--) {
		in->staged--;
		in->blocks -= blocks;
	}
	return true;
}

QUARRY_NOINLINE bool pcp_refill(struct quarry *q, struct page_cpu *cpu, struct page_sheaf *s,
				unsigned int slot)
{
	const struct page_pcp *pcp = quarry_load_relaxed(&cpu->pcp[s->zone->index]);
	unsigned int type = page_word_type(s->word);
	uint32_t hint = pcp_home(pcp, type);

	if (slot == PAGE_PCP_HUGE)
		cpu->late_huge_on = false; /* more than frees again */
	return pcp_take_own(q, cpu, s, slot) ||
	       (quarry_load_relaxed(&s->zone->special) == 0 &&
		pcp_fill(q, s->zone, &hint, s, pcp_order(slot), type, 0));
}

struct page *pcp_alloc(struct quarry *q, struct page_zone *z, unsigned int order, unsigned int type,
		       unsigned int alloc_flags)
{
	int slot = pcp_slot(order);
	struct page *page = NULL;
	struct page_pcp *pcp;
	struct page_sheaf *s;
	quarry_pin_t pin;
	uint32_t hint;
	/* A sheaf may hold CMA pages, and none of the highatomic reserve: not for those two. */
	bool may = likely(quarry_load_relaxed(&z->special) == 0) ||
		   !((order > 0 && (alloc_flags & ZONE_ALLOC_HARDER) != 0) ||
		     (type == QUARRY_MIGRATE_MOVABLE && (alloc_flags & ZONE_ALLOC_CMA) == 0));

	if (!may || slot < 0 || z->sheaf_cap[slot] == 0 || !pcp_enter(q, z, &pin, &pcp)) {
		hint = zone_first_arena(z, type);
		return zone_take(q, z, &hint, order, type, alloc_flags);
	}
	s = &pcp->out[type][slot];
	hint = pcp_home(pcp, type);
	if (likely(s->cur.mask != 0) || pcp_fill(q, z, &hint, s, order, type, alloc_flags)) {
		page = page_sheaf_pop(s, s->cur.mask);
		s->count--; /* the caller counts this one */
	}
	pcp_leave(q, pin);
	if (likely(page != NULL))
		return page;
	/* Was it only that the arena at @hint has no descriptors yet? The next time it will have. */
	return zone_take(q, z, &hint, order, type, alloc_flags);
}

/* ---- by others ---- */

/* At most so many pages in one stay: others may wait for the CPU's sheaves. */
#define PCP_BULK 256u

size_t pcp_alloc_bulk(struct quarry *q, struct page_zone *z, unsigned int type,
		      unsigned int alloc_flags, size_t nr, struct page **pages)
{
	struct page_pcp *pcp;
	struct page_sheaf *s;
	quarry_pin_t pin;
	uint32_t hint;
	size_t n = 0;

	if (quarry_load_relaxed(&z->special) != 0 || z->sheaf_cap[0] == 0)
		return 0;
	if (!pcp_enter(q, z, &pin, &pcp))
		return 0;
	s = &pcp->out[type][0];
	for (size_t i = 0; i < nr && n < PCP_BULK; i++) {
		struct page *page;

		if (pages[i] != NULL)
			continue;
		hint = pcp_home(pcp, type);
		if (s->cur.mask == 0 && !pcp_fill(q, z, &hint, s, 0, type, alloc_flags))
			break;
		page = page_sheaf_pop(s, s->cur.mask);
		page_set_word(page, page_word(page) | s->word);
		pages[i] = page;
		n++;
	}
	pcp_leave(q, pin);
	return n;
}

struct page *pcp_alloc_nolock(struct quarry *q, const struct page_zone *z, unsigned int order,
			      unsigned int type)
{
	quarry_pin_t pin = quarry_pin();
	struct page_cpu *cpu = page_this_cpu(q);
	struct page_pcp *pcp = quarry_load_acquire(&cpu->pcp[z->index]);
	struct page *page = NULL;
	struct page_sheaf *s;

	if (pcp != NULL && quarry_cpu_enter(&cpu->lock)) {
		s = &pcp->out[type][pcp_slot(order)];
		if (s->cur.mask != 0) {
			page = page_sheaf_pop(s, s->cur.mask);
			page_set_word(page, page_word(page) | s->word);
		}
		quarry_cpu_leave(&cpu->lock);
	}
	quarry_unpin(pin);
	return page;
}

bool pcp_free_nolock(struct quarry *q, struct page *page, unsigned int order)
{
	int slot = pcp_slot(order);
	quarry_pin_t pin = quarry_pin();
	struct page_cpu *cpu = page_this_cpu(q);
	bool taken = false;

	if (slot >= 0 && slot < (int)PAGE_PCP_ORDERS && quarry_cpu_enter(&cpu->lock)) {
		struct page_hand *h = &cpu->open[slot];

		if (page_word_base(page) == h->base) {
			page_set_word(page, page_word(page) & PAGE_WORD_ARENA_MASK);
			h->mask |= (uint64_t)1 << page_word_bit(page);
			taken = true;
		}
		quarry_cpu_leave(&cpu->lock);
	}
	quarry_unpin(pin);
	return taken;
}

/* Gives back the @n hands of @s that would be handed out last. */
static void pcp_give_back(struct quarry *q, struct page_sheaf *s, unsigned int n,
			  unsigned int order)
{
	struct page_hand *hand = &s->hand[s->n - n];

	s->count -= pcp_blocks(hand, n);
	if (page_prep_on(q))
		prep_trace_drain(q, hand, n, order);
	zone_put(q, hand, n, order, false, NULL);
	s->n = (uint16_t)(s->n - n);
	if (s->at == s->n)
		s->at = s->n = 0;
}

/* Gives back all but @keep blocks of @s. */
static void pcp_trim(struct quarry *q, struct page_sheaf *s, unsigned int keep, unsigned int order)
{
	struct page_hand rest = s->cur;
	unsigned int surplus = 0, held = s->n - s->at;

	for (unsigned int k = 0; k < keep && rest.mask != 0; k++)
		rest.mask &= rest.mask - 1;
	keep -= bits_popcount64(s->cur.mask & ~rest.mask);
	while (surplus < held && pcp_blocks(s->hand + s->at, held - surplus) > keep)
		surplus++;
	pcp_give_back(q, s, surplus, order);
	if (rest.mask == 0)
		return;
	s->cur.mask &= ~rest.mask;
	s->count -= bits_popcount64(rest.mask);
	if (page_prep_on(q))
		prep_trace_drain(q, &rest, 1, order);
	zone_put(q, &rest, 1, order, false, NULL);
}

static void pcp_drain_out(struct quarry *q, struct page_pcp *pcp)
{
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++) {
			struct page_sheaf *s = &pcp->out[t][slot];

			if (s->cur.mask == 0)
				continue;
			pcp_trim(q, s, 0, pcp_order(slot));
			s->grown = 0;
		}
	}
}

/* Back to small batches; what is beyond one goes to the arenas. */
static void pcp_age_out(struct quarry *q, struct page_pcp *pcp)
{
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++) {
			struct page_sheaf *s = &pcp->out[t][slot];

			s->grown /= 2;
			pcp_trim(q, s, pcp_batch(s), pcp_order(slot));
		}
	}
}

/* On @cpu: what was taken back goes to the arenas, and what is to be handed out is seen to by @out. */
static void pcp_visit(struct quarry *q, unsigned int cpu,
		      void (*out)(struct quarry *q, struct page_pcp *pcp))
{
	struct page_layer *pl = q->pages;
	struct page_cpu *c = page_cpu_of(pl, cpu);
	quarry_pin_t pin;

	if (c == NULL || !quarry_cpu_revoke(q, &c->lock, &pin))
		return;
	late_end(q, c);
	c->round = (struct page_round){NULL, NULL};
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++)
		pcp_spill_all(q, c, slot);
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		struct page_pcp *pcp = quarry_load_acquire(&c->pcp[i]);

		if (pcp != NULL)
			out(q, pcp);
	}
	quarry_cpu_give_back(q, &c->lock, pin);
	arena_tell(q);
}

void quarry_drain_pages(struct quarry *q, unsigned int cpu)
{
	if (cpu < q->pages->nr_cpus)
		pcp_visit(q, cpu, pcp_drain_out);
}

void quarry_age_pages(struct quarry *q)
{
	for (unsigned int cpu = 0; cpu < q->pages->nr_cpus; cpu++)
		pcp_visit(q, cpu, pcp_age_out);
}

void quarry_drain_all_pages(struct quarry *q)
{
	nolock_flush(q, ~0ul);
	for (unsigned int cpu = 0; cpu < q->pages->nr_cpus; cpu++)
		quarry_drain_pages(q, cpu);
}

/* Blocks of @hands by the type of their zone, or of zone @only alone. */
static void pcp_add_hands(struct quarry *q, const struct page_hand *hands, unsigned int n,
			  unsigned int order, const struct page_zone *only,
			  uint64_t sum[QUARRY_NR_ZONES][QUARRY_NR_ORDERS])
{
	for (unsigned int k = 0; k < n; k++) {
		const struct page_arena *a;

		if (hands[k].mask == 0)
			continue;
		a = page_arena_of(q->pages, hands[k].base + bits_ctz64(hands[k].mask));
		if (only == NULL || a->zone == only)
			sum[a->zone_type][order] += bits_popcount64(hands[k].mask);
	}
}

/* The same of all that @c has taken back. Inside. */
static void pcp_add_in(struct quarry *q, const struct page_cpu *c, const struct page_zone *only,
		       uint64_t sum[QUARRY_NR_ZONES][QUARRY_NR_ORDERS]) QUARRY_REQUIRES(c->lock)
{
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		const struct page_in *in = &c->in[slot];

		pcp_add_hands(q, in->hand, in->n, pcp_order(slot), only, sum);
		pcp_add_hands(q, &c->open[slot], 1, pcp_order(slot), only, sum);
	}
}

static unsigned int pcp_out_blocks(const struct page_sheaf *s)
{
	return pcp_blocks(s->hand + s->at, s->n - s->at) + bits_popcount64(s->cur.mask);
}

unsigned long pcp_pages_of(struct quarry *q, const struct page_zone *z, unsigned int cpu)
{
	uint64_t in[QUARRY_NR_ZONES][QUARRY_NR_ORDERS] = {{0}};
	struct page_cpu *c = page_cpu_of(q->pages, cpu);
	unsigned long pages = 0;
	struct page_pcp *pcp;
	quarry_pin_t pin;

	if (c == NULL || !quarry_cpu_revoke(q, &c->lock, &pin))
		return 0;
	pcp = quarry_load_acquire(&c->pcp[z->index]);
	late_flush(q, c);
	pcp_add_in(q, c, z, in);
	for (unsigned int slot = 0; pcp != NULL && slot <= PAGE_PCP_ORDERS; slot++) {
		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++)
			pages += (unsigned long)pcp_out_blocks(&pcp->out[t][slot])
				 << pcp_order(slot);
	}
	quarry_cpu_give_back(q, &c->lock, pin);
	arena_tell(q);
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
		pages += (unsigned long)in[z->type][o] << o;
	return pages;
}

unsigned long pcp_pages(struct quarry *q, const struct page_zone *z)
{
	unsigned long pages = 0;

	for (unsigned int cpu = 0; cpu < q->pages->nr_cpus; cpu++)
		pages += pcp_pages_of(q, z, cpu);
	return pages;
}

static void pcp_add_counts(const struct page_counts *counts,
			   uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS],
			   uint64_t frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS])
{
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
			allocs[t][o] += quarry_load_relaxed(&counts->allocs[t][o]);
			frees[t][o] += quarry_load_relaxed(&counts->frees[t][o]);
		}
	}
}

/* What @c counts itself. */
static void pcp_add_own(const struct page_cpu *c,
			uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS],
			uint64_t frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS])
{
	pcp_add_counts(&c->counts, allocs, frees);
	for (unsigned int i = 0; i < QUARRY_NR_ZONES * QUARRY_NR_ORDERS; i++) {
		unsigned int t = i / QUARRY_NR_ORDERS, o = i % QUARRY_NR_ORDERS;

		allocs[t][o] += quarry_load_relaxed(&c->nolock_allocs[t][o]);
	}
}

/* What its sheaves have seen. Inside. */
static void pcp_add_seen(struct quarry *q, struct page_cpu *c,
			 uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS],
			 uint64_t frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS]) QUARRY_REQUIRES(c->lock)
{
	struct page_layer *pl = q->pages;

	for (unsigned int i = 0; i < QUARRY_NR_ZONES * QUARRY_NR_ORDERS; i++)
		frees[i / QUARRY_NR_ORDERS][i % QUARRY_NR_ORDERS] +=
			c->put[i / QUARRY_NR_ORDERS][i % QUARRY_NR_ORDERS];
	pcp_add_in(q, c, NULL, frees);
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		const struct page_pcp *pcp = quarry_load_acquire(&c->pcp[i]);

		for (unsigned int k = 0;
		     pcp != NULL && k < QUARRY_MIGRATE_PCPTYPES * (PAGE_PCP_ORDERS + 1); k++) {
			unsigned int slot = k % (PAGE_PCP_ORDERS + 1);
			const struct page_sheaf *s = &pcp->out[k / (PAGE_PCP_ORDERS + 1)][slot];

			allocs[pl->zone[i].type][pcp_order(slot)] +=
				s->count + s->kept - pcp_out_blocks(s);
			frees[pl->zone[i].type][pcp_order(slot)] += s->kept;
		}
	}
}

void pcp_events(struct quarry *q, unsigned int cpu,
		uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS],
		uint64_t frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS])
{
	struct page_layer *pl = q->pages;
	struct page_cpu *c = cpu < pl->nr_cpus ? page_cpu_of(pl, cpu) : NULL;
	quarry_pin_t pin;

	quarry_memset(allocs, 0, sizeof(c->counts.allocs));
	quarry_memset(frees, 0, sizeof(c->counts.frees));
	if (c == NULL) {
		if (cpu == pl->nr_cpus)
			pcp_add_counts(&pl->shared_counts, allocs, frees);
		return;
	}
	if (quarry_cpu_revoke(q, &c->lock, &pin)) {
		late_flush(q, c);
		pcp_add_seen(q, c, allocs, frees);
		pcp_add_own(c, allocs, frees);
		quarry_cpu_give_back(q, &c->lock, pin);
		arena_tell(q);
	} else {
		pcp_add_own(c, allocs, frees);
	}
}
