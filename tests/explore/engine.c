/* SPDX-License-Identifier: MIT */
/*
 * Who goes next: coroutines, and a search over all that can be decided.
 *
 * Execution  Threads stop before each atomic operation and say what they are about to do. One is chosen and
 *            goes on to its next. A decision between several is a node; the search keeps the nodes of the
 *            execution in hand, changes the last one that has something left to try, and runs
 *            again from the start, repeating those before.
 * Local      An operation on a place that one thread alone uses, or that all only read, is no
 *            decision. Which places these are is learned: when one turns out to be shared, the
 *            search begins anew.
 * Reduction  Two executions that differ in the order of independent operations are one. For each pair
 *            of dependent ones that were not ordered by others between them, the reversed order is
 *            tried: a thread that leads to it is added at the node before the first of them, unless one is there
 *            (dynamic partial order reduction with source sets). What a node has tried sleeps in its later
 *            branches until something dependent happens; an execution in which all that can run
 *            sleep is one that was seen already.
 * Bound      With a bound on preemptions all threads are tried at each node that the bound allows, without
 *            reduction: who is not pushed aside costs nothing.
 * Locks      An exchange right after quarry_pin() is quarry_lock()'s. Its thread cannot go while the lock
 *            is held, so no failed attempt is explored. What can come in another order is two who take a lock.
 * Waiting    Another spin loop ends its round with quarry_relax(). The thread then waits until the place it
 *            loaded last is stored to, or the lock is taken under which it looked. When nobody can run and not all have ended, it is a deadlock.
 */
#include "explore.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <quarry_host.h>

#define STACK_BYTES ((size_t)256 << 10)
#define NODES (2 * EXPLORE_EVENTS)
#define NOBODY EXPLORE_THREADS

enum thread_state { THREAD_READY, THREAD_WAITING, THREAD_DONE };

static struct thread {
	enum thread_state state;
	struct op next;
	struct place *next_place; /* NULL: a fence */
	struct place *waits_for[2];
	unsigned int pinned;
	bool just_pinned;
	uint64_t held;
	struct clocks clock; /* events of each thread that the last one depends on */
	jmp_buf at, base;
	unsigned char *stack;
} threads[EXPLORE_THREADS];

/* A decision. Threads are bits; an alternative of another kind is a number below @nr. */
static struct node {
	bool of_threads;
	uint8_t enabled, wanted, done, sleeping, chosen;
	uint8_t nr;
	struct op next[EXPLORE_THREADS];
} nodes[NODES];
static unsigned int nr_nodes, at_node;

static struct event {
	uint8_t by;
	uint16_t number; /* of its thread's, from 1 on */
	int node;        /* -1: nobody else could go */
	struct op op;
	struct place *place;
	bool writes;
	struct clocks clock;
} events[EXPLORE_EVENTS];
static int nr_events;

static int last_of[EXPLORE_THREADS], last_barrier;
static struct clocks after_fence, after_barrier;
static int last_fence[EXPLORE_THREADS];

static const struct explore_case *running;
static struct explore_limits limits;
static struct explore_result *result;
static unsigned int current, nr_threads, scheduled; /* scheduled: who is not preempted for free */
static int preemptions, stale;
static uint8_t sleeping;
static bool starting, in_irq, irq_came;
static jmp_buf main_at;

unsigned int explore_cpu;
uint64_t *explore_held;

enum end { END_DONE = 1, END_PRUNED, END_FAILED };

/* Decisions as they were made: what a schedule is written from. */
static unsigned int nr_decisions;
static bool replaying, tracing;
static struct deviation {
	unsigned int at, what;
} taken[256], wanted[256];
static unsigned int nr_taken, nr_wanted;

/* ---- coroutines ---- */

unsigned int explore_self(void)
{
	return current;
}

static void thread_enter(unsigned int t)
{
	current = t;
	explore_cpu = t;
	explore_held = &threads[t].held;
}

static void leave(enum end end) __attribute__((noreturn));
static void leave(enum end end)
{
	explore_on = false;
	_longjmp(main_at, (int)end);
}

static void switch_to(unsigned int t)
{
	if (current == t || (current != NOBODY && _setjmp(threads[current].at) != 0))
		return;
	thread_enter(t);
	_longjmp(threads[t].at, 1);
}

