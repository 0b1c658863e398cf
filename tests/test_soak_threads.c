/* SPDX-License-Identifier: MIT */
/*
 * A long life of a whole machine: 8 virtual CPUs over 4 threads, all layers at once.
 *
 * Each thread plays two CPUs in turn and takes, stamps, checks and gives back pages of all orders, movable
 * blocks, objects of caches and of kmalloc; it leaves some to the others and to a shrinker. Now and then it does
 * one of the rare things: compaction, isolation, ranges, CMA, reaping, caches that come and go, memory and CPUs
 * that come and go, tunables, views. Requests fail by will in every third round.
 *
 * At the end of a round all stand still: the validators run, all pages are accounted for. How much of the
 * memory is wanted goes up and down from round to round; in the last of every SOAK_CYCLE all is given back, and
 * the machine must be as it was at boot.
 *
 * test_soak_threads [SECONDS [CSV]]: as long as that instead of one cycle, with a line of figures for each round
 * in the file CSV. `make soak` runs it so.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "owner.h"

#define SOAK_THREADS 4u
#define SOAK_CPUS (2 * SOAK_THREADS) /* two more are the background reclaimers' */
#define SOAK_NODES 2
#define SOAK_PAGES 2000u   /* blocks that a thread may hold */
#define SOAK_OBJECTS 6000u /* objects likewise */
#define SOAK_MOVABLE 800u  /* movable blocks likewise */
#define SOAK_SHARED 512u   /* places where threads leave objects for each other */
#define SOAK_LRU 4096u     /* objects that the shrinker may free */
#define SOAK_CYCLE 8u      /* rounds */
#define SOAK_RARE 400u     /* steps from one rare thing to the next */
#define SOAK_SHORT 2000u   /* steps of a thread in a round of the short run, */
#define SOAK_LONG 400000u  /* and of a long one */
#define SOAK_CACHES 4
#define SOAK_RAM (640 * MACHINE_MIB)
#define SOAK_BOOT (256 * MACHINE_MIB)
#define BLOCK_PAGES ((unsigned long)QUARRY_MEMORY_BLOCK_PAGES)
#define BOOT_BLOCKS ((pfn_t)(SOAK_BOOT / QUARRY_MEMORY_BLOCK_BYTES))
#define ALL_BLOCKS ((pfn_t)(SOAK_RAM / QUARRY_MEMORY_BLOCK_BYTES))

struct soak;

/* What an object begins with; its last bytes repeat check. */
struct soak_object {
	uint32_t size, check;
};

struct soak_actor {
	struct soak *k;
	pthread_t thread;
	unsigned int number, cpu;
	uint64_t seed;
	struct page *page[SOAK_PAGES];
	unsigned int order[SOAK_PAGES];
	struct soak_object *object[SOAK_OBJECTS];
	unsigned long pages; /* in page[] */
};

struct soak {
	struct machine m;
	struct owner owner;
	struct quarry_cma *cma;
	struct kmem_cache *cache[SOAK_CACHES];
	struct quarry_shrinker shrinker;
	pthread_barrier_t begin, end;
	struct soak_actor actor[SOAK_THREADS];
	_Atomic(struct soak_object *) shared[SOAK_SHARED], lru[SOAK_LRU];
	atomic_ulong served, refused, shrunk, onlined, offlined, switched, ranges, caches, shown;
	atomic_uint damaged, wrong;
	const char *wrong_what;
	unsigned int steps, round, percent; /* of boot's memory that is wanted */
	bool stop;
	/* after boot */
	unsigned long boot_free, boot_whole;
	size_t meta
		[2]; /* most bytes of tables when empty, in the first half of the run and since */
	FILE *csv;
};

#define SOAK_CHUNK \
	((size_t)64 << 10) /* by which the layer of slabs gets memory for tables, at most */

static void soak_wrong(struct soak *k, const char *what)
{
	k->wrong_what = what;
	atomic_fetch_add(&k->wrong, 1);
}

/* ---- pages ---- */

static uint64_t *soak_word(struct quarry *q, struct page *page, unsigned int i, bool last)
{
	char *p = (char *)quarry_page_address(q, page) + i * QUARRY_PAGE_SIZE;

	return (uint64_t *)(void *)(p + (last ? QUARRY_PAGE_SIZE - 8 : 0));
}

