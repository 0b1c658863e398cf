/* SPDX-License-Identifier: MIT */
/*
 * The reader of KMT1.
 *
 * Problem	Turn the columns of the format into events, fast, without trusting a byte of them.
 *
 * Life cycle	kmt_open() reads the tables, up to the first block of events. kmt_next() decodes up to
 *		TRACE_BATCH events of the block at hand, so that what it writes stays in the cache; a
 *		block stays in the input's buffer until its last event is decoded.
 *
 * Columns	Each is decoded by its own loop, and each loop ends at its column's end: event i is good
 *		if all columns could be read up to i. So a damaged or cut block gives the events before
 *		the damage, and the place of the first bad byte.
 *
 * Addresses	An address is mostly "the k-th last of its kind". Everything is kept, up to
 *		KMT_HISTORY_MAX of a kind; what lies further back is damage, as no writer goes there.
 *
 * Bounds	A section is at most SECTION_MAX bytes (META: SECTION_MAX_META), a block SECTION_MAX_BLOCK
 *		events, a varint 10 bytes; counts are checked against the bytes that must follow.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <kmt.h>
#include <section.h>
#include <trace_keep.h>

#define KMT_HISTORY_MAX ((uint64_t)1 << 25)
#define KMT_COLUMNS 6
#define KMT_TYPES 13u /* the highest type */

enum kmt_column { KMT_DT, KMT_CPU, KMT_DESC, KMT_TASK, KMT_REF, KMT_RAW };

static const char *const kmt_column_names[KMT_COLUMNS] = {
	"time", "cpu", "descriptor", "task", "ref", "address",
};

/* All addresses of one kind so far; number i is at [i & mask]. */
struct kmt_history {
	uint64_t *at;
	uint64_t nr, mask;
	uint64_t last_raw;
};

struct kmt {
	struct gfp_table gfp;
	uint64_t nr_tasks;
	bool have_meta, have_site, have_cache, have_task, have_desc, ended;
	/* the block at hand */
	struct varint_cursor column[KMT_COLUMNS];
	struct section section;
	uint8_t *types; /* of each descriptor */
	uint32_t left;  /* events not decoded yet */
	uint64_t time_ns;
	struct kmt_history history[2]; /* objects, pages */
};

/* ---- tables ---- */

static void kmt_meta(struct trace *t, struct kmt *k, struct varint_cursor *c)
{
	json_error_t error;
	json_t *meta, *names, *pair;
	size_t i;

	meta = json_loadb((const char *)c->p, (size_t)(c->end - c->p), JSON_REJECT_DUPLICATES,
			  &error);
	if (meta == NULL || !json_is_object(meta)) {
		trace_damage(t, section_offset(&k->section, c->p),
			     "section META is no JSON object: %s",
			     meta == NULL ? error.text : "wrong type");
		json_decref(meta);
		return;
	}
	if (t->keep != NULL) {
		t->keep->meta_len = (size_t)(c->end - c->p);
		t->keep->meta = xstrndup((const char *)c->p, t->keep->meta_len);
	}
	t->name = section_json_string(meta, "name");
	t->description = section_json_string(meta, "description");
	t->kernel = section_json_string(meta, "kernel");
	t->machine = section_json_string(meta, "machine");
	t->lost_events = section_json_count(meta, "lost_events");
	/* quarry convert adds no frees that the text does not tell. */
	t->implied_known = json_object_get(meta, "converted_from") == NULL;
	t->declared_events = section_json_count(meta, "events_in_file");
	t->cpus = (unsigned int)(section_json_count(meta, "cpus") & 0xffff);
	if (section_json_count(meta, "cpus_online") > 0)
		t->cpus = (unsigned int)(section_json_count(meta, "cpus_online") & 0xffff);
	names = json_object_get(meta, "gfp_names");
	json_array_foreach(names, i, pair)
	{
		const char *name = json_string_value(json_array_get(pair, 1));
		json_int_t mask = json_integer_value(json_array_get(pair, 0));

		if (name == NULL || mask <= 0 || !gfp_table_add(&k->gfp, (uint64_t)mask, name))
			diag_warn(t->diag, t->path, 0, "flag name %s is not known and is ignored",
				  name != NULL ? name : "(none)");
	}
	json_decref(meta);
	c->p = c->end;
}

/* n strings. */
static void kmt_names(struct trace *t, struct kmt *k, struct varint_cursor *c,
		      struct trace_names *names)
{
	uint64_t n, len;

