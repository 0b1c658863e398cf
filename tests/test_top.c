/* SPDX-License-Identifier: MIT */
/* quarry top reads the texts of /proc: ours say what the library says, Linux's and broken ones are understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <session.h>
#include <top.h>

static const struct top_zone *zone_of(const struct top_look *look, int nid, const char *name)
{
	for (unsigned int i = 0; i < look->nr_zones; i++) {
		if (look->zones[i].nid == nid && strcmp(look->zones[i].name, name) == 0)
			return &look->zones[i];
	}
	return NULL;
}

static const struct top_cache *cache_of(const struct top_look *look, const char *name)
{
	for (unsigned int i = 0; i < look->nr_caches; i++) {
		if (strcmp(look->caches[i].name, name) == 0)
			return &look->caches[i];
	}
	return NULL;
}

static void zones_agree(const struct top_look *look, struct quarry *q)
{
	unsigned int seen = 0;

	for (int nid = 0; nid < 4; nid++) {
		for (int t = 0; t < QUARRY_NR_ZONES; t++) {
			struct quarry_zone_info info;
			const struct top_zone *z;

			if (!quarry_zone_info(q, nid, (enum quarry_zone_type)t, &info))
				continue;
			z = zone_of(look, nid, info.name);
			assert_non_null(z);
			assert_int_equal(z->managed, info.managed);
			assert_int_equal(z->free, info.free);
			assert_int_equal(z->pcp, info.pcp);
			assert_int_equal(z->min, info.wmark[QUARRY_WMARK_MIN]);
			assert_int_equal(z->low, info.wmark[QUARRY_WMARK_LOW]);
			assert_int_equal(z->high, info.wmark[QUARRY_WMARK_HIGH]);
			for (int o = 0; o < TOP_ORDERS; o++)
				assert_int_equal(z->blocks[o], info.nr_free[o]);
			for (int m = 0; m < 3; m++)
				assert_int_equal(z->types[m], info.nr_pageblocks[m]);
			seen++;
		}
	}
	assert_true(seen >= 2);
}

static void a_replay_is_read_as_it_is(void **state)
{
	struct top_look *look = calloc(1, sizeof(*look));
	struct session_options o;
	struct session s;
	struct kmem_cache *cache = NULL;
	unsigned int with_slabs = 0;

	(void)state;
	session_defaults(&o);
	o.trace_path = "traces/k618-thp.kmt.zst";
	o.machine.map_path = "maps/qemu-1536m-2node.boot.txt";
	o.progress = PROGRESS_NEVER;
	o.limit = 100000;
	assert_int_equal(session_open(&s, &o), CLI_OK);
	session_run(&s);
	top_look_at(look, s.machine.q);
	zones_agree(look, s.machine.q);
	while ((cache = quarry_kmem_cache_next(s.machine.q, cache)) != NULL) {
		struct quarry_cache_info info;
		const struct top_cache *c;

		quarry_kmem_cache_info(s.machine.q, cache, &info);
		if (info.num_slabs == 0)
			continue;
		with_slabs++;
		c = cache_of(look, info.name);
		assert_non_null(c);
		assert_int_equal(c->active, info.active_objs);
		assert_int_equal(c->objects, info.num_objs);
		assert_int_equal(c->slabs, info.num_slabs);
	}
	assert_int_equal(look->nr_caches, with_slabs);
	assert_true(top_counter(look, "pgfree") > 0);
	assert_int_equal(top_counter(look, "extfrag_claimed"),
			 quarry_vm_event(s.machine.q, QUARRY_VM_FALLBACK_CLAIMED));
	session_close(&s);
	free(look);
}

/* Lines as another kernel prints them: fields before and after those that are used. */
static void linux_is_read(void **state)
{
	struct top_look *look = calloc(1, sizeof(*look));
	const struct top_zone *z;

	(void)state;
	look->page_size = 4096;
	top_read_buddyinfo(look, "Node 0, zone    DMA32      1      2      3      4      5      6  "
				 "    7      8      9     10     11 \n");
	top_read_zoneinfo(look,
			  "Node 0, zone    DMA32\n  per-node stats\n      nr_inactive_anon 7\n"
			  "  pages free     700\n        boost    3\n        min      10\n"
			  "        low      20\n        high     30\n        spanned  1044480\n"
			  "        present  782288\n        managed  765904\n"
			  "  pagesets\n    cpu: 0\n              count: 5\n              high:  9\n"
			  "              batch: 63\n    cpu: 1\n              count: 6\n"
			  "              high:  9\n");
	top_read_pagetypeinfo(
		look, "Page block order: 9\n\nFree pages count per migrate type at order  0\n"
		      "Node    0, zone    DMA32, type    Unmovable >100000      0\n\n"
		      "Number of blocks type     Unmovable      Movable  Reclaimable \n"
		      "Node 0, zone    DMA32            2         1526            3 \n");
	top_read_slabinfo(look, "slabinfo - version: 2.1\n# name            <active_objs>\n"
				"dentry   10 42 192 21 1 : tunables 0 0 0 : slabdata 2 2 0\n"
				"empty    0 0 64 64 1 : tunables 0 0 0 : slabdata 0 0 0\n");
	top_read_vmstat(look, "pgfree 12\nodd\ncompact_stall 3\n");
	assert_int_equal(look->nr_zones, 1);
	z = &look->zones[0];
	assert_int_equal(z->blocks[10], 11);
	assert_int_equal(z->free, 700);
	assert_int_equal(z->boost, 3);
	assert_int_equal(z->high, 30);
	assert_int_equal(z->managed, 765904);
	assert_int_equal(z->pcp, 11);
	assert_int_equal(look->nr_types, 3);
	assert_int_equal(z->types[1], 1526);
	assert_int_equal(look->nr_caches, 1);
	assert_int_equal(look->caches[0].bytes, 8192);
	assert_int_equal(top_counter(look, "compact_stall"), 3);
	assert_int_equal(top_counter(look, "none"), 0);
	free(look);
}

