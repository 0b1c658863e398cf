/* SPDX-License-Identifier: MIT */
/*
 * A flattened devicetree by Linux's names.
 *
 * early_init_dt_verify() has the library check the whole structure, so the walks here meet well-formed tags
 * only; what they read is lengths of values. Nothing is kept but where the tree is: boot code may ask in any order,
 * and again.
 */
#include "setup.h"

#include <string.h>

#include <linux/cma.h>
#include <linux/dma-map-ops.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/initrd.h>
#include <linux/memblock.h>
#include <linux/of.h>
#include <linux/of_fdt.h>

#include <asm/setup.h>

#include <quarry/firmware.h>

enum { OF_BEGIN_NODE = 1, OF_END_NODE = 2, OF_PROP = 3, OF_NOP = 4 };
enum { OF_MAGIC, OF_TOTAL_SIZE, OF_STRUCTURE, OF_STRINGS, OF_RESERVE }; /* words of the header */

int dt_root_addr_cells, dt_root_size_cells;
void *initial_boot_params;

/* ---- tags ---- */

static u32 of_header(unsigned int word)
{
	return be32_to_cpup((const __be32 *)initial_boot_params + word);
}

static const __be32 *of_tag(unsigned long at)
{
	return (const __be32 *)((const char *)initial_boot_params + of_header(OF_STRUCTURE) + at);
}

static const char *of_name(unsigned long node)
{
	return (const char *)(of_tag(node) + 1);
}

/* The tag behind the one at @at. */
static unsigned long of_next(unsigned long at)
{
	const __be32 *tag = of_tag(at);
	size_t bytes = 4;

	if (be32_to_cpup(tag) == OF_BEGIN_NODE)
		bytes += strlen(of_name(at)) + 1;
	else if (be32_to_cpup(tag) == OF_PROP)
		bytes += 8 + (size_t)be32_to_cpup(tag + 1);
	return at + ALIGN(bytes, 4);
}

/* The next tag from @at on that begins or ends a node, or ends the tree. */
static unsigned long of_edge(unsigned long at)
{
	u32 tag = be32_to_cpup(of_tag(at));

	while (tag == OF_PROP || tag == OF_NOP) {
		at = of_next(at);
		tag = be32_to_cpup(of_tag(at));
	}
	return at;
}

/* The node that comes behind @at, and how much deeper than *@depth it lies; false: there is none. */
static bool of_following(unsigned long *at, int *depth)
{
	u32 tag;

	do {
		*at = of_edge(of_next(*at));
		tag = be32_to_cpup(of_tag(*at));
		*depth += tag == OF_BEGIN_NODE ? 1 : -1;
	} while (tag == OF_END_NODE);
	return tag == OF_BEGIN_NODE;
}

/* ---- nodes ---- */

int of_scan_flat_dt(int (*it)(unsigned long node, const char *uname, int depth, void *data),
		    void *data)
{
	unsigned long node = of_get_flat_dt_root();
	int depth = 0, rc;

	if (initial_boot_params == NULL)
		return 0;
	do
		rc = it(node, of_name(node), depth, data);
	while (rc == 0 && of_following(&node, &depth));
	return rc;
}

int of_scan_flat_dt_subnodes(unsigned long node,
			     int (*it)(unsigned long node, const char *uname, void *data),
			     void *data)
{
	int depth = 0, rc = 0;

	if (initial_boot_params == NULL)
		return 0;
	while (rc == 0 && of_following(&node, &depth) && depth > 0) {
		if (depth == 1)
			rc = it(node, of_name(node), data);
	}
	return rc;
}

static int of_is_named(unsigned long node, const char *uname, void *data)
{
	const char *name = data;
	size_t length = strlen(name);

	if (strncmp(uname, name, length) != 0 ||
	    (uname[length] != '\0' && (uname[length] != '@' || strchr(name, '@') != NULL)))
		return 0;
	return (int)node; /* never 0: the root is no child */
}

int of_get_flat_dt_subnode_by_name(unsigned long node, const char *uname)
{
	int found = of_scan_flat_dt_subnodes(node, of_is_named, (void *)(uintptr_t)uname);

	return found != 0 ? found : -ENOENT;
}

