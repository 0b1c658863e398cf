/* SPDX-License-Identifier: MIT */
/*
 * Request flags of recordings.
 *
 * The numbers of the flags differ between kernels, the names hardly do: so names are the common
 * ground. A text recording has names; a binary one has numbers and the table of its kernel.
 */
#include <string.h>

#include <gfp.h>
#include <util.h>

struct gfp_flag {
	const char *name;
	gfp_t gfp;
};

/* Names that are no flags any more, or that mean nothing here. */
static const struct gfp_flag gfp_others[] = {
	{"__GFP_DMA", __GFP_DMA},
	{"__GFP_DMA32", __GFP_DMA32},
	{"__GFP_REPEAT", __GFP_RETRY_MAYFAIL},
	{"GFP_TEMPORARY", GFP_KERNEL | __GFP_RECLAIMABLE},
	{"__GFP_WAIT", __GFP_RECLAIM},
	{"__GFP_SKIP_ZERO", 0},
	{"__GFP_SKIP_KASAN", 0},
	{"__GFP_SKIP_KASAN_POISON", 0},
	{"__GFP_SKIP_KASAN_UNPOISON", 0},
	{"__GFP_NOLOCKDEP", 0},
	{"__GFP_NO_OBJ_EXT", 0},
	{"__GFP_NO_CODETAG", 0},
	{"__GFP_CMA", 0},
	{"__GFP_COLD", 0},
	{"__GFP_NOTRACK", 0},
	{"__GFP_OTHER_NODE", 0},
	{"__GFP_NOACCOUNT", 0},
};

static bool gfp_find(const char *name, size_t len, gfp_t *gfp)
{
	for (size_t i = 0; i < sizeof(gfp_others) / sizeof(gfp_others[0]); i++) {
		if (strlen(gfp_others[i].name) == len &&
		    memcmp(gfp_others[i].name, name, len) == 0) {
			*gfp = gfp_others[i].gfp;
			return true;
		}
	}
	return quarry_gfp_by_name(name, len, gfp);
}

bool gfp_by_name(const char *name, size_t len, gfp_t *gfp)
{
	char with[40];

	if (len < 4 || len > 32)
		return false;
	if (gfp_find(name, len, gfp))
		return true;
	/* perf before 4.6 left out the underscores. */
	with[0] = with[1] = '_';
	memcpy(with + 2, name, len);
	return gfp_find(with, len + 2, gfp);
}

static bool gfp_parse_number(const char *s, size_t len, uint64_t *out)
{
	char text[24];

	if (len == 0 || len >= sizeof(text) || s[0] < '0' || s[0] > '9')
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return util_parse_u64(text, out);
}

bool gfp_parse(const char *text, size_t len, gfp_t *gfp, unsigned int *unknown)
{
	const char *s = text, *end = text + len;
	uint64_t number;
	gfp_t one;

	*gfp = 0;
	*unknown = 0;
	if (len == 4 && memcmp(text, "none", 4) == 0)
		return true;
	if (len == 0)
		return false;
	for (;;) {
		const char *bar = memchr(s, '|', (size_t)(end - s));
		size_t n = (size_t)((bar != NULL ? bar : end) - s);

		if (gfp_by_name(s, n, &one)) {
			*gfp |= one;
		} else if (gfp_parse_number(s, n, &number)) {
			*gfp |= (gfp_t)number & QUARRY_GFP_BITS;
			*unknown += (number & ~(uint64_t)QUARRY_GFP_BITS) != 0;
		} else if (n > 2 && (s[0] == '_' || (n > 4 && memcmp(s, "GFP_", 4) == 0))) {
			(*unknown)++;
		} else {
			return false;
		}
		if (bar == NULL)
			return true;
		s = bar + 1;
	}
}

bool gfp_table_add(struct gfp_table *t, uint64_t mask, const char *name)
{
	gfp_t gfp;

	if (t->nr == GFP_TABLE_MAX || mask == 0 || !gfp_by_name(name, strlen(name), &gfp))
		return false;
	t->entry[t->nr].mask = mask;
	t->entry[t->nr].gfp = gfp;
	t->nr++;
	return true;
}

gfp_t gfp_from_mask(const struct gfp_table *t, uint64_t mask, uint64_t *unknown)
{
	gfp_t gfp = 0;

	for (size_t i = 0; i < t->nr && mask != 0; i++) {
		if ((mask & t->entry[i].mask) == t->entry[i].mask) {
			gfp |= t->entry[i].gfp;
			mask &= ~t->entry[i].mask;
		}
	}
	*unknown = mask;
	return gfp;
}
