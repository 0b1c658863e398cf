/* SPDX-License-Identifier: MIT */
/*
 * The page layer's validator: everything that is stored twice is compared, and every page accounted
 * for. The first fault is described.
 */
#include "hotplug.h"
#include "slab_pages.h"

#include <base/format.h>
#include <base/string.h>

#if QUARRY_VALIDATORS

#define CHECK_PB ((unsigned long)QUARRY_PAGEBLOCK_PAGES)

struct check_state {
	struct quarry *q;
	const struct quarry_out *out;
	unsigned int faults;
	unsigned int
		block_end; /* of an arena's pageblocks: where the free block ends that has begun */
	unsigned long in_sheaves, allocated, slab, free, poisoned, unaccepted, guards;
	/* of one zone, by pageblocks' types from QUARRY_MIGRATE_PCPTYPES on */
	unsigned long special_free[QUARRY_MIGRATE_TYPES], special_pb[QUARRY_MIGRATE_TYPES];
};

static void check_fault(struct check_state *c, const char *what, unsigned long long where,
			unsigned long long got, unsigned long long want)
{
	if (c->faults++ == 0)
		quarry_out_printf(c->out, "page: %s at %#llx: %llu, expected %llu\n", what, where,
				  got, want);
}

static void check_equal(struct check_state *c, const char *what, unsigned long long where,
			unsigned long long got, unsigned long long want)
{
	if (got != want)
		check_fault(c, what, where, got, want);
}

/* Page @k of pageblock @i is a guard: all of it is, its pageblock knows, and its partner is in use. */
static void check_guard(struct check_state *c, const struct page_arena *a, unsigned int i,
			unsigned int k)
{
	const struct page *page = &a->map[(size_t)i << QUARRY_PAGEBLOCK_ORDER];
	unsigned long long where = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER) + k;
	unsigned int order = page_word_order(page[k].word), first = k & ~((1u << order) - 1);

	c->guards++;
	check_equal(c, "mark of a pageblock with guards", where, a->pb[i].flags & PAGE_PB_GUARDED,
		    PAGE_PB_GUARDED);
	check_equal(c, "order of a guard", where, order < PAGE_GUARD_ORDERS, true);
	if (order < PAGE_GUARD_ORDERS) {
		check_equal(c, "page of a guard", where, page[first].word, page[k].word);
		check_equal(c, "guard whose partner is free", where,
			    pageblock_all_set(a->bits[i], first ^ 1u << order, order), false);
	}
}

/* A later page of a block is nobody's by itself. */
static void check_tail(struct check_state *c, const struct page_arena *a, unsigned long long where,
		       uint64_t word)
{
	check_equal(c, "state of a tail page", where, word & PAGE_WORD_STATE_MASK, PAGE_WORD_FREE);
	check_equal(c, "arena in descriptor", where, word >> PAGE_WORD_ARENA_SHIFT, a->index);
}

/* Descriptors of a pageblock: free bits say FREE, blocks stay inside, every page is something. */
static void check_descriptors(struct check_state *c, const struct page_arena *a, unsigned int i)
{
	pfn_t base = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);
	const struct page *page = &a->map[(size_t)i << QUARRY_PAGEBLOCK_ORDER];
	unsigned int k = 0;

	while (k < QUARRY_PAGEBLOCK_PAGES) {
		uint64_t word = page[k].word;
		unsigned int order = page_word_order(word), size = 1;
		bool free = pageblock_is_free(a->bits[i], k);

		check_equal(c, "arena in descriptor", base + k, word >> PAGE_WORD_ARENA_SHIFT,
			    a->index);
		if (free)
			check_equal(c, "state of a free page", base + k,
				    word & PAGE_WORD_STATE_MASK, PAGE_WORD_FREE);
		if ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_SLAB)
			c->slab++;
		if (page_is_poisoned(word)) {
			check_equal(c, "mark of a pageblock with a poisoned page", base + k,
				    a->pb[i].flags & PAGE_PB_POISONED, PAGE_PB_POISONED);
			c->poisoned++;
		}
		if ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_GUARD)
			check_guard(c, a, i, k);
		if ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_OFFLINE)
			check_fault(c, "offline page in use", base + k, a->pb[i].flags, 0);
		if ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC ||
		    (word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ASIDE) {
			size = 1u << order;
			c->allocated += size;
			check_equal(c, "alignment of a block", base + k, (base + k) & (size - 1),
				    0);
			for (unsigned int j = 0; j < size && k + j < QUARRY_PAGEBLOCK_PAGES; j++) {
				check_equal(c, "free bit inside a block", base + k + j,
					    pageblock_is_free(a->bits[i], k + j), 0);
				if (j != 0)
					check_tail(c, a, base + k + j, page[k + j].word);
			}
		}
		k += size;
	}
}

