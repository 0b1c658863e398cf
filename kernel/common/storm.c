/* SPDX-License-Identifier: MIT */
/*
 * The storm: on every CPU the thread of control and the timer's interrupts take and give back memory at
 * random, at once.
 *
 * NMIs       Where there are interrupts that nothing holds off, each tick sends one to another CPU. It may
 *            hit the library anywhere, locks held, and uses the calls that never wait.
 *
 * Hands      What one of them holds: blocks of pages, kmalloc's memory, objects of a cache. The thread
 *            of a CPU has one, its interrupts, its NMIs. A hand is used by its owner alone, and none
 *            interrupts itself.
 *
 * Boxes      Things change hands here, by an atomic exchange: of any CPU, between threads and interrupts.
 *            So what one CPU's interrupt took, another's thread gives back, and the reverse.
 *
 * Stamps     The first and the last word of a thing hold its address and the complement, from the moment
 *            it is had until it is given back. If two ever own one thing, or parts of it, the first to
 *            give it back finds the stamp gone.
 *
 * Scarcity   In every second round the hoard takes nearly all memory, see hoard.c: then threads reclaim, and
 *            interrupts live on the reserves.
 *
 * The end    of a round: no interrupt works any more, hands and boxes are emptied, the cache is
 *            destroyed (it must have no object), caches and sheaves are drained. Then the validators must
 *            find nothing, and as many pages be free as before, to the page: unless tables grew, which
 *            come out of the same memory. Then there are more rounds, until none grows.
 */
#include "kernel.h"

#define STORM_STEPS 6000u /* of each thread */
#define STORM_TICK_STEPS 8u
#define STORM_TICKS 60u /* of each CPU that found work to do, at least */
#define STORM_TICK_US 700u
#define STORM_ROUNDS_MOST 12u
#define STORM_SLOTS 16u
#define STORM_NMI_SLOTS 4u
#define STORM_BOXES 32u
#define STORM_OBJECT 200u

enum storm_kind { STORM_NOTHING, STORM_PAGES, STORM_NOLOCK, STORM_KMALLOC, STORM_OBJECTS };

struct storm_thing {
	enum storm_kind kind;
	unsigned int order;
	size_t bytes;
	void *p;
};

struct storm_hand {
	struct storm_thing thing[STORM_SLOTS];
	uint64_t random;
	uint64_t taken, refused, from_box, broken, scopes;
};

static struct {
	struct storm_hand thread[KERNEL_MAX_CPUS], interrupt[KERNEL_MAX_CPUS], nmi[KERNEL_MAX_CPUS];
	struct storm_thing shelf[STORM_BOXES]; /* what lies in a box */
	uint32_t box[STORM_BOXES];             /* atomic: 1: somebody has the lid open */
	struct kmem_cache *cache;
	unsigned int exact[2]; /* rounds of which all pages are accounted for, and scarce ones */
	uint64_t ticks[KERNEL_MAX_CPUS]; /* that did work */
} storm_state;

static uint64_t *storm_last(const struct storm_thing *t)
{
	return (uint64_t *)(void *)((char *)t->p + t->bytes - sizeof(uint64_t));
}

static void storm_stamp(const struct storm_thing *t)
{
	*storm_last(t) = ~(uint64_t)(uintptr_t)t->p;
	*(uint64_t *)t->p = (uintptr_t)t->p;
}

static bool storm_stamped(const struct storm_thing *t)
{
	return *(uint64_t *)t->p == (uintptr_t)t->p && *storm_last(t) == ~(uint64_t)(uintptr_t)t->p;
}

/* Of the kind that @t says; nothing if there is none to be had. */
static void storm_take(struct storm_hand *h, struct storm_thing *t, gfp_t gfp, uint64_t x)
{
	struct page *page = NULL;

	t->order = 0;
	switch (t->kind) {
	case STORM_PAGES:
		/* Small ones mostly; threads ask for all orders now and then. */
		t->order = (unsigned int)(x >> 4 & 3);
		if ((x >> 8 & 15) == 0 && gfp != GFP_ATOMIC)
			t->order = (unsigned int)(x >> 12 & 15) % QUARRY_NR_ORDERS;
		page = quarry_alloc_pages(kernel.q, gfp | __GFP_NOWARN, t->order);
		break;
	case STORM_NOLOCK:
		t->order = (unsigned int)(x >> 4 & 3);
		page = quarry_alloc_pages_nolock(kernel.q, QUARRY_NO_NODE, t->order);
		break;
	case STORM_KMALLOC:
		t->bytes = (size_t)16 << (x >> 4 & 15) % 10 | (x >> 8 & 8);
		t->p = quarry_kmalloc(kernel.q, t->bytes, gfp | __GFP_NOWARN);
		break;
	default:
		t->bytes = STORM_OBJECT;
		t->p = quarry_kmem_cache_alloc(kernel.q, storm_state.cache, gfp);
	}
	if (t->kind == STORM_PAGES || t->kind == STORM_NOLOCK) {
		t->bytes = QUARRY_PAGE_SIZE << t->order;
		t->p = page != NULL ? quarry_page_address(kernel.q, page) : NULL;
	}
	if (t->p == NULL) {
		t->kind = STORM_NOTHING;
		h->refused++;
		return;
	}
	h->taken++;
	storm_stamp(t);
}

