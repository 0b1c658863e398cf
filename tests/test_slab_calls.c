/* SPDX-License-Identifier: MIT */
/*
 * Random calls of all that hands out blocks of kmalloc's and kvmalloc's families, side by side with what each call
 * promises: bytes kept and cleared, alignment, size, node, what may be copied to user space, and that a call which
 * fails leaves all as it was. A digest of the layer's state after each step has every decision in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <slab/internal.h>

#include "machine_build.h"
#include "slab_state.h"

#define MIB MACHINE_MIB
#define SLOTS 40
#define NODES 2
#define CPUS 3

struct block {
	unsigned char *p;
	size_t size;
	unsigned char fill;
	bool is_object; /* of calls.cache */
	bool clear;     /* every call for it had __GFP_ZERO */
};

struct calls {
	struct machine m;
	struct quarry *q;
	uint64_t seed, digest;
	struct block block[SLOTS];
	struct kmem_cache *cache;
	struct slab_sheaf *sheaf;
	struct quarry_kmem_buckets *buckets;
	bool failing; /* a request of this step may be refused by will */
	bool waiting; /* blocks are to go after a grace period */
	unsigned int refused;
};

#define OBJECT 200 /* bytes, of calls.cache */

static uint32_t below(struct calls *c, uint32_t n)
{
	return (uint32_t)((machine_random(&c->seed) >> 32) % n);
}

/* Round classes, pages and limits, and in between. */
static size_t any_size(struct calls *c)
{
	static const size_t border[] = {8,    16,   64,    96,    128,   192,
					256,  1024, 2048,  4096,  8192,  12288,
					4000, 8000, 16384, 32768, 65536, QUARRY_KMALLOC_MAX_SIZE};
	uint32_t k = below(c, 40);

	if (k == 0)
		return QUARRY_KMALLOC_MAX_SIZE + below(c, 2 * MIB);
	if (k < 16)
		return border[below(c, k < 3 ? 18 : 15)] + below(c, 3) - 1;
	return 1 + below(c, k < 30 ? 600 : 20000);
}

static gfp_t any_gfp(struct calls *c)
{
	return (below(c, 8) == 0 ? GFP_ATOMIC : GFP_KERNEL) | __GFP_NOWARN |
	       (below(c, 3) == 0 ? __GFP_ZERO : 0);
}

static int any_node(struct calls *c)
{
	return (int)below(c, NODES + 2) - 1;
}

static bool filled(const unsigned char *p, int with, size_t n)
{
	return n == 0 || (p[0] == with && memcmp(p, p + 1, n - 1) == 0);
}

static struct block *a_block(struct calls *c, bool full)
{
	struct block *b = &c->block[below(c, SLOTS)];

	return (b->p != NULL) == full ? b : NULL;
}

/* ---- what is promised of a block ---- */

/* Bytes that a block of kmalloc()'s has, by the list of its classes. */
static size_t usable(size_t size)
{
	static const size_t odd[] = {96, 192};
	size_t n = 8;

	for (size_t i = 0; i < 2; i++) {
		if (size > odd[i] * 2 / 3 && size <= odd[i])
			return odd[i];
	}
	while (n < size)
		n *= 2;
	return n;
}

/* What the call for a new block came to. */
static void comes(struct calls *c, struct block *b, void *p, size_t size, gfp_t gfp)
{
	if (p == NULL) {
		assert_true(c->failing || size > MIB / 2);
		c->refused++;
		return;
	}
	*b = (struct block){.p = p,
			    .size = size,
			    .fill = (unsigned char)(1 + below(c, 255)),
			    .clear = (gfp & __GFP_ZERO) != 0};
	if (b->clear)
		assert_true(filled(p, 0, size));
	memset(p, b->fill, size);
}

