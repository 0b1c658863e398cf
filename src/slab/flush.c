/* SPDX-License-Identifier: MIT */
/*
 * Objects back into their slabs, many at a time.
 *
 * Stages     First the descriptors tell the slabs of some objects, whose records are fetched; then, under the
 *            node's lock, bits are set and counted; last, slabs that have passed their trip change lists, by records
 *            that were fetched meanwhile. So the misses of one stage overlap, and hardly one is waited for under the
 *            lock.
 * Runs       Objects that were freed in the order of their addresses, or against it, lie side by side: those of one page
 *            need one look at its descriptor, and their bits are set by words. The first few objects of a stage tell
 *            whether neighbours are looked for in it.
 * Checks     That an object is not free already is seen here, by its bit. That it starts where one may was seen
 *            when it was freed, but for slabs of the fallback order: here.
 * Failure    What cannot go back is reported, without a lock, and left alone.
 */
#include "internal.h"

/* Runs, or single objects, whose slabs' records are fetched before the first of them is needed. */
#define FLUSH_RUNS 32u
#define FLUSH_SINGLES 64u

/* The first objects of a stage, of which no two are neighbours if it has no runs. */
#define FLUSH_LOOK 4u

/* Neighbours in one page, or a single object. */
struct flush_run {
	struct slab *slab;
	void *const *obj;
};

/* Where the slabs of a cache's objects are looked for first. */
struct flush_near {
	const struct page *map;
	uintptr_t base;
	size_t len;
	const struct slab_dir *mid;
	uint16_t tag;
};

static inline struct flush_near flush_near_of(const struct quarry *q, const struct kmem_cache *s)
{
	const struct slab_span *span = &quarry_load_acquire(&s->hot)->span;

	return (struct flush_near){.map = span->map,
				   .base = span->base,
				   .len = span->len,
				   .mid = q->slabs->store.first,
				   .tag = s->tag};
}

/* The descriptor's word of the object at @addr, wherever that is; 0: it is in no slab of @s. */
static QUARRY_NOINLINE uint64_t flush_word_far(const struct quarry *q, const struct kmem_cache *s,
					       uintptr_t addr)
{
	unsigned int cache;
	uint32_t index;

	if (!page_slab_of(q, (void *)addr, &cache, &index) || cache != s->id)
		return 0;
	return (uint64_t)index << PAGE_WORD_SLAB_SHIFT | s->tag;
}

/* The same if it is where it is looked for first; false: it is not. */
static QUARRY_ALWAYS_INLINE bool flush_word_near(const struct flush_near *near, uintptr_t addr,
						 uint64_t *word)
{
	size_t i = (addr - near->base) >> QUARRY_PAGE_SHIFT;

	if (unlikely(i >= near->len))
		return false;
	*word = page_word(&near->map[i]);
	return (uint16_t)*word == near->tag;
}

/* The slab that such a word names; its record is fetched. */
static QUARRY_ALWAYS_INLINE struct slab *flush_slab_of(const struct quarry *q,
						       const struct flush_near *near, uint64_t word)
{
	uint32_t index = (uint32_t)(word >> PAGE_WORD_SLAB_SHIFT);
	struct slab *slab = likely(index >> SLAB_PIECE_SHIFT < SLAB_FIRST_PIECES)
				    ? slab_record_by(near->mid, index)
				    : slab_record(q->slabs, index);

	quarry_prefetch_write(slab);
	return slab;
}

/* Whether objects at @a and @b are neighbours, or one. */
static inline bool flush_are_neighbours(const struct kmem_cache *s, const void *a, const void *b)
{
	uintptr_t size = s->size;

	return (uintptr_t)b - (uintptr_t)a + size <= 2 * size; /* no object is nearer */
}

/*
 * Behind the neighbours of @obj, @step bytes apart and before @end, that lie in the page of which @obj's has @offset
 * bytes before it.
 */
