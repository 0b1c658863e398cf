/* SPDX-License-Identifier: MIT */
/*
 * Section 2b, NUMA policies: bind, preferred, interleave, weighted interleave, on machines of two to four
 * nodes, with nodes that have no memory and nodes that are used up.
 */
#include <quarry/quarry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_hoard.h"

#define NODE(n) ((quarry_nodemask_t)1 << (n))
#define NO_INDEX QUARRY_MPOL_NO_INDEX

/* Four nodes of 16 MiB, each as far from the next as from any; one CPU on each. */
static const struct machine_spec four = {
	.memory = {{0, 16 * MIB, 0},
		   {16 * MIB, 32 * MIB, 1},
		   {32 * MIB, 48 * MIB, 2},
		   {48 * MIB, 64 * MIB, 3}},
	.boot = {.nr_cpus = 4,
		 .nr_nodes = 4,
		 .dma_limit = ~(phys_addr_t)0,
		 .dma32_limit = ~(phys_addr_t)0},
};

/* Nodes 0 and 2 have no memory; node 1 is near node 0, node 3 near node 2. */
static const struct machine_spec memoryless = {
	.memory = {{0, 16 * MIB, 1}, {16 * MIB, 32 * MIB, 3}},
	.boot = {.nr_cpus = 4,
		 .nr_nodes = 4,
		 .distance = (const uint8_t[]){10, 15, 30, 30, 15, 10, 30, 30, 30, 30, 10, 15, 30,
					       30, 15, 10},
		 .dma_limit = ~(phys_addr_t)0,
		 .dma32_limit = ~(phys_addr_t)0},
};

static int node_of(struct machine *m, const struct page *page)
{
	for (const struct machine_range *r = four.memory; r->start < r->end; r++) {
		phys_addr_t at = quarry_page_to_pfn(m->q, page) << QUARRY_PAGE_SHIFT;

		if (at >= r->start && at < r->end)
			return r->nid;
	}
	return -1;
}

/* One page by @pol, kept in @h; its node, -1: none. */
static int take(struct machine *m, struct hoard *h, struct quarry_mempolicy *pol, unsigned long ilx,
		int nid)
{
	struct page *page = quarry_alloc_pages_mpol(m->q, GFP_KERNEL, 0, pol, ilx, nid);

	if (page == NULL)
		return -1;
	hoard_add(h, page, 0);
	return node_of(m, page);
}

/* Uses up node @nid to the last page. */
static void exhaust_node(struct machine *m, struct hoard *h, int nid)
{
	struct page *page;

	while ((page = quarry_alloc_pages_node(m->q, nid, GFP_ALL | __GFP_THISNODE, 0)) != NULL)
		hoard_add(h, page, 0);
}

static void fini(struct machine *m, struct hoard *h)
{
	machine_check(m);
	hoard_free(m, h);
	quarry_drain_all_pages(m->q);
	machine_check(m);
	assert_int_equal(machine_free_pages(m), managed_pages(m));
	assert_int_equal(m->reports, 0);
	machine_fini(m);
}

static void assert_text(const struct quarry_mempolicy *pol, const char *wanted)
{
	char text[64], cut[9];

	assert_int_equal(quarry_mpol_to_str(pol, text, sizeof(text)), strlen(wanted));
	assert_string_equal(text, wanted);
	assert_int_equal(quarry_mpol_to_str(pol, cut, sizeof(cut)), strlen(wanted));
	assert_memory_equal(cut, wanted, strlen(wanted) < 8 ? strlen(wanted) : 8);
	assert_int_equal(cut[strlen(wanted) < 8 ? strlen(wanted) : 8], 0);
}

static void assert_refused(struct machine *m, unsigned int mode, unsigned int flags,
			   quarry_nodemask_t nodes)
{
	struct quarry_mempolicy pol, before;

	memset(&pol, 0x5a, sizeof(pol));
	before = pol;
	assert_int_equal(quarry_mpol_init(m->q, &pol, mode, flags, nodes), -QUARRY_EINVAL);
	assert_memory_equal(&pol, &before, sizeof(pol));
}

