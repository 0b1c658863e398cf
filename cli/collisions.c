/* SPDX-License-Identifier: MIT */
/*
 * Collisions.
 *
 * Problem	A replay keeps nothing of an event that is over, and of what is alive not which event took it: that
 *		would cost every event. Of the few places that are told it is wanted all the same.
 *
 * Look back	So the recording is read a second time, without being played, up to the last of these places. A free of
 *		what is not alive thus finds the free before it, and a text tells call sites, which a replay does not
 *		ask for.
 */
#include <inttypes.h>
#include <string.h>

#include <quarry/quarry.h>

#include <collisions.h>
#include <trace_keep.h>

static const struct {
	const char *name, *text, *effect;
} collision_words[COLLISION_NR] = {
	[COLLISION_OBJECT_ON_OBJECT] = {"object_on_object", "objects given out where one was alive",
					"the old one was taken for freed without an event"},
	[COLLISION_BLOCK_ON_BLOCK] = {"block_on_block", "blocks given out where one was alive",
				      "the old one was taken for freed without an event"},
	[COLLISION_OBJECT_ON_BLOCK] = {"object_on_block", "objects met in a block that was alive",
				       "it is a slab's, and ours was given back"},
	[COLLISION_NO_OBJECT] = {"no_object", "frees of objects that were not alive",
				 "nothing was freed"},
	[COLLISION_NO_BLOCK] = {"no_block", "frees of blocks that were not alive",
				"nothing was freed"},
};

static bool collision_of_blocks(unsigned int kind)
{
	return kind == COLLISION_BLOCK_ON_BLOCK || kind == COLLISION_NO_BLOCK;
}

static size_t collision_places(const struct collisions *c, unsigned int kind)
{
	return c->count[kind] < COLLISION_PLACES ? (size_t)c->count[kind] : COLLISION_PLACES;
}

static void collision_name(char *to, const struct trace_names *names, uint32_t i)
{
	snprintf(to, COLLISION_NAME_MAX, "%s", trace_name(names, i));
}

static void collision_event(struct collision_event *to, const struct trace *t,
			    const struct trace_event *e, uint64_t event)
{
	const struct trace_desc *d = &t->descs[e->desc];

	to->number = event;
	to->type = d->type;
	to->order = d->order;
	collision_name(to->cache, &t->caches, d->cache);
	collision_name(to->site,
		       t->keep != NULL && t->format != TRACE_FORMAT_KMT ? &t->keep->sites.names
									: &t->sites,
		       d->site);
}

struct collision_place *collisions_add(struct collisions *c, enum collision kind,
				       const struct trace *t, const struct trace_event *e,
				       uint64_t event)
{
	struct collision_place *p;

	if (c->count[kind]++ >= COLLISION_PLACES)
		return NULL;
	p = &c->place[kind][c->count[kind] - 1];
	collision_event(&p->event, t, e, event);
	p->time_ns = e->time_ns;
	p->line = t->batch_line != NULL ? t->batch_line[e - t->batch] : 0;
	p->addr = e->addr;
	p->cpu = e->cpu;
	return p;
}

/* ---- looking back ---- */

/* The number of @addr's frame in @t; UINT64_MAX: it is not known. */
static uint64_t collision_frame(const struct trace *t, uint64_t addr)
{
	return t->object_shift != 0 ? (addr - t->object_base) >> t->object_shift : UINT64_MAX;
}

static uint64_t collision_pages(unsigned int order)
{
	return (uint64_t)1 << (order & 63);
}

/* Whether @e is about what the place @p of @kind is about. */
static bool collision_met(const struct trace *t, unsigned int kind, const struct collision_place *p,
			  const struct trace_event *e)
{
	uint64_t pages = collision_pages(t->descs[e->desc].order);

	if (kind == COLLISION_OBJECT_ON_OBJECT || kind == COLLISION_NO_OBJECT)
		return trace_type_is_object(e->type) && e->addr == p->addr;
	if (e->type != TRACE_PAGE_ALLOC && e->type != TRACE_PAGE_FREE)
		return false;
	if (kind == COLLISION_OBJECT_ON_BLOCK)
		return collision_frame(t, p->addr) - e->addr < pages;
	return e->addr - p->addr < collision_pages(p->event.order) || p->addr - e->addr < pages;
}

