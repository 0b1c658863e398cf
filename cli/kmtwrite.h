/* SPDX-License-Identifier: MIT */
/* The writer of KMT1. */
#ifndef CLI_KMTWRITE_H
#define CLI_KMTWRITE_H

#include <output.h>
#include <trace.h>

/* What an event names by number. Descriptors: raw_gfp is what is written. All must stay. */
struct kmtwrite_tables {
	const char *meta; /* JSON */
	size_t meta_len;
	const struct trace_names *sites, *caches, *tasks;
	const uint8_t *task_class; /* NULL: all 2, workload */
	const struct trace_desc *descs;
	uint32_t nr_descs;
	const char *text; /* that the recording was converted from; NULL: none */
	size_t text_len;
};

struct kmtwrite;

struct kmtwrite *kmtwrite_begin(struct output *o, const struct kmtwrite_tables *tables);
/* The next event; times do not go down, types are those of the format, addresses as the format has them. */
void kmtwrite_event(struct kmtwrite *w, const struct trace_event *ev, uint32_t task);
void kmtwrite_end(struct kmtwrite *w);

#endif
