/* SPDX-License-Identifier: MIT */
/*
 * The lock on what belongs to one CPU.
 *
 * Problem    A CPU uses its sheaves millions of times between two visits of another CPU. The owner
 *            shall pay two plain stores and two loads; the visitor pays the rest.
 *
 *            owner                               remote, one at a time by its lock
 *            busy = 1                            gate = SHUT
 *            (compiler barrier)                  barrier on all CPUs
 *            gate open?                          busy == 0? else wait
 *              yes: inside                       inside
 *              no:  busy = 0, go without         gate = open (release)
 *            busy = 0 (release)
 *
 * Proof      Both write their own word and then read the other's. The remote's barrier_cpus() makes
 *            every CPU run a full fence at some moment T between the remote's store and its load. If
 *            the owner's store of busy is before T in its program, it is visible by T, so the remote
 *            reads busy and waits. Else its load of gate, which the compiler barrier keeps behind the
 *            store, comes after T and sees SHUT. So never are both inside.
 *              What the owner did inside comes before the remote's work, by the release of busy and
 *            the acquire with which the remote reads 0; what the remote did comes before the owner's
 *            next stay, by the release of gate and the acquire with which the owner reads it open.
 *
 * Fences     A host without such a barrier leaves barrier_cpus NULL. Then gate keeps a bit that sends
 *            the owner through a full fence between its store and its load, as Dekker's algorithm
 *            wants. Still no atomic read-modify-write.
 *
 * Re-entry   An interrupt, or a signal handler, that comes while its CPU is inside reads busy and goes
 *            without. It cannot wait: whom it waits for is below it on the stack.
 *
 * Waiting    The remote waits for one stay of the owner: bounded, as inside only arenas' locks are
 *            waited for, whose holders wait for nothing. The owner never waits.
 */
#include <base/lock.h>
#include <base/quarry_state.h>

void quarry_cpu_lock_init(const struct quarry *q, struct quarry_cpu_lock *lock)
{
	bool fenced = q->concurrent && q->port.barrier_cpus == NULL;

	*lock = (struct quarry_cpu_lock){.gate = fenced ? LOCK_GATE_FENCED : 0};
	quarry_lock_init(&lock->remote, QUARRY_LOCK_REMOTE);
}

QUARRY_NOINLINE bool quarry_cpu_enter_gate(struct quarry_cpu_lock *lock, uint32_t shut)
{
	if ((quarry_load_relaxed(&lock->gate) & LOCK_GATE_FENCED) != 0)
		quarry_full_fence();
	if ((quarry_load_acquire(&lock->gate) & shut) == 0)
		return true;
	quarry_store_release(&lock->busy, 0u);
	return false;
}

bool quarry_cpu_revoke(struct quarry *q, struct quarry_cpu_lock *lock,
		       quarry_pin_t *pin) QUARRY_NO_THREAD_SAFETY
{
	uint32_t gate;

	*pin = quarry_lock(q->concurrent, &lock->remote);
	if (!q->concurrent) {
		if (quarry_cpu_enter(lock))
			return true;
		quarry_unlock(false, &lock->remote, *pin);
		return false;
	}
	lock_order_add(QUARRY_LOCK_CPU, true);
	gate = quarry_load_relaxed(&lock->gate);
	quarry_store_relaxed(&lock->gate, gate | LOCK_GATE_SHUT);
	if ((gate & LOCK_GATE_FENCED) != 0)
		quarry_full_fence();
	else
		q->port.barrier_cpus(q->port.ctx);
	while (quarry_load_acquire(&lock->busy) != 0)
		quarry_relax();
	return true;
}

void quarry_cpu_give_back(struct quarry *q, struct quarry_cpu_lock *lock,
			  quarry_pin_t pin) QUARRY_NO_THREAD_SAFETY
{
	if (!q->concurrent) {
		quarry_cpu_leave(lock);
	} else {
		lock_order_remove(QUARRY_LOCK_CPU);
		quarry_store_release(&lock->gate,
				     quarry_load_relaxed(&lock->gate) & ~LOCK_GATE_SHUT);
	}
	quarry_unlock(q->concurrent, &lock->remote, pin);
}
