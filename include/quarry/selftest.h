/* SPDX-License-Identifier: MIT */
/*
 * The self-test: short checks of every row of the hierarchy, and a stress for all CPUs, on a machine that
 * is up. Freestanding, as the library is: a kernel runs it at start, `quarry selftest` in a process.
 */
#ifndef QUARRY_SELFTEST_H
#define QUARRY_SELFTEST_H

#include <quarry/types.h>

/* Scratch memory that every test is content with. */
#define QUARRY_SELFTEST_SCRATCH (1024 * QUARRY_PAGE_SIZE)

/* What the CPUs of a stress share; zeroed before each. */
struct quarry_selftest_stress {
	uint32_t arrived, turn; /* the barrier */
	uint32_t failures;
	uint32_t steps, refused;     /* of all CPUs; a refusal is no failure */
	struct kmem_cache *cache;    /* all use it */
	uintptr_t box[64];           /* blocks for any CPU to free: pfn << 4 | order; 0: none */
	void *object[64];            /* and objects */
	unsigned long free, managed; /* pages before, by tables of @meta_bytes */
	size_t meta_bytes;
};

/**
 * struct quarry_selftest_env - what a self-test runs on
 * @q:		booted machine with a few MiB free; nobody else uses it meanwhile
 * @print:	takes one finished line, no newline; NULL: nothing is said
 * @relax:	one step of a wait for other CPUs (stress only); NULL: spin
 * @ctx:	passed to both
 * @cpu:	number of the CPU that this runs on, below @nr_cpus
 * @nr_cpus:	CPUs that take part in the stress
 * @seed:	of all random choices
 * @no_access:	pages of @q have no contents (simulated memory)
 * @scratch:	memory outside @q in which small machines are built, page-aligned; NULL: what needs them
 *		(rows B and M, exact counts) is skipped
 * @scratch_bytes: its size, QUARRY_SELFTEST_SCRATCH for all tests
 * @stress:	for quarry_selftest_stress(); the same object on all CPUs
 */
struct quarry_selftest_env {
	struct quarry *q;
	void (*print)(void *ctx, const char *line);
	void (*relax)(void *ctx);
	void *ctx;
	unsigned int cpu, nr_cpus;
	uint64_t seed;
	bool no_access;
	void *scratch;
	size_t scratch_bytes;
	struct quarry_selftest_stress *stress;
};

/**
 * quarry_selftest() - run the tests, one after the other
 * @env:    machine and means; kept by the caller
 * @filter: a row ("P2"), the letter of a layer ("B", "M", "P", "S", "X"), "2b" for what goes
 *	    beyond the rows, or a part of a name;
 *	    NULL: all
 *
 * Prints a plan and a line for each test, as TAP has it: "ok 3 - P2 buddies merge", "not ok ...", "# SKIP
 * why"; after a failure what was expected. Before and after each test caches are shrunk, sheaves emptied,
 * the validators run and free blocks counted: a test that does not leave @env->q as it was, fails.
 *
 * Context: one CPU, not interrupt. Some KiB of stack.
 * Return:  tests that failed; also 1 if @filter fits none.
 */
unsigned int quarry_selftest(const struct quarry_selftest_env *env, const char *filter);

/** quarry_selftest_list() - print by @env->print row and name of each test that @filter fits. Returns how
 * many there are. Context: any. */
unsigned int quarry_selftest_list(const struct quarry_selftest_env *env, const char *filter);

/**
 * quarry_selftest_stress() - take and give back memory at random, on all CPUs at once
 * @env:    this CPU's; @env->stress, @env->nr_cpus and @rounds are the same on all, @env->cpu is its own
 * @rounds: rounds, each of 2000 steps; between two the CPUs wait for each other and CPU 0 validates
 *
 * Blocks of all orders and kinds, references, splits, objects of a cache and of kmalloc; some freed
 * on another CPU. Pages carry their owner's stamp if they have contents.
 *
 * Context: every CPU below @env->nr_cpus calls it; not interrupt.
 * Return:  failures of all CPUs so far, 0 if all is well; CPU 0 has printed them.
 */
unsigned int quarry_selftest_stress(const struct quarry_selftest_env *env, unsigned int rounds);

#endif
