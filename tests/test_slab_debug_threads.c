/* SPDX-License-Identifier: MIT */
/* Debugged caches under real threads: each damage is one report, whoever does it, and counts are exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include <quarry/posix.h>

#define MIB ((size_t)1 << 20)
#define THREADS 4
#define OPS 4000
#define SLOTS 64 /* places where threads leave objects for each other */
#define SIZE 96u

static atomic_uint reports;

static void take_report(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
	atomic_fetch_add(&reports, 1);
}

static void print_fault(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	print_error("%.*s", (int)len, text);
}

static const struct quarry_out faults = {print_fault, NULL};

struct shared {
	struct quarry *q;
	struct kmem_cache *cache;
	_Atomic(unsigned char *) slot[SLOTS];
	atomic_uint damaged, failed;
	bool damages;
};

struct worker {
	struct shared *sh;
	unsigned int cpu;
	uint64_t seed;
};

static uint32_t random_below(struct worker *w, uint32_t below)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w->seed >> 33) % below;
}

/* Frees an object that some thread left; now and then after writing behind it, or twice. */
static void give_back(struct worker *w, unsigned char *p)
{
	struct shared *sh = w->sh;
	uint32_t what = sh->damages ? random_below(w, 64) : 63;

	for (size_t i = 1; i < SIZE; i++)
		if (p[i] != p[0])
			atomic_fetch_add(&sh->failed, 1);
	if (what == 0) {
		p[SIZE] ^= 1;
		atomic_fetch_add(&sh->damaged, 1);
	}
	quarry_kmem_cache_free(sh->q, sh->cache, p);
	if (what == 0) { /* it is out of use: nobody can get it in between */
		quarry_kmem_cache_free(sh->q, sh->cache, p);
		atomic_fetch_add(&sh->damaged, 1);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct shared *sh = w->sh;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int op = 0; op < OPS; op++) {
		unsigned char *p = quarry_kmem_cache_alloc(sh->q, sh->cache, GFP_KERNEL);

		if (p == NULL)
			continue;
		memset(p, (int)random_below(w, 256), SIZE);
		p = atomic_exchange(&sh->slot[random_below(w, SLOTS)], p);
		if (p != NULL)
			give_back(w, p);
	}
	return NULL;
}

static void run(const char *options, const char *fail, bool damages, bool profile)
{
	struct quarry_posix_options o = {
		.ram_bytes = 64 * MIB, .concurrent = true, .report = take_report};
	struct quarry_boot_params params = {.nr_cpus = THREADS};
	struct worker w[THREADS];
	struct quarry_cache_info i;
	pthread_t thread[THREADS];
	struct shared sh = {.damages = damages};

	sh.q = quarry_posix_new(&o);
	assert_non_null(sh.q);
	assert_int_equal(quarry_memblock_add(sh.q, 0, 64 * MIB), 0);
	assert_int_equal(quarry_boot(sh.q, &params), 0);
	assert_int_equal(quarry_slab_debug(sh.q, options), 0);
	assert_int_equal(quarry_failslab(sh.q, fail), 0);
	assert_int_equal(quarry_slab_profiling(sh.q, profile), 0);
	sh.cache = quarry_kmem_cache_create(sh.q, "thing", SIZE, SLAB_NO_MERGE, NULL);
	assert_non_null(sh.cache);
	atomic_store(&reports, 0);
	for (unsigned int k = 0; k < THREADS; k++) {
		w[k] = (struct worker){&sh, k, k + 1};
		assert_int_equal(pthread_create(&thread[k], NULL, work, &w[k]), 0);
	}
	for (unsigned int k = 0; k < THREADS; k++)
		pthread_join(thread[k], NULL);
	quarry_posix_set_cpu(0);
	assert_int_equal(atomic_load(&sh.failed), 0);
	assert_true(!damages || atomic_load(&sh.damaged) > 20);
	assert_int_equal(atomic_load(&reports), atomic_load(&sh.damaged));
	assert_int_equal(quarry_check(sh.q, &faults), 0);
	quarry_kmem_cache_info(sh.q, sh.cache, &i);
	assert_int_equal(i.refused, quarry_failslab_injected(sh.q));
	assert_int_equal(i.refused != 0, fail[0] != '\0');
	for (unsigned int k = 0; k < SLOTS; k++)
		quarry_kmem_cache_free(sh.q, sh.cache, atomic_load(&sh.slot[k]));
	if (profile) { /* all by the call in work() */
		struct quarry_page_site_info site;

		assert_true(quarry_slab_site(sh.q, 1, &site));
		assert_int_equal(site.blocks, THREADS * OPS);
		assert_int_equal(site.live_blocks, 0);
		assert_int_equal(site.live_bytes, 0);
		assert_false(quarry_slab_site(sh.q, 2, &site));
	}
	assert_int_equal(quarry_cache_validate(sh.q, sh.cache),
			 options[0] == '-' ? -QUARRY_EINVAL : 0);
	assert_int_equal(quarry_kmem_cache_destroy(sh.q, sh.cache), 0);
	assert_int_equal(quarry_check(sh.q, &faults), 0);
	quarry_posix_delete(sh.q);
}

static void test_2c_debugged_caches_in_parallel(void **state)
{
	(void)state;
	run("FZPU,thing", "", false, false);
}

static void test_2c_damage_in_parallel(void **state)
{
	(void)state;
	run("FZPU,thing", "", true, false);
}

static void test_2c_failslab_in_parallel(void **state)
{
	(void)state;
	run("U,thing", "failslab=3,50,0,-1 failslab.ignore-gfp-wait=N", false, false);
}

static void test_2c_profiling_in_parallel(void **state)
{
	(void)state;
	run("-", "", false, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_2c_debugged_caches_in_parallel),
		cmocka_unit_test(test_2c_damage_in_parallel),
		cmocka_unit_test(test_2c_failslab_in_parallel),
		cmocka_unit_test(test_2c_profiling_in_parallel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
