/* SPDX-License-Identifier: MIT */
/*
 * What happens to a block between the buddy system and its owner, when somebody wants to know more.
 *
 * Problem    Clear contents, fill free pages with a pattern and check it, remember owners, let requests
 *            fail, tell events: each at any time, and none at any cost while it is off.
 *
 * How        While any is on, PAGE_FEATURE_PREP is set and no CPU takes the short way, so that every
 *            block passes prep_alloc() once on its way out and prep_free() once on its way back. The
 *            page layer's own tables pass neither.
 *
 * Poison     Invariant, while page_poison is on: every page that is free, in the buddy system or in a
 *            sheaf, holds the pattern in every byte. It is set up by filling all that is free when the
 *            switch is thrown, kept by prep_free() and prep_release(), and checked by prep_alloc(). The
 *            same for zeros with init_on_free. Nothing else in Quarry writes into free pages; the host is not
 *            told of any meanwhile (reporting.c), as it could. A page that comes while the switch is thrown
 *            comes under its arena's lock, and so is filled by one or the other.
 *
 * Locks      prep->lock guards what fail_page_alloc counts. Trace callbacks run under whatever the place
 *            of the event holds, arenas' locks included.
 *
 * Failure    No memory for tables: the switch stays off. Poison that is not there is reported, with the
 *            page's last user, and the page is handed out all the same.
 */
#include "prep.h"

#include <base/format.h>
#include <base/string.h>

#define PREP_POISON 0xaau

/* ---- contents ---- */

static unsigned char *prep_address(struct quarry *q, pfn_t pfn)
{
	return quarry_phys_to_virt(q, (phys_addr_t)pfn << QUARRY_PAGE_SHIFT);
}

/* What free pages are filled with: -1: they are left as they are. */
static int prep_fill_byte(const struct quarry *q, const struct prep_config *c)
{
	if (q->no_access)
		return -1;
	return c->poison ? (int)PREP_POISON : c->init_on_free ? 0 : -1;
}

/* Hex of the 16 bytes around @at, which lies in a page. */
static void prep_hex(const unsigned char *page, size_t at, char *text, size_t size)
{
	size_t from = at & ~(size_t)15, len = 0;

	for (size_t i = from; i < from + 16; i++)
		len += quarry_format(text + len, size - len, " %02x", page[i]);
}

static bool prep_one_bit(const unsigned char *page, size_t first, size_t last)
{
	unsigned int diff = page[first] ^ PREP_POISON;

	return first == last && (diff & (diff - 1)) == 0;
}

static void prep_check_page(struct quarry *q, struct page *page)
{
	pfn_t pfn = quarry_page_to_pfn(q, page);
	const unsigned char *p = prep_address(q, pfn);
	size_t first = 0, last = QUARRY_PAGE_SIZE;
	char hex[64];

	while (first < QUARRY_PAGE_SIZE && p[first] == PREP_POISON)
		first++;
	if (first == QUARRY_PAGE_SIZE)
		return;
	while (p[last - 1] == PREP_POISON)
		last--;
	quarry_fetch_add_relaxed(&q->pages->prep->poison_found, (uint64_t)1);
	quarry_report(
		q,
		"page: pfn %#llx was written to while it was free: byte %#zx is %#x, not %#x; "
		"%zu bytes up to the last%s",
		(unsigned long long)pfn, first, p[first], PREP_POISON, last - first,
		prep_one_bit(p, first, last - 1) ? "; single bit error" : "");
	prep_hex(p, first, hex, sizeof(hex));
	quarry_report(q, "page: pfn %#llx + %#zx:%s", (unsigned long long)pfn, first & ~(size_t)15,
		      hex);
	pageowner_report(q, page);
}

/* Fills the pages of @a that are free, or guards. */
static void prep_fill_free(struct quarry *q, struct page_arena *a, int byte)
{
	quarry_pin_t pin = arena_lock(q, a);

	for (size_t i = 0; !a->empty && i < (size_t)a->nr_pb * QUARRY_PAGEBLOCK_PAGES; i++) {
		if (a->virgin || arena_is_free(a, i) || guard_is(a, i))
			quarry_memset(prep_address(q, a->base_pfn + i), byte, QUARRY_PAGE_SIZE);
	}
	arena_unlock(q, a, pin);
}

/* ---- a block's way ---- */

