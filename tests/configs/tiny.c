/* SPDX-License-Identifier: MIT */
/*
 * QUARRY_TINY on a machine of 2 MiB: the self-test and the stress, and what the library's own data take.
 * Objects share pages, and calls have the results that direct.c promises, which the self-test does not ask.
 * Then a machine of two ranges, with exact answers: marks and rights, refusals and what they say, reclaim, what
 * boot and frees refuse.
 * Prints all lines of the self-test, and "data at boot N", "data at work N": bytes of struct quarry and of all tables
 * after boot, and in the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <quarry/quarry.h>
#include <quarry/selftest.h>

/* What the validators find, where the library has them. */
static unsigned int faults(struct quarry *q)
{
#if QUARRY_VALIDATORS
	return quarry_check(q, NULL);
#else
	(void)q;
	return 0;
#endif
}

#define TINY_RAM ((size_t)2 << 20)
#define TINY_BASE ((phys_addr_t)1 << 20) /* physical; 0 is no address */

static void print(void *ctx, const char *line)
{
	(void)ctx;
	puts(line);
}

static bool expected; /* a report, with this in it */
static char reported[200];

static void report(void *ctx, const char *line)
{
	(void)ctx;
	snprintf(reported, sizeof(reported), "%s", line);
	if (expected)
		return;
	fprintf(stderr, "%s\n", line);
	abort();
}

/* 32 objects of 64 bytes: one page, or two if what is free lies so. */
static unsigned int share_pages(struct quarry *q)
{
	struct quarry_totals before, after;
	void *p[32];

	quarry_totals(q, &before);
	for (int i = 0; i < 32; i++)
		p[i] = quarry_kmalloc(q, 64, GFP_KERNEL);
	quarry_totals(q, &after);
	for (int i = 0; i < 32; i++)
		quarry_kfree(q, p[i]);
	return after.free + 2 < before.free;
}

/* Whether all of [@p, @p + @n) is @c. */
static bool filled(const void *p, int c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (((const unsigned char *)p)[i] != (unsigned char)c)
			return false;
	}
	return true;
}

#define WRONG(condition) ((condition) ? (printf("wrong: %s\n", #condition), 1u) : 0u)

/* krealloc() keeps, clears and refuses what it should. */
static unsigned int reallocations(struct quarry *q)
{
	char *p = quarry_kmalloc(q, 64, GFP_KERNEL), *r;
	unsigned int wrong = 0;
	int local;

	memset(p, 7, 64);
	wrong += WRONG(quarry_krealloc(q, p, 10, GFP_KERNEL) != p || !filled(p, 7, 64));
	wrong +=
		WRONG(quarry_krealloc(q, p, 64, GFP_KERNEL | __GFP_ZERO) != p || !filled(p, 7, 64));
	wrong += WRONG(quarry_krealloc(q, p, 20, GFP_KERNEL | __GFP_ZERO) != p ||
		       !filled(p, 7, 20) || !filled(p + 20, 0, 44));
	r = quarry_krealloc(q, p, 65, GFP_KERNEL);
	wrong += WRONG(r == p || quarry_ksize(q, r) != 96 || !filled(r, 7, 20) ||
		       !filled(r + 20, 0, 44));
	wrong += WRONG(quarry_krealloc(q, r, 0, GFP_KERNEL) != QUARRY_ZERO_SIZE_PTR);
	wrong += WRONG(quarry_krealloc(q, QUARRY_ZERO_SIZE_PTR, 0, GFP_KERNEL) !=
		       QUARRY_ZERO_SIZE_PTR);
	p = quarry_krealloc(q, NULL, 8, GFP_KERNEL);
	wrong += WRONG(p == NULL || quarry_ksize(q, p) != 8);
	wrong += WRONG(quarry_krealloc(q, p, ~(size_t)0, GFP_NOWAIT) != NULL);
	wrong += WRONG(quarry_ksize(q, p) != 8); /* it is still there */
	quarry_kfree(q, p);
	expected = true;
	wrong += WRONG(quarry_krealloc(q, &local, 8, GFP_KERNEL) != NULL);
	wrong += WRONG(strstr(reported, "which is no allocation") == NULL);
	expected = false;
	wrong += WRONG(quarry_kcalloc(q, ~(size_t)0 / 2, 3, GFP_KERNEL) != NULL);
	p = quarry_kcalloc(q, 3, 100, GFP_KERNEL);
	wrong += WRONG(p == NULL || !filled(p, 0, 300));
	quarry_kfree(q, p);
	return wrong;
}

