/* SPDX-License-Identifier: MIT */
/* What can happen to the machines of anything.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/lock.h>

#include "anything.h"

#define BLOCK QUARRY_MEMORY_BLOCK_PAGES

/* ---- steps ---- */

gfp_t any_gfp(struct anything *t)
{
	static const gfp_t gfp[] = {
		GFP_KERNEL,
		GFP_KERNEL | __GFP_MEMALLOC,
		GFP_HIGHUSER_MOVABLE,
		GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC,
		GFP_HIGHUSER_MOVABLE | __GFP_NORETRY,
		GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_ATOMIC,
		GFP_ATOMIC | __GFP_MOVABLE,
		GFP_NOWAIT,
		GFP_KERNEL | __GFP_DMA,
		GFP_KERNEL | __GFP_DMA32 | __GFP_RETRY_MAYFAIL,
		GFP_KERNEL | __GFP_THISNODE,
		GFP_NOFS | __GFP_ZERO,
	};

	return gfp[any_random(t, sizeof(gfp) / sizeof(gfp[0]))];
}

/* What a call said is a decision too. */
static int any_said(struct anything *t, int err)
{
	any_add(t, (uint64_t)err);
	return err;
}

/* @n blocks at once; where frees are to come in random order, and late, more. */
static unsigned int any_many(const struct anything *t, unsigned int n)
{
	return t->life->taste == ANY_PLAIN ? 10 * n : n;
}

unsigned int any_order(struct anything *t)
{
	if (t->life->taste == ANY_HUGE && any_random(t, 4) != 0)
		return QUARRY_PAGEBLOCK_ORDER +
		       (unsigned int)any_random(t, QUARRY_NR_ORDERS - QUARRY_PAGEBLOCK_ORDER);
	return (unsigned int)(any_random(t, 4) != 0 ? any_random(t, 4)
						    : any_random(t, QUARRY_NR_ORDERS));
}

void any_hold(struct anything *t, struct page *page, unsigned int order)
{
	struct quarry_out out = {.write = any_add_text, .ctx = t};

	if (page == NULL) {
		if (t->step < ANY_DIGEST_AT)
			quarry_show_refusal(t->m.q, &out);
		return;
	}
	any_write(t, quarry_page_to_pfn(t->m.q, page), 1ul << order);
	if (t->nr_held == HELD_MAX)
		quarry_free_pages(t->m.q, page, order);
	else
		t->held[t->nr_held++] = (struct held){page, order, 1, 0};
}

static void step_alloc(struct anything *t)
{
	unsigned int order = any_order(t), n = 1 + (unsigned int)any_random(t, any_many(t, 60));
	gfp_t gfp = any_gfp(t);

	n = order < 6 ? n : t->life->taste == ANY_HUGE ? n / 4 : 1;
	for (unsigned int i = 0; i < n; i++)
		any_hold(t, quarry_alloc_pages(t->m.q, gfp, order), order);
}

static void step_alloc_node(struct anything *t)
{
	unsigned int order = any_order(t);
	quarry_nodemask_t nodes = (quarry_nodemask_t)machine_random(&t->seed);
	int nid = (int)any_random(t, 4) - 1;

	any_hold(t, quarry_alloc_pages_nodemask(t->m.q, any_gfp(t), order, nid, &nodes), order);
}

void any_free_one(struct anything *t, unsigned int i)
{
	struct held *h = &t->held[i];

	switch (any_random(t, 16)) {
	case 0:
		quarry_put_page(t->m.q, h->page);
		break;
	case 1:
		quarry_free_pages_addr(t->m.q, quarry_page_address(t->m.q, h->page), h->order);
		break;
	case 2:
		if (h->put_by == 0 || h->put_by == quarry_cpu() + 1) {
			if (quarry_put_page_unless_last(t->m.q, h->page) == (h->refs == 1))
				ANY_FAIL(t, "one of %u references", h->refs);
			if (h->refs != 1)
				break;
		}
		/* fallthrough */
	default:
		quarry_free_pages(t->m.q, h->page, h->order);
	}
	h->put_by = quarry_cpu() + 1;
	if (--h->refs == 0)
		*h = t->held[--t->nr_held];
}

