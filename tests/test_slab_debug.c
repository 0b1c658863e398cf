/* SPDX-License-Identifier: MIT */
/* Debugging of slab caches: red zones, poison, users, reports, validation, leaks. Row 2c (slub_debug). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quarry/posix.h>

#include <slab/internal.h>

#define MIB ((size_t)1 << 20)
#define SIZE 100u

/* ---- machines ---- */

static unsigned int reports, logs;
static char last_report[512];
static char log_text[8192];

static void take_report(void *ctx, const char *line)
{
	(void)ctx;
	reports++;
	snprintf(last_report, sizeof(last_report), "%s", line);
}

static void take_log(void *ctx, enum quarry_log_level level, const char *line)
{
	size_t len = strlen(log_text);

	(void)ctx;
	(void)level;
	logs++;
	snprintf(log_text + len, sizeof(log_text) - len, "%s\n", line);
}

static void forget(void)
{
	reports = 0;
	logs = 0;
	last_report[0] = 0;
	log_text[0] = 0;
}

static void print_fault(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	print_error("%.*s", (int)len, text);
}

static const struct quarry_out faults = {print_fault, NULL};

static struct quarry *machine(bool real)
{
	struct quarry_posix_options options = {
		.ram_bytes = real ? 32 * MIB : 0, .report = take_report, .log = take_log};
	struct quarry_boot_params params = {.nr_cpus = 2};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, 0, 32 * MIB), 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	quarry_posix_set_cpu(0);
	forget();
	return q;
}

static void check(struct quarry *q)
{
	assert_int_equal(quarry_check(q, &faults), 0);
}

static struct kmem_cache *create(struct quarry *q, const char *options)
{
	struct kmem_cache *s;

	assert_int_equal(quarry_slab_debug(q, options), 0);
	s = quarry_kmem_cache_create(q, "thing", SIZE, 0, NULL);
	assert_non_null(s);
	return s;
}

static unsigned char *get(struct quarry *q, struct kmem_cache *s)
{
	unsigned char *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);

	assert_non_null(p);
	check(q);
	return p;
}

static struct quarry_cache_info info(struct quarry *q, struct kmem_cache *s)
{
	struct quarry_cache_info i;

	quarry_kmem_cache_info(q, s, &i);
	return i;
}

/* One report, that has all of these in it. */
static void reported(const char *a, const char *b, const char *c)
{
	assert_int_equal(reports, 1);
	if (strstr(last_report, a) == NULL || strstr(last_report, b) == NULL ||
	    strstr(last_report, c) == NULL)
		fail_msg("\"%s\" lacks \"%s\", \"%s\" or \"%s\"", last_report, a, b, c);
	forget();
}

static const char *pointer(const void *p)
{
	static char text[4][32];
	static unsigned int next;

	next = (next + 1) % 4;
	snprintf(text[next], sizeof(text[next]), "%p", p);
	return text[next];
}

/* The cache can still be used, and ends without a trace of what was damaged. */
static void goes_on(struct quarry *q, struct kmem_cache *s)
{
	void *p[40];

	for (size_t i = 0; i < 40; i++)
		p[i] = get(q, s);
	for (size_t i = 0; i < 40; i++)
		quarry_kmem_cache_free(q, s, p[i]);
	check(q);
	assert_int_equal(reports, 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	assert_int_equal(reports, 0);
	check(q);
	quarry_posix_delete(q);
}

/* ---- layout ---- */

static bool filled(const unsigned char *p, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != c)
			return false;
	return true;
}

static void test_bytes_around_and_in_objects(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "FZPU,thing");
	struct quarry_cache_info i = info(q, s);
	unsigned char *p = get(q, s);

	(void)state;
	assert_int_equal(i.flags & SLAB_DEBUG_FLAGS, SLAB_DEBUG_FLAGS & ~SLAB_TRACE);
	assert_int_equal(i.red_left_pad, 8);
	assert_int_equal(i.sheaf_capacity, 0);
	assert_true(filled(p - 8, 0xcc, 8));
	assert_true(filled(p + SIZE, 0xcc, i.inuse - SIZE));
	assert_true(filled(p, 0x6b, SIZE - 1));
	assert_int_equal(p[SIZE - 1], 0xa5);
	memset(p, 1, SIZE);
	quarry_kmem_cache_free(q, s, p);
	assert_true(filled(p - 8, 0xbb, 8));
	assert_true(filled(p + SIZE, 0xbb, i.inuse - SIZE));
	assert_true(filled(p, 0x6b, SIZE - 1));
	assert_int_equal(p[SIZE - 1], 0xa5);
	assert_true(filled(p + i.inuse, 0x5a, 8));
	goes_on(q, s);
}

