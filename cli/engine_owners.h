/* SPDX-License-Identifier: MIT */
/*
 * Whose memory it is: which descriptor's request took each object and each block of a replay. Costs
 * a look-up for each event, so it is only kept for those who ask: engine_set_owners().
 */
#ifndef CLI_ENGINE_OWNERS_H
#define CLI_ENGINE_OWNERS_H

#include <idmap.h>

/* Of one descriptor. Bytes are those that were asked for; of a block, its size. */
struct engine_owner {
	uint64_t allocs, frees;
	uint64_t live, live_bytes;
	uint64_t max_live_bytes;
	uint64_t object_bytes; /* of one object */
};

struct engine_owners {
	bool on;
	struct idmap objects; /* recorded address -> descriptor + 1 */
	struct idmap blocks;  /* our pfn -> descriptor + 1, then the order in the low 4 bits */
	struct engine_owner *of;
	uint32_t nr, cap;
};

void engine_owners_start(struct engine_owners *o);
void engine_owners_free(struct engine_owners *o);

/* Each does nothing unless engine_owners_start() was called; nor does it mind what it does not know. */
void engine_owners_object(struct engine_owners *o, uint64_t addr, uint32_t desc, uint64_t bytes);
void engine_owners_object_freed(struct engine_owners *o, uint64_t addr);
void engine_owners_block(struct engine_owners *o, uint64_t pfn, unsigned int order, uint32_t desc);
void engine_owners_block_freed(struct engine_owners *o, uint64_t pfn);
/* The block at @from is now at @to. */
void engine_owners_block_moved(struct engine_owners *o, uint64_t from, uint64_t to);
/* The block at @pfn has become single pages. */
void engine_owners_block_split(struct engine_owners *o, uint64_t pfn);
/* Whose block starts at our @pfn; false: nobody's that is known. */
bool engine_owners_block_of(const struct engine_owners *o, uint64_t pfn, uint32_t *desc);

#endif
