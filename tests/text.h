/* SPDX-License-Identifier: MIT */
/* Where tests let the library write its texts. */
#ifndef TESTS_TEXT_H
#define TESTS_TEXT_H

#include <quarry/debug.h>

#include <stdlib.h>
#include <string.h>

struct text {
	size_t len;
	char s[1 << 16]; /* ends in a zero byte */
};

/* What quarry_out calls; @ctx is a struct text. */
static inline void text_take(void *ctx, const char *piece, size_t len)
{
	struct text *t = ctx;

	if (t->len + len >= sizeof(t->s))
		abort();
	memcpy(t->s + t->len, piece, len);
	t->len += len;
	t->s[t->len] = '\0';
}

/* Empties @t for what is to come. */
static inline void text_clear(struct text *t)
{
	t->len = 0;
	t->s[0] = '\0';
}

static inline struct quarry_out text_out(struct text *t)
{
	text_clear(t);
	return (struct quarry_out){text_take, t};
}

#endif
