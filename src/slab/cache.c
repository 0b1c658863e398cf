/* SPDX-License-Identifier: MIT */
/*
 * Slab caches: the registry, their geometry, merging, birth and death.
 *
 * Problem    Give equal objects a cache with the size, order and number of objects that Linux would
 *            choose, so that what is seen here can be compared with it page by page. Where objects
 *            are kept is slab.c's and sheaf.c's affair.
 *
 * Terms      object_size is what was asked for; inuse is that in whole words; size is the distance of
 *            two objects. offset is where Linux keeps the free pointer. None is kept here, since free
 *            objects are not written to, but it counts in size: with a constructor or under RCU it
 *            comes after the object.
 *
 *                 |<- object_size ->|pad|   free    | pad to align |
 *                 |<-      inuse      ->|  pointer  |              |
 *                 |<-                  size                      ->|
 *
 *            oo is the preferred order with its number of objects, min the smallest order that
 *            holds one object.
 *
 * Order      The lowest order that gives enough objects and wastes at most 1/16 of the slab; if there
 *            is none, 1/8, 1/4 are allowed; then one object fewer. Enough grows with the logarithm of
 *            the number of CPUs. Example: 2 CPUs want 12 objects; 512 bytes need order 1, 16 objects.
 *
 * Invariant  A cache is in layer->cache[id] and on the list exactly while its refcount is not 0.
 *            Objects, sheaves and pages of a merged cache are those of the cache it was merged into:
 *            both callers hold the same pointer.
 *
 * Life       created -> used -> destroyed once for each reference; the last one drains the sheaves and
 *            gives back the slabs, and fails if a caller still owns an object. The memory of a cache
 *            is reused for the next: all have the same size, fixed by the numbers of CPUs and nodes.
 *
 * Locks      layer->lock guards list, table and refcounts; tables are fetched before it is taken.
 *
 * Failure    cache_create() returns NULL and has given everything back.
 */
#include <base/seal.h>

#include "sheaf.h"

#define CACHE_MERGE_SAME (SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | SLAB_ACCOUNT)
#define CACHE_NEVER_MERGE                                                             \
	(SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE | SLAB_DEBUG_FLAGS | SLAB_NOLEAKTRACE | \
	 SLAB_FAILSLAB | SLAB_KMALLOC)
#define CACHE_MAX_SIZE_BITS 44u /* size * slab bytes up to here: the reciprocal is exact */
#define CACHE_RECIP_SHIFT 48u

/* ---- geometry ---- */

static unsigned int cache_order_objects(unsigned int order, unsigned int size)
{
	return (unsigned int)((QUARRY_PAGE_SIZE << order) / size);
}

static struct kmem_cache_order_objects cache_oo(unsigned int order, unsigned int size,
						unsigned int max)
{
	unsigned int objects = quarry_min(cache_order_objects(order, size), max);

	return (struct kmem_cache_order_objects){order << 16 | objects};
}

/* The lowest order from @min for @objects objects that wastes at most 1/@part of the slab; above @max: none. */
static unsigned int cache_fit_order(unsigned int size, unsigned int objects, unsigned int min,
				    unsigned int max, unsigned int part)
{
	unsigned int order = quarry_max(bits_get_order((uint64_t)objects * size), min);
	size_t bytes;

	for (; order <= max; order++) {
		bytes = QUARRY_PAGE_SIZE << order;
		if (bytes % size <= bytes / part)
			break;
	}
	return order;
}

/* The preferred order of slabs of @size bytes a place, as the machine of @l has it. */
static unsigned int cache_order(const struct slab_layer *l, unsigned int size)
{
	unsigned int want =
		l->min_objects != 0 ? l->min_objects : 4 * (bits_fls(l->geometry_cpus) + 1);
	unsigned int part, order;

	want = quarry_min(want, cache_order_objects(l->max_order, size));
	for (; want > 1; want--) {
		for (part = 16; part >= 4; part /= 2) {
			order = cache_fit_order(size, want, l->min_order, l->max_order, part);
			if (order <= l->max_order)
				return order;
		}
	}
	return quarry_max(bits_get_order(size), l->min_order);
}

static unsigned int cache_alignment(uint32_t flags, unsigned int align, unsigned int size)
{
	unsigned int line = SLAB_CACHE_LINE;

	if ((flags & SLAB_HWCACHE_ALIGN) != 0) {
		while (size <= line / 2)
			line /= 2;
		align = quarry_max(align, line);
	}
	return quarry_max(align, SLAB_MIN_ALIGN);
}

