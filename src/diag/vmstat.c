/* SPDX-License-Identifier: MIT */
/*
 * /proc/vmstat, /proc/zoneinfo, and a node's vmstat and numastat.
 *
 * Lines and their order are those of Linux 6.1 on x86-64. What counts pages of processes, files, swap or
 * page tables has nothing to count here and reads 0; VMSTAT_ZERO and VMSTAT_NEVER below say which.
 */
#include "diag.h"

/* Where a line's number comes from. */
enum vmstat_source {
	VMSTAT_ZERO, /* Quarry has no such thing */
	VMSTAT_FREE,
	VMSTAT_FREE_CMA,
	VMSTAT_NUMA_HIT,
	VMSTAT_NUMA_MISS,
	VMSTAT_NUMA_FOREIGN,
	VMSTAT_NUMA_INTERLEAVE,
	VMSTAT_NUMA_LOCAL,
	VMSTAT_NUMA_OTHER,
	VMSTAT_SLAB_RECLAIMABLE,
	VMSTAT_SLAB_UNRECLAIMABLE,
	VMSTAT_SOURCES
};

struct vmstat_item {
	const char *name;
	enum vmstat_source source;
};

/* A count since boot. */
struct vmstat_event {
	const char *name;
	enum quarry_vm_event event; /* VMSTAT_NEVER: always 0 */
};

#define VMSTAT_NEVER QUARRY_NR_VM_EVENTS

/* Of a zone, a node or the machine. */
struct vmstat_values {
	uint64_t v[VMSTAT_SOURCES];
};

static const struct vmstat_item vmstat_zone_items[] = {
	{"nr_free_pages", VMSTAT_FREE},
	{"nr_zone_inactive_anon", VMSTAT_ZERO},
	{"nr_zone_active_anon", VMSTAT_ZERO},
	{"nr_zone_inactive_file", VMSTAT_ZERO},
	{"nr_zone_active_file", VMSTAT_ZERO},
	{"nr_zone_unevictable", VMSTAT_ZERO},
	{"nr_zone_write_pending", VMSTAT_ZERO},
	{"nr_mlock", VMSTAT_ZERO},
	{"nr_bounce", VMSTAT_ZERO},
	{"nr_zspages", VMSTAT_ZERO},
	{"nr_free_cma", VMSTAT_FREE_CMA},
};

static const struct vmstat_item vmstat_numa_items[] = {
	{"numa_hit", VMSTAT_NUMA_HIT},         {"numa_miss", VMSTAT_NUMA_MISS},
	{"numa_foreign", VMSTAT_NUMA_FOREIGN}, {"numa_interleave", VMSTAT_NUMA_INTERLEAVE},
	{"numa_local", VMSTAT_NUMA_LOCAL},     {"numa_other", VMSTAT_NUMA_OTHER},
};

static const struct vmstat_item vmstat_node_items[] = {
	{"nr_inactive_anon", VMSTAT_ZERO},
	{"nr_active_anon", VMSTAT_ZERO},
	{"nr_inactive_file", VMSTAT_ZERO},
	{"nr_active_file", VMSTAT_ZERO},
	{"nr_unevictable", VMSTAT_ZERO},
	{"nr_slab_reclaimable", VMSTAT_SLAB_RECLAIMABLE},
	{"nr_slab_unreclaimable", VMSTAT_SLAB_UNRECLAIMABLE},
	{"nr_isolated_anon", VMSTAT_ZERO},
	{"nr_isolated_file", VMSTAT_ZERO},
	{"workingset_nodes", VMSTAT_ZERO},
	{"workingset_refault_anon", VMSTAT_ZERO},
	{"workingset_refault_file", VMSTAT_ZERO},
	{"workingset_activate_anon", VMSTAT_ZERO},
	{"workingset_activate_file", VMSTAT_ZERO},
	{"workingset_restore_anon", VMSTAT_ZERO},
	{"workingset_restore_file", VMSTAT_ZERO},
	{"workingset_nodereclaim", VMSTAT_ZERO},
	{"nr_anon_pages", VMSTAT_ZERO},
	{"nr_mapped", VMSTAT_ZERO},
	{"nr_file_pages", VMSTAT_ZERO},
	{"nr_dirty", VMSTAT_ZERO},
	{"nr_writeback", VMSTAT_ZERO},
	{"nr_writeback_temp", VMSTAT_ZERO},
	{"nr_shmem", VMSTAT_ZERO},
	{"nr_shmem_hugepages", VMSTAT_ZERO},
	{"nr_shmem_pmdmapped", VMSTAT_ZERO},
	{"nr_file_hugepages", VMSTAT_ZERO},
	{"nr_file_pmdmapped", VMSTAT_ZERO},
	{"nr_anon_transparent_hugepages", VMSTAT_ZERO},
	{"nr_vmscan_write", VMSTAT_ZERO},
	{"nr_vmscan_immediate_reclaim", VMSTAT_ZERO},
	{"nr_dirtied", VMSTAT_ZERO},
	{"nr_written", VMSTAT_ZERO},
	{"nr_throttled_written", VMSTAT_ZERO},
	{"nr_kernel_misc_reclaimable", VMSTAT_ZERO},
	{"nr_foll_pin_acquired", VMSTAT_ZERO},
	{"nr_foll_pin_released", VMSTAT_ZERO},
	{"nr_kernel_stack", VMSTAT_ZERO},
	{"nr_page_table_pages", VMSTAT_ZERO},
	{"nr_sec_page_table_pages", VMSTAT_ZERO},
	{"nr_swapcached", VMSTAT_ZERO},
	{"pgpromote_success", VMSTAT_ZERO},
	{"pgpromote_candidate", VMSTAT_ZERO},
};

