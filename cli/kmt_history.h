/* SPDX-License-Identifier: MIT */
/*
 * The addresses of a KMT1 recording so far, of one kind: an event names its own as "the k-th last".
 *
 * Problem	The event named is mostly near, but may be as old as the recording; and memory must follow what was
 *		recorded, not for how long.
 *
 * Picture	0 ........ kept ............... nr
 *		old[]      at[], gone[]: a ring
 *
 * Old		An address that came again is named by its last event from then on. So of those that leave the ring only
 *		the ones stay, in old[], that did not come again: at most one for each address that there is, twice as
 *		many until old[] is gone through. What was dropped cannot be named: damage. first[] cuts the numbers below
 *		kept into equal buckets, and says where each begins in old[]: so that finding one takes a few steps.
 */
#ifndef CLI_KMT_HISTORY_H
#define CLI_KMT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include <bigtable.h>

#define KMT_RING ((uint64_t)1 << 18)
#define KMT_RING_MASK (KMT_RING - 1)

#define KMT_OLD_GONE 1u
#define KMT_NOT_OLD SIZE_MAX

struct kmt_old {
	uint64_t key; /* its number twice; with KMT_OLD_GONE: came again */
	uint64_t addr;
};

struct kmt_history {
	uint64_t nr;   /* addresses so far; number i of them is at [i & KMT_RING_MASK] */
	uint64_t kept; /* unless it is below this */
	uint64_t *at;
	uint8_t *gone; /* 1: came again; the one behind the last is for those that name nothing */
	uint64_t last_raw;
	struct kmt_old *old; /* by number */
	uint32_t *
		first; /* of each bucket, the number of the first in old[]; NULL: none has left the ring */
	unsigned int bucket_bits; /* log2 of the numbers in a bucket */
	size_t nr_old, cap_old;   /* cap_old: at which it is gone through */
	size_t sort_at;           /* when so many are there, sort them by address */
	struct bigtable at_table, old_table;
};

/* @h is all 0. What the first addresses need is there then. */
void kmt_history_init(struct kmt_history *h);
void kmt_history_free(struct kmt_history *h);

/* Room in the ring for @n addresses more, at most KMT_RING / 4. */
void kmt_history_reserve(struct kmt_history *h, uint64_t n);

/* Where number @nr is in old[]; KMT_NOT_OLD: nowhere. */
static inline size_t kmt_history_find(const struct kmt_history *h, uint64_t nr)
{
	const struct kmt_old *old;
	const uint32_t *first;
	size_t n;

	if (nr >= h->kept)
		return KMT_NOT_OLD;
	first = &h->first[nr >> h->bucket_bits];
	n = first[1] - first[0];
	if (n == 0)
		return KMT_NOT_OLD;
	old = &h->old[first[0]];
	for (size_t half = n / 2; n > 1; n -= half, half = n / 2)
		old += old[half].key >> 1 <= nr ? half : 0;
	return old->key >> 1 == nr ? (size_t)(old - h->old) : KMT_NOT_OLD;
}

/* The address of number @nr, which is below kept; false: it is not there any more, or never was. */
bool kmt_history_old(const struct kmt_history *h, uint64_t nr, uint64_t *addr);
/* That one came again. */
void kmt_history_old_gone(struct kmt_history *h, uint64_t nr);

/* The address of number @nr, which is there, came again. */
static inline void kmt_history_gone(struct kmt_history *h, uint64_t nr)
{
	if (nr >= h->kept)
		h->gone[nr & KMT_RING_MASK] = 1;
	else
		kmt_history_old_gone(h, nr);
}

#endif
