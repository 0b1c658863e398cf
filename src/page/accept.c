/* SPDX-License-Identifier: MIT */
/*
 * Memory that must be accepted before it is touched (TDX, SEV-SNP).
 *
 * Terms      An unaccepted pageblock was handed over whole at boot. It is managed, but not free: no bit of
 *            it is set, and nobody finds it. The zone counts its pages in nr_unaccepted.
 *
 * When       A request that walks the zonelist first brings each zone up to its high watermark, and on, one
 *            pageblock at a time, while the zone cannot serve it. Pageblocks that boot handed over in part,
 *            and pages that the boot allocators give, are accepted at boot.
 *
 * Cost       A request on a machine that has no unaccepted memory: one load a zone. An arena that is
 *            wholly unaccepted has no records written until its first pageblock is accepted.
 *
 * Failure    What the port cannot accept stays hidden for good, and is no longer managed.
 */
#include "internal.h"

/* ---- at boot, while nothing is filed ---- */

/* How pageblock @i lies in what is unaccepted. */
enum accept_part { ACCEPT_NONE, ACCEPT_PART, ACCEPT_WHOLE };

static enum accept_part accept_part(const struct quarry *q, const struct page_arena *a,
				    unsigned int i)
{
	phys_addr_t start = (phys_addr_t)(a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER))
			    << QUARRY_PAGE_SHIFT;
	phys_addr_t end = start + (QUARRY_PAGE_SIZE << QUARRY_PAGEBLOCK_ORDER);
	enum accept_part part = ACCEPT_NONE;

	for (unsigned int k = 0; k < q->nr_unaccepted; k++) {
		const struct quarry_range *r = &q->unaccepted[k];

		if (r->start <= start && end <= r->start + r->size)
			return ACCEPT_WHOLE;
		if (r->start < end && start < r->start + r->size)
			part = ACCEPT_PART;
	}
	return part;
}

/* Pages [@k, @end) of pageblock @i, all free: accepted, or out. */
static void accept_boot_run(struct quarry *q, struct page_arena *a, unsigned int i, unsigned int k,
			    unsigned int end)
{
	pfn_t base = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);

	if (boot_accept(q, (phys_addr_t)(base + k) << QUARRY_PAGE_SHIFT,
			(end - k) * QUARRY_PAGE_SIZE))
		return;
	for (; k < end; k++) {
		pageblock_clear(a->bits[i], k, 0);
		a->nr_free--;
		a->zone->managed--;
	}
}

/* Pageblock @i was handed over, or is unaccepted, in part. */
static void accept_boot_part(struct quarry *q, struct page_arena *a, unsigned int i)
{
	unsigned int first = 0;

	for (unsigned int k = 0; k <= QUARRY_PAGEBLOCK_PAGES; k++) {
		if (k < QUARRY_PAGEBLOCK_PAGES && pageblock_any_set(a->bits[i], k, 0))
			continue;
		if (first < k)
			accept_boot_run(q, a, i, first, k);
		first = k + 1;
	}
}

void accept_boot_arena(struct quarry *q, struct page_arena *a)
{
	unsigned int n = 0;
	bool any = false;

	if (q->nr_unaccepted == 0 || a->nr_free == 0)
		return;
	for (unsigned int i = 0; i < a->nr_pb; i++) {
		enum accept_part part = accept_part(q, a, i);

		any = any || part != ACCEPT_NONE;
		n += part == ACCEPT_WHOLE;
	}
	if (!any)
		return;
	if (a->virgin && n == a->nr_pb) {
		/* All of it: nothing is written yet. */
		a->virgin = false;
		a->empty = true;
		a->unaccepted = true;
		a->zone->nr_unaccepted += a->nr_free;
		a->nr_free = 0;
		return;
	}
	if (a->virgin) {
		arena_write(a);
		for (unsigned int i = 0; i < a->nr_pb; i++)
			pageblock_set(a->bits[i], 0, QUARRY_PAGEBLOCK_ORDER);
	}
	for (unsigned int i = 0; i < a->nr_pb; i++) {
		enum accept_part part = accept_part(q, a, i);

		if (part == ACCEPT_NONE)
			continue;
		if (part == ACCEPT_PART ||
		    pageblock_count_free(a->bits[i]) != QUARRY_PAGEBLOCK_PAGES) {
			accept_boot_part(q, a, i);
			continue;
		}
		pageblock_clear(a->bits[i], 0, QUARRY_PAGEBLOCK_ORDER);
		a->pb[i].flags = PAGE_PB_UNACCEPTED;
		a->nr_free -= (uint32_t)QUARRY_PAGEBLOCK_PAGES;
		a->zone->nr_unaccepted += (unsigned long)QUARRY_PAGEBLOCK_PAGES;
	}
}

