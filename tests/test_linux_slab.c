/* SPDX-License-Identifier: MIT */
/* Object code as it is written in a kernel, by Linux's names only: rows S1 to S21, 2c. */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list_lru.h>
#include <linux/memblock.h>
#include <linux/mempool.h>
#include <linux/rcupdate.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <string.h>

#include "linux_runner.h"

static void new_machine(void)
{
	const struct quarry_posix_options options = {.ram_bytes = SZ_64M};

	OK(quarry_linux_start(&options) == 0);
	quarry_linux_params = (struct quarry_boot_params){.nr_cpus = 2, .no_thp = true};
	memblock_add_node(0, SZ_32M, 0, MEMBLOCK_NONE);
	memblock_add_node(SZ_32M, SZ_32M, 1, MEMBLOCK_NONE);
	memblock_free_all();
	OK(slab_is_available());
}

static void done(void)
{
	IS(quarry_check_slab(quarry_linux(), NULL), 0);
	IS(quarry_check_pages(quarry_linux(), NULL), 0);
}

static void S17_kmalloc_family(void)
{
	struct flexible {
		int n;
		long tail[];
	};
	struct flexible *f;
	char *p = kmalloc(100, GFP_KERNEL), *old = p;

	IS(ksize(p), 128);
	IS(kmalloc_size_roundup(100), 128);
	memset(p, 1, 100);
	p = krealloc(p, 128, GFP_KERNEL);
	OK(p == old);
	p = krealloc_array(p, 100, 2, GFP_KERNEL);
	IS(ksize(p), 256);
	IS(p[99], 1);
	p = krealloc_node_align(p, 200, 512, GFP_KERNEL, 1);
	IS((uintptr_t)p % 512, 0);
	kfree_sensitive(p);
	OK(kmalloc_array(SIZE_MAX, 2, GFP_KERNEL) == NULL);
	OK(kmalloc_array_node(SIZE_MAX, 2, GFP_KERNEL, 0) == NULL);
	OK(kcalloc_node(SIZE_MAX, 2, GFP_KERNEL, 0) == NULL);
	OK(kmalloc_flex(struct flexible, tail, SIZE_MAX / 4, GFP_KERNEL) == NULL);
	OK(kzalloc_objs(struct flexible, SIZE_MAX, GFP_KERNEL) == NULL);
	f = kmalloc_flex(struct flexible, tail, 10, GFP_KERNEL);
	IS(ksize(f), 96);
	kfree(f);
	f = kzalloc_obj(struct flexible, GFP_KERNEL);
	IS(f->n, 0);
	kfree(f);
	p = kstrdup("quarry", GFP_KERNEL);
	OK(strcmp(p, "quarry") == 0);
	old = kstrndup(p, 3, GFP_KERNEL);
	OK(strcmp(old, "qua") == 0);
	kfree(old);
	old = kmemdup_nul(p, 2, GFP_KERNEL);
	OK(strcmp(old, "qu") == 0);
	kfree(old);
	old = kmemdup(p, 7, GFP_KERNEL);
	OK(memcmp(old, p, 7) == 0);
	kfree(old);
	kfree(p);
	OK(kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR);
	done();
}

static void S17_kvmalloc_family(void)
{
	char *p = kvzalloc(SZ_8M, GFP_KERNEL);

	OK(p != NULL);
	OK(is_vmalloc_addr(p));
	IS(p[SZ_8M - 1], 0);
	p = kvrealloc(p, SZ_8M + SZ_1M, GFP_KERNEL);
	OK(p != NULL);
	kvfree_sensitive(p, SZ_8M);
	p = kvcalloc(10, 10, GFP_KERNEL);
	OK(!is_vmalloc_addr(p));
	IS(ksize(p), 128);
	kvfree(p);
	OK(kvmalloc_array(SIZE_MAX, 2, GFP_KERNEL) == NULL);
	p = vzalloc(SZ_8M);
	OK(is_vmalloc_addr(p));
	vfree(p);
	p = kvmalloc_node(SZ_64K, GFP_KERNEL, 1);
	OK(quarry_physical(quarry_linux(), p) >= SZ_32M);
	kvfree(p);
	done();
}