/* Whatever stands there: nothing is written outside the look, and what cannot be read is left out. */
static void nonsense_is_left_out(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n",
		"Node",
		"Node 0, zone",
		"Node 0, zone X 1 2 3",
		"Node 99999999999, zone DMA 18446744073709551616",
		"Number of blocks type A B C D E F G H I J K\nNode 0, zone A 1 2 3 4 5 6 7 8 9 10 "
		"11 12\n",
		"a 1 2 3 4 5 : slabdata\n: slabdata 1 2\nx 1 2 3 : slabdata 4 5\n",
		"  pages free 5\n  min 3\n",
	};
	struct top_look *look = calloc(1, sizeof(*look));
	struct strbuf many = {0};

	(void)state;
	look->page_size = 4096;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		top_read_buddyinfo(look, texts[i]);
		top_read_zoneinfo(look, texts[i]);
		top_read_pagetypeinfo(look, texts[i]);
		top_read_slabinfo(look, texts[i]);
		top_read_vmstat(look, texts[i]);
	}
	assert_int_equal(look->nr_caches, 0);
	assert_int_equal(look->nr_types, TOP_MAX_TYPES);
	for (int i = 0; i < 5000; i++)
		strbuf_addf(&many,
			    "Node %d, zone Z%d 1 2 3 4 5 6 7 8 9 10 11\nc%d 1 1 8 1 1 : tunables 0 "
			    "0 0 : slabdata 1 1 0\nv%d %d\n",
			    i, i, i, i, i);
	top_read_buddyinfo(look, many.s);
	top_read_slabinfo(look, many.s);
	top_read_vmstat(look, many.s);
	assert_int_equal(look->nr_zones, TOP_MAX_ZONES);
	assert_int_equal(look->nr_caches, TOP_MAX_CACHES);
	assert_int_equal(look->nr_counters, TOP_MAX_COUNTERS);
	strbuf_free(&many);
	free(look);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replay_is_read_as_it_is),
		cmocka_unit_test(linux_is_read),
		cmocka_unit_test(nonsense_is_left_out),
	};

	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
