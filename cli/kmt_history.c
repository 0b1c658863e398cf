/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <kmt_history.h>
#include <util.h>

#define KMT_OLD_GONE ((uint64_t)1 << 63)
#define KMT_OLD_MIN ((size_t)1 << 12)
#define KMT_OLD_SORT ((size_t)1 << 19) /* so many are worth to be sorted by address */
#define KMT_OLD_MAX ((size_t)1 << 24)  /* beyond it the oldest are forgotten */

/* Where number @nr is in old[], or would be. */
static size_t kmt_old_find(const struct kmt_history *h, uint64_t nr)
{
	size_t low = 0, n = h->nr_old;

	while (n > 0) {
		size_t half = n / 2;

		if ((h->old[low + half].nr & ~KMT_OLD_GONE) < nr) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

bool kmt_history_old(const struct kmt_history *h, uint64_t nr, uint64_t *addr)
{
	size_t i = kmt_old_find(h, nr);

	/* One that came again has another number. */
	if (i == h->nr_old || h->old[i].nr != nr)
		return false;
	*addr = h->old[i].addr;
	return true;
}

void kmt_history_old_gone(struct kmt_history *h, uint64_t nr)
{
	size_t i = kmt_old_find(h, nr);

	if (i < h->nr_old && h->old[i].nr == nr)
		h->old[i].nr |= KMT_OLD_GONE;
}

static int kmt_old_by_addr(const void *a, const void *b)
{
	const struct kmt_old *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->nr < y->nr ? 1 : x->nr > y->nr ? -1 : 0;
}

static int kmt_old_by_nr(const void *a, const void *b)
{
	const struct kmt_old *x = a, *y = b;

	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

/* Of those that came again in full, as writers do that remember less than we, leave the last. */
static void kmt_old_last(struct kmt_history *h)
{
	size_t n = h->nr_old;

	qsort(h->old, n, sizeof(h->old[0]), kmt_old_by_addr);
	h->nr_old = 0;
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || h->old[i].addr != h->old[i - 1].addr)
			h->old[h->nr_old++] = h->old[i];
	}
	qsort(h->old, h->nr_old, sizeof(h->old[0]), kmt_old_by_nr);
}

/* Drop those that came again. */
static void kmt_old_tidy(struct kmt_history *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->nr_old; i++) {
		if (!(h->old[i].nr & KMT_OLD_GONE))
			h->old[n++] = h->old[i];
	}
	h->nr_old = n;
	if (n >= h->sort_at) {
		kmt_old_last(h);
		h->sort_at = h->nr_old * 2 > KMT_OLD_SORT ? h->nr_old * 2 : KMT_OLD_SORT;
	}
	if (h->nr_old > KMT_OLD_MAX / 2) {
		memmove(h->old, h->old + h->nr_old - KMT_OLD_MAX / 2,
			KMT_OLD_MAX / 2 * sizeof(h->old[0]));
		h->nr_old = KMT_OLD_MAX / 2;
	}
}

static void kmt_old_add(struct kmt_history *h, uint64_t nr, uint64_t addr)
{
	if (h->nr_old == h->cap_old) {
		kmt_old_tidy(h);
		if (h->nr_old >= h->cap_old / 2 && h->cap_old < KMT_OLD_MAX)
			h->cap_old = h->cap_old == 0 ? KMT_OLD_MIN : h->cap_old * 2;
	}
	bigtable_reach(&h->old_table, (h->nr_old + 1) * sizeof(h->old[0]));
	h->old[h->nr_old++] = (struct kmt_old){nr, addr};
}

/* The oldest leave the ring. */
static void kmt_history_leave(struct kmt_history *h)
{
	const uint64_t end = h->kept + KMT_RING / 4;
	uint8_t *gone = h->gone;

	for (uint64_t nr = h->kept; nr < end; nr++) {
		uint64_t slot = nr & KMT_RING_MASK;

		if (!gone[slot])
			kmt_old_add(h, nr, h->at[slot]);
	}
	memset(&gone[h->kept & KMT_RING_MASK], 0, KMT_RING / 4);
	h->kept = end;
}

void kmt_history_reserve(struct kmt_history *h, uint64_t n)
{
	uint64_t reach = h->nr + n < KMT_RING ? h->nr + n : KMT_RING;

	if (h->at == NULL) {
		bigtable_init(&h->at_table, KMT_RING * sizeof(h->at[0]), "the last addresses");
		bigtable_init(&h->old_table, KMT_OLD_MAX * sizeof(h->old[0]), "older addresses");
		h->at = (uint64_t *)(void *)h->at_table.p;
		h->old = (struct kmt_old *)(void *)h->old_table.p;
		h->gone = xcalloc(KMT_RING + 1, 1);
		h->sort_at = KMT_OLD_SORT;
	}
	bigtable_reach(&h->at_table, reach * sizeof(h->at[0]));
	if (__builtin_expect(h->nr + n - h->kept > KMT_RING, 0))
		kmt_history_leave(h);
}

void kmt_history_free(struct kmt_history *h)
{
	if (h->at != NULL) {
		bigtable_free(&h->at_table);
		bigtable_free(&h->old_table);
	}
	free(h->gone);
}
