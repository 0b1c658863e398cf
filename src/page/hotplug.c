/* SPDX-License-Identifier: MIT */
/*
 * Memory that comes at run time, and how it goes into use.
 *
 * Problem    Zones, arenas and tables are arrays that boot sizes, and everybody reads them without a
 *            lock. They must grow while requests go on.
 *
 * Terms      A section is 2^QUARRY_SECTION_SIZE_BITS bytes, 128 MiB: a memory block of Linux. Absent: nothing is known of it. Offline: it
 *            has tables and a node, no zone, and no entry in the section table. Online: its arena has a zone
 *            and the section table leads to it.
 *
 * Growth     boot leaves room, by quarry_boot_params.max_hotplug_phys: arena[] for one arena more for each
 *            section, the section table, each zone's bits of arenas, zone[]. So no array ever moves, and
 *            a pointer into one stays good until quarry_destroy(). What is new is written first and
 *            published last: nr_arenas, arena_last, nr_zones, node->zone[], section[] by release. A
 *            section keeps its arena and tables for good, also when it is removed: a reader that found them
 *            before, by the slab layer's ranges for one, reads descriptors that say nothing is there.
 *
 * Two homes  Memory of boot lies in arenas of up to a GiB. When a section of it goes offline its
 *            pageblocks stay there, marked, with no bit set; online in the same zone, they are used again. In
 *            another zone it needs an arena of its own, and the old records stay marked for good.
 *
 * Figures    After each change: min_free_kbytes, watermarks, reserves, limits of sheaves; zonelists if a
 *            zone got its first pages or lost its last. As Linux 6.1, to the page.
 *
 * Locks      hotplug_begin() keeps two changes apart; it is no lock that anybody waits for. Counts of
 *            pages are atomic. Bits and records are changed under their arena's lock.
 *
 * Failure    All tables are made before anything changes.
 */
#include "hotplug.h"

#include <base/string.h>

size_t hotplug_bytes(pfn_t nr_sections)
{
	return sizeof(struct hotplug_layer) + (size_t)nr_sections * sizeof(struct hotplug_section);
}

int hotplug_begin(struct quarry *q)
{
	uint32_t idle = 0;

	return quarry_cmpxchg(&q->pages->hotplug->busy, &idle, 1u) ? 0 : -QUARRY_EBUSY;
}

void hotplug_end(struct quarry *q)
{
	quarry_store_release(&q->pages->hotplug->busy, 0u);
}

bool hotplug_range_of(const struct page_layer *pl, pfn_t start, unsigned long nr,
		      struct hotplug_range *r)
{
	if (nr == 0 || ((start | nr) & (PAGE_SECTION_PAGES - 1)) != 0)
		return false;
	r->first = start >> PAGE_SECTION_ORDER;
	r->last = r->first + (nr >> PAGE_SECTION_ORDER);
	return r->first < r->last && r->last <= pl->nr_sections;
}

enum quarry_block_state quarry_memory_block_state(struct quarry *q, pfn_t pfn)
{
	struct page_layer *pl = q->pages;
	pfn_t s = pfn >> PAGE_SECTION_ORDER;

	if (s >= pl->nr_sections)
		return QUARRY_BLOCK_ABSENT;
	if (quarry_load_acquire(&pl->section[s]) != PAGE_NO_ARENA)
		return QUARRY_BLOCK_ONLINE;
	return quarry_load_relaxed(&pl->hotplug->section[s].offline) ? QUARRY_BLOCK_OFFLINE
								     : QUARRY_BLOCK_ABSENT;
}

/* ---- tables ---- */

#define HOTPLUG_PBS ((size_t)(PAGE_SECTION_PAGES >> QUARRY_PAGEBLOCK_ORDER))

