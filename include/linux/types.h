/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_TYPES_H
#define _QUARRY_LINUX_TYPES_H

/* The kernel's types; the C library's own <linux/types.h>, which it includes by this name, comes first. */
#if defined(__has_include_next)
#if __has_include_next(<linux/types.h>)
#include_next <linux/types.h>
#define QUARRY_LINUX_HAS_TYPES
#endif
#endif

#include <quarry/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
#ifndef QUARRY_LINUX_HAS_TYPES
typedef uint32_t __be32;
typedef uint64_t __be64;
#endif
typedef phys_addr_t resource_size_t;
typedef phys_addr_t dma_addr_t;

#endif
