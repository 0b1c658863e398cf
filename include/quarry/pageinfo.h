/* SPDX-License-Identifier: MIT */
/* Questions about one page, one pageblock, one CPU: what Linux's code reads out of struct page and zone. */
#ifndef QUARRY_PAGEINFO_H
#define QUARRY_PAGEINFO_H

#include <quarry/mmzone.h>
#include <quarry/page.h>
#include <quarry/types.h>

/** quarry_pfn_zone() - whether page frame @pfn of @q lies in a zone, holes of up to a GiB included; its
 * node goes to @nid and its type to @zone (both may be NULL). Context: any, booted. */
bool quarry_pfn_zone(struct quarry *q, pfn_t pfn, int *nid, enum quarry_zone_type *zone);

/**
 * quarry_describe_pfn() - descriptor of a page frame, made if there is none yet
 * @q:	 memory system, booted
 * @pfn: page frame
 *
 * quarry_pfn_to_page() knows frames only in pageblocks that have been used. This makes the table
 * of the frame's arena, 8 bytes a page, if it has none.
 *
 * Context: any but interrupt. Return: the descriptor; NULL: the frame lies in no zone, or where nothing was
 * ever handed to the allocator, or there is no memory for the table; nothing changed then.
 */
struct page *quarry_describe_pfn(struct quarry *q, pfn_t pfn);

/** quarry_page_nid() - node of @page of @q. Context: any. */
int quarry_page_nid(struct quarry *q, const struct page *page);

/** quarry_page_zone() - zone type of @page of @q. Context: any. */
enum quarry_zone_type quarry_page_zone(struct quarry *q, const struct page *page);

/** quarry_page_head() - first page of the allocated block of @q that @page lies in; @page itself if it
 * lies in none. Context: any but interrupt. */
struct page *quarry_page_head(struct quarry *q, struct page *page);

/** quarry_page_order() - order of the allocated block of @q that @page begins or lies in; 0 if it does
 * not. Context: any but interrupt. */
unsigned int quarry_page_order(struct quarry *q, const struct page *page);

/** quarry_put_page() - drop a reference to the allocated block that begins at @page of @q, whatever its
 * order; the last one frees it. Damage is reported as by quarry_free_pages(). Context: any. */
void quarry_put_page(struct quarry *q, struct page *page);

/**
 * quarry_put_page_unless_last() - drop a reference, but not the last one
 * @q:	  memory system
 * @page: an allocated block
 *
 * Context: any. Return: true: one of several was dropped; false: there is one only, the caller's, who
 * can free the block, or @page is no allocated block (reported); nothing changed. What another CPU has freed
 * in random order may count for up to 64 of its frees more.
 */
bool quarry_put_page_unless_last(struct quarry *q, struct page *page);

/** quarry_free_block_order() - order of the free block of @q, a maximal aligned run of free pages, that
 * begins at frame @pfn; -1 if none does. Context: any but interrupt. */
int quarry_free_block_order(struct quarry *q, pfn_t pfn);

/** quarry_pageblock_type() - enum quarry_migratetype of the pageblock of frame @pfn of @q (Linux:
 * get_pageblock_migratetype()). Context: any but interrupt. Returns -QUARRY_ENOENT if no zone has the
 * frame. */
int quarry_pageblock_type(struct quarry *q, pfn_t pfn);

/* A pageblock as it is now. */
struct quarry_pageblock_info {
	pfn_t pfn; /* first frame */
	int nid;
	enum quarry_zone_type zone;
	enum quarry_migratetype type;
	unsigned int nr_free; /* pages in the buddy system */
	bool untouched;       /* nothing of it was ever handed out: wholly free, or never ours */
	/* From this one on, itself included, so many that look like it: to the end of a GiB that nobody has
	 * used yet; else 1. */
	unsigned int nr_alike;
	uint64_t free
		[QUARRY_PAGEBLOCK_WORDS]; /* bit p of word p / 64: page p is in the buddy system */
};

/**
 * quarry_pageblock_info() - what a pageblock looks like
 * @q:	  memory system, booted
 * @pfn:  a frame of it
 * @info: filled in
 *
 * Context: any but interrupt; takes the lock of its arena. O(1).
 * Return: true; false: no zone has the frame, @info is as it was.
 */
bool quarry_pageblock_info(struct quarry *q, pfn_t pfn, struct quarry_pageblock_info *info);

/**
 * quarry_set_pageblock_type() - give a pageblock another migratetype
 * @q:	  memory system, booted
 * @pfn:  a frame of it
 * @type: UNMOVABLE, MOVABLE or RECLAIMABLE
 *
 * Its free pages move to the lists of that type. Context: any but interrupt.
 * Return: 0; -QUARRY_EINVAL: another type, or no such pageblock; -QUARRY_EBUSY: it is isolated, reserved for
 * atomic requests, or of a CMA area; nothing changed.
 */
int quarry_set_pageblock_type(struct quarry *q, pfn_t pfn, enum quarry_migratetype type);

/** quarry_zone_free_pages() - free pages of zone @zone of node @nid of @q, without what CPUs hold; 0 if
 * there is no such zone. Context: any. O(1). */
unsigned long quarry_zone_free_pages(struct quarry *q, int nid, enum quarry_zone_type zone);

/** quarry_cpu_nid() - node of CPU @cpu of @q; QUARRY_NO_NODE if there is no such CPU. With @mem the
 * nearest node that has memory. Context: any, booted. */
int quarry_cpu_nid(struct quarry *q, unsigned int cpu, bool mem);

#endif
