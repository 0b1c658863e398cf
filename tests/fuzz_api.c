/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the public calls of pages and slab with hostile arguments: orders that are none, frames and nodes
 * that are not there, pointers into blocks, behind the tables, freed ones, to other things. Whatever a call
 * is given, it may report and refuse; the validators find nothing wrong afterwards, ever.
 *
 * Each byte of an input chooses a call or an argument.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { FUZZ_SLOTS = 24, FUZZ_CACHES = 3, FUZZ_MIB = 24, FUZZ_CHECK_EVERY = 16 };

struct fuzz {
	const uint8_t *data;
	size_t size, at;
	struct quarry *q;
	struct page *page[FUZZ_SLOTS]; /* given once; perhaps freed since */
	unsigned int order[FUZZ_SLOTS];
	void *object[FUZZ_SLOTS];
	struct kmem_cache *cache[FUZZ_CACHES];
	struct quarry_cma *cma;
	uint64_t decoy[4]; /* words like descriptors' */
	unsigned long reports, calls, errors;
};

static unsigned long fuzz_calls, fuzz_reports;

static void fuzz_report(void *ctx, const char *line)
{
	struct fuzz *f = ctx;

	(void)line;
	f->reports++;
}

static void fuzz_write(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	fwrite(text, 1, len, stderr);
}

static void fuzz_count(void *ctx, const char *text, size_t len)
{
	(void)text;
	*(size_t *)ctx += len;
}

/* ---- arguments ---- */

static unsigned int fuzz_byte(struct fuzz *f)
{
	return f->at < f->size ? f->data[f->at++] : 0;
}

static uint32_t fuzz_u32(struct fuzz *f)
{
	uint32_t v = fuzz_byte(f);

	v = v << 8 | fuzz_byte(f);
	v = v << 8 | fuzz_byte(f);
	return v << 8 | fuzz_byte(f);
}

static unsigned int fuzz_order(struct fuzz *f)
{
	static const unsigned int wild[] = {
		QUARRY_MAX_ORDER + 1, 31, 32, 63, 64, 255, INT_MAX, UINT_MAX};
	unsigned int b = fuzz_byte(f);

	return b < 200 ? b % (QUARRY_MAX_ORDER + 1) : wild[b % 8];
}

static gfp_t fuzz_gfp(struct fuzz *f)
{
	static const gfp_t usual[] = {GFP_KERNEL,
				      GFP_ATOMIC,
				      GFP_HIGHUSER_MOVABLE,
				      GFP_NOWAIT,
				      GFP_DMA | GFP_KERNEL,
				      GFP_KERNEL | __GFP_RECLAIMABLE,
				      GFP_NOFS,
				      0};
	unsigned int b = fuzz_byte(f);

	if (b < 160)
		return usual[b % 8] | (b & 64 ? __GFP_ZERO : 0);
	return (gfp_t)fuzz_u32(f);
}

static int fuzz_nid(struct fuzz *f)
{
	static const int wild[] = {-1, 0, 1, 2, 63, 64, INT_MAX, INT_MIN};

	return wild[fuzz_byte(f) % 8];
}

static pfn_t fuzz_pfn(struct fuzz *f)
{
	unsigned int b = fuzz_byte(f);
	pfn_t end = (pfn_t)FUZZ_MIB << (20 - QUARRY_PAGE_SHIFT);

	switch (b % 10) {
	case 0:
		return 0;
	case 1:
		return end;
	case 2:
		return end - 1;
	case 3:
		return ~(pfn_t)0;
	case 4:
		return (pfn_t)1 << (QUARRY_MAX_PHYS_BITS - QUARRY_PAGE_SHIFT);
	case 5:
		return (pfn_t)fuzz_u32(f) << 20;
	case 6:
		return (pfn_t)(fuzz_byte(f) % (FUZZ_MIB / 2)) * QUARRY_PAGEBLOCK_PAGES;
	default:
		return fuzz_u32(f) % end;
	}
}

static unsigned long fuzz_length(struct fuzz *f)
{
	static const unsigned long some[] = {0, 1, 7, 512, 513, 1024, 1ul << 30, ULONG_MAX};

	return some[fuzz_byte(f) % 8];
}

static size_t fuzz_bytes(struct fuzz *f)
{
	static const size_t wild[] = {0,        1,           8192, 8193, 1 << 20, (size_t)1 << 40,
				      SIZE_MAX, SIZE_MAX / 2};
	unsigned int b = fuzz_byte(f);

	return b < 200 ? (size_t)b * (1 + fuzz_byte(f) % 40) : wild[b % 8];
}

