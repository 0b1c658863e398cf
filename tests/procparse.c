/* SPDX-License-Identifier: MIT */
/* A strict reader of Linux's texts on memory: see procparse.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procparse.h"

/* What is being read, and about whom. */
struct procparse_state {
	struct procparse *p;
	const char *s; /* next character */
	int node;
	char zone[16];
	bool good;
};

static void fail(struct procparse_state *st, const char *what)
{
	if (!st->good)
		return;
	st->good = false;
	snprintf(st->p->error, sizeof(st->p->error), "line %u: expected %s at \"%.40s\"",
		 st->p->line, what, st->s);
}

/* Exactly @text comes next. */
static bool have(const struct procparse_state *st, const char *text)
{
	return strncmp(st->s, text, strlen(text)) == 0;
}

static void want(struct procparse_state *st, const char *text)
{
	if (!st->good)
		return;
	if (!have(st, text)) {
		fail(st, text);
		return;
	}
	for (const char *c = text; *c != '\0'; c++)
		st->p->line += *c == '\n';
	st->s += strlen(text);
}

/* A number, right-aligned in @width columns, or wider if it does not fit; 0: no blanks before it. */
static long long number(struct procparse_state *st, int width)
{
	const char *from = st->s;
	long long v = 0;
	bool minus;

	if (!st->good)
		return 0;
	while (*st->s == ' ')
		st->s++;
	minus = *st->s == '-';
	st->s += minus;
	if (*st->s < '0' || *st->s > '9' ||
	    (st->s[0] == '0' && st->s[1] >= '0' && st->s[1] <= '9')) {
		fail(st, "a number");
		return 0;
	}
	while (*st->s >= '0' && *st->s <= '9')
		v = v * 10 + (*st->s++ - '0');
	if ((*from == ' ' && st->s - from != width) || (*from != ' ' && st->s - from < width))
		fail(st, "a number that fills its column");
	return minus ? -v : v;
}

/* "0.142", " 0.889", "-1.000": thousandths. */
static long long thousandths(struct procparse_state *st, int width)
{
	bool minus = st->s[width - 2] == '-';
	long long whole = number(st, width), part = 0;

	want(st, ".");
	for (int i = 0; st->good && i < 3; i++) {
		if (*st->s < '0' || *st->s > '9') {
			fail(st, "three digits");
			break;
		}
		part = part * 10 + (*st->s++ - '0');
	}
	return minus ? whole * 1000 - part : whole * 1000 + part;
}

static void keep(struct procparse_state *st, const char *key, int column, long long value)
{
	struct procparse_value *v;

	if (!st->good)
		return;
	if (st->p->n == PROCPARSE_MAX) {
		fail(st, "fewer numbers");
		return;
	}
	v = &st->p->v[st->p->n++];
	memset(v, 0, sizeof(*v));
	v->node = st->node;
	snprintf(v->zone, sizeof(v->zone), "%s", st->zone);
	snprintf(v->key, sizeof(v->key), "%s", key);
	v->column = column;
	v->value = value;
}

/* A word of letters, digits, _ ( ) up to @end. */
static void word(struct procparse_state *st, char *out, size_t size, char end)
{
	size_t n = 0;

	while (st->good && *st->s != end) {
		char c = *st->s;

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '(' || c == ')') ||
		    n + 1 == size) {
			fail(st, "a name");
			return;
		}
		out[n++] = c;
		st->s++;
	}
	out[n] = '\0';
	if (n == 0)
		fail(st, "a name");
}

/* ---- vmstat ---- */

static void read_vmstat(struct procparse_state *st)
{
	char key[48];

	while (st->good && *st->s != '\0') {
		word(st, key, sizeof(key), ' ');
		want(st, " ");
		keep(st, key, 0, number(st, 0));
		want(st, "\n");
	}
}

/* ---- meminfo ---- */

/* "Name:" and blanks up to column 16, a number of 8 columns, the unit. */
static void read_meminfo_line(struct procparse_state *st)
{
	char key[48];
	size_t len;
	int width;

	word(st, key, sizeof(key), ':');
	want(st, ":");
	len = strlen(key) + 1;
	if (strcmp(key, "VmallocTotal") == 0) {
		want(st, "   ");
		width = 0;
	} else if (strncmp(key, "HugePages_", 10) == 0) {
		width = st->node < 0 ? 24 - (int)len : strcmp(key, "HugePages_Total") == 0 ? 6 : 7;
	} else {
		/* Two lines of a node stand one column to the left. */
		width = (st->node >= 0 && (strcmp(key, "FileHugePages") == 0 ||
					   strcmp(key, "FilePmdMapped") == 0)
				 ? 23
				 : 24) -
			(int)len;
	}
	keep(st, key, 0, number(st, width));
	want(st, strncmp(key, "HugePages_", 10) == 0 ? "\n" : " kB\n");
}

