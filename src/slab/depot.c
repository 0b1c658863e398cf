/* SPDX-License-Identifier: MIT */
/*
 * Sheaves that no CPU has: where they come from, and each node's depot of full and empty ones.
 *
 * Sizes      A cache has sheaves of one size at first, by that of its objects. When CPUs fill them faster than
 *            the depot takes them, new ones are made of the next size, while pages are plenty: the way to the
 *            slabs is taken more rarely then. Smaller ones go to the layer's free list when they are empty.
 * Places     A depot has few places at first. CPUs that meet at its lock make it larger, and so does traffic that
 *            swings: a full sheaf that found no place was emptied into slabs, and objects that came out of slabs
 *            after that need not have been there; so one place more for each such sheaf, while pages are plenty.
 *            Traffic that swings further than SLAB_DEPOT_OBJECTS leaves the depot as it was. The reaper takes
 *            back what was not used.
 * Locks      node->lock guards a depot, layer->lock the free lists.
 */
#include "sheaf.h"

#define DEPOT_GROW_AFTER 16u /* sheaves emptied into the slabs */
#define DEPOT_SHEAF_BYTES ((size_t)64 << 10)
#define DEPOT_TOO_FAR (~(uint32_t)0) /* in missed: until the reaper comes */

static const struct depot_size {
	uint16_t cap;
	uint16_t bytes;
} depot_sizes[SLAB_SHEAF_CLASSES] = {
	{60, 512},                /* below 256 bytes */
	{28, 256},                /* below 1024 */
	{12, 128},                /* below a page */
	{4, 64},     {124, 1024}, /* by request only */
	{252, 2048}, {SLAB_SHEAF_MOST, 4096},
};

/* The class after @class by size; SLAB_SHEAF_CLASSES: there is none. */
static unsigned int depot_class_after(unsigned int class)
{
	return class == 0 ? 4 : class < 4 ? class - 1 : class + 1;
}

unsigned int depot_capacity(unsigned int size, unsigned int wish, uint16_t *sheaf_class)
{
	unsigned int class = size < 256 ? 0 : size < 1024 ? 1 : size < QUARRY_PAGE_SIZE ? 2 : 3;

	/* 3, 2, 1, 0, 4, 5, 6 are in the order of their size. */
	while (depot_sizes[class].cap < wish && class != SLAB_SHEAF_CLASSES - 1)
		class = depot_class_after(class);
	*sheaf_class = (uint16_t) class;
	return depot_sizes[*sheaf_class].cap;
}

bool depot_capacity_ok(const struct kmem_cache *s, uint32_t cap)
{
	unsigned int class = s->sheaf_class;

	while (class < SLAB_SHEAF_CLASSES && depot_sizes[class].cap != cap)
		class = depot_class_after(class);
	return class < SLAB_SHEAF_CLASSES;
}

/*
 * One more full sheaf was emptied into the slabs, as the CPU's two and the depot had no room: after some of
 * these, new ones are larger. A sheaf's objects take DEPOT_SHEAF_BYTES at most, and only while pages are plenty.
 */
void depot_grow(struct quarry *q, struct kmem_cache *s, unsigned int nid)
{
	unsigned int class = quarry_load_relaxed(&s->sheaf_grown), next = depot_class_after(class);
	uint32_t flushes = quarry_load_relaxed(&s->flushes) + 1;

	quarry_store_relaxed(&s->flushes, flushes);
	if (flushes % DEPOT_GROW_AFTER != 0 || next >= SLAB_SHEAF_CLASSES ||
	    (size_t)depot_sizes[next].cap * s->size > DEPOT_SHEAF_BYTES ||
	    !page_node_has_plenty(q, nid))
		return;
	quarry_store_relaxed(&s->sheaf_grown, (uint16_t)next);
}

/* Whether the cache's sheaves have become larger than @sheaf. */
static bool depot_is_small(const struct kmem_cache *s, const struct slab_sheaf *sheaf)
{
	return sheaf->cap < depot_sizes[quarry_load_relaxed(&s->sheaf_grown)].cap;
}

/* An empty sheaf, or NULL. Not pinned: may call for memory. */
struct slab_sheaf *depot_new_sheaf(struct quarry *q, const struct kmem_cache *s)
{
	unsigned int class = quarry_load_relaxed(&s->sheaf_grown);
	struct slab_layer *layer = q->slabs;
	struct slab_sheaf *sheaf;
	quarry_pin_t pin;

	pin = quarry_lock(q->concurrent, &layer->lock);
	sheaf = layer->free_sheaves[class];
	if (sheaf != NULL)
		layer->free_sheaves[class] = sheaf->next;
	quarry_unlock(q->concurrent, &layer->lock, pin);
	if (sheaf == NULL)
		sheaf = slab_pool_alloc(q, depot_sizes[class].bytes);
	if (sheaf == NULL)
		return NULL;
	sheaf->cap = depot_sizes[class].cap;
	quarry_store_relaxed(&sheaf->n, 0u);
	return sheaf;
}

void depot_discard(struct quarry *q, const struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	struct slab_layer *layer = q->slabs;
	unsigned int class = s->sheaf_class;
	quarry_pin_t pin;

	if (sheaf == NULL || sheaf->cap == 0)
		return;
	while (depot_sizes[class].cap != sheaf->cap)
		class = depot_class_after(class);
	pin = quarry_lock(q->concurrent, &layer->lock);
	sheaf->next = layer->free_sheaves[class];
	layer->free_sheaves[class] = sheaf;
	quarry_unlock(q->concurrent, &layer->lock, pin);
}

/*
 * The depot's lock. CPUs that meet here trade more than the depot holds: it may grow. The reaper takes
 * that back when it finds that nobody met.
 */
