/* SPDX-License-Identifier: MIT */
/* Debugging of slab caches: red zones, poison, users, reports, validation, leaks. Row 2c (slub_debug). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <quarry/posix.h>

#include <slab/internal.h>

#include "text.h"

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

/* ---- copies to and from user space ---- */

/* A copy that may be made, and the same one byte longer, which may not. */
static void copies_up_to(struct quarry *q, const void *p, size_t n, const char *whose)
{
	assert_true(quarry_check_object_size(q, p, n, true));
	assert_true(quarry_check_object_size(q, p, n, false));
	assert_int_equal(reports, 0);
	assert_false(quarry_check_object_size(q, p, n + 1, true));
	reported("to user space", pointer(p), whose);
	assert_false(quarry_check_object_size(q, p, n + 1, false));
	reported("from user space", pointer(p), whose);
}

/* A window of bytes 20 to 50, in a cache whose objects lie as @options say. */
static void copies_of_a_window(const char *options)
{
	struct kmem_cache_args args = {.useroffset = 20, .usersize = 30};
	struct quarry *q = machine(true);
	struct kmem_cache *s;
	unsigned char *p[3];

	assert_int_equal(quarry_slab_debug(q, options), 0);
	s = quarry_kmem_cache_create(q, "thing", SIZE, 0, &args);
	assert_non_null(s);
	for (int i = 0; i < 3; i++)
		p[i] = get(q, s);
	for (int i = 0; i < 3; i++) {
		copies_up_to(q, p[i] + 20, 30, "20 bytes into object");
		copies_up_to(q, p[i] + 49, 1, pointer(p[i]));
		copies_up_to(q, p[i] + 50, 0, "window is 30 bytes from 20 on");
		/* Before it, across it, behind it, between objects, across to the next one. */
		for (int into = -1; into < (int)SIZE; into += into == 19 ? 31 : 1) {
			assert_true(quarry_check_object_size(q, p[i] + into, 0, true));
			assert_false(quarry_check_object_size(q, p[i] + into, 5, true));
			reported("usercopy: thing: 5 bytes to user space", pointer(p[i] + into),
				 "");
		}
		assert_false(quarry_check_object_size(q, p[i] + 20, SIZE, true));
		reported("100 bytes to", "object", "thing");
		assert_false(quarry_check_object_size(q, p[i] + 20, SIZE_MAX, true));
		reported("to user space", pointer(p[i] + 20), "the address space");
	}
	/* What is left of a slab behind its last object. */
	assert_int_equal(info(q, s).order, 0);
	p[0] = (unsigned char *)((uintptr_t)p[0] | (QUARRY_PAGE_SIZE - 1));
	assert_false(quarry_check_object_size(q, p[0], 1, true));
	reported("thing: 1 bytes", "in no object", pointer(p[0]));
	check(q);
	quarry_posix_delete(q);
}

static void test_S18_copies_stay_in_their_window(void **state)
{
	(void)state;
	copies_of_a_window("");
	copies_of_a_window("FZPU,thing");
}

static void test_S18_copies_of_what_is_no_cache_with_a_window(void **state)
{
	static char global[10];
	struct quarry *q = machine(true);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "thing", SIZE, SLAB_NO_MERGE, NULL);
	struct quarry_kmem_buckets *b = quarry_kmem_buckets_create(q, "own", 0, 8, 16, NULL);
	char *p, on_stack[10];
	struct page *page;

	(void)state;
	/* No window; all of kmalloc's class; that of a set of classes. */
	p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	copies_up_to(q, p, 0, "window is 0 bytes");
	p = quarry_kmalloc(q, 50, GFP_KERNEL);
	copies_up_to(q, p, 64, "kmalloc-64");
	copies_up_to(q, p + 60, 4, "60 bytes into");
	for (size_t more = 0; more < 2; more++) {
		assert_false(
			quarry_check_object_size(q, p, (size_t)(0 - (uintptr_t)p) + more, true));
		reported(more ? "before the end of the address space" : "kmalloc-64", "usercopy",
			 pointer(p));
	}
	p = quarry_kmem_buckets_alloc(q, b, 64, GFP_KERNEL);
	copies_up_to(q, p + 10, 14, "own-64");
	/* Pages: a block, by any of its own; those behind a single one that is free. */
	p = quarry_kmalloc(q, 20000, GFP_KERNEL);
	copies_up_to(q, p, 32768, "32768 before the end of the pages");
	copies_up_to(q, p + 32000, 768, "768 before the end of the pages");
	page = quarry_alloc_pages(q, GFP_KERNEL, 1);
	quarry_split_page(q, page, 1);
	p = quarry_page_address(q, page);
	copies_up_to(q, p + 8188, 4, "");
	assert_true(quarry_check_object_size(q, p + 4090, 10, true));
	quarry_free_pages(q, quarry_virt_to_page(q, p + 4096), 0);
	copies_up_to(q, p, 4096, "");
	assert_false(quarry_check_object_size(q, p + 5000, 10, true));
	reported("10 bytes to", "which is no allocation", pointer(p + 5000));
	quarry_free_pages(q, page, 0);
	/* A range of pages. */
	p = quarry_kvmalloc(q, QUARRY_KMALLOC_MAX_SIZE + 1, GFP_KERNEL);
	assert_non_null(p);
	copies_up_to(q, p, QUARRY_KMALLOC_MAX_SIZE + QUARRY_PAGE_SIZE, "a range of kvmalloc()");
	copies_up_to(q, p + 5000, QUARRY_KMALLOC_MAX_SIZE - 904, "a range");
	/* What nobody here knows, and what nobody has. */
	assert_true(quarry_check_object_size(q, global, sizeof(global), true));
	assert_true(quarry_check_object_size(q, on_stack, sizeof(on_stack), false));
	assert_true(quarry_check_object_size(q, NULL, 0, false));
	assert_int_equal(reports, 0);
	assert_false(quarry_check_object_size(q, NULL, 1, true));
	reported("usercopy: 1 bytes to", "0x0, which is no allocation", "");
	assert_false(quarry_check_object_size(q, QUARRY_ZERO_SIZE_PTR, 1, false));
	reported("usercopy: 1 bytes from", "0x10, which is no allocation", "");
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

/* Who asked for it at creation, not by slab_debug, has no stacks. */
static void test_users_by_flag(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s;
	unsigned char *p;

	(void)state;
	((struct quarry *)q)->port.stack = show_stack;
	s = quarry_kmem_cache_create(q, "thing", SIZE, SLAB_STORE_USER, NULL);
	p = get(q, s);
	quarry_kmem_cache_free(q, s, p);
	quarry_kmem_cache_free(q, s, p);
	assert_null(strstr(log_text, "allocated at"));
	reported("double free", "; allocated by", "; freed by");
	goes_on(q, s);
}

static unsigned int stack_asked;

/* Another one each time; every third time none. */
static unsigned int show_some_stack(void *ctx, void **frames, unsigned int max)
{
	(void)ctx;
	(void)max;
	frames[0] = (void *)(uintptr_t)(0x10000 + stack_asked);
	return stack_asked++ % 3 != 0;
}

