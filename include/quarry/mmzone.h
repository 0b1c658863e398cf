/* SPDX-License-Identifier: MIT */
/* Zones, nodes, watermarks, migratetypes, and how a machine is booted. */
#ifndef QUARRY_MMZONE_H
#define QUARRY_MMZONE_H

#include <quarry/gfp.h>
#include <quarry/types.h>

enum quarry_zone_type {
	QUARRY_ZONE_DMA,     /* below 16 MiB */
	QUARRY_ZONE_DMA32,   /* below 4 GiB */
	QUARRY_ZONE_NORMAL,  /* the rest */
	QUARRY_ZONE_MOVABLE, /* only movable pages: kernelcore=, movablecore= */
	QUARRY_ZONE_DEVICE,  /* never populated by boot; keeps Linux's columns */
	QUARRY_NR_ZONES
};

enum quarry_migratetype {
	QUARRY_MIGRATE_UNMOVABLE,
	QUARRY_MIGRATE_MOVABLE,
	QUARRY_MIGRATE_RECLAIMABLE,
	QUARRY_MIGRATE_PCPTYPES, /* the types above are cached per CPU */
	QUARRY_MIGRATE_HIGHATOMIC = QUARRY_MIGRATE_PCPTYPES,
	QUARRY_MIGRATE_CMA,
	QUARRY_MIGRATE_ISOLATE,
	QUARRY_MIGRATE_TYPES
};

enum quarry_watermark {
	QUARRY_WMARK_MIN,
	QUARRY_WMARK_LOW,
	QUARRY_WMARK_HIGH,
	QUARRY_WMARK_PROMO,
	QUARRY_NR_WMARK
};

/**
 * struct quarry_boot_params - how to turn memblock's or bootmem's memory into zones
 * @nr_cpus:		CPUs present, 1..QUARRY_MAX_CPUS; 0: one
 * @nr_possible_cpus:	CPUs that could be added, which Linux takes for slab orders when only one is
 *			present; 0: @nr_cpus
 * @cpu_node:		node of each CPU, nr_cpus entries; NULL: CPUs go round the nodes in blocks
 * @node_cpus:		CPUs by which each node's pagesets are sized, QUARRY_MAX_NODES entries; NULL:
 *			those of @cpu_node. Differs on Linux's fake nodes, which share a real node's CPUs
 * @distance:		nr_nodes x nr_nodes distances, row by row, 10 = local; NULL: 10 and 20
 * @nr_nodes:		rows of @distance; also, how many nodes there are at least, with or without memory
 * @possible_nodes:	a bit for each node that can be, if not all below @nr_nodes can (Linux:
 *			node_possible_map); those of memory and of CPUs count anyhow. Others have no zonelist, and
 *			get no memory at run time; 0: all below @nr_nodes
 * @bootmem:		hand over from bootmem instead of memblock
 * @dma_limit:		end of ZONE_DMA in bytes; 0: 16 MiB; ~0: there is no ZONE_DMA
 * @dma32_limit:	end of ZONE_DMA32 in bytes; 0: 4 GiB; ~0: there is no ZONE_DMA32
 * @kernelcore:		bytes that stay non-movable, spread over the nodes; 0: all
 * @movablecore:	bytes that become ZONE_MOVABLE; 0: none; kernelcore wins by the larger demand
 * @kernelcore_mirror:	ZONE_MOVABLE is the memory above 4 GiB that is not MEMBLOCK_MIRROR, in each node
 *			from the lowest such on; Normal and Movable may then overlap in what they span.
 *			@kernelcore and @movablecore are not looked at. Without mirrored memory all
 *			above 4 GiB is movable, as in Linux 6.1 (since 6.6 it is then not looked at)
 * @movable_node:	ZONE_MOVABLE of a node begins at its lowest MEMBLOCK_HOTPLUG memory; @kernelcore,
 *			@movablecore and the start by @kernelcore_mirror are not looked at
 * @min_free_kbytes:	0: Linux's formula, unless @set_min_free_kbytes; else it is taken as it is
 * @set_min_free_kbytes: take @min_free_kbytes as it is, even 0: zones then have a min of 0
 * @watermark_scale_factor: in 1/10000 of a zone; 0: 10
 * @lowmem_reserve_ratio: for DMA, DMA32, NORMAL, MOVABLE; used when @set_lowmem_reserve_ratio
 * @set_lowmem_reserve_ratio: false: 256, 256, 32, 0
 * @max_hotplug_phys:	end in bytes of the memory that may be added at run time, for which tables get
 *			room; 0: none. Some 320 bytes for each 128 MiB below it
 * @unaccepted:		memory that must be accepted by the port before it is touched, @nr_unaccepted
 *			entries. What is reserved by then counts as accepted by who reserved it
 * @nr_unaccepted:	0: all memory can be used
 * @no_thp:		do not raise min_free_kbytes as Linux's huge-page daemon does at start; it then
 *			computes it anew
 * @no_grouping:	migratetypes are not told apart: every page is unmovable, as Linux does it where there is
 *			too little memory
 * @one_home:		all CPUs look for movable pages from a zone's first arena on, in place of one of their own
 * @slab_min_order:	lowest order of slabs, up to 3 (Linux: slab_min_order); 0: none
 * @slab_max_order:	highest order of slabs of objects that need no larger one, 1..5; 0: 3
 *			(Linux: slab_max_order)
 * @slab_min_objects:	objects that a slab should have; 0: by the number of CPUs (Linux: slab_min_objects)
 * @sheaf_objects:	objects that a CPU's sheaf should hold at least, of caches that do not say; the smallest
 *			of the sizes 4, 12, 28, 60, 124, 252, 508 is taken; 0: by the size of objects
 * @slab_free_limit:	a free gives empty slabs back while a node has more free objects of the cache in its
 *			slabs than a batch for each of its CPUs, one more, and a slab: as SLAB did it; false: by
 *			the number of partial slabs, as SLUB does it
 * @slab_colour:	first objects of following slabs begin one cache line further each, as far as a slab has
 *			bytes left over: as SLAB did it. Frees to such caches take a longer way
 * @slab_nomerge:	caches are not merged (Linux: slab_nomerge)
 * @random_kmalloc_seed: other than 0: 16 copies of kmalloc's normal caches, "kmalloc-64" and
 *			"kmalloc-rnd-01-64" to "-15-", and a hash of call site and seed says which a request
 *			uses (Linux: CONFIG_RANDOM_KMALLOC_CACHES); kmalloc then goes a longer way
 */