/* A pageblock of a section that is offline: nothing of it is anywhere. */
static void check_offline(struct check_state *c, const struct page_arena *a, unsigned int i)
{
	const struct page_pb *pb = &a->pb[i];
	pfn_t base = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);
	const struct page *page = &a->map[(size_t)i << QUARRY_PAGEBLOCK_ORDER];

	check_equal(c, "free pages offline", base, pageblock_count_free(a->bits[i]), 0);
	check_equal(c, "offline pageblock filed", base, pb->filed, PAGE_NOT_FILED);
	check_equal(c, "count of an offline pageblock", base, pb->nr_free + pb->tail, 0);
	for (unsigned int k = 0; pb->described && k < QUARRY_PAGEBLOCK_PAGES; k++) {
		if (!page_is_poisoned(page[k].word))
			check_equal(c, "state of an offline page", base + k,
				    page[k].word & PAGE_WORD_STATE_MASK, PAGE_WORD_OFFLINE);
	}
}

static void check_pageblock(struct check_state *c, const struct page_arena *a, unsigned int i)
{
	const struct page_pb *pb = &a->pb[i];
	unsigned long long where = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);
	unsigned int largest = pageblock_largest(a->bits[i]);
	bool tail = i < c->block_end, large = false;

	if (!tail && pb->filed > QUARRY_PAGEBLOCK_ORDER && pb->filed < QUARRY_NR_ORDERS) {
		large = true;
		c->block_end = i + PAGE_SPAN(pb->filed);
		check_equal(c, "alignment of a free block", where, where & ((1u << pb->filed) - 1),
			    0);
		check_equal(c, "end of a free block", where, c->block_end <= a->nr_pb, true);
	}
	check_equal(c, "count of a pageblock", where, pb->nr_free,
		    pageblock_count_free(a->bits[i]));
	check_equal(c, "tail mark", where, pb->tail, tail);
	if (tail)
		check_equal(c, "tail of a free block filed", where, pb->filed, PAGE_NOT_FILED);
	else if (large)
		check_equal(c, "part of a free block", where, largest, QUARRY_PAGEBLOCK_ORDER);
	else
		check_equal(c, "filed order", where, pb->filed, largest);
	if (tail || large)
		check_equal(c, "pages of a free block", where, pb->nr_free, QUARRY_PAGEBLOCK_PAGES);
	if (pb->described)
		check_descriptors(c, a, i);
	check_equal(c, "type of a pageblock", where, pb->type < PAGE_TYPES, true);
	c->free += pb->nr_free;
	c->special_free[pb->type % QUARRY_MIGRATE_TYPES] += pb->nr_free;
	c->special_pb[pb->type % QUARRY_MIGRATE_TYPES]++;
}

#if !QUARRY_TINY

/* The arena's bit in a row of its zone's. */
static bool check_avail(const struct page_arena *a, unsigned int type, unsigned int row)
{
	uint32_t bit = a->index - a->zone->arena_first;

	return (zone_avail(a->zone, type, row)[bit >> 6] >> (bit & 63) & 1) != 0;
}

/* What the zone knows of an arena: which lists of a type are not empty, and how many are dense. */
static void check_zone_row(struct check_state *c, const struct page_arena *a, unsigned int t)
{
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
		check_equal(c, "zone's arena bit", a->start_pfn, check_avail(a, t, o),
			    a->head[o][t] != PAGE_NO_PB);
	for (unsigned int k = 0; k < 2; k++)
		check_equal(c, "zone's dense bit", a->start_pfn,
			    check_avail(a, t, PAGE_AVAIL_SMALL + k), a->nr_dense[t][k] != 0);
}

