/* SPDX-License-Identifier: MIT */
/*
 * quarry top: memory management at work, in a terminal. What is shown is read from the texts of /proc, of this
 * machine or of a replay: Quarry's views are in the same format, so one reader serves both.
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <quarry/quarry.h>

#include <session.h>
#include <util.h>

#define TOP_WIDTH 200 /* of a line; terminals may show less */
#define TOP_MAX_LINES 200
#define TOP_ORDERS 11
#define TOP_MAX_ZONES 64
#define TOP_MAX_CACHES 1024
#define TOP_MAX_COUNTERS 256
#define TOP_MAX_TYPES 8
#define TOP_NAME 48

struct top_zone {
	int nid;
	char name[16];
	uint64_t managed, free, pcp, min, low, high, boost; /* pages */
	uint64_t blocks[TOP_ORDERS];
	uint64_t types[TOP_MAX_TYPES]; /* pageblocks, by column of pagetypeinfo */
};

struct top_cache {
	char name[TOP_NAME];
	uint64_t active, objects, object_size, slabs, bytes;
};

struct top_counter {
	char name[TOP_NAME];
	uint64_t value;
};

/* One look at a machine. */
struct top_look {
	struct top_zone zones[TOP_MAX_ZONES];
	struct top_cache caches[TOP_MAX_CACHES];
	struct top_counter
		counters[TOP_MAX_COUNTERS]; /* /proc/vmstat, as far as it is of use here */
	char types[TOP_MAX_TYPES][16];
	unsigned int nr_zones, nr_caches, nr_counters, nr_types;
	uint64_t page_size;
	uint64_t ns;                      /* recorded time, or the clock */
	const char *no_caches, *no_types; /* why there are none; NULL: there are */
};

/* Readers of one text each, into a look that was zeroed. What they do not understand they leave out. */
void top_read_buddyinfo(struct top_look *look, const char *text);
void top_read_zoneinfo(struct top_look *look, const char *text);
void top_read_pagetypeinfo(struct top_look *look, const char *text);
void top_read_slabinfo(struct top_look *look, const char *text);
void top_read_vmstat(struct top_look *look, const char *text);

/* All of them, of @q, or of the machine below @proc ("/proc"). */
void top_look_at(struct top_look *look, struct quarry *q);
/* CLI_OK, or CLI_FAILED after a message: not even buddyinfo and zoneinfo can be read. */
int top_look_live(struct top_look *look, const char *proc);

/* Value of a counter; 0: there is none. */
uint64_t top_counter(const struct top_look *look, const char *name);

/* Events of the kernel's allocators, counted by perf_event_open(). */
struct top_perf;
/* NULL: not possible, and *why says why. */
struct top_perf *top_perf_open(const char **why);
void top_perf_close(struct top_perf *p);
/* Events of @name ("mm_page_alloc") so far; false: not counted. */
bool top_perf_count(struct top_perf *p, unsigned int i, const char **name, uint64_t *count);

/* ---- what is seen ---- */

enum top_attr {
	TOP_PLAIN,
	TOP_TITLE,
	TOP_HEAD,
	TOP_GOOD,
	TOP_WARN,
	TOP_BAD,
	TOP_UNMOVABLE,
	TOP_MOVABLE,
	TOP_RECLAIMABLE,
	TOP_OTHER,
	TOP_NR_ATTRS
};

struct top_line {
	char text[TOP_WIDTH + 1];
	uint8_t attr[TOP_WIDTH];
	unsigned int len;
};

struct top_frame {
	struct top_line lines[TOP_MAX_LINES];
	unsigned int nr, width, height;
};

enum top_panel { TOP_PANEL_ALL, TOP_PANEL_CACHES, TOP_PANEL_MAP, TOP_PANEL_EVENTS, TOP_PANEL_HELP };
enum top_sort { TOP_SORT_BYTES, TOP_SORT_WASTE, TOP_SORT_NAME, TOP_NR_SORTS };

struct top_view {
	const struct top_look *now, *before; /* before may be NULL: no rates */
	enum top_panel panel;
	enum top_sort sort;
	unsigned int scroll;
	const char *title; /* what is looked at */
	char status[TOP_WIDTH + 1];
	double done;           /* share of the recording; below 0: a live machine */
	struct quarry *q;      /* for the map; NULL: a live machine */
	uint64_t refused;      /* requests, of a replay */
	struct top_perf *perf; /* NULL: none */
	uint64_t perf_before[16];
	const char *no_perf;
};

/* Draw @v into @f, which has its width and height set. */
void top_draw(struct top_frame *f, const struct top_view *v);

#endif
