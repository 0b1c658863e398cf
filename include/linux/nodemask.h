/* SPDX-License-Identifier: MIT */
/* Sets of nodes, and which nodes there are. A mask argument is an lvalue, as in Linux. */
#ifndef _QUARRY_LINUX_NODEMASK_H
#define _QUARRY_LINUX_NODEMASK_H

#include <quarry/linux.h>

#include <linux/numa.h>
#include <linux/types.h>

#define _NODEMASK_LONG_BITS (8 * (int)sizeof(long))
#define _NODEMASK_LONGS ((MAX_NUMNODES + _NODEMASK_LONG_BITS - 1) / _NODEMASK_LONG_BITS)

typedef struct nodemask {
	unsigned long bits[_NODEMASK_LONGS];
} nodemask_t;

/* As the library has it, and back. */
static inline quarry_nodemask_t quarry_nodemask(const nodemask_t *mask)
{
	quarry_nodemask_t word = 0;

	for (int i = 0; i < _NODEMASK_LONGS; i++)
		word |= (quarry_nodemask_t)mask->bits[i] << i * _NODEMASK_LONG_BITS;
	return word;
}

static inline nodemask_t quarry_nodemask_of(quarry_nodemask_t word)
{
	nodemask_t mask;

	for (int i = 0; i < _NODEMASK_LONGS; i++)
		mask.bits[i] = (unsigned long)(word >> i * _NODEMASK_LONG_BITS);
	return mask;
}

#define _NODE_BIT(node) ((quarry_nodemask_t)1 << (node))
#define _NODES_ALL (~(quarry_nodemask_t)0 >> (64 - MAX_NUMNODES))
#define _NODES(mask) quarry_nodemask(&(mask))

#define NODE_MASK_NONE ((nodemask_t){{0}})
#define NODE_MASK_ALL (quarry_nodemask_of(_NODES_ALL))
#define nodemask_of_node(node) (quarry_nodemask_of(_NODE_BIT(node)))

#define node_set(node, dst) ((void)((dst) = quarry_nodemask_of(_NODES(dst) | _NODE_BIT(node))))
#define node_clear(node, dst) ((void)((dst) = quarry_nodemask_of(_NODES(dst) & ~_NODE_BIT(node))))
#define nodes_setall(dst) ((void)((dst) = NODE_MASK_ALL))
#define nodes_clear(dst) ((void)((dst) = NODE_MASK_NONE))
#define node_isset(node, mask) ((int)(_NODES(mask) >> (node)&1))
#define nodes_and(dst, a, b) ((void)((dst) = quarry_nodemask_of(_NODES(a) & _NODES(b))))
#define nodes_or(dst, a, b) ((void)((dst) = quarry_nodemask_of(_NODES(a) | _NODES(b))))
#define nodes_xor(dst, a, b) ((void)((dst) = quarry_nodemask_of(_NODES(a) ^ _NODES(b))))
#define nodes_andnot(dst, a, b) ((void)((dst) = quarry_nodemask_of(_NODES(a) & ~_NODES(b))))
#define nodes_complement(dst, a) ((void)((dst) = quarry_nodemask_of(~_NODES(a) & _NODES_ALL)))
#define nodes_copy(dst, src) ((void)((dst) = (src)))
#define nodes_equal(a, b) (_NODES(a) == _NODES(b))
#define nodes_intersects(a, b) ((_NODES(a) & _NODES(b)) != 0)
#define nodes_subset(a, b) ((_NODES(a) & ~_NODES(b)) == 0)
#define nodes_empty(mask) (_NODES(mask) == 0)
#define nodes_full(mask) (_NODES(mask) == _NODES_ALL)
#define nodes_weight(mask) __builtin_popcountll(_NODES(mask))
#define nodes_addr(mask) ((mask).bits)

static inline int _nodes_first(quarry_nodemask_t word)
{
	return word != 0 ? __builtin_ctzll(word) : MAX_NUMNODES;
}

static inline quarry_nodemask_t _nodes_above(quarry_nodemask_t word, int node)
{
	return node >= MAX_NUMNODES - 1 ? 0 : word >> (node + 1) << (node + 1);
}

static inline bool _node_test_and_set(int node, nodemask_t *mask)
{
	bool was = node_isset(node, *mask);

	node_set(node, *mask);
	return was;
}

#define node_test_and_set(node, mask) _node_test_and_set((node), &(mask))

/* MAX_NUMNODES: none. */
#define first_node(mask) _nodes_first(_NODES(mask))
#define next_node(node, mask) _nodes_first(_nodes_above(_NODES(mask), (node)))
#define first_unset_node(mask) _nodes_first(~_NODES(mask) & _NODES_ALL)

/* Round and round. */
static inline int _next_node_in(int node, const nodemask_t *mask)
{
	int next = next_node(node, *mask);

	return next < MAX_NUMNODES ? next : first_node(*mask);
}

#define next_node_in(node, mask) _next_node_in((node), &(mask))

#define for_each_node_mask(node, mask) \
	for ((node) = first_node(mask); (node) < MAX_NUMNODES; (node) = next_node((node), (mask)))

/* Nodes of this machine by what they have. */
enum node_states {
	N_POSSIBLE,
	N_ONLINE,        /* memory or a CPU */
	N_NORMAL_MEMORY, /* memory below ZONE_MOVABLE */
	N_HIGH_MEMORY = N_NORMAL_MEMORY,
	N_MEMORY,
	N_CPU,
	NR_NODE_STATES
};

/* As they were when the machine booted, or one of the calls below was last used: these look anew. */
extern nodemask_t node_states[NR_NODE_STATES];
nodemask_t *quarry_linux_node_states(void);

#define node_online_map (quarry_linux_node_states()[N_ONLINE])
#define node_possible_map (quarry_linux_node_states()[N_POSSIBLE])

static inline int node_state(int node, enum node_states state)
{
	return node_isset(node, quarry_linux_node_states()[state]);
}

/*
 * What boot code says of nodes holds until the machine has booted; from then on the machine says it.
 */
#define node_set_state(node, state) node_set((node), quarry_linux_node_states()[state])
#define node_clear_state(node, state) node_clear((node), quarry_linux_node_states()[state])
#define node_set_online(node) node_set_state((node), N_ONLINE)
#define node_set_offline(node) node_clear_state((node), N_ONLINE)

#define num_node_state(state) nodes_weight(quarry_linux_node_states()[state])
#define for_each_node_state(node, state) \
	for_each_node_mask((node), quarry_linux_node_states()[state])
#define first_online_node first_node(node_online_map)
#define next_online_node(nid) next_node((nid), node_online_map)
#define first_memory_node first_node(quarry_linux_node_states()[N_MEMORY])
#define next_memory_node(nid) next_node((nid), quarry_linux_node_states()[N_MEMORY])
#define num_online_nodes() num_node_state(N_ONLINE)
#define num_possible_nodes() num_node_state(N_POSSIBLE)
#define nr_online_nodes ((unsigned int)num_online_nodes())
#define nr_node_ids ((unsigned int)(64 - __builtin_clzll(_NODES(node_possible_map))))
#define node_online(node) node_state((node), N_ONLINE)
#define node_possible(node) node_state((node), N_POSSIBLE)
#define for_each_node(node) for_each_node_state(node, N_POSSIBLE)
#define for_each_online_node(node) for_each_node_state(node, N_ONLINE)

#endif