void explore_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(result->message, sizeof(result->message), fmt, ap);
	va_end(ap);
	leave(END_FAILED);
}

/* ---- events and what they depend on ---- */

static bool op_is_write(const struct op *op)
{
	return op->kind == OP_STORE || op->kind == OP_RMW;
}

/* May be wrong about a read-modify-write that changes nothing. */
static bool ops_depend(const struct op *a, const struct op *b)
{
	if (a->kind == OP_BARRIER || b->kind == OP_BARRIER)
		return true;
	if (a->kind == OP_FENCE || b->kind == OP_FENCE)
		return a->kind == b->kind;
	return a->addr == b->addr && (op_is_write(a) || op_is_write(b));
}

static bool event_before(int a, int b)
{
	return events[b].clock.at[events[a].by] >= events[a].number;
}

/* The thread's last event that conflicts with @e, as far as its place tells. */
static int event_conflict(const struct event *e, unsigned int t)
{
	int last = last_barrier >= 0 && events[last_barrier].by == t ? last_barrier : -1,
	    other = -1;

	if (e->op.kind == OP_BARRIER)
		return last_of[t];
	if (e->op.kind == OP_FENCE) {
		other = last_fence[t];
	} else if (e->op.locks) {
		other = e->place->last_lock[t];
	} else {
		other = e->place->last_write[t];
		if (e->writes && e->place->last_read[t] > other)
			other = e->place->last_read[t];
	}
	return other > last ? other : last;
}

/* Threads whose first event after @first, of those that do not depend on it, depends on none of these. */
static uint8_t event_initials(int first, int last)
{
	int head[EXPLORE_THREADS];
	uint8_t initials = 0;

	for (unsigned int t = 0; t < nr_threads; t++)
		head[t] = -1;
	for (int i = first + 1; i <= last; i++) {
		if (head[events[i].by] < 0 && (i == last || !event_before(first, i)))
			head[events[i].by] = i;
	}
	for (unsigned int t = 0; t < nr_threads; t++) {
		bool is = head[t] >= 0;

		for (unsigned int u = 0; is && u < nr_threads; u++) {
			if (u != t && head[u] >= 0 && head[u] < head[t] &&
			    event_before(head[u], head[t]))
				is = false;
		}
		initials |= (uint8_t)(is << t);
	}
	return initials;
}

/* Events @first and @last can come in the other order: this is to be tried. */
static void event_reverse(int first, int last)
{
	struct node *n = &nodes[events[first].node < 0 ? 0 : events[first].node];
	uint8_t initials;

	if (events[first].node < 0)
		return;
	initials = event_initials(first, last) & n->enabled;
	if ((initials & (n->wanted | n->sleeping)) != 0)
		return;
	if (initials == 0)
		n->wanted |= n->enabled;
	else if ((initials >> events[last].by & 1) != 0)
		n->wanted |= (uint8_t)(1u << events[last].by);
	else
		n->wanted |= initials & (uint8_t)-initials;
}

static void event_races(int last)
{
	const struct event *e = &events[last];
	const struct clocks *known = &threads[e->by].clock;
	int with[EXPLORE_THREADS];

	for (unsigned int t = 0; t < nr_threads; t++) {
		with[t] = t == e->by ? -1 : event_conflict(e, t);
		if (with[t] >= 0 && known->at[t] >= events[with[t]].number)
			with[t] = -1;
	}
	for (unsigned int t = 0; t < nr_threads; t++) {
		bool adjacent = with[t] >= 0;

		for (unsigned int u = 0; adjacent && u < nr_threads; u++) {
			if (u != t && with[u] > with[t] && event_before(with[t], with[u]))
				adjacent = false;
		}
		if (adjacent)
			event_reverse(with[t], last);
	}
}

static void event_order(struct event *e)
{
	struct place *p = e->place;

	clocks_join(&e->clock, &after_barrier);
	if (e->op.kind == OP_BARRIER) {
		for (unsigned int t = 0; t < nr_threads; t++)
			clocks_join(&e->clock, &threads[t].clock);
	} else if (e->op.kind == OP_FENCE) {
		clocks_join(&e->clock, &after_fence);
	} else {
		clocks_join(&e->clock, e->writes ? &p->after_all : &p->after_writes);
	}
}