#else

static void check_zone_row(struct check_state *c, const struct page_arena *a, unsigned int t)
{
	(void)c;
	(void)a;
	(void)t;
}

#endif

static void check_lists(struct check_state *c, const struct page_arena *a)
{
	unsigned long listed = 0, filed = 0;

	for (unsigned int t = 0; t < PAGE_TYPES; t++) {
		unsigned int dense[2] = {0};

		check_equal(c, "order mask", a->start_pfn, a->order_mask[t] >> QUARRY_NR_ORDERS, 0);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
			uint16_t i = a->head[o][t], head = i, prev = PAGE_NO_PB;
			bool sparse = false;

			check_equal(c, "order mask", a->start_pfn, a->order_mask[t] >> o & 1,
				    i != PAGE_NO_PB);
			for (; i < a->nr_pb && listed <= a->nr_pb; prev = i, i = a->pb[i].next) {
				if (i != head)
					check_equal(c, "list link", i, a->pb[i].prev, prev);
				/* Those with few free pages stand behind the others. */
				check_equal(c, "sparse before dense", i,
					    sparse && !arena_sparse(&a->pb[i]), false);
				sparse = arena_sparse(&a->pb[i]);
				check_equal(
					c, "dense mark", i, (a->pb[i].flags & PAGE_PB_DENSE) != 0,
					PAGE_HAS_SHEAVES && !sparse && o < QUARRY_PAGEBLOCK_ORDER);
				dense[o >= 3] +=
					PAGE_HAS_SHEAVES && !sparse && o < QUARRY_PAGEBLOCK_ORDER;
				check_equal(c, "list order", i, a->pb[i].filed, o);
				check_equal(c, "list type", i, a->pb[i].type, t);
				listed++;
			}
			check_equal(c, "list link", prev, i, PAGE_NO_PB);
			if (head < a->nr_pb)
				check_equal(c, "list end", head, a->pb[head].prev, prev);
		}
		for (unsigned int k = 0; k < 2; k++)
			check_equal(c, "dense pageblocks", a->start_pfn, a->nr_dense[t][k],
				    dense[k]);
		check_zone_row(c, a, t);
	}
	for (unsigned int i = 0; i < a->nr_pb; i++)
		filed += a->pb[i].filed != PAGE_NOT_FILED;
	check_equal(c, "listed pageblocks of the arena", a->start_pfn, listed, filed);
}

#if !QUARRY_TINY

static void check_cached(struct check_state *c, struct page *page, unsigned int order,
			 const struct page_zone *z)
{
	struct page_arena *a = page_arena_of(c->q->pages, page);
	pfn_t pfn = quarry_page_to_pfn(c->q, page), off = pfn - a->base_pfn;

	check_equal(c, "zone of a page in a sheaf", pfn, z == NULL || a->zone == z, true);
	check_equal(c, "state of a page in a sheaf", pfn, page_word(page) & PAGE_WORD_STATE_MASK,
		    PAGE_WORD_FREE);
	check_equal(c, "alignment in a sheaf", pfn, pfn & ((1u << order) - 1), 0);
	check_equal(c, "page both in a sheaf and free", pfn,
		    pageblock_any_set(
			    a->bits[off >> QUARRY_PAGEBLOCK_ORDER],
			    (unsigned int)off & (unsigned int)(QUARRY_PAGEBLOCK_PAGES - 1), order),
		    false);
	c->in_sheaves += 1ul << order;
}

/* Whether a word's descriptors begin at @base. */
static bool check_hand_base(const struct page_layer *pl, const struct page *base)
{
	for (uint32_t i = 0; i < pl->nr_arenas; i++) {
		const struct page_arena *a = &pl->arena[i];

		if (a->map != NULL &&
		    (uintptr_t)base - (uintptr_t)a->map <
			    (size_t)a->nr_pb * QUARRY_PAGEBLOCK_PAGES * sizeof(*base))
			return (uintptr_t)base % PAGE_WORD_BYTES == 0;
	}
	return false;
}