	names->nr = 0;
	names->len = 0;
	if (!varint_read(c, &n) || n > (uint64_t)(c->end - c->p))
		goto bad;
	while (n-- > 0) {
		if (!varint_read(c, &len) || len > (uint64_t)(c->end - c->p) ||
		    !trace_name_add(names, (const char *)c->p, (size_t)len))
			goto bad;
		c->p += len;
	}
	if (names->nr == 0)
		trace_name_add(names, "", 0);
	return;
bad:
	trace_damage(t, section_offset(&k->section, c->p),
		     "a table of names goes beyond its section");
}

static bool kmt_keep_task(struct trace_keep *keep, uint64_t class, const unsigned char *name,
			  uint64_t len)
{
	keep->task_class[keep->tasks.names.nr] = (uint8_t) class;
	return class <= UINT8_MAX &&
	       trace_name_add(&keep->tasks.names, (const char *)name, (size_t)len);
}

/* n times a class and a name: neither has a use yet, only the number of tasks. */
static void kmt_tasks(struct trace *t, struct kmt *k, struct varint_cursor *c)
{
	uint64_t n, class, len;

	if (!varint_read(c, &n) || n > (uint64_t)(c->end - c->p))
		goto bad;
	k->nr_tasks = n;
	if (t->keep != NULL) {
		t->keep->tasks.names.nr = 0;
		t->keep->tasks.names.len = 0;
		t->keep->task_class = xcalloc((size_t)n + 1, 1);
	}
	while (n-- > 0) {
		if (!varint_read(c, &class) || !varint_read(c, &len) ||
		    len > (uint64_t)(c->end - c->p))
			goto bad;
		if (t->keep != NULL && !kmt_keep_task(t->keep, class, c->p, len))
			goto bad;
		c->p += len;
	}
	return;
bad:
	trace_damage(t, section_offset(&k->section, c->p),
		     "the table of tasks goes beyond its section");
}

/* The numbers of a descriptor, in the order of the format. */
enum kmt_field {
	KMT_F_SITE,
	KMT_F_CACHE,
	KMT_F_REQ,
	KMT_F_ALLOC,
	KMT_F_GFP,
	KMT_F_NODE,
	KMT_F_ORDER,
	KMT_F_MT,
	KMT_F_FB_ORDER,
	KMT_F_FB_MT,
	KMT_NR_FIELDS
};

static bool kmt_small(uint64_t zigzag, int8_t *out)
{
	int64_t v = varint_unzigzag(zigzag);

	*out = (int8_t)v;
	return v >= -1 && v <= 127;
}

/* What is wrong with the descriptor, or NULL. */
static const char *kmt_desc(struct trace *t, struct kmt *k, struct varint_cursor *c)
{
	struct trace_desc *d;
	uint64_t f[KMT_NR_FIELDS], unknown = 0;
	int64_t node;

	if (c->end - c->p < 2)
		return "the table of descriptors goes beyond its section";
	d = trace_desc_add(t);
	if (d == NULL)
		return "too many descriptors";
	d->type = *c->p++;
	d->flags =
		*c->p++ & (TRACE_F_ACCOUNTED | TRACE_F_OWNERSHIP | TRACE_F_PERCPU | TRACE_F_FAILED);
	for (int i = 0; i < KMT_NR_FIELDS; i++) {
		if (!varint_read(c, &f[i]))
			return "the table of descriptors goes beyond its section";
	}
	node = varint_unzigzag(f[KMT_F_NODE]);
	if (d->type == TRACE_NONE || d->type > KMT_TYPES)
		return "a descriptor has an unknown event type";
	if (f[KMT_F_SITE] >= t->sites.nr || f[KMT_F_CACHE] >= t->caches.nr)
		return "a descriptor names a call site or a cache that is not there";
	if (f[KMT_F_ORDER] > 63 || node < -1 || node > 65535 ||
	    !kmt_small(f[KMT_F_MT], &d->migratetype) ||
	    !kmt_small(f[KMT_F_FB_ORDER], &d->fallback_order) ||
	    !kmt_small(f[KMT_F_FB_MT], &d->fallback_migratetype))
		return "a descriptor has an order, node or migratetype out of range";
	d->site = (uint32_t)f[KMT_F_SITE];
	d->cache = (uint32_t)f[KMT_F_CACHE];
	d->bytes_req = f[KMT_F_REQ];
	d->bytes_alloc = f[KMT_F_ALLOC];
	d->node = (int32_t)node;
	d->order = (uint8_t)f[KMT_F_ORDER];
	d->raw_gfp = f[KMT_F_GFP];
	d->gfp = (gfp_t)f[KMT_F_GFP] & QUARRY_GFP_BITS;
	if (k->gfp.nr > 0)
		d->gfp = gfp_from_mask(&k->gfp, f[KMT_F_GFP], &unknown);
	t->unknown_gfp += unknown != 0;
	return NULL;
}

