/* SPDX-License-Identifier: MIT */
/*
 * Events, counted without atomics by the CPU on which they happen, and added up when asked.
 *
 * Linux counts each request by zone as hit or miss and as local or other. Here the common request is
 * counted once, by its CPU and the type of its zone, which nearly always is the first zone of that type
 * in the zonelist of the CPU's node: the type's home. What goes elsewhere is counted beside that, by
 * zone, when it happens; the rest is subtraction:
 *
 *	served(z) = stray(z) + the counts of all CPUs whose home of z's type is z
 *	hit(z)	  = served(z) - miss(z)		local(z) = served(z) - other(z)
 *
 * stray is positive for a zone that served instead of a home and negative for that home. A home on
 * another node than the CPU makes its requests `other` without being told. When zonelists are built anew,
 * homes move: event_homes_leave() and event_homes_enter() keep served(z) as it was.
 */
#include "internal.h"

static const char *const event_names[QUARRY_NR_VM_EVENTS] = {
#define EVENT_NAME(symbol, name) [QUARRY_VM_##symbol] = name,
	QUARRY_VM_EVENTS(EVENT_NAME)
#undef EVENT_NAME
};

void page_event(struct quarry *q, enum quarry_vm_event event, uint64_t n)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_pin();
	struct page_cpu *cpu = page_this_cpu(q);

	if (unlikely(cpu == pl->no_cpu))
		page_add(q->concurrent, &pl->shared_counts.events[event], n);
	else
		page_count(&cpu->counts.events[event], n);
	quarry_unpin(pin);
}

uint64_t quarry_vm_event(struct quarry *q, enum quarry_vm_event event)
{
	struct page_layer *pl = q->pages;
	uint64_t sum;

	if ((unsigned int)event >= QUARRY_NR_VM_EVENTS)
		return 0;
	sum = quarry_load_relaxed(&pl->shared_counts.events[event]);
	for (unsigned int i = 0; i < pl->nr_cpus; i++) {
		const struct page_cpu *cpu = page_cpu_of(pl, i);

		if (cpu != NULL)
			sum += quarry_load_relaxed(&cpu->counts.events[event]);
	}
	return sum;
}

const char *quarry_vm_event_name(enum quarry_vm_event event)
{
	return (unsigned int)event < QUARRY_NR_VM_EVENTS ? event_names[event] : "?";
}

/* ---- by zone ---- */

/* Where requests of a CPU of node @nid for a zone of @type are assumed to go; NULL: nowhere. */
static struct page_zone *event_home(const struct page_layer *pl, int nid, unsigned int type)
{
	const struct page_zonelist *list = zonelist_of(&pl->node[nid], false);

	for (unsigned int i = 0; list != NULL && i < list->nr; i++) {
		if (list->zone[i]->type == type)
			return list->zone[i];
	}
	return NULL;
}

/*
 * Requests that all CPUs count for zones of z's type and that z is the home of; those of CPUs on other
 * nodes are added to @other too.
 */
static uint64_t event_at_home(struct quarry *q, const struct page_zone *z, uint64_t *other)
{
	uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS],
		frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];
	const struct page_layer *pl = q->pages;
	uint64_t sum = 0, before;

	for (unsigned int c = 0; c < pl->nr_cpus; c++) {
		int nid = pl->cpu_place[c].nid;

		if (event_home(pl, nid, z->type) != z)
			continue;
		before = sum;
		pcp_events(q, c, allocs, frees);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			sum += allocs[z->type][o];
		if (nid != z->nid)
			*other += sum - before;
	}
	return sum;
}

static void event_zone_add(struct quarry *q, struct page_zone *z, enum page_zone_event event,
			   uint64_t n)
{
	page_add(q->concurrent, &z->events[event], n);
}

/*
 * Where what this CPU counts for @z's type is assumed to have gone, and the CPU's node. A CPU without counts has
 * told @z itself: event_unowned().
 */
static struct page_zone *event_home_here(struct quarry *q, struct page_zone *z, int *nid)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_pin();
	bool counts = page_this_cpu(q) != pl->no_cpu;

	*nid = pl->cpu_place[quarry_cpu()].nid;
	quarry_unpin(pin);
	return counts ? event_home(pl, *nid, z->type) : z;
}

void event_unowned(struct quarry *q, struct page_zone *z, int nid, uint64_t n)
{
	event_zone_add(q, z, PAGE_ZONE_STRAY, n);
	event_zone_add(q, z, PAGE_ZONE_OTHER, z->nid != nid ? n : 0);
}

static void event_numa_at(struct quarry *q, struct page_zone *z, struct page_zone *preferred)
{
	struct page_zone *home;
	int nid;

	if (q->pages->nr_nodes == 1)
		return;
	home = event_home_here(q, z, &nid);
	if (home != z) {
		event_zone_add(q, z, PAGE_ZONE_STRAY, 1);
		event_zone_add(q, z, PAGE_ZONE_OTHER, z->nid != nid);
	}
	/* NULL: the last pages of the type have just gone offline. */
	if (home != z && home != NULL) {
		event_zone_add(q, home, PAGE_ZONE_STRAY, ~(uint64_t)0);
		event_zone_add(q, home, PAGE_ZONE_OTHER, 0 - (uint64_t)(home->nid != nid));
	}
	if (preferred->nid != z->nid) {
		event_zone_add(q, z, PAGE_ZONE_MISS, 1);
		event_zone_add(q, preferred, PAGE_ZONE_FOREIGN, 1);
	}
}

