/* SPDX-License-Identifier: MIT */
/*
 * The report of a replay.
 *
 * Everything is asked of the memory system when the replay is over. Linux's side is the last snapshot
 * beside the recording: it also holds what was allocated before the recording began, which a replay
 * cannot know. Where tables set both beside each other they say so.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <faithful.h>
#include <refusal.h>
#include <report.h>

#define REPORT_WIDTH 100
#define REPORT_DIGEST_PRIME 0x100000001b3u

struct report_cache {
	struct quarry_cache_info info;
	uint64_t bytes;
	const struct linuxfacts_cache *linux_side;
};

static uint64_t report_pages_bytes(uint64_t pages)
{
	return pages * QUARRY_PAGE_SIZE;
}

bool report_complete(const struct report *r)
{
	return !r->trace->damaged && !r->full;
}

static void report_hash(void *ctx, const char *text, size_t len)
{
	uint64_t *h = ctx;

	for (size_t i = 0; i < len; i++)
		*h = (*h ^ (unsigned char)text[i]) * REPORT_DIGEST_PRIME;
}

uint64_t report_digest(struct quarry *q, uint64_t addresses)
{
	uint64_t h = addresses;
	struct quarry_out out = {report_hash, &h};

	quarry_show_buddyinfo(q, &out);
	quarry_show_slabinfo(q, &out);
	return h;
}

double report_unusable(const unsigned long *nr_free, unsigned int order)
{
	uint64_t all = 0, usable = 0;

	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		all += (uint64_t)nr_free[o] << o;
		if (o >= order)
			usable += (uint64_t)nr_free[o] << o;
	}
	return all > 0 ? (double)(all - usable) / (double)all : 0;
}

/* ---- collecting ---- */

static int report_larger_cache(const void *a, const void *b)
{
	const struct report_cache *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->info.name, y->info.name);
}

/* All caches that hold slabs, largest first; *nr_empty counts the others. Free the result. */
static struct report_cache *report_caches(const struct report *r, size_t *nr, size_t *nr_empty)
{
	struct quarry *q = r->machine->q;
	struct report_cache *list = NULL;
	struct kmem_cache *c = NULL;
	size_t cap = 0;

	*nr = *nr_empty = 0;
	while ((c = quarry_kmem_cache_next(q, c)) != NULL) {
		struct report_cache *one;

		if (*nr == cap) {
			cap = cap > 0 ? cap * 2 : 64;
			list = xrealloc(list, cap, sizeof(*list));
		}
		one = &list[*nr];
		quarry_kmem_cache_info(q, c, &one->info);
		if (one->info.num_slabs == 0) {
			(*nr_empty)++;
			continue;
		}
		one->bytes = report_pages_bytes(one->info.pages);
		one->linux_side = linuxfacts_cache(r->facts, one->info.name);
		(*nr)++;
	}
	if (*nr > 1)
		qsort(list, *nr, sizeof(*list), report_larger_cache);
	return list;
}

static uint64_t report_linux_bytes(const struct linuxfacts_cache *c)
{
	return report_pages_bytes(c->num_slabs * c->pages_per_slab);
}

static const struct linuxfacts_zone *report_linux_zone(const struct report *r, int nid,
						       const char *name)
{
	return linuxfacts_zone(&r->facts->last, nid, name);
}

/* The next zone that has pages, from *@nid and *@zone on, which it moves past. */
static bool report_next_zone(const struct report *r, int *nid, int *zone,
			     struct quarry_zone_info *info)
{
	for (; *nid < r->machine->nr_nodes; (*nid)++, *zone = 0) {
		if (!quarry_node_present(r->machine->q, *nid))
			continue;
		while (*zone < QUARRY_NR_ZONES) {
			enum quarry_zone_type type = (enum quarry_zone_type)(*zone)++;

			if (quarry_zone_info(r->machine->q, *nid, type, info))
				return true;
		}
	}
	return false;
}

