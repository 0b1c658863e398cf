/* SPDX-License-Identifier: MIT */
/*
 * A machine that changes at run time: memory that comes and goes, CPUs that come and go.
 *
 *	quarry_add_memory() -> quarry_online_pages() ... quarry_offline_pages() -> quarry_remove_memory()
 *
 * Memory moves in blocks of 128 MiB, as on x86 (QUARRY_SECTION_SIZE_BITS). A block is absent, offline (known, not in use) or online.
 * One change goes on at a time; a second caller is told -QUARRY_EBUSY. Requests, frees and everything
 * else that the page and slab layers do go on meanwhile. Nobody may look at descriptors or frames of a
 * block that is offline.
 */
#ifndef QUARRY_HOTPLUG_H
#define QUARRY_HOTPLUG_H

#include <quarry/mmzone.h>
#include <quarry/types.h>

/* Bytes of a memory block, and its page frames. */
#define QUARRY_MEMORY_BLOCK_BYTES ((phys_addr_t)1 << QUARRY_SECTION_SIZE_BITS)
#define QUARRY_MEMORY_BLOCK_PAGES ((pfn_t)(QUARRY_MEMORY_BLOCK_BYTES >> QUARRY_PAGE_SHIFT))

/* Which zone online pages go to (Linux: MMOP_ONLINE, MMOP_ONLINE_KERNEL, MMOP_ONLINE_MOVABLE). */
enum quarry_online_type {
	/*
	 * The zone that is there already: Movable if the range lies in its span and in no kernel zone's; a
	 * kernel zone in the other case; if both or none, Movable on a machine booted with movable_node,
	 * else a kernel zone.
	 */
	QUARRY_ONLINE_DEFAULT,
	QUARRY_ONLINE_KERNEL,  /* DMA or DMA32 if the range lies in its span, else Normal */
	QUARRY_ONLINE_MOVABLE, /* Movable of the node */
};

enum quarry_block_state {
	QUARRY_BLOCK_ABSENT,  /* no memory that hotplug knows of */
	QUARRY_BLOCK_OFFLINE, /* added, or taken out of use */
	QUARRY_BLOCK_ONLINE,  /* memory of boot, or made online */
};

/**
 * quarry_add_memory() - make memory known that was not there at boot (Linux: add_memory())
 * @q:	   memory system, at QUARRY_STAGE_PAGES or later
 * @nid:   its node, one that was possible at boot
 * @start: physical address, a multiple of QUARRY_MEMORY_BLOCK_BYTES
 * @size:  bytes, likewise
 *
 * Tables are made (256 KiB of descriptors and 5 KiB of records a block, kept until quarry_destroy()) and
 * memblock is told. Its pages are offline. The direct map must reach it by the time it goes online.
 *
 * Context: may wait for nothing, not from an interrupt. O(blocks).
 * Return:  0; -QUARRY_EINVAL: not aligned, no size, no such node; -QUARRY_E2BIG: beyond the room that
 *	    quarry_boot_params.max_hotplug_phys made; -QUARRY_EEXIST: a part of it is there already;
 *	    -QUARRY_ENOMEM; -QUARRY_EBUSY: another change is going on. On failure nothing changed.
 */
QUARRY_MUST_CHECK int quarry_add_memory(struct quarry *q, int nid, phys_addr_t start,
					phys_addr_t size);

/**
 * quarry_online_pages() - hand offline memory blocks to the page allocator (Linux: online_pages())
 * @q:	   memory system
 * @start: first page frame, a multiple of QUARRY_MEMORY_BLOCK_PAGES
 * @nr:	   page frames, likewise
 * @how:   which zone they go to
 *
 * The zone grows to hold them, or is made; present and managed pages, zonelists, min_free_kbytes,
 * watermarks, reserves and the per-CPU limits become what Linux 6.1 makes them.
 *
 * Context: not from an interrupt. O(pageblocks + zones).
 * Return:  0; -QUARRY_EINVAL: not aligned, not all of it offline, or of several nodes; -QUARRY_E2BIG: no
 *	    room for one more zone or for a block in another zone than it was in; -QUARRY_ENOMEM;
 *	    -QUARRY_EBUSY: another change is going on. On failure nothing changed.
 */
