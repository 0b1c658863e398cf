/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs allocate and free blocks that can be moved, and some that cannot, while a third compacts,
 * isolates pageblocks, takes ranges and pages of a CMA area, and a fourth compacts for requests. The
 * owner's mover refuses and fails now and then. Contents are stamped; afterwards no page is lost. Runs
 * under ThreadSanitizer too.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "owner.h"

#define WORKERS 2u
#define SLOTS 1500u /* of each worker */
#define STEPS 60000u
#define CROWD 13000u /* single pages that stay, spread over the memory */
#define PAGES(mib) ((size_t)(mib)*256)

struct crew {
	struct machine m;
	struct owner o;
	struct quarry_cma *cma;
	atomic_uint running, wrong;
	unsigned long ranges, captured, cma_allocs, empty;
};

struct worker {
	struct crew *c;
	unsigned int cpu;
};

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct crew *c = w->c;
	struct page *held[16] = {NULL};
	uint64_t seed = w->cpu + 1;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < STEPS; i++) {
		uint64_t x = machine_random(&seed);
		size_t slot = w->cpu * SLOTS + x % SLOTS;
		unsigned int order = x >> 32 & 1 ? 0 : (unsigned int)(x >> 33 & 3);

		/* A slot is its worker's: only he fills and empties it. */
		if (c->o.block[slot].order == ~0u) {
			if (owner_alloc(&c->o, slot, GFP_HIGHUSER_MOVABLE, order) == false)
				c->o.block[slot].order = ~0u;
		} else {
			owner_free(&c->o, slot);
			c->o.block[slot].order = ~0u;
		}
		if (i % 64 == 0) {
			struct page **p = &held[x >> 40 & 15];

			quarry_free_pages(c->m.q, *p, 1);
			*p = quarry_alloc_pages(c->m.q, GFP_KERNEL, 1);
		}
	}
	for (unsigned int i = 0; i < 16; i++)
		quarry_free_pages(c->m.q, held[i], 1);
	atomic_fetch_sub(&c->running, 1);
	return NULL;
}

static void take_range(struct crew *c, uint64_t x)
{
	pfn_t start = (pfn_t)(x % PAGES(60)), end = start + 1 + (pfn_t)(x >> 32 & 511);
	int err = quarry_alloc_contig_range(c->m.q, start, end, QUARRY_MIGRATE_MOVABLE, GFP_KERNEL);

	if (err == 0) {
		c->ranges++;
		quarry_free_contig_range(c->m.q, start, (unsigned long)(end - start));
	} else if (err != -QUARRY_EBUSY && err != -QUARRY_ENOMEM &&
		   (err != -QUARRY_EINVAL || start >= PAGES(8) || end <= PAGES(8))) {
		atomic_fetch_add(&c->wrong, 1);
	}
}

static void take_cma(struct crew *c, uint64_t x)
{
	unsigned long count = 1 + (unsigned long)(x & 255);
	struct page *page = quarry_cma_alloc(c->m.q, c->cma, count, x >> 8 & 3, true);

	if (page == NULL)
		return;
	c->cma_allocs++;
	if (!quarry_cma_release(c->m.q, c->cma, page, count))
		atomic_fetch_add(&c->wrong, 1);
}

static void *ranges_main(void *arg)
{
	struct crew *c = arg;
	uint64_t seed = 77;

	quarry_posix_set_cpu(WORKERS);
	while (atomic_load(&c->running) > 0) {
		uint64_t x = machine_random(&seed);
		pfn_t pfn = (pfn_t)(x >> 8 & 31) * 512;

		switch (x & 7) {
		case 0:
			quarry_compact_memory(c->m.q);
			break;
		case 1:
			if (quarry_start_isolate_page_range(c->m.q, pfn, pfn + 700,
							    QUARRY_MIGRATE_MOVABLE, 0) == 0) {
				c->empty +=
					quarry_test_pages_isolated(c->m.q, pfn, pfn + 700, 0) == 0;
				quarry_undo_isolate_page_range(c->m.q, pfn, pfn + 700);
			}
			break;
		case 2:
			take_cma(c, x >> 8);
			break;
		default:
			take_range(c, x >> 8);
		}
	}
	return NULL;
}

