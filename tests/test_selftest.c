/* SPDX-License-Identifier: MIT */
/*
 * The self-test on machines of several shapes: it passes, covers every row, leaves the machine as it was,
 * and sees what is wrong with one.
 */
#include <quarry/quarry.h>
#include <quarry/selftest.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

#define MIB MACHINE_MIB
#define GIB MACHINE_GIB

/* What a run has said. */
struct said {
	struct quarry_selftest_env env;
	struct machine *m;
	unsigned int lines, ok, not_ok, skipped;
	char first_fault[256];
	char last[256];
	char all[2 * 16384];
	/* After so many results something happens to the machine. */
	unsigned int after;
	void (*damage)(struct said *s);
	struct page *page;
};

static void said_line(void *ctx, const char *line)
{
	struct said *s = ctx;

	s->lines++;
	s->ok += strncmp(line, "ok ", 3) == 0;
	s->not_ok += strncmp(line, "not ok ", 7) == 0;
	s->skipped += strstr(line, "# SKIP") != NULL;
	snprintf(s->last, sizeof(s->last), "%s", line);
	strncat(s->all, line, sizeof(s->all) - strlen(s->all) - 2);
	strcat(s->all, "\n");
	if (line[0] == '#' && s->first_fault[0] == '\0')
		snprintf(s->first_fault, sizeof(s->first_fault), "%s", line);
	if (s->damage != NULL && s->ok == s->after) {
		s->damage(s);
		s->damage = NULL;
	}
}

static struct said *said_new(struct machine *m, const struct machine_spec *spec)
{
	struct said *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->m = m;
	s->env = (struct quarry_selftest_env){
		.q = m != NULL ? m->q : NULL,
		.print = said_line,
		.ctx = s,
		.nr_cpus = 1,
		.seed = 1,
		.no_access = spec != NULL && spec->ram_bytes == 0,
		.scratch_bytes = QUARRY_SELFTEST_SCRATCH,
	};
	assert_int_equal(posix_memalign(&s->env.scratch, QUARRY_PAGE_SIZE, s->env.scratch_bytes),
			 0);
	memset(s->env.scratch, 0xa5, s->env.scratch_bytes); /* whatever it held */
	return s;
}

static void said_free(struct said *s)
{
	free(s->env.scratch);
	free(s);
}

/* All tests pass on a machine by @spec, on its CPU @cpu, whether it holds pages and objects or not. */
static void passes(const struct machine_spec *spec, unsigned int cpu)
{
	unsigned long before[QUARRY_NR_ORDERS], after[QUARRY_NR_ORDERS];
	struct page *page;
	struct machine m;
	struct said *s;
	void *object;

	machine_build(&m, spec);
	quarry_posix_set_cpu(cpu);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 1);
	object = quarry_kmalloc(m.q, 100, GFP_KERNEL);
	assert_non_null(page);
	assert_non_null(object);
	s = said_new(&m, spec);
	s->env.cpu = cpu;
	if (quarry_selftest(&s->env, NULL) != 0)
		fail_msg("%s", s->first_fault);
	assert_int_equal(s->not_ok, 0);
	assert_int_equal(s->skipped, 0);
	assert_int_equal(s->ok, s->lines - 1); /* and the plan */
	/* Again: the tables are there by now, so nothing at all may change. */
	machine_free_blocks(&m, before);
	assert_int_equal(quarry_selftest(&s->env, NULL), 0);
	machine_free_blocks(&m, after);
	machine_assert_same_blocks(before, after);
	quarry_kfree(m.q, object);
	quarry_free_pages(m.q, page, 1);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	quarry_posix_set_cpu(0);
	said_free(s);
	machine_fini(&m);
}

static const struct machine_spec tiny = {.memory = {{0, 2 * MIB, 0}}, .ram_bytes = 2 << 20};
static const struct machine_spec inside = {
	.memory = {{0, 8 * MIB, 0}},
	.port = MACHINE_INSIDE,
	.ram_bytes = 8 << 20,
};

