/* SPDX-License-Identifier: MIT */
/* A malloc on a memory system, and the player of user recordings on it. */
#ifndef CLI_HEAP_H
#define CLI_HEAP_H

#include <jansson.h>
#include <quarry/quarry.h>

#include <umt.h>

enum heap_kind {
	HEAP_KMALLOC, /* quarry_kvmalloc(): Linux's classes, then whole blocks */
	HEAP_FINE,    /* caches of its own, eight to a doubling, then whole pages */
};

#define HEAP_MAX_SAMPLES 256
#define HEAP_MAX_CLASSES 128 /* more than there are: small ones, and powers of two */

struct heap_sample {
	uint64_t event, time_ns;
	uint64_t live_bytes; /* asked for and not freed */
	uint64_t held_bytes; /* pages that the machine gave for it */
};

/* Blocks of one size, as they are given out. */
struct heap_class {
	uint64_t size;
	uint64_t allocs;
	uint64_t asked; /* bytes, over all allocs */
	uint64_t live, live_bytes, max_live;
};

#define HEAP_PLACES 5

/* A call that ends a block which is not alive. */
struct heap_place {
	uint64_t event, time_ns, block; /* by number, as in umt.h */
	uint16_t thread;
	uint8_t op;
};

struct heap_result {
	uint64_t events;
	uint64_t ops[UMT_NR_OPS];
	uint64_t free_null, free_unseen, free_unknown; /* nothing to free */
	struct heap_place unknown[HEAP_PLACES];        /* the first of free_unknown */
	uint64_t free_refused;                         /* of blocks that had been refused */
	uint64_t refused, refused_bytes;
	uint64_t in_place, moved, moved_bytes; /* reallocs */
	uint64_t other_thread;                 /* frees of what another thread made */
	uint64_t live, live_bytes, max_live, max_live_bytes;
	uint64_t held_bytes, max_held_bytes; /* at the end; of all samples */
	uint64_t first_ns, last_ns;
	struct heap_sample sample[HEAP_MAX_SAMPLES];
	size_t nr_samples;
	struct heap_class class[HEAP_MAX_CLASSES]; /* by size, after heap_finish() */
	size_t nr_classes;
	uint64_t digest;
	bool full; /* stopped: more blocks alive than can be followed */
};

struct heap;

/* A heap on @q, whose CPUs are 0..@nr_cpus - 1; thread T plays on CPU T - 1, modulo their number. */
struct heap *heap_new(struct quarry *q, unsigned int nr_cpus, enum heap_kind kind);
void heap_delete(struct heap *h);

/* Play @n events; false: stopped, heap_result.full. */
bool heap_play(struct heap *h, const struct umt_event *ev, size_t n);
void heap_finish(struct heap *h);
const struct heap_result *heap_result(const struct heap *h);
enum heap_kind heap_kind(const struct heap *h);

/* "kmalloc", "fine". */
const char *heap_kind_name(enum heap_kind kind);
bool heap_kind_by_name(const char *name, enum heap_kind *kind);

/* The report. */
void heap_text(FILE *out, const struct heap *h, const struct trace *t);
json_t *heap_json(const struct heap *h, const struct trace *t);

#endif
