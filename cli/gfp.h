/* SPDX-License-Identifier: MIT */
/* Request flags of a recording, by name or by its kernel's numbers, to Quarry's; and back to text. */
#ifndef CLI_GFP_H
#define CLI_GFP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quarry/debug.h>
#include <quarry/gfp.h>

/* The flag numbers of the recorded kernel, in the order in which it looks for names. */
#define GFP_TABLE_MAX 64

struct gfp_table {
	struct {
		uint64_t mask;
		gfp_t gfp;
	} entry[GFP_TABLE_MAX];
	size_t nr;
};

/*
 * Flags of the name of @len bytes at @name, of any kernel from 4.4 on. A flag without a meaning here
 * (__GFP_SKIP_KASAN, ...) gives 0. Returns false for a name that no kernel has.
 */
bool gfp_by_name(const char *name, size_t len, gfp_t *gfp);

/*
 * "GFP_KERNEL|__GFP_ZERO|0x1000000" of @len bytes. Unknown names and bits beyond Quarry's are left
 * out and counted in *unknown. Returns false if the text is no list of flags at all.
 */
bool gfp_parse(const char *text, size_t len, gfp_t *gfp, unsigned int *unknown);

/* Add a name of the recorded kernel. False if the table is full or the name unknown. */
bool gfp_table_add(struct gfp_table *t, uint64_t mask, const char *name);

/* A recorded mask to Quarry's flags; bits that no entry of @t explains are returned in *unknown. */
gfp_t gfp_from_mask(const struct gfp_table *t, uint64_t mask, uint64_t *unknown);

#define GFP_TEXT_MAX 512

/* As Linux prints them: "GFP_KERNEL|__GFP_ZERO", "none". Returns @buf, of GFP_TEXT_MAX bytes. */
static inline const char *gfp_to_text(gfp_t gfp, char *buf)
{
	quarry_gfp_format(gfp, buf, GFP_TEXT_MAX);
	return buf;
}

#endif
