/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <columns.h>
#include <idmap.h>
#include <kmtwrite.h>

#define KMTWRITE_MAX_BACK ((uint64_t)1 << 25)
#define KMTWRITE_TEXT ((size_t)32 << 20) /* of a section */

enum {
	KMTWRITE_DT,
	KMTWRITE_CPU,
	KMTWRITE_DESC,
	KMTWRITE_TASK,
	KMTWRITE_REF,
	KMTWRITE_RAW,
	KMTWRITE_NR
};

/* All addresses of one kind: where each was last. */
struct kmtwrite_history {
	struct idmap last; /* address -> number of its last event of the kind, from 1 */
	uint64_t nr, raw;
};

struct kmtwrite {
	struct output *o;
	struct columns columns;
	struct kmtwrite_history history[2]; /* objects, pages */
	const struct kmtwrite_tables *tables;
	uint64_t time_ns;
};

static void kmtwrite_names(struct output *o, const char *tag, const struct trace_names *names)
{
	struct strbuf b = {0};

	columns_put(&b, names->nr);
	for (uint32_t i = 0; i < names->nr; i++) {
		const char *name = trace_name(names, i);

		columns_string(&b, name, strlen(name));
	}
	columns_section(o, tag, b.s, b.len);
	strbuf_free(&b);
}

static void kmtwrite_tasks(struct output *o, const struct kmtwrite_tables *t)
{
	struct strbuf b = {0};

	columns_put(&b, t->tasks->nr);
	for (uint32_t i = 0; i < t->tasks->nr; i++) {
		const char *name = trace_name(t->tasks, i);

		columns_put(&b, t->task_class != NULL ? t->task_class[i] : 2);
		columns_string(&b, name, strlen(name));
	}
	columns_section(o, "TASK", b.s, b.len);
	strbuf_free(&b);
}

static void kmtwrite_descs(struct output *o, const struct kmtwrite_tables *t)
{
	struct strbuf b = {0};

	columns_put(&b, t->nr_descs);
	for (uint32_t i = 0; i < t->nr_descs; i++) {
		const struct trace_desc *d = &t->descs[i];
		const char bytes[2] = {(char)d->type, (char)d->flags};

		strbuf_add(&b, bytes, 2);
		columns_put(&b, d->site);
		columns_put(&b, d->cache);
		columns_put(&b, d->bytes_req);
		columns_put(&b, d->bytes_alloc);
		columns_put(&b, d->raw_gfp);
		columns_put(&b, varint_zigzag(d->node));
		columns_put(&b, d->order);
		columns_put(&b, varint_zigzag(d->migratetype));
		columns_put(&b, varint_zigzag(d->fallback_order));
		columns_put(&b, varint_zigzag(d->fallback_migratetype));
	}
	columns_section(o, "DESC", b.s, b.len);
	strbuf_free(&b);
}

struct kmtwrite *kmtwrite_begin(struct output *o, const struct kmtwrite_tables *tables)
{
	struct kmtwrite *w = xcalloc(1, sizeof(*w));

	w->o = o;
	w->tables = tables;
	w->columns.nr = KMTWRITE_NR;
	idmap_init(&w->history[0].last);
	idmap_init(&w->history[1].last);
	output_write(o, "KMTRACE1", 8);
	columns_section(o, "META", tables->meta, tables->meta_len);
	kmtwrite_names(o, "SITE", tables->sites);
	kmtwrite_names(o, "CACH", tables->caches);
	kmtwrite_tasks(o, tables);
	kmtwrite_descs(o, tables);
	for (size_t at = 0; at < tables->text_len; at += KMTWRITE_TEXT) {
		size_t left = tables->text_len - at;

		columns_section(o, "TEXT", tables->text + at,
				left < KMTWRITE_TEXT ? left : KMTWRITE_TEXT);
	}
	return w;
}

static void kmtwrite_address(struct kmtwrite *w, struct kmtwrite_history *h, uint64_t addr)
{
	struct idmap_slot *s = idmap_add(&h->last, addr);
	uint64_t back = s != NULL && s->value != 0 ? h->nr - s->value + 1 : 0;

	if (back > KMTWRITE_MAX_BACK)
		back = 0;
	columns_put(&w->columns.column[KMTWRITE_REF], back);
	if (back == 0) {
		columns_put(&w->columns.column[KMTWRITE_RAW],
			    varint_zigzag((int64_t)(addr - h->raw)));
		h->raw = addr;
	}
	h->nr++;
	if (s != NULL)
		s->value = h->nr;
}

void kmtwrite_event(struct kmtwrite *w, const struct trace_event *ev, uint32_t task)
{
	struct strbuf *column = w->columns.column;
	unsigned int type = w->tables->descs[ev->desc].type;

	columns_put(&column[KMTWRITE_DT], ev->time_ns - w->time_ns);
	columns_put(&column[KMTWRITE_CPU], (uint64_t)ev->cpu << 2 | ev->context);
	columns_put(&column[KMTWRITE_DESC], ev->desc);
	columns_put(&column[KMTWRITE_TASK], task);
	if (type == TRACE_SNAPSHOT)
		columns_put(&column[KMTWRITE_RAW], ev->addr);
	else
		kmtwrite_address(w, &w->history[trace_type_is_page(type)], ev->addr);
	w->time_ns = ev->time_ns;
	if (++w->columns.events == SECTION_MAX_BLOCK)
		columns_flush(w->o, &w->columns);
}

void kmtwrite_end(struct kmtwrite *w)
{
	columns_flush(w->o, &w->columns);
	columns_section(w->o, "END.", "", 0);
	columns_free(&w->columns);
	idmap_free(&w->history[0].last);
	idmap_free(&w->history[1].last);
	free(w);
}
