/* SPDX-License-Identifier: MIT */
/*
 * The slab layer's validator.
 *
 * It needs no memory of its own. What is stored twice is compared by taking it away once and putting
 * it back: counts of a node have each slab's share subtracted and must come to 0; an object in a sheaf
 * has its free bit set and its pointer's low bit marked, so that a second place that holds it finds the
 * bit set. Both are undone in a second walk of the same structures. Nobody else may be at work.
 */
#include <base/format.h>

#include "sheaf.h"

#if QUARRY_VALIDATORS

#define SLAB_CHECK_MARK ((uintptr_t)1) /* objects are aligned to 8 */

struct slab_check {
	struct quarry *q;
	const struct quarry_out *out;
	unsigned int faults;
};

/* The first fault is told, all are counted. */
static void slab_check_fault(struct slab_check *c, const struct kmem_cache *s, const char *what,
			     uint64_t where)
{
	if (c->faults++ == 0)
		quarry_out_printf(c->out, "slab: %s: %s (%llu)\n", s != NULL ? s->name : "-", what,
				  (unsigned long long)where);
}

/* ---- registry ---- */

#if SLAB_HAS_SHEAVES
/* A trip that is too high leaves a slab on the wrong list, or an empty one where it is. */
static void slab_check_trips(struct slab_check *c, const struct kmem_cache *s)
{
	for (unsigned int list = 0; list < QUARRY_ARRAY_SIZE(s->trip); list++) {
		if (s->trip[list] != slab_trip_of(list, oo_objects(s->oo)))
			slab_check_fault(c, s, "free objects are looked at too early or late",
					 list);
	}
}
#else
static void slab_check_trips(struct slab_check *c, const struct kmem_cache *s)
{
	(void)c;
	(void)s;
}
#endif

static void slab_check_registry(struct slab_check *c)
{
	const struct slab_layer *layer = c->q->slabs;
	bool made = !QUARRY_TINY && (layer->random != NULL || c->q->kmalloc_short != NULL);
	unsigned int listed = 0, entered = 0, others = 0, class, id;
	const struct kmem_cache *s;

	for (s = layer->list; s != NULL && listed <= QUARRY_MAX_CACHES; s = s->list_next) {
		listed++;
		if (slab_cache(layer, s->id) != s)
			slab_check_fault(c, s, "not in the table under its number", s->id);
		if (!cache_is_sealed(s))
			slab_check_fault(c, s, "the cache's record was written to", s->id);
		if (s->refcount < 1)
			slab_check_fault(c, s, "listed without a reference", s->id);
		slab_check_trips(c, s);
		if (s->tag != SLAB_TAG(s->id))
			slab_check_fault(c, s, "pages are marked with another cache's number",
					 s->id);
		if (s->rank != 0 && s->list_next != NULL &&
		    (s->list_next->rank == 0 || s->list_next->rank >= s->rank))
			slab_check_fault(c, s, "kmalloc's caches are out of order", s->id);
		others += s->rank == 0;
	}
	for (id = 0; id < layer->nr_slots; id++)
		entered += layer->cache[id] != NULL;
	if (listed != entered)
		slab_check_fault(c, NULL, "list and table of caches differ", listed);
	if (others != layer->nr_others)
		slab_check_fault(c, NULL, "the count of caches is wrong", others);
	for (class = 1; made && class < SLAB_KMALLOC_CLASSES; class ++)
		if (layer->kmalloc[SLAB_KMALLOC_NORMAL][class] == NULL)
			slab_check_fault(c, NULL, "a kmalloc class is missing", class);
}

/* ---- slabs ---- */

static struct kmem_cache *slab_check_owner(const struct slab_check *c, const struct slab *slab)
{
	struct kmem_cache *s = slab_cache(c->q->slabs, slab->cache);

	return s != NULL && slab->node < s->nr_nodes ? s : NULL;
}

#if QUARRY_TINY

/* Every record stands where its index says; else they are not walked. */
static void slab_check_store(struct slab_check *c)
{
	const struct slab_layer *layer = c->q->slabs;

	for (uint32_t index = layer->store.made; index != SLAB_NONE;) {
		const struct slab *rec = slab_record(layer, index);

		if (page_of_addr(c->q, rec) == NULL || rec->granules == 0) {
			slab_check_fault(c, NULL, "records are damaged from slab", index);
			return;
		}
		index = rec->made;
	}
}

