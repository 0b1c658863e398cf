/* SPDX-License-Identifier: MIT */
/*
 * The lock on a CPU's own: owner and visitors are never inside together, with and without the host's
 * barrier; whoever comes in between sees it. And the order of locks, which debug builds check.
 */
#include <quarry/posix.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/lock.h>
#include <base/quarry_state.h>

#define VISITORS 2
#define VISITS 2000u

struct place {
	struct quarry *q;
	struct quarry_cpu_lock lock;
	unsigned long guarded, visits; /* plain: ThreadSanitizer must see the lock order them */
	unsigned long inside, outside; /* the owner's */
	atomic_uint visiting;
};

static struct quarry *new_system(bool concurrent, bool no_barrier)
{
	struct quarry_posix_options options = {.concurrent = concurrent, .no_barrier = no_barrier};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	return q;
}

static void *visitor_main(void *arg)
{
	struct place *p = arg;
	quarry_pin_t pin;

	for (unsigned int i = 0; i < VISITS; i++) {
		if (!quarry_cpu_revoke(p->q, &p->lock, &pin))
			abort();
		p->guarded++;
		p->visits++;
		quarry_cpu_give_back(p->q, &p->lock, pin);
	}
	atomic_fetch_sub(&p->visiting, 1);
	return NULL;
}

static void exclusion(bool no_barrier)
{
	struct place p = {.q = new_system(true, no_barrier)};
	pthread_t thread[VISITORS];

	quarry_cpu_lock_init(p.q, &p.lock);
	assert_int_equal(p.lock.gate, no_barrier ? LOCK_GATE_FENCED : 0);
	atomic_store(&p.visiting, VISITORS);
	for (unsigned int i = 0; i < VISITORS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, visitor_main, &p), 0);
	while (atomic_load(&p.visiting) != 0) {
		if (!quarry_cpu_enter(&p.lock)) {
			p.outside++;
			continue;
		}
		p.inside++;
		p.guarded++;
		quarry_cpu_leave(&p.lock);
	}
	for (unsigned int i = 0; i < VISITORS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(p.visits, VISITORS * VISITS);
	assert_int_equal(p.guarded, p.visits + p.inside);
	assert_true(quarry_cpu_enter(&p.lock));
	quarry_cpu_leave(&p.lock);
	quarry_posix_delete(p.q);
}

static void by_barrier(void **state)
{
	(void)state;
	exclusion(false);
}

static void by_fences(void **state)
{
	(void)state;
	exclusion(true);
}

static void re_entry_is_seen(void **state)
{
	struct quarry_cpu_lock lock;
	struct quarry *q = new_system(false, false);
	quarry_pin_t pin, other;
	uint64_t held;

	(void)state;
	memset(&lock, 0x5a, sizeof(lock));
	quarry_cpu_lock_init(q, &lock);
	assert_int_equal(lock.busy | lock.gate | lock.remote.held, 0);
	assert_int_equal(lock.remote.rank, QUARRY_LOCK_REMOTE);
	assert_true(quarry_cpu_enter(&lock));
	assert_false(quarry_cpu_enter(&lock)); /* an interrupt of the owner */
	assert_false(quarry_cpu_enter_common(&lock));
	assert_false(quarry_cpu_enter_open(&lock));
	held = *quarry_locks_held(); /* a host that counts the locks of its interrupts apart */
	*quarry_locks_held() = 0;
	assert_false(quarry_cpu_revoke(q, &lock, &pin));
	assert_int_equal(*quarry_locks_held(), 0);
	assert_int_equal(lock.remote.held, 0);
	*quarry_locks_held() = held;
	quarry_cpu_leave(&lock);
	assert_int_equal(*quarry_locks_held(), 0);
	assert_true(quarry_cpu_revoke(q, &lock, &pin));
	assert_int_equal(lock.remote.held, 1);
	assert_false(quarry_cpu_enter(&lock)); /* an interrupt of the visitor */
	quarry_cpu_give_back(q, &lock, pin);
	assert_true(quarry_cpu_revoke(q, &lock, &other));
	quarry_cpu_set_slow(&lock, true);
	quarry_cpu_give_back(q, &lock, other);
	assert_int_equal(lock.gate, LOCK_GATE_SLOW);
	assert_true(quarry_cpu_enter(&lock));
	quarry_cpu_leave(&lock);
	assert_false(quarry_cpu_enter_common(&lock)); /* and nobody is inside after it */
	assert_false(quarry_cpu_enter_open(&lock));
	assert_int_equal(lock.busy, 0);
	assert_true(quarry_cpu_revoke(q, &lock, &other));
	quarry_cpu_set_slow(&lock, false);
	quarry_cpu_give_back(q, &lock, other);
	assert_true(quarry_cpu_enter_common(&lock));
	quarry_cpu_leave(&lock);
	assert_true(quarry_cpu_enter_open(&lock));
	quarry_cpu_leave(&lock);
	assert_int_equal(lock.busy | lock.gate | lock.remote.held, 0);
	assert_int_equal(*quarry_locks_held(), 0);
	quarry_posix_delete(q);
}

