/* SPDX-License-Identifier: MIT */
/*
 * Sums of the page layer's tables that change rarely, with QUARRY_HARDENED.
 *
 * Sealed     Marks and reserves of zones, whenever they are computed, under mark_lock; zonelists, when they are
 *            published: never changed after that.
 * Looked at  By the validator, and by each request that its first walk of the zonelist did not serve: there the
 *            first damage that is found is reported, once. The request goes on: what is damaged says who is
 *            served from where, not whose a page is.
 */
#include "internal.h"

#if QUARRY_HARDENED

#include <base/format.h>
#include <base/seal.h>

static uint64_t hardened_zone_sum(const struct page_zone *z)
{
	uint64_t sum = seal_add(z->index, z->boost);

	for (unsigned int m = 0; m < QUARRY_NR_WMARK; m++)
		sum = seal_add(sum, z->wmark[m]);
	for (unsigned int i = 0; i < QUARRY_NR_ZONES; i++)
		sum = seal_add(seal_add(sum, z->reserve[i]), z->fast_mark[i]);
	return sum;
}

static uint64_t hardened_list_sum(const struct page_zonelist *list, unsigned int max)
{
	uint64_t sum = list->nr;

	for (uint32_t i = 0; i < quarry_min(list->nr, max); i++)
		sum = seal_add(sum, (uintptr_t)list->zone[i]);
	return seal_add(sum, list->nr);
}

void hardened_seal_zone(struct page_zone *z)
{
	z->seal = hardened_zone_sum(z);
}

void hardened_seal_list(const struct page_layer *pl, struct page_zonelist *list)
{
	list->seal = hardened_list_sum(list, pl->max_zones);
}

#define HARDENED_NAME 48

/* Whether something was written to: what, in @name. */
static bool hardened_damage(const struct quarry *q, char name[HARDENED_NAME])
{
	const struct page_layer *pl = q->pages;

	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		const struct page_zone *z = &pl->zone[i];

		if (z->seal == hardened_zone_sum(z))
			continue;
		quarry_format(name, HARDENED_NAME, "marks of the zone at pfn %#llx",
			      (unsigned long long)z->start_pfn);
		return true;
	}
	for (int n = 0; n < pl->nr_nodes; n++) {
		const struct page_zonelist *all = zonelist_of(&pl->node[n], false);
		const struct page_zonelist *own = zonelist_of(&pl->node[n], true);

		if (all->seal == hardened_list_sum(all, pl->max_zones) &&
		    own->seal == hardened_list_sum(own, QUARRY_NR_ZONES))
			continue;
		quarry_format(name, HARDENED_NAME, "zonelists of node %d", n);
		return true;
	}
	return false;
}

unsigned int hardened_check(struct quarry *q, const struct quarry_out *out)
{
	char name[HARDENED_NAME];

	if (!hardened_damage(q, name))
		return 0;
	quarry_out_printf(out, "page: %s: written to\n", name);
	return 1;
}

void hardened_look(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	char name[HARDENED_NAME];
	quarry_pin_t pin;
	bool damaged;

	if (quarry_load_relaxed(&pl->hardened_told) != 0)
		return;
	pin = quarry_lock(q->concurrent, &pl->mark_lock);
	damaged = hardened_damage(q, name);
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
	if (damaged && quarry_exchange_acquire(&pl->hardened_told, 1u) == 0)
		quarry_report(q, "page: %s: written to", name);
}

#endif
