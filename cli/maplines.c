/* SPDX-License-Identifier: MIT */
/*
 * The kinds of lines that a memory map is made of. Each function takes what follows the words by
 * which the kind is known, parses it to its end, and adds to ps->map; or reports what is wrong
 * there and what was expected. The table at the end lists the kinds. Those of firmware's tables are in
 * map_firmware.c.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include <map_parser.h>

#define MAP_GROW(array, nr, cap)                                              \
	do {                                                                  \
		if ((nr) == (cap)) {                                          \
			(cap) = (cap) ? (cap)*2 : 32;                         \
			(array) = xrealloc((array), (cap), sizeof(*(array))); \
		}                                                             \
	} while (0)

/* Whether @nid is a node more than there can be. Then all of SRAT is not believed, as in Linux. */
static bool map_too_many_nodes(struct map_parser *ps, uint64_t nid)
{
	if (nid < QUARRY_MAX_NODES)
		return false;
	if (ps->map->bad_node == 0)
		ps->map->bad_node = ps->line;
	return true;
}

/* "PXM 0 -> APIC 0x00 -> Node 0" */
static enum map_line map_srat_cpu(struct map_parser *ps, const char *p)
{
	struct map *map = ps->map;
	const char *node = strstr(p, "-> Node ");
	uint64_t nid;

	if (node == NULL)
		return MAP_LINE_UNKNOWN;
	node += strlen("-> Node ");
	if (!util_scan_dec(&node, &nid))
		return map_bad(ps, node, "a node number");
	if (!map_count(ps))
		return MAP_LINE_BAD;
	if (map_too_many_nodes(ps, nid))
		return MAP_LINE_TAKEN;
	MAP_GROW(map->cpu_node, map->nr_cpu_nodes, map->cap_cpu_nodes);
	map->cpu_node[map->nr_cpu_nodes++] = (int)nid;
	return MAP_LINE_TAKEN;
}

static enum map_line map_srat(struct map_parser *ps, const char *p)
{
	struct map *map = ps->map;
	struct map_srat s = {.line = ps->line};
	uint64_t nid, pxm;

	map_blanks(&p);
	if (strncmp(p, "PXM ", 4) == 0)
		return map_srat_cpu(ps, p);
	if (!map_lit(&p, "Node "))
		return MAP_LINE_UNKNOWN;
	if (!util_scan_dec(&p, &nid) || !map_lit(&p, " PXM ") || !util_scan_dec(&p, &pxm))
		return map_bad(ps, p, "Node N PXM P [mem 0xSTART-0xEND]");
	map_blanks(&p);
	if (*p == '[') {
		if (!map_scan_bracket(&p, "[mem ", &s.start, &s.end))
			return map_bad(ps, p, "[mem 0xSTART-0xEND]");
		if (s.end < s.start)
			return map_bad_range(ps, s.start, s.end, true);
		s.end = map_exclusive(s.end);
	} else {
		if (!util_scan_hex(&p, &s.start) || !map_lit(&p, "-") || !util_scan_hex(&p, &s.end))
			return map_bad(ps, p, "[mem 0xSTART-0xEND] or START-END");
		if (s.end <= s.start)
			return map_bad_range(ps, s.start, s.end, false);
	}
	s.nid = (int)nid;
	s.hotplug = strstr(p, "hotplug") != NULL;
	s.nonvolatile = strstr(p, "non-volatile") != NULL;
	if (!map_count(ps))
		return MAP_LINE_BAD;
	if (map_too_many_nodes(ps, nid))
		return MAP_LINE_TAKEN;
	if (s.hotplug && !s.nonvolatile)
		map_table_add(&map->hotplug, s.start, s.end, MAP_RAM, ps->line);
	MAP_GROW(map->srat, map->nr_srat, map->cap_srat);
	map->srat[map->nr_srat++] = s;
	return MAP_LINE_TAKEN;
}

/* "10 16 21 31" after a node's number: what sysfs has in nodeN/distance. */
static enum map_line map_distances(struct map_parser *ps, uint64_t nid, const char *p)
{
	struct map *map = ps->map;
	struct map_distance_row row = {.nid = (int)nid, .line = ps->line};
	uint64_t d;