static void passes_on_2_mib(void **state)
{
	(void)state;
	passes(&tiny, 0);
}

static void passes_on_64_mib(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MIB, 0}},
		.ram_bytes = 64 << 20,
		.concurrent = true,
		.boot = {.nr_cpus = 4},
	};

	(void)state;
	passes(&spec, 0);
	passes(&spec, 3);
}

static void passes_on_3_nodes(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 1 * GIB, 0}, {4 * GIB, 6 * GIB, 1}, {6 * GIB, 8 * GIB, 2}},
		.boot = {.nr_cpus = 3, .nr_nodes = 3, .movablecore = 1 * GIB},
	};

	(void)state;
	passes(&spec, 0);
	passes(&spec, 2);
}

static void passes_with_tables_inside(void **state)
{
	(void)state;
	passes(&inside, 0);
}

static void passes_with_holes(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{64 << 10, 640 << 10, 0},
			   {1 * MIB, 3 * MIB, 0},
			   {5 * MIB + 4096, 7 * MIB - 8192, 0},
			   {12 * MIB, 40 * MIB, 0}},
		.reserved = {{2 * MIB, 2 * MIB + 100, 0}, {13 * MIB, 14 * MIB + 1, 0}},
		.port = MACHINE_INSIDE,
		.ram_bytes = 40 << 20,
	};

	(void)state;
	passes(&spec, 0);
}

/* Every row has a test, and a row's number finds that row alone. */
static void rows_are_covered(void **state)
{
	static const struct {
		char letter;
		unsigned int first, last;
	} rows[] = {{'B', 1, 19}, {'M', 1, 14}, {'P', 1, 19}, {'S', 17, 20}, {'X', 1, 5}};
	struct said *s = said_new(NULL, NULL);
	unsigned int all = quarry_selftest_list(&s->env, NULL), sum = 0;
	char row[8];

	(void)state;
	assert_int_equal(s->lines, all);
	for (unsigned int i = 0; i < 5; i++) {
		for (unsigned int k = rows[i].first; k <= rows[i].last; k++) {
			snprintf(row, sizeof(row), "%c%u", rows[i].letter, k);
			s->all[0] = '\0';
			if (quarry_selftest_list(&s->env, row) == 0)
				fail_msg("no test of %s", row);
			assert_non_null(strstr(s->all, row));
		}
		snprintf(row, sizeof(row), "%c", rows[i].letter);
		sum += quarry_selftest_list(&s->env, row);
	}
	assert_true(sum >= all - quarry_selftest_list(&s->env, "2b"));
	s->all[0] = '\0';
	assert_int_equal(quarry_selftest_list(&s->env, "P1"), 1);
	assert_string_equal(s->last, "P1 blocks of all orders, aligned to their size");
	assert_int_equal(quarry_selftest_list(&s->env, "watermarks by"), 1);
	assert_int_equal(quarry_selftest_list(&s->env, "P99"), 0);
	assert_int_equal(quarry_selftest_list(&s->env, ""), all);
	said_free(s);
}

static void a_filter_that_fits_nothing_is_a_failure(void **state)
{
	struct machine m;
	struct said *s;

	(void)state;
	machine_build(&m, &tiny);
	s = said_new(&m, &tiny);
	assert_int_equal(quarry_selftest(&s->env, "Q1"), 1);
	assert_string_equal(s->last, "1..0");
	assert_int_equal(quarry_selftest(&s->env, "X5"), 0);
	s->env.print = NULL; /* in silence */
	assert_int_equal(quarry_selftest(&s->env, "P2"), 0);
	said_free(s);
	machine_fini(&m);
}

