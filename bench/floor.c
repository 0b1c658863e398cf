/* SPDX-License-Identifier: MIT */
/*
 * What the memory alone costs: loops that touch, in random order and fetched ahead, what a free that keeps its tables
 * apart cannot do without, and do nothing else. No such allocator frees faster, whatever its instructions.
 *
 * A page's descriptor says whether it may be freed, and is written. Then a bit is set in its pageblock's bitmap, and a
 * number changed in the record. An object's page says which slab it is of; a bit is set in the slab's record.
 */
#include <sys/mman.h>

#include "bench.h"

#define FLOOR_AHEAD 24u
#define FLOOR_PAGES ((size_t)4 << 20) /* 16 GiB */
#define FLOOR_OBJECTS 1000000u
#define FLOOR_MIN_OPS 100000u
#define FLOOR_LARGE ((size_t)1 << 21)

struct floor_record {
	uint64_t count, more;
};

/* The tables, and what is freed, in random order: numbers of pages or objects. */
struct floor {
	uint64_t *descriptor;
	uint64_t *bits;
	struct floor_record *record;
	uint64_t (*slab)[8];
	void **freed;
	size_t n;
};

static void *floor_table(size_t bytes)
{
	void *p;

	bytes = (bytes + FLOOR_LARGE - 1) / FLOOR_LARGE * FLOOR_LARGE;
	p = aligned_alloc(FLOOR_LARGE, bytes);
	if (p == NULL)
		bench_die("out of memory");
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	return memset(p, 0, bytes);
}

static void floor_order(struct floor *f, size_t n, unsigned int shift)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;

	f->n = n;
	f->freed = floor_table(n * sizeof(*f->freed));
	for (size_t i = 0; i < n; i++)
		f->freed[i] = (void *)(uintptr_t)(i << shift);
	bench_shuffle(f->freed, n, &seed);
}

static void floor_free(struct floor *f)
{
	free(f->descriptor);
	free(f->bits);
	free(f->record);
	free(f->slab);
	free(f->freed);
}

/* One round over all of it; @all: the bitmap and the record too. */
static void floor_pages_once(const struct floor *f, bool all)
{
	for (size_t i = 0; i < f->n; i++) {
		size_t page = (uintptr_t)f->freed[i];

		if (i + FLOOR_AHEAD < f->n) {
			size_t next = (uintptr_t)f->freed[i + FLOOR_AHEAD];

			__builtin_prefetch(&f->descriptor[next], 1);
			if (all) {
				__builtin_prefetch(&f->bits[next / 64], 1);
				__builtin_prefetch(&f->record[next / 512], 1);
			}
		}
		f->descriptor[page] ^= 1;
		if (all) {
			f->bits[page / 64] ^= (uint64_t)1 << page % 64;
			f->record[page / 512].count++;
		}
	}
	bench_use(f->descriptor);
}

/* The same of objects, @per to a page. */
static void floor_objects_once(const struct floor *f, size_t per)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->n; i++) {
		size_t number = (uintptr_t)f->freed[i], page = number / per;

		if (i + FLOOR_AHEAD < f->n) {
			size_t next = (uintptr_t)f->freed[i + FLOOR_AHEAD] / per;

			__builtin_prefetch(&f->descriptor[next]);
			__builtin_prefetch(&f->slab[next], 1);
		}
		sum += f->descriptor[page];
		f->slab[page][0]--;
		f->slab[page][4 + number % per / 64] ^= (uint64_t)1 << number % 64;
	}
	bench_use(&sum);
}

/* The median of some runs, ns an operation. @per 0: pages. */
static double floor_time(const struct floor *f, bool all, size_t per)
{
	size_t rounds = f->n < FLOOR_MIN_OPS ? FLOOR_MIN_OPS / f->n + 1 : 1;
	double figure[BENCH_RUNS];

	for (unsigned int run = 0; run < BENCH_RUNS; run++) {
		double start = bench_cpu_now();

		for (size_t r = 0; r < rounds; r++) {
			if (per == 0)
				floor_pages_once(f, all);
			else
				floor_objects_once(f, per);
		}
		figure[run] = (bench_cpu_now() - start) / (double)(rounds * f->n);
	}
	return bench_median(figure, BENCH_RUNS);
}

void bench_floor(void)
{
	static const unsigned int orders[] = {0, 3, 9};
	static const size_t sizes[] = {16, 64, 256, 1024};

	printf("Floor: ns for the memory that a random free cannot do without\n");
	printf("%-28s %12s %12s\n", "", "descriptor", "all tables");
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(orders); i++) {
		struct floor f = {
			.descriptor = floor_table(FLOOR_PAGES * sizeof(*f.descriptor)),
			.bits = floor_table(FLOOR_PAGES / 8),
			.record = floor_table(FLOOR_PAGES / 512 * sizeof(*f.record)),
		};
		double one;

		floor_order(&f, FLOOR_PAGES / 2 >> orders[i], orders[i]);
		one = floor_time(&f, false, 0);
		printf("16 GiB, blocks of order %u    %12.1f %12.1f\n", orders[i], one,
		       floor_time(&f, true, 0));
		floor_free(&f);
	}
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(sizes); i++) {
		size_t per = 4096 / sizes[i], pages = FLOOR_OBJECTS / per + 1;
		struct floor f = {
			.descriptor = floor_table(pages * sizeof(*f.descriptor)),
			.slab = floor_table(pages * sizeof(*f.slab)),
		};

		floor_order(&f, FLOOR_OBJECTS, 0);
		printf("a million objects of %-6zu  %12s %12.1f\n", sizes[i], "",
		       floor_time(&f, true, per));
		floor_free(&f);
	}
}
