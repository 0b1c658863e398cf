/* SPDX-License-Identifier: MIT */
/* Addresses, page frames and their descriptors. */
#ifndef _QUARRY_LINUX_MM_H
#define _QUARRY_LINUX_MM_H

#include <quarry/linux.h>

#include <linux/gfp.h>
#include <linux/mmzone.h>
#include <linux/pfn.h>

#define PAGE_ALIGN(addr) ALIGN(addr, PAGE_SIZE)
#define PAGE_ALIGN_DOWN(addr) ALIGN_DOWN(addr, PAGE_SIZE)
#define PAGE_ALIGNED(addr) IS_ALIGNED((unsigned long)(addr), PAGE_SIZE)
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)

extern unsigned long min_low_pfn, max_low_pfn, max_pfn;

static inline void *phys_to_virt(phys_addr_t address)
{
	return quarry_address(quarry_linux(), address);
}

static inline phys_addr_t virt_to_phys(const volatile void *address)
{
	return quarry_physical(quarry_linux(), (const void *)address);
}

#define __va(x) phys_to_virt((phys_addr_t)(x))
#define __pa(x) virt_to_phys((const void *)(x))
#define virt_to_pfn(p) PHYS_PFN(__pa(p))
#define pfn_to_virt(pfn) __va(PFN_PHYS(pfn))

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return quarry_pfn_to_page(quarry_linux(), pfn);
}

static inline unsigned long page_to_pfn(const struct page *page)
{
	return (unsigned long)quarry_page_to_pfn(quarry_linux(), page);
}

static inline phys_addr_t page_to_phys(const struct page *page)
{
	return PFN_PHYS(page_to_pfn(page));
}

static inline void *page_address(const struct page *page)
{
	return quarry_page_address(quarry_linux(), page);
}

static inline struct page *virt_to_page(const void *addr)
{
	return quarry_virt_to_page(quarry_linux(), addr);
}

static inline int page_count(const struct page *page)
{
	return (int)quarry_page_count(quarry_linux(), page);
}

static inline void get_page(struct page *page)
{
	quarry_get_page(quarry_linux(), page);
}

static inline void split_page(struct page *page, unsigned int order)
{
	(void)quarry_split_page(quarry_linux(), page, order);
}

/* log2 of the block that holds @size bytes. */
static inline int get_order(unsigned long size)
{
	int order = 0;

	for (size = (size - 1) >> PAGE_SHIFT; size != 0; size >>= 1)
		order++;
	return order;
}

/* Pages managed; 0 before boot. */
static inline unsigned long totalram_pages(void)
{
	struct quarry_totals totals;

	if (quarry_stage(quarry_linux()) < QUARRY_STAGE_PAGES)
		return 0;
	quarry_totals(quarry_linux(), &totals);
	return totals.managed;
}

#endif
