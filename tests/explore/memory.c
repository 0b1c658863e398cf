/* SPDX-License-Identifier: MIT */
/*
 * Memory as the threads of an execution see it: stands in for ThreadSanitizer's library.
 *
 * Atomic     Each word has the stores made to it in this execution, in the order they were executed in.
 *            A load may read the newest, or an older one unless the thread knows a newer: it has read one
 *            itself, or what it is synchronised with has read or written one.
 * Knowing    A thread has clocks: up to which store of each thread it knows what happened. "hb" is C11's
 *            happens-before, by release and acquire; "seen" also has what fences tell. A store carries the
 *            clocks of its thread (release), or those at its last fence; a load takes them over (acquire), or
 *            at the next fence. A read-modify-write reads the newest and passes on what that carried.
 * Plain      Of each byte: the last write, and each thread's last read. An access that does not happen
 *            after those it conflicts with is a race.
 * Region     The machine lies in one region. What an execution touched is put back before the next.
 */
#include "explore.h"

#include <stdio.h>
#include <string.h>

#define REGION_BYTES ((size_t)8 << 20)
#define LINE 64u
#define NO_STORE (-1)

static unsigned char region[REGION_BYTES] __attribute__((aligned(4096)));
static unsigned char snapshot[REGION_BYTES] __attribute__((aligned(4096)));
static size_t region_used, snapshot_used;

/* Of each byte: thread << 16 | clock of the last plain write, and clocks of plain reads. */
static struct cell {
	uint32_t write;
	uint16_t read[EXPLORE_THREADS];
} cells[REGION_BYTES];

static uint32_t execution;
static uint32_t line_touched[REGION_BYTES / LINE]; /* the execution that did */
static uint32_t touched[REGION_BYTES / LINE];
static size_t nr_touched;

struct view {
	struct clocks hb, seen;
};

/* What a thread knows; what it knew at its last fence; what it will know at the next. */
static struct memory_thread {
	struct view now, fence, coming;
	struct place *last; /* what it loaded last, and which store it read */
	int last_store;
	struct place *stored; /* what it stored to after that: a lock, say; or NULL */
} threads[EXPLORE_THREADS];
static unsigned int nr_threads;
static struct clocks fences; /* what fences so far make known */

static struct store {
	uint64_t value;
	struct view view;
	int older;           /* index; NO_STORE: this is what was there before */
	unsigned int number; /* of those to its place */
	uint8_t by;
	uint16_t at; /* its thread's clock */
} stores[4 * EXPLORE_EVENTS];
static int nr_stores;

/* A thread has read store @store at its time @at. */
static struct note {
	uint16_t at;
	int store, before;
} notes[4 * EXPLORE_EVENTS];
static int nr_notes;

#define PLACES 8192
static struct place places[PLACES];
static unsigned int nr_places;
static uint16_t place_of[REGION_BYTES / 8]; /* number + 1 of the first place in these eight bytes */

bool explore_on;
unsigned int memory_nr_shared;
unsigned int explore_weak, explore_number;
struct explore_site explore_site[EXPLORE_SITES];
unsigned int explore_nr_sites;

/* ---- the region ---- */

static bool in_region(uintptr_t addr)
{
	return addr - (uintptr_t)region < REGION_BYTES;
}

static void touch(uintptr_t addr, size_t size)
{
	size_t first = (addr - (uintptr_t)region) / LINE;
	size_t last = (addr + size - 1 - (uintptr_t)region) / LINE;

	for (size_t i = first; i <= last; i++) {
		if (line_touched[i] != execution) {
			line_touched[i] = execution;
			touched[nr_touched++] = (uint32_t)i;
		}
	}
}

void *explore_alloc(size_t size, size_t align)
{
	size_t at;

	align = align < LINE ? LINE : align;
	at = (region_used + align - 1) / align * align;
	if (at + size > REGION_BYTES) {
		fprintf(stderr, "explore: the region is full\n");
		__builtin_trap();
	}
	region_used = at + size;
	return region + at;
}

void memory_snapshot(void)
{
	memcpy(snapshot, region, REGION_BYTES);
	snapshot_used = region_used;
}

