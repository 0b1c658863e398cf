/* SPDX-License-Identifier: MIT */
/*
 * The bits of a bootmem node.
 *
 * A bitmap of a terabyte has 32 MiB, and whoever writes it for the first time may pay dearly for each
 * page of it: on a host that maps memory on demand, more than for all else that boot does. But nearly
 * all of it is one value. So a large bitmap is cut into at most 256 chunks, and a chunk whose pages
 * are all alike is "whole": its value stands in struct bootmem_chunks, and its words are not valid.
 * They are written when the first of its pages comes to differ; a mark that covers the chunk makes
 * it whole again. A bitmap of BOOTMEM_WHOLE_FROM pages or fewer has no chunks: all its words are valid.
 *
 * Invariant  Bits beyond the node's last page are 1 in words that are valid.
 * Costs      A mark or a search goes by words, and over a whole chunk at once.
 */
#include <quarry/bootmem.h>

#include <base/bits.h>
#include <base/quarry_state.h>
#include <base/string.h>

#include <boot/internal.h>

#define BOOTMEM_WORD_BITS ((pfn_t)(8 * sizeof(unsigned long)))
#define BOOTMEM_WHOLE_FROM ((pfn_t)1 << 22) /* pages: 16 GiB, a bitmap of 512 KiB */
#define BOOTMEM_CHUNK_ORDER 15u             /* at least a page of bitmap */

/* ---- words ---- */

/* The first word of [i, last) that is not @skip; @last if all are. */
static pfn_t bootmem_skip_words(const unsigned long *map, pfn_t i, pfn_t last, unsigned long skip)
{
	/* Eight at a time: bitmaps of terabytes are mostly one long run. */
	for (; i + 8 <= last; i += 8) {
		const unsigned long *w = &map[i];
		unsigned long odd = (w[0] ^ skip) | (w[1] ^ skip) | (w[2] ^ skip) | (w[3] ^ skip) |
				    (w[4] ^ skip) | (w[5] ^ skip) | (w[6] ^ skip) | (w[7] ^ skip);

		if (odd != 0)
			break;
	}
	while (i < last && map[i] == skip)
		i++;
	return i;
}

/* The first bit of [from, to) that is @set; @to if there is none. */
static pfn_t bootmem_next_in_words(const unsigned long *map, pfn_t from, pfn_t to, bool set)
{
	unsigned long flip = set ? 0 : ~0ul, word;
	pfn_t i, past;

	i = from / BOOTMEM_WORD_BITS;
	word = (map[i] ^ flip) & (~0ul << (from % BOOTMEM_WORD_BITS));
	if (word == 0) {
		past = (to + BOOTMEM_WORD_BITS - 1) / BOOTMEM_WORD_BITS;
		i = bootmem_skip_words(map, i + 1, past, flip);
		if (i == past)
			return to;
		word = map[i] ^ flip;
	}
	from = i * BOOTMEM_WORD_BITS + bits_ctz64(word);
	return quarry_min(from, to);
}

/* Bits [from, to), which lie in one word. */
static void bootmem_fill_word(unsigned long *map, pfn_t from, pfn_t to, bool set)
{
	unsigned long mask = ~0ul >> (BOOTMEM_WORD_BITS - (to - from));

	mask <<= from % BOOTMEM_WORD_BITS;
	if (set)
		map[from / BOOTMEM_WORD_BITS] |= mask;
	else
		map[from / BOOTMEM_WORD_BITS] &= ~mask;
}

static void bootmem_fill_words(unsigned long *map, pfn_t from, pfn_t to, bool set)
{
	pfn_t whole = bits_align_up(from, BOOTMEM_WORD_BITS);
	pfn_t end = bits_align_down(to, BOOTMEM_WORD_BITS);

	if (from >= to)
		return;
	if (whole > end) {
		bootmem_fill_word(map, from, to, set);
		return;
	}
	if (from < whole)
		bootmem_fill_word(map, from, whole, set);
	quarry_memset(&map[whole / BOOTMEM_WORD_BITS], set ? 0xff : 0, (size_t)(end - whole) / 8);
	if (end < to)
		bootmem_fill_word(map, end, to, set);
}

/* ---- chunks ---- */

static struct bootmem_chunks *bootmem_chunks(struct quarry *q, const bootmem_data_t *bdata)
{
	return &q->bootmem.chunks[bdata - q->bootmem.bootmem_node_data];
}

static bool bootmem_test(const uint64_t *bits, pfn_t chunk)
{
	return (bits[chunk / 64] >> chunk % 64 & 1) != 0;
}

