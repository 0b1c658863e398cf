/* SPDX-License-Identifier: MIT */
/*
 * The reader of text recordings.
 *
 * Problem	Three tools print the same events in three layouts, each with variants by option and
 *		version. What they share: a line that names the event and then has key=value fields.
 *
 *	perf script	comm pid [cpu] time:  kmem:kfree: call_site=f+0x1 ptr=0xffff888100d47510
 *	trace-cmd	comm-pid  [cpu] time: kfree: (f+0x1) call_site=f+0x1 ptr=0xffff888100d47510
 *	tracefs		comm-pid  [cpu] d..2. time: kfree: call_site=f+0x1/0x2a0 ptr=00000000ce6ed7ec
 *
 *		A line is searched for the event's name, first as perf writes it, then behind a CPU in
 *		brackets and a time. CPU and time stand before it, but may be missing (perf script -F).
 *		Lines without such a name are not ours: stacks, headers, other events.
 *
 * Fields	A value ends where the next " key=" begins, since symbols and names may hold spaces.
 *		Which are needed is in perfscript_events[].
 *
 * Objects	Pointers are compared only; but to find the kernel's own slab pages the frame of a
 *		pointer must be known. The direct map starts at a multiple of 1 GiB: an object that
 *		is allocated right after a page, and lies at the same place of a GiB, gives it away.
 *
 * Descriptors	All that repeats is interned, so that text and binary look alike from outside.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <perfscript.h>
#include <trace_keep.h>

#define PERFSCRIPT_MAX_LINE ((size_t)65536)
#define PERFSCRIPT_MAX_NOTHING ((uint64_t)64 << 20)
#define PERFSCRIPT_WARNINGS 5
#define PERFSCRIPT_CPUS 1024 /* CPUs whose last page allocation is remembered */
#define PERFSCRIPT_GFP_MEMO 256

#define PERFSCRIPT_X86_BASE 0xffff888000000000u
#define PERFSCRIPT_VMEMMAP 0xffffea0000000000u
#define PERFSCRIPT_KERNEL_HALF 0xffff000000000000u
#define PERFSCRIPT_GIB_FRAMES ((uint64_t)1 << 18)

/* Fields, and the set of them that an event had. */
enum { PF_PTR = 1, PF_REQ = 2, PF_ALLOC = 4, PF_GFP = 8, PF_FRAME = 16, PF_ORDER = 32, PF_NR = 6 };

static const char *const perfscript_field_names[PF_NR] = {
	"ptr=ADDRESS",     "bytes_req=BYTES", "bytes_alloc=BYTES",
	"gfp_flags=FLAGS", "pfn=NUMBER",      "order=0..10",
};

struct perfscript_event {
	const char *name;
	uint8_t type;
	uint8_t needs;
};

static const struct perfscript_event perfscript_events[] = {
	{"kmem_cache_alloc", TRACE_CACHE_ALLOC, PF_PTR | PF_REQ | PF_ALLOC | PF_GFP},
	{"kmem_cache_free", TRACE_CACHE_FREE, PF_PTR},
	{"kmalloc", TRACE_KMALLOC, PF_PTR | PF_REQ | PF_ALLOC | PF_GFP},
	{"kfree", TRACE_KFREE, PF_PTR},
	{"mm_page_alloc", TRACE_PAGE_ALLOC, PF_FRAME | PF_ORDER | PF_GFP},
	{"mm_page_free", TRACE_PAGE_FREE, PF_FRAME | PF_ORDER},
	{"mm_page_free_batched", TRACE_PAGE_FREE_BATCHED, PF_FRAME},
	{"mm_page_alloc_zone_locked", TRACE_ZONE_LOCKED, PF_FRAME},
	{"mm_page_pcpu_drain", TRACE_PCPU_DRAIN, PF_FRAME},
	{"mm_page_alloc_extfrag", TRACE_EXTFRAG, PF_FRAME},
	{"kmalloc_node", TRACE_KMALLOC, PF_PTR | PF_REQ | PF_ALLOC | PF_GFP},
	{"kmem_cache_alloc_node", TRACE_CACHE_ALLOC, PF_PTR | PF_REQ | PF_ALLOC | PF_GFP},
	{"rss_stat", TRACE_OTHER, 0},
	{"mm_compaction_begin", TRACE_OTHER, 0},
};