static void storm_give(struct storm_hand *h, struct storm_thing *t)
{
	enum storm_kind kind = t->kind;

	t->kind = STORM_NOTHING;
	if (kind == STORM_NOTHING)
		return;
	if (!storm_stamped(t))
		h->broken++;
	*storm_last(t) = 0;
	*(uint64_t *)t->p = 0;
	switch (kind) {
	case STORM_PAGES:
		quarry_free_pages_addr(kernel.q, t->p, t->order);
		break;
	case STORM_NOLOCK:
		quarry_free_pages_nolock(kernel.q, quarry_virt_to_page(kernel.q, t->p), t->order);
		break;
	case STORM_KMALLOC:
		quarry_kfree(kernel.q, t->p);
		break;
	default:
		quarry_kmem_cache_free(kernel.q, storm_state.cache, t->p);
	}
}

/* Into a box, and what lay there comes out. If somebody is at it, another time. */
static void storm_swap(struct storm_hand *h, struct storm_thing *t, unsigned int box)
{
	quarry_pin_t pin = quarry_pin();
	struct storm_thing other;

	if (__atomic_exchange_n(&storm_state.box[box], 1u, __ATOMIC_ACQUIRE) == 0) {
		other = storm_state.shelf[box];
		storm_state.shelf[box] = *t;
		*t = other;
		h->from_box += other.kind != STORM_NOTHING;
		__atomic_store_n(&storm_state.box[box], 0u, __ATOMIC_RELEASE);
	}
	quarry_unpin(pin);
}

static void storm_step(struct storm_hand *h, gfp_t gfp)
{
	uint64_t x = kernel_random(&h->random);
	struct storm_thing *t = &h->thing[x >> 56 & (STORM_SLOTS - 1)];

	if (t->kind == STORM_NOTHING) {
		t->kind = STORM_PAGES + (enum storm_kind)((x & 15) > 9 ? (x & 15) % 3 + 1 : 0);
		storm_take(h, t, gfp, x);
	} else if ((x & 3) == 0)
		storm_swap(h, t, (unsigned int)(x >> 24) & (STORM_BOXES - 1));
	else
		storm_give(h, t);
}

/* An interrupt: it has no task, so the thread's scope is not its own. */
static void storm_tick(struct kernel_cpu *cpu)
{
	struct storm_hand *h = &storm_state.interrupt[cpu->bare.cpu];

	if (quarry_gfp_context(kernel.q, GFP_KERNEL) != GFP_KERNEL)
		h->scopes++;
	for (unsigned int i = 0; i < STORM_TICK_STEPS; i++)
		storm_step(h, GFP_ATOMIC);
	storm_state.ticks[cpu->bare.cpu]++;
	if (arch_has_nmi)
		arch_send_nmi(&kernel.cpu[(cpu->bare.cpu + 1) % kernel.nr_cpus]);
}

/* Nothing waits here, and nothing goes through a box: somebody may stand in its lid, below. */
static void storm_nmi(struct kernel_cpu *cpu)
{
	struct storm_hand *h = &storm_state.nmi[cpu->bare.cpu];
	uint64_t x = kernel_random(&h->random);
	struct storm_thing *t = &h->thing[x >> 56 & (STORM_NMI_SLOTS - 1)];

	if (t->kind == STORM_NOTHING) {
		t->kind = STORM_NOLOCK;
		storm_take(h, t, 0, x);
	} else {
		storm_give(h, t);
	}
}

static void storm_thread(struct kernel_cpu *cpu)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE,
				      GFP_KERNEL | __GFP_RECLAIMABLE, GFP_NOWAIT};
	struct storm_hand *h = &storm_state.thread[cpu->bare.cpu];
	const uint64_t enough = storm_state.ticks[cpu->bare.cpu] + STORM_TICKS;
	uint32_t scope = quarry_memalloc_save(kernel.q, QUARRY_TASK_NOIO);
	gfp_t gfp;

	for (unsigned int i = 0;
	     i < STORM_STEPS ||
	     __atomic_load_n(&storm_state.ticks[cpu->bare.cpu], __ATOMIC_RELAXED) < enough;
	     i++) {
		gfp = kinds[i & 3];
		if ((quarry_gfp_context(kernel.q, GFP_KERNEL) & __GFP_IO) != 0)
			h->scopes++;
		storm_step(h, gfp);
		if (i % 16 == 0)
			hoard_take(i / 16 % 3);
		if (i % 2048 == 0)
			quarry_drain_all_pages(kernel.q);
		hoard_daemon(cpu->nid);
	}
	quarry_memalloc_restore(kernel.q, QUARRY_TASK_NOIO, scope);
}

