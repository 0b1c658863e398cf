/* SPDX-License-Identifier: MIT */
/*
 * Migratetypes: which block a request gets when its own lists are empty, and what becomes of pageblocks.
 *
 * textbook_policy runs generated sequences on a zone beside a list buddy with migratetypes, which foretells
 * from its own lists where each block comes from (P10, P11, CMA, highatomic), what changes its type, and
 * what is counted; free blocks by order and type must be equal after each step. The library files a pageblock
 * by its largest block, so of several candidates it may take any that Linux's lists could have at their
 * head. near_states visits all states near the first of a zone of 8 pages in two pageblocks.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model_buddy.h"
#include "page_hoard.h"

#define REF_OWNED 4096u
#define PB QUARRY_PAGEBLOCK_PAGES

struct ref_block {
	struct page *page;
	pfn_t pfn;
	unsigned int order, type;
};

struct ref {
	struct machine m;
	struct page_zone *z;
	struct model_buddy b;
	struct ref_block owned[REF_OWNED];
	unsigned int nr_owned;
	char why[256];
};

#define REF_FAIL(r, ...) (snprintf((r)->why, sizeof((r)->why), __VA_ARGS__), false)

static void set_type(struct machine *m, pfn_t pfn, unsigned int type)
{
	struct page_arena *a = memmap_arena(m->q->pages, pfn);
	quarry_pin_t pin = arena_lock(m->q, a);

	if (a->virgin)
		arena_unfold(m->q, a);
	arena_set_type(m->q, a, (unsigned int)((pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER),
		       type);
	arena_unlock(m->q, a, pin);
}

/* One zone Normal from address 0 on; no watermark to speak of. */
static struct machine_spec one_zone(phys_addr_t size)
{
	return (struct machine_spec){
		.memory = {{0, size, 0}},
		.boot = {.dma_limit = ~(phys_addr_t)0,
			 .dma32_limit = ~(phys_addr_t)0,
			 .set_min_free_kbytes = true,
			 .watermark_scale_factor = 1},
	};
}

static void normal_info(struct machine *m, struct quarry_zone_info *info)
{
	assert_true(quarry_zone_info(m->q, 0, QUARRY_ZONE_NORMAL, info));
}

/* ---- the textbook ---- */

static void ref_begin(struct ref *r, const struct machine_spec *spec)
{
	struct quarry_zone_info info;

	memset(r, 0, sizeof(*r));
	machine_build(&r->m, spec);
	normal_info(&r->m, &info);
	assert_int_equal(info.pcp_batch, 1); /* nothing is kept in sheaves */
	r->z = r->m.q->pages->node[0].zone[QUARRY_ZONE_NORMAL];
	assert_true(model_buddy_init(&r->b, info.start_pfn, info.start_pfn + info.spanned));
	for (pfn_t pfn = r->b.start; pfn < r->b.end; pfn += PB)
		model_buddy_set_type(&r->b, pfn, QUARRY_MIGRATE_MOVABLE);
	for (pfn_t pfn = r->b.start; pfn < r->b.end; pfn++) {
		bool reserved = false;

		for (const struct machine_range *k = spec->reserved; k->start < k->end; k++)
			reserved |= pfn << QUARRY_PAGE_SHIFT >= k->start &&
				    pfn << QUARRY_PAGE_SHIFT < k->end;
		if (!reserved)
			assert_true(model_buddy_free(&r->b, pfn, 0));
	}
}

static void ref_end(struct ref *r)
{
	model_buddy_fini(&r->b);
	machine_fini(&r->m);
}

/* Order of the largest free block of the pageblock at @start; -1: none, or it is its buddy's upper half. */
static int ref_largest(const struct ref *r, pfn_t start)
{
	pfn_t head, p;
	int largest = -1;

	if (model_buddy_find(&r->b, start, &head) == QUARRY_MAX_ORDER)
		return head == start ? QUARRY_MAX_ORDER : -1;
	for (p = start; p < start + PB && p < r->b.end; p++) {
		int order = (int)r->b.block[p - r->b.start] - 1;

		largest = order > largest ? order : largest;
	}
	return largest;
}

/* In it: the smallest block that fits, lowest address first. */
static pfn_t ref_place(const struct ref *r, pfn_t start, unsigned int order)
{
	if (ref_largest(r, start) == QUARRY_MAX_ORDER)
		return start;
	for (unsigned int o = order; o <= QUARRY_PAGEBLOCK_ORDER; o++) {
		for (pfn_t p = start; p < start + PB && p < r->b.end; p++) {
			if (r->b.block[p - r->b.start] == o + 1)
				return p;
		}
	}
	return ~(pfn_t)0;
}

/* Whether a pageblock of @type has @order as its largest. */
static bool ref_any(const struct ref *r, unsigned int type, unsigned int order)
{
	for (pfn_t start = r->b.start; start < r->b.end; start += PB) {
		if (model_buddy_type(&r->b, start) == type && ref_largest(r, start) == (int)order)
			return true;
	}
	return false;
}

/* P11's half: free, or of a kind that fits. */
static bool ref_half_fits(const struct ref *r, pfn_t start, unsigned int type)
{
	unsigned int free = 0, movable = 0, fits = 0;

	for (pfn_t p = start; p < start + PB && p < r->b.end; p++) {
		pfn_t head;

		free += model_buddy_find(&r->b, p, &head) >= 0;
	}
	for (unsigned int i = 0; i < r->nr_owned; i++) {
		const struct ref_block *k = &r->owned[i];

		if (k->pfn / PB == start / PB && k->type == QUARRY_MIGRATE_MOVABLE)
			movable += 1u << k->order;
	}
	if (type == QUARRY_MIGRATE_MOVABLE)
		fits = movable;
	else if (model_buddy_type(&r->b, start) == QUARRY_MIGRATE_MOVABLE)
		fits = (unsigned int)PB - free - movable;
	return free + fits >= PB / 2;
}

