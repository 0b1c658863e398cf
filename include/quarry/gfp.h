/* SPDX-License-Identifier: MIT */
/*
 * Request flags. Names and values are those of Linux 6.1, so that a recorded mask can be read as it
 * stands. A flag that Quarry accepts and ignores is marked so.
 */
#ifndef QUARRY_GFP_H
#define QUARRY_GFP_H

#include <quarry/types.h>

#ifndef __GFP_DMA
/* Zone modifiers: the highest zone that may be used. None: Normal. */
#define __GFP_DMA ((gfp_t)0x01u)
#define __GFP_HIGHMEM ((gfp_t)0x02u)
#define __GFP_DMA32 ((gfp_t)0x04u)
#define __GFP_MOVABLE ((gfp_t)0x08u) /* also: the page can be moved; with HIGHMEM: ZONE_MOVABLE */
/* Mobility. */
#define __GFP_RECLAIMABLE ((gfp_t)0x10u)
/* Watermark modifiers. */
#define __GFP_HIGH ((gfp_t)0x20u)          /* may use half of the min reserve */
#define __GFP_ATOMIC ((gfp_t)0x200u)       /* cannot wait: a further quarter of the reserve */
#define __GFP_MEMALLOC ((gfp_t)0x20000u)   /* all reserves: the caller will free memory with it */
#define __GFP_NOMEMALLOC ((gfp_t)0x80000u) /* no reserves, whoever asks */
/* What reclaim may do. */
#define __GFP_IO ((gfp_t)0x40u)
#define __GFP_FS ((gfp_t)0x80u)
#define __GFP_DIRECT_RECLAIM ((gfp_t)0x400u)
#define __GFP_KSWAPD_RECLAIM ((gfp_t)0x800u)
#define __GFP_RECLAIM ((gfp_t)(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM))
#define __GFP_RETRY_MAYFAIL ((gfp_t)0x4000u)
/* All that can be done is done, reserves included; without memory it still gives NULL. */
#define __GFP_NOFAIL ((gfp_t)0x8000u)
#define __GFP_NORETRY ((gfp_t)0x10000u)
/* Action. */
#define __GFP_ZERO ((gfp_t)0x100u)
#define __GFP_WRITE ((gfp_t)0x1000u) /* accepted, ignored */
#define __GFP_NOWARN ((gfp_t)0x2000u)
#define __GFP_COMP ((gfp_t)0x40000u)
/* Placement. */
#define __GFP_HARDWALL ((gfp_t)0x100000u) /* accepted, ignored: there are no cpusets */
#define __GFP_THISNODE ((gfp_t)0x200000u)
#define __GFP_ACCOUNT ((gfp_t)0x400000u)  /* kmalloc: the kmalloc-cg caches */
#define __GFP_ZEROTAGS ((gfp_t)0x800000u) /* accepted, ignored */

#define GFP_ATOMIC ((gfp_t)(__GFP_HIGH | __GFP_ATOMIC | __GFP_KSWAPD_RECLAIM))
#define GFP_KERNEL ((gfp_t)(__GFP_RECLAIM | __GFP_IO | __GFP_FS))
#define GFP_KERNEL_ACCOUNT ((gfp_t)(GFP_KERNEL | __GFP_ACCOUNT))
#define GFP_NOWAIT ((gfp_t)(__GFP_KSWAPD_RECLAIM))
#define GFP_NOIO ((gfp_t)(__GFP_RECLAIM))
#define GFP_NOFS ((gfp_t)(__GFP_RECLAIM | __GFP_IO))
#define GFP_USER ((gfp_t)(GFP_KERNEL | __GFP_HARDWALL))
#define GFP_DMA __GFP_DMA
#define GFP_DMA32 __GFP_DMA32
#define GFP_HIGHUSER ((gfp_t)(GFP_USER | __GFP_HIGHMEM))
#define GFP_HIGHUSER_MOVABLE ((gfp_t)(GFP_HIGHUSER | __GFP_MOVABLE))
#define GFP_TRANSHUGE_LIGHT                                                              \
	((gfp_t)((GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_NOMEMALLOC | __GFP_NOWARN) & \
		 ~__GFP_RECLAIM))
#define GFP_TRANSHUGE ((gfp_t)(GFP_TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM))
#endif

/* All flags that Quarry knows. */
#define QUARRY_GFP_BITS ((gfp_t)0xffffffu)

#endif
