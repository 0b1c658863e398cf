/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_MUTEX_H
#define _QUARRY_LINUX_MUTEX_H

#include <linux/spinlock.h>

/* As a spinlock: nobody sleeps here. */
struct mutex {
	spinlock_t lock;
};

#define __MUTEX_INITIALIZER(name)                          \
	{                                                  \
		.lock = __SPIN_LOCK_UNLOCKED((name).lock), \
	}
#define DEFINE_MUTEX(name) struct mutex name = __MUTEX_INITIALIZER(name)
#define mutex_init(m) spin_lock_init(&(m)->lock)
#define mutex_lock(m) spin_lock(&(m)->lock)
#define mutex_trylock(m) spin_trylock(&(m)->lock)
#define mutex_unlock(m) spin_unlock(&(m)->lock)

#endif
