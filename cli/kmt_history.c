/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <kmt_history.h>
#include <util.h>

#define KMT_OLD_MIN ((size_t)1 << 12)
#define KMT_OLD_SORT ((size_t)1 << 19) /* so many are worth to be sorted by address */
#define KMT_OLD_MAX ((size_t)1 << 24)  /* beyond it the oldest are forgotten */

#define KMT_BUCKETS ((uint64_t)1 << 14)
#define KMT_BUCKET_BITS 6 /* of the numbers of one, at first */

bool kmt_history_old(const struct kmt_history *h, uint64_t nr, uint64_t *addr)
{
	size_t i = kmt_history_find(h, nr);

	/* One that came again has another number. */
	if (i == KMT_NOT_OLD)
		return false;
	*addr = h->old[i].addr;
	return true;
}

void kmt_history_old_gone(struct kmt_history *h, uint64_t nr)
{
	size_t i = kmt_history_find(h, nr);

	if (i != KMT_NOT_OLD)
		h->old[i].key |= KMT_OLD_GONE;
}

static int kmt_old_by_addr(const void *a, const void *b)
{
	const struct kmt_old *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->key < y->key ? 1 : x->key > y->key ? -1 : 0;
}

static int kmt_old_by_nr(const void *a, const void *b)
{
	const struct kmt_old *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
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
		if (!(h->old[i].key & KMT_OLD_GONE))
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

/* Room for one more, and say where each bucket up to that of number @nr begins, if they have moved. */
static void kmt_old_room(struct kmt_history *h, uint64_t nr)
{
	uint64_t bucket = 0;

	if (h->nr_old < h->cap_old)
		return;
	kmt_old_tidy(h);
	if (h->nr_old >= h->cap_old / 2 && h->cap_old < KMT_OLD_MAX)
		h->cap_old = h->cap_old == 0 ? KMT_OLD_MIN : h->cap_old * 2;
	for (size_t i = 0; i < h->nr_old; i++) {
		while (bucket <= h->old[i].key >> 1 >> h->bucket_bits)
			h->first[bucket++] = (uint32_t)i;
	}
	while (bucket <= nr >> h->bucket_bits)
		h->first[bucket++] = (uint32_t)h->nr_old;
}

/* Buckets for numbers below @end: as many as there may be, of as few numbers as that allows. */
static void kmt_old_buckets(struct kmt_history *h, uint64_t end)
{
	if (h->first == NULL) {
		h->first = xcalloc(KMT_BUCKETS + 1, sizeof(h->first[0]));
		h->bucket_bits = KMT_BUCKET_BITS;
	}
	while ((end - 1) >> h->bucket_bits >= KMT_BUCKETS) {
		for (uint64_t i = 0; i <= KMT_BUCKETS / 2; i++)
			h->first[i] = h->first[2 * i];
		h->bucket_bits++;
	}
}

/* Numbers @nr to @nr + 7 leave the ring. */
static void kmt_old_add(struct kmt_history *h, uint64_t nr)
{
	const uint64_t slot = nr & KMT_RING_MASK;
	uint64_t gone;

	memcpy(&gone, &h->gone[slot], sizeof(gone));
	if (gone == 0x0101010101010101u)
		return;
	bigtable_reach(&h->old_table, (h->nr_old + sizeof(gone)) * sizeof(h->old[0]));
	for (unsigned int i = 0; i < sizeof(gone); i++) {
		if (h->gone[slot + i])
			continue;
		kmt_old_room(h, nr + i);
		h->old[h->nr_old++] = (struct kmt_old){(nr + i) << 1, h->at[slot + i]};
	}
}

/* The oldest leave the ring. */
static void kmt_history_leave(struct kmt_history *h)
{
	const uint64_t end = h->kept + KMT_RING / 4;

	kmt_old_buckets(h, end);
	for (uint64_t nr = h->kept; nr < end; nr += 8) {
		if ((nr & (((uint64_t)1 << h->bucket_bits) - 1)) == 0)
			h->first[nr >> h->bucket_bits] = (uint32_t)h->nr_old;
		kmt_old_add(h, nr);
	}
	h->first[((end - 1) >> h->bucket_bits) + 1] = (uint32_t)h->nr_old;
	memset(&h->gone[h->kept & KMT_RING_MASK], 0, KMT_RING / 4);
	h->kept = end;
}

void kmt_history_init(struct kmt_history *h)
{
	bigtable_init(&h->at_table, KMT_RING * sizeof(h->at[0]), "the last addresses");
	bigtable_init(&h->old_table, KMT_OLD_MAX * sizeof(h->old[0]), "older addresses");
	bigtable_reach(&h->at_table, sizeof(h->at[0]));
	h->at = (uint64_t *)(void *)h->at_table.p;
	h->old = (struct kmt_old *)(void *)h->old_table.p;
	h->gone = xcalloc(KMT_RING + 1, 1);
	h->sort_at = KMT_OLD_SORT;
}

void kmt_history_reserve(struct kmt_history *h, uint64_t n)
{
	uint64_t reach = h->nr + n < KMT_RING ? h->nr + n : KMT_RING;

	bigtable_reach(&h->at_table, reach * sizeof(h->at[0]));
	if (__builtin_expect(h->nr + n - h->kept > KMT_RING, 0))
		kmt_history_leave(h);
}

void kmt_history_free(struct kmt_history *h)
{
	bigtable_free(&h->at_table);
	bigtable_free(&h->old_table);
	free(h->gone);
	free(h->first);
}
