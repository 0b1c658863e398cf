/* SPDX-License-Identifier: MIT */
/*
 * Worst-case steps of the calls that an interrupt may make.
 *
 * Step       A basic block of src/, which is compiled with a call to __sanitizer_cov_trace_pc() at the head of each; and
 *            64 bytes of what memset() and memcpy() write: 7 instructions of gcc -O2 on average. What the port
 *            does, and waiting for a lock, is not in it.
 *
 * Bound      For each kind of call, a sum over what the machine has: bounds[]. First uses are in it: a CPU's tables, an
 *            arena's records and descriptors, kmalloc's caches. So are the last resorts: a request that would be refused
 *            empties all CPUs' sheaves first.
 *
 * Driving    Long lives of machines of many shapes, GFP_ATOMIC and GFP_NOWAIT alone: memory filled and emptied in
 *            order, backwards and at random, in all orders, by one CPU and by all, until requests are refused with blocks in
 *            every CPU's sheaves. No call may pass its bound; and each kind must come near its bound on some
 *            machine, or the bound says nothing.
 *
 * Arguments: --table prints the worst of each machine; --long makes lives 5 times as long; a number is another seed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quarry/quarry.h>

#include <quarry_host.h>

#define STEPS_ROOM 65536u /* blocks, objects held */
#define STEPS_NEAR 10u    /* a bound is at most so many times what the usual run sees */

/* ---- counting ---- */

unsigned int steps_cpu;

static unsigned long steps;

void __sanitizer_cov_trace_pc(void);
void *steps_memset(void *to, int c, size_t n);
void *steps_memcpy(void *to, const void *from, size_t n);
void *steps_memmove(void *to, const void *from, size_t n);

void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

void *steps_memset(void *to, int c, size_t n)
{
	steps += n / 64 + 1;
	return memset(to, c, n);
}

void *steps_memcpy(void *to, const void *from, size_t n)
{
	steps += n / 64 + 1;
	return memcpy(to, from, n);
}

void *steps_memmove(void *to, const void *from, size_t n)
{
	steps += n / 64 + 1;
	return memmove(to, from, n);
}

/* ---- bounds ---- */

enum steps_kind {
	STEPS_TAKE,
	STEPS_GIVE,
	STEPS_NOLOCK_TAKE,
	STEPS_NOLOCK_GIVE,
	STEPS_OBJECT,
	STEPS_OBJECT_BACK,
	STEPS_KMALLOC,
	STEPS_KFREE,
	STEPS_POOL,
	STEPS_LRU,
	STEPS_RCU,
	STEPS_SPLIT,
	STEPS_KINDS
};

/* What a machine has. */
struct steps_shape {
	unsigned int mib, cpus, nodes;
	unsigned int zones, pageblocks; /* of all nodes; of the largest arena */
};

/* Steps: of the call, for each pageblock of an arena, zone, CPU, and zone of each CPU. */
struct steps_bound {
	const char *name;
	unsigned long call, pageblock, zone, cpu, cpu_zone;
};

static const struct steps_bound bounds[STEPS_KINDS] = {
	[STEPS_TAKE] = {"quarry_alloc_pages", 12000, 40, 1000, 4000, 100},
	[STEPS_GIVE] = {"quarry_free_pages", 6000, 0, 0, 0, 0},
	[STEPS_NOLOCK_TAKE] = {"quarry_alloc_pages_nolock", 1000, 0, 100, 0, 0},
	[STEPS_NOLOCK_GIVE] = {"quarry_free_pages_nolock", 40, 0, 0, 0, 0},
	[STEPS_OBJECT] = {"quarry_kmem_cache_alloc", 20000, 40, 2000, 4500, 200},
	[STEPS_OBJECT_BACK] = {"quarry_kmem_cache_free", 25000, 0, 0, 0, 0},
	[STEPS_KMALLOC] = {"quarry_kmalloc", 50000, 80, 2000, 5000, 400},
	[STEPS_KFREE] = {"quarry_kfree", 10000, 0, 0, 0, 0},
	[STEPS_POOL] = {"quarry_mempool_alloc_preallocated and quarry_mempool_free", 30, 0, 0, 0,
			0},
	[STEPS_LRU] = {"quarry_list_lru_add and quarry_list_lru_del", 40, 0, 0, 0, 0},
	[STEPS_RCU] = {"quarry_call_rcu", 10, 0, 0, 0, 0},
	[STEPS_SPLIT] = {"quarry_split_page of order 4", 6000, 0, 0, 0, 0},
};

