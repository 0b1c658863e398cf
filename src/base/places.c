/* SPDX-License-Identifier: MIT */
#include <base/places.h>

#define PLACES_SLOTS (2u * PLACES_MAX)

void places_init(struct places *p)
{
	quarry_lock_init(&p->lock, QUARRY_LOCK_LEAF);
	p->nr = 1;
}

static uintptr_t place_key(const struct quarry_page_site *site, const void *address)
{
	return site != NULL ? (uintptr_t)site : (uintptr_t)address;
}

uint16_t place_of_locked(struct places *p, const struct quarry_page_site *site, const void *address)
{
	uintptr_t key = place_key(site, address);
	uint32_t i = (uint32_t)((uint64_t)key * 0x9e3779b97f4a7c15u >> 40) % PLACES_SLOTS;

	if (key == 0)
		return 0;
	for (; p->slot[i] != 0; i = (i + 1) % PLACES_SLOTS) {
		const struct quarry_page_site_info *s = &p->place[p->slot[i]];

		if (place_key(s->site, s->address) == key)
			return p->slot[i];
	}
	if (p->nr == PLACES_MAX)
		return 0;
	p->slot[i] = (uint16_t)p->nr;
	p->place[p->nr].site = site;
	p->place[p->nr].address = site == NULL ? address : NULL;
	return (uint16_t)p->nr++;
}

void place_hold_locked(struct places *p, uint16_t number, uint64_t bytes, int times)
{
	p->place[number].live_blocks += (uint64_t)(int64_t)times;
	p->place[number].live_bytes += (uint64_t)(int64_t)times * bytes;
}

void place_take_locked(struct places *p, uint16_t number, uint64_t bytes)
{
	place_hold_locked(p, number, bytes, 1);
	p->place[number].blocks++;
	p->place[number].bytes += bytes;
}

bool place_info(struct quarry *q, struct places *p, unsigned int index,
		struct quarry_page_site_info *info)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &p->lock);
	bool found = index < p->nr;

	if (found)
		*info = p->place[index];
	quarry_unlock(q->concurrent, &p->lock, pin);
	return found;
}
