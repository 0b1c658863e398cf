/* SPDX-License-Identifier: MIT */
/*
 * CMA: memory for devices that need it in one piece, lent to movable pages until they do.
 *
 * Life       declared at boot, while memblock serves: reserved there, with a bitmap of what is given out
 *            activated when zones are made: its pageblocks become QUARRY_MIGRATE_CMA, its pages free
 *            in use: only movable requests are let in by the page allocator; quarry_cma_alloc() marks a
 *            place in the bitmap and clears it of them (contig.c)
 *
 * Invariant  A bit is set exactly while its pages are given out, or a call is trying to get them. An
 *            area's pages are pages of its zone: managed, and free while nobody has them.
 *
 * Locks      area->lock guards bitmap and counts, and is held for no longer than a search of it. area->busy
 *            lets one call at a time clear a place: two that met in one pageblock would refuse
 *            each other. Who waits for it holds nothing.
 */
#include "internal.h"

#include <base/string.h>

struct quarry_cma {
	struct quarry_cma_info info; /* `used` and `maxchunk` are computed when asked */
	struct quarry_lock lock;
	uint32_t busy;
	unsigned long nr_bits;
	uint64_t *bitmap; /* one bit for 2^order_per_bit pages */
};

struct cma_layer {
	unsigned int nr_areas;
	struct quarry_cma area[QUARRY_MAX_CMA_AREAS];
};

#define CMA_ALIGNMENT ((phys_addr_t)QUARRY_PAGE_SIZE << QUARRY_PAGEBLOCK_ORDER)
#define CMA_MAX_ADDRESS ((phys_addr_t)1 << QUARRY_MAX_PHYS_BITS)

/* ---- declaration ---- */

static void cma_set_name(struct quarry_cma_info *info, const char *name, unsigned int number)
{
	size_t len = 0;

	if (name != NULL) {
		while (len < QUARRY_CMA_NAME - 1 && name[len] != '\0') {
			info->name[len] = name[len];
			len++;
		}
		return;
	}
	quarry_memcpy(info->name, "cma", 3);
	len = 3;
	for (unsigned int unit = 1000; unit != 0; unit /= 10) {
		if (number >= unit || unit == 1)
			info->name[len++] = (char)('0' + number / unit % 10);
	}
}

/* The table of areas, made when the first is declared; NULL: no memory. */
static struct cma_layer *cma_layer(struct quarry *q)
{
	if (q->cma == NULL)
		q->cma = quarry_meta_alloc(q, sizeof(*q->cma));
	return q->cma;
}

/* Whether all of [@start, @end) is reserved in memblock. */
static bool cma_is_reserved(struct quarry *q, phys_addr_t start, phys_addr_t end)
{
	const struct memblock_type *reserved = &q->memblock->reserved;

	for (unsigned long i = 0; i < reserved->cnt && start < end; i++) {
		const struct memblock_region *r = &reserved->regions[i];

		if (r->base <= start && start - r->base < r->size)
			start = r->base + r->size;
	}
	return start >= end;
}

int quarry_cma_init_reserved_mem(struct quarry *q, phys_addr_t base, phys_addr_t size,
				 unsigned int order_per_bit, const char *name,
				 struct quarry_cma **cma)
{
	struct cma_layer *layer;
	struct quarry_cma *area;
	unsigned long bits;
	uint64_t *bitmap;

	if (q->stage != QUARRY_STAGE_BOOT || size == 0 || order_per_bit > QUARRY_PAGEBLOCK_ORDER ||
	    (base | size) % CMA_ALIGNMENT != 0 || base >= CMA_MAX_ADDRESS ||
	    size > CMA_MAX_ADDRESS - base || !cma_is_reserved(q, base, base + size))
		return -QUARRY_EINVAL;
	layer = cma_layer(q);
	if (layer == NULL)
		return -QUARRY_ENOMEM;
	if (layer->nr_areas == QUARRY_MAX_CMA_AREAS)
		return -QUARRY_ENOSPC;
	bits = (unsigned long)(size >> QUARRY_PAGE_SHIFT >> order_per_bit);
	bitmap = quarry_meta_alloc(q, (bits + 63) / 64 * sizeof(*bitmap));
	if (bitmap == NULL)
		return -QUARRY_ENOMEM;
	area = &layer->area[layer->nr_areas];
	quarry_lock_init(&area->lock, QUARRY_LOCK_LEAF);
	area->bitmap = bitmap;
	area->nr_bits = bits;
	area->info.base_pfn = base >> QUARRY_PAGE_SHIFT;
	area->info.count = (unsigned long)(size >> QUARRY_PAGE_SHIFT);
	area->info.order_per_bit = order_per_bit;
	cma_set_name(&area->info, name, layer->nr_areas);
	layer->nr_areas++;
	if (cma != NULL)
		*cma = area;
	return 0;
}

