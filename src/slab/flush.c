/* SPDX-License-Identifier: MIT */
/*
 * Objects back into their slabs, many at a time.
 *
 * Stages     First the descriptors tell the slabs of some objects, whose records are fetched; then, under the
 *            node's lock, bits are set and counted. So the misses of one stage overlap, and none is waited for
 *            under the lock.
 * Runs       Objects that were freed in the order of their addresses, or against it, lie side by side: those of one page
 *            need one look at its descriptor, and their bits are set by words.
 * Checks     That an object is not free already is seen here, by its bit. That it starts where one may was seen
 *            when it was freed, but for slabs of the fallback order: here.
 * Failure    What cannot go back is reported, without a lock, and left alone.
 */
#include "internal.h"

/* Runs whose slabs' records are fetched before the first of them is needed. */
#define FLUSH_STAGE 32u

/* Neighbours in one page, or a single object. */
struct flush_run {
	struct slab *slab;
	void *const *obj;
};

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
	const struct slab_span *near = &quarry_load_acquire(&s->hot)->span;
	const struct flush_run *full = run + FLUSH_STAGE;
	const struct slab_dir *mid = q->slabs->store.first;
	const struct page *map = near->map;
	uintptr_t base = near->base, size = s->size, next = (uintptr_t)*obj;
	const uint16_t tag = s->tag;
	size_t len = near->len;
	bool found = true;

	while (run != full) {
		uintptr_t first = next, off = first - base;
		size_t i = off >> QUARRY_PAGE_SHIFT;
		unsigned int cache;
		uint32_t index;
		uint64_t word;

		if (unlikely(i >= len) || unlikely((uint16_t)(word = page_word(&map[i])) != tag)) {
			found = page_slab_of(q, *obj, &cache, &index) && cache == s->id;
			if (!found)
				break;
			word = (uint64_t)index << PAGE_WORD_SLAB_SHIFT;
		}
		index = (uint32_t)(word >> PAGE_WORD_SLAB_SHIFT);
		run->slab = likely(index >> SLAB_PIECE_SHIFT < SLAB_FIRST_PIECES)
				    ? slab_record_by(mid, index)
				    : slab_record(q->slabs, index);
		quarry_prefetch_write(run->slab);
		run->obj = obj;
		run++;
		if (++obj == end)
			break;
		next = (uintptr_t)*obj;
		/* Rarely, but for neighbours: no object is nearer. */
		if (unlikely(next - first + size <= 2 * size)) {
			obj = flush_neighbours(s, obj - 1, end, next - first,
					       off & (QUARRY_PAGE_SIZE - 1));
			if (obj == end)
				break;
			next = (uintptr_t)*obj;
		}
	}
	run->slab = NULL;
	run->obj = obj;
	return found;
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

	if (unlikely(slab->cache != s->id || number >= slab->objects))
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
 * Single objects, each of a run of its own, into slabs that are all of kind @usual and get none of those counts of free
 * objects at which something is to be done; returns the first run that is not such a one. All that comes through a
 * sheaf was found to be on a boundary before.
 */
static QUARRY_NOINLINE struct flush_run *flush_singles(const struct kmem_cache *s,
						       struct flush_run *run, uint32_t usual)
{
	const uint64_t recip = s->recip;
	struct slab *slab;

	for (; (slab = run->slab) != NULL; run++) {
		void *const *obj = run->obj;
		uint64_t number = ((uintptr_t)*obj - slab->base) * recip >> 48;
		uint64_t *word = &slab->free[number / 64], bit = (uint64_t)1 << (number & 63);
		unsigned int nr_free = slab->nr_free + 1u;

		if (unlikely(slab->kind != usual) || unlikely(run[1].obj != obj + 1) ||
		    unlikely(nr_free >= slab->trip) || unlikely((*word & bit) != 0))
			break;
		*word |= bit;
		slab->nr_free = (uint16_t)nr_free;
	}
	return run;
}

/* As many as are fetched at a time; returns the first that was not dealt with. */
static void *const *flush_stage(struct quarry *q, struct kmem_cache *s, void *const *obj,
				void *const *end, uint32_t *gone)
{
	struct flush_run runs[FLUSH_STAGE + 1], *run = runs;
	bool found = flush_locate(q, s, obj, end, runs);
	void *const *from;
	enum slab_fault fault = SLAB_FAULT_NONE;
	struct slab *slab;
	uint32_t number;

	while (run->slab != NULL && fault == SLAB_FAULT_NONE) {
		unsigned int nid = run->slab->node;
		struct slab_node *n = &s->node[nid];
		/* No slab is of order 255: then none is taken for a usual one. */
		uint32_t usual = slab_kind(s->id, nid, s->recip != 0 ? oo_order(s->oo) : 255u);
		quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);

		for (from = obj;; run++) {
			run = flush_singles(s, run, usual);
			obj = run->obj;
			slab = run->slab;
			if (slab == NULL)
				break;
			if (slab->kind == usual)
				obj = flush_several(s, slab, obj, run[1].obj, &fault);
			else if (slab->node == nid)
				obj = flush_odd(s, slab, obj, run[1].obj, &fault);
			else
				break;
			if (slab->nr_free >= slab->trip && obj != run->obj) {
				NODE_ADD(n->free_objects, obj - from);
				from = obj;
				slab_grown_locked(q, s, n, slab, gone);
			}
			if (unlikely(fault != SLAB_FAULT_NONE))
				break;
		}
		NODE_ADD(n->free_objects, obj - from);
		quarry_unlock(q->concurrent, &n->lock, pin);
	}
	if (unlikely(!found && fault == SLAB_FAULT_NONE)) {
		fault = slab_find(q, s, *obj, &slab, &number);
		fault = fault != SLAB_FAULT_NONE ? fault : SLAB_FAULT_FOREIGN;
	}
	if (unlikely(fault != SLAB_FAULT_NONE))
		debug_complain(q, s, *obj++, fault, NULL);
	return obj;
}

void slab_flush(struct quarry *q, struct kmem_cache *s, void *const *obj, unsigned int nr)
{
	void *const *end = obj + nr;
	uint32_t gone = SLAB_NONE;

	while (obj != end)
		obj = flush_stage(q, s, obj, end, &gone);
	slab_release_chain(q, gone);
}
