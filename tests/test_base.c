/* SPDX-License-Identifier: MIT */
/*
 * The base layer by itself: the formatter beside the C library's printf(), which it must equal; what is read from
 * parameters; failures by will, number by number; places; what is said, and to whom. And the life of a system:
 * init, boot, what becomes of calls that come too late, the end.
 */
#include <quarry/posix.h>

#include <base/format.h>
#include <base/inject.h>
#include <base/places.h>
#include <base/quarry_state.h>
#include <slab/internal.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static char ours[160], libc[160];

/* Formats both ways, into @size bytes; they must agree on the text and on its whole length. */
static void agree(size_t size, const char *fmt, ...)
{
	va_list a, b;
	size_t n;
	int m;

	memset(ours, 'z', sizeof(ours));
	va_start(a, fmt);
	va_copy(b, a);
	n = quarry_vformat(ours, size, fmt, a);
	m = vsnprintf(libc, size, fmt, b);
	va_end(b);
	va_end(a);
	if ((size_t)m != n || (size > 0 && strcmp(ours, libc) != 0))
		fail_msg("\"%s\": \"%s\" (%zu) and \"%s\" (%d)", fmt, ours, n, libc, m);
	assert_int_equal(ours[size], 'z');
}

/* Every form that the format has: flags, width, precision, length, conversion. */
static void test_every_form(void **state)
{
	static const char *const flags[] = {"", "-", "0", "#", "-#", "#0"};
	static const char *const widths[] = {"", "1", "7", "20"};
	static const uint64_t values[] = {0,         1,          9,          10,       255,
					  INT32_MAX, UINT32_MAX, UINT64_MAX, INT64_MAX};
	char fmt[32];

	(void)state;
	for (size_t i = 0; i < 6 * 4 * 9; i++) {
		const char *f = flags[i % 6], *w = widths[i / 6 % 4];
		uint64_t v = values[i / 24];
		/* The alternate form of decimals is undefined, that of 0 in hexadecimal has no 0x. */
		bool hex = v != 0 || strchr(f, '#') == NULL, decimal = strchr(f, '#') == NULL;

#define FORM(conversion, value)                                      \
	(snprintf(fmt, sizeof(fmt), "[%%%s%s%s]", f, w, conversion), \
	 agree(sizeof(ours) - 1, fmt, (value)))
		if (hex && strstr(f, "#") == NULL) {
			FORM("X", (unsigned int)v);
			FORM("lX", (unsigned long)v);
		}
		if ((unsigned int)v != 0 || decimal)
			FORM("x", (unsigned int)v);
		if (hex) {
			FORM("lx", (unsigned long)v);
			FORM("llx", (unsigned long long)v);
			FORM("zx", (size_t)v);
		}
		if (!decimal)
			continue;
		FORM("u", (unsigned int)v);
		FORM("lu", (unsigned long)v);
		FORM("llu", (unsigned long long)v);
		FORM("zu", (size_t)v);
		FORM("d", (int)v);
		FORM("i", (int)v);
		FORM("ld", (long)v);
		FORM("lld", (long long)v);
		FORM("zd", (ptrdiff_t)v);
#undef FORM
	}
}

static void test_texts_and_characters(void **state)
{
	static const char *const texts[] = {"", "a", "slab", "a text longer than its width"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		agree(150, "<%s|%8s|%-8s|%.3s|%6.2s|%-6.2s|%.0s>", texts[i], texts[i], texts[i],
		      texts[i], texts[i], texts[i], texts[i]);
		for (int star = -9; star <= 9; star += 3)
			agree(150, "<%*s|%-*s>", star, texts[i], star, texts[i]);
		for (int star = -9; star <= 9; star += 3)
			agree(150, "<%.*s|%9.*s|%-19.*s>", star, texts[i], star, texts[i], star,
			      texts[i]);
		agree(150, "<%9s|%.9s|%19.10s>", texts[i], texts[i], texts[i]);
	}
	agree(150, "%c%c|%3c|%-3c|%%|100%%", 'a', 'b', 'c', 'd');
	agree(150, "%p", (void *)&texts);
	agree(150, "%*d|%-*d|%0*d", 6, -42, 6, -42, 6, -42);
}

