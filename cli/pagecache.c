/* SPDX-License-Identifier: MIT */
/*
 * The simulated page cache.
 *
 * Lists	Each node has an active and an inactive list, newest first. A page comes in at the head of
 *		the inactive one. Used once more it is marked referenced; used again it becomes active. A
 *		page that had been reclaimed and is missed becomes active at once.
 *
 * Reclaim	takes from the tail of the inactive list. A referenced page is spared: it loses the mark and
 *		goes to the head. A dirty one is written back: that is started in one pass, and
 *		over in the next. Without __GFP_IO and __GFP_FS dirty pages are passed over. While
 *		the inactive list is the shorter one, the oldest active pages go over to it.
 *
 * Records	One for each file page, by its number, whether cached or not: so a page that was reclaimed is
 *		known when it is missed, and a page that moves keeps its identity and its place in the
 *		list. A map leads from page frames to records, for the calls of the mover.
 *
 * Invariant	A record is in exactly one list if it is cached, and the map leads from its frame to it;
 *		counts are those of the lists. pagecache_check() compares.
 *
 * Result	depends on the seed and on the calls, in their order, alone.
 */
#include <stdlib.h>
#include <string.h>

#include <quarry/pageinfo.h>

#include <idmap.h>
#include <pagecache.h>

#define PAGECACHE_NONE UINT32_MAX
#define PAGECACHE_GFP (GFP_HIGHUSER_MOVABLE | __GFP_NOWARN)

/* Bits of pagecache_page.flags. */
#define PC_CACHED 1u
#define PC_ACTIVE 2u
#define PC_REFERENCED 4u
#define PC_DIRTY 8u
#define PC_WRITEBACK 16u
#define PC_ISOLATED 32u
#define PC_EVICTED 64u /* was cached, and reclaimed */

struct pagecache_page {
	uint64_t pfn;
	uint32_t newer, older; /* in the list */
	uint32_t pass;         /* in which its writeback began */
	uint8_t flags, nid, zone;
};

struct pagecache_list {
	uint32_t newest, oldest;
	uint64_t nr;
};

struct pagecache {
	struct quarry *q;
	struct pagecache_options options;
	uint64_t random;
	unsigned int mover; /* 0: pages cannot be moved */
	struct pagecache_page *page;
	uint32_t nr_files;
	struct idmap of_pfn; /* page frame -> file page + 1 */
	struct pagecache_list active[QUARRY_MAX_NODES], inactive[QUARRY_MAX_NODES];
	uint64_t in_zone[QUARRY_MAX_NODES][QUARRY_NR_ZONES];
	uint32_t pass;
	struct pagecache_stats stats;
};

uint64_t pagecache_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A number below @n, which is not 0 and fits 32 bits. */
static uint64_t pagecache_below(struct pagecache *pc, uint64_t n)
{
	return (pagecache_random(&pc->random) >> 32) * n >> 32;
}

/* ---- lists ---- */

static struct pagecache_list *pagecache_list_of(struct pagecache *pc,
						const struct pagecache_page *p)
{
	return p->flags & PC_ACTIVE ? &pc->active[p->nid] : &pc->inactive[p->nid];
}

static void pagecache_link(struct pagecache *pc, uint32_t file)
{
	struct pagecache_page *p = &pc->page[file];
	struct pagecache_list *l = pagecache_list_of(pc, p);

	p->newer = PAGECACHE_NONE;
	p->older = l->newest;
	if (l->newest != PAGECACHE_NONE)
		pc->page[l->newest].newer = file;
	else
		l->oldest = file;
	l->newest = file;
	l->nr++;
	if (p->flags & PC_ACTIVE)
		pc->stats.active++;
	else
		pc->stats.inactive++;
}

static void pagecache_unlink(struct pagecache *pc, uint32_t file)
{
	struct pagecache_page *p = &pc->page[file];
	struct pagecache_list *l = pagecache_list_of(pc, p);

	if (p->newer != PAGECACHE_NONE)
		pc->page[p->newer].older = p->older;
	else
		l->newest = p->older;
	if (p->older != PAGECACHE_NONE)
		pc->page[p->older].newer = p->newer;
	else
		l->oldest = p->newer;
	l->nr--;
	if (p->flags & PC_ACTIVE)
		pc->stats.active--;
	else
		pc->stats.inactive--;
}

