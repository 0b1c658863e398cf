/* SPDX-License-Identifier: MIT */
/*
 * Giving back what caches keep.
 *
 * Problem    Sheaves, depots and empty slabs hold memory for the next burst. When it does not come, or
 *            somebody else needs the memory more, it must go back; but what is in use stays.
 *
 * Time       quarry_slab_reap(), on each CPU in turn. What was not needed during a whole interval is
 *            not part of the working set (Bonwick): the fewest sheaves that the depot held in it, the
 *            sheaves of a CPU whose counts have not moved. Depots grow when CPUs meet at their lock
 *            (sheaf.c) and lose one place for each interval in which none did. A free leaves the node
 *            min_partial slabs, as in SLUB, and some that were wanted again (slab.c); the reaper gives the empty ones among them back while more
 *            objects are free than SLAB's free_limit, and of the rest a fifth of that, unless a refill
 *            has touched the slabs: then they are spared once.
 * Pressure   A shrinker counts what could go and takes it: depot, empty slabs, this CPU's sheaves, and,
 *            where one thread plays the machine, all CPUs'. Other CPUs are asked (cache->drains); they
 *            look at it in their slow path and when they reap, so that the fast path need not.
 * Sparseness quarry_kmem_cache_defrag() takes a sparse slab off the lists and lets the cache's owner move
 *            its objects. Meanwhile frees on this CPU bypass the sheaves, or the next allocation would
 *            get the place that was just left.
 *
 * Locks      cache_walk() keeps a cache from being destroyed while it is worked on; nothing else is
 *            held across calls. node->lock as elsewhere.
 * Failure    None: nothing here needs memory.
 */
#include "sheaf.h"

#define REAP_SHARE 5u /* a fifth at a time */
#define REAP_MOVE_BATCH 64u

/* ---- by time ---- */

/* This CPU's sheaves of one cache. */
static void reap_cpu(struct quarry *q, struct kmem_cache *s, unsigned int cpu)
{
	const struct slab_cpu *c = &s->cpu_sheaves[cpu];
	struct slab_seen *seen = &s->seen[cpu];
	bool idle = seen->allocs == c->allocs && seen->top == c->top;
	bool own = cpu == quarry_cpu();

	if (own && sheaf_drain_wanted(s)) {
		sheaf_drain_own(q, s, true);
	} else if (idle && own) {
		sheaf_drain_own(q, s, false);
		sheaf_trim_own(q, s, (slab_main(c)->cap + REAP_SHARE - 1) / REAP_SHARE);
	} else if (own) {
		sheaf_flush_alien(q, s);
	} else if (idle || seen->alien != NULL) {
		sheaf_drain_one(q, s,
				cpu); /* one thread plays all: it knows which ones stand still */
	}
	seen->allocs = c->allocs;
	seen->top = c->top;
}

/* Whether the node is due: each of its CPUs has called twice. Node counts are those of the last time. */
static bool reap_node_due(struct quarry *q, struct kmem_cache *s, unsigned int nid,
			  unsigned int *full, unsigned int *empty, bool *touched)
{
	unsigned int cpus = quarry_max(page_node_cpus(q, nid), 1u);
	struct slab_node *n = &s->node[nid];
	quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);
	bool due = ++n->reap_calls >= 2 * cpus;

	if (due) {
		n->reap_calls = 0;
		*full = n->full_min;
		*empty = n->empty_min;
		*touched = n->free_touched;
		quarry_store_relaxed(&n->swing, n->swing - quarry_min(n->swing, n->full_min));
		n->missed = 0;
		n->full_min = n->nr_full - quarry_min(n->full_min, n->nr_full);
		n->empty_min = n->nr_empty - quarry_min(n->empty_min, n->nr_empty);
		if (!n->met && n->depot_max > SLAB_DEPOT_LEAST)
			quarry_store_relaxed(&n->depot_max, n->depot_max - 1);
		n->met = false;
		n->free_touched = false;
		n->keep /= 2;
		n->given_back = 0;
		quarry_store_relaxed(&n->free_limit, cache_free_limit(q, s, nid));
	}
	quarry_unlock(q->concurrent, &n->lock, pin);
	return due;
}

/* Empty slabs that are beyond the limit, and if it is quiet, a share of the limit. */
static unsigned long reap_surplus(const struct kmem_cache *s, const struct slab_node *n,
				  bool touched)
{
	unsigned long free = quarry_load_relaxed(&n->free_objects);
	unsigned long limit = quarry_load_relaxed(&n->free_limit);
	unsigned long objects = oo_objects(s->oo), slabs = 0;

	if (free > limit)
		slabs = (free - limit + objects - 1) / objects;
	if (!touched)
		slabs += (limit + REAP_SHARE * objects - 1) / (REAP_SHARE * objects);
	return slabs;
}

