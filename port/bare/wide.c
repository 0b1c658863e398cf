/* SPDX-License-Identifier: MIT */
/*
 * What compilers call for 64-bit numbers on a 32-bit machine that has no instructions for them: atomics and
 * shifts. For a kernel that brings no libatomic and no libgcc; docs/porting.md says which targets call what.
 *
 * An atomic is done pinned, under one of a few locks that the address chooses. So it holds among all who go
 * this way, and from whatever quarry_pin() holds off; not from an NMI.
 */
#include <stdbool.h>
#include <stdint.h>

#include <quarry_host.h>

#define WIDE_LOCKS 16u /* a power of two */

static uint32_t wide_lock[WIDE_LOCKS];

/* Names that compilers know are given to the linker alone. */
uint64_t wide_load(const volatile void *p, int order) __asm__("__atomic_load_8");
void wide_store(volatile void *p, uint64_t v, int order) __asm__("__atomic_store_8");
uint64_t wide_exchange(volatile void *p, uint64_t v, int order) __asm__("__atomic_exchange_8");
bool wide_compare(volatile void *p, void *expected, uint64_t v, int success,
		  int failure) __asm__("__atomic_compare_exchange_8");
uint64_t wide_add(volatile void *p, uint64_t v, int order) __asm__("__atomic_fetch_add_8");
uint64_t wide_or(volatile void *p, uint64_t v, int order) __asm__("__atomic_fetch_or_8");
uint64_t wide_and(volatile void *p, uint64_t v, int order) __asm__("__atomic_fetch_and_8");
uint64_t wide_left(uint64_t v, int n) __asm__("__ashldi3");
uint64_t wide_right(uint64_t v, int n) __asm__("__lshrdi3");
int wide_order(uint64_t a, uint64_t b) __asm__("__ucmpdi2");

/* Sequentially consistent, whatever was asked for. */
static uint32_t *wide_begin(const volatile void *p, quarry_pin_t *pin)
{
	uint32_t *lock = &wide_lock[(uintptr_t)p / 8 % WIDE_LOCKS];

	*pin = quarry_pin();
	while (__atomic_exchange_n(lock, 1u, __ATOMIC_SEQ_CST) != 0)
		quarry_relax();
	return lock;
}

static void wide_end(uint32_t *lock, quarry_pin_t pin)
{
	__atomic_store_n(lock, 0u, __ATOMIC_SEQ_CST);
	quarry_unpin(pin);
}

/* *@p becomes (*@p & @keep | @set) + @more; returns what it was. */
static uint64_t wide_change(volatile void *p, uint64_t keep, uint64_t set, uint64_t more)
{
	volatile uint64_t *word = p;
	quarry_pin_t pin;
	uint32_t *lock = wide_begin(p, &pin);
	uint64_t was = *word;

	*word = ((was & keep) | set) + more;
	wide_end(lock, pin);
	return was;
}

uint64_t wide_load(const volatile void *p, int order)
{
	quarry_pin_t pin;
	uint32_t *lock = wide_begin(p, &pin);
	uint64_t v = *(const volatile uint64_t *)p;

	(void)order;
	wide_end(lock, pin);
	return v;
}

void wide_store(volatile void *p, uint64_t v, int order)
{
	(void)order;
	wide_change(p, 0, v, 0);
}

uint64_t wide_exchange(volatile void *p, uint64_t v, int order)
{
	(void)order;
	return wide_change(p, 0, v, 0);
}

bool wide_compare(volatile void *p, void *expected, uint64_t v, int success, int failure)
{
	volatile uint64_t *word = p;
	uint64_t *want = expected;
	quarry_pin_t pin;
	uint32_t *lock = wide_begin(p, &pin);
	uint64_t was = *word;
	bool same = was == *want;

	(void)success;
	(void)failure;
	if (same)
		*word = v;
	wide_end(lock, pin);
	if (!same)
		*want = was;
	return same;
}

uint64_t wide_add(volatile void *p, uint64_t v, int order)
{
	(void)order;
	return wide_change(p, ~(uint64_t)0, 0, v);
}

uint64_t wide_or(volatile void *p, uint64_t v, int order)
{
	(void)order;
	return wide_change(p, ~(uint64_t)0, v, 0);
}

uint64_t wide_and(volatile void *p, uint64_t v, int order)
{
	(void)order;
	return wide_change(p, v, 0, 0);
}

/* By 32-bit halves; 0 <= @n < 64. */
uint64_t wide_left(uint64_t v, int n)
{
	uint32_t low = (uint32_t)v, high = (uint32_t)(v >> 32);

	if (n >= 32)
		return (uint64_t)(low << (n - 32)) << 32;
	if (n > 0)
		high = high << n | low >> (32 - n);
	return (uint64_t)high << 32 | low << n;
}

uint64_t wide_right(uint64_t v, int n)
{
	uint32_t low = (uint32_t)v, high = (uint32_t)(v >> 32);

	if (n >= 32)
		return high >> (n - 32);
	if (n > 0)
		low = low >> n | high << (32 - n);
	return (uint64_t)(high >> n) << 32 | low;
}

/* 0: @a is less; 1: they are the same; 2: it is more. */
int wide_order(uint64_t a, uint64_t b)
{
	uint32_t x = (uint32_t)(a >> 32), y = (uint32_t)(b >> 32);

	if (x == y) {
		x = (uint32_t)a;
		y = (uint32_t)b;
	}
	return x < y ? 0 : x == y ? 1 : 2;
}