static void cache_set_size(struct kmem_cache *s, unsigned int fixed)
{
	uint64_t size = bits_align_up(s->object_size, sizeof(uint64_t));
	const uint32_t flags = SLAB_HAS_DEBUG ? s->flags : s->flags & ~SLAB_DEBUG_FLAGS;
	bool guarded = (flags & SLAB_RED_ZONE) != 0;

	if (guarded && size == s->object_size)
		size += sizeof(uint64_t);
	s->inuse = (uint32_t)size;
	if ((flags & SLAB_POISON) != 0 ||
	    (!s->freeptr_inside && ((s->flags & SLAB_TYPESAFE_BY_RCU) != 0 || s->ctor != NULL)) ||
	    (guarded && s->object_size < sizeof(uint64_t))) {
		s->offset = (uint32_t)size;
		size += sizeof(uint64_t);
	} else if (s->freeptr_inside) {
		s->offset = s->freeptr_offset;
	} else {
		s->offset = s->object_size / 2 & ~(uint32_t)(sizeof(uint64_t) - 1);
	}
	if ((flags & SLAB_STORE_USER) != 0)
		size += 2 * SLAB_TRACK_BYTES +
			((s->flags & SLAB_KMALLOC) != 0 ? SLAB_SIZE_BYTES : 0);
	s->red_left_pad = guarded ? (uint32_t)bits_align_up(sizeof(uint64_t), s->align) : 0;
	if (guarded)
		size += sizeof(uint64_t) + s->red_left_pad;
	s->size = fixed != 0 ? fixed : (uint32_t)bits_align_up(size, s->align);
	s->fixed_size = fixed != 0;
}

#if SLAB_HAS_SHEAVES

/* @n / @d without the library call that a 32-bit target makes of it. */
static uint64_t cache_divide(uint64_t n, uint32_t d)
{
	uint64_t quotient = 0, rest = 0;
	unsigned int i;

	for (i = 64; i-- > 0;) {
		rest = rest << 1 | (n >> i & 1);
		if (rest >= d) {
			rest -= d;
			quotient |= (uint64_t)1 << i;
		}
	}
	return quotient;
}

#endif

/* Without sheaves nothing is kept back: an empty slab goes. */
static unsigned int cache_min_partial(unsigned int size)
{
	unsigned int n = bits_log2(size) / 2;

	return !SLAB_HAS_SHEAVES ? 0 : n < 5 ? 5 : n > 10 ? 10 : n;
}

static uint16_t cache_cpu_partial(const struct kmem_cache *s)
{
	if (!SLAB_HAS_SHEAVES || (s->flags & SLAB_DEBUG_FLAGS) != 0)
		return 0;
	return s->size >= QUARRY_PAGE_SIZE ? 6 : s->size >= 1024 ? 24 : s->size >= 256 ? 52 : 120;
}

#if SLAB_HAS_SHEAVES

/* The inverse of an odd number modulo 2^64: each step doubles the bits that are right, 3 at first. */
static uint64_t cache_inverse(uint64_t odd)
{
	uint64_t inverse = odd;

	for (unsigned int bits = 3; bits < 64; bits *= 2)
		inverse *= 2 - odd * inverse;
	return inverse;
}

/* As SLAB does it: what a slab has left over, by lines of the CPU's cache, or by the cache's alignment. */
static void cache_set_colours(struct kmem_cache *s, const struct slab_layer *l)
{
	uint32_t bytes = (uint32_t)(QUARRY_PAGE_SIZE << oo_order(s->oo));
	uint32_t left = bytes - oo_objects(s->oo) * s->size;

	s->colour_off = quarry_max(s->align, SLAB_CACHE_LINE);
	s->colours = 0;
	if (l->colour && s->debug == 0 && left >= 2 * s->colour_off)
		s->colours = left / s->colour_off;
}

/*
 * What sheaf_on_boundary() tests with: offsets in a slab of the preferred order. An object of a slab of
 * the fallback order may fail the test; then its record is asked.
 */
static void cache_set_boundary(struct kmem_cache *s)
{
	uint32_t block = (uint32_t)(QUARRY_PAGE_SIZE << QUARRY_PAGEBLOCK_ORDER);
	uint32_t power = s->size & -s->size;
	unsigned int shift = bits_log2(power);

	if (s->size > block || power == s->size) {
		s->boundary_mask = quarry_min(power, block) - 1;
		s->boundary_mul = 1;
		s->boundary_limit = 1;
		return;
	}
	s->boundary_mask = (QUARRY_PAGE_SIZE << oo_order(s->oo)) - 1;
	s->boundary_mul = cache_inverse(s->size >> shift) + ((uint64_t)1 << (64 - shift));
	s->boundary_limit = s->colours != 0 ? 0 : ((uint64_t)(oo_objects(s->oo) - 1) << shift) + 1;
}

