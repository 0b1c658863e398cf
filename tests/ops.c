/* SPDX-License-Identifier: MIT */
/* Programs of operations: text, chance, shrinking. What an operation does is in ops_world.c. */
#include "ops.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ops_table.h"

/* ---- chance ---- */

static uint64_t source_random(struct ops_source *s, uint64_t below)
{
	return machine_random(&s->seed) % below;
}

/* As few bytes as the number needs. */
static uint64_t source_bytes(struct ops_source *s, uint64_t below)
{
	uint64_t v = 0;

	for (uint64_t top = below - 1; top != 0; top >>= 8) {
		s->end |= s->size == 0;
		v = v << 8 | (s->size != 0 ? *s->data : 0);
		s->data += s->size != 0;
		s->size -= s->size != 0;
	}
	return v % below;
}

struct ops_source ops_random(uint64_t seed)
{
	return (struct ops_source){.next = source_random, .seed = seed};
}

struct ops_source ops_bytes(const uint8_t *data, size_t size)
{
	return (struct ops_source){.next = source_bytes, .data = data, .size = size};
}

/* ---- text ---- */

unsigned int ops_kinds(void)
{
	return ops_nr;
}

const char *ops_name(unsigned int kind)
{
	return ops_table[kind].name;
}

void ops_add(struct ops_list *l, const struct ops_op *op)
{
	if (l->n == l->room) {
		l->room = l->room != 0 ? 2 * l->room : 64;
		l->op = realloc(l->op, sizeof(*l->op) * l->room);
		assert_non_null(l->op);
	}
	l->op[l->n++] = *op;
}

void ops_free(struct ops_list *l)
{
	free(l->op);
	*l = (struct ops_list){0};
}

/* Length of the word at *@text, blanks and arrows passed over; 0: the operation ends here. */
static size_t text_word(const char **text)
{
	*text += strspn(*text, " \t\n");
	if (strncmp(*text, "->", 2) == 0) {
		*text += 2;
		*text += strspn(*text, " \t\n");
	}
	return strcspn(*text, " \t\n;");
}

static bool text_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(word, name, len) == 0;
}

static bool text_arg(const struct ops_arg *a, const char *word, size_t len, uint32_t *out)
{
	char *end;
	unsigned long v;

	for (uint32_t i = 0; a->names != NULL && i < a->below; i++) {
		if (text_is(word, len, a->names[i])) {
			*out = i;
			return true;
		}
	}
	if (a->names != NULL || len == 0 || (a->prefix != '\0' && *word++ != a->prefix))
		return false;
	v = strtoul(word, &end, 10);
	*out = (uint32_t)v;
	return end > word && v < a->below && strchr(" \t\n;", *end) != NULL;
}

static bool text_op(const char **text, struct ops_op *op)
{
	size_t len = text_word(text);
	const struct ops_desc *d;

	*op = (struct ops_op){0};
	while (op->kind < ops_nr && !text_is(*text, len, ops_table[op->kind].name))
		op->kind++;
	if (op->kind == ops_nr)
		return false;
	*text += len;
	d = &ops_table[op->kind];
	for (unsigned int i = 0; i < OPS_ARGS && d->arg[i] != OPS_NONE; i++) {
		len = text_word(text);
		if (!text_arg(&ops_args[d->arg[i]], *text, len, &op->arg[i]))
			return false;
		*text += len;
	}
	return text_word(text) == 0;
}

bool ops_parse(struct ops_list *l, const char *text, const char **bad)
{
	struct ops_op op;

	*bad = text;
	while (text_word(bad), **bad != '\0') {
		if (!text_op(bad, &op))
			return false;
		ops_add(l, &op);
		*bad += strspn(*bad, " \t\n;");
	}
	return true;
}

static void print_op(FILE *out, const struct ops_op *op)
{
	const struct ops_desc *d = &ops_table[op->kind];

	fputs(d->name, out);
	for (unsigned int i = 0; i < OPS_ARGS && d->arg[i] != OPS_NONE; i++) {
		const struct ops_arg *a = &ops_args[d->arg[i]];

		fputs(d->makes == i + 1 ? " -> " : " ", out);
		if (a->names != NULL)
			fputs(a->names[op->arg[i]], out);
		else if (a->prefix != '\0')
			fprintf(out, "%c%u", a->prefix, op->arg[i]);
		else
			fprintf(out, "%u", op->arg[i]);
	}
}

char *ops_print(const struct ops_list *l)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	for (size_t i = 0; i < l->n; i++) {
		print_op(out, &l->op[i]);
		fputs(i + 1 < l->n ? "; " : "", out);
	}
	fclose(out);
	return text;
}

