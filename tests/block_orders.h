/* SPDX-License-Identifier: MIT */
/* The blocks that a buddy system makes of free pages, counted the slow way. */
#ifndef TESTS_BLOCK_ORDERS_H
#define TESTS_BLOCK_ORDERS_H

#include <string.h>

#include <quarry/quarry.h>

/* Of the pages [0, @n) those that are @free: blocks of each order, the largest that fit first. */
static inline void block_orders_of(const bool *free, pfn_t n,
				   unsigned long nr_free[QUARRY_NR_ORDERS])
{
	memset(nr_free, 0, QUARRY_NR_ORDERS * sizeof(nr_free[0]));
	for (pfn_t at = 0; at < n;) {
		unsigned int order = 0;

		if (!free[at]) {
			at++;
			continue;
		}
		for (unsigned int o = 1; o <= QUARRY_MAX_ORDER && at % ((pfn_t)1 << o) == 0; o++) {
			pfn_t end = at;

			while (end < n && end < at + ((pfn_t)1 << o) && free[end])
				end++;
			if (end < at + ((pfn_t)1 << o))
				break;
			order = o;
		}
		nr_free[order]++;
		at += (pfn_t)1 << order;
	}
}

/* What the booted machine @q has on its lists. */
static inline void block_orders_had(struct quarry *q, unsigned long nr_free[QUARRY_NR_ORDERS])
{
	struct quarry_zone_info info;

	memset(nr_free, 0, QUARRY_NR_ORDERS * sizeof(nr_free[0]));
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int z = 0; z < QUARRY_NR_ZONES; z++) {
			if (!quarry_zone_info(q, nid, (enum quarry_zone_type)z, &info))
				continue;
			for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
				nr_free[o] += info.nr_free[o];
		}
	}
}

#endif
