/* SPDX-License-Identifier: MIT */
/*
 * Grace periods, by epochs.
 *
 * Problem    A reader follows a pointer without a lock; whoever unlinks the object must not give its
 *            memory back under the reader's eyes.
 *
 * Terms      The epoch is a number that grows. A CPU in a section shows the epoch at which it entered. The
 *            epoch moves on only while every CPU in a section shows the present one. What is retired at
 *            epoch e waits in generation e mod 3, and is done when the epoch becomes e + 2.
 *
 *            epoch       7            8            9
 *            retired     A            B            C      A is done when 9 begins
 *            readers     see A        may see A    cannot have come across A
 *
 * Proof      Say A was unlinked, then retired at e. A reader that can still see it entered before that
 *            was visible to it. It wrote its word, passed a full fence, and then read the pointer; the step from
 *            e to e + 1 or the next passes a full fence and then reads its word. If a step misses the word, the
 *            reader's fence comes later, and so it sees what was done before the step: A is unlinked. If
 *            the step sees it, the word is at most e + 1 while the section lasts: it stops the epoch before e + 2.
 *
 * Locks      The lock guards epoch and generations; callbacks and frees run without it. A CPU's word is
 *            written by that CPU, pinned, so that an interrupt's sections nest.
 *
 * Slabs      Pages of a cache with SLAB_TYPESAFE_BY_RCU stay as they are for a grace period: no longer the
 *            cache's, which may end meanwhile, but not yet the page allocator's. Their record keeps them.
 */
#include "sheaf.h"

#define RCU_GENERATIONS 3u
#define RCU_BATCH 62u

struct slab_rcu_batch {
	struct slab_rcu_batch *next;
	size_t n;
	void *block[RCU_BATCH];
};

struct slab_rcu_generation {
	struct quarry_rcu_head *calls, **calls_end;
	struct quarry_rcu_head *blocks;
	struct slab_rcu_batch *batches;
	uint32_t slabs;
};

struct slab_rcu {
	struct quarry_lock lock;
	unsigned int running; /* quarry_rcu_run()s that are giving things back */
	uint64_t epoch;
	struct slab_rcu_generation generation[RCU_GENERATIONS];
} QUARRY_ALIGNED(64);

size_t rcu_bytes(void)
{
	return sizeof(struct slab_rcu);
}

int rcu_init(struct quarry *q)
{
	struct slab_rcu *rcu;
	unsigned int i;

	rcu = slab_pool_alloc(q, rcu_bytes());
	if (rcu == NULL)
		return -QUARRY_ENOMEM;
	quarry_lock_init(&rcu->lock, QUARRY_LOCK_LEAF);
	for (i = 0; i < RCU_GENERATIONS; i++)
		rcu->generation[i].calls_end = &rcu->generation[i].calls;
	q->slabs->rcu = rcu;
	return 0;
}

/* ---- readers ---- */

void quarry_rcu_read_lock(struct quarry *q)
{
	struct slab_rcu *rcu = q->slabs->rcu;
	quarry_pin_t pin = quarry_pin();
	struct slab_cpu_hot *c = slab_this_cpu_hot(q->slabs);

	if (c->rcu_nest++ == 0) {
		quarry_store_relaxed(&c->rcu_word, quarry_load_relaxed(&rcu->epoch) * 2 + 1);
		if (q->concurrent)
			quarry_full_fence();
		quarry_compiler_barrier();
	}
	quarry_unpin(pin);
}

void quarry_rcu_read_unlock(struct quarry *q)
{
	quarry_pin_t pin = quarry_pin();
	struct slab_cpu_hot *c = slab_this_cpu_hot(q->slabs);

	QUARRY_ASSERT(c->rcu_nest != 0);
	if (--c->rcu_nest == 0)
		quarry_store_release(&c->rcu_word, (uint64_t)0);
	quarry_unpin(pin);
}

/* ---- what waits ---- */

static struct slab_rcu_generation *rcu_now(struct slab_rcu *rcu)
{
	return &rcu->generation[bits_mod64(rcu->epoch, RCU_GENERATIONS)];
}

void quarry_call_rcu(struct quarry *q, struct quarry_rcu_head *head,
		     void (*func)(struct quarry_rcu_head *head))
{
	struct slab_rcu *rcu = q->slabs->rcu;
	struct slab_rcu_generation *g;
	quarry_pin_t pin;

	head->next = NULL;
	head->func = func;
	pin = quarry_lock(q->concurrent, &rcu->lock);
	g = rcu_now(rcu);
	*g->calls_end = head;
	g->calls_end = &head->next;
	quarry_unlock(q->concurrent, &rcu->lock, pin);
}

void rcu_defer_slab(struct quarry *q, struct slab *slab)
{
	struct slab_rcu *rcu = q->slabs->rcu;
	quarry_pin_t pin = quarry_lock(q->concurrent, &rcu->lock);
	struct slab_rcu_generation *g = rcu_now(rcu);

	slab->cache = SLAB_NO_CACHE;
	slab->next = g->slabs;
	g->slabs = slab_index(q->slabs, slab);
	quarry_unlock(q->concurrent, &rcu->lock, pin);
}

/* Into a batch that has room. */
static bool rcu_gather(struct quarry *q, void *p)
{
	struct slab_rcu *rcu = q->slabs->rcu;
	quarry_pin_t pin = quarry_lock(q->concurrent, &rcu->lock);
	struct slab_rcu_batch *b = rcu_now(rcu)->batches;
	bool room = b != NULL && b->n < RCU_BATCH;

	if (room)
		b->block[b->n++] = p;
	quarry_unlock(q->concurrent, &rcu->lock, pin);
	return room;
}

