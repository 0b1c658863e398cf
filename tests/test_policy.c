/* SPDX-License-Identifier: MIT */
/* Policies other than Linux's: what quarry_boot() takes, and the text of --policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <policy.h>
#include <quarry/posix.h>

static void failed(void *ctx, const char *line)
{
	(void)ctx;
	fail_msg("%s", line);
}

static struct quarry *boot(uint64_t mib, const struct quarry_boot_params *p, int want)
{
	const struct quarry_posix_options o = {.report = failed};
	struct quarry *q = quarry_posix_new(&o);

	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, 1 << 20, (phys_addr_t)(mib - 1) << 20), 0);
	assert_int_equal(quarry_boot(q, p), want);
	return q;
}

static struct quarry_cache_info info_of(struct quarry *q, unsigned int size)
{
	struct kmem_cache *c = quarry_kmem_cache_create(q, "test", size, SLAB_NO_MERGE, NULL);
	struct quarry_cache_info info;
	void *object;

	assert_non_null(c);
	object = quarry_kmem_cache_alloc(q, c, GFP_KERNEL);
	assert_non_null(object);
	quarry_kmem_cache_info(q, c, &info);
	quarry_kmem_cache_free(q, c, object);
	assert_int_equal(quarry_check(q, NULL), 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, c), 0);
	return info;
}

static void test_slab_orders(void **state)
{
	struct quarry_boot_params p = {.nr_cpus = 2};
	struct quarry *q = boot(64, &p, 0);

	(void)state;
	assert_int_equal(info_of(q, 192).order, 0);
	assert_int_equal(info_of(q, 512).order, 1);
	quarry_posix_delete(q);
	p.slab_min_order = 2;
	q = boot(64, &p, 0);
	assert_int_equal(info_of(q, 192).order, 2);
	assert_int_equal(info_of(q, 192).objs_per_slab, 85);
	assert_int_equal(info_of(q, 512).order, 2);
	/* What there is no room for at that order still comes at the smallest. */
	assert_int_equal(info_of(q, 192).min_order, 0);
	quarry_posix_delete(q);
	p.slab_min_order = 0;
	p.slab_max_order = 5;
	p.slab_min_objects = 100;
	q = boot(64, &p, 0);
	assert_int_equal(info_of(q, 1024).order, 5);
	assert_int_equal(info_of(q, 8).order, 0);
	quarry_posix_delete(q);
	p.slab_min_objects = 0;
	p.slab_max_order = 1;
	q = boot(64, &p, 0);
	assert_int_equal(info_of(q, 2048).order, 1);
	/* An object that needs more gets more. */
	assert_int_equal(info_of(q, 9000).order, 2);
	quarry_posix_delete(q);
}

static void test_bad_orders(void **state)
{
	struct quarry_boot_params p = {.slab_min_order = 4};
	struct quarry *q = boot(64, &p, -QUARRY_EINVAL);

	(void)state;
	p.slab_min_order = 0;
	p.slab_max_order = 6;
	assert_int_equal(quarry_boot(q, &p), -QUARRY_EINVAL);
	/* Nothing has changed: it can still boot. */
	p.slab_max_order = 5;
	assert_int_equal(quarry_boot(q, &p), 0);
	quarry_posix_delete(q);
}

static void test_sheaves(void **state)
{
	static const unsigned int want[][2] = {{1, 4},   {4, 4},    {5, 12},
					       {60, 60}, {61, 124}, {508, 508}};
	struct kmem_cache_args args = {.sheaf_capacity = 200};
	struct quarry_boot_params p = {.nr_cpus = 2};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct quarry_cache_info info;
		struct kmem_cache *c;
		struct quarry *q;

		p.sheaf_objects = want[i][0];
		q = boot(64, &p, 0);
		assert_int_equal(info_of(q, 64).sheaf_capacity, want[i][1]);
		assert_int_equal(info_of(q, 4000).sheaf_capacity, want[i][1]);
		/* A cache that says what it wants gets it. */
		c = quarry_kmem_cache_create(q, "own", 64, SLAB_NO_MERGE, &args);
		quarry_kmem_cache_info(q, c, &info);
		assert_int_equal(info.sheaf_capacity, 252);
		quarry_posix_delete(q);
	}
}