/* No byte beyond the end is written, and the length is that of the whole text. */
static void test_every_size(void **state)
{
	(void)state;
	for (size_t size = 0; size < 40; size++)
		agree(size, "%s, %5u pages, %#lx", "node 1", 77u, 0xdeadul);
}

/* What is no format is not taken for one; nothing is read past the end. */
static void test_broken_formats(void **state)
{
	static const struct {
		const char *fmt, *text;
	} broken[] = {
		{"%", ""}, {"a%-08l", "a"}, {"%y%5Q!", "yQ!"}, {"%s", "(null)"}, {"%hs", "(null)"}};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		const char *volatile fmt = broken[i].fmt;

		assert_int_equal(quarry_format(ours, sizeof(ours), fmt, (char *)NULL),
				 strlen(broken[i].text));
		assert_string_equal(ours, broken[i].text);
	}
}

struct collected {
	char text[600];
	size_t len;
};

static void collect(void *ctx, const char *text, size_t len)
{
	struct collected *c = ctx;

	assert_true(c->len + len < sizeof(c->text));
	memcpy(c->text + c->len, text, len);
	c->len += len;
}

/* A line longer than the buffer on the stack is cut, not written past; without a sink nothing is done. */
static void test_lines(void **state)
{
	struct collected c = {"", 0};
	struct quarry_out out = {.write = collect, .ctx = &c};

	(void)state;
	quarry_out_printf(&out, "%d-%s", 1, "one");
	assert_int_equal(c.len, 5);
	assert_memory_equal(c.text, "1-one", 5);
	c.len = 0;
	quarry_out_printf(&out, "%300s|", "x");
	assert_int_equal(c.len, 255);
	assert_int_equal(c.text[254], ' ');
	quarry_out_printf(NULL, "%300s|", "x");
	assert_int_equal(c.len, 255);
}

/* ---- parameters ---- */

static void test_words(void **state)
{
	static const struct {
		const char *text;
		int found;
		const char *name, *value, *rest;
	} cases[] = {
		{"", 0, "", "", ""},
		{" \t\n ", 0, "", "", ""},
		{"a=1", 1, "a", "1", ""},
		{"\ta.b=1,2 c=3", 1, "a.b", "1,2", " c=3"},
		{"a=\nb", 1, "a", "", "\nb"},
		{"a=b=c\td", 1, "a", "b=c", "\td"},
		{"=1", 1, "", "1", ""},
		{"word", -1, "word", "", ""},
		{"word a=1", -1, "word", "", " a=1"},
		{" x\ta=1", -1, "x", "", "\ta=1"},
		{"y\na=1", -1, "y", "", "\na=1"},
	};

	(void)state;
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(cases); i++) {
		const char *text = cases[i].text;
		struct inject_word w;

		assert_int_equal(inject_next_word(&text, &w), cases[i].found);
		assert_string_equal(text, cases[i].rest);
		assert_true(inject_is(w.name, w.name_len, cases[i].name));
		assert_true(inject_is(w.value, w.value_len, cases[i].value));
	}
	assert_false(inject_is("abc", 3, "ab"));
	assert_false(inject_is("abc", 2, "abc"));
	assert_false(inject_is("abc", 3, "abd"));
	assert_true(inject_is("abc", 2, "ab"));
	assert_true(inject_is("abc", 0, ""));
}

static void test_numbers_and_switches(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} numbers[] = {
		{"", false, 7},
		{"0", true, 0},
		{"1", true, 1},
		{"9", true, 9},
		{"1090", true, 1090},
		{"999999999999999999", true, 999999999999999999},
		{"1000000000000000000", false, 7},
		{"-1", false, 7},
		{"1/", false, 7},
		{"1:", false, 7},
		{"x", false, 7},
	};
	static const char *const on[] = {"1", "y", "Y", "on"}, *const off[] = {"0", "n", "N",
									       "off"};

	(void)state;
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(numbers); i++) {
		uint64_t v = 7;

		assert_int_equal(inject_number(numbers[i].text, strlen(numbers[i].text), &v),
				 numbers[i].good);
		assert_int_equal(v, numbers[i].value);
	}
	for (size_t i = 0; i < 4; i++) {
		bool b = false;

		assert_true(inject_switch(on[i], strlen(on[i]), &b) && b);
		assert_true(inject_switch(off[i], strlen(off[i]), &b) && !b);
	}
	for (int was = 0; was < 2; was++) {
		bool b = was != 0;

		assert_false(inject_switch("yes", 3, &b));
		assert_false(inject_switch("", 0, &b));
		assert_int_equal(b, was);
	}
}

