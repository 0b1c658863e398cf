/* SPDX-License-Identifier: MIT */
/*
 * Ours beside Linux's.
 *
 * Linux's side is the last snapshot beside the recording, ours the machine when the replay is over. What Linux cannot
 * tell from its files (who holds the pages that no slab holds, what lies on CPUs' lists) is not compared.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <faithful.h>

#define FAITHFUL_MAX_ROWS 40

/* One figure of both. In per mille where that is said. */
struct faithful_row {
	const char *key, *text;
	uint64_t ours, theirs;
	bool per_mille;
};

struct faithful_table {
	struct faithful_row row[FAITHFUL_MAX_ROWS];
	size_t nr;
};

/* Sums over what both have. */
struct faithful_side {
	uint64_t slab_pages, slab_active, free_pages;
	uint64_t free_blocks[QUARRY_NR_ORDERS], blocks[LINUXFACTS_TYPES];
};

static void faithful_add(struct faithful_table *t, const char *key, const char *text, uint64_t ours,
			 uint64_t theirs, bool per_mille)
{
	if (t->nr < FAITHFUL_MAX_ROWS)
		t->row[t->nr++] = (struct faithful_row){key, text, ours, theirs, per_mille};
}

static uint64_t faithful_share(uint64_t part, uint64_t whole)
{
	return whole > 0 ? part * 1000 / whole : 0;
}

static void faithful_theirs(const struct linuxfacts_snapshot *s, struct faithful_side *side)
{
	for (size_t i = 0; i < s->nr_caches; i++) {
		const struct linuxfacts_cache *c = &s->caches[i];

		side->slab_pages += c->num_slabs * c->pages_per_slab;
		side->slab_active += c->active_objs * c->objsize;
	}
	for (size_t i = 0; i < s->nr_zones; i++) {
		const struct linuxfacts_zone *z = &s->zones[i];

		for (int o = 0; o < QUARRY_NR_ORDERS; o++) {
			side->free_blocks[o] += z->nr_free[o];
			side->free_pages += z->nr_free[o] << o;
		}
		side->free_pages += z->pcp;
		for (int t = 0; t < LINUXFACTS_TYPES; t++)
			side->blocks[t] += z->blocks[t];
	}
}

static void faithful_ours(struct machine *m, struct faithful_side *side)
{
	struct kmem_cache *c = NULL;
	struct quarry_cache_info info;
	struct quarry_zone_info z;

	while ((c = quarry_kmem_cache_next(m->q, c)) != NULL) {
		quarry_kmem_cache_info(m->q, c, &info);
		side->slab_pages += info.pages;
		side->slab_active += (uint64_t)info.active_objs * info.size;
	}
	for (int nid = 0; nid < m->nr_nodes; nid++) {
		for (int type = 0; type < QUARRY_NR_ZONES; type++) {
			if (!quarry_zone_info(m->q, nid, (enum quarry_zone_type)type, &z))
				continue;
			for (int o = 0; o < QUARRY_NR_ORDERS; o++)
				side->free_blocks[o] += z.nr_free[o];
			side->free_pages += z.free + z.pcp;
			for (int t = 0; t < LINUXFACTS_TYPES; t++)
				side->blocks[t] += z.nr_pageblocks[t];
		}
	}
}

/* Share of the free pages in blocks below @order, per mille. */
static uint64_t faithful_unusable(const struct faithful_side *s, unsigned int order)
{
	uint64_t all = 0, below = 0;

	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		all += s->free_blocks[o] << o;
		below += o < order ? s->free_blocks[o] << o : 0;
	}
	return faithful_share(below, all);
}

/* Pages in slabs of caches of the same name: how far ours are from Linux's, summed over caches. */
static uint64_t faithful_cache_gap(const struct report *r)
{
	struct kmem_cache *c = NULL;
	struct quarry_cache_info info;
	uint64_t gap = 0;

	while ((c = quarry_kmem_cache_next(r->machine->q, c)) != NULL) {
		const struct linuxfacts_cache *l;
		uint64_t theirs;

		quarry_kmem_cache_info(r->machine->q, c, &info);
		l = linuxfacts_cache(r->facts, info.name);
		if (l == NULL)
			continue;
		theirs = l->num_slabs * l->pages_per_slab;
		gap += theirs > info.pages ? theirs - info.pages : info.pages - theirs;
	}
	return gap;
}

