/* SPDX-License-Identifier: MIT */
/*
 * Watermarks, reserves and per-CPU limits, to the page as Linux 6.1 computes them.
 *
 * min_free_kbytes = sqrt(16 * lowmem KiB), clamped to 128..262144; lowmem is what zones up to Normal
 * manage above their high watermark. Linux's huge-page daemon then raises it, on machines of 512 MiB
 * and more, to 11 pageblocks for each populated zone, but at most 5 % of lowmem; without huge pages it
 * computes the root again, of lowmem that is smaller by the high watermarks. A zone's min is its
 * share by managed pages; the gap to low, and from low to high, is the larger of min / 4 and
 * managed * watermark_scale_factor / 10000. A lower zone keeps managed(higher zones) / ratio pages
 * from requests that could have used those.
 *
 * Boost      When types are mixed in a pageblock, the zone's marks rise by one pageblock each time, up to
 *            watermark_boost_factor / 10000 of high, and the background reclaimer is woken: with more
 *            free, the next request need not mix. It takes the boost back when it has balanced the zone.
 *            wmark[] holds the marks with the boost, as requests see them.
 *
 * Short way  A request out of a sheaf compares free pages with one number for each CPU and kind of
 *            request: low + reserve, and all pages of highatomic and CMA pageblocks, as these may be what is
 *            free. That is too high, never too low; the long way looks at the counts. The number of such
 *            pageblocks is rounded up to a power of two, so that CPUs are told rarely.
 *
 * Run time   Everything but reserves is computed again after a sysctl, hotplug of memory or of CPUs.
 *            tune_lock serialises that; mark_lock, below the arenas' locks, guards marks, boost and the
 *            short way's copies. Readers take neither: each number is read and written whole.
 */
#include "internal.h"

#include <base/string.h>

static unsigned long watermark_isqrt(uint64_t x)
{
	uint64_t root = 0;

	for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1) {
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	}
	return (unsigned long)root;
}

/* Pages that zones up to Normal manage above their high watermark (Linux: nr_free_buffer_pages). */
static unsigned long watermark_lowmem(const struct page_layer *pl)
{
	unsigned long sum = 0;

	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		const struct page_zone *z = &pl->zone[i];

		if (z->type <= QUARRY_ZONE_NORMAL &&
		    quarry_load_relaxed(&z->managed) > z->wmark[QUARRY_WMARK_HIGH])
			sum += quarry_load_relaxed(&z->managed) - z->wmark[QUARRY_WMARK_HIGH];
	}
	return sum;
}

/* The marks of those short ways of @cpu for requests with @bits that lead to @z. */
static void watermark_set_fast_bits(const struct page_layer *pl, struct page_cpu *cpu,
				    unsigned int bits, const struct page_zone *z)
{
	unsigned long mark = z->fast_mark[pl->highest_zone[bits & 15u]];

	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		struct page_fast *f = &cpu->fast[slot];

		if (f->out[bits]->zone == z)
			quarry_store_relaxed(&f->mark[bits], page_fast_mark(slot, mark));
	}
}

/* Tells the zone's own marks and all CPUs. mark_lock held, or boot. */
static void watermark_set_fast(struct page_layer *pl, struct page_zone *z)
{
	unsigned long raise = (unsigned long)z->fast_pb * QUARRY_PAGEBLOCK_PAGES;

	for (unsigned int j = 0; j < QUARRY_NR_ZONES; j++)
		z->fast_mark[j] = z->wmark[QUARRY_WMARK_LOW] + z->reserve[j] + raise;
	hardened_seal_zone(z);
	for (unsigned int i = 0; i < pl->nr_cpus; i++) {
		struct page_cpu *c = page_cpu_of(pl, i);

		for (unsigned int bits = 0; c != NULL && bits < PAGE_FAST_BITS; bits++)
			watermark_set_fast_bits(pl, c, bits, z);
	}
}