/* Where there was no stack, or no room for one more, none is told; the others are their own. */
static void test_users_whose_stacks_are_gone(void **state)
{
	enum { N = 1000 };
	struct quarry *q = machine(true);
	unsigned int told = 0;
	struct kmem_cache *s;
	static void *p[N];
	char text[40];

	(void)state;
	stack_asked = 0;
	((struct quarry *)q)->port.stack = show_some_stack;
	s = create(q, "U");
	for (unsigned int i = 0; i < N; i++) {
		assert_int_equal(stack_asked, i);
		p[i] = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	}
	for (unsigned int i = 0; i < N; i++) {
		bool there;

		log_text[0] = 0;
		quarry_kmem_cache_free(q, s, (char *)p[i] + 8);
		snprintf(text, sizeof(text), "allocated at 0x%x\n", 0x10000 + i);
		there = strstr(log_text, "allocated at") != NULL;
		assert_int_equal(there, strstr(log_text, text) != NULL);
		assert_false(there && i % 3 == 0);
		told += there;
		forget();
	}
	assert_int_equal(told, 512); /* as many as are kept */
	for (unsigned int i = 0; i < N; i++)
		quarry_kmem_cache_free(q, s, p[i]);
	goes_on(q, s);
}

/* ---- every byte ---- */

struct sum {
	uint64_t value;
	unsigned int nr;
};

static void sum_add(struct sum *sum, const void *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum->value = (sum->value ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
	sum->nr++;
}

/* Text without its addresses and times. */
static void sum_add_text(struct sum *sum, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "0123456789");

		sum_add(sum, text, n);
		text += n;
		n = strspn(text, "0123456789");
		if (text[0] == '0' && text[1] == 'x')
			n = 2 + strspn(text + 2, "0123456789abcdef");
		else if (strncmp(text + n, " ns ago", 7) != 0)
			sum_add(sum, text, n);
		text += n;
	}
}

/* All that was told of what was just done. */
static void sum_add_told(struct sum *sum)
{
	sum_add(sum, &reports, sizeof(reports));
	sum_add_text(sum, last_report);
	sum_add_text(sum, log_text);
	forget();
}

/* Changes two bytes of places of @s, whichever they are, while a caller has the object and while none has. */
static void sum_of_damage(struct quarry *q, struct kmem_cache *s, struct sum *sum)
{
	struct quarry_cache_info i = info(q, s);
	long users = (long)i.inuse + (i.offset >= i.inuse ? 8 : 0);
	long end = (long)i.size - (long)i.red_left_pad;
	const uint64_t layout[] = {i.size,         i.inuse,         i.offset,
				   i.red_left_pad, i.objs_per_slab, i.order};

	sum_add(sum, layout, sizeof(layout));
	for (long at = -(long)i.red_left_pad; at < end; at++) {
		long other = at + (const long[]){0, 5, 20}[(at + 100) % 3];
		bool known = (i.flags & SLAB_STORE_USER) == 0 || at < users || at >= users + 64;
		unsigned char *p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);

		assert_non_null(p);
		if (known && ((i.flags & SLAB_POISON) != 0 ||
			      ((i.flags & SLAB_RED_ZONE) != 0 &&
			       (at < 0 || (at >= (long)i.object_size && at < (long)i.inuse)))))
			sum_add(sum, &p[at], 1);
		if (!known || (other >= users && other < users + 64) || other >= end)
			other = at;
		if (known) {
			p[at] ^= 0x41;
			p[other] ^= 0x12;
		}
		quarry_kmem_cache_free(q, s, p);
		sum_add_told(sum);
		p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		quarry_kmem_cache_free(q, s, p);
		if (known) {
			p[other] ^= 0x41;
			p[at] ^= 0x12;
		}
		if (at % 5 == 0) {
			int bad = quarry_cache_validate(q, s);

			sum_add(sum, &bad, sizeof(bad));
			sum_add_told(sum);
		}
		quarry_kmem_cache_free(q, s, quarry_kmem_cache_alloc(q, s, GFP_KERNEL));
		sum_add_told(sum);
		quarry_kmem_cache_free(q, s, p + at); /* not its own, or twice */
		sum_add_told(sum);
	}
}

static void no_constructor(void *object)
{
	(void)object;
}

/*
 * Each byte of a place damaged, with each kind of debugging: layouts, contents, and every word that is told go into
 * a sum. Another sum asks for a look at what changed.
 */
static void test_every_byte_of_every_layout(void **state)
{
	static const char *const options[] = {"F", "FZ", "FP", "FU", "FZP", "FPU", "ZU", "FZPUT"};
	static const unsigned int sizes[] = {1, 7, 8, 9, 30, 100, 520};
	struct sum sum = {0};

	(void)state;
	for (size_t o = 0; o < sizeof(options) / sizeof(options[0]); o++) {
		struct quarry *q = machine(true);

		((struct quarry *)q)->port.stack = show_stack;
		assert_int_equal(quarry_slab_debug(q, options[o]), 0);
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			struct kmem_cache_args args = {.align = k == 4 ? 32 : 0};
			struct kmem_cache *s;

			if (k == 5)
				args.ctor = no_constructor;
			s = quarry_kmem_cache_create(q, "thing", sizes[k], 0, &args);
			assert_non_null(s);
			forget();
			sum_of_damage(q, s, &sum);
			check(q);
			assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
			sum_add_told(&sum);
		}
		sum_of_damage(q, quarry_kmalloc_cache(q, 64, GFP_KERNEL), &sum);
		check(q);
		quarry_posix_delete(q);
	}
	if (sum.nr != 407910 || sum.value != 0xd06d74c7bd1eb162)
		fail_msg("%u answers have the sum 0x%llx", sum.nr, (unsigned long long)sum.value);
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
	assert_int_equal(quarry_slab_debug(q, "FU;PU,leak"), 0);
	assert_int_equal(flags_of(q, "quiet", SLAB_NOLEAKTRACE), f);
	assert_int_equal(flags_of(q, "leak", SLAB_NOLEAKTRACE), p | u);
	assert_int_equal(quarry_slab_debug(q, ",dentry"), 0);
	assert_int_equal(flags_of(q, "dentry", 0), f | z | p | u);
	assert_int_equal(flags_of(q, "inode", 0), 0);
	assert_int_equal(quarry_slab_debug(q, "FX"), -QUARRY_EINVAL);
	/* Blocks of nothing are none; what stands before a "-" does not count. */
	assert_int_equal(quarry_slab_debug(q, "F,dentry;"), 0);
	assert_int_equal(flags_of(q, "dentry", 0), f);
	assert_int_equal(flags_of(q, "inode", 0), 0);
	assert_int_equal(quarry_slab_debug(q, ";;Z,ino*;;P;;"), 0);
	assert_int_equal(flags_of(q, "inode", 0), z);
	assert_int_equal(flags_of(q, "dentry", t), p | t);
	assert_int_equal(quarry_slab_debug(q, ";"), 0);
	assert_int_equal(flags_of(q, "dentry", t), t);
	assert_int_equal(quarry_slab_debug(q, "-F,a;FZ-,b;P-U"), 0);
	assert_int_equal(flags_of(q, "a", t), f | t);
	assert_int_equal(flags_of(q, "b", t), 0);
	assert_int_equal(flags_of(q, "c", t), u | t);
	assert_int_equal(quarry_slab_debug(q, ",dentry"), 0);
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
	struct kmem_cache *s;
	void *p;

	(void)state;
	((struct quarry *)q)->port.stack = show_stack;
	s = create(q, "FZPUT");
	p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	assert_non_null(p);
	check(q);
	quarry_kmem_cache_free(q, s, p);
	quarry_kmem_cache_free(q, s, p);
	reported("double free", pointer(p), "");
	assert_int_equal(quarry_cache_validate(q, s), 0);
	check(q);
	p = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
	forget();
	assert_int_equal(quarry_kmem_cache_destroy(q, s), -QUARRY_EBUSY);
	assert_non_null(
		strstr(log_text, " was not freed\nslab: thing: 1 objects were not freed\n"));
	quarry_kmem_cache_free(q, s, p);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	quarry_posix_delete(q);
}