static QUARRY_NOINLINE void *const *flush_neighbours(const struct kmem_cache *s, void *const *obj,
						     void *const *end, uintptr_t step,
						     uintptr_t offset)
{
	uintptr_t space = step == s->size ? QUARRY_PAGE_SIZE - 1 - offset : offset;
	size_t most = (size_t)slab_object_index(s, space) + 1;
	uintptr_t at = (uintptr_t)*obj;

	if (unlikely(step == 0)) /* freed twice: told by its bit */
		return obj + 1;
	if (most < (size_t)(end - obj))
		end = obj + most;
	do
		at += step;
	while (++obj != end && (uintptr_t)*obj == at);
	return obj;
}

/*
 * The slabs of objects @obj up to @end, or of as many as a stage has: @run, and behind the last one that ends it. False:
 * the object behind them is in none.
 */
static QUARRY_NOINLINE bool flush_locate(const struct quarry *q, const struct kmem_cache *s,
					 void *const *obj, void *const *end, struct flush_run *run)
{
	const struct flush_near near = flush_near_of(q, s);
	const struct flush_run *full = run + FLUSH_RUNS;
	bool found = true;

	while (run != full && obj != end) {
		uintptr_t first = (uintptr_t)*obj;

		uint64_t word;

		if (unlikely(!flush_word_near(&near, first, &word))) {
			word = flush_word_far(q, s, first);
			found = word != 0;
			if (!found)
				break;
		}
		run->slab = flush_slab_of(q, &near, word);
		run->obj = obj;
		run++;
		if (++obj != end && flush_are_neighbours(s, obj[-1], *obj))
			obj = flush_neighbours(s, obj - 1, end, (uintptr_t)*obj - first,
					       (first - near.base) & (QUARRY_PAGE_SIZE - 1));
	}
	run->slab = NULL;
	run->obj = obj;
	return found;
}

/* The slabs of @nr objects, each by itself; returns how many come before one that is in none. */
static QUARRY_NOINLINE unsigned int flush_locate_each(const struct quarry *q,
						      const struct kmem_cache *s, void *const *obj,
						      unsigned int nr, struct slab **slab)
{
	const struct flush_near near = flush_near_of(q, s);
	void *const *end = obj + nr;
	struct slab **first = slab;

	for (; obj != end; obj++) {
		uint64_t word;

		if (unlikely(!flush_word_near(&near, (uintptr_t)*obj, &word)) &&
		    (word = flush_word_far(q, s, (uintptr_t)*obj)) == 0)
			break;
		*slab++ = flush_slab_of(q, &near, word);
	}
	return (unsigned int)(slab - first);
}

/* Sets @nr bits of @slab from bit @number on; false: one of them was set, and nothing was done. */
static bool flush_bits(struct slab *slab, unsigned int number, unsigned int nr)
{
	uint64_t *first = &slab->free[number / 64], *word;
	uint64_t low = ~(uint64_t)0 << number % 64;
	uint64_t high = ~(uint64_t)0 >> (63 - (number + nr - 1) % 64);
	uint64_t *last = &slab->free[(number + nr - 1) / 64], met;

	if (first == last) {
		met = *first & low & high;
		*first |= met == 0 ? low & high : 0;
		return met == 0;
	}
	met = (*first & low) | (*last & high);
	for (word = first + 1; word != last; word++)
		met |= *word;
	if (unlikely(met != 0))
		return false;
	*first |= low;
	*last |= high;
	for (word = first + 1; word != last; word++)
		*word = ~(uint64_t)0;
	return true;
}

/* Object @obj back into @slab, whatever that is, of node @nid. Foreign: the slab is gone, after a double free. */
static enum slab_fault flush_one(const struct kmem_cache *s, struct slab *slab, const void *obj)
{
	uintptr_t off = (uintptr_t)obj - slab->base;
	uint32_t number = slab_object_index(s, off);
	uint64_t bit = (uint64_t)1 << number % 64;

