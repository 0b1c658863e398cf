/* SPDX-License-Identifier: MIT */
/*
 * The map of a history: a cell for each pageblock, and rows of pages.
 *
 * Cells	Migratetype, free pages and the owner of most pages, five bytes, of each pageblock at each
 *		sample. Machines with more than HISTORY_MAX_CELLS pageblocks have cells of 2^n of them: the type of
 *		most, the mean of the free pages, the owner in the fullest.
 *
 * Rows		A row tells a pageblock's pages from its first to its last, in runs:
 *
 *		byte	kind | order << 4; order 15: the run counts pages, else blocks of that order
 *		varint	how many
 *		varint	number of the owner; 0: nobody, or not known
 *
 *		A row is kept when it differs from the last one of its pageblock. Above HISTORY_ROW_BUDGET
 *		bytes, rows are kept for every second sample only, then for every fourth ...
 *
 * Cost		Pages are looked at one by one, so a pageblock is looked through only if its bitmap or type
 *		changed, or when its turn comes: HISTORY_TURN of the others at each sample. What changes hands
 *		without a change of the bitmap shows up then, and at the end, when all are looked through.
 */
#include <stdlib.h>
#include <string.h>

#include <history.h>
#include <idmap.h>
#include <pack.h>

#define HISTORY_MAX_CELLS 16384u
#define HISTORY_ROW_BUDGET ((size_t)24 << 20)
#define HISTORY_MAX_ROWS ((size_t)1 << 20)
#define HISTORY_TURN 512u
#define HISTORY_MAX_OWNERS 60000u
#define HISTORY_OTHERS 1u  /* owner: one of too many */
#define HISTORY_OUTSIDE 2u /* file pages, population: who is not in the recording */
#define HISTORY_BY_PAGE 15u
#define HISTORY_HASH_PRIME 0x100000001b3u

struct history_owner_map {
	struct idmap by_name;  /* hash of kind and name -> number of the owner */
	struct idmap by_cache; /* address of the cache -> number */
	uint16_t *by_desc;     /* 0: not looked up */
	uint32_t nr_descs;
	uint16_t *of_block; /* owner of most pages, by pageblock */
};

/* ---- owners ---- */

static unsigned int history_owner_add(struct history *h, const char *name, bool cache)
{
	if (h->nr_owners == HISTORY_MAX_OWNERS)
		return HISTORY_OTHERS;
	if (h->nr_owners == h->cap_owners) {
		h->cap_owners = h->cap_owners > 0 ? h->cap_owners * 2 : 256;
		h->owners = xrealloc(h->owners, h->cap_owners, sizeof(h->owners[0]));
	}
	h->owners[h->nr_owners].name = xstrdup(name);
	h->owners[h->nr_owners].cache = cache;
	return h->nr_owners++;
}

