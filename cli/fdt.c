/* SPDX-License-Identifier: MIT */
/*
 * Devicetree blobs as memory maps.
 *
 * Problem    A blob comes from a boot loader, a file or an attacker. libfdt walks it, but only after
 *            the whole structure was checked here: its own check, in releases that are still in
 *            use, reads beyond a damaged blob. Neither lengths nor values of properties are trusted.
 *            What Linux passes over with a warning is passed over here with one; what
 *            cannot mean anything (a length that does not fit, a range that wraps, one page on two
 *            nodes) refuses the file: "FILE: /node: what is wrong".
 *
 * Taken      /memory nodes (device_type "memory" below the root), with numa-node-id and
 *            hotpluggable; /memreserve/ entries; /reserved-memory, fixed and dynamic; /cpus;
 *            distance-map; linux,initrd-* and linux,usable-memory-range of /chosen.
 *
 * Left       Where dynamic regions go, and what no-map and reusable mean for memblock, is
 *            machine_reserve.c's affair: here they are noted in the order of the tree, by which
 *            Linux serves them too.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include <devtree.h>

#define DEVTREE_MAX_USABLE 2 /* ranges of linux,usable-memory-range, as in Linux */

struct devtree {
	const void *fdt;
	struct map *map;
	struct diag *diag;
	int address_cells, size_cells; /* of the root */
	size_t nr_without_node;        /* ranges of memory that name no node */
	size_t nr_cpus;
	bool arm, riscv;
};

/* Big-endian, at any address. */
static uint32_t devtree_be32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* A number of 1 or 2 cells. */
static uint64_t devtree_cells(const uint8_t *p, int cells)
{
	uint64_t v = devtree_be32(p);

	return cells == 2 ? v << 32 | devtree_be32(p + 4) : v;
}

bool devtree_is_blob(const void *data, size_t len)
{
	return len >= 4 && devtree_be32(data) == FDT_MAGIC;
}

/* Names come from the blob: only what can be printed is shown. */
static void devtree_clean(char *s)
{
	for (; *s != '\0'; s++)
		if (!isprint((unsigned char)*s))
			*s = '?';
}

/* "/soc/memory@0: message" as an error, or as a warning. */
static void devtree_say(struct devtree *dt, int node, bool error, const char *fmt, va_list ap)
{
	struct strbuf text = {0};
	char where[256];

	if (node < 0 || fdt_get_path(dt->fdt, node, where, sizeof(where)) != 0)
		snprintf(where, sizeof(where), "%s", node < 0 ? "" : "(a node)");
	devtree_clean(where);
	strbuf_addf(&text, "%s%s", where, where[0] != '\0' ? ": " : "");
	strbuf_vaddf(&text, fmt, ap);
	if (error)
		diag_error(dt->diag, dt->map->path, 0, "%s", text.s);
	else
		diag_warn(dt->diag, dt->map->path, 0, "%s", text.s);
	strbuf_free(&text);
}

/* Always false, for "return devtree_bad(...)". */
static bool devtree_bad(struct devtree *dt, int node, const char *fmt, ...) UTIL_PRINTF(3, 4);
static void devtree_warn(struct devtree *dt, int node, const char *fmt, ...) UTIL_PRINTF(3, 4);

static bool devtree_bad(struct devtree *dt, int node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	devtree_say(dt, node, true, fmt, ap);
	va_end(ap);
	return false;
}

static void devtree_warn(struct devtree *dt, int node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	devtree_say(dt, node, false, fmt, ap);
	va_end(ap);
}

/* ---- the structure of the blob ---- */

#define DEVTREE_MAX_DEPTH 64

/* The header's fields, host order, and the blob. */
struct devtree_blob {
	const uint8_t *data;
	uint32_t size, structure, structure_size, strings, strings_size, reserve;
};