/* Whether a record stands there. */
static bool slab_check_index(const struct slab_layer *layer, uint32_t index)
{
	uint32_t made = layer->store.made;

	while (made != index && made != SLAB_NONE)
		made = slab_record(layer, made)->made;
	return made != SLAB_NONE;
}

static void slab_check_free_records(struct slab_check *c)
{
	(void)c;
}

#else

static const struct slab_piece *slab_check_piece(const struct slab_layer *layer, uint32_t number)
{
	return (const void *)slab_record(layer, number << SLAB_PIECE_SHIFT);
}

/* Whether the piece says that a record begins in @place. */
static bool slab_check_start(const struct slab_piece *piece, unsigned int place)
{
	return (piece->starts[place / 64] >> place % 64 & 1) != 0;
}

/* Every piece says its number, every record its place, and they are where granules were given out; else they are not walked. */
static void slab_check_store(struct slab_check *c)
{
	const struct slab_layer *layer = c->q->slabs;

	for (uint32_t number = 0; number < layer->store.nr_pieces; number++) {
		const struct slab_piece *piece = slab_check_piece(layer, number);
		bool good =
			piece->number == number && piece->end != 0 && piece->end <= piece->size &&
			(piece->size == SLAB_PIECE_GRANULES || piece->size == SLAB_PIECE_LAST) &&
			!slab_check_start(piece, 0) &&
			slab_check_start(piece, 1) == (piece->end > 1) &&
			(piece->end == 1 || number <= layer->store.piece);

		for (unsigned int place = 1; good && place < SLAB_PIECE_GRANULES; place++) {
			uint32_t index = number << SLAB_PIECE_SHIFT | place;

			good = !slab_check_start(piece, place) ||
			       (place < piece->end && slab_record(layer, index)->place == place);
		}
		if (!good) {
			slab_check_fault(c, NULL, "records are damaged in piece", number);
			return;
		}
	}
}

/* Whether a record stands there. */
static bool slab_check_index(const struct slab_layer *layer, uint32_t index)
{
	uint32_t number = index >> SLAB_PIECE_SHIFT;

	return number < layer->store.nr_pieces &&
	       slab_check_start(slab_check_piece(layer, number), index & (SLAB_PIECE_GRANULES - 1));
}

/* Free records are chained by size, and nobody's. */
static void slab_check_free_records(struct slab_check *c)
{
	const struct slab_layer *layer = c->q->slabs;
	unsigned long left = (unsigned long)layer->store.nr_pieces * SLAB_PIECE_GRANULES;

	for (unsigned int class = 0; class < SLAB_RECORD_CLASSES; class ++) {
		uint32_t index = layer->store.free[class];

		while (index != SLAB_NONE) {
			const struct slab *rec =
				slab_check_index(layer, index) ? slab_record(layer, index) : NULL;

			if (rec == NULL || slab_record_class(slab_granules_of(rec)) != class ||
			    rec->cache != SLAB_NO_CACHE || left-- == 0) {
				slab_check_fault(c, NULL, "a list of free records is damaged at",
						 index);
				return;
			}
			index = rec->next;
		}
	}
}

#endif

static void slab_check_bitmap(struct slab_check *c, const struct kmem_cache *s,
			      const struct slab *slab)
{
	unsigned int objects = slab_objects(s, slab), words = slab_words(s, slab), w, count = 0;
	uint32_t index = slab_index(c->q->slabs, slab);

	for (w = 0; w < words; w++)
		count += bits_popcount64(slab->free[w]);
	if (count != slab->nr_free)
		slab_check_fault(c, s, "free bits and their count differ in slab", index);
	if (objects % 64 != 0 && slab->free[words - 1] >> objects % 64 != 0)
		slab_check_fault(c, s, "free bits beyond the last object in slab", index);
	if ((slab->list != SLAB_UNLISTED) != (slab->nr_free != 0))
		slab_check_fault(c, s, "partial list and free bits disagree on slab", index);
	if (slab->list > SLAB_LISTS)
		slab_check_fault(c, s, "on no list that there is: slab", index);
}

static void slab_check_pages(struct slab_check *c, const struct kmem_cache *s,
			     const struct slab *slab)
{
	const char *p = (const char *)slab_block(c->q, slab);
	uint32_t index, own = slab_index(c->q->slabs, slab);
	unsigned int id, i;

	for (i = 0; i < 1u << slab->order; i++, p += QUARRY_PAGE_SIZE)
		if (!page_slab_of(c->q, p, &id, &index) || id != s->id || index != own)
			slab_check_fault(c, s, "a page does not lead to its slab", own);
}

