/* SPDX-License-Identifier: MIT */
/*
 * Linux's bootmem, names and signatures of 4.19, on the default instance (quarry/linux.h). What a call
 * does is described at the quarry_ call that it makes. A node is named by its pglist_data, whose bdata
 * is an entry of bootmem_node_data[]; the node number is the index in that array.
 */
#ifndef _QUARRY_LINUX_BOOTMEM_H
#define _QUARRY_LINUX_BOOTMEM_H

#include <linux/list.h>
#include <linux/memblock.h>
#include <linux/mm_types.h>
#include <linux/mmzone.h>
#include <linux/slab.h>

#include <asm/dma.h>
#include <asm/processor.h>

#define BOOTMEM_ALLOC_ACCESSIBLE 0
#define BOOTMEM_ALLOC_ANYWHERE (~(phys_addr_t)0)
#define ARCH_LOW_ADDRESS_LIMIT 0xfffffffful

static inline int bootmem_nid(const pg_data_t *pgdat)
{
	return (int)(pgdat->bdata - bootmem_node_data);
}

/* Nodes. */

static inline unsigned long bootmem_bootmap_pages(unsigned long pages)
{
	return (unsigned long)quarry_bootmem_bootmap_pages(pages);
}

static inline unsigned long init_bootmem_node(pg_data_t *pgdat, unsigned long freepfn,
					      unsigned long startpfn, unsigned long endpfn)
{
	struct quarry *q = quarry_linux_bootmem();

	return (unsigned long)quarry_init_bootmem_node(q, bootmem_nid(pgdat), freepfn, startpfn,
						       endpfn);
}

static inline unsigned long init_bootmem(unsigned long start, unsigned long pages)
{
	unsigned long bytes =
		(unsigned long)quarry_init_bootmem(quarry_linux_bootmem(), start, pages);

	if (bytes != 0) {
		min_low_pfn = start;
		max_low_pfn = pages;
	}
	return bytes;
}

/* Marking. */

static inline void free_bootmem(unsigned long physaddr, unsigned long size)
{
	(void)quarry_free_bootmem(quarry_linux_bootmem(), physaddr, size);
}

static inline void free_bootmem_node(pg_data_t *pgdat, unsigned long physaddr, unsigned long size)
{
	(void)quarry_free_bootmem_node(quarry_linux_bootmem(), bootmem_nid(pgdat), physaddr, size);
}

static inline int reserve_bootmem(unsigned long addr, unsigned long size, int flags)
{
	return quarry_reserve_bootmem(quarry_linux_bootmem(), addr, size, flags);
}

static inline int reserve_bootmem_node(pg_data_t *pgdat, unsigned long physaddr, unsigned long size,
				       int flags)
{
	return quarry_reserve_bootmem_node(quarry_linux_bootmem(), bootmem_nid(pgdat), physaddr,
					   size, flags);
}

/* Allocation. */

static inline void *__alloc_bootmem_nopanic(unsigned long size, unsigned long align,
					    unsigned long goal)
{
	return quarry___alloc_bootmem_nopanic(quarry_linux_bootmem(), size, align, goal);
}

static inline void *__alloc_bootmem(unsigned long size, unsigned long align, unsigned long goal)
{
	return quarry___alloc_bootmem(quarry_linux_bootmem(), size, align, goal);
}

static inline void *__alloc_bootmem_node_nopanic(pg_data_t *pgdat, unsigned long size,
						 unsigned long align, unsigned long goal)
{
	return quarry___alloc_bootmem_node_nopanic(quarry_linux_bootmem(), bootmem_nid(pgdat), size,
						   align, goal);
}

static inline void *___alloc_bootmem_node_nopanic(pg_data_t *pgdat, unsigned long size,
						  unsigned long align, unsigned long goal,
						  unsigned long limit)
{
	return quarry____alloc_bootmem_node_nopanic(quarry_linux_bootmem(), bootmem_nid(pgdat),
						    size, align, goal, limit);
}

static inline void *__alloc_bootmem_node(pg_data_t *pgdat, unsigned long size, unsigned long align,
					 unsigned long goal)
{
	return quarry___alloc_bootmem_node(quarry_linux_bootmem(), bootmem_nid(pgdat), size, align,
					   goal);
}

static inline void *__alloc_bootmem_node_high(pg_data_t *pgdat, unsigned long size,
					      unsigned long align, unsigned long goal)
{
	return quarry___alloc_bootmem_node_high(quarry_linux_bootmem(), bootmem_nid(pgdat), size,
						align, goal);
}

static inline void *__alloc_bootmem_low(unsigned long size, unsigned long align, unsigned long goal)
{
	return quarry___alloc_bootmem_low(quarry_linux_bootmem(), size, align, goal);
}

static inline void *__alloc_bootmem_low_nopanic(unsigned long size, unsigned long align,
						unsigned long goal)
{
	return quarry___alloc_bootmem_low_nopanic(quarry_linux_bootmem(), size, align, goal);
}

static inline void *__alloc_bootmem_low_node(pg_data_t *pgdat, unsigned long size,
					     unsigned long align, unsigned long goal)
{
	return quarry___alloc_bootmem_low_node(quarry_linux_bootmem(), bootmem_nid(pgdat), size,
					       align, goal);
}