/* ---- failslab ---- */

static unsigned int count_failures(struct quarry *q, struct kmem_cache *s, gfp_t gfp,
				   unsigned int n)
{
	unsigned int failed = 0;

	for (unsigned int i = 0; i < n; i++) {
		void *p = quarry_kmem_cache_alloc(q, s, gfp);

		failed += p == NULL;
		quarry_kmem_cache_free(q, s, p);
	}
	return failed;
}

static void test_failslab_rules(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "thing", SIZE, SLAB_NO_MERGE, NULL), *t;
	void *held;

	(void)state;
	assert_non_null(s);
	held = get(q, s); /* a cache with objects can be made to fail too */
	assert_int_equal(quarry_failslab(q, "failslab=2,100,0,-1"), 0);
	check(q);
	assert_int_equal(info(q, s).sheaf_capacity, 0);
	assert_int_equal(count_failures(q, s, GFP_NOWAIT | __GFP_NOWARN, 100), 50);
	assert_int_equal(count_failures(q, s, GFP_KERNEL, 100), 0); /* may wait */
	assert_int_equal(count_failures(q, s, GFP_NOWAIT | __GFP_NOFAIL, 100), 0);
	assert_int_equal(quarry_failslab_injected(q), 50);
	assert_int_equal(logs, 0);
	assert_int_equal(quarry_failslab(q, "failslab.times=3 failslab.ignore-gfp-wait=N"), 0);
	assert_int_equal(count_failures(q, s, GFP_KERNEL, 100), 3);
	assert_non_null(strstr(log_text, "name failslab, cache thing, size 100"));
	assert_int_equal(info(q, s).refused, 53);
	/* Space is counted in bytes. */
	assert_int_equal(quarry_failslab(q, "failslab=1,100,1000,-1"), 0);
	assert_int_equal(count_failures(q, s, GFP_KERNEL, 20), 11);
	/* Of the caches that are asked for only. */
	assert_int_equal(quarry_failslab(q, "failslab.cache-filter=Y"), 0);
	assert_int_equal(count_failures(q, s, GFP_KERNEL, 10), 0);
	assert_true(info(q, s).sheaf_capacity != 0);
	t = quarry_kmem_cache_create(q, "fails", SIZE, SLAB_FAILSLAB, NULL);
	assert_non_null(t);
	assert_int_equal(count_failures(q, t, GFP_KERNEL, 10), 10);
	assert_int_equal(quarry_kmem_cache_destroy(q, t), 0);
	assert_int_equal(quarry_failslab(q, "failslab=1,0,0,1"), 0);
	assert_int_equal(count_failures(q, s, GFP_NOWAIT, 10), 0);
	quarry_kmem_cache_free(q, s, held);
	goes_on(q, s);
}

static void test_failslab_errors_change_nothing(void **state)
{
	static const char *const bad[] = {
		"failslab=1,2,3",   "failslab=1,101,0,1",      "failslab.what=1",   "failslab",
		"failslab=1,x,0,1", "failslab.cache-filter=2", "fail_page_alloc=1", "failslab.=1"};
	struct quarry *q = machine(true);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), "failslab=1,100,0,-1 %s", bad[i]);
		assert_int_equal(quarry_failslab(q, text), -QUARRY_EINVAL);
		quarry_kfree(q, quarry_kmalloc(q, 8, GFP_NOWAIT));
	}
	assert_int_equal(quarry_failslab_injected(q), 0);
	quarry_posix_delete(q);
}

/* Every Nth request of an operation fails in turn: all or nothing, and nothing leaks. */
static void test_failslab_nth_of_bulk(void **state)
{
	enum { N = 10 };
	struct quarry *q = machine(true);
	struct kmem_cache *s = create(q, "FZPU");
	char text[32];
	void *p[N];

	(void)state;
	for (unsigned int nth = 1; nth <= N + 1; nth++) {
		bool done;

		snprintf(text, sizeof(text), "fail-nth=%u", nth);
		assert_int_equal(quarry_failslab(q, text), 0);
		done = quarry_kmem_cache_alloc_bulk(q, s, GFP_KERNEL, N, p);
		assert_int_equal(done, nth > N);
		assert_int_equal(info(q, s).active_objs, done ? N : 0);
		check(q);
		if (done)
			quarry_kmem_cache_free_bulk(q, s, N, p);
	}
	assert_int_equal(quarry_failslab_injected(q), N);
	assert_int_equal(quarry_failslab(q, "fail-nth=0"), 0);
	goes_on(q, s);
}

/* ---- checkers of memory ---- */

static struct {
	unsigned int objects, slabs, calls;
	size_t last_size;
	bool last_defined;
} told;

static void tell_object_alloc(void *ctx, void *p, size_t size, bool defined)
{
	(void)ctx;
	(void)p;
	told.objects++;
	told.calls++;
	told.last_size = size;
	told.last_defined = defined;
}

static void tell_object_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)p;
	assert_int_equal(size, told.last_size);
	told.objects--;
}

static void tell_slab_alloc(void *ctx, void *p, size_t size)
{
	(void)ctx;
	assert_int_equal((uintptr_t)p % QUARRY_PAGE_SIZE, 0);
	assert_true(size >= QUARRY_PAGE_SIZE);
	told.slabs++;
}

static void tell_slab_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	assert_int_equal((uintptr_t)p % QUARRY_PAGE_SIZE, 0);
	assert_true(size >= QUARRY_PAGE_SIZE);
	told.slabs--;
}

/* Each object and each slab is told, once out and once back, whatever its cache. */
static void test_port_is_told_of_objects(void **state)
{
	struct kmem_cache_args args = {.ctor = construct};
	struct quarry *q = machine(true);
	struct kmem_cache *s, *t;
	void *p[100];

	(void)state;
	memset(&told, 0, sizeof(told));
	q->port.object_alloc = tell_object_alloc;
	q->port.object_free = tell_object_free;
	q->port.slab_alloc = tell_slab_alloc;
	q->port.slab_free = tell_slab_free;
	s = create(q, "FZPU");
	t = quarry_kmem_cache_create(q, "built", SIZE, 0, &args);
	assert_non_null(t);
	assert_int_equal(info(q, s).flags & SLAB_DEBUG_FLAGS, SLAB_CONSISTENCY_CHECKS);
	for (size_t i = 0; i < 100; i++) {
		p[i] = get(q, s);
		assert_int_equal(told.objects, i + 1);
	}
	assert_false(told.last_defined);
	assert_int_equal(told.slabs, info(q, s).num_slabs);
	assert_int_equal(told.last_size, SIZE);
	quarry_kmem_cache_free(q, t, get(q, t));
	assert_true(told.last_defined);
	for (size_t i = 0; i < 100; i++)
		quarry_kmem_cache_free(q, s, p[i]);
	quarry_kmem_cache_free(q, s, p[0]);
	reported("double free", pointer(p[0]), "");
	assert_int_equal(told.objects, 0);
	assert_int_equal(told.calls, 101);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, t), 0);
	assert_int_equal(told.slabs, 0);
	quarry_posix_delete(q);
}

