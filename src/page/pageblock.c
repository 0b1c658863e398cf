/* SPDX-License-Identifier: MIT */
/*
 * The buddy system inside one pageblock: 512 pages, as a rule, in eight 64-bit words, 1 = free.
 *
 * Problem    Split, merge and search without lists. A free block of order o is a maximal aligned run
 *            of 2^o free bits; so merging is nothing at all, and splitting is clearing bits.
 *
 *            page  0       4       8               16
 *            bit   1 1 0 0 0 0 0 0 1 1 1 1 1 1 1 1        order 1 at 0, order 3 at 8
 *
 * Runs       The starts of aligned runs of order o in a word follow from those of order o - 1: both
 *            halves are there, and the first stands at a multiple of 2^o. Orders 7 to 9 are runs of
 *            whole words. Everything here is a pure function of the bits.
 *
 * Sizes      The words are 2^(QUARRY_PAGEBLOCK_ORDER - 6); a pageblock of 32 pages is half a word.
 *
 * Cost       One cache line; a handful of operations a word and order.
 */
#include "internal.h"

#define PAGEBLOCK_WORDS_ORDER (QUARRY_PAGEBLOCK_ORDER - PAGE_BITS_ORDER)

/* One bit for each word that is wholly free. */
static inline unsigned int pageblock_full_words(const uint64_t *bits)
{
	unsigned int full = 0;

	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		full |= (unsigned int)(bits[w] == PAGE_BITS_ALL) << w;
	return full;
}

/* The same doubling one level up: starts of aligned runs of 2^@o words in a mask of words. */
static inline unsigned int pageblock_word_runs(unsigned int full, unsigned int o)
{
	for (unsigned int i = 1; i <= o; i++)
		full &= full >> (1u << (i - 1)) & (unsigned int)pageblock_starts[i];
	return full;
}

unsigned int pageblock_largest(const uint64_t *bits)
{
	unsigned int full = pageblock_full_words(bits);
	unsigned int largest = PAGE_NOT_FILED;
	uint64_t x[PAGE_WORDS], any = 0;

	if (full != 0) {
		for (unsigned int o = PAGEBLOCK_WORDS_ORDER; o > 0; o--) {
			if (pageblock_word_runs(full, o) != 0)
				return PAGE_BITS_ORDER + o;
		}
		return PAGE_BITS_ORDER;
	}
	for (unsigned int w = 0; w < PAGE_WORDS; w++) {
		x[w] = bits[w];
		any |= x[w];
	}
	for (unsigned int o = 1; any != 0; o++) {
		largest = o - 1;
		if (o == PAGE_BITS_ORDER)
			break;
		any = 0;
		for (unsigned int w = 0; w < PAGE_WORDS; w++) {
			x[w] = pageblock_raise(x[w], o);
			any |= x[w];
		}
	}
	return largest;
}

unsigned int pageblock_count_free(const uint64_t *bits)
{
	unsigned int n = 0;

	for (unsigned int w = 0; w < PAGE_WORDS; w++)
		n += bits_popcount64(bits[w]);
	return n;
}

/* Mask of 2^@order bits from @page of its word on; @order <= PAGE_BITS_ORDER. */
static inline uint64_t pageblock_mask(unsigned int page, unsigned int order)
{
	return (order == 6 ? ~(uint64_t)0 : ((uint64_t)1 << ((unsigned int)1 << order)) - 1)
	       << (page & (PAGE_BITS - 1));
}

void pageblock_clear(uint64_t *bits, unsigned int page, unsigned int order)
{
	if (order <= PAGE_BITS_ORDER) {
		bits[page >> PAGE_BITS_ORDER] &= ~pageblock_mask(page, order);
		return;
	}
	for (unsigned int w = 0; w < 1u << (order - PAGE_BITS_ORDER); w++)
		bits[(page >> PAGE_BITS_ORDER) + w] = 0;
}

void pageblock_set(uint64_t *bits, unsigned int page, unsigned int order)
{
	if (order <= PAGE_BITS_ORDER) {
		bits[page >> PAGE_BITS_ORDER] |= pageblock_mask(page, order);
		return;
	}
	for (unsigned int w = 0; w < 1u << (order - PAGE_BITS_ORDER); w++)
		bits[(page >> PAGE_BITS_ORDER) + w] = PAGE_BITS_ALL;
}

bool pageblock_all_set(const uint64_t *bits, unsigned int page, unsigned int order)
{
	uint64_t mask;

	if (order <= PAGE_BITS_ORDER) {
		mask = pageblock_mask(page, order);
		return (bits[page >> PAGE_BITS_ORDER] & mask) == mask;
	}
	for (unsigned int w = 0; w < 1u << (order - PAGE_BITS_ORDER); w++) {
		if (bits[(page >> PAGE_BITS_ORDER) + w] != PAGE_BITS_ALL)
			return false;
	}
	return true;
}

bool pageblock_any_set(const uint64_t *bits, unsigned int page, unsigned int order)
{
	if (order <= PAGE_BITS_ORDER)
		return (bits[page >> PAGE_BITS_ORDER] & pageblock_mask(page, order)) != 0;
	for (unsigned int w = 0; w < 1u << (order - PAGE_BITS_ORDER); w++) {
		if (bits[(page >> PAGE_BITS_ORDER) + w] != 0)
			return true;
	}
	return false;
}

unsigned int pageblock_merged_order(const uint64_t *bits, unsigned int page, unsigned int order)
{
	while (order < QUARRY_PAGEBLOCK_ORDER) {
		unsigned int size = 1u << order;

		if (!pageblock_all_set(bits, page ^ size, order))
			break;
		page &= ~size;
		order++;
	}
	return order;
}