QUARRY_MUST_CHECK int quarry_online_pages(struct quarry *q, pfn_t start, unsigned long nr,
					  enum quarry_online_type how);

/**
 * quarry_offline_pages() - take memory blocks out of use (Linux: offline_pages())
 * @q:	   memory system
 * @start: first page frame, a multiple of QUARRY_MEMORY_BLOCK_PAGES
 * @nr:	   page frames, likewise
 *
 * Their pageblocks are isolated, pages in use are moved elsewhere by their movers, every CPU's sheaves are
 * emptied. When all is free, the pages leave the buddy system; the zone shrinks, and all figures are
 * computed anew.
 *
 * Context: may call movers; not from an interrupt. O(pages moved + pageblocks).
 * Return:  0; -QUARRY_EINVAL: not aligned, not online, with holes, or of several zones; -QUARRY_ENOMEM;
 *	    -QUARRY_EBUSY: a page in it cannot be moved, or another change is going on. On failure all is
 *	    as it was, but that pages may have been moved.
 */
QUARRY_MUST_CHECK int quarry_offline_pages(struct quarry *q, pfn_t start, unsigned long nr);

/**
 * quarry_remove_memory() - forget offline memory (Linux: remove_memory())
 * @q:	   memory system
 * @start: physical address, a multiple of QUARRY_MEMORY_BLOCK_BYTES
 * @size:  bytes, likewise
 *
 * memblock forgets it too. It may be added again.
 *
 * Context: not from an interrupt. Return: 0; -QUARRY_EINVAL: not aligned, or some of it is absent;
 * -QUARRY_EBUSY: some of it is online, or another change is going on. On failure nothing changed.
 */
QUARRY_MUST_CHECK int quarry_remove_memory(struct quarry *q, phys_addr_t start, phys_addr_t size);

/** quarry_memory_block_state() - whether the block of @q that page frame @pfn lies in is in use.
 * Context: any, booted. */
enum quarry_block_state quarry_memory_block_state(struct quarry *q, pfn_t pfn);

/**
 * quarry_cpu_offline() - a CPU leaves (Linux: page_alloc_cpu_dead())
 * @q:	 memory system, booted
 * @cpu: a CPU that is online, and not the last
 *
 * Its sheaves of pages and of objects are emptied; its counts stay in the totals. The limits of the per-CPU
 * sheaves of its node's zones grow, as the same share goes to fewer.
 *
 * Context: on another CPU; @cpu makes no call during this one, nor until quarry_cpu_online().
 * Return:  0; -QUARRY_EINVAL: no such CPU, or it is offline; -QUARRY_EBUSY: it is the last one, or another
 *	    change is going on. On failure nothing changed.
 */
QUARRY_MUST_CHECK int quarry_cpu_offline(struct quarry *q, unsigned int cpu);

/**
 * quarry_cpu_online() - a CPU comes (Linux: page_alloc_cpu_online())
 * @q:	 memory system, booted
 * @cpu: a CPU below the nr_cpus of boot that is offline
 *
 * Context: on any CPU, before @cpu makes its first call.
 * Return:  0; -QUARRY_EINVAL: no such CPU, or it is online; -QUARRY_EBUSY: another change is going on. On
 *	    failure nothing changed.
 */
QUARRY_MUST_CHECK int quarry_cpu_online(struct quarry *q, unsigned int cpu);

/** quarry_cpu_is_online() - whether CPU @cpu of @q is online; all are at boot. Context: any, booted. */
bool quarry_cpu_is_online(struct quarry *q, unsigned int cpu);

#endif