static double report_seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static double report_rate(const struct report *r)
{
	return r->wall_ns > 0 ? (double)r->events / report_seconds(r->wall_ns) : 0;
}

/* ---- text ---- */

static void report_title(FILE *out, const char *title)
{
	fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < strlen(title); i++)
		fputc('-', out);
	fputc('\n', out);
}

static void report_head(FILE *out, const struct report *r)
{
	const struct trace *t = r->trace;
	const struct machine *m = r->machine;
	char ram[UTIL_SIZE_BUF], count[UTIL_SIZE_BUF], rate[UTIL_SIZE_BUF];

	fprintf(out, "Replay of  %s (%s", t->path, trace_format_name(t->format));
	if (t->kernel != NULL)
		fprintf(out, ", Linux %s", t->kernel);
	if (t->cpus > 0)
		fprintf(out, ", %u %s%s", t->cpus, r->heap != NULL ? "thread" : "CPU",
			t->cpus > 1 ? "s" : "");
	fputs(")\n", out);
	if (t->description != NULL)
		fprintf(out, "           %s\n", t->description);
	fprintf(out, "on         %s (%s of RAM, %d node%s, %u CPU%s, booted from %s)\n",
		r->map_path, util_human_size(m->ram_bytes, ram), m->nr_nodes,
		m->nr_nodes > 1 ? "s" : "", m->nr_cpus, m->nr_cpus > 1 ? "s" : "",
		m->bootmem ? "bootmem" : "memblock");
	if (r->cmdline != NULL)
		fprintf(out, "           with %s\n", r->cmdline);
	if (r->policy != NULL)
		fprintf(out, "           policy %s\n", r->policy);
	fprintf(out, "%s%" PRIu64 " events of %.1f s in %.3f s: %s events/s%s\n",
		report_complete(r) ? "Done       " : "INCOMPLETE ", r->events,
		report_seconds(r->recorded_ns), report_seconds(r->wall_ns),
		util_human_count(report_rate(r), rate), r->limited ? " (stopped at --limit)" : "");
	if (t->damaged)
		fprintf(out,
			"           the recording is damaged at byte %" PRIu64
			"; this is what came before it\n",
			t->damage_offset);
	if (r->full)
		fputs("           stopped: more things alive than can be followed\n", out);
	if (t->lost_events > 0)
		fprintf(out,
			"           the recorder lost %s events: what they freed stays alive here "
			"until its\n"
			"           address is given out again, what they allocated is freed "
			"unseen\n",
			util_human_count((double)t->lost_events, count));
	if (t->nr_back > 0)
		fprintf(out,
			"           %" PRIu64 " event%s older than the one before %s, by up "
			"to %.6f s:\n"
			"           played in the order of the lines: what is freed above its "
			"allocation "
			"stays alive\n",
			t->nr_back, t->nr_back > 1 ? "s are" : " is",
			t->nr_back > 1 ? "them" : "it", report_seconds(t->back_ns));
	if (t->nr_bad_lines > 0)
		fprintf(out, "           %" PRIu64 " malformed line%s skipped\n", t->nr_bad_lines,
			t->nr_bad_lines > 1 ? "s were" : " was");
	fprintf(out, "Digest     %016" PRIx64 "\n", r->digest);
}

/* "; 12 kfree(NULL)" onto the row, or onto a new one if it would be too long. */
static void report_why(FILE *out, size_t *column, uint64_t n, const char *text)
{
	char part[128];
	size_t len = (size_t)snprintf(part, sizeof(part), "%" PRIu64 " %s", n, text);
	const size_t indent = 47;

	if (*column > indent && *column + 2 + len + 1 > REPORT_WIDTH) {
		fprintf(out, ",\n%*s", (int)indent, "");
		*column = indent;
	} else if (*column > indent) {
		fputs(", ", out);
		*column += 2;
	}
	fputs(part, out);
	*column += len;
}

