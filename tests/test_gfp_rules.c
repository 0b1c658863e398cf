/* SPDX-License-Identifier: MIT */
/*
 * What a request may do by its flags, as Linux 6.1 has it (P15, P18, S20): one rule a line. A rule is asked of a
 * machine whose memory is spent.
 */
#include <quarry/quarry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_hoard.h"

#define NODE_BYTES (40 * MIB)

struct host {
	struct machine m;
	struct hoard all;
	unsigned int reclaims, ooms, wakes;
	struct quarry_task task;
};

static struct host *host_of(void *ctx)
{
	return ((struct machine *)ctx)->hook;
}

static unsigned long host_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				  unsigned long nr_pages)
{
	(void)nid;
	(void)gfp;
	(void)order;
	(void)nr_pages;
	if (host_of(ctx) != NULL)
		host_of(ctx)->reclaims++;
	return 0;
}

/* It says that something ends, and nothing does: at the fourth time it gives up. */
static bool host_oom(void *ctx, int nid, gfp_t gfp, unsigned int order)
{
	(void)nid;
	(void)gfp;
	(void)order;
	return host_of(ctx) != NULL && ++host_of(ctx)->ooms < 4;
}

static void host_wake(void *ctx, int nid, unsigned int order)
{
	(void)nid;
	(void)order;
	if (host_of(ctx) != NULL)
		host_of(ctx)->wakes++;
}

static struct quarry_task *host_task(void *ctx)
{
	return host_of(ctx) != NULL ? &host_of(ctx)->task : NULL;
}

static void host_build(struct host *h, unsigned int nodes)
{
	struct machine_spec spec = {.port = MACHINE_COUNTED,
				    .budget = -1,
				    .reclaim = host_reclaim,
				    .oom = host_oom,
				    .wake = host_wake,
				    .task = host_task};

	for (unsigned int i = 0; i < nodes; i++)
		spec.memory[i] =
			(struct machine_range){i * NODE_BYTES, (i + 1) * NODE_BYTES, (int)i};
	memset(h, 0, sizeof(*h));
	machine_build(&h->m, &spec);
	h->m.hook = h;
	assert_int_equal(quarry_sysctl_set(h->m.q, "watermark_boost_factor", "0"), 0);
}

static void host_fini(struct host *h)
{
	h->m.hook = NULL;
	hoard_free(&h->m, &h->all);
	machine_check(&h->m);
	machine_fini(&h->m);
}

/* S20, P18: who wakes, who reclaims, and how often the out-of-memory hook is asked. */
static void effort_when_all_is_spent(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		unsigned int order;
		uint32_t task;
		bool wakes, reclaims;
		unsigned int ooms;
	} rules[] = {
		{"nothing asked, nothing done", 0, 0, 0, false, false, 0},
		{"HIGH is a right, no effort", __GFP_HIGH, 0, 0, false, false, 0},
		{"NOWAIT wakes", GFP_NOWAIT, 0, 0, true, false, 0},
		{"ATOMIC wakes", GFP_ATOMIC, 0, 0, true, false, 0},
		{"DIRECT_RECLAIM alone wakes nobody", __GFP_DIRECT_RECLAIM, 0, 0, false, true, 4},
		{"KERNEL", GFP_KERNEL, 0, 0, true, true, 4},
		{"ZERO, COMP, ACCOUNT, HARDWALL, WRITE, NOWARN change nothing",
		 GFP_KERNEL | __GFP_ZERO | __GFP_COMP | __GFP_ACCOUNT | __GFP_HARDWALL |
			 __GFP_WRITE | __GFP_NOWARN,
		 0, 0, true, true, 4},
		{"MOVABLE too", GFP_HIGHUSER_MOVABLE, 0, 0, true, true, 4},
		{"RECLAIMABLE too", GFP_KERNEL | __GFP_RECLAIMABLE, 0, 0, true, true, 4},
		{"NORETRY stops before the hook", GFP_KERNEL | __GFP_NORETRY, 0, 0, true, true, 0},
		{"RETRY_MAYFAIL too", GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0, 0, true, true, 0},
		{"THISNODE too", GFP_KERNEL | __GFP_THISNODE, 0, 0, true, true, 0},
		{"order 3 is worth the hook", GFP_KERNEL, 3, 0, true, true, 4},
		{"order 4 is costly", GFP_KERNEL, 4, 0, true, true, 0},
		{"no process dies for zone DMA", GFP_KERNEL | __GFP_DMA, 0, 0, true, true, 0},
		{"nor for DMA32", GFP_KERNEL | __GFP_DMA32, 0, 0, true, true, 0},
		{"a task that reclaims does not reclaim", GFP_KERNEL, 0, QUARRY_TASK_MEMALLOC, true,
		 false, 0},
		{"one that is being ended asks once", GFP_KERNEL, 0, QUARRY_TASK_OOM_VICTIM, true,
		 true, 1},
		{"also without its share of the reserve", GFP_KERNEL | __GFP_NOMEMALLOC, 0,
		 QUARRY_TASK_OOM_VICTIM, true, true, 1},
	};
	struct host h;

	(void)state;
	host_build(&h, 1);
	hoard_order(&h.m, &h.all, GFP_NOWAIT | __GFP_MEMALLOC, 0);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct page *page;

		h.reclaims = h.ooms = h.wakes = 0;
		h.task.flags = rules[i].task;
		page = quarry_alloc_pages(h.m.q, rules[i].gfp, rules[i].order);
		h.task.flags = 0;
		if (page != NULL || (h.wakes != 0) != rules[i].wakes ||
		    (h.reclaims != 0) != rules[i].reclaims || h.ooms != rules[i].ooms)
			fail_msg("%s: page %p, %u wakes, %u reclaims, %u ooms", rules[i].rule,
				 (void *)page, h.wakes, h.reclaims, h.ooms);
	}
	host_fini(&h);
}

