/* SPDX-License-Identifier: MIT */
/* Areas of memory that are lent to movable pages until they are needed. */
#ifndef _QUARRY_LINUX_CMA_H
#define _QUARRY_LINUX_CMA_H

#include <linux/mm.h>

#define cma quarry_cma
#define MAX_CMA_AREAS QUARRY_MAX_CMA_AREAS
#define CMA_MIN_ALIGNMENT_PAGES pageblock_nr_pages
#define CMA_MIN_ALIGNMENT_BYTES (PAGE_SIZE * CMA_MIN_ALIGNMENT_PAGES)

struct cma;

/* Before memblock_free_all(). 0 or an error. */
int cma_declare_contiguous_nid(phys_addr_t base, phys_addr_t size, phys_addr_t limit,
			       phys_addr_t alignment, unsigned int order_per_bit, bool fixed,
			       const char *name, struct cma **res_cma, int nid);

static inline int cma_declare_contiguous(phys_addr_t base, phys_addr_t size, phys_addr_t limit,
					 phys_addr_t alignment, unsigned int order_per_bit,
					 bool fixed, const char *name, struct cma **res_cma)
{
	return cma_declare_contiguous_nid(base, size, limit, alignment, order_per_bit, fixed, name,
					  res_cma, NUMA_NO_NODE);
}

static inline int cma_init_reserved_mem(phys_addr_t base, phys_addr_t size,
					unsigned int order_per_bit, const char *name,
					struct cma **res_cma)
{
	return quarry_cma_init_reserved_mem(quarry_linux(), base, size, order_per_bit, name,
					    res_cma);
}

static inline struct page *cma_alloc(struct cma *area, unsigned long count, unsigned int align,
				     bool no_warn)
{
	return quarry_cma_alloc(quarry_linux(), area, count, align, no_warn);
}

static inline bool cma_release(struct cma *area, const struct page *pages, unsigned long count)
{
	return quarry_cma_release(quarry_linux(), area, (struct page *)(uintptr_t)pages, count);
}

phys_addr_t cma_get_base(const struct cma *area);
unsigned long cma_get_size(const struct cma *area); /* bytes */
/* Good until the calling thread asks for another name. */
const char *cma_get_name(const struct cma *area);

static inline int cma_for_each_area(int (*it)(struct cma *area, void *data), void *data)
{
	return quarry_cma_for_each_area(quarry_linux(), it, data);
}

#endif