#define PERFSCRIPT_NR_EVENTS (sizeof(perfscript_events) / sizeof(perfscript_events[0]))

static const struct perfscript_event perfscript_other = {"other", TRACE_OTHER, 0};

struct perfscript_memo {
	char *text;
	size_t len;
	gfp_t gfp;
	unsigned int unknown;
};

struct perfscript {
	struct perfscript_memo memo[PERFSCRIPT_GFP_MEMO];
	uint32_t *desc_slot; /* number + 1; 0: empty */
	uint32_t nr_desc_slots;
	uint32_t *name_slot;
	uint32_t nr_name_slots;
	uint64_t time_ns;
	uint64_t page_of_cpu[PERFSCRIPT_CPUS]; /* (pfn << 4 | order) + 1 if it was its last event */
	uint64_t voted_base;
	bool base_known;
	size_t pending; /* events of the first batch, read by perfscript_open() */
	bool first;
};

/* A stretch of the line. */
struct span {
	const char *s, *end;
};

static bool span_is(struct span v, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(v.end - v.s) == n && memcmp(v.s, text, n) == 0;
}

static const bool perfscript_is_ident[256] = {
	['a' ... 'z'] = true,
	['A' ... 'Z'] = true,
	['0' ... '9'] = true,
	['_'] = true,
};

static inline bool perfscript_ident(char c)
{
	return perfscript_is_ident[(unsigned char)c];
}

/* ---- numbers ---- */

