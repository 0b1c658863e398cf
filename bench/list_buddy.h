/* SPDX-License-Identifier: MIT */
/*
 * The allocator to compare with: the textbook buddy system on lists, the shape that Linux's has had
 * for decades. A 64-byte record for each page holds the list links; free areas by order; per-CPU lists
 * for orders 0 to 3 and 9 that are refilled and drained in batches, under the zone's lock, which is the
 * same kind as Quarry's (test, test and set; yields). One zone, one migratetype. It does the checks that
 * Quarry's does: watermark, double free, wrong order. Tuned: records in large pages, the next block of a
 * list and the buddies of a batch are prefetched, CPUs' own lists need no lock at all.
 */
#ifndef BENCH_LIST_BUDDY_H
#define BENCH_LIST_BUDDY_H

#include <stdbool.h>
#include <stdint.h>

#define LIST_BUDDY_MAX_ORDER 10u
#define LIST_BUDDY_ORDERS (LIST_BUDDY_MAX_ORDER + 1)
#define LIST_BUDDY_PCP_ORDERS 4u /* 0..3; and order 9, in the place after them */
#define LIST_BUDDY_CPUS 8u

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

struct list_cpu {
	_Alignas(128) struct list_pcp pcp[LIST_BUDDY_PCP_ORDERS + 1];
};

struct list_buddy {
	struct list_page *map;
	uint64_t nr_pages, low_mark;
	bool concurrent;
	/* under the lock */
	_Alignas(128) uint32_t locked;
	uint64_t contended;
	uint64_t nr_free; /* read by anybody */
	struct list_links area[LIST_BUDDY_ORDERS];
	struct list_cpu cpu[LIST_BUDDY_CPUS];
};

/* @nr_pages is a multiple of 1024; @concurrent: threads call, each of a CPU of its own. False: no memory. */
bool list_buddy_init(struct list_buddy *b, uint64_t nr_pages, uint64_t low_mark, bool concurrent);
void list_buddy_exit(struct list_buddy *b);
struct list_page *list_buddy_alloc(struct list_buddy *b, unsigned int cpu, unsigned int order);
void list_buddy_free(struct list_buddy *b, unsigned int cpu, struct list_page *page,
		     unsigned int order);

#endif
