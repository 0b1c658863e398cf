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
 * Bounds	A section is at most KMT_MAX_SECTION bytes (META: KMT_MAX_META), a block KMT_MAX_BLOCK
 *		events, a varint 10 bytes; counts are checked against the bytes that must follow.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <kmt.h>

#define KMT_MAX_SECTION ((uint64_t)64 << 20)
#define KMT_MAX_META ((uint64_t)4 << 20)
#define KMT_MAX_BLOCK 65536u
#define KMT_HISTORY_MAX ((uint64_t)1 << 25)
#define KMT_COLUMNS 6
#define KMT_TYPES 13u /* the highest type */

enum kmt_column { KMT_DT, KMT_CPU, KMT_DESC, KMT_TASK, KMT_REF, KMT_RAW };

static const char *const kmt_column_names[KMT_COLUMNS] = {
	"time", "cpu", "descriptor", "task", "ref", "address",
};

struct kmt_cursor {
	const unsigned char *p, *end;
};

/* All addresses of one kind so far; number i is at [i % cap]. */
struct kmt_history {
	uint64_t *at;
	uint64_t nr, cap;
	uint64_t last_raw;
};

struct kmt {
	struct gfp_table gfp;
	uint64_t nr_tasks;
	bool have_meta, have_site, have_cache, have_task, have_desc, ended;
	/* the block at hand */
	struct kmt_cursor column[KMT_COLUMNS];
	const unsigned char *block;
	uint64_t block_offset; /* of its first byte in the stream */
	size_t block_len;
	uint64_t missing; /* bytes of it that the file lacks */
	uint32_t left;    /* events not decoded yet */
	uint64_t time_ns;
	struct kmt_history history[2]; /* objects, pages */
};

/* Read a varint; false at the end of the bytes or if it is longer than 64 bits. */
static inline bool kmt_varint(struct kmt_cursor *c, uint64_t *out)
{
	const unsigned char *p = c->p;
	uint64_t value = 0;

	if (p < c->end && *p < 0x80) {
		*out = *p;
		c->p = p + 1;
		return true;
	}
	for (unsigned int shift = 0; p < c->end && shift < 64; shift += 7, p++) {
		uint64_t bits = *p & 0x7fu;

		if (shift == 63 && bits > 1)
			return false;
		value |= bits << shift;
		if (*p < 0x80) {
			*out = value;
			c->p = p + 1;
			return true;
		}
	}
	return false;
}

static inline int64_t kmt_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static uint64_t kmt_at(const struct kmt *k, const unsigned char *p)
{
	return k->block_offset + (uint64_t)(p - k->block);
}

/* ---- tables ---- */

static char *kmt_json_string(const json_t *meta, const char *key)
{
	const char *s = json_string_value(json_object_get(meta, key));
	char *copy;

	if (s == NULL)
		return NULL;
	copy = xstrdup(s);
	for (char *c = copy; *c != '\0'; c++) {
		if ((unsigned char)*c < 32 || *c == 127)
			*c = '?';
	}
	return copy;
}

static uint64_t kmt_json_count(const json_t *meta, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(meta, key));

	return n > 0 ? (uint64_t)n : 0;
}