static void modes_flags_and_nodes_go_together(void **state)
{
	struct quarry_mempolicy pol;
	struct machine m;

	(void)state;
	machine_build(&m, &four);
	assert_refused(&m, MPOL_MAX, 0, NODE(0));
	assert_refused(&m, MPOL_BIND, 0, 0);
	assert_refused(&m, MPOL_INTERLEAVE, 0, 0);
	assert_refused(&m, MPOL_WEIGHTED_INTERLEAVE, 0, NODE(5)); /* no such node */
	assert_refused(&m, MPOL_PREFERRED_MANY, 0, 0);
	assert_refused(&m, MPOL_BIND, MPOL_MODE_FLAGS, NODE(0));
	assert_refused(&m, MPOL_BIND, 1, NODE(0));
	assert_refused(&m, MPOL_DEFAULT, 0, NODE(0));
	assert_refused(&m, MPOL_LOCAL, 0, NODE(0));
	assert_refused(&m, MPOL_LOCAL, MPOL_F_STATIC_NODES, 0);
	assert_refused(&m, MPOL_PREFERRED, MPOL_F_RELATIVE_NODES, 0);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_DEFAULT, 0, 0), 0);
	assert_text(&pol, "default");
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_PREFERRED, 0, 0), 0);
	assert_int_equal(pol.mode, MPOL_LOCAL);
	assert_text(&pol, "local");
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_PREFERRED, 0, NODE(2) | NODE(3)), 0);
	assert_text(&pol, "prefer:2");
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_BIND, MPOL_F_STATIC_NODES, 0xf0b), 0);
	assert_text(&pol, "bind=static:0-1,3");
	/* Nodes 4 and 6, counted round and round: 0 and 2. */
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_INTERLEAVE, MPOL_F_RELATIVE_NODES, 0x50),
			 0);
	assert_text(&pol, "interleave=relative:0,2");
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_WEIGHTED_INTERLEAVE, 0, 0xf), 0);
	assert_text(&pol, "weighted interleave:0-3");
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_PREFERRED_MANY, 0, 0x6), 0);
	assert_text(&pol, "prefer (many):1-2");
	machine_fini(&m);
	machine_build(&m, &memoryless);
	assert_refused(&m, MPOL_BIND, 0, NODE(0) | NODE(2));
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_BIND, 0, 0xf), 0);
	assert_text(&pol, "bind:1,3");
	machine_fini(&m);
}

static void bind_uses_its_nodes_only_nearest_first(void **state)
{
	struct quarry_mempolicy pol;
	struct quarry_refusal why;
	struct hoard h = {0};
	struct machine m;
	size_t n[4] = {0};
	int nid;

	(void)state;
	machine_build(&m, &four);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_BIND, 0, NODE(1) | NODE(3)), 0);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 3), 3);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 1), 1);
	/* From elsewhere: the order of that node's list. */
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 2), 3);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, QUARRY_NO_NODE), 1); /* CPU 0 is on node 0 */
	/* The home node's list instead. */
	assert_int_equal(quarry_mpol_set_home_node(m.q, &pol, 3), 0);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 1), 3);
	assert_int_equal(quarry_mpol_set_home_node(m.q, &pol, 4), -QUARRY_EINVAL);
	assert_int_equal(pol.home_node, 3);
	assert_int_equal(quarry_mpol_set_home_node(m.q, &pol, QUARRY_NO_NODE), 0);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 1), 1);
	for (unsigned int many = 0; many < 2; many++) { /* the first node is one, too */
		struct quarry_mempolicy at_0;

		assert_int_equal(quarry_mpol_init(m.q, &at_0,
						  many ? MPOL_PREFERRED_MANY : MPOL_BIND, 0,
						  NODE(0) | NODE(3)),
				 0);
		assert_int_equal(take(&m, &h, &at_0, NO_INDEX, 3), 3);
		assert_int_equal(quarry_mpol_set_home_node(m.q, &at_0, 0), 0);
		assert_int_equal(take(&m, &h, &at_0, NO_INDEX, 3), 0);
	}
	/* Both to the watermark, then a refusal although half of the machine is free. */
	while ((nid = take(&m, &h, &pol, NO_INDEX, 1)) >= 0)
		n[nid]++;
	assert_int_equal(n[0] + n[2], 0);
	assert_true(n[1] > 3000 && n[3] > 3000);
	assert_true(machine_free_pages(&m) > 7000);
	assert_true(quarry_explain(m.q, &why));
	assert_int_equal(why.nid, 1);
	assert_int_equal(why.serial, 1);
	fini(&m, &h);
}

