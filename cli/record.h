/* SPDX-License-Identifier: MIT */
/* The parts of quarry record that look at the host: what can be recorded, and what Linux has. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <util.h>

struct record_host {
	const char *tracefs;  /* --tracefs; NULL: where it is usually mounted */
	const char *proc;     /* "/proc", or --proc */
	const char *perf;     /* path of perf, or "perf" */
	char *perf_path;      /* where it was found */
	struct strbuf events; /* "kmem:kmalloc,kmem:kfree,..." */
};

/*
 * Find perf, and the events that this kernel has. CLI_OK, or CLI_FAILED after saying what is missing and
 * what to do about it.
 */
int record_check(struct record_host *h);
void record_host_free(struct record_host *h);

/*
 * Append a snapshot of the files of /proc to @out, as number @n, with the mark @at ("start", "end"). What
 * cannot be read is left out, and its name added to *missing.
 */
void record_snapshot(const struct record_host *h, struct strbuf *out, unsigned int n,
		     const char *at, struct strbuf *missing);

/* The machine, for --machine, from iomem and cmdline; false: iomem cannot be read, or hides its addresses. */
bool record_machine(const struct record_host *h, struct strbuf *out);

/* Path of program @name, from PATH unless it has a slash; NULL: there is none. The caller's. */
char *record_find(const char *name);

#endif