void memory_forget(void)
{
	memset(region, 0, region_used);
	memset(cells, 0, region_used * sizeof(cells[0]));
	memset(place_of, 0, sizeof(place_of));
	memset(places, 0, nr_places * sizeof(places[0]));
	region_used = 0;
	nr_places = 0;
	memory_nr_shared = 0;
	nr_touched = 0;
}

void memory_begin(unsigned int n)
{
	for (size_t i = 0; i < nr_touched; i++) {
		size_t at = (size_t)touched[i] * LINE;

		memcpy(region + at, snapshot + at, LINE);
		memset(cells + at, 0, LINE * sizeof(cells[0]));
	}
	nr_touched = 0;
	region_used = snapshot_used;
	execution++;
	nr_threads = n;
	nr_stores = nr_notes = 0;
	memset(threads, 0, sizeof(threads));
	memset(&fences, 0, sizeof(fences));
	for (unsigned int i = 0; i < n; i++)
		threads[i].now.hb.at[i] = threads[i].now.seen.at[i] = 1;
}

static uint64_t raw_read(uintptr_t addr, unsigned int size)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)addr, size); /* little-endian hosts */
	return value;
}

static void raw_write(uintptr_t addr, unsigned int size, uint64_t value)
{
	touch(addr, size);
	memcpy((void *)addr, &value, size);
}

/* ---- places ---- */

struct place *memory_place(uintptr_t addr, unsigned int size)
{
	uint16_t *head = &place_of[(addr - (uintptr_t)region) / 8];
	struct place *p = *head != 0 ? &places[*head - 1] : NULL;

	while (p != NULL && (p->addr != addr || p->size != size))
		p = p->next;
	if (p == NULL) {
		if (nr_places == PLACES)
			explore_fail("too many atomic places");
		p = &places[nr_places];
		*p = (struct place){.addr = addr, .size = size};
		p->next = *head != 0 ? &places[*head - 1] : NULL;
		*head = (uint16_t)++nr_places;
	}
	if (p->execution != execution) {
		p->execution = execution;
		p->users = p->writers = 0;
		p->valid = false;
		for (unsigned int i = 0; i < EXPLORE_THREADS; i++) {
			p->seen[i] = -1;
			p->read_at[i] = p->write_at[i] = 0;
			p->last_read[i] = p->last_write[i] = p->last_lock[i] = -1;
		}
		memset(&p->after_writes, 0, sizeof(p->after_writes));
		memset(&p->after_all, 0, sizeof(p->after_all));
	}
	return p;
}

static int store_push(struct place *p, uint64_t value)
{
	if (nr_stores == 4 * EXPLORE_EVENTS)
		explore_fail("too many stores");
	stores[nr_stores] = (struct store){.value = value, .older = NO_STORE};
	if (p->valid) {
		stores[nr_stores].older = p->newest;
		stores[nr_stores].number = stores[p->newest].number + 1;
	}
	p->valid = true;
	p->newest = nr_stores;
	return nr_stores++;
}

/* What plain writes, or setup(), left is the oldest store that anybody may read. */
static void place_open(struct place *p)
{
	if (p->valid)
		return;
	store_push(p, raw_read(p->addr, p->size));
	for (unsigned int i = 0; i < EXPLORE_THREADS; i++)
		p->seen[i] = -1;
}

static void place_saw(struct place *p, unsigned int self, int store)
{
	uint16_t at = threads[self].now.hb.at[self];

	if (p->seen[self] < 0 || notes[p->seen[self]].at != at) {
		if (nr_notes == 4 * EXPLORE_EVENTS)
			explore_fail("too many loads");
		notes[nr_notes] = (struct note){.at = at, .before = p->seen[self]};
		p->seen[self] = nr_notes++;
	}
	notes[p->seen[self]].store = store;
}

/* The number of the oldest store that @self may still read, by what is known to have been read. */
static unsigned int place_floor(const struct place *p, unsigned int self)
{
	unsigned int floor = 0;

	for (unsigned int i = 0; i < nr_threads; i++) {
		int n = p->seen[i];

		while (n >= 0 && notes[n].at > threads[self].now.seen.at[i])
			n = notes[n].before;
		if (n >= 0 && stores[notes[n].store].number > floor)
			floor = stores[notes[n].store].number;
	}
	return floor;
}

