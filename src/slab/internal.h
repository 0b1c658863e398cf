/* SPDX-License-Identifier: MIT */
/* What the slab layer's files share, by the file that has it. Its state is in layer.h. */
#ifndef QUARRY_SLAB_INTERNAL_H
#define QUARRY_SLAB_INTERNAL_H

#include "layer.h"

#include <base/bits.h>
#include <base/compiler.h>
#include <base/lock.h>
#include <base/meta.h>
#include <base/quarry_state.h>

/* ---- cache.c ---- */
/* @rank: not 0 for kmalloc's own, which stand in that order on the list, before all others. */
struct kmem_cache *cache_create(struct quarry *q, const char *name, unsigned int object_size,
				uint32_t flags, const struct kmem_cache_args *args,
				unsigned int rank);
/* Has slab_debug and failslab apply to @s anew. False: it has objects and stays as it is. */
bool cache_debug_again(struct quarry *q, struct kmem_cache *s);

/*
 * The first cache, or the one made before @s, and keeps it from being destroyed; lets go of @s. Caches
 * that are being destroyed are left out. To the end, or cache_walk_end().
 */
struct kmem_cache *cache_walk(struct quarry *q, struct kmem_cache *s);
/* What SLAB lets node @nid keep: a batch for each CPU and one more, and a slab. */
uint32_t cache_free_limit(const struct quarry *q, const struct kmem_cache *s, unsigned int nid);
void cache_walk_end(struct quarry *q, struct kmem_cache *s);

/* ---- slab.c ---- */
/* Zeroed memory out of the pool, a multiple of 64 bytes; never given back singly. Not under a lock. */
void *slab_pool_alloc(struct quarry *q, size_t size_bytes);
/* Room for @size_bytes of such requests, in one piece. False: there is none. */
bool slab_pool_reserve(struct quarry *q, size_t size_bytes);
/* Gives back the pool and with it all caches and sheaves. */
void slab_pool_exit(struct quarry *q);
#if QUARRY_HARDENED
/* cache.c: whether nobody has written to what says how @s lays out its slabs. */
bool cache_is_sealed(const struct kmem_cache *s);
#else
static inline bool cache_is_sealed(const struct kmem_cache *s)
{
	(void)s;
	return true;
}
#endif

/*
 * A new slab with all its objects free, which nobody else sees until slab_publish(). The caller may
 * slab_take() in between. May call reclaim: not pinned, not under a lock.
 */
struct slab *slab_new(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid);
void slab_publish(struct quarry *q, struct kmem_cache *s, struct slab *slab);
/* That the record of a slab of @objects of @s has. */
unsigned int slab_record_granules(const struct kmem_cache *s, unsigned int objects);
#if QUARRY_TINY
static inline unsigned int slab_granules_of(const struct slab *rec)
{
	return rec->granules;
}

static inline unsigned int slab_record_class(unsigned int granules)
{
	return granules;
}
#else
/* That @rec has. */
unsigned int slab_granules_of(const struct slab *rec);
/* Index in slab_store.free[] of records of so many. */
unsigned int slab_record_class(unsigned int granules);
#endif
/* The next live record at or after *@index, which is moved past it; NULL at the end. Nobody else is at work. */
struct slab *slab_store_next(const struct slab_layer *layer, uint32_t *index);
/* The same of @s alone, which nobody else uses; others may use theirs. */
struct slab *slab_next_of(struct quarry *q, const struct kmem_cache *s, uint32_t *index);
/* Takes up to @max objects out of @slab, the lowest last; node->lock held or unpublished. */
unsigned int slab_take(const struct kmem_cache *s, struct slab *slab, void **obj, unsigned int max);

/*
 * Fetches objects that a sheaf takes, as they will be written soon: one of a line or half a line of small ones, which
 * are neighbours for the most part.
 */
static QUARRY_ALWAYS_INLINE void slab_fetch(const struct quarry *q, const struct kmem_cache *s,
					    void *const *obj, unsigned int n)
{
	unsigned int step = s->size >= 32 ? 1 : s->size >= 16 ? 2 : 4;

	if (q->no_access)
		return;
	for (unsigned int i = 0; i < n; i += step)
		quarry_prefetch_write(obj[i]);
}
/* Takes up to @max objects from node @nid's partial slabs; only if it has more than @above. */
unsigned int slab_refill(struct quarry *q, struct kmem_cache *s, unsigned int nid,
			 unsigned long above, void **obj, unsigned int max);
/* Changes a count that is written under node->lock and read, as a hint, without. */
#define NODE_ADD(count, by) \
	quarry_store_relaxed(&(count), (__typeof__(count))((long)(count) + (long)(by)))
/*
 * A slab has got free objects, and may have passed its trip by it; node->lock held. One that may go is put on the
 * chain @gone. While memory is plenty the node keeps as many empty slabs as it made again lately.
 */
