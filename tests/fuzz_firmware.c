/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the firmware adapters, up to a booted machine.
 *
 * The first byte of an input says what the rest is: E820, UEFI, Multiboot2, a devicetree, or pieces of
 * physical memory with PVH and ACPI in them. LLVMFuzzerTestOneInput() is libFuzzer's entry. Without
 * libFuzzer (compile without FUZZ_LIBFUZZER) a driver of its own mutates the files of tests/data/firmware, with a
 * seeded generator, for so many inputs: fuzz_firmware [INPUTS [SEED]], by default 4000.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quarry/posix.h>
#include <quarry/quarry.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum fuzz_kind { FUZZ_E820, FUZZ_EFI, FUZZ_MULTIBOOT2, FUZZ_FDT, FUZZ_MEMORY, FUZZ_KINDS };

static unsigned long fuzz_taken, fuzz_refused, fuzz_booted;
static bool fuzz_said;

static void fuzz_fail(const char *what)
{
	fprintf(stderr, "fuzz_firmware: %s\n", what);
	abort();
}

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
		fuzz_fail("a CPU of no node that can be");
	return ++*nr > 4096 ? 1 : 0;
}

static void fuzz_distances(int err, const uint8_t *d)
{
	int i;

	for (i = 0; i < 16 && err == 0; i++)
		if (i % 5 == 0 ? d[i] != 10 : d[i] <= 10)
			fuzz_fail("a distance that cannot be");
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
			fuzz_fail("a result that nobody gave");
		fuzz_distances(quarry_firmware_fdt_distances(q, data, size, d, 4), d);
		quarry_firmware_fdt_property(q, data, size, "/chosen", "bootargs", NULL);
		return quarry_firmware_fdt(q, data, size, 0x7f000000, &info);
	default:
		err = quarry_firmware_pvh(q, 0x21e0, &memory, &info);
		if (err == 0) {
			int acpi = quarry_firmware_acpi(q, 0xf59e0, &memory);

			if (acpi > 0 ||
			    quarry_firmware_acpi_cpus(q, 0xf59e0, &memory, fuzz_cpu, &nr) > 1)
				fuzz_fail("a result that nobody gave");
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
		fuzz_fail("a validator found a fault");
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
		fuzz_fail("out of memory");
	memcpy(exact, data + 1, size - 1);
	fuzz_said = false;
	err = fuzz_adapter(q, (enum fuzz_kind)(data[0] % FUZZ_KINDS), exact, size - 1);
	free(exact);
	if (err > 0 || !fuzz_said)
		fuzz_fail("a result that means nothing, or not a word");
	if (err != 0 &&
	    (quarry_memblock_phys_mem_size(q) != 0 || quarry_memblock_reserved_size(q) != 0))
		fuzz_fail("a refused map left something");
	if (quarry_check_memblock(q, NULL) != 0)
		fuzz_fail("memblock's validator found a fault");
	if (err == 0)
		fuzz_boot(q);
	fuzz_taken += err == 0;
	fuzz_refused += err != 0;
	quarry_posix_delete(q);
	return 0;
}

#ifndef FUZZ_LIBFUZZER

#define FUZZ_MAX ((size_t)64 << 10)

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

static uint64_t fuzz_seed;

static size_t fuzz_random(size_t below)
{
	fuzz_seed ^= fuzz_seed << 13;
	fuzz_seed ^= fuzz_seed >> 7;
	fuzz_seed ^= fuzz_seed << 17;
	return below == 0 ? 0 : (size_t)(fuzz_seed >> 11) % below;
}

static void fuzz_mutate(uint8_t *buf, size_t *len)
{
	static const uint8_t edges[] = {0, 1, 2, 4, 7, 8, 9, 0x7f, 0x80, 0xfe, 0xff};
	size_t at = 1 + fuzz_random(*len - 1), from, n;

	switch (fuzz_random(6)) {
	case 0:
		buf[at] = (uint8_t)fuzz_random(256);
		break;
	case 1:
		buf[at] ^= (uint8_t)(1u << fuzz_random(8));
		break;
	case 2: /* bytes copied over others: entries that overlap, tags out of place */
		from = 1 + fuzz_random(*len - 1);
		n = 1 + fuzz_random(48);
		if (at + n <= *len && from + n <= *len)
			memmove(buf + at, buf + from, n);
		break;
	case 3:
		if (fuzz_random(8) == 0 && at > 2)
			*len = at;
		break;
	case 4:
		n = fuzz_random(9);
		if (at + n <= *len)
			memset(buf + at, edges[fuzz_random(sizeof(edges))], n);
		break;
	default:
		buf[at] = edges[fuzz_random(sizeof(edges))];
		break;
	}
}

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

static size_t fuzz_load(size_t i, uint8_t *buf)
{
	char path[128];
	size_t n;
	FILE *in;

	snprintf(path, sizeof(path), "tests/data/firmware/%s", fuzz_files[i].file);
	in = fopen(path, "rb");
	if (in == NULL) {
		fprintf(stderr, "fuzz_firmware: %s: cannot open\n", path);
		exit(2);
	}
	buf[0] = (uint8_t)fuzz_files[i].kind;
	n = fread(buf + 1, 1, FUZZ_MAX - 1, in);
	fclose(in);
	return n + 1;
}

/* Seven entries of 20 bytes, made up. */
static size_t fuzz_make_e820(uint8_t *buf)
{
	size_t i;

	memset(buf, 0, 1 + 7 * 20);
	for (i = 0; i < 7; i++) {
		buf[1 + i * 20 + 1] = (uint8_t)(fuzz_random(16) * 16);
		buf[1 + i * 20 + 2] = (uint8_t)fuzz_random(256);
		buf[1 + i * 20 + 9] = (uint8_t)fuzz_random(256);
		buf[1 + i * 20 + 10] = (uint8_t)fuzz_random(32);
		buf[1 + i * 20 + 16] = (uint8_t)fuzz_random(4);
	}
	return 1 + 7 * 20;
}

int main(int argc, char **argv)
{
	unsigned long inputs = argc > 1 ? strtoul(argv[1], NULL, 10) : 4000, i;
	unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	static uint8_t file[FUZZ_FILES][FUZZ_MAX], buf[FUZZ_MAX];
	size_t size[FUZZ_FILES], k;

	fuzz_seed = seed * 0x9e3779b97f4a7c15u + 1;
	for (k = 0; k < FUZZ_FILES; k++) {
		size[k] = fuzz_load(k, file[k]);
		LLVMFuzzerTestOneInput(file[k], size[k]);
	}
	if (fuzz_refused != 0 || fuzz_booted != FUZZ_FILES)
		fuzz_fail("what real firmware left was refused, or did not boot");
	for (i = 0; i < inputs; i++) {
		size_t len, rounds = 1 + fuzz_random(4);

		k = fuzz_random(FUZZ_FILES + 1);
		if (k < FUZZ_FILES)
			memcpy(buf, file[k], size[k]);
		len = k < FUZZ_FILES ? size[k] : fuzz_make_e820(buf);
		while (rounds-- > 0)
			fuzz_mutate(buf, &len);
		if (buf[0] == FUZZ_MEMORY && fuzz_random(4) != 0)
			fuzz_mend(buf + 1, len - 1);
		LLVMFuzzerTestOneInput(buf, len);
	}
	printf("fuzz_firmware: %lu inputs from %zu files, seed %lu: %lu taken, %lu of them booted, "
	       "%lu "
	       "refused, no fault\n",
	       inputs, FUZZ_FILES, seed, fuzz_taken, fuzz_booted, fuzz_refused);
	return 0;
}

#endif