static unsigned long steps_bound(enum steps_kind kind, const struct steps_shape *m)
{
	const struct steps_bound *b = &bounds[kind];

	return b->call + b->pageblock * m->pageblocks + b->zone * m->zones + b->cpu * m->cpus +
	       b->cpu_zone * m->cpus * m->zones;
}

/* ---- machines ---- */

static void *steps_table(void *ctx, size_t size, size_t align)
{
	void *p = NULL;

	(void)ctx;
	return posix_memalign(&p, align, size) == 0 ? memset(p, 0, size) : NULL;
}

static void steps_table_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

static void steps_report(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "reported: %s\n", line);
	exit(1);
}

static void steps_log(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static struct quarry *steps_machine(struct steps_shape *m, void **storage)
{
	struct quarry_port port = {.concurrent = true,
				   .no_access = true,
				   .direct_map = (uintptr_t)0xffff888000000000u,
				   .log = steps_log,
				   .report = steps_report,
				   .panic = steps_report,
				   .meta_alloc = steps_table,
				   .meta_free = steps_table_free};
	phys_addr_t bytes = ((phys_addr_t)m->mib << 20) / m->nodes;
	static int cpu_node[1024];
	struct quarry_boot_params boot = {.nr_cpus = m->cpus, .cpu_node = cpu_node};
	struct quarry *q;

	for (unsigned int i = 0; i < m->cpus; i++)
		cpu_node[i] = (int)(i % m->nodes);
	if (posix_memalign(storage, 64, QUARRY_STORAGE_SIZE) != 0)
		exit(1);
	q = quarry_init(*storage, QUARRY_STORAGE_SIZE, &port);
	for (unsigned int nid = 0; nid < m->nodes; nid++) {
		if (quarry_memblock_add_node(q, bytes * nid, bytes, (int)nid, MEMBLOCK_NONE) != 0)
			exit(1);
	}
	if (quarry_boot(q, &boot) != 0)
		exit(1);
	m->zones = 0;
	for (int nid = 0; nid < (int)m->nodes; nid++) {
		for (int type = 0; type < QUARRY_NR_ZONES; type++) {
			struct quarry_zone_info info;

			m->zones += quarry_zone_info(q, nid, (enum quarry_zone_type)type, &info);
		}
	}
	m->pageblocks = (unsigned int)(bytes >> (QUARRY_PAGE_SHIFT + QUARRY_PAGEBLOCK_ORDER));
	if (m->pageblocks > 512)
		m->pageblocks = 512;
	return q;
}

/* ---- lives ---- */

struct steps_block {
	struct page *page;
	unsigned int order;
};

struct steps_life {
	struct quarry *q;
	const struct steps_shape *shape;
	uint64_t random;
	/* how it goes on for a while */
	unsigned int grow; /* of 100 operations so many take */
	unsigned int order, back, cpus;
	bool one_order, nolock, objects, movable;
	/* what it holds */
	struct steps_block *block;
	void **object, **kmalloced;
	size_t nr_blocks, nr_objects, nr_kmalloced;
	struct kmem_cache *cache;
	struct quarry_mempool *pool;
	struct quarry_list_lru lru;
	struct list_head item;
	struct quarry_rcu_head head;
	bool waits;
	bool bad;
	unsigned long worst[STEPS_KINDS];
};

static unsigned int chance(struct steps_life *l, unsigned int below)
{
	uint64_t z = l->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned int)((z ^ z >> 31) % below);
}

static void note(struct steps_life *l, enum steps_kind kind)
{
	unsigned long bound = steps_bound(kind, l->shape);

	if (steps > l->worst[kind]) {
		l->worst[kind] = steps;
		if (steps > bound) {
			printf("    %s: %lu steps, more than %lu\n", bounds[kind].name, steps,
			       bound);
			l->bad = true;
		}
	}
}

/* The one to go of @n, by the order in which they go now. */
static size_t pick(struct steps_life *l, size_t n)
{
	return l->back == 0 ? n - 1 : l->back == 1 ? 0 : chance(l, (unsigned int)n);
}

static gfp_t steps_gfp(struct steps_life *l)
{
	gfp_t gfp = chance(l, 2) != 0 ? GFP_ATOMIC : GFP_NOWAIT;

	return l->movable && chance(l, 2) != 0 ? gfp | __GFP_MOVABLE : gfp;
}