static void step_free(struct anything *t)
{
	unsigned int n = (unsigned int)any_random(t, any_many(t, 90));

	while (n-- > 0 && t->nr_held > 0)
		any_free_one(t, (unsigned int)any_random(t, t->nr_held));
}

static void step_get(struct anything *t)
{
	for (unsigned int n = any_many(t, 4); n > 0; n--) {
		struct held *h = &t->held[any_random(t, HELD_MAX)];

		if (h >= t->held + t->nr_held)
			continue;
		quarry_get_page(t->m.q, h->page);
		h->refs++;
	}
}

static void step_split(struct anything *t)
{
	struct held *h = &t->held[any_random(t, HELD_MAX)];
	unsigned int order;

	if (h >= t->held + t->nr_held || h->refs != 1)
		return;
	order = h->order;
	assert_int_equal(quarry_split_page(t->m.q, h->page, order), 0);
	h->order = 0;
	for (unsigned int i = 1; i < 1u << order; i++)
		any_hold(t, h->page + i, 0);
}

static void step_bulk(struct anything *t)
{
	size_t n = any_random(t, 200);
	int nid = (int)any_random(t, 4) - 1;
	struct page *pages[200] = {NULL};
	struct quarry_mempolicy pol;
	gfp_t gfp = any_gfp(t);

	if (any_said(t, quarry_mpol_init(t->m.q, &pol, MPOL_INTERLEAVE, 0, 1)) != 0)
		return;
	if (any_random(t, 2) != 0)
		n = quarry_alloc_pages_bulk_mpol(t->m.q, gfp, &pol, n, pages);
	else
		n = quarry_alloc_pages_bulk(t->m.q, nid, gfp, n, pages);
	for (size_t i = 0; i < n; i++)
		any_hold(t, pages[i], 0);
}

static void step_release(struct anything *t)
{
	struct page *pages[60];
	size_t n = 0;

	for (unsigned int k = (unsigned int)any_random(t, 60); k > 0 && t->nr_held > 0; k--) {
		struct held *h = &t->held[any_random(t, t->nr_held)];

		if (h->refs != 1)
			continue;
		pages[n++] = h->page;
		*h = t->held[--t->nr_held];
	}
	quarry_release_pages(t->m.q, pages, n);
}

static void step_owner(struct anything *t)
{
	unsigned int n = (unsigned int)any_random(t, 100), order;

	order = (unsigned int)any_random(t, QUARRY_PAGEBLOCK_ORDER + 1);
	order = any_random(t, 5) != 0 ? order % 4 : order;
	for (unsigned int i = 0; i < (order < 6 ? n : 2); i++) {
		size_t slot = any_random(t, OWNER_SLOTS);

		if (t->owner.block[slot].page == NULL)
			(void)owner_alloc(&t->owner, slot, GFP_HIGHUSER_MOVABLE, order);
		else
			owner_free(&t->owner, slot);
	}
}

static void step_compact(struct anything *t)
{
	switch (any_random(t, 4)) {
	case 0:
		quarry_compact_memory(t->m.q);
		break;
	case 1:
		any_add(t, quarry_try_to_free_pages(t->m.q, (int)any_random(t, 3), GFP_KERNEL, 3));
		break;
	default:
		step_daemons(t);
	}
}

static void any_range(struct anything *t, pfn_t *start, pfn_t *end)
{
	pfn_t size = any_random(t, 3) != 0 ? 1 + any_random(t, 600) : 1 + any_random(t, 5000);

	*start = any_random(t, t->end_pfn);
	*end = *start + size;
}

static void any_take_run(struct anything *t, const struct run *r)
{
	any_write(t, r->start, (unsigned long)(r->end - r->start));
	t->nr_taken++;
}

