/* SPDX-License-Identifier: MIT */
#include "page_hoard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void hoard_add(struct hoard *h, struct page *page, unsigned int order)
{
	if (h->n == h->room) {
		h->room = h->room != 0 ? 2 * h->room : 1024;
		h->page = realloc(h->page, sizeof(*h->page) * h->room);
		h->order = realloc(h->order, sizeof(*h->order) * h->room);
		assert_true(h->page != NULL && h->order != NULL);
	}
	h->page[h->n] = page;
	h->order[h->n++] = order;
	h->pages += (size_t)1 << order;
}

void hoard_order(struct machine *m, struct hoard *h, gfp_t gfp, unsigned int order)
{
	struct page *page;

	while ((page = quarry_alloc_pages(m->q, gfp, order)) != NULL)
		hoard_add(h, page, order);
}

void hoard_all(struct machine *m, struct hoard *h, gfp_t gfp)
{
	for (unsigned int order = QUARRY_NR_ORDERS; order-- > 0;)
		hoard_order(m, h, gfp, order);
}

void hoard_free(struct machine *m, struct hoard *h)
{
	uint64_t seed = 1;

	while (h->n > 0) {
		size_t k = (size_t)(machine_random(&seed) % h->n);

		quarry_free_pages(m->q, h->page[k], h->order[k]);
		h->n--;
		h->page[k] = h->page[h->n];
		h->order[k] = h->order[h->n];
	}
	free(h->page);
	free(h->order);
	memset(h, 0, sizeof(*h));
}

unsigned long managed_pages(struct machine *m)
{
	struct quarry_totals totals;

	quarry_totals(m->q, &totals);
	return totals.managed;
}

void exhaust_and_return(struct machine *m)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
	struct hoard h = {0};

	machine_free_blocks(m, before);
	hoard_all(m, &h, GFP_ALL);
	hoard_all(m, &h, GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC);
	assert_int_equal(machine_free_pages(m), 0);
	assert_int_equal(h.pages, managed_pages(m));
	machine_check(m);
	hoard_free(m, &h);
	quarry_drain_all_pages(m->q);
	machine_check(m);
	machine_free_blocks(m, after);
	machine_assert_same_blocks(before, after);
	assert_int_equal(m->reports, 0);
}
