/* SPDX-License-Identifier: MIT */
/*
 * Nodes, zones and zonelists as Linux's code reads them, filled in from the library; and those page calls of
 * Linux's that are more than one call of the library's.
 *
 * Linux's struct zone is the allocator's own; here it is a view. So it is as old as its last
 * filling in: mmzone.h says when that is.
 */
#include <linux/gfp.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include <stdlib.h>
#include <string.h>

#include <quarry_host.h>

nodemask_t node_states[NR_NODE_STATES] = {[N_POSSIBLE] = {{1}}, [N_ONLINE] = {{1}}};

/* The instance, once it has booted; NULL before. */
static struct quarry *pages_booted(void)
{
	struct quarry *q = quarry_linux_current();

	return q != NULL && quarry_stage(q) >= QUARRY_STAGE_PAGES ? q : NULL;
}

/* ---- nodes and zones ---- */

static void pages_fill_zone(struct quarry *q, struct pglist_data *node, unsigned int type)
{
	struct zone *z = &node->node_zones[type];
	struct quarry_zone_info info;

	quarry_zone_info(q, node->node_id, (enum quarry_zone_type)type, &info);
	z->node = node->node_id;
	z->zone_pgdat = node;
	z->name = info.name;
	z->zone_start_pfn = (unsigned long)info.start_pfn;
	z->spanned_pages = info.spanned;
	z->present_pages = info.present;
	z->managed_pages = info.managed;
	z->cma_pages = info.cma;
	for (unsigned int i = 0; i < NR_WMARK; i++)
		z->_watermark[i] = info.wmark[i];
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		z->lowmem_reserve[i] = (long)info.lowmem_reserve[i];
	for (unsigned int i = 0; i < MAX_ORDER; i++)
		z->free_area[i].nr_free = info.nr_free[i];
	if (info.managed != 0)
		node->nr_zones = (int)type + 1;
}

static void pages_fill_list(struct quarry *q, struct pglist_data *node, unsigned int which)
{
	struct zoneref *ref = node->node_zonelists[which]._zonerefs;
	struct quarry_zoneref list[MAX_ZONES_PER_ZONELIST];
	unsigned int n = quarry_zonelist(q, node->node_id, which == ZONELIST_NOFALLBACK, list,
					 MAX_ZONES_PER_ZONELIST);

	for (unsigned int i = 0; i < n; i++) {
		struct pglist_data *home = quarry_linux_node(list[i].nid);

		ref[i].zone = &home->node_zones[list[i].zone];
		ref[i].zone_idx = (int)list[i].zone;
		if (ref[i].zone->zone_pgdat == NULL)
			pages_fill_zone(q, home, list[i].zone);
	}
	ref[n] = (struct zoneref){NULL, 0};
}

struct pglist_data *quarry_linux_pgdat(int nid)
{
	struct pglist_data *node = quarry_linux_node(nid);
	struct quarry *q = pages_booted();

	if (q == NULL)
		return node;
	node->nr_zones = 0;
	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		pages_fill_zone(q, node, type);
	for (unsigned int i = 0; i < MAX_ZONELISTS; i++)
		pages_fill_list(q, node, i);
	return node;
}

struct zone *quarry_linux_zone(int nid, enum quarry_zone_type type)
{
	struct pglist_data *node = quarry_linux_node(nid);

	if (node->node_zones[type].zone_pgdat == NULL)
		quarry_linux_pgdat(nid);
	return &node->node_zones[type];
}

struct pglist_data *first_online_pgdat(void)
{
	return quarry_linux_pgdat(first_online_node);
}

struct pglist_data *next_online_pgdat(struct pglist_data *pgdat)
{
	int nid = next_online_node(pgdat->node_id);

	return nid < MAX_NUMNODES ? quarry_linux_pgdat(nid) : NULL;
}

struct zone *next_zone(struct zone *zone)
{
	struct pglist_data *node = zone->zone_pgdat;

	if (zone < &node->node_zones[MAX_NR_ZONES - 1])
		return zone + 1;
	node = next_online_pgdat(node);
	return node != NULL ? node->node_zones : NULL;
}

/* The node, as a mask, if it has memory below ZONE_MOVABLE. */
static quarry_nodemask_t pages_normal_memory(struct quarry *q, int nid)
{
	struct quarry_zoneref list[MAX_NR_ZONES];
	unsigned int n = quarry_zonelist(q, nid, true, list, MAX_NR_ZONES);

	/* From high to low. */
	return n != 0 && list[n - 1].zone < QUARRY_ZONE_MOVABLE ? (quarry_nodemask_t)1 << nid : 0;
}