static void construct(void *object)
{
	memset(object, 5, 100);
}

/* Reports name the kind of damage, and change nothing. */
static unsigned int wrong_frees(struct quarry *q, struct kmem_cache *s, struct kmem_cache *other)
{
	static const char *const kinds[] = {"foreign", "not its own", "inside one", "free"};
	char *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	char *twice = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	struct quarry_cache_info before, after;
	unsigned int wrong = 0;
	int local;

	quarry_kmem_cache_free(q, s, twice);
	quarry_kmem_cache_info(q, s, &before);
	expected = true;
	for (int i = 0; i < 4; i++) {
		char want[40];

		reported[0] = 0;
		quarry_kmem_cache_free(q, i == 1 ? other : s,
				       i == 0   ? (char *)&local
				       : i == 1 ? p
				       : i == 2 ? p + 8
						: twice);
		snprintf(want, sizeof(want), "which is %s; kept", kinds[i]);
		wrong += WRONG(strstr(reported, want) == NULL);
	}
	expected = false;
	quarry_kmem_cache_info(q, s, &after);
	wrong += WRONG(memcmp(&before, &after, sizeof(before)) != 0);
	quarry_kmem_cache_free(q, s, p);
	return wrong;
}

/* Caches: contents, counts, all or nothing, pages that go back at once. */
static unsigned int caches(struct quarry *q)
{
	struct kmem_cache *s = quarry_kmem_cache_create(
		q, "made", 100, SLAB_NO_MERGE, &(struct kmem_cache_args){.ctor = construct});
	struct kmem_cache *plain = quarry_kmem_cache_create(q, "plain", 100, SLAB_NO_MERGE, NULL);
	static void *p[20000];
	struct quarry_totals before, after;
	struct quarry_cache_info i;
	unsigned int wrong = 0;
	char *one;

	quarry_totals(q, &before);
	one = quarry_kmem_cache_alloc(q, s, GFP_KERNEL | __GFP_ZERO);
	wrong += WRONG(!filled(one, 5, 100)); /* a constructor's objects are not cleared */
	quarry_kmem_cache_free(q, s, one);
	one = quarry_kmem_cache_alloc(q, plain, GFP_KERNEL);
	memset(one, 9, 104);
	quarry_kmem_cache_free(q, plain, one);
	wrong += WRONG(quarry_kmem_cache_alloc(q, plain, GFP_KERNEL | __GFP_ZERO) != one ||
		       !filled(one, 0, 100));
	quarry_kmem_cache_free(q, plain, NULL);
	quarry_kmem_cache_free(q, plain, one);
	wrong += wrong_frees(q, s, plain);
	wrong += WRONG(!quarry_kmem_cache_alloc_bulk(q, plain, GFP_KERNEL, 500, p));
	quarry_kmem_cache_info(q, plain, &i);
	wrong += WRONG(i.active_objs != 500 || i.allocs != 502 || i.frees != 2 || i.refused != 0);
	for (int k = 1; k < 500; k++)
		wrong += WRONG(p[k] == p[k - 1]);
	quarry_kmem_cache_free_bulk(q, plain, 500, p);
	wrong += WRONG(quarry_kmem_cache_alloc_bulk(q, plain, GFP_NOWAIT | __GFP_NOWARN, 20000, p));
	quarry_kmem_cache_info(q, plain, &i);
	wrong += WRONG(i.active_objs != 0 || i.refused != 1 || i.num_slabs != 0);
	wrong += WRONG(faults(q) != 0);
	wrong += WRONG(quarry_kmem_cache_destroy(q, plain) != 0);
	wrong += WRONG(quarry_kmem_cache_destroy(q, s) != 0);
	/* Slabs of two pages, where one would waste a third. */
	plain = quarry_kmem_cache_create(q, "wide", 2700, SLAB_NO_MERGE, NULL);
	quarry_kmem_cache_info(q, plain, &i);
	wrong += WRONG(i.order != 1 || i.objs_per_slab != 3);
	wrong += WRONG(quarry_kmem_cache_destroy(q, plain) != 0);
	quarry_totals(q, &after);
	wrong += WRONG(after.free + 12 < before.free); /* records are kept */
	return wrong;
}

