/* SPDX-License-Identifier: MIT */
/*
 * Memory and reservations of a devicetree.
 *
 * Order      As Linux serves them: memory, the tree itself and the RAM disk, fixed regions of
 *            /reserved-memory, /memreserve/, CMA areas; last, those regions whose place is the
 *            kernel's to choose, in the order of the tree. Up to there all is counted beforehand and cannot
 *            fail. What comes after can run out of room, which costs that region and a warning.
 *
 * Nodes      All memory names one, or none is believed.
 *
 * Passed     With a warning, as in Linux: a no-map region that is reserved already; a pool that is not of
 *            whole pageblocks; a region with neither a place nor a size.
 */
#include <quarry/contig.h>

#include "fdt.h"

#define FDT_CMA_ALIGN ((uint64_t)QUARRY_PAGE_SIZE << QUARRY_PAGEBLOCK_ORDER)

struct fdt_source {
	struct firmware_source src;
	struct fdt tree;
	phys_addr_t phys;
	uint32_t address_cells, size_cells; /* of the root */
	uint32_t reserved_memory, chosen;   /* nodes; 0: none */
	bool nodes;                         /* all memory has one */
	struct quarry_range initrd;
};

/* ---- ranges of addresses and sizes ---- */

struct fdt_ranges {
	const uint8_t *data;
	uint32_t nr;
};

/* Property @name; without it there are none. */
static int fdt_ranges(const struct fdt_source *f, uint32_t node, const char *name,
		      struct fdt_ranges *ranges)
{
	struct fdt_property p = fdt_get(&f->tree, node, name);
	uint32_t unit = (f->address_cells + f->size_cells) * 4;

	*ranges = (struct fdt_ranges){p.data, 0};
	if (p.data == NULL)
		return 0;
	if (p.size % unit != 0)
		return firmware_fail(f->src.q, -QUARRY_EINVAL,
				     "fdt: %s: %s has %u bytes, expected a multiple of %u",
				     fdt_node_name(&f->tree, node), name, p.size, unit);
	ranges->nr = p.size / unit;
	return 0;
}

static struct quarry_range fdt_range(const struct fdt_source *f, const struct fdt_ranges *ranges,
				     uint32_t i)
{
	const uint8_t *p = ranges->data + (size_t)i * (f->address_cells + f->size_cells) * 4;

	return (struct quarry_range){fdt_value(p, f->address_cells),
				     fdt_value(p + (size_t)f->address_cells * 4, f->size_cells)};
}

/* Tells @see of all of them, as @like says but for place and size. */
static int fdt_see_ranges(const struct fdt_source *f, uint32_t node, const char *name,
			  struct firmware_range like, firmware_see_fn see, void *arg)
{
	struct fdt_ranges ranges;
	int err = fdt_ranges(f, node, name, &ranges);

	for (uint32_t i = 0; i < ranges.nr && err == 0; i++) {
		struct quarry_range r = fdt_range(f, &ranges, i);

		like.start = r.start;
		like.size = r.size;
		err = see(arg, &like);
	}
	return err;
}

/* ---- memory ---- */

static int fdt_see_memory(const struct fdt_source *f, uint32_t node, firmware_see_fn see, void *arg)
{
	const struct fdt *t = &f->tree;
	/* A boot loader that knows better writes the former. */
	const char *name = fdt_has(t, node, "linux,usable-memory") ? "linux,usable-memory" : "reg";
	struct firmware_range like = {.kind = FIRMWARE_RAM};
	int err = fdt_node_id(t, node, &like.nid);

	if (!f->nodes)
		like.nid = QUARRY_NO_NODE;
	if (fdt_has(t, node, "hotpluggable"))
		like.flags |= MEMBLOCK_HOTPLUG;
	return err == 0 ? fdt_see_ranges(f, node, name, like, see, arg) : err;
}

