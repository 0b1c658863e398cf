/* SPDX-License-Identifier: MIT */
/*
 * CPUs that come and go.
 *
 * First use  At boot each CPU that can be, nr_cpus, has a pointer and 8 bytes. What the pointer leads to, some
 *            8 KB, is made when the CPU first wants a block or gives one back the long way: near its node, by the
 *            CPU itself, in any context, without waiting. Till then, or while there is no memory for it, the
 *            pointer leads to no_cpu, inside whose lock somebody is for ever. So the short ways need not ask:
 *            they fail, and the long ones go to the arenas. What would be counted in the CPU's own goes to
 *            shared_counts meanwhile, and to the zone that served: event.c.
 *
 * Hotplug    One that leaves gives its sheaves back to the buddy system; its counts of events stay where they
 *            are, and every sum goes over all CPUs that can be, so totals stay exact. What is left is the share
 *            of the per-CPU limits: a zone's low watermark divided by the CPUs of its node, or, if that has none,
 *            by all that are online.
 */
#include "hotplug.h"

/* Tables for a CPU of node @nid; NULL: no memory. */
static struct page_cpu *cpu_new(struct quarry *q, int nid)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->mark_lock);
	struct page_cpu *c = pl->spare_cpu;

	if (c != NULL)
		pl->spare_cpu = c->next_spare;
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
	if (c == NULL)
		c = quarry_meta_alloc_node(q, sizeof(*c) + sizeof(*c->pcp) * pl->max_zones, nid);
	if (c == NULL)
		return NULL;
	quarry_cpu_lock_init(q, &c->lock);
	c->q = q;
	c->pcp = (struct page_pcp **)(void *)(c + 1);
	pcp_init_in(c);
	watermark_no_fast(c);
	return c;
}

QUARRY_NOINLINE void cpu_make(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_pin();
	unsigned int cpu = quarry_cpu();
	bool there = pl->cpu[cpu] != pl->no_cpu;
	struct page_cpu *c;

	quarry_unpin(pin);
	if (likely(there))
		return;
	c = cpu_new(q, quarry_load_relaxed(&pl->cpu_place[cpu].mem_nid));
	if (c == NULL)
		return;
	/* Under the lock, so that page_set_feature() either finds it or is seen here. */
	pin = quarry_lock(q->concurrent, &pl->mark_lock);
	if (quarry_cpu() == cpu && pl->cpu[cpu] == pl->no_cpu) {
		quarry_cpu_set_slow(&c->lock, quarry_load_relaxed(&pl->features) != 0);
		quarry_store_release(&pl->cpu[cpu], c);
	} else { /* this runs on another CPU by now, or an interrupt was quicker */
		c->next_spare = pl->spare_cpu;
		pl->spare_cpu = c;
	}
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
}

/* This CPU's counts, or NULL: it has none. Pinned. */
static struct page_counts *cpu_counts(struct quarry *q)
{
	struct page_cpu *c = page_this_cpu(q);

	return c != q->pages->no_cpu ? &c->counts : NULL;
}

static void cpu_count_unowned(struct quarry *q, struct page_zone *z, unsigned int order, uint64_t n)
{
	struct page_layer *pl = q->pages;

	page_add(q->concurrent, &pl->shared_counts.allocs[z->type][order], n);
	event_unowned(q, z, pl->cpu_place[quarry_cpu()].nid, n);
}

void cpu_count_allocs(struct quarry *q, const struct page_arena *a, unsigned int order, uint64_t n)
{
	quarry_pin_t pin = quarry_pin();
	struct page_counts *counts = cpu_counts(q);

	if (likely(counts != NULL))
		page_count(&counts->allocs[a->zone_type][order], n);
	else
		cpu_count_unowned(q, a->zone, order, n);
	quarry_unpin(pin);
}

void cpu_count_nolock(struct quarry *q, struct page_zone *z, unsigned int order)
{
	quarry_pin_t pin = quarry_pin();
	struct page_cpu *c = page_this_cpu(q);

	if (likely(c != q->pages->no_cpu))
		quarry_fetch_add_relaxed(&c->nolock_allocs[z->type][order], 1u);
	else
		cpu_count_unowned(q, z, order, 1);
	quarry_unpin(pin);
}

void cpu_count_free(struct quarry *q, const struct page_arena *a, unsigned int order)
{
	quarry_pin_t pin = quarry_pin();
	struct page_counts *counts = cpu_counts(q);

	if (likely(counts != NULL))
		page_count(&counts->frees[a->zone_type][order], 1);
	else
		page_add(q->concurrent, &q->pages->shared_counts.frees[a->zone_type][order], 1);
	quarry_unpin(pin);
}

bool quarry_cpu_is_online(struct quarry *q, unsigned int cpu)
{
	return cpu < q->pages->nr_cpus && !quarry_load_relaxed(&q->pages->cpu_place[cpu].offline);
}

int page_cpu_may_leave(struct quarry *q, unsigned int cpu)
{
	if (!quarry_cpu_is_online(q, cpu))
		return -QUARRY_EINVAL;
	return q->pages->nr_online_cpus > 1 ? 0 : -QUARRY_EBUSY;
}

void page_cpu_offline(struct quarry *q, unsigned int cpu)
{
	struct page_layer *pl = q->pages;
	struct page_node *node = &pl->node[pl->cpu_place[cpu].nid];

	quarry_drain_pages(q, cpu);
	quarry_store_relaxed(&pl->cpu_place[cpu].offline, true);
	quarry_store_relaxed(&pl->nr_online_cpus, pl->nr_online_cpus - 1);
	quarry_store_relaxed(&node->nr_cpus, node->nr_cpus - (node->nr_cpus != 0));
	watermark_update_pcp(q);
	pcp_update(q);
}

int page_cpu_online(struct quarry *q, unsigned int cpu)
{
	struct page_layer *pl = q->pages;
	struct page_node *node;

	if (cpu >= pl->nr_cpus || quarry_cpu_is_online(q, cpu))
		return -QUARRY_EINVAL;
	node = &pl->node[pl->cpu_place[cpu].nid];
	quarry_store_relaxed(&pl->cpu_place[cpu].offline, false);
	quarry_store_relaxed(&pl->nr_online_cpus, pl->nr_online_cpus + 1);
	quarry_store_relaxed(&node->nr_cpus, node->nr_cpus + 1);
	watermark_update_pcp(q);
	pcp_update(q);
	return 0;
}
