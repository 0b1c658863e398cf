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
	unsigned int reclaims, ooms, wakes, waits;
	uint64_t nodes; /* bit n: reclaim was asked for node n */
	gfp_t gfp;      /* with these flags */
	unsigned long reclaimable;
	unsigned long free_at_wait; /* pages that were free when time was first let pass */
	struct quarry_task task;
};

static struct host *host_of(void *ctx)
{
	return ((struct machine *)ctx)->hook;
}

static unsigned long host_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				  unsigned long nr_pages)
{
	struct host *h = host_of(ctx);

	(void)order;
	(void)nr_pages;
	if (h != NULL) {
		h->reclaims++;
		h->nodes |= (uint64_t)1 << nid;
		h->gfp = gfp;
	}
	return 0;
}

static unsigned long host_reclaimable(void *ctx, int nid, enum quarry_zone_type zone)
{
	(void)nid;
	(void)zone;
	return host_of(ctx) != NULL ? host_of(ctx)->reclaimable : 0;
}

/* Somebody ends, and all his pages are free. */
static void host_wait(void *ctx, int nid)
{
	struct host *h = host_of(ctx);

	(void)nid;
	if (h->waits++ == 0)
		h->free_at_wait = machine_free_pages(&h->m);
	else
		hoard_free(&h->m, &h->all);
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

static struct machine_spec host_spec(unsigned int nodes)
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
	return spec;
}

static void host_build_as(struct host *h, const struct machine_spec *spec)
{
	memset(h, 0, sizeof(*h));
	machine_build(&h->m, spec);
	h->m.hook = h;
	assert_int_equal(quarry_sysctl_set(h->m.q, "watermark_boost_factor", "0"), 0);
}

static void host_build(struct host *h, unsigned int nodes)
{
	struct machine_spec spec = host_spec(nodes);

	host_build_as(h, &spec);
}

static void host_fini(struct host *h)
{
	h->m.hook = NULL;
	hoard_free(&h->m, &h->all);
	machine_check(&h->m);
	machine_fini(&h->m);
}

/* What vmstat shows of a request that came to nothing. */
struct counters {
	uint64_t stall[QUARRY_NR_ZONES], oom, wake;
};

static struct counters counters_of(struct host *h)
{
	struct counters c = {.oom = quarry_vm_event(h->m.q, QUARRY_VM_OOM_KILL),
			     .wake = quarry_vm_event(h->m.q, QUARRY_VM_KSWAPD_WAKE)};

	for (unsigned int z = 0; z < QUARRY_NR_ZONES; z++)
		c.stall[z] = quarry_vm_event(h->m.q,
					     (enum quarry_vm_event)(QUARRY_VM_ALLOCSTALL_DMA + z));
	return c;
}

/* Stalls count by the highest zone of the request, kills by what the hook answered, wakes by node. */
static bool counters_agree(struct host *h, const struct counters *before, gfp_t gfp)
{
	struct counters now = counters_of(h);
	unsigned int highest = (gfp & __GFP_DMA) != 0     ? QUARRY_ZONE_DMA
			       : (gfp & __GFP_DMA32) != 0 ? QUARRY_ZONE_DMA32
			       : (gfp & GFP_HIGHUSER_MOVABLE) == GFP_HIGHUSER_MOVABLE
				       ? QUARRY_ZONE_MOVABLE
				       : QUARRY_ZONE_NORMAL;

	for (unsigned int z = 0; z < QUARRY_NR_ZONES; z++) {
		if ((now.stall[z] != before->stall[z]) != (z == highest && h->reclaims != 0))
			return false;
	}
	return now.oom - before->oom == (h->ooms == 4 ? 3 : h->ooms) &&
	       now.wake - before->wake == h->wakes;
}

