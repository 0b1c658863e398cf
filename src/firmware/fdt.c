/* SPDX-License-Identifier: MIT */
/*
 * Flattened devicetrees: the structure, nodes and properties.
 *
 * Problem    A tree comes from a boot loader that may have patched it, cut it off, or made it up. It is
 *            read where it lies, without a table of nodes, for there is no memory to make one in.
 *
 * Form       Big-endian. A header of 40 bytes says where three blocks lie: the list of reservations,
 *            pairs of 64 bits that end with a size of 0; the structure, a row of tags of 32 bits; and strings,
 *            the names of properties.
 *
 *            BEGIN_NODE name  PROP length name-offset bytes  ... BEGIN_NODE ... END_NODE  END_NODE END
 *
 * Invariant  fdt_open() walks the whole structure once. After it, every tag, name and property lies
 *            in its block, nodes are closed, there is one root and an end: what walks later needs no
 *            checks but of the lengths of values.
 *
 * Cost       A search looks at each tag before what it finds: O(bytes).
 */
#include "fdt.h"

#define FDT_MAGIC 0xd00dfeedu
#define FDT_HEADER 40u
#define FDT_MAX_SIZE 0x7fffffffu
#define FDT_MAX_DEPTH 64u

enum fdt_tag {
	FDT_BEGIN_NODE = 1,
	FDT_END_NODE = 2,
	FDT_PROP = 3,
	FDT_NOP = 4,
	FDT_END = 9,
};

/* ---- the structure ---- */

static uint32_t fdt_tag(const struct fdt *t, uint32_t at)
{
	return firmware_be32(t->data + at);
}

/* Bytes of the text at @at, its 0 included; 0: it does not end before @end. */
static uint32_t fdt_text(const struct fdt *t, uint32_t at, uint32_t end)
{
	for (uint32_t i = at; i < end; i++)
		if (t->data[i] == '\0')
			return i + 1 - at;
	return 0;
}

/* Where the tag after the one at @at stands; 0: this one is damaged, or does not end. */
static uint32_t fdt_check_tag(const struct fdt *t, uint32_t at)
{
	uint64_t next = (uint64_t)at + 4;
	uint32_t n, name;

	switch (fdt_tag(t, at)) {
	case FDT_BEGIN_NODE:
		n = fdt_text(t, at + 4, t->structure_end);
		if (n == 0)
			return 0;
		next += n;
		break;
	case FDT_PROP:
		if (t->structure_end - at < 12)
			return 0;
		next += 8 + (uint64_t)firmware_be32(t->data + at + 4);
		name = firmware_be32(t->data + at + 8);
		if (name >= t->strings_end - t->strings)
			return 0;
		break;
	case FDT_END_NODE:
	case FDT_NOP:
	case FDT_END:
		break;
	default:
		return 0;
	}
	next = (next + 3) & ~(uint64_t)3;
	return next <= t->structure_end ? (uint32_t)next : 0;
}

/* One root, each node closed, properties before nodes, an end. */
static int fdt_check_structure(const struct fdt *t)
{
	uint32_t at = t->structure, next, tag, last = FDT_NOP;
	unsigned int depth = 0, roots = 0;

	for (;; at = next) {
		if (at >= t->structure_end || t->structure_end - at < 4)
			return firmware_fail(t->q, -QUARRY_ERANGE,
					     "fdt: the structure does not end within its %u bytes",
					     t->structure_end - t->structure);
		next = fdt_check_tag(t, at);
		tag = fdt_tag(t, at);
		if (next == 0 || (tag == FDT_END_NODE && depth == 0) ||
		    (tag == FDT_PROP && (depth == 0 || last == FDT_END_NODE)) ||
		    (tag == FDT_BEGIN_NODE &&
		     (depth == FDT_MAX_DEPTH || (depth == 0 && roots != 0))))
			return firmware_fail(
				t->q, -QUARRY_EINVAL,
				"fdt: the tag at offset 0x%x is damaged or out of place", at);
		if (tag == FDT_END)
			break;
		roots += tag == FDT_BEGIN_NODE && depth == 0;
		depth += tag == FDT_BEGIN_NODE;
		depth -= tag == FDT_END_NODE;
		last = tag == FDT_NOP ? last : tag;
	}
	if (depth != 0 || roots == 0)
		return firmware_fail(t->q, -QUARRY_EINVAL, "fdt: %s",
				     roots == 0 ? "no root node" : "a node is not closed");
	return 0;
}

static int fdt_check_reserve(const struct fdt *t)
{
	for (uint32_t at = t->reserve; at <= t->size && t->size - at >= 16; at += 16)
		if (firmware_be64(t->data + at + 8) == 0)
			return 0;
	return firmware_fail(t->q, -QUARRY_ERANGE, "fdt: the list of reservations does not end");
}

