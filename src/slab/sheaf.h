/* SPDX-License-Identifier: MIT */
/* The fast paths: one push or pop on the CPU's main sheaf. See sheaf.c. */
#ifndef QUARRY_SLAB_SHEAF_H
#define QUARRY_SLAB_SHEAF_H

#include "internal.h"

#if SLAB_HAS_SHEAVES

/*
 * An object by the long way, cleared if @gfp says so; @nid QUARRY_NO_NODE: this CPU's. Debugged caches
 * have no sheaves, so that theirs all come by here. @caller: to where the call from outside returns.
 */
QUARRY_COLD void *sheaf_alloc_slow(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid,
				   const void *caller);
QUARRY_COLD void sheaf_free_slow(struct quarry *q, struct kmem_cache *s, void *obj,
				 const void *caller);
/* One for whom the short way was too short, of the cache of which this CPU's part is @c; unpins. */
QUARRY_NOINLINE void *sheaf_alloc_odd(struct quarry *q, struct slab_cpu *c, gfp_t gfp,
				      quarry_pin_t pin, const void *caller);
/* __GFP_ZERO; returns @obj. */
QUARRY_NOINLINE void *sheaf_zero(const struct quarry *q, const struct kmem_cache *s, void *obj);

/* Frees what the fast path is not sure about: an object of another arena, NULL, damage. */
QUARRY_NOINLINE void sheaf_free_far(struct quarry *q, struct kmem_cache *s, void *obj,
				    const void *caller);

/* ---- depot.c ---- */
/* One more full sheaf is emptied into slabs of node @nid, as nobody had room: perhaps new ones get larger. */
void depot_grow(struct quarry *q, struct kmem_cache *s, unsigned int nid);
/* An empty sheaf, or NULL. Not pinned: may call for memory. */
struct slab_sheaf *depot_new_sheaf(struct quarry *q, const struct kmem_cache *s);
/* An empty sheaf, or NULL, goes to the layer. */
void depot_discard(struct quarry *q, const struct kmem_cache *s, struct slab_sheaf *sheaf);
/* Puts an empty sheaf into the depot; one too many goes to the layer. */
void depot_give_empty(struct quarry *q, struct kmem_cache *s, struct slab_node *n,
		      struct slab_sheaf *sheaf);
/* A sheaf out of the depot; NULL: it has none. */
struct slab_sheaf *depot_take_empty(struct quarry *q, struct slab_node *n);
struct slab_sheaf *depot_take_full(struct quarry *q, struct slab_node *n);
/* Whether it has room for a full sheaf; a hint. */
bool depot_has_place(const struct slab_node *n);
/* Trades a full sheaf for an empty one. NULL: nothing was done. */
struct slab_sheaf *depot_trade_full(struct quarry *q, struct slab_node *n, struct slab_sheaf *full);

/* ---- what a CPU has ---- */

/* The node of this CPU in @s; pinned. */
static inline struct slab_node *sheaf_node(const struct quarry *q, struct kmem_cache *s)
{
	int nid = page_cpu_node(q, slab_this_cpu(s));

	return &s->node[nid >= 0 && (unsigned int)nid < s->nr_nodes ? nid : 0];
}

static inline struct slab_cpu *sheaf_cpu(struct kmem_cache *s)
{
	return slab_this_cpu_of(s);
}

static inline void sheaf_sync(struct slab_cpu *c)
{
	if (slab_main(c)->cap != 0)
		quarry_store_relaxed(&slab_main(c)->n, (uint32_t)(c->top - c->base));
}

/* Between these two the CPU is pinned, main->n is what counts, and the stack pointer stands still. */
static inline struct slab_cpu *sheaf_enter(struct kmem_cache *s, quarry_pin_t *pin)
{
	struct slab_cpu *c;

	*pin = quarry_pin();
	c = sheaf_cpu(s);
	sheaf_sync(c);
	return c;
}

static inline void sheaf_leave(struct slab_cpu *c, quarry_pin_t pin)
{
	sheaf_set_main(c, slab_main(c));
	quarry_unpin(pin);
}

static inline void sheaf_set_spare(struct slab_cpu *c, struct slab_sheaf *sheaf)
{
	quarry_store_release(&c->spare, sheaf);
}

/* ---- the short ways ---- */

/*
 * Low half-word of the descriptor @off bytes into @r; what no slab page has if that is outside. Acquire: it
 * may name a cache that is younger than the table of caches that was read before.
 */
