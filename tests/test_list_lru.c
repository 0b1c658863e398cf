/* SPDX-License-Identifier: MIT */
/* Lists by node and the shrinker that walks them: row "shrinkers, list_lru" of 2c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <quarry/posix.h>

#include <base/quarry_state.h>

#define MIB ((size_t)1 << 20)

struct entry {
	struct list_head lru;
	int id;
	bool used;
};

static struct quarry *machine(void)
{
	struct quarry_posix_options options = {.ram_bytes = 32 * MIB};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	for (int nid = 0; nid < 2; nid++)
		assert_int_equal(quarry_memblock_add_node(q, (phys_addr_t)nid * 16 * MIB, 16 * MIB,
							  nid, MEMBLOCK_NONE),
				 0);
	assert_int_equal(quarry_boot(q, NULL), 0);
	quarry_posix_set_cpu(0);
	return q;
}

static void finish(struct quarry *q)
{
	assert_int_equal(quarry_check_slab(q, NULL), 0);
	assert_int_equal(quarry_check_pages(q, NULL), 0);
	quarry_posix_delete(q);
}

static void entry_init(struct entry *e, int id)
{
	*e = (struct entry){.id = id};
	e->lru.next = e->lru.prev = &e->lru;
}

static void test_items_count_by_node(void **state)
{
	struct quarry *q = machine();
	struct quarry_list_lru lru;
	struct entry e[3], *obj[2];

	(void)state;
	assert_int_equal(quarry_list_lru_init(q, &lru), 0);
	for (int i = 0; i < 3; i++)
		entry_init(&e[i], i);
	assert_true(quarry_list_lru_add(q, &lru, &e[0].lru, 0));
	assert_false(quarry_list_lru_add(q, &lru, &e[0].lru, 0)); /* on a list already */
	assert_false(quarry_list_lru_add(q, &lru, &e[1].lru, 2)); /* no such node */
	assert_false(quarry_list_lru_add(q, &lru, &e[1].lru, -1));
	assert_true(quarry_list_lru_add(q, &lru, &e[1].lru, 1));
	assert_true(quarry_list_lru_add(q, &lru, &e[2].lru, 1));
	assert_int_equal(quarry_list_lru_count_node(&lru, 0), 1);
	assert_int_equal(quarry_list_lru_count_node(&lru, 1), 2);
	assert_int_equal(quarry_list_lru_count_node(&lru, 2), 0);
	assert_int_equal(quarry_list_lru_count(&lru), 3);
	assert_true(quarry_list_lru_del(q, &lru, &e[1].lru, 1));
	assert_false(quarry_list_lru_del(q, &lru, &e[1].lru, 1));
	assert_false(quarry_list_lru_del(q, &lru, &e[0].lru, 7));
	assert_true(quarry_list_lru_del(q, &lru, &e[0].lru, 0));
	assert_true(quarry_list_lru_del(q, &lru, &e[2].lru, 1));
	assert_int_equal(quarry_list_lru_count(&lru), 0);
	/* By the page that the item lies in. */
	for (int nid = 0; nid < 2; nid++) {
		obj[nid] = quarry_kmalloc_node(q, sizeof(struct entry), GFP_KERNEL, nid);
		entry_init(obj[nid], nid);
		assert_true(quarry_list_lru_add_obj(q, &lru, &obj[nid]->lru));
		assert_int_equal(quarry_list_lru_count_node(&lru, nid), 1);
	}
	for (int nid = 0; nid < 2; nid++) {
		assert_true(quarry_list_lru_del_obj(q, &lru, &obj[nid]->lru));
		assert_false(quarry_list_lru_del_obj(q, &lru, &obj[nid]->lru));
		quarry_kfree(q, obj[nid]);
	}
	quarry_list_lru_destroy(q, &lru);
	finish(q);
}

/* What the callback does with entry id; kept in the order of calls. */
struct script {
	enum quarry_lru_status status[8];
	int order[32], calls;
	struct list_head taken;
	struct quarry_list_lru *lru;
};

static enum quarry_lru_status follow(struct quarry *q, struct list_head *item,
				     struct quarry_list_lru_one *list, void *arg)
{
	struct entry *e = (struct entry *)item;
	struct script *s = arg;
	enum quarry_lru_status status = s->status[e->id];

	s->order[s->calls++] = e->id;
	switch (status) {
	case QUARRY_LRU_REMOVED:
		quarry_list_lru_isolate_move(list, item, &s->taken);
		break;
	case QUARRY_LRU_REMOVED_RETRY:
		quarry_list_lru_isolate(list, item);
		quarry_list_lru_unlock(q, list);
		break;
	case QUARRY_LRU_RETRY: /* while the lock is given up, somebody else takes it off */
		quarry_list_lru_unlock(q, list);
		assert_true(quarry_list_lru_del(q, s->lru, item, 0));
		break;
	default:
		break;
	}
	return status;
}

