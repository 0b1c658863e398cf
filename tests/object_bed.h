/* SPDX-License-Identifier: MIT */
/* A small machine for tests of objects, what its callers own, and its validators. */
#ifndef OBJECT_BED_H
#define OBJECT_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <quarry/posix.h>

#define MIB ((size_t)1 << 20)

/* Of @ram bytes; 0: of memory that is none. */
static struct quarry *machine(size_t ram, unsigned int cpus)
{
	struct quarry_posix_options options = {.ram_bytes = ram};
	struct quarry_boot_params params = {.nr_cpus = cpus};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, 0, ram != 0 ? ram : 16 * MIB), 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	quarry_posix_set_cpu(0);
	return q;
}

static void check(struct quarry *q)
{
	assert_int_equal(quarry_check_slab(q, NULL), 0);
	assert_int_equal(quarry_check_pages(q, NULL), 0);
}

/* Objects that callers have, of all caches. */
static unsigned long owned(struct quarry *q)
{
	struct quarry_cache_info i;
	unsigned long n = 0;

	for (struct kmem_cache *s = quarry_kmem_cache_next(q, NULL); s != NULL;
	     s = quarry_kmem_cache_next(q, s)) {
		quarry_kmem_cache_info(q, s, &i);
		n += i.active_objs;
	}
	return n;
}

#endif
