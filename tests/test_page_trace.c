/* SPDX-License-Identifier: MIT */
/*
 * Events of the page allocator: each where Linux has it, with its fields; and the round trip: what one
 * machine did, told as perf script tells it and replayed on a second one, leaves both in the same state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <engine.h>
#include <quarry/posix.h>

#define MIB ((phys_addr_t)1 << 20)
#define EVENTS 200000

static struct quarry *boot(unsigned int mib)
{
	const struct quarry_boot_params p = {.nr_cpus = 2};
	struct quarry *q = quarry_posix_new(NULL);

	assert_non_null(q);
	assert_int_equal(quarry_memblock_add(q, MIB, (mib - 1) * MIB), 0);
	assert_int_equal(quarry_boot(q, &p), 0);
	return q;
}

struct log {
	struct quarry_trace_event *e;
	unsigned int n;
};

static void keep(void *ctx, const struct quarry_trace_event *event)
{
	struct log *l = ctx;

	assert_true(l->n < EVENTS);
	l->e[l->n++] = *event;
}

static void log_begin(struct log *l, struct quarry *q)
{
	l->e = calloc(EVENTS, sizeof(*l->e));
	l->n = 0;
	assert_non_null(l->e);
	assert_int_equal(quarry_trace_set(q, keep, l), 0);
}

static unsigned int count(const struct log *l, enum quarry_trace_type type)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < l->n; i++)
		n += l->e[i].type == type;
	return n;
}

static const struct quarry_trace_event *first(const struct log *l, enum quarry_trace_type type)
{
	for (unsigned int i = 0; i < l->n; i++) {
		if (l->e[i].type == type)
			return &l->e[i];
	}
	fail_msg("no event of type %d", type);
	return NULL;
}

/* ---- each event ---- */

static void alloc_and_free(void **state)
{
	struct quarry *q = boot(64);
	const struct quarry_trace_event *e;
	struct page *page;
	struct log l;

	(void)state;
	log_begin(&l, q);
	quarry_posix_set_cpu(1);
	page = quarry_alloc_pages(q, GFP_HIGHUSER_MOVABLE, 4);
	e = first(&l, QUARRY_TRACE_PAGE_ALLOC);
	assert_ptr_equal(e->page, page);
	assert_int_equal(e->pfn, quarry_page_to_pfn(q, page));
	assert_int_equal(e->order, 4);
	assert_int_equal(e->gfp, GFP_HIGHUSER_MOVABLE);
	assert_int_equal(e->migratetype, QUARRY_MIGRATE_MOVABLE);
	assert_int_equal(e->cpu, 1);
	assert_true(e->ns != 0);
	/* Order 4 has no sheaf: out of the zone by itself. */
	e = first(&l, QUARRY_TRACE_ZONE_LOCKED);
	assert_ptr_equal(e->page, page);
	assert_false(e->percpu_refill);
	l.n = 0;
	quarry_free_pages(q, page, 4);
	assert_int_equal(l.n, 1);
	e = first(&l, QUARRY_TRACE_PAGE_FREE);
	assert_int_equal(e->pfn, quarry_page_to_pfn(q, page));
	assert_int_equal(e->order, 4);
	quarry_posix_set_cpu(0);
	quarry_posix_delete(q);
	free(l.e);
}

static void refused_requests_are_told(void **state)
{
	struct quarry *q = boot(8);
	struct log l;

	(void)state;
	while (quarry_alloc_pages(q, GFP_NOWAIT | __GFP_NOWARN, 0) != NULL)
		;
	log_begin(&l, q);
	assert_null(quarry_alloc_pages(q, GFP_NOWAIT | __GFP_NOWARN, 0));
	assert_int_equal(count(&l, QUARRY_TRACE_PAGE_ALLOC), 1);
	assert_null(first(&l, QUARRY_TRACE_PAGE_ALLOC)->page);
	assert_int_equal(first(&l, QUARRY_TRACE_PAGE_ALLOC)->pfn, 0);
	quarry_posix_delete(q);
	free(l.e);
}

