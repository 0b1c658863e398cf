/* SPDX-License-Identifier: MIT */
/* The benchmark program: bench PART... `make bench` runs all of it. */
#include <sched.h>
#include <string.h>

#include "bench.h"

/* On one CPU, whichever it is now. */
static void bench_pin(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0u : (unsigned int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		fprintf(stderr, "bench: not pinned to a CPU\n");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {{"pages", bench_pages},
		     {"replacement", bench_replacement},
		     {"threads", bench_threads},
		     {"slabs", bench_slabs},
		     {"slabs-large", bench_slabs_large},
		     {"slabs-threads", bench_slabs_threads},
		     {"slabs-colour", bench_slabs_colour},
		     {"floor", bench_floor},
		     {"boots", bench_boots},
		     {"memblock", bench_memblock}};
	bool any = false;

	bench_pin();
	if (argc == 4 && strcmp(argv[1], "slabs-one") == 0) {
		bench_slabs_one((unsigned int)strtoul(argv[2], NULL, 10),
				strtoul(argv[3], NULL, 10));
		return 0;
	}
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(parts); i++) {
		for (int k = 1; k < argc; k++) {
			if (strcmp(argv[k], parts[i].name) == 0) {
				parts[i].run();
				any = true;
			}
		}
	}
	if (!any)
		fprintf(stderr, "usage: bench "
				"pages|replacement|threads|slabs|slabs-large|slabs-threads|slabs-"
				"colour|floor|boots|"
				"memblock ...\n");
	return any ? 0 : 2;
}
