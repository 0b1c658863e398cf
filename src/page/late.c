/* SPDX-License-Identifier: MIT */
/*
 * Frees in random order, some at a time.
 *
 * Problem    A block that is freed far from the one before costs three cache misses: its descriptor, its
 *            pageblock's bitmap and record. Looked at one by one, the processor waits for nearly each of them, as
 *            what is to be done in between fills its window.
 *
 * Terms      A late block is one that was given to quarry_free_pages(), and that a CPU has written down but
 *            not looked at: its descriptor still says "allocated". There are at most PAGE_LATE on a CPU.
 *
 * When       A CPU whose frees have filled some stages of hands (pcp.c) with one block each starts to write
 *            down, and stops when many of them were neighbours. Whole pageblocks are written down from when they
 *            filled the hands of their order until the CPU asks for one; then they become such hands. A free that belongs to the open hand is never
 *            late. Nothing is late while owners can move pages: they must not be asked about what they freed.
 *
 * Stages     Descriptors are fetched as blocks are written down. late_give() looks at the older ones, tells what
 *            is wrong, marks them free, fetches bitmaps and records, and notes where they belong in the place
 *            where they were written down; then blocks go to their arenas, past the hands. Meanwhile the
 *            descriptors of the last ones come. So a double free in the midst of random frees is told up to
 *            PAGE_LATE frees later. It does no harm: the second one finds the descriptor free.
 *
 * Locks      Inside the CPU's lock; whoever empties a CPU's sheaves or counts them looks at its late blocks first.
 *            The zone's count of free pages grows before their bits are set, as whoever takes them counts down: it
 *            must not pass below 0.
 */
#include "internal.h"

#include <base/string.h>

/*
 * A block that was looked at and may be freed stands where one was written down: arena << 48 | bytes from the
 * arena's first descriptor to the block's | order.
 */
#define LATE_ORDER ((uint64_t)7)
_Static_assert(sizeof(struct page) > LATE_ORDER, "an order fits below a descriptor's address");
_Static_assert(PAGE_ARENA_PAGES * sizeof(struct page) < (uint64_t)1 << PAGE_WORD_ARENA_SHIFT,
	       "an offset fits below an arena's number");

/* Of these it is seen whether blocks still come from far. */
#define LATE_SAMPLE 8u

/* Its first page's number in the arena's descriptors. */
static inline uint32_t late_page(uint64_t block)
{
	return (uint32_t)((block & ~PAGE_WORD_ARENA_MASK) / sizeof(struct page));
}

/* Its bits in their word. */
static inline uint64_t late_mask(uint32_t page, unsigned int order)
{
	return (((uint64_t)1 << (1u << order)) - 1) << (page & (PAGE_BITS - 1));
}

/* @n blocks of @order are free pages of @z by now, for all counts. */
static void late_count(const struct quarry *q, struct page_cpu *cpu, struct page_zone *z,
		       unsigned int order, ptrdiff_t n)
{
	if (z == NULL || n == 0)
		return;
	page_add(q->concurrent, &z->nr_free, (uint64_t)n << order);
	cpu->put[z->type][order] += (uint64_t)n;
}

/* Whether many of @n blocks are neighbours of those before them. */
static bool late_are_near(const uint64_t *late, unsigned int n)
{
	unsigned int near = 0;

	for (unsigned int k = 1; k < n; k++)
		near += (late[k] ^ late[k - 1]) < PAGE_WORD_BYTES;
	return near > n / 2;
}

#define LATE_PB_BYTES (sizeof(struct page) << QUARRY_PAGEBLOCK_ORDER) /* of its descriptors */

/*
 * The arena, one of the first @nr, of a block that was written down as @block and reads @word, and in *@offset the bytes
 * from its first descriptor to @block. NULL: it may not be freed, or no arena has its descriptor;
 * alloc_may_free_any(), whose steps leave what is needed next.
 */
static QUARRY_ALWAYS_INLINE struct page_arena *late_arena(const struct page_layer *pl, size_t nr,
							  uint64_t block, uint64_t word,
							  unsigned int order, size_t *offset)
{
	struct page_arena *a = &pl->arena[word >> PAGE_WORD_ARENA_SHIFT];

	if (unlikely(!alloc_may_free(word, order)) || unlikely(word >> PAGE_WORD_ARENA_SHIFT >= nr))
		return NULL;
	*offset = (size_t)(block - (uintptr_t)quarry_load_relaxed(&a->map));
	return likely(*offset / LATE_PB_BYTES < a->nr_pb) ? a : NULL;
}

