/* SPDX-License-Identifier: MIT */
/*
 * A textbook buddy system over one zone, to compare the library with: free blocks by head and order,
 * eager merging, a list for each migratetype. It chooses nothing: the library says which block it took or
 * got back, and which pageblock has which type.
 *
 * A free block is on the list of its first page's pageblock. Pageblocks of the types from
 * QUARRY_MIGRATE_PCPTYPES on merge with none of another type.
 */
#ifndef TESTS_MODEL_BUDDY_H
#define TESTS_MODEL_BUDDY_H

#include <quarry/mmzone.h>
#include <quarry/types.h>

struct model_buddy {
	pfn_t start, end;     /* the zone's span */
	unsigned char *block; /* by page: order + 1 if a free block starts here, else 0 */
	unsigned char *guard; /* by page: order + 1 if a guard starts here, else 0 */
	unsigned int
		minorder; /* of what splitting leaves over, orders below this are guards; 0 at first */
	unsigned char *type; /* by pageblock, the first may begin before start */
	unsigned long nr_free_type[QUARRY_MIGRATE_TYPES][QUARRY_NR_ORDERS];
	unsigned long nr_free[QUARRY_NR_ORDERS]; /* free blocks */
	unsigned long free, guards;              /* pages */
};

/* Nothing is free, all is unmovable. Returns false if the host is out of memory. */
bool model_buddy_init(struct model_buddy *m, pfn_t start, pfn_t end);
void model_buddy_fini(struct model_buddy *m);

/* The block (@pfn, @order) was taken. False: it was not wholly free, or is out of place. */
bool model_buddy_alloc(struct model_buddy *m, pfn_t pfn, unsigned int order);
/* The block (@pfn, @order) came back. False: part of it was free already, or it is out of place. */
bool model_buddy_free(struct model_buddy *m, pfn_t pfn, unsigned int order);
/* The pageblock of @pfn changes its type, its free blocks with it. */
void model_buddy_set_type(struct model_buddy *m, pfn_t pfn, unsigned int type);
unsigned int model_buddy_type(const struct model_buddy *m, pfn_t pfn);
/* The order of the free block that holds @pfn, its first page in @head; -1: not free. */
int model_buddy_find(const struct model_buddy *m, pfn_t pfn, pfn_t *head);

#endif