/* What the places are about: a bit for each object, and for 1024 frames, in 4096. */
struct collision_search {
	struct collisions *c;
	uint64_t bits[64];
};

static uint64_t collision_hash(uint64_t what)
{
	return what * 0x9e3779b97f4a7c15u >> 52;
}

static void collision_search_add(struct collision_search *s, uint64_t what)
{
	s->bits[collision_hash(what) / 64] |= (uint64_t)1 << collision_hash(what) % 64;
}

static void collision_search_start(struct collision_search *s, struct collisions *c,
				   const struct trace *t)
{
	*s = (struct collision_search){.c = c};
	for (unsigned int kind = 0; kind < COLLISION_NR; kind++) {
		for (size_t i = 0; i < collision_places(c, kind); i++) {
			uint64_t addr = c->place[kind][i].addr;

			collision_search_add(s, collision_of_blocks(kind) ? addr >> QUARRY_MAX_ORDER
									  : addr);
			if (kind == COLLISION_OBJECT_ON_BLOCK)
				collision_search_add(s,
						     collision_frame(t, addr) >> QUARRY_MAX_ORDER);
		}
	}
}

static void collisions_met(const struct collision_search *s, const struct trace *t,
			   const struct trace_event *e, uint64_t event)
{
	for (unsigned int kind = 0; kind < COLLISION_NR; kind++) {
		for (size_t i = 0; i < collision_places(s->c, kind); i++) {
			struct collision_place *p = &s->c->place[kind][i];

			if (event == p->event.number)
				collision_event(&p->event, t, e, event);
			else if (event < p->event.number && collision_met(t, kind, p, e))
				collision_event(&p->before, t, e, event);
		}
	}
}

/* The next @n events, of which the first is number @event. */
static void collisions_search(const struct collision_search *s, const struct trace *t, size_t n,
			      uint64_t event)
{
	for (size_t i = 0; i < n; i++) {
		const struct trace_event *e = &t->batch[i];
		uint64_t what = trace_type_is_page(e->type) ? e->addr >> QUARRY_MAX_ORDER : e->addr;
		uint64_t hash = collision_hash(what);

		if (__builtin_expect(s->bits[hash / 64] >> hash % 64 & 1, 0))
			collisions_met(s, t, e, event + i);
	}
}

/* The number of the last event with a place; 0: there is none. */
static uint64_t collisions_last(const struct collisions *c)
{
	uint64_t last = 0;

	for (unsigned int kind = 0; kind < COLLISION_NR; kind++) {
		size_t n = collision_places(c, kind);

		if (n > 0 && c->place[kind][n - 1].event.number > last)
			last = c->place[kind][n - 1].event.number;
	}
	return last;
}

void collisions_look_back(struct collisions *c, const char *path, enum trace_format format)
{
	const uint64_t last = collisions_last(c);
	struct collision_search search;
	struct diag diag = {0};
	struct trace t;
	uint64_t event = 0;
	size_t n;
	int status;

	if (last == 0 || strcmp(path, "-") == 0)
		return;
	status = format == TRACE_FORMAT_KMT ? trace_open(&t, path, &diag)
					    : trace_open_kept(&t, path, &diag, NULL, NULL);
	if (status == CLI_OK) {
		while (event < last && (n = trace_next(&t)) > 0) {
			/* Texts learn on the way where frames begin. */
			collision_search_start(&search, c, &t);
			collisions_search(&search, &t, n, event + 1);
			event += n;
		}
		trace_close(&t);
	}
	/* It was all said the first time. */
	diag_free(&diag);
}

/* ---- telling ---- */

/* "kmem_cache_alloc of dentry at d_alloc+0x1b" */
static void collision_print_event(FILE *out, const struct collision_event *e)
{
	fprintf(out, "%s", trace_type_name((enum trace_type)e->type));
	if (trace_type_is_page(e->type))
		fprintf(out, " of order %u", e->order);
	if (e->cache[0] != '\0')
		fprintf(out, " of %s", e->cache);
	if (e->site[0] != '\0')
		fprintf(out, " at %s", e->site);
}

