/* SPDX-License-Identifier: MIT */
/*
 * Everything of the page layer at once (issue "Parallel"). Three CPUs take and give back blocks of all
 * orders by all kinds of requests; a fourth has blocks that it can move, and whose moves fail now and
 * then; a fifth changes the machine: memory blocks and a CPU come and go; a sixth drains, isolates, takes
 * ranges and CMA pages, compacts, reports free memory; a seventh writes tunables and reads every view.
 * It goes in rounds. At the end of each all wait while the validators run and every page is accounted for;
 * then the debugging aids change, guards and owners among them. Bounded by steps; under
 * ThreadSanitizer and AddressSanitizer.
 *
 * And the locks of it all: that they have ranks, and that a wrong order is caught.
 */
#include <page/internal.h>
#include <page/prep.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "owner.h"

#define WORKERS 3u
#define THREADS (WORKERS + 4u)
#define GUEST THREADS /* the CPU that comes and goes */
#define ROUNDS 4u
#define STEPS 1500u
#define HELD 160u
#define OWNED 400u
#define BLOCK_PAGES ((unsigned long)QUARRY_MEMORY_BLOCK_PAGES)
#define BOOT_BLOCKS 2u /* 256 MiB; */
#define MAX_BLOCKS 5u  /* three more may come */

struct everything;

struct actor {
	struct everything *e;
	pthread_t thread;
	unsigned int cpu;
	void (*step)(struct actor *a, uint64_t x);
	unsigned int steps; /* a round */
	uint64_t seed;
	/* a worker's */
	struct page *page[HELD];
	unsigned int order[HELD];
	unsigned long pages;
};

struct everything {
	struct machine m;
	struct owner o;
	struct quarry_cma *cma;
	pthread_barrier_t begin, end;
	struct actor actor[THREADS];
	atomic_uint wrong;
	unsigned long served[QUARRY_NR_ORDERS], refused, onlined, offlined, ranges, cma_pages;
	unsigned long isolated, empty, switched, shown;
};

/* ---- what each does in a step ---- */

