/* SPDX-License-Identifier: MIT */
/*
 * What firmware says of the machine, given to memblock: memory maps by E820, PVH, Multiboot2, Limine, UEFI
 * and Devicetree, nodes by Devicetree and ACPI; and readers of what a kernel needs to start its CPUs.
 *
 * Context of every call: boot, one thread. What firmware left is read byte by byte, at any alignment and on
 * hosts of either byte order; nothing in it is believed: each length is checked against the bytes that the
 * caller vouches for.
 *
 * A call that adds memory sorts and joins the ranges, lets what is no memory win where ranges overlap,
 * trims to whole pages and drops what lies above QUARRY_MAX_PHYS_BITS. It reserves what its protocol left in
 * memory, and the frame at address 0, which would be NULL where the direct map is the identity. Who calls it
 * reserves the kernel's image, before.
 *
 * Errors, each with one line in the port's log that says what is wrong and where:
 *
 *	-QUARRY_EINVAL	not of this kind, an unknown version, or a value that cannot be
 *	-QUARRY_ERANGE	something ends beyond the bytes given, or beyond the address space
 *	-QUARRY_E2BIG	more than QUARRY_FIRMWARE_MAX_RANGES ranges, or a table of absurd length
 *	-QUARRY_ENXIO	no such thing in it: no memory, no MADT
 *	-QUARRY_ENOMEM	memblock's arrays, as they are, do not hold it: raise QUARRY_MEMBLOCK_REGIONS
 *
 * A call that fails leaves memblock as it was.
 */
#ifndef QUARRY_FIRMWARE_H
#define QUARRY_FIRMWARE_H

#include <quarry/types.h>

#define QUARRY_FIRMWARE_MAX_RANGES 1024
/* For @phys below: the bytes lie outside the memory, or are nobody's concern: they are not reserved. */
#define QUARRY_FIRMWARE_NOWHERE (~(phys_addr_t)0)

/**
 * struct quarry_firmware_memory - how tables that firmware names by physical address are read
 * @map: address through which @size_bytes bytes at @phys can be read until the next call; NULL if they are
 *	 not to be read
 * @ctx: passed to @map
 *
 * Where NULL stands for one, they are read through the port's direct map.
 */
struct quarry_firmware_memory {
	const void *(*map)(void *ctx, phys_addr_t phys, size_t size_bytes);
	void *ctx;
};

/**
 * struct quarry_firmware_info - what the protocol says beside the memory
 * @cmdline:	    room for the kernel's command line, set by the caller; may be NULL
 * @cmdline_room:   its bytes, set by the caller
 * @cmdline_length: bytes of the command line without the 0 at its end; if not below @cmdline_room, it was
 *		    cut there
 * @module:	    room for the places of modules, set by the caller; may be NULL
 * @module_room:    how many, set by the caller
 * @nr_modules:	    how many there are, whether they found room or not; all are reserved
 * @initrd:	    the RAM disk, or the first module; size 0: there is none. Reserved
 * @rsdp:	    where ACPI's root pointer is; 0: not said
 * @ram_bytes:	    memory that was added
 * @ram_end:	    one past the highest byte of it
 * @nr_ranges:	    ranges that the map has, as they stand in it
 */
struct quarry_firmware_info {
	char *cmdline;
	size_t cmdline_room;
	size_t cmdline_length;
	struct quarry_range *module;
	unsigned int module_room;
	unsigned int nr_modules;
	struct quarry_range initrd;
	phys_addr_t rsdp;
	phys_addr_t ram_bytes;
	phys_addr_t ram_end;
	unsigned int nr_ranges;
};

/* A CPU that can be started. */
struct quarry_firmware_cpu {
	uint64_t id; /* APIC id, MPIDR or hart number: by which it is started */
	int nid;     /* its node; QUARRY_NO_NODE: not said */
};

/* Told of each CPU; other than 0 ends the call, which returns it. */
typedef int (*quarry_firmware_cpu_fn)(void *arg, const struct quarry_firmware_cpu *cpu);