/* To the head of the list that @flags choose. */
static void pagecache_relink(struct pagecache *pc, uint32_t file, unsigned int flags)
{
	pagecache_unlink(pc, file);
	pc->page[file].flags = (uint8_t)flags;
	pagecache_link(pc, file);
}

/* ---- in and out ---- */

static bool pagecache_insert(struct pagecache *pc, uint32_t file, struct page *page,
			     unsigned int flags)
{
	struct pagecache_page *p = &pc->page[file];
	pfn_t pfn = quarry_page_to_pfn(pc->q, page);
	struct idmap_slot *s =
		pc->stats.cached < PAGECACHE_MAX ? idmap_add(&pc->of_pfn, pfn) : NULL;

	if (s == NULL)
		return false;
	s->value = (uint64_t)file + 1;
	if (pagecache_below(pc, 100) < pc->options.dirty_percent)
		flags |= PC_DIRTY;
	p->pfn = pfn;
	p->nid = (uint8_t)quarry_page_nid(pc->q, page);
	p->zone = (uint8_t)quarry_page_zone(pc->q, page);
	p->flags = (uint8_t)(PC_CACHED | flags);
	pc->in_zone[p->nid][p->zone]++;
	pc->stats.cached++;
	pc->stats.dirty += (flags & PC_DIRTY) != 0;
	if (pc->mover != 0)
		(void)quarry_set_page_mover(pc->q, page, pc->mover);
	pagecache_link(pc, file);
	return true;
}

static void pagecache_evict(struct pagecache *pc, uint32_t file)
{
	struct pagecache_page *p = &pc->page[file];

	pagecache_unlink(pc, file);
	idmap_take(&pc->of_pfn, p->pfn);
	pc->in_zone[p->nid][p->zone]--;
	pc->stats.cached--;
	pc->stats.reclaimed++;
	p->flags = PC_EVICTED;
	quarry_free_pages(pc->q, quarry_pfn_to_page(pc->q, p->pfn), 0);
}

static void pagecache_use(struct pagecache *pc, uint32_t file)
{
	struct pagecache_page *p = &pc->page[file];

	if ((p->flags & (PC_ACTIVE | PC_REFERENCED)) != PC_REFERENCED) {
		p->flags |= PC_REFERENCED;
		return;
	}
	pc->stats.activated++;
	pagecache_relink(pc, file, (p->flags & ~PC_REFERENCED) | PC_ACTIVE);
}

static void pagecache_grow(struct pagecache *pc, uint32_t nr_files)
{
	if (nr_files <= pc->nr_files)
		return;
	pc->page = xrealloc(pc->page, nr_files, sizeof(pc->page[0]));
	memset(pc->page + pc->nr_files, 0, (nr_files - pc->nr_files) * sizeof(pc->page[0]));
	pc->nr_files = nr_files;
}

bool pagecache_read(struct pagecache *pc, uint32_t file)
{
	struct page *page;
	unsigned int was;

	if (file >= pc->nr_files)
		pagecache_grow(pc, file + 1);
	pc->stats.reads++;
	if (pc->page[file].flags & PC_CACHED) {
		pc->stats.hits++;
		pagecache_use(pc, file);
		return true;
	}
	was = pc->page[file].flags;
	pc->stats.misses++;
	pc->stats.refaults += (was & PC_EVICTED) != 0;
	page = quarry_alloc_pages(pc->q, PAGECACHE_GFP, 0);
	if (page != NULL && pagecache_insert(pc, file, page, was & PC_EVICTED ? PC_ACTIVE : 0))
		return true;
	quarry_free_pages(pc->q, page, 0);
	pc->stats.refused++;
	return false;
}

void pagecache_read_any(struct pagecache *pc)
{
	uint64_t file = UINT64_MAX;

	if (pc->nr_files == 0)
		return;
	/* The least of three: seven of eight lie in the lower half. */
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t one = pagecache_below(pc, pc->nr_files);

		file = one < file ? one : file;
	}
	pagecache_read(pc, (uint32_t)file);
}

/* ---- reclaim ---- */

/* The highest zone that a request with @gfp can use: pages of others would not help it. */
static unsigned int pagecache_highest(gfp_t gfp)
{
	if (gfp & __GFP_DMA)
		return QUARRY_ZONE_DMA;
	if (gfp & __GFP_DMA32)
		return QUARRY_ZONE_DMA32;
	return (gfp & __GFP_MOVABLE) && (gfp & __GFP_HIGHMEM) ? QUARRY_ZONE_MOVABLE
							      : QUARRY_ZONE_NORMAL;
}

