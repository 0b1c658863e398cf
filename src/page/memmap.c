/* SPDX-License-Identifier: MIT */
/*
 * From page frame number to descriptor and back, over any hole.
 *
 * The section table has one entry for each 128 MiB: the first arena there, or none. Nearly always it is the only
 * one; zone and node limits make two or three. So pfn to descriptor is two loads, entry and arena.
 * The descriptor itself names its arena, so the way back is one load more.
 *
 * An arena gets its table of descriptors when somebody first allocates from it, and the
 * descriptors of a pageblock are written when that pageblock is first used.
 */
#include "internal.h"

#include "slab_pages.h"

#include <base/string.h>

#if !QUARRY_TINY /* there an arena has its descriptors from boot on: tiny_boot.c */

/* Arenas with descriptors, from which on a zone's are in large pages: in a small zone, in a large one. */
#define MEMMAP_LARGE_FROM 4u
#define MEMMAP_LARGE_FROM_SECOND 1u
#define MEMMAP_LARGE_ZONE ((size_t)8 * PAGE_ARENA_PAGEBLOCKS) /* pageblocks */

/*
 * Whether the descriptors of @a are worth large pages: of a zone's first arenas perhaps but a little is ever
 * used, and little of the first one of any.
 */
static bool memmap_is_large(const struct page_arena *a)
{
	uint64_t from =
		a->zone->nr_pb >= MEMMAP_LARGE_ZONE ? MEMMAP_LARGE_FROM_SECOND : MEMMAP_LARGE_FROM;

	return quarry_load_relaxed(&a->zone->nr_mapped) >= from &&
	       a->nr_pb == PAGE_ARENA_PAGEBLOCKS;
}

struct page_arena *memmap_arena(const struct page_layer *pl, pfn_t pfn)
{
	pfn_t section = pfn >> PAGE_SECTION_ORDER;
	uint32_t i, n;

	if (section >= pl->nr_sections)
		return NULL;
	i = quarry_load_acquire(&pl->section[section]);
	/* Arenas of hotplug lie across no section: the first is the only one. */
	if (i == PAGE_NO_ARENA)
		return NULL;
	n = i < pl->nr_boot_arenas ? pl->nr_boot_arenas : i + 1;
	for (; i < n && pl->arena[i].start_pfn <= pfn; i++) {
		if (pfn < pl->arena[i].end_pfn)
			return &pl->arena[i];
	}
	return NULL;
}

/* First page of a free block of @order that lies in pageblock @i, or begins with it; -1: there is none. */
static int memmap_room(const struct page_arena *a, unsigned int i, unsigned int order)
{
	unsigned int span = order > QUARRY_PAGEBLOCK_ORDER ? PAGE_SPAN(order) : 1;

	if ((((a->base_pfn >> QUARRY_PAGEBLOCK_ORDER) + i) & (span - 1)) != 0 ||
	    i + span > a->nr_pb)
		return -1;
	for (unsigned int k = i; k < i + span; k++) {
		bool full = a->pb[k].filed == PAGE_NOT_FILED && !a->pb[k].tail;

		if (full || a->pb[k].type >= QUARRY_MIGRATE_PCPTYPES ||
		    (span > 1 && a->pb[k].nr_free != QUARRY_PAGEBLOCK_PAGES))
			return -1;
	}
	return span > 1 ? 0 : pageblock_find(a->bits[i], order);
}

/* Takes that block, by its bits alone. */
static void memmap_take_room(struct quarry *q, struct page_arena *a, unsigned int i,
			     unsigned int page, unsigned int order) QUARRY_REQUIRES(a->lock)
{
	unsigned int left = 1u << order;
	unsigned int part = quarry_min(order, QUARRY_PAGEBLOCK_ORDER + 0u);

	for (; left != 0; left -= 1u << part, i++) {
		arena_unfile(q, a, i);
		if (!QUARRY_TINY)
			a->pb[i].flags &= (uint8_t)~PAGE_PB_REPORTED;
		pageblock_clear(a->bits[i], page, part);
		a->pb[i].nr_free = (uint16_t)(a->pb[i].nr_free - (1u << part));
		arena_file(q, a, i);
	}
	arena_count(q, a, -((int64_t)1 << order));
}