/* Whether a block that is none to be freed the short way may be freed; what is wrong is told outside the CPU's lock. */
static QUARRY_COLD bool late_may_free(struct quarry *q, struct page *page, unsigned int order)
{
	uint64_t word;
	int free = alloc_judge_odd(q, page, order, &word);
	const struct arena_again found = {AGAIN_ODD, order, (uintptr_t)page, word};

	if (free < 0)
		arena_note_again(q, &found);
	return free > 0;
}

/* Counts, marks free and locates what of the first @nr may be freed; returns how many blocks. */
static unsigned int late_look(struct quarry *q, struct page_cpu *cpu, unsigned int nr)
	QUARRY_REQUIRES(cpu->lock)
{
	const uint64_t *late = cpu->late, *end = late + nr;
	uint64_t *b = cpu->late, *from = b;
	const struct page_layer *pl = q->pages;
	struct page_zone *z = NULL;
	unsigned int last = 0;

	for (; late != end; late++) {
		uint64_t block = *late;
		unsigned int order = (unsigned int)(block & LATE_ORDER);
		struct page *page = (struct page *)(uintptr_t)(block - order);
		struct page_arena *a;
		size_t offset, i;
		uint64_t word;

		if (unlikely(page == NULL))
			continue;
		/* Acquire: what other CPUs did to the block before they let go of it. */
		word = quarry_load_acquire(&page->word);
		a = late_arena(pl, quarry_load_acquire(&pl->nr_arenas), block, word, order,
			       &offset);
		if (unlikely(a == NULL)) {
			if (!late_may_free(q, page, order))
				continue;
			a = page_arena_of(pl, page);
			offset = (size_t)(block - (uintptr_t)a->map);
		}
		i = offset / LATE_PB_BYTES;
		word &= PAGE_WORD_ARENA_MASK;
		page_set_word(page, word); /* PAGE_WORD_FREE */
		quarry_prefetch_write(&a->bits[i]);
		quarry_prefetch_write(&a->pb[i]);
		if (unlikely(a->zone != z || order != last)) {
			late_count(q, cpu, z, last, b - from);
			from = b;
			z = a->zone;
			last = order;
		}
		*b++ = word | (block - (uintptr_t)a->map);
	}
	late_count(q, cpu, z, last, b - from);
	return (unsigned int)(b - cpu->late);
}

/* By the long way; returns pages that became free. a->lock held. */
static QUARRY_NOINLINE unsigned int late_put_odd(struct quarry *q, struct page_arena *a,
						 struct page_pb *pb, uint64_t *word, uint64_t mask,
						 unsigned int order) QUARRY_REQUIRES(a->lock)
{
	unsigned int pages = arena_put_turn(q, a, pb, word, mask, order);

	/* Less: poisoned ones; more: guards. What was counted in late_look() is put right. */
	if (unlikely(pages != 1u << order))
		page_add(q->concurrent, &a->zone->nr_free,
			 (uint64_t)pages - ((uint64_t)1 << order));
	return pages;
}

/*
 * The first of @n blocks, which is of @order, and others of its arena and order; returns how many those are, which
 * stand first then.
 */
static QUARRY_ALWAYS_INLINE unsigned int late_put(struct quarry *q, uint64_t *b, unsigned int n,
						  unsigned int order)
{
	const uint64_t first = *b;
	struct page_arena *a = &q->pages->arena[first >> PAGE_WORD_ARENA_SHIFT];
	quarry_pin_t pin = arena_lock(q, a);
	unsigned int done = 0, pages = 0;

	for (unsigned int k = 0; k < n; k++) {
		uint32_t page = late_page(b[k]);

		if (((b[k] ^ first) & (PAGE_WORD_ARENA_MASK | LATE_ORDER)) != 0)
			continue;
		if (likely(arena_put_block(a, page >> PAGE_BITS_ORDER, page & (PAGE_BITS - 1),
					   late_mask(page, order), order)))
			pages += 1u << order;
		else
			pages += late_put_odd(q, a, &a->pb[page >> QUARRY_PAGEBLOCK_ORDER],
					      (uint64_t *)a->bits + (page >> PAGE_BITS_ORDER),
					      late_mask(page, order), order);
		if (unlikely(k != done))
			b[k] = b[done];
		done++;
	}
	a->nr_free += pages;
	arena_unlock(q, a, pin);
	return done;
}

/* ---- on a machine that one thread plays: nobody else is at work, and this CPU is pinned ---- */

#define LATE_RUN 16u

/* A block that may be freed, and where it goes. */
struct late_place {
	struct page *page;
	uint64_t *word;
	struct page_pb *pb;
};