static uint64_t collision_address(const struct trace *t, unsigned int kind,
				  const struct collision_place *p)
{
	/* KMT1 counts addresses in units of 8 bytes. */
	return t->format == TRACE_FORMAT_KMT && !collision_of_blocks(kind) ? p->addr << 3 : p->addr;
}

static void collision_print(FILE *out, const struct trace *t, unsigned int kind,
			    const struct collision_place *p)
{
	fprintf(out, "           event %" PRIu64, p->event.number);
	if (p->line > 0)
		fprintf(out, ", line %" PRIu64, p->line);
	fprintf(out, ", at %.6f s, CPU %u, %s 0x%" PRIx64, (double)p->time_ns / 1e9, p->cpu,
		collision_of_blocks(kind) ? "page frame" : "address",
		collision_address(t, kind, p));
	fprintf(out, "\n%15s", "");
	collision_print_event(out, &p->event);
	if (p->was[0] != '\0')
		fprintf(out, "\n%15sthere: %s", "", p->was);
	if (p->before.number != 0) {
		fprintf(out, "\n%15sbefore, event %" PRIu64 ": ", "", p->before.number);
		collision_print_event(out, &p->before);
	}
	fputc('\n', out);
}

void collisions_text(FILE *out, const struct collisions *c, const struct trace *t)
{
	bool any = false;

	for (unsigned int kind = 0; kind < COLLISION_NR; kind++) {
		if (c->count[kind] == 0)
			continue;
		if (!any)
			fputs("\nAddresses that collide\n----------------------\n", out);
		any = true;
		fprintf(out, "%9" PRIu64 " %s: %s\n", c->count[kind], collision_words[kind].text,
			collision_words[kind].effect);
		for (size_t i = 0; i < collision_places(c, kind); i++)
			collision_print(out, t, kind, &c->place[kind][i]);
	}
}

/* Names of any origin, as JSON wants them. */
static json_t *collision_string(const char *s)
{
	json_t *text = s[0] != '\0' ? json_string(s) : json_null();
	char clean[COLLISION_NAME_MAX];
	size_t i;

	if (text != NULL)
		return text;
	for (i = 0; s[i] != '\0' && i < sizeof(clean) - 1; i++)
		clean[i] = (char)((unsigned char)s[i] >= 0x80 ? '?' : s[i]);
	clean[i] = '\0';
	return json_string(clean);
}

static json_t *collision_number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *collision_json_event(const struct collision_event *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "event", collision_number(e->number));
	json_object_set_new(o, "type", json_string(trace_type_name((enum trace_type)e->type)));
	json_object_set_new(o, "order",
			    trace_type_is_page(e->type) ? json_integer(e->order) : json_null());
	json_object_set_new(o, "cache", collision_string(e->cache));
	json_object_set_new(o, "site", collision_string(e->site));
	return o;
}

static json_t *collision_json(const struct trace *t, unsigned int kind,
			      const struct collision_place *p)
{
	json_t *o = collision_json_event(&p->event);
	char address[20];

	snprintf(address, sizeof(address), "0x%" PRIx64, collision_address(t, kind, p));
	json_object_set_new(o, "line", p->line > 0 ? collision_number(p->line) : json_null());
	json_object_set_new(o, "time_ns", collision_number(p->time_ns));
	json_object_set_new(o, "cpu", json_integer(p->cpu));
	json_object_set_new(o, "address", json_string(address));
	json_object_set_new(o, "was", collision_string(p->was));
	json_object_set_new(o, "before",
			    p->before.number != 0 ? collision_json_event(&p->before) : json_null());
	return o;
}

json_t *collisions_json(const struct collisions *c, const struct trace *t)
{
	json_t *all = json_object();

	for (unsigned int kind = 0; kind < COLLISION_NR; kind++) {
		json_t *o = json_object(), *places = json_array();

		for (size_t i = 0; i < collision_places(c, kind); i++)
			json_array_append_new(places, collision_json(t, kind, &c->place[kind][i]));
		json_object_set_new(o, "count", collision_number(c->count[kind]));
		json_object_set_new(o, "text", json_string(collision_words[kind].text));
		json_object_set_new(o, "effect", json_string(collision_words[kind].effect));
		json_object_set_new(o, "places", places);
		json_object_set_new(all, collision_words[kind].name, o);
	}
	return all;
}
