/* SPDX-License-Identifier: MIT */
/* The boot verb: a machine from a memory map, told in the words of a kernel's boot log, or as JSON. */
#include <argp.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <boot.h>
#include <verbs.h>
#include <views.h>

#define BOOT_ROWS 20  /* of each list, without --verbose */
#define BOOT_NODES 8  /* nodes whose zonelists are shown, without --verbose */
#define BOOT_WIDTH 84 /* of a line after the time stamp */

static void boot_say(const struct boot_log *log, const char *fmt, ...) UTIL_PRINTF(2, 3);

static void boot_say(const struct boot_log *log, const char *fmt, ...)
{
	uint64_t us = (util_now_ns() - log->start_ns) / 1000;
	va_list ap;

	fprintf(log->out, "[%5" PRIu64 ".%06" PRIu64 "] ", us / 1000000, us % 1000000);
	va_start(ap, fmt);
	vfprintf(log->out, fmt, ap);
	va_end(ap);
	fputc('\n', log->out);
}

/* Whether row @i of @nr is shown; says how many are not, once. */
static bool boot_row(const struct boot_log *log, size_t i, size_t nr)
{
	if (log->verbose || i < BOOT_ROWS || nr <= BOOT_ROWS + 1)
		return true;
	if (i == BOOT_ROWS)
		boot_say(log, "  ... and %zu more (--verbose shows all)", nr - BOOT_ROWS);
	return false;
}

void boot_log_line(void *ctx, enum quarry_log_level level, const char *line)
{
	const struct boot_log *log = ctx;

	(void)level;
	if (!log->quiet)
		boot_say(log, "%s", line);
}

/* ---- the map ---- */

static void boot_log_table(const struct boot_log *log, const char *who, const struct map_table *t)
{
	char name[32];
	size_t i;

	for (i = 0; i < t->nr && boot_row(log, i, t->nr); i++)
		boot_say(log, "%s: [mem 0x%016" PRIx64 "-0x%016" PRIx64 "] %s", who, t->r[i].start,
			 t->r[i].end - 1, map_type_name(t->r[i].type, name, sizeof(name)));
}

static void boot_log_changes(const struct boot_log *log, const struct machine *m)
{
	char from[32], to[32];
	size_t i;

	for (i = 0; i < m->nr_changes && boot_row(log, i, m->nr_changes); i++) {
		const struct machine_change *c = &m->changes[i];

		map_type_name(c->from, from, sizeof(from));
		if (c->to == 0)
			boot_say(log, "e820: remove [mem 0x%08" PRIx64 "-0x%08" PRIx64 "] %s",
				 c->start, c->end - 1, map_type_name(c->from, from, sizeof(from)));
		else
			boot_say(log,
				 "e820: update [mem 0x%08" PRIx64 "-0x%08" PRIx64 "] %s ==> %s",
				 c->start, c->end - 1, map_type_name(c->from, from, sizeof(from)),
				 map_type_name(c->to, to, sizeof(to)));
	}
}

static void boot_log_srat(const struct boot_log *log, const struct machine *m)
{
	const struct map *map = &m->map;
	size_t i;

	for (i = 0; i < map->nr_srat && boot_row(log, i, map->nr_srat); i++)
		boot_say(log, "%s: Node %d [mem 0x%08" PRIx64 "-0x%08" PRIx64 "]%s%s",
			 map->source == MAP_SOURCE_DEVICETREE ? "NUMA" : "SRAT", map->srat[i].nid,
			 map->srat[i].start, map->srat[i].end - 1,
			 map->srat[i].hotplug ? " hotplug" : "",
			 map->srat[i].nonvolatile ? " non-volatile" : "");
	if (m->cmdline.numa_off || (map->nr_srat == 0 && !m->fake))
		boot_say(log, "%s: one node",
			 m->cmdline.numa_off ? "NUMA turned off" : "No NUMA configuration found");
}

