/* SPDX-License-Identifier: MIT */
/*
 * Multiboot2: the boot information that GRUB and others leave.
 *
 * A header of 8 bytes with the size of all; then tags, each with a type, a size and what it says, aligned to
 * 8 bytes; the last has type 0. Taken are the command line, modules, the memory map, EFI's memory map where
 * there is no other, and the copy of ACPI's root pointer, of the newer kind if there are two. A map has
 * the size of an entry in its tag.
 */
#include "internal.h"

#define MB2_HEADER 8u
#define MB2_E820_ENTRY 20u
#define MB2_MAX ((size_t)16 << 20)

enum mb2_tag {
	MB2_END = 0,
	MB2_CMDLINE = 1,
	MB2_MODULE = 3,
	MB2_MMAP = 6,
	MB2_RSDP_1 = 14,
	MB2_RSDP_2 = 15,
	MB2_EFI_MMAP = 17,
	MB2_EFI_RUNS = 18,
};

struct mb2_source {
	struct firmware_source src;
	const uint8_t *mbi;
	uint32_t size;
	phys_addr_t phys;
	uint32_t mmap; /* offset of the memory map's tag; 0: EFI's is taken */
	struct firmware_efi efi;
};

static uint32_t mb2_type(const struct mb2_source *m, uint32_t at)
{
	return firmware_le32(m->mbi + at);
}

static uint32_t mb2_size(const struct mb2_source *m, uint32_t at)
{
	return firmware_le32(m->mbi + at + 4);
}

/* Offset of the tag after the one at @at, of tags that mb2_check_tags() accepted. */
static uint32_t mb2_next(const struct mb2_source *m, uint32_t at)
{
	return at + (uint32_t)bits_align_up(mb2_size(m, at), 8);
}

/* The first tag of that type; 0: there is none. */
static uint32_t mb2_find(const struct mb2_source *m, enum mb2_tag type)
{
	uint32_t at = MB2_HEADER;

	while (mb2_type(m, at) != MB2_END && mb2_type(m, at) != type)
		at = mb2_next(m, at);
	return mb2_type(m, at) == type ? at : 0;
}

/* ---- checking ---- */

/* Bytes that a tag of that type has at least. */
static uint32_t mb2_least(uint32_t type)
{
	switch (type) {
	case MB2_CMDLINE:
		return 9;
	case MB2_MODULE:
	case MB2_MMAP:
	case MB2_EFI_MMAP:
		return 16;
	case MB2_RSDP_1:
		return 8 + 20;
	case MB2_RSDP_2:
		return 8 + 36;
	default:
		return 8;
	}
}

static int mb2_endless(const struct mb2_source *m)
{
	return firmware_fail(m->src.q, -QUARRY_ERANGE,
			     "multiboot2: the tags do not end within %u bytes", m->size);
}

static int mb2_check_tags(const struct mb2_source *m)
{
	uint32_t at = MB2_HEADER;

	for (;;) {
		uint32_t left = m->size - at, size;

		if (left < 8)
			return mb2_endless(m);
		size = mb2_size(m, at);
		if (size < mb2_least(mb2_type(m, at)) || size > left)
			return firmware_fail(
				m->src.q, -QUARRY_ERANGE,
				"multiboot2: the tag at offset 0x%x, of type %u, has %u "
				"bytes, expected %u to %u",
				at, mb2_type(m, at), size, mb2_least(mb2_type(m, at)), left);
		if (mb2_type(m, at) == MB2_END)
			return 0;
		if (mb2_type(m, at) == MB2_MODULE &&
		    firmware_le32(m->mbi + at + 8) > firmware_le32(m->mbi + at + 12))
			return firmware_fail(m->src.q, -QUARRY_EINVAL,
					     "multiboot2: the module at offset 0x%x ends before it "
					     "begins",
					     at);
		if (bits_align_up(size, 8) > left)
			return mb2_endless(m);
		at = mb2_next(m, at);
	}
}

