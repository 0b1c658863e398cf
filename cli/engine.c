/* SPDX-License-Identifier: MIT */
/*
 * The replay engine.
 *
 * Problem	A recording says which addresses Linux handed out and got back. Here the same requests
 *		are made of another memory system, which hands out addresses of its own: recorded
 *		addresses serve as names only. And a recording has holes: things taken before it
 *		began, frees and allocations without an event. Each event finds one fate, and is
 *		counted there.
 *
 * Tables	frames	by recorded page frame (engine_frames.h): its block, with our pfn, order and kind; the
 *			objects in it, with our address and the cache that each came from
 *		objects	by recorded address: those whose frame is not known, as of hashed addresses
 *
 * Slab pages	Linux's slabs take pages, and both the page and its objects have events. Ours takes
 *		its own pages: so a recorded page that turns out to hold objects must not be taken. A
 *		page allocation is held back until the next event of its CPU: if that allocates an
 *		object in it, it was a slab page (or a kmalloc() of whole pages). The slab's accounting
 *		may allocate before the object does, so that a page that no user can have waits for a
 *		few objects more. Where the object shows up later still, our page is given back then:
 *		a late slab page.
 *
 * Kinds of block
 *		pending	held back; number of its place in pending[]
 *		ours	replayed; our pfn
 *		slab	a slab page of the recorded kernel; nothing here
 *		refused	our machine had no room; nothing here
 *
 * Pieces	Linux may free a block in other pieces than it was allocated in. Then ours is split
 *		into single pages too.
 *
 * Holes	An address that is given out while it is alive here has been freed without an event:
 *		an implied free. A page that is freed takes its objects with it, unless the recorder
 *		has already said so.
 *
 * Result	The same recording on the same machine gives the same calls in the same order; the
 *		digest over all addresses handed out shows it.
 *
 * Bounds	The tables follow the pages of the recorded machine that were ever used, and what is alive
 *		in them; objects holds at most IDMAP_MAX entries. Beyond that the replay ends, and says so.
 */
#include <stdlib.h>
#include <string.h>

#include <engine_parts.h>

#define ENGINE_CHUNK 32                       /* events between a prefetch and its use */
#define ENGINE_START_NS ((uint64_t)200000000) /* a snapshot may take so long */
#define ENGINE_OLD_NS ((uint64_t)10000000000) /* and may be so old when the recording begins */
#define ENGINE_REAP_NS \
	((uint64_t)2000000000) /* recorded time between two reapings, as in Linux's SLAB */

/* ---- objects ---- */

static inline void *engine_object_get(struct engine *e, const struct engine_op *op)
{
	if (op->action == ACTION_KMALLOC) {
		if (op->nid != QUARRY_NO_NODE)
			return quarry_kmalloc_node(e->q, op->bytes, op->gfp, op->nid);
		return quarry_kmalloc(e->q, op->bytes, op->gfp);
	}
	if (op->nid != QUARRY_NO_NODE)
		return quarry_kmem_cache_alloc_node(e->q, op->from, op->gfp, op->nid);
	return quarry_kmem_cache_alloc(e->q, op->from, op->gfp);
}

static inline bool engine_no_object(struct engine *e, const struct trace_event *ev,
				    enum engine_fate null)
{
	if (__builtin_expect(ev->addr > e->t->zero_size_addr, 1))
		return false;
	if (ev->addr == 0)
		engine_count(e, ev->type, null);
	else if (ev->addr == e->t->zero_size_addr)
		engine_count(e, ev->type, ENGINE_ZERO_SIZE);
	else
		return false;
	return true;
}

/* A new object where no block was ever seen: perhaps in a slab that is older than the recording. */
static __attribute__((noinline)) void engine_object_older(struct engine *e,
							  const struct trace_event *ev,
							  const struct engine_op *op,
							  const void *ptr)
{
	uint64_t frame = engine_frame(e, ev->addr);
	struct frame *f;

	if (!engine_frame_known(e) || frame >= FRAMES_MAX)
		return;
	f = frames_get(&e->frames, frame);
	if (f == NULL || (f->bits & (FRAME_SEEN | FRAME_OLDER)) != 0)
		return;
	if (population_learn(e->population, frame,
			     op->action == ACTION_KMALLOC ? quarry_virt_to_cache(e->q, ptr)
							  : op->from))
		f->bits |= FRAME_OLDER;
}

