/* SPDX-License-Identifier: MIT */
/*
 * memblock: the boot allocator that keeps two sorted lists of regions, memory and reserved.
 *
 * Context of every call here: boot, one thread, QUARRY_STAGE_BOOT, unless a call says otherwise.
 * Addresses and sizes are bytes. Ranges are half-open.
 */
#ifndef QUARRY_MEMBLOCK_H
#define QUARRY_MEMBLOCK_H

#include <quarry/types.h>

/* Takes the free pages [start, end), at hand-off. May not call back into memblock or bootmem. */
typedef void (*quarry_give_fn)(struct quarry *q, pfn_t start, pfn_t end, void *arg);
/* Cleared memory from the layers above, for boot-allocator calls that come too late. */
typedef void *(*quarry_late_alloc_fn)(struct quarry *q, size_t size, int nid);
/* Takes back what a quarry_late_alloc_fn gave. */
typedef void (*quarry_late_free_fn)(struct quarry *q, void *p);

enum memblock_flags {
	MEMBLOCK_NONE = 0x0,
	MEMBLOCK_HOTPLUG = 0x1,        /* may be unplugged: boot allocations avoid it */
	MEMBLOCK_MIRROR = 0x2,         /* mirrored: preferred for boot allocations */
	MEMBLOCK_NOMAP = 0x4,          /* not in the direct map, never handed out */
	MEMBLOCK_DRIVER_MANAGED = 0x8, /* belongs to a driver, never handed out at boot */
	MEMBLOCK_RSRV_NOINIT = 0x10,   /* reserved only: Linux leaves its page descriptors alone */
	MEMBLOCK_RSRV_KERN = 0x20,     /* reserved only: for the kernel's own use */
	MEMBLOCK_KHO_SCRATCH = 0x40,   /* after a kexec handover the one place to allocate from */
	MEMBLOCK_RSRV_FIRMWARE = 0x80, /* reserved only: until quarry_firmware_release() */
};

struct memblock_region {
	phys_addr_t base;
	phys_addr_t size;
	uint32_t flags; /* enum memblock_flags */
	int32_t nid;    /* memblock.no_nid: none */
};

/* A sorted array of disjoint regions, neighbours merged. An empty one has a region of size 0, and cnt
 * 1 or 0: quarry_memblock_set_empty_cnt(). */
struct memblock_type {
	unsigned long cnt;      /* regions in use */
	unsigned long max;      /* size of the array */
	phys_addr_t total_size; /* sum of the sizes, exact */
	struct memblock_region *regions;
	const char *name;
};

#define QUARRY_RESERVE_MEM_MAX 8   /* named reservations */
#define QUARRY_RESERVE_MEM_NAME 16 /* bytes of a name, the 0 at its end included */

/* What one reserve_mem= asked for and got. */
struct memblock_reserve_mem {
	char name[QUARRY_RESERVE_MEM_NAME]; /* "": released */
	phys_addr_t start;
	phys_addr_t size;
};

/* The longest free run there can be, as long as the lists are as they were then: memblock_bound.c. */
struct memblock_bound {
	phys_addr_t longest; /* 0: not known */
	phys_addr_t total[2];
	unsigned long cnt[2];
	bool use_hotplug;
};

struct memblock {
	bool bottom_up; /* false: allocate from the top down, Linux's default on x86 */
	phys_addr_t current_limit;
	struct memblock_type memory;
	struct memblock_type reserved;
	/* private to memblock.c */
	bool can_resize;
	bool debug;
	bool use_hotplug;  /* movable_node is off: HOTPLUG memory is as good as other */
	uint8_t empty_cnt; /* cnt of an empty list */
	bool rsrv_kern;    /* allocations are flagged RSRV_KERN */
	bool scratch_only; /* allocations come from KHO_SCRATCH memory alone */
	int32_t no_nid;    /* nid of a region without a node, see QUARRY_MEMBLOCK_INIT_NID() */
	bool has_mirror;   /* some memory is mirrored: allocations prefer it (Linux:
			    system_has_some_mirror) */
	phys_addr_t memory_phys, reserved_phys; /* where a doubled array lies */
	struct memblock_bound bound;
	quarry_late_alloc_fn late_alloc; /* serve calls after hand-off, may be NULL */
	quarry_late_free_fn late_free;
#if !QUARRY_TINY
	struct memblock_reserve_mem reserve_mem[QUARRY_RESERVE_MEM_MAX];
	unsigned int nr_reserve_mem;
#endif
	struct memblock_region memory_init[QUARRY_MEMBLOCK_REGIONS];
	struct memblock_region reserved_init[QUARRY_MEMBLOCK_REGIONS];
};