/* Nobody else's memory is touched: what a free object holds stays in it. */
static void test_caches_that_did_not_ask_are_not_written(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "FZPU,other*"), *plain;
	unsigned char *p = get(q, s);

	(void)state;
	assert_int_equal(info(q, s).flags & SLAB_DEBUG_FLAGS, 0);
	assert_true(info(q, s).sheaf_capacity != 0);
	memset(p, 0x77, SIZE);
	quarry_kmem_cache_free(q, s, p);
	assert_int_equal(quarry_kmem_cache_shrink(q, s), 0);
	assert_true(filled(p, 0x77, SIZE));
	plain = quarry_kmem_cache_create(q, "F", SIZE, SLAB_CONSISTENCY_CHECKS, NULL);
	assert_non_null(plain);
	p = get(q, plain);
	memset(p, 0x78, SIZE);
	quarry_kmem_cache_free(q, plain, p);
	assert_true(filled(p, 0x78, SIZE));
	assert_int_equal(quarry_kmem_cache_destroy(q, plain), 0);
	goes_on(q, s);
}

static unsigned int constructed;

static void construct(void *object)
{
	memset(object, 0x33, SIZE);
	constructed++;
}

/* A constructor's state stays through free and alloc, and no poison goes over it; __GFP_ZERO clears. */
static void test_constructors_and_zero(void **state)
{
	struct kmem_cache_args args = {.ctor = construct};
	struct quarry *q = machine(true);
	struct kmem_cache *s, *t;
	unsigned char *p;

	(void)state;
	assert_int_equal(quarry_slab_debug(q, ""), 0); /* FZPU for all */
	s = quarry_kmem_cache_create(q, "built", SIZE, 0, &args);
	t = quarry_kmem_cache_create(q, "plain", SIZE, 0, NULL);
	assert_non_null(s);
	assert_non_null(t);
	p = get(q, s);
	assert_true(constructed >= info(q, s).objs_per_slab);
	assert_true(filled(p, 0x33, SIZE));
	quarry_kmem_cache_free(q, s, p);
	assert_true(filled(p, 0x33, SIZE));
	p = quarry_kmem_cache_alloc(q, t, GFP_KERNEL | __GFP_ZERO);
	assert_non_null(p);
	assert_true(filled(p, 0, SIZE));
	quarry_kmem_cache_free(q, t, p);
	assert_int_equal(quarry_kmem_cache_destroy(q, t), 0);
	goes_on(q, s);
}

/* ---- damage ---- */

static void test_double_free(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "FU");
	unsigned char *p = get(q, s);

	(void)state;
	quarry_kmem_cache_free(q, s, p);
	assert_int_equal(reports, 0);
	quarry_kmem_cache_free(q, s, p);
	reported("thing: double free of", pointer(p), "; freed by");
	check(q);
	goes_on(q, s);
}

static void test_interior_and_misaligned_free(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "FZPU");
	unsigned char *p = get(q, s);

	(void)state;
	quarry_kmem_cache_free(q, s, p + 8);
	reported("thing: free of", "not the start of an object", "8 bytes into object");
	quarry_kmem_cache_free(q, s, p + 3);
	reported(pointer(p), "3 bytes into object", "; allocated by");
	quarry_kfree(q, p - 8); /* its left red zone */
	reported(pointer(p), "-8 bytes into object", "; allocated by");
	check(q);
	quarry_kfree(q, p);
	goes_on(q, s);
}

