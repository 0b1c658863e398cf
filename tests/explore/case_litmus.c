/* SPDX-License-Identifier: MIT */
/*
 * The explorer itself: small programs of which the outcome is known. Each has a twin without fault, or counts
 * in how many ways it can end.
 */
#include "explore.h"

#include <string.h>

#include <base/lock.h>
#include <quarry_host.h>

#include "cases.h"

static struct litmus {
	uint32_t x, y, z;
	uint64_t data;
	uint32_t r[8];
	struct quarry_lock lock, other;
} * l;

static void setup(unsigned int arg)
{
	(void)arg;
	l = explore_alloc(sizeof(*l), 64);
	quarry_lock_init(&l->lock, QUARRY_LOCK_UNRANKED);
	quarry_lock_init(&l->other, QUARRY_LOCK_UNRANKED);
}

/* Store buffering: without fences both may read 0. */
static void sb0(void)
{
	quarry_store_relaxed(&l->x, 1u);
	l->r[0] = quarry_load_relaxed(&l->y);
}

static void sb1(void)
{
	quarry_store_relaxed(&l->y, 1u);
	l->r[1] = quarry_load_relaxed(&l->x);
}

static void sb_fenced0(void)
{
	quarry_store_relaxed(&l->x, 1u);
	quarry_full_fence();
	l->r[0] = quarry_load_relaxed(&l->y);
}

static void sb_fenced1(void)
{
	quarry_store_relaxed(&l->y, 1u);
	quarry_full_fence();
	l->r[1] = quarry_load_relaxed(&l->x);
}

static void sb_barrier1(void)
{
	quarry_store_relaxed(&l->y, 1u);
	explore_barrier_cpus(NULL);
	l->r[1] = quarry_load_relaxed(&l->x);
}

static void sb_check(void)
{
	EXPLORE_CHECK(l->r[0] == 1 || l->r[1] == 1);
}

/* Message passing: the flag without release, or without acquire, does not carry the data. */
static void mp_write(void)
{
	l->data = 1;
	quarry_store_release(&l->x, 1u);
}

static void mp_write_relaxed(void)
{
	l->data = 1;
	quarry_store_relaxed(&l->x, 1u);
}

static void mp_read(void)
{
	if (quarry_load_acquire(&l->x) == 1)
		l->r[0] = (uint32_t)l->data + 1;
}

static void mp_read_relaxed(void)
{
	if (quarry_load_relaxed(&l->x) == 1)
		l->r[0] = (uint32_t)l->data + 1;
}

static void mp_check(void)
{
	EXPLORE_CHECK(l->r[0] != 1);
}

/* The same with atomic data and fences. */
static void mpf_write(void)
{
	quarry_store_relaxed(&l->y, 1u);
	quarry_full_fence();
	quarry_store_relaxed(&l->x, 1u);
}

static void mpf_read(void)
{
	if (quarry_load_relaxed(&l->x) == 1) {
		quarry_full_fence();
		l->r[0] = quarry_load_relaxed(&l->y) + 1;
	}
}

static void mpf_read_bare(void)
{
	if (quarry_load_relaxed(&l->x) == 1)
		l->r[0] = quarry_load_relaxed(&l->y) + 1;
}

/* A release handed on by a read-modify-write in between. */
static void chain_between(void)
{
	quarry_fetch_add_relaxed(&l->x, 1u);
}

static void chain_read(void)
{
	if (quarry_load_acquire(&l->x) == 2)
		l->r[0] = (uint32_t)l->data + 1;
}

/* One place: nobody reads backwards. */
static void coherence_write(void)
{
	quarry_store_relaxed(&l->x, 1u);
	quarry_store_relaxed(&l->x, 2u);
}

static void coherence_read(void)
{
	l->r[0] = quarry_load_relaxed(&l->x);
	l->r[1] = quarry_load_relaxed(&l->x);
}

static void coherence_check(void)
{
	EXPLORE_CHECK(l->r[0] <= l->r[1]);
}

/* Independent reads of independent writes: two readers may disagree; with fences they may not. */
static void iriw_write_x(void)
{
	quarry_store_relaxed(&l->x, 1u);
	quarry_store_relaxed(&l->z, 1u);
}

