/* SPDX-License-Identifier: MIT */
/*
 * Places in a program that take memory, with what each holds: a hash table of call sites. A place is a tag or the
 * address that a call returned to; no tag lies where code is. Places have numbers; 0 stands for all that are
 * not known, or too many. All under lock, at which nothing is called.
 */
#ifndef QUARRY_BASE_PLACES_H
#define QUARRY_BASE_PLACES_H

#include <base/lock.h>
#include <base/quarry_state.h>

#define PLACES_MAX 4096u

struct places {
	struct quarry_lock lock;
	uint32_t nr;
	struct quarry_page_site_info place[PLACES_MAX];
	uint16_t slot[2 * PLACES_MAX]; /* number of a place; 0: empty */
};

/* @p is zeroed. */
void places_init(struct places *p);
/* Number of a place, new or not: @site if that is not NULL, else @address. */
uint16_t place_of_locked(struct places *p, const struct quarry_page_site *site, const void *address)
	QUARRY_REQUIRES(p->lock);
/* The place holds @times blocks of @bytes more. */
void place_hold_locked(struct places *p, uint16_t number, uint64_t bytes, int times)
	QUARRY_REQUIRES(p->lock);
/* It has taken one, and holds it. */
void place_take_locked(struct places *p, uint16_t number, uint64_t bytes) QUARRY_REQUIRES(p->lock);
/* The @index'th place, in @info; false: there are not so many. */
bool place_info(struct quarry *q, struct places *p, unsigned int index,
		struct quarry_page_site_info *info);

#endif
