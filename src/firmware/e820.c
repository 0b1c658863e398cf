/* SPDX-License-Identifier: MIT */
/*
 * E820, the map of a PC's BIOS, by itself and as PVH brings it.
 *
 * An entry is address, size and type. Type 1 is memory. ACPI 3's fourth word is not looked at: it is
 * seldom right, and PVH leaves it 0. In PVH's start info the map is named by physical address, and so are
 * the command line and the modules, of which the first is the RAM disk.
 */
#include "internal.h"

#define E820_ENTRY 20 /* bytes that are looked at */
#define E820_RAM 1

void firmware_e820_range(struct firmware_range *r, const uint8_t *entry)
{
	*r = (struct firmware_range){.start = firmware_le64(entry),
				     .size = firmware_le64(entry + 8),
				     .kind = firmware_le32(entry + 16) == E820_RAM ? FIRMWARE_RAM
										   : FIRMWARE_TAKEN,
				     .nid = QUARRY_NO_NODE};
}

/* ---- the map itself ---- */

struct e820_source {
	struct firmware_source src;
	const uint8_t *entries;
	size_t count, stride;
};

static int e820_walk(const struct firmware_source *src, firmware_see_fn see, void *arg)
{
	const struct e820_source *e = QUARRY_CONTAINER_OF(src, const struct e820_source, src);
	struct firmware_range r;
	int err = 0;

	for (size_t i = 0; i < e->count && err == 0; i++) {
		firmware_e820_range(&r, e->entries + i * e->stride);
		err = see(arg, &r);
	}
	return err;
}

int quarry_firmware_e820(struct quarry *q, const void *entries, size_t count, size_t stride)
{
	struct e820_source e = {
		.src = {.q = q, .name = "e820", .walk = e820_walk},
		.entries = entries,
		.count = count,
		.stride = stride,
	};

	if (stride < E820_ENTRY)
		return firmware_fail(q, -QUARRY_EINVAL,
				     "e820: entries of %zu bytes, expected at least %d", stride,
				     E820_ENTRY);
	if (count > QUARRY_FIRMWARE_MAX_RANGES)
		return firmware_fail(q, -QUARRY_E2BIG, "e820: %zu entries, expected at most %d",
				     count, QUARRY_FIRMWARE_MAX_RANGES);
	return firmware_apply(&e.src, NULL);
}

/* ---- PVH ---- */

#define PVH_MAGIC 0x336ec578u
#define PVH_INFO_0 40u /* bytes of the start info at version 0 */
#define PVH_INFO_1 56u
#define PVH_ENTRY 24u
#define PVH_MODULE 32u
#define PVH_CMDLINE 4096u /* bytes of a command line that are looked at */

struct pvh_source {
	struct firmware_source src;
	const struct quarry_firmware_memory *memory;
	phys_addr_t start_info, modules, cmdline, rsdp, map;
	uint32_t nr_modules, nr_entries;
	size_t cmdline_bytes; /* the 0 at its end included; 0: none */
};

static int pvh_unreadable(const struct pvh_source *p, const char *what, phys_addr_t phys)
{
	return firmware_fail(p->src.q, -QUARRY_ERANGE, "pvh: the %s at 0x%llx cannot be read", what,
			     (unsigned long long)phys);
}

/* Module @i; its place and size go to @m. */
static int pvh_module(const struct pvh_source *p, uint32_t i, struct quarry_range *m)
{
	phys_addr_t at = p->modules + (phys_addr_t)i * PVH_MODULE;
	const uint8_t *b = firmware_map(p->src.q, p->memory, at, PVH_MODULE);

	if (b == NULL)
		return pvh_unreadable(p, "list of modules", at);
	*m = (struct quarry_range){firmware_le64(b), firmware_le64(b + 8)};
	return 0;
}

static int pvh_walk_map(const struct pvh_source *p, firmware_see_fn see, void *arg)
{
	size_t bytes = (size_t)p->nr_entries * PVH_ENTRY;
	const uint8_t *map = firmware_map(p->src.q, p->memory, p->map, bytes);
	struct firmware_range r;
	int err = 0;

	if (map == NULL)
		return pvh_unreadable(p, "memory map", p->map);
	for (uint32_t i = 0; i < p->nr_entries && err == 0; i++) {
		firmware_e820_range(&r, map + (size_t)i * PVH_ENTRY);
		err = see(arg, &r);
	}
	return err;
}