struct quarry_boot_params {
	unsigned int nr_cpus;
	unsigned int nr_possible_cpus;
	const int *cpu_node;
	const unsigned int *node_cpus;
	const uint8_t *distance;
	unsigned int nr_nodes;
	uint64_t possible_nodes;
	bool bootmem;
	phys_addr_t dma_limit;
	phys_addr_t dma32_limit;
	phys_addr_t kernelcore;
	phys_addr_t movablecore;
	bool kernelcore_mirror;
	bool movable_node;
	unsigned long min_free_kbytes;
	bool set_min_free_kbytes;
	unsigned int watermark_scale_factor;
	unsigned int lowmem_reserve_ratio[4];
	bool set_lowmem_reserve_ratio;
	phys_addr_t max_hotplug_phys;
	const struct quarry_range *unaccepted;
	unsigned int nr_unaccepted;
	bool no_thp;
	bool no_grouping;
	bool one_home;
	unsigned int slab_min_order, slab_max_order, slab_min_objects;
	unsigned int sheaf_objects;
	bool slab_free_limit, slab_colour, slab_nomerge;
	uint64_t random_kmalloc_seed;
};

/* What a zone looks like now. Counts are pages. */
struct quarry_zone_info {
	const char *name; /* "DMA", "DMA32", "Normal", "Movable", "Device" */
	pfn_t start_pfn;
	unsigned long spanned;         /* end - start, holes included */
	unsigned long present;         /* RAM */
	unsigned long managed;         /* handed to the page allocator */
	unsigned long free;            /* in the buddy system, isolated ones not counted */
	unsigned long isolated;        /* in the buddy system, but isolated */
	unsigned long unaccepted;      /* managed, not free: to be accepted before use */
	unsigned long pcp;             /* in per-CPU sheaves */
	unsigned long free_highatomic; /* of the free, reserved for orders > 0 that cannot wait */
	unsigned long free_cma;        /* of the free, in CMA areas: for movable blocks */
	unsigned long cma;             /* in CMA areas, used or free (Linux's "cma" in zoneinfo) */
	unsigned long boost;           /* what mixing types has added to the watermarks */
	unsigned long wmark[QUARRY_NR_WMARK]; /* boost included, as in /proc/zoneinfo */
	unsigned long lowmem_reserve[QUARRY_NR_ZONES];
	unsigned long pcp_high; /* Linux's pageset limits, which bound the sheaves' batches */
	unsigned long pcp_batch;
	unsigned long nr_free[QUARRY_NR_ORDERS]; /* free blocks: maximal aligned runs */
	unsigned long nr_free_type[QUARRY_MIGRATE_TYPES][QUARRY_NR_ORDERS];
	unsigned long nr_pageblocks[QUARRY_MIGRATE_TYPES];
	unsigned long nr_arenas, nr_virgin_arenas;
	uint64_t contended; /* how often a lock of one of the arenas was found taken, since boot */
};

