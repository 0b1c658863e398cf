/* SPDX-License-Identifier: MIT */
/*
 * Machines that Linux 6.1 booted, booted again from what they were made of: memory map, command line,
 * number of CPUs, and the kernel's own reservations. All that Linux made of it must come out equal, to
 * the last page, by memblock and by bootmem. Facts and inputs: tests/data/oracle; each of its shapes is
 * two tests of this program. Where Linux's sysctls were written one after the other, a machine is booted once
 * and they are written to it in the same order. With --table it prints the table of docs/equality.md instead.
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
#include <page/internal.h>

#define SHAPES_MAX 400
#define ROWS_MAX 8000
#define FIELDS_MAX 16
#define REFS_MAX (QUARRY_MAX_NODES * QUARRY_NR_ZONES)

/* A table of facts: rows in file order, those of one shape together. */
struct facts {
	char *text;
	unsigned int nr_rows, nr_fields;
	char *row[ROWS_MAX][FIELDS_MAX];
};

enum {
	SHAPE_NAME,
	SHAPE_MAP,
	SHAPE_ARCH,
	SHAPE_PRESENT,
	SHAPE_MANAGED,
	SHAPE_MIN_FREE,
	SHAPE_RESERVE,
	SHAPE_CMDLINE,
	SHAPE_FIELDS
};
enum {
	ZONE_SHAPE,
	ZONE_NAME,
	ZONE_START,
	ZONE_SPANNED,
	ZONE_PRESENT,
	ZONE_MANAGED,
	ZONE_MIN,
	ZONE_LOW,
	ZONE_HIGH,
	ZONE_PROMO,
	ZONE_LOWMEM_RESERVE,
	ZONE_PCP_HIGH,
	ZONE_PCP_BATCH,
	ZONE_FIELDS
};
enum { NODE_SHAPE, NODE_NID, NODE_KIND, NODE_VALUE, NODE_FIELDS };

enum {
	STEP_SHAPE,
	STEP_NAME,
	STEP_SETTINGS,
	STEP_MIN_FREE,
	STEP_ZONE,
	STEP_MIN,
	STEP_LOW,
	STEP_HIGH,
	STEP_RESERVE,
	STEP_PCP_HIGH,
	STEP_PCP_BATCH,
	STEP_FIELDS
};

static struct facts shapes, zones, nodes, steps;

/* One comparison of a shape with a booted machine. */
struct comparison {
	struct machine m;
	char **shape;
	unsigned int compared, differing;
	size_t tables;   /* bytes, after boot */
	char first[256]; /* the first difference */
};

struct run {
	char **shape;
	bool bootmem;
	bool steps; /* sysctls one after the other, on one machine */
	char name[96];
	struct comparison result;
	bool done;
};

static struct run runs[2 * SHAPES_MAX];

/* ---- facts ---- */

static char *read_whole(const char *path)
{
	struct strbuf text = {0};
	FILE *f = fopen(path, "r");
	char buf[4096];
	size_t n;

	if (f == NULL)
		return NULL;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		strbuf_add(&text, buf, n);
	fclose(f);
	return text.s;
}

static void read_facts(struct facts *t, const char *name, unsigned int nr_fields)
{
	char path[128], *line, *rest;

	snprintf(path, sizeof(path), "tests/data/oracle/%s", name);
	rest = t->text = read_whole(path);
	t->nr_fields = nr_fields;
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		unsigned int n = 0;

		if (*line == '#' || *line == '\0')
			continue;
		while (line != NULL && n < FIELDS_MAX)
			t->row[t->nr_rows][n++] = strsep(&line, "\t");
		if (n != nr_fields || ++t->nr_rows == ROWS_MAX)
			break;
	}
	if (rest != NULL || t->nr_rows == 0) {
		fprintf(stderr, "%s: missing or damaged at row %u\n", path, t->nr_rows);
		exit(2);
	}
}

/* ---- comparing ---- */

