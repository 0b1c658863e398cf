/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <columns.h>
#include <umtwrite.h>

#define UMTWRITE_BLOCK SECTION_MAX_BLOCK

enum { UMTWRITE_DT, UMTWRITE_OP, UMTWRITE_REF, UMTWRITE_SIZE, UMTWRITE_ALIGN, UMTWRITE_NR };

struct umtwrite {
	struct output *o;
	struct columns columns;
	uint64_t time_ns, made;
};

struct umtwrite *umtwrite_begin(struct output *o, const char *meta, size_t len)
{
	struct umtwrite *w = xcalloc(1, sizeof(*w));

	w->o = o;
	w->columns.nr = UMTWRITE_NR;
	output_write(o, "UMTRACE1", 8);
	columns_section(o, "META", meta, len);
	return w;
}

void umtwrite_event(struct umtwrite *w, const struct umt_event *ev)
{
	struct strbuf *column = w->columns.column;
	uint64_t ref = 1;

	columns_put(&column[UMTWRITE_DT], ev->time_ns - w->time_ns);
	columns_put(&column[UMTWRITE_OP], (uint64_t)ev->thread << 3 | ev->op);
	if (ev->op == UMT_FREE || ev->op == UMT_REALLOC) {
		if (ev->block == UMT_NULL)
			ref = 0;
		else if (ev->block != UMT_UNSEEN)
			ref = w->made - ev->block + 2;
		columns_put(&column[UMTWRITE_REF], ref);
	}
	if (ev->op != UMT_FREE)
		columns_put(&column[UMTWRITE_SIZE], ev->size);
	if (ev->op == UMT_MEMALIGN)
		columns_put(&column[UMTWRITE_ALIGN], ev->align_log2);
	if (ev->op != UMT_FREE)
		w->made++;
	w->time_ns = ev->time_ns;
	if (++w->columns.events == UMTWRITE_BLOCK)
		columns_flush(w->o, &w->columns);
}

void umtwrite_end(struct umtwrite *w)
{
	columns_flush(w->o, &w->columns);
	columns_section(w->o, "END.", "", 0);
	columns_free(&w->columns);
	free(w);
}
