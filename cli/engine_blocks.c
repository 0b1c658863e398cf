/* SPDX-License-Identifier: MIT */
/* The replay engine: blocks of pages, from the event that waits to the last piece that is freed. */
#include <engine_parts.h>

static uint64_t *engine_block(const struct engine *e, uint64_t pfn)
{
	return &frames_at(&e->frames, pfn)->block;
}

/* The block at @pfn turned out to be a slab page while it was held back. */
void engine_pending_is_slab(struct engine *e, struct engine_pending *p)
{
	unsigned int order = e->ops[p->desc].order;

	p->used = false;
	*engine_block(e, p->pfn) = BLOCK_SLAB | order;
	engine_mark(e, p->pfn, order, FRAME_LIVE);
	engine_count(e, TRACE_PAGE_ALLOC, ENGINE_SLAB_PAGE);
}

/* Nothing says that it is a slab page: take it, on its own CPU. */
void engine_pending_play(struct engine *e, struct engine_pending *p)
{
	const struct engine_op *op = &e->ops[p->desc];
	uint64_t *value = engine_block(e, p->pfn);
	unsigned int cpu = e->cpu;
	struct page *page;
	uint64_t pfn;

	p->used = false;
	engine_set_cpu(e, p->cpu);
	page = quarry_alloc_pages(e->q, op->gfp, op->order);
	if (cpu != ~0u)
		engine_set_cpu(e, cpu);
	if (page == NULL) {
		*value = BLOCK_REFUSED | op->order;
		engine_mark(e, p->pfn, op->order, FRAME_LIVE);
		engine_refused(e, op, p->desc, (uint64_t)QUARRY_PAGE_SIZE << op->order);
		return;
	}
	pfn = quarry_page_to_pfn(e->q, page);
	*value = pfn << BLOCK_SHIFT | BLOCK_OURS | op->order;
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
	uint64_t head = engine_block_head(frames_at(&e->frames, pfn), pfn);
	uint64_t value = *engine_block(e, head);
	unsigned int order = value & BLOCK_ORDER_MASK;

	if (!(value & BLOCK_OURS))
		return;
	engine_collide_block(e, COLLISION_OBJECT_ON_BLOCK, head, 0);
	engine_block_return(e, value);
	*engine_block(e, head) = BLOCK_SLAB | (value & BLOCK_PIECE) | order;
	engine_mark(e, head, order, FRAME_LIVE);
	e->result.late_slab_pages++;
	if (!(value & BLOCK_PIECE)) {
		e->result.fate[TRACE_PAGE_ALLOC][ENGINE_REPLAYED]--;
		engine_count(e, TRACE_PAGE_ALLOC, ENGINE_SLAB_PAGE);
	}
}

/*
 * Objects in a slab's block that are alive here have been freed without an event, unless the recorder tells all
 * frees: the pages are free.
 */
static void engine_sweep_frame(struct engine *e, uint64_t pfn)
{
	struct frame *f = frames_at(&e->frames, pfn);

	for (uint32_t i = 0; f->objects != 0 && i < 1u << f->class; i++) {
		uint64_t *place = &e->frames.object[f->objects + i], value = *place;

		if (value == 0 || e->t->implied_known)
			continue;
		*place = 0;
		engine_owners_object_freed(
			&e->owners,
			e->object_start + ((pfn << FRAMES_PLACE_BITS | (value & FRAMES_OFFSET_MASK))
					   << e->object_unit));
		e->result.implied_objects += engine_object_release(e, value);
	}
	frames_trim(&e->frames, f);
}

static void engine_sweep(struct engine *e, uint64_t pfn, unsigned int order)
{
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		uint64_t frame = pfn + i - e->object_ahead;

		if (engine_frame_known(e) &&
		    frame < e->object_limit >> FRAMES_PLACE_BITS >> e->object_unit)
			engine_sweep_frame(e, frame);
	}
}

/* The block at @head, which is no longer held back. */
static uint64_t engine_block_settle(struct engine *e, uint64_t head)
{
	uint64_t value = *engine_block(e, head);

	if (!(value & BLOCK_PENDING))
		return value;
	engine_pending_play(e, &e->pending[value >> BLOCK_SHIFT]);
	return *engine_block(e, head);
}

/* Take the block at @head out of the table and free ours; its order. */
static unsigned int engine_block_release(struct engine *e, uint64_t head, struct engine_met *met)
{
	uint64_t value = engine_block_settle(e, head);
	unsigned int order = value & BLOCK_ORDER_MASK;

	if (value & BLOCK_OURS) {
		engine_block_return(e, value);
		met->ours++;
	} else if (value & BLOCK_SLAB) {
		engine_sweep(e, head, order);
		met->slab++;
	} else {
		met->refused++;
	}
	*engine_block(e, head) = 0;
	engine_mark(e, head, order, 0);
	return order;
}

/* Turn the block at @head into single pages, here and in the table. False: it cannot be. */
static bool engine_split(struct engine *e, uint64_t head)
{
	uint64_t value = engine_block_settle(e, head), ours = value >> BLOCK_SHIFT, kind;
	unsigned int order = value & BLOCK_ORDER_MASK;
	unsigned int bits = FRAME_LIVE | (value & BLOCK_OURS ? FRAME_OURS : 0);
	bool movable = false;

	kind = (value & (BLOCK_OURS | BLOCK_SLAB | BLOCK_REFUSED)) | BLOCK_PIECE;
	if (kind & BLOCK_OURS) {
		movable = e->places.mover != 0 && engine_places_forget(&e->places, ours);
		if (quarry_split_page(e->q, quarry_pfn_to_page(e->q, ours), order) != 0)
			return false;
		engine_owners_block_split(&e->owners, ours);
	}
	e->result.split_blocks++;
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		*engine_block(e, head + i) =
			kind | (kind & BLOCK_OURS ? (ours + i) << BLOCK_SHIFT : 0);
		engine_mark(e, head + i, 0, bits);
		if (movable)
			engine_places_add(&e->places, ours + i, head + i);
	}
	return true;
}

/* Free whatever is alive in the 2^@order frames from @pfn on. */
void engine_release(struct engine *e, uint64_t pfn, unsigned int order, struct engine_met *met)
{
	const uint64_t end = pfn + ((uint64_t)1 << order);

	while (pfn < end) {
		const struct frame *f = frames_at(&e->frames, pfn);
		uint64_t head = engine_block_head(f, pfn);

		if (!(f->bits & FRAME_LIVE) ||
		    ((head != pfn || end - pfn < (uint64_t)1 << (f->bits >> FRAME_ORDER_SHIFT)) &&
		     !engine_split(e, head)))
			pfn++;
		else
			pfn += (uint64_t)1 << engine_block_release(e, pfn, met);
	}
}