static void step_worker(struct actor *a, uint64_t x)
{
	static const gfp_t gfps[] = {
		GFP_KERNEL,
		GFP_KERNEL | __GFP_MOVABLE,
		GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_ATOMIC,
		GFP_NOWAIT,
		GFP_KERNEL | __GFP_DMA32,
		GFP_KERNEL | __GFP_NORETRY | __GFP_ZERO,
		GFP_KERNEL | __GFP_MOVABLE | __GFP_MEMALLOC,
		GFP_ATOMIC | __GFP_NOMEMALLOC,
		GFP_KERNEL | __GFP_THISNODE | __GFP_RETRY_MAYFAIL,
	};
	struct quarry *q = a->e->m.q;
	unsigned int k = (unsigned int)(x % HELD), order = (unsigned int)(x >> 16 & 15);

	if (a->page[k] != NULL) {
		a->pages -= 1ul << a->order[k];
		if ((x >> 32 & 3) == 0)
			quarry_release_pages(q, &a->page[k], 1);
		else
			quarry_free_pages(q, a->page[k], a->order[k]);
		a->page[k] = NULL;
		return;
	}
	a->order[k] = order < QUARRY_NR_ORDERS && (x >> 20 & 1) == 0 ? order : order & 3;
	a->page[k] = quarry_alloc_pages(q, gfps[(x >> 24) % 10] | __GFP_NOWARN, a->order[k]);
	if (a->page[k] != NULL) {
		a->pages += 1ul << a->order[k];
		__atomic_fetch_add(&a->e->served[a->order[k]], 1, __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_add(&a->e->refused, 1, __ATOMIC_RELAXED);
	}
}

static void step_owner(struct actor *a, uint64_t x)
{
	size_t slot = x % OWNED;

	owner_free(&a->e->o, slot);
	if ((x >> 20 & 3) != 0)
		(void)owner_alloc(&a->e->o, slot, GFP_HIGHUSER_MOVABLE | __GFP_NOWARN,
				  (unsigned int)(x >> 12 & 7) % 4);
}

static void step_memory(struct everything *e, uint64_t x)
{
	pfn_t start = (BOOT_BLOCKS + x % (MAX_BLOCKS - BOOT_BLOCKS)) * BLOCK_PAGES;
	struct quarry *q = e->m.q;
	int err;

	switch (quarry_memory_block_state(q, start)) {
	case QUARRY_BLOCK_ABSENT:
		err = quarry_add_memory(q, 0, start << QUARRY_PAGE_SHIFT,
					QUARRY_MEMORY_BLOCK_BYTES);
		break;
	case QUARRY_BLOCK_OFFLINE:
		err = quarry_online_pages(q, start, BLOCK_PAGES, QUARRY_ONLINE_MOVABLE);
		e->onlined += err == 0;
		break;
	default:
		err = quarry_offline_pages(q, start, BLOCK_PAGES);
		e->offlined += err == 0;
		err = err == -QUARRY_EBUSY ? 0 : err;
	}
	if (err != 0)
		atomic_fetch_add(&e->wrong, 1);
}

static void step_change(struct actor *a, uint64_t x)
{
	struct quarry *q = a->e->m.q;
	bool online = quarry_cpu_is_online(q, GUEST);

	if ((x >> 8 & 1) == 0) {
		step_memory(a->e, x >> 16);
	} else if ((x >> 9 & 1) == 0) {
		if ((online ? quarry_cpu_offline(q, GUEST) : quarry_cpu_online(q, GUEST)) != 0)
			atomic_fetch_add(&a->e->wrong, 1);
		a->e->switched++;
	} else if (online) { /* something is left in its sheaves */
		quarry_posix_set_cpu(GUEST);
		for (unsigned int order = 0; order < 4; order++)
			quarry_free_pages(
				q, quarry_alloc_pages(q, GFP_KERNEL | __GFP_NOWARN, order), order);
		quarry_posix_set_cpu(a->cpu);
	}
}

static void step_range(struct everything *e, uint64_t x)
{
	pfn_t start = (pfn_t)(x % (BOOT_BLOCKS * BLOCK_PAGES - 1024));
	pfn_t end = start + 1 + (pfn_t)(x >> 32 & 511);
	int err = quarry_alloc_contig_range(e->m.q, start, end, QUARRY_MIGRATE_MOVABLE,
					    GFP_KERNEL | __GFP_NOWARN);

	if (err == 0) {
		e->ranges++;
		quarry_free_contig_range(e->m.q, start, (unsigned long)(end - start));
	} else if (err != -QUARRY_EBUSY && err != -QUARRY_ENOMEM && err != -QUARRY_EINVAL) {
		atomic_fetch_add(&e->wrong, 1);
	}
}

static void step_move(struct actor *a, uint64_t x)
{
	struct everything *e = a->e;
	struct quarry *q = e->m.q;
	pfn_t pfn = (pfn_t)(x >> 16) % (BOOT_BLOCKS * BLOCK_PAGES - 1024);
	struct page *page;

	switch (x & 7) {
	case 0:
		quarry_compact_node(q, 0);
		break;
	case 1:
		if (quarry_start_isolate_page_range(q, pfn, pfn + 700, QUARRY_MIGRATE_MOVABLE, 0) ==
		    0) {
			e->isolated++;
			e->empty += quarry_test_pages_isolated(q, pfn, pfn + 700, 0) == 0;
			quarry_undo_isolate_page_range(q, pfn, pfn + 700);
		}
		break;
	case 2:
		page = quarry_cma_alloc(q, e->cma, 1 + (x >> 16 & 127), 0, true);
		if (page != NULL) {
			e->cma_pages += 1 + (x >> 16 & 127);
			if (!quarry_cma_release(q, e->cma, page, 1 + (x >> 16 & 127)))
				atomic_fetch_add(&e->wrong, 1);
		}
		break;
	case 3:
		quarry_drain_all_pages(q);
		break;
	case 4:
		quarry_page_reporting_run(q);
		break;
	case 5:
		quarry_kcompactd_run(q, 0);
		break;
	default:
		step_range(e, x >> 8);
	}
}

static void sink(void *ctx, const char *text, size_t len)
{
	(void)text;
	*(unsigned long *)ctx += (unsigned long)len;
}

static void step_views(struct everything *e, uint64_t x)
{
	static void (*const show[])(struct quarry * q, const struct quarry_out *out) = {
		quarry_show_buddyinfo,     quarry_show_pagetypeinfo,   quarry_show_zoneinfo,
		quarry_show_vmstat,        quarry_show_meminfo,        quarry_show_mem,
		quarry_show_extfrag_index, quarry_show_unusable_index, quarry_show_slabinfo,
		quarry_show_refusal,
	};
	const struct quarry_out out = {sink, &e->shown};
	struct quarry_zone_info info;
	struct quarry_totals totals;

	show[x % (sizeof(show) / sizeof(show[0]))](e->m.q, &out);
	quarry_show_node_vmstat(e->m.q, 0, &out);
	quarry_show_node_meminfo(e->m.q, 0, &out);
	quarry_totals(e->m.q, &totals);
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
		quarry_zone_info(e->m.q, 0, (enum quarry_zone_type)t, &info);
	for (pfn_t pfn = x >> 8 & 1023; pfn < MAX_BLOCKS * BLOCK_PAGES; pfn += 1021) {
		quarry_pfn_state(e->m.q, pfn, NULL);
		quarry_pageblock_type(e->m.q, pfn);
		quarry_free_block_order(e->m.q, pfn);
	}
}

static void step_tune(struct actor *a, uint64_t x)
{
	static const struct {
		const char *name, *value[2];
	} tunables[] = {
		{"min_free_kbytes", {"1000", "4000"}},
		{"watermark_scale_factor", {"10", "200"}},
		{"watermark_boost_factor", {"0", "15000"}},
		{"lowmem_reserve_ratio", {"256 256 32 0 0", "32 8 8 0 0"}},
		{"percpu_pagelist_high_fraction", {"0", "8"}},
		{"defrag_mode", {"0", "1"}},
		{"extfrag_threshold", {"500", "0"}},
		{"compaction_proactiveness", {"20", "100"}},
		{"transparent_hugepage/enabled", {"never", "always"}},
	};
	struct quarry_refusal refusal;

	if ((x & 1) != 0) {
		step_views(a->e, x >> 8);
		return;
	}
	quarry_sysctl_set(a->e->m.q, tunables[(x >> 8) % 9].name,
			  tunables[(x >> 8) % 9].value[x >> 16 & 1]);
	quarry_explain(a->e->m.q, &refusal);
}

/* ---- rounds ---- */

static void *actor_main(void *arg)
{
	struct actor *a = arg;

	quarry_posix_set_cpu(a->cpu);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&a->e->begin);
		for (unsigned int i = 0; i < a->steps; i++)
			a->step(a, machine_random(&a->seed));
		pthread_barrier_wait(&a->e->end);
	}
	return NULL;
}

