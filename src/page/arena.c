/* SPDX-License-Identifier: MIT */
/*
 * The buddy system of one arena: what one zone has of one aligned GiB.
 *
 * Problem    Hand out blocks of 2^order pages, aligned to their size, and take them back. Which zone
 *            and arena are asked is zone.c's affair; caching blocks per CPU is pcp.c's; the bits of
 *            one pageblock are pageblock.c's.
 *
 * Terms      A pageblock is filed under its largest free order: list[order][type] links pageblocks,
 *            by index, so no link stands in a free page. Whole pageblocks that are buddies are filed
 *            once, as one block: the first under the order of all, the others are marked `tail`.
 *
 * Invariant  A pageblock is on list[o][its type] exactly when its largest free run has order o (above a
 *            pageblock's: those that follow are whole too) and it is not `tail`. Bit o of order_mask[type] is
 *            set exactly when list[o][type] is not empty, and so is the arena's bit in the zone's
 *            avail[type][o]. nr_free counts set bits (the zone's, those that are not
 *            isolated), nr_free_highatomic, nr_free_cma and nr_isolated of the zone those of
 *            pageblocks of these types. quarry_check_pages() checks all of this.
 *
 * Virgin     An arena that nobody has touched has no records and no bitmaps written: it says the order of
 *            its largest block and means all of itself. arena_unfold() writes them at the first touch.
 *
 * Locks      arena->lock guards records, bitmaps, lists, nr_free. Only leaf locks are taken under it, and of
 *            the port nothing is called: what is wrong is noted, and told by arena_tell() without locks.
 *
 * Cost       One cache line of bitmap and one record for each pageblock touched; no list is searched.
 */
#include "internal.h"

#include <base/string.h>

/* Two bits for each word of a bitmap. */
#if QUARRY_PAGEBLOCK_WORDS > 16
typedef uint64_t arena_words;
#else
typedef uint32_t arena_words;
#endif

quarry_pin_t arena_lock(struct quarry *q, struct page_arena *a)
{
	if (unlikely(quarry_load_relaxed(&a->lock.held) != 0))
		quarry_fetch_add_relaxed(&a->contended, 1);
	return quarry_lock(q->concurrent, &a->lock);
}

bool arena_trylock(struct quarry *q, struct page_arena *a,
		   quarry_pin_t *pin) QUARRY_NO_THREAD_SAFETY
{
	*pin = quarry_pin();
	if (likely(quarry_trylock_pinned(q->concurrent, &a->lock)))
		return true;
	quarry_unpin(*pin);
	quarry_fetch_add_relaxed(&a->contended, 1);
	return false;
}

void arena_unlock(struct quarry *q, struct page_arena *a, quarry_pin_t pin)
{
	quarry_unlock(q->concurrent, &a->lock, pin);
}

#if !QUARRY_TINY /* there a zone's arenas are asked one after the other */

/* The zone is told that this arena has something in @row, or nothing any more. */
static void arena_avail_set(struct quarry *q, struct page_arena *a, unsigned int row,
			    unsigned int type)
{
	uint32_t bit = a->index - a->zone->arena_first;
	uint64_t *word = &zone_avail(a->zone, type, row)[bit >> 6];

	if (q->concurrent) {
		quarry_fetch_or_relaxed(word, (uint64_t)1 << (bit & 63));
		quarry_fetch_add_relaxed(&a->zone->nr_avail[type][row], 1);
	} else {
		*word |= (uint64_t)1 << (bit & 63);
		a->zone->nr_avail[type][row]++;
	}
}

static void arena_avail_clear(struct quarry *q, struct page_arena *a, unsigned int row,
			      unsigned int type)
{
	uint32_t bit = a->index - a->zone->arena_first;
	uint64_t *word = &zone_avail(a->zone, type, row)[bit >> 6];

	if (q->concurrent) {
		quarry_fetch_and_relaxed(word, ~((uint64_t)1 << (bit & 63)));
		quarry_fetch_add_relaxed(&a->zone->nr_avail[type][row], ~0u);
	} else {
		*word &= ~((uint64_t)1 << (bit & 63));
		a->zone->nr_avail[type][row]--;
	}
}

#endif

static void arena_mask_set(struct quarry *q, struct page_arena *a, unsigned int order,
			   unsigned int type)
{
	quarry_store_relaxed(&a->order_mask[type], (uint16_t)(a->order_mask[type] | 1u << order));
	arena_avail_set(q, a, order, type);
}

static void arena_mask_clear(struct quarry *q, struct page_arena *a, unsigned int order,
			     unsigned int type)
{
	quarry_store_relaxed(&a->order_mask[type],
			     (uint16_t)(a->order_mask[type] & ~(1u << order)));
	arena_avail_clear(q, a, order, type);
}

/* A broken pageblock, filed by now, is worth a visit. */
static void arena_dense_add(struct quarry *q, struct page_arena *a, struct page_pb *pb)
{
	unsigned int class = pb->filed >= 3;

	pb->flags |= PAGE_PB_DENSE;
	if (a->nr_dense[pb->type][class]++ == 0)
		arena_avail_set(q, a, PAGE_AVAIL_SMALL + class, pb->type);
}

static void arena_dense_remove(struct quarry *q, struct page_arena *a, struct page_pb *pb)
{
	unsigned int class = pb->filed >= 3;

	pb->flags = (uint8_t)(pb->flags & ~PAGE_PB_DENSE);
	if (--a->nr_dense[pb->type][class] == 0)
		arena_avail_clear(q, a, PAGE_AVAIL_SMALL + class, pb->type);
}

