/* SPDX-License-Identifier: MIT */
/* What a replay has no use for, but a conversion must not lose: names of sites, tasks, flags; META; lines. */
#ifndef CLI_TRACE_KEEP_H
#define CLI_TRACE_KEEP_H

#include <idmap.h>
#include <trace.h>

/* Numbers for texts. */
struct trace_intern {
	struct trace_names names; /* number 0 is "" */
	struct idmap map;         /* hash -> number + 1 */
};

struct trace_keep {
	struct trace_intern sites, tasks, flags; /* flags: gfp_flags= as printed */
	uint8_t *task_class;                     /* of each task; KMT1 only */
	char *meta;                              /* KMT1: the text of META */
	size_t meta_len;
	struct strbuf text; /* KMT1: sections TEXT, one after the other */
	/* Each line of a text, right after it was read: @event: it was one that was understood. */
	void (*line)(void *ctx, const char *line, size_t len, bool event);
	void *line_ctx;
};

struct trace_keep *trace_keep_new(void);
void trace_keep_free(struct trace_keep *k);

/* The number of @len bytes at @s; 0 for nothing, and if there are too many. */
uint32_t trace_intern(struct trace_intern *t, const char *s, size_t len);

/* For the reader of text: sites and flags of the line's fields into @d; the task before "[cpu]". */
void trace_keep_fields(struct trace_keep *k, const char *fields, const char *end,
		       struct trace_desc *d);
uint32_t trace_keep_task(struct trace_keep *k, const char *line, const char *end);

#endif