unsigned long of_get_flat_dt_root(void)
{
	return initial_boot_params != NULL ? of_edge(0) : 0;
}

/* ---- properties ---- */

const void *of_get_flat_dt_prop(unsigned long node, const char *name, int *size)
{
	const char *strings = (const char *)initial_boot_params;
	unsigned long at;

	if (initial_boot_params == NULL)
		return NULL;
	strings += of_header(OF_STRINGS);
	for (at = of_next(node);; at = of_next(at)) {
		const __be32 *tag = of_tag(at);

		if (be32_to_cpup(tag) == OF_NOP)
			continue;
		if (be32_to_cpup(tag) != OF_PROP)
			return NULL;
		if (strcmp(strings + be32_to_cpup(tag + 2), name) == 0) {
			if (size != NULL)
				*size = (int)be32_to_cpup(tag + 1);
			return tag + 3;
		}
	}
}

/* The property's texts are counted from 1 until @text is met; 0: it is not among them. */
static int of_text_number(unsigned long node, const char *name, const char *text)
{
	int left = 0, number = 1;
	const char *p = of_get_flat_dt_prop(node, name, &left);

	for (; p != NULL && left > 0; number++) {
		size_t length = strnlen(p, (size_t)left);

		if (length == (size_t)left)
			break; /* it does not end */
		if (strcmp(p, text) == 0)
			return number;
		p += length + 1;
		left -= (int)length + 1;
	}
	return 0;
}

int of_flat_dt_is_compatible(unsigned long node, const char *name)
{
	return of_text_number(node, "compatible", name);
}

static bool of_has(unsigned long node, const char *name)
{
	return of_get_flat_dt_prop(node, name, NULL) != NULL;
}

static bool of_is_available(unsigned long node)
{
	return !of_has(node, "status") || of_text_number(node, "status", "okay") == 1 ||
	       of_text_number(node, "status", "ok") == 1;
}

u32 of_get_flat_dt_phandle(unsigned long node)
{
	int size = 0;
	const __be32 *p = of_get_flat_dt_prop(node, "phandle", &size);

	if (p == NULL)
		p = of_get_flat_dt_prop(node, "linux,phandle", &size);
	return p != NULL && size >= 4 ? be32_to_cpup(p) : 0;
}

/* A property that is one text; NULL: there is none, or it does not end. */
static const char *of_text(unsigned long node, const char *name)
{
	int size = 0;
	const char *p = of_get_flat_dt_prop(node, name, &size);

	return p != NULL && size > 0 && memchr(p, '\0', (size_t)size) != NULL ? p : NULL;
}

const char *of_flat_dt_get_machine_name(void)
{
	unsigned long root = of_get_flat_dt_root();
	const char *name = of_text(root, "model");

	return name != NULL ? name : of_text(root, "compatible");
}

u64 dt_mem_next_cell(int s, const __be32 **cellp)
{
	const __be32 *p = *cellp;

	*cellp = p + s;
	return of_read_number(p, s);
}

/* ---- ranges of addresses and sizes, in the root's cells ---- */

struct of_ranges {
	const __be32 *next;
	int left; /* cells */
};

static struct of_ranges of_ranges(unsigned long node, const char *name)
{
	struct of_ranges r = {.left = 0};
	int size = 0;

	r.next = of_get_flat_dt_prop(node, name, &size);
	if (r.next != NULL)
		r.left = size / 4;
	return r;
}

static bool of_next_range(struct of_ranges *r, phys_addr_t *base, phys_addr_t *size)
{
	int cells = dt_root_addr_cells + dt_root_size_cells;

	if (cells == 0 || r->left < cells)
		return false;
	*base = dt_mem_next_cell(dt_root_addr_cells, &r->next);
	*size = dt_mem_next_cell(dt_root_size_cells, &r->next);
	r->left -= cells;
	return true;
}

/* ---- the tree and its root ---- */

bool early_init_dt_verify(void *params)
{
	initial_boot_params = NULL;
	if (params == NULL)
		return false;
	initial_boot_params = params;
	if (of_header(OF_MAGIC) == 0xd00dfeed &&
	    quarry_firmware_fdt_check(quarry_linux(), params, of_header(OF_TOTAL_SIZE)) == 0)
		return true;
	initial_boot_params = NULL;
	return false;
}

