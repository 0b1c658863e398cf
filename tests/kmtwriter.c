/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "kmtwriter.h"

static const char kmtwriter_meta[] =
	"{\"name\":\"test\",\"description\":\"made by a test\",\"kernel\":\"6.1.0\",\"cpus\":2,"
	"\"gfp_names\":[[3264,\"GFP_KERNEL\"],[2592,\"GFP_ATOMIC\"],[256,\"__GFP_ZERO\"],"
	"[8,\"__GFP_MOVABLE\"],[8192,\"__GFP_NOWARN\"],[65536,\"__GFP_NORETRY\"],"
	"[4194304,\"__GFP_ACCOUNT\"]]}";

void kmtwriter_bytes(struct kmtwriter *w, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (w->cap - w->len < len) {
		w->cap = (w->len + len) * 2;
		w->data = xrealloc(w->data, 1, w->cap);
	}
	memcpy(w->data + w->len, data, len);
	w->len += len;
}

void kmtwriter_varint(struct kmtwriter *w, uint64_t v)
{
	unsigned char c;

	do {
		c = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		kmtwriter_bytes(w, &c, 1);
		v >>= 7;
	} while (v != 0);
}

static void kmtwriter_zigzag(struct kmtwriter *w, int64_t v)
{
	kmtwriter_varint(w, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void kmtwriter_string(struct kmtwriter *w, const char *s)
{
	kmtwriter_varint(w, strlen(s));
	kmtwriter_bytes(w, s, strlen(s));
}

void kmtwriter_section(struct kmtwriter *w, const char *tag, const struct kmtwriter *payload)
{
	unsigned char head[12];

	memcpy(head, tag, 4);
	for (int i = 0; i < 8; i++)
		head[4 + i] = (unsigned char)((uint64_t)payload->len >> (8 * i));
	kmtwriter_bytes(w, head, sizeof(head));
	kmtwriter_bytes(w, payload->data, payload->len);
}

void kmtwriter_free(struct kmtwriter *w)
{
	free(w->data);
	memset(w, 0, sizeof(*w));
}

static void kmtwriter_tables(struct kmtwriter *w, const struct kmtwriter_recording *r)
{
	const char *meta = r->meta != NULL ? r->meta : kmtwriter_meta;
	struct kmtwriter p = {0};
	size_t n = 0;

	kmtwriter_bytes(&p, meta, strlen(meta));
	kmtwriter_section(w, "META", &p);
	p.len = 0;
	kmtwriter_varint(&p, 2);
	kmtwriter_string(&p, "");
	kmtwriter_string(&p, "some_site+0x10");
	kmtwriter_section(w, "SITE", &p);
	p.len = 0;
	while (r->caches != NULL && r->caches[n] != NULL)
		n++;
	kmtwriter_varint(&p, n + 1);
	kmtwriter_string(&p, "");
	for (size_t i = 0; i < n; i++)
		kmtwriter_string(&p, r->caches[i]);
	kmtwriter_section(w, "CACH", &p);
	p.len = 0;
	kmtwriter_varint(&p, 1);
	kmtwriter_varint(&p, 2);
	kmtwriter_string(&p, "sh");
	kmtwriter_section(w, "TASK", &p);
	kmtwriter_free(&p);
}

static void kmtwriter_descs(struct kmtwriter *w, const struct kmtwriter_recording *r)
{
	struct kmtwriter p = {0};

	kmtwriter_varint(&p, r->nr_descs);
	for (size_t i = 0; i < r->nr_descs; i++) {
		const struct kmtwriter_desc *d = &r->descs[i];

		kmtwriter_bytes(&p, &d->type, 1);
		kmtwriter_bytes(&p, &d->flags, 1);
		kmtwriter_varint(&p, d->site);
		kmtwriter_varint(&p, d->cache);
		kmtwriter_varint(&p, d->bytes_req);
		kmtwriter_varint(&p, d->bytes_alloc);
		kmtwriter_varint(&p, d->gfp);
		kmtwriter_zigzag(&p, d->node);
		kmtwriter_varint(&p, d->order);
		kmtwriter_zigzag(&p, d->migratetype);
		kmtwriter_zigzag(&p, 0);
		kmtwriter_zigzag(&p, 0);
	}
	kmtwriter_section(w, "DESC", &p);
	kmtwriter_free(&p);
}

/* Distance back to the last event of the same kind with the same address; 0: there is none. */
static uint64_t kmtwriter_ref(const struct kmtwriter_recording *r, size_t i)
{
	bool page = trace_type_is_page(r->descs[r->events[i].desc].type);
	uint64_t back = 0;

	for (size_t k = i; k-- > 0;) {
		unsigned int type = r->descs[r->events[k].desc].type;

		if (type == TRACE_SNAPSHOT || trace_type_is_page(type) != page)
			continue;
		back++;
		if (r->events[k].addr == r->events[i].addr)
			return back;
	}
	return 0;
}

static void kmtwriter_block(struct kmtwriter *w, const struct kmtwriter_recording *r, size_t from,
			    size_t to, uint64_t last[2])
{
	struct kmtwriter c[6] = {{0}}, p = {0};

	for (size_t i = from; i < to; i++) {
		const struct kmtwriter_event *e = &r->events[i];
		unsigned int type = r->descs[e->desc].type;
		uint64_t ref;

		kmtwriter_varint(&c[0], e->dt);
		kmtwriter_varint(&c[1], e->cpu << 2 | e->context);
		kmtwriter_varint(&c[2], e->desc);
		kmtwriter_varint(&c[3], 0);
		if (type == TRACE_SNAPSHOT) {
			kmtwriter_varint(&c[5], e->addr);
			continue;
		}
		ref = kmtwriter_ref(r, i);
		kmtwriter_varint(&c[4], ref);
		if (ref == 0) {
			uint64_t *base = &last[trace_type_is_page(type)];

			kmtwriter_zigzag(&c[5], (int64_t)(e->addr - *base));
			*base = e->addr;
		}
	}
	kmtwriter_varint(&p, to - from);
	for (int i = 0; i < 6; i++)
		kmtwriter_varint(&p, c[i].len);
	for (int i = 0; i < 6; i++) {
		kmtwriter_bytes(&p, c[i].data, c[i].len);
		kmtwriter_free(&c[i]);
	}
	kmtwriter_section(w, "EVTS", &p);
	kmtwriter_free(&p);
}

void kmtwriter_write(struct kmtwriter *w, const struct kmtwriter_recording *r)
{
	size_t block = r->block > 0 ? r->block : r->nr_events;
	struct kmtwriter none = {0};
	uint64_t last[2] = {0, 0};

	kmtwriter_bytes(w, "KMTRACE1", 8);
	kmtwriter_tables(w, r);
	kmtwriter_descs(w, r);
	for (size_t i = 0; i < r->nr_events; i += block)
		kmtwriter_block(w, r, i, i + block < r->nr_events ? i + block : r->nr_events, last);
	kmtwriter_section(w, "END.", &none);
}
