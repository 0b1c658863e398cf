/* SPDX-License-Identifier: MIT */
/* Slab geometry against what Linux 6.1 computed, row by row of data/geometry.tsv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quarry/posix.h>

#include <slab/sheaf.h>

#define GEOMETRY_FILE "tests/data/geometry.tsv"
#define DEBUG_FILE "tests/data/geometry_debug.tsv"
#define MACHINE_BYTES ((phys_addr_t)64 << 20)

#define FIELDS 17

struct row {
	char name[64], arch[16];
	unsigned int object_size, align, flags, ctor, cpus;
	int size, inuse, offset, order, objects, min_order, min_objects, min_partial, cpu_partial;
	int red_left_pad;
	long allocflags;
};

static struct quarry *machine(unsigned int cpus)
{
	struct quarry_posix_options options = {0};
	struct quarry_boot_params params = {.nr_cpus = cpus};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, 0, MACHINE_BYTES), 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	return q;
}

static void ctor(void *object)
{
	(void)object;
}

/* "-" is -1: not known. */
static long number(const char *text, int base)
{
	char *end;
	long v;

	if (strcmp(text, "-") == 0)
		return -1;
	v = strtol(text, &end, base);
	assert_int_equal(*end, 0);
	return v;
}

static void split(char *line, char **field)
{
	char *save = NULL;
	size_t n = 0;

	line[strcspn(line, "\n")] = 0;
	for (char *p = strtok_r(line, "\t", &save); p != NULL && n < FIELDS;
	     p = strtok_r(NULL, "\t", &save))
		field[n++] = p;
	assert_int_equal(n, FIELDS);
}

/* What both files have, in the same places but for @size: size, inuse and offset. */
static void parse_cache(char **field, char **size, struct row *r)
{
	r->object_size = (unsigned int)number(field[2], 10);
	r->align = (unsigned int)number(field[3], 10);
	r->flags = (unsigned int)number(field[4], 16);
	r->ctor = (unsigned int)number(field[5], 10);
	r->size = (int)number(size[0], 10);
	r->inuse = (int)number(size[1], 10);
	r->offset = (int)number(size[2], 10);
	r->order = (int)number(field[10], 10);
	r->objects = (int)number(field[11], 10);
	r->min_order = (int)number(field[12], 10);
	r->min_objects = (int)number(field[13], 10);
	r->min_partial = (int)number(field[14], 10);
	r->cpu_partial = (int)number(field[15], 10);
	r->allocflags = number(field[16], 0);
}

static void parse(char *line, struct row *r)
{
	char *field[FIELDS];

	split(line, field);
	snprintf(r->name, sizeof(r->name), "%s", field[0]);
	snprintf(r->arch, sizeof(r->arch), "%s", field[1]);
	r->cpus = (unsigned int)number(field[6], 10);
	r->red_left_pad = -1;
	parse_cache(field, field + 7, r);
}

static unsigned int differs(const struct row *r, const char *what, long theirs, long ours)
{
	if (theirs == -1 || theirs == ours)
		return 0;
	print_error("%s, %u bytes, %u CPUs: %s is %ld in Linux, %ld here\n", r->name,
		    r->object_size, r->cpus, what, theirs, ours);
	return 1;
}

static unsigned int compare_cache(struct quarry *q, struct kmem_cache *s, const struct row *r)
{
	struct quarry_cache_info i;
	unsigned int bad = 0;

	assert_non_null(s);
	quarry_kmem_cache_info(q, s, &i);
	bad += differs(r, "size", r->size, (long)i.size);
	bad += differs(r, "align", r->align, (long)i.align);
	bad += differs(r, "inuse", r->inuse, (long)i.inuse);
	bad += differs(r, "offset", r->offset, (long)i.offset);
	bad += differs(r, "red_left_pad", r->red_left_pad, (long)i.red_left_pad);
	bad += differs(r, "order", r->order, (long)i.order);
	bad += differs(r, "objects", r->objects, (long)i.objs_per_slab);
	bad += differs(r, "min order", r->min_order, (long)i.min_order);
	bad += differs(r, "min objects", r->min_objects, (long)i.min_objs_per_slab);
	bad += differs(r, "min_partial", r->min_partial, (long)i.min_partial);
	bad += differs(r, "cpu_partial", r->cpu_partial, (long)i.cpu_partial);
	bad += differs(r, "allocflags", r->allocflags, (long)i.allocflags);
	return bad;
}

