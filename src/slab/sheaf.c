/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU sheaves and the node's depot of them.
 *
 * Problem    Give and take objects without a lock, an atomic or a look at the slab. Accounts of slabs
 *            are slab.c's affair; which cache an address belongs to is the page descriptor's.
 *
 * Terms      A sheaf is a stack of at most cap objects. A CPU has main, and a spare of any fill that
 *            keeps alternating allocs and frees at main's edge away from the depot. The depot of a
 *            node holds full and empty sheaves, up to a limit that grows when CPUs meet at its lock
 *            and that the reaper (reap.c) lowers. Freed objects of other nodes lie in the alien sheaf
 *            and go home together.
 *
 *            alloc: main -> spare -> depot's full -> partial slabs -> other nodes' -> new slab
 *            free:  main -> spare -> depot's empty, or a new sheaf -> back into the slabs
 *
 * Invariant  main is never NULL: the layer's shared sheaf of capacity 0 stands in, where pop and push
 *            fail like on any empty or full one, so that the fast paths need no test. It is never
 *            written. An object in a sheaf has a clear bit in its slab and is in no other sheaf.
 *
 * Life       A cache starts without sheaves; the first slow path on a CPU brings them. They stay until
 *            the cache is shrunk or destroyed. A sheaf that is taken away goes to the layer's free
 *            list of its capacity.
 *
 * Locks      A CPU's sheaves belong to the thread that plays the CPU, pinned. node->lock guards the
 *            depot. New slabs and new sheaves are fetched unpinned, since that may call reclaim, which
 *            may come back here: after it, everything is looked at anew.
 *
 * Debug      A cache that is debugged has no sheaves: every object goes the long way, by debug.c, to
 *            and from its slab, and every damage is found at the call that does it.
 *
 * Failure    Without memory for sheaves, objects go singly from and to the slabs.
 */
#include "sheaf.h"

#define SHEAF_RETRIES 6

void sheaf_set_main(struct slab_cpu *c, struct slab_sheaf *sheaf)
{
	quarry_store_relaxed(&c->base, &sheaf->obj[0]);
	quarry_store_relaxed(&c->top, &sheaf->obj[sheaf->n]);
	quarry_store_relaxed(&c->end, &sheaf->obj[sheaf->cap]);
}

/* ---- alloc ---- */

/* Fills @sheaf from slabs that exist: this node's, then those of nodes that can spare them. */
static void sheaf_refill(struct quarry *q, struct kmem_cache *s, struct slab_sheaf *sheaf,
			 gfp_t gfp)
{
	unsigned int home = (unsigned int)(sheaf_node(q, s) - s->node);
	unsigned int i, nid, got;

	got = slab_refill(q, s, home, 0, sheaf->obj, sheaf->cap);
	for (i = 1; i < s->nr_nodes && got == 0 && (gfp & __GFP_THISNODE) == 0; i++) {
		nid = (home + i) % s->nr_nodes;
		got = slab_refill(q, s, nid, s->min_partial, sheaf->obj, sheaf->cap);
	}
	quarry_store_relaxed(&sheaf->n, got);
}

/* Makes main hold something, out of what there is. Pinned. */
static bool sheaf_reload(struct quarry *q, struct kmem_cache *s, struct slab_cpu *c, gfp_t gfp)
{
	struct slab_node *n = sheaf_node(q, s);
	struct slab_sheaf *main = slab_main(c), *spare = c->spare, *full;

	if (main->n != 0)
		return true;
	if (spare != NULL && spare->n != 0) {
		sheaf_set_main(c, spare);
		sheaf_set_spare(c, main->cap != 0 ? main : NULL);
		return true;
	}
	full = depot_take_full(q, n);
	if (full != NULL) {
		sheaf_set_main(c, full);
		depot_give_empty(q, s, n, main);
		return true;
	}
	if (main->cap == 0)
		return false;
	sheaf_refill(q, s, main, gfp);
	return main->n != 0;
}