/* Puts an unfiled pageblock on the list of @order: first, or last if it is sparse. */
static void arena_link(struct quarry *q, struct page_arena *a, unsigned int i, unsigned int order)
	QUARRY_REQUIRES(a->lock)
{
	struct page_pb *pb = &a->pb[i];
	uint16_t *head = &a->head[order][pb->type];
	uint16_t first = *head;
	bool sparse;

	pb->filed = (uint8_t)order;
	sparse = arena_sparse(pb);
	if (PAGE_HAS_SHEAVES && !sparse && order < QUARRY_PAGEBLOCK_ORDER)
		arena_dense_add(q, a, pb);
	if (first == PAGE_NO_PB) {
		pb->next = PAGE_NO_PB;
		pb->prev = (uint16_t)i;
		*head = (uint16_t)i;
		arena_mask_set(q, a, order, pb->type);
		return;
	}
	pb->prev = a->pb[first].prev;
	a->pb[first].prev = (uint16_t)i;
	if (sparse) {
		a->pb[pb->prev].next = (uint16_t)i;
		pb->next = PAGE_NO_PB;
	} else {
		pb->next = first;
		*head = (uint16_t)i;
	}
}

static void arena_unlink(struct quarry *q, struct page_arena *a, unsigned int i)
	QUARRY_REQUIRES(a->lock)
{
	struct page_pb *pb = &a->pb[i];
	uint16_t *head = &a->head[pb->filed][pb->type];

	if (PAGE_HAS_SHEAVES && (pb->flags & PAGE_PB_DENSE) != 0)
		arena_dense_remove(q, a, pb);
	if (*head == i)
		*head = pb->next;
	else
		a->pb[pb->prev].next = pb->next;
	if (pb->next != PAGE_NO_PB)
		a->pb[pb->next].prev = pb->prev;
	else if (*head != PAGE_NO_PB)
		a->pb[*head].prev = pb->prev;
	else
		arena_mask_clear(q, a, pb->filed, pb->type);
	pb->filed = PAGE_NOT_FILED;
}

/* Where the buddy of the block of @order at pageblock @i begins, or PAGE_NO_PB if it is not in this arena. */
static unsigned int arena_buddy(const struct page_arena *a, unsigned int i, unsigned int order)
{
	pfn_t number = (a->base_pfn >> QUARRY_PAGEBLOCK_ORDER) + i;
	unsigned int span = PAGE_SPAN(order);

	if ((number & span) == 0)
		return i + 2 * span <= a->nr_pb ? i + span : PAGE_NO_PB;
	return i >= span ? i - span : PAGE_NO_PB;
}

/*
 * Files an unfiled pageblock whose largest free order is @order; or, if that is no less than a pageblock's, the
 * free block that begins there, together with its buddy, and with that one's.
 */
static void arena_file_as(struct quarry *q, struct page_arena *a, unsigned int i,
			  unsigned int order) QUARRY_REQUIRES(a->lock)
{
	if (order == PAGE_NOT_FILED)
		return;
	for (; order >= QUARRY_PAGEBLOCK_ORDER && order < QUARRY_MAX_ORDER; order++) {
		unsigned int j = arena_buddy(a, i, order);

		if (j == PAGE_NO_PB || a->pb[j].filed != order ||
		    !arena_may_join(a->pb[i].type, a->pb[j].type))
			break;
		arena_unlink(q, a, j);
		a->pb[quarry_max(i, j)].tail = 1;
		i = quarry_min(i, j);
	}
	arena_link(q, a, i, order);
}

void arena_file(struct quarry *q, struct page_arena *a, unsigned int i)
{
	arena_file_as(q, a, i, pageblock_largest(a->bits[i]));
}

/*
 * The free block of @order at pageblock @head, on no list, is split down to @least: the half with pageblock @i each
 * time, the other is filed. Returns where what is left begins.
 */
static unsigned int arena_split(struct quarry *q, struct page_arena *a, unsigned int head,
				unsigned int order, unsigned int least, unsigned int i)
	QUARRY_REQUIRES(a->lock)
{
	while (order > least) {
		unsigned int upper = head + PAGE_SPAN(--order);

		a->pb[upper].tail = 0;
		arena_link(q, a, i < upper ? upper : head, order);
		head = i < upper ? head : upper;
	}
	return head;
}

/* The first pageblock of the free block that @i is a tail of. */
static unsigned int arena_head(const struct page_arena *a, unsigned int i)
{
	pfn_t first = a->base_pfn >> QUARRY_PAGEBLOCK_ORDER;
	unsigned int order = QUARRY_PAGEBLOCK_ORDER;
	unsigned int head;

	do
		head = (unsigned int)(bits_align_down(first + i, PAGE_SPAN(++order)) - first);
	while (a->pb[head].tail);
	return head;
}

/* Takes pageblock @i off its list; the rest of a larger block stays. */
void arena_unfile(struct quarry *q, struct page_arena *a, unsigned int i)
{
	unsigned int head = PAGE_PAIRS && a->pb[i].tail ? arena_head(a, i) : i;
	unsigned int order = a->pb[head].filed;

	if (order == PAGE_NOT_FILED)
		return;
	arena_unlink(q, a, head);
	if (PAGE_PAIRS && order > QUARRY_PAGEBLOCK_ORDER)
		arena_split(q, a, head, order, QUARRY_PAGEBLOCK_ORDER, i);
}

#if !QUARRY_TINY

QUARRY_COLD void arena_count_special(struct quarry *q, struct page_arena *a, unsigned int type,
				     int64_t pages)
{
	if (type == QUARRY_MIGRATE_HIGHATOMIC)
		page_add(q->concurrent, &a->zone->nr_free_highatomic, (uint64_t)pages);
	else if (type == QUARRY_MIGRATE_CMA)
		page_add(q->concurrent, &a->zone->nr_free_cma, (uint64_t)pages);
	if (type != QUARRY_MIGRATE_ISOLATE)
		return;
	/* Isolated pages are no free pages of the zone: what arena_count() adds is taken off again. */
	page_add(q->concurrent, &a->zone->nr_isolated, (uint64_t)pages);
	page_add(q->concurrent, &a->zone->nr_free, 0 - (uint64_t)pages);
}

#endif