/* DMA memory may lie on one node alone: a bind is not held against a request for a lower zone. */
static void bind_holds_for_the_highest_zone(void **state)
{
	struct machine_spec spec = four;
	struct quarry_mempolicy pol;
	struct page *page;
	struct machine m;

	(void)state;
	spec.boot.dma_limit = 8 * MIB;
	machine_build(&m, &spec);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_BIND, 0, NODE(2)), 0);
	page = quarry_alloc_pages_mpol(m.q, GFP_KERNEL | __GFP_DMA, 0, &pol, NO_INDEX, 2);
	assert_non_null(page);
	assert_true(quarry_page_to_pfn(m.q, page) < 2048);
	quarry_free_pages(m.q, page, 0);
	page = quarry_alloc_pages_mpol(m.q, GFP_KERNEL, 0, &pol, NO_INDEX, 0);
	assert_int_equal(node_of(&m, page), 2);
	quarry_free_pages(m.q, page, 0);
	machine_fini(&m);
}

/* Nodes that have movable memory only cannot be bound to by what cannot move. */
static void bind_to_movable_nodes_holds_for_movable_pages(void **state)
{
	struct machine_spec spec = four;
	struct quarry_mempolicy pol;
	struct page *page;
	struct machine m;

	(void)state;
	spec.boot.movable_node = true;
	machine_init(&m, &spec);
	assert_int_equal(quarry_memblock_mark_hotplug(m.q, 48 * MIB, 16 * MIB), 0);
	assert_int_equal(quarry_boot(m.q, &spec.boot), 0);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_BIND, 0, NODE(3)), 0);
	page = quarry_alloc_pages_mpol(m.q, GFP_HIGHUSER_MOVABLE, 0, &pol, NO_INDEX, 0);
	assert_int_equal(node_of(&m, page), 3);
	quarry_free_pages(m.q, page, 0);
	page = quarry_alloc_pages_mpol(m.q, GFP_KERNEL, 0, &pol, NO_INDEX, 0);
	assert_int_equal(node_of(&m, page), 0);
	quarry_free_pages(m.q, page, 0);
	machine_fini(&m);
}

static void preferred_falls_back(void **state)
{
	struct quarry_mempolicy pol;
	struct hoard h = {0}, full = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &four);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_PREFERRED, 0, NODE(2)), 0);
	assert_int_equal(quarry_mpol_set_home_node(m.q, &pol, 1), -QUARRY_EINVAL);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 2);
	assert_int_equal(take(&m, &h, &pol, 17, 0), 2); /* an index means nothing here */
	exhaust_node(&m, &full, 2);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 3); /* first of node 2's list after it */
	hoard_free(&m, &full);
	quarry_drain_all_pages(m.q);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_PREFERRED_MANY, 0, NODE(1) | NODE(2)), 0);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 1);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 2), 2);
	assert_int_equal(quarry_mpol_set_home_node(m.q, &pol, 2), 0);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 2);
	exhaust_node(&m, &full, 2);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 1);
	exhaust_node(&m, &full, 1);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0),
			 3); /* all nodes, from the home node's list */
	hoard_free(&m, &full);
	fini(&m, &h);
}

/* When what is preferred is used up, each other node will do, wherever the call comes from. */
static void preferred_many_falls_back_to_any_node(void **state)
{
	(void)state;
	for (int left = 0; left < 4; left++) {
		struct quarry_mempolicy pol;
		struct hoard h = {0};
		struct machine m;

		machine_build(&m, &four);
		for (int nid = 0; nid < 4; nid++) {
			if (nid != left)
				exhaust_node(&m, &h, nid);
		}
		for (int nid = 0; nid < 4; nid++) {
			assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_PREFERRED_MANY, 0,
							  0xf & ~NODE(left)),
					 0);
			assert_int_equal(take(&m, &h, &pol, NO_INDEX, nid), left);
		}
		fini(&m, &h);
	}
}

static void local_and_default_take_the_node_of_the_call(void **state)
{
	static const unsigned int modes[] = {MPOL_DEFAULT, MPOL_LOCAL};
	struct quarry_mempolicy pol;
	struct hoard h = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &four);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(quarry_mpol_init(m.q, &pol, modes[i], 0, 0), 0);
		assert_int_equal(take(&m, &h, &pol, NO_INDEX, 2), 2);
		quarry_posix_set_cpu(3);
		assert_int_equal(take(&m, &h, &pol, NO_INDEX, QUARRY_NO_NODE), 3);
		quarry_posix_set_cpu(0);
		assert_int_equal(take(&m, &h, &pol, NO_INDEX, 4), -1); /* no such node */
		assert_null(quarry_alloc_pages_mpol(m.q, GFP_KERNEL, 11, &pol, NO_INDEX, 0));
	}
	fini(&m, &h);
}