UTIL_PRINTF(4, 5)
static void compare(struct comparison *c, bool same, const char *what, const char *fmt, ...)
{
	va_list ap;
	int n;

	c->compared++;
	if (same)
		return;
	if (c->differing++ != 0)
		return;
	n = snprintf(c->first, sizeof(c->first), "%s: ", what);
	va_start(ap, fmt);
	vsnprintf(c->first + n, sizeof(c->first) - (size_t)n, fmt, ap);
	va_end(ap);
}

/* @want: a number, or "-" if Linux did not say. */
static void compare_number(struct comparison *c, const char *what, const char *field,
			   unsigned long got, const char *want)
{
	char name[64];

	if (strcmp(want, "-") == 0)
		return;
	snprintf(name, sizeof(name), "%s %s", what, field);
	compare(c, got == strtoul(want, NULL, 10), name, "%lu, Linux has %s", got, want);
}

/* As many numbers as Linux has: a kernel without some kind of zone prints fewer. */
static void compare_reserve(struct comparison *c, const char *what, const unsigned long *got,
			    const char *want)
{
	char text[128] = "";
	int n = 0, i;

	if (strcmp(want, "-") == 0)
		return;
	for (i = 0; i < QUARRY_NR_ZONES && (n == 0 || want[n - 1] != '\0'); i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%lu", i > 0 ? "," : "", got[i]);
		n += (int)strcspn(want + n, ",") + 1;
	}
	compare(c, strcmp(text, want) == 0, what, "lowmem_reserve %s, Linux has %s", text, want);
}

static bool zone_by_name(const char *name, enum quarry_zone_type *zone)
{
	unsigned int t;

	for (t = 0; t < QUARRY_NR_ZONES; t++)
		if (strcmp(quarry_zone_name((enum quarry_zone_type)t), name) == 0) {
			*zone = (enum quarry_zone_type)t;
			return true;
		}
	return false;
}

static void compare_zone(struct comparison *c, char **want)
{
	static const char *const marks[] = {"min", "low", "high", "promo"};
	const char *what = want[ZONE_NAME], *type = strchr(what, ':');
	struct quarry_zone_info info;
	enum quarry_zone_type zone;
	int i;

	if (type == NULL || !zone_by_name(type + 1, &zone) ||
	    !quarry_zone_info(c->m.q, atoi(what), zone, &info)) {
		compare(c, false, what, "no such zone");
		return;
	}
	compare_number(c, what, "start_pfn", info.start_pfn, want[ZONE_START]);
	compare_number(c, what, "spanned", info.spanned, want[ZONE_SPANNED]);
	compare_number(c, what, "present", info.present, want[ZONE_PRESENT]);
	compare_number(c, what, "managed", info.managed, want[ZONE_MANAGED]);
	for (i = 0; i < QUARRY_NR_WMARK; i++)
		compare_number(c, what, marks[i], info.wmark[i], want[ZONE_MIN + i]);
	compare_reserve(c, what, info.lowmem_reserve, want[ZONE_LOWMEM_RESERVE]);
	compare_number(c, what, "pageset high", info.pcp_high, want[ZONE_PCP_HIGH]);
	compare_number(c, what, "pageset batch", info.pcp_batch, want[ZONE_PCP_BATCH]);
	compare(c, info.free + info.pcp == info.managed, what, "%lu of %lu pages free",
		info.free + info.pcp, info.managed);
}

static void compare_list(struct comparison *c, int nid, bool this_node, const char *want)
{
	struct quarry_zoneref refs[REFS_MAX];
	struct strbuf got = {0};
	char what[32];
	unsigned int n, i;

	n = quarry_zonelist(c->m.q, nid, this_node, refs, REFS_MAX);
	for (i = 0; i < n; i++)
		strbuf_addf(&got, "%s%d:%s", i > 0 ? "," : "", refs[i].nid,
			    quarry_zone_name(refs[i].zone));
	if (n == 0)
		strbuf_addf(&got, "-");
	snprintf(what, sizeof(what), "node %d", nid);
	compare(c, strcmp(got.s, want) == 0, what, "%s %s, Linux has %s",
		this_node ? "nofallback" : "fallback", got.s, want);
	strbuf_free(&got);
}