/**
 * quarry_firmware_release() - hand to the page allocator what the boot loader left
 * @q: memory system at QUARRY_STAGE_PAGES or later
 *
 * The second phase: tables, maps, trees and memory of the boot loader that the calls below reserved with
 * MEMBLOCK_RSRV_FIRMWARE. Whole pages go in which nothing else was reserved before. What a kernel wants to
 * keep, it reserves before it calls the adapter; RAM disks and modules stay reserved, they are its own to free
 * (quarry_free_reserved()). Nothing of the boot loader's may be in use any more: not its page tables, not its
 * stack, no pointer into its structures.
 *
 * Context: as quarry_free_reserved(), once. O(pages given + reservations^2). Return: pages handed over.
 */
unsigned long quarry_firmware_release(struct quarry *q);

/* ---- PCs ---- */

/**
 * quarry_firmware_e820() - add the memory of an E820 map
 * @q:	     memory system at QUARRY_STAGE_BOOT
 * @entries: address, size (64 bits each) and type (32), little-endian
 * @count:   how many
 * @stride:  bytes from one to the next, at least 20: BIOS and Linux 20, ACPI 3 and PVH 24
 *
 * Type 1 is memory; any other is not, and wins. The map itself is not reserved. Context: boot. O(count^2).
 * Return: 0 or an error of the table above.
 */
QUARRY_MUST_CHECK int quarry_firmware_e820(struct quarry *q, const void *entries, size_t count,
					   size_t stride);

/**
 * quarry_firmware_pvh() - add the memory of a machine booted by PVH
 * @q:	        memory system at QUARRY_STAGE_BOOT
 * @start_info: physical address in the register at entry
 * @memory:     how to read it; NULL: the direct map
 * @info:	filled in; may be NULL
 *
 * Reserves the start info, the map, the command line and the list of modules, until
 * quarry_firmware_release(); and each module, of which the first is @info's RAM disk. Context: boot. Return: 0 or an error of the table above; -QUARRY_EINVAL also for
 * version 0, which has no map.
 */
QUARRY_MUST_CHECK int quarry_firmware_pvh(struct quarry *q, phys_addr_t start_info,
					  const struct quarry_firmware_memory *memory,
					  struct quarry_firmware_info *info);

/**
 * quarry_firmware_multiboot2() - add the memory of a machine booted by Multiboot2
 * @q:	  memory system at QUARRY_STAGE_BOOT
 * @mbi:  the boot information
 * @max:  bytes that may be read there
 * @phys: where it lies in memory, to be reserved until quarry_firmware_release(); or
 *	  QUARRY_FIRMWARE_NOWHERE
 * @info: filled in: command line, modules, and ACPI's root pointer, of which the boot information has a
 *	  copy; may be NULL
 *
 * Takes the memory map; if there is none, EFI's, unless boot services still run. Modules are reserved.
 * Context: boot. Return: 0 or an error of the table above.
 */
QUARRY_MUST_CHECK int quarry_firmware_multiboot2(struct quarry *q, const void *mbi, size_t max,
						 phys_addr_t phys,
						 struct quarry_firmware_info *info);

/* ---- Limine ---- */

/* An entry of Limine's memory map, as its protocol lays it out. */
struct quarry_limine_entry {
	uint64_t base, length, type;
};

/**
 * quarry_firmware_limine() - add the memory of a machine booted by Limine
 * @q:	     memory system at QUARRY_STAGE_BOOT
 * @entries: the response's array of pointers to entries
 * @count:   how many
 *
 * Usable memory is memory; so is what the boot loader can give back, which holds the responses, the page
 * tables and the stack: it is reserved until quarry_firmware_release(); and the kernel with its modules, which
 * stays reserved. Context: boot. O(count^2). Return: 0 or an error of the table above.
 */
QUARRY_MUST_CHECK int quarry_firmware_limine(struct quarry *q,
					     const struct quarry_limine_entry *const *entries,
					     uint64_t count);

/* ---- UEFI ---- */