static void report_events(FILE *out, const struct report *r)
{
	const struct engine_result *e = r->result;

	report_title(out, "Events: what became of them");
	fprintf(out, "%-26s%8s %10s  %s\n", "", "seen", "replayed", "not replayed, and why");
	for (int type = 1; type < TRACE_NR_TYPES; type++) {
		size_t column = 47;

		if (e->seen[type] == 0)
			continue;
		fprintf(out, "%-25s%9" PRIu64 " %10" PRIu64 "  ",
			trace_type_name((enum trace_type)type), e->seen[type],
			e->fate[type][ENGINE_REPLAYED]);
		for (int fate = ENGINE_REPLAYED + 1; fate < ENGINE_NR_FATES; fate++) {
			if (e->fate[type][fate] > 0)
				report_why(out, &column, e->fate[type][fate],
					   engine_fate_text((enum engine_fate)fate));
		}
		fputc('\n', out);
	}
	fprintf(out, "Frees that no event tells: %" PRIu64 " objects, %" PRIu64 " pages.",
		e->implied_objects, e->implied_pages);
	fprintf(out, " Slab pages recognised late: %" PRIu64 ". Blocks split: %" PRIu64 ".\n",
		e->late_slab_pages, e->split_blocks);
	fprintf(out,
		"Alive at the end: %" PRIu64 " objects and %" PRIu64 " pages; at most %" PRIu64
		" and %" PRIu64 ".\n",
		e->live_objects, e->live_pages, e->max_live_objects, e->max_live_pages);
	fprintf(out,
		"Fallbacks to another migratetype: %" PRIu64 " here, %" PRIu64
		" in the recording.\n",
		e->extfrag_ours, e->extfrag_recorded);
	if (r->trace->unknown_gfp > 0)
		fprintf(out,
			"Request flags that Quarry does not know were ignored in %" PRIu64
			" kinds of events.\n",
			r->trace->unknown_gfp);
}

/* @text behind @indent spaces, broken after a bar where the line would be too long. */
static void report_wrapped(FILE *out, int indent, const char *text)
{
	int column = fprintf(out, "%*s", indent, "");

	while (*text != '\0') {
		size_t len = strcspn(text, "|");

		len += text[len] == '|';
		if (column > indent && column + (int)len > REPORT_WIDTH)
			column = fprintf(out, "\n%*s", indent, "") - 1;
		column += fprintf(out, "%.*s", (int)len, text);
		text += len;
	}
	fputc('\n', out);
}

static void report_refusal(FILE *out, const struct engine_refusal *f)
{
	char gfp[GFP_TEXT_MAX];

	fprintf(out, "%9" PRIu64 " x %s of %" PRIu64 " bytes: %s\n", f->count,
		trace_type_name((enum trace_type)f->type), f->bytes, engine_reason_text(f->reason));
	report_wrapped(out, 12, gfp_to_text(f->gfp, gfp));
	if (f->why.serial == 0 || f->why.nr_zones == 0)
		return;
	fprintf(out, "%12sfirst at event %" PRIu64 ", order %u:\n", "", f->first_event, f->order);
	refusal_print(out, 12, f->text);
}

/* Most frequent first. */
static int report_more_refusals(const void *a, const void *b)
{
	const struct engine_refusal *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->first_event < y->first_event ? -1 : 1;
}

static void report_refusals(FILE *out, const struct report *r)
{
	const struct engine_result *e = r->result;
	struct engine_refusal sorted[ENGINE_MAX_REFUSALS];
	uint64_t all = 0;

	for (int i = 0; i < ENGINE_NR_REASONS; i++)
		all += e->reasons[i];
	report_title(out, "Refused requests");
	if (all == 0) {
		fputs("None: every request that Linux granted was granted here.\n", out);
		return;
	}
	fprintf(out, "%" PRIu64 " in all, for the reasons", all);
	for (unsigned int i = 0; i < ENGINE_NR_REASONS; i++) {
		if (e->reasons[i] > 0)
			fprintf(out, " %s %" PRIu64, engine_reason_name(i), e->reasons[i]);
	}
	fputs(".\n", out);
	memcpy(sorted, e->refusal, sizeof(sorted));
	qsort(sorted, e->nr_refusals, sizeof(sorted[0]), report_more_refusals);
	for (size_t i = 0; i < e->nr_refusals && i < r->top; i++)
		report_refusal(out, &sorted[i]);
	if (e->nr_refusals > r->top)
		fprintf(out, "%12s... and %zu kinds more (--top N shows more)\n", "",
			e->nr_refusals - r->top);
	if (e->last_refused != 0) {
		fprintf(out, "The last one, at event %" PRIu64 ":\n", e->last_refused);
		refusal_print(out, 12, e->last_text);
	}
}

