/* SPDX-License-Identifier: MIT */
/*
 * Zones, watermarks, reserves, per-CPU limits and zonelists against what Linux 6.1 printed on the same
 * machines: data/zones.tsv. Each shape is built with its memory map, the reservations that Linux had at
 * the hand-off, its CPUs, distances and kernelcore/movablecore, then booted and compared.
 *
 * Not compared:
 *   min_free_kbytes after a huge-page switch: with transparent_hugepage=never Linux computes the marks
 *     a second time from (managed - high); thp-never-1G is compared with the first computation.
 *   pcp_high where one CPU is in several nodes (numa=fake): a CPU has one node here.
 *   What happens later: hot-added memory (dimm-*), sysctl and offline steps. Those shapes are compared
 *     with their first computation.
 *   nr_free of zones that Linux had not completed at the hand-off (deferred initialisation).
 * Shapes named slab-* carry no zones.
 */
#include <quarry/quarry.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

#define ZONES_MAX 32
#define FIELDS_MAX 16

struct fact_zone {
	int nid;
	char name[16];
	unsigned long v[8]; /* start_pfn spanned present managed min low high promo */
	unsigned long reserve[QUARRY_NR_ZONES];
	unsigned long pcp_high, pcp_batch;
	bool has_free;
	unsigned long nr_free[QUARRY_NR_ORDERS];
};

struct fact_list {
	int nid;
	bool this_node;
	char zones[512];
};

struct shape {
	char name[64];
	struct machine_spec spec;
	int cpu_node[16];
	uint8_t distance[64];
	bool shared_cpus;
	unsigned long min_free_kbytes, totalreserve;
	struct fact_zone zone[ZONES_MAX];
	struct fact_list list[ZONES_MAX];
	unsigned int nr_memory, nr_reserved, nr_zones, nr_lists;
};

static unsigned int split_fields(char *line, char sep, char **fields, unsigned int max)
{
	unsigned int n = 0;

	while (n < max) {
		fields[n++] = line;
		line = strchr(line, sep);
		if (line == NULL)
			break;
		*line++ = '\0';
	}
	return n;
}

static unsigned int split_numbers(char *text, unsigned long *numbers, unsigned int max)
{
	char *fields[64];
	unsigned int n = split_fields(text, ',', fields, max < 64 ? max : 64);

	for (unsigned int i = 0; i < n; i++)
		numbers[i] = strtoul(fields[i], NULL, 0);
	return n;
}

static void parse_shape(struct shape *s, char **f)
{
	unsigned long numbers[64];
	unsigned int n;

	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "%s", f[1]);
	s->spec.boot.nr_cpus = (unsigned int)strtoul(f[2], NULL, 0);
	n = split_numbers(f[3], numbers, 16);
	assert_int_equal(n, s->spec.boot.nr_cpus);
	for (unsigned int i = 0; i < n; i++)
		s->cpu_node[i] = (int)numbers[i];
	s->shared_cpus = f[4][0] == '1';
	s->spec.boot.nr_nodes = (unsigned int)strtoul(f[5], NULL, 0);
	n = split_numbers(f[6], numbers, 64);
	assert_int_equal(n, s->spec.boot.nr_nodes * s->spec.boot.nr_nodes);
	for (unsigned int i = 0; i < n; i++)
		s->distance[i] = (uint8_t)numbers[i];
	s->spec.boot.kernelcore = strtoull(f[7], NULL, 0);
	s->spec.boot.movablecore = strtoull(f[8], NULL, 0);
	s->spec.boot.no_thp = f[9][0] == '1';
	s->min_free_kbytes = strtoul(f[10], NULL, 0);
	s->totalreserve = strtoul(f[11], NULL, 0);
}

static void parse_zone(struct fact_zone *z, char **f)
{
	z->nid = atoi(f[1]);
	snprintf(z->name, sizeof(z->name), "%s", f[2]);
	for (int i = 0; i < 8; i++)
		z->v[i] = strtoul(f[3 + i], NULL, 0);
	assert_int_equal(split_numbers(f[11], z->reserve, QUARRY_NR_ZONES), QUARRY_NR_ZONES);
	z->pcp_high = strtoul(f[12], NULL, 0);
	z->pcp_batch = strtoul(f[13], NULL, 0);
	z->has_free = f[14][0] != '-';
	if (z->has_free)
		assert_int_equal(split_numbers(f[14], z->nr_free, QUARRY_NR_ORDERS),
				 QUARRY_NR_ORDERS);
}