static void iriw_read_both(void)
{
	l->r[0] = quarry_load_relaxed(&l->x);
	quarry_full_fence();
	l->r[1] = quarry_load_relaxed(&l->y);
}

static void iriw_write_read(void)
{
	quarry_store_relaxed(&l->y, 1u);
	quarry_full_fence();
	l->r[2] = quarry_load_relaxed(&l->x);
}

static void iriw_check(void)
{
	EXPLORE_CHECK(!(l->r[0] == 1 && l->r[1] == 0 && l->r[2] == 0));
}

/* A lock, and one that is let go of too early. */
static void locked(void)
{
	quarry_pin_t pin = quarry_lock(true, &l->lock);

	l->data++;
	quarry_unlock(true, &l->lock, pin);
}

static void unlocked_early(void)
{
	quarry_pin_t pin = quarry_lock(true, &l->lock);
	uint64_t was = l->data;

	quarry_unlock(true, &l->lock, pin);
	l->data = was + 1;
}

static void tried(void)
{
	quarry_pin_t pin = quarry_pin();

	if (quarry_trylock_pinned(true, &l->lock)) {
		l->data++;
		quarry_unlock(true, &l->lock, pin);
	} else {
		quarry_unpin(pin);
		l->r[explore_self()] = 1;
	}
}

static void tried_check(void)
{
	EXPLORE_CHECK(l->data + l->r[0] + l->r[1] + l->r[2] == 3);
}

static void three_check(void)
{
	EXPLORE_CHECK(l->data == 3);
}

/* Two locks in two orders. */
static void lock_both(struct quarry_lock *a, struct quarry_lock *b)
{
	quarry_pin_t outer = quarry_lock(true, a), inner = quarry_lock(true, b);

	l->data++;
	quarry_unlock(true, b, inner);
	quarry_unlock(true, a, outer);
}

static void lock_this_way(void)
{
	lock_both(&l->lock, &l->other);
}

static void lock_that_way(void)
{
	lock_both(&l->other, &l->lock);
}

/* An update lost between load and store, and one that is not. */
static void add_slowly(void)
{
	quarry_store_relaxed(&l->x, quarry_load_relaxed(&l->x) + 1);
}

static void add_at_once(void)
{
	quarry_fetch_add_relaxed(&l->x, 1u);
}

static void add_by_exchange(void)
{
	uint32_t was = quarry_load_relaxed(&l->x);

	while (!quarry_cmpxchg(&l->x, &was, was + 1))
		;
}

static void add_check2(void)
{
	EXPLORE_CHECK(l->x == 2);
}

static void add_check3(void)
{
	EXPLORE_CHECK(l->x == 3);
}

/* Made once: looked at, made, published without looking again. */
static void make_unchecked(void)
{
	if (quarry_load_acquire(&l->x) == 0) {
		quarry_pin_t pin = quarry_lock(true, &l->lock);

		l->data++;
		quarry_store_release(&l->x, 1u);
		quarry_unlock(true, &l->lock, pin);
	}
}

static void make_checked(void)
{
	if (quarry_load_acquire(&l->x) == 0) {
		quarry_pin_t pin = quarry_lock(true, &l->lock);

		if (quarry_load_relaxed(&l->x) == 0) {
			l->data++;
			quarry_store_release(&l->x, 1u);
		}
		quarry_unlock(true, &l->lock, pin);
	}
}

static void make_check(void)
{
	EXPLORE_CHECK(l->data == 1);
}

/* Waits for a flag that is set, or forgotten. */
static void flag_wait(void)
{
	while (quarry_load_acquire(&l->x) == 0)
		quarry_relax();
	l->r[0] = (uint32_t)l->data;
}

static void flag_forget(void)
{
	l->data = 1;
	if (quarry_load_relaxed(&l->y) != 0)
		quarry_store_release(&l->x, 1u);
}

static void flag_other(void)
{
	quarry_store_relaxed(&l->y, 1u);
}

static void flag_check(void)
{
	EXPLORE_CHECK(l->r[0] == 1);
}

/* An interrupt between load and store; pinned, it stays out. */
static void count_irq(void)
{
	l->data += 10;
	l->r[0] = 10;
}