static struct quarry *watched(const struct quarry_posix_options *options)
{
	struct quarry *q = quarry_posix_new(options);

	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, 0, options->ram_bytes), 0);
	assert_int_equal(quarry_boot(q, NULL), 0);
	quarry_posix_set_cpu(0);
	forget();
	return q;
}

#if defined(__SANITIZE_ADDRESS__)
enum crime { INNOCENT, USE_AFTER_FREE, OVERRUN, NEVER_ALLOCATED };

/* What the checker says of a process that does it: true if it ended the process, and said why. */
static bool sanitizer_objects(enum crime crime)
{
	struct quarry_posix_options options = {.ram_bytes = 32 * MIB, .annotate = true};
	char text[4096] = "";
	size_t len = 0;
	int pipes[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct quarry *q;
		volatile char *p;

		dup2(pipes[1], 2);
		q = watched(&options);
		p = quarry_kmalloc(q, 50, GFP_KERNEL);
		p[49] = 1;
		if (crime == USE_AFTER_FREE) {
			quarry_kfree(q, (void *)(uintptr_t)p);
			p[10] = 1;
		} else if (crime == OVERRUN) {
			p[64] = 1; /* its cache has 64 bytes */
		} else if (crime == NEVER_ALLOCATED) {
			p[640] = 1; /* another object, that nobody has */
		}
		quarry_kfree(q, (void *)(uintptr_t)p);
		quarry_posix_delete(q);
		_exit(0);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	assert_non_null(strstr(text, "AddressSanitizer: use-after-poison"));
	return true;
}

/* AddressSanitizer sees our objects as it sees malloc()'s. */
static void test_address_sanitizer_sees_objects(void **state)
{
	(void)state;
	assert_false(sanitizer_objects(INNOCENT));
	assert_true(sanitizer_objects(USE_AFTER_FREE));
	assert_true(sanitizer_objects(OVERRUN));
	assert_true(sanitizer_objects(NEVER_ALLOCATED));
}
#endif

/* The machine's life under annotations: nothing of the library touches what is forbidden. */
static void test_annotated_machine_lives(void **state)
{
	struct quarry_posix_options options = {
		.ram_bytes = 32 * MIB, .annotate = true, .report = take_report, .log = take_log};
	struct quarry *q = watched(&options);
	unsigned char *p[64] = {0};
	uint64_t seed = 7;

	(void)state;
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int k;
		size_t size;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		k = (unsigned int)(seed >> 33) % 64;
		size = 1 + (size_t)(seed >> 40) % 9000;
		if (p[k] == NULL)
			p[k] = quarry_kzalloc(q, size, GFP_KERNEL);
		else if (step % 3 == 0)
			p[k] = quarry_krealloc(q, p[k], size, GFP_KERNEL);
		else {
			memset(p[k], 1, quarry_ksize(q, p[k]));
			quarry_kfree(q, p[k]);
			p[k] = NULL;
		}
		if (step % 512 == 0)
			check(q);
	}
	for (unsigned int k = 0; k < 64; k++)
		quarry_kfree(q, p[k]);
	check(q);
	assert_int_equal(reports, 0);
	quarry_posix_delete(q);
}

/* ---- guarded objects ---- */

#define GUARDED                                               \
	((struct quarry_posix_options){.ram_bytes = 32 * MIB, \
				       .guard_slots = 4,      \
				       .guard_interval = 1,   \
				       .guard_catch = true,   \
				       .report = take_report, \
				       .log = take_log})

static struct quarry_posix_guard_info guards(struct quarry *q)
{
	struct quarry_posix_guard_info i;

	quarry_posix_guard_info(q, &i);
	return i;
}

static bool foreign(struct quarry *q, const void *p)
{
	return quarry_virt_to_cache(q, p) == NULL;
}

/* Objects come from the pool, serve like others, and go back by every call. */
static void test_guarded_objects_serve(void **state)
{
	struct quarry_posix_options options = GUARDED;
	struct quarry *q = watched(&options);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "thing", SIZE, SLAB_NO_MERGE, NULL);
	unsigned char *a, *b, *c, *d;

	(void)state;
	assert_non_null(s);
	a = get(q, s);
	b = quarry_kzalloc(q, 64, GFP_KERNEL);
	c = quarry_kmalloc(q, 200, GFP_KERNEL);
	assert_non_null(b);
	assert_non_null(c);
	assert_true(foreign(q, a) && foreign(q, b) && foreign(q, c));
	assert_true(filled(b, 0, 64));
	assert_int_equal(guards(q).used, 3);
	assert_int_equal(quarry_ksize(q, c), 256);
	copies_up_to(q, c, 256, "guarded");
	memset(a, 1, SIZE);
	memset(c, 3, 256);
	d = quarry_krealloc(q, c, 1000, GFP_KERNEL);
	assert_non_null(d);
	assert_true(filled(d, 3, 256));
	quarry_kmem_cache_free(q, s, a);
	quarry_kfree(q, b);
	quarry_kfree(q, d);
	assert_int_equal(guards(q).used, 0);
	assert_int_equal(guards(q).given, guards(q).freed);
	assert_int_equal(reports, 0);
	check(q);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	quarry_posix_delete(q);
}

/* A constructor's objects never; when all slots are taken, ordinary ones; one in so many only. */
static void test_guarded_objects_are_sampled(void **state)
{
	struct kmem_cache_args args = {.ctor = construct};
	struct quarry_posix_options options = GUARDED;
	struct quarry *q = watched(&options);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "built", SIZE, 0, &args);
	void *p[8];

	(void)state;
	quarry_kmem_cache_free(q, s, get(q, s));
	assert_int_equal(guards(q).asked, 0);
	for (size_t i = 0; i < 8; i++) {
		p[i] = quarry_kmalloc(q, 32, GFP_KERNEL);
		assert_non_null(p[i]);
		assert_int_equal(foreign(q, p[i]), i < 4);
	}
	for (size_t i = 0; i < 8; i++)
		quarry_kfree(q, p[i]);
	check(q);
	quarry_posix_delete(q);
	options.guard_interval = 3;
	q = watched(&options);
	for (size_t i = 0; i < 6; i++) {
		p[i] = quarry_kmalloc(q, (size_t)16 << i, GFP_KERNEL); /* each by an empty sheaf */
		assert_non_null(p[i]);
		assert_int_equal(foreign(q, p[i]), i % 3 == 2);
	}
	for (size_t i = 0; i < 6; i++)
		quarry_kfree(q, p[i]);
	quarry_posix_delete(q);
}