static uint64_t faithful_refused(const struct report *r, enum engine_fate fate)
{
	uint64_t n = 0;

	for (int type = 0; type < TRACE_NR_TYPES; type++)
		n += r->result->fate[type][fate];
	return n;
}

static void faithful_collect(const struct report *r, struct faithful_table *t)
{
	static const char *const orders[QUARRY_NR_ORDERS][2] = {
		{"free_blocks_0", "free blocks of order 0"},
		{"free_blocks_1", "order 1"},
		{"free_blocks_2", "order 2"},
		{"free_blocks_3", "order 3"},
		{"free_blocks_4", "order 4"},
		{"free_blocks_5", "order 5"},
		{"free_blocks_6", "order 6"},
		{"free_blocks_7", "order 7"},
		{"free_blocks_8", "order 8"},
		{"free_blocks_9", "order 9"},
		{"free_blocks_10", "order 10"},
	};
	static const char *const types[3][2] = {
		{"unmovable_pageblocks", "unmovable pageblocks"},
		{"movable_pageblocks", "movable pageblocks"},
		{"reclaimable_pageblocks", "reclaimable pageblocks"},
	};
	struct faithful_side ours = {0}, theirs = {0};

	faithful_ours(r->machine, &ours);
	faithful_theirs(&r->facts->last, &theirs);
	faithful_add(t, "slab_pages", "pages in slabs", ours.slab_pages, theirs.slab_pages, false);
	faithful_add(t, "slab_efficiency_per_mille", "bytes of slabs that are objects in use",
		     faithful_share(ours.slab_active, ours.slab_pages * QUARRY_PAGE_SIZE),
		     faithful_share(theirs.slab_active, theirs.slab_pages * QUARRY_PAGE_SIZE),
		     true);
	faithful_add(t, "free_pages", "free pages, CPUs' lists included", ours.free_pages,
		     theirs.free_pages, false);
	for (int o = 0; o < QUARRY_NR_ORDERS; o++)
		faithful_add(t, orders[o][0], orders[o][1], ours.free_blocks[o],
			     theirs.free_blocks[o], false);
	faithful_add(t, "unusable_order4_per_mille", "unusable free index of order 4",
		     faithful_unusable(&ours, 4), faithful_unusable(&theirs, 4), true);
	faithful_add(t, "unusable_order9_per_mille", "unusable free index of order 9",
		     faithful_unusable(&ours, 9), faithful_unusable(&theirs, 9), true);
	for (int i = 0; i < 3 && theirs.blocks[1] > 0; i++)
		faithful_add(t, types[i][0], types[i][1], ours.blocks[i], theirs.blocks[i], false);
	faithful_add(t, "extfrag", "fallbacks to another migratetype", r->result->extfrag_ours,
		     r->result->extfrag_recorded, false);
	faithful_add(t, "refused", "requests refused", faithful_refused(r, ENGINE_REFUSED),
		     faithful_refused(r, ENGINE_FAILED), false);
}

static bool faithful_there(const struct report *r)
{
	return r->facts != NULL && r->facts->last.there && r->result != NULL;
}

void faithful_text(FILE *out, const struct report *r)
{
	struct faithful_table t = {.nr = 0};

	if (!faithful_there(r))
		return;
	faithful_collect(r, &t);
	fprintf(out, "\nBeside Linux, at the end (snapshot %" PRIu64 ")\n", r->facts->last.number);
	fputs("--------------------------------------\n", out);
	fprintf(out, "%-42s %12s %12s %12s\n", "", "ours", "Linux's", "difference");
	for (size_t i = 0; i < t.nr; i++) {
		const struct faithful_row *w = &t.row[i];
		int64_t gap = (int64_t)w->ours - (int64_t)w->theirs;

		if (w->per_mille)
			fprintf(out, "%-42s %10.1f %% %10.1f %% %+12.1f\n", w->text,
				(double)w->ours / 10, (double)w->theirs / 10, (double)gap / 10);
		else
			fprintf(out, "%-42s %12" PRIu64 " %12" PRIu64 " %+12" PRId64 "\n", w->text,
				w->ours, w->theirs, gap);
	}
	fprintf(out, "Cache by cache, slabs differ by %" PRIu64 " pages together.\n",
		faithful_cache_gap(r));
	if (r->population == NULL || !r->population->there)
		fputs("Linux's side also holds what was there before the recording began; ours "
		      "does "
		      "not.\n",
		      out);
}

