/* SPDX-License-Identifier: MIT */
/*
 * ACPI: from the root pointer to tables, and the CPUs and distances that they tell of.
 *
 * Problem    Tables are found by physical addresses in other tables. Each may be wrong, and so may the
 *            length of each table. Only what the caller's @map gives is read, and of that only what the
 *            length says, after the sum of all its bytes was found to be 0.
 *
 * Terms      RSDP    the root pointer: names the RSDT by 32 bits and, from ACPI 2 on, the XSDT by 64
 *            root    XSDT if there is one, else RSDT: a header and the addresses of all tables
 *            MADT    interrupt controllers, and so CPUs ("APIC")
 *            SRAT    which CPUs and which memory are near each other: proximity domains
 *            SLIT    how far domains are from each other
 *
 * Rule       What was mapped is good until the next map: no pointer into one table is held while another
 *            is read. A table is mapped again for each of its entries where both must be looked at.
 */
#include "acpi.h"

#define ACPI_RSDP_1 20u
#define ACPI_RSDP_2 36u
#define ACPI_RSDP_MAX 4096u

/* ---- a PC's root pointer ---- */

static bool acpi_sum_is_0(const uint8_t *p, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + p[i]);
	return sum == 0;
}

#define ACPI_EBDA_SEGMENT 0x40eu /* where BIOS keeps the segment of its data area */
#define ACPI_EBDA_BYTES 1024u
#define ACPI_BIOS 0xe0000u
#define ACPI_BIOS_END 0x100000u

static phys_addr_t acpi_scan(struct quarry *q, const struct quarry_firmware_memory *memory,
			     phys_addr_t at, phys_addr_t end)
{
	for (; at + ACPI_RSDP_1 <= end; at += 16) {
		const uint8_t *p = firmware_map(q, memory, at, ACPI_RSDP_1);

		if (p != NULL && quarry_memcmp(p, "RSD PTR ", 8) == 0 &&
		    acpi_sum_is_0(p, ACPI_RSDP_1))
			return at;
	}
	return 0;
}

phys_addr_t quarry_firmware_acpi_scan(struct quarry *q, const struct quarry_firmware_memory *memory)
{
	const uint8_t *p = firmware_map(q, memory, ACPI_EBDA_SEGMENT, 2);
	phys_addr_t ebda = p != NULL ? (phys_addr_t)firmware_le16(p) << 4 : 0;
	phys_addr_t found = ebda != 0 ? acpi_scan(q, memory, ebda, ebda + ACPI_EBDA_BYTES) : 0;

	return found != 0 ? found : acpi_scan(q, memory, ACPI_BIOS, ACPI_BIOS_END);
}

/* ---- tables ---- */

static int acpi_unreadable(const struct acpi *a, const char *what, phys_addr_t phys)
{
	return firmware_fail(a->q, -QUARRY_ERANGE, "acpi: the %s at 0x%llx cannot be read", what,
			     (unsigned long long)phys);
}

const uint8_t *acpi_map(const struct acpi *a, const struct quarry_range *table)
{
	return firmware_map(a->q, a->memory, table->start, (size_t)table->size);
}

/* Reads the header at @phys: signature and length. 0, or an error that was not logged. */
static int acpi_header(const struct acpi *a, phys_addr_t phys, struct quarry_range *table,
		       char signature[4])
{
	const uint8_t *h = firmware_map(a->q, a->memory, phys, ACPI_HEADER);

	if (h == NULL)
		return -QUARRY_ERANGE;
	*table = (struct quarry_range){phys, firmware_le32(h + 4)};
	quarry_memcpy(signature, h, 4);
	if (table->size < ACPI_HEADER || table->size > ACPI_MAX_TABLE)
		return -QUARRY_EINVAL;
	return 0;
}

/* The root table at @phys. */
static int acpi_open_root(struct acpi *a, phys_addr_t phys, const char *expected)
{
	char signature[4];
	const uint8_t *t;
	int err = acpi_header(a, phys, &a->root, signature);

	if (err == 0 && quarry_memcmp(signature, expected, 4) != 0)
		err = -QUARRY_EINVAL;
	if (err != 0)
		return firmware_fail(a->q, err,
				     "acpi: no %s at 0x%llx, where the root pointer has it",
				     expected, (unsigned long long)phys);
	t = acpi_map(a, &a->root);
	if (t == NULL)
		return acpi_unreadable(a, expected, phys);
	if (!acpi_sum_is_0(t, (size_t)a->root.size))
		return firmware_fail(a->q, -QUARRY_EINVAL, "acpi: the checksum of the %s is wrong",
				     expected);
	a->nr = ((uint32_t)a->root.size - ACPI_HEADER) / a->entry_bytes;
	return 0;
}

