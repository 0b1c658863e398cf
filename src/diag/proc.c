/* SPDX-License-Identifier: MIT */
/* The texts of Linux's /proc files on memory, byte for byte in its format. */
#include "diag.h"

/* Linux stops counting the blocks of a list at so many, and says so by a sign. */
#define PROC_COUNT_MAX 100000ul

void quarry_show_buddyinfo(struct quarry *q, const struct quarry_out *out)
{
	struct quarry_zone_info info;
	int nid = 0, zone = -1;

	while (diag_next_zone(q, &nid, &zone, &info)) {
		quarry_out_printf(out, "Node %d, zone %8s ", nid, info.name);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			quarry_out_printf(out, "%6lu ", info.nr_free[o]);
		quarry_out_printf(out, "\n");
	}
}

#if !QUARRY_TINY

/* debugfs extfrag/extfrag_index and unusable_index, in thousandths. */
static void proc_index(const struct quarry_out *out, bool signed_place, int index)
{
	quarry_out_printf(out, "%*d.%03d ", signed_place ? 2 : 1, index / 1000, index % 1000);
}

void quarry_show_extfrag_index(struct quarry *q, const struct quarry_out *out)
{
	struct quarry_zone_info info;
	int nid = 0, zone = -1;

	while (diag_next_zone(q, &nid, &zone, &info)) {
		quarry_out_printf(out, "Node %d, zone %8s ", nid, info.name);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			proc_index(
				out, true,
				quarry_fragmentation_index(q, nid, (enum quarry_zone_type)zone, o));
		quarry_out_printf(out, "\n");
	}
}

void quarry_show_unusable_index(struct quarry *q, const struct quarry_out *out)
{
	struct quarry_zone_info info;
	int nid = 0, zone = -1;

	while (diag_next_zone(q, &nid, &zone, &info)) {
		quarry_out_printf(out, "Node %d, zone %8s ", nid, info.name);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			proc_index(out, false,
				   quarry_unusable_index(q, nid, (enum quarry_zone_type)zone, o));
		quarry_out_printf(out, "\n");
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
			quarry_out_printf(out, "%s%6lu ",
					  info->nr_free_type[m][o] >= PROC_COUNT_MAX ? ">" : "",
					  quarry_min(info->nr_free_type[m][o], PROC_COUNT_MAX));
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

static void proc_pagetypeinfo_node(struct quarry *q, int nid, bool cma,
				   const struct quarry_out *out)
{
	struct quarry_zone_info info;

	quarry_out_printf(out, "Page block order: %d\nPages per block:  %lu\n\n",
			  QUARRY_PAGEBLOCK_ORDER, (unsigned long)QUARRY_PAGEBLOCK_PAGES);
	quarry_out_printf(out, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
		quarry_out_printf(out, "%6u ", o);
	quarry_out_printf(out, "\n");
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		if (quarry_zone_info(q, nid, (enum quarry_zone_type)t, &info))
			proc_free_per_type(out, nid, cma, &info);
	}
	quarry_out_printf(out, "\n%-23s", "Number of blocks type ");
	for (unsigned int m = 0; m < QUARRY_MIGRATE_TYPES; m++) {
		if (m != QUARRY_MIGRATE_CMA || cma)
			quarry_out_printf(out, "%12s ",
					  quarry_migratetype_name((enum quarry_migratetype)m));
	}
	quarry_out_printf(out, "\n");
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		if (quarry_zone_info(q, nid, (enum quarry_zone_type)t, &info))
			proc_blocks_per_type(out, nid, cma, &info);
	}
}

void quarry_show_pagetypeinfo(struct quarry *q, const struct quarry_out *out)
{
	int nodes = diag_nr_nodes(q);
	bool cma = diag_has_cma(q);

	/* Each node with memory tells all of it, head lines included. */
	for (int nid = 0; nid < nodes; nid++) {
		if (quarry_node_present(q, nid))
			proc_pagetypeinfo_node(q, nid, cma, out);
	}
}

#endif

struct proc_slabinfo {
	struct quarry *q;
	const struct quarry_out *out;
};

#define PROC_SLABINFO_NAME 128u /* with the end: what slabtop and vmstat -m have room for */

/*
 * A cache's name as one word. With blanks in a name, none, or a longer one those who read the text take nothing of it,
 * for all caches.
 */
static const char *proc_slabinfo_name(const char *name, char *word)
{
	size_t n = 0;

	for (; n < PROC_SLABINFO_NAME - 1 && name[n] != '\0'; n++) {
		word[n] = name[n];
		if ((unsigned char)name[n] <= ' ' || name[n] == 0x7f)
			word[n] = '_';
	}
	word[n] = '\0';
	return n != 0 ? word : "_";
}

static int proc_slabinfo_cache(struct kmem_cache *cache, void *arg)
{
	char word[PROC_SLABINFO_NAME];
	struct proc_slabinfo *p = arg;
	struct quarry_cache_info i;

	quarry_kmem_cache_info(p->q, cache, &i);
	quarry_out_printf(p->out, "%-17s %6lu %6lu %6u %4u %4d",
			  QUARRY_TINY ? i.name : proc_slabinfo_name(i.name, word), i.active_objs,
			  i.num_objs, i.size, i.objs_per_slab, 1 << i.order);
	quarry_out_printf(p->out, " : tunables %4u %4u %4u", 0u, 0u, 0u);
	quarry_out_printf(p->out, " : slabdata %6lu %6lu %6lu\n", i.active_slabs, i.num_slabs, 0ul);
	return 0;
}

void quarry_show_slabinfo(struct quarry *q, const struct quarry_out *out)
{
	struct proc_slabinfo p = {q, out};

	quarry_out_printf(out, "slabinfo - version: 2.1\n");
	quarry_out_printf(
		out, "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		     "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		     "<active_slabs> <num_slabs> <sharedavail>\n");
	(void)quarry_kmem_cache_for_each(q, proc_slabinfo_cache, &p);
}
