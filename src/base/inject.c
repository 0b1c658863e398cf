/* SPDX-License-Identifier: MIT */
/*
 * Requests that fail by will: the parameters and the chance that all kinds of them share.
 *
 * The rules are those of Linux's fault attributes: a request first uses up the space, then every
 * interval'th is looked at, and of those some, by chance, fail, until the times are used up. The numbers of
 * chance come from a seed, so that a run can be had again. nth counts requests and takes one, whatever
 * chance would say.
 */
#include <base/bits.h>
#include <base/compiler.h>
#include <base/inject.h>

bool inject_is(const char *text, size_t len, const char *name)
{
	size_t i = 0;

	while (i < len && name[i] != '\0' && text[i] == name[i])
		i++;
	return i == len && name[i] == '\0';
}

bool inject_number(const char *text, size_t len, uint64_t *out)
{
	uint64_t v = 0;

	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*out = v;
	return true;
}

/* A number, or -1. */
static bool inject_times(const char *text, size_t len, int64_t *out)
{
	uint64_t v;

	if (inject_is(text, len, "-1")) {
		*out = -1;
		return true;
	}
	if (!inject_number(text, len, &v))
		return false;
	*out = (int64_t)v;
	return true;
}

bool inject_switch(const char *text, size_t len, bool *out)
{
	static const char *const words[] = {"1", "0", "y", "n", "Y", "N", "on", "off"};

	for (size_t i = 0; i < QUARRY_ARRAY_SIZE(words); i++) {
		if (inject_is(text, len, words[i])) {
			*out = i % 2 == 0;
			return true;
		}
	}
	return false;
}

bool inject_four(struct inject *f, const char *text, size_t len)
{
	struct inject n = *f;
	size_t from = 0;

	for (unsigned int field = 0; field < 4; field++) {
		size_t end = from;
		bool good;

		while (end < len && text[end] != ',')
			end++;
		if ((field < 3) != (end < len))
			return false;
		good = field == 0   ? inject_number(text, end, &n.interval)
		       : field == 1 ? inject_number(text + from, end - from, &n.probability)
		       : field == 2 ? inject_number(text + from, end - from, &n.space)
				    : inject_times(text + from, end - from, &n.times);
		if (!good)
			return false;
		from = end + 1;
	}
	if (n.probability > 100)
		return false;
	*f = n;
	return true;
}

bool inject_attr(struct inject *f, const char *name, size_t len, const char *v, size_t n)
{
	if (inject_is(name, len, "interval"))
		return inject_number(v, n, &f->interval);
	if (inject_is(name, len, "probability"))
		return inject_number(v, n, &f->probability) && f->probability <= 100;
	if (inject_is(name, len, "space"))
		return inject_number(v, n, &f->space);
	if (inject_is(name, len, "times"))
		return inject_times(v, n, &f->times);
	return inject_is(name, len, "seed") && inject_number(v, n, &f->seed);
}

static bool inject_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

int inject_next_word(const char **text, struct inject_word *w)
{
	const char *p = *text;

	while (inject_blank(*p))
		p++;
	*w = (struct inject_word){.name = p};
	while (*p != '\0' && *p != '=' && !inject_blank(*p))
		p++;
	w->name_len = (size_t)(p - w->name);
	*text = p;
	if (*p != '=')
		return w->name_len == 0 ? 0 : -1;
	w->value = ++p;
	while (*p != '\0' && !inject_blank(*p))
		p++;
	w->value_len = (size_t)(p - w->value);
	*text = p;
	return 1;
}

/* xorshift64*: never 0 from a seed that is not. */
static uint64_t inject_random(struct inject *f)
{
	uint64_t x = f->seed != 0 ? f->seed : INJECT_SEED;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	f->seed = x;
	return x * 0x2545f4914f6cdd1du >> 32;
}

bool inject_now(struct inject *f, uint64_t size)
{
	if (f->nth != 0)
		return --f->nth == 0;
	if (f->probability == 0 || f->times == 0)
		return false;
	if (f->space > size) {
		f->space -= size;
		return false;
	}
	f->count++;
	if ((f->interval != 0 && bits_mod64(f->count, f->interval) != 0) ||
	    f->probability <= bits_mod64(inject_random(f), 100))
		return false;
	f->times -= f->times != -1;
	return true;
}
