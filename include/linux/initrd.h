/* SPDX-License-Identifier: MIT */
/* Where the RAM disk lies: boot code fills these in and reserves the range. Nothing else reads them. */
#ifndef _QUARRY_LINUX_INITRD_H
#define _QUARRY_LINUX_INITRD_H

#include <linux/types.h>

extern unsigned long initrd_start, initrd_end;
extern phys_addr_t phys_initrd_start;
extern unsigned long phys_initrd_size;

#endif
