/* SPDX-License-Identifier: MIT */
/*
 * The allocator to compare with: the textbook buddy system on lists, the shape that Linux's has had
 * for decades. A 64-byte record for each page holds the list links; free areas by order; per-CPU lists
 * for orders 0 to 3 and 9 that are refilled and drained in batches. One zone, one CPU, no lock, one
 * migratetype. It does the checks that Quarry's does: watermark, double free, wrong order.
 */
#ifndef BENCH_LIST_BUDDY_H
#define BENCH_LIST_BUDDY_H

#include <stdbool.h>
#include <stdint.h>

#define LIST_BUDDY_MAX_ORDER 10u
#define LIST_BUDDY_ORDERS (LIST_BUDDY_MAX_ORDER + 1)
#define LIST_BUDDY_PCP_ORDERS 4u /* 0..3; and order 9, in the place after them */

struct list_links {
	struct list_links *next, *prev;
};

/* One page. As large as Linux's struct page, and used as it is: links, kind, order, references. */
struct list_page {
	struct list_links lru;
	uint32_t state; /* enum in list_buddy.c */
	uint32_t order;
	int32_t refs;
	uint32_t spare[9];
};

struct list_pcp {
	struct list_links list;
	uint32_t count, batch, high;
};

struct list_buddy {
	struct list_page *map;
	uint64_t nr_pages, nr_free, low_mark;
	struct list_links area[LIST_BUDDY_ORDERS];
	struct list_pcp pcp[LIST_BUDDY_PCP_ORDERS + 1];
};

/* @nr_pages is a multiple of 1024; false: no memory. */
bool list_buddy_init(struct list_buddy *b, uint64_t nr_pages, uint64_t low_mark);
void list_buddy_exit(struct list_buddy *b);
struct list_page *list_buddy_alloc(struct list_buddy *b, unsigned int order);
void list_buddy_free(struct list_buddy *b, struct list_page *page, unsigned int order);
/* Empties the per-CPU lists. */
void list_buddy_drain(struct list_buddy *b);
/* Free blocks of @order. */
uint64_t list_buddy_count(const struct list_buddy *b, unsigned int order);

#endif