/* Makes the arena of section @s, if it has none: without a zone, nothing of it online. */
static int hotplug_make_slot(struct quarry *q, pfn_t s, int nid)
{
	struct page_layer *pl = q->pages;
	struct hotplug_layer *h = pl->hotplug;
	uint32_t index = pl->nr_boot_arenas + h->nr_slots;
	size_t records = HOTPLUG_PBS * (sizeof(struct page_pb) + sizeof(uint64_t[PAGE_WORDS]));
	struct page_arena *a;
	char *p;

	if (h->section[s].own != 0)
		return 0;
	if (index >= pl->max_arenas)
		return -QUARRY_E2BIG;
	p = quarry_meta_alloc_node(
		q, records + PAGE_WORD_BYTES + (size_t)PAGE_SECTION_PAGES * sizeof(struct page),
		nid);
	if (p == NULL)
		return -QUARRY_ENOMEM;
	a = &pl->arena[index];
	quarry_lock_init(&a->lock, QUARRY_LOCK_ARENA);
	a->index = (uint16_t)index;
	a->start_pfn = a->base_pfn = s << PAGE_SECTION_ORDER;
	a->end_pfn = a->start_pfn + PAGE_SECTION_PAGES;
	a->nr_pb = (uint16_t)HOTPLUG_PBS;
	a->bits = (uint64_t(*)[PAGE_WORDS])(void *)p;
	a->pb = (struct page_pb *)(void *)(p + HOTPLUG_PBS * sizeof(*a->bits));
	a->map = page_word_base((struct page *)(void *)(p + records + PAGE_WORD_BYTES - 1));
	for (unsigned int i = 0; i < HOTPLUG_PBS; i++)
		a->pb[i] = (struct page_pb){.filed = PAGE_NOT_FILED,
					    .type = QUARRY_MIGRATE_MOVABLE,
					    .flags = PAGE_PB_OFFLINE};
	quarry_memset(a->head, 0xff, sizeof(a->head));
	h->nr_slots++;
	h->section[s].own = index + 1;
	return 0;
}

/* Takes back the arenas that were made last, while nobody has seen them. */
static void hotplug_drop_slots(struct quarry *q, const struct hotplug_range *r, uint32_t keep)
{
	struct page_layer *pl = q->pages;

	for (pfn_t s = r->first; s < r->last; s++) {
		uint32_t own = pl->hotplug->section[s].own;

		if (own <= pl->nr_boot_arenas + keep)
			continue;
		quarry_meta_free(q, pl->arena[own - 1].bits);
		pl->arena[own - 1] = (struct page_arena){.nr_pb = 0};
		pl->hotplug->section[s].own = 0;
	}
	pl->hotplug->nr_slots = keep;
}

/* ---- adding ---- */

static int hotplug_add(struct quarry *q, int nid, const struct hotplug_range *r)
{
	struct page_layer *pl = q->pages;
	struct hotplug_layer *h = pl->hotplug;
	uint32_t before = h->nr_slots;
	phys_addr_t start = (phys_addr_t)r->first * QUARRY_MEMORY_BLOCK_BYTES;
	phys_addr_t size = (phys_addr_t)(r->last - r->first) * QUARRY_MEMORY_BLOCK_BYTES;
	int err = 0;

	for (pfn_t s = r->first; s < r->last; s++) {
		if (pl->section[s] != PAGE_NO_ARENA || h->section[s].offline)
			return -QUARRY_EEXIST;
	}
	if (quarry_memblock_overlaps_region(&q->memblock->memory, start, size))
		return -QUARRY_EEXIST;
	for (pfn_t s = r->first; s < r->last && err == 0; s++)
		err = hotplug_make_slot(q, s, nid);
	if (err == 0)
		err = quarry_memblock_add_node(q, start, size, nid, MEMBLOCK_NONE);
	if (err != 0) {
		hotplug_drop_slots(q, r, before);
		return err;
	}
	for (pfn_t s = r->first; s < r->last; s++) {
		h->section[s].nid = (int16_t)nid;
		h->section[s].held = h->section[s].own;
		quarry_store_release(&h->section[s].offline, true);
	}
	quarry_store_release(&pl->nr_arenas, pl->nr_boot_arenas + h->nr_slots);
	return 0;
}

