/* SPDX-License-Identifier: MIT */
/*
 * The reader of UMT1. Sections and columns are those of KMT1 (kmt.c); a damaged block gives the events
 * before the damage.
 *
 * Blocks	A free or a realloc names its block by how many blocks were made since: the number of the
 *		block is the count so far less that, so nothing needs to be kept here.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <section.h>
#include <trace_keep.h>
#include <umt.h>

#define UMT_COLUMNS 5
#define UMT_MAX_SIZE ((uint64_t)1 << 47)
#define UMT_MAX_ALIGN 47

enum umt_column { UMT_C_DT, UMT_C_OP, UMT_C_REF, UMT_C_SIZE, UMT_C_ALIGN };

static const char *const umt_column_names[UMT_COLUMNS] = {
	"time", "thread and operation", "ref", "size", "alignment",
};

struct umt {
	struct section section;
	struct varint_cursor column[UMT_COLUMNS];
	struct umt_facts facts;
	bool have_meta, ended;
	uint32_t left;           /* events of the block at hand */
	const unsigned char *at; /* the number that was read last */
	uint64_t time_ns, made;
	struct umt_event batch[TRACE_BATCH];
};

static const char *const umt_op_names[UMT_NR_OPS] = {
	"?", "malloc", "free", "calloc", "realloc", "memalign",
};

const char *umt_op_name(unsigned int op)
{
	return umt_op_names[op < UMT_NR_OPS ? op : 0];
}

const struct umt_facts *umt_facts(const struct trace *t)
{
	const struct umt *u = t->reader;

	return &u->facts;
}

static void umt_meta(struct trace *t, struct umt *u)
{
	json_t *meta = section_json(t, &u->section), *libc;

	if (meta == NULL)
		return;
	if (t->keep != NULL) {
		t->keep->meta_len = (size_t)(u->section.c.end - u->section.start);
		t->keep->meta = xstrndup((const char *)u->section.start, t->keep->meta_len);
	}
	t->name = section_json_string(meta, "name");
	t->description = section_json_string(meta, "program");
	t->machine = section_json_string(meta, "machine");
	t->declared_events = section_json_count(meta, "events_in_file");
	u->facts.threads = (unsigned int)(section_json_count(meta, "threads") & 0xffff);
	u->facts.live_bytes_max = section_json_count(meta, "live_req_bytes_max");
	u->facts.vmhwm_kb = section_json_count(meta, "vmhwm_kb");
	libc = json_object_get(meta, "glibc_at_exit");
	u->facts.libc_arena = section_json_count(libc, "arena");
	u->facts.libc_mmap = section_json_count(libc, "mmap");
	u->facts.libc_used = section_json_count(libc, "used");
	t->cpus = u->facts.threads;
	json_decref(meta);
}

static void umt_next_section(struct trace *t, struct umt *u)
{
	struct section *s = &u->section;

	if (!section_next(t, "METAEVTSEND.", s))
		return;
	if (memcmp(s->tag, "META", 4) == 0) {
		if (section_once(t, s, &u->have_meta))
			umt_meta(t, u);
	} else if (memcmp(s->tag, "END.", 4) == 0) {
		u->ended = true;
	} else if (section_columns(t, s, UMT_COLUMNS, u->column, &u->left)) {
		s->c.p = s->c.end;
	}
	if (!t->damaged && s->c.p != s->c.end)
		trace_damage(t, section_offset(s, s->c.p), "%td bytes are left over in section %s",
			     s->c.end - s->c.p, s->tag);
	if (u->left == 0)
		section_done(t, s);
	if (u->ended && input_fill(&t->in, 1) > 0)
		diag_warn(t->diag, t->path, 0, "byte %" PRIu64 ": more follows the end; ignored",
			  input_offset(&t->in));
}

void umt_open(struct trace *t)
{
	struct umt *u = xcalloc(1, sizeof(*u));

	t->reader = u;
	t->in.p += 8;
	while (!t->damaged && !u->ended && u->left == 0)
		umt_next_section(t, u);
}