/* Every access that is wrong is one report, and the program goes on. */
static void test_guarded_objects_catch(void **state)
{
	struct quarry_posix_options options = GUARDED;
	struct quarry *q = watched(&options);
	volatile unsigned char *p, *r;
	unsigned char *f, *between[2];

	(void)state;
	p = quarry_kmalloc(q, 64, GFP_KERNEL); /* ends with its page */
	between[0] = quarry_kmalloc(q, 64, GFP_KERNEL);
	between[1] = quarry_kmalloc(q, 64, GFP_KERNEL);
	r = quarry_kmalloc(q, 64, GFP_KERNEL); /* begins with its page */
	assert_true(p != NULL && r != NULL && between[0] != NULL && between[1] != NULL);
	p[64] = 1;
	reported("guard: kmalloc-64: overrun to the right", pointer((const void *)(uintptr_t)p),
		 "offset 64; allocated by");
	assert_int_equal(r[-1], 0);
	reported("guard: kmalloc-64: overrun to the left", pointer((const void *)(uintptr_t)r),
		 "offset -1;");
	r[70] = 5; /* in its page: found when it is freed */
	quarry_kfree(q, (void *)(uintptr_t)r);
	reported("overrun to the right", "offset 70", "; found by");
	f = (unsigned char *)(uintptr_t)p;
	quarry_kfree(q, f + 8);
	reported("wrong free", pointer(f), "offset 8");
	quarry_kfree(q, f);
	assert_int_equal(reports, 0);
	p[3] = 1;
	reported("use after free", "offset 3", "; freed by");
	quarry_kfree(q, f);
	reported("double free", pointer(f), "; freed by");
	assert_int_equal(guards(q).reports, 6);
	quarry_kfree(q, between[0]);
	quarry_kfree(q, between[1]);
	assert_int_equal(guards(q).used, 0);
	check(q);
	quarry_posix_delete(q);
}

static void test_guards_and_annotations_need_memory(void **state)
{
	struct quarry_posix_options options = {.guard_slots = 1};

	(void)state;
	assert_null(quarry_posix_new(&options));
	options = (struct quarry_posix_options){.annotate = true};
	assert_null(quarry_posix_new(&options));
}

/* ---- slabinfo ---- */

/* S19: what slabinfo says is what was counted by hand, slab by slab and bit by bit. */
static void test_S19_slabinfo_agrees_with_a_count(void **state)
{
	static const char *const names[] = {"one", "two", "three"};
	static struct text slabinfo;
	const struct quarry_out out = text_out(&slabinfo);
	struct quarry *q = machine(true);
	unsigned long active, total, slabs, objsize, perslab;
	struct kmem_cache *s[3];
	struct slab *slab;

	(void)state;
	assert_int_equal(quarry_slab_debug(q, "FZPU"), 0);
	for (unsigned int k = 0; k < 3; k++) {
		s[k] = quarry_kmem_cache_create(q, names[k], 40 + 100 * k, 0, NULL);
		assert_non_null(s[k]);
		for (unsigned int i = 0; i < 50 * (k + 1); i++) {
			void *p = get(q, s[k]);

			if (i % 3 == 0)
				quarry_kmem_cache_free(q, s[k], p);
		}
	}
	quarry_show_slabinfo(q, &out);
	for (unsigned int k = 0; k < 3; k++) {
		unsigned long objects = 0, held = 0, nr = 0;
		uint32_t index = 0;
		char line[32];
		const char *at;

		while ((slab = slab_store_next(q->slabs, &index)) != NULL) {
			if (slab->cache != s[k]->id)
				continue;
			nr++;
			objects += slab_objects(s[k], slab);
			for (unsigned int i = 0; i < slab_objects(s[k], slab); i++)
				held += slab_active(s[k], slab)[i / 64] >> i % 64 & 1;
		}
		snprintf(line, sizeof(line), "\n%s ", names[k]);
		at = strstr(slabinfo.s, line);
		assert_non_null(at);
		assert_int_equal(
			sscanf(at, "%*s %lu %lu %lu %lu", &active, &total, &objsize, &perslab), 4);
		at = strstr(at, "slabdata");
		assert_non_null(at);
		assert_int_equal(sscanf(at, "slabdata %*u %lu", &slabs), 1);
		assert_int_equal(held, 50 * (k + 1) - (50 * (k + 1) + 2) / 3);
		assert_int_equal(active, held);
		assert_int_equal(total, objects);
		assert_int_equal(slabs, nr);
		assert_int_equal(objsize, s[k]->size);
	}
	quarry_posix_delete(q);
}

/* What slabtop and vmstat -m make of the text in @path; NULL: they cannot be run over it here. */
static FILE *open_tool(const char *tool, const char *path)
{
	char command[256];
	FILE *f;

	snprintf(command, sizeof(command),
		 "unshare -r -m sh -c 'mount --bind %s /proc/slabinfo' 2>/dev/null", path);
	f = popen(command, "r");
	if (f == NULL || pclose(f) != 0)
		return NULL;
	snprintf(command, sizeof(command),
		 "unshare -r -m sh -c 'mount --bind %s /proc/slabinfo && exec %s' 2>&1", path,
		 tool);
	return popen(command, "r");
}

/* Names that no reader of slabinfo expects, of more caches than it has lines: each is one word of 127 bytes at most. */
static void test_S19_slabinfo_of_odd_names(void **state)
{
	enum { CACHES = 150, KMALLOC = 52 };
	static const char *const tools[] = {"slabtop -o", "vmstat -m"};
	static const char *const odd[] = {"a name of words", "tab\tand\nline", "", "%s%n(:/", " "};
	static char name[CACHES][200];
	static struct text slabinfo;
	const struct quarry_out out = text_out(&slabinfo);
	struct quarry *q = machine(true);
	char path[] = "/tmp/quarry-slabinfo-XXXXXX", line[400];
	unsigned int lines = 0;
	int fd = mkstemp(path);
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	for (unsigned int i = 0; i < CACHES; i++) {
		if (i < sizeof(odd) / sizeof(odd[0]))
			snprintf(name[i], sizeof(name[i]), "%s", odd[i]);
		else if (i < 10)
			memset(name[i], 'x', 120 + i);
		else if (i == 10)
			memset(name[i], 'y', sizeof(name[i]) - 1);
		else
			snprintf(name[i], sizeof(name[i]), "cache-%u", i);
		assert_non_null(quarry_kmem_cache_create(q, name[i], 8 + i, SLAB_NO_MERGE, NULL));
	}
	quarry_show_slabinfo(q, &out);
	assert_int_equal(write(fd, slabinfo.s, slabinfo.len), slabinfo.len);
	assert_non_null(strstr(slabinfo.s, "\na_name_of_words  "));
	assert_non_null(strstr(slabinfo.s, "\ntab_and_line  "));
	f = fdopen(fd, "r");
	assert_non_null(f);
	rewind(f);
	for (; fgets(line, sizeof(line), f) != NULL; lines++) {
		char word[300];
		unsigned int n[11];

		if (lines < 2)
			continue;
		assert_int_equal(sscanf(line,
					"%299s %u %u %u %u %u : tunables %u %u %u : slabdata %u "
					"%u %u",
					word, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6],
					&n[7], &n[8], &n[9], &n[10]),
				 12);
		assert_true(strlen(word) <= 127);
	}
	assert_int_equal(lines, 2 + KMALLOC + CACHES);
	for (unsigned int t = 0; t < 2; t++) {
		FILE *tool = open_tool(tools[t], path);
		unsigned int seen = 0;

		while (tool != NULL && fgets(line, sizeof(line), tool) != NULL)
			seen += strstr(line, "cache-") != NULL;
		if (tool != NULL) {
			assert_int_equal(pclose(tool), 0);
			assert_int_equal(seen, CACHES - 11);
		}
	}
	fclose(f);
	unlink(path);
	check(q);
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