/* ---- exact answers ---- */

#define CALLS_RAM ((size_t)4 << 20)
#define HELD_MAX 1024u

static struct calls {
	struct quarry *q;
	struct page *held[HELD_MAX];
	unsigned int nr_held, failed;
	/* the host */
	unsigned int reports, wakes, reclaims, ooms, waits, nested;
	unsigned int frees, oom_frees, wait_frees; /* pages that it gives back when it is asked */
	unsigned long said;                        /* what reclaim says */
	bool recurse;
} calls;

#define CHECK(x) ((x) ? (void)0 : (printf("tiny.c:%d: %s\n", __LINE__, #x), (void)calls.failed++))

static void calls_report(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
	calls.reports++;
}

static void calls_wake(void *ctx, int nid, unsigned int order)
{
	(void)ctx;
	(void)order;
	calls.wakes += nid == 0;
}

static void calls_give_back(unsigned int n)
{
	for (; n != 0 && calls.nr_held != 0; n--)
		quarry_free_pages(calls.q, calls.held[--calls.nr_held], 0);
}

static unsigned long calls_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				   unsigned long nr)
{
	unsigned int before = ++calls.reclaims;

	(void)ctx;
	(void)gfp;
	CHECK(nid == 0 && nr == 1ul << order);
	if (calls.recurse) { /* a request from within is refused without asking again */
		CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL, order) == NULL);
		CHECK(calls.reclaims == before && calls.ooms == 0);
		calls.nested++;
	}
	calls_give_back(calls.frees);
	return calls.said;
}

static bool calls_oom(void *ctx, int nid, gfp_t gfp, unsigned int order)
{
	(void)ctx;
	(void)nid;
	(void)gfp;
	(void)order;
	calls.ooms++;
	calls_give_back(calls.oom_frees);
	return calls.oom_frees != 0;
}

static void calls_wait(void *ctx, int nid)
{
	(void)ctx;
	calls.waits += nid == 0;
	if (calls.waits >= 3)
		calls_give_back(calls.wait_frees);
}

static unsigned long calls_free(void)
{
	struct quarry_totals t;

	quarry_totals(calls.q, &t);
	return t.free;
}

/* Takes single pages with @gfp until one is refused; returns how many pages are free then. */
static unsigned long calls_drain(gfp_t gfp)
{
	struct page *page;

	while (calls.nr_held < HELD_MAX && (page = quarry_alloc_pages(calls.q, gfp, 0)) != NULL)
		calls.held[calls.nr_held++] = page;
	return calls_free();
}

static void calls_begin(void *room, unsigned char *ram, bool hooks)
{
	struct quarry_port port = {.report = calls_report,
				   .direct_map = (uintptr_t)ram - TINY_BASE};

	if (hooks) {
		port.wake = calls_wake;
		port.reclaim = calls_reclaim;
		port.oom = calls_oom;
		port.wait = calls_wait;
	}
	calls.q = quarry_init(room, QUARRY_STORAGE_SIZE, &port);
	CHECK(calls.q != NULL);
	/* Not whole pages at the ends: pages 0x101 to 0x1ff and 0x280 to 0x3ff. */
	CHECK(quarry_memblock_add(calls.q, 0x100800, 0xff800) == 0);
	CHECK(quarry_memblock_add(calls.q, 0x280000, 0x180400) == 0);
	CHECK(quarry_memblock_add(calls.q, 0x450800, 0x700) == 0); /* no whole page */
	CHECK(quarry_memblock_reserve(calls.q, 0x300000, 0x1000) == 0);
}

static unsigned int calls_init_refuses(void *room)
{
	struct quarry_port no_access = {.no_access = true}, concurrent = {.concurrent = true};

	CHECK(quarry_init(room, QUARRY_STORAGE_SIZE, &no_access) == NULL);
	CHECK(quarry_init(room, QUARRY_STORAGE_SIZE, &concurrent) == NULL);
	return calls.failed;
}