/* S20, P18: who wakes, who reclaims, how often the out-of-memory hook is asked, and what is counted. */
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
		struct counters before = counters_of(&h);
		struct page *page;

		h.reclaims = h.ooms = h.wakes = 0;
		h.task.flags = rules[i].task;
		page = quarry_alloc_pages(h.m.q, rules[i].gfp, rules[i].order);
		h.task.flags = 0;
		if (page != NULL || !counters_agree(&h, &before, rules[i].gfp) ||
		    (h.wakes != 0) != rules[i].wakes || (h.reclaims != 0) != rules[i].reclaims ||
		    h.ooms != rules[i].ooms)
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

/* P18: how many rounds of reclaim bring nothing before memory counts as spent. */
static void rounds_in_vain(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		unsigned int order;
		unsigned long reclaimable; /* as the host says; 0: all in vain */
		unsigned int rounds, ooms;
	} rules[] = {
		{"KERNEL goes on while there is something to reclaim", GFP_KERNEL, 0, 100000,
		 4 * 17, 4},
		{"RETRY_MAYFAIL too, but for the hook", GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0, 100000,
		 17, 0},
		{"NORETRY makes one", GFP_KERNEL | __GFP_NORETRY, 0, 100000, 1, 0},
		{"a costly one too", GFP_KERNEL, 4, 100000, 1, 0},
		{"unless it will retry", GFP_KERNEL | __GFP_RETRY_MAYFAIL, 4, 100000, 17, 0},
		{"nothing to reclaim: one before each answer of the hook", GFP_KERNEL, 0, 0, 4, 4},
		{"nothing to reclaim: one", GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0, 0, 1, 0},
	};
	struct machine_spec spec = host_spec(1);
	struct quarry_refusal why;
	struct host h;

	(void)state;
	spec.reclaimable = host_reclaimable;
	host_build_as(&h, &spec);
	hoard_order(&h.m, &h.all, GFP_NOWAIT | __GFP_MEMALLOC, 0);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		h.ooms = h.wakes = 0;
		h.reclaimable = rules[i].reclaimable;
		assert_null(quarry_alloc_pages(h.m.q, rules[i].gfp, rules[i].order));
		assert_true(quarry_explain(h.m.q, &why));
		if (why.reclaim_rounds != rules[i].rounds || h.ooms != rules[i].ooms)
			fail_msg("%s: %u rounds, %u ooms", rules[i].rule, why.reclaim_rounds,
				 h.ooms);
		/* Whoever retries sees to it that the background reclaimer is awake; not before the first. */
		assert_int_equal(h.wakes, rules[i].rounds + (rules[i].rounds == 0));
	}
	host_fini(&h);
}

/* P17, P18: reclaim looks at nodes that may serve the request, and at no others. */
static void nodes_that_are_reclaimed(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		quarry_nodemask_t nodes;
		uint64_t reclaimed;
	} rules[] = {
		{"KERNEL: all", GFP_KERNEL | __GFP_NORETRY, ~(uint64_t)0, 3},
		{"THISNODE: one", GFP_KERNEL | __GFP_NORETRY | __GFP_THISNODE, ~(uint64_t)0, 1},
		{"a mask: those", GFP_KERNEL | __GFP_NORETRY, 2, 2},
		{"DMA: those that have such memory", GFP_KERNEL | __GFP_NORETRY | __GFP_DMA,
		 ~(uint64_t)0, 1},
	};
	struct host h;

	(void)state;
	host_build(&h, 2);
	hoard_order(&h.m, &h.all, GFP_NOWAIT | __GFP_MEMALLOC, 0);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		h.nodes = 0;
		assert_null(
			quarry_alloc_pages_nodemask(h.m.q, rules[i].gfp, 0, 0, &rules[i].nodes));
		if (h.nodes != rules[i].reclaimed)
			fail_msg("%s: nodes %#llx", rules[i].rule, (unsigned long long)h.nodes);
	}
	host_fini(&h);
}