static void compare_distance(struct comparison *c, int nid, const char *want)
{
	struct strbuf got = {0};
	char what[32];
	int to, n = 1;
	const char *p;

	for (p = want; *p != '\0'; p++)
		n += *p == ',';
	for (to = 0; to < n; to++)
		strbuf_addf(&got, "%s%u", to > 0 ? "," : "", quarry_node_distance(c->m.q, nid, to));
	snprintf(what, sizeof(what), "node %d", nid);
	compare(c, strcmp(got.s, want) == 0, what, "distances %s, Linux has %s", got.s, want);
	strbuf_free(&got);
}

static void compare_node(struct comparison *c, char **want)
{
	int nid = atoi(want[NODE_NID]);

	if (strcmp(want[NODE_KIND], "distance") == 0)
		compare_distance(c, nid, want[NODE_VALUE]);
	else
		compare_list(c, nid, strcmp(want[NODE_KIND], "nofallback") == 0, want[NODE_VALUE]);
}

static void compare_totals(struct comparison *c)
{
	unsigned int has = 0, t;
	struct quarry_zone_info info;
	struct quarry_totals totals;
	char want[16];
	int nid;

	quarry_totals(c->m.q, &totals);
	if (c->tables == 0)
		c->tables = totals.meta_bytes;
	compare_number(c, "total", "present", totals.present, c->shape[SHAPE_PRESENT]);
	compare_number(c, "total", "managed", totals.managed, c->shape[SHAPE_MANAGED]);
	compare_number(c, "total", "min_free_kbytes", totals.min_free_kbytes,
		       c->shape[SHAPE_MIN_FREE]);
	compare_number(c, "total", "totalreserve", totals.totalreserve, c->shape[SHAPE_RESERVE]);
	for (nid = 0; nid < QUARRY_MAX_NODES; nid++)
		for (t = 0; t < QUARRY_NR_ZONES; t++)
			has += quarry_zone_info(c->m.q, nid, (enum quarry_zone_type)t, &info);
	for (nid = 0, t = 0; t < zones.nr_rows; t++)
		nid += strcmp(zones.row[t][ZONE_SHAPE], c->shape[SHAPE_NAME]) == 0;
	snprintf(want, sizeof(want), "%d", nid);
	compare_number(c, "total", "zones", has, want);
}

/* Boot @shape, from @map. */
static bool compare_boot(struct comparison *c, char **shape, const char *map, bool bootmem)
{
	struct machine_options options = {.quiet = true, .bootmem = bootmem};
	struct diag diag = {0};
	char path[256];
	bool ok;

	memset(c, 0, sizeof(*c));
	c->shape = shape;
	snprintf(path, sizeof(path), "tests/data/oracle/%s.map", map);
	options.map_path = path;
	options.cmdline = shape[SHAPE_CMDLINE];
	options.arch = map_arch_by_name(shape[SHAPE_ARCH]);
	options.diag = &diag;
	ok = machine_create(&options, &c->m) == CLI_OK;
	if (!ok)
		compare(c, false, "boot", "%.200s", diag.text.s != NULL ? diag.text.s : "failed");
	diag_free(&diag);
	return ok;
}

/* Boot @shape and compare everything that is known of it. */
static void compare_shape(struct comparison *c, char **shape, bool bootmem)
{
	unsigned int i;

	if (!compare_boot(c, shape, shape[SHAPE_MAP], bootmem))
		return;
	for (i = 0; i < zones.nr_rows; i++)
		if (strcmp(zones.row[i][ZONE_SHAPE], shape[SHAPE_NAME]) == 0)
			compare_zone(c, zones.row[i]);
	for (i = 0; i < nodes.nr_rows; i++)
		if (strcmp(nodes.row[i][NODE_SHAPE], shape[SHAPE_NAME]) == 0)
			compare_node(c, nodes.row[i]);
	compare_totals(c);
	machine_destroy(&c->m);
}

