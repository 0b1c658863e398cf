/* SPDX-License-Identifier: MIT */
/*
 * Tables of typed ranges, and Linux's rule for a table that contradicts itself: at every address
 * the numerically largest type wins. map_table_update() sweeps the sorted ranges once, with a heap
 * of those that cover the current address: O(n log n).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <map.h>

void map_table_add(struct map_table *t, uint64_t start, uint64_t end, uint32_t type,
		   unsigned int line)
{
	if (start >= end)
		return;
	if (t->nr == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 32;
		t->r = xrealloc(t->r, t->cap, sizeof(*t->r));
	}
	t->r[t->nr++] = (struct map_range){start, end, type, line};
}

/* Within [start, end), entries of type @from (0: all) become @to (0: go). */
static uint64_t map_table_carve(struct map_table *t, uint64_t start, uint64_t end, uint32_t from,
				uint32_t to)
{
	uint64_t changed = 0;
	size_t i, n = t->nr, kept = 0;

	for (i = 0; i < n; i++) {
		struct map_range r = t->r[i];
		uint64_t lo = r.start > start ? r.start : start;
		uint64_t hi = r.end < end ? r.end : end;

		if (lo >= hi || (from != 0 && r.type != from))
			continue;
		changed += hi - lo;
		map_table_add(t, r.start, lo, r.type, r.line);
		map_table_add(t, hi, r.end, r.type, r.line);
		t->r[i].start = lo;
		t->r[i].end = to != 0 ? hi : lo;
		t->r[i].type = to;
	}
	for (i = 0; i < t->nr; i++)
		if (t->r[i].start < t->r[i].end)
			t->r[kept++] = t->r[i];
	t->nr = kept;
	return changed;
}

void map_table_remove(struct map_table *t, uint64_t start, uint64_t end, uint32_t type)
{
	map_table_carve(t, start, end, type, 0);
}

uint64_t map_table_change(struct map_table *t, uint64_t start, uint64_t end, uint32_t from,
			  uint32_t to)
{
	return map_table_carve(t, start, end, from, to);
}

void map_table_copy(struct map_table *to, const struct map_table *from)
{
	*to = (struct map_table){.nr = from->nr, .cap = from->nr};
	to->r = xmalloc(from->nr * sizeof(*to->r));
	if (from->nr != 0)
		memcpy(to->r, from->r, from->nr * sizeof(*to->r));
}

void map_table_free(struct map_table *t)
{
	free(t->r);
	*t = (struct map_table){0};
}

uint64_t map_table_bytes(const struct map_table *t, uint32_t type)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (t->r[i].type == type)
			sum += t->r[i].end - t->r[i].start;
	return sum;
}

static int map_range_cmp(const void *a, const void *b)
{
	const struct map_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

/* A heap of the ranges that cover the current address, largest type on top. */
struct map_heap {
	struct map_range *r;
	size_t nr;
};

static void map_heap_push(struct map_heap *h, struct map_range r)
{
	size_t i = h->nr++;

	for (; i > 0 && h->r[(i - 1) / 2].type < r.type; i = (i - 1) / 2)
		h->r[i] = h->r[(i - 1) / 2];
	h->r[i] = r;
}

static void map_heap_pop(struct map_heap *h)
{
	struct map_range last = h->r[--h->nr];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < h->nr) {
		if (child + 1 < h->nr && h->r[child + 1].type > h->r[child].type)
			child++;
		if (h->r[child].type <= last.type)
			break;
		h->r[i] = h->r[child];
		i = child;
	}
	h->r[i] = last;
}

/* Append, joined to the last range if that touches and has the same type. */
static void map_table_append(struct map_table *t, uint64_t start, uint64_t end,
			     const struct map_range *from)
{
	struct map_range *last = t->nr ? &t->r[t->nr - 1] : NULL;

	if (last != NULL && last->end == start && last->type == from->type)
		last->end = end;
	else
		map_table_add(t, start, end, from->type, from->line);
}

static void map_warn_overlap(const char *file, struct diag *diag, const struct map_range *a,
			     const struct map_range *b)
{
	char name[32];

	if (diag == NULL || a->line == 0 || b->line == 0)
		return;
	diag_warn(diag, file, a->line > b->line ? a->line : b->line,
		  "[mem 0x%016" PRIx64 "-0x%016" PRIx64 "] overlaps the range of line %u; %s wins",
		  a->line > b->line ? a->start : b->start,
		  (a->line > b->line ? a->end : b->end) - 1, a->line > b->line ? b->line : a->line,
		  map_type_name(a->type > b->type ? a->type : b->type, name, sizeof(name)));
}

static void map_warn_unsorted(const struct map_table *t, const char *file, struct diag *diag)
{
	size_t i;

	for (i = 1; i < t->nr && diag != NULL; i++)
		if (t->r[i].start < t->r[i - 1].start && t->r[i].line != 0)
			diag_warn(diag, file, t->r[i].line,
				  "[mem 0x%016" PRIx64 "-0x%016" PRIx64
				  "] lies below the line before; sorted",
				  t->r[i].start, t->r[i].end - 1);
}

void map_table_update(struct map_table *t, const char *file, struct diag *diag)
{
	struct map_heap heap = {.r = xmalloc(t->nr * sizeof(*heap.r))};
	struct map_table out = {0};
	uint64_t at = 0;
	size_t i = 0;

	map_warn_unsorted(t, file, diag);
	if (t->nr > 1)
		qsort(t->r, t->nr, sizeof(*t->r), map_range_cmp);
	while (i < t->nr || heap.nr > 0) {
		uint64_t next = i < t->nr ? t->r[i].start : UINT64_MAX;

		/* Up to the next start, the top of the heap rules for as long as it reaches. */
		while (heap.nr > 0 && at < next) {
			uint64_t end = heap.r[0].end < next ? heap.r[0].end : next;

			if (at < end) {
				map_table_append(&out, at, end, &heap.r[0]);
				at = end;
			}
			if (heap.r[0].end <= at)
				map_heap_pop(&heap);
		}
		while (heap.nr > 0 && heap.r[0].end <= next)
			map_heap_pop(&heap);
		if (i == t->nr)
			break;
		at = next;
		if (heap.nr > 0)
			map_warn_overlap(file, diag, &heap.r[0], &t->r[i]);
		map_heap_push(&heap, t->r[i++]);
	}
	free(heap.r);
	map_table_free(t);
	*t = out;
}
