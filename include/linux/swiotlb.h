/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_SWIOTLB_H
#define _QUARRY_LINUX_SWIOTLB_H

#include <linux/types.h>

#define SWIOTLB_VERBOSE (1 << 0)
#define SWIOTLB_FORCE (1 << 1)
#define SWIOTLB_ANY (1 << 2)

/* Devices here reach all memory: nothing is kept for bouncing. */
static inline void swiotlb_init(bool addressing_limited, unsigned int flags)
{
	(void)addressing_limited;
	(void)flags;
}

static inline phys_addr_t default_swiotlb_limit(void)
{
	return ~(phys_addr_t)0;
}

#endif