	for (map_blanks(&p); *p != '\0'; map_blanks(&p)) {
		const char *at = p;

		if (!util_scan_dec(&p, &d) || d < 10 || d > UINT8_MAX ||
		    (*p != ' ' && *p != '\t' && *p != '\0'))
			return map_bad(ps, at, "distances from 10 to 255, separated by blanks");
		if (map_too_many_nodes(ps, row.nr))
			continue;
		row.to[row.nr++] = (uint8_t)d;
	}
	if (row.nr == 0)
		return map_bad(ps, p, "distances from 10 to 255, separated by blanks");
	if (!map_count(ps))
		return MAP_LINE_BAD;
	if (map_too_many_nodes(ps, nid))
		return MAP_LINE_TAKEN;
	MAP_GROW(map->rows, map->nr_rows, map->cap_rows);
	map->rows[map->nr_rows++] = row;
	return MAP_LINE_TAKEN;
}

/* "NUMA: Node 0 distance: 10 20" */
static enum map_line map_numa(struct map_parser *ps, const char *p)
{
	uint64_t nid;

	if (!util_scan_dec(&p, &nid) || !map_lit(&p, " distance:"))
		return MAP_LINE_UNKNOWN;
	return map_distances(ps, nid, p);
}

/* "node0/distance:10 20", as grep -H shows sysfs */
static enum map_line map_sysfs_node(struct map_parser *ps, const char *p)
{
	uint64_t nid;

	if (!util_scan_dec(&p, &nid) || !map_lit(&p, "/distance:"))
		return MAP_LINE_UNKNOWN;
	return map_distances(ps, nid, p);
}

static enum map_line map_ramdisk(struct map_parser *ps, const char *p)
{
	uint64_t start, end;
	bool inclusive;

	map_blanks(&p);
	inclusive = *p == '[';
	if (inclusive
		    ? !map_scan_bracket(&p, "[mem ", &start, &end)
		    : !util_scan_hex(&p, &start) || !map_lit(&p, " - ") || !util_scan_hex(&p, &end))
		return map_bad(ps, p, "[mem 0xSTART-0xEND]");
	if (end < start || (!inclusive && end == start))
		return map_bad_range(ps, start, end, inclusive);
	return map_take(ps, &ps->map->reserve, start, inclusive ? map_exclusive(end) : end,
			MAP_RESERVE_RAMDISK);
}

static enum map_line map_memblock(struct map_parser *ps, const char *p, enum map_op_kind kind)
{
	struct map *map = ps->map;
	uint64_t start, end;

	map_blanks(&p);
	if (!map_scan_bracket(&p, "[", &start, &end))
		return map_bad(ps, p, "[0xSTART-0xEND]");
	if (end < start) {
		/* Linux logs calls with size 0, and then has nothing to do. */
		diag_warn(ps->diag, map->path, ps->line, "an empty range: nothing done");
		return MAP_LINE_TAKEN;
	}
	if (map->handed_over) /* what is freed later, such as the RAM disk, is not boot's */
		return MAP_LINE_TAKEN;
	if (!map_count(ps))
		return MAP_LINE_BAD;
	MAP_GROW(map->ops, map->nr_ops, map->cap_ops);
	map->ops[map->nr_ops++] = (struct map_op){
		.kind = kind,
		.start = start,
		.end = map_exclusive(end),
		.line = ps->line,
		.allocated = ps->announced != 0 && ps->announced == map_exclusive(end) - start};
	ps->announced = 0;
	if (kind == MAP_OP_ADD)
		map_table_add(&map->by_source[MAP_SOURCE_MEMBLOCK], start, map_exclusive(end),
			      MAP_RAM, ps->line);
	return MAP_LINE_TAKEN;
}

static enum map_line map_op_reserve(struct map_parser *ps, const char *p)
{
	return map_memblock(ps, p, MAP_OP_RESERVE);
}

/* "try_nid: 67108864 bytes align=0x1000 ...": what the next reservation is for. */
static enum map_line map_announce(struct map_parser *ps, const char *p)
{
	p = strstr(p, ": ");
	if (p != NULL) {
		p += 2;
		if (!util_scan_dec(&p, &ps->announced))
			ps->announced = 0;
	}
	return MAP_LINE_UNKNOWN;
}

