/* SPDX-License-Identifier: MIT */
/* The replay engine: every fate of an event, slab pages, pieces of blocks, refusals, determinism. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <engine.h>
#include <quarry/posix.h>
#include <quarry/vmstat.h>

#include "kmtwriter.h"

/* A replay on a machine of its own. */
struct run {
	struct quarry *q;
	struct trace t;
	struct diag diag;
	struct engine *e;
	const struct engine_result *r;
	unsigned int reports;
};

static void run_report(void *ctx, const char *line)
{
	struct run *x = ctx;

	print_message("report: %s\n", line);
	x->reports++;
}

static void run_boot(struct run *x, unsigned int mib)
{
	const struct quarry_posix_options o = {.report = run_report, .log_ctx = x};
	const struct quarry_boot_params p = {.nr_cpus = 2};

	x->q = quarry_posix_new(&o);
	assert_non_null(x->q);
	assert_int_equal(quarry_memblock_add(x->q, 1 << 20, ((phys_addr_t)mib << 20) - (1 << 20)),
			 0);
	assert_int_equal(quarry_boot(x->q, &p), 0);
}

static void run_bytes(struct run *x, unsigned int mib, const void *data, size_t len)
{
	size_t n;

	memset(x, 0, sizeof(*x));
	run_boot(x, mib);
	if (trace_open_memory(&x->t, "test", data, len, &x->diag) != CLI_OK)
		fail_msg("%s", x->diag.text.s);
	x->e = engine_new(x->q, 2, &x->t, NULL);
	x->r = engine_result(x->e);
	while ((n = trace_next(&x->t)) > 0)
		assert_true(engine_play(x->e, n));
	engine_finish(x->e);
}

static void run_text(struct run *x, unsigned int mib, const char *text)
{
	run_bytes(x, mib, text, strlen(text));
	assert_int_equal(x->t.nr_bad_lines, 0);
}

/* Each event has one fate, the machine is sound and said nothing; then throw all away. */
static void run_end(struct run *x)
{
	for (int type = 0; type < TRACE_NR_TYPES; type++) {
		uint64_t sum = 0;

		for (int fate = 0; fate < ENGINE_NR_FATES; fate++)
			sum += x->r->fate[type][fate];
		assert_int_equal(sum, x->r->seen[type]);
	}
	assert_int_equal(quarry_check(x->q, NULL), 0);
	assert_int_equal(x->reports, 0);
	quarry_posix_delete(x->q);
	engine_delete(x->e);
	trace_close(&x->t);
	diag_free(&x->diag);
}

/* Objects that callers own, over all caches, and pages that are not free. */
static uint64_t run_objects(struct run *x)
{
	struct kmem_cache *c = NULL;
	struct quarry_cache_info info;
	uint64_t n = 0;

	while ((c = quarry_kmem_cache_next(x->q, c)) != NULL) {
		quarry_kmem_cache_info(x->q, c, &info);
		n += info.active_objs;
	}
	return n;
}

static uint64_t fate(const struct run *x, enum trace_type type, enum engine_fate f)
{
	return x->r->fate[type][f];
}

#define KMALLOC(cpu, ptr, size)                                                             \
	"s 1 [" cpu "] 1.0: kmem:kmalloc: ptr=" ptr " bytes_req=" size " bytes_alloc=" size \
	" gfp_flags=GFP_KERNEL node=-1\n"
#define KFREE(cpu, ptr) "s 1 [" cpu "] 1.0: kmem:kfree: ptr=" ptr "\n"
#define CACHE_ALLOC(cpu, ptr, name)                                        \
	"s 1 [" cpu "] 1.0: kmem:kmem_cache_alloc: ptr=" ptr " name=" name \
	" bytes_req=184 bytes_alloc=192 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1\n"
#define CACHE_FREE(cpu, ptr, name) \
	"s 1 [" cpu "] 1.0: kmem:kmem_cache_free: ptr=" ptr " name=" name "\n"
#define PAGE(cpu, pfn, order, gfp)                                        \
	"s 1 [" cpu "] 1.0: kmem:mm_page_alloc: pfn=" pfn " order=" order \
	" migratetype=0 gfp_flags=" gfp "\n"
#define PAGE_FREE(cpu, pfn, order) \
	"s 1 [" cpu "] 1.0: kmem:mm_page_free: pfn=" pfn " order=" order "\n"
#define USER "GFP_HIGHUSER_MOVABLE"