/* After the counts by zone type. */
static const struct vmstat_event vmstat_events[] = {
	{"pgactivate", VMSTAT_NEVER},
	{"pgdeactivate", VMSTAT_NEVER},
	{"pglazyfree", VMSTAT_NEVER},
	{"pgfault", VMSTAT_NEVER},
	{"pgmajfault", VMSTAT_NEVER},
	{"pglazyfreed", VMSTAT_NEVER},
	{"pgrefill", VMSTAT_NEVER},
	{"pgreuse", VMSTAT_NEVER},
	{"pgsteal_kswapd", QUARRY_VM_PGSTEAL_KSWAPD},
	{"pgsteal_direct", QUARRY_VM_PGSTEAL_DIRECT},
	{"pgdemote_kswapd", VMSTAT_NEVER},
	{"pgdemote_direct", VMSTAT_NEVER},
	{"pgscan_kswapd", QUARRY_VM_PGSCAN_KSWAPD},
	{"pgscan_direct", QUARRY_VM_PGSCAN_DIRECT},
	{"pgscan_direct_throttle", VMSTAT_NEVER},
	{"pgscan_anon", VMSTAT_NEVER},
	{"pgscan_file", VMSTAT_NEVER},
	{"pgsteal_anon", VMSTAT_NEVER},
	{"pgsteal_file", VMSTAT_NEVER},
	{"zone_reclaim_failed", VMSTAT_NEVER},
	{"pginodesteal", VMSTAT_NEVER},
	{"slabs_scanned", QUARRY_VM_SLABS_SCANNED},
	{"kswapd_inodesteal", VMSTAT_NEVER},
	{"kswapd_low_wmark_hit_quickly", QUARRY_VM_KSWAPD_LOW_HIT},
	{"kswapd_high_wmark_hit_quickly", QUARRY_VM_KSWAPD_HIGH_HIT},
	{"pageoutrun", QUARRY_VM_PAGEOUTRUN},
	{"pgrotated", VMSTAT_NEVER},
	{"drop_pagecache", VMSTAT_NEVER},
	{"drop_slab", QUARRY_VM_DROP_SLAB},
	{"oom_kill", QUARRY_VM_OOM_KILL},
	{"numa_pte_updates", VMSTAT_NEVER},
	{"numa_huge_pte_updates", VMSTAT_NEVER},
	{"numa_hint_faults", VMSTAT_NEVER},
	{"numa_hint_faults_local", VMSTAT_NEVER},
	{"numa_pages_migrated", VMSTAT_NEVER},
	{"pgmigrate_success", QUARRY_VM_PGMIGRATE_SUCCESS},
	{"pgmigrate_fail", QUARRY_VM_PGMIGRATE_FAIL},
	{"thp_migration_success", VMSTAT_NEVER},
	{"thp_migration_fail", VMSTAT_NEVER},
	{"thp_migration_split", VMSTAT_NEVER},
	{"compact_migrate_scanned", QUARRY_VM_COMPACT_MIGRATE_SCANNED},
	{"compact_free_scanned", QUARRY_VM_COMPACT_FREE_SCANNED},
	{"compact_isolated", QUARRY_VM_COMPACT_ISOLATED},
	{"compact_stall", QUARRY_VM_COMPACT_STALL},
	{"compact_fail", QUARRY_VM_COMPACT_FAIL},
	{"compact_success", QUARRY_VM_COMPACT_SUCCESS},
	{"compact_daemon_wake", QUARRY_VM_COMPACT_DAEMON_WAKE},
	{"compact_daemon_migrate_scanned", QUARRY_VM_COMPACT_DAEMON_MIGRATE},
	{"compact_daemon_free_scanned", QUARRY_VM_COMPACT_DAEMON_FREE},
	{"htlb_buddy_alloc_success", VMSTAT_NEVER},
	{"htlb_buddy_alloc_fail", VMSTAT_NEVER},
	{"cma_alloc_success", QUARRY_VM_CMA_ALLOC_SUCCESS},
	{"cma_alloc_fail", QUARRY_VM_CMA_ALLOC_FAIL},
	{"unevictable_pgs_culled", VMSTAT_NEVER},
	{"unevictable_pgs_scanned", VMSTAT_NEVER},
	{"unevictable_pgs_rescued", VMSTAT_NEVER},
	{"unevictable_pgs_mlocked", VMSTAT_NEVER},
	{"unevictable_pgs_munlocked", VMSTAT_NEVER},
	{"unevictable_pgs_cleared", VMSTAT_NEVER},
	{"unevictable_pgs_stranded", VMSTAT_NEVER},
	{"thp_fault_alloc", VMSTAT_NEVER},
	{"thp_fault_fallback", VMSTAT_NEVER},
	{"thp_fault_fallback_charge", VMSTAT_NEVER},
	{"thp_collapse_alloc", VMSTAT_NEVER},
	{"thp_collapse_alloc_failed", VMSTAT_NEVER},
	{"thp_file_alloc", VMSTAT_NEVER},
	{"thp_file_fallback", VMSTAT_NEVER},
	{"thp_file_fallback_charge", VMSTAT_NEVER},
	{"thp_file_mapped", VMSTAT_NEVER},
	{"thp_split_page", VMSTAT_NEVER},
	{"thp_split_page_failed", VMSTAT_NEVER},
	{"thp_deferred_split_page", VMSTAT_NEVER},
	{"thp_split_pmd", VMSTAT_NEVER},
	{"thp_scan_exceed_none_pte", VMSTAT_NEVER},
	{"thp_scan_exceed_swap_pte", VMSTAT_NEVER},
	{"thp_scan_exceed_share_pte", VMSTAT_NEVER},
	{"thp_split_pud", VMSTAT_NEVER},
	{"thp_zero_page_alloc", VMSTAT_NEVER},
	{"thp_zero_page_alloc_failed", VMSTAT_NEVER},
	{"thp_swpout", VMSTAT_NEVER},
	{"thp_swpout_fallback", VMSTAT_NEVER},
	{"balloon_inflate", VMSTAT_NEVER},
	{"balloon_deflate", VMSTAT_NEVER},
	{"balloon_migrate", VMSTAT_NEVER},
	{"swap_ra", VMSTAT_NEVER},
	{"swap_ra_hit", VMSTAT_NEVER},
	{"ksm_swpin_copy", VMSTAT_NEVER},
	{"cow_ksm", VMSTAT_NEVER},
	{"direct_map_level2_splits", VMSTAT_NEVER},
	{"direct_map_level3_splits", VMSTAT_NEVER},
};