void boot_log_map(void *ctx, const struct machine *m)
{
	static const char *const who[MAP_NR_SOURCES] = {"",      "BIOS-e820",    "efi",
							"iomem", "memblock_add", "memory"};
	const struct boot_log *log = ctx;
	const struct map *map = &m->map;
	const struct map_table *raw = &map->by_source[map->source];
	char size[UTIL_SIZE_BUF];

	if (log->quiet)
		return;
	boot_say(log, "Quarry %s boots %s", CLI_VERSION, map->path);
	if (map->title != NULL)
		boot_say(log, "Machine: %.*s%s", BOOT_WIDTH - 12, map->title,
			 strlen(map->title) > BOOT_WIDTH - 12 ? "..." : "");
	if (map->source == MAP_SOURCE_DEVICETREE)
		boot_say(log,
			 "Firmware's map (devicetree, %s, %zu ranges):", map_arch_name(m->arch),
			 raw->nr);
	else
		boot_say(log, "Firmware's map (%s, %zu ranges; %zu of %zu lines passed over):",
			 map_source_name(map->source), raw->nr, map->nr_ignored, map->nr_lines);
	boot_log_table(log, who[map->source], raw);
	if (m->user_table.nr != 0) {
		boot_say(log, "user-defined physical RAM map:");
		boot_log_table(log, "user", &m->user_table);
	}
	boot_log_changes(log, m);
	boot_say(log, "last_pfn = %#" PRIx64 ", %s of RAM",
		 m->ram[m->nr_ram - 1].end >> QUARRY_PAGE_SHIFT,
		 util_human_size(m->ram_bytes, size));
	boot_log_srat(log, m);
}

/* ---- memblock ---- */

static void boot_log_regions(const struct boot_log *log, const struct memblock_type *t)
{
	size_t nr = t->total_size != 0 ? t->cnt : 0, i;
	char size[UTIL_SIZE_BUF], node[24];

	boot_say(log, " %s.cnt  = 0x%zx", t->name, nr);
	for (i = 0; i < nr && boot_row(log, i, nr); i++) {
		const struct memblock_region *r = &t->regions[i];

		node[0] = '\0';
		if (r->nid != QUARRY_NO_NODE)
			snprintf(node, sizeof(node), " on node %d", r->nid);
		boot_say(log, " %s[0x%zx]\t[0x%016" PRIx64 "-0x%016" PRIx64 "], %s%s%s%s%s",
			 t->name, i, r->base, r->base + r->size - 1, util_human_size(r->size, size),
			 node, r->flags & MEMBLOCK_NOMAP ? " no-map" : "",
			 r->flags & MEMBLOCK_HOTPLUG ? " hotplug" : "",
			 r->flags & MEMBLOCK_MIRROR ? " mirror" : "");
	}
}

/* What /reserved-memory, crashkernel= and reserve_mem= came to. */
static void boot_log_reservations(const struct boot_log *log, const struct machine *m)
{
	char size[UTIL_SIZE_BUF];
	size_t i;

	for (i = 0; i < m->nr_reservations && boot_row(log, i, m->nr_reservations); i++) {
		const struct machine_reservation *r = &m->reservations[i];

		boot_say(log,
			 "Reserved memory: %.24s [mem 0x%08" PRIx64 "-0x%08" PRIx64 "], %s, %s%s",
			 r->name, r->start, r->end - 1, util_human_size(r->end - r->start, size),
			 r->kind, r->cma_default ? " (default)" : "");
	}
}

void boot_log_memblock(struct boot_log *log, struct machine *m)
{
	struct memblock *mb = quarry_memblock(m->q);
	char a[UTIL_SIZE_BUF], b[UTIL_SIZE_BUF];

	if (log->quiet)
		return;
	boot_log_reservations(log, m);
	boot_say(log, "MEMBLOCK configuration:");
	boot_say(log, " memory size = %#" PRIx64 " (%s) reserved size = %#" PRIx64 " (%s)",
		 mb->memory.total_size, util_human_size(mb->memory.total_size, a),
		 mb->reserved.total_size, util_human_size(mb->reserved.total_size, b));
	boot_log_regions(log, &mb->memory);
	boot_log_regions(log, &mb->reserved);
}

/* ---- nodes and zones ---- */

