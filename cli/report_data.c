/* SPDX-License-Identifier: MIT */
/*
 * The data of a page: report.c's JSON of the end, and a history.
 *
 * Numbers over time are packed (pack.h): few differ much from the one before.
 *
 *	series	column by column, each sample's difference to the one before as a zigzag varint
 *	map	sample by sample, HISTORY_CELL_BYTES planes of one byte a cell, each sample XORed with the one
 *		before
 *	rows	varints: how many, then of each the samples since the row before, number of the pageblock in the
 *		order of spans, length, and so many bytes: history_map.c
 */
#include <stdlib.h>
#include <string.h>

#include <idmap.h>
#include <pack.h>
#include <report_data.h>

#define DATA_MAX_SITES 400u

static json_t *data_u64(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

/* Names come from recordings: what is not UTF-8 is shown as such. */
static json_t *data_string(const char *s)
{
	json_t *text = json_string(s);
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

static void data_set_packed(json_t *o, const char *key, const void *in, size_t len)
{
	char *text = pack_text(in, len);

	json_object_set_new(o, key, json_string(text));
	free(text);
}

/* ---- what happened, at the end ---- */

static json_t *data_replay(const struct report *r)
{
	json_t *o = NULL;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f != NULL) {
		int err = report_json(f, r);

		if (fclose(f) == 0 && err == 0)
			o = json_loadb(text, len, 0, NULL);
	}
	free(text);
	return o;
}

/* ---- over time ---- */

static json_t *data_columns(void)
{
	static const char *const own[] = {"event",      "time_ns",    "live_objects",
					  "live_pages", "live_bytes", "refused"};
	json_t *a = json_array();

	for (unsigned int i = 0; i < HISTORY_NR_OWN; i++)
		json_array_append_new(a, json_string(own[i]));
	for (unsigned int i = 0; i < QUARRY_NR_VM_EVENTS; i++)
		json_array_append_new(a,
				      json_string(quarry_vm_event_name((enum quarry_vm_event)i)));
	return a;
}

static json_t *data_zones(const struct history *h)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < h->nr_zones; i++) {
		json_t *z = json_object();

		json_object_set_new(z, "node", json_integer(h->zone[i].nid));
		json_object_set_new(z, "name", json_string(quarry_zone_name(h->zone[i].type)));
		json_object_set_new(z, "present", data_u64(h->zone[i].present));
		json_object_set_new(z, "managed", data_u64(h->zone[i].managed));
		json_array_append_new(a, z);
	}
	return a;
}

static json_t *data_caches(const struct history *h)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < h->nr_caches; i++) {
		json_t *c = json_object();

		json_object_set_new(c, "name", data_string(h->caches[i].name));
		json_object_set_new(c, "object_size", data_u64(h->caches[i].object_size));
		json_array_append_new(a, c);
	}
	return a;
}

static void data_series(json_t *o, const struct history *h)
{
	struct strbuf b = {0};

	for (unsigned int c = 0; c < h->nr_columns; c++) {
		for (unsigned int i = 0; i < h->nr; i++)
			pack_s64(&b, (int64_t)(history_value(h, i, c) -
					       (i > 0 ? history_value(h, i - 1, c) : 0)));
	}
	for (unsigned int k = 0; k < h->nr_caches; k++) {
		for (unsigned int c = 0; c < HISTORY_CACHE_COLUMNS; c++) {
			for (unsigned int i = 0; i < h->nr; i++) {
				const struct history_cache *one = &h->caches[k];

				pack_s64(&b, (int64_t)(one->value[i][c] -
						       (i > 0 ? one->value[i - 1][c] : 0)));
			}
		}
	}
	data_set_packed(o, "series", b.s, b.len);
	strbuf_free(&b);
}

/* ---- the map ---- */

static json_t *data_owners(const struct history *h)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < h->nr_owners; i++) {
		json_t *one = json_array();

		json_array_append_new(one, data_string(h->owners[i].name));
		json_array_append_new(one, json_integer(h->owners[i].cache));
		json_array_append_new(a, one);
	}
	return a;
}

static json_t *data_spans(const struct history *h)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < h->nr_spans; i++) {
		json_t *one = json_array();

		json_array_append_new(one, data_u64(h->spans[i].first));
		json_array_append_new(one, data_u64(h->spans[i].nr));
		json_array_append_new(one, data_u64(h->spans[i].zone));
		json_array_append_new(a, one);
	}
	return a;
}

static void data_cells(json_t *o, const struct history *h)
{
	size_t one = (size_t)h->nr_cells * HISTORY_CELL_BYTES;
	uint8_t *copy = xmalloc(one * h->nr + 1);

	if (h->nr > 0)
		memcpy(copy, h->cells, one);
	for (size_t i = one; i < one * h->nr; i++)
		copy[i] = h->cells[i] ^ h->cells[i - one];
	data_set_packed(o, "map", copy, one * h->nr);
	free(copy);
}