	if (unlikely(slab->cache != s->id || number >= slab_objects(s, slab)))
		return SLAB_FAULT_FOREIGN;
	if (unlikely((uintptr_t)number * s->size != off))
		return SLAB_FAULT_INTERIOR;
	if (unlikely((slab->free[number / 64] & bit) != 0))
		return SLAB_FAULT_DOUBLE;
	slab->free[number / 64] |= bit;
	return SLAB_FAULT_NONE;
}

/* The same of all objects up to @end; returns the first that cannot go there. */
static QUARRY_NOINLINE void *const *flush_odd(const struct kmem_cache *s, struct slab *slab,
					      void *const *obj, void *const *end,
					      enum slab_fault *fault)
{
	for (; obj != end; obj++) {
		*fault = flush_one(s, slab, *obj);
		if (*fault != SLAB_FAULT_NONE)
			break;
		slab->nr_free++;
	}
	return obj;
}

/* The same of a run into a slab of the preferred order. */
static QUARRY_NOINLINE void *const *flush_several(const struct kmem_cache *s, struct slab *slab,
						  void *const *obj, void *const *end,
						  enum slab_fault *fault)
{
	uintptr_t lowest = quarry_min((uintptr_t)obj[0], (uintptr_t)end[-1]);

	if (unlikely(!flush_bits(slab, (unsigned int)((lowest - slab->base) * s->recip >> 48),
				 (unsigned int)(end - obj))))
		return flush_odd(s, slab, obj, end, fault);
	slab->nr_free = (uint16_t)(slab->nr_free + (end - obj));
	return end;
}

/*
 * Objects from the @i'th on into slabs that are all of kind @usual and get none of those counts of free objects at which
 * something is to be done; returns the first, up to @nr, that is not such a one. All that comes through a sheaf was found
 * to be on a boundary before.
 */
static QUARRY_NOINLINE unsigned int flush_singles(const struct kmem_cache *s,
						  struct slab *const *slabs, void *const *obj,
						  unsigned int i, unsigned int nr, uint32_t usual)
{
	const uint64_t recip = s->recip;

	for (; i != nr; i++) {
		struct slab *slab = slabs[i];
		uint64_t number = ((uintptr_t)obj[i] - slab->base) * recip >> 48;
		uint64_t word = slab->free[number / 64];
		uint16_t nr_free = slab->nr_free;

		if (unlikely(slab->kind != usual) || unlikely(nr_free >= s->trip[slab->list]) ||
		    unlikely((word >> (number & 63) & 1) != 0))
			break;
		slab->free[number / 64] = word | (uint64_t)1 << (number & 63);
		slab->nr_free = (uint16_t)(nr_free + 1);
	}
	return i;
}

/* Of slabs of node @nid, the kind that is dealt with fast. No slab is of order 255: then none is. */
static uint32_t flush_usual(const struct kmem_cache *s, unsigned int nid)
{
	return slab_kind(s->id, nid, s->recip != 0 ? oo_order(s->oo) : 255u);
}

/* Puts off what is to be done for a slab that has passed its trip; true: for the first time. */
static bool flush_put_off(struct quarry *q, const struct kmem_cache *s, struct slab *slab)
{
	if (slab->nr_free <= slab_trip(s, slab))
		return false;
	if (slab->list == SLAB_PARTIAL || slab->list == SLAB_SPARSE) {
		quarry_prefetch_write(slab_record(q->slabs, slab->prev));
		quarry_prefetch_write(slab_record(q->slabs, slab->next));
	}
	slab->list |= SLAB_DUE;
	return true;
}

/* What is wrong with @obj that has no slab of @s, to be told. */
static enum slab_fault flush_fault(const struct quarry *q, const struct kmem_cache *s,
				   const void *obj)
{
	enum slab_fault fault;
	struct slab *slab;
	uint32_t number;

	fault = slab_find(q, s, obj, &slab, &number);
	return fault != SLAB_FAULT_NONE ? fault : SLAB_FAULT_FOREIGN;
}