/* After the last tick: the hands of the CPU. */
static void storm_empty(struct kernel_cpu *cpu)
{
	for (unsigned int i = 0; i < STORM_SLOTS; i++) {
		storm_give(&storm_state.thread[cpu->bare.cpu],
			   &storm_state.thread[cpu->bare.cpu].thing[i]);
		storm_give(&storm_state.interrupt[cpu->bare.cpu],
			   &storm_state.interrupt[cpu->bare.cpu].thing[i]);
		storm_give(&storm_state.nmi[cpu->bare.cpu],
			   &storm_state.nmi[cpu->bare.cpu].thing[i]);
	}
}

static unsigned int storm_says(bool right, const char *what)
{
	if (right)
		return 0;
	kprintf("# storm: %s\n", what);
	return 1;
}

static unsigned int storm_round(bool scarce)
{
	struct quarry_totals before, after;
	unsigned int faults = 0;

	kernel_quiesce();
	quarry_totals(kernel.q, &before);
	storm_state.cache =
		quarry_kmem_cache_create(kernel.q, "storm", STORM_OBJECT, SLAB_NO_MERGE, NULL);
	if (storm_state.cache == NULL)
		return storm_says(false, "no memory for a cache");
	if (scarce)
		hoard_open();
	__atomic_store_n(&kernel.nmi, storm_nmi, __ATOMIC_RELEASE);
	cpu_set_tick(storm_tick, STORM_TICK_US);
	cpu_run_all(storm_thread);
	__atomic_store_n(&kernel.nmi, NULL,
			 __ATOMIC_RELEASE); /* so that none is under way after: */
	cpu_set_tick(NULL, 0);
	hoard_close();
	cpu_run_all(storm_empty);
	for (unsigned int i = 0; i < STORM_BOXES; i++)
		storm_give(&storm_state.thread[0], &storm_state.shelf[i]);
	faults += storm_says(quarry_kmem_cache_destroy(kernel.q, storm_state.cache) == 0,
			     "objects are left in the cache");
	kernel_quiesce();
	faults += storm_says(quarry_check(kernel.q, &print_out) == 0, "a validator found faults");
	quarry_totals(kernel.q, &after);
	if (after.meta_bytes == before.meta_bytes) {
		storm_state.exact[scarce]++;
		faults += storm_says(after.free == before.free, "pages are lost");
	}
	faults += storm_says(after.managed == before.managed, "managed pages changed");
	return faults;
}

/* Adds up what the hands of one kind did, one for each CPU, and tells it. */
static unsigned int storm_sum(const char *who, const struct storm_hand *hands)
{
	uint64_t taken = 0, refused = 0, from_box = 0, broken = 0, scopes = 0;

	for (unsigned int i = 0; i < kernel.nr_cpus; i++) {
		taken += hands[i].taken;
		refused += hands[i].refused;
		from_box += hands[i].from_box;
		broken += hands[i].broken;
		scopes += hands[i].scopes;
	}
	kprintf("# storm: %s took %lu, found %lu in boxes, were refused %lu\n", who, taken,
		from_box, refused);
	return storm_says(broken == 0, "things with two owners") +
	       storm_says(scopes == 0, "scopes that do not hold, or hold in interrupts") +
	       storm_says(taken != 0, "nothing was taken");
}

static unsigned int storm_sums(void)
{
	uint64_t ticks = 0, inside = 0, nmis = 0, pinned = 0;
	unsigned int faults = 0;

	for (unsigned int i = 0; i < kernel.nr_cpus; i++) {
		ticks += storm_state.ticks[i];
		inside += kernel.cpu[i].ticks_inside;
		nmis += kernel.cpu[i].nmis;
		pinned += kernel.cpu[i].nmis_pinned;
	}
	faults += storm_sum("threads", storm_state.thread);
	faults += storm_sum("interrupts", storm_state.interrupt);
	kprintf("# storm: %lu interrupts, %lu inside the library\n", ticks, inside);
	faults += storm_says(hoard_says(), "memory was never scarce");
	if (nmis == 0)
		return faults;
	faults += storm_sum("NMIs", storm_state.nmi);
	kprintf("# storm: %lu NMIs, %lu inside the library with interrupts off\n", nmis, pinned);
	return faults;
}

unsigned int storm(unsigned int rounds)
{
	unsigned int faults = 0, i;

	for (i = 0; i < KERNEL_MAX_CPUS; i++) {
		storm_state.thread[i].random = 2 * i + 1;
		storm_state.interrupt[i].random = 0x1234567u + i;
		storm_state.nmi[i].random = 0x7654321u + i;
	}
	for (i = 0; i < rounds || (i < STORM_ROUNDS_MOST && faults == 0 &&
				   (storm_state.exact[0] == 0 || storm_state.exact[1] == 0));
	     i++)
		faults += storm_round(i % 2 == 1);
	faults += storm_says(storm_state.exact[0] != 0 && storm_state.exact[1] != 0,
			     "tables grew in every round");
	faults += storm_sums();
	kprintf("%s - storm: threads and interrupts of %u CPUs, %u rounds\n",
		faults == 0 ? "ok" : "not ok", kernel.nr_cpus, i);
	return faults;
}