/* Gives the CPU a main sheaf of its own, if it has none and one can be had. Not pinned. */
static bool sheaf_provide_main(struct quarry *q, struct kmem_cache *s)
{
	struct slab_sheaf *sheaf;
	struct slab_cpu *c;
	quarry_pin_t pin;
	bool lacking;

	pin = quarry_pin();
	lacking = slab_main(sheaf_cpu(s))->cap == 0;
	sheaf = lacking ? depot_take_empty(q, sheaf_node(q, s)) : NULL;
	quarry_unpin(pin);
	if (!lacking)
		return true;
	if (sheaf == NULL)
		sheaf = depot_new_sheaf(q, s);
	if (sheaf == NULL)
		return false;
	c = sheaf_enter(s, &pin);
	if (slab_main(c)->cap == 0) {
		sheaf_set_main(c, sheaf);
		sheaf = NULL;
	}
	sheaf_leave(c, pin);
	depot_discard(q, s, sheaf);
	return true;
}

static void *sheaf_count_alloc(struct kmem_cache *s, void *obj)
{
	quarry_pin_t pin = quarry_pin();

	if (obj != NULL)
		SLAB_COUNT(sheaf_cpu(s)->allocs);
	else
		quarry_fetch_add_relaxed(&s->refused, 1ul);
	quarry_unpin(pin);
	return obj;
}

/*
 * One object out of a new slab; the rest of it fills main, and then the partial list. A sheaf that has grown takes
 * several.
 */
static void *sheaf_from_new_slab(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid,
				 bool fill)
{
	struct slab_sheaf *main;
	struct slab_cpu *c;
	struct slab *slab;
	quarry_pin_t pin;
	void *obj = NULL;
	unsigned int n;
	bool more;

	do {
		slab = slab_new(q, s, gfp, nid);
		if (slab == NULL)
			break;
		if (obj == NULL)
			slab_take(s, slab, &obj, 1);
		c = sheaf_enter(s, &pin);
		main = slab_main(c);
		n = main->n;
		if (fill && n < main->cap) {
			unsigned int got = slab_take(s, slab, main->obj + n, main->cap - n);

			slab_fetch(q, s, main->obj + n, got);
			quarry_store_relaxed(&main->n, n + got);
		}
		more = fill && main->cap > s->sheaf_capacity &&
		       main->cap - main->n >= oo_objects(s->oo);
		slab_publish(q, s, slab);
		sheaf_leave(c, pin);
	} while (more);
	return obj;
}

void *sheaf_alloc_direct(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid)
{
	unsigned int home, i;
	quarry_pin_t pin;
	void *obj = NULL;

	pin = quarry_pin();
	home = nid != QUARRY_NO_NODE ? (unsigned int)nid
				     : (unsigned int)(sheaf_node(q, s) - s->node);
	quarry_unpin(pin);
	if (slab_refill(q, s, home, 0, &obj, 1) != 0)
		return obj;
	obj = sheaf_from_new_slab(q, s, gfp, nid, false);
	for (i = 1; i < s->nr_nodes && obj == NULL && (gfp & __GFP_THISNODE) == 0; i++)
		slab_refill(q, s, (home + i) % s->nr_nodes, 0, &obj, 1);
	return obj;
}

static void *sheaf_alloc_any(struct quarry *q, struct kmem_cache *s, gfp_t gfp)
{
	unsigned int tries, i;
	struct slab_cpu *c;
	quarry_pin_t pin;
	void *obj = NULL;

	if (unlikely(sheaf_drain_wanted(s)))
		sheaf_drain_own(q, s, true);
	for (tries = 0; tries < 2 && s->sheaf_capacity != 0; tries++) {
		c = sheaf_enter(s, &pin);
		if (sheaf_reload(q, s, c, gfp)) {
			quarry_store_relaxed(&slab_main(c)->n, slab_main(c)->n - 1);
			obj = slab_main(c)->obj[slab_main(c)->n];
		}
		sheaf_leave(c, pin);
		if (obj != NULL)
			return obj;
		if (!sheaf_provide_main(q, s))
			return sheaf_alloc_direct(q, s, gfp, QUARRY_NO_NODE);
	}
	if (s->sheaf_capacity == 0)
		return sheaf_alloc_direct(q, s, gfp, QUARRY_NO_NODE);
	obj = sheaf_from_new_slab(q, s, gfp, QUARRY_NO_NODE, true);
	/* Out of pages: take what other nodes kept for themselves. */
	for (i = 0; i < s->nr_nodes && obj == NULL && (gfp & __GFP_THISNODE) == 0; i++)
		slab_refill(q, s, i, 0, &obj, 1);
	return obj;
}