static unsigned int compare(struct quarry *q, const struct row *r)
{
	struct kmem_cache_args args = {.align = r->align, .ctor = r->ctor ? ctor : NULL};
	struct kmem_cache *s = quarry_kmem_cache_create(q, r->name, r->object_size,
							r->flags | SLAB_NO_MERGE, &args);
	unsigned int bad = compare_cache(q, s, r);

	assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	return bad;
}

/* Rows S2, S3, S4 and S6: every cache that Linux described. */
static void test_S2_S3_S4_S6_geometry_is_linux(void **state)
{
	unsigned int cpus = 0, rows = 0, bad = 0;
	struct quarry *q = NULL;
	char line[512];
	struct row r;
	FILE *f;

	(void)state;
	f = fopen(GEOMETRY_FILE, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#')
			continue;
		parse(line, &r);
		if (r.cpus != cpus) {
			if (q != NULL)
				quarry_posix_delete(q);
			cpus = r.cpus;
			q = machine(cpus);
		}
		bad += compare(q, &r);
		rows++;
	}
	fclose(f);
	quarry_posix_delete(q);
	assert_true(rows > 700);
	assert_int_equal(bad, 0);
}

/* ---- with slab_debug= ---- */

static void parse_debug(char *line, char *options, size_t size, struct row *r)
{
	char *field[FIELDS];

	split(line, field);
	snprintf(options, size, "%s", field[0]);
	snprintf(r->name, sizeof(r->name), "%s", field[1]);
	r->cpus = 2;
	r->red_left_pad = (int)number(field[9], 10);
	parse_cache(field, field + 6, r);
}

static struct kmem_cache *cache_named(struct quarry *q, const char *name)
{
	struct quarry_cache_info i;
	struct kmem_cache *s = NULL;

	while ((s = quarry_kmem_cache_next(q, s)) != NULL) {
		quarry_kmem_cache_info(q, s, &i);
		if (strcmp(i.name, name) == 0)
			return s;
	}
	return NULL;
}

static unsigned int compare_debug(struct quarry *q, const struct row *r)
{
	struct kmem_cache_args args = {.align = r->align, .ctor = r->ctor ? ctor : NULL};
	bool own = (r->flags & SLAB_KMALLOC) == 0;
	struct kmem_cache *s;
	unsigned int bad;

	if (own)
		s = quarry_kmem_cache_create(q, r->name, r->object_size, r->flags, &args);
	else
		s = cache_named(q, r->name);
	bad = compare_cache(q, s, r);
	if (own)
		assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	return bad;
}

/* Row S2: red zones, tracks and padding add to size. Shapes slab-debug-F, -Z, -U, -FZPU. */
static void test_S2_debug_geometry_is_linux(void **state)
{
	char line[512], options[16], now[16] = "";
	unsigned int rows = 0, bad = 0;
	struct quarry *q = NULL;
	struct row r = {0};
	FILE *f;

	(void)state;
	f = fopen(DEBUG_FILE, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#')
			continue;
		parse_debug(line, options, sizeof(options), &r);
		if (strcmp(options, now) != 0) {
			if (q != NULL)
				quarry_posix_delete(q);
			q = machine(2);
			assert_int_equal(quarry_slab_debug(q, options), 0);
			strcpy(now, options);
		}
		bad += compare_debug(q, &r);
		rows++;
	}
	fclose(f);
	quarry_posix_delete(q);
	assert_true(rows > 400);
	assert_int_equal(bad, 0);
}