static void assert_inject(const struct inject *f, uint64_t interval, uint64_t probability,
			  uint64_t space, int64_t times)
{
	assert_int_equal(f->interval, interval);
	assert_int_equal(f->probability, probability);
	assert_int_equal(f->space, space);
	assert_int_equal(f->times, times);
}

static void test_attributes(void **state)
{
	static const char *const bad[] = {"",        "1",       "1,2",     "1,2,3",   "1,2,3,4,5",
					  ",2,3,4",  "1,,3,4",  "1,2,,4",  "1,2,3,",  "1,2,3,-2",
					  "x,2,3,4", "1,x,3,4", "1,2,x,4", "1,2,3,x", "1,101,3,4"};
	struct inject f = INJECT_DEFAULTS;

	(void)state;
	assert_inject(&f, 1, 0, 0, 1);
	assert_true(inject_four(&f, "11,22,33,44", 11));
	assert_inject(&f, 11, 22, 33, 44);
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(bad); i++) {
		assert_false(inject_four(&f, bad[i], strlen(bad[i])));
		assert_inject(&f, 11, 22, 33, 44);
	}
	assert_true(inject_four(&f, "0,100,0,-1", 10));
	assert_inject(&f, 0, 100, 0, -1);
	assert_true(inject_attr(&f, "interval", 8, "5", 1));
	assert_true(inject_attr(&f, "probability", 11, "100", 3));
	assert_true(inject_attr(&f, "space", 5, "7", 1));
	assert_true(inject_attr(&f, "times", 5, "8", 1));
	assert_true(inject_attr(&f, "seed", 4, "9", 1));
	assert_inject(&f, 5, 100, 7, 8);
	assert_int_equal(f.seed, 9);
	assert_true(inject_attr(&f, "times", 5, "-1", 2));
	assert_int_equal(f.times, -1);
	assert_false(inject_attr(&f, "times", 5, "-", 1));
	assert_false(inject_attr(&f, "seed", 4, "", 0));
	assert_false(inject_attr(&f, "seeds", 5, "1", 1));
	assert_false(inject_attr(&f, "nth", 3, "1", 1));
	assert_true(inject_on(&f));
	f.probability = 0;
	assert_false(inject_on(&f));
	f.nth = 1;
	assert_true(inject_on(&f));
}

/* The rules once more, in the words of the headers: what inject_now() says is known beforehand. */
static bool inject_model(struct inject *f, uint64_t size)
{
	uint64_t x;

	if (f->nth > 1) {
		f->nth--;
		return false;
	}
	if (f->nth == 1) {
		f->nth = 0;
		return true;
	}
	if (f->probability < 1 || f->times == 0)
		return false;
	if (size < f->space) {
		f->space -= size;
		return false;
	}
	f->count++;
	if (f->interval != 0 && f->count % f->interval != 0)
		return false;
	x = f->seed == 0 ? 0x9e3779b97f4a7c15u : f->seed;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	f->seed = x;
	if ((x * 0x2545f4914f6cdd1du >> 32) % 100 >= f->probability)
		return false;
	if (f->times > 0)
		f->times--;
	return true;
}

static void test_failures_by_will(void **state)
{
	static const uint64_t probabilities[] = {0, 1, 50, 99, 100};
	static const int64_t times[] = {-1, 0, 1, 5};

	(void)state;
	for (unsigned int i = 0; i < 5 * 4 * 4 * 4 * 2; i++) {
		struct inject f = {.probability = probabilities[i % 5],
				   .times = times[i / 5 % 4],
				   .interval = i / 20 % 4,
				   .space = i / 80 % 4 * 3,
				   .seed = i % 7,
				   .nth = i / 320 * 4};
		struct inject model = f;

		for (unsigned int n = 0; n < 300; n++) {
			assert_int_equal(inject_now(&f, 1 + n % 3),
					 inject_model(&model, 1 + n % 3));
			assert_memory_equal(&f, &model, sizeof(f));
		}
	}
}

/* ---- places ---- */

