/* SPDX-License-Identifier: MIT */
/*
 * Linux's memblock, names and signatures of 6.1, on the default instance (quarry/linux.h). Later names
 * are marked with their release. What a call does is described at the quarry_ call that it makes.
 */
#ifndef _QUARRY_LINUX_MEMBLOCK_H
#define _QUARRY_LINUX_MEMBLOCK_H

#include <quarry/linux.h>

#include <linux/cache.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/pfn.h>

#define __init_memblock
#define __initdata_memblock

/* The lists themselves: `extern struct memblock memblock` stands in quarry/linux.h. */

static inline struct quarry *memblock_quarry(void)
{
	struct quarry *q = quarry_linux();

	memblock.use_hotplug = !movable_node_is_enabled();
	return q;
}

/* To ask for any node, 6.1 still takes MAX_NUMNODES too, which is the nid of a region without a node. */
static inline int memblock_nid(int nid)
{
	return nid == MAX_NUMNODES ? NUMA_NO_NODE : nid;
}

/* Describing the machine. */

static inline int memblock_add(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_add(memblock_quarry(), base, size);
}

static inline int memblock_add_node(phys_addr_t base, phys_addr_t size, int nid,
				    enum memblock_flags flags)
{
	return quarry_memblock_add_node(memblock_quarry(), base, size, nid, flags);
}

static inline int memblock_remove(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_remove(memblock_quarry(), base, size);
}

static inline int memblock_reserve(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_reserve(memblock_quarry(), base, size);
}

static inline int memblock_phys_free(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_phys_free(memblock_quarry(), base, size);
}

static inline void memblock_free(void *ptr, size_t size)
{
	(void)quarry_memblock_free(memblock_quarry(), ptr, size);
}

static inline int memblock_set_node(phys_addr_t base, phys_addr_t size, struct memblock_type *type,
				    int nid)
{
	return quarry_memblock_set_node(memblock_quarry(), base, size, type, nid);
}

static inline int memblock_mark_hotplug(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_mark_hotplug(memblock_quarry(), base, size);
}

static inline int memblock_clear_hotplug(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_clear_hotplug(memblock_quarry(), base, size);
}

static inline int memblock_mark_mirror(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_mark_mirror(memblock_quarry(), base, size);
}

static inline int memblock_mark_nomap(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_mark_nomap(memblock_quarry(), base, size);
}

static inline int memblock_clear_nomap(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_clear_nomap(memblock_quarry(), base, size);
}

/* 6.7 */
static inline int memblock_reserved_mark_noinit(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_reserved_mark_noinit(memblock_quarry(), base, size);
}

/* 6.16. With quarry_memblock_set_rsrv_kern() what is allocated is flagged so too. */
static inline int memblock_reserve_kern(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_reserve_kern(memblock_quarry(), base, size);
}

static inline phys_addr_t memblock_reserved_kern_size(phys_addr_t limit, int nid)
{
	return quarry_memblock_reserved_kern_size(memblock_quarry(), limit,
						  numa_valid_node(nid) ? nid : NUMA_NO_NODE);
}

static inline int memblock_mark_kho_scratch(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_mark_kho_scratch(memblock_quarry(), base, size);
}

static inline int memblock_clear_kho_scratch(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_clear_kho_scratch(memblock_quarry(), base, size);
}

static inline void memblock_set_kho_scratch_only(void)
{
	quarry_memblock_set_kho_scratch_only(memblock_quarry(), true);
}

static inline void memblock_clear_kho_scratch_only(void)
{
	quarry_memblock_set_kho_scratch_only(memblock_quarry(), false);
}

static inline bool memblock_is_kho_scratch(struct memblock_region *m)
{
	return (m->flags & MEMBLOCK_KHO_SCRATCH) != 0;
}

static inline bool memblock_is_hotpluggable(struct memblock_region *m)
{
	return (m->flags & MEMBLOCK_HOTPLUG) != 0;
}

static inline bool memblock_is_mirror(struct memblock_region *m)
{
	return (m->flags & MEMBLOCK_MIRROR) != 0;
}

static inline bool memblock_is_nomap(struct memblock_region *m)
{
	return (m->flags & MEMBLOCK_NOMAP) != 0;
}

static inline bool memblock_is_driver_managed(struct memblock_region *m)
{
	return (m->flags & MEMBLOCK_DRIVER_MANAGED) != 0;
}

/* 6.7 */
static inline bool memblock_is_reserved_noinit(struct memblock_region *m)
{
	return (m->flags & MEMBLOCK_RSRV_NOINIT) != 0;
}

