/* SPDX-License-Identifier: MIT */
/*
 * Who has a block, who had it last, and what each place in the program holds.
 *
 * Problem    Say of any page who took it, when and how, also after it was freed; and of any place that
 *            takes pages how many it holds now. As little memory as may be, none while it is off, and
 *            nothing in the pages themselves.
 *
 * Terms      A record of 28 bytes for each page frame, 14 KiB for a pageblock, is made when a block of
 *            that pageblock is first seen: 0.7 % of the memory in use. The record of a block is that of
 *            its first page. A place is a caller's tag or the address that the call returned to; places
 *            have numbers, and place 0 stands for all that are not known, or too many.
 *
 * Invariant  live_bytes and live_blocks of a place are the sums over records that say "taken" and name
 *            it. A record says so from pageowner_alloc() to pageowner_free(). Blocks that were taken before the
 *            switch, or for which there was no memory, have none, and are not counted.
 *
 * Locks      owner->places.lock guards places and records; nothing is called under it. Tables are made before.
 * Cost       One hash look-up a request.
 */
#include "prep.h"

#include <base/places.h>
#include <base/string.h>

enum pageowner_state { OWNER_NONE, OWNER_TAKEN, OWNER_FREED };

/* Times in halves, so that the record needs no more alignment than they. */
struct pageowner_record {
	uint32_t alloc_ns[2], free_ns[2];
	uint32_t gfp : 24, order : 4, state : 4;
	uint16_t alloc_site, free_site;
	uint16_t alloc_cpu, free_cpu;
};

_Static_assert(sizeof(struct pageowner_record) == 28, "a pageblock's records fit four pages");

struct page_owner {
	struct places places; /* their lock guards records too */
	uint32_t nr_arenas;
	struct pageowner_record ***arena; /* by arena and pageblock; NULL: nothing seen there */
	uint64_t lost;
	size_t bytes;
};

struct page_owner *pageowner_new(struct quarry *q)
{
	struct page_owner *o = quarry_meta_alloc(q, sizeof(*o));
	size_t size = sizeof(struct pageowner_record **) * q->pages->nr_arenas;

	if (o == NULL)
		return NULL;
	o->arena = quarry_meta_alloc(q, size);
	if (o->arena == NULL) {
		quarry_meta_free(q, o);
		return NULL;
	}
	places_init(&o->places);
	o->nr_arenas = q->pages->nr_arenas;
	o->bytes = sizeof(*o) + size;
	return o;
}

void pageowner_delete(struct quarry *q, struct page_owner *o)
{
	for (uint32_t i = 0; i < o->nr_arenas; i++) {
		for (unsigned int k = 0; o->arena[i] != NULL && k < q->pages->arena[i].nr_pb; k++)
			quarry_meta_free(q, o->arena[i][k]);
		quarry_meta_free(q, o->arena[i]);
	}
	quarry_meta_free(q, o->arena);
	quarry_meta_free(q, o);
}

/* ---- records ---- */

/* @slot's table of @size bytes, made if there is none; NULL: no memory. */
static void *pageowner_table(struct quarry *q, struct page_owner *o, void **slot, size_t size)
{
	void *table = quarry_load_acquire(slot), *expected = NULL;

	if (table != NULL)
		return table;
	table = quarry_meta_alloc(q, size);
	if (table == NULL)
		return NULL;
	if (!quarry_cmpxchg(slot, &expected, table)) {
		quarry_meta_free(q, table); /* another CPU's is there */
		return expected;
	}
	quarry_fetch_add_relaxed(&o->bytes, size);
	return table;
}

