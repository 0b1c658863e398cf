/* SPDX-License-Identifier: MIT */
/*
 * Threads on CPUs of their own, on one machine: blocks of all orders are taken and given back, some on
 * another CPU, while one thread empties everybody's sheaves and another asks questions. Every block is
 * stamped by its owner, so one that two threads own at once is seen. Afterwards the validators pass and
 * every page is accounted for. Runs under ThreadSanitizer too.
 */
#include <quarry/quarry.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "page_hoard.h"

#define WORKERS 4
#define HELD 48
#define MAILBOXES 16

struct block {
	struct page *page;
	unsigned int order;
	gfp_t gfp;
};

struct mailbox {
	pthread_mutex_t lock;
	struct block block;
};

struct crew {
	struct machine *m;
	unsigned int steps;
	pfn_t end_pfn;
	struct mailbox box[MAILBOXES];
	atomic_uint running, wrong, refused;
	struct page *shared; /* a block with a reference for each worker */
};

struct worker {
	struct crew *crew;
	unsigned int cpu;
	struct block held[HELD];
};

static void block_stamp(struct crew *c, const struct block *b, uint64_t stamp)
{
	uint64_t *first = quarry_page_address(c->m->q, b->page);
	uint64_t *last = (uint64_t *)(void *)((char *)first + (QUARRY_PAGE_SIZE << b->order)) - 1;

	*first = stamp;
	*last = stamp;
}

static void block_free(struct crew *c, struct block *b)
{
	uint64_t *first = quarry_page_address(c->m->q, b->page);
	uint64_t *last = (uint64_t *)(void *)((char *)first + (QUARRY_PAGE_SIZE << b->order)) - 1;
	uint64_t stamp = (uint64_t)(uintptr_t)b->page;

	if (*first != stamp || *last != stamp)
		atomic_fetch_add(&c->wrong, 1);
	block_stamp(c, b, 0);
	quarry_free_pages(c->m->q, b->page, b->order);
	b->page = NULL;
}

static void worker_alloc(struct worker *w, struct block *b, uint64_t x)
{
	static const gfp_t gfps[] = {
		GFP_KERNEL, GFP_HIGHUSER_MOVABLE,   GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_ATOMIC, GFP_KERNEL | __GFP_DMA, GFP_KERNEL | __GFP_ZERO};
	struct crew *c = w->crew;

	b->gfp = gfps[x % 6];
	b->order = (x >> 8 & 7) != 0 ? (unsigned int)(x >> 16 & 3)
				     : (unsigned int)(x >> 16 & 0xff) % 11;
	b->page = quarry_alloc_pages(c->m->q, b->gfp, b->order);
	if (b->page == NULL)
		atomic_fetch_add(&c->refused, 1);
	else
		block_stamp(c, b, (uint64_t)(uintptr_t)b->page);
}

/* Leaves a block for another CPU to free, and takes what lies there. */
static void worker_post(struct worker *w, struct block *b, uint64_t x)
{
	struct mailbox *box = &w->crew->box[x % MAILBOXES];
	struct block other;

	pthread_mutex_lock(&box->lock);
	other = box->block;
	box->block = *b;
	pthread_mutex_unlock(&box->lock);
	*b = other;
	if (b->page != NULL)
		block_free(w->crew, b);
}

static void worker_split(struct worker *w, struct block *b)
{
	struct quarry *q = w->crew->m->q;

	block_stamp(w->crew, b, 0);
	if (quarry_split_page(q, b->page, b->order) != 0)
		atomic_fetch_add(&w->crew->wrong, 1);
	for (unsigned int i = 0; i < 1u << b->order; i++)
		quarry_free_pages_addr(q, quarry_page_address(q, b->page + i), 0);
	b->page = NULL;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct crew *c = w->crew;
	uint64_t seed = w->cpu;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < c->steps; i++) {
		uint64_t x = machine_random(&seed);
		struct block *b = &w->held[x % HELD];

		if (b->page == NULL)
			worker_alloc(w, b, x >> 8);
		else if ((x >> 48) % 8 == 0)
			worker_post(w, b, x >> 52);
		else if ((x >> 48) % 32 == 1)
			worker_split(w, b);
		else
			block_free(c, b);
		if (i % 16 == 0) { /* references come and go on all CPUs */
			quarry_get_page(c->m->q, c->shared);
			quarry_free_pages(c->m->q, c->shared, 2);
		}
	}
	for (unsigned int k = 0; k < HELD; k++) {
		if (w->held[k].page != NULL)
			block_free(c, &w->held[k]);
	}
	quarry_free_pages(c->m->q, c->shared,
			  2); /* this worker's own; the last one frees the block */
	atomic_fetch_sub(&c->running, 1);
	return NULL;
}