static inline void memblock_set_region_node(struct memblock_region *r, int nid)
{
	r->nid = nid;
}

static inline int memblock_get_region_node(const struct memblock_region *r)
{
	return r->nid;
}

/* Settings. */

static inline void memblock_allow_resize(void)
{
	quarry_memblock_allow_resize(memblock_quarry());
}

static inline void memblock_set_bottom_up(bool enable)
{
	quarry_memblock_set_bottom_up(memblock_quarry(), enable);
}

static inline bool memblock_bottom_up(void)
{
	return quarry_memblock_bottom_up(memblock_quarry());
}

static inline void memblock_set_current_limit(phys_addr_t limit)
{
	quarry_memblock_set_current_limit(memblock_quarry(), limit);
}

static inline phys_addr_t memblock_get_current_limit(void)
{
	return quarry_memblock_get_current_limit(memblock_quarry());
}

static inline void memblock_dump_all(void)
{
	quarry_memblock_dump_all(memblock_quarry());
}

/* Limits. */

static inline void memblock_enforce_memory_limit(phys_addr_t limit)
{
	(void)quarry_memblock_enforce_memory_limit(memblock_quarry(), limit);
}

static inline void memblock_cap_memory_range(phys_addr_t base, phys_addr_t size)
{
	(void)quarry_memblock_cap_memory_range(memblock_quarry(), base, size);
}

static inline void memblock_mem_limit_remove_map(phys_addr_t limit)
{
	(void)quarry_memblock_mem_limit_remove_map(memblock_quarry(), limit);
}

static inline void memblock_trim_memory(phys_addr_t align)
{
	(void)quarry_memblock_trim_memory(memblock_quarry(), align);
}

/* Searching: static in 6.1's memblock.c, public before. */

static inline phys_addr_t memblock_find_in_range_node(phys_addr_t size, phys_addr_t align,
						      phys_addr_t start, phys_addr_t end, int nid,
						      enum memblock_flags flags)
{
	return quarry_memblock_find_in_range_node(memblock_quarry(), size, align, start, end,
						  memblock_nid(nid), flags);
}

static inline phys_addr_t memblock_find_in_range(phys_addr_t start, phys_addr_t end,
						 phys_addr_t size, phys_addr_t align)
{
	return quarry_memblock_find_in_range(memblock_quarry(), start, end, size, align);
}

/* Allocation. */

static inline phys_addr_t memblock_phys_alloc_range(phys_addr_t size, phys_addr_t align,
						    phys_addr_t start, phys_addr_t end)
{
	return quarry_memblock_phys_alloc_range(memblock_quarry(), size, align, start, end);
}

static inline phys_addr_t memblock_alloc_range_nid(phys_addr_t size, phys_addr_t align,
						   phys_addr_t start, phys_addr_t end, int nid,
						   bool exact_nid)
{
	return quarry_memblock_alloc_range_nid(memblock_quarry(), size, align, start, end,
					       memblock_nid(nid), exact_nid);
}

static inline phys_addr_t memblock_phys_alloc_try_nid(phys_addr_t size, phys_addr_t align, int nid)
{
	return quarry_memblock_phys_alloc_try_nid(memblock_quarry(), size, align,
						  memblock_nid(nid));
}

static inline phys_addr_t memblock_phys_alloc(phys_addr_t size, phys_addr_t align)
{
	return memblock_phys_alloc_range(size, align, 0, MEMBLOCK_ALLOC_ACCESSIBLE);
}

static inline void *memblock_alloc_exact_nid_raw(phys_addr_t size, phys_addr_t align,
						 phys_addr_t min_addr, phys_addr_t max_addr,
						 int nid)
{
	return quarry_memblock_alloc_exact_nid_raw(memblock_quarry(), size, align, min_addr,
						   max_addr, memblock_nid(nid));
}

static inline void *memblock_alloc_try_nid_raw(phys_addr_t size, phys_addr_t align,
					       phys_addr_t min_addr, phys_addr_t max_addr, int nid)
{
	return quarry_memblock_alloc_try_nid_raw(memblock_quarry(), size, align, min_addr, max_addr,
						 memblock_nid(nid));
}

static inline void *memblock_alloc_try_nid(phys_addr_t size, phys_addr_t align,
					   phys_addr_t min_addr, phys_addr_t max_addr, int nid)
{
	return quarry_memblock_alloc_try_nid(memblock_quarry(), size, align, min_addr, max_addr,
					     memblock_nid(nid));
}

