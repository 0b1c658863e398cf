/* SPDX-License-Identifier: MIT */
/* EFI's memory map, for boot code that walks one. */
#ifndef _QUARRY_LINUX_EFI_H
#define _QUARRY_LINUX_EFI_H

#include <linux/init.h>
#include <linux/pfn.h>
#include <linux/types.h>

#define EFI_RESERVED_TYPE 0
#define EFI_LOADER_CODE 1
#define EFI_LOADER_DATA 2
#define EFI_BOOT_SERVICES_CODE 3
#define EFI_BOOT_SERVICES_DATA 4
#define EFI_RUNTIME_SERVICES_CODE 5
#define EFI_RUNTIME_SERVICES_DATA 6
#define EFI_CONVENTIONAL_MEMORY 7
#define EFI_UNUSABLE_MEMORY 8
#define EFI_ACPI_RECLAIM_MEMORY 9
#define EFI_ACPI_MEMORY_NVS 10
#define EFI_MEMORY_MAPPED_IO 11
#define EFI_MEMORY_MAPPED_IO_PORT_SPACE 12
#define EFI_PAL_CODE 13
#define EFI_PERSISTENT_MEMORY 14
#define EFI_UNACCEPTED_MEMORY 15
#define EFI_MAX_MEMORY_TYPE 16

#define EFI_MEMORY_UC ((u64)0x0000000000000001ull)
#define EFI_MEMORY_WC ((u64)0x0000000000000002ull)
#define EFI_MEMORY_WT ((u64)0x0000000000000004ull)
#define EFI_MEMORY_WB ((u64)0x0000000000000008ull)
#define EFI_MEMORY_UCE ((u64)0x0000000000000010ull)
#define EFI_MEMORY_WP ((u64)0x0000000000001000ull)
#define EFI_MEMORY_RP ((u64)0x0000000000002000ull)
#define EFI_MEMORY_XP ((u64)0x0000000000004000ull)
#define EFI_MEMORY_NV ((u64)0x0000000000008000ull)
#define EFI_MEMORY_MORE_RELIABLE ((u64)0x0000000000010000ull)
#define EFI_MEMORY_RO ((u64)0x0000000000020000ull)
#define EFI_MEMORY_SP ((u64)0x0000000000040000ull)
#define EFI_MEMORY_CPU_CRYPTO ((u64)0x0000000000080000ull)
#define EFI_MEMORY_RUNTIME ((u64)0x8000000000000000ull)
#define EFI_MEMORY_DESCRIPTOR_VERSION 1

#define EFI_PAGE_SHIFT 12
#define EFI_PAGE_SIZE (1ul << EFI_PAGE_SHIFT)
#define EFI_PAGES_MAX (U64_MAX >> EFI_PAGE_SHIFT)

/* UEFI's memory descriptor; firmware's may be longer. */
typedef struct {
	u32 type;
	u32 pad;
	u64 phys_addr;
	u64 virt_addr;
	u64 num_pages; /* of 4 KiB */
	u64 attribute;
} efi_memory_desc_t;

/* A program that has a map sets it. */
struct efi_memory_map {
	phys_addr_t phys_map;
	void *map, *map_end;
	int nr_map;
	unsigned long desc_version, desc_size, flags;
};

extern struct efi {
	unsigned long flags;
	struct efi_memory_map memmap;
} efi;

#define EFI_BOOT 0
#define EFI_CONFIG_TABLES 2
#define EFI_MEMMAP 4
#define EFI_64BIT 5

static inline bool efi_enabled(int feature)
{
	return (efi.flags >> feature & 1) != 0;
}

#define efi_early_memdesc_ptr(map, desc_size, n) \
	((efi_memory_desc_t *)((char *)(map) + (size_t)(n) * (desc_size)))
#define for_each_efi_memory_desc_in_map(m, md)                                      \
	for ((md) = (efi_memory_desc_t *)(m)->map;                                  \
	     (md) != NULL && (char *)(md) + (m)->desc_size <= (char *)(m)->map_end; \
	     (md) = (efi_memory_desc_t *)((char *)(md) + (m)->desc_size))
#define for_each_efi_memory_desc(md) for_each_efi_memory_desc_in_map(&efi.memmap, md)

static inline u64 efi_mem_desc_end(const efi_memory_desc_t *md)
{
	return md->phys_addr + (md->num_pages << EFI_PAGE_SHIFT);
}

/* From EFI's pages to whole ones of the kernel's. */
static inline void memrange_efi_to_native(u64 *addr, u64 *npages)
{
	*npages = PFN_UP(*addr + (*npages << EFI_PAGE_SHIFT)) - PFN_DOWN(*addr);
	*addr &= PAGE_MASK;
}

/* The type and the attributes of @phys_addr in efi.memmap; -EINVAL, 0: it is not there. */
int efi_mem_type(unsigned long phys_addr);
u64 efi_mem_attributes(unsigned long phys_addr);

#endif