/* What can be read as a descriptor, but is none, or the wrong one. */
static struct page *fuzz_page(struct fuzz *f)
{
	unsigned int b = fuzz_byte(f), slot = b % FUZZ_SLOTS;
	struct page *page = f->page[slot];

	switch (fuzz_byte(f) % 8) {
	case 0:
		return NULL;
	case 1: /* the one behind a block's first: there is one for each page of a pageblock */
		return page != NULL ? (struct page *)((uintptr_t)page ^ sizeof(struct page)) : NULL;
	case 2:
		f->decoy[b % 4] = (uint64_t)fuzz_u32(f) << 32 | fuzz_u32(f);
		return (struct page *)&f->decoy[b % 4];
	case 3:
		return quarry_pfn_to_page(f->q, fuzz_pfn(f));
	default:
		return page;
	}
}

/* Where a block begins: pages that are read and written are in the tables. */
static struct page *fuzz_real_page(struct fuzz *f)
{
	struct page *page = f->page[fuzz_byte(f) % FUZZ_SLOTS];

	return page != NULL && fuzz_byte(f) % 2 != 0 ? page : quarry_pfn_to_page(f->q, fuzz_pfn(f));
}

static void *fuzz_pointer(struct fuzz *f)
{
	unsigned int b = fuzz_byte(f), slot = b % FUZZ_SLOTS;
	uintptr_t p = (uintptr_t)f->object[slot];

	switch (fuzz_byte(f) % 10) {
	case 0:
		return NULL;
	case 1:
		return (void *)(p + 1);
	case 2:
		return (void *)(p + 8);
	case 3:
		return (void *)(p ^ (uintptr_t)1 << (b % 64));
	case 4:
		return f;
	case 5:
		return (void *)(p & ~(uintptr_t)4095);
	default:
		return f->object[slot];
	}
}

static struct kmem_cache *fuzz_cache(struct fuzz *f)
{
	return f->cache[fuzz_byte(f) % FUZZ_CACHES];
}

static void fuzz_got_page(struct fuzz *f, struct page *page, unsigned int order)
{
	unsigned int slot = fuzz_byte(f) % FUZZ_SLOTS;

	if (page == NULL)
		return;
	f->page[slot] = page;
	f->order[slot] = order;
}

static void fuzz_got(struct fuzz *f, void *object)
{
	if (object != NULL)
		f->object[fuzz_byte(f) % FUZZ_SLOTS] = object;
}

/* A call that may be refused. */
static void fuzz_done(struct fuzz *f, int err)
{
	f->errors += err != 0;
}

/* ---- calls ---- */

static void fuzz_alloc(struct fuzz *f)
{
	unsigned int order = fuzz_order(f);
	quarry_nodemask_t nodes = fuzz_u32(f);
	struct page *bulk[40] = {NULL};
	size_t n;

	switch (fuzz_byte(f) % 8) {
	case 0:
		fuzz_got_page(f, quarry_alloc_pages_node(f->q, fuzz_nid(f), fuzz_gfp(f), order),
			      order);
		break;
	case 1:
		fuzz_got_page(
			f,
			quarry_alloc_pages_nodemask(f->q, fuzz_gfp(f), order, fuzz_nid(f), &nodes),
			order);
		break;
	case 2:
		fuzz_got_page(f, quarry_alloc_pages_nolock(f->q, fuzz_nid(f), order), order);
		break;
	case 3:
		n = quarry_alloc_pages_bulk(f->q, fuzz_nid(f), fuzz_gfp(f), fuzz_byte(f) % 40,
					    bulk);
		for (size_t i = 0; i < n; i++)
			fuzz_got_page(f, bulk[i], 0);
		break;
	case 4:
		fuzz_got(f, quarry_get_free_pages(f->q, fuzz_gfp(f), order));
		break;
	case 5:
		fuzz_got(f, quarry_alloc_pages_exact(f->q, fuzz_bytes(f), fuzz_gfp(f)));
		break;
	default:
		fuzz_got_page(f, quarry_alloc_pages(f->q, fuzz_gfp(f), order), order);
		break;
	}
}