void slab_grown_locked(const struct quarry *q, const struct kmem_cache *s, struct slab_node *n,
		       struct slab *slab, uint32_t *gone) QUARRY_REQUIRES(n->lock);
/* Gives back pages and records of the slabs on such a chain. Not under a lock. */
void slab_release_chain(struct quarry *q, uint32_t gone);
/* flush.c: puts objects back into their slabs and gives back slabs that became empty; reports damage. */
void slab_flush(struct quarry *q, struct kmem_cache *s, void *const *obj, unsigned int n);
/* Gives back up to @max empty slabs of node @nid; returns the objects in them. */
unsigned long slab_discard_empty(struct quarry *q, struct kmem_cache *s, unsigned int nid,
				 unsigned long max);
/* Takes a sparse slab in use off node @nid's lists, for its objects to be moved; NULL: there is none,
 * or the others have no room for them. slab_end_move() puts it back, or gives it back if it is empty. */
struct slab *slab_start_move(struct quarry *q, struct kmem_cache *s, unsigned int nid);
void slab_end_move(struct quarry *q, struct kmem_cache *s, struct slab *slab);
/*
 * The first slab of list @list of node @nid, off that list; slab_end_move() puts it at the end of one, or gives it back
 * if it is empty. NULL: there is none. *@last: SLAB_NONE at first, then the slab that was the last one there.
 */
struct slab *slab_set_aside(struct quarry *q, struct kmem_cache *s, unsigned int nid,
			    unsigned int list, uint32_t *last);
/* The range of @page's arena, made at first use; NULL: no memory for it. May call for memory. */
const struct slab_range *slab_range_of(struct quarry *q, const struct page *page);
/* The slab of @obj and its number there, with all checks that need no lock. */
enum slab_fault slab_find(const struct quarry *q, const struct kmem_cache *s, const void *obj,
			  struct slab **slab, uint32_t *number);

/* Gives back pages and records of the slabs on a chain, which no cache has any more. */
void slab_release_deferred(struct quarry *q, uint32_t index);

/* ---- depot.c ---- */
#if SLAB_HAS_SHEAVES
/* So many @objects came out of the slabs of @n; n->lock held. */
void depot_refilled_locked(const struct quarry *q, const struct kmem_cache *s, struct slab_node *n,
			   unsigned int objects) QUARRY_REQUIRES(n->lock);
/* What came and went lately does not count any more; n->lock held. */
static inline void depot_forget_locked(struct slab_node *n) QUARRY_REQUIRES(n->lock)
{
	quarry_store_relaxed(&n->swing, 0u);
	n->missed = 0;
}
#else
static inline void depot_refilled_locked(const struct quarry *q, const struct kmem_cache *s,
					 struct slab_node *n, unsigned int objects)
{
	(void)q;
	(void)s;
	(void)n;
	(void)objects;
}

static inline void depot_forget_locked(struct slab_node *n)
{
	(void)n;
}
#endif

#if !QUARRY_TINY
/* ---- rcu.c ---- */
int rcu_init(struct quarry *q);
size_t rcu_bytes(void); /* of its state, a multiple of 64 */
/* Keeps a slab, whose pages are no slab's any more, for a grace period. */
void rcu_defer_slab(struct quarry *q, struct slab *slab);

/* ---- sheaf.c ---- */
void sheaf_set_main(struct slab_cpu *c, struct slab_sheaf *sheaf);
/* Of objects of @size bytes; at least @wish if there are sheaves so large. */
unsigned int depot_capacity(unsigned int size, unsigned int wish, uint16_t *sheaf_class);
/* Whether a sheaf of @s may have room for @cap objects. */
bool depot_capacity_ok(const struct kmem_cache *s, uint32_t cap);
/* Brings n of every CPU's main sheaf up to date. Nobody else may use @s. */
void sheaf_sync_all(struct kmem_cache *s);
/* Empties and takes away the sheaves of all CPUs. Nobody else may use @s. */
void sheaf_drain_all(struct quarry *q, struct kmem_cache *s);
/* The same while others use it: this CPU's sheaves, and others are asked for theirs. Not pinned. */
void sheaf_drain_and_ask(struct quarry *q, struct kmem_cache *s);
/* Whether somebody else has asked for this CPU's sheaves since it last looked. Not pinned. */
bool sheaf_drain_wanted(struct kmem_cache *s);
/* Empties and takes away what CPU @cpu has of every cache. It makes no call. */
void sheaf_drain_cpu(struct quarry *q, unsigned int cpu);
/* Sends home what @c, this CPU's, holds of other nodes. Not pinned. */
void sheaf_flush_alien(struct quarry *q, struct kmem_cache *s);
/* Takes the spare, and with @main the main sheaf too, away from this CPU. Not pinned. */
void sheaf_drain_own(struct quarry *q, struct kmem_cache *s, bool main);
/* Moves the oldest @n objects of this CPU's main sheaf into their slabs. Not pinned. */
void sheaf_trim_own(struct quarry *q, struct kmem_cache *s, unsigned int n);
/* Gives up to @full and @empty sheaves of the depot back; returns the objects that were in them. */
unsigned long sheaf_drain_depot(struct quarry *q, struct kmem_cache *s, struct slab_node *n,
				unsigned int full, unsigned int empty);