/* What a caller has is not free, and is an object. */
static void slab_check_active(struct slab_check *c, const struct kmem_cache *s, struct slab *slab)
{
	const uint64_t *active = slab_active(s, slab);
	unsigned int objects = slab_objects(s, slab), words = slab_words(s, slab), w;
	uint32_t index = slab_index(c->q->slabs, slab);

	for (w = 0; w < words; w++)
		if ((active[w] & slab->free[w]) != 0)
			slab_check_fault(c, s, "an object is free and with a caller in slab",
					 index);
	if (objects % 64 != 0 && active[words - 1] >> objects % 64 != 0)
		slab_check_fault(c, s, "active bits beyond the last object in slab", index);
}

static void slab_check_one(struct slab_check *c, struct slab *slab)
{
	const struct kmem_cache *s = slab_check_owner(c, slab);
	uint32_t index = slab_index(c->q->slabs, slab);
	uintptr_t colour;

	if (s == NULL) {
		slab_check_fault(c, NULL, "a slab belongs to no cache", index);
		return;
	}
	if (slab->order != oo_order(s->oo) && slab->order != oo_order(s->min)) {
		slab_check_fault(c, s, "order is wrong of slab", index);
		return;
	}
	colour = slab->base - slab_block(c->q, slab) - s->red_left_pad;
	if (colour != 0 && (s->colours == 0 || colour / s->colour_off >= s->colours ||
			    colour % s->colour_off != 0))
		slab_check_fault(c, s, "objects begin at the wrong place in slab", index);
	if (slab_granules_of(slab) != slab_record_granules(s, slab_objects(s, slab)))
		slab_check_fault(c, s, "record of the wrong size of slab", index);
	slab_check_bitmap(c, s, slab);
	if ((slab_debug(s) & SLAB_DEBUG_RECORDS) != 0)
		slab_check_active(c, s, slab);
	slab_check_pages(c, s, slab);
}

/* Adds (or, with @sign -1, subtracts) each slab's share of its node's counts. */
static void slab_check_move_counts(struct slab_check *c, unsigned long sign)
{
	uint32_t index = 0;
	struct slab *slab;

	while ((slab = slab_store_next(c->q->slabs, &index)) != NULL) {
		struct kmem_cache *s = slab_check_owner(c, slab);
		struct slab_node *n;

		if (s == NULL)
			continue;
		n = &s->node[slab->node];
		n->nr_slabs += (uint32_t)sign;
		n->nr_partial += slab->list != SLAB_UNLISTED ? (uint32_t)sign : 0;
		n->total_objects += sign * slab_objects(s, slab);
		n->free_objects += sign * slab->nr_free;
		n->pages += sign << slab->order;
		n->free_slabs += slab->nr_free == slab_objects(s, slab) ? (uint32_t)sign : 0;
	}
}

/* Walks one list; returns its slabs, at most @limit. */
static unsigned long slab_check_partial_list(struct slab_check *c, struct kmem_cache *s,
					     const struct slab_node *n, unsigned int list,
					     unsigned long limit)
{
	uint32_t index = n->partial[list].first, prev = SLAB_NONE;
	unsigned long nr = 0;

	for (; slab_check_index(c->q->slabs, index) && nr < limit; nr++) {
		const struct slab *slab = slab_record(c->q->slabs, index);
		unsigned long free = 4ul * slab->nr_free, all = slab_objects(s, slab);

		if (slab->cache != s->id || slab->list != list + 1 || slab->prev != prev ||
		    &s->node[slab->node] != n)
			slab_check_fault(c, s, "a foreign slab or a bad link on a partial list",
					 index);
		else if (free == 0 || (list + 1 == SLAB_SPARSE ? free <= 2 * all : free > 3 * all))
			slab_check_fault(c, s, "a slab on the wrong partial list", index);
		prev = index;
		index = slab->next;
	}
	if (index != SLAB_NONE || n->partial[list].last != prev)
		slab_check_fault(c, s,
				 "a partial list is longer than the count, or its end is wrong",
				 (uint64_t)(n - s->node));
	return nr;
}

static void slab_check_partial_lists(struct slab_check *c, struct kmem_cache *s,
				     const struct slab_node *n)
{
	unsigned long left = n->nr_partial;

	for (unsigned int list = 0; list < SLAB_LISTS; list++)
		left -= slab_check_partial_list(c, s, n, list, left);
	if (left != 0)
		slab_check_fault(c, s, "the partial lists are shorter than their count",
				 (uint64_t)(n - s->node));
}