/* Pages of such a pageblock cannot be moved, so it spoils its arena for ever. */
static bool arena_stays(unsigned int type)
{
	return type == QUARRY_MIGRATE_UNMOVABLE || type == QUARRY_MIGRATE_RECLAIMABLE ||
	       type == QUARRY_MIGRATE_HIGHATOMIC;
}

#if !QUARRY_TINY

/* @more pageblocks of a type whose pages stay; the zone knows which arenas have any. */
static void arena_add_stay(struct page_arena *a, int more)
{
	uint32_t bit = a->index - a->zone->arena_first;
	uint64_t *word = &zone_stay(a->zone)[bit >> 6];

	a->nr_stay = (uint16_t)(a->nr_stay + more);
	if (a->nr_stay != 0)
		quarry_fetch_or_relaxed(word, (uint64_t)1 << (bit & 63));
	else
		quarry_fetch_and_relaxed(word, ~((uint64_t)1 << (bit & 63)));
}

void arena_announce(struct page_arena *a)
{
	pfn_t first = a->base_pfn >> QUARRY_PAGEBLOCK_ORDER;
	unsigned int order = QUARRY_MAX_ORDER;
	unsigned int type = a->type;
	uint32_t bit = a->index - a->zone->arena_first;

	while (order > QUARRY_PAGEBLOCK_ORDER &&
	       bits_align_up(first, PAGE_SPAN(order)) + PAGE_SPAN(order) > first + a->nr_pb)
		order--;
	quarry_store_relaxed(&a->order_mask[type], (uint16_t)(1u << order));
	zone_avail(a->zone, type, order)[bit >> 6] |= (uint64_t)1 << (bit & 63);
	a->zone->nr_avail[type][order]++;
}

#endif

void arena_unfold(struct quarry *q, struct page_arena *a)
{
	unsigned int type = a->type;

	arena_mask_clear(q, a, bits_ctz64(a->order_mask[type]), type);
	for (unsigned int i = a->nr_pb; i-- > 0;) {
		struct page_pb *pb = &a->pb[i];

		/* The rest is zero still; `described` may be read by others meanwhile. */
		pb->type = (uint8_t)type;
		pb->filed = PAGE_NOT_FILED;
		pb->nr_free = (uint16_t)QUARRY_PAGEBLOCK_PAGES;
		for (unsigned int w = 0; w < PAGE_WORDS; w++)
			a->bits[i][w] = PAGE_BITS_ALL;
	}
	for (unsigned int i = a->nr_pb; i-- > 0;)
		arena_file_as(q, a, i, QUARRY_PAGEBLOCK_ORDER);
	if (arena_stays(type))
		arena_add_stay(a, a->nr_pb);
	a->virgin = false;
}

void arena_write(struct page_arena *a)
{
	int stay = 0;

	a->virgin = false;
	a->empty = false;
	for (unsigned int i = 0; i < a->nr_pb; i++) {
		uint8_t type = a->one_piece ? a->type : a->pb[i].type;

		a->pb[i] = (struct page_pb){.type = type,
					    .filed = PAGE_NOT_FILED,
					    .flags = a->unaccepted ? PAGE_PB_UNACCEPTED : 0};
		quarry_memset(a->bits[i], 0, sizeof(a->bits[i]));
		stay += arena_stays(type);
	}
	if (stay != 0)
		arena_add_stay(a, stay);
}

static struct page *arena_page(struct page_arena *a, unsigned int i, unsigned int page)
{
	return &a->map[((size_t)i << QUARRY_PAGEBLOCK_ORDER) + page];
}

void arena_count(struct quarry *q, struct page_arena *a, int64_t pages)
{
	a->nr_free += (uint32_t)pages;
	page_add(q->concurrent, &a->zone->nr_free, (uint64_t)pages);
}

/* Pageblock @i is about to lose pages. */
static inline void arena_touch(struct page_arena *a, unsigned int i) QUARRY_REQUIRES(a->lock)
{
	a->pb[i].flags &= (uint8_t)~PAGE_PB_REPORTED;
	if (!a->pb[i].described)
		memmap_describe(a, i);
}

/* Whole pageblock @i, which will be taken soon. */
static QUARRY_ALWAYS_INLINE void arena_prefetch_whole(const struct page_arena *a, unsigned int i)
{
	quarry_prefetch_write(&a->bits[i]);
	quarry_prefetch_write(&a->pb[i]);
	quarry_prefetch_write(&a->map[(size_t)i << QUARRY_PAGEBLOCK_ORDER]);
}

/* @order is more than a pageblock's; at @i a block begins that is as large, or larger. */
static void arena_take_large(struct quarry *q, struct page_arena *a, unsigned int i,
			     unsigned int order) QUARRY_REQUIRES(a->lock)
{
	unsigned int filed = a->pb[i].filed, next;

	arena_unlink(q, a, i);
	next = a->head[order][a->pb[i].type];
	if (PAGE_HAS_SHEAVES && next != PAGE_NO_PB)
		arena_prefetch_whole(a, next);
	arena_split(q, a, i, filed, order, i);
	for (unsigned int j = i; j < i + PAGE_SPAN(order); j++) {
		a->pb[j].tail = 0;
		arena_touch(a, j);
		pageblock_clear_whole(a->bits[j]);
		a->pb[j].nr_free = 0;
		if (unlikely(page_type_special(a->pb[j].type)))
			arena_count_special(q, a, a->pb[j].type, -(int64_t)QUARRY_PAGEBLOCK_PAGES);
	}
	arena_count(q, a, -((int64_t)1 << order));
}

/* Pageblock @i, which is filed, has lost pages; @order is its largest free order now. */
static void arena_refile_less(struct quarry *q, struct page_arena *a, unsigned int i,
			      unsigned int order) QUARRY_REQUIRES(a->lock)
{
	struct page_pb *pb = &a->pb[i];

	if (order == PAGE_NOT_FILED && pb->filed < QUARRY_PAGEBLOCK_ORDER) {
		arena_unlink(q, a, i);
		return;
	}
	if (order == pb->filed && arena_sparse(pb) == ((pb->flags & PAGE_PB_DENSE) == 0))
		return;
	arena_unfile(q, a, i);
	arena_file_as(q, a, i, order);
}