/* While the inactive list is the shorter one, the oldest active pages go over to it. */
static void pagecache_deactivate(struct pagecache *pc, int nid)
{
	while (pc->inactive[nid].nr < pc->active[nid].nr) {
		uint32_t file = pc->active[nid].oldest;
		unsigned int flags = pc->page[file].flags;

		pc->stats.deactivated++;
		pagecache_relink(pc, file, flags & ~(PC_ACTIVE | PC_REFERENCED));
	}
}

/* The oldest inactive page is reclaimed, or goes to the head of the list; true if it is free now. */
static bool pagecache_shrink(struct pagecache *pc, uint32_t file, gfp_t gfp, unsigned int highest)
{
	struct pagecache_page *p = &pc->page[file];
	unsigned int flags = p->flags;

	if ((flags & PC_ISOLATED) || p->zone > highest) {
		/* It stays as it is. */
	} else if (flags & PC_REFERENCED) {
		flags &= ~PC_REFERENCED;
		pc->stats.spared++;
	} else if (flags & PC_DIRTY) {
		if ((gfp & (__GFP_IO | __GFP_FS)) == (__GFP_IO | __GFP_FS)) {
			flags = (flags & ~PC_DIRTY) | PC_WRITEBACK;
			p->pass = pc->pass;
			pc->stats.dirty--;
			pc->stats.written++;
		} else {
			pc->stats.skipped++;
		}
	} else if (!(flags & PC_WRITEBACK) || p->pass != pc->pass) {
		pagecache_evict(pc, file);
		return true;
	}
	pagecache_relink(pc, file, flags);
	return false;
}

unsigned long pagecache_reclaim(struct pagecache *pc, int nid, gfp_t gfp, unsigned long nr_pages)
{
	unsigned int highest = pagecache_highest(gfp);
	unsigned long got = 0;
	uint64_t left;

	if (nid < 0 || nid >= QUARRY_MAX_NODES)
		return 0;
	left = pc->inactive[nid].nr + pc->active[nid].nr;
	pc->pass++;
	for (; got < nr_pages && left > 0; left--) {
		pagecache_deactivate(pc, nid);
		if (pc->inactive[nid].nr == 0)
			break;
		got += pagecache_shrink(pc, pc->inactive[nid].oldest, gfp, highest);
	}
	return got;
}

unsigned long pagecache_reclaimable(const struct pagecache *pc, int nid, enum quarry_zone_type zone)
{
	if (nid < 0 || nid >= QUARRY_MAX_NODES || (unsigned int)zone >= QUARRY_NR_ZONES)
		return 0;
	return (unsigned long)pc->in_zone[nid][zone];
}

/* ---- moving ---- */

static struct pagecache_page *pagecache_of(struct pagecache *pc, const struct page *page)
{
	uint64_t value = idmap_get(&pc->of_pfn, quarry_page_to_pfn(pc->q, page));

	return value != 0 ? &pc->page[value - 1] : NULL;
}

static bool pagecache_isolate(void *ctx, struct page *page)
{
	struct pagecache_page *p = pagecache_of(ctx, page);

	/* Who moves a page waits for its writeback. */
	if (p == NULL)
		return false;
	p->flags |= PC_ISOLATED;
	return true;
}

static void pagecache_putback(void *ctx, struct page *page)
{
	struct pagecache_page *p = pagecache_of(ctx, page);

	if (p != NULL)
		p->flags &= (uint8_t)~PC_ISOLATED;
}

static int pagecache_migrate(void *ctx, struct page *dst, struct page *src)
{
	struct pagecache *pc = ctx;
	struct pagecache_page *p = pagecache_of(pc, src);
	uint64_t value;
	int nid;

	if (p == NULL)
		return -QUARRY_EAGAIN;
	value = idmap_take(&pc->of_pfn, p->pfn);
	pc->in_zone[p->nid][p->zone]--;
	p->pfn = quarry_page_to_pfn(pc->q, dst);
	p->zone = (uint8_t)quarry_page_zone(pc->q, dst);
	p->flags &= (uint8_t)~PC_ISOLATED;
	nid = quarry_page_nid(pc->q, dst);
	if (nid != p->nid) {
		/* A list is its node's: the page keeps its place in time only within one. */
		pagecache_unlink(pc, (uint32_t)(value - 1));
		p->nid = (uint8_t)nid;
		pagecache_link(pc, (uint32_t)(value - 1));
	}
	pc->in_zone[p->nid][p->zone]++;
	idmap_add(&pc->of_pfn, p->pfn)->value = value;
	pc->stats.migrated++;
	return 0;
}