static QUARRY_ALWAYS_INLINE uint16_t sheaf_tag(const struct slab_span *r, uintptr_t off)
{
	size_t i = off >> QUARRY_PAGE_SHIFT;

	if (unlikely(i >= r->len))
		return 0;
	return (uint16_t)(quarry_load_acquire(&r->map[i].word) & SLAB_TAG_MASK);
}

/*
 * Whether an object may start @off bytes after an address that is aligned as slabs are, as far as that
 * is known without the slab: one product, one comparison. Let size be odd * 2^k. x = off & mask times
 * the inverse of odd modulo 2^64 is x / odd if odd divides x, at most (objects - 1) * 2^k for a start, which is
 * below the limit; else it is larger, since y < limit and y * odd == x modulo 2^64 make y * odd == x. What is
 * left of x modulo 2^k is added 64 - k bits further up, where it lifts the sum above the limit. A limit of 0 says
 * that slabs start their objects here and there: nothing is known without the slab.
 */
static QUARRY_ALWAYS_INLINE bool sheaf_on_boundary(const struct kmem_cache *s, uintptr_t off)
{
	return (off & s->boundary_mask) * s->boundary_mul < s->boundary_limit;
}

/* The object below @top, which is @c's and not the bottom. Pinned by @pin. */
static QUARRY_ALWAYS_INLINE void *sheaf_pop_at(struct slab_cpu *c, void **top, quarry_pin_t pin)
{
	void *obj;

	SLAB_COUNT(c->allocs);
	SLAB_MOVE(c->top, -1);
	obj = top[-1];
	quarry_unpin(pin);
	return obj;
}

/* The object on top of this CPU's main sheaf; false: it is empty. */
static QUARRY_ALWAYS_INLINE bool sheaf_pop(struct kmem_cache *s, void **obj)
{
	quarry_pin_t pin = quarry_pin();
	struct slab_cpu *c = slab_this_cpu_of(s);
	void **top = c->top;

	if (unlikely(top == c->base)) {
		quarry_unpin(pin);
		return false;
	}
	*obj = sheaf_pop_at(c, top, pin);
	return true;
}

static QUARRY_ALWAYS_INLINE void *sheaf_alloc_for(struct quarry *q, struct kmem_cache *s, gfp_t gfp,
						  const void *caller)
{
	void *obj;

	if (unlikely(!sheaf_pop(s, &obj)))
		return sheaf_alloc_slow(q, s, gfp, QUARRY_NO_NODE, caller);
	if (unlikely((gfp & __GFP_ZERO) != 0))
		return sheaf_zero(q, s, obj);
	return obj;
}

/*
 * The same; where it returns to is read only if somebody wants to know. What remains is passed the CPU's part of the
 * cache, so that the cache's address may become that part's, in the register where it is.
 */
static QUARRY_ALWAYS_INLINE void *sheaf_alloc(struct quarry *q, struct kmem_cache *s, gfp_t gfp)
{
	quarry_pin_t pin = quarry_pin();
	struct slab_cpu *c = slab_this_cpu_of(s);
	void **top = c->top;

	if (unlikely(top == c->base) || unlikely((gfp & __GFP_ZERO) != 0))
		return sheaf_alloc_odd(q, c, gfp, pin, QUARRY_RETURN_ADDRESS());
	return sheaf_pop_at(c, top, pin);
}

/* @obj is known to lie in a slab of @s, on a boundary, on the node of this CPU; @c is pinned by @pin. */
static QUARRY_ALWAYS_INLINE void sheaf_push(struct kmem_cache *s, struct slab_cpu *c,
					    quarry_pin_t pin, void *obj)
{
	void **top = c->top;

	if (unlikely(top == c->end)) {
		quarry_unpin(pin);
		sheaf_free_slow(s->q, s, obj, QUARRY_RETURN_ADDRESS());
		return;
	}
	if (QUARRY_HARDENED && unlikely(top != c->base && top[-1] == obj)) {
		quarry_unpin(pin);
		debug_complain(s->q, s, obj, SLAB_FAULT_DOUBLE, QUARRY_RETURN_ADDRESS());
		return;
	}
	*top = obj;
	SLAB_MOVE(c->top, 1);
	quarry_unpin(pin);
}

#else

/* All that is wrong with @obj is seen where it goes back. */
static inline void sheaf_free_far(struct quarry *q, struct kmem_cache *s, void *obj,
				  const void *caller)
{
	(void)caller;
	quarry_kmem_cache_free(q, s, obj);
}

#endif

#endif