static void calls_boot_refuses(void)
{
	static const struct quarry_range range = {TINY_BASE, 4096};
	struct quarry_boot_params cpus = {.nr_cpus = 2}, nodes = {.nr_nodes = 2},
				  bootmem = {.bootmem = true},
				  unaccepted = {.unaccepted = &range, .nr_unaccepted = 1};

	CHECK(quarry_boot(calls.q, &cpus) == -QUARRY_EINVAL);
	CHECK(quarry_boot(calls.q, &nodes) == -QUARRY_EINVAL);
	CHECK(quarry_boot(calls.q, &bootmem) == -QUARRY_EINVAL);
	CHECK(quarry_boot(calls.q, &unaccepted) == -QUARRY_EINVAL);
	CHECK(quarry_stage(calls.q) == QUARRY_STAGE_BOOT);
}

static unsigned long calls_root(unsigned long long x)
{
	unsigned long r = 0;

	while ((unsigned long long)(r + 1) * (r + 1) <= x)
		r++;
	return r;
}

/* What is known of the machine after boot. */
static void calls_geometry(const struct quarry_boot_params *params)
{
	struct quarry_zone_info z;
	struct quarry_totals t;
	unsigned long kib, min, gap, sum = 0, scale = 10;

	quarry_totals(calls.q, &t);
	CHECK(quarry_zone_info(calls.q, 0, QUARRY_ZONE_NORMAL, &z));
	CHECK(z.start_pfn == 0x101 && z.spanned == 0x2ff && z.present == 255 + 384);
	CHECK(z.nr_arenas == 2);
	CHECK(z.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE] ==
	      (0x1ff >> QUARRY_PAGEBLOCK_ORDER) - (0x101 >> QUARRY_PAGEBLOCK_ORDER) +
		      (0x3ff >> QUARRY_PAGEBLOCK_ORDER) - (0x280 >> QUARRY_PAGEBLOCK_ORDER) + 2);
	CHECK(t.present == z.present && t.managed == z.managed && t.free == z.free);
	CHECK(t.nr_nodes == 1 && t.nr_cpus == 1 && t.refused == 0);
	CHECK(z.managed < z.present - 1 && z.managed > z.present - 8);
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		sum += z.nr_free[o] << o;
		CHECK(z.nr_free_type[QUARRY_MIGRATE_UNMOVABLE][o] == z.nr_free[o]);
	}
	CHECK(sum == z.free);
	kib = calls_root(16 * 4ull * z.managed);
	if (params != NULL && (params->set_min_free_kbytes || params->min_free_kbytes != 0))
		kib = params->min_free_kbytes;
	if (params != NULL && params->watermark_scale_factor != 0)
		scale = params->watermark_scale_factor;
	CHECK(t.min_free_kbytes == kib);
	min = kib / 4;
	gap = z.managed * scale / 10000 > min / 4 ? z.managed * scale / 10000 : min / 4;
	for (unsigned int m = 0; m < QUARRY_NR_WMARK; m++)
		CHECK(z.wmark[m] == min + m * gap);
	CHECK(t.totalreserve == z.wmark[QUARRY_WMARK_HIGH]);
	CHECK(!quarry_zone_info(calls.q, 1, QUARRY_ZONE_NORMAL, &z) && z.managed == 0);
	CHECK(!quarry_zone_info(calls.q, 0, QUARRY_ZONE_DMA, &z) && z.managed == 0);
	CHECK(strcmp(quarry_zone_name(QUARRY_ZONE_NORMAL), "Normal") == 0);
	CHECK(strcmp(quarry_zone_name(QUARRY_ZONE_DMA), "?") == 0);
	CHECK(quarry_node_present(calls.q, 0) && !quarry_node_present(calls.q, 1));
}

