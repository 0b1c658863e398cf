/* SPDX-License-Identifier: MIT */
/* Recordings of user programs: the reader of UMT1, and the heap that plays them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <heap.h>
#include <quarry/posix.h>
#include <umtwrite.h>

#define META "{\"name\":\"t\",\"program\":\"a test\",\"threads\":2,\"live_req_bytes_max\":77}"

static void failed(void *ctx, const char *line)
{
	(void)ctx;
	fail_msg("%s", line);
}

static struct quarry *boot(unsigned int mib)
{
	const struct quarry_posix_options o = {.report = failed};
	const struct quarry_boot_params p = {.nr_cpus = 2};
	struct quarry *q = quarry_posix_new(&o);

	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, 1 << 20, ((phys_addr_t)mib - 1) << 20), 0);
	assert_int_equal(quarry_boot(q, &p), 0);
	return q;
}

static void write_events(struct strbuf *b, const struct umt_event *ev, size_t n)
{
	struct output o;
	struct umtwrite *w;

	output_open_memory(&o, b);
	w = umtwrite_begin(&o, META, strlen(META));
	for (size_t i = 0; i < n; i++)
		umtwrite_event(w, &ev[i]);
	umtwrite_end(w);
	assert_int_equal(output_finish(&o), 0);
}

#define MALLOC(n, bytes)                                                \
	{                                                               \
		.op = UMT_MALLOC, .made = n, .size = bytes, .thread = 1 \
	}
#define FREE(n)                                         \
	{                                               \
		.op = UMT_FREE, .block = n, .thread = 1 \
	}
#define REALLOC(old, n, bytes)                                                         \
	{                                                                              \
		.op = UMT_REALLOC, .block = old, .made = n, .size = bytes, .thread = 1 \
	}

struct run {
	struct quarry *q;
	struct strbuf bytes;
	struct diag diag;
	struct trace t;
	struct heap *h;
	const struct heap_result *r;
};

static void run(struct run *x, enum heap_kind kind, unsigned int mib, const struct umt_event *ev,
		size_t n)
{
	const struct umt_event *batch;

	memset(x, 0, sizeof(*x));
	x->q = boot(mib);
	write_events(&x->bytes, ev, n);
	assert_int_equal(trace_open_memory(&x->t, "t", x->bytes.s, x->bytes.len, &x->diag), CLI_OK);
	assert_int_equal(x->t.format, TRACE_FORMAT_UMT);
	x->h = heap_new(x->q, 2, kind);
	x->r = heap_result(x->h);
	while ((n = umt_next(&x->t, &batch)) > 0)
		assert_true(heap_play(x->h, batch, n));
	assert_false(x->t.damaged);
	heap_finish(x->h);
	assert_int_equal(quarry_check(x->q, NULL), 0);
}

static void end(struct run *x)
{
	quarry_posix_delete(x->q);
	heap_delete(x->h);
	trace_close(&x->t);
	strbuf_free(&x->bytes);
	diag_free(&x->diag);
}

/* What is written is read: every kind of event, and what META says. */
static void test_round_trip(void **state)
{
	static const struct umt_event ev[] = {
		{.op = UMT_MALLOC, .made = 1, .size = 10, .thread = 1, .time_ns = 5},
		{.op = UMT_CALLOC, .made = 2, .size = 0, .thread = 2, .time_ns = 5},
		{.op = UMT_FREE, .block = UMT_NULL, .thread = 1, .time_ns = 700},
		{.op = UMT_FREE, .block = UMT_UNSEEN, .thread = 3, .time_ns = 701},
		{.op = UMT_REALLOC,
		 .block = 1,
		 .made = 3,
		 .size = 1 << 20,
		 .thread = 1,
		 .time_ns = 1 << 30},
		{.op = UMT_REALLOC,
		 .block = UMT_NULL,
		 .made = 4,
		 .size = 9,
		 .thread = 1,
		 .time_ns = (uint64_t)1 << 40},
		{.op = UMT_MEMALIGN,
		 .made = 5,
		 .size = 100,
		 .align_log2 = 12,
		 .thread = 8191,
		 .time_ns = (uint64_t)1 << 41},
		{.op = UMT_FREE, .block = 2, .thread = 1, .time_ns = (uint64_t)1 << 41},
	};
	const struct umt_event *batch;
	struct strbuf b = {0};
	struct diag diag = {0};
	struct trace t;
	size_t n;

	(void)state;
	write_events(&b, ev, sizeof(ev) / sizeof(ev[0]));
	assert_int_equal(trace_open_memory(&t, "t", b.s, b.len, &diag), CLI_OK);
	assert_string_equal(t.description, "a test");
	assert_int_equal(umt_facts(&t)->threads, 2);
	assert_int_equal(umt_facts(&t)->live_bytes_max, 77);
	n = umt_next(&t, &batch);
	assert_int_equal(n, sizeof(ev) / sizeof(ev[0]));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(batch[i].op, ev[i].op);
		assert_int_equal(batch[i].thread, ev[i].thread);
		assert_int_equal(batch[i].block, ev[i].block);
		assert_int_equal(batch[i].made, ev[i].made);
		assert_int_equal(batch[i].size, ev[i].size);
		assert_int_equal(batch[i].align_log2, ev[i].align_log2);
		assert_int_equal(batch[i].time_ns, ev[i].time_ns);
	}
	assert_int_equal(umt_next(&t, &batch), 0);
	assert_false(t.damaged);
	trace_close(&t);
	strbuf_free(&b);
	diag_free(&diag);
}