#define MEMBLOCK_ALLOC_ANYWHERE (~(phys_addr_t)0)   /* up to the end of the address space */
#define MEMBLOCK_ALLOC_ACCESSIBLE ((phys_addr_t)0)  /* up to current_limit */
#define MEMBLOCK_ALLOC_NOLEAKTRACE ((phys_addr_t)1) /* the same: nothing is traced here */
#define MEMBLOCK_LOW_LIMIT ((phys_addr_t)0)
#define MEMBLOCK_LOW_ADDRESS_LIMIT ((phys_addr_t)0xffffffff) /* of quarry_memblock_alloc_low() */
#define MEMBLOCK_CACHE_LINE ((phys_addr_t)64)                /* stands for an alignment of 0 */
/* Of memory regions, and of reserved ones. */
#define MEMBLOCK_ALL_FLAGS                                                               \
	(MEMBLOCK_HOTPLUG | MEMBLOCK_MIRROR | MEMBLOCK_NOMAP | MEMBLOCK_DRIVER_MANAGED | \
	 MEMBLOCK_KHO_SCRATCH)
#define MEMBLOCK_ALL_RSRV_FLAGS (MEMBLOCK_RSRV_NOINIT | MEMBLOCK_RSRV_KERN | MEMBLOCK_RSRV_FIRMWARE)

/** quarry_memblock() - the lists and settings of @q, to read; write through the calls below.
 * Context: any. */
struct memblock *quarry_memblock(struct quarry *q);

/**
 * quarry_memblock_use() - keep the map in an object of the caller, who can then see and name it
 * @q:	memory system
 * @mb: begun with QUARRY_MEMBLOCK_INIT(), or in use already: what it holds is the map from now on;
 *	must outlive @q, and belongs to one system at a time
 *
 * Context: boot. Return: nothing.
 */
void quarry_memblock_use(struct quarry *q, struct memblock *mb);

/*
 * Describing the machine. Every call that changes a list returns 0; -QUARRY_EINVAL for a wrong node
 * number or flag, nothing changed; or -QUARRY_ENOMEM when the array is full and cannot be doubled,
 * the lists then cover what they covered. A size is cut at the end of the address space; size 0
 * does nothing. Each call is logged if debugging is on.
 */

/**
 * quarry_memblock_add() - tell of memory
 * @q:	  memory system
 * @base: first byte
 * @size: bytes; cut so that @base + @size does not wrap
 *
 * Only what no region covers yet is inserted, without a node; what is covered keeps node and flags.
 * Example: add [0, 4 KiB), then [0, 8 KiB): one region [0, 8 KiB).
 *
 * Context: boot. O(log regions) and a move of the regions above; O(1) when added in order.
 * Return:  0; -QUARRY_ENOMEM if the array is full, the list as it was.
 */
int quarry_memblock_add(struct quarry *q, phys_addr_t base, phys_addr_t size);

/** quarry_memblock_add_node() - quarry_memblock_add() to @q of @size bytes at @base, on node @nid
 * (or QUARRY_NO_NODE), with @flags. Errors as there; -QUARRY_EINVAL for a bad @nid or @flags. */
int quarry_memblock_add_node(struct quarry *q, phys_addr_t base, phys_addr_t size, int nid,
			     uint32_t flags);

/**
 * quarry_memblock_remove() - take memory out of the map
 * @q:	  memory system
 * @base: first byte
 * @size: bytes; cut at the end of the address space
 *
 * Parts that are not there are skipped. Reservations stay.
 *
 * Context: boot. O(log regions) and a move.
 * Return:  0; -QUARRY_ENOMEM if a region must be split and the array is full, nothing changed.
 */
int quarry_memblock_remove(struct quarry *q, phys_addr_t base, phys_addr_t size);

/** quarry_memblock_reserve() - keep @size bytes at @base of @q from being handed out, memory or
 * not. Context and errors as quarry_memblock_add(). */
int quarry_memblock_reserve(struct quarry *q, phys_addr_t base, phys_addr_t size);

/** quarry_memblock_reserve_node() - quarry_memblock_reserve() in @q of @size bytes at @base, noting
 * node @nid. Errors as quarry_memblock_add_node(). */
int quarry_memblock_reserve_node(struct quarry *q, phys_addr_t base, phys_addr_t size, int nid);

/** quarry_memblock_phys_free() - undo a reservation in @q of @size bytes at @base. Return: as
 * quarry_memblock_remove(); -QUARRY_EBUSY, reported, if memblock's own array lies there. */
int quarry_memblock_phys_free(struct quarry *q, phys_addr_t base, phys_addr_t size);

/** quarry_memblock_free() - quarry_memblock_phys_free() in @q of @size bytes at virtual address
 * @ptr; NULL does nothing. */
int quarry_memblock_free(struct quarry *q, void *ptr, size_t size);

/**
 * quarry_memblock_set_node() - say which node a range belongs to
 * @q:	  memory system
 * @base: first byte
 * @size: bytes
 * @type: &quarry_memblock(q)->memory or ->reserved
 * @nid:  node, or QUARRY_NO_NODE
 *
 * Splits regions at both ends, sets the node of those inside, merges again.
 *
 * Context: boot. O(regions inside) and a move.
 * Return:  0; -QUARRY_EINVAL for another type or a bad @nid; -QUARRY_ENOMEM if an end needs a split
 *	    and the array is full. Nothing changed on error.
 */
