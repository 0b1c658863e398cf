/* SPDX-License-Identifier: MIT */
/*
 * From boot memory to one zone, with QUARRY_TINY.
 *
 * Each range of memory of memblock's becomes an arena. All tables are one piece, taken from memblock:
 *
 *	page_arena[] | page_zone | page_layer | bitmaps | descriptors | pageblock records
 *
 * Watermarks are Linux's for a machine of one zone.
 */
#include "internal.h"

#include <base/meta.h>
#include <base/string.h>

/* The next range of whole pages of memory at or after region *@i, which is moved past it; false: none. */
static bool tiny_next_region(struct quarry *q, unsigned long *i, pfn_t *start, pfn_t *end)
{
	const struct memblock_type *memory = &q->memblock->memory;

	while (*i < memory->cnt) {
		const struct memblock_region *r = &memory->regions[(*i)++];
		const pfn_t max = (pfn_t)1 << (QUARRY_MAX_PHYS_BITS - QUARRY_PAGE_SHIFT);

		*start = bits_pfn_up(r->base);
		*end = quarry_min(bits_pfn_down(r->base + r->size), max);
		if (r->size != 0 && *start < *end)
			return true;
	}
	return false;
}

/* Pageblocks that [@start, @end) lies in, from *@base on. */
static unsigned int tiny_span(pfn_t start, pfn_t end, pfn_t *base)
{
	*base = bits_align_down(start, QUARRY_PAGEBLOCK_PAGES);
	return (unsigned int)((end - *base + QUARRY_PAGEBLOCK_PAGES - 1) >> QUARRY_PAGEBLOCK_ORDER);
}

/* Cuts @size bytes off the piece that begins at *@room. */
static void *tiny_cut(char **room, size_t size)
{
	void *p = *room;

	*room += size;
	return p;
}

static void tiny_make_arenas(struct quarry *q, unsigned int nr_pb, char *room)
{
	struct page_layer *pl = q->pages;
	struct page_zone *z = pl->zone;
	uint64_t(*bits)[PAGE_WORDS] = tiny_cut(&room, nr_pb * sizeof(*bits));
	struct page *map = tiny_cut(&room, nr_pb * sizeof(*map) << QUARRY_PAGEBLOCK_ORDER);
	struct page_pb *pb = tiny_cut(&room, nr_pb * sizeof(*pb));
	unsigned long i = 0;
	pfn_t start, end;

	while (tiny_next_region(q, &i, &start, &end)) {
		struct page_arena *a = &pl->arena[pl->nr_arenas];

		a->index = (uint16_t)pl->nr_arenas++;
		a->zone = z;
		a->start_pfn = start;
		a->end_pfn = end;
		a->nr_pb = (uint16_t)tiny_span(start, end, &a->base_pfn);
		a->pb = pb;
		a->bits = bits;
		a->map = map;
		pb += a->nr_pb;
		bits += a->nr_pb;
		map += (size_t)a->nr_pb << QUARRY_PAGEBLOCK_ORDER;
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			a->head[o][QUARRY_MIGRATE_UNMOVABLE] = PAGE_NO_PB;
		for (unsigned int k = 0; k < a->nr_pb; k++)
			a->pb[k].filed = PAGE_NOT_FILED;
		if (a->index == 0)
			z->start_pfn = start;
		z->spanned = (unsigned long)(end - z->start_pfn);
		z->present += (unsigned long)(end - start);
	}
}