/* Every prefix: never more than the whole, and damage is told with its place. */
static void test_truncated(void **state)
{
	static const struct umt_event ev[] = {MALLOC(1, 10), MALLOC(2, 1000), FREE(1),
					      REALLOC(2, 3, 70000), FREE(3)};
	struct strbuf b = {0};
	size_t most = 0;

	(void)state;
	write_events(&b, ev, 5);
	for (size_t len = 8; len < b.len; len++) {
		const struct umt_event *batch;
		struct diag diag = {0};
		struct trace t;
		size_t n;

		assert_int_equal(trace_open_memory(&t, "t", b.s, len, &diag), CLI_OK);
		n = umt_next(&t, &batch);
		assert_true(n >= most && n <= 5);
		most = n;
		while (umt_next(&t, &batch) > 0)
			;
		assert_true(t.damaged);
		assert_int_equal(t.damage_offset, len);
		assert_int_equal(diag.nr_errors, 1);
		trace_close(&t);
		diag_free(&diag);
	}
	assert_int_equal(most, 5);
	strbuf_free(&b);
}

/* Live bytes and what is held for them; all goes back. */
static void test_counts(void **state)
{
	static const struct umt_event ev[] = {
		MALLOC(1, 100),
		MALLOC(2, 0),
		REALLOC(1, 3, 120),
		REALLOC(3, 4, 40),
		REALLOC(4, 5, 4000),
		MALLOC(6, 100000),
		FREE(UMT_NULL),
		FREE(UMT_UNSEEN),
		FREE(2),
		FREE(2),
		MALLOC(7, (uint64_t)1 << 40),
	};
	static const struct umt_event back[] = {
		{.op = UMT_FREE, .block = 5, .thread = 2}, FREE(6), FREE(7)};
	struct umt_event all[14];

	(void)state;
	memcpy(all, ev, sizeof(ev));
	memcpy(all + 11, back, sizeof(back));
	for (int kind = 0; kind < 2; kind++) {
		struct run x;

		run(&x, (enum heap_kind)kind, 64, all, 11);
		assert_int_equal(x.r->ops[UMT_MALLOC], 4);
		assert_int_equal(x.r->ops[UMT_REALLOC], 3);
		/* kmalloc never shrinks; the fine heap lets go of more than half a place. */
		assert_int_equal(x.r->in_place, kind == HEAP_KMALLOC ? 2 : 0);
		assert_int_equal(x.r->moved, kind == HEAP_KMALLOC ? 1 : 3);
		assert_int_equal(x.r->free_null, 1);
		assert_int_equal(x.r->free_unseen, 1);
		assert_int_equal(x.r->free_unknown, 1);
		assert_int_equal(x.r->ops[x.r->unknown[0].op] > 0, 1);
		assert_int_equal(all[x.r->unknown[0].event - 1].block, x.r->unknown[0].block);
		assert_int_equal(x.r->refused, 1);
		assert_int_equal(x.r->refused_bytes, (uint64_t)1 << 40);
		assert_int_equal(x.r->live, 2);
		assert_int_equal(x.r->live_bytes, 104000);
		assert_true(x.r->held_bytes >= 104000 && x.r->held_bytes < 300000);
		end(&x);
		run(&x, (enum heap_kind)kind, 64, all, 14);
		assert_int_equal(x.r->live, 0);
		assert_int_equal(x.r->live_bytes, 0);
		assert_int_equal(x.r->other_thread, 1);
		assert_int_equal(x.r->free_refused, 1);
		/* Only slabs that the sheaves hold are left. */
		assert_true(x.r->held_bytes <= 16 * QUARRY_PAGE_SIZE * 4);
		end(&x);
	}
}

