/* SPDX-License-Identifier: MIT */
/*
 * Blocks of a replay that can be moved: where they are now. Linux could move what was asked for with
 * __GFP_MOVABLE; so can the machine of the replay then.
 */
#ifndef CLI_ENGINE_PLACES_H
#define CLI_ENGINE_PLACES_H

#include <quarry/quarry.h>

#include <engine_owners.h>

/* A value of a block: kind, order, then our pfn or the place in pending[]. */
#define BLOCK_ORDER_MASK 15u
#define BLOCK_PENDING 16u
#define BLOCK_OURS 32u
#define BLOCK_SLAB 64u
#define BLOCK_REFUSED 128u
#define BLOCK_PIECE 256u /* of a block that was split */
#define BLOCK_SHIFT 9

struct engine_places {
	struct quarry *q;
	uint64_t *(*value)(void *ctx, uint64_t head); /* of the recorded block at @head */
	void *ctx;
	struct engine_owners *owners;
	struct idmap at;    /* our pfn -> recorded pfn + 1 */
	unsigned int mover; /* 0: nothing is moved, and nothing kept */
};

/* Once for a machine. @value leads to the value of a block that is alive; @owners may be NULL. */
void engine_places_start(struct engine_places *p, struct quarry *q,
			 uint64_t *(*value)(void *ctx, uint64_t head), void *ctx,
			 struct engine_owners *owners);
void engine_places_free(struct engine_places *p);

/* Our block at @pfn, of recorded block @head, can be moved from now on. */
void engine_places_add(struct engine_places *p, uint64_t pfn, uint64_t head);
/* It is about to be freed, or split: no longer. Returns whether it could. */
bool engine_places_forget(struct engine_places *p, uint64_t pfn);

#endif