int quarry_memblock_set_node(struct quarry *q, phys_addr_t base, phys_addr_t size,
			     struct memblock_type *type, int nid);

/** quarry_memblock_mark_hotplug() - flag MEMBLOCK_HOTPLUG on memory of @q, @size bytes at @base.
 * Errors as quarry_memblock_set_node(). */
int quarry_memblock_mark_hotplug(struct quarry *q, phys_addr_t base, phys_addr_t size);
/** quarry_memblock_clear_hotplug() - the reverse, in @q, for @size bytes at @base. */
int quarry_memblock_clear_hotplug(struct quarry *q, phys_addr_t base, phys_addr_t size);
/** quarry_memblock_mark_mirror() - flag MEMBLOCK_MIRROR on memory of @q, @size bytes at @base; from
 * then on allocations try mirrored memory first. Errors as quarry_memblock_set_node(). */
int quarry_memblock_mark_mirror(struct quarry *q, phys_addr_t base, phys_addr_t size);
/** quarry_memblock_mark_nomap() - flag MEMBLOCK_NOMAP on memory of @q, @size bytes at @base. Errors
 * as quarry_memblock_set_node(). */
int quarry_memblock_mark_nomap(struct quarry *q, phys_addr_t base, phys_addr_t size);
/** quarry_memblock_clear_nomap() - the reverse, in @q, for @size bytes at @base. */
int quarry_memblock_clear_nomap(struct quarry *q, phys_addr_t base, phys_addr_t size);

/** quarry_memblock_reserved_mark_noinit() - flag MEMBLOCK_RSRV_NOINIT on what is reserved in @q of
 * the @size bytes at @base. For who reads the map: descriptors here are written when first used, so
 * nothing else depends on it. Errors as quarry_memblock_set_node(). */
int quarry_memblock_reserved_mark_noinit(struct quarry *q, phys_addr_t base, phys_addr_t size);

/** quarry_memblock_reserve_kern() - quarry_memblock_reserve() in @q of @size bytes at @base, flagged
 * MEMBLOCK_RSRV_KERN. Context and errors as there. */
int quarry_memblock_reserve_kern(struct quarry *q, phys_addr_t base, phys_addr_t size);

/** quarry_memblock_reserve_firmware() - quarry_memblock_reserve() in @q of @size bytes at @base, flagged
 * MEMBLOCK_RSRV_FIRMWARE: what a boot loader left, of use until the kernel stands on its own feet. Context
 * and errors as there. */
int quarry_memblock_reserve_firmware(struct quarry *q, phys_addr_t base, phys_addr_t size);

/** quarry_memblock_mark_kho_scratch() - flag MEMBLOCK_KHO_SCRATCH on memory of @q, @size bytes at
 * @base. Errors as quarry_memblock_set_node(). */
int quarry_memblock_mark_kho_scratch(struct quarry *q, phys_addr_t base, phys_addr_t size);
/** quarry_memblock_clear_kho_scratch() - the reverse, in @q, for @size bytes at @base. */
int quarry_memblock_clear_kho_scratch(struct quarry *q, phys_addr_t base, phys_addr_t size);

/* Named reservations: reserve_mem= of Linux's command line. */

/**
 * quarry_memblock_reserve_mem() - reserve memory under a name
 * @q:	   memory system
 * @size:  bytes
 * @align: of its address, a power of two; less than a cache line is taken as one
 * @name:  1 to QUARRY_RESERVE_MEM_NAME - 1 bytes, not digits alone; copied
 *
 * Context: boot. Return: 0; -QUARRY_EINVAL for a bad argument; -QUARRY_EEXIST if the name is taken;
 * -QUARRY_ENOSPC after QUARRY_RESERVE_MEM_MAX names; -QUARRY_ENOMEM if nothing fits. Nothing changed
 * on error.
 */
int quarry_memblock_reserve_mem(struct quarry *q, phys_addr_t size, phys_addr_t align,
				const char *name);

/** quarry_memblock_reserve_mem_param() - quarry_memblock_reserve_mem() in @q by @text, the parameter's
 * value: size:align:name, numbers decimal, 0 octal or 0x hex with K, M, G, T, P or E. Errors as there.
 * Example: "64M:4096:trace". */
int quarry_memblock_reserve_mem_param(struct quarry *q, const char *text);

/** quarry_memblock_reserve_mem_find() - whether @q has a reservation @name; its address and bytes go
 * to @start and @size. Context: any, while nobody changes it. */
bool quarry_memblock_reserve_mem_find(struct quarry *q, const char *name, phys_addr_t *start,
				      phys_addr_t *size);

/** quarry_memblock_reserve_mem_release() - drop the reservation @name of @q and its name. Context:
 * boot; after that the pages are the caller's to hand over, see quarry_memblock_free_late(). Return:
 * 0; -QUARRY_EINVAL: no such name; errors of quarry_memblock_phys_free(), nothing changed. */