static void kmt_descs(struct trace *t, struct kmt *k, struct varint_cursor *c)
{
	const char *bad = NULL;
	uint64_t n;

	if (!varint_read(c, &n) || n > (uint64_t)(c->end - c->p) / 12)
		bad = "the table of descriptors goes beyond its section";
	while (bad == NULL && n-- > 0)
		bad = kmt_desc(t, k, c);
	k->types = xrealloc(k->types, t->nr_descs + 1, 1);
	for (uint32_t i = 0; i < t->nr_descs; i++)
		k->types[i] = t->descs[i].type;
	if (bad != NULL)
		trace_damage(t, section_offset(&k->section, c->p), "%s", bad);
}

/* ---- sections ---- */

/* TEXT is the text that a recording was converted from: quarry convert. */
static const char kmt_tags[] = "METASITECACHTASKDESCEVTSTEXTEND.";

/* One section, complete in the buffer. */
static void kmt_section(struct trace *t, struct kmt *k)
{
	struct section *s = &k->section;
	const char *tag = s->tag;

	if (memcmp(tag, "EVTS", 4) == 0) {
		if (!k->have_desc || !k->have_task)
			trace_damage(t, s->offset, "section EVTS comes before DESC and TASK");
		else
			section_columns(t, s, KMT_COLUMNS, k->column, &k->left);
		return;
	}
	if (memcmp(tag, "END.", 4) == 0) {
		k->ended = true;
	} else if (memcmp(tag, "META", 4) == 0) {
		if (section_once(t, s, &k->have_meta))
			kmt_meta(t, k, &s->c);
	} else if (memcmp(tag, "SITE", 4) == 0) {
		if (section_once(t, s, &k->have_site))
			kmt_names(t, k, &s->c, &t->sites);
	} else if (memcmp(tag, "CACH", 4) == 0) {
		if (section_once(t, s, &k->have_cache))
			kmt_names(t, k, &s->c, &t->caches);
	} else if (memcmp(tag, "TASK", 4) == 0) {
		if (section_once(t, s, &k->have_task))
			kmt_tasks(t, k, &s->c);
	} else if (memcmp(tag, "TEXT", 4) == 0) {
		if (t->keep != NULL)
			strbuf_add(&t->keep->text, (const char *)s->c.p,
				   (size_t)(s->c.end - s->c.p));
		s->c.p = s->c.end;
	} else if (memcmp(tag, "DESC", 4) == 0) {
		if (section_once(t, s, &k->have_desc))
			kmt_descs(t, k, &s->c);
	}
	if (!t->damaged && s->c.p != s->c.end)
		trace_damage(t, section_offset(s, s->c.p), "%td bytes are left over in section %s",
			     s->c.end - s->c.p, tag);
}

/* Read the next section; for EVTS the block stays in the buffer. */
static void kmt_next_section(struct trace *t, struct kmt *k)
{
	if (!section_next(t, kmt_tags, &k->section))
		return;
	kmt_section(t, k);
	if (t->damaged && k->section.missing > 0)
		k->left = 0;
	if (k->left == 0)
		section_done(t, &k->section);
	if (k->ended && input_fill(&t->in, 1) > 0)
		diag_warn(t->diag, t->path, 0, "byte %" PRIu64 ": more follows the end; ignored",
			  input_offset(&t->in));
}

void kmt_open(struct trace *t)
{
	struct kmt *k = xcalloc(1, sizeof(*k));

	t->reader = k;
	t->object_shift = 9;
	t->zero_size_addr = 2;
	t->implied_known = true;
	t->in.p += 8;
	while (!t->damaged && !k->ended && k->left == 0)
		kmt_next_section(t, k);
}

/* ---- events ---- */

/* What became of the column loops: how many events are good, and where the first bad byte is. */
struct kmt_result {
	size_t good;
	enum kmt_column column;
	const unsigned char *at;
};

static void kmt_stop(struct kmt_result *r, size_t i, enum kmt_column column,
		     const unsigned char *at)
{
	r->good = i;
	r->column = column;
	r->at = at;
}

/*
 * The loops over columns come in this form: several of the usual length at once, else one by one through
 * varint_read(), which also finds damage.
 */