void prep_alloc(struct quarry *q, struct page *page, unsigned int order, gfp_t gfp,
		const struct page_caller *caller)
{
	struct page_prep *p = q->pages->prep;
	const struct prep_config *c = &p->config;

	if (p->trace != NULL) {
		struct quarry_trace_event e = {
			.type = QUARRY_TRACE_PAGE_ALLOC,
			.page = page,
			.pfn = page != NULL ? quarry_page_to_pfn(q, page) : 0,
			.order = order,
			.gfp = gfp,
			.migratetype = (int)page_gfp_type(q->pages, gfp),
		};

		prep_trace(q, &e);
	}
	if (page == NULL)
		return;
	if (c->poison && !q->no_access) {
		for (unsigned int i = 0; i < 1u << order; i++)
			prep_check_page(q, page + i);
	}
	if (c->init_on_alloc && !q->no_access && (c->poison || !c->init_on_free))
		quarry_memset(quarry_page_address(q, page), 0, QUARRY_PAGE_SIZE << order);
	if (p->owner != NULL)
		pageowner_alloc(q, page, order, gfp, caller);
}

void prep_free(struct quarry *q, struct page *page, unsigned int order, const void *address,
	       bool batched)
{
	struct page_prep *p = q->pages->prep;
	int byte = prep_fill_byte(q, &p->config);

	if (p->trace != NULL) {
		struct quarry_trace_event e = {
			.type = QUARRY_TRACE_PAGE_FREE,
			.page = page,
			.pfn = quarry_page_to_pfn(q, page),
			.order = order,
		};

		prep_trace(q, &e);
		e.type = QUARRY_TRACE_PAGE_FREE_BATCHED;
		if (batched)
			prep_trace(q, &e);
	}
	if (byte >= 0)
		quarry_memset(quarry_page_address(q, page), byte, QUARRY_PAGE_SIZE << order);
	if (p->owner != NULL)
		pageowner_free(q, page, order, address);
}

void prep_split(struct quarry *q, struct page *page, unsigned int order)
{
	if (q->pages->prep->owner != NULL)
		pageowner_split(q, page, order);
}

void prep_moved(struct quarry *q, const struct page *dst, const struct page *src,
		unsigned int order)
{
	int byte = prep_fill_byte(q, &q->pages->prep->config);

	if (byte >= 0)
		quarry_memset(quarry_page_address(q, src), byte, QUARRY_PAGE_SIZE << order);
	if (q->pages->prep->owner != NULL)
		pageowner_moved(q, dst, src);
}

void prep_release(struct quarry *q, pfn_t pfn, uint64_t mask)
{
	int byte = prep_fill_byte(q, &q->pages->prep->config);

	for (; byte >= 0 && mask != 0; mask &= mask - 1)
		quarry_memset(prep_address(q, pfn + bits_ctz64(mask)), byte, QUARRY_PAGE_SIZE);
}

void prep_release_pageblock(struct quarry *q, const struct page_arena *a, unsigned int i)
{
	pfn_t base = a->base_pfn + ((pfn_t)i << QUARRY_PAGEBLOCK_ORDER);

	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		prep_release(q, base + w * PAGE_BITS, PAGE_BITS_ALL);
}

bool prep_wants_contents(const struct quarry *q)
{
	return prep_fill_byte(q, &q->pages->prep->config) >= 0;
}

/* ---- trace ---- */

void prep_trace(struct quarry *q, struct quarry_trace_event *e)
{
	struct page_prep *p = q->pages->prep;
	quarry_pin_t pin = quarry_pin();

	e->cpu = quarry_cpu();
	e->ns = prep_now(q);
	p->trace(p->trace_ctx, e);
	quarry_unpin(pin);
}

static bool prep_traces(const struct quarry *q)
{
	return q->pages->prep->trace != NULL;
}

/* Type of the pageblock that @page lies in. */
static int prep_block_type(struct quarry *q, const struct page *page)
{
	const struct page_arena *a = page_arena_of(q->pages, page);

	return a->pb[(size_t)(page - a->map) >> QUARRY_PAGEBLOCK_ORDER].type;
}

void prep_trace_drain(struct quarry *q, const struct page_hand *hands, unsigned int n,
		      unsigned int order)
{
	for (unsigned int i = 0; prep_traces(q) && i < n; i++) {
		for (uint64_t mask = hands[i].mask; mask != 0; mask &= mask - 1) {
			struct page *page = hands[i].base + bits_ctz64(mask);
			struct quarry_trace_event e = {
				.type = QUARRY_TRACE_PCPU_DRAIN,
				.page = page,
				.pfn = quarry_page_to_pfn(q, page),
				.order = order,
				.migratetype = prep_block_type(q, page),
			};

			prep_trace(q, &e);
		}
	}
}