static void check_hand(struct check_state *c, const struct page_hand *h, unsigned int order,
		       const struct page_zone *z)
{
	if (h->mask != 0 && !check_hand_base(c->q->pages, h->base)) {
		check_fault(c, "hand of no descriptors", order, h->mask, 0);
		return;
	}
	for (uint64_t mask = h->mask; mask != 0; mask &= mask - 1)
		check_cached(c, h->base + bits_ctz64(mask), order, z);
}

/* Those of [@from, @n). */
static void check_hands(struct check_state *c, const struct page_hand *hands, unsigned int from,
			unsigned int n, unsigned int room, unsigned int order,
			const struct page_zone *z)
{
	check_equal(c, "hands of a sheaf", order, from <= n && n <= room, true);
	for (unsigned int k = from; k < n && k < room; k++) {
		check_equal(c, "empty hand", k, hands[k].mask != 0, true);
		check_hand(c, &hands[k], order, z);
	}
}

static void check_pcp(struct check_state *c, const struct page_pcp *pcp, const struct page_zone *z)
{
	for (unsigned int s = 0; pcp != NULL && s <= PAGE_PCP_ORDERS; s++) {
		unsigned int order = s < PAGE_PCP_ORDERS ? s : QUARRY_PAGEBLOCK_ORDER;

		for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++) {
			const struct page_sheaf *out = &pcp->out[t][s];

			check_hand(c, &out->cur, order, z);
			check_hands(c, out->hand, out->at, out->n, PAGE_SHEAF_HANDS, order, z);
			check_equal(c, "first hand of a sheaf", t, out->at == 0, out->n == 0);
			check_equal(c, "zone of a sheaf", t, out->zone == z, true);
			check_equal(c, "sheaf that starts empty", t,
				    out->cur.mask == 0 && out->n != 0, false);
		}
	}
}

static void check_sheaves(struct check_state *c)
{
	struct page_layer *pl = c->q->pages;

	for (unsigned int cpu = 0; cpu < pl->nr_cpus; cpu++) {
		const struct page_cpu *own = page_cpu_of(pl, cpu);

		if (own == NULL)
			continue;
		for (unsigned int s = 0; s <= PAGE_PCP_ORDERS; s++) {
			const struct page_in *in = &own->in[s];
			unsigned int order = s < PAGE_PCP_ORDERS ? s : QUARRY_PAGEBLOCK_ORDER;
			unsigned int blocks = 0;

			check_hand(c, &own->open[s], order, NULL);
			check_hands(c, in->hand, 0, in->n, PAGE_IN_HANDS, order, NULL);
			check_equal(c, "hands looked at", cpu, in->staged <= in->n, true);
			for (unsigned int k = 0; k < in->staged && k < PAGE_IN_HANDS; k++)
				blocks += bits_popcount64(in->hand[k].mask);
			check_equal(c, "blocks taken back", cpu, in->blocks, blocks);
		}
		for (unsigned int i = 0; i < page_nr_zones(pl); i++)
			check_pcp(c, own->pcp[i], &pl->zone[i]);
	}
}

/* Pageblocks whose pages stay, and the zone's bit that says so. */
static void check_stay(struct check_state *c, const struct page_arena *a)
{
	uint32_t bit = a->index - a->zone->arena_first;
	unsigned int stay = 0;

	for (unsigned int i = 0; i < a->nr_pb; i++)
		stay += a->pb[i].type == QUARRY_MIGRATE_UNMOVABLE ||
			a->pb[i].type == QUARRY_MIGRATE_RECLAIMABLE ||
			a->pb[i].type == QUARRY_MIGRATE_HIGHATOMIC;
	check_equal(c, "pageblocks that stay", a->start_pfn, a->nr_stay, stay);
	check_equal(c, "zone's bit of an arena that stays", a->start_pfn,
		    zone_stay(a->zone)[bit >> 6] >> (bit & 63) & 1, stay != 0);
}