/* Number @v of column @column; false: damaged there. */
static inline bool umt_number(struct umt *u, enum umt_column column, uint64_t *v)
{
	u->at = u->column[column].p;
	return varint_read(&u->column[column], v);
}

/* The same for columns in which lengths alternate: without a branch on them, but at the end. */
static inline bool umt_number_of_any_length(struct umt *u, enum umt_column column, uint64_t *v)
{
	struct varint_cursor *c = &u->column[column];
	const unsigned char *p = c->p;

	if (__builtin_expect(c->end - p >= 8 && varint_read_up_to_eight(&p, v) == 0, 1)) {
		u->at = c->p;
		c->p = p;
		return true;
	}
	return umt_number(u, column, v);
}

/* One event into @e. The number of the column that is damaged, or UMT_COLUMNS. */
static unsigned int umt_event(struct umt *u, struct umt_event *e)
{
	uint64_t dt, op, ref = 0, align = 0;

	memset(e, 0, sizeof(*e));
	if (!umt_number_of_any_length(u, UMT_C_DT, &dt))
		return UMT_C_DT;
	if (!umt_number(u, UMT_C_OP, &op) || (op & 7) < UMT_MALLOC || (op & 7) >= UMT_NR_OPS ||
	    op >> 3 > UINT16_MAX)
		return UMT_C_OP;
	e->op = op & 7;
	e->thread = (uint16_t)(op >> 3);
	e->time_ns = u->time_ns + dt;
	if (e->op == UMT_FREE || e->op == UMT_REALLOC) {
		if (!umt_number_of_any_length(u, UMT_C_REF, &ref) ||
		    (ref > 1 && ref - 2 >= u->made))
			return UMT_C_REF;
		e->block = ref > 1 ? u->made - (ref - 2) : ref == 1 ? UMT_UNSEEN : UMT_NULL;
	}
	if (e->op != UMT_FREE &&
	    (!umt_number_of_any_length(u, UMT_C_SIZE, &e->size) || e->size > UMT_MAX_SIZE))
		return UMT_C_SIZE;
	if (e->op == UMT_MEMALIGN && (!umt_number(u, UMT_C_ALIGN, &align) || align > UMT_MAX_ALIGN))
		return UMT_C_ALIGN;
	e->align_log2 = (uint8_t)align;
	if (e->op != UMT_FREE)
		e->made = ++u->made;
	u->time_ns = e->time_ns;
	return UMT_COLUMNS;
}

/* The block is decoded: nothing may be left over. */
static void umt_end_block(struct trace *t, struct umt *u)
{
	for (int i = 0; i < UMT_COLUMNS; i++) {
		if (u->column[i].p != u->column[i].end) {
			trace_damage(t, section_offset(&u->section, u->column[i].p),
				     "%td bytes are left over in column %s of section EVTS",
				     u->column[i].end - u->column[i].p, umt_column_names[i]);
			break;
		}
	}
	if (u->section.missing > 0)
		section_cut(t, "section EVTS");
	section_done(t, &u->section);
}

size_t umt_next(struct trace *t, const struct umt_event **events)
{
	struct umt *u = t->reader;
	size_t n = 0;

	*events = u->batch;
	while (u->left == 0) {
		if (t->damaged || u->ended)
			return 0;
		umt_next_section(t, u);
	}
	if (t->damaged)
		return 0;
	while (n < TRACE_BATCH && u->left > 0) {
		unsigned int bad = umt_event(u, &u->batch[n]);

		if (bad != UMT_COLUMNS) {
			u->left = 0;
			if (u->section.missing > 0)
				section_cut(t, "section EVTS");
			else
				trace_damage(t, section_offset(&u->section, u->at),
					     "column %s of section EVTS is damaged or too short",
					     umt_column_names[bad]);
			return n;
		}
		n++;
		if (--u->left == 0)
			umt_end_block(t, u);
	}
	return n;
}

void umt_close(struct trace *t)
{
	free(t->reader);
	t->reader = NULL;
}
