/* SPDX-License-Identifier: MIT */
/* The slab layer's own state as a number: what it will decide next depends on nothing else. */
#ifndef TESTS_SLAB_STATE_H
#define TESTS_SLAB_STATE_H

#include <stdint.h>

struct kmem_cache;
struct quarry;

/*
 * Caches, what they reckon with and what their nodes remember; records, lists and their order; sheaves of CPUs and
 * depots: adds all of them to @digest. Pointers count as what they lead to, so two runs agree. The order of objects in
 * a sheaf does not count, but the one that is next does; nor does where the page layer put a slab. Nobody else may be
 * at work. Before boot nothing is added.
 */
void slab_state_add(struct quarry *q, uint64_t *digest);
/* What a cache reckons with, alone. */
void slab_state_add_geometry(const struct kmem_cache *s, uint64_t *digest);

/* Fails if @digest is not what was written down; with QUARRY_TEST_DECISIONS tells it for scripts/decisions.py. */
void slab_state_decided(uint64_t digest, uint64_t written);

#endif
