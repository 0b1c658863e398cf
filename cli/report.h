/* SPDX-License-Identifier: MIT */
/* What happened in a replay, as text and as JSON. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <engine.h>
#include <heap.h>
#include <linuxfacts.h>
#include <machine.h>
#include <pressure.h>
#include <trace.h>

/* What the report is about. The replay is over; nothing is changed by reporting. */
struct report {
	const struct trace *trace;
	const struct engine_result *result; /* NULL: a user program's */
	const struct heap *heap;            /* of a user program; else NULL */
	uint64_t events, recorded_ns;       /* played, and their time */
	bool full;                          /* stopped: more alive than can be followed */
	const struct linuxfacts *facts;
	const struct population_result *population; /* NULL: no starting snapshot */
	struct machine *machine;
	const char *trace_path, *map_path, *cmdline; /* cmdline may be NULL */
	const char *policy;                          /* NULL: Linux's */
	const struct pressure *pressure;             /* NULL: without page cache */
	uint64_t wall_ns; /* of decoding and replaying, without the boot of the machine */
	uint64_t faults;  /* damage that the library reported on the way */
	uint64_t limit;   /* events asked for; 0: all */
	bool limited;     /* the limit came before the end */
	bool all_caches;  /* slabinfo of empty caches too */
	unsigned int top; /* rows of the comparison of caches */
	uint64_t digest;  /* report_digest() */
};

/* Whether the recording was played to its proper end, or to the limit asked for. */
bool report_complete(const struct report *r);

/*
 * One number for everything that can be seen of the replay: addresses handed out in order (@addresses is
 * the number for those), buddyinfo and slabinfo at the end. Equal for equal input, whatever allocator booted the machine.
 */
uint64_t report_digest(struct quarry *q, uint64_t addresses);

/*
 * Share of the free pages that an allocation of @order cannot use, as they lie in smaller blocks:
 * 0 to 1; 0 without free pages. @nr_free counts blocks by order.
 */
double report_unusable(const unsigned long *nr_free, unsigned int order);

void report_text(FILE *out, const struct report *r);
/* Returns 0, or -1 if it could not be written. */
int report_json(FILE *out, const struct report *r);

#endif
