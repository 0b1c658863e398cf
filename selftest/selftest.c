/* SPDX-License-Identifier: MIT */
/*
 * The self-test's frame: which tests there are, and what happens around each.
 *
 * Around     Caches are shrunk and sheaves emptied, so that what is free is free in the buddy system;
 *            the validators run; free blocks are counted by order. After the test the same must hold,
 *            and be found. Quarry's own tables may have grown out of the machine's memory on first use: then
 *            the test runs again, and nothing may be missing the second time.
 *
 * Needs      Machines are measured in pages and pageblocks, so tests hold for all sizes of both. Some use nodes, CPUs
 *            or addresses that a library that was built small does not have: those are skipped there, with the reason.
 *
 * State      None here: a run lives on the stack of quarry_selftest(), what it takes is the machine's.
 */
#include "internal.h"

static const struct selftest *const selftest_groups[] = {
	selftest_bootmem, selftest_memblock, selftest_pages,    selftest_zones,
	selftest_slabs,   selftest_layers,   selftest_pressure, selftest_moving,
	selftest_numa,    selftest_debug,    selftest_machines,
};

#define SELFTEST_NR_GROUPS (sizeof(selftest_groups) / sizeof(selftest_groups[0]))
#define SELFTEST_RERUNS 2

/* ---- text ---- */

size_t selftest_length(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

static bool selftest_begins(const char *s, const char *part)
{
	while (*part != '\0' && *s == *part) {
		s++;
		part++;
	}
	return *part == '\0';
}

bool selftest_contains(const char *s, const char *part)
{
	for (; *s != '\0'; s++) {
		if (selftest_begins(s, part))
			return true;
	}
	return *part == '\0';
}

void selftest_add(struct selftest_text *t, const char *s)
{
	while (*s != '\0' && t->n < sizeof(t->s) - 1)
		t->s[t->n++] = *s++;
	t->s[t->n] = '\0';
}

void selftest_add_number(struct selftest_text *t, uint64_t n)
{
	char digits[17];
	unsigned int i = sizeof(digits) - 1;

	/* Large ones are addresses or flags. In hexadecimal there is no 64-bit division either. */
	digits[i] = '\0';
	if (n > 0xffffffffu) {
		selftest_add(t, "0x");
		for (; n != 0; n >>= 4)
			digits[--i] = "0123456789abcdef"[n & 15];
	} else {
		uint32_t small = (uint32_t)n;

		do {
			digits[--i] = (char)('0' + small % 10);
			small /= 10;
		} while (small != 0);
	}
	selftest_add(t, &digits[i]);
}

void selftest_print(const struct quarry_selftest_env *env, const struct selftest_text *t)
{
	if (env->print != NULL)
		env->print(env->ctx, t->s);
}

uint64_t selftest_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void selftest_set(void *p, int byte, size_t size)
{
	volatile unsigned char *b = p;

	while (size-- > 0)
		*b++ = (unsigned char)byte;
}

bool selftest_all(const void *p, int byte, size_t size)
{
	const unsigned char *b = p;

	while (size > 0 && *b == byte) {
		b++;
		size--;
	}
	return size == 0;
}

/* ---- what tests call ---- */

static void selftest_fail(struct selftest_run *t, const char *file, unsigned int line,
			  const char *what)
{
	t->failed = true;
	t->why.n = 0;
	selftest_add(&t->why, file);
	selftest_add(&t->why, ":");
	selftest_add_number(&t->why, line);
	selftest_add(&t->why, ": ");
	selftest_add(&t->why, what);
}

bool selftest_check(struct selftest_run *t, bool cond, const char *file, unsigned int line,
		    const char *what)
{
	if (!cond && !t->failed)
		selftest_fail(t, file, line, what);
	return cond;
}

bool selftest_is(struct selftest_run *t, uint64_t is, uint64_t wanted, const char *file,
		 unsigned int line, const char *what)
{
	if (is != wanted && !t->failed) {
		selftest_fail(t, file, line, what);
		selftest_add(&t->why, ": ");
		selftest_add_number(&t->why, is);
		selftest_add(&t->why, ", not ");
		selftest_add_number(&t->why, wanted);
	}
	return is == wanted;
}

void selftest_skip(struct selftest_run *t, const char *why)
{
	t->skipped = true;
	t->why.n = 0;
	selftest_add(&t->why, why);
}

struct page *selftest_take(struct selftest_run *t, gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (t->nr_held == SELFTEST_HELD)
		return NULL;
	page = quarry_alloc_pages(t->q, gfp, order);
	if (page != NULL)
		t->held[t->nr_held++] = (struct selftest_held){page, order};
	return page;
}

void selftest_forget(struct selftest_run *t, const struct page *page)
{
	for (unsigned int i = 0; i < t->nr_held; i++) {
		if (t->held[i].page == page) {
			t->held[i] = t->held[--t->nr_held];
			return;
		}
	}
}

void selftest_quiesce(struct quarry *q)
{
	struct kmem_cache *s = NULL;

	/* Twice: what one cache lets go of may be an object of one that came before it. */
	for (unsigned int i = 0; i < 2; i++) {
		while ((s = quarry_kmem_cache_next(q, s)) != NULL)
			quarry_kmem_cache_quiesce(q, s);
	}
	quarry_drain_all_pages(q);
}

void selftest_blocks(struct quarry *q, unsigned long *nr_free)
{
	struct quarry_zone_info info;

	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
		nr_free[o] = 0;
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int z = 0; z < QUARRY_NR_ZONES; z++) {
			if (!quarry_zone_info(q, nid, (enum quarry_zone_type)z, &info))
				continue;
			for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++)
				nr_free[o] += info.nr_free[o];
		}
	}
}

