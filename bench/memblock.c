/* SPDX-License-Identifier: MIT */
/*
 * memblock on maps of many regions: what a call costs as the map grows. The map is every second
 * MAP_STEP / 2 bytes of an address range, so that no two regions touch; the mixture adds, removes,
 * reserves, frees and allocates all over it, and keeps the number of regions about what it was.
 */
#include "bench.h"

#define MAP_STEP ((phys_addr_t)64 << 10)
#define MAP_HOME ((phys_addr_t)1 << 40) /* memory for the arrays themselves, far above the map */
#define MIX_CALLS 100000u

static struct quarry *map_new(void)
{
	struct quarry *q = quarry_posix_new(NULL);

	if (q == NULL || quarry_memblock_add(q, MAP_HOME, (phys_addr_t)1 << 30) != 0)
		bench_die("no machine");
	quarry_memblock_allow_resize(q);
	return q;
}

/* Returns ns for each region added, in order. */
static double map_fill(struct quarry *q, unsigned long regions)
{
	double start = bench_now();

	for (unsigned long i = 0; i < regions; i++) {
		if (quarry_memblock_add(q, (i + 1) * MAP_STEP, MAP_STEP / 2) != 0)
			bench_die("memblock is full");
	}
	return (bench_now() - start) / (double)regions;
}

/* Returns ns for each question. */
static double map_ask(struct quarry *q, unsigned long regions)
{
	unsigned int calls = 200000, hits = 0;
	uint64_t seed = 12345;
	double start = bench_now();

	for (unsigned int i = 0; i < calls; i++)
		hits += quarry_memblock_is_memory(q, bench_random(&seed) % (regions * MAP_STEP));
	bench_use(&hits);
	return (bench_now() - start) / calls;
}

/* One call of the mixture, at a random place. A full map is fine, a missing array is not. */
static void map_mix_one(struct quarry *q, unsigned long regions, uint64_t *seed)
{
	phys_addr_t base = bench_random(seed) % (regions * MAP_STEP) & ~(phys_addr_t)0xfff;
	phys_addr_t size = (bench_random(seed) % 16 + 1) << 12;
	int err = 0;

	switch (bench_random(seed) % 5) {
	case 0:
		err = quarry_memblock_add(q, base, size);
		break;
	case 1:
		err = quarry_memblock_remove(q, base, size);
		break;
	case 2:
		err = quarry_memblock_reserve(q, base, size);
		break;
	case 3:
		err = quarry_memblock_phys_free(q, base, size);
		break;
	default:
		/* Below a random end, as a driver with a DMA limit asks. */
		base = quarry_memblock_phys_alloc_range(q, size, 4096, 0, base + MAP_STEP);
		bench_use(&base);
	}
	if (err != 0)
		bench_die("a call of the mixture failed");
}

/* Returns ns for each request that nothing can meet, while other calls change the map. */
static double map_fail(struct quarry *q, unsigned long regions)
{
	unsigned int calls = 20000;
	uint64_t seed = 99;
	double start = bench_now();

	for (unsigned int i = 0; i < calls; i++) {
		phys_addr_t at = (bench_random(&seed) % regions + 1) * MAP_STEP;
		phys_addr_t none = quarry_memblock_phys_alloc(q, (phys_addr_t)2 << 30, 4096);

		bench_use(&none);
		if (quarry_memblock_reserve(q, at, 4096) != 0 ||
		    quarry_memblock_phys_free(q, at, 4096) != 0)
			bench_die("a call beside the failing ones failed");
	}
	return (bench_now() - start) / calls;
}

static double map_mix(struct quarry *q, unsigned long regions)
{
	uint64_t seed = 4711;
	double start = bench_now();

	for (unsigned int i = 0; i < MIX_CALLS; i++)
		map_mix_one(q, regions, &seed);
	return bench_now() - start;
}

void bench_memblock(void)
{
	static const unsigned long sizes[] = {1000, 10000, 100000};

	printf("memblock: ns a call on a map of so many regions; ms for %u random calls "
	       "(add, remove, reserve, free, alloc)\n",
	       MIX_CALLS);
	printf("%8s %15s %9s %15s %13s %15s\n", "regions", "add in order", "lookup", "reserve+fail",
	       "random mix", "regions after");
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(sizes); i++) {
		struct quarry *q = map_new();
		double add = map_fill(q, sizes[i]);
		double ask = map_ask(q, sizes[i]);
		double fail = map_fail(q, sizes[i]);
		double mix = map_mix(q, sizes[i]);
		const struct memblock *mb = quarry_memblock(q);

		printf("%8lu %15.1f %9.1f %15.1f %10.0f ms %7lu + %5lu\n", sizes[i], add, ask, fail,
		       mix / 1e6, mb->memory.cnt, mb->reserved.cnt);
		fflush(stdout);
		quarry_posix_delete(q);
	}
}