static void fuzz_free(struct fuzz *f)
{
	unsigned int slot = fuzz_byte(f) % FUZZ_SLOTS;
	struct page *some[3];

	switch (fuzz_byte(f) % 8) {
	case 0:
		quarry_free_pages(f->q, fuzz_page(f), fuzz_order(f));
		break;
	case 1:
		quarry_free_pages_nolock(f->q, fuzz_page(f), fuzz_order(f));
		break;
	case 2:
		for (unsigned int i = 0; i < 3; i++)
			some[i] = fuzz_page(f);
		quarry_release_pages(f->q, some, 3);
		break;
	case 3:
		quarry_free_pages_addr(f->q, fuzz_pointer(f), fuzz_order(f));
		break;
	case 4:
		quarry_free_pages_exact(f->q, fuzz_pointer(f), fuzz_bytes(f));
		break;
	default:
		quarry_free_pages(f->q, f->page[slot], f->order[slot]);
		break;
	}
}

static void fuzz_look(struct fuzz *f)
{
	enum quarry_zone_type zone;
	struct quarry_zone_info info;
	struct quarry_page_owner owner;
	unsigned int order;
	size_t length = 0;
	const struct quarry_out out = {fuzz_count, &length};
	pfn_t pfn = fuzz_pfn(f);
	int nid;

	switch (fuzz_byte(f) % 16) {
	case 0:
		quarry_pfn_state(f->q, pfn, &order);
		break;
	case 1:
		quarry_pfn_zone(f->q, pfn, &nid, &zone);
		break;
	case 2:
		quarry_free_block_order(f->q, pfn);
		break;
	case 3:
		quarry_pageblock_type(f->q, pfn);
		break;
	case 4:
		quarry_zone_info(f->q, fuzz_nid(f), (enum quarry_zone_type)(fuzz_byte(f) % 9),
				 &info);
		break;
	case 5:
		quarry_fragmentation_index(f->q, fuzz_nid(f),
					   (enum quarry_zone_type)(fuzz_byte(f) % 9),
					   fuzz_order(f));
		break;
	case 6:
		quarry_unusable_index(f->q, fuzz_nid(f), (enum quarry_zone_type)(fuzz_byte(f) % 9),
				      fuzz_order(f));
		break;
	case 7:
		quarry_node_distance(f->q, fuzz_nid(f), fuzz_nid(f));
		break;
	case 8:
		quarry_page_owner(f->q, pfn, &owner);
		break;
	case 9:
		quarry_memory_block_state(f->q, pfn);
		break;
	case 10:
		quarry_cpu_nid(f->q, fuzz_u32(f), true);
		break;
	case 11:
		quarry_pageset_count(f->q, fuzz_nid(f), (enum quarry_zone_type)(fuzz_byte(f) % 9),
				     fuzz_u32(f) % 5);
		break;
	case 12:
		quarry_describe_pfn(f->q, pfn);
		break;
	case 13:
		quarry_virt_to_page(f->q, fuzz_pointer(f));
		break;
	case 14:
		quarry_show_node_meminfo(f->q, fuzz_nid(f), &out);
		break;
	default:
		quarry_show_buddyinfo(f->q, &out);
		break;
	}
}

static void fuzz_owned(struct fuzz *f)
{
	struct page *page = fuzz_real_page(f);

	if (page == NULL)
		return;
	switch (fuzz_byte(f) % 7) {
	case 0:
		(void)quarry_split_page(f->q, page, fuzz_order(f));
		break;
	case 1:
		quarry_get_page(f->q, page);
		break;
	case 2:
		quarry_put_page(f->q, page);
		break;
	case 3:
		(void)quarry_page_count(f->q, page);
		break;
	case 4:
		(void)quarry_page_head(f->q, page);
		break;
	case 5:
		(void)quarry_set_page_mover(f->q, page, fuzz_u32(f));
		break;
	default:
		(void)quarry_put_page_unless_last(f->q, page);
		break;
	}
}