static void step_contig(struct anything *t)
{
	struct run *r = &t->taken[t->nr_taken];
	struct page *page;

	if (t->nr_taken == RUNS_MAX)
		return;
	r->cma = NULL;
	if (any_random(t, 2) != 0) {
		any_range(t, &r->start, &r->end);
		if (any_said(t, quarry_alloc_contig_range(t->m.q, r->start, r->end,
							  QUARRY_MIGRATE_MOVABLE, GFP_KERNEL)) != 0)
			return;
		any_take_run(t, r);
	} else {
		unsigned long n = 1 + any_random(t, any_random(t, 2) ? 3000 : 30);
		quarry_nodemask_t nodes = (quarry_nodemask_t)machine_random(&t->seed);
		int nid = (int)any_random(t, 4) - 1;
		gfp_t gfp = any_gfp(t);

		page = quarry_alloc_contig_pages(t->m.q, n, gfp, nid,
						 any_random(t, 2) != 0 ? &nodes : NULL);
		if (page != NULL) {
			r->start = quarry_page_to_pfn(t->m.q, page);
			r->end = r->start + n;
			any_take_run(t, r);
		}
	}
}

static void step_cma(struct anything *t)
{
	struct run *r = &t->taken[t->nr_taken];
	unsigned long n = 1 + any_random(t, any_random(t, 2) ? 2000 : 20);
	struct page *page;

	if (t->nr_taken == RUNS_MAX || t->nr_cma == 0)
		return;
	r->cma = t->cma[any_random(t, t->nr_cma)];
	page = quarry_cma_alloc(t->m.q, r->cma, n, (unsigned int)any_random(t, 10), true);
	if (page == NULL)
		return;
	r->start = quarry_page_to_pfn(t->m.q, page);
	r->end = r->start + n;
	any_take_run(t, r);
}

static void step_untake(struct anything *t)
{
	struct run *r = &t->taken[any_random(t, RUNS_MAX)];
	unsigned long n;

	if (r >= t->taken + t->nr_taken)
		return;
	n = (unsigned long)(r->end - r->start);
	if (r->cma != NULL)
		assert_true(quarry_cma_release(t->m.q, r->cma, quarry_pfn_to_page(t->m.q, r->start),
					       n));
	else
		quarry_free_contig_range(t->m.q, r->start, n);
	*r = t->taken[--t->nr_taken];
}

static void step_isolate(struct anything *t)
{
	struct run *r = &t->isolated[t->nr_isolated];

	if (t->nr_isolated == 4)
		return;
	any_range(t, &r->start, &r->end);
	t->nr_isolated += any_said(t, quarry_start_isolate_page_range(
					      t->m.q, r->start, r->end, QUARRY_MIGRATE_MOVABLE,
					      any_random(t, 2) ? QUARRY_ISOLATE_OFFLINE : 0)) == 0;
}

static void step_unisolate(struct anything *t)
{
	if (t->nr_isolated == 0)
		return;
	t->nr_isolated--;
	quarry_undo_isolate_page_range(t->m.q, t->isolated[t->nr_isolated].start,
				       t->isolated[t->nr_isolated].end);
}

/* A memory block, mostly one that is in state @wanted; at 0 where there may be none, which is refused. */
static pfn_t any_block(struct anything *t, enum quarry_block_state wanted)
{
	pfn_t nr = t->end_pfn / BLOCK, at = any_random(t, nr + 1);

	for (pfn_t k = 0; k < nr && any_random(t, 8) != 0; k++) {
		if (quarry_memory_block_state(t->m.q, (at + k) % nr * BLOCK) == wanted)
			return (at + k) % nr * BLOCK;
	}
	return at * BLOCK;
}

static void step_offline(struct anything *t)
{
	pfn_t start = any_block(t, QUARRY_BLOCK_ONLINE);
	int err = any_said(t, quarry_offline_pages(t->m.q, start, BLOCK));

	assert_int_equal(
		quarry_memory_block_state(t->m.q, start) != QUARRY_BLOCK_ONLINE || err != 0, true);
}

static void step_online(struct anything *t)
{
	pfn_t start = any_block(t, QUARRY_BLOCK_OFFLINE);

	if (any_said(t, quarry_online_pages(t->m.q, start, BLOCK,
					    (enum quarry_online_type)any_random(t, 3))) != 0)
		return;
	/* What was reserved at boot can go offline no more than it could; this was all memory. */
	for (pfn_t pfn = start; pfn < start + BLOCK; pfn++)
		assert_false(t->reserved[pfn]);
}