static void data_rows(json_t *o, const struct history *h)
{
	struct strbuf b = {0};
	uint32_t sample = 0;

	pack_u64(&b, h->nr_rows);
	for (size_t i = 0; i < h->nr_rows; i++) {
		const struct history_row *r = &h->rows[i];

		pack_u64(&b, r->sample - sample);
		pack_u64(&b, r->block);
		pack_u64(&b, r->len);
		strbuf_add(&b, h->row_text.s + r->at, r->len);
		sample = r->sample;
	}
	data_set_packed(o, "rows", b.s, b.len);
	strbuf_free(&b);
}

/* ---- call sites ---- */

struct data_site {
	uint32_t desc; /* one of it */
	struct engine_owner sum;
};

static int data_larger_site(const void *a, const void *b)
{
	const struct data_site *x = a, *y = b;

	if (x->sum.max_live_bytes != y->sum.max_live_bytes)
		return x->sum.max_live_bytes < y->sum.max_live_bytes ? 1 : -1;
	return x->desc < y->desc ? -1 : x->desc > y->desc;
}

/* What belongs together: a site, or without one the flags; the cache; the kind of event. */
static uint64_t data_site_key(const struct trace_desc *d)
{
	uint64_t key = d->site != 0 ? (uint64_t)d->site << 30 : (uint64_t)d->gfp << 30 | 1u << 28;

	return (key ^ (uint64_t)d->cache << 4 ^ d->type) + 1;
}

static struct data_site *data_sites_of(const struct history *h, size_t *nr)
{
	struct data_site *sites = NULL;
	struct idmap by_key;
	size_t cap = 0;
	uint32_t nr_descs = 0;
	const struct engine_owner *owners = NULL;

	if (h->engine != NULL)
		owners = engine_owners(h->engine, &nr_descs);
	idmap_init(&by_key);
	*nr = 0;
	for (uint32_t i = 0; owners != NULL && i < nr_descs; i++) {
		struct idmap_slot *s;
		struct engine_owner *sum;

		if (owners[i].allocs == 0)
			continue;
		s = idmap_add(&by_key, data_site_key(&h->trace->descs[i]));
		if (s == NULL)
			break;
		if (s->value == 0) {
			if (*nr == cap) {
				cap = cap > 0 ? cap * 2 : 256;
				sites = xrealloc(sites, cap, sizeof(*sites));
			}
			memset(&sites[*nr], 0, sizeof(*sites));
			sites[*nr].desc = i;
			s->value = ++*nr;
		}
		sum = &sites[s->value - 1].sum;
		sum->allocs += owners[i].allocs;
		sum->frees += owners[i].frees;
		sum->live += owners[i].live;
		sum->live_bytes += owners[i].live_bytes;
		sum->max_live_bytes += owners[i].max_live_bytes;
	}
	idmap_free(&by_key);
	if (*nr > 1)
		qsort(sites, *nr, sizeof(*sites), data_larger_site);
	return sites;
}

static json_t *data_sites(const struct history *h, size_t *nr)
{
	struct data_site *sites = data_sites_of(h, nr);
	char gfp[GFP_TEXT_MAX];
	json_t *a = json_array();

	for (size_t i = 0; i < *nr && i < DATA_MAX_SITES; i++) {
		const struct trace_desc *d = &h->trace->descs[sites[i].desc];
		const struct engine_owner *s = &sites[i].sum;
		const char *site = trace_name(&h->trace->sites, d->site);
		json_t *o = json_object();

		json_object_set_new(o, "site",
				    data_string(site[0] != '\0' ? site : gfp_to_text(d->gfp, gfp)));
		json_object_set_new(o, "cache",
				    data_string(trace_name(&h->trace->caches, d->cache)));
		json_object_set_new(o, "event",
				    json_string(trace_type_name((enum trace_type)d->type)));
		json_object_set_new(o, "allocs", data_u64(s->allocs));
		json_object_set_new(o, "frees", data_u64(s->frees));
		json_object_set_new(o, "live", data_u64(s->live));
		json_object_set_new(o, "live_bytes", data_u64(s->live_bytes));
		json_object_set_new(o, "max_live_bytes", data_u64(s->max_live_bytes));
		json_array_append_new(a, o);
	}
	free(sites);
	return a;
}

json_t *report_data(const struct history *h, const struct report *r)
{
	json_t *o = json_object(), *replay = data_replay(r);
	size_t nr_sites;

	if (o == NULL || replay == NULL)
		return NULL;
	json_object_set_new(o, "replay", replay);
	json_object_set_new(o, "samples", data_u64(h->nr));
	json_object_set_new(o, "columns", data_columns());
	json_object_set_new(o, "zones", data_zones(h));
	json_object_set_new(o, "caches", data_caches(h));
	json_object_set_new(o, "owners", data_owners(h));
	json_object_set_new(o, "spans", data_spans(h));
	json_object_set_new(o, "cell_shift", data_u64(h->cell_shift));
	json_object_set_new(o, "cells", data_u64(h->nr_cells));
	json_object_set_new(o, "row_every", data_u64(h->row_every));
	json_object_set_new(o, "sites", data_sites(h, &nr_sites));
	json_object_set_new(o, "nr_sites", data_u64(nr_sites));
	data_series(o, h);
	data_cells(o, h);
	data_rows(o, h);
	return o;
}
