/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the reader of binary recordings and the engine behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <engine.h>

#include "fuzz.h"
#include "kmtwriter.h"

static unsigned long fuzz_complete, fuzz_damaged;

/* Each event has one fate, and the machine is sound. */
static void fuzz_check(struct quarry *q, const struct engine_result *r, size_t events)
{
	uint64_t sum = 0;

	for (int type = 0; type < TRACE_NR_TYPES; type++) {
		for (int fate = 0; fate < ENGINE_NR_FATES; fate++)
			sum += r->fate[type][fate];
	}
	if (r->events != events || sum != events)
		fuzz_fail(NULL, "an event has no fate, or two");
	if (quarry_check(q, NULL) != 0)
		fuzz_fail(NULL, "a validator found a fault");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = {0};
	struct trace t;
	struct engine *e;
	struct quarry *q;
	size_t n, events = 0;

	if (trace_open_memory(&t, "fuzz", data, size, &diag) != CLI_OK) {
		if (diag.nr_errors == 0)
			fuzz_fail(NULL, "refused without a word");
		diag_free(&diag);
		return 0;
	}
	q = fuzz_machine();
	e = engine_new(q, 2, &t, NULL);
	while ((n = trace_next(&t)) > 0) {
		events += n;
		engine_play(e, n);
	}
	engine_finish(e);
	fuzz_check(q, engine_result(e), events);
	if (t.damaged && diag.nr_errors == 0)
		fuzz_fail(NULL, "damaged without a word");
	fuzz_damaged += t.damaged;
	fuzz_complete += !t.damaged;
	quarry_posix_delete(q);
	engine_delete(e);
	trace_close(&t);
	diag_free(&diag);
	return 0;
}

#define FUZZ_DESCS 24
#define FUZZ_EVENTS 300

/* Mostly small, now and then anything. */
static uint64_t fuzz_number(uint64_t below)
{
	return fuzz_random(50) == 0 ? ~fuzz_random(~0ull) >> fuzz_random(64) : fuzz_random(below);
}

/* A recording of random events over few addresses, so that most of them meet. */
static void fuzz_recording(struct kmtwriter *w)
{
	static const char *const caches[] = {"dentry", "filp", "inode_cache", NULL};
	struct kmtwriter_desc descs[FUZZ_DESCS];
	struct kmtwriter_event events[FUZZ_EVENTS];
	struct kmtwriter_recording r = {.caches = caches,
					.descs = descs,
					.nr_descs = FUZZ_DESCS,
					.events = events,
					.nr_events = 1 + fuzz_random(FUZZ_EVENTS),
					.block = fuzz_random(100)};

	for (size_t i = 0; i < FUZZ_DESCS; i++) {
		struct kmtwriter_desc *d = &descs[i];

		memset(d, 0, sizeof(*d));
		d->type = (uint8_t)(1 + fuzz_random(13));
		d->flags = (uint8_t)(fuzz_random(8) == 0 ? fuzz_random(16) : 0);
		d->cache = (uint32_t)fuzz_random(4);
		d->bytes_req = fuzz_number(5000);
		d->bytes_alloc = d->bytes_req + fuzz_number(64);
		d->gfp = fuzz_random(2) ? 3264 : fuzz_number(1 << 24);
		d->node = (int)fuzz_random(4) - 1;
		d->order = (unsigned int)(fuzz_random(3) == 0 ? fuzz_random(12) : 0);
	}
	for (size_t i = 0; i < r.nr_events; i++) {
		struct kmtwriter_event *e = &events[i];

		e->desc = (uint32_t)fuzz_random(FUZZ_DESCS);
		e->dt = fuzz_number(1000);
		e->cpu = (unsigned int)fuzz_random(4);
		e->context = (unsigned int)fuzz_random(4);
		if (trace_type_is_page(descs[e->desc].type))
			e->addr = fuzz_number(256) >> (descs[e->desc].order & 7)
							      << (descs[e->desc].order & 7);
		else
			e->addr = fuzz_number(200) * 509;
	}
	kmtwriter_write(w, &r);
}

static void fuzz_make(struct strbuf *b)
{
	struct kmtwriter w = {0};

	fuzz_recording(&w);
	strbuf_add(b, (const char *)w.data, w.len);
	kmtwriter_free(&w);
	for (uint64_t k = fuzz_random(5); k > 0; k--)
		fuzz_damage(b, 0);
}

static bool fuzz_end(unsigned long inputs)
{
	printf("%lu complete, %lu damaged\n", fuzz_complete, fuzz_damaged);
	return fuzz_complete + fuzz_damaged > inputs / 8;
}

const struct fuzz_target fuzz_target = {
	.name = "kmt", .inputs = 1500, .make = fuzz_make, .end = fuzz_end};

FUZZ_MAIN