static void trylock(void **state)
{
	(void)state;
	for (int concurrent = 0; concurrent < 2; concurrent++) {
		struct quarry_lock lock;
		quarry_pin_t pin;

		quarry_lock_init(&lock, QUARRY_LOCK_LEAF);
		assert_true(quarry_trylock_pinned(concurrent, &lock));
		assert_false(quarry_trylock_pinned(concurrent, &lock));
		quarry_unlock(concurrent, &lock, quarry_pin());
		pin = quarry_lock(concurrent, &lock);
		assert_false(quarry_trylock_pinned(concurrent, &lock));
		quarry_unlock(concurrent, &lock, pin);
		assert_int_equal(lock.held, 0);
	}
}

/* Takes a lock of rank @first, then one of @second; whether the check lets it pass. */
static bool order_passes(enum quarry_lock_rank first, enum quarry_lock_rank second, bool try_it)
{
	struct quarry_lock a, b;
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGILL, SIG_DFL); /* the sanitizers' handlers would write a report */
		signal(SIGTRAP, SIG_DFL);
		quarry_lock_init(&a, first);
		quarry_lock_init(&b, second);
		(void)quarry_lock(true, &a);
		if (try_it && !quarry_trylock_pinned(true, &b))
			_exit(1);
		if (!try_it)
			(void)quarry_lock(true, &b);
		quarry_unlock(true, &b, quarry_pin());
		quarry_unlock(true, &a, quarry_pin());
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void order_is_checked(void **state)
{
	(void)state;
	for (unsigned int i = QUARRY_LOCK_OUTER; i < QUARRY_LOCK_RANKS; i++) {
		for (unsigned int j = QUARRY_LOCK_OUTER; j < QUARRY_LOCK_RANKS; j++) {
			bool right = order_passes((enum quarry_lock_rank)i,
						  (enum quarry_lock_rank)j, false);

			assert_int_equal(right, j > i || !QUARRY_DEBUG);
		}
		assert_true(order_passes(QUARRY_LOCK_LEAF, (enum quarry_lock_rank)i, true));
	}
	assert_true(order_passes(QUARRY_LOCK_LEAF, QUARRY_LOCK_UNRANKED, false));
	assert_int_equal(order_passes(QUARRY_LOCK_NOT_MADE, QUARRY_LOCK_LEAF, false),
			 !QUARRY_DEBUG);
	assert_int_equal(order_passes(QUARRY_LOCK_LEAF, QUARRY_LOCK_NOT_MADE, true), !QUARRY_DEBUG);
}

/* Going in on a CPU waits for nobody: an interrupt may do so whatever the CPU holds. */
static void cpu_enters_under_any_lock(void **state)
{
	struct quarry *q = new_system(false, false);
	struct quarry_cpu_lock lock;
	struct quarry_lock leaf;
	quarry_pin_t pin;

	(void)state;
	quarry_cpu_lock_init(q, &lock);
	quarry_lock_init(&leaf, QUARRY_LOCK_LEAF);
	pin = quarry_lock(true, &leaf);
	assert_true(quarry_cpu_enter(&lock));
	quarry_cpu_leave(&lock);
	assert_true(quarry_cpu_enter_common(&lock));
	quarry_cpu_leave(&lock);
	assert_true(quarry_cpu_enter_open(&lock));
	quarry_cpu_leave(&lock);
	quarry_unlock(true, &leaf, pin);
	assert_int_equal(*quarry_locks_held(), 0);
	quarry_posix_delete(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_enters_under_any_lock),
		cmocka_unit_test(order_is_checked),
		cmocka_unit_test(by_barrier),
		cmocka_unit_test(by_fences),
		cmocka_unit_test(re_entry_is_seen),
		cmocka_unit_test(trylock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
