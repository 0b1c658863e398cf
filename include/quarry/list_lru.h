/* SPDX-License-Identifier: MIT */
/*
 * Lists of objects by node, oldest first, for shrinkers to walk. An item is a struct list_head in the object.
 *
 * Context of every call: any, as far as a walk's callback allows, unless it says otherwise.
 */
#ifndef QUARRY_LIST_LRU_H
#define QUARRY_LIST_LRU_H

#include <quarry/bootmem.h>
#include <quarry/reclaim.h>
#include <quarry/types.h>

/* What became of an item that a walk showed to its callback. */
enum quarry_lru_status {
	QUARRY_LRU_REMOVED,       /* taken off, lock still held */
	QUARRY_LRU_REMOVED_RETRY, /* taken off, and quarry_list_lru_unlock() was called */
	QUARRY_LRU_ROTATE,        /* used: goes to the end */
	QUARRY_LRU_SKIP,          /* cannot be taken now */
	QUARRY_LRU_RETRY,         /* still there, but quarry_list_lru_unlock() was called */
	QUARRY_LRU_STOP,          /* end the walk, lock still held */
};

/* The list of one node. */
struct quarry_list_lru_one {
	struct list_head list;
	unsigned long nr_items;
	uint32_t lock[2];
	unsigned long pin;
};

struct quarry_list_lru {
	struct quarry_list_lru_one *node;
	unsigned int nr_nodes;
};

/* Called with the list's lock held; must not call the library but for quarry_list_lru_*() below. */
typedef enum quarry_lru_status (*quarry_list_lru_walk_fn)(struct quarry *q, struct list_head *item,
							  struct quarry_list_lru_one *list,
							  void *arg);

/** quarry_list_lru_init() - make @lru of @q empty. Context: not interrupt. Return: 0; -QUARRY_ENOMEM: no room
 * for its nodes; quarry_list_lru_destroy() does nothing then. */
QUARRY_MUST_CHECK int quarry_list_lru_init(struct quarry *q, struct quarry_list_lru *lru);

/** quarry_list_lru_destroy() - give back the memory of @lru of @q, which should be empty. Context: nobody
 * uses it; not interrupt. */
void quarry_list_lru_destroy(struct quarry *q, struct quarry_list_lru *lru);

/** quarry_list_lru_add() - put @item at the end of the list of node @nid of @lru of @q. Return: true; false:
 * it is on a list already (it does not point to itself), or there is no such node. Context: any. */
bool quarry_list_lru_add(struct quarry *q, struct quarry_list_lru *lru, struct list_head *item,
			 int nid);

/** quarry_list_lru_add_obj() - quarry_list_lru_add() of @q to @lru of @item on the node of the page it
 * lies in. */
bool quarry_list_lru_add_obj(struct quarry *q, struct quarry_list_lru *lru, struct list_head *item);

/** quarry_list_lru_del() - take @item off the list of node @nid of @lru of @q. Return: true; false: it is on
 * none. Context: any. */
bool quarry_list_lru_del(struct quarry *q, struct quarry_list_lru *lru, struct list_head *item,
			 int nid);

/** quarry_list_lru_del_obj() - quarry_list_lru_del() of @q from @lru of @item on the node of the page it
 * lies in. */
bool quarry_list_lru_del_obj(struct quarry *q, struct quarry_list_lru *lru, struct list_head *item);

/** quarry_list_lru_count_node() - items of @lru on node @nid; 0 if there is no such node. Context: any;
 * exact when nobody is at work. */
unsigned long quarry_list_lru_count_node(const struct quarry_list_lru *lru, int nid);

/** quarry_list_lru_count() - items of @lru on all nodes. */
unsigned long quarry_list_lru_count(const struct quarry_list_lru *lru);

/**
 * quarry_list_lru_walk_node() - show the oldest items of a node to a callback
 * @q:	   memory system
 * @lru:   list
 * @nid:   node
 * @isolate: says what became of an item; one that is rotated, or asks for a retry, may be shown again, as in Linux
 * @arg:   passed to it
 * @nr_to_walk: items to show at most, brought down by those that were
 *
 * Example, in a shrinker's scan_objects: walk sc->nr_to_scan items, moving those that are not in use to
 * a list of one's own with quarry_list_lru_isolate_move(), and free them after the walk.
 * Context: as @isolate. Return: items that were taken off.
 */
unsigned long quarry_list_lru_walk_node(struct quarry *q, struct quarry_list_lru *lru, int nid,
					quarry_list_lru_walk_fn isolate, void *arg,
					unsigned long *nr_to_walk);

/** quarry_list_lru_walk() - quarry_list_lru_walk_node() of @lru of @q with @isolate and @arg on one node after
 * the other, @nr_to_walk items in all. Return: items that were taken off. */
unsigned long quarry_list_lru_walk(struct quarry *q, struct quarry_list_lru *lru,
				   quarry_list_lru_walk_fn isolate, void *arg,
				   unsigned long nr_to_walk);

/** quarry_list_lru_shrink_walk() - quarry_list_lru_walk_node() of @lru of @q with @isolate and @arg as @sc, a
 * shrinker's, asks for: its node, its number. Return: items that were taken off. */
unsigned long quarry_list_lru_shrink_walk(struct quarry *q, struct quarry_list_lru *lru,
					  struct quarry_shrink_control *sc,
					  quarry_list_lru_walk_fn isolate, void *arg);

/** quarry_list_lru_shrink_count() - items of @lru on the node that @sc, a shrinker's, names. */
unsigned long quarry_list_lru_shrink_count(const struct quarry_list_lru *lru,
					   const struct quarry_shrink_control *sc);

/** quarry_list_lru_isolate() - take @item off @list; in a walk's callback, which then returns
 * QUARRY_LRU_REMOVED. */
void quarry_list_lru_isolate(struct quarry_list_lru_one *list, struct list_head *item);

/** quarry_list_lru_isolate_move() - take @item off @list and put it at the end of @head; as
 * quarry_list_lru_isolate(). */
void quarry_list_lru_isolate_move(struct quarry_list_lru_one *list, struct list_head *item,
				  struct list_head *head);

/** quarry_list_lru_unlock() - give up the lock of @list of @q in a walk's callback, which may then call
 * anything, and must return QUARRY_LRU_REMOVED_RETRY or QUARRY_LRU_RETRY. */
void quarry_list_lru_unlock(struct quarry *q, struct quarry_list_lru_one *list);

#endif
