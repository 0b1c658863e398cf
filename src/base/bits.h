/* SPDX-License-Identifier: MIT */
/* Bit arithmetic. 64-bit counts fall back to own code where the compiler would call libgcc. */
#ifndef QUARRY_BASE_BITS_H
#define QUARRY_BASE_BITS_H

#include <base/compiler.h>

/* Index of the lowest set bit; @x is not 0. */
static inline unsigned int bits_ctz64(uint64_t x)
{
	return (unsigned int)__builtin_ctzll(x);
}

/* Index of the highest set bit; @x is not 0. */
static inline unsigned int bits_log2(uint64_t x)
{
	return 63u - (unsigned int)__builtin_clzll(x);
}

/* Position of the highest set bit counted from 1; 0 for 0 (Linux: fls). */
static inline unsigned int bits_fls(uint64_t x)
{
	return x == 0 ? 0 : bits_log2(x) + 1;
}

#if defined(__POPCNT__) || defined(__aarch64__)
#define BITS_POPCOUNT_IS_INLINE 1
#else
#define BITS_POPCOUNT_IS_INLINE 0
#endif

/* Number of set bits, without the library call that some targets make of the builtin. */
static inline unsigned int bits_popcount64(uint64_t x)
{
	if (BITS_POPCOUNT_IS_INLINE)
		return (unsigned int)__builtin_popcountll(x);
	x -= (x >> 1) & 0x5555555555555555u;
	x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned int)((x * 0x0101010101010101u) >> 56);
}

static inline bool bits_is_power_of_2(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

/* @align is a power of two. */
static inline uint64_t bits_align_up(uint64_t x, uint64_t align)
{
	return (x + align - 1) & ~(align - 1);
}

static inline uint64_t bits_align_down(uint64_t x, uint64_t align)
{
	return x & ~(align - 1);
}

static inline pfn_t bits_pfn_up(phys_addr_t a)
{
	return (a >> QUARRY_PAGE_SHIFT) + ((a & (QUARRY_PAGE_SIZE - 1)) != 0);
}

static inline pfn_t bits_pfn_down(phys_addr_t a)
{
	return a >> QUARRY_PAGE_SHIFT;
}

/* Smallest order whose block holds @size bytes (Linux: get_order); @size is not 0. */
static inline unsigned int bits_get_order(uint64_t size)
{
	return bits_fls((size - 1) >> QUARRY_PAGE_SHIFT);
}

#endif