static void test_places(void **state)
{
	static const struct quarry_page_site site = {.function = "f"};
	struct places *p = test_calloc(1, sizeof(*p));
	struct quarry *q = quarry_posix_new(&(struct quarry_posix_options){0});
	struct quarry_page_site_info info;

	(void)state;
	places_init(p);
	assert_int_equal(p->lock.rank, QUARRY_LOCK_LEAF);
	assert_int_equal(place_of_locked(p, NULL, NULL), 0);
	assert_true(place_info(q, p, 0, &info)); /* of all that are not known */
	assert_false(place_info(q, p, 1, &info));
	assert_int_equal(place_of_locked(p, &site, (void *)0x1000), 1);
	assert_int_equal(place_of_locked(p, NULL, (void *)0x1000), 2);
	assert_int_equal(place_of_locked(p, &site, NULL), 1);
	for (uintptr_t n = 3; n < PLACES_MAX; n++)
		assert_int_equal(place_of_locked(p, NULL, (void *)(n * 0x1000)), n);
	assert_int_equal(place_of_locked(p, NULL, (void *)0x77), 0); /* too many */
	for (uintptr_t n = 3; n < PLACES_MAX; n++)
		assert_int_equal(place_of_locked(p, NULL, (void *)(n * 0x1000)), n);
	assert_true(place_info(q, p, PLACES_MAX - 1, &info));
	assert_ptr_equal(info.address, (void *)((uintptr_t)(PLACES_MAX - 1) * 0x1000));
	assert_null(info.site);
	assert_false(place_info(q, p, PLACES_MAX, &info));
	place_take_locked(p, 1, 100);
	place_take_locked(p, 1, 50);
	place_hold_locked(p, 1, 100, -1);
	place_hold_locked(p, 1, 5, 3);
	assert_true(place_info(q, p, 1, &info));
	assert_ptr_equal(info.site, &site);
	assert_null(info.address);
	assert_int_equal(info.blocks, 2);
	assert_int_equal(info.bytes, 150);
	assert_int_equal(info.live_blocks, 4);
	assert_int_equal(info.live_bytes, 65);
	assert_int_equal(p->lock.held, 0);
	quarry_posix_delete(q);
	test_free(p);
}

/* ---- what is said ---- */

struct said {
	jmp_buf *back;
	unsigned int logs, reports, panics;
	enum quarry_log_level level;
	char line[400];
};

static void said_log(void *ctx, enum quarry_log_level level, const char *line)
{
	struct said *s = ctx;

	s->logs++;
	s->level = level;
	snprintf(s->line, sizeof(s->line), "%s", line);
}

static void said_report(void *ctx, const char *line)
{
	struct said *s = ctx;

	s->reports++;
	snprintf(s->line, sizeof(s->line), "%s", line);
}

static void said_panic(void *ctx, const char *line)
{
	struct said *s = ctx;

	s->panics++;
	assert_string_equal(s->line, s->logs != 0 ? line : "");
	snprintf(s->line, sizeof(s->line), "%s", line);
	longjmp(*s->back, 1);
}

static void said_last_word(struct quarry *q, jmp_buf *back)
{
	if (setjmp(*back) == 0)
		quarry_panic(q, "the %uth", 4u);
}

/* A report goes to the log where nobody asked for reports; the last word to both. */
static void test_what_is_said(void **state)
{
	static _Alignas(64) char room[QUARRY_STORAGE_SIZE];

	(void)state;
	for (unsigned int has = 0; has < 4; has++) {
		jmp_buf back;
		struct said s = {.back = &back};
		struct quarry_port port = {.ctx = &s,
					   .no_access = true,
					   .log = (has & 1) != 0 ? said_log : NULL,
					   .report = (has & 2) != 0 ? said_report : NULL,
					   .panic = said_panic};
		struct quarry *q = quarry_init(room, sizeof(room), &port);

		assert_non_null(q);
		quarry_log(q, QUARRY_LOG_INFO, "%s %d", "line", 1);
		assert_int_equal(s.logs, has & 1);
		assert_string_equal(s.line, (has & 1) != 0 ? "line 1" : "");
		assert_true(s.logs == 0 || s.level == QUARRY_LOG_INFO);
		quarry_report(q, "%500s", "x");
		assert_int_equal(s.reports, has >> 1);
		assert_int_equal(s.logs, has == 1 ? 2 : has & 1);
		assert_int_equal(strlen(s.line), has != 0 ? 383 : 0);
		assert_true(has != 1 || s.level == QUARRY_LOG_ERR);
		s.logs = 0;
		s.line[0] = '\0';
		said_last_word(q, &back);
		assert_int_equal(s.logs, has & 1);
		assert_int_equal(s.panics, 1);
		assert_int_equal(s.reports, has >> 1);
		assert_string_equal(s.line, "the 4th");
		assert_true(s.logs == 0 || s.level == QUARRY_LOG_ERR);
		quarry_destroy(q);
	}
}