static void watermark_set_zones(struct page_layer *pl)
{
	unsigned long pages_min = pl->min_free_kbytes >> (QUARRY_PAGE_SHIFT - 10);
	uint64_t managed = 0;

	for (unsigned int i = 0; i < page_nr_zones(pl); i++)
		managed += quarry_load_relaxed(&pl->zone[i].managed);
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		struct page_zone *z = &pl->zone[i];
		unsigned long min, gap;

		min = managed == 0 ? 0
				   : (unsigned long)bits_div64(
					     (uint64_t)pages_min * quarry_load_relaxed(&z->managed),
					     managed);
		gap = (unsigned long)bits_div64((uint64_t)quarry_load_relaxed(&z->managed) *
							pl->watermark_scale_factor,
						10000);
		gap = quarry_max(min / 4, gap);
		quarry_store_relaxed(&z->boost, 0ul);
		for (unsigned int m = 0; m < QUARRY_NR_WMARK; m++)
			quarry_store_relaxed(&z->wmark[m], min + m * gap);
		watermark_set_fast(pl, z);
	}
}

static void watermark_set_reserves(struct page_layer *pl)
{
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		struct page_zone *z = &pl->zone[i];
		struct page_node *node = &pl->node[z->nid];
		unsigned int ratio = pl->lowmem_reserve_ratio[z->type];
		uint64_t above = 0;

		for (unsigned int j = 0; j < QUARRY_NR_ZONES; j++) {
			if (j > z->type && node->zone[j] != NULL)
				above += quarry_load_relaxed(&node->zone[j]->managed);
			quarry_store_relaxed(&z->reserve[j],
					     j <= z->type || ratio == 0 ||
							     quarry_load_relaxed(&z->managed) == 0
						     ? 0ul
						     : (unsigned long)bits_div64(above, ratio));
		}
		watermark_set_fast(pl, z);
	}
}

/* Pages that ordinary requests can never have. */
static void watermark_set_totalreserve(struct page_layer *pl)
{
	unsigned long sum = 0;

	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		const struct page_zone *z = &pl->zone[i];
		unsigned long max = 0;

		for (unsigned int j = z->type; j < QUARRY_NR_ZONES; j++)
			max = quarry_max(max, z->reserve[j]);
		max += z->wmark[QUARRY_WMARK_HIGH];
		sum += quarry_min(max, quarry_load_relaxed(&z->managed));
	}
	quarry_store_relaxed(&pl->totalreserve, sum);
}

static unsigned long watermark_pcp_batch(const struct page_zone *z)
{
	unsigned long b = quarry_min(quarry_load_relaxed(&z->managed) >> 10,
				     (unsigned long)(((size_t)1 << 20) / QUARRY_PAGE_SIZE)) /
			  4;

	b = quarry_max(b, 1ul);
	b = (1ul << bits_log2(b + b / 2)) - 1;
	return quarry_max(b, 1ul);
}

static void watermark_set_pcp(struct page_layer *pl)
{
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		struct page_zone *z = &pl->zone[i];
		unsigned long cpus = quarry_load_relaxed(&pl->node[z->nid].nr_cpus), pages;

		if (cpus == 0)
			cpus = quarry_load_relaxed(&pl->nr_online_cpus);
		pages = pl->percpu_pagelist_high_fraction != 0
				? quarry_load_relaxed(&z->managed) /
					  pl->percpu_pagelist_high_fraction
				: z->wmark[QUARRY_WMARK_LOW];
		quarry_store_relaxed(&z->pcp_batch, watermark_pcp_batch(z));
		quarry_store_relaxed(&z->pcp_high, quarry_max(pages / cpus, z->pcp_batch * 4));
	}
}

/*
 * To what sheaves may grow. All of a CPU together hold a share of an eighth of the zone; and one of small
 * blocks not more than Linux's pageset, which leaves the more for whole pageblocks.
 */