static quarry_pin_t depot_lock(struct quarry *q, struct slab_node *n) QUARRY_ACQUIRES(n->lock)
{
	quarry_pin_t pin = quarry_pin();

	if (likely(quarry_trylock_pinned(q->concurrent, &n->lock)))
		return pin;
	quarry_unpin(pin);
	pin = quarry_lock(q->concurrent, &n->lock);
	n->met = true;
	if (n->depot_max < SLAB_DEPOT_MOST)
		quarry_store_relaxed(&n->depot_max, n->depot_max + 1);
	return pin;
}

static struct slab_sheaf *depot_pop_empty(struct slab_node *n) QUARRY_REQUIRES(n->lock)
{
	struct slab_sheaf *sheaf = n->empty;

	if (sheaf == NULL)
		return NULL;
	n->empty = sheaf->next;
	n->nr_empty--;
	n->empty_min = quarry_min(n->empty_min, n->nr_empty);
	return sheaf;
}

static struct slab_sheaf *depot_pop_full(struct slab_node *n) QUARRY_REQUIRES(n->lock)
{
	struct slab_sheaf *sheaf = n->full;

	if (sheaf == NULL)
		return NULL;
	n->full = sheaf->next;
	quarry_store_relaxed(&n->nr_full, n->nr_full - 1);
	n->full_min = quarry_min(n->full_min, n->nr_full);
	return sheaf;
}

/* How many full sheaves @n keeps, or empty ones. */
static uint32_t depot_places(const struct slab_node *n)
{
	return quarry_load_relaxed(&n->depot_max) + quarry_load_relaxed(&n->swing);
}

bool depot_has_place(const struct slab_node *n)
{
	return quarry_load_relaxed(&n->nr_full) < depot_places(n);
}

/*
 * Objects that were freed in any order are best handed out again while the CPU's cache knows them; of more than that
 * the slabs make neighbours again.
 */
static bool depot_may_swing(const struct quarry *q, const struct kmem_cache *s, unsigned int nid,
			    uint64_t objects)
{
	uint64_t bytes = (s->size + sizeof(void *)) * objects;

	return objects <= SLAB_DEPOT_OBJECTS &&
	       bytes <= (uint64_t)page_node_pages(q, nid) * (QUARRY_PAGE_SIZE / SLAB_DEPOT_SHARE) &&
	       page_node_has_plenty(q, nid);
}

void depot_refilled_locked(const struct quarry *q, const struct kmem_cache *s, struct slab_node *n,
			   unsigned int objects)
{
	uint32_t cap = depot_sizes[quarry_load_relaxed(&s->sheaf_grown)].cap;

	if (n->missed == 0 || n->missed == DEPOT_TOO_FAR)
		return;
	objects = quarry_min(objects, n->missed);
	n->missed -= objects;
	n->came_back += objects;
	if (n->came_back < cap)
		return;
	n->came_back -= cap;
	if (depot_may_swing(q, s, (unsigned int)(n - s->node),
			    (depot_places(n) + 1) * (uint64_t)cap))
		quarry_store_relaxed(&n->swing, n->swing + 1);
}

/* A full sheaf of @objects finds no place. Traffic that goes further than a depot may reach has nothing of it. */
static void depot_miss_locked(struct slab_node *n, uint32_t objects) QUARRY_REQUIRES(n->lock)
{
	if (n->missed == DEPOT_TOO_FAR)
		return;
	n->missed += objects;
	if (n->missed <= SLAB_DEPOT_OBJECTS)
		return;
	n->missed = DEPOT_TOO_FAR;
	quarry_store_relaxed(&n->swing, 0u);
}

/* Puts an empty sheaf into the depot; one too many goes to the layer. */
void depot_give_empty(struct quarry *q, struct kmem_cache *s, struct slab_node *n,
		      struct slab_sheaf *sheaf)
{
	quarry_pin_t pin;

	if (sheaf->cap == 0)
		return;
	if (unlikely(depot_is_small(s, sheaf))) {
		depot_discard(q, s, sheaf);
		return;
	}
	pin = depot_lock(q, n);
	if (n->nr_empty < depot_places(n)) {
		sheaf->next = n->empty;
		n->empty = sheaf;
		n->nr_empty++;
		sheaf = NULL;
	}
	quarry_unlock(q->concurrent, &n->lock, pin);
	depot_discard(q, s, sheaf);
}

struct slab_sheaf *depot_take_empty(struct quarry *q, struct slab_node *n)
{
	quarry_pin_t pin = depot_lock(q, n);
	struct slab_sheaf *sheaf = depot_pop_empty(n);

	quarry_unlock(q->concurrent, &n->lock, pin);
	return sheaf;
}

struct slab_sheaf *depot_take_full(struct quarry *q, struct slab_node *n)
{
	struct slab_sheaf *sheaf;
	quarry_pin_t pin;

	if (quarry_load_relaxed(&n->nr_full) == 0)
		return NULL;
	pin = depot_lock(q, n);
	sheaf = depot_pop_full(n);
	quarry_unlock(q->concurrent, &n->lock, pin);
	return sheaf;
}

/* Trades a full sheaf for an empty one. NULL: nothing was done. */
struct slab_sheaf *depot_trade_full(struct quarry *q, struct slab_node *n, struct slab_sheaf *full)
{
	struct slab_sheaf *empty = NULL;
	quarry_pin_t pin = depot_lock(q, n);

	if (!depot_has_place(n)) {
		depot_miss_locked(n, full->n);
	} else if (n->empty != NULL) {
		empty = depot_pop_empty(n);
		full->next = n->full;
		n->full = full;
		quarry_store_relaxed(&n->nr_full, n->nr_full + 1);
	}
	quarry_unlock(q->concurrent, &n->lock, pin);
	return empty;
}
