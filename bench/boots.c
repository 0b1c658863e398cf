/* SPDX-License-Identifier: MIT */
/*
 * Booting simulated machines: from an empty memory map to the first kmalloc(), tables included. What
 * the tables cost is asked of the library; what of them was really written, of the host's kernel.
 */
#include <unistd.h>

#include "bench.h"

/* Bytes of this process that are in memory. */
static uint64_t boots_resident(void)
{
	unsigned long long total = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu %llu", &total, &resident) != 2)
		resident = 0;
	fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void boots_machine(const char *name, uint64_t bytes, int nodes)
{
	double ns[BENCH_RUNS];
	struct quarry_totals totals = {0};
	uint64_t before = 0, after = 0;

	for (unsigned int run = 0; run < BENCH_RUNS; run++) {
		struct quarry *q;
		double start;

		before = boots_resident();
		start = bench_now();
		q = bench_machine(bytes, nodes, false, false);
		ns[run] = bench_now() - start;
		after = boots_resident();
		quarry_totals(q, &totals);
		quarry_posix_delete(q);
	}
	printf("%8s %5d %9.2f %13zu %9.4f %13llu\n", name, nodes,
	       bench_median(ns, BENCH_RUNS) / 1e6, totals.meta_bytes,
	       100 * (double)totals.meta_bytes / (double)bytes,
	       (unsigned long long)(after > before ? after - before : 0));
	fflush(stdout);
}

void bench_boots(void)
{
	printf("Boot: ms from an empty map to QUARRY_STAGE_SLAB; table bytes, and how many of them "
	       "were written\n");
	printf("%8s %5s %9s %13s %9s %13s\n", "machine", "nodes", "ms", "tables", "% of RAM",
	       "resident");
	boots_machine("1 GiB", (uint64_t)1 << 30, 1);
	boots_machine("64 GiB", (uint64_t)64 << 30, 2);
	boots_machine("1 TiB", (uint64_t)1 << 40, 8);
	boots_machine("12 TiB", (uint64_t)12 << 40, 16);
}
