/* SPDX-License-Identifier: MIT */
#include "list_buddy.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LIST_BATCH 64u

enum list_state { LIST_TAIL, LIST_BUDDY, LIST_CACHED, LIST_USED };

_Static_assert(sizeof(struct list_page) == 64, "a page record is one cache line");

static inline void list_init(struct list_links *head)
{
	head->next = head;
	head->prev = head;
}

static inline void list_add(struct list_links *head, struct list_links *n)
{
	n->next = head->next;
	n->prev = head;
	head->next->prev = n;
	head->next = n;
}

static inline void list_del(struct list_links *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
}

static inline struct list_page *list_to_page(struct list_links *n)
{
	return (struct list_page *)(void *)n; /* its first member */
}

/* Slot of an order in the per-CPU lists; -1: not cached. */
static inline int list_slot(unsigned int order)
{
	return order < LIST_BUDDY_PCP_ORDERS ? (int)order
	       : order == 9                  ? (int)LIST_BUDDY_PCP_ORDERS
					     : -1;
}

static void list_relax(unsigned int *spins)
{
	if (++*spins % 32 == 0)
		sched_yield();
#if defined(__x86_64__) || defined(__i386__)
	else
		__builtin_ia32_pause();
#endif
}

static void list_lock(struct list_buddy *b)
{
	unsigned int spins = 0;

	if (!b->concurrent)
		return;
	while (__atomic_exchange_n(&b->locked, 1u, __ATOMIC_ACQUIRE) != 0) {
		spins += spins == 0;
		while (__atomic_load_n(&b->locked, __ATOMIC_RELAXED) != 0)
			list_relax(&spins);
	}
	b->contended += spins != 0;
}

static void list_unlock(struct list_buddy *b)
{
	if (b->concurrent)
		__atomic_store_n(&b->locked, 0u, __ATOMIC_RELEASE);
}

static void list_init_cpus(struct list_buddy *b)
{
	for (unsigned int i = 0; i < LIST_BUDDY_CPUS * (LIST_BUDDY_PCP_ORDERS + 1); i++) {
		unsigned int s = i % (LIST_BUDDY_PCP_ORDERS + 1);
		struct list_pcp *pcp = &b->cpu[i / (LIST_BUDDY_PCP_ORDERS + 1)].pcp[s];

		list_init(&pcp->list);
		pcp->count = 0;
		pcp->batch = s == LIST_BUDDY_PCP_ORDERS ? 8 : LIST_BATCH >> s;
		pcp->high = pcp->batch * 6;
	}
}

bool list_buddy_init(struct list_buddy *b, uint64_t nr_pages, uint64_t low_mark, bool concurrent)
{
	size_t size = (size_t)nr_pages * sizeof(struct list_page);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	(void)madvise(p, size, MADV_HUGEPAGE);
	*b = (struct list_buddy){.map = p,
				 .nr_pages = nr_pages,
				 .nr_free = nr_pages,
				 .low_mark = low_mark,
				 .concurrent = concurrent};
	for (size_t i = 0; i < size; i += 4096) /* written once: no page fault is timed */
		((volatile char *)p)[i] = 0;
	for (unsigned int o = 0; o < LIST_BUDDY_ORDERS; o++)
		list_init(&b->area[o]);
	list_init_cpus(b);
	for (uint64_t i = nr_pages; i > 0; i -= 1u << LIST_BUDDY_MAX_ORDER) {
		struct list_page *page = &b->map[i - (1u << LIST_BUDDY_MAX_ORDER)];

		page->state = LIST_BUDDY;
		page->order = LIST_BUDDY_MAX_ORDER;
		list_add(&b->area[LIST_BUDDY_MAX_ORDER], &page->lru);
	}
	return true;
}

void list_buddy_exit(struct list_buddy *b)
{
	munmap(b->map, (size_t)b->nr_pages * sizeof(struct list_page));
}

/* The smallest block that fits, split down; the upper halves go back. */
static struct list_page *list_take(struct list_buddy *b, unsigned int order)
{
	for (unsigned int o = order; o < LIST_BUDDY_ORDERS; o++) {
		struct list_page *page;

		if (b->area[o].next == &b->area[o])
			continue;
		page = list_to_page(b->area[o].next);
		list_del(&page->lru);
		while (o > order) {
			struct list_page *half = page + (1u << --o);

			half->state = LIST_BUDDY;
			half->order = o;
			list_add(&b->area[o], &half->lru);
		}
		page->order = order;
		__atomic_store_n(&b->nr_free, b->nr_free - (1u << order), __ATOMIC_RELAXED);
		return page;
	}
	return NULL;
}