/*
 * Looks at blocks of @order and of one zone from @late on, up to LATE_RUN of them or @end; marks them free, counts
 * them, and says in @to, of which *@n are used, where they go. Returns the first block that is left.
 */
static QUARRY_ALWAYS_INLINE const uint64_t *late_look_alone(struct quarry *q, struct page_cpu *cpu,
							    const uint64_t *late,
							    const uint64_t *end, unsigned int order,
							    struct late_place *to, unsigned int *n)
	QUARRY_REQUIRES(cpu->lock)
{
	const struct page_layer *pl = q->pages;
	const size_t nr_arenas = pl->nr_arenas;
	struct late_place *const first = to;
	struct page_zone *z = NULL;

	end = late + quarry_min((size_t)(end - late), (size_t)LATE_RUN);
	for (; late != end; late++) {
		struct page *page = (struct page *)(uintptr_t)(*late - order);
		struct page_arena *a;
		uint64_t word;
		size_t offset;

		if (unlikely((*late & LATE_ORDER) != order))
			break;
		if (unlikely(page == NULL))
			continue;
		word = page_word(page);
		a = late_arena(pl, nr_arenas, *late, word, order, &offset);
		if (unlikely(a == NULL)) {
			if (!late_may_free(q, page, order))
				continue;
			a = page_arena_of(pl, page);
			offset = (size_t)(*late - (uintptr_t)a->map);
			word = page_word(page);
		}
		if (unlikely(a->zone != z)) {
			if (to != first)
				break;
			z = a->zone;
		}
		page_set_word(page, word & PAGE_WORD_ARENA_MASK); /* PAGE_WORD_FREE */
		a->nr_free += 1u << order;
		to->word = (uint64_t *)a->bits + offset / PAGE_WORD_BYTES;
		to->pb = &a->pb[offset / LATE_PB_BYTES];
		/* Each by itself, not two at once: they are read so. */
		quarry_store_relaxed(&to->page, page);
		quarry_prefetch_write(to->word);
		quarry_prefetch_write(to->pb);
		to++;
	}
	late_count(q, cpu, z, order, to - first);
	*n = (unsigned int)(to - first);
	return late;
}

static QUARRY_ALWAYS_INLINE void late_put_places(struct quarry *q, const struct late_place *p,
						 unsigned int n, unsigned int order)
{
	const uint64_t block = ((uint64_t)1 << (1u << order)) - 1;

	for (const struct late_place *end = p + n; p != end; p++) {
		/* Its page's number, modulo PAGE_BITS: tables of descriptors are aligned. */
		unsigned int bit = (unsigned int)((uintptr_t)p->page / sizeof(struct page));
		uint64_t mask = block << bit % PAGE_BITS;
		struct page_arena *a;

		if (likely(arena_put_at(p->pb, p->word, bit, mask, order)))
			continue;
		a = page_arena_of(q->pages, p->page);
		arena_is_mine(a);
		a->nr_free += late_put_odd(q, a, p->pb, p->word, mask, order) - (1u << order);
	}
}

/* The first @nr blocks. Most are single pages: with numbers that the compiler knows. */
static void late_give_alone(struct quarry *q, struct page_cpu *cpu, unsigned int nr)
	QUARRY_REQUIRES(cpu->lock)
{
	const uint64_t *late = cpu->late, *const end = late + nr;
	struct late_place place[LATE_RUN];

	while (late != end) {
		unsigned int order = (unsigned int)(*late & LATE_ORDER), n;

		if (likely(order == 0)) {
			late = late_look_alone(q, cpu, late, end, 0, place, &n);
			late_put_places(q, place, n, 0);
		} else {
			late = late_look_alone(q, cpu, late, end, order, place, &n);
			late_put_places(q, place, n, order);
		}
	}
}

/* ---- whole pageblocks ---- */

/* Those among the first @nr blocks become hands as all of their order, and stand as NULL then. */
static QUARRY_NOINLINE void late_look_huge(struct quarry *q, struct page_cpu *cpu, unsigned int nr)
	QUARRY_REQUIRES(cpu->lock)
{
	const struct page_layer *pl = q->pages;

	for (uint64_t *b = cpu->late, *end = b + nr; b != end; b++) {
		struct page *page = (struct page *)(uintptr_t)(*b - PAGE_PCP_HUGE);
		struct page_arena *a;
		uint64_t word;

		if ((*b & LATE_ORDER) != PAGE_PCP_HUGE)
			continue;
		*b = 0;
		cpu->nr_late_huge--;
		if (unlikely(page == NULL))
			continue;
		word = quarry_load_acquire(&page->word); /* as in late_look() */
		if (unlikely(!alloc_may_free_any(pl, page, word, QUARRY_PAGEBLOCK_ORDER)) &&
		    !late_may_free(q, page, QUARRY_PAGEBLOCK_ORDER))
			continue;
		a = page_arena_of(pl, page);
		page_set_word(page, word & PAGE_WORD_ARENA_MASK); /* PAGE_WORD_FREE */
		pcp_push_huge(q, cpu, a, (size_t)(page - a->map) >> QUARRY_PAGEBLOCK_ORDER);
	}
}

