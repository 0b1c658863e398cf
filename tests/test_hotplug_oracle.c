/* SPDX-License-Identifier: MIT */
/*
 * Machines that Linux 6.1 booted and then changed: memory blocks of a DIMM that went online one by one,
 * blocks that went offline and came back, a CPU that left. After each step all figures of all zones must be
 * Linux's, to the last page. Facts and inputs: tests/data/oracle/hotplug.tsv and its maps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <machine.h>

enum {
	STEP_SHAPE,
	STEP_MAP,
	STEP_ACTION,
	STEP_MIN_FREE,
	STEP_RESERVE,
	STEP_ZONE,
	STEP_START,
	STEP_SPANNED,
	STEP_PRESENT,
	STEP_MANAGED,
	STEP_MIN,
	STEP_LOW,
	STEP_HIGH,
	STEP_PROMO,
	STEP_LOWMEM_RESERVE,
	STEP_PCP_HIGH,
	STEP_PCP_BATCH,
	STEP_FIELDS
};

#define STEPS_MAX 64

static char *step[STEPS_MAX][STEP_FIELDS];
static unsigned int nr_steps, compared;

static void read_steps(void)
{
	static char line[STEPS_MAX][512];
	FILE *f = fopen("tests/data/oracle/hotplug.tsv", "r");

	assert_non_null(f);
	while (nr_steps < STEPS_MAX && fgets(line[nr_steps], sizeof(line[0]), f) != NULL) {
		char *rest = line[nr_steps];
		unsigned int n = 0;

		if (*rest == '#')
			continue;
		rest[strcspn(rest, "\n")] = '\0';
		while (rest != NULL && n < STEP_FIELDS)
			step[nr_steps][n++] = strsep(&rest, "\t");
		assert_int_equal(n, STEP_FIELDS);
		nr_steps++;
	}
	fclose(f);
	assert_true(nr_steps > 0 && nr_steps < STEPS_MAX);
}

/* The command line that @shape was booted with, in a buffer of the caller's. */
static void read_cmdline(const char *shape, char *cmdline, size_t size)
{
	FILE *f = fopen("tests/data/oracle/shapes.tsv", "r");
	char line[1024];

	assert_non_null(f);
	cmdline[0] = '\0';
	while (fgets(line, sizeof(line), f) != NULL) {
		char *tab = strchr(line, '\t');

		if (tab == NULL || (size_t)(tab - line) != strlen(shape) ||
		    strncmp(line, shape, strlen(shape)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(cmdline, size, "%s", strrchr(line, '\t') + 1);
	}
	fclose(f);
	assert_true(cmdline[0] != '\0');
}

static void same(const char *row, const char *what, unsigned long got, const char *want)
{
	if (strcmp(want, "-") == 0)
		return;
	compared++;
	if (got != strtoul(want, NULL, 10))
		fail_msg("%s: %s is %lu, Linux has %s", row, what, got, want);
}

static void compare_zone(struct machine *m, char **want)
{
	static const char *const names[] = {"DMA", "DMA32", "Normal", "Movable"};
	struct quarry_zone_info z;
	struct quarry_totals t;
	char row[160], reserve[160];
	unsigned int type = 0;

	snprintf(row, sizeof(row), "%s, %s, %s", want[STEP_SHAPE], want[STEP_ACTION],
		 want[STEP_ZONE]);
	while (strcmp(names[type], want[STEP_ZONE] + 2) != 0)
		type++;
	assert_true(quarry_zone_info(m->q, atoi(want[STEP_ZONE]), (enum quarry_zone_type)type, &z));
	quarry_totals(m->q, &t);
	same(row, "min_free_kbytes", t.min_free_kbytes, want[STEP_MIN_FREE]);
	same(row, "totalreserve", t.totalreserve, want[STEP_RESERVE]);
	same(row, "start_pfn", (unsigned long)z.start_pfn, want[STEP_START]);
	same(row, "spanned", z.spanned, want[STEP_SPANNED]);
	same(row, "present", z.present, want[STEP_PRESENT]);
	same(row, "managed", z.managed, want[STEP_MANAGED]);
	for (unsigned int i = 0; i < QUARRY_NR_WMARK; i++)
		same(row, want[STEP_MIN + i], z.wmark[i], want[STEP_MIN + i]);
	same(row, "pageset high", z.pcp_high, want[STEP_PCP_HIGH]);
	same(row, "pageset batch", z.pcp_batch, want[STEP_PCP_BATCH]);
	snprintf(reserve, sizeof(reserve), "%lu,%lu,%lu,%lu,%lu", z.lowmem_reserve[0],
		 z.lowmem_reserve[1], z.lowmem_reserve[2], z.lowmem_reserve[3],
		 z.lowmem_reserve[4]);
	assert_string_equal(reserve, want[STEP_LOWMEM_RESERVE]);
	assert_int_equal(z.free + z.pcp, z.managed);
}

static void act(struct machine *m, const char *action)
{
	char what[32];
	unsigned int first, n;
	pfn_t start;
	unsigned long nr;

	assert_int_equal(sscanf(action, "%31s %u %u", what, &first, &n), 3);
	start = first * QUARRY_MEMORY_BLOCK_PAGES;
	nr = (unsigned long)(n * QUARRY_MEMORY_BLOCK_PAGES);
	if (strcmp(what, "add") == 0) {
		assert_int_equal(quarry_add_memory(m->q, 0, first * QUARRY_MEMORY_BLOCK_BYTES,
						   n * QUARRY_MEMORY_BLOCK_BYTES),
				 0);
		assert_int_equal(quarry_online_pages(m->q, start, nr, QUARRY_ONLINE_DEFAULT), 0);
	} else if (strcmp(what, "online") == 0) {
		assert_int_equal(quarry_online_pages(m->q, start, nr, QUARRY_ONLINE_DEFAULT), 0);
	} else if (strcmp(what, "offline") == 0) {
		assert_int_equal(quarry_offline_pages(m->q, start, nr), 0);
	} else {
		assert_string_equal(what, "cpu-offline");
		assert_int_equal(quarry_cpu_offline(m->q, first), 0);
	}
	assert_int_equal(quarry_check_pages(m->q, NULL), 0);
}

/* Boots the map of step @i and takes all steps of that shape; returns the first step of the next. */
static unsigned int run_shape(unsigned int i)
{
	struct machine_options options = {.quiet = true};
	const char *shape = step[i][STEP_SHAPE], *action = "";
	struct diag diag = {0};
	struct machine m;
	char path[128], cmdline[512];

	snprintf(path, sizeof(path), "tests/data/oracle/%s.map", step[i][STEP_MAP]);
	read_cmdline(shape, cmdline, sizeof(cmdline));
	options.map_path = path;
	options.cmdline = cmdline;
	options.arch = MAP_ARCH_X86_64;
	options.diag = &diag;
	assert_int_equal(machine_create(&options, &m), CLI_OK);
	for (; i < nr_steps && strcmp(step[i][STEP_SHAPE], shape) == 0; i++) {
		if (strcmp(step[i][STEP_ACTION], action) != 0)
			act(&m, action = step[i][STEP_ACTION]);
		compare_zone(&m, step[i]);
	}
	machine_destroy(&m);
	diag_free(&diag);
	return i;
}

static void test_shapes(void **state)
{
	unsigned int i = 0, shapes = 0;

	(void)state;
	read_steps();
	for (; i < nr_steps; shapes++)
		i = run_shape(i);
	assert_int_equal(shapes, 4);
	print_message("%u figures compared\n", compared);
	assert_true(compared > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes)};

	if (access("tests/data/oracle", R_OK) != 0 && chdir("..") != 0)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
