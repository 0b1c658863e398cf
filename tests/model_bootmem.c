/* SPDX-License-Identifier: MIT */
#include "model_bootmem.h"

#include <string.h>

#define PAGE ((uint64_t)QUARRY_PAGE_SIZE)

static uint64_t up(uint64_t x, uint64_t align)
{
	return (x + align - 1) / align * align;
}

void model_bootmem_node(struct model_bootmem *m, int nid, uint64_t min, uint64_t low)
{
	struct model_bootmem_node *n = &m->node[nid];

	*n = (struct model_bootmem_node){.min = min, .low = low};
	memset(n->taken, 1, sizeof(n->taken));
}

/* One search of one node, by the letter of rows B14 to B17. 0: no room. */
static uint64_t bootmem_search(struct model_bootmem_node *n, uint64_t size, uint64_t align,
			       uint64_t goal)
{
	uint64_t step = align / PAGE > 1 ? align / PAGE : 1, pages = up(size, PAGE) / PAGE;
	uint64_t first, sidx, off;
	bool wrapped = false;

	goal /= PAGE;
	first = up(n->min < goal && goal < n->low ? goal : n->min, step) - n->min;
	sidx = n->hint > first ? up(n->min + n->hint, step) - n->min : first;
	wrapped = n->hint <= first;
	for (;;) {
		uint64_t i = 0;

		if (sidx + pages > n->low - n->min) {
			if (wrapped)
				return 0;
			wrapped = true;
			sidx = first;
			continue;
		}
		while (i < pages && !n->taken[sidx + i])
			i++;
		if (i == pages)
			break;
		sidx += step; /* slower than a jump, to the same place */
	}
	off = sidx * PAGE;
	if (n->last_end % PAGE != 0 && n->last_end / PAGE + 1 == sidx)
		off = up(n->min * PAGE + n->last_end, align) - n->min * PAGE;
	for (uint64_t i = off / PAGE; i < up(off + size, PAGE) / PAGE; i++)
		n->taken[i] = true;
	n->last_end = off + size;
	n->hint = up(n->last_end, PAGE) / PAGE;
	return n->min * PAGE + off;
}

uint64_t model_bootmem_any(struct model_bootmem *m, uint64_t size, uint64_t align, uint64_t goal)
{
	uint64_t got;

	for (int i = 0; i < MODEL_BOOTMEM_NODES; i++) {
		if (m->node[i].low == 0 || (goal != 0 && m->node[i].low <= goal / PAGE))
			continue;
		got = bootmem_search(&m->node[i], size, align, goal);
		if (got != 0)
			return got;
	}
	return goal != 0 ? model_bootmem_any(m, size, align, 0) : 0;
}

uint64_t model_bootmem_prefer(struct model_bootmem *m, int nid, uint64_t size, uint64_t align,
			      uint64_t goal)
{
	uint64_t got = bootmem_search(&m->node[nid], size, align, goal);

	for (int i = 0; i < MODEL_BOOTMEM_NODES && got == 0; i++) {
		if (m->node[i].low != 0 && (goal == 0 || m->node[i].low > goal / PAGE))
			got = bootmem_search(&m->node[i], size, align, goal);
	}
	return got == 0 && goal != 0 ? model_bootmem_prefer(m, nid, size, align, 0) : got;
}

static struct model_bootmem_node *bootmem_node_of(struct model_bootmem *m, uint64_t pfn)
{
	for (int i = 0; i < MODEL_BOOTMEM_NODES; i++) {
		if (pfn >= m->node[i].min && pfn < m->node[i].low)
			return &m->node[i];
	}
	return NULL;
}

int model_bootmem_mark(struct model_bootmem *m, uint64_t start, uint64_t end, bool reserve,
		       bool exclusive)
{
	struct model_bootmem_node *n;

	for (uint64_t p = start; p < end; p++) {
		n = bootmem_node_of(m, p);
		if (n == NULL)
			return -QUARRY_EINVAL;
		if (reserve && exclusive && n->taken[p - n->min])
			return -QUARRY_EBUSY;
		if (!reserve && !n->taken[p - n->min])
			return -QUARRY_EINVAL;
	}
	for (uint64_t p = start; p < end; p++) {
		n = bootmem_node_of(m, p);
		n->taken[p - n->min] = reserve;
		if (reserve)
			continue;
		if (p - n->min < n->hint)
			n->hint = p - n->min;
		if (n->last_end / PAGE == p - n->min)
			n->last_end = 0;
	}
	return 0;
}

bool *model_bootmem_page(struct model_bootmem *m, uint64_t pfn)
{
	struct model_bootmem_node *n = bootmem_node_of(m, pfn);

	return n != NULL ? &n->taken[pfn - n->min] : NULL;
}

bool model_bootmem_same(const struct model_bootmem *m, struct quarry *q,
			const struct quarry_out *out)
{
	const unsigned int bits = 8 * sizeof(unsigned long);

	for (int nid = 0; nid < MODEL_BOOTMEM_NODES; nid++) {
		const struct model_bootmem_node *n = &m->node[nid];
		const bootmem_data_t *b = &quarry_bootmem(q)->bootmem_node_data[nid];
		const unsigned long *map = b->node_bootmem_map;

		if (n->low == 0)
			continue;
		if (b->hint_idx != n->hint || b->last_end_off != n->last_end)
			return false;
		for (uint64_t i = 0; i < n->low - n->min; i++) {
			if ((map[i / bits] >> i % bits & 1) != n->taken[i])
				return false;
		}
	}
	return quarry_check_bootmem(q, out) == 0;
}
