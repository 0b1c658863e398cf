/* SPDX-License-Identifier: MIT */
/* Everything that can happen to pages, at random, on machines of several shapes: anything.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "anything.h"

static void two_nodes_cma_hotplug(void **state)
{
	static const struct any_life life = {
		.spec = {.memory = {{4096, 632 * 1024, 0},
				    {1 * MIB, 256 * MIB, 0},
				    {256 * MIB, 512 * MIB, NODE_1}},
			 .reserved = {{1 * MIB, 2 * MIB + 4097, 0}, {300 * MIB, 300 * MIB + 5, 0}},
			 .boot = {.nr_cpus = CPUS(4), .max_hotplug_phys = 1024 * MIB}},
		.cmas = 2,
		.end = 1024 * MIB,
		.seed = 1,
		.steps = 600,
		.digest = 0x385e6495aa985d54};

	(void)state;
	any_live(&life);
}

static void movable_and_odd_borders(void **state)
{
	static const struct any_life life = {.spec = {.memory = {{0, 90 * MIB + 8192, 0},
								 {91 * MIB, 150 * MIB, 0},
								 {150 * MIB, 260 * MIB, NODE_1}},
						      .reserved = {{20 * MIB, 24 * MIB, 0}},
						      .boot = {.nr_cpus = CPUS(3),
							       .dma_limit = 17 * MIB + 4096,
							       .dma32_limit = 61 * MIB + 12288,
							       .movablecore = 80 * MIB,
							       .max_hotplug_phys = 768 * MIB}},
					     .cmas = 1,
					     .end = 768 * MIB,
					     .seed = 1000,
					     .steps = 600,
					     .digest = 0x6b0f81c5551b9f5a};

	(void)state;
	any_live(&life);
}

static void small_and_concurrent(void **state)
{
	static const struct any_life life = {.spec = {.memory = {{0, 40 * MIB, 0}},
						      .concurrent = true,
						      .boot = {.nr_cpus = CPUS(2)}},
					     .cmas = 1,
					     .end = 40 * MIB,
					     .seed = 2000,
					     .steps = 600,
					     .digest = 0xfc136937471a1681};

	(void)state;
	any_live(&life);
}

#define FAR (QUARRY_MAX_PHYS_BITS > 32 ? GIB : GIB / 2)

/* Zones of several GiB, of each a piece: several arenas. A host that frees what it can, and refuses tables. */
static void far_apart(void **state)
{
	static const struct any_life life = {
		.spec = {.memory = {{1 * FAR, 1 * FAR + 20 * MIB, 0},
				    {2 * FAR, 2 * FAR + 24 * MIB, 0},
				    {3 * FAR + 100 * MIB, 3 * FAR + 122 * MIB, 0},
				    {4 * FAR, 4 * FAR + 20 * MIB, NODE_1},
				    {5 * FAR, 5 * FAR + 30 * MIB, NODE_1},
				    {6 * FAR, 6 * FAR + 10 * MIB, NODE_2}},
			 .boot = {.nr_cpus = CPUS(6)}},
		.helps = true,
		.cmas = 1,
		.end = 6 * FAR + 10 * MIB,
		.seed = 3000,
		.steps = 200,
		.compare_every = 50,
		.digest = 0xfb0463b949b1c595};

	(void)state;
	any_live(&life);
}

/* Memory blocks that come and go, most of them free. */
static void coming_and_going(void **state)
{
	static const struct any_life life = {
		.spec = {.memory = {{0, 64 * MIB, 0}},
			 .boot = {.nr_cpus = CPUS(3), .max_hotplug_phys = 1024 * MIB}},
		.taste = ANY_HOTPLUG,
		.helps = true,
		.end = 1024 * MIB,
		.seed = 4000,
		.steps = 200,
		.digest = 0x0d8e4bf2c83b977a};

	(void)state;
	any_live(&life);
}

/* A zone whose CPUs keep much back, and frees that come late. */
#define LARGE_AND_PLAIN(others, first, written)                                               \
	{                                                                                     \
		.spec = {.memory = {{1 * GIB, 3 * GIB, 0}},                                   \
			 .concurrent = (others),                                              \
			 .boot = {.nr_cpus = CPUS(2)}},                                       \
		.taste = ANY_PLAIN, .cmas = 1, .end = 3 * GIB, .seed = (first), .steps = 200, \
		.compare_every = 70, .digest = (written)                                      \
	}

static void large_and_plain(void **state)
{
	static const struct any_life life = LARGE_AND_PLAIN(false, 5000, 0x41c9c1997cb86d5c);

	(void)state;
	any_live(&life);
}

