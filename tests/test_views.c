/* SPDX-License-Identifier: MIT */
/*
 * The texts of /proc against Linux's own: a strict reader (procparse.c) takes both, for the same machine,
 * and finds the same names in the same order; what does not depend on what Linux did with its memory is
 * equal too. Samples: data/proc; QUARRY_ORACLE may name another folder of such captures, one folder a machine,
 * all of them are read.
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

#include "procparse.h"
#include "text.h"

/* ---- texts ---- */

static char *read_file(const char *folder, const char *name)
{
	char path[512], *text;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
	f = fopen(path, "r");
	if (f == NULL)
		return NULL;
	text = malloc(1 << 20);
	assert_non_null(text);
	n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

/* Those lines of node.txt that come from meminfo, without the file's name. */
static char *node_meminfo(char *text)
{
	char *out = calloc(1, strlen(text) + 1), *line, *end;

	for (line = text; *line != '\0'; line = end) {
		const char *at = strstr(line, "/meminfo:");

		end = strchr(line, '\n') + 1;
		if (at != NULL && at < end)
			strncat(out, at + 9, (size_t)(end - at - 9));
	}
	free(text);
	return out;
}

typedef void (*show_fn)(struct quarry *q, const struct quarry_out *out);

static char *ours(struct quarry *q, show_fn show)
{
	static struct text t;
	struct quarry_out out = text_out(&t);

	show(q, &out);
	return strdup(t.s);
}

/* All nodes' meminfo, one after the other. */
static void show_nodes_meminfo(struct quarry *q, const struct quarry_out *out)
{
	struct quarry_totals totals;

	quarry_totals(q, &totals);
	for (int nid = 0; nid < totals.nr_nodes; nid++) {
		if (quarry_node_online(q, nid))
			quarry_show_node_meminfo(q, nid, out);
	}
}

static struct procparse *parse(enum procparse_kind kind, const char *text, const char *whose)
{
	struct procparse *p = malloc(sizeof(*p));

	assert_non_null(p);
	if (!procparse(p, kind, text))
		fail_msg("%s: %s", whose, p->error);
	return p;
}

struct file {
	const char *name;
	enum procparse_kind kind;
	show_fn show;
};

static const struct file files[] = {
	{"vmstat", PROCPARSE_VMSTAT, quarry_show_vmstat},
	{"meminfo", PROCPARSE_MEMINFO, quarry_show_meminfo},
	{"node", PROCPARSE_NODE_MEMINFO, show_nodes_meminfo},
	{"zoneinfo", PROCPARSE_ZONEINFO, quarry_show_zoneinfo},
	{"buddyinfo", PROCPARSE_BUDDYINFO, quarry_show_buddyinfo},
	{"pagetypeinfo", PROCPARSE_PAGETYPEINFO, quarry_show_pagetypeinfo},
	{"extfrag_index", PROCPARSE_EXTFRAG, quarry_show_extfrag_index},
	{"unusable_index", PROCPARSE_UNUSABLE, quarry_show_unusable_index},
	{"showmem", PROCPARSE_SHOWMEM, quarry_show_mem},
	{"slabinfo", PROCPARSE_SLABINFO, quarry_show_slabinfo},
};

#define NR_FILES (sizeof(files) / sizeof(files[0]))

static char *linux_text(const char *folder, const struct file *f)
{
	char *text = read_file(folder, f->name);

	return text != NULL && f->kind == PROCPARSE_NODE_MEMINFO ? node_meminfo(text) : text;
}

static void boot(struct machine *m, const char *shape, const char *cmdline)
{
	struct machine_options options = {.quiet = true, .cmdline = cmdline};
	char path[256];

	snprintf(path, sizeof(path), "tests/data/oracle/%s.map", shape);
	options.map_path = path;
	assert_int_equal(machine_create(&options, m), CLI_OK);
}

/* ---- the same machine ---- */

/* Names and order; caches are Linux's own affair. */
static void compare_keys(struct quarry *q, const char *folder)
{
	for (size_t i = 0; i < NR_FILES; i++) {
		char *theirs = linux_text(folder, &files[i]), *mine, why[200];
		struct procparse *a, *b;

		if (theirs == NULL)
			continue;
		mine = ours(q, files[i].show);
		a = parse(files[i].kind, theirs, folder);
		b = parse(files[i].kind, mine, files[i].name);
		if (files[i].kind != PROCPARSE_SLABINFO && !procparse_same_keys(a, b, why))
			fail_msg("%s/%s: %s", folder, files[i].name, why);
		free(theirs);
		free(mine);
		free(a);
		free(b);
	}
}

/* What Linux computes from the machine alone. Managed pages change when Linux frees its own image. */
static bool is_static(const char *key)
{
	static const char *const keys[] = {
		"min",     "low", "high",      "boost",     "spanned",
		"present", "cma", "start_pfn", "threshold", "node_unreclaimable",
		NULL};
	size_t len = strlen(key);

	for (size_t i = 0; keys[i] != NULL; i++) {
		if (strcmp(keys[i], key) == 0)
			return true;
	}
	return strncmp(key, "cpu ", 4) == 0 && strcmp(key + len - 6, " count") != 0;
}

/* A boost comes from what happened since boot, and is part of the marks while it lasts. */
static long long unboosted(const struct procparse *p, const struct procparse_value *v)
{
	bool mark = strcmp(v->key, "min") == 0 || strcmp(v->key, "low") == 0 ||
		    strcmp(v->key, "high") == 0 || strcmp(v->key, "boost") == 0;

	return mark ? v->value - procparse_get(p, v->node, v->zone, "boost", 0) : v->value;
}

static unsigned int compare_zoneinfo(struct quarry *q, const char *folder)
{
	char *theirs = read_file(folder, "zoneinfo"), *mine = ours(q, quarry_show_zoneinfo);
	struct procparse *a = parse(PROCPARSE_ZONEINFO, theirs, folder);
	struct procparse *b = parse(PROCPARSE_ZONEINFO, mine, "ours");
	unsigned int compared = 0;

	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		if (!is_static(a->v[i].key))
			continue;
		if (unboosted(a, &a->v[i]) != unboosted(b, &b->v[i]))
			fail_msg("%s: node %d %s %s: Linux %lld, Quarry %lld", folder, a->v[i].node,
				 a->v[i].zone, a->v[i].key, a->v[i].value, b->v[i].value);
		compared++;
	}
	free(theirs);
	free(mine);
	free(a);
	free(b);
	return compared;
}

