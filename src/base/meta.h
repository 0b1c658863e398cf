/* SPDX-License-Identifier: MIT */
/*
 * Memory for Quarry's own tables. It comes from the port's meta_alloc if there is one; else out of
 * the managed memory: from memblock during boot, from the buddy system afterwards.
 */
#ifndef QUARRY_BASE_META_H
#define QUARRY_BASE_META_H

#include <quarry/types.h>

/*
 * Zeroed, aligned to 64 bytes, or NULL. Meant for few and large pieces: carve small records out of
 * chunks. Context: not under any of Quarry's locks. Implemented by the page layer, which knows where
 * memory can be had at each stage.
 */
void *quarry_meta_alloc(struct quarry *q, size_t size_bytes);
/* The same, for a table that will be used all over: in large pages if the port has any. */
void *quarry_meta_alloc_large(struct quarry *q, size_t size_bytes);
/* The same, on node @nid if that has room; QUARRY_NO_NODE: anywhere. */
void *quarry_meta_alloc_node(struct quarry *q, size_t size_bytes, int nid);
void quarry_meta_free(struct quarry *q, void *p);

#endif