static gfp_t soak_gfp(uint64_t x)
{
	static const gfp_t gfp[] = {GFP_KERNEL,
				    GFP_KERNEL | __GFP_NORETRY,
				    GFP_KERNEL | __GFP_NORETRY | __GFP_MOVABLE,
				    GFP_KERNEL | __GFP_NORETRY | __GFP_RECLAIMABLE,
				    GFP_ATOMIC,
				    GFP_NOWAIT,
				    GFP_NOWAIT | __GFP_MOVABLE,
				    GFP_NOWAIT | __GFP_ZERO};

	return gfp[x % (sizeof(gfp) / sizeof(gfp[0]))] | __GFP_NOWARN;
}

static void soak_take_page(struct soak_actor *a, unsigned int slot, uint64_t x)
{
	struct quarry *q = a->k->m.q;
	unsigned int order = (unsigned int)(x & 7) != 0 ? (unsigned int)(x >> 3 & 3)
							: (unsigned int)(x >> 3) % QUARRY_NR_ORDERS;
	struct page *page = quarry_alloc_pages(q, soak_gfp(x >> 16), order);

	a->page[slot] = page;
	a->order[slot] = order;
	atomic_fetch_add(page != NULL ? &a->k->served : &a->k->refused, 1);
	if (page == NULL)
		return;
	a->pages += 1ul << order;
	for (unsigned int i = 0; i < 1u << order; i++) {
		*soak_word(q, page, i, false) = (uintptr_t)page + i;
		*soak_word(q, page, i, true) = (uintptr_t)a + slot;
	}
}

static void soak_give_page(struct soak_actor *a, unsigned int slot)
{
	struct quarry *q = a->k->m.q;
	struct page *page = a->page[slot];

	if (page == NULL)
		return;
	for (unsigned int i = 0; i < 1u << a->order[slot]; i++) {
		if (*soak_word(q, page, i, false) != (uintptr_t)page + i ||
		    *soak_word(q, page, i, true) != (uintptr_t)a + slot)
			atomic_fetch_add(&a->k->damaged, 1);
	}
	a->pages -= 1ul << a->order[slot];
	a->page[slot] = NULL;
	quarry_free_pages(q, page, a->order[slot]);
}

static void soak_step_page(struct soak_actor *a, uint64_t x)
{
	unsigned int slot = (unsigned int)(x % SOAK_PAGES);
	unsigned long want = (unsigned long)(SOAK_BOOT >> QUARRY_PAGE_SHIFT) * a->k->percent / 100;

	if (a->page[slot] != NULL)
		soak_give_page(a, slot);
	/* Below its share a thread takes again at once. */
	if (a->pages < want / SOAK_THREADS)
		soak_take_page(a, slot, x >> 16);
}

static void soak_step_movable(struct soak_actor *a, uint64_t x)
{
	size_t slot = a->number * SOAK_MOVABLE + x % SOAK_MOVABLE;

	owner_free(&a->k->owner, slot);
	if ((x >> 16 & 3) != 0)
		(void)owner_alloc(&a->k->owner, slot,
				  GFP_HIGHUSER_MOVABLE | __GFP_NOWARN | __GFP_NORETRY,
				  (unsigned int)(x >> 18 & 7) % 5);
}

/* ---- objects ---- */

static struct soak_object *soak_stamp(struct soak_object *o, uint32_t size)
{
	if (o == NULL)
		return NULL;
	o->size = size;
	o->check = ~size ^ (uint32_t)(uintptr_t)o;
	memcpy((char *)o + size - sizeof(o->check), &o->check, sizeof(o->check));
	return o;
}

static bool soak_is_whole(const struct soak_object *o)
{
	return o->check == (~o->size ^ (uint32_t)(uintptr_t)o) &&
	       memcmp((const char *)o + o->size - sizeof(o->check), &o->check, sizeof(o->check)) ==
		       0;
}

static void soak_give_object(struct soak *k, struct soak_object *o)
{
	if (o == NULL)
		return;
	if (!soak_is_whole(o))
		atomic_fetch_add(&k->damaged, 1);
	quarry_kfree(k->m.q, o);
}

static struct soak_object *soak_take_object(struct soak *k, uint64_t x)
{
	static const uint32_t size[] = {8, 24, 60, 100, 192, 500, 1500, 4000, 8192, 20000};
	static const uint32_t cache_size[SOAK_CACHES] = {320, 40, 1024, 72};
	uint64_t which = x % 16;
	struct soak_object *o;