static void slab_check_slabs(struct slab_check *c)
{
	unsigned long pages = 0, counted = page_count_slab(c->q);
	uint32_t index = 0;
	struct slab *slab;
	struct kmem_cache *s;
	unsigned int nid;

	slab_check_store(c);
	if (c->faults == 0)
		slab_check_free_records(c);
	if (c->faults != 0)
		return;
	while ((slab = slab_store_next(c->q->slabs, &index)) != NULL) {
		slab_check_one(c, slab);
		pages += 1ul << slab->order % QUARRY_NR_ORDERS;
	}
	if (pages != counted)
		slab_check_fault(c, NULL, "slabs have not as many pages as are marked", counted);
	for (s = c->q->slabs->list; s != NULL; s = s->list_next)
		for (nid = 0; nid < s->nr_nodes; nid++)
			slab_check_partial_lists(c, s, &s->node[nid]);
	if (c->faults != 0)
		return; /* what is wrong is not to be added up */
	slab_check_move_counts(c, -1ul);
	for (s = c->q->slabs->list; s != NULL; s = s->list_next)
		for (nid = 0; nid < s->nr_nodes; nid++) {
			const struct slab_node *n = &s->node[nid];

			if ((n->nr_slabs | n->nr_partial | n->total_objects | n->free_objects |
			     n->pages | n->free_slabs) != 0)
				slab_check_fault(c, s, "counts differ from its slabs on node", nid);
		}
	slab_check_move_counts(c, 1ul);
}

/* ---- sheaves ---- */

#if SLAB_HAS_SHEAVES

/* Before objects are marked, none is. */
static void slab_check_sheaf_unmarked(struct slab_check *c, struct kmem_cache *s,
				      struct slab_sheaf *sheaf)
{
	for (uint32_t k = 0; k < sheaf->n && sheaf->n <= sheaf->cap; k++)
		if (((uintptr_t)sheaf->obj[k] & SLAB_CHECK_MARK) != 0)
			slab_check_fault(c, s, "a sheaf holds what is no object of the cache",
					 (uintptr_t)sheaf->obj[k]);
}

static void slab_check_sheaf_mark(struct slab_check *c, struct kmem_cache *s,
				  struct slab_sheaf *sheaf)
{
	enum slab_fault fault;
	struct slab *slab;
	uint64_t bit, *word;
	uint32_t i, k;

	if (sheaf->n > sheaf->cap || (sheaf->cap != 0 && !depot_capacity_ok(s, sheaf->cap))) {
		slab_check_fault(c, s, "a sheaf's fill or capacity is wrong", sheaf->n);
		return;
	}
	for (k = 0; k < sheaf->n; k++) {
		fault = slab_find(c->q, s, sheaf->obj[k], &slab, &i);
		if (fault != SLAB_FAULT_NONE) {
			slab_check_fault(c, s, "a sheaf holds what is no object of the cache",
					 (uintptr_t)sheaf->obj[k]);
			continue;
		}
		word = &slab->free[i / 64];
		bit = (uint64_t)1 << i % 64;
		if ((*word & bit) != 0) {
			slab_check_fault(c, s, "an object is in a sheaf and free elsewhere",
					 (uintptr_t)sheaf->obj[k]);
			continue;
		}
		*word |= bit;
		sheaf->obj[k] = (void *)((uintptr_t)sheaf->obj[k] | SLAB_CHECK_MARK);
	}
}

static void slab_check_sheaf_unmark(struct slab_check *c, struct kmem_cache *s,
				    struct slab_sheaf *sheaf)
{
	struct slab *slab;
	uint32_t i, k;

	for (k = 0; k < sheaf->n && sheaf->n <= sheaf->cap; k++) {
		if (((uintptr_t)sheaf->obj[k] & SLAB_CHECK_MARK) == 0)
			continue;
		sheaf->obj[k] = (void *)((uintptr_t)sheaf->obj[k] & ~SLAB_CHECK_MARK);
		if (slab_find(c->q, s, sheaf->obj[k], &slab, &i) != SLAB_FAULT_NONE)
			continue;
		slab->free[i / 64] &= ~((uint64_t)1 << i % 64);
	}
}

static void slab_check_each_sheaf(struct slab_check *c, struct kmem_cache *s,
				  void (*visit)(struct slab_check *c, struct kmem_cache *s,
						struct slab_sheaf *sheaf))
{
	struct slab_sheaf *sheaf;
	unsigned int i;