/**
 * quarry_firmware_efi() - add the memory of a UEFI memory map, boot services having ended
 * @q:	     memory system at QUARRY_STAGE_BOOT
 * @map:     from GetMemoryMap()
 * @size:    its bytes
 * @stride:  DescriptorSize: bytes from one descriptor to the next, more than a descriptor has
 * @version: DescriptorVersion, 1
 *
 * Conventional memory that can be cached and is not set apart for a special purpose is memory;
 * more reliable memory is MEMBLOCK_MIRROR. What the boot loader and boot services used is memory too, reserved
 * until quarry_firmware_release(), for page tables, stack and the kernel itself are in it. Unaccepted memory
 * is memory, see quarry_firmware_efi_unaccepted(). Runtime services and ACPI's tables are none.
 *
 * Context: boot. O(descriptors^2). Return: 0 or an error of the table above.
 */
QUARRY_MUST_CHECK int quarry_firmware_efi(struct quarry *q, const void *map, size_t size,
					  size_t stride, uint32_t version);

/** quarry_firmware_efi_unaccepted() - which memory of a map, @map, @size, @stride and @version as for
 * quarry_firmware_efi(), must be accepted before use, for struct quarry_boot_params: whole pages go to
 * @ranges, which has room for @max; the log is that of @q. Return: how many there are, which may exceed
 * @max; or an error of the table above, @ranges as it was. */
QUARRY_MUST_CHECK int quarry_firmware_efi_unaccepted(struct quarry *q, const void *map, size_t size,
						     size_t stride, uint32_t version,
						     struct quarry_range *ranges, unsigned int max);

/* ---- Devicetree ---- */

/**
 * quarry_firmware_fdt() - add the memory of a flattened devicetree
 * @q:	  memory system at QUARRY_STAGE_BOOT
 * @blob: the tree, version 17, at any address
 * @max:  bytes that may be read there
 * @phys: where it lies in memory, to be reserved until quarry_firmware_release(); or
 *	  QUARRY_FIRMWARE_NOWHERE
 * @info: filled in: bootargs and initrd of /chosen; may be NULL
 *
 * Taken: memory nodes with numa-node-id and hotpluggable (MEMBLOCK_HOTPLUG); /memreserve/;
 * /reserved-memory: no-map becomes MEMBLOCK_NOMAP, a reusable shared-dma-pool a CMA area, a size without a place is
 * given one, anything else is reserved; the RAM disk, reserved; linux,usable-memory-range, beyond which
 * there is no memory. Nodes count if each range of memory names one. What Linux passes over with a warning is
 * passed over here with one: a pool that is not of whole pageblocks, a region for which there is no room.
 *
 * Context: boot. O(ranges * bytes of the tree). Return: 0 or an error of the table above.
 */
QUARRY_MUST_CHECK int quarry_firmware_fdt(struct quarry *q, const void *blob, size_t max,
					  phys_addr_t phys, struct quarry_firmware_info *info);

/** quarry_firmware_fdt_check() - whether the @max bytes at @blob hold a tree whose header, reservations, tags and
 * names are sound, so that a walk over it needs no checks but of the lengths of values; the log is that of @q.
 * Return: 0 or an error of the table above. */
QUARRY_MUST_CHECK int quarry_firmware_fdt_check(struct quarry *q, const void *blob, size_t max);

/** quarry_firmware_fdt_cpus() - call @fn with @arg for each CPU of the tree of @max bytes at @blob that is
 * not disabled, in its order; the log is that of @q. Return: 0, what @fn returned, or an error of the table
 * above; -QUARRY_ENXIO: no /cpus. */
QUARRY_MUST_CHECK int quarry_firmware_fdt_cpus(struct quarry *q, const void *blob, size_t max,
					       quarry_firmware_cpu_fn fn, void *arg);

/**
 * quarry_firmware_fdt_distances() - the distances between nodes by a tree's distance-map
 * @q:	      memory system, for its log
 * @blob:     the tree
 * @max:      bytes that may be read there
 * @distance: room for @nr_nodes x @nr_nodes, row by row, as struct quarry_boot_params takes them
 * @nr_nodes: nodes wanted
 *
 * What is not said is 10 from a node to itself and 20 to another; but the way back from a higher node
 * to a lower is as long as the way there. Return: 0, or an error of the table above, @distance as it was; -QUARRY_ENXIO: no
 * distance-map.
 */
