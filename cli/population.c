/* SPDX-License-Identifier: MIT */
/*
 * What was there before a recording began.
 *
 * Problem	A recording of a machine that has been up for a while is about a small part of its memory. What
 *		a request finds depends on the rest: how many blocks of which order are free, in which kinds of
 *		pageblocks, which slabs have places left.
 *
 * Known	From the starting snapshot, exactly: for each cache, objects in use and places in slabs; for each
 *		zone, free blocks by order and migratetype, and pageblocks by migratetype.
 *
 * Assumed	Where these blocks lie, which objects of a slab are the free ones, and what is in the pages in
 *		use that no slab holds. All by one seed: the result is always the same.
 *
 * Steps	1. Caches are made and filled to Linux's number of places; objects are freed at random down to
 *		   the number in use (population_slabs.c).
 *		2. Of each zone, pairs of pageblocks and pageblocks are set aside for the free blocks of orders
 *		   10 and 9. In the others, places for smaller blocks are drawn: a block may not complete a
 *		   larger one, so its buddy must not be wholly free.
 *		3. All that is free and not set aside is taken, as single pages; then the smaller blocks are
 *		   freed. So the free blocks are those of the snapshot, as far as there was room.
 *		4. Pageblocks get their types.
 *
 * Frees	A free of what nobody allocated in the recording takes from this population: an object of the same
 *		cache, those of one recorded slab from one slab here; pages at the same place or near it.
 *
 * Bounds	A bit for each page frame, a pointer for each object; machines above POPULATION_MAX_PAGES are
 *		left empty.
 */
#include <stdlib.h>
#include <string.h>

#include <population_parts.h>

#define POPULATION_MAX_PAGES ((uint64_t)1 << 25) /* 128 GiB */
#define POPULATION_TRIES 64
#define PB_PAGES ((uint64_t)QUARRY_PAGEBLOCK_PAGES)
#define PB_ORDER QUARRY_PAGEBLOCK_ORDER

/* A pageblock of a zone, while places are drawn. */
struct population_block {
	pfn_t pfn;
	uint8_t type;                 /* that it shall have */
	bool whole;                   /* nothing in it is in use */
	bool kept;                    /* set aside whole */
	uint64_t keep[PB_PAGES / 64]; /* pages that become free */
};

struct population_zone {
	struct population *p;
	const struct linuxfacts_zone *l;
	struct quarry_zone_info info;
	struct population_block *b;
	size_t nr;
};

uint64_t population_random(struct population *p, uint64_t below)
{
	p->seed ^= p->seed << 13;
	p->seed ^= p->seed >> 7;
	p->seed ^= p->seed << 17;
	return below > 0 ? (p->seed >> 11) % below : 0;
}

/* ---- bits ---- */

static bool population_bits(const uint64_t *bits, unsigned int at, unsigned int order, bool all)
{
	unsigned int n = 1u << order;

	if (order < 6) {
		uint64_t mask = (((uint64_t)1 << n) - 1) << (at & 63), v = bits[at >> 6] & mask;

		return all ? v == mask : v != 0;
	}
	for (unsigned int i = at >> 6; i < (at + n) >> 6; i++) {
		if (all ? bits[i] != UINT64_MAX : bits[i] != 0)
			return !all;
	}
	return all;
}

static void population_set(uint64_t *bits, unsigned int at, unsigned int order)
{
	for (unsigned int i = at; i < at + (1u << order); i++)
		bits[i >> 6] |= (uint64_t)1 << (i & 63);
}

static bool population_is_ballast(const struct population *p, pfn_t pfn)
{
	return pfn < p->nr_frames && (p->ballast[pfn >> 6] >> (pfn & 63) & 1) != 0;
}

/* ---- places ---- */

static bool population_is_free(struct population *p, pfn_t pfn)
{
	return quarry_pfn_state(p->q, pfn, NULL) == QUARRY_PAGE_FREE;
}

