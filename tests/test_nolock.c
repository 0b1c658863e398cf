/* SPDX-License-Identifier: MIT */
/*
 * Many pages in one call (2b: bulk), and blocks for those who must not wait (2b: alloc_pages_nolock),
 * from real signal handlers that come in between anything.
 */
#include <quarry/quarry.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "page_hoard.h"

#include <page/internal.h>

static const struct machine_spec m64 = {.memory = {{0, 64 * MIB, 0}}, .boot = {.nr_cpus = 2}};

/* ---- bulk ---- */

static void bulk_fills_what_is_empty(void **state)
{
	static struct page *pages[1000], *one;
	struct quarry_totals before, after;
	struct machine m;

	(void)state;
	machine_build(&m, &m64);
	quarry_totals(m.q, &before);
	memset(pages, 0, sizeof(pages));
	one = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	pages[3] = one;
	assert_int_equal(quarry_alloc_pages_bulk(m.q, QUARRY_NO_NODE, GFP_KERNEL, 1000, pages),
			 1000);
	assert_ptr_equal(pages[3], one);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_non_null(pages[i]);
		assert_int_equal(quarry_page_count(m.q, pages[i]), 1);
	}
	machine_check(&m);
	quarry_totals(m.q, &after);
	assert_int_equal(after.pgalloc - before.pgalloc, 1000);
	assert_int_equal(quarry_alloc_pages_bulk(m.q, 0, GFP_KERNEL, 1000, pages), 1000); /* full */
	pages[10] = NULL; /* leaks one on purpose: a gap near the end of a filled array */
	one = pages[9];
	assert_int_equal(quarry_alloc_pages_bulk(m.q, 0, GFP_KERNEL, 1000, pages), 1000);
	assert_ptr_equal(pages[9], one);
	quarry_release_pages(m.q, pages, 1000);
	quarry_totals(m.q, &after);
	assert_int_equal(after.pgfree - before.pgfree, 1000);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* Every page it gives stays above the low mark or was asked for singly; nothing is lost at the end of memory. */
static void bulk_to_the_end(void **state)
{
	static struct page *pages[20000];
	struct machine_spec spec = {.memory = {{0, 32 * MIB, 0}}, .ram_bytes = 32 << 20};
	unsigned long managed;
	struct machine m;
	size_t n, last = 0;

	(void)state;
	machine_build(&m, &spec);
	managed = managed_pages(&m);
	memset(pages, 0, sizeof(pages));
	while ((n = quarry_alloc_pages_bulk(m.q, QUARRY_NO_NODE, GFP_ALL | __GFP_ZERO, 20000,
					    pages)) > last)
		last = n;
	assert_int_equal(last, managed);
	for (size_t i = 0; i < last; i += 37)
		assert_int_equal(*(char *)quarry_page_address(m.q, pages[i]), 0);
	assert_null(pages[last]);
	assert_int_equal(quarry_alloc_pages_bulk(m.q, 5, GFP_KERNEL, 20000, pages),
			 last); /* no such node */
	machine_check(&m);
	quarry_release_pages(m.q, pages, 20000);
	quarry_drain_all_pages(m.q);
	assert_int_equal(machine_free_pages(&m), managed);
	machine_check(&m);
	machine_fini(&m);
}

/* ---- nolock ---- */