	for (i = 0; i < s->nr_cpus; i++) {
		const struct slab_cpu *cpu = &s->cpu_sheaves[i];

		visit(c, s, slab_main(cpu));
		if (s->cpu_sheaves[i].spare != NULL)
			visit(c, s, s->cpu_sheaves[i].spare);
		if (s->seen[i].alien != NULL)
			visit(c, s, s->seen[i].alien);
	}
	for (i = 0; i < s->nr_nodes; i++) {
		for (sheaf = s->node[i].full; sheaf != NULL; sheaf = sheaf->next)
			visit(c, s, sheaf);
		for (sheaf = s->node[i].empty; sheaf != NULL; sheaf = sheaf->next)
			visit(c, s, sheaf);
	}
}

static void slab_check_depot(struct slab_check *c, const struct kmem_cache *s,
			     const struct slab_node *n)
{
	const struct slab_sheaf *sheaf;
	unsigned int full = 0, empty = 0;

	for (sheaf = n->full; sheaf != NULL && full <= n->nr_full; sheaf = sheaf->next, full++)
		if (sheaf->n != sheaf->cap)
			slab_check_fault(c, s, "the depot calls a sheaf full that is not",
					 sheaf->n);
	for (sheaf = n->empty; sheaf != NULL && empty <= n->nr_empty; sheaf = sheaf->next, empty++)
		if (sheaf->n != 0)
			slab_check_fault(c, s, "the depot calls a sheaf empty that is not",
					 sheaf->n);
	if (full != n->nr_full || empty != n->nr_empty)
		slab_check_fault(c, s, "the depot's counts are wrong", full);
	if (n->full_min > full || n->empty_min > empty || n->depot_max < SLAB_DEPOT_LEAST ||
	    n->depot_max > SLAB_DEPOT_MOST)
		slab_check_fault(c, s, "the depot's limits are wrong", n->depot_max);
}

/* Pointers that lead to a sheaf that is not there must not be followed: what is left is a sheaf's size. */
static bool slab_check_main(const struct slab_cpu *cpu)
{
	uintptr_t size = (uintptr_t)cpu->end - (uintptr_t)cpu->base;

	return (((uintptr_t)cpu->base | size) & (sizeof(void *) - 1)) == 0 &&
	       size <= SLAB_SHEAF_MOST * sizeof(void *) && cpu->top >= cpu->base &&
	       cpu->top <= cpu->end && slab_main(cpu)->cap == size / sizeof(void *);
}

static void slab_check_sheaves(struct slab_check *c, struct kmem_cache *s)
{
	unsigned int nid, before = c->faults;

	for (unsigned int i = 0; i < s->nr_cpus; i++) {
		if (!slab_check_main(&s->cpu_sheaves[i]))
			slab_check_fault(c, s, "a CPU's stack pointer is not in its sheaf", i);
	}
	for (nid = 0; nid < s->nr_nodes; nid++)
		slab_check_depot(c, s, &s->node[nid]);
	if (c->faults != before)
		return; /* the lists may not end */
	if (c->q->slabs->no_sheaf->n != 0 || c->q->slabs->no_sheaf->cap != 0)
		slab_check_fault(c, NULL, "the sheaf that stands in was written to", 0);
	sheaf_sync_all(s);
	slab_check_each_sheaf(c, s, slab_check_sheaf_unmarked);
	if (c->faults != before)
		return;
	slab_check_each_sheaf(c, s, slab_check_sheaf_mark);
	slab_check_each_sheaf(c, s, slab_check_sheaf_unmark);
}

static void slab_check_ranges(struct slab_check *c)
{
	if (!kv_is_sound(c->q))
		slab_check_fault(c, NULL, "ranges of kvmalloc() are miscounted or misplaced",
				 c->q->slabs->kv_areas);
}

#else

static void slab_check_ranges(struct slab_check *c)
{
	(void)c;
}

static void slab_check_sheaves(struct slab_check *c, struct kmem_cache *s)
{
	(void)c;
	(void)s;
}

#endif

unsigned int quarry_check_slab(struct quarry *q, const struct quarry_out *out)
{
	struct slab_check c = {.q = q, .out = out};
	struct kmem_cache *s;

	if (q->slabs == NULL)
		return 0;
	slab_check_registry(&c);
	if (c.faults != 0)
		return c.faults;
	slab_check_slabs(&c);
	if (c.faults != 0)
		return c.faults; /* objects in sheaves lead to slabs */
	for (s = q->slabs->list; s != NULL; s = s->list_next)
		slab_check_sheaves(&c, s);
	slab_check_ranges(&c);
	return c.faults;
}

#endif
