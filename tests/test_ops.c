/* SPDX-License-Identifier: MIT */
/*
 * All layers, side by side with their models, by programs of operations (ops.h): random ones, all that lead to
 * new states of small machines, and each operation with every Nth request or table refused. A program that
 * failed is told in its shortest form; it goes into programs_that_failed().
 *
 * QUARRY_TEST_SEED begins with another seed, QUARRY_TEST_PROGRAMS is the number of random programs,
 * QUARRY_TEST_STATES that of states to visit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ops.h"

static unsigned long from_env(const char *name, unsigned long usual)
{
	const char *given = getenv(name);

	return given != NULL ? strtoul(given, NULL, 0) : usual;
}

/*
 * What the first random programs lead to, step by step: a digest of each. Whoever changes what is decided (where a block
 * comes from, when a sheaf is filled, what is counted, a text) changes some of them on purpose, looks at the
 * others twice, and has scripts/decisions.py write the new ones.
 */
static const uint64_t decisions[] = {
	0x58698058fca38d22, 0x30dd29d9521ca8f0, 0x1fc79d433ae8abd1, 0x6a3c6362a618cb2c,
	0x54f1a7a23b54f3e2, 0x7d4504a5ff9cf21d, 0x9ded4c1fe846c2ab, 0xce675efb4eac014c,
	0x5f43687c0dacedf0, 0xb60a1adbab11b90a, 0x39442973da92ffc4, 0xd171a78d523d0028,
	0xcbdb0c937820e343, 0x2e30cfe0c439a1e1, 0xa425de0de6109cf3, 0x57d21563b2f16edf,
	0x122cdcd245a87de2, 0x8e6c4411b8a97599, 0x8f2a01c041e6b42e, 0xb3d591a22bc7aa5a,
	0x86440c4cdb6dba8c, 0x316c885402e0bc81, 0x2fda9932276b49b7, 0xbc06178e1f82f926,
	0x6d1cc9ba8b86dd9d, 0xcaab9a01f985e5f4, 0xe1858e231ebcdff6, 0xaaf6c826d76413b7,
	0xae523e9412bd144c, 0xf3ef8253b3608a9a, 0xff23583158da2cb0, 0x53605101ad6b0d43,
	0x356c8b13b9459d3c, 0xfa124c707cb3461d, 0xf75029a9a942af51, 0x05ed6b1133c3068f,
	0x8147d01c5193de6c, 0x6f882e0e447d6708, 0x1641ddf3cc3a870a, 0x347a73204e95a3be,
};

static void decided(unsigned long seed, uint64_t digest)
{
	if (seed == 0 || seed > sizeof(decisions) / sizeof(decisions[0]))
		return;
	if (getenv("QUARRY_TEST_DECISIONS") != NULL)
		printf("\t0x%016llx,\n", (unsigned long long)digest);
	else if (digest != decisions[seed - 1])
		fail_msg("seed %lu: other decisions than written down: 0x%016llx", seed,
			 (unsigned long long)digest);
}

static void random_programs(void **state)
{
	unsigned long seed = from_env("QUARRY_TEST_SEED", 1),
		      n = from_env("QUARRY_TEST_PROGRAMS", 40);

	(void)state;
	for (unsigned long i = seed; i < seed + n; i++) {
		struct ops_list l = {0};
		char found_by[40];
		uint64_t digest;

		snprintf(found_by, sizeof(found_by), "seed %lu", i);
		if (!ops_try(ops_random(i), 300, &l, &digest))
			ops_shrink_and_fail(&l, found_by);
		decided(i, digest);
		ops_free(&l);
	}
}

/* ---- every Nth failure ---- */

/* Runs @setup, then @line with the @nth request of @what refused. False: there were not so many. */
static bool nth_is_refused(const char *setup, const char *what, unsigned int nth, const char *line)
{
	struct ops_world *w = ops_begin();
	struct ops_list l = {0};
	unsigned long before;
	const char *bad;
	char text[200];
	bool refused = false;
	size_t i;

	snprintf(text, sizeof(text), "%s %u; %s", what, nth, line);
	if (!ops_parse(&l, setup, &bad) || !ops_parse(&l, text, &bad))
		fail_msg("not an operation: %s", bad);
	for (i = 0; i + 1 < l.n; i++)
		assert_true(ops_run(w, &l.op[i]));
	if (!ops_does_something(w, &l.op[i]))
		fail_msg("%s does nothing", line);
	before = ops_injected(w);
	if (!ops_run(w, &l.op[i]) || (refused = ops_injected(w) != before, !ops_end(w)))
		fail_msg("OPS(\"%s; %s\"): %s", setup, text, ops_why(w));
	ops_delete(w);
	ops_free(&l);
	return refused;
}

static unsigned long refuse_every_nth(const char *setup, const char *const *line)
{
	static const char *const what[] = {"failpage", "failslab", "failtable", "failonetable"};
	unsigned long refused = 0;

	for (; *line != NULL; line++) {
		for (unsigned int k = 0; k < 4; k++) {
			unsigned int nth = 1;

			while (nth < 63 && nth_is_refused(setup, what[k], nth, *line))
				nth++;
			refused += nth - 1;
		}
	}
	return refused;
}

