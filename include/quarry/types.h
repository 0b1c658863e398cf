/* SPDX-License-Identifier: MIT */
/* Base types and error numbers. Needs only the freestanding headers. */
#ifndef QUARRY_TYPES_H
#define QUARRY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quarry/config.h>
#include <quarry/names.h>

typedef uint64_t phys_addr_t;       /* physical address in bytes, on every target */
typedef uint64_t pfn_t;             /* page frame number: physical address >> QUARRY_PAGE_SHIFT */
typedef uint32_t gfp_t;             /* request flags, see gfp.h */
typedef uint64_t quarry_nodemask_t; /* bit n: node n (Linux: nodemask_t) */

#define QUARRY_PAGE_SIZE ((size_t)1 << QUARRY_PAGE_SHIFT)
#define QUARRY_NO_NODE (-1) /* "any node" (Linux: NUMA_NO_NODE) */

#define QUARRY_NR_ORDERS (QUARRY_MAX_ORDER + 1)
#define QUARRY_PAGEBLOCK_PAGES ((pfn_t)1 << QUARRY_PAGEBLOCK_ORDER)
/* 64-bit words of a pageblock's bitmap: eight, one cache line, if it has 512 pages. */
#define QUARRY_PAGEBLOCK_WORDS (((1 << QUARRY_PAGEBLOCK_ORDER) + 63) / 64)

/* Errors are returned negated. The values are Linux's. */
#define QUARRY_ENOENT 2
#define QUARRY_EINTR 4
#define QUARRY_ENXIO 6
#define QUARRY_E2BIG 7
#define QUARRY_EAGAIN 11
#define QUARRY_ENOMEM 12
#define QUARRY_EBUSY 16
#define QUARRY_EEXIST 17
#define QUARRY_EINVAL 22
#define QUARRY_ENOSPC 28
#define QUARRY_ERANGE 34
#define QUARRY_EOPNOTSUPP 95
#define QUARRY_EHWPOISON 133

#if defined(__GNUC__) || defined(__clang__)
#define QUARRY_MUST_CHECK __attribute__((warn_unused_result))
#define QUARRY_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define QUARRY_MUST_CHECK
#define QUARRY_PRINTF(fmt, args)
#endif

/* [start, start + size) of physical addresses, in bytes. */
struct quarry_range {
	phys_addr_t start, size;
};

struct quarry; /* one memory system; all state hangs off it */
struct page;   /* one 64-bit word that says what a page frame is */

#endif