/* The map to take, with entries of a size that makes sense. */
static int mb2_choose_map(struct mb2_source *m)
{
	uint32_t at = mb2_find(m, MB2_EFI_MMAP), entry;

	m->mmap = mb2_find(m, MB2_MMAP);
	if (m->mmap != 0) {
		entry = firmware_le32(m->mbi + m->mmap + 8);
		if (entry >= MB2_E820_ENTRY)
			return 0;
		return firmware_fail(m->src.q, -QUARRY_EINVAL,
				     "multiboot2: map entries of %u bytes, expected at least %u",
				     entry, MB2_E820_ENTRY);
	}
	if (at == 0 || mb2_find(m, MB2_EFI_RUNS) != 0)
		return firmware_fail(m->src.q, -QUARRY_ENXIO, "multiboot2: no memory map%s",
				     at != 0 ? ", and EFI's boot services still run" : "");
	return firmware_efi_check(m->src.q, &m->efi, m->mbi + at + 16, mb2_size(m, at) - 16,
				  firmware_le32(m->mbi + at + 8), firmware_le32(m->mbi + at + 12));
}

static int mb2_open(struct mb2_source *m, size_t max)
{
	struct quarry *q = m->src.q;
	int err;

	if (max < MB2_HEADER)
		return firmware_fail(q, -QUARRY_ERANGE,
				     "multiboot2: %zu bytes, expected a header of %u", max,
				     MB2_HEADER);
	m->size = firmware_le32(m->mbi);
	if (m->size < MB2_HEADER || m->size > max || m->size > MB2_MAX)
		return firmware_fail(q, -QUARRY_ERANGE,
				     "multiboot2: size 0x%x, expected at most 0x%zx", m->size,
				     quarry_min(max, MB2_MAX));
	err = mb2_check_tags(m);
	return err == 0 ? mb2_choose_map(m) : err;
}

/* ---- the walk ---- */

static struct quarry_range mb2_module(const struct mb2_source *m, uint32_t at)
{
	uint32_t start = firmware_le32(m->mbi + at + 8);

	return (struct quarry_range){start, firmware_le32(m->mbi + at + 12) - start};
}

static int mb2_walk_mmap(const struct mb2_source *m, firmware_see_fn see, void *arg)
{
	uint32_t entry = firmware_le32(m->mbi + m->mmap + 8), left = mb2_size(m, m->mmap) - 16;
	const uint8_t *p = m->mbi + m->mmap + 16;
	struct firmware_range r;
	int err = 0;

	for (; left >= entry && err == 0; left -= entry, p += entry) {
		firmware_e820_range(&r, p);
		err = see(arg, &r);
	}
	return err;
}

static int mb2_walk(const struct firmware_source *src, firmware_see_fn see, void *arg)
{
	const struct mb2_source *m = QUARRY_CONTAINER_OF(src, const struct mb2_source, src);
	uint32_t at = MB2_HEADER;
	int err = m->mmap != 0 ? mb2_walk_mmap(m, see, arg) : firmware_efi_walk(&m->efi, see, arg);

	if (err == 0 && m->phys != QUARRY_FIRMWARE_NOWHERE)
		err = firmware_see_used(see, arg, m->phys, m->size, FIRMWARE_LOADER);
	for (; mb2_type(m, at) != MB2_END && err == 0; at = mb2_next(m, at)) {
		struct quarry_range r;

		if (mb2_type(m, at) != MB2_MODULE)
			continue;
		r = mb2_module(m, at);
		err = firmware_see_used(see, arg, r.start, r.size, FIRMWARE_RESERVED);
	}
	return err;
}

/* ---- beside ---- */

static void mb2_tell(const struct mb2_source *m, struct quarry_firmware_info *info)
{
	uint32_t at = mb2_find(m, MB2_CMDLINE);

	if (at != 0)
		firmware_cmdline(info, m->mbi + at + 8, mb2_size(m, at) - 8);
	for (at = MB2_HEADER; mb2_type(m, at) != MB2_END; at = mb2_next(m, at))
		if (mb2_type(m, at) == MB2_MODULE)
			firmware_module(info, mb2_module(m, at));
	at = mb2_find(m, MB2_RSDP_2);
	if (at == 0)
		at = mb2_find(m, MB2_RSDP_1);
	if (info != NULL && at != 0 && m->phys != QUARRY_FIRMWARE_NOWHERE)
		info->rsdp = m->phys + at + 8;
}

int quarry_firmware_multiboot2(struct quarry *q, const void *mbi, size_t max, phys_addr_t phys,
			       struct quarry_firmware_info *info)
{
	struct mb2_source m = {
		.src = {.q = q, .name = "multiboot2", .walk = mb2_walk},
		.mbi = mbi,
		.phys = phys,
	};
	int err;

	firmware_begin_info(info);
	err = mb2_open(&m, max);
	if (err != 0)
		return err;
	mb2_tell(&m, info);
	return firmware_apply(&m.src, info);
}