/* The record of @page; NULL: there is none, and none could be made. */
static struct pageowner_record *pageowner_make(struct quarry *q, struct page_owner *o,
					       const struct page *page)
{
	const struct page_arena *a = page_arena_of(q->pages, page);
	size_t offset = (size_t)(page - a->map), i = offset >> QUARRY_PAGEBLOCK_ORDER;
	struct pageowner_record **blocks = NULL, *records = NULL;

	if (a->index < o->nr_arenas)
		blocks = pageowner_table(q, o, (void **)&o->arena[a->index],
					 sizeof(*blocks) * a->nr_pb);
	if (blocks != NULL)
		records = pageowner_table(q, o, (void **)&blocks[i],
					  sizeof(*records) * QUARRY_PAGEBLOCK_PAGES);
	if (records == NULL) {
		page_add(q->concurrent, &o->lost, 1);
		return NULL;
	}
	return &records[offset & (QUARRY_PAGEBLOCK_PAGES - 1)];
}

/* The record of @page if there is one. */
static struct pageowner_record *pageowner_of(const struct quarry *q, const struct page_owner *o,
					     const struct page *page)
{
	const struct page_arena *a = page_arena_of(q->pages, page);
	size_t offset = (size_t)(page - a->map);
	struct pageowner_record **blocks, *records = NULL;

	blocks = a->index < o->nr_arenas ? quarry_load_acquire(&o->arena[a->index]) : NULL;
	if (blocks != NULL)
		records = quarry_load_acquire(&blocks[offset >> QUARRY_PAGEBLOCK_ORDER]);
	return records != NULL ? &records[offset & (QUARRY_PAGEBLOCK_PAGES - 1)] : NULL;
}

static void pageowner_set_time(uint32_t *half, uint64_t ns)
{
	half[0] = (uint32_t)ns;
	half[1] = (uint32_t)(ns >> 32);
}

static uint64_t pageowner_time(const uint32_t *half)
{
	return (uint64_t)half[1] << 32 | half[0];
}

static void pageowner_live(struct page_owner *o, uint16_t site, unsigned int order, int blocks)
	QUARRY_REQUIRES(o->places.lock)
{
	place_hold_locked(&o->places, site, QUARRY_PAGE_SIZE << order, blocks);
}

/* ---- a block's life ---- */

void pageowner_alloc(struct quarry *q, struct page *page, unsigned int order, gfp_t gfp,
		     const struct page_caller *caller)
{
	struct page_owner *o = q->pages->prep->owner;
	struct pageowner_record *r = pageowner_make(q, o, page);
	uint64_t now = prep_now(q);
	quarry_pin_t pin;

	if (r == NULL)
		return;
	pin = quarry_lock(q->concurrent, &o->places.lock);
	if (r->state == OWNER_TAKEN) /* it came back by a way that tells nobody */
		pageowner_live(o, r->alloc_site, r->order, -1);
	r->alloc_site = place_of_locked(&o->places, caller->site, caller->address);
	r->alloc_cpu = (uint16_t)quarry_cpu();
	pageowner_set_time(r->alloc_ns, now);
	r->gfp = gfp & 0xffffffu;
	r->order = order & 15u;
	r->state = OWNER_TAKEN;
	place_take_locked(&o->places, r->alloc_site, QUARRY_PAGE_SIZE << order);
	quarry_unlock(q->concurrent, &o->places.lock, pin);
}

void pageowner_free(struct quarry *q, struct page *page, unsigned int order, const void *address)
{
	struct page_owner *o = q->pages->prep->owner;
	struct pageowner_record *r = pageowner_make(q, o, page);
	uint64_t now = prep_now(q);
	quarry_pin_t pin;

	if (r == NULL)
		return;
	pin = quarry_lock(q->concurrent, &o->places.lock);
	if (r->state == OWNER_TAKEN)
		pageowner_live(o, r->alloc_site, r->order, -1);
	else
		r->order = order & 15u;
	r->free_site = place_of_locked(&o->places, NULL, address);
	r->free_cpu = (uint16_t)quarry_cpu();
	pageowner_set_time(r->free_ns, now);
	r->state = OWNER_FREED;
	quarry_unlock(q->concurrent, &o->places.lock, pin);
}

