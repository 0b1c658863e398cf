/* SPDX-License-Identifier: MIT */
/* What memory pressure did, as text and as JSON. */
#include <inttypes.h>
#include <string.h>

#include <quarry/vmstat.h>

#include <pressure.h>

#define PRESSURE_COLUMNS 10

static const enum quarry_vm_event pressure_stalls[] = {
	QUARRY_VM_ALLOCSTALL_DMA,
	QUARRY_VM_ALLOCSTALL_DMA32,
	QUARRY_VM_ALLOCSTALL,
	QUARRY_VM_ALLOCSTALL_MOVABLE,
};

static uint64_t pressure_nr_stalls(const struct pressure *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof(pressure_stalls) / sizeof(pressure_stalls[0]); i++)
		n += pressure_count(p, pressure_stalls[i]);
	return n;
}

/* ---- text ---- */

static const char *pressure_mib(uint64_t pages, char *buf)
{
	return util_human_size(pages * QUARRY_PAGE_SIZE, buf);
}

static void pressure_text_cache(FILE *out, const struct pressure *p)
{
	const struct pagecache_stats *s = pagecache_stats(p->cache);
	char before[UTIL_SIZE_BUF], after[UTIL_SIZE_BUF];

	fprintf(out, "%-16s%" PRIu64 " pages (%s) at the start, %" PRIu64 " (%s) at the end: ",
		"page cache", p->start.cached, pressure_mib(p->start.cached, before), s->cached,
		pressure_mib(s->cached, after));
	fprintf(out, "%" PRIu64 " active,\n%16s%" PRIu64 " inactive, %" PRIu64 " of all dirty%s\n",
		s->active, "", s->inactive, s->dirty,
		p->options.pinned ? "; they cannot be moved" : "");
	fprintf(out,
		"%-16s%" PRIu64 " pages: %" PRIu64 " were cached, %" PRIu64 " read in, %" PRIu64
		" not for want of memory;\n%16s%" PRIu64 " that were missed had been reclaimed",
		"file reads", s->reads, s->hits, s->misses - s->refused, s->refused, "",
		s->refaults);
	fprintf(out,
		"\n%-16s%" PRIu64 " pages spared as used, %" PRIu64 " written back, %" PRIu64
		" passed over as IO was not allowed\n",
		"reclaim", s->spared, s->written, s->skipped);
}

static void pressure_text_work(FILE *out, const struct pressure *p)
{
	fprintf(out, "%-16s%" PRIu64 " pages in %" PRIu64 " runs\n", "  by kswapd", p->kswapd_pages,
		p->kswapd_runs);
	fprintf(out, "%-16s%" PRIu64 " pages in %" PRIu64 " stalls of requests\n", "  direct",
		p->direct_pages, pressure_nr_stalls(p));
	fprintf(out,
		"%-16s%" PRIu64 " stalls: %" PRIu64 " gave a block, %" PRIu64
		" did not; kcompactd began %" PRIu64 " times\n",
		"compaction", pressure_count(p, QUARRY_VM_COMPACT_STALL),
		pressure_count(p, QUARRY_VM_COMPACT_SUCCESS),
		pressure_count(p, QUARRY_VM_COMPACT_FAIL),
		pressure_count(p, QUARRY_VM_COMPACT_DAEMON_WAKE));
	fprintf(out, "%-16s%" PRIu64 " pages, and %" PRIu64 " that could not be\n", "  moved",
		pressure_count(p, QUARRY_VM_PGMIGRATE_SUCCESS),
		pressure_count(p, QUARRY_VM_PGMIGRATE_FAIL));
}

static const struct pressure_sample *pressure_column(const struct pressure *p, unsigned int i,
						     unsigned int nr)
{
	return &p->sample[nr > 1 ? i * (p->nr_samples - 1) / (nr - 1) : 0];
}

static void pressure_text_samples(FILE *out, const struct pressure *p, const char *unit)
{
	unsigned int nr = p->nr_samples < PRESSURE_COLUMNS ? p->nr_samples : PRESSURE_COLUMNS;
	char count[UTIL_SIZE_BUF];

	fprintf(out, "\nafter %-8s", unit);
	for (unsigned int i = 0; i < nr; i++)
		fprintf(out, " %7s",
			util_human_count((double)pressure_column(p, i, nr)->request, count));
	fputs("\ncached, MiB   ", out);
	for (unsigned int i = 0; i < nr; i++)
		fprintf(out, " %7" PRIu64, pressure_column(p, i, nr)->cached >> 8);
	fputs("\nfree, MiB     ", out);
	for (unsigned int i = 0; i < nr; i++)
		fprintf(out, " %7" PRIu64, pressure_column(p, i, nr)->free >> 8);
	fputc('\n', out);
}

static const char *pressure_depth(const struct pressure_low *low, const struct quarry_zone_info *z)
{
	return low->free < z->wmark[QUARRY_WMARK_MIN]    ? "below min"
	       : low->free < z->wmark[QUARRY_WMARK_LOW]  ? "below low"
	       : low->free < z->wmark[QUARRY_WMARK_HIGH] ? "below high"
							 : "";
}