static const char *const vmstat_zone_names[QUARRY_NR_ZONES] = {"dma", "dma32", "normal", "movable",
							       "device"};

static void vmstat_add_zone(struct quarry *q, int nid, enum quarry_zone_type zone,
			    struct vmstat_values *values)
{
	struct quarry_numa_stat numa;
	struct quarry_zone_info info;

	if (!quarry_zone_info(q, nid, zone, &info))
		return;
	quarry_zone_numa(q, nid, zone, &numa);
	values->v[VMSTAT_FREE] += info.free;
	values->v[VMSTAT_FREE_CMA] += info.free_cma;
	values->v[VMSTAT_NUMA_HIT] += numa.hit;
	values->v[VMSTAT_NUMA_MISS] += numa.miss;
	values->v[VMSTAT_NUMA_FOREIGN] += numa.foreign;
	values->v[VMSTAT_NUMA_INTERLEAVE] += numa.interleave;
	values->v[VMSTAT_NUMA_LOCAL] += numa.local;
	values->v[VMSTAT_NUMA_OTHER] += numa.other;
}

/* What is counted by node, not by zone. */
static void vmstat_add_slab(struct quarry *q, int nid, struct vmstat_values *values)
{
	unsigned long reclaimable, unreclaimable;

	quarry_slab_pages(q, nid, &reclaimable, &unreclaimable);
	values->v[VMSTAT_SLAB_RECLAIMABLE] += reclaimable;
	values->v[VMSTAT_SLAB_UNRECLAIMABLE] += unreclaimable;
}

