/* SPDX-License-Identifier: MIT */
/* The reader of binary recordings: round trips, damage of every byte, and real recordings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zstd.h>

#include <kmt.h>
#include <kmt_history.h>
#include <trace.h>

#include "kmtwriter.h"

static const struct kmtwriter_desc descs[] = {
	{TRACE_KMALLOC, TRACE_F_ACCOUNTED, 1, 0, 100, 128, 3264 | 256, -1, 0, 0},
	{TRACE_KFREE, 0, 0, 0, 0, 0, 0, -1, 0, 0},
	{TRACE_CACHE_ALLOC, 0, 0, 1, 192, 192, 2592, 1, 0, 0},
	{TRACE_CACHE_FREE, 0, 0, 1, 0, 0, 0, -1, 0, 0},
	{TRACE_PAGE_ALLOC, 0, 0, 0, 0, 0, 3264 | 8 | (1u << 30), -1, 3, 1},
	{TRACE_PAGE_FREE, 0, 0, 0, 0, 0, 0, -1, 3, 0},
	{TRACE_SNAPSHOT, 0, 0, 0, 0, 0, 0, -1, 0, 0},
};

static const struct kmtwriter_event events[] = {
	{6, 0, 5, 0, 0},
	{0, 0x20000, 10, 0, 0},
	{4, 0x1000, 1, 1, 0},
	{2, 0x30018, 300, 1, 1},
	{1, 0x20000, 1, 0, 0},
	{1, 0, 0, 0, 0},
	{5, 0x1000, 70000, 1, 0},
	{0, 0x20000, 2, 0, 0},
	{3, 0x30018, 1, 1, 2},
	{4, 0xfffff8, 1, 0, 0},
	{6, 77, 1, 0, 0},
	{1, 0x20000, 1, 1, 0},
	{1, (uint64_t)1 << 50, 1, 1, 3},
	{1, 2, 1, 1, 0},
};

#define NR_EVENTS (sizeof(events) / sizeof(events[0]))

static const char *const caches[] = {"dentry", NULL};

static void make(struct kmtwriter *w, size_t block)
{
	const struct kmtwriter_recording r = {
		.caches = caches,
		.descs = descs,
		.nr_descs = sizeof(descs) / sizeof(descs[0]),
		.events = events,
		.nr_events = NR_EVENTS,
		.block = block,
	};

	memset(w, 0, sizeof(*w));
	kmtwriter_write(w, &r);
}

/* Read all; events that differ from those written make *bad true. */
static size_t read_all(struct trace *t, bool *bad)
{
	uint64_t time_ns = 0;
	size_t at = 0, n;

	while ((n = trace_next(t)) > 0) {
		for (size_t i = 0; i < n; i++, at++) {
			const struct trace_event *e = &t->batch[i];

			if (at >= NR_EVENTS) {
				*bad = true;
				continue;
			}
			time_ns += events[at].dt;
			*bad = *bad || e->addr != events[at].addr || e->desc != events[at].desc ||
			       e->cpu != events[at].cpu || e->context != events[at].context ||
			       e->time_ns != time_ns || e->type != descs[events[at].desc].type;
		}
	}
	return at;
}

static void test_round_trip(void **state)
{
	struct diag diag = {0};
	struct kmtwriter w;
	struct trace t;

	(void)state;
	for (size_t block = 0; block <= NR_EVENTS; block++) {
		bool bad = false;

		make(&w, block);
		assert_int_equal(trace_open_memory(&t, "test", w.data, w.len, &diag), CLI_OK);
		assert_string_equal(t.name, "test");
		assert_int_equal(t.cpus, 2);
		assert_int_equal(read_all(&t, &bad), NR_EVENTS);
		assert_false(bad);
		assert_false(t.damaged);
		assert_int_equal(t.descs[0].gfp, GFP_KERNEL | __GFP_ZERO);
		assert_int_equal(t.descs[2].gfp, GFP_ATOMIC);
		assert_int_equal(t.descs[2].node, 1);
		assert_int_equal(t.descs[4].gfp, GFP_KERNEL | __GFP_MOVABLE);
		assert_int_equal(t.descs[4].order, 3);
		assert_int_equal(t.unknown_gfp, 1);
		assert_string_equal(trace_name(&t.caches, t.descs[2].cache), "dentry");
		assert_string_equal(trace_name(&t.sites, t.descs[0].site), "some_site+0x10");
		trace_close(&t);
		kmtwriter_free(&w);
	}
	assert_int_equal(diag.nr_warnings + diag.nr_errors, 0);
	diag_free(&diag);
}

