/* SPDX-License-Identifier: MIT */
/* Requests that fail by will: what fail_page_alloc and failslab share. */
#ifndef QUARRY_BASE_INJECT_H
#define QUARRY_BASE_INJECT_H

#include <base/compiler.h>

#define INJECT_SEED 0x9e3779b97f4a7c15u

/* Names and meanings of Linux's fault attributes. */
struct inject {
	uint64_t probability; /* percent; 0: off */
	uint64_t interval;
	uint64_t space; /* of sizes to go before the first failure */
	int64_t times;  /* failures to go; -1: without end */
	uint64_t nth;   /* requests to go, the last of which fails; 0: off */
	uint64_t seed;  /* state of the random numbers */
	uint64_t count; /* requests that might have failed */
};

#define INJECT_DEFAULTS ((struct inject){.interval = 1, .times = 1, .seed = INJECT_SEED})

/* Whether the @len bytes at @text are @name. */
bool inject_is(const char *text, size_t len, const char *name);
/* A number, or a switch (1, 0, y, n, on, off), of @len bytes; false: it is none. */
bool inject_number(const char *text, size_t len, uint64_t *out);
bool inject_switch(const char *text, size_t len, bool *out);
/* "INTERVAL,PROBABILITY,SPACE,TIMES". */
bool inject_four(struct inject *f, const char *text, size_t len);
/* One of interval, probability, space, times, seed with its value; false: unknown, or a bad value. */
bool inject_attr(struct inject *f, const char *name, size_t len, const char *v, size_t n);
/* The next word of *@text, which is moved past it: name=value, between blanks. */
struct inject_word {
	const char *name, *value;
	size_t name_len, value_len;
};
/* 1: a word; 0: the end; -1: a word without =. */
int inject_next_word(const char **text, struct inject_word *w);
/* Whether a request of @size fails. The caller's lock guards @f. */
bool inject_now(struct inject *f, uint64_t size);

static inline bool inject_on(const struct inject *f)
{
	return f->probability != 0 || f->nth != 0;
}

#endif
