/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the readers of the text that quarry convert writes: whatever they take is written in the binary form, and must
 * be read back as the same events.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <convert.h>
#include <umtwrite.h>

#include "fuzz.h"

#define FUZZ_EVENTS 256

static unsigned long fuzz_taken, fuzz_refused;

struct fuzz_run {
	struct trace_event event[FUZZ_EVENTS];
	struct umt_event user[FUZZ_EVENTS];
	uint32_t task[FUZZ_EVENTS];
	size_t nr;
};

/* Written, read back, compared. */
static void fuzz_kernel(struct convert_tagged *c, const struct fuzz_run *r)
{
	struct strbuf bytes = {0};
	struct diag diag = {0};
	struct kmtwrite *w;
	struct output o;
	struct trace t;
	size_t n = 0, got;

	c->tables.meta = "{}";
	c->tables.meta_len = 2;
	c->tables.sites = &c->sites;
	c->tables.caches = &c->caches;
	c->tables.tasks = &c->tasks;
	c->tables.task_class = c->task_class;
	c->tables.descs = c->descs;
	output_open_memory(&o, &bytes);
	w = kmtwrite_begin(&o, &c->tables);
	for (size_t i = 0; i < r->nr; i++)
		kmtwrite_event(w, &r->event[i], r->task[i]);
	kmtwrite_end(w);
	if (trace_open_memory(&t, "fuzz", bytes.s, bytes.len, &diag) != CLI_OK)
		fuzz_fail(NULL, "what was written is no recording");
	while ((got = trace_next(&t)) > 0) {
		for (size_t i = 0; i < got; i++, n++) {
			const struct trace_event *a = &t.batch[i], *b = &r->event[n];

			if (n >= r->nr || a->addr != b->addr || a->time_ns != b->time_ns ||
			    a->desc != b->desc || a->cpu != b->cpu || a->context != b->context)
				fuzz_fail(NULL, "an event came back as another");
		}
	}
	if (t.damaged || n != r->nr)
		fuzz_fail(NULL, t.damaged ? diag.text.s : "events are missing");
	trace_close(&t);
	strbuf_free(&bytes);
	diag_free(&diag);
}

static void fuzz_user(const struct fuzz_run *r)
{
	const struct umt_event *batch;
	struct strbuf bytes = {0};
	struct diag diag = {0};
	struct umtwrite *w;
	struct output o;
	struct trace t;
	size_t n;

	output_open_memory(&o, &bytes);
	w = umtwrite_begin(&o, "{}", 2);
	for (size_t i = 0; i < r->nr; i++)
		umtwrite_event(w, &r->user[i]);
	umtwrite_end(w);
	if (trace_open_memory(&t, "fuzz", bytes.s, bytes.len, &diag) != CLI_OK)
		fuzz_fail(NULL, "what was written is no user recording");
	n = umt_next(&t, &batch);
	if (n != r->nr || (n > 0 && memcmp(batch, r->user, n * sizeof(*batch)) != 0))
		fuzz_fail(NULL, "a user event came back as another");
	trace_close(&t);
	strbuf_free(&bytes);
	diag_free(&diag);
}

/* A line of either kind. */
static void fuzz_line(struct convert_tagged *c, struct fuzz_run *kernel, struct fuzz_run *user,
		      const char *line, size_t len)
{
	struct trace_event ev;
	struct umt_event u;
	const char *why;
	uint32_t task;
	uint64_t made = 0;
	int got = convert_tagged_line(c, line, len, &ev, &task, &why);

	if (got < 0 && why == NULL)
		fuzz_fail(NULL, "refused without a word");
	if (got > 0 && kernel->nr < FUZZ_EVENTS &&
	    (kernel->nr == 0 || ev.time_ns >= kernel->event[kernel->nr - 1].time_ns)) {
		kernel->task[kernel->nr] = task;
		kernel->event[kernel->nr++] = ev;
	}
	fuzz_taken += got > 0;
	fuzz_refused += got < 0;
	got = convert_user_parse(line, len, &u, &why);
	for (size_t i = 0; i < user->nr; i++)
		made += user->user[i].op != UMT_FREE;
	if (got <= 0 || user->nr == FUZZ_EVENTS ||
	    (user->nr > 0 && u.time_ns < user->user[user->nr - 1].time_ns) ||
	    (u.op != UMT_FREE && u.made != made + 1) || (u.block != UMT_UNSEEN && u.block > made))
		return;
	user->user[user->nr++] = u;
	fuzz_taken++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_run kernel, user;
	struct convert_tagged c = {.meta = NULL};
	const char *s = (const char *)data, *end = s + size;

	kernel.nr = user.nr = 0;
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t len = (size_t)((nl != NULL ? nl : end) - s);
		char *line = xstrndup(s, len);

		fuzz_line(&c, &kernel, &user, line, strlen(line));
		free(line);
		s += len + 1;
	}
	if (kernel.nr > 0)
		fuzz_kernel(&c, &kernel);
	fuzz_user(&user);
	convert_tagged_free(&c);
	return 0;
}

static void fuzz_text(struct strbuf *b)
{
	uint64_t now = 0, made = 0;

	strbuf_addf(b, "# quarry KMT1 {}\n# quarry site \n# quarry site f+0x1\n# quarry cache \n# "
		       "quarry cache dentry\n"
		       "# quarry task 2 sh\n");
	for (unsigned int i = 0; i < 8; i++)
		strbuf_addf(b, "# quarry desc %u %u %u %u %u %u %u -1 %u -1 -1 -1\n",
			    1 + (unsigned int)fuzz_random(13), (unsigned int)fuzz_random(16),
			    (unsigned int)fuzz_random(2), (unsigned int)fuzz_random(2),
			    (unsigned int)fuzz_random(5000), (unsigned int)fuzz_random(5000),
			    (unsigned int)fuzz_random(1 << 20), (unsigned int)fuzz_random(11));
	for (uint64_t i = 0; i < 60; i++) {
		now += fuzz_random(100000);
		if (fuzz_random(2) == 0)
			strbuf_addf(b,
				    " sh 1 [000] 1.0: kmem:kfree: ptr=0x1 "
				    "quarry=%u,%u,0,%llx,%llu,%u\n",
				    (unsigned int)fuzz_random(8), (unsigned int)fuzz_random(4),
				    (unsigned long long)(fuzz_random(300) << fuzz_random(40)),
				    (unsigned long long)now, (unsigned int)fuzz_random(300));
		else if (fuzz_random(2) == 0 || made == 0)
			strbuf_addf(b, "%llu 1 malloc %llu -> %llu\n", (unsigned long long)now,
				    (unsigned long long)fuzz_random(100000),
				    (unsigned long long)++made);
		else
			strbuf_addf(b, "%llu 2 free %llu\n", (unsigned long long)now,
				    (unsigned long long)(1 + fuzz_random(made)));
	}
}

static void fuzz_make(struct strbuf *b)
{
	fuzz_text(b);
	for (uint64_t k = fuzz_random(8); k > 0; k--) {
		char digit = (char)('0' + fuzz_random(10));

		if (fuzz_random(2) == 0)
			fuzz_splice(b, fuzz_random(b->len), 1, &digit, 1);
		else
			fuzz_damage(b, 0);
	}
}

static bool fuzz_end(unsigned long inputs)
{
	printf("%lu lines taken, %lu refused\n", fuzz_taken, fuzz_refused);
	return fuzz_taken > inputs;
}

const struct fuzz_target fuzz_target = {
	.name = "convert", .inputs = 1500, .make = fuzz_make, .end = fuzz_end};

FUZZ_MAIN
