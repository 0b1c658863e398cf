/* SPDX-License-Identifier: MIT */
/* Object code as it is written in a kernel, by Linux's names only: rows S1 to S21, 2c. */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/list_lru.h>
#include <linux/memblock.h>
#include <linux/mempool.h>
#include <linux/rcupdate.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <string.h>

#include "linux_runner.h"
#include "text.h"

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

static void usercopy(void)
{
	struct kmem_cache *s = KMEM_CACHE_USERCOPY(session, SLAB_NO_MERGE, name);
	struct session *one = kmem_cache_zalloc(s, GFP_KERNEL);
	char user[sizeof(one->name)] = "a name";

	IS(copy_from_user(one->name, user, sizeof(user)), 0);
	user[0] = 'b';
	IS(copy_to_user(user, one->name, sizeof(user)), 0);
	OK(strcmp(user, "a name") == 0);
	OK(check_copy_size(one->name, sizeof(one->name), true));
	OK(!check_copy_size(one, sizeof(*one), true));
	IS(copy_to_user(user, (char *)one->name + 1, sizeof(user)), sizeof(user));
	IS(copy_from_user((char *)one->name - 1, user, 2), 2);
	OK(!check_copy_size(one->name, (size_t)INT_MAX + 1, false));
	check_object_size(one->name, 1, true);
	kmem_cache_free(s, one);
	kmem_cache_destroy(s);
	done();
}

static int mempool_calls;

static void *mempool_counted(gfp_t gfp, void *data)
{
	mempool_calls++;
	return mempool_kmalloc(gfp, data);
}

