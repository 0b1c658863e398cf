/* SPDX-License-Identifier: MIT */
/* A textbook bootmem: a flag for each page of a few nodes, searched page by page. */
#ifndef TESTS_MODEL_BOOTMEM_H
#define TESTS_MODEL_BOOTMEM_H

#include <quarry/quarry.h>

#define MODEL_BOOTMEM_NODES 4
#define MODEL_BOOTMEM_PAGES 2048

struct model_bootmem_node {
	bool taken[MODEL_BOOTMEM_PAGES]; /* from page @min on */
	uint64_t min, low, last_end, hint;
};

/* Nodes stand by address, which must also be the order of their numbers for model_bootmem_any(). */
struct model_bootmem {
	struct model_bootmem_node node[MODEL_BOOTMEM_NODES]; /* low == 0: there is none */
};

/* A node of the pages [@min, @low), all taken. */
void model_bootmem_node(struct model_bootmem *m, int nid, uint64_t min, uint64_t low);
/* Addresses; 0: no room. @goal 0: none. */
uint64_t model_bootmem_any(struct model_bootmem *m, uint64_t size, uint64_t align, uint64_t goal);
uint64_t model_bootmem_prefer(struct model_bootmem *m, int nid, uint64_t size, uint64_t align,
			      uint64_t goal);
/* What a mark of pages [@start, @end) must return; it is made if that is 0. */
int model_bootmem_mark(struct model_bootmem *m, uint64_t start, uint64_t end, bool reserve,
		       bool exclusive);
/* NULL: the page is on no node. */
bool *model_bootmem_page(struct model_bootmem *m, uint64_t pfn);
/* The pages, hints and ends of all nodes are the library's, and its validator passes. */
bool model_bootmem_same(const struct model_bootmem *m, struct quarry *q,
			const struct quarry_out *out);

#endif
