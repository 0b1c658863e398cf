/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_LOG2_H
#define _QUARRY_LINUX_LOG2_H

/* Whole part of the logarithm; of 0: -1. */
#define ilog2(n) ((n) == 0 ? -1 : 63 - __builtin_clzll((unsigned long long)(n)))
/* The power of two that is not below, or not above, @n, which is not 0. */
#define roundup_pow_of_two(n) (1ul << ((n) == 1 ? 0 : ilog2((n)-1) + 1))
#define rounddown_pow_of_two(n) (1ul << ilog2(n))
#define order_base_2(n) ((n) > 1 ? ilog2((n)-1) + 1 : 0)
#define is_power_of_2(n) ((n) != 0 && ((n) & ((n)-1)) == 0)

#endif
