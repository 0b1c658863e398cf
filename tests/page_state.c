/* SPDX-License-Identifier: MIT */
/* What page_state.h says. */
#include <page/hotplug.h>

#include "machine_build.h"
#include "page_state.h"

#define SLOTS (PAGE_PCP_ORDERS + 1)
#define NOTHING (~(uint64_t)0)

static void add(uint64_t *digest, uint64_t x)
{
	*digest ^= x;
	*digest = machine_random(digest);
}

static void add_all(uint64_t *digest, const uint64_t *x, size_t n)
{
	while (n-- > 0)
		add(digest, *x++);
}

/* A descriptor as the arena it is of and its place there. */
static uint64_t place_of(const struct page_layer *pl, const struct page *page)
{
	for (uint32_t i = 0; i < pl->nr_arenas; i++) {
		const struct page_arena *a = &pl->arena[i];
		uintptr_t off = (uintptr_t)page - (uintptr_t)a->map;

		if (a->map != NULL &&
		    off < (size_t)a->nr_pb * QUARRY_PAGEBLOCK_PAGES * sizeof(*page))
			return (uint64_t)i << 32 | off / sizeof(*page);
	}
	return NOTHING;
}

/* ---- arenas ---- */

static void add_pageblock(uint64_t *digest, const struct page_arena *a, unsigned int i)
{
	const struct page_pb *pb = &a->pb[i];
	const struct page *page = a->map + (size_t)i * QUARRY_PAGEBLOCK_PAGES;

	add(digest, (uint64_t)pb->next << 32 | (uint64_t)pb->prev << 16 | pb->nr_free);
	add(digest, (uint64_t)pb->filed << 48 | (uint64_t)pb->type << 40 |
			    (uint64_t)pb->described << 32 | (uint64_t)pb->tail << 24 |
			    (uint64_t)pb->kept << 16 | (uint64_t)pb->flags << 8 | pb->skip);
	add_all(digest, a->bits[i], PAGE_WORDS);
	for (size_t k = 0; pb->described && k < QUARRY_PAGEBLOCK_PAGES; k++)
		add(digest, page[k].word);
}

static void add_arena(uint64_t *digest, const struct page_arena *a)
{
	add(digest, a->start_pfn);
	add(digest, a->end_pfn);
	add(digest, a->base_pfn);
	add(digest, a->zone != NULL ? a->zone->index : NOTHING);
	add(digest, (uint64_t)a->nr_free << 32 | (uint64_t)a->nr_pb << 16 | a->nr_stay);
	add(digest, (uint64_t)a->virgin << 32 | (uint64_t)a->one_piece << 24 |
			    (uint64_t)a->unaccepted << 16 | (uint64_t)a->empty << 8 | a->type);
	add(digest, a->map != NULL);
	add(digest, a->contended);
	for (unsigned int s = 0; s < SLOTS; s++)
		add(digest, a->in_limit[s]);
	if (a->virgin || a->empty || a->zone == NULL)
		return;
	for (unsigned int t = 0; t < PAGE_TYPES; t++) {
		add(digest, (uint64_t)a->order_mask[t] << 32 | (uint64_t)a->nr_dense[t][0] << 16 |
				    a->nr_dense[t][1]);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			add(digest, a->head[o][t]);
	}
	for (unsigned int i = 0; i < a->nr_pb; i++)
		add_pageblock(digest, a, i);
}

/* ---- zones and nodes ---- */

static void add_zone_marks(uint64_t *digest, const struct page_zone *z)
{
	for (unsigned int i = 0; i < QUARRY_NR_ZONES; i++) {
		add(digest, z->fast_mark[i]);
		add(digest, z->reserve[i]);
	}
	for (unsigned int i = 0; i < QUARRY_NR_WMARK; i++)
		add(digest, z->wmark[i]);
	add(digest, z->boost);
	add(digest, z->boosted);
	add(digest, z->pcp_high);
	add(digest, z->pcp_batch);
	for (unsigned int s = 0; s < SLOTS; s++)
		add(digest, (uint64_t)z->sheaf_cap[s] << 16 | z->sheaf_high[s]);
}

