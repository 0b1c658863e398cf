/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_ASM_EARLY_IOREMAP_H
#define _QUARRY_ASM_EARLY_IOREMAP_H

#include <linux/mm.h>

/* All memory is mapped. */
static inline void *early_memremap(phys_addr_t phys_addr, unsigned long size)
{
	(void)size;
	return __va(phys_addr);
}

#define early_ioremap(phys_addr, size) early_memremap((phys_addr), (size))

static inline void early_memunmap(void *addr, unsigned long size)
{
	(void)addr;
	(void)size;
}

#define early_iounmap(addr, size) early_memunmap((addr), (size))

#endif
