/* SPDX-License-Identifier: MIT */
/* The page layer's own state as a number: what it will decide next depends on nothing else. */
#ifndef TESTS_PAGE_STATE_H
#define TESTS_PAGE_STATE_H

#include <stdint.h>

struct quarry;

/*
 * Records, bitmaps, lists and their order, descriptors, sheaves, marks, counts: adds all of them to @digest. Pointers
 * count as what they lead to, so two runs agree. Nobody else may be at work. Before boot nothing is added.
 */
void page_state_add(struct quarry *q, uint64_t *digest);

#endif