/* P15: how far below min a right goes. */
static void rights_below_min(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		uint32_t task;
		unsigned int halves; /* of min that are given up */
		bool quarter;        /* and a quarter of the rest */
		bool all;
	} rules[] = {
		{"NOWAIT: none", GFP_NOWAIT, 0, 0, false, false},
		{"NORETRY: none", GFP_NOWAIT | __GFP_NORETRY, 0, 0, false, false},
		{"HIGH: half", __GFP_HIGH, 0, 1, false, false},
		{"ATOMIC: half, and a quarter", GFP_ATOMIC, 0, 1, true, false},
		{"ATOMIC and NOMEMALLOC: half", GFP_ATOMIC | __GFP_NOMEMALLOC, 0, 1, false, false},
		{"being ended: half", GFP_NOWAIT, QUARRY_TASK_OOM_VICTIM, 1, false, false},
		{"being ended, NOMEMALLOC: none", GFP_NOWAIT | __GFP_NOMEMALLOC,
		 QUARRY_TASK_OOM_VICTIM, 0, false, false},
		{"MEMALLOC: all", GFP_NOWAIT | __GFP_MEMALLOC, 0, 0, false, true},
		{"NOMEMALLOC beats MEMALLOC", GFP_NOWAIT | __GFP_MEMALLOC | __GFP_NOMEMALLOC, 0, 0,
		 false, false},
		{"a task that reclaims: all", GFP_NOWAIT, QUARRY_TASK_MEMALLOC, 0, false, true},
		{"NOMEMALLOC beats the task", GFP_NOWAIT | __GFP_NOMEMALLOC, QUARRY_TASK_MEMALLOC,
		 0, false, false},
	};
	struct host h;

	(void)state;
	host_build(&h, 1);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct quarry_zone_info z;
		unsigned long left;

		h.task.flags = rules[i].task;
		hoard_order(&h.m, &h.all, rules[i].gfp, 0);
		h.task.flags = 0;
		assert_true(quarry_zone_info(h.m.q, 0, QUARRY_ZONE_DMA32, &z));
		left = z.wmark[QUARRY_WMARK_MIN];
		if (rules[i].halves != 0)
			left -= left / 2;
		if (rules[i].quarter)
			left -= left / 4;
		if (rules[i].all)
			left = 0;
		if (z.free != left)
			fail_msg("%s: %lu pages left of min %lu, not %lu", rules[i].rule, z.free,
				 z.wmark[QUARRY_WMARK_MIN], left);
		hoard_free(&h.m, &h.all);
	}
	host_fini(&h);
}

/* P17, P18: which requests leave the nodes that they named. */
static void nodes_that_may_serve(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		uint32_t task;
		bool leaves;
	} rules[] = {
		{"KERNEL stays", GFP_KERNEL | __GFP_NORETRY, 0, false},
		{"HIGH stays", GFP_NOWAIT | __GFP_HIGH, 0, false},
		{"ATOMIC may have any", GFP_ATOMIC, 0, true},
		{"also without reserves", GFP_ATOMIC | __GFP_NOMEMALLOC, 0, true},
		{"but for THISNODE", GFP_ATOMIC | __GFP_THISNODE, 0, false},
		{"MEMALLOC may have any", GFP_NOWAIT | __GFP_MEMALLOC, 0, true},
		{"who is being ended too", GFP_KERNEL | __GFP_NORETRY, QUARRY_TASK_OOM_VICTIM,
		 true},
		{"NOMEMALLOC: it stays", GFP_NOWAIT | __GFP_NOMEMALLOC, QUARRY_TASK_OOM_VICTIM,
		 false},
	};
	const quarry_nodemask_t first = 1;
	struct page *page;
	struct host h;

	(void)state;
	host_build(&h, 2);
	while ((page = quarry_alloc_pages_nodemask(
			h.m.q, GFP_NOWAIT | __GFP_MEMALLOC | __GFP_THISNODE, 0, 0, &first)) != NULL)
		hoard_add(&h.all, page, 0);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		h.task.flags = rules[i].task;
		page = quarry_alloc_pages_nodemask(h.m.q, rules[i].gfp, 0, 0, &first);
		h.task.flags = 0;
		if ((page != NULL) != rules[i].leaves)
			fail_msg("%s", rules[i].rule);
		if (page != NULL)
			quarry_free_pages(h.m.q, page, 0);
	}
	host_fini(&h);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(effort_when_all_is_spent),
		cmocka_unit_test(rights_below_min),
		cmocka_unit_test(nodes_that_may_serve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
