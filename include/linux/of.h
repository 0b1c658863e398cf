/* SPDX-License-Identifier: MIT */
/* Numbers of a devicetree. There is no live tree: linux/of_fdt.h walks the flat one. */
#ifndef _QUARRY_LINUX_OF_H
#define _QUARRY_LINUX_OF_H

#include <linux/types.h>

static inline u32 be32_to_cpup(const __be32 *p)
{
	const u8 *byte = (const u8 *)p;

	return (u32)byte[0] << 24 | (u32)byte[1] << 16 | (u32)byte[2] << 8 | byte[3];
}

static inline u64 be64_to_cpup(const __be64 *p)
{
	const __be32 *half = (const __be32 *)p;

	return (u64)be32_to_cpup(half) << 32 | be32_to_cpup(half + 1);
}

static inline u32 be32_to_cpu(__be32 value)
{
	return be32_to_cpup(&value);
}

static inline u64 be64_to_cpu(__be64 value)
{
	return be64_to_cpup(&value);
}

/* The number of @size cells at @cell; of more than two, the last two. */
static inline u64 of_read_number(const __be32 *cell, int size)
{
	u64 number = 0;

	while (size-- > 0)
		number = number << 32 | be32_to_cpup(cell++);
	return number;
}

static inline unsigned long of_read_ulong(const __be32 *cell, int size)
{
	return (unsigned long)of_read_number(cell, size);
}

#endif