/* Writes NAME=VALUE;NAME=VALUE... as Linux's administrator did. */
static void step_settings(struct comparison *c, const char *settings)
{
	struct page_layer *pl = c->m.q->pages;
	char text[256], *rest = text, *name;

	snprintf(text, sizeof(text), "%s", settings);
	while ((name = strsep(&rest, ";")) != NULL) {
		char *value = strchr(name, '=');

		*value++ = '\0';
		if (strncmp(name, "cpu", 3) == 0) {
			/* One CPU fewer, as its pagesets' limits see it. */
			pl->node[pl->cpu_place[atoi(name + 3)].nid].nr_cpus--;
			watermark_update_pcp(c->m.q);
		} else {
			compare(c, quarry_sysctl_set(c->m.q, name, value) == 0, name, "refused: %s",
				value);
		}
	}
}

static void step_compare(struct comparison *c, char **want)
{
	const char *type = strchr(want[STEP_ZONE], ':') + 1;
	char what[64], text[QUARRY_SYSCTL_SIZE] = "";
	struct quarry_zone_info info;
	enum quarry_zone_type zone;

	snprintf(what, sizeof(what), "%s %s", want[STEP_NAME], want[STEP_ZONE]);
	if (!zone_by_name(type, &zone) ||
	    !quarry_zone_info(c->m.q, atoi(want[STEP_ZONE]), zone, &info)) {
		compare(c, false, what, "no such zone");
		return;
	}
	compare_number(c, what, "min", info.wmark[QUARRY_WMARK_MIN], want[STEP_MIN]);
	compare_number(c, what, "low", info.wmark[QUARRY_WMARK_LOW], want[STEP_LOW]);
	compare_number(c, what, "high", info.wmark[QUARRY_WMARK_HIGH], want[STEP_HIGH]);
	compare_reserve(c, what, info.lowmem_reserve, want[STEP_RESERVE]);
	compare_number(c, what, "pageset high", info.pcp_high, want[STEP_PCP_HIGH]);
	compare_number(c, what, "pageset batch", info.pcp_batch, want[STEP_PCP_BATCH]);
	quarry_sysctl_get(c->m.q, "min_free_kbytes", text, sizeof(text));
	compare_number(c, what, "min_free_kbytes", strtoul(text, NULL, 10), want[STEP_MIN_FREE]);
}

/* The machine of @shape as it came to user space, and all its steps. */
static void compare_steps(struct comparison *c, char **shape, bool bootmem)
{
	const char *last = "";
	unsigned int i;
	char map[96];

	snprintf(map, sizeof(map), "%s.user", shape[SHAPE_NAME]);
	if (!compare_boot(c, shape, map, bootmem))
		return;
	for (i = 0; i < steps.nr_rows; i++) {
		char **step = steps.row[i];

		if (strcmp(step[STEP_SHAPE], shape[SHAPE_NAME]) != 0)
			continue;
		if (strcmp(step[STEP_NAME], last) != 0)
			step_settings(c, step[STEP_SETTINGS]);
		last = step[STEP_NAME];
		step_compare(c, step);
	}
	machine_destroy(&c->m);
}

static void test_shape(void **state)
{
	struct run *run = *state;
	size_t tables, present;

	if (run->steps)
		compare_steps(&run->result, run->shape, run->bootmem);
	else
		compare_shape(&run->result, run->shape, run->bootmem);
	run->done = true;
	assert_true(run->result.compared > 10);
	if (run->result.differing != 0)
		fail_msg("%s: %u of %u figures differ; %s", run->name, run->result.differing,
			 run->result.compared, run->result.first);
	/* M14: at most 0.01 % of RAM. */
	tables = run->result.tables;
	present = strtoul(run->shape[SHAPE_PRESENT], NULL, 10) * QUARRY_PAGE_SIZE;
	if (present >= 255u << 20 && tables > present / 10000)
		fail_msg("%s: %zu bytes of tables for %zu MiB", run->name, tables, present >> 20);
}

/* ---- the program ---- */