/* Cut after every byte: the events before the cut, and the place of the cut. */
static void test_truncated(void **state)
{
	struct kmtwriter w;
	size_t most = 0;

	(void)state;
	make(&w, 3);
	for (size_t len = 8; len < w.len; len++) {
		struct diag diag = {0};
		struct trace t;
		bool bad = false;
		size_t n;

		assert_int_equal(trace_open_memory(&t, "test", w.data, len, &diag), CLI_OK);
		n = read_all(&t, &bad);
		assert_false(bad);
		assert_true(t.damaged);
		assert_int_equal(t.damage_offset, len);
		assert_int_equal(diag.nr_errors, 1);
		assert_true(n >= most);
		most = n;
		trace_close(&t);
		diag_free(&diag);
	}
	assert_int_equal(most, NR_EVENTS);
	kmtwriter_free(&w);
}

static void test_shorter_than_magic(void **state)
{
	struct kmtwriter w;

	(void)state;
	make(&w, 0);
	for (size_t len = 0; len < 8; len++) {
		struct diag diag = {0};
		struct trace t;

		assert_int_equal(trace_open_memory(&t, "test", w.data, len, &diag), CLI_INPUT);
		assert_true(diag.nr_errors > 0);
		diag_free(&diag);
	}
	kmtwriter_free(&w);
}

/* Every bit of every byte turned over: no crash, and never more events than were written. */
static void test_bit_flips(void **state)
{
	struct kmtwriter w;

	(void)state;
	make(&w, 5);
	for (size_t i = 8; i < w.len; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct diag diag = {0};
			struct trace t;
			size_t n, all = 0;

			w.data[i] ^= (unsigned char)(1u << bit);
			assert_int_equal(trace_open_memory(&t, "test", w.data, w.len, &diag),
					 CLI_OK);
			while ((n = trace_next(&t)) > 0)
				all += n;
			assert_true(all <= NR_EVENTS);
			assert_true(t.damage_offset <= w.len);
			trace_close(&t);
			diag_free(&diag);
			w.data[i] ^= (unsigned char)(1u << bit);
		}
	}
	kmtwriter_free(&w);
}

/* Open the parts given as tag and payload after the magic; the text of the damage. */
static char *damage_of(const struct kmtwriter *body, uint64_t *offset)
{
	struct kmtwriter w = {0};
	struct diag diag = {0};
	struct trace t;
	char *text;

	kmtwriter_bytes(&w, "KMTRACE1", 8);
	kmtwriter_bytes(&w, body->data, body->len);
	assert_int_equal(trace_open_memory(&t, "test", w.data, w.len, &diag), CLI_OK);
	while (trace_next(&t) > 0)
		;
	assert_true(t.damaged);
	*offset = t.damage_offset;
	text = xstrdup(diag.text.s);
	trace_close(&t);
	diag_free(&diag);
	kmtwriter_free(&w);
	return text;
}

