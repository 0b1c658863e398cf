/* SPDX-License-Identifier: MIT */
/* State of the slab layer's debugging aids, shared by debug.c and debug_rules.c. */
#ifndef QUARRY_SLAB_DEBUG_H
#define QUARRY_SLAB_DEBUG_H

#include "internal.h"

#include <base/inject.h>

#define DEBUG_TEXT 512u /* bytes of slab_debug= that are kept */
#define DEBUG_STACKS 512u
#define DEBUG_FRAMES 8u

/* A call stack, kept once for all that came by it. */
struct debug_stack {
	uint32_t nr; /* 0: the entry is free */
	void *frame[DEBUG_FRAMES];
};

/* failslab */
struct slab_fail {
	struct inject attr;
	bool ignore_wait; /* those that may wait do not fail */
	bool filter;      /* only caches with SLAB_FAILSLAB */
	uint64_t injected;
};

struct slab_debug {
	char text[DEBUG_TEXT]; /* slab_debug=, checked */
	struct slab_fail fail;
	struct quarry_lock lock;   /* what fail counts, and the stacks */
	struct debug_stack *stack; /* hashed, DEBUG_STACKS of them; NULL: the port shows none */
};

/* ---- debug_rules.c ---- */
/* The layer's state, made at first use; NULL: no memory. */
struct slab_debug *debug_state(struct quarry *q);

/* ---- fail.c ---- */
void fail_defaults(struct slab_fail *f);
/* Whether requests of @s may fail by will. */
bool fail_applies(const struct quarry *q, const struct kmem_cache *s);
/* Whether this one does. */
bool fail_refuses(struct quarry *q, const struct kmem_cache *s, gfp_t gfp);

#endif
