/* SPDX-License-Identifier: MIT */
/* What the slab layer may ask of the page layer beyond the public calls. */
#ifndef QUARRY_PAGE_SLAB_PAGES_H
#define QUARRY_PAGE_SLAB_PAGES_H

#include <page/internal.h>

#if QUARRY_TINY /* one CPU, one node */
static inline unsigned int page_nr_cpus(const struct quarry *q)
{
	(void)q;
	return 1;
}

static inline int page_nr_nodes(const struct quarry *q)
{
	(void)q;
	return 1;
}

static inline bool page_node_has_plenty(const struct quarry *q, unsigned int nid)
{
	(void)q;
	(void)nid;
	return false;
}

static inline int page_nid(const struct quarry *q, const struct page *page)
{
	(void)q;
	(void)page;
	return 0;
}

static inline struct page *page_of_addr(const struct quarry *q, const void *addr)
{
	return quarry_virt_to_page((struct quarry *)(uintptr_t)q, addr);
}
#else
static inline unsigned int page_nr_cpus(const struct quarry *q)
{
	return q->pages->nr_cpus;
}

/* Arenas are numbered below this, also those that come later. */
static inline uint32_t page_max_arenas(const struct quarry *q)
{
	return q->pages->max_arenas;
}

static inline int page_nr_nodes(const struct quarry *q)
{
	return q->pages->nr_nodes;
}

/* The nearest node of a CPU that has memory. */
static inline int page_cpu_node(const struct quarry *q, unsigned int cpu)
{
	return quarry_load_relaxed(&q->pages->cpu_place[cpu].mem_nid);
}

/* CPUs that are online on a node. */
static inline unsigned int page_node_cpus(const struct quarry *q, unsigned int nid)
{
	return quarry_load_relaxed(&q->pages->node[nid].nr_cpus);
}

/* Whether the zone that serves most requests on node @nid has twice its high watermark free. */
static inline bool page_node_has_plenty(const struct quarry *q, unsigned int nid)
{
	const struct page_zonelist *list = zonelist_of(&q->pages->node[nid], true);

	return list->nr != 0 && quarry_load_relaxed(&list->zone[0]->nr_free) / 2 >
					zone_mark(list->zone[0], QUARRY_WMARK_HIGH);
}

/* Pages of the zone that serves most requests on node @nid. */
static inline unsigned long page_node_pages(const struct quarry *q, unsigned int nid)
{
	const struct page_zonelist *list = zonelist_of(&q->pages->node[nid], true);

	return list->nr != 0 ? quarry_load_relaxed(&list->zone[0]->managed) : 0;
}

/* Who is told of memory that need not be kept; its report is NULL if there is none. */
static inline const struct quarry_reporting_dev *page_reporting_dev(const struct quarry *q)
{
	return &q->pages->reporting;
}

/* quarry_alloc_pages() for the call that returns to @address. */
struct page *page_alloc_for(struct quarry *q, gfp_t gfp, unsigned int order, const void *address);

/* Node of an allocated page. */
static inline int page_nid(const struct quarry *q, const struct page *page)
{
	return page_arena_of(q->pages, page)->zone->nid;
}

/* Descriptor of the page that @addr lies in; NULL: nobody has touched its arena, or no RAM. */
static inline struct page *page_of_addr(const struct quarry *q, const void *addr)
{
	const struct page_layer *pl = q->pages;
	pfn_t pfn = ((uintptr_t)addr - q->direct_map) >> QUARRY_PAGE_SHIFT;
	pfn_t section = pfn >> PAGE_SECTION_ORDER;
	const struct page_arena *a;
	struct page *map;
	uint32_t i;

	if (unlikely(section >= pl->nr_sections))
		return NULL;
	i = quarry_load_acquire(&pl->section[section]);
	if (unlikely(i == PAGE_NO_ARENA))
		return NULL;
	a = &pl->arena[i];
	while (unlikely(pfn >= a->end_pfn)) {
		if (++i >= pl->nr_boot_arenas)
			return NULL;
		a++;
	}
	map = quarry_load_acquire(&a->map);
	if (unlikely(pfn < a->start_pfn || map == NULL))
		return NULL;
	return &map[pfn - a->base_pfn];
}

#endif

/*
 * Marks the 2^@order pages of an allocated block as slab pages of cache number @cache, 13 bits, and
 * slab index @slab. page_clear_slab() makes it an allocated block again.
 */
void page_set_slab(struct quarry *q, struct page *page, unsigned int order, unsigned int cache,
		   uint32_t slab);
void page_clear_slab(struct quarry *q, struct page *page, unsigned int order);

/* All slab pages, by their descriptors. Nobody else is at work. O(pages that were touched). */
unsigned long page_count_slab(struct quarry *q);

/* Whether @addr lies in a slab page; then its cache number and slab index. The hot path of kfree(). */
static inline bool page_slab_of(const struct quarry *q, const void *addr, unsigned int *cache,
				uint32_t *slab)
{
	const struct page *page = page_of_addr(q, addr);
	uint64_t word;

	if (unlikely(page == NULL))
		return false;
	word = page_word(page);
	*cache = (unsigned int)(word >> PAGE_WORD_CACHE_SHIFT & PAGE_WORD_CACHE_MASK);
	*slab = (uint32_t)(word >> PAGE_WORD_SLAB_SHIFT);
	return (word & PAGE_WORD_STATE_MASK) == PAGE_WORD_SLAB;
}

#endif
