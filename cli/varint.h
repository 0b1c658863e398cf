/* SPDX-License-Identifier: MIT */
/* Numbers of the binary recordings: 7 bits a byte, lowest first, the top bit set in all but the last. */
#ifndef CLI_VARINT_H
#define CLI_VARINT_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <util.h>

#define VARINT_MAX 10 /* bytes of the longest */

/*
 * Bytes to read from. In a section that section_next() gave, INPUT_SLACK bytes behind end may be read
 * too, though they mean nothing.
 */
struct varint_cursor {
	const unsigned char *p, *end;
};

/* Read one; false at the end of the bytes or if it is longer than 64 bits, and p stays. */
static inline bool varint_read(struct varint_cursor *c, uint64_t *out)
{
	const unsigned char *p = c->p;
	uint64_t value = 0;

	if (p < c->end && *p < 0x80) {
		*out = *p;
		c->p = p + 1;
		return true;
	}
	for (unsigned int shift = 0; p < c->end && shift < 64; shift += 7, p++) {
		uint64_t bits = *p & 0x7fu;

		if (shift == 63 && bits > 1)
			return false;
		value |= bits << shift;
		if (*p < 0x80) {
			*out = value;
			c->p = p + 1;
			return true;
		}
	}
	return false;
}

/*
 * The readers without a branch on the length, for columns in which lengths alternate. They read 8 bytes at *@p whatever
 * there is, and return not 0 if the number is longer than they can read: then @out and *@p mean nothing.
 */
static inline uint64_t varint_read_up_to_two(const unsigned char **p, uint64_t *out)
{
	uint16_t raw;
	uint64_t w, two;

	memcpy(&raw, *p, sizeof(raw));
	w = le16toh(raw);
	two = w >> 7 & 1;
	*out = (w & 0x7f) | (w >> 1 & 0x3f80 & -two);
	*p += 1 + two;
	return two & w >> 15;
}

/* One of up to four bytes at each of *@pa and *@pb. Too long: in the bits of VARINT_PAIR_TOO_LONG, and only there. */
#define VARINT_PAIR_TOO_LONG 0x8000000080000000u

static inline uint64_t varint_read_pair_up_to_four(const unsigned char **pa,
						   const unsigned char **pb, uint64_t *a,
						   uint64_t *b)
{
	uint32_t raw_a, raw_b;
	uint64_t raw, w, last, below;

	memcpy(&raw_a, *pa, sizeof(raw_a));
	memcpy(&raw_b, *pb, sizeof(raw_b));
	raw = le32toh(raw_a) | (uint64_t)le32toh(raw_b) << 32;
	/* The top bits that are clear: in each half the lowest ends the number. A half without one borrows. */
	last = ~raw & 0x8080808080808080u;
	below = last - 0x0000000100000001u;
	w = raw & (last ^ below);
	w = (w & 0x007f007f007f007fu) | (w & 0x7f007f007f007f00u) >> 1;
	w = (w & 0x00003fff00003fffu) | (w & 0x3fff00003fff0000u) >> 2;
	*a = (uint32_t)w;
	*b = w >> 32;
	/* A bit more keeps that defined where there is no last one. */
	last |= (uint64_t)1 << 63;
	*pa += ((unsigned int)__builtin_ctzll(last) >> 3) + 1;
	*pb += ((unsigned int)__builtin_ctzll(last >> 32) >> 3) + 1;
	return below & raw;
}

static inline uint64_t varint_read_up_to_eight(const unsigned char **p, uint64_t *out)
{
	uint64_t w, last;

	memcpy(&w, *p, sizeof(w));
	w = le64toh(w);
	last = ~w & 0x8080808080808080u;
	w &= last ^ (last - 1);
	w = (w & 0x007f007f007f007fu) | (w & 0x7f007f007f007f00u) >> 1;
	w = (w & 0x00003fff00003fffu) | (w & 0x3fff00003fff0000u) >> 2;
	*out = (w & 0x0fffffffu) | (w & 0x0fffffff00000000u) >> 4;
	*p += ((unsigned int)__builtin_ctzll(last | (uint64_t)1 << 63) >> 3) + 1;
	return last == 0;
}

/*
 * One of up to seven bytes, where varint_can_gather() says so: in 8 instructions of newer x86-64 processors. Too long: in
 * VARINT_GATHER_TOO_LONG, whatever the other bits are.
 */
#define VARINT_GATHER_TOO_LONG ((uint64_t)1 << 63)

#if defined(__x86_64__)
static inline bool varint_can_gather(void)
{
	/* These two have pext, but it takes them as long as all the rest. */
	return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
	       !__builtin_cpu_is("znver1") && !__builtin_cpu_is("znver2");
}

static inline uint64_t varint_gather(const unsigned char **p, uint64_t *out)
{
	const uint64_t tops = 0x8080808080808080u;
	uint64_t w, last, upto, bits;

	memcpy(&w, *p, sizeof(w));
	__asm__("andn %1, %2, %0" : "=r"(last) : "r"(tops), "r"(w) : "cc");
	__asm__("blsmsk %1, %0" : "=r"(upto) : "r"(last) : "cc");
	__asm__("andn %1, %2, %0" : "=r"(bits) : "r"(upto), "r"(tops) : "cc");
	__asm__("pext %1, %2, %0" : "=r"(*out) : "r"(bits), "r"(w));
	__asm__("tzcnt %1, %0" : "=r"(last) : "r"(last) : "cc");
	*p += (last >> 3) + 1;
	return upto;
}
#else
static inline bool varint_can_gather(void)
{
	return false;
}

static inline uint64_t varint_gather(const unsigned char **p, uint64_t *out)
{
	(void)p;
	*out = 0;
	return VARINT_GATHER_TOO_LONG;
}
#endif

static inline int64_t varint_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static inline uint64_t varint_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

/* Write @v at @out, which has room for VARINT_MAX bytes; how many it took. */
static inline size_t varint_write(unsigned char *out, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (unsigned char)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (unsigned char)v;
	return n;
}

#endif
