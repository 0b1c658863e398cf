/* SPDX-License-Identifier: MIT */
#include "list_buddy.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

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

bool list_buddy_init(struct list_buddy *b, uint64_t nr_pages, uint64_t low_mark)
{
	size_t size = (size_t)nr_pages * sizeof(struct list_page);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	b->map = p;
	b->nr_pages = nr_pages;
	b->nr_free = nr_pages;
	b->low_mark = low_mark;
	for (unsigned int o = 0; o < LIST_BUDDY_ORDERS; o++)
		list_init(&b->area[o]);
	for (unsigned int s = 0; s <= LIST_BUDDY_PCP_ORDERS; s++) {
		struct list_pcp *pcp = &b->pcp[s];

		list_init(&pcp->list);
		pcp->count = 0;
		pcp->batch = s == LIST_BUDDY_PCP_ORDERS ? 8 : 64u >> s;
		pcp->high = pcp->batch * 6;
	}
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
		b->nr_free -= 1u << order;
		return page;
	}
	return NULL;
}

static void list_put(struct list_buddy *b, struct list_page *page, unsigned int order)
{
	uint64_t i = (uint64_t)(page - b->map);

	b->nr_free += 1u << order;
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
	while (pcp->count < pcp->batch) {
		struct list_page *page = list_take(b, order);

		if (page == NULL)
			break;
		page->state = LIST_CACHED;
		/* at the tail, so that they come out in the order of their addresses */
		list_add(pcp->list.prev, &page->lru);
		pcp->count++;
	}
	return pcp->count != 0;
}

static __attribute__((noinline)) void list_drain(struct list_buddy *b, struct list_pcp *pcp,
						 unsigned int order, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct list_page *page = list_to_page(pcp->list.prev);

		list_del(&page->lru);
		list_put(b, page, order);
		pcp->count--;
	}
}

/* Whether a free block of @order or more is there. */
static bool list_has_block(const struct list_buddy *b, unsigned int order)
{
	for (unsigned int o = order; o < LIST_BUDDY_ORDERS; o++) {
		if (b->area[o].next != &b->area[o])
			return true;
	}
	return false;
}

struct list_page *list_buddy_alloc(struct list_buddy *b, unsigned int order)
{
	int slot = list_slot(order);
	struct list_page *page;

	if (order > LIST_BUDDY_MAX_ORDER || b->nr_free <= b->low_mark + (1u << order) - 1)
		return NULL;
	if (order > 0 && !list_has_block(b, order))
		return NULL;
	if (slot >= 0) {
		struct list_pcp *pcp = &b->pcp[slot];

		if (pcp->count == 0 && !list_refill(b, pcp, order))
			return NULL;
		page = list_to_page(pcp->list.next);
		list_del(&page->lru);
		pcp->count--;
	} else {
		page = list_take(b, order);
		if (page == NULL)
			return NULL;
	}
	page->state = LIST_USED;
	page->refs = 1;
	return page;
}

void list_buddy_free(struct list_buddy *b, struct list_page *page, unsigned int order)
{
	int slot = list_slot(order);

	if (page->state != LIST_USED || page->order != order || --page->refs != 0) {
		fprintf(stderr, "list_buddy: bad free\n");
		abort();
	}
	if (slot >= 0) {
		struct list_pcp *pcp = &b->pcp[slot];

		page->state = LIST_CACHED;
		list_add(&pcp->list, &page->lru);
		if (++pcp->count >= pcp->high)
			list_drain(b, pcp, order, pcp->batch);
		return;
	}
	list_put(b, page, order);
}

void list_buddy_drain(struct list_buddy *b)
{
	for (unsigned int s = 0; s <= LIST_BUDDY_PCP_ORDERS; s++)
		list_drain(b, &b->pcp[s], s < LIST_BUDDY_PCP_ORDERS ? s : 9, b->pcp[s].count);
}

uint64_t list_buddy_count(const struct list_buddy *b, unsigned int order)
{
	uint64_t n = 0;

	for (const struct list_links *l = b->area[order].next; l != &b->area[order]; l = l->next)
		n++;
	return n;
}