/* S20, X4: what reclaim may do, by flags and by scope. */
static void scopes_of_reclaim(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		uint32_t outer,
			inner; /* scopes, entered in this order; the inner one is left again */
		bool io, fs, in_inner;
	} rules[] = {
		{"KERNEL: all", GFP_KERNEL, 0, 0, true, true, false},
		{"NOFS", GFP_NOFS, 0, 0, true, false, false},
		{"NOIO", GFP_NOIO, 0, 0, false, false, false},
		{"in a NOFS scope", GFP_KERNEL, QUARRY_TASK_NOFS, 0, true, false, false},
		{"in a NOIO scope: no FS either", GFP_KERNEL, QUARRY_TASK_NOIO, 0, false, false,
		 false},
		{"NOIO inside NOFS", GFP_KERNEL, QUARRY_TASK_NOFS, QUARRY_TASK_NOIO, false, false,
		 true},
		{"NOIO left inside NOFS", GFP_KERNEL, QUARRY_TASK_NOFS, QUARRY_TASK_NOIO, true,
		 false, false},
		{"NOFS twice, left once", GFP_KERNEL, QUARRY_TASK_NOFS, QUARRY_TASK_NOFS, true,
		 false, false},
		{"a scope gives nothing", GFP_NOIO, QUARRY_TASK_NOFS, 0, false, false, false},
	};
	struct host h;

	(void)state;
	host_build(&h, 1);
	hoard_order(&h.m, &h.all, GFP_NOWAIT | __GFP_MEMALLOC, 0);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		uint32_t outer = quarry_memalloc_save(h.m.q, rules[i].outer);
		uint32_t inner = quarry_memalloc_save(h.m.q, rules[i].inner);

		if (!rules[i].in_inner)
			quarry_memalloc_restore(h.m.q, rules[i].inner, inner);
		assert_null(quarry_alloc_pages(h.m.q, rules[i].gfp | __GFP_NORETRY, 0));
		if (rules[i].in_inner)
			quarry_memalloc_restore(h.m.q, rules[i].inner, inner);
		quarry_memalloc_restore(h.m.q, rules[i].outer, outer);
		assert_int_equal(h.task.flags, 0);
		if (((h.gfp & __GFP_IO) != 0) != rules[i].io ||
		    ((h.gfp & __GFP_FS) != 0) != rules[i].fs)
			fail_msg("%s: gfp %#x", rules[i].rule, h.gfp);
	}
	host_fini(&h);
}

/* S20, P18: how deep a request that must not fail goes before it lets time pass. */
static void reserves_of_nofail(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		unsigned int order;
		bool all; /* else: a quarter of min */
	} rules[] = {
		{"order 0: all", GFP_KERNEL, 0, true},
		{"order 3: all", GFP_KERNEL, 3, true},
		{"order 4: a quarter", GFP_KERNEL, 4, false},
		{"no process ends for one node: a quarter", GFP_KERNEL | __GFP_THISNODE, 0, false},
		{"nor for zone DMA32: a quarter", GFP_KERNEL | __GFP_DMA32, 0, false},
		{"nor for who retries only: a quarter", GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0, false},
	};
	struct machine_spec spec = host_spec(1);
	struct host h;

	(void)state;
	spec.wait = host_wait;
	spec.boot.dma_limit = ~(phys_addr_t)0; /* one zone, DMA32 */
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const gfp_t gfp = rules[i].gfp | __GFP_NOFAIL;
		struct quarry_zone_info z;
		unsigned long left;

		host_build_as(&h, &spec);
		while (h.waits == 0)
			hoard_add(&h.all, quarry_alloc_pages(h.m.q, gfp, rules[i].order),
				  rules[i].order);
		assert_true(quarry_zone_info(h.m.q, 0, QUARRY_ZONE_DMA32, &z));
		left = rules[i].all ? 0 : z.wmark[QUARRY_WMARK_MIN] * 3 / 4;
		if (h.free_at_wait < left || h.free_at_wait > left + (1ul << rules[i].order))
			fail_msg("%s: %lu pages of min %lu left", rules[i].rule, h.free_at_wait,
				 z.wmark[QUARRY_WMARK_MIN]);
		host_fini(&h);
	}
}

