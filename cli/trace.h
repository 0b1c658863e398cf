/* SPDX-License-Identifier: MIT */
/* Recordings of kmem:* events, whatever their format: one kind of event, read in batches. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <gfp.h>
#include <input.h>
#include <util.h>

/* The numbers up to TRACE_FREE_BULK are those of the binary format. */
enum trace_type {
	TRACE_NONE,
	TRACE_KMALLOC,
	TRACE_KFREE,
	TRACE_CACHE_ALLOC,
	TRACE_CACHE_FREE,
	TRACE_PAGE_ALLOC,
	TRACE_PAGE_FREE,
	TRACE_PAGE_FREE_BATCHED, /* the same page as the TRACE_PAGE_FREE before it */
	TRACE_EXTFRAG,
	TRACE_PCPU_DRAIN,
	TRACE_ZONE_LOCKED,
	TRACE_FREE_IMPLIED, /* concluded by the recorder, no event of the kernel */
	TRACE_SNAPSHOT,     /* a snapshot of /proc was taken here */
	TRACE_FREE_BULK,
	TRACE_OTHER, /* an event that says nothing about memory taken or given back: rss_stat */
	TRACE_NR_TYPES
};

/* Bits of struct trace_desc.flags. */
#define TRACE_F_ACCOUNTED 1u
#define TRACE_F_OWNERSHIP 2u /* extfrag: the pageblock changed its type */
#define TRACE_F_PERCPU 4u /* zone_locked: refill of a per-CPU list; implied: the page was freed */
#define TRACE_F_FAILED 8u /* the kernel refused the request */
#define TRACE_F_NO_ID 16u /* the address was not printed: cannot be followed */

/* What repeats between events; an event names it by number. */
struct trace_desc {
	uint64_t bytes_req, bytes_alloc; /* objects */
	uint64_t
		raw_gfp; /* kept only for conversions: KMT1: as recorded; text: number of its text */
	uint32_t site, cache; /* numbers of names, 0: not known */
	gfp_t gfp;            /* Quarry's flags */
	int32_t node;         /* asked for; -1: none */
	uint8_t type;         /* enum trace_type */
	uint8_t flags;        /* TRACE_F_* */
	uint8_t order;
	int8_t migratetype, fallback_order, fallback_migratetype;
};

/*
 * @addr tells objects (and, apart from them, page frames) from one another. Frames: the pfn; a
 * snapshot: its number. Objects: see object_shift of struct trace.
 */
struct trace_event {
	uint64_t addr;
	uint64_t time_ns;
	uint32_t desc;
	uint16_t cpu;
	uint8_t type;    /* that of the descriptor */
	uint8_t context; /* 0 task, 1 softirq, 2 hardirq, 3 NMI */
};

struct trace_names {
	char *text; /* one after the other, each ended by 0 */
	size_t len, cap;
	uint32_t *at;
	uint32_t nr, cap_at;
};

enum trace_format { TRACE_FORMAT_KMT, TRACE_FORMAT_PERF, TRACE_FORMAT_FTRACE, TRACE_FORMAT_UMT };

#define TRACE_BATCH 2048
#define TRACE_MAX_DESCS (1u << 20)
#define TRACE_MAX_NAMES (1u << 20)
#define TRACE_MAX_NAMES_LEN ((size_t)64 << 20)

/* An open recording. Fields are read by everyone, written by the readers. */
struct trace {
	char *path;
	enum trace_format format;
	struct input in;
	struct diag *diag;

	/* What the recording says of itself; empty if it does not. */
	char *name, *description, *kernel, *machine;
	unsigned int cpus; /* 0: not said */
	uint64_t lost_events;
	uint64_t declared_events; /* 0: not said */
	uint64_t unknown_gfp;     /* flags without a meaning here, by descriptor */

	struct trace_desc *descs;
	uint32_t nr_descs, cap_descs;
	struct trace_names caches; /* number 0 is "" */
	struct trace_names sites;

	/*
	 * Page frame of an object: (addr - object_base) >> object_shift, if object_shift is not 0.
	 * Else the addresses are hashes that only say which are equal.
	 */
	uint64_t object_base;
	unsigned int object_shift;
	uint64_t zero_size_addr; /* address of kmalloc(0); that of NULL is 0 */
	bool implied_known;      /* frees without an event were put in by the recorder */

	/* Where reading stopped, if not at a proper end. */
	bool damaged;
	uint64_t damage_offset; /* in the unpacked stream */

	uint64_t nr_lines, nr_bad_lines, nr_foreign_lines, nr_lost_places; /* text only */
	uint64_t nr_back; /* text only: events that are older than the one before */
	uint64_t back_ns; /* the largest step back */

	struct trace_event *batch;
	struct trace_keep *keep; /* NULL: nothing is kept but what a replay needs */
	uint32_t *batch_task;    /* with keep: tasks of the batch's events */
	uint64_t *batch_line;    /* texts: their lines; else NULL */
	void *reader;            /* private to the format's reader */
};

/*
 * Open @path ("-": standard input) and find out what it is; a binary recording's tables are read too.
 * Messages go to @diag, which must stay. Returns CLI_OK, or CLI_INPUT with nothing to close: it cannot
 * be read or is no recording. A damaged one opens, and trace_next() says so in its place.
 */
int trace_open(struct trace *t, const char *path, struct diag *diag);

/* trace_open(), and nothing is lost: trace_keep.h. @line, which may be NULL, is called for each line of text. */
int trace_open_kept(struct trace *t, const char *path, struct diag *diag,
		    void (*line)(void *ctx, const char *line, size_t len, bool event), void *ctx);

/* trace_open() of @len bytes at @data, called @path in messages. */
int trace_open_memory(struct trace *t, const char *path, const void *data, size_t len,
		      struct diag *diag);

/*
 * The next events, at most TRACE_BATCH, in t->batch. Returns how many; 0 at the end, where t->damaged
 * tells whether the recording goes on and cannot be read. Descriptors and names may grow. Recordings of
 * user programs have events of another kind: umt_next().
 */
size_t trace_next(struct trace *t);
/* No more events are wanted: lets go of what reading them takes, umt_facts() too, and keeps descriptors and names. */
void trace_stop(struct trace *t);
void trace_close(struct trace *t);

/* "kmalloc", "mm_page_alloc" ...: the kernel's name of the event. */
const char *trace_type_name(enum trace_type type);
/* "KMT1 binary", "perf script text" ... */
const char *trace_format_name(enum trace_format format);

/* For the readers. */
const char *trace_name(const struct trace_names *names, uint32_t i);
/* Append @len bytes as the next name; false if the table is full. */
bool trace_name_add(struct trace_names *names, const char *s, size_t len);
/* Room for one more descriptor, zeroed; NULL if the table is full. */
struct trace_desc *trace_desc_add(struct trace *t);
/* Say what is wrong at byte @offset, once; trace_next() gives nothing from then on. */
void trace_damage(struct trace *t, uint64_t offset, const char *fmt, ...) UTIL_PRINTF(3, 4);

static inline bool trace_type_is_object(unsigned int type)
{
	return (1u << type &
		(1u << TRACE_KMALLOC | 1u << TRACE_KFREE | 1u << TRACE_CACHE_ALLOC |
		 1u << TRACE_CACHE_FREE | 1u << TRACE_FREE_IMPLIED | 1u << TRACE_FREE_BULK)) != 0;
}

static inline bool trace_type_is_page(unsigned int type)
{
	return type >= TRACE_PAGE_ALLOC && type <= TRACE_ZONE_LOCKED;
}

#endif