/* Into a new batch, which takes the place of the full one. */
static bool rcu_gather_new(struct quarry *q, void *p)
{
	struct slab_rcu *rcu = q->slabs->rcu;
	struct slab_rcu_batch *b;
	quarry_pin_t pin;

	b = slab_side_alloc(q, sizeof(*b), GFP_NOWAIT | __GFP_NOWARN);
	if (b == NULL)
		return false;
	b->n = 1;
	b->block[0] = p;
	pin = quarry_lock(q->concurrent, &rcu->lock);
	b->next = rcu_now(rcu)->batches;
	rcu_now(rcu)->batches = b;
	quarry_unlock(q->concurrent, &rcu->lock, pin);
	return true;
}

int quarry_kvfree_rcu(struct quarry *q, void *p, struct quarry_rcu_head *head)
{
	struct slab_rcu *rcu = q->slabs->rcu;
	quarry_pin_t pin;
	int err;

	if (p == NULL || p == QUARRY_ZERO_SIZE_PTR || rcu_gather(q, p) || rcu_gather_new(q, p))
		return 0;
	if (head == NULL || q->no_access) {
		err = quarry_synchronize_rcu(q);
		if (err == 0)
			quarry_kvfree(q, p);
		return err;
	}
	head->block = p;
	pin = quarry_lock(q->concurrent, &rcu->lock);
	head->next = rcu_now(rcu)->blocks;
	rcu_now(rcu)->blocks = head;
	quarry_unlock(q->concurrent, &rcu->lock, pin);
	return 0;
}

/* ---- grace periods ---- */

/* Moves the epoch on, and takes out what that was waited for with. */
static bool rcu_advance_locked(struct quarry *q, struct slab_rcu *rcu,
			       struct slab_rcu_generation *done) QUARRY_REQUIRES(rcu->lock)
{
	struct slab_rcu_generation *g;
	unsigned int i;

	if (q->concurrent)
		quarry_full_fence();
	for (i = 0; i < q->slabs->nr_cpus; i++) {
		uint64_t word = quarry_load_acquire(&q->slabs->cpu[i].rcu_word);

		if (word != 0 && word / 2 != rcu->epoch)
			return false;
	}
	quarry_store_relaxed(&rcu->epoch, rcu->epoch + 1);
	g = &rcu->generation[bits_mod64(rcu->epoch + 1, RCU_GENERATIONS)]; /* of epoch - 2 */
	*done = *g;
	*g = (struct slab_rcu_generation){.calls_end = &g->calls};
	rcu->running++;
	return true;
}

static void rcu_finish(struct quarry *q, struct slab_rcu_generation *g)
{
	struct slab_rcu_batch *b;
	struct quarry_rcu_head *head;
	size_t i;

	while ((b = g->batches) != NULL) {
		g->batches = b->next;
		for (i = 0; i < b->n; i++)
			quarry_kvfree(q, b->block[i]);
		slab_side_free(q, b);
	}
	while ((head = g->blocks) != NULL) {
		g->blocks = head->next;
		quarry_kvfree(q, head->block);
	}
	slab_release_deferred(q, g->slabs);
	while ((head = g->calls) != NULL) {
		g->calls = head->next;
		head->func(head);
	}
}

bool quarry_rcu_run(struct quarry *q)
{
	struct slab_rcu *rcu = q->slabs->rcu;
	struct slab_rcu_generation done;
	bool advanced;
	quarry_pin_t pin;

	pin = quarry_lock(q->concurrent, &rcu->lock);
	advanced = rcu_advance_locked(q, rcu, &done);
	quarry_unlock(q->concurrent, &rcu->lock, pin);
	if (!advanced)
		return false;
	rcu_finish(q, &done);
	pin = quarry_lock(q->concurrent, &rcu->lock);
	rcu->running--;
	quarry_unlock(q->concurrent, &rcu->lock, pin);
	return true;
}

/* Waits until the epoch is two further, and, with @all, nothing is being given back. */
static int rcu_wait(struct quarry *q, bool all)
{
	struct slab_rcu *rcu = q->slabs->rcu;
	quarry_pin_t pin = quarry_lock(q->concurrent, &rcu->lock);
	uint64_t until = rcu->epoch + 2, epoch = rcu->epoch;
	bool inside = slab_this_cpu_hot(q->slabs)->rcu_nest != 0, busy = true;

	quarry_unlock(q->concurrent, &rcu->lock, pin);
	if (inside)
		return -QUARRY_EBUSY;
	while (epoch < until || (all && busy)) {
		if (epoch < until && !quarry_rcu_run(q)) {
			if (!q->concurrent)
				return -QUARRY_EBUSY;
			quarry_relax();
		}
		pin = quarry_lock(q->concurrent, &rcu->lock);
		epoch = rcu->epoch;
		busy = rcu->running != 0;
		quarry_unlock(q->concurrent, &rcu->lock, pin);
		if (epoch >= until && all && busy)
			quarry_relax();
	}
	return 0;
}

int quarry_synchronize_rcu(struct quarry *q)
{
	return rcu_wait(q, false);
}

int quarry_rcu_barrier(struct quarry *q)
{
	return rcu_wait(q, true);
}