int quarry_add_memory(struct quarry *q, int nid, phys_addr_t start, phys_addr_t size)
{
	struct page_layer *pl = q->pages;
	struct hotplug_range r;
	phys_addr_t end;
	int err;

	if (!quarry_node_possible(q, nid) || size == 0 || quarry_add_overflows(start, size, &end) ||
	    ((start | size) & (QUARRY_MEMORY_BLOCK_BYTES - 1)) != 0)
		return -QUARRY_EINVAL;
	if ((end - 1) >> QUARRY_PAGE_SHIFT >> PAGE_SECTION_ORDER >= pl->nr_sections)
		return -QUARRY_E2BIG;
	r.first = start >> QUARRY_PAGE_SHIFT >> PAGE_SECTION_ORDER;
	r.last = end >> QUARRY_PAGE_SHIFT >> PAGE_SECTION_ORDER;
	err = hotplug_begin(q);
	if (err != 0)
		return err;
	err = hotplug_add(q, nid, &r);
	hotplug_end(q);
	return err;
}

static int hotplug_remove(struct quarry *q, const struct hotplug_range *r)
{
	struct page_layer *pl = q->pages;
	int err;

	for (pfn_t s = r->first; s < r->last; s++) {
		if (pl->section[s] == PAGE_NO_ARENA && !pl->hotplug->section[s].offline)
			return -QUARRY_EINVAL;
		if (!pl->hotplug->section[s].offline)
			return -QUARRY_EBUSY;
	}
	err = quarry_memblock_remove(q, (phys_addr_t)r->first * QUARRY_MEMORY_BLOCK_BYTES,
				     (phys_addr_t)(r->last - r->first) * QUARRY_MEMORY_BLOCK_BYTES);
	if (err != 0)
		return err;
	hwpoison_forget(q, r->first << PAGE_SECTION_ORDER, r->last << PAGE_SECTION_ORDER);
	for (pfn_t s = r->first; s < r->last; s++) {
		/* From now on it has tables of its own alone, if any. */
		quarry_store_release(&pl->hotplug->section[s].offline, false);
		pl->hotplug->section[s].held = 0;
	}
	return 0;
}

int quarry_remove_memory(struct quarry *q, phys_addr_t start, phys_addr_t size)
{
	struct hotplug_range r;
	int err;

	if (((start | size) & (QUARRY_PAGE_SIZE - 1)) != 0 ||
	    !hotplug_range_of(q->pages, start >> QUARRY_PAGE_SHIFT,
			      (unsigned long)(size >> QUARRY_PAGE_SHIFT), &r))
		return -QUARRY_EINVAL;
	err = hotplug_begin(q);
	if (err != 0)
		return err;
	err = hotplug_remove(q, &r);
	hotplug_end(q);
	return err;
}

/* ---- going online ---- */

struct hotplug_online {
	struct hotplug_range r;
	struct page_zone *zone; /* where it goes */
	bool new_zone;
	struct zonelist_set *lists; /* NULL: they stay */
	int nid;
};

static bool hotplug_zone_meets(const struct page_zone *z, pfn_t start, pfn_t end)
{
	return z != NULL && z->spanned != 0 && start < z->start_pfn + z->spanned &&
	       end > z->start_pfn;
}

/* The zone's type, by Linux's rules: see enum quarry_online_type. */
static enum quarry_zone_type hotplug_zone_type(const struct page_layer *pl, int nid, pfn_t start,
					       pfn_t end, enum quarry_online_type how)
{
	struct page_zone *const *zone = pl->node[nid].zone;
	enum quarry_zone_type kernel = QUARRY_ZONE_NORMAL;
	bool in_kernel, in_movable;

	for (unsigned int t = QUARRY_ZONE_NORMAL; t-- > 0;) {
		if (hotplug_zone_meets(zone[t], start, end))
			kernel = (enum quarry_zone_type)t;
	}
	if (how != QUARRY_ONLINE_DEFAULT)
		return how == QUARRY_ONLINE_KERNEL ? kernel : QUARRY_ZONE_MOVABLE;
	in_kernel = hotplug_zone_meets(zone[kernel], start, end);
	in_movable = hotplug_zone_meets(zone[QUARRY_ZONE_MOVABLE], start, end);
	if (in_kernel != in_movable)
		return in_kernel ? kernel : QUARRY_ZONE_MOVABLE;
	return pl->movable_node ? QUARRY_ZONE_MOVABLE : kernel;
}

