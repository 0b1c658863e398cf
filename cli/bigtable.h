/* SPDX-License-Identifier: MIT */
/*
 * Large tables that grow at their end and never move: address space for the most that they can hold is set aside;
 * memory, which reads as 0, is taken step by step, many pages in one call, as a fault for each would cost more than
 * what a replay does with it.
 */
#ifndef CLI_BIGTABLE_H
#define CLI_BIGTABLE_H

#include <stddef.h>

struct bigtable {
	char *p;
	size_t reached; /* bytes that have memory */
	size_t size;
};

/* @size bytes that read as 0; ends the program if there is no address space for @what. */
void bigtable_init(struct bigtable *b, size_t size, const char *what);
void bigtable_free(struct bigtable *b);

/* The slow part of bigtable_reach(). */
void bigtable_take(struct bigtable *b, size_t bytes);

/* The first @bytes are about to be written. What lies behind may be too, at the cost of faults. */
static inline void bigtable_reach(struct bigtable *b, size_t bytes)
{
	if (bytes > b->reached)
		bigtable_take(b, bytes);
}

#endif
