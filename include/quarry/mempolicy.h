/* SPDX-License-Identifier: MIT */
/*
 * NUMA memory policies: which nodes a series of requests uses. Modes and flags are Linux's. A policy is
 * its caller's object: Quarry knows no tasks.
 */
#ifndef QUARRY_MEMPOLICY_H
#define QUARRY_MEMPOLICY_H

#include <quarry/gfp.h>
#include <quarry/types.h>

#ifndef MPOL_F_STATIC_NODES
enum {
	MPOL_DEFAULT,             /* the node that the call names */
	MPOL_PREFERRED,           /* one node, then the others by distance */
	MPOL_BIND,                /* these nodes only, nearest first */
	MPOL_INTERLEAVE,          /* these nodes in turn; a full one overflows to its neighbours */
	MPOL_LOCAL,               /* as MPOL_DEFAULT, whatever a wider policy says */
	MPOL_PREFERRED_MANY,      /* these nodes, then all */
	MPOL_WEIGHTED_INTERLEAVE, /* these nodes in turn, each as often as its weight says */
	MPOL_MAX
};
#define MPOL_F_STATIC_NODES (1 << 15)   /* node numbers mean nodes, also after a rebind */
#define MPOL_F_RELATIVE_NODES (1 << 14) /* node numbers count the allowed nodes, round and round */
#define MPOL_MODE_FLAGS (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)
#endif

/* Instead of an index: the policy's own counter says whose turn it is. */
#define QUARRY_MPOL_NO_INDEX (~0ul)

/* One policy. Made by quarry_mpol_init(); read it freely, write it through the calls below. */
struct quarry_mempolicy {
	uint16_t mode;             /* MPOL_* */
	uint16_t flags;            /* MPOL_F_* */
	int home_node;             /* whose zonelist is walked; QUARRY_NO_NODE: the request's */
	quarry_nodemask_t nodes;   /* in force now */
	quarry_nodemask_t asked;   /* what the caller named */
	quarry_nodemask_t allowed; /* what @nodes was made for */
	uint64_t turn; /* node that was last << 32 | how often it goes on; ~0: none yet */
};

/**
 * quarry_mpol_init() - make a policy
 * @q:	   memory system, booted
 * @pol:   filled in; contents before do not matter
 * @mode:  MPOL_*
 * @flags: 0, MPOL_F_STATIC_NODES or MPOL_F_RELATIVE_NODES
 * @nodes: for MPOL_DEFAULT and MPOL_LOCAL none; for MPOL_PREFERRED the lowest counts, and none means
 *	   MPOL_LOCAL; else at least one
 *
 * Nodes without memory drop out. With MPOL_F_RELATIVE_NODES bit n names the n-th node that has memory,
 * counted round and round.
 *
 * Context: any. Return: 0; -QUARRY_EINVAL: mode, flags or nodes do not go together, or no node is left
 * that has memory; @pol is not written.
 */
QUARRY_MUST_CHECK int quarry_mpol_init(struct quarry *q, struct quarry_mempolicy *pol,
				       unsigned int mode, unsigned int flags,
				       quarry_nodemask_t nodes);

/**
 * quarry_mpol_rebind() - carry a policy over to other allowed nodes (Linux: a cpuset's change)
 * @q:	     memory system, booted
 * @pol:     policy that nobody uses meanwhile
 * @allowed: nodes it may use from now on
 *
 * Bind and both interleaves: static nodes are those asked for that are allowed, or all allowed if none
 * is; relative nodes count anew; without a flag the n-th allowed node becomes the n-th of the new
 * ones. The preferred modes keep their nodes, as in Linux 6.1.
 *
 * Context: any. Return: 0; -QUARRY_EINVAL: no node of @allowed has memory, nothing changed.
 */
int quarry_mpol_rebind(struct quarry *q, struct quarry_mempolicy *pol, quarry_nodemask_t allowed);

/** quarry_mpol_set_home_node() - let requests by @pol of @q walk the zonelist of node @nid
 * (QUARRY_NO_NODE: their own again). Context: any. Returns 0; -QUARRY_EINVAL: the mode is neither bind
 * nor preferred-many, or there is no such node; nothing changed. */
int quarry_mpol_set_home_node(struct quarry *q, struct quarry_mempolicy *pol, int nid);

/** quarry_mpol_set_weight() - how often node @nid of @q comes in a round of weighted interleave:
 * @weight is 1..255, or 0 for the default, 1. Holds for all policies. Context: any. Returns 0;
 * -QUARRY_EINVAL: no such node or weight, nothing changed. */
int quarry_mpol_set_weight(struct quarry *q, int nid, unsigned int weight);

/** quarry_mpol_weight() - the weight of node @nid of @q; 0 if there is no such node. Context: any. */
unsigned int quarry_mpol_weight(struct quarry *q, int nid);

/**
 * quarry_alloc_pages_mpol() - quarry_alloc_pages() by a policy (Linux: alloc_pages_mpol())
 * @q:	   memory system
 * @gfp:   as for quarry_alloc_pages(); with __GFP_THISNODE only the node that the policy names first
 * @order: as for quarry_alloc_pages()
 * @pol:   policy; may be shared by CPUs
 * @ilx:   for both interleaves: the index, of a page in an object say, that decides on the node;
 *	   QUARRY_MPOL_NO_INDEX: the policy's counter
 * @nid:   node of the request; QUARRY_NO_NODE: the CPU's
 *
 * MPOL_BIND holds for requests that may use the machine's highest zone (ZONE_MOVABLE not counted): DMA
 * memory may lie on one node alone. If the nodes bound to have movable memory only, it holds for movable requests.
 * Requests with the right to all reserves, and those with __GFP_ATOMIC, are held to no node once the walk at
 * the min mark has failed.
 * A huge page (order 9) that has an index is first tried on the nearest node of the policy, without
 * reclaim.
 *
 * Context: as quarry_alloc_pages(). Return: as quarry_alloc_pages(); NULL also if @nid is out of range.
 */
QUARRY_MUST_CHECK struct page *quarry_alloc_pages_mpol(struct quarry *q, gfp_t gfp,
						       unsigned int order,
						       struct quarry_mempolicy *pol,
						       unsigned long ilx, int nid);

/**
 * quarry_alloc_pages_bulk_mpol() - many single pages by a policy (Linux: alloc_pages_bulk_mempolicy())
 * @q:	   memory system
 * @gfp:   as for quarry_alloc_pages()
 * @pol:   policy
 * @nr:	   how many pages
 * @pages: room for @nr; entries beyond the result are not written
 *
 * Interleave gives each node an equal share, in one run of pages for each, and the rest one by one to
 * the nodes whose turn it is; weighted interleave gives shares by weight. The counter moves on as if the pages had been
 * taken one by one.
 *
 * Context: as quarry_alloc_pages(). Return: pages taken, which the caller owns; less than @nr when
 * memory is out.
 */
QUARRY_MUST_CHECK size_t quarry_alloc_pages_bulk_mpol(struct quarry *q, gfp_t gfp,
						      struct quarry_mempolicy *pol, size_t nr,
						      struct page **pages);

/** quarry_mpol_to_str() - @pol in @buf of @size bytes, in the words that Linux's numa_maps uses:
 * "interleave=static:0-2,5". Context: any. Returns the length without the ending 0, cut or not. */
size_t quarry_mpol_to_str(const struct quarry_mempolicy *pol, char *buf, size_t size);

#endif