/* Classes of the fine heap waste at most an eighth, of kmalloc at most a half. */
static void test_classes(void **state)
{
	struct umt_event *ev = calloc(9000, sizeof(*ev));

	(void)state;
	for (uint32_t i = 0; i < 9000; i++)
		ev[i] = (struct umt_event)MALLOC(i + 1, i + 1);
	for (int kind = 0; kind < 2; kind++) {
		uint64_t asked = 0, last = 0;
		struct run x;

		run(&x, (enum heap_kind)kind, 256, ev, 9000);
		assert_int_equal(x.r->refused, 0);
		for (size_t i = 0; i < x.r->nr_classes; i++) {
			const struct heap_class *c = &x.r->class[i];

			assert_true(c->size > last);
			assert_true(c->asked <= c->allocs * c->size);
			if (kind == HEAP_FINE && c->size > 256 && c->size <= 8192)
				assert_true(c->asked * 8 >= c->allocs * c->size * 7);
			asked += c->asked;
			last = c->size;
		}
		assert_int_equal(asked, x.r->live_bytes);
		assert_int_equal(x.r->nr_classes, kind == HEAP_KMALLOC ? 14 : 57);
		end(&x);
	}
	free(ev);
}

/* memalign: where a block lies. */
static void test_alignment(void **state)
{
	struct umt_event ev[18];

	(void)state;
	for (unsigned int i = 0; i < 18; i++)
		ev[i] = (struct umt_event){.op = UMT_MEMALIGN,
					   .made = i + 1,
					   .size = 24,
					   .align_log2 = (uint8_t)i,
					   .thread = 1};
	for (int kind = 0; kind < 2; kind++) {
		struct run x;

		run(&x, (enum heap_kind)kind, 64, ev, 18);
		assert_int_equal(x.r->refused, 0);
		assert_int_equal(x.r->live, 18);
		/* Up to 16 nothing is added; above, the block is as large as its alignment. */
		assert_int_equal(x.r->live_bytes, 5 * 24 + (1 << 18) - 32);
		end(&x);
	}
}

/* The real recording that comes with the program: as its META says; twice the same. */
static void test_real_recording(void **state)
{
	uint64_t digest[2] = {0, 0};

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		for (int i = 0; i < 2; i++) {
			const struct umt_event *batch;
			struct diag diag = {0};
			struct trace t;
			struct quarry *q = boot(256);
			struct heap *h = heap_new(q, 2, (enum heap_kind)kind);
			size_t n;

			assert_int_equal(trace_open(&t, "traces/user-sqlite.umt.zst", &diag),
					 CLI_OK);
			while ((n = umt_next(&t, &batch)) > 0)
				assert_true(heap_play(h, batch, n));
			heap_finish(h);
			assert_false(t.damaged);
			assert_int_equal(heap_result(h)->events, t.declared_events);
			assert_int_equal(heap_result(h)->free_unknown, 0);
			assert_int_equal(heap_result(h)->refused, 0);
			/* The recorder counts bytes of blocks that are larger than it asked. */
			assert_int_equal(heap_result(h)->max_live_bytes,
					 umt_facts(&t)->live_bytes_max);
			digest[i] = heap_result(h)->digest;
			assert_int_equal(quarry_check(q, NULL), 0);
			quarry_posix_delete(q);
			heap_delete(h);
			trace_close(&t);
			diag_free(&diag);
		}
		assert_int_equal(digest[0], digest[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_counts),     cmocka_unit_test(test_classes),
		cmocka_unit_test(test_alignment),  cmocka_unit_test(test_real_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