static void boot_log_zone_ranges(const struct boot_log *log, struct machine *m)
{
	struct quarry_zone_info info;
	uint64_t start, end;
	bool movable = false;
	int zone, nid;

	boot_say(log, "Zone ranges:");
	for (zone = QUARRY_ZONE_DMA; zone <= QUARRY_ZONE_NORMAL; zone++) {
		const char *name = quarry_zone_name((enum quarry_zone_type)zone);

		if (machine_zone_range(m, (enum quarry_zone_type)zone, &start, &end))
			boot_say(log, "  %-8s [mem 0x%016" PRIx64 "-0x%016" PRIx64 "]", name, start,
				 end - 1);
		else
			boot_say(log, "  %-8s empty", name);
	}
	for (nid = 0; nid < m->nr_nodes; nid++) {
		if (!quarry_zone_info(m->q, nid, QUARRY_ZONE_MOVABLE, &info))
			continue;
		if (!movable)
			boot_say(log, "Movable zone start for each node");
		movable = true;
		boot_say(log, "  Node %d: 0x%016" PRIx64, nid,
			 (uint64_t)info.start_pfn << QUARRY_PAGE_SHIFT);
	}
}

static void boot_log_node_ranges(const struct boot_log *log, struct machine *m)
{
	const struct memblock_type *t = &quarry_memblock(m->q)->memory;
	size_t i;

	boot_say(log, "Early memory node ranges");
	for (i = 0; i < t->cnt && boot_row(log, i, t->cnt); i++)
		boot_say(log, "  node %3d: [mem 0x%016" PRIx64 "-0x%016" PRIx64 "]",
			 t->regions[i].nid, t->regions[i].base,
			 t->regions[i].base + t->regions[i].size - 1);
}

static void boot_log_zone(const struct boot_log *log, int nid, const struct quarry_zone_info *z)
{
	struct strbuf protect = {0};
	bool any = false;
	int j;

	boot_say(log, "%4d %-8s%10lu %10lu %10lu %8lu %8lu %8lu %7lu/%lu", nid, z->name, z->spanned,
		 z->present, z->managed, z->wmark[QUARRY_WMARK_MIN], z->wmark[QUARRY_WMARK_LOW],
		 z->wmark[QUARRY_WMARK_HIGH], z->pcp_high, z->pcp_batch);
	for (j = 0; j < QUARRY_NR_ZONES; j++) {
		strbuf_addf(&protect, " %lu", z->lowmem_reserve[j]);
		any = any || z->lowmem_reserve[j] != 0;
	}
	if (any)
		boot_say(log, "     lowmem_reserve[]:%s", protect.s);
	strbuf_free(&protect);
}

static void boot_log_node_zones(const struct boot_log *log, struct machine *m)
{
	struct quarry_zone_info info;
	int nid, zone;

	boot_say(log, "Node Zone    %10s %10s %10s %8s %8s %8s pcp hi/batch", "spanned", "present",
		 "managed", "min", "low", "high");
	for (nid = 0; nid < m->nr_nodes; nid++)
		for (zone = 0; zone < QUARRY_NR_ZONES; zone++)
			if (quarry_zone_info(m->q, nid, (enum quarry_zone_type)zone, &info))
				boot_log_zone(log, nid, &info);
}

/* One node's zonelist on one line, cut at the right margin. */
static void boot_log_zonelist(const struct boot_log *log, struct machine *m, int nid)
{
	struct quarry_zoneref refs[QUARRY_MAX_NODES * QUARRY_NR_ZONES];
	unsigned int n, i, max = sizeof(refs) / sizeof(refs[0]);
	struct strbuf line = {0};

	n = quarry_zonelist(m->q, nid, false, refs, max);
	n = n < max ? n : max;
	strbuf_addf(&line, "  Node %d:", nid);
	for (i = 0; i < n; i++) {
		if (!log->verbose && line.len > BOOT_WIDTH - 24) {
			strbuf_addf(&line, " ... %u more", n - i);
			break;
		}
		strbuf_addf(&line, " %s", quarry_zone_name(refs[i].zone));
		if (m->nr_nodes > 1)
			strbuf_addf(&line, "(%d)", refs[i].nid);
	}
	boot_say(log, "%s", line.s);
	strbuf_free(&line);
}