/* The largest free order of a pageblock that has lost pages. */
static unsigned int arena_largest(const struct page_arena *a, unsigned int i)
{
	return a->pb[i].nr_free != 0 ? pageblock_largest(a->bits[i]) : PAGE_NOT_FILED;
}

/* Pageblock @i is about to lose pages: off its list, its descriptors written. */
static void arena_open(struct quarry *q, struct page_arena *a, unsigned int i)
	QUARRY_REQUIRES(a->lock)
{
	arena_unfile(q, a, i);
	arena_touch(a, i);
}

/* It has lost @pages. */
static void arena_lost(struct quarry *q, struct page_arena *a, unsigned int i, unsigned int pages)
	QUARRY_REQUIRES(a->lock)
{
	a->pb[i].nr_free = (uint16_t)(a->pb[i].nr_free - pages);
	if (unlikely(page_type_special(a->pb[i].type)))
		arena_count_special(q, a, a->pb[i].type, -(int64_t)pages);
	arena_count(q, a, -(int64_t)pages);
}

/* The same, and it is not filed. */
static void arena_close(struct quarry *q, struct page_arena *a, unsigned int i, unsigned int pages)
	QUARRY_REQUIRES(a->lock)
{
	arena_lost(q, a, i, pages);
	if (a->pb[i].nr_free != 0)
		arena_file(q, a, i);
}

/* A block of @order out of a pageblock that is broken already: it stays on a list, and most often on the same. */
static struct page *arena_take_broken(struct quarry *q, struct page_arena *a, unsigned int i,
				      unsigned int order) QUARRY_REQUIRES(a->lock)
{
	unsigned int filed = a->pb[i].filed, page, taken = order;
	bool largest;

	arena_touch(a, i);
	page = (unsigned int)pageblock_find(a->bits[i], order);
	if (unlikely(order < guard_minorder(q->pages)))
		taken = guard_split(q->pages, a, i, page, order);
	largest = pageblock_all_set(a->bits[i], page & (0u - (1u << filed)), filed);
	pageblock_clear(a->bits[i], page, taken);
	arena_lost(q, a, i, 1u << taken);
	/* Was it part of a largest run? Another may be as large. */
	arena_refile_less(q, a, i, largest ? arena_largest(a, i) : filed);
	return arena_page(a, i, page);
}

struct page *arena_take_from(struct quarry *q, struct page_arena *a, unsigned int i,
			     unsigned int order)
{
	unsigned int page, taken = order;

	if (order > QUARRY_PAGEBLOCK_ORDER) {
		arena_take_large(q, a, i, order);
		return arena_page(a, i, 0);
	}
	if (PAGE_HAS_SHEAVES && a->pb[i].filed < QUARRY_PAGEBLOCK_ORDER)
		return arena_take_broken(q, a, i, order);
	arena_open(q, a, i);
	page = (unsigned int)pageblock_find(a->bits[i], order);
	if (unlikely(order < guard_minorder(q->pages)))
		taken = guard_split(q->pages, a, i, page, order);
	pageblock_clear(a->bits[i], page, taken);
	arena_close(q, a, i, 1u << taken);
	return arena_page(a, i, page);
}

/* The pageblock whose largest free block is the smallest of at least @order; -1: there is none. */
static int arena_best(const struct page_arena *a, unsigned int order, unsigned int type)
{
	unsigned int orders = a->order_mask[type] >> order;

	return orders == 0 ? -1 : a->head[order + bits_ctz64(orders)][type];
}

/* The same among those that are not sparse; broken ones only, if so wanted. */
static int arena_best_dense(const struct page_arena *a, unsigned int order, unsigned int type,
			    bool broken)
{
	unsigned int orders = (unsigned int)a->order_mask[type] >> order << order;

	if (broken)
		orders &= (1u << QUARRY_PAGEBLOCK_ORDER) - 1;

	for (; orders != 0; orders &= orders - 1) {
		unsigned int i = a->head[bits_ctz64(orders)][type];

		if (!arena_sparse(&a->pb[i]))
			return (int)i;
	}
	return -1;
}

struct page *arena_take(struct quarry *q, struct page_arena *a, unsigned int order,
			unsigned int type)
{
	int i = arena_best(a, order, type);

	return i < 0 ? NULL : arena_take_from(q, a, (unsigned int)i, order);
}

/* The descriptors of @blocks of the word at @base, which will be handed out: they are written soon, but not at once. */
static QUARRY_ALWAYS_INLINE void arena_prefetch_hand(const struct page *base, uint64_t blocks)
{
	const unsigned int line = 64 / sizeof(struct page);

	while (blocks != 0) {
		unsigned int first = bits_ctz64(blocks) & ~(line - 1);

		quarry_prefetch_write(base + first);
		blocks &= ~(uint64_t)0 << (line - 1) << 1 << first;
	}
}

/* Hands out of one pageblock, broken words before whole ones; returns blocks. @order is below PAGE_PCP_ORDERS. */
static unsigned int arena_fill_words(struct page_arena *a, unsigned int i, unsigned int order,
				     struct page_sheaf *s, unsigned int max)
{
	uint64_t *bits = a->bits[i];
	arena_words full = 0, broken = 0;
	unsigned int n = 0;