static int of_cells(unsigned long node, const char *name, int otherwise)
{
	int size = 0;
	const __be32 *p = of_get_flat_dt_prop(node, name, &size);

	return p != NULL && size == 4 && be32_to_cpup(p) <= 4 ? (int)be32_to_cpup(p) : otherwise;
}

int early_init_dt_scan_root(void)
{
	unsigned long root = of_get_flat_dt_root();

	if (initial_boot_params == NULL)
		return -ENODEV;
	dt_root_addr_cells = of_cells(root, "#address-cells", 1);
	dt_root_size_cells = of_cells(root, "#size-cells", 1);
	return 0;
}

/* ---- /chosen ---- */

static bool of_number(unsigned long node, const char *name, u64 *number)
{
	int size = 0;
	const __be32 *p = of_get_flat_dt_prop(node, name, &size);

	if (p != NULL)
		*number = of_read_number(p, size / 4);
	return p != NULL;
}

int early_init_dt_scan_chosen(char *cmdline)
{
	int chosen = of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "chosen"), size = 0;
	const char *args;
	u64 start, end;

	if (chosen < 0)
		return -ENOENT;
	if (of_number((unsigned long)chosen, "linux,initrd-start", &start) &&
	    of_number((unsigned long)chosen, "linux,initrd-end", &end) && start <= end) {
		phys_initrd_start = start;
		phys_initrd_size = (unsigned long)(end - start);
	}
	args = of_get_flat_dt_prop((unsigned long)chosen, "bootargs", &size);
	if (args != NULL && size > 0) {
		size_t length = strnlen(args, (size_t)min(size, COMMAND_LINE_SIZE - 1));

		memcpy(cmdline, args, length);
		cmdline[length] = '\0';
	}
	return 0;
}

void early_init_dt_check_for_usable_mem_range(void)
{
	int chosen = of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "chosen");
	struct of_ranges ranges = {.left = 0};
	phys_addr_t base, size;

	if (chosen >= 0)
		ranges = of_ranges((unsigned long)chosen, "linux,usable-memory-range");
	if (!of_next_range(&ranges, &base, &size) || size == 0)
		return;
	memblock_cap_memory_range(base, size);
	while (of_next_range(&ranges, &base, &size))
		memblock_add(base, size);
}

/* ---- memory ---- */

static int of_add_memory(unsigned long node, const char *uname, void *found)
{
	bool hotpluggable = of_has(node, "hotpluggable");
	struct of_ranges ranges;
	phys_addr_t base, size;

	(void)uname;
	if (of_text_number(node, "device_type", "memory") != 1 || !of_is_available(node))
		return 0;
	ranges = of_ranges(node,
			   of_has(node, "linux,usable-memory") ? "linux,usable-memory" : "reg");
	while (of_next_range(&ranges, &base, &size)) {
		if (size == 0)
			continue;
		early_init_dt_add_memory_arch(base, size);
		*(int *)found = 1;
		if (hotpluggable && memblock_mark_hotplug(base, size) != 0)
			pr_warn("of: %s cannot be marked hotpluggable\n", uname);
	}
	return 0;
}

int early_init_dt_scan_memory(void)
{
	int found = 0;

	of_scan_flat_dt_subnodes(of_get_flat_dt_root(), of_add_memory, &found);
	return found;
}

void early_init_dt_scan_nodes(void)
{
	early_init_dt_scan_root();
	if (early_init_dt_scan_chosen(boot_command_line) != 0)
		pr_warn("of: no /chosen\n");
	early_init_dt_scan_memory();
	early_init_dt_check_for_usable_mem_range();
}

bool early_init_dt_scan(void *params)
{
	if (!early_init_dt_verify(params))
		return false;
	early_init_dt_scan_nodes();
	return true;
}

/* ---- reservations ---- */

void early_init_fdt_reserve_self(void)
{
	if (initial_boot_params != NULL)
		memblock_reserve(__pa(initial_boot_params), of_header(OF_TOTAL_SIZE));
}