static void report_write(void *ctx, const char *text, size_t len)
{
	strbuf_add(ctx, text, len);
}

/* Linux's own view, without the caches that have no object. */
static void report_slabinfo(FILE *out, const struct report *r)
{
	struct strbuf text = {0};
	struct quarry_out sink = {report_write, &text};
	size_t empty = 0;
	char *s, *nl;

	quarry_show_slabinfo(r->machine->q, &sink);
	for (s = text.s; s != NULL && *s != '\0'; s = nl + 1) {
		unsigned long active, objects;

		nl = strchr(s, '\n');
		if (nl == NULL)
			break;
		*nl = '\0';
		if (!r->all_caches && sscanf(s, "%*s %lu %lu", &active, &objects) == 2 &&
		    objects == 0)
			empty++;
		else
			fprintf(out, "%s\n", s);
	}
	if (empty > 0)
		fprintf(out, "(%zu caches without objects are left out; --slabinfo shows them)\n",
			empty);
	strbuf_free(&text);
}

static void report_largest(FILE *out, const struct report *r, const struct report_cache *list,
			   size_t nr)
{
	char title[64];

	snprintf(title, sizeof(title), "The %u largest caches, beside Linux's", r->top);
	report_title(out, title);
	fprintf(out, "%-26s| %8s %7s %9s | %8s %7s %9s | %s\n", "", "objects", "slabs", "KiB",
		"objects", "slabs", "KiB", "ours/Linux's");
	for (size_t i = 0; i < nr && i < r->top; i++) {
		const struct report_cache *c = &list[i];
		const struct linuxfacts_cache *l = c->linux_side;

		fprintf(out, "%-26.26s| %8lu %7lu %9" PRIu64 " |", c->info.name,
			c->info.active_objs, c->info.num_slabs, c->bytes >> 10);
		if (l == NULL) {
			fprintf(out, " %8s %7s %9s |\n", "-", "-", "-");
			continue;
		}
		fprintf(out, " %8" PRIu64 " %7" PRIu64 " %9" PRIu64 " |", l->active_objs,
			l->num_slabs, report_linux_bytes(l) >> 10);
		if (l->num_slabs > 0)
			fprintf(out, " %8.2f", (double)c->bytes / (double)report_linux_bytes(l));
		fputc('\n', out);
	}
	if (!r->facts->last.there)
		fputs("No snapshot of Linux's slabinfo lies beside the recording.\n", out);
	else
		fprintf(out,
			"Linux's side (snapshot %" PRIu64
			")%s counts objects in its per-CPU\nslabs "
			"as in use: compare slabs.\n",
			r->facts->last.number,
			r->population != NULL && r->population->there
				? ""
				: " also holds what was there before, and");
}

static void report_buddyinfo(FILE *out, const struct report *r)
{
	struct strbuf text = {0};
	struct quarry_out sink = {report_write, &text};

	quarry_show_buddyinfo(r->machine->q, &sink);
	fwrite(text.s, 1, text.len, out);
	strbuf_free(&text);
}