/* ---- all of it ---- */

/* The first @nr blocks. */
static void late_give(struct quarry *q, struct page_cpu *cpu, unsigned int nr)
	QUARRY_REQUIRES(cpu->lock)
{
	bool small = cpu->nr_late_huge < cpu->nr_late; /* not pageblocks alone */
	unsigned int n = 0, done;

	if (nr >= LATE_SAMPLE && late_are_near(cpu->late, LATE_SAMPLE))
		cpu->late_on = false;
	if (cpu->nr_late_huge != 0)
		late_look_huge(q, cpu, nr);
	if (small && q->concurrent)
		n = late_look(q, cpu, nr);
	else if (small)
		late_give_alone(q, cpu, nr);
	for (uint64_t *b = cpu->late; n != 0; n -= done, b += done) {
		unsigned int order = (unsigned int)(*b & LATE_ORDER);

		/* Most are single pages: with numbers that the compiler knows. */
		done = order == 0 ? late_put(q, b, n, 0) : late_put(q, b, n, order);
	}
	/* Those that stay are no more than those that went. */
	n = cpu->nr_late - nr;
	quarry_memcpy(cpu->late, cpu->late + nr, n * sizeof(cpu->late[0]));
	quarry_store_relaxed(&cpu->nr_late, n);
}

void late_flush(struct quarry *q, struct page_cpu *cpu)
{
	late_give(q, cpu, cpu->nr_late);
}

void late_give_old(struct quarry *q, struct page_cpu *cpu)
{
	late_give(q, cpu, PAGE_LATE - PAGE_LATE_KEEP);
}

/* So many stay: their descriptors may be on their way. */
#define LATE_HUGE_KEEP (PAGE_LATE_HUGE / 2)

void late_give_huge(struct quarry *q, struct page_cpu *cpu)
{
	late_give(q, cpu, cpu->nr_late - LATE_HUGE_KEEP);
}

void late_watch_huge(struct quarry *q, struct page_cpu *cpu, unsigned int limit)
{
	cpu->late_huge_on = limit >= 2 * PAGE_LATE_HUGE && !mover_any(q);
}

void late_watch(struct quarry *q, struct page_cpu *cpu, unsigned int hands, unsigned int blocks)
{
	if (hands < PAGE_IN_STAGE)
		return;
	if (blocks > hands + hands / 4)
		cpu->late_streak = 0;
	else if (cpu->late_streak < PAGE_LATE_AFTER)
		cpu->late_streak++;
	cpu->late_on = cpu->late_streak == PAGE_LATE_AFTER && !mover_any(q);
}

void late_end(struct quarry *q, struct page_cpu *cpu)
{
	late_flush(q, cpu);
	cpu->late_on = false;
	cpu->late_huge_on = false;
	cpu->late_streak = 0;
}

static void late_end_on(struct quarry *q, struct page_cpu *cpu)
{
	quarry_pin_t pin;

	if (!quarry_cpu_revoke(q, &cpu->lock, &pin))
		return;
	late_end(q, cpu);
	quarry_cpu_give_back(q, &cpu->lock, pin);
	arena_tell(q);
}

void late_settle(struct quarry *q)
{
	for (unsigned int i = 0; i < q->pages->nr_cpus; i++) {
		struct page_cpu *cpu = page_cpu_of(q->pages, i);

		/* Read without the lock: what others free at this moment may be late as well. */
		if (cpu != NULL && quarry_load_relaxed(&cpu->nr_late) != 0)
			late_end_on(q, cpu);
	}
}

void late_stop(struct quarry *q)
{
	for (unsigned int i = 0; i < q->pages->nr_cpus; i++) {
		struct page_cpu *cpu = page_cpu_of(q->pages, i);

		if (cpu != NULL)
			late_end_on(q, cpu);
	}
}

QUARRY_NOINLINE void late_settle_here(struct quarry *q)
{
	quarry_pin_t pin = quarry_pin();
	struct page_cpu *cpu = page_this_cpu(q);

	if (quarry_cpu_enter(&cpu->lock)) {
		late_end(q, cpu);
		quarry_cpu_leave(&cpu->lock);
	}
	quarry_unpin(pin);
	arena_tell(q);
}
