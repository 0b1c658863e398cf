/* SPDX-License-Identifier: MIT */
/*
 * Damaged pages.
 *
 * Problem    A page must never be handed out again, whoever has it now: the buddy system, a sheaf, an owner
 *            who cannot give it up, a slab. The fast paths shall not ask.
 *
 * Terms      Marked: its bit stands in the record of its pageblock. Taken: marked, and its descriptor says
 *            POISON; it is in no bitmap and in no sheaf. What is marked and in use is taken when it
 *            comes back.
 *
 * Where      A page that is freed goes through arena_put_pb() or arena_put_word() before it is handed
 *            out again: what a CPU takes back is in other sheaves than what it hands out. There, under
 *            the arena's lock, a pageblock with PAGE_PB_POISONED asks here which pages are not to be
 *            set free. The exception is pcp_refill(), which passes over pageblocks that have a record. A free
 *            page that lies in a sheaf is called in by draining.
 *
 * Records    One of 96 bytes for each pageblock that ever had a mark, on a list that only grows. They go by
 *            page frame, so a memory block that changes its arena keeps its marks.
 *
 * Locks      A page's bit is changed under the lock of its arena. A pageblock with a zone's border in it
 *            lies in two arenas, which share its record; so words are changed by atomic operations. The list
 *            is pushed to by compare-exchange, and walked without a lock.
 */
#include "hotplug.h"

struct hwpoison_record {
	struct hwpoison_record *next;
	pfn_t pfn; /* of the pageblock */
	uint64_t bits[PAGE_WORDS];
};

static struct hwpoison_record *hwpoison_find(const struct page_layer *pl, pfn_t pfn)
{
	struct hwpoison_record *r = quarry_load_acquire(&pl->poison);

	pfn = bits_align_down(pfn, QUARRY_PAGEBLOCK_PAGES);
	while (r != NULL && r->pfn != pfn)
		r = r->next;
	return r;
}

/* The record of @pfn's pageblock, made if there is none; NULL: no memory. */
static struct hwpoison_record *hwpoison_record(struct quarry *q, pfn_t pfn)
{
	struct page_layer *pl = q->pages;
	struct hwpoison_record *r = hwpoison_find(pl, pfn), *head, *found;

	if (r != NULL)
		return r;
	r = quarry_meta_alloc(q, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->pfn = bits_align_down(pfn, QUARRY_PAGEBLOCK_PAGES);
	head = quarry_load_acquire(&pl->poison);
	do {
		found = hwpoison_find(pl, pfn);
		if (found != NULL) { /* another CPU made it meanwhile */
			quarry_meta_free(q, r);
			return found;
		}
		r->next = head;
	} while (!quarry_cmpxchg(&pl->poison, &head, r));
	return r;
}

const uint64_t *hwpoison_bits(const struct page_layer *pl, pfn_t pfn)
{
	const struct hwpoison_record *r = hwpoison_find(pl, pfn);

	return r != NULL ? r->bits : NULL;
}

/* Where @pfn's bit stands in its record: the word, and the bit. */
static unsigned int hwpoison_word(pfn_t pfn)
{
	return (unsigned int)(pfn >> PAGE_BITS_ORDER) & (PAGE_WORDS - 1);
}

static uint64_t hwpoison_bit(pfn_t pfn)
{
	return (uint64_t)1 << (pfn & (PAGE_BITS - 1));
}

static bool hwpoison_marked(const struct hwpoison_record *r, pfn_t pfn)
{
	return r != NULL &&
	       (quarry_load_relaxed(&r->bits[hwpoison_word(pfn)]) & hwpoison_bit(pfn)) != 0;
}

static void hwpoison_mark(struct page_layer *pl, struct hwpoison_record *r, pfn_t pfn)
{
	quarry_fetch_or_relaxed(&r->bits[hwpoison_word(pfn)], hwpoison_bit(pfn));
	quarry_fetch_add_relaxed(&pl->nr_poisoned, 1ul);
}

/* Pages that are marked in a pageblock, whosoever they are. */
static unsigned int hwpoison_count(const struct hwpoison_record *r)
{
	unsigned int n = 0;

	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		n += bits_popcount64(quarry_load_relaxed(&r->bits[w]));
	return n;
}

static void hwpoison_unmark(struct page_layer *pl, struct page_pb *pb, struct hwpoison_record *r,
			    pfn_t pfn)
{
	quarry_fetch_and_relaxed(&r->bits[hwpoison_word(pfn)], ~hwpoison_bit(pfn));
	if (hwpoison_count(r) == 0)
		pb->flags &= (uint8_t)~PAGE_PB_POISONED;
	quarry_fetch_add_relaxed(&pl->nr_poisoned, 0 - 1ul);
}

static void hwpoison_set_word(struct page_arena *a, pfn_t pfn, enum page_word_state state)
{
	page_set_word(&a->map[pfn - a->base_pfn],
		      (uint64_t)a->index << PAGE_WORD_ARENA_SHIFT | state);
}

uint64_t hwpoison_keep(const struct page_layer *pl, struct page_arena *a, unsigned int i,
		       unsigned int w, uint64_t mask)
{
	pfn_t base = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);
	const uint64_t *bits = hwpoison_bits(pl, base);
	uint64_t keep = bits != NULL ? quarry_load_relaxed(&bits[w]) & mask : 0;