static void watermark_set_sheaf_high(struct page_zone *z, unsigned long cpus)
{
	const unsigned long types = QUARRY_MIGRATE_PCPTYPES + 1;
	unsigned long left = quarry_load_relaxed(&z->managed) / 8 / cpus / types, high;
	unsigned long share = left / (PAGE_PCP_ORDERS + 1);

	for (unsigned int o = 0; o < PAGE_PCP_ORDERS; o++) {
		high = z->pcp_batch == 1 ? 0 : quarry_min(share, z->pcp_high) >> o;
		high = quarry_min(high, (unsigned long)PAGE_SHEAF_HANDS * PAGE_BITS >> o);
		left -= high << o;
		z->sheaf_high[o] = (uint16_t)quarry_max(high, (unsigned long)z->sheaf_cap[o]);
	}
	high = quarry_min(left >> QUARRY_PAGEBLOCK_ORDER, (unsigned long)PAGE_SHEAF_HANDS);
	z->sheaf_high[PAGE_PCP_HUGE] =
		(uint16_t)quarry_max(high, (unsigned long)z->sheaf_cap[PAGE_PCP_HUGE]);
}

/*
 * What CPUs may keep back of the blocks that were freed to an arena; and which arenas are so poor that
 * each block must be counted at once. Those are mostly the lowest, so one number tells.
 */
static void watermark_set_in_limits(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	uint64_t strict = 0;

	for (uint32_t i = 0; i < pl->nr_arenas; i++) {
		struct page_arena *a = &pl->arena[i];

		for (unsigned int slot = 0; a->zone != NULL && slot <= PAGE_PCP_ORDERS; slot++) {
			quarry_store_relaxed(&a->in_limit[slot], a->zone->sheaf_high[slot]);
			if (slot < PAGE_PCP_ORDERS &&
			    a->zone->sheaf_high[slot] < pcp_in_least(slot))
				strict = (uint64_t)(i + 1) << PAGE_WORD_ARENA_SHIFT;
		}
	}
	quarry_store_relaxed(&q->strict_below, strict);
}

/* The sizes of our sheaves under them; they are made once. */
static void watermark_set_sheaves(struct page_layer *pl, struct page_zone *z)
{
	unsigned long cpus = pl->node[z->nid].nr_cpus, cap;

	if (cpus == 0)
		cpus = pl->nr_cpus;
	/* Where Linux caches single pages only, so do we; else a word of the bitmap at a time. */
	cap = z->pcp_batch == 1 ? 1
				: quarry_min(z->pcp_batch + 1, (unsigned long)PAGE_SHEAF_BLOCKS);
	for (unsigned int o = 0; o < PAGE_PCP_ORDERS; o++)
		z->sheaf_cap[o] = (uint16_t)quarry_max(cap >> o, 1ul);
	/* Whole pageblocks: what all CPUs hide of the zone together stays below a hundredth. */
	cap = quarry_load_relaxed(&z->managed) / cpus / (256ul << QUARRY_PAGEBLOCK_ORDER);
	z->sheaf_cap[PAGE_PCP_HUGE] = (uint16_t)quarry_min(cap, 8ul);
	watermark_set_sheaf_high(z, cpus);
}

/* Linux's min_free_kbytes: sqrt(16 * lowmem KiB), within bounds. */
static unsigned long watermark_default(const struct page_layer *pl)
{
	unsigned long kib = 1ul << (QUARRY_PAGE_SHIFT - 10);
	unsigned long root = watermark_isqrt((uint64_t)watermark_lowmem(pl) * kib * 16);

	return root < 128 ? 128 : root > 262144 ? 262144 : root;
}

/* What the daemon wants, so that it finds pageblocks of each type free in each zone. */
static unsigned long watermark_recommended(const struct page_layer *pl)
{
	unsigned long kib = 1ul << (QUARRY_PAGE_SHIFT - 10);
	unsigned long zones = 0, pages;

	for (unsigned int i = 0; i < page_nr_zones(pl); i++)
		zones += pl->zone[i].type <= QUARRY_ZONE_NORMAL &&
			 quarry_load_relaxed(&pl->zone[i].present) != 0;
	pages = 11 * (unsigned long)QUARRY_PAGEBLOCK_PAGES * zones;
	return quarry_min(pages, watermark_lowmem(pl) / 20) * kib;
}

/* Linux's value, unless somebody asked for more. */
static void watermark_set_min_free(struct page_layer *pl)
{
	unsigned long kbytes = watermark_default(pl);

	if ((long)kbytes > pl->user_min_free_kbytes)
		quarry_store_relaxed(&pl->min_free_kbytes, kbytes);
}