/* ---- at run time ---- */

/* Accepts pageblock @i, which this caller alone has claimed. */
static bool accept_pageblock(struct quarry *q, struct page_arena *a, unsigned int i)
{
	pfn_t base = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);
	unsigned long pages = (unsigned long)QUARRY_PAGEBLOCK_PAGES;
	bool ok = q->port.accept(q->port.ctx, (phys_addr_t)base << QUARRY_PAGE_SHIFT,
				 QUARRY_PAGE_SIZE << QUARRY_PAGEBLOCK_ORDER) == 0;
	quarry_pin_t pin = arena_lock(q, a);

	if (ok) {
		arena_show(q, a, i);
	} else {
		quarry_fetch_add_relaxed(&a->zone->managed, 0 - pages);
		quarry_fetch_add_relaxed(&q->pages->managed, 0 - pages);
	}
	arena_unlock(q, a, pin);
	arena_tell(q);
	if (ok)
		page_event(q, QUARRY_VM_PAGE_ACCEPTED, pages);
	else
		quarry_log(q, QUARRY_LOG_ERR, "page: memory at %#llx is not accepted; not used",
			   (unsigned long long)base << QUARRY_PAGE_SHIFT);
	return ok;
}

/* Claims an unaccepted pageblock of @a in [@first, @last); -1: there is none. */
static int accept_claim(struct quarry *q, struct page_arena *a, unsigned int first,
			unsigned int last)
{
	quarry_pin_t pin = arena_lock(q, a);
	int found = -1;

	if (a->empty && a->unaccepted)
		arena_write(a);
	for (unsigned int i = first; !a->virgin && !a->empty && i < last && found < 0; i++) {
		if ((a->pb[i].flags & PAGE_PB_UNACCEPTED) != 0)
			found = (int)i;
	}
	if (found >= 0) {
		a->pb[found].flags ^= PAGE_PB_UNACCEPTED | PAGE_PB_HIDDEN;
		quarry_fetch_add_relaxed(&a->zone->nr_unaccepted,
					 0 - (unsigned long)QUARRY_PAGEBLOCK_PAGES);
	}
	arena_unlock(q, a, pin);
	return found;
}

bool accept_one(struct quarry *q, struct page_zone *z)
{
	uint32_t last = zone_arena_end(z);
	uint32_t first = quarry_load_relaxed(&z->accept_from);

	for (uint32_t k = quarry_max(first, z->arena_first); k < last; k++) {
		struct page_arena *a = &q->pages->arena[k];

		while (page_arena_is_of(a, z)) {
			int i = accept_claim(q, a, 0, a->nr_pb);

			if (i < 0)
				break;
			if (accept_pageblock(q, a, (unsigned int)i))
				return true;
		}
		/* Nothing ever becomes unaccepted again. */
		quarry_store_relaxed(&z->accept_from, k + 1);
	}
	return false;
}

QUARRY_COLD void accept_fill(struct quarry *q, struct page_zone *z, unsigned int order)
{
	uint64_t want = z->wmark[QUARRY_WMARK_HIGH] + ((uint64_t)1 << order);

	while (quarry_load_relaxed(&z->nr_free) < want && accept_one(q, z))
		;
}

unsigned long quarry_accept_memory(struct quarry *q, pfn_t start, pfn_t end)
{
	unsigned long pages = 0;

	while (start < end) {
		struct page_arena *a = memmap_arena(q->pages, start);
		pfn_t stop = quarry_min(end, bits_align_down(start, PAGE_SECTION_PAGES) +
						     PAGE_SECTION_PAGES);
		unsigned int first, last;
		int i;

		if (a == NULL) {
			start = bits_align_down(start, QUARRY_PAGEBLOCK_PAGES) +
				QUARRY_PAGEBLOCK_PAGES;
			continue;
		}
		stop = quarry_min(stop, a->end_pfn);
		first = (unsigned int)((start - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER);
		last = (unsigned int)((stop - 1 - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER) + 1;
		while ((i = accept_claim(q, a, first, last)) >= 0)
			pages += accept_pageblock(q, a, (unsigned int)i)
					 ? (unsigned long)QUARRY_PAGEBLOCK_PAGES
					 : 0;
		start = stop;
	}
	return pages;
}
