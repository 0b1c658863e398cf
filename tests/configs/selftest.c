/* SPDX-License-Identifier: MIT */
/*
 * The self-test as a program without the command line tool, for configurations in which only the library and
 * the posix port are built: on a machine of as many nodes and CPUs as there can be, but two. Prints
 * failures, skips and a count; the exit status is 1 if a test failed.
 */
#include <stdio.h>
#include <stdlib.h>

#include <quarry/posix.h>
#include <quarry/quarry.h>
#include <quarry/selftest.h>

#define CONFIG_RAM ((size_t)(64 << 20) << (QUARRY_PAGE_SHIFT - 12))

static unsigned int lines, skipped;

static void print(void *ctx, const char *line)
{
	(void)ctx;
	if (line[0] == 'o' && line[1] == 'k') {
		const char *s = line;

		lines++;
		while (*s != '\0' && *s != '#')
			s++;
		if (*s == '\0')
			return;
		skipped++;
	}
	puts(line);
}

int main(int argc, char **argv)
{
	struct quarry_posix_options options = {.ram_bytes = CONFIG_RAM};
	struct quarry_boot_params params = {.nr_cpus = QUARRY_MAX_CPUS > 1 ? 2 : 1};
	struct quarry_selftest_env env = {.print = print, .nr_cpus = 1, .seed = 1};
	unsigned int nodes = QUARRY_MAX_NODES > 1 ? 2 : 1, failed;
	void *scratch;

	env.q = quarry_posix_new(&options);
	if (env.q == NULL ||
	    posix_memalign(&scratch, QUARRY_PAGE_SIZE, QUARRY_SELFTEST_SCRATCH) != 0)
		return 2;
	env.scratch = scratch;
	env.scratch_bytes = QUARRY_SELFTEST_SCRATCH;
	for (unsigned int n = 0; n < nodes; n++) {
		if (quarry_memblock_add_node(env.q, n * (CONFIG_RAM / nodes), CONFIG_RAM / nodes,
					     (int)n, MEMBLOCK_NONE) != 0)
			return 2;
	}
	if (quarry_boot(env.q, &params) != 0)
		return 2;
	failed = quarry_selftest(&env, argc > 1 ? argv[1] : NULL);
	printf("%u passed, %u skipped, %u failed\n", lines - skipped, skipped, failed);
	free(scratch);
	quarry_posix_delete(env.q);
	return failed != 0;
}
