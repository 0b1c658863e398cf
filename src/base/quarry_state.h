/* SPDX-License-Identifier: MIT */
/*
 * struct quarry itself. Each layer sees its own part: memblock and bootmem stand here because boot
 * needs them before any memory can be had; the page and slab layers hang their states off it.
 */
#ifndef QUARRY_BASE_QUARRY_STATE_H
#define QUARRY_BASE_QUARRY_STATE_H

#include <quarry/quarry.h>

#include <base/compiler.h>
#include <base/lock.h>

struct page_layer; /* src/page/internal.h */
struct page_cpu;
struct slab_layer;  /* src/slab/internal.h */
struct cma_layer;   /* src/page/cma.c */
struct meta_header; /* src/page/meta.c */

struct quarry {
	struct page_layer *pages;          /* set by quarry_boot() */
	struct slab_layer *slabs;          /* set by quarry_boot() */
	struct kmem_cache **kmalloc_short; /* by size, once kmalloc's short way is open */
	struct page_cpu **cpus;            /* pages->cpu */
	uint64_t
		strict_below; /* descriptors of arenas from which CPUs hold little back are below it */
	uintptr_t direct_map; /* copies of the port's, on the hot line */
	bool no_access;
	bool concurrent;
	enum quarry_stage stage;
	struct quarry_port port;
	bool boot_from_bootmem; /* quarry_boot() hands over from bootmem: tables come from there too */
	const struct quarry_boot_params *boot_params; /* while quarry_boot() makes tables */
	size_t meta_bytes;                            /* of all tables now */
	struct meta_header *meta_list;                /* all that quarry_meta_alloc() has out */
	struct quarry_lock meta_lock;
#if QUARRY_HARDENED
	uint64_t cookie; /* of marks beside tables; nobody can guess it if the port has a clock */
#endif
	struct cma_layer *cma;     /* made by the first declaration, at boot */
	struct memblock *memblock; /* memblock_own, or what quarry_memblock_use() was given */
#if QUARRY_TINY
	struct memblock memblock_own;
#else
	const struct quarry_range *unaccepted; /* until boot is over */
	unsigned int nr_unaccepted;
	struct bootmem bootmem;
	struct memblock memblock_own;
	bootmem_data_t bootmem_own[QUARRY_MAX_NODES];
#endif
};

/* base/report.c: one line each; printf subset of base/format.h. */
void quarry_log(struct quarry *q, enum quarry_log_level level, const char *fmt, ...)
	QUARRY_PRINTF(3, 4);
/* Damage that was found and refused. */
void quarry_report(struct quarry *q, const char *fmt, ...) QUARRY_PRINTF(2, 3);
/* Does not return. */
void quarry_panic(struct quarry *q, const char *fmt, ...) QUARRY_PRINTF(2, 3)
	__attribute__((noreturn));

/* CPU-visible address of tables that lie at [phys, phys + size) of the managed memory. */
void *quarry_storage(struct quarry *q, phys_addr_t phys, size_t size);

/* What is unaccepted of [@start, @start + @size), by pages, is accepted; false: it cannot be. Till boot is over; by the boot layer. */
#if !QUARRY_TINY
bool boot_accept(struct quarry *q, phys_addr_t start, phys_addr_t size);
#else
static inline bool boot_accept(struct quarry *q, phys_addr_t start, phys_addr_t size)
{
	(void)q;
	(void)start;
	(void)size;
	return true;
}
#endif

static inline void *quarry_phys_to_virt(const struct quarry *q, phys_addr_t phys)
{
	return (void *)(q->direct_map + (uintptr_t)phys);
}

static inline phys_addr_t quarry_virt_to_phys(const struct quarry *q, const void *p)
{
	return (phys_addr_t)((uintptr_t)p - q->direct_map);
}

#endif
