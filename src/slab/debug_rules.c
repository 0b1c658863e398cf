/* SPDX-License-Identifier: MIT */
/*
 * Which caches are debugged, and how: slab_debug=.
 *
 *	OPTIONS[,NAME[,NAME]...][;OPTIONS...]
 *
 * Blocks are told apart by a semicolon. The first block with a name that fits a cache is that cache's; if
 * there is none, the last block without names; if there is none of that either, what its creator asked
 * for is all. A name may end in a star. What the creator asked for always holds, unless the block is "-"; letters before
 * a "-" do not count. Blocks without anything are none.
 * The text is kept as it is and read anew for each cache that is made: caches are made seldom.
 */
#include "debug.h"

#define RULES_DEFAULT (SLAB_CONSISTENCY_CHECKS | SLAB_DEBUG_LAYOUT) /* no letters: FZPU */

/* One block, as far as a cache is concerned. */
struct debug_rule {
	uint32_t flags;
	bool off, order_guard;
	const char *names; /* NULL: for all */
	const char *end;
};

static bool rule_letter(struct debug_rule *r, char c)
{
	switch (c) {
	case 'F':
	case 'f':
		r->flags |= SLAB_CONSISTENCY_CHECKS;
		return true;
	case 'Z':
	case 'z':
		r->flags |= SLAB_RED_ZONE;
		return true;
	case 'P':
	case 'p':
		r->flags |= SLAB_POISON;
		return true;
	case 'U':
	case 'u':
		r->flags |= SLAB_STORE_USER;
		return true;
	case 'T':
	case 't':
		r->flags |= SLAB_TRACE;
		return true;
	case 'A':
	case 'a':
		r->flags |= SLAB_FAILSLAB;
		return true;
	case 'O':
	case 'o':
		r->order_guard = true;
		return true;
	default:
		return false;
	}
}

static bool rule_ends(char c)
{
	return c == '\0' || c == ';';
}

/* The block that begins at @text; false: a letter is unknown. */
static bool rule_read(const char *text, struct debug_rule *r)
{
	const char *p = text;

	*r = (struct debug_rule){0};
	if (*p == ',')
		r->flags = RULES_DEFAULT;
	for (; !rule_ends(*p) && *p != ','; p++) {
		bool letter = *p != '-';

		if (letter && !rule_letter(r, *p))
			return false;
		if (!letter)
			r->flags = 0; /* of what was asked for before it */
		r->off = !letter;
	}
	if (*p == ',')
		r->names = ++p;
	while (!rule_ends(*p))
		p++;
	r->end = p;
	return true;
}

/* The first block at or after @text; its end: there is none. Between semicolons may be nothing, as in Linux. */
static const char *rule_start(const char *text)
{
	while (*text == ';')
		text++;
	return text;
}

/* Whether the pattern [@p, @end) fits @name. */
static bool rule_fits(const char *p, const char *end, const char *name)
{
	for (; p < end && *p != '*'; p++, name++)
		if (*name == '\0' || *name != *p)
			return false;
	return p < end || *name == '\0';
}

static bool rule_names(const struct debug_rule *r, const char *name)
{
	const char *p = r->names, *end;

	for (; p < r->end; p = end + 1) {
		for (end = p; end < r->end && *end != ','; end++)
			;
		if (end > p && rule_fits(p, end, name))
			return true;
	}
	return false;
}

uint32_t debug_flags(const struct quarry *q, const char *name, uint32_t flags, bool *order_guard)
{
	const struct slab_debug *d = q->slabs->debug;
	struct debug_rule rule, mine = {0};
	bool named = false;

	*order_guard = false;
	if (d == NULL || d->text[0] == '\0')
		return flags;
	for (const char *p = rule_start(d->text); *p != '\0'; p = rule_start(rule.end)) {
		if (!rule_read(p, &rule))
			break; /* cannot be: the text was checked */
		*order_guard |= rule.order_guard;
		if (rule.names == NULL && !named)
			mine = rule;
		if (rule.names != NULL && !named && rule_names(&rule, name)) {
			mine = rule;
			named = true;
		}
	}
	if (!named && (flags & SLAB_NOLEAKTRACE) != 0)
		mine.flags &= ~SLAB_STORE_USER; /* it serves who keeps such records */
	if (mine.off)
		return flags & ~(SLAB_DEBUG_FLAGS | SLAB_FAILSLAB);
	return flags | mine.flags;
}

struct slab_debug *debug_state(struct quarry *q)
{
	struct slab_layer *layer = q->slabs;
	struct slab_debug *d = layer->debug;

	if (d != NULL)
		return d;
	d = slab_pool_alloc(q, (size_t)bits_align_up(sizeof(*d), SLAB_CACHE_LINE));
	if (d == NULL)
		return NULL;
	quarry_lock_init(&d->lock, QUARRY_LOCK_LEAF);
	fail_defaults(&d->fail);
	layer->debug = d;
	return d;
}

/* The end of the word at @text, which is taken in whole. */
static size_t rules_length(const char *text)
{
	size_t len = 0;

	while (text[len] != '\0')
		len++;
	return len;
}

static bool rules_good(const char *text)
{
	struct debug_rule rule;

	for (text = rule_start(text); *text != '\0'; text = rule_start(rule.end)) {
		if (!rule_read(text, &rule))
			return false;
	}
	return true;
}

int quarry_slab_debug(struct quarry *q, const char *text)
{
	struct slab_debug *d;
	struct kmem_cache *s;
	size_t len = rules_length(text);
	int busy = 0;

	if (q->slabs == NULL || len >= DEBUG_TEXT || !rules_good(text))
		return -QUARRY_EINVAL;
	d = debug_state(q);
	if (d == NULL)
		return -QUARRY_ENOMEM;
	if (q->port.stack != NULL && d->stack == NULL) {
		d->stack = quarry_meta_alloc(q, DEBUG_STACKS * sizeof(d->stack[0]));
		if (d->stack == NULL)
			return -QUARRY_ENOMEM;
	}
	if (len == 0)
		text = "FZPU"; /* slab_debug without a value */
	quarry_memcpy(d->text, text, rules_length(text) + 1);
	for (s = q->slabs->list; s != NULL; s = s->list_next)
		busy += !cache_debug_again(q, s);
	return busy;
}