/* A sheaf's refill and drain are told block by block; what is refilled and not taken is drained. */
static void refill_and_drain(void **state)
{
	struct quarry *q = boot(512);
	struct page *page[100];
	unsigned int refilled, drained;
	struct log l;

	(void)state;
	log_begin(&l, q);
	for (int i = 0; i < 100; i++)
		page[i] = quarry_alloc_pages(q, GFP_KERNEL, 0);
	refilled = count(&l, QUARRY_TRACE_ZONE_LOCKED);
	assert_true(refilled >= 100);
	assert_int_equal(count(&l, QUARRY_TRACE_PCPU_DRAIN), 0);
	for (int i = 0; i < 100; i++)
		quarry_free_pages(q, page[i], 0);
	quarry_drain_all_pages(q);
	drained = count(&l, QUARRY_TRACE_PCPU_DRAIN);
	assert_int_equal(drained, refilled);
	assert_int_equal(count(&l, QUARRY_TRACE_PAGE_ALLOC), 100);
	assert_int_equal(count(&l, QUARRY_TRACE_PAGE_FREE), 100);
	for (unsigned int i = 0; i < l.n; i++) {
		if (l.e[i].type == QUARRY_TRACE_ZONE_LOCKED && l.e[i].order == 0 &&
		    !l.e[i].percpu_refill)
			refilled--; /* the one that fallback took */
	}
	assert_true(refilled >= 99);
	/* No more once it is off. */
	assert_int_equal(quarry_trace_set(q, NULL, NULL), 0);
	l.n = 0;
	quarry_free_pages(q, quarry_alloc_pages(q, GFP_KERNEL, 0), 0);
	assert_int_equal(l.n, 0);
	quarry_posix_delete(q);
	free(l.e);
}

/* P19: single pages that are freed together are told twice, as Linux does; what is kept is not told. */
static void batches_are_told(void **state)
{
	struct quarry *q = boot(64);
	struct page *page[8] = {NULL};
	struct log l;

	(void)state;
	for (int i = 0; i < 6; i++)
		page[i] = quarry_alloc_pages(q, GFP_KERNEL, 0);
	page[7] = quarry_alloc_pages(q, GFP_KERNEL, 2);
	quarry_get_page(q, page[3]);
	log_begin(&l, q);
	quarry_release_pages(q, page, 8);
	assert_int_equal(count(&l, QUARRY_TRACE_PAGE_FREE), 6);
	assert_int_equal(count(&l, QUARRY_TRACE_PAGE_FREE_BATCHED), 5);
	for (unsigned int i = 1; i < l.n; i++) {
		if (l.e[i].type != QUARRY_TRACE_PAGE_FREE_BATCHED)
			continue;
		assert_int_equal(l.e[i - 1].type, QUARRY_TRACE_PAGE_FREE);
		assert_int_equal(l.e[i - 1].pfn, l.e[i].pfn);
		assert_ptr_not_equal(l.e[i].page, page[3]);
		assert_int_equal(l.e[i].order, 0);
	}
	assert_int_equal(quarry_page_count(q, page[3]), 1);
	/* One by one it is no batch; nor is damage. */
	l.n = 0;
	quarry_free_pages(q, page[3], 0);
	quarry_release_pages(q, page, 8);
	memset(page, 0, sizeof(page));
	assert_int_equal(count(&l, QUARRY_TRACE_PAGE_FREE), 1);
	assert_int_equal(count(&l, QUARRY_TRACE_PAGE_FREE_BATCHED), 0);
	l.n = 0;
	assert_int_equal(quarry_alloc_pages_bulk(q, QUARRY_NO_NODE, GFP_KERNEL, 3, page), 3);
	quarry_release_pages(q, page, 3);
	assert_int_equal(count(&l, QUARRY_TRACE_PAGE_FREE_BATCHED), 3);
	assert_int_equal(quarry_trace_set(q, NULL, NULL), 0);
	assert_int_equal(quarry_check_pages(q, NULL), 0);
	quarry_posix_delete(q);
	free(l.e);
}