/* What a request came to. */
struct ref_outcome {
	unsigned int claimed, stolen;
	bool mixed;
};

/*
 * @pfn, ~0 for none, stands where the block comes from: pageblock of @from filed under @o. Which page of it
 * is free to a sheaf that is filled.
 */
static bool ref_at(const struct ref *r, pfn_t pfn, unsigned int order, unsigned int from,
		   unsigned int o)
{
	pfn_t start = pfn & ~(pfn_t)(PB - 1);

	return pfn != ~(pfn_t)0 && model_buddy_type(&r->b, pfn) == from &&
	       ref_largest(r, start) == (int)o &&
	       (order < PAGE_PCP_ORDERS || ref_place(r, start, order) == pfn);
}

/* The block at @pfn comes out of the smallest fitting block of @type's lists. */
static bool ref_plain(const struct ref *r, pfn_t pfn, unsigned int order, unsigned int type)
{
	unsigned int o = order;

	while (!ref_any(r, type, o))
		o++;
	return ref_at(r, pfn, order, type, o);
}

static bool ref_has(const struct ref *r, unsigned int type, unsigned int order)
{
	for (unsigned int o = order; o <= QUARRY_MAX_ORDER; o++) {
		if (ref_any(r, type, o))
			return true;
	}
	return false;
}

static const unsigned int ref_next_types[3][2] = {
	{QUARRY_MIGRATE_RECLAIMABLE, QUARRY_MIGRATE_MOVABLE},
	{QUARRY_MIGRATE_RECLAIMABLE, QUARRY_MIGRATE_UNMOVABLE},
	{QUARRY_MIGRATE_UNMOVABLE, QUARRY_MIGRATE_MOVABLE},
};

/* The first type that has a block of exactly @o; -1: neither. */
static int ref_from(const struct ref *r, unsigned int type, unsigned int o)
{
	for (unsigned int k = 0; k < 2; k++) {
		if (ref_any(r, ref_next_types[type][k], o))
			return (int)ref_next_types[type][k];
	}
	return -1;
}

/* Every pageblock of @from with @o as its largest fits @type, or not one does. */
static bool ref_all_fit(const struct ref *r, unsigned int from, unsigned int o, unsigned int type)
{
	for (pfn_t start = r->b.start; start < r->b.end; start += PB) {
		if (model_buddy_type(&r->b, start) == from && ref_largest(r, start) == (int)o &&
		    o < QUARRY_PAGEBLOCK_ORDER && !ref_half_fits(r, start, type))
			return false;
	}
	return true;
}

enum ref_verdict { REF_WRONG, REF_RIGHT, REF_NOT_SO };

/* Whether @pfn is what claiming gives; REF_NOT_SO: there may be nothing to be claimed. */
static enum ref_verdict ref_claim(const struct ref *r, pfn_t pfn, unsigned int order,
				  unsigned int type, unsigned int flags, struct ref_outcome *out)
{
	unsigned int least = (flags & ZONE_ALLOC_NOFRAGMENT) != 0 && order < QUARRY_PAGEBLOCK_ORDER
				     ? QUARRY_PAGEBLOCK_ORDER
				     : order;
	pfn_t start = pfn & ~(pfn_t)(PB - 1);

	for (unsigned int o = QUARRY_MAX_ORDER + 1; o-- > least;) {
		int from = ref_from(r, type, o);

		if (type == QUARRY_MIGRATE_MOVABLE && o < QUARRY_PAGEBLOCK_ORDER / 2)
			break;
		if (from < 0)
			continue;
		if (ref_at(r, pfn, order, (unsigned int)from, o) &&
		    (unsigned int)quarry_pageblock_type(r->m.q, pfn) == type &&
		    (o >= QUARRY_PAGEBLOCK_ORDER || ref_half_fits(r, start, type))) {
			*out = (struct ref_outcome){o == QUARRY_MAX_ORDER ? 2 : 1, 0,
						    o < QUARRY_PAGEBLOCK_ORDER};
			return REF_RIGHT;
		}
		if (ref_all_fit(r, (unsigned int)from, o, type))
			return REF_WRONG;
	}
	return REF_NOT_SO;
}

/* The same for stealing. */
static enum ref_verdict ref_steal(const struct ref *r, pfn_t pfn, unsigned int order,
				  unsigned int type, struct ref_outcome *out)
{
	for (unsigned int o = order; o <= QUARRY_MAX_ORDER; o++) {
		int from = ref_from(r, type, o);

		if (from < 0)
			continue;
		*out = (struct ref_outcome){0, 1, true};
		return ref_at(r, pfn, order, (unsigned int)from, o) ? REF_RIGHT : REF_WRONG;
	}
	return REF_NOT_SO;
}

