/* SPDX-License-Identifier: MIT */
/* Bits of words and of bitmaps; bitmap calls are not atomic, for boot has one thread. */
#ifndef _QUARRY_LINUX_BITOPS_H
#define _QUARRY_LINUX_BITOPS_H

#include <linux/kernel.h>
#include <linux/types.h>

#ifndef BITS_PER_LONG
#define BITS_PER_LONG (8 * (int)sizeof(long))
#endif
#define BITS_PER_BYTE 8
#define BITS_TO_LONGS(nr) DIV_ROUND_UP(nr, BITS_PER_LONG)
#define BIT_MASK(nr) (1ul << ((nr) % BITS_PER_LONG))
#define BIT_WORD(nr) ((nr) / BITS_PER_LONG)

/* Number of the lowest set, or clear, bit; @word has one. */
static inline unsigned long __ffs(unsigned long word)
{
	return (unsigned long)__builtin_ctzl(word);
}

#define ffz(word) __ffs(~(word))

static inline unsigned long __fls(unsigned long word)
{
	return (unsigned long)(BITS_PER_LONG - 1 - __builtin_clzl(word));
}

/* Counted from 1; 0: none is set. */
static inline int fls64(u64 x)
{
	return x == 0 ? 0 : 64 - __builtin_clzll(x);
}

static inline int fls_long(unsigned long x)
{
	return fls64(x);
}

#ifndef hweight_long
static inline unsigned long hweight_long(unsigned long w)
{
	unsigned long n = 0;

	for (; w != 0; w &= w - 1)
		n++;
	return n;
}
#endif

static inline int test_bit(long nr, const volatile unsigned long *addr)
{
	return (addr[BIT_WORD(nr)] >> (nr % BITS_PER_LONG) & 1) != 0;
}

static inline void __set_bit(long nr, volatile unsigned long *addr)
{
	addr[BIT_WORD(nr)] = addr[BIT_WORD(nr)] | BIT_MASK(nr);
}

static inline void __clear_bit(long nr, volatile unsigned long *addr)
{
	addr[BIT_WORD(nr)] = addr[BIT_WORD(nr)] & ~BIT_MASK(nr);
}

#define set_bit(nr, addr) __set_bit(nr, addr)
#define clear_bit(nr, addr) __clear_bit(nr, addr)

static inline int __test_and_set_bit(long nr, volatile unsigned long *addr)
{
	int old = test_bit(nr, addr);

	__set_bit(nr, addr);
	return old;
}

static inline int __test_and_clear_bit(long nr, volatile unsigned long *addr)
{
	int old = test_bit(nr, addr);

	__clear_bit(nr, addr);
	return old;
}

#define test_and_set_bit(nr, addr) __test_and_set_bit(nr, addr)
#define test_and_clear_bit(nr, addr) __test_and_clear_bit(nr, addr)

/* The first bit of [@from, @size) that is set, with @flip all ones: clear; @size: there is none. */
static inline unsigned long quarry_linux_find_bit(const unsigned long *addr, unsigned long size,
						  unsigned long from, unsigned long flip)
{
	while (from < size) {
		unsigned long word = (addr[BIT_WORD(from)] ^ flip) >> (from % BITS_PER_LONG);

		if (word != 0) {
			from += __ffs(word);
			break;
		}
		from += BITS_PER_LONG - from % BITS_PER_LONG;
	}
	return from < size ? from : size;
}

#define find_next_bit(addr, size, from) quarry_linux_find_bit(addr, size, from, 0)
#define find_next_zero_bit(addr, size, from) quarry_linux_find_bit(addr, size, from, ~0ul)
#define find_first_bit(addr, size) find_next_bit(addr, size, 0)
#define find_first_zero_bit(addr, size) find_next_zero_bit(addr, size, 0)
#define for_each_set_bit(bit, addr, size)                        \
	for ((bit) = find_first_bit(addr, size); (bit) < (size); \
	     (bit) = find_next_bit(addr, size, (bit) + 1))

#endif
