/* SPDX-License-Identifier: MIT */
/*
 * A flattened devicetree, as boot code walks it before there is an allocator, and what it says of memory.
 * `quarry boot FILE.dtb` and quarry_firmware_fdt() take all of it in one call.
 *
 * A node is a number, 0 the root: the offset of its tag in the structure block, as for libfdt. Properties are as
 * they lie in the tree: big-endian, see linux/of.h.
 */
#ifndef _QUARRY_LINUX_OF_FDT_H
#define _QUARRY_LINUX_OF_FDT_H

#include <linux/types.h>

/* Cells of the root's addresses and sizes, once early_init_dt_scan_root() has looked. */
extern int dt_root_addr_cells, dt_root_size_cells;
/* The tree; NULL: there is none. Set by early_init_dt_verify(). */
extern void *initial_boot_params;

/* Calls @it for each node, in the order of the tree, the root first, until it returns other than 0: returns that. */
int of_scan_flat_dt(int (*it)(unsigned long node, const char *uname, int depth, void *data),
		    void *data);
/* The same for the children of @node. */
int of_scan_flat_dt_subnodes(unsigned long node,
			     int (*it)(unsigned long node, const char *uname, void *data),
			     void *data);
/* The child of @node of that name, with or without its "@address"; negative: none. */
int of_get_flat_dt_subnode_by_name(unsigned long node, const char *uname);
/* A property and, if @size is not NULL, its bytes; NULL: the node has none of that name. */
const void *of_get_flat_dt_prop(unsigned long node, const char *name, int *size);
/* Whether @name is among the texts of its "compatible": their order counts from 1; 0: it is not. */
int of_flat_dt_is_compatible(unsigned long node, const char *name);
unsigned long of_get_flat_dt_root(void);
/* 0: it has none. */
u32 of_get_flat_dt_phandle(unsigned long node);
/* The root's "model", else its "compatible"; NULL: neither. */
const char *of_flat_dt_get_machine_name(void);

/* A number of @s cells, and *@cellp behind it. */
u64 dt_mem_next_cell(int s, const __be32 **cellp);

/* @params becomes the tree, if it is one that holds together from end to end. */
bool early_init_dt_verify(void *params);
/* The cells of the root; without it 1 and 1. -ENODEV: no tree. */
int early_init_dt_scan_root(void);
/*
 * /chosen: the RAM disk goes to phys_initrd_start and _size, bootargs to @cmdline, which has room for
 * COMMAND_LINE_SIZE. -ENOENT: there is no such node.
 */
int early_init_dt_scan_chosen(char *cmdline);
/* Memory nodes go to memblock, hotpluggable ones with that flag. Returns whether there was any: 1 or 0. */
int early_init_dt_scan_memory(void);
/* Memory beyond linux,usable-memory-range of /chosen goes. */
void early_init_dt_check_for_usable_mem_range(void);
/* All of these, for boot_command_line. */
void early_init_dt_scan_nodes(void);
/* Verifies it first; false: that failed, and nothing was scanned. */
bool early_init_dt_scan(void *params);

/* Reserves the tree itself, which must be in mapped memory. */
void early_init_fdt_reserve_self(void);
/*
 * /reserved-memory, by its rules: regions with a place, no-map ones with that flag; the list of reservations of
 * the tree's header; then regions that only have a size. Shared pools that are reusable become CMA areas.
 */
void early_init_fdt_scan_reserved_mem(void);

/* RAM that firmware tells of: its whole pages go to memblock. */
void early_init_dt_add_memory_arch(u64 base, u64 size);

#endif
