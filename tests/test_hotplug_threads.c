/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs allocate and free pages and objects, a third keeps pages that can be moved, while memory blocks
 * come and go, CPUs come and go, pages are poisoned and free memory is reported. Bounded; under
 * ThreadSanitizer. The validators run when all have stopped; no page is lost.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "owner.h"

#define MIB MACHINE_MIB
#define GIB MACHINE_GIB
#define BLOCK_PAGES ((unsigned long)QUARRY_MEMORY_BLOCK_PAGES)
#define CPUS \
	5u /* two workers, the owner, the one who changes the machine, one that comes and goes */
#define SLOTS 64u
#define STEPS 6000u
#define CHANGES 150u

struct shared {
	struct machine m;
	struct owner o;
	uint32_t running;
	unsigned long onlined, offlined, wrong;
};

struct worker {
	struct shared *s;
	pthread_t thread;
	unsigned int cpu;
	uint64_t seed;
};

static void *work_pages(void *arg)
{
	struct worker *w = arg;
	struct quarry *q = w->s->m.q;
	struct page *page[SLOTS] = {NULL};
	unsigned int order[SLOTS] = {0};
	void *object[SLOTS] = {NULL};

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < STEPS; i++) {
		uint64_t x = machine_random(&w->seed);
		unsigned int slot = (unsigned int)(x % SLOTS);

		if ((x >> 8 & 3) == 0) {
			if (object[slot] != NULL)
				quarry_kfree(q, object[slot]);
			object[slot] = object[slot] != NULL
					       ? NULL
					       : quarry_kmalloc(q, 8u << (x >> 10 & 7), GFP_NOWAIT);
			continue;
		}
		if (page[slot] != NULL) {
			quarry_free_pages(q, page[slot], order[slot]);
			page[slot] = NULL;
			continue;
		}
		order[slot] = (unsigned int)(x >> 12 & 7) % 5;
		page[slot] = quarry_alloc_pages(
			q, (x >> 16 & 1) != 0 ? GFP_KERNEL : GFP_HIGHUSER_MOVABLE, order[slot]);
	}
	for (unsigned int i = 0; i < SLOTS; i++) {
		quarry_free_pages(q, page[i], order[i]);
		if (object[i] != NULL)
			quarry_kfree(q, object[i]);
	}
	__atomic_fetch_sub(&w->s->running, 1u, __ATOMIC_RELEASE);
	return NULL;
}

static void *work_owner(void *arg)
{
	struct worker *w = arg;
	struct shared *s = w->s;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < STEPS; i++) {
		uint64_t x = machine_random(&w->seed);
		size_t slot = x % s->o.nr_blocks;

		owner_free(&s->o, slot);
		if ((x >> 20 & 3) != 0)
			(void)owner_alloc(&s->o, slot, GFP_HIGHUSER_MOVABLE,
					  (unsigned int)(x >> 12 & 7) % 4);
	}
	__atomic_fetch_sub(&s->running, 1u, __ATOMIC_RELEASE);
	return NULL;
}

static int report_nothing(void *ctx, const struct quarry_range *ranges, unsigned int nr)
{
	(void)ctx;
	(void)ranges;
	(void)nr;
	return 0;
}

static void change_memory(struct shared *s, uint64_t x)
{
	/* Blocks 4 to 15: of boot from 512 MiB on, and 1 GiB more. */
	pfn_t start = (4 + x % 12) * BLOCK_PAGES;
	enum quarry_online_type how = (enum quarry_online_type)(x >> 8 & 1);
	int err;

	switch (quarry_memory_block_state(s->m.q, start)) {
	case QUARRY_BLOCK_ABSENT:
		err = quarry_add_memory(s->m.q, 0, start << QUARRY_PAGE_SHIFT,
					QUARRY_MEMORY_BLOCK_BYTES);
		s->wrong += err != 0;
		break;
	case QUARRY_BLOCK_OFFLINE:
		err = quarry_online_pages(s->m.q, start, BLOCK_PAGES,
					  how == QUARRY_ONLINE_KERNEL ? QUARRY_ONLINE_MOVABLE
								      : how);
		s->onlined += err == 0;
		s->wrong += err != 0;
		break;
	default:
		err = quarry_offline_pages(s->m.q, start, BLOCK_PAGES);
		s->offlined += err == 0;
		s->wrong += err != 0 && err != -QUARRY_EBUSY;
	}
}

