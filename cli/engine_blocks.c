/* SPDX-License-Identifier: MIT */
/* The replay engine: blocks of pages, from the event that waits to the last piece that is freed. */
#include <engine_parts.h>

#define ENGINE_SLAB_ORDER 3 /* the largest order that Linux gives a slab unless told */

/* The block that frame @pfn lies in: its value, and its first frame in *head; 0 if there is none. */
static uint64_t engine_block_of(const struct engine *e, uint64_t pfn, uint64_t *head)
{
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		uint64_t first = pfn & ~(((uint64_t)1 << order) - 1);
		uint64_t value = idmap_get(&e->blocks, first);

		if (value != 0 && (pfn - first) >> (value & BLOCK_ORDER_MASK) == 0) {
			*head = first;
			return value;
		}
	}
	return 0;
}

/* The block at @pfn turned out to be a slab page while it was held back. */
void engine_pending_is_slab(struct engine *e, struct engine_pending *p)
{
	unsigned int order = e->ops[p->desc].order;

	p->used = false;
	idmap_find(&e->blocks, p->pfn)->value = BLOCK_SLAB | order;
	engine_mark(e, p->pfn, order, FRAME_LIVE);
	engine_count(e, TRACE_PAGE_ALLOC, ENGINE_SLAB_PAGE);
}

/* Nothing says that it is a slab page: take it, on its own CPU. */
void engine_pending_play(struct engine *e, struct engine_pending *p)
{
	const struct engine_op *op = &e->ops[p->desc];
	struct idmap_slot *s = idmap_find(&e->blocks, p->pfn);
	unsigned int cpu = e->cpu;
	struct page *page;
	uint64_t pfn;

	p->used = false;
	engine_set_cpu(e, p->cpu);
	page = quarry_alloc_pages(e->q, op->gfp, op->order);
	if (cpu != ~0u)
		engine_set_cpu(e, cpu);
	if (page == NULL) {
		s->value = BLOCK_REFUSED | op->order;
		engine_mark(e, p->pfn, op->order, FRAME_LIVE);
		engine_refused(e, op, p->desc, (uint64_t)QUARRY_PAGE_SIZE << op->order);
		return;
	}
	pfn = quarry_page_to_pfn(e->q, page);
	s->value = pfn << BLOCK_SHIFT | BLOCK_OURS | op->order;
	engine_mark(e, p->pfn, op->order, FRAME_LIVE | FRAME_OURS);
	if (e->places.mover != 0 && (op->gfp & __GFP_MOVABLE) != 0)
		engine_places_add(&e->places, pfn, p->pfn);
	engine_owners_block(&e->owners, pfn, op->order, p->desc);
	engine_digest(e, pfn);
	engine_count(e, TRACE_PAGE_ALLOC, ENGINE_REPLAYED);
	e->result.live_pages += (uint64_t)1 << op->order;
}

/* Give our half of a block back. */
void engine_block_return(struct engine *e, uint64_t value)
{
	unsigned int order = value & BLOCK_ORDER_MASK;

	if (e->places.mover != 0)
		engine_places_forget(&e->places, value >> BLOCK_SHIFT);
	engine_owners_block_freed(&e->owners, value >> BLOCK_SHIFT);
	quarry_free_pages(e->q, quarry_pfn_to_page(e->q, value >> BLOCK_SHIFT), order);
	e->result.live_pages -= (uint64_t)1 << order;
}

/* An object lies in a block that was replayed: give ours back and remember it as a slab page. */
void engine_became_slab(struct engine *e, uint64_t pfn)
{
	uint64_t head, value = engine_block_of(e, pfn, &head);
	unsigned int order = value & BLOCK_ORDER_MASK;

	if (!(value & BLOCK_OURS))
		return;
	engine_block_return(e, value);
	idmap_find(&e->blocks, head)->value = BLOCK_SLAB | (value & BLOCK_PIECE) | order;
	engine_mark(e, head, order, FRAME_LIVE);
	e->result.late_slab_pages++;
	if (!(value & BLOCK_PIECE)) {
		e->result.fate[TRACE_PAGE_ALLOC][ENGINE_REPLAYED]--;
		engine_count(e, TRACE_PAGE_ALLOC, ENGINE_SLAB_PAGE);
	}
}

/*
 * Objects in a slab's block that are alive here have been freed without an event: the pages are free.
 * They may start at every 8 bytes; in blocks that are larger than slabs, at every page.
 */
