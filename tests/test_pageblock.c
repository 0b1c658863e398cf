/* SPDX-License-Identifier: MIT */
/*
 * The bitmap functions of one pageblock against naive loops over bits: all patterns of 16 pages at
 * every place of the bitmap, whole-word patterns exhaustively, and random bitmaps of every density.
 */
#include <page/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

#define PAGES 512u

static bool naive_bit(const uint64_t *bits, unsigned int page)
{
	return (bits[page / 64] >> page % 64 & 1) != 0;
}

static bool naive_all(const uint64_t *bits, unsigned int page, unsigned int order)
{
	for (unsigned int i = 0; i < 1u << order; i++) {
		if (!naive_bit(bits, page + i))
			return false;
	}
	return true;
}

static bool naive_any(const uint64_t *bits, unsigned int page, unsigned int order)
{
	for (unsigned int i = 0; i < 1u << order; i++) {
		if (naive_bit(bits, page + i))
			return true;
	}
	return false;
}

/* Order of the maximal aligned free run that starts at @page; -1: none starts here. */
static int naive_run_at(const uint64_t *bits, unsigned int page)
{
	int order = -1;

	for (unsigned int o = 0; o <= 9 && page % (1u << o) == 0 && naive_all(bits, page, o); o++)
		order = (int)o;
	/* Not maximal if it is the lower or upper half of a larger one that is free. */
	for (unsigned int o = 0; order >= 0 && o <= 9; o++) {
		unsigned int head = page & ~((1u << o) - 1);

		if ((int)o > order && naive_all(bits, head, o))
			return -1;
	}
	return order;
}

static void check_bitmap(const uint64_t *bits)
{
	unsigned long want[10] = {0}, got[10] = {0};
	int first[10], largest = -1;
	unsigned int free = 0;

	memset(first, 0xff, sizeof(first));
	for (unsigned int page = 0; page < PAGES; page++) {
		int order = naive_run_at(bits, page);

		free += naive_bit(bits, page);
		if (order < 0)
			continue;
		want[order]++;
		if (first[order] < 0)
			first[order] = (int)page;
		largest = order > largest ? order : largest;
	}
	pageblock_count_runs(bits, got);
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(pageblock_count_free(bits), free);
	assert_int_equal(pageblock_largest(bits), largest < 0 ? (int)PAGE_NOT_FILED : largest);
	for (unsigned int order = 0; order <= 9; order++) {
		int expected = -1;

		for (unsigned int o = order; o <= 9 && expected < 0; o++)
			expected = first[o];
		assert_int_equal(pageblock_find(bits, order), expected);
	}
}

/* Every aligned place: the questions, and set and clear against the naive answer. */
static void check_places(const uint64_t *bits)
{
	for (unsigned int order = 0; order <= 9; order++) {
		for (unsigned int page = 0; page < PAGES; page += 1u << order) {
			uint64_t copy[PAGE_WORDS];

			assert_int_equal(pageblock_all_set(bits, page, order),
					 naive_all(bits, page, order));
			assert_int_equal(pageblock_any_set(bits, page, order),
					 naive_any(bits, page, order));
			memcpy(copy, bits, sizeof(copy));
			pageblock_set(copy, page, order);
			for (unsigned int i = 0; i < PAGES; i++)
				assert_int_equal(naive_bit(copy, i),
						 naive_bit(bits, i) || i >> order == page >> order);
			pageblock_clear(copy, page, order);
			for (unsigned int i = 0; i < PAGES; i++)
				assert_int_equal(naive_bit(copy, i),
						 naive_bit(bits, i) && i >> order != page >> order);
		}
	}
}

static void check_merged(const uint64_t *bits)
{
	for (unsigned int order = 0; order <= 9; order++) {
		for (unsigned int page = 0; page < PAGES; page += 1u << order) {
			unsigned int want = order;

			if (!naive_all(bits, page, order))
				continue;
			while (want < 9 && naive_all(bits, page & ~((2u << want) - 1), want + 1))
				want++;
			assert_int_equal(pageblock_merged_order(bits, page, order), want);
		}
	}
}