static void parse_record(struct shape *s, char **f, unsigned int n)
{
	if (strcmp(f[0], "mem") == 0) {
		s->spec.memory[s->nr_memory].nid = atoi(f[1]);
		s->spec.memory[s->nr_memory].start = strtoull(f[2], NULL, 0);
		s->spec.memory[s->nr_memory++].end = strtoull(f[3], NULL, 0);
	} else if (strcmp(f[0], "reserved") == 0) {
		s->spec.reserved[s->nr_reserved].start = strtoull(f[1], NULL, 0) << 12;
		s->spec.reserved[s->nr_reserved++].end = strtoull(f[2], NULL, 0) << 12;
	} else if (strcmp(f[0], "zone") == 0) {
		assert_int_equal(n, 15);
		parse_zone(&s->zone[s->nr_zones++], f);
	} else if (strcmp(f[0], "list") == 0) {
		struct fact_list *l = &s->list[s->nr_lists++];

		l->nid = atoi(f[1]);
		l->this_node = strcmp(f[2], "nofallback") == 0;
		snprintf(l->zones, sizeof(l->zones), "%s", strcmp(f[3], "-") == 0 ? "" : f[3]);
	} else {
		fail_msg("unknown record %s", f[0]);
	}
	assert_true(s->nr_memory < MACHINE_RANGES && s->nr_reserved < MACHINE_RANGES);
	assert_true(s->nr_zones < ZONES_MAX && s->nr_lists < ZONES_MAX);
}

static void same(const struct shape *s, const struct fact_zone *z, const char *what,
		 unsigned long got, unsigned long want)
{
	if (got != want)
		fail_msg("%s, zone %d:%s: %s is %lu, Linux has %lu", s->name, z->nid, z->name, what,
			 got, want);
}

static enum quarry_zone_type zone_by_name(const char *name)
{
	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
		if (strcmp(quarry_zone_name((enum quarry_zone_type)t), name) == 0)
			return (enum quarry_zone_type)t;
	}
	fail_msg("zone name %s", name);
	return QUARRY_NR_ZONES;
}

static void compare_zone(struct machine *m, const struct shape *s, const struct fact_zone *z)
{
	struct quarry_zone_info info;

	if (!quarry_zone_info(m->q, z->nid, zone_by_name(z->name), &info))
		fail_msg("%s: no zone %d:%s", s->name, z->nid, z->name);
	same(s, z, "start_pfn", (unsigned long)info.start_pfn, z->v[0]);
	same(s, z, "spanned", info.spanned, z->v[1]);
	same(s, z, "present", info.present, z->v[2]);
	same(s, z, "managed", info.managed, z->v[3]);
	same(s, z, "min", info.wmark[QUARRY_WMARK_MIN], z->v[4]);
	same(s, z, "low", info.wmark[QUARRY_WMARK_LOW], z->v[5]);
	same(s, z, "high", info.wmark[QUARRY_WMARK_HIGH], z->v[6]);
	same(s, z, "promo", info.wmark[QUARRY_WMARK_PROMO], z->v[7]);
	for (int i = 0; i < QUARRY_NR_ZONES; i++)
		same(s, z, "lowmem_reserve", info.lowmem_reserve[i], z->reserve[i]);
	if (!s->shared_cpus)
		same(s, z, "pcp_high", info.pcp_high, z->pcp_high);
	same(s, z, "pcp_batch", info.pcp_batch, z->pcp_batch);
	same(s, z, "free", info.free + info.pcp, info.managed);
	for (int o = 0; o < QUARRY_NR_ORDERS && z->has_free; o++)
		same(s, z, "nr_free", info.nr_free[o], z->nr_free[o]);
}

static void compare_list(struct machine *m, const struct shape *s, const struct fact_list *l)
{
	struct quarry_zoneref refs[64];
	unsigned int n = quarry_zonelist(m->q, l->nid, l->this_node, refs, 64);
	char text[512] = "";

	for (unsigned int i = 0; i < n; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%d:%s", i > 0 ? "," : "", refs[i].nid,
			 quarry_zone_name(refs[i].zone));
	}
	if (strcmp(text, l->zones) != 0)
		fail_msg("%s, node %d: zonelist is %s, Linux has %s", s->name, l->nid, text,
			 l->zones);
}

static void compare_shape(struct shape *s)
{
	struct quarry_zone_info info;
	struct quarry_totals totals;
	struct machine m;
	unsigned int zones = 0;

	s->spec.boot.cpu_node = s->cpu_node;
	s->spec.boot.distance = s->distance;
	machine_build(&m, &s->spec);
	for (unsigned int i = 0; i < s->nr_zones; i++)
		compare_zone(&m, s, &s->zone[i]);
	for (unsigned int i = 0; i < s->nr_lists; i++)
		compare_list(&m, s, &s->list[i]);
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
			zones += quarry_zone_info(m.q, nid, (enum quarry_zone_type)t, &info);
	}
	if (zones != s->nr_zones)
		fail_msg("%s: %u zones, Linux has %u", s->name, zones, s->nr_zones);
	quarry_totals(m.q, &totals);
	if (totals.min_free_kbytes != s->min_free_kbytes || totals.totalreserve != s->totalreserve)
		fail_msg("%s: min_free_kbytes %lu, totalreserve %lu, Linux has %lu, %lu", s->name,
			 totals.min_free_kbytes, totals.totalreserve, s->min_free_kbytes,
			 s->totalreserve);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static FILE *open_facts(void)
{
	FILE *f = fopen("tests/data/zones.tsv", "r");

	if (f == NULL)
		f = fopen("data/zones.tsv", "r");
	assert_non_null(f);
	return f;
}