static void event_note(struct event *e, int i)
{
	struct place *p = e->place;

	last_of[e->by] = i;
	if (e->op.kind == OP_BARRIER) {
		last_barrier = i;
		after_barrier = e->clock;
	} else if (e->op.kind == OP_FENCE) {
		last_fence[e->by] = i;
		after_fence = e->clock;
	} else {
		(e->writes ? p->last_write : p->last_read)[e->by] = i;
		if (e->op.locks)
			p->last_lock[e->by] = i;
		clocks_join(&p->after_all, &e->clock);
		if (e->writes)
			p->after_writes = e->clock;
	}
	threads[e->by].clock = e->clock;
}

/* Thread @t does what it said it would; @node is where this was decided, or -1. */
static void event_happens(unsigned int t, int node)
{
	struct event *e = &events[nr_events];

	if (nr_events == EXPLORE_EVENTS - 1)
		explore_fail("a spin without end, or too long an execution");
	*e = (struct event){.by = (uint8_t)t,
			    .number = (uint16_t)(threads[t].clock.at[t] + 1),
			    .node = node,
			    .op = threads[t].next,
			    .place = threads[t].next_place,
			    .writes = memory_op_writes(&threads[t].next),
			    .clock = threads[t].clock};
	e->clock.at[t] = e->number;
	event_order(e);
	if (limits.preemptions < 0 && !replaying)
		event_races(nr_events);
	event_note(e, nr_events);
	nr_events++;
}

/* ---- decisions ---- */

/* Decision number @at; @usual is what a replay would do by itself. */
static unsigned int decide(unsigned int usual, unsigned int what)
{
	if (what != usual) {
		if (nr_taken == sizeof(taken) / sizeof(taken[0]))
			explore_fail("too long a schedule");
		taken[nr_taken++] = (struct deviation){nr_decisions, what};
	}
	nr_decisions++;
	return what;
}

static unsigned int replayed(unsigned int usual)
{
	for (unsigned int i = 0; i < nr_wanted; i++) {
		if (wanted[i].at == nr_decisions)
			return wanted[i].what;
	}
	return usual;
}

static struct node *node_next(bool of_threads)
{
	if (at_node == nr_nodes) {
		if (nr_nodes == NODES)
			explore_fail("too many decisions");
		nodes[nr_nodes++] = (struct node){.of_threads = of_threads, .chosen = 0xff};
	}
	return &nodes[at_node++];
}

unsigned int engine_choose(unsigned int n)
{
	struct node *node;

	if (n <= 1 || (!replaying && limits.stale >= 0 && stale >= limits.stale))
		return 0;
	if (replaying) {
		unsigned int what = replayed(0);

		return decide(0, what < n ? what : 0);
	}
	node = node_next(false);
	if (node->chosen == 0xff) {
		node->chosen = 0;
		node->nr = (uint8_t)(n < 255 ? n : 255);
	}
	stale += node->chosen != 0;
	return decide(0, node->chosen);
}

static uint8_t enabled_threads(void)
{
	uint8_t enabled = 0;

	for (unsigned int t = 0; t < nr_threads; t++) {
		const struct op *next = &threads[t].next;
		bool can = threads[t].state == THREAD_READY &&
			   (!next->locks || memory_op_writes(next));

		enabled |= (uint8_t)(can << t);
	}
	return enabled;
}

static bool is_local(unsigned int t)
{
	return threads[t].next_place != NULL && !threads[t].next_place->shared;
}

static unsigned int lowest(uint8_t set)
{
	return (unsigned int)__builtin_ctz(set);
}

/* A node's first choice: whoever ran goes on. */
static void node_open(struct node *n, uint8_t enabled)
{
	uint8_t can = enabled & (uint8_t)~sleeping;

	n->enabled = enabled;
	n->sleeping = sleeping;
	for (unsigned int t = 0; t < nr_threads; t++)
		n->next[t] = threads[t].next;
	if (can == 0) {
		at_node = --nr_nodes;
		leave(END_PRUNED);
	}
	n->chosen = (uint8_t)((can >> scheduled & 1) != 0 ? scheduled : lowest(can));
	n->wanted = limits.preemptions < 0 ? (uint8_t)(1u << n->chosen) : enabled;
	if (limits.preemptions >= 0 && (enabled >> scheduled & 1) != 0 &&
	    preemptions >= limits.preemptions)
		n->wanted = (uint8_t)(1u << scheduled);
}