/* Remember that @value is at @addr, which is free there; @at: its place. False: there is no room. */
static __attribute__((noinline)) bool engine_object_put(struct engine *e, struct engine_at at,
							uint64_t addr, const struct engine_op *op,
							uint64_t value)
{
	struct idmap_slot *s;

	if (at.f != NULL) {
		if (frames_is_none(&e->frames, at.f))
			at.f = frames_get(&e->frames, engine_place_frame(e, addr));
		return at.f != NULL && frames_put(&e->frames, at.f, at.place, op->stride, value);
	}
	s = idmap_add(&e->objects, addr);
	if (s != NULL)
		s->value = value;
	return s != NULL;
}

/*
 * FRAME_* of the frame that the object at @addr is in, after its block, if it was replayed, turned out to be a slab page;
 * @f: of its place, NULL: it has none. 0: not known.
 */
static inline unsigned int engine_object_frame(struct engine *e, const struct frame *f,
					       uint64_t addr)
{
	unsigned int bits = __builtin_expect(f != NULL && e->object_ahead == 0, 1)
				    ? f->bits
				    : engine_frame_bits(e, addr);

	if (__builtin_expect(bits & FRAME_OURS, 0))
		engine_became_slab(e, engine_frame(e, addr));
	return bits;
}

/* What is in the place of a new object: that one has been freed without an event, if it is at the same address. */
static __attribute__((noinline)) void engine_object_on_object(struct engine *e, struct engine_at at,
							      uint64_t addr)
{
	uint64_t value = engine_object_take(e, at, addr);

	if (value == 0)
		return;
	engine_collide_object(e, COLLISION_OBJECT_ON_OBJECT, value);
	e->result.implied_objects += engine_object_release(e, value);
}

/* There is no room to remember the object at @ptr, or our machine had none for it. */
static __attribute__((noinline)) void engine_object_none(struct engine *e,
							 const struct trace_event *ev,
							 const struct engine_op *op, bool kept,
							 uint64_t value)
{
	if (kept) {
		engine_owners_object_freed(&e->owners, ev->addr);
		engine_refused(e, op, ev->desc, e->t->descs[ev->desc].bytes_req);
		return;
	}
	e->result.full = true;
	e->result.live_objects += value >> OBJECT_CACHE_SHIFT != OBJECT_REFUSED;
	engine_object_release(e, value);
}

static inline void engine_object_alloc(struct engine *e, const struct trace_event *ev,
				       const struct engine_op *op, struct engine_at at)
{
	uint64_t *place = NULL, value;
	unsigned int frame;
	bool kept = true;
	void *ptr;

	if (engine_no_object(e, ev, ENGINE_FAILED))
		return;
	frame = engine_object_frame(e, at.f, ev->addr);
	if (__builtin_expect(at.f != NULL && at.f->objects != 0, 1))
		place = frames_place(&e->frames, at.f, at.place);
	if (__builtin_expect(place == NULL || *place != 0, 0)) {
		engine_object_on_object(e, at, ev->addr);
		place = NULL;
	}
	ptr = op->never ? NULL : engine_object_get(e, op);
	value = engine_object_value(e, ptr, ptr == NULL ? OBJECT_REFUSED : op->cache);
	if (__builtin_expect(place != NULL, 1))
		*place = value | at.place;
	else
		kept = engine_object_put(e, at, ev->addr, op, value);
	if (__builtin_expect(!kept || ptr == NULL, 0)) {
		engine_object_none(e, ev, op, kept, value);
		return;
	}
	if (__builtin_expect(e->owners.on, 0))
		engine_owners_object(&e->owners, ev->addr, ev->desc,
				     e->t->descs[ev->desc].bytes_req);
	if (!(frame & (FRAME_SEEN | FRAME_OLDER)) && e->population != NULL)
		engine_object_older(e, ev, op, ptr);
	engine_digest(e, (uint64_t)((char *)ptr - e->map_base));
	engine_count(e, ev->type, ENGINE_REPLAYED);
	e->result.live_objects++;
}

