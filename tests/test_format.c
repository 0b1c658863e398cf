/* SPDX-License-Identifier: MIT */
/* The formatter of all our texts beside the C library's printf(), which it must equal. */
#include <quarry/quarry.h>

#include <base/format.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	static const char *const widths[] = {"", "1", "7", "25"};
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
	quarry_out_printf(NULL, "%300s|", "x");
	assert_int_equal(c.len, 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form), cmocka_unit_test(test_texts_and_characters),
		cmocka_unit_test(test_every_size), cmocka_unit_test(test_broken_formats),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