static int fdt_see_memories(const struct fdt_source *f, firmware_see_fn see, void *arg)
{
	const struct fdt *t = &f->tree;
	uint32_t node = fdt_child(t, fdt_root(t));
	int err = 0;

	for (; node != 0 && err == 0; node = fdt_sibling(t, node))
		if (fdt_is(t, node, "device_type", "memory") && fdt_available(t, node))
			err = fdt_see_memory(f, node, see, arg);
	return err;
}

/* ---- /reserved-memory, its regions ---- */

static bool fdt_is_pool(const struct fdt *t, uint32_t node)
{
	return fdt_has(t, node, "reusable") && fdt_is(t, node, "compatible", "shared-dma-pool");
}

static bool fdt_pool_fits(phys_addr_t start, phys_addr_t size)
{
	return ((start | size) & (FDT_CMA_ALIGN - 1)) == 0;
}

/* Whether a no-map region stays in the map, for it is in use already. */
static bool fdt_in_use(const struct fdt_source *f, const struct quarry_range *r)
{
	return quarry_memblock_is_region_reserved(f->src.q, r->start, r->size) ||
	       (f->phys != QUARRY_FIRMWARE_NOWHERE &&
		firmware_meet(r->start, r->size, f->phys, f->tree.size)) ||
	       firmware_meet(r->start, r->size, f->initrd.start, f->initrd.size);
}

/* The kind of a fixed region; -1: it is passed over. */
static int fdt_region_kind(const struct fdt_source *f, uint32_t node, const struct quarry_range *r)
{
	const struct fdt *t = &f->tree;

	if (r->size == 0 || (fdt_is_pool(t, node) && !fdt_pool_fits(r->start, r->size)))
		return -1;
	if (fdt_has(t, node, "no-map"))
		return fdt_in_use(f, r) ? -1 : FIRMWARE_NOMAP;
	return FIRMWARE_RESERVED;
}

static int fdt_see_region(const struct fdt_source *f, uint32_t node, firmware_see_fn see, void *arg)
{
	const struct fdt *t = &f->tree;
	struct fdt_ranges ranges;
	int err = fdt_ranges(f, node, "reg", &ranges);

	if (err == 0 && fdt_has(t, node, "no-map") && fdt_has(t, node, "reusable"))
		return firmware_fail(f->src.q, -QUARRY_EINVAL,
				     "fdt: %s: no-map and reusable exclude each other",
				     fdt_node_name(t, node));
	for (uint32_t i = 0; i < ranges.nr && err == 0; i++) {
		struct quarry_range r = fdt_range(f, &ranges, i);
		int kind = fdt_region_kind(f, node, &r);
		struct firmware_range range = {
			.start = r.start, .size = r.size, .kind = (enum firmware_kind)kind};

		if (kind >= 0)
			err = see(arg, &range);
	}
	return err;
}

/* ---- the walk ---- */

static int fdt_see_memreserve(const struct fdt_source *f, firmware_see_fn see, void *arg)
{
	uint32_t at = f->tree.reserve;
	int err = 0;

	for (;; at += 16) {
		phys_addr_t size = firmware_be64(f->tree.data + at + 8);

		if (size == 0 || err != 0)
			return err;
		err = firmware_see_used(see, arg, firmware_be64(f->tree.data + at), size,
					FIRMWARE_RESERVED);
	}
}

static int fdt_walk(const struct firmware_source *src, firmware_see_fn see, void *arg)
{
	const struct fdt_source *f = QUARRY_CONTAINER_OF(src, const struct fdt_source, src);
	struct firmware_range limit = {.kind = FIRMWARE_LIMIT};
	const struct fdt *t = &f->tree;
	uint32_t node;
	int err = fdt_see_memories(f, see, arg);

	if (err == 0 && f->phys != QUARRY_FIRMWARE_NOWHERE)
		err = firmware_see_used(see, arg, f->phys, t->size, FIRMWARE_LOADER);
	if (err == 0)
		err = firmware_see_used(see, arg, f->initrd.start, f->initrd.size,
					FIRMWARE_RESERVED);
	node = f->reserved_memory != 0 ? fdt_child(t, f->reserved_memory) : 0;
	for (; node != 0 && err == 0; node = fdt_sibling(t, node))
		if (fdt_available(t, node))
			err = fdt_see_region(f, node, see, arg);
	if (err == 0)
		err = fdt_see_memreserve(f, see, arg);
	if (err == 0 && f->chosen != 0)
		err = fdt_see_ranges(f, f->chosen, "linux,usable-memory-range", limit, see, arg);
	return err;
}