static void read_meminfo(struct procparse_state *st)
{
	while (st->good && *st->s != '\0')
		read_meminfo_line(st);
}

static void read_node_meminfo(struct procparse_state *st)
{
	while (st->good && *st->s != '\0') {
		want(st, "Node ");
		st->node = (int)number(st, 0);
		want(st, " ");
		read_meminfo_line(st);
	}
}

/* ---- by zone ---- */

static const char *const zones[] = {"DMA", "DMA32", "Normal", "Movable", "Device"};

/* "Node 0, zone    DMA32"; @node_width 0 or 4. */
static void zone_head(struct procparse_state *st, int node_width)
{
	char padded[16];
	size_t i;

	want(st, "Node ");
	st->node = (int)number(st, node_width);
	want(st, ", zone ");
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		snprintf(padded, sizeof(padded), "%8s", zones[i]);
		if (have(st, padded) && (st->s[8] == ' ' || st->s[8] == '\n' || st->s[8] == ','))
			break;
	}
	if (i == sizeof(zones) / sizeof(zones[0])) {
		fail(st, "a zone's name in eight columns");
		return;
	}
	st->s += 8;
	snprintf(st->zone, sizeof(st->zone), "%s", zones[i]);
}

static void read_buddyinfo(struct procparse_state *st)
{
	while (st->good && *st->s != '\0') {
		zone_head(st, 0);
		want(st, " ");
		for (int o = 0; o <= 10; o++) {
			keep(st, "free blocks", o, number(st, 6));
			want(st, " ");
		}
		want(st, "\n");
	}
}

static void read_index(struct procparse_state *st, int width)
{
	while (st->good && *st->s != '\0') {
		zone_head(st, 0);
		want(st, " ");
		for (int o = 0; o <= 10; o++) {
			keep(st, "index", o, thousandths(st, width));
			want(st, " ");
		}
		want(st, "\n");
	}
}

static const char *const types[] = {"Unmovable",  "Movable", "Reclaimable",
				    "HighAtomic", "CMA",     "Isolate"};

#define NR_TYPES 6

static void pagetypeinfo_row(struct procparse_state *st, const char *type)
{
	char text[32];

	zone_head(st, 4);
	snprintf(text, sizeof(text), ", type %12s ", type);
	want(st, text);
	for (int o = 0; o <= 10; o++) {
		bool more = st->good && *st->s == '>';

		st->s += more;
		keep(st, type, o, number(st, 6));
		if (st->good)
			st->p->v[st->p->n - 1].more = more;
		want(st, " ");
	}
	want(st, "\n");
}

/* One node's text; CMA is there or not, but the same everywhere. */
static void pagetypeinfo_node(struct procparse_state *st)
{
	const char *cma = strstr(st->s, ", type          CMA ");
	char text[32];

	want(st, "Page block order: ");
	keep(st, "Page block order", 0, number(st, 0));
	want(st, "\nPages per block:  ");
	keep(st, "Pages per block", 0, number(st, 0));
	want(st, "\n\nFree pages count per migrate type at order  ");
	for (int o = 0; st->good && o <= 10; o++) {
		if (number(st, 6) != o)
			fail(st, "the order");
		want(st, " ");
	}
	want(st, "\n");
	while (st->good && have(st, "Node ")) {
		for (int t = 0; t < NR_TYPES; t++) {
			if (t != 4 || cma != NULL)
				pagetypeinfo_row(st, types[t]);
		}
	}
	want(st, "\nNumber of blocks type  ");
	for (int t = 0; t < NR_TYPES; t++) {
		snprintf(text, sizeof(text), "%12s ", types[t]);
		if (t != 4 || cma != NULL)
			want(st, text);
	}
	want(st, "\n");
	while (st->good && have(st, "Node ")) {
		zone_head(st, 0);
		want(st, " ");
		for (int t = 0; t < NR_TYPES; t++) {
			if (t == 4 && cma == NULL)
				continue;
			keep(st, "blocks", t, number(st, 12));
			want(st, " ");
		}
		want(st, "\n");
	}
	st->zone[0] = '\0';
}

static void read_pagetypeinfo(struct procparse_state *st)
{
	while (st->good && *st->s != '\0') {
		st->node = -1;
		pagetypeinfo_node(st);
	}
}

/* ---- zoneinfo ---- */

/* "      nr_mapped    432": twelve columns at least for the name. */
static void zoneinfo_item(struct procparse_state *st, bool of_node)
{
	char key[48], was[16];

	memcpy(was, st->zone, sizeof(was));
	if (of_node)
		st->zone[0] = '\0';
	want(st, "      ");
	word(st, key, sizeof(key), ' ');
	for (size_t n = strlen(key); n < 12; n++)
		want(st, " ");
	want(st, " ");
	keep(st, key, 0, number(st, 0));
	want(st, "\n");
	memcpy(st->zone, was, sizeof(was));
}