/* ---- the life of a system ---- */

static _Alignas(64) unsigned char life_room[QUARRY_STORAGE_SIZE + 64];

static void *life_table(void *ctx, size_t size, size_t align)
{
	unsigned int *out = ctx;
	void *p = NULL;

	assert_int_equal(posix_memalign(&p, align, size), 0);
	++*out;
	return memset(p, 0, size);
}

static void life_give_back(void *ctx, void *p, size_t size)
{
	unsigned int *out = ctx;

	(void)size;
	--*out;
	free(p);
}

static void test_init(void **state)
{
	static unsigned char first[QUARRY_STORAGE_SIZE];
	unsigned int out = 0;
	struct quarry_port port = {.ctx = &out,
				   .direct_map = 0x123000,
				   .no_access = true,
				   .concurrent = true,
				   .meta_alloc = life_table,
				   .meta_free = life_give_back};
	struct quarry *q;

	(void)state;
	assert_null(quarry_init(NULL, sizeof(life_room), &port));
	assert_null(quarry_init(NULL, 0, &port));
	assert_null(quarry_init(life_room, sizeof(struct quarry) - 1, &port));
	for (size_t i = 1; i < 64; i++)
		assert_null(quarry_init(life_room + i, QUARRY_STORAGE_SIZE, &port));
	port.meta_free = NULL;
	assert_null(quarry_init(life_room, sizeof(life_room), &port));
	port.meta_alloc = NULL;
	assert_non_null(quarry_init(life_room, sizeof(struct quarry), &port));
	port.meta_free = life_give_back;
	assert_non_null(quarry_init(life_room, sizeof(life_room), &port));
	port.meta_alloc = life_table;
	/* What lay in the storage before makes no difference. */
	for (unsigned int fill = 0; fill <= 0xff; fill += 0xff) {
		memset(life_room, (int)fill, sizeof(life_room));
		q = quarry_init(life_room, QUARRY_STORAGE_SIZE, &port);
		assert_ptr_equal(q, life_room);
		if (fill == 0)
			memcpy(first, life_room, sizeof(struct quarry));
		assert_memory_equal(first, life_room, sizeof(struct quarry));
		assert_int_equal(life_room[QUARRY_STORAGE_SIZE], fill);
		assert_memory_equal(&q->port, &port, sizeof(port));
		assert_int_equal(q->direct_map, 0x123000);
		assert_true(q->no_access && q->concurrent);
		assert_int_equal(q->meta_lock.rank, QUARRY_LOCK_LEAF);
		assert_int_equal(quarry_stage(q), QUARRY_STAGE_BOOT);
		assert_int_equal(quarry_memblock_phys_mem_size(q), 0);
		assert_true(q->bootmem.bdata_list->next == q->bootmem.bdata_list);
		assert_int_equal(quarry_check(q, NULL), 0);
	}
	quarry_destroy(q);
	assert_int_equal(quarry_stage(q), QUARRY_STAGE_NONE);
	quarry_destroy(q);
	assert_int_equal(quarry_stage(q), QUARRY_STAGE_NONE);
	assert_int_equal(out, 0);
}

static struct quarry *life_system(unsigned int *out, uintptr_t direct_map)
{
	struct quarry_port port = {.ctx = out,
				   .direct_map = direct_map,
				   .no_access = true,
				   .meta_alloc = life_table,
				   .meta_free = life_give_back};
	struct quarry *q = quarry_init(life_room, QUARRY_STORAGE_SIZE, &port);

	assert_non_null(q);
	return q;
}