/* NULL: fine; else what is wrong. */
static const char *devtree_check_header(struct devtree_blob *b, const uint8_t *data, size_t len)
{
	uint32_t version, compatible;

	if (len < sizeof(struct fdt_header))
		return "it ends too early";
	b->data = data;
	b->size = devtree_be32(data + offsetof(struct fdt_header, totalsize));
	b->structure = devtree_be32(data + offsetof(struct fdt_header, off_dt_struct));
	b->strings = devtree_be32(data + offsetof(struct fdt_header, off_dt_strings));
	b->reserve = devtree_be32(data + offsetof(struct fdt_header, off_mem_rsvmap));
	b->structure_size = devtree_be32(data + offsetof(struct fdt_header, size_dt_struct));
	b->strings_size = devtree_be32(data + offsetof(struct fdt_header, size_dt_strings));
	version = devtree_be32(data + offsetof(struct fdt_header, version));
	compatible = devtree_be32(data + offsetof(struct fdt_header, last_comp_version));
	if (b->size > len)
		return "it ends too early";
	if (b->size < sizeof(struct fdt_header) || b->size > INT32_MAX)
		return "its size is wrong";
	if (version < 17 || compatible > 17)
		return "its version is not 17 nor compatible with it";
	if (b->structure > b->size || b->structure_size > b->size - b->structure ||
	    b->strings > b->size || b->strings_size > b->size - b->strings ||
	    b->structure % 4 != 0 || b->reserve % 8 != 0)
		return "its blocks do not lie in it";
	return NULL;
}

/* The list of reservations ends in the blob. */
static const char *devtree_check_reserve(const struct devtree_blob *b)
{
	uint32_t at;

	for (at = b->reserve; at <= b->size && b->size - at >= 16; at += 16)
		if (devtree_cells(b->data + at + 8, 2) == 0)
			return NULL;
	return "its list of reservations does not end";
}

/* Bytes of the text at @at of a block that ends at @end, its 0 included; 0: it does not end. */
static uint32_t devtree_text(const struct devtree_blob *b, uint32_t at, uint32_t end)
{
	const uint8_t *nul = at < end ? memchr(b->data + at, '\0', end - at) : NULL;

	return nul != NULL ? (uint32_t)(nul - (b->data + at)) + 1 : 0;
}

/* Move *at past the tag there and what belongs to it. NULL: fine. */
static const char *devtree_check_tag(const struct devtree_blob *b, uint32_t end, uint32_t *at,
				     uint32_t *tag)
{
	uint64_t next;

	if (*at >= end || end - *at < 4)
		return "its structure does not end";
	*tag = devtree_be32(b->data + *at);
	next = (uint64_t)*at + 4;
	if (*tag == FDT_BEGIN_NODE) {
		uint32_t n = devtree_text(b, *at + 4, end);

		if (n == 0)
			return "a node's name does not end";
		next += n;
	} else if (*tag == FDT_PROP) {
		uint32_t name;

		if (end - *at < 12)
			return "its structure does not end";
		next += 8 + (uint64_t)devtree_be32(b->data + *at + 4);
		name = devtree_be32(b->data + *at + 8);
		if (name >= b->strings_size ||
		    devtree_text(b, b->strings + name, b->strings + b->strings_size) == 0)
			return "a property has no name";
	} else if (*tag != FDT_END_NODE && *tag != FDT_NOP && *tag != FDT_END) {
		return "a tag of no known kind";
	}
	next = (next + 3) & ~(uint64_t)3;
	if (next > end)
		return "its structure does not end";
	*at = (uint32_t)next;
	return NULL;
}

/* One root, each node closed, properties before nodes, an end. NULL: fine. */
static const char *devtree_check_structure(const struct devtree_blob *b)
{
	uint32_t at = b->structure, end = b->structure + b->structure_size, tag;
	unsigned int depth = 0, roots = 0, last = FDT_END_NODE;

	for (;;) {
		const char *wrong = devtree_check_tag(b, end, &at, &tag);

		if (wrong != NULL)
			return wrong;
		if (tag == FDT_END)
			return depth == 0 && roots == 1 ? NULL : "a node is not closed";
		if (tag == FDT_BEGIN_NODE &&
		    (depth++ == DEVTREE_MAX_DEPTH || (depth == 1 && roots++)))
			return "its nodes are too deep, or there is more than one root";
		if (tag == FDT_END_NODE && depth-- == 0)
			return "a node is closed that is not open";
		if (tag == FDT_PROP && (depth == 0 || last == FDT_END_NODE))
			return "a property outside a node, or behind its subnodes";
		last = tag == FDT_NOP ? last : tag;
	}
}