/* ---- before it ---- */

/* An address in /chosen, of one or two cells as its writer liked. */
static int fdt_chosen_address(const struct fdt_source *f, const char *name, uint64_t *v,
			      bool *found)
{
	struct fdt_property p = fdt_get(&f->tree, f->chosen, name);

	*found = p.data != NULL;
	if (p.data != NULL && p.size != 4 && p.size != 8)
		return firmware_fail(f->src.q, -QUARRY_EINVAL,
				     "fdt: chosen: %s has %u bytes, expected 4 or 8", name, p.size);
	if (p.data != NULL)
		*v = fdt_value(p.data, p.size / 4);
	return 0;
}

static int fdt_read_chosen(struct fdt_source *f, struct quarry_firmware_info *info)
{
	uint64_t start = 0, end = 0;
	bool has_start, has_end;
	struct fdt_property args;
	int err;

	f->chosen = fdt_named_child(&f->tree, fdt_root(&f->tree), "chosen", 6);
	if (f->chosen == 0)
		return 0;
	err = fdt_chosen_address(f, "linux,initrd-start", &start, &has_start);
	if (err == 0)
		err = fdt_chosen_address(f, "linux,initrd-end", &end, &has_end);
	if (err != 0)
		return err;
	if (has_start && has_end && start > end)
		return firmware_fail(f->src.q, -QUARRY_EINVAL,
				     "fdt: chosen: linux,initrd-end 0x%llx lies below "
				     "linux,initrd-start 0x%llx",
				     (unsigned long long)end, (unsigned long long)start);
	if (has_start && has_end)
		f->initrd = (struct quarry_range){start, end - start};
	args = fdt_get(&f->tree, f->chosen, "bootargs");
	if (args.data != NULL)
		firmware_cmdline(info, args.data, args.size);
	return 0;
}

/* Addresses below /reserved-memory are the root's. */
static int fdt_find_reserved_memory(struct fdt_source *f)
{
	uint32_t a = 0, s = 0, node;
	int err;

	node = fdt_named_child(&f->tree, fdt_root(&f->tree), "reserved-memory", 15);
	if (node == 0)
		return 0;
	f->reserved_memory = node;
	err = fdt_cells(&f->tree, node, &a, &s);
	if (err == 0 &&
	    (a != f->address_cells || s != f->size_cells || !fdt_has(&f->tree, node, "ranges")))
		err = firmware_fail(
			f->src.q, -QUARRY_EINVAL,
			"fdt: reserved-memory: no ranges, or cells that differ from the "
			"root's %u and %u",
			f->address_cells, f->size_cells);
	return err;
}

struct fdt_tally {
	unsigned long with, without;
};

static int fdt_count_nodes(void *arg, const struct firmware_range *r)
{
	struct fdt_tally *n = arg;

	n->with += r->size != 0 && r->nid != QUARRY_NO_NODE;
	n->without += r->size != 0 && r->nid == QUARRY_NO_NODE;
	return 0;
}

static int fdt_settle_nodes(struct fdt_source *f)
{
	struct fdt_tally n = {0, 0};
	int err;

	f->nodes = true;
	err = fdt_see_memories(f, fdt_count_nodes, &n);
	if (err == 0 && n.without != 0) {
		f->nodes = false;
		if (n.with != 0)
			firmware_warn(f->src.q,
				      "fdt: %lu of %lu ranges of memory have no numa-node-id; "
				      "nodes are not used",
				      n.without, n.with + n.without);
	}
	return err;
}