static void fallback_is_told(void **state)
{
	struct quarry *q = boot(64);
	const struct quarry_trace_event *e;
	struct page *page;
	struct log l;

	(void)state;
	log_begin(&l, q);
	/* All pageblocks are movable at boot: the first unmovable request claims one. */
	page = quarry_alloc_pages(q, GFP_KERNEL, 5);
	e = first(&l, QUARRY_TRACE_EXTFRAG);
	assert_int_equal(e->order, 5);
	assert_int_equal(e->migratetype, QUARRY_MIGRATE_UNMOVABLE);
	assert_int_equal(e->fallback_migratetype, QUARRY_MIGRATE_MOVABLE);
	assert_true(e->fallback_order >= 9);
	assert_true(e->change_ownership);
	quarry_free_pages(q, page, 5);
	quarry_posix_delete(q);
	free(l.e);
}

/* ---- as text ---- */

static void lines_of_perf_script(void **state)
{
	static const struct {
		struct quarry_trace_event e;
		const char *text;
	} cases[] = {
		{{.type = QUARRY_TRACE_PAGE_ALLOC,
		  .cpu = 3,
		  .ns = 1234567890123,
		  .page = (const struct page *)8,
		  .pfn = 0x1234,
		  .order = 2,
		  .gfp = GFP_KERNEL | __GFP_ZERO,
		  .migratetype = 0},
		 "kmem:mm_page_alloc: page=0xffffea0000048d00 pfn=0x1234 order=2 migratetype=0 "
		 "gfp_flags=GFP_KERNEL|__GFP_ZERO"},
		{{.type = QUARRY_TRACE_PAGE_ALLOC, .order = 9, .gfp = GFP_NOWAIT},
		 "kmem:mm_page_alloc: page=(nil) pfn=0x0 order=9 migratetype=0 "
		 "gfp_flags=GFP_NOWAIT"},
		{{.type = QUARRY_TRACE_PAGE_FREE,
		  .page = (const struct page *)8,
		  .pfn = 0x10,
		  .order = 1},
		 "kmem:mm_page_free: page=0xffffea0000000400 pfn=0x10 order=1"},
		{{.type = QUARRY_TRACE_PAGE_FREE_BATCHED,
		  .page = (const struct page *)8,
		  .pfn = 0x10},
		 "kmem:mm_page_free_batched: page=0xffffea0000000400 pfn=0x10 order=0"},
		{{.type = QUARRY_TRACE_PCPU_DRAIN,
		  .page = (const struct page *)8,
		  .pfn = 0x10,
		  .migratetype = 1},
		 "kmem:mm_page_pcpu_drain: page=0xffffea0000000400 pfn=0x10 order=0 migratetype=1"},
		{{.type = QUARRY_TRACE_ZONE_LOCKED,
		  .page = (const struct page *)8,
		  .pfn = 0x10,
		  .percpu_refill = true},
		 "kmem:mm_page_alloc_zone_locked: page=0xffffea0000000400 pfn=0x10 order=0 "
		 "migratetype=0 percpu_refill=1"},
		{{.type = QUARRY_TRACE_EXTFRAG,
		  .page = (const struct page *)8,
		  .pfn = 0x10,
		  .order = 1,
		  .fallback_order = 5,
		  .fallback_migratetype = 1,
		  .migratetype = 2},
		 "kmem:mm_page_alloc_extfrag: page=0xffffea0000000400 pfn=0x10 alloc_order=1 "
		 "fallback_order=5 pageblock_order=9 alloc_migratetype=2 fallback_migratetype=1 "
		 "fragmenting=1 change_ownership=0"},
	};
	char line[320], part[320], *at;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = quarry_trace_format(&cases[i].e, line, sizeof(line));

		assert_int_equal(len, strlen(line));
		at = strstr(line, "kmem:");
		assert_non_null(at);
		assert_string_equal(at, cases[i].text);
	}
	quarry_trace_format(&cases[0].e, line, sizeof(line));
	assert_non_null(strstr(line, " [003]  1234.567890123: "));
	/* The whole line; of any length that there is room for, as snprintf() has it. */
	assert_string_equal(
		line, "          quarry     3 [003]  1234.567890123:         kmem:mm_page_alloc: "
		      "page=0xffffea0000048d00 pfn=0x1234 order=2 migratetype=0 "
		      "gfp_flags=GFP_KERNEL|__GFP_ZERO");
	for (size_t size = 0; size <= strlen(line) + 1; size++) {
		memset(part, '#', sizeof(part));
		assert_int_equal(quarry_trace_format(&cases[0].e, part, size), strlen(line));
		assert_int_equal(part[size], '#');
		if (size != 0) {
			assert_memory_equal(part, line, size - 1);
			assert_int_equal(part[size - 1], '\0');
		}
	}
	quarry_trace_format(&(struct quarry_trace_event){.type = QUARRY_NR_TRACE_TYPES, .order = 3},
			    line, sizeof(line));
	assert_non_null(strstr(line, " kmem:?: page=(nil) pfn=0x0 order=3"));
}