/* Whether @pfn, or nothing, is what Linux's rules give. */
static bool ref_foretold(const struct ref *r, pfn_t pfn, unsigned int order, unsigned int type,
			 unsigned int flags, struct ref_outcome *out)
{
	bool cma = type == QUARRY_MIGRATE_MOVABLE && (flags & ZONE_ALLOC_CMA) != 0 &&
		   ref_has(r, QUARRY_MIGRATE_CMA, order);
	bool high = ref_has(r, QUARRY_MIGRATE_HIGHATOMIC, order);
	unsigned long free_cma = 0, free = r->b.free; /* but for what is isolated */
	enum ref_verdict verdict;

	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		free_cma += r->b.nr_free_type[QUARRY_MIGRATE_CMA][o] << o;
		free -= r->b.nr_free_type[QUARRY_MIGRATE_ISOLATE][o] << o;
	}
	*out = (struct ref_outcome){0};
	if (order > 0 && (flags & ZONE_ALLOC_HARDER) != 0 && high)
		return ref_plain(r, pfn, order, QUARRY_MIGRATE_HIGHATOMIC);
	if (cma && free_cma > free / 2)
		return ref_plain(r, pfn, order, QUARRY_MIGRATE_CMA);
	if (ref_has(r, type, order))
		return ref_plain(r, pfn, order, type);
	if (cma)
		return ref_plain(r, pfn, order, QUARRY_MIGRATE_CMA);
	verdict = ref_claim(r, pfn, order, type, flags, out);
	if (verdict == REF_NOT_SO && (flags & ZONE_ALLOC_NOFRAGMENT) == 0)
		verdict = ref_steal(r, pfn, order, type, out);
	if (verdict != REF_NOT_SO)
		return verdict == REF_RIGHT;
	if (high && (flags & (ZONE_ALLOC_HARDER | ZONE_ALLOC_OOM | ZONE_ALLOC_NO_MARK)) != 0)
		return ref_plain(r, pfn, order, QUARRY_MIGRATE_HIGHATOMIC);
	return pfn == ~(pfn_t)0;
}

static bool ref_compare(struct ref *r)
{
	struct quarry_zone_info info;

	normal_info(&r->m, &info);
	for (pfn_t start = r->b.start; start < r->b.end; start += PB) {
		if (quarry_pageblock_type(r->m.q, start) != (int)model_buddy_type(&r->b, start))
			return REF_FAIL(r, "pageblock %u: type %d, textbook %u",
					(unsigned int)(start / PB),
					quarry_pageblock_type(r->m.q, start),
					model_buddy_type(&r->b, start));
	}
	for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES; t++) {
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
			if (info.nr_free_type[t][o] != r->b.nr_free_type[t][o])
				return REF_FAIL(r, "type %u order %u: %lu free, textbook %lu", t, o,
						info.nr_free_type[t][o], r->b.nr_free_type[t][o]);
		}
	}
	return machine_is_sound(&r->m, r->why);
}

static bool ref_alloc(struct ref *r, unsigned int order, unsigned int type, unsigned int flags)
{
	uint64_t claimed = quarry_vm_event(r->m.q, QUARRY_VM_FALLBACK_CLAIMED);
	uint64_t stolen = quarry_vm_event(r->m.q, QUARRY_VM_FALLBACK_STOLEN);
	uint64_t boosts = quarry_vm_event(r->m.q, QUARRY_VM_WATERMARK_BOOST);
	struct quarry_zone_info info;
	struct ref_outcome out;
	struct page *page;
	pfn_t pfn = ~(pfn_t)0;

	if (r->nr_owned == REF_OWNED)
		return true;
	normal_info(&r->m, &info);
	page = pcp_alloc(r->m.q, r->z, order, type, flags);
	if (page != NULL)
		pfn = quarry_page_to_pfn(r->m.q, page);
	if (!ref_foretold(r, pfn, order, type, flags, &out))
		return REF_FAIL(r, "order %u type %u flags %#x: pfn %lld is not foretold", order,
				type, flags, (long long)pfn);
	if (quarry_vm_event(r->m.q, QUARRY_VM_FALLBACK_CLAIMED) - claimed != out.claimed ||
	    quarry_vm_event(r->m.q, QUARRY_VM_FALLBACK_STOLEN) - stolen != out.stolen)
		return REF_FAIL(r, "claimed %u stolen %u: counted otherwise", out.claimed,
				out.stolen);
	if (quarry_vm_event(r->m.q, QUARRY_VM_WATERMARK_BOOST) - boosts !=
	    (out.mixed && info.managed >= 4 * PB &&
	     (info.wmark[QUARRY_WMARK_HIGH] - info.boost) * 15000 / 10000 != 0))
		return REF_FAIL(r, "boost: %d expected", out.mixed);
	if (page == NULL)
		return true;
	page_set_word(page,
		      (page_word(page) & PAGE_WORD_ARENA_MASK) | page_word_alloc(order, type));
	for (unsigned int k = 0; k < out.claimed; k++)
		model_buddy_set_type(&r->b, pfn + k * PB, type);
	if (!model_buddy_alloc(&r->b, pfn, order))
		return REF_FAIL(r, "pfn %lld order %u was not free", (long long)pfn, order);
	r->owned[r->nr_owned++] = (struct ref_block){page, pfn, order, type};
	return true;
}

static bool ref_free(struct ref *r, unsigned int k)
{
	struct ref_block b = r->owned[k];

	quarry_free_pages(r->m.q, b.page, b.order);
	r->owned[k] = r->owned[--r->nr_owned];
	return model_buddy_free(&r->b, b.pfn, b.order) || REF_FAIL(r, "model: was free");
}

static bool ref_set_type(struct ref *r, pfn_t pfn, unsigned int type)
{
	set_type(&r->m, pfn, type);
	model_buddy_set_type(&r->b, pfn, type);
	return true;
}