static unsigned long pages_held(struct everything *e)
{
	unsigned long n = 0;

	for (unsigned int i = 0; i < WORKERS; i++)
		n += e->actor[i].pages;
	for (size_t i = 0; i < OWNED; i++)
		n += e->o.block[i].page != NULL ? 1ul << e->o.block[i].order : 0;
	return n;
}

/* Everything stands still: all is sound, and what is neither free nor in a sheaf is what they hold. */
static void end_of_round(struct everything *e)
{
	struct quarry_totals t;
	unsigned long guards = 0;

	assert_int_equal(atomic_load(&e->wrong), 0);
	assert_int_equal(owner_check(&e->o), 0);
	if (e->m.reports != 0)
		fail_msg("%u reports, last: %s", e->m.reports, e->m.last_report);
	machine_check(&e->m);
	for (pfn_t pfn = 0; pfn < MAX_BLOCKS * BLOCK_PAGES; pfn++)
		guards += quarry_pfn_state(e->m.q, pfn, NULL) == QUARRY_PAGE_GUARD;
	quarry_totals(e->m.q, &t);
	assert_int_equal(t.managed, t.free + t.pcp + guards + pages_held(e));
	assert_int_equal(t.pgalloc - t.pgfree, pages_held(e));
}

static void everything_begin(struct everything *e)
{
	static void (*const step[THREADS])(struct actor *, uint64_t) = {
		step_worker, step_worker, step_worker, step_owner,
		step_change, step_move,   step_tune};
	static const unsigned int steps[THREADS] = {STEPS, STEPS, STEPS, STEPS, 60, 60, 120};

	assert_int_equal(pthread_barrier_init(&e->begin, NULL, THREADS + 1), 0);
	assert_int_equal(pthread_barrier_init(&e->end, NULL, THREADS + 1), 0);
	owner_init(&e->o, &e->m, OWNED, MAX_BLOCKS * BLOCK_PAGES, false);
	e->o.refuse_percent = 1;
	e->o.fail_percent = 1;
	for (unsigned int i = 0; i < THREADS; i++) {
		struct actor *a = &e->actor[i];

		*a = (struct actor){
			.e = e, .cpu = i, .step = step[i], .steps = steps[i], .seed = i + 1};
		assert_int_equal(pthread_create(&a->thread, NULL, actor_main, a), 0);
	}
}