static const struct quarry_mover pagecache_mover = {
	.isolate = pagecache_isolate,
	.migrate = pagecache_migrate,
	.putback = pagecache_putback,
};

/* ---- filling ---- */

/* Reserves too, so that no piece of memory is left whole. */
#define PAGECACHE_FILL_GFP \
	(__GFP_HIGHMEM | __GFP_MOVABLE | __GFP_THISNODE | __GFP_NOWARN | __GFP_MEMALLOC)

/* Pages taken, and what each zone lacks to its high watermark and its reserve against such requests. */
struct pagecache_filling {
	struct page **page;
	uint64_t nr, cap;
	uint64_t lacks[QUARRY_MAX_NODES][QUARRY_NR_ZONES];
};

static uint64_t pagecache_node_free(struct pagecache *pc, int nid)
{
	uint64_t pages = 0;

	for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++)
		pages += quarry_zone_free_pages(pc->q, nid, (enum quarry_zone_type)t);
	return pages;
}

/* Each node gives its part of @want, or all it has. */
static void pagecache_take(struct pagecache *pc, struct pagecache_filling *f, uint64_t want)
{
	uint64_t all = 0;

	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++)
		all += quarry_node_present(pc->q, nid) ? pagecache_node_free(pc, nid) : 0;
	f->cap = (want < all ? want : all) + QUARRY_MAX_NODES;
	f->page = xcalloc(f->cap, sizeof(f->page[0]));
	for (int nid = 0; nid < QUARRY_MAX_NODES && all > 0; nid++) {
		uint64_t left, here;

		if (!quarry_node_present(pc->q, nid))
			continue;
		here = pagecache_node_free(pc, nid);
		left = want < all ? want * here / all + 1 : here;
		for (; left > 0 && f->nr < f->cap; left--) {
			struct page *page =
				quarry_alloc_pages_node(pc->q, nid, PAGECACHE_FILL_GFP, 0);

			if (page == NULL)
				break;
			f->page[f->nr++] = page;
		}
	}
	quarry_drain_all_pages(pc->q);
}

static void pagecache_find_lacks(struct pagecache *pc, struct pagecache_filling *f)
{
	struct quarry_zone_info z;

	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			uint64_t want;

			if (!quarry_node_present(pc->q, nid) ||
			    !quarry_zone_info(pc->q, nid, (enum quarry_zone_type)t, &z))
				continue;
			want = z.wmark[QUARRY_WMARK_HIGH] + z.lowmem_reserve[QUARRY_ZONE_MOVABLE];
			f->lacks[nid][t] = z.free < want ? want - z.free : 0;
		}
	}
}

static void pagecache_shuffle(struct pagecache *pc, struct pagecache_filling *f)
{
	for (uint64_t i = f->nr; i > 1; i--) {
		uint64_t k = pagecache_below(pc, i);
		struct page *page = f->page[k];

		f->page[k] = f->page[i - 1];
		f->page[i - 1] = page;
	}
}

/* Gives back what is too much; the others move to the front. */
static void pagecache_give_back(struct pagecache *pc, struct pagecache_filling *f, uint64_t want)
{
	uint64_t kept = 0;

	for (uint64_t i = 0; i < f->nr; i++) {
		struct page *page = f->page[i];
		uint64_t *lacks =
			&f->lacks[quarry_page_nid(pc->q, page)][quarry_page_zone(pc->q, page)];

		if (*lacks == 0 && kept < want) {
			f->page[kept++] = page;
			continue;
		}
		*lacks -= *lacks > 0;
		quarry_free_pages(pc->q, page, 0);
	}
	f->nr = kept;
	quarry_drain_all_pages(pc->q);
}