static bool ref_random_step(struct ref *r, uint64_t *seed, unsigned int i)
{
	static const unsigned int flags[] = {
		0,
		0,
		ZONE_ALLOC_CMA,
		ZONE_ALLOC_CMA | ZONE_ALLOC_NO_MARK,
		ZONE_ALLOC_HARDER | ZONE_ALLOC_HIGH,
		ZONE_ALLOC_NOFRAGMENT,
		ZONE_ALLOC_NOFRAGMENT | ZONE_ALLOC_CMA,
		ZONE_ALLOC_OOM,
	};
	uint64_t x = machine_random(seed);
	unsigned int roll = (unsigned int)(x & 63), grow = i % 500 < 150   ? 48
							   : i % 500 < 400 ? 34
									   : 20;
	unsigned int order = (unsigned int)(x >> 8 & 3 ? (x >> 10 & 7) % 7 : (x >> 10 & 15) % 11);

	if (roll == 63 && (x >> 40 & 1) != 0)
		return ref_set_type(r, (pfn_t)(x >> 16) % r->b.end, (unsigned int)(x >> 48) % 6);
	if (roll < grow || r->nr_owned == 0)
		return ref_alloc(r, order, (unsigned int)(x >> 16) % 3, flags[x >> 24 & 7]);
	return ref_free(r, (unsigned int)(x >> 32) % r->nr_owned);
}

static void textbook_policy(void **state)
{
	static const phys_addr_t sizes[] = {12 * MIB, 16 * MIB, 24 * MIB};
	struct ref *r = malloc(sizeof(*r));
	uint64_t claimed = 0, stolen = 0;

	(void)state;
	assert_non_null(r);
	for (unsigned int run = 0; run < 9; run++) {
		struct machine_spec spec = one_zone(sizes[run % 3]);
		uint64_t seed = 0xfa11u + run;

		spec.boot.watermark_scale_factor = run % 2 ? 1 : 20; /* of nothing: no boost */
		/* Some machines have pageblocks that are mostly reserved. */
		if (run % 3 == 1)
			spec.reserved[0] = (struct machine_range){2 * MIB + 65536, 5 * MIB, 0};
		ref_begin(r, &spec);
		assert_true(ref_compare(r));
		for (unsigned int i = 0; i < 2500; i++) {
			if (!ref_random_step(r, &seed, i) || !ref_compare(r))
				fail_msg("run %u step %u: %s", run, i, r->why);
		}
		while (r->nr_owned > 0)
			assert_true(ref_free(r, r->nr_owned - 1));
		assert_true(ref_compare(r));
		assert_int_equal(r->m.reports, 0);
		claimed += quarry_vm_event(r->m.q, QUARRY_VM_FALLBACK_CLAIMED);
		stolen += quarry_vm_event(r->m.q, QUARRY_VM_FALLBACK_STOLEN);
		ref_end(r);
	}
	print_message("%llu claimed, %llu stolen\n", (unsigned long long)claimed,
		      (unsigned long long)stolen);
	assert_true(claimed > 200 && stolen > 400);
	free(r);
}

/* ---- near states ---- */

#define STATES 3000u
#define STATE_STEPS 32u

struct ref_op {
	uint8_t kind, order, type, flags, pick;
};

struct ref_state {
	uint32_t parent;
	struct ref_op op;
	uint64_t hash;
};

static int ref_by_pfn(const void *a, const void *b)
{
	pfn_t x = ((const struct ref_block *)a)->pfn, y = ((const struct ref_block *)b)->pfn;

	return x < y ? -1 : x > y;
}

/* Owned blocks, and the types of the two pageblocks. */
static uint64_t ref_hash(struct ref *r)
{
	uint64_t hash = model_buddy_type(&r->b, 0) * 8u + model_buddy_type(&r->b, PB);

	qsort(r->owned, r->nr_owned, sizeof(r->owned[0]), ref_by_pfn);
	for (unsigned int i = 0; i < r->nr_owned; i++) {
		hash += r->owned[i].pfn * 64 + r->owned[i].order * 4 + r->owned[i].type + 1;
		hash = machine_random(&hash);
	}
	return hash;
}

static bool ref_do(struct ref *r, const struct ref_op *op)
{
	return op->kind == 0 ? ref_alloc(r, op->order, op->type, op->flags) : ref_free(r, op->pick);
}

static void ref_go(struct ref *r, const struct ref_state *known, uint32_t state)
{
	struct ref_op path[STATE_STEPS];
	unsigned int n = 0;

	while (r->nr_owned > 0)
		assert_true(ref_free(r, r->nr_owned - 1));
	ref_set_type(r, 0, QUARRY_MIGRATE_MOVABLE);
	ref_set_type(r, PB, QUARRY_MIGRATE_MOVABLE);
	for (; state != 0; state = known[state].parent) {
		assert_true(n < STATE_STEPS);
		path[n++] = known[state].op;
	}
	while (n-- > 0) {
		if (!ref_do(r, &path[n]))
			fail_msg("replay: %s", r->why);
		ref_hash(r); /* sorts: a free names its block by place */
	}
}

static void ref_try(struct ref *r, struct ref_state *known, uint32_t from, struct ref_op op,
		    uint32_t *n)
{
	uint64_t hash;

	ref_go(r, known, from);
	if (!ref_do(r, &op) || !ref_compare(r))
		fail_msg("state %u, kind %u order %u type %u flags %u pick %u: %s", from, op.kind,
			 op.order, op.type, op.flags, op.pick, r->why);
	hash = ref_hash(r);
	for (uint32_t i = 0; i < *n; i++) {
		if (known[i].hash == hash)
			return;
	}
	if (*n < STATES)
		known[(*n)++] = (struct ref_state){from, op, hash};
}