int quarry_memblock_reserve_mem_release(struct quarry *q, const char *name);

/* Testing memory: memtest= of Linux's command line. Memory that the CPU cannot reach is not tested. */

/**
 * quarry_memblock_memtest() - write patterns to free memory, read them back, reserve what is bad
 * @q:	    memory system
 * @start:  lowest address
 * @end:    one past the last
 * @passes: how many patterns; 17 are different, the last one is all zeros
 *
 * Context: boot. Bad words are logged and reserved. O(passes * free bytes). Return: bytes reserved.
 */
phys_addr_t quarry_memblock_memtest(struct quarry *q, phys_addr_t start, phys_addr_t end,
				    unsigned int passes);
/** quarry_memblock_memtest_fill() - the first half of a pass: @pattern to free memory of @q from @start to
 * @end. Flush caches after it. */
void quarry_memblock_memtest_fill(struct quarry *q, phys_addr_t start, phys_addr_t end,
				  uint64_t pattern);
/** quarry_memblock_memtest_check() - the second half: what of free memory of @q from @start to @end is
 * not @pattern is logged and reserved. Return: bytes reserved. */
phys_addr_t quarry_memblock_memtest_check(struct quarry *q, phys_addr_t start, phys_addr_t end,
					  uint64_t pattern);

/* Settings. */

/** quarry_memblock_allow_resize() - from now on full arrays of @q are doubled, in free memory of
 * the map. Call it when the map is complete enough to allocate from. */
void quarry_memblock_allow_resize(struct quarry *q);
/** quarry_memblock_set_bottom_up() - @enable: allocations of @q take the lowest fit; else the
 * highest, the default. */
void quarry_memblock_set_bottom_up(struct quarry *q, bool enable);
/** quarry_memblock_bottom_up() - the direction of @q. */
bool quarry_memblock_bottom_up(struct quarry *q);
/** quarry_memblock_set_current_limit() - allocations of @q with no limit of their own end at
 * @limit, bytes. At start: MEMBLOCK_ALLOC_ANYWHERE. */
void quarry_memblock_set_current_limit(struct quarry *q, phys_addr_t limit);
/** quarry_memblock_get_current_limit() - the limit of @q. */
phys_addr_t quarry_memblock_get_current_limit(struct quarry *q);
/** quarry_memblock_set_movable_node() - @enable, the default: allocations of @q pass over HOTPLUG
 * memory, so that it can be unplugged; else they take it as any other, which is what Linux does
 * without movable_node. */
void quarry_memblock_set_movable_node(struct quarry *q, bool enable);
/** quarry_memblock_set_empty_cnt() - cnt of an empty list of @q is @cnt: 1, as in Linux before 6.10,
 * or 0, as since. At start: QUARRY_MEMBLOCK_EMPTY_CNT. -QUARRY_EINVAL for another @cnt. */
int quarry_memblock_set_empty_cnt(struct quarry *q, unsigned int cnt);
/** quarry_memblock_set_rsrv_kern() - @enable: what is allocated from @q from now on is reserved with
 * MEMBLOCK_RSRV_KERN and the node asked for, as Linux does since 6.16; else without, the default. */
void quarry_memblock_set_rsrv_kern(struct quarry *q, bool enable);
/**
 * quarry_memblock_set_unaccepted() - name memory that must be accepted before it is touched (TDX, SEV-SNP)
 * @q:	    memory system at QUARRY_STAGE_BOOT
 * @ranges: the caller's, in use until quarry_boot() has returned; may overlap. See quarry_firmware_efi_unaccepted()
 * @nr:	    how many; 0: all memory can be used
 *
 * From here on port.accept() is called for the pages of what memblock or bootmem gives, of memblock's own arrays and of
 * what memtest looks at; a request for what the port does not accept fails, as if there were no memory. quarry_boot() leaves
 * the rest unaccepted until it is wanted, as with quarry_boot_params.unaccepted, which takes the place of @ranges if it
 * names any. Memory that was given and came back is named again when it is wanted.
 *
 * Context: boot, one thread. Return: 0; -QUARRY_EINVAL: the port cannot accept, nothing changed.
 */
QUARRY_MUST_CHECK int quarry_memblock_set_unaccepted(struct quarry *q,
						     const struct quarry_range *ranges,
						     unsigned int nr);

/** quarry_memblock_set_kho_scratch_only() - @enable: allocations of @q, and memblock's own arrays, take
 * MEMBLOCK_KHO_SCRATCH memory and no other, until the hand-off: what the kernel before left elsewhere
 * is not known yet. */
void quarry_memblock_set_kho_scratch_only(struct quarry *q, bool enable);
/** quarry_memblock_set_debug() - @enable: log every call on @q, as memblock=debug does. */
void quarry_memblock_set_debug(struct quarry *q, bool enable);
/** quarry_memblock_dump_all() - log both lists of @q, if debugging is on. */
void quarry_memblock_dump_all(struct quarry *q);
/**
 * quarry_memblock_set_late_alloc() - who serves the boot allocators' callers when boot is over
 * @q:	   memory system
 * @alloc: gives cleared memory for memblock's and bootmem's virtual allocations, and for memblock's
 *	   own arrays if they must grow; NULL: such calls fail
 * @free:  takes back what @alloc gave
 *
 * Context: one thread. The start of the slab layer calls it.
 */