bool pagecache_fill(struct pagecache *pc, uint64_t want)
{
	struct pagecache_filling f = {0};
	struct quarry_totals totals;

	/* Half of what is taken is given back, for a place at random. */
	quarry_totals(pc->q, &totals);
	if (totals.free > PAGECACHE_MAX && want > PAGECACHE_MAX / 2)
		return false;
	pagecache_take(pc, &f, want < PAGECACHE_MAX ? want * 2 : want);
	pagecache_find_lacks(pc, &f);
	pagecache_shuffle(pc, &f);
	pagecache_give_back(pc, &f, want);
	pagecache_grow(pc, (uint32_t)f.nr * 2);
	for (uint64_t i = f.nr; i-- > 0;)
		(void)pagecache_insert(pc, (uint32_t)i, f.page[i], i < f.nr / 3 ? PC_ACTIVE : 0);
	free(f.page);
	return true;
}

/* ---- the whole ---- */

struct pagecache *pagecache_new(struct quarry *q, const struct pagecache_options *options)
{
	struct pagecache *pc = xcalloc(1, sizeof(*pc));

	pc->q = q;
	pc->options = *options;
	pc->random = options->seed;
	idmap_init(&pc->of_pfn);
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		pc->active[nid] = (struct pagecache_list){PAGECACHE_NONE, PAGECACHE_NONE, 0};
		pc->inactive[nid] = pc->active[nid];
	}
	if (!options->pinned) {
		int number = quarry_register_mover(q, &pagecache_mover, pc);

		pc->mover = number > 0 ? (unsigned int)number : 0;
	}
	return pc;
}

void pagecache_delete(struct pagecache *pc)
{
	if (pc == NULL)
		return;
	idmap_free(&pc->of_pfn);
	free(pc->page);
	free(pc);
}

bool pagecache_find(const struct pagecache *pc, uint32_t file, pfn_t *pfn)
{
	if (file >= pc->nr_files || !(pc->page[file].flags & PC_CACHED))
		return false;
	*pfn = pc->page[file].pfn;
	return true;
}

const struct pagecache_stats *pagecache_stats(const struct pagecache *pc)
{
	return &pc->stats;
}

/* Faults in one list; what it holds is added to @zones and *@dirty. */
static unsigned long pagecache_check_list(const struct pagecache *pc, int nid, bool active,
					  uint64_t *zones, uint64_t *dirty)
{
	const struct pagecache_list *l = active ? &pc->active[nid] : &pc->inactive[nid];
	unsigned long faults = 0;
	uint32_t newer = PAGECACHE_NONE;
	uint64_t nr = 0;

	for (uint32_t i = l->newest; i != PAGECACHE_NONE && nr <= l->nr; i = pc->page[i].older) {
		const struct pagecache_page *p = &pc->page[i];
		unsigned int order = 1;

		faults += !(p->flags & PC_CACHED) || ((p->flags & PC_ACTIVE) != 0) != active;
		faults += p->nid != nid || p->newer != newer || (p->flags & PC_ISOLATED) != 0;
		faults += idmap_get(&pc->of_pfn, p->pfn) != (uint64_t)i + 1;
		faults += quarry_pfn_state(pc->q, p->pfn, &order) != QUARRY_PAGE_ALLOCATED ||
			  order != 0;
		faults += quarry_page_mover(pc->q, quarry_pfn_to_page(pc->q, p->pfn)) != pc->mover;
		zones[p->zone % QUARRY_NR_ZONES]++;
		*dirty += (p->flags & PC_DIRTY) != 0;
		newer = i;
		nr++;
	}
	return faults + (nr != l->nr) + (l->oldest != newer);
}

unsigned long pagecache_check(const struct pagecache *pc)
{
	uint64_t dirty = 0, active = 0, inactive = 0;
	unsigned long faults = 0;

	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		uint64_t zones[QUARRY_NR_ZONES] = {0};

		faults += pagecache_check_list(pc, nid, true, zones, &dirty);
		faults += pagecache_check_list(pc, nid, false, zones, &dirty);
		faults += memcmp(zones, pc->in_zone[nid], sizeof(zones)) != 0;
		active += pc->active[nid].nr;
		inactive += pc->inactive[nid].nr;
	}
	faults += active != pc->stats.active || inactive != pc->stats.inactive;
	faults += active + inactive != pc->stats.cached || pc->of_pfn.nr != pc->stats.cached;
	return faults + (dirty != pc->stats.dirty);
}