static void pressure_text_zones(FILE *out, const struct pressure *p, const char *unit)
{
	struct quarry_zone_info z;
	char after[32];

	snprintf(after, sizeof(after), "after %s", unit);
	fprintf(out, "\n%-18s %11s %13s %9s %9s %9s\n", "fewest free pages", "", after, "min",
		"low", "high");
	for (int nid = 0; nid < p->nr_nodes; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			const struct pressure_low *low = &p->low[nid][t];

			if (!quarry_node_present(p->q, nid) ||
			    !quarry_zone_info(p->q, nid, (enum quarry_zone_type)t, &z))
				continue;
			fprintf(out,
				"Node %-3d %-9s %11" PRIu64 " %13" PRIu64 " %9lu %9lu %9lu  %s\n",
				nid, z.name, low->free, low->request, z.wmark[QUARRY_WMARK_MIN],
				z.wmark[QUARRY_WMARK_LOW], z.wmark[QUARRY_WMARK_HIGH],
				pressure_depth(low, &z));
		}
	}
}

void pressure_text(FILE *out, const struct pressure *p, const char *unit)
{
	pressure_text_cache(out, p);
	pressure_text_work(out, p);
	pressure_text_samples(out, p, unit);
	pressure_text_zones(out, p, unit);
}

/* ---- JSON ---- */

static void pressure_set(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v));
}

static json_t *pressure_json_cache(const struct pressure *p)
{
	const struct pagecache_stats *s = pagecache_stats(p->cache);
	json_t *o = json_object();

	pressure_set(o, "pages_at_start", p->start.cached);
	pressure_set(o, "pages", s->cached);
	pressure_set(o, "active", s->active);
	pressure_set(o, "inactive", s->inactive);
	pressure_set(o, "dirty", s->dirty);
	pressure_set(o, "reads", s->reads);
	pressure_set(o, "hits", s->hits);
	pressure_set(o, "misses", s->misses);
	pressure_set(o, "refaults", s->refaults);
	pressure_set(o, "refused", s->refused);
	pressure_set(o, "reclaimed", s->reclaimed);
	pressure_set(o, "written", s->written);
	pressure_set(o, "spared", s->spared);
	pressure_set(o, "skipped", s->skipped);
	pressure_set(o, "migrated", s->migrated);
	return o;
}

static json_t *pressure_json_zones(const struct pressure *p)
{
	json_t *all = json_array();
	struct quarry_zone_info z;

	for (int nid = 0; nid < p->nr_nodes; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			json_t *o;

			if (!quarry_node_present(p->q, nid) ||
			    !quarry_zone_info(p->q, nid, (enum quarry_zone_type)t, &z))
				continue;
			o = json_pack("{s:i, s:s}", "node", nid, "name", z.name);
			pressure_set(o, "lowest_free", p->low[nid][t].free);
			pressure_set(o, "lowest_after", p->low[nid][t].request);
			pressure_set(o, "min", z.wmark[QUARRY_WMARK_MIN]);
			pressure_set(o, "low", z.wmark[QUARRY_WMARK_LOW]);
			pressure_set(o, "high", z.wmark[QUARRY_WMARK_HIGH]);
			json_array_append_new(all, o);
		}
	}
	return all;
}

json_t *pressure_json(const struct pressure *p)
{
	json_t *o = json_object(), *samples = json_array();

	json_object_set_new(o, "seed", json_integer((json_int_t)p->options.seed));
	json_object_set_new(o, "compaction", json_boolean(!p->options.pinned));
	json_object_set_new(o, "page_cache", pressure_json_cache(p));
	pressure_set(o, "kswapd_runs", p->kswapd_runs);
	pressure_set(o, "kswapd_pages", p->kswapd_pages);
	pressure_set(o, "direct_stalls", pressure_nr_stalls(p));
	pressure_set(o, "direct_pages", p->direct_pages);
	pressure_set(o, "compact_stall", pressure_count(p, QUARRY_VM_COMPACT_STALL));
	pressure_set(o, "compact_success", pressure_count(p, QUARRY_VM_COMPACT_SUCCESS));
	pressure_set(o, "compact_fail", pressure_count(p, QUARRY_VM_COMPACT_FAIL));
	pressure_set(o, "kcompactd_wake", pressure_count(p, QUARRY_VM_COMPACT_DAEMON_WAKE));
	pressure_set(o, "pages_migrated", pressure_count(p, QUARRY_VM_PGMIGRATE_SUCCESS));
	pressure_set(o, "pages_not_migrated", pressure_count(p, QUARRY_VM_PGMIGRATE_FAIL));
	for (unsigned int i = 0; i < p->nr_samples; i++) {
		json_t *s = json_object();

		pressure_set(s, "after", p->sample[i].request);
		pressure_set(s, "cached", p->sample[i].cached);
		pressure_set(s, "free", p->sample[i].free);
		json_array_append_new(samples, s);
	}
	json_object_set_new(o, "samples", samples);
	json_object_set_new(o, "zones", pressure_json_zones(p));
	return o;
}
