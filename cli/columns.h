/* SPDX-License-Identifier: MIT */
/* Sections and columns of the binary recordings, for their writers. */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include <output.h>
#include <section.h>

/* One block of events, whose numbers are gathered by column. */
struct columns {
	struct strbuf column[SECTION_MAX_COLUMNS];
	unsigned int nr;
	uint32_t events;
};

static inline void columns_put(struct strbuf *b, uint64_t v)
{
	unsigned char bytes[VARINT_MAX];

	strbuf_add(b, (const char *)bytes, varint_write(bytes, v));
}

static inline void columns_string(struct strbuf *b, const char *s, size_t len)
{
	columns_put(b, len);
	strbuf_add(b, s, len);
}

/* Section @tag with @len bytes at @data. */
void columns_section(struct output *o, const char *tag, const void *data, size_t len);
/* The block as a section EVTS, if it has events; it is empty then. */
void columns_flush(struct output *o, struct columns *c);
void columns_free(struct columns *c);

#endif