static void expect_damage(const struct kmtwriter *body, uint64_t offset, const char *what)
{
	uint64_t at;
	char *text = damage_of(body, &at);

	if (strstr(text, what) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", what, text);
	assert_int_equal(at, offset);
	free(text);
}

static void test_lying_lengths(void **state)
{
	struct kmtwriter w = {0}, p = {0};

	(void)state;
	kmtwriter_bytes(&w, "SITE\xff\xff\xff\xff\xff\xff\xff\x7f", 12);
	expect_damage(&w, 8, "section SITE claims");
	w.len = 0;
	kmtwriter_bytes(&w, "META\x00\x00\x00\x01\x00\x00\x00\x00", 12);
	expect_damage(&w, 8, "section META claims");
	w.len = 0;
	kmtwriter_bytes(&w, "ODD \xff\xff\xff\xff\xff\xff\xff\x7f", 12);
	expect_damage(&w, 20, "the file ends in section ODD");
	w.len = 0;
	kmtwriter_bytes(&w, "\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x00", 12);
	expect_damage(&w, 8, "expected the tag of a section");
	w.len = 0;
	/* 2^62 names in three bytes. */
	kmtwriter_varint(&p, (uint64_t)1 << 62);
	kmtwriter_section(&w, "CACH", &p);
	expect_damage(&w, 8 + 12 + 9, "table of names goes beyond");
	w.len = p.len = 0;
	kmtwriter_varint(&p, 1);
	kmtwriter_section(&w, "EVTS", &p);
	expect_damage(&w, 20, "before DESC and TASK");
	kmtwriter_free(&w);
	kmtwriter_free(&p);
}

static void test_bad_sections(void **state)
{
	static const char meta[] =
		"{\"name\": 5, \"gfp_names\": [[1,2],[\"a\"],{},[4,\"__GFP_X\"]]}";
	struct kmtwriter w = {0}, p = {0};
	struct diag diag = {0};
	struct trace t;

	(void)state;
	kmtwriter_bytes(&p, "[1]", 3);
	kmtwriter_section(&w, "META", &p);
	expect_damage(&w, 20, "no JSON object");
	w.len = p.len = 0;
	kmtwriter_bytes(&p, "{}", 2);
	kmtwriter_section(&w, "META", &p);
	kmtwriter_section(&w, "META", &p);
	expect_damage(&w, 8 + 12 + 2 + 12, "section META comes twice");
	w.len = p.len = 0;
	kmtwriter_bytes(&w, "KMTRACE1", 8);
	kmtwriter_bytes(&p, meta, sizeof(meta) - 1);
	kmtwriter_section(&w, "META", &p);
	p.len = 0;
	kmtwriter_section(&w, "END.", &p);
	assert_int_equal(trace_open_memory(&t, "test", w.data, w.len, &diag), CLI_OK);
	assert_int_equal(trace_next(&t), 0);
	assert_false(t.damaged);
	assert_int_equal(diag.nr_warnings, 4);
	assert_null(t.name);
	trace_close(&t);
	diag_free(&diag);
	kmtwriter_free(&w);
	kmtwriter_free(&p);
}

/* A section that a later writer may add is passed over. */
static void test_unknown_section(void **state)
{
	struct kmtwriter w, p = {0}, all = {0};
	struct diag diag = {0};
	struct trace t;
	bool bad = false;

	(void)state;
	make(&w, 0);
	kmtwriter_bytes(&p, "whatever", 8);
	kmtwriter_bytes(&all, w.data, 8);
	kmtwriter_section(&all, "NEW1", &p);
	kmtwriter_bytes(&all, w.data + 8, w.len - 8);
	assert_int_equal(trace_open_memory(&t, "test", all.data, all.len, &diag), CLI_OK);
	assert_int_equal(read_all(&t, &bad), NR_EVENTS);
	assert_false(bad || t.damaged);
	assert_int_equal(diag.nr_warnings, 1);
	trace_close(&t);
	diag_free(&diag);
	kmtwriter_free(&w);
	kmtwriter_free(&p);
	kmtwriter_free(&all);
}

/* zstd frames, also several and an empty one; a cut one is damage. */
static void test_zstd(void **state)
{
	struct kmtwriter w, z = {0};
	size_t bound, half, len;
	char *packed;
	bool bad = false;
	struct diag diag = {0};
	struct trace t;

	(void)state;
	make(&w, 4);
	bound = ZSTD_compressBound(w.len);
	packed = xmalloc(bound);
	half = w.len / 2;
	len = ZSTD_compress(packed, bound, w.data, half, 3);
	kmtwriter_bytes(&z, packed, len);
	len = ZSTD_compress(packed, bound, "", 0, 3);
	kmtwriter_bytes(&z, packed, len);
	len = ZSTD_compress(packed, bound, w.data + half, w.len - half, 3);
	kmtwriter_bytes(&z, packed, len);
	assert_int_equal(trace_open_memory(&t, "test", z.data, z.len, &diag), CLI_OK);
	assert_int_equal(read_all(&t, &bad), NR_EVENTS);
	assert_false(bad || t.damaged);
	trace_close(&t);
	assert_int_equal(trace_open_memory(&t, "test", z.data, z.len - 3, &diag), CLI_OK);
	read_all(&t, &bad);
	assert_false(bad);
	assert_true(t.damaged);
	trace_close(&t);
	diag_free(&diag);
	free(packed);
	kmtwriter_free(&w);
	kmtwriter_free(&z);
}

struct real {
	const char *path;
	uint64_t by_type[TRACE_NR_TYPES];
	uint64_t bytes_req, bytes_alloc, null;
};

/* The counts are those that the recorder wrote down. */
static const struct real reals[] = {
	{"traces/g61-build.kmt.zst",
	 {0, 31035, 41445, 460444, 435771, 128248, 115624, 105718, 7, 15, 27490, 4, 181, 46902, 0},
	 253147582,
	 257345256,
	 17718},
	{"traces/k618-thp.kmt.zst",
	 {0, 1876, 14620, 16932, 16055, 104907, 103426, 101879, 1, 23931, 1674, 335, 5, 0, 0},
	 5257369,
	 5352568,
	 12735},
};

static void test_real_recordings(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(reals) / sizeof(reals[0]); k++) {
		uint64_t by_type[TRACE_NR_TYPES] = {0}, req = 0, alloc = 0, null = 0;
		struct diag diag = {0};
		struct trace t;
		size_t n;

		if (trace_open(&t, reals[k].path, &diag) != CLI_OK)
			fail_msg("%s", diag.text.s);
		while ((n = trace_next(&t)) > 0) {
			for (size_t i = 0; i < n; i++) {
				const struct trace_event *e = &t.batch[i];

				by_type[e->type]++;
				req += t.descs[e->desc].bytes_req;
				alloc += t.descs[e->desc].bytes_alloc;
				null += trace_type_is_object(e->type) && e->addr == 0;
			}
		}
		assert_false(t.damaged);
		assert_int_equal(t.unknown_gfp, 0);
		assert_memory_equal(by_type, reals[k].by_type, sizeof(by_type));
		assert_int_equal(req, reals[k].bytes_req);
		assert_int_equal(alloc, reals[k].bytes_alloc);
		assert_int_equal(null, reals[k].null);
		trace_close(&t);
		diag_free(&diag);
	}
}