/* P9, P15, S20: who gets pages of a CMA area. */
static void pages_of_cma_areas(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		uint32_t task;
		bool may;
	} rules[] = {
		{"pages that stay: no", GFP_NOWAIT, 0, false},
		{"reclaimable ones: no", GFP_NOWAIT | __GFP_RECLAIMABLE, 0, false},
		{"no right helps", GFP_NOWAIT | __GFP_MEMALLOC, 0, false},
		{"movable ones: yes", GFP_NOWAIT | __GFP_MOVABLE, 0, true},
		{"in a pin scope they stay", GFP_NOWAIT | __GFP_MOVABLE, QUARRY_TASK_PIN, false},
	};
	struct machine_spec spec = host_spec(1);
	const struct quarry_cma_spec area = {
		.base = 24 * MIB, .size = 8 * MIB, .fixed = true, .nid = QUARRY_NO_NODE};

	(void)state;
	spec.boot.dma_limit = ~(phys_addr_t)0;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct quarry_zone_info z;
		uint32_t saved;
		struct host h;

		memset(&h, 0, sizeof(h));
		machine_init(&h.m, &spec);
		assert_int_equal(quarry_cma_declare_contiguous(h.m.q, &area, NULL), 0);
		assert_int_equal(quarry_boot(h.m.q, &spec.boot), 0);
		h.m.hook = &h;
		saved = quarry_memalloc_save(h.m.q, rules[i].task);
		hoard_order(&h.m, &h.all, rules[i].gfp, 0);
		quarry_memalloc_restore(h.m.q, rules[i].task, saved);
		quarry_drain_all_pages(h.m.q);
		assert_true(quarry_zone_info(h.m.q, 0, QUARRY_ZONE_DMA32, &z));
		if ((z.free_cma != 2048) != rules[i].may)
			fail_msg("%s: %lu free", rules[i].rule, z.free_cma);
		host_fini(&h);
	}
}

/* P18, P15: the highatomic reserve, by who asks. Free pages above min all lie in it. */
static void pages_of_the_highatomic_reserve(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		uint32_t task;
		unsigned int order;
		bool served, broken; /* the reserve is given up for it */
	} rules[] = {
		{"NOWAIT: no", GFP_NOWAIT, 0, 0, false, false},
		{"NOWAIT of order 2: no", GFP_NOWAIT, 0, 2, false, false},
		{"HIGH is no right to it", __GFP_HIGH, 0, 2, false, false},
		{"ATOMIC of order 2: yes", GFP_ATOMIC, 0, 2, true, false},
		{"ATOMIC, a page: yes", GFP_ATOMIC, 0, 0, true, false},
		{"ATOMIC and NOMEMALLOC: no", GFP_ATOMIC | __GFP_NOMEMALLOC, 0, 2, false, false},
		{"MEMALLOC: yes", GFP_NOWAIT | __GFP_MEMALLOC, 0, 0, true, false},
		{"who is being ended: yes", GFP_NOWAIT, QUARRY_TASK_OOM_VICTIM, 0, true, false},
		{"KERNEL: it is given up before anybody is ended for it", GFP_KERNEL, 0, 0, true,
		 true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct quarry_zone_info z;
		struct hoard rest = {0};
		struct page *page;
		struct host h;
		pfn_t pb;

		host_build(&h, 1);
		hoard_order(&h.m, &h.all, GFP_NOWAIT, 0);
		hoard_order(&h.m, &h.all, __GFP_HIGH, 0);
		/* The one that reserves: there is room for one pageblock. */
		page = quarry_alloc_pages(h.m.q, GFP_ATOMIC, 1);
		assert_non_null(page);
		hoard_add(&rest, page, 1);
		pb = quarry_page_to_pfn(h.m.q, page) / QUARRY_PAGEBLOCK_PAGES;
		assert_int_equal(quarry_pageblock_type(h.m.q, pb * QUARRY_PAGEBLOCK_PAGES),
				 QUARRY_MIGRATE_HIGHATOMIC);
		for (size_t k = 0; k < h.all.n; k++) {
			pfn_t pfn = quarry_page_to_pfn(h.m.q, h.all.page[k]);

			if (pfn / QUARRY_PAGEBLOCK_PAGES == pb)
				quarry_free_pages(h.m.q, h.all.page[k], 0);
			else
				hoard_add(&rest, h.all.page[k], 0);
		}
		h.all.n = 0;
		hoard_free(&h.m, &h.all);
		h.all = rest;
		quarry_drain_all_pages(h.m.q);
		h.task.flags = rules[i].task;
		page = quarry_alloc_pages(h.m.q, rules[i].gfp, rules[i].order);
		h.task.flags = 0;
		assert_true(quarry_zone_info(h.m.q, 0, QUARRY_ZONE_DMA32, &z));
		if ((page != NULL) != rules[i].served || h.ooms != 0 ||
		    (z.nr_pageblocks[QUARRY_MIGRATE_HIGHATOMIC] == 0) != rules[i].broken)
			fail_msg("%s: page %p, %u ooms, %lu pageblocks", rules[i].rule,
				 (void *)page, h.ooms,
				 (unsigned long)z.nr_pageblocks[QUARRY_MIGRATE_HIGHATOMIC]);
		if (page != NULL)
			hoard_add(&h.all, page, rules[i].order);
		host_fini(&h);
	}
}

