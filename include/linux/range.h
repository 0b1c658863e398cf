/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_RANGE_H
#define _QUARRY_LINUX_RANGE_H

#include <linux/types.h>

/* [start, end) */
struct range {
	u64 start, end;
};

static inline u64 range_len(const struct range *range)
{
	return range->end - range->start;
}

#endif
