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
 * Columns	Some events at once, with no look at lengths and ends; if that shows to have been wrong, the same one
 *		by one. So a damaged or cut block gives the events before the damage, and the place of the
 *		first bad byte.
 *
 * Addresses	An address is mostly "the k-th last of its kind": kmt_history.h.
 *
 * Bounds	A section is at most SECTION_MAX bytes (META: SECTION_MAX_META), a block SECTION_MAX_BLOCK
 *		events, a varint 10 bytes; counts are checked against the bytes that must follow.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <kmt.h>
#include <kmt_history.h>
#include <section.h>
#include <trace_keep.h>

#define KMT_COLUMNS 6
#define KMT_AT_ONCE 8 /* events; with INPUT_SLACK, no column is read beyond the buffer */
#define KMT_TYPES 13u /* the highest type */
#define KMT_TYPE_MASK 15u
#define KMT_TYPE_SNAPSHOT 64u
#define KMT_TYPE_PAGE_SHIFT 7

enum kmt_column { KMT_DT, KMT_CPU, KMT_DESC, KMT_TASK, KMT_REF, KMT_RAW };

static const char *const kmt_column_names[KMT_COLUMNS] = {
	"time", "cpu", "descriptor", "task", "ref", "address",
};

struct kmt {
	struct gfp_table gfp;
	uint64_t nr_tasks;
	bool have_meta, have_site, have_cache, have_task, have_desc, ended;
	/* the block at hand */
	struct varint_cursor column[KMT_COLUMNS];
	struct section section;
	uint8_t *types; /* of each descriptor, and KMT_TYPE_* */
	uint32_t left;  /* events not decoded yet */
	bool gather;    /* varint_can_gather() */
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
		k->types[i] =
			(uint8_t)(t->descs[i].type |
				  (t->descs[i].type == TRACE_SNAPSHOT ? KMT_TYPE_SNAPSHOT : 0) |
				  (unsigned int)trace_type_is_page(t->descs[i].type)
					  << KMT_TYPE_PAGE_SHIFT);
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
	k->gather = varint_can_gather();
	kmt_history_init(&k->history[0]);
	kmt_history_init(&k->history[1]);
	t->object_shift = 9;
	t->zero_size_addr = 2;
	t->implied_known = true;
	t->in.p += 8;
	while (!t->damaged && !k->ended && k->left == 0)
		kmt_next_section(t, k);
}

void kmt_read_plainly(struct trace *t)
{
	struct kmt *k = t->reader;

	k->gather = false;
}

/* ---- events ---- */

/* What became of a batch: how many events are good, and where the first bad byte is. */
struct kmt_result {
	size_t good;
	enum kmt_column column;
	const unsigned char *at;
};

/*
 * Whether the next KMT_AT_ONCE numbers of the columns cpu, descriptor and task have one byte each, and are in range; what
 * is read behind a column's end is looked at later.
 */
static bool kmt_narrow(const struct trace *t, const struct kmt *k)
{
	const uint64_t tops = 0x8080808080808080u, ones = tops >> 7;
	const uint64_t descs = t->nr_descs < 128 ? 128 - t->nr_descs : 0;
	const uint64_t tasks = k->nr_tasks < 128 ? 128 - k->nr_tasks : 0;
	uint64_t cpu, desc, task;

	memcpy(&cpu, k->column[KMT_CPU].p, sizeof(cpu));
	memcpy(&desc, k->column[KMT_DESC].p, sizeof(desc));
	memcpy(&task, k->column[KMT_TASK].p, sizeof(task));
	if (((cpu | desc | task) & tops) != 0)
		return false;
	return (((desc + descs * ones) | (task + tasks * ones)) & tops) == 0;
}

/* Some events that are being decoded. Nothing of the reader moves before all of them are good. */
struct kmt_hand {
	const unsigned char *dt, *cpu, *desc, *task, *ref, *raw; /* in the columns */
	uint64_t time_ns;
	uint64_t bad, too_long; /* not 0, and a bit of kmt_too_long(): they are not good */
	unsigned int seen;      /* types, and KMT_TYPE_* */
	unsigned int nr_old;
};

/* Where a history stands meanwhile. */
struct kmt_at {
	uint64_t nr, last_raw;
};

#define KMT_INLINE static inline __attribute__((always_inline))

KMT_INLINE struct kmt_at kmt_at(const struct kmt_history *h)
{
	return (struct kmt_at){h->nr, h->last_raw};
}

KMT_INLINE uint64_t kmt_too_long(bool gather)
{
	return gather ? VARINT_GATHER_TOO_LONG : VARINT_PAIR_TOO_LONG;
}

/* The times, and how far back the addresses are. */
KMT_INLINE void kmt_times(struct kmt_hand *m, struct trace_event *e, uint64_t *back, bool gather)
{
#pragma GCC unroll 8
	for (unsigned int i = 0; i < KMT_AT_ONCE; i++) {
		uint64_t dt;

		if (gather) {
			m->too_long |= varint_gather(&m->dt, &dt);
			m->too_long |= varint_gather(&m->ref, &back[i]);
		} else {
			m->too_long |= varint_read_pair_up_to_four(&m->dt, &m->ref, &dt, &back[i]);
		}
		m->time_ns += dt;
		e[i].time_ns = m->time_ns;
	}
}