static void report_free_blocks(FILE *out, const struct report *r)
{
	struct quarry_zone_info z;
	int nid = 0, zone = 0;

	report_title(out, "Free blocks of each order, beside Linux's");
	fprintf(out, "%-23s", "order");
	for (int o = 0; o < QUARRY_NR_ORDERS; o++)
		fprintf(out, " %6d", o);
	fputc('\n', out);
	while (report_next_zone(r, &nid, &zone, &z)) {
		const struct linuxfacts_zone *l = report_linux_zone(r, nid, z.name);

		fprintf(out, "Node %-3d %-8s ours ", nid, z.name);
		for (int o = 0; o < QUARRY_NR_ORDERS; o++)
			fprintf(out, " %6lu", z.nr_free[o]);
		fputc('\n', out);
		if (l == NULL)
			continue;
		fprintf(out, "%18sLinux", "");
		for (int o = 0; o < QUARRY_NR_ORDERS; o++)
			fprintf(out, " %6" PRIu64, l->nr_free[o]);
		fputc('\n', out);
	}
	if (r->facts->last.nr_zones == 0)
		fputs("No snapshot of Linux's buddyinfo lies beside the recording.\n", out);
	else if (r->population == NULL || !r->population->there)
		fputs("What Linux had taken before the recording began is free here.\n", out);
}

static void report_percent(FILE *out, double share)
{
	fprintf(out, " %6.1f", share * 100);
}

static void report_fragmentation(FILE *out, const struct report *r)
{
	struct quarry_zone_info z;
	int nid = 0, zone = 0;

	report_title(out, "Fragmentation: percent of free pages in blocks smaller than the order");
	fprintf(out, "%-23s", "order");
	for (int o = 0; o < QUARRY_NR_ORDERS; o++)
		fprintf(out, " %6d", o);
	fputc('\n', out);
	while (report_next_zone(r, &nid, &zone, &z)) {
		const struct linuxfacts_zone *l = report_linux_zone(r, nid, z.name);
		unsigned long theirs[QUARRY_NR_ORDERS];

		fprintf(out, "Node %-3d %-8s ours ", nid, z.name);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			report_percent(out, report_unusable(z.nr_free, o));
		fputc('\n', out);
		if (l == NULL)
			continue;
		fprintf(out, "%18sLinux", "");
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			theirs[o] = (unsigned long)l->nr_free[o];
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			report_percent(out, report_unusable(theirs, o));
		fputc('\n', out);
	}
}

static void report_zones(FILE *out, const struct report *r)
{
	struct quarry_zone_info z;
	int nid = 0, zone = 0;

	report_title(out, "Zones, in pages");
	fprintf(out, "%-18s %11s %11s %9s %9s %9s %9s\n", "", "managed", "free", "per-CPU", "min",
		"low", "high");
	while (report_next_zone(r, &nid, &zone, &z))
		fprintf(out, "Node %-3d %-9s %11lu %11lu %9lu %9lu %9lu %9lu%s\n", nid, z.name,
			z.managed, z.free, z.pcp, z.wmark[QUARRY_WMARK_MIN],
			z.wmark[QUARRY_WMARK_LOW], z.wmark[QUARRY_WMARK_HIGH],
			z.free + z.pcp < z.wmark[QUARRY_WMARK_LOW] ? "  below low" : "");
}

/* What the machine pays for its allocator, page descriptors and records of slabs included. */
static void report_tables(FILE *out, const struct report *r)
{
	struct quarry_totals t;
	char size[UTIL_SIZE_BUF];

	quarry_totals(r->machine->q, &t);
	fprintf(out, "Quarry's own tables: %s, %.3f %% of RAM.\n",
		util_human_size(t.meta_bytes, size),
		(double)t.meta_bytes * 100 / (double)r->machine->ram_bytes);
}

