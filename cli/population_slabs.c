/* SPDX-License-Identifier: MIT */
/*
 * Objects from before a recording: put into caches, and found again when the recording frees them.
 *
 * A recorded slab is known by the first frame of its block. When an object in it is freed, or one is allocated
 * there, it gets one of our slabs of that cache for its own; frees in it then come from that slab, so that slabs
 * empty here when they did there. When its slab has no object left, another gives one.
 */
#include <stdlib.h>
#include <string.h>

#include <engine_parts.h>
#include <population_parts.h>

#define POPULATION_GROUP_BITS 40

static bool population_ends_number(const char *s, uint64_t *size)
{
	uint64_t n;

	if (!util_scan_dec(&s, &n))
		return false;
	if (*s == 'k' || *s == 'M') {
		n <<= *s == 'k' ? 10 : 20;
		s++;
	}
	*size = n;
	return *s == '\0';
}

/* The kmalloc cache that Linux calls @name; NULL: it is none. */
static struct kmem_cache *population_kmalloc(struct quarry *q, const char *name)
{
	gfp_t gfp = GFP_KERNEL;
	uint64_t size;

	if (strncmp(name, "dma-", 4) == 0) {
		gfp |= GFP_DMA;
		name += 4;
	}
	if (strncmp(name, "kmalloc-", 8) != 0)
		return NULL;
	name += 8;
	if (strncmp(name, "rcl-", 4) == 0)
		gfp |= __GFP_RECLAIMABLE;
	else if (strncmp(name, "cg-", 3) == 0)
		gfp |= __GFP_ACCOUNT;
	if (strrchr(name, '-') != NULL)
		name = strrchr(name, '-') + 1;
	if (!population_ends_number(name, &size) || size == 0 ||
	    size > QUARRY_KMALLOC_MAX_CACHE_SIZE)
		return NULL;
	return quarry_kmalloc_cache(q, (size_t)size, gfp);
}

#define POPULATION_DIGIT 11 /* bits that one pass sorts by */

/* Sort @n pointers by address: objects are 8 bytes apart, and lie within @span bytes of @low. */
static void population_sort(void **object, uint32_t n, uintptr_t low, uintptr_t span)
{
	void **other = xcalloc((size_t)n + 1, sizeof(other[0])), **from = object, **to = other;

	for (unsigned int shift = 3; span >> shift != 0; shift += POPULATION_DIGIT) {
		const uintptr_t mask = ((uintptr_t)1 << POPULATION_DIGIT) - 1;
		uint32_t at[(1u << POPULATION_DIGIT) + 1] = {0};
		void **sorted = to;

		for (uint32_t i = 0; i < n; i++)
			at[(((uintptr_t)from[i] - low) >> shift & mask) + 1]++;
		for (uint32_t d = 0; d < 1u << POPULATION_DIGIT; d++)
			at[d + 1] += at[d];
		for (uint32_t i = 0; i < n; i++)
			to[at[((uintptr_t)from[i] - low) >> shift & mask]++] = from[i];
		to = from;
		from = sorted;
	}
	if (from != object)
		memcpy(object, from, n * sizeof(object[0]));
	free(other);
}

static uintptr_t population_slab_of(const struct population *p, const struct population_cache *c,
				    const void *object)
{
	return quarry_physical(p->q, object) >> (QUARRY_PAGE_SHIFT + c->order_shift);
}

/* Sort what is in use by slab. */
static void population_group_objects(struct population *p, struct population_cache *c)
{
	uintptr_t low = UINTPTR_MAX, high = 0;

	for (uint32_t i = 0; i < c->nr_objects; i++) {
		uintptr_t at = (uintptr_t)c->object[i];

		low = at < low ? at : low;
		high = at > high ? at : high;
	}
	if (c->nr_objects > 1)
		population_sort(c->object, c->nr_objects, low, high - low);
	c->group = xcalloc(c->nr_objects + 1, sizeof(c->group[0]));
	for (uint32_t i = 0; i < c->nr_objects; i++) {
		bool same = i > 0 && population_slab_of(p, c, c->object[i]) ==
					     population_slab_of(p, c, c->object[i - 1]);

		if (!same) {
			c->group[c->nr_groups].first = i;
			c->nr_groups++;
		}
		c->group[c->nr_groups - 1].left++;
	}
	c->order = xcalloc(c->nr_groups + 1, sizeof(c->order[0]));
	for (uint32_t i = 0; i < c->nr_groups; i++) {
		uint32_t k = (uint32_t)population_random(p, i + 1);

		c->order[i] = c->order[k];
		c->order[k] = i;
	}
}

/* Fill @c with all places, and free some at random, down to what was in use. */
static void population_fill(struct population *p, struct population_cache *c,
			    const struct linuxfacts_cache *l)
{
	uint64_t places = l->num_objs < UINT32_MAX ? l->num_objs : UINT32_MAX;
	uint64_t active = l->active_objs < places ? l->active_objs : places;

	c->object = xcalloc((size_t)places + 1, sizeof(c->object[0]));
	while (c->nr_objects < places) {
		void *object = quarry_kmem_cache_alloc(p->q, c->cache, GFP_KERNEL | __GFP_NOWARN);

		if (object == NULL)
			break;
		c->object[c->nr_objects++] = object;
	}
	while (c->nr_objects > active) {
		uint32_t k = (uint32_t)population_random(p, c->nr_objects);

		quarry_kmem_cache_free(p->q, c->cache, c->object[k]);
		c->object[k] = c->object[--c->nr_objects];
	}
	/* Free places belong to the slabs, not to a CPU. */
	(void)quarry_kmem_cache_shrink(p->q, c->cache);
	p->result.objects += c->nr_objects;
	p->result.objects_wanted += active;
	population_group_objects(p, c);
}