void pageowner_split(struct quarry *q, struct page *page, unsigned int order)
{
	struct page_owner *o = q->pages->prep->owner;
	struct pageowner_record *head = pageowner_of(q, o, page);

	if (head == NULL || head->state != OWNER_TAKEN || head->order != order || order == 0)
		return;
	for (unsigned int i = 1u << order; i-- > 0;) {
		struct pageowner_record *r = pageowner_make(q, o, page + i);
		quarry_pin_t pin;

		if (r == NULL)
			continue;
		pin = quarry_lock(q->concurrent, &o->places.lock);
		if (i == 0) /* the last: until now it counted for all */
			pageowner_live(o, r->alloc_site, order, -1);
		*r = *head;
		r->order = 0;
		pageowner_live(o, r->alloc_site, 0, 1);
		quarry_unlock(q->concurrent, &o->places.lock, pin);
	}
}

void pageowner_moved(struct quarry *q, const struct page *dst, const struct page *src)
{
	struct page_owner *o = q->pages->prep->owner;
	struct pageowner_record *from = pageowner_of(q, o, src), *to;
	quarry_pin_t pin;

	if (from == NULL || from->state != OWNER_TAKEN)
		return;
	to = pageowner_make(q, o, dst);
	pin = quarry_lock(q->concurrent, &o->places.lock);
	if (to != NULL) {
		if (to->state == OWNER_TAKEN)
			pageowner_live(o, to->alloc_site, to->order, -1);
		*to = *from;
	} else {
		pageowner_live(o, from->alloc_site, from->order, -1);
	}
	from->state = OWNER_FREED;
	quarry_unlock(q->concurrent, &o->places.lock, pin);
}

/* ---- questions ---- */

/* False: nothing is known. */
static bool pageowner_describe(struct quarry *q, struct page_owner *o,
			       const struct pageowner_record *r, struct quarry_page_owner *owner)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &o->places.lock);
	bool known = r->state != OWNER_NONE;

	*owner = (struct quarry_page_owner){
		.allocated = r->state == OWNER_TAKEN,
		.order = r->order,
		.gfp = r->gfp,
		.alloc = {.site = o->places.place[r->alloc_site].site,
			  .address = o->places.place[r->alloc_site].address,
			  .cpu = r->alloc_cpu,
			  .ns = pageowner_time(r->alloc_ns)},
		.free = {.address = o->places.place[r->free_site].address,
			 .cpu = r->free_cpu,
			 .ns = pageowner_time(r->free_ns)},
	};
	quarry_unlock(q->concurrent, &o->places.lock, pin);
	return known;
}

static struct page_owner *pageowner_table_of(const struct quarry *q)
{
	return q->pages->prep != NULL ? q->pages->prep->owner : NULL;
}

bool quarry_page_owner(struct quarry *q, pfn_t pfn, struct quarry_page_owner *owner)
{
	struct page_owner *o = pageowner_table_of(q);
	const struct page *page = o != NULL ? quarry_pfn_to_page(q, pfn) : NULL;
	const struct pageowner_record *r = page != NULL ? pageowner_of(q, o, page) : NULL;

	return r != NULL && pageowner_describe(q, o, r, owner);
}

/* Whether the block at @page is taken, and by what the record says. */
static bool pageowner_is_taken(const struct page *page, const struct pageowner_record *r)
{
	uint64_t state = page_word(page) & PAGE_WORD_STATE_MASK;

	return r->state == OWNER_TAKEN && (state == PAGE_WORD_ALLOC || state == PAGE_WORD_SLAB);
}

/* The first taken block of arena @a from offset @from on in that pageblock, whose records are @r; the offset of the next
 * pageblock: there is none. */
static size_t pageowner_next_of(struct quarry *q, struct page_owner *o, const struct page_arena *a,
				const struct pageowner_record *r, size_t from)
{
	size_t end = ((from >> QUARRY_PAGEBLOCK_ORDER) + 1) << QUARRY_PAGEBLOCK_ORDER;
	quarry_pin_t pin = quarry_lock(q->concurrent, &o->places.lock);

	while (from < end &&
	       !pageowner_is_taken(&a->map[from], &r[from & (QUARRY_PAGEBLOCK_PAGES - 1)]))
		from++;
	quarry_unlock(q->concurrent, &o->places.lock, pin);
	return from;
}