	for (unsigned int w = 0; w < PAGE_WORDS; w++) {
		full |= (arena_words)(bits[w] == PAGE_BITS_ALL) << w;
		broken |= (arena_words)(bits[w] != 0) << w;
	}
	/* The lower bits are broken words, the upper ones whole words. */
	for (arena_words todo = (broken & ~full) | full << PAGE_WORDS; todo != 0;
	     todo &= todo - 1) {
		unsigned int w = bits_ctz64(todo) % PAGE_WORDS;
		struct page *base = arena_page(a, i, w * PAGE_BITS);
		uint64_t mask;

		if (n >= max || s->n == PAGE_SHEAF_HANDS)
			break;
		mask = pageblock_take(bits, w, order, max - n);
		if (mask == 0)
			continue;
		s->hand[s->n++] = (struct page_hand){base, mask};
		arena_prefetch_hand(base, mask);
		n += (mask & (mask - 1)) == 0 ? 1 : bits_popcount64(mask);
	}
	return n;
}

/* The same of a pageblock without a whole word, all of which there is room for. */
static QUARRY_ALWAYS_INLINE unsigned int arena_fill_all(struct page_arena *a, unsigned int i,
							unsigned int order, struct page_sheaf *s)
{
	uint64_t *bits = a->bits[i], rest = 0;
	struct page_hand *const first = &s->hand[s->n], *h = first;
	struct page *base = arena_page(a, i, 0);
	unsigned int n = 0;

	for (unsigned int w = 0; w < PAGE_WORDS; w++, base += PAGE_BITS) {
		uint64_t blocks = bits[w];

		if (blocks == 0)
			continue;
		bits[w] = 0;
		if (order != 0) {
			uint64_t left = blocks;

			blocks = pageblock_runs(blocks, order);
			left &= ~((blocks << (1u << order)) - blocks);
			bits[w] = left;
			rest |= left;
			if (blocks == 0)
				continue;
		}
		*h++ = (struct page_hand){base, blocks};
		arena_prefetch_hand(base, blocks);
	}
	s->n = (uint16_t)(s->n + (h - first));
	if (likely(rest == 0))
		return (unsigned int)a->pb[i].nr_free >> order;
	while (h != first)
		n += bits_popcount64((--h)->mask);
	return n;
}

/* Whether arena_fill_all() may serve @max blocks. */
static inline bool arena_may_fill_all(const struct page_pb *pb, unsigned int order,
				      const struct page_sheaf *s, unsigned int max)
{
	return pb->filed < PAGE_BITS_ORDER && (unsigned int)pb->nr_free >> order <= max &&
	       s->n + PAGE_WORDS <= PAGE_SHEAF_HANDS;
}

/* Hands out of pageblock @i, whose descriptors are written; returns blocks. */
static unsigned int arena_fill_from(struct page_arena *a, unsigned int i, unsigned int order,
				    struct page_sheaf *s, unsigned int max)
{
	if (!arena_may_fill_all(&a->pb[i], order, s, max))
		return arena_fill_words(a, i, order, s, max);
	return order == 0   ? arena_fill_all(a, i, 0, s)
	       : order == 3 ? arena_fill_all(a, i, 3, s)
			    : arena_fill_all(a, i, order, s);
}

/* The first pageblock of the first pair, or PAGE_NO_PB. */
static unsigned int arena_pair(const struct page_arena *a, unsigned int type)
{
	return PAGE_PAIRS ? a->head[QUARRY_PAGEBLOCK_ORDER + PAGE_PAIRS][type] : PAGE_NO_PB;
}

/* One or two whole pageblocks. Pairs go as a whole while there is room, so nothing is filed between. */
static unsigned int arena_fill_huge(struct quarry *q, struct page_arena *a, unsigned int type,
				    struct page_sheaf *s, unsigned int max) QUARRY_REQUIRES(a->lock)
{
	unsigned int pair = arena_pair(a, type), i, n;

	if (a->head[QUARRY_PAGEBLOCK_ORDER][type] == PAGE_NO_PB && pair != PAGE_NO_PB && max >= 2 &&
	    s->n + 2 <= PAGE_SHEAF_HANDS) {
		i = pair;
		arena_unlink(q, a, i);
		a->pb[i + 1].tail = 0;
		n = 2;
	} else {
		int best = arena_best(a, QUARRY_PAGEBLOCK_ORDER, type);

		if (best < 0)
			return 0;
		i = (unsigned int)best;
		arena_unfile(q, a, i);
		n = 1;
	}
	pair = arena_pair(a, type);
	if (pair != PAGE_NO_PB) { /* the one after this */
		quarry_prefetch_write(&a->bits[pair]);
		quarry_prefetch_write(&a->bits[pair + 1]);
		quarry_prefetch_write(&a->pb[pair]);
	}
	for (unsigned int j = i; j < i + n; j++) {
		arena_touch(a, j);
		pageblock_clear_whole(a->bits[j]);
		a->pb[j].nr_free = 0;
		if (unlikely(page_type_special(a->pb[j].type)))
			arena_count_special(q, a, a->pb[j].type, -(int64_t)QUARRY_PAGEBLOCK_PAGES);
		s->hand[s->n++] = (struct page_hand){arena_page(a, j, 0), 1};
		quarry_prefetch_write(arena_page(a, j, 0));
	}
	return n;
}

/* Block by block, as each is split by itself. */
static QUARRY_COLD unsigned int arena_fill_guarded(struct quarry *q, struct page_arena *a,
						   unsigned int order, unsigned int type,
						   struct page_sheaf *s, unsigned int max)
	QUARRY_REQUIRES(a->lock)
{
	unsigned int n = 0;
	struct page *page;

	while (n < max && s->n < PAGE_SHEAF_HANDS &&
	       (page = arena_take(q, a, order, type)) != NULL) {
		s->hand[s->n++] = (struct page_hand){page_word_base(page),
						     (uint64_t)1 << page_word_bit(page)};
		n++;
	}
	return n;
}

unsigned int arena_fill(struct quarry *q, struct page_arena *a, unsigned int order,
			unsigned int type, struct page_sheaf *s, unsigned int max,
			enum arena_source from)
{
	unsigned int n = 0;