static unsigned int history_owner_named(struct history *h, const char *name, bool cache)
{
	uint64_t hash = cache ? 0x9e3779b97f4a7c15u : 0xcbf29ce484222325u;
	struct idmap_slot *s;

	for (const char *p = name; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * HISTORY_HASH_PRIME;
	s = idmap_add(&h->owner_map->by_name, hash | 1);
	if (s == NULL)
		return HISTORY_OTHERS;
	if (s->value == 0)
		s->value = history_owner_add(h, name, cache);
	return (unsigned int)s->value;
}

static unsigned int history_owner_of_cache(struct history *h, struct kmem_cache *cache)
{
	struct quarry_cache_info info;
	struct idmap_slot *s;

	if (cache == NULL)
		return 0;
	s = idmap_add(&h->owner_map->by_cache, (uintptr_t)cache);
	if (s == NULL)
		return HISTORY_OTHERS;
	if (s->value == 0) {
		quarry_kmem_cache_info(h->q, cache, &info);
		s->value = history_owner_named(h, info.name, true);
	}
	return (unsigned int)s->value;
}

/* By call site; recordings that have none for pages are told apart by what was asked for. */
static unsigned int history_owner_of_desc(struct history *h, uint32_t desc)
{
	struct history_owner_map *map = h->owner_map;
	const struct trace_desc *d = &h->trace->descs[desc];
	char gfp[GFP_TEXT_MAX];

	if (desc >= map->nr_descs) {
		map->by_desc = xrealloc(map->by_desc, h->trace->nr_descs, sizeof(map->by_desc[0]));
		memset(map->by_desc + map->nr_descs, 0,
		       (h->trace->nr_descs - map->nr_descs) * sizeof(map->by_desc[0]));
		map->nr_descs = h->trace->nr_descs;
	}
	if (map->by_desc[desc] == 0) {
		const char *name = trace_name(&h->trace->sites, d->site);

		if (name[0] == '\0')
			name = gfp_to_text(d->gfp, gfp);
		map->by_desc[desc] = (uint16_t)history_owner_named(h, name, false);
	}
	return map->by_desc[desc];
}

/* ---- pageblocks ---- */

static bool history_block(struct history *h, uint64_t block, struct quarry_pageblock_info *info)
{
	pfn_t pfn = (pfn_t)block << QUARRY_PAGEBLOCK_ORDER;

	return quarry_pageblock_info(h->q, pfn, info) ||
	       quarry_pageblock_info(h->q, pfn + QUARRY_PAGEBLOCK_PAGES - 1, info);
}

static void history_span_add(struct history *h, uint64_t block, unsigned int zone)
{
	struct history_span *s = h->nr_spans > 0 ? &h->spans[h->nr_spans - 1] : NULL;

	h->nr_blocks++;
	if (s != NULL && s->zone == zone && s->first + s->nr == block) {
		s->nr++;
		return;
	}
	h->spans = xrealloc(h->spans, h->nr_spans + 1, sizeof(*s));
	s = &h->spans[h->nr_spans++];
	s->first = block;
	s->nr = 1;
	s->zone = zone;
}

static void history_spans(struct history *h)
{
	for (unsigned int z = 0; z < h->nr_zones; z++) {
		struct quarry_pageblock_info block;
		struct quarry_zone_info info;
		uint64_t first, end;

		quarry_zone_info(h->q, h->zone[z].nid, h->zone[z].type, &info);
		first = info.start_pfn >> QUARRY_PAGEBLOCK_ORDER;
		end = (info.start_pfn + info.spanned + QUARRY_PAGEBLOCK_PAGES - 1) >>
		      QUARRY_PAGEBLOCK_ORDER;
		for (uint64_t b = first; b < end; b++) {
			if (history_block(h, b, &block) && block.nid == h->zone[z].nid &&
			    block.zone == h->zone[z].type)
				history_span_add(h, b, z);
		}
	}
}

void history_map_start(struct history *h)
{
	struct history_owner_map *map = xcalloc(1, sizeof(*map));

	history_spans(h);
	while (h->nr_blocks >> h->cell_shift > HISTORY_MAX_CELLS)
		h->cell_shift++;
	h->nr_cells = (unsigned int)((h->nr_blocks + (1u << h->cell_shift) - 1) >> h->cell_shift);
	h->owner_map = map;
	idmap_init(&map->by_name);
	idmap_init(&map->by_cache);
	map->of_block = xcalloc(h->nr_blocks + 1, sizeof(map->of_block[0]));
	h->last_row = xcalloc(h->nr_blocks + 1, sizeof(h->last_row[0]));
	h->seen = xcalloc(h->nr_blocks + 1, sizeof(h->seen[0]));
	h->row_every = 1;
	history_owner_add(h, "", false);
	history_owner_add(h, "others", false);
	history_owner_add(h, "outside the recording", false);
}

void history_map_free(struct history *h)
{
	struct history_owner_map *map = h->owner_map;

	for (unsigned int i = 0; i < h->nr_owners; i++)
		free(h->owners[i].name);
	free(h->owners);
	idmap_free(&map->by_name);
	idmap_free(&map->by_cache);
	free(map->by_desc);
	free(map->of_block);
	free(map);
	free(h->spans);
	free(h->cells);
	free(h->rows);
	strbuf_free(&h->row_text);
	free(h->last_row);
	free(h->seen);
}

/* ---- rows ---- */

struct history_run {
	unsigned int kind, order, owner, nr;
};

/* A row while it is made, and who owns its pages. */
struct history_scan {
	struct history_run run;
	struct strbuf text;
	unsigned int owner[QUARRY_PAGEBLOCK_PAGES], pages[QUARRY_PAGEBLOCK_PAGES];
	unsigned int nr_owners;
};

static void history_run_end(struct history_scan *s)
{
	struct strbuf *b = &s->text;
	char byte = (char)(s->run.kind | s->run.order << 4);

	if (s->run.nr == 0)
		return;
	strbuf_add(b, &byte, 1);
	pack_u64(b, s->run.nr);
	pack_u64(b, s->run.owner);
}

static void history_run_add(struct history_scan *s, unsigned int kind, unsigned int order,
			    unsigned int owner, unsigned int nr, unsigned int pages)
{
	unsigned int i = 0;

	if (s->run.nr > 0 && s->run.kind == kind && s->run.order == order &&
	    s->run.owner == owner) {
		s->run.nr += nr;
	} else {
		history_run_end(s);
		s->run = (struct history_run){kind, order, owner, nr};
	}
	if (owner == 0)
		return;
	while (i < s->nr_owners && s->owner[i] != owner)
		i++;
	if (i == s->nr_owners) {
		s->owner[s->nr_owners++] = owner;
		s->pages[i] = 0;
	}
	s->pages[i] += pages;
}

static unsigned int history_kind_of_gfp(gfp_t gfp)
{
	if (gfp & __GFP_MOVABLE)
		return HISTORY_PAGE_MOVABLE;
	return gfp & __GFP_RECLAIMABLE ? HISTORY_PAGE_RECLAIMABLE : HISTORY_PAGE_UNMOVABLE;
}

/* The block that page @at of the pageblock at @pfn begins or lies in. Returns its pages from there on. */
static unsigned int history_scan_block(struct history *h, struct history_scan *s, pfn_t pfn,
				       unsigned int at, unsigned int order)
{
	pfn_t head = (pfn + at) & ~(((pfn_t)1 << order) - 1);
	uint64_t left = head + ((pfn_t)1 << order) - (pfn + at);
	unsigned int n = left > QUARRY_PAGEBLOCK_PAGES - at ? QUARRY_PAGEBLOCK_PAGES - at
							    : (unsigned int)left;
	unsigned int kind = HISTORY_PAGE_OTHER, owner = HISTORY_OUTSIDE;
	uint32_t desc;

	if (h->engine != NULL && engine_block_owner(h->engine, head, &desc)) {
		kind = history_kind_of_gfp(h->trace->descs[desc].gfp);
		owner = history_owner_of_desc(h, desc);
	}
	history_run_add(s, kind, order, owner, 1, n);
	return n;
}

static unsigned int history_scan_page(struct history *h, struct history_scan *s, pfn_t pfn,
				      unsigned int at)
{
	unsigned int order, owner = 0, kind = HISTORY_PAGE_RESERVED;
	struct page *page;

	switch (quarry_pfn_state(h->q, pfn + at, &order)) {
	case QUARRY_PAGE_ALLOCATED:
	case QUARRY_PAGE_TAIL:
		return history_scan_block(h, s, pfn, at, order);
	case QUARRY_PAGE_SLAB:
		page = quarry_pfn_to_page(h->q, pfn + at);
		kind = HISTORY_PAGE_SLAB;
		owner = history_owner_of_cache(
			h, quarry_virt_to_cache(h->q, quarry_page_address(h->q, page)));
		break;
	case QUARRY_PAGE_PCP:
		kind = HISTORY_PAGE_PCP;
		break;
	default:
		break;
	}
	history_run_add(s, kind, HISTORY_BY_PAGE, owner, 1, 1);
	return 1;
}

static void history_scan(struct history *h, struct history_scan *s,
			 const struct quarry_pageblock_info *info)
{
	unsigned int at = 0;

	s->run.nr = 0;
	s->text.len = 0;
	s->nr_owners = 0;
	while (at < QUARRY_PAGEBLOCK_PAGES) {
		if (info->free[at / 64] >> (at % 64) & 1) {
			history_run_add(s, HISTORY_PAGE_FREE, HISTORY_BY_PAGE, 0, 1, 1);
			at++;
		} else {
			at += history_scan_page(h, s, info->pfn, at);
		}
	}
	history_run_end(s);
}

static unsigned int history_scan_owner(const struct history_scan *s)
{
	unsigned int best = 0, pages = 0;

	for (unsigned int i = 0; i < s->nr_owners; i++) {
		if (s->pages[i] > pages) {
			pages = s->pages[i];
			best = s->owner[i];
		}
	}
	return best;
}

static void history_row_keep(struct history *h, uint64_t block, const struct strbuf *text)
{
	struct history_row *last = h->last_row[block] > 0 ? &h->rows[h->last_row[block] - 1] : NULL;

	if (last != NULL && last->len == text->len &&
	    memcmp(h->row_text.s + last->at, text->s, text->len) == 0)
		return;
	/* A machine that is too large for even two looks at all its pages: no more of them. */
	if (h->row_text.len > 2 * HISTORY_ROW_BUDGET || h->nr_rows > 2 * HISTORY_MAX_ROWS)
		return;
	if (h->nr_rows == h->cap_rows) {
		h->cap_rows = h->cap_rows > 0 ? h->cap_rows * 2 : 4096;
		h->rows = xrealloc(h->rows, h->cap_rows, sizeof(h->rows[0]));
	}
	last = &h->rows[h->nr_rows++];
	last->sample = h->nr;
	last->len = (uint32_t)text->len;
	last->block = block;
	last->at = h->row_text.len;
	strbuf_add(&h->row_text, text->s, text->len);
	h->last_row[block] = (uint32_t)h->nr_rows;
}

/* Of the rows of one pageblock that now stand at the same sample, the last one is the one. */
static void history_rows_sift(struct history *h)
{
	struct strbuf text = {0};
	size_t kept = 0;

	memset(h->last_row, 0, h->nr_blocks * sizeof(h->last_row[0]));
	for (size_t i = h->nr_rows; i > 0; i--) {
		struct history_row *r = &h->rows[i - 1];

		if (h->last_row[r->block] == r->sample + 1)
			r->len = 0; /* no row is empty */
		else
			h->last_row[r->block] = r->sample + 1;
	}
	for (size_t i = 0; i < h->nr_rows; i++) {
		struct history_row *r = &h->rows[i];

		if (r->len == 0)
			continue;
		strbuf_add(&text, h->row_text.s + r->at, r->len);
		r->at = text.len - r->len;
		h->rows[kept++] = *r;
		h->last_row[r->block] = (uint32_t)kept;
	}
	h->nr_rows = kept;
	strbuf_free(&h->row_text);
	h->row_text = text;
}

static void history_rows_thin(struct history *h)
{
	h->row_every *= 2;
	for (size_t i = 0; i < h->nr_rows; i++) {
		struct history_row *r = &h->rows[i];

		r->sample = (r->sample + h->row_every - 1) / h->row_every * h->row_every;
	}
	history_rows_sift(h);
}

/* ---- samples ---- */

static uint64_t history_block_hash(const struct quarry_pageblock_info *info)
{
	uint64_t hash = 0xcbf29ce484222325u ^ (uint64_t)info->type;

	for (unsigned int w = 0; w < 8; w++)
		hash = (hash ^ info->free[w] ^ hash >> 29) * HISTORY_HASH_PRIME;
	return hash | 1;
}

/* Its row, if there is reason to think that it changed, or if its turn has come. */
static void history_map_row(struct history *h, uint64_t index,
			    const struct quarry_pageblock_info *info, struct history_scan *s,
			    bool all)
{
	uint64_t hash = history_block_hash(info), turn = 1 + h->nr_blocks / HISTORY_TURN;

	if (info->untouched && info->nr_free == QUARRY_PAGEBLOCK_PAGES)
		return;
	if (!all && h->seen[index] == hash && (index + h->nr) % turn != 0)
		return;
	h->seen[index] = hash;
	history_scan(h, s, info);
	h->owner_map->of_block[index] = (uint16_t)history_scan_owner(s);
	history_row_keep(h, index, &s->text);
}

/* A cell while its pageblocks are added up. */
struct history_cell {
	unsigned int nr, with_pages, types[QUARRY_MIGRATE_TYPES];
	uint64_t free;
	unsigned int fullest, owner;
};

static void history_cell_add(struct history_cell *c, const struct quarry_pageblock_info *info,
			     unsigned int owner, unsigned int nr)
{
	c->nr += nr;
	c->free += (uint64_t)info->nr_free * nr;
	if (info->untouched && info->nr_free == 0)
		return;
	c->with_pages += nr;
	c->types[info->type] += nr;
	if (QUARRY_PAGEBLOCK_PAGES - info->nr_free > c->fullest) {
		c->fullest = QUARRY_PAGEBLOCK_PAGES - info->nr_free;
		c->owner = owner;
	}
}

static void history_cell_end(struct history *h, unsigned int cell, struct history_cell *c)
{
	uint8_t *v = h->cells + (size_t)h->nr * h->nr_cells * HISTORY_CELL_BYTES + cell;
	unsigned int type = 0, free = (unsigned int)(c->free / c->nr);

	for (unsigned int t = 1; t < QUARRY_MIGRATE_TYPES; t++) {
		if (c->types[t] > c->types[type])
			type = t;
	}
	v[0] = (uint8_t)(c->with_pages > 0 ? type : HISTORY_NO_TYPE);
	v[h->nr_cells] = (uint8_t)free;
	v[h->nr_cells * 2] = (uint8_t)(free >> 8);
	v[h->nr_cells * 3] = (uint8_t)c->owner;
	v[h->nr_cells * 4] = (uint8_t)(c->owner >> 8);
	memset(c, 0, sizeof(*c));
}

/* How many pageblocks from @index on are dealt with at once: those of one cell that are known to be alike. */
static unsigned int history_alike(const struct history *h, uint64_t index, uint64_t left,
				  const struct quarry_pageblock_info *info)
{
	uint64_t n = (1u << h->cell_shift) - (index & ((1u << h->cell_shift) - 1));

	n = n < left ? n : left;
	return n < info->nr_alike ? (unsigned int)n : info->nr_alike > 0 ? info->nr_alike : 1;
}

static void history_map_look(struct history *h, bool rows, bool all)
{
	struct quarry_pageblock_info info;
	struct history_cell cell = {0};
	struct history_scan scan;
	uint64_t index = 0;

	memset(&scan.text, 0, sizeof(scan.text));
	for (unsigned int i = 0; i < h->nr_spans; i++) {
		const struct history_span *s = &h->spans[i];
		unsigned int n;

		for (uint64_t b = 0; b < s->nr; b += n, index += n) {
			if (!history_block(h, s->first + b, &info))
				memset(&info, 0, sizeof(info));
			n = history_alike(h, index, s->nr - b, &info);
			if (rows)
				history_map_row(h, index, &info, &scan, all);
			history_cell_add(&cell, &info,
					 info.nr_free < QUARRY_PAGEBLOCK_PAGES
						 ? h->owner_map->of_block[index]
						 : 0,
					 n);
			if (cell.nr == 1u << h->cell_shift || index + n == h->nr_blocks)
				history_cell_end(h, (unsigned int)(index >> h->cell_shift), &cell);
		}
	}
	strbuf_free(&scan.text);
}

void history_map_sample(struct history *h)
{
	history_map_look(h, h->nr % h->row_every == 0, false);
	while ((h->row_text.len > HISTORY_ROW_BUDGET || h->nr_rows > HISTORY_MAX_ROWS) &&
	       h->row_every < h->cap)
		history_rows_thin(h);
}

void history_map_halve(struct history *h)
{
	size_t bytes = (size_t)h->nr_cells * HISTORY_CELL_BYTES;

	for (unsigned int i = 1; i < h->cap / 2; i++)
		memcpy(h->cells + i * bytes, h->cells + (size_t)i * 2 * bytes, bytes);
	for (size_t i = 0; i < h->nr_rows; i++)
		h->rows[i].sample = (h->rows[i].sample + 1) / 2;
	if (h->row_every > 1)
		h->row_every /= 2;
	history_rows_sift(h);
}

void history_map_end(struct history *h)
{
	h->nr--;
	for (size_t i = 0; i < h->nr_rows; i++) {
		if (h->rows[i].sample > h->nr)
			h->rows[i].sample = h->nr;
	}
	history_map_look(h, true, true);
	history_rows_sift(h);
	h->nr++;
}