/* Empties one CPU's sheaves; nobody plays it, or the machine is played by one thread. */
void sheaf_drain_one(struct quarry *q, struct kmem_cache *s, unsigned int cpu);
/* Objects in sheaves and depot; exact when no other CPU is at work. */
unsigned long sheaf_cached_objects(struct quarry *q, struct kmem_cache *s);

/* One object of node @nid, or of any, for the call that returns to @caller. */
void *sheaf_alloc_node(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid,
		       const void *caller);
/* quarry_kmem_cache_alloc_bulk() for the call that returns to @caller. */
bool sheaf_alloc_bulk(struct quarry *q, struct kmem_cache *s, gfp_t gfp, size_t nr, void **objects,
		      const void *caller);
/* One object from node @nid's slabs, or any node's with QUARRY_NO_NODE, sheaves left aside. */
void *sheaf_alloc_direct(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid);

/* ---- debug.c ---- */
/* Tells of an object that came back wrongly; @caller: to where the call returned, or NULL. */
void debug_complain(struct quarry *q, const struct kmem_cache *s, const void *obj,
		    enum slab_fault fault, const void *caller);
/* Flags of a cache by its name, and whether debugging may not raise its order. */
uint32_t debug_flags(const struct quarry *q, const char *name, uint32_t flags, bool *order_guard);
/* Whether a checker of memory is told of objects. */
static inline bool debug_hooked(const struct quarry *q)
{
	return q->port.object_alloc != NULL && !q->no_access;
}
/* s->debug out of flags, port and failslab. */
void debug_settle(const struct quarry *q, struct kmem_cache *s);
/* Fills a new slab; before constructors run. */
void debug_slab_start(struct quarry *q, const struct kmem_cache *s, struct slab *slab);
/* Looks at a slab that is given back: the last time that anything can be seen. */
void debug_slab_end(struct quarry *q, const struct kmem_cache *s, struct slab *slab);
/* A guarded object from the port, now and then; NULL: an ordinary one is wanted. */
void *debug_guard_alloc(struct quarry *q, const struct kmem_cache *s, gfp_t gfp,
			const void *caller);
/* Whether the port has such hooks. */
static inline bool debug_guards(const struct quarry *q)
{
	return q->port.guard_alloc != NULL;
}
/* Gives a guarded object back; false: @p is none. */
bool debug_guard_free(struct quarry *q, void *p, const void *caller);
/* For caches whose debug is not 0. */
void *debug_alloc(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid, const void *caller);
void debug_free(struct quarry *q, struct kmem_cache *s, void *obj, const void *caller);
/* Objects that were taken out of use go back, before the cache ends. Nobody else uses it. */
void debug_release_bad(struct quarry *q, struct kmem_cache *s);
/* Tells which objects callers have; sheaves are empty. Returns how many. */
unsigned long debug_leaks(struct quarry *q, struct kmem_cache *s);

/* ---- profile.c ---- */
/* Objects of a new slab of a profiled cache are nobody's. */
void profile_slab_start(const struct kmem_cache *s, struct slab *slab);
/* @obj of such a cache went to the call that returns to @caller, or was tagged so. */
void profile_alloc(struct quarry *q, const struct kmem_cache *s, const void *obj,
		   const void *caller);
/* Object @number of @slab came back; false: nobody had it. */
bool profile_free(struct quarry *q, const struct kmem_cache *s, struct slab *slab, uint32_t number);
/* @nr_pages pages from @p on, of no cache, went to the call that returns to @caller; or are about to come back. */
void profile_block_alloc(struct quarry *q, const void *p, size_t nr_pages, const void *caller);
void profile_block_free(struct quarry *q, const void *p);

/* ---- reap.c ---- */
/* Lets memory pressure reach the layer's caches. */
void reap_init(struct quarry *q);
#else
/* No sheaves, no debugging, no grace periods: what is common calls these. */
static inline void rcu_defer_slab(struct quarry *q, struct slab *slab)
{
	(void)q;
	(void)slab;
}

static inline void sheaf_drain_all(struct quarry *q, struct kmem_cache *s)
{
	(void)q;
	(void)s;
}