	if (which < SOAK_CACHES)
		o = soak_stamp(quarry_kmem_cache_alloc(k->m.q, k->cache[which], soak_gfp(x >> 8)),
			       cache_size[which]);
	else
		/* The larger the rarer. */
		o = soak_stamp(quarry_kmalloc(k->m.q, size[(x >> 16) % (1 + (x >> 24) % 10)],
					      soak_gfp(x >> 8)),
			       size[(x >> 16) % (1 + (x >> 24) % 10)]);
	atomic_fetch_add(o != NULL ? &k->served : &k->refused, 1);
	return o;
}

static void soak_step_object(struct soak_actor *a, uint64_t x)
{
	struct soak_object **o = &a->object[x % SOAK_OBJECTS];

	if (*o == NULL) {
		*o = soak_take_object(a->k, x >> 16);
	} else {
		soak_give_object(a->k, *o);
		*o = NULL;
	}
}

/* Objects go from thread to thread, and to where the shrinker finds them. */
static void soak_step_pass(struct soak_actor *a, uint64_t x)
{
	struct soak_object **o = &a->object[x % SOAK_OBJECTS];

	if ((x >> 16 & 1) != 0)
		*o = atomic_exchange(&a->k->shared[(x >> 17) % SOAK_SHARED], *o);
	else
		*o = atomic_exchange(&a->k->lru[(x >> 17) % SOAK_LRU], *o);
}

static void soak_step_resize(struct soak_actor *a, uint64_t x)
{
	struct soak_object **o = &a->object[x % SOAK_OBJECTS], *n;
	uint32_t size = 8 + 4 * ((uint32_t)(x >> 16) % 750), check;

	if (*o == NULL)
		return;
	if (!soak_is_whole(*o))
		atomic_fetch_add(&a->k->damaged, 1);
	check = (*o)->check;
	n = quarry_krealloc(a->k->m.q, *o, size, soak_gfp(x >> 32));
	if (n == NULL)
		return;
	if (n->check != check)
		atomic_fetch_add(&a->k->damaged, 1);
	*o = soak_stamp(n, size);
}

static void soak_step_bulk(struct soak_actor *a, uint64_t x)
{
	struct kmem_cache *cache = a->k->cache[x % SOAK_CACHES];
	void *object[48];

	if (quarry_kmem_cache_alloc_bulk(a->k->m.q, cache, soak_gfp(x >> 8), 48, object))
		quarry_kmem_cache_free_bulk(a->k->m.q, cache, 48, object);
}

static unsigned long soak_count(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	(void)s;
	(void)sc;
	return SOAK_LRU / 2;
}

static unsigned long soak_scan(struct quarry_shrinker *s, struct quarry_shrink_control *sc)
{
	static atomic_uint hand;
	struct soak *k = s->ctx;
	unsigned long freed = 0;

	for (unsigned long i = 0; i < sc->nr_to_scan; i++) {
		struct soak_object *o =
			atomic_exchange(&k->lru[atomic_fetch_add(&hand, 1) % SOAK_LRU], NULL);

		freed += o != NULL;
		soak_give_object(k, o);
	}
	atomic_fetch_add(&k->shrunk, freed);
	return freed;
}

/* ---- rare things ---- */

static void rare_compact(struct soak_actor *a, uint64_t x)
{
	quarry_compact_node(a->k->m.q, (int)(x % SOAK_NODES));
}

static pfn_t soak_pfn(uint64_t x)
{
	return (pfn_t)(x % (SOAK_BOOT / QUARRY_PAGE_SIZE - 1024));
}

static void rare_isolate(struct soak_actor *a, uint64_t x)
{
	pfn_t pfn = soak_pfn(x);

	if (quarry_start_isolate_page_range(a->k->m.q, pfn, pfn + 700, QUARRY_MIGRATE_MOVABLE, 0) ==
	    0)
		quarry_undo_isolate_page_range(a->k->m.q, pfn, pfn + 700);
}

static void rare_range(struct soak_actor *a, uint64_t x)
{
	pfn_t start = soak_pfn(x);
	unsigned long n = 1 + (x >> 32 & 511);
	int err = quarry_alloc_contig_range(a->k->m.q, start, start + n, QUARRY_MIGRATE_MOVABLE,
					    GFP_KERNEL | __GFP_NOWARN);

	if (err == 0) {
		atomic_fetch_add(&a->k->ranges, 1);
		quarry_free_contig_range(a->k->m.q, start, n);
	} else if (err != -QUARRY_EBUSY && err != -QUARRY_ENOMEM && err != -QUARRY_EINVAL) {
		soak_wrong(a->k, "a range");
	}
}

