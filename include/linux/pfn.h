/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_PFN_H
#define _QUARRY_LINUX_PFN_H

#include <linux/types.h>

#ifndef PAGE_SHIFT
#define PAGE_SHIFT QUARRY_PAGE_SHIFT
#define PAGE_SIZE (1ul << PAGE_SHIFT)
#if __SIZEOF_LONG__ >= 8
#define PAGE_MASK (~(PAGE_SIZE - 1))
#else /* an int, which grows with what it is applied to: addresses are wider than long */
#define PAGE_MASK (~((1 << PAGE_SHIFT) - 1))
#endif
#endif

#define PFN_ALIGN(x) (((unsigned long)(x) + (PAGE_SIZE - 1)) & PAGE_MASK)
#define PFN_UP(x) (((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x) ((x) >> PAGE_SHIFT)
#define PFN_PHYS(x) ((phys_addr_t)(x) << PAGE_SHIFT)
#define PHYS_PFN(x) ((unsigned long)((x) >> PAGE_SHIFT))

#endif