int page_boot(struct quarry *q, const struct quarry_boot_params *params)
{
	unsigned int nr_arenas = 0, nr_pb = 0;
	struct page_layer *pl;
	struct page_zone *zone;
	struct page_arena *arena;
	unsigned long i = 0;
	pfn_t start, end;
	char *room;

	while (tiny_next_region(q, &i, &start, &end)) {
		nr_arenas++;
		nr_pb += tiny_span(start, end, &start);
	}
	if (nr_arenas == 0 || (params != NULL && (params->nr_cpus > 1 || params->nr_nodes > 1 ||
						  params->bootmem || params->nr_unaccepted != 0)))
		return -QUARRY_EINVAL;
	room = quarry_meta_alloc(q,
				 sizeof(*zone) + nr_arenas * sizeof(*arena) + sizeof(*pl) +
					 nr_pb * (sizeof(*arena->bits) + sizeof(*arena->pb) +
						  (sizeof(struct page) << QUARRY_PAGEBLOCK_ORDER)));
	if (room == NULL)
		return -QUARRY_ENOMEM;
	q->boot_params = params;
	arena = tiny_cut(&room, nr_arenas * sizeof(*arena));
	zone = tiny_cut(&room, sizeof(*zone));
	q->pages = pl = tiny_cut(&room, sizeof(*pl));
	pl->zone = zone;
	pl->arena = arena;
	tiny_make_arenas(q, nr_pb, room);
	return 0;
}

struct page_arena *memmap_arena(const struct page_layer *pl, pfn_t pfn)
{
	for (uint32_t i = 0; i < pl->nr_arenas; i++) {
		if (pfn >= pl->arena[i].start_pfn && pfn < pl->arena[i].end_pfn)
			return &pl->arena[i];
	}
	return NULL;
}

/* The hand-off's callback: pages [start, end) are free. They lie in one range of memory, or in some that touch. */
static void tiny_give(struct quarry *q, pfn_t start, pfn_t end, void *arg)
{
	start += start == 0 && q->direct_map == 0; /* its address would be NULL */
	(void)arg;
	for (; start < end; start++) {
		struct page_arena *a = memmap_arena(q->pages, start);
		size_t offset;

		if (a == NULL)
			return;
		offset = (size_t)(start - a->base_pfn);
		pageblock_set(a->bits[offset >> QUARRY_PAGEBLOCK_ORDER],
			      (unsigned int)(offset & (QUARRY_PAGEBLOCK_PAGES - 1)), 0);
		a->pb[offset >> QUARRY_PAGEBLOCK_ORDER].nr_free++;
		a->nr_free++;
		q->pages->zone->managed++;
	}
}

/* Linux's, for one zone: min_free_kbytes is sqrt(16 * KiB), 128 at least; the gaps a quarter of it at least. */
static void tiny_set_marks(struct page_layer *pl, const struct quarry_boot_params *params)
{
	const unsigned int kib_shift = QUARRY_PAGE_SHIFT - 10;
	struct page_zone *z = pl->zone;
	uint64_t kib = (uint64_t)z->managed << kib_shift;
	unsigned long min, gap, scale = 10;

	pl->min_free_kbytes = 128;
	while ((uint64_t)(pl->min_free_kbytes + 1) * (pl->min_free_kbytes + 1) <= 16 * kib)
		pl->min_free_kbytes++;
	if (params != NULL && params->watermark_scale_factor != 0)
		scale = params->watermark_scale_factor;
	if (params != NULL && (params->set_min_free_kbytes || params->min_free_kbytes != 0))
		pl->min_free_kbytes = params->min_free_kbytes;
	min = pl->min_free_kbytes >> kib_shift;
	gap = quarry_max(min / 4,
			 z->managed / 100 * scale / 100 + z->managed % 100 * scale / 10000);
	for (unsigned int m = 0; m < QUARRY_NR_WMARK; m++)
		z->wmark[m] = min + m * gap;
}

void page_boot_finish(struct quarry *q)
{
	struct page_layer *pl = q->pages;

	quarry_memblock_free_all(q, tiny_give, NULL);
	pl->zone->nr_free = pl->zone->managed;
	for (uint32_t k = 0; k < pl->nr_arenas; k++) {
		struct page_arena *a = &pl->arena[k];

		arena_is_mine(a);
		for (unsigned int i = a->nr_pb; i-- > 0;)
			arena_file(q, a, i);
	}
	tiny_set_marks(pl, q->boot_params);
	q->boot_params = NULL;
	q->stage = QUARRY_STAGE_PAGES;
}

void page_exit(struct quarry *q)
{
	q->pages = NULL;
}