static void nolock_in_quiet(void **state)
{
	struct machine_spec spec = m64;
	struct page *page;
	struct machine m;

	(void)state;
	for (unsigned int concurrent = 0; concurrent < 2; concurrent++) {
		spec.concurrent = concurrent;
		machine_build(&m, &spec);
		assert_null(quarry_alloc_pages_nolock(m.q, 0, 4));
		assert_null(quarry_alloc_pages_nolock(m.q, 0, QUARRY_NR_ORDERS));
		assert_null(quarry_alloc_pages_nolock(m.q, 1, 0));
		/* Nobody has allocated: no descriptors, no sheaf, and it makes none. */
		assert_null(quarry_alloc_pages_nolock(m.q, 0, 0));
		page = NULL;
		for (unsigned int i = 0; i < 200 && page == NULL; i++) {
			quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_KERNEL, 0), 0);
			page = quarry_alloc_pages_nolock(m.q, QUARRY_NO_NODE, 0);
		}
		assert_non_null(page);
		assert_int_equal(quarry_page_count(m.q, page), 1);
		machine_check(&m);
		quarry_get_page(m.q, page);
		quarry_free_pages_nolock(m.q, page, 0);
		assert_int_equal(quarry_page_count(m.q, page), 1);
		quarry_free_pages_nolock(m.q, page, 0);
		assert_int_equal(quarry_page_count(m.q, page), 0);
		machine_check(&m);
		assert_int_equal(m.reports, 0);
		quarry_free_pages_nolock(m.q, page, 0); /* twice */
		assert_int_equal(m.reports, 1);
		quarry_free_pages_nolock(m.q, NULL, 0);
		page = quarry_alloc_pages(m.q, GFP_KERNEL,
					  5);           /* no sheaf takes it: it is put aside */
		quarry_free_pages_nolock(m.q, page, 4); /* not its order */
		assert_int_equal(m.reports, 2);
		quarry_free_pages_nolock(m.q, page, 5);
		assert_int_equal(m.q->pages->aside, quarry_page_to_pfn(m.q, page) + 1);
		machine_check(&m);
		quarry_free_pages(m.q, page, 5); /* it is no longer the caller's */
		assert_int_equal(m.reports, 3);
		quarry_drain_all_pages(m.q);
		assert_int_equal(m.q->pages->aside, 0);
		assert_int_equal(machine_free_pages(&m), managed_pages(&m));
		machine_check(&m);
		machine_fini(&m);
	}
}

/* Neighbours, freed one way and the other; blocks put aside one after the other. Each is counted, and comes back. */
static void nolock_and_ordinary_by_turns(void **state)
{
	struct machine_spec spec = m64;
	struct quarry_totals before, after;
	struct page *page[256], *large[3];
	struct machine m;

	(void)state;
	for (unsigned int kind = 0; kind < 4; kind++) {
		spec.concurrent = kind & 1;
		spec.no_barrier = (kind & 2) != 0;
		machine_build(&m, &spec);
		quarry_totals(m.q, &before);
		for (unsigned int i = 0; i < 256; i++)
			page[i] = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
		for (unsigned int i = 0; i < 3; i++)
			large[i] = quarry_alloc_pages(m.q, GFP_KERNEL, 6);
		for (unsigned int i = 0; i < 256; i++) {
			if (i % 3 == 0)
				quarry_free_pages(m.q, page[i], 0);
			else
				quarry_free_pages_nolock(m.q, page[i], 0);
			assert_int_equal(quarry_page_count(m.q, page[i]), 0);
			if (i % 16 == 0)
				machine_check(&m);
		}
		for (unsigned int i = 0; i < 3; i++) {
			quarry_free_pages_nolock(m.q, large[i], 6);
			assert_int_equal(m.q->pages->aside, quarry_page_to_pfn(m.q, large[i]) + 1);
		}
		machine_check(&m);
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		quarry_totals(m.q, &after);
		assert_int_equal(after.pgalloc - before.pgalloc, 256 + 3 * 64);
		assert_int_equal(after.pgfree - before.pgfree, 256 + 3 * 64);
		assert_int_equal(machine_free_pages(&m), managed_pages(&m));
		assert_int_equal(m.reports, 0);
		machine_fini(&m);
	}
}

/* Blocks that are aside, by following the lists. */
static unsigned int nr_aside(struct machine *m)
{
	unsigned int n = 0;

	for (unsigned int k = 0; k < 2; k++) {
		uint64_t next = k == 0 ? m->q->pages->aside : m->q->pages->aside_taken;

		for (; next != 0; n++) {
			const struct page *page = quarry_pfn_to_page(m->q, next - 1);

			assert_int_equal(page->word & PAGE_WORD_STATE_MASK, PAGE_WORD_ASIDE);
			next = (page->word & ~PAGE_WORD_ARENA_MASK) >> PAGE_WORD_ASIDE_SHIFT;
		}
	}
	return n;
}