static int fdt_begin(struct fdt_source *f, struct quarry_firmware_info *info)
{
	int err;

	f->address_cells = f->size_cells = 1;
	err = fdt_cells(&f->tree, fdt_root(&f->tree), &f->address_cells, &f->size_cells);
	if (err == 0 && (f->address_cells == 0 || f->size_cells == 0))
		err = firmware_fail(f->src.q, -QUARRY_EINVAL,
				    "fdt: the root's #address-cells or #size-cells is 0");
	if (err == 0)
		err = fdt_read_chosen(f, info);
	if (err == 0)
		err = fdt_find_reserved_memory(f);
	return err == 0 ? fdt_settle_nodes(f) : err;
}

/* ---- after it ---- */

static void fdt_make_cma(const struct fdt_source *f, uint32_t node, phys_addr_t start,
			 phys_addr_t size)
{
	const char *name = fdt_node_name(&f->tree, node);

	if (quarry_cma_init_reserved_mem(f->src.q, start, size, 0, name, NULL) != 0)
		firmware_warn(f->src.q, "fdt: %s is no CMA area, its pages stay reserved", name);
}

/* Says what fixed regions were passed over, and makes areas of the pools. */
static void fdt_finish_fixed(const struct fdt_source *f, uint32_t node)
{
	const char *name = fdt_node_name(&f->tree, node);
	struct fdt_ranges ranges;

	if (fdt_ranges(f, node, "reg", &ranges) != 0)
		return;
	for (uint32_t i = 0; i < ranges.nr; i++) {
		struct quarry_range r = fdt_range(f, &ranges, i);

		if (r.size == 0 || !fdt_is_pool(&f->tree, node))
			continue;
		if (fdt_pool_fits(r.start, r.size))
			fdt_make_cma(f, node, r.start, r.size);
		else
			firmware_warn(f->src.q,
				      "fdt: %s: a pool must be of whole pageblocks, passed over",
				      name);
	}
}

/* A place for @size bytes, reserved; 0: there is none. */
static phys_addr_t fdt_find_place(const struct fdt_source *f, phys_addr_t size, phys_addr_t align,
				  const struct fdt_ranges *ranges)
{
	phys_addr_t at = 0;

	if (ranges->nr == 0)
		return quarry_memblock_phys_alloc_range(f->src.q, size, align, 0,
							MEMBLOCK_ALLOC_ANYWHERE);
	for (uint32_t i = 0; i < ranges->nr && at == 0; i++) {
		struct quarry_range r = fdt_range(f, ranges, i);

		if (r.size != 0)
			at = quarry_memblock_phys_alloc_range(f->src.q, size, align, r.start,
							      firmware_end(r.start, r.size));
	}
	return at;
}

/* What a region without a place asks for. */
static int fdt_wish(const struct fdt_source *f, uint32_t node, uint64_t *size, uint64_t *align,
		    struct fdt_ranges *ranges)
{
	bool found;
	int err = fdt_number(&f->tree, node, "size", f->size_cells, size, &found);

	if (err == 0)
		err = fdt_number(&f->tree, node, "alignment", f->size_cells, align, &found);
	if (err == 0)
		err = fdt_ranges(f, node, "alloc-ranges", ranges);
	if (err == 0 && *align != 0 && !bits_is_power_of_2(*align))
		err = firmware_fail(f->src.q, -QUARRY_EINVAL,
				    "fdt: %s: alignment 0x%llx, expected a power of two",
				    fdt_node_name(&f->tree, node), (unsigned long long)*align);
	return err;
}