/* P10, P11, 2b "defrag_mode": when a request may mix types in a pageblock. All have half of their pages free. */
static void mixing_of_types(void **state)
{
	static const struct {
		const char *rule, *defrag_mode;
		gfp_t gfp;
		bool served, reclaims;
	} rules[] = {
		{"KERNEL mixes at once", "0", GFP_KERNEL, true, false},
		{"NOWAIT too", "0", GFP_NOWAIT, true, false},
		{"defrag_mode: KERNEL when reclaim has failed, before anybody is ended", "1",
		 GFP_KERNEL, true, true},
		{"defrag_mode: NOWAIT rather than to be refused", "1", GFP_NOWAIT, true, false},
		{"movable pages need not mix", "1", GFP_HIGHUSER_MOVABLE, true, false},
	};
	struct machine_spec spec = host_spec(1);

	(void)state;
	spec.boot.dma_limit = ~(phys_addr_t)0;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct hoard keep = {0};
		struct page *page;
		struct host h;

		host_build_as(&h, &spec);
		assert_int_equal(quarry_sysctl_set(h.m.q, "defrag_mode", rules[i].defrag_mode), 0);
		hoard_order(&h.m, &h.all, GFP_NOWAIT | __GFP_MEMALLOC | __GFP_MOVABLE, 0);
		for (size_t k = 0; k < h.all.n; k++) {
			if (quarry_page_to_pfn(h.m.q, h.all.page[k]) % 2 == 0)
				quarry_free_pages(h.m.q, h.all.page[k], 0);
			else
				hoard_add(&keep, h.all.page[k], 0);
		}
		h.all.n = 0;
		hoard_free(&h.m, &h.all);
		h.all = keep;
		quarry_drain_all_pages(h.m.q);
		page = quarry_alloc_pages(h.m.q, rules[i].gfp, 0);
		if ((page != NULL) != rules[i].served || h.ooms != 0 ||
		    (h.reclaims != 0) != rules[i].reclaims)
			fail_msg("%s: page %p, %u reclaims, %u ooms", rules[i].rule, (void *)page,
				 h.reclaims, h.ooms);
		quarry_free_pages(h.m.q, page, 0);
		host_fini(&h);
	}
}