/*
 * A free place as near to the end as @spec allows; where there is memory beyond 4 GiB, the lowest place
 * there is preferred, as in Linux: below it are the zones for devices with short addresses.
 */
static phys_addr_t cma_find_place(struct quarry *q, const struct quarry_cma_spec *spec,
				  phys_addr_t size, phys_addr_t align, phys_addr_t limit)
{
	const phys_addr_t high = (phys_addr_t)4 << 30;
	phys_addr_t base = bits_align_up(spec->base, align), found = 0;

	if (!quarry_memblock_bottom_up(q) && limit > high && limit - high >= size && base < high) {
		quarry_memblock_set_bottom_up(q, true);
		found = quarry_memblock_find_in_range_node(q, size, align, high, limit, spec->nid,
							   MEMBLOCK_NONE);
		quarry_memblock_set_bottom_up(q, false);
	}
	return found != 0 ? found
			  : quarry_memblock_find_in_range_node(q, size, align, base, limit,
							       spec->nid, MEMBLOCK_NONE);
}

/* Reserves the place that @spec wants; 0, and where in @base. @size and @align are rounded up. */
static int cma_reserve(struct quarry *q, const struct quarry_cma_spec *spec, phys_addr_t size,
		       phys_addr_t align, phys_addr_t *base)
{
	phys_addr_t end = quarry_memblock_end_of_DRAM(q);
	phys_addr_t limit = spec->limit & ~(align - 1);

	if (limit == 0 || limit > end)
		limit = end;
	*base = bits_align_up(spec->base, align);
	if (*base < spec->base || *base > limit || size > limit - *base)
		return -QUARRY_EINVAL;
	if (spec->fixed && *base != 0) {
		if (quarry_memblock_is_region_reserved(q, *base, size))
			return -QUARRY_EBUSY;
		return quarry_memblock_reserve(q, *base, size) == 0 ? 0 : -QUARRY_ENOMEM;
	}
	*base = cma_find_place(q, spec, size, align, limit);
	return *base != 0 && quarry_memblock_reserve(q, *base, size) == 0 ? 0 : -QUARRY_ENOMEM;
}

int quarry_cma_declare_contiguous(struct quarry *q, const struct quarry_cma_spec *spec,
				  struct quarry_cma **cma)
{
	phys_addr_t align = quarry_max(spec->alignment, CMA_ALIGNMENT), size, base;
	int err;

	if (q->stage != QUARRY_STAGE_BOOT || spec->size == 0 || spec->size > CMA_MAX_ADDRESS ||
	    align > CMA_MAX_ADDRESS || !bits_is_power_of_2(align) ||
	    (spec->alignment != 0 && !bits_is_power_of_2(spec->alignment)) ||
	    (spec->fixed && (spec->base & (align - 1)) != 0) ||
	    spec->order_per_bit > QUARRY_PAGEBLOCK_ORDER)
		return -QUARRY_EINVAL;
	if (q->cma != NULL && q->cma->nr_areas == QUARRY_MAX_CMA_AREAS)
		return -QUARRY_ENOSPC;
	size = bits_align_up(spec->size, align);
	err = cma_reserve(q, spec, size, align, &base);
	if (err != 0)
		return err;
	err = quarry_cma_init_reserved_mem(q, base, size, spec->order_per_bit, spec->name, cma);
	if (err != 0)
		(void)quarry_memblock_phys_free(q, base, size);
	return err;
}

/* ---- activation ---- */

/* Whether pageblock @i was handed over already: by bootmem, say. */
static bool cma_is_given(const struct page_arena *a, unsigned int i)
{
	return a->empty ? a->unaccepted
			: a->pb[i].nr_free != 0 || (a->pb[i].flags & PAGE_PB_UNACCEPTED) != 0;
}

/* The zone in which all of the area lies, with its pages still reserved; NULL: not so. */
static struct page_zone *cma_zone(const struct page_layer *pl, const struct quarry_cma *area)
{
	struct page_zone *z = NULL;

