/* SPDX-License-Identifier: MIT */
/* The four functions that every target supplies; there is no <string.h> in a freestanding build. */
#ifndef QUARRY_BASE_STRING_H
#define QUARRY_BASE_STRING_H

#include <stddef.h>

#define quarry_memcpy(d, s, n) __builtin_memcpy((d), (s), (n))
#define quarry_memset(d, c, n) __builtin_memset((d), (c), (n))
#define quarry_memmove(d, s, n) __builtin_memmove((d), (s), (n))
#define quarry_memcmp(a, b, n) __builtin_memcmp((a), (b), (n))

#endif