	for (uint64_t left = keep; left != 0; left &= left - 1)
		hwpoison_set_word(a, base + w * PAGE_BITS + bits_ctz64(left), PAGE_WORD_POISON);
	return keep;
}

/* Takes @pfn out of the buddy system if it is there; a->lock held. */
static bool hwpoison_take_free(struct quarry *q, struct page_arena *a, pfn_t pfn)
	QUARRY_REQUIRES(a->lock)
{
	unsigned int i = (unsigned int)((pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER);
	uint64_t want[PAGE_WORDS] = {0}, got[PAGE_WORDS];

	want[hwpoison_word(pfn)] = hwpoison_bit(pfn);
	if (arena_take_bits(q, a, i, want, got) == 0)
		return false;
	hwpoison_set_word(a, pfn, PAGE_WORD_POISON);
	return true;
}

/* Marks @pfn, and takes it if it is free. 0: taken; -EBUSY: marked; -EHWPOISON: it was. */
static int hwpoison_begin(struct quarry *q, struct page_arena *a, struct hwpoison_record *r,
			  pfn_t pfn)
{
	quarry_pin_t pin = arena_lock(q, a);
	struct page_pb *pb = &a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER];
	int err = -QUARRY_EHWPOISON;

	if (a->virgin)
		arena_unfold(q, a);
	if (a->empty)
		arena_write(a);
	if ((pb->flags & PAGE_PB_OFFLINE) != 0) {
		err = -QUARRY_ENXIO; /* it went since we looked */
	} else if (!hwpoison_marked(r, pfn)) {
		/* What says POISON later must not be written over then. */
		if (!pb->described)
			memmap_describe(a, (unsigned int)(pb - a->pb));
		pb->flags |= PAGE_PB_POISONED;
		hwpoison_mark(q->pages, r, pfn);
		err = hwpoison_take_free(q, a, pfn) ? 0 : -QUARRY_EBUSY;
	}
	arena_unlock(q, a, pin);
	return err;
}

static bool hwpoison_is_taken(struct quarry *q, struct page_arena *a, pfn_t pfn)
{
	quarry_pin_t pin = arena_lock(q, a);
	bool taken = a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER].described &&
		     page_is_poisoned(page_word(&a->map[pfn - a->base_pfn]));

	arena_unlock(q, a, pin);
	return taken;
}

/* Calls @pfn in: out of a sheaf, or from an owner who can be moved. Whether it is taken then. */
static bool hwpoison_call_in(struct quarry *q, struct page_arena *a, pfn_t pfn)
{
	struct page *page;
	unsigned int order;

	quarry_drain_all_pages(q);
	if (hwpoison_is_taken(q, a, pfn))
		return true;
	page = quarry_pfn_to_page(q, isolate_block_start(a, pfn));
	if (page == NULL || !mover_can(page_word(page)))
		return false;
	order = page_word_order(page_word(page));
	if (contig_migrate_block(q, page, GFP_KERNEL) != 0)
		return false;
	quarry_free_pages(q, page, order);
	quarry_drain_all_pages(q);
	return hwpoison_is_taken(q, a, pfn);
}

/* The arena of @pfn, with descriptors, and the record; 0 or an error. */
static int hwpoison_prepare(struct quarry *q, pfn_t pfn, struct page_arena **a,
			    struct hwpoison_record **r)
{
	*a = memmap_arena(q->pages, pfn);
	if (*a == NULL || !quarry_memblock_is_memory(q, (phys_addr_t)pfn << QUARRY_PAGE_SHIFT))
		return -QUARRY_ENXIO;
	if (!memmap_give_map(q, *a))
		return -QUARRY_ENOMEM;
	*r = hwpoison_record(q, pfn);
	return *r != NULL ? 0 : -QUARRY_ENOMEM;
}

