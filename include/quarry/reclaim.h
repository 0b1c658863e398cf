/* SPDX-License-Identifier: MIT */
/*
 * Memory pressure: who gives memory back, and who asks for it.
 *
 *	request below low  -> port.wake(node) -> quarry_kswapd_run(): frees until all zones are above high
 *	request below min  -> direct reclaim, in the caller's own time
 *	                      both ask port.reclaim (pages that the host can give up) and the shrinkers
 *	nothing helped     -> port.oom
 *
 * A task is a flow of control that may wait. The port says which one runs (port.task); without it each
 * CPU is one task.
 */
#ifndef QUARRY_RECLAIM_H
#define QUARRY_RECLAIM_H

#include <quarry/mmzone.h>
#include <quarry/types.h>

/* ---- tasks and scopes ---- */

/* What a task's requests are changed by; see the scopes below. */
#define QUARRY_TASK_MEMALLOC 1u    /* is reclaiming: may use all reserves, reclaims no further */
#define QUARRY_TASK_NOIO 2u        /* requests lose __GFP_IO and __GFP_FS */
#define QUARRY_TASK_NOFS 4u        /* requests lose __GFP_FS */
#define QUARRY_TASK_PIN 8u         /* requests lose __GFP_MOVABLE: pages are about to be pinned */
#define QUARRY_TASK_OOM_VICTIM 16u /* is being ended to free memory: half of the min reserve */

/* Kept by the host for each of its tasks, zero at first. */
struct quarry_task {
	uint32_t flags;
};

/**
 * quarry_memalloc_save() - open a scope: this task's requests are changed by @flags from here on
 * @q:	   memory system, booted
 * @flags: QUARRY_TASK_*; may be set already
 *
 * Scopes nest; close them in reverse. Linux: memalloc_noio_save(), memalloc_nofs_save(),
 * memalloc_noreclaim_save(), memalloc_pin_save().
 * Context: task. Return: what quarry_memalloc_restore() needs; 0 and nothing changed in interrupt
 * context (port.task gave NULL).
 */
QUARRY_MUST_CHECK uint32_t quarry_memalloc_save(struct quarry *q, uint32_t flags);

/** quarry_memalloc_restore() - close the scope of @q in which @flags were set; @saved is what
 * quarry_memalloc_save() returned. Context: the same task. */
void quarry_memalloc_restore(struct quarry *q, uint32_t flags, uint32_t saved);

/** quarry_gfp_context() - @gfp as the scopes of the running task of @q leave it (Linux:
 * current_gfp_context()). Context: any, booted. */
gfp_t quarry_gfp_context(struct quarry *q, gfp_t gfp);

/* ---- shrinkers ---- */

/* What a shrinker is asked for. */
struct quarry_shrink_control {
	gfp_t gfp;                /* what the request that waits may do: no IO, no FS */
	int nid;                  /* node; 0 for shrinkers that are not node aware */
	unsigned long nr_to_scan; /* objects to look at in this call */
	unsigned long nr_scanned; /* how many it did look at; preset to nr_to_scan */
};

#define QUARRY_SHRINK_STOP (~0ul)      /* scan_objects: cannot make progress now */
#define QUARRY_SHRINK_EMPTY (~0ul - 1) /* count_objects: there is nothing at all */
#define QUARRY_DEFAULT_SEEKS 2         /* cost of making an object anew, in disk seeks */
#define QUARRY_SHRINKER_NUMA_AWARE 1u  /* is asked node by node */

/**
 * struct quarry_shrinker - a cache that can give objects back (Linux: struct shrinker)
 * @count_objects: how many objects could be freed; 0 or QUARRY_SHRINK_EMPTY: none
 * @scan_objects:  frees some of up to sc->nr_to_scan objects; returns how many it freed, or
 *		   QUARRY_SHRINK_STOP
 * @batch:	   objects a call; 0: 128
 * @seeks:	   QUARRY_DEFAULT_SEEKS, or 0 for objects that cost nothing to make again
 * @flags:	   QUARRY_SHRINKER_*
 * @name:	   for reports
 * @ctx:	   the owner's
 * @deferred:	   the owner's, of QUARRY_MAX_NODES numbers or as many as there are nodes, for a shrinker that is asked
 *		   node by node: what was too little for a batch, of each node. NULL: one number for all nodes
 *
 * Both calls may allocate; such requests use the reserves and do not reclaim. They must not register
 * or unregister shrinkers. The rest is Quarry's.
 */
struct quarry_shrinker {
	unsigned long (*count_objects)(struct quarry_shrinker *s, struct quarry_shrink_control *sc);
	unsigned long (*scan_objects)(struct quarry_shrinker *s, struct quarry_shrink_control *sc);
	unsigned long batch;
	unsigned int seeks;
	unsigned int flags;
	const char *name;
	void *ctx;
	unsigned long *deferred;
	unsigned long deferred_all; /* if there is no deferred */
	struct quarry_shrinker *next;
	uint32_t users;
	bool dead;
};

/**
 * quarry_register_shrinker() - let memory pressure reach @shrinker
 * @q:	      memory system, booted
 * @shrinker: the caller's, in use until it is unregistered
 *
 * Context: task. Return: 0; -QUARRY_EINVAL: a callback is missing; -QUARRY_EEXIST: it is registered
 * already; nothing changed then.
 */
QUARRY_MUST_CHECK int quarry_register_shrinker(struct quarry *q, struct quarry_shrinker *shrinker);

/** quarry_unregister_shrinker() - take @shrinker of @q out; when this returns it is not running and
 * will not be called again. One that is not registered is left alone. Context: task, not a shrinker's
 * call; waits for calls that are under way. */
void quarry_unregister_shrinker(struct quarry *q, struct quarry_shrinker *shrinker);

/** quarry_drop_slab() - ask all shrinkers of @q, on all nodes, to free what they can, until a pass
 * frees little (Linux: drop_caches = 2). Context: task. Returns objects freed. */
unsigned long quarry_drop_slab(struct quarry *q);

/* ---- reclaim ---- */

/**
 * quarry_kswapd_run() - one run of the background reclaimer of node @nid of @q
 * @q:	 memory system, booted
 * @nid: node
 *
 * Does what requests have asked for since the last run (port.wake told of it): reclaims until a zone
 * that they may use is above its high watermark for the order they wanted, gives watermark boosts back,
 * and wakes compaction. Gives up after 16 runs in a row that freed nothing, until something is freed.
 * Call it from a thread of the node's own, or from any place where the host can wait.
 * Context: task, one call a node at a time. O(zones) when there is nothing to do.
 * Return: pages reclaimed.
 */
unsigned long quarry_kswapd_run(struct quarry *q, int nid);

/** quarry_kswapd_wanted() - whether a request has asked for a run of node @nid of @q since the last
 * one. Context: any. */
bool quarry_kswapd_wanted(struct quarry *q, int nid);

/**
 * quarry_try_to_free_pages() - reclaim for a request, as direct reclaim does
 * @q:	   memory system, booted
 * @nid:   node, nearest nodes first
 * @gfp:   what may be done: without __GFP_DIRECT_RECLAIM nothing is
 * @order: of the request; above QUARRY_MAX_ORDER nothing is done
 *
 * Twelve priorities, each asking harder, until 32 pages or 2^@order are freed.
 * Context: task. Return: pages reclaimed.
 */
unsigned long quarry_try_to_free_pages(struct quarry *q, int nid, gfp_t gfp, unsigned int order);

#endif