static void vmstat_add_node(struct quarry *q, int nid, struct vmstat_values *values)
{
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
		vmstat_add_zone(q, nid, (enum quarry_zone_type)t, values);
	vmstat_add_slab(q, nid, values);
}

static void vmstat_print(const struct quarry_out *out, const struct vmstat_item *items, size_t nr,
			 const struct vmstat_values *values)
{
	for (size_t i = 0; i < nr; i++)
		quarry_out_printf(out, "%s %llu\n", items[i].name,
				  (unsigned long long)values->v[items[i].source]);
}

static void vmstat_print_all(const struct quarry_out *out, const struct vmstat_values *values)
{
	vmstat_print(out, vmstat_zone_items, QUARRY_ARRAY_SIZE(vmstat_zone_items), values);
	vmstat_print(out, vmstat_numa_items, QUARRY_ARRAY_SIZE(vmstat_numa_items), values);
	vmstat_print(out, vmstat_node_items, QUARRY_ARRAY_SIZE(vmstat_node_items), values);
}

/* Where writers of dirty pages would be throttled: Linux's default shares, 20 and 10 percent. */
static void vmstat_print_dirty(struct quarry *q, const struct quarry_out *out, uint64_t free)
{
	uint64_t thresh, background, dirtyable;
	struct quarry_totals totals;

	quarry_totals(q, &totals);
	dirtyable = 1 + (free > totals.totalreserve ? free - totals.totalreserve : 0);
	thresh = dirtyable * (20 * QUARRY_PAGE_SIZE / 100) >> QUARRY_PAGE_SHIFT;
	background = dirtyable * (10 * QUARRY_PAGE_SIZE / 100) >> QUARRY_PAGE_SHIFT;
	quarry_out_printf(out, "nr_dirty_threshold %llu\n", (unsigned long long)thresh);
	quarry_out_printf(out, "nr_dirty_background_threshold %llu\n",
			  (unsigned long long)background);
}

static void vmstat_print_zone_events(struct quarry *q, const struct quarry_out *out)
{
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
		quarry_out_printf(out, "pgalloc_%s %llu\n", vmstat_zone_names[t],
				  (unsigned long long)quarry_pgalloc(q, (enum quarry_zone_type)t));
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
		quarry_out_printf(out, "allocstall_%s %llu\n", vmstat_zone_names[t],
				  (unsigned long long)quarry_vm_event(
					  q, (enum quarry_vm_event)(QUARRY_VM_ALLOCSTALL_DMA + t)));
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
		quarry_out_printf(out, "pgskip_%s 0\n", vmstat_zone_names[t]);
	quarry_out_printf(out, "pgfree %llu\n", (unsigned long long)quarry_pgfree(q));
}

static bool vmstat_event_is_cma(enum quarry_vm_event event)
{
	return event == QUARRY_VM_CMA_ALLOC_SUCCESS || event == QUARRY_VM_CMA_ALLOC_FAIL;
}

void quarry_show_vmstat(struct quarry *q, const struct quarry_out *out)
{
	static const char *const first[] = {"pgpgin", "pgpgout", "pswpin", "pswpout"};
	struct vmstat_values values = {{0}};
	int nodes = diag_nr_nodes(q);
	bool cma = diag_has_cma(q);

	for (int nid = 0; nid < nodes; nid++)
		vmstat_add_node(q, nid, &values);
	vmstat_print_all(out, &values);
	vmstat_print_dirty(q, out, values.v[VMSTAT_FREE]);
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(first); i++)
		quarry_out_printf(out, "%s 0\n", first[i]);
	vmstat_print_zone_events(q, out);
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(vmstat_events); i++) {
		const struct vmstat_event *e = &vmstat_events[i];

		if (cma || !vmstat_event_is_cma(e->event))
			quarry_out_printf(out, "%s %llu\n", e->name,
					  (unsigned long long)quarry_vm_event(q, e->event));
	}
	quarry_out_printf(out, "nr_unstable 0\n");
}

void quarry_show_node_vmstat(struct quarry *q, int nid, const struct quarry_out *out)
{
	struct vmstat_values values = {{0}};

	vmstat_add_node(q, nid, &values);
	vmstat_print_all(out, &values);
}

void quarry_show_node_numastat(struct quarry *q, int nid, const struct quarry_out *out)
{
	struct vmstat_values values = {{0}};

	vmstat_add_node(q, nid, &values);
	quarry_out_printf(out, "numa_hit %llu\nnuma_miss %llu\nnuma_foreign %llu\n",
			  (unsigned long long)values.v[VMSTAT_NUMA_HIT],
			  (unsigned long long)values.v[VMSTAT_NUMA_MISS],
			  (unsigned long long)values.v[VMSTAT_NUMA_FOREIGN]);
	quarry_out_printf(out, "interleave_hit %llu\nlocal_node %llu\nother_node %llu\n",
			  (unsigned long long)values.v[VMSTAT_NUMA_INTERLEAVE],
			  (unsigned long long)values.v[VMSTAT_NUMA_LOCAL],
			  (unsigned long long)values.v[VMSTAT_NUMA_OTHER]);
}

