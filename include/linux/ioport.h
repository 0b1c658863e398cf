/* SPDX-License-Identifier: MIT */
/* What lies where: the tree that /proc/iomem shows. */
#ifndef _QUARRY_LINUX_IOPORT_H
#define _QUARRY_LINUX_IOPORT_H

#include <linux/types.h>

struct resource {
	resource_size_t start, end; /* inclusive */
	const char *name;
	unsigned long flags;
	unsigned long desc;
	struct resource *parent, *sibling, *child;
};

#define IORESOURCE_BITS 0x000000ff
#define IORESOURCE_TYPE_BITS 0x00001f00
#define IORESOURCE_IO 0x00000100
#define IORESOURCE_MEM 0x00000200
#define IORESOURCE_REG 0x00000300
#define IORESOURCE_IRQ 0x00000400
#define IORESOURCE_DMA 0x00000800
#define IORESOURCE_PREFETCH 0x00002000
#define IORESOURCE_READONLY 0x00004000
#define IORESOURCE_CACHEABLE 0x00008000
#define IORESOURCE_MEM_64 0x00100000
#define IORESOURCE_WINDOW 0x00200000
#define IORESOURCE_MUXED 0x00400000
#define IORESOURCE_SYSRAM 0x01000000
#define IORESOURCE_EXCLUSIVE 0x08000000
#define IORESOURCE_DISABLED 0x10000000
#define IORESOURCE_UNSET 0x20000000
#define IORESOURCE_AUTO 0x40000000
#define IORESOURCE_BUSY 0x80000000
#define IORESOURCE_SYSTEM_RAM (IORESOURCE_MEM | IORESOURCE_SYSRAM)

#define DEFINE_RES_NAMED(_start, _size, _name, _flags)                           \
	{                                                                        \
		.start = (_start), .end = (_start) + (_size)-1, .name = (_name), \
		.flags = (_flags),                                               \
	}
#define DEFINE_RES_MEM_NAMED(_start, _size, _name) \
	DEFINE_RES_NAMED((_start), (_size), (_name), IORESOURCE_MEM)
#define DEFINE_RES_MEM(_start, _size) DEFINE_RES_MEM_NAMED((_start), (_size), NULL)

extern struct resource iomem_resource, ioport_resource;

/*
 * Puts @new below @root. 0, or -EBUSY: it lies not within @root or on one of its children; nothing has
 * changed.
 */
int request_resource(struct resource *root, struct resource *new_res);
/* The same; @new_res is the one in the way, @root itself if @new does not lie within. NULL: none is. */
struct resource *request_resource_conflict(struct resource *root, struct resource *new_res);
/* As request_resource(), but children that lie within @new become its own, and one that holds it, its parent. */
int insert_resource(struct resource *parent, struct resource *new_res);
/* Takes @old out, with its children. -EINVAL: it is nowhere. */
int release_resource(struct resource *old);

static inline resource_size_t resource_size(const struct resource *res)
{
	return res->end - res->start + 1;
}

static inline unsigned long resource_type(const struct resource *res)
{
	return res->flags & IORESOURCE_TYPE_BITS;
}

static inline bool resource_contains(const struct resource *a, const struct resource *b)
{
	return resource_type(a) == resource_type(b) && a->start <= b->start && a->end >= b->end;
}

static inline bool resource_overlaps(const struct resource *a, const struct resource *b)
{
	return a->start <= b->end && a->end >= b->start;
}

#endif
