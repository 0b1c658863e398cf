/* SPDX-License-Identifier: MIT */
/* What slab_state.h says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <slab/internal.h>

#include "machine_build.h"
#include "slab_state.h"

static void add(uint64_t *digest, uint64_t x)
{
	*digest ^= x;
	*digest = machine_random(digest);
}

static void add_all(uint64_t *digest, const uint64_t *x, size_t n)
{
	while (n-- > 0)
		add(digest, *x++);
}

#define ADD(digest, ...)                                               \
	do {                                                           \
		const uint64_t all_[] = {__VA_ARGS__};                 \
		add_all(digest, all_, sizeof(all_) / sizeof(all_[0])); \
	} while (0)

/* What the short ways reckon with; sizes and orders are compared with Linux's elsewhere. */
void slab_state_add_geometry(const struct kmem_cache *s, uint64_t *digest)
{
	ADD(digest, s->id, s->flags, s->size, s->object_size, s->oo.x, s->min.x, s->recip,
	    s->boundary_mul, s->boundary_mask, s->boundary_limit, s->sheaf_capacity, s->sheaf_class,
	    s->sheaf_grown, s->min_partial, s->colours, s->colour_off, s->debug, s->inuse,
	    s->offset, s->align, s->red_left_pad, (uint64_t)s->refcount, s->rank, s->hot->span.len,
	    (uint64_t)s->hot->nid);
}

static void add_node(uint64_t *digest, const struct slab_node *n)
{
	for (unsigned int i = 0; i < SLAB_LISTS; i++)
		ADD(digest, n->partial[i].first, n->partial[i].last);
	ADD(digest, n->nr_slabs, n->nr_partial, n->free_objects, n->free_slabs, n->pages,
	    n->nr_full, n->nr_empty, n->full_min, n->empty_min, n->depot_max, n->swing, n->missed,
	    n->came_back, n->keep, n->given_back, n->free_limit, n->reap_calls, n->met,
	    n->free_touched, n->colour_next);
	for (const struct slab_sheaf *sheaf = n->full; sheaf != NULL; sheaf = sheaf->next)
		add(digest, sheaf->cap);
	for (const struct slab_sheaf *sheaf = n->empty; sheaf != NULL; sheaf = sheaf->next)
		add(digest, sheaf->cap);
}

static void add_sheaf(uint64_t *digest, const struct slab_sheaf *sheaf)
{
	add(digest, sheaf != NULL ? (uint64_t)sheaf->cap << 32 | (sheaf->n + 1) : 0);
}

static void add_cpu(struct quarry *q, uint64_t *digest, const struct kmem_cache *s, unsigned int i)
{
	const struct slab_cpu *c = &s->cpu_sheaves[i];
	struct slab *slab;
	uint32_t number;

	ADD(digest, (uint64_t)(c->top - c->base), (uint64_t)(c->end - c->base), c->allocs,
	    c->near.len, s->seen[i].allocs, s->seen[i].drains);
	if (c->top != c->base && slab_find(q, s, c->top[-1], &slab, &number) == SLAB_FAULT_NONE)
		add(digest, (uint64_t)slab_index(q->slabs, slab) << 32 | number);
	add_sheaf(digest, c->spare);
	add_sheaf(digest, s->seen[i].alien);
}

/* One that nobody has used adds no more than its number. */
static void add_cache(struct quarry *q, uint64_t *digest, const struct kmem_cache *s)
{
	bool used = s->refused != 0;

	for (unsigned int i = 0; i < s->nr_cpus; i++)
		used = used || s->cpu_sheaves[i].allocs != 0;
	add(digest, s->id);
	if (!used)
		return;
	slab_state_add_geometry(s, digest);
	for (unsigned int i = 0; i < s->nr_nodes; i++)
		add_node(digest, &s->node[i]);
	for (unsigned int i = 0; i < s->nr_cpus; i++)
		add_cpu(q, digest, s, i);
	ADD(digest, s->flushes, s->drains, s->reapers, s->movers, s->refused, s->order_fallback);
}

static void add_slabs(struct quarry *q, uint64_t *digest)
{
	const struct slab *slab;
	uint32_t index = 0;

	while ((slab = slab_store_next(q->slabs, &index)) != NULL) {
		const struct kmem_cache *s = slab_cache(q->slabs, slab->cache);

		ADD(digest, slab->base - slab_block(q, slab), slab_index(q->slabs, slab),
		    slab->kind, (uint64_t)slab->next << 32 | slab->prev,
		    (uint64_t)slab->nr_free << 32 | slab_granules_of(slab) << 8 | slab->list);
		add_all(digest, slab->free, slab_words(s, slab));
	}
}

static void add_layer(uint64_t *digest, const struct slab_layer *layer)
{
	ADD(digest, layer->nr_slots, layer->nr_others, layer->pool_bytes, layer->store.nr_pieces,
	    layer->store.piece, layer->kv_areas);
	for (unsigned int i = 0; i < SLAB_RECORD_CLASSES; i++)
		add(digest, layer->store.free[i]);
	for (unsigned int i = 0; i < SLAB_SHEAF_CLASSES; i++) {
		for (const struct slab_sheaf *sheaf = layer->free_sheaves[i]; sheaf != NULL;
		     sheaf = sheaf->next)
			add(digest, sheaf->cap);
	}
	for (const struct slab_chunk *chunk = layer->pool; chunk != NULL; chunk = chunk->next)
		ADD(digest, chunk->used, chunk->size);
	for (unsigned int i = 0; i < layer->nr_nodes; i++)
		add(digest, layer->large_pages[i]);
}

void slab_state_add(struct quarry *q, uint64_t *digest)
{
	if (q->slabs == NULL)
		return;
	add_layer(digest, q->slabs);
	for (const struct kmem_cache *s = q->slabs->list; s != NULL; s = s->list_next)
		add_cache(q, digest, s);
	add_slabs(q, digest);
}

void slab_state_decided(uint64_t digest, uint64_t written)
{
	if (getenv("QUARRY_TEST_DECISIONS") != NULL)
		printf("\t0x%016llx,\n", (unsigned long long)digest);
	else if (digest != written)
		fail_msg("other decisions than written down: 0x%016llx",
			 (unsigned long long)digest);
}
