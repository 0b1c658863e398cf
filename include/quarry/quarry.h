/* SPDX-License-Identifier: MIT */
/*
 * Quarry: Linux's memory-management hierarchy as a freestanding library.
 *
 *	quarry_init()  ->  memblock or bootmem calls  ->  quarry_boot()  ->  pages, caches, kmalloc
 *
 * All state hangs off one struct quarry, the first argument of every call; there are no globals.
 */
#ifndef QUARRY_QUARRY_H
#define QUARRY_QUARRY_H

#include <quarry/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <quarry/bootmem.h>
#include <quarry/compaction.h>
#include <quarry/contig.h>
#include <quarry/debug.h>
#include <quarry/firmware.h>
#include <quarry/gfp.h>
#include <quarry/hotplug.h>
#include <quarry/hwpoison.h>
#include <quarry/kmem.h>
#include <quarry/list_lru.h>
#include <quarry/memblock.h>
#include <quarry/mempolicy.h>
#include <quarry/mempool.h>
#include <quarry/mmzone.h>
#include <quarry/page.h>
#include <quarry/pageinfo.h>
#include <quarry/port.h>
#include <quarry/rcu.h>
#include <quarry/reclaim.h>
#include <quarry/reporting.h>
#include <quarry/slab.h>
#include <quarry/slab_reap.h>
#include <quarry/sysctl.h>
#include <quarry/vmstat.h>

/* The one place where the version stands. */
#define QUARRY_VERSION_MAJOR 0
#define QUARRY_VERSION_MINOR 1
#define QUARRY_VERSION_PATCH 0

#define QUARRY_STRING_OF(x) #x
#define QUARRY_STRING(x) QUARRY_STRING_OF(x)
#define QUARRY_VERSION                      \
	QUARRY_STRING(QUARRY_VERSION_MAJOR) \
	"." QUARRY_STRING(QUARRY_VERSION_MINOR) "." QUARRY_STRING(QUARRY_VERSION_PATCH)

enum quarry_stage {
	QUARRY_STAGE_NONE,
	QUARRY_STAGE_BOOT,  /* memblock and bootmem work */
	QUARRY_STAGE_PAGES, /* the page allocator works */
	QUARRY_STAGE_SLAB,  /* caches and kmalloc work */
};

/* Room for a struct quarry, for those who want it in static memory. */
#define QUARRY_STORAGE_SIZE                                                            \
	((QUARRY_TINY ? (size_t)512 : (size_t)1792 + (size_t)136 * QUARRY_MAX_NODES) + \
	 2 * sizeof(struct memblock_region) * QUARRY_MEMBLOCK_REGIONS)

/**
 * quarry_init() - start a memory system
 * @storage: zeroed or not, aligned to 64, stays in use until the system is thrown away
 * @size:    its bytes, at least QUARRY_STORAGE_SIZE
 * @port:    the host's services, copied
 *
 * Context: one thread. Return: the system, at QUARRY_STAGE_BOOT with empty memblock and bootmem;
 * NULL if @storage is too small or misaligned, or the port gives meta_alloc without meta_free.
 */
QUARRY_MUST_CHECK struct quarry *quarry_init(void *storage, size_t size,
					     const struct quarry_port *port);

/** quarry_stage() - how far @q is. Context: any. */
enum quarry_stage quarry_stage(const struct quarry *q);

/** quarry_address() - where physical address @phys of @q is seen, through the direct map. Context: any. */
void *quarry_address(const struct quarry *q, phys_addr_t phys);

/** quarry_physical() - physical address of what is seen at @p in the direct map of @q. Context: any. */
phys_addr_t quarry_physical(const struct quarry *q, const void *p);

/** quarry_destroy() - give all tables of @q back to the port's meta_free; @q is at
 * QUARRY_STAGE_NONE then. Context: one thread, nothing of @q in use. */
void quarry_destroy(struct quarry *q);

#ifdef __cplusplus
}
#endif

#endif