/* What the watermark check takes off, and the marks of the short way. */
static void check_special(struct check_state *c, const struct page_zone *z)
{
	unsigned long sum = 0;

	for (unsigned int t = QUARRY_MIGRATE_PCPTYPES; t < QUARRY_MIGRATE_TYPES; t++) {
		check_equal(c, "pageblocks of a special type", z->start_pfn,
			    z->nr_pb_special[t - QUARRY_MIGRATE_PCPTYPES], c->special_pb[t]);
		sum += c->special_pb[t];
	}
	check_equal(c, "special pageblocks of the zone", z->start_pfn, z->special, sum);
	check_equal(c, "free highatomic pages", z->start_pfn, z->nr_free_highatomic,
		    c->special_free[QUARRY_MIGRATE_HIGHATOMIC]);
	check_equal(c, "isolated free pages", z->start_pfn, z->nr_isolated,
		    c->special_free[QUARRY_MIGRATE_ISOLATE]);
	check_equal(c, "free CMA pages", z->start_pfn, z->nr_free_cma,
		    c->special_free[QUARRY_MIGRATE_CMA]);
}

/* Bits set in the zone's rows. */
static void check_avail_counts(struct check_state *c, const struct page_zone *z)
{
	for (unsigned int t = 0; t < PAGE_TYPES; t++) {
		for (unsigned int row = 0; row < PAGE_AVAIL_ROWS; row++) {
			unsigned int n = 0;

			for (uint32_t w = 0; w < z->avail_words; w++)
				n += bits_popcount64(zone_avail(z, t, row)[w]);
			check_equal(c, "arenas in a row of the zone", z->start_pfn,
				    z->nr_avail[t][row], n);
		}
	}
}

/* What is computed from the zone's marks: of the short way, of sheaves. */
static void check_marks(struct check_state *c, const struct page_zone *z)
{
	uint32_t pb = z->special == 0 ? 0 : (uint32_t)1 << bits_fls(z->special - 1);
	unsigned long gap = z->wmark[QUARRY_WMARK_LOW] - z->wmark[QUARRY_WMARK_MIN];

	check_equal(c, "special pageblocks that the short way allows for", z->start_pfn, z->fast_pb,
		    pb);
	for (unsigned int j = 0; j < QUARRY_NR_ZONES; j++)
		check_equal(c, "short way's mark", z->start_pfn, z->fast_mark[j],
			    z->wmark[QUARRY_WMARK_LOW] + z->reserve[j] + pb * CHECK_PB);
	for (unsigned int m = 1; m < QUARRY_NR_WMARK; m++)
		check_equal(c, "gap between watermarks", z->start_pfn,
			    z->wmark[m] - z->wmark[m - 1], gap);
	check_equal(c, "boost is in the marks", z->start_pfn,
		    z->boost <= z->wmark[QUARRY_WMARK_MIN], true);
}

/* The mark of one short way is that of the zone to which it leads. */
static void check_fast_way(struct check_state *c, unsigned int cpu, unsigned int slot,
			   unsigned int bits)
{
	const struct page_layer *pl = c->q->pages;
	const struct page_fast *f = &page_cpu_of(pl, cpu)->fast[slot];
	const struct page_sheaf *s = f->out[bits];

	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		const struct page_zone *z = &pl->zone[i];

		if (s->zone == z)
			check_equal(
				c, "mark of a CPU's short way", cpu, f->mark[bits],
				page_fast_mark(slot, z->fast_mark[pl->highest_zone[bits & 15u]]));
	}
}

/* Every CPU's short way compares with the zone's mark. */
static void check_fast(struct check_state *c)
{
	for (unsigned int cpu = 0; cpu < c->q->pages->nr_cpus; cpu++) {
		if (page_cpu_of(c->q->pages, cpu) == NULL)
			continue;
		for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
			for (unsigned int bits = 0; bits < PAGE_FAST_BITS; bits++)
				check_fast_way(c, cpu, slot, bits);
		}
	}
}

#else

static void check_stay(struct check_state *c, const struct page_arena *a)
{
	(void)c;
	(void)a;
}

#endif

