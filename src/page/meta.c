/* SPDX-License-Identifier: MIT */
/*
 * Where Quarry's own tables live. The port may give memory outside the machine; else the machine pays:
 * from memblock or bootmem while it boots, from the buddy system, past the sheaves, afterwards.
 *
 * Guards     With QUARRY_HARDENED marks stand on both sides of each table, of a value that depends on its address
 *            and a cookie. They are looked at when the table is given back, and by the validator.
 */
#include "internal.h"

#include <base/format.h>
#include <base/seal.h>
#include <base/string.h>

#define META_LARGE ((size_t)2 << 20)
/* Marks before and behind a table: bytes that a write may hit which nothing else would tell of. */
#define META_GUARDS 5u
#define META_TAIL ((size_t)(QUARRY_HARDENED ? 64 : 0))
#define META_WRITTEN "page: table of %zu bytes at %p: written to %s"

/* Stands before each piece; pieces form a list so that quarry_destroy() finds them. */
struct meta_header {
	struct meta_header *next, *prev;
	size_t size; /* header and tail included */
#if QUARRY_HARDENED
	uint64_t guard[META_GUARDS]; /* next to the table, as is the tail */
#endif
} QUARRY_ALIGNED(64);

_Static_assert(sizeof(struct meta_header) == 64, "what the guards leave room for");

/* ---- marks ---- */

#if QUARRY_HARDENED

static uint64_t *meta_tail(const struct meta_header *h)
{
	return (uint64_t *)(void *)((char *)(uintptr_t)h + h->size - META_TAIL);
}

static uint64_t meta_mark(const struct quarry *q, const struct meta_header *h)
{
	return seal_add(q->cookie, (uintptr_t)h);
}

static void meta_set_marks(const struct quarry *q, struct meta_header *h)
{
	for (unsigned int i = 0; i < META_GUARDS; i++)
		h->guard[i] = meta_mark(q, h);
	for (unsigned int i = 0; i < META_TAIL / sizeof(uint64_t); i++)
		meta_tail(h)[i] = meta_mark(q, h);
}

/* "before its start" or "past its end": where somebody has written; NULL: nowhere. */
static const char *meta_damage(const struct quarry *q, const struct meta_header *h)
{
	uint64_t mark = meta_mark(q, h);

	for (unsigned int i = 0; i < META_GUARDS; i++) {
		if (h->guard[i] != mark)
			return "before its start";
	}
	for (unsigned int i = 0; i < META_TAIL / sizeof(uint64_t); i++) {
		if (meta_tail(h)[i] != mark)
			return "past its end";
	}
	return NULL;
}

static void meta_report_damage(struct quarry *q, const struct meta_header *h)
{
	const char *where = meta_damage(q, h);

	if (where != NULL)
		quarry_report(q, META_WRITTEN, h->size - sizeof(*h) - META_TAIL,
			      (const void *)(h + 1), where);
}

unsigned int meta_check(struct quarry *q, const struct quarry_out *out)
{
	/* The marks stand between a table and what leads to the next: they go first. */
	for (const struct meta_header *h = q->meta_list; h != NULL; h = h->next) {
		const char *where = meta_damage(q, h);

		if (where == NULL)
			continue;
		quarry_out_printf(out, META_WRITTEN "\n", h->size - sizeof(*h) - META_TAIL,
				  (const void *)(h + 1), where);
		return 1;
	}
	return 0;
}

#else

static void meta_set_marks(const struct quarry *q, struct meta_header *h)
{
	(void)q;
	(void)h;
}

static void meta_report_damage(struct quarry *q, const struct meta_header *h)
{
	(void)q;
	(void)h;
}

#endif

/* ---- memory ---- */

static void *meta_from_boot(struct quarry *q, size_t size, int nid)
{
	phys_addr_t phys;
	void *p;

	if (q->boot_from_bootmem) {
		p = nid < 0 ? quarry_alloc_bootmem_nopanic(q, size)
			    : quarry_alloc_bootmem_node_nopanic(q, nid, size);
		if (p != NULL)
			quarry_memset(p, 0, size);
		return p;
	}
	phys = quarry_memblock_phys_alloc_try_nid(q, size, 64, nid);
	p = phys != 0 ? quarry_storage(q, phys, size) : NULL;
	if (p != NULL)
		quarry_memset(p, 0, size);
	return p;
}

/* @nid if there is such a node, else this CPU's. */
static int meta_node(struct quarry *q, int nid)
{
	return nid >= 0 && nid < q->pages->nr_nodes ? nid : page_this_nid(q->pages);
}