static void test_wrong_cache(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "FZPU"), *t;
	unsigned char *p = get(q, s);

	(void)state;
	t = quarry_kmem_cache_create(q, "other", SIZE, 0, NULL);
	assert_non_null(t);
	quarry_kmem_cache_free(q, t, p);
	reported("other: free of", "belongs to thing", "; allocated by");
	quarry_kmem_cache_free(q, t, &p);
	reported("other: free of foreign pointer", pointer(&p), "");
	check(q);
	assert_int_equal(quarry_kmem_cache_destroy(q, t), 0);
	quarry_kmem_cache_free(q, s, p);
	goes_on(q, s);
}

/* Which bytes, which object, who allocated it and who freed it; once; and the object is out of use. */
static void test_overrun_right(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "FZPU");
	unsigned char *p = get(q, s), *r;

	(void)state;
	p[SIZE] = 0x41;
	p[SIZE + 2] = 0x42;
	quarry_kmem_cache_free(q, s, p);
	assert_non_null(strstr(last_report, "3 bytes to the last: 41 cc 42"));
	assert_non_null(strstr(last_report, pointer(p)));
	assert_non_null(strstr(last_report, "; freed by"));
	reported("thing: overrun to the right of object", "offset 100 is 41, not cc",
		 "; allocated by");
	check(q);
	quarry_kmem_cache_free(q, s, p); /* it is with nobody */
	reported("double free", pointer(p), "");
	for (size_t i = 0; i < info(q, s).objs_per_slab; i++) {
		r = get(q, s);
		assert_ptr_not_equal(r, p);
		quarry_kmem_cache_free(q, s, r);
	}
	goes_on(q, s);
}

static void test_overrun_left(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "ZU");
	unsigned char *p = get(q, s);

	(void)state;
	p[-1] = 0;
	quarry_kmem_cache_free(q, s, p);
	reported("thing: overrun to the left of object", "offset -1 is 00, not cc",
		 "1 bytes to the last: 00");
	check(q);
	goes_on(q, s);
}

/* Found when it would be handed out; the caller gets another one. */
static void test_use_after_free(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "FZPU");
	unsigned char *p = get(q, s), *r;

	(void)state;
	quarry_kmem_cache_free(q, s, p);
	p[40] ^= 1;
	r = get(q, s);
	assert_non_null(strstr(last_report, pointer(p)));
	assert_non_null(strstr(last_report, "; allocated by"));
	reported("thing: use after free of object", "offset 40 is 6a, not 6b", "; freed by");
	assert_ptr_not_equal(r, p);
	quarry_kmem_cache_free(q, s, r);
	check(q);
	goes_on(q, s);
}

/* The last byte of a free object has a mark of its own; what lies behind tracks is watched too. */
static void test_validate(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "FZPU"), *plain;
	struct quarry_cache_info i = info(q, s);
	unsigned char *p = get(q, s), *r = get(q, s), *end;
	struct slab *slab;
	uint32_t number;

	(void)state;
	plain = quarry_kmalloc_cache(q, 64, GFP_KERNEL);
	assert_int_equal(quarry_cache_validate(q, s), 0);
	quarry_kmem_cache_free(q, s, r);
	r[SIZE - 1] = 0x6b;
	assert_int_equal(quarry_cache_validate(q, s), 1);
	reported("use after free", pointer(r), "offset 99 is 6b, not a5");
	assert_int_equal(quarry_cache_validate(q, s), 0); /* told once */
	p[i.inuse + 72] = 1;
	assert_int_equal(quarry_cache_validate(q, s), 1);
	reported("overrun behind object", pointer(p), "is 01, not 5a");
	p[-1] = 2;
	r[-8] = 3;
	assert_int_equal(quarry_cache_validate(q, s), 2);
	assert_int_equal(reports, 2);
	forget();
	assert_int_equal(slab_find(q, s, p, &slab, &number), SLAB_FAULT_NONE);
	end = (unsigned char *)slab_block(q, slab) + (QUARRY_PAGE_SIZE << slab->order);
	assert_true((size_t)i.objs_per_slab * i.size < QUARRY_PAGE_SIZE << slab->order);
	end[-1] = 4;
	assert_int_equal(quarry_cache_validate(q, s), 1);
	reported("overrun behind the last object", pointer(end - 1), "is 04");
	assert_int_equal(quarry_slab_debug(q, "-"), 1); /* it has an object */
	quarry_kmem_cache_free(q, s, p);
	assert_int_equal(quarry_cache_validate(q, s), 0);
	assert_int_equal(quarry_cache_validate(q, plain), -QUARRY_EINVAL);
	goes_on(q, s);
}

