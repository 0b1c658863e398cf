/* SPDX-License-Identifier: MIT */
/* What the parts of `bench pages` share: two allocators behind one face. */
#ifndef BENCH_PAGES_H
#define BENCH_PAGES_H

#include "bench.h"
#include "list_buddy.h"

#define PAGES_GFP GFP_HIGHUSER_MOVABLE
#define PAGES_GIB(n) ((uint64_t)(n) << (30 - QUARRY_PAGE_SHIFT)) /* in pages */
#define PAGES_SEED 0x9e3779b97f4a7c15u

/* One allocator under test, as one CPU sees it. */
struct pages_peer {
	struct quarry *q; /* or NULL: */
	struct list_buddy *list;
	unsigned int cpu;
};

enum { PAGES_OURS, PAGES_LIST, PAGES_PEERS };

static inline void *pages_try(const struct pages_peer *p, unsigned int order)
{
	if (p->q != NULL)
		return quarry_alloc_pages(p->q, PAGES_GFP | __GFP_NOWARN, order);
	return list_buddy_alloc(p->list, p->cpu, order);
}

static inline void *pages_alloc(const struct pages_peer *p, unsigned int order)
{
	void *page = pages_try(p, order);

	if (page == NULL)
		bench_die("out of pages");
	return page;
}

static inline void pages_free(const struct pages_peer *p, void *page, unsigned int order)
{
	if (p->q != NULL)
		quarry_free_pages(p->q, page, order);
	else
		list_buddy_free(p->list, p->cpu, page, order);
}

/*
 * A machine of @pages pages in one zone, and the list buddy with as many if @with_list. @cpus 0: one thread plays
 * it. Ends the program without success.
 */
void pages_open(struct pages_peer *peers, struct list_buddy *list, uint64_t pages,
		unsigned int cpus, bool with_list);
void pages_close(struct pages_peer *peers);
/* On the terminal, until the next line; nothing if there is none. */
void pages_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void pages_fragmentation(uint64_t nr_pages);
void pages_threads(uint64_t nr_pages);

#endif