static const char *devtree_check(const void *data, size_t len)
{
	struct devtree_blob b;
	const char *wrong = devtree_check_header(&b, data, len);

	if (wrong == NULL)
		wrong = devtree_check_reserve(&b);
	return wrong != NULL ? wrong : devtree_check_structure(&b);
}

/* ---- properties ---- */

/* NULL: there is none. */
static const uint8_t *devtree_prop(const struct devtree *dt, int node, const char *name, int *len)
{
	return fdt_getprop(dt->fdt, node, name, len);
}

static bool devtree_has(const struct devtree *dt, int node, const char *name)
{
	int len;

	return devtree_prop(dt, node, name, &len) != NULL;
}

/* Whether the string property @name is @value. */
static bool devtree_is(const struct devtree *dt, int node, const char *name, const char *value)
{
	int len;
	const uint8_t *p = devtree_prop(dt, node, name, &len);

	return p != NULL && (size_t)len == strlen(value) + 1 && memcmp(p, value, (size_t)len) == 0;
}

/* Whether the bytes of @name hold @word. */
static bool devtree_holds(const struct devtree *dt, int node, const char *name, const char *word)
{
	int len;
	const uint8_t *p = devtree_prop(dt, node, name, &len);

	return p != NULL && memmem(p, (size_t)len, word, strlen(word)) != NULL;
}

static bool devtree_available(const struct devtree *dt, int node)
{
	return !devtree_has(dt, node, "status") || devtree_is(dt, node, "status", "okay") ||
	       devtree_is(dt, node, "status", "ok");
}

/* *v of a property of exactly @cells cells; *found: there is one. False: an error was reported. */
static bool devtree_number(struct devtree *dt, int node, const char *name, int cells, uint64_t *v,
			   bool *found)
{
	int len;
	const uint8_t *p = devtree_prop(dt, node, name, &len);

	*found = p != NULL;
	if (p == NULL)
		return true;
	if (len != cells * 4)
		return devtree_bad(dt, node, "%s has %d bytes, expected %d", name, len, cells * 4);
	*v = devtree_cells(p, cells);
	return true;
}

/* Ranges of addresses and sizes in property @name. */
struct devtree_ranges {
	const uint8_t *p;
	int nr;
};

/* False: an error was reported. No property: no ranges. */
static bool devtree_ranges(struct devtree *dt, int node, const char *name,
			   struct devtree_ranges *ranges)
{
	int unit = (dt->address_cells + dt->size_cells) * 4, len;

	*ranges = (struct devtree_ranges){.p = devtree_prop(dt, node, name, &len)};
	if (ranges->p == NULL)
		return true;
	if (len % unit != 0)
		return devtree_bad(dt, node, "%s has %d bytes, expected a multiple of %d", name,
				   len, unit);
	ranges->nr = len / unit;
	return true;
}

/* Range @i; an empty one has *start == *end. False: an error was reported. */
static bool devtree_range(struct devtree *dt, int node, const char *name,
			  const struct devtree_ranges *ranges, int i, uint64_t *start,
			  uint64_t *end)
{
	const uint8_t *p = ranges->p + (ptrdiff_t)i * (dt->address_cells + dt->size_cells) * 4;
	uint64_t size = devtree_cells(p + dt->address_cells * 4, dt->size_cells);

	*start = devtree_cells(p, dt->address_cells);
	if (__builtin_add_overflow(*start, size, end))
		return devtree_bad(dt, node,
				   "%s: %#" PRIx64 " bytes at %#" PRIx64
				   " end beyond the address space",
				   name, size, *start);
	if (++dt->map->nr_ranges > MAP_MAX_RANGES)
		return devtree_bad(dt, node, "more than %d ranges, expected fewer", MAP_MAX_RANGES);
	return true;
}