static void zones_as_linux(void **state)
{
	static struct shape s;
	unsigned int shapes = 0, line_nr = 0;
	FILE *f = open_facts();
	char line[4096];

	(void)state;
	while (fgets(line, sizeof(line), f) != NULL) {
		char *fields[FIELDS_MAX];
		unsigned int n;

		line_nr++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		n = split_fields(line, '\t', fields, FIELDS_MAX);
		if (strcmp(fields[0], "shape") == 0) {
			if (shapes > 0)
				compare_shape(&s);
			assert_int_equal(n, 12);
			parse_shape(&s, fields);
			shapes++;
		} else {
			assert_true(n > 2);
			parse_record(&s, fields, n);
		}
	}
	compare_shape(&s);
	fclose(f);
	print_message("%u shapes\n", shapes);
	assert_true(shapes >= 50);
}

/* The zone that begins a node, or stands alone, in every way the limits can cut. */
static void zone_limits(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0}},
		.boot = {.dma_limit = 8 * MACHINE_MIB, .dma32_limit = 24 * MACHINE_MIB},
	};
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.start_pfn, 0);
	assert_int_equal(info.spanned, 2048);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info));
	assert_int_equal(info.start_pfn, 2048);
	assert_int_equal(info.spanned, 4096);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.start_pfn, 6144);
	assert_int_equal(info.spanned, 10240);
	assert_false(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	assert_string_equal(info.name, "Movable");
	assert_int_equal(info.managed, 0);
	assert_false(quarry_zone_info(m.q, 1, QUARRY_ZONE_NORMAL, &info));
	assert_false(quarry_zone_info(m.q, -1, QUARRY_ZONE_NORMAL, &info));
	assert_false(quarry_zone_info(m.q, 0, QUARRY_NR_ZONES, &info));
	machine_fini(&m);

	spec.boot.dma_limit = spec.boot.dma32_limit = ~(phys_addr_t)0;
	machine_build(&m, &spec);
	assert_false(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_false(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info));
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.managed, 16384);
	machine_fini(&m);
}

/* NOMAP memory is present but never handed over; HOTPLUG memory is handed over like any other. */
static void flags_of_memory(void **state)
{
	struct machine_spec spec = {.memory = {{0, 32 * MACHINE_MIB, 0}}};
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	machine_init(&m, &spec);
	assert_int_equal(quarry_memblock_mark_nomap(m.q, 20 * MACHINE_MIB, MACHINE_MIB + 100), 0);
	assert_int_equal(quarry_memblock_mark_hotplug(m.q, 24 * MACHINE_MIB, 3 * MACHINE_MIB), 0);
	assert_int_equal(quarry_boot(m.q, NULL), 0);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info));
	assert_int_equal(info.spanned, 4096);
	/* The page that the flag's end cuts belongs to neither region as a whole. */
	assert_int_equal(info.present, 4095);
	assert_int_equal(info.managed, 4096 - 257);
	assert_int_equal(info.free, info.managed);
	machine_check(&m);
	machine_fini(&m);
}

/* Hardly any kernel memory: the rest is movable, from the next multiple of the largest block on. */
static void movable_from_the_start(void **state)
{
	struct machine_spec spec = {.memory = {{0, 12 * MACHINE_MIB, 0}},
				    .boot = {.kernelcore = 1}};
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.spanned, 1024);
	assert_int_equal(info.managed, 1024);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_MOVABLE, &info));
	assert_int_equal(info.start_pfn, 1024);
	assert_int_equal(info.managed, 2048);
	machine_fini(&m);
	/* Fewer kernel pages than nodes: each node gives none, up to where its movable memory may begin. */
	spec.memory[1] = (struct machine_range){12 * MACHINE_MIB, 20 * MACHINE_MIB, 1};
	machine_build(&m, &spec);
	assert_true(quarry_zone_info(m.q, 1, QUARRY_ZONE_MOVABLE, &info));
	assert_int_equal(info.start_pfn, 4096);
	assert_int_equal(info.managed, 1024);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.managed, 3072);
	machine_check(&m);
	machine_fini(&m);
}