static bool span_dec(struct span v, uint64_t *out)
{
	uint64_t n = 0;

	if (v.s == v.end || v.end - v.s > 19)
		return false;
	for (const char *s = v.s; s < v.end; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	*out = n;
	return true;
}

static bool span_hex(struct span v, uint64_t *out)
{
	uint64_t n = 0;

	if (v.s == v.end || v.end - v.s > 16)
		return false;
	for (const char *s = v.s; s < v.end; s++) {
		unsigned int c = (unsigned char)*s;
		unsigned int digit = c - '0';

		if (digit > 9) {
			digit = (c | 32u) - 'a' + 10;
			if (digit < 10 || digit > 15)
				return false;
		}
		n = n << 4 | digit;
	}
	*out = n;
	return true;
}

static bool span_number(struct span v, uint64_t *out)
{
	if (v.end - v.s > 2 && v.s[0] == '0' && (v.s[1] | 32) == 'x') {
		v.s += 2;
		return span_hex(v, out);
	}
	return span_dec(v, out);
}

static bool span_signed(struct span v, int64_t *out)
{
	bool minus = v.s < v.end && *v.s == '-';
	uint64_t n;

	v.s += minus;
	if (!span_number(v, &n) || n > INT32_MAX)
		return false;
	*out = minus ? -(int64_t)n : (int64_t)n;
	return true;
}

/* "0xffff888100d47510", "00000000ce6ed7ec", "(nil)"; *no_id if the kernel did not print it. */
static bool span_pointer(struct span v, uint64_t *out, bool *no_id)
{
	*no_id = false;
	*out = 0;
	if (v.s < v.end && *v.s == '(') {
		*no_id = !span_is(v, "(nil)") && !span_is(v, "(null)");
		return v.end[-1] == ')';
	}
	if (v.end - v.s > 2 && v.s[0] == '0' && (v.s[1] | 32) == 'x')
		v.s += 2;
	return span_hex(v, out);
}

/* "7770.170608" in ns: the fraction has 6 digits, or 9. */
static bool span_time(struct span v, uint64_t *out)
{
	const char *dot = memchr(v.s, '.', (size_t)(v.end - v.s));
	struct span whole = {v.s, dot}, part = {dot != NULL ? dot + 1 : v.end, v.end};
	uint64_t s, f;

	if (dot == NULL || !span_dec(whole, &s) || !span_dec(part, &f) || part.end - part.s > 9 ||
	    s > UINT32_MAX)
		return false;
	for (ptrdiff_t n = part.end - part.s; n < 9; n++)
		f *= 10;
	*out = s * 1000000000u + f;
	return true;
}

/* ---- the head of a line ---- */

struct perfscript_head {
	const struct perfscript_event *event; /* NULL: this is no event line */
	const char *fields;
	uint64_t cpu, time_ns;
	bool has_time, ftrace, bad_cpu;
	uint8_t context;
};

static const struct perfscript_event *perfscript_find(struct span name)
{
	for (size_t i = 0; i < PERFSCRIPT_NR_EVENTS; i++) {
		if (span_is(name, perfscript_events[i].name))
			return &perfscript_events[i];
	}
	return NULL;
}

/* CPU and time stand before the event's name, in the tokens just before it. */
static void perfscript_look_back(struct perfscript_head *h, const char *line, const char *name)
{
	const char *end = name;

	for (int tokens = 0; tokens < 6; tokens++) {
		struct span v;

		while (end > line && end[-1] == ' ')
			end--;
		v.end = v.s = end;
		while (v.s > line && v.s[-1] != ' ')
			v.s--;
		if (v.s == v.end)
			return;
		if (!h->has_time && v.end[-1] == ':') {
			struct span t = {v.s, v.end - 1};

			h->has_time = span_time(t, &h->time_ns);
		} else if (v.s[0] == '[' && v.end[-1] == ']' && v.end - v.s > 2) {
			struct span n = {v.s + 1, v.end - 1};

			h->bad_cpu = !span_dec(n, &h->cpu) || h->cpu > UINT16_MAX;
			return;
		}
		end = v.s;
	}
}

/* "kmem:NAME:", anywhere after a space. */
static bool perfscript_head_perf(struct perfscript_head *h, const char *line, const char *end)
{
	const char *from = line;

	for (;;) {
		const char *colon = memchr(from, ':', (size_t)(end - from));
		const char *at;
		struct span name;

		if (colon == NULL)
			return false;
		from = colon + 1;
		if (colon - line < 4 || memcmp(colon - 4, "kmem", 4) != 0)
			continue;
		at = colon - 4;
		name.s = name.end = from;
		while (name.end < end && perfscript_ident(*name.end))
			name.end++;
		if ((at > line && at[-1] != ' ' && at[-1] != '\t') || name.s == name.end ||
		    name.end == end || *name.end != ':')
			continue;
		h->event = perfscript_find(name);
		if (h->event == NULL)
			h->event = &perfscript_other;
		h->fields = name.end + 1;
		perfscript_look_back(h, line, at);
		return true;
	}
}

/* irqs-off, need-resched, hardirq/softirq, ... as ftrace prints them. */
static uint8_t perfscript_context(struct span flags)
{
	char c = flags.end - flags.s >= 4 ? flags.s[2] : '.';

	if (c == 'h' || c == 'H')
		return 2;
	if (c == 'Z' || c == 'z')
		return 3;
	return c == 's';
}

/* Behind "[cpu]": flags or none, "time:", "NAME:". */
static bool perfscript_head_after_cpu(struct perfscript_head *h, const char *s, const char *end)
{
	for (int tokens = 0; tokens < 3; tokens++) {
		struct span v;

		while (s < end && *s == ' ')
			s++;
		v.s = s;
		while (s < end && *s != ' ')
			s++;
		v.end = s;
		if (v.s == v.end)
			return false;
		if (v.end[-1] != ':') {
			h->context = perfscript_context(v);
			continue;
		}
		v.end--;
		if (!h->has_time && span_time(v, &h->time_ns)) {
			h->has_time = true;
			continue;
		}
		h->event = h->has_time ? perfscript_find(v) : NULL;
		h->fields = s;
		return h->event != NULL;
	}
	return false;
}

static bool perfscript_head_ftrace(struct perfscript_head *h, const char *line, const char *end)
{
	const char *s = line;

	while ((s = memchr(s, '[', (size_t)(end - s))) != NULL) {
		struct span n = {s + 1, s + 1};

		while (n.end < end && *n.end >= '0' && *n.end <= '9')
			n.end++;
		s++;
		if (n.end == end || *n.end != ']' || !span_dec(n, &h->cpu))
			continue;
		h->has_time = false;
		if (perfscript_head_after_cpu(h, n.end + 1, end)) {
			h->bad_cpu = h->cpu > UINT16_MAX;
			h->ftrace = true;
			return true;
		}
	}
	return false;
}

/* ---- fields ---- */

struct perfscript_fields {
	unsigned int has; /* PF_* */
	unsigned int bad; /* present, but not understood */
	uint64_t ptr, frame, req, alloc;
	bool no_id, null_page, have_pfn;
	gfp_t gfp;
	unsigned int unknown_gfp;
	int64_t node, order, migratetype, fallback_order, fallback_migratetype;
	unsigned int flags;
	struct span name;
};

static uint64_t perfscript_hash(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = len * 0x9e3779b97f4a7c15u, word = 0;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * 0xd6e8feb86659fd93u;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, p, len);
	h = (h ^ word) * 0xd6e8feb86659fd93u;
	return h ^ h >> 32;
}