static void calls_refused(gfp_t gfp, unsigned int order, uint64_t serial, unsigned long mark)
{
	struct quarry_zone_info z;
	struct quarry_refusal f;
	int largest = QUARRY_MAX_ORDER;
	unsigned long free = calls_free(), need = mark + (1ul << order);
	bool lacks = need > free;

	quarry_zone_info(calls.q, 0, QUARRY_ZONE_NORMAL, &z);
	while (largest >= 0 && z.nr_free[largest] == 0)
		largest--;
	CHECK(quarry_explain(calls.q, &f));
	CHECK(f.serial == serial && f.gfp == gfp && f.order == order && f.nr_zones == 1);
	CHECK(f.zones[0].zone == QUARRY_ZONE_NORMAL && f.zones[0].free == free);
	CHECK(f.zones[0].watermark == mark && f.zones[0].largest_order == largest);
	CHECK(f.zones[0].largest_allowed == largest && f.other_nid == QUARRY_NO_NODE);
	CHECK(f.lacking == (lacks ? need - free : 0) && f.zones[0].lacking == f.lacking);
	CHECK(f.zones[0].reason == (lacks ? QUARRY_REFUSED_WATERMARK : QUARRY_REFUSED_ORDER));
	CHECK(f.remedies == (lacks ? QUARRY_REMEDY_RECLAIM : QUARRY_REMEDY_COMPACT));
	CHECK(f.total[QUARRY_REFUSED_WATERMARK] + f.total[QUARRY_REFUSED_ORDER] == serial);
}

/* How deep each right goes, to the page; and what is said when it is refused. */
static void calls_rights(void)
{
	struct quarry_zone_info z;
	struct quarry_refusal f;
	unsigned long min, high;
	uint64_t n = 0;

	CHECK(!quarry_explain(calls.q, &f) && f.serial == 0);
	quarry_zone_info(calls.q, 0, QUARRY_ZONE_NORMAL, &z);
	min = z.wmark[QUARRY_WMARK_MIN];
	high = min - min / 2;
	CHECK(calls_drain(0) == min && calls.wakes == 0);
	calls_refused(0, 0, ++n, min);
	CHECK(calls_drain(GFP_NOWAIT | __GFP_NOWARN) == min && calls.wakes == 1);
	calls_refused(GFP_NOWAIT | __GFP_NOWARN, 0, ++n, min);
	CHECK(calls_drain(__GFP_MEMALLOC | __GFP_NOMEMALLOC) == min);
	CHECK(calls_drain(__GFP_ATOMIC | __GFP_NOMEMALLOC) == min);
	n += 2;
	CHECK(calls_drain(__GFP_HIGH) == high);
	calls_refused(__GFP_HIGH, 0, ++n, high);
	CHECK(calls_drain(GFP_ATOMIC | __GFP_NOMEMALLOC) == high);
	CHECK(calls_drain(GFP_ATOMIC) == high - high / 4);
	n += 2;
	calls_refused(GFP_ATOMIC, 0, n, high - high / 4);
	CHECK(calls_drain(__GFP_MEMALLOC) == 0);
	calls_refused(__GFP_MEMALLOC, 0, ++n, 0);
	CHECK(calls.reclaims == 0 && calls.ooms == 0 && calls.waits == 0);
	CHECK(quarry_alloc_pages(calls.q, __GFP_MEMALLOC, QUARRY_MAX_ORDER + 1) == NULL);
	quarry_explain(calls.q, &f);
	CHECK(f.serial == n);
}

/* Every other page is free: enough of them, but no two. */
static void calls_order(void)
{
	unsigned long free = calls_free();
	struct quarry_refusal f;

	for (unsigned int i = 0; i < calls.nr_held; i++) {
		if (quarry_page_to_pfn(calls.q, calls.held[i]) % 2 != 0)
			continue;
		quarry_free_pages(calls.q, calls.held[i], 0);
		calls.held[i--] = calls.held[--calls.nr_held];
		CHECK(calls_free() == ++free);
	}
	quarry_explain(calls.q, &f);
	CHECK(quarry_alloc_pages(calls.q, __GFP_MEMALLOC, 1) == NULL);
	calls_refused(__GFP_MEMALLOC, 1, f.serial + 1, 0);
}