void report_text(FILE *out, const struct report *r)
{
	size_t nr, nr_empty;
	struct report_cache *list = report_caches(r, &nr, &nr_empty);

	report_head(out, r);
	if (r->heap != NULL) {
		heap_text(out, r->heap, r->trace);
	} else {
		report_events(out, r);
		collisions_text(out, &r->result->collisions, r->trace);
	}
	faithful_start_text(out, r);
	report_title(out, "/proc/buddyinfo");
	report_buddyinfo(out, r);
	report_title(out, "/proc/slabinfo");
	report_slabinfo(out, r);
	if (r->heap == NULL) {
		report_largest(out, r, list, nr);
		report_free_blocks(out, r);
		report_fragmentation(out, r);
		faithful_text(out, r);
	}
	report_zones(out, r);
	report_tables(out, r);
	if (r->pressure != NULL) {
		report_title(out, "Memory pressure");
		pressure_text(out, r->pressure, "event");
	}
	if (r->heap == NULL)
		report_refusals(out, r);
	if (r->faults > 0)
		fprintf(out, "\nThe library reported damage %" PRIu64 " times: see the messages.\n",
			r->faults);
	if (!report_complete(r))
		fputs("\nINCOMPLETE: see above.\n", out);
	free(list);
}

/* ---- JSON ---- */