static void count_open(void)
{
	uint64_t was = l->data;

	quarry_compiler_barrier();
	l->data = was + 1;
}

static void count_pinned(void)
{
	quarry_pin_t pin = quarry_pin();

	count_open();
	quarry_unpin(pin);
}

static void count_check(void)
{
	EXPLORE_CHECK(l->data == 1 + l->r[0]);
}

#define ALL                    \
	{                      \
		-1, -1, 100000 \
	}
#define LITMUS(name_, n, t0, t1, t2, check_, finds_)                                           \
	{                                                                                      \
		.name = "litmus_" name_, .place = "explorer", .nr_threads = n, .setup = setup, \
		.thread = {t0, t1, t2}, .check = check_, .quick = ALL, .finds = finds_         \
	}

const struct explore_case cases_litmus[] = {
	LITMUS("store_buffering", 2, sb0, sb1, NULL, sb_check, "sb_check"),
	LITMUS("store_buffering_fenced", 2, sb_fenced0, sb_fenced1, NULL, sb_check, NULL),
	LITMUS("store_buffering_one_fence", 2, sb_fenced0, sb1, NULL, sb_check, "sb_check"),
	LITMUS("store_buffering_barrier", 2, sb0, sb_barrier1, NULL, sb_check, NULL),
	LITMUS("message", 2, mp_write, mp_read, NULL, mp_check, NULL),
	LITMUS("message_no_release", 2, mp_write_relaxed, mp_read, NULL, mp_check, "data race"),
	LITMUS("message_no_acquire", 2, mp_write, mp_read_relaxed, NULL, mp_check, "data race"),
	LITMUS("message_fences", 2, mpf_write, mpf_read, NULL, mp_check, NULL),
	LITMUS("message_half_fenced", 2, mpf_write, mpf_read_bare, NULL, mp_check, "mp_check"),
	LITMUS("release_sequence", 3, mp_write, chain_between, chain_read, mp_check, NULL),
	LITMUS("release_sequence_none", 3, mp_write_relaxed, chain_between, chain_read, mp_check,
	       "data race"),
	LITMUS("coherence", 2, coherence_write, coherence_read, NULL, coherence_check, NULL),
	LITMUS("iriw", 3, iriw_write_x, iriw_read_both, iriw_write_read, iriw_check, NULL),
	LITMUS("lock", 3, locked, locked, locked, three_check, NULL),
	LITMUS("lock_early", 2, locked, unlocked_early, NULL, NULL, "data race"),
	LITMUS("trylock", 3, tried, tried, tried, tried_check, NULL),
	LITMUS("lock_order", 2, lock_this_way, lock_that_way, NULL, NULL, "deadlock"),
	LITMUS("add_slowly", 2, add_slowly, add_slowly, NULL, add_check2, "add_check2"),
	LITMUS("add_at_once", 3, add_at_once, add_by_exchange, add_by_exchange, add_check3, NULL),
	LITMUS("make_once", 3, make_checked, make_checked, make_checked, make_check, NULL),
	LITMUS("make_twice", 2, make_unchecked, make_unchecked, NULL, make_check, "make_check"),
	LITMUS("flag", 2, flag_wait, mp_write, NULL, flag_check, NULL),
	LITMUS("flag_lost", 3, flag_wait, flag_forget, flag_other, flag_check, "deadlock"),
	{.name = "litmus_irq",
	 .place = "explorer",
	 .nr_threads = 1,
	 .setup = setup,
	 .thread = {count_open},
	 .irq = count_irq,
	 .check = count_check,
	 .quick = ALL,
	 .finds = "count_check"},
	{.name = "litmus_irq_pinned",
	 .place = "explorer",
	 .nr_threads = 1,
	 .setup = setup,
	 .thread = {count_pinned},
	 .irq = count_irq,
	 .check = count_check,
	 .quick = ALL},
	{.name = "litmus_nmi",
	 .place = "explorer",
	 .nr_threads = 1,
	 .setup = setup,
	 .thread = {count_pinned},
	 .irq = count_irq,
	 .nmi = true,
	 .check = count_check,
	 .quick = ALL,
	 .finds = "count_check"},
	{.name = NULL},
};
