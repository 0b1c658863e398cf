/* SPDX-License-Identifier: MIT */
/* Bit arithmetic. 64-bit counts fall back to own code where the compiler would call libgcc. */
#ifndef QUARRY_BASE_BITS_H
#define QUARRY_BASE_BITS_H

#include <base/compiler.h>

/* Whether the compiler has instructions for __builtin_ctz() and __builtin_clz(), and how wide. */
#if defined(__i386__) || defined(__x86_64__) || defined(__aarch64__) ||               \
	defined(__ARM_FEATURE_CLZ) || defined(__riscv_zbb) || defined(__powerpc__) || \
	defined(__s390x__)
#define BITS_COUNT_IS_INLINE 1
#else
#define BITS_COUNT_IS_INLINE 0
#endif
#define BITS_NATIVE_64 (UINTPTR_MAX > 0xffffffffu)

static inline unsigned int bits_ctz32(uint32_t x)
{
	unsigned int n = 0;

	if (BITS_COUNT_IS_INLINE)
		return (unsigned int)__builtin_ctz(x);
	for (unsigned int step = 16; step != 0; step /= 2) {
		if ((x & (((uint32_t)1 << step) - 1)) == 0) {
			n += step;
			x >>= step;
		}
	}
	return n;
}

static inline unsigned int bits_log2_32(uint32_t x)
{
	unsigned int n = 0;

	if (BITS_COUNT_IS_INLINE)
		return 31u - (unsigned int)__builtin_clz(x);
	for (unsigned int step = 16; step != 0; step /= 2) {
		if (x >> step != 0) {
			n += step;
			x >>= step;
		}
	}
	return n;
}

/* Index of the lowest set bit; @x is not 0. */
static inline unsigned int bits_ctz64(uint64_t x)
{
	if (BITS_COUNT_IS_INLINE && BITS_NATIVE_64)
		return (unsigned int)__builtin_ctzll(x);
	return (uint32_t)x != 0 ? bits_ctz32((uint32_t)x) : 32 + bits_ctz32((uint32_t)(x >> 32));
}

/* Index of the highest set bit; @x is not 0. */
static inline unsigned int bits_log2(uint64_t x)
{
	if (BITS_COUNT_IS_INLINE && BITS_NATIVE_64)
		return 63u - (unsigned int)__builtin_clzll(x);
	return x >> 32 != 0 ? 32 + bits_log2_32((uint32_t)(x >> 32)) : bits_log2_32((uint32_t)x);
}

/* @n / @d, bit by bit: where a 64-bit division would be a library call. */
static inline uint64_t bits_long_div(uint64_t n, uint64_t d)
{
	uint64_t quotient = 0, rest = 0;

	for (unsigned int i = 64; i-- > 0;) {
		bool carry = rest >> 63 != 0;

		rest = rest << 1 | (n >> i & 1);
		if (carry || rest >= d) {
			rest -= d;
			quotient |= (uint64_t)1 << i;
		}
	}
	return quotient;
}

/* @n / @d; @d is not 0. For divisors that are no constant power of two. */
static inline uint64_t bits_div64(uint64_t n, uint64_t d)
{
	QUARRY_ASSUME(d != 0);
	if (BITS_NATIVE_64)
		return n / d;
	if ((n | d) >> 32 == 0)
		return (uint32_t)n / (uint32_t)d;
	return bits_long_div(n, d);
}

static inline uint64_t bits_mod64(uint64_t n, uint64_t d)
{
	return n - bits_div64(n, d) * d;
}

/* Position of the highest set bit counted from 1; 0 for 0 (Linux: fls). */
static inline unsigned int bits_fls(uint64_t x)
{
	return x == 0 ? 0 : bits_log2(x) + 1;
}

#if defined(__POPCNT__) || defined(__ARM_NEON)
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