/* ---- users ---- */

static unsigned int show_stack(void *ctx, void **frames, unsigned int max)
{
	(void)ctx;
	assert_true(max >= 3);
	frames[0] = (void *)(uintptr_t)0x1111;
	frames[1] = (void *)(uintptr_t)0x2222;
	frames[2] = (void *)(uintptr_t)0x3333;
	return 3;
}

static __attribute__((noinline)) void *take_here(struct quarry *q, struct kmem_cache *s,
						 const void **site)
{
	void *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);

	*site = (const void *)(uintptr_t)&take_here;
	return p;
}

/* The caller's address lies in the function that called; the CPU is that of the call; the port's stack. */
static void test_users_with_stacks(void **state)
{
	struct quarry *q = machine(true);
	unsigned long address = 0;
	const void *site = NULL;
	struct kmem_cache *s;
	unsigned char *p;
	const char *at;

	(void)state;
	((struct quarry *)q)->port.stack = show_stack;
	s = create(q, "U");
	quarry_posix_set_cpu(1);
	p = take_here(q, s, &site);
	assert_non_null(p);
	quarry_posix_set_cpu(0);
	quarry_kmem_cache_free(q, s, p);
	quarry_kmem_cache_free(q, s, p);
	at = strstr(last_report, "allocated by ");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "allocated by 0x%lx on CPU 1", &address), 1);
	assert_true(address - (uintptr_t)site < 512);
	assert_non_null(strstr(log_text, "allocated at 0x1111 0x2222 0x3333"));
	assert_non_null(strstr(log_text, "freed at 0x1111 0x2222 0x3333"));
	reported("double free", "on CPU 1", "on CPU 0");
	goes_on(q, s);
}

static void test_leaks_are_listed(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "U"), *plain;
	unsigned char *p = get(q, s), *r = get(q, s), *t;

	(void)state;
	r[0] = 1;
	assert_int_equal(quarry_kmem_cache_destroy(q, s), -QUARRY_EBUSY);
	assert_non_null(strstr(log_text, "2 objects were not freed"));
	assert_non_null(strstr(log_text, pointer(p)));
	assert_non_null(strstr(log_text, pointer(r)));
	assert_non_null(strstr(log_text, "was not freed; allocated by"));
	reported("thing: destroyed with objects", "", "");
	quarry_kmem_cache_free(q, s, p);
	quarry_kmem_cache_free(q, s, r);
	/* Without debugging there are the objects, if not their owners. */
	assert_int_equal(quarry_slab_debug(q, "-"), 0);
	plain = quarry_kmem_cache_create(q, "plain", SIZE, SLAB_NO_MERGE, NULL);
	assert_non_null(plain);
	p = get(q, plain);
	t = get(q, plain);
	quarry_kmem_cache_free(q, plain, t); /* to its sheaf */
	assert_int_equal(quarry_kmem_cache_destroy(q, plain), -QUARRY_EBUSY);
	assert_non_null(strstr(log_text, "1 objects were not freed"));
	assert_non_null(strstr(log_text, pointer(p)));
	assert_null(strstr(log_text, pointer(t)));
	quarry_kmem_cache_free(q, plain, p);
	assert_int_equal(quarry_kmem_cache_destroy(q, plain), 0);
	forget();
	goes_on(q, s);
}

static void test_trace(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "T");
	unsigned char *p = get(q, s);
	char want[64];

	(void)state;
	snprintf(want, sizeof(want), "TRACE thing alloc %p by", (void *)p);
	assert_non_null(strstr(log_text, want));
	quarry_kmem_cache_free(q, s, p);
	snprintf(want, sizeof(want), "TRACE thing free %p by", (void *)p);
	assert_non_null(strstr(log_text, want));
	assert_int_equal(logs, 2);
	goes_on(q, s);
}