static void test_walk_follows_the_callback(void **state)
{
	struct quarry *q = machine();
	struct quarry_list_lru lru;
	struct entry e[7];
	struct script s = {.status = {QUARRY_LRU_SKIP, QUARRY_LRU_ROTATE, QUARRY_LRU_REMOVED,
				      QUARRY_LRU_REMOVED_RETRY, QUARRY_LRU_RETRY, QUARRY_LRU_STOP,
				      QUARRY_LRU_SKIP},
			   .lru = &lru};
	static const int expected[] = {0, 1, 2, 3, 0, 4, 0, 5};
	unsigned long nr = 100;

	(void)state;
	s.taken.next = s.taken.prev = &s.taken;
	assert_int_equal(quarry_list_lru_init(q, &lru), 0);
	for (int i = 0; i < 7; i++) {
		entry_init(&e[i], i);
		assert_true(quarry_list_lru_add(q, &lru, &e[i].lru, 0));
	}
	/* Oldest first; after the lock was given up, from the start again; ends at 5. */
	assert_int_equal(quarry_list_lru_walk_node(q, &lru, 0, follow, &s, &nr), 2);
	assert_int_equal(s.calls, 8);
	assert_memory_equal(s.order, expected, sizeof(expected));
	assert_int_equal(nr, 92);
	assert_ptr_equal(s.taken.next, &e[2].lru);
	assert_int_equal(quarry_list_lru_count(&lru), 4); /* 0 5 6 1 */
	/* No more than asked for. */
	s.calls = 0;
	s.status[5] = QUARRY_LRU_SKIP;
	assert_int_equal(quarry_list_lru_walk(q, &lru, follow, &s, 2), 0);
	assert_int_equal(s.calls, 2);
	assert_int_equal(quarry_list_lru_walk_node(q, &lru, 5, follow, &s, &nr), 0);
	s.calls = 0;
	for (int i = 0; i < 7; i++)
		s.status[i] = QUARRY_LRU_REMOVED;
	assert_true(quarry_list_lru_del(q, &lru, &e[6].lru, 0));
	assert_true(quarry_list_lru_add(q, &lru, &e[6].lru, 1));
	assert_int_equal(quarry_list_lru_walk(q, &lru, follow, &s, 100), 4);
	assert_int_equal(s.order[2], 1);
	assert_int_equal(s.order[3], 6);
	assert_int_equal(quarry_list_lru_count(&lru), 0);
	quarry_list_lru_destroy(q, &lru);
	finish(q);
}

/* ---- a cache of entries that a shrinker empties ---- */

static struct {
	struct quarry_list_lru lru;
	struct kmem_cache *cache;
} dentries;

static enum quarry_lru_status dentry_isolate(struct quarry *q, struct list_head *item,
					     struct quarry_list_lru_one *list, void *arg)
{
	struct entry *e = (struct entry *)item;

	(void)q;
	if (e->used) { /* a second chance */
		e->used = false;
		return QUARRY_LRU_ROTATE;
	}
	quarry_list_lru_isolate_move(list, item, arg);
	return QUARRY_LRU_REMOVED;
}

static struct quarry *dentry_machine;

static unsigned long dentry_count(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	(void)s;
	return quarry_list_lru_shrink_count(&dentries.lru, sc);
}

static unsigned long dentry_scan(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	struct list_head taken = {&taken, &taken};
	unsigned long n = quarry_list_lru_shrink_walk(dentry_machine, &dentries.lru, sc,
						      dentry_isolate, &taken);

	(void)s;
	while (taken.next != &taken) {
		struct list_head *item = taken.next;

		taken.next = item->next;
		item->next->prev = &taken;
		quarry_kmem_cache_free(dentry_machine, dentries.cache, item);
	}
	return n;
}

static void test_memory_pressure_empties_the_list(void **state)
{
	struct quarry *q = machine();
	struct quarry_shrinker shrinker = {.count_objects = dentry_count,
					   .scan_objects = dentry_scan,
					   .seeks = QUARRY_DEFAULT_SEEKS,
					   .flags = QUARRY_SHRINKER_NUMA_AWARE,
					   .name = "dentries"};
	struct quarry_cache_info info;

	(void)state;
	dentry_machine = q;
	assert_int_equal(quarry_list_lru_init(q, &dentries.lru), 0);
	dentries.cache = quarry_kmem_cache_create(q, "dentry", sizeof(struct entry),
						  SLAB_RECLAIM_ACCOUNT | SLAB_NO_MERGE, NULL);
	for (int i = 0; i < 3000; i++) {
		struct entry *e =
			quarry_kmem_cache_alloc_node(q, dentries.cache, GFP_KERNEL, i % 2);

		entry_init(e, i);
		e->used = i % 3 == 0;
		assert_true(quarry_list_lru_add_obj(q, &dentries.lru, &e->lru));
	}
	assert_int_equal(quarry_list_lru_count_node(&dentries.lru, 1), 1500);
	assert_int_equal(quarry_register_shrinker(q, &shrinker), 0);
	assert_true(quarry_drop_slab(q) >= 2000);
	while (quarry_drop_slab(q) != 0)
		;
	assert_true(quarry_list_lru_count(&dentries.lru) < 20);
	quarry_unregister_shrinker(q, &shrinker);
	quarry_kmem_cache_info(q, dentries.cache, &info);
	assert_int_equal(info.active_objs, quarry_list_lru_count(&dentries.lru));
	quarry_list_lru_destroy(q, &dentries.lru);
	finish(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_count_by_node),
		cmocka_unit_test(test_walk_follows_the_callback),
		cmocka_unit_test(test_memory_pressure_empties_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
