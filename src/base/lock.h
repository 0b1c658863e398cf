/* SPDX-License-Identifier: MIT */
/*
 * Locks, and the order in which they are taken. lock.c has the theory of the second kind.
 *
 * struct quarry_lock      test and test-and-set, with the CPU pinned. Unfair on purpose: a queue of
 *                         virtual CPUs stands still whenever the one at its head is not running.
 * struct quarry_cpu_lock  guards what belongs to one CPU. Its owner pays no atomic read-modify-write;
 *                         others, who come rarely, pay for all.
 *
 * A machine that one thread plays (port.concurrent false) pays plain stores; with QUARRY_TINY the pin is the lock.
 */
#ifndef QUARRY_BASE_LOCK_H
#define QUARRY_BASE_LOCK_H

#include <quarry_host.h>

#include <base/compiler.h>

struct quarry;

/*
 * The order: who holds a lock may wait only for one further down, of which it holds none. Checked in
 * debug builds, if the host has quarry_locks_held(). A trylock does not wait, so it may come anywhere.
 */
enum quarry_lock_rank {
	QUARRY_LOCK_NOT_MADE, /* quarry_lock_init() was forgotten: refused in debug builds */
	QUARRY_LOCK_OUTER,    /* registries of caches, shrinkers, owners */
	QUARRY_LOCK_NODE,     /* a cache's slabs on one node */
	QUARRY_LOCK_STORE,    /* the store of slab records */
	QUARRY_LOCK_REMOTE,   /* who wants to work on another CPU's own */
	QUARRY_LOCK_CPU,      /* a CPU's own, by itself or by a remote */
	QUARRY_LOCK_ARENA,
	QUARRY_LOCK_LEAF, /* nothing is called under it */
	QUARRY_LOCK_RANKS,
	QUARRY_LOCK_UNRANKED = QUARRY_LOCK_RANKS /* not checked; none of the library's */
};

struct QUARRY_CAPABILITY("lock") quarry_lock {
	uint32_t held;
	uint32_t rank; /* enum quarry_lock_rank */
};

struct QUARRY_CAPABILITY("CPU's own") quarry_cpu_lock {
	uint32_t busy; /* the owner is inside; on machines that one thread plays, somebody is */
	uint32_t gate; /* 0: the owner may go in. LOCK_GATE_*; written under remote */
	struct quarry_lock remote;
};

#define LOCK_GATE_SHUT 1u   /* a remote is inside, or waits for the owner to come out */
#define LOCK_GATE_FENCED 2u /* no barrier_cpus(): the owner fences */
#define LOCK_GATE_SLOW \
	4u /* quarry_cpu_enter_common() fails: something is to be done by the long way */

#if QUARRY_DEBUG && defined(QUARRY_HOST_HAS_LOCKS_HELD)
/* Four bits for each rank: how many are held. Counts, so that what a signal handler does nests. */
static inline void lock_order_add(unsigned int rank, bool waits)
{
	uint64_t *held = quarry_locks_held();

	QUARRY_ASSERT(rank != QUARRY_LOCK_NOT_MADE);
	if (rank == QUARRY_LOCK_UNRANKED)
		return;
	QUARRY_ASSERT(!waits || *held >> (4 * rank) == 0);
	*held += (uint64_t)1 << (4 * rank);
}

static inline void lock_order_remove(unsigned int rank)
{
	uint64_t *held = quarry_locks_held();

	if (rank == QUARRY_LOCK_UNRANKED)
		return;
	QUARRY_ASSERT((*held >> (4 * rank) & 15u) != 0);
	*held -= (uint64_t)1 << (4 * rank);
}
#else
static inline void lock_order_add(unsigned int rank, bool waits)
{
	(void)rank;
	(void)waits;
}

static inline void lock_order_remove(unsigned int rank)
{
	(void)rank;
}
#endif

static inline void quarry_lock_init(struct quarry_lock *lock, enum quarry_lock_rank rank)
{
	lock->held = 0;
	lock->rank = rank;
}

/* Takes @lock if it is free. Never waits: any context. The CPU is pinned by the caller. */
static inline bool quarry_trylock_pinned(bool concurrent, struct quarry_lock *lock)
	QUARRY_TRY_ACQUIRES(*lock) QUARRY_NO_THREAD_SAFETY
{
	if (quarry_load_relaxed(&lock->held) != 0)
		return false;
	if (!concurrent)
		quarry_store_relaxed(&lock->held, 1u);
	else if (quarry_exchange_acquire(&lock->held, 1u) != 0)
		return false;
	quarry_compiler_barrier();
	lock_order_add(lock->rank, false);
	return true;
}

/* Returns what quarry_unlock() needs to unpin. */
static inline quarry_pin_t quarry_lock(bool concurrent, struct quarry_lock *lock)
	QUARRY_ACQUIRES(*lock) QUARRY_NO_THREAD_SAFETY
{
	quarry_pin_t pin = quarry_pin();

	lock_order_add(lock->rank, true);
	if (QUARRY_TINY)
		return pin;
	if (!concurrent) {
		QUARRY_ASSERT(lock->held == 0);
		quarry_store_relaxed(&lock->held, 1u);
		quarry_compiler_barrier();
		return pin;
	}
	while (quarry_exchange_acquire(&lock->held, 1u) != 0) {
		while (quarry_load_relaxed(&lock->held) != 0)
			quarry_relax();
	}
	return pin;
}