static inline void sheaf_drain_and_ask(struct quarry *q, struct kmem_cache *s)
{
	(void)q;
	(void)s;
}

static inline unsigned long sheaf_drain_depot(struct quarry *q, struct kmem_cache *s,
					      struct slab_node *n, unsigned int full,
					      unsigned int empty)
{
	(void)q;
	(void)s;
	(void)n;
	(void)full;
	(void)empty;
	return 0;
}

static inline unsigned long sheaf_cached_objects(struct quarry *q, struct kmem_cache *s)
{
	(void)q;
	(void)s;
	return 0;
}

static inline uint32_t debug_flags(const struct quarry *q, const char *name, uint32_t flags,
				   bool *order_guard)
{
	(void)q;
	(void)name;
	*order_guard = false;
	return flags & ~SLAB_DEBUG_FLAGS;
}

static inline bool debug_hooked(const struct quarry *q)
{
	(void)q;
	return false;
}

static inline void debug_settle(const struct quarry *q, struct kmem_cache *s)
{
	(void)q;
	(void)s;
}

static inline void debug_slab_start(struct quarry *q, const struct kmem_cache *s, struct slab *slab)
{
	(void)q;
	(void)s;
	(void)slab;
}

static inline void debug_slab_end(struct quarry *q, const struct kmem_cache *s, struct slab *slab)
{
	(void)q;
	(void)s;
	(void)slab;
}

static inline void profile_slab_start(const struct kmem_cache *s, struct slab *slab)
{
	(void)s;
	(void)slab;
}

static inline void profile_block_free(struct quarry *q, const void *p)
{
	(void)q;
	(void)p;
}

static inline bool debug_guards(const struct quarry *q)
{
	(void)q;
	return false;
}

static inline bool debug_guard_free(struct quarry *q, void *p, const void *caller)
{
	(void)q;
	(void)p;
	(void)caller;
	return false;
}

static inline void debug_release_bad(struct quarry *q, struct kmem_cache *s)
{
	(void)q;
	(void)s;
}

static inline unsigned long debug_leaks(struct quarry *q, struct kmem_cache *s)
{
	(void)q;
	(void)s;
	return 0;
}
#endif

/* ---- kmalloc.c ---- */
/* @random_seed other than 0: makes the caches of the normal type and their copies. Others come when wanted. */
int kmalloc_init(struct quarry *q, uint64_t random_seed);
#if !QUARRY_TINY
/* Makes the caches of the normal type and opens the short way, unless that was done or cannot be. */
void kmalloc_open(struct quarry *q);
/* All of them, as far as there is memory. */
void kmalloc_make_all(struct quarry *q);
#else
static inline void kmalloc_make_all(struct quarry *q)
{
	(void)q; /* memory is too short for what nobody has asked for */
}
#endif
/* The classes by size: the first for 0, 0 after the last. */
unsigned int kmalloc_class_after(unsigned int class);
/* What stands behind "kmalloc-" in its name; its size. */
const char *kmalloc_class_name(unsigned int class, uint32_t *size);
unsigned int kmalloc_class(size_t size);
/* Of a size that no cache has. */
QUARRY_COLD void *kmalloc_odd(struct quarry *q, size_t size, gfp_t gfp, int nid);
#if !QUARRY_TINY
/* The same, for the call that returns to @caller. */
QUARRY_COLD void *kmalloc_odd_for(struct quarry *q, size_t size, gfp_t gfp, int nid,
				  const void *caller);
#endif

/* ---- kvmalloc.c ---- */
#if !QUARRY_TINY
/* quarry_kvmalloc_node() for the call that returns to @caller. */
void *kv_alloc(struct quarry *q, size_t size, gfp_t gfp, int nid, const void *caller);
/* realloc.c: quarry_krealloc_node_align() for the same. */
void *realloc_any(struct quarry *q, void *p, size_t size, size_t align, gfp_t gfp, int nid,
		  const void *caller);
/* Bytes from @p to the end of the range of whole pages that it lies in; 0: in none. */
size_t kv_range_left(struct quarry *q, const void *p);
/* For the validator: so many ranges as are counted, each where it is looked for. */
bool kv_is_sound(struct quarry *q);
/* Whether there is one, which only quarry_kvfree() may give back. */
static inline bool kv_is_range(struct quarry *q, const void *p)
{
	return kv_range_left(q, p) != 0;
}
#else
static inline bool kv_is_range(struct quarry *q, const void *p)
{
	(void)q;
	(void)p;
	return false;
}
#endif
/*
 * Room for what callers have with the layer, that it must read and write: kmalloc's, or tables' where
 * managed memory has no contents. Not under a lock.
 */
void *slab_side_alloc(struct quarry *q, size_t size, gfp_t gfp);
void slab_side_free(struct quarry *q, void *p);

#endif