/* From each word: as many blocks as are there, at most @max, each free before and taken once. */
static void check_take(const uint64_t *bits, unsigned int max)
{
	for (unsigned int order = 0; order <= 6; order++) {
		for (unsigned int w = 0; w < PAGE_WORDS; w++) {
			uint64_t left[PAGE_WORDS], taken;
			unsigned int room = 0;

			memcpy(left, bits, sizeof(left));
			for (unsigned int page = w * 64; page < w * 64 + 64; page += 1u << order)
				room += naive_all(bits, page, order);
			taken = pageblock_take(left, w, order, max);
			assert_int_equal(__builtin_popcountll(taken), room < max ? room : max);
			for (; taken != 0; taken &= taken - 1) {
				unsigned int page = w * 64 + (unsigned int)__builtin_ctzll(taken);

				assert_int_equal(page % (1u << order), 0);
				assert_true(naive_all(bits, page, order));
				assert_false(naive_any(left, page, order));
				pageblock_set(left, page, order);
			}
			assert_memory_equal(left, bits, sizeof(left));
		}
	}
}

/* All 2^16 patterns of 16 pages, alone, amid free and amid used pages, at a place that moves. */
static void all_patterns_of_16_pages(void **state)
{
	(void)state;
	for (uint32_t pattern = 0; pattern <= 0xffff; pattern++) {
		unsigned int place = pattern % 32;
		uint64_t bits[PAGE_WORDS], mask = (uint64_t)0xffff << place % 4 * 16;

		memset(bits, pattern & 1 ? 0xff : 0, sizeof(bits));
		bits[place / 4] = (bits[place / 4] & ~mask) | (uint64_t)pattern << place % 4 * 16;
		if (pattern % 16 == 0) {
			check_bitmap(bits);
			continue;
		}
		/* The whole check is slow; the orders inside 16 pages are decided by these. */
		assert_int_equal(pageblock_count_free(bits),
				 (pattern & 1 ? 496u : 0u) +
					 (unsigned int)__builtin_popcount(pattern));
		for (unsigned int order = 0; order <= 4; order++) {
			int page = pageblock_find(bits, order);

			if (page >= 0)
				assert_true(naive_all(bits, (unsigned int)page, order));
		}
	}
}

/* All 2^8 sets of whole words; the others empty, or broken by one page. */
static void all_sets_of_words(void **state)
{
	(void)state;
	for (unsigned int set = 0; set < 256; set++) {
		for (unsigned int broken = 0; broken < 3; broken++) {
			static const uint64_t others[3] = {0, ~(uint64_t)1, ~(uint64_t)0 >> 1};
			uint64_t bits[PAGE_WORDS];

			for (unsigned int w = 0; w < PAGE_WORDS; w++)
				bits[w] = (set >> w & 1) != 0 ? ~(uint64_t)0 : others[broken];
			check_bitmap(bits);
			check_merged(bits);
			check_take(bits, 1 + set % PAGE_SHEAF_BLOCKS);
		}
	}
}

static void every_single_run(void **state)
{
	(void)state;
	for (unsigned int order = 0; order <= 9; order++) {
		for (unsigned int page = 0; page < PAGES; page += 1u << order) {
			uint64_t bits[PAGE_WORDS] = {0};

			pageblock_set(bits, page, order);
			assert_int_equal(pageblock_largest(bits), order);
			assert_int_equal(pageblock_find(bits, 0), page);
			assert_int_equal(pageblock_find(bits, order), page);
			if (order < 9)
				assert_int_equal(pageblock_find(bits, order + 1), -1);
			for (unsigned int w = 0; w < PAGE_WORDS; w++)
				bits[w] = ~bits[w];
			if (page % 64 == 0 || order > 3)
				check_bitmap(bits);
		}
	}
}

