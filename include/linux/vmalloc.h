/* SPDX-License-Identifier: MIT */
/* What stands in vmalloc's place: quarry_kvmalloc_node(). */
#ifndef _QUARRY_LINUX_VMALLOC_H
#define _QUARRY_LINUX_VMALLOC_H

#include <linux/slab.h>

static inline bool is_vmalloc_addr(const void *p)
{
	return quarry_is_vmalloc_addr(quarry_linux(), p);
}

static inline void *vmalloc(unsigned long size)
{
	return kvmalloc(size, GFP_KERNEL);
}

static inline void *vzalloc(unsigned long size)
{
	return kvzalloc(size, GFP_KERNEL);
}

static inline void vfree(const void *p)
{
	kvfree(p);
}

#endif