/*
 * Two pageblocks with four free pages each, all else of the machine reserved: everything that a few requests
 * and frees of each type and order can come to.
 */
static void near_states(void **state)
{
	struct machine_spec spec = one_zone(12 * MIB);
	struct ref_state *known = malloc(sizeof(*known) * STATES);
	struct ref *r = malloc(sizeof(*r));
	uint32_t n = 1, done;

	(void)state;
	assert_true(known != NULL && r != NULL);
	spec.reserved[0] = (struct machine_range){16384, 2 * MIB, 0};
	spec.reserved[1] = (struct machine_range){2 * MIB + 16384, 12 * MIB, 0};
	ref_begin(r, &spec);
	known[0] = (struct ref_state){.hash = ref_hash(r)};
	for (done = 0; done < n && done < 400; done++) {
		unsigned int owned;

		ref_go(r, known, done);
		owned = r->nr_owned;
		for (unsigned int k = 0; k < 3 * 3 * 2; k++)
			ref_try(r, known, done,
				(struct ref_op){.order = (uint8_t)(k / 3 % 3),
						.type = (uint8_t)(k % 3),
						.flags = k < 9 ? 0 : ZONE_ALLOC_NOFRAGMENT},
				&n);
		for (unsigned int k = 0; k < owned; k++)
			ref_try(r, known, done, (struct ref_op){.kind = 1, .pick = (uint8_t)k}, &n);
	}
	assert_int_equal(done, 400);
	ref_end(r);
	free(r);
	free(known);
}

/* ---- rows ---- */

/* P3: at pageblock_order and above, isolate, CMA and highatomic merge with nothing else. */
static void barrier_between_types(void **state)
{
	const struct machine_spec spec = one_zone(16 * MIB);
	struct quarry_zone_info info;
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	for (unsigned int a = 0; a < QUARRY_MIGRATE_TYPES; a++) {
		for (unsigned int b = 0; b < QUARRY_MIGRATE_TYPES; b++) {
			bool merge = a == b ||
				     (a < QUARRY_MIGRATE_PCPTYPES && b < QUARRY_MIGRATE_PCPTYPES);

			/* In both orders, and by the free that makes a half whole. */
			set_type(&m, 2 * PB, a);
			set_type(&m, 3 * PB, b);
			machine_check(&m);
			normal_info(&m, &info);
			assert_int_equal(info.nr_free[10], 3 + merge);
			assert_int_equal(info.nr_free[9], 2 * !merge);
			assert_int_equal(info.nr_free_type[a][9], !merge + (!merge && a == b));
			set_type(&m, 2 * PB, QUARRY_MIGRATE_MOVABLE);
			set_type(&m, 3 * PB, QUARRY_MIGRATE_MOVABLE);
		}
	}
	/* A page comes back into an isolated pageblock whose buddy is whole. */
	page = quarry_alloc_pages(m.q, GFP_ALL | __GFP_MOVABLE, 0);
	set_type(&m, quarry_page_to_pfn(m.q, page), QUARRY_MIGRATE_ISOLATE);
	quarry_free_pages(m.q, page, 0);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	normal_info(&m, &info);
	assert_int_equal(info.nr_free[10], 3);
	assert_int_equal(info.nr_free_type[QUARRY_MIGRATE_ISOLATE][9], 1);
	assert_int_equal(quarry_pageblock_type(m.q, 4096), -QUARRY_ENOENT);
	machine_fini(&m);
}

/* P8: what is freed, by its owner or out of a sheaf, goes to the lists of the type that its pageblock has by then. */
static void frees_go_by_their_pageblock(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0}},
		.boot = {.dma_limit = ~(phys_addr_t)0, .dma32_limit = ~(phys_addr_t)0},
	};
	struct quarry_zone_info info;
	struct page *page, *second;
	struct machine m;
	pfn_t pfn;

	(void)state;
	machine_build(&m, &spec);
	quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0), 0);
	quarry_drain_all_pages(m.q);
	for (unsigned int type = 0; type < QUARRY_MIGRATE_PCPTYPES; type++) {
		unsigned long free = 0;

		page = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0);
		pfn = quarry_page_to_pfn(m.q, page);
		assert_int_equal(quarry_pageblock_type(m.q, pfn), QUARRY_MIGRATE_MOVABLE);
		set_type(&m, pfn, type);
		/* The next of the sheaf is still a movable one. */
		second = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 0);
		assert_int_equal(quarry_page_to_pfn(m.q, second), pfn + 1);
		quarry_free_pages(m.q, second, 0);
		quarry_drain_all_pages(m.q);
		normal_info(&m, &info);
		for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
			free += info.nr_free_type[type][o] << o;
		assert_int_equal(free, type == QUARRY_MIGRATE_MOVABLE ? 64 * 256 - 1 : 511);
		machine_check(&m);
		quarry_free_pages(m.q, page, 0);
		quarry_drain_all_pages(m.q);
		set_type(&m, pfn, QUARRY_MIGRATE_MOVABLE);
	}
	machine_fini(&m);
}