static void test_objects(void **state)
{
	struct run x;

	(void)state;
	run_text(&x, 64,
		 KMALLOC("000", "0xffff888001000040", "64")
			 CACHE_ALLOC("001", "0xffff888001001000", "dentry")
				 CACHE_ALLOC("001", "0xffff8880010010c0", "dentry")
		 /* Freed on another CPU, and by the other call. */
		 KFREE("001", "0xffff888001001000") KFREE("001", "0xffff888001000040")
			 KFREE("000", "(nil)") KFREE("000", "0x10") CACHE_FREE(
				 "000", "0xffff888009999000",
				 "filp") "s 1 [000] 1.0: kmem:kmalloc: ptr=(nil) bytes_req=9 "
					 "bytes_alloc=16"
					 " gfp_flags=GFP_ATOMIC\n"
					 "s 1 [000] 1.0: kmem:kfree: ptr=(____ptrval____)\n");
	assert_int_equal(fate(&x, TRACE_KMALLOC, ENGINE_REPLAYED), 1);
	assert_int_equal(fate(&x, TRACE_KMALLOC, ENGINE_FAILED), 1);
	assert_int_equal(fate(&x, TRACE_CACHE_ALLOC, ENGINE_REPLAYED), 2);
	assert_int_equal(fate(&x, TRACE_KFREE, ENGINE_REPLAYED), 2);
	assert_int_equal(fate(&x, TRACE_KFREE, ENGINE_NULL), 1);
	assert_int_equal(fate(&x, TRACE_KFREE, ENGINE_ZERO_SIZE), 1);
	assert_int_equal(fate(&x, TRACE_KFREE, ENGINE_NO_ID), 1);
	assert_int_equal(fate(&x, TRACE_CACHE_FREE, ENGINE_BEFORE), 1);
	assert_int_equal(x.r->caches_made, 1);
	assert_int_equal(x.r->live_objects, 1);
	assert_int_equal(run_objects(&x), 1);
	run_end(&x);
}

/* The address is given out again: it had been freed without an event. */
static void test_implied_frees(void **state)
{
	struct run x;

	(void)state;
	run_text(&x, 64,
		 KMALLOC("000", "0xffff888001000040", "64") KMALLOC("000", "0xffff888001000040",
								    "128")
			 PAGE("000", "0x5000", "0", USER) PAGE("001", "0x5000", "0", USER)
				 PAGE("001", "0x6000", "2", USER) PAGE("001", "0x6001", "0", USER));
	assert_int_equal(x.r->implied_objects, 1);
	assert_int_equal(x.r->implied_pages, 2);
	assert_int_equal(x.r->split_blocks, 1);
	assert_int_equal(x.r->live_objects, 1);
	assert_int_equal(x.r->live_pages, 1 + 4);
	assert_int_equal(run_objects(&x), 1);
	run_end(&x);
}

static void assert_place(const struct run *x, enum collision kind, size_t i, uint64_t event,
			 uint64_t line, const char *was)
{
	const struct collision_place *p = &x->r->collisions.place[kind][i];

	assert_int_equal(p->event.number, event);
	assert_int_equal(p->line, line);
	assert_string_equal(p->was, was);
}

/* Addresses that go against what is alive: where, and what is there. */
static void test_collisions(void **state)
{
	const struct collisions *c;
	struct run x;

	(void)state;
	run_text(&x, 64,
		 CACHE_ALLOC("000", "0xffff888001000000", "dentry") KMALLOC(
			 "001", "0xffff888001000000",
			 "64") "# a line of nothing\n" PAGE("001", "0x1001", "0", "GFP_KERNEL")
			 KMALLOC("001", "0xffff888001001040", "64") KFREE(
				 "001", "0xffff888001001040") KFREE("001", "0xffff888001001040")
				 PAGE("001", "0x2000", "2", USER) PAGE("000", "0x2002", "0", USER)
					 PAGE_FREE("000", "0x2002", "0") PAGE_FREE("000", "0x2002",
										   "0")
						 KMALLOC("000", "0xffff888002003040", "64"));
	c = &x.r->collisions;
	for (int kind = 0; kind < COLLISION_NR; kind++)
		assert_int_equal(c->count[kind], 1);
	assert_place(&x, COLLISION_OBJECT_ON_OBJECT, 0, 2, 2, "an object of dentry is alive");
	assert_place(&x, COLLISION_BLOCK_ON_BLOCK, 0, 8, 9,
		     "a block of order 2 at 0x2000 is alive");
	assert_place(&x, COLLISION_OBJECT_ON_BLOCK, 0, 11, 12,
		     "a block of order 0 at 0x2003 is alive");
	assert_place(&x, COLLISION_NO_OBJECT, 0, 6, 7, "");
	assert_place(&x, COLLISION_NO_BLOCK, 0, 10, 11, "");
	assert_int_equal(c->place[COLLISION_OBJECT_ON_OBJECT][0].time_ns, 1000000000);
	assert_int_equal(c->place[COLLISION_OBJECT_ON_OBJECT][0].cpu, 1);
	run_end(&x);
}