	for (pfn_t pfn = area->info.base_pfn; pfn < area->info.base_pfn + area->info.count;
	     pfn += QUARRY_PAGEBLOCK_PAGES) {
		const struct page_arena *a = memmap_arena(pl, pfn);

		if (a == NULL || (z != NULL && a->zone != z) ||
		    a->end_pfn - pfn < QUARRY_PAGEBLOCK_PAGES || a->virgin)
			return NULL;
		if (cma_is_given(a, (unsigned int)((pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER)))
			return NULL;
		z = a->zone;
	}
	return z;
}

static void cma_give_pageblock(struct quarry *q, struct page_arena *a, pfn_t pfn)
{
	unsigned int i = (unsigned int)((pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER);

	arena_is_mine(a);
	if (a->virgin || a->empty)
		arena_write(a);
	arena_set_type(q, a, i, QUARRY_MIGRATE_CMA);
	arena_put(q, a, pfn, QUARRY_PAGEBLOCK_ORDER);
	a->zone->managed += (unsigned long)QUARRY_PAGEBLOCK_PAGES;
	q->pages->managed += (unsigned long)QUARRY_PAGEBLOCK_PAGES;
}

void cma_activate(struct quarry *q)
{
	for (unsigned int n = 0; q->cma != NULL && n < q->cma->nr_areas; n++) {
		struct quarry_cma *area = &q->cma->area[n];
		struct page_zone *z = cma_zone(q->pages, area);
		pfn_t pfn = area->info.base_pfn, end = pfn + area->info.count;

		if (z == NULL || !boot_accept(q, (phys_addr_t)pfn << QUARRY_PAGE_SHIFT,
					      (phys_addr_t)area->info.count << QUARRY_PAGE_SHIFT)) {
			quarry_log(q, QUARRY_LOG_ERR, "cma: area %s could not be activated",
				   area->info.name);
			/* It is memory like all other then, unless it may not be touched. */
			if (q->nr_unaccepted == 0)
				quarry_free_reserved(q, pfn, end);
			continue;
		}
		/* Highest first: lists then begin with the lowest. */
		while (end > pfn) {
			end -= QUARRY_PAGEBLOCK_PAGES;
			cma_give_pageblock(q, memmap_arena(q->pages, end), end);
		}
		z->cma_pages += area->info.count;
		area->info.active = true;
	}
}

/* ---- the bitmap ---- */

static bool cma_bit(const struct quarry_cma *area, unsigned long bit)
{
	return (area->bitmap[bit >> 6] >> (bit & 63) & 1) != 0;
}

static void cma_set_bits(struct quarry_cma *area, unsigned long bit, unsigned long n, bool set)
{
	for (; n > 0; n--, bit++) {
		if (set)
			area->bitmap[bit >> 6] |= (uint64_t)1 << (bit & 63);
		else
			area->bitmap[bit >> 6] &= ~((uint64_t)1 << (bit & 63));
	}
}

/* First place at or after @bit for @n bits whose page frame is aligned to 2^@align; -1: none. */
static int64_t cma_find(const struct quarry_cma *area, unsigned long bit, unsigned long n,
			unsigned int align)
{
	unsigned int order = area->info.order_per_bit;
	pfn_t unit = align > order ? (pfn_t)1 << (align - order) : 1;
	pfn_t base = area->info.base_pfn >> order; /* in bits, as areas are aligned to pageblocks */

	for (;;) {
		unsigned long k = 0;

		bit = (unsigned long)(bits_align_up(base + bit, unit) - base);
		if (bit >= area->nr_bits || n > area->nr_bits - bit)
			return -1;
		while (k < n && !cma_bit(area, bit + k))
			k++;
		if (k == n)
			return (int64_t)bit;
		bit += k + 1;
	}
}

/* ---- in use ---- */

static unsigned long cma_bits_of(const struct quarry_cma *area, unsigned long count)
{
	unsigned int order = area->info.order_per_bit;

	return (count >> order) + ((count & ((1ul << order) - 1)) != 0);
}

/* Marks the first place from @bit on; -1: there is none. */
static int64_t cma_claim(struct quarry *q, struct quarry_cma *area, unsigned long bit,
			 unsigned long n, unsigned int align)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &area->lock);
	int64_t found = cma_find(area, bit, n, align);

	if (found >= 0)
		cma_set_bits(area, (unsigned long)found, n, true);
	quarry_unlock(q->concurrent, &area->lock, pin);
	return found;
}

static void cma_unclaim(struct quarry *q, struct quarry_cma *area, unsigned long bit,
			unsigned long n)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &area->lock);

	cma_set_bits(area, bit, n, false);
	quarry_unlock(q->concurrent, &area->lock, pin);
}

