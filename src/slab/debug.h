/* SPDX-License-Identifier: MIT */
/* State of the slab layer's debugging aids, shared by debug.c and debug_rules.c. */
#ifndef QUARRY_SLAB_DEBUG_H
#define QUARRY_SLAB_DEBUG_H

#include "internal.h"

#define DEBUG_TEXT 512u /* bytes of slab_debug= that are kept */
#define DEBUG_STACKS 512u
#define DEBUG_FRAMES 8u

/* A call stack, kept once for all that came by it. */
struct debug_stack {
	uint32_t nr; /* 0: the entry is free */
	void *frame[DEBUG_FRAMES];
};

struct slab_debug {
	char text[DEBUG_TEXT]; /* slab_debug=, checked */
	struct quarry_lock lock;
	struct debug_stack *stack; /* hashed, DEBUG_STACKS of them; NULL: the port shows none */
};

/* ---- debug_rules.c ---- */
/* The layer's state, made at first use; NULL: no memory. */
struct slab_debug *debug_state(struct quarry *q);

#endif