/* A free of what nobody allocated in the recording: perhaps of something from before. */
static __attribute__((noinline)) bool engine_free_older(struct engine *e,
							const struct trace_event *ev)
{
	const char *name = trace_name(&e->t->caches, e->t->descs[ev->desc].cache);
	uint16_t cache = 0;
	void *object;

	if (!engine_frame_known(e))
		return false;
	object = population_object(e->population, engine_frame(e, ev->addr), name, &cache);
	if (object == NULL)
		return false;
	if (cache == 0)
		quarry_kfree(e->q, object);
	else
		quarry_kmem_cache_free(e->q, e->caches[cache].cache, object);
	engine_count(e, ev->type, ENGINE_FROM_BEFORE);
	return true;
}

static inline void engine_object_free(struct engine *e, const struct trace_event *ev,
				      struct engine_at at)
{
	unsigned int frame;
	uint64_t value;

	if (engine_no_object(e, ev, ENGINE_NULL))
		return;
	frame = engine_object_frame(e, at.f, ev->addr);
	value = engine_object_take(e, at, ev->addr);
	if (__builtin_expect(e->owners.on, 0))
		engine_owners_object_freed(&e->owners, ev->addr);
	if (value == 0 && e->population != NULL && !(frame & FRAME_SEEN) &&
	    engine_free_older(e, ev))
		return;
	if (value == 0 && (frame & FRAME_LIVE)) {
		engine_collide_object(e, COLLISION_NO_OBJECT, 0);
		engine_count(e, ev->type, ENGINE_UNTRACED);
	} else if (value == 0) {
		engine_count(e, ev->type, ENGINE_BEFORE);
	} else {
		engine_count(e, ev->type,
			     engine_object_release(e, value) ? ENGINE_REPLAYED
							     : ENGINE_FREE_REFUSED);
	}
}

/* ---- blocks ---- */

static bool engine_frames_live(const struct engine *e, uint64_t pfn, unsigned int order)
{
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		if (frames_at(&e->frames, pfn + i)->bits & FRAME_LIVE)
			return true;
	}
	return false;
}

/*
 * Blocks are aligned to their size, and no machine has that many frames; a recording that says otherwise is wrong.
 * Those of a good block have records from here on, and *@f is the first.
 */
static inline bool engine_misplaced(struct engine *e, const struct trace_event *ev,
				    const struct engine_op *op, struct frame **f)
{
	if (__builtin_expect((ev->addr & (((uint64_t)1 << op->order) - 1)) != 0 || *f == NULL, 0)) {
		engine_count(e, op->type, ENGINE_BAD_ORDER);
		return true;
	}
	if (__builtin_expect(!frames_is_none(&e->frames, *f) && op->order <= FRAMES_GROUP_BITS, 1))
		return false;
	for (uint64_t i = 0; i < (uint64_t)1 << op->order; i += FRAMES_GROUP) {
		if (frames_get(&e->frames, ev->addr + i) == NULL)
			e->result.full = true;
	}
	*f = frames_at(&e->frames, ev->addr);
	return e->result.full;
}

static inline void engine_page_alloc(struct engine *e, const struct trace_event *ev,
				     const struct engine_op *op, struct engine_pending *p,
				     struct frame *f)
{
	if (engine_misplaced(e, ev, op, &f))
		return;
	if ((f->bits & FRAME_LIVE) ||
	    (op->order > 0 && engine_frames_live(e, ev->addr, op->order))) {
		struct engine_met met = {0, 0, 0};

		engine_collide_block(e, COLLISION_BLOCK_ON_BLOCK, ev->addr, op->order);
		engine_release(e, ev->addr, op->order, &met);
		e->result.implied_pages += met.ours;
	}
	f->block = (uint64_t)(p - e->pending) << BLOCK_SHIFT | BLOCK_PENDING | op->order;
	engine_mark_from(e, f, ev->addr, op->order, FRAME_LIVE);
	p->used = true;
	p->patience = op->gfp & __GFP_MOVABLE ? 0 : ENGINE_PATIENCE;
	p->desc = ev->desc;
	p->cpu = ev->cpu;
	p->pfn = ev->addr;
}

static void engine_page_older(struct engine *e, const struct trace_event *ev,
			      const struct engine_op *op)
{
	enum engine_fate fate = ENGINE_BEFORE;

	if (population_is_slab(e->population, ev->addr))
		fate = ENGINE_SLAB_PAGE;
	else if (population_pages(e->population, ev->addr, op->order) > 0)
		fate = ENGINE_FROM_BEFORE;
	engine_count(e, TRACE_PAGE_FREE, fate);
}

