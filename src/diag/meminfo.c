/* SPDX-License-Identifier: MIT */
/*
 * /proc/meminfo, a node's meminfo, /proc/iomem, and the report that Linux gives on SysRq-m.
 *
 * Lines and their order are those of Linux 6.1 on x86-64. What belongs to processes, files, swap, huge
 * pages or Linux's own address space has no counterpart and reads 0.
 */
#include "diag.h"

/* Where a line's pages come from. */
enum meminfo_source {
	MEMINFO_ZERO, /* Quarry has no such thing */
	MEMINFO_TOTAL,
	MEMINFO_FREE,
	MEMINFO_USED,
	MEMINFO_AVAILABLE,
	MEMINFO_SLAB,
	MEMINFO_SLAB_RECLAIMABLE,
	MEMINFO_SLAB_UNRECLAIMABLE,
	MEMINFO_COMMIT_LIMIT,
	MEMINFO_CMA_TOTAL,
	MEMINFO_CMA_FREE,
	MEMINFO_SOURCES
};

struct meminfo_line {
	const char *name;
	enum meminfo_source source;
};

static const struct meminfo_line meminfo_lines[] = {
	{"MemTotal:       ", MEMINFO_TOTAL},
	{"MemFree:        ", MEMINFO_FREE},
	{"MemAvailable:   ", MEMINFO_AVAILABLE},
	{"Buffers:        ", MEMINFO_ZERO},
	{"Cached:         ", MEMINFO_ZERO},
	{"SwapCached:     ", MEMINFO_ZERO},
	{"Active:         ", MEMINFO_ZERO},
	{"Inactive:       ", MEMINFO_ZERO},
	{"Active(anon):   ", MEMINFO_ZERO},
	{"Inactive(anon): ", MEMINFO_ZERO},
	{"Active(file):   ", MEMINFO_ZERO},
	{"Inactive(file): ", MEMINFO_ZERO},
	{"Unevictable:    ", MEMINFO_ZERO},
	{"Mlocked:        ", MEMINFO_ZERO},
	{"SwapTotal:      ", MEMINFO_ZERO},
	{"SwapFree:       ", MEMINFO_ZERO},
	{"Dirty:          ", MEMINFO_ZERO},
	{"Writeback:      ", MEMINFO_ZERO},
	{"AnonPages:      ", MEMINFO_ZERO},
	{"Mapped:         ", MEMINFO_ZERO},
	{"Shmem:          ", MEMINFO_ZERO},
	{"KReclaimable:   ", MEMINFO_SLAB_RECLAIMABLE},
	{"Slab:           ", MEMINFO_SLAB},
	{"SReclaimable:   ", MEMINFO_SLAB_RECLAIMABLE},
	{"SUnreclaim:     ", MEMINFO_SLAB_UNRECLAIMABLE},
	{"KernelStack:    ", MEMINFO_ZERO},
	{"PageTables:     ", MEMINFO_ZERO},
	{"SecPageTables:  ", MEMINFO_ZERO},
	{"NFS_Unstable:   ", MEMINFO_ZERO},
	{"Bounce:         ", MEMINFO_ZERO},
	{"WritebackTmp:   ", MEMINFO_ZERO},
	{"CommitLimit:    ", MEMINFO_COMMIT_LIMIT},
	{"Committed_AS:   ", MEMINFO_ZERO},
	{"VmallocUsed:    ", MEMINFO_ZERO},
	{"VmallocChunk:   ", MEMINFO_ZERO},
	{"Percpu:         ", MEMINFO_ZERO},
	{"AnonHugePages:  ", MEMINFO_ZERO},
	{"ShmemHugePages: ", MEMINFO_ZERO},
	{"ShmemPmdMapped: ", MEMINFO_ZERO},
	{"FileHugePages:  ", MEMINFO_ZERO},
	{"FilePmdMapped:  ", MEMINFO_ZERO},
	{"CmaTotal:       ", MEMINFO_CMA_TOTAL},
	{"CmaFree:        ", MEMINFO_CMA_FREE},
};