static void fuzz_range(struct fuzz *f)
{
	pfn_t start = fuzz_pfn(f),
	      end = fuzz_byte(f) % 2 != 0 ? start + fuzz_length(f) : fuzz_pfn(f);
	unsigned int type = fuzz_byte(f) % 9;
	struct quarry_unmovable why;
	struct page *page;

	switch (fuzz_byte(f) % 12) {
	case 0:
		if (quarry_alloc_contig_range(f->q, start, end, (enum quarry_migratetype)type,
					      fuzz_gfp(f)) == 0)
			fuzz_got_page(f, quarry_pfn_to_page(f->q, start), 0);
		break;
	case 1:
		page = quarry_alloc_contig_pages(f->q, fuzz_length(f), fuzz_gfp(f), fuzz_nid(f),
						 NULL);
		fuzz_got_page(f, page, 0);
		break;
	case 2:
		quarry_free_contig_range(f->q, start, fuzz_byte(f));
		break;
	case 3:
		if (quarry_start_isolate_page_range(f->q, start, end, (enum quarry_migratetype)type,
						    0) == 0)
			quarry_undo_isolate_page_range(f->q, start, end);
		break;
	case 4:
		quarry_has_unmovable_pages(f->q, start, end, (enum quarry_migratetype)type, 0,
					   &why);
		break;
	case 5:
		fuzz_got_page(
			f, quarry_cma_alloc(f->q, f->cma, fuzz_length(f), fuzz_order(f), true), 0);
		break;
	case 6:
		quarry_cma_release(f->q, f->cma, fuzz_page(f), fuzz_length(f));
		break;
	case 7:
		(void)quarry_set_pageblock_type(f->q, start, (enum quarry_migratetype)type);
		break;
	case 8:
		fuzz_done(f, quarry_offline_pages(f->q, start, fuzz_length(f)));
		break;
	case 9:
		fuzz_done(f, quarry_online_pages(f->q, start, fuzz_length(f),
						 (enum quarry_online_type)type));
		break;
	case 10:
		fuzz_done(f, quarry_add_memory(f->q, fuzz_nid(f), start << QUARRY_PAGE_SHIFT,
					       end << QUARRY_PAGE_SHIFT));
		break;
	default:
		fuzz_done(f, quarry_remove_memory(f->q, start << QUARRY_PAGE_SHIFT,
						  end << QUARRY_PAGE_SHIFT));
		break;
	}
}

static void fuzz_machine_wide(struct fuzz *f)
{
	static const char *const name[] = {"min_free_kbytes",
					   "watermark_scale_factor",
					   "lowmem_reserve_ratio",
					   "percpu_pagelist_high_fraction",
					   "compaction_proactiveness",
					   "defrag_mode",
					   "none",
					   ""};
	static const char *const value[] = {
		"0", "1", "1000", "4294967295", "-1", "99999999999999999999", "256 256 32 0", "x"};

	switch (fuzz_byte(f) % 14) {
	case 0:
		quarry_memory_failure(f->q, fuzz_pfn(f), QUARRY_MF_SW_SIMULATED);
		break;
	case 1:
		quarry_unpoison_memory(f->q, fuzz_pfn(f));
		break;
	case 2:
		quarry_soft_offline_page(f->q, fuzz_pfn(f));
		break;
	case 3:
		quarry_sysctl_set(f->q, name[fuzz_byte(f) % 8], value[fuzz_byte(f) % 8]);
		break;
	case 4:
		quarry_drain_pages(f->q, fuzz_u32(f));
		break;
	case 5:
		quarry_drain_all_pages(f->q);
		break;
	case 6:
		quarry_compact_node(f->q, fuzz_nid(f));
		break;
	case 7:
		quarry_kswapd_run(f->q, fuzz_nid(f));
		break;
	case 8:
		quarry_kcompactd_run(f->q, fuzz_nid(f));
		break;
	case 9:
		fuzz_done(f, quarry_cpu_offline(f->q, fuzz_byte(f) % 4));
		break;
	case 10:
		fuzz_done(f, quarry_cpu_online(f->q, fuzz_u32(f) % 4));
		break;
	case 11:
		quarry_free_reserved(f->q, fuzz_pfn(f), fuzz_pfn(f));
		break;
	case 12:
		quarry_try_to_free_pages(f->q, fuzz_nid(f), fuzz_gfp(f), fuzz_order(f));
		break;
	default:
		quarry_age_pages(f->q);
		break;
	}
	fuzz_done(f, quarry_cpu_online(f->q, 0));
}