void *sheaf_alloc_slow(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid,
		       const void *caller)
{
	void *obj;

	if (unlikely(debug_guards(q)) && (obj = debug_guard_alloc(q, s, gfp, caller)) != NULL)
		; /* now and then */
	else if (unlikely(s->debug != 0))
		obj = debug_alloc(q, s, gfp, nid, caller);
	else if (nid == QUARRY_NO_NODE)
		obj = sheaf_alloc_any(q, s, gfp);
	else
		obj = sheaf_alloc_direct(q, s, gfp, nid);
	sheaf_count_alloc(s, obj);
	if (obj != NULL && (gfp & __GFP_ZERO) != 0)
		return sheaf_zero(q, s, obj);
	return obj;
}

/* Pinned by @pin: main is empty, or the object is to be cleared. */
void *sheaf_alloc_odd(struct quarry *q, struct slab_cpu *c, gfp_t gfp, quarry_pin_t pin,
		      const void *caller)
{
	struct kmem_cache *s = slab_cache_of_this_cpu(c);
	void *obj;

	quarry_unpin(pin);
	if (!sheaf_pop(s, &obj))
		return sheaf_alloc_slow(q, s, gfp, QUARRY_NO_NODE, caller);
	return (gfp & __GFP_ZERO) != 0 ? sheaf_zero(q, s, obj) : obj;
}

void *sheaf_zero(const struct quarry *q, const struct kmem_cache *s, void *obj)
{
	if (!q->no_access && s->ctor == NULL)
		quarry_memset(obj, 0, cache_object_size(s));
	return obj;
}

void *quarry_kmem_cache_alloc(struct quarry *q, struct kmem_cache *cache, gfp_t gfp)
{
	return sheaf_alloc(q, cache, gfp);
}

/* Whether the next object that this CPU would hand out is node @nid's; reloads an empty main. */
static bool sheaf_top_is_from(struct quarry *q, struct kmem_cache *s, gfp_t gfp, unsigned int nid)
{
	struct slab_sheaf *main;
	struct slab *slab;
	struct slab_cpu *c;
	quarry_pin_t pin;
	uint32_t number;
	bool good;

	c = sheaf_enter(s, &pin);
	if (nid == (unsigned int)(sheaf_node(q, s) - s->node))
		sheaf_reload(q, s, c, gfp | __GFP_THISNODE);
	main = slab_main(c);
	good = main->n != 0 &&
	       slab_find(q, s, main->obj[main->n - 1], &slab, &number) == SLAB_FAULT_NONE &&
	       slab->node == nid;
	sheaf_leave(c, pin);
	return good;
}

/* With one node there is nothing to choose. If the sheaf does not have it, the node's slabs do. */
void *sheaf_alloc_node(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid,
		       const void *caller)
{
	if (nid < 0 || (unsigned int)nid >= s->nr_nodes || s->nr_nodes == 1 ||
	    sheaf_top_is_from(q, s, gfp, (unsigned int)nid))
		return sheaf_alloc_for(q, s, gfp, caller);
	return sheaf_alloc_slow(q, s, gfp, nid, caller);
}

void *quarry_kmem_cache_alloc_node(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid)
{
	return sheaf_alloc_node(q, s, gfp, nid, QUARRY_RETURN_ADDRESS());
}

bool sheaf_alloc_bulk(struct quarry *q, struct kmem_cache *s, gfp_t gfp, size_t nr, void **objects,
		      const void *caller)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		objects[i] = sheaf_alloc_for(q, s, gfp, caller);
		if (objects[i] == NULL) {
			quarry_kmem_cache_free_bulk(q, s, i, objects);
			return false;
		}
	}
	return true;
}