/* ---- by call site ---- */

static const struct quarry_page_site profile_sites[] = {
	{"net/ring.c", "ring_fill", 40}, {"fs/cache.c", "cache_grow", 7}, {"fs/name.c", "name", 9}};

/* What a place of @q holds and took, by its tag. */
static struct quarry_page_site_info site_of(struct quarry *q, const struct quarry_page_site *site)
{
	struct quarry_page_site_info info = {0};

	for (unsigned int i = 0; quarry_slab_site(q, i, &info); i++)
		if (info.site == site)
			return info;
	return (struct quarry_page_site_info){0};
}

static __attribute__((noinline)) void *profile_one(struct quarry *q)
{
	void *p = quarry_kmalloc(q, 30, GFP_KERNEL);

	assert_non_null(p);
	return p;
}

/* Random takes and frees from three places, each step against a model; then the text. */
static void test_2c_objects_are_counted_by_call_site(void **state)
{
	static const unsigned int sizes[] = {100, 1500, 8};
	struct quarry *q = machine(true);
	struct {
		void *p;
		unsigned int site, bytes;
	} held[200] = {0};
	uint64_t bytes[3] = {0}, blocks[3] = {0}, calls[3] = {0};
	static struct text t;
	struct quarry_out out = text_out(&t);
	struct kmem_cache *s;
	uint64_t seed = 1;

	(void)state;
	assert_int_equal(quarry_slab_profiling(q, true), 0);
	s = quarry_kmem_cache_create(q, "thing", SIZE, 0, NULL);
	for (unsigned int i = 0; i < 3000; i++) {
		unsigned int k, site;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		k = (unsigned int)(seed >> 33) % 200;
		site = (unsigned int)(seed >> 50) % 3;
		if (held[k].p != NULL) {
			quarry_kfree(q, held[k].p);
			held[k].p = NULL;
			bytes[held[k].site] -= held[k].bytes;
			blocks[held[k].site]--;
		} else {
			held[k].p = site == 0 ? quarry_kmem_cache_alloc_at(q, s, GFP_KERNEL,
									   &profile_sites[0])
					      : quarry_kmalloc_at(q, sizes[site], GFP_KERNEL,
								  &profile_sites[site]);
			assert_non_null(held[k].p);
			held[k].site = site;
			held[k].bytes = quarry_virt_to_cache(q, held[k].p)->size;
			bytes[site] += held[k].bytes;
			blocks[site]++;
			calls[site]++;
		}
		for (site = 0; site < 3; site++) {
			struct quarry_page_site_info info = site_of(q, &profile_sites[site]);

			assert_int_equal(info.live_bytes, bytes[site]);
			assert_int_equal(info.live_blocks, blocks[site]);
			assert_int_equal(info.blocks, calls[site]);
		}
	}
	check(q);
	for (unsigned int k = 0; k < 200; k++)
		if (held[k].site != 1)
			quarry_kfree(q, held[k].p);
	quarry_show_allocinfo(q, &out);
	assert_string_equal(strtok(t.s, "\n"), "allocinfo - version: 1.0");
	assert_string_equal(strtok(NULL, "\n"), "#     <size>  <calls> <tag info>");
	for (char *line = strtok(NULL, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		unsigned long long b, n;
		char place[64];

		assert_int_equal(sscanf(line, "%llu %llu %63s", &b, &n, place), 3);
		if (strcmp(place, "fs/cache.c:7") == 0)
			assert_true(b == bytes[1] && n == blocks[1] && n != 0);
		else
			assert_true(b == 0 && n == 0);
	}
	for (unsigned int k = 0; k < 200; k++)
		if (held[k].site == 1)
			quarry_kfree(q, held[k].p);
	assert_int_equal(reports, 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	check(q);
	quarry_posix_delete(q);
}

/* Without a tag the return address tells, whatever the call; a free that nobody can have meant is told. */
static void test_2c_call_sites_by_address(void **state)
{
	struct quarry *q = machine(true);
	struct quarry_page_site_info a, b;
	void *p[4];

	(void)state;
	assert_false(quarry_slab_site(q, 0, &a));
	assert_int_equal(quarry_slab_profiling(q, true), 0);
	p[0] = profile_one(q);
	p[1] = profile_one(q);
	p[2] = quarry_kmalloc_node(q, 60, GFP_KERNEL, 0);
	p[3] = quarry_kzalloc(q, 60, GFP_KERNEL);
	assert_true(quarry_slab_site(q, 1, &a));
	assert_true((uintptr_t)a.address - (uintptr_t)profile_one < 200);
	assert_int_equal(a.live_blocks, 2);
	assert_int_equal(a.live_bytes, 2 * 32);
	for (unsigned int i = 2; i < 4; i++) { /* here */
		assert_true(quarry_slab_site(q, i, &b));
		assert_true((uintptr_t)b.address - (uintptr_t)test_2c_call_sites_by_address < 4000);
		assert_int_equal(b.live_bytes, 64);
	}
	assert_false(quarry_slab_site(q, 4, &a));
	for (unsigned int i = 0; i < 4; i++)
		quarry_kfree(q, p[i]);
	assert_int_equal(reports, 0);
	quarry_kfree(q, p[0]);
	reported("double free", "kmalloc-32", pointer(p[0]));
	check(q);
	quarry_posix_delete(q);
}

/* Nothing changes while it is off: sheaves, records, caches that have objects. */
static void test_2c_profiling_is_switched_while_caches_are_empty(void **state)
{
	struct quarry *q = machine(true);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "thing", SIZE, 0, NULL);
	unsigned int cap = info(q, s).sheaf_capacity;
	unsigned char *p = get(q, s), *other;
	struct quarry_page_site_info a;

	(void)state;
	assert_true(cap != 0);
	assert_int_equal(quarry_slab_profiling(q, true), 1); /* it has an object */
	other = get(q, s);
	assert_false(quarry_slab_site(q, 1, &a));
	quarry_kfree(q, p);
	quarry_kfree(q, other);
	assert_int_equal(quarry_slab_profiling(q, true), 0);
	assert_int_equal(info(q, s).sheaf_capacity, 0);
	p = get(q, s);
	assert_true(quarry_slab_site(q, 1, &a));
	assert_int_equal(a.live_bytes, s->size);
	assert_int_equal(quarry_slab_profiling(q, false), 1); /* it goes on counting */
	quarry_kfree(q, p);
	assert_true(quarry_slab_site(q, 1, &a));
	assert_int_equal(a.live_bytes, 0);
	assert_int_equal(quarry_slab_profiling(q, false), 0);
	assert_int_equal(info(q, s).sheaf_capacity, cap);
	p = get(q, s);
	assert_true(quarry_slab_site(q, 1, &a));
	assert_int_equal(a.blocks, 1);
	quarry_kfree(q, p);
	assert_int_equal(reports, 0);
	/* With debugging of contents, both at once. */
	assert_int_equal(quarry_slab_debug(q, "FZPU"), 0);
	assert_int_equal(quarry_slab_profiling(q, true), 0);
	p = get(q, s);
	p[SIZE] ^= 1;
	quarry_kfree(q, p);
	reported("overrun to the right of", "thing", pointer(p));
	assert_true(quarry_slab_site(q, 1, &a));
	assert_int_equal(a.live_blocks, 0);
	check(q);
	quarry_posix_delete(q);
}

/* Blocks that no cache has: whole pages, and ranges of kvmalloc(). */
static void test_2c_large_blocks_are_counted_by_call_site(void **state)
{
	static const size_t sizes[] = {30000, 100, 10000};
	struct quarry *q = machine(true);
	struct {
		void *p;
		unsigned int site;
	} held[60] = {0};
	uint64_t bytes[3] = {0}, blocks[3] = {0}, calls[3] = {0}, seed = 7;
	void *before = quarry_kmalloc(q, 20000, GFP_KERNEL), *after;
	static void *pile[1001];
	unsigned int n = 0;
	uint64_t all = 0;
	struct quarry_page_site_info a;

	(void)state;
	assert_non_null(before);
	assert_int_equal(quarry_slab_profiling(q, true), 0);
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int k, site;
		size_t held_bytes;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		k = (unsigned int)(seed >> 33) % 60;
		site = (unsigned int)(seed >> 50) % 3;
		if (held[k].p == NULL) {
			held[k].p =
				quarry_kmalloc_at(q, sizes[site], GFP_KERNEL, &profile_sites[site]);
			held[k].site = site;
			assert_non_null(held[k].p);
			held_bytes = quarry_ksize(q, held[k].p);
			bytes[site] += held_bytes;
			blocks[site]++;
			calls[site]++;
		} else {
			site = held[k].site;
			bytes[site] -= quarry_ksize(q, held[k].p);
			blocks[site]--;
			quarry_kfree(q, held[k].p);
			held[k].p = NULL;
		}
		for (site = 0; site < 3; site++) {
			a = site_of(q, &profile_sites[site]);
			assert_int_equal(a.live_bytes, bytes[site]);
			assert_int_equal(a.live_blocks, blocks[site]);
			assert_int_equal(a.blocks, calls[site]);
		}
	}
	check(q);
	quarry_kfree(q, before); /* nobody counted it */
	for (unsigned int k = 0; k < 60; k++)
		quarry_kfree(q, held[k].p);
	for (unsigned int site = 0; site < 3; site++)
		assert_int_equal(site_of(q, &profile_sites[site]).live_bytes, 0);
	/* A block that comes back by a way that tells nobody is out of the books when its place is taken again. */
	before = quarry_kmalloc_at(q, 20000, GFP_KERNEL, &profile_sites[0]);
	assert_non_null(before);
	quarry_free_pages_addr(q, before, 3);
	do
		pile[++n] = quarry_kmalloc_at(q, 20000, GFP_KERNEL, &profile_sites[1]);
	while (pile[n] != before && pile[n] != NULL && n < 1000);
	assert_ptr_equal(pile[n], before);
	assert_int_equal(site_of(q, &profile_sites[0]).live_blocks, 0);
	while (n != 0)
		quarry_kfree(q, pile[n--]);
	assert_int_equal(site_of(q, &profile_sites[1]).live_blocks, 0);
	/* Switched off, what is counted stays counted until it is freed; what comes is not. */
	before = quarry_kmalloc_at(q, 20000, GFP_KERNEL, &profile_sites[2]);
	(void)quarry_slab_profiling(q, false);
	after = quarry_kmalloc_at(q, 20000, GFP_KERNEL, &profile_sites[2]);
	assert_int_equal(site_of(q, &profile_sites[2]).live_blocks, 1);
	for (unsigned int i = 0; quarry_slab_site(q, i, &a); i++)
		all += a.live_blocks;
	assert_int_equal(all, 1); /* nor at another place */
	quarry_kfree(q, before);
	quarry_kfree(q, after);
	assert_int_equal(site_of(q, &profile_sites[2]).live_blocks, 0);
	assert_int_equal(reports, 0);
	check(q);
	quarry_posix_delete(q);
}