/* The first taken block of arena @a from offset @from on; the end of the arena: there is none. */
static size_t pageowner_next_in(struct quarry *q, struct page_owner *o, const struct page_arena *a,
				size_t from)
{
	size_t end = (size_t)a->nr_pb << QUARRY_PAGEBLOCK_ORDER;
	struct pageowner_record **blocks =
		a->index < o->nr_arenas ? quarry_load_acquire(&o->arena[a->index]) : NULL;

	if (blocks == NULL)
		return end;
	while (from < end) {
		size_t next = ((from >> QUARRY_PAGEBLOCK_ORDER) + 1) << QUARRY_PAGEBLOCK_ORDER;
		const struct pageowner_record *r =
			quarry_load_acquire(&blocks[from >> QUARRY_PAGEBLOCK_ORDER]);

		from = r != NULL ? pageowner_next_of(q, o, a, r, from) : next;
		if (from != next)
			break;
	}
	return from;
}

bool quarry_page_owner_next(struct quarry *q, pfn_t *pfn, struct quarry_page_owner *owner)
{
	struct page_owner *o = pageowner_table_of(q);

	for (uint32_t i = 0; o != NULL && i < q->pages->nr_arenas; i++) {
		const struct page_arena *a = &q->pages->arena[i];
		size_t end = (size_t)a->nr_pb << QUARRY_PAGEBLOCK_ORDER, at;
		const struct pageowner_record *r = NULL;

		if (a->base_pfn + end <= *pfn)
			continue;
		at = pageowner_next_in(q, o, a,
				       *pfn > a->base_pfn ? (size_t)(*pfn - a->base_pfn) : 0);
		if (at != end)
			r = pageowner_of(q, o, &a->map[at]);
		if (r == NULL)
			continue;
		*pfn = a->base_pfn + at;
		return pageowner_describe(q, o, r, owner);
	}
	return false;
}

bool quarry_page_site(struct quarry *q, unsigned int index, struct quarry_page_site_info *info)
{
	struct page_owner *o = pageowner_table_of(q);

	*info = (struct quarry_page_site_info){0};
	return o != NULL && place_info(q, &o->places, index, info);
}

void pageowner_info(const struct page_owner *o, struct quarry_page_debug_info *info)
{
	info->owner_lost = quarry_load_relaxed(&o->lost);
	info->owner_bytes = quarry_load_relaxed(&o->bytes);
	info->sites = o->places.nr;
}

/* ---- reports ---- */

static void pageowner_report_user(struct quarry *q, const char *did,
				  const struct quarry_page_user *u)
{
	if (u->site != NULL)
		quarry_report(q, "page: %s at %s:%u %s() by CPU %u, %llu ns", did, u->site->file,
			      u->site->line, u->site->function, u->cpu, (unsigned long long)u->ns);
	else
		quarry_report(q, "page: %s by a call from %p, CPU %u, %llu ns", did, u->address,
			      u->cpu, (unsigned long long)u->ns);
}

/* The block that @pfn is or was the first, or a later, page of. */
static bool pageowner_block_of(struct quarry *q, pfn_t pfn, struct quarry_page_owner *owner)
{
	for (unsigned int o = 0; o <= QUARRY_MAX_ORDER; o++) {
		if (quarry_page_owner(q, bits_align_down(pfn, (pfn_t)1 << o), owner) &&
		    owner->order >= o)
			return true;
	}
	return false;
}

void pageowner_report(struct quarry *q, const struct page *page)
{
	struct quarry_page_owner owner;

	if (!pageowner_block_of(q, quarry_page_to_pfn(q, page), &owner))
		return;
	if (owner.alloc.site != NULL || owner.alloc.address != NULL)
		pageowner_report_user(q, owner.allocated ? "it was taken" : "it was last taken",
				      &owner.alloc);
	if (owner.free.address != NULL)
		pageowner_report_user(q, "it was last freed", &owner.free);
}