static void boot_log_zonelists(const struct boot_log *log, struct machine *m)
{
	unsigned int nodes = 0, shown = 0;
	struct quarry_totals t;
	int nid;

	quarry_totals(m->q, &t);
	for (nid = 0; nid < m->nr_nodes; nid++)
		nodes += quarry_node_online(m->q, nid);
	boot_say(log, "Built %u zonelists, mobility grouping on.  Total pages: %lu", nodes,
		 t.managed);
	for (nid = 0; nid < m->nr_nodes; nid++) {
		if (!quarry_node_online(m->q, nid))
			continue;
		if (!log->verbose && nodes > BOOT_NODES && shown == BOOT_NODES / 2) {
			boot_say(log, "  ... and %u more (--verbose shows all)", nodes - shown);
			break;
		}
		boot_log_zonelist(log, m, nid);
		shown++;
	}
}

static double boot_ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static double boot_meta_percent(const struct machine *m, const struct quarry_totals *t)
{
	return (double)t->meta_bytes * 100 / (double)m->ram_bytes;
}

static void boot_log_summary(const struct boot_log *log, struct machine *m)
{
	uint64_t k = QUARRY_PAGE_SIZE / 1024, available;
	char size[UTIL_SIZE_BUF], cma[64] = "";
	struct quarry_totals t;

	quarry_totals(m->q, &t);
	available = (m->released + m->late + m->lent) / 1024; /* not yet at Linux's hand-off */
	available = t.managed * k > available ? t.managed * k - available : 0;
	if (m->lent != 0)
		snprintf(cma, sizeof(cma), ", %" PRIu64 "K cma-reserved", m->lent / 1024);
	boot_say(log, "Memory: %" PRIu64 "K/%" PRIu64 "K available (%" PRIu64 "K reserved%s)",
		 available, t.present * k, t.present * k - available - m->lent / 1024, cma);
	if (m->released != 0)
		boot_say(log, "Freeing SMP alternatives memory: %" PRIu64 "K", m->released / 1024);
	boot_say(log, "min_free_kbytes = %lu, totalreserve_pages = %lu, CPUs = %u, from %s",
		 t.min_free_kbytes, t.totalreserve, t.nr_cpus, m->bootmem ? "bootmem" : "memblock");
	boot_say(log, "Metadata: %zu bytes (%s), %.4f %% of RAM", t.meta_bytes,
		 util_human_size(t.meta_bytes, size), boot_meta_percent(m, &t));
	boot_say(log, "Booted in %.3f ms, all in all %.3f ms", boot_ms(m->boot_ns),
		 boot_ms(m->map_ns + m->memblock_ns + m->boot_ns));
}

void boot_log_zones(struct boot_log *log, struct machine *m)
{
	if (!log->quiet) {
		boot_log_zone_ranges(log, m);
		boot_log_node_ranges(log, m);
		boot_log_node_zones(log, m);
		boot_log_zonelists(log, m);
	}
	boot_log_summary(log, m);
}

/* ---- JSON ---- */

static json_t *boot_json_u64(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static json_t *boot_json_table(const struct map_table *t)
{
	json_t *array = json_array();
	char name[32];
	size_t i;

	for (i = 0; i < t->nr; i++)
		json_array_append_new(
			array, json_pack("{s:o, s:o, s:s}", "start", boot_json_u64(t->r[i].start),
					 "end", boot_json_u64(t->r[i].end), "type",
					 map_type_name(t->r[i].type, name, sizeof(name))));
	return array;
}

/* Text of any origin, which JSON wants as UTF-8. */
static json_t *boot_json_text(const char *s)
{
	json_t *text = s != NULL ? json_string(s) : json_null();
	char *copy, *p;

	if (text != NULL)
		return text;
	copy = xstrdup(s);
	for (p = copy; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	text = json_string(copy);
	free(copy);
	return text;
}

static json_t *boot_json_map(const struct machine *m)
{
	const struct map *map = &m->map;

	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "path", boot_json_text(map->path),
			 "title", boot_json_text(map->title), "source",
			 map_source_name(map->source), "lines", boot_json_u64(map->nr_lines),
			 "ignored_lines", boot_json_u64(map->nr_ignored), "entries",
			 boot_json_table(&map->by_source[map->source]), "table",
			 boot_json_table(&m->table));
}

static json_t *boot_json_regions(const struct memblock_type *t)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < t->cnt && t->total_size != 0; i++) {
		const struct memblock_region *r = &t->regions[i];
		json_t *o = json_pack("{s:o, s:o}", "start", boot_json_u64(r->base), "end",
				      boot_json_u64(r->base + r->size));

		if (r->nid != QUARRY_NO_NODE)
			json_object_set_new(o, "node", json_integer(r->nid));
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *boot_json_memblock(struct machine *m)
{
	struct memblock *mb = quarry_memblock(m->q);

	return json_pack(
		"{s:o, s:o, s:o, s:o}", "memory_bytes", boot_json_u64(mb->memory.total_size),
		"reserved_bytes", boot_json_u64(mb->reserved.total_size), "memory",
		boot_json_regions(&mb->memory), "reserved", boot_json_regions(&mb->reserved));
}

static json_t *boot_json_counts(const unsigned long *v, size_t n)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(array, boot_json_u64(v[i]));
	return array;
}