static const struct meminfo_line meminfo_node_lines[] = {
	{"MemTotal:       ", MEMINFO_TOTAL},
	{"MemFree:        ", MEMINFO_FREE},
	{"MemUsed:        ", MEMINFO_USED},
	{"SwapCached:     ", MEMINFO_ZERO},
	{"Active:         ", MEMINFO_ZERO},
	{"Inactive:       ", MEMINFO_ZERO},
	{"Active(anon):   ", MEMINFO_ZERO},
	{"Inactive(anon): ", MEMINFO_ZERO},
	{"Active(file):   ", MEMINFO_ZERO},
	{"Inactive(file): ", MEMINFO_ZERO},
	{"Unevictable:    ", MEMINFO_ZERO},
	{"Mlocked:        ", MEMINFO_ZERO},
	{"Dirty:          ", MEMINFO_ZERO},
	{"Writeback:      ", MEMINFO_ZERO},
	{"FilePages:      ", MEMINFO_ZERO},
	{"Mapped:         ", MEMINFO_ZERO},
	{"AnonPages:      ", MEMINFO_ZERO},
	{"Shmem:          ", MEMINFO_ZERO},
	{"KernelStack:    ", MEMINFO_ZERO},
	{"PageTables:     ", MEMINFO_ZERO},
	{"SecPageTables:  ", MEMINFO_ZERO},
	{"NFS_Unstable:   ", MEMINFO_ZERO},
	{"Bounce:         ", MEMINFO_ZERO},
	{"WritebackTmp:   ", MEMINFO_ZERO},
	{"KReclaimable:   ", MEMINFO_SLAB_RECLAIMABLE},
	{"Slab:           ", MEMINFO_SLAB},
	{"SReclaimable:   ", MEMINFO_SLAB_RECLAIMABLE},
	{"SUnreclaim:     ", MEMINFO_SLAB_UNRECLAIMABLE},
	{"AnonHugePages:  ", MEMINFO_ZERO},
	{"ShmemHugePages: ", MEMINFO_ZERO},
	{"ShmemPmdMapped: ", MEMINFO_ZERO},
	{"FileHugePages: ", MEMINFO_ZERO},
	{"FilePmdMapped: ", MEMINFO_ZERO},
};

#define MEMINFO_BEFORE_VMALLOC 32u /* the line of Committed_AS */

/* Linux on x86-64 has 128 TiB less one KiB of addresses for vmalloc(). */
#define MEMINFO_VMALLOC_KIB "34359738367"

/* Pages that new work can have without swapping (Linux: si_mem_available()). */
static unsigned long meminfo_available(struct quarry *q, const struct diag_pages *p)
{
	unsigned long reclaimable = p->slab_reclaimable, available;
	struct quarry_totals totals;

	quarry_totals(q, &totals);
	reclaimable -= quarry_min(reclaimable / 2, p->low);
	available = p->free + reclaimable;
	return available > totals.totalreserve ? available - totals.totalreserve : 0;
}

static void meminfo_values(struct quarry *q, const struct diag_pages *p, unsigned long *v)
{
	v[MEMINFO_ZERO] = 0;
	v[MEMINFO_TOTAL] = p->managed;
	v[MEMINFO_FREE] = p->free;
	v[MEMINFO_USED] = p->managed - p->free;
	v[MEMINFO_AVAILABLE] = meminfo_available(q, p);
	v[MEMINFO_SLAB] = p->slab_reclaimable + p->slab_unreclaimable;
	v[MEMINFO_SLAB_RECLAIMABLE] = p->slab_reclaimable;
	v[MEMINFO_SLAB_UNRECLAIMABLE] = p->slab_unreclaimable;
	v[MEMINFO_COMMIT_LIMIT] = p->managed / 2; /* Linux's default share, 50 percent */
	v[MEMINFO_CMA_TOTAL] = p->cma;
	v[MEMINFO_CMA_FREE] = p->free_cma;
}

static bool meminfo_is_cma(const struct meminfo_line *line)
{
	return line->source == MEMINFO_CMA_TOTAL || line->source == MEMINFO_CMA_FREE;
}

void quarry_show_meminfo(struct quarry *q, const struct quarry_out *out)
{
	unsigned long v[MEMINFO_SOURCES];
	bool cma = diag_has_cma(q);
	struct diag_pages p;

	diag_add_all(q, &p);
	meminfo_values(q, &p, v);
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(meminfo_lines); i++) {
		const struct meminfo_line *line = &meminfo_lines[i];

		if (cma || !meminfo_is_cma(line))
			quarry_out_printf(out, "%s%8lu kB\n", line->name,
					  v[line->source] * DIAG_KIB);
		if (i == MEMINFO_BEFORE_VMALLOC)
			quarry_out_printf(out, "VmallocTotal:   " MEMINFO_VMALLOC_KIB " kB\n");
	}
	quarry_out_printf(out, "HugePages_Total:   %5u\nHugePages_Free:    %5u\n", 0u, 0u);
	quarry_out_printf(out, "HugePages_Rsvd:    %5u\nHugePages_Surp:    %5u\n", 0u, 0u);
	quarry_out_printf(out, "Hugepagesize:   %8lu kB\nHugetlb:        %8u kB\n",
			  (unsigned long)(DIAG_KIB << QUARRY_PAGEBLOCK_ORDER), 0u);
	quarry_out_printf(out, "DirectMap4k:    %8u kB\nDirectMap2M:    %8u kB\n", 0u, 0u);
}

