/* SPDX-License-Identifier: MIT */
/* Mapping pages: all memory is in the direct map, so these are addresses. */
#ifndef _QUARRY_LINUX_HIGHMEM_H
#define _QUARRY_LINUX_HIGHMEM_H

#include <linux/mm.h>

#define kmap(page) page_address(page)
#define kmap_atomic(page) page_address(page)
#define kmap_local_page(page) page_address(page)
#define kunmap(page) ((void)(page))
#define kunmap_atomic(addr) ((void)(addr))
#define kunmap_local(addr) ((void)(addr))
#define nr_free_highpages() 0ul

static inline void clear_highpage(struct page *page)
{
	clear_page(kmap_local_page(page));
}

static inline void copy_highpage(struct page *to, struct page *from)
{
	copy_page(kmap_local_page(to), kmap_local_page(from));
}

static inline void memcpy_to_page(struct page *page, size_t offset, const char *from, size_t len)
{
	__builtin_memcpy((char *)kmap_local_page(page) + offset, from, len);
}

static inline void memcpy_from_page(char *to, struct page *page, size_t offset, size_t len)
{
	__builtin_memcpy(to, (char *)kmap_local_page(page) + offset, len);
}

static inline void memzero_page(struct page *page, size_t offset, size_t len)
{
	__builtin_memset((char *)kmap_local_page(page) + offset, 0, len);
}

#endif