/* The pageblocks of the zone; whole ones are those that are one free block. */
static void population_survey(struct population_zone *z)
{
	pfn_t first = (z->info.start_pfn + PB_PAGES - 1) & ~(PB_PAGES - 1);
	pfn_t end = z->info.start_pfn + z->info.spanned;

	z->b = xcalloc((size_t)(z->info.spanned / PB_PAGES + 1), sizeof(z->b[0]));
	for (pfn_t pfn = first; pfn + PB_PAGES <= end; pfn += PB_PAGES) {
		struct population_block *b = &z->b[z->nr];
		int type = quarry_pageblock_type(z->p->q, pfn);

		if (type < 0)
			continue;
		b->pfn = pfn;
		b->type = (uint8_t)type;
		b->whole =
			quarry_free_block_order(z->p->q, pfn) >= (int)PB_ORDER ||
			quarry_free_block_order(z->p->q, pfn & ~(2 * PB_PAGES - 1)) > (int)PB_ORDER;
		z->nr++;
	}
}

/* Set pageblock number @i aside, if it and its buddy allow it. */
static bool population_keep(struct population_zone *z, size_t i, unsigned int order)
{
	struct population_block *b = &z->b[i];
	size_t buddy = (b->pfn / PB_PAGES) % 2 == 0 ? i + 1 : i - 1;
	bool there = buddy < z->nr && (z->b[buddy].pfn ^ b->pfn) == PB_PAGES;

	if (!b->whole || b->kept)
		return false;
	if (order == PB_ORDER) {
		if (there && z->b[buddy].kept)
			return false;
	} else {
		if (!there || !z->b[buddy].whole || z->b[buddy].kept)
			return false;
		z->b[buddy].kept = true;
		memset(z->b[buddy].keep, 0xff, sizeof(b->keep));
	}
	b->kept = true;
	memset(b->keep, 0xff, sizeof(b->keep));
	return true;
}

/* Free blocks of order @order, a pageblock or more, at the zone's far end: users take from the near one. */
static uint64_t population_large(struct population_zone *z, unsigned int order, uint64_t want)
{
	uint64_t n = 0;

	for (size_t i = z->nr; i-- > 0 && n < want;)
		n += population_keep(z, i, order);
	return n;
}

/* How many pageblocks are to become of each type, as Linux had them; chosen among those not set aside. */
static void population_types(struct population_zone *z)
{
	int64_t lack[LINUXFACTS_TYPES];

	for (int t = 0; t < LINUXFACTS_TYPES; t++)
		lack[t] = (int64_t)z->l->blocks[t];
	for (size_t i = 0; i < z->nr; i++)
		lack[z->b[i].type]--;
	for (int t = 0; t <= QUARRY_MIGRATE_RECLAIMABLE; t++) {
		if (t == QUARRY_MIGRATE_MOVABLE)
			continue;
		for (size_t i = 0; i < z->nr && lack[t] > 0; i++) {
			struct population_block *b = &z->b[i];

			if (b->kept || b->type != QUARRY_MIGRATE_MOVABLE)
				continue;
			b->type = (uint8_t)t;
			lack[t]--;
		}
	}
}

/* Draw a place for a block of @order in @b from position @from on; false: there is none. */
static bool population_place(struct population_block *b, struct population *p, unsigned int order)
{
	unsigned int slots = (unsigned int)(PB_PAGES >> order);
	unsigned int from = (unsigned int)population_random(p, slots);

	for (unsigned int i = 0; i < slots; i++) {
		unsigned int at = ((from + i) % slots) << order;

		if (population_bits(b->keep, at, order, false) ||
		    population_bits(b->keep, at ^ 1u << order, order, true))
			continue;
		if (!b->whole) {
			bool free = true;

			for (unsigned int k = 0; k < 1u << order && free; k++)
				free = population_is_free(p, b->pfn + at + k);
			if (!free)
				continue;
		}
		population_set(b->keep, at, order);
		return true;
	}
	return false;
}

/* @want blocks of @order below a pageblock, in pageblocks of @type. */
static uint64_t population_small(struct population_zone *z, unsigned int order, unsigned int type,
				 uint64_t want)
{
	uint32_t *in = xcalloc(z->nr + 1, sizeof(*in));
	size_t nr = 0;
	uint64_t done = 0;

	for (size_t i = 0; i < z->nr; i++) {
		if (!z->b[i].kept && z->b[i].type == type)
			in[nr++] = (uint32_t)i;
	}
	while (done < want && nr > 0) {
		size_t k = (size_t)population_random(z->p, nr);

		if (population_place(&z->b[in[k]], z->p, order))
			done++;
		else
			in[k] = in[--nr];
	}
	free(in);
	return done;
}

