/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_DMA_H
#define _QUARRY_ASM_DMA_H

#include <linux/mm.h>

/* The address at which ZONE_DMA ends: __pa(MAX_DMA_ADDRESS) is 16 MiB. */
#define MAX_DMA_PFN ((unsigned long)(BOOTMEM_LOW_LIMIT >> PAGE_SHIFT))
#define MAX_DMA_ADDRESS ((unsigned long)__va(BOOTMEM_LOW_LIMIT))

#endif
