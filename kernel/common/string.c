/* SPDX-License-Identifier: MIT */
/*
 * The four functions that compilers call by themselves, and the library too. Compiled so that the loops
 * are not recognised as what they are: they would call themselves.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* A word that may lie over other types. */
typedef uint64_t __attribute__((may_alias)) string_word;

static int string_aligned(const void *a, const void *b)
{
	return (((uintptr_t)a | (uintptr_t)b) & 7) == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if (string_aligned(to, from)) {
		for (; n >= 8; n -= 8, d += 8, s += 8)
			*(string_word *)(void *)d = *(const string_word *)(const void *)s;
	}
	while (n-- > 0)
		*d++ = *s++;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(to, from, n);
	while (n-- > 0)
		d[n] = s[n];
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	const uint64_t word = 0x0101010101010101u * (unsigned char)byte;
	unsigned char *d = to;

	for (; n > 0 && ((uintptr_t)d & 7) != 0; n--)
		*d++ = (unsigned char)byte;
	for (; n >= 8; n -= 8, d += 8)
		*(string_word *)(void *)d = word;
	while (n-- > 0)
		*d++ = (unsigned char)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n > 0; n--, x++, y++) {
		if (*x != *y)
			return *x < *y ? -1 : 1;
	}
	return 0;
}
