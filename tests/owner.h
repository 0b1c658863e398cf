/* SPDX-License-Identifier: MIT */
/*
 * An owner of movable blocks for tests: it knows its blocks by page frame number, stamps their contents,
 * and has them moved. Any thread may call; what tells a block its place is behind one lock.
 */
#ifndef TESTS_OWNER_H
#define TESTS_OWNER_H

#include <pthread.h>

#include "machine_build.h"

struct owner_block {
	struct page *page; /* NULL: the slot is empty */
	unsigned int order;
	uint64_t stamp;
	bool pinned;
};

struct owner {
	struct machine *m;
	unsigned int number; /* of its mover */
	pthread_mutex_t lock;
	struct owner_block *block;
	size_t nr_blocks;
	uint32_t *slot_of; /* page frame -> slot + 1; 0: not the owner's */
	pfn_t nr_pfns;
	bool has_ram;
	uint64_t seed;
	unsigned int refuse_percent, fail_percent; /* of isolations, of migrations; at random */
	unsigned long isolated, migrated, failed, put_back, refused;
	unsigned long wrong; /* calls that should not be */
	/* Runs in migrate, before anything is copied; without the lock. */
	void (*before)(struct owner *o, struct page *src);
};

void owner_init(struct owner *o, struct machine *m, size_t slots, pfn_t nr_pfns, bool has_ram);
void owner_fini(struct owner *o);
/* Takes a block into @slot, which is empty, and makes it movable; false: no memory. */
bool owner_alloc(struct owner *o, size_t slot, gfp_t gfp, unsigned int order);
/* Puts allocated block @page into @slot. */
void owner_adopt(struct owner *o, size_t slot, struct page *page, unsigned int order);
void owner_free(struct owner *o, size_t slot);
void owner_free_all(struct owner *o);
/* All blocks hold what was written to them, and nobody holds one. Returns faults. */
unsigned long owner_check(struct owner *o);

#endif