static void is_kmalloc(struct calls *c, const struct block *b)
{
	size_t n = usable(b->size);

	if (b->p == NULL)
		return;
	assert_false(quarry_is_vmalloc_addr(c->q, b->p));
	assert_int_equal(quarry_ksize(c->q, b->p), n);
	assert_int_equal(quarry_kmalloc_size_roundup(c->q, b->size), n);
	assert_int_equal((uintptr_t)b->p % ((n & (n - 1)) == 0 ? n < 4096 ? n : 4096 : 8), 0);
}

static bool is_range(struct calls *c, const struct block *b)
{
	return quarry_is_vmalloc_addr(c->q, b->p);
}

static void lies_on(struct calls *c, const struct block *b, int nid)
{
	if (b->p != NULL && nid >= 0 && nid < NODES && b->size < MIB / 2)
		assert_int_equal(quarry_physical(c->q, b->p) / (32 * MIB), nid);
}

static void goes(struct calls *c, struct block *b)
{
	assert_true(filled(b->p, b->fill, b->size));
	if (!b->is_object && !is_range(c, b) && !c->failing)
		assert_true(quarry_ksize(c->q, b->p) >= b->size);
	*b = (struct block){0};
}

/* ---- calls for new blocks ---- */

static void call_kmalloc(struct calls *c)
{
	size_t size = any_size(c), n = 1 + below(c, 3);
	gfp_t gfp = any_gfp(c);
	int nid = any_node(c);
	struct block *b = a_block(c, false);
	void *p = NULL;

	if (b == NULL)
		return;
	switch (below(c, 5)) {
	case 0:
		p = quarry_kmalloc(c->q, size, gfp);
		nid = QUARRY_NO_NODE;
		break;
	case 1:
		p = quarry_kmalloc_node(c->q, size, gfp, nid);
		break;
	case 2:
		p = quarry_kmalloc_array_node(c->q, n, size, gfp, nid);
		size *= n;
		break;
	case 3:
		p = quarry_kmalloc_array(c->q, n, size, gfp);
		size *= n;
		nid = QUARRY_NO_NODE;
		break;
	default:
		p = quarry_kcalloc(c->q, n, size, gfp);
		gfp |= __GFP_ZERO;
		size *= n;
		nid = QUARRY_NO_NODE;
	}
	assert_true(size <= QUARRY_KMALLOC_MAX_SIZE || p == NULL);
	comes(c, b, p, size, gfp);
	is_kmalloc(c, b);
	lies_on(c, b, nid);
}

static void call_kvmalloc(struct calls *c)
{
	size_t size = any_size(c), n = 1 + below(c, 2);
	gfp_t gfp = any_gfp(c);
	int nid = any_node(c);
	struct block *b = a_block(c, false);

	if (b == NULL)
		return;
	switch (below(c, 4)) {
	case 0:
		comes(c, b, quarry_kvmalloc(c->q, size, gfp), size, gfp);
		break;
	case 1:
		comes(c, b, quarry_kvmalloc_node(c->q, size, gfp, nid), size, gfp);
		lies_on(c, b, nid);
		break;
	case 2:
		comes(c, b, quarry_kvmalloc_array(c->q, n, size, gfp), n * size, gfp);
		break;
	default:
		comes(c, b, quarry_kvrealloc(c->q, NULL, size, gfp), size, gfp);
	}
	if (b->p != NULL && !is_range(c, b))
		is_kmalloc(c, b);
	if (b->p != NULL && b->size > QUARRY_KMALLOC_MAX_SIZE)
		assert_true(is_range(c, b));
}