/*
 * "numa-node-id"; *nid is -1 without one, and of a node more than there can be. False: an error was
 * reported.
 */
static bool devtree_node_id(struct devtree *dt, int node, int *nid)
{
	uint64_t v = 0;
	bool found;

	if (!devtree_number(dt, node, "numa-node-id", 1, &v, &found))
		return false;
	if (found && v >= QUARRY_MAX_NODES)
		devtree_warn(dt, node, "numa-node-id %" PRIu64 " exceeds the largest, %d: no node",
			     v, QUARRY_MAX_NODES - 1);
	*nid = found && v < QUARRY_MAX_NODES ? (int)v : -1;
	return true;
}

/* ---- /memory ---- */

#define DEVTREE_GROW(array, nr, cap)                                          \
	do {                                                                  \
		if ((nr) == (cap)) {                                          \
			(cap) = (cap) ? (cap)*2 : 32;                         \
			(array) = xrealloc((array), (cap), sizeof(*(array))); \
		}                                                             \
	} while (0)

static bool devtree_memory(struct devtree *dt, int node)
{
	/* A boot loader that knows better writes the former. */
	const char *name =
		devtree_has(dt, node, "linux,usable-memory") ? "linux,usable-memory" : "reg";
	struct map *map = dt->map;
	struct map_srat s = {.hotplug = devtree_has(dt, node, "hotpluggable")};
	struct devtree_ranges ranges;
	int i, nid;

	if (!devtree_ranges(dt, node, name, &ranges) || !devtree_node_id(dt, node, &nid))
		return false;
	if (ranges.nr == 0)
		devtree_warn(dt, node, "memory without a %s, passed over", name);
	for (i = 0; i < ranges.nr; i++) {
		if (!devtree_range(dt, node, name, &ranges, i, &s.start, &s.end))
			return false;
		if (s.start == s.end)
			continue;
		map_table_add(&map->by_source[MAP_SOURCE_DEVICETREE], s.start, s.end, MAP_RAM, 0);
		if (s.hotplug)
			map_table_add(&map->hotplug, s.start, s.end, MAP_RAM, 0);
		dt->nr_without_node += nid < 0;
		s.nid = nid;
		DEVTREE_GROW(map->srat, map->nr_srat, map->cap_srat);
		map->srat[map->nr_srat++] = s;
	}
	return true;
}

