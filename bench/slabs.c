/* SPDX-License-Identifier: MIT */
/*
 * Objects, beside the C library's malloc(). The machine's memory exists, and the first word of each
 * object is written after it was allocated, as any user would.
 */
#include <malloc.h>

#include "bench.h"

#define SLABS_OBJECTS 10000u
#define SLABS_ROUNDS 20u
#define SLABS_PAIRS 1000000u

enum slabs_kind { SLABS_CACHE, SLABS_KMALLOC, SLABS_MALLOC, SLABS_KINDS };
enum slabs_order { SLABS_LIFO, SLABS_FIFO, SLABS_RANDOM, SLABS_ORDERS };

static const char *const slabs_orders[SLABS_ORDERS] = {"10,000 LIFO", "10,000 FIFO",
						       "10,000 random"};

struct slabs_peer {
	enum slabs_kind kind;
	struct quarry *q;
	struct kmem_cache *cache;
	size_t size;
};

static inline void *slabs_alloc(const struct slabs_peer *p)
{
	void *o = p->kind == SLABS_CACHE     ? quarry_kmem_cache_alloc(p->q, p->cache, GFP_KERNEL)
		  : p->kind == SLABS_KMALLOC ? quarry_kmalloc(p->q, p->size, GFP_KERNEL)
					     : malloc(p->size);

	if (o == NULL)
		bench_die("out of objects");
	*(uint64_t *)o = 1;
	bench_use(o);
	return o;
}

static inline void slabs_free(const struct slabs_peer *p, void *o)
{
	if (p->kind == SLABS_CACHE)
		quarry_kmem_cache_free(p->q, p->cache, o);
	else if (p->kind == SLABS_KMALLOC)
		quarry_kfree(p->q, o);
	else
		free(o);
}

static double slabs_pair(const struct slabs_peer *p)
{
	double start = bench_now();

	for (unsigned int i = 0; i < SLABS_PAIRS; i++)
		slabs_free(p, slabs_alloc(p));
	return (bench_now() - start) / SLABS_PAIRS;
}

/* ns for one alloc and one free, with SLABS_OBJECTS in use in between. */
static double slabs_batch(const struct slabs_peer *p, enum slabs_order order, void **held)
{
	uint64_t seed = 0x2545f4914f6cdd1du;
	double sum = 0;

	for (unsigned int r = 0; r < SLABS_ROUNDS; r++) {
		double start = bench_now();

		for (size_t i = 0; i < SLABS_OBJECTS; i++)
			held[i] = slabs_alloc(p);
		sum += bench_now() - start;
		if (order == SLABS_RANDOM)
			bench_shuffle(held, SLABS_OBJECTS, &seed);
		start = bench_now();
		for (size_t i = 0; i < SLABS_OBJECTS; i++)
			slabs_free(p, held[order == SLABS_LIFO ? SLABS_OBJECTS - 1 - i : i]);
		sum += bench_now() - start;
	}
	return sum / (SLABS_ROUNDS * SLABS_OBJECTS);
}

static void slabs_line(size_t size, const char *what, double figure[SLABS_KINDS][BENCH_RUNS])
{
	double m[SLABS_KINDS];

	for (unsigned int k = 0; k < SLABS_KINDS; k++)
		m[k] = bench_median(figure[k], BENCH_RUNS);
	printf("%6zu  %-14s %8.1f %8.1f %8.1f %7.1f\n", size, what, m[SLABS_CACHE],
	       m[SLABS_KMALLOC], m[SLABS_MALLOC], m[SLABS_MALLOC] / m[SLABS_KMALLOC]);
	fflush(stdout);
}

static void slabs_size(struct quarry *q, size_t size)
{
	static void *held[SLABS_OBJECTS];
	double figure[SLABS_ORDERS + 1][SLABS_KINDS][BENCH_RUNS];
	struct slabs_peer peers[SLABS_KINDS] = {{SLABS_CACHE, q, NULL, size},
						{SLABS_KMALLOC, q, NULL, size},
						{SLABS_MALLOC, NULL, NULL, size}};

	peers[0].cache =
		quarry_kmem_cache_create(q, "bench", (unsigned int)size, SLAB_NO_MERGE, NULL);
	if (peers[0].cache == NULL)
		bench_die("no cache");
	for (unsigned int run = 0; run < BENCH_RUNS; run++) {
		for (unsigned int k = 0; k < SLABS_KINDS; k++) {
			figure[SLABS_ORDERS][k][run] = slabs_pair(&peers[k]);
			for (unsigned int o = 0; o < SLABS_ORDERS; o++)
				figure[o][k][run] =
					slabs_batch(&peers[k], (enum slabs_order)o, held);
		}
	}
	slabs_line(size, "pair", figure[SLABS_ORDERS]);
	for (unsigned int o = 0; o < SLABS_ORDERS; o++)
		slabs_line(size, slabs_orders[o], figure[o]);
	if (quarry_kmem_cache_destroy(q, peers[0].cache) != 0)
		bench_die("the cache still has objects");
}

void bench_slabs(void)
{
	static const size_t sizes[] = {8, 64, 256, 1024, 4096};
	struct quarry *q = bench_machine((uint64_t)256 << 20, 1, true, true);

	/* malloc() keeps its memory, as the machine does; else it pays for page faults. */
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 64 << 20);
	printf("Objects: ns for alloc + free, one thread; ratio: malloc / kmalloc\n");
	printf("%6s  %-14s %8s %8s %8s %7s\n", "bytes", "", "cache", "kmalloc", "malloc", "ratio");
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(sizes); i++)
		slabs_size(q, sizes[i]);
	quarry_posix_delete(q);
}