/* Of a recording that is damaged too, more often than places are kept, with the events before. */
static void test_collisions_looked_back(void **state)
{
	static const char *const caches[] = {"dentry", NULL};
	const struct kmtwriter_desc descs[] = {
		{.type = TRACE_KMALLOC,
		 .site = 1,
		 .bytes_req = 64,
		 .bytes_alloc = 64,
		 .gfp = 3264,
		 .node = -1},
		{.type = TRACE_CACHE_ALLOC,
		 .cache = 1,
		 .bytes_req = 184,
		 .bytes_alloc = 192,
		 .gfp = 3264,
		 .node = -1},
	};
	struct kmtwriter_event events[20] = {{0}};
	const struct kmtwriter_recording recording = {.caches = caches,
						      .descs = descs,
						      .nr_descs = 2,
						      .events = events,
						      .nr_events = 20,
						      .block = 10};
	char path[] = "/tmp/test_engine.XXXXXX";
	const struct collision_place *p;
	struct kmtwriter w = {0};
	struct run x;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < 20; i++) {
		events[i].addr = 0x200000;
		events[i].desc = i == 1;
		events[i].dt = 7;
	}
	kmtwriter_write(&w, &recording);
	/* The end is missing. */
	assert_int_equal(util_write_file(path, w.data, w.len - 14), 0);
	run_bytes(&x, 64, w.data, w.len - 14);
	assert_true(x.t.damaged);
	assert_int_equal(x.r->events, 18);
	assert_int_equal(x.r->collisions.count[COLLISION_OBJECT_ON_OBJECT], x.r->events - 1);
	p = x.r->collisions.place[COLLISION_OBJECT_ON_OBJECT];
	assert_int_equal(p[0].before.number, 0);
	engine_look_back(x.e, path);
	for (size_t i = 0; i < COLLISION_PLACES; i++) {
		assert_int_equal(p[i].event.number, i + 2);
		assert_int_equal(p[i].before.number, i + 1);
		assert_int_equal(p[i].time_ns, (i + 2) * 7);
		assert_int_equal(p[i].line, 0);
	}
	assert_string_equal(p[0].was, "an object of kmalloc() is alive");
	assert_string_equal(p[0].before.site, "some_site+0x10");
	assert_string_equal(p[1].was, "an object of dentry is alive");
	assert_string_equal(p[1].before.cache, "dentry");
	unlink(path);
	kmtwriter_free(&w);
	run_end(&x);
}

/* A page that holds objects is the recorded slab's: neither taken nor freed here. */
static void test_slab_pages(void **state)
{
	struct run x;

	(void)state;
	run_text(&x, 64,
		 PAGE("000", "0x1000", "0", "GFP_KERNEL") PAGE("001", "0x2000", "3", "GFP_KERNEL")
			 CACHE_ALLOC("000", "0xffff888001000080", "a")
		 /* The accounting allocates before the object does. */
		 KMALLOC("001", "0xffff888009000000", "8")
			 CACHE_ALLOC("001", "0xffff888002007f40", "b")
		 /* A movable page is no slab's: taken at the next event. */
		 PAGE("000", "0x3000", "0", USER) KMALLOC("000", "0xffff888009000008", "8")
		 /* Its object shows up late. */
		 PAGE("000", "0x4000", "0", "GFP_KERNEL") PAGE("000", "0x4100", "0", USER) PAGE(
			 "000", "0x4200", "0", USER) CACHE_ALLOC("001", "0xffff888004000000", "a")
			 PAGE_FREE("000", "0x4000", "0") PAGE_FREE("000", "0x2000", "3")
				 PAGE_FREE("000", "0x3000", "0"));
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_SLAB_PAGE), 3);
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_REPLAYED), 3);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_SLAB_PAGE), 2);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_REPLAYED), 1);
	assert_int_equal(x.r->late_slab_pages, 1);
	/* The objects of the two slabs that were freed went with them. */
	assert_int_equal(x.r->implied_objects, 2);
	assert_int_equal(x.r->live_pages, 2);
	run_end(&x);
}

static void test_large_kmalloc(void **state)
{
	struct run x;

	(void)state;
	run_text(&x, 64,
		 PAGE("000", "0x1000", "3",
		      "GFP_KERNEL|__GFP_COMP") KMALLOC("000", "0xffff888001000000", "20000")
			 KFREE("000", "0xffff888001000000") PAGE_FREE("000", "0x1000", "3"));
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_SLAB_PAGE), 1);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_SLAB_PAGE), 1);
	assert_int_equal(fate(&x, TRACE_KFREE, ENGINE_REPLAYED), 1);
	assert_int_equal(x.r->live_objects, 0);
	run_end(&x);
}

static void test_pages(void **state)
{
	struct run x;

	(void)state;
	run_text(&x, 64,
		 PAGE("000", "0x1000", "0", USER)
		 /* Freed on another CPU while it is still held back. */
		 PAGE_FREE("001", "0x1000",
			   "0") "s 1 [001] 1.0: kmem:mm_page_free_batched: pfn=0x1000 "
				"order=0\n" PAGE_FREE("001", "0x1000", "0") PAGE_FREE(
					"001", "0x7777", "0") PAGE("000", "0x2000", "11", USER)
					PAGE("000", "0x2001", "1", USER) PAGE_FREE(
						"000", "0x2001",
						"3") "s 1 [000] 1.0: kmem:mm_page_alloc: "
						     "page=(nil) pfn=0x0 order=9 migratetype=1"
						     " gfp_flags=GFP_TRANSHUGE\n"
						     "s 1 [001] 1.0: kmem:mm_page_pcpu_drain: "
						     "pfn=0x1000 order=0 migratetype=0\n"
						     "s 1 [001] 1.0: kmem:rss_stat: size=1\n");
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_REPLAYED), 1);
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_BAD_ORDER), 2);
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_FAILED), 1);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_REPLAYED), 1);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_UNTRACED), 1);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_BEFORE), 1);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_BAD_ORDER), 1);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE_BATCHED, ENGINE_DUPLICATE), 1);
	assert_int_equal(fate(&x, TRACE_PCPU_DRAIN, ENGINE_INFORMATION), 1);
	assert_int_equal(fate(&x, TRACE_OTHER, ENGINE_INFORMATION), 1);
	assert_int_equal(x.r->live_pages, 0);
	run_end(&x);
}