static inline void *memblock_alloc(phys_addr_t size, phys_addr_t align)
{
	return quarry_memblock_alloc(memblock_quarry(), size, align);
}

static inline void *memblock_alloc_raw(phys_addr_t size, phys_addr_t align)
{
	return quarry_memblock_alloc_raw(memblock_quarry(), size, align);
}

static inline void *memblock_alloc_from(phys_addr_t size, phys_addr_t align, phys_addr_t min_addr)
{
	return quarry_memblock_alloc_from(memblock_quarry(), size, align, min_addr);
}

static inline void *memblock_alloc_low(phys_addr_t size, phys_addr_t align)
{
	return quarry_memblock_alloc_low(memblock_quarry(), size, align);
}

static inline void *memblock_alloc_node(phys_addr_t size, phys_addr_t align, int nid)
{
	return quarry_memblock_alloc_node(memblock_quarry(), size, align, memblock_nid(nid));
}

/* 6.14 */
static inline void *memblock_alloc_or_panic(phys_addr_t size, phys_addr_t align)
{
	return quarry_memblock_alloc_or_panic(memblock_quarry(), size, align);
}

/* Questions. */

static inline phys_addr_t memblock_phys_mem_size(void)
{
	return quarry_memblock_phys_mem_size(memblock_quarry());
}

static inline phys_addr_t memblock_reserved_size(void)
{
	return quarry_memblock_reserved_size(memblock_quarry());
}

static inline phys_addr_t memblock_start_of_DRAM(void)
{
	return quarry_memblock_start_of_DRAM(memblock_quarry());
}

static inline phys_addr_t memblock_end_of_DRAM(void)
{
	return quarry_memblock_end_of_DRAM(memblock_quarry());
}

static inline bool memblock_is_memory(phys_addr_t addr)
{
	return quarry_memblock_is_memory(memblock_quarry(), addr);
}

static inline bool memblock_is_map_memory(phys_addr_t addr)
{
	return quarry_memblock_is_map_memory(memblock_quarry(), addr);
}

static inline bool memblock_is_region_memory(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_is_region_memory(memblock_quarry(), base, size);
}

static inline bool memblock_is_reserved(phys_addr_t addr)
{
	return quarry_memblock_is_reserved(memblock_quarry(), addr);
}

static inline bool memblock_is_region_reserved(phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_is_region_reserved(memblock_quarry(), base, size);
}

static inline unsigned long memblock_addrs_overlap(phys_addr_t base1, phys_addr_t size1,
						   phys_addr_t base2, phys_addr_t size2)
{
	return base1 < base2 + size2 && base2 < base1 + size1;
}

static inline bool memblock_overlaps_region(struct memblock_type *type, phys_addr_t base,
					    phys_addr_t size)
{
	return quarry_memblock_overlaps_region(type, base, size);
}

static inline int memblock_search_pfn_nid(unsigned long pfn, unsigned long *start_pfn,
					  unsigned long *end_pfn)
{
	pfn_t start, end;
	int nid = quarry_memblock_search_pfn_nid(memblock_quarry(), pfn, &start, &end);

	*start_pfn = (unsigned long)start;
	*end_pfn = (unsigned long)end;
	return nid;
}

/* reserve_mem=, 6.12 */

static inline int reserve_mem_find_by_name(const char *name, phys_addr_t *start, phys_addr_t *size)
{
	return quarry_memblock_reserve_mem_find(memblock_quarry(), name, start, size);
}

/* 6.15; 1: it was there. */
static inline int reserve_mem_release_by_name(const char *name)
{
	return quarry_memblock_reserve_mem_release(memblock_quarry(), name) == 0;
}

/* Iteration. */

static inline void __next_mem_range(u64 *idx, int nid, enum memblock_flags flags,
				    struct memblock_type *type_a, struct memblock_type *type_b,
				    phys_addr_t *out_start, phys_addr_t *out_end, int *out_nid)
{
	if (!quarry_memblock_next_range(memblock_quarry(), idx, memblock_nid(nid), flags, type_a,
					type_b, out_start, out_end, out_nid))
		*idx = ULLONG_MAX;
}

static inline void __next_mem_range_rev(u64 *idx, int nid, enum memblock_flags flags,
					struct memblock_type *type_a, struct memblock_type *type_b,
					phys_addr_t *out_start, phys_addr_t *out_end, int *out_nid)
{
	if (!quarry_memblock_next_range_rev(memblock_quarry(), idx, memblock_nid(nid), flags,
					    type_a, type_b, out_start, out_end, out_nid))
		*idx = ULLONG_MAX;
}