static void zoneinfo_mark(struct procparse_state *st, const char *text, const char *key)
{
	want(st, text);
	keep(st, key, 0, number(st, 0));
	want(st, "\n");
}

static void zoneinfo_marks(struct procparse_state *st)
{
	zoneinfo_mark(st, "  pages free     ", "free");
	zoneinfo_mark(st, "        boost    ", "boost");
	zoneinfo_mark(st, "        min      ", "min");
	zoneinfo_mark(st, "        low      ", "low");
	zoneinfo_mark(st, "        high     ", "high");
	zoneinfo_mark(st, "        spanned  ", "spanned");
	zoneinfo_mark(st, "        present  ", "present");
	zoneinfo_mark(st, "        managed  ", "managed");
	zoneinfo_mark(st, "        cma      ", "cma");
	want(st, "        protection: (");
	for (int j = 0; st->good; j++) {
		keep(st, "protection", j, number(st, 0));
		if (!have(st, ", "))
			break;
		want(st, ", ");
	}
	want(st, ")\n");
}

static void zoneinfo_pageset(struct procparse_state *st)
{
	char key[48];
	int cpu;

	want(st, "    cpu: ");
	cpu = (int)number(st, 0);
	snprintf(key, sizeof(key), "cpu %d count", cpu);
	zoneinfo_mark(st, "\n              count: ", key);
	snprintf(key, sizeof(key), "cpu %d high", cpu);
	zoneinfo_mark(st, "              high:  ", key);
	snprintf(key, sizeof(key), "cpu %d batch", cpu);
	zoneinfo_mark(st, "              batch: ", key);
	zoneinfo_mark(st, "  vm stats threshold: ", "threshold");
}

static void read_zoneinfo(struct procparse_state *st)
{
	while (st->good && *st->s != '\0') {
		zone_head(st, 0);
		want(st, "\n");
		if (have(st, "  per-node stats\n")) {
			want(st, "  per-node stats\n");
			while (st->good && have(st, "      "))
				zoneinfo_item(st, true);
		}
		zoneinfo_marks(st);
		if (!have(st, "      nr_"))
			continue;
		while (st->good && have(st, "      "))
			zoneinfo_item(st, false);
		want(st, "  pagesets\n");
		while (st->good && have(st, "    cpu: "))
			zoneinfo_pageset(st);
		zoneinfo_mark(st, "  node_unreclaimable:  ", "node_unreclaimable");
		zoneinfo_mark(st, "  start_pfn:           ", "start_pfn");
	}
}

/* ---- SysRq-m ---- */

/* "free:3584kB boost:0kB ...": names and numbers with their unit, to the end of the line. */
static void showmem_pairs(struct procparse_state *st)
{
	char key[48];

	for (;;) {
		word(st, key, sizeof(key), strncmp(st->s, "all_un", 6) == 0 ? '?' : ':');
		if (strcmp(key, "all_unreclaimable") == 0) {
			want(st, "? no");
		} else {
			want(st, ":");
			if (strstr(key, "_thp") != NULL || strcmp(key, "shmem_pmdmapped") == 0)
				want(st, " ");
			keep(st, key, 0, number(st, 0));
			want(st, have(st, "KB") ? "KB" : have(st, "kB") ? "kB" : "");
		}
		if (!st->good || *st->s == '\n')
			break;
		want(st, " ");
	}
	want(st, "\n");
}

static void showmem_blocks(struct procparse_state *st)
{
	char key[16];

	want(st, ": ");
	for (int o = 0; o <= 10; o++) {
		snprintf(key, sizeof(key), "*%dkB ", 4 << o);
		keep(st, "blocks", o, number(st, 0));
		want(st, key);
		if (!have(st, "("))
			continue;
		st->s += 1 + strspn(st->s + 1, "UMEHCI");
		want(st, ") ");
	}
	want(st, "= ");
	keep(st, "blocks kB", 0, number(st, 0));
	want(st, "kB\n");
}

static void showmem_node_line(struct procparse_state *st)
{
	st->zone[0] = '\0';
	want(st, "Node ");
	st->node = (int)number(st, 0);
	want(st, " ");
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		size_t len = strlen(zones[i]);

		if (have(st, zones[i]) && (st->s[len] == ' ' || st->s[len] == ':')) {
			snprintf(st->zone, sizeof(st->zone), "%s", zones[i]);
			st->s += len;
		}
	}
	if (have(st, "hugepages_")) {
		st->s += strcspn(st->s, "\n");
		want(st, "\n");
	} else if (st->zone[0] == '\0') {
		showmem_pairs(st);
	} else if (have(st, ":")) {
		showmem_blocks(st);
	} else {
		want(st, " ");
		showmem_pairs(st);
		want(st, "lowmem_reserve[]:");
		for (int j = 0; st->good && *st->s == ' '; j++) {
			want(st, " ");
			keep(st, "lowmem_reserve", j, number(st, 0));
		}
		want(st, "\n");
	}
}