/* cmocka's names are letters, digits and underscores. */
static struct CMUnitTest make_run(struct run *run, char **shape, bool bootmem, bool by_steps)
{
	char *p;

	run->shape = shape;
	run->bootmem = bootmem;
	run->steps = by_steps;
	snprintf(run->name, sizeof(run->name), "%s%s_by_%s", shape[SHAPE_NAME],
		 by_steps ? "_set_at_run_time" : "", bootmem ? "bootmem" : "memblock");
	for (p = run->name; *p != '\0'; p++)
		if (strchr("-+.=%", *p) != NULL)
			*p = '_';
	return (struct CMUnitTest){
		.name = run->name, .test_func = test_shape, .initial_state = run};
}

static bool has_steps(char **shape)
{
	unsigned int i;

	for (i = 0; i < steps.nr_rows; i++)
		if (strcmp(steps.row[i][STEP_SHAPE], shape[SHAPE_NAME]) == 0)
			return true;
	return false;
}

static const char *what_is_known(char **shape)
{
	bool marks = false, promo = false;
	unsigned int i;

	for (i = 0; i < zones.nr_rows; i++) {
		if (strcmp(zones.row[i][ZONE_SHAPE], shape[SHAPE_NAME]) != 0)
			continue;
		marks = marks || strcmp(zones.row[i][ZONE_MIN], "-") != 0;
		promo = promo || strcmp(zones.row[i][ZONE_PROMO], "-") != 0;
	}
	if (!marks)
		return "sizes, zonelists, distances";
	return promo ? "all" : "all but promo and totalreserve";
}

static void print_table(void)
{
	struct comparison c[2];
	unsigned int i;

	printf("| shape | compared | figures | by memblock | by bootmem |\n");
	printf("|---|---|---|---|---|\n");
	for (i = 0; i < shapes.nr_rows; i++) {
		char **shape = shapes.row[i];

		compare_shape(&c[0], shape, false);
		compare_shape(&c[1], shape, true);
		printf("| %s | %s | %u | %s | %s |\n", shape[SHAPE_NAME], what_is_known(shape),
		       c[0].compared, c[0].differing != 0 ? c[0].first : "equal",
		       c[1].differing != 0 ? c[1].first : "equal");
	}
}

/* The first difference of each shape that has one. */
static void print_differences(unsigned int nr_runs)
{
	unsigned int i, figures = 0;

	for (i = 0; i < nr_runs; i++) {
		const struct comparison *c = &runs[i].result;

		figures += c->compared;
		if (runs[i].done && c->differing != 0)
			print_message("%-40s %4u of %4u differ  %s\n", runs[i].name, c->differing,
				      c->compared, c->first);
	}
	print_message("%u shapes, %u figures compared\n", shapes.nr_rows, figures);
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[2 * SHAPES_MAX];
	unsigned int i, n = 0;
	int failed;

	if (access("tests/data/oracle", R_OK) != 0 && chdir("..") != 0)
		return 2;
	read_facts(&shapes, "shapes.tsv", SHAPE_FIELDS);
	read_facts(&zones, "zones.tsv", ZONE_FIELDS);
	read_facts(&nodes, "nodes.tsv", NODE_FIELDS);
	read_facts(&steps, "steps.tsv", STEP_FIELDS);
	if (argc == 2 && strcmp(argv[1], "--table") == 0) {
		print_table();
		return 0;
	}
	for (i = 0; i < shapes.nr_rows && i < SHAPES_MAX; i++) {
		unsigned int kinds = has_steps(shapes.row[i]) ? 4 : 2, k;

		for (k = 0; k < kinds && n < QUARRY_ARRAY_SIZE(runs); k++, n++)
			tests[n] = make_run(&runs[n], shapes.row[i], (k & 1) != 0, k >= 2);
	}
	failed = _cmocka_run_group_tests("oracle", tests, n, NULL, NULL);
	print_differences(n);
	free(shapes.text);
	free(zones.text);
	free(nodes.text);
	free(steps.text);
	return failed;
}