/* "64 MiB at 0xfc000000" */
static enum map_line map_cma(struct map_parser *ps, const char *p)
{
	uint64_t mib, start;

	map_blanks(&p);
	if (!util_scan_dec(&p, &mib) || !map_lit(&p, " MiB at ") || !util_scan_hex(&p, &start) ||
	    mib == 0 || mib > UINT64_MAX >> 20 || start > UINT64_MAX - (mib << 20))
		return MAP_LINE_UNKNOWN;
	return map_take(ps, &ps->map->cma, start, start + (mib << 20), MAP_RAM);
}

static enum map_line map_op_free(struct map_parser *ps, const char *p)
{
	return map_memblock(ps, p, MAP_OP_FREE);
}

/* After the hand-off, and before watermarks: memblock's own arrays, when it is no longer needed. */
static enum map_line map_op_free_late(struct map_parser *ps, const char *p)
{
	uint64_t start, end;

	map_blanks(&p);
	if (!map_scan_bracket(&p, "[", &start, &end))
		return map_bad(ps, p, "[0xSTART-0xEND]");
	if (end < start)
		return MAP_LINE_TAKEN;
	return map_take(ps, &ps->map->late, start, map_exclusive(end), MAP_RAM);
}

static enum map_line map_op_add(struct map_parser *ps, const char *p)
{
	return map_memblock(ps, p, MAP_OP_ADD);
}

static enum map_line map_op_remove(struct map_parser *ps, const char *p)
{
	return map_memblock(ps, p, MAP_OP_REMOVE);
}

/* "0x2]	[0xSTART-0xEND], 0xN bytes ...", of the list of reserved regions */
static enum map_line map_dump(struct map_parser *ps, const char *p)
{
	struct map *map = ps->map;
	size_t before = map->nr_ops;
	enum map_line what;
	uint64_t index;

	if (!util_scan_hex(&p, &index) || !map_lit(&p, "]"))
		return map_bad(ps, p, "reserved[0xN] [0xSTART-0xEND], 0xN bytes");
	map->has_dump = true;
	map->nr_lists += index == 0;
	what = map_memblock(ps, p, MAP_OP_RESERVE);
	if (map->nr_ops > before)
		map->ops[before].list = map->nr_lists;
	return what;
}

/*
 * "0x2]	[0xSTART-0xEND], 0xN bytes on node 1 flags: 0x0", of the list of memory. The last list
 * counts: it has what was added before the log begins, and the nodes.
 */
static enum map_line map_dump_memory(struct map_parser *ps, const char *p)
{
	struct map_table *memory = &ps->map->by_source[MAP_SOURCE_MEMBLOCK];
	uint64_t index, start, end, nid;

	if (!util_scan_hex(&p, &index) || !map_lit(&p, "]"))
		return map_bad(ps, p, "memory[0xN] [0xSTART-0xEND], 0xN bytes");
	map_blanks(&p);
	if (!map_scan_bracket(&p, "[", &start, &end))
		return map_bad(ps, p, "[0xSTART-0xEND]");
	if (index == 0)
		memory->nr = ps->map->listed.nr = 0;
	if (end < start) /* an empty memblock has one region of size 0 */
		return MAP_LINE_TAKEN;
	p = strstr(p, " on node ");
	if (p != NULL) {
		p += strlen(" on node ");
		if (!util_scan_dec(&p, &nid))
			return map_bad(ps, p, "a node number");
		if (!map_too_many_nodes(ps, nid))
			map_table_add(&ps->map->listed, start, map_exclusive(end), (uint32_t)nid,
				      ps->line);
	}
	return map_take(ps, memory, start, map_exclusive(end), MAP_RAM);
}

/* "[mem 0xA-0xB] usable ==> reserved" or "[mem 0xA-0xB] usable" */
static enum map_line map_update(struct map_parser *ps, const char *p, bool change)
{
	struct map *map = ps->map;
	struct map_update u = {.line = ps->line};

