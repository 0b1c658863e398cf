/* SPDX-License-Identifier: MIT */
/* The reader of UMT1: malloc() and free() of a user program. */
#ifndef CLI_UMT_H
#define CLI_UMT_H

#include <trace.h>

enum umt_op { UMT_MALLOC = 1, UMT_FREE, UMT_CALLOC, UMT_REALLOC, UMT_MEMALIGN, UMT_NR_OPS };

#define UMT_NULL 0            /* block: free(NULL), realloc(NULL) */
#define UMT_UNSEEN UINT64_MAX /* block: it was made before the recording began */

/*
 * Blocks have numbers, in the order in which they were made, from 1. Every operation but free makes one;
 * realloc ends its old one.
 */
struct umt_event {
	uint64_t time_ns;
	uint64_t block;  /* free and realloc: the one that ends */
	uint64_t made;   /* the one that is made; 0: none */
	uint64_t size;   /* of the one that is made */
	uint16_t thread; /* from 1 */
	uint8_t op;      /* enum umt_op */
	uint8_t align_log2;
};

/* What META says, beside the members of struct trace. */
struct umt_facts {
	unsigned int threads;
	uint64_t live_bytes_max;                   /* bytes asked for, alive at once */
	uint64_t libc_arena, libc_mmap, libc_used; /* what the C library held at exit */
	uint64_t vmhwm_kb;                         /* most that the process had in memory */
};

/* Reads the head; trace_damage() tells of damage. For trace.c. */
void umt_open(struct trace *t);
void umt_close(struct trace *t);

/* The next events, at most TRACE_BATCH, in *@events; 0 at the end, as trace_next(). */
size_t umt_next(struct trace *t, const struct umt_event **events);
const struct umt_facts *umt_facts(const struct trace *t);
/* "malloc", "free" ... */
const char *umt_op_name(unsigned int op);

#endif