static void engine_sweep(struct engine *e, uint64_t pfn, unsigned int order)
{
	unsigned int shift = e->t->object_shift;
	uint64_t first = e->t->object_base + (pfn << shift);
	uint64_t step = order <= ENGINE_SLAB_ORDER ? 8 : QUARRY_PAGE_SIZE;

	if (e->t->implied_known || shift == 0)
		return;
	/* In units of the recording's addresses, bytes or eight of them. */
	step >>= QUARRY_PAGE_SHIFT - shift;
	for (uint64_t at = 0; at < (uint64_t)1 << (shift + order); at += step) {
		uint64_t value = idmap_take(&e->objects, first + at);

		if (value == 0)
			continue;
		engine_owners_object_freed(&e->owners, first + at);
		e->result.implied_objects += engine_object_release(e, value);
	}
}

/* Take the block at @head, with @value, out of the map and free ours. */
static void engine_block_release(struct engine *e, uint64_t head, uint64_t value,
				 struct engine_met *met)
{
	unsigned int order = value & BLOCK_ORDER_MASK;

	if (value & BLOCK_PENDING) {
		engine_pending_play(e, &e->pending[value >> BLOCK_SHIFT]);
		value = idmap_get(&e->blocks, head);
	}
	if (value & BLOCK_OURS) {
		engine_block_return(e, value);
		met->ours++;
	} else if (value & BLOCK_SLAB) {
		engine_sweep(e, head, order);
		met->slab++;
	} else {
		met->refused++;
	}
	idmap_take(&e->blocks, head);
	engine_mark(e, head, order, 0);
}

/* Turn the block at @head into single pages, here and in the map. */
static void engine_split(struct engine *e, uint64_t head, uint64_t value)
{
	unsigned int order;
	uint64_t kind, ours;
	bool movable = false;

	if (value & BLOCK_PENDING) {
		engine_pending_play(e, &e->pending[value >> BLOCK_SHIFT]);
		value = idmap_get(&e->blocks, head);
	}
	order = value & BLOCK_ORDER_MASK;
	ours = value >> BLOCK_SHIFT;
	kind = (value & (BLOCK_OURS | BLOCK_SLAB | BLOCK_REFUSED)) | BLOCK_PIECE;
	if (kind & BLOCK_OURS) {
		movable = e->places.mover != 0 && engine_places_forget(&e->places, ours);
		if (quarry_split_page(e->q, quarry_pfn_to_page(e->q, ours), order) != 0)
			return;
		engine_owners_block_split(&e->owners, ours);
	}
	e->result.split_blocks++;
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		struct idmap_slot *s = idmap_add(&e->blocks, head + i);

		if (s == NULL) {
			e->result.full = true;
			return;
		}
		if (i > 0 && s->value != 0) {
			/* Only where frames[] is too short: the frame has found a new owner. */
			if (kind & BLOCK_OURS)
				engine_block_return(e, (ours + i) << BLOCK_SHIFT);
			continue;
		}
		s->value = kind | (kind & BLOCK_OURS ? (ours + i) << BLOCK_SHIFT : 0);
		if (movable)
			engine_places_add(&e->places, ours + i, head + i);
	}
}

/* Free whatever is alive in the 2^@order frames from @pfn on. */
void engine_release(struct engine *e, uint64_t pfn, unsigned int order, struct engine_met *met)
{
	uint64_t end = pfn + ((uint64_t)1 << order), head = pfn;
	uint64_t value = idmap_get(&e->blocks, pfn);

	if (value != 0 && (value & BLOCK_ORDER_MASK) == order) {
		engine_block_release(e, pfn, value, met);
		return;
	}
	while (pfn != end) {
		if (!(*engine_frame_bits(e, pfn) & FRAME_LIVE)) {
			pfn++;
			continue;
		}
		value = engine_block_of(e, pfn, &head);
		if (value == 0) {
			engine_mark(e, pfn, 0, 0);
			pfn++;
			continue;
		}
		if (head != pfn || end - pfn < (uint64_t)1 << (value & BLOCK_ORDER_MASK)) {
			engine_split(e, head, value);
			value = idmap_get(&e->blocks, pfn);
			if (value == 0 || (value & BLOCK_ORDER_MASK) != 0 || e->result.full) {
				pfn++;
				continue;
			}
		}
		engine_block_release(e, pfn, value, met);
		pfn += (uint64_t)1 << (value & BLOCK_ORDER_MASK);
	}
}