/* ---- the parameter ---- */

static uint32_t flags_of(struct quarry *q, const char *name, uint32_t flags)
{
	struct kmem_cache *s = quarry_kmem_cache_create(q, name, 40, flags | SLAB_NO_MERGE, NULL);
	uint32_t got;

	assert_non_null(s);
	got = info(q, s).flags & (SLAB_DEBUG_FLAGS | SLAB_FAILSLAB);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	return got;
}

static void test_slab_debug_syntax(void **state)
{
	const uint32_t f = SLAB_CONSISTENCY_CHECKS, z = SLAB_RED_ZONE, p = SLAB_POISON,
		       u = SLAB_STORE_USER, t = SLAB_TRACE;
	struct quarry *q = machine(true);
	char text[600];

	(void)state;
	assert_int_equal(quarry_slab_debug(q, "FzT,ab*,exact;P;-,never;A,sly"), 0);
	assert_int_equal(flags_of(q, "abc", 0), f | z | t);
	assert_int_equal(flags_of(q, "ab", 0), f | z | t);
	assert_int_equal(flags_of(q, "exact", 0), f | z | t);
	assert_int_equal(flags_of(q, "exactly", 0), p);
	assert_int_equal(flags_of(q, "a", 0), p);
	assert_int_equal(flags_of(q, "never", u), 0);
	assert_int_equal(flags_of(q, "sly", 0), SLAB_FAILSLAB);
	assert_int_equal(flags_of(q, "asks", u), p | u);
	assert_int_equal(quarry_slab_debug(q, ",dentry"), 0);
	assert_int_equal(flags_of(q, "dentry", 0), f | z | p | u);
	assert_int_equal(flags_of(q, "inode", 0), 0);
	assert_int_equal(quarry_slab_debug(q, "FX"), -QUARRY_EINVAL);
	assert_int_equal(quarry_slab_debug(q, "-F"), -QUARRY_EINVAL);
	assert_int_equal(quarry_slab_debug(q, "F;Q,a"), -QUARRY_EINVAL);
	memset(text, 'F', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(quarry_slab_debug(q, text), -QUARRY_EINVAL);
	assert_int_equal(flags_of(q, "dentry", 0), f | z | p | u); /* as it was */
	check(q);
	quarry_posix_delete(q);
}

/* kmalloc's caches exist: they are laid out anew while they are empty, and stay as they are if not. */
static void test_existing_caches(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = quarry_kmalloc_cache(q, 64, GFP_KERNEL);
	unsigned char *p;
	char was;

	(void)state;
	p = quarry_kmalloc(q, 64, GFP_KERNEL);
	assert_non_null(p);
	assert_int_equal(quarry_slab_debug(q, "FZPU,kmalloc-*"), 1);
	assert_int_equal(info(q, s).size, 64);
	assert_int_equal(info(q, quarry_kmalloc_cache(q, 128, GFP_KERNEL)).size, 384);
	quarry_kfree(q, p);
	check(q);
	assert_int_equal(quarry_slab_debug(q, "FZPU,kmalloc-*"), 0);
	assert_int_equal(info(q, s).size, 256);
	p = quarry_kmalloc(q, 64, GFP_KERNEL);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 64, 0);
	check(q);
	was = (char)p[64];
	p[64] = 0;
	assert_int_equal((unsigned char)was, 0xcc);
	quarry_kfree(q, p);
	reported("kmalloc-64: overrun to the right", pointer(p), "offset 64 is 00");
	/* An object with room of 8 KiB to its left still finds its slab. */
	p = quarry_kmalloc(q, 8192, GFP_KERNEL);
	assert_non_null(p);
	assert_int_equal(quarry_ksize(q, p), 8192);
	check(q);
	quarry_kfree(q, p);
	p = quarry_krealloc(q, quarry_kzalloc(q, 20, GFP_KERNEL), 300, GFP_KERNEL);
	assert_non_null(p);
	assert_true(filled(p, 0, 20));
	quarry_kfree(q, p);
	check(q);
	assert_int_equal(reports, 0);
	quarry_posix_delete(q);
}