/* What the short paths compute with, and how many objects they keep. */
static void cache_set_paths(struct kmem_cache *s, const struct slab_layer *l)
{
	s->recip = 0;
	if ((uint64_t)(QUARRY_PAGE_SIZE << oo_order(s->oo)) * s->size <=
	    (uint64_t)1 << CACHE_MAX_SIZE_BITS)
		s->recip = cache_divide((uint64_t)1 << CACHE_RECIP_SHIFT, s->size) + 1;
	for (unsigned int list = 0; list < QUARRY_ARRAY_SIZE(s->trip); list++)
		s->trip[list] = (uint16_t)slab_trip_of(list, oo_objects(s->oo));
	cache_set_colours(s, l);
	cache_set_boundary(s);
	/* By request, starting at the smallest as for large objects. */
	if (s->wish_capacity == 0 && l->sheaf_objects != 0)
		s->sheaf_capacity =
			depot_capacity(QUARRY_PAGE_SIZE, l->sheaf_objects, &s->sheaf_class);
	else
		s->sheaf_capacity = depot_capacity(s->size, s->wish_capacity, &s->sheaf_class);
	s->sheaf_grown = s->sheaf_class;
	if (s->debug != 0)
		s->sheaf_capacity = 0;
}

#else

static void cache_set_paths(struct kmem_cache *s, const struct slab_layer *l)
{
	(void)s;
	(void)l;
}

#endif

static void cache_set_geometry(struct kmem_cache *s, const struct slab_layer *l)
{
	unsigned int order = cache_order(l, s->size);
	unsigned int max = SLAB_MAX_OBJECTS;

	if ((slab_debug(s) & SLAB_DEBUG_RECORDS) != 0)
		max = SLAB_MAX_OBJECTS / 2 - 64;
	if ((slab_debug(s) & SLAB_DEBUG_PLACES) != 0)
		max = SLAB_PROFILED_OBJECTS;

	s->oo = cache_oo(order, s->size, max);
	s->min = cache_oo(bits_get_order(s->size), s->size, max);
	s->min_partial = cache_min_partial(s->size);
	s->cpu_partial = cache_cpu_partial(s);
	s->allocflags = 0;
	if (order != 0)
		s->allocflags |= __GFP_COMP;
	if ((s->flags & SLAB_CACHE_DMA) != 0)
		s->allocflags |= GFP_DMA;
	if ((s->flags & SLAB_CACHE_DMA32) != 0)
		s->allocflags |= GFP_DMA32;
	if ((s->flags & SLAB_RECLAIM_ACCOUNT) != 0)
		s->allocflags |= __GFP_RECLAIMABLE;
	cache_set_paths(s, l);
}

/* ---- merging ---- */

/* Whether objects as in @new may live in @s, with less than a word of waste. */
static bool cache_can_share(const struct kmem_cache *s, const struct kmem_cache *new)
{
	uint64_t size =
		bits_align_up(bits_align_up(new->object_size, sizeof(uint64_t)), new->align);

	if ((s->flags & CACHE_NEVER_MERGE) != 0 || s->ctor != NULL || s->fixed_size ||
	    s->usersize != 0)
		return false;
	if (((s->flags ^ new->flags) & CACHE_MERGE_SAME) != 0)
		return false;
	return size <= s->size && s->size - size < sizeof(uint64_t) && s->size % new->align == 0;
}

/* Who describes a cache reads it without the lock. */
static void cache_count_locked(struct kmem_cache *s, int refcount)
{
	quarry_store_relaxed(&s->refcount, refcount);
}

/* Finds a cache to merge @new into and takes a reference to it. */
static struct kmem_cache *cache_share_locked(struct slab_layer *layer, const struct kmem_cache *new)
	QUARRY_REQUIRES(layer->lock)
{
	struct kmem_cache *s;

	if ((new->flags &CACHE_NEVER_MERGE) != 0 || new->ctor != NULL || new->fixed_size ||
	    new->usersize != 0 || layer->nomerge)
		return NULL;
	for (s = layer->list; s != NULL; s = s->list_next) {
		if (s->refcount == 0 || !cache_can_share(s, new)) /* 0: being destroyed */
			continue;
		cache_count_locked(s, s->refcount + 1);
		/* Its users read them meanwhile. */
		quarry_store_relaxed(&s->object_size, quarry_max(s->object_size, new->object_size));
		quarry_store_relaxed(&s->inuse, quarry_max(s->inuse, new->inuse));
		return s;
	}
	return NULL;
}

/* kmalloc's cache of that rank, if another CPU has made it meanwhile. */
static struct kmem_cache *cache_of_rank_locked(const struct slab_layer *layer, unsigned int rank)
	QUARRY_REQUIRES(layer->lock)
{
	struct kmem_cache *s = rank != 0 ? layer->list : NULL;

	while (s != NULL && s->rank != rank)
		s = s->list_next;
	return s;
}

/* ---- birth ---- */

/* Zeroed memory for a cache, or NULL. */
static struct kmem_cache *cache_get_memory(struct quarry *q)
{
	struct slab_layer *layer = q->slabs;
	struct kmem_cache *s;
	quarry_pin_t pin = quarry_lock(q->concurrent, &layer->lock);

	s = layer->free_caches;
	if (s != NULL)
		layer->free_caches = s->list_next;
	quarry_unlock(q->concurrent, &layer->lock, pin);
	if (s != NULL)
		quarry_memset(s, 0, layer->cache_bytes);
	else
		s = slab_pool_alloc(q, layer->cache_bytes);
	return s;
}