void quarry_show_node_meminfo(struct quarry *q, int nid, const struct quarry_out *out)
{
	unsigned long v[MEMINFO_SOURCES];
	struct diag_pages p = {0};

	diag_add_node(q, nid, &p);
	meminfo_values(q, &p, v);
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(meminfo_node_lines); i++)
		quarry_out_printf(out, "Node %d %s%8lu kB\n", nid, meminfo_node_lines[i].name,
				  v[meminfo_node_lines[i].source] * DIAG_KIB);
	quarry_out_printf(out, "Node %d HugePages_Total: %5u\n", nid, 0u);
	quarry_out_printf(out, "Node %d HugePages_Free:  %5u\n", nid, 0u);
	quarry_out_printf(out, "Node %d HugePages_Surp:  %5u\n", nid, 0u);
}

/* ---- iomem ---- */

/* What is reserved of [@start, @end). */
static void meminfo_iomem_reserved(const struct memblock_type *reserved, phys_addr_t start,
				   phys_addr_t end, const struct quarry_out *out)
{
	for (unsigned long i = 0; i < reserved->cnt; i++) {
		const struct memblock_region *r = &reserved->regions[i];
		phys_addr_t from = quarry_max(r->base, start);
		phys_addr_t to = quarry_min(r->base + r->size, end);

		if (from < to)
			quarry_out_printf(out, "  %08llx-%08llx : reserved\n",
					  (unsigned long long)from, (unsigned long long)(to - 1));
	}
}

void quarry_show_iomem(struct quarry *q, const struct quarry_out *out)
{
	const struct memblock *m = quarry_memblock(q);
	const struct memblock_type *memory = &m->memory;

	for (unsigned long i = 0; i < memory->cnt;) {
		const struct memblock_region *r = &memory->regions[i];
		bool nomap = (r->flags & MEMBLOCK_NOMAP) != 0;
		phys_addr_t end = r->base + r->size;

		/* Nodes are not told apart. */
		while (++i < memory->cnt && memory->regions[i].base == end &&
		       ((memory->regions[i].flags & MEMBLOCK_NOMAP) != 0) == nomap)
			end += memory->regions[i].size;
		if (end == r->base)
			continue;
		quarry_out_printf(out, "%08llx-%08llx : %s\n", (unsigned long long)r->base,
				  (unsigned long long)(end - 1), nomap ? "reserved" : "System RAM");
		if (!nomap)
			meminfo_iomem_reserved(&m->reserved, r->base, end, out);
	}
}

/* ---- SysRq-m ---- */

static void meminfo_mem_head(const struct quarry_out *out, const struct diag_pages *p)
{
	quarry_out_printf(out, "Mem-Info:\nactive_anon:0 inactive_anon:0 isolated_anon:0\n");
	quarry_out_printf(out, " active_file:0 inactive_file:0 isolated_file:0\n"
			       " unevictable:0 dirty:0 writeback:0\n");
	quarry_out_printf(out, " slab_reclaimable:%lu slab_unreclaimable:%lu\n",
			  p->slab_reclaimable, p->slab_unreclaimable);
	quarry_out_printf(out, " mapped:0 shmem:0 pagetables:0\n sec_pagetables:0 bounce:0\n"
			       " kernel_misc_reclaimable:0\n");
	quarry_out_printf(out, " free:%lu free_pcp:%lu free_cma:%lu\n", p->free, p->pcp,
			  p->free_cma);
}

static void meminfo_mem_node(const struct quarry_out *out, int nid)
{
	quarry_out_printf(out,
			  "Node %d active_anon:0kB inactive_anon:0kB active_file:0kB "
			  "inactive_file:0kB unevictable:0kB isolated(anon):0kB "
			  "isolated(file):0kB mapped:0kB dirty:0kB writeback:0kB ",
			  nid);
	quarry_out_printf(out, "shmem:0kB shmem_thp: 0kB shmem_pmdmapped: 0kB anon_thp: 0kB "
			       "writeback_tmp:0kB kernel_stack:0kB pagetables:0kB "
			       "sec_pagetables:0kB all_unreclaimable? no\n");
}