int acpi_open(struct acpi *a, struct quarry *q, phys_addr_t rsdp,
	      const struct quarry_firmware_memory *memory)
{
	const uint8_t *p = firmware_map(q, memory, rsdp, ACPI_RSDP_1);
	uint32_t size = ACPI_RSDP_1;
	phys_addr_t root;

	*a = (struct acpi){.q = q, .memory = memory};
	if (p == NULL)
		return acpi_unreadable(a, "root pointer", rsdp);
	if (quarry_memcmp(p, "RSD PTR ", 8) != 0 || !acpi_sum_is_0(p, ACPI_RSDP_1))
		return firmware_fail(q, -QUARRY_EINVAL,
				     "acpi: no root pointer at 0x%llx, or its checksum is wrong",
				     (unsigned long long)rsdp);
	root = firmware_le32(p + 16);
	a->entry_bytes = 4;
	if (p[15] >= 2) {
		p = firmware_map(q, memory, rsdp, ACPI_RSDP_2);
		size = p != NULL ? firmware_le32(p + 20) : 0;
		if (size >= ACPI_RSDP_2 && size <= ACPI_RSDP_MAX)
			p = firmware_map(q, memory, rsdp, size);
		else
			p = NULL;
		if (p == NULL || !acpi_sum_is_0(p, size))
			return firmware_fail(
				q, -QUARRY_EINVAL,
				"acpi: the root pointer's length or second checksum is "
				"wrong");
		if (firmware_le64(p + 24) != 0) {
			root = firmware_le64(p + 24);
			a->entry_bytes = 8;
		}
	}
	a->rsdp = (struct quarry_range){rsdp, size};
	return acpi_open_root(a, root, a->entry_bytes == 8 ? "XSDT" : "RSDT");
}

bool acpi_listed(const struct acpi *a, uint32_t i, struct quarry_range *table, char signature[4])
{
	phys_addr_t at = a->root.start + ACPI_HEADER + (phys_addr_t)i * a->entry_bytes;
	const uint8_t *p = firmware_map(a->q, a->memory, at, a->entry_bytes);

	if (p == NULL)
		return false;
	return acpi_header(a, a->entry_bytes == 8 ? firmware_le64(p) : firmware_le32(p), table,
			   signature) == 0;
}

int acpi_find(const struct acpi *a, const char *signature, struct quarry_range *table)
{
	char found[4];

	for (uint32_t i = 0; i < a->nr; i++) {
		const uint8_t *t;

		if (!acpi_listed(a, i, table, found) || quarry_memcmp(found, signature, 4) != 0)
			continue;
		t = acpi_map(a, table);
		if (t != NULL && acpi_sum_is_0(t, (size_t)table->size))
			return 0;
		firmware_warn(a->q, "acpi: %s at 0x%llx %s, passed over", signature,
			      (unsigned long long)table->start,
			      t == NULL ? "cannot be read" : "has a wrong checksum");
	}
	return -QUARRY_ENXIO;
}

int acpi_none(const struct acpi *a, const char *signature)
{
	quarry_log(a->q, QUARRY_LOG_INFO, "firmware: acpi: no %s", signature);
	return -QUARRY_ENXIO;
}

int quarry_firmware_acpi_table(struct quarry *q, phys_addr_t rsdp,
			       const struct quarry_firmware_memory *memory, const char *signature,
			       struct quarry_range *table)
{
	struct quarry_range found;
	struct acpi a;
	int err = acpi_open(&a, q, rsdp, memory);

	if (err == 0)
		err = acpi_find(&a, signature, &found);
	if (err == -QUARRY_ENXIO)
		return acpi_none(&a, signature);
	if (err == 0)
		*table = found;
	return err;
}

