/* SPDX-License-Identifier: MIT */
/* Addresses, page frames and their descriptors. */
#ifndef _QUARRY_LINUX_MM_H
#define _QUARRY_LINUX_MM_H

#include <quarry/linux.h>

#include <linux/gfp.h>
#include <linux/mmzone.h>
#include <linux/page-flags.h>
#include <linux/page_ref.h>
#include <linux/pfn.h>
#include <linux/sysinfo.h> /* the C library's */
#include <linux/vmstat.h>

#define PAGE_ALIGN(addr) ALIGN(addr, PAGE_SIZE)
#define PAGE_ALIGN_DOWN(addr) ALIGN_DOWN(addr, PAGE_SIZE)
#define PAGE_ALIGNED(addr) IS_ALIGNED((unsigned long)(addr), PAGE_SIZE)
#define offset_in_page(p) ((unsigned long)(p) & ~PAGE_MASK)

extern unsigned long min_low_pfn, max_low_pfn, max_pfn;
extern unsigned long long max_possible_pfn; /* at least max_pfn */
/* Boot code sets these; nothing here reads them. */
extern unsigned long max_mapnr;
extern void *high_memory;
#define set_max_mapnr(limit) ((void)(max_mapnr = (limit)))

/*
 * Where zones end, by page frame, and 0 for one that is not: [ZONE_DMA], [ZONE_DMA32]; the zones themselves
 * are made by memblock_free_all(). Fills in the nodes' spans and N_MEMORY from memblock.
 */
void free_area_init(unsigned long *max_zone_pfn);
#define free_area_init_nodes(max_zone_pfn) free_area_init(max_zone_pfn) /* to 5.7 */

/* Of node @nid's memory in memblock; both 0: it has none. MAX_NUMNODES: of all. */
void get_pfn_range_for_nid(unsigned int nid, unsigned long *start_pfn, unsigned long *end_pfn);
unsigned long absent_pages_in_range(unsigned long start_pfn, unsigned long end_pfn);
/* The node of memblock's memory at @pfn; the first online one if none says. */
int early_pfn_to_nid(unsigned long pfn);
void setup_nr_node_ids(void);
/* Prints the "Memory:" line of what has been handed over. */
void mem_init_print_info(void);

/* Tables are made at the hand-off, near what they describe: there is nothing to prepare. */
static inline void sparse_init(void)
{
}

static inline void memory_present(int nid, unsigned long start, unsigned long end)
{
	(void)nid;
	(void)start;
	(void)end;
}

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

/*
 * Whether the frame lies in a zone, holes of up to a GiB included. The descriptor of such a frame is
 * made when it is asked for; NULL: nothing there was ever handed over, or there is no memory for it.
 */
static inline int pfn_valid(unsigned long pfn)
{
	return quarry_stage(quarry_linux()) >= QUARRY_STAGE_PAGES &&
	       quarry_pfn_zone(quarry_linux(), pfn, NULL, NULL);
}

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return pfn_valid(pfn) ? quarry_describe_pfn(quarry_linux(), pfn) : NULL;
}

