/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the firmware adapters, up to a booted machine.
 *
 * The first byte of an input says what the rest is: E820, UEFI, Multiboot2, a devicetree, or pieces of
 * physical memory with PVH and ACPI in them. Inputs are made from the files of tests/data/firmware.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quarry/posix.h>
#include <quarry/quarry.h>

#include "fuzz.h"

enum fuzz_kind { FUZZ_E820, FUZZ_EFI, FUZZ_MULTIBOOT2, FUZZ_FDT, FUZZ_MEMORY, FUZZ_KINDS };

static unsigned long fuzz_taken, fuzz_refused, fuzz_booted;
static bool fuzz_said;

static void fuzz_log(void *ctx, enum quarry_log_level level, const char *line)
{
	(void)ctx;
	(void)line;
	fuzz_said = fuzz_said || level <= QUARRY_LOG_INFO;
}

/* ---- physical memory: a row of address, size and bytes ---- */

struct fuzz_memory {
	const uint8_t *data;
	size_t size;
	uint8_t *mapped;
};

static uint64_t fuzz_le64(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

/* A fresh copy; the one before is gone. */
static const void *fuzz_map(void *ctx, phys_addr_t phys, size_t size)
{
	struct fuzz_memory *m = ctx;
	size_t at = 0;

	free(m->mapped);
	m->mapped = NULL;
	while (m->size - at >= 16) {
		uint64_t start = fuzz_le64(m->data + at), n = fuzz_le64(m->data + at + 8);

		at += 16;
		if (n > m->size - at)
			n = m->size - at;
		if (phys >= start && phys - start <= n && size <= n - (phys - start)) {
			m->mapped = malloc(size);
			if (m->mapped != NULL)
				memcpy(m->mapped, m->data + at + (phys - start), size);
			return m->mapped;
		}
		at += n;
	}
	return NULL;
}

/* ---- one input ---- */

static int fuzz_cpu(void *arg, const struct quarry_firmware_cpu *cpu)
{
	unsigned int *nr = arg;

	if (cpu->nid < QUARRY_NO_NODE || cpu->nid >= QUARRY_MAX_NODES)
		fuzz_fail(NULL, "a CPU of no node that can be");
	return ++*nr > 4096 ? 1 : 0;
}

static void fuzz_distances(int err, const uint8_t *d)
{
	int i;

	for (i = 0; i < 16 && err == 0; i++)
		if (i % 5 == 0 ? d[i] != 10 : d[i] <= 10)
			fuzz_fail(NULL, "a distance that cannot be");
}

static int fuzz_adapter(struct quarry *q, enum fuzz_kind kind, const uint8_t *data, size_t size)
{
	struct fuzz_memory pieces = {data, size, NULL};
	struct quarry_firmware_memory memory = {fuzz_map, &pieces};
	char line[16];
	struct quarry_range module[2];
	struct quarry_firmware_info info = {
		.cmdline = line, .cmdline_room = sizeof(line), .module = module, .module_room = 2};
	unsigned int nr = 0;
	uint8_t d[16];
	int err;

	switch (kind) {
	case FUZZ_E820:
		return quarry_firmware_e820(q, data, size / 20, 20);
	case FUZZ_EFI:
		err = quarry_firmware_efi_unaccepted(q, data, size, 48, 1, module, 2);
		return err < 0 ? err : quarry_firmware_efi(q, data, size, 48, 1);
	case FUZZ_MULTIBOOT2:
		return quarry_firmware_multiboot2(q, data, size, 0x133010, &info);
	case FUZZ_FDT:
		if (quarry_firmware_fdt_cpus(q, data, size, fuzz_cpu, &nr) > 1)
			fuzz_fail(NULL, "a result that nobody gave");
		fuzz_distances(quarry_firmware_fdt_distances(q, data, size, d, 4), d);
		quarry_firmware_fdt_property(q, data, size, "/chosen", "bootargs", NULL);
		return quarry_firmware_fdt(q, data, size, 0x7f000000, &info);
	default:
		err = quarry_firmware_pvh(q, 0x21e0, &memory, &info);
		if (err == 0) {
			int acpi = quarry_firmware_acpi(q, 0xf59e0, &memory);

			if (acpi > 0 ||
			    quarry_firmware_acpi_cpus(q, 0xf59e0, &memory, fuzz_cpu, &nr) > 1)
				fuzz_fail(NULL, "a result that nobody gave");
			fuzz_distances(quarry_firmware_acpi_distances(q, 0xf59e0, &memory, d, 4),
				       d);
		}
		free(pieces.mapped);
		return err;
	}
}

/* What was taken boots, as long as its tables stay small, and what the boot loader left comes back. */
static void fuzz_boot(struct quarry *q)
{
	if (quarry_memblock_end_of_DRAM(q) > (phys_addr_t)64 << 30)
		return;
	if (quarry_boot(q, NULL) != 0)
		return;
	quarry_firmware_release(q);
	if (quarry_check(q, NULL) != 0)
		fuzz_fail(NULL, "a validator found a fault");
	fuzz_booted++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct quarry_posix_options o = {.log = fuzz_log};
	struct quarry *q;
	uint8_t *exact;
	int err;

	if (size < 2)
		return 0;
	/* A block of the exact size, so that a read beyond its end is seen. */
	exact = malloc(size - 1);
	q = quarry_posix_new(&o);
	if (exact == NULL || q == NULL)
		fuzz_fail(NULL, "out of memory");
	memcpy(exact, data + 1, size - 1);
	fuzz_said = false;
	err = fuzz_adapter(q, (enum fuzz_kind)(data[0] % FUZZ_KINDS), exact, size - 1);
	free(exact);
	if (err > 0 || !fuzz_said)
		fuzz_fail(NULL, "a result that means nothing, or not a word");
	if (err != 0 &&
	    (quarry_memblock_phys_mem_size(q) != 0 || quarry_memblock_reserved_size(q) != 0))
		fuzz_fail(NULL, "a refused map left something");
	if (quarry_check_memblock(q, NULL) != 0)
		fuzz_fail(NULL, "memblock's validator found a fault");
	if (err == 0)
		fuzz_boot(q);
	fuzz_taken += err == 0;
	fuzz_refused += err != 0;
	quarry_posix_delete(q);
	return 0;
}

static const struct {
	enum fuzz_kind kind;
	const char *file;
} fuzz_files[] = {
	{FUZZ_EFI, "ovmf-x86_64.efimap"},     {FUZZ_EFI, "aavmf-aarch64.efimap"},
	{FUZZ_MULTIBOOT2, "grub-bios.mbi"},   {FUZZ_MULTIBOOT2, "grub-uefi.mbi"},
	{FUZZ_FDT, "qemu-aarch64-virt.dtb"},  {FUZZ_FDT, "qemu-riscv64-virt.dtb"},
	{FUZZ_MEMORY, "qemu-x86_64-q35.mem"},
};
#define FUZZ_FILES (sizeof(fuzz_files) / sizeof(fuzz_files[0]))

/* Tables of ACPI get their sums right again, so that what is behind them is reached. */
static void fuzz_mend(uint8_t *data, size_t size)
{
	size_t at = 0, i;

	while (size - at >= 16) {
		uint64_t start = fuzz_le64(data + at), n = fuzz_le64(data + at + 8);
		uint8_t sum = 0;

		at += 16;
		if (n > size - at)
			return;
		for (i = 0; i < n; i++)
			sum = (uint8_t)(sum + data[at + i]);
		if (start > 0x1ffe0000 && n > 9)
			data[at + 9] = (uint8_t)(data[at + 9] - sum);
		at += n;
	}
}

static struct strbuf fuzz_file[FUZZ_FILES];

static void fuzz_begin(void)
{
	for (size_t k = 0; k < FUZZ_FILES; k++) {
		char path[128], kind = (char)fuzz_files[k].kind;

		snprintf(path, sizeof(path), "tests/data/firmware/%s", fuzz_files[k].file);
		strbuf_add(&fuzz_file[k], &kind, 1);
		fuzz_read(&fuzz_file[k], path);
		LLVMFuzzerTestOneInput((const uint8_t *)fuzz_file[k].s, fuzz_file[k].len);
	}
	if (fuzz_refused != 0 || fuzz_booted != FUZZ_FILES)
		fuzz_fail(NULL, "what real firmware left was refused, or did not boot");
}

/* Seven entries of 20 bytes, made up. */
static void fuzz_make_e820(struct strbuf *b)
{
	char buf[1 + 7 * 20] = {FUZZ_E820};

	for (size_t i = 0; i < 7; i++) {
		buf[1 + i * 20 + 1] = (char)(fuzz_random(16) * 16);
		buf[1 + i * 20 + 2] = (char)fuzz_random(256);
		buf[1 + i * 20 + 9] = (char)fuzz_random(256);
		buf[1 + i * 20 + 10] = (char)fuzz_random(32);
		buf[1 + i * 20 + 16] = (char)fuzz_random(4);
	}
	strbuf_add(b, buf, sizeof(buf));
}

static void fuzz_make(struct strbuf *b)
{
	size_t k = fuzz_random(FUZZ_FILES + 1);

	if (k < FUZZ_FILES)
		strbuf_add(b, fuzz_file[k].s, fuzz_file[k].len);
	else
		fuzz_make_e820(b);
	for (uint64_t rounds = 1 + fuzz_random(4); rounds > 0; rounds--)
		fuzz_damage(b, 1);
	if (b->s[0] == FUZZ_MEMORY && fuzz_random(4) != 0)
		fuzz_mend((uint8_t *)b->s + 1, b->len - 1);
}

static bool fuzz_end(unsigned long inputs)
{
	for (size_t k = 0; k < FUZZ_FILES; k++)
		strbuf_free(&fuzz_file[k]);
	printf("%lu taken, %lu of them booted, %lu refused, no fault\n", fuzz_taken, fuzz_booted,
	       fuzz_refused);
	return fuzz_booted > inputs / 8;
}

const struct fuzz_target fuzz_target = {.name = "firmware",
					.inputs = 4000,
					.begin = fuzz_begin,
					.make = fuzz_make,
					.end = fuzz_end};

FUZZ_MAIN