static void bootmem_assign(uint64_t *bits, pfn_t chunk, bool value)
{
	uint64_t mask = (uint64_t)1 << chunk % 64;

	bits[chunk / 64] = value ? bits[chunk / 64] | mask : bits[chunk / 64] & ~mask;
}

/* One past the last bit of the chunk. */
static pfn_t bootmem_chunk_end(const struct bootmem_chunks *k, const bootmem_data_t *bdata,
			       pfn_t chunk)
{
	return quarry_min((chunk + 1) << k->order, bdata->node_low_pfn - bdata->node_min_pfn);
}

/* Writes the words of a chunk that is whole. */
static void bootmem_write_chunk(struct bootmem_chunks *k, const bootmem_data_t *bdata, pfn_t chunk)
{
	pfn_t start = chunk << k->order, end = bootmem_chunk_end(k, bdata, chunk);
	pfn_t padded = bits_align_up(end, BOOTMEM_WORD_BITS);

	bootmem_fill_words(bdata->node_bootmem_map, start, end, bootmem_test(k->reserved, chunk));
	bootmem_fill_words(bdata->node_bootmem_map, end, padded, true);
	bootmem_assign(k->whole, chunk, false);
}

void bootmem_init_bits(struct quarry *q, bootmem_data_t *bdata)
{
	struct bootmem_chunks *k = bootmem_chunks(q, bdata);
	pfn_t pages = bdata->node_low_pfn - bdata->node_min_pfn;

	*k = (struct bootmem_chunks){0};
	if (pages <= BOOTMEM_WHOLE_FROM) {
		quarry_memset(bdata->node_bootmem_map, 0xff, (size_t)quarry_bootmap_bytes(pages));
		return;
	}
	k->order = quarry_max(BOOTMEM_CHUNK_ORDER, bits_fls((pages - 1) / QUARRY_BOOTMEM_CHUNKS));
	quarry_memset(k->whole, 0xff, sizeof(k->whole));
	quarry_memset(k->reserved, 0xff, sizeof(k->reserved));
}

pfn_t bootmem_next_bit(struct quarry *q, const bootmem_data_t *bdata, pfn_t from, pfn_t to,
		       bool set)
{
	const struct bootmem_chunks *k = bootmem_chunks(q, bdata);

	if (from < to && k->order == 0)
		return bootmem_next_in_words(bdata->node_bootmem_map, from, to, set);
	while (from < to) {
		pfn_t chunk = from >> k->order, found;
		pfn_t end = quarry_min(bootmem_chunk_end(k, bdata, chunk), to);

		if (bootmem_test(k->whole, chunk))
			found = bootmem_test(k->reserved, chunk) == set ? from : end;
		else
			found = bootmem_next_in_words(bdata->node_bootmem_map, from, end, set);
		if (found < end)
			return found;
		from = end;
	}
	return to;
}

void bootmem_fill_bits(struct quarry *q, bootmem_data_t *bdata, pfn_t from, pfn_t to, bool set)
{
	struct bootmem_chunks *k = bootmem_chunks(q, bdata);

	if (k->order == 0) {
		bootmem_fill_words(bdata->node_bootmem_map, from, to, set);
		return;
	}
	while (from < to) {
		pfn_t chunk = from >> k->order, end = bootmem_chunk_end(k, bdata, chunk);
		bool covered = from == chunk << k->order && end <= to;

		if (covered) {
			bootmem_assign(k->whole, chunk, true);
			bootmem_assign(k->reserved, chunk, set);
		} else if (!bootmem_test(k->whole, chunk) ||
			   bootmem_test(k->reserved, chunk) != set) {
			if (bootmem_test(k->whole, chunk))
				bootmem_write_chunk(k, bdata, chunk);
			bootmem_fill_words(bdata->node_bootmem_map, from, quarry_min(end, to), set);
		}
		from = end;
	}
}

unsigned int bootmem_free_padding(struct quarry *q, const bootmem_data_t *bdata)
{
	const struct bootmem_chunks *k = bootmem_chunks(q, bdata);
	pfn_t pages = bdata->node_low_pfn - bdata->node_min_pfn;
	pfn_t padded = bits_align_up(pages, BOOTMEM_WORD_BITS), i = pages;
	unsigned int n = 0;

	if (k->order != 0 && bootmem_test(k->whole, (pages - 1) >> k->order))
		return 0;
	while (i < padded &&
	       (i = bootmem_next_in_words(bdata->node_bootmem_map, i, padded, false)) < padded) {
		n++;
		i++;
	}
	return n;
}