static inline int pfn_to_nid(unsigned long pfn)
{
	int nid = NUMA_NO_NODE;

	quarry_pfn_zone(quarry_linux(), pfn, &nid, NULL);
	return nid;
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

#define virt_addr_valid(addr) pfn_valid(virt_to_pfn(addr))
#define nth_page(page, n) ((page) + (n))

static inline struct page *virt_to_head_page(const void *addr)
{
	return compound_head(virt_to_page(addr));
}

/* ---- where a page lies ---- */

static inline int page_to_nid(const struct page *page)
{
	return quarry_page_nid(quarry_linux(), page);
}

static inline enum zone_type page_zonenum(const struct page *page)
{
	return quarry_page_zone(quarry_linux(), page);
}

static inline struct zone *page_zone(const struct page *page)
{
	return quarry_linux_zone(page_to_nid(page), page_zonenum(page));
}

static inline struct pglist_data *page_pgdat(const struct page *page)
{
	return quarry_linux_node(page_to_nid(page));
}

#define get_pfnblock_migratetype(page, pfn) \
	((void)(page), (int)quarry_pageblock_type(quarry_linux(), (pfn)))
#define get_pageblock_migratetype(page) get_pfnblock_migratetype((page), page_to_pfn(page))

static inline void set_pageblock_migratetype(struct page *page, int type)
{
	(void)quarry_set_pageblock_type(quarry_linux(), page_to_pfn(page),
					(enum quarry_migratetype)type);
}

/* ---- references ---- */

static inline void get_page(struct page *page)
{
	quarry_get_page(quarry_linux(), compound_head(page));
}

static inline bool try_get_page(struct page *page)
{
	page = compound_head(page);
	if (page_ref_count(page) <= 0)
		return false;
	get_page(page);
	return true;
}

static inline void release_pages(struct page **pages, int nr)
{
	for (int i = 0; i < nr; i++) {
		struct page *head = compound_head(pages[i]);

		quarry_release_pages(quarry_linux(), &head, 1);
	}
}

static inline void put_page(struct page *page)
{
	quarry_put_page(quarry_linux(), compound_head(page));
}

/* ---- blocks ---- */

static inline unsigned int compound_order(const struct page *page)
{
	return quarry_page_order(quarry_linux(), page);
}

static inline unsigned long compound_nr(const struct page *page)
{
	return 1ul << compound_order(page);
}

static inline unsigned long page_size(const struct page *page)
{
	return PAGE_SIZE << compound_order(page);
}

static inline unsigned int page_shift(const struct page *page)
{
	return PAGE_SHIFT + compound_order(page);
}

/* Of a free block's first page, see PageBuddy(). */
static inline unsigned int buddy_order(const struct page *page)
{
	return (unsigned int)quarry_free_block_order(quarry_linux(), page_to_pfn(page));
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

/* ---- contents: all memory is in the direct map ---- */

static inline void clear_page(void *page)
{
	__builtin_memset(page, 0, PAGE_SIZE);
}

static inline void copy_page(void *to, const void *from)
{
	__builtin_memcpy(to, from, PAGE_SIZE);
}

/* ---- reserved memory handed over after boot ---- */

static inline void free_reserved_page(struct page *page)
{
	(void)quarry_free_reserved(quarry_linux(), page_to_pfn(page), page_to_pfn(page) + 1);
}

/* Pages handed over of [@start, @end); each is filled with @poison first, if that is a byte. */
unsigned long free_reserved_area(void *start, void *end, int poison, const char *s);

/* Pages in use that a balloon holds for its host leave the managed ones, or come back. */
static inline void adjust_managed_page_count(struct page *page, long count)
{
	(void)quarry_adjust_managed_page_count(quarry_linux(), page, count);
}

/* ---- damaged pages ---- */

enum mf_flags { MF_SW_SIMULATED = QUARRY_MF_SW_SIMULATED };

static inline int memory_failure(unsigned long pfn, int flags)
{
	return quarry_memory_failure(quarry_linux(), pfn, (unsigned int)flags);
}

static inline int soft_offline_page(unsigned long pfn, int flags)
{
	(void)flags;
	return quarry_soft_offline_page(quarry_linux(), pfn);
}

static inline int unpoison_memory(unsigned long pfn)
{
	return quarry_unpoison_memory(quarry_linux(), pfn);
}

static inline int PageHWPoison(const struct page *page)
{
	return quarry_page_is_poisoned(quarry_linux(), page_to_pfn(page));
}

#define num_poisoned_pages (quarry_num_poisoned_pages(quarry_linux()))

/* ---- how much there is ---- */

struct quarry_totals quarry_linux_totals(void);

/* Pages managed; 0 before boot. */
static inline unsigned long totalram_pages(void)
{
	return quarry_linux_totals().managed;
}

#define totalreserve_pages (quarry_linux_totals().totalreserve)
#define totalhigh_pages() 0ul
#define nr_free_pages() global_zone_page_state(NR_FREE_PAGES)

/* Managed pages above the high watermarks, up to ZONE_NORMAL, of this CPU's zonelist. */
unsigned long nr_free_buffer_pages(void);

void si_meminfo(struct sysinfo *val);
void si_meminfo_node(struct sysinfo *val, int nid);

/* Bytes [@start, @end) may be used from now on. */
static inline void accept_memory(phys_addr_t start, phys_addr_t end)
{
	quarry_accept_memory(quarry_linux(), PFN_DOWN(start), PFN_UP(end));
}

#endif
