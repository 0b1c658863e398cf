/* SPDX-License-Identifier: MIT */
/*
 * QUARRY_TINY on a machine of 2 MiB: the self-test and the stress, and what the library's own data take.
 * Objects share pages, and calls have the results that direct.c promises, which the self-test does not ask.
 * Prints all lines of the self-test, and "data at boot N", "data at work N": bytes of struct quarry and of all tables
 * after boot, and in the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quarry/quarry.h>
#include <quarry/selftest.h>

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
	wrong += WRONG(quarry_check(q, NULL) != 0);
	wrong += WRONG(quarry_kmem_cache_destroy(q, plain) != 0);
	wrong += WRONG(quarry_kmem_cache_destroy(q, s) != 0);
	quarry_totals(q, &after);
	wrong += WRONG(after.free + 12 < before.free); /* records are kept */
	return wrong;
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
	free(ram);
	free(scratch);
	return failed != 0;
}