static void reap_node(struct quarry *q, struct kmem_cache *s, unsigned int nid)
{
	struct slab_node *n = &s->node[nid];
	unsigned int full = 0, empty = 0;
	bool touched = false;

	if (!reap_node_due(q, s, nid, &full, &empty, &touched))
		return;
	sheaf_drain_depot(q, s, n, full, empty);
	slab_discard_empty(q, s, nid, reap_surplus(s, n, touched));
}

int quarry_slab_reap(struct quarry *q, unsigned int cpu)
{
	struct kmem_cache *s;
	int nid;

	if (q->slabs == NULL || cpu >= q->slabs->nr_cpus || (q->concurrent && cpu != quarry_cpu()))
		return -QUARRY_EINVAL;
	nid = page_cpu_node(q, cpu);
	for (s = cache_walk(q, NULL); s != NULL; s = cache_walk(q, s)) {
		reap_cpu(q, s, cpu);
		if (nid >= 0 && (unsigned int)nid < s->nr_nodes)
			reap_node(q, s, (unsigned int)nid);
	}
	return 0;
}

/* ---- under pressure ---- */

static struct quarry *reap_owner(struct quarry_shrinker *shrinker)
{
	return shrinker->ctx;
}

/* Objects in this CPU's sheaves, and in all where one thread plays all. */
static unsigned long reap_in_sheaves(const struct quarry *q, const struct kmem_cache *s)
{
	unsigned int cpu = q->concurrent ? quarry_cpu() : 0;
	unsigned int end = q->concurrent ? cpu + 1 : s->nr_cpus;
	unsigned long sum = 0;

	for (; cpu < end; cpu++) {
		const struct slab_cpu *c = &s->cpu_sheaves[cpu];
		const struct slab_sheaf *spare = quarry_load_acquire(&c->spare);
		const struct slab_sheaf *alien = quarry_load_acquire(&s->seen[cpu].alien);

		/* Not pinned: another thread may play the CPU meanwhile and take them away. */
		sum += (unsigned long)(c->top - c->base);
		sum += spare != NULL ? quarry_load_relaxed(&spare->n) : 0;
		sum += alien != NULL ? quarry_load_relaxed(&alien->n) : 0;
	}
	return sum;
}

/* Objects of @s that could go from node @nid; those in sheaves count once, on the CPU's node. */
static unsigned long reap_count_cache(const struct quarry *q, const struct kmem_cache *s, int nid)
{
	const struct slab_node *n = &s->node[nid];
	unsigned long sum = (unsigned long)quarry_load_relaxed(&n->free_slabs) * oo_objects(s->oo);

	sum += (unsigned long)quarry_load_relaxed(&n->nr_full) * s->sheaf_capacity;
	if (page_cpu_node(q, quarry_cpu()) == nid)
		sum += reap_in_sheaves(q, s);
	return sum;
}

static unsigned long reap_count(struct quarry_shrinker *shrinker, struct quarry_shrink_control *sc)
{
	struct quarry *q = reap_owner(shrinker);
	unsigned long sum = 0;
	struct kmem_cache *s;

	if (sc->nid < 0 || (unsigned int)sc->nid >= q->slabs->nr_nodes)
		return QUARRY_SHRINK_EMPTY;
	for (s = cache_walk(q, NULL); s != NULL; s = cache_walk(q, s))
		sum += reap_count_cache(q, s, sc->nid);
	return sum != 0 ? sum : QUARRY_SHRINK_EMPTY;
}

/* Returns objects that went into their slabs, or with them. */
static unsigned long reap_shrink_cache(struct quarry *q, struct kmem_cache *s, int nid)
{
	unsigned long freed = reap_count_cache(q, s, nid);

	sheaf_drain_and_ask(q, s);
	sheaf_drain_depot(q, s, &s->node[nid], ~0u, ~0u);
	slab_discard_empty(q, s, (unsigned int)nid, ~0ul);
	return freed;
}

static unsigned long reap_scan(struct quarry_shrinker *shrinker, struct quarry_shrink_control *sc)
{
	struct quarry *q = reap_owner(shrinker);
	unsigned long freed = 0;
	struct kmem_cache *s;

	for (s = cache_walk(q, NULL); s != NULL; s = cache_walk(q, s)) {
		if (reap_count_cache(q, s, sc->nid) == 0)
			continue;
		freed += reap_shrink_cache(q, s, sc->nid);
		if (freed >= sc->nr_to_scan) {
			cache_walk_end(q, s);
			break;
		}
	}
	sc->nr_scanned = freed;
	return freed != 0 ? freed : QUARRY_SHRINK_STOP;
}