/* What is asked of the host, how often, and when no more. */
static void calls_waits(void)
{
	struct page *page;

	calls.wakes = 0;
	while ((page = quarry_alloc_pages(calls.q, __GFP_MEMALLOC, 0)) != NULL)
		calls.held[calls.nr_held++] = page;
	calls.said = 1; /* but nothing is freed: as often as it may */
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL, 0) == NULL);
	CHECK(calls.reclaims == 16 && calls.ooms == 0 && calls.wakes == 1);
	calls.reclaims = 0;
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL | __GFP_NORETRY, 0) == NULL);
	CHECK(calls.reclaims == 1 && calls.ooms == 0);
	calls.said = calls.reclaims = 0;
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL, 0) == NULL);
	CHECK(calls.reclaims == 1 && calls.ooms == 1);
	calls.reclaims = calls.ooms = 0;
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL | __GFP_NORETRY, 0) == NULL);
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0) == NULL);
	CHECK(calls.reclaims == 2 && calls.ooms == 0);
	calls.recurse = true;
	calls.reclaims = 0;
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL | __GFP_NORETRY, 0) == NULL);
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL | __GFP_NORETRY, 0) == NULL);
	CHECK(calls.nested == 2 && calls.reclaims == 2);
	calls.recurse = false;
	/* What reclaim or the last resort frees is got at once. */
	calls.reclaims = 0;
	calls.said = 1;
	calls.frees = 500;
	CHECK((page = quarry_alloc_pages(calls.q, GFP_KERNEL, 0)) != NULL && calls.reclaims == 1);
	calls_drain(__GFP_MEMALLOC);
	calls.frees = calls.said = calls.ooms = 0;
	calls.oom_frees = 500;
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL, 0) != NULL && calls.ooms == 1);
	calls_drain(__GFP_MEMALLOC);
	/* Who must not fail waits until there is something, and goes to the last page. */
	calls.oom_frees = calls.waits = 0;
	calls.wait_frees = 1;
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL | __GFP_NOFAIL, 0) != NULL &&
	      calls.waits == 3);
	CHECK(calls_free() == 0);
	calls.waits = 0;
	CHECK(quarry_alloc_pages(calls.q, GFP_NOWAIT | __GFP_NOFAIL, 0) == NULL &&
	      calls.waits == 0);
}

static bool calls_is(struct page *page, unsigned int order, unsigned int refs)
{
	unsigned int found = 99;

	return quarry_pfn_state(calls.q, quarry_page_to_pfn(calls.q, page), &found) ==
		       QUARRY_PAGE_ALLOCATED &&
	       found == order && quarry_page_count(calls.q, page) == refs;
}