/* The next descriptor, which may be too large, where it and the task may have two bytes. */
KMT_INLINE uint64_t kmt_wide(struct kmt_hand *m, uint64_t nr_tasks, bool gather)
{
	uint64_t desc, task;

	if (gather) {
		m->too_long |= varint_gather(&m->desc, &desc);
		m->too_long |= varint_gather(&m->task, &task);
	} else {
		m->bad |= varint_read_up_to_two(&m->desc, &desc);
		m->bad |= varint_read_up_to_two(&m->task, &task);
	}
	m->bad |= task >= nr_tasks;
	return desc;
}

/* The next address of its own, behind @last. */
KMT_INLINE uint64_t kmt_raw(struct kmt_hand *m, uint64_t last, bool gather)
{
	uint64_t raw;

	if (gather)
		m->too_long |= varint_gather(&m->raw, &raw);
	else
		m->bad |= varint_read_up_to_eight(&m->raw, &raw);
	return last + (uint64_t)varint_unzigzag(raw);
}

/* They are good: all moves. */
KMT_INLINE void kmt_settle(struct kmt *k, const struct kmt_hand *m, const struct kmt_at *at,
			   uint8_t *const *named, struct kmt_old *const *old)
{
	k->time_ns = m->time_ns;
#pragma GCC unroll 8
	for (unsigned int i = 0; i < KMT_AT_ONCE; i++)
		*named[i] = 1;
	for (unsigned int i = 0; __builtin_expect(i < m->nr_old, 0); i++)
		old[i]->key |= KMT_OLD_GONE;
	for (unsigned int i = 0; i < 2; i++) {
		k->history[i].nr = at[i].nr;
		k->history[i].last_raw = at[i].last_raw;
	}
	k->column[KMT_DT].p = m->dt;
	k->column[KMT_CPU].p = m->cpu;
	k->column[KMT_DESC].p = m->desc;
	k->column[KMT_TASK].p = m->task;
	k->column[KMT_REF].p = m->ref;
	k->column[KMT_RAW].p = m->raw;
}

/*
 * Decode KMT_AT_ONCE events from @e on, whose numbers have usual lengths, without branches on lengths and ends: so the
 * columns wait neither for one another nor for guesses. False: they are unusual, or damaged, and nothing has moved;
 * kmt_one() finds out. @narrow: kmt_narrow() said so; @gather: varint_can_gather() did. Inlined for each.
 */
KMT_INLINE bool kmt_several(const struct trace *t, struct kmt *k, struct trace_event *e,
			    bool narrow, bool gather)
{
	const uint8_t *types = k->types;
	const struct varint_cursor *column = k->column;
	struct kmt_hand m = {
		.dt = column[KMT_DT].p,
		.cpu = column[KMT_CPU].p,
		.desc = column[KMT_DESC].p,
		.task = column[KMT_TASK].p,
		.ref = column[KMT_REF].p,
		.raw = column[KMT_RAW].p,
		.time_ns = k->time_ns,
	};
	struct kmt_at at[2] = {kmt_at(&k->history[0]), kmt_at(&k->history[1])};
	uint64_t back_of[KMT_AT_ONCE];
	uint8_t *named[KMT_AT_ONCE];      /* in gone[] */
	struct kmt_old *old[KMT_AT_ONCE]; /* what was named and is not in the ring */

	kmt_times(&m, e, back_of, gather);
	for (unsigned int i = 0; i < KMT_AT_ONCE; i++, e++) {
		const uint64_t back = back_of[i];
		const unsigned int cpu = m.cpu[i];
		const uint64_t desc = narrow ? m.desc[i] : kmt_wide(&m, k->nr_tasks, gather);
		const struct kmt_history *h;
		uint64_t addr, from;
		unsigned int type, kind;

		if (!narrow && __builtin_expect(desc >= t->nr_descs || cpu > 0x7f, 0))
			return false;
		type = types[desc];
		m.seen |= type;
		e->cpu = (uint16_t)(cpu >> 2);
		e->context = cpu & 3;
		e->desc = (uint32_t)desc;
		e->type = type & KMT_TYPE_MASK;
		kind = type >> KMT_TYPE_PAGE_SHIFT;
		h = &k->history[kind];
		from = at[kind].nr - back;
		if (__builtin_expect((int64_t)from < (int64_t)h->kept, 0)) {
			size_t found = kmt_history_find(h, from);

			if (found == KMT_NOT_OLD)
				return false;
			addr = h->old[found].addr;
			old[m.nr_old++] = &h->old[found];
			named[i] = &h->gone[KMT_RING];
		} else {
			addr = h->at[from & KMT_RING_MASK];
			named[i] = &h->gone[back != 0 ? from & KMT_RING_MASK : KMT_RING];
		}
		if (back == 0)
			addr = at[kind].last_raw = kmt_raw(&m, at[kind].last_raw, gather);
		e->addr = addr;
		h->at[at[kind].nr++ & KMT_RING_MASK] = addr;
	}
	m.cpu += KMT_AT_ONCE;
	m.desc += narrow ? KMT_AT_ONCE : 0;
	m.task += narrow ? KMT_AT_ONCE : 0;
	m.bad |= m.dt > column[KMT_DT].end || m.cpu > column[KMT_CPU].end ||
		 m.desc > column[KMT_DESC].end || m.task > column[KMT_TASK].end ||
		 m.ref > column[KMT_REF].end || m.raw > column[KMT_RAW].end;
	m.bad |= m.seen & KMT_TYPE_SNAPSHOT;
	if ((m.bad | (m.too_long & kmt_too_long(gather))) != 0)
		return false;
	kmt_settle(k, &m, at, named, old);
	return true;
}

