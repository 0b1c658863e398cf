/* SPDX-License-Identifier: MIT */
/*
 * ACPI's SRAT: whose memory is whose.
 *
 * Nodes are numbered in the order in which domains turn up, those of processors before those of memory,
 * which is Linux's order. A range of SRAT may be larger than the memory in it: it covers holes, and
 * places for memory to be plugged in. So ranges set nodes of what memblock has, and add nothing.
 *
 * What is counted before anything is changed: a range splits regions at its two ends, at most, and an end
 * that several ranges share splits once.
 */
#include "acpi.h"

#define SRAT_ENABLED 1u
#define SRAT_HOTPLUG 2u
#define SRAT_REVISION 8u /* offset in the header */
#define SRAT_MAX_LOST ((phys_addr_t)1 << 20)

/* ---- entries ---- */

bool srat_read(const struct srat *s, const uint8_t *p, struct srat_entry *e)
{
	uint32_t flags = 0;

	*e = (struct srat_entry){.type = (enum srat_type)p[0]};
	if (p[0] == SRAT_CPU && p[1] >= 16) {
		e->domain = p[2] | firmware_le16(p + 9) << 8 | (uint32_t)p[11] << 24;
		e->id = p[3];
		flags = firmware_le32(p + 4);
	} else if (p[0] == SRAT_MEMORY && p[1] >= 40) {
		e->domain = firmware_le32(p + 2);
		e->start = firmware_le64(p + 8);
		e->size = firmware_le64(p + 16);
		flags = firmware_le32(p + 28);
		e->hotplug = (flags & SRAT_HOTPLUG) != 0;
	} else if ((p[0] == SRAT_X2APIC && p[1] >= 24) || (p[0] == SRAT_RINTC && p[1] >= 20)) {
		e->domain = firmware_le32(p + 4);
		e->id = firmware_le32(p + 8);
		flags = firmware_le32(p + 12);
	} else if (p[0] == SRAT_GICC && p[1] >= 18) {
		e->domain = firmware_le32(p + 2);
		e->id = firmware_le32(p + 6);
		flags = firmware_le32(p + 10);
	} else if (p[0] == SRAT_INITIATOR && p[1] >= 32) {
		e->domain = firmware_le32(p + 4);
		flags = firmware_le32(p + 24);
	}
	if (!s->wide)
		e->domain &= 0xff;
	return (flags & SRAT_ENABLED) != 0;
}

int srat_node(const struct srat *s, uint32_t domain)
{
	for (unsigned int i = 0; i < s->nr; i++)
		if (s->domain[i] == domain)
			return (int)i;
	return QUARRY_NO_NODE;
}

/* Numbers the domains of memory, or those of all else. */
static int srat_number(struct srat *s, const uint8_t *t, bool memory)
{
	struct srat_entry e;

	for (uint32_t at = SRAT_FIRST; at < s->table.size; at += t[at + 1]) {
		if (!srat_read(s, t + at, &e) || (e.type == SRAT_MEMORY) != memory ||
		    srat_node(s, e.domain) != QUARRY_NO_NODE)
			continue;
		if (s->nr == QUARRY_MAX_NODES)
			return firmware_fail(s->acpi->q, -QUARRY_E2BIG,
					     "acpi: SRAT has more than %d domains",
					     QUARRY_MAX_NODES);
		s->domain[s->nr++] = e.domain;
	}
	return 0;
}

int srat_open(struct srat *s, const struct acpi *a)
{
	const uint8_t *t;
	int err;

	*s = (struct srat){.acpi = a};
	if (acpi_find(a, "SRAT", &s->table) != 0)
		return 0;
	err = acpi_check_entries(a, &s->table, SRAT_FIRST);
	if (err != 0)
		return err;
	t = acpi_map(a, &s->table);
	if (t == NULL)
		return firmware_fail(a->q, -QUARRY_ERANGE, "acpi: SRAT cannot be read");
	s->present = true;
	s->wide = t[SRAT_REVISION] >= 2;
	err = srat_number(s, t, false);
	return err == 0 ? srat_number(s, t, true) : err;
}

/* ---- memory: while it is looked at, the table stays mapped ---- */