static void rare_cma(struct soak_actor *a, uint64_t x)
{
	unsigned long n = 1 + (x & 127);
	struct page *page = quarry_cma_alloc(a->k->m.q, a->k->cma, n, 0, true);

	if (page != NULL && !quarry_cma_release(a->k->m.q, a->k->cma, page, n))
		soak_wrong(a->k, "a release of CMA pages");
}

static void rare_drain(struct soak_actor *a, uint64_t x)
{
	if ((x & 1) != 0)
		quarry_drain_all_pages(a->k->m.q);
	else
		quarry_age_pages(a->k->m.q);
}

static void rare_reap(struct soak_actor *a, uint64_t x)
{
	(void)x;
	if (quarry_slab_reap(a->k->m.q, a->cpu) != 0)
		soak_wrong(a->k, "reaping");
}

static void rare_shrink(struct soak_actor *a, uint64_t x)
{
	if ((x & 7) == 0)
		quarry_drop_slab(a->k->m.q);
	else
		(void)quarry_kmem_cache_shrink(a->k->m.q, a->k->cache[(x >> 3) % SOAK_CACHES]);
}

/* A cache's whole life. */
static void rare_cache(struct soak_actor *a, uint64_t x)
{
	struct quarry *q = a->k->m.q;
	void *object[60];
	unsigned int n;
	struct kmem_cache *cache =
		quarry_kmem_cache_create(q, "short-lived", 8 + (x & 1023), SLAB_NO_MERGE, NULL);

	if (cache == NULL)
		return;
	for (n = 0; n < 60; n++) {
		object[n] = quarry_kmem_cache_alloc(q, cache, GFP_NOWAIT | __GFP_NOWARN);
		if (object[n] == NULL)
			break;
	}
	while (n-- > 0)
		quarry_kmem_cache_free(q, cache, object[n]);
	if (quarry_kmem_cache_destroy(q, cache) != 0)
		soak_wrong(a->k, "an empty cache is not destroyed");
	atomic_fetch_add(&a->k->caches, 1);
}

static void rare_mempool(struct soak_actor *a, uint64_t x)
{
	struct quarry *q = a->k->m.q;
	struct quarry_mempool *pool =
		quarry_mempool_create_slab_pool(q, 8, a->k->cache[x % SOAK_CACHES]);
	void *element[12];
	unsigned int n;

	if (pool == NULL)
		return;
	for (n = 0; n < 12; n++) {
		element[n] = quarry_mempool_alloc(q, pool, GFP_NOWAIT | __GFP_NOWARN);
		if (element[n] == NULL)
			break;
	}
	if (n < 8)
		soak_wrong(a->k, "a pool has less than its reserve");
	while (n-- > 0)
		quarry_mempool_free(q, element[n], pool);
	quarry_mempool_destroy(q, pool);
}

static bool soak_may_fail(int err)
{
	return err == 0 || err == -QUARRY_EBUSY || err == -QUARRY_ENOMEM;
}

static void rare_memory(struct soak_actor *a, uint64_t x)
{
	struct quarry *q = a->k->m.q;
	pfn_t start = (BOOT_BLOCKS + x % (ALL_BLOCKS - BOOT_BLOCKS)) * BLOCK_PAGES;
	int err;

	switch (quarry_memory_block_state(q, start)) {
	case QUARRY_BLOCK_ABSENT:
		err = quarry_add_memory(q, (int)(x >> 8 & 1), start << QUARRY_PAGE_SHIFT,
					QUARRY_MEMORY_BLOCK_BYTES);
		break;
	case QUARRY_BLOCK_OFFLINE:
		err = (x >> 9 & 3) == 0
			      ? quarry_remove_memory(q, start << QUARRY_PAGE_SHIFT,
						     QUARRY_MEMORY_BLOCK_BYTES)
			      : quarry_online_pages(q, start, BLOCK_PAGES, QUARRY_ONLINE_MOVABLE);
		atomic_fetch_add(&a->k->onlined, err == 0);
		break;
	default:
		err = quarry_offline_pages(q, start, BLOCK_PAGES);
		atomic_fetch_add(&a->k->offlined, err == 0);
	}
	/* Another thread may have changed the block meanwhile. */
	if (!soak_may_fail(err) && err != -QUARRY_EINVAL && err != -QUARRY_EEXIST)
		soak_wrong(a->k, "a change of memory");
}