static void *drain_main(void *arg)
{
	struct crew *c = arg;

	quarry_posix_set_cpu(WORKERS);
	while (atomic_load(&c->running) > 0)
		quarry_drain_all_pages(c->m->q);
	return NULL;
}

static void *question_main(void *arg)
{
	struct crew *c = arg;
	struct quarry_zone_info info;
	struct quarry_totals totals;
	struct quarry_refusal refusal;
	uint64_t seed = 1;

	quarry_posix_set_cpu(WORKERS + 1);
	while (atomic_load(&c->running) > 0) {
		quarry_totals(c->m->q, &totals);
		for (int nid = 0; nid < 2; nid++) {
			for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
				quarry_zone_info(c->m->q, nid, (enum quarry_zone_type)t, &info);
		}
		quarry_explain(c->m->q, &refusal);
		for (pfn_t pfn = machine_random(&seed) % 64; pfn < c->end_pfn; pfn += 61) {
			quarry_pfn_to_page(c->m->q, pfn);
			quarry_pfn_state(c->m->q, pfn, NULL);
		}
		if (totals.free > totals.managed)
			atomic_fetch_add(&c->wrong, 1);
	}
	return NULL;
}

/* Makes the tables that would come out of the managed memory at first use. */
static void warm_up(struct machine *m)
{
	for (unsigned int cpu = 0; cpu < WORKERS; cpu++) {
		quarry_posix_set_cpu(cpu);
		quarry_free_pages(m->q, quarry_alloc_pages(m->q, GFP_KERNEL, 0), 0);
		quarry_free_pages(m->q, quarry_alloc_pages(m->q, GFP_KERNEL | __GFP_DMA, 0), 0);
	}
	quarry_posix_set_cpu(0);
	quarry_drain_all_pages(m->q);
}

static void run_crew(const struct machine_spec *spec, unsigned int steps)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
	static struct worker worker[WORKERS];
	struct crew c = {.steps = steps};
	pthread_t thread[WORKERS + 2];
	struct quarry_totals totals;
	struct hoard spent = {0};
	unsigned long free;
	struct machine m;

	machine_build(&m, spec);
	if (spec->port == MACHINE_INSIDE)
		warm_up(&m);
	machine_free_blocks(&m, before);
	free = machine_free_pages(&m);
	c.m = &m;
	c.end_pfn = spec->ram_bytes >> QUARRY_PAGE_SHIFT;
	c.shared = quarry_alloc_pages(m.q, GFP_KERNEL, 2);
	assert_non_null(c.shared);
	for (unsigned int i = 1; i < WORKERS; i++)
		quarry_get_page(m.q, c.shared);
	atomic_store(&c.running, WORKERS);
	for (unsigned int i = 0; i < MAILBOXES; i++)
		pthread_mutex_init(&c.box[i].lock, NULL);
	memset(worker, 0, sizeof(worker));
	for (unsigned int i = 0; i < WORKERS; i++) {
		worker[i].crew = &c;
		worker[i].cpu = i;
		assert_int_equal(pthread_create(&thread[i], NULL, worker_main, &worker[i]), 0);
	}
	assert_int_equal(pthread_create(&thread[WORKERS], NULL, drain_main, &c), 0);
	assert_int_equal(pthread_create(&thread[WORKERS + 1], NULL, question_main, &c), 0);
	for (unsigned int i = 0; i < WORKERS + 2; i++)
		pthread_join(thread[i], NULL);
	quarry_posix_set_cpu(0);
	for (unsigned int i = 0; i < MAILBOXES; i++) {
		if (c.box[i].block.page != NULL)
			block_free(&c, &c.box[i].block);
		pthread_mutex_destroy(&c.box[i].lock);
	}
	assert_int_equal(atomic_load(&c.wrong), 0);
	if (m.reports != 0)
		fail_msg("%u reports, last: %s", m.reports, m.last_report);
	assert_int_equal(quarry_page_count(m.q, c.shared), 0);
	machine_check(&m);
	quarry_totals(m.q, &totals);
	assert_int_equal(totals.free + totals.pcp, free);
	assert_int_equal(totals.pgalloc, totals.pgfree);
	/* Pageblocks kept for atomic requests merge with no other: one that waits in vain breaks them up. */
	hoard_order(&m, &spent, GFP_KERNEL, 0);
	hoard_free(&m, &spent);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	machine_free_blocks(&m, after);
	machine_assert_same_blocks(before, after);
	print_message("%u requests refused\n", atomic_load(&c.refused));
	machine_fini(&m);
}

