/* SPDX-License-Identifier: MIT */
/*
 * Threads, each playing a CPU of its own, all in the same workload at once; the list buddy in turns. With more
 * threads than processors a lock's holder is often not running.
 *
 * Wall clock: from when all begin to when the last has ended, for each operation and processor in use.
 * CPU time: of all threads, for each operation; who waits by yielding uses little of it. Contended: how
 * often a lock was found taken, for each thousand operations.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "pages.h"

#define THREADS_MOST 4u
#define THREADS_PAIRS 300000u
#define THREADS_OPS 50000u      /* of each thread in a phase, at least */
#define THREADS_HELD (1u << 18) /* blocks of each thread at most */

enum { THREADS_PAIR, THREADS_FILL, THREADS_DRAIN, THREADS_RANDOM, THREADS_PHASES };

static const char *const threads_names[THREADS_PHASES] = {"pair", "bulk alloc", "bulk free",
							  "random free"};

struct threads_run {
	pthread_barrier_t barrier;
	unsigned int nr, order;
	size_t held; /* blocks of each thread */
	double wall[THREADS_PHASES];
	uint64_t contended[THREADS_PHASES]; /* modulo 2^64 until the phase is over */
};

struct threads_one {
	pthread_t thread;
	struct threads_run *run;
	struct pages_peer peer;
	void **held;
	double cpu[THREADS_PHASES];
};

static uint64_t threads_contended(const struct pages_peer *p)
{
	struct quarry_zone_info info;

	if (p->q == NULL)
		return p->list->contended;
	quarry_zone_info(p->q, 0, QUARRY_ZONE_NORMAL, &info);
	return info.contended;
}

static void threads_give(struct threads_one *t)
{
	for (size_t i = 0; i < t->run->held; i++)
		pages_free(&t->peer, t->held[i], t->run->order);
}

static void threads_take(struct threads_one *t)
{
	for (size_t i = 0; i < t->run->held; i++)
		t->held[i] = pages_alloc(&t->peer, t->run->order);
}

static void threads_pairs(struct threads_one *t)
{
	for (unsigned int i = 0; i < THREADS_PAIRS; i++) {
		void *page = pages_alloc(&t->peer, t->run->order);

		bench_use(page);
		pages_free(&t->peer, page, t->run->order);
	}
}

/* One phase, which all begin together; the first thread keeps the time until all have ended. */
static void threads_phase(struct threads_one *t, int phase, void (*work)(struct threads_one *t))
{
	struct threads_run *run = t->run;
	bool first = t->peer.cpu == 0;
	double wall, cpu;

	pthread_barrier_wait(&run->barrier);
	if (first)
		run->contended[phase] -= threads_contended(&t->peer);
	pthread_barrier_wait(&run->barrier);
	wall = bench_now();
	cpu = bench_cpu_now();
	work(t);
	t->cpu[phase] += bench_cpu_now() - cpu;
	pthread_barrier_wait(&run->barrier);
	if (!first)
		return;
	run->wall[phase] += bench_now() - wall;
	run->contended[phase] += threads_contended(&t->peer);
}

