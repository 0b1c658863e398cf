/* SPDX-License-Identifier: MIT */
/*
 * A machine under memory pressure: its page cache, and what a kernel does between requests: kswapd and
 * kcompactd run when they were woken, and file pages are read.
 */
#ifndef CLI_PRESSURE_H
#define CLI_PRESSURE_H

#include <jansson.h>
#include <stdio.h>

#include <machine.h>
#include <pagecache.h>
#include <quarry/posix.h>

#define PRESSURE_MAX_SAMPLES 20u
#define PRESSURE_READ_EVERY 32u /* events for a file page that is read, in a replay */

/* What the options say. */
struct pressure_options {
	bool on;
	uint64_t bytes;       /* of cache; PAGECACHE_FILL: all that is free */
	unsigned int percent; /* of the pages that the allocator manages; 0: bytes */
	uint64_t seed;
	bool pinned;             /* the cache's pages cannot be moved */
	unsigned int read_every; /* requests for a file page that is read; 0: none are */
	unsigned int reads;      /* and how many are read then */
};

/* The machine as it was after so many requests. */
struct pressure_sample {
	uint64_t request, cached, free;
};

/* The fewest free pages of a zone that were seen, after how many requests. */
struct pressure_low {
	uint64_t free, request;
	bool seen;
};

struct pressure {
	struct pressure_options options;
	struct quarry_posix_options hooks; /* for machine_options.hooks */
	struct quarry *q;
	int nr_nodes;
	struct pagecache *cache; /* NULL: not started */
	struct pagecache_stats start;
	uint64_t wanted; /* nodes whose kswapd was woken */
	bool background; /* kswapd is at work: what is reclaimed is not the requests' own doing */
	uint64_t request;
	unsigned int until_read;
	uint64_t until_sample, sample_every;
	struct pressure_sample sample[PRESSURE_MAX_SAMPLES];
	unsigned int nr_samples;
	struct pressure_low low[QUARRY_MAX_NODES][QUARRY_NR_ZONES];
	uint64_t base[QUARRY_NR_VM_EVENTS]; /* counters at the start */
	uint64_t direct_runs, direct_pages, kswapd_runs, kswapd_pages;
};

#define PRESSURE_EXPECTED \
	"--page-cache=%s: expected fill, a share such as 50%%, or a size from 4K to 64G"

/* "fill", "25%" or a size; false: none of them, or more than there can be. */
bool pressure_parse(const char *text, struct pressure_options *o);

/* Before the machine is made: @p->hooks are then to be its own. @p must stay as long as the machine. */
void pressure_init(struct pressure *p, const struct pressure_options *o);
/* The machine is booted: fill its cache. CLI_OK, or CLI_INPUT after a message. */
int pressure_start(struct pressure *p, const struct machine *m);
/* The last sample. */
void pressure_end(struct pressure *p);
void pressure_free(struct pressure *p);

/* The slow part of pressure_step(). */
void pressure_run_daemons(struct pressure *p);
void pressure_read(struct pressure *p);
void pressure_take_sample(struct pressure *p);

/* After each request. */
static inline void pressure_step(struct pressure *p)
{
	p->request++;
	if (p->wanted != 0)
		pressure_run_daemons(p);
	if (--p->until_read == 0)
		pressure_read(p);
	if (--p->until_sample == 0)
		pressure_take_sample(p);
}

/* How often @event happened since pressure_start(). */
uint64_t pressure_count(const struct pressure *p, enum quarry_vm_event event);

/* The section "Memory pressure", without its title; @unit is what is counted: "event", "request". */
void pressure_text(FILE *out, const struct pressure *p, const char *unit);
json_t *pressure_json(const struct pressure *p);

#endif