/* Whether @size bytes at @at lie in the blob behind its header. */
static bool fdt_inside(const struct fdt *t, uint32_t at, uint32_t size)
{
	return at >= FDT_HEADER && at <= t->size && size <= t->size - at;
}

static int fdt_check_header(struct fdt *t, size_t max)
{
	const uint8_t *h = t->data;
	uint32_t structure_size, strings_size;

	if (max < FDT_HEADER)
		return firmware_fail(t->q, -QUARRY_ERANGE,
				     "fdt: %zu bytes, expected a header of %u", max, FDT_HEADER);
	if (firmware_be32(h) != FDT_MAGIC)
		return firmware_fail(t->q, -QUARRY_EINVAL, "fdt: magic 0x%x, expected 0x%x",
				     firmware_be32(h), FDT_MAGIC);
	t->size = firmware_be32(h + 4);
	if (t->size > max || t->size < FDT_HEADER || t->size > FDT_MAX_SIZE)
		return firmware_fail(t->q, -QUARRY_ERANGE, "fdt: size 0x%x, expected at most 0x%zx",
				     t->size, max);
	if (firmware_be32(h + 20) < 17 || firmware_be32(h + 24) > 17)
		return firmware_fail(t->q, -QUARRY_EINVAL,
				     "fdt: version %u, compatible with %u, expected 17",
				     firmware_be32(h + 20), firmware_be32(h + 24));
	t->structure = firmware_be32(h + 8);
	t->strings = firmware_be32(h + 12);
	t->reserve = firmware_be32(h + 16);
	strings_size = firmware_be32(h + 32);
	structure_size = firmware_be32(h + 36);
	if (!fdt_inside(t, t->structure, structure_size) ||
	    !fdt_inside(t, t->strings, strings_size) || !fdt_inside(t, t->reserve, 16))
		return firmware_fail(t->q, -QUARRY_ERANGE,
				     "fdt: a block lies outside its 0x%x bytes", t->size);
	if (t->structure % 4 != 0 || t->reserve % 8 != 0)
		return firmware_fail(t->q, -QUARRY_EINVAL, "fdt: a block is not aligned");
	t->structure_end = t->structure + structure_size;
	/* A name that begins in the block ends in it: what follows the last 0 is left out. */
	t->strings_end = t->strings + strings_size;
	while (t->strings_end > t->strings && t->data[t->strings_end - 1] != '\0')
		t->strings_end--;
	return 0;
}

int fdt_open(struct fdt *t, struct quarry *q, const void *blob, size_t max)
{
	int err;

	*t = (struct fdt){.q = q, .data = blob};
	err = fdt_check_header(t, max);
	if (err == 0)
		err = fdt_check_reserve(t);
	return err == 0 ? fdt_check_structure(t) : err;
}

int quarry_firmware_fdt_check(struct quarry *q, const void *blob, size_t max)
{
	struct fdt t;

	return fdt_open(&t, q, blob, max);
}

/* ---- nodes ---- */

static uint32_t fdt_skip(const struct fdt *t, uint32_t at)
{
	uint32_t n = 4;

	if (fdt_tag(t, at) == FDT_BEGIN_NODE)
		n += fdt_text(t, at + 4, t->structure_end);
	else if (fdt_tag(t, at) == FDT_PROP)
		n += 8 + firmware_be32(t->data + at + 4);
	return at + (uint32_t)bits_align_up(n, 4);
}

/* The first tag from @at on that begins or ends a node, or ends all. */
static uint32_t fdt_edge(const struct fdt *t, uint32_t at)
{
	while (fdt_tag(t, at) == FDT_PROP || fdt_tag(t, at) == FDT_NOP)
		at = fdt_skip(t, at);
	return at;
}

uint32_t fdt_root(const struct fdt *t)
{
	return fdt_edge(t, t->structure);
}

uint32_t fdt_child(const struct fdt *t, uint32_t node)
{
	uint32_t at = fdt_edge(t, fdt_skip(t, node));

	return fdt_tag(t, at) == FDT_BEGIN_NODE ? at : 0;
}

uint32_t fdt_sibling(const struct fdt *t, uint32_t node)
{
	unsigned int depth = 1;
	uint32_t at = node;

	while (depth != 0) {
		at = fdt_edge(t, fdt_skip(t, at));
		depth = fdt_tag(t, at) == FDT_BEGIN_NODE ? depth + 1 : depth - 1;
	}
	at = fdt_edge(t, fdt_skip(t, at));
	return fdt_tag(t, at) == FDT_BEGIN_NODE ? at : 0;
}

uint32_t fdt_following(const struct fdt *t, uint32_t node)
{
	uint32_t at = fdt_edge(t, fdt_skip(t, node));

	while (fdt_tag(t, at) == FDT_END_NODE)
		at = fdt_edge(t, fdt_skip(t, at));
	return fdt_tag(t, at) == FDT_BEGIN_NODE ? at : 0;
}