static void test_boot_and_end(void **state)
{
	unsigned int out = 0;
	struct quarry *q = life_system(&out, 0x10000000);
	struct quarry_boot_params params = {.slab_min_order = 4, .nr_cpus = 1};

	(void)state;
	assert_int_equal(quarry_boot(q, NULL), -QUARRY_EINVAL); /* no memory */
	assert_int_equal(quarry_stage(q), QUARRY_STAGE_BOOT);
	assert_int_equal(quarry_memblock_add(q, 0, 16 << 20), 0);
	assert_int_equal(quarry_boot(q, &params), -QUARRY_EINVAL);
	assert_int_equal(quarry_stage(q), QUARRY_STAGE_BOOT);
	assert_int_equal(quarry_boot(q, NULL), 0);
	assert_int_equal(quarry_stage(q), QUARRY_STAGE_SLAB);
	assert_int_equal(quarry_boot(q, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_stage(q), QUARRY_STAGE_SLAB);
	assert_non_null(quarry_kmalloc(q, 100, GFP_KERNEL));
	assert_true(out != 0);
	assert_non_null(q->kmalloc_short);
	quarry_destroy(q);
	assert_int_equal(out, 0);
	assert_true(q->pages == NULL && q->slabs == NULL && q->kmalloc_short == NULL);
	assert_int_equal(quarry_boot(q, NULL), -QUARRY_EINVAL);
	assert_int_equal(quarry_stage(q), QUARRY_STAGE_NONE);
}

/* Orders of slabs are those of Linux for so many CPUs: possible ones count where there is one. */
static void test_cpus_of_geometry(void **state)
{
	static const struct {
		bool params;
		unsigned int nr, possible, as;
	} cases[] = {{false, 0, 0, 1},
		     {true, 1, 0, 1},
		     {true, 1, 64, 64},
		     {true, 2, 64, 2},
		     {true, 64, 1, 64}};
	unsigned int orders[65];

	(void)state;
	memset(orders, 0xff, sizeof(orders));
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(cases); i++) {
		unsigned int out = 0;
		struct quarry *q = life_system(&out, 0x10000000);
		struct quarry_boot_params params = {.nr_cpus = cases[i].nr,
						    .nr_possible_cpus = cases[i].possible};
		struct kmem_cache *s;

		assert_int_equal(quarry_memblock_add(q, 0, 16 << 20), 0);
		assert_int_equal(quarry_boot(q, cases[i].params ? &params : NULL), 0);
		s = quarry_kmem_cache_create(q, "thing", 200, SLAB_NO_MERGE, NULL);
		assert_non_null(s);
		if (orders[cases[i].as] == ~0u)
			orders[cases[i].as] = oo_order(s->oo);
		assert_int_equal(oo_order(s->oo), orders[cases[i].as]);
		quarry_destroy(q);
		assert_int_equal(out, 0);
	}
	assert_true(orders[1] < orders[64] && orders[2] < orders[64]);
}

