/* SPDX-License-Identifier: MIT */
/*
 * The lock: test and test-and-set, with the CPU pinned. Unfair on purpose: a queue of virtual CPUs
 * stands still whenever the one at its head is not running.
 *
 * A machine that one thread plays (port.concurrent false) pays a plain store.
 */
#ifndef QUARRY_BASE_LOCK_H
#define QUARRY_BASE_LOCK_H

#include <quarry_host.h>

#include <base/compiler.h>

struct quarry_lock {
	uint32_t held;
};

/* Returns what quarry_unlock() needs to unpin. */
static inline quarry_pin_t quarry_lock(bool concurrent, struct quarry_lock *lock)
{
	quarry_pin_t pin = quarry_pin();

	if (!concurrent) {
		QUARRY_ASSERT(lock->held == 0);
		lock->held = 1;
		return pin;
	}
	while (quarry_exchange_acquire(&lock->held, 1u) != 0) {
		while (quarry_load_relaxed(&lock->held) != 0)
			quarry_relax();
	}
	return pin;
}

static inline void quarry_unlock(bool concurrent, struct quarry_lock *lock, quarry_pin_t pin)
{
	if (!concurrent)
		lock->held = 0;
	else
		quarry_store_release(&lock->held, 0u);
	quarry_unpin(pin);
}

#endif
