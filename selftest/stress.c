/* SPDX-License-Identifier: MIT */
/*
 * The stress: every CPU takes and gives back at random, then all stop and one looks.
 *
 * A round    CPU 0 empties all caches and sheaves and counts   | the others wait
 *            all CPUs: STRESS_STEPS steps, then all is given back
 *            CPU 0 empties the boxes, validates, counts        | the others wait
 *
 * Terms      A box holds a block or an object for whichever CPU looks there next. It changes hands by
 *            an atomic exchange, so it has one owner at any time.
 *
 * Stamp      A block's first and last word say whose it is, if pages have contents: a block that two
 *            own at once is seen by the one that frees it first.
 */
#include "internal.h"

#define STRESS_STEPS 2000u
#define STRESS_HELD 24u
#define STRESS_BOXES 64u
#define STRESS_OBJECT_BYTES 136u

struct stress_cpu {
	const struct quarry_selftest_env *env;
	struct quarry *q;
	struct quarry_selftest_stress *s;
	uint64_t random;
	uint32_t failures, refused;
	struct selftest_held held[STRESS_HELD];
	void *object[STRESS_HELD]; /* of kmalloc */
	void *cached[STRESS_HELD]; /* of the shared cache */
};

/* Waits until all CPUs are here. */
static void stress_meet(struct stress_cpu *c)
{
	uint32_t turn = __atomic_load_n(&c->s->turn, __ATOMIC_ACQUIRE);

	if (__atomic_add_fetch(&c->s->arrived, 1u, __ATOMIC_ACQ_REL) == c->env->nr_cpus) {
		__atomic_store_n(&c->s->arrived, 0u, __ATOMIC_RELAXED);
		__atomic_store_n(&c->s->turn, turn + 1, __ATOMIC_RELEASE);
		return;
	}
	while (__atomic_load_n(&c->s->turn, __ATOMIC_ACQUIRE) == turn) {
		if (c->env->relax != NULL)
			c->env->relax(c->env->ctx);
	}
}

static uintptr_t *stress_word(struct stress_cpu *c, const struct selftest_held *b, bool last)
{
	char *p = quarry_page_address(c->q, b->page);

	if (last)
		p += (QUARRY_PAGE_SIZE << b->order) - sizeof(uintptr_t);
	return (uintptr_t *)(void *)p;
}

static void stress_stamp(struct stress_cpu *c, const struct selftest_held *b, uintptr_t stamp)
{
	if (c->env->no_access)
		return;
	*stress_word(c, b, false) = stamp;
	*stress_word(c, b, true) = stamp;
}

static void stress_free(struct stress_cpu *c, struct selftest_held *b)
{
	uintptr_t stamp = (uintptr_t)b->page;

	if (b->page == NULL)
		return;
	if (!c->env->no_access &&
	    (*stress_word(c, b, false) != stamp || *stress_word(c, b, true) != stamp))
		c->failures++;
	stress_stamp(c, b, 0);
	quarry_free_pages(c->q, b->page, b->order);
	b->page = NULL;
}

static void stress_alloc(struct stress_cpu *c, struct selftest_held *b, uint64_t x)
{
	static const gfp_t kinds[] = {
		GFP_KERNEL, GFP_HIGHUSER_MOVABLE,    GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_ATOMIC, GFP_KERNEL | __GFP_DMA,  GFP_KERNEL | __GFP_ZERO,
		GFP_NOWAIT, GFP_KERNEL | __GFP_DMA32};

	/* Mostly small ones; all orders now and then. */
	b->order = (x & 15) != 0 ? (unsigned int)(x >> 4 & 3)
				 : (unsigned int)(x >> 4 & 0xff) % QUARRY_NR_ORDERS;
	b->page = quarry_alloc_pages(c->q, kinds[x >> 12 & 7] | __GFP_NOWARN, b->order);
	if (b->page == NULL)
		c->refused++;
	else
		stress_stamp(c, b, (uintptr_t)b->page);
}

