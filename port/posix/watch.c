/* SPDX-License-Identifier: MIT */
/*
 * Objects as AddressSanitizer and Valgrind see them.
 *
 * A slab is forbidden ground as a whole, but for the objects that callers have. What Quarry itself keeps
 * lies elsewhere, so nothing of it is ever forbidden.
 */
#include "watch.h"

#ifndef __has_include
#define __has_include(x) 0
#endif
#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define WATCH_ALLOW(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#define WATCH_FORBID(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#else
#define WATCH_ALLOW(p, n) ((void)(p), (void)(n))
#define WATCH_FORBID(p, n) ((void)(p), (void)(n))
#endif

/* Valgrind's requests are a few instructions that do nothing when it does not run. */
#if __has_include(<valgrind/memcheck.h>) && !defined(__SANITIZE_ADDRESS__)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MALLOCLIKE_BLOCK(p, n, zone, zeroed) ((void)0)
#define VALGRIND_FREELIKE_BLOCK(p, zone) ((void)0)
#define VALGRIND_MAKE_MEM_NOACCESS(p, n) ((void)0)
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)0)
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)0)
#endif

static void watch_object_alloc(void *ctx, void *p, size_t size, bool defined)
{
	(void)ctx;
	WATCH_ALLOW(p, size);
	VALGRIND_MALLOCLIKE_BLOCK(p, size, 0, defined);
	(void)defined;
}

static void watch_object_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	WATCH_FORBID(p, size);
	VALGRIND_FREELIKE_BLOCK(p, 0);
}

static void watch_slab_alloc(void *ctx, void *p, size_t size)
{
	(void)ctx;
	WATCH_FORBID(p, size);
	(void)VALGRIND_MAKE_MEM_NOACCESS(p, size);
}

static void watch_slab_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	WATCH_ALLOW(p, size);
	(void)VALGRIND_MAKE_MEM_UNDEFINED(p, size);
}

void quarry_posix_watch_hooks(struct quarry_port *port)
{
	port->object_alloc = watch_object_alloc;
	port->object_free = watch_object_free;
	port->slab_alloc = watch_slab_alloc;
	port->slab_free = watch_slab_free;
}

void quarry_posix_watch_forget(void *p, size_t size)
{
	WATCH_ALLOW(p, size);
	(void)VALGRIND_MAKE_MEM_DEFINED(p, size);
}
