/* SPDX-License-Identifier: MIT */
#ifndef _QUARRY_LINUX_STRING_H
#define _QUARRY_LINUX_STRING_H

#include <string.h>
#include <sys/types.h>

#include <linux/errno.h>
#include <linux/types.h>

/* Copies as much of @src as @size allows, always with a 0. Returns its length, or -E2BIG if it was cut. */
static inline ssize_t quarry_linux_strscpy(char *dst, const char *src, size_t size)
{
	size_t n = 0;

	if (size == 0)
		return -E2BIG;
	for (; n < size - 1 && src[n] != '\0'; n++)
		dst[n] = src[n];
	dst[n] = '\0';
	return src[n] == '\0' ? (ssize_t)n : -E2BIG;
}

#define strscpy(dst, src, size) quarry_linux_strscpy((dst), (src), (size))

/* The length of @prefix if @str begins with it, else 0. */
static inline size_t str_has_prefix(const char *str, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(str, prefix, len) == 0 ? len : 0;
}

#endif