static void boot_parameters_out_of_range(void **state)
{
	static const int bad_nodes[2] = {0, QUARRY_MAX_NODES}, negative[1] = {-1};
	const struct quarry_boot_params bad[] = {
		{.nr_cpus = QUARRY_MAX_CPUS + 1},
		{.nr_nodes = QUARRY_MAX_NODES + 1},
		{.nr_cpus = 2, .cpu_node = bad_nodes},
		{.nr_cpus = 1, .cpu_node = negative},
		{.nr_cpus = 0, .cpu_node = negative}, /* one CPU */
		{.distance = (const uint8_t *)"\n", .nr_nodes = 0},
	};
	struct machine_spec spec = {
		.memory = {{0, 16 * MACHINE_MIB, 0}}, .port = MACHINE_COUNTED, .budget = -1};
	struct machine m;
	unsigned long tables;

	(void)state;
	machine_init(&m, &spec);
	tables = m.tables_out;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(quarry_boot(m.q, &bad[i]), -QUARRY_EINVAL);
		assert_int_equal(quarry_stage(m.q), QUARRY_STAGE_BOOT);
		assert_int_equal(m.tables_out, tables);
		assert_int_equal(quarry_check_memblock(m.q, NULL), 0);
	}
	assert_int_equal(quarry_boot(m.q, NULL), 0);
	assert_int_equal(quarry_boot(m.q, NULL), -QUARRY_EINVAL); /* once is enough */
	assert_int_equal(quarry_stage(m.q), QUARRY_STAGE_SLAB);
	machine_check(&m);
	machine_fini(&m);
}

static void no_memory(void **state)
{
	struct machine_spec spec = {.port = MACHINE_COUNTED, .budget = -1};
	struct machine m;

	(void)state;
	machine_init(&m, &spec);
	assert_int_equal(quarry_boot(m.q, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_stage(m.q), QUARRY_STAGE_BOOT);
	assert_int_equal(m.tables_out, 0); /* nothing changed */
	assert_int_equal(quarry_memblock_add(m.q, 0x800, 0x1000), 0);
	assert_int_equal(quarry_boot(m.q, NULL), -QUARRY_EINVAL); /* less than one whole page */
	assert_int_equal(m.tables_out, 0);
	assert_int_equal(quarry_memblock_add(m.q, 0x100000, 0x100000), 0);
	assert_int_equal(quarry_boot(m.q, NULL), 0);
	machine_check(&m);
	machine_fini(&m);
}

/* Types of pageblocks at the hand-off: movable if the first page is memory of the zone. */
static void pageblock_types_at_boot(void **state)
{
	struct machine_spec spec = {
		.memory = {{4096, 3 * MACHINE_GIB, 0}, {4 * MACHINE_GIB, 6 * MACHINE_GIB, 0}},
		.reserved = {{MACHINE_GIB + 6 * MACHINE_MIB, MACHINE_GIB + 7 * MACHINE_MIB, 0},
			     {5 * MACHINE_GIB, 5 * MACHINE_GIB + 4096, 0}},
	};
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], 1);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE], 7);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info));
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], 0);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE], 1536 - 8);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_NORMAL, &info));
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], 0);
	assert_int_equal(info.nr_pageblocks[QUARRY_MIGRATE_MOVABLE], 1024);
	assert_int_equal(info.nr_arenas, 2);
	assert_int_equal(info.nr_virgin_arenas, 1);
	assert_int_equal(info.nr_free[10], 511);
	machine_check(&m);
	machine_fini(&m);
}

static void lowmem_reserve_and_scale(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 1 * MACHINE_GIB, 0}},
		.boot = {.lowmem_reserve_ratio = {100, 0, 1, 1},
			 .set_lowmem_reserve_ratio = true,
			 .watermark_scale_factor = 200,
			 .min_free_kbytes = 4000,
			 .no_thp = true},
	};
	struct quarry_zone_info info;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA, &info));
	assert_int_equal(info.lowmem_reserve[QUARRY_ZONE_NORMAL], (262144 - 4096) / 100);
	assert_int_equal(info.lowmem_reserve[QUARRY_ZONE_DMA], 0);
	assert_true(quarry_zone_info(m.q, 0, QUARRY_ZONE_DMA32, &info));
	assert_int_equal(info.lowmem_reserve[QUARRY_ZONE_NORMAL], 0);
	assert_int_equal(info.wmark[QUARRY_WMARK_MIN], 1000ul * 258048 / 262144);
	assert_int_equal(info.wmark[QUARRY_WMARK_LOW] - info.wmark[QUARRY_WMARK_MIN],
			 258048ul * 200 / 10000);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_as_linux),
		cmocka_unit_test(zone_limits),
		cmocka_unit_test(flags_of_memory),
		cmocka_unit_test(movable_from_the_start),
		cmocka_unit_test(boot_parameters_out_of_range),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(pageblock_types_at_boot),
		cmocka_unit_test(lowmem_reserve_and_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