static void call_copies(struct calls *c)
{
	static unsigned char from[20001];
	size_t size = 1 + below(c, 6000), max = 1 + below(c, 6000);
	gfp_t gfp = any_gfp(c) & ~__GFP_ZERO;
	struct block *b = a_block(c, false);
	unsigned char *p = NULL;
	bool text = false;

	if (b == NULL)
		return;
	memset(from, 'x', sizeof(from));
	switch (below(c, 5)) {
	case 0:
		p = quarry_kmemdup(c->q, from, size, gfp);
		break;
	case 1:
		size = size / 3 * 3 + 3;
		p = quarry_kmemdup_array(c->q, from, size / 3, 3, gfp);
		break;
	case 2:
		p = (unsigned char *)quarry_kmemdup_nul(c->q, (char *)from, size, gfp);
		text = true;
		break;
	case 3:
		from[size] = 0;
		p = (unsigned char *)quarry_kstrdup(c->q, (char *)from, gfp);
		text = true;
		break;
	default:
		from[size] = 0;
		p = (unsigned char *)quarry_kstrndup(c->q, (char *)from, max, gfp);
		size = size < max ? size : max;
		text = true;
	}
	if (p != NULL)
		assert_true(filled(p, 'x', size) && (!text || p[size] == 0));
	comes(c, b, p, size + text, gfp);
	is_kmalloc(c, b);
}

static void call_buckets(struct calls *c)
{
	size_t size = any_size(c);
	gfp_t gfp = any_gfp(c);
	struct block *b = a_block(c, false);

	if (b == NULL)
		return;
	if (below(c, 2) != 0)
		comes(c, b, quarry_kmem_buckets_alloc(c->q, c->buckets, size, gfp), size, gfp);
	else
		comes(c, b, quarry_kmem_buckets_valloc(c->q, c->buckets, size, gfp), size, gfp);
	if (b->p != NULL && !is_range(c, b)) {
		is_kmalloc(c, b);
		if (size <= QUARRY_KMALLOC_MAX_CACHE_SIZE)
			assert_memory_equal(quarry_virt_to_cache(c->q, b->p)->name, "own-", 4);
	}
}

/* ---- calls for other sizes ---- */

/* What was @old is now at @p, of @size bytes; the refused leave it. */
static void moves(struct calls *c, struct block *b, void *p, size_t size, gfp_t gfp)
{
	struct block old = *b;

	if (p == NULL) {
		assert_true(c->failing || size > MIB / 2);
		assert_true(filled(b->p, b->fill, b->size));
		c->refused++;
		return;
	}
	b->p = p;
	b->clear = old.clear && (gfp & __GFP_ZERO) != 0;
	b->size = size;
	assert_true(filled(p, old.fill, old.size < size ? old.size : size));
	if (b->clear && old.size < size)
		assert_true(filled(b->p + old.size, 0, size - old.size));
	memset(p, b->fill, size);
}

static void call_krealloc(struct calls *c)
{
	struct block *b = a_block(c, true);
	size_t size = any_size(c), align = 1, was;
	gfp_t gfp = any_gfp(c);
	int nid = QUARRY_NO_NODE;
	void *p;

	if (b == NULL || is_range(c, b))
		return;
	was = quarry_ksize(c->q, b->p);
	p = b->p;
	switch (below(c, 3)) {
	case 0:
		moves(c, b, quarry_krealloc(c->q, p, size, gfp), size, gfp);
		break;
	case 1:
		size = size / 3 * 3 + 3;
		moves(c, b, quarry_krealloc_array(c->q, p, 3, size / 3, gfp), size, gfp);
		break;
	default:
		nid = any_node(c);
		align = (size_t)1 << below(c, 14);
		moves(c, b, quarry_krealloc_node_align(c->q, p, size, align, gfp, nid), size, gfp);
	}
	/* In place whenever that will do. */
	if (size <= was && nid == QUARRY_NO_NODE && (uintptr_t)p % align == 0)
		assert_ptr_equal(b->p, p);
	if (b->p == p) {
		assert_int_equal(quarry_ksize(c->q, p), was);
		return;
	}
	b->is_object = false;
	assert_int_equal((uintptr_t)b->p % align, 0);
	lies_on(c, b, nid);
	if (align <= 8)
		is_kmalloc(c, b);
}

static void call_kvrealloc(struct calls *c)
{
	struct block *b = a_block(c, true);
	size_t size = any_size(c);
	gfp_t gfp = any_gfp(c);
	bool range;
	void *p;

	if (b == NULL)
		return;
	p = b->p;
	range = is_range(c, b);
	moves(c, b, quarry_kvrealloc(c->q, p, size, gfp), size, gfp);
	b->is_object = b->is_object && b->p == p;
	assert_true(!range || size > 4 * MIB || b->p == p);
}

