/* SPDX-License-Identifier: MIT */
/*
 * QUARRY_HARDENED: each bit of what is sealed, writes beside tables. tests/test_configs.sh builds it with the
 * option, and runs others with it; without it there is nothing to be paid for.
 */
#include <page/internal.h>
#include <slab/internal.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "machine_build.h"

static const struct machine_spec spec = {
	.memory = {{4 * MACHINE_KIB, 636 * MACHINE_KIB, 0}, {MACHINE_MIB, 48 * MACHINE_MIB, 0}},
	.ram_bytes = 48 << 20,
	.boot = {.nr_cpus = 2},
};

static struct kmem_cache *begin(struct machine *m)
{
	struct kmem_cache *s;

	machine_build(m, &spec);
	s = quarry_kmem_cache_create(m->q, "sealed", 100, SLAB_NO_MERGE, NULL);
	assert_non_null(s);
	return s;
}

static void end(struct machine *m, struct kmem_cache *s)
{
	void *obj = quarry_kmem_cache_alloc(m->q, s, GFP_KERNEL);

	assert_non_null(obj);
	quarry_kmem_cache_free(m->q, s, obj);
	assert_int_equal(quarry_kmem_cache_destroy(m->q, s), 0);
	machine_check(m);
	machine_fini(m);
}

#if QUARRY_HARDENED

#define ROOM ((size_t)128) /* what a request for 100 bytes gets */

/* The validator says this of it. */
static void found(struct machine *m, const char *want)
{
	char why[256] = "";

	assert_false(machine_is_sound(m, why));
	why[strcspn(why, "\n")] = '\0';
	assert_string_equal(why, want);
}

/* Each bit of [@at, @at + @bytes), one after the other. */
static void each_bit(struct machine *m, void *at, size_t bytes, const char *want)
{
	char why[256];

	for (size_t bit = 0; bit < bytes * 8; bit++) {
		unsigned char *byte = (unsigned char *)at + bit / 8;

		*byte = (unsigned char)(*byte ^ 1u << bit % 8);
		found(m, want);
		*byte = (unsigned char)(*byte ^ 1u << bit % 8);
	}
	assert_true(machine_is_sound(m, why));
}

static void test_marks_beside_tables(void **state)
{
	struct machine m;
	struct kmem_cache *s = begin(&m);
	unsigned char *p = quarry_meta_alloc(m.q, 100);
	char want[128];

	(void)state;
	assert_non_null(p);
	memset(p, 0x55, ROOM);
	machine_check(&m);
	snprintf(want, sizeof(want), "page: table of %zu bytes at %p: written to past its end",
		 ROOM, (void *)p);
	each_bit(&m, p + ROOM, 64, want);
	p[ROOM] ^= 1;
	quarry_meta_free(m.q, p);
	assert_int_equal(m.reports, 1);
	assert_string_equal(m.last_report, want);
	p = quarry_meta_alloc(m.q, 100);
	snprintf(want, sizeof(want), "page: table of %zu bytes at %p: written to before its start",
		 ROOM, (void *)p);
	each_bit(&m, p - 40, 40, want);
	quarry_meta_free(m.q, p);
	assert_int_equal(m.reports, 1);
	end(&m, s);
}

/* Whether a program that writes to @p is ended. */
static bool is_fatal(unsigned char *p)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the next test */
		signal(SIGBUS, SIG_DFL);
		*(volatile unsigned char *)p = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void test_pages_beside_tables(void **state)
{
	static const size_t sizes[] = {1, 100, 4000, 4096, 70000, 300000};
	struct machine m;
	struct kmem_cache *s = begin(&m);

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i / 2];
		unsigned char *p = i % 2 != 0 ? quarry_meta_alloc_large(m.q, size)
					      : quarry_meta_alloc(m.q, size);
		unsigned char *first, *last;

		assert_non_null(p);
		first = p - 64 - (uintptr_t)(p - 64) % 4096;
		last = p + size + 191;
		last += i % 2 != 0 ? 4095 - (uintptr_t)last % 4096 : 0; /* whole pages */
		memset(p, 1, size);
		assert_false(is_fatal(p + size - 1));
		assert_true(is_fatal(first - 1));
		assert_true(is_fatal(last + 1));
		machine_check(&m);
		quarry_meta_free(m.q, p);
	}
	end(&m, s);
}

static void test_marks_of_zones(void **state)
{
	struct machine m;
	struct kmem_cache *s = begin(&m);
	struct page_zone *z = m.q->pages->node[0].list->zone[0];
	char want[128];

	(void)state;
	snprintf(want, sizeof(want), "page: marks of the zone at pfn %#llx: written to",
		 (unsigned long long)z->start_pfn);
	each_bit(&m, z->wmark, sizeof(z->wmark), want);
	each_bit(&m, z->reserve, sizeof(z->reserve), want);
	each_bit(&m, z->fast_mark, sizeof(z->fast_mark), want);
	each_bit(&m, &z->boost, sizeof(z->boost), want);
	each_bit(&m, &z->seal, sizeof(z->seal), want);
	assert_int_equal(quarry_sysctl_set(m.q, "min_free_kbytes", "2000"), 0);
	machine_check(&m);
	end(&m, s);
}

