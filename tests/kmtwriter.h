/* SPDX-License-Identifier: MIT */
/* Writes small KMT1 recordings for tests. */
#ifndef TESTS_KMTWRITER_H
#define TESTS_KMTWRITER_H

#include <trace.h>

struct kmtwriter {
	unsigned char *data;
	size_t len, cap;
};

struct kmtwriter_desc {
	uint8_t type, flags;
	uint32_t site, cache;
	uint64_t bytes_req, bytes_alloc, gfp;
	int node;
	unsigned int order;
	int migratetype;
};

struct kmtwriter_event {
	uint32_t desc;
	uint64_t addr;
	uint64_t dt;
	unsigned int cpu, context;
};

/* A whole recording; names are the caches from number 1 on, ended by NULL. */
struct kmtwriter_recording {
	const char *meta; /* NULL: one that names a few flags */
	const char *const *caches;
	const struct kmtwriter_desc *descs;
	size_t nr_descs;
	const struct kmtwriter_event *events;
	size_t nr_events;
	size_t block; /* events in a block; 0: all */
};

void kmtwriter_bytes(struct kmtwriter *w, const void *data, size_t len);
void kmtwriter_varint(struct kmtwriter *w, uint64_t v);
void kmtwriter_section(struct kmtwriter *w, const char *tag, const struct kmtwriter *payload);
void kmtwriter_write(struct kmtwriter *w, const struct kmtwriter_recording *r);
void kmtwriter_free(struct kmtwriter *w);

#endif
