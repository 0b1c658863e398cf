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
	return m->block != NULL;
}

void model_buddy_fini(struct model_buddy *m)
{
	free(m->block);
	m->block = NULL;
}

static bool model_buddy_fits(const struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	pfn_t size = (pfn_t)1 << order;

	return order <= QUARRY_MAX_ORDER && (pfn & (size - 1)) == 0 && pfn >= m->start &&
	       pfn < m->end && m->end - pfn >= size;
}

static void model_buddy_push(struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	m->block[pfn - m->start] = (unsigned char)(order + 1);
	m->nr_free[order]++;
	m->free += 1ul << order;
}

static void model_buddy_pull(struct model_buddy *m, pfn_t pfn, unsigned int order)
{
	m->block[pfn - m->start] = 0;
	m->nr_free[order]--;
	m->free -= 1ul << order;
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
			model_buddy_push(m, head + half, o);
		} else {
			model_buddy_push(m, head, o);
			head += half;
		}
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
	while (order < QUARRY_MAX_ORDER) {
		pfn_t buddy = pfn ^ (pfn_t)1 << order;

		if (!model_buddy_is(m, buddy, order))
			break;
		model_buddy_pull(m, buddy, order);
		pfn &= ~((pfn_t)1 << order);
		order++;
	}
	model_buddy_push(m, pfn, order);
	return true;
}
