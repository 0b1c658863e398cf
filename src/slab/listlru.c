/* SPDX-License-Identifier: MIT */
/*
 * Lists by node for shrinkers.
 *
 * Invariant  An item is on a list exactly while it does not point to itself; nr_items is their number.
 *
 * Locks      One for each node. A walk holds it while the callback runs, unless that gives it up; then what
 *            was next may be gone, and the walk begins again at the oldest item.
 */
#include "sheaf.h"

_Static_assert(sizeof(((struct quarry_list_lru_one *)NULL)->lock) == sizeof(struct quarry_lock),
	       "room for the lock");

static struct quarry_lock *listlru_lock_of(struct quarry_list_lru_one *l)
{
	return (struct quarry_lock *)(void *)l->lock;
}

static void listlru_lock(struct quarry *q, struct quarry_list_lru_one *l)
	QUARRY_ACQUIRES(*listlru_lock_of(l))
{
	quarry_pin_t pin = quarry_lock(q->concurrent, listlru_lock_of(l));

	l->pin = (unsigned long)pin;
}

static void listlru_unlock(struct quarry *q, struct quarry_list_lru_one *l)
	QUARRY_RELEASES(*listlru_lock_of(l))
{
	quarry_pin_t pin = (quarry_pin_t)l->pin; /* before somebody else's is there */

	quarry_unlock(q->concurrent, listlru_lock_of(l), pin);
}

static void listlru_link(struct list_head *item, struct list_head *before)
{
	item->prev = before->prev;
	item->next = before;
	before->prev->next = item;
	before->prev = item;
}

static void listlru_unlink(struct list_head *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	item->next = item->prev = item;
}

int quarry_list_lru_init(struct quarry *q, struct quarry_list_lru *lru)
{
	unsigned int nr = (unsigned int)quarry_max(page_nr_nodes(q), 1), nid;

	*lru = (struct quarry_list_lru){0};
	lru->node = slab_side_alloc(q, nr * sizeof(lru->node[0]), GFP_KERNEL | __GFP_ZERO);
	if (lru->node == NULL)
		return -QUARRY_ENOMEM;
	lru->nr_nodes = nr;
	for (nid = 0; nid < nr; nid++) {
		struct quarry_list_lru_one *l = &lru->node[nid];

		l->list.next = l->list.prev = &l->list;
		quarry_lock_init(listlru_lock_of(l), QUARRY_LOCK_LEAF);
	}
	return 0;
}

void quarry_list_lru_destroy(struct quarry *q, struct quarry_list_lru *lru)
{
	slab_side_free(q, lru->node);
	*lru = (struct quarry_list_lru){0};
}

static struct quarry_list_lru_one *listlru_node(const struct quarry_list_lru *lru, int nid)
{
	return nid >= 0 && (unsigned int)nid < lru->nr_nodes ? &lru->node[nid] : NULL;
}

/* The node of the page; one that has come since the list was made shares node 0's. */
static int listlru_nid(struct quarry *q, const struct quarry_list_lru *lru,
		       const struct list_head *item)
{
	struct page *page = quarry_virt_to_page(q, (void *)(uintptr_t)item);
	int nid = page != NULL ? page_nid(q, page) : 0;

	return listlru_node(lru, nid) != NULL ? nid : 0;
}

bool quarry_list_lru_add(struct quarry *q, struct quarry_list_lru *lru, struct list_head *item,
			 int nid)
{
	struct quarry_list_lru_one *l = listlru_node(lru, nid);
	bool added;

	if (l == NULL)
		return false;
	listlru_lock(q, l);
	added = item->next == item;
	if (added) {
		listlru_link(item, &l->list);
		quarry_store_relaxed(&l->nr_items, l->nr_items + 1);
	}
	listlru_unlock(q, l);
	return added;
}

bool quarry_list_lru_add_obj(struct quarry *q, struct quarry_list_lru *lru, struct list_head *item)
{
	return quarry_list_lru_add(q, lru, item, listlru_nid(q, lru, item));
}