static void fdt_place(const struct fdt_source *f, uint32_t node)
{
	const char *name = fdt_node_name(&f->tree, node);
	bool pool = fdt_is_pool(&f->tree, node);
	uint64_t size = 0, align = 0;
	struct fdt_ranges ranges;
	phys_addr_t at;

	if (fdt_wish(f, node, &size, &align, &ranges) != 0 || size == 0) {
		firmware_warn(f->src.q, "fdt: %s: neither a place nor a size, passed over", name);
		return;
	}
	align = quarry_max(align, pool ? FDT_CMA_ALIGN : MEMBLOCK_CACHE_LINE);
	if (pool && !fdt_pool_fits(0, size)) {
		firmware_warn(f->src.q, "fdt: %s: a pool must be of whole pageblocks, passed over",
			      name);
		return;
	}
	at = fdt_find_place(f, size, align, &ranges);
	if (at == 0) {
		firmware_warn(f->src.q, "fdt: %s: no room for 0x%llx bytes, passed over", name,
			      (unsigned long long)size);
		return;
	}
	if (pool)
		fdt_make_cma(f, node, at, size);
	/* What is not mapped is not reserved besides; if it cannot be taken out, reserved will do. */
	if (fdt_has(&f->tree, node, "no-map") &&
	    quarry_memblock_mark_nomap(f->src.q, at, size) == 0 &&
	    quarry_memblock_phys_free(f->src.q, at, size) != 0)
		firmware_warn(f->src.q, "fdt: %s stays reserved", name);
}

static void fdt_finish(const struct fdt_source *f)
{
	const struct fdt *t = &f->tree;
	uint32_t first = f->reserved_memory != 0 ? fdt_child(t, f->reserved_memory) : 0, node;

	for (node = first; node != 0; node = fdt_sibling(t, node))
		if (fdt_available(t, node) && fdt_has(t, node, "reg"))
			fdt_finish_fixed(f, node);
	for (node = first; node != 0; node = fdt_sibling(t, node))
		if (fdt_available(t, node) && !fdt_has(t, node, "reg"))
			fdt_place(f, node);
}

/* Says which no-map regions stay in the map: the lists are as the walks find them. */
static void fdt_warn_in_use(const struct fdt_source *f)
{
	const struct fdt *t = &f->tree;
	uint32_t node = f->reserved_memory != 0 ? fdt_child(t, f->reserved_memory) : 0;
	struct fdt_ranges ranges;

	for (; node != 0; node = fdt_sibling(t, node)) {
		if (!fdt_available(t, node) || !fdt_has(t, node, "no-map") ||
		    fdt_ranges(f, node, "reg", &ranges) != 0)
			continue;
		for (uint32_t i = 0; i < ranges.nr; i++) {
			struct quarry_range r = fdt_range(f, &ranges, i);

			if (r.size != 0 && fdt_in_use(f, &r))
				firmware_warn(f->src.q, "fdt: %s: in use already, stays in the map",
					      fdt_node_name(t, node));
		}
	}
}

/* Regions without a place must make sense before anything is done. */
static int fdt_check_wishes(const struct fdt_source *f)
{
	const struct fdt *t = &f->tree;
	uint32_t node = f->reserved_memory != 0 ? fdt_child(t, f->reserved_memory) : 0;
	struct fdt_ranges ranges;
	int err = 0;

	for (; node != 0 && err == 0; node = fdt_sibling(t, node)) {
		uint64_t size = 0, align = 0;

		if (fdt_available(t, node) && !fdt_has(t, node, "reg"))
			err = fdt_wish(f, node, &size, &align, &ranges);
	}
	return err;
}

int quarry_firmware_fdt(struct quarry *q, const void *blob, size_t max, phys_addr_t phys,
			struct quarry_firmware_info *info)
{
	struct fdt_source f = {.src = {.q = q, .name = "fdt", .walk = fdt_walk}, .phys = phys};
	int err;

	firmware_begin_info(info);
	err = fdt_open(&f.tree, q, blob, max);
	if (err == 0)
		err = fdt_begin(&f, info);
	if (err == 0)
		err = fdt_check_wishes(&f);
	if (err == 0)
		fdt_warn_in_use(&f);
	if (err == 0)
		err = firmware_apply(&f.src, info);
	if (err != 0)
		return err;
	fdt_finish(&f);
	if (f.initrd.size != 0)
		firmware_module(info, f.initrd);
	return 0;
}
