/* SPDX-License-Identifier: MIT */
/*
 * Instructions for each operation of the page allocator and of slab caches.
 *
 * QEMU with -icount shift=0 lets a nanosecond of the machine's time pass with each instruction, and the
 * counters that arch_count() reads follow that time. So a row is exact, and the same in every run: it
 * tells what a change to the library costs, where a clock would tell what the neighbours do.
 *
 * Rows       pair            take one, give it back
 *            bulk alloc      half of all memory; bulk free: in the order in which it was taken
 *            random free     of the same, in random order
 *            churn           nine tenths are taken; one at random is given back and another taken
 *            batch           10,000 objects taken, and given back last first, first first, at random
 *
 * Each row runs once before it counts, so that tables and sheaves are there; the loop around it, run
 * with nothing inside, is taken off. Interrupts are off.
 */
#include "kernel.h"

#define COUNTS_PAIRS 20000u
#define COUNTS_BATCH 10000u
#define COUNTS_CHURN 100000u
#define COUNTS_OBJECT 64u
#define COUNTS_INLINE inline __attribute__((always_inline))

enum counts_kind { COUNTS_NONE, COUNTS_PAGES, COUNTS_CACHE, COUNTS_KMALLOC };
enum counts_order { COUNTS_FIFO, COUNTS_LIFO, COUNTS_RANDOM };

static struct {
	struct quarry *q;
	struct kmem_cache *cache;
	unsigned int order;
	void **p;        /* what is taken */
	uint32_t *index; /* in which order it is given back */
	size_t max;      /* entries of both */
} counts_state;

/* @kind is a constant where these stand. */
static COUNTS_INLINE void *counts_take(enum counts_kind kind)
{
	void *p = &counts_state;

	if (kind == COUNTS_PAGES)
		p = quarry_alloc_pages(counts_state.q, GFP_HIGHUSER_MOVABLE | __GFP_NOWARN,
				       counts_state.order);
	else if (kind == COUNTS_CACHE)
		p = quarry_kmem_cache_alloc(counts_state.q, counts_state.cache, GFP_KERNEL);
	else if (kind == COUNTS_KMALLOC)
		p = quarry_kmalloc(counts_state.q, COUNTS_OBJECT, GFP_KERNEL);
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

static COUNTS_INLINE void counts_give(enum counts_kind kind, void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	if (kind == COUNTS_PAGES)
		quarry_free_pages(counts_state.q, p, counts_state.order);
	else if (kind == COUNTS_CACHE)
		quarry_kmem_cache_free(counts_state.q, counts_state.cache, p);
	else if (kind == COUNTS_KMALLOC)
		quarry_kfree(counts_state.q, p);
}

static COUNTS_INLINE void counts_pair_of(enum counts_kind kind, size_t n)
{
	for (size_t i = 0; i < n; i++)
		counts_give(kind, counts_take(kind));
}

static COUNTS_INLINE void counts_fill_of(enum counts_kind kind, size_t n)
{
	for (size_t i = 0; i < n; i++)
		counts_state.p[i] = counts_take(kind);
}

static COUNTS_INLINE void counts_drain_of(enum counts_kind kind, size_t n)
{
	for (size_t i = 0; i < n; i++)
		counts_give(kind, counts_state.p[counts_state.index[i]]);
}

static COUNTS_INLINE void counts_churn_of(enum counts_kind kind, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void **p = &counts_state.p[counts_state.index[i]];

		counts_give(kind, *p);
		*p = counts_take(kind);
	}
}

/* One loop for each kind, with the calls in it and no choice. */
#define COUNTS_LOOP(name)                                                                    \
	static __attribute__((noinline)) void counts_##name(enum counts_kind kind, size_t n) \
	{                                                                                    \
		if (kind == COUNTS_NONE)                                                     \
			counts_##name##_of(COUNTS_NONE, n);                                  \
		else if (kind == COUNTS_PAGES)                                               \
			counts_##name##_of(COUNTS_PAGES, n);                                 \
		else if (kind == COUNTS_CACHE)                                               \
			counts_##name##_of(COUNTS_CACHE, n);                                 \
		else                                                                         \
			counts_##name##_of(COUNTS_KMALLOC, n);                               \
	}

COUNTS_LOOP(pair)
COUNTS_LOOP(fill)
COUNTS_LOOP(drain)
COUNTS_LOOP(churn)

typedef void (*counts_loop)(enum counts_kind kind, size_t n);

static uint64_t counts_run(counts_loop loop, enum counts_kind kind, size_t n)
{
	uint64_t start = arch_count();

	loop(kind, n);
	return arch_count() - start;
}

/* The empty loop leaves what is in the array alone, or writes what nobody reads. */
static void counts_row(const char *what, const char *row, counts_loop loop, enum counts_kind kind,
		       size_t n)
{
	uint64_t full = counts_run(loop, kind, n);
	uint64_t tenths;
	void *kept = counts_state.p[0];

	full -= counts_run(loop == counts_fill || loop == counts_churn ? counts_pair : loop,
			   COUNTS_NONE, n);
	counts_state.p[0] = kept;
	tenths = (full * 10 + n / 2) / n;
	kprintf("%-22s %-12s %8lu %7lu.%lu\n", what, row, n, tenths / 10, tenths % 10);
}