void quarry_memblock_set_late_alloc(struct quarry *q, quarry_late_alloc_fn alloc,
				    quarry_late_free_fn free);

/*
 * Allocation. Free is memory minus reserved. Regions flagged HOTPLUG, NOMAP or DRIVER_MANAGED are
 * passed over; mirrored memory is tried first if there is any, then all. The first page of the
 * address space is never given, so that 0 means failure. An alignment is a power of two in bytes; 0
 * means a cache line, with a warning. Size 0 fails.
 */

/**
 * quarry_memblock_find_in_range() - where a block would fit
 * @q:	   memory system
 * @start: lowest address
 * @end:   the block ends at or below this; MEMBLOCK_ALLOC_ACCESSIBLE: the current limit
 * @size:  bytes
 * @align: of its address
 *
 * Reserves nothing. The lowest fit if bottom-up, else the highest. Example: memory [0, 1 MiB) with
 * the last page reserved, size 4 KiB, align 4 KiB, top-down: 0xfe000.
 *
 * Context: boot. O(log regions) to start, then the gaps passed.
 * Return:  address, or 0 if nothing fits or an argument is wrong.
 */
QUARRY_MUST_CHECK phys_addr_t quarry_memblock_find_in_range(struct quarry *q, phys_addr_t start,
							    phys_addr_t end, phys_addr_t size,
							    phys_addr_t align);

/** quarry_memblock_find_in_range_node() - quarry_memblock_find_in_range() in @q of @size aligned to
 * @align between @start and @end, on node @nid only (QUARRY_NO_NODE: any), without the preference
 * for mirrored memory unless @flags asks for it. */
QUARRY_MUST_CHECK phys_addr_t quarry_memblock_find_in_range_node(struct quarry *q, phys_addr_t size,
								 phys_addr_t align,
								 phys_addr_t start, phys_addr_t end,
								 int nid, uint32_t flags);

/**
 * quarry_memblock_phys_alloc_range() - find and reserve
 * @q:	   memory system
 * @size:  bytes
 * @align: of its address
 * @start: lowest address
 * @end:   the block ends at or below this; MEMBLOCK_ALLOC_ACCESSIBLE: the current limit
 *
 * Contents are as they are. Context: boot.
 * Return: physical address; 0 if nothing fits, the array is full, or boot is over; nothing
 * reserved.
 */
QUARRY_MUST_CHECK phys_addr_t quarry_memblock_phys_alloc_range(struct quarry *q, phys_addr_t size,
							       phys_addr_t align, phys_addr_t start,
							       phys_addr_t end);

/** quarry_memblock_phys_alloc_try_nid() - quarry_memblock_phys_alloc_range() of @q, @size and
 * @align, anywhere below the current limit: on node @nid, else on any. */
QUARRY_MUST_CHECK phys_addr_t quarry_memblock_phys_alloc_try_nid(struct quarry *q, phys_addr_t size,
								 phys_addr_t align, int nid);

/** quarry_memblock_alloc_range_nid() - quarry_memblock_phys_alloc_range() of @q, @size, @align, @start and
 * @end on node @nid; unless @exact_nid, else on any. */
QUARRY_MUST_CHECK phys_addr_t quarry_memblock_alloc_range_nid(struct quarry *q, phys_addr_t size,
							      phys_addr_t align, phys_addr_t start,
							      phys_addr_t end, int nid,
							      bool exact_nid);

/** quarry_memblock_phys_alloc() - quarry_memblock_phys_alloc_range() of @q, @size and @align
 * without bounds. */
QUARRY_MUST_CHECK static inline phys_addr_t quarry_memblock_phys_alloc(struct quarry *q,
								       phys_addr_t size,
								       phys_addr_t align)
{
	return quarry_memblock_phys_alloc_range(q, size, align, 0, MEMBLOCK_ALLOC_ACCESSIBLE);
}

/**
 * quarry_memblock_alloc_try_nid() - allocate, cleared, with an address
 * @q:	      memory system
 * @size:     bytes
 * @align:    of its physical address
 * @min_addr: preferred lowest physical address
 * @max_addr: it ends at or below this; MEMBLOCK_ALLOC_ACCESSIBLE: the current limit, which bounds
 *	      other values too
 * @nid:      preferred node, or QUARRY_NO_NODE
 *
 * Tries the node above @min_addr, then any node, then both again without @min_addr. Cleared unless
 * the port says no_access. Once boot is over the late allocator serves it, with a warning.
 *
 * Context: boot. Return: the block; NULL if nothing fits, nothing reserved.
 */
