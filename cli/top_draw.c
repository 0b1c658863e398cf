/* SPDX-License-Identifier: MIT */
/* What quarry top shows: a look at a machine as lines of text with colours. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <top.h>

#define DRAW_HEAD 5 /* lines above a panel */

static struct top_line *draw_line(struct top_frame *f)
{
	struct top_line *l;

	if (f->nr >= f->height || f->nr >= TOP_MAX_LINES)
		return NULL;
	l = &f->lines[f->nr++];
	memset(l, 0, sizeof(*l));
	return l;
}

/* Append to @l, which may be NULL: no room for the line. */
static void draw_add(struct top_line *l, enum top_attr attr, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void draw_add(struct top_line *l, enum top_attr attr, const char *fmt, ...)
{
	char text[TOP_WIDTH + 1];
	va_list ap;
	size_t n;

	if (l == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (n > TOP_WIDTH - l->len)
		n = TOP_WIDTH - l->len;
	memcpy(l->text + l->len, text, n);
	memset(l->attr + l->len, (int)attr, n);
	l->len += (unsigned int)n;
	l->text[l->len] = '\0';
}

static const char *draw_pages(const struct top_view *v, uint64_t pages, char *buf)
{
	return util_human_size(pages * v->now->page_size, buf);
}

static double draw_seconds(const struct top_view *v)
{
	if (v->before == NULL || v->now->ns <= v->before->ns)
		return 0;
	return (double)(v->now->ns - v->before->ns) / 1e9;
}

/* How much @name grew, a second; 0 without a look before. */
static double draw_rate(const struct top_view *v, const char *name)
{
	double s = draw_seconds(v);
	uint64_t now, before;

	if (s == 0)
		return 0;
	now = top_counter(v->now, name);
	before = top_counter(v->before, name);
	return now > before ? (double)(now - before) / s : 0;
}

/* ---- the head ---- */

static void draw_sums(struct top_frame *f, const struct top_view *v)
{
	uint64_t managed = 0, free = 0, pcp = 0, slab = 0, waste = 0;
	char a[UTIL_SIZE_BUF], b[UTIL_SIZE_BUF], c[UTIL_SIZE_BUF], d[UTIL_SIZE_BUF],
		e[UTIL_SIZE_BUF];

	for (unsigned int i = 0; i < v->now->nr_zones; i++) {
		managed += v->now->zones[i].managed;
		free += v->now->zones[i].free;
		pcp += v->now->zones[i].pcp;
	}
	for (unsigned int i = 0; i < v->now->nr_caches; i++) {
		const struct top_cache *one = &v->now->caches[i];

		slab += one->bytes;
		waste += one->bytes - one->active * one->object_size;
	}
	draw_add(draw_line(f), TOP_PLAIN, "Mem %s, free %s, per-CPU %s, slabs %s (waste %s)",
		 draw_pages(v, managed, a), draw_pages(v, free, b), draw_pages(v, pcp, c),
		 v->now->nr_caches > 0 ? util_human_size(slab, d) : "?",
		 v->now->nr_caches > 0 ? util_human_size(waste, e) : "?");
}

static void draw_rates(struct top_frame *f, const struct top_view *v)
{
	double steal = draw_rate(v, "pgsteal_kswapd"), direct = draw_rate(v, "pgsteal_direct");
	double stall = draw_rate(v, "compact_stall");
	struct top_line *l = draw_line(f);

	draw_add(l, TOP_PLAIN, "A second: kswapd ");
	draw_add(l, steal > 0 ? TOP_WARN : TOP_PLAIN, "%.0f", steal);
	draw_add(l, TOP_PLAIN, ", direct reclaim ");
	draw_add(l, direct > 0 ? TOP_BAD : TOP_PLAIN, "%.0f", direct);
	draw_add(l, TOP_PLAIN, ", compaction stalls ");
	draw_add(l, stall > 0 ? TOP_BAD : TOP_PLAIN, "%.0f", stall);
	if (v->q == NULL)
		return;
	draw_add(l, TOP_PLAIN, "; refused in all ");
	draw_add(l, v->refused > 0 ? TOP_BAD : TOP_PLAIN, "%" PRIu64, v->refused);
}

static void draw_head(struct top_frame *f, const struct top_view *v)
{
	struct top_line *l = draw_line(f);

	draw_add(l, TOP_TITLE, "quarry top  %s", v->title);
	l = draw_line(f);
	if (v->done >= 0) {
		unsigned int width = 20, full = (unsigned int)(v->done * width + 0.5);

		draw_add(l, TOP_PLAIN, "[");
		for (unsigned int i = 0; i < width; i++)
			draw_add(l, i < full ? TOP_GOOD : TOP_PLAIN, "%c", i < full ? '#' : '.');
		draw_add(l, TOP_PLAIN, "] ");
	}
	draw_add(l, TOP_PLAIN, "%s", v->status);
	draw_sums(f, v);
	draw_rates(f, v);
	draw_line(f);
}

/* ---- panels ---- */

static enum top_attr draw_zone_attr(const struct top_zone *z)
{
	if (z->managed == 0 || z->free >= z->high)
		return TOP_PLAIN;
	return z->free < z->min ? TOP_BAD : TOP_WARN;
}

static void draw_zones(struct top_frame *f, const struct top_view *v)
{
	struct top_line *l = draw_line(f);
	char a[UTIL_SIZE_BUF], b[UTIL_SIZE_BUF];

	draw_add(l, TOP_HEAD, "%-15s %9s %9s %7s %7s %7s  %s", "Zone", "managed", "free", "min",
		 "low", "high", "pageblocks by type");
	for (unsigned int i = 0; i < v->now->nr_zones; i++) {
		const struct top_zone *z = &v->now->zones[i];

		if (z->managed == 0)
			continue;
		l = draw_line(f);
		draw_add(l, TOP_PLAIN, "Node %-2d %-7s %9s ", z->nid, z->name,
			 draw_pages(v, z->managed, a));
		draw_add(l, draw_zone_attr(z), "%9s", draw_pages(v, z->free, b));
		draw_add(l, TOP_PLAIN, " %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " ", z->min, z->low,
			 z->high);
		for (unsigned int t = 0; t < v->now->nr_types; t++) {
			if (z->types[t] > 0)
				draw_add(l, TOP_UNMOVABLE + (t < 3 ? t : 3), " %c%" PRIu64,
					 v->now->types[t][0], z->types[t]);
		}
	}
	if (v->now->no_types != NULL)
		draw_add(draw_line(f), TOP_WARN, "(%s)", v->now->no_types);
}

static void draw_orders(struct top_frame *f, const struct top_view *v)
{
	struct top_line *l = draw_line(f);

	draw_add(l, TOP_HEAD, "%-11s", "Free blocks");
	for (int o = 0; o < TOP_ORDERS; o++)
		draw_add(l, TOP_HEAD, " %5d", o);
	for (unsigned int i = 0; i < v->now->nr_zones; i++) {
		const struct top_zone *z = &v->now->zones[i];

		if (z->managed == 0)
			continue;
		l = draw_line(f);
		draw_add(l, TOP_PLAIN, "N%-2d %-7s", z->nid, z->name);
		for (int o = 0; o < TOP_ORDERS; o++)
			draw_add(l, z->blocks[o] == 0 ? TOP_WARN : TOP_PLAIN, " %5" PRIu64,
				 z->blocks[o]);
	}
}

static uint64_t draw_waste(const struct top_cache *c)
{
	uint64_t used = c->active * c->object_size;

	return c->bytes > used ? c->bytes - used : 0;
}

static int draw_by_bytes(const void *a, const void *b)
{
	const struct top_cache *x = *(const struct top_cache *const *)a;
	const struct top_cache *y = *(const struct top_cache *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int draw_by_waste(const void *a, const void *b)
{
	const struct top_cache *x = *(const struct top_cache *const *)a;
	const struct top_cache *y = *(const struct top_cache *const *)b;

	if (draw_waste(x) != draw_waste(y))
		return draw_waste(x) < draw_waste(y) ? 1 : -1;
	return draw_by_bytes(a, b);
}

static int draw_by_name(const void *a, const void *b)
{
	const struct top_cache *x = *(const struct top_cache *const *)a;
	const struct top_cache *y = *(const struct top_cache *const *)b;

	return strcmp(x->name, y->name);
}

static void draw_caches(struct top_frame *f, const struct top_view *v)
{
	static int (*const order[TOP_NR_SORTS])(const void *, const void *) = {
		draw_by_bytes, draw_by_waste, draw_by_name};
	static const char *const by[TOP_NR_SORTS] = {"bytes", "waste", "name"};
	const struct top_cache *list[TOP_MAX_CACHES];
	char a[UTIL_SIZE_BUF], b[UTIL_SIZE_BUF];

	draw_add(draw_line(f), TOP_HEAD, "Cache, by %-12s %8s %8s %7s %9s %9s %5s", by[v->sort],
		 "objects", "places", "slabs", "bytes", "waste", "use");
	if (v->now->no_caches != NULL)
		draw_add(draw_line(f), TOP_WARN, "(%s)", v->now->no_caches);
	for (unsigned int i = 0; i < v->now->nr_caches; i++)
		list[i] = &v->now->caches[i];
	qsort(list, v->now->nr_caches, sizeof(list[0]), order[v->sort]);
	for (unsigned int i = v->scroll; i < v->now->nr_caches && f->nr < f->height; i++) {
		const struct top_cache *c = list[i];
		double use =
			c->bytes > 0 ? (double)(c->active * c->object_size) / (double)c->bytes : 0;
		struct top_line *l = draw_line(f);

		draw_add(l, TOP_PLAIN, "%-22.22s %8" PRIu64 " %8" PRIu64 " %7" PRIu64 " %9s %9s ",
			 c->name, c->active, c->objects, c->slabs, util_human_size(c->bytes, a),
			 util_human_size(draw_waste(c), b));
		draw_add(l, use < 0.5 ? TOP_WARN : TOP_PLAIN, "%4.0f%%", use * 100);
	}
}

/* One character a pageblock: its letter, capital if it is more than half full; . if it is free, - if boot kept all of it. */
static void draw_map_cell(struct top_line *l, const struct quarry_pageblock_info *b)
{
	static const char full[QUARRY_MIGRATE_TYPES] = {'U', 'M', 'R', 'H', 'C', 'I'};
	static const char half[QUARRY_MIGRATE_TYPES] = {'u', 'm', 'r', 'h', 'c', 'i'};
	enum top_attr attr = TOP_UNMOVABLE + (b->type < 3 ? (unsigned int)b->type : 3);
	char c = b->nr_free < 256 ? full[b->type] : half[b->type];

	if (b->untouched && b->nr_free == 0) {
		c = '-';
		attr = TOP_PLAIN;
	} else if (b->nr_free == 512) {
		c = '.';
	}
	draw_add(l, attr, "%c", c);
}

static void draw_map(struct top_frame *f, const struct top_view *v)
{
	unsigned int width = f->width < TOP_WIDTH ? f->width : TOP_WIDTH, skip = v->scroll;
	struct quarry_pageblock_info b;
	struct quarry_zone_info info;

	if (v->q == NULL) {
		draw_add(draw_line(f), TOP_WARN,
			 "Linux does not tell what each pageblock holds: a map needs a replay");
		return;
	}
	draw_add(draw_line(f), TOP_HEAD,
		 "Unmovable Movable Reclaimable Highatomic; small: half free; . free; - reserved");
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (int t = 0; t < QUARRY_NR_ZONES; t++) {
			struct top_line *l = NULL;

			if (!quarry_zone_info(v->q, nid, (enum quarry_zone_type)t, &info))
				continue;
			if (skip > 0)
				skip--;
			else
				draw_add(draw_line(f), TOP_PLAIN, "Node %d %s", nid, info.name);
			for (pfn_t p = 0; p < info.spanned && f->nr <= f->height; p += 512) {
				if (!quarry_pageblock_info(v->q, info.start_pfn + p, &b) ||
				    b.nid != nid || (int)b.zone != t)
					continue;
				if (l == NULL || l->len >= width) {
					l = draw_line(f);
					if (l == NULL)
						return;
				}
				draw_map_cell(l, &b);
			}
		}
	}
}

static void draw_events(struct top_frame *f, const struct top_view *v)
{
	double s = draw_seconds(v);
	const char *name;
	uint64_t count;

	draw_add(draw_line(f), TOP_HEAD, "%-36s %16s %14s", "Event", "so far", "a second");
	for (unsigned int i = 0; v->perf != NULL && top_perf_count(v->perf, i, &name, &count); i++)
		draw_add(draw_line(f), TOP_PLAIN, "kmem:%-31s %16" PRIu64 " %14.0f", name, count,
			 s > 0 ? (double)(count - v->perf_before[i]) / s : 0);
	if (v->no_perf != NULL)
		draw_add(draw_line(f), TOP_WARN, "(%s)", v->no_perf);
	for (unsigned int i = v->scroll; i < v->now->nr_counters && f->nr < f->height; i++) {
		const struct top_counter *c = &v->now->counters[i];
		double rate = draw_rate(v, c->name);

		/* Those that stand still at 0 say nothing. */
		if (c->value == 0 || strncmp(c->name, "nr_", 3) == 0)
			continue;
		draw_add(draw_line(f), rate > 0 ? TOP_GOOD : TOP_PLAIN,
			 "%-36s %16" PRIu64 " %14.0f", c->name, c->value, rate);
	}
}

static void draw_help(struct top_frame *f)
{
	static const char *const text[] = {
		"Keys",
		"  1 a all  2 c caches  3 m map  4 e events  tab the next  h this help  q quit",
		"  space   pause and go on        . or right   the next 2048 events",
		"  + -     twice, half the speed  f            as fast as it goes",
		"  s       sort caches by bytes, waste, name",
		"  up down page-up page-down      scroll the caches, the events, the map",
		"",
		"Free memory is yellow below the high watermark and red below min. A use below",
		"50 % of a cache and an order without a free block are yellow.",
		"Columns and counters are those of /proc: slabinfo, buddyinfo, zoneinfo, vmstat.",
	};

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		draw_add(draw_line(f), i == 0 ? TOP_HEAD : TOP_PLAIN, "%s", text[i]);
}

void top_draw(struct top_frame *f, const struct top_view *v)
{
	f->nr = 0;
	draw_head(f, v);
	switch (v->panel) {
	case TOP_PANEL_CACHES:
		draw_caches(f, v);
		break;
	case TOP_PANEL_MAP:
		draw_map(f, v);
		break;
	case TOP_PANEL_EVENTS:
		draw_events(f, v);
		break;
	case TOP_PANEL_HELP:
		draw_help(f);
		break;
	default:
		draw_zones(f, v);
		draw_line(f);
		draw_orders(f, v);
		draw_line(f);
		draw_caches(f, v);
		break;
	}
}