/* What the huge-page daemon does when it starts: it wants more. When it stops: as if it never was. */
static void watermark_set_daemon(struct page_layer *pl)
{
	if (pl->thp != PAGE_THP_NEVER)
		quarry_store_relaxed(&pl->min_free_kbytes,
				     quarry_max(pl->min_free_kbytes, watermark_recommended(pl)));
	else
		watermark_set_min_free(pl);
	watermark_set_zones(pl);
}

void watermark_setup(struct quarry *q, const struct quarry_boot_params *params)
{
	struct page_layer *pl = q->pages;
	bool given = params->set_min_free_kbytes || params->min_free_kbytes != 0;
	bool large = quarry_load_relaxed(&pl->managed) >= ((size_t)512 << 20) / QUARRY_PAGE_SIZE;

	pl->watermark_boost_factor = 15000;
	pl->extfrag_threshold = 500;
	pl->compaction_proactiveness = 20;
	pl->compact_unevictable_allowed = 1;
	pl->thp = large && !params->no_thp ? PAGE_THP_ALWAYS : PAGE_THP_NEVER;
	/* A value that was asked for stays: in Linux it comes after the daemon has started. */
	pl->user_min_free_kbytes = given ? (long)params->min_free_kbytes : -1;
	quarry_store_relaxed(&pl->min_free_kbytes, params->min_free_kbytes);
	if (!given)
		watermark_set_min_free(pl);
	watermark_set_zones(pl);
	if (!given && large)
		watermark_set_daemon(pl);
	watermark_set_reserves(pl);
	watermark_set_totalreserve(pl);
	watermark_set_pcp(pl);
	for (unsigned int i = 0; i < page_nr_zones(pl); i++)
		watermark_set_sheaves(pl, &pl->zone[i]);
	watermark_set_in_limits(q);
}

/* ---- run time ---- */

void watermark_reset(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->mark_lock);

	watermark_set_zones(pl);
	watermark_set_totalreserve(pl);
	watermark_set_pcp(pl);
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
}

void watermark_reset_reserves(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->mark_lock);

	watermark_set_reserves(pl);
	watermark_set_totalreserve(pl);
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
}

void watermark_reset_pcp(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->mark_lock);

	watermark_set_pcp(pl);
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
}

void watermark_reset_daemon(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->mark_lock);

	watermark_set_daemon(pl);
	watermark_set_totalreserve(pl);
	watermark_set_pcp(pl);
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
}

void watermark_update(struct quarry *q)
{
	struct page_layer *pl = q->pages;
	quarry_pin_t tune = quarry_lock(q->concurrent, &pl->tune_lock);
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->mark_lock);

	watermark_set_min_free(pl);
	watermark_set_zones(pl);
	watermark_set_reserves(pl);
	if (pl->thp != PAGE_THP_NEVER)
		watermark_set_daemon(pl);
	watermark_set_totalreserve(pl);
	watermark_set_pcp(pl);
	for (unsigned int i = 0; i < page_nr_zones(pl); i++) {
		/* A zone that had no memory at boot has no sheaves yet either. */
		if (pl->zone[i].sheaf_cap[0] == 0)
			watermark_set_sheaves(pl, &pl->zone[i]);
	}
	watermark_set_in_limits(q);
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
	quarry_unlock(q->concurrent, &pl->tune_lock, tune);
}

void watermark_update_limits(struct quarry *q)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &q->pages->mark_lock);

	watermark_set_in_limits(q);
	quarry_unlock(q->concurrent, &q->pages->mark_lock, pin);
}

void watermark_update_pcp(struct quarry *q)
{
	quarry_pin_t tune = quarry_lock(q->concurrent, &q->pages->tune_lock);

	watermark_reset_pcp(q);
	quarry_unlock(q->concurrent, &q->pages->tune_lock, tune);
}

/* ---- the short way ---- */