struct selftest_search {
	const char *part;
	bool found;
	char tail[160]; /* a piece may end inside the text looked for */
	size_t n;
};

static void selftest_look(void *ctx, const char *text, size_t len)
{
	struct selftest_search *s = ctx;

	for (size_t i = 0; i < len && !s->found; i++) {
		if (s->n == sizeof(s->tail) - 1) {
			for (size_t k = 0; k < s->n - 80; k++)
				s->tail[k] = s->tail[k + 80];
			s->n -= 80;
		}
		s->tail[s->n++] = text[i];
		s->tail[s->n] = '\0';
		if (text[i] == s->part[selftest_length(s->part) - 1])
			s->found = selftest_contains(s->tail, s->part);
	}
}

bool selftest_shows(struct quarry *q, void (*show)(struct quarry *q, const struct quarry_out *out),
		    const char *part)
{
	struct selftest_search search = {.part = part};
	struct quarry_out out = {.write = selftest_look, .ctx = &search};

	show(q, &out);
	return search.found;
}

/* ---- one test ---- */

/* What must be the same before and after. */
struct selftest_state {
	struct quarry_totals totals;
	unsigned long nr_free[QUARRY_NR_ORDERS];
};

static void selftest_write_why(void *ctx, const char *text, size_t len)
{
	struct selftest_text *why = ctx;

	while (len-- > 0 && why->n < sizeof(why->s) - 1) {
		if (*text != '\n')
			why->s[why->n++] = *text;
		text++;
	}
	why->s[why->n] = '\0';
}

/* Validates, and looks. False: the machine is not sound. */
static bool selftest_observe(struct selftest_run *t, const char *when, struct selftest_state *state)
{
	struct selftest_text why = {.n = 0};
	struct quarry_out out = {.write = selftest_write_why, .ctx = &why};

	selftest_quiesce(t->q);
	quarry_totals(t->q, &state->totals);
	selftest_blocks(t->q, state->nr_free);
	if (quarry_check(t->q, &out) == 0)
		return true;
	if (!t->failed) {
		selftest_fail(t, __FILE__, __LINE__, when);
		selftest_add(&t->why, why.s);
	}
	return false;
}

static bool selftest_same(const struct selftest_state *a, const struct selftest_state *b)
{
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		if (a->nr_free[o] != b->nr_free[o])
			return false;
	}
	return a->totals.free == b->totals.free && a->totals.managed == b->totals.managed;
}

static void selftest_once(struct selftest_run *t, const struct selftest *test)
{
	t->random = t->env->seed;
	test->fn(t);
	selftest_machine_fini(t);
	while (t->nr_held > 0) {
		t->nr_held--;
		quarry_free_pages(t->q, t->held[t->nr_held].page, t->held[t->nr_held].order);
	}
}