static __attribute__((noinline)) void engine_page_untraced(struct engine *e,
							   const struct trace_event *ev,
							   const struct engine_op *op)
{
	engine_count(e, TRACE_PAGE_FREE, ENGINE_UNTRACED);
	engine_collide_block(e, COLLISION_NO_BLOCK, ev->addr, op->order);
}

static inline void engine_page_free(struct engine *e, const struct trace_event *ev,
				    const struct engine_op *op, struct frame *f)
{
	struct engine_met met = {0, 0, 0};
	unsigned int seen;

	if (engine_misplaced(e, ev, op, &f))
		return;
	seen = f->bits & FRAME_SEEN;
	engine_release(e, ev->addr, op->order, &met);
	if (met.ours > 0)
		engine_count(e, TRACE_PAGE_FREE, ENGINE_REPLAYED);
	else if (met.slab > 0)
		engine_count(e, TRACE_PAGE_FREE, ENGINE_SLAB_PAGE);
	else if (met.refused > 0)
		engine_count(e, TRACE_PAGE_FREE, ENGINE_FREE_REFUSED);
	else if (!seen && e->population != NULL)
		engine_page_older(e, ev, op);
	else if (seen)
		engine_page_untraced(e, ev, op);
	else
		engine_count(e, TRACE_PAGE_FREE, ENGINE_BEFORE);
	if (met.ours + met.slab + met.refused == 0)
		engine_mark(e, ev->addr, op->order, 0);
}

/* A further event of a CPU whose page allocation was held back. */
static void engine_pending_decide(struct engine *e, struct engine_pending *p,
				  const struct trace_event *ev, const struct engine_op *op)
{
	const struct engine_op *page = &e->ops[p->desc];

	if (op->action <= ACTION_CACHE_ALLOC) {
		bool inside = page->slab_like;

		if (engine_frame_known(e))
			inside = (engine_frame(e, ev->addr) - p->pfn) >> page->order == 0;
		if (inside) {
			engine_pending_is_slab(e, p);
			return;
		}
	}
	if (op->action <= ACTION_OBJECT_FREE && p->patience > 0)
		p->patience--;
	else
		engine_pending_play(e, p);
}

/* ---- playing ---- */

/* The record of the frame that @ev is about, or of its place; NULL, if it has none. */
static __attribute__((noinline)) struct frame *engine_frame_of(const struct engine *e,
							       const struct trace_event *ev)
{
	unsigned int action = e->ops[ev->desc].action;
	uint64_t frame = ev->addr;

	if (action <= ACTION_OBJECT_FREE) {
		if (!engine_in_frames(e, ev->addr))
			return NULL;
		frame = engine_place_frame(e, ev->addr);
	} else if (action == ACTION_COUNT || frame >= FRAMES_MAX) {
		return NULL;
	}
	return frames_at(&e->frames, frame);
}

/*
 * The records that engine_frame_of() will say of @n events, into @at, on their way to the cache. One that it has to be asked
 * for, as there is none or as it is none of the frame's own yet, is the first. @unit: object_unit.
 */
static inline __attribute__((always_inline)) void engine_fetch_frames(const struct engine *e,
								      const struct trace_event *ev,
								      struct engine_at *at,
								      size_t n, unsigned int unit)
{
	const uint32_t *group = e->frames.group;
	struct frame *first = e->frames.frame;
	const uint64_t start = e->object_start, objects = e->object_frames;

	for (size_t i = 0; i < n; i++) {
		bool object = trace_type_is_object(ev[i].type);
		uint64_t frame = ev[i].addr, offset = frame - start;

		/* Bits that no place has make it larger than any. */
		offset = offset >> unit | offset << (-unit & 63);
		frame = object ? offset >> FRAMES_PLACE_BITS : frame;
		at[i].place = offset & FRAMES_OFFSET_MASK;
		at[i].f = first;
		if (__builtin_expect(frame < (object ? objects : FRAMES_MAX), 1))
			at[i].f += (uint64_t)group[frame >> FRAMES_GROUP_BITS]
					   << FRAMES_GROUP_BITS |
				   (frame & (FRAMES_GROUP - 1));
		else if (object)
			idmap_prefetch(&e->objects, ev[i].addr);
		__builtin_prefetch(at[i].f, 1);
	}
}

