/* SPDX-License-Identifier: MIT */
/* The parts of quarry convert: recordings as text that carries all that the binary form does, and back. */
#ifndef CLI_CONVERT_H
#define CLI_CONVERT_H

#include <kmtwrite.h>
#include <trace.h>
#include <trace_keep.h>
#include <umt.h>

#define CONVERT_KMT_WORD "# quarry KMT1 "
#define CONVERT_UMT_WORD "# quarry UMT1 "

/* Names of flags, in the order in which the recorded kernel looks for them. */
struct convert_flags {
	uint64_t mask[64];
	char name[64][48];
	size_t nr;
};

/* From "gfp_names" of META. */
void convert_flags_read(struct convert_flags *f, const char *meta, size_t len);

/* Head and lines of a text; @trace_cmd: as trace-cmd report prints them, else as perf script does. */
void convert_text_head(struct output *o, const struct kmtwrite_tables *t);
void convert_text_event(struct output *o, const struct kmtwrite_tables *t,
			const struct convert_flags *flags, const struct trace_event *ev,
			uint32_t task, bool trace_cmd);

/* A text with such a head, read back. */
struct convert_tagged {
	struct kmtwrite_tables tables;
	char *meta;
	struct trace_names sites, caches, tasks;
	uint8_t *task_class;
	struct trace_desc *descs;
	uint32_t cap_descs;
	struct strbuf text; /* that it was converted from */
	unsigned long line; /* number of the last one read */
};

/*
 * One line, without its end. 1: *@ev and *@task were filled; 0: it was of the head, or is passed over; -1: it
 * is wrong, and @why says what was expected.
 */
int convert_tagged_line(struct convert_tagged *c, const char *line, size_t len,
			struct trace_event *ev, uint32_t *task, const char **why);
void convert_tagged_free(struct convert_tagged *c);

/* User recordings: one line, and back, as above. */
void convert_user_line(struct output *o, const struct umt_event *ev);
int convert_user_parse(const char *line, size_t len, struct umt_event *ev, const char **why);

/* @len bytes of META as one line: bytes below a space as %XX. convert_unescape() returns the caller's. */
void convert_escape(struct output *o, const char *s, size_t len);
char *convert_unescape(const char *s, size_t len, size_t *out);

#endif