static void large_and_concurrent(void **state)
{
	static const struct any_life life = LARGE_AND_PLAIN(true, 5001, 0x041a17d123524747);

	(void)state;
	any_live(&life);
}

/* Whole pageblocks of several arenas in one CPU's sheaves; all CPUs begin with the first. */
static void huge(void **state)
{
	static const struct any_life life = {
		.spec = {.memory = {{FAR, 2 * FAR - 100 * MIB, 0},
				    {2 * FAR, 3 * FAR - 200 * MIB, 0},
				    {3 * FAR, 4 * FAR - 300 * MIB, 0}},
			 .concurrent = true,
			 .boot = {.nr_cpus = CPUS(2), .one_home = true}},
		.taste = ANY_HUGE,
		.helps = true,
		.cmas = 1,
		.end = 4 * FAR,
		.seed = 11000,
		.steps = 200,
		.compare_every = 140,
		.digest = 0xfb52064607a684f1};

	(void)state;
	any_live(&life);
}

/* Never enough. */
static void tight(void **state)
{
	static const struct any_life life = {
		.spec = {.memory = {{0, 14 * MIB, 0}, {16 * MIB, 26 * MIB, NODE_1}},
			 .concurrent = true,
			 .boot = {.nr_cpus = CPUS(3)}},
		.taste = ANY_FULL,
		.helps = true,
		.cmas = 1,
		.end = 26 * MIB,
		.seed = 8000,
		.steps = 200,
		.digest = 0x52a40c37704a2745};

	(void)state;
	any_live(&life);
}

/* The same, alone, and no types are told apart. */
static void tight_and_mixed(void **state)
{
	static const struct any_life life = {
		.spec = {.memory = {{0, 9 * MIB + 16384, 0}}, .boot = {.nr_cpus = CPUS(2)}},
		.taste = ANY_FULL,
		.end = 9 * MIB + 16384,
		.seed = 9000,
		.steps = 200,
		.digest = 0x8f2f96cf57a22fd2};

	(void)state;
	any_live(&life);
}

/* Owners, a trace, contents, guards, failures by will; a host that helps. */
static void watched(void **state)
{
	static const struct any_life life = {
		.spec = {.memory = {{0, 24 * MIB, 0}, {24 * MIB, 40 * MIB, NODE_1}},
			 .ram_bytes = 40 * MIB,
			 .boot = {.nr_cpus = CPUS(2)}},
		.helps = true,
		.debug = true,
		.cmas = 1,
		.end = 40 * MIB,
		.seed = 6000,
		.steps = 200,
		.digest = 0x2b7893a72b77ebd1};

	(void)state;
	any_live(&life);
}

/* Tables that come out of the managed memory, descriptors of a second GiB among them. */
static void tables_inside(void **state)
{
	static const struct any_life life = {
		.spec = {.memory = {{0, 30 * MIB, 0}, {1 * GIB, 1 * GIB + 20 * MIB, 0}},
			 .port = MACHINE_INSIDE,
			 .ram_bytes = 1 * GIB + 20 * MIB,
			 .boot = {.nr_cpus = CPUS(3)}},
		.debug = true,
		.end = 1 * GIB + 20 * MIB,
		.seed = 10000,
		.steps = 200,
		.compare_every = 30,
		.digest = 0xef8e22b9e3ef535e};

	(void)state;
	any_live(&life);
}

/* Memory that the host must accept first. */
static void unaccepted(void **state)
{
	static const struct quarry_range some[] = {{8 * MIB, 40 * MIB}, {100 * MIB, 28 * MIB}};
	static const struct any_life life = {
		.spec = {.memory = {{0, 128 * MIB, 0}},
			 .concurrent = true,
			 .boot = {.nr_cpus = CPUS(2), .unaccepted = some, .nr_unaccepted = 2}},
		.helps = true,
		.end = 128 * MIB,
		.seed = 7000,
		.steps = 200,
		.digest = 0x7a5a10e00b548ba3};

	(void)state;
	any_live(&life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_nodes_cma_hotplug),
		cmocka_unit_test(movable_and_odd_borders),
		cmocka_unit_test(small_and_concurrent),
		cmocka_unit_test(far_apart),
		cmocka_unit_test(coming_and_going),
		cmocka_unit_test(large_and_plain),
		cmocka_unit_test(large_and_concurrent),
		cmocka_unit_test(huge),
		cmocka_unit_test(tight),
		cmocka_unit_test(tight_and_mixed),
		cmocka_unit_test(watched),
		cmocka_unit_test(tables_inside),
		cmocka_unit_test(unaccepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
