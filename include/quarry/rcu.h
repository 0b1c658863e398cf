/* SPDX-License-Identifier: MIT */
/*
 * Readers without locks: memory that one of them may still look at is not given back before it has finished.
 *
 * For hosts that have nothing of the kind. A section lies between quarry_rcu_read_lock() and
 * quarry_rcu_read_unlock() on one CPU; a grace period is over when every section that had begun is. Nothing
 * runs by itself: the host calls quarry_rcu_run() from time to time.
 */
#ifndef QUARRY_RCU_H
#define QUARRY_RCU_H

#include <quarry/types.h>

/* Lies in the object that is to go. */
struct quarry_rcu_head {
	struct quarry_rcu_head *next;
	union {
		void (*func)(struct quarry_rcu_head *head);
		void *block;
	};
};

/** quarry_rcu_read_lock() - begin a section on this CPU of @q; sections nest. Its thread stays on the CPU
 * until its end. Context: any, at QUARRY_STAGE_SLAB. Cost: a fence on concurrent machines. */
void quarry_rcu_read_lock(struct quarry *q);

/** quarry_rcu_read_unlock() - end the section that was begun last on this CPU of @q. Context: any. */
void quarry_rcu_read_unlock(struct quarry *q);

/** quarry_call_rcu() - have @func called with @head after a grace period, from quarry_rcu_run() of @q or
 * a call that waits. Context: any. */
void quarry_call_rcu(struct quarry *q, struct quarry_rcu_head *head,
		     void (*func)(struct quarry_rcu_head *head));

/**
 * quarry_kvfree_rcu() - quarry_kvfree() a block after a grace period
 * @q:	  memory system
 * @p:	  block; NULL does nothing
 * @head: in the block, for when there is no memory for a batch; NULL: then this call waits
 *
 * Blocks are gathered in batches of 62 pointers, each given back by one step.
 * Context: any with @head; else task, not in a section.
 * Return: 0; -QUARRY_EBUSY: without @head, there was no memory and no way to wait (see
 * quarry_synchronize_rcu()): @p is still the caller's.
 */
QUARRY_MUST_CHECK int quarry_kvfree_rcu(struct quarry *q, void *p, struct quarry_rcu_head *head);

/**
 * quarry_rcu_run() - end a grace period if no section stands against it, and do what waited for it
 * @q: memory system, at QUARRY_STAGE_SLAB
 *
 * Two calls that succeed, with nothing between them, do all that was asked for before.
 * Context: task, any number at once; not in a section. Callbacks may call anything but quarry_rcu_barrier() and
 * quarry_synchronize_rcu().
 * Return: true; false: a section that has begun before the last grace period is still open, nothing was done.
 */
bool quarry_rcu_run(struct quarry *q);

/** quarry_synchronize_rcu() - wait until all sections of @q that have begun by now have ended. Context: task, not
 * in a section. Return: 0; -QUARRY_EBUSY: this CPU is in a section, or one thread plays all CPUs and another
 * one is: waiting would not end. */
QUARRY_MUST_CHECK int quarry_synchronize_rcu(struct quarry *q);

/** quarry_rcu_barrier() - wait until all callbacks that were asked for on @q by now have returned, and all
 * blocks and slabs are given back. As quarry_synchronize_rcu(), which see. */
QUARRY_MUST_CHECK int quarry_rcu_barrier(struct quarry *q);

#endif