static void interleave_by_counter_and_by_index(void **state)
{
	static const int order[] = {0, 2, 3, 0, 2, 3, 0};
	struct quarry_mempolicy pol;
	struct hoard h = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &four);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_INTERLEAVE, 0, 0xd), 0);
	for (int i = 0; i < 7; i++)
		assert_int_equal(take(&m, &h, &pol, NO_INDEX, 1), order[i]);
	/* The index decides, and the counter stays where it is. */
	for (unsigned long i = 0; i < 6; i++)
		assert_int_equal(take(&m, &h, &pol, i, 1), order[i]);
	assert_int_equal(take(&m, &h, &pol, 3000000001ul, 1), order[3000000001ul % 3]);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 1), 2);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_NUMA_INTERLEAVE), 15);
	/* A full node overflows to its neighbours, which is no hit. */
	exhaust_node(&m, &h, 3);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 1),
			 0); /* node 3's turn, and node 0 is next */
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_NUMA_INTERLEAVE), 15);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 1), 0);
	fini(&m, &h);
}

static void weights_are_exact_over_a_cycle(void **state)
{
	static const unsigned int weight[4] = {3, 1, 0, 5}; /* 0: the default, 1 */
	struct quarry_mempolicy pol;
	struct hoard h = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &four);
	assert_int_equal(quarry_mpol_set_weight(m.q, 4, 1), -QUARRY_EINVAL);
	assert_int_equal(quarry_mpol_set_weight(m.q, -1, 1), -QUARRY_EINVAL);
	assert_int_equal(quarry_mpol_set_weight(m.q, 0, 256), -QUARRY_EINVAL);
	assert_int_equal(quarry_mpol_set_weight(m.q, 0, 255), 0);
	assert_int_equal(quarry_mpol_weight(m.q, 0), 255);
	assert_int_equal(quarry_mpol_set_weight(m.q, 0, 0), 0);
	assert_int_equal(quarry_mpol_weight(m.q, 0), 1);
	assert_int_equal(quarry_mpol_weight(m.q, 4), 0);
	assert_int_equal(quarry_mpol_weight(m.q, -1), 0);
	for (int nid = 0; nid < 4; nid++)
		assert_int_equal(quarry_mpol_set_weight(m.q, nid, weight[nid]), 0);
	assert_int_equal(quarry_mpol_weight(m.q, 2), 1);
	assert_int_equal(quarry_mpol_weight(m.q, 3), 5);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_WEIGHTED_INTERLEAVE, 0, 0xf), 0);
	for (unsigned int cycle = 0; cycle < 3; cycle++) {
		static const int order[] = {0, 0, 0, 1, 2, 3, 3, 3, 3, 3};

		for (unsigned int i = 0; i < 10; i++) {
			assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), order[i]);
			assert_int_equal(take(&m, &h, &pol, 10ul * cycle + i, 0), order[i]);
		}
	}
	/* A new weight holds from the node's next turn on. */
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 0);
	assert_int_equal(quarry_mpol_set_weight(m.q, 0, 1), 0);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 0);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 0);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 1);
	fini(&m, &h);
}

static void count_nodes(struct machine *m, struct hoard *h, struct page **pages, size_t nr,
			size_t n[4])
{
	memset(n, 0, 4 * sizeof(*n));
	for (size_t i = 0; i < nr; i++) {
		n[node_of(m, pages[i])]++;
		hoard_add(h, pages[i], 0);
	}
}