/* So many blocks that they share the table's buckets, and come back in another order. */
static void test_2c_many_large_blocks(void **state)
{
	struct quarry_posix_options options = {.ram_bytes = 0, .report = take_report};
	struct quarry *q = quarry_posix_new(&options);
	static void *p[6000];
	unsigned int n, left = 2000;

	(void)state;
	assert_int_equal(quarry_memblock_add(q, 0, 128 * MIB), 0);
	assert_int_equal(quarry_boot(q, NULL), 0);
	forget();
	assert_int_equal(quarry_slab_profiling(q, true), 0);
	for (n = 0; n < 6000; n++) {
		p[n] = quarry_kmalloc_at(q, 16384, GFP_KERNEL, &profile_sites[n % 3]);
		assert_non_null(p[n]);
	}
	for (unsigned int stride = 0; stride < 7; stride++) {
		for (n = stride; n < 6000; n += 7) {
			quarry_kfree(q, p[n]);
			left -= n % 3 == 0;
		}
		assert_int_equal(site_of(q, &profile_sites[0]).live_blocks, left);
	}
	for (n = 0; n < 3; n++) {
		assert_int_equal(site_of(q, &profile_sites[n]).live_bytes, 0);
		assert_int_equal(site_of(q, &profile_sites[n]).blocks, 2000);
	}
	assert_int_equal(reports, 0);
	check(q);
	quarry_posix_delete(q);
}

