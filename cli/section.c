/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <section.h>

uint64_t section_offset(const struct section *s, const unsigned char *p)
{
	return s->offset + (uint64_t)(p - s->start);
}

void section_cut(struct trace *t, const char *where)
{
	uint64_t at = input_offset(&t->in) + (uint64_t)(t->in.end - t->in.p);

	if (t->in.failed)
		trace_damage(t, at, "%s", t->in.error);
	else
		trace_damage(t, at, "the file ends in %s", where);
}

bool section_once(struct trace *t, const struct section *s, bool *have)
{
	if (*have)
		trace_damage(t, s->offset, "section %s comes twice", s->tag);
	*have = true;
	return !t->damaged;
}

static bool section_known(const char *known, const char *tag)
{
	for (; *known != '\0'; known += 4) {
		if (memcmp(known, tag, 4) == 0)
			return true;
	}
	return false;
}

/* Drop @len bytes of the input. */
static bool section_skip(struct trace *t, uint64_t len)
{
	while (len > 0) {
		size_t n = input_fill(&t->in, 1);

		if (n == 0)
			return false;
		if (n > len)
			n = (size_t)len;
		t->in.p += n;
		len -= n;
	}
	return true;
}

/* The tag and the length; false: damaged. */
static bool section_head(struct trace *t, struct section *s, uint64_t *len)
{
	struct input *in = &t->in;

	if (input_fill(in, 12) < 12) {
		section_cut(t, in->end == in->p ? "the middle: section END. is missing"
						: "the head of a section");
		return false;
	}
	s->offset = input_offset(in);
	memcpy(s->tag, in->p, 4);
	s->tag[4] = '\0';
	*len = 0;
	for (int i = 0; i < 8; i++)
		*len |= (uint64_t)in->p[4 + i] << (8 * i);
	for (int i = 0; i < 4; i++) {
		if (s->tag[i] < 32 || s->tag[i] > 126) {
			trace_damage(t, s->offset, "expected the tag of a section");
			return false;
		}
	}
	return true;
}

bool section_next(struct trace *t, const char *known, struct section *s)
{
	struct input *in = &t->in;
	uint64_t len, limit;
	char where[32];
	size_t have;

	if (!section_head(t, s, &len))
		return false;
	snprintf(where, sizeof(where), "section %s", s->tag);
	limit = memcmp(s->tag, "META", 4) == 0 ? SECTION_MAX_META : SECTION_MAX;
	if (section_known(known, s->tag) && len > limit) {
		trace_damage(t, s->offset,
			     "section %s claims %" PRIu64 " bytes, at most %" PRIu64 " are allowed",
			     s->tag, len, limit);
		return false;
	}
	in->p += 12;
	if (!section_known(known, s->tag)) {
		diag_warn(t->diag, t->path, 0, "byte %" PRIu64 ": unknown section %s is skipped",
			  s->offset, s->tag);
		if (!section_skip(t, len))
			section_cut(t, where);
		return false;
	}
	have = input_fill(in, (size_t)len);
	s->missing = have < len ? len - have : 0;
	if (s->missing > 0 && memcmp(s->tag, "EVTS", 4) != 0) {
		section_cut(t, where);
		return false;
	}
	s->start = s->c.p = in->p;
	s->offset = input_offset(in);
	s->c.end = in->p + (len - s->missing);
	return true;
}

void section_done(struct trace *t, const struct section *s)
{
	t->in.p = s->c.end;
}

bool section_columns(struct trace *t, struct section *s, unsigned int nr,
		     struct varint_cursor *column, uint32_t *events)
{
	struct varint_cursor *c = &s->c;
	uint64_t n, len[SECTION_MAX_COLUMNS], sum = 0;

	if (!varint_read(c, &n) || n > SECTION_MAX_BLOCK) {
		trace_damage(t, section_offset(s, c->p),
			     "section EVTS has no count of at most %u events", SECTION_MAX_BLOCK);
		return false;
	}
	for (unsigned int i = 0; i < nr; i++) {
		if (!varint_read(c, &len[i]) || len[i] > SECTION_MAX) {
			trace_damage(t, section_offset(s, c->p),
				     "section EVTS has no length of column %u", i);
			return false;
		}
		sum += len[i];
	}
	if (sum != (uint64_t)(c->end - c->p) + s->missing) {
		trace_damage(t, section_offset(s, c->p),
			     "the columns of section EVTS have %" PRIu64 " bytes, but %" PRIu64
			     " are there",
			     sum, (uint64_t)(c->end - c->p) + s->missing);
		return false;
	}
	for (unsigned int i = 0; i < nr; i++) {
		uint64_t have = (uint64_t)(c->end - c->p);

		column[i].p = c->p;
		c->p += len[i] < have ? len[i] : have;
		column[i].end = c->p;
	}
	*events = (uint32_t)n;
	return true;
}

char *section_json_string(const void *meta, const char *key)
{
	const char *s = json_string_value(json_object_get(meta, key));
	char *copy;

	if (s == NULL)
		return NULL;
	copy = xstrdup(s);
	for (char *c = copy; *c != '\0'; c++) {
		if ((unsigned char)*c < 32 || *c == 127)
			*c = '?';
	}
	return copy;
}

uint64_t section_json_count(const void *meta, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(meta, key));

	return n > 0 ? (uint64_t)n : 0;
}

void *section_json(struct trace *t, struct section *s)
{
	struct varint_cursor *c = &s->c;
	json_error_t error;
	json_t *meta = json_loadb((const char *)c->p, (size_t)(c->end - c->p),
				  JSON_REJECT_DUPLICATES, &error);

	if (meta == NULL || !json_is_object(meta)) {
		trace_damage(t, section_offset(s, c->p), "section META is no JSON object: %s",
			     meta == NULL ? error.text : "wrong type");
		json_decref(meta);
		return NULL;
	}
	c->p = c->end;
	return meta;
}