/* The first entry of memory from *@at on; *@at moves past it. */
static bool srat_next_memory(const struct srat *s, const uint8_t *t, uint32_t *at,
			     struct srat_entry *e)
{
	while (*at < s->table.size) {
		const uint8_t *p = t + *at;

		*at += p[1];
		if (srat_read(s, p, e) && e->type == SRAT_MEMORY && e->size != 0)
			return true;
	}
	return false;
}

/* No entry wraps, and none overlaps one of another node. */
static int srat_check_memory(const struct srat *s, const uint8_t *t, unsigned int *nr)
{
	uint32_t at = SRAT_FIRST, at2;
	struct srat_entry e, e2;

	*nr = 0;
	while (srat_next_memory(s, t, &at, &e)) {
		if (e.size - 1 > ~(phys_addr_t)0 - e.start)
			return firmware_fail(s->acpi->q, -QUARRY_ERANGE,
					     "acpi: SRAT: 0x%llx bytes at 0x%llx end beyond the "
					     "address space",
					     (unsigned long long)e.size,
					     (unsigned long long)e.start);
		if (++*nr > QUARRY_FIRMWARE_MAX_RANGES)
			return firmware_fail(s->acpi->q, -QUARRY_E2BIG,
					     "acpi: SRAT has more than %d ranges",
					     QUARRY_FIRMWARE_MAX_RANGES);
		at2 = at;
		while (srat_next_memory(s, t, &at2, &e2))
			if (e.domain != e2.domain &&
			    firmware_meet(e.start, e.size, e2.start, e2.size))
				return firmware_fail(
					s->acpi->q, -QUARRY_EINVAL,
					"acpi: SRAT: 0x%llx is memory of domains %u and %u",
					(unsigned long long)quarry_max(e.start, e2.start), e.domain,
					e2.domain);
	}
	return 0;
}

/* Bytes of [@start, @end) in no entry. */
static phys_addr_t srat_uncovered(const struct srat *s, const uint8_t *t, phys_addr_t start,
				  phys_addr_t end)
{
	phys_addr_t lost = 0;

	while (start < end) {
		phys_addr_t covered = start, next = end;
		uint32_t at = SRAT_FIRST;
		struct srat_entry e;

		while (srat_next_memory(s, t, &at, &e)) {
			if (e.start > start)
				next = quarry_min(next, e.start);
			else
				covered = quarry_max(covered, firmware_end(e.start, e.size));
		}
		if (covered > start) {
			start = covered;
		} else {
			lost += next - start;
			start = next;
		}
	}
	return lost;
}

static int srat_check_cover(const struct srat *s, const uint8_t *t)
{
	const struct memblock_type *memory = &quarry_memblock(s->acpi->q)->memory;
	phys_addr_t lost = 0;

	for (unsigned long i = 0; i < memory->cnt; i++)
		lost += srat_uncovered(s, t, memory->regions[i].base,
				       memory->regions[i].base + memory->regions[i].size);
	if (lost <= SRAT_MAX_LOST)
		return 0;
	return firmware_fail(s->acpi->q, -QUARRY_EINVAL,
			     "acpi: SRAT leaves out %llu KiB of memory; nodes are not used",
			     (unsigned long long)(lost >> 10));
}

/* Whether an end of an entry before offset @before is @addr. */
static bool srat_is_end(const struct srat *s, const uint8_t *t, uint32_t before, phys_addr_t addr)
{
	uint32_t at = SRAT_FIRST;
	struct srat_entry e;

	while (srat_next_memory(s, t, &at, &e) && at < before)
		if (e.start == addr || firmware_end(e.start, e.size) == addr)
			return true;
	return false;
}

/* Whether @addr lies inside a region of memory, not at its edge. */
static bool srat_splits(const struct srat *s, phys_addr_t addr)
{
	const struct memblock_type *memory = &quarry_memblock(s->acpi->q)->memory;

	for (unsigned long i = 0; i < memory->cnt; i++)
		if (memory->regions[i].base < addr &&
		    addr < memory->regions[i].base + memory->regions[i].size)
			return true;
	return false;
}

