/* SPDX-License-Identifier: MIT */
/*
 * Pages whose memory is damaged, or soon will be: taken away, and never handed out again.
 *
 * A poisoned page stays a managed page of its zone, as in Linux; it is free no more, and no allocation gets
 * it. quarry_num_poisoned_pages() counts what /proc/meminfo's HardwareCorrupted shows on kernels that have it.
 */
#ifndef QUARRY_HWPOISON_H
#define QUARRY_HWPOISON_H

#include <quarry/types.h>

/* For the @flags of quarry_memory_failure(). */
#define QUARRY_MF_SW_SIMULATED 32u /* a test: it may be undone (Linux: MF_SW_SIMULATED) */

/**
 * quarry_memory_failure() - a page frame is damaged (Linux: memory_failure())
 * @q:	   memory system, booted
 * @pfn:   the frame
 * @flags: 0 or QUARRY_MF_SW_SIMULATED
 *
 * A free page leaves the buddy system, and the block that it was in is split round it. A page that
 * can be moved has its block moved first. Any other is marked, and taken when its owner frees it.
 *
 * Context: may call a mover; not from an interrupt.
 * Return:  0: it is gone; -QUARRY_EBUSY: it is in use and cannot be moved; it is marked;
 *	    -QUARRY_EHWPOISON: it was marked already, nothing changed; -QUARRY_ENXIO: no memory that is
 *	    online; -QUARRY_ENOMEM: no room for the mark, nothing changed.
 */
int quarry_memory_failure(struct quarry *q, pfn_t pfn, unsigned int flags);

/**
 * quarry_soft_offline_page() - a page frame had errors that were corrected; do without it from now on
 *				(Linux: soft_offline_page())
 * @q:	 memory system, booted
 * @pfn: the frame
 *
 * As quarry_memory_failure(), but a page in use that cannot be moved stays as it is.
 *
 * Context: may call a mover; not from an interrupt.
 * Return:  0: it is gone, or was poisoned before; -QUARRY_EBUSY: in use, and cannot be moved now;
 *	    -QUARRY_ENXIO: no memory that is online; -QUARRY_ENOMEM. On failure nothing changed.
 */
int quarry_soft_offline_page(struct quarry *q, pfn_t pfn);

/**
 * quarry_unpoison_memory() - take back what quarry_memory_failure() said (Linux: unpoison_memory())
 * @q:	 memory system, booted
 * @pfn: the frame
 *
 * A page that was taken away is free again.
 *
 * Context: not from an interrupt.
 * Return:  0; -QUARRY_EBUSY: it is not poisoned; -QUARRY_EOPNOTSUPP: a damage that was not simulated has
 *	    been told since boot, and nothing can be undone any more; -QUARRY_ENXIO: no memory that is
 *	    online. On failure nothing changed.
 */
int quarry_unpoison_memory(struct quarry *q, pfn_t pfn);

/** quarry_page_is_poisoned() - whether frame @pfn of @q is poisoned, or marked to be when it is freed.
 * Context: any but interrupt, booted. */
bool quarry_page_is_poisoned(struct quarry *q, pfn_t pfn);

/** quarry_num_poisoned_pages() - frames of @q that are poisoned or marked (Linux: num_poisoned_pages;
 * HardwareCorrupted). Context: any, booted. */
unsigned long quarry_num_poisoned_pages(struct quarry *q);

#endif