static bool perfscript_gfp(struct perfscript *ps, struct span v, gfp_t *gfp, unsigned int *unknown)
{
	size_t len = (size_t)(v.end - v.s);
	struct perfscript_memo *m = &ps->memo[perfscript_hash(v.s, len) % PERFSCRIPT_GFP_MEMO];

	if (m->text == NULL || m->len != len || memcmp(m->text, v.s, len) != 0) {
		if (len > GFP_TEXT_MAX * 2 || !gfp_parse(v.s, len, gfp, unknown))
			return false;
		free(m->text);
		m->text = xmalloc(len + 1); /* not xstrndup(): damaged text may have zeros */
		memcpy(m->text, v.s, len);
		m->len = len;
		m->gfp = *gfp;
		m->unknown = *unknown;
	}
	*gfp = m->gfp;
	*unknown = m->unknown;
	return true;
}

static void perfscript_set(struct perfscript_fields *f, unsigned int bit, bool ok)
{
	f->has |= bit;
	if (!ok)
		f->bad |= bit;
}

/* page= of a kernel that prints no pfn, or of perf, which prints the pfn there. */
static void perfscript_page(struct perfscript_fields *f, struct span v)
{
	uint64_t page;
	bool no_id, ok = span_pointer(v, &page, &no_id);

	f->null_page = ok && !no_id && page == 0;
	if (f->have_pfn)
		return;
	if (page >= PERFSCRIPT_VMEMMAP)
		page = (page - PERFSCRIPT_VMEMMAP) >> 6;
	f->frame = page;
	perfscript_set(f, PF_FRAME, ok && !no_id);
}

static void perfscript_pfn(struct perfscript_fields *f, struct span v)
{
	f->bad &= ~(unsigned int)PF_FRAME;
	f->have_pfn = true;
	perfscript_set(f, PF_FRAME,
		       span_number(v, &f->frame) || span_is(v, "18446744073709551615"));
}

/* The key is one of few: told apart by its length and what it begins with. */
static void perfscript_field(struct perfscript *ps, struct perfscript_fields *f, struct span key,
			     struct span v)
{
	switch (key.end - key.s) {
	case 3:
		if (span_is(key, "ptr"))
			perfscript_set(f, PF_PTR, span_pointer(v, &f->ptr, &f->no_id));
		else if (span_is(key, "pfn"))
			perfscript_pfn(f, v);
		break;
	case 4:
		if (span_is(key, "page"))
			perfscript_page(f, v);
		else if (span_is(key, "name"))
			f->name = v;
		else if (span_is(key, "node") && !span_signed(v, &f->node))
			f->node = -1;
		break;
	case 5:
		if (span_is(key, "order"))
			perfscript_set(f, PF_ORDER, span_signed(v, &f->order));
		break;
	case 9:
		if (span_is(key, "bytes_req"))
			perfscript_set(f, PF_REQ, span_dec(v, &f->req));
		else if (span_is(key, "gfp_flags"))
			perfscript_set(f, PF_GFP, perfscript_gfp(ps, v, &f->gfp, &f->unknown_gfp));
		else if (span_is(key, "accounted") && span_is(v, "true"))
			f->flags |= TRACE_F_ACCOUNTED;
		break;
	case 11:
		if (span_is(key, "bytes_alloc"))
			perfscript_set(f, PF_ALLOC, span_dec(v, &f->alloc));
		else if (span_is(key, "migratetype"))
			span_signed(v, &f->migratetype);
		else if (span_is(key, "alloc_order"))
			perfscript_set(f, PF_ORDER, span_signed(v, &f->order));
		break;
	case 13:
		if (span_is(key, "percpu_refill") && span_is(v, "1"))
			f->flags |= TRACE_F_PERCPU;
		break;
	case 14:
		if (span_is(key, "fallback_order"))
			span_signed(v, &f->fallback_order);
		break;
	case 16:
		if (span_is(key, "change_ownership") && span_is(v, "1"))
			f->flags |= TRACE_F_OWNERSHIP;
		break;
	case 17:
		if (span_is(key, "alloc_migratetype"))
			span_signed(v, &f->migratetype);
		break;
	case 20:
		if (span_is(key, "fallback_migratetype"))
			span_signed(v, &f->fallback_migratetype);
		break;
	default:
		break;
	}
}