/* The zone, or the next free place in zone[] made ready to be one. */
static int hotplug_find_zone(struct quarry *q, struct hotplug_online *o, enum quarry_zone_type type)
{
	struct page_layer *pl = q->pages;
	struct page_zone *z = pl->node[o->nid].zone[type];
	size_t size;

	o->zone = z;
	o->new_zone = false;
	if (z != NULL)
		return 0;
	if (pl->nr_zones >= pl->max_zones || pl->max_arenas == pl->nr_boot_arenas)
		return -QUARRY_E2BIG;
	z = &pl->zone[pl->nr_zones];
	z->avail_words = (pl->max_arenas - pl->nr_boot_arenas + 63) / 64;
	size = sizeof(uint64_t) * z->avail_words * ZONE_AVAIL_ROWS;
	z->avail = quarry_meta_alloc_node(q, size, o->nid);
	if (z->avail == NULL)
		return -QUARRY_ENOMEM;
	o->new_zone = true;
	z->index = (uint16_t)pl->nr_zones;
	z->nid = (int16_t)o->nid;
	z->type = (uint8_t)type;
	z->arena_first = z->arena_last = pl->nr_boot_arenas;
	hardened_seal_zone(z);
	o->zone = z;
	return 0;
}

/* Makes all that going online needs. */
static int hotplug_prepare_online(struct quarry *q, struct hotplug_online *o,
				  enum quarry_online_type how)
{
	struct page_layer *pl = q->pages;
	struct hotplug_section *section = pl->hotplug->section;
	uint64_t populated[PAGE_ZONE_WORDS];
	int err;

	o->nid = section[o->r.first].nid;
	for (pfn_t s = o->r.first; s < o->r.last; s++) {
		if (!section[s].offline || section[s].nid != o->nid)
			return -QUARRY_EINVAL;
	}
	err = hotplug_find_zone(q, o,
				hotplug_zone_type(pl, o->nid, o->r.first << PAGE_SECTION_ORDER,
						  o->r.last << PAGE_SECTION_ORDER, how));
	for (pfn_t s = o->r.first; s < o->r.last && err == 0; s++) {
		if (section[s].held == section[s].own ||
		    pl->arena[section[s].held - 1].zone != o->zone)
			err = hotplug_make_slot(q, s, o->nid);
	}
	if (err == 0 && o->zone->managed == 0) {
		zonelist_populated(pl, populated);
		populated[o->zone->index / 64] |= (uint64_t)1 << o->zone->index % 64;
		o->lists = zonelist_prepare(q, populated);
		err = o->lists != NULL ? 0 : -QUARRY_ENOMEM;
	}
	return err;
}

static void hotplug_cancel_online(struct quarry *q, struct hotplug_online *o, uint32_t slots)
{
	hotplug_drop_slots(q, &o->r, slots);
	if (o->new_zone && o->zone != NULL) {
		quarry_meta_free(q, o->zone->avail);
		*o->zone = (struct page_zone){.avail = NULL};
	}
}

/* Frees pageblock @i of @a, all of it but what is poisoned. a->lock held. */
static unsigned int hotplug_free_pageblock(struct quarry *q, struct page_arena *a, unsigned int i)
	QUARRY_REQUIRES(a->lock)
{
	uint8_t type = q->pages->no_grouping ? QUARRY_MIGRATE_UNMOVABLE : QUARRY_MIGRATE_MOVABLE;
	pfn_t base = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);
	const uint64_t *poison = hwpoison_bits(q->pages, base);
	struct page_pb *pb = &a->pb[i];

	arena_set_type(q, a, i, type);
	pb->flags = 0;
	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		a->bits[i][w] = poison != NULL ? PAGE_BITS_ALL & ~poison[w] : PAGE_BITS_ALL;
	pb->nr_free = (uint16_t)pageblock_count_free(a->bits[i]);
	if (pb->nr_free != QUARRY_PAGEBLOCK_PAGES)
		pb->flags = PAGE_PB_POISONED;
	if (page_prep_on(q))
		prep_release_pageblock(q, a, i);
	if (pb->described || pb->flags != 0)
		memmap_describe(a, i);
	for (unsigned int w = 0; pb->flags != 0 && w < PAGE_WORDS; w++)
		hwpoison_keep(q->pages, a, i, w, poison[w]);
	arena_file(q, a, i);
	return pb->nr_free;
}