void prep_trace_locked(struct quarry *q, struct page *page, unsigned int order, unsigned int type,
		       bool refill)
{
	struct quarry_trace_event e = {
		.type = QUARRY_TRACE_ZONE_LOCKED,
		.page = page,
		.pfn = quarry_page_to_pfn(q, page),
		.order = order,
		.migratetype = (int)type,
		.percpu_refill = refill,
	};

	if (prep_traces(q))
		prep_trace(q, &e);
}

void prep_trace_refill(struct quarry *q, const struct page_sheaf *s, unsigned int from,
		       unsigned int order, unsigned int type)
{
	for (unsigned int i = from; i < s->n; i++) {
		for (uint64_t mask = s->hand[i].mask; mask != 0; mask &= mask - 1)
			prep_trace_locked(q, s->hand[i].base + bits_ctz64(mask), order, type, true);
	}
}

void prep_trace_extfrag(struct quarry *q, struct page *page, unsigned int order, unsigned int type,
			unsigned int fallback_order, unsigned int fallback_type, bool claimed)
{
	struct quarry_trace_event e = {
		.type = QUARRY_TRACE_EXTFRAG,
		.page = page,
		.pfn = quarry_page_to_pfn(q, page),
		.order = order,
		.migratetype = (int)type,
		.fallback_order = fallback_order,
		.fallback_migratetype = (int)fallback_type,
		.change_ownership = claimed,
	};

	if (prep_traces(q))
		prep_trace(q, &e);
}

/* ---- switches ---- */

/* The state, made at first use; NULL: no memory. */
static struct page_prep *prep_get(struct quarry *q)
{
	struct page_layer *pl = q->pages;

	if (pl->prep == NULL) {
		pl->prep = quarry_meta_alloc(q, sizeof(*pl->prep));
		if (pl->prep != NULL) {
			quarry_lock_init(&pl->prep->lock, QUARRY_LOCK_LEAF);
			fault_defaults(&pl->prep->config);
		}
	}
	return pl->prep;
}

/* Sets or clears the feature by what is on. */
static void prep_settle(struct quarry *q)
{
	const struct page_prep *p = q->pages->prep;
	const struct prep_config *c = &p->config;

	page_set_feature(q, PAGE_FEATURE_PREP,
			 c->init_on_alloc || c->init_on_free || c->poison || p->owner != NULL ||
				 inject_on(&c->fault.attr) || p->trace != NULL ||
				 c->guard_minorder != 0);
}

/* All of @text into @c; false: one is wrong. */
static bool prep_parse_all(struct prep_config *c, const char *text)
{
	struct inject_word w;
	int found;

	while ((found = inject_next_word(&text, &w)) > 0)
		if (!fault_parse(c, w.name, w.name_len, w.value, w.value_len))
			return false;
	return found == 0;
}

int quarry_page_debug(struct quarry *q, const char *text)
{
	struct page_layer *pl = q->pages;
	struct page_prep *p = prep_get(q);
	struct prep_config c;
	int before, byte;

	if (p == NULL)
		return -QUARRY_ENOMEM;
	c = p->config;
	if (!prep_parse_all(&c, text))
		return -QUARRY_EINVAL;
	if (c.owner && p->owner == NULL) {
		p->owner = pageowner_new(q);
		if (p->owner == NULL)
			return -QUARRY_ENOMEM;
	} else if (!c.owner && p->owner != NULL) {
		struct page_owner *o = p->owner;

		/* Where its tables are pages their frees get no records: those would be made in what goes. */
		p->owner = NULL;
		pageowner_delete(q, o);
	}
	before = prep_fill_byte(q, &p->config);
	byte = prep_fill_byte(q, &c);
	p->config = c;
	pl->guard_minorder = (uint8_t)c.guard_minorder;
	prep_settle(q);
	if (byte >= 0 && byte != before) {
		/* What is in sheaves was freed without being filled. */
		quarry_drain_all_pages(q);
		for (uint32_t i = 0; i < pl->nr_arenas; i++)
			prep_fill_free(q, &pl->arena[i], byte);
	}
	return 0;
}

int quarry_trace_set(struct quarry *q, quarry_trace_fn fn, void *ctx)
{
	struct page_prep *p = prep_get(q);

	if (p == NULL)
		return -QUARRY_ENOMEM;
	p->trace = fn;
	p->trace_ctx = ctx;
	prep_settle(q);
	return 0;
}

void quarry_page_debug_info(struct quarry *q, struct quarry_page_debug_info *info)
{
	const struct page_prep *p = q->pages->prep;

	*info = (struct quarry_page_debug_info){0};
	if (p == NULL)
		return;
	info->injected = p->injected;
	info->poison_found = quarry_load_relaxed(&p->poison_found);
	if (p->owner != NULL)
		pageowner_info(p->owner, info);
}
