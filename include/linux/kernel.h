/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_KERNEL_H
#define _QUARRY_LINUX_KERNEL_H

/* The C library includes its own <linux/kernel.h> by this name: it comes first. */
#if defined(__has_include_next)
#if __has_include_next(<linux/kernel.h>)
#include_next <linux/kernel.h>
#endif
#endif

#include <limits.h>

#include <linux/align.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/types.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#endif
/* A number, decimal, 0x or octal, and one of K M G T P E; *@retptr (if any): what follows. */
unsigned long long memparse(const char *ptr, char **retptr);

#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define lower_32_bits(n) ((u32)(n))
#ifndef BIT
#define BIT(n) (1ul << (n))
#define BIT_ULL(n) (1ull << (n))
#endif

#endif