static void *requests_main(void *arg)
{
	struct crew *c = arg;
	struct page_layer *pl = c->m.q->pages;
	uint64_t seed = 78;

	quarry_posix_set_cpu(WORKERS + 1);
	while (atomic_load(&c->running) > 0) {
		uint64_t x = machine_random(&seed);
		struct page *page = NULL;
		struct alloc_request r = {
			.gfp = GFP_HIGHUSER_MOVABLE,
			.order = 2 + (unsigned int)(x % 9),
			.type = QUARRY_MIGRATE_MOVABLE,
			.highest = QUARRY_ZONE_MOVABLE,
			.nodes = ~(uint64_t)0,
			.list = zonelist_of(&pl->node[0], false)->zone,
			.nr_list = zonelist_of(&pl->node[0], false)->nr,
		};

		if ((x >> 8 & 15) == 0) {
			compaction_wake(c->m.q, 0, r.order, QUARRY_ZONE_NORMAL);
			quarry_kcompactd_run(c->m.q, 0);
			continue;
		}
		compaction_direct(c->m.q, &r, 0, (unsigned int)(x >> 8) % 3, &page);
		if (page != NULL) {
			c->captured++;
			zone_put_one(c->m.q, page, r.order);
		} else {
			page = quarry_alloc_pages(c->m.q, r.gfp, r.order);
			quarry_free_pages(c->m.q, page, r.order);
		}
	}
	return NULL;
}

/* Leaves few larger blocks: most of the memory is in use, by single pages here and there. */
static void crowd(struct owner *o)
{
	uint64_t seed = 5;

	for (size_t i = WORKERS * SLOTS; i < o->nr_blocks; i++)
		assert_true(owner_alloc(o, i, GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC, 0));
	for (size_t i = WORKERS * SLOTS; i < o->nr_blocks; i++) {
		if (machine_random(&seed) % 4 == 0)
			owner_free(o, i);
	}
}

static void blocks_move_while_others_work(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0}},
		.ram_bytes = 64 << 20,
		.concurrent = true,
		.boot = {.nr_cpus = WORKERS + 2,
			 .dma_limit = 8 * MACHINE_MIB,
			 .dma32_limit = ~(phys_addr_t)0},
	};
	static struct crew c;
	struct worker worker[WORKERS];
	pthread_t thread[WORKERS + 2];
	struct quarry_totals before, after;

	(void)state;
	machine_init(&c.m, &spec);
	assert_int_equal(
		quarry_cma_declare_contiguous(c.m.q,
					      &(struct quarry_cma_spec){.base = 60 * MACHINE_MIB,
									.size = 4 * MACHINE_MIB,
									.fixed = true,
									.nid = QUARRY_NO_NODE},
					      &c.cma),
		0);
	assert_int_equal(quarry_boot(c.m.q, &spec.boot), 0);
	quarry_totals(c.m.q, &before);
	owner_init(&c.o, &c.m, WORKERS * SLOTS + CROWD, PAGES(64), true);
	for (size_t i = 0; i < WORKERS * SLOTS; i++)
		c.o.block[i].order = ~0u;
	crowd(&c.o);
	c.o.refuse_percent = 1;
	c.o.fail_percent = 1;
	atomic_store(&c.running, WORKERS);
	for (unsigned int i = 0; i < WORKERS; i++) {
		worker[i] = (struct worker){&c, i};
		assert_int_equal(pthread_create(&thread[i], NULL, worker_main, &worker[i]), 0);
	}
	assert_int_equal(pthread_create(&thread[WORKERS], NULL, ranges_main, &c), 0);
	assert_int_equal(pthread_create(&thread[WORKERS + 1], NULL, requests_main, &c), 0);
	for (unsigned int i = 0; i < WORKERS + 2; i++)
		pthread_join(thread[i], NULL);
	quarry_posix_set_cpu(0);
	assert_int_equal(atomic_load(&c.wrong), 0);
	assert_int_equal(owner_check(&c.o), 0);
	assert_int_equal(c.m.reports, 0);
	assert_true(c.o.migrated != 0);
	machine_check(&c.m);
	owner_fini(&c.o);
	quarry_drain_all_pages(c.m.q);
	machine_check(&c.m);
	quarry_totals(c.m.q, &after);
	assert_int_equal(after.free + after.pcp, before.free + before.pcp);
	assert_int_equal(after.pgalloc - after.pgfree, before.pgalloc - before.pgfree);
	for (pfn_t pfn = 0; pfn < PAGES(64); pfn += 512) {
		struct page_arena *a = memmap_arena(c.m.q->pages, pfn);

		assert_int_not_equal(a->pb[(pfn - a->base_pfn) / 512].type, QUARRY_MIGRATE_ISOLATE);
	}
	if (getenv("QUARRY_TEST_VERBOSE") != NULL)
		print_message("moved %lu pages; %lu ranges, %lu blocks captured, %lu times CMA\n",
			      c.o.migrated, c.ranges, c.captured, c.cma_allocs);
	machine_fini(&c.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_move_while_others_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