	if (unlikely(order < guard_minorder(q->pages)))
		return arena_fill_guarded(q, a, order, type, s, max);
	while (n < max && s->n < PAGE_SHEAF_HANDS) {
		unsigned int got;
		int i;

		if (order == QUARRY_PAGEBLOCK_ORDER) {
			got = arena_fill_huge(q, a, type, s, max - n);
			n += got;
			if (got == 0)
				break;
			continue;
		}
		QUARRY_ASSUME(order < PAGE_PCP_ORDERS);
		i = from == ARENA_CRUMBS ? arena_best(a, order, type)
					 : arena_best_dense(a, order, type, from == ARENA_BROKEN);
		if (i < 0)
			break;
		arena_touch(a, (unsigned int)i);
		got = arena_fill_from(a, (unsigned int)i, order, s, max - n);
		a->pb[i].nr_free = (uint16_t)(a->pb[i].nr_free - (got << order));
		if (unlikely(page_type_special(type)))
			arena_count_special(q, a, type, -((int64_t)got << order));
		arena_refile_less(q, a, (unsigned int)i, arena_largest(a, (unsigned int)i));
		n += got;
	}
	if (n != 0)
		arena_count(q, a, -((int64_t)n << order));
	return n;
}

/* Pageblock @i has gained pages; @order is its largest free order now, @sparse says what it was. */
static void arena_refile_more(struct quarry *q, struct page_arena *a, unsigned int i,
			      unsigned int order, bool sparse) QUARRY_REQUIRES(a->lock)
{
	struct page_pb *pb = &a->pb[i];

	if (pb->filed == PAGE_NOT_FILED) {
		arena_file_as(q, a, i, order);
	} else if (order > pb->filed || (sparse && !arena_sparse(pb))) {
		arena_unlink(q, a, i);
		arena_file_as(q, a, i, order);
	}
}

/* The same where some pages may be poisoned, or guards: word by word. */
static QUARRY_COLD unsigned int arena_put_words(struct quarry *q, struct page_arena *a,
						unsigned int i, unsigned int page,
						unsigned int order) QUARRY_REQUIRES(a->lock)
{
	uint64_t bits[PAGE_WORDS] = {0};
	unsigned int n = 0;

	pageblock_set(bits, page, order);
	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		n += bits[w] != 0 ? arena_put_word(q, a, (size_t)i * PAGE_WORDS + w, bits[w]) : 0;
	return n;
}

#if QUARRY_TINY

/* The block of @order at @pfn is free already, in part. Told at once: the only lock is the pin, which a report may nest in. */
static QUARRY_COLD void arena_found_again(struct quarry *q, pfn_t pfn, uint64_t pages,
					  unsigned int order)
{
	(void)pages;
	quarry_report(q, "page: pfn %#llx order %u is free already", (unsigned long long)pfn,
		      order);
}

#else

QUARRY_COLD void arena_note_again(struct quarry *q, const struct arena_again *found)
{
	struct page_again *again = &q->pages->again;
	quarry_pin_t pin = quarry_lock(q->concurrent, &again->lock);

	if (again->n < PAGE_AGAIN) {
		again->at[again->n] = *found;
		quarry_store_relaxed(&again->n, again->n + 1);
	} else {
		again->lost++;
	}
	quarry_unlock(q->concurrent, &again->lock, pin);
}

/* @pages of the word at @pfn, or, if they are 0, some of the block of @order there, are free already. */
static QUARRY_COLD void arena_found_again(struct quarry *q, pfn_t pfn, uint64_t pages,
					  unsigned int order)
{
	const struct arena_again found = {pages != 0 ? AGAIN_PAGES : AGAIN_BLOCK, order, pfn,
					  pages};

	arena_note_again(q, &found);
}

QUARRY_COLD void arena_tell_again(struct quarry *q)
{
	struct page_again *again = &q->pages->again;
	quarry_pin_t pin = quarry_lock(q->concurrent, &again->lock);
	struct page_again told = *again;

	again->lost = 0;
	quarry_store_relaxed(&again->n, 0u);
	quarry_unlock(q->concurrent, &again->lock, pin);
	for (unsigned int k = 0; k < told.n; k++) {
		const struct arena_again *at = &told.at[k];

		if (at->kind == AGAIN_PAGES)
			quarry_report(q,
				      "page: pages %#llx of pfn %#llx are free already; not freed "
				      "again",
				      (unsigned long long)at->what, (unsigned long long)at->at);
		else if (at->kind == AGAIN_BLOCK)
			quarry_report(q,
				      "page: pfn %#llx order %u is free already; not freed again",
				      (unsigned long long)at->at, at->order);
		else
			alloc_tell_odd(q, (struct page *)(uintptr_t)at->at, at->order, at->what);
	}
	if (told.lost != 0)
		quarry_report(q, "page: and %u more that were not to be freed", told.lost);
}

#endif

static unsigned int arena_put_pb(struct quarry *q, struct page_arena *a, unsigned int i,
				 unsigned int page, unsigned int order) QUARRY_REQUIRES(a->lock)
{
	struct page_pb *pb = &a->pb[i];
	bool sparse = arena_sparse(pb);
	unsigned int merged;

	if (unlikely(pageblock_any_set(a->bits[i], page, order))) {
		arena_found_again(q, a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER) + page, 0,
				  order);
		return 0;
	}
	if (unlikely((pb->flags & PAGE_PB_KEEPS) != 0))
		return arena_put_words(q, a, i, page, order);
	pageblock_set(a->bits[i], page, order);
	pb->nr_free = (uint16_t)(pb->nr_free + (1u << order));
	if (unlikely(page_type_special(pb->type)))
		arena_count_special(q, a, pb->type, (int64_t)1 << order);
	merged = pageblock_merged_order(a->bits[i], page, order);
	if (pb->filed != PAGE_NOT_FILED)
		merged = quarry_max(merged, (unsigned int)pb->filed);
	arena_refile_more(q, a, i, merged, sparse);
	return 1u << order;
}