int quarry_memory_failure(struct quarry *q, pfn_t pfn, unsigned int flags)
{
	struct hwpoison_record *r;
	struct page_arena *a;
	int err = hwpoison_prepare(q, pfn, &a, &r);

	if (err != 0)
		return err;
	err = hwpoison_begin(q, a, r, pfn);
	if (err == -QUARRY_EHWPOISON || err == -QUARRY_ENXIO)
		return err;
	if ((flags & QUARRY_MF_SW_SIMULATED) == 0)
		quarry_store_relaxed(&q->pages->poison_is_real, true);
	if (err == -QUARRY_EBUSY && hwpoison_call_in(q, a, pfn))
		err = 0;
	return err;
}

int quarry_soft_offline_page(struct quarry *q, pfn_t pfn)
{
	struct hwpoison_record *r;
	struct page_arena *a;
	struct page_pb *pb;
	quarry_pin_t pin;
	int err = hwpoison_prepare(q, pfn, &a, &r);

	if (err != 0)
		return err;
	err = hwpoison_begin(q, a, r, pfn);
	if (err == -QUARRY_EHWPOISON)
		return 0;
	if (err != -QUARRY_EBUSY)
		return err;
	if (hwpoison_call_in(q, a, pfn))
		return 0;
	/* Still in use: the mark goes, unless the page came back just now. */
	pb = &a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER];
	pin = arena_lock(q, a);
	if (pb->described && page_is_poisoned(page_word(&a->map[pfn - a->base_pfn])))
		err = 0;
	else
		hwpoison_unmark(q->pages, pb, r, pfn);
	arena_unlock(q, a, pin);
	return err;
}

int quarry_unpoison_memory(struct quarry *q, pfn_t pfn)
{
	struct page_arena *a = memmap_arena(q->pages, pfn);
	struct hwpoison_record *r = hwpoison_find(q->pages, pfn);
	int err = -QUARRY_EBUSY;
	struct page_pb *pb;
	quarry_pin_t pin;

	if (a == NULL)
		return -QUARRY_ENXIO;
	if (quarry_load_relaxed(&q->pages->poison_is_real))
		return -QUARRY_EOPNOTSUPP;
	pin = arena_lock(q, a);
	if (hwpoison_marked(r, pfn)) {
		pb = &a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER];
		hwpoison_unmark(q->pages, pb, r, pfn);
		if (pb->described && page_is_poisoned(page_word(&a->map[pfn - a->base_pfn]))) {
			if (page_prep_on(q))
				prep_release(q, pfn, 1);
			hwpoison_set_word(a, pfn, PAGE_WORD_FREE);
			arena_put(q, a, pfn, 0);
		}
		err = 0;
	}
	arena_unlock(q, a, pin);
	arena_tell(q);
	return err;
}

bool quarry_page_is_poisoned(struct quarry *q, pfn_t pfn)
{
	struct page_arena *a = memmap_arena(q->pages, pfn);
	quarry_pin_t pin;
	bool marked;

	if (a == NULL)
		return false;
	pin = arena_lock(q, a);
	marked = hwpoison_marked(hwpoison_find(q->pages, pfn), pfn);
	arena_unlock(q, a, pin);
	return marked;
}

unsigned long quarry_num_poisoned_pages(struct quarry *q)
{
	return quarry_load_relaxed(&q->pages->nr_poisoned);
}

/* Whether marked page @pfn may be handed out: it is free, or its pageblock does not ask. */
static bool hwpoison_is_loose(const struct page_layer *pl, pfn_t pfn)
{
	const struct page_arena *a = memmap_arena(pl, pfn);
	pfn_t offset = a != NULL ? pfn - a->base_pfn : 0;

	return a != NULL &&
	       ((a->pb[offset >> QUARRY_PAGEBLOCK_ORDER].flags & PAGE_PB_POISONED) == 0 ||
		arena_is_free(a, (size_t)offset));
}

pfn_t hwpoison_fault(const struct page_layer *pl)
{
	unsigned long marked = 0;

	for (const struct hwpoison_record *r = pl->poison; r != NULL; r = r->next) {
		for (pfn_t k = 0; k < QUARRY_PAGEBLOCK_PAGES; k++) {
			if (!hwpoison_marked(r, r->pfn + k))
				continue;
			if (hwpoison_is_loose(pl, r->pfn + k))
				return r->pfn + k;
			marked++;
		}
	}
	return marked == pl->nr_poisoned ? 0 : ~(pfn_t)0;
}

void hwpoison_forget(struct quarry *q, pfn_t start, pfn_t end)
{
	struct page_layer *pl = q->pages;
	struct hwpoison_record *r = quarry_load_acquire(&pl->poison);

	for (; r != NULL; r = r->next) {
		if (r->pfn < start || r->pfn >= end)
			continue;
		quarry_fetch_add_relaxed(&pl->nr_poisoned, 0 - (unsigned long)hwpoison_count(r));
		for (unsigned int w = 0; w < PAGE_WORDS; w++)
			quarry_store_relaxed(&r->bits[w], 0);
	}
}