/* Puts section @s into use as memory of zone @z. */
static void hotplug_open_section(struct quarry *q, pfn_t s, struct page_zone *z)
{
	struct page_layer *pl = q->pages;
	struct hotplug_section *section = &pl->hotplug->section[s];
	struct page_arena *a = &pl->arena[section->held - 1];
	pfn_t start = s << PAGE_SECTION_ORDER;
	unsigned int first, n;
	int64_t freed = 0;
	quarry_pin_t pin;

	if (a->zone != z)
		a = &pl->arena[section->own - 1];
	pin = arena_lock(q, a);
	if (a->zone != z) { /* its own, in which nothing is in use; boot's keep theirs */
		quarry_store_relaxed(&a->zone, z);
		a->zone_index = z->index;
		a->zone_type = z->type;
	}
	first = (unsigned int)((start - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER);
	n = (unsigned int)HOTPLUG_PBS;
	for (unsigned int i = first + n; i-- > first;)
		freed += hotplug_free_pageblock(q, a, i);
	arena_count(q, a, freed);
	arena_unlock(q, a, pin);
	quarry_store_release(&z->arena_last, quarry_max(z->arena_last, a->index + 1u));
	section->held = 0;
	quarry_store_release(&pl->section[s], (uint32_t)a->index);
	quarry_store_release(&section->offline, false);
}

static void hotplug_grow(pfn_t *span_start, pfn_t *span_end, pfn_t start, pfn_t end)
{
	if (*span_end <= *span_start)
		*span_start = start, *span_end = end;
	*span_start = quarry_min(*span_start, start);
	*span_end = quarry_max(*span_end, end);
}

static void hotplug_commit_online(struct quarry *q, struct hotplug_online *o)
{
	struct page_layer *pl = q->pages;
	struct page_node *node = &pl->node[o->nid];
	struct page_zone *z = o->zone;
	pfn_t start = o->r.first << PAGE_SECTION_ORDER, end = o->r.last << PAGE_SECTION_ORDER;
	pfn_t zone_end = z->start_pfn + z->spanned, zone_start = z->start_pfn;
	unsigned long nr = (unsigned long)(end - start);

	hotplug_grow(&zone_start, &zone_end, start, end);
	quarry_store_relaxed(&z->start_pfn, zone_start);
	quarry_store_relaxed(&z->spanned, (unsigned long)(zone_end - zone_start));
	hotplug_grow(&node->start_pfn, &node->end_pfn, start, end);
	quarry_store_relaxed(&node->present, true);
	quarry_store_relaxed(&z->present, z->present + nr);
	quarry_fetch_add_relaxed(&z->managed, nr);
	quarry_fetch_add_relaxed(&pl->present, nr);
	quarry_fetch_add_relaxed(&pl->managed, nr);
	quarry_fetch_add_relaxed(&pl->handed_over, (uint64_t)nr);
	quarry_store_release(&pl->nr_arenas, pl->nr_boot_arenas + pl->hotplug->nr_slots);
	if (o->new_zone) {
		quarry_store_release(&pl->nr_zones, pl->nr_zones + 1);
		quarry_store_release(&node->zone[z->type], z);
	}
	/* Marks first: they keep requests out of what is not theirs from the first page on. */
	watermark_update(q);
	for (pfn_t s = o->r.first; s < o->r.last; s++)
		hotplug_open_section(q, s, z);
	watermark_update_limits(q);
	if (o->lists != NULL) {
		zonelist_publish(q, o->lists);
		boot_settle_cpus(pl);
	}
	pcp_update(q);
}

int quarry_online_pages(struct quarry *q, pfn_t start, unsigned long nr,
			enum quarry_online_type how)
{
	struct hotplug_online o = {.lists = NULL};
	uint32_t before;
	int err;

	if (!hotplug_range_of(q->pages, start, nr, &o.r) ||
	    (unsigned int)how > QUARRY_ONLINE_MOVABLE)
		return -QUARRY_EINVAL;
	err = hotplug_begin(q);
	if (err != 0)
		return err;
	before = q->pages->hotplug->nr_slots;
	err = hotplug_prepare_online(q, &o, how);
	if (err == 0)
		hotplug_commit_online(q, &o);
	else
		hotplug_cancel_online(q, &o, before);
	hotplug_end(q);
	return err;
}
