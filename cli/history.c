/* SPDX-License-Identifier: MIT */
/*
 * How a machine fared while a recording was played.
 *
 * Problem	A page that shows a replay wants figures over time, of a recording whose length may not be
 *		known, in bounded memory.
 *
 * Terms	A sample is one look at the machine: columns of numbers (zones, events), three or four numbers
 *		of each cache, a cell for each pageblock (or for 2^n of them), and rows: the pages of those
 *		pageblocks that changed.
 *
 * Thinning	There is room for cap samples. When it is full every other one is dropped, and from then on
 *		half as many are taken. So there are always between cap / 2 and cap of them, evenly spread,
 *		the first at the start and the last at the end.
 *
 * Cost		A sample reads each zone, each cache, and each pageblock once; pages only where a pageblock
 *		changed. history_map.c says more.
 */
#include <stdlib.h>
#include <string.h>

#include <history.h>

#define HISTORY_EVERY_UNKNOWN 1024u /* events between two samples, while nothing is known */
#define HISTORY_AIM 400u            /* samples, where the number of events is known */
#define HISTORY_CELL_BUDGET ((size_t)48 << 20)

static void history_zones(struct history *h)
{
	struct quarry_zone_info info;
	struct quarry_totals totals;

	quarry_totals(h->q, &totals);
	for (int nid = 0; nid < totals.nr_nodes; nid++) {
		for (int t = 0; t < QUARRY_NR_ZONES; t++) {
			struct history_zone *z = &h->zone[h->nr_zones];

			if (h->nr_zones == HISTORY_MAX_ZONES ||
			    !quarry_zone_info(h->q, nid, (enum quarry_zone_type)t, &info))
				continue;
			z->nid = nid;
			z->type = (enum quarry_zone_type)t;
			z->present = info.present;
			z->managed = info.managed;
			h->nr_zones++;
		}
	}
}

static void history_sample_zones(struct history *h, uint64_t *v)
{
	struct quarry_zone_info info;

	for (unsigned int i = 0; i < h->nr_zones; i++) {
		uint64_t *z = v + history_zone_at(i, 0);

		quarry_zone_info(h->q, h->zone[i].nid, h->zone[i].type, &info);
		z[HISTORY_FREE] = info.free;
		z[HISTORY_PCP] = info.pcp;
		z[HISTORY_MIN] = info.wmark[QUARRY_WMARK_MIN];
		z[HISTORY_LOW] = info.wmark[QUARRY_WMARK_LOW];
		z[HISTORY_HIGH] = info.wmark[QUARRY_WMARK_HIGH];
		z[HISTORY_BOOST] = info.boost;
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			z[HISTORY_BLOCKS + o] = info.nr_free[o];
	}
}

static struct history_cache *history_cache(struct history *h, struct kmem_cache *cache,
					   const struct quarry_cache_info *info)
{
	struct history_cache *c;

	/* Caches are listed the newest first, and recorded the oldest first: mostly the same place. */
	for (unsigned int i = h->nr_caches; i > 0; i--) {
		if (h->caches[i - 1].cache == cache)
			return &h->caches[i - 1];
	}
	if (h->nr_caches == h->cap_caches) {
		h->cap_caches = h->cap_caches > 0 ? h->cap_caches * 2 : 64;
		h->caches = xrealloc(h->caches, h->cap_caches, sizeof(h->caches[0]));
	}
	c = &h->caches[h->nr_caches++];
	c->cache = cache;
	c->name = xstrdup(info->name);
	c->object_size = info->object_size;
	c->value = xcalloc(h->cap, sizeof(c->value[0]));
	return c;
}

static void history_sample_caches(struct history *h)
{
	struct quarry_cache_info info;
	struct kmem_cache *cache = NULL;

	while ((cache = quarry_kmem_cache_next(h->q, cache)) != NULL) {
		uint64_t *v;

		quarry_kmem_cache_info(h->q, cache, &info);
		/* A cache that never had a slab is not worth a column. */
		if (info.num_slabs == 0 && info.allocs == 0)
			continue;
		v = history_cache(h, cache, &info)->value[h->nr];
		v[HISTORY_SLABS] = info.num_slabs;
		v[HISTORY_BYTES] = (uint64_t)info.pages * QUARRY_PAGE_SIZE;
		v[HISTORY_OBJECTS] = info.active_objs;
		v[HISTORY_PLACES] = info.num_objs;
	}
}

/* What only the player knows. */
static void history_sample_player(const struct history *h, uint64_t *v)
{
	if (h->heap != NULL) {
		const struct heap_result *r = heap_result(h->heap);

		v[HISTORY_LIVE_OBJECTS] = r->live;
		v[HISTORY_LIVE_BYTES] = r->live_bytes;
		v[HISTORY_REFUSED] = r->refused;
	} else {
		const struct engine_result *r = engine_result(h->engine);

		v[HISTORY_LIVE_OBJECTS] = r->live_objects;
		v[HISTORY_LIVE_PAGES] = r->live_pages;
		v[HISTORY_REFUSED] = 0;
		for (unsigned int i = 0; i < ENGINE_NR_REASONS; i++)
			v[HISTORY_REFUSED] += r->reasons[i];
	}
}

