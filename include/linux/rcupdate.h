/* SPDX-License-Identifier: MIT */
/* Readers without locks, as far as memory goes: quarry/rcu.h. The host calls quarry_rcu_run(). */
#ifndef _QUARRY_LINUX_RCUPDATE_H
#define _QUARRY_LINUX_RCUPDATE_H

#include <linux/slab.h>

#include <stddef.h>

#define rcu_head quarry_rcu_head
typedef void (*rcu_callback_t)(struct rcu_head *head);

#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)

static inline void rcu_read_lock(void)
{
	quarry_rcu_read_lock(quarry_linux());
}

static inline void rcu_read_unlock(void)
{
	quarry_rcu_read_unlock(quarry_linux());
}

static inline void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
	quarry_call_rcu(quarry_linux(), head, func);
}

/* Where waiting would not end, these two return at once: see quarry_synchronize_rcu(). */
static inline void synchronize_rcu(void)
{
	int err = quarry_synchronize_rcu(quarry_linux());

	(void)err;
}

static inline void rcu_barrier(void)
{
	int err = quarry_rcu_barrier(quarry_linux());

	(void)err;
}

static inline void kvfree_call_rcu(struct rcu_head *head, void *ptr)
{
	int err = quarry_kvfree_rcu(quarry_linux(), ptr, head);

	(void)err;
}

#define kvfree_rcu(ptr, field)                                 \
	do {                                                   \
		if ((ptr) != NULL)                             \
			kvfree_call_rcu(&(ptr)->field, (ptr)); \
	} while (0)
#define kfree_rcu(ptr, field) kvfree_rcu(ptr, field)
#define kvfree_rcu_mightsleep(ptr) kvfree_call_rcu(NULL, (ptr))
#define kfree_rcu_mightsleep(ptr) kvfree_call_rcu(NULL, (ptr))

#endif