static void *work_change(void *arg)
{
	struct worker *w = arg;
	struct shared *s = w->s;
	struct quarry *q = s->m.q;
	unsigned int i = 0;

	quarry_posix_set_cpu(w->cpu);
	for (; i < CHANGES || __atomic_load_n(&s->running, __ATOMIC_ACQUIRE) != 0; i++) {
		uint64_t x = machine_random(&w->seed);

		switch (x >> 32 & 7) {
		case 0:
			if (quarry_cpu_is_online(q, CPUS - 1))
				s->wrong += quarry_cpu_offline(q, CPUS - 1) != 0;
			else
				s->wrong += quarry_cpu_online(q, CPUS - 1) != 0;
			break;
		case 1:
			(void)quarry_memory_failure(q,
						    4 * BLOCK_PAGES + (x >> 8) % (4 * BLOCK_PAGES),
						    QUARRY_MF_SW_SIMULATED);
			break;
		case 2:
			quarry_page_reporting_run(q);
			break;
		case 3: /* the CPU that may be gone is used, by the one who takes it away */
			if (!quarry_cpu_is_online(q, CPUS - 1))
				break;
			quarry_posix_set_cpu(CPUS - 1);
			quarry_free_pages(q, quarry_alloc_pages(q, GFP_KERNEL, 0), 0);
			quarry_kfree(q, quarry_kmalloc(q, 64, GFP_KERNEL));
			quarry_posix_set_cpu(w->cpu);
			break;
		default:
			change_memory(s, x);
		}
	}
	return NULL;
}

static void test_everything_at_once(void **state)
{
	const struct quarry_reporting_dev dev = {.report = report_nothing};
	const struct machine_spec spec = {
		.memory = {{0, GIB, 0}},
		.concurrent = true,
		.boot = {.nr_cpus = CPUS, .max_hotplug_phys = 2 * GIB, .no_thp = true}};
	static void *(*const job[4])(void *) = {work_pages, work_pages, work_owner, work_change};
	struct shared *s = calloc(1, sizeof(*s));
	struct quarry_totals t;
	struct worker w[4];

	(void)state;
	assert_non_null(s);
	for (uint64_t round = 0; round < 3; round++) {
		memset(s, 0, sizeof(*s));
		machine_build(&s->m, &spec);
		assert_int_equal(quarry_page_reporting_register(s->m.q, &dev), 0);
		owner_init(&s->o, &s->m, 256, 16 * BLOCK_PAGES, false);
		s->running = 3;
		for (unsigned int i = 0; i < 4; i++) {
			w[i] = (struct worker){.s = s, .cpu = i, .seed = round * 4 + i};
			assert_int_equal(pthread_create(&w[i].thread, NULL, job[i], &w[i]), 0);
		}
		for (unsigned int i = 0; i < 4; i++)
			assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		quarry_posix_set_cpu(0);
		assert_int_equal(s->wrong, 0);
		assert_int_equal(owner_check(&s->o), 0);
		owner_fini(&s->o);
		machine_check(&s->m);
		assert_int_equal(quarry_check_slab(s->m.q, NULL), 0);
		quarry_drain_all_pages(s->m.q);
		machine_check(&s->m);
		quarry_totals(s->m.q, &t);
		assert_int_equal(t.pcp, 0);
		assert_true(s->onlined > 0 && s->offlined > 0);
		assert_int_equal(s->m.reports, 0);
		machine_fini(&s->m);
	}
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_everything_at_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