/* ---- calls that give back ---- */

static void call_free(struct calls *c)
{
	struct block *b = a_block(c, true);
	unsigned char *p;
	size_t size;

	if (b == NULL)
		return;
	p = b->p;
	size = b->size;
	switch (is_range(c, b) ? 2 + below(c, 2) : below(c, 4)) {
	case 0:
		goes(c, b);
		quarry_kfree(c->q, p);
		break;
	case 1:
		goes(c, b);
		quarry_kfree_sensitive(c->q, p);
		break;
	case 2:
		goes(c, b);
		quarry_kvfree(c->q, p);
		break;
	default:
		goes(c, b);
		quarry_kvfree_sensitive(c->q, p, size);
	}
}

static void call_free_later(struct calls *c)
{
	struct block *b = a_block(c, true);
	struct quarry_rcu_head *head;
	void *p;

	if (b == NULL || b->size < sizeof(*head))
		return;
	p = b->p;
	head = below(c, 2) != 0 ? p : NULL;
	goes(c, b);
	quarry_posix_set_cpu(0);
	assert_int_equal(quarry_kvfree_rcu(c->q, p, head), 0);
	c->waiting = true;
}

static void call_grace(struct calls *c)
{
	unsigned int cpu = below(c, CPUS);

	/* One section stands against the second step. */
	quarry_posix_set_cpu(cpu);
	quarry_rcu_read_lock(c->q);
	assert_true(quarry_rcu_run(c->q));
	assert_false(quarry_rcu_run(c->q));
	quarry_rcu_read_unlock(c->q);
	if (below(c, 2) == 0) {
		assert_int_equal(quarry_rcu_barrier(c->q), 0);
		c->waiting = false;
	}
}

/* ---- objects put by ---- */

static void call_sheaf(struct calls *c)
{
	unsigned int n = 1 + below(c, 70), had;
	gfp_t gfp = any_gfp(c);
	struct slab_sheaf *was = c->sheaf;
	struct block *b = a_block(c, false);

	if (c->sheaf == NULL) {
		c->sheaf = quarry_kmem_cache_prefill_sheaf(c->q, c->cache, gfp & ~__GFP_ZERO, n);
		assert_true(c->sheaf != NULL || c->failing);
		assert_true(c->sheaf == NULL || quarry_kmem_cache_sheaf_size(c->sheaf) == n);
		return;
	}
	had = quarry_kmem_cache_sheaf_size(c->sheaf);
	if (below(c, 8) == 0) {
		int err = quarry_kmem_cache_refill_sheaf(c->q, c->cache, gfp & ~__GFP_ZERO,
							 &c->sheaf, n);
		unsigned int has = quarry_kmem_cache_sheaf_size(c->sheaf);

		assert_true(err == 0 || (c->failing && c->sheaf == was && has == had));
		assert_true(err != 0 || has == (had > n ? had : n));
	} else if (below(c, 16) == 0) {
		quarry_kmem_cache_return_sheaf(c->q, c->cache, c->sheaf);
		c->sheaf = NULL;
	} else if (b != NULL) {
		void *p = quarry_kmem_cache_alloc_from_sheaf(c->q, c->cache, gfp, c->sheaf);

		assert_true((p != NULL) == (had != 0));
		if (p == NULL)
			return;
		comes(c, b, p, OBJECT, gfp);
		b->is_object = true;
		assert_int_equal(quarry_kmem_cache_sheaf_size(c->sheaf), had - 1);
	}
}

