/* SPDX-License-Identifier: MIT */
/*
 * QUARRY_TINY on a machine of 2 MiB: the self-test and the stress, and what the library's own data take.
 * Objects share pages, which the self-test does not ask.
 * Prints all lines of the self-test, and "data at boot N", "data at work N": bytes of struct quarry and of all tables
 * after boot, and in the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include <quarry/quarry.h>
#include <quarry/selftest.h>

#define TINY_RAM ((size_t)2 << 20)
#define TINY_BASE ((phys_addr_t)1 << 20) /* physical; 0 is no address */

static void print(void *ctx, const char *line)
{
	(void)ctx;
	puts(line);
}

static void report(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
	abort();
}

/* 32 objects of 64 bytes: one page, or two if what is free lies so. */
static unsigned int share_pages(struct quarry *q)
{
	struct quarry_totals before, after;
	void *p[32];

	quarry_totals(q, &before);
	for (int i = 0; i < 32; i++)
		p[i] = quarry_kmalloc(q, 64, GFP_KERNEL);
	quarry_totals(q, &after);
	for (int i = 0; i < 32; i++)
		quarry_kfree(q, p[i]);
	return after.free + 2 < before.free;
}

int main(void)
{
	static _Alignas(64) unsigned char room[QUARRY_STORAGE_SIZE];
	struct quarry_port port = {.report = report};
	struct quarry_selftest_env env = {.print = print, .nr_cpus = 1, .seed = 1};
	struct quarry_selftest_stress stress = {0};
	struct quarry_totals totals;
	unsigned int failed;
	void *ram, *scratch;

	if (posix_memalign(&ram, TINY_RAM, TINY_RAM) != 0 ||
	    posix_memalign(&scratch, QUARRY_PAGE_SIZE, QUARRY_SELFTEST_SCRATCH) != 0)
		return 2;
	port.direct_map = (uintptr_t)ram - TINY_BASE;
	env.q = quarry_init(room, sizeof(room), &port);
	if (env.q == NULL || quarry_memblock_add(env.q, TINY_BASE, TINY_RAM) != 0 ||
	    quarry_boot(env.q, NULL) != 0)
		return 2;
	quarry_totals(env.q, &totals);
	printf("data at boot %zu\n", sizeof(room) + totals.meta_bytes);
	env.scratch = scratch;
	env.scratch_bytes = QUARRY_SELFTEST_SCRATCH;
	env.stress = &stress;
	failed = quarry_selftest(&env, NULL);
	failed += quarry_selftest_stress(&env, 3);
	failed += share_pages(env.q);
	quarry_totals(env.q, &totals);
	printf("data at work %zu\n", sizeof(room) + totals.meta_bytes);
	free(ram);
	free(scratch);
	return failed != 0;
}