/* The thread's other CPU leaves or comes. */
static void rare_cpu(struct soak_actor *a, uint64_t x)
{
	struct quarry *q = a->k->m.q;
	unsigned int other = a->cpu ^ 1;
	int err = quarry_cpu_is_online(q, other) ? quarry_cpu_offline(q, other)
						 : quarry_cpu_online(q, other);

	(void)x;
	if (!soak_may_fail(err))
		soak_wrong(a->k, "a change of CPUs");
	atomic_fetch_add(&a->k->switched, err == 0);
}

static void rare_tune(struct soak_actor *a, uint64_t x)
{
	static const struct {
		const char *name, *value[2];
	} tunable[] = {
		{"min_free_kbytes", {"1000", "4000"}},
		{"watermark_scale_factor", {"10", "200"}},
		{"watermark_boost_factor", {"0", "15000"}},
		{"lowmem_reserve_ratio", {"256 256 32 0 0", "32 8 8 0 0"}},
		{"percpu_pagelist_high_fraction", {"0", "8"}},
		{"defrag_mode", {"0", "1"}},
		{"extfrag_threshold", {"500", "0"}},
		{"compaction_proactiveness", {"20", "100"}},
	};

	quarry_sysctl_set(a->k->m.q, tunable[x % 8].name, tunable[x % 8].value[x >> 8 & 1]);
}

static void soak_sink(void *ctx, const char *text, size_t len)
{
	(void)text;
	atomic_fetch_add((atomic_ulong *)ctx, (unsigned long)len);
}

static void rare_views(struct soak_actor *a, uint64_t x)
{
	static void (*const show[])(struct quarry * q, const struct quarry_out *out) = {
		quarry_show_buddyinfo, quarry_show_pagetypeinfo, quarry_show_zoneinfo,
		quarry_show_vmstat,    quarry_show_meminfo,      quarry_show_slabinfo};
	const struct quarry_out out = {soak_sink, &a->k->shown};

	show[x % 6](a->k->m.q, &out);
}

static int soak_tell(void *ctx, const struct quarry_range *ranges, unsigned int nr)
{
	(void)ctx;
	(void)ranges;
	(void)nr;
	return 0;
}

static void rare_report(struct soak_actor *a, uint64_t x)
{
	(void)x;
	(void)quarry_page_reporting_run(a->k->m.q);
}

/* ---- a thread ---- */

static void soak_step(struct soak_actor *a, uint64_t x)
{
	static void (*const rare[])(struct soak_actor *, uint64_t) = {
		rare_compact, rare_isolate, rare_range, rare_cma,   rare_drain,   rare_reap,
		rare_reap,    rare_shrink,  rare_cache, rare_cache, rare_mempool, rare_memory,
		rare_memory,  rare_memory,  rare_cpu,   rare_tune,  rare_views,   rare_report};
	unsigned int kind = (unsigned int)(x & 127);

	x >>= 7;
	if (x % SOAK_RARE == 0)
		rare[x / SOAK_RARE % (sizeof(rare) / sizeof(rare[0]))](a, x >> 20);
	else if (kind < 48)
		soak_step_page(a, x);
	else if (kind < 104)
		soak_step_object(a, x);
	else if (kind < 112)
		soak_step_movable(a, x);
	else if (kind < 122)
		soak_step_pass(a, x);
	else if (kind < 125)
		soak_step_resize(a, x);
	else
		soak_step_bulk(a, x);
}

static void *soak_live(void *arg)
{
	struct soak_actor *a = arg;
	struct quarry *q = a->k->m.q;

	for (;;) {
		pthread_barrier_wait(&a->k->begin);
		if (a->k->stop)
			return NULL;
		for (unsigned int i = 0; i < a->k->steps; i++) {
			if (i % 64 == 0 && quarry_cpu_is_online(q, a->cpu ^ 1)) {
				a->cpu ^= 1;
				quarry_posix_set_cpu(a->cpu);
			}
			soak_step(a, machine_random(&a->seed));
		}
		pthread_barrier_wait(&a->k->end);
	}
}

/* ---- quiet moments ---- */

static unsigned long soak_held(struct soak *k)
{
	unsigned long n = 0;

	for (unsigned int i = 0; i < SOAK_THREADS; i++)
		n += k->actor[i].pages;
	for (size_t i = 0; i < k->owner.nr_blocks; i++)
		n += k->owner.block[i].page != NULL ? 1ul << k->owner.block[i].order : 0;
	return n;
}