static void call_object(struct calls *c)
{
	gfp_t gfp = any_gfp(c);
	int nid = any_node(c);
	struct block *b = a_block(c, false);

	if (b == NULL)
		return;
	if (nid < 0 || nid >= NODES)
		comes(c, b, quarry_kmem_cache_alloc(c->q, c->cache, gfp), OBJECT, gfp);
	else
		comes(c, b, quarry_kmem_cache_alloc_node(c->q, c->cache, gfp, nid), OBJECT, gfp);
	b->is_object = b->p != NULL;
}

/* ---- questions and the like ---- */

/* Some bytes of a block may be copied as far as it goes; those of an object only in its window, 8 to 40. */
static void call_usercopy(struct calls *c)
{
	struct block *b = a_block(c, true);
	size_t at, end, n;
	unsigned int reports = c->m.reports;
	char left[40];

	if (b == NULL)
		return;
	at = b->is_object ? 8 + below(c, 32) : below(c, (uint32_t)b->size);
	end = b->is_object ? 40
	      : is_range(c, b)
		      ? (b->size + QUARRY_PAGE_SIZE - 1) / QUARRY_PAGE_SIZE * QUARRY_PAGE_SIZE
		      : quarry_ksize(c->q, b->p);
	n = end - at;
	assert_true(quarry_check_object_size(c->q, b->p + at, n, true));
	assert_true(quarry_check_object_size(c->q, b->p + at, 1 + below(c, (uint32_t)n), false));
	assert_int_equal(c->m.reports, reports);
	if (end == QUARRY_PAGE_SIZE && quarry_virt_to_cache(c->q, b->p) == NULL)
		return; /* neighbours of single pages count as one */
	assert_false(quarry_check_object_size(c->q, b->p + at, n + 1, true));
	assert_int_equal(c->m.reports, reports + 1);
	if (end > QUARRY_KMALLOC_MAX_CACHE_SIZE && !b->is_object) {
		snprintf(left, sizeof(left), ", %zu before the end of ", n);
		assert_non_null(strstr(c->m.last_report, left));
	}
	if (b->is_object)
		assert_false(quarry_check_object_size(c->q, b->p + 7, 2, true));
	c->m.reports = 0;
}

static void call_trim(struct calls *c)
{
	switch (below(c, 4)) {
	case 0:
		assert_int_equal(quarry_slab_reap(c->q, below(c, CPUS)), 0);
		break;
	case 1:
		(void)quarry_kmem_cache_shrink(c->q, c->cache);
		break;
	case 2:
		if (below(c, 8) == 0)
			(void)quarry_drop_slab(c->q);
		break;
	default:
		quarry_posix_set_cpu(below(c, CPUS));
	}
}

/* ---- a life ---- */

static void (*const call[])(struct calls *c) = {
	call_kmalloc,  call_kmalloc,  call_kvmalloc, call_copies, call_buckets,    call_object,
	call_krealloc, call_krealloc, call_free,     call_free,   call_free,       call_kvrealloc,
	call_sheaf,    call_sheaf,    call_usercopy, call_trim,   call_free_later, call_grace,
};

static unsigned long owned(struct calls *c)
{
	struct quarry_cache_info i;
	unsigned long n = 0;

	for (struct kmem_cache *s = quarry_kmem_cache_next(c->q, NULL); s != NULL;
	     s = quarry_kmem_cache_next(c->q, s)) {
		quarry_kmem_cache_info(c->q, s, &i);
		n += i.active_objs;
	}
	return n;
}

static void begin(struct calls *c, uint64_t seed)
{
	static const int cpu_node[] = {0, 1, 0};
	struct machine_spec spec = {.memory = {{0, 32 * MIB, 0}, {32 * MIB, 64 * MIB, 1}},
				    .port = MACHINE_COUNTED,
				    .ram_bytes = 64 * MIB,
				    .budget = -1,
				    .boot = {.nr_cpus = CPUS, .cpu_node = cpu_node}};

	*c = (struct calls){.seed = seed};
	machine_build(&c->m, &spec);
	c->q = c->m.q;
	quarry_posix_set_cpu(0);
}

