/* SPDX-License-Identifier: MIT */
/*
 * Compile-time options. Define one on the compiler's command line, or in a file named by
 * QUARRY_CONFIG_FILE, to override it. Everything else is decided at run time.
 */
#ifndef QUARRY_CONFIG_H
#define QUARRY_CONFIG_H

#ifdef QUARRY_CONFIG_FILE
#include QUARRY_CONFIG_FILE
#endif

/*
 * 1: a library for machines of a few MiB, of one zone, one CPU and one migratetype, from the files of
 * QUARRY_TINY_SRCS in sources.mk: docs/porting.md says what it has. Sets the defaults of other options.
 */
#ifndef QUARRY_TINY
#define QUARRY_TINY 0
#endif
#if QUARRY_TINY
#ifndef QUARRY_MAX_PHYS_BITS
#define QUARRY_MAX_PHYS_BITS 32
#endif
#ifndef QUARRY_MAX_NODES
#define QUARRY_MAX_NODES 1
#endif
#ifndef QUARRY_MAX_CPUS
#define QUARRY_MAX_CPUS 1
#endif
#ifndef QUARRY_MAX_ORDER
#define QUARRY_MAX_ORDER 6
#endif
#ifndef QUARRY_PAGEBLOCK_ORDER
#define QUARRY_PAGEBLOCK_ORDER 6
#endif
#ifndef QUARRY_MEMBLOCK_REGIONS
#define QUARRY_MEMBLOCK_REGIONS 16
#endif
#ifndef QUARRY_MAX_CACHES
#define QUARRY_MAX_CACHES 64
#endif
#endif

/* log2 of the page size in bytes. */
#ifndef QUARRY_PAGE_SHIFT
#define QUARRY_PAGE_SHIFT 12
#endif

/*
 * Largest order of a block, inclusive (Linux: MAX_ORDER - 1 before 6.4, MAX_ORDER then, MAX_PAGE_ORDER
 * since 6.8).
 */
#ifndef QUARRY_MAX_ORDER
#define QUARRY_MAX_ORDER 10
#endif

/* log2 of the pages of a pageblock, the unit of migratetypes (Linux: pageblock_order). */
#ifndef QUARRY_PAGEBLOCK_ORDER
#define QUARRY_PAGEBLOCK_ORDER 9
#endif

/*
 * log2 of the bytes of a memory block, the unit of hotplug (Linux: SECTION_SIZE_BITS): 27 as on x86, or what holds one
 * block of the largest order.
 */
#ifndef QUARRY_SECTION_SIZE_BITS
#if QUARRY_PAGE_SHIFT + QUARRY_MAX_ORDER > 27
#define QUARRY_SECTION_SIZE_BITS (QUARRY_PAGE_SHIFT + QUARRY_MAX_ORDER)
#else
#define QUARRY_SECTION_SIZE_BITS 27
#endif
#endif

/* log2 of the largest physical address, exclusive, that memory may have (64 TiB). */
#ifndef QUARRY_MAX_PHYS_BITS
#define QUARRY_MAX_PHYS_BITS 46
#endif

/* NUMA nodes. A node number is below this. */
#ifndef QUARRY_MAX_NODES
#define QUARRY_MAX_NODES 64
#endif

/* Virtual CPUs of one machine. A CPU number is below this. */
#ifndef QUARRY_MAX_CPUS
#define QUARRY_MAX_CPUS 1024
#endif

/*
 * Entries of each static memblock array, before it is first doubled (Linux:
 * INIT_MEMBLOCK_REGIONS).
 */
#ifndef QUARRY_MEMBLOCK_REGIONS
#define QUARRY_MEMBLOCK_REGIONS 128
#endif

/* cnt of an empty memblock list at start: 1, as in Linux before 6.10, or 0, as since. See
 * quarry_memblock_set_empty_cnt(). */
#ifndef QUARRY_MEMBLOCK_EMPTY_CNT
#define QUARRY_MEMBLOCK_EMPTY_CNT 1
#endif

/* CMA areas that may be declared (Linux: MAX_CMA_AREAS). */
#ifndef QUARRY_MAX_CMA_AREAS
#define QUARRY_MAX_CMA_AREAS 20
#endif