static void bulk_shares_by_turns(void **state)
{
	struct page *pages[64] = {NULL};
	struct quarry_mempolicy pol;
	struct hoard h = {0};
	struct machine m;
	size_t n[4];

	(void)state;
	machine_build(&m, &four);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_INTERLEAVE, 0, 0xe), 0);
	assert_int_equal(quarry_alloc_pages_bulk_mpol(m.q, GFP_KERNEL, &pol, 0, pages), 0);
	assert_int_equal(quarry_alloc_pages_bulk_mpol(m.q, GFP_KERNEL, &pol, 32, pages), 32);
	assert_null(pages[32]);
	count_nodes(&m, &h, pages, 32, n);
	assert_int_equal(n[1], 11);
	assert_int_equal(n[2], 11);
	assert_int_equal(n[3], 10);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 3); /* as if taken one by one */
	assert_int_equal(quarry_mpol_set_weight(m.q, 1, 4), 0);
	assert_int_equal(quarry_mpol_set_weight(m.q, 2, 2), 0);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_WEIGHTED_INTERLEAVE, 0, 0xe), 0);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 1);
	assert_int_equal(quarry_alloc_pages_bulk_mpol(m.q, GFP_KERNEL, &pol, 18, pages), 18);
	count_nodes(&m, &h, pages, 18, n);
	/* Two rounds of 4, 2, 1; then three more of node 1 and one of node 2. */
	assert_int_equal(n[1], 8 + 3);
	assert_int_equal(n[2], 4 + 1);
	assert_int_equal(n[3], 2);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 2);
	assert_int_equal(take(&m, &h, &pol, NO_INDEX, 0), 3);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_BIND, 0, NODE(2)), 0);
	assert_int_equal(quarry_alloc_pages_bulk_mpol(m.q, GFP_KERNEL, &pol, 64, pages), 64);
	count_nodes(&m, &h, pages, 64, n);
	assert_int_equal(n[2], 64);
	/* Not all of it: what there is, and the rest of the array as it was. */
	exhaust_node(&m, &h, 2);
	quarry_free_pages(m.q, h.page[--h.n], 0);
	h.pages--;
	pages[0] = NULL;
	assert_int_equal(quarry_alloc_pages_bulk_mpol(m.q, GFP_KERNEL, &pol, 64, pages), 0);
	assert_null(pages[0]);
	/* Who may use all reserves may use all nodes, as in Linux. */
	assert_int_equal(quarry_alloc_pages_bulk_mpol(m.q, GFP_ALL, &pol, 64, pages), 64);
	for (unsigned int i = 0; i < 64; i++)
		hoard_add(&h, pages[i], 0);
	fini(&m, &h);
}

/* A huge page that has an index is worth more near than far; without one the whole list is tried. */
static void huge_pages_stay_near(void **state)
{
	struct quarry_mempolicy pol;
	struct hoard h = {0};
	struct page *page;
	struct machine m;

	(void)state;
	machine_build(&m, &four);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_PREFERRED, 0, NODE(1)), 0);
	page = quarry_alloc_pages_mpol(m.q, GFP_TRANSHUGE, 9, &pol, 0, 0);
	assert_int_equal(node_of(&m, page), 1);
	hoard_add(&h, page, 9);
	exhaust_node(&m, &h, 1);
	page = quarry_alloc_pages_mpol(m.q, GFP_TRANSHUGE, 9, &pol, 0, 0);
	assert_int_equal(node_of(&m, page), 2);
	hoard_add(&h, page, 9);
	assert_null(quarry_alloc_pages_mpol(m.q, GFP_TRANSHUGE | __GFP_THISNODE, 9, &pol, 0, 0));
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_BIND, 0, NODE(3)), 0);
	page = quarry_alloc_pages_mpol(m.q, GFP_TRANSHUGE, 9, &pol, 0, 0);
	assert_int_equal(node_of(&m, page), 3);
	hoard_add(&h, page, 9);
	fini(&m, &h);
}

static void memoryless_nodes_ask_their_neighbours(void **state)
{
	struct quarry_mempolicy pol;
	struct hoard h = {0};
	struct page *page;
	struct machine m;

	(void)state;
	machine_build(&m, &memoryless);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_INTERLEAVE, 0, 0xf), 0);
	for (int i = 0; i < 4; i++) {
		page = quarry_alloc_pages_mpol(m.q, GFP_KERNEL, 0, &pol, NO_INDEX, 0);
		/* Nodes 1 and 3 in turn: 16 MiB each. */
		assert_int_equal(quarry_page_to_pfn(m.q, page) / 4096, i & 1);
		hoard_add(&h, page, 0);
	}
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_LOCAL, 0, 0), 0);
	for (int nid = 0; nid < 4; nid++) {
		page = quarry_alloc_pages_mpol(m.q, GFP_KERNEL, 0, &pol, NO_INDEX, nid);
		assert_int_equal(quarry_page_to_pfn(m.q, page) / 4096, nid / 2);
		hoard_add(&h, page, 0);
	}
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_BIND, 0, NODE(3)), 0);
	page = quarry_alloc_pages_mpol(m.q, GFP_KERNEL, 0, &pol, NO_INDEX, 0);
	assert_int_equal(quarry_page_to_pfn(m.q, page) / 4096, 1);
	hoard_add(&h, page, 0);
	fini(&m, &h);
}