/* A block is freed in smaller pieces, and two blocks as one larger. */
static void test_pieces(void **state)
{
	struct run x;

	(void)state;
	run_text(&x, 64,
		 PAGE("000", "0x1000", "9", USER) PAGE_FREE("000", "0x1003", "0")
			 PAGE_FREE("000", "0x1100", "8") PAGE_FREE("000", "0x1000", "1")
				 PAGE("000", "0x3000", "1", USER) PAGE("000", "0x3002", "0", USER)
					 PAGE_FREE("000", "0x3000", "2"));
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_REPLAYED), 4);
	assert_int_equal(x.r->split_blocks, 1);
	assert_int_equal(x.r->live_pages, 512 - 1 - 256 - 2);
	run_end(&x);
}

/* A machine that is too small: refused, and so are not freed. */
static void test_refused(void **state)
{
	struct strbuf text = {0};
	struct run x;

	(void)state;
	for (unsigned int i = 0; i < 16; i++)
		strbuf_addf(&text,
			    "s 1 [000] 1.0: kmem:mm_page_alloc: pfn=0x%x order=9 migratetype=1"
			    " gfp_flags=GFP_HIGHUSER_MOVABLE\n",
			    0x10000 + i * 512);
	strbuf_addf(&text, KMALLOC("000", "0xffff888001000000", "9000000"));
	for (unsigned int i = 0; i < 16; i++)
		strbuf_addf(&text, "s 1 [000] 1.0: kmem:mm_page_free: pfn=0x%x order=9\n",
			    0x10000 + i * 512);
	strbuf_addf(&text, KFREE("000", "0xffff888001000000"));
	run_text(&x, 16, text.s);
	assert_true(fate(&x, TRACE_PAGE_ALLOC, ENGINE_REPLAYED) >= 4);
	assert_true(fate(&x, TRACE_PAGE_ALLOC, ENGINE_REFUSED) >= 8);
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_REFUSED),
			 fate(&x, TRACE_PAGE_FREE, ENGINE_FREE_REFUSED));
	assert_int_equal(fate(&x, TRACE_KMALLOC, ENGINE_REFUSED), 1);
	assert_int_equal(fate(&x, TRACE_KFREE, ENGINE_FREE_REFUSED), 1);
	assert_int_equal(x.r->reasons[ENGINE_REASON_TOO_LARGE], 1);
	assert_int_equal(x.r->reasons[QUARRY_REFUSED_WATERMARK] +
				 x.r->reasons[QUARRY_REFUSED_ORDER],
			 fate(&x, TRACE_PAGE_ALLOC, ENGINE_REFUSED));
	assert_true(x.r->nr_refusals >= 2);
	assert_int_equal(x.r->live_pages, 0);
	assert_int_equal(x.r->live_objects, 0);
	run_end(&x);
	strbuf_free(&text);
}

/* A free in a slab page that the recording saw taken cannot be older than the recording. */
static void test_untraced(void **state)
{
	struct run x;

	(void)state;
	run_text(&x, 64,
		 PAGE("000", "0x1000", "0", "GFP_KERNEL")
			 CACHE_ALLOC("000", "0xffff888001000080", "a")
				 CACHE_FREE("000", "0xffff888001000140", "a")
					 CACHE_FREE("000", "0xffff888002000140", "a"));
	assert_int_equal(fate(&x, TRACE_CACHE_FREE, ENGINE_UNTRACED), 1);
	assert_int_equal(fate(&x, TRACE_CACHE_FREE, ENGINE_BEFORE), 1);
	run_end(&x);
}