static void selftest_around(struct selftest_run *t, const struct selftest *test)
{
	struct selftest_state before, after;

	for (unsigned int i = 0; i <= SELFTEST_RERUNS; i++) {
		if (!selftest_observe(t, "not sound before the test: ", &before))
			return;
		selftest_once(t, test);
		if (!selftest_observe(t, "not sound after the test: ", &after) || t->failed)
			return;
		if (selftest_same(&before, &after))
			return;
		if (after.totals.meta_bytes == before.totals.meta_bytes)
			break;
	}
	selftest_is(t, after.totals.free, before.totals.free, __FILE__, __LINE__,
		    "free pages are what they were");
	if (!t->failed)
		selftest_fail(t, __FILE__, __LINE__, "free blocks are not what they were");
}

/* ---- all tests ---- */

static bool selftest_row_is(const char *rows, const char *filter)
{
	size_t n = selftest_length(filter);

	while (*rows != '\0') {
		if (selftest_begins(rows, filter) && (n == 1 || rows[n] == ' ' || rows[n] == '\0'))
			return true;
		while (*rows != '\0' && *rows++ != ' ')
			;
	}
	return false;
}

static bool selftest_fits(const struct selftest *test, const char *filter)
{
	if (filter == NULL || *filter == '\0')
		return true;
	if (selftest_row_is(test->row, filter))
		return true;
	/* One letter, or a letter and a number, names rows only. */
	if (filter[1] == '\0' ||
	    (filter[0] >= 'A' && filter[0] <= 'Z' && filter[1] >= '0' && filter[1] <= '9'))
		return false;
	return selftest_contains(test->name, filter);
}

static void selftest_name(struct selftest_text *line, const struct selftest *test)
{
	selftest_add(line, test->row);
	selftest_add(line, " ");
	selftest_add(line, test->name);
}

unsigned int quarry_selftest_list(const struct quarry_selftest_env *env, const char *filter)
{
	unsigned int n = 0;

	for (unsigned int g = 0; g < SELFTEST_NR_GROUPS; g++) {
		for (const struct selftest *test = selftest_groups[g]; test->fn != NULL; test++) {
			struct selftest_text line = {.n = 0};

			if (!selftest_fits(test, filter))
				continue;
			n++;
			selftest_name(&line, test);
			selftest_print(env, &line);
		}
	}
	return n;
}

/* What the library was not built with, of what @needs names; NULL: it has all. */
static const char *selftest_lacks(unsigned int needs)
{
	if ((needs & SELFTEST_NEEDS_FULL) != 0)
		return "QUARRY_TINY does without";
	if ((needs & SELFTEST_NEEDS_NODES) != 0 && QUARRY_MAX_NODES < 8)
		return "fewer than 8 nodes";
	if ((needs & SELFTEST_NEEDS_CPUS) != 0 && QUARRY_MAX_CPUS < 8)
		return "fewer than 8 CPUs";
	if ((needs & SELFTEST_NEEDS_BITS) != 0 && QUARRY_MAX_PHYS_BITS < 34)
		return "no memory above 4 GiB";
	return NULL;
}

/* Returns whether it failed. */
static bool selftest_one(const struct quarry_selftest_env *env, const struct selftest *test,
			 unsigned int number)
{
	struct selftest_run t = {.env = env, .q = env->q};
	struct selftest_text line = {.n = 0};

	if (selftest_lacks(test->needs) != NULL)
		selftest_skip(&t, selftest_lacks(test->needs));
	else
		selftest_around(&t, test);
	selftest_add(&line, t.failed ? "not ok " : "ok ");
	selftest_add_number(&line, number);
	selftest_add(&line, " - ");
	selftest_name(&line, test);
	if (t.skipped && !t.failed) {
		selftest_add(&line, " # SKIP ");
		selftest_add(&line, t.why.s);
	}
	selftest_print(env, &line);
	if (t.failed) {
		line.n = 0;
		selftest_add(&line, "# ");
		selftest_add(&line, t.why.s);
		selftest_print(env, &line);
	}
	return t.failed;
}

unsigned int quarry_selftest(const struct quarry_selftest_env *env, const char *filter)
{
	struct quarry_selftest_env silent = *env;
	unsigned int number = 0, failed = 0;
	struct selftest_text line = {.n = 0};

	silent.print = NULL;
	selftest_add(&line, "1..");
	selftest_add_number(&line, quarry_selftest_list(&silent, filter));
	selftest_print(env, &line);
	for (unsigned int g = 0; g < SELFTEST_NR_GROUPS; g++) {
		for (const struct selftest *test = selftest_groups[g]; test->fn != NULL; test++) {
			if (selftest_fits(test, filter))
				failed += selftest_one(env, test, ++number);
		}
	}
	return number == 0 ? 1 : failed;
}