static void everything_end(struct everything *e)
{
	struct quarry_totals t;

	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(e->actor[i].thread, NULL), 0);
	quarry_posix_set_cpu(0);
	for (unsigned int i = 0; i < WORKERS; i++) {
		for (unsigned int k = 0; k < HELD; k++)
			quarry_free_pages(e->m.q, e->actor[i].page[k], e->actor[i].order[k]);
	}
	owner_free_all(&e->o);
	owner_fini(&e->o);
	quarry_drain_all_pages(e->m.q);
	machine_check(&e->m);
	quarry_totals(e->m.q, &t);
	assert_int_equal(t.free, t.managed);
	assert_int_equal(t.pgalloc, t.pgfree);
	pthread_barrier_destroy(&e->begin);
	pthread_barrier_destroy(&e->end);
}

static int report_nothing(void *ctx, const struct quarry_range *ranges, unsigned int nr)
{
	(void)ctx;
	(void)ranges;
	(void)nr;
	return 0;
}

static const struct machine_spec spec = {
	.memory = {{0, 256 * MACHINE_MIB, 0}},
	.concurrent = true,
	.boot = {.nr_cpus = THREADS + 1,
		 .dma_limit = 16 * MACHINE_MIB,
		 .dma32_limit = 128 * MACHINE_MIB,
		 .max_hotplug_phys = 640 * MACHINE_MIB,
		 .no_thp = true},
};

static void build(struct machine *m, struct quarry_cma **cma)
{
	static const struct quarry_cma_spec area = {.base = 240 * MACHINE_MIB,
						    .size = 8 * MACHINE_MIB,
						    .fixed = true,
						    .nid = QUARRY_NO_NODE};

	machine_init(m, &spec);
	assert_int_equal(quarry_cma_declare_contiguous(m->q, &area, cma), 0);
	assert_int_equal(quarry_boot(m->q, &spec.boot), 0);
}

static void all_at_once(void **state)
{
	static const char *const aids[ROUNDS] = {
		"", "debug_guardpage_minorder=2",
		"debug_guardpage_minorder=0 fail_page_alloc=1,5,0,-1 fail_page_alloc.min-order=0 "
		"fail_page_alloc.ignore-gfp-wait=N warn_alloc=0",
		"fail_page_alloc=1,0,0,0 page_owner=on"};
	const struct quarry_reporting_dev dev = {.report = report_nothing};
	static struct everything e;

	(void)state;
	build(&e.m, &e.cma);
	assert_int_equal(quarry_page_reporting_register(e.m.q, &dev), 0);
	everything_begin(&e);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		assert_int_equal(quarry_page_debug(e.m.q, aids[round]), 0);
		pthread_barrier_wait(&e.begin);
		pthread_barrier_wait(&e.end);
		end_of_round(&e);
	}
	everything_end(&e);
	print_message("%lu refused; blocks on %lu off %lu; %lu ranges, %lu CMA pages, %lu "
		      "isolations, %lu moves, CPU switched %lu times, %lu bytes shown\n",
		      e.refused, e.onlined, e.offlined, e.ranges, e.cma_pages, e.isolated,
		      e.o.migrated, e.switched, e.shown);
	for (unsigned int order = 0; order < QUARRY_NR_ORDERS; order++)
		assert_true(e.served[order] > 0);
	assert_true(e.onlined > 0 && e.switched > 1 && e.shown > 0);
	machine_fini(&e.m);
}

/* ---- the order of locks ---- */

static void locks_have_ranks(void **state)
{
	struct page_layer *pl;
	struct machine m;

	(void)state;
	build(&m, NULL);
	assert_int_equal(quarry_page_debug(m.q, "page_owner=on"), 0);
	pl = m.q->pages;
	assert_int_equal(pl->tune_lock.rank, QUARRY_LOCK_OUTER);
	assert_int_equal(pl->scope_lock.rank, QUARRY_LOCK_OUTER);
	assert_int_equal(pl->mark_lock.rank, QUARRY_LOCK_LEAF);
	assert_int_equal(pl->refusal_lock.rank, QUARRY_LOCK_LEAF);
	assert_int_equal(pl->reclaim_lock.rank, QUARRY_LOCK_LEAF);
	assert_int_equal(pl->shrinker_lock.rank, QUARRY_LOCK_LEAF);
	assert_int_equal(pl->prep->lock.rank, QUARRY_LOCK_LEAF);
	assert_int_equal(m.q->meta_lock.rank, QUARRY_LOCK_LEAF);
	for (unsigned int cpu = 0; cpu < pl->nr_cpus; cpu++) {
		quarry_posix_set_cpu(cpu);
		quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_KERNEL, 0), 0);
		assert_int_equal(pl->cpu[cpu]->lock.remote.rank, QUARRY_LOCK_REMOTE);
	}
	quarry_posix_set_cpu(0);
	assert_int_equal(quarry_add_memory(m.q, 0, 256 * MACHINE_MIB, QUARRY_MEMORY_BLOCK_BYTES),
			 0);
	assert_int_equal(quarry_online_pages(m.q, BOOT_BLOCKS * BLOCK_PAGES, BLOCK_PAGES,
					     QUARRY_ONLINE_MOVABLE),
			 0);
	assert_true(pl->nr_arenas > pl->nr_boot_arenas);
	for (uint32_t i = 0; i < pl->nr_arenas; i++)
		assert_int_equal(pl->arena[i].lock.rank, QUARRY_LOCK_ARENA);
	machine_fini(&m);
}

