/* SPDX-License-Identifier: MIT */
/* There is no swap; code includes this for the counts of memory. */
#ifndef _QUARRY_LINUX_SWAP_H
#define _QUARRY_LINUX_SWAP_H

#include <linux/mm.h>

#define total_swap_pages 0l
#define get_nr_swap_pages() 0l

#endif