/* ---- addresses so far ---- */

#define HISTORY_SLOTS 40000u
#define HISTORY_STEPS 1400000u /* so many that buckets are joined */

/* The number of the last event of each slot is kept by a model, which says what @h must answer. */
struct history_model {
	struct kmt_history h;
	uint64_t last[HISTORY_SLOTS]; /* number + 1; 0: never */
	uint64_t seed;
};

static uint64_t history_random(struct history_model *m)
{
	m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
	return m->seed >> 33;
}

static uint64_t history_addr(unsigned int slot)
{
	return (uint64_t)slot * 0x10000001u + 7;
}

/* As kmt.c does it. */
static bool history_ask(const struct kmt_history *h, uint64_t nr, uint64_t *addr)
{
	if (nr < h->kept)
		return kmt_history_old(h, nr, addr);
	*addr = h->at[nr & KMT_RING_MASK];
	return true;
}

/* Slot @slot comes again; @whole: by itself, as from a writer that does not remember. */
static void history_step(struct history_model *m, unsigned int slot, bool whole)
{
	struct kmt_history *h = &m->h;
	uint64_t back = m->last[slot] == 0 ? 0 : h->nr + 1 - m->last[slot], addr = 0;

	if (back != 0) {
		assert_true(history_ask(h, h->nr - back, &addr));
		assert_int_equal(addr, history_addr(slot));
	}
	h->at[h->nr & KMT_RING_MASK] = history_addr(slot);
	if (!whole && back != 0)
		kmt_history_gone(h, h->nr - back);
	m->last[slot] = ++h->nr;
}