void reap_init(struct quarry *q)
{
	q->slabs->shrinker = (struct quarry_shrinker){
		.count_objects = reap_count,
		.scan_objects = reap_scan,
		.flags = QUARRY_SHRINKER_NUMA_AWARE,
		.batch = 1, /* a cache at a time, as a whole */
		.seeks = 0, /* objects that nobody has cost nothing to make again */
		.name = "slab",
		.ctx = q,
		.deferred = q->slabs->deferred,
	};
	/* It is complete and not registered: this cannot fail. */
	if (quarry_register_shrinker(q, &q->slabs->shrinker) != 0)
		q->slabs->shrinker.ctx = NULL;
}

/* ---- sparse slabs ---- */

int quarry_kmem_cache_setup_mobility(struct quarry *q, struct kmem_cache *cache,
				     quarry_kmem_isolate_fn isolate, quarry_kmem_migrate_fn migrate)
{
	(void)q;
	if (cache->ctor == NULL || isolate == NULL || migrate == NULL)
		return -QUARRY_EINVAL;
	cache->isolate = isolate;
	cache->migrate = migrate;
	return 0;
}

/*
 * Objects of @slab that are not free, from number *@from on; *@from is moved past them. Locked. Of a debugged
 * cache those that a caller has: others may be out of use.
 */
static unsigned int reap_in_use(const struct kmem_cache *s, struct slab *slab, unsigned int *from,
				void **objects)
{
	bool records = (s->debug & SLAB_DEBUG_RECORDS) != 0;
	unsigned int all = slab_objects(s, slab), nr = 0, i = *from;

	for (; i < all && nr < REAP_MOVE_BATCH; i++)
		if (((records ? slab_active(s, slab)[i / 64] : ~slab->free[i / 64]) >> i % 64 &
		     1) != 0)
			objects[nr++] = (void *)(slab->base + (uintptr_t)i * s->size);
	*from = i;
	return nr;
}

static void reap_move_out(struct quarry *q, struct kmem_cache *s, struct slab *slab)
{
	struct slab_node *n = &s->node[slab->node];
	void *objects[REAP_MOVE_BATCH], *held = NULL;
	unsigned int from = 0, nr;
	quarry_pin_t pin;

	do {
		pin = quarry_lock(q->concurrent, &n->lock);
		nr = reap_in_use(s, slab, &from, objects);
		if (nr != 0)
			held = s->isolate(s, objects, nr);
		quarry_unlock(q->concurrent, &n->lock, pin);
		if (nr != 0)
			s->migrate(s, objects, nr, slab->node, held);
	} while (nr != 0);
}

/* Frees of this CPU take the long way, which sees that objects are being moved; or the short one again. */
static void reap_set_movers(struct quarry *q, struct kmem_cache *s, uint32_t by)
{
	quarry_pin_t pin;

	quarry_fetch_add_relaxed(&s->movers, by);
	sheaf_drain_own(q, s, true);
	pin = quarry_pin();
	slab_this_cpu_of(s)->near = (struct slab_span){0};
	slab_this_cpu_hot(q->slabs)->near = (struct slab_span){0};
	quarry_unpin(pin);
}

static void reap_defrag_node(struct quarry *q, struct kmem_cache *s, unsigned int nid)
{
	unsigned long tries = quarry_load_relaxed(&s->node[nid].nr_partial);
	struct slab *slab;

	sheaf_drain_depot(q, s, &s->node[nid], ~0u, ~0u);
	slab_discard_empty(q, s, nid, ~0ul);
	for (; tries != 0 && (slab = slab_start_move(q, s, nid)) != NULL; tries--) {
		reap_move_out(q, s, slab);
		slab_end_move(q, s, slab);
	}
}

unsigned long quarry_kmem_cache_defrag(struct quarry *q, struct kmem_cache *cache, int nid)
{
	unsigned long before = 0, after = 0;
	unsigned int i;

	if (cache->migrate == NULL || nid >= (int)cache->nr_nodes)
		return 0;
	reap_set_movers(q, cache, 1);
	for (i = 0; i < cache->nr_nodes; i++) {
		if (nid >= 0 && i != (unsigned int)nid)
			continue;
		before += quarry_load_relaxed(&cache->node[i].nr_slabs);
		reap_defrag_node(q, cache, i);
		sheaf_drain_own(q, cache, true);
		slab_discard_empty(q, cache, i, ~0ul);
		after += quarry_load_relaxed(&cache->node[i].nr_slabs);
	}
	reap_set_movers(q, cache, ~0u);
	return before > after ? before - after : 0;
}
