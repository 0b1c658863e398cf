/* SPDX-License-Identifier: MIT */
/*
 * Sheaves that give up what they hold, and what they hold now.
 *
 * A CPU's sheaves are that CPU's: it empties them itself (sheaf_drain_own(), sheaf_trim_own(), sheaf_flush_alien()). Whoever
 * wants those of another asks, by a count in the cache that each CPU compares with what it last saw, in its slow paths and when it
 * reaps. sheaf_drain_one() takes them from a CPU that nobody plays, or where one thread plays all.
 *
 * A sheaf is off its CPU while it is emptied, and nothing is pinned: a flush takes locks and gives back pages.
 */
#include "sheaf.h"

bool sheaf_drain_wanted(struct kmem_cache *s)
{
	uint32_t drains = quarry_load_relaxed(&s->drains);
	quarry_pin_t pin = quarry_pin();
	struct slab_seen *seen = &s->seen[slab_this_cpu(s)];
	bool wanted = seen->drains != drains;

	seen->drains = drains;
	quarry_unpin(pin);
	return wanted;
}

static void sheaf_drain(struct quarry *q, struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	if (sheaf == NULL || sheaf->cap == 0)
		return;
	slab_flush(q, s, sheaf->obj, sheaf->n);
	quarry_store_relaxed(&sheaf->n, 0u);
	depot_discard(q, s, sheaf);
}

void sheaf_sync_all(struct kmem_cache *s)
{
	unsigned int i;

	for (i = 0; i < s->nr_cpus; i++)
		sheaf_sync(&s->cpu_sheaves[i]);
}

/* Puts all objects into their slabs, node by node, so that each lock is taken once. */
static void sheaf_send_home(struct quarry *q, struct kmem_cache *s, struct slab_sheaf *sheaf)
{
	unsigned int left = sheaf->n, i, end;
	int nid;

	while (left != 0) {
		nid = page_nid(q, page_of_addr(q, sheaf->obj[left - 1]));
		for (i = 0, end = left; i < end;) {
			void *obj = sheaf->obj[i];

			if (page_nid(q, page_of_addr(q, obj)) != nid) {
				i++;
				continue;
			}
			sheaf->obj[i] = sheaf->obj[--end];
			sheaf->obj[end] = obj;
		}
		slab_flush(q, s, sheaf->obj + end, left - end);
		left = end;
		quarry_store_relaxed(&sheaf->n, left);
	}
}

void sheaf_flush_alien(struct quarry *q, struct kmem_cache *s)
{
	quarry_pin_t pin = quarry_pin();
	struct slab_seen *seen = &s->seen[slab_this_cpu(s)];
	struct slab_sheaf *alien = seen->alien;

	quarry_store_release(&seen->alien, (struct slab_sheaf *)NULL);
	quarry_unpin(pin);
	if (alien == NULL)
		return;
	sheaf_send_home(q, s, alien);
	depot_discard(q, s, alien);
}

void sheaf_drain_own(struct quarry *q, struct kmem_cache *s, bool main)
{
	struct slab_sheaf *gone[2] = {NULL, NULL};
	struct slab_cpu *c;
	quarry_pin_t pin;

	sheaf_flush_alien(q, s);
	c = sheaf_enter(s, &pin);
	gone[0] = c->spare;
	sheaf_set_spare(c, NULL);
	if (main) {
		gone[1] = slab_main(c);
		sheaf_set_main(c, q->slabs->no_sheaf);
	}
	sheaf_leave(c, pin);
	sheaf_drain(q, s, gone[0]);
	sheaf_drain(q, s, gone[1]);
}