static void cache_put_memory(struct quarry *q, struct kmem_cache *s)
{
	struct slab_layer *layer = q->slabs;
	quarry_pin_t pin = quarry_lock(q->concurrent, &layer->lock);

	s->list_next = layer->free_caches;
	layer->free_caches = s;
	quarry_unlock(q->concurrent, &layer->lock, pin);
}

#define CACHE_SLOTS 32u /* of the first table of caches */

/* The first number that is free, or the length of the table. */
static uint32_t cache_free_slot(const struct slab_layer *layer)
{
	uint32_t id = 0;

	while (id < layer->nr_slots && layer->cache[id] != NULL)
		id++;
	return id;
}

/*
 * Makes sure that there is a free number, unless another CPU takes it: a table twice as long takes the place
 * of a full one. That one stays, for those who have just read where it is. False: no room.
 */
static bool cache_make_room(struct quarry *q)
{
	struct slab_layer *layer = q->slabs;
	quarry_pin_t pin = quarry_lock(q->concurrent, &layer->lock);
	uint32_t slots = layer->nr_slots;
	bool full = cache_free_slot(layer) == slots;
	struct kmem_cache **table;

	quarry_unlock(q->concurrent, &layer->lock, pin);
	if (!full)
		return true;
	if (slots >= QUARRY_MAX_CACHES)
		return false;
	slots = slots == 0 ? CACHE_SLOTS : quarry_min(2 * slots, (uint32_t)QUARRY_MAX_CACHES);
	table = slab_pool_alloc(q,
				(size_t)bits_align_up(slots * sizeof(table[0]), SLAB_CACHE_LINE));
	if (table == NULL)
		return false;
	pin = quarry_lock(q->concurrent, &layer->lock);
	if (layer->nr_slots < slots) {
		if (layer->nr_slots != 0)
			quarry_memcpy(table, layer->cache, layer->nr_slots * sizeof(table[0]));
		quarry_store_release(&layer->cache, table);
		quarry_store_release(&layer->nr_slots, slots);
	}
	quarry_unlock(q->concurrent, &layer->lock, pin);
	return true;
}

/* Caches of kmalloc's stand behind all others, by rank, whenever they are made; of others, the newest first. */
static void cache_enlist_locked(struct slab_layer *layer, struct kmem_cache *s)
	QUARRY_REQUIRES(layer->lock)
{
	struct kmem_cache **link = &layer->list;

	while (s->rank != 0 && *link != NULL && ((*link)->rank == 0 || (*link)->rank > s->rank))
		link = &(*link)->list_next;
	s->list_next = *link;
	quarry_store_release(link, s);
}

/* False: there is no number; with *@again a longer table may have one. */
static bool cache_publish_locked(struct slab_layer *layer, struct kmem_cache *s, bool *again)
	QUARRY_REQUIRES(layer->lock)
{
	uint32_t id = cache_free_slot(layer);

	*again = id == layer->nr_slots;
	/* Numbers are kept for those of kmalloc's that nobody has wanted yet. */
	if (id == layer->nr_slots || (s->rank == 0 && layer->nr_others == layer->max_others))
		return false;
	layer->nr_others += s->rank == 0;
	s->id = id;
	s->tag = SLAB_TAG(id);
	s->refcount = 1;
	quarry_store_release(&layer->cache[id], s);
	cache_enlist_locked(layer, s);
	return true;
}

static bool cache_windows_ok(unsigned int object_size, uint32_t flags,
			     const struct kmem_cache_args *args)
{
	unsigned int word = sizeof(void *);

	if (args->usersize > object_size || args->useroffset > object_size - args->usersize)
		return false;
	if (!args->use_freeptr_offset)
		return true;
	return ((flags & SLAB_TYPESAFE_BY_RCU) != 0 || args->ctor != NULL) &&
	       args->freeptr_offset % word == 0 && object_size >= word &&
	       args->freeptr_offset <= object_size - word;
}

static bool cache_args_ok(const struct quarry *q, const char *name, unsigned int object_size,
			  const struct kmem_cache_args *args)
{
	if (q->slabs == NULL || name == NULL || object_size == 0 ||
	    object_size > QUARRY_KMALLOC_MAX_SIZE)
		return false;
	if (args->align != 0 &&
	    (!bits_is_power_of_2(args->align) || args->align > QUARRY_KMALLOC_MAX_SIZE))
		return false;
	return args->size == 0 || (args->size >= object_size && args->size % SLAB_MIN_ALIGN == 0 &&
				   args->size <= QUARRY_KMALLOC_MAX_SIZE &&
				   (args->align == 0 || args->size % args->align == 0));
}

#if QUARRY_HARDENED
/*
 * Of all that says how objects lie in a slab. It changes with slab_debug= alone; what grows when caches are merged
 * (object_size, inuse) is not in it.
 */