static void rebind_remaps_by_flags(void **state)
{
	struct quarry_mempolicy pol, before;
	struct machine m;

	(void)state;
	machine_build(&m, &four);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_INTERLEAVE, 0, NODE(0) | NODE(3)), 0);
	before = pol;
	assert_int_equal(quarry_mpol_rebind(m.q, &pol, NODE(7)), -QUARRY_EINVAL);
	assert_memory_equal(&pol, &before, sizeof(pol));
	/* First and fourth of 0-3 become first and, round again, second of 1-2. */
	assert_int_equal(quarry_mpol_rebind(m.q, &pol, NODE(1) | NODE(2)), 0);
	assert_text(&pol, "interleave:1-2");
	assert_int_equal(quarry_mpol_rebind(m.q, &pol, NODE(0) | NODE(3)), 0);
	assert_text(&pol, "interleave:0,3");
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_BIND, MPOL_F_STATIC_NODES, 0x3), 0);
	assert_int_equal(quarry_mpol_rebind(m.q, &pol, NODE(1) | NODE(2)), 0);
	assert_text(&pol, "bind=static:1");
	assert_int_equal(quarry_mpol_rebind(m.q, &pol, NODE(2) | NODE(3)), 0);
	assert_text(&pol, "bind=static:2-3"); /* none is left: all */
	assert_int_equal(quarry_mpol_rebind(m.q, &pol, 0xf), 0);
	assert_text(&pol, "bind=static:0-1");
	assert_int_equal(
		quarry_mpol_init(m.q, &pol, MPOL_WEIGHTED_INTERLEAVE, MPOL_F_RELATIVE_NODES, 0x6),
		0);
	assert_int_equal(quarry_mpol_rebind(m.q, &pol, NODE(2) | NODE(3)), 0);
	assert_text(&pol, "weighted interleave=relative:2-3");
	assert_int_equal(quarry_mpol_rebind(m.q, &pol, 0xd), 0);
	assert_text(&pol, "weighted interleave=relative:2-3");
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_PREFERRED, 0, NODE(1)), 0);
	assert_int_equal(quarry_mpol_rebind(m.q, &pol, NODE(2) | NODE(3)), 0);
	assert_text(&pol, "prefer:1"); /* stays */
	machine_fini(&m);
}

/* A node that the request names counts, on whichever CPU it is made; without, the CPU's. */
static void local_means_the_node_that_is_named(void **state)
{
	struct quarry_mempolicy pol;
	struct machine m;

	(void)state;
	machine_build(&m, &four);
	assert_int_equal(quarry_mpol_init(m.q, &pol, MPOL_LOCAL, 0, 0), 0);
	for (int cpu = 0; cpu < 4; cpu++) {
		quarry_posix_set_cpu((unsigned int)cpu);
		for (int nid = QUARRY_NO_NODE; nid < 4; nid++) {
			struct page *page = quarry_alloc_pages_mpol(m.q, GFP_KERNEL, 0, &pol,
								    QUARRY_MPOL_NO_INDEX, nid);

			assert_non_null(page);
			assert_int_equal(node_of(&m, page), nid == QUARRY_NO_NODE ? cpu : nid);
			quarry_free_pages(m.q, page, 0);
		}
	}
	quarry_posix_set_cpu(0);
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_means_the_node_that_is_named),
		cmocka_unit_test(modes_flags_and_nodes_go_together),
		cmocka_unit_test(bind_uses_its_nodes_only_nearest_first),
		cmocka_unit_test(bind_holds_for_the_highest_zone),
		cmocka_unit_test(bind_to_movable_nodes_holds_for_movable_pages),
		cmocka_unit_test(preferred_falls_back),
		cmocka_unit_test(preferred_many_falls_back_to_any_node),
		cmocka_unit_test(local_and_default_take_the_node_of_the_call),
		cmocka_unit_test(interleave_by_counter_and_by_index),
		cmocka_unit_test(weights_are_exact_over_a_cycle),
		cmocka_unit_test(bulk_shares_by_turns),
		cmocka_unit_test(huge_pages_stay_near),
		cmocka_unit_test(memoryless_nodes_ask_their_neighbours),
		cmocka_unit_test(rebind_remaps_by_flags),
	};

	return cmocka_run_group_tests_name("mempolicy", tests, NULL, NULL);
}
