/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <columns.h>

void columns_section(struct output *o, const char *tag, const void *data, size_t len)
{
	unsigned char head[12];

	memcpy(head, tag, 4);
	for (int i = 0; i < 8; i++)
		head[4 + i] = (unsigned char)((uint64_t)len >> (8 * i));
	output_write(o, head, sizeof(head));
	output_write(o, data, len);
}

void columns_flush(struct output *o, struct columns *c)
{
	struct strbuf b = {0};

	if (c->events == 0)
		return;
	columns_put(&b, c->events);
	for (unsigned int i = 0; i < c->nr; i++)
		columns_put(&b, c->column[i].len);
	for (unsigned int i = 0; i < c->nr; i++) {
		strbuf_add(&b, c->column[i].s != NULL ? c->column[i].s : "", c->column[i].len);
		c->column[i].len = 0;
	}
	columns_section(o, "EVTS", b.s, b.len);
	strbuf_free(&b);
	c->events = 0;
}

void columns_free(struct columns *c)
{
	for (unsigned int i = 0; i < c->nr; i++)
		strbuf_free(&c->column[i]);
}