static inline void __next_mem_pfn_range(int *idx, int nid, unsigned long *out_start_pfn,
					unsigned long *out_end_pfn, int *out_nid)
{
	pfn_t start = 0, end = 0;

	if (!quarry_memblock_next_mem_pfn_range(memblock_quarry(), idx, memblock_nid(nid), &start,
						&end, out_nid)) {
		*idx = -1;
		return;
	}
	if (out_start_pfn != NULL)
		*out_start_pfn = (unsigned long)start;
	if (out_end_pfn != NULL)
		*out_end_pfn = (unsigned long)end;
}

#define __for_each_mem_range(i, type_a, type_b, nid, flags, p_start, p_end, p_nid)               \
	for ((i) = 0, __next_mem_range(&(i), nid, flags, type_a, type_b, p_start, p_end, p_nid); \
	     (i) != (u64)ULLONG_MAX;                                                             \
	     __next_mem_range(&(i), nid, flags, type_a, type_b, p_start, p_end, p_nid))

#define __for_each_mem_range_rev(i, type_a, type_b, nid, flags, p_start, p_end, p_nid)     \
	for ((i) = (u64)ULLONG_MAX,                                                        \
	    __next_mem_range_rev(&(i), nid, flags, type_a, type_b, p_start, p_end, p_nid); \
	     (i) != (u64)ULLONG_MAX;                                                       \
	     __next_mem_range_rev(&(i), nid, flags, type_a, type_b, p_start, p_end, p_nid))

#define for_each_mem_range(i, p_start, p_end)                         \
	__for_each_mem_range(i, &memblock.memory, NULL, NUMA_NO_NODE, \
			     MEMBLOCK_HOTPLUG | MEMBLOCK_DRIVER_MANAGED, p_start, p_end, NULL)

#define for_each_mem_range_rev(i, p_start, p_end)                         \
	__for_each_mem_range_rev(i, &memblock.memory, NULL, NUMA_NO_NODE, \
				 MEMBLOCK_HOTPLUG | MEMBLOCK_DRIVER_MANAGED, p_start, p_end, NULL)

#define for_each_reserved_mem_range(i, p_start, p_end)                                          \
	__for_each_mem_range(i, &memblock.reserved, NULL, NUMA_NO_NODE, MEMBLOCK_NONE, p_start, \
			     p_end, NULL)

#define for_each_free_mem_range(i, nid, flags, p_start, p_end, p_nid)                             \
	__for_each_mem_range(i, &memblock.memory, &memblock.reserved, nid, flags, p_start, p_end, \
			     p_nid)

#define for_each_free_mem_range_reverse(i, nid, flags, p_start, p_end, p_nid)                  \
	__for_each_mem_range_rev(i, &memblock.memory, &memblock.reserved, nid, flags, p_start, \
				 p_end, p_nid)

#define for_each_mem_pfn_range(i, nid, p_start, p_end, p_nid)                            \
	for ((i) = -1, __next_mem_pfn_range(&(i), nid, p_start, p_end, p_nid); (i) >= 0; \
	     __next_mem_pfn_range(&(i), nid, p_start, p_end, p_nid))

/* The next free pages of @zone's node, cut to what the zone spans. */
static inline void __next_mem_pfn_range_in_zone(u64 *idx, struct zone *zone,
						unsigned long *out_spfn, unsigned long *out_epfn)
{
	phys_addr_t start = 0, end = 0;
	unsigned long first, last;
	int nid = 0;

	for (;;) {
		__next_mem_range(idx, NUMA_NO_NODE, MEMBLOCK_NONE, &memblock.memory,
				 &memblock.reserved, &start, &end, &nid);
		if (*idx == ULLONG_MAX)
			return;
		first = PFN_UP(start) > zone->zone_start_pfn ? (unsigned long)PFN_UP(start)
							     : zone->zone_start_pfn;
		last = PFN_DOWN(end) < zone_end_pfn(zone) ? (unsigned long)PFN_DOWN(end)
							  : zone_end_pfn(zone);
		if ((numa_valid_node(nid) ? nid : 0) == zone->node && first < last)
			break;
	}
	if (out_spfn != NULL)
		*out_spfn = first;
	if (out_epfn != NULL)
		*out_epfn = last;
}

