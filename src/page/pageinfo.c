/* SPDX-License-Identifier: MIT */
/* Questions about one page or pageblock, and what Linux's names need besides. */
#include "internal.h"

bool quarry_pfn_zone(struct quarry *q, pfn_t pfn, int *nid, enum quarry_zone_type *zone)
{
	const struct page_arena *a = memmap_arena(q->pages, pfn);

	if (a == NULL)
		return false;
	if (nid != NULL)
		*nid = a->zone->nid;
	if (zone != NULL)
		*zone = (enum quarry_zone_type)a->zone->type;
	return true;
}

/* Index of the pageblock of @pfn in @a. */
static unsigned int pageinfo_pb(const struct page_arena *a, pfn_t pfn)
{
	return (unsigned int)((pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER);
}

struct page *quarry_describe_pfn(struct quarry *q, pfn_t pfn)
{
	struct page *page = quarry_pfn_to_page(q, pfn);
	struct page_arena *a = memmap_arena(q->pages, pfn);
	quarry_pin_t pin;

	if (page != NULL || a == NULL)
		return page;
	pin = arena_lock(q, a);
	if (a->empty) { /* has no records either */
		arena_unlock(q, a, pin);
		return NULL;
	}
	arena_unlock(q, a, pin);
	if (!memmap_give_map(q, a))
		return NULL;
	pin = arena_lock(q, a);
	if (a->virgin)
		arena_unfold(q, a);
	if (a->pb[pageinfo_pb(a, pfn)].described == 0)
		memmap_describe(a, pageinfo_pb(a, pfn));
	arena_unlock(q, a, pin);
	return &a->map[pfn - a->base_pfn];
}

int quarry_page_nid(struct quarry *q, const struct page *page)
{
	return page_arena_of(q->pages, page)->zone->nid;
}

enum quarry_zone_type quarry_page_zone(struct quarry *q, const struct page *page)
{
	return (enum quarry_zone_type)page_arena_of(q->pages, page)->zone_type;
}

unsigned int quarry_page_order(struct quarry *q, const struct page *page)
{
	unsigned int order;

	quarry_pfn_state(q, quarry_page_to_pfn(q, page), &order);
	return order;
}

struct page *quarry_page_head(struct quarry *q, struct page *page)
{
	pfn_t pfn = quarry_page_to_pfn(q, page);

	return page - (pfn & (((pfn_t)1 << quarry_page_order(q, page)) - 1));
}

void quarry_put_page(struct quarry *q, struct page *page)
{
	/* Nobody changes the order of a block that is the caller's to let go. */
	quarry_free_pages(q, page, page_word_order(page_word(page)));
}

bool quarry_put_page_unless_last(struct quarry *q, struct page *page)
{
	bool done = false;
	uint64_t word;

	late_settle_own(q); /* a reference that this CPU has just dropped does not count */
	word = page_word(page);
	while (!done) {
		if ((word & PAGE_WORD_STATE_MASK) != PAGE_WORD_ALLOC) {
			quarry_report(q, "page: pfn %#llx is no allocated block, has no reference",
				      (unsigned long long)quarry_page_to_pfn(q, page));
			return false;
		}
		if (page_word_refs(word) <= 1)
			return false;
		done = true;
		if (q->concurrent)
			done = quarry_cmpxchg(&page->word, &word, word - PAGE_WORD_REF_ONE);
		else
			page_set_word(page, word - PAGE_WORD_REF_ONE);
	}
	return true;
}

/* Of a virgin arena all is free: the largest block around @pfn that does not cross its ends. */
static int pageinfo_virgin_order(const struct page_arena *a, pfn_t pfn)
{
	unsigned int order = QUARRY_MAX_ORDER;
	pfn_t head = bits_align_down(pfn, (pfn_t)1 << order);

	while (head < a->base_pfn || head + ((pfn_t)1 << order) > a->end_pfn)
		head = bits_align_down(pfn, (pfn_t)1 << --order);
	return pfn == head ? (int)order : -1;
}

/* a->lock held. */
static int pageinfo_free_order(const struct page_arena *a, pfn_t pfn)
{
	unsigned int i = pageinfo_pb(a, pfn);
	unsigned int page = (unsigned int)(pfn - a->base_pfn) & (QUARRY_PAGEBLOCK_PAGES - 1);
	unsigned int order;

	if (!pageblock_all_set(a->bits[i], page, 0))
		return -1;
	order = pageblock_merged_order(a->bits[i], page, 0);
	if ((page & ((1u << order) - 1)) != 0 || a->pb[i].tail)
		return -1;
	return a->pb[i].filed > QUARRY_PAGEBLOCK_ORDER && a->pb[i].filed != PAGE_NOT_FILED
		       ? a->pb[i].filed
		       : (int)order;
}

int quarry_free_block_order(struct quarry *q, pfn_t pfn)
{
	struct page_arena *a = memmap_arena(q->pages, pfn);
	quarry_pin_t pin;
	int order = -1;

	if (a == NULL)
		return -1;
	pin = arena_lock(q, a);
	if (a->virgin)
		order = pageinfo_virgin_order(a, pfn);
	else if (!a->empty)
		order = pageinfo_free_order(a, pfn);
	arena_unlock(q, a, pin);
	return order;
}

/* a->lock held. */
static int pageinfo_type(const struct page_arena *a, pfn_t pfn)
{
	return a->virgin || (a->empty && a->one_piece) ? a->type : a->pb[pageinfo_pb(a, pfn)].type;
}

int quarry_pageblock_type(struct quarry *q, pfn_t pfn)
{
	struct page_arena *a = memmap_arena(q->pages, pfn);
	quarry_pin_t pin;
	int type;

	if (a == NULL)
		return -QUARRY_ENOENT;
	pin = arena_lock(q, a);
	type = pageinfo_type(a, pfn);
	arena_unlock(q, a, pin);
	return type;
}

bool quarry_pageblock_info(struct quarry *q, pfn_t pfn, struct quarry_pageblock_info *info)
{
	struct page_arena *a = memmap_arena(q->pages, pfn);
	quarry_pin_t pin;
	unsigned int i;

	if (a == NULL)
		return false;
	i = pageinfo_pb(a, pfn);
	info->pfn = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);
	info->nid = a->zone->nid;
	info->zone = (enum quarry_zone_type)a->zone_type;
	pin = arena_lock(q, a);
	info->type = (enum quarry_migratetype)pageinfo_type(a, pfn);
	info->untouched = a->virgin || a->empty || a->pb[i].described == 0;
	info->nr_alike = 1;
	if (a->virgin || (a->empty && a->one_piece))
		info->nr_alike = a->nr_pb - i;
	info->nr_free = a->virgin ? QUARRY_PAGEBLOCK_PAGES : a->empty ? 0 : a->pb[i].nr_free;
	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		info->free[w] = a->virgin ? PAGE_BITS_ALL : a->empty ? 0 : a->bits[i][w];
	arena_unlock(q, a, pin);
	return true;
}