const char *fdt_node_name(const struct fdt *t, uint32_t node)
{
	return (const char *)t->data + node + 4;
}

uint32_t fdt_named_child(const struct fdt *t, uint32_t node, const char *name, size_t length)
{
	uint32_t child;

	for (child = fdt_child(t, node); child != 0; child = fdt_sibling(t, child)) {
		const char *s = fdt_node_name(t, child);

		if (fdt_length(s) >= length && quarry_memcmp(s, name, length) == 0 &&
		    (s[length] == '\0' || s[length] == '@'))
			break;
	}
	return child;
}

/* ---- properties ---- */

struct fdt_property fdt_get(const struct fdt *t, uint32_t node, const char *name)
{
	uint32_t at = fdt_skip(t, node);

	for (; fdt_tag(t, at) == FDT_PROP || fdt_tag(t, at) == FDT_NOP; at = fdt_skip(t, at)) {
		const uint8_t *p = t->data + at;

		if (fdt_tag(t, at) == FDT_PROP &&
		    fdt_same((const char *)t->data + t->strings + firmware_be32(p + 8), name))
			return (struct fdt_property){p + 12, firmware_be32(p + 4)};
	}
	return (struct fdt_property){NULL, 0};
}

bool fdt_has(const struct fdt *t, uint32_t node, const char *name)
{
	return fdt_get(t, node, name).data != NULL;
}

bool fdt_is(const struct fdt *t, uint32_t node, const char *name, const char *value)
{
	struct fdt_property p = fdt_get(t, node, name);
	uint32_t length = fdt_length(value) + 1, at = 0, n;

	while (at < p.size) {
		for (n = 0; at + n < p.size && p.data[at + n] != '\0'; n++)
			;
		if (at + n < p.size && n + 1 == length &&
		    quarry_memcmp(p.data + at, value, length) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

bool fdt_available(const struct fdt *t, uint32_t node)
{
	return !fdt_has(t, node, "status") || fdt_is(t, node, "status", "okay") ||
	       fdt_is(t, node, "status", "ok");
}

int fdt_number(const struct fdt *t, uint32_t node, const char *name, unsigned int cells,
	       uint64_t *v, bool *found)
{
	struct fdt_property p = fdt_get(t, node, name);

	*found = p.data != NULL;
	if (p.data == NULL)
		return 0;
	if (p.size != cells * 4)
		return firmware_fail(t->q, -QUARRY_EINVAL, "fdt: %s: %s has %u bytes, expected %u",
				     fdt_node_name(t, node), name, p.size, cells * 4);
	*v = fdt_value(p.data, cells);
	return 0;
}

int fdt_cells(const struct fdt *t, uint32_t node, uint32_t *a, uint32_t *s)
{
	uint64_t address = *a, size = *s;
	bool found;
	int err = fdt_number(t, node, "#address-cells", 1, &address, &found);

	if (err == 0)
		err = fdt_number(t, node, "#size-cells", 1, &size, &found);
	if (err == 0 && (address > 2 || size > 2))
		err = firmware_fail(t->q, -QUARRY_EINVAL,
				    "fdt: %s: #address-cells or #size-cells is above 2",
				    fdt_node_name(t, node));
	if (err == 0) {
		*a = (uint32_t)address;
		*s = (uint32_t)size;
	}
	return err;
}

int fdt_node_id(const struct fdt *t, uint32_t node, int *nid)
{
	uint64_t v = 0;
	bool found;
	int err = fdt_number(t, node, "numa-node-id", 1, &v, &found);

	if (err == 0 && found && v >= QUARRY_MAX_NODES)
		return firmware_fail(t->q, -QUARRY_EINVAL,
				     "fdt: %s: numa-node-id %llu, expected a number below %d",
				     fdt_node_name(t, node), (unsigned long long)v,
				     QUARRY_MAX_NODES);
	*nid = found ? (int)v : QUARRY_NO_NODE;
	return err;
}

/* ---- by path ---- */

const void *quarry_firmware_fdt_property(struct quarry *q, const void *blob, size_t max,
					 const char *path, const char *name, size_t *size)
{
	struct fdt_property p = {NULL, 0};
	struct fdt t;
	uint32_t node;

	if (fdt_open(&t, q, blob, max) != 0)
		return NULL;
	node = fdt_root(&t);
	while (node != 0 && *path != '\0') {
		size_t n = 0;

		while (path[n] != '\0' && path[n] != '/')
			n++;
		if (n != 0)
			node = fdt_named_child(&t, node, path, n);
		path += n + (path[n] == '/');
	}
	if (node != 0)
		p = fdt_get(&t, node, name);
	if (size != NULL)
		*size = p.size;
	return p.data;
}