static void mempools(void)
{
	struct kmem_cache *s = KMEM_CACHE(session, SLAB_NO_MERGE);
	mempool_t *pool[4] = {mempool_create_slab_pool(4, s), mempool_create_kmalloc_pool(4, 200),
			      mempool_create_page_pool(4, 1),
			      mempool_create(4, mempool_counted, mempool_kfree, (void *)300)};
	mempool_t own;
	void *e;

	IS(mempool_calls, 4);
	for (int i = 0; i < 4; i++) {
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
	IS(mempool_calls, 10);
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

/* ---- rows whose names are Linux's insides: what they do, seen through the calls ---- */

static struct quarry_cache_info info(struct kmem_cache *s)
{
	struct quarry_cache_info i;

	quarry_kmem_cache_info(quarry_linux(), s, &i);
	return i;
}

static void fill(struct kmem_cache *s, void **p, int nr)
{
	for (int i = 0; i < nr; i++)
		OK((p[i] = kmem_cache_alloc(s, GFP_KERNEL)) != NULL);
}

static void empty(struct kmem_cache *s, void **p, int nr)
{
	for (int i = 0; i < nr; i++)
		kmem_cache_free(s, p[i]);
}

static unsigned int constructed;

static void construct(void *p)
{
	memset(p, 0x5c, 100);
	constructed++;
}

static void S1_S2_fields_and_sizes(void)
{
	struct kmem_cache *s = kmem_cache_create("plain", 100, 0, SLAB_NO_MERGE, NULL);
	struct kmem_cache *c = kmem_cache_create("built", 100, 0, SLAB_NO_MERGE, construct);
	struct kmem_cache *a = kmem_cache_create("line", 100, 0, SLAB_HWCACHE_ALIGN, NULL);

	IS(kmem_cache_size(s), 100);
	IS(info(s).object_size, 100);
	IS(info(s).inuse, 104);
	IS(info(s).offset, 48);
	IS(info(s).size, 104);
	IS(info(s).flags, SLAB_NO_MERGE);
	IS(info(s).refcount, 1);
	OK(strcmp(info(s).name, "plain") == 0);
	IS(info(c).offset, 104); /* the free pointer may not lie in what was constructed */
	IS(info(c).size, 112);
	IS(info(a).align, 64);
	IS(info(a).size, 128);
	kmem_cache_destroy(s);
	kmem_cache_destroy(c);
	kmem_cache_destroy(a);
	done();
}

static void S3_S4_orders_and_flags_of_pages(void)
{
	/* Of two CPUs: 12 objects are wanted, and at most a sixteenth wasted. */
	static const struct {
		unsigned int size, order, objects, min_order, min_objects;
	} want[] = {{64, 0, 64, 0, 64},
		    {512, 1, 16, 0, 8},
		    {700, 2, 23, 0, 5},
		    {4096, 3, 8, 0, 1},
		    {20000, 3, 1, 3, 1}};

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct kmem_cache *s =
			kmem_cache_create("shape", want[i].size, 0, SLAB_NO_MERGE, NULL);

		IS(info(s).order, want[i].order);
		IS(info(s).objs_per_slab, want[i].objects);
		IS(info(s).min_order, want[i].min_order);
		IS(info(s).min_objs_per_slab, want[i].min_objects);
		IS(info(s).allocflags, want[i].order != 0 ? __GFP_COMP : 0);
		kmem_cache_destroy(s);
	}
	for (unsigned int i = 0; i < 3; i++) {
		static const slab_flags_t flags[] = {SLAB_CACHE_DMA, SLAB_CACHE_DMA32,
						     SLAB_RECLAIM_ACCOUNT};
		static const gfp_t gfp[] = {GFP_DMA, GFP_DMA32, __GFP_RECLAIMABLE};
		struct kmem_cache *s =
			kmem_cache_create("kind", 64, 0, flags[i] | SLAB_NO_MERGE, NULL);

		IS(info(s).allocflags, gfp[i]);
		kmem_cache_destroy(s);
	}
	done();
}

static void S5_caches_are_shared(void)
{
	struct kmem_cache *a = kmem_cache_create("one", 200, 0, 0, NULL);
	struct kmem_cache *b = kmem_cache_create("two", 196, 0, 0, NULL);
	struct kmem_cache *c = kmem_cache_create("three", 200, 0, SLAB_NO_MERGE, NULL);
	void *p = kmem_cache_alloc(a, GFP_KERNEL);

	OK(a == b && a != c);
	IS(info(a).refcount, 2);
	kmem_cache_destroy(b);
	IS(info(a).refcount, 1);
	kmem_cache_free(a, p);
	kmem_cache_destroy(a);
	kmem_cache_destroy(c);
	done();
}

static void S6_S11_empty_slabs_are_kept_up_to_min_partial(void)
{
	static void *p[4000];
	static const unsigned int want[][2] = {{8, 5}, {1024, 5}, {4096, 6}, {SZ_1M, 10}};
	struct kmem_cache *s;

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		s = kmem_cache_create("few", want[i][0], 0, SLAB_NO_MERGE, NULL);
		IS(info(s).min_partial, want[i][1]);
		kmem_cache_destroy(s);
	}
	s = kmem_cache_create("partial", 1024, 0, SLAB_NO_MERGE, NULL);
	fill(s, p, 4000);
	OK(info(s).num_slabs >= 4000 / info(s).objs_per_slab);
	empty(s, p, 4000);
	OK(info(s).num_slabs - info(s).active_slabs <= info(s).min_partial);
	IS(kmem_cache_shrink(s), 0);
	IS(info(s).num_slabs, 0);
	kmem_cache_destroy(s);
	done();
}

/* What a CPU freed last it gets first, and nobody else does; a CPU that leaves gives all back. */
static void S7_each_cpu_has_objects_of_its_own(void)
{
	static const unsigned int partial[][2] = {{64, 120}, {256, 52}, {1024, 24}, {4096, 6}};
	struct kmem_cache *s = kmem_cache_create("own", 192, 0, SLAB_NO_MERGE, NULL), *t;
	void *p = kmem_cache_alloc(s, GFP_KERNEL), *other;

	for (size_t i = 0; i < ARRAY_SIZE(partial); i++) {
		t = kmem_cache_create("sized", partial[i][0], 0, SLAB_NO_MERGE, NULL);
		IS(info(t).cpu_partial, partial[i][1]);
		kmem_cache_destroy(t);
	}
	OK(info(s).cached_objs != 0);
	kmem_cache_free(s, p);
	quarry_posix_set_cpu(1);
	other = kmem_cache_alloc(s, GFP_KERNEL);
	OK(other != p);
	quarry_posix_set_cpu(0);
	OK(kmem_cache_alloc(s, GFP_KERNEL) == p);
	kmem_cache_free(s, p);
	kmem_cache_free(s, other);
	IS(quarry_cpu_offline(quarry_linux(), 1), 0);
	IS(kmem_cache_shrink(s), 0);
	IS(info(s).cached_objs, 0);
	kmem_cache_destroy(s);
	done();
}