static struct population_cache *population_add(struct population *p)
{
	if (p->nr_caches == p->cap_caches) {
		p->cap_caches = p->cap_caches > 0 ? p->cap_caches * 2 : 128;
		p->cache = xrealloc(p->cache, p->cap_caches, sizeof(p->cache[0]));
	}
	memset(&p->cache[p->nr_caches], 0, sizeof(p->cache[0]));
	return &p->cache[p->nr_caches++];
}

void population_fill_slabs(struct population *p, const struct linuxfacts *facts)
{
	for (size_t i = 0; i < facts->first.nr_caches; i++) {
		const struct linuxfacts_cache *l = &facts->first.caches[i];
		struct quarry_cache_info info;
		struct population_cache *c;
		struct kmem_cache *cache;
		uint16_t number = 0;

		if (l->num_objs == 0 || l->objsize == 0 || l->objsize > UINT32_MAX)
			continue;
		cache = population_kmalloc(p->q, l->name);
		if (cache == NULL) {
			number = engine_cache_named(p->e, l->name, (uint32_t)l->objsize,
						    (uint32_t)l->objsize);
			cache = p->e->caches[number].cache;
		}
		if (cache == NULL || idmap_get(&p->by_cache, (uintptr_t)cache) != 0)
			continue;
		c = population_add(p);
		c->name = l->name;
		c->cache = cache;
		c->number = number;
		c->linux_pages = (uint32_t)(l->pages_per_slab > 0 ? l->pages_per_slab : 1);
		quarry_kmem_cache_info(p->q, cache, &info);
		c->order_shift = info.order;
		idmap_add(&p->by_cache, (uintptr_t)cache)->value = p->nr_caches;
		population_fill(p, c, l);
		quarry_kmem_cache_info(p->q, cache, &info);
		p->result.slab_bytes += (uint64_t)info.pages * QUARRY_PAGE_SIZE;
		p->result.caches++;
	}
}

void population_free_slabs(struct population *p)
{
	for (uint32_t i = 0; i < p->nr_caches; i++) {
		free(p->cache[i].object);
		free(p->cache[i].group);
		free(p->cache[i].order);
	}
	free(p->cache);
}

/* ---- slabs of the recording ---- */

/* What is known of the recorded slab with frame @frame, if slabs are of @pages: cache and group, or 0. */
static uint64_t population_known(const struct population *p, uint64_t frame)
{
	/* Blocks are aligned to their size; its order is not known yet. */
	for (uint64_t pages = 1; pages <= 8; pages *= 2) {
		uint64_t value = idmap_get(&p->frames, (frame & ~(pages - 1)) * 16 + pages);

		if (value != 0)
			return value;
	}
	return 0;
}

/* Give the recorded slab at @frame a slab of @c here. */
static uint64_t population_assign(struct population *p, struct population_cache *c, uint64_t frame)
{
	uint64_t pages = c->linux_pages;
	struct idmap_slot *s = idmap_add(&p->frames, (frame & ~(pages - 1)) * 16 + pages);

	if (s == NULL || c->nr_groups == 0)
		return 0;
	if (s->value == 0)
		s->value = ((uint64_t)(c - p->cache) << POPULATION_GROUP_BITS |
			    c->order[c->next++ % c->nr_groups]) +
			   1;
	return s->value;
}

bool population_is_slab(struct population *p, uint64_t frame)
{
	return population_known(p, frame) != 0;
}

bool population_learn(struct population *p, uint64_t frame, struct kmem_cache *cache)
{
	uint64_t place = idmap_get(&p->by_cache, (uintptr_t)cache);

	return population_known(p, frame) != 0 ||
	       (place != 0 && population_assign(p, &p->cache[place - 1], frame) != 0);
}

static struct population_cache *population_by_name(struct population *p, const char *name)
{
	for (uint32_t i = 0; i < p->nr_caches && name[0] != '\0'; i++) {
		if (strcmp(p->cache[i].name, name) == 0)
			return &p->cache[i];
	}
	return NULL;
}

void *population_object(struct population *p, uint64_t frame, const char *name, uint16_t *cache)
{
	uint64_t known = population_known(p, frame);
	struct population_cache *c;
	struct population_group *g;

	if (known == 0) {
		c = population_by_name(p, name);
		known = c != NULL ? population_assign(p, c, frame) : 0;
	}
	if (known == 0)
		return NULL;
	c = &p->cache[(known - 1) >> POPULATION_GROUP_BITS];
	g = &c->group[(known - 1) & (((uint64_t)1 << POPULATION_GROUP_BITS) - 1)];
	for (uint32_t i = 0; g->left == 0 && i < c->nr_groups; i++) {
		g = &c->group[c->steal % c->nr_groups];
		c->steal += g->left == 0;
	}
	if (g->left == 0)
		return NULL;
	*cache = c->number;
	p->result.objects_freed++;
	return c->object[g->first + --g->left];
}
