/* SPDX-License-Identifier: MIT */
/*
 * A simulated page cache: pages of files that are kept in memory as long as there is room.
 *
 * It holds what a machine that has been up for a while holds: pages that are taken whenever memory is
 * free, given back when memory is short, and moved when a large block is wanted. Files have no contents:
 * a file page is a number.
 */
#ifndef CLI_PAGECACHE_H
#define CLI_PAGECACHE_H

#include <quarry/quarry.h>

#define PAGECACHE_MAX ((uint64_t)1 << 24) /* pages that may be cached: 64 GiB */
#define PAGECACHE_FILL UINT64_MAX         /* pagecache_fill(): all above the high watermarks */

struct pagecache_options {
	uint64_t seed;              /* of all random choices */
	unsigned int dirty_percent; /* of the pages that come into the cache */
	bool pinned;                /* pages cannot be moved: no compaction */
};

/* Pages and events, since pagecache_new(). */
struct pagecache_stats {
	uint64_t cached, active, inactive, dirty; /* now */
	uint64_t reads, hits, misses;
	uint64_t refaults; /* misses of pages that had been reclaimed */
	uint64_t refused;  /* misses for which there was no memory */
	uint64_t reclaimed, written;
	uint64_t spared;  /* second chances: used since they were looked at last */
	uint64_t skipped; /* dirty, and the request may not start IO */
	uint64_t activated, deactivated;
	uint64_t migrated;
};

struct pagecache;

/* An empty cache on @q, which must stay; one cache a machine. Ends the program if the host has no memory. */
struct pagecache *pagecache_new(struct quarry *q, const struct pagecache_options *options);
/* Its pages stay allocated: the machine is thrown away too. */
void pagecache_delete(struct pagecache *pc);

/*
 * Fill an empty cache with about @want pages at places scattered at random, so that the free pages left are
 * scattered too: first all memory is taken, then pages are given back at random. File pages 0 ... are
 * then cached, lower ones used more recently. There are twice as many file pages. Returns false, and the
 * cache is empty, if there is more memory than PAGECACHE_MAX pages.
 */
bool pagecache_fill(struct pagecache *pc, uint64_t want);

/* Use file page @file: found, or read in, for which memory may have to be reclaimed. False: no memory. */
bool pagecache_read(struct pagecache *pc, uint32_t file);
/* Use a file page at random, low numbers more often; nothing if there is no file. */
void pagecache_read_any(struct pagecache *pc);

/* struct quarry_port.reclaim and .reclaimable. */
unsigned long pagecache_reclaim(struct pagecache *pc, int nid, gfp_t gfp, unsigned long nr_pages);
unsigned long pagecache_reclaimable(const struct pagecache *pc, int nid,
				    enum quarry_zone_type zone);

/* Where file page @file is; false: it is not cached. */
bool pagecache_find(const struct pagecache *pc, uint32_t file, pfn_t *pfn);
const struct pagecache_stats *pagecache_stats(const struct pagecache *pc);
/* Faults found in its lists, counts and places; 0: none. */
unsigned long pagecache_check(const struct pagecache *pc);

/* The next number of a sequence that depends on @state alone. */
uint64_t pagecache_random(uint64_t *state);

#endif