static unsigned long soak_slab_pages(struct soak *k)
{
	unsigned long sum = 0, reclaimable, unreclaimable;

	for (int nid = 0; nid < SOAK_NODES; nid++) {
		quarry_slab_pages(k->m.q, nid, &reclaimable, &unreclaimable);
		sum += reclaimable + unreclaimable;
	}
	return sum;
}

/* Free pages in blocks from a pageblock's size on. */
static unsigned long soak_whole(struct soak *k)
{
	unsigned long free[QUARRY_NR_ORDERS], n = 0;

	machine_free_blocks(&k->m, free);
	for (unsigned int o = QUARRY_PAGEBLOCK_ORDER; o < QUARRY_NR_ORDERS; o++)
		n += free[o] << o;
	return n;
}

static void soak_sound(struct soak *k)
{
	struct quarry_totals t;
	char why[256] = "";

	if (atomic_load(&k->wrong) != 0)
		fail_msg("round %u: %s went wrong", k->round, k->wrong_what);
	assert_int_equal(atomic_load(&k->damaged), 0);
	assert_int_equal(owner_check(&k->owner), 0);
	if (k->m.reports != 0)
		fail_msg("round %u: %u reports, last: %s", k->round, k->m.reports,
			 k->m.last_report);
	if (!machine_is_sound(&k->m, why) || quarry_check(k->m.q, NULL) != 0)
		fail_msg("round %u: %s", k->round, why);
	quarry_totals(k->m.q, &t);
	if (t.managed != t.free + t.pcp + soak_slab_pages(k) + soak_held(k))
		fail_msg("round %u: of %lu pages %lu are free, %lu in sheaves, %lu in slabs, %lu "
			 "held",
			 k->round, t.managed, t.free, t.pcp, soak_slab_pages(k), soak_held(k));
}

static double soak_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long soak_rss_kib(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f != NULL) {
		if (fscanf(f, "%lu %lu", &size, &pages) != 2)
			pages = 0;
		fclose(f);
	}
	return pages * (unsigned long)(sysconf(_SC_PAGESIZE) / 1024);
}

/* A line for the round. */
static void soak_write(struct soak *k, double seconds)
{
	struct quarry_page_debug_info info;
	struct quarry_totals t;

	if (k->csv == NULL)
		return;
	quarry_totals(k->m.q, &t);
	quarry_page_debug_info(k->m.q, &info);
	fprintf(k->csv, "%.1f,%u,%u,%lu,%lu,%lu,%lu,%lu,%lu,%zu,%lu,%lu,%lu,%llu,%lu,%lu,%lu\n",
		seconds, k->round, k->percent, t.managed, t.free, t.pcp, soak_slab_pages(k),
		soak_held(k), soak_whole(k), t.meta_bytes, soak_rss_kib(), atomic_load(&k->served),
		atomic_load(&k->refused),
		(unsigned long long)(info.injected + quarry_failslab_injected(k->m.q)),
		k->owner.migrated, atomic_load(&k->onlined) + atomic_load(&k->offlined),
		atomic_load(&k->switched));
	fflush(k->csv);
}

static int soak_shrink(struct kmem_cache *cache, void *q)
{
	(void)quarry_kmem_cache_shrink(q, cache);
	return 0;
}

static void soak_give_all(struct soak *k)
{
	for (unsigned int i = 0; i < SOAK_THREADS; i++) {
		struct soak_actor *a = &k->actor[i];

		for (unsigned int n = 0; n < SOAK_PAGES; n++)
			soak_give_page(a, n);
		for (unsigned int n = 0; n < SOAK_OBJECTS; n++) {
			soak_give_object(k, a->object[n]);
			a->object[n] = NULL;
		}
	}
	for (unsigned int n = 0; n < SOAK_SHARED; n++)
		soak_give_object(k, atomic_exchange(&k->shared[n], NULL));
	for (unsigned int n = 0; n < SOAK_LRU; n++)
		soak_give_object(k, atomic_exchange(&k->lru[n], NULL));
	owner_free_all(&k->owner);
	/* Each CPU empties its own sheaves; the last one sees all slabs go. */
	for (unsigned int cpu = 0; cpu < SOAK_CPUS + SOAK_NODES; cpu++) {
		if (!quarry_cpu_is_online(k->m.q, cpu))
			continue;
		quarry_posix_set_cpu(cpu);
		assert_int_equal(quarry_kmem_cache_for_each(k->m.q, soak_shrink, k->m.q), 0);
	}
	for (pfn_t b = BOOT_BLOCKS; b < ALL_BLOCKS; b++) {
		if (quarry_memory_block_state(k->m.q, b * BLOCK_PAGES) == QUARRY_BLOCK_ONLINE)
			assert_int_equal(quarry_offline_pages(k->m.q, b * BLOCK_PAGES, BLOCK_PAGES),
					 0);
	}
	quarry_drain_all_pages(k->m.q);
}