QUARRY_MUST_CHECK void *quarry_memblock_alloc_try_nid(struct quarry *q, phys_addr_t size,
						      phys_addr_t align, phys_addr_t min_addr,
						      phys_addr_t max_addr, int nid);

/** quarry_memblock_alloc_try_nid_raw() - quarry_memblock_alloc_try_nid() of @q, @size, @align,
 * @min_addr, @max_addr and @nid, contents as they are. */
QUARRY_MUST_CHECK void *quarry_memblock_alloc_try_nid_raw(struct quarry *q, phys_addr_t size,
							  phys_addr_t align, phys_addr_t min_addr,
							  phys_addr_t max_addr, int nid);

/** quarry_memblock_alloc_exact_nid_raw() - quarry_memblock_alloc_try_nid_raw() of @q, @size,
 * @align, @min_addr and @max_addr, on @nid or not at all. */
QUARRY_MUST_CHECK void *quarry_memblock_alloc_exact_nid_raw(struct quarry *q, phys_addr_t size,
							    phys_addr_t align, phys_addr_t min_addr,
							    phys_addr_t max_addr, int nid);

/** quarry_memblock_alloc() - @size bytes of @q aligned to @align, cleared, anywhere below the
 * current limit; NULL if there are none. */
QUARRY_MUST_CHECK static inline void *quarry_memblock_alloc(struct quarry *q, phys_addr_t size,
							    phys_addr_t align)
{
	return quarry_memblock_alloc_try_nid(q, size, align, MEMBLOCK_LOW_LIMIT,
					     MEMBLOCK_ALLOC_ACCESSIBLE, QUARRY_NO_NODE);
}

/** quarry_memblock_alloc_raw() - quarry_memblock_alloc() of @q, @size and @align, contents as they
 * are. */
QUARRY_MUST_CHECK static inline void *quarry_memblock_alloc_raw(struct quarry *q, phys_addr_t size,
								phys_addr_t align)
{
	return quarry_memblock_alloc_try_nid_raw(q, size, align, MEMBLOCK_LOW_LIMIT,
						 MEMBLOCK_ALLOC_ACCESSIBLE, QUARRY_NO_NODE);
}

/** quarry_memblock_alloc_from() - quarry_memblock_alloc() of @q, @size and @align, at or above
 * @min_addr if that is possible. */
QUARRY_MUST_CHECK static inline void *quarry_memblock_alloc_from(struct quarry *q, phys_addr_t size,
								 phys_addr_t align,
								 phys_addr_t min_addr)
{
	return quarry_memblock_alloc_try_nid(q, size, align, min_addr, MEMBLOCK_ALLOC_ACCESSIBLE,
					     QUARRY_NO_NODE);
}

/** quarry_memblock_alloc_low() - quarry_memblock_alloc() of @q, @size and @align, below 4 GiB. */
QUARRY_MUST_CHECK static inline void *quarry_memblock_alloc_low(struct quarry *q, phys_addr_t size,
								phys_addr_t align)
{
	return quarry_memblock_alloc_try_nid(q, size, align, MEMBLOCK_LOW_LIMIT,
					     MEMBLOCK_LOW_ADDRESS_LIMIT, QUARRY_NO_NODE);
}

/** quarry_memblock_alloc_node() - quarry_memblock_alloc() of @q, @size and @align, on node @nid if
 * it has room. */
QUARRY_MUST_CHECK static inline void *quarry_memblock_alloc_node(struct quarry *q, phys_addr_t size,
								 phys_addr_t align, int nid)
{
	return quarry_memblock_alloc_try_nid(q, size, align, MEMBLOCK_LOW_LIMIT,
					     MEMBLOCK_ALLOC_ACCESSIBLE, nid);
}

/** quarry_memblock_alloc_or_panic() - quarry_memblock_alloc() of @q, @size and @align that panics
 * instead of failing. */
void *quarry_memblock_alloc_or_panic(struct quarry *q, phys_addr_t size, phys_addr_t align);

/* Limits. Sizes and addresses are bytes; the calls return 0 or an error of
 * quarry_memblock_remove(). */

/** quarry_memblock_enforce_memory_limit() - drop from @q the highest memory, until @limit bytes are
 * left, and all reservations above; 0 or more than there is: nothing. */
int quarry_memblock_enforce_memory_limit(struct quarry *q, phys_addr_t limit);
/** quarry_memblock_cap_memory_range() - drop from @q all memory outside @size bytes at @base, NOMAP
 * regions excepted, and all reservations outside. */
int quarry_memblock_cap_memory_range(struct quarry *q, phys_addr_t base, phys_addr_t size);
/** quarry_memblock_mem_limit_remove_map() - quarry_memblock_enforce_memory_limit() of @q to @limit
 * that keeps NOMAP regions. */
int quarry_memblock_mem_limit_remove_map(struct quarry *q, phys_addr_t limit);
/** quarry_memblock_trim_memory() - shrink each memory region of @q to whole multiples of @align, a
 * power of two; drop those that vanish. -QUARRY_EINVAL for another @align. */
int quarry_memblock_trim_memory(struct quarry *q, phys_addr_t align);