static bool of_is_pool(unsigned long node)
{
	return of_flat_dt_is_compatible(node, "shared-dma-pool") != 0 && of_has(node, "reusable") &&
	       !of_has(node, "no-map");
}

static void of_make_pool(unsigned long node, phys_addr_t base, phys_addr_t size)
{
	struct cma *area;

	if (!of_is_pool(node))
		return;
	if (cma_init_reserved_mem(base, size, 0, of_name(node), &area) != 0) {
		pr_err("of: %s is no CMA area, its pages stay reserved\n", of_name(node));
		return;
	}
	if (of_has(node, "linux,cma-default"))
		dma_contiguous_default_area = area;
}

/* What is used already cannot be taken out of the map. */
static bool of_reserve(phys_addr_t base, phys_addr_t size, bool nomap)
{
	if (!nomap)
		return memblock_reserve(base, size) == 0;
	if (memblock_overlaps_region(&memblock.memory, base, size) &&
	    memblock_is_region_reserved(base, size))
		return false;
	return memblock_mark_nomap(base, size) == 0;
}

static int of_reserve_fixed(unsigned long node, const char *uname, void *data)
{
	struct of_ranges ranges = of_ranges(node, "reg");
	phys_addr_t base, size;

	(void)data;
	if (!of_is_available(node))
		return 0;
	while (of_next_range(&ranges, &base, &size)) {
		if (size == 0)
			continue;
		if (of_reserve(base, size, of_has(node, "no-map")))
			of_make_pool(node, base, size);
		else
			pr_err("of: %s cannot be reserved\n", uname);
	}
	return 0;
}

/* A place for @size bytes in one of @node's ranges, or anywhere; 0: none. */
static phys_addr_t of_find_place(unsigned long node, phys_addr_t size, phys_addr_t align)
{
	struct of_ranges ranges = of_ranges(node, "alloc-ranges");
	phys_addr_t base = 0, from, length;

	if (!of_has(node, "alloc-ranges"))
		return memblock_phys_alloc_range(size, align, 0, MEMBLOCK_ALLOC_ANYWHERE);
	while (base == 0 && of_next_range(&ranges, &from, &length))
		base = memblock_phys_alloc_range(size, align, from, from + length);
	return base;
}

static int of_reserve_anywhere(unsigned long node, const char *uname, void *data)
{
	u64 size = 0, align = 0;
	phys_addr_t base;

	(void)data;
	if (!of_is_available(node) || of_has(node, "reg"))
		return 0;
	of_number(node, "size", &size);
	of_number(node, "alignment", &align);
	if (of_is_pool(node))
		align = max(align, (u64)CMA_MIN_ALIGNMENT_BYTES);
	base = size != 0 ? of_find_place(node, size, align) : 0;
	if (base == 0) {
		pr_err("of: %s: no place for %llu bytes\n", uname, (unsigned long long)size);
		return 0;
	}
	if (of_has(node, "no-map") && memblock_mark_nomap(base, size) != 0)
		memblock_phys_free(base, size);
	else
		of_make_pool(node, base, size);
	return 0;
}

void early_init_fdt_scan_reserved_mem(void)
{
	const char *list = initial_boot_params;
	int node;

	if (initial_boot_params == NULL)
		return;
	node = of_get_flat_dt_subnode_by_name(of_get_flat_dt_root(), "reserved-memory");
	if (node >= 0 &&
	    (of_cells((unsigned long)node, "#address-cells", 0) != dt_root_addr_cells ||
	     of_cells((unsigned long)node, "#size-cells", 0) != dt_root_size_cells ||
	     !of_has((unsigned long)node, "ranges"))) {
		pr_err("of: /reserved-memory: no ranges, or cells other than the root's\n");
		node = -EINVAL;
	}
	if (node >= 0)
		of_scan_flat_dt_subnodes((unsigned long)node, of_reserve_fixed, NULL);
	for (list += of_header(OF_RESERVE);; list += 16) {
		u64 size = of_read_number((const __be32 *)(const void *)list + 2, 2);

		if (size == 0)
			break;
		memblock_reserve(of_read_number((const __be32 *)(const void *)list, 2), size);
	}
	if (node >= 0)
		of_scan_flat_dt_subnodes((unsigned long)node, of_reserve_anywhere, NULL);
}