/* Leaves a block in a box and frees what lay there. */
static void stress_post(struct stress_cpu *c, struct selftest_held *b, uintptr_t *box)
{
	uintptr_t mine = 0, other;

	if (b->page != NULL) /* page frame 0 is one, and 0 is none */
		mine = (uintptr_t)(quarry_page_to_pfn(c->q, b->page) + 1) << 4 | b->order;
	other = __atomic_exchange_n(box, mine, __ATOMIC_ACQ_REL);
	b->page = other != 0 ? quarry_pfn_to_page(c->q, (other >> 4) - 1) : NULL;
	b->order = (unsigned int)(other & 15);
	stress_free(c, b);
}

static void stress_split(struct stress_cpu *c, struct selftest_held *b)
{
	struct selftest_held one = {.order = 0};

	if (quarry_split_page(c->q, b->page, b->order) != 0)
		c->failures++;
	stress_stamp(c, b, 0);
	for (unsigned int i = 0; i < 1u << b->order; i++) {
		one.page = b->page + i;
		stress_stamp(c, &one, (uintptr_t)one.page);
		stress_free(c, &one);
	}
	b->page = NULL;
}

static void stress_pages(struct stress_cpu *c, uint64_t x)
{
	struct selftest_held *b = &c->held[(x >> 8 & 0xff) % STRESS_HELD];

	if (b->page == NULL) {
		stress_alloc(c, b, x >> 16);
	} else if ((x & 0x30) == 0) {
		stress_post(c, b, &c->s->box[x >> 40 & (STRESS_BOXES - 1)]);
	} else if ((x & 0xf0) == 0x10) {
		stress_split(c, b);
	} else {
		if ((x & 0x40) != 0) { /* one more reference, and back */
			quarry_get_page(c->q, b->page);
			quarry_free_pages(c->q, b->page, b->order);
		}
		stress_free(c, b);
	}
}

static void stress_objects(struct stress_cpu *c, uint64_t x)
{
	void **p = &c->object[(x >> 8 & 0xff) % STRESS_HELD];

	if (*p == NULL) {
		*p = quarry_kmalloc(c->q, (size_t)1 << (x >> 16 & 7) << (x >> 20 & 7),
				    (x >> 24 & 3) == 0 ? GFP_ATOMIC : GFP_KERNEL);
		c->refused += *p == NULL;
	} else {
		quarry_kfree(c->q, *p);
		*p = NULL;
	}
}

static void stress_cached(struct stress_cpu *c, uint64_t x)
{
	void **p = &c->cached[(x >> 8 & 0xff) % STRESS_HELD];
	void *bulk[8];

	if ((x & 0xf0) == 0) {
		if (quarry_kmem_cache_alloc_bulk(c->q, c->s->cache, GFP_KERNEL, 8, bulk))
			quarry_kmem_cache_free_bulk(c->q, c->s->cache, 8, bulk);
		else
			c->refused++;
	} else if (*p == NULL) {
		*p = quarry_kmem_cache_alloc(c->q, c->s->cache, GFP_KERNEL);
		if (*p == NULL)
			c->refused++;
		else if (!c->env->no_access)
			selftest_set(*p, (int)c->env->cpu, STRESS_OBJECT_BYTES);
	} else {
		if (!c->env->no_access && !selftest_all(*p, (int)c->env->cpu, STRESS_OBJECT_BYTES))
			c->failures++;
		if ((x & 0x30) == 0x10)
			*p = __atomic_exchange_n(&c->s->object[x >> 40 & (STRESS_BOXES - 1)], *p,
						 __ATOMIC_ACQ_REL);
		quarry_kmem_cache_free(c->q, c->s->cache, *p);
		*p = NULL;
	}
}