static void history_halve(struct history *h)
{
	for (unsigned int i = 1; i < h->cap / 2; i++) {
		memcpy(h->value + (size_t)i * h->nr_columns,
		       h->value + (size_t)i * 2 * h->nr_columns,
		       h->nr_columns * sizeof(h->value[0]));
		for (unsigned int c = 0; c < h->nr_caches; c++)
			memcpy(h->caches[c].value[i], h->caches[c].value[2 * i],
			       sizeof(h->caches[c].value[0]));
	}
	history_map_halve(h);
	h->nr = h->cap / 2;
	/* A new cache's past reads 0, also behind what is left. */
	for (unsigned int c = 0; c < h->nr_caches; c++)
		memset(h->caches[c].value[h->nr], 0, h->nr * sizeof(h->caches[c].value[0]));
	h->observer.every_events *= 2;
}

static void history_sample(void *ctx, const struct engine_moment *m)
{
	struct history *h = ctx;
	uint64_t *v;

	if (h->nr == h->cap)
		history_halve(h);
	v = h->value + (size_t)h->nr * h->nr_columns;
	/* Nothing happened since the last look: this one takes its place. */
	if (h->nr > 1 && history_value(h, h->nr - 1, HISTORY_EVENT) == m->event) {
		h->nr--;
		v -= h->nr_columns;
	}
	v[HISTORY_EVENT] = m->event;
	/* Before the first event its time is not known. */
	v[HISTORY_TIME_NS] = m->event > 0 ? util_since(h->first_ns, m->time_ns) : 0;
	/* Curves need times that do not go back. */
	if (h->nr > 0 && v[HISTORY_TIME_NS] < history_value(h, h->nr - 1, HISTORY_TIME_NS))
		v[HISTORY_TIME_NS] = history_value(h, h->nr - 1, HISTORY_TIME_NS);
	history_sample_player(h, v);
	for (unsigned int e = 0; e < QUARRY_NR_VM_EVENTS; e++)
		v[HISTORY_VM + e] = quarry_vm_event(h->q, (enum quarry_vm_event)e);
	history_sample_zones(h, v);
	history_sample_caches(h);
	history_map_sample(h);
	h->nr++;
}

static void history_engine_sample(void *ctx, const struct engine_moment *m)
{
	struct history *h = ctx;

	h->first_ns = engine_result(h->engine)->first_ns;
	history_sample(ctx, m);
}

static void history_heap_sample(struct history *h)
{
	const struct heap_result *r = heap_result(h->heap);
	struct engine_moment m = {.event = r->events, .time_ns = r->last_ns};

	h->first_ns = r->first_ns;
	history_sample(h, &m);
	h->heap_due = r->events + h->observer.every_events;
}

/* A heap has no observer: it is looked at between steps. */
static void history_heap_step(void *ctx)
{
	struct history *h = ctx;

	if (heap_result(h->heap)->events >= h->heap_due)
		history_heap_sample(h);
}

void history_start(struct history *h, struct session *s, uint64_t expected)
{
	size_t fit;

	memset(h, 0, sizeof(*h));
	h->engine = s->engine;
	h->heap = s->heap;
	h->trace = &s->trace;
	h->q = s->machine.q;
	history_zones(h);
	h->nr_columns = HISTORY_NR_FIXED + h->nr_zones * HISTORY_ZONE_COLUMNS;
	history_map_start(h);
	fit = HISTORY_CELL_BUDGET / ((size_t)h->nr_cells * HISTORY_CELL_BYTES + 1);
	for (h->cap = HISTORY_MAX_SAMPLES; h->cap > 64 && h->cap > fit;)
		h->cap /= 2;
	h->value = xcalloc((size_t)h->cap * h->nr_columns, sizeof(h->value[0]));
	h->cells = xcalloc((size_t)h->cap * h->nr_cells + 1, HISTORY_CELL_BYTES);
	h->observer.every_events = HISTORY_EVERY_UNKNOWN;
	if (expected > 0)
		h->observer.every_events = 1 + expected / (h->cap < 512 ? h->cap / 2 : HISTORY_AIM);
	if (h->heap != NULL) {
		s->after_step = history_heap_step;
		s->step_ctx = h;
		history_heap_sample(h);
		return;
	}
	h->observer.sample = history_engine_sample;
	h->observer.ctx = h;
	engine_set_owners(h->engine);
	engine_set_observer(h->engine, &h->observer);
}

void history_end(struct history *h)
{
	if (h->heap != NULL)
		history_heap_sample(h);
	if (h->nr > 0)
		history_map_end(h);
}

void history_free(struct history *h)
{
	for (unsigned int i = 0; i < h->nr_caches; i++) {
		free(h->caches[i].name);
		free(h->caches[i].value);
	}
	free(h->caches);
	free(h->value);
	history_map_free(h);
}