/* ---- a program that kills the process is told too ---- */

extern void __sanitizer_set_death_callback(void (*call)(void)) __attribute__((weak));

static const struct ops_list *dying;

static void die_telling(void)
{
	char *text;

	if (dying == NULL)
		return;
	text = ops_print(dying);
	fprintf(stderr, "the process died of:\nOPS(\"%s\")\n", text);
	free(text);
	dying = NULL;
}

static void die_of(int sig)
{
	die_telling();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void die_prepare(const struct ops_list *l)
{
	dying = l;
	signal(SIGABRT, die_of);
	signal(SIGILL, die_of);
	signal(SIGTRAP, die_of);
	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(die_telling);
}

/* ---- programs ---- */

long ops_play(const struct ops_list *l, char *why)
{
	struct ops_world *w = ops_begin();
	long failed = -1;

	die_prepare(l);
	for (size_t i = 0; i < l->n && failed < 0; i++) {
		if (!ops_run(w, &l->op[i]))
			failed = (long)i;
	}
	if (failed < 0 && !ops_end(w))
		failed = (long)l->n;
	snprintf(why, OPS_WHY, "%s", ops_why(w));
	ops_delete(w);
	dying = NULL;
	return failed;
}

static bool shrink_fails(const struct ops_list *l)
{
	char why[OPS_WHY];

	return ops_play(l, why) >= 0;
}

/* Leaves out what the failure does not need, in ever smaller pieces. */
static void shrink_list(struct ops_list *l)
{
	struct ops_list fewer = {.op = malloc(sizeof(*l->op) * (l->n + 1)), .room = l->n};

	assert_non_null(fewer.op);
	for (size_t piece = (l->n + 1) / 2; piece > 0; piece /= 2) {
		for (size_t at = 0; at + piece <= l->n;) {
			memcpy(fewer.op, l->op, sizeof(*l->op) * at);
			memcpy(fewer.op + at, l->op + at + piece,
			       sizeof(*l->op) * (l->n - at - piece));
			fewer.n = l->n - piece;
			if (!shrink_fails(&fewer)) {
				at += piece;
				continue;
			}
			l->n = fewer.n;
			memcpy(l->op, fewer.op, sizeof(*l->op) * l->n);
		}
	}
	free(fewer.op);
}

/* Smaller numbers, where they do. */
static void shrink_args(struct ops_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		for (unsigned int k = 0; k < OPS_ARGS; k++) {
			uint32_t *arg = &l->op[i].arg[k], was = *arg, low = 0;

			if (ops_table[l->op[i].kind].arg[k] == OPS_NONE)
				break;
			while (low < was) { /* the least that fails, if failing is monotone */
				*arg = low + (was - low) / 2;
				if (shrink_fails(l))
					was = *arg;
				else
					low = *arg + 1;
			}
			*arg = was;
		}
	}
}

void ops_shrink_and_fail(struct ops_list *l, const char *found_by)
{
	char why[OPS_WHY], *text;
	long failed = ops_play(l, why);

	if (failed < 0)
		fail_msg("%s: fails only now and then", found_by);
	l->n = (size_t)failed < l->n ? (size_t)failed + 1 : l->n;
	shrink_list(l);
	shrink_args(l);
	ops_play(l, why);
	text = ops_print(l);
	print_message("%s, shortest:\n\tOPS(\"%s\");\n", found_by, text);
	free(text);
	fail_msg("%s", why);
}

bool ops_try(struct ops_source s, size_t n, struct ops_list *l, uint64_t *digest)
{
	struct ops_world *w = ops_begin();
	bool good = true;

	if (digest != NULL)
		*digest = 0;
	die_prepare(l);
	while (good && l->n < n) {
		struct ops_op op = ops_pick(w, &s);

		if (s.end)
			break;
		ops_add(l, &op);
		good = ops_run(w, &op);
		if (digest != NULL)
			ops_note(w, digest);
	}
	if (digest != NULL)
		*digest ^= ops_hash_texts(w);
	good = good && ops_end(w);
	if (digest != NULL)
		*digest ^= ops_hash_texts(w) << 1;
	ops_delete(w);
	dying = NULL;
	return good;
}

void ops_must_pass(const char *text)
{
	struct ops_list l = {0};
	const char *bad;
	char why[OPS_WHY];
	long failed;

	if (!ops_parse(&l, text, &bad))
		fail_msg("not an operation: %.40s", bad);
	failed = ops_play(&l, why);
	if (failed >= 0)
		fail_msg("operation %ld: %s", failed, why);
	ops_free(&l);
}
