/* SPDX-License-Identifier: MIT */
/*
 * The self-test's stress on several CPUs at once, on machines of several shapes, with real memory and without;
 * and that it sees a page with two owners. Runs under ThreadSanitizer too.
 */
#include <quarry/quarry.h>
#include <quarry/selftest.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

#define MIB MACHINE_MIB
#define GIB MACHINE_GIB
#define CPUS 4

struct cpu {
	pthread_t thread;
	struct quarry_selftest_env env;
	unsigned int rounds, failures;
};

static void relax(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static void print(void *ctx, const char *line)
{
	(void)ctx;
	print_message("%s\n", line);
}

static void *cpu_main(void *arg)
{
	struct cpu *c = arg;

	quarry_posix_set_cpu(c->env.cpu);
	c->failures = quarry_selftest_stress(&c->env, c->rounds);
	return NULL;
}

/* Failures of @rounds rounds. */
static unsigned int stress(struct machine *m, bool no_access, unsigned int rounds,
			   struct quarry_selftest_stress *shared)
{
	struct cpu cpu[CPUS];

	for (unsigned int i = 0; i < CPUS; i++) {
		cpu[i].rounds = rounds;
		cpu[i].env = (struct quarry_selftest_env){
			.q = m->q,
			.print = print,
			.relax = relax,
			.cpu = i,
			.nr_cpus = CPUS,
			.seed = 7,
			.no_access = no_access,
			.stress = shared,
		};
		assert_int_equal(pthread_create(&cpu[i].thread, NULL, cpu_main, &cpu[i]), 0);
	}
	for (unsigned int i = 0; i < CPUS; i++)
		pthread_join(cpu[i].thread, NULL);
	for (unsigned int i = 1; i < CPUS; i++)
		assert_int_equal(cpu[i].failures, cpu[0].failures);
	return cpu[0].failures;
}

static void survives(const struct machine_spec *spec)
{
	struct quarry_selftest_stress shared = {0};
	struct machine m;

	machine_build(&m, spec);
	assert_int_equal(stress(&m, spec->ram_bytes == 0, 4, &shared), 0);
	assert_int_equal(shared.steps, CPUS * 4 * 2000);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static void stress_64_mib(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MIB, 0}},
		.ram_bytes = 64 << 20,
		.concurrent = true,
		.boot = {.nr_cpus = CPUS},
	};

	(void)state;
	survives(&spec);
}

/* So little that requests are refused all the time. */
static void stress_4_mib_tables_inside(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 4 * MIB, 0}},
		.port = MACHINE_INSIDE,
		.ram_bytes = 4 << 20,
		.concurrent = true,
		.boot = {.nr_cpus = CPUS},
	};
	struct quarry_selftest_stress shared = {0};
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	assert_int_equal(stress(&m, false, 4, &shared), 0);
	assert_true(shared.refused > 0);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

static void stress_3_nodes(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 1 * GIB, 0}, {4 * GIB, 5 * GIB, 1}, {5 * GIB, 6 * GIB, 2}},
		.concurrent = true,
		.boot = {.nr_cpus = CPUS, .nr_nodes = 3, .movablecore = 512 * MIB},
	};

	(void)state;
	survives(&spec);
}

/* A page of a box is written to by somebody else. */
static void stress_sees_a_page_with_two_owners(void **state)
{
	static const struct machine_spec spec = {
		.memory = {{0, 64 * MIB, 0}},
		.ram_bytes = 64 << 20,
		.concurrent = true,
		.boot = {.nr_cpus = CPUS},
	};
	struct quarry_selftest_stress shared = {0};
	struct page *page;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	page = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	assert_non_null(page);
	*(uintptr_t *)quarry_page_address(m.q, page) = 1;
	shared.box[5] = (uintptr_t)(quarry_page_to_pfn(m.q, page) + 1) << 4;
	assert_true(stress(&m, false, 1, &shared) > 0);
	machine_check(&m);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stress_64_mib),
		cmocka_unit_test(stress_4_mib_tables_inside),
		cmocka_unit_test(stress_3_nodes),
		cmocka_unit_test(stress_sees_a_page_with_two_owners),
	};

	return cmocka_run_group_tests_name("selftest-threads", tests, NULL, NULL);
}
