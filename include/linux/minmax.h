/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_MINMAX_H
#define _QUARRY_LINUX_MINMAX_H

/* Arguments are evaluated once. */
#ifndef min
#define min(x, y)                              \
	__extension__({                        \
		__typeof__(x) min_a = (x);     \
		__typeof__(y) min_b = (y);     \
		min_a < min_b ? min_a : min_b; \
	})
#define max(x, y)                              \
	__extension__({                        \
		__typeof__(x) max_a = (x);     \
		__typeof__(y) max_b = (y);     \
		max_a > max_b ? max_a : max_b; \
	})
#endif
#define min_t(type, x, y)                          \
	__extension__({                            \
		type min_ta = (x);                 \
		type min_tb = (y);                 \
		min_ta < min_tb ? min_ta : min_tb; \
	})
#define max_t(type, x, y)                          \
	__extension__({                            \
		type max_ta = (x);                 \
		type max_tb = (y);                 \
		max_ta > max_tb ? max_ta : max_tb; \
	})
#define min3(x, y, z) min(min(x, y), z)
#define max3(x, y, z) max(max(x, y), z)
#define clamp(val, lo, hi) min(max(val, lo), hi)
#define clamp_t(type, val, lo, hi) min_t(type, max_t(type, val, lo), hi)
#define swap(a, b)                          \
	do {                                \
		__typeof__(a) swap_t = (a); \
		(a) = (b);                  \
		(b) = swap_t;               \
	} while (0)

#endif