#define for_each_free_mem_pfn_range_in_zone(i, zone, p_start, p_end)            \
	for ((i) = 0, __next_mem_pfn_range_in_zone(&(i), zone, p_start, p_end); \
	     (i) != (u64)ULLONG_MAX; __next_mem_pfn_range_in_zone(&(i), zone, p_start, p_end))

#define for_each_free_mem_pfn_range_in_zone_from(i, zone, p_start, p_end) \
	for (; (i) != (u64)ULLONG_MAX; __next_mem_pfn_range_in_zone(&(i), zone, p_start, p_end))

#define for_each_mem_region(region)              \
	for ((region) = memblock.memory.regions; \
	     (region) < memblock.memory.regions + memblock.memory.cnt; (region)++)

#define for_each_reserved_mem_region(region)       \
	for ((region) = memblock.reserved.regions; \
	     (region) < memblock.reserved.regions + memblock.reserved.cnt; (region)++)

#define for_each_memblock_type(i, type, rgn)                          \
	for ((i) = 0, (rgn) = &(type)->regions[0]; (i) < (type)->cnt; \
	     (i)++, (rgn) = &(type)->regions[i])

/* 6.6 */
static inline bool memblock_has_mirror(void)
{
	return memblock.has_mirror;
}

/* 6.8: whether at most @threshold_bytes of memory belong to no node; says so if there are more. */
static inline bool memblock_validate_numa_coverage(unsigned long threshold_bytes)
{
	unsigned long start, end, pages = 0;
	int i, nid;

	for_each_mem_pfn_range(i, NUMA_NO_NODE, &start, &end, &nid) pages +=
		numa_valid_node(nid) ? 0 : end - start;
	if (PFN_PHYS(pages) <= threshold_bytes)
		return true;
	pr_err("NUMA: no nodes coverage for %luMB of %luMB RAM\n",
	       (unsigned long)(PFN_PHYS(pages) >> 20),
	       (unsigned long)(memblock_phys_mem_size() >> 20));
	return false;
}

static inline unsigned long memblock_region_memory_base_pfn(const struct memblock_region *reg)
{
	return (unsigned long)PFN_UP(reg->base);
}

static inline unsigned long memblock_region_memory_end_pfn(const struct memblock_region *reg)
{
	return (unsigned long)PFN_DOWN(reg->base + reg->size);
}

static inline unsigned long memblock_region_reserved_base_pfn(const struct memblock_region *reg)
{
	return (unsigned long)PFN_DOWN(reg->base);
}

static inline unsigned long memblock_region_reserved_end_pfn(const struct memblock_region *reg)
{
	return (unsigned long)PFN_UP(reg->base + reg->size);
}

/* Hand-off. */

/* Boots: sizes zones, hands over, starts slab. quarry_linux_params says how. */
static inline void memblock_free_all(void)
{
	quarry_linux_boot(false);
}

/* Reserved pages to the buddy system, after memblock_free_all(). Others are reported and left alone. */
static inline void memblock_free_late(phys_addr_t base, phys_addr_t size)
{
	(void)quarry_free_late(quarry_linux(), PFN_UP(base), PFN_DOWN(base + size));
}

/* The lists stay for questions; the arrays are not given back. */
static inline void memblock_discard(void)
{
}

#define HASH_EARLY \
	0x1 /* before the hand-off: from memblock, or bootmem if memblock knows no memory */
#define HASH_SMALL 0x2 /* *_hash_shift is the least */
#define HASH_ZERO 0x4  /* cleared */
/* Tables are not spread over nodes. */
#define HASHDIST_DEFAULT 0
#define hashdist 0

/*
 * A hash table sized by the memory there is: one bucket of @bucketsize bytes for each 2^@scale bytes
 * (a fourth of that each time memory passes 64 GiB, 256 GiB ... unless @high_limit is given), or
 * @numentries if that is not 0; a power of two, at least @low_limit, at most @high_limit or a sixteenth
 * of memory. Halved until there is room; panics if there is none for a page. Writes log2 of the
 * entries, and the entries less 1, where not NULL.
 */
void *alloc_large_system_hash(const char *tablename, unsigned long bucketsize,
			      unsigned long numentries, int scale, int flags,
			      unsigned int *_hash_shift, unsigned int *_hash_mask,
			      unsigned long low_limit, unsigned long high_limit);

/* Does what quarry_linux_memtest says, memtest= of the command line: nothing at first. */
static inline void early_memtest(phys_addr_t start, phys_addr_t end)
{
	(void)quarry_memblock_memtest(memblock_quarry(), start, end, quarry_linux_memtest);
}

#endif
