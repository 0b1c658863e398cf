/* SPDX-License-Identifier: MIT */
/*
 * Free memory that the host need not keep.
 *
 * Only whole free pageblocks are told. While the host is told they are out of the buddy system, hidden
 * from everybody, so nobody writes to a page that is being thrown away. Afterwards they are back, marked; the
 * mark goes with the first page taken out of the pageblock (arena_open()), so what was told and not used
 * since is not told again. Their descriptors are neither needed nor written. Nobody is told anything while free
 * pages are to keep what they hold (prep.c).
 */
#include "internal.h"

struct reporting_batch {
	struct quarry_range range[QUARRY_REPORTING_CAPACITY];
	struct page_arena *arena[QUARRY_REPORTING_CAPACITY];
	unsigned int pb[QUARRY_REPORTING_CAPACITY];
	unsigned int n;
};

int quarry_page_reporting_register(struct quarry *q, const struct quarry_reporting_dev *dev)
{
	struct page_layer *pl = q->pages;

	if (dev == NULL || dev->report == NULL ||
	    (dev->order != 0 && dev->order != QUARRY_PAGEBLOCK_ORDER))
		return -QUARRY_EINVAL;
	if (pl->reporting.report != NULL)
		return -QUARRY_EBUSY;
	pl->reporting = *dev;
	return 0;
}

void quarry_page_reporting_unregister(struct quarry *q)
{
	q->pages->reporting = (struct quarry_reporting_dev){.report = NULL};
}

static bool reporting_wants(const struct page_pb *pb)
{
	return pb->nr_free == QUARRY_PAGEBLOCK_PAGES && pb->type != QUARRY_MIGRATE_ISOLATE &&
	       (pb->flags & PAGE_PB_REPORTED) == 0;
}

/* Hides pageblocks of @a from @*i on until the batch is full or none is left. */
static void reporting_collect(struct quarry *q, struct page_arena *a, unsigned int *i,
			      struct reporting_batch *b)
{
	quarry_pin_t pin = arena_lock(q, a);

	if (a->virgin)
		arena_unfold(q, a);
	for (; !a->empty && *i < a->nr_pb && b->n < QUARRY_REPORTING_CAPACITY; ++*i) {
		if (!reporting_wants(&a->pb[*i]))
			continue;
		arena_hide(q, a, *i);
		b->arena[b->n] = a;
		b->pb[b->n] = *i;
		b->range[b->n++] = (struct quarry_range){
			(a->base_pfn + ((pfn_t)*i << QUARRY_PAGEBLOCK_ORDER)) << QUARRY_PAGE_SHIFT,
			QUARRY_PAGE_SIZE << QUARRY_PAGEBLOCK_ORDER};
	}
	arena_unlock(q, a, pin);
}

/* Tells the batch and puts it back; returns pages told. */
static unsigned long reporting_tell(struct quarry *q, struct reporting_batch *b)
{
	const struct quarry_reporting_dev *dev = &q->pages->reporting;
	unsigned long pages = (unsigned long)(b->n * QUARRY_PAGEBLOCK_PAGES);
	bool told = b->n != 0 && dev->report(dev->ctx, b->range, b->n) == 0;

	/* The last first: lists are stacks, and the lowest address is to be used first. */
	while (b->n-- > 0) {
		struct page_arena *a = b->arena[b->n];
		quarry_pin_t pin = arena_lock(q, a);

		if (told)
			a->pb[b->pb[b->n]].flags |= PAGE_PB_REPORTED;
		arena_show(q, a, b->pb[b->n]);
		arena_unlock(q, a, pin);
		arena_tell(q);
	}
	b->n = 0;
	if (told)
		page_event(q, QUARRY_VM_PAGE_REPORTED, pages);
	return told ? pages : 0;
}

/* Whether a batch may be missing from @z for a while. */
static bool reporting_may(const struct page_layer *pl, const struct page_zone *z)
{
	unsigned long gap = (unsigned long)(QUARRY_REPORTING_CAPACITY * QUARRY_PAGEBLOCK_PAGES);

	return zone_watermark_ok(pl, z, 0, zone_mark(z, QUARRY_WMARK_LOW) + gap, 0, ZONE_ALLOC_CMA,
				 NULL);
}

/* False: the device refused. */
static bool reporting_run_zone(struct quarry *q, struct page_zone *z, unsigned long *told)
{
	struct reporting_batch b = {.n = 0};

	for (uint32_t k = z->arena_first; k < zone_arena_end(z); k++) {
		struct page_arena *a = &q->pages->arena[k];
		unsigned int i = 0;

		while (page_arena_is_of(a, z) && i < a->nr_pb && reporting_may(q->pages, z)) {
			unsigned long n;

			reporting_collect(q, a, &i, &b);
			if (b.n == 0)
				break;
			n = reporting_tell(q, &b);
			if (n == 0)
				return false;
			*told += n;
		}
	}
	return true;
}

unsigned long quarry_page_reporting_run(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	unsigned int nr_zones = page_nr_zones(pl);
	unsigned long told = 0;

	if (page_prep_on(q) && prep_wants_contents(q))
		return 0;
	for (unsigned int i = 0; i < nr_zones && pl->reporting.report != NULL; i++) {
		if (!reporting_run_zone(q, &pl->zone[i], &told))
			break;
	}
	return told;
}
