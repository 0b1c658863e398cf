/* SPDX-License-Identifier: MIT */
/* What the boot layer's files share, and what quarry_init() calls. */
#ifndef QUARRY_BOOT_INTERNAL_H
#define QUARRY_BOOT_INTERNAL_H

#include <base/bits.h>
#include <base/quarry_state.h>

/* An empty map, static arrays, top-down, no limit, no resizing. */
void memblock_init(struct quarry *q);

/* No node. */
#if !QUARRY_TINY
void bootmem_init(struct quarry *q);
#else
static inline void bootmem_init(struct quarry *q)
{
	(void)q;
}
#endif

/* Whether QUARRY_STAGE_BOOT is over; then logs that @who came too late. */
bool memblock_is_late(struct quarry *q, const char *who);

/* What the layers above give for a call that comes too late; NULL if nobody serves. */
void *memblock_late_alloc(struct quarry *q, size_t size, int nid);

/* bootmem_bits.c: the bits of a node that is open. Bit i is page node_min_pfn + i; 1 is reserved. */

/* All reserved. */
void bootmem_init_bits(struct quarry *q, bootmem_data_t *bdata);
/* The first bit of [@from, @to) that is @set; @to if there is none. */
pfn_t bootmem_next_bit(struct quarry *q, const bootmem_data_t *bdata, pfn_t from, pfn_t to,
		       bool set);
/* Sets or clears [@from, @to). */
void bootmem_fill_bits(struct quarry *q, bootmem_data_t *bdata, pfn_t from, pfn_t to, bool set);
/* For the validator: bits beyond the last page that are free, which none may be. */
unsigned int bootmem_free_padding(struct quarry *q, const bootmem_data_t *bdata);

/* memblock_bound.c: the longest free run. */

#if !QUARRY_TINY
/* Whether a request of @size for memory with @flags must fail, wherever it looks. */
bool memblock_bound_forbids(const struct memblock *mb, phys_addr_t size, uint32_t flags);
/* All ordinary memory was looked at: no free run is longer than @longest, which is not 0. */
void memblock_bound_learn(struct memblock *mb, phys_addr_t longest);
/* Around a change of the lists; what became free, or merged, lies in [@base, @end), empty if nothing. */
void memblock_bound_open(struct memblock *mb);
void memblock_bound_close(struct quarry *q, phys_addr_t base, phys_addr_t end);
/* Within a change: [@base, @end) became free. */
void memblock_bound_grow(struct quarry *q, phys_addr_t base, phys_addr_t end);
#else
static inline bool memblock_bound_forbids(const struct memblock *mb, phys_addr_t size,
					  uint32_t flags)
{
	(void)mb;
	(void)size;
	(void)flags;
	return false;
}

static inline void memblock_bound_learn(struct memblock *mb, phys_addr_t longest)
{
	(void)mb;
	(void)longest;
}

static inline void memblock_bound_open(struct memblock *mb)
{
	(void)mb;
}

static inline void memblock_bound_close(struct quarry *q, phys_addr_t base, phys_addr_t end)
{
	(void)q;
	(void)base;
	(void)end;
}

static inline void memblock_bound_grow(struct quarry *q, phys_addr_t base, phys_addr_t end)
{
	(void)q;
	(void)base;
	(void)end;
}
#endif

/* Makes both types empty, in the arrays of struct quarry. */
void memblock_use_static(struct memblock *mb);

/* quarry_memblock_reserve_node() with @flags. */
int memblock_reserve_flags(struct quarry *q, phys_addr_t base, phys_addr_t size, int nid,
			   uint32_t flags);

/* What an allocation asks of the memory it takes. */
static inline uint32_t memblock_choose_flags(const struct memblock *mb)
{
	if (mb->scratch_only)
		return MEMBLOCK_KHO_SCRATCH;
	return mb->has_mirror ? MEMBLOCK_MIRROR : MEMBLOCK_NONE;
}

/* Joins equal neighbours among the regions [first, last]; @last may lie beyond the array. */
void memblock_merge_regions(struct quarry *q, struct memblock_type *type, unsigned long first,
			    unsigned long last);

#define MEMBLOCK_ADDR_MAX (~(phys_addr_t)0)

/* Where the addresses end that a pointer can hold; on 64 bits no memory lies beyond. */
#define MEMBLOCK_REACH \
	(sizeof(void *) == 8 ? MEMBLOCK_ADDR_MAX : (phys_addr_t)1 << (8 * sizeof(void *) % 64))

static inline phys_addr_t memblock_region_end(const struct memblock_region *r)
{
	return r->base + r->size;
}

/* The last byte of the address space cannot be described: its end would wrap. */
static inline phys_addr_t memblock_cap_size(phys_addr_t base, phys_addr_t size)
{
	return quarry_min(size, MEMBLOCK_ADDR_MAX - base);
}

/* Whether every call is told in the log. */
static inline bool memblock_debug(const struct memblock *mb)
{
	return !QUARRY_TINY && mb->debug;
}

/* Regions in use, without the dummy of an empty type. */
static inline unsigned long memblock_nr(const struct memblock_type *type)
{
	return type->regions[0].size == 0 ? 0 : type->cnt;
}

static inline bool memblock_nid_ok(const struct memblock *mb, int nid)
{
	return (nid >= QUARRY_NO_NODE && nid < QUARRY_MAX_NODES) || nid == mb->no_nid;
}

/* Index of the first region that ends above @addr; the number of regions if there is none. */
static inline unsigned long memblock_lower_end(const struct memblock_type *type, phys_addr_t addr)
{
	unsigned long lo = 0, hi = memblock_nr(type);

	if (hi != 0 && memblock_region_end(&type->regions[hi - 1]) <= addr)
		return hi; /* in-order adds come here */
	while (lo < hi) {
		unsigned long mid = lo + (hi - lo) / 2;

		if (memblock_region_end(&type->regions[mid]) > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Index of the first region that begins at or above @addr, that is: how many begin below. */
static inline unsigned long memblock_lower_base(const struct memblock_type *type, phys_addr_t addr)
{
	unsigned long lo = 0, hi = memblock_nr(type);

	while (lo < hi) {
		unsigned long mid = lo + (hi - lo) / 2;

		if (type->regions[mid].base >= addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* The region that holds @addr, or NULL. */
static inline const struct memblock_region *memblock_search(const struct memblock_type *type,
							    phys_addr_t addr)
{
	unsigned long i = memblock_lower_end(type, addr);

	if (i < memblock_nr(type) && type->regions[i].base <= addr)
		return &type->regions[i];
	return NULL;
}

static inline phys_addr_t memblock_array_bytes(unsigned long max)
{
	return bits_align_up((phys_addr_t)max * sizeof(struct memblock_region), QUARRY_PAGE_SIZE);
}

/* Whether @type's array is the one inside struct memblock; a host may have put it back by hand. */
static inline bool memblock_is_static(const struct memblock *mb, const struct memblock_type *type)
{
	return type->regions == (type == &mb->memory ? mb->memory_init : mb->reserved_init);
}

static inline phys_addr_t *memblock_type_phys(struct memblock *mb, const struct memblock_type *type)
{
	return type == &mb->memory ? &mb->memory_phys : &mb->reserved_phys;
}

/* Where @type's array lies in managed memory; false if it does not. */
static inline bool memblock_array_range(struct memblock *mb, const struct memblock_type *type,
					phys_addr_t *start, phys_addr_t *end)
{
	*start = *memblock_type_phys(mb, type);
	*end = *start + memblock_array_bytes(type->max);
	return !QUARRY_TINY && *start != 0 && !memblock_is_static(mb, type);
}

#endif