/* The next " key=" from @s on: key.s == NULL if there is none. */
static struct span perfscript_next_key(const char *begin, const char *s, const char *end)
{
	struct span key = {NULL, end};

	while ((s = memchr(s, '=', (size_t)(end - s))) != NULL) {
		const char *k = s;

		while (k > begin && perfscript_ident(k[-1]))
			k--;
		if (k < s && (k == begin || k[-1] == ' ')) {
			key.s = k;
			key.end = s;
			return key;
		}
		s++;
	}
	return key;
}

static void perfscript_fields(struct perfscript *ps, struct perfscript_fields *f, const char *s,
			      const char *end)
{
	struct span key = perfscript_next_key(s, s, end);

	memset(f, 0, sizeof(*f));
	f->node = -1;
	f->migratetype = f->fallback_order = f->fallback_migratetype = -1;
	while (key.s != NULL) {
		struct span value = {key.end + 1, end};
		struct span next = perfscript_next_key(value.s, value.s, end);

		if (next.s != NULL)
			value.end = next.s;
		while (value.end > value.s && value.end[-1] == ' ')
			value.end--;
		perfscript_field(ps, f, key, value);
		key = next;
	}
}

/* ---- interning ---- */

static bool perfscript_grow(uint32_t **slots, uint32_t *nr, uint32_t used)
{
	if (used < *nr / 2)
		return false;
	free(*slots);
	*nr = *nr > 0 ? *nr * 2 : 1024;
	*slots = xcalloc(*nr, sizeof(**slots));
	return true;
}

static uint32_t *perfscript_name_slot(struct trace *t, struct perfscript *ps, const char *s,
				      size_t len)
{
	uint32_t i = (uint32_t)perfscript_hash(s, len) & (ps->nr_name_slots - 1);

	for (;; i = (i + 1) & (ps->nr_name_slots - 1)) {
		const char *name;

		if (ps->name_slot[i] == 0)
			return &ps->name_slot[i];
		name = trace_name(&t->caches, ps->name_slot[i] - 1);
		if (strlen(name) == len && memcmp(name, s, len) == 0)
			return &ps->name_slot[i];
	}
}

/* Number of a cache's name; 0 if there is none, or no room for it. */
static uint32_t perfscript_name(struct trace *t, struct perfscript *ps, struct span v)
{
	char clean[64];
	size_t len = (size_t)(v.end - v.s);
	uint32_t *slot;

	if (len == 0)
		return 0;
	if (len >= sizeof(clean))
		len = sizeof(clean) - 1;
	for (size_t i = 0; i < len; i++)
		clean[i] = (unsigned char)v.s[i] < 32 || v.s[i] == 127 ? '?' : v.s[i];
	if (perfscript_grow(&ps->name_slot, &ps->nr_name_slots, t->caches.nr)) {
		for (uint32_t i = 0; i < t->caches.nr; i++) {
			const char *name = trace_name(&t->caches, i);

			*perfscript_name_slot(t, ps, name, strlen(name)) = i + 1;
		}
	}
	slot = perfscript_name_slot(t, ps, clean, len);
	if (*slot == 0) {
		if (!trace_name_add(&t->caches, clean, len))
			return 0;
		*slot = t->caches.nr;
	}
	return *slot - 1;
}

