/* SPDX-License-Identifier: MIT */
/* What the benchmarks share. All times are nanoseconds. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <quarry/posix.h>

#define BENCH_RUNS 5u /* a figure is the median of this many */
#define BENCH_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Time that this thread has run: neighbours on the machine do not count, but for the caches. */
static inline double bench_cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline uint64_t bench_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Keeps the compiler from moving or dropping work that ends in @p. */
static inline void bench_use(const void *p)
{
	__asm__ volatile("" : : "g"(p) : "memory");
}

static inline void bench_shuffle(void **a, size_t n, uint64_t *seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = bench_random(seed) % i;
		void *t = a[i - 1];

		a[i - 1] = a[j];
		a[j] = t;
	}
}

static inline void bench_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

double bench_median(double *values, unsigned int n);

/*
 * A booted machine of @bytes of memory in @nodes nodes, with all of it in ZONE_NORMAL if @one_zone.
 * @real: the memory exists. Ends the program without success.
 */
struct quarry *bench_machine(uint64_t bytes, int nodes, bool one_zone, bool real);
/* The same with @cpus CPUs, for as many threads. */
struct quarry *bench_machine_of(uint64_t bytes, int nodes, unsigned int cpus, bool one_zone,
				bool real);

void bench_pages(void);
void bench_replacement(void);
void bench_threads(void); /* the part of it that has them */
void bench_slabs(void);
void bench_slabs_large(void);
void bench_slabs_threads(void);
void bench_slabs_colour(void);
/* Figures of one peer (enum peer_kind) and one size, a line each: for bench_slabs_large(), which starts it anew. */
void bench_slabs_one(unsigned int kind, size_t size);
void bench_floor(void); /* what a free costs at least, by the memory that it touches */
void bench_boots(void);
void bench_memblock(void);

#endif
