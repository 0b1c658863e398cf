/* SPDX-License-Identifier: MIT */
/*
 * What callgrind.sh counts: instr WHAT N does N pairs of alloc and free in the function instr_WHAT,
 * after some pairs outside it have brought everything to its usual state. Of churn a pair is: with 90 % of 2 GiB
 * in use, one random block back, one out; of bulk: N pages out, then back in the same order.
 */
#include <string.h>

#include "bench.h"
#include "list_buddy.h"

#define INSTR_PAGES ((size_t)2 << 18)

struct instr_state {
	struct quarry *q;
	struct kmem_cache *cache;
	struct list_buddy list;
	/* of churn and bulk */
	void **held;
	uint32_t *step; /* which of them, in turn */
};

typedef void (*instr_fn)(struct instr_state *s, unsigned long n);

#define INSTR_FUNCTION(name)                                       \
	void instr_##name(struct instr_state *s, unsigned long n); \
	__attribute__((noinline)) void instr_##name(struct instr_state *s, unsigned long n)

INSTR_FUNCTION(empty)
{
	for (unsigned long i = 0; i < n; i++)
		bench_use(s);
}

static inline void instr_pages(struct instr_state *s, unsigned int order, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		struct page *p = quarry_alloc_pages(s->q, GFP_KERNEL, order);

		bench_use(p);
		quarry_free_pages(s->q, p, order);
	}
}

INSTR_FUNCTION(page)
{
	instr_pages(s, 0, n);
}

INSTR_FUNCTION(page3)
{
	instr_pages(s, 3, n);
}

INSTR_FUNCTION(page9)
{
	instr_pages(s, 9, n);
}

static inline void instr_bulk_pages(struct instr_state *s, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		s->held[i] = quarry_alloc_pages(s->q, GFP_HIGHUSER_MOVABLE, 0);
	for (unsigned long i = 0; i < n; i++)
		quarry_free_pages(s->q, s->held[i], 0);
}

INSTR_FUNCTION(bulk)
{
	instr_bulk_pages(s, n);
}

static inline void instr_lists(struct instr_state *s, unsigned int order, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		struct list_page *p = list_buddy_alloc(&s->list, 0, order);

		bench_use(p);
		list_buddy_free(&s->list, 0, p, order);
	}
}

INSTR_FUNCTION(list)
{
	instr_lists(s, 0, n);
}

INSTR_FUNCTION(list3)
{
	instr_lists(s, 3, n);
}

INSTR_FUNCTION(list9)
{
	instr_lists(s, 9, n);
}

INSTR_FUNCTION(cache)
{
	for (unsigned long i = 0; i < n; i++) {
		void *p = quarry_kmem_cache_alloc(s->q, s->cache, GFP_KERNEL);

		bench_use(p);
		quarry_kmem_cache_free(s->q, s->cache, p);
	}
}

INSTR_FUNCTION(kmalloc)
{
	for (unsigned long i = 0; i < n; i++) {
		void *p = quarry_kmalloc(s->q, 64, GFP_KERNEL);

		bench_use(p);
		quarry_kfree(s->q, p);
	}
}

INSTR_FUNCTION(malloc)
{
	(void)s;
	for (unsigned long i = 0; i < n; i++) {
		void *p = malloc(64);

		bench_use(p);
		free(p);
	}
}

static inline void instr_churn_pages(struct instr_state *s, unsigned int order, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		void **at = &s->held[s->step[i]];

		quarry_free_pages(s->q, *at, order);
		*at = quarry_alloc_pages(s->q, GFP_HIGHUSER_MOVABLE, order);
	}
}

INSTR_FUNCTION(churn)
{
	instr_churn_pages(s, 0, n);
}

INSTR_FUNCTION(churn3)
{
	instr_churn_pages(s, 3, n);
}

static inline void instr_churn_lists(struct instr_state *s, unsigned int order, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		void **at = &s->held[s->step[i]];

		list_buddy_free(&s->list, 0, *at, order);
		*at = list_buddy_alloc(&s->list, 0, order);
	}
}