static uint64_t cache_sum(const struct kmem_cache *s)
{
	const uint64_t values[] = {
		s->boundary_mul,    s->boundary_mask, s->boundary_limit, s->flags,
		s->recip,           s->size,          s->offset,         s->align,
		s->red_left_pad,    s->colours,       s->colour_off,     s->min_partial,
		s->allocflags,      oo_order(s->oo),  oo_objects(s->oo), oo_order(s->min),
		oo_objects(s->min), s->asked_flags,
	};
	uint64_t sum = 0;

	for (unsigned int i = 0; i < QUARRY_ARRAY_SIZE(values); i++)
		sum = seal_add(sum, values[i]);
	return sum;
}

bool cache_is_sealed(const struct kmem_cache *s)
{
	return s->seal == cache_sum(s);
}

static void cache_set_seal(struct kmem_cache *s)
{
	s->seal = cache_sum(s);
}
#else
static void cache_set_seal(struct kmem_cache *s)
{
	(void)s;
}
#endif

/*
 * Flags with those of slab_debug, and all that follows from them. A size that was given leaves no room for
 * more than the object, a checker of memory has no need of it; with the order guard, nor does one that debugging would make a larger block of.
 */
static bool cache_lay_out(const struct quarry *q, struct kmem_cache *s, unsigned int fixed)
{
	bool order_guard;

	s->flags = debug_flags(q, s->name, s->asked_flags, &order_guard);
	if (fixed != 0 || debug_hooked(q))
		s->flags &= ~SLAB_DEBUG_LAYOUT;
	cache_set_size(s, fixed);
	if (order_guard && bits_get_order(s->size) > bits_get_order(s->object_size)) {
		s->flags &= ~SLAB_DEBUG_LAYOUT;
		cache_set_size(s, fixed);
	}
	if (s->size > QUARRY_KMALLOC_MAX_SIZE)
		return false;
	debug_settle(q, s);
	cache_set_geometry(s, q->slabs);
	cache_set_seal(s);
	return true;
}

/* What needs no memory: sizes and limits. @s is zeroed, or a scratch. */
static bool cache_describe(const struct quarry *q, struct kmem_cache *s, const char *name,
			   unsigned int object_size, uint32_t flags,
			   const struct kmem_cache_args *args)
{
	s->name = name;
	s->object_size = object_size;
	s->asked_flags = flags;
	s->ctor = args->ctor;
	s->align = cache_alignment(flags, args->align, object_size);
	s->useroffset = args->usersize != 0 ? args->useroffset : 0;
	s->usersize = args->usersize;
	s->wish_capacity = args->sheaf_capacity;
	s->freeptr_inside = args->use_freeptr_offset;
	s->freeptr_offset = args->freeptr_offset;
	return cache_lay_out(q, s, args->size);
}

#if SLAB_HAS_SHEAVES

uint32_t cache_free_limit(const struct quarry *q, const struct kmem_cache *s, unsigned int nid)
{
	uint32_t batch = quarry_max(s->sheaf_capacity, 1u);

	return (1 + page_node_cpus(q, nid)) * batch + oo_objects(s->oo);
}

static void cache_init_arrays(struct quarry *q, struct kmem_cache *s)
{
	unsigned int i;

	s->nr_cpus = (uint16_t)q->slabs->nr_cpus;
	s->nr_nodes = (uint16_t)q->slabs->nr_nodes;
	s->node = (struct slab_node *)(void *)&s->cpu_sheaves[s->nr_cpus];
	s->seen = (struct slab_seen *)(void *)&s->node[s->nr_nodes];
	for (i = 0; i < s->nr_nodes; i++) {
		quarry_lock_init(&s->node[i].lock, QUARRY_LOCK_NODE);
		s->node[i].depot_max = SLAB_DEPOT_LEAST;
		s->node[i].free_limit = cache_free_limit(q, s, i);
	}
	s->hot = &q->slabs->no_range;
	s->q = q;
	for (i = 0; i < s->nr_cpus; i++)
		sheaf_set_main(&s->cpu_sheaves[i], q->slabs->no_sheaf);
}

#else

static void cache_init_arrays(struct quarry *q, struct kmem_cache *s)
{
	(void)q;
	s->nr_nodes = 1;
	s->node = (struct slab_node *)(void *)(s + 1);
}

#endif