static void fuzz_object(struct fuzz *f)
{
	struct kmem_cache *cache = fuzz_cache(f);
	unsigned int slot = fuzz_byte(f) % FUZZ_SLOTS;
	size_t size = fuzz_bytes(f);
	void *some[8], *p;

	switch (fuzz_byte(f) % 14) {
	case 0:
		fuzz_got(f, quarry_kmalloc(f->q, size, fuzz_gfp(f)));
		break;
	case 1:
		fuzz_got(f, quarry_kmalloc_node(f->q, size, fuzz_gfp(f), fuzz_nid(f)));
		break;
	case 2:
		fuzz_got(f, quarry_kcalloc(f->q, fuzz_bytes(f), size, fuzz_gfp(f)));
		break;
	case 3:
		fuzz_got(f, quarry_kmem_cache_alloc(f->q, cache, fuzz_gfp(f)));
		break;
	case 4:
		fuzz_got(f, quarry_kmem_cache_alloc_node(f->q, cache, fuzz_gfp(f), fuzz_nid(f)));
		break;
	case 5:
		if (quarry_kmem_cache_alloc_bulk(f->q, cache, fuzz_gfp(f), 8, some))
			fuzz_got(f, some[3]);
		break;
	case 6:
		quarry_kfree(f->q, fuzz_pointer(f));
		break;
	case 7:
		quarry_kmem_cache_free(f->q, cache, fuzz_pointer(f));
		break;
	case 8:
		for (unsigned int i = 0; i < 8; i++)
			some[i] = fuzz_pointer(f);
		quarry_kmem_cache_free_bulk(f->q, cache, 8, some);
		break;
	case 9:
		(void)quarry_ksize(f->q, fuzz_pointer(f));
		break;
	case 10:
		(void)quarry_virt_to_cache(f->q, fuzz_pointer(f));
		break;
	case 11:
		p = quarry_krealloc(f->q, fuzz_pointer(f), size, fuzz_gfp(f));
		fuzz_got(f, p);
		break;
	case 12:
		quarry_kmem_cache_shrink(f->q, cache);
		break;
	default:
		quarry_kfree(f->q, f->object[slot]);
		break;
	}
}

/* ---- a machine and its run ---- */

static void fuzz_start(struct fuzz *f)
{
	const struct quarry_posix_options o = {
		.ram_bytes = FUZZ_MIB << 20, .report = fuzz_report, .log_ctx = f};
	const struct quarry_boot_params p = {.nr_cpus = 2};
	const struct quarry_cma_spec cma = {.size = 4 << 20, .name = "fuzz"};
	static const char *const names[FUZZ_CACHES] = {"fuzz-40", "fuzz-700", "fuzz-debug"};

	f->q = quarry_posix_new(&o);
	/* A hole, and a second node. */
	if (f->q == NULL || quarry_memblock_add_node(f->q, 1 << 20, 11 << 20, 0, 0) != 0 ||
	    quarry_memblock_add_node(f->q, 13 << 20, (FUZZ_MIB - 13) << 20, 1, 0) != 0 ||
	    quarry_cma_declare_contiguous(f->q, &cma, &f->cma) != 0 || quarry_boot(f->q, &p) != 0 ||
	    /* Without checks a double free of an object is found when its sheaf is emptied, not before. */
	    quarry_slab_debug(f->q, "F") != 0)
		abort();
	for (unsigned int i = 0; i < FUZZ_CACHES; i++) {
		f->cache[i] = quarry_kmem_cache_create(
			f->q, names[i], i == 1 ? 700 : 40,
			i == 2 ? SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON : 0, NULL);
		if (f->cache[i] == NULL)
			abort();
	}
}

static void fuzz_check(struct fuzz *f)
{
	const struct quarry_out out = {fuzz_write, NULL};

	if (quarry_check(f->q, NULL) != 0) {
		quarry_check(f->q, &out);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const call[])(struct fuzz * f) = {fuzz_alloc,  fuzz_free,  fuzz_look,
							fuzz_owned,  fuzz_range, fuzz_machine_wide,
							fuzz_object, fuzz_object};
	struct fuzz f = {.data = data, .size = size};

	fuzz_start(&f);
	while (f.at < f.size) {
		unsigned int b = fuzz_byte(&f);

		quarry_posix_set_cpu(b >> 7);
		if (!quarry_cpu_is_online(f.q, b >> 7))
			quarry_posix_set_cpu(0);
		call[b % 8](&f);
		if (++f.calls % FUZZ_CHECK_EVERY == 0)
			fuzz_check(&f);
	}
	fuzz_check(&f);
	fuzz_calls += f.calls;
	fuzz_reports += f.reports;
	quarry_posix_set_cpu(0);
	quarry_posix_delete(f.q);
	return 0;
}

static void fuzz_make(struct strbuf *b)
{
	for (size_t k = 0; k < 2000; k++) {
		char byte = (char)fuzz_random(256);

		strbuf_add(b, &byte, 1);
	}
}

static bool fuzz_end(unsigned long inputs)
{
	printf("%lu calls, %lu reports of damage\n", fuzz_calls, fuzz_reports);
	return fuzz_calls > inputs && fuzz_reports > 0;
}

const struct fuzz_target fuzz_target = {
	.name = "api", .inputs = 150, .make = fuzz_make, .end = fuzz_end};

FUZZ_MAIN