/* Whose turn it is, among several; *@node: where it was decided. */
static unsigned int choose_thread(uint8_t enabled, int *node)
{
	struct node *n;

	*node = -1;
	if ((enabled >> current & 1) != 0 && is_local(current))
		return current;
	for (unsigned int t = 0; t < nr_threads; t++) {
		if ((enabled >> t & 1) != 0 && is_local(t))
			return t;
	}
	if ((enabled & (enabled - 1)) == 0) {
		if ((enabled & sleeping) != 0)
			leave(END_PRUNED);
		scheduled = lowest(enabled);
		return scheduled;
	}
	*node = (int)at_node;
	n = node_next(true);
	if (n->chosen == 0xff)
		node_open(n, enabled);
	if ((enabled >> scheduled & 1) != 0 && n->chosen != scheduled)
		preemptions++;
	scheduled = n->chosen;
	if (limits.preemptions < 0)
		sleeping = (n->sleeping | n->done) & (uint8_t) ~(1u << n->chosen);
	return n->chosen;
}

/* Who sleeps wakes when something happens that its next operation depends on. */
static void wake_sleepers(const struct op *op)
{
	for (unsigned int t = 0; t < nr_threads; t++) {
		if ((sleeping >> t & 1) != 0 && ops_depend(&threads[t].next, op))
			sleeping &= (uint8_t) ~(1u << t);
	}
}

static void trace_event(unsigned int t)
{
	static const char *const kinds[] = {"", "load", "store", "rmw", "fence", "barrier"};
	const struct op *op = &threads[t].next;

	printf("    %5u T%u %-7s %#lx %u bytes, value %#lx, pc %p\n", nr_decisions, t,
	       kinds[op->kind], (unsigned long)op->addr, op->size, (unsigned long)op->value,
	       op->pc);
}

/* The next thread to run goes on with what it said; returns in it. */
static void schedule(void)
{
	uint8_t enabled = enabled_threads();
	unsigned int t, usual;
	int node = -1;

	if (enabled == 0) {
		for (t = 0; t < nr_threads; t++) {
			if (threads[t].state != THREAD_DONE)
				explore_fail("deadlock: thread %u waits", t);
		}
		leave(END_DONE);
	}
	usual = (enabled >> current & 1) != 0 ? current : lowest(enabled);
	if (replaying) {
		t = replayed(usual);
		if (t >= nr_threads || (enabled >> t & 1) == 0)
			t = usual;
	} else {
		t = choose_thread(enabled, &node);
	}
	if (tracing)
		trace_event(t);
	decide(usual, t);
	wake_sleepers(&threads[t].next);
	event_happens(t, node);
	switch_to(t);
}

void engine_point(const struct op *op)
{
	struct thread *t = &threads[current];

	t->next = *op;
	t->next.locks = t->just_pinned && op->kind == OP_RMW && op->change == RMW_EXCHANGE;
	t->just_pinned = false;
	t->next_place = op->addr != 0 ? memory_place(op->addr, op->size) : NULL;
	if (starting) { /* only as far as here: the first decision is between all */
		if (_setjmp(t->at) == 0)
			leave(END_DONE);
		return;
	}
	schedule();
}

void engine_stored(struct place *place)
{
	for (unsigned int t = 0; t < nr_threads; t++) {
		if (threads[t].state == THREAD_WAITING &&
		    (threads[t].waits_for[0] == place || threads[t].waits_for[1] == place)) {
			threads[t].state = THREAD_READY;
			/* It could not have gone before. */
			clocks_join(&threads[t].clock, &threads[current].clock);
		}
	}
}

/* ---- what the host does ---- */

void explore_relax(void)
{
	struct thread *t = &threads[current];

	if (!explore_on)
		return;
	if (memory_saw_newest(current, t->waits_for)) {
		if (t->waits_for[0] == NULL)
			explore_fail("thread %u waits for nothing", current);
		t->state = THREAD_WAITING;
		t->next = (struct op){.kind = OP_LOAD,
				      .addr = t->waits_for[0]->addr,
				      .size = t->waits_for[0]->size,
				      .pc = t->next.pc};
		t->next_place = t->waits_for[0];
		if (in_irq)
			explore_fail("an interrupt waits for thread %u or another", current);
		if (starting)
			explore_fail("thread %u waits before anything happened", current);
		schedule();
		memory_saw_newest(current, t->waits_for);
	}
}