/* P13, P15: whom a boost of the watermarks keeps from the last pages. Of four pages two are free. */
static void marks_with_a_boost(void **state)
{
	static const struct {
		const char *rule;
		gfp_t gfp;
		uint32_t task;
		unsigned int order;
		bool counts; /* the boost is part of min */
		bool half, quarter, all;
	} rules[] = {
		{"NOWAIT: it counts", GFP_NOWAIT, 0, 0, true, false, false, false},
		{"KERNEL: it counts", GFP_KERNEL | __GFP_NORETRY, 0, 0, true, false, false, false},
		{"movable pages: it counts", GFP_NOWAIT | __GFP_MOVABLE, 0, 0, true, false, false,
		 false},
		{"HIGH, a page: it does not", __GFP_HIGH, 0, 0, false, true, false, false},
		{"ATOMIC, a page: it does not", GFP_ATOMIC, 0, 0, false, true, true, false},
		{"ATOMIC and NOMEMALLOC: it does not", GFP_ATOMIC | __GFP_NOMEMALLOC, 0, 0, false,
		 true, false, false},
		{"HIGH, two pages: it counts", __GFP_HIGH, 0, 1, true, true, false, false},
		{"who is being ended: it counts", GFP_NOWAIT, QUARRY_TASK_OOM_VICTIM, 0, true, true,
		 false, false},
		{"MEMALLOC: no mark counts", GFP_NOWAIT | __GFP_MEMALLOC, 0, 0, true, false, false,
		 true},
	};
	struct machine_spec spec = host_spec(1);

	(void)state;
	spec.boot.dma_limit = ~(phys_addr_t)0; /* one zone, DMA32 */
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct quarry_zone_info z;
		struct hoard keep = {0};
		unsigned long left;
		struct page *page;
		struct host h;

		host_build_as(&h, &spec);
		assert_int_equal(quarry_sysctl_set(h.m.q, "min_free_kbytes", "2048"), 0);
		hoard_order(&h.m, &h.all, GFP_NOWAIT | __GFP_MEMALLOC | __GFP_MOVABLE, 0);
		for (size_t k = 0; k < h.all.n; k++) {
			if (quarry_page_to_pfn(h.m.q, h.all.page[k]) % 4 < 2)
				quarry_free_pages(h.m.q, h.all.page[k], 0);
			else
				hoard_add(&keep, h.all.page[k], 0);
		}
		h.all.n = 0;
		hoard_free(&h.m, &h.all);
		h.all = keep;
		quarry_drain_all_pages(h.m.q);
		/* Each pageblock that is mixed raises the marks, until they are as high as may be. */
		assert_int_equal(quarry_sysctl_set(h.m.q, "watermark_boost_factor", "15000"), 0);
		h.wakes = 0;
		do {
			page = quarry_alloc_pages(h.m.q, GFP_NOWAIT, 0);
			assert_non_null(page);
			hoard_add(&h.all, page, 0);
			assert_true(quarry_zone_info(h.m.q, 0, QUARRY_ZONE_DMA32, &z));
		} while (z.boost != 768 * 15000 / 10000);
		assert_int_equal(z.wmark[QUARRY_WMARK_MIN], 512 + z.boost);
		assert_true(h.wakes != 0);
		h.task.flags = rules[i].task;
		hoard_order(&h.m, &h.all, rules[i].gfp, rules[i].order);
		h.task.flags = 0;
		assert_true(quarry_zone_info(h.m.q, 0, QUARRY_ZONE_DMA32, &z));
		left = 512 + (rules[i].counts ? z.boost : 0);
		left -= rules[i].half ? left / 2 : 0;
		left -= rules[i].quarter ? left / 4 : 0;
		left = rules[i].all ? 0 : left;
		if (z.free < left || z.free > left + rules[i].order)
			fail_msg("%s: %lu pages left, not %lu", rules[i].rule, z.free, left);
		host_fini(&h);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(effort_when_all_is_spent),
		cmocka_unit_test(rounds_in_vain),
		cmocka_unit_test(nodes_that_are_reclaimed),
		cmocka_unit_test(scopes_of_reclaim),
		cmocka_unit_test(reserves_of_nofail),
		cmocka_unit_test(pages_of_cma_areas),
		cmocka_unit_test(pages_of_the_highatomic_reserve),
		cmocka_unit_test(mixing_of_types),
		cmocka_unit_test(rights_below_min),
		cmocka_unit_test(marks_with_a_boost),
		cmocka_unit_test(nodes_that_may_serve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