static void without_scratch_some_are_skipped(void **state)
{
	struct machine m;
	struct said *s;

	(void)state;
	machine_build(&m, &tiny);
	s = said_new(&m, &tiny);
	s->env.scratch_bytes = 1 << 20;
	assert_int_equal(quarry_selftest(&s->env, NULL), 0);
	assert_true(s->skipped > 20);
	assert_true(s->ok - s->skipped >= 10);
	assert_non_null(strstr(s->all, "# SKIP no scratch memory"));
	said_free(s);
	machine_fini(&m);
}

/* ---- what it sees ---- */

static void forget_a_page(struct said *s)
{
	s->page = quarry_alloc_pages(s->env.q, GFP_KERNEL, 0);
}

static void a_bit_flips(struct said *s)
{
	s->page = quarry_alloc_pages(s->env.q, GFP_KERNEL, 0);
	s->page->word ^= 2; /* now it is neither allocated nor free */
}

static void damage_is_seen(void **state)
{
	struct machine m;
	struct said *s;

	(void)state;
	machine_build(&m, &tiny);
	s = said_new(&m, &tiny);
	s->after = 26; /* the P tests are next */
	s->damage = a_bit_flips;
	assert_true(quarry_selftest(&s->env, NULL) >= 1);
	assert_non_null(strstr(s->first_fault, "not sound before the test"));
	s->page->word ^= 2;
	quarry_free_pages(m.q, s->page, 0);
	machine_check(&m);
	/* Between two tests a page may go: that is another's affair. */
	s->ok = 0;
	s->damage = forget_a_page;
	assert_int_equal(quarry_selftest(&s->env, NULL), 0);
	quarry_free_pages(m.q, s->page, 0);
	said_free(s);
	machine_fini(&m);
}

/* Memory is all but gone: tests fail, none crashes, and the machine stays sound. */
static void no_memory_is_a_failure(void **state)
{
	struct machine_spec spec = tiny;
	struct page *page, *pile = NULL;
	struct machine m;
	struct said *s;

	(void)state;
	machine_build(&m, &spec);
	while ((page = quarry_alloc_pages(m.q, GFP_KERNEL | __GFP_MEMALLOC, 0)) != NULL) {
		*(struct page **)quarry_page_address(m.q, page) = pile;
		pile = page;
	}
	s = said_new(&m, &spec);
	assert_true(quarry_selftest(&s->env, NULL) >= 4);
	assert_non_null(strstr(s->all, "not ok"));
	assert_non_null(strstr(s->all, "ok 1 - B1"));
	while (pile != NULL) {
		page = pile;
		pile = *(struct page **)quarry_page_address(m.q, page);
		quarry_free_pages(m.q, page, 0);
	}
	machine_check(&m);
	assert_int_equal(quarry_selftest(&s->env, NULL), 0);
	said_free(s);
	machine_fini(&m);
}

static void stress_on_one_cpu(void **state)
{
	struct quarry_selftest_stress shared = {0};
	struct machine m;
	struct said *s;

	(void)state;
	machine_build(&m, &inside);
	s = said_new(&m, &inside);
	s->env.stress = &shared;
	assert_int_equal(quarry_selftest_stress(&s->env, 0), 0);
	assert_int_equal(quarry_selftest_stress(&s->env, 5), 0);
	assert_int_equal(shared.steps, 5 * 2000);
	assert_int_equal(s->lines, 0);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	said_free(s);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_on_2_mib),
		cmocka_unit_test(passes_on_64_mib),
		cmocka_unit_test(passes_on_3_nodes),
		cmocka_unit_test(passes_with_tables_inside),
		cmocka_unit_test(passes_with_holes),
		cmocka_unit_test(rows_are_covered),
		cmocka_unit_test(a_filter_that_fits_nothing_is_a_failure),
		cmocka_unit_test(without_scratch_some_are_skipped),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(no_memory_is_a_failure),
		cmocka_unit_test(stress_on_one_cpu),
	};

	return cmocka_run_group_tests_name("selftest", tests, NULL, NULL);
}