static void kmt_meta(struct trace *t, struct kmt *k, struct kmt_cursor *c)
{
	json_error_t error;
	json_t *meta, *names, *pair;
	size_t i;

	meta = json_loadb((const char *)c->p, (size_t)(c->end - c->p), JSON_REJECT_DUPLICATES,
			  &error);
	if (meta == NULL || !json_is_object(meta)) {
		trace_damage(t, kmt_at(k, c->p), "section META is no JSON object: %s",
			     meta == NULL ? error.text : "wrong type");
		json_decref(meta);
		return;
	}
	t->name = kmt_json_string(meta, "name");
	t->description = kmt_json_string(meta, "description");
	t->kernel = kmt_json_string(meta, "kernel");
	t->machine = kmt_json_string(meta, "machine");
	t->lost_events = kmt_json_count(meta, "lost_events");
	t->declared_events = kmt_json_count(meta, "events_in_file");
	t->cpus = (unsigned int)(kmt_json_count(meta, "cpus") & 0xffff);
	if (kmt_json_count(meta, "cpus_online") > 0)
		t->cpus = (unsigned int)(kmt_json_count(meta, "cpus_online") & 0xffff);
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
static void kmt_names(struct trace *t, struct kmt *k, struct kmt_cursor *c,
		      struct trace_names *names)
{
	uint64_t n, len;

	names->nr = 0;
	names->len = 0;
	if (!kmt_varint(c, &n) || n > (uint64_t)(c->end - c->p))
		goto bad;
	while (n-- > 0) {
		if (!kmt_varint(c, &len) || len > (uint64_t)(c->end - c->p) ||
		    !trace_name_add(names, (const char *)c->p, (size_t)len))
			goto bad;
		c->p += len;
	}
	if (names->nr == 0)
		trace_name_add(names, "", 0);
	return;
bad:
	trace_damage(t, kmt_at(k, c->p), "a table of names goes beyond its section");
}

/* n times a class and a name: neither has a use yet, only the number of tasks. */
static void kmt_tasks(struct trace *t, struct kmt *k, struct kmt_cursor *c)
{
	uint64_t n, class, len;

	if (!kmt_varint(c, &n) || n > (uint64_t)(c->end - c->p))
		goto bad;
	k->nr_tasks = n;
	while (n-- > 0) {
		if (!kmt_varint(c, &class) || !kmt_varint(c, &len) ||
		    len > (uint64_t)(c->end - c->p))
			goto bad;
		c->p += len;
	}
	return;
bad:
	trace_damage(t, kmt_at(k, c->p), "the table of tasks goes beyond its section");
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
	int64_t v = kmt_unzigzag(zigzag);

	*out = (int8_t)v;
	return v >= -1 && v <= 127;
}

/* What is wrong with the descriptor, or NULL. */
static const char *kmt_desc(struct trace *t, struct kmt *k, struct kmt_cursor *c)
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
		if (!kmt_varint(c, &f[i]))
			return "the table of descriptors goes beyond its section";
	}
	node = kmt_unzigzag(f[KMT_F_NODE]);
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
	d->gfp = (gfp_t)f[KMT_F_GFP] & QUARRY_GFP_BITS;
	if (k->gfp.nr > 0)
		d->gfp = gfp_from_mask(&k->gfp, f[KMT_F_GFP], &unknown);
	t->unknown_gfp += unknown != 0;
	return NULL;
}

static void kmt_descs(struct trace *t, struct kmt *k, struct kmt_cursor *c)
{
	const char *bad = NULL;
	uint64_t n;

	if (!kmt_varint(c, &n) || n > (uint64_t)(c->end - c->p) / 12)
		bad = "the table of descriptors goes beyond its section";
	while (bad == NULL && n-- > 0)
		bad = kmt_desc(t, k, c);
	if (bad != NULL)
		trace_damage(t, kmt_at(k, c->p), "%s", bad);
}

/* ---- sections ---- */

/* Bytes of the block's start, its columns' lengths checked and @k ready to decode it. */
static void kmt_begin_block(struct trace *t, struct kmt *k, struct kmt_cursor *c)
{
	const unsigned char *end = c->end;
	uint64_t n, len[KMT_COLUMNS], sum = 0;

	if (!kmt_varint(c, &n) || n > KMT_MAX_BLOCK) {
		trace_damage(t, kmt_at(k, c->p), "section EVTS has no count of at most %u events",
			     KMT_MAX_BLOCK);
		return;
	}
	for (int i = 0; i < KMT_COLUMNS; i++) {
		if (!kmt_varint(c, &len[i]) || len[i] > KMT_MAX_SECTION) {
			trace_damage(t, kmt_at(k, c->p), "section EVTS has no length of column %d",
				     i);
			return;
		}
		sum += len[i];
	}
	if (sum != (uint64_t)(end - c->p) + k->missing) {
		trace_damage(t, kmt_at(k, c->p),
			     "the columns of section EVTS have %" PRIu64 " bytes, but %" PRIu64
			     " are there",
			     sum, (uint64_t)(end - c->p) + k->missing);
		return;
	}
	for (int i = 0; i < KMT_COLUMNS; i++) {
		uint64_t have = (uint64_t)(end - c->p);

		k->column[i].p = c->p;
		c->p += len[i] < have ? len[i] : have;
		k->column[i].end = c->p;
	}
	k->left = (uint32_t)n;
}

static bool kmt_once(struct trace *t, struct kmt *k, bool *have, const char *tag)
{
	if (*have)
		trace_damage(t, k->block_offset, "section %s comes twice", tag);
	*have = true;
	return !t->damaged;
}