/* Caches by name and size; objects without a name get a cache of their size. */
static void test_caches(void **state)
{
	static const struct kmtwriter_desc descs[] = {
		{TRACE_CACHE_ALLOC, 0, 0, 1, 100, 104, 3264, -1, 0, 0},
		{TRACE_CACHE_ALLOC, 0, 0, 1, 96, 104, 3264, 0, 0, 0},
		{TRACE_CACHE_ALLOC, 0, 0, 1, 200, 208, 3264, 7, 0, 0},
		{TRACE_CACHE_ALLOC, 0, 0, 0, 60, 64, 3264, -1, 0, 0},
		{TRACE_CACHE_ALLOC, 0, 0, 2, 0, 0, 3264, -1, 0, 0},
		{TRACE_CACHE_ALLOC, 0, 0, 2, (uint64_t)1 << 40, 8, 3264, -1, 0, 0},
		{TRACE_FREE_IMPLIED, 4, 0, 1, 0, 0, 0, -1, 0, 0},
	};
	static const struct kmtwriter_event events[] = {
		{0, 0x1000, 1, 0, 0}, {1, 0x1010, 1, 0, 0}, {2, 0x1020, 1, 0, 0},
		{3, 0x1030, 1, 5, 0}, {4, 0x1040, 1, 0, 0}, {5, 0x1050, 1, 0, 0},
		{6, 0x1000, 1, 0, 0},
	};
	static const char *const caches[] = {"first", "second", NULL};
	const struct kmtwriter_recording rec = {.caches = caches,
						.descs = descs,
						.nr_descs = sizeof(descs) / sizeof(descs[0]),
						.events = events,
						.nr_events = sizeof(events) / sizeof(events[0])};
	struct kmtwriter w = {0};
	struct run x;

	(void)state;
	kmtwriter_write(&w, &rec);
	run_bytes(&x, 64, w.data, w.len);
	assert_false(x.t.damaged);
	assert_int_equal(x.r->caches_made, 3);
	assert_int_equal(fate(&x, TRACE_CACHE_ALLOC, ENGINE_REPLAYED), 4);
	assert_int_equal(fate(&x, TRACE_CACHE_ALLOC, ENGINE_REFUSED), 2);
	assert_int_equal(fate(&x, TRACE_FREE_IMPLIED, ENGINE_REPLAYED), 1);
	assert_int_equal(run_objects(&x), 3);
	run_end(&x);
	kmtwriter_free(&w);
}

/* The same recording twice, and a random one with everything in it: sound, and the same digest. */
static void test_random(void **state)
{
	static const char *const names[] = {"a", "b", "c"};

	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct strbuf text = {0};
		uint64_t rnd = seed * 0x9e3779b97f4a7c15u, digest[2];
		struct run x;

		for (int i = 0; i < 6000; i++) {
			unsigned int a, o;

			rnd = rnd * 6364136223846793005u + 1442695040888963407u;
			a = (unsigned int)(rnd >> 33) & 0x7ff;
			o = (unsigned int)(rnd >> 50) % 5;
			strbuf_addf(&text, "s 1 [%03u] 1.0: kmem:", (unsigned int)(rnd >> 60) & 3);
			switch (rnd >> 57 & 7) {
			case 0:
			case 1:
				strbuf_addf(&text,
					    "kmalloc: ptr=0x%llx bytes_req=%u bytes_alloc=%u"
					    " gfp_flags=GFP_KERNEL\n",
					    0xffff888000000000ull + a * 1024, a * 7, a * 7);
				break;
			case 2:
				strbuf_addf(&text,
					    "kmem_cache_alloc: ptr=0x%llx name=%s bytes_req=64"
					    " bytes_alloc=64 gfp_flags=GFP_ATOMIC\n",
					    0xffff888000000000ull + a * 1024, names[a % 3]);
				break;
			case 3:
			case 4:
				strbuf_addf(&text, "kfree: ptr=0x%llx\n",
					    0xffff888000000000ull + a * 1024);
				break;
			case 5:
			case 6:
				strbuf_addf(&text,
					    "mm_page_alloc: pfn=%u order=%u migratetype=0"
					    " gfp_flags=%s\n",
					    a >> o << o, o,
					    a & 1 ? "GFP_KERNEL" : "GFP_HIGHUSER_MOVABLE");
				break;
			default:
				strbuf_addf(&text, "mm_page_free: pfn=%u order=%u\n", a >> o << o,
					    o);
				break;
			}
		}
		for (int k = 0; k < 2; k++) {
			run_text(&x, 32, text.s);
			digest[k] = x.r->digest;
			assert_int_equal(x.r->events, 6000);
			assert_true(x.r->implied_pages > 0 && x.r->late_slab_pages > 0 &&
				    x.r->split_blocks > 0);
			run_end(&x);
		}
		assert_int_equal(digest[0], digest[1]);
		strbuf_free(&text);
	}
}

/*
 * Objects that lie closer than the first one of their frame was large, that do not lie at multiples of 8, and that lie
 * where no frame is: each is found again.
 */
static void test_places_of_objects(void **state)
{
	static const char *const at[] = {"0xffff888001000000", "0xffff888001000200",
					 "0xffff888001000208", "0xffff888001000ff8",
					 "0xffff888001000209", "0xffff7fffffffff00",
					 "0xffffffffc0001000"};
	const size_t nr = sizeof(at) / sizeof(at[0]);
	struct strbuf text = {0};
	struct run x;

	(void)state;
	for (size_t i = 0; i < nr; i++)
		strbuf_addf(&text,
			    "s 1 [000] 1.0: kmem:kmalloc: ptr=%s bytes_req=%u bytes_alloc=%u"
			    " gfp_flags=GFP_KERNEL node=-1\n",
			    at[i], i == 0 ? 512 : 8, i == 0 ? 512 : 8);
	for (size_t i = nr; i-- > 0;)
		strbuf_addf(&text, "s 1 [000] 1.0: kmem:kfree: ptr=%s\n", at[i]);
	run_text(&x, 64, text.s);
	assert_int_equal(fate(&x, TRACE_KMALLOC, ENGINE_REPLAYED), nr);
	assert_int_equal(fate(&x, TRACE_KFREE, ENGINE_REPLAYED), nr);
	assert_int_equal(x.r->implied_objects, 0);
	assert_int_equal(x.r->live_objects, 0);
	run_end(&x);
	strbuf_free(&text);
}

