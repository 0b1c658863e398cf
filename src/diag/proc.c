/* SPDX-License-Identifier: MIT */
/* The texts of Linux's /proc files on memory, byte for byte in its format. */
#include <base/format.h>
#include <base/quarry_state.h>

/* Linux lists CMA only where it is configured, and so do we: when a zone has such a pageblock. */
static bool proc_has_cma(struct quarry *q, int nr_nodes)
{
	struct quarry_zone_info info;

	for (int nid = 0; nid < nr_nodes; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			if (quarry_zone_info(q, nid, (enum quarry_zone_type)t, &info) &&
			    info.nr_pageblocks[QUARRY_MIGRATE_CMA] != 0)
				return true;
		}
	}
	return false;
}

static int proc_nr_nodes(struct quarry *q)
{
	struct quarry_totals totals;

	quarry_totals(q, &totals);
	return totals.nr_nodes;
}

void quarry_show_buddyinfo(struct quarry *q, const struct quarry_out *out)
{
	int nodes = proc_nr_nodes(q);
	struct quarry_zone_info info;

	for (int nid = 0; nid < nodes; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			if (!quarry_zone_info(q, nid, (enum quarry_zone_type)t, &info))
				continue;
			quarry_out_printf(out, "Node %d, zone %8s ", nid, info.name);
			for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
				quarry_out_printf(out, "%6lu ", info.nr_free[o]);
			quarry_out_printf(out, "\n");
		}
	}
}

static void proc_free_per_type(const struct quarry_out *out, int nid, bool cma,
			       const struct quarry_zone_info *info)
{
	for (unsigned int m = 0; m < QUARRY_MIGRATE_TYPES; m++) {
		if (m == QUARRY_MIGRATE_CMA && !cma)
			continue;
		quarry_out_printf(out, "Node %4d, zone %8s, type %12s ", nid, info->name,
				  quarry_migratetype_name((enum quarry_migratetype)m));
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			quarry_out_printf(out, "%6lu ", info->nr_free_type[m][o]);
		quarry_out_printf(out, "\n");
	}
}

static void proc_blocks_per_type(const struct quarry_out *out, int nid, bool cma,
				 const struct quarry_zone_info *info)
{
	quarry_out_printf(out, "Node %d, zone %8s ", nid, info->name);
	for (unsigned int m = 0; m < QUARRY_MIGRATE_TYPES; m++) {
		if (m != QUARRY_MIGRATE_CMA || cma)
			quarry_out_printf(out, "%12lu ", info->nr_pageblocks[m]);
	}
	quarry_out_printf(out, "\n");
}

void quarry_show_pagetypeinfo(struct quarry *q, const struct quarry_out *out)
{
	int nodes = proc_nr_nodes(q);
	bool cma = proc_has_cma(q, nodes);
	struct quarry_zone_info info;

	quarry_out_printf(out, "Page block order: %d\nPages per block:  %lu\n\n",
			  QUARRY_PAGEBLOCK_ORDER, (unsigned long)QUARRY_PAGEBLOCK_PAGES);
	quarry_out_printf(out, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
		quarry_out_printf(out, "%6u ", o);
	quarry_out_printf(out, "\n");
	for (int nid = 0; nid < nodes; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			if (quarry_zone_info(q, nid, (enum quarry_zone_type)t, &info))
				proc_free_per_type(out, nid, cma, &info);
		}
	}
	quarry_out_printf(out, "\n%-23s", "Number of blocks type ");
	for (unsigned int m = 0; m < QUARRY_MIGRATE_TYPES; m++) {
		if (m != QUARRY_MIGRATE_CMA || cma)
			quarry_out_printf(out, "%12s ",
					  quarry_migratetype_name((enum quarry_migratetype)m));
	}
	quarry_out_printf(out, "\n");
	for (int nid = 0; nid < nodes; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			if (quarry_zone_info(q, nid, (enum quarry_zone_type)t, &info))
				proc_blocks_per_type(out, nid, cma, &info);
		}
	}
}

void quarry_show_zoneinfo(struct quarry *q, const struct quarry_out *out)
{
	int nodes = proc_nr_nodes(q);
	struct quarry_zone_info info;

	for (int nid = 0; nid < nodes; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			if (!quarry_node_present(q, nid))
				continue;
			quarry_zone_info(q, nid, (enum quarry_zone_type)t, &info);
			quarry_out_printf(out, "Node %d, zone %8s\n", nid, info.name);
			quarry_out_printf(out, "  pages free     %lu\n        boost    0\n",
					  info.free);
			quarry_out_printf(out, "        min      %lu\n        low      %lu\n",
					  info.wmark[QUARRY_WMARK_MIN],
					  info.wmark[QUARRY_WMARK_LOW]);
			quarry_out_printf(out, "        high     %lu\n        spanned  %lu\n",
					  info.wmark[QUARRY_WMARK_HIGH], info.spanned);
			quarry_out_printf(out, "        present  %lu\n        managed  %lu\n",
					  info.present, info.managed);
			quarry_out_printf(out, "        cma      %lu\n        protection: (",
					  info.nr_pageblocks[QUARRY_MIGRATE_CMA] *
						  (unsigned long)QUARRY_PAGEBLOCK_PAGES);
			for (unsigned int j = 0; j < QUARRY_NR_ZONES; j++)
				quarry_out_printf(out, "%s%lu", j != 0 ? ", " : "",
						  info.lowmem_reserve[j]);
			quarry_out_printf(out, ")\n");
			if (info.managed == 0)
				continue;
			quarry_out_printf(out, "      nr_free_pages %lu\n", info.free);
			quarry_out_printf(out, "  start_pfn:           %llu\n",
					  (unsigned long long)info.start_pfn);
		}
	}
}

void quarry_show_slabinfo(struct quarry *q, const struct quarry_out *out)
{
	struct kmem_cache *c = NULL;
	struct quarry_cache_info i;

	quarry_out_printf(out, "slabinfo - version: 2.1\n");
	quarry_out_printf(
		out, "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		     "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		     "<active_slabs> <num_slabs> <sharedavail>\n");
	while ((c = quarry_kmem_cache_next(q, c)) != NULL) {
		quarry_kmem_cache_info(q, c, &i);
		quarry_out_printf(out, "%-17s %6lu %6lu %6u %4u %4d", i.name, i.active_objs,
				  i.num_objs, i.size, i.objs_per_slab, 1 << i.order);
		quarry_out_printf(out, " : tunables %4u %4u %4u", 0u, 0u, 0u);
		quarry_out_printf(out, " : slabdata %6lu %6lu %6lu\n", i.active_slabs, i.num_slabs,
				  0ul);
	}
}