/* Clears pages [@pfn, @pfn + @count) of what is lent out, one call at a time. */
static int cma_clear(struct quarry *q, struct quarry_cma *area, pfn_t pfn, unsigned long count)
{
	int err;

	while (quarry_exchange_acquire(&area->busy, 1u) != 0)
		quarry_relax();
	err = quarry_alloc_contig_range(q, pfn, pfn + count, QUARRY_MIGRATE_CMA, GFP_KERNEL);
	quarry_store_release(&area->busy, 0u);
	return err;
}

static void cma_account(struct quarry *q, struct quarry_cma *area, bool success,
			unsigned long count)
{
	page_event(q, success ? QUARRY_VM_CMA_ALLOC_SUCCESS : QUARRY_VM_CMA_ALLOC_FAIL, 1);
	page_add(q->concurrent,
		 success ? &area->info.alloc_pages_success : &area->info.alloc_pages_fail, count);
}

struct page *quarry_cma_alloc(struct quarry *q, struct quarry_cma *cma, unsigned long count,
			      unsigned int align, bool no_warn)
{
	unsigned long n = cma_bits_of(cma, count), next = 0;
	struct page *page = NULL;
	int64_t bit;

	if (!cma->info.active || count == 0 || count > cma->info.count || align >= 64)
		return NULL;
	while ((bit = cma_claim(q, cma, next, n, align)) >= 0) {
		pfn_t pfn = cma->info.base_pfn + ((pfn_t)bit << cma->info.order_per_bit);
		int err = cma_clear(q, cma, pfn, count);

		if (err == 0) {
			page = quarry_pfn_to_page(q, pfn);
			break;
		}
		cma_unclaim(q, cma, (unsigned long)bit, n);
		if (err != -QUARRY_EBUSY)
			break;
		next = (unsigned long)bit + 1;
	}
	cma_account(q, cma, page != NULL, count);
	if (page == NULL && !no_warn)
		quarry_log(q, QUARRY_LOG_ERR, "cma: %s: no place for %lu pages", cma->info.name,
			   count);
	return page;
}

bool quarry_cma_release(struct quarry *q, struct quarry_cma *cma, struct page *page,
			unsigned long count)
{
	unsigned long n = cma_bits_of(cma, count), bit;
	bool given = true;
	quarry_pin_t pin;
	pfn_t pfn;

	if (page == NULL || !memmap_is_descriptor(q->pages, page, page_word(page)))
		return false;
	pfn = quarry_page_to_pfn(q, page);
	if (pfn < cma->info.base_pfn || count == 0 || count > cma->info.count ||
	    pfn - cma->info.base_pfn > cma->info.count - count ||
	    ((pfn - cma->info.base_pfn) & ((1ul << cma->info.order_per_bit) - 1)) != 0)
		return false;
	bit = (unsigned long)((pfn - cma->info.base_pfn) >> cma->info.order_per_bit);
	pin = quarry_lock(q->concurrent, &cma->lock);
	for (unsigned long k = 0; k < n; k++)
		given = given && cma_bit(cma, bit + k);
	quarry_unlock(q->concurrent, &cma->lock, pin);
	if (!given)
		return false;
	/* Freed first: whoever finds the bits clear shall find the pages free. */
	quarry_free_contig_range(q, pfn, count);
	cma_unclaim(q, cma, bit, n);
	page_add(q->concurrent, &cma->info.release_pages, count);
	return true;
}

void quarry_cma_info(struct quarry *q, const struct quarry_cma *cma, struct quarry_cma_info *info)
{
	struct quarry_lock *lock = (struct quarry_lock *)(uintptr_t)&cma->lock;
	quarry_pin_t pin = quarry_lock(q->concurrent, lock);
	unsigned long run = 0, used = 0, largest = 0;

	*info = cma->info;
	for (unsigned long bit = 0; bit < cma->nr_bits; bit++) {
		bool set = cma_bit(cma, bit);

		used += set;
		run = set ? 0 : run + 1;
		largest = quarry_max(largest, run);
	}
	quarry_unlock(q->concurrent, lock, pin);
	info->used = used << cma->info.order_per_bit;
	info->maxchunk = largest << cma->info.order_per_bit;
}

int quarry_cma_for_each_area(struct quarry *q, int (*fn)(struct quarry_cma *cma, void *arg),
			     void *arg)
{
	int result = 0;

	for (unsigned int n = 0; q->cma != NULL && n < q->cma->nr_areas && result == 0; n++)
		result = fn(&q->cma->area[n], arg);
	return result;
}
