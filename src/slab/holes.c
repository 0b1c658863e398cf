/* SPDX-License-Identifier: MIT */
/*
 * Pages of slabs in which nothing lies.
 *
 * Problem    One object that is in use keeps its whole slab, of several pages. Where memory is what counts, a page of it
 *            that holds none need not be kept by the host. It stays the slab's: it comes back by being written to.
 *
 * Way        A slab with free objects is set aside, off the lists, as if its objects were being moved out: frees still
 *            go there, but nobody is given one of it. So what is found free stays free, and nobody gets at a page while
 *            the device of page reporting is told of it. Then the slab goes back to the end of its list.
 *
 * Which      Slabs of caches in whose free objects nobody wants to find anything: without constructor, debugging, or
 *            readers under RCU. What was told is told again the next time: nothing keeps account of it.
 *
 * Locks      node->lock, for as long as it takes to look for 32 ranges; none while the device is told.
 * Failure    The device's error ends it.
 */
#include "internal.h"

/* The first page of @slab from number *@page on of which all places are free, and how many there are; 0: none. */
static unsigned int holes_next(const struct quarry *q, const struct kmem_cache *s,
			       const struct slab *slab, unsigned int *page)
{
	const unsigned int pages = 1u << slab->order;
	const uintptr_t skip = slab->base - slab_block(q, slab);
	const uint32_t objects = slab_objects(s, slab);
	uint32_t object = 0;
	unsigned int nr = 0;

	for (unsigned int i = *page; i < pages; i++) {
		uintptr_t start = (uintptr_t)i << QUARRY_PAGE_SHIFT, end = start + QUARRY_PAGE_SIZE;
		bool free = true;

		/* All that begin before the page's end, from the one on that reaches into it. */
		object = start > skip ? slab_object_index(s, start - skip) : 0;
		for (; free && object < objects && skip + object * s->size < end; object++)
			free = (slab->free[object / 64] >> object % 64 & 1) != 0;
		if (free && nr++ == 0)
			*page = i;
		if (!free && nr != 0)
			break;
	}
	return nr;
}

/* Up to a device's ranges of @slab, from page *@page on, which is moved past them. */
static unsigned int holes_collect(struct quarry *q, struct kmem_cache *s, const struct slab *slab,
				  unsigned int *page, struct quarry_range *ranges)
{
	struct slab_node *n = &s->node[slab->node];
	quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);
	phys_addr_t phys = quarry_virt_to_phys(q, (void *)slab_block(q, slab));
	unsigned int nr = 0, pages;

	while (nr < QUARRY_REPORTING_CAPACITY && (pages = holes_next(q, s, slab, page)) != 0) {
		ranges[nr++] =
			(struct quarry_range){phys + ((phys_addr_t)*page << QUARRY_PAGE_SHIFT),
					      (phys_addr_t)pages << QUARRY_PAGE_SHIFT};
		*page += pages;
	}
	quarry_unlock(q->concurrent, &n->lock, pin);
	return nr;
}

/* Tells of all holes of @slab, which was set aside; false: the device did not want to know. */
static bool holes_tell(struct quarry *q, struct kmem_cache *s, const struct slab *slab,
		       unsigned long *told)
{
	const struct quarry_reporting_dev *dev = page_reporting_dev(q);
	struct quarry_range ranges[QUARRY_REPORTING_CAPACITY];
	unsigned int page = 0, nr;

	while ((nr = holes_collect(q, s, slab, &page, ranges)) != 0) {
		if (dev->report(dev->ctx, ranges, nr) != 0)
			return false;
		while (nr-- != 0)
			*told += (unsigned long)(ranges[nr].size >> QUARRY_PAGE_SHIFT);
	}
	return true;
}

/* The slabs of one list of node @nid, each once. */
static bool holes_of_list(struct quarry *q, struct kmem_cache *s, unsigned int nid,
			  unsigned int list, unsigned long *told)
{
	unsigned long tries = quarry_load_relaxed(&s->node[nid].nr_partial);
	uint32_t last = SLAB_NONE;
	bool more = true;

	for (; more && tries != 0; tries--) {
		struct slab *slab = slab_set_aside(q, s, nid, list, &last);

		if (slab == NULL)
			break;
		more = slab_index(q->slabs, slab) != last;
		if (!holes_tell(q, s, slab, told)) {
			slab_end_move(q, s, slab);
			return false;
		}
		slab_end_move(q, s, slab);
	}
	return true;
}

static bool holes_of_cache(struct quarry *q, struct kmem_cache *s, unsigned long *told)
{
	if (s->ctor != NULL || s->debug != 0 || (s->flags & SLAB_TYPESAFE_BY_RCU) != 0)
		return true;
	for (unsigned int nid = 0; nid < s->nr_nodes; nid++) {
		for (unsigned int list = 0; list < SLAB_LISTS; list++) {
			if (!holes_of_list(q, s, nid, list, told))
				return false;
		}
	}
	return true;
}

unsigned long quarry_slab_reporting_run(struct quarry *q, struct kmem_cache *cache)
{
	unsigned long told = 0;
	struct kmem_cache *s;

	if (q->slabs == NULL || page_reporting_dev(q)->report == NULL)
		return 0;
	if (cache != NULL) {
		(void)holes_of_cache(q, cache, &told);
		return told;
	}
	for (s = cache_walk(q, NULL); s != NULL; s = cache_walk(q, s)) {
		if (!holes_of_cache(q, s, &told)) {
			cache_walk_end(q, s);
			break;
		}
	}
	return told;
}