static void random_bitmaps(void **state)
{
	uint64_t seed = 0x70616765;

	(void)state;
	for (unsigned int round = 0; round < 1500; round++) {
		uint64_t bits[PAGE_WORDS];
		unsigned int density = round % 9;

		for (unsigned int w = 0; w < PAGE_WORDS; w++) {
			uint64_t x = machine_random(&seed);

			for (unsigned int i = 0; i < density / 2; i++) /* thin out, or fill up */
				x = (density & 1) != 0 ? x & machine_random(&seed)
						       : x | machine_random(&seed);
			if (machine_random(&seed) % 4 == 0)
				x = machine_random(&seed) & 1 ? ~(uint64_t)0 : 0;
			bits[w] = x;
		}
		check_bitmap(bits);
		check_merged(bits);
		check_take(bits, 1 + round % PAGE_SHEAF_BLOCKS);
		if (round % 100 == 0)
			check_places(bits);
	}
}

/* The picture in pageblock.c and arena.c. */
static void documented_example(void **state)
{
	uint64_t bits[PAGE_WORDS] = {0xff03};
	unsigned long runs[10] = {0};

	(void)state;
	pageblock_count_runs(bits, runs);
	assert_int_equal(runs[1], 1);
	assert_int_equal(runs[3], 1);
	assert_int_equal(pageblock_find(bits, 1), 0);
	assert_int_equal(pageblock_find(bits, 2), 8);
	assert_int_equal(pageblock_largest(bits), 3);
}

/* One page becomes free: both ways to the largest order agree with a look at everything. */
static void check_grown(uint64_t *bits, unsigned int page)
{
	unsigned int before, want;

	if (naive_bit(bits, page))
		return;
	before = pageblock_largest(bits);
	pageblock_set(bits, page, 0);
	want = pageblock_largest(bits);
	before = before == PAGE_NOT_FILED ? 0 : before;
	assert_int_equal(pageblock_grown(bits, page / 64, before), want);
	assert_int_equal(pageblock_grown_at(bits, page, before), want);
	pageblock_clear(bits, page, 0);
}

static void grown_by_one_page(void **state)
{
	uint64_t seed = 0x9409;

	(void)state;
	/* All patterns of 16 pages, first and last of a word, in a bitmap that is empty else, or full. */
	for (unsigned int x = 0; x < 1u << 16; x++) {
		uint64_t bits[PAGE_WORDS] = {0};

		bits[x % PAGE_WORDS] = (uint64_t)x << (x % 3 == 0 ? 48 : 0);
		for (unsigned int k = 0; k < 16; k++)
			check_grown(bits, x % PAGE_WORDS * 64 + (x % 3 == 0 ? 48 : 0) + k);
	}
	/* Each page in turn is the last that is missing, from a run of each order. */
	for (unsigned int page = 0; page < PAGES; page++) {
		for (unsigned int o = 0; o <= 9; o++) {
			uint64_t bits[PAGE_WORDS] = {0};

			pageblock_set(bits, page & ~((1u << o) - 1), o);
			pageblock_clear(bits, page, 0);
			check_grown(bits, page);
		}
	}
	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t bits[PAGE_WORDS];

		for (unsigned int w = 0; w < PAGE_WORDS; w++) {
			bits[w] = machine_random(&seed) | machine_random(&seed);
			if (i % 2 != 0)
				bits[w] |= machine_random(&seed) | machine_random(&seed);
		}
		check_grown(bits, (unsigned int)machine_random(&seed) % PAGES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documented_example), cmocka_unit_test(all_patterns_of_16_pages),
		cmocka_unit_test(all_sets_of_words),  cmocka_unit_test(every_single_run),
		cmocka_unit_test(random_bitmaps),     cmocka_unit_test(grown_by_one_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
