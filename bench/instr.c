/* SPDX-License-Identifier: MIT */
/*
 * What callgrind.sh counts: instr WHAT N does N pairs of alloc and free in the function instr_WHAT,
 * after some pairs outside it have brought everything to its usual state.
 */
#include <string.h>

#include "bench.h"
#include "list_buddy.h"

struct instr_state {
	struct quarry *q;
	struct kmem_cache *cache;
	struct list_buddy list;
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

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		instr_fn run;
	} kinds[] = {{"empty", instr_empty},  {"page", instr_page},   {"page3", instr_page3},
		     {"page9", instr_page9},  {"list", instr_list},   {"list3", instr_list3},
		     {"list9", instr_list9},  {"cache", instr_cache}, {"kmalloc", instr_kmalloc},
		     {"malloc", instr_malloc}};
	struct instr_state s = {.q = bench_machine((uint64_t)1 << 30, 1, false, true)};

	s.cache = quarry_kmem_cache_create(s.q, "instr", 64, SLAB_NO_MERGE, NULL);
	if (argc != 3 || s.cache == NULL || !list_buddy_init(&s.list, 1 << 15, 128, false))
		bench_die("usage: instr empty|page[3|9]|list[3|9]|cache|kmalloc|malloc N");
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
		kinds[i].run(&s, strtoul(argv[2], NULL, 10));
		return 0;
	}
	bench_die("no such pair");
	return 2;
}