struct session {
	long key[8];
	char name[40];
	int count;
};

static void S18_create_in_every_form(void)
{
	struct kmem_cache_args args = {.align = 64, .sheaf_capacity = 100};
	struct kmem_cache *s[5];
	struct quarry_cache_info info;

	s[0] = kmem_cache_create("five", 100, 8, SLAB_HWCACHE_ALIGN | SLAB_NO_MERGE, NULL);
	s[1] = kmem_cache_create("four", 100, &args, SLAB_NO_MERGE);
	s[2] = KMEM_CACHE(session, SLAB_ACCOUNT | SLAB_NO_MERGE);
	s[3] = KMEM_CACHE_USERCOPY(session, SLAB_NO_MERGE, name);
	s[4] = kmem_cache_create_usercopy("user", 100, 0, 0, 10, 20, NULL);
	for (int i = 0; i < 5; i++) {
		void *p = kmem_cache_alloc(s[i], GFP_KERNEL);

		OK(p != NULL);
		kmem_cache_free(s[i], p);
	}
	quarry_kmem_cache_info(quarry_linux(), s[1], &info);
	IS(info.size, 128);
	IS(info.sheaf_capacity, 124);
	quarry_kmem_cache_info(quarry_linux(), s[2], &info);
	OK(strcmp(info.name, "session") == 0);
	quarry_kmem_cache_info(quarry_linux(), s[3], &info);
	IS(info.useroffset, offsetof(struct session, name));
	IS(info.usersize, 40);
	for (int i = 0; i < 5; i++)
		kmem_cache_destroy(s[i]);
	done();
}

static void S18_bulk_and_prefilled(void)
{
	struct kmem_cache *s = KMEM_CACHE(session, SLAB_NO_MERGE);
	struct slab_sheaf *sheaf = kmem_cache_prefill_sheaf(s, GFP_KERNEL, 20);
	void *p[20];

	OK(sheaf != NULL);
	IS(kmem_cache_sheaf_size(sheaf), 20);
	for (int i = 0; i < 20; i++)
		OK((p[i] = kmem_cache_alloc_from_sheaf(s, GFP_NOWAIT, sheaf)) != NULL);
	IS(kmem_cache_refill_sheaf(s, GFP_KERNEL, &sheaf, 30), 0);
	kmem_cache_return_sheaf(s, GFP_KERNEL, sheaf);
	kmem_cache_free_bulk(s, 20, p);
	IS(kmem_cache_alloc_bulk(s, GFP_KERNEL, 20, p), 20);
	kmem_cache_free_bulk(s, 20, p);
	IS(kmem_cache_shrink(s), 0);
	kmem_cache_destroy(s);
	done();
}

static void mempools(void)
{
	struct kmem_cache *s = KMEM_CACHE(session, SLAB_NO_MERGE);
	mempool_t *pool[3] = {mempool_create_slab_pool(4, s), mempool_create_kmalloc_pool(4, 200),
			      mempool_create_page_pool(4, 1)};
	mempool_t own;
	void *e;

	for (int i = 0; i < 3; i++) {
		OK(pool[i] != NULL);
		OK(mempool_is_saturated(pool[i]));
		e = mempool_alloc(pool[i], GFP_NOIO);
		OK(e != NULL);
		mempool_free(e, pool[i]);
		e = mempool_alloc_preallocated(pool[i]);
		OK(!mempool_is_saturated(pool[i]));
		mempool_free(e, pool[i]);
		IS(mempool_resize(pool[i], 9), 0);
		OK(mempool_is_saturated(pool[i]));
		mempool_destroy(pool[i]);
	}
	memset(&own, 0, sizeof(own));
	OK(!mempool_initialized(&own));
	IS(mempool_init(&own, 2, mempool_kmalloc, mempool_kfree, (void *)100), 0);
	OK(mempool_initialized(&own));
	mempool_exit(&own);
	OK(!mempool_initialized(&own));
	kmem_cache_destroy(s);
	done();
}