/* Frames that no machine has: nothing breaks, nothing is counted twice. */
static void test_huge_frames(void **state)
{
	struct run x;

	(void)state;
	run_text(&x, 64,
		 PAGE("000", "0x8", "3", USER) PAGE("000", "0x10000008", "0",
						    USER) PAGE_FREE("000", "0x10000008", "0")
			 PAGE("000", "0x9", "0", USER) PAGE("000", "0xfffffffffffffc00", "10", USER)
				 PAGE_FREE("000", "0xffffffffffffffff", "0")
					 PAGE_FREE("000", "0x8", "3") PAGE_FREE("000", "0x9", "0"));
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_REPLAYED), 3);
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_BAD_ORDER), 1);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_BAD_ORDER), 1);
	run_end(&x);
}

static void test_real_recording(void **state)
{
	struct diag diag = {0};
	struct run x;
	size_t n;

	(void)state;
	memset(&x, 0, sizeof(x));
	run_boot(&x, 2048);
	if (trace_open(&x.t, "traces/k618-thp.kmt.zst", &diag) != CLI_OK)
		fail_msg("%s", diag.text.s);
	x.e = engine_new(x.q, 2, &x.t, NULL);
	x.r = engine_result(x.e);
	while ((n = trace_next(&x.t)) > 0)
		assert_true(engine_play(x.e, n));
	engine_finish(x.e);
	assert_int_equal(x.r->events, 385641);
	assert_int_equal(fate(&x, TRACE_KMALLOC, ENGINE_REPLAYED), 1876);
	assert_int_equal(fate(&x, TRACE_CACHE_ALLOC, ENGINE_REPLAYED), 16932);
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_REFUSED), 0);
	assert_int_equal(run_objects(&x), x.r->live_objects);
	run_end(&x);
	diag_free(&diag);
}

static void test_slabinfo_and_buddyinfo(void **state)
{
	static const char slab[] = "slabinfo - version: 2.1\n"
				   "# name <active_objs> ...\n"
				   "dentry 100 105 192 21 1 : tunables 0 0 0 : slabdata 4 5 0\n";
	static const char buddy[] = "Node 0, zone      DMA      1      0      2      3      4      "
				    "5      6      7      8"
				    "      9     10 \nNode 1, zone   Normal      7\n";
	struct strbuf text = {0};
	struct diag diag = {0};
	struct linuxfacts f = {0};

	(void)state;
	strbuf_addf(&text, "@@SNAP n=0 mono_ns=1 file=slabinfo bytes=3  \nold");
	strbuf_addf(&text, "@@SNAP n=4 mono_ns=2 file=slabinfo bytes=%zu  \n%s", sizeof(slab) - 1,
		    slab);
	strbuf_addf(&text, "@@SNAP n=4 mono_ns=2 file=vmstat bytes=4\nx 1\n");
	strbuf_addf(&text, "@@SNAP n=4 mono_ns=2 file=buddyinfo bytes=%zu\n%s", sizeof(buddy) - 1,
		    buddy);
	linuxfacts_parse_snapshots(&f, "test", text.s, text.len, &diag);
	assert_int_equal(diag.nr_warnings, 0);
	assert_true(f.first.there && f.last.there);
	assert_int_equal(f.last.number, 4);
	assert_int_equal(f.last.nr_caches, 1);
	assert_int_equal(linuxfacts_cache(&f, "dentry")->num_slabs, 5);
	assert_int_equal(linuxfacts_cache(&f, "dentry")->active_objs, 100);
	assert_null(linuxfacts_cache(&f, "filp"));
	assert_int_equal(f.last.nr_zones, 2);
	assert_string_equal(f.last.zones[0].name, "DMA");
	assert_int_equal(f.last.zones[0].nr_free[10], 10);
	assert_int_equal(f.last.zones[1].nid, 1);
	assert_int_equal(f.last.zones[1].nr_free[0], 7);
	for (size_t len = 1; len < text.len; len++)
		linuxfacts_parse_snapshots(&f, "test", text.s, len, &diag);
	assert_true(diag.nr_warnings > 0);
	linuxfacts_free(&f);
	diag_free(&diag);
	strbuf_free(&text);
}

/* Blocks that move between events, with an order that is split: each is found where it is. */
static bool compact_now(void *ctx)
{
	struct run *x = ctx;

	/* Soon after each event there are moves: no block is where it was. */
	if (x->r->events % 16 == 0)
		quarry_compact_memory(x->q);
	return false;
}

