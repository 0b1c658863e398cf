/* SPDX-License-Identifier: MIT */
/* What was there before a recording: put on the machine from the starting snapshot, and freed by the recording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <engine.h>
#include <quarry/posix.h>

/* A machine of 256 MiB, DMA left out, as its files of /proc showed it. */
#define SLABINFO                                                           \
	"slabinfo - version: 2.1\n"                                        \
	"# name            <active_objs> <num_objs>\n"                     \
	"dentry 1000 1050 192 21 1 : tunables 0 0 0 : slabdata 50 50 0\n"  \
	"inode_cache 90 108 640 12 2 : tunables 0 0 0 : slabdata 9 9 0\n"  \
	"kmalloc-64 640 640 64 64 1 : tunables 0 0 0 : slabdata 10 10 0\n" \
	"kmalloc-rcl-96 42 42 96 42 1 : tunables 0 0 0 : slabdata 1 1 0\n" \
	"empty 0 0 64 64 1 : tunables 0 0 0 : slabdata 0 0 0\n"
#define BUDDYINFO                                                                                  \
	"Node 0, zone    DMA32    700    300    100     40     20     10      5      4      3    " \
	"  4     10 \n"
#define TYPES                                                                                      \
	"Page block order: 9\nPages per block:  512\n\n"                                           \
	"Free pages count per migrate type at order       0      1      2      3\n"                \
	"Node    0, zone    DMA32, type    Unmovable    100     50     10      4      2      1   " \
	"   0      0      0      0      0 \n"                                                      \
	"Node    0, zone    DMA32, type      Movable    500    200     80     34     17      8   " \
	"   5      4      3      4     10 \n"                                                      \
	"Node    0, zone    DMA32, type  Reclaimable    100     50     10      2      1      1   " \
	"   0      0      0      0      0 \n"                                                      \
	"\nNumber of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      "       \
	"Isolate \n"                                                                               \
	"Node 0, zone    DMA32           10          105            12            0            0 " \
	"\n"
#define ZONEINFO(managed)                                                                          \
	"Node 0, zone    DMA32\n  pages free     20000\n        managed  " managed "\n"            \
	"  pagesets\n    cpu: 0\n              count:    11\n    cpu: 1\n              count:    " \
	"12\n"

struct run {
	struct quarry *q;
	struct trace t;
	struct diag diag;
	struct linuxfacts facts;
	struct engine *e;
	const struct engine_result *r;
	const struct population_result *p;
};

static void failed(void *ctx, const char *line)
{
	(void)ctx;
	fail_msg("%s", line);
}

static void part(struct strbuf *b, const char *name, const char *text)
{
	strbuf_addf(b, "@@SNAP n=0 mono_ns=5 at=start file=%s bytes=%zu\n%s", name, strlen(text),
		    text);
}

static void run(struct run *x, unsigned int mib, const char *zoneinfo, const char *text)
{
	const struct quarry_posix_options o = {.report = failed};
	const struct quarry_boot_params p = {.nr_cpus = 2, .dma_limit = ~(phys_addr_t)0};
	struct strbuf b = {0};
	size_t n;

	memset(x, 0, sizeof(*x));
	x->q = quarry_posix_new(&o);
	assert_int_equal(quarry_memblock_add(x->q, 2 << 20, (phys_addr_t)(mib - 2) << 20), 0);
	assert_int_equal(quarry_boot(x->q, &p), 0);
	part(&b, "slabinfo", SLABINFO);
	part(&b, "buddyinfo", BUDDYINFO);
	part(&b, "zoneinfo", zoneinfo);
	part(&b, "pagetypeinfo", TYPES);
	strbuf_addf(&b, "@@SNAP n=1 mono_ns=9 at=end file=buddyinfo bytes=0\n");
	linuxfacts_parse_snapshots(&x->facts, "test", b.s, b.len, &x->diag);
	assert_int_equal(x->diag.nr_warnings, 0);
	strbuf_free(&b);
	assert_int_equal(trace_open_memory(&x->t, "test", text, strlen(text), &x->diag), CLI_OK);
	x->e = engine_new(x->q, 2, &x->t, &x->facts);
	engine_set_population(x->e);
	x->r = engine_result(x->e);
	while ((n = trace_next(&x->t)) > 0)
		assert_true(engine_play(x->e, n));
	engine_finish(x->e);
	x->p = engine_population(x->e);
	assert_int_equal(quarry_check(x->q, NULL), 0);
}