static json_t *report_u64(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

/* Text of any origin, which JSON wants as UTF-8. */
static json_t *report_string(const char *s)
{
	json_t *text = s != NULL ? json_string(s) : json_null();
	char *copy;

	if (text != NULL)
		return text;
	copy = xstrdup(s);
	for (char *p = copy; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	text = json_string(copy);
	free(copy);
	return text;
}

static void report_set(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, report_u64(v));
}

static json_t *report_json_trace(const struct report *r)
{
	const struct trace *t = r->trace;
	json_t *o = json_object();

	json_object_set_new(o, "path", report_string(t->path));
	json_object_set_new(o, "format", json_string(trace_format_name(t->format)));
	json_object_set_new(o, "name", report_string(t->name));
	json_object_set_new(o, "description", report_string(t->description));
	json_object_set_new(o, "kernel", report_string(t->kernel));
	report_set(o, "cpus", t->cpus);
	report_set(o, "lost_events", t->lost_events);
	report_set(o, "lines", t->nr_lines);
	report_set(o, "malformed_lines", t->nr_bad_lines);
	report_set(o, "time_goes_back", t->nr_back);
	report_set(o, "unknown_gfp", t->unknown_gfp);
	json_object_set_new(o, "damaged", json_boolean(t->damaged));
	if (t->damaged)
		report_set(o, "damage_offset", t->damage_offset);
	return o;
}

static json_t *report_json_machine(const struct report *r)
{
	const struct machine *m = r->machine;
	json_t *o = json_object();
	struct quarry_totals t;

	quarry_totals(m->q, &t);
	json_object_set_new(o, "map", report_string(r->map_path));
	json_object_set_new(o, "command_line", report_string(r->cmdline != NULL ? r->cmdline : ""));
	json_object_set_new(o, "policy", report_string(r->policy != NULL ? r->policy : ""));
	json_object_set_new(o, "allocator", json_string(m->bootmem ? "bootmem" : "memblock"));
	report_set(o, "ram_bytes", m->ram_bytes);
	report_set(o, "nr_nodes", (uint64_t)m->nr_nodes);
	report_set(o, "nr_cpus", m->nr_cpus);
	report_set(o, "metadata_bytes", t.meta_bytes);
	return o;
}

static void report_json_engine(json_t *o, const struct engine_result *e)
{
	report_set(o, "implied_free_objects", e->implied_objects);
	report_set(o, "implied_free_pages", e->implied_pages);
	report_set(o, "late_slab_pages", e->late_slab_pages);
	report_set(o, "split_blocks", e->split_blocks);
	report_set(o, "live_objects", e->live_objects);
	report_set(o, "live_pages", e->live_pages);
	report_set(o, "max_live_objects", e->max_live_objects);
	report_set(o, "max_live_pages", e->max_live_pages);
	report_set(o, "extfrag", e->extfrag_ours);
	report_set(o, "extfrag_recorded", e->extfrag_recorded);
	report_set(o, "caches_made", e->caches_made);
	report_set(o, "caches_failed", e->caches_failed);
}

static json_t *report_json_replay(const struct report *r)
{
	char digest[17];
	json_t *o = json_object();

	snprintf(digest, sizeof(digest), "%016" PRIx64, r->digest);
	json_object_set_new(o, "complete", json_boolean(report_complete(r)));
	json_object_set_new(o, "limited", json_boolean(r->limited));
	json_object_set_new(o, "digest", json_string(digest));
	report_set(o, "events", r->events);
	report_set(o, "recorded_ns", r->recorded_ns);
	json_object_set_new(o, "seconds", json_real(report_seconds(r->wall_ns)));
	json_object_set_new(o, "events_per_second", report_u64((uint64_t)report_rate(r)));
	if (r->result != NULL)
		report_json_engine(o, r->result);
	report_set(o, "damage_reports", r->faults);
	return o;
}

static json_t *report_json_events(const struct report *r)
{
	const struct engine_result *e = r->result;
	json_t *all = json_object();

	for (int type = 1; type < TRACE_NR_TYPES; type++) {
		json_t *o;

		if (e->seen[type] == 0)
			continue;
		o = json_object();
		report_set(o, "seen", e->seen[type]);
		for (int fate = 0; fate < ENGINE_NR_FATES; fate++)
			report_set(o, engine_fate_name((enum engine_fate)fate),
				   e->fate[type][fate]);
		json_object_set_new(all, trace_type_name((enum trace_type)type), o);
	}
	return all;
}

static json_t *report_json_refused_zones(const struct quarry_refusal *why)
{
	json_t *zones = json_array();

	for (unsigned int i = 0; i < why->nr_zones && i < QUARRY_EXPLAIN_ZONES; i++) {
		const struct quarry_refused_zone *z = &why->zones[i];
		json_t *o = json_object();

		json_object_set_new(o, "node", json_integer(z->nid));
		json_object_set_new(o, "zone", json_string(quarry_zone_name(z->zone)));
		json_object_set_new(o, "reason", json_string(engine_reason_name(z->reason)));
		report_set(o, "free", z->free);
		report_set(o, "watermark", z->watermark);
		report_set(o, "reserve", z->reserve);
		json_object_set_new(o, "largest_order", json_integer(z->largest_order));
		json_array_append_new(zones, o);
	}
	return zones;
}

static json_t *report_json_refusals(const struct report *r)
{
	const struct engine_result *e = r->result;
	json_t *o = json_object(), *reasons = json_object(), *kinds = json_array();
	char gfp[GFP_TEXT_MAX];

	for (unsigned int i = 1; i < ENGINE_NR_REASONS; i++)
		report_set(reasons, engine_reason_name(i), e->reasons[i]);
	for (size_t i = 0; i < e->nr_refusals; i++) {
		const struct engine_refusal *f = &e->refusal[i];
		json_t *k = json_object();

		json_object_set_new(k, "event",
				    json_string(trace_type_name((enum trace_type)f->type)));
		json_object_set_new(k, "reason", json_string(engine_reason_name(f->reason)));
		json_object_set_new(k, "gfp_flags", json_string(gfp_to_text(f->gfp, gfp)));
		report_set(k, "order", f->order);
		report_set(k, "count", f->count);
		report_set(k, "first_event", f->first_event);
		report_set(k, "bytes", f->bytes);
		json_object_set_new(k, "zones", report_json_refused_zones(&f->why));
		json_object_set_new(k, "explanation", report_string(f->text));
		json_array_append_new(kinds, k);
	}
	json_object_set_new(o, "reasons", reasons);
	json_object_set_new(o, "kinds", kinds);
	report_set(o, "last_event", e->last_refused);
	json_object_set_new(o, "last_explanation", report_string(e->last_text));
	return o;
}

static json_t *report_json_cache(const struct report_cache *c)
{
	const struct linuxfacts_cache *l = c->linux_side;
	json_t *o = json_object(), *theirs;

	json_object_set_new(o, "name", report_string(c->info.name));
	report_set(o, "object_size", c->info.object_size);
	report_set(o, "size", c->info.size);
	report_set(o, "objs_per_slab", c->info.objs_per_slab);
	report_set(o, "order", c->info.order);
	report_set(o, "active_objs", c->info.active_objs);
	report_set(o, "cached_objs", c->info.cached_objs);
	report_set(o, "num_objs", c->info.num_objs);
	report_set(o, "num_slabs", c->info.num_slabs);
	report_set(o, "bytes", c->bytes);
	report_set(o, "allocs", c->info.allocs);
	report_set(o, "frees", c->info.frees);
	report_set(o, "refused", c->info.refused);
	if (l == NULL) {
		json_object_set_new(o, "linux", json_null());
		return o;
	}
	theirs = json_object();
	report_set(theirs, "active_objs", l->active_objs);
	report_set(theirs, "num_objs", l->num_objs);
	report_set(theirs, "num_slabs", l->num_slabs);
	report_set(theirs, "bytes", report_linux_bytes(l));
	json_object_set_new(o, "linux", theirs);
	return o;
}

static json_t *report_json_zone(const struct report *r, int nid, const struct quarry_zone_info *z)
{
	const struct linuxfacts_zone *l = report_linux_zone(r, nid, z->name);
	json_t *o = json_object(), *blocks = json_array(), *unusable = json_array();
	json_t *theirs = l != NULL ? json_array() : json_null();

	json_object_set_new(o, "node", json_integer(nid));
	json_object_set_new(o, "name", json_string(z->name));
	report_set(o, "managed", z->managed);
	report_set(o, "free", z->free);
	report_set(o, "pcp", z->pcp);
	report_set(o, "min", z->wmark[QUARRY_WMARK_MIN]);
	report_set(o, "low", z->wmark[QUARRY_WMARK_LOW]);
	report_set(o, "high", z->wmark[QUARRY_WMARK_HIGH]);
	for (unsigned int i = 0; i < QUARRY_NR_ORDERS; i++) {
		json_array_append_new(blocks, report_u64(z->nr_free[i]));
		json_array_append_new(unusable, json_real(report_unusable(z->nr_free, i)));
		if (l != NULL)
			json_array_append_new(theirs, report_u64(l->nr_free[i]));
	}
	json_object_set_new(o, "free_blocks", blocks);
	json_object_set_new(o, "unusable_free_index", unusable);
	json_object_set_new(o, "linux_free_blocks", theirs);
	return o;
}

int report_json(FILE *out, const struct report *r)
{
	size_t nr, nr_empty;
	struct report_cache *list = report_caches(r, &nr, &nr_empty);
	json_t *o = json_object(), *caches = json_array(), *zones = json_array();
	struct quarry_zone_info z;
	int nid = 0, zone = 0, err;

	for (size_t i = 0; i < nr; i++)
		json_array_append_new(caches, report_json_cache(&list[i]));
	while (report_next_zone(r, &nid, &zone, &z))
		json_array_append_new(zones, report_json_zone(r, nid, &z));
	json_object_set_new(o, "trace", report_json_trace(r));
	json_object_set_new(o, "machine", report_json_machine(r));
	json_object_set_new(o, "replay", report_json_replay(r));
	if (r->heap != NULL) {
		json_object_set_new(o, "heap", heap_json(r->heap, r->trace));
	} else {
		json_object_set_new(o, "events", report_json_events(r));
		json_object_set_new(o, "collisions",
				    collisions_json(&r->result->collisions, r->trace));
		json_object_set_new(o, "refusals", report_json_refusals(r));
		json_object_set_new(o, "start", faithful_start_json(r));
		json_object_set_new(o, "linux", faithful_json(r));
	}
	json_object_set_new(o, "caches", caches);
	report_set(o, "empty_caches", nr_empty);
	json_object_set_new(o, "zones", zones);
	if (r->pressure != NULL)
		json_object_set_new(o, "pressure", pressure_json(r->pressure));
	err = json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	fputc('\n', out);
	json_decref(o);
	free(list);
	return err;
}