int acpi_check_entries(const struct acpi *a, const struct quarry_range *table, uint32_t first)
{
	const uint8_t *t = acpi_map(a, table);
	uint32_t at, size = (uint32_t)table->size, nr = 0;

	if (t == NULL)
		return acpi_unreadable(a, "table", table->start);
	if (size < first)
		return firmware_fail(a->q, -QUARRY_ERANGE,
				     "acpi: a table of %u bytes, expected at least %u", size,
				     first);
	for (at = first; at < size; at += t[at + 1], nr++) {
		if (nr == ACPI_MAX_ENTRIES)
			return firmware_fail(a->q, -QUARRY_E2BIG,
					     "acpi: %c%c%c%c has more than %u entries", t[0], t[1],
					     t[2], t[3], ACPI_MAX_ENTRIES);
		if (size - at < 2 || t[at + 1] < 2 || t[at + 1] > size - at)
			return firmware_fail(
				a->q, -QUARRY_ERANGE,
				"acpi: %c%c%c%c: the entry at offset 0x%x does not fit", t[0], t[1],
				t[2], t[3], at);
	}
	return 0;
}

/* ---- CPUs ---- */

enum madt_type {
	MADT_APIC = 0,
	MADT_X2APIC = 9,
	MADT_GICC = 11,
	MADT_RINTC = 24,
};

#define MADT_ENABLED 1u

/* What an entry says of a CPU: by what it is started, and how SRAT names it. */
struct madt_cpu {
	uint64_t id;
	uint32_t srat_id;
	enum srat_type srat_type;
	bool is_x2apic;
};

/* False: no CPU, or none that is enabled. */
static bool madt_read(const uint8_t *e, struct madt_cpu *cpu)
{
	uint32_t flags = 0;

	if (e[0] == MADT_APIC && e[1] >= 8) {
		flags = e[3] != 0xff ? firmware_le32(e + 4) : 0;
		*cpu = (struct madt_cpu){e[3], e[3], SRAT_CPU, false};
	} else if (e[0] == MADT_X2APIC && e[1] >= 16) {
		flags = firmware_le32(e + 8);
		*cpu = (struct madt_cpu){firmware_le32(e + 4), firmware_le32(e + 4), SRAT_X2APIC,
					 true};
	} else if (e[0] == MADT_GICC && e[1] >= 76) {
		flags = firmware_le32(e + 12);
		*cpu = (struct madt_cpu){firmware_le64(e + 68), firmware_le32(e + 8), SRAT_GICC,
					 false};
	} else if (e[0] == MADT_RINTC && e[1] >= 20) {
		flags = firmware_le32(e + 4);
		*cpu = (struct madt_cpu){firmware_le64(e + 8), firmware_le32(e + 16), SRAT_RINTC,
					 false};
	}
	return (flags & MADT_ENABLED) != 0;
}

/* Whether the table at @t names CPU @id by an entry of the older kind too: it is the same CPU. */
static bool madt_has_apic(const uint8_t *t, uint32_t size, uint64_t id)
{
	struct madt_cpu cpu;

	for (uint32_t at = MADT_FIRST; at < size; at += t[at + 1])
		if (madt_read(t + at, &cpu) && !cpu.is_x2apic && cpu.id == id)
			return true;
	return false;
}

/* The node that SRAT gives the CPU. x86's two kinds of entries share their numbers. */
static int madt_node(const struct srat *s, const struct madt_cpu *cpu)
{
	const uint8_t *t = s->present ? acpi_map(s->acpi, &s->table) : NULL;
	struct srat_entry e;

	for (uint32_t at = SRAT_FIRST; t != NULL && at < s->table.size; at += t[at + 1])
		if (srat_read(s, t + at, &e) && e.id == cpu->srat_id &&
		    (e.type == cpu->srat_type ||
		     (e.type == SRAT_X2APIC && cpu->srat_type == SRAT_CPU) ||
		     (e.type == SRAT_CPU && cpu->srat_type == SRAT_X2APIC)))
			return srat_node(s, e.domain);
	return QUARRY_NO_NODE;
}