static struct machine order_machine;
static struct quarry_cma *order_cma;

static void call_tune(struct quarry *q)
{
	quarry_sysctl_set(q, "watermark_scale_factor", "20");
}

static void call_alloc(struct quarry *q)
{
	quarry_free_pages(q, quarry_alloc_pages(q, GFP_KERNEL, 5), 5);
}

static void call_fault(struct quarry *q)
{
	quarry_free_pages(q, quarry_alloc_pages(q, GFP_KERNEL, 0), 0);
}

static void call_explain(struct quarry *q)
{
	struct quarry_refusal refusal;

	quarry_explain(q, &refusal);
}

static void call_cma(struct quarry *q)
{
	struct quarry_cma_info info;

	quarry_cma_info(q, order_cma, &info);
}

static void call_owners(struct quarry *q)
{
	struct quarry_page_site_info info;

	quarry_page_site(q, 0, &info);
}

/* Whether @call passes while this CPU holds the innermost lock, or none. */
static bool passes(void (*call)(struct quarry *q), bool locked)
{
	struct quarry *q = order_machine.q;
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGILL, SIG_DFL); /* the sanitizers' handlers would write a report */
		signal(SIGTRAP, SIG_DFL);
		if (locked)
			(void)quarry_lock(true, &q->pages->mark_lock);
		call(q);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Every one of these takes a lock; under the innermost there is none to wait for. */
static void a_wrong_order_is_caught(void **state)
{
	static void (*const call[])(struct quarry * q) = {
		call_tune, call_alloc, quarry_drain_all_pages, call_fault, call_explain,
		call_cma,  call_owners};

	(void)state;
	build(&order_machine, &order_cma);
	call_fault(order_machine.q); /* a CPU has a lock from its first request on */
	assert_int_equal(quarry_page_debug(order_machine.q, "page_owner=on fail-nth=1000000"), 0);
	for (size_t i = 0; i < sizeof(call) / sizeof(call[0]); i++) {
		assert_true(passes(call[i], false));
		/* Without the check it may wait for ever. */
		if (QUARRY_DEBUG && passes(call[i], true))
			fail_msg("call %zu", i);
	}
	machine_fini(&order_machine);
}

static void *take_from_arena(void *machine)
{
	struct machine *m = machine;
	struct page *page;

	quarry_posix_set_cpu(1);
	page = quarry_alloc_pages(m->q, GFP_KERNEL, QUARRY_MAX_ORDER); /* in no sheaf */
	quarry_free_pages(m->q, page, QUARRY_MAX_ORDER);
	return page;
}

/* Whoever finds the lock of an arena taken is counted there, once, and shown by zone. */
static void contention_is_counted(void **state)
{
	const struct machine_spec two = {
		.memory = {{0, 64 * MACHINE_MIB, 0}}, .concurrent = true, .boot = {.nr_cpus = 2}};
	struct quarry_zone_info info;
	struct page_arena *a;
	struct machine m;
	quarry_pin_t pin;
	pthread_t other;
	void *taken;

	(void)state;
	machine_build(&m, &two);
	a = memmap_arena(m.q->pages, 32 * 256);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info));
	assert_int_equal(info.contended, 0);
	pin = arena_lock(m.q, a);
	assert_int_equal(pthread_create(&other, NULL, take_from_arena, &m), 0);
	while (quarry_load_relaxed(&a->contended) == 0)
		sched_yield();
	arena_unlock(m.q, a, pin);
	assert_int_equal(pthread_join(other, &taken), 0);
	assert_non_null(taken);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info));
	assert_int_equal(info.contended, 1);
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contention_is_counted),
		cmocka_unit_test(locks_have_ranks),
		cmocka_unit_test(a_wrong_order_is_caught),
		cmocka_unit_test(all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