static inline void quarry_unlock(bool concurrent, struct quarry_lock *lock, quarry_pin_t pin)
	QUARRY_RELEASES(*lock) QUARRY_NO_THREAD_SAFETY
{
	lock_order_remove(lock->rank);
	(void)concurrent;
	if (!QUARRY_TINY)
		quarry_store_release(&lock->held, 0u);
	quarry_unpin(pin);
}

/* ---- a CPU's own ---- */

/* @lock guards what is one CPU's; @q's port is known. */
void quarry_cpu_lock_init(const struct quarry *q, struct quarry_cpu_lock *lock);
/* The rest of going in, once busy is set and the gate was not open; @shut: what keeps the owner out. */
bool quarry_cpu_enter_gate(struct quarry_cpu_lock *lock, uint32_t shut);

/*
 * Whether somebody is inside, for the owner, who alone writes busy: it reads it without an atomic. Against 1, not
 * 0: compilers compare memory with 1 in one instruction, and load it first to test it for 0.
 */
static QUARRY_ALWAYS_INLINE bool lock_cpu_is_busy(const struct quarry_cpu_lock *lock)
{
	return lock->busy == 1;
}

/*
 * The owner goes in, pinned. False: it must do without what is guarded, as a remote works there, or as
 * this came in between (an interrupt, a signal) while the owner was inside. Never waits.
 */
static QUARRY_ALWAYS_INLINE bool lock_cpu_enter(struct quarry_cpu_lock *lock, uint32_t shut)
	QUARRY_TRY_ACQUIRES(*lock) QUARRY_NO_THREAD_SAFETY
{
	if (unlikely(lock_cpu_is_busy(lock)))
		return false;
	quarry_store_relaxed(&lock->busy, 1u);
	quarry_compiler_barrier();
	if (unlikely(quarry_load_acquire(&lock->gate) != 0) && !quarry_cpu_enter_gate(lock, shut))
		return false;
	lock_order_add(QUARRY_LOCK_CPU, false);
	return true;
}

static QUARRY_ALWAYS_INLINE bool quarry_cpu_enter(struct quarry_cpu_lock *lock)
	QUARRY_TRY_ACQUIRES(*lock) QUARRY_NO_THREAD_SAFETY
{
	return lock_cpu_enter(lock, LOCK_GATE_SHUT);
}

/* The same for the short way, which sees to nothing but the common case. */
static inline bool quarry_cpu_enter_common(struct quarry_cpu_lock *lock)
	QUARRY_TRY_ACQUIRES(*lock) QUARRY_NO_THREAD_SAFETY
{
	return lock_cpu_enter(lock, LOCK_GATE_SHUT | LOCK_GATE_SLOW);
}

/* The same without a call, which fails for any reason: then try that one. */
static QUARRY_ALWAYS_INLINE bool quarry_cpu_enter_open(struct quarry_cpu_lock *lock)
	QUARRY_TRY_ACQUIRES(*lock) QUARRY_NO_THREAD_SAFETY
{
	if (unlikely(lock_cpu_is_busy(lock)))
		return false;
	quarry_store_relaxed(&lock->busy, 1u);
	quarry_compiler_barrier();
	if (unlikely(quarry_load_acquire(&lock->gate) != 0)) {
		quarry_store_release(&lock->busy, 0u);
		return false;
	}
	lock_order_add(QUARRY_LOCK_CPU, false);
	return true;
}

static QUARRY_ALWAYS_INLINE void quarry_cpu_leave(struct quarry_cpu_lock *lock)
	QUARRY_RELEASES(*lock) QUARRY_NO_THREAD_SAFETY
{
	lock_order_remove(QUARRY_LOCK_CPU);
	quarry_store_release(&lock->busy, 0u);
}

/*
 * Anybody shuts the owner out, waits until it is out, and may then work on what is guarded, until
 * quarry_cpu_give_back(). Not from an interrupt, nor inside a CPU's own or under an arena's lock. False,
 * on machines that one thread plays: it came in between while somebody was inside.
 */
bool quarry_cpu_revoke(struct quarry *q, struct quarry_cpu_lock *lock, quarry_pin_t *pin)
	QUARRY_TRY_ACQUIRES(*lock);
void quarry_cpu_give_back(struct quarry *q, struct quarry_cpu_lock *lock, quarry_pin_t pin)
	QUARRY_RELEASES(*lock);

/* Inside by quarry_cpu_revoke(): the owner's short way is closed from now on, or open. */
static inline void quarry_cpu_set_slow(struct quarry_cpu_lock *lock, bool slow)
{
	uint32_t gate = quarry_load_relaxed(&lock->gate) & ~LOCK_GATE_SLOW;

	quarry_store_relaxed(&lock->gate, gate | (slow ? LOCK_GATE_SLOW : 0));
}

#endif
