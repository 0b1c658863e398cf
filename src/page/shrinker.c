/* SPDX-License-Identifier: MIT */
/*
 * Shrinkers: caches that give objects back when memory is short.
 *
 * Each pass has a priority p, 12 at first and falling: of a cache with n objects it is asked to look at
 * about 4 * n / seeks / 2^p. What is less than a batch is remembered and added the next time, so that a
 * small cache is not spared for ever; work that was skipped since IO was not allowed is remembered too. At
 * most twice the cache is looked at in one pass.
 *
 * Locks      The list has a lock that is not held during calls. A shrinker that is being called has a
 *            user; it stays linked until it has none, so the walk can go on from it.
 */
#include "internal.h"

#define SHRINKER_BATCH 128ul
#define SHRINKER_DROP_LEAST 10ul

static quarry_pin_t shrinker_lock(struct quarry *q) QUARRY_ACQUIRES(q->pages->shrinker_lock)
{
	return quarry_lock(q->concurrent, &q->pages->shrinker_lock);
}

static void shrinker_unlock(struct quarry *q, quarry_pin_t pin)
	QUARRY_RELEASES(q->pages->shrinker_lock)
{
	quarry_unlock(q->concurrent, &q->pages->shrinker_lock, pin);
}

static struct quarry_shrinker **shrinker_find(struct page_layer *pl,
					      const struct quarry_shrinker *s)
{
	struct quarry_shrinker **at = &pl->shrinkers;

	while (*at != NULL && *at != s)
		at = &(*at)->next;
	return at;
}

int quarry_register_shrinker(struct quarry *q, struct quarry_shrinker *shrinker)
{
	struct quarry_shrinker **end;
	int err = 0;
	quarry_pin_t pin;

	if (shrinker->count_objects == NULL || shrinker->scan_objects == NULL)
		return -QUARRY_EINVAL;
	pin = shrinker_lock(q);
	end = shrinker_find(q->pages, shrinker);
	if (*end == shrinker) {
		err = -QUARRY_EEXIST;
	} else {
		shrinker->next = NULL;
		shrinker->users = 0;
		shrinker->dead = false;
		shrinker->deferred_all = 0;
		for (int nid = 0; nid < q->pages->nr_nodes && shrinker->deferred != NULL; nid++)
			shrinker->deferred[nid] = 0;
		quarry_store_relaxed(end, shrinker); /* shrinker_run_all() peeps */
	}
	shrinker_unlock(q, pin);
	return err;
}

void quarry_unregister_shrinker(struct quarry *q, struct quarry_shrinker *shrinker)
{
	for (;;) {
		quarry_pin_t pin = shrinker_lock(q);
		struct quarry_shrinker **at = shrinker_find(q->pages, shrinker);
		bool gone = *at == NULL;

		if (!gone) {
			shrinker->dead = true;
			if (shrinker->users == 0) {
				quarry_store_relaxed(at, shrinker->next);
				gone = true;
			}
		}
		shrinker_unlock(q, pin);
		if (gone)
			return;
		quarry_relax();
	}
}

/* The shrinker after @s, or the first; it has one user more, and @s one less. */
static struct quarry_shrinker *shrinker_next(struct quarry *q, struct quarry_shrinker *s)
{
	quarry_pin_t pin = shrinker_lock(q);
	struct quarry_shrinker *next = s == NULL ? q->pages->shrinkers : s->next;

	if (s != NULL)
		s->users--;
	while (next != NULL && next->dead)
		next = next->next;
	if (next != NULL)
		next->users++;
	shrinker_unlock(q, pin);
	return next;
}

/* Objects that one pass at @priority shall look at, of @freeable. */
static unsigned long shrinker_share(const struct quarry_shrinker *s, unsigned long freeable,
				    unsigned int priority)
{
	if (s->seeks == 0)
		return freeable / 2;
	return (freeable >> priority) * 4 / s->seeks;
}

/* One shrinker on one node; returns objects freed. */
static unsigned long shrinker_run(struct quarry *q, struct quarry_shrinker *s,
				  struct quarry_shrink_control *sc, unsigned int priority)
{
	unsigned long batch = s->batch != 0 ? s->batch : SHRINKER_BATCH;
	unsigned long freeable = s->count_objects(s, sc), freed = 0, scanned = 0, total, left;
	unsigned long *deferred = s->deferred != NULL ? &s->deferred[sc->nid] : &s->deferred_all;

	if (freeable == 0 || freeable == QUARRY_SHRINK_EMPTY)
		return 0;
	/* Taken while this call works on it, so that two callers do not do the same work twice. */
	total = quarry_exchange_acquire(deferred, 0ul);
	total = (total >> priority) + shrinker_share(s, freeable, priority);
	total = quarry_min(total, 2 * freeable);
	left = total;
	while (left >= batch || left >= freeable) {
		unsigned long n;

		sc->nr_to_scan = quarry_min(batch, left);
		sc->nr_scanned = sc->nr_to_scan;
		n = s->scan_objects(s, sc);
		if (n == QUARRY_SHRINK_STOP)
			break;
		freed += n;
		scanned += sc->nr_scanned;
		if (sc->nr_scanned == 0)
			break;
		left -= quarry_min(left, sc->nr_scanned);
	}
	page_event(q, QUARRY_VM_SLABS_SCANNED, scanned);
	quarry_fetch_add_relaxed(deferred, left);
	return freed;
}

unsigned long shrinker_run_all(struct quarry *q, int nid, gfp_t gfp, unsigned int priority)
{
	struct quarry_shrinker *s = NULL;
	unsigned long freed = 0;

	if (quarry_load_relaxed(&q->pages->shrinkers) == NULL)
		return 0;
	while ((s = shrinker_next(q, s)) != NULL) {
		bool aware = (s->flags & QUARRY_SHRINKER_NUMA_AWARE) != 0;
		struct quarry_shrink_control sc = {.gfp = gfp, .nid = aware ? nid : 0};

		freed += shrinker_run(q, s, &sc, priority);
	}
	return freed;
}

unsigned long quarry_drop_slab(struct quarry *q)
{
	unsigned long freed, sum = 0;
	unsigned int shift = 0;

	page_event(q, QUARRY_VM_DROP_SLAB, 1);
	do {
		freed = 0;
		for (int nid = 0; nid < q->pages->nr_nodes; nid++) {
			if (quarry_load_relaxed(&q->pages->node[nid].present))
				freed += shrinker_run_all(q, nid, GFP_KERNEL, 0);
		}
		sum += freed;
	} while (freed >> shift++ > SHRINKER_DROP_LEAST && shift < sizeof(freed) * 8);
	return sum;
}