/* A whole pageblock that has nothing free: most have not. */
static unsigned int arena_put_whole(struct quarry *q, struct page_arena *a, unsigned int i)
	QUARRY_REQUIRES(a->lock)
{
	struct page_pb *pb = &a->pb[i];

	if (unlikely(pb->nr_free != 0 || (pb->flags & PAGE_PB_KEEPS) != 0))
		return arena_put_pb(q, a, i, 0, QUARRY_PAGEBLOCK_ORDER);
	pageblock_set_whole(a->bits[i]);
	pb->nr_free = (uint16_t)QUARRY_PAGEBLOCK_PAGES;
	if (unlikely(page_type_special(pb->type)))
		arena_count_special(q, a, pb->type, (int64_t)QUARRY_PAGEBLOCK_PAGES);
	arena_file_as(q, a, i, QUARRY_PAGEBLOCK_ORDER);
	return (unsigned int)QUARRY_PAGEBLOCK_PAGES;
}

/* What becomes free of word @w of pageblock @i when @mask is freed: guards join, poisoned pages stay. */
static QUARRY_COLD uint64_t arena_mask_kept(const struct page_layer *pl, struct page_arena *a,
					    unsigned int i, unsigned int w, uint64_t mask)
	QUARRY_REQUIRES(a->lock)
{
	struct page_pb *pb = &a->pb[i];

	if ((pb->flags & PAGE_PB_GUARDED) != 0)
		mask = guard_join(a, i, w, mask);
	if ((pb->flags & PAGE_PB_POISONED) != 0)
		mask &= ~hwpoison_keep(pl, a, i, w, mask);
	if (pb->nr_free + bits_popcount64(mask) == QUARRY_PAGEBLOCK_PAGES)
		pb->flags &= (uint8_t)~PAGE_PB_GUARDED;
	return mask;
}

/* The order of the largest free run, of which none was above @least before the @n pages @mask of word @w became free. */
static inline unsigned int arena_grown(const uint64_t *bits, unsigned int w, uint64_t mask,
				       unsigned int n, unsigned int least)
{
	unsigned int first = bits_ctz64(mask);

	/* One block is the rule. */
	if (likely((n & (n - 1)) == 0 && (first & (n - 1)) == 0 &&
		   mask >> first == ((uint64_t)1 << n % PAGE_BITS) - 1))
		return pageblock_grown_at(bits, w * PAGE_BITS + first,
					  quarry_max(least, bits_log2(n)));
	return pageblock_grown(bits, w, least);
}

unsigned int arena_put_word(struct quarry *q, struct page_arena *a, size_t w, uint64_t mask)
{
	unsigned int i = (unsigned int)(w / PAGE_WORDS), word = (unsigned int)(w % PAGE_WORDS);
	uint64_t *bits = a->bits[i];
	struct page_pb *pb = &a->pb[i];
	bool sparse = arena_sparse(pb);
	unsigned int n, order, least = pb->filed == PAGE_NOT_FILED ? 0 : pb->filed;

	if (unlikely((bits[word] & mask) != 0)) {
		arena_found_again(q, a->base_pfn + w * PAGE_BITS, bits[word] & mask, 0);
		mask &= ~bits[word];
	}
	if (unlikely((pb->flags & PAGE_PB_KEEPS) != 0))
		mask = arena_mask_kept(q->pages, a, i, word, mask);
	if (unlikely(mask == 0))
		return 0;
	bits[word] |= mask;
	if ((mask & (mask - 1)) == 0) {
		n = 1;
		order = pb->nr_free == 0
				? 0
				: pageblock_grown_at(bits, word * PAGE_BITS + bits_ctz64(mask),
						     least);
	} else {
		n = bits_popcount64(mask);
		order = arena_grown(bits, word, mask, n, least);
	}
	pb->nr_free = (uint16_t)(pb->nr_free + n);
	if (unlikely(page_type_special(pb->type)))
		arena_count_special(q, a, pb->type, n);
	/* The usual case first: nothing changes but the count. */
	if (order != pb->filed || (sparse && !arena_sparse(pb)))
		arena_refile_more(q, a, i, order, sparse);
	return n;
}

#if !QUARRY_TINY

unsigned int arena_put_turn(struct quarry *q, struct page_arena *a, struct page_pb *pb,
			    uint64_t *word, uint64_t mask, unsigned int order)
{
	unsigned int i = (unsigned int)(pb - a->pb), filed = pb->filed;
	unsigned int first = bits_ctz64(mask), grown;
	uint64_t *bits = a->bits[i];

	if (unlikely((*word & mask) != 0 || page_type_special(pb->type) ||
		     (pb->flags & PAGE_PB_KEEPS) != 0 || order >= QUARRY_PAGEBLOCK_ORDER))
		return arena_put_word(q, a, (size_t)(word - a->bits[0]), mask);
	*word |= mask;
	pb->nr_free = (uint16_t)(pb->nr_free + (1u << order));
	if (filed == PAGE_NOT_FILED) {
		arena_link(q, a, i, order);
		return 1u << order;
	}
	grown = quarry_max(filed, order);
	/* Its buddy is free: perhaps there is a larger run now. */
	if ((*word >> (first ^ 1u << order) & 1) != 0)
		grown = pageblock_grown_at(bits, (unsigned int)(word - bits) * PAGE_BITS + first,
					   grown);
	if (grown != filed || ((pb->flags & PAGE_PB_DENSE) == 0 && !arena_sparse(pb))) {
		arena_unlink(q, a, i);
		arena_file_as(q, a, i, grown);
	}
	return 1u << order;
}

#endif

