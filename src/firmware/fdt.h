/* SPDX-License-Identifier: MIT */
/* A flattened devicetree whose structure was checked. A node is the offset of its first tag; 0: none. */
#ifndef QUARRY_FIRMWARE_FDT_H
#define QUARRY_FIRMWARE_FDT_H

#include "internal.h"

struct fdt {
	struct quarry *q;
	const uint8_t *data;
	uint32_t size; /* of the whole */
	uint32_t structure, structure_end;
	uint32_t strings, strings_end;
	uint32_t reserve; /* the list of reservations, which ends */
};

/* One property. Not found: @data is NULL. */
struct fdt_property {
	const uint8_t *data;
	uint32_t size;
};

/* Checks header, list of reservations and structure. 0, or an error that was logged. */
int fdt_open(struct fdt *t, struct quarry *q, const void *blob, size_t max);

uint32_t fdt_root(const struct fdt *t);
/* The first node below @node, and the next one below the same parent. */
uint32_t fdt_child(const struct fdt *t, uint32_t node);
uint32_t fdt_sibling(const struct fdt *t, uint32_t node);
/* The next node in the order of the blob, at any depth. */
uint32_t fdt_following(const struct fdt *t, uint32_t node);
/* The child of @node of that name, or of that name before its "@address". */
uint32_t fdt_named_child(const struct fdt *t, uint32_t node, const char *name, size_t length);
const char *fdt_node_name(const struct fdt *t, uint32_t node);

struct fdt_property fdt_get(const struct fdt *t, uint32_t node, const char *name);
bool fdt_has(const struct fdt *t, uint32_t node, const char *name);
/* Whether the property is the text @value, or a list of texts that has it. */
bool fdt_is(const struct fdt *t, uint32_t node, const char *name, const char *value);
/* Not disabled by its status. */
bool fdt_available(const struct fdt *t, uint32_t node);

/* A property of exactly @cells cells, 1 or 2, goes to *@v; *@found: there is one. */
int fdt_number(const struct fdt *t, uint32_t node, const char *name, unsigned int cells,
	       uint64_t *v, bool *found);
/* #address-cells and #size-cells of @node, @a and @s where it does not say; each at most 2. */
int fdt_cells(const struct fdt *t, uint32_t node, uint32_t *a, uint32_t *s);
/* numa-node-id; QUARRY_NO_NODE: it has none. */
int fdt_node_id(const struct fdt *t, uint32_t node, int *nid);

/* A number of 0 to 2 cells. */
static inline uint64_t fdt_value(const uint8_t *p, uint32_t cells)
{
	return cells == 0 ? 0 : cells == 1 ? firmware_be32(p) : firmware_be64(p);
}

/* Whether @a and @b are the same text. */
static inline bool fdt_same(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static inline uint32_t fdt_length(const char *s)
{
	uint32_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

#endif