/* P9: where a request goes by its mobility bits. */
static void types_of_gfp(void **state)
{
	static const struct {
		gfp_t gfp;
		int type;
	} cases[] = {
		{GFP_KERNEL, QUARRY_MIGRATE_UNMOVABLE},
		{GFP_KERNEL | __GFP_RECLAIMABLE, QUARRY_MIGRATE_RECLAIMABLE},
		{GFP_KERNEL | __GFP_MOVABLE, QUARRY_MIGRATE_MOVABLE},
		{GFP_HIGHUSER_MOVABLE, QUARRY_MIGRATE_MOVABLE},
		{GFP_ATOMIC, QUARRY_MIGRATE_UNMOVABLE},
	};
	const struct machine_spec spec = one_zone(16 * MIB);
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct page *page = quarry_alloc_pages(m.q, cases[i].gfp, 4);

		assert_non_null(page);
		assert_int_equal(quarry_pageblock_type(m.q, quarry_page_to_pfn(m.q, page)),
				 cases[i].type);
	}
	machine_check(&m);
	machine_fini(&m);
}

/* All of [@start, @end) in use by single movable pages but every second page of each pageblock's last 400. */
static void mix_ready(struct machine *m, gfp_t gfp, pfn_t start, pfn_t end)
{
	struct hoard other = {0};

	for (pfn_t n = 0; n < end - start;) {
		struct page *page =
			quarry_alloc_pages(m->q, gfp | __GFP_MEMALLOC | __GFP_MOVABLE, 0);
		pfn_t pfn;

		assert_non_null(page);
		pfn = quarry_page_to_pfn(m->q, page);
		if (pfn >= start && pfn < end)
			n++;
		else
			hoard_add(&other, page, 0);
	}
	for (pfn_t pfn = start; pfn < end; pfn++) {
		if (pfn % PB >= 112 && pfn % 2 == 1)
			quarry_free_pages(m->q, quarry_pfn_to_page(m->q, pfn), 0);
	}
	hoard_free(m, &other);
	quarry_drain_all_pages(m->q);
}

/* A lower zone is used before pageblocks of Normal are mixed, as long as it can be. */
static void lower_zone_before_mixing(void **state)
{
	struct machine_spec spec = one_zone(32 * MIB);
	struct hoard h = {0};
	struct machine m;
	struct page *page;

	(void)state;
	for (unsigned int with_dma32 = 0; with_dma32 < 2; with_dma32++) {
		spec.boot.dma32_limit = with_dma32 ? 16 * MIB : ~(phys_addr_t)0;
		spec.boot.dma_limit = with_dma32 ? ~(phys_addr_t)0 : 16 * MIB;
		machine_build(&m, &spec);
		mix_ready(&m, GFP_KERNEL, 4096, 8192);
		assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), 0);
		page = quarry_alloc_pages(m.q, GFP_NOWAIT, 0);
		hoard_add(&h, page, 0);
		/* Below Normal there is DMA32 with free pageblocks; or no DMA32: then it is mixed. */
		assert_int_equal(quarry_page_to_pfn(m.q, page) < 4096, with_dma32);
		assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), !with_dma32);
		/* When all else is used up, types are mixed all the same. */
		while ((page = quarry_alloc_pages(m.q, GFP_NOWAIT, 0)) != NULL)
			hoard_add(&h, page, 0);
		assert_true(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN) > 1000);
		machine_check(&m);
		hoard_free(&m, &h);
		machine_fini(&m);
	}
}

/* A page of the own node is worth a mixed pageblock. */
static void near_before_unmixed(void **state)
{
	struct machine_spec spec = {
		.memory = {{0, 8 * MIB, 0}, {8 * MIB, 24 * MIB, 0}, {24 * MIB, 48 * MIB, 1}},
		.boot = {.dma_limit = ~(phys_addr_t)0,
			 .dma32_limit = 8 * MIB,
			 .set_min_free_kbytes = true,
			 .watermark_scale_factor = 1,
			 .nr_cpus = 2},
	};
	struct hoard dma32 = {0};
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	hoard_order(&m, &dma32, GFP_NOWAIT | __GFP_DMA32 | __GFP_MEMALLOC | __GFP_THISNODE, 0);
	mix_ready(&m, GFP_KERNEL | __GFP_THISNODE, 2048, 6144);
	page = quarry_alloc_pages(m.q, GFP_NOWAIT, 0);
	assert_non_null(page);
	assert_true(quarry_page_to_pfn(m.q, page) < 6144);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), 1);
	/* defrag_mode thinks otherwise. */
	assert_int_equal(quarry_sysctl_set(m.q, "defrag_mode", "1"), 0);
	page = quarry_alloc_pages(m.q, GFP_NOWAIT, 0);
	assert_true(quarry_page_to_pfn(m.q, page) >= 6144);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), 1);
	machine_check(&m);
	hoard_free(&m, &dma32);
	machine_fini(&m);
}

struct freer {
	unsigned int calls;
	pfn_t free_at; /* a pageblock's worth of single pages, or 0 */
	uint64_t stolen_before;
};

static unsigned long free_a_pageblock(void *ctx, int nid, gfp_t gfp, unsigned int order,
				      unsigned long nr_pages)
{
	struct machine *m = ctx;
	struct freer *f = m->hook;
	unsigned long freed = 0;

	(void)nid;
	(void)gfp;
	(void)order;
	(void)nr_pages;
	if (f == NULL)
		return 0;
	f->calls++;
	f->stolen_before = quarry_vm_event(m->q, QUARRY_VM_FALLBACK_STOLEN);
	for (pfn_t pfn = f->free_at; f->free_at != 0 && pfn < f->free_at + PB; pfn++) {
		if (quarry_pfn_state(m->q, pfn, NULL) == QUARRY_PAGE_ALLOCATED) {
			quarry_free_pages(m->q, quarry_pfn_to_page(m->q, pfn), 0);
			freed++;
		}
	}
	quarry_drain_all_pages(m->q);
	f->free_at = 0;
	return freed;
}