static uint32_t *perfscript_desc_slot(struct trace *t, struct perfscript *ps,
				      const struct trace_desc *d)
{
	uint32_t i = (uint32_t)perfscript_hash(d, sizeof(*d)) & (ps->nr_desc_slots - 1);

	for (;; i = (i + 1) & (ps->nr_desc_slots - 1)) {
		if (ps->desc_slot[i] == 0 ||
		    memcmp(&t->descs[ps->desc_slot[i] - 1], d, sizeof(*d)) == 0)
			return &ps->desc_slot[i];
	}
}

/* Number of the descriptor that equals @d, bytes between the fields included. False: table full. */
static bool perfscript_desc(struct trace *t, struct perfscript *ps, const struct trace_desc *d,
			    bool unknown_gfp, uint32_t *out)
{
	struct trace_desc *place;
	uint32_t *slot;

	if (perfscript_grow(&ps->desc_slot, &ps->nr_desc_slots, t->nr_descs)) {
		for (uint32_t i = 0; i < t->nr_descs; i++)
			*perfscript_desc_slot(t, ps, &t->descs[i]) = i + 1;
	}
	slot = perfscript_desc_slot(t, ps, d);
	if (*slot == 0) {
		place = trace_desc_add(t);
		if (place == NULL)
			return false;
		memcpy(place, d, sizeof(*d));
		*slot = t->nr_descs;
		t->unknown_gfp += unknown_gfp;
	}
	*out = *slot - 1;
	return true;
}

/* ---- lines to events ---- */

static int8_t perfscript_small(int64_t v)
{
	return (int8_t)(v < -1 || v > 127 ? 127 : v);
}

/* Find out where the direct map starts; see the top of the file. */
static void perfscript_learn(struct trace *t, struct perfscript *ps, const struct trace_event *e,
			     unsigned int order)
{
	uint64_t *page = &ps->page_of_cpu[e->cpu % PERFSCRIPT_CPUS];
	uint64_t last = *page;

	*page = 0;
	if (ps->base_known)
		return;
	if (e->type == TRACE_PAGE_ALLOC && order <= 3)
		*page = (e->addr << 4 | order) + 1;
	if (!trace_type_is_object(e->type) || e->addr == 0 || e->addr == t->zero_size_addr)
		return;
	if (e->addr < PERFSCRIPT_KERNEL_HALF) {
		t->object_shift = 0; /* hashed */
		return;
	}
	if (t->object_shift == 0) {
		t->object_shift = 12;
		t->object_base = PERFSCRIPT_X86_BASE;
	}
	if (last != 0) {
		uint64_t frames = (e->addr >> 12) - (--last >> 4);
		uint64_t inside = frames & (PERFSCRIPT_GIB_FRAMES - 1);
		uint64_t base = (frames - inside) << 12;

		if (inside >> (last & 15) != 0)
			return;
		ps->base_known = base == ps->voted_base || base == PERFSCRIPT_X86_BASE;
		ps->voted_base = base;
		t->object_base = base;
	}
}

static const char *perfscript_missing(unsigned int needs, const struct perfscript_fields *f)
{
	unsigned int lacks = needs & (~f->has | f->bad);

	for (int i = 0; i < PF_NR; i++) {
		if (lacks & 1u << i)
			return perfscript_field_names[i];
	}
	if ((needs & PF_ORDER) && (f->order < 0 || f->order > 63))
		return "order=0..10";
	return NULL;
}

/* The time of the event in this line. It is played where it stands, though it be older than the one before. */
static void perfscript_time(struct trace *t, struct perfscript *ps, uint64_t time_ns)
{
	if (time_ns < ps->time_ns) {
		uint64_t ns = ps->time_ns - time_ns;

		if (t->nr_back++ < PERFSCRIPT_WARNINGS)
			diag_warn(t->diag, t->path, t->nr_lines,
				  "this event is older than the one before it, by %.6f s",
				  (double)ns / 1e9);
		t->back_ns = ns > t->back_ns ? ns : t->back_ns;
	}
	ps->time_ns = time_ns;
}