bool quarry_kmem_cache_alloc_bulk(struct quarry *q, struct kmem_cache *s, gfp_t gfp, size_t nr,
				  void **objects)
{
	return sheaf_alloc_bulk(q, s, gfp, nr, objects, QUARRY_RETURN_ADDRESS());
}

/* ---- free ---- */

/*
 * Makes room in main by trading with spare or depot. Pinned. On failure *@want_sheaf says whether an
 * empty sheaf in the depot would help; if not, one of the CPU's full sheaves must be flushed.
 */
static bool sheaf_make_room(struct quarry *q, struct kmem_cache *s, struct slab_cpu *c,
			    bool *want_sheaf)
{
	struct slab_node *n = sheaf_node(q, s);
	struct slab_sheaf *main = slab_main(c), *spare = c->spare, *empty;

	*want_sheaf = true;
	if (main->n < main->cap)
		return true;
	if (spare != NULL && spare->n < spare->cap) {
		sheaf_set_main(c, spare);
		sheaf_set_spare(c, main->cap != 0 ? main : NULL);
		return true;
	}
	if (main->cap == 0 || spare == NULL) {
		empty = depot_take_empty(q, n);
		if (empty == NULL)
			return false;
		if (main->cap != 0)
			sheaf_set_spare(c, main);
	} else {
		*want_sheaf = depot_has_place(n);
		empty = depot_trade_full(q, n, main);
		if (empty == NULL)
			return false;
	}
	sheaf_set_main(c, empty);
	return true;
}

/* Brings an empty sheaf into the depot of this CPU's node. Not pinned. */
static bool sheaf_provide_empty(struct quarry *q, struct kmem_cache *s)
{
	struct slab_sheaf *sheaf = depot_new_sheaf(q, s);
	quarry_pin_t pin;

	if (sheaf == NULL)
		return false;
	pin = quarry_pin();
	depot_give_empty(q, s, sheaf_node(q, s), sheaf);
	quarry_unpin(pin);
	return true;
}

/* Empties the older of the CPU's sheaves into the slabs and leaves it in the depot. Not pinned. */
static bool sheaf_flush_one(struct quarry *q, struct kmem_cache *s)
{
	struct slab_sheaf *sheaf;
	struct slab_cpu *c;
	quarry_pin_t pin;

	c = sheaf_enter(s, &pin);
	depot_grow(q, s, (unsigned int)(sheaf_node(q, s) - s->node));
	sheaf = c->spare;
	if (sheaf != NULL) {
		sheaf_set_spare(c, NULL);
	} else {
		sheaf = slab_main(c);
		sheaf_set_main(c, q->slabs->no_sheaf);
	}
	sheaf_leave(c, pin);
	if (sheaf->cap == 0)
		return false;
	slab_flush(q, s, sheaf->obj, sheaf->n);
	quarry_store_relaxed(&sheaf->n, 0u);
	pin = quarry_pin();
	depot_give_empty(q, s, sheaf_node(q, s), sheaf);
	quarry_unpin(pin);
	return true;
}

void sheaf_free_slow(struct quarry *q, struct kmem_cache *s, void *obj, const void *caller)
{
	bool room, want_sheaf;
	struct slab_cpu *c;
	unsigned int tries;
	quarry_pin_t pin;

	if (unlikely(s->debug != 0)) {
		debug_free(q, s, obj, caller);
		return;
	}
	if (unlikely(sheaf_drain_wanted(s)))
		sheaf_drain_own(q, s, true);
	for (tries = 0; tries < SHEAF_RETRIES; tries++) {
		c = sheaf_enter(s, &pin);
		room = sheaf_make_room(q, s, c, &want_sheaf);
		if (room) {
			slab_main(c)->obj[slab_main(c)->n] = obj;
			quarry_store_relaxed(&slab_main(c)->n, slab_main(c)->n + 1);
		}
		sheaf_leave(c, pin);
		if (room)
			return;
		if (want_sheaf && sheaf_provide_empty(q, s))
			continue;
		if (!sheaf_flush_one(q, s))
			break;
	}
	slab_flush(q, s, &obj, 1);
}

