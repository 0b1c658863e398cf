/* SPDX-License-Identifier: MIT */
/* What happened to a heap, as text and as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <heap.h>

#define HEAP_ROWS 16 /* of the table over time */

static double heap_share(uint64_t part, uint64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 0;
}

/* The sample at which most was alive; NULL without samples. */
static const struct heap_sample *heap_peak(const struct heap_result *r)
{
	const struct heap_sample *best = NULL;

	for (size_t i = 0; i < r->nr_samples; i++) {
		if (best == NULL || best->live_bytes < r->sample[i].live_bytes)
			best = &r->sample[i];
	}
	return best;
}

/* Live bytes over held bytes, over all samples. */
static double heap_mean(const struct heap_result *r)
{
	uint64_t live = 0, held = 0;

	for (size_t i = 0; i < r->nr_samples; i++) {
		live += r->sample[i].live_bytes;
		held += r->sample[i].held_bytes;
	}
	return heap_share(live, held);
}

static void heap_title(FILE *out, const char *title)
{
	fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < strlen(title); i++)
		fputc('-', out);
	fputc('\n', out);
}

static void heap_calls(FILE *out, const struct heap_result *r)
{
	heap_title(out, "Calls");
	for (unsigned int op = UMT_MALLOC; op < UMT_NR_OPS; op++) {
		if (r->ops[op] > 0)
			fprintf(out, "%-10s%10" PRIu64 "\n", umt_op_name(op), r->ops[op]);
	}
	fprintf(out, "realloc: %" PRIu64 " in place, %" PRIu64 " moved with %" PRIu64 " KiB.\n",
		r->in_place, r->moved, r->moved_bytes >> 10);
	fprintf(out,
		"Nothing to free: %" PRIu64 " NULL, %" PRIu64 " made before the recording, %" PRIu64
		" not alive, %" PRIu64 " refused here.\n",
		r->free_null, r->free_unseen, r->free_unknown, r->free_refused);
	for (size_t i = 0; i < r->free_unknown && i < HEAP_PLACES; i++)
		fprintf(out,
			"  not alive, at event %" PRIu64 ", %.6f s, thread %u: %s of block %" PRIu64
			": nothing was freed\n",
			r->unknown[i].event, (double)r->unknown[i].time_ns / 1e9,
			r->unknown[i].thread, umt_op_name(r->unknown[i].op), r->unknown[i].block);
	fprintf(out, "Freed by another thread than the one that made it: %" PRIu64 ".\n",
		r->other_thread);
	if (r->refused > 0)
		fprintf(out,
			"REFUSED here for want of memory: %" PRIu64 " blocks of %" PRIu64
			" KiB together.\n",
			r->refused, r->refused_bytes >> 10);
	else
		fputs("Refused here: none.\n", out);
}

static void heap_totals(FILE *out, const struct heap *h, const struct umt_facts *f)
{
	const struct heap_result *r = heap_result(h);
	const struct heap_sample *peak = heap_peak(r);

	heap_title(out, "Bytes asked for, and pages held for them");
	fprintf(out, "%-38s %10s %10s %11s\n", "", "live KiB", "held KiB", "efficiency");
	if (peak != NULL)
		fprintf(out, "%-38s %10" PRIu64 " %10" PRIu64 " %9.1f %%\n", "when most was alive",
			peak->live_bytes >> 10, peak->held_bytes >> 10,
			100 * heap_share(peak->live_bytes, peak->held_bytes));
	fprintf(out, "%-38s %10" PRIu64 " %10" PRIu64 " %9.1f %%\n", "at the end",
		r->live_bytes >> 10, r->held_bytes >> 10,
		100 * heap_share(r->live_bytes, r->held_bytes));
	fprintf(out, "%-38s %10s %10s %9.1f %%\n", "mean over the recording", "", "",
		100 * heap_mean(r));
	if (f->libc_arena + f->libc_mmap > 0)
		fprintf(out, "%-38s %10" PRIu64 " %10" PRIu64 " %9.1f %%\n",
			"the recorded C library, at its exit", f->libc_used >> 10,
			(f->libc_arena + f->libc_mmap) >> 10,
			100 * heap_share(f->libc_used, f->libc_arena + f->libc_mmap));
	fprintf(out,
		"At most %" PRIu64 " blocks and %" PRIu64 " bytes were alive, and %" PRIu64
		" KiB held.\n",
		r->max_live, r->max_live_bytes, r->max_held_bytes >> 10);
}

static void heap_time(FILE *out, const struct heap_result *r)
{
	size_t rows = r->nr_samples < HEAP_ROWS ? r->nr_samples : HEAP_ROWS;

	heap_title(out, "Over time");
	fprintf(out, "%10s %10s %10s %10s %11s\n", "event", "seconds", "live KiB", "held KiB",
		"efficiency");
	for (size_t i = 0; i < rows; i++) {
		const struct heap_sample *s = &r->sample[(i + 1) * r->nr_samples / rows - 1];

		fprintf(out, "%10" PRIu64 " %10.3f %10" PRIu64 " %10" PRIu64 " %9.1f %%\n",
			s->event, (double)s->time_ns / 1e9, s->live_bytes >> 10,
			s->held_bytes >> 10, 100 * heap_share(s->live_bytes, s->held_bytes));
	}
}

