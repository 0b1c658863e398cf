/* SPDX-License-Identifier: MIT */
/* Lists by node for shrinkers; the callback of a walk is that of 6.13. */
#ifndef _QUARRY_LINUX_LIST_LRU_H
#define _QUARRY_LINUX_LIST_LRU_H

#include <linux/list.h>
#include <linux/shrinker.h>

enum lru_status {
	LRU_REMOVED = QUARRY_LRU_REMOVED,
	LRU_REMOVED_RETRY = QUARRY_LRU_REMOVED_RETRY,
	LRU_ROTATE = QUARRY_LRU_ROTATE,
	LRU_SKIP = QUARRY_LRU_SKIP,
	LRU_RETRY = QUARRY_LRU_RETRY,
	LRU_STOP = QUARRY_LRU_STOP,
};

#define list_lru_one quarry_list_lru_one
#define list_lru quarry_list_lru

typedef enum lru_status (*list_lru_walk_cb)(struct list_head *item, struct list_lru_one *list,
					    void *cb_arg);

static inline int list_lru_init(struct list_lru *lru)
{
	return quarry_list_lru_init(quarry_linux(), lru);
}

static inline void list_lru_destroy(struct list_lru *lru)
{
	quarry_list_lru_destroy(quarry_linux(), lru);
}

static inline bool list_lru_add_obj(struct list_lru *lru, struct list_head *item)
{
	return quarry_list_lru_add_obj(quarry_linux(), lru, item);
}

static inline bool list_lru_del_obj(struct list_lru *lru, struct list_head *item)
{
	return quarry_list_lru_del_obj(quarry_linux(), lru, item);
}

/* @memcg: NULL. */
static inline bool list_lru_add(struct list_lru *lru, struct list_head *item, int nid,
				struct mem_cgroup *memcg)
{
	(void)memcg;
	return quarry_list_lru_add(quarry_linux(), lru, item, nid);
}

static inline bool list_lru_del(struct list_lru *lru, struct list_head *item, int nid,
				struct mem_cgroup *memcg)
{
	(void)memcg;
	return quarry_list_lru_del(quarry_linux(), lru, item, nid);
}

static inline unsigned long list_lru_count_node(struct list_lru *lru, int nid)
{
	return quarry_list_lru_count_node(lru, nid);
}

static inline unsigned long list_lru_count(struct list_lru *lru)
{
	return quarry_list_lru_count(lru);
}

static inline unsigned long list_lru_shrink_count(struct list_lru *lru, struct shrink_control *sc)
{
	return quarry_list_lru_count_node(lru, sc->nid);
}

static inline void list_lru_isolate(struct list_lru_one *list, struct list_head *item)
{
	quarry_list_lru_isolate(list, item);
}

static inline void list_lru_isolate_move(struct list_lru_one *list, struct list_head *item,
					 struct list_head *head)
{
	quarry_list_lru_isolate_move(list, item, head);
}

struct list_lru_call {
	list_lru_walk_cb isolate;
	void *cb_arg;
};

static inline enum quarry_lru_status list_lru_call(struct quarry *q, struct list_head *item,
						   struct list_lru_one *list, void *arg)
{
	const struct list_lru_call *call = (const struct list_lru_call *)arg;

	(void)q;
	return (enum quarry_lru_status)call->isolate(item, list, call->cb_arg);
}

static inline unsigned long list_lru_walk_node(struct list_lru *lru, int nid,
					       list_lru_walk_cb isolate, void *cb_arg,
					       unsigned long *nr_to_walk)
{
	struct list_lru_call call = {isolate, cb_arg};

	return quarry_list_lru_walk_node(quarry_linux(), lru, nid, list_lru_call, &call,
					 nr_to_walk);
}

static inline unsigned long list_lru_walk(struct list_lru *lru, list_lru_walk_cb isolate,
					  void *cb_arg, unsigned long nr_to_walk)
{
	struct list_lru_call call = {isolate, cb_arg};

	return quarry_list_lru_walk(quarry_linux(), lru, list_lru_call, &call, nr_to_walk);
}

static inline unsigned long list_lru_shrink_walk(struct list_lru *lru, struct shrink_control *sc,
						 list_lru_walk_cb isolate, void *cb_arg)
{
	unsigned long nr = sc->nr_to_scan;

	return list_lru_walk_node(lru, sc->nid, isolate, cb_arg, &nr);
}

#endif