static void S8_S12_holes_then_other_nodes_then_new_slabs(void)
{
	static void *p[2000];
	struct kmem_cache *s = kmem_cache_create("path", 256, 0, SLAB_NO_MERGE, NULL);
	unsigned long slabs;

	fill(s, p, 2000);
	slabs = info(s).num_slabs;
	for (int i = 0; i < 2000; i += 2)
		kmem_cache_free(s, p[i]);
	for (int i = 0; i < 2000; i += 2)
		p[i] = kmem_cache_alloc(s, GFP_KERNEL);
	IS(info(s).num_slabs, slabs);
	empty(s, p, 2000);
	for (int nid = 0; nid < 2; nid++) {
		p[nid] = kmem_cache_alloc_node(s, GFP_KERNEL, nid);
		IS(quarry_physical(quarry_linux(), p[nid]) / SZ_32M, nid);
	}
	empty(s, p, 2);
	kmem_cache_destroy(s);
	done();
}

/* Hooks around a request: cleared memory, failures by will, and the caller's address. */
static void S9_hooks_around_a_request(void)
{
	struct quarry_page_site_info site;
	struct kmem_cache *s;
	unsigned char *p;
	int failed = 0;

	IS(quarry_slab_profiling(quarry_linux(), true), 0);
	s = kmem_cache_create("hooks", 64, 0, SLAB_NO_MERGE, NULL);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	OK(quarry_slab_site(quarry_linux(), 1, &site));
	OK((uintptr_t)site.address - (uintptr_t)S9_hooks_around_a_request < 4000);
	memset(p, 0xff, 64);
	kmem_cache_free(s, p);
	p = kmem_cache_zalloc(s, GFP_KERNEL);
	for (int i = 0; i < 64; i++)
		IS(p[i], 0);
	kmem_cache_free(s, p);
	IS(quarry_failslab(quarry_linux(), "fail-nth=2"), 0);
	for (int i = 0; i < 3; i++) {
		p = kmem_cache_alloc_lru(s, NULL, GFP_KERNEL | __GFP_NOWARN);
		failed |= (p == NULL) << i;
		kmem_cache_free(s, p);
	}
	IS(failed, 1 << 1);
	kmem_cache_destroy(s);
	done();
}

/* Without larger blocks a slab is of the least order; constructors ran once for each object. */
static void S10_new_slabs(void)
{
	static void *p[300];
	struct kmem_cache *s = kmem_cache_create("built", 1400, 0, SLAB_NO_MERGE, construct);

	OK(info(s).order > info(s).min_order);
	constructed = 0;
	fill(s, p, 100);
	IS(info(s).order_fallback, 0);
	IS(quarry_page_debug(quarry_linux(),
			     "fail_page_alloc=1,100,0,-1 fail_page_alloc.min-order=1 "
			     "fail_page_alloc.ignore-gfp-wait=N"),
	   0);
	fill(s, p + 100, 200);
	OK(info(s).order_fallback >= 50);
	IS(quarry_page_debug(quarry_linux(), "fail_page_alloc=1,0,0,0"), 0);
	IS(constructed, info(s).num_objs);
	IS(((unsigned char *)p[299])[99], 0x5c);
	empty(s, p, 300);
	kmem_cache_destroy(s);
	done();
}

/* Full sheaves that a CPU has no room for go to its node's depot, and with time to the slabs. */
static void S13_shared_arrays(void)
{
	static void *p[2000];
	struct kmem_cache *s = kmem_cache_create("shared", 256, 0, SLAB_NO_MERGE, NULL);

	fill(s, p, 2000);
	empty(s, p, 2000);
	OK(info(s).cached_objs > 2 * info(s).sheaf_capacity);
	for (int i = 0; i < 40; i++) {
		IS(quarry_slab_reap(quarry_linux(), 0), 0);
		IS(quarry_slab_reap(quarry_linux(), 1), 0);
	}
	IS(info(s).cached_objs, 0);
	kmem_cache_destroy(s);
	done();
}