json_t *faithful_json(const struct report *r)
{
	struct faithful_table t = {.nr = 0};
	json_t *o, *rows;

	if (!faithful_there(r))
		return json_null();
	faithful_collect(r, &t);
	o = json_object();
	rows = json_object();
	for (size_t i = 0; i < t.nr; i++)
		json_object_set_new(rows, t.row[i].key,
				    json_pack("{s:I, s:I}", "ours", (json_int_t)t.row[i].ours,
					      "linux", (json_int_t)t.row[i].theirs));
	json_object_set_new(o, "snapshot", json_integer((json_int_t)r->facts->last.number));
	json_object_set_new(o, "figures", rows);
	json_object_set_new(o, "cache_pages_apart",
			    json_integer((json_int_t)faithful_cache_gap(r)));
	return o;
}

/* ---- the start ---- */

static double faithful_mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

void faithful_start_text(FILE *out, const struct report *r)
{
	const struct population_result *p = r->population;
	double all;

	if (p == NULL)
		return;
	fputs("\nThe machine when the recording began\n"
	      "------------------------------------\n",
	      out);
	if (!p->there) {
		fprintf(out, "Empty: %s.\n", p->why_not);
		return;
	}
	all = p->managed_bytes > 0 ? (double)p->managed_bytes / 100 : 1;
	fprintf(out, "Reconstructed from snapshot %" PRIu64 ", of %.1f MiB:\n", p->snapshot,
		faithful_mib(p->managed_bytes));
	fprintf(out,
		"%10.1f MiB %5.1f %%  known: slabs of %" PRIu64 " caches with %" PRIu64
		" of %" PRIu64 " objects\n",
		faithful_mib(p->slab_bytes), (double)p->slab_bytes / all, p->caches, p->objects,
		p->objects_wanted);
	fprintf(out,
		"%10.1f MiB %5.1f %%  known: free, %" PRIu64 " of %" PRIu64
		" blocks by order and type; where is assumed\n",
		faithful_mib(p->free_bytes), (double)p->free_bytes / all, p->free_blocks,
		p->free_blocks_wanted);
	fprintf(out, "%10.1f MiB %5.1f %%  in use, by whom and where is assumed\n",
		faithful_mib(p->other_bytes), (double)p->other_bytes / all);
	if (p->surplus_bytes > 0)
		fprintf(out,
			"%10.1f MiB           of that Linux did not manage (balloon, huge pages)\n",
			faithful_mib(p->surplus_bytes));
	if (p->pcp_bytes > 0)
		fprintf(out, "%10.1f MiB           of that lay free on CPUs' lists\n",
			faithful_mib(p->pcp_bytes));
	fprintf(out, "Freed since then: %" PRIu64 " of those objects and %" PRIu64 " pages.\n",
		p->objects_freed, p->pages_freed);
}

json_t *faithful_start_json(const struct report *r)
{
	const struct population_result *p = r->population;
	json_t *o;

	if (p == NULL)
		return json_null();
	o = json_object();
	json_object_set_new(o, "reconstructed", json_boolean(p->there));
	if (!p->there) {
		json_object_set_new(o, "why_not", json_string(p->why_not));
		return o;
	}
	const struct {
		const char *key;
		uint64_t value;
	} figures[] = {
		{"snapshot", p->snapshot},
		{"managed_bytes", p->managed_bytes},
		{"slab_bytes", p->slab_bytes},
		{"objects", p->objects},
		{"objects_wanted", p->objects_wanted},
		{"free_bytes", p->free_bytes},
		{"free_wanted_bytes", p->free_wanted_bytes},
		{"free_blocks", p->free_blocks},
		{"free_blocks_wanted", p->free_blocks_wanted},
		{"assumed_bytes", p->other_bytes},
		{"surplus_bytes", p->surplus_bytes},
		{"cpu_list_bytes", p->pcp_bytes},
		{"objects_freed", p->objects_freed},
		{"pages_freed", p->pages_freed},
	};
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		json_object_set_new(o, figures[i].key, json_integer((json_int_t)figures[i].value));
	return o;
}