static void end(struct run *x)
{
	for (int type = 0; type < TRACE_NR_TYPES; type++) {
		uint64_t sum = 0;

		for (int fate = 0; fate < ENGINE_NR_FATES; fate++)
			sum += x->r->fate[type][fate];
		assert_int_equal(sum, x->r->seen[type]);
	}
	quarry_posix_delete(x->q);
	engine_delete(x->e);
	trace_close(&x->t);
	linuxfacts_free(&x->facts);
	diag_free(&x->diag);
}

static struct quarry_cache_info cache_of(struct run *x, const char *name)
{
	struct kmem_cache *c = NULL;
	struct quarry_cache_info info = {0};

	while ((c = quarry_kmem_cache_next(x->q, c)) != NULL) {
		quarry_kmem_cache_info(x->q, c, &info);
		if (strcmp(info.name, name) == 0)
			return info;
	}
	fail_msg("no cache %s", name);
	return info;
}

#define KFREE(ptr) "s 1 [000] 1.0: kmem:kfree: ptr=" ptr "\n"
#define CACHE_FREE(ptr, name) "s 1 [000] 1.0: kmem:kmem_cache_free: ptr=" ptr " name=" name "\n"
#define NOTHING KFREE("(nil)")

/* What snapshots say is read: of both ends. */
static void test_facts(void **state)
{
	const struct linuxfacts_zone *z;
	struct run x;

	(void)state;
	run(&x, 256, ZONEINFO("64000"), NOTHING);
	assert_true(x.facts.first.start && !x.facts.last.start);
	assert_int_equal(x.facts.first.mono_ns, 5);
	assert_int_equal(x.facts.last.number, 1);
	assert_int_equal(x.facts.first.nr_zones, 1);
	z = linuxfacts_zone(&x.facts.first, 0, "DMA32");
	assert_int_equal(z->managed, 64000);
	assert_int_equal(z->pcp, 23);
	assert_true(z->have_types);
	assert_int_equal(z->free_type[QUARRY_MIGRATE_RECLAIMABLE][1], 50);
	assert_int_equal(z->free_type[QUARRY_MIGRATE_MOVABLE][10], 10);
	assert_int_equal(z->blocks[QUARRY_MIGRATE_RECLAIMABLE], 12);
	end(&x);
}

/* Free blocks by order and type, pageblocks by type, objects and slabs: as in the snapshot. */
static void test_state(void **state)
{
	struct quarry_zone_info z;
	struct run x;

	(void)state;
	run(&x, 256, ZONEINFO("64000"), NOTHING);
	assert_true(x.p->there);
	assert_true(quarry_zone_info(x.q, 0, QUARRY_ZONE_DMA32, &z));
	for (int o = 0; o < QUARRY_NR_ORDERS; o++) {
		const struct linuxfacts_zone *l = &x.facts.first.zones[0];

		assert_int_equal(z.nr_free[o], l->nr_free[o]);
		for (int type = 0; type < 3; type++)
			assert_int_equal(z.nr_free_type[type][o], l->free_type[type][o]);
	}
	assert_int_equal(z.nr_pageblocks[QUARRY_MIGRATE_UNMOVABLE], 10);
	assert_int_equal(z.nr_pageblocks[QUARRY_MIGRATE_RECLAIMABLE], 12);
	assert_int_equal(x.p->free_blocks, x.p->free_blocks_wanted);
	assert_int_equal(x.p->objects, 1000 + 90 + 640 + 42);
	assert_int_equal(x.p->objects, x.p->objects_wanted);
	assert_int_equal(cache_of(&x, "dentry").active_objs, 1000);
	assert_int_equal(cache_of(&x, "dentry").num_slabs, 50);
	assert_int_equal(cache_of(&x, "inode_cache").active_objs, 90);
	assert_int_equal(cache_of(&x, "kmalloc-64").active_objs, 640);
	assert_int_equal(cache_of(&x, "kmalloc-rcl-96").active_objs, 42);
	/* Every page is free, in a slab, or somebody's; tables of the library lie elsewhere. */
	assert_int_equal(x.p->managed_bytes, x.p->free_bytes + x.p->slab_bytes + x.p->other_bytes);
	end(&x);
}

