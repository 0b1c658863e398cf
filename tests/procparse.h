/* SPDX-License-Identifier: MIT */
/*
 * A strict reader of Linux's texts on memory. It knows each file's lines to the blank: a number in a
 * column must end where the column ends, a key must be followed by exactly what Linux puts there.
 */
#ifndef TESTS_PROCPARSE_H
#define TESTS_PROCPARSE_H

#include <stdbool.h>
#include <stddef.h>

enum procparse_kind {
	PROCPARSE_VMSTAT,
	PROCPARSE_MEMINFO,
	PROCPARSE_NODE_MEMINFO,
	PROCPARSE_ZONEINFO,
	PROCPARSE_BUDDYINFO,
	PROCPARSE_PAGETYPEINFO,
	PROCPARSE_EXTFRAG,
	PROCPARSE_UNUSABLE,
	PROCPARSE_SHOWMEM,
	PROCPARSE_SLABINFO,
};

/* One number: where it stands and what it says. */
struct procparse_value {
	int node;      /* -1: the machine's */
	char zone[16]; /* "": not a zone's */
	char key[48];  /* "nr_free_pages", "free", "Movable", "cpu 0 count" */
	int column;    /* in a row of several: 0, 1 ... */
	long long value;
	bool more; /* ">100000": at least so many */
};

#define PROCPARSE_MAX 16384

struct procparse {
	struct procparse_value v[PROCPARSE_MAX];
	size_t n;
	unsigned int line;
	char error[160]; /* what was wrong, and in which line */
};

/* Reads @text. False: it is not what Linux would print, see p->error. */
bool procparse(struct procparse *p, enum procparse_kind kind, const char *text);

/* The number, or -1 if it was not there; @zone "" for those of a node or the machine. */
long long procparse_get(const struct procparse *p, int node, const char *zone, const char *key,
			int column);

/*
 * Whether both texts have the same numbers in the same order, whatever they say. Where a number exists in
 * one alone, @why (of 200 bytes) says which.
 */
bool procparse_same_keys(const struct procparse *a, const struct procparse *b, char *why);

#endif
