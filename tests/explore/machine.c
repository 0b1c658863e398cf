/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include <stdio.h>
#include <string.h>

#include <quarry_host.h>

struct quarry *mq;
struct held *has;

static void machine_report(void *ctx, const char *line)
{
	(void)ctx;
	explore_fail("reported: %s", line);
}

static void *machine_table(void *ctx, size_t size, size_t align)
{
	(void)ctx;
	return explore_alloc(size, align);
}

/* Tables are not used again within an execution. */
static void machine_table_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)p;
	(void)size;
}

void machine_make(unsigned int kib, unsigned int cpus, unsigned int flags)
{
	static const int nodes[] = {0, 1, 0, 1};
	struct quarry_port port = {.concurrent = true,
				   .no_access = true,
				   .direct_map = 0xffff888000000000u,
				   .report = machine_report,
				   .panic = machine_report,
				   .meta_alloc = machine_table,
				   .meta_free = machine_table_free,
				   .barrier_cpus = explore_barrier_cpus};
	struct quarry_boot_params boot = {.nr_cpus = cpus,
					  .dma_limit = ~(phys_addr_t)0,
					  .dma32_limit = ~(phys_addr_t)0,
					  .set_min_free_kbytes = true,
					  .no_thp = true,
					  .one_home = (flags & MACHINE_ARENAS) == 0};
	phys_addr_t bytes = (phys_addr_t)kib << 10, gib = (phys_addr_t)1 << 30;
	int err;

	if ((flags & MACHINE_FENCED) != 0)
		port.barrier_cpus = NULL;
	if ((flags & MACHINE_GROWS) != 0)
		boot.max_hotplug_phys = gib / 4;
	has = explore_alloc(sizeof(*has) * EXPLORE_THREADS, 64);
	mq = quarry_init(explore_alloc(QUARRY_STORAGE_SIZE, 64), QUARRY_STORAGE_SIZE, &port);
	if ((flags & MACHINE_NODES) != 0) {
		boot.cpu_node = nodes;
		err = quarry_memblock_add_node(mq, 0, bytes / 2, 0, 0);
		err |= quarry_memblock_add_node(mq, bytes / 2, bytes / 2, 1, 0);
	} else if ((flags & MACHINE_ARENAS) != 0) {
		err = quarry_memblock_add_node(mq, 0, bytes / 2, 0, 0);
		err |= quarry_memblock_add_node(mq, gib, bytes / 2, 0, 0);
	} else {
		err = quarry_memblock_add_node(mq, 0, bytes, 0, 0);
	}
	if (err != 0 || quarry_boot(mq, &boot) != 0)
		explore_fail("no machine");
}

void machine_cpu(unsigned int cpu)
{
	explore_cpu = cpu;
}

bool take(unsigned int i, gfp_t gfp, unsigned int order)
{
	struct held *h = &has[explore_self()];

	h->page[i] = quarry_alloc_pages(mq, gfp, order);
	h->order[i] = order;
	return h->page[i] != NULL;
}

void give_of(unsigned int t, unsigned int i)
{
	struct page *page = has[t].page[i];

	has[t].page[i] = NULL;
	quarry_free_pages(mq, page, has[t].order[i]);
}

void give(unsigned int i)
{
	give_of(explore_self(), i);
}

/* The first fault's line. */
static void machine_fault(void *ctx, const char *text, size_t len)
{
	char *line = ctx;
	size_t at = strlen(line);

	if (at + len < 200)
		memcpy(line + at, text, len);
}

static void check_overlaps(void)
{
	for (unsigned int i = 0; i < EXPLORE_THREADS * MACHINE_HELD; i++) {
		const struct held *a = &has[i / MACHINE_HELD];
		struct page *first = a->page[i % MACHINE_HELD];

		for (unsigned int k = 0; first != NULL && k < i; k++) {
			const struct held *b = &has[k / MACHINE_HELD];
			struct page *other = b->page[k % MACHINE_HELD];
			pfn_t x, y;

			if (other == NULL)
				continue;
			x = quarry_page_to_pfn(mq, first);
			y = quarry_page_to_pfn(mq, other);
			if (x < y + ((pfn_t)1 << b->order[k % MACHINE_HELD]) &&
			    y < x + ((pfn_t)1 << a->order[i % MACHINE_HELD]))
				explore_fail("page frame %#llx is held twice",
					     (unsigned long long)x);
		}
	}
}

static unsigned long held_pages(void)
{
	unsigned long pages = 0;

	for (unsigned int i = 0; i < EXPLORE_THREADS * MACHINE_HELD; i++) {
		if (has[i / MACHINE_HELD].page[i % MACHINE_HELD] != NULL)
			pages += 1ul << has[i / MACHINE_HELD].order[i % MACHINE_HELD];
	}
	return pages;
}

void machine_check(void)
{
	char line[256] = "";
	struct quarry_totals totals;
	unsigned long slabs = 0;

	check_overlaps();
	if (quarry_check(mq, &(struct quarry_out){machine_fault, line}) != 0)
		explore_fail("validator: %s", line);
	quarry_drain_all_pages(mq);
	line[0] = 0;
	if (quarry_check(mq, &(struct quarry_out){machine_fault, line}) != 0)
		explore_fail("validator, drained: %s", line);
	for (int nid = 0; nid < 2; nid++) {
		unsigned long some, none;

		quarry_slab_pages(mq, nid, &some, &none);
		slabs += some + none;
	}
	quarry_totals(mq, &totals);
	if (totals.free + held_pages() + slabs != totals.managed)
		explore_fail("%lu pages free, %lu held, %lu in slabs, of %lu", totals.free,
			     held_pages(), slabs, totals.managed);
}