static void read_showmem(struct procparse_state *st)
{
	static const char *const tail[] = {" total pagecache pages\n",
					   " pages in swap cache\n",
					   "Free swap  = ",
					   "Total swap = ",
					   " pages RAM\n",
					   " pages HighMem/MovableOnly\n",
					   " pages reserved\n"};

	want(st, "Mem-Info:\n");
	showmem_pairs(st);
	for (int i = 0; i < 7; i++) {
		want(st, " ");
		showmem_pairs(st);
	}
	while (st->good && have(st, "Node "))
		showmem_node_line(st);
	st->node = -1;
	st->zone[0] = '\0';
	for (size_t i = 0; i < 7; i++) {
		bool swap = i == 2 || i == 3;

		want(st, swap ? tail[i] : "");
		keep(st, tail[i], 0, number(st, 0));
		want(st, swap ? "kB\n" : tail[i]);
	}
	while (st->good && *st->s != '\0') {
		number(st, 0);
		want(st, strstr(st->s, " pages cma reserved") == st->s ? " pages cma reserved\n"
								       : " pages hwpoisoned\n");
	}
}

/* ---- slabinfo ---- */

static void read_slabinfo(struct procparse_state *st)
{
	static const int width[] = {6, 6, 6, 4, 4};
	char name[48];

	want(st, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> "
		 "<objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : "
		 "slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	while (st->good && *st->s != '\0') {
		size_t n = strcspn(st->s, " ");

		snprintf(name, sizeof(name), "%.*s", (int)n, st->s);
		st->s += n;
		for (; n < 17; n++)
			want(st, " ");
		for (int i = 0; i < 5; i++) {
			want(st, " ");
			keep(st, name, i, number(st, width[i]));
		}
		want(st, " : tunables    0    0    0 : slabdata");
		for (int i = 5; i < 8; i++) {
			want(st, " ");
			keep(st, name, i, number(st, 6));
		}
		want(st, "\n");
	}
}

/* ---- all ---- */

bool procparse(struct procparse *p, enum procparse_kind kind, const char *text)
{
	static void (*const readers[])(struct procparse_state *) = {
		[PROCPARSE_VMSTAT] = read_vmstat,
		[PROCPARSE_MEMINFO] = read_meminfo,
		[PROCPARSE_NODE_MEMINFO] = read_node_meminfo,
		[PROCPARSE_ZONEINFO] = read_zoneinfo,
		[PROCPARSE_BUDDYINFO] = read_buddyinfo,
		[PROCPARSE_PAGETYPEINFO] = read_pagetypeinfo,
		[PROCPARSE_SHOWMEM] = read_showmem,
		[PROCPARSE_SLABINFO] = read_slabinfo,
	};
	struct procparse_state st = {.p = p, .s = text, .node = -1, .good = true};

	p->n = 0;
	p->line = 1;
	p->error[0] = '\0';
	if (kind == PROCPARSE_EXTFRAG || kind == PROCPARSE_UNUSABLE)
		read_index(&st, kind == PROCPARSE_EXTFRAG ? 2 : 1);
	else
		readers[kind](&st);
	return st.good;
}

long long procparse_get(const struct procparse *p, int node, const char *zone, const char *key,
			int column)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct procparse_value *v = &p->v[i];

		if (v->node == node && v->column == column && strcmp(v->zone, zone) == 0 &&
		    strcmp(v->key, key) == 0)
			return v->value;
	}
	return -1;
}

bool procparse_same_keys(const struct procparse *a, const struct procparse *b, char *why)
{
	for (size_t i = 0; i < a->n || i < b->n; i++) {
		const struct procparse_value *x = i < a->n ? &a->v[i] : NULL;
		const struct procparse_value *y = i < b->n ? &b->v[i] : NULL;

		if (x != NULL && y != NULL && x->node == y->node && x->column == y->column &&
		    strcmp(x->zone, y->zone) == 0 && strcmp(x->key, y->key) == 0)
			continue;
		snprintf(why, 200,
			 "number %zu: node %d zone %s %s[%d] against node %d zone %s %s[%d]", i,
			 x ? x->node : -9, x ? x->zone : "", x ? x->key : "end", x ? x->column : 0,
			 y ? y->node : -9, y ? y->zone : "", y ? y->key : "end", y ? y->column : 0);
		return false;
	}
	return true;
}