static unsigned long srat_count_splits(const struct srat *s, const uint8_t *t)
{
	uint32_t at = SRAT_FIRST;
	struct srat_entry e;
	unsigned long n = 0;

	while (srat_next_memory(s, t, &at, &e)) {
		phys_addr_t end = firmware_end(e.start, e.size);

		n += srat_splits(s, e.start) && !srat_is_end(s, t, at, e.start);
		n += srat_splits(s, end) && !srat_is_end(s, t, at, end);
	}
	return n;
}

static int srat_apply(const struct srat *s, const uint8_t *t)
{
	struct quarry *q = s->acpi->q;
	uint32_t at = SRAT_FIRST;
	struct srat_entry e;
	int err = 0;

	while (err == 0 && srat_next_memory(s, t, &at, &e)) {
		err = quarry_memblock_set_node(q, e.start, e.size, &quarry_memblock(q)->memory,
					       srat_node(s, e.domain));
		if (err == 0 && e.hotplug)
			err = quarry_memblock_mark_hotplug(q, e.start, e.size);
	}
	return err;
}

/* ---- tables in memory ---- */

/* Table @i: the root pointer, the root table, then those that it lists. False: nothing to reserve. */
static bool acpi_in_memory(const struct acpi *a, uint32_t i, struct quarry_range *table)
{
	const struct memblock_type *memory = &quarry_memblock(a->q)->memory;
	char signature[4];

	if (i == 0)
		*table = a->rsdp;
	else if (i == 1)
		*table = a->root;
	else if (!acpi_listed(a, i - 2, table, signature))
		return false;
	return quarry_memblock_overlaps_region(memory, table->start, table->size);
}

static unsigned long acpi_count_tables(const struct acpi *a)
{
	struct quarry_range table;
	unsigned long n = 0;

	for (uint32_t i = 0; i < a->nr + 2; i++)
		if (acpi_in_memory(a, i, &table))
			n += firmware_reserve_needs(a->q, table.start, table.size);
	return n;
}

static int acpi_reserve_tables(const struct acpi *a)
{
	struct quarry_range table;
	int err = 0;

	for (uint32_t i = 0; i < a->nr + 2 && err == 0; i++)
		if (acpi_in_memory(a, i, &table))
			err = firmware_reserve(a->q, table.start,
					       firmware_end(table.start, table.size), false);
	return err;
}

/* ---- the call ---- */

/* Memory's nodes by the table, checked; nothing is changed. */
static int srat_check(const struct srat *s, unsigned int *nr)
{
	struct quarry *q = s->acpi->q;
	const uint8_t *t = acpi_map(s->acpi, &s->table);
	int err;

	if (t == NULL)
		return firmware_fail(q, -QUARRY_ERANGE, "acpi: SRAT cannot be read");
	err = srat_check_memory(s, t, nr);
	if (err != 0 || *nr == 0)
		return err;
	err = srat_check_cover(s, t);
	if (err == 0)
		err = firmware_room(q, "acpi", &quarry_memblock(q)->memory,
				    srat_count_splits(s, t));
	return err;
}

int quarry_firmware_acpi(struct quarry *q, phys_addr_t rsdp,
			 const struct quarry_firmware_memory *memory)
{
	unsigned int nr = 0;
	struct srat s;
	struct acpi a;
	int err;

	if (q->stage != QUARRY_STAGE_BOOT)
		return firmware_fail(q, -QUARRY_EINVAL, "acpi: too late, boot is over");
	err = acpi_open(&a, q, rsdp, memory);
	if (err == 0)
		err = srat_open(&s, &a);
	if (err == 0 && s.present)
		err = srat_check(&s, &nr);
	if (err == 0)
		err = firmware_room(q, "acpi", &quarry_memblock(q)->reserved,
				    acpi_count_tables(&a));
	if (err != 0)
		return err;
	if (nr != 0) {
		const uint8_t *t = acpi_map(&a, &s.table);

		err = t != NULL ? srat_apply(&s, t) : -QUARRY_ERANGE;
	} else {
		(void)acpi_none(&a, "memory in SRAT");
	}
	if (err == 0)
		err = acpi_reserve_tables(&a);
	return err == 0 ? 0 : firmware_fail(q, err, "acpi: memblock refuses what was counted");
}
