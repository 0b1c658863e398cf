/* SPDX-License-Identifier: MIT */
/*
 * Many single pages in one call.
 *
 * The watermark is tested once for all, the CPU's sheaf entered once for many; what the first zone cannot
 * give above its low watermark is asked for one by one, with all that a request may try.
 */
#include "internal.h"

#include <base/string.h>

static size_t bulk_filled(size_t nr, struct page *const *pages)
{
	size_t n = 0;

	while (n < nr && pages[n] != NULL)
		n++;
	return n;
}

/* The first zone of the list that stays above its low mark with @nr pages less; NULL: none. */
static struct page_zone *bulk_zone(struct quarry *q, int nid, gfp_t gfp, size_t nr,
				   unsigned int flags)
{
	struct page_layer *pl = q->pages;
	const struct page_zonelist *list = zonelist_of(&pl->node[nid], (gfp & __GFP_THISNODE) != 0);
	unsigned int highest = pl->highest_zone[gfp & 15u];

	for (uint32_t i = 0; i < list->nr; i++) {
		struct page_zone *z = list->zone[i];

		if (z->type <= highest)
			return zone_watermark_ok(pl, z, 0, zone_mark(z, QUARRY_WMARK_LOW) + nr,
						 highest, flags, NULL)
				       ? z
				       : NULL;
	}
	return NULL;
}

static void bulk_zero(struct quarry *q, struct page *page)
{
	if (!q->no_access)
		quarry_memset(quarry_page_address(q, page), 0, QUARRY_PAGE_SIZE);
}

/* What the sheaf gives. */
static void bulk_from_sheaf(struct quarry *q, int nid, gfp_t gfp, size_t nr, struct page **pages)
{
	unsigned int type = page_gfp_type(q->pages, gfp);
	unsigned int flags = type == QUARRY_MIGRATE_MOVABLE ? ZONE_ALLOC_CMA : 0;
	struct page_zone *z = bulk_zone(q, nid, gfp, nr, flags);
	size_t first = bulk_filled(nr, pages), got;

	/* Owners, failures by will and the like see single requests. */
	if (z == NULL || page_prep_on(q))
		return;
	do {
		got = pcp_alloc_bulk(q, z, type, flags, nr - first, pages + first);
		if ((gfp & __GFP_ZERO) != 0) {
			for (size_t i = first, n = got; n > 0; i++, n--)
				bulk_zero(q, pages[i]);
		}
		first += bulk_filled(nr - first, pages + first);
	} while (got != 0 && first < nr);
}

size_t quarry_alloc_pages_bulk(struct quarry *q, int nid, gfp_t gfp, size_t nr, struct page **pages)
{
	int here = page_this_nid(q->pages);
	size_t n;

	gfp = quarry_gfp_context(q, gfp);
	if (nid >= q->pages->nr_nodes)
		return bulk_filled(nr, pages);
	/* Single entries between filled ones are rare, and not worth a sheaf's entry. */
	n = bulk_filled(nr, pages);
	if ((nid < 0 || nid == here) && n < nr && pages[nr - 1] == NULL)
		bulk_from_sheaf(q, here, gfp, nr - n, pages + n);
	for (n += bulk_filled(nr - n, pages + n); n < nr; n += bulk_filled(nr - n, pages + n)) {
		pages[n] = quarry_alloc_pages_node(q, nid, gfp, 0);
		if (pages[n] == NULL)
			break;
	}
	return n;
}