/* Fill @e from a line with the event @h; what is missing is returned, else NULL. */
static const char *perfscript_event(struct trace *t, struct perfscript *ps,
				    const struct perfscript_head *h, const char *end,
				    struct trace_event *e)
{
	struct perfscript_fields f;
	struct trace_desc d;
	const char *missing;

	memset(&d, 0, sizeof(d));
	d.type = h->event->type;
	d.node = d.migratetype = d.fallback_order = d.fallback_migratetype = -1;
	e->addr = 0;
	if (h->bad_cpu)
		return "a CPU number below 65536";
	if (h->event->needs != 0) {
		perfscript_fields(ps, &f, h->fields, end);
		missing = perfscript_missing(h->event->needs, &f);
		if (missing != NULL)
			return missing;
		e->addr = h->event->needs & PF_PTR ? f.ptr : f.frame;
		d.flags = (uint8_t)(f.flags | (f.no_id ? TRACE_F_NO_ID : 0));
		d.bytes_req = f.req;
		d.bytes_alloc = f.alloc;
		d.gfp = f.gfp;
		d.node = (int32_t)(f.node < -1 || f.node > 65535 ? -1 : f.node);
		d.order = (uint8_t)(f.order > 0 && f.order <= 63 ? f.order : 0);
		d.migratetype = perfscript_small(f.migratetype);
		d.fallback_order = perfscript_small(f.fallback_order);
		d.fallback_migratetype = perfscript_small(f.fallback_migratetype);
		if ((h->event->needs & PF_REQ) && f.ptr == 0 && !f.no_id)
			d.flags |= TRACE_F_FAILED;
		if (d.type == TRACE_PAGE_ALLOC && (f.null_page || f.frame == 0))
			d.flags |= TRACE_F_FAILED;
		if (t->keep != NULL)
			trace_keep_fields(t->keep, h->fields, end, &d);
		if (d.type == TRACE_CACHE_ALLOC || d.type == TRACE_CACHE_FREE)
			d.cache = perfscript_name(t, ps, f.name);
	}
	if (!perfscript_desc(t, ps, &d, h->event->needs & PF_GFP && f.unknown_gfp > 0, &e->desc))
		return "fewer kinds of events: the table is full";
	e->type = d.type;
	e->context = h->context;
	e->cpu = (uint16_t)h->cpu;
	if (h->has_time)
		perfscript_time(t, ps, h->time_ns);
	e->time_ns = ps->time_ns;
	perfscript_learn(t, ps, e, d.order);
	return NULL;
}

/* "[LOST 5 EVENTS]", "PERF_RECORD_LOST lost 5", "[5 EVENTS DROPPED]": the number in it. */
static void perfscript_lost(struct trace *t, const char *line, const char *end)
{
	size_t len = (size_t)(end - line);
	uint64_t n = 0;

	if (memmem(line, len, "LOST", 4) == NULL && memmem(line, len, "EVENTS DROPPED", 14) == NULL)
		return;
	for (const char *s = line; s < end; s++) {
		struct span v = {s, s};

		while (v.end < end && *v.end >= '0' && *v.end <= '9')
			v.end++;
		if (v.s < v.end && (s == line || s[-1] == ' ' || s[-1] == '['))
			span_dec(v, &n);
		if (v.end > s)
			s = v.end - 1;
	}
	n = n > 0 && n < UINT32_MAX ? n : 1;
	if (t->nr_lost_places++ < PERFSCRIPT_WARNINGS)
		diag_warn(t->diag, t->path, t->nr_lines,
			  "%" PRIu64 " events were lost before this line", n);
	t->lost_events += n;
}