static void moving_text(struct strbuf *s)
{
	for (unsigned int i = 0; i < 2048; i++)
		strbuf_addf(s, PAGE("000", "%u", "0", USER), 0x1000 + i);
	strbuf_addf(s, PAGE("000", "%u", "3", USER), 0x8000u);
	strbuf_addf(s, PAGE("000", "%u", "0", "GFP_KERNEL"), 0x9000u);
	for (unsigned int i = 0; i < 2048; i += 2)
		strbuf_addf(s, PAGE_FREE("001", "%u", "0"), 0x1000 + i);
	for (unsigned int i = 0; i < 8; i++)
		strbuf_addf(s, PAGE_FREE("001", "%u", "0"), 0x8007 - i);
	for (unsigned int i = 1; i < 2048; i += 2)
		strbuf_addf(s, PAGE_FREE("000", "%u", "0"), 0x1000 + i);
}

static void test_blocks_that_move(void **state)
{
	struct strbuf text = {0};
	struct run x = {0};
	size_t n;

	(void)state;
	moving_text(&text);
	run_boot(&x, 64);
	assert_int_equal(trace_open_memory(&x.t, "test", text.s, text.len, &x.diag), CLI_OK);
	x.e = engine_new(x.q, 2, &x.t, NULL);
	x.r = engine_result(x.e);
	engine_set_background(x.e, compact_now, &x);
	engine_set_movable(x.e);
	while ((n = trace_next(&x.t)) > 0)
		assert_true(engine_play(x.e, n));
	engine_finish(x.e);
	assert_true(quarry_vm_event(x.q, QUARRY_VM_PGMIGRATE_SUCCESS) > 100);
	assert_int_equal(fate(&x, TRACE_PAGE_ALLOC, ENGINE_REPLAYED), 2050);
	assert_int_equal(fate(&x, TRACE_PAGE_FREE, ENGINE_REPLAYED), 2056);
	assert_int_equal(x.r->split_blocks, 1);
	assert_int_equal(x.r->live_pages, 1);
	run_end(&x);
	strbuf_free(&text);
}

/* Why, in words: of the first of each kind, and of the last one, whoever was refused in between. */
static bool ask_too_much(void *ctx)
{
	struct run *x = ctx;

	assert_null(quarry_alloc_pages(x->q, GFP_ATOMIC, 10));
	return true;
}

static void test_refusals_in_words(void **state)
{
	struct strbuf text = {0};
	struct run x = {0};
	size_t n;

	(void)state;
	for (unsigned int i = 0; i < 10; i++)
		strbuf_addf(&text, PAGE("000", "%u", "10", "GFP_KERNEL"), 0x4000 + (i << 10));
	strbuf_addf(&text, PAGE("000", "%u", "9", "GFP_KERNEL"), 0x10000u);
	strbuf_addf(&text, KMALLOC("000", "0xffff888001000040", "134217728"));
	run_boot(&x, 3);
	assert_int_equal(trace_open_memory(&x.t, "test", text.s, text.len, &x.diag), CLI_OK);
	x.e = engine_new(x.q, 2, &x.t, NULL);
	x.r = engine_result(x.e);
	engine_set_background(x.e, ask_too_much, &x);
	while ((n = trace_next(&x.t)) > 0)
		assert_true(engine_play(x.e, n));
	engine_finish(x.e);
	assert_int_equal(x.r->refusal[0].count, 10);
	assert_non_null(strstr(x.r->refusal[0].text, "refused: order 10, Unmovable"));
	assert_non_null(strstr(x.r->refusal[0].text, "would have helped:"));
	assert_int_equal(x.r->last_refused, 12);
	assert_non_null(strstr(x.r->last_text, "refused: order 9, Unmovable, gfp 0xcc0"));
	/* Not for want of pages: there is nothing to tell. The order 9 was held back meanwhile. */
	assert_int_equal(x.r->nr_refusals, 3);
	assert_int_equal(x.r->refusal[1].reason, ENGINE_REASON_TOO_LARGE);
	assert_null(x.r->refusal[1].text);
	run_end(&x);
	strbuf_free(&text);
}

/* What an observer has seen. */
struct watch {
	struct engine_observer observer;
	struct run *x;
	uint64_t samples, refusals, last_event, last_ns;
};

static void watch_sample(void *ctx, const struct engine_moment *m)
{
	struct watch *w = ctx;

	assert_true(m->event >= w->last_event && m->time_ns >= w->last_ns);
	assert_int_equal(m->event, w->x->r->events);
	assert_int_equal(quarry_check(w->x->q, NULL), 0);
	w->last_event = m->event;
	w->last_ns = m->time_ns;
	w->samples++;
	/* An observer that runs out of room looks half as often. */
	if (w->samples == 50)
		w->observer.every_events *= 2;
}

static void watch_refused(void *ctx, const struct engine_moment *m, const struct engine_refused *r)
{
	struct watch *w = ctx;

	assert_int_equal(m->event, w->x->r->events);
	assert_int_equal(r->order, 10);
	assert_string_equal(engine_reason_name(r->reason), "watermark");
	assert_int_equal(w->x->t.descs[r->desc].type, TRACE_PAGE_ALLOC);
	w->refusals++;
}

