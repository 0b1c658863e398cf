/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_KMEMLEAK_H
#define _QUARRY_LINUX_KMEMLEAK_H

/* There is no leak tracker: the calls do nothing. */
#include <linux/types.h>

static inline void kmemleak_alloc_phys(phys_addr_t phys, size_t size, gfp_t gfp)
{
	(void)phys;
	(void)size;
	(void)gfp;
}

static inline void kmemleak_free_part_phys(phys_addr_t phys, size_t size)
{
	(void)phys;
	(void)size;
}

#endif