/* All is back: the machine is the one that booted, and no table has grown for ever. */
static void soak_as_at_boot(struct soak *k, bool second_half)
{
	struct quarry_totals t;

	assert_int_equal(soak_slab_pages(k), 0);
	quarry_totals(k->m.q, &t);
	assert_int_equal(t.free, k->boot_free);
	assert_int_equal(t.free, t.managed);
	assert_int_equal(t.pgalloc, t.pgfree);
	assert_int_equal(soak_whole(k), k->boot_whole);
	if (t.meta_bytes > k->meta[second_half])
		k->meta[second_half] = t.meta_bytes;
}

/* ---- the run ---- */

static void soak_begin(struct soak *k)
{
	static const struct machine_spec spec = {
		.memory = {{0, SOAK_BOOT / 2, 0}, {SOAK_BOOT / 2, SOAK_BOOT, 1}},
		.ram_bytes = SOAK_RAM,
		.concurrent = true,
		.boot = {.nr_cpus = SOAK_CPUS + SOAK_NODES,
			 .dma32_limit = 64 * MACHINE_MIB,
			 .max_hotplug_phys = SOAK_RAM,
			 .no_thp = true}};
	static const struct quarry_cma_spec area = {
		.base = 240 * MACHINE_MIB, .size = 8 * MACHINE_MIB, .fixed = true, .nid = 1};
	const struct quarry_reporting_dev dev = {.report = soak_tell};
	struct quarry_totals t;

	machine_init(&k->m, &spec);
	assert_int_equal(quarry_cma_declare_contiguous(k->m.q, &area, &k->cma), 0);
	assert_int_equal(quarry_boot(k->m.q, &spec.boot), 0);
	assert_int_equal(quarry_page_reporting_register(k->m.q, &dev), 0);
	assert_int_equal(quarry_page_debug(k->m.q, "warn_alloc=0"), 0);
	quarry_totals(k->m.q, &t);
	k->boot_free = t.free;
	k->boot_whole = soak_whole(k);
	k->cache[0] = quarry_kmem_cache_create(k->m.q, "soak-320", 320, SLAB_NO_MERGE, NULL);
	k->cache[1] = quarry_kmem_cache_create(k->m.q, "soak-40", 40, SLAB_RECLAIM_ACCOUNT, NULL);
	k->cache[2] = quarry_kmem_cache_create(k->m.q, "soak-1024", 1024, SLAB_HWCACHE_ALIGN, NULL);
	k->cache[3] = quarry_kmem_cache_create(
		k->m.q, "soak-debug", 72,
		SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER, NULL);
	for (unsigned int i = 0; i < SOAK_CACHES; i++)
		assert_non_null(k->cache[i]);
	k->shrinker = (struct quarry_shrinker){.count_objects = soak_count,
					       .scan_objects = soak_scan,
					       .seeks = QUARRY_DEFAULT_SEEKS,
					       .name = "soak",
					       .ctx = k};
	assert_int_equal(quarry_register_shrinker(k->m.q, &k->shrinker), 0);
	owner_init(&k->owner, &k->m, SOAK_THREADS * SOAK_MOVABLE, ALL_BLOCKS * BLOCK_PAGES, true);
	k->owner.refuse_percent = 1;
	k->owner.fail_percent = 1;
	pthread_barrier_init(&k->begin, NULL, SOAK_THREADS + 1);
	pthread_barrier_init(&k->end, NULL, SOAK_THREADS + 1);
	for (unsigned int i = 0; i < SOAK_THREADS; i++) {
		struct soak_actor *a = &k->actor[i];

		a->k = k;
		a->number = i;
		a->cpu = 2 * i;
		a->seed = i + 1;
		assert_int_equal(pthread_create(&a->thread, NULL, soak_live, a), 0);
	}
}