static void every_nth_failure(void **state)
{
	static const char *const small[] = {"alloc 0 KERNEL n0 -> p9",
					    "alloc 4 MOVABLE n0 -> p9",
					    "nolock 1 n0 -> p9",
					    "bulk 20 KERNEL n0 -> p9",
					    "exact 20000 KERNEL -> p9",
					    "free p0",
					    "split p0",
					    "own 2 -> w9",
					    "disown w0",
					    "contig 700 90 -> r5",
					    "take 30 MOVABLE -> r5",
					    "give r0",
					    "isolate 600 30 -> i1",
					    "unisolate i0",
					    "poison 900",
					    "softoff 901",
					    "release 20 3",
					    "cpuoff 1",
					    "sysctl min_free_kbytes 500",
					    "drain",
					    "compact n0",
					    "kswapd n0",
					    "cache 3000 -> c1",
					    "destroy c2",
					    "object c0 KERNEL n0 -> o9",
					    "kmalloc 3000 KERNEL n0 -> o9",
					    "kmalloc 30000 KERNEL n0 -> o9",
					    "kfree o0",
					    "krealloc o1 5000 KERNEL",
					    "manyobjects c0 60 KERNEL",
					    "prefill c0 60 KERNEL",
					    "pool c0 30",
					    "shrink c0",
					    "reap 0",
					    "dropslab",
					    "mkpool 0 300 12",
					    "poolget 1 KERNEL",
					    "poolsize 1 20",
					    "rmpool 1",
					    "lruadd 1 n1",
					    "mpalloc 4 KERNEL 1 -> p9",
					    NULL};
	static const char *const large[] = {
		"addmem 2 n0",     "online 1 movable",        "offline 1",
		"cma 100 0 -> r5", "alloc 9 KERNEL n0 -> p9", NULL};
	static const char *const boot[] = {"boot 2", NULL};
	unsigned long n;

	(void)state;
	n = refuse_every_nth(
		"add 0 4096 n0 none; reserve 80 12; boot 2; cache 32 -> c0; cache 100 -> c2; "
		"object c0 KERNEL n0 -> o0; kmalloc 100 KERNEL n0 -> o1; "
		"alloc 3 KERNEL n0 -> p0; own 0 -> w0; take 8 MOVABLE -> r0; "
		"isolate 600 100 -> i0; mkpool 1 200 4; policy 3 1 default",
		small);
	n += refuse_every_nth("map 64; add 0 2048 n0 none; cmaarea 3; boot 2", large);
	n += refuse_every_nth("add 0 1000 n0 none; add 1000 900 n1 none", boot);
	print_message("%lu requests and tables refused\n", n);
	assert_true(n > 100);
}

/* ---- every state ---- */

#define STATES_MAX 200000u

struct seen {
	uint32_t parent;
	struct ops_op op; /* from the parent */
};

static struct seen *seen;
static uint64_t *seen_hash; /* open addressing; 0: empty */
static uint32_t nr_seen;

static void see(uint64_t hash, uint32_t parent, const struct ops_op *op)
{
	size_t slot = hash % (4 * STATES_MAX);

	while (seen_hash[slot] != 0 && seen_hash[slot] != hash)
		slot = (slot + 1) % (4 * STATES_MAX);
	if (seen_hash[slot] == hash || nr_seen == STATES_MAX)
		return;
	seen_hash[slot] = hash;
	seen[nr_seen++] = (struct seen){parent, *op};
}

/* A new world in the state number @n; @l gets the way there. */
static struct ops_world *go_to(const char *boot, uint32_t n, struct ops_list *l)
{
	struct ops_world *w = ops_begin();
	struct ops_op way[64];
	unsigned int steps = 0;
	const char *bad;

	l->n = 0;
	assert_true(ops_parse(l, boot, &bad));
	for (; n != 0; n = seen[n].parent)
		way[steps++] = seen[n].op;
	while (steps-- > 0)
		ops_add(l, &way[steps]);
	for (size_t i = 0; i < l->n; i++)
		assert_true(ops_run(w, &l->op[i]));
	return w;
}

/* Tries @op in state @n; false: it does nothing there. */
static bool try_in(const char *boot, uint32_t n, const struct ops_op *op)
{
	struct ops_list l = {0};
	struct ops_world *w = go_to(boot, n, &l);
	bool tried = ops_does_something(w, op);

	if (tried) {
		ops_add(&l, op);
		if (!ops_run(w, op))
			ops_shrink_and_fail(&l, "every state");
		see(ops_hash(w), n, op);
		if (!ops_end(w))
			ops_shrink_and_fail(&l, "every state");
	}
	ops_delete(w);
	ops_free(&l);
	return tried;
}