static void one_node(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 96 * MACHINE_MIB, 0}},
		.ram_bytes = 96 << 20,
		.concurrent = true,
		.boot = {.nr_cpus = WORKERS + 2},
	};

	(void)state;
	run_crew(&spec, 6000);
}

/* So little memory that requests are refused, types fall back and slow paths run all the time. */
static void tight(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 20 * MACHINE_MIB, 0}},
		.ram_bytes = 20 << 20,
		.concurrent = true,
		.boot = {.nr_cpus = WORKERS + 2},
	};

	(void)state;
	run_crew(&spec, 4000);
}

/* The same on a host that cannot make other CPUs fence. */
static void own_fences(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 48 * MACHINE_MIB, 0}},
		.ram_bytes = 48 << 20,
		.concurrent = true,
		.no_barrier = true,
		.boot = {.nr_cpus = WORKERS + 2},
	};

	(void)state;
	run_crew(&spec, 4000);
}

struct race {
	struct quarry *q;
	struct page *page;
	atomic_uint round, done;
	unsigned int rounds;
};

static void *race_main(void *arg)
{
	struct race *r = arg;

	quarry_posix_set_cpu(1);
	for (unsigned int i = 1; i <= r->rounds; i++) {
		while (atomic_load(&r->round) != i)
			sched_yield();
		quarry_free_pages(r->q, r->page, 1);
		atomic_store(&r->done, i);
	}
	return NULL;
}

/* Two CPUs let go of the last two references at the same moment: one of them frees the block. */
static void last_references(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 16 * MACHINE_MIB, 0}}, .concurrent = true, .boot = {.nr_cpus = 2}};
	struct race r = {.rounds = 3000};
	pthread_t thread;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	r.q = m.q;
	assert_int_equal(pthread_create(&thread, NULL, race_main, &r), 0);
	for (unsigned int i = 1; i <= r.rounds; i++) {
		r.page = quarry_alloc_pages(m.q, GFP_KERNEL, 1);
		assert_non_null(r.page);
		quarry_get_page(m.q, r.page);
		atomic_store(&r.round, i);
		quarry_free_pages(m.q, r.page, 1);
		while (atomic_load(&r.done) != i)
			sched_yield();
	}
	pthread_join(thread, NULL);
	assert_int_equal(machine_free_pages(&m), 4096);
	assert_int_equal(m.reports, 0);
	machine_check(&m);
	machine_fini(&m);
}

/* Arenas are touched for the first time by several threads at once. */
static void two_nodes(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0},
			   {1000 * MACHINE_MIB, 1064 * MACHINE_MIB, 0},
			   {2040 * MACHINE_MIB, 2100 * MACHINE_MIB, 1}},
		.ram_bytes = (size_t)2100 << 20,
		.concurrent = true,
		.boot = {.nr_cpus = WORKERS + 2},
	};

	(void)state;
	run_crew(&spec, 4000);
}

/* Tables come out of the memory that all are fighting for. */
static void tables_inside(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{4096, 64 * MACHINE_MIB, 0}},
		.ram_bytes = 64 << 20,
		.port = MACHINE_INSIDE,
		.concurrent = true,
		.boot = {.nr_cpus = WORKERS + 2},
	};

	(void)state;
	run_crew(&spec, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_node),      cmocka_unit_test(tight),
		cmocka_unit_test(two_nodes),     cmocka_unit_test(last_references),
		cmocka_unit_test(tables_inside), cmocka_unit_test(own_fences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
