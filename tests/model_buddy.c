/* SPDX-License-Identifier: MIT */
#include "model_buddy.h"

#include <stdlib.h>
#include <string.h>

bool model_buddy_init(struct model_buddy *m, pfn_t start, pfn_t end)
{
	memset(m, 0, sizeof(*m));
	m->start = start;
	m->end = end;
	m->block = calloc(1, (size_t)(end - start));
	m->guard = calloc(1, (size_t)(end - start));
	m->type = calloc(1, (size_t)((end - start) / QUARRY_PAGEBLOCK_PAGES + 2));
	return m->block != NULL && m->guard != NULL && m->type != NULL;
}

void model_buddy_fini(struct model_buddy *m)
{
	free(m->block);
	free(m->guard);
	free(m->type);
	m->block = NULL;
	m->guard = NULL;
	m->type = NULL;
}

static bool model_buddy_fits(const struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	pfn_t size = (pfn_t)1 << order;

	return order <= QUARRY_MAX_ORDER && (pfn & (size - 1)) == 0 && pfn >= m->start &&
	       pfn < m->end && m->end - pfn >= size;
}

static unsigned char *model_buddy_type_of(const struct model_buddy *m, pfn_t pfn)
{
	return &m->type[pfn / QUARRY_PAGEBLOCK_PAGES - m->start / QUARRY_PAGEBLOCK_PAGES];
}

unsigned int model_buddy_type(const struct model_buddy *m, pfn_t pfn)
{
	return *model_buddy_type_of(m, pfn);
}

static bool model_buddy_may_merge(const struct model_buddy *m, pfn_t a, pfn_t b)
{
	unsigned int x = model_buddy_type(m, a), y = model_buddy_type(m, b);

	return x == y || (x < QUARRY_MIGRATE_PCPTYPES && y < QUARRY_MIGRATE_PCPTYPES);
}

static void model_buddy_push(struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	m->block[pfn - m->start] = (unsigned char)(order + 1);
	m->nr_free[order]++;
	m->nr_free_type[model_buddy_type(m, pfn)][order]++;
	m->free += 1ul << order;
}

static void model_buddy_pull(struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	m->block[pfn - m->start] = 0;
	m->nr_free[order]--;
	m->nr_free_type[model_buddy_type(m, pfn)][order]--;
	m->free -= 1ul << order;
}

/* Half of a block that was split: free, or set aside. */
static void model_buddy_leave(struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	if (order >= m->minorder) {
		model_buddy_push(m, pfn, order);
		return;
	}
	m->guard[pfn - m->start] = (unsigned char)(order + 1);
	m->guards += 1ul << order;
}

/* A guard counts as a free buddy, and is free from then on. */
static void model_buddy_wake(struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	if (pfn < m->start || pfn >= m->end || m->guard[pfn - m->start] != order + 1)
		return;
	m->guard[pfn - m->start] = 0;
	m->guards -= 1ul << order;
	model_buddy_push(m, pfn, order);
}

static bool model_buddy_is(const struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	return pfn >= m->start && pfn < m->end && m->block[pfn - m->start] == order + 1;
}

int model_buddy_find(const struct model_buddy *m, pfn_t pfn, pfn_t *head)
{
	for (unsigned int o = 0; o <= QUARRY_MAX_ORDER; o++) {
		*head = pfn & ~(((pfn_t)1 << o) - 1);
		if (model_buddy_is(m, *head, o))
			return (int)o;
	}
	return -1;
}

bool model_buddy_alloc(struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	pfn_t head;
	int found;

	if (!model_buddy_fits(m, pfn, order))
		return false;
	found = model_buddy_find(m, pfn, &head);
	if (found < (int)order)
		return false;
	model_buddy_pull(m, head, (unsigned int)found);
	for (unsigned int o = (unsigned int)found; o-- > order;) {
		pfn_t half = (pfn_t)1 << o;

		if (pfn < head + half) {
			model_buddy_leave(m, head + half, o);
		} else {
			model_buddy_leave(m, head, o);
			head += half;
		}
	}
	return true;
}

/* The block (@pfn, @order) becomes free. */
static void model_buddy_merge(struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	while (order < QUARRY_MAX_ORDER) {
		pfn_t buddy = pfn ^ (pfn_t)1 << order;

		model_buddy_wake(m, buddy, order);
		if (!model_buddy_is(m, buddy, order) || !model_buddy_may_merge(m, pfn, buddy))
			break;
		model_buddy_pull(m, buddy, order);
		pfn &= ~((pfn_t)1 << order);
		order++;
	}
	model_buddy_push(m, pfn, order);
}

/* Whether the pageblocks of (@pfn, @order) may be one free block. */
static bool model_buddy_is_alike(const struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	for (pfn_t p = pfn; p < pfn + ((pfn_t)1 << order); p += QUARRY_PAGEBLOCK_PAGES) {
		if (!model_buddy_may_merge(m, pfn, p))
			return false;
	}
	return true;
}

bool model_buddy_free(struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	pfn_t head;

	if (!model_buddy_fits(m, pfn, order))
		return false;
	for (pfn_t p = pfn; p < pfn + ((pfn_t)1 << order); p++) {
		if (model_buddy_find(m, p, &head) >= 0)
			return false;
	}
	/* Its pageblocks may have come apart while it was in use. */
	if (!model_buddy_is_alike(m, pfn, order)) {
		for (pfn_t p = pfn; p < pfn + ((pfn_t)1 << order); p += QUARRY_PAGEBLOCK_PAGES)
			model_buddy_merge(m, p, QUARRY_PAGEBLOCK_ORDER);
		return true;
	}
	model_buddy_merge(m, pfn, order);
	return true;
}

/* A block of several pageblocks falls apart, so that the one at @start is a block by itself. */
static void model_buddy_part(struct model_buddy *m, pfn_t start)
{
	pfn_t head;
	int found = model_buddy_find(m, start, &head);

	if (found <= QUARRY_PAGEBLOCK_ORDER)
		return;
	model_buddy_pull(m, head, (unsigned int)found);
	while (found-- > QUARRY_PAGEBLOCK_ORDER) {
		pfn_t half = (pfn_t)1 << found;

		model_buddy_push(m, start < head + half ? head + half : head, (unsigned int)found);
		head += start < head + half ? 0 : half;
	}
	model_buddy_push(m, head, QUARRY_PAGEBLOCK_ORDER);
}

void model_buddy_set_type(struct model_buddy *m, pfn_t pfn, unsigned int type)
{
	pfn_t start = pfn & ~(pfn_t)(QUARRY_PAGEBLOCK_PAGES - 1), p;
	pfn_t end = start + QUARRY_PAGEBLOCK_PAGES;
	unsigned char order[QUARRY_PAGEBLOCK_PAGES] = {0}; /* + 1, of what is free inside */

	model_buddy_part(m, start);
	start = start > m->start ? start : m->start;
	end = end < m->end ? end : m->end;
	for (p = start; p < end; p++) {
		order[p - start] = m->block[p - m->start];
		if (order[p - start] != 0)
			model_buddy_pull(m, p, order[p - start] - 1u);
	}
	*model_buddy_type_of(m, pfn) = (unsigned char)type;
	for (p = start; p < end; p++) {
		if (order[p - start] != 0)
			model_buddy_merge(m, p, order[p - start] - 1u);
	}
}