static void step_add_remove(struct anything *t)
{
	bool add = any_random(t, 3) != 0;
	pfn_t start = any_block(t, add ? QUARRY_BLOCK_ABSENT : QUARRY_BLOCK_OFFLINE);
	phys_addr_t phys = start << QUARRY_PAGE_SHIFT;

	if (add) {
		if (any_said(t, quarry_add_memory(t->m.q, (int)any_random(t, 2), phys,
						  QUARRY_MEMORY_BLOCK_BYTES)) != 0)
			return;
	} else if (any_said(t, quarry_remove_memory(t->m.q, phys, QUARRY_MEMORY_BLOCK_BYTES)) !=
		   0) {
		return;
	}
	for (pfn_t pfn = start; pfn < start + BLOCK; pfn++) {
		t->memory[pfn] = add;
		t->poison[pfn] = false;
	}
}

static void step_poison(struct anything *t)
{
	pfn_t pfn = any_random(t, t->end_pfn);
	int err;

	switch (any_random(t, 3)) {
	case 0:
		err = any_said(t, quarry_memory_failure(t->m.q, pfn, QUARRY_MF_SW_SIMULATED));
		if (err == 0 || err == -QUARRY_EBUSY)
			t->poison[pfn] = true;
		break;
	case 1:
		err = any_said(t, quarry_soft_offline_page(t->m.q, pfn));
		if (err == 0)
			t->poison[pfn] = true;
		break;
	default:
		for (pfn_t k = 0; k < t->end_pfn && any_random(t, 3) != 0; k++) {
			if (t->poison[k] && quarry_unpoison_memory(t->m.q, k) == 0)
				t->poison[k] = false;
		}
	}
	for (pfn_t k = pfn > 9 ? pfn - 9 : 0; k < pfn + 9 && k < t->end_pfn; k++)
		assert_int_equal(quarry_page_is_poisoned(t->m.q, k),
				 t->poison[k] && quarry_memory_block_state(t->m.q, k) ==
							 QUARRY_BLOCK_ONLINE);
}

static void step_cpu(struct anything *t)
{
	unsigned int cpu = (unsigned int)any_random(t, t->nr_cpus);

	bool online = quarry_cpu_is_online(t->m.q, cpu);
	int err;

	if (t->nr_cpus == 1 || !quarry_cpu_is_online(t->m.q, cpu == 0))
		return;
	quarry_posix_set_cpu(cpu == 0);
	err = any_said(t,
		       online ? quarry_cpu_offline(t->m.q, cpu) : quarry_cpu_online(t->m.q, cpu));
	assert_true(err == 0 || (err == -QUARRY_ENOMEM && t->life->helps));
}

static void step_sysctl(struct anything *t)
{
	static const char *const name[] = {"min_free_kbytes",
					   "watermark_scale_factor",
					   "watermark_boost_factor",
					   "defrag_mode",
					   "compaction_proactiveness",
					   "extfrag_threshold",
					   "percpu_pagelist_high_fraction",
					   "compact_unevictable_allowed"};
	static const char *const thp[] = {"never", "madvise", "always"};
	unsigned int value = (unsigned int)any_random(t, any_random(t, 2) ? 2 : 4000);
	char text[64];

	snprintf(text, sizeof(text), "%u", value);
	assert_int_not_equal(any_said(t, quarry_sysctl_set(t->m.q, name[any_random(t, 8)], text)),
			     -QUARRY_ENOENT);
	if (any_random(t, 8) == 0)
		assert_int_equal(quarry_sysctl_set(t->m.q, "transparent_hugepage/enabled",
						   thp[any_random(t, 3)]),
				 0);
	snprintf(text, sizeof(text), "%u %u", value, (unsigned int)any_random(t, 300));
	if (any_random(t, 8) == 0)
		assert_int_equal(quarry_sysctl_set(t->m.q, "lowmem_reserve_ratio", text), 0);
}

static void step_drain(struct anything *t)
{
	if (any_random(t, 2) != 0)
		quarry_age_pages(t->m.q);
	else
		quarry_drain_pages(t->m.q, (unsigned int)any_random(t, 8));
}