static void run_watched(struct run *x, struct watch *w, const struct strbuf *text, unsigned int mib)
{
	size_t n;

	memset(x, 0, sizeof(*x));
	run_boot(x, mib);
	assert_int_equal(trace_open_memory(&x->t, "test", text->s, text->len, &x->diag), CLI_OK);
	x->e = engine_new(x->q, 2, &x->t, NULL);
	x->r = engine_result(x->e);
	w->x = x;
	w->observer.sample = watch_sample;
	w->observer.refused = watch_refused;
	w->observer.ctx = w;
	engine_set_observer(x->e, &w->observer);
	engine_set_owners(x->e);
	engine_set_background(x->e, compact_now, x);
	engine_set_movable(x->e);
	while ((n = trace_next(&x->t)) > 0)
		assert_true(engine_play(x->e, n));
	engine_finish(x->e);
}

/* An observer is called at the start, at each step, and at the end. */
static void test_observer(void **state)
{
	struct strbuf text = {0};
	struct watch by_events = {.observer = {.every_events = 10}}, by_time = {0};
	struct run x;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		strbuf_addf(&text,
			    "s 1 [000] %u.000000: kmem:mm_page_alloc: pfn=%u order=0 migratetype=0 "
			    "gfp_flags=GFP_KERNEL\n",
			    1 + i / 100, 0x1000 + i);
	run_watched(&x, &by_events, &text, 64);
	/* 1 at the start, 49 by tens, the rest by twenties, 1 at the end. */
	assert_int_equal(by_events.samples, 1 + 49 + (1000 - 490 - 1) / 20 + 1);
	assert_int_equal(by_events.last_event, 1000);
	run_end(&x);
	by_time.observer.every_ns = 2000000000;
	run_watched(&x, &by_time, &text, 64);
	assert_int_equal(by_time.samples, 1 + 4 + 1);
	assert_int_equal(by_time.last_ns, (uint64_t)10000000000);
	run_end(&x);
	strbuf_free(&text);
}

static void test_observer_of_refusals(void **state)
{
	struct strbuf text = {0};
	struct watch w = {0};
	struct run x;

	(void)state;
	for (unsigned int i = 0; i < 10; i++)
		strbuf_addf(&text, PAGE("000", "%u", "10", "GFP_KERNEL"), 0x4000 + (i << 10));
	run_watched(&x, &w, &text, 3);
	assert_int_equal(w.refusals, 10);
	assert_int_equal(w.samples, 2);
	run_end(&x);
	strbuf_free(&text);
}

/* Owners follow blocks that move and split; what is alive by owner is what is alive. */
static void test_owners(void **state)
{
	const struct engine_owner *owner;
	struct strbuf text = {0};
	struct watch w = {0};
	uint64_t bytes = 0, live = 0, frees = 0;
	uint32_t nr, desc, blocks = 0;
	struct run x;

	(void)state;
	moving_text(&text);
	strbuf_addf(&text, KMALLOC("000", "0xffff888f01000040", "100"));
	strbuf_addf(&text, KMALLOC("000", "0xffff888f01000080", "100"));
	strbuf_addf(&text, KMALLOC("000", "0xffff888f01000080", "100"));
	strbuf_addf(&text, KFREE("000", "0xffff888f01000040"));
	run_watched(&x, &w, &text, 64);
	owner = engine_owners(x.e, &nr);
	for (uint32_t i = 0; i < nr; i++) {
		assert_true(owner[i].allocs >= owner[i].frees);
		assert_true(owner[i].max_live_bytes >= owner[i].live_bytes);
		bytes += owner[i].live_bytes;
		live += owner[i].live;
		frees += owner[i].frees;
	}
	assert_int_equal(x.r->implied_objects, 1);
	assert_int_equal(live, 2);
	assert_int_equal(bytes, QUARRY_PAGE_SIZE + 100);
	assert_int_equal(frees, 2056 + 2);
	for (uint64_t pfn = 0; pfn < (64 << 20) / QUARRY_PAGE_SIZE; pfn++) {
		if (!engine_block_owner(x.e, pfn, &desc))
			continue;
		blocks++;
		assert_int_equal(quarry_pfn_state(x.q, pfn, NULL), QUARRY_PAGE_ALLOCATED);
		assert_int_equal(x.t.descs[desc].gfp, GFP_KERNEL);
	}
	assert_int_equal(blocks, 1);
	run_end(&x);
	strbuf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_implied_frees),
		cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_collisions_looked_back),
		cmocka_unit_test(test_slab_pages),
		cmocka_unit_test(test_large_kmalloc),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_untraced),
		cmocka_unit_test(test_caches),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_places_of_objects),
		cmocka_unit_test(test_huge_frames),
		cmocka_unit_test(test_real_recording),
		cmocka_unit_test(test_slabinfo_and_buddyinfo),
		cmocka_unit_test(test_blocks_that_move),
		cmocka_unit_test(test_refusals_in_words),
		cmocka_unit_test(test_observer),
		cmocka_unit_test(test_observer_of_refusals),
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