bool quarry_list_lru_del(struct quarry *q, struct quarry_list_lru *lru, struct list_head *item,
			 int nid)
{
	struct quarry_list_lru_one *l = listlru_node(lru, nid);
	bool removed;

	if (l == NULL)
		return false;
	listlru_lock(q, l);
	removed = item->next != item;
	if (removed)
		quarry_list_lru_isolate(l, item);
	listlru_unlock(q, l);
	return removed;
}

bool quarry_list_lru_del_obj(struct quarry *q, struct quarry_list_lru *lru, struct list_head *item)
{
	return quarry_list_lru_del(q, lru, item, listlru_nid(q, lru, item));
}

unsigned long quarry_list_lru_count_node(const struct quarry_list_lru *lru, int nid)
{
	const struct quarry_list_lru_one *l = listlru_node(lru, nid);

	return l != NULL ? quarry_load_relaxed(&l->nr_items) : 0;
}

unsigned long quarry_list_lru_count(const struct quarry_list_lru *lru)
{
	unsigned long n = 0;

	for (unsigned int nid = 0; nid < lru->nr_nodes; nid++)
		n += quarry_list_lru_count_node(lru, (int)nid);
	return n;
}

void quarry_list_lru_isolate(struct quarry_list_lru_one *list, struct list_head *item)
{
	listlru_unlink(item);
	quarry_store_relaxed(&list->nr_items, list->nr_items - 1);
}

void quarry_list_lru_isolate_move(struct quarry_list_lru_one *list, struct list_head *item,
				  struct list_head *head)
{
	quarry_list_lru_isolate(list, item);
	listlru_link(item, head);
}

void quarry_list_lru_unlock(struct quarry *q,
			    struct quarry_list_lru_one *list) QUARRY_NO_THREAD_SAFETY
{
	listlru_unlock(q, list);
}

unsigned long quarry_list_lru_walk_node(struct quarry *q, struct quarry_list_lru *lru, int nid,
					quarry_list_lru_walk_fn isolate, void *arg,
					unsigned long *nr_to_walk) QUARRY_NO_THREAD_SAFETY
{
	struct quarry_list_lru_one *l = listlru_node(lru, nid);
	enum quarry_lru_status status = QUARRY_LRU_SKIP;
	struct list_head *item, *next;
	unsigned long removed = 0;

	if (l == NULL)
		return 0;
	listlru_lock(q, l);
	for (item = l->list.next; item != &l->list && *nr_to_walk != 0; item = next) {
		next = item->next;
		--*nr_to_walk;
		status = isolate(q, item, l, arg);
		removed += status == QUARRY_LRU_REMOVED || status == QUARRY_LRU_REMOVED_RETRY;
		if (status == QUARRY_LRU_STOP)
			break;
		if (status == QUARRY_LRU_ROTATE) {
			listlru_unlink(item);
			listlru_link(item, &l->list);
		} else if (status == QUARRY_LRU_REMOVED_RETRY || status == QUARRY_LRU_RETRY) {
			listlru_lock(q, l);
			next = l->list.next;
		}
	}
	listlru_unlock(q, l);
	return removed;
}

unsigned long quarry_list_lru_walk(struct quarry *q, struct quarry_list_lru *lru,
				   quarry_list_lru_walk_fn isolate, void *arg,
				   unsigned long nr_to_walk)
{
	unsigned long removed = 0;

	for (unsigned int nid = 0; nid < lru->nr_nodes && nr_to_walk != 0; nid++)
		removed += quarry_list_lru_walk_node(q, lru, (int)nid, isolate, arg, &nr_to_walk);
	return removed;
}

unsigned long quarry_list_lru_shrink_walk(struct quarry *q, struct quarry_list_lru *lru,
					  struct quarry_shrink_control *sc,
					  quarry_list_lru_walk_fn isolate, void *arg)
{
	unsigned long nr = sc->nr_to_scan;

	return quarry_list_lru_walk_node(q, lru, sc->nid, isolate, arg, &nr);
}

unsigned long quarry_list_lru_shrink_count(const struct quarry_list_lru *lru,
					   const struct quarry_shrink_control *sc)
{
	return quarry_list_lru_count_node(lru, sc->nid);
}