/*
 * Frees of what was there: by the cache's name; kfree() by what else was seen in the slab; the slab empties.
 * Recorded slabs are 0xffff888001000000 (dentry, one page), 0xffff888001002000 (kmalloc-64).
 */
static void test_frees(void **state)
{
	struct strbuf text = {0};
	struct run x;

	(void)state;
	for (unsigned int i = 0; i < 25; i++)
		strbuf_addf(&text, CACHE_FREE("0xffff888001000%03x", "dentry"), i * 0xa0 & ~7u);
	/* No cache is named, but the slab is known: of this one by the free, of that one by an allocation. */
	strbuf_addf(&text, KFREE("0xffff888001000ff8"));
	strbuf_addf(
		&text,
		"s 1 [000] 1.0: kmem:kmalloc: ptr=0xffff888001002000 bytes_req=64 bytes_alloc=64 "
		"gfp_flags=GFP_KERNEL node=-1\n");
	strbuf_addf(&text, KFREE("0xffff888001002040"));
	/* Unknown, and a name that Linux did not have. */
	strbuf_addf(&text, KFREE("0xffff888001009000"));
	strbuf_addf(&text, CACHE_FREE("0xffff88800100a000", "filp"));
	/* Pages: two blocks, and one of a slab that is known. */
	strbuf_addf(&text, "s 1 [000] 1.0: kmem:mm_page_free: pfn=40960 order=3\n");
	strbuf_addf(&text, "s 1 [000] 1.0: kmem:mm_page_free: pfn=40961 order=0\n");
	strbuf_addf(&text, "s 1 [000] 1.0: kmem:mm_page_free: pfn=4096 order=0\n");
	run(&x, 256, ZONEINFO("64000"), text.s);
	assert_int_equal(x.p->objects_freed, 27);
	assert_int_equal(x.r->fate[TRACE_CACHE_FREE][ENGINE_FROM_BEFORE], 25);
	assert_int_equal(x.r->fate[TRACE_CACHE_FREE][ENGINE_BEFORE], 1);
	assert_int_equal(x.r->fate[TRACE_KFREE][ENGINE_FROM_BEFORE], 2);
	assert_int_equal(x.r->fate[TRACE_KFREE][ENGINE_BEFORE], 1);
	assert_int_equal(x.r->fate[TRACE_PAGE_FREE][ENGINE_FROM_BEFORE], 1);
	assert_int_equal(x.r->fate[TRACE_PAGE_FREE][ENGINE_UNTRACED], 1);
	assert_int_equal(x.r->fate[TRACE_PAGE_FREE][ENGINE_SLAB_PAGE], 1);
	assert_int_equal(x.p->pages_freed, 8);
	assert_int_equal(x.r->live_objects, 1);
	assert_int_equal(cache_of(&x, "dentry").active_objs, 1000 - 26);
	assert_int_equal(cache_of(&x, "kmalloc-64").active_objs, 640);
	end(&x);
	strbuf_free(&text);
}

/* A machine that is not the recorded one stays empty, and the reason is told. */
static void test_other_machine(void **state)
{
	struct run x;

	(void)state;
	run(&x, 128, ZONEINFO("64000"), CACHE_FREE("0xffff888001000000", "dentry"));
	assert_false(x.p->there);
	assert_non_null(strstr(x.p->why_not, "this is another machine: node 0 zone DMA32"));
	assert_int_equal(x.r->fate[TRACE_CACHE_FREE][ENGINE_BEFORE], 1);
	end(&x);
	/* A larger one has the rest in use. */
	run(&x, 512, ZONEINFO("64000"), NOTHING);
	assert_true(x.p->there);
	assert_int_equal(x.p->free_blocks, x.p->free_blocks_wanted);
	assert_true(x.p->surplus_bytes > (uint64_t)240 << 20);
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_frees),
		cmocka_unit_test(test_other_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