QUARRY_MUST_CHECK int quarry_firmware_fdt_distances(struct quarry *q, const void *blob, size_t max,
						    uint8_t *distance, unsigned int nr_nodes);

/**
 * quarry_firmware_fdt_property() - a property by its node's path
 * @q:	  memory system, for its log
 * @blob: the tree
 * @max:  bytes that may be read there
 * @path: "/psci"; a part without "@address" matches the first node that has that name before its own
 * @name: "method"
 * @size: gets its bytes; may be NULL
 *
 * Return: the property in the tree, big-endian, at any address; NULL: no such node or property, or
 * the tree is damaged.
 */
const void *quarry_firmware_fdt_property(struct quarry *q, const void *blob, size_t max,
					 const char *path, const char *name, size_t *size);

/* ---- ACPI ---- */

/** quarry_firmware_acpi_scan() - where ACPI's root pointer is on a PC whose boot protocol does not say:
 * looked for by @memory, or the direct map of @q, in the first KiB of the extended BIOS data area and in the BIOS's last
 * 128 KiB of the first MiB. Return: its physical address; 0: there is none. */
phys_addr_t quarry_firmware_acpi_scan(struct quarry *q,
				      const struct quarry_firmware_memory *memory);

/**
 * quarry_firmware_acpi() - give memory its nodes, by ACPI's SRAT
 * @q:	    memory system at QUARRY_STAGE_BOOT, its memory added
 * @rsdp:   physical address of the root pointer
 * @memory: how to read tables; NULL: the direct map
 *
 * Proximity domains become nodes in the order in which SRAT names them, those of CPUs before those of
 * memory, as in Linux. Ranges of SRAT may cover more than memory; only what memblock has gets a node, and
 * MEMBLOCK_HOTPLUG where SRAT says so. Tables that lie in memory are reserved. If ranges leave out more than 1
 * MiB of memory, or two nodes claim the same, none is believed.
 *
 * Context: boot. Return: 0, also if there is no SRAT: memory stays without nodes; or an error of the
 * table above.
 */
QUARRY_MUST_CHECK int quarry_firmware_acpi(struct quarry *q, phys_addr_t rsdp,
					   const struct quarry_firmware_memory *memory);

/** quarry_firmware_acpi_cpus() - call @fn with @arg for each CPU that MADT says is enabled, with its node
 * by SRAT; @rsdp and @memory as for quarry_firmware_acpi(), the log is that of @q. Return: 0, what @fn
 * returned, or an error of the table above; -QUARRY_ENXIO: no MADT. */
QUARRY_MUST_CHECK int quarry_firmware_acpi_cpus(struct quarry *q, phys_addr_t rsdp,
						const struct quarry_firmware_memory *memory,
						quarry_firmware_cpu_fn fn, void *arg);

/** quarry_firmware_acpi_distances() - the distances between nodes by ACPI's SLIT, for
 * struct quarry_boot_params: @nr_nodes x @nr_nodes go to @distance, row by row; @rsdp, @memory as for
 * quarry_firmware_acpi(), the log is that of @q. Return: 0, or an error of the table above, @distance as it
 * was; -QUARRY_ENXIO: no SLIT or no SRAT. */
QUARRY_MUST_CHECK int quarry_firmware_acpi_distances(struct quarry *q, phys_addr_t rsdp,
						     const struct quarry_firmware_memory *memory,
						     uint8_t *distance, unsigned int nr_nodes);

/**
 * quarry_firmware_acpi_table() - where a table lies
 * @q:	       memory system, for its log
 * @rsdp:      physical address of the root pointer
 * @memory:    how to read tables; NULL: the direct map
 * @signature: four characters: "APIC", "SRAT"
 * @table:     gets the first such table whose checksum is right, header and all
 *
 * Return: 0, or an error of the table above; -QUARRY_ENXIO: none.
 */
QUARRY_MUST_CHECK int quarry_firmware_acpi_table(struct quarry *q, phys_addr_t rsdp,
						 const struct quarry_firmware_memory *memory,
						 const char *signature, struct quarry_range *table);

#endif