static void population_draw(struct population_zone *z)
{
	struct population_result *r = &z->p->result;

	for (unsigned int order = QUARRY_MAX_ORDER + 1; order-- > 0;) {
		for (unsigned int type = 0; type <= QUARRY_MIGRATE_RECLAIMABLE; type++) {
			uint64_t want = z->l->free_type[type][order], got;

			if (!z->l->have_types)
				want = type == QUARRY_MIGRATE_MOVABLE ? z->l->nr_free[order] : 0;
			if (order >= PB_ORDER)
				got = population_large(z, order, want);
			else
				got = population_small(z, order, type, want);
			r->free_blocks += got;
			r->free_blocks_wanted += want;
			r->free_bytes += got * QUARRY_PAGE_SIZE << order;
			r->free_wanted_bytes += want * QUARRY_PAGE_SIZE << order;
		}
		/* Types are given once those that stay whole are chosen. */
		if (order == PB_ORDER)
			population_types(z);
	}
}

/* ---- taking ---- */

/* Take the free frames of [@start, @end), which are free in one run. */
static void population_take_run(struct population *p, pfn_t start, pfn_t end)
{
	if (start == end || quarry_alloc_contig_range(p->q, start, end, QUARRY_MIGRATE_MOVABLE,
						      GFP_KERNEL | __GFP_NOWARN) != 0)
		return;
	for (pfn_t pfn = start; pfn < end; pfn++)
		p->ballast[pfn >> 6] |= (uint64_t)1 << (pfn & 63);
	p->result.other_bytes += (end - start) * QUARRY_PAGE_SIZE;
}

/* Take all that is free in [@start, @end). */
static void population_take(struct population *p, pfn_t start, pfn_t end)
{
	pfn_t from = start;

	for (pfn_t pfn = start; pfn < end;) {
		int order = quarry_free_block_order(p->q, pfn);

		if (order >= 0 || population_is_free(p, pfn)) {
			pfn += (pfn_t)1 << (order >= 0 ? order : 0);
			continue;
		}
		population_take_run(p, from, pfn);
		from = ++pfn;
	}
	population_take_run(p, from, end);
}

static void population_free_page(struct population *p, pfn_t pfn)
{
	p->ballast[pfn >> 6] &= ~((uint64_t)1 << (pfn & 63));
	quarry_free_pages(p->q, quarry_pfn_to_page(p->q, pfn), 0);
}

/* Take the zone but for what is set aside, then give back the smaller blocks. */
static void population_shape(struct population_zone *z)
{
	pfn_t first = z->info.start_pfn, end = first + z->info.spanned, at = first;

	for (size_t i = 0; i < z->nr; i++) {
		struct population_block *b = &z->b[i];

		/* Whole pageblocks in a row are one range. */
		if (b->whole && !b->kept && at == b->pfn)
			continue;
		population_take(z->p, at, b->kept ? b->pfn : b->pfn + PB_PAGES);
		at = b->pfn + PB_PAGES;
	}
	population_take(z->p, at, end);
	for (size_t i = 0; i < z->nr; i++) {
		struct population_block *b = &z->b[i];

		for (unsigned int k = 0; k < PB_PAGES && !b->kept; k++) {
			if ((b->keep[k >> 6] >> (k & 63) & 1) == 0 ||
			    !population_is_ballast(z->p, b->pfn + k))
				continue;
			population_free_page(z->p, b->pfn + k);
			z->p->result.other_bytes -= QUARRY_PAGE_SIZE;
		}
	}
	quarry_drain_all_pages(z->p->q);
	for (size_t i = 0; i < z->nr; i++) {
		if (quarry_pageblock_type(z->p->q, z->b[i].pfn) != z->b[i].type)
			(void)quarry_set_pageblock_type(z->p->q, z->b[i].pfn,
							(enum quarry_migratetype)z->b[i].type);
	}
}

/* ---- the machine ---- */

/* The next zone of the snapshot that our machine has too; false: there is none. */
static bool population_next_zone(struct population_zone *z, const struct linuxfacts_snapshot *s,
				 size_t *i)
{
	for (; *i < s->nr_zones; (*i)++) {
		for (int type = 0; type < QUARRY_NR_ZONES; type++) {
			z->l = &s->zones[*i];
			if (quarry_zone_info(z->p->q, z->l->nid, (enum quarry_zone_type)type,
					     &z->info) &&
			    strcmp(z->info.name, z->l->name) == 0) {
				(*i)++;
				return true;
			}
		}
	}
	return false;
}

