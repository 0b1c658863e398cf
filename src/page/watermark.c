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
 */
#include "internal.h"

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

	for (unsigned int i = 0; i < pl->nr_zones; i++) {
		const struct page_zone *z = &pl->zone[i];

		if (z->type <= QUARRY_ZONE_NORMAL && z->managed > z->wmark[QUARRY_WMARK_HIGH])
			sum += z->managed - z->wmark[QUARRY_WMARK_HIGH];
	}
	return sum;
}

static void watermark_set_zones(struct page_layer *pl)
{
	unsigned long pages_min = pl->min_free_kbytes >> (QUARRY_PAGE_SHIFT - 10);
	uint64_t managed = 0;

	for (unsigned int i = 0; i < pl->nr_zones; i++)
		managed += pl->zone[i].managed;
	for (unsigned int i = 0; i < pl->nr_zones; i++) {
		struct page_zone *z = &pl->zone[i];
		unsigned long min, gap;

		min = managed == 0 ? 0
				   : (unsigned long)bits_div64((uint64_t)pages_min * z->managed,
							       managed);
		gap = (unsigned long)bits_div64((uint64_t)z->managed * pl->watermark_scale_factor,
						10000);
		gap = quarry_max(min / 4, gap);
		z->wmark[QUARRY_WMARK_MIN] = min;
		z->wmark[QUARRY_WMARK_LOW] = min + gap;
		z->wmark[QUARRY_WMARK_HIGH] = min + 2 * gap;
		z->wmark[QUARRY_WMARK_PROMO] = min + 3 * gap;
	}
}

static void watermark_set_reserves(struct page_layer *pl)
{
	for (unsigned int i = 0; i < pl->nr_zones; i++) {
		struct page_zone *z = &pl->zone[i];
		struct page_node *node = &pl->node[z->nid];
		unsigned int ratio =
			z->type < QUARRY_ZONE_DEVICE ? pl->lowmem_reserve_ratio[z->type] : 0;
		uint64_t above = 0;

		for (unsigned int j = 0; j < QUARRY_NR_ZONES; j++) {
			if (j > z->type && node->zone[j] != NULL)
				above += node->zone[j]->managed;
			z->reserve[j] = j <= z->type || ratio == 0 || z->managed == 0
						? 0
						: (unsigned long)bits_div64(above, ratio);
		}
	}
}

/* Pages that ordinary requests can never have. */
static void watermark_set_totalreserve(struct page_layer *pl)
{
	pl->totalreserve = 0;
	for (unsigned int i = 0; i < pl->nr_zones; i++) {
		const struct page_zone *z = &pl->zone[i];
		unsigned long max = 0;

		for (unsigned int j = z->type; j < QUARRY_NR_ZONES; j++)
			max = quarry_max(max, z->reserve[j]);
		max += z->wmark[QUARRY_WMARK_HIGH];
		pl->totalreserve += quarry_min(max, z->managed);
	}
}

static unsigned long watermark_pcp_batch(const struct page_zone *z)
{
	unsigned long b = quarry_min(z->managed >> 10,
				     (unsigned long)(((size_t)1 << 20) / QUARRY_PAGE_SIZE)) /
			  4;

	b = quarry_max(b, 1ul);
	b = (1ul << bits_log2(b + b / 2)) - 1;
	return quarry_max(b, 1ul);
}

/* The limits of Linux's per-CPU pagesets, and the sizes of our sheaves under them. */
static void watermark_set_pcp(struct page_layer *pl)
{
	for (unsigned int i = 0; i < pl->nr_zones; i++) {
		struct page_zone *z = &pl->zone[i];
		unsigned long cpus = pl->node[z->nid].nr_cpus, cap;

		if (cpus == 0)
			cpus = pl->nr_cpus;
		z->pcp_batch = watermark_pcp_batch(z);
		z->pcp_high = quarry_max(z->wmark[QUARRY_WMARK_LOW] / cpus, z->pcp_batch * 4);
		/* Where Linux caches single pages only, so do we; else a word of the bitmap at a time. */
		cap = z->pcp_batch == 1
			      ? 1
			      : quarry_min(z->pcp_batch + 1, (unsigned long)PAGE_SHEAF_BLOCKS);
		for (unsigned int o = 0; o < PAGE_PCP_ORDERS; o++)
			z->sheaf_cap[o] = (uint16_t)quarry_max(cap >> o, 1ul);
		/* Whole pageblocks: what all CPUs hide of the zone together stays below a hundredth. */
		cap = z->managed / cpus / (256ul << QUARRY_PAGEBLOCK_ORDER);
		z->sheaf_cap[PAGE_PCP_HUGE] = (uint16_t)quarry_min(cap, 8ul);
	}
}

static void watermark_set_fast_marks(struct page_layer *pl)
{
	for (unsigned int i = 0; i < pl->nr_zones; i++) {
		struct page_zone *z = &pl->zone[i];

		for (unsigned int j = 0; j < QUARRY_NR_ZONES; j++)
			z->fast_mark[j] = z->wmark[QUARRY_WMARK_LOW] + z->reserve[j];
	}
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

	for (unsigned int i = 0; i < pl->nr_zones; i++)
		zones += pl->zone[i].type <= QUARRY_ZONE_NORMAL;
	pages = 11 * (unsigned long)QUARRY_PAGEBLOCK_PAGES * zones;
	return quarry_min(pages, watermark_lowmem(pl) / 20) * kib;
}

void watermark_setup(struct page_layer *pl, const struct quarry_boot_params *params)
{
	bool given = params->set_min_free_kbytes || params->min_free_kbytes != 0;

	pl->min_free_kbytes = given ? params->min_free_kbytes : watermark_default(pl);
	watermark_set_zones(pl);
	/* A value that was asked for stays: in Linux it comes after the daemon has started. */
	if (!given && pl->managed >= ((size_t)512 << 20) / QUARRY_PAGE_SIZE) {
		/* Without huge pages the daemon computes anew, now with high watermarks to subtract. */
		pl->min_free_kbytes =
			params->no_thp ? watermark_default(pl)
				       : quarry_max(pl->min_free_kbytes, watermark_recommended(pl));
		watermark_set_zones(pl);
	}
	watermark_set_reserves(pl);
	watermark_set_totalreserve(pl);
	watermark_set_pcp(pl);
	watermark_set_fast_marks(pl);
}