static void kmt_times(struct trace *t, struct kmt *k, struct kmt_result *r)
{
	struct varint_cursor c = k->column[KMT_DT];
	struct trace_event *e = t->batch;
	const size_t n = r->good;
	uint64_t time_ns = k->time_ns, v;
	size_t i = 0;

	while (i < n) {
		if (i + 4 <= n && varint_read_four(&c, &v)) {
			e[i].time_ns = time_ns += v & 0xffff;
			e[i + 1].time_ns = time_ns += v >> 16 & 0xffff;
			e[i + 2].time_ns = time_ns += v >> 32 & 0xffff;
			e[i + 3].time_ns = time_ns += v >> 48;
			i += 4;
			continue;
		}
		if (!varint_read(&c, &v)) {
			kmt_stop(r, i, KMT_DT, c.p);
			break;
		}
		time_ns += v;
		e[i++].time_ns = time_ns;
	}
	k->column[KMT_DT] = c;
}

/* CPU and context of two events from the low bytes of @v. */
static inline void kmt_cpu_pair(struct trace_event *e, uint64_t v)
{
	e[0].cpu = v >> 2 & 63;
	e[0].context = v & 3;
	e[1].cpu = v >> 10 & 63;
	e[1].context = v >> 8 & 3;
}

static void kmt_cpus(struct trace *t, struct kmt *k, struct kmt_result *r)
{
	struct varint_cursor c = k->column[KMT_CPU];
	struct trace_event *e = t->batch;
	const size_t n = r->good;
	uint64_t v;
	size_t i = 0;

	while (i < n) {
		const unsigned char *at = c.p;

		if (i + 8 <= n && varint_read_eight(&c, 0, &v)) {
			kmt_cpu_pair(&e[i], v);
			kmt_cpu_pair(&e[i + 2], v >> 16);
			kmt_cpu_pair(&e[i + 4], v >> 32);
			kmt_cpu_pair(&e[i + 6], v >> 48);
			i += 8;
			continue;
		}
		if (!varint_read(&c, &v) || v >> 2 > UINT16_MAX) {
			kmt_stop(r, i, KMT_CPU, at);
			break;
		}
		e[i].cpu = (uint16_t)(v >> 2);
		e[i++].context = (uint8_t)(v & 3);
	}
	k->column[KMT_CPU] = c;
}

static inline void kmt_desc_pair(struct trace_event *e, const uint8_t *types, uint64_t v)
{
	e[0].desc = v & 0xff;
	e[0].type = types[v & 0xff];
	e[1].desc = v >> 8 & 0xff;
	e[1].type = types[v >> 8 & 0xff];
}

static void kmt_descriptors(struct trace *t, struct kmt *k, struct kmt_result *r)
{
	struct varint_cursor c = k->column[KMT_DESC];
	struct trace_event *e = t->batch;
	const uint8_t *types = k->types;
	const uint64_t bias = varint_bias(t->nr_descs);
	const size_t n = r->good;
	uint64_t v;
	size_t i = 0;

	while (i < n) {
		const unsigned char *at = c.p;

		if (i + 8 <= n && varint_read_eight(&c, bias, &v)) {
			kmt_desc_pair(&e[i], types, v);
			kmt_desc_pair(&e[i + 2], types, v >> 16);
			kmt_desc_pair(&e[i + 4], types, v >> 32);
			kmt_desc_pair(&e[i + 6], types, v >> 48);
			i += 8;
			continue;
		}
		if (!varint_read(&c, &v) || v >= t->nr_descs) {
			kmt_stop(r, i, KMT_DESC, at);
			break;
		}
		e[i].desc = (uint32_t)v;
		e[i++].type = types[v];
	}
	k->column[KMT_DESC] = c;
}

/* Who it was is only asked by those who convert. */
static void kmt_which_tasks(struct trace *t, struct kmt *k, struct kmt_result *r)
{
	struct varint_cursor c = k->column[KMT_TASK];
	const uint64_t bias = varint_bias(k->nr_tasks);
	const size_t n = r->good;
	uint64_t v;
	size_t i = 0;

	while (i < n) {
		const unsigned char *at = c.p;

		if (t->batch_task == NULL && i + 8 <= n && varint_read_eight(&c, bias, &v)) {
			i += 8;
			continue;
		}
		if (!varint_read(&c, &v) || v >= k->nr_tasks) {
			kmt_stop(r, i, KMT_TASK, at);
			break;
		}
		if (t->batch_task != NULL)
			t->batch_task[i] = (uint32_t)v;
		i++;
	}
	k->column[KMT_TASK] = c;
}