/* One section, complete in the buffer at @c. */
static void kmt_section(struct trace *t, struct kmt *k, const char *tag, struct kmt_cursor *c)
{
	if (memcmp(tag, "EVTS", 4) == 0) {
		if (!k->have_desc || !k->have_task)
			trace_damage(t, k->block_offset, "section EVTS comes before DESC and TASK");
		else
			kmt_begin_block(t, k, c);
		return;
	}
	if (memcmp(tag, "END.", 4) == 0) {
		k->ended = true;
	} else if (memcmp(tag, "META", 4) == 0) {
		if (kmt_once(t, k, &k->have_meta, "META"))
			kmt_meta(t, k, c);
	} else if (memcmp(tag, "SITE", 4) == 0) {
		if (kmt_once(t, k, &k->have_site, "SITE"))
			kmt_names(t, k, c, &t->sites);
	} else if (memcmp(tag, "CACH", 4) == 0) {
		if (kmt_once(t, k, &k->have_cache, "CACH"))
			kmt_names(t, k, c, &t->caches);
	} else if (memcmp(tag, "TASK", 4) == 0) {
		if (kmt_once(t, k, &k->have_task, "TASK"))
			kmt_tasks(t, k, c);
	} else if (memcmp(tag, "DESC", 4) == 0) {
		if (kmt_once(t, k, &k->have_desc, "DESC"))
			kmt_descs(t, k, c);
	}
	if (!t->damaged && c->p != c->end)
		trace_damage(t, kmt_at(k, c->p), "%td bytes are left over in section %.4s",
			     c->end - c->p, tag);
}

static bool kmt_known_tag(const char *tag)
{
	static const char known[] = "META SITE CACH TASK DESC EVTS END.";

	for (size_t i = 0; i < sizeof(known); i += 5) {
		if (memcmp(known + i, tag, 4) == 0)
			return true;
	}
	return false;
}

static void kmt_cut(struct trace *t, const char *where)
{
	uint64_t at = input_offset(&t->in) + (uint64_t)(t->in.end - t->in.p);

	if (t->in.failed)
		trace_damage(t, at, "%s", t->in.error);
	else
		trace_damage(t, at, "the file ends in %s", where);
}

/* Drop @len bytes of the input. */
static bool kmt_skip(struct trace *t, uint64_t len)
{
	while (len > 0) {
		size_t n = input_fill(&t->in, 1);

		if (n == 0)
			return false;
		if (n > len)
			n = (size_t)len;
		t->in.p += n;
		len -= n;
	}
	return true;
}