static void check_arena(struct check_state *c, const struct page_arena *a)
{
	unsigned long before = c->free;

	if (a->empty) {
		c->unaccepted += a->unaccepted ? a->nr_pb * CHECK_PB : 0;
		check_equal(c, "free pages of an arena that has none", a->start_pfn, a->nr_free, 0);
		return;
	}
	if (a->virgin) {
		c->free += a->nr_free;
		check_equal(c, "pages of a virgin arena", a->start_pfn, a->nr_free,
			    (unsigned long long)a->nr_pb * QUARRY_PAGEBLOCK_PAGES);
		return;
	}
	c->block_end = 0;
	for (unsigned int i = 0; i < a->nr_pb; i++) {
		if ((a->pb[i].flags & PAGE_PB_OFFLINE) != 0) {
			check_offline(c, a, i);
			continue;
		}
		if ((a->pb[i].flags & PAGE_PB_UNACCEPTED) != 0) {
			c->unaccepted += CHECK_PB;
			check_equal(c, "free pages not accepted", a->start_pfn + i,
				    a->pb[i].nr_free, 0);
		}
		if ((a->pb[i].flags & PAGE_PB_REPORTED) != 0)
			check_equal(c, "free pages of a reported pageblock", a->start_pfn + i,
				    a->pb[i].nr_free, QUARRY_PAGEBLOCK_PAGES);
		check_pageblock(c, a, i);
	}
	check_lists(c, a);
	check_stay(c, a);
	check_equal(c, "free pages of the arena", a->start_pfn, a->nr_free, c->free - before);
}

unsigned long page_count_slab(struct quarry *q)
{
	const struct page_layer *pl = q->pages;
	unsigned long n = 0;

	for (uint32_t i = 0; i < pl->nr_arenas; i++) {
		const struct page_arena *a = &pl->arena[i];

		for (unsigned int b = 0; !a->virgin && !a->empty && b < a->nr_pb; b++) {
			const struct page *page;

			if (!a->pb[b].described) /* and perhaps no map */
				continue;
			page = &a->map[(size_t)b << QUARRY_PAGEBLOCK_ORDER];
			for (unsigned int k = 0; k < QUARRY_PAGEBLOCK_PAGES; k++)
				n += (page[k].word & PAGE_WORD_STATE_MASK) == PAGE_WORD_SLAB;
		}
	}
	return n;
}

#if !QUARRY_TINY

/* Each section leads to arenas that lie in it, or is not in use. */
static void check_sections(struct check_state *c)
{
	const struct page_layer *pl = c->q->pages;

	for (pfn_t s = 0; s < pl->nr_sections; s++) {
		pfn_t start = s << PAGE_SECTION_ORDER;
		uint32_t i = pl->section[s];

		if (i == PAGE_NO_ARENA)
			continue;
		check_equal(c, "section both online and offline", start,
			    pl->hotplug->section[s].offline, false);
		check_equal(c, "arena of a section", start,
			    i < pl->nr_arenas &&
				    pl->arena[i].start_pfn < start + PAGE_SECTION_PAGES &&
				    pl->arena[i].end_pfn > start && pl->arena[i].zone != NULL,
			    true);
	}
}

/* Where the node's zones lie, and which are in its lists: those with pages, each once. */
static void check_node(struct check_state *c, unsigned int nid)
{
	const struct page_layer *pl = c->q->pages;
	const struct page_node *node = &pl->node[nid];
	pfn_t start = ~(pfn_t)0, end = 0;
	unsigned int own = 0, all = 0;

	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		const struct page_zone *z = &pl->zone[i];

		all += z->present != 0;
		if (z->nid != (int)nid || z->spanned == 0)
			continue;
		own += z->present != 0;
		check_equal(c, "zone of a node", nid, node->zone[z->type] == z, true);
		start = quarry_min(start, z->start_pfn);
		end = quarry_max(end, z->start_pfn + z->spanned);
	}
	check_equal(c, "node with memory", nid, node->present, end != 0);
	if (end != 0) {
		check_equal(c, "start of a node", nid, node->start_pfn, start);
		check_equal(c, "end of a node", nid, node->end_pfn, end);
	}
	check_equal(c, "zones in a node's list", nid, node->list->nr, all);
	check_equal(c, "zones in a node's own list", nid, node->list_this->nr, own);
}

static void check_in_limits(struct check_state *c, uint32_t i, uint64_t *strict)
{
	const struct page_arena *a = &c->q->pages->arena[i];

	for (unsigned int slot = 0; a->zone != NULL && slot <= PAGE_PCP_ORDERS; slot++) {
		check_equal(c, "blocks held back of an arena", a->start_pfn, a->in_limit[slot],
			    a->zone->sheaf_high[slot]);
		if (slot < PAGE_PCP_ORDERS && a->in_limit[slot] < pcp_in_least(slot))
			*strict = (uint64_t)(i + 1) << PAGE_WORD_ARENA_SHIFT;
	}
}