/* defrag_mode: types are not mixed before reclaim has failed. */
static void defrag_mode(void **state)
{
	struct machine_spec spec = one_zone(16 * MIB);
	struct freer f = {0};
	struct machine m;
	struct page *page;

	(void)state;
	spec.port = MACHINE_COUNTED;
	spec.budget = -1;
	spec.reclaim = free_a_pageblock;
	machine_build(&m, &spec);
	mix_ready(&m, GFP_KERNEL, 0, 4096);
	m.hook = &f;
	/* Off: mixed at once. */
	assert_non_null(quarry_alloc_pages(m.q, GFP_KERNEL, 0));
	assert_int_equal(f.calls, 0);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), 1);
	assert_int_equal(quarry_sysctl_set(m.q, "defrag_mode", "1"), 0);
	/* Reclaim makes a pageblock whole: it is claimed. */
	f.free_at = 3 * PB;
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	assert_non_null(page);
	assert_true(f.calls > 0);
	assert_int_equal(quarry_page_to_pfn(m.q, page) / PB, 3);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), 1);
	assert_int_equal(quarry_pageblock_type(m.q, 3 * PB), QUARRY_MIGRATE_UNMOVABLE);
	/* Reclaim does not help: mixed then. Who cannot reclaim mixes when the first try has failed. */
	set_type(&m, 3 * PB, QUARRY_MIGRATE_ISOLATE);
	f.calls = 0;
	assert_non_null(quarry_alloc_pages(m.q, GFP_KERNEL, 0));
	assert_true(f.calls > 0);
	assert_int_equal(f.stolen_before, 1);
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), 2);
	assert_non_null(quarry_alloc_pages(m.q, GFP_NOWAIT, 0));
	assert_int_equal(quarry_vm_event(m.q, QUARRY_VM_FALLBACK_STOLEN), 3);
	m.hook = NULL;
	machine_check(&m);
	machine_fini(&m);
}

/* Movable pages come out of CMA first while it has more than half of what is free; then at the end. */
static void movable_shares_with_cma(void **state)
{
	const struct machine_spec spec = one_zone(32 * MIB);
	struct quarry_zone_info info;
	unsigned int from_cma = 0;
	struct hoard h = {0};
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	for (unsigned int k = 4; k < 14; k++)
		set_type(&m, k * PB, QUARRY_MIGRATE_CMA);
	machine_check(&m);
	normal_info(&m, &info);
	assert_int_equal(info.free_cma, 5120);
	for (unsigned int i = 0;; i++) {
		unsigned int order = i % 3 == 0 ? 0 : i % 3 == 1 ? 4 : 1;
		bool first, cma;

		normal_info(&m, &info);
		first = info.free_cma > info.free / 2;
		page = quarry_alloc_pages(m.q, GFP_NOWAIT | __GFP_MOVABLE, order);
		if (page == NULL)
			break;
		hoard_add(&h, page, order);
		cma = quarry_pageblock_type(m.q, quarry_page_to_pfn(m.q, page)) ==
		      QUARRY_MIGRATE_CMA;
		if (first)
			assert_true(cma);
		else if (cma) /* nothing else fits */
			assert_true(info.free - info.free_cma < 64);
		from_cma += cma;
		if (i % 16 == 0)
			machine_check(&m);
	}
	assert_true(from_cma > 100);
	normal_info(&m, &info);
	assert_true(info.free_cma < 16);
	hoard_free(&m, &h);
	/* Others get none, to the last page. */
	hoard_all(&m, &h, GFP_ALL | __GFP_RECLAIMABLE);
	hoard_all(&m, &h, GFP_ALL);
	quarry_drain_all_pages(m.q);
	normal_info(&m, &info);
	assert_int_equal(info.free, 5120);
	assert_int_equal(info.free_cma, 5120);
	for (size_t i = 0; i < h.n; i++)
		assert_int_not_equal(quarry_pageblock_type(m.q, quarry_page_to_pfn(m.q, h.page[i])),
				     QUARRY_MIGRATE_CMA);
	hoard_free(&m, &h);
	machine_check(&m);
	machine_fini(&m);
}

/* ---- arenas ---- */

static unsigned int spoilt_arenas(struct machine *m)
{
	struct page_layer *pl = m->q->pages;
	unsigned int n = 0;

	for (unsigned int i = 0; i < pl->nr_arenas; i++)
		n += pl->arena[i].nr_stay != 0;
	return n;
}