	if (!map_scan_bracket(&p, "[mem ", &u.start, &u.end))
		return map_bad(ps, p, "[mem 0xSTART-0xEND] TYPE");
	if (u.end < u.start)
		return map_bad_range(ps, u.start, u.end, true);
	u.end = map_exclusive(u.end);
	u.from = map_scan_type(&p);
	if (change) {
		map_blanks(&p);
		if (u.from == 0 || !map_lit(&p, "==>") || (u.to = map_scan_type(&p)) == 0)
			return map_bad(ps, p, "TYPE ==> TYPE");
	}
	if (map->nr_updates >= MAP_MAX_UPDATES) {
		diag_error(ps->diag, map->path, ps->line,
			   "more than %d changes of the e820 table, expected fewer",
			   MAP_MAX_UPDATES);
		return MAP_LINE_BAD;
	}
	if (!map_count(ps))
		return MAP_LINE_BAD;
	MAP_GROW(map->updates, map->nr_updates, map->cap_updates);
	map->updates[map->nr_updates++] = u;
	return MAP_LINE_TAKEN;
}

static enum map_line map_e820_update(struct map_parser *ps, const char *p)
{
	return map_update(ps, p, true);
}

static enum map_line map_e820_remove(struct map_parser *ps, const char *p)
{
	return map_update(ps, p, false);
}

/* ---- what Linux made of it ---- */

#define MAP_ISA_DMA_END ((uint64_t)16 << 20) /* of ZONE_DMA on a PC */

static enum map_line map_command_line(struct map_parser *ps, const char *p)
{
	map_blanks(&p);
	if (ps->map->cmdline == NULL)
		ps->map->cmdline = xstrdup(p);
	return MAP_LINE_TAKEN;
}

/* "6.1.0-56-cloud-arm64 (...)": a hint, taken only where nothing says more. */
static enum map_line map_version(struct map_parser *ps, const char *p)
{
	static const struct {
		const char *word;
		enum map_arch arch;
	} words[] = {{"arm64", MAP_ARCH_ARM64},
		     {"aarch64", MAP_ARCH_ARM64},
		     {"riscv64", MAP_ARCH_RISCV64},
		     {"amd64", MAP_ARCH_X86_64},
		     {"x86_64", MAP_ARCH_X86_64}};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (ps->map->arch == MAP_ARCH_UNKNOWN && strstr(p, words[i].word) != NULL)
			ps->map->arch = words[i].arch;
	return MAP_LINE_TAKEN;
}

static enum map_line map_says_arm64(struct map_parser *ps, const char *p)
{
	(void)p;
	ps->map->arch = MAP_ARCH_ARM64;
	return MAP_LINE_TAKEN;
}

static enum map_line map_says_riscv64(struct map_parser *ps, const char *p)
{
	(void)p;
	ps->map->arch = MAP_ARCH_RISCV64;
	return MAP_LINE_TAKEN;
}

static enum map_line map_start_zones(struct map_parser *ps, const char *p)
{
	(void)p;
	ps->section = MAP_SECTION_ZONES;
	return MAP_LINE_TAKEN;
}

static enum map_line map_start_nodes(struct map_parser *ps, const char *p)
{
	(void)p;
	ps->section = MAP_SECTION_NODES;
	return MAP_LINE_TAKEN;
}

/* Inside "Zone ranges:": "DMA [mem A-B]", "Normal empty". */
static enum map_line map_zone_range(struct map_parser *ps, const char *p)
{
	static const char *const names[] = {"DMA", "DMA32", "Normal", "Movable", "Device"};
	struct map_expected *e = &ps->map->expected;
	uint64_t start, end;
	uint32_t i;

	for (i = 0; i < 5; i++)
		if (map_word(&p, names[i]))
			break;
	map_blanks(&p);
	if (i == 5)
		return MAP_LINE_UNKNOWN;
	if (map_lit(&p, "empty"))
		return MAP_LINE_TAKEN;
	if (!map_scan_bracket(&p, "[mem ", &start, &end) || end < start || e->nr_zone_ranges >= 8)
		return MAP_LINE_UNKNOWN;
	/* Nowhere else does ZONE_DMA reach so far, and a log's first lines are the first to be lost. */
	if (i == 0 && end >= MAP_ISA_DMA_END && ps->map->arch == MAP_ARCH_UNKNOWN)
		ps->map->arch = MAP_ARCH_ARM64;
	e->zone_range[e->nr_zone_ranges++] =
		(struct map_range){start, map_exclusive(end), i, ps->line};
	return MAP_LINE_TAKEN;
}