/* Questions. Context: any, while nobody changes the lists. By binary search, O(log regions). */

/** quarry_memblock_phys_mem_size() - bytes of memory in @q, NOMAP included. */
phys_addr_t quarry_memblock_phys_mem_size(struct quarry *q);
/** quarry_memblock_reserved_size() - bytes reserved in @q. */
phys_addr_t quarry_memblock_reserved_size(struct quarry *q);
/** quarry_memblock_reserved_kern_size() - bytes of @q reserved with MEMBLOCK_RSRV_KERN below @limit, on
 * node @nid (QUARRY_NO_NODE: anywhere). */
phys_addr_t quarry_memblock_reserved_kern_size(struct quarry *q, phys_addr_t limit, int nid);
/** quarry_memblock_start_of_DRAM() - lowest address of memory in @q; 0 if there is none. */
phys_addr_t quarry_memblock_start_of_DRAM(struct quarry *q);
/** quarry_memblock_end_of_DRAM() - end of the highest memory in @q; 0 if there is none. */
phys_addr_t quarry_memblock_end_of_DRAM(struct quarry *q);
/** quarry_memblock_is_memory() - whether @addr is memory of @q. */
bool quarry_memblock_is_memory(struct quarry *q, phys_addr_t addr);
/** quarry_memblock_is_map_memory() - whether @addr is memory of @q and not NOMAP. */
bool quarry_memblock_is_map_memory(struct quarry *q, phys_addr_t addr);
/** quarry_memblock_is_reserved() - whether @addr is reserved in @q. */
bool quarry_memblock_is_reserved(struct quarry *q, phys_addr_t addr);
/** quarry_memblock_is_region_memory() - whether one memory region of @q holds all @size bytes at
 * @base. */
bool quarry_memblock_is_region_memory(struct quarry *q, phys_addr_t base, phys_addr_t size);
/** quarry_memblock_is_region_reserved() - whether any of @size bytes at @base is reserved in @q. */
bool quarry_memblock_is_region_reserved(struct quarry *q, phys_addr_t base, phys_addr_t size);
/** quarry_memblock_overlaps_region() - whether a region of @type meets @size bytes at @base. */
bool quarry_memblock_overlaps_region(const struct memblock_type *type, phys_addr_t base,
				     phys_addr_t size);
/** quarry_memblock_search_pfn_nid() - node of the memory region of @q with page @pfn,
 * QUARRY_NO_NODE if it has none or there is none; its whole pages go to @start_pfn and @end_pfn,
 * both 0 if there is none. */
int quarry_memblock_search_pfn_nid(struct quarry *q, pfn_t pfn, pfn_t *start_pfn, pfn_t *end_pfn);

/*
 * Iteration. The cursor packs the index into the first list (low half) and into the second (high
 * half). The lists may not change on the way. Any p_* may be NULL.
 */

/**
 * quarry_memblock_next_range() - next range of @type_a that is not in @type_b, upwards
 * @q:       memory system
 * @idx:     cursor, 0 to start
 * @nid:     only memory of this node; QUARRY_NO_NODE: any
 * @flags:   HOTPLUG, NOMAP, DRIVER_MANAGED: take such memory too; MIRROR: take nothing else
 * @type_a:  list to walk; @nid and @flags count only if it is the memory list
 * @type_b:  list to leave out, or NULL
 * @p_start: first byte
 * @p_end:   one past the last
 * @p_nid:   node of the region
 *
 * Context: boot. O(1) amortised. Return: whether there was one.
 */
bool quarry_memblock_next_range(struct quarry *q, uint64_t *idx, int nid, uint32_t flags,
				const struct memblock_type *type_a,
				const struct memblock_type *type_b, phys_addr_t *p_start,
				phys_addr_t *p_end, int *p_nid);

/** quarry_memblock_next_range_rev() - quarry_memblock_next_range() of @q: @type_a without @type_b
 * by @nid and @flags into @p_start, @p_end, @p_nid, downwards; @idx starts at UINT64_MAX. */
bool quarry_memblock_next_range_rev(struct quarry *q, uint64_t *idx, int nid, uint32_t flags,
				    const struct memblock_type *type_a,
				    const struct memblock_type *type_b, phys_addr_t *p_start,
				    phys_addr_t *p_end, int *p_nid);

/** quarry_memblock_next_mem_pfn_range() - next memory region of @q, on node @nid (QUARRY_NO_NODE:
 * any), that holds a whole page: pages to @p_start and @p_end, node to @p_nid. @idx starts at -1.
 * Return: whether there was one. Skips no flags. */
bool quarry_memblock_next_mem_pfn_range(struct quarry *q, int *idx, int nid, pfn_t *p_start,
					pfn_t *p_end, int *p_nid);

/* Memory, upwards; all but NOMAP. i is a uint64_t. */
#define quarry_for_each_mem_range(q, i, p_start, p_end)                                     \
	for ((i) = 0; quarry_memblock_next_range(                                           \
		     (q), &(i), QUARRY_NO_NODE, MEMBLOCK_HOTPLUG | MEMBLOCK_DRIVER_MANAGED, \
		     &quarry_memblock(q)->memory, NULL, (p_start), (p_end), NULL);)