nodemask_t *quarry_linux_node_states(void)
{
	quarry_nodemask_t cpus = 0, memory = 0, normal = 0, possible = 0;
	struct quarry *q = pages_booted();
	struct quarry_totals totals;

	if (q == NULL) /* what boot code has said */
		return node_states;
	quarry_totals(q, &totals);
	for (unsigned int cpu = 0; cpu < totals.nr_cpus; cpu++)
		cpus |= (quarry_nodemask_t)1 << quarry_cpu_nid(q, cpu, false);
	for (int nid = 0; nid < totals.nr_nodes; nid++) {
		if (quarry_node_possible(q, nid))
			possible |= (quarry_nodemask_t)1 << nid;
		if (!quarry_node_present(q, nid))
			continue;
		memory |= (quarry_nodemask_t)1 << nid;
		normal |= pages_normal_memory(q, nid);
	}
	node_states[N_POSSIBLE] = quarry_nodemask_of(possible);
	node_states[N_ONLINE] = quarry_nodemask_of(cpus | memory);
	node_states[N_NORMAL_MEMORY] = quarry_nodemask_of(normal);
	node_states[N_MEMORY] = quarry_nodemask_of(memory);
	node_states[N_CPU] = quarry_nodemask_of(cpus);
	return node_states;
}

int numa_node_id(void)
{
	struct quarry *q = pages_booted();

	return q != NULL ? quarry_cpu_nid(q, quarry_cpu(), false) : 0;
}

int numa_mem_id(void)
{
	struct quarry *q = pages_booted();

	return q != NULL ? quarry_cpu_nid(q, quarry_cpu(), true) : 0;
}

void drain_local_pages(struct zone *zone)
{
	(void)zone;
	quarry_drain_pages(quarry_linux(), quarry_cpu());
}

/* ---- counts ---- */

struct quarry_totals quarry_linux_totals(void)
{
	struct quarry_totals totals = {.nr_nodes = 0};
	struct quarry *q = pages_booted();

	if (q != NULL)
		quarry_totals(q, &totals);
	return totals;
}

unsigned long zone_page_state(struct zone *zone, enum zone_stat_item item)
{
	struct quarry *q = pages_booted();
	struct quarry_zone_info info;

	if (q == NULL)
		return 0;
	if (item == NR_FREE_CMA_PAGES && quarry_zone_info(q, zone->node, zone_idx(zone), &info))
		return info.free_cma;
	return item == NR_FREE_PAGES ? quarry_zone_free_pages(q, zone->node, zone_idx(zone)) : 0;
}

unsigned long quarry_linux_node_state(int nid, enum zone_stat_item item)
{
	unsigned long sum = 0;

	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		sum += zone_page_state(quarry_linux_zone(nid, (enum quarry_zone_type)type), item);
	return sum;
}

unsigned long global_zone_page_state(enum zone_stat_item item)
{
	unsigned long sum = 0;
	int nid;

	for_each_online_node(nid) sum += quarry_linux_node_state(nid, item);
	return sum;
}

unsigned long global_node_page_state_pages(enum node_stat_item item)
{
	struct quarry *q = pages_booted();
	struct quarry_cache_info info;
	struct kmem_cache *s = NULL;
	unsigned long sum = 0;

	while (q != NULL && (s = quarry_kmem_cache_next(q, s)) != NULL) {
		bool reclaimable;

		quarry_kmem_cache_info(q, s, &info);
		reclaimable = (info.flags & SLAB_RECLAIM_ACCOUNT) != 0;
		if (reclaimable == (item == NR_SLAB_RECLAIMABLE_B))
			sum += info.pages;
	}
	return sum;
}

unsigned long nr_free_buffer_pages(void)
{
	struct zoneref *z;
	struct zone *zone;
	unsigned long sum = 0;

	if (pages_booted() == NULL)
		return 0;
	for_each_zone_zonelist(zone, z, node_zonelist(numa_node_id(), GFP_KERNEL),
			       gfp_zone(GFP_USER))
	{
		if (zone_managed_pages(zone) > high_wmark_pages(zone))
			sum += zone_managed_pages(zone) - high_wmark_pages(zone);
	}
	return sum;
}

