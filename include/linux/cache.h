/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_CACHE_H
#define _QUARRY_LINUX_CACHE_H

/* What Linux's own user-space headers say, and its tests of memblock count on; a kernel for x86 has 6. */
#ifndef L1_CACHE_SHIFT
#define L1_CACHE_SHIFT 5
#endif
#define L1_CACHE_BYTES (1 << L1_CACHE_SHIFT)
#define SMP_CACHE_BYTES L1_CACHE_BYTES
#define L1_CACHE_ALIGN(x) (((x) + (L1_CACHE_BYTES - 1)) & ~(__typeof__(x))(L1_CACHE_BYTES - 1))
#define ____cacheline_aligned __attribute__((__aligned__(SMP_CACHE_BYTES)))
#define ____cacheline_aligned_in_smp ____cacheline_aligned
#define __cacheline_aligned ____cacheline_aligned
#define __read_mostly
#define __ro_after_init

#endif