/* A pair of pageblocks in a clean arena is left alone while a spoilt one has a whole pageblock. */
static void claims_where_it_is_spoilt(void **state)
{
	struct machine_spec spec = one_zone(4 * MACHINE_GIB);
	struct hoard h = {0};
	struct machine m;
	struct page *page;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(spoilt_arenas(&m), 0);
	set_type(&m, 2 * PAGE_ARENA_PAGES, QUARRY_MIGRATE_UNMOVABLE);
	set_type(&m, 2 * PAGE_ARENA_PAGES + PB, QUARRY_MIGRATE_UNMOVABLE);
	assert_int_equal(spoilt_arenas(&m), 1);
	/* All 512 pageblocks of it, before another is touched. */
	for (unsigned int i = 0; i < 512; i++) {
		page = quarry_alloc_pages(m.q, i % 2 ? GFP_KERNEL : GFP_KERNEL | __GFP_RECLAIMABLE,
					  9);
		hoard_add(&h, page, 9);
		assert_int_equal(quarry_page_to_pfn(m.q, page) / PAGE_ARENA_PAGES, 2);
		assert_int_equal(spoilt_arenas(&m), 1);
	}
	hoard_add(&h, quarry_alloc_pages(m.q, GFP_KERNEL, 9), 9);
	assert_int_equal(spoilt_arenas(&m), 2);
	machine_check(&m);
	hoard_free(&m, &h);
	machine_check(&m);
	machine_fini(&m);
}

/* No memory for the descriptors of a clean arena: an arena that has some is claimed from instead. */
static void claims_without_new_tables(void **state)
{
	struct machine_spec spec = one_zone(4 * MACHINE_GIB);
	struct hoard h = {0};
	struct machine m;
	struct page *page;

	(void)state;
	spec.port = MACHINE_COUNTED;
	spec.budget = -1;
	machine_build(&m, &spec);
	/* Two of four arenas get their tables. */
	page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_MOVABLE, 10);
	hoard_add(&h, page, 10);
	assert_true(memmap_give_map(m.q, &m.q->pages->arena[3]));
	set_type(&m, 3 * PAGE_ARENA_PAGES, QUARRY_MIGRATE_MOVABLE);
	m.budget = 0;
	for (unsigned int i = 0; i < 600; i++) {
		page = quarry_alloc_pages(m.q, GFP_KERNEL, 10);
		if (page == NULL)
			break;
		hoard_add(&h, page, 10);
	}
	/* All of the two arenas that have tables, none of the two that have none. */
	assert_true(m.tables_refused > 0);
	assert_int_equal(h.n, 512);
	for (size_t i = 0; i < h.n; i++)
		assert_non_null(quarry_pfn_to_page(m.q, quarry_page_to_pfn(m.q, h.page[i])));
	machine_check(&m);
	m.budget = -1;
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 10);
	assert_non_null(page);
	hoard_add(&h, page, 10);
	hoard_free(&m, &h);
	machine_check(&m);
	machine_fini(&m);
}

/* Movable blocks come and go, up to @keep at a time, and kernel pages stay. Returns arenas that have any. */
static unsigned int live_together(unsigned int cpus, size_t keep, uint64_t seed, bool concurrent)
{
	struct machine_spec spec = one_zone(16 * MACHINE_GIB);
	struct hoard movable = {0}, stay = {0};
	unsigned int spoilt;
	struct machine m;

	spec.boot.nr_cpus = cpus;
	spec.concurrent = concurrent;
	machine_build(&m, &spec);
	for (unsigned int i = 0; i < 40000; i++) {
		uint64_t x = machine_random(&seed);
		gfp_t kind = x & 16 ? __GFP_RECLAIMABLE : 0;
		unsigned int order = (unsigned int)(x >> 16 & 15) % 8;

		quarry_posix_set_cpu((unsigned int)(x & 7) % cpus);
		if ((x >> 12 & 7) == 0) {
			hoard_add(&stay, quarry_alloc_pages(m.q, GFP_KERNEL | kind, order), order);
		} else if (movable.n < keep || (x >> 12 & 1) != 0) {
			order = (x >> 8 & 3) == 0 ? order : 9;
			hoard_add(&movable, quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, order),
				  order);
		}
		if (movable.n > keep) {
			size_t k = (size_t)(x >> 32) % movable.n;

			quarry_free_pages(m.q, movable.page[k], movable.order[k]);
			movable.n--;
			movable.page[k] = movable.page[movable.n];
			movable.order[k] = movable.order[movable.n];
		}
	}
	assert_true(stay.pages > 100000);
	spoilt = spoilt_arenas(&m);
	quarry_posix_set_cpu(0);
	hoard_free(&m, &movable);
	hoard_free(&m, &stay);
	quarry_drain_all_pages(m.q);
	machine_check(&m);
	machine_fini(&m);
	return spoilt;
}

/* Half a GiB of kernel pages among 4 to 13 GiB of movable ones, of 16: they stay together. */
static void few_arenas_are_spoilt(void **state)
{
	(void)state;
	for (unsigned int cpus = 1; cpus <= 8; cpus *= 2) {
		for (size_t keep = 3000; keep <= 9000; keep += 3000) {
			for (unsigned int concurrent = 0; concurrent < 2; concurrent++) {
				unsigned int spoilt =
					live_together(cpus, keep, cpus * keep, concurrent != 0);

				print_message("%u CPUs, %zu movable blocks: %u of 16 arenas\n",
					      cpus, keep, spoilt);
				assert_int_equal(spoilt, 1);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(textbook_policy),
		cmocka_unit_test(near_states),
		cmocka_unit_test(barrier_between_types),
		cmocka_unit_test(frees_go_by_their_pageblock),
		cmocka_unit_test(types_of_gfp),
		cmocka_unit_test(lower_zone_before_mixing),
		cmocka_unit_test(near_before_unmixed),
		cmocka_unit_test(defrag_mode),
		cmocka_unit_test(movable_shares_with_cma),
		cmocka_unit_test(claims_where_it_is_spoilt),
		cmocka_unit_test(claims_without_new_tables),
		cmocka_unit_test(few_arenas_are_spoilt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