static json_t *boot_json_zone(const struct quarry_zone_info *z)
{
	json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", z->name,
			      "start_pfn", boot_json_u64(z->start_pfn), "spanned",
			      boot_json_u64(z->spanned), "present", boot_json_u64(z->present),
			      "managed", boot_json_u64(z->managed), "free", boot_json_u64(z->free),
			      "min", boot_json_u64(z->wmark[QUARRY_WMARK_MIN]), "low",
			      boot_json_u64(z->wmark[QUARRY_WMARK_LOW]), "high",
			      boot_json_u64(z->wmark[QUARRY_WMARK_HIGH]));

	json_object_set_new(o, "lowmem_reserve",
			    boot_json_counts(z->lowmem_reserve, QUARRY_NR_ZONES));
	json_object_set_new(o, "pcp_high", boot_json_u64(z->pcp_high));
	json_object_set_new(o, "pcp_batch", boot_json_u64(z->pcp_batch));
	json_object_set_new(o, "free_blocks", boot_json_counts(z->nr_free, QUARRY_NR_ORDERS));
	return o;
}

static json_t *boot_json_zonelist(struct machine *m, int nid)
{
	struct quarry_zoneref refs[QUARRY_MAX_NODES * QUARRY_NR_ZONES];
	unsigned int n, i, max = sizeof(refs) / sizeof(refs[0]);
	json_t *array = json_array();

	n = quarry_zonelist(m->q, nid, false, refs, max);
	for (i = 0; i < n && i < max; i++)
		json_array_append_new(array, json_pack("{s:i, s:s}", "node", refs[i].nid, "zone",
						       quarry_zone_name(refs[i].zone)));
	return array;
}

static json_t *boot_json_nodes(struct machine *m)
{
	json_t *array = json_array();
	struct quarry_zone_info info;
	int nid, other, zone;

	for (nid = 0; nid < m->nr_nodes; nid++) {
		json_t *zones = json_array(), *distance = json_array();

		for (zone = 0; zone < QUARRY_NR_ZONES; zone++)
			if (quarry_node_present(m->q, nid) &&
			    quarry_zone_info(m->q, nid, (enum quarry_zone_type)zone, &info))
				json_array_append_new(zones, boot_json_zone(&info));
		for (other = 0; other < m->nr_nodes; other++)
			json_array_append_new(distance,
					      json_integer(quarry_node_distance(m->q, nid, other)));
		if (quarry_node_present(m->q, nid))
			json_array_append_new(array,
					      json_pack("{s:i, s:O, s:O, s:o}", "node", nid,
							"distance", distance, "zones", zones,
							"zonelist", boot_json_zonelist(m, nid)));
		json_decref(zones);
		json_decref(distance);
	}
	return array;
}

/* Nodes without memory of which the firmware knows: their requests go elsewhere. */
static json_t *boot_json_memoryless(struct machine *m)
{
	json_t *array = json_array();
	int nid;

	for (nid = 0; nid < m->nr_nodes; nid++)
		if (quarry_node_possible(m->q, nid) && !quarry_node_present(m->q, nid))
			json_array_append_new(array,
					      json_pack("{s:i, s:o}", "node", nid, "zonelist",
							boot_json_zonelist(m, nid)));
	return array;
}

static json_t *boot_json_reservations(const struct machine *m)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < m->nr_reservations; i++) {
		const struct machine_reservation *r = &m->reservations[i];

		json_array_append_new(array, json_pack("{s:o, s:s, s:o, s:o, s:b}", "name",
						       boot_json_text(r->name), "kind", r->kind,
						       "start", boot_json_u64(r->start), "end",
						       boot_json_u64(r->end), "cma_default",
						       r->cma_default));
	}
	return array;
}