INSTR_FUNCTION(lchurn)
{
	instr_churn_lists(s, 0, n);
}

INSTR_FUNCTION(lchurn3)
{
	instr_churn_lists(s, 3, n);
}

static void instr_draw(struct instr_state *s, size_t held, unsigned long n, uint64_t *seed)
{
	for (unsigned long i = 0; i < n; i++)
		s->step[i] = (uint32_t)((bench_random(seed) >> 32) * held >> 32);
}

/* Takes 90 % and churns all of it twice, outside the functions that are counted. */
static void instr_settle(struct instr_state *s, bool list, unsigned int order, unsigned long n)
{
	size_t held = INSTR_PAGES * 9 / 10 >> order;
	uint64_t seed = 1;

	s->held = malloc(held * sizeof(*s->held));
	s->step = malloc(n * sizeof(*s->step));
	if (s->held == NULL || s->step == NULL)
		bench_die("out of memory");
	for (size_t i = 0; i < held; i++)
		s->held[i] = list ? (void *)list_buddy_alloc(&s->list, 0, order)
				  : (void *)quarry_alloc_pages(s->q, GFP_HIGHUSER_MOVABLE, order);
	for (size_t done = 0; done <= 2 * held; done += n) {
		instr_draw(s, held, n, &seed);
		if (list)
			instr_churn_lists(s, order, n);
		else
			instr_churn_pages(s, order, n);
	}
	instr_draw(s, held, n, &seed);
}

/* What bulk takes is given back once before, so that its descriptors are there. */
static void instr_settle_bulk(struct instr_state *s, unsigned long n)
{
	s->held = malloc(n * sizeof(*s->held));
	if (s->held == NULL || n > INSTR_PAGES / 2)
		bench_die("out of memory");
	instr_bulk_pages(s, n);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		instr_fn run;
	} kinds[] = {
		{"empty", instr_empty},   {"page", instr_page},       {"page3", instr_page3},
		{"page9", instr_page9},   {"list", instr_list},       {"list3", instr_list3},
		{"list9", instr_list9},   {"cache", instr_cache},     {"kmalloc", instr_kmalloc},
		{"malloc", instr_malloc}, {"churn", instr_churn},     {"churn3", instr_churn3},
		{"lchurn", instr_lchurn}, {"lchurn3", instr_lchurn3}, {"bulk", instr_bulk}};
	struct instr_state s = {
		.q = bench_machine((uint64_t)INSTR_PAGES * QUARRY_PAGE_SIZE, 1, false, true)};
	unsigned long n;

	s.cache = quarry_kmem_cache_create(s.q, "instr", 64, SLAB_NO_MERGE, NULL);
	if (argc != 3 || s.cache == NULL || !list_buddy_init(&s.list, INSTR_PAGES, 128, false))
		bench_die("usage: instr empty|page[3|9]|list[3|9]|[l]churn[3]|bulk|cache|kmalloc|"
			  "malloc N");
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(kinds); i++) {
		if (strcmp(argv[1], kinds[i].name) != 0)
			continue;
		/* Warm up by the other name: only calls of instr_WHAT are counted. */
		for (volatile int k = 0; k < 1000; k++) {
			quarry_free_pages(s.q, quarry_alloc_pages(s.q, GFP_KERNEL, 0), 0);
			list_buddy_free(&s.list, 0, list_buddy_alloc(&s.list, 0, 0), 0);
			quarry_kmem_cache_free(s.q, s.cache,
					       quarry_kmem_cache_alloc(s.q, s.cache, GFP_KERNEL));
			quarry_kfree(s.q, quarry_kmalloc(s.q, 64, GFP_KERNEL));
			free(malloc(64));
		}
		n = strtoul(argv[2], NULL, 10);
		if (strstr(argv[1], "churn") != NULL)
			instr_settle(&s, argv[1][0] == 'l', strchr(argv[1], '3') != NULL ? 3 : 0,
				     n);
		if (strcmp(argv[1], "bulk") == 0)
			instr_settle_bulk(&s, n);
		kinds[i].run(&s, n);
		return 0;
	}
	bench_die("no such pair");
	return 2;
}
