/* SPDX-License-Identifier: MIT */
/*
 * Lives of machines: everything that can happen to pages, at random.
 *
 * After each step the validator passes. Now and then the sheaves are emptied, and the truth about every
 * page frame is put together from what the test knows alone: what it owns, what it has poisoned, which
 * memory blocks are offline. Every other frame must be free; a textbook buddy system that is given these
 * frames one by one must hold the blocks that the library shows, by zone, migratetype and order (P1 to P3,
 * P9); and free, isolated and poisoned pages must add up to the managed ones. After ANY_DIGEST_AT steps a digest of
 * all states on the way, of what was answered, told and asked of the host, and of how many locks each step took, is compared
 * with one that was written down.
 *
 * QUARRY_TEST_SEED begins with another seed, QUARRY_TEST_STEPS takes other than the usual number of steps,
 * QUARRY_TEST_DECISIONS prints the digests, for scripts/decisions.py.
 */
#ifndef TESTS_ANYTHING_H
#define TESTS_ANYTHING_H

#include <stdlib.h>

#include "machine_build.h"
#include "owner.h"

#define MIB MACHINE_MIB
#define GIB MACHINE_GIB
#define HELD_MAX 6000u
#define OWNER_SLOTS 3000u
#define RUNS_MAX 64u
/* Also in configurations that have but one node, or one CPU: test_configs.sh. */
#define NODE_1 (QUARRY_MAX_NODES > 1 ? 1 : 0)
#define NODE_2 (QUARRY_MAX_NODES > 2 ? 2 : 0)
#define CPUS(n) (QUARRY_MAX_CPUS < (n) ? QUARRY_MAX_CPUS : (n))
/* The configurations that digests were written down for. Debug builds count what locks are taken. */
#define ANY_USUAL                                                                      \
	(QUARRY_DEBUG && QUARRY_PAGE_SHIFT == 12 && QUARRY_PAGEBLOCK_ORDER == 9 &&     \
	 QUARRY_MAX_ORDER == 10 && QUARRY_MAX_NODES >= 64 && QUARRY_MAX_CPUS >= 256 && \
	 !QUARRY_HARDENED)
#define ANY_DIGEST_AT 200u

/* What mostly happens. */
enum any_taste {
	ANY_MIXED,
	ANY_HOTPLUG, /* memory comes and goes, and is mostly free */
	ANY_PLAIN,   /* nobody can move pages; many are freed in random order */
	ANY_FULL,    /* more is asked for than there is */
	ANY_HUGE,    /* mostly whole pageblocks, and pairs of them */
	ANY_TASTES
};

struct any_life {
	struct machine_spec spec;
	enum any_taste taste;
	bool helps; /* the host frees something when asked, and refuses tables now and then */
	bool debug; /* debugging aids are switched on and off */
	bool odd;   /* there may be no place for CMA areas, or for the machine's own tables */
	unsigned int cmas;
	phys_addr_t end; /* no frame lies behind it */
	uint64_t seed;
	unsigned int steps;
	unsigned int compare_every; /* steps; 0: 16 */
	uint64_t digest;
};

/* Frames in a row that were taken, or isolated, at once. */
struct run {
	pfn_t start, end;
	struct quarry_cma *cma; /* NULL: taken by number */
};

struct held {
	struct page *page;
	unsigned int order, refs;
	unsigned int
		put_by; /* CPU + 1 that dropped a reference last: what it drops may count for others for a while */
};

struct anything {
	const struct any_life *life;
	struct machine_spec spec;
	struct machine m;
	struct owner owner;
	uint64_t seed;
	unsigned int machine, step, nr_cpus;
	pfn_t end_pfn;
	bool *memory, *reserved, *poison; /* by frame, as the test has it */
	unsigned int nr_held, nr_taken, nr_isolated;
	struct held held[HELD_MAX];
	struct run taken[RUNS_MAX], isolated[RUNS_MAX];
	struct quarry_cma *cma[4];
	unsigned int nr_cma;
	struct quarry_shrinker shrinker[2];
	unsigned long deferred[QUARRY_MAX_NODES];
	uint64_t clock;
	bool boot_refused;   /* some memory was not accepted at boot */
	unsigned long waits; /* of the request that must not fail, or the last such */
	const char *last;
	uint64_t digest;
};

static inline uint64_t any_random(struct anything *t, uint64_t below)
{
	return machine_random(&t->seed) % below;
}

static inline void any_add(struct anything *t, uint64_t x)
{
	t->digest ^= x;
	t->digest = machine_random(&t->digest);
}

#define ANY_FAIL(t, ...)                                                                         \
	do {                                                                                     \
		print_message("machine %u, step %u (%s): ", (t)->machine, (t)->step, (t)->last); \
		fail_msg(__VA_ARGS__);                                                           \
	} while (0)

void any_live(const struct any_life *life);
/* The short lives of @machines machines of all shapes, from @seed on; @digest is of all of them. */
void any_live_short(uint64_t seed, unsigned int machines, unsigned int steps, uint64_t digest);
void any_add_text(void *ctx, const char *text, size_t len);
/* Where memory exists, their owner writes to @n pages from frame @pfn on. */
void any_write(struct anything *t, pfn_t pfn, unsigned long n);

/* ---- anything_steps.c ---- */
/* One step of the life's taste, on the CPU that is set; t->last says which. */
void any_step(struct anything *t);
/* Gives everything back. */
void any_give_all(struct anything *t);
/* Owners and a trace are switched on. */
void any_watch(struct anything *t);
gfp_t any_gfp(struct anything *t);
unsigned int any_order(struct anything *t);
/* A block that was got, or NULL: the refusal is told then. */
void any_hold(struct anything *t, struct page *page, unsigned int order);
/* One reference of block @i. */
void any_free_one(struct anything *t, unsigned int i);
/* Some block or run, of whatever kind, goes; false: nothing is held. */
bool any_free_something(struct anything *t);

/* ---- anything_host.c: the host's part, and steps that call for it ---- */
/* Of what the test holds some blocks are freed. */
void any_help(struct machine_spec *spec);
void any_host_begin(struct anything *t);
int any_tell(void *ctx, const struct quarry_range *ranges, unsigned int n);
void step_shrink(struct anything *t);
void step_nofail(struct anything *t);
void step_daemons(struct anything *t);

/* ---- anything_asks.c: what can be asked, and what aims at limits ---- */
void step_ask(struct anything *t);
void step_ask_ranges(struct anything *t);
void step_ask_words(struct anything *t);
void step_aim_marks(struct anything *t);
void step_aim_threshold(struct anything *t);

#endif