/* All operations of @alphabet in each of @visit states, nearest first. Returns states found. */
static uint32_t visit_states(const char *boot, const char *alphabet, uint32_t visit)
{
	struct ops_list ops = {0}, way = {0};
	struct ops_world *w;
	const char *bad;
	uint32_t n = 0;

	seen = calloc(STATES_MAX, sizeof(*seen));
	seen_hash = calloc(4 * (size_t)STATES_MAX, sizeof(*seen_hash));
	assert_true(seen != NULL && seen_hash != NULL && ops_parse(&ops, alphabet, &bad));
	nr_seen = 0;
	w = go_to(boot, 0, &way);
	see(ops_hash(w), 0, &way.op[0]);
	ops_delete(w);
	for (; n < nr_seen && n < visit; n++) {
		for (size_t i = 0; i < ops.n; i++)
			(void)try_in(boot, n, &ops.op[i]);
	}
	print_message("%s: %u states visited, %u found\n", boot, n, nr_seen);
	free(seen);
	free(seen_hash);
	ops_free(&ops);
	ops_free(&way);
	return n == nr_seen ? n : 0; /* 0: not all */
}

static void every_state(void **state)
{
	uint32_t visit = (uint32_t)from_env("QUARRY_TEST_STATES", 80);

	(void)state;
	(void)visit_states(
		"add 0 64 n0 none; boot 1",
		"alloc 0 KERNEL! n0 -> p0; alloc 0 MOVABLE! n0 -> p1; alloc 1 KERNEL! n0 "
		"-> p2; alloc 3 KERNEL! n0 -> p3; free p0; free p1; free p2; free p3; "
		"split p3; cache 700 -> c0; object c0 KERNEL! n0 -> o0; object c0 KERNEL! "
		"n0 -> o1; kfree o0; kfree o1; shrink c0; reap 0; destroy c0",
		visit);
	(void)visit_states(
		"add 0 256 n0 none; boot 2",
		"alloc 0 KERNEL! n0 -> p0; alloc 2 MOVABLE! n0 -> p1; alloc 4 KERNEL! n0 "
		"-> p2; free p0; free p1; free p2; own 1 -> w0; own 0 -> w1; disown w0; "
		"compact n0; contig 5 6 -> r0; give r0; isolate 0 8 -> i0; unisolate i0; "
		"kmalloc 900 KERNEL! n0 -> o0; kmalloc 900 KERNEL! n0 -> o1; kfree o0; "
		"kfree o1; cpu 0; cpu 1; cpuoff 1; cpuon 1; drain",
		visit);
	(void)visit_states(
		"add 0 256 n0 none; boot 1",
		"mkpool 0 500 2; poolget 0 ATOMIC; poolput 0 0; poolsize 0 0; poolsize 0 3; "
		"rmpool 0; alloc 3 KERNEL! n0 -> p0; free p0; lruadd 0 n1; lruadd 1 n1; "
		"lruadd 2 n1; lrudel 0; lrudel 1; lruwalk n0 2 default; lruwalk n0 9 kernel; "
		"lruwalk n0 4 movable",
		visit / 4);
}

/* Text and list are the same program. */
static void text_both_ways(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct ops_list a = {0}, b = {0};
		const char *bad;
		char *text;

		assert_true(ops_try(ops_random(seed), 200, &a, NULL));
		text = ops_print(&a);
		assert_true(ops_parse(&b, text, &bad));
		assert_int_equal(a.n, b.n);
		for (size_t i = 0; i < a.n; i++) {
			assert_int_equal(a.op[i].kind, b.op[i].kind);
			assert_memory_equal(a.op[i].arg, b.op[i].arg, sizeof(a.op[i].arg));
		}
		free(text);
		ops_free(&a);
		ops_free(&b);
	}
}

/* What random programs found. */
static void programs_that_failed(void **state)
{
	(void)state;
	/* The last page is only in part memory: it was released. */
	OPS("add 1019 104 n0 none; boot 0; release 276 5");
	/* What came behind a page that is half hotplug memory was lost at boot, with a report. */
	OPS("add 2637 1 n3 HOTPLUG; add 2633 11 n3 none; boot 0");
	/* An area larger than all that there is: refused as wrong, as Linux does. */
	OPS("map 64; cmaarea 0");
	/* A CMA area of which a part was given back is no area; the model kept the rest reserved. */
	OPS("map 64; add 498 1333 n0 none; cmaarea 37; unreserve 1718 113; boot 3");
	/* All was reserved at boot: the zone was in no list, and what was released could not be had. */
	OPS("reserve 3270 511; add 3265 7 n0 none; boot 0; release 76 742");
	/* What a walk of list_lru rotates is shown again; it was said that it was not. */
	OPS("add 0 64 n0 none; boot 0; lruadd 9 n1; lruadd 0 n1; lruwalk n0 3 kernel");
}

/* Arguments: programs to run. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_that_failed), cmocka_unit_test(text_both_ways),
		cmocka_unit_test(every_nth_failure),    cmocka_unit_test(every_state),
		cmocka_unit_test(random_programs),
	};

	for (int i = 1; i < argc; i++)
		OPS(argv[i]);
	if (argc > 1)
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