static void heap_classes(FILE *out, const struct heap_result *r)
{
	heap_title(out, "Size classes");
	fprintf(out, "%10s %10s %12s %8s %10s %10s %12s\n", "bytes", "allocs", "asked bytes",
		"inner", "live", "live KiB", "at most live");
	for (size_t i = 0; i < r->nr_classes; i++) {
		const struct heap_class *c = &r->class[i];

		fprintf(out,
			"%10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %6.1f %% %10" PRIu64
			" %10" PRIu64 " %12" PRIu64 "\n",
			c->size, c->allocs, c->asked,
			100 - 100 * heap_share(c->asked, c->allocs * c->size), c->live,
			c->live_bytes >> 10, c->max_live);
	}
	fputs("inner: of the bytes that a class gives, those that nobody asked for. Above two "
	      "pages "
	      "a row is\nall sizes up to that power of two.\n",
	      out);
}

void heap_text(FILE *out, const struct heap *h, const struct trace *t)
{
	const struct heap_result *r = heap_result(h);

	heap_calls(out, r);
	heap_totals(out, h, umt_facts(t));
	heap_time(out, r);
	heap_classes(out, r);
}

static void heap_set(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v));
}

static json_t *heap_json_samples(const struct heap_result *r)
{
	json_t *samples = json_array();

	for (size_t i = 0; i < r->nr_samples; i++) {
		const struct heap_sample *s = &r->sample[i];
		json_t *o = json_object();

		heap_set(o, "event", s->event);
		heap_set(o, "time_ns", s->time_ns);
		heap_set(o, "live_bytes", s->live_bytes);
		heap_set(o, "held_bytes", s->held_bytes);
		json_array_append_new(samples, o);
	}
	return samples;
}

static json_t *heap_json_classes(const struct heap_result *r)
{
	json_t *classes = json_array();

	for (size_t i = 0; i < r->nr_classes; i++) {
		const struct heap_class *c = &r->class[i];
		json_t *o = json_object();

		heap_set(o, "size", c->size);
		heap_set(o, "allocs", c->allocs);
		heap_set(o, "asked_bytes", c->asked);
		heap_set(o, "live", c->live);
		heap_set(o, "live_bytes", c->live_bytes);
		heap_set(o, "max_live", c->max_live);
		json_array_append_new(classes, o);
	}
	return classes;
}

static json_t *heap_json_places(const struct heap_result *r)
{
	json_t *places = json_array();

	for (size_t i = 0; i < r->free_unknown && i < HEAP_PLACES; i++) {
		json_t *o = json_object();

		heap_set(o, "event", r->unknown[i].event);
		heap_set(o, "time_ns", r->unknown[i].time_ns);
		heap_set(o, "thread", r->unknown[i].thread);
		heap_set(o, "block", r->unknown[i].block);
		json_object_set_new(o, "call", json_string(umt_op_name(r->unknown[i].op)));
		json_array_append_new(places, o);
	}
	return places;
}

json_t *heap_json(const struct heap *h, const struct trace *t)
{
	const struct heap_result *r = heap_result(h);
	const struct heap_sample *peak = heap_peak(r);
	const struct umt_facts *f = umt_facts(t);
	json_t *o = json_object(), *calls = json_object(), *libc = json_object();

	for (unsigned int op = UMT_MALLOC; op < UMT_NR_OPS; op++)
		heap_set(calls, umt_op_name(op), r->ops[op]);
	json_object_set_new(o, "kind", json_string(heap_kind_name(heap_kind(h))));
	json_object_set_new(o, "calls", calls);
	heap_set(o, "realloc_in_place", r->in_place);
	heap_set(o, "realloc_moved", r->moved);
	heap_set(o, "realloc_moved_bytes", r->moved_bytes);
	heap_set(o, "free_null", r->free_null);
	heap_set(o, "free_before_recording", r->free_unseen);
	heap_set(o, "free_not_alive", r->free_unknown);
	json_object_set_new(o, "not_alive_places", heap_json_places(r));
	heap_set(o, "free_refused", r->free_refused);
	heap_set(o, "other_thread", r->other_thread);
	heap_set(o, "refused", r->refused);
	heap_set(o, "refused_bytes", r->refused_bytes);
	heap_set(o, "live", r->live);
	heap_set(o, "live_bytes", r->live_bytes);
	heap_set(o, "held_bytes", r->held_bytes);
	heap_set(o, "max_live", r->max_live);
	heap_set(o, "max_live_bytes", r->max_live_bytes);
	heap_set(o, "max_held_bytes", r->max_held_bytes);
	if (peak != NULL)
		json_object_set_new(o, "peak_efficiency",
				    json_real(heap_share(peak->live_bytes, peak->held_bytes)));
	json_object_set_new(o, "mean_efficiency", json_real(heap_mean(r)));
	heap_set(libc, "held_bytes", f->libc_arena + f->libc_mmap);
	heap_set(libc, "used_bytes", f->libc_used);
	heap_set(libc, "live_bytes_max", f->live_bytes_max);
	json_object_set_new(o, "recorded", libc);
	json_object_set_new(o, "samples", heap_json_samples(r));
	json_object_set_new(o, "classes", heap_json_classes(r));
	return o;
}