unsigned int arena_put_large(struct quarry *q, struct page_arena *a, unsigned int i,
			     unsigned int order)
{
	unsigned int end = i + PAGE_SPAN(order), n = 0;
	bool odd = false;

	for (unsigned int j = i; j < end; j++)
		odd |= a->pb[j].nr_free != 0 || (a->pb[j].flags & PAGE_PB_KEEPS) != 0 ||
		       !arena_may_join(a->pb[i].type, a->pb[j].type);
	if (odd) {
		for (unsigned int j = i; j < end; j++)
			n += arena_put_pb(q, a, j, 0, QUARRY_PAGEBLOCK_ORDER);
		return n;
	}
	for (unsigned int j = i; j < end; j++) {
		pageblock_set_whole(a->bits[j]);
		a->pb[j].nr_free = (uint16_t)QUARRY_PAGEBLOCK_PAGES;
		a->pb[j].tail = j != i;
		if (unlikely(page_type_special(a->pb[j].type)))
			arena_count_special(q, a, a->pb[j].type, (int64_t)QUARRY_PAGEBLOCK_PAGES);
	}
	arena_file_as(q, a, i, order);
	return 1u << order;
}

#if !QUARRY_TINY

int64_t arena_put_huge(struct quarry *q, struct page_arena *a, const struct page_hand *h,
		       unsigned int n)
{
	int64_t freed = 0;

	for (unsigned int k = 0; k < n; k++) {
		unsigned int i =
			(unsigned int)((size_t)(h[k].base - a->map) >> QUARRY_PAGEBLOCK_ORDER);
		unsigned int j =
			PAGE_PAIRS ? arena_buddy(a, i, QUARRY_PAGEBLOCK_ORDER) : PAGE_NO_PB;

		if (k + 1 < n && j != PAGE_NO_PB && h[k + 1].base == arena_page(a, j, 0)) {
			freed +=
				arena_put_large(q, a, quarry_min(i, j), QUARRY_PAGEBLOCK_ORDER + 1);
			k++;
		} else {
			freed += arena_put_whole(q, a, i);
		}
	}
	return freed;
}

#endif

unsigned int arena_put_some(struct quarry *q, struct page_arena *a, pfn_t pfn, unsigned int order)
{
	unsigned int i = (unsigned int)((pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER);
	unsigned int page = (unsigned int)((pfn - a->base_pfn) & (QUARRY_PAGEBLOCK_PAGES - 1));

	if (order == QUARRY_PAGEBLOCK_ORDER)
		return arena_put_whole(q, a, i);
	if (!PAGE_PAIRS || order < QUARRY_PAGEBLOCK_ORDER)
		return arena_put_pb(q, a, i, page, order);
	return arena_put_large(q, a, i, order);
}

void arena_put(struct quarry *q, struct page_arena *a, pfn_t pfn, unsigned int order)
{
	arena_count(q, a, (int64_t)arena_put_some(q, a, pfn, order));
}

#if !QUARRY_TINY

/* The zone's pageblocks of types that not everybody may take from; their number moves the fast marks. */
static void arena_add_special(struct quarry *q, struct page_arena *a, unsigned int i, int more)
	QUARRY_REQUIRES(a->lock)
{
	struct page_zone *z = a->zone;
	unsigned int type = a->pb[i].type;

	if (!page_type_special(type))
		return;
	quarry_fetch_add_relaxed(&z->nr_pb_special[type - QUARRY_MIGRATE_PCPTYPES], (uint32_t)more);
	quarry_fetch_add_relaxed(&z->special, (uint32_t)more);
	arena_count_special(q, a, type, more * (int64_t)a->pb[i].nr_free);
	watermark_refresh_fast(q, z);
}

void arena_set_type(struct quarry *q, struct page_arena *a, unsigned int i, unsigned int type)
{
	unsigned int largest = pageblock_largest(a->bits[i]);
	int stay = arena_stays(type) - arena_stays(a->pb[i].type);

	arena_unfile(q, a, i);
	arena_add_special(q, a, i, -1);
	quarry_store_relaxed(&a->pb[i].type,
			     (uint8_t)type); /* pcp_may_keep() reads it without the lock */
	arena_add_special(q, a, i, 1);
	arena_file_as(q, a, i, largest);
	if (stay != 0)
		arena_add_stay(a, stay);
}

#endif

unsigned int arena_take_bits(struct quarry *q, struct page_arena *a, unsigned int i,
			     const uint64_t *want, uint64_t *got)
{
	uint64_t *bits = a->bits[i];
	unsigned int n = 0;

	for (unsigned int w = 0; w < PAGE_WORDS; w++) {
		got[w] = bits[w] & want[w];
		n += bits_popcount64(got[w]);
	}
	if (n == 0)
		return 0;
	arena_open(q, a, i);
	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		bits[w] &= ~got[w];
	arena_close(q, a, i, n);
	return n;
}

#if !QUARRY_TINY

void arena_hide(struct quarry *q, struct page_arena *a, unsigned int i)
{
	const int64_t pages = (int64_t)QUARRY_PAGEBLOCK_PAGES;

	arena_unfile(q, a, i);
	pageblock_clear(a->bits[i], 0, QUARRY_PAGEBLOCK_ORDER);
	a->pb[i].nr_free = 0;
	a->pb[i].flags |= PAGE_PB_HIDDEN;
	arena_count(q, a, -pages);
	if (unlikely(page_type_special(a->pb[i].type)))
		arena_count_special(q, a, a->pb[i].type, -pages);
}

void arena_show(struct quarry *q, struct page_arena *a, unsigned int i)
{
	struct page *page = &a->map[(size_t)i << QUARRY_PAGEBLOCK_ORDER];

	if (page_prep_on(q)) /* nobody knows what became of its contents */
		prep_release_pageblock(q, a, i);
	a->pb[i].flags &= (uint8_t)~PAGE_PB_HIDDEN;
	/* Somebody may have looked at it meanwhile, and had descriptors written. */
	for (unsigned int k = 0; a->pb[i].described && k < QUARRY_PAGEBLOCK_PAGES; k++)
		page_set_word(&page[k],
			      (uint64_t)a->index << PAGE_WORD_ARENA_SHIFT | PAGE_WORD_FREE);
	arena_count(q, a, (int64_t)arena_put_pb(q, a, i, 0, QUARRY_PAGEBLOCK_ORDER));
}

#endif