void engine_interrupt(void)
{
	struct thread *t = &threads[0];
	struct op next;
	uint64_t held;
	struct node *n;
	bool now;

	if (running->irq == NULL || irq_came || in_irq || current != 0 ||
	    (t->pinned != 0 && !running->nmi))
		return;
	if (replaying) {
		now = replayed(0) == 1;
	} else {
		n = node_next(false);
		if (n->chosen == 0xff) {
			n->chosen = 0;
			n->nr = 2;
		}
		now = n->chosen != 0;
	}
	decide(0, now);
	if (!now)
		return;
	irq_came = in_irq = true;
	if (tracing)
		printf("    %5u interrupt\n", nr_decisions - 1);
	next = t->next;
	held = t->held;
	running->irq();
	if (t->held != held)
		explore_fail("an interrupt leaves a lock held");
	t->next = next;
	in_irq = false;
	if (tracing)
		printf("    %5u interrupt ends\n", nr_decisions);
}

quarry_pin_t explore_pin(void)
{
	threads[current].just_pinned = true;
	return threads[current].pinned++;
}

void explore_unpin(quarry_pin_t was)
{
	threads[current].pinned = (unsigned int)was;
	if (explore_on)
		engine_interrupt();
}

/* ---- one execution ---- */

static void thread_body(void)
{
	if (_setjmp(threads[current].base) == 0)
		leave(END_DONE);
	running->thread[current]();
	engine_interrupt();
	threads[current].state = THREAD_DONE;
	if (starting)
		leave(END_DONE);
	schedule();
	abort(); /* nobody chooses who has ended */
}

static void thread_make(unsigned int t)
{
	static ucontext_t here, there;

	threads[t].stack = aligned_alloc(64, STACK_BYTES);
	getcontext(&there);
	there.uc_stack.ss_sp = threads[t].stack;
	there.uc_stack.ss_size = STACK_BYTES;
	makecontext(&there, thread_body, 0);
	thread_enter(t);
	if (_setjmp(main_at) == 0)
		swapcontext(&here, &there);
}

/* Runs @t up to what it will do first. */
static enum end thread_start(unsigned int t)
{
	enum end end = (enum end)_setjmp(main_at);

	if (end == 0) {
		thread_enter(t);
		explore_on = true;
		_longjmp(threads[t].base, 1);
	}
	return end;
}

static enum end threads_run(void)
{
	enum end end = (enum end)_setjmp(main_at);

	if (end == 0) {
		explore_on = true;
		current = NOBODY;
		schedule();
	}
	return end;
}

static enum end threads_check(void)
{
	enum end end = (enum end)_setjmp(main_at);

	if (end == 0) {
		thread_enter(0);
		running->check();
		end = END_DONE;
	}
	return end;
}

static void execution_begin(void)
{
	memory_begin(nr_threads);
	nr_events = 0;
	nr_decisions = nr_taken = at_node = 0;
	preemptions = stale = 0;
	sleeping = 0;
	in_irq = irq_came = false;
	scheduled = NOBODY; /* who begins pushes nobody aside */
	last_barrier = -1;
	after_fence = after_barrier = (struct clocks){{0}};
	for (unsigned int t = 0; t < nr_threads; t++) {
		threads[t].state = THREAD_READY;
		threads[t].next = (struct op){.kind = OP_NONE};
		threads[t].next_place = NULL;
		threads[t].pinned = 0;
		threads[t].just_pinned = false;
		threads[t].held = 0;
		threads[t].clock = (struct clocks){{0}};
		last_of[t] = last_fence[t] = -1;
	}
}

static enum end execution(void)
{
	enum end end = END_DONE;

	execution_begin();
	starting = true;
	for (unsigned int t = 0; t < nr_threads && end == END_DONE; t++)
		end = thread_start(t);
	starting = false;
	if (end == END_DONE)
		end = threads_run();
	if (end == END_DONE && running->check != NULL)
		end = threads_check();
	result->steps += (unsigned long)nr_events;
	if (result->longest < (unsigned int)nr_events)
		result->longest = (unsigned int)nr_events;
	return end;
}

/* ---- the search ---- */