/* Who still calls the boot allocator is served by kmalloc, with zeroes, on the node. */
static void test_late_calls(void **state)
{
	const struct quarry_posix_options options = {.ram_bytes = 64u << 20};
	struct quarry *q = quarry_posix_new(&options);
	struct quarry_boot_params params = {.nr_cpus = 2, .cpu_node = (const int[]){0, 1}};
	struct kmem_cache *s;
	char *p;

	(void)state;
	assert_int_equal(quarry_memblock_add_node(q, 0, 32 << 20, 0, MEMBLOCK_NONE), 0);
	assert_int_equal(quarry_memblock_add_node(q, 32 << 20, 32 << 20, 1, MEMBLOCK_NONE), 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	for (int nid = 0; nid < 2; nid++) {
		p = quarry_kmalloc_node(q, 100, GFP_KERNEL, nid);
		s = quarry_virt_to_cache(q, p);
		memset(p, 0x55, 100);
		quarry_kfree(q, p);
		for (int i = 0; i < 3; i++) {
			p = quarry_memblock_alloc_try_nid(q, 100, 64, 0, 0, nid);
			assert_non_null(p);
			assert_ptr_equal(quarry_virt_to_cache(q, p), s);
			assert_int_equal(quarry_page_nid(q, quarry_virt_to_page(q, p)), nid);
			for (int k = 0; k < 100; k++)
				assert_int_equal(p[k], 0);
			memset(p, 0x55, 100);
		}
	}
	quarry_posix_delete(q);
}

static void *life_bitmap(void *ctx, phys_addr_t phys, size_t size)
{
	static _Alignas(64) unsigned char bitmaps[2][512];

	(void)ctx;
	assert_true(size <= sizeof(bitmaps[0]));
	return bitmaps[phys >= (phys_addr_t)2048 << QUARRY_PAGE_SHIFT];
}

/*
 * The page whose address is NULL is kept back, wherever it lies: at the ends of a node of bootmem, or beyond all
 * of them; and a boot that is refused leaves it as it was.
 */
static void test_the_page_at_null(void **state)
{
	static const struct {
		pfn_t null;
		bool bootmem, known, reserved;
	} cases[] = {
		{1024, false, true, false}, {1024, false, true, true}, {5120, false, false, false},
		{1024, true, true, false},  {1024, true, true, true},  {2047, true, true, false},
		{2048, true, true, false},  {3071, true, true, false}, {3072, true, false, false},
		{1023, true, false, false},
	};

	(void)state;
	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(cases); i++) {
		phys_addr_t null = cases[i].null << QUARRY_PAGE_SHIFT;
		unsigned int out = 0;
		struct quarry *q = life_system(&out, 0 - (uintptr_t)null);
		struct quarry_boot_params params = {
			.slab_min_order = 4, .nr_cpus = 1, .bootmem = cases[i].bootmem};

		assert_int_equal(quarry_memblock_add(q, 2 << 20, 14 << 20), 0);
		for (int nid = 0; cases[i].bootmem && nid < 2; nid++) {
			pfn_t start = nid == 0 ? 1024 : 2048;

			q->port.storage = life_bitmap;
			assert_true(quarry_init_bootmem_node(q, nid, start + 1, start,
							     start + 1024) != 0);
			assert_int_equal(quarry_free_bootmem_node(
						 q, nid, start << QUARRY_PAGE_SHIFT, 4 << 20),
					 0);
		}
		if (cases[i].reserved && cases[i].bootmem)
			assert_int_equal(
				quarry_reserve_bootmem(q, null, QUARRY_PAGE_SIZE, BOOTMEM_DEFAULT),
				0);
		else if (cases[i].reserved)
			assert_int_equal(quarry_memblock_reserve(q, null, QUARRY_PAGE_SIZE), 0);
		assert_int_equal(quarry_boot(q, &params), -QUARRY_EINVAL);
		assert_int_equal(quarry_memblock_is_reserved(q, null),
				 cases[i].reserved && !cases[i].bootmem);
		if (cases[i].bootmem && cases[i].known) {
			int err = quarry_reserve_bootmem(q, null, 1, BOOTMEM_EXCLUSIVE);

			assert_int_equal(err, cases[i].reserved ? -QUARRY_EBUSY : 0);
			if (!cases[i].reserved)
				assert_int_equal(quarry_free_bootmem(q, null, QUARRY_PAGE_SIZE), 0);
		}
		params.slab_min_order = 0;
		assert_int_equal(quarry_boot(q, &params), 0);
		if (cases[i].known)
			assert_int_equal(quarry_pfn_state(q, cases[i].null, NULL),
					 QUARRY_PAGE_RESERVED);
		assert_int_equal(quarry_check(q, NULL), 0);
		quarry_destroy(q);
		assert_int_equal(out, 0);
	}
}

/* Without the port's help storage is reached as far as a pointer goes. */
static void test_storage_in_reach(void **state)
{
	struct quarry *q = quarry_posix_new(NULL);
	const phys_addr_t end = UINTPTR_MAX;

	(void)state;
	q->port.storage = NULL;
	assert_ptr_equal(quarry_storage(q, 4096, 10), quarry_phys_to_virt(q, 4096));
	assert_ptr_equal(quarry_storage(q, end - 10, 10), quarry_phys_to_virt(q, end - 10));
	assert_null(quarry_storage(q, end - 10, 11));
	assert_null(quarry_storage(q, 4096, SIZE_MAX));
	if (sizeof(void *) < sizeof(phys_addr_t))
		assert_null(quarry_storage(q, end + 1, 10));
	quarry_posix_delete(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form),
		cmocka_unit_test(test_texts_and_characters),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_broken_formats),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_numbers_and_switches),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_failures_by_will),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_what_is_said),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_storage_in_reach),
		cmocka_unit_test(test_boot_and_end),
		cmocka_unit_test(test_cpus_of_geometry),
		cmocka_unit_test(test_late_calls),
		cmocka_unit_test(test_the_page_at_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