struct kmem_cache *cache_create(struct quarry *q, const char *name, unsigned int object_size,
				uint32_t flags, const struct kmem_cache_args *args,
				unsigned int rank)
{
	struct slab_layer *layer = q->slabs;
	struct kmem_cache *s, *shared;
	bool published = false, again;
	quarry_pin_t pin;

	s = cache_make_room(q) ? cache_get_memory(q) : NULL;
	if (s == NULL)
		return NULL;
	s->rank = (uint16_t)rank;
	if (!cache_describe(q, s, name, object_size, flags, args)) {
		cache_put_memory(q, s);
		return NULL;
	}
	cache_init_arrays(q, s);
	do {
		again = false;
		pin = quarry_lock(q->concurrent, &layer->lock);
		shared = cache_of_rank_locked(layer, rank);
		if (shared == NULL)
			shared = cache_share_locked(layer, s);
		if (shared == NULL)
			published = cache_publish_locked(layer, s, &again);
		quarry_unlock(q->concurrent, &layer->lock, pin);
	} while (!QUARRY_TINY && again &&
		 cache_make_room(q)); /* another CPU took the last number */
	if (published)
		return s;
	cache_put_memory(q, s);
	return shared;
}

struct kmem_cache *quarry_kmem_cache_create(struct quarry *q, const char *name,
					    unsigned int object_size, uint32_t flags,
					    const struct kmem_cache_args *args)
{
	static const struct kmem_cache_args none;

	if (args == NULL)
		args = &none;
	if (QUARRY_TINY && (flags & SLAB_TYPESAFE_BY_RCU) != 0)
		return NULL; /* there are no grace periods */
	if (!cache_args_ok(q, name, object_size, args) ||
	    !cache_windows_ok(object_size, flags, args))
		return NULL;
	return cache_create(q, name, object_size, flags & ~SLAB_KMALLOC, args, 0);
}

/* ---- walks ---- */

struct kmem_cache *cache_walk(struct quarry *q, struct kmem_cache *s)
{
	struct slab_layer *layer = q->slabs;
	quarry_pin_t pin = quarry_lock(q->concurrent, &layer->lock);
	struct kmem_cache *next = s == NULL ? layer->list : s->list_next;

	if (s != NULL)
		s->reapers--;
	while (next != NULL && next->refcount == 0)
		next = next->list_next;
	if (next != NULL)
		next->reapers++;
	quarry_unlock(q->concurrent, &layer->lock, pin);
	return next;
}

void cache_walk_end(struct quarry *q, struct kmem_cache *s)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &q->slabs->lock);

	s->reapers--;
	quarry_unlock(q->concurrent, &q->slabs->lock, pin);
}

/* ---- death ---- */

/* Empties depots and gives back free slabs; returns slabs that are left. */
static unsigned long cache_trim(struct quarry *q, struct kmem_cache *s)
{
	unsigned long slabs = 0;

	for (unsigned int i = 0; i < s->nr_nodes; i++) {
		sheaf_drain_depot(q, s, &s->node[i], ~0u, ~0u);
		slab_discard_empty(q, s, i, ~0ul);
		slabs += quarry_load_relaxed(&s->node[i].nr_slabs);
	}
	return slabs;
}

unsigned long quarry_kmem_cache_shrink(struct quarry *q, struct kmem_cache *cache)
{
	sheaf_drain_and_ask(q, cache);
	return cache_trim(q, cache);
}

unsigned long quarry_kmem_cache_quiesce(struct quarry *q, struct kmem_cache *cache)
{
	sheaf_drain_all(q, cache);
	return cache_trim(q, cache);
}

static void cache_unpublish_locked(struct slab_layer *layer, struct kmem_cache *s)
	QUARRY_REQUIRES(layer->lock)
{
	struct kmem_cache **link;

	for (link = &layer->list; *link != s; link = &(*link)->list_next)
		;
	*link = s->list_next;
	layer->nr_others -= s->rank == 0;
	quarry_store_relaxed(&layer->cache[s->id], (struct kmem_cache *)NULL);
}

/* None comes from here on: they look for a reference under the lock. None waits for the caller. */
static void cache_wait_reapers(struct quarry *q, struct kmem_cache *s)
{
	quarry_pin_t pin;
	bool any;

	for (;;) {
		pin = quarry_lock(q->concurrent, &q->slabs->lock);
		any = s->reapers != 0;
		quarry_unlock(q->concurrent, &q->slabs->lock, pin);
		if (!any)
			return;
		quarry_relax();
	}
}

int quarry_kmem_cache_destroy(struct quarry *q, struct kmem_cache *s)
{
	struct slab_layer *layer = q->slabs;
	unsigned long slabs;
	quarry_pin_t pin;
	bool last;

	if (s == NULL)
		return 0;
	if ((s->flags & SLAB_KMALLOC) != 0) {
		quarry_report(q, "slab: %s: kmalloc's caches cannot be destroyed", s->name);
		return -QUARRY_EBUSY;
	}
	/* From here on nobody can merge into it, if this was the last reference. */
	pin = quarry_lock(q->concurrent, &layer->lock);
	cache_count_locked(s, s->refcount - 1);
	last = s->refcount == 0;
	quarry_unlock(q->concurrent, &layer->lock, pin);
	if (!last)
		return 0;
	cache_wait_reapers(q, s);
	slabs = quarry_kmem_cache_quiesce(q, s);
	if (slabs != 0 && (slab_debug(s) & SLAB_DEBUG_RECORDS) != 0) {
		debug_release_bad(q, s);
		slabs = quarry_kmem_cache_quiesce(q, s);
	}
	pin = quarry_lock(q->concurrent, &layer->lock);
	if (slabs == 0)
		cache_unpublish_locked(layer, s);
	else
		cache_count_locked(s, 1);
	quarry_unlock(q->concurrent, &layer->lock, pin);
	if (slabs != 0) {
		quarry_report(q, "slab: %s: destroyed with objects in %lu slabs: kept", s->name,
			      slabs);
		debug_leaks(q, s);
		return -QUARRY_EBUSY;
	}
	cache_put_memory(q, s);
	return 0;
}

