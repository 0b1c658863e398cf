/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <quarry/quarry.h>

#include <engine.h>
#include <engine_owners.h>

#define OWNERS_ORDER_BITS 4

void engine_owners_start(struct engine_owners *o)
{
	o->on = true;
	idmap_init(&o->objects);
	idmap_init(&o->blocks);
}

void engine_owners_free(struct engine_owners *o)
{
	if (!o->on)
		return;
	idmap_free(&o->objects);
	idmap_free(&o->blocks);
	free(o->of);
}

static struct engine_owner *owners_of(struct engine_owners *o, uint32_t desc)
{
	if (desc >= o->cap) {
		uint32_t cap = o->cap > 0 ? o->cap : 256;

		while (cap <= desc)
			cap *= 2;
		o->of = xrealloc(o->of, cap, sizeof(o->of[0]));
		memset(o->of + o->cap, 0, (cap - o->cap) * sizeof(o->of[0]));
		o->cap = cap;
	}
	if (desc >= o->nr)
		o->nr = desc + 1;
	return &o->of[desc];
}

static void owners_took(struct engine_owner *one, uint64_t bytes)
{
	one->allocs++;
	one->live++;
	one->live_bytes += bytes;
	if (one->max_live_bytes < one->live_bytes)
		one->max_live_bytes = one->live_bytes;
}

static void owners_gave(struct engine_owner *one, uint64_t bytes)
{
	one->frees++;
	one->live--;
	one->live_bytes -= bytes;
}

void engine_owners_object(struct engine_owners *o, uint64_t addr, uint32_t desc, uint64_t bytes)
{
	struct idmap_slot *s;
	struct engine_owner *one;

	if (!o->on)
		return;
	engine_owners_object_freed(o, addr);
	s = idmap_add(&o->objects, addr);
	if (s == NULL)
		return;
	s->value = (uint64_t)desc + 1;
	one = owners_of(o, desc);
	one->object_bytes = bytes;
	owners_took(one, bytes);
}

void engine_owners_object_freed(struct engine_owners *o, uint64_t addr)
{
	uint64_t value = o->on ? idmap_take(&o->objects, addr) : 0;

	if (value != 0)
		owners_gave(&o->of[value - 1], o->of[value - 1].object_bytes);
}

static uint64_t owners_block_bytes(uint64_t value)
{
	return (uint64_t)QUARRY_PAGE_SIZE << (value & ((1u << OWNERS_ORDER_BITS) - 1));
}

void engine_owners_block(struct engine_owners *o, uint64_t pfn, unsigned int order, uint32_t desc)
{
	struct idmap_slot *s;

	if (!o->on)
		return;
	s = idmap_add(&o->blocks, pfn);
	if (s == NULL)
		return;
	s->value = ((uint64_t)desc + 1) << OWNERS_ORDER_BITS | order;
	owners_took(owners_of(o, desc), owners_block_bytes(s->value));
}

void engine_owners_block_freed(struct engine_owners *o, uint64_t pfn)
{
	uint64_t value = o->on ? idmap_take(&o->blocks, pfn) : 0;

	if (value != 0)
		owners_gave(&o->of[(value >> OWNERS_ORDER_BITS) - 1], owners_block_bytes(value));
}

void engine_owners_block_moved(struct engine_owners *o, uint64_t from, uint64_t to)
{
	uint64_t value = o->on ? idmap_take(&o->blocks, from) : 0;
	struct idmap_slot *s = value != 0 ? idmap_add(&o->blocks, to) : NULL;

	if (s != NULL)
		s->value = value;
}

void engine_owners_block_split(struct engine_owners *o, uint64_t pfn)
{
	uint64_t value = o->on ? idmap_take(&o->blocks, pfn) : 0;
	uint64_t pages = owners_block_bytes(value) / QUARRY_PAGE_SIZE;
	struct engine_owner *one;

	if (value == 0)
		return;
	one = &o->of[(value >> OWNERS_ORDER_BITS) - 1];
	one->live += pages - 1;
	one->allocs += pages - 1;
	for (uint64_t i = 0; i < pages; i++) {
		struct idmap_slot *s = idmap_add(&o->blocks, pfn + i);

		if (s != NULL)
			s->value = value >> OWNERS_ORDER_BITS << OWNERS_ORDER_BITS;
	}
}

bool engine_owners_block_of(const struct engine_owners *o, uint64_t pfn, uint32_t *desc)
{
	uint64_t value = o->on ? idmap_get(&o->blocks, pfn) : 0;

	if (value == 0)
		return false;
	*desc = (uint32_t)(value >> OWNERS_ORDER_BITS) - 1;
	return true;
}