static void step_reserved(struct anything *t)
{
	pfn_t start, end, n = 0;

	any_range(t, &start, &end);
	end = end < t->end_pfn ? end : t->end_pfn;
	for (pfn_t pfn = start; pfn < end; pfn++) {
		if (t->memory[pfn] && t->reserved[pfn]) {
			t->reserved[pfn] = false;
			n++;
		}
	}
	assert_int_equal(quarry_free_reserved(t->m.q, start, end), n);
}

static void step_report(struct anything *t)
{
	any_add(t, quarry_page_reporting_run(t->m.q));
}

static void step_accept(struct anything *t)
{
	pfn_t start, end;

	any_range(t, &start, &end);
	any_add(t, quarry_accept_memory(t->m.q, start, end));
}

/* As a signal handler might. */
static void step_nolock(struct anything *t)
{
	unsigned int n = (unsigned int)any_random(t, 20);

	for (unsigned int i = 0; i < n; i++) {
		unsigned int order = (unsigned int)any_random(t, 5);

		order = order < 4 ? order : QUARRY_PAGEBLOCK_ORDER;
		any_hold(t, quarry_alloc_pages_nolock(t->m.q, (int)any_random(t, 3) - 1, order),
			 order);
	}
	for (n = (unsigned int)any_random(t, 20); n > 0 && t->nr_held > 0; n--) {
		struct held *h = &t->held[any_random(t, t->nr_held)];

		if (h->refs != 1)
			continue;
		quarry_free_pages_nolock(t->m.q, h->page, h->order);
		*h = t->held[--t->nr_held];
	}
}

static void step_exact(struct anything *t)
{
	size_t bytes = 1 + any_random(t, 40 * QUARRY_PAGE_SIZE);
	size_t n = (bytes + QUARRY_PAGE_SIZE - 1) / QUARRY_PAGE_SIZE;
	gfp_t gfp = any_gfp(t);
	char *addr;

	if (any_random(t, 2) != 0) {
		addr = quarry_get_free_pages(t->m.q, gfp, (unsigned int)any_random(t, 4));
		if (addr != NULL)
			any_hold(t, quarry_virt_to_page(t->m.q, addr),
				 quarry_page_order(t->m.q, quarry_virt_to_page(t->m.q, addr)));
		return;
	}
	addr = quarry_alloc_pages_exact(t->m.q, bytes, gfp);
	for (size_t i = 0; addr != NULL && i < n; i++)
		any_hold(t, quarry_virt_to_page(t->m.q, addr + i * QUARRY_PAGE_SIZE), 0);
}

static void step_policy(struct anything *t)
{
	static const unsigned int flags[] = {0, MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES};
	unsigned int n = (unsigned int)any_random(t, 60), order = any_order(t);
	unsigned int mode = (unsigned int)any_random(t, MPOL_MAX), flag = flags[any_random(t, 3)];
	quarry_nodemask_t nodes = any_random(t, 8);
	int nid = (int)any_random(t, 3);
	struct page *pages[60] = {NULL};
	struct quarry_mempolicy pol;
	gfp_t gfp = any_gfp(t);
	char text[64];

	any_said(t, quarry_mpol_set_weight(t->m.q, nid, (unsigned int)any_random(t, 5)));
	if (any_said(t, quarry_mpol_init(t->m.q, &pol, mode, flag, nodes)) != 0)
		return;
	any_said(t, quarry_mpol_set_home_node(t->m.q, &pol, (int)any_random(t, 4) - 1));
	if (any_random(t, 3) == 0)
		any_said(t, quarry_mpol_rebind(t->m.q, &pol, 1 + any_random(t, 7)));
	any_add(t, quarry_mpol_to_str(&pol, text, sizeof(text)));
	any_add_text(t, text, strlen(text));
	if (any_random(t, 2) != 0) {
		n = (unsigned int)quarry_alloc_pages_bulk_mpol(t->m.q, gfp, &pol, n, pages);
		for (unsigned int i = 0; i < n; i++)
			any_hold(t, pages[i], 0);
		return;
	}
	for (unsigned int i = 0; i < (order < 6 ? n : 2); i++)
		any_hold(t,
			 quarry_alloc_pages_mpol(t->m.q, gfp, order, &pol,
						 i % 2 != 0 ? i : QUARRY_MPOL_NO_INDEX,
						 (int)any_random(t, 4) - 1),
			 order);
}

