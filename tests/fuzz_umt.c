/* SPDX-License-Identifier: MIT */
/* Fuzzes the reader of user recordings and the heap behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heap.h>
#include <umtwrite.h>

#include "fuzz.h"

static unsigned long fuzz_complete, fuzz_damaged;

/* The heap's own count agrees with the machine's: all caches together hold what is alive in small blocks. */
static void fuzz_check(struct quarry *q, const struct heap_result *r, size_t events)
{
	uint64_t ops = 0, live = 0;

	for (int op = 0; op < UMT_NR_OPS; op++)
		ops += r->ops[op];
	for (size_t i = 0; i < r->nr_classes; i++)
		live += r->class[i].live;
	if (r->events != events || ops != events)
		fuzz_fail(NULL, "an event was not counted, or twice");
	if (live != r->live || r->live > r->max_live || r->live_bytes > r->max_live_bytes)
		fuzz_fail(NULL, "what is alive does not add up");
	if (quarry_check(q, NULL) != 0)
		fuzz_fail(NULL, "a validator found a fault");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct umt_event *batch;
	struct diag diag = {0};
	struct trace t;
	struct quarry *q;
	struct heap *h;
	size_t n, events = 0;

	if (trace_open_memory(&t, "fuzz", data, size, &diag) != CLI_OK) {
		if (diag.nr_errors == 0)
			fuzz_fail(NULL, "refused without a word");
		diag_free(&diag);
		return 0;
	}
	if (t.format == TRACE_FORMAT_UMT) {
		q = fuzz_machine();
		h = heap_new(q, 2, size % 2 ? HEAP_FINE : HEAP_KMALLOC);
		while ((n = umt_next(&t, &batch)) > 0) {
			events += n;
			heap_play(h, batch, n);
		}
		heap_finish(h);
		fuzz_check(q, heap_result(h), events);
		if (t.damaged && diag.nr_errors == 0)
			fuzz_fail(NULL, "damaged without a word");
		fuzz_damaged += t.damaged;
		fuzz_complete += !t.damaged;
		quarry_posix_delete(q);
		heap_delete(h);
	}
	trace_close(&t);
	diag_free(&diag);
	return 0;
}

#define FUZZ_EVENTS 400

static uint64_t fuzz_size(void)
{
	switch (fuzz_random(40)) {
	case 0:
		return fuzz_random((uint64_t)1 << 24);
	case 1:
		return fuzz_random((uint64_t)1 << 47);
	default:
		return fuzz_random(9000) >> fuzz_random(13);
	}
}

static void fuzz_recording(struct strbuf *b)
{
	struct output o;
	struct umtwrite *w;
	uint64_t made = 0, time_ns = 0, n = 1 + fuzz_random(FUZZ_EVENTS);

	output_open_memory(&o, b);
	w = umtwrite_begin(&o, "{\"threads\":2}", 13);
	for (uint64_t i = 0; i < n; i++) {
		struct umt_event ev = {.op = (uint8_t)(1 + fuzz_random(5)),
				       .thread = (uint16_t)(1 + fuzz_random(3)),
				       .time_ns = time_ns};

		time_ns += fuzz_random(1000000);
		if (ev.op != UMT_FREE)
			ev.size = fuzz_size();
		if (ev.op == UMT_MEMALIGN)
			ev.align_log2 = (uint8_t)fuzz_random(24);
		if (ev.op == UMT_FREE || ev.op == UMT_REALLOC)
			ev.block = fuzz_random(20) == 0 ? UMT_UNSEEN
							: (made > 0 ? 1 + fuzz_random(made) : 0);
		if (ev.op != UMT_FREE)
			ev.made = ++made;
		umtwrite_event(w, &ev);
	}
	umtwrite_end(w);
	output_finish(&o);
}

static void fuzz_make(struct strbuf *b)
{
	fuzz_recording(b);
	for (uint64_t k = fuzz_random(4); k > 0; k--)
		fuzz_damage(b, 0);
}

static bool fuzz_end(unsigned long inputs)
{
	printf("%lu complete, %lu damaged\n", fuzz_complete, fuzz_damaged);
	return fuzz_complete + fuzz_damaged > inputs / 8;
}

const struct fuzz_target fuzz_target = {
	.name = "umt", .inputs = 1000, .make = fuzz_make, .end = fuzz_end};

FUZZ_MAIN