static int devtree_srat_cmp(const void *a, const void *b)
{
	const struct map_srat *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Overlaps: within a node they say the same twice, between nodes they make no sense. */
static bool devtree_check_memory(struct devtree *dt)
{
	struct map *map = dt->map;
	struct map_srat *s = map->srat;
	size_t i, top = 0;

	if (map->nr_srat > 1)
		qsort(s, map->nr_srat, sizeof(*s), devtree_srat_cmp);
	for (i = 1; i < map->nr_srat; i++) {
		if (s[i].start < s[top].end) {
			if (s[i].nid != s[top].nid)
				return devtree_bad(dt, -1,
						   "[mem 0x%016" PRIx64 "-0x%016" PRIx64
						   "] of node %d overlaps memory of node %d",
						   s[i].start, s[i].end - 1, s[i].nid, s[top].nid);
			devtree_warn(dt, -1,
				     "[mem 0x%016" PRIx64 "-0x%016" PRIx64
				     "] overlaps other memory; joined",
				     s[i].start, s[i].end - 1);
		}
		if (s[i].end > s[top].end)
			top = i;
	}
	map_table_update(&map->by_source[MAP_SOURCE_DEVICETREE], map->path, NULL);
	return true;
}

/* Whether nodes are believed at all: as in Linux, all memory must have one, or none counts. */
static void devtree_settle_nodes(struct devtree *dt)
{
	struct map *map = dt->map;
	size_t i;

	if (dt->nr_without_node != 0) {
		if (dt->nr_without_node != map->nr_srat)
			devtree_warn(dt, -1,
				     "%zu of %zu ranges of memory have no numa-node-id; NUMA is "
				     "off",
				     dt->nr_without_node, map->nr_srat);
		map->nr_srat = 0;
		map->nr_cpu_nodes = 0;
	}
	/* As on arm64, a CPU that names none is on node 0. */
	for (i = 0; i < map->nr_cpu_nodes; i++)
		if (map->cpu_node[i] < 0)
			map->cpu_node[i] = 0;
}

/* ---- /reserved-memory and /memreserve/ ---- */

static bool devtree_memreserve(struct devtree *dt)
{
	int i, n = fdt_num_mem_rsv(dt->fdt);
	uint64_t start, size, end;

	for (i = 0; i < n; i++) {
		if (fdt_get_mem_rsv(dt->fdt, i, &start, &size) != 0)
			return devtree_bad(dt, -1, "/memreserve/: entry %d is damaged", i);
		if (__builtin_add_overflow(start, size, &end))
			return devtree_bad(dt, -1,
					   "/memreserve/: %#" PRIx64 " bytes at %#" PRIx64
					   " end beyond the address space",
					   size, start);
		if (++dt->map->nr_ranges > MAP_MAX_RANGES)
			return devtree_bad(dt, -1, "more than %d ranges, expected fewer",
					   MAP_MAX_RANGES);
		map_table_add(&dt->map->reserve, start, end, MAP_RESERVE_OTHER, 0);
	}
	return true;
}

static void devtree_add_resmem(struct map *map, const struct map_resmem *r)
{
	DEVTREE_GROW(map->resmem, map->nr_resmem, map->cap_resmem);
	map->resmem[map->nr_resmem++] = *r;
}

/* A region whose place the kernel chooses. */
static bool devtree_dynamic(struct devtree *dt, int node, struct map_resmem *r)
{
	struct devtree_ranges ranges;
	uint64_t start, end;
	bool has_size, has_align;
	int i;

	if (!devtree_number(dt, node, "size", dt->size_cells, &r->size, &has_size) ||
	    !devtree_number(dt, node, "alignment", dt->size_cells, &r->align, &has_align) ||
	    !devtree_ranges(dt, node, "alloc-ranges", &ranges))
		return false;
	if (!has_size || r->size == 0) {
		devtree_warn(dt, node, "neither reg nor a size, passed over");
		return true;
	}
	if (has_align && (r->align & (r->align - 1)) != 0)
		return devtree_bad(dt, node, "alignment %#" PRIx64 ", expected a power of two",
				   r->align);
	r->dynamic = true;
	r->first_range = dt->map->alloc_ranges.nr;
	for (i = 0; i < ranges.nr; i++) {
		if (!devtree_range(dt, node, "alloc-ranges", &ranges, i, &start, &end))
			return false;
		map_table_add(&dt->map->alloc_ranges, start, end, 0, 0);
	}
	r->nr_ranges = dt->map->alloc_ranges.nr - r->first_range;
	if (ranges.nr > 0 && r->nr_ranges == 0)
		return devtree_bad(dt, node, "all its alloc-ranges are empty");
	devtree_add_resmem(dt->map, r);
	return true;
}

static bool devtree_resmem(struct devtree *dt, int node)
{
	const char *name = fdt_get_name(dt->fdt, node, NULL);
	bool nomap = devtree_has(dt, node, "no-map"), reusable = devtree_has(dt, node, "reusable");
	struct map_resmem r = {.kind = nomap ? MAP_RESMEM_NOMAP : MAP_RESMEM_RESERVED};
	struct devtree_ranges ranges;
	int i;

	snprintf(r.name, sizeof(r.name), "%s", name != NULL ? name : "");
	devtree_clean(r.name);
	if (nomap && reusable)
		return devtree_bad(dt, node, "no-map and reusable exclude each other");
	if (reusable && fdt_node_check_compatible(dt->fdt, node, "shared-dma-pool") == 0) {
		r.kind = MAP_RESMEM_CMA;
		r.cma_default = devtree_has(dt, node, "linux,cma-default");
	}
	if (!devtree_has(dt, node, "reg"))
		return devtree_dynamic(dt, node, &r);
	if (!devtree_ranges(dt, node, "reg", &ranges))
		return false;
	for (i = 0; i < ranges.nr; i++) {
		if (!devtree_range(dt, node, "reg", &ranges, i, &r.start, &r.end))
			return false;
		if (r.start != r.end)
			devtree_add_resmem(dt->map, &r);
	}
	return true;
}

/* Of /reserved-memory: addresses there must be the root's. */
static bool devtree_same_cells(struct devtree *dt, int node)
{
	uint64_t a = 0, s = 0;
	bool has_a, has_s;

	if (!devtree_number(dt, node, "#address-cells", 1, &a, &has_a) ||
	    !devtree_number(dt, node, "#size-cells", 1, &s, &has_s))
		return false;
	if (!has_a || !has_s || a != (uint64_t)dt->address_cells || s != (uint64_t)dt->size_cells)
		return devtree_bad(dt, node,
				   "#address-cells and #size-cells differ from the root's, %d and "
				   "%d",
				   dt->address_cells, dt->size_cells);
	if (!devtree_has(dt, node, "ranges"))
		return devtree_bad(dt, node, "no ranges property, expected an empty one");
	return true;
}

/* Says of fixed regions that overlap: Linux takes both. */
static int devtree_resmem_cmp(const void *a, const void *b)
{
	const struct map_resmem *x = *(const struct map_resmem *const *)a;
	const struct map_resmem *y = *(const struct map_resmem *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static void devtree_check_resmem(struct devtree *dt)
{
	const struct map *map = dt->map;
	const struct map_resmem **list = xcalloc(map->nr_resmem, sizeof(struct map_resmem *));
	const struct map_resmem *top = NULL;
	size_t i, n = 0;

	for (i = 0; i < map->nr_resmem; i++)
		if (!map->resmem[i].dynamic)
			list[n++] = &map->resmem[i];
	qsort(list, n, sizeof(struct map_resmem *), devtree_resmem_cmp);
	for (i = 0; i < n; i++) {
		if (top != NULL && list[i]->start < top->end)
			devtree_warn(dt, -1,
				     "/reserved-memory: %s (0x%" PRIx64 "-0x%" PRIx64
				     ") overlaps %s (0x%" PRIx64 "-0x%" PRIx64 ")",
				     list[i]->name, list[i]->start, list[i]->end - 1, top->name,
				     top->start, top->end - 1);
		if (top == NULL || list[i]->end > top->end)
			top = list[i];
	}
	free(list);
}

static bool devtree_reserved_memory(struct devtree *dt, int node)
{
	int child;

	if (!devtree_same_cells(dt, node))
		return false;
	fdt_for_each_subnode(child, dt->fdt, node) if (devtree_available(dt, child) &&
						       !devtree_resmem(dt, child)) return false;
	devtree_check_resmem(dt);
	return true;
}

/* ---- /cpus, distance-map, /chosen ---- */

static bool devtree_cpu(struct devtree *dt, int node)
{
	struct map *map = dt->map;
	int nid;

	dt->riscv = dt->riscv || devtree_has(dt, node, "riscv,isa") ||
		    devtree_has(dt, node, "riscv,isa-base") ||
		    devtree_holds(dt, node, "compatible", "riscv");
	dt->arm = dt->arm || devtree_holds(dt, node, "compatible", "arm,");
	if (!devtree_node_id(dt, node, &nid))
		return false;
	if (++dt->nr_cpus > QUARRY_MAX_CPUS)
		return devtree_bad(dt, node, "more than %d CPUs, expected fewer", QUARRY_MAX_CPUS);
	DEVTREE_GROW(map->cpu_node, map->nr_cpu_nodes, map->cap_cpu_nodes);
	map->cpu_node[map->nr_cpu_nodes++] = nid;
	return true;
}

static bool devtree_cpus(struct devtree *dt, int cpus)
{
	int node;

	fdt_for_each_subnode(node, dt->fdt, cpus) if (devtree_is(dt, node, "device_type", "cpu") &&
						      devtree_available(dt, node) &&
						      !devtree_cpu(dt, node)) return false;
	return true;
}

/* Triples of from, to, distance; the way back is as long, unless a later triple says otherwise. */
static bool devtree_distances(struct devtree *dt)
{
	int node = fdt_node_offset_by_compatible(dt->fdt, -1, "numa-distance-map-v1"), len, i;
	const uint8_t *p;

	if (node < 0)
		return true;
	p = devtree_prop(dt, node, "distance-matrix", &len);
	if (p == NULL || len == 0 || len % 12 != 0)
		return devtree_bad(dt, node,
				   "distance-matrix has %d bytes, expected a multiple of 12",
				   p != NULL ? len : 0);
	for (i = 0; i < len; i += 12) {
		uint32_t a = devtree_be32(p + i), b = devtree_be32(p + i + 4);
		uint32_t d = devtree_be32(p + i + 8);

		if (a >= QUARRY_MAX_NODES || b >= QUARRY_MAX_NODES) {
			devtree_warn(dt, node,
				     "node %" PRIu32 " exceeds the largest, %d: passed over",
				     a >= QUARRY_MAX_NODES ? a : b, QUARRY_MAX_NODES - 1);
			continue;
		}
		if (a == b ? d != 10 : d <= 10 || d > UINT8_MAX)
			return devtree_bad(dt, node,
					   "distance %" PRIu32 " from node %" PRIu32
					   " to node %" PRIu32 ", expected %s",
					   d, a, b, a == b ? "10" : "11 to 255");
		map_set_distance(dt->map, (int)a, (int)b, (uint8_t)d);
		if (b > a)
			map_set_distance(dt->map, (int)b, (int)a, (uint8_t)d);
	}
	return true;
}

/* An address in /chosen, of one or two cells as its writer liked. */
static bool devtree_address(struct devtree *dt, int node, const char *name, uint64_t *v,
			    bool *found)
{
	int len;
	const uint8_t *p = devtree_prop(dt, node, name, &len);

	*found = p != NULL;
	if (p == NULL)
		return true;
	if (len != 4 && len != 8)
		return devtree_bad(dt, node, "%s has %d bytes, expected 4 or 8", name, len);
	*v = devtree_cells(p, len / 4);
	return true;
}

static bool devtree_chosen(struct devtree *dt, int node)
{
	struct map *map = dt->map;
	struct devtree_ranges ranges;
	uint64_t start = 0, end = 0;
	bool has_start, has_end;
	const uint8_t *args;
	int i, len;

	if (!devtree_address(dt, node, "linux,initrd-start", &start, &has_start) ||
	    !devtree_address(dt, node, "linux,initrd-end", &end, &has_end))
		return false;
	if (has_start && has_end && start > end)
		return devtree_bad(dt, node,
				   "linux,initrd-end %#" PRIx64 " lies below linux,initrd-start "
				   "%#" PRIx64,
				   end, start);
	if (has_start && has_end)
		map_table_add(&map->reserve, start, end, MAP_RESERVE_RAMDISK, 0);
	if (!devtree_ranges(dt, node, "linux,usable-memory-range", &ranges))
		return false;
	for (i = 0; i < ranges.nr; i++) {
		if (!devtree_range(dt, node, "linux,usable-memory-range", &ranges, i, &start, &end))
			return false;
		map_table_add(&map->usable, start, end, MAP_RAM, 0);
	}
	if (ranges.nr > 0 && (map->usable.nr == 0 || ranges.nr > DEVTREE_MAX_USABLE))
		return devtree_bad(dt, node,
				   "linux,usable-memory-range has %d ranges and %zu that are not "
				   "empty, expected 1 or 2",
				   ranges.nr, map->usable.nr);
	args = devtree_prop(dt, node, "bootargs", &len);
	if (args != NULL && len > 1) {
		map->cmdline = xstrndup((const char *)args, (size_t)len);
		devtree_clean(map->cmdline);
	}
	return true;
}

/* ---- the whole ---- */

static bool devtree_root_cells(struct devtree *dt)
{
	uint64_t a = 1, s = 1; /* Linux's defaults for a root that says nothing */
	bool found;

	if (!devtree_number(dt, 0, "#address-cells", 1, &a, &found) ||
	    !devtree_number(dt, 0, "#size-cells", 1, &s, &found))
		return false;
	if (a < 1 || a > 2 || s < 1 || s > 2)
		return devtree_bad(dt, 0,
				   "#address-cells is %" PRIu64 " and #size-cells %" PRIu64
				   ", expected 1 or 2",
				   a, s);
	dt->address_cells = (int)a;
	dt->size_cells = (int)s;
	return true;
}

static bool devtree_child(struct devtree *dt, int node)
{
	const char *name = fdt_get_name(dt->fdt, node, NULL);

	if (name == NULL)
		return true;
	if (devtree_is(dt, node, "device_type", "memory"))
		return !devtree_available(dt, node) || devtree_memory(dt, node);
	if (strcmp(name, "memory") == 0 || strncmp(name, "memory@", 7) == 0)
		devtree_warn(dt, node, "no device_type = \"memory\", passed over");
	if (strcmp(name, "reserved-memory") == 0)
		return devtree_reserved_memory(dt, node);
	if (strcmp(name, "cpus") == 0)
		return devtree_cpus(dt, node);
	if (strcmp(name, "chosen") == 0)
		return devtree_chosen(dt, node);
	return true;
}

/* The tree's own words first, then those of whoever named or described the file. */
static enum map_arch devtree_arch(const struct devtree *dt)
{
	const struct map *map = dt->map;
	const char *slash = strrchr(map->path, '/');

	if (dt->riscv || devtree_holds(dt, 0, "compatible", "riscv"))
		return MAP_ARCH_RISCV64;
	if (dt->arm)
		return MAP_ARCH_ARM64;
	if (strcasestr(slash != NULL ? slash : map->path, "riscv") != NULL ||
	    (map->title != NULL && strcasestr(map->title, "riscv") != NULL))
		return MAP_ARCH_RISCV64;
	return MAP_ARCH_ARM64;
}

static bool devtree_read(struct devtree *dt)
{
	struct map *map = dt->map;
	const uint8_t *model;
	int node, len;

	if (!devtree_root_cells(dt) || !devtree_memreserve(dt))
		return false;
	model = devtree_prop(dt, 0, "model", &len);
	if (map->title == NULL && model != NULL && len > 1) {
		map->title = xstrndup((const char *)model, (size_t)len);
		devtree_clean(map->title);
	}
	fdt_for_each_subnode(node, dt->fdt, 0) if (!devtree_child(dt, node)) return false;
	if (!devtree_distances(dt))
		return false;
	if (map->by_source[MAP_SOURCE_DEVICETREE].nr == 0)
		return devtree_bad(dt, -1,
				   "no memory in this devicetree, expected a node with device_type "
				   "= \"memory\" and a reg");
	if (!devtree_check_memory(dt))
		return false;
	devtree_settle_nodes(dt);
	map->source = MAP_SOURCE_DEVICETREE;
	map->arch = devtree_arch(dt);
	map->logged_cpus = (unsigned int)dt->nr_cpus;
	return true;
}

int devtree_parse(struct map *map, const void *blob, size_t len, struct diag *diag)
{
	struct devtree dt = {.map = map, .diag = diag};
	const char *wrong = devtree_check(blob, len);
	void *copy = NULL;
	bool ok;

	if (wrong == NULL) {
		/* libfdt wants it aligned. */
		copy = xmalloc(len);
		memcpy(copy, blob, len);
		if (fdt_check_header(copy) != 0)
			wrong = "libfdt does not understand its header";
	}
	if (wrong != NULL) {
		free(copy);
		diag_error(diag, map->path, 0, "the devicetree blob is damaged: %s", wrong);
		return CLI_INPUT;
	}
	dt.fdt = copy;
	ok = devtree_read(&dt);
	free(copy);
	return ok ? CLI_OK : CLI_INPUT;
}