/* A request that nothing is left for says it, once. */
static void test_marks_are_looked_at(void **state)
{
	struct machine m;
	struct kmem_cache *s = begin(&m);
	struct page_zone *z = m.q->pages->node[0].list->zone[0];
	struct page *page[64];
	unsigned int n = 0;
	char want[128];

	(void)state;
	snprintf(want, sizeof(want), "page: marks of the zone at pfn %#llx: written to",
		 (unsigned long long)z->start_pfn);
	z->wmark[QUARRY_WMARK_LOW] ^= 1ul << 40;
	for (; n < 64; n++) {
		page[n] = quarry_alloc_pages(m.q, GFP_KERNEL, QUARRY_MAX_ORDER);
		if (page[n] == NULL)
			break;
	}
	assert_true(n < 64);
	assert_int_equal(m.reports, 1);
	assert_string_equal(m.last_report, want);
	z->wmark[QUARRY_WMARK_LOW] ^= 1ul << 40;
	while (n-- != 0)
		quarry_free_pages(m.q, page[n], QUARRY_MAX_ORDER);
	end(&m, s);
}

static void test_zonelists(void **state)
{
	struct machine m;
	struct kmem_cache *s = begin(&m);
	struct page_zonelist *list = (struct page_zonelist *)(uintptr_t)m.q->pages->node[0].list;

	(void)state;
	each_bit(&m, &list->nr, sizeof(list->nr), "page: zonelists of node 0: written to");
	each_bit(&m, &list->seal, sizeof(list->seal), "page: zonelists of node 0: written to");
	each_bit(&m, list->zone, list->nr * sizeof(list->zone[0]),
		 "page: zonelists of node 0: written to");
	end(&m, s);
}

static void test_records_of_caches(void **state)
{
	struct machine m;
	struct kmem_cache *s = begin(&m);
	struct {
		void *at;
		size_t bytes;
	} fields[] = {
		{&s->boundary_mul, 8},   {&s->boundary_mask, 8},
		{&s->boundary_limit, 8}, {&s->flags, 4},
		{&s->recip, 8},          {&s->size, 4},
		{&s->offset, 4},         {&s->align, 4},
		{&s->red_left_pad, 4},   {&s->colours, 4},
		{&s->colour_off, 4},     {&s->min_partial, 4},
		{&s->oo, sizeof(s->oo)}, {&s->min, sizeof(s->min)},
		{&s->seal, 8},
	};
	char want[128];

	(void)state;
	snprintf(want, sizeof(want), "slab: sealed: the cache's record was written to (%u)", s->id);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		each_bit(&m, fields[i].at, fields[i].bytes, want);
	/* No slab is laid out by it. */
	s->size ^= 64;
	assert_null(quarry_kmem_cache_alloc(m.q, s, GFP_KERNEL));
	assert_int_equal(m.reports, 1);
	assert_string_equal(m.last_report,
			    "slab: sealed: the cache's record was written to; it gets "
			    "no more slabs");
	s->size ^= 64;
	end(&m, s);
}

/* What changes tables on purpose seals them. */
static void test_changes_on_purpose(void **state)
{
	struct machine m;
	struct kmem_cache *s = begin(&m), *t;

	(void)state;
	assert_int_equal(quarry_sysctl_set(m.q, "watermark_scale_factor", "200"), 0);
	machine_check(&m);
	assert_int_equal(quarry_sysctl_set(m.q, "lowmem_reserve_ratio", "16 16 16 0"), 0);
	machine_check(&m);
	assert_int_equal(quarry_slab_debug(m.q, "FZPU"), 0);
	machine_check(&m);
	assert_int_equal(quarry_slab_debug(m.q, "-"), 0);
	machine_check(&m);
	t = quarry_kmem_cache_create(m.q, "merged", 98, 0, NULL);
	assert_non_null(t);
	machine_check(&m);
	assert_int_equal(quarry_kmem_cache_destroy(m.q, t), 0);
	assert_int_equal(m.reports, 0);
	end(&m, s);
}

#else

static void test_nothing_is_paid(void **state)
{
	struct machine m;
	struct kmem_cache *s = begin(&m);
	size_t before = m.q->meta_bytes;
	void *p = quarry_meta_alloc(m.q, 64);

	(void)state;
	assert_non_null(p);
	assert_int_equal(m.q->meta_bytes - before, 64 + 64); /* with its header */
	quarry_meta_free(m.q, p);
	end(&m, s);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if QUARRY_HARDENED
		cmocka_unit_test(test_marks_beside_tables),
		cmocka_unit_test(test_pages_beside_tables),
		cmocka_unit_test(test_marks_of_zones),
		cmocka_unit_test(test_marks_are_looked_at),
		cmocka_unit_test(test_zonelists),
		cmocka_unit_test(test_records_of_caches),
		cmocka_unit_test(test_changes_on_purpose),
#else
		cmocka_unit_test(test_nothing_is_paid),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