/* Read the next section; for EVTS the block stays in the buffer. */
static void kmt_next_section(struct trace *t, struct kmt *k)
{
	struct input *in = &t->in;
	struct kmt_cursor c;
	char tag[5] = {0}, where[32];
	uint64_t len = 0, limit;
	size_t have;

	if (input_fill(in, 12) < 12) {
		kmt_cut(t, in->end == in->p ? "the middle: section END. is missing"
					    : "the head of a section");
		return;
	}
	k->block_offset = input_offset(in);
	memcpy(tag, in->p, 4);
	for (int i = 0; i < 8; i++)
		len |= (uint64_t)in->p[4 + i] << (8 * i);
	for (int i = 0; i < 4; i++) {
		if (tag[i] < 32 || tag[i] > 126) {
			trace_damage(t, k->block_offset, "expected the tag of a section");
			return;
		}
	}
	snprintf(where, sizeof(where), "section %s", tag);
	limit = memcmp(tag, "META", 4) == 0 ? KMT_MAX_META : KMT_MAX_SECTION;
	if (kmt_known_tag(tag) && len > limit) {
		trace_damage(t, k->block_offset,
			     "section %s claims %" PRIu64 " bytes, at most %" PRIu64 " are allowed",
			     tag, len, limit);
		return;
	}
	in->p += 12;
	if (!kmt_known_tag(tag)) {
		diag_warn(t->diag, t->path, 0, "byte %" PRIu64 ": unknown section %s is skipped",
			  k->block_offset, tag);
		if (!kmt_skip(t, len))
			kmt_cut(t, where);
		return;
	}
	have = input_fill(in, (size_t)len);
	k->missing = have < len ? len - have : 0;
	if (k->missing > 0 && memcmp(tag, "EVTS", 4) != 0) {
		kmt_cut(t, where);
		return;
	}
	k->block = c.p = in->p;
	k->block_offset = input_offset(in);
	k->block_len = (size_t)(len - k->missing);
	c.end = in->p + k->block_len;
	kmt_section(t, k, tag, &c);
	if (t->damaged && k->missing > 0)
		k->left = 0;
	if (k->left == 0)
		in->p += k->block_len;
	if (k->ended && input_fill(in, 1) > 0)
		diag_warn(t->diag, t->path, 0, "byte %" PRIu64 ": more follows the end; ignored",
			  input_offset(in));
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

/* Times, CPUs, descriptors and tasks of the next r->good events; r->good shrinks at damage. */
static void kmt_plain_columns(struct trace *t, struct kmt *k, struct kmt_result *r)
{
	struct trace_event *e = t->batch;
	uint64_t time_ns = k->time_ns, v;

	for (size_t i = 0; i < r->good; i++) {
		if (!kmt_varint(&k->column[KMT_DT], &v)) {
			kmt_stop(r, i, KMT_DT, k->column[KMT_DT].p);
			break;
		}
		time_ns += v;
		e[i].time_ns = time_ns;
	}
	for (size_t i = 0; i < r->good; i++) {
		const unsigned char *at = k->column[KMT_CPU].p;

		if (!kmt_varint(&k->column[KMT_CPU], &v) || v >> 2 > UINT16_MAX) {
			kmt_stop(r, i, KMT_CPU, at);
			break;
		}
		e[i].cpu = (uint16_t)(v >> 2);
		e[i].context = (uint8_t)(v & 3);
	}
	for (size_t i = 0; i < r->good; i++) {
		const unsigned char *at = k->column[KMT_DESC].p;

		if (!kmt_varint(&k->column[KMT_DESC], &v) || v >= t->nr_descs) {
			kmt_stop(r, i, KMT_DESC, at);
			break;
		}
		e[i].desc = (uint32_t)v;
		e[i].type = t->descs[v].type;
	}
	for (size_t i = 0; i < r->good; i++) {
		const unsigned char *at = k->column[KMT_TASK].p;

		if (!kmt_varint(&k->column[KMT_TASK], &v) || v >= k->nr_tasks) {
			kmt_stop(r, i, KMT_TASK, at);
			break;
		}
	}
}

static void kmt_history_grow(struct kmt_history *h)
{
	h->cap = h->cap > 0 ? h->cap * 2 : 65536;
	h->at = xrealloc(h->at, h->cap, sizeof(h->at[0]));
}

static inline void kmt_history_add(struct kmt_history *h, uint64_t addr)
{
	if (h->nr == h->cap && h->cap < KMT_HISTORY_MAX)
		kmt_history_grow(h);
	h->at[h->nr & (h->cap - 1)] = addr;
	h->nr++;
}

/* Addresses, from the columns ref and raw. */
static void kmt_addresses(struct trace *t, struct kmt *k, struct kmt_result *r)
{
	struct kmt_cursor ref = k->column[KMT_REF], raw = k->column[KMT_RAW];

	for (size_t i = 0; i < r->good; i++) {
		struct trace_event *e = &t->batch[i];
		struct kmt_history *h = &k->history[trace_type_is_page(e->type)];
		uint64_t back = 0, v;

		if (e->type == TRACE_SNAPSHOT) {
			if (!kmt_varint(&raw, &e->addr)) {
				kmt_stop(r, i, KMT_RAW, raw.p);
				break;
			}
			continue;
		}
		k->column[KMT_REF].p = ref.p;
		if (!kmt_varint(&ref, &back) || back > h->nr || back > KMT_HISTORY_MAX) {
			kmt_stop(r, i, KMT_REF, k->column[KMT_REF].p);
			break;
		}
		if (back == 0) {
			if (!kmt_varint(&raw, &v)) {
				kmt_stop(r, i, KMT_RAW, raw.p);
				break;
			}
			h->last_raw += (uint64_t)kmt_unzigzag(v);
			e->addr = h->last_raw;
		} else {
			e->addr = h->at[(h->nr - back) & (h->cap - 1)];
		}
		kmt_history_add(h, e->addr);
	}
	k->column[KMT_REF] = ref;
	k->column[KMT_RAW] = raw;
}

/* The block is decoded: nothing may be left over. */
static void kmt_end_block(struct trace *t, struct kmt *k)
{
	for (int i = 0; i < KMT_COLUMNS; i++) {
		if (k->column[i].p != k->column[i].end) {
			trace_damage(t, kmt_at(k, k->column[i].p),
				     "%td bytes are left over in column %s of section EVTS",
				     k->column[i].end - k->column[i].p, kmt_column_names[i]);
			break;
		}
	}
	if (k->missing > 0)
		kmt_cut(t, "section EVTS");
	t->in.p += k->block_len;
}

static void kmt_bad_event(struct trace *t, struct kmt *k, const struct kmt_result *r)
{
	if (k->missing > 0) {
		kmt_cut(t, "section EVTS");
		return;
	}
	trace_damage(t, kmt_at(k, r->at), "column %s of section EVTS is damaged or too short",
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
	kmt_plain_columns(t, k, &r);
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

	free(k->history[0].at);
	free(k->history[1].at);
	free(k);
	t->reader = NULL;
}