/* What the layer knows of all zones, nodes, CPUs and arenas together. */
static void check_layer(struct check_state *c)
{
	const struct page_layer *pl = c->q->pages;
	unsigned long present = 0, managed = 0;
	unsigned int online = 0;
	uint64_t strict = 0;

	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		present += pl->zone[i].present;
		managed += pl->zone[i].managed;
		check_avail_counts(c, &pl->zone[i]);
		check_marks(c, &pl->zone[i]);
	}
	check_equal(c, "present pages", 0, pl->present, present);
	check_equal(c, "managed pages", 0, pl->managed, managed);
	for (unsigned int nid = 0; nid < (unsigned int)pl->nr_nodes; nid++)
		check_node(c, nid);
	for (unsigned int cpu = 0; cpu < pl->nr_cpus; cpu++) {
		const struct page_cpu_place *p = &pl->cpu_place[cpu];

		online += !p->offline;
		check_equal(c, "node of a CPU's memory", cpu,
			    present == 0 || (p->mem_nid >= 0 && p->mem_nid < pl->nr_nodes &&
					     pl->node[p->mem_nid].list_this->nr != 0),
			    true);
	}
	check_equal(c, "CPUs online", 0, pl->nr_online_cpus, online);
	for (uint32_t i = 0; i < pl->nr_arenas; i++)
		check_in_limits(c, i, &strict);
	check_equal(c, "arenas of which little is held back", 0, c->q->strict_below, strict);
	check_equal(c, "damage that was not told", 0, pl->again.n + pl->again.lost, 0);
}

unsigned int quarry_check_pages(struct quarry *q, const struct quarry_out *out)
{
	struct check_state c = {.q = q, .out = out};
	struct page_layer *pl = q->pages;
	unsigned long managed = 0;

	if (pl == NULL)
		return 0;
	c.faults = meta_check(q, out);
	if (c.faults == 0)
		c.faults = hardened_check(q, out);
	if (c.faults != 0)
		return c.faults; /* what leads to all else may be wrong */
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		const struct page_zone *z = &pl->zone[i];
		unsigned long before = c.free, unaccepted = c.unaccepted;

		quarry_memset(c.special_free, 0, sizeof(c.special_free));
		quarry_memset(c.special_pb, 0, sizeof(c.special_pb));
		for (uint32_t k = z->arena_first; k < zone_arena_end(z); k++) {
			if (pl->arena[k].zone == z)
				check_arena(&c, &pl->arena[k]);
		}
		check_equal(&c, "free pages of the zone", z->start_pfn, z->nr_free,
			    c.free - before - c.special_free[QUARRY_MIGRATE_ISOLATE]);
		check_equal(&c, "unaccepted pages of the zone", z->start_pfn, z->nr_unaccepted,
			    c.unaccepted - unaccepted);
		managed += z->managed;
		check_special(&c, z);
	}
	check_layer(&c);
	check_fast(&c);
	check_sheaves(&c);
	check_sections(&c);
	check_equal(&c, "poisoned page not where it should be", 0, hwpoison_fault(pl), 0);
	/* Tables that lie in the managed memory itself are neither; they were subtracted when taken. */
	check_equal(&c, "pages of the machine", 0,
		    c.free + c.in_sheaves + c.allocated + c.slab + c.poisoned + c.unaccepted +
			    c.guards,
		    managed - pl->carved - (unsigned long)pl->adjusted);
	return c.faults;
}

#else

unsigned int quarry_check_pages(struct quarry *q, const struct quarry_out *out)
{
	struct check_state c = {.q = q, .out = out};
	const struct page_layer *pl = q->pages;

	for (uint32_t k = 0; k < pl->nr_arenas; k++)
		check_arena(&c, &pl->arena[k]);
	check_equal(&c, "free pages of the zone", pl->zone->start_pfn, pl->zone->nr_free, c.free);
	check_equal(&c, "pages of the machine", 0, c.free + c.allocated + c.slab,
		    pl->zone->managed);
	return c.faults;
}

#endif

#endif