/* One line; true if @e was filled. */
static bool perfscript_line(struct trace *t, struct perfscript *ps, const char *line,
			    const char *end, struct trace_event *e)
{
	struct perfscript_head h = {0};
	const char *missing;

	t->nr_lines++;
	if (end > line && end[-1] == '\r')
		end--;
	if (line == end || *line == '\t' || *line == '#' ||
	    (!perfscript_head_perf(&h, line, end) && !perfscript_head_ftrace(&h, line, end))) {
		t->nr_foreign_lines++;
		perfscript_lost(t, line, end);
		return false;
	}
	if (h.ftrace)
		t->format = TRACE_FORMAT_FTRACE;
	missing = perfscript_event(t, ps, &h, end, e);
	if (missing == NULL && t->keep != NULL)
		t->batch_task[e - t->batch] = trace_keep_task(t->keep, line, end);
	if (missing == NULL) {
		t->batch_line[e - t->batch] = t->nr_lines;
		return true;
	}
	if (t->nr_bad_lines++ < PERFSCRIPT_WARNINGS)
		diag_warn(t->diag, t->path, t->nr_lines, "event %s: expected %s; line skipped",
			  h.event->name, missing);
	return false;
}

/* Drop the rest of a line that is longer than any tool prints. */
static void perfscript_skip_line(struct trace *t)
{
	struct input *in = &t->in;

	t->nr_lines++;
	if (t->nr_bad_lines++ < PERFSCRIPT_WARNINGS)
		diag_warn(t->diag, t->path, t->nr_lines, "longer than %zu bytes; line skipped",
			  PERFSCRIPT_MAX_LINE);
	while (input_fill(in, 1) > 0) {
		const unsigned char *nl = memchr(in->p, '\n', (size_t)(in->end - in->p));

		in->p = nl != NULL ? nl + 1 : in->end;
		if (nl != NULL)
			return;
	}
}

/* The input is at its end: proper, or in the middle of a line. */
static void perfscript_end(struct trace *t)
{
	struct input *in = &t->in;
	uint64_t at = input_offset(in) + (uint64_t)(in->end - in->p);

	if (in->failed)
		trace_damage(t, at, "%s", in->error);
	else if (in->p != in->end)
		trace_damage(t, at,
			     "line %" PRIu64 " is cut short: the file ends without a line end",
			     t->nr_lines + 1);
	in->p = in->end;
}

/* So much text without a single event: not a recording, though it may never end. */
static bool perfscript_hopeless(const struct trace *t, const struct perfscript *ps, size_t n)
{
	return ps->first && n == 0 && input_offset(&t->in) > PERFSCRIPT_MAX_NOTHING;
}

static size_t perfscript_read(struct trace *t)
{
	struct perfscript *ps = t->reader;
	struct input *in = &t->in;
	size_t n = 0;

	while (n < TRACE_BATCH && !t->damaged && !perfscript_hopeless(t, ps, n)) {
		size_t have = (size_t)(in->end - in->p);
		const unsigned char *nl = memchr(in->p, '\n', have);
		bool event;

		if (nl == NULL) {
			if (have > PERFSCRIPT_MAX_LINE) {
				perfscript_skip_line(t);
			} else if (input_fill(in, have + 1) == have) {
				perfscript_end(t);
				break;
			}
			continue;
		}
		event = perfscript_line(t, ps, (const char *)in->p, (const char *)nl, &t->batch[n]);
		n += event;
		if (t->keep != NULL && t->keep->line != NULL)
			t->keep->line(t->keep->line_ctx, (const char *)in->p,
				      (size_t)(nl + 1 - in->p), event);
		in->p = nl + 1;
	}
	return n;
}

bool perfscript_open(struct trace *t)
{
	struct perfscript *ps = xcalloc(1, sizeof(*ps));

	t->reader = ps;
	t->batch_line = xcalloc(TRACE_BATCH, sizeof(t->batch_line[0]));
	t->zero_size_addr = 16;
	ps->first = true;
	ps->pending = perfscript_read(t);
	return ps->pending > 0;
}

size_t perfscript_next(struct trace *t)
{
	struct perfscript *ps = t->reader;

	if (ps->first) {
		ps->first = false;
		return ps->pending;
	}
	return t->damaged ? 0 : perfscript_read(t);
}

void perfscript_close(struct trace *t)
{
	struct perfscript *ps = t->reader;

	for (int i = 0; i < PERFSCRIPT_GFP_MEMO; i++)
		free(ps->memo[i].text);
	free(ps->desc_slot);
	free(ps->name_slot);
	free(ps);
	t->reader = NULL;
}