unsigned int pageblock_grown(const uint64_t *bits, unsigned int w, unsigned int least)
{
	uint64_t x = bits[w], runs;

	if (x == PAGE_BITS_ALL)
		return quarry_max(least,
				  pageblock_merged_order(bits, w * PAGE_BITS, PAGE_BITS_ORDER));
	if (least >= PAGE_BITS_ORDER)
		return least;
	runs = pageblock_runs(x, least);
	while (least < PAGE_BITS_ORDER - 1 && (runs = pageblock_raise(runs, least + 1)) != 0)
		least++;
	return least;
}

unsigned int pageblock_grown_at(const uint64_t *bits, unsigned int page, unsigned int least)
{
	uint64_t x = bits[page >> PAGE_BITS_ORDER], run;

	for (; least < PAGE_BITS_ORDER; least++) {
		/* The run of the next order that the page would lie in. */
		run = pageblock_mask(page & ~((2u << least) - 1), least + 1);
		if ((x & run) != run)
			return least;
	}
	if (x != PAGE_BITS_ALL)
		return least;
	return quarry_max(least,
			  pageblock_merged_order(bits, page & ~(PAGE_BITS - 1), PAGE_BITS_ORDER));
}

/*
 * First page of the first of the smallest runs of @order to @*most inside a word that reads @x, or -1. The next word
 * is to be asked for smaller ones only: @*most.
 */
static inline int pageblock_find_in(uint64_t x, unsigned int order, int *most)
{
	uint64_t runs = pageblock_runs(x, order);

	for (int o = (int)order; runs != 0 && o <= *most; o++) {
		uint64_t larger = pageblock_raise(runs, (unsigned int)o + 1);
		uint64_t exact = runs & ~(larger | larger << (1u << o));

		if (exact != 0) {
			*most = o - 1;
			return (int)bits_ctz64(exact);
		}
		runs = larger;
	}
	return -1;
}

/* The first of the smallest runs of at least 2^@o words in a mask of words, or -1. */
static inline int pageblock_find_words(unsigned int full, unsigned int o)
{
	unsigned int runs = pageblock_word_runs(full, o);

	for (; o != PAGEBLOCK_WORDS_ORDER && runs != 0; o++) {
		unsigned int larger =
			runs & runs >> (1u << o) & (unsigned int)pageblock_starts[o + 1];
		unsigned int exact = runs & ~(larger | larger << (1u << o));

		if (exact != 0)
			return (int)bits_ctz64(exact);
		runs = larger;
	}
	return runs != 0 ? 0 : -1;
}

int pageblock_find(const uint64_t *bits, unsigned int order)
{
	int most = PAGE_BITS_ORDER - 1, page = -1, word;
	unsigned int full = 0;

	for (unsigned int w = 0; w < PAGE_WORDS; w++) {
		if (bits[w] == 0)
			continue;
		if (bits[w] == PAGE_BITS_ALL) { /* no run of these orders */
			full |= 1u << w;
			continue;
		}
		if ((int)order > most)
			continue;
		word = pageblock_find_in(bits[w], order, &most);
		if (word >= 0)
			page = (int)(w * PAGE_BITS) + word;
	}
	if (page >= 0)
		return page;
	word = pageblock_find_words(full, order > PAGE_BITS_ORDER ? order - PAGE_BITS_ORDER : 0);
	return word >= 0 ? word * (int)PAGE_BITS : -1;
}

void pageblock_count_runs(const uint64_t *bits, unsigned long *counts)
{
	unsigned int full = pageblock_full_words(bits);
	unsigned int runs = full;

	for (unsigned int w = 0; w < PAGE_WORDS; w++) {
		uint64_t x = bits[w];

		if (x == PAGE_BITS_ALL)
			continue;
		for (unsigned int o = 0; x != 0 && o < PAGE_BITS_ORDER; o++) {
			uint64_t larger = pageblock_raise(x, o + 1);

			counts[o] += bits_popcount64(x) - 2 * bits_popcount64(larger);
			x = larger;
		}
	}
	for (unsigned int o = 0; o <= PAGEBLOCK_WORDS_ORDER; o++) {
		unsigned int larger =
			o == PAGEBLOCK_WORDS_ORDER ? 0 : pageblock_word_runs(full, o + 1);

		counts[PAGE_BITS_ORDER + o] += bits_popcount64(runs) - 2 * bits_popcount64(larger);
		runs = larger;
	}
}

uint64_t pageblock_take(uint64_t *bits, unsigned int w, unsigned int order, unsigned int max)
{
	uint64_t runs = bits[w], pages;

	/* One step after the other: a loop that is told how often costs more than it does. */
	runs = order >= 1 ? pageblock_raise(runs, 1) : runs;
	runs = order >= 2 ? pageblock_raise(runs, 2) : runs;
	runs = order >= 3 ? pageblock_raise(runs, 3) : runs;
	for (unsigned int o = 4; o <= order; o++)
		runs = pageblock_raise(runs, o);
	if (runs == 0)
		return 0;
	if (max < PAGE_BITS >> order && bits_popcount64(runs) > max) {
		uint64_t rest = runs;

		for (unsigned int i = 0; i < max; i++)
			rest &= rest - 1;
		runs &= ~rest;
	}
	/* From each start to the start of what follows its block. */
	pages = (order == PAGE_BITS_ORDER ? 0 : runs << (1u << order)) - runs;
	bits[w] &= ~pages;
	return runs;
}
