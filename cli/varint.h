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
 * varint_read() without a branch on the length, for columns in which one byte and two alternate; two bytes at
 * p must be readable.
 */
static inline bool varint_read_short(struct varint_cursor *c, uint64_t *out)
{
	uint16_t raw;
	uint32_t w, two;

	memcpy(&raw, c->p, sizeof(raw));
	w = le16toh(raw);
	two = w >> 7 & 1;
	if (__builtin_expect((w & 0x8080) == 0x8080 || c->p + two >= c->end, 0))
		return varint_read(c, out);
	*out = (w & 0x7f) | (w >> 1 & 0x3f80 & -two);
	c->p += 1 + two;
	return true;
}

/*
 * Read four of two bytes each, which go to the four halves of words of @out, the first lowest. False, and p
 * stays, if they are others.
 */
static inline bool varint_read_four(struct varint_cursor *c, uint64_t *out)
{
	uint64_t w;

	if (c->end - c->p < 8)
		return false;
	memcpy(&w, c->p, sizeof(w));
	w = le64toh(w);
	if ((w & 0x8080808080808080u) != 0x0080008000800080u)
		return false;
	*out = (w & 0x007f007f007f007fu) | (w >> 1 & 0x3f803f803f803f80u);
	c->p += 8;
	return true;
}

/* For varint_read_eight(): only numbers below @n. */
static inline uint64_t varint_bias(uint64_t n)
{
	return n < 128 ? (128 - n) * 0x0101010101010101u : 0;
}

/*
 * Read eight of one byte each, all below the limit that @bias stands for; they go to the bytes of @out, the
 * first lowest. False, and p stays, if they are others.
 */
static inline bool varint_read_eight(struct varint_cursor *c, uint64_t bias, uint64_t *out)
{
	uint64_t w;

	if (c->end - c->p < 8)
		return false;
	memcpy(&w, c->p, sizeof(w));
	w = le64toh(w);
	/* Bytes below 128 do not carry; one that reaches its limit sets its own top bit. */
	if (((w | (w + bias)) & 0x8080808080808080u) != 0)
		return false;
	*out = w;
	c->p += 8;
	return true;
}

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