/* Objects of another node wait for each other and go home together: none is handed out here. */
static void S14_alien_objects_go_home(void)
{
	static void *p[200];
	struct kmem_cache *s = kmem_cache_create("alien", 256, 0, SLAB_NO_MERGE, NULL);
	void *mine;

	for (int i = 0; i < 200; i++)
		OK((p[i] = kmem_cache_alloc_node(s, GFP_KERNEL, 1)) != NULL);
	empty(s, p, 200);
	OK(info(s).cached_objs != 0);
	mine = kmem_cache_alloc(s, GFP_KERNEL);
	OK(quarry_physical(quarry_linux(), mine) < SZ_32M);
	kmem_cache_free(s, mine);
	IS(kmem_cache_shrink(s), 0);
	IS(info(s).cached_objs, 0);
	kmem_cache_destroy(s);
	done();
}

static void start_with(struct quarry_boot_params params)
{
	const struct quarry_posix_options options = {.ram_bytes = SZ_32M};

	OK(quarry_linux_start(&options) == 0);
	quarry_linux_params = params;
	memblock_add(0, SZ_32M);
	memblock_free_all();
}

static void S15_colours(void)
{
	struct kmem_cache *s;
	void *p[30];
	unsigned long seen = 0;

	start_with((struct quarry_boot_params){.nr_cpus = 1, .slab_colour = true});
	s = kmem_cache_create("colour", 1320, 0, SLAB_NO_MERGE, NULL);
	OK(info(s).colours >= 2);
	fill(s, p, 30);
	for (int i = 0; i < 30; i++) {
		uintptr_t phys = quarry_physical(quarry_linux(), p[i]);

		__set_bit((long)(phys % (PAGE_SIZE << info(s).order) % 1320 / 64), &seen);
	}
	OK(hweight_long(seen) >= 2);
	empty(s, p, 30);
	kmem_cache_destroy(s);
	done();
}

static void S16_free_limit(void)
{
	static void *p[4000];
	struct kmem_cache *s;

	start_with((struct quarry_boot_params){.nr_cpus = 1, .slab_free_limit = true});
	s = kmem_cache_create("limit", 1024, 0, SLAB_NO_MERGE, NULL);
	fill(s, p, 4000);
	empty(s, p, 4000);
	/* (1 + CPUs) batches and a slab, beside what is in sheaves. */
	OK(info(s).num_objs - info(s).active_objs - info(s).cached_objs <=
	   2 * info(s).sheaf_capacity + 2 * info(s).objs_per_slab);
	for (int i = 0; i < 40; i++)
		IS(quarry_slab_reap(quarry_linux(), 0), 0);
	IS(info(s).num_slabs, 0);
	kmem_cache_destroy(s);
	done();
}

static void S18_destroy_keeps_what_is_in_use(void)
{
	struct kmem_cache *s = kmem_cache_create("used", 64, 0, SLAB_NO_MERGE, NULL);
	void *p[8], *q[2];

	IS(kmem_cache_alloc_bulk(s, GFP_KERNEL, 8, p), 8);
	kmem_cache_free_bulk(s, 7, p);
	OK(kmem_cache_shrink(s));
	kmem_cache_free_bulk(NULL, 1, p + 7);
	OK((q[0] = kmalloc(30, GFP_KERNEL)) != NULL && (q[1] = kmalloc(30000, GFP_KERNEL)) != NULL);
	kfree_bulk(2, q);
	kmem_cache_destroy(s);
	done();
}

static struct text text;