#define alloc_bootmem(x) __alloc_bootmem(x, SMP_CACHE_BYTES, BOOTMEM_LOW_LIMIT)
#define alloc_bootmem_align(x, align) __alloc_bootmem(x, align, BOOTMEM_LOW_LIMIT)
#define alloc_bootmem_nopanic(x) __alloc_bootmem_nopanic(x, SMP_CACHE_BYTES, BOOTMEM_LOW_LIMIT)
#define alloc_bootmem_pages(x) __alloc_bootmem(x, PAGE_SIZE, BOOTMEM_LOW_LIMIT)
#define alloc_bootmem_pages_nopanic(x) __alloc_bootmem_nopanic(x, PAGE_SIZE, BOOTMEM_LOW_LIMIT)
#define alloc_bootmem_node(pgdat, x) \
	__alloc_bootmem_node(pgdat, x, SMP_CACHE_BYTES, BOOTMEM_LOW_LIMIT)
#define alloc_bootmem_node_nopanic(pgdat, x) \
	__alloc_bootmem_node_nopanic(pgdat, x, SMP_CACHE_BYTES, BOOTMEM_LOW_LIMIT)
#define alloc_bootmem_pages_node(pgdat, x) \
	__alloc_bootmem_node(pgdat, x, PAGE_SIZE, BOOTMEM_LOW_LIMIT)
#define alloc_bootmem_pages_node_nopanic(pgdat, x) \
	__alloc_bootmem_node_nopanic(pgdat, x, PAGE_SIZE, BOOTMEM_LOW_LIMIT)
#define alloc_bootmem_low(x) __alloc_bootmem_low(x, SMP_CACHE_BYTES, 0)
#define alloc_bootmem_low_pages(x) __alloc_bootmem_low(x, PAGE_SIZE, 0)
#define alloc_bootmem_low_pages_nopanic(x) __alloc_bootmem_low_nopanic(x, PAGE_SIZE, 0)
#define alloc_bootmem_low_pages_node(pgdat, x) __alloc_bootmem_low_node(pgdat, x, PAGE_SIZE, 0)

/* memblock in 4.19's clothes. Alignment 0 is a cache line; those without _nopanic panic. */

static inline void *quarry_linux_or_panic(void *p, const char *who)
{
	if (p == NULL)
		panic("%s: out of memory", who);
	return p;
}

static inline phys_addr_t quarry_linux_align(phys_addr_t align)
{
	return align != 0 ? align : SMP_CACHE_BYTES;
}

static inline void *memblock_virt_alloc_try_nid_nopanic(phys_addr_t size, phys_addr_t align,
							phys_addr_t min_addr, phys_addr_t max_addr,
							int nid)
{
	return memblock_alloc_try_nid(size, quarry_linux_align(align), min_addr, max_addr, nid);
}

static inline void *memblock_virt_alloc_try_nid(phys_addr_t size, phys_addr_t align,
						phys_addr_t min_addr, phys_addr_t max_addr, int nid)
{
	return quarry_linux_or_panic(
		memblock_virt_alloc_try_nid_nopanic(size, align, min_addr, max_addr, nid),
		__func__);
}

static inline void *memblock_virt_alloc_try_nid_raw(phys_addr_t size, phys_addr_t align,
						    phys_addr_t min_addr, phys_addr_t max_addr,
						    int nid)
{
	return memblock_alloc_try_nid_raw(size, quarry_linux_align(align), min_addr, max_addr, nid);
}

#define memblock_virt_alloc(size, align) memblock_virt_alloc_try_nid(size, align, 0, 0, -1)
#define memblock_virt_alloc_raw(size, align) memblock_virt_alloc_try_nid_raw(size, align, 0, 0, -1)
#define memblock_virt_alloc_nopanic(size, align) \
	memblock_virt_alloc_try_nid_nopanic(size, align, 0, 0, -1)
#define memblock_virt_alloc_low(size, align) \
	memblock_virt_alloc_try_nid(size, align, 0, ARCH_LOW_ADDRESS_LIMIT, -1)
#define memblock_virt_alloc_low_nopanic(size, align) \
	memblock_virt_alloc_try_nid_nopanic(size, align, 0, ARCH_LOW_ADDRESS_LIMIT, -1)
#define memblock_virt_alloc_from_nopanic(size, align, min_addr) \
	memblock_virt_alloc_try_nid_nopanic(size, align, min_addr, 0, -1)
#define memblock_virt_alloc_node(size, nid) memblock_virt_alloc_try_nid(size, 0, 0, 0, nid)
#define memblock_virt_alloc_node_nopanic(size, nid) \
	memblock_virt_alloc_try_nid_nopanic(size, 0, 0, 0, nid)

static inline void memblock_free_early(phys_addr_t base, phys_addr_t size)
{
	(void)memblock_phys_free(base, size);
}

static inline void memblock_free_early_nid(phys_addr_t base, phys_addr_t size, int nid)
{
	(void)nid;
	(void)memblock_phys_free(base, size);
}

#define __memblock_free_early(base, size) memblock_free_early(base, size)
#define __memblock_free_late(base, size) memblock_free_late(base, size)

/* Hand-off. */

/*
 * Boot code calls these before free_all_bootmem(), so that managed pages are counted from 0. Here zones
 * do not exist before the hand-off, which counts what it is given: there is nothing to reset.
 */
static inline void reset_node_managed_pages(pg_data_t *pgdat)
{
	(void)pgdat;
}

static inline void reset_all_zones_managed_pages(void)
{
}

/* Boots from the nodes' free pages. Returns the pages handed over, bitmaps included. */
static inline unsigned long free_all_bootmem(void)
{
	return quarry_linux_boot(true);
}

/* Reserved pages to the buddy system, after free_all_bootmem(). Others are reported and left alone. */
static inline void free_bootmem_late(unsigned long physaddr, unsigned long size)
{
	(void)quarry_free_late(quarry_linux(), PFN_UP(physaddr), PFN_DOWN(physaddr + size));
}

#endif
