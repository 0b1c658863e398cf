/* SPDX-License-Identifier: MIT */
/* How a machine fared while a recording was played: samples of its zones, caches and pageblocks. */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include <session.h>

#define HISTORY_MAX_SAMPLES 512u
#define HISTORY_MAX_ZONES 64u
#define HISTORY_NAME_MAX 96u

/* Columns of a sample that are not a zone's. */
enum history_column {
	HISTORY_EVENT,   /* number of the last event played */
	HISTORY_TIME_NS, /* since the first event */
	HISTORY_LIVE_OBJECTS,
	HISTORY_LIVE_PAGES,
	HISTORY_LIVE_BYTES, /* asked for by a user program and not freed */
	HISTORY_REFUSED,    /* requests, since the start */
	HISTORY_NR_OWN,
	HISTORY_VM = HISTORY_NR_OWN, /* then all enum quarry_vm_event */
	HISTORY_NR_FIXED = HISTORY_VM + QUARRY_NR_VM_EVENTS
};

/* Columns of a zone, in pages; then free blocks by order. */
enum history_zone_column {
	HISTORY_FREE,
	HISTORY_PCP,
	HISTORY_MIN,
	HISTORY_LOW,
	HISTORY_HIGH,
	HISTORY_BOOST,
	HISTORY_BLOCKS,
	HISTORY_ZONE_COLUMNS = HISTORY_BLOCKS + QUARRY_NR_ORDERS
};

struct history_zone {
	int nid;
	enum quarry_zone_type type;
	unsigned long present, managed;
};

/* Columns of a cache. */
enum history_cache_column {
	HISTORY_SLABS,
	HISTORY_BYTES,   /* of its slabs */
	HISTORY_OBJECTS, /* owned by callers */
	HISTORY_PLACES,  /* for objects, in all slabs */
	HISTORY_CACHE_COLUMNS
};

struct history_cache {
	struct kmem_cache *cache;
	char *name;
	unsigned int object_size;
	uint64_t (*value)[HISTORY_CACHE_COLUMNS]; /* HISTORY_MAX_SAMPLES of them */
};

/* Consecutive pageblocks of one zone. */
struct history_span {
	uint64_t first; /* number: pfn / 512 */
	uint64_t nr;
	unsigned int zone; /* in zones[] */
};

/* What lies on a page, as the rows tell it. */
enum history_kind {
	HISTORY_PAGE_FREE,
	HISTORY_PAGE_UNMOVABLE, /* a block that the recording has: by what was asked for */
	HISTORY_PAGE_MOVABLE,
	HISTORY_PAGE_RECLAIMABLE,
	HISTORY_PAGE_SLAB,
	HISTORY_PAGE_PCP,      /* in a CPU's sheaf */
	HISTORY_PAGE_OTHER,    /* a block that others hold: file pages, population */
	HISTORY_PAGE_RESERVED, /* never the allocator's, offline, damaged */
	HISTORY_NR_KINDS
};

#define HISTORY_CELL_BYTES 5u /* migratetype or 255; pages free, 2; owner, 2 */
#define HISTORY_NO_TYPE 255u  /* nothing there was ever the allocator's */

/* A pageblock's pages, as they were from sample @sample on. */
struct history_row {
	uint32_t sample;
	uint32_t len;
	uint64_t block; /* number of the pageblock */
	size_t at;      /* in rows.text */
};

struct history_owner {
	char *name;
	bool cache; /* else a call site */
};

struct history {
	struct engine *engine; /* NULL: a user program's recording */
	struct heap *heap;
	const struct trace *trace;
	struct quarry *q;
	struct engine_observer observer;
	uint64_t heap_due; /* event of the next sample of a user program's recording */
	uint64_t first_ns;
	unsigned int nr, cap; /* samples; at cap every other one is dropped */

	struct history_zone zone[HISTORY_MAX_ZONES];
	unsigned int nr_zones, nr_columns;
	uint64_t *value; /* [cap][nr_columns] */

	struct history_cache *caches;
	unsigned int nr_caches, cap_caches;

	/* The map. A cell is 2^cell_shift pageblocks. */
	struct history_span *spans;
	unsigned int nr_spans;
	uint64_t nr_blocks;
	unsigned int cell_shift, nr_cells;
	uint8_t *cells; /* [cap][HISTORY_CELL_BYTES][nr_cells] */

	struct history_owner *owners; /* number 0: nobody */
	unsigned int nr_owners, cap_owners;
	struct history_owner_map *owner_map;

	/* Rows of pages of the pageblocks that changed, by sample. */
	struct history_row *rows;
	size_t nr_rows, cap_rows;
	struct strbuf row_text;
	uint32_t *last_row; /* by pageblock, in the order of spans: number + 1 of its last row */
	unsigned int row_every; /* samples between two that have rows */
	uint64_t *seen;         /* by pageblock: hash of its bitmap at the last row */
};

/*
 * Watch what @s plays from now on: before its first event. @expected is the number of events that will come,
 * 0: not known. @h and @s must stay until history_free(), and session_run() must be what plays.
 */
void history_start(struct history *h, struct session *s, uint64_t expected);
/* The recording is over and the machine still there: the last sample is made exact. */
void history_end(struct history *h);
void history_free(struct history *h);

/* Value of sample @i. */
static inline uint64_t history_value(const struct history *h, unsigned int i, unsigned int column)
{
	return h->value[(size_t)i * h->nr_columns + column];
}

static inline unsigned int history_zone_at(unsigned int zone, unsigned int column)
{
	return HISTORY_NR_FIXED + zone * HISTORY_ZONE_COLUMNS + column;
}

/* Between history.c and history_map.c. */
void history_map_start(struct history *h);
void history_map_sample(struct history *h);
/* Samples i * 2 are now i. */
void history_map_halve(struct history *h);
/* Looks at all pageblocks again for the last sample. */
void history_map_end(struct history *h);
void history_map_free(struct history *h);

#endif