int quarry_set_pageblock_type(struct quarry *q, pfn_t pfn, enum quarry_migratetype type)
{
	struct page_arena *a = memmap_arena(q->pages, pfn);
	int err = -QUARRY_EINVAL;
	quarry_pin_t pin;

	if (a == NULL || (unsigned int)type >= QUARRY_MIGRATE_PCPTYPES)
		return -QUARRY_EINVAL;
	pin = arena_lock(q, a);
	if (!a->empty) {
		unsigned int i = pageinfo_pb(a, pfn);

		if (a->virgin)
			arena_unfold(q, a);
		err = -QUARRY_EBUSY;
		if (a->pb[i].type < QUARRY_MIGRATE_PCPTYPES) {
			arena_set_type(q, a, i, (unsigned int)type);
			err = 0;
		}
	}
	arena_unlock(q, a, pin);
	return err;
}

unsigned long quarry_zone_free_pages(struct quarry *q, int nid, enum quarry_zone_type zone)
{
	const struct page_zone *z;

	if (nid < 0 || nid >= q->pages->nr_nodes || (unsigned int)zone >= QUARRY_NR_ZONES)
		return 0;
	z = page_node_zone(q->pages, nid, (unsigned int)zone);
	return z != NULL ? (unsigned long)quarry_load_relaxed(&z->nr_free) : 0;
}

int quarry_cpu_nid(struct quarry *q, unsigned int cpu, bool mem)
{
	if (cpu >= q->pages->nr_cpus)
		return QUARRY_NO_NODE;
	return mem ? quarry_load_relaxed(&q->pages->cpu_place[cpu].mem_nid)
		   : q->pages->cpu_place[cpu].nid;
}