static json_t *boot_json(struct machine *m, const char *cmdline)
{
	struct quarry_totals t;
	json_t *o = json_object();

	quarry_totals(m->q, &t);
	json_object_set_new(o, "quarry_version", json_string(CLI_VERSION));
	json_object_set_new(o, "map", boot_json_map(m));
	json_object_set_new(o, "command_line", boot_json_text(cmdline != NULL ? cmdline : ""));
	json_object_set_new(
		o, "unknown_parameters",
		boot_json_text(m->cmdline.unknown.s != NULL ? m->cmdline.unknown.s : ""));
	json_object_set_new(o, "allocator", json_string(m->bootmem ? "bootmem" : "memblock"));
	json_object_set_new(o, "arch", json_string(map_arch_name(m->arch)));
	json_object_set_new(o, "nr_cpus", json_integer(t.nr_cpus));
	json_object_set_new(o, "memblock", boot_json_memblock(m));
	json_object_set_new(o, "reservations", boot_json_reservations(m));
	json_object_set_new(o, "nodes", boot_json_nodes(m));
	json_object_set_new(o, "memoryless_nodes", boot_json_memoryless(m));
	json_object_set_new(o, "ram_bytes", boot_json_u64(m->ram_bytes));
	json_object_set_new(o, "present_pages", boot_json_u64(t.present));
	json_object_set_new(o, "managed_pages", boot_json_u64(t.managed));
	json_object_set_new(o, "free_pages", boot_json_u64(t.free));
	json_object_set_new(o, "min_free_kbytes", boot_json_u64(t.min_free_kbytes));
	json_object_set_new(o, "totalreserve_pages", boot_json_u64(t.totalreserve));
	json_object_set_new(o, "metadata_bytes", boot_json_u64(t.meta_bytes));
	json_object_set_new(o, "metadata_percent", json_real(boot_meta_percent(m, &t)));
	json_object_set_new(o, "boot_ms", json_real(boot_ms(m->boot_ns)));
	json_object_set_new(o, "total_ms",
			    json_real(boot_ms(m->map_ns + m->memblock_ns + m->boot_ns)));
	return o;
}

/* ---- the verb ---- */

enum {
	BOOT_OPT_ALLOCATOR = 256,
	BOOT_OPT_CMDLINE,
	BOOT_OPT_JSON,
	BOOT_OPT_SOURCE,
	BOOT_OPT_ARCH,
	BOOT_OPT_PROC,
};

struct boot_args {
	struct machine_options machine;
	const char *proc_dir; /* where the texts of /proc go; NULL: nowhere */
	bool json, quiet, verbose;
};