static void counts_arrange(enum counts_order order, size_t n)
{
	uint64_t random = 88172645463325252u;

	for (size_t i = 0; i < n; i++)
		counts_state.index[i] = (uint32_t)(order == COUNTS_LIFO ? n - 1 - i : i);
	for (size_t i = n; order == COUNTS_RANDOM && i > 1; i--) {
		size_t other = kernel_random(&random) % i;
		uint32_t was = counts_state.index[i - 1];

		counts_state.index[i - 1] = counts_state.index[other];
		counts_state.index[other] = was;
	}
}

/* As many as there are, or as are to be had. */
static size_t counts_fill_up(enum counts_kind kind, size_t n)
{
	size_t got = 0;

	while (got < n && (counts_state.p[got] = counts_take(kind)) != NULL)
		got++;
	return got;
}

static void counts_pages(unsigned int order)
{
	static const char *const names[] = {
		[0] = "pages of order 0", [3] = "pages of order 3", [9] = "pages of order 9"};
	const char *name = names[order];
	struct quarry_totals totals;
	size_t half, most;

	quarry_totals(counts_state.q, &totals);
	half = totals.managed >> (order + 1);
	most = totals.managed / 10 * 9 >> order;
	counts_state.order = order;
	counts_pair(COUNTS_PAGES, COUNTS_PAIRS);
	counts_row(name, "pair", counts_pair, COUNTS_PAGES, COUNTS_PAIRS);
	counts_arrange(COUNTS_FIFO, half);
	counts_fill(COUNTS_PAGES, half);
	counts_drain(COUNTS_PAGES, half);
	counts_row(name, "bulk alloc", counts_fill, COUNTS_PAGES, half);
	counts_row(name, "bulk free", counts_drain, COUNTS_PAGES, half);
	counts_arrange(COUNTS_RANDOM, half);
	counts_fill(COUNTS_PAGES, half);
	counts_row(name, "random free", counts_drain, COUNTS_PAGES, half);
	most = counts_fill_up(COUNTS_PAGES, most);
	counts_arrange(COUNTS_RANDOM, most);
	counts_row(name, "churn", counts_churn, COUNTS_PAGES,
		   most < COUNTS_CHURN ? most : COUNTS_CHURN);
	counts_arrange(COUNTS_FIFO, most);
	counts_drain(COUNTS_PAGES, most);
	kernel_quiesce();
}

static void counts_objects(const char *name, enum counts_kind kind)
{
	static const char *const rows[] = {[COUNTS_FIFO] = "batch FIFO",
					   [COUNTS_LIFO] = "batch LIFO",
					   [COUNTS_RANDOM] = "batch random"};

	counts_pair(kind, COUNTS_PAIRS);
	counts_row(name, "pair", counts_pair, kind, COUNTS_PAIRS);
	for (unsigned int order = COUNTS_FIFO; order <= COUNTS_RANDOM; order++) {
		counts_arrange((enum counts_order)order, COUNTS_BATCH);
		counts_fill(kind, COUNTS_BATCH);
		counts_drain(kind, COUNTS_BATCH);
		if (order == COUNTS_FIFO)
			counts_row(name, "batch alloc", counts_fill, kind, COUNTS_BATCH);
		else
			counts_fill(kind, COUNTS_BATCH);
		counts_row(name, rows[order], counts_drain, kind, COUNTS_BATCH);
	}
}

/* The arrays are the machine's own memory, too. */
static bool counts_begin(void)
{
	struct quarry_totals totals;

	counts_state.q = kernel.q;
	quarry_totals(kernel.q, &totals);
	counts_state.max = totals.managed;
	counts_state.p =
		quarry_alloc_pages_exact(kernel.q, counts_state.max * sizeof(void *), GFP_KERNEL);
	counts_state.index =
		quarry_alloc_pages_exact(kernel.q, counts_state.max * sizeof(uint32_t), GFP_KERNEL);
	counts_state.cache =
		quarry_kmem_cache_create(kernel.q, "counts", COUNTS_OBJECT, SLAB_NO_MERGE, NULL);
	return counts_state.p != NULL && counts_state.index != NULL && counts_state.cache != NULL;
}

_Noreturn void counts(void)
{
	if (!counts_begin()) {
		kprintf("FAIL: no memory for the counts\n");
		kernel_exit(KERNEL_FAIL);
	}
	kprintf("Instructions on %s; command line: %s\n", arch_name, kernel.command_line);
	kprintf("%-22s %-12s %8s %9s\n", "what", "row", "times", "each");
	counts_pages(0);
	counts_pages(3);
	counts_pages(9);
	counts_objects("cache of 64 bytes", COUNTS_CACHE);
	counts_objects("kmalloc(64)", COUNTS_KMALLOC);
	if (quarry_check(kernel.q, &print_out) != 0) {
		kprintf("FAIL: a validator found faults\n");
		kernel_exit(KERNEL_FAIL);
	}
	kprintf("PASS: counts\n");
	kernel_exit(KERNEL_PASS);
}