static int madt_each_cpu(const struct acpi *a, const struct srat *s,
			 const struct quarry_range *madt, quarry_firmware_cpu_fn fn, void *arg)
{
	uint32_t at = MADT_FIRST, size = (uint32_t)madt->size;
	int err = 0;

	while (at < size && err == 0) {
		const uint8_t *t = acpi_map(a, madt);
		struct quarry_firmware_cpu told;
		struct madt_cpu cpu;
		bool is_cpu;

		if (t == NULL)
			return acpi_unreadable(a, "MADT", madt->start);
		is_cpu = madt_read(t + at, &cpu) &&
			 !(cpu.is_x2apic && madt_has_apic(t, size, cpu.id));
		at += t[at + 1];
		if (!is_cpu)
			continue;
		told = (struct quarry_firmware_cpu){cpu.id, madt_node(s, &cpu)};
		err = fn(arg, &told);
	}
	return err;
}

int quarry_firmware_acpi_cpus(struct quarry *q, phys_addr_t rsdp,
			      const struct quarry_firmware_memory *memory,
			      quarry_firmware_cpu_fn fn, void *arg)
{
	struct quarry_range madt;
	struct srat s;
	struct acpi a;
	int err = acpi_open(&a, q, rsdp, memory);

	if (err != 0)
		return err;
	if (acpi_find(&a, "APIC", &madt) != 0)
		return acpi_none(&a, "MADT");
	err = acpi_check_entries(&a, &madt, MADT_FIRST);
	if (err == 0)
		err = srat_open(&s, &a);
	return err == 0 ? madt_each_cpu(&a, &s, &madt, fn, arg) : err;
}

/* ---- distances ---- */

#define SLIT_MATRIX 44u
#define SLIT_LOCAL 10u
#define SLIT_REMOTE 20u

/* Whether the table's matrix makes sense; its rows go to *@n. */
static int slit_check(const struct acpi *a, const uint8_t *t, uint32_t size, uint32_t *n)
{
	uint64_t rows = size >= SLIT_MATRIX ? firmware_le64(t + 36) : 0;

	if (rows == 0 || rows > ACPI_MAX_TABLE || rows * rows > size - SLIT_MATRIX)
		return firmware_fail(a->q, -QUARRY_ERANGE,
				     "acpi: SLIT has %u bytes, too few for its matrix", size);
	for (uint64_t i = 0; i < rows; i++)
		for (uint64_t j = 0; j < rows; j++) {
			uint8_t d = t[SLIT_MATRIX + i * rows + j];

			if (i == j ? d != SLIT_LOCAL : d <= SLIT_LOCAL)
				return firmware_fail(a->q, -QUARRY_EINVAL,
						     "acpi: SLIT: distance %u from %u to %u, "
						     "expected 10 to itself, 11 to 255",
						     d, (unsigned int)i, (unsigned int)j);
		}
	*n = (uint32_t)rows;
	return 0;
}

static int slit_distances(const struct srat *s, const struct quarry_range *table, uint8_t *distance,
			  unsigned int nr_nodes)
{
	const uint8_t *t = acpi_map(s->acpi, table);
	uint32_t n = 0;
	int err;

	if (t == NULL)
		return acpi_unreadable(s->acpi, "SLIT", table->start);
	err = slit_check(s->acpi, t, (uint32_t)table->size, &n);
	if (err != 0)
		return err;
	for (size_t i = 0; i < nr_nodes; i++)
		for (size_t j = 0; j < nr_nodes; j++) {
			bool known = i < s->nr && j < s->nr && s->domain[i] < n && s->domain[j] < n;

			distance[i * nr_nodes + j] =
				known    ? t[SLIT_MATRIX + (size_t)s->domain[i] * n + s->domain[j]]
				: i == j ? SLIT_LOCAL
					 : SLIT_REMOTE;
		}
	return 0;
}

int quarry_firmware_acpi_distances(struct quarry *q, phys_addr_t rsdp,
				   const struct quarry_firmware_memory *memory, uint8_t *distance,
				   unsigned int nr_nodes)
{
	struct quarry_range slit;
	struct srat s;
	struct acpi a;
	int err = acpi_open(&a, q, rsdp, memory);

	if (err == 0)
		err = srat_open(&s, &a);
	if (err != 0)
		return err;
	if (!s.present)
		return acpi_none(&a, "SRAT");
	if (acpi_find(&a, "SLIT", &slit) != 0)
		return acpi_none(&a, "SLIT");
	return slit_distances(&s, &slit, distance, nr_nodes);
}