/* Requests of a task that reclaims, or must not wait for what holds it up, or pins its pages. */
static void step_scope(struct anything *t)
{
	uint32_t flags = 1u << any_random(t, 5);
	uint32_t saved = quarry_memalloc_save(t->m.q, flags);

	step_alloc(t);
	step_alloc_node(t);
	quarry_memalloc_restore(t->m.q, flags, saved);
}

static void step_type(struct anything *t)
{
	static const enum quarry_migratetype type[] = {
		QUARRY_MIGRATE_UNMOVABLE, QUARRY_MIGRATE_MOVABLE, QUARRY_MIGRATE_RECLAIMABLE};

	for (unsigned int i = 0; i < 4; i++) {
		pfn_t pfn = any_random(t, t->end_pfn);

		any_said(t, quarry_set_pageblock_type(t->m.q, pfn, type[any_random(t, 3)]));
	}
}

static void step_free_all(struct anything *t)
{
	while (t->nr_held > 0)
		any_free_one(t, (unsigned int)any_random(t, t->nr_held));
}

static void any_trace(void *ctx, const struct quarry_trace_event *e)
{
	any_add(ctx, (uint64_t)e->type << 32 | (uint64_t)e->order << 16 | (uint16_t)e->migratetype);
	any_add(ctx, e->pfn);
	any_add(ctx, (uint64_t)e->gfp << 32 | e->cpu);
	any_add(ctx, (uint64_t)e->percpu_refill << 33 | (uint64_t)e->change_ownership << 32 |
			     (uint64_t)e->fallback_order << 16 | (uint16_t)e->fallback_migratetype);
}

void any_watch(struct anything *t)
{
	int err = quarry_page_debug(t->m.q, "page_owner=1 warn_alloc=0");

	assert_true(err == 0 || (err == -QUARRY_ENOMEM && t->life->odd));
	err = quarry_trace_set(t->m.q, any_trace, t);
	assert_true(err == 0 || (err == -QUARRY_ENOMEM && t->life->odd));
}

static void step_debug(struct anything *t)
{
	static const char *const text[] = {"page_owner=1",
					   "page_owner=0",
					   "init_on_alloc=1",
					   "init_on_alloc=0",
					   "init_on_free=1",
					   "init_on_free=0",
					   "page_poison=1",
					   "page_poison=0",
					   "debug_guardpage_minorder=3",
					   "debug_guardpage_minorder=1",
					   "debug_guardpage_minorder=0",
					   "fail_page_alloc=7,50,0,20",
					   "fail_page_alloc.min-order=0",
					   "fail_page_alloc.ignore-gfp-wait=N",
					   "fail_page_alloc.ignore-gfp-highmem=N",
					   "fail-nth=9"};

	int err;

	if (!t->life->debug)
		return;
	if (any_random(t, 3) == 0) /* with all its tables */
		err = quarry_page_debug(t->m.q, text[any_random(t, 2)]);
	else
		err = quarry_page_debug(t->m.q,
					text[any_random(t, sizeof(text) / sizeof(text[0]))]);
	assert_true(err == 0 || err == -QUARRY_ENOMEM);
}

/* From now on, so many tables can be had. */
static void step_tables(struct anything *t)
{
	if (t->life->helps)
		t->m.budget = any_random(t, 2) != 0 ? -1 : (long)any_random(t, 4);
}

/* ---- which ---- */