/* Room for @n addresses more, of which the oldest are forgotten at KMT_HISTORY_MAX. */
static void kmt_history_reserve(struct kmt_history *h, size_t n)
{
	while ((h->at == NULL || h->nr + n > h->mask) && h->mask < KMT_HISTORY_MAX - 1) {
		h->mask = h->at != NULL ? h->mask * 2 + 1 : 65535;
		h->at = xrealloc(h->at, h->mask + 1, sizeof(h->at[0]));
	}
}

/* The next number of column raw; false: damaged. */
static bool kmt_raw(struct varint_cursor *raw, struct kmt_result *r, size_t i, uint64_t *v)
{
	if (varint_read(raw, v))
		return true;
	kmt_stop(r, i, KMT_RAW, raw->p);
	return false;
}

/* Addresses, from the columns ref and raw. Copies on the stack are not read again at each store. */
static void kmt_addresses(struct trace *t, struct kmt *k, struct kmt_result *r)
{
	struct varint_cursor ref = k->column[KMT_REF], raw = k->column[KMT_RAW];
	struct kmt_history history[2];
	const size_t n = r->good;
	uint64_t v;

	kmt_history_reserve(&k->history[0], n);
	kmt_history_reserve(&k->history[1], n);
	memcpy(history, k->history, sizeof(history));
	for (size_t i = 0; i < n; i++) {
		struct trace_event *e = &t->batch[i];
		struct kmt_history *h = &history[trace_type_is_page(e->type)];
		const unsigned char *at = ref.p;
		uint64_t back, addr;

		if (__builtin_expect(e->type == TRACE_SNAPSHOT, 0)) {
			if (!kmt_raw(&raw, r, i, &e->addr))
				break;
			continue;
		}
		if (!varint_read_short(&ref, &back) || back > h->nr || back > KMT_HISTORY_MAX) {
			kmt_stop(r, i, KMT_REF, at);
			break;
		}
		if (back == 0) {
			if (!kmt_raw(&raw, r, i, &v))
				break;
			h->last_raw += (uint64_t)varint_unzigzag(v);
			addr = h->last_raw;
		} else {
			addr = h->at[(h->nr - back) & h->mask];
		}
		e->addr = addr;
		h->at[h->nr++ & h->mask] = addr;
	}
	memcpy(k->history, history, sizeof(history));
	k->column[KMT_REF] = ref;
	k->column[KMT_RAW] = raw;
}

/* The block is decoded: nothing may be left over. */
static void kmt_end_block(struct trace *t, struct kmt *k)
{
	for (int i = 0; i < KMT_COLUMNS; i++) {
		if (k->column[i].p != k->column[i].end) {
			trace_damage(t, section_offset(&k->section, k->column[i].p),
				     "%td bytes are left over in column %s of section EVTS",
				     k->column[i].end - k->column[i].p, kmt_column_names[i]);
			break;
		}
	}
	if (k->section.missing > 0)
		section_cut(t, "section EVTS");
	section_done(t, &k->section);
}

static void kmt_bad_event(struct trace *t, struct kmt *k, const struct kmt_result *r)
{
	if (k->section.missing > 0) {
		section_cut(t, "section EVTS");
		return;
	}
	trace_damage(t, section_offset(&k->section, r->at),
		     "column %s of section EVTS is damaged or too short",
		     kmt_column_names[r->column]);
}

size_t kmt_next(struct trace *t)
{
	struct kmt *k = t->reader;
	struct kmt_result r;
	size_t want;

	while (k->left == 0) {
		if (t->damaged || k->ended)
			return 0;
		kmt_next_section(t, k);
	}
	if (t->damaged)
		return 0;
	want = k->left < TRACE_BATCH ? k->left : TRACE_BATCH;
	kmt_stop(&r, want, KMT_DT, NULL);
	kmt_times(t, k, &r);
	kmt_cpus(t, k, &r);
	kmt_descriptors(t, k, &r);
	kmt_which_tasks(t, k, &r);
	kmt_addresses(t, k, &r);
	if (r.good < want) {
		k->left = 0;
		kmt_bad_event(t, k, &r);
		return r.good;
	}
	k->time_ns = t->batch[want - 1].time_ns;
	k->left -= (uint32_t)want;
	if (k->left == 0)
		kmt_end_block(t, k);
	return r.good;
}

void kmt_close(struct trace *t)
{
	struct kmt *k = t->reader;

	free(k->types);
	free(k->history[0].at);
	free(k->history[1].at);
	free(k);
	t->reader = NULL;
}