/* A request frees a few of the blocks that others put aside, whatever their number; who would be refused, all. */
static void nolock_leaves_no_large_bill(void **state)
{
	struct machine_spec spec = m64;
	struct page *block[100], *page;
	unsigned int left = 90;
	struct machine m;

	(void)state;
	for (unsigned int concurrent = 0; concurrent < 2; concurrent++, left = 90) {
		spec.concurrent = concurrent;
		machine_build(&m, &spec);
		for (unsigned int i = 0; i < 100; i++)
			block[i] = quarry_alloc_pages(m.q, GFP_KERNEL, 4);
		for (unsigned int i = 0; i < left; i++)
			quarry_free_pages_nolock(m.q, block[i], 4);
		assert_int_equal(nr_aside(&m), left);
		while (left > NOLOCK_FLUSH) {
			page = quarry_alloc_pages(m.q, GFP_ATOMIC, 5);
			left -= NOLOCK_FLUSH;
			assert_int_equal(nr_aside(&m), left);
			machine_check(&m);
			quarry_free_pages(m.q, page, 5);
		}
		/* Others come meanwhile. */
		for (unsigned int i = 90; i < 100; i++)
			quarry_free_pages_nolock(m.q, block[i], 4);
		assert_int_equal(nr_aside(&m), left + 10);
		quarry_free_pages_nolock(m.q, block[99], 4); /* twice */
		assert_int_equal(m.reports, 1);
		while (quarry_alloc_pages(m.q, GFP_ATOMIC, 6) != NULL)
			continue;
		assert_int_equal(nr_aside(&m), 0);
		machine_check(&m);
		machine_fini(&m);
	}
}

/* ---- from signals ---- */

static struct machine *signal_machine;
static struct page *signal_held[64];
static volatile unsigned int signal_calls, signal_got;

static void on_signal(int number)
{
	static const unsigned int orders[] = {0, 0, 0, 1, 2, 3, 0, 9};
	struct quarry *q = signal_machine->q;
	unsigned int i = signal_calls++ % 64, order = orders[i % 8];

	(void)number;
	if (signal_held[i] != NULL) {
		quarry_free_pages_nolock(q, signal_held[i], order);
		signal_held[i] = NULL;
		return;
	}
	signal_held[i] = quarry_alloc_pages_nolock(q, QUARRY_NO_NODE, order);
	signal_got += signal_held[i] != NULL;
}

/* A timer interrupts ordinary calls of all orders: whatever it meets, no page is lost or given twice. */
static void nolock_from_signals(void **state)
{
	const struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
	struct machine_spec spec = m64;
	uint64_t random = 42;

	(void)state;
	for (unsigned int concurrent = 0; concurrent < 2; concurrent++) {
		struct sigaction act = {.sa_handler = on_signal};
		struct page *held[256] = {0};
		unsigned int order[256];
		unsigned long managed;
		struct machine m;

		spec.concurrent = concurrent;
		machine_build(&m, &spec);
		managed = managed_pages(&m);
		quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_KERNEL, 0), 0);
		signal_machine = &m;
		signal_calls = signal_got = 0;
		sigaction(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &often, NULL);
		for (unsigned int step = 0; step < 20000000 && signal_calls < 2000; step++) {
			uint64_t x = machine_random(&random);
			unsigned int i = (unsigned int)x % 256;

			if (held[i] != NULL) {
				quarry_free_pages(m.q, held[i], order[i]);
				held[i] = NULL;
			} else {
				order[i] = (unsigned int)(x >> 8) % 6;
				held[i] = quarry_alloc_pages(m.q, GFP_KERNEL, order[i]);
			}
			if (step % 4096 == 0)
				quarry_drain_all_pages(m.q);
		}
		setitimer(ITIMER_REAL, &never, NULL);
		assert_true(signal_calls > 100);
		assert_true(signal_got > 10);
		machine_check(&m);
		for (unsigned int i = 0; i < 256; i++)
			quarry_free_pages(m.q, held[i], order[i]);
		for (unsigned int i = 0; i < 64; i++) {
			if (signal_held[i] != NULL)
				on_signal(0);
			else
				signal_calls++;
		}
		memset(signal_held, 0, sizeof(signal_held));
		quarry_drain_all_pages(m.q);
		machine_check(&m);
		assert_int_equal(m.reports, 0);
		assert_true(machine_free_pages(&m) + 64 * 512 >= managed);
		machine_fini(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_fills_what_is_empty),
		cmocka_unit_test(bulk_to_the_end),
		cmocka_unit_test(nolock_in_quiet),
		cmocka_unit_test(nolock_and_ordinary_by_turns),
		cmocka_unit_test(nolock_leaves_no_large_bill),
		cmocka_unit_test(nolock_from_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
