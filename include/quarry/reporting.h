/* SPDX-License-Identifier: MIT */
/*
 * What a virtual machine tells its host about memory: that free memory need not be kept, and that memory
 * is to be accepted before it is first used.
 */
#ifndef QUARRY_REPORTING_H
#define QUARRY_REPORTING_H

#include <quarry/types.h>

/* Entries told at once (Linux: PAGE_REPORTING_CAPACITY). */
#define QUARRY_REPORTING_CAPACITY 32u

/**
 * struct quarry_reporting_dev - who is told (Linux: struct page_reporting_dev_info)
 * @report: the contents of @nr ranges, at most QUARRY_REPORTING_CAPACITY, are of no use; nobody gets at
 *	    them until it returns. 0, or an error: they count as not told. No lock is held; must not
 *	    change the machine or report
 * @ctx:    passed to it
 * @order:  log2 of the pages of the smallest block to tell, QUARRY_PAGEBLOCK_ORDER; 0: that
 */
struct quarry_reporting_dev {
	int (*report)(void *ctx, const struct quarry_range *ranges, unsigned int nr);
	void *ctx;
	unsigned int order;
};

/**
 * quarry_page_reporting_register() - have free memory told (Linux: page_reporting_register())
 * @q:	 memory system, booted
 * @dev: copied
 *
 * Context: any; not at once with a run. Return: 0; -QUARRY_EBUSY: there is one already; -QUARRY_EINVAL: no
 * function, or another order; nothing changed.
 */
int quarry_page_reporting_register(struct quarry *q, const struct quarry_reporting_dev *dev);

/** quarry_page_reporting_unregister() - tell nobody any more of @q's free memory. Context: any; not at
 * once with a run. */
void quarry_page_reporting_unregister(struct quarry *q);

/**
 * quarry_page_reporting_run() - tell of all free pageblocks that were not told since they were last used
 * @q: memory system, booted
 *
 * Whole free pageblocks are taken out of the buddy system, 32 at a time, told, and put back; a zone is
 * left alone when that would bring it below its low watermark. Contents of what was told are lost, so nothing
 * is told while page_poison or init_on_free is on. To be called now and then (Linux: 2 s after a block of that
 * order was freed).
 *
 * Context: calls the device; not from an interrupt, one run at a time. O(pageblocks).
 * Return:  pages told; 0 also if nobody is registered. It stops at the device's first error.
 */
unsigned long quarry_page_reporting_run(struct quarry *q);

/**
 * quarry_accept_memory() - accept all free memory of a range that is not yet (Linux: accept_memory())
 * @q:	   memory system, booted with unaccepted memory
 * @start: first page frame
 * @end:   one past the last
 *
 * Context: calls the port's accept; not from an interrupt. O(pageblocks). Return: pages accepted.
 */
unsigned long quarry_accept_memory(struct quarry *q, pfn_t start, pfn_t end);

#endif