/* The examples of the theory comments. */
static void test_S3_order_grows_with_cpus(void **state)
{
	static const struct {
		unsigned int cpus, order, objects;
	} want[] = {{1, 0, 8}, {2, 1, 16}, {8, 2, 32}, {16, 2, 32}};

	(void)state;
	for (size_t k = 0; k < sizeof(want) / sizeof(want[0]); k++) {
		struct quarry *q = machine(want[k].cpus);
		struct quarry_cache_info i;

		quarry_kmem_cache_info(q, quarry_kmalloc_cache(q, 512, GFP_KERNEL), &i);
		assert_int_equal(i.order, want[k].order);
		assert_int_equal(i.objs_per_slab, want[k].objects);
		quarry_posix_delete(q);
	}
}

/* Any size gets a slab that holds an object, and no slab is larger than it must be for one. */
static void test_S3_every_size_has_a_slab(void **state)
{
	struct quarry *q = machine(4);
	unsigned int size;

	(void)state;
	for (size = 1; size <= QUARRY_KMALLOC_MAX_SIZE; size += 1 + size / 64) {
		struct kmem_cache *s =
			quarry_kmem_cache_create(q, "any", size, SLAB_NO_MERGE, NULL);
		struct quarry_cache_info i;

		assert_non_null(s);
		quarry_kmem_cache_info(q, s, &i);
		assert_true(i.objs_per_slab >= 1 && i.min_objs_per_slab >= 1);
		assert_true((size_t)i.objs_per_slab * i.size <= QUARRY_PAGE_SIZE << i.order);
		assert_true(i.min_order <= i.order && i.order <= QUARRY_MAX_ORDER);
		assert_true(i.order <= 3 || i.objs_per_slab == 1 || i.order == i.min_order);
		assert_true(i.size >= size && i.size % i.align == 0);
		assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	}
	quarry_posix_delete(q);
}

/* Multiplications stand for divisions in free and flush: they must be exact for every offset. */
static void test_S11_object_boundaries_are_exact(void **state)
{
	struct quarry *q = machine(4);
	unsigned int size, off;

	(void)state;
	for (size = 8; size <= 40000; size += size < 1024 ? 8 : size / 64 * 8) {
		struct kmem_cache *s =
			quarry_kmem_cache_create(q, "edge", size, SLAB_NO_MERGE, NULL);
		unsigned int bytes = (unsigned int)QUARRY_PAGE_SIZE << oo_order(s->oo);

		for (off = 0; off < bytes; off++) {
			bool start = off % s->size == 0 && bytes - off >= s->size;

			if (slab_object_index(s, off) != off / s->size)
				fail_msg("index of %u in objects of %u", off, s->size);
			if (start && !sheaf_on_boundary(s, off))
				fail_msg("start of an object of %u at %u", s->size, off);
			if (!start && sheaf_on_boundary(s, off))
				fail_msg("no object of %u starts at %u", s->size, off);
		}
		assert_int_equal(quarry_kmem_cache_destroy(q, s), 0);
	}
	quarry_posix_delete(q);
}

/* A recording says what Linux took: it is used as it stands. */
static void test_S2_given_size(void **state)
{
	struct kmem_cache_args args = {.size = 584};
	struct quarry *q = machine(2);
	struct quarry_cache_info i;
	struct kmem_cache *s;

	(void)state;
	s = quarry_kmem_cache_create(q, "radix_tree_node", 576, SLAB_RECLAIM_ACCOUNT, &args);
	assert_non_null(s);
	quarry_kmem_cache_info(q, s, &i);
	assert_int_equal(i.size, 584);
	assert_int_equal(i.object_size, 576);
	assert_int_equal(i.order, 1);
	assert_int_equal(i.objs_per_slab, 14);
	args.size = 572; /* less than an object */
	assert_null(quarry_kmem_cache_create(q, "bad", 576, 0, &args));
	args.size = 580; /* objects would be misaligned */
	assert_null(quarry_kmem_cache_create(q, "bad", 576, 0, &args));
	quarry_posix_delete(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S2_S3_S4_S6_geometry_is_linux),
		cmocka_unit_test(test_S2_debug_geometry_is_linux),
		cmocka_unit_test(test_S3_order_grows_with_cpus),
		cmocka_unit_test(test_S3_every_size_has_a_slab),
		cmocka_unit_test(test_S11_object_boundaries_are_exact),
		cmocka_unit_test(test_S2_given_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