/* Frees, and what is none. */
static void calls_frees(void)
{
	struct quarry_totals before, after;
	struct page *page, foreign;
	unsigned char *p;

	calls_give_back(~0u);
	calls.reports = 0;
	quarry_totals(calls.q, &before);
	page = quarry_alloc_pages_node(calls.q, 0, GFP_KERNEL, 3);
	CHECK(page != NULL && calls_is(page, 3, 1));
	CHECK(quarry_alloc_pages_node(calls.q, 1, GFP_KERNEL, 0) == NULL);
	quarry_totals(calls.q, &after);
	CHECK(after.pgalloc == before.pgalloc + 8 && after.allocs == before.allocs + 1);
	CHECK(after.free == before.free - 8 && after.refused == before.refused);
	quarry_free_pages(calls.q, NULL, 0);
	quarry_free_pages_addr(calls.q, NULL, 0);
	CHECK(calls.reports == 0);
	quarry_free_pages(calls.q, page, 2);
	quarry_free_pages(calls.q, page + 1, 3);
	memset(&foreign, 0, sizeof(foreign));
	quarry_free_pages(calls.q, &foreign, 0);
	CHECK(calls.reports == 3);
	p = quarry_page_address(calls.q, page);
	quarry_free_pages_addr(calls.q, p + 1, 3);
	quarry_free_pages_addr(calls.q, p + QUARRY_PAGE_SIZE / 2, 3);
	CHECK(calls.reports == 5 && calls_is(page, 3, 1) && calls_free() == before.free - 8);
	quarry_get_page(calls.q, page);
	CHECK(calls_is(page, 3, 2));
	quarry_get_page(calls.q, page + 1);
	CHECK(calls.reports == 6 && quarry_page_count(calls.q, page + 1) == 0);
	quarry_free_pages_addr(calls.q, p, 3);
	CHECK(calls_is(page, 3, 1));
	quarry_free_pages_addr(calls.q, p, 3);
	quarry_totals(calls.q, &after);
	CHECK(after.pgfree == before.pgfree + 8 && after.frees == before.frees + 1);
	CHECK(after.free == before.free && quarry_page_count(calls.q, page) == 0);
	quarry_free_pages(calls.q, page, 3);
	quarry_get_page(calls.q, page);
	CHECK(calls.reports == 8 && calls_free() == before.free);
	/* Zeroes, to the last byte and no further. */
	p = quarry_get_free_pages(calls.q, GFP_KERNEL, 2);
	memset(p, 0x5a, 4 * QUARRY_PAGE_SIZE);
	quarry_free_pages_addr(calls.q, p + 2 * QUARRY_PAGE_SIZE, 1);
	CHECK(calls.reports == 9);
	page = quarry_virt_to_page(calls.q, p);
	CHECK(quarry_split_page(calls.q, page, 1) == -QUARRY_EINVAL);
	CHECK(quarry_split_page(calls.q, NULL, 2) == -QUARRY_EINVAL);
	CHECK(quarry_split_page(calls.q, page, 2) == 0);
	for (unsigned int i = 0; i < 4; i++)
		CHECK(calls_is(page + i, 0, 1));
	quarry_free_pages(calls.q, page, 0);
	quarry_free_pages(calls.q, page + 1, 0);
	quarry_free_pages(calls.q, page + 2, 0);
	quarry_free_pages(calls.q, page + 3, 0);
	CHECK(calls.reports == 9 && calls_free() == before.free);
	calls_drain(__GFP_MEMALLOC);
	for (unsigned int i = 0; i < calls.nr_held; i++)
		memset(quarry_page_address(calls.q, calls.held[i]), 0x5a, QUARRY_PAGE_SIZE);
	calls_give_back(~0u);
	p = quarry_get_free_pages(calls.q, GFP_KERNEL | __GFP_ZERO, 1);
	for (unsigned int i = 0; i < 2 * QUARRY_PAGE_SIZE; i++)
		calls.failed += p[i] != 0;
	calls.held[0] = quarry_pfn_to_page(
		calls.q, quarry_page_to_pfn(calls.q, quarry_virt_to_page(calls.q, p)) + 2);
	if (calls.held[0] != NULL &&
	    quarry_pfn_state(calls.q, quarry_page_to_pfn(calls.q, calls.held[0]), NULL) ==
		    QUARRY_PAGE_FREE)
		CHECK(p[2 * QUARRY_PAGE_SIZE] == 0x5a);
	quarry_free_pages_addr(calls.q, p, 1);
	CHECK(calls.reports == 9 && calls_free() == before.free);
	CHECK(faults(calls.q) == 0);
}

/* Pages that were in use have descriptors, from the first of each range to its last; their neighbours have none. */
static void calls_ends(void)
{
	static const pfn_t inside[] = {0x101, 0x1ff, 0x280, 0x3fe},
			   outside[] = {0, 0x100, 0x200, 0x27f, 0x400};

	for (unsigned int i = 0; i < 4; i++)
		CHECK(quarry_pfn_to_page(calls.q, inside[i]) != NULL);
	for (unsigned int i = 0; i < 5; i++)
		CHECK(quarry_pfn_to_page(calls.q, outside[i]) == NULL);
}

static unsigned int exact_answers(void)
{
	static _Alignas(64) unsigned char room[QUARRY_STORAGE_SIZE];
	struct quarry_boot_params params = {
		.set_min_free_kbytes = true, .min_free_kbytes = 400, .watermark_scale_factor = 900};
	static const struct quarry_boot_params one[] = {{.nr_cpus = 1},
							{.min_free_kbytes = 1},
							{.min_free_kbytes = 333},
							{.set_min_free_kbytes = true},
							{.watermark_scale_factor = 1},
							{.watermark_scale_factor = 900}};
	void *ram;

	if (posix_memalign(&ram, TINY_RAM, CALLS_RAM) != 0)
		return 1;
	calls_init_refuses(room);
	for (unsigned int round = 0; round < 2; round++) {
		memset(room, round != 0 ? 0xff : 0, sizeof(room));
		calls_begin(room, ram, true);
		calls_boot_refuses();
		CHECK(quarry_boot(calls.q, round != 0 ? &params : NULL) == 0);
		calls_geometry(round != 0 ? &params : NULL);
		calls.nr_held = calls.wakes = calls.reclaims = calls.ooms = calls.waits = 0;
		calls.nested = calls.frees = calls.oom_frees = calls.wait_frees = 0;
		calls_rights();
		calls_order();
		calls_waits();
		calls_frees();
		calls_ends();
		quarry_destroy(calls.q);
		CHECK(quarry_stage(calls.q) == QUARRY_STAGE_NONE);
	}
	for (unsigned int i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		calls_begin(room, ram, true);
		CHECK(quarry_boot(calls.q, &one[i]) == 0);
		calls_geometry(&one[i]);
		quarry_destroy(calls.q);
	}
	/* A host that offers nothing is asked for nothing. */
	calls_begin(room, ram, false);
	CHECK(quarry_boot(calls.q, NULL) == 0);
	calls.nr_held = 0;
	calls_drain(__GFP_MEMALLOC);
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL, 0) == NULL);
	CHECK(quarry_alloc_pages(calls.q, GFP_KERNEL | __GFP_NOFAIL, 0) == NULL);
	CHECK(quarry_kmalloc(calls.q, 64, GFP_KERNEL) == NULL);
	free(ram);
	return calls.failed;
}