void event_numa(struct quarry *q, struct page_zone *z, const struct alloc_request *r)
{
	unsigned int i = 0;

	if (q->pages->nr_nodes == 1)
		return;
	while (r->list[i]->type > r->highest || (r->nodes >> r->list[i]->nid & 1) == 0)
		i++; /* ends at z at the latest */
	event_numa_at(q, z, r->list[i]);
}

void event_no_request(struct quarry *q, struct page_zone *z, uint64_t n)
{
	struct page_zone *home;
	int nid;

	home = event_home_here(q, z, &nid);
	if (home == NULL) /* as above */
		return;
	event_zone_add(q, home, PAGE_ZONE_STRAY, 0 - n);
	event_zone_add(q, home, PAGE_ZONE_OTHER, home->nid != nid ? 0 - n : 0);
}

void event_interleave(struct quarry *q, const struct page *page)
{
	event_zone_add(q, page_arena_of(q->pages, page)->zone, PAGE_ZONE_INTERLEAVE, 1);
	page_event(q, QUARRY_VM_NUMA_INTERLEAVE, 1);
}

void event_homes_leave(struct quarry *q)
{
	struct page_layer *pl = q->pages;

	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		struct page_zone *z = &pl->zone[i];
		uint64_t other = 0;

		event_zone_add(q, z, PAGE_ZONE_STRAY, event_at_home(q, z, &other));
		event_zone_add(q, z, PAGE_ZONE_OTHER, other);
	}
}

void event_homes_enter(struct quarry *q)
{
	struct page_layer *pl = q->pages;

	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		struct page_zone *z = &pl->zone[i];
		uint64_t other = 0;

		event_zone_add(q, z, PAGE_ZONE_STRAY, 0 - event_at_home(q, z, &other));
		event_zone_add(q, z, PAGE_ZONE_OTHER, 0 - other);
	}
}

/* The zone, or NULL if there is none. */
static struct page_zone *event_zone(const struct quarry *q, int nid, enum quarry_zone_type zone)
{
	if (nid < 0 || nid >= q->pages->nr_nodes || (unsigned int)zone >= QUARRY_NR_ZONES)
		return NULL;
	return q->pages->node[nid].zone[zone];
}

bool quarry_zone_numa(struct quarry *q, int nid, enum quarry_zone_type zone,
		      struct quarry_numa_stat *stat)
{
	struct page_zone *z = event_zone(q, nid, zone);
	uint64_t served;

	*stat = (struct quarry_numa_stat){0};
	if (z == NULL)
		return false;
	stat->other = quarry_load_relaxed(&z->events[PAGE_ZONE_OTHER]);
	served = quarry_load_relaxed(&z->events[PAGE_ZONE_STRAY]) +
		 event_at_home(q, z, &stat->other);
	stat->miss = quarry_load_relaxed(&z->events[PAGE_ZONE_MISS]);
	stat->foreign = quarry_load_relaxed(&z->events[PAGE_ZONE_FOREIGN]);
	stat->interleave = quarry_load_relaxed(&z->events[PAGE_ZONE_INTERLEAVE]);
	stat->hit = served - stat->miss;
	stat->local = served - stat->other;
	return true;
}

/* ---- pages ---- */

void event_table(struct quarry *q, const struct page *page, unsigned int order)
{
	unsigned int type = page_arena_of(q->pages, page)->zone_type;

	page_add(q->concurrent, &q->pages->table_pages[type], (uint64_t)1 << order);
}

uint64_t quarry_pgalloc(struct quarry *q, enum quarry_zone_type zone)
{
	uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS],
		frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];
	struct page_layer *pl = q->pages;
	uint64_t pages;

	if ((unsigned int)zone >= QUARRY_NR_ZONES)
		return 0;
	pages = quarry_load_relaxed(&pl->table_pages[zone]);
	for (unsigned int c = 0; c <= pl->nr_cpus; c++) {
		pcp_events(q, c, allocs, frees);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			pages += allocs[zone][o] << o;
	}
	return pages;
}

uint64_t quarry_pgfree(struct quarry *q)
{
	uint64_t allocs[QUARRY_NR_ZONES][QUARRY_NR_ORDERS],
		frees[QUARRY_NR_ZONES][QUARRY_NR_ORDERS];
	struct page_layer *pl = q->pages;
	uint64_t pages = quarry_load_relaxed(&pl->handed_over);

	for (unsigned int c = 0; c <= pl->nr_cpus; c++) {
		pcp_events(q, c, allocs, frees);
		for (unsigned int i = 0; i < QUARRY_NR_ZONES * QUARRY_NR_ORDERS; i++) {
			unsigned int o = i % QUARRY_NR_ORDERS;

			pages += frees[i / QUARRY_NR_ORDERS][o] << o;
		}
	}
	return pages;
}

unsigned long quarry_pageset_count(struct quarry *q, int nid, enum quarry_zone_type zone,
				   unsigned int cpu)
{
	struct page_zone *z = event_zone(q, nid, zone);

	return z == NULL || cpu >= q->pages->nr_cpus ? 0 : pcp_pages_of(q, z, cpu);
}

unsigned int quarry_stat_threshold(struct quarry *q, int nid, enum quarry_zone_type zone)
{
	const struct page_zone *z = event_zone(q, nid, zone);
	unsigned int threshold;

	if (z == NULL)
		return 0;
	threshold = 2 * bits_fls(q->pages->nr_cpus) *
		    (1 + bits_fls(quarry_load_relaxed(&z->managed) >> (27 - QUARRY_PAGE_SHIFT)));
	return quarry_min(threshold, 125u);
}
