/* SPDX-License-Identifier: MIT */
/* All that a machine can give, held and given back. */
#ifndef TESTS_PAGE_HOARD_H
#define TESTS_PAGE_HOARD_H

#include "machine_build.h"

#define KIB MACHINE_KIB
#define MIB MACHINE_MIB
#define GIB MACHINE_GIB
#define PAGE ((phys_addr_t)QUARRY_PAGE_SIZE)

#define GFP_ALL (GFP_KERNEL | __GFP_MEMALLOC) /* to the last page */

/* Blocks that a test owns. */
struct hoard {
	struct page **page;
	unsigned int *order;
	size_t n, pages, room;
};

void hoard_add(struct hoard *h, struct page *page, unsigned int order);
/* Takes blocks of @order until there are none. */
void hoard_order(struct machine *m, struct hoard *h, gfp_t gfp, unsigned int order);
/* Takes all there is, largest blocks first. */
void hoard_all(struct machine *m, struct hoard *h, gfp_t gfp);
/* Gives all back, in an order that mixes. */
void hoard_free(struct machine *m, struct hoard *h);

unsigned long managed_pages(struct machine *m);
/* To the last page and back: buddyinfo is what it was right after boot. */
void exhaust_and_return(struct machine *m);

#endif