/* The same of their places; that of an event which is about no object means nothing. */
static void engine_fetch_places(const struct engine *e, const struct engine_at *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(frames_place(&e->frames, at[i].f, at[i].place), 1);
}

/* @at: what engine_fetch_frames() found some events ago. */
static inline void engine_event(struct engine *e, const struct trace_event *ev, struct engine_at at)
{
	const struct engine_op *op = &e->ops[ev->desc];
	struct engine_pending *p;

	engine_set_cpu(e, ev->cpu);
	p = e->pending_here;
	e->result.events++;
	e->result.seen[ev->type]++;
	if (p->used)
		engine_pending_decide(e, p, ev, op);
	/* It may have been seen since. */
	if (__builtin_expect(frames_is_none(&e->frames, at.f), 0))
		at.f = engine_frame_of(e, ev);
	switch (op->action) {
	case ACTION_KMALLOC:
	case ACTION_CACHE_ALLOC:
		engine_object_alloc(e, ev, op, at);
		break;
	case ACTION_OBJECT_FREE:
		engine_object_free(e, ev, at);
		break;
	case ACTION_PAGE_ALLOC:
		engine_page_alloc(e, ev, op, p, at.f);
		break;
	case ACTION_PAGE_FREE:
		engine_page_free(e, ev, op, at.f);
		break;
	default:
		engine_count(e, ev->type, op->fate);
		break;
	}
}

static __attribute__((noinline)) void engine_run_background(struct engine *e)
{
	struct quarry_refusal why;

	/* What was refused there is not the next event's refusal. */
	if (e->background(e->background_ctx) && quarry_explain(e->q, &why))
		e->refusals_seen = why.serial;
}

/* The timer that would have fired on each CPU by now. */
static void engine_reap(struct engine *e, uint64_t time_ns)
{
	unsigned int cpu = e->cpu;

	for (unsigned int i = 0; i < e->nr_cpus; i++) {
		engine_set_cpu(e, i);
		quarry_slab_reap(e->q, i);
	}
	if (cpu != ~0u)
		engine_set_cpu(e, cpu);
	e->reap_at = time_ns + ENGINE_REAP_NS;
}

static uint64_t engine_fallbacks(struct engine *e)
{
	struct quarry_totals totals;

	quarry_totals(e->q, &totals);
	return totals.fallback_claimed + totals.fallback_stolen;
}

/* ---- observers ---- */

/* The observer looks at the machine between two events. */
static void engine_sample(struct engine *e, uint64_t time_ns)
{
	const struct engine_moment m = {.event = e->result.events, .time_ns = time_ns};

	e->observer->sample(e->observer->ctx, &m);
	/* Its steps may have changed. */
	e->sample_event = UINT64_MAX;
	e->sample_ns = UINT64_MAX;
	if (e->observer->every_events > 0)
		e->sample_event = m.event + e->observer->every_events;
	if (e->observer->every_ns > 0)
		e->sample_ns = time_ns + e->observer->every_ns;
}

/* What is due at @time_ns, before the next event. */
static __attribute__((noinline)) void engine_wake(struct engine *e, uint64_t time_ns)
{
	if (time_ns >= e->reap_at)
		engine_reap(e, time_ns);
	if (e->observer != NULL && (time_ns >= e->sample_ns || e->result.events >= e->sample_event))
		engine_sample(e, time_ns);
	e->wake_ns = e->reap_at < e->sample_ns ? e->reap_at : e->sample_ns;
	e->wake_event = e->sample_event;
}

/*
 * Whether the first snapshot shows the state in which the recording begins: it says so itself, or its event is among the
 * first of @n, or its time says so, if the recording's clock is the same.
 */
static bool engine_snapshot_starts(const struct engine *e, size_t n)
{
	const struct linuxfacts_snapshot *s = e->facts != NULL ? &e->facts->first : NULL;
	const struct trace_event *ev = e->t->batch;

	if (s == NULL || !s->there || s->nr_zones == 0 || s->nr_caches == 0)
		return false;
	for (size_t i = 0; i < n && ev[i].time_ns - ev[0].time_ns <= ENGINE_START_NS; i++) {
		if (ev[i].type == TRACE_SNAPSHOT && ev[i].addr == s->number)
			return true;
	}
	return s->start || (s->mono_ns <= ev[0].time_ns + ENGINE_START_NS &&
			    s->mono_ns + ENGINE_OLD_NS >= ev[0].time_ns);
}