static void two_nodes_as_linux(void **state)
{
	struct machine m;

	(void)state;
	boot(&m, "numa2-3G-5G", NULL);
	compare_keys(m.q, "tests/data/proc/numa2-3G-5G");
	assert_int_equal(compare_zoneinfo(m.q, "tests/data/proc/numa2-3G-5G"), 112);
	machine_destroy(&m);
}

static void memoryless_node_as_linux(void **state)
{
	struct machine m;

	(void)state;
	boot(&m, "numa2-memless-0", NULL);
	compare_keys(m.q, "tests/data/proc/numa2-memless-0");
	assert_int_equal(compare_zoneinfo(m.q, "tests/data/proc/numa2-memless-0"), 86);
	machine_destroy(&m);
}

/* MemAvailable, CommitLimit and the thresholds of dirty pages are functions of other lines. */
static void derived_lines_as_linux(void **state)
{
	char *theirs = read_file("tests/data/proc/numa2-3G-5G", "meminfo"), *text;
	struct procparse *p = parse(PROCPARSE_MEMINFO, theirs, "Linux");
	struct quarry_totals t;
	struct machine m;
	long long available, reclaimable;

	(void)state;
	boot(&m, "numa2-3G-5G", NULL);
	quarry_totals(m.q, &t);
	/* Linux's reserve is this machine's: so its own lines must agree by the formula used here. */
	reclaimable = procparse_get(p, -1, "", "KReclaimable", 0);
	available = procparse_get(p, -1, "", "MemFree", 0) - (long long)t.totalreserve * 4 +
		    reclaimable - reclaimable / 2;
	assert_int_equal(procparse_get(p, -1, "", "MemAvailable", 0), available);
	assert_int_equal(procparse_get(p, -1, "", "CommitLimit", 0) / 4,
			 procparse_get(p, -1, "", "MemTotal", 0) / 8);
	free(theirs);
	text = ours(m.q, quarry_show_meminfo);
	assert_true(procparse(p, PROCPARSE_MEMINFO, text));
	available = procparse_get(p, -1, "", "MemFree", 0) - (long long)t.totalreserve * 4;
	assert_int_equal(procparse_get(p, -1, "", "MemAvailable", 0), available);
	free(text);
	text = ours(m.q, quarry_show_vmstat);
	assert_true(procparse(p, PROCPARSE_VMSTAT, text));
	available = available / 4 + 1;
	assert_int_equal(procparse_get(p, -1, "", "nr_dirty_threshold", 0), available * 819 / 4096);
	assert_int_equal(procparse_get(p, -1, "", "nr_dirty_background_threshold", 0),
			 available * 409 / 4096);
	free(text);
	free(p);
	machine_destroy(&m);
}

