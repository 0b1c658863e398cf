/* SPDX-License-Identifier: MIT */
/* Where the RAM disk lies: boot code fills these in and reserves the range. Nothing else reads them. */
#ifndef _QUARRY_LINUX_INITRD_H
#define _QUARRY_LINUX_INITRD_H

#include <linux/types.h>

extern unsigned long initrd_start, initrd_end;
extern phys_addr_t phys_initrd_start;
extern unsigned long phys_initrd_size;

/*
 * Reserves the RAM disk that phys_initrd_start and phys_initrd_size name, in whole pages, and sets
 * initrd_start and initrd_end. One that does not lie in free memory is given up: both are then 0.
 */
void reserve_initrd_mem(void);

#endif