static void add_zone(uint64_t *digest, const struct page_zone *z)
{
	add(digest, (uint64_t)z->arena_first << 32 | z->arena_last);
	add(digest, (uint64_t)z->type << 32 | (uint16_t)z->nid);
	add(digest, z->start_pfn);
	add(digest, z->spanned);
	add(digest, z->present);
	add(digest, z->managed);
	add(digest, z->nr_free);
	add(digest, z->nr_free_highatomic);
	add(digest, z->nr_free_cma);
	add(digest, z->nr_isolated);
	add(digest, z->nr_unaccepted);
	add(digest, z->nr_mapped);
	add(digest, z->accept_from);
	add(digest, z->special);
	add(digest, z->fast_pb);
	add(digest, z->cma_pages);
	add(digest, z->compact_considered);
	add(digest, (uint64_t)z->compact_defer_shift << 32 | z->compact_order_failed);
	add(digest, z->compact_arena);
	for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES - QUARRY_MIGRATE_PCPTYPES; t++)
		add(digest, z->nr_pb_special[t]);
	add_all(digest, z->events, PAGE_ZONE_EVENTS);
	for (unsigned int t = 0; t < PAGE_TYPES; t++) {
		for (unsigned int r = 0; r < PAGE_AVAIL_ROWS; r++)
			add(digest, z->nr_avail[t][r]);
	}
	add_zone_marks(digest, z);
}

static void add_list(uint64_t *digest, const struct page_zonelist *l)
{
	add(digest, l != NULL ? l->nr : NOTHING);
	for (uint32_t i = 0; l != NULL && i < l->nr; i++)
		add(digest, l->zone[i]->index);
}

static void add_node(uint64_t *digest, const struct page_node *n)
{
	add(digest, (uint64_t)n->present << 1 | n->possible);
	add(digest, n->start_pfn);
	add(digest, n->end_pfn);
	add(digest, n->movable_pfn);
	add(digest, n->nr_cpus);
	add(digest,
	    (uint64_t)n->kswapd_order << 16 | (uint64_t)n->kswapd_highest << 8 | n->kswapd_wanted);
	add(digest, n->kswapd_failures);
	add(digest, (uint64_t)n->compact_order << 32 | n->compact_highest);
	add(digest, n->weight);
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		add(digest, n->has_zone[t]);
		add(digest, n->zone[t] != NULL ? n->zone[t]->index : NOTHING);
	}
	add_list(digest, n->list);
	add_list(digest, n->list_this);
}

/* ---- CPUs ---- */

static void add_hand(uint64_t *digest, const struct page_layer *pl, const struct page_hand *h)
{
	add(digest, h->mask);
	if (h->mask != 0)
		add(digest, place_of(pl, h->base));
}

static void add_sheaf(uint64_t *digest, const struct page_layer *pl, const struct page_sheaf *s)
{
	add_hand(digest, pl, &s->cur);
	add(digest, s->zone != NULL ? s->zone->index : NOTHING);
	add(digest, s->word);
	add(digest, s->count);
	add(digest, s->kept);
	add(digest, (uint64_t)s->cap << 32 | (uint64_t)s->high << 16 | s->grown);
	add(digest, (uint64_t)s->at << 16 | s->n);
	for (unsigned int k = s->at; k < s->n; k++)
		add_hand(digest, pl, &s->hand[k]);
}

static void add_pcp(uint64_t *digest, const struct page_layer *pl, const struct page_pcp *pcp)
{
	add(digest, (uint64_t)pcp->home << 32 | pcp->home_stay);
	for (unsigned int t = 0; t < QUARRY_MIGRATE_PCPTYPES; t++) {
		for (unsigned int s = 0; s < SLOTS; s++)
			add_sheaf(digest, pl, &pcp->out[t][s]);
	}
}

static void add_slot(uint64_t *digest, const struct page_layer *pl, const struct page_cpu *cpu,
		     unsigned int slot)
{
	const struct page_in *in = &cpu->in[slot];
	const struct page_fast *f = &cpu->fast[slot];

	add_hand(digest, pl, &cpu->open[slot]);
	add(digest, (uint64_t)in->n << 48 | (uint64_t)in->staged << 32 | in->blocks);
	add(digest, in->limit);
	for (unsigned int k = 0; k < in->n; k++)
		add_hand(digest, pl, &in->hand[k]);
	for (unsigned int k = 0; k < PAGE_FAST_BITS; k++) {
		add(digest, f->mark[k]);
		add(digest, f->out[k]->zone != NULL ? f->out[k]->zone->index : NOTHING);
		add(digest, f->out[k]->word);
	}
}

static void add_counts(uint64_t *digest, const struct page_counts *c)
{
	add_all(digest, &c->allocs[0][0], QUARRY_NR_ZONES * QUARRY_NR_ORDERS);
	add_all(digest, &c->frees[0][0], QUARRY_NR_ZONES * QUARRY_NR_ORDERS);
	add_all(digest, c->events, QUARRY_NR_VM_EVENTS);
}