static void stress_steps(struct stress_cpu *c)
{
	for (unsigned int i = 0; i < STRESS_STEPS; i++) {
		uint64_t x = selftest_random(&c->random);

		switch (x & 7) {
		case 0:
			stress_objects(c, x);
			break;
		case 1:
		case 2:
			stress_cached(c, x);
			break;
		default:
			stress_pages(c, x);
		}
		if ((x >> 56 & 0xff) == 0)
			quarry_drain_all_pages(c->q);
	}
	for (unsigned int i = 0; i < STRESS_HELD; i++) {
		stress_free(c, &c->held[i]);
		quarry_kfree(c->q, c->object[i]);
		quarry_kmem_cache_free(c->q, c->s->cache, c->cached[i]);
		c->object[i] = c->cached[i] = NULL;
	}
	__atomic_fetch_add(&c->s->failures, c->failures, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->s->refused, c->refused, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->s->steps, STRESS_STEPS, __ATOMIC_RELAXED);
	c->failures = c->refused = 0;
}

/* CPU 0, while the others wait. */
static void stress_fault(struct stress_cpu *c, const char *what, uint64_t is, uint64_t wanted)
{
	struct selftest_text line = {.n = 0};

	c->s->failures++;
	selftest_add(&line, "# stress: ");
	selftest_add(&line, what);
	selftest_add(&line, ": ");
	selftest_add_number(&line, is);
	selftest_add(&line, ", not ");
	selftest_add_number(&line, wanted);
	selftest_print(c->env, &line);
}

static void stress_begin(struct stress_cpu *c)
{
	struct quarry_totals totals;

	selftest_quiesce(c->q);
	quarry_totals(c->q, &totals);
	c->s->free = totals.free;
	c->s->managed = totals.managed;
	c->s->meta_bytes = totals.meta_bytes;
	c->s->cache = quarry_kmem_cache_create(c->q, "selftest-stress", STRESS_OBJECT_BYTES,
					       SLAB_NO_MERGE, NULL);
}

static void stress_write_fault(void *ctx, const char *text, size_t len)
{
	struct selftest_text *line = ctx;

	for (size_t i = 0; i < len && line->n < sizeof(line->s) - 1; i++) {
		if (text[i] != '\n')
			line->s[line->n++] = text[i];
	}
	line->s[line->n] = '\0';
}

static void stress_end(struct stress_cpu *c)
{
	struct selftest_text line = {.n = 0};
	struct quarry_out out = {.write = stress_write_fault, .ctx = &line};
	struct quarry_totals totals;
	struct selftest_held b;

	for (unsigned int i = 0; i < STRESS_BOXES; i++) {
		b.page = NULL;
		stress_post(c, &b, &c->s->box[i]);
		quarry_kmem_cache_free(c->q, c->s->cache, c->s->object[i]);
		c->s->object[i] = NULL;
	}
	c->s->failures += c->failures;
	c->failures = 0;
	if (c->s->failures != 0)
		stress_fault(c, "blocks and objects with two owners", c->s->failures, 0);
	if (quarry_kmem_cache_destroy(c->q, c->s->cache) != 0)
		stress_fault(c, "the cache has objects", 1, 0);
	selftest_quiesce(c->q);
	selftest_add(&line, "# ");
	if (quarry_check(c->q, &out) != 0) {
		selftest_print(c->env, &line);
		stress_fault(c, "sound", 0, 1);
	}
	quarry_totals(c->q, &totals);
	/* Tables that grew may have come out of these pages. */
	if (totals.meta_bytes != c->s->meta_bytes)
		return;
	if (totals.free != c->s->free || totals.managed != c->s->managed)
		stress_fault(c, "free pages", totals.free, c->s->free);
}

unsigned int quarry_selftest_stress(const struct quarry_selftest_env *env, unsigned int rounds)
{
	struct stress_cpu c = {
		.env = env,
		.q = env->q,
		.s = env->stress,
		.random = env->seed + env->cpu,
	};

	for (unsigned int i = 0; i < rounds; i++) {
		bool stop;

		if (env->cpu == 0)
			stress_begin(&c);
		stress_meet(&c);
		stop = c.s->cache == NULL; /* the same on all */
		if (!stop)
			stress_steps(&c);
		stress_meet(&c);
		if (env->cpu == 0 && stop)
			stress_fault(&c, "no memory for a cache", 0, 1);
		else if (env->cpu == 0)
			stress_end(&c);
		stress_meet(&c);
		if (stop)
			break;
	}
	return c.s->failures;
}