static void engine_populate(struct engine *e, size_t n)
{
	if (!e->want_population || !engine_snapshot_starts(e, n))
		return;
	e->population = population_new(e->q, e->facts, e);
	if (!population_result(e->population)->there)
		e->want_population = false;
	e->fallback_before = engine_fallbacks(e);
}

/* The first events have told what addresses there are. */
static void engine_start_frames(struct engine *e)
{
	unsigned int shift = e->t->object_shift;

	if (shift < FRAMES_PLACE_BITS)
		return;
	e->object_start = e->t->object_base;
	e->object_limit = FRAMES_MAX << shift;
	e->object_frames = FRAMES_MAX;
	e->object_unit = shift - FRAMES_PLACE_BITS;
	e->object_odd = ((uint64_t)1 << e->object_unit) - 1;
}

/* Before the first of @n events. */
static void engine_start(struct engine *e, size_t n)
{
	uint64_t time_ns = e->t->batch[0].time_ns;

	engine_start_frames(e);
	engine_populate(e, n);
	e->result.first_ns = time_ns;
	e->time_ns = time_ns;
	e->reap_at = time_ns + ENGINE_REAP_NS;
	e->sample_ns = e->sample_event = UINT64_MAX;
	if (e->observer != NULL)
		engine_sample(e, time_ns);
	engine_wake(e, time_ns);
}

static inline size_t engine_chunk(size_t n)
{
	return n < ENGINE_CHUNK ? n : ENGINE_CHUNK;
}

/* Play @n events, whose frames are in @at, while nothing else is due. */
static __attribute__((noinline)) void engine_play_straight(struct engine *e,
							   const struct trace_event *ev,
							   const struct engine_at *at, size_t n)
{
	for (const struct trace_event *end = ev + n; ev < end && !e->result.full; ev++, at++) {
		e->time_ns = ev->time_ns;
		engine_event(e, ev, *at);
	}
}

/* The same, and what is due before and after each. */
static void engine_play_some(struct engine *e, const struct trace_event *ev,
			     const struct engine_at *at, size_t n)
{
	const struct engine_result *r = &e->result;
	uint64_t latest = 0;

	for (size_t i = 0; i < n; i++)
		latest = latest < ev[i].time_ns ? ev[i].time_ns : latest;
	if (__builtin_expect(latest < e->wake_ns && r->events + n <= e->wake_event &&
				     e->background == NULL,
			     1)) {
		engine_play_straight(e, ev, at, n);
		return;
	}
	for (size_t i = 0; i < n && !r->full; i++) {
		if (ev[i].time_ns >= e->wake_ns || r->events >= e->wake_event)
			engine_wake(e, ev[i].time_ns);
		engine_play_straight(e, &ev[i], &at[i], 1);
		if (e->background != NULL)
			engine_run_background(e);
	}
}

static void engine_fetch(const struct engine *e, const struct trace_event *ev, struct engine_at *at,
			 size_t n)
{
	if (e->object_unit == 0)
		engine_fetch_frames(e, ev, at, n, 0);
	else
		engine_fetch_frames(e, ev, at, n, e->object_unit);
}

/*
 * Chunk by chunk: while one is played, the records that the next one is about come from memory, and then what these
 * lead to.
 */
static void engine_play_chunks(struct engine *e, size_t n)
{
	const struct trace_event *ev = e->t->batch;
	struct engine_at at[4][ENGINE_CHUNK];

	for (size_t i = 0; i < n + 2 * ENGINE_CHUNK && !e->result.full; i += ENGINE_CHUNK) {
		const size_t chunk = i / ENGINE_CHUNK;

		if (i < n)
			engine_fetch(e, ev + i, at[chunk % 4], engine_chunk(n - i));
		if (i >= ENGINE_CHUNK && i - ENGINE_CHUNK < n)
			engine_fetch_places(e, at[(chunk - 1) % 4],
					    engine_chunk(n - i + ENGINE_CHUNK));
		if (i >= 2 * ENGINE_CHUNK)
			engine_play_some(e, ev + i - 2 * ENGINE_CHUNK, at[(chunk - 2) % 4],
					 engine_chunk(n - i + 2 * ENGINE_CHUNK));
	}
}