static void meminfo_mem_zone(struct quarry *q, const struct quarry_out *out, int nid,
			     enum quarry_zone_type zone, const struct quarry_zone_info *z)
{
	unsigned long k = DIAG_KIB;
	unsigned long highatomic = z->nr_pageblocks[QUARRY_MIGRATE_HIGHATOMIC]
				   << QUARRY_PAGEBLOCK_ORDER;
	quarry_pin_t pin = quarry_pin();
	unsigned int cpu = quarry_cpu();

	quarry_unpin(pin);
	quarry_out_printf(out, "Node %d %s free:%lukB boost:%lukB min:%lukB low:%lukB high:%lukB ",
			  nid, z->name, z->free * k, z->boost * k, z->wmark[QUARRY_WMARK_MIN] * k,
			  z->wmark[QUARRY_WMARK_LOW] * k, z->wmark[QUARRY_WMARK_HIGH] * k);
	quarry_out_printf(out,
			  "reserved_highatomic:%luKB active_anon:0kB inactive_anon:0kB "
			  "active_file:0kB inactive_file:0kB unevictable:0kB writepending:0kB ",
			  highatomic * k);
	quarry_out_printf(out,
			  "present:%lukB managed:%lukB mlocked:0kB bounce:0kB free_pcp:%lukB "
			  "local_pcp:%lukB free_cma:%lukB\nlowmem_reserve[]:",
			  z->present * k, z->managed * k, z->pcp * k,
			  quarry_pageset_count(q, nid, zone, cpu) * k, z->free_cma * k);
	for (unsigned int j = 0; j < QUARRY_NR_ZONES; j++)
		quarry_out_printf(out, " %lu", z->lowmem_reserve[j]);
	quarry_out_printf(out, "\n");
}

/* "(UME)": the types that have a free block of @order. */
static void meminfo_mem_types(const struct quarry_out *out, const struct quarry_zone_info *z,
			      unsigned int order)
{
	static const char letter[QUARRY_MIGRATE_TYPES + 1] = "UMEHCI";

	if (z->nr_free[order] == 0)
		return;
	quarry_out_printf(out, "(");
	for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES; t++) {
		if (z->nr_free_type[t][order] != 0)
			quarry_out_printf(out, "%c", letter[t]);
	}
	quarry_out_printf(out, ") ");
}

static void meminfo_mem_blocks(const struct quarry_out *out, int nid,
			       const struct quarry_zone_info *z)
{
	unsigned long pages = 0;

	quarry_out_printf(out, "Node %d %s: ", nid, z->name);
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		quarry_out_printf(out, "%lu*%lukB ", z->nr_free[o], (unsigned long)DIAG_KIB << o);
		meminfo_mem_types(out, z, o);
		pages += z->nr_free[o] << o;
	}
	quarry_out_printf(out, "= %lukB\n", pages * (unsigned long)DIAG_KIB);
}

static void meminfo_mem_tail(const struct quarry_out *out, const struct diag_pages *p, bool cma)
{
	quarry_out_printf(out, "0 total pagecache pages\n0 pages in swap cache\n"
			       "Free swap  = 0kB\nTotal swap = 0kB\n");
	quarry_out_printf(out, "%lu pages RAM\n%lu pages HighMem/MovableOnly\n", p->present,
			  p->movable);
	quarry_out_printf(out, "%lu pages reserved\n", p->present - p->managed);
	if (cma)
		quarry_out_printf(out, "%lu pages cma reserved\n", p->cma);
}

void quarry_show_mem(struct quarry *q, const struct quarry_out *out)
{
	struct quarry_zone_info info;
	int nodes = diag_nr_nodes(q), nid = 0, zone = -1;
	struct diag_pages p;

	diag_add_all(q, &p);
	meminfo_mem_head(out, &p);
	for (int n = 0; n < nodes; n++) {
		if (quarry_node_present(q, n))
			meminfo_mem_node(out, n);
	}
	while (diag_next_zone(q, &nid, &zone, &info))
		meminfo_mem_zone(q, out, nid, (enum quarry_zone_type)zone, &info);
	nid = 0;
	zone = -1;
	while (diag_next_zone(q, &nid, &zone, &info))
		meminfo_mem_blocks(out, nid, &info);
	for (int n = 0; n < nodes; n++) {
		if (quarry_node_online(q, n))
			quarry_out_printf(out,
					  "Node %d hugepages_total=0 hugepages_free=0 "
					  "hugepages_surp=0 hugepages_size=%lukB\n",
					  n, (unsigned long)(DIAG_KIB << QUARRY_PAGEBLOCK_ORDER));
	}
	meminfo_mem_tail(out, &p, diag_has_cma(q));
}