#if SLAB_HAS_DEBUG

bool cache_debug_again(struct quarry *q, struct kmem_cache *s)
{
	bool empty = quarry_kmem_cache_quiesce(q, s) == 0;
	struct kmem_cache new = *s; /* without its arrays */

	if (!cache_lay_out(q, &new, s->fixed_size ? s->size : 0))
		return false;
	if (!empty && ((new.debug ^ s->debug) & SLAB_DEBUG_SHAPE) != 0)
		return false;
	*s = new;
	for (unsigned int i = 0; i < s->nr_nodes; i++)
		s->node[i].free_limit = cache_free_limit(q, s, i);
	return true;
}

#endif

/* ---- questions ---- */

struct kmem_cache *quarry_virt_to_cache(struct quarry *q, const void *p)
{
	unsigned int id;
	uint32_t index;

	if (q->slabs == NULL || !page_slab_of(q, p, &id, &index))
		return NULL;
	return slab_cache(q->slabs, id);
}

struct kmem_cache *quarry_kmem_cache_next(struct quarry *q, struct kmem_cache *cache)
{
	if (cache != NULL)
		return quarry_load_acquire(&cache->list_next);
	if (q->slabs == NULL)
		return NULL;
	kmalloc_make_all(q);
	return quarry_load_acquire(&q->slabs->list);
}

int quarry_kmem_cache_for_each(struct quarry *q, int (*fn)(struct kmem_cache *cache, void *arg),
			       void *arg)
{
	struct kmem_cache *s = NULL;
	int err;

	if (q->slabs == NULL)
		return 0;
	kmalloc_make_all(q);
	while ((s = cache_walk(q, s)) != NULL) {
		err = fn(s, arg);
		if (err != 0) {
			cache_walk_end(q, s);
			return err;
		}
	}
	return 0;
}

static void cache_info_slabs(struct quarry *q, struct kmem_cache *s, struct quarry_cache_info *info,
			     unsigned long *free)
{
	unsigned long empty = 0;
	unsigned int i;

	for (i = 0; i < s->nr_nodes; i++) {
		struct slab_node *n = &s->node[i];
		quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);

		info->num_objs += n->total_objects;
		info->num_slabs += n->nr_slabs;
		info->nr_partial += n->nr_partial;
		info->pages += n->pages;
		*free += n->free_objects;
		empty += n->free_slabs;
		quarry_unlock(q->concurrent, &n->lock, pin);
	}
	info->active_slabs = info->num_slabs - empty;
}

#if SLAB_HAS_SHEAVES
static uint64_t cache_allocs(const struct kmem_cache *s)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < s->nr_cpus; i++)
		sum += quarry_load_relaxed(&s->cpu_sheaves[i].allocs);
	return sum;
}
#else
static uint64_t cache_allocs(const struct kmem_cache *s)
{
	return s->allocs;
}
#endif

void quarry_kmem_cache_info(struct quarry *q, struct kmem_cache *s, struct quarry_cache_info *info)
{
	unsigned long free = 0, out;

	*info = (struct quarry_cache_info){
		.name = s->name,
		.object_size = cache_object_size(s),
		.size = s->size,
		.align = s->align,
		.flags = s->flags,
		.objs_per_slab = oo_objects(s->oo),
		.order = oo_order(s->oo),
		.min_order = oo_order(s->min),
		.min_partial = s->min_partial,
		.cpu_partial = s->cpu_partial,
		.refcount = quarry_load_relaxed(&s->refcount),
		.inuse = quarry_load_relaxed(&s->inuse),
		.offset = s->offset,
		.allocflags = s->allocflags,
		.min_objs_per_slab = oo_objects(s->min),
		.sheaf_capacity = SLAB_HAS_SHEAVES ? s->sheaf_capacity : 0,
		.useroffset = s->useroffset,
		.usersize = s->usersize,
		.red_left_pad = s->red_left_pad,
		.colours = s->colours,
		.colour_off = s->colour_off,
	};
	cache_info_slabs(q, s, info, &free);
	info->cached_objs = sheaf_cached_objects(q, s);
	out = info->num_objs - free;
	info->active_objs = out >= info->cached_objs ? out - info->cached_objs : 0;
	info->allocs = cache_allocs(s);
	info->refused = quarry_load_relaxed(&s->refused);
	info->order_fallback = quarry_load_relaxed(&s->order_fallback);
	info->frees = info->allocs >= info->active_objs ? info->allocs - info->active_objs : 0;
}

