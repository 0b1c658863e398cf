/* SPDX-License-Identifier: MIT */
/* Everything that depends on the compiler: attributes, hints, ordered atomics, checks. */
#ifndef QUARRY_BASE_COMPILER_H
#define QUARRY_BASE_COMPILER_H

#include <quarry/types.h>

#include <base/names.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define QUARRY_NOINLINE __attribute__((noinline))
#define QUARRY_COLD __attribute__((noinline, cold))
#define QUARRY_ALWAYS_INLINE inline __attribute__((always_inline))
#define QUARRY_ALIGNED(n) __attribute__((aligned(n)))
#define QUARRY_UNUSED __attribute__((unused))

/*
 * Who holds what, as clang's -Wthread-safety checks it: `make check` compiles all of src/ so. @lock is written as
 * an lvalue, with the function's parameters: QUARRY_REQUIRES(a->lock). They stand behind a declaration or a
 * definition's parameters. Fields have none: in C, clang cannot name a lock in the same structure.
 */
#ifdef QUARRY_THREAD_SAFETY
#define QUARRY_TS(x) __attribute__((x))
#else
#define QUARRY_TS(x)
#endif
#define QUARRY_CAPABILITY(name) QUARRY_TS(capability(name))
#define QUARRY_REQUIRES(lock) QUARRY_TS(requires_capability(lock))
#define QUARRY_ACQUIRES(lock) QUARRY_TS(acquire_capability(lock))
#define QUARRY_RELEASES(lock) QUARRY_TS(release_capability(lock))
/* Holds @lock if the function returns something other than 0. */
#define QUARRY_TRY_ACQUIRES(lock) QUARRY_TS(try_acquire_capability(1, lock))
/* The analysis is told, where it cannot see it. A reason stands at each. */
#define QUARRY_ASSERT_HELD(lock) QUARRY_TS(assert_capability(lock))
/* A body that is not looked at, with a reason at each. */
#define QUARRY_NO_THREAD_SAFETY QUARRY_TS(no_thread_safety_analysis)

/* To which the function returns that this stands in. */
#define QUARRY_RETURN_ADDRESS() __builtin_return_address(0)

#define QUARRY_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* A function that does nothing else is always inline: gcc leaves out a call that is of no consequence. */
#define quarry_prefetch(p) __builtin_prefetch(p)
#define quarry_prefetch_write(p) __builtin_prefetch(p, 1)

#define QUARRY_CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* The compiler may count on it. */
#define QUARRY_ASSUME(x)                         \
	do {                                     \
		if (!(x))                        \
			__builtin_unreachable(); \
	} while (0)

#define quarry_min(a, b) ((a) < (b) ? (a) : (b))
#define quarry_max(a, b) ((a) > (b) ? (a) : (b))

/* Atomics by their ordering; on a machine of one CPU, whose lock is the pin, plain accesses. */
#if QUARRY_TINY
#define quarry_load_relaxed(p) (*(p))
#define quarry_load_acquire(p) (*(p))
#define quarry_store_relaxed(p, v) ((void)(*(p) = (v)))
#define quarry_store_release(p, v) ((void)(*(p) = (v)))
#define quarry_fetch_add_relaxed(p, v)                 \
	__extension__({                                \
		__typeof__(*(p)) quarry_was = *(p);    \
		*(p) = (__typeof__(*(p)))(*(p) + (v)); \
		quarry_was;                            \
	})
#define quarry_fetch_or_relaxed(p, v) ((void)(*(p) |= (v)))
#define quarry_fetch_and_relaxed(p, v) ((void)(*(p) &= (v)))
#else
#define quarry_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define quarry_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define quarry_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define quarry_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define quarry_fetch_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define quarry_fetch_or_relaxed(p, v) __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define quarry_fetch_and_relaxed(p, v) __atomic_fetch_and((p), (v), __ATOMIC_RELAXED)
#endif
#define quarry_exchange_acquire(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
/* The compiler keeps what stands before it before it. */
#define quarry_compiler_barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)
/* The CPU too, stores before loads included. Not an __atomic builtin: ThreadSanitizer knows none. */
#define quarry_full_fence() __sync_synchronize()
#define quarry_cmpxchg(p, expected, v) \
	__atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

#define quarry_add_overflows(a, b, r) __builtin_add_overflow((a), (b), (r))
#define quarry_mul_overflows(a, b, r) __builtin_mul_overflow((a), (b), (r))

/* A contract: checked in debug builds, compiled always. */
#if QUARRY_DEBUG
#define QUARRY_ASSERT(x)                  \
	do {                              \
		if (unlikely(!(x)))       \
			__builtin_trap(); \
	} while (0)
#else
#define QUARRY_ASSERT(x) ((void)sizeof((x) ? 1 : 0))
#endif

#endif