static void S19_slabinfo(void)
{
	static const char want[] =
		"slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> "
		"<objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : "
		"slabdata <active_slabs> <num_slabs> <sharedavail>\n"
		"seventeen-letters      3     16    256   16    1 : tunables    0    0    0 : "
		"slabdata      1      1      0\n";
	const struct quarry_out out = text_out(&text);
	struct kmem_cache *s = kmem_cache_create("seventeen-letters", 256, 0, SLAB_NO_MERGE, NULL);
	void *p[3];

	fill(s, p, 3);
	quarry_show_slabinfo(quarry_linux(), &out);
	OK(strncmp(text.s, want, sizeof(want) - 1) == 0);
	empty(s, p, 3);
	kmem_cache_destroy(s);
	done();
}

static void S20_flags(void)
{
	IS(GFP_KERNEL, __GFP_RECLAIM | __GFP_IO | __GFP_FS);
	IS(GFP_ATOMIC & (__GFP_HIGH | __GFP_RECLAIM), __GFP_HIGH | __GFP_KSWAPD_RECLAIM);
	IS(GFP_DMA, __GFP_DMA);
	for (int i = 0; i < 3; i++) {
		static const gfp_t gfp[] = {GFP_KERNEL, GFP_KERNEL | __GFP_RECLAIMABLE,
					    GFP_KERNEL_ACCOUNT};
		static const char *const name[] = {"kmalloc-64", "kmalloc-rcl-64", "kmalloc-cg-64"};
		void *p = kmalloc(64, gfp[i]);

		OK(strcmp(info(quarry_virt_to_cache(quarry_linux(), p)).name, name[i]) == 0);
		kfree(p);
	}
	done();
}

static int __init answer(void)
{
	return -EBUSY;
}

static void S21_base(void)
{
	unsigned long bits[BITS_TO_LONGS(100)] = {0};
	struct item {
		struct list_head link;
		phys_addr_t at;
	} items[3], *item;
	LIST_HEAD(list);
	unsigned int n = 0;

	for (unsigned int i = 0; i < 3; i++) {
		items[i].at = (phys_addr_t)1 << (30 + i);
		list_add_tail(&items[i].link, &list);
	}
	list_for_each_entry(item, &list, link) IS(item->at, (phys_addr_t)1 << (30 + n++));
	IS(n, 3);
	set_bit(3, bits);
	__set_bit(70, bits);
	IS(find_next_bit(bits, 100, 4), 70);
	IS(find_next_zero_bit(bits, 100, 3), 4);
	IS(__ffs(40), 3);
	IS(__fls(40), 5);
	IS(answer(), -16);
	IS(sizeof(gfp_t), 4);
	OK(likely(n == 3) && !unlikely(n == 0));
	BUG_ON(n != 3);
	done();
}

int main(void)
{
	static const struct linux_test tests[] = {
		LINUX_TEST(S17_kmalloc_family),
		LINUX_TEST(S17_kvmalloc_family),
		LINUX_TEST(S18_create_in_every_form),
		LINUX_TEST(S18_bulk_and_prefilled),
		LINUX_TEST(S1_S2_fields_and_sizes),
		LINUX_TEST(S3_S4_orders_and_flags_of_pages),
		LINUX_TEST(S5_caches_are_shared),
		LINUX_TEST(S6_S11_empty_slabs_are_kept_up_to_min_partial),
		LINUX_TEST(S7_each_cpu_has_objects_of_its_own),
		LINUX_TEST(S8_S12_holes_then_other_nodes_then_new_slabs),
		LINUX_TEST(S9_hooks_around_a_request),
		LINUX_TEST(S10_new_slabs),
		LINUX_TEST(S13_shared_arrays),
		LINUX_TEST(S14_alien_objects_go_home),
		LINUX_TEST(S15_colours),
		LINUX_TEST(S16_free_limit),
		LINUX_TEST(S18_destroy_keeps_what_is_in_use),
		LINUX_TEST(S19_slabinfo),
		LINUX_TEST(S20_flags),
		LINUX_TEST(S21_base),
		LINUX_TEST(usercopy),
		LINUX_TEST(mempools),
		LINUX_TEST(buckets),
		LINUX_TEST(rcu),
		LINUX_TEST(lru_lists),
	};

	return linux_run("linux_slab", tests, ARRAY_SIZE(tests), new_machine);
}