/* Inside "Early memory node ranges": "node   0: [mem A-B]". */
static enum map_line map_node_range(struct map_parser *ps, const char *p)
{
	uint64_t nid, start, end;

	if (!map_lit(&p, "node "))
		return MAP_LINE_UNKNOWN;
	map_blanks(&p);
	if (!util_scan_dec(&p, &nid) || nid >= QUARRY_MAX_NODES || !map_lit(&p, ": ") ||
	    !map_scan_bracket(&p, "[mem ", &start, &end) || end < start)
		return MAP_LINE_UNKNOWN;
	return map_take(ps, &ps->map->expected.node_ranges, start, map_exclusive(end),
			(uint32_t)nid);
}

static enum map_line map_totalpages(struct map_parser *ps, const char *p)
{
	uint64_t nid, pages;

	if (!util_scan_dec(&p, &nid) || nid >= QUARRY_MAX_NODES || !map_lit(&p, " totalpages: ") ||
	    !util_scan_dec(&p, &pages))
		return MAP_LINE_UNKNOWN;
	ps->map->expected.totalpages[nid] = pages;
	return MAP_LINE_TAKEN;
}

/* "338676K/1572332K available (..., 92828K reserved, ...)" */
static enum map_line map_memory_line(struct map_parser *ps, const char *p)
{
	struct map_expected *e = &ps->map->expected;
	uint64_t available, total, reserved;
	const char *r;

	if (!util_scan_dec(&p, &available) || toupper((unsigned char)*p) != 'K' || p[1] != '/')
		return MAP_LINE_UNKNOWN;
	p += 2;
	if (!util_scan_dec(&p, &total) || toupper((unsigned char)*p) != 'K')
		return MAP_LINE_UNKNOWN;
	e->available_kb = available;
	e->total_kb = total;
	for (r = p; (r = strstr(r, ", ")) != NULL;) {
		r += 2;
		if (!util_scan_dec(&r, &reserved))
			continue;
		if (strncasecmp(r, "K reserved", 10) == 0)
			e->reserved_kb = reserved;
		else if (strncasecmp(r, "K cma-reserved", 14) == 0)
			ps->map->cma_kb = reserved;
	}
	ps->map->handed_over = true;
	return MAP_LINE_TAKEN;
}

/* "Freeing initrd memory: 1660K" */
static enum map_line map_freeing(struct map_parser *ps, const char *p)
{
	const char *m = strstr(p, "memory: ");
	uint64_t kb;

	if (m == NULL)
		return MAP_LINE_UNKNOWN;
	m += strlen("memory: ");
	if (!util_scan_dec(&m, &kb) || toupper((unsigned char)*m) != 'K' || kb > UINT32_MAX)
		return MAP_LINE_UNKNOWN;
	ps->map->expected.freed_kb += kb;
	if (strncmp(p, "SMP alternatives ", 17) == 0)
		ps->map->released_kb = kb;
	else if (strncmp(p, "initrd ", 7) == 0)
		ps->map->initrd_freed = true;
	else
		ps->map->unused_kb += kb;
	return MAP_LINE_TAKEN;
}

static bool map_key(const char *line, const char *key, uint64_t *value)
{
	const char *p = strstr(line, key);

	if (p == NULL)
		return false;
	p += strlen(key);
	return util_scan_dec(&p, value);
}

/* "node=0 name=DMA min=1 low=2 high=3 spanned=4 present=5 managed=6 start_pfn=7" */
static enum map_line map_zone(struct map_parser *ps, const char *p)
{
	struct map_expected *e = &ps->map->expected;
	struct map_expect_zone z = {0};
	const char *name = strstr(p, " name=");
	uint64_t nid;
	size_t len;

	if (name == NULL || !map_key(p, " node=", &nid) || nid >= QUARRY_MAX_NODES ||
	    !map_key(p, " min=", &z.min) || !map_key(p, " low=", &z.low) ||
	    !map_key(p, " high=", &z.high) || !map_key(p, " spanned=", &z.spanned) ||
	    !map_key(p, " present=", &z.present) || !map_key(p, " managed=", &z.managed) ||
	    !map_key(p, " start_pfn=", &z.start_pfn))
		return map_bad(ps, p,
			       "node= name= min= low= high= spanned= present= managed= start_pfn=");
	z.nid = (int)nid;
	name += strlen(" name=");
	len = strcspn(name, " ");
	snprintf(z.name, sizeof(z.name), "%.*s", len < sizeof(z.name) ? (int)len : 7, name);
	if (e->nr_zones >= MAP_EXPECT_ZONES)
		return MAP_LINE_UNKNOWN;
	if (e->zones == NULL)
		e->zones = xcalloc(MAP_EXPECT_ZONES, sizeof(*e->zones));
	e->zones[e->nr_zones++] = z;
	return MAP_LINE_TAKEN;
}