static void threads_pin(unsigned int cpu)
{
	cpu_set_t set;
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	CPU_ZERO(&set);
	CPU_SET(cpu % (unsigned int)(n > 0 ? n : 1), &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static size_t threads_rounds(const struct threads_run *run)
{
	return run->held < THREADS_OPS ? THREADS_OPS / run->held + 1 : 1;
}

static void *threads_main(void *arg)
{
	struct threads_one *t = arg;
	uint64_t seed = PAGES_SEED + t->peer.cpu;

	threads_pin(t->peer.cpu);
	quarry_posix_set_cpu(t->peer.cpu);
	threads_phase(t, THREADS_PAIR, threads_pairs);
	for (size_t r = threads_rounds(t->run); r > 0; r--) {
		threads_phase(t, THREADS_FILL, threads_take);
		threads_phase(t, THREADS_DRAIN, threads_give);
	}
	for (size_t r = threads_rounds(t->run); r > 0; r--) {
		threads_take(t);
		bench_shuffle(t->held, t->run->held, &seed);
		threads_phase(t, THREADS_RANDOM, threads_give);
	}
	return NULL;
}

struct threads_figures {
	double wall[THREADS_PHASES][PAGES_PEERS][BENCH_RUNS];
	double cpu[THREADS_PHASES][PAGES_PEERS][BENCH_RUNS];
	double contended[THREADS_PHASES][PAGES_PEERS][BENCH_RUNS];
};

/* Runs @nr threads once on peer @k. */
static void threads_once(const struct pages_peer *peer, struct threads_run *run, void **held,
			 struct threads_figures *f, unsigned int k, unsigned int n)
{
	struct threads_one one[THREADS_MOST];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	double busy = run->nr < (unsigned int)cores ? run->nr : (double)cores;

	*run = (struct threads_run){.nr = run->nr, .order = run->order, .held = run->held};
	pthread_barrier_init(&run->barrier, NULL, run->nr);
	for (unsigned int i = 0; i < run->nr; i++) {
		one[i] = (struct threads_one){
			.run = run, .peer = *peer, .held = held + (size_t)i * run->held};
		one[i].peer.cpu = i;
		if (pthread_create(&one[i].thread, NULL, threads_main, &one[i]) != 0)
			bench_die("no thread");
	}
	for (unsigned int i = 0; i < run->nr; i++)
		pthread_join(one[i].thread, NULL);
	pthread_barrier_destroy(&run->barrier);
	for (unsigned int p = 0; p < THREADS_PHASES; p++) {
		double ops = p == THREADS_PAIR ? THREADS_PAIRS
					       : (double)(threads_rounds(run) * run->held);

		ops *= run->nr;
		f->wall[p][k][n] = run->wall[p] * busy / ops;
		f->contended[p][k][n] = 1000 * (double)run->contended[p] / ops;
		f->cpu[p][k][n] = 0;
		for (unsigned int i = 0; i < run->nr; i++)
			f->cpu[p][k][n] += one[i].cpu[p] / ops;
	}
}

static void threads_print(struct threads_figures *f, unsigned int nr, unsigned int order)
{
	pages_progress("%s", "");
	for (unsigned int p = 0; p < THREADS_PHASES; p++) {
		double m[6];

		for (unsigned int k = 0; k < PAGES_PEERS; k++) {
			m[k] = bench_median(f->wall[p][k], BENCH_RUNS);
			m[2 + k] = bench_median(f->cpu[p][k], BENCH_RUNS);
			m[4 + k] = bench_median(f->contended[p][k], BENCH_RUNS);
		}
		printf("%7u %5u  %-12s %8.1f %8.1f %7.1f  %8.1f %8.1f  %8.2f %8.2f\n", nr, order,
		       threads_names[p], m[0], m[1], m[1] / m[0], m[2], m[3], m[4], m[5]);
	}
	fflush(stdout);
}

static void threads_order(uint64_t nr_pages, unsigned int nr, unsigned int order, void **held)
{
	struct list_buddy *list = aligned_alloc(128, sizeof(*list));
	struct pages_peer peers[PAGES_PEERS];
	struct threads_figures f;
	size_t share = (size_t)(nr_pages / 2 / nr >> order);
	struct threads_run run = {
		.nr = nr, .order = order, .held = share < THREADS_HELD ? share : THREADS_HELD};

	if (list == NULL)
		bench_die("out of memory");
	pages_open(peers, list, nr_pages, THREADS_MOST, true);
	for (unsigned int n = 0; n < BENCH_RUNS; n++) {
		pages_progress("pages: %u threads, order %u, run %u of %u", nr, order, n + 1,
			       BENCH_RUNS);
		for (unsigned int k = 0; k < PAGES_PEERS; k++)
			threads_once(&peers[k], &run, held, &f, k, n);
	}
	threads_print(&f, nr, order);
	pages_close(peers);
	free(list);
}

void pages_threads(uint64_t nr_pages)
{
	static const unsigned int threads[] = {1, 2, THREADS_MOST};
	static const unsigned int orders[] = {0, 3, 9};
	void **held = malloc((size_t)THREADS_MOST * THREADS_HELD * sizeof(*held));

	if (held == NULL)
		bench_die("out of memory");
	printf("\nPages, threads: %.0f GiB, ns an operation: wall clock by processor in use, CPU "
	       "time, and locks "
	       "found taken for 1000 operations\n",
	       (double)nr_pages / (double)PAGES_GIB(1));
	printf("%7s %5s  %-12s %8s %8s %7s  %8s %8s  %8s %8s\n", "threads", "order", "", "quarry",
	       "list", "ratio", "CPU", "list", "taken", "list");
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(threads); i++) {
		for (size_t o = 0; o < BENCH_ARRAY_SIZE(orders); o++)
			threads_order(nr_pages, threads[i], orders[o], held);
	}
	free(held);
}