static void test_history(void **state)
{
	struct history_model *m = test_calloc(1, sizeof(*m));
	uint64_t addr;

	(void)state;
	kmt_history_init(&m->h);
	for (uint64_t i = 0; i < HISTORY_STEPS; i++) {
		uint64_t r = history_random(m);
		unsigned int slot = r % 64 == 0 ? (unsigned int)(r >> 6) % HISTORY_SLOTS
						: (unsigned int)(r >> 6) % 256;

		if (i % 512 == 0)
			kmt_history_reserve(&m->h, 512);
		history_step(m, slot, r % 1000 == 0);
	}
	/* All that are there, and twice as many at most. */
	for (unsigned int slot = 0; slot < HISTORY_SLOTS; slot++) {
		if (m->last[slot] != 0) {
			assert_true(history_ask(&m->h, m->last[slot] - 1, &addr));
			assert_int_equal(addr, history_addr(slot));
		}
	}
	assert_true(m->h.kept > HISTORY_STEPS / 2);
	assert_true(m->h.cap_old <= 4 * HISTORY_SLOTS);
	/* What came again, what is not there yet, and what never was. */
	assert_false(kmt_history_old(&m->h, 0, &addr) && m->last[0] != 1);
	assert_false(kmt_history_old(&m->h, m->h.nr, &addr));
	assert_false(kmt_history_old(&m->h, UINT64_MAX, &addr));
	kmt_history_free(&m->h);
	test_free(m);
}

#define LONG_BLOCKS 24u

/*
 * A recording of 786,432 kmalloc() and kfree() of one object, after one of another kind that is freed at the end. Each
 * block but the first is the same. @back: how far back the last free looks.
 */
static void make_long(struct kmtwriter *w, uint64_t back)
{
	struct kmtwriter c = {0};
	struct kmtwriter none = {0};

	make(w, 0);
	/* Its blocks and its end go. */
	for (size_t i = 0; i + 4 < w->len; i++) {
		if (memcmp(w->data + i, "EVTS", 4) == 0)
			w->len = i;
	}
	for (unsigned int block = 0; block <= LONG_BLOCKS + 1; block++) {
		const bool first = block == 0, last = block > LONG_BLOCKS;
		const unsigned int n = first || last ? 1 : 65536;
		const size_t refs = !last ? n : back >= 128 * 128 * 128 ? 4 : 3;

		c.len = 0;
		kmtwriter_varint(&c, n);
		for (unsigned int i = 0; i < 4; i++)
			kmtwriter_varint(&c, n);
		kmtwriter_varint(&c, refs);
		kmtwriter_varint(&c, first ? 2 : block == 1 ? 2 : 0);
		for (unsigned int i = 0; i < 2 * n; i++)
			kmtwriter_varint(&c, 0);
		for (unsigned int i = 0; i < n; i++)
			kmtwriter_varint(&c, last ? 1 : i % 2);
		for (unsigned int i = 0; i < n; i++)
			kmtwriter_varint(&c, 0);
		for (unsigned int i = 0; i < n; i++)
			kmtwriter_varint(&c, last ? back : !first && (block > 1 || i > 0));
		if (first || block == 1)
			kmtwriter_varint(&c, 2 * 5000);
		kmtwriter_section(w, "EVTS", &c);
	}
	kmtwriter_section(w, "END.", &none);
	kmtwriter_free(&c);
}

/* Read it; the address of the last event, and by how many KiB the most memory in use grew. */
static bool read_long(uint64_t back, uint64_t *nr, uint64_t *addr, long *kib)
{
	struct rusage before, after;
	struct kmtwriter w, z = {0};
	struct diag diag = {0};
	struct trace t;
	bool damaged;
	size_t n;

	make_long(&w, back);
	z.data = malloc(z.cap = ZSTD_compressBound(w.len));
	z.len = ZSTD_compress(z.data, z.cap, w.data, w.len, 1);
	kmtwriter_free(&w);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(trace_open_memory(&t, "test", z.data, z.len, &diag), CLI_OK);
	*nr = 0;
	while ((n = trace_next(&t)) > 0) {
		*nr += n;
		*addr = t.batch[n - 1].addr;
	}
	getrusage(RUSAGE_SELF, &after);
	*kib = after.ru_maxrss - before.ru_maxrss;
	damaged = t.damaged;
	trace_close(&t);
	diag_free(&diag);
	kmtwriter_free(&z);
	return !damaged;
}