/* The last word wins: first the CPUs that may be, then those that came up. */
static enum map_line map_cpus(struct map_parser *ps, const char *p)
{
	uint64_t n;

	if (!map_key(p, "nr_cpu_ids:", &n)) {
		const char *comma = strchr(p, ',');

		if (comma == NULL || !map_key(comma, ", ", &n))
			return MAP_LINE_UNKNOWN;
	}
	if (n < 1 || n > QUARRY_MAX_CPUS)
		return MAP_LINE_UNKNOWN;
	if (strstr(p, "nr_cpu_ids:") != NULL)
		ps->map->possible_cpus = (unsigned int)n;
	ps->map->logged_cpus = (unsigned int)n;
	return MAP_LINE_TAKEN;
}

/* ---- the table ---- */

static const struct map_kind {
	const char *start;
	enum map_line (*take)(struct map_parser *ps, const char *rest);
} map_kinds[] = {
	{"BIOS-e820:", map_e820},
	{"BIOS-e801:", map_e820},
	{"BIOS-88:", map_e820},
	{"Xen:", map_xen},
	{"efi: mem", map_efi},
	{"EFI: mem", map_efi},
	{"iomem:", map_iomem_prefixed},
	{"ACPI: SRAT:", map_srat},
	{"ACPI: NUMA: SRAT:", map_srat},
	{"SRAT:", map_srat},
	{"NUMA: Node ", map_numa},
	{"node", map_sysfs_node},
	{"/sys/devices/system/node/node", map_sysfs_node},
	{"RAMDISK:", map_ramdisk},
	{"memblock_reserve:", map_op_reserve},
	{"memblock_free:", map_op_free},
	{"memblock_phys_free:", map_op_free},
	{"memblock_free_late:", map_op_free_late},
	{"memblock_alloc_", map_announce},
	{"memblock_phys_alloc_range", map_announce},
	{"cma: Reserved", map_cma},
	{"memblock_add:", map_op_add},
	{"memblock_remove:", map_op_remove},
	{"reserved[", map_dump},
	{"memory[", map_dump_memory},
	{"e820: update ", map_e820_update},
	{"e820: remove ", map_e820_remove},
	{"Linux version ", map_version},
	{"Booting Linux on physical CPU 0x", map_says_arm64},
	{"psci: ", map_says_arm64},
	{"SBI specification ", map_says_riscv64},
	{"riscv: ", map_says_riscv64},
	{"Command line:", map_command_line},
	{"Kernel command line:", map_command_line},
	{"Zone ranges:", map_start_zones},
	{"Early memory node ranges", map_start_nodes},
	{"On node ", map_totalpages},
	{"Memory: ", map_memory_line},
	{"Freeing ", map_freeing},
	{"zone:", map_zone},
	{"setup_percpu: ", map_cpus},
	{"smp: Brought up ", map_cpus},
};

enum map_line map_take_line(struct map_parser *ps, const char *p)
{
	enum map_line what = MAP_LINE_UNKNOWN;
	size_t i;

	if (ps->section == MAP_SECTION_ZONES)
		what = map_zone_range(ps, p);
	else if (ps->section == MAP_SECTION_NODES)
		what = map_node_range(ps, p);
	if (what != MAP_LINE_UNKNOWN)
		return what;
	ps->section = MAP_SECTION_NONE;
	for (i = 0; i < sizeof(map_kinds) / sizeof(map_kinds[0]); i++) {
		size_t n = strlen(map_kinds[i].start);

		if (strncmp(p, map_kinds[i].start, n) == 0)
			return map_kinds[i].take(ps, p + n);
	}
	return map_looks_like_iomem(p) ? map_iomem(ps, p) : MAP_LINE_UNKNOWN;
}