/*
 * Physical addresses that are the pointers: page 0 is never given, its address would be NULL. Where the host has no
 * memory at an address that a machine of 32 bits can name, nothing is tried.
 */
static unsigned int identity_map(void)
{
	static _Alignas(64) unsigned char room[QUARRY_STORAGE_SIZE];
	struct quarry_port port = {.report = report};
	const uintptr_t at = (uintptr_t)256 << 20;
	void *ram = mmap((void *)at, TINY_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	struct quarry_totals totals;
	unsigned int pages = 0, low = 0;
	struct page *page;
	struct quarry *q;

	if (ram == MAP_FAILED || ram != (void *)at)
		return ram != MAP_FAILED && munmap(ram, TINY_RAM) != 0;
	q = quarry_init(room, sizeof(room), &port);
	CHECK(quarry_memblock_add(q, 0, 8 * QUARRY_PAGE_SIZE) == 0);
	CHECK(quarry_memblock_add(q, at, TINY_RAM) == 0);
	CHECK(quarry_boot(q, NULL) == 0);
	quarry_totals(q, &totals);
	while ((page = quarry_alloc_pages(q, GFP_KERNEL | __GFP_MEMALLOC, 0)) != NULL) {
		CHECK(quarry_page_address(q, page) != NULL);
		low += quarry_page_to_pfn(q, page) < 8;
		pages++;
	}
	CHECK(low == 7);
	CHECK(pages == totals.free && pages == totals.managed);
	quarry_destroy(q);
	munmap(ram, TINY_RAM);
	return calls.failed;
}

int main(void)
{
	static _Alignas(64) unsigned char room[QUARRY_STORAGE_SIZE];
	struct quarry_port port = {.report = report};
	struct quarry_selftest_env env = {.print = print, .nr_cpus = 1, .seed = 1};
	struct quarry_selftest_stress stress = {0};
	struct quarry_totals totals;
	unsigned int failed;
	void *ram, *scratch;

	if (posix_memalign(&ram, TINY_RAM, TINY_RAM) != 0 ||
	    posix_memalign(&scratch, QUARRY_PAGE_SIZE, QUARRY_SELFTEST_SCRATCH) != 0)
		return 2;
	port.direct_map = (uintptr_t)ram - TINY_BASE;
	env.q = quarry_init(room, sizeof(room), &port);
	if (env.q == NULL || quarry_memblock_add(env.q, TINY_BASE, TINY_RAM) != 0 ||
	    quarry_boot(env.q, NULL) != 0)
		return 2;
	quarry_totals(env.q, &totals);
	printf("data at boot %zu\n", sizeof(room) + totals.meta_bytes);
	env.scratch = scratch;
	env.scratch_bytes = QUARRY_SELFTEST_SCRATCH;
	env.stress = &stress;
	failed = quarry_selftest(&env, NULL);
	failed += quarry_selftest_stress(&env, 3);
	failed += share_pages(env.q);
	quarry_totals(env.q, &totals);
	printf("data at work %zu\n", sizeof(room) + totals.meta_bytes);
	failed += reallocations(env.q);
	failed += caches(env.q);
	failed += exact_answers();
	failed += identity_map();
	free(ram);
	free(scratch);
	return failed != 0;
}