static void test_long(void **state)
{
	const uint64_t total = LONG_BLOCKS * 65536u + 2;
	uint64_t nr, addr;
	long kib;

	(void)state;
	/* The first of all, which was never freed. */
	assert_true(read_long(total - 1, &nr, &addr, &kib));
	assert_int_equal(nr, total);
	assert_int_equal(addr, 5000);
	/* 8 bytes an event would be 12 MiB more; tables come in pages of 2 MiB. */
	assert_true(kib < 10 << 10);
	/* One that came again since, long ago; and one from before the beginning. */
	assert_false(read_long(total - 10, &nr, &addr, &kib));
	assert_int_equal(nr, total - 1);
	assert_false(read_long(total, &nr, &addr, &kib));
	assert_int_equal(nr, total - 1);
}

/* ---- the two ways of reading numbers ---- */

#define WAYS_BATCHES 24 /* about three blocks */
#define WAYS_FLIPS 60

/* The same from both: events, and where and how they end. */
static void ways_compare(const char *data, size_t len)
{
	struct diag diag[2];
	struct trace t[2];
	size_t n[2];

	memset(diag, 0, sizeof(diag));
	for (int i = 0; i < 2; i++)
		assert_int_equal(trace_open_memory(&t[i], "test", data, len, &diag[i]), CLI_OK);
	kmt_read_plainly(&t[1]);
	for (int batch = 0; batch < WAYS_BATCHES; batch++) {
		for (int i = 0; i < 2; i++)
			n[i] = trace_next(&t[i]);
		assert_int_equal(n[0], n[1]);
		assert_memory_equal(t[0].batch, t[1].batch, n[0] * sizeof(t[0].batch[0]));
	}
	assert_int_equal(t[0].damaged, t[1].damaged);
	assert_int_equal(t[0].damage_offset, t[1].damage_offset);
	if (t[0].damaged)
		assert_string_equal(diag[0].text.s, diag[1].text.s);
	for (int i = 0; i < 2; i++) {
		trace_close(&t[i]);
		diag_free(&diag[i]);
	}
}

/* A real recording, and the same with a bit turned over in one of its first events. */
static void test_ways_of_reading(void **state)
{
	struct input in;
	char *data;
	size_t len;

	(void)state;
	assert_int_equal(input_open(&in, "traces/k618-thp.kmt.zst"), 0);
	len = input_fill(&in, (size_t)1 << 20);
	data = xmalloc(len);
	memcpy(data, in.p, len);
	input_close(&in);
	ways_compare(data, len);
	for (uint64_t i = 0, seed = 1; i < WAYS_FLIPS; i++) {
		size_t at;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		at = len / 8 + (seed >> 20) % (len / 2);
		data[at] ^= (char)(1u << (seed >> 60 & 7));
		ways_compare(data, len);
		data[at] ^= (char)(1u << (seed >> 60 & 7));
	}
	free(data);
}

static void test_strangers(void **state)
{
	static const char *const files[] = {
		"PERFILE2........",
		"\x7f"
		"ELF\x02\x01\x01\0\0\0",
		"\n",
		"hello\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct diag diag = {0};
		struct trace t;
		size_t len = i == 1 ? 10 : strlen(files[i]);

		assert_int_equal(trace_open_memory(&t, "test", files[i], len, &diag), CLI_INPUT);
		assert_true(diag.nr_errors == 1);
		diag_free(&diag);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_shorter_than_magic),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_lying_lengths),
		cmocka_unit_test(test_bad_sections),
		cmocka_unit_test(test_unknown_section),
		cmocka_unit_test(test_zstd),
		cmocka_unit_test(test_real_recordings),
		cmocka_unit_test(test_ways_of_reading),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
