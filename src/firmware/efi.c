/* SPDX-License-Identifier: MIT */
/*
 * UEFI's memory map.
 *
 * A descriptor has a type, an address, a number of pages of 4 KiB whatever the kernel's pages are, and
 * attributes; DescriptorSize says how far apart they lie, and is more than they have. After boot services
 * have ended, what they and the boot loader used is free by the letter. But the CPU still runs on their
 * page tables and on their stack, and the kernel's image is loader's memory itself: so it is added and
 * reserved, and handed over in the second phase, when the kernel has its own.
 */
#include "internal.h"

#define EFI_DESCRIPTOR 40u /* bytes that have a meaning */
#define EFI_PAGE_SHIFT 12u
#define EFI_WRITE_BACK ((uint64_t)1 << 3)
#define EFI_MORE_RELIABLE ((uint64_t)1 << 16)
#define EFI_SPECIFIC_PURPOSE ((uint64_t)1 << 18)

enum efi_type {
	EFI_LOADER_CODE = 1,
	EFI_LOADER_DATA = 2,
	EFI_BOOT_CODE = 3,
	EFI_BOOT_DATA = 4,
	EFI_CONVENTIONAL = 7,
	EFI_UNACCEPTED = 15,
};

struct efi_source {
	struct firmware_source src;
	struct firmware_efi efi;
};

int firmware_efi_check(struct quarry *q, struct firmware_efi *efi, const void *map, size_t size,
		       size_t stride, uint32_t version)
{
	*efi = (struct firmware_efi){.map = map, .stride = stride};
	if (version != 1)
		return firmware_fail(q, -QUARRY_EINVAL,
				     "efi: descriptors of version %u, expected 1", version);
	if (stride < EFI_DESCRIPTOR)
		return firmware_fail(q, -QUARRY_EINVAL,
				     "efi: descriptors of %zu bytes, expected at least %u", stride,
				     EFI_DESCRIPTOR);
	if (size / stride > QUARRY_FIRMWARE_MAX_RANGES)
		return firmware_fail(q, -QUARRY_E2BIG, "efi: more than %d descriptors",
				     QUARRY_FIRMWARE_MAX_RANGES);
	efi->count = size / stride;
	if (size % stride != 0)
		return firmware_fail(q, -QUARRY_ERANGE,
				     "efi: %zu bytes are left behind the last descriptor",
				     size % stride);
	for (size_t i = 0; i < efi->count; i++)
		if (firmware_le64(efi->map + i * stride + 24) >> (64 - EFI_PAGE_SHIFT) != 0)
			return firmware_fail(q, -QUARRY_ERANGE,
					     "efi: descriptor %zu is larger than the address space",
					     i);
	return 0;
}

/* Bytes of the descriptor's range. */
static phys_addr_t efi_size(const uint8_t *d)
{
	return firmware_le64(d + 24) << EFI_PAGE_SHIFT;
}

static int efi_see(const uint8_t *d, firmware_see_fn see, void *arg)
{
	uint32_t type = firmware_le32(d);
	uint64_t attributes = firmware_le64(d + 32);
	bool loader = type >= EFI_LOADER_CODE && type <= EFI_BOOT_DATA;
	bool memory = (loader || type == EFI_CONVENTIONAL || type == EFI_UNACCEPTED) &&
		      (attributes & EFI_WRITE_BACK) != 0 &&
		      (attributes & EFI_SPECIFIC_PURPOSE) == 0;
	struct firmware_range r = {
		.start = firmware_le64(d + 8),
		.size = efi_size(d),
		.kind = memory ? FIRMWARE_RAM : FIRMWARE_TAKEN,
		.flags = (attributes & EFI_MORE_RELIABLE) != 0 ? MEMBLOCK_MIRROR : MEMBLOCK_NONE,
		.nid = QUARRY_NO_NODE,
	};
	int err = see(arg, &r);

	if (err == 0 && memory && loader)
		err = firmware_see_used(see, arg, r.start, r.size, FIRMWARE_LOADER);
	return err;
}

int firmware_efi_walk(const struct firmware_efi *efi, firmware_see_fn see, void *arg)
{
	int err = 0;

	for (size_t i = 0; i < efi->count && err == 0; i++)
		err = efi_see(efi->map + i * efi->stride, see, arg);
	return err;
}

static int efi_walk(const struct firmware_source *src, firmware_see_fn see, void *arg)
{
	const struct efi_source *e = QUARRY_CONTAINER_OF(src, const struct efi_source, src);

	return firmware_efi_walk(&e->efi, see, arg);
}

int quarry_firmware_efi(struct quarry *q, const void *map, size_t size, size_t stride,
			uint32_t version)
{
	struct efi_source e = {.src = {.q = q, .name = "efi", .walk = efi_walk}};
	int err = firmware_efi_check(q, &e.efi, map, size, stride, version);

	return err == 0 ? firmware_apply(&e.src, NULL) : err;
}

int quarry_firmware_efi_unaccepted(struct quarry *q, const void *map, size_t size, size_t stride,
				   uint32_t version, struct quarry_range *ranges, unsigned int max)
{
	struct firmware_efi efi;
	int err = firmware_efi_check(q, &efi, map, size, stride, version), nr = 0;

	for (size_t i = 0; i < efi.count && err == 0; i++) {
		const uint8_t *d = efi.map + i * efi.stride;
		phys_addr_t start = firmware_le64(d + 8), bytes = efi_size(d);

		if (firmware_le32(d) != EFI_UNACCEPTED || bytes == 0)
			continue;
		if (bytes - 1 > ~(phys_addr_t)0 - start)
			return firmware_fail(q, -QUARRY_ERANGE,
					     "efi: 0x%llx bytes at 0x%llx end beyond the address "
					     "space",
					     (unsigned long long)bytes, (unsigned long long)start);
	}
	if (err != 0)
		return err;
	for (size_t i = 0; i < efi.count; i++) {
		const uint8_t *d = efi.map + i * efi.stride;
		phys_addr_t start = bits_align_down(firmware_le64(d + 8), QUARRY_PAGE_SIZE), end;

		if (firmware_le32(d) != EFI_UNACCEPTED || efi_size(d) == 0)
			continue;
		/* A page of which a part must be accepted must be. */
		end = firmware_end(firmware_le64(d + 8), efi_size(d));
		end = end > ~(phys_addr_t)0 - QUARRY_PAGE_SIZE
			      ? bits_align_down(end, QUARRY_PAGE_SIZE)
			      : bits_align_up(end, QUARRY_PAGE_SIZE);
		if ((unsigned int)nr < max)
			ranges[nr] = (struct quarry_range){start, end - start};
		nr++;
	}
	return nr;
}
