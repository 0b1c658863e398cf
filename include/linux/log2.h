/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_LOG2_H
#define _QUARRY_LINUX_LOG2_H

/* Whole part of the logarithm; of 0: -1. */
#define ilog2(n) ((n) == 0 ? -1 : 63 - __builtin_clzll((unsigned long long)(n)))
#define is_power_of_2(n) ((n) != 0 && ((n) & ((n)-1)) == 0)

#endif