static const struct step {
	void (*run)(struct anything *t);
	const char *name;
	unsigned int weight[ANY_TASTES];
} steps[] = {
	{step_alloc, "alloc", {30, 16, 30, 50, 30}},
	{step_alloc_node, "alloc node", {10, 6, 10, 14, 8}},
	{step_free, "free", {36, 24, 40, 12, 30}},
	{step_get, "get", {3, 2, 3, 2, 3}},
	{step_split, "split", {4, 2, 4, 3, 3}},
	{step_bulk, "bulk", {4, 2, 6, 6, 2}},
	{step_owner, "owner", {24, 16, 0, 30, 6}},
	{step_compact, "compact", {5, 3, 1, 8, 2}},
	{step_contig, "contig", {8, 4, 2, 5, 3}},
	{step_cma, "cma", {8, 2, 2, 4, 3}},
	{step_untake, "untake", {8, 6, 4, 4, 4}},
	{step_isolate, "isolate", {3, 2, 1, 2, 2}},
	{step_unisolate, "unisolate", {4, 4, 3, 4, 3}},
	{step_offline, "offline", {4, 16, 1, 0, 0}},
	{step_online, "online", {6, 16, 2, 0, 0}},
	{step_add_remove, "add, remove", {4, 14, 1, 0, 0}},
	{step_poison, "poison", {4, 4, 0, 1, 2}},
	{step_cpu, "cpu", {2, 3, 2, 1, 2}},
	{step_sysctl, "sysctl", {2, 2, 3, 4, 2}},
	{step_drain, "drain", {3, 2, 3, 3, 3}},
	{step_reserved, "reserved", {1, 1, 1, 1, 1}},
	{step_report, "report", {2, 1, 2, 1, 2}},
	{step_nolock, "nolock", {3, 1, 6, 4, 4}},
	{step_exact, "exact", {2, 1, 4, 3, 1}},
	{step_policy, "policy", {3, 2, 6, 4, 4}},
	{step_scope, "scope", {3, 1, 4, 10, 3}},
	{step_ask, "ask", {3, 3, 3, 3, 2}},
	{step_type, "type", {1, 1, 1, 1, 2}},
	{step_free_all, "free all", {0, 8, 1, 1, 1}},
	{step_debug, "debug", {12, 1, 3, 2, 1}},
	{step_tables, "tables", {3, 8, 3, 4, 2}},
	{step_release, "release", {4, 2, 4, 2, 3}},
	{step_accept, "accept", {1, 0, 0, 1, 0}},
	{step_shrink, "shrink", {3, 1, 1, 5, 2}},
	{step_nofail, "nofail", {2, 0, 1, 5, 1}},
	{step_daemons, "daemons", {3, 2, 1, 6, 2}},
	{step_ask_ranges, "ask ranges", {3, 4, 1, 2, 2}},
	{step_ask_words, "ask words", {2, 2, 1, 1, 1}},
	{step_aim_marks, "aim at marks", {8, 2, 4, 12, 4}},
	{step_aim_threshold, "aim at a threshold", {2, 1, 1, 4, 1}},
};

void any_step(struct anything *t)
{
	enum any_taste taste = t->life->taste;
	const struct step *s = steps;
	unsigned int sum = 0, at;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		sum += steps[i].weight[taste];
	for (at = (unsigned int)any_random(t, sum); at >= s->weight[taste]; s++)
		at -= s->weight[taste];
	t->last = s->name;
	if (getenv("QUARRY_TEST_LOUD") != NULL)
		print_message("%u %s\n", t->step, s->name);
	s->run(t);
}

bool any_free_something(struct anything *t)
{
	size_t slot = 0;

	if (t->nr_held > 0) {
		any_free_one(t, (unsigned int)any_random(t, t->nr_held));
		return true;
	}
	while (slot < t->owner.nr_blocks && t->owner.block[slot].page == NULL)
		slot++;
	if (slot < t->owner.nr_blocks)
		owner_free(&t->owner, slot);
	else if (t->nr_taken > 0)
		step_untake(t);
	else if (t->nr_isolated > 0)
		step_unisolate(t);
	else
		return false;
	return true;
}

void any_give_all(struct anything *t)
{
	t->m.budget = -1;
	while (t->nr_isolated > 0)
		step_unisolate(t);
	while (t->nr_held > 0)
		any_free_one(t, t->nr_held - 1);
	while (t->nr_taken > 0)
		step_untake(t);
	owner_free_all(&t->owner);
}