/* The next number of column @c; false: it is damaged, and @r says where. */
static bool kmt_number(struct kmt *k, struct kmt_result *r, enum kmt_column c, uint64_t *v)
{
	r->column = c;
	r->at = k->column[c].p;
	return varint_read(&k->column[c], v);
}

/* The same, for one that must be below @limit. */
static bool kmt_below(struct kmt *k, struct kmt_result *r, enum kmt_column c, uint64_t limit,
		      uint64_t *v)
{
	return kmt_number(k, r, c, v) && *v < limit;
}

/* The address of @e, from the columns ref and raw. */
static bool kmt_address(struct kmt *k, struct kmt_result *r, struct trace_event *e)
{
	struct kmt_history *h = &k->history[trace_type_is_page(e->type)];
	uint64_t back, raw;

	if (e->type == TRACE_SNAPSHOT)
		return kmt_number(k, r, KMT_RAW, &e->addr);
	if (!kmt_below(k, r, KMT_REF, h->nr + 1, &back))
		return false;
	if (h->nr - back >= h->kept)
		e->addr = h->at[(h->nr - back) & KMT_RING_MASK];
	else if (!kmt_history_old(h, h->nr - back, &e->addr))
		return false;
	if (back == 0) {
		if (!kmt_number(k, r, KMT_RAW, &raw))
			return false;
		h->last_raw += (uint64_t)varint_unzigzag(raw);
		e->addr = h->last_raw;
	} else {
		kmt_history_gone(h, h->nr - back);
	}
	h->at[h->nr++ & KMT_RING_MASK] = e->addr;
	return true;
}

/* Decode event @i, whatever it is like; false: it is damaged. */
static bool kmt_one(struct trace *t, struct kmt *k, size_t i, struct kmt_result *r)
{
	struct trace_event *e = &t->batch[i];
	uint64_t dt, cpu, desc, task;

	if (!kmt_number(k, r, KMT_DT, &dt) || !kmt_below(k, r, KMT_CPU, (uint64_t)4 << 16, &cpu) ||
	    !kmt_below(k, r, KMT_DESC, t->nr_descs, &desc) ||
	    !kmt_below(k, r, KMT_TASK, k->nr_tasks, &task))
		return false;
	k->time_ns += dt;
	e->time_ns = k->time_ns;
	e->cpu = (uint16_t)(cpu >> 2);
	e->context = cpu & 3;
	e->desc = (uint32_t)desc;
	e->type = k->types[desc] & KMT_TYPE_MASK;
	/* Who it was is only asked by those who convert. */
	if (t->batch_task != NULL)
		t->batch_task[i] = (uint32_t)task;
	return kmt_address(k, r, e);
}

/* Decode @want events. */
static inline __attribute__((always_inline)) void kmt_decode_by(struct trace *t, struct kmt *k,
								size_t want, struct kmt_result *r,
								bool gather)
{
	size_t i = 0;

	while (i < want) {
		size_t end = i + KMT_AT_ONCE < want ? i + KMT_AT_ONCE : want;

		if (i + KMT_AT_ONCE <= want && t->batch_task == NULL &&
		    (kmt_narrow(t, k) ? kmt_several(t, k, &t->batch[i], true, gather)
				      : kmt_several(t, k, &t->batch[i], false, gather)))
			i = end;
		while (i < end && kmt_one(t, k, i, r))
			i++;
		if (i < end)
			break;
	}
	r->good = i;
}

static void kmt_decode(struct trace *t, struct kmt *k, size_t want, struct kmt_result *r)
{
	kmt_history_reserve(&k->history[0], want);
	kmt_history_reserve(&k->history[1], want);
	if (k->gather)
		kmt_decode_by(t, k, want, r, true);
	else
		kmt_decode_by(t, k, want, r, false);
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
	kmt_decode(t, k, want, &r);
	if (r.good < want) {
		k->left = 0;
		kmt_bad_event(t, k, &r);
		return r.good;
	}
	k->left -= (uint32_t)want;
	if (k->left == 0)
		kmt_end_block(t, k);
	return r.good;
}

void kmt_close(struct trace *t)
{
	struct kmt *k = t->reader;

	free(k->types);
	for (int i = 0; i < 2; i++)
		kmt_history_free(&k->history[i]);
	free(k);
	t->reader = NULL;
}