/* Whether the machine is, within a fiftieth, large enough to be the recorded one. */
static bool population_fits(struct population *p, const struct linuxfacts_snapshot *s)
{
	for (size_t i = 0; i < s->nr_zones; i++) {
		const struct linuxfacts_zone *l = &s->zones[i];
		struct population_zone z = {.p = p};
		size_t at = i;

		if (l->managed == 0)
			continue;
		if (!population_next_zone(&z, s, &at) || at != i + 1 ||
		    z.info.managed < l->managed - l->managed / 50) {
			snprintf(p->result.why_not, POPULATION_WHY,
				 "this is another machine: node %d zone %s has %lu pages, recorded "
				 "were %lu",
				 l->nid, l->name, at == i + 1 ? z.info.managed : 0,
				 (unsigned long)l->managed);
			return false;
		}
	}
	return true;
}

static void population_build(struct population *p, const struct linuxfacts *facts)
{
	const struct linuxfacts_snapshot *s = &facts->first;
	struct population_zone z = {.p = p};
	struct quarry_totals totals;
	size_t i = 0;

	quarry_totals(p->q, &totals);
	if (!population_fits(p, s))
		return;
	if (totals.managed > POPULATION_MAX_PAGES) {
		snprintf(p->result.why_not, POPULATION_WHY,
			 "the machine has more than %u GiB; what was there before is not put on it",
			 (unsigned int)(POPULATION_MAX_PAGES >> (30 - QUARRY_PAGE_SHIFT)));
		return;
	}
	p->result.there = true;
	p->result.snapshot = s->number;
	p->result.managed_bytes = (uint64_t)totals.managed * QUARRY_PAGE_SIZE;
	population_fill_slabs(p, facts);
	quarry_drain_all_pages(p->q);
	while (population_next_zone(&z, s, &i)) {
		pfn_t end = z.info.start_pfn + z.info.spanned;

		if (end > p->nr_frames) {
			size_t words = (size_t)(end + 63) / 64,
			       old = (size_t)(p->nr_frames + 63) / 64;

			p->ballast = xrealloc(p->ballast, words, sizeof(p->ballast[0]));
			memset(p->ballast + old, 0, (words - old) * sizeof(p->ballast[0]));
			p->nr_frames = end;
		}
		p->result.pcp_bytes += z.l->pcp * QUARRY_PAGE_SIZE;
		if (z.info.managed > z.l->managed && z.l->managed > 0)
			p->result.surplus_bytes +=
				(z.info.managed - z.l->managed) * QUARRY_PAGE_SIZE;
		population_survey(&z);
		population_draw(&z);
		population_shape(&z);
		free(z.b);
		z = (struct population_zone){.p = p};
	}
}

struct population *population_new(struct quarry *q, const struct linuxfacts *facts,
				  struct engine *e)
{
	struct population *p = xcalloc(1, sizeof(*p));
	uint64_t start = util_now_ns();

	p->q = q;
	p->e = e;
	p->seed = 0x9e3779b97f4a7c15u;
	idmap_init(&p->frames);
	idmap_init(&p->by_cache);
	population_build(p, facts);
	p->result.seconds_ns = util_now_ns() - start;
	return p;
}

void population_delete(struct population *p)
{
	population_free_slabs(p);
	idmap_free(&p->frames);
	idmap_free(&p->by_cache);
	free(p->ballast);
	free(p);
}

/* A page in use near @pfn: in its pageblock, else in those that follow it; false: there is none. */
static bool population_near(const struct population *p, pfn_t pfn, pfn_t *out)
{
	uint64_t words = (p->nr_frames + 63) / 64, at = pfn < p->nr_frames ? pfn >> 6 : 0;

	at &= ~(PB_PAGES / 64 - 1);
	for (uint64_t i = 0; i < words; i++) {
		uint64_t w = p->ballast[(at + i) % words];

		if (w != 0) {
			*out = (at + i) % words * 64 + (uint64_t)__builtin_ctzll(w);
			return true;
		}
	}
	return false;
}

uint64_t population_pages(struct population *p, uint64_t pfn, unsigned int order)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		pfn_t at = pfn + i;

		if (!population_is_ballast(p, at) && !population_near(p, at, &at))
			break;
		population_free_page(p, at);
		n++;
	}
	p->result.pages_freed += n;
	return n;
}

const struct population_result *population_result(const struct population *p)
{
	return &p->result;
}
