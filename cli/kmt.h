/* SPDX-License-Identifier: MIT */
/* The binary recording format KMT1; docs/traces.md describes it. */
#ifndef CLI_KMT_H
#define CLI_KMT_H

#include <trace.h>

/* The input stands before the magic number. Reads all tables, up to the first block of events. */
void kmt_open(struct trace *t);
/* Before the first event: read them as on a processor that has no special instructions for it. For tests. */
void kmt_read_plainly(struct trace *t);
size_t kmt_next(struct trace *t);
void kmt_close(struct trace *t);

#endif