void sheaf_trim_own(struct quarry *q, struct kmem_cache *s, unsigned int n)
{
	struct slab_sheaf *sheaf;
	struct slab_cpu *c;
	quarry_pin_t pin;
	unsigned int i;

	/* The sheaf is off the CPU meanwhile; who frees in between gets another one. */
	c = sheaf_enter(s, &pin);
	sheaf = slab_main(c);
	if (sheaf->cap != 0)
		sheaf_set_main(c, q->slabs->no_sheaf);
	sheaf_leave(c, pin);
	if (sheaf->cap == 0)
		return;
	n = quarry_min(n, sheaf->n);
	slab_flush(q, s, sheaf->obj, n);
	for (i = n; i < sheaf->n; i++)
		sheaf->obj[i - n] = sheaf->obj[i];
	quarry_store_relaxed(&sheaf->n, sheaf->n - n);
	c = sheaf_enter(s, &pin);
	if (slab_main(c)->cap == 0) {
		sheaf_set_main(c, sheaf);
		sheaf = NULL;
	} else if (c->spare == NULL) {
		sheaf_set_spare(c, sheaf);
		sheaf = NULL;
	}
	sheaf_leave(c, pin);
	sheaf_drain(q, s, sheaf);
}

unsigned long sheaf_drain_depot(struct quarry *q, struct kmem_cache *s, struct slab_node *n,
				unsigned int full, unsigned int empty)
{
	struct slab_sheaf *sheaf;
	unsigned long objects = 0;

	for (; full != 0 && (sheaf = depot_take_full(q, n)) != NULL; full--) {
		objects += sheaf->n;
		sheaf_drain(q, s, sheaf);
	}
	for (; empty != 0 && (sheaf = depot_take_empty(q, n)) != NULL; empty--)
		depot_discard(q, s, sheaf);
	return objects;
}

void sheaf_drain_one(struct quarry *q, struct kmem_cache *s, unsigned int cpu)
{
	struct slab_cpu *c = &s->cpu_sheaves[cpu];
	struct slab_sheaf *sheaf = slab_main(c);

	sheaf_sync(c);
	sheaf_set_main(c, q->slabs->no_sheaf);
	sheaf_drain(q, s, sheaf);
	sheaf = c->spare;
	sheaf_set_spare(c, NULL);
	sheaf_drain(q, s, sheaf);
	sheaf = s->seen[cpu].alien;
	quarry_store_release(&s->seen[cpu].alien, (struct slab_sheaf *)NULL);
	if (sheaf != NULL)
		sheaf_send_home(q, s, sheaf);
	depot_discard(q, s, sheaf);
}

void sheaf_drain_cpu(struct quarry *q, unsigned int cpu)
{
	struct kmem_cache *s;

	if (q->slabs == NULL)
		return;
	for (s = cache_walk(q, NULL); s != NULL; s = cache_walk(q, s))
		sheaf_drain_one(q, s, cpu);
}

void sheaf_drain_all(struct quarry *q, struct kmem_cache *s)
{
	unsigned int i;

	for (i = 0; i < s->nr_cpus; i++)
		sheaf_drain_one(q, s, i);
}

void sheaf_drain_and_ask(struct quarry *q, struct kmem_cache *s)
{
	if (!q->concurrent) {
		sheaf_drain_all(q, s);
		return;
	}
	quarry_fetch_add_relaxed(&s->drains, 1u);
	(void)sheaf_drain_wanted(s);
	sheaf_drain_own(q, s, true);
}

unsigned long sheaf_cached_objects(struct quarry *q, struct kmem_cache *s)
{
	const struct slab_sheaf *sheaf;
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < s->nr_cpus; i++) {
		void *const *top = quarry_load_relaxed(&s->cpu_sheaves[i].top);
		void *const *base = quarry_load_relaxed(&s->cpu_sheaves[i].base);
		size_t n = (size_t)(top - base);

		sum += n <= SLAB_SHEAF_MOST ? n : 0; /* not while it is being exchanged */
		sheaf = quarry_load_acquire(&s->cpu_sheaves[i].spare);
		if (sheaf != NULL)
			sum += quarry_load_relaxed(&sheaf->n);
		sheaf = quarry_load_acquire(&s->seen[i].alien);
		if (sheaf != NULL)
			sum += quarry_load_relaxed(&sheaf->n);
	}
	for (i = 0; i < s->nr_nodes; i++) {
		quarry_pin_t pin = quarry_lock(q->concurrent, &s->node[i].lock);

		for (sheaf = s->node[i].full; sheaf != NULL; sheaf = sheaf->next)
			sum += quarry_load_relaxed(&sheaf->n);
		quarry_unlock(q->concurrent, &s->node[i].lock, pin);
	}
	return sum;
}