/* Straight from the arenas: the sheaves may be what is being made. */
static void *meta_from_pages(struct quarry *q, size_t size, int nid)
{
	struct page_layer *pl = q->pages;
	const struct page_zonelist *list = zonelist_of(&pl->node[meta_node(q, nid)], false);
	unsigned int order = bits_get_order(size);
	struct page *page = NULL;
	void *p;

	for (unsigned int i = 0; i < list->nr && page == NULL; i++) {
		struct page_zone *z = list->zone[i];
		uint32_t hint = z->arena_first;

		if (unlikely(quarry_load_relaxed(&z->nr_unaccepted) != 0))
			accept_fill(q, z, order);
		if (order <= QUARRY_MAX_ORDER &&
		    zone_watermark_ok(pl, z, order, zone_mark(z, QUARRY_WMARK_MIN), z->type,
				      ZONE_ALLOC_HIGH | ZONE_ALLOC_HARDER, NULL))
			page = zone_take(q, z, &hint, order, QUARRY_MIGRATE_UNMOVABLE, 0);
	}
	if (page == NULL)
		return NULL;
	page_set_word(page, (page_word(page) & PAGE_WORD_ARENA_MASK) | page_word_alloc(order, 0));
	p = quarry_storage(q, quarry_page_to_pfn(q, page) << QUARRY_PAGE_SHIFT,
			   QUARRY_PAGE_SIZE << order);
	if (p == NULL) {
		page_set_word(page, (page_word(page) & PAGE_WORD_ARENA_MASK) | PAGE_WORD_FREE);
		zone_put_one(q, page, order);
		return NULL;
	}
	event_table(q, page, order);
	quarry_memset(p, 0, size);
	return p;
}

void *quarry_meta_alloc(struct quarry *q, size_t size_bytes)
{
	return quarry_meta_alloc_node(q, size_bytes, QUARRY_NO_NODE);
}

static void *meta_get(struct quarry *q, size_t size_bytes, int nid, size_t align)
{
	struct meta_header *h;
	quarry_pin_t pin;
	size_t size;

	if (quarry_add_overflows(size_bytes, sizeof(*h) + META_TAIL + 63, &size))
		return NULL;
	size &= ~(size_t)63;
	if (q->port.meta_alloc != NULL)
		h = q->port.meta_alloc(q->port.ctx, size, align);
	else if (q->stage < QUARRY_STAGE_PAGES)
		h = meta_from_boot(q, size, nid);
	else
		h = meta_from_pages(q, size, nid);
	if (h == NULL)
		return NULL;
	h->size = size;
	h->prev = NULL;
	meta_set_marks(q, h);
	pin = quarry_lock(q->concurrent, &q->meta_lock);
	h->next = q->meta_list;
	if (h->next != NULL)
		h->next->prev = h;
	q->meta_list = h;
	quarry_fetch_add_relaxed(&q->meta_bytes, size);
	quarry_unlock(q->concurrent, &q->meta_lock, pin);
	return h + 1;
}

void *quarry_meta_alloc_node(struct quarry *q, size_t size_bytes, int nid)
{
	return meta_get(q, size_bytes, nid, 64);
}

void *quarry_meta_alloc_large(struct quarry *q, size_t size_bytes)
{
	return meta_get(q, size_bytes, QUARRY_NO_NODE, META_LARGE);
}

void quarry_meta_free(struct quarry *q, void *p)
{
	struct meta_header *h;
	quarry_pin_t pin;

	if (p == NULL)
		return;
	h = (struct meta_header *)p - 1;
	meta_report_damage(q, h);
	pin = quarry_lock(q->concurrent, &q->meta_lock);
	if (h->next != NULL)
		h->next->prev = h->prev;
	if (h->prev != NULL)
		h->prev->next = h->next;
	else
		q->meta_list = h->next;
	quarry_fetch_add_relaxed(&q->meta_bytes, 0 - h->size);
	quarry_unlock(q->concurrent, &q->meta_lock, pin);
	if (q->port.meta_alloc != NULL)
		q->port.meta_free(q->port.ctx, h, h->size);
	else if (q->stage >= QUARRY_STAGE_PAGES && quarry_virt_to_page(q, h) != NULL)
		quarry_free_pages_addr(q, h, bits_get_order(h->size));
}

bool meta_holds(struct quarry *q, phys_addr_t phys)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &q->meta_lock);
	const struct meta_header *h = q->meta_list;

	while (h != NULL) {
		phys_addr_t start = quarry_virt_to_phys(q, h);

		if (start < phys + QUARRY_PAGE_SIZE && phys < start + h->size)
			break;
		h = h->next;
	}
	quarry_unlock(q->concurrent, &q->meta_lock, pin);
	return h != NULL;
}

void page_exit(struct quarry *q)
{
	while (q->meta_list != NULL && q->port.meta_alloc != NULL) {
		struct meta_header *h = q->meta_list;

		q->meta_list = h->next;
		q->port.meta_free(q->port.ctx, h, h->size);
	}
	q->meta_list = NULL;
	q->meta_bytes = 0;
	q->pages = NULL;
}