/* The last node that has something left goes on to it; false: all is done. */
static bool search_next(void)
{
	for (; nr_nodes != 0; nr_nodes--) {
		struct node *n = &nodes[nr_nodes - 1];
		uint8_t left;

		if (!n->of_threads) {
			if (++n->chosen < n->nr)
				return true;
			continue;
		}
		n->done |= (uint8_t)(1u << n->chosen);
		left = n->wanted & (uint8_t)~n->done & (uint8_t)~n->sleeping;
		if (left != 0) {
			n->chosen = (uint8_t)lowest(left);
			return true;
		}
	}
	return false;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	explore_fail("signal %d (%s), pc %p", sig, sig == SIGILL ? "an assertion" : "damage",
		     info->si_addr);
}

static void signals_catch(void)
{
	static const int caught[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
	static unsigned char stack[64 << 10];
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction act = {.sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	sigaltstack(&alt, NULL);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &act, NULL);
}

static void prepare(const struct explore_case *c, struct explore_result *r)
{
	static bool made;

	if (!made) {
		signals_catch();
		for (unsigned int t = 0; t < EXPLORE_THREADS; t++)
			thread_make(t);
		made = true;
	}
	result = r;
	running = c;
	nr_threads = c->nr_threads;
	thread_enter(0);
	threads[0].held = threads[0].pinned = 0;
	memory_forget();
	if (_setjmp(main_at) != 0) {
		fprintf(stderr, "explore: %s: setup: %s\n", c->name, r->message);
		exit(2);
	}
	c->setup(c->arg);
	memory_snapshot();
}

static void schedule_write(char *to, size_t size)
{
	int at = 0;

	to[0] = 0;
	for (unsigned int i = 0; i < nr_taken && (size_t)at + 24 < size; i++)
		at += snprintf(to + at, size - (size_t)at, "%s%u:%u", i != 0 ? "," : "",
			       taken[i].at, taken[i].what);
}

static bool replay(void)
{
	bool failed;

	replaying = true;
	limits = (struct explore_limits){-1, -1, 0};
	failed = execution() == END_FAILED;
	replaying = tracing = false;
	return failed;
}

/* Leaves out of the schedule what is not needed to make it fail. */
static void minimise(void)
{
	char message[sizeof(result->message)];

	memcpy(wanted, taken, sizeof(wanted));
	nr_wanted = nr_taken;
	for (unsigned int i = nr_wanted; i-- > 0;) {
		struct deviation without = wanted[i];

		memcpy(message, result->message, sizeof(message));
		memmove(&wanted[i], &wanted[i + 1], (nr_wanted - i - 1) * sizeof(wanted[0]));
		nr_wanted--;
		if (replay())
			continue;
		memcpy(result->message, message, sizeof(message));
		memmove(&wanted[i + 1], &wanted[i], (nr_wanted - i) * sizeof(wanted[0]));
		wanted[i] = without;
		nr_wanted++;
	}
	replay();
}

void engine_run(const struct explore_case *c, const struct explore_limits *l,
		struct explore_result *r)
{
	unsigned int shared = 0;
	enum end end;

	*r = (struct explore_result){0};
	prepare(c, r);
	limits = *l;
	nr_nodes = 0;
	for (;;) {
		end = execution();
		r->executions++;
		r->pruned += end == END_PRUNED;
		if (end == END_FAILED)
			break;
		if (at_node != nr_nodes)
			abort(); /* it does not repeat itself: the explorer is wrong */
		if (r->executions >= l->executions)
			return;
		if (shared != memory_nr_shared) { /* there are more decisions than it seemed */
			shared = memory_nr_shared;
			nr_nodes = 0;
		} else if (!search_next()) {
			r->complete = true;
			return;
		}
	}
	r->failed = true;
	minimise();
	schedule_write(r->schedule, sizeof(r->schedule));
}

bool engine_replay(const struct explore_case *c, const char *schedule, bool trace,
		   struct explore_result *r)
{
	*r = (struct explore_result){0};
	prepare(c, r);
	nr_wanted = 0;
	while (*schedule != 0 && nr_wanted < sizeof(wanted) / sizeof(wanted[0])) {
		char *end;

		wanted[nr_wanted].at = (unsigned int)strtoul(schedule, &end, 10);
		wanted[nr_wanted++].what = (unsigned int)strtoul(end + (*end == ':'), &end, 10);
		schedule = end + (*end == ',');
	}
	tracing = trace;
	r->failed = replay();
	return r->failed;
}