/* ---- zoneinfo ---- */

static void vmstat_zoneinfo_items(const struct quarry_out *out, const struct vmstat_item *items,
				  size_t nr, const struct vmstat_values *values)
{
	for (size_t i = 0; i < nr; i++)
		quarry_out_printf(out, "      %-12s %llu\n", items[i].name,
				  (unsigned long long)values->v[items[i].source]);
}

/* What every zone has, also one without a page. */
static void vmstat_zoneinfo_marks(const struct quarry_out *out, const struct quarry_zone_info *info)
{
	quarry_out_printf(out, "  pages free     %lu\n        boost    %lu\n", info->free,
			  info->boost);
	quarry_out_printf(out, "        min      %lu\n        low      %lu\n",
			  info->wmark[QUARRY_WMARK_MIN], info->wmark[QUARRY_WMARK_LOW]);
	quarry_out_printf(out, "        high     %lu\n        spanned  %lu\n",
			  info->wmark[QUARRY_WMARK_HIGH], info->spanned);
	quarry_out_printf(out, "        present  %lu\n        managed  %lu\n", info->present,
			  info->managed);
	quarry_out_printf(out, "        cma      %lu\n        protection: (", info->cma);
	for (unsigned int j = 0; j < QUARRY_NR_ZONES; j++)
		quarry_out_printf(out, "%s%lu", j != 0 ? ", " : "", info->lowmem_reserve[j]);
	quarry_out_printf(out, ")\n");
}

static void vmstat_zoneinfo_pagesets(struct quarry *q, const struct quarry_out *out, int nid,
				     enum quarry_zone_type zone,
				     const struct quarry_zone_info *info)
{
	unsigned int threshold = quarry_stat_threshold(q, nid, zone);
	struct quarry_totals totals;

	quarry_totals(q, &totals);
	quarry_out_printf(out, "  pagesets\n");
	for (unsigned int cpu = 0; cpu < totals.nr_cpus; cpu++) {
		quarry_out_printf(out, "    cpu: %u\n              count: %lu\n", cpu,
				  quarry_pageset_count(q, nid, zone, cpu));
		quarry_out_printf(out, "              high:  %lu\n              batch: %lu\n",
				  info->pcp_high, info->pcp_batch);
		quarry_out_printf(out, "  vm stats threshold: %u\n", threshold);
	}
}

/* @first: no lower zone of the node has memory, so that this one tells of the node. */
static void vmstat_zoneinfo_zone(struct quarry *q, const struct quarry_out *out, int nid,
				 enum quarry_zone_type zone, bool *first)
{
	struct vmstat_values values = {{0}};
	struct quarry_zone_info info;

	quarry_zone_info(q, nid, zone, &info);
	vmstat_add_zone(q, nid, zone, &values);
	quarry_out_printf(out, "Node %d, zone %8s\n", nid, info.name);
	if (info.present != 0 && *first) {
		*first = false;
		vmstat_add_slab(q, nid, &values);
		quarry_out_printf(out, "  per-node stats\n");
		vmstat_zoneinfo_items(out, vmstat_node_items, QUARRY_ARRAY_SIZE(vmstat_node_items),
				      &values);
	}
	vmstat_zoneinfo_marks(out, &info);
	if (info.present == 0)
		return;
	vmstat_zoneinfo_items(out, vmstat_zone_items, QUARRY_ARRAY_SIZE(vmstat_zone_items),
			      &values);
	vmstat_zoneinfo_items(out, vmstat_numa_items, QUARRY_ARRAY_SIZE(vmstat_numa_items),
			      &values);
	vmstat_zoneinfo_pagesets(q, out, nid, zone, &info);
	quarry_out_printf(out, "  node_unreclaimable:  0\n  start_pfn:           %llu\n",
			  (unsigned long long)info.start_pfn);
}

void quarry_show_zoneinfo(struct quarry *q, const struct quarry_out *out)
{
	int nodes = diag_nr_nodes(q);

	for (int nid = 0; nid < nodes; nid++) {
		bool first = true;

		if (!quarry_node_online(q, nid))
			continue;
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
			vmstat_zoneinfo_zone(q, out, nid, (enum quarry_zone_type)t, &first);
	}
}