static void soak_end(struct soak *k)
{
	k->stop = true;
	pthread_barrier_wait(&k->begin);
	for (unsigned int i = 0; i < SOAK_THREADS; i++)
		assert_int_equal(pthread_join(k->actor[i].thread, NULL), 0);
	quarry_unregister_shrinker(k->m.q, &k->shrinker);
	for (unsigned int i = 0; i < SOAK_CACHES; i++)
		assert_int_equal(quarry_kmem_cache_destroy(k->m.q, k->cache[i]), 0);
	owner_fini(&k->owner);
	pthread_barrier_destroy(&k->begin);
	pthread_barrier_destroy(&k->end);
	machine_fini(&k->m);
}

/* One round, the machine checked after it. */
static void soak_round(struct soak *k)
{
	static const unsigned int percent[SOAK_CYCLE] = {20, 50, 80, 110, 95, 60, 30, 10};
	bool fail = k->round % 3 == 2;

	k->percent = percent[k->round % SOAK_CYCLE];
	assert_int_equal(quarry_page_debug(k->m.q, fail ? "fail_page_alloc=7,20,0,-1 "
							  "fail_page_alloc.min-order=0 "
							  "fail_page_alloc.ignore-gfp-wait=N"
							: "fail_page_alloc=1,0,0,0"),
			 0);
	assert_int_equal(
		quarry_failslab(k->m.q, fail ? "failslab=50,20,0,-1 failslab.ignore-gfp-wait=N"
					     : "failslab=1,0,0,0"),
		0);
	assert_int_equal(quarry_posix_start_kswapd(k->m.q, SOAK_CPUS), 0);
	pthread_barrier_wait(&k->begin);
	pthread_barrier_wait(&k->end);
	quarry_posix_stop_kswapd(k->m.q);
	quarry_posix_set_cpu(SOAK_CPUS);
	soak_sound(k);
}

static double soak_for;      /* seconds; 0: one cycle */
static const char *soak_csv; /* file */

static void a_long_life(void **state)
{
	static struct soak k;
	double start = soak_seconds(), now = 0;

	(void)state;
	k.steps = soak_for > 0 ? SOAK_LONG : SOAK_SHORT;
	if (soak_csv != NULL) {
		k.csv = fopen(soak_csv, "w");
		assert_non_null(k.csv);
		fputs("second,round,percent,managed,free,pcp,slab,held,whole,meta_bytes,rss_kib,"
		      "served,refused,injected,moved,blocks,cpus\n",
		      k.csv);
	}
	soak_begin(&k);
	for (; k.round % SOAK_CYCLE != 0 || k.round == 0 || now < soak_for; k.round++) {
		soak_round(&k);
		now = soak_seconds() - start;
		soak_write(&k, now);
		if (k.round % SOAK_CYCLE != SOAK_CYCLE - 1)
			continue;
		assert_int_equal(quarry_page_debug(k.m.q, "fail_page_alloc=1,0,0,0"), 0);
		assert_int_equal(quarry_failslab(k.m.q, "failslab=1,0,0,0"), 0);
		soak_give_all(&k);
		soak_sound(&k);
		soak_as_at_boot(&k, now > soak_for / 2);
		soak_write(&k, now);
	}
	soak_end(&k);
	print_message("%u rounds: %lu served, %lu refused, %lu shrunk, %lu ranges, %lu caches; "
		      "memory on %lu off %lu, CPUs %lu; %lu pages moved; tables when empty %zu, "
		      "%zu in the second half\n",
		      k.round, atomic_load(&k.served), atomic_load(&k.refused),
		      atomic_load(&k.shrunk), atomic_load(&k.ranges), atomic_load(&k.caches),
		      atomic_load(&k.onlined), atomic_load(&k.offlined), atomic_load(&k.switched),
		      k.owner.migrated, k.meta[0], k.meta[1]);
	assert_true(k.served > 0 && k.refused > 0 && k.switched > 0 && k.caches > 0 && k.shown > 0);
	/*
	 * A run of minutes has seen all that grows once; no drift since. Records of slabs are never given back, so the
	 * tables follow the most that were alive at a time; it may come late, and costs a chunk.
	 */
	if (soak_for >= 120)
		assert_true(k.meta[1] <= k.meta[0] + SOAK_CHUNK);
	if (k.csv != NULL)
		fclose(k.csv);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_long_life)};

	if (argc > 1)
		soak_for = strtod(argv[1], NULL);
	if (argc > 2)
		soak_csv = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