static void buckets(void)
{
	kmem_buckets *b = kmem_buckets_create("msg_msg", SLAB_ACCOUNT, 0, 64, NULL);
	void *p = kmem_buckets_alloc(b, 100, GFP_KERNEL), *r = kmalloc(100, GFP_KERNEL);

	OK(quarry_virt_to_cache(quarry_linux(), p) != quarry_virt_to_cache(quarry_linux(), r));
	kfree(p);
	kfree(r);
	p = kmem_buckets_valloc(b, SZ_8M, GFP_KERNEL);
	OK(is_vmalloc_addr(p));
	kvfree(p);
	done();
}

struct node {
	struct list_head lru;
	struct rcu_head rcu;
	int value;
};

static int called;

static void node_done(struct rcu_head *head)
{
	called += container_of(head, struct node, rcu)->value;
}

static void rcu(void)
{
	struct node *n = kzalloc(sizeof(*n), GFP_KERNEL), *shared = NULL, *seen;
	struct kmem_cache *s = KMEM_CACHE(node, SLAB_TYPESAFE_BY_RCU);

	n->value = 5;
	rcu_assign_pointer(shared, n);
	rcu_read_lock();
	seen = rcu_dereference(shared);
	IS(seen->value, 5);
	rcu_read_unlock();
	call_rcu(&n->rcu, node_done);
	rcu_barrier();
	IS(called, 5);
	kfree_rcu(n, rcu);
	n = kvzalloc(SZ_8M, GFP_KERNEL);
	kvfree_rcu(n, rcu);
	kfree_rcu_mightsleep(kmalloc(100, GFP_KERNEL));
	n = NULL;
	kvfree_rcu(n, rcu);
	synchronize_rcu();
	rcu_barrier();
	n = kmem_cache_alloc(s, GFP_KERNEL);
	rcu_read_lock();
	kmem_cache_free(s, n);
	kmem_cache_shrink(s);
	n->value = 6; /* still a node's memory */
	rcu_read_unlock();
	kmem_cache_destroy(s);
	rcu_barrier();
	done();
}

static enum lru_status take(struct list_head *item, struct list_lru_one *list, void *arg)
{
	list_lru_isolate_move(list, item, arg);
	return LRU_REMOVED;
}

static void lru_lists(void)
{
	struct shrink_control sc = {.nid = 0, .nr_to_scan = 3};
	struct list_lru lru;
	struct node *n, *next;
	LIST_HEAD(gone);

	IS(list_lru_init(&lru), 0);
	for (int i = 0; i < 10; i++) {
		n = kzalloc_node(sizeof(*n), GFP_KERNEL, i % 2);
		INIT_LIST_HEAD(&n->lru);
		OK(list_lru_add_obj(&lru, &n->lru));
		OK(!list_lru_add_obj(&lru, &n->lru));
	}
	IS(list_lru_count(&lru), 10);
	IS(list_lru_count_node(&lru, 1), 5);
	IS(list_lru_shrink_count(&lru, &sc), 5);
	IS(list_lru_shrink_walk(&lru, &sc, take, &gone), 3);
	IS(list_lru_walk(&lru, take, &gone, 100), 7);
	n = list_first_entry(&gone, struct node, lru);
	list_del_init(&n->lru);
	OK(list_lru_add(&lru, &n->lru, 1, NULL));
	OK(list_lru_del(&lru, &n->lru, 1, NULL));
	kfree(n);
	list_for_each_entry_safe(n, next, &gone, lru) kfree(n);
	list_lru_destroy(&lru);
	done();
}

int main(void)
{
	static const struct linux_test tests[] = {
		LINUX_TEST(S17_kmalloc_family),
		LINUX_TEST(S17_kvmalloc_family),
		LINUX_TEST(S18_create_in_every_form),
		LINUX_TEST(S18_bulk_and_prefilled),
		LINUX_TEST(mempools),
		LINUX_TEST(buckets),
		LINUX_TEST(rcu),
		LINUX_TEST(lru_lists),
	};

	return linux_run("linux_slab", tests, ARRAY_SIZE(tests), new_machine);
}
