/* SPDX-License-Identifier: MIT */
/* The default area of contiguous memory. */
#ifndef _QUARRY_LINUX_DMA_MAP_OPS_H
#define _QUARRY_LINUX_DMA_MAP_OPS_H

#include <linux/types.h>

struct cma;

/* The default CMA area, NULL before dma_contiguous_reserve(), or if cma= wanted none. */
extern struct cma *dma_contiguous_default_area;

/* Reserves what cma=SIZE[@START[-END]] of the command line asks for, below @limit (0: anywhere). */
void dma_contiguous_reserve(phys_addr_t limit);

#endif