/* Which store @self reads: a choice. */
static int place_choose(struct place *p, unsigned int self)
{
	unsigned int floor = place_floor(p, self), n = 1;
	int s = p->newest;

	for (; stores[s].older != NO_STORE && stores[s].number > floor; s = stores[s].older, n++) {
		if (stores[s].at <= threads[self].now.seen.at[stores[s].by])
			break; /* it is known: nothing older can be read */
	}
	for (n = engine_choose(n), s = p->newest; n != 0; n--)
		s = stores[s].older;
	return s;
}

bool memory_saw_newest(unsigned int self, struct place *of[2])
{
	struct memory_thread *t = &threads[self];
	bool newest;

	if (t->last == NULL) { /* it only looked under a lock */
		of[0] = of[1] = t->stored;
		return true;
	}
	newest = t->last->newest == t->last_store;
	place_saw(t->last, self, t->last->newest);
	of[0] = t->last;
	of[1] = t->stored;
	return newest;
}

/* ---- races ---- */

static void race(const char *what, uintptr_t addr, unsigned int by)
{
	explore_fail("data race: thread %u %s region+%#zx after thread %u", explore_self(), what,
		     (size_t)(addr - (uintptr_t)region), by);
}

static void race_with_writes(const char *what, uintptr_t addr, const struct clocks *known)
{
	uint32_t w = cells[addr - (uintptr_t)region].write;

	if ((w & 0xffff) > known->at[w >> 16])
		race(what, addr, w >> 16);
}

static void race_with_reads(const char *what, uintptr_t addr, const struct clocks *known)
{
	const struct cell *c = &cells[addr - (uintptr_t)region];

	for (unsigned int i = 0; i < EXPLORE_THREADS; i++) {
		if (c->read[i] > known->at[i])
			race(what, addr, i);
	}
}

/* A plain access and the atomic ones of the same bytes. */
static void race_with_places(uintptr_t addr, size_t size, bool write, const struct clocks *known)
{
	size_t first = (addr - (uintptr_t)region) / 8,
	       last = (addr + size - 1 - (uintptr_t)region) / 8;

	for (size_t g = first; g <= last; g++) {
		struct place *p = place_of[g] != 0 ? &places[place_of[g] - 1] : NULL;

		for (; p != NULL; p = p->next) {
			if (p->execution != execution || p->addr >= addr + size ||
			    addr >= p->addr + p->size)
				continue;
			for (unsigned int i = 0; i < EXPLORE_THREADS; i++) {
				if (p->write_at[i] > known->at[i] ||
				    (write && p->read_at[i] > known->at[i]))
					race(write ? "writes (plain, atomic before)"
						   : "reads (plain, atomic before)",
					     p->addr, i);
			}
			if (write)
				p->valid = false;
		}
	}
}

static void plain(uintptr_t addr, size_t size, bool write)
{
	unsigned int self;
	const struct clocks *known;

	if (!in_region(addr) || size == 0)
		return;
	touch(addr, size);
	if (!explore_on)
		return;
	engine_interrupt();
	self = explore_self();
	known = &threads[self].now.hb;
	for (uintptr_t a = addr; a < addr + size; a++) {
		struct cell *c = &cells[a - (uintptr_t)region];

		race_with_writes(write ? "writes" : "reads", a, known);
		if (write) {
			race_with_reads("writes", a, known);
			c->write = (uint32_t)self << 16 | known->at[self];
		} else {
			c->read[self] = known->at[self];
		}
	}
	race_with_places(addr, size, write, known);
}

static void race_atomic(struct place *p, unsigned int self, bool write)
{
	const struct clocks *known = &threads[self].now.hb;

	touch(p->addr, p->size);
	for (uintptr_t a = p->addr; a < p->addr + p->size; a++) {
		race_with_writes(write ? "writes (atomic)" : "reads (atomic)", a, known);
		if (write)
			race_with_reads("writes (atomic)", a, known);
	}
	(write ? p->write_at : p->read_at)[self] = known->at[self];
}

/* ---- atomic operations ---- */