static void add_cpu(uint64_t *digest, const struct page_layer *pl, const struct page_cpu *cpu)
{
	add(digest, (uint64_t)cpu->late_streak << 1 | cpu->late_on);
	add(digest, cpu->nr_late);
	for (uint32_t i = 0; i < cpu->nr_late; i++) {
		uint64_t order = cpu->late[i] % sizeof(struct page);

		add(digest, place_of(pl, (struct page *)(uintptr_t)(cpu->late[i] - order)));
		add(digest, order);
	}
	for (unsigned int s = 0; s < SLOTS; s++)
		add_slot(digest, pl, cpu, s);
	add(digest, cpu->round.sheaf != NULL);
	for (unsigned int i = 0; i < pl->nr_zones; i++) {
		add(digest, cpu->pcp[i] != NULL);
		if (cpu->pcp[i] != NULL)
			add_pcp(digest, pl, cpu->pcp[i]);
	}
	add_counts(digest, &cpu->counts);
	add_all(digest, &cpu->put[0][0], QUARRY_NR_ZONES * QUARRY_NR_ORDERS);
	add_all(digest, &cpu->nolock_allocs[0][0], QUARRY_NR_ZONES * QUARRY_NR_ORDERS);
}

/* ---- the layer ---- */

static void add_tunables(uint64_t *digest, const struct page_layer *pl)
{
	add(digest, pl->min_free_kbytes);
	add(digest, (uint64_t)pl->user_min_free_kbytes);
	add(digest, (uint64_t)pl->watermark_boost_factor << 32 | pl->watermark_scale_factor);
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
		add(digest, pl->lowmem_reserve_ratio[t]);
	add(digest, pl->percpu_pagelist_high_fraction);
	add(digest, pl->defrag_mode);
	add(digest, (uint64_t)pl->extfrag_threshold << 32 | pl->compaction_proactiveness);
	add(digest, pl->compact_unevictable_allowed);
	add(digest, (uint64_t)pl->thp << 16 | (uint64_t)pl->no_grouping << 8 | pl->one_home);
}

static void add_layer(uint64_t *digest, const struct quarry *q, const struct page_layer *pl)
{
	add(digest, (uint64_t)pl->nr_arenas << 32 | pl->nr_zones);
	add(digest, (uint64_t)pl->nr_online_cpus << 32 | pl->features);
	add(digest, pl->present);
	add(digest, pl->managed);
	add(digest, pl->totalreserve);
	add(digest, pl->handed_over);
	add_all(digest, pl->table_pages, QUARRY_NR_ZONES);
	add(digest, pl->carved);
	add(digest, pl->nr_poisoned);
	add(digest, (uint64_t)pl->again.n << 32 | pl->again.lost);
	add(digest, pl->refused);
	add(digest, pl->warned);
	add(digest, pl->aside);
	add(digest, pl->aside_taken);
	add(digest, (uint64_t)pl->nr_movers << 32 | pl->pin_scopes);
	add(digest, q->meta_bytes);
	add(digest, q->strict_below);
	for (pfn_t s = 0; s < pl->nr_sections; s++) {
		const struct hotplug_section *h = &pl->hotplug->section[s];

		add(digest, (uint64_t)h->held << 32 | h->own);
		add(digest,
		    (uint64_t)pl->section[s] << 32 | (uint64_t)(uint16_t)h->nid << 1 | h->offline);
	}
	add_tunables(digest, pl);
}

void page_state_add(struct quarry *q, uint64_t *digest)
{
	const struct page_layer *pl = q->pages;

	if (pl == NULL)
		return;
	add_layer(digest, q, pl);
	for (unsigned int cpu = 0; cpu < pl->nr_cpus; cpu++) {
		const struct page_cpu_place *p = &pl->cpu_place[cpu];

		add(digest, (uint64_t)(uint16_t)p->nid << 32 | (uint64_t)(uint16_t)p->mem_nid << 1 |
				    p->offline);
		add(digest, p->task.flags);
		if (pl->cpu[cpu] != pl->no_cpu)
			add_cpu(digest, pl, pl->cpu[cpu]);
	}
	for (int nid = 0; nid < pl->nr_nodes; nid++)
		add_node(digest, &pl->node[nid]);
	for (unsigned int i = 0; i < pl->nr_zones; i++)
		add_zone(digest, &pl->zone[i]);
	for (uint32_t i = 0; i < pl->nr_arenas; i++)
		add_arena(digest, &pl->arena[i]);
	add_counts(digest, &pl->shared_counts);
}