#if !QUARRY_TINY /* there the layer begins in direct.c */

void quarry_slab_pages(struct quarry *q, int nid, unsigned long *reclaimable,
		       unsigned long *unreclaimable)
{
	struct kmem_cache *s;

	*reclaimable = *unreclaimable = 0;
	if (q->slabs == NULL)
		return;
	for (s = cache_walk(q, NULL); s != NULL; s = cache_walk(q, s)) {
		bool counts = (s->flags & SLAB_RECLAIM_ACCOUNT) != 0;

		if (nid >= 0 && (uint32_t)nid < s->nr_nodes)
			*(counts ? reclaimable : unreclaimable) +=
				quarry_load_relaxed(&s->node[nid].pages);
	}
	/* A block of alloc_pages() that went to kfree() was never counted: then it may be below 0. */
	if (nid >= 0 && (unsigned int)nid < q->slabs->nr_nodes &&
	    (int64_t)quarry_load_relaxed(&q->slabs->large_pages[nid]) > 0)
		*unreclaimable += (unsigned long)quarry_load_relaxed(&q->slabs->large_pages[nid]);
}

/* ---- the layer ---- */

/* What the pool is asked for until the system is up: then no more is taken than that. */
static size_t cache_boot_bytes(void)
{
	return SLAB_CACHE_LINE + rcu_bytes();
}

static void slab_set_params(struct slab_layer *layer, const struct quarry_boot_params *params)
{
	layer->max_order = SLAB_PREFERRED_ORDER;
	if (params == NULL)
		return;
	layer->nomerge = params->slab_nomerge;
	layer->limit_free = params->slab_free_limit;
	layer->colour = params->slab_colour;
	layer->min_order = params->slab_min_order;
	if (params->slab_max_order != 0)
		layer->max_order = params->slab_max_order;
	layer->max_order = quarry_max(layer->max_order, layer->min_order);
	layer->min_objects = params->slab_min_objects;
	layer->sheaf_objects = params->sheaf_objects;
}

/* Gives back what quarry_slab_init() made. */
static void cache_undo_init(struct quarry *q)
{
	slab_pool_exit(q);
	quarry_meta_free(q, q->slabs);
	q->slabs = NULL;
}

int quarry_slab_init(struct quarry *q, unsigned int nr_cpus_for_geometry,
		     const struct quarry_boot_params *params)
{
	int nr_nodes = page_nr_nodes(q);
	size_t bytes = sizeof(struct slab_layer) + page_nr_cpus(q) * sizeof(struct slab_cpu_hot);
	size_t by_node = sizeof(uint64_t) + sizeof(unsigned long);
	struct slab_layer *layer =
		quarry_meta_alloc(q, bytes + (size_t)nr_nodes * by_node +
					     page_max_arenas(q) * sizeof(layer->range[0]));

	if (layer == NULL)
		return -QUARRY_ENOMEM;
	layer->large_pages = (uint64_t *)(void *)((char *)layer + bytes);
	layer->range = (const struct slab_range **)(void *)(layer->large_pages + nr_nodes);
	layer->deferred = (unsigned long *)(void *)(layer->range + page_max_arenas(q));
	layer->nr_cpus = page_nr_cpus(q);
	layer->nr_nodes = nr_nodes > 0 ? (unsigned int)nr_nodes : 1;
	layer->geometry_cpus = quarry_max(nr_cpus_for_geometry, 1u);
	layer->cache_bytes = (size_t)bits_align_up(sizeof(struct kmem_cache), SLAB_CACHE_LINE) +
			     layer->nr_cpus * sizeof(struct slab_cpu) +
			     layer->nr_nodes * sizeof(struct slab_node) +
			     layer->nr_cpus * sizeof(struct slab_seen);
	layer->cache_bytes = (size_t)bits_align_up(layer->cache_bytes, SLAB_CACHE_LINE);
	quarry_lock_init(&layer->lock, QUARRY_LOCK_STORE);
	quarry_lock_init(&layer->kv_lock, QUARRY_LOCK_LEAF);
	q->slabs = layer;
	slab_set_params(layer, params);
	layer->max_others = QUARRY_MAX_CACHES - SLAB_KMALLOC_TYPES * (SLAB_KMALLOC_CLASSES - 1);
	layer->no_sheaf = slab_pool_reserve(q, cache_boot_bytes())
				  ? slab_pool_alloc(q, SLAB_CACHE_LINE)
				  : NULL;
	if (layer->no_sheaf == NULL || rcu_init(q) != 0 ||
	    kmalloc_init(q, params != NULL ? params->random_kmalloc_seed : 0) != 0) {
		cache_undo_init(q);
		return -QUARRY_ENOMEM;
	}
	reap_init(q);
	return 0;
}

#endif