bool engine_play(struct engine *e, size_t n)
{
	const struct trace_event *ev = e->t->batch;
	struct engine_result *r = &e->result;

	if (n == 0)
		return !r->full;
	engine_resolve_new(e);
	if (r->events == 0)
		engine_start(e, n);
	r->last_ns = ev[n - 1].time_ns;
	e->batch_event = r->events;
	if (engine_frame_known(e))
		e->object_ahead = (uint64_t)((int64_t)(e->object_start - e->t->object_base) >>
					     e->t->object_shift);
	engine_play_chunks(e, n);
	if (r->max_live_objects < r->live_objects)
		r->max_live_objects = r->live_objects;
	if (r->max_live_pages < r->live_pages)
		r->max_live_pages = r->live_pages;
	return !r->full;
}

void engine_finish(struct engine *e)
{
	for (unsigned int i = 0; i < ENGINE_PENDING; i++) {
		if (e->pending[i].used)
			engine_pending_play(e, &e->pending[i]);
	}
	if (e->result.last_refused != 0 && e->background == NULL)
		engine_keep_last(e);
	e->result.extfrag_recorded = e->result.seen[TRACE_EXTFRAG];
	e->result.extfrag_ours = engine_fallbacks(e) - e->fallback_before;
	e->result.digest = e->digest;
	if (e->observer != NULL)
		engine_sample(e, e->time_ns);
}

void engine_set_background(struct engine *e, bool (*fn)(void *ctx), void *ctx)
{
	struct quarry_refusal why;

	e->background = fn;
	e->background_ctx = ctx;
	if (quarry_explain(e->q, &why))
		e->refusals_seen = why.serial;
}

static uint64_t *engine_block_value(void *ctx, uint64_t head)
{
	const struct engine *e = ctx;

	return &frames_at(&e->frames, head)->block;
}

void engine_set_movable(struct engine *e)
{
	engine_places_start(&e->places, e->q, engine_block_value, e, &e->owners);
}

void engine_set_observer(struct engine *e, struct engine_observer *observer)
{
	e->observer = observer;
}

void engine_set_population(struct engine *e)
{
	e->want_population = true;
}

const struct population_result *engine_population(const struct engine *e)
{
	return e->population != NULL ? population_result(e->population) : NULL;
}

void engine_set_owners(struct engine *e)
{
	engine_owners_start(&e->owners);
}

const struct engine_owner *engine_owners(const struct engine *e, uint32_t *nr)
{
	*nr = e->owners.nr;
	return e->owners.of;
}

bool engine_block_owner(const struct engine *e, uint64_t pfn, uint32_t *desc)
{
	return engine_owners_block_of(&e->owners, pfn, desc);
}

const struct engine_result *engine_result(const struct engine *e)
{
	return &e->result;
}

struct engine *engine_new(struct quarry *q, unsigned int nr_cpus, const struct trace *t,
			  const struct linuxfacts *facts)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	e->q = q;
	e->nr_cpus = nr_cpus > 0 ? nr_cpus : 1;
	e->t = t;
	e->facts = facts;
	e->cpu = ~0u;
	e->pending_here = &e->pending[e->cpu % ENGINE_PENDING];
	e->digest = 0xcbf29ce484222325u;
	e->map_base = quarry_address(q, 0);
	frames_init(&e->frames);
	if (engine_frame_known(e))
		frames_warm(&e->frames);
	idmap_init(&e->objects);
	idmap_init(&e->cache_of);
	e->caches = xcalloc(ENGINE_MAX_CACHES, sizeof(e->caches[0]));
	e->nr_caches = 1; /* number 0 could not be made */
	e->fallback_before = engine_fallbacks(e);
	return e;
}

void engine_delete(struct engine *e)
{
	for (size_t i = 0; i < e->result.nr_refusals; i++)
		free(e->result.refusal[i].text);
	free(e->result.last_text);
	for (uint32_t i = 0; i < e->nr_caches; i++)
		free(e->caches[i].name);
	free(e->caches);
	free(e->ops);
	engine_places_free(&e->places);
	engine_owners_free(&e->owners);
	if (e->population != NULL)
		population_delete(e->population);
	idmap_free(&e->objects);
	idmap_free(&e->cache_of);
	frames_free(&e->frames);
	free(e);
}