static void take(struct steps_life *l)
{
	unsigned int order = l->one_order ? l->order : chance(l, l->order + 1);
	gfp_t gfp = steps_gfp(l);
	struct page *page;

	if (l->nr_blocks == STEPS_ROOM)
		return;
	steps = 0;
	if (l->nolock) {
		page = quarry_alloc_pages_nolock(l->q, QUARRY_NO_NODE, order);
		note(l, STEPS_NOLOCK_TAKE);
	} else {
		page = quarry_alloc_pages(l->q, gfp, order);
		note(l, STEPS_TAKE);
	}
	if (page != NULL)
		l->block[l->nr_blocks++] = (struct steps_block){page, order};
}

static void give(struct steps_life *l)
{
	size_t i = pick(l, l->nr_blocks);
	struct steps_block b = l->block[i];

	l->block[i] = l->block[--l->nr_blocks];
	if (b.order == 4) {
		steps = 0;
		if (quarry_split_page(l->q, b.page, 4) != 0)
			exit(1);
		note(l, STEPS_SPLIT);
		for (unsigned int k = 0; k < 15; k++)
			quarry_free_pages(l->q, &b.page[k], 0);
		b = (struct steps_block){&b.page[15], 0};
	}
	steps = 0;
	if (l->nolock) {
		quarry_free_pages_nolock(l->q, b.page, b.order);
		note(l, STEPS_NOLOCK_GIVE);
	} else {
		quarry_free_pages(l->q, b.page, b.order);
		note(l, STEPS_GIVE);
	}
}

static void take_object(struct steps_life *l)
{
	gfp_t gfp = steps_gfp(l) & ~__GFP_MOVABLE;
	size_t size = 1 + chance(l, 8u << chance(l, 12));
	void *p;

	if (l->nr_objects == STEPS_ROOM || l->nr_kmalloced == STEPS_ROOM)
		return;
	steps = 0;
	if (chance(l, 2) != 0) {
		p = quarry_kmem_cache_alloc(l->q, l->cache, gfp);
		note(l, STEPS_OBJECT);
		l->object[l->nr_objects] = p;
		l->nr_objects += p != NULL;
	} else {
		p = quarry_kmalloc(l->q, size, gfp);
		note(l, STEPS_KMALLOC);
		l->kmalloced[l->nr_kmalloced] = p;
		l->nr_kmalloced += p != NULL;
	}
}

static void give_object(struct steps_life *l)
{
	bool cache = l->nr_kmalloced == 0 || (l->nr_objects != 0 && chance(l, 2) != 0);
	size_t *n = cache ? &l->nr_objects : &l->nr_kmalloced;
	void **held = cache ? l->object : l->kmalloced;
	size_t i = pick(l, *n);
	void *p = held[i];

	held[i] = held[--*n];
	steps = 0;
	if (cache)
		quarry_kmem_cache_free(l->q, l->cache, p);
	else
		quarry_kfree(l->q, p);
	note(l, cache ? STEPS_OBJECT_BACK : STEPS_KFREE);
}

static void waited(struct quarry_rcu_head *head)
{
	((struct steps_life *)((char *)head - offsetof(struct steps_life, head)))->waits = false;
}

/* Calls of which one is as the other. */
static void small_calls(struct steps_life *l)
{
	void *p;

	steps = 0;
	p = quarry_mempool_alloc_preallocated(l->q, l->pool);
	note(l, STEPS_POOL);
	steps = 0;
	if (p != NULL)
		quarry_mempool_free(l->q, p, l->pool);
	note(l, STEPS_POOL);
	steps = 0;
	if (!quarry_list_lru_add(l->q, &l->lru, &l->item, 0))
		(void)quarry_list_lru_del(l->q, &l->lru, &l->item, 0);
	note(l, STEPS_LRU);
	if (!l->waits) {
		l->waits = true;
		steps = 0;
		quarry_call_rcu(l->q, &l->head, waited);
		note(l, STEPS_RCU);
	}
	(void)quarry_rcu_run(l->q);
}

/* Memory is taken until requests are refused, and some of it comes back on all CPUs. */
static void squeeze(struct steps_life *l)
{
	size_t before;

	l->order = 0;
	l->one_order = true;
	do {
		before = l->nr_blocks;
		take(l);
	} while (l->nr_blocks > before);
	for (unsigned int i = 0; i < 64 * l->shape->cpus && l->nr_blocks != 0; i++) {
		steps_cpu = chance(l, l->shape->cpus);
		give(l);
	}
}

