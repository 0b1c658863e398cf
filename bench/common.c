/* SPDX-License-Identifier: MIT */
#include "bench.h"

static int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), bench_compare);
	return n % 2 != 0 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct quarry *bench_machine_of(uint64_t bytes, int nodes, unsigned int cpus, bool one_zone,
				bool real)
{
	struct quarry_posix_options options = {.ram_bytes = real ? (size_t)bytes : 0,
					       .concurrent = cpus > 1};
	struct quarry_boot_params params = {.nr_cpus = cpus};
	struct quarry *q = quarry_posix_new(&options);
	uint64_t share = bytes / (uint64_t)nodes;

	if (q == NULL)
		bench_die("no memory for the machine");
	if (one_zone) {
		params.dma_limit = ~(phys_addr_t)0;
		params.dma32_limit = ~(phys_addr_t)0;
	}
	for (int nid = 0; nid < nodes; nid++) {
		if (quarry_memblock_add_node(q, share * (uint64_t)nid, share, nid, 0) != 0)
			bench_die("memblock refused the map");
	}
	if (quarry_memblock_reserve(q, 0, 1 << 20) != 0 || quarry_boot(q, &params) != 0)
		bench_die("the machine does not boot");
	return q;
}

struct quarry *bench_machine(uint64_t bytes, int nodes, bool one_zone, bool real)
{
	return bench_machine_of(bytes, nodes, 1, one_zone, real);
}
