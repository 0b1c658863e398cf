/* SPDX-License-Identifier: MIT */
/*
 * The explorer: small programs of two or three virtual threads, run under every schedule.
 *
 * Problem    A race in lock-free code shows itself in one schedule of thousands, and on hardware that
 *            reorders more than the one the tests run on. Here one OS thread plays all CPUs, a search
 *            decides who goes next and what each load reads, and does so in all ways that can differ.
 *
 * Hooks      src/ is compiled with -fsanitize=thread but linked with memory.c instead of the sanitizer's
 *            library. So every access comes here, and src/ itself is as it is.
 *
 * Case       setup() builds a machine in the region and is run once; its memory is the start of each
 *            execution. thread[] are run together, each on the CPU of its number; check() then runs
 *            alone. An execution fails by explore_fail(), a report of damage, a panic, a trap, a
 *            deadlock, a data race or a spin without end.
 *
 * Search     engine.c. With reduction (no bound): one execution for each order of dependent accesses.
 *            With a bound: every schedule with at most so many preemptions. Either way a load may
 *            read any store that the memory model allows, up to explore_limits.stale old ones in an
 *            execution.
 *
 * Model      memory.c: C11 without consume. Not covered: a load that reads a store which its own
 *            thread's later stores lead to (load buffering), stores that become visible in
 *            another order than they were executed in (2+2W), a compare-exchange that fails though the
 *            newest value is the one expected. Plain accesses are no points of the schedule; they are
 *            checked for races, without which their order cannot matter.
 *
 * Interrupt  A case with irq() runs it on thread 0's CPU at every access of thread 0 in turn, plain ones
 *            included, once in an execution: where the CPU is not pinned, or, as nmi, anywhere.
 */
#ifndef TESTS_EXPLORE_H
#define TESTS_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPLORE_THREADS 3
#define EXPLORE_EVENTS 65535 /* of one execution; more: it spins without end */

struct explore_limits {
	int preemptions; /* -1: no bound, with reduction */
	int stale;       /* loads of one execution that read an old store; -1: no bound */
	unsigned long executions;
};

struct explore_case {
	const char *name;
	const char *place; /* what it is about: the row of docs/reliability.md */
	unsigned int nr_threads;
	unsigned int arg; /* for cases that share functions */
	void (*setup)(unsigned int arg);
	void (*thread[EXPLORE_THREADS])(void);
	void (*irq)(void);
	bool nmi;
	void (*check)(void);
	struct explore_limits quick; /* of make test; main.c has the others */
	const char *finds;           /* a case that must fail: part of the message */
};

/* ---- for cases ---- */
/* Zeroed memory that every execution finds as setup() left it. */
void *explore_alloc(size_t size, size_t align);
void explore_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
#define EXPLORE_CHECK(x)                                                   \
	do {                                                               \
		if (!(x))                                                  \
			explore_fail("%s:%d: %s", __func__, __LINE__, #x); \
	} while (0)
/* The number of the virtual thread that runs. */
unsigned int explore_self(void);
/* All CPUs run a full fence: the port's barrier_cpus(). */
void explore_barrier_cpus(void *ctx);

/* ---- between engine.c and memory.c ---- */
enum op_kind { OP_NONE, OP_LOAD, OP_STORE, OP_RMW, OP_FENCE, OP_BARRIER };
enum op_change { RMW_EXCHANGE, RMW_ADD, RMW_SUB, RMW_AND, RMW_OR, RMW_XOR, RMW_CAS };

/* What a thread is about to do. */
struct op {
	enum op_kind kind;
	enum op_change change;
	int order; /* __ATOMIC_* */
	unsigned int size;
	uintptr_t addr;
	uint64_t value, expected;
	const void *pc;
	bool locks; /* quarry_lock()'s exchange: it waits until it would change something */
};

struct clocks {
	uint16_t at[EXPLORE_THREADS];
};

/* An atomic word. */
struct place {
	uintptr_t addr;
	unsigned int size;
	struct place *next; /* in the same eight bytes */
	bool shared; /* more than one thread uses it, and one of them writes: in any execution so far */
	/* of this execution */
	uint32_t execution;
	uint8_t users, writers; /* threads, as bits */
	bool valid; /* newest, oldest and seen are; else what memory holds is all there is */
	int newest; /* index of a store */
	int seen[EXPLORE_THREADS]; /* index of a note of what was read, or -1 */
	uint16_t read_at[EXPLORE_THREADS], write_at[EXPLORE_THREADS]; /* last ones, for races */
	/* events, or -1 */
	int last_read[EXPLORE_THREADS], last_write[EXPLORE_THREADS], last_lock[EXPLORE_THREADS];
	struct clocks after_writes, after_all; /* of these events */
};

struct place *memory_place(uintptr_t addr, unsigned int size);
void memory_snapshot(void);
/* As the snapshot was, and @threads threads have seen nothing else. */
void memory_begin(unsigned int threads);
void memory_forget(void);             /* another case */
extern unsigned int memory_nr_shared; /* places that are */
/* Whether @op changes what it finds now. */
bool memory_op_writes(const struct op *op);
/*
 * Whether @self has read the newest store to what it read last; it will from now on. @of: that place, and the one
 * that it stored to since, if any: who polls under a lock waits for the lock's next holder too.
 */
bool memory_saw_newest(unsigned int self, struct place *of[2]);

/* The thread that runs does @op next; returns when it is its turn. */
void engine_point(const struct op *op);
void engine_stored(struct place *place);
/* An alternative of @n, the first being the usual one. */
unsigned int engine_choose(unsigned int n);
/* Between two accesses: an interrupt may come. */
void engine_interrupt(void);
extern bool explore_on; /* an execution is on; not setup() nor check() */

static inline void clocks_join(struct clocks *to, const struct clocks *from)
{
	for (unsigned int i = 0; i < EXPLORE_THREADS; i++) {
		if (to->at[i] < from->at[i])
			to->at[i] = from->at[i];
	}
}

/* ---- main.c, for engine.c ---- */
struct explore_result {
	unsigned long executions, pruned, steps;
	unsigned int longest; /* events of an execution */
	bool complete, failed;
	char message[256];
	char schedule[1024];
};

void engine_run(const struct explore_case *c, const struct explore_limits *limits,
		struct explore_result *result);
/* Runs the one schedule; prints what happens if @trace. True: it fails, and says so in @result. */
bool engine_replay(const struct explore_case *c, const char *schedule, bool trace,
		   struct explore_result *result);

/* ---- weakened places, to see that the cases notice ---- */
#define EXPLORE_SITES 4096
#define EXPLORE_CASES 256
struct explore_site {
	const void *pc;
	uint16_t group; /* weakened together with those of its number; 0: never */
	int order;
	enum op_kind kind;
	uint8_t reached[EXPLORE_CASES / 8]; /* by which cases: bits */
};
extern unsigned int explore_number; /* of the case that runs */
extern struct explore_site explore_site[EXPLORE_SITES];
extern unsigned int explore_nr_sites;
extern unsigned int explore_weak; /* the group that is weakened; 0: none */

#endif