/* 1: quarry/bootmem.h defines struct list_head; 0: the embedding kernel has done so already. */
#ifndef QUARRY_OWN_LIST_HEAD
#define QUARRY_OWN_LIST_HEAD 1
#endif

/* Caches that may exist at once, kmalloc's own included. */
#ifndef QUARRY_MAX_CACHES
#define QUARRY_MAX_CACHES 1024
#endif

/* 1: check contracts (QUARRY_ASSERT); cheap damage checks are always compiled in. */
#ifndef QUARRY_DEBUG
#define QUARRY_DEBUG 0
#endif

/* 1: quarry_check() and the validators that it calls are there. */
#ifndef QUARRY_VALIDATORS
#define QUARRY_VALIDATORS (!QUARRY_TINY || QUARRY_DEBUG)
#endif

/*
 * 1: tables are guarded. Marks lie behind each table, the port may map pages beside it that nobody can touch;
 * marks of zones, zonelists and caches' records carry a sum; an object that is freed twice in a row is told at
 * once. docs/reliability.md says what it finds and what it costs.
 */
#ifndef QUARRY_HARDENED
#define QUARRY_HARDENED 0
#endif

#if QUARRY_HARDENED < 0 || QUARRY_HARDENED > 1
#error "QUARRY_HARDENED must be 0 or 1"
#endif
#if QUARRY_HARDENED && QUARRY_TINY
#error "QUARRY_TINY has no QUARRY_HARDENED"
#endif
#if QUARRY_TINY < 0 || QUARRY_TINY > 1
#error "QUARRY_TINY must be 0 or 1"
#endif
#if QUARRY_TINY && (QUARRY_MAX_NODES != 1 || QUARRY_MAX_CPUS != 1)
#error "QUARRY_TINY has one node and one CPU"
#endif
#if QUARRY_PAGE_SHIFT < 12 || QUARRY_PAGE_SHIFT > 16
#error "QUARRY_PAGE_SHIFT must be 12..16"
#endif
#if QUARRY_MAX_ORDER < 7 - QUARRY_TINY || QUARRY_MAX_ORDER > 13
#error "QUARRY_MAX_ORDER must be 7..13, or 6 with QUARRY_TINY"
#endif
#if QUARRY_PAGEBLOCK_ORDER < 5 || QUARRY_PAGEBLOCK_ORDER > 11
#error "QUARRY_PAGEBLOCK_ORDER must be 5..11"
#endif
#if QUARRY_PAGEBLOCK_ORDER > QUARRY_MAX_ORDER
#error "QUARRY_PAGEBLOCK_ORDER must be at most QUARRY_MAX_ORDER"
#endif
#if QUARRY_SECTION_SIZE_BITS < QUARRY_PAGE_SHIFT + QUARRY_MAX_ORDER || QUARRY_SECTION_SIZE_BITS > 30
#error "QUARRY_SECTION_SIZE_BITS must be QUARRY_PAGE_SHIFT + QUARRY_MAX_ORDER..30"
#endif
#if QUARRY_MAX_NODES < 1 || QUARRY_MAX_NODES > 64
#error "QUARRY_MAX_NODES must be 1..64"
#endif
#if QUARRY_MAX_CPUS < 1 || QUARRY_MAX_CPUS > 16384
#error "QUARRY_MAX_CPUS must be 1..16384"
#endif
#if QUARRY_MAX_PHYS_BITS < 32 || QUARRY_MAX_PHYS_BITS > 46
#error "QUARRY_MAX_PHYS_BITS must be 32..46"
#endif
#if QUARRY_MEMBLOCK_EMPTY_CNT < 0 || QUARRY_MEMBLOCK_EMPTY_CNT > 1
#error "QUARRY_MEMBLOCK_EMPTY_CNT must be 0 or 1"
#endif
#if QUARRY_MAX_CMA_AREAS < 1 || QUARRY_MAX_CMA_AREAS > 1024
#error "QUARRY_MAX_CMA_AREAS must be 1..1024"
#endif
#if QUARRY_OWN_LIST_HEAD < 0 || QUARRY_OWN_LIST_HEAD > 1
#error "QUARRY_OWN_LIST_HEAD must be 0 or 1"
#endif
#if QUARRY_MAX_CACHES < 64 || QUARRY_MAX_CACHES > 8191
#error "QUARRY_MAX_CACHES must be 64..8191"
#endif

#endif