void si_meminfo(struct sysinfo *val)
{
	struct quarry_totals totals = quarry_linux_totals();

	val->totalram = totals.managed;
	val->sharedram = 0;
	val->freeram = totals.free;
	val->bufferram = 0;
	val->totalhigh = 0;
	val->freehigh = 0;
	val->mem_unit = PAGE_SIZE;
}

void si_meminfo_node(struct sysinfo *val, int nid)
{
	const struct pglist_data *node = NODE_DATA(nid);

	val->totalram = 0;
	for (unsigned int type = 0; type < MAX_NR_ZONES; type++)
		val->totalram += zone_managed_pages(&node->node_zones[type]);
	val->sharedram = 0;
	val->freeram = quarry_linux_node_state(nid, NR_FREE_PAGES);
	val->totalhigh = 0;
	val->freehigh = 0;
	val->mem_unit = PAGE_SIZE;
}

/* ---- calls ---- */

void *alloc_pages_exact_nid(int nid, size_t size, gfp_t gfp)
{
	size_t pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	unsigned int order = (unsigned int)get_order(size);
	struct page *page;

	if (size == 0 || order > MAX_PAGE_ORDER)
		return NULL;
	page = alloc_pages_node(nid, gfp, order);
	if (page == NULL)
		return NULL;
	split_page(page, order);
	for (size_t i = pages; i < (size_t)1 << order; i++)
		__free_page(page + i);
	return page_address(page);
}

unsigned long free_reserved_area(void *start, void *end, int poison, const char *s)
{
	unsigned long first = (unsigned long)((virt_to_phys(start) + PAGE_SIZE - 1) >> PAGE_SHIFT);
	unsigned long last = (unsigned long)(virt_to_phys(end) >> PAGE_SHIFT);
	unsigned long pages;

	for (unsigned long pfn = first; poison >= 0 && poison <= 0xff && pfn < last; pfn++)
		__builtin_memset(pfn_to_virt(pfn), poison, PAGE_SIZE);
	pages = quarry_free_reserved(quarry_linux(), first, last);
	if (pages != 0 && s != NULL)
		printk("Freeing %s memory: %luK\n", s, pages << (PAGE_SHIFT - 10));
	return pages;
}

/* ---- memory policies ---- */

/* "0-2,5" to the end of the text. False: something else. */
static bool pages_parse_nodes(const char *s, quarry_nodemask_t *nodes)
{
	while (*s != '\0') {
		char *end;
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (end == s)
			return false;
		if (*end == '-') {
			s = end + 1;
			last = strtoul(s, &end, 10);
			if (end == s)
				return false;
		}
		if (first > last || last >= MAX_NUMNODES || (*end != ',' && *end != '\0'))
			return false;
		for (unsigned long nid = first; nid <= last; nid++)
			*nodes |= (quarry_nodemask_t)1 << nid;
		s = *end == ',' ? end + 1 : end;
	}
	return true;
}

int mpol_parse_str(char *str, struct mempolicy **mpol)
{
	static const char *const modes[MPOL_MAX] = {
		"default",
		"prefer",
		"bind",
		"interleave",
		"local",
		"prefer (many)",
		"weighted interleave",
	};
	char *nodelist = strchr(str, ':'), *flag = strchr(str, '=');
	size_t len = strcspn(str, ":=");
	unsigned int mode = 0, flags = 0;
	quarry_nodemask_t nodes = 0;
	struct mempolicy pol;

	while (mode < MPOL_MAX &&
	       (strlen(modes[mode]) != len || strncmp(str, modes[mode], len) != 0))
		mode++;
	if (mode == MPOL_MAX || (nodelist != NULL && !pages_parse_nodes(nodelist + 1, &nodes)))
		return 1;
	if (flag != NULL) {
		len = strcspn(++flag, ":");
		if (strncmp(flag, "static", len) == 0 && len == 6)
			flags = MPOL_F_STATIC_NODES;
		else if (strncmp(flag, "relative", len) == 0 && len == 8)
			flags = MPOL_F_RELATIVE_NODES;
		else
			return 1;
	}
	if (quarry_mpol_init(quarry_linux(), &pol, mode, flags, nodes) != 0)
		return 1;
	*mpol = mpol_dup(&pol);
	return *mpol != NULL ? 0 : 1;
}

struct mempolicy *mpol_dup(struct mempolicy *old)
{
	struct mempolicy *pol = malloc(sizeof(*pol));

	if (pol != NULL)
		*pol = *old;
	return pol;
}

void mpol_put(struct mempolicy *pol)
{
	free(pol);
}