/* A kernel with CMA prints more lines; where Quarry has CMA memory so does it. */
static void cma_lines_of_linux(void **state)
{
	static const char *const folder = "tests/data/proc/arm64-1G-smp1";

	(void)state;
	for (size_t i = 0; i < NR_FILES; i++) {
		char *theirs = linux_text(folder, &files[i]);
		struct procparse *p;

		if (theirs == NULL)
			continue;
		p = parse(files[i].kind, theirs, folder);
		if (files[i].kind == PROCPARSE_PAGETYPEINFO)
			assert_int_equal(procparse_get(p, 0, "DMA", "blocks", 4), 32);
		if (files[i].kind == PROCPARSE_MEMINFO)
			assert_int_equal(procparse_get(p, -1, "", "CmaTotal", 0), 65536);
		free(theirs);
		free(p);
	}
}

/* ---- all captures there are ---- */

/*
 * Machines whose zones Linux changed after boot, or sized by what a machine has not: memory added later,
 * one CPU in several nodes, kernels without huge pages' daemon, settings that the capture changed.
 */
static bool changed_later(const char *shape)
{
	static const char *const shapes[] = {"dimm-", "numafake", "sysctl-", "offline-", NULL};

	for (size_t i = 0; shapes[i] != NULL; i++) {
		if (strncmp(shape, shapes[i], strlen(shapes[i])) == 0)
			return true;
	}
	return false;
}

static void compare_capture(const char *shape, const char *arch, const char *cmdline,
			    const char *folder)
{
	struct machine_options options = {.quiet = true, .cmdline = cmdline};
	struct machine m;
	char path[256];

	/* arm64 has no ZONE_DEVICE, and so fewer lines. */
	if (changed_later(shape) || strcmp(arch, "x86_64") != 0)
		return;
	snprintf(path, sizeof(path), "tests/data/oracle/%s.map", shape);
	options.map_path = path;
	assert_int_equal(machine_create(&options, &m), CLI_OK);
	compare_zoneinfo(m.q, folder);
	machine_destroy(&m);
}

static void every_capture(void **state)
{
	const char *named = getenv("QUARRY_ORACLE"), *oracle = named ? named : "tests/data/proc";
	unsigned int shapes = 0, texts = 0;
	char path[512], line[4096];
	FILE *list;

	(void)state;
	list = fopen("tests/data/oracle/shapes.tsv", "r");
	assert_non_null(list);
	while (fgets(line, sizeof(line), list) != NULL) {
		char *field[8] = {NULL}, *rest = line;
		unsigned int before = texts;

		line[strcspn(line, "\n")] = '\0';
		for (int i = 0; i < 8; i++)
			field[i] = strsep(&rest, "\t");
		if (*line == '#' || field[7] == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", oracle, field[0]);
		for (size_t i = 0; i < NR_FILES; i++) {
			char *theirs = linux_text(path, &files[i]);

			if (theirs == NULL)
				continue;
			free(parse(files[i].kind, theirs, path));
			free(theirs);
			texts++;
			if (files[i].kind == PROCPARSE_ZONEINFO)
				compare_capture(field[1], field[2], field[7], path);
		}
		shapes += texts > before;
	}
	fclose(list);
	printf("%u texts of %u machines\n", texts, shapes);
	assert_true(texts >= 10);
}

/* ---- the reader is strict ---- */

static void reader_refuses(void **state)
{
	static const struct {
		enum procparse_kind kind;
		const char *text;
	} bad[] = {
		{PROCPARSE_VMSTAT, "nr_free_pages  12\n"},
		{PROCPARSE_VMSTAT, "nr_free_pages 12"},
		{PROCPARSE_VMSTAT, "nr_free_pages 012\n"},
		{PROCPARSE_MEMINFO, "MemTotal:       12 kB\n"},
		{PROCPARSE_MEMINFO, "MemTotal:             12 KB\n"},
		{PROCPARSE_BUDDYINFO, "Node 0, zone   DMA32      1\n"},
		{PROCPARSE_BUDDYINFO, "Node 0, zone DMA32      1"},
		{PROCPARSE_ZONEINFO, "Node 0, zone      DMA\n  pages free 12\n"},
		{PROCPARSE_EXTFRAG, "Node 0, zone      DMA 0.12 "},
		{PROCPARSE_SLABINFO, "slabinfo - version: 2.0\n"},
		{PROCPARSE_PAGETYPEINFO, "Page block order: 9\nPages per block: 512\n"},
		{PROCPARSE_SHOWMEM, "Mem-Info:\nactive_anon: 1\n"},
	};
	struct procparse *p = malloc(sizeof(*p));

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (procparse(p, bad[i].kind, bad[i].text))
			fail_msg("accepted: %s", bad[i].text);
	}
	assert_true(procparse(p, PROCPARSE_MEMINFO, "MemTotal:             12 kB\n"));
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_nodes_as_linux),
		cmocka_unit_test(memoryless_node_as_linux),
		cmocka_unit_test(derived_lines_as_linux),
		cmocka_unit_test(cma_lines_of_linux),
		cmocka_unit_test(every_capture),
		cmocka_unit_test(reader_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