/* Who calls is who answers, by whatever call and however large. */
static void test_2c_every_call_has_its_caller(void **state)
{
	static const char text[] = "a name";
	struct quarry *q = machine(true);
	struct quarry_kmem_buckets *b = quarry_kmem_buckets_create(q, "own", 0, 0, 0, NULL);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "thing", SIZE, SLAB_NO_MERGE, NULL);
	struct quarry_page_site_info a;
	struct slab_sheaf *sheaf;
	void *p[24], *large;
	unsigned int n = 0, i;

	(void)state;
	assert_non_null(b);
	(void)quarry_slab_profiling(q, true);
	p[n++] = quarry_kmalloc(q, 40, GFP_KERNEL);
	p[n++] = quarry_kmalloc(q, 50000, GFP_KERNEL);
	p[n++] = quarry_kmalloc_node(q, 50000, GFP_KERNEL, 0);
	p[n++] = quarry_kzalloc(q, 50000, GFP_KERNEL);
	p[n++] = quarry_kcalloc(q, 5, 10000, GFP_KERNEL);
	p[n++] = quarry_kmalloc_array(q, 5, 10000, GFP_KERNEL);
	p[n++] = quarry_kmalloc_array_node(q, 5, 10000, GFP_KERNEL, 0);
	p[n++] = quarry_krealloc(q, NULL, 50000, GFP_KERNEL);
	p[n++] = quarry_kmemdup(q, text, sizeof(text), GFP_KERNEL);
	p[n++] = quarry_kmemdup_array(q, text, 1, sizeof(text), GFP_KERNEL);
	p[n++] = quarry_kmemdup_nul(q, text, 3, GFP_KERNEL);
	p[n++] = quarry_kstrdup(q, text, GFP_KERNEL);
	p[n++] = quarry_kstrndup(q, text, 3, GFP_KERNEL);
	p[n++] = quarry_kvmalloc(q, 40, GFP_KERNEL);
	p[n++] = quarry_kvmalloc_node(q, 50000, GFP_KERNEL, 0);
	p[n++] = quarry_kvmalloc_array(q, 5, 10000, GFP_KERNEL);
	p[n++] = quarry_kvrealloc(q, NULL, 50000, GFP_KERNEL);
	p[n++] = quarry_kmem_buckets_alloc(q, b, 40, GFP_KERNEL);
	p[n++] = quarry_kmem_buckets_alloc(q, b, 50000, GFP_KERNEL);
	p[n++] = quarry_kmem_buckets_valloc(q, b, 50000, GFP_KERNEL);
	for (i = 0; i < n; i++)
		assert_non_null(p[i]);
	sheaf = quarry_kmem_cache_prefill_sheaf(q, s, GFP_KERNEL, 3);
	assert_non_null(sheaf);
	/* Beside the sheaf itself, which is the library's: 3 objects of one place, all others of one each. */
	for (i = 1; quarry_slab_site(q, i, &a); i++) {
		uintptr_t at = (uintptr_t)a.address - (uintptr_t)test_2c_every_call_has_its_caller;

		if (at < 8000)
			n -= a.live_blocks == 3 ? 0 : (unsigned int)a.live_blocks;
		else
			assert_true(a.live_blocks == 1 && a.live_bytes <= 1024);
	}
	assert_int_equal(n, 0);
	quarry_kmem_cache_return_sheaf(q, s, sheaf);
	/* A range above what kmalloc() gives, by its pages. */
	large = quarry_kvmalloc(q, QUARRY_KMALLOC_MAX_SIZE + 1, GFP_KERNEL);
	assert_non_null(large);
	assert_true(quarry_slab_site(q, i - 1, &a) || quarry_slab_site(q, i, &a));
	for (i = 1; quarry_slab_site(q, i, &a) && a.live_bytes <= MIB; i++)
		;
	assert_int_equal(a.live_bytes, QUARRY_KMALLOC_MAX_SIZE + QUARRY_PAGE_SIZE);
	assert_true((uintptr_t)a.address - (uintptr_t)test_2c_every_call_has_its_caller < 8000);
	quarry_kvfree(q, large);
	for (i = 0; i < sizeof(p) / sizeof(p[0]) && p[i] != NULL && i < 20; i++)
		quarry_kvfree(q, p[i]);
	for (i = 1; quarry_slab_site(q, i, &a); i++)
		assert_int_equal(a.live_bytes, 0);
	assert_int_equal(reports, 0);
	check(q);
	quarry_posix_delete(q);
}

/* Live blocks that were taken @from or in the bytes behind it; all others in @*others. */
static uint64_t blocks_from(struct quarry *q, uintptr_t from, uint64_t *others)
{
	struct quarry_page_site_info a;
	uint64_t n = 0;

	*others = 0;
	for (unsigned int i = 1; quarry_slab_site(q, i, &a); i++) {
		if ((uintptr_t)a.address - from < 8000)
			n += a.live_blocks;
		else
			*others += a.live_blocks;
	}
	return n;
}

/* Elements of pools, and the pools, are of those who call the pool. */
static void test_2c_elements_of_pools_have_a_caller(void **state)
{
	uintptr_t here = (uintptr_t)test_2c_elements_of_pools_have_a_caller;
	struct quarry *q = machine(true);
	struct kmem_cache *s = quarry_kmem_cache_create(q, "thing", SIZE, SLAB_NO_MERGE, NULL);
	struct quarry_mempool *pools[5], own = {0};
	void *p[5];
	uint64_t others;

	(void)state;
	(void)quarry_slab_profiling(q, true);
	pools[0] = quarry_mempool_create_slab_pool(q, 2, s);
	pools[1] = quarry_mempool_create_kmalloc_pool(q, 2, 40);
	pools[2] = quarry_mempool_create_kmalloc_pool(q, 2, 50000);
	pools[3] = quarry_mempool_create_node(q, 2, quarry_mempool_alloc_slab,
					      quarry_mempool_free_slab, s, GFP_KERNEL, 0);
	pools[4] = quarry_mempool_create(q, 2, quarry_mempool_kmalloc, quarry_mempool_kfree,
					 (void *)(uintptr_t)40);
	for (int i = 0; i < 5; i++)
		assert_non_null(pools[i]);
	assert_int_equal(blocks_from(q, here, &others), 5 * (2 + 2));
	assert_int_equal(others, 0);
	for (int i = 0; i < 5; i++) {
		p[i] = quarry_mempool_alloc(q, pools[i], GFP_KERNEL);
		assert_int_equal(blocks_from(q, here, &others), 5 * 4 + 1 + i);
	}
	assert_int_equal(quarry_mempool_resize(q, pools[0], 4), 0);
	assert_int_equal(blocks_from(q, here, &others), 5 * 5 + 2);
	assert_int_equal(quarry_mempool_init(q, &own, 1, quarry_mempool_kmalloc,
					     quarry_mempool_kfree, (void *)(uintptr_t)40),
			 0);
	assert_int_equal(blocks_from(q, here, &others), 5 * 5 + 4);
	assert_int_equal(others, 0);
	quarry_mempool_exit(q, &own);
	for (int i = 0; i < 5; i++) {
		quarry_mempool_free(q, p[i], pools[i]);
		quarry_mempool_destroy(q, pools[i]);
	}
	assert_int_equal(blocks_from(q, here, &others), 0);
	assert_int_equal(reports, 0);
	check(q);
	quarry_posix_delete(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_2c_objects_are_counted_by_call_site),
		cmocka_unit_test(test_2c_call_sites_by_address),
		cmocka_unit_test(test_2c_profiling_is_switched_while_caches_are_empty),
		cmocka_unit_test(test_2c_large_blocks_are_counted_by_call_site),
		cmocka_unit_test(test_2c_every_call_has_its_caller),
		cmocka_unit_test(test_2c_many_large_blocks),
		cmocka_unit_test(test_2c_elements_of_pools_have_a_caller),
		cmocka_unit_test(test_S18_copies_stay_in_their_window),
		cmocka_unit_test(test_S18_copies_of_what_is_no_cache_with_a_window),
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
		cmocka_unit_test(test_users_by_flag),
		cmocka_unit_test(test_users_with_stacks),
		cmocka_unit_test(test_users_whose_stacks_are_gone),
		cmocka_unit_test(test_every_byte_of_every_layout),
		cmocka_unit_test(test_leaks_are_listed),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_slab_debug_syntax),
		cmocka_unit_test(test_existing_caches),
		cmocka_unit_test(test_order_guard),
		cmocka_unit_test(test_no_access),
		cmocka_unit_test(test_failslab_rules),
		cmocka_unit_test(test_failslab_errors_change_nothing),
		cmocka_unit_test(test_failslab_nth_of_bulk),
		cmocka_unit_test(test_port_is_told_of_objects),
#if defined(__SANITIZE_ADDRESS__)
		cmocka_unit_test(test_address_sanitizer_sees_objects),
#endif
		cmocka_unit_test(test_annotated_machine_lives),
		cmocka_unit_test(test_guarded_objects_serve),
		cmocka_unit_test(test_guarded_objects_are_sampled),
		cmocka_unit_test(test_guarded_objects_catch),
		cmocka_unit_test(test_guards_and_annotations_need_memory),
		cmocka_unit_test(test_S19_slabinfo_agrees_with_a_count),
		cmocka_unit_test(test_S19_slabinfo_of_odd_names),
		cmocka_unit_test(test_random_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