static void make_caches(struct calls *c)
{
	struct kmem_cache_args args = {.useroffset = 8, .usersize = 32};

	c->cache = quarry_kmem_cache_create(c->q, "calls", OBJECT, SLAB_NO_MERGE, &args);
	c->buckets = quarry_kmem_buckets_create(c->q, "own", 0, 0, 8192, NULL);
	assert_true(c->cache != NULL && c->buckets != NULL);
}

/* Refuses one of the next requests for pages, objects or tables, or allows all. */
static void refuse_one(struct calls *c, unsigned int nth)
{
	char text[20];

	snprintf(text, sizeof(text), "fail-nth=%u", nth);
	c->failing = nth != 0;
	assert_int_equal(quarry_page_debug(c->q, text), 0);
	if (nth == 0 || below(c, 2) != 0)
		assert_int_equal(quarry_failslab(c->q, text), 0);
	c->m.budget = nth != 0 && below(c, 3) == 0 ? 0 : -1;
}

static void end(struct calls *c)
{
	quarry_posix_set_cpu(0);
	for (struct block *b = c->block; b < c->block + SLOTS; b++) {
		void *p = b->p;

		if (p == NULL)
			continue;
		goes(c, b);
		quarry_kvfree(c->q, p);
	}
	quarry_kmem_cache_return_sheaf(c->q, c->cache, c->sheaf);
	assert_int_equal(quarry_rcu_barrier(c->q), 0);
	assert_int_equal(quarry_kmem_buckets_destroy(c->q, c->buckets), 0);
	assert_int_equal(quarry_kmem_cache_destroy(c->q, c->cache), 0);
	assert_int_equal(owned(c), 0);
	(void)quarry_drop_slab(c->q);
	assert_int_equal(c->m.reports, 0);
	machine_check(&c->m);
	machine_fini(&c->m);
}

/* What is counted by place: all places of this program are one for the digest, for their order is that of addresses. */
static void note_places(struct calls *c)
{
	struct quarry_page_site_info s;

	for (unsigned int i = 0; quarry_slab_site(c->q, i, &s); i++)
		c->digest += (s.live_bytes + 31 * s.live_blocks) * 17 + s.bytes + 131 * s.blocks;
}

static void live(struct calls *c, unsigned int steps, uint64_t expected)
{
	for (unsigned int step = 0; step < steps; step++) {
		unsigned int what = below(c, sizeof(call) / sizeof(call[0]));

		if (below(c, 6) == 0)
			refuse_one(c, 1 + below(c, 3));
		call[what](c);
		if (c->failing)
			refuse_one(c, 0);
		assert_int_equal(c->m.reports, 0);
		slab_state_add(c->q, &c->digest);
		note_places(c);
		if (step % 64 == 0)
			machine_check(&c->m);
	}
	assert_true(c->refused != 0);
	end(c);
	slab_state_decided(c->digest, expected);
}

static struct calls calls;

static void plain(void **state)
{
	(void)state;
	begin(&calls, 1);
	make_caches(&calls);
	live(&calls, 5000, 0x014092b12819ded4);
}

/* All by debug.c: red zones, poison, users. */
static void with_debugging(void **state)
{
	(void)state;
	begin(&calls, 2);
	assert_int_equal(quarry_slab_debug(calls.q, "FZPU"), 0);
	make_caches(&calls);
	live(&calls, 3000, 0x8583c14624a48bf2);
}

/* And every object and block counted by who took it; the switch is turned in between. */
static void with_places(void **state)
{
	(void)state;
	begin(&calls, 3);
	for (long budget = 0; budget < 2; budget++) {
		calls.m.budget = budget;
		assert_int_equal(quarry_slab_profiling(calls.q, true), -QUARRY_ENOMEM);
		assert_false(calls.q->slabs->profiling);
	}
	calls.m.budget = -1;
	assert_int_equal(quarry_slab_profiling(calls.q, true), 0);
	make_caches(&calls);
	live(&calls, 3000, 0x39274a82e0e8a339);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(with_debugging),
		cmocka_unit_test(with_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