/* One place of a zonelist. */
struct quarry_zoneref {
	int nid;
	enum quarry_zone_type zone;
};

/* What the page allocator knows about the whole machine. */
struct quarry_totals {
	unsigned long present, managed, free, pcp; /* pages */
	unsigned long min_free_kbytes;
	unsigned long totalreserve; /* pages that ordinary requests can never have */
	int nr_nodes;               /* highest node number + 1 */
	unsigned int nr_cpus;       /* online */
	size_t meta_bytes;          /* bytes of Quarry's own tables now */
	/* events since boot */
	uint64_t pgalloc, pgfree;        /* pages */
	uint64_t allocs, frees, refused; /* calls */
	uint64_t fallback_claimed;       /* pageblocks that changed their type */
	uint64_t fallback_stolen;        /* blocks taken from a pageblock of another type */
};

/**
 * quarry_boot() - size zones, build tables, hand all free memory to the page allocator, start slab
 * @q:		memory system at QUARRY_STAGE_BOOT, its memory and reservations known to memblock
 *		(and, with @params->bootmem, its free pages to bootmem)
 * @params:	NULL: all defaults
 *
 * Context: boot, one thread. O(regions + arenas + pageblocks that are not wholly free).
 * Return:  0, now at QUARRY_STAGE_SLAB; -QUARRY_EINVAL: a parameter is out of range or there is no
 *	    memory, nothing changed; -QUARRY_ENOMEM: no room for tables, @q can only be thrown away.
 */
QUARRY_MUST_CHECK int quarry_boot(struct quarry *q, const struct quarry_boot_params *params);

/**
 * quarry_zone_info() - describe a zone
 * @q:	  memory system, booted
 * @nid:  node
 * @zone: zone type
 * @info: filled in
 *
 * Context: any but interrupt; takes each arena's lock in turn. O(pageblocks touched so far).
 * Return:  true; false if the node or the zone has no pages (@info then holds zeros and the name).
 */
bool quarry_zone_info(struct quarry *q, int nid, enum quarry_zone_type zone,
		      struct quarry_zone_info *info);

/**
 * quarry_zonelist() - the zones that a request on @nid tries, in order
 * @q:	  memory system, booted
 * @nid:  preferred node
 * @this_node_only: the list for __GFP_THISNODE
 * @refs: room for @max entries
 * @max:  entries of @refs
 *
 * Context: any. Return: entries in the whole list, which may exceed @max.
 */
unsigned int quarry_zonelist(struct quarry *q, int nid, bool this_node_only,
			     struct quarry_zoneref *refs, unsigned int max);

/** quarry_node_present() - whether node @nid of @q has memory. Context: any, booted. */
bool quarry_node_present(struct quarry *q, int nid);

/** quarry_node_online() - whether node @nid of @q has memory or a CPU. Context: any, booted. */
bool quarry_node_online(struct quarry *q, int nid);

/** quarry_node_possible() - whether node @nid of @q is or can be: it has memory, a CPU, or was announced to
 * quarry_boot(). Context: any, booted. */
bool quarry_node_possible(struct quarry *q, int nid);

/** quarry_node_distance() - distance from node @from to node @to of @q, 10 = local. Context: any,
 * booted. */
unsigned int quarry_node_distance(struct quarry *q, int from, int to);

/** quarry_totals() - fill @totals for the whole machine @q. Context: any but interrupt, booted. */
void quarry_totals(struct quarry *q, struct quarry_totals *totals);

/** quarry_migratetype_name() - the name of @type: "Unmovable", "Movable" ... as in
 * /proc/pagetypeinfo. Context: any. */
const char *quarry_migratetype_name(enum quarry_migratetype type);

/** quarry_zone_name() - the name of @zone: "DMA", "DMA32", "Normal", "Movable", "Device". Context:
 * any. */
const char *quarry_zone_name(enum quarry_zone_type zone);

#endif