/*
 * Without the port's meta_alloc the table lies in the arena itself: the descriptors of a whole arena
 * are one block of it. It is taken before any descriptor exists.
 */
static struct page *memmap_carve(struct quarry *q, struct page_arena *a)
{
	size_t size = (size_t)a->nr_pb * QUARRY_PAGEBLOCK_PAGES * sizeof(struct page);
	unsigned int order = bits_get_order(size);
	struct page *map = NULL;
	quarry_pin_t pin = arena_lock(q, a);

	if (a->map != NULL) {
		map = a->map;
		goto out;
	}
	if (a->virgin)
		arena_unfold(q, a);
	for (unsigned int i = a->nr_pb; i-- > 0;) {
		int page = memmap_room(a, i, order);
		pfn_t pfn;

		if (page < 0)
			continue;
		pfn = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER) + (unsigned int)page;
		map = quarry_storage(q, pfn << QUARRY_PAGE_SHIFT, size);
		if (map == NULL)
			break; /* nothing is taken yet */
		memmap_take_room(q, a, i, (unsigned int)page, order);
		quarry_memset(map, 0, size);
		quarry_fetch_add_relaxed(&q->meta_bytes, QUARRY_PAGE_SIZE << order);
		quarry_fetch_add_relaxed(&q->pages->carved, 1ul << order);
		quarry_store_release(&a->map, map);
		break;
	}
out:
	arena_unlock(q, a, pin);
	return map;
}

bool memmap_give_map(struct quarry *q, struct page_arena *a)
{
	size_t size = (size_t)a->nr_pb * QUARRY_PAGEBLOCK_PAGES * sizeof(struct page);
	struct page *map;
	quarry_pin_t pin;
	bool first;
	void *p;

	if (quarry_load_acquire(&a->map) != NULL)
		return true;
	if (q->port.meta_alloc == NULL)
		return memmap_carve(q, a) != NULL;
	if (memmap_is_large(a))
		p = quarry_meta_alloc_large(q, size + PAGE_WORD_BYTES);
	else
		p = quarry_meta_alloc(q, size + PAGE_WORD_BYTES);
	if (p == NULL)
		return false;
	map = page_word_base((struct page *)((uintptr_t)p + PAGE_WORD_BYTES - 1));
	pin = arena_lock(q, a);
	first = a->map == NULL;
	if (first) {
		page_add(q->concurrent, &a->zone->nr_mapped, 1);
		quarry_store_release(&a->map, map);
	}
	arena_unlock(q, a, pin);
	if (!first)
		quarry_meta_free(q, p); /* another CPU made one meanwhile */
	return true;
}

#endif

void memmap_describe(struct page_arena *a, unsigned int i)
{
	uint64_t arena = (uint64_t)a->index << PAGE_WORD_ARENA_SHIFT;
	struct page *page = &a->map[(size_t)i << QUARRY_PAGEBLOCK_ORDER];

	for (unsigned int w = 0; w < PAGE_WORDS; w++) {
		uint64_t free = a->bits[i][w];

		for (unsigned int b = 0; b < PAGE_BITS; b++, page++, free >>= 1)
			page_set_word(page, arena | ((free & 1) != 0 ? PAGE_WORD_FREE
								     : PAGE_WORD_RESERVED));
	}
	quarry_store_release(&a->pb[i].described, (uint8_t)1);
}

struct page *quarry_pfn_to_page(struct quarry *q, pfn_t pfn)
{
	struct page_arena *a = memmap_arena(q->pages, pfn);
	struct page *map = a != NULL ? quarry_load_acquire(&a->map) : NULL;
	const uint8_t *described;

	if (map == NULL)
		return NULL;
	described = &a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER].described;
	return quarry_load_acquire(described) != 0 ? &map[pfn - a->base_pfn] : NULL;
}

pfn_t quarry_page_to_pfn(struct quarry *q, const struct page *page)
{
	const struct page_arena *a = page_arena_of(q->pages, page);

	return a->base_pfn + (pfn_t)(page - a->map);
}

void *quarry_page_address(struct quarry *q, const struct page *page)
{
	return quarry_phys_to_virt(q, quarry_page_to_pfn(q, page) << QUARRY_PAGE_SHIFT);
}

