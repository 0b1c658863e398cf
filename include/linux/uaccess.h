/* SPDX-License-Identifier: MIT */
/* Copies to and from user space, which is memory like any other here: what is checked is the kernel's side. */
#ifndef _QUARRY_LINUX_UACCESS_H
#define _QUARRY_LINUX_UACCESS_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <limits.h>

/* Where Linux stops, this reports and goes on. */
static inline void check_object_size(const void *p, unsigned long n, bool to_user)
{
	(void)!quarry_check_object_size(quarry_linux(), p, n, to_user);
}

/* Whether @bytes may be copied from @p, or with @is_source false to it. */
static inline bool check_copy_size(const void *p, size_t bytes, bool is_source)
{
	if (WARN_ON_ONCE(bytes > INT_MAX))
		return false;
	return quarry_check_object_size(quarry_linux(), p, bytes, is_source);
}

/* Bytes that were not copied. */
static inline unsigned long copy_to_user(void __user *to, const void *from, unsigned long n)
{
	if (!check_copy_size(from, n, true))
		return n;
	memcpy(to, from, n);
	return 0;
}

static inline unsigned long copy_from_user(void *to, const void __user *from, unsigned long n)
{
	if (!check_copy_size(to, n, false))
		return n;
	memcpy(to, from, n);
	return 0;
}

#endif
