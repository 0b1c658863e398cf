/* SPDX-License-Identifier: MIT */
/*
 * A map from 64-bit keys to 64-bit values that are not 0.
 *
 * Open addressing with linear probing; a deletion moves later entries of the run back, so that there
 * are no tombstones and the size follows the live set. The hash is the product with an odd number that is
 * drawn for each map: two keys meet with a chance of 2 in the number of slots whatever they are (M.
 * Dietzfelbinger et al., A reliable randomized algorithm for the closest-pair problem, 1997), so a recording
 * cannot be made that sends all keys to one place. Nothing may depend on the order.
 */
#ifndef CLI_IDMAP_H
#define CLI_IDMAP_H

#include <stdlib.h>
#include <sys/random.h>

#include <util.h>

#define IDMAP_MIN_BITS 12
#define IDMAP_MAX ((uint64_t)1 << 26) /* entries */

struct idmap_slot {
	uint64_t key, value; /* value 0: empty */
};

struct idmap {
	struct idmap_slot *slot;
	uint64_t mask;      /* slots - 1 */
	uint64_t nr, limit; /* entries; above limit the table doubles */
	unsigned int shift; /* 64 - log2(slots) */
	uint64_t factor;    /* odd */
};

static inline void idmap_init(struct idmap *m)
{
	if (getrandom(&m->factor, sizeof(m->factor), GRND_NONBLOCK) != sizeof(m->factor))
		m->factor = util_now_ns() * 0x9e3779b97f4a7c15u;
	m->factor |= 1;
	m->shift = 64 - IDMAP_MIN_BITS;
	m->mask = ((uint64_t)1 << IDMAP_MIN_BITS) - 1;
	m->slot = xcalloc((size_t)m->mask + 1, sizeof(m->slot[0]));
	m->nr = 0;
	m->limit = (m->mask + 1) / 2;
}

static inline void idmap_free(struct idmap *m)
{
	free(m->slot);
	m->slot = NULL;
}

static inline uint64_t idmap_place(const struct idmap *m, uint64_t key)
{
	return key * m->factor >> m->shift;
}

static inline void idmap_prefetch(const struct idmap *m, uint64_t key)
{
	__builtin_prefetch(&m->slot[idmap_place(m, key)], 1);
}

/* The slot of @key, or the empty one where it belongs. */
static inline struct idmap_slot *idmap_find(const struct idmap *m, uint64_t key)
{
	uint64_t i = idmap_place(m, key);

	while (m->slot[i].value != 0 && m->slot[i].key != key)
		i = (i + 1) & m->mask;
	return &m->slot[i];
}

/* The value of @key; 0 if it is not there. */
static inline uint64_t idmap_get(const struct idmap *m, uint64_t key)
{
	return idmap_find(m, key)->value;
}

static __attribute__((noinline, unused)) void idmap_grow(struct idmap *m)
{
	struct idmap_slot *old = m->slot;
	uint64_t slots = m->mask + 1;

	m->mask = slots * 2 - 1;
	m->shift--;
	m->limit = slots;
	m->slot = xcalloc((size_t)slots * 2, sizeof(m->slot[0]));
	for (uint64_t i = 0; i < slots; i++) {
		if (old[i].value != 0)
			*idmap_find(m, old[i].key) = old[i];
	}
	free(old);
}

/*
 * The slot of @key, made if there is none: its value is 0 then, and must be set at once. NULL if the
 * map holds IDMAP_MAX entries. Slots are void after it.
 */
static inline struct idmap_slot *idmap_add(struct idmap *m, uint64_t key)
{
	struct idmap_slot *s = idmap_find(m, key);

	if (s->value != 0)
		return s;
	if (__builtin_expect(m->nr >= m->limit, 0)) {
		if (m->nr >= IDMAP_MAX)
			return NULL;
		idmap_grow(m);
		s = idmap_find(m, key);
	}
	s->key = key;
	m->nr++;
	return s;
}

/* Empty @s, which is not empty, and close the gap. Slots are void after it. */
static inline void idmap_delete(struct idmap *m, struct idmap_slot *s)
{
	uint64_t gap = (uint64_t)(s - m->slot), i = gap;

	for (;;) {
		uint64_t home;

		i = (i + 1) & m->mask;
		if (m->slot[i].value == 0)
			break;
		home = idmap_place(m, m->slot[i].key);
		/* Move it unless its home lies behind the gap. */
		if (((i - home) & m->mask) >= ((i - gap) & m->mask)) {
			m->slot[gap] = m->slot[i];
			gap = i;
		}
	}
	m->slot[gap].value = 0;
	m->nr--;
}

/* Remove @key; its value, or 0 if it was not there. */
static inline uint64_t idmap_take(struct idmap *m, uint64_t key)
{
	struct idmap_slot *s = idmap_find(m, key);
	uint64_t value = s->value;

	if (value != 0)
		idmap_delete(m, s);
	return value;
}

#endif