static int pvh_walk(const struct firmware_source *src, firmware_see_fn see, void *arg)
{
	const struct pvh_source *p = QUARRY_CONTAINER_OF(src, const struct pvh_source, src);
	struct quarry_range module = {0, 0};
	int err = pvh_walk_map(p, see, arg);

	if (err == 0)
		err = firmware_see_used(see, arg, p->start_info, PVH_INFO_1, FIRMWARE_LOADER);
	if (err == 0)
		err = firmware_see_used(see, arg, p->map, (phys_addr_t)p->nr_entries * PVH_ENTRY,
					FIRMWARE_LOADER);
	if (err == 0)
		err = firmware_see_used(see, arg, p->cmdline, p->cmdline_bytes, FIRMWARE_LOADER);
	if (err == 0)
		err = firmware_see_used(see, arg, p->modules,
					(phys_addr_t)p->nr_modules * PVH_MODULE, FIRMWARE_LOADER);
	for (uint32_t i = 0; i < p->nr_modules && err == 0; i++) {
		err = pvh_module(p, i, &module);
		if (err == 0)
			err = firmware_see_used(see, arg, module.start, module.size,
						FIRMWARE_RESERVED);
	}
	return err;
}

/* How long the command line is: it ends with a 0, which may be the last byte that can be read. */
static int pvh_measure_cmdline(struct pvh_source *p, struct quarry_firmware_info *info)
{
	size_t n;

	if (p->cmdline == 0)
		return 0;
	for (n = 0; n < PVH_CMDLINE; n++) {
		const uint8_t *c = firmware_map(p->src.q, p->memory, p->cmdline + n, 1);

		if (c == NULL)
			return pvh_unreadable(p, "command line", p->cmdline + n);
		if (*c == '\0')
			break;
	}
	if (n == PVH_CMDLINE)
		return firmware_fail(p->src.q, -QUARRY_EINVAL,
				     "pvh: the command line does not end within %u bytes",
				     PVH_CMDLINE);
	p->cmdline_bytes = n + 1;
	firmware_cmdline(info, firmware_map(p->src.q, p->memory, p->cmdline, n + 1), n + 1);
	return 0;
}

/* The fixed part. */
static int pvh_read(struct pvh_source *p)
{
	struct quarry *q = p->src.q;
	const uint8_t *b = firmware_map(q, p->memory, p->start_info, PVH_INFO_0);

	if (b == NULL)
		return pvh_unreadable(p, "start info", p->start_info);
	if (firmware_le32(b) != PVH_MAGIC)
		return firmware_fail(q, -QUARRY_EINVAL, "pvh: magic 0x%x, expected 0x%x",
				     firmware_le32(b), PVH_MAGIC);
	if (firmware_le32(b + 4) == 0)
		return firmware_fail(q, -QUARRY_EINVAL,
				     "pvh: version 0 has no memory map, expected 1 or later");
	b = firmware_map(q, p->memory, p->start_info, PVH_INFO_1);
	if (b == NULL)
		return pvh_unreadable(p, "start info", p->start_info);
	p->nr_modules = firmware_le32(b + 12);
	p->modules = firmware_le64(b + 16);
	p->cmdline = firmware_le64(b + 24);
	p->rsdp = firmware_le64(b + 32);
	p->map = firmware_le64(b + 40);
	p->nr_entries = firmware_le32(b + 48);
	if (p->nr_entries > QUARRY_FIRMWARE_MAX_RANGES ||
	    p->nr_modules > QUARRY_FIRMWARE_MAX_RANGES)
		return firmware_fail(q, -QUARRY_E2BIG,
				     "pvh: %u entries and %u modules, expected at most %d",
				     p->nr_entries, p->nr_modules, QUARRY_FIRMWARE_MAX_RANGES);
	if (p->nr_entries == 0)
		return firmware_fail(q, -QUARRY_ENXIO, "pvh: the memory map is empty");
	return 0;
}

int quarry_firmware_pvh(struct quarry *q, phys_addr_t start_info,
			const struct quarry_firmware_memory *memory,
			struct quarry_firmware_info *info)
{
	struct pvh_source p = {
		.src = {.q = q, .name = "pvh", .walk = pvh_walk},
		.memory = memory,
		.start_info = start_info,
	};
	struct quarry_range module = {0, 0};
	int err;

	firmware_begin_info(info);
	err = pvh_read(&p);
	if (err == 0)
		err = pvh_measure_cmdline(&p, info);
	for (uint32_t i = 0; i < p.nr_modules && err == 0; i++) {
		err = pvh_module(&p, i, &module);
		if (err == 0)
			firmware_module(info, module);
	}
	if (err == 0)
		err = firmware_apply(&p.src, info);
	if (err == 0 && info != NULL)
		info->rsdp = p.rsdp;
	return err;
}