void watermark_refresh_fast(struct quarry *q, struct page_zone *z)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &q->pages->mark_lock);
	uint32_t special = quarry_load_relaxed(&z->special);
	uint32_t pb = special == 0 ? 0 : (uint32_t)1 << bits_fls(special - 1);

	if (pb != z->fast_pb) {
		z->fast_pb = pb;
		watermark_set_fast(q->pages, z);
	}
	quarry_unlock(q->concurrent, &q->pages->mark_lock, pin);
}

void watermark_open_fast(struct quarry *q, unsigned int cpu, unsigned int bits,
			 struct page_sheaf *const *out, const struct page_zone *z)
{
	struct page_layer *pl = q->pages;
	struct page_cpu *c = page_cpu_of(pl, cpu);
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->mark_lock);

	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++)
		c->fast[slot].out[bits] = out[slot];
	watermark_set_fast_bits(pl, c, bits, z);
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
}

void watermark_no_fast(struct page_cpu *cpu)
{
	for (unsigned int slot = 0; slot <= PAGE_PCP_ORDERS; slot++) {
		for (unsigned int bits = 0; bits < PAGE_FAST_BITS; bits++)
			cpu->fast[slot].out[bits] = pcp_no_sheaf();
	}
}

void watermark_close_fast(struct quarry *q, unsigned int cpu)
{
	struct page_layer *pl = q->pages;
	struct page_cpu *c = page_cpu_of(pl, cpu);
	quarry_pin_t pin = quarry_lock(q->concurrent, &pl->mark_lock);

	watermark_no_fast(c);
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
}

/* ---- boost ---- */

/* Changes a zone's boost, and all marks with it. mark_lock held. */
static void watermark_set_boost(struct page_layer *pl, struct page_zone *z, unsigned long boost)
{
	unsigned long more = boost - z->boost; /* wraps round if it is less */

	quarry_store_relaxed(&z->boost, boost);
	for (unsigned int m = 0; m < QUARRY_NR_WMARK; m++)
		quarry_store_relaxed(&z->wmark[m], z->wmark[m] + more);
	watermark_set_fast(pl, z);
}

QUARRY_COLD void watermark_boost(struct quarry *q, struct page_zone *z, unsigned int alloc_flags)
{
	struct page_layer *pl = q->pages;
	unsigned int factor = quarry_load_relaxed(&pl->watermark_boost_factor);
	unsigned long max, boost;
	quarry_pin_t pin;

	/* On a small zone a boost would be a good part of it. */
	if (factor == 0 || QUARRY_PAGEBLOCK_PAGES * 4 > quarry_load_relaxed(&z->managed))
		return;
	pin = quarry_lock(q->concurrent, &pl->mark_lock);
	max = (unsigned long)bits_div64((uint64_t)(z->wmark[QUARRY_WMARK_HIGH] - z->boost) * factor,
					10000);
	if (max != 0) {
		max = quarry_max(max, (unsigned long)QUARRY_PAGEBLOCK_PAGES);
		boost = quarry_min(z->boost + (unsigned long)QUARRY_PAGEBLOCK_PAGES, max);
		if (boost != z->boost)
			watermark_set_boost(pl, z, boost);
	}
	quarry_unlock(q->concurrent, &pl->mark_lock, pin);
	if (max == 0)
		return;
	page_event(q, QUARRY_VM_WATERMARK_BOOST, 1);
	if ((alloc_flags & ZONE_ALLOC_KSWAPD) != 0)
		quarry_store_relaxed(&z->boosted, 1u);
}

void watermark_boost_decay(struct quarry *q, struct page_zone *z, unsigned long pages)
{
	quarry_pin_t pin = quarry_lock(q->concurrent, &q->pages->mark_lock);

	if (z->boost != 0 && pages != 0)
		watermark_set_boost(q->pages, z, z->boost - quarry_min(z->boost, pages));
	quarry_unlock(q->concurrent, &q->pages->mark_lock, pin);
}

bool watermark_take_boosted(struct page_zone *z)
{
	return unlikely(quarry_load_relaxed(&z->boosted) != 0) &&
	       quarry_exchange_acquire(&z->boosted, 0u) != 0;
}