struct page *quarry_virt_to_page(struct quarry *q, const void *addr)
{
	return quarry_pfn_to_page(q, quarry_virt_to_phys(q, addr) >> QUARRY_PAGE_SHIFT);
}

void page_set_slab(struct quarry *q, struct page *page, unsigned int order, unsigned int cache,
		   uint32_t slab)
{
	uint64_t word = (page_word(page) & PAGE_WORD_ARENA_MASK) | PAGE_WORD_SLAB |
			(uint64_t)cache << PAGE_WORD_CACHE_SHIFT |
			(uint64_t)slab << PAGE_WORD_SLAB_SHIFT;

	(void)q;
	for (unsigned int i = 0; i < 1u << order; i++)
		page_set_word(&page[i], word);
}

void page_clear_slab(struct quarry *q, struct page *page, unsigned int order)
{
	uint64_t arena = page_word(page) & PAGE_WORD_ARENA_MASK;

	(void)q;
	page_set_word(page, arena | page_word_alloc(order, 0));
	for (unsigned int i = 1; i < 1u << order; i++)
		page_set_word(&page[i], arena | PAGE_WORD_FREE);
}

/* The allocated block that @pfn is a later page of, looked for at each order; NULL: none. */
static const struct page *memmap_head(struct quarry *q, pfn_t pfn, unsigned int *order)
{
	for (unsigned int o = 1; o <= QUARRY_MAX_ORDER; o++) {
		const struct page *head =
			quarry_pfn_to_page(q, bits_align_down(pfn, (pfn_t)1 << o));
		uint64_t word = head != NULL ? page_word(head) : PAGE_WORD_FREE;

		if ((word & PAGE_WORD_STATE_MASK) == PAGE_WORD_ALLOC &&
		    page_word_order(word) >= o) {
			*order = page_word_order(word);
			return head;
		}
	}
	return NULL;
}

/* What a frame is whose bit is not set; a->lock held. */
static enum quarry_page_state memmap_state(struct quarry *q, const struct page_arena *a, pfn_t pfn,
					   unsigned int *order)
{
	const struct page *page = quarry_pfn_to_page(q, pfn);
	uint64_t word = page != NULL ? page_word(page) : PAGE_WORD_RESERVED;

	if (a->empty ? a->unaccepted
		     : (a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER].flags &
			PAGE_PB_UNACCEPTED) != 0)
		return QUARRY_PAGE_UNACCEPTED;
	switch (word & PAGE_WORD_STATE_MASK) {
	case PAGE_WORD_ALLOC:
	case PAGE_WORD_ASIDE:
		*order = page_word_order(word);
		return QUARRY_PAGE_ALLOCATED;
	case PAGE_WORD_SLAB:
		return QUARRY_PAGE_SLAB;
	case PAGE_WORD_OFFLINE:
		return QUARRY_PAGE_OFFLINE;
	case PAGE_WORD_POISON:
		return QUARRY_PAGE_POISONED;
	case PAGE_WORD_GUARD:
		*order = page_word_order(word);
		return QUARRY_PAGE_GUARD;
	case PAGE_WORD_FREE:
		return memmap_head(q, pfn, order) != NULL ? QUARRY_PAGE_TAIL : QUARRY_PAGE_PCP;
	default:
		return QUARRY_PAGE_RESERVED;
	}
}

enum quarry_page_state quarry_pfn_state(struct quarry *q, pfn_t pfn, unsigned int *order)
{
	struct page_arena *a = memmap_arena(q->pages, pfn);
	enum quarry_page_state state = QUARRY_PAGE_RESERVED;
	unsigned int o = 0;
	quarry_pin_t pin;
	pfn_t offset;

	if (a != NULL) {
		offset = pfn - a->base_pfn;
		pin = arena_lock(q, a);
		if (a->virgin || arena_is_free(a, (size_t)offset))
			state = QUARRY_PAGE_FREE;
		else
			state = memmap_state(q, a, pfn, &o);
		arena_unlock(q, a, pin);
	} else if (!QUARRY_TINY && quarry_memory_block_state(q, pfn) == QUARRY_BLOCK_OFFLINE) {
		state = QUARRY_PAGE_OFFLINE;
	}
	if (order != NULL)
		*order = o;
	return state;
}
