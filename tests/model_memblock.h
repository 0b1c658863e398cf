/* SPDX-License-Identifier: MIT */
/*
 * A textbook memblock: one record for each unit of a small address space. Slow and plain, to be run
 * beside the real one.
 */
#ifndef TESTS_MODEL_MEMBLOCK_H
#define TESTS_MODEL_MEMBLOCK_H

#include <quarry/quarry.h>

#define MODEL_UNITS 4096
#define MODEL_UNIT ((phys_addr_t)1024) /* bytes; addresses and sizes of a test are multiples */

struct model_unit {
	bool present;
	int nid;
	uint32_t flags;
};

struct model_list {
	struct model_unit unit[MODEL_UNITS];
};

struct model_memblock {
	struct model_list memory, reserved;
	bool has_mirror, bottom_up;
	phys_addr_t limit; /* current_limit */
};

struct model_request {
	phys_addr_t size, align, min, max;
	int nid;
	bool exact;
};

void model_memblock_init(struct model_memblock *m);

/* Whole list operations on [base, base + size); what lies beyond the model's space is ignored. */
void model_add(struct model_list *l, phys_addr_t base, phys_addr_t size, int nid, uint32_t flags);
void model_cut(struct model_list *l, phys_addr_t base, phys_addr_t size);
void model_set_node(struct model_list *l, phys_addr_t base, phys_addr_t size, int nid);
void model_set_flags(struct model_list *l, phys_addr_t base, phys_addr_t size, uint32_t set,
		     uint32_t clear);
/* Runs of units in the range that the list does not have. */
size_t model_pieces(const struct model_list *l, phys_addr_t base, phys_addr_t size);
bool model_any(const struct model_list *l, phys_addr_t base, phys_addr_t size);

/* Limits. */
phys_addr_t model_max_addr(const struct model_memblock *m, phys_addr_t limit); /* ~0: no cut */
void model_enforce_limit(struct model_memblock *m, phys_addr_t limit);
void model_cap(struct model_memblock *m, phys_addr_t base, phys_addr_t size);
void model_trim(struct model_memblock *m, phys_addr_t align);

/* Where memblock_phys_alloc and its like must find their block; 0: nowhere. Reserves nothing. */
phys_addr_t model_find(const struct model_memblock *m, const struct model_request *req);

/* The regions that the list must have: maximal runs of equal units. Returns their number. */
size_t model_regions(const struct model_list *l, struct memblock_region *out);

/* Free ranges by node and flags, ascending; a range never spans two memory regions. */
size_t model_free_ranges(const struct model_memblock *m, int nid, uint32_t flags,
			 struct memblock_region *out);

#endif