static bool order_acquires(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static bool order_releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static void view_join(struct view *to, const struct view *from)
{
	clocks_join(&to->hb, &from->hb);
	clocks_join(&to->seen, &from->seen);
}

/* The end of what others may learn of by now; what comes is later. */
static void tick(unsigned int self)
{
	struct memory_thread *t = &threads[self];

	if (++t->now.hb.at[self] == 0xffff)
		explore_fail("too many steps");
	t->now.seen.at[self] = t->now.hb.at[self];
}

static uint64_t op_result(const struct op *op, uint64_t old)
{
	switch (op->change) {
	case RMW_EXCHANGE:
		return op->value;
	case RMW_ADD:
		return old + op->value;
	case RMW_SUB:
		return old - op->value;
	case RMW_AND:
		return old & op->value;
	case RMW_OR:
		return old | op->value;
	case RMW_XOR:
		return old ^ op->value;
	default:
		return old == op->expected ? op->value : old;
	}
}

static uint64_t op_mask(const struct op *op)
{
	return op->size == 8 ? ~(uint64_t)0 : ((uint64_t)1 << (8 * op->size)) - 1;
}

bool memory_op_writes(const struct op *op)
{
	uint64_t old;

	if (op->kind != OP_RMW)
		return op->kind == OP_STORE;
	old = raw_read(op->addr, op->size);
	if (op->change == RMW_CAS)
		return old == op->expected;
	return order_releases(op->order) || (op_result(op, old) & op_mask(op)) != old;
}

static void acquire(unsigned int self, const struct store *s, int order)
{
	view_join(order_acquires(order) ? &threads[self].now : &threads[self].coming, &s->view);
}

static void store_new(struct place *p, unsigned int self, uint64_t value, int order,
		      const struct view *passed_on)
{
	struct memory_thread *t = &threads[self];
	struct store *s = &stores[store_push(p, value)];

	s->by = (uint8_t)self;
	s->at = t->now.hb.at[self];
	s->view = order_releases(order) ? t->now : t->fence;
	if (passed_on != NULL)
		view_join(&s->view, passed_on);
	place_saw(p, self, p->newest);
	t->stored = p;
	raw_write(p->addr, p->size, value);
	tick(self);
	engine_stored(p);
}

static void fence_of(struct memory_thread *t, const struct clocks *known)
{
	view_join(&t->now, &t->coming);
	clocks_join(&t->now.seen, &t->now.hb);
	clocks_join(&t->now.seen, known);
	t->fence = t->now;
}

static void fence_all(unsigned int self)
{
	struct clocks all;

	fence_of(&threads[self], &fences);
	all = threads[self].now.seen;
	for (unsigned int i = 0; i < nr_threads; i++)
		fence_of(&threads[i], &threads[self].now.seen);
	for (unsigned int i = 0; i < nr_threads; i++)
		clocks_join(&all, &threads[i].now.seen);
	fence_of(&threads[self], &all);
	fences = all;
	for (unsigned int i = 0; i < nr_threads; i++)
		tick(i);
}

static void weaken(struct op *op)
{
	struct explore_site *s = explore_site;
	bool strong = op->kind == OP_FENCE || op->kind == OP_BARRIER || order_acquires(op->order) ||
		      order_releases(op->order);

	if (!strong)
		return;
	for (; s < explore_site + explore_nr_sites && s->pc != op->pc; s++)
		;
	if (s == explore_site + explore_nr_sites && explore_nr_sites < EXPLORE_SITES) {
		*s = (struct explore_site){.pc = op->pc, .order = op->order, .kind = op->kind};
		explore_nr_sites++;
	}
	if (s == explore_site + EXPLORE_SITES)
		return;
	s->reached[explore_number / 8] |= (uint8_t)(1u << explore_number % 8);
	if (explore_weak != 0 && s->group == explore_weak) {
		op->order = __ATOMIC_RELAXED;
		if (op->kind == OP_FENCE || op->kind == OP_BARRIER)
			op->kind = OP_NONE;
	}
}

/* Does @op; returns what was there before. */
static uint64_t operate(struct op op)
{
	unsigned int self;
	struct place *p;
	uint64_t old;
	bool writes;
	int s;

	engine_interrupt();
	weaken(&op);
	if (op.kind == OP_NONE)
		return 0;
	engine_point(&op);
	self = explore_self();
	if (op.kind == OP_FENCE || op.kind == OP_BARRIER) {
		if (op.kind == OP_BARRIER) {
			fence_all(self);
		} else {
			fence_of(&threads[self], &fences);
			fences = threads[self].now.seen;
			tick(self);
		}
		return 0;
	}
	p = memory_place(op.addr, op.size);
	p->users |= (uint8_t)(1u << self);
	writes = memory_op_writes(&op);
	if (writes)
		p->writers |= (uint8_t)(1u << self);
	if (p->writers != 0 && (p->users & (p->users - 1)) != 0 && !p->shared) {
		p->shared = true;
		memory_nr_shared++;
	}
	race_atomic(p, self, writes);
	place_open(p);
	if (op.kind == OP_STORE) {
		store_new(p, self, op.value, op.order, NULL);
		return 0;
	}
	s = op.kind == OP_LOAD ? place_choose(p, self) : p->newest;
	old = stores[s].value;
	acquire(self, &stores[s], op.order);
	if (writes) {
		store_new(p, self, op_result(&op, old) & op_mask(&op), op.order, &stores[s].view);
	} else {
		place_saw(p, self, s);
		threads[self].last = p;
		threads[self].last_store = s;
		threads[self].stored = NULL;
	}
	return old;
}

/* ---- what the compiler calls ---- */

#define PC __builtin_return_address(0)
#define HOOKED(p) hooked((uintptr_t)(p), sizeof(*(p)))

/* Outside executions, by setup() and check(), all is as it seems; but it is put back too. */
static bool hooked(uintptr_t addr, size_t size)
{
	if (in_region(addr))
		touch(addr, size);
	return explore_on && in_region(addr);
}

#define PLAIN(n)                                 \
	void __tsan_read##n(void *p);            \
	void __tsan_write##n(void *p);           \
	void __tsan_unaligned_read##n(void *p);  \
	void __tsan_unaligned_write##n(void *p); \
	void __tsan_read##n(void *p)             \
	{                                        \
		plain((uintptr_t)p, n, false);   \
	}                                        \
	void __tsan_write##n(void *p)            \
	{                                        \
		plain((uintptr_t)p, n, true);    \
	}                                        \
	void __tsan_unaligned_read##n(void *p)   \
	{                                        \
		plain((uintptr_t)p, n, false);   \
	}                                        \
	void __tsan_unaligned_write##n(void *p)  \
	{                                        \
		plain((uintptr_t)p, n, true);    \
	}
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *p, unsigned long size);
void __tsan_write_range(void *p, unsigned long size);
void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