static const struct argp_option boot_options[] = {
	{"cpus", 'c', "N", 0, "CPUs of the machine (default: what the log says, else 2 or more)",
	 0},
	{"allocator", BOOT_OPT_ALLOCATOR, "NAME", 0,
	 "Boot allocator: memblock (default) or bootmem; the zones come out the same", 0},
	{"cmdline", BOOT_OPT_CMDLINE, "TEXT", 0,
	 "Kernel parameters, such as \"mem=4G kernelcore=50%\"; see quarry(1)", 0},
	{"map-source", BOOT_OPT_SOURCE, "NAME", 0,
	 "Take RAM from e820, efi, iomem or memblock lines (default: the first that the map has)",
	 0},
	{"arch", BOOT_OPT_ARCH, "NAME", 0,
	 "Zones of x86_64, arm64 or riscv64 (default: what a devicetree says, else x86_64)", 0},
	{"json", BOOT_OPT_JSON, NULL, 0, "Print one JSON object instead of the log", 0},
	{"proc", BOOT_OPT_PROC, "DIR", 0,
	 "Write buddyinfo, zoneinfo, vmstat, meminfo ... into DIR, as Linux shows them in /proc",
	 0},
	{"quiet", 'q', NULL, 0, "Print the summary alone", 0},
	{"verbose", 'v', NULL, 0, "Show every entry of every list", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static void boot_parse_cpus(struct argp_state *state, const char *arg, unsigned int *cpus)
{
	uint64_t n;

	if (!util_parse_u64(arg, &n) || n < 1 || n > QUARRY_MAX_CPUS)
		argp_error(state, "--cpus=%s: expected a number from 1 to %d", arg,
			   QUARRY_MAX_CPUS);
	else
		*cpus = (unsigned int)n;
}

static error_t boot_parse(int key, char *arg, struct argp_state *state)
{
	struct boot_args *a = state->input;

	switch (key) {
	case 'c':
		boot_parse_cpus(state, arg, &a->machine.nr_cpus);
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	case 'v':
		a->verbose = true;
		return 0;
	case BOOT_OPT_ALLOCATOR:
		a->machine.bootmem = strcmp(arg, "bootmem") == 0;
		if (!a->machine.bootmem && strcmp(arg, "memblock") != 0)
			argp_error(state, "--allocator=%s: expected memblock or bootmem", arg);
		return 0;
	case BOOT_OPT_CMDLINE:
		a->machine.cmdline = arg;
		return 0;
	case BOOT_OPT_JSON:
		a->json = true;
		return 0;
	case BOOT_OPT_PROC:
		a->proc_dir = arg;
		return 0;
	case BOOT_OPT_SOURCE:
		a->machine.map_source = map_source_by_name(arg);
		if (a->machine.map_source == MAP_NR_SOURCES)
			argp_error(state,
				   "--map-source=%s: expected e820, efi, iomem, memblock, "
				   "devicetree or auto",
				   arg);
		return 0;
	case BOOT_OPT_ARCH:
		a->machine.arch = map_arch_by_name(arg);
		if (a->machine.arch == MAP_NR_ARCHS)
			argp_error(state, "--arch=%s: expected x86_64, arm64, riscv64 or auto",
				   arg);
		return 0;
	case ARGP_KEY_ARG:
		if (a->machine.map_path != NULL)
			argp_error(state, "one MAP only: %s is one too many", arg);
		a->machine.map_path = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->machine.map_path == NULL)
			argp_error(state,
				   "which MAP? For example: quarry boot maps/vm-24g-2cpu.txt");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp boot_argp = {
	.options = boot_options,
	.parser = boot_parse,
	.args_doc = "MAP",
	.doc = "Boot a simulated machine from a memory map and print its boot log.\v"
	       "MAP is the text of a boot log (BIOS-e820, EFI, SRAT, memblock=debug lines) or of "
	       "/proc/iomem as root reads it, or a devicetree, .dtb or .dts; - is standard "
	       "input.\n\n"
	       "Exit status: 0, it booted; 1, the host lacks memory; 2, the map or an option is "
	       "wrong.",
};

static int boot_run_text(const struct boot_args *a, uint64_t start)
{
	struct boot_log log = {
		.out = stdout, .start_ns = start, .verbose = a->verbose, .quiet = a->quiet};
	struct machine_options o = a->machine;
	struct machine m;
	int status;

	o.on_map = boot_log_map;
	o.log = boot_log_line;
	o.log_ctx = &log;
	status = machine_prepare(&o, &m);
	if (status != CLI_OK)
		return status;
	boot_log_memblock(&log, &m);
	status = machine_boot(&m);
	if (status == CLI_OK)
		boot_log_zones(&log, &m);
	if (status == CLI_OK && a->proc_dir != NULL)
		status = views_write(m.q, a->proc_dir);
	machine_destroy(&m);
	return status;
}

static void boot_report(void *ctx, const char *line)
{
	(void)ctx;
	util_error("%s", line);
}

static int boot_run_json(const struct boot_args *a)
{
	struct machine_options o = a->machine;
	struct machine m;
	json_t *object;
	int status;

	o.report = boot_report;
	status = machine_create(&o, &m);
	if (status != CLI_OK)
		return status;
	object = boot_json(&m, o.cmdline);
	if (object == NULL ||
	    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
		status = CLI_FAILED;
	putchar('\n');
	if (status == CLI_OK && a->proc_dir != NULL)
		status = views_write(m.q, a->proc_dir);
	json_decref(object);
	machine_destroy(&m);
	return status;
}

int boot_main(int argc, char **argv)
{
	struct boot_args a = {0};
	uint64_t start = util_now_ns();

	if (argp_parse(&boot_argp, argc, argv, 0, NULL, &a) != 0)
		return CLI_INPUT;
	return a.json ? boot_run_json(&a) : boot_run_text(&a, start);
}