/* Without grouping there is one kind of pageblock, so nothing is ever taken from another. */
static void test_grouping(void **state)
{
	const gfp_t gfp[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_KERNEL | __GFP_RECLAIMABLE};
	struct quarry_boot_params p = {.nr_cpus = 1};

	(void)state;
	for (int off = 0; off < 2; off++) {
		struct quarry_totals totals;
		struct quarry *q;

		p.no_grouping = off;
		q = boot(64, &p, 0);
		for (int i = 0; i < 3000; i++)
			assert_non_null(quarry_alloc_pages(q, gfp[i % 3], 0));
		quarry_totals(q, &totals);
		assert_int_equal(totals.fallback_claimed + totals.fallback_stolen == 0, off);
		assert_int_equal(quarry_check(q, NULL), 0);
		quarry_posix_delete(q);
	}
}

/* CPUs start in arenas of their own, or not. */
static void test_homes(void **state)
{
	struct quarry_boot_params p = {.nr_cpus = 2};
	pfn_t pfn[2];

	(void)state;
	for (int one = 0; one < 2; one++) {
		struct quarry *q;

		p.one_home = one;
		p.dma32_limit = ~(phys_addr_t)0;
		q = boot(6 << 10, &p, 0);
		for (unsigned int cpu = 0; cpu < 2; cpu++) {
			struct page *page;

			quarry_posix_set_cpu(cpu);
			/* The first request of a CPU comes before it has a home. */
			for (int i = 0; i < 20; i++)
				page = quarry_alloc_pages(q, GFP_HIGHUSER_MOVABLE, 9);
			assert_non_null(page);
			pfn[cpu] = quarry_page_to_pfn(q, page);
		}
		quarry_posix_set_cpu(0);
		assert_int_equal(pfn[0] >> 18 == pfn[1] >> 18, one);
		quarry_posix_delete(q);
	}
}

static void test_text(void **state)
{
	struct policy p = {0};
	char why[POLICY_WHY], buf[QUARRY_SYSCTL_SIZE];
	struct quarry_boot_params params = {.nr_cpus = 2};
	struct quarry *q;

	(void)state;
	assert_true(policy_parse(&p, "", why));
	assert_true(policy_parse(&p,
				 "grouping=off,arenas=off,min_order=2,slab_max_order=4,"
				 "slab_min_objects=9,sheaf=28,slab_colour=on,slab_free_limit=on,"
				 "defrag_mode=1,min_free_kbytes=4242",
				 why));
	policy_boot(&p, &params);
	assert_true(params.no_grouping && params.one_home);
	assert_int_equal(params.slab_min_order, 2);
	assert_int_equal(params.slab_max_order, 4);
	assert_int_equal(params.slab_min_objects, 9);
	assert_int_equal(params.sheaf_objects, 28);
	assert_true(params.slab_colour && params.slab_free_limit);
	q = boot(64, &params, 0);
	assert_int_equal(policy_run_time(&p, q, why), 0);
	assert_true(quarry_sysctl_get(q, "min_free_kbytes", buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "4242\n");
	assert_true(quarry_sysctl_get(q, "defrag_mode", buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "1\n");
	assert_true(policy_parse(&p, "grouping=on", why));
	assert_false(p.no_grouping);
	assert_true(policy_parse(&p, "slab_colour=off,slab_free_limit=off", why));
	assert_false(p.slab_colour || p.slab_free_limit);
	assert_true(policy_parse(&p, "watermark_scale_factor=99999", why));
	assert_int_equal(policy_run_time(&p, q, why), -QUARRY_EINVAL);
	assert_non_null(strstr(why, "watermark_scale_factor=99999 is out of range"));
	quarry_posix_delete(q);
}

static void test_bad_text(void **state)
{
	static const char *const bad[] = {"x",           "grouping",     "grouping=maybe",
					  "min_order=4", "sheaf=0",      "=",
					  "min_order=",  "min_order=1 ", "swappiness=1"};
	char why[POLICY_WHY];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct policy p = {0};

		assert_false(policy_parse(&p, bad[i], why));
		assert_non_null(strstr(why, "expected grouping=on|off"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slab_orders), cmocka_unit_test(test_bad_orders),
		cmocka_unit_test(test_sheaves),     cmocka_unit_test(test_grouping),
		cmocka_unit_test(test_homes),       cmocka_unit_test(test_text),
		cmocka_unit_test(test_bad_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
