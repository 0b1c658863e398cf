/* SPDX-License-Identifier: MIT */
/* The replay engine: events whose address goes against what is alive, and what that is. */
#include <inttypes.h>
#include <stdio.h>

#include <engine_parts.h>

static struct collision_place *engine_collide(struct engine *e, enum collision kind)
{
	const uint64_t event = e->result.events;

	return collisions_add(&e->result.collisions, kind, e->t,
			      &e->t->batch[event - e->batch_event - 1], event);
}

void engine_collide_object(struct engine *e, enum collision kind, uint64_t value)
{
	struct collision_place *p = engine_collide(e, kind);
	unsigned int cache = (unsigned int)(value >> OBJECT_CACHE_SHIFT);

	if (p == NULL || value == 0)
		return;
	if (cache == OBJECT_REFUSED)
		snprintf(p->was, sizeof(p->was), "an object that was refused here is alive");
	else if (cache == OBJECT_KMALLOC)
		snprintf(p->was, sizeof(p->was), "an object of kmalloc() is alive");
	else
		snprintf(p->was, sizeof(p->was), "an object of %.32s is alive",
			 e->caches[cache].name);
}

void engine_collide_block(struct engine *e, enum collision kind, uint64_t pfn, unsigned int order)
{
	struct collision_place *p = engine_collide(e, kind);
	const uint64_t end = pfn + ((uint64_t)1 << order);
	const struct frame *f = frames_at(&e->frames, pfn);
	uint64_t head, value;
	const char *what = "a block";

	while (!(f->bits & FRAME_LIVE) && ++pfn < end)
		f = frames_at(&e->frames, pfn);
	if (p == NULL || pfn == end)
		return;
	head = engine_block_head(f, pfn);
	value = frames_at(&e->frames, head)->block;
	if (value & BLOCK_SLAB)
		what = "a slab's block";
	else if (value & BLOCK_REFUSED)
		what = "a block that was refused here";
	snprintf(p->was, sizeof(p->was), "%s of order %u at 0x%" PRIx64 " is alive", what,
		 (unsigned int)(value & BLOCK_ORDER_MASK), head);
}

void engine_look_back(struct engine *e, const char *path)
{
	collisions_look_back(&e->result.collisions, path, e->t->format);
}