/* ---- the round trip ---- */

/*
 * No request may be refused: a replay does not try those, and a refusal empties all sheaves. And a replay
 * holds an allocation back until the next event of its CPU, so the CPU changes after a free only.
 */

static void write_line(void *ctx, const struct quarry_trace_event *event)
{
	struct strbuf *text = ctx;
	char line[320];

	quarry_trace_format(event, line, sizeof(line));
	strbuf_addf(text, "%s\n", line);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void random_life(struct quarry *q, uint64_t seed)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_ATOMIC,
				      GFP_KERNEL | GFP_DMA,
				      GFP_KERNEL | __GFP_RECLAIMABLE | __GFP_ZERO};
	struct page *page[500] = {NULL};
	unsigned int order[500] = {0};

	for (int step = 0; step < 6000; step++) {
		uint64_t r = random_next(&seed);
		unsigned int i = (unsigned int)(r % 500);

		if (page[i] != NULL) {
			if ((r >> 40) % 4 == 0)
				quarry_release_pages(q, &page[i], 1);
			else
				quarry_free_pages(q, page[i], order[i]);
			page[i] = NULL;
			quarry_posix_set_cpu(r >> 50 & 1);
		} else {
			order[i] = (r >> 20) % 4 != 0 ? 0 : (unsigned int)(r >> 24) % 7;
			page[i] = quarry_alloc_pages(q, kinds[(r >> 32) % 5] | __GFP_NOWARN,
						     order[i]);
			assert_non_null(page[i]);
		}
	}
	quarry_posix_set_cpu(0);
}

static void collect(void *ctx, const char *s, size_t len)
{
	strbuf_add(ctx, s, len);
}

static char *state_of(struct quarry *q)
{
	struct strbuf text = {0};
	struct quarry_out out = {collect, &text};

	quarry_show_buddyinfo(q, &out);
	quarry_show_pagetypeinfo(q, &out);
	quarry_show_zoneinfo(q, &out);
	return text.s;
}

static void replay_gives_the_same_state(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct quarry *a = boot(512), *b = boot(512);
		struct strbuf text = {0};
		struct diag diag = {0};
		struct trace t;
		struct engine *e;
		char *sa, *sb;
		size_t n;

		assert_int_equal(quarry_trace_set(a, write_line, &text), 0);
		random_life(a, seed);
		assert_int_equal(quarry_trace_set(a, NULL, NULL), 0);
		assert_int_equal(trace_open_memory(&t, "trace", text.s, text.len, &diag), CLI_OK);
		e = engine_new(b, 2, &t, NULL);
		while ((n = trace_next(&t)) > 0)
			assert_true(engine_play(e, n));
		engine_finish(e);
		assert_int_equal(t.nr_bad_lines, 0);
		assert_int_equal(t.nr_foreign_lines, 0);
		assert_true(engine_result(e)->events > 6000);
		for (pfn_t pfn = 256; pfn < 512 * 256; pfn++) {
			unsigned int oa, ob;

			assert_int_equal(quarry_pfn_state(a, pfn, &oa),
					 quarry_pfn_state(b, pfn, &ob));
			assert_int_equal(oa, ob);
		}
		sa = state_of(a);
		sb = state_of(b);
		assert_string_equal(sa, sb);
		free(sa);
		free(sb);
		strbuf_free(&text);
		diag_free(&diag);
		trace_close(&t);
		quarry_posix_delete(a);
		quarry_posix_delete(b);
		engine_delete(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alloc_and_free),
		cmocka_unit_test(refused_requests_are_told),
		cmocka_unit_test(refill_and_drain),
		cmocka_unit_test(batches_are_told),
		cmocka_unit_test(fallback_is_told),
		cmocka_unit_test(lines_of_perf_script),
		cmocka_unit_test(replay_gives_the_same_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