/* The same, downwards. */
#define quarry_for_each_mem_range_rev(q, i, p_start, p_end)                                 \
	for ((i) = UINT64_MAX; quarry_memblock_next_range_rev(                              \
		     (q), &(i), QUARRY_NO_NODE, MEMBLOCK_HOTPLUG | MEMBLOCK_DRIVER_MANAGED, \
		     &quarry_memblock(q)->memory, NULL, (p_start), (p_end), NULL);)
/* Reservations, upwards. */
#define quarry_for_each_reserved_mem_range(q, i, p_start, p_end)                                 \
	for ((i) = 0; quarry_memblock_next_range((q), &(i), QUARRY_NO_NODE, MEMBLOCK_NONE,       \
						 &quarry_memblock(q)->reserved, NULL, (p_start), \
						 (p_end), NULL);)
/* Memory minus reserved, upwards, by node and flags. */
#define quarry_for_each_free_mem_range(q, i, nid, flags, p_start, p_end, p_nid) \
	for ((i) = 0; quarry_memblock_next_range(                               \
		     (q), &(i), (nid), (flags), &quarry_memblock(q)->memory,    \
		     &quarry_memblock(q)->reserved, (p_start), (p_end), (p_nid));)
/* The same, downwards. */
#define quarry_for_each_free_mem_range_reverse(q, i, nid, flags, p_start, p_end, p_nid) \
	for ((i) = UINT64_MAX; quarry_memblock_next_range_rev(                          \
		     (q), &(i), (nid), (flags), &quarry_memblock(q)->memory,            \
		     &quarry_memblock(q)->reserved, (p_start), (p_end), (p_nid));)
/* Memory regions in pages, with their nodes. i is an int. */
#define quarry_for_each_mem_pfn_range(q, i, nid, p_start, p_end, p_nid) \
	for ((i) = -1;                                                  \
	     quarry_memblock_next_mem_pfn_range((q), &(i), (nid), (p_start), (p_end), (p_nid));)

/* Hand-off. */

/**
 * quarry_memblock_free_all() - hand all free memory to the page allocator
 * @q:	  memory system
 * @give: called once for each free range, ascending, rounded inward to whole pages
 * @arg:  passed to @give
 *
 * Free is memory minus reserved, without NOMAP and DRIVER_MANAGED regions; HOTPLUG flags are
 * cleared first, so such memory is given too. A range never spans two memory regions. The lists
 * stay.
 *
 * Context: boot, once. O(regions). Return: pages given.
 */
unsigned long quarry_memblock_free_all(struct quarry *q, quarry_give_fn give, void *arg);

/**
 * quarry_memblock_discard() - forget the map and give back doubled arrays
 * @q:	  memory system
 * @give: called for each page range that held an array and is memory; NULL: they are dropped
 * @arg:  passed to @give
 *
 * Both lists are empty afterwards. Skip it to keep the map for questions.
 *
 * Context: after quarry_memblock_free_all(). Return: pages given.
 */
unsigned long quarry_memblock_discard(struct quarry *q, quarry_give_fn give, void *arg);

/** quarry_memblock_free_late() - give the whole pages of @size bytes at @base of @q, reserved until
 * now, to @give with @arg. Context: after hand-off. Return: pages given; the lists stay. */
unsigned long quarry_memblock_free_late(struct quarry *q, phys_addr_t base, phys_addr_t size,
					quarry_give_fn give, void *arg);

/* An empty map: initialiser of the object @mb of type struct memblock. */
#define QUARRY_MEMBLOCK_INIT(mb) QUARRY_MEMBLOCK_INIT_NID(mb, QUARRY_NO_NODE)
/* The same; @none is the nid of regions without a node: QUARRY_NO_NODE, or QUARRY_MAX_NODES as in Linux
 * before 6.11. */
#define QUARRY_MEMBLOCK_INIT_NID(mb, none)                                                        \
	{                                                                                         \
		.current_limit = MEMBLOCK_ALLOC_ANYWHERE, .empty_cnt = QUARRY_MEMBLOCK_EMPTY_CNT, \
		.memory = {.cnt = QUARRY_MEMBLOCK_EMPTY_CNT,                                      \
			   .max = QUARRY_MEMBLOCK_REGIONS,                                        \
			   .regions = (mb).memory_init,                                           \
			   .name = "memory"},                                                     \
		.reserved = {.cnt = QUARRY_MEMBLOCK_EMPTY_CNT,                                    \
			     .max = QUARRY_MEMBLOCK_REGIONS,                                      \
			     .regions = (mb).reserved_init,                                       \
			     .name = "reserved"},                                                 \
		.no_nid = (none), .memory_init = {{.nid = (none)}},                               \
		.reserved_init = {{.nid = (none)}},                                               \
	}

#endif