/* O: a cache whose slabs would need a larger block keeps only what needs no room. */
static void test_order_guard(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = quarry_kmalloc_cache(q, 4096, GFP_KERNEL);

	(void)state;
	assert_int_equal(quarry_slab_debug(q, "FZPUO"), 0);
	assert_int_equal(info(q, s).size, 4096);
	assert_int_equal(info(q, s).flags & SLAB_DEBUG_FLAGS, SLAB_CONSISTENCY_CHECKS);
	assert_int_equal(info(q, quarry_kmalloc_cache(q, 64, GFP_KERNEL)).size, 256);
	assert_int_equal(quarry_slab_debug(q, "FZPU"), 0);
	assert_int_equal(info(q, s).size, 12288);
	check(q);
	quarry_posix_delete(q);
}

/* Memory that is not there is laid out and counted, and never written. */
static void test_no_access(void **state)
{
	struct quarry *q = machine(false);
	struct kmem_cache *s = create(q, "FZPUT");
	void *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);

	(void)state;
	assert_non_null(p);
	check(q);
	quarry_kmem_cache_free(q, s, p);
	quarry_kmem_cache_free(q, s, p);
	reported("double free", pointer(p), "");
	assert_int_equal(quarry_cache_validate(q, s), 0);
	check(q);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	quarry_posix_delete(q);
}

/* A random life of several debugged caches: each damage is told exactly once, each by its own name. */
static void test_random_life(void **state)
{
	enum { HELD = 64, STEPS = 4000 };
	static const char *const options[] = {"FZPU", "Z", "P", "U", "ZP", "F"};
	struct quarry *q = machine(true);
	uint64_t seed = 0x5eed;

	(void)state;
	for (size_t o = 0; o < sizeof(options) / sizeof(options[0]); o++) {
		struct kmem_cache *s = create(q, options[o]);
		bool guarded = (info(q, s).flags & SLAB_RED_ZONE) != 0;
		unsigned char *held[HELD] = {0};
		unsigned int damaged = 0;

		for (unsigned int step = 0; step < STEPS; step++) {
			unsigned int k;

			seed = seed * 6364136223846793005u + 1442695040888963407u;
			k = (unsigned int)(seed >> 33) % HELD;
			quarry_posix_set_cpu((unsigned int)(seed >> 50) & 1);
			if (held[k] == NULL) {
				held[k] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
				assert_non_null(held[k]);
				memset(held[k], (int)k, SIZE);
				continue;
			}
			assert_true(filled(held[k], (int)k, SIZE));
			if (guarded && (seed >> 40) % 64 == 0) {
				held[k][SIZE + (seed >> 44) % 4] ^= 0x10;
				damaged++;
			}
			quarry_kmem_cache_free(q, s, held[k]);
			held[k] = NULL;
			if (step % 64 == 0)
				check(q);
			assert_int_equal(reports, damaged);
		}
		for (unsigned int k = 0; k < HELD; k++)
			quarry_kmem_cache_free(q, s, held[k]);
		assert_true(!guarded || damaged > 5);
		assert_int_equal(reports, damaged);
		assert_int_equal(quarry_cache_validate(q, s), 0);
		assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
		forget();
		check(q);
	}
	quarry_posix_delete(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_around_and_in_objects),
		cmocka_unit_test(test_caches_that_did_not_ask_are_not_written),
		cmocka_unit_test(test_constructors_and_zero),
		cmocka_unit_test(test_double_free),
		cmocka_unit_test(test_interior_and_misaligned_free),
		cmocka_unit_test(test_wrong_cache),
		cmocka_unit_test(test_overrun_right),
		cmocka_unit_test(test_overrun_left),
		cmocka_unit_test(test_use_after_free),
		cmocka_unit_test(test_validate),
		cmocka_unit_test(test_users_with_stacks),
		cmocka_unit_test(test_leaks_are_listed),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_slab_debug_syntax),
		cmocka_unit_test(test_existing_caches),
		cmocka_unit_test(test_order_guard),
		cmocka_unit_test(test_no_access),
		cmocka_unit_test(test_random_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
