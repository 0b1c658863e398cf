/* SPDX-License-Identifier: MIT */
/*
 * Views in /proc format, and validators. Everything here is computed from the structures when
 * asked.
 */
#ifndef QUARRY_DEBUG_H
#define QUARRY_DEBUG_H

#include <quarry/types.h>

/* Where text goes: called with pieces of it, in order. */
struct quarry_out {
	void (*write)(void *ctx, const char *text, size_t len);
	void *ctx;
};

/** quarry_show_buddyinfo() - /proc/buddyinfo of @q to @out: free blocks per node, zone and order. */
void quarry_show_buddyinfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_pagetypeinfo() - /proc/pagetypeinfo of @q to @out. */
void quarry_show_pagetypeinfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_zoneinfo() - /proc/zoneinfo of @q to @out. */
void quarry_show_zoneinfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_vmstat() - /proc/vmstat of @q to @out. Lines without a counterpart here read 0. */
void quarry_show_vmstat(struct quarry *q, const struct quarry_out *out);
/** quarry_show_meminfo() - /proc/meminfo of @q to @out. Lines without a counterpart here read 0. */
void quarry_show_meminfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_iomem() - RAM of @q and what is reserved of it to @out, in the format of /proc/iomem. */
void quarry_show_iomem(struct quarry *q, const struct quarry_out *out);
/** quarry_show_extfrag_index() - debugfs extfrag/extfrag_index of @q to @out. */
void quarry_show_extfrag_index(struct quarry *q, const struct quarry_out *out);
/** quarry_show_unusable_index() - debugfs extfrag/unusable_index of @q to @out. */
void quarry_show_unusable_index(struct quarry *q, const struct quarry_out *out);
/** quarry_show_node_meminfo() - meminfo of node @nid of @q to @out, as in /sys/devices/system/node. */
void quarry_show_node_meminfo(struct quarry *q, int nid, const struct quarry_out *out);
/** quarry_show_node_vmstat() - vmstat of node @nid of @q to @out, as in /sys/devices/system/node. */
void quarry_show_node_vmstat(struct quarry *q, int nid, const struct quarry_out *out);
/** quarry_show_node_numastat() - numastat of node @nid of @q to @out, as in /sys/devices/system/node. */
void quarry_show_node_numastat(struct quarry *q, int nid, const struct quarry_out *out);
/** quarry_show_mem() - the report that Linux gives on SysRq-m and when a request fails, of @q to @out. */
void quarry_show_mem(struct quarry *q, const struct quarry_out *out);
/** quarry_show_slabinfo() - /proc/slabinfo 2.1 of @q to @out. */
void quarry_show_slabinfo(struct quarry *q, const struct quarry_out *out);
/** quarry_show_memblock() - memblock's two lists of @q to @out, as memblock=debug prints them. */
void quarry_show_memblock(struct quarry *q, const struct quarry_out *out);
/** quarry_show_memblock_list() - one list of @q to @out, memory or what is @reserved, as Linux 6.6's
 * debugfs has it: number, first and last byte, node or x, flags by name, joined by | if several. */
void quarry_show_memblock_list(struct quarry *q, bool reserved, const struct quarry_out *out);
/** quarry_show_refusal() - the last refused request of @q to @out, in words; nothing if there was
 * none. */
void quarry_show_refusal(struct quarry *q, const struct quarry_out *out);

/*
 * Validators. Each walks its layer, compares everything that is stored twice, and returns 0, or the
 * number of faults; the first is described to @out (which may be NULL). Context: no other CPU at work.
 */
/** quarry_check_memblock() - validate memblock of @q: sorted, disjoint, merged, totals exact;
 * faults to @out. */
unsigned int quarry_check_memblock(struct quarry *q, const struct quarry_out *out);
/** quarry_check_bootmem() - validate bootmem of @q: list sorted, hints and ends in range; faults
 * to @out. */
unsigned int quarry_check_bootmem(struct quarry *q, const struct quarry_out *out);
/** quarry_check_pages() - validate the page allocator of @q: bitmaps, lists, counts, descriptors,
 * sheaves; faults to @out. */
unsigned int quarry_check_pages(struct quarry *q, const struct quarry_out *out);
/** quarry_check_slab() - validate all caches of @q: records, bitmaps, lists, sheaves, counts;
 * faults to @out. */
unsigned int quarry_check_slab(struct quarry *q, const struct quarry_out *out);
/** quarry_check() - all validators of @q that apply at its stage; faults to @out. */
unsigned int quarry_check(struct quarry *q, const struct quarry_out *out);

#endif
