/* SPDX-License-Identifier: MIT */
/* The replay engine: recorded events become calls of a memory system. */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H

#include <quarry/quarry.h>

#include <collisions.h>
#include <engine_owners.h>
#include <linuxfacts.h>
#include <population.h>
#include <trace.h>

/*
 * What became of an event. Every event is counted in exactly one of these, so that the sum over all
 * fates is the number of events seen.
 */
enum engine_fate {
	ENGINE_REPLAYED,     /* done here too */
	ENGINE_REFUSED,      /* an allocation that the machine here refused */
	ENGINE_FAILED,       /* an allocation that Linux refused: not tried */
	ENGINE_BEFORE,       /* a free of something allocated before the recording began */
	ENGINE_FROM_BEFORE,  /* the same, found in the population from the starting snapshot */
	ENGINE_UNTRACED,     /* a free of something whose allocation has no event, or freed twice */
	ENGINE_FREE_REFUSED, /* a free of something that had been refused here */
	ENGINE_SLAB_PAGE,    /* a page of the recorded kernel's own slabs: ours takes its own */
	ENGINE_DUPLICATE,    /* says again what another event has said */
	ENGINE_NULL,         /* kfree(NULL) */
	ENGINE_ZERO_SIZE,    /* kmalloc(0) or its kfree() */
	ENGINE_INFORMATION,  /* nothing is taken or given back */
	ENGINE_NO_ID,        /* the address was not printed */
	ENGINE_BAD_ORDER,    /* a block that Linux cannot have: too large, or not aligned */
	ENGINE_NR_FATES
};

/* Why a request was refused here: first enum quarry_refusal_reason, then these. */
enum {
	ENGINE_REASON_TOO_LARGE = QUARRY_REFUSED_REASONS, /* no class and no block has that size */
	ENGINE_REASON_NO_CACHE,                           /* the cache could not be made */
	ENGINE_REASON_OTHER,
	ENGINE_NR_REASONS
};

#define ENGINE_MAX_REFUSALS 32

/* Refused requests that are alike. */
struct engine_refusal {
	uint8_t type; /* enum trace_type */
	uint8_t reason;
	uint8_t order; /* of the pages that were lacking */
	gfp_t gfp;
	uint64_t count;
	uint64_t first_event;      /* number of the first one, from 1 */
	uint64_t bytes;            /* of the first one; pages: of the block */
	struct quarry_refusal why; /* of the first one; serial 0: not known */
	char *text;                /* of the first one, quarry_show_refusal(); NULL: not known */
};

struct engine_result {
	uint64_t events;
	uint64_t seen[TRACE_NR_TYPES];
	uint64_t fate[TRACE_NR_TYPES][ENGINE_NR_FATES];
	uint64_t
		implied_objects; /* freed because their address was given out again, or their page freed */
	uint64_t implied_pages;
	uint64_t late_slab_pages; /* blocks replayed at first, then seen to be slab pages */
	uint64_t split_blocks;    /* blocks freed in other pieces than allocated */
	uint64_t caches_made, caches_failed;
	uint64_t live_objects, live_pages; /* at the end, replayed and not freed */
	uint64_t max_live_objects, max_live_pages;
	uint64_t first_ns, last_ns; /* time of the recording */
	uint64_t reasons[ENGINE_NR_REASONS];
	struct engine_refusal refusal[ENGINE_MAX_REFUSALS];
	size_t nr_refusals;
	uint64_t last_refused; /* event of the last refusal for want of pages, from 1; 0: none */
	char *last_text;       /* quarry_show_refusal() of it */
	uint64_t extfrag_recorded, extfrag_ours;
	struct collisions collisions;
	uint64_t digest; /* of all addresses handed out, in order */
	bool full;       /* stopped: more things alive than can be followed */
};

struct engine;

/*
 * An engine that plays @t on @q, whose CPUs are 0..@nr_cpus - 1. @facts may be NULL. All must stay,
 * and the engine must stay as long as @q: caches refer to names that it owns.
 */
struct engine *engine_new(struct quarry *q, unsigned int nr_cpus, const struct trace *t,
			  const struct linuxfacts *facts);
void engine_delete(struct engine *e);

/*
 * Have @fn called with @ctx after each event: what goes on beside the recording. It returns whether
 * requests of its own were refused. Before the first event.
 */
void engine_set_background(struct engine *e, bool (*fn)(void *ctx), void *ctx);

/* Blocks that were asked for as movable can be moved, by compaction. Before the first event, once. */
void engine_set_movable(struct engine *e);

/*
 * Put on the machine what was there before the recording, from facts->first, if that was taken then. Before the
 * first event. engine_population() is NULL if there was no such snapshot.
 */
void engine_set_population(struct engine *e);
const struct population_result *engine_population(const struct engine *e);

/* Between two events: the number of the last one played, and the recorded time. */
struct engine_moment {
	uint64_t event;
	uint64_t time_ns;
};

/* A request that has just been refused. */
struct engine_refused {
	uint8_t type; /* enum trace_type */
	gfp_t gfp;
	unsigned int order;  /* of the pages that were lacking */
	unsigned int reason; /* engine_reason_name() */
	uint64_t bytes;
	uint32_t desc;
};

/*
 * Somebody who watches. sample() is called before the first event, then whenever so many events were
 * played or so much recorded time has gone by since the last call, and in engine_finish(). It may read
 * the machine and change every_events and every_ns; it may take nothing from the machine.
 */
struct engine_observer {
	uint64_t every_events, every_ns; /* 0: not by this */
	void (*sample)(void *ctx, const struct engine_moment *m);
	/* Each refusal, right after it; NULL: not wanted. */
	void (*refused)(void *ctx, const struct engine_moment *m, const struct engine_refused *r);
	void *ctx;
};

/* Before the first event; @observer must stay. */
void engine_set_observer(struct engine *e, struct engine_observer *observer);

/* Remember who owns what, at some cost. Before the first event. */
void engine_set_owners(struct engine *e);
/* By number of descriptor, which names the call site; *@nr of them. NULL: nothing is known. */
const struct engine_owner *engine_owners(const struct engine *e, uint32_t *nr);
/*
 * The descriptor whose request holds the block that starts at page frame @pfn of the machine here. False:
 * no block of the recording's starts there.
 */
bool engine_block_owner(const struct engine *e, uint64_t pfn, uint32_t *desc);

/* Play the first @n events of the trace's batch. False: stopped, see engine_result.full. */
bool engine_play(struct engine *e, size_t n);

/* Play what is held back, and sum up. */
void engine_finish(struct engine *e);
const struct engine_result *engine_result(const struct engine *e);
/* Find what stood where addresses collide: reads the recording at @path again. */
void engine_look_back(struct engine *e, const char *path);

/* "replayed", "refused" ...: for tables; engine_fate_text() in words. */
const char *engine_fate_name(enum engine_fate fate);
const char *engine_fate_text(enum engine_fate fate);
/* "watermark", "no block of the order" ... */
const char *engine_reason_name(unsigned int reason);
const char *engine_reason_text(unsigned int reason);

#endif