/* Another phase. No blocks are left aside, for which a request that would be refused pays all that there are. */
static void change_ways(struct steps_life *l)
{
	static const unsigned int grow[] = {10, 30, 50, 70, 90, 100, 100, 0};

	if (l->nolock)
		quarry_drain_all_pages(l->q);
	l->nolock = false;
	if (chance(l, 4) == 0)
		squeeze(l);
	l->grow = grow[chance(l, 8)];
	l->order = chance(l, 2) != 0 ? chance(l, 2) : chance(l, QUARRY_NR_ORDERS);
	l->one_order = chance(l, 2) != 0;
	l->back = chance(l, 3);
	l->cpus = chance(l, 3);
	l->nolock = chance(l, 4) == 0;
	l->objects = chance(l, 3) == 0;
	l->movable = chance(l, 2) != 0;
}

static void live(struct steps_life *l, unsigned long n)
{
	unsigned long until = 0;

	for (unsigned long i = 0; i < n; i++) {
		if (i == until) {
			change_ways(l);
			until += 1u << (9 + chance(l, 5));
		}
		if (l->cpus == 2 || (l->cpus == 1 && chance(l, 128) == 0))
			steps_cpu = chance(l, l->shape->cpus);
		if (i % 64 == 0)
			small_calls(l);
		if (chance(l, 100) < l->grow)
			l->objects ? take_object(l) : take(l);
		else if (l->objects && l->nr_objects + l->nr_kmalloced != 0)
			give_object(l);
		else if (l->nr_blocks != 0)
			give(l);
	}
}

/* Runs @n operations on a machine like @m; adds to @near how near each kind came to its bound. False: beyond. */
static bool run(struct steps_shape *m, uint64_t seed, unsigned long n, bool table, double *near)
{
	struct steps_life l = {.shape = m, .random = seed, .back = 2};
	void *storage;

	steps_cpu = 0;
	l.q = steps_machine(m, &storage);
	l.block = calloc(STEPS_ROOM, sizeof(*l.block));
	l.object = calloc(STEPS_ROOM, sizeof(*l.object));
	l.kmalloced = calloc(STEPS_ROOM, sizeof(*l.kmalloced));
	l.cache = quarry_kmem_cache_create(l.q, "steps", 40 + chance(&l, 300), SLAB_NO_MERGE, NULL);
	if (l.block == NULL || l.object == NULL || l.kmalloced == NULL || l.cache == NULL)
		exit(1);
	l.pool = quarry_mempool_create_slab_pool(l.q, 8, l.cache);
	if (l.pool == NULL || quarry_list_lru_init(l.q, &l.lru) != 0)
		exit(1);
	l.item.next = l.item.prev = &l.item;
	live(&l, n);
	for (unsigned int k = 0; k < STEPS_KINDS; k++) {
		double d = (double)l.worst[k] / (double)steps_bound(k, m);

		near[k] = d > near[k] ? d : near[k];
		if (table)
			printf("| %6u MiB, %3u CPUs, %2u zones | `%s` | %lu | %lu |\n", m->mib,
			       m->cpus, m->zones, bounds[k].name, l.worst[k], steps_bound(k, m));
	}
	quarry_destroy(l.q);
	free(storage);
	free(l.block);
	free(l.object);
	free(l.kmalloced);
	return !l.bad;
}

/* ---- the report, as run.sh reads it ---- */

static bool verdict(const char *name, bool good)
{
	printf("[ RUN      ] %s\n", name);
	printf(good ? "[       OK ] %s\n" : "[  FAILED  ] %s\n[  FAILED  ] %s\n", name, name);
	return good;
}

int main(int argc, char **argv)
{
	struct steps_shape machines[] = {
		{.mib = 16, .cpus = 1, .nodes = 1},    {.mib = 64, .cpus = 1, .nodes = 1},
		{.mib = 64, .cpus = 32, .nodes = 1},   {.mib = 256, .cpus = 32, .nodes = 2},
		{.mib = 4096, .cpus = 4, .nodes = 1},  {.mib = 1024, .cpus = 128, .nodes = 4},
		{.mib = 2048, .cpus = 256, .nodes = 8}};
	double near[STEPS_KINDS] = {0};
	unsigned long n = 150000;
	uint64_t seed = 1;
	bool good = true, table = false, within = true, tight = true;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--table") == 0)
			table = true;
		else if (strcmp(argv[i], "--long") == 0)
			n *= 5;
		else
			seed = strtoull(argv[i], NULL, 0);
	}
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		within &= run(&machines[i], seed, n, table, near);
	for (unsigned int k = 0; k < STEPS_KINDS; k++) {
		printf("    %-56s up to %3.0f %% of the bound\n", bounds[k].name, 100 * near[k]);
		tight &= near[k] * STEPS_NEAR >= 1;
	}
	good &= verdict("no_call_passes_its_bound", within);
	good &= verdict("each_kind_comes_near_its_bound", tight);
	return good ? 0 : 1;
}