/* @nr objects, each by itself; returns how many were dealt with. */
static unsigned int flush_each(struct quarry *q, struct kmem_cache *s, void *const *obj,
			       unsigned int nr, uint32_t *gone)
{
	struct slab *slabs[FLUSH_SINGLES]; /* those put off take the places of those dealt with */
	unsigned int found = flush_locate_each(q, s, obj, nr, slabs);
	unsigned int i = 0, from, late, k;
	enum slab_fault fault = SLAB_FAULT_NONE;

	while (i != found && fault == SLAB_FAULT_NONE) {
		unsigned int nid = slabs[i]->node;
		struct slab_node *n = &s->node[nid];
		uint32_t usual = flush_usual(s, nid);
		quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);

		from = late = i;
		while ((i = flush_singles(s, slabs, obj, i, found, usual)) != found &&
		       slabs[i]->node == nid) {
			fault = flush_one(s, slabs[i], obj[i]);
			if (unlikely(fault != SLAB_FAULT_NONE))
				break;
			slabs[i]->nr_free++;
			if (flush_put_off(q, s, slabs[i]))
				slabs[late++] = slabs[i];
			i++;
		}
		NODE_ADD(n->free_objects, i - from);
		for (k = from; k != late; k++)
			slab_grown_locked(q, s, n, slabs[k], gone);
		quarry_unlock(q->concurrent, &n->lock, pin);
	}
	if (unlikely(i != nr && fault == SLAB_FAULT_NONE))
		fault = flush_fault(q, s, obj[i]);
	if (unlikely(fault != SLAB_FAULT_NONE))
		debug_complain(q, s, obj[i++], fault, NULL);
	return i;
}

/* As many runs as are fetched at a time; returns the first object that was not dealt with. */
static void *const *flush_runs(struct quarry *q, struct kmem_cache *s, void *const *obj,
			       void *const *end, uint32_t *gone)
{
	struct flush_run runs[FLUSH_RUNS + 1], *run = runs, *late, *first;
	bool found = flush_locate(q, s, obj, end, runs);
	void *const *from;
	enum slab_fault fault = SLAB_FAULT_NONE;

	while (run->slab != NULL && fault == SLAB_FAULT_NONE) {
		unsigned int nid = run->slab->node;
		struct slab_node *n = &s->node[nid];
		uint32_t usual = flush_usual(s, nid);
		quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);

		from = obj;
		first = late = run;
		while (run->slab != NULL && run->slab->node == nid) {
			struct slab *slab = run->slab;

			if (slab->kind == usual)
				obj = flush_several(s, slab, obj, run[1].obj, &fault);
			else
				obj = flush_odd(s, slab, obj, run[1].obj, &fault);
			if (obj != run->obj && flush_put_off(q, s, slab))
				(late++)->slab = slab;
			if (unlikely(fault != SLAB_FAULT_NONE))
				break;
			run++;
		}
		NODE_ADD(n->free_objects, obj - from);
		for (; first != late; first++)
			slab_grown_locked(q, s, n, first->slab, gone);
		quarry_unlock(q->concurrent, &n->lock, pin);
	}
	if (unlikely(!found && fault == SLAB_FAULT_NONE))
		fault = flush_fault(q, s, *obj);
	if (unlikely(fault != SLAB_FAULT_NONE))
		debug_complain(q, s, *obj++, fault, NULL);
	return obj;
}

void slab_flush(struct quarry *q, struct kmem_cache *s, void *const *obj, unsigned int nr)
{
	void *const *end = obj + nr;
	uint32_t gone = SLAB_NONE;
	unsigned int stage, i;

	while (obj != end) {
		stage = (unsigned int)quarry_min((size_t)(end - obj), (size_t)FLUSH_SINGLES);
		for (i = 1; i < quarry_min(stage, FLUSH_LOOK); i++) {
			if (flush_are_neighbours(s, obj[i - 1], obj[i]))
				break;
		}
		obj = i < quarry_min(stage, FLUSH_LOOK) ? flush_runs(q, s, obj, end, &gone)
							: obj + flush_each(q, s, obj, stage, &gone);
	}
	slab_release_chain(q, gone);
}