/* Leaves an object of another node with those that go home together. False: there is no sheaf. */
static bool sheaf_keep_alien(struct quarry *q, struct kmem_cache *s, void *obj)
{
	struct slab_sheaf *new = NULL, *alien;
	struct slab_seen *seen;
	unsigned int tries;
	quarry_pin_t pin;
	bool kept = false, full = false;

	for (tries = 0; tries < SHEAF_RETRIES && !kept; tries++) {
		pin = quarry_pin();
		seen = &s->seen[slab_this_cpu(s)];
		if (seen->alien == NULL && new != NULL) {
			quarry_store_release(&seen->alien, new);
			new = NULL;
		}
		alien = seen->alien;
		full = alien != NULL && alien->n == alien->cap;
		if (alien != NULL && !full) {
			alien->obj[alien->n] = obj;
			quarry_store_relaxed(&alien->n, alien->n + 1);
			kept = true;
		}
		quarry_unpin(pin);
		if (full)
			sheaf_flush_alien(q, s);
		else if (!kept && new == NULL && (new = depot_new_sheaf(q, s)) == NULL)
			break;
	}
	depot_discard(q, s, new);
	return kept;
}

/* A sound object; @page is where it lies. From now on this CPU's frees look there first, if it is near. */
static void sheaf_free_known(struct quarry *q, struct kmem_cache *s, void *obj,
			     const struct page *page)
{
	const struct slab_range *r =
		quarry_load_acquire(&q->slabs->range[page_arena_of(q->pages, page)->index]);
	quarry_pin_t pin = quarry_pin();
	struct slab_cpu *c = sheaf_cpu(s);
	bool near = page_nid(q, page) == (int)(sheaf_node(q, s) - s->node);

	if (likely(near && quarry_load_relaxed(&s->movers) == 0)) {
		if (r != NULL) {
			c->near = r->span;
			slab_this_cpu_hot(q->slabs)->near = r->span;
		}
		sheaf_push(s, c, pin, obj);
		return;
	}
	quarry_unpin(pin);
	if (near || s->sheaf_capacity == 0 || !sheaf_keep_alien(q, s, obj))
		slab_flush(q, s, &obj, 1);
}

/* What the fast path refused: another arena's object, or damage, which is reported. */
void sheaf_free_far(struct quarry *q, struct kmem_cache *s, void *obj, const void *caller)
{
	enum slab_fault fault = SLAB_FAULT_NONE;
	const struct page *page;
	struct slab *slab;
	uint32_t index;

	if (obj == NULL)
		return;
	if (unlikely(s->debug != 0)) {
		debug_free(q, s, obj, caller);
		return;
	}
	page = page_of_addr(q, obj);
	/* An object of a slab of the fallback order may not seem to start where it does. */
	if (unlikely(page == NULL || (uint16_t)(page_word(page) & SLAB_TAG_MASK) != s->tag ||
		     !sheaf_on_boundary(s, (uintptr_t)obj - q->direct_map)))
		fault = slab_find(q, s, obj, &slab, &index);
	if (fault == SLAB_FAULT_NONE)
		sheaf_free_known(q, s, obj, page);
	else if (fault != SLAB_FAULT_FOREIGN || !debug_guard_free(q, obj, caller))
		debug_complain(q, s, obj, fault, caller);
}

void quarry_kmem_cache_free(struct quarry *q, struct kmem_cache *cache, void *object)
{
	quarry_pin_t pin = quarry_pin();
	struct slab_cpu *c = slab_this_cpu_of(cache);
	uintptr_t off = (uintptr_t)object - c->near.base;

	(void)q; /* is the cache's */
	if (unlikely(sheaf_tag(&c->near, off) != cache->tag || !sheaf_on_boundary(cache, off))) {
		quarry_unpin(pin);
		sheaf_free_far(cache->q, cache, object, QUARRY_RETURN_ADDRESS());
		return;
	}
	sheaf_push(cache, c, pin, object);
}

void quarry_kmem_cache_free_bulk(struct quarry *q, struct kmem_cache *cache, size_t nr,
				 void **objects)
{
	size_t i;

	for (i = nr; i-- > 0;)
		quarry_kmem_cache_free(q, cache, objects[i]);
}