void __tsan_read_range(void *p, unsigned long size)
{
	plain((uintptr_t)p, size, false);
}

void __tsan_write_range(void *p, unsigned long size)
{
	plain((uintptr_t)p, size, true);
}

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

void __tsan_atomic_thread_fence(int order)
{
	if (explore_on)
		operate((struct op){.kind = OP_FENCE, .order = order, .pc = PC});
}

void explore_barrier_cpus(void *ctx)
{
	(void)ctx;
	if (explore_on)
		operate((struct op){.kind = OP_BARRIER, .order = __ATOMIC_SEQ_CST, .pc = PC});
}

#define ATOMIC_RMW(bits, name, kind_of)                                                           \
	uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *p, uint##bits##_t v, \
						    int order);                                   \
	uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *p, uint##bits##_t v, \
						    int order)                                    \
	{                                                                                         \
		struct op op = {.kind = OP_RMW,                                                   \
				.change = kind_of,                                                \
				.order = order,                                                   \
				.size = bits / 8,                                                 \
				.addr = (uintptr_t)p,                                             \
				.value = v,                                                       \
				.pc = PC};                                                        \
		uint##bits##_t old = *p;                                                          \
                                                                                                  \
		if (HOOKED(p))                                                                    \
			return (uint##bits##_t)operate(op);                                       \
		*p = (uint##bits##_t)op_result(&op, old);                                         \
		return old;                                                                       \
	}

#define ATOMIC(bits)                                                                               \
	ATOMIC_RMW(bits, exchange, RMW_EXCHANGE)                                                   \
	ATOMIC_RMW(bits, fetch_add, RMW_ADD)                                                       \
	ATOMIC_RMW(bits, fetch_sub, RMW_SUB)                                                       \
	ATOMIC_RMW(bits, fetch_and, RMW_AND)                                                       \
	ATOMIC_RMW(bits, fetch_or, RMW_OR)                                                         \
	ATOMIC_RMW(bits, fetch_xor, RMW_XOR)                                                       \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *p, int order);    \
	void __tsan_atomic##bits##_store(volatile uint##bits##_t *p, uint##bits##_t v, int order); \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                 \
		volatile uint##bits##_t *p, uint##bits##_t expected, uint##bits##_t v, int order,  \
		int fail);                                                                         \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t *p,              \
							  uint##bits##_t *expected,                \
							  uint##bits##_t v, int order, int fail);  \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *p, int order)     \
	{                                                                                          \
		if (!HOOKED(p))                                                                    \
			return *p;                                                                 \
		return (uint##bits##_t)operate((struct op){.kind = OP_LOAD,                        \
							   .order = order,                         \
							   .size = bits / 8,                       \
							   .addr = (uintptr_t)p,                   \
							   .pc = PC});                             \
	}                                                                                          \
	void __tsan_atomic##bits##_store(volatile uint##bits##_t *p, uint##bits##_t v, int order)  \
	{                                                                                          \
		if (!HOOKED(p))                                                                    \
			*p = v;                                                                    \
		else                                                                               \
			operate((struct op){.kind = OP_STORE,                                      \
					    .order = order,                                        \
					    .size = bits / 8,                                      \
					    .addr = (uintptr_t)p,                                  \
					    .value = v,                                            \
					    .pc = PC});                                            \
	}                                                                                          \
	static uint##bits##_t exchange_if##bits(volatile uint##bits##_t *p,                        \
						uint##bits##_t expected, uint##bits##_t v,         \
						int order, const void *pc)                         \
	{                                                                                          \
		uint##bits##_t old = *p;                                                           \
                                                                                                   \
		if (HOOKED(p))                                                                     \
			return (uint##bits##_t)operate((struct op){.kind = OP_RMW,                 \
								   .change = RMW_CAS,              \
								   .order = order,                 \
								   .size = bits / 8,               \
								   .addr = (uintptr_t)p,           \
								   .value = v,                     \
								   .expected = expected,           \
								   .pc = pc});                     \
		if (old == expected)                                                               \
			*p = v;                                                                    \
		return old;                                                                        \
	}                                                                                          \
	/* The order of failure is acquire in all of ours, as that of success is acquire too. */   \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                 \
		volatile uint##bits##_t *p, uint##bits##_t expected, uint##bits##_t v, int order,  \
		int fail)                                                                          \
	{                                                                                          \
		(void)fail;                                                                        \
		return exchange_if##bits(p, expected, v, order, PC);                               \
	}                                                                                          \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile uint##bits##_t *p,              \
							  uint##bits##_t *expected,                \
							  uint##bits##_t v, int order, int fail)   \
	{                                                                                          \
		uint##bits##_t old = exchange_if##bits(p, *expected, v, order, PC);                \
		bool done = old == *expected;                                                      \
                                                                                                   \
		(void)fail;                                                                        \
		*expected = old;                                                                   \
		return done;                                                                       \
	}
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

/* The compiler does not tell of what these do: src/ is compiled to call them by these names. */
void *explore_memset(void *p, int c, size_t size);
void *explore_memcpy(void *to, const void *from, size_t size);
void *explore_memmove(void *to, const void *from, size_t size);

void *explore_memset(void *p, int c, size_t size)
{
	plain((uintptr_t)p, size, true);
	return memset(p, c, size);
}

void *explore_memcpy(void *to, const void *from, size_t size)
{
	return explore_memmove(to, from, size);
}

void *explore_memmove(void *to, const void *from, size_t size)
{
	plain((uintptr_t)from, size, false);
	plain((uintptr_t)to, size, true);
	return memmove(to, from, size);
}
