/* SPDX-License-Identifier: MIT */
/* ACPI's tables, found and checked; SRAT's domains as nodes. */
#ifndef QUARRY_FIRMWARE_ACPI_H
#define QUARRY_FIRMWARE_ACPI_H

#include "internal.h"

#define ACPI_HEADER 36u           /* bytes that begin every table */
#define ACPI_MAX_TABLE (2u << 20) /* larger ones are not believed */
#define ACPI_MAX_ENTRIES 16384u   /* of MADT, of SRAT: some are looked for once for each other */

/* The root table was checked. */
struct acpi {
	struct quarry *q;
	const struct quarry_firmware_memory *memory;
	struct quarry_range rsdp, root;
	uint32_t entry_bytes; /* of an address in the root table: 4 or 8 */
	uint32_t nr;          /* addresses */
};

/* 0, or an error that was logged. */
int acpi_open(struct acpi *a, struct quarry *q, phys_addr_t rsdp,
	      const struct quarry_firmware_memory *memory);
/* Header of the table that is listed as number @i of @a->nr: its place. False: it cannot be read. */
bool acpi_listed(const struct acpi *a, uint32_t i, struct quarry_range *table, char signature[4]);
/* -QUARRY_ENXIO: there is none, not logged. */
int acpi_find(const struct acpi *a, const char *signature, struct quarry_range *table);
/* The bytes of a table that was found, until the next call that reads; NULL: it cannot be read now. */
const uint8_t *acpi_map(const struct acpi *a, const struct quarry_range *table);
/* Logs that there is no table @signature. Returns -QUARRY_ENXIO. */
int acpi_none(const struct acpi *a, const char *signature);

/* Whether the entries of a table, each of which begins with a byte of type and one of length, lie in it, from
 * offset @first on. 0, or an error that was logged. */
int acpi_check_entries(const struct acpi *a, const struct quarry_range *table, uint32_t first);

/* SRAT, which was checked, if there is one. */
struct srat {
	const struct acpi *acpi;
	struct quarry_range table;
	bool present;
	bool wide;                         /* domains have 32 bits, not 8 */
	unsigned int nr;                   /* nodes */
	uint32_t domain[QUARRY_MAX_NODES]; /* of each node */
};

#define SRAT_FIRST 48u /* offset of the first entry */
#define MADT_FIRST 44u

enum srat_type {
	SRAT_CPU = 0,
	SRAT_MEMORY = 1,
	SRAT_X2APIC = 2,
	SRAT_GICC = 3,
	SRAT_INITIATOR = 5,
	SRAT_RINTC = 7,
};

/* What an enabled entry says; other entries are of no use here. */
struct srat_entry {
	enum srat_type type;
	uint32_t domain;
	uint32_t id; /* APIC id, or ACPI's number of the processor */
	phys_addr_t start, size;
	bool hotplug;
};

/* 0, whether there is one or not; or an error that was logged. */
int srat_open(struct srat *s, const struct acpi *a);
/* The entry at @entry; false: not enabled, or of another type. */
bool srat_read(const struct srat *s, const uint8_t *entry, struct srat_entry *e);
/* QUARRY_NO_NODE: no such domain. */
int srat_node(const struct srat *s, uint32_t domain);

#endif