static void list_put(struct list_buddy *b, struct list_page *page, unsigned int order)
{
	uint64_t i = (uint64_t)(page - b->map);

	__atomic_store_n(&b->nr_free, b->nr_free + (1u << order), __ATOMIC_RELAXED);
	while (order < LIST_BUDDY_MAX_ORDER) {
		struct list_page *buddy = &b->map[i ^ (1u << order)];

		if (buddy->state != LIST_BUDDY || buddy->order != order)
			break;
		list_del(&buddy->lru);
		buddy->state = LIST_TAIL;
		b->map[i].state = LIST_TAIL;
		i &= ~((uint64_t)1 << order);
		order++;
	}
	page = &b->map[i];
	page->state = LIST_BUDDY;
	page->order = order;
	list_add(&b->area[order], &page->lru);
}

static __attribute__((noinline)) bool list_refill(struct list_buddy *b, struct list_pcp *pcp,
						  unsigned int order)
{
	list_lock(b);
	while (pcp->count < pcp->batch) {
		struct list_page *page = list_take(b, order);

		if (page == NULL)
			break;
		__builtin_prefetch(b->area[order].next); /* the next one, if it need not be split */
		page->state = LIST_CACHED;
		/* at the tail, so that they come out in the order of their addresses */
		list_add(pcp->list.prev, &page->lru);
		pcp->count++;
	}
	list_unlock(b);
	return pcp->count != 0;
}

/* Those freed longest ago; their buddies are fetched before the lock is taken. */
static __attribute__((noinline)) void list_drain(struct list_buddy *b, struct list_pcp *pcp,
						 unsigned int order, uint32_t n)
{
	struct list_page *page[LIST_BATCH];

	for (uint32_t i = 0; i < n; i++) {
		page[i] = list_to_page(pcp->list.prev);
		list_del(&page[i]->lru);
		__builtin_prefetch(&b->map[(uint64_t)(page[i] - b->map) ^ (1u << order)]);
	}
	pcp->count -= n;
	list_lock(b);
	for (uint32_t i = 0; i < n; i++)
		list_put(b, page[i], order);
	list_unlock(b);
}

/* Whether a free block of @order or more is there. */
static bool list_has_block(const struct list_buddy *b, unsigned int order)
{
	for (unsigned int o = order; o < LIST_BUDDY_ORDERS; o++) {
		if (__atomic_load_n(&b->area[o].next, __ATOMIC_RELAXED) != &b->area[o])
			return true;
	}
	return false;
}

struct list_page *list_buddy_alloc(struct list_buddy *b, unsigned int cpu, unsigned int order)
{
	int slot = list_slot(order);
	struct list_page *page;

	if (order > LIST_BUDDY_MAX_ORDER ||
	    __atomic_load_n(&b->nr_free, __ATOMIC_RELAXED) <= b->low_mark + (1u << order) - 1)
		return NULL;
	if (order > 0 && !list_has_block(b, order))
		return NULL;
	if (slot >= 0) {
		struct list_pcp *pcp = &b->cpu[cpu].pcp[slot];

		if (pcp->count == 0 && !list_refill(b, pcp, order))
			return NULL;
		page = list_to_page(pcp->list.next);
		__builtin_prefetch(page->lru.next);
		list_del(&page->lru);
		pcp->count--;
	} else {
		list_lock(b);
		page = list_take(b, order);
		list_unlock(b);
		if (page == NULL)
			return NULL;
	}
	page->state = LIST_USED;
	page->refs = 1;
	return page;
}

void list_buddy_free(struct list_buddy *b, unsigned int cpu, struct list_page *page,
		     unsigned int order)
{
	int slot = list_slot(order);

	if (page->state != LIST_USED || page->order != order || --page->refs != 0) {
		fprintf(stderr, "list_buddy: bad free\n");
		abort();
	}
	if (slot >= 0) {
		struct list_pcp *pcp = &b->cpu[cpu].pcp[slot];

		page->state = LIST_CACHED;
		list_add(&pcp->list, &page->lru);
		if (++pcp->count >= pcp->high)
			list_drain(b, pcp, order, pcp->batch);
		return;
	}
	list_lock(b);
	list_put(b, page, order);
	list_unlock(b);
}
