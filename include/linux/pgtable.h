/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_PGTABLE_H
#define _QUARRY_LINUX_PGTABLE_H

#include <linux/pfn.h>

/* Sizes that boot code rounds to; there are no page tables. */
#define PMD_SHIFT 21
#define PMD_SIZE (1ul << PMD_SHIFT)
#define PMD_MASK (~(PMD_SIZE - 1))
#define PUD_SHIFT 30
#define PUD_SIZE (1ul << PUD_SHIFT)
#define PUD_MASK (~(PUD_SIZE - 1))
#define PTRS_PER_PTE 512
#define PTRS_PER_PMD 512

#endif
