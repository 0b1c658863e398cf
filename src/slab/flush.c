/* SPDX-License-Identifier: MIT */
/*
 * Objects back into their slabs, many at a time.
 *
 * Stages     First the descriptors tell the slabs of some objects, whose records are fetched; then, under the
 *            node's lock, bits are set and counted. So the misses of one stage overlap, and none is waited for
 *            under the lock.
 * Runs       Objects that follow each other in one page need one look at its descriptor; those in one word of
 *            free bits are gathered in a register.
 * Checks     That an object is not free already is seen here, by its bit. That it starts where one may was seen
 *            when it was freed, but for slabs of the fallback order: here.
 * Failure    What cannot go back is reported, without a lock, and left alone.
 */
#include "internal.h"

/* Objects whose slabs' records are fetched before the first of them is needed. */
#define FLUSH_STAGE 32u

/* Objects that come one after the other and lie in one page. */
struct flush_run {
	struct slab *slab;
	void *const *obj;
};

/*
 * The slabs of objects @obj, up to the first that is in none, which is returned, or @end: @run, and behind the last
 * one that ends it.
 */
static void *const *flush_locate(const struct quarry *q, const struct kmem_cache *s,
				 void *const *obj, void *const *end, struct flush_run *run)
{
	const struct slab_span *r = &quarry_load_acquire(&s->hot)->span;
	const struct page *map = r->map;
	uintptr_t base = r->base, page;
	size_t len = r->len, i;
	unsigned int cache;
	uint32_t index;
	uint64_t word;

	while (obj != end) {
		i = ((uintptr_t)*obj - base) >> QUARRY_PAGE_SHIFT;
		word = i < len ? page_word(&map[i]) : 0;
		index = (uint32_t)(word >> PAGE_WORD_SLAB_SHIFT);
		if (unlikely((uint16_t)(word & SLAB_TAG_MASK) != s->tag) &&
		    (!page_slab_of(q, *obj, &cache, &index) || cache != s->id))
			break;
		run->slab = slab_record(q->slabs, index);
		quarry_prefetch_write(run->slab);
		run->obj = obj;
		run++;
		page = base + (uintptr_t)(i << QUARRY_PAGE_SHIFT);
		do
			obj++;
		while (obj != end && (uintptr_t)*obj - page < QUARRY_PAGE_SIZE);
	}
	run->slab = NULL;
	run->obj = obj;
	return obj;
}

/*
 * Adds to @word of @slab's free bits those of objects @obj up to @end; returns the first that is in another word;
 * @obj, and nothing was done: one of them is free already.
 */
static QUARRY_NOINLINE void *const *flush_word(const struct kmem_cache *s, const struct slab *slab,
					       void *const *obj, void *const *end, uint64_t *word)
{
	uintptr_t base = slab->base;
	uint64_t bits = 0, recip = s->recip;
	uint64_t number = ((uintptr_t)*obj - base) * recip >> 48, first = number & ~(uint64_t)63;
	void *const *p = obj;

	do {
		bits |= (uint64_t)1 << (number & 63);
		if (++p == end)
			break;
		number = ((uintptr_t)*p - base) * recip >> 48;
	} while (number - first < 64);
	if (unlikely((bits & *word) != 0 || bits_popcount64(bits) != (unsigned int)(p - obj)))
		return obj;
	*word |= bits;
	return p;
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

/*
 * The same into a slab of the preferred order, for which all that comes through a sheaf was found to be on a
 * boundary before.
 */
static inline void *const *flush_usual(const struct kmem_cache *s, struct slab *slab,
				       void *const *obj, void *const *end, enum slab_fault *fault)
{
	uint64_t number = ((uintptr_t)*obj - slab->base) * s->recip >> 48, *word, bit;
	void *const *next;

	word = &slab->free[number / 64];
	if (obj + 1 == end) {
		bit = (uint64_t)1 << (number & 63);
		if (unlikely((*word & bit) != 0))
			return flush_odd(s, slab, obj, end, fault);
		*word |= bit;
		slab->nr_free++;
		return end;
	}
	for (;;) {
		next = flush_word(s, slab, obj, end, word);
		if (unlikely(next == obj))
			return flush_odd(s, slab, obj, end, fault);
		slab->nr_free = (uint16_t)(slab->nr_free + (next - obj));
		obj = next;
		if (obj == end)
			return obj;
		word = &slab->free[((uintptr_t)*obj - slab->base) * s->recip >> 54];
	}
}

/* As many as are fetched at a time; returns the first that was not dealt with. */
static void *const *flush_stage(struct quarry *q, struct kmem_cache *s, void *const *obj,
				void *const *end, uint32_t *gone)
{
	struct flush_run runs[FLUSH_STAGE + 1], *run = runs;
	void *const *found = flush_locate(q, s, obj, end, runs), *const * from;
	enum slab_fault fault = SLAB_FAULT_NONE;
	struct slab *slab;
	uint32_t number;

	while (run->slab != NULL && fault == SLAB_FAULT_NONE) {
		unsigned int nid = run->slab->node;
		struct slab_node *n = &s->node[nid];
		/* No slab is of order 255: then none is taken for a usual one. */
		uint32_t usual = slab_kind(s->id, nid, s->recip != 0 ? oo_order(s->oo) : 255u);
		quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);

		for (from = obj; (slab = run->slab) != NULL; run++) {
			if (likely(slab->kind == usual))
				obj = flush_usual(s, slab, obj, run[1].obj, &fault);
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
	if (unlikely(found != end && fault == SLAB_FAULT_NONE)) {
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
		obj = flush_stage(q, s, obj,
				  (size_t)(end - obj) > FLUSH_STAGE ? obj + FLUSH_STAGE : end,
				  &gone);
	slab_release_chain(q, gone);
}
