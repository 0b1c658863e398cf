/* SPDX-License-Identifier: MIT */
/*
 * Fragmentation by replacement: fill the memory with blocks of one order, free a random half; a hundred times
 * free a random tenth of what is left and allocate as many again, one at a time or all at once.
 *
 * Whole    what share of the 2 MiB blocks that could be free as a whole is. What lies in sheaves and
 *          per-CPU lists counts as free: only what is held counts as used.
 * Moves    pages that a perfect compaction would have to move, for each free page: with the 2 MiB
 *          blocks sorted by use, used pages of the emptiest go into holes of the fullest until the two
 *          meet.
 */
#include "pages.h"

#define FRAG_ROUNDS 100u
#define FRAG_BLOCK ((size_t)1 << QUARRY_PAGEBLOCK_ORDER)

struct frag_result {
	double whole, moves;
};

static uint64_t frag_pfn(const struct pages_peer *p, const void *page)
{
	if (p->q != NULL)
		return quarry_page_to_pfn(p->q, page);
	return (uint64_t)((const struct list_page *)page - p->list->map);
}

static int frag_compare(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

/* Two fingers over the blocks sorted by use. */
static uint64_t frag_moves(unsigned int *used, size_t nr_blocks)
{
	size_t low = 0, high = nr_blocks - 1;
	uint64_t moves = 0;

	qsort(used, nr_blocks, sizeof(*used), frag_compare);
	while (low < high) {
		unsigned int hole = (unsigned int)FRAG_BLOCK - used[high];
		unsigned int n = used[low] < hole ? used[low] : hole;

		moves += n;
		used[low] -= n;
		used[high] += n;
		if (used[low] == 0)
			low++;
		if (used[high] == FRAG_BLOCK)
			high--;
	}
	return moves;
}

static struct frag_result frag_judge(const struct pages_peer *p, void **held, size_t n,
				     unsigned int order, uint64_t nr_pages)
{
	size_t nr_blocks = (size_t)(nr_pages / FRAG_BLOCK), whole = 0;
	unsigned int *used = calloc(nr_blocks, sizeof(*used));
	uint64_t reserved = p->q != NULL ? (1u << 20) >> QUARRY_PAGE_SHIFT : 0;
	uint64_t free_pages = nr_pages - reserved - ((uint64_t)n << order);
	struct frag_result r;

	if (used == NULL)
		bench_die("out of memory");
	used[0] = (unsigned int)reserved;
	for (size_t i = 0; i < n; i++)
		used[frag_pfn(p, held[i]) / FRAG_BLOCK] += 1u << order;
	for (size_t b = 0; b < nr_blocks; b++)
		whole += used[b] == 0;
	r.whole = 100 * (double)whole / (double)(free_pages / FRAG_BLOCK);
	r.moves = (double)frag_moves(used, nr_blocks) / (double)free_pages;
	free(used);
	return r;
}

/* @n blocks are held. A random tenth comes to the front, and is replaced. */
static void frag_round(const struct pages_peer *p, void **held, size_t n, unsigned int order,
		       bool batch, uint64_t *seed)
{
	size_t tenth = n / 10;

	for (size_t i = 0; i < tenth; i++) {
		size_t j = i + bench_random(seed) % (n - i);
		void *t = held[i];

		held[i] = held[j];
		held[j] = t;
		pages_free(p, held[i], order);
		if (!batch)
			held[i] = pages_alloc(p, order);
	}
	for (size_t i = 0; batch && i < tenth; i++)
		held[i] = pages_alloc(p, order);
}

static struct frag_result frag_replace(const struct pages_peer *p, void **held, uint64_t nr_pages,
				       unsigned int order, bool batch)
{
	uint64_t seed = PAGES_SEED;
	size_t n = (size_t)(nr_pages * 99 / 100 >> order), left = n / 2;
	struct frag_result r;

	for (size_t i = 0; i < n; i++)
		held[i] = pages_alloc(p, order);
	bench_shuffle(held, n, &seed);
	for (size_t i = left; i < n; i++)
		pages_free(p, held[i], order);
	for (unsigned int round = 0; round < FRAG_ROUNDS; round++)
		frag_round(p, held, left, order, batch, &seed);
	r = frag_judge(p, held, left, order, nr_pages);
	for (size_t i = 0; i < left; i++)
		pages_free(p, held[i], order);
	return r;
}

static void frag_one(uint64_t nr_pages, unsigned int order, bool batch, void **held,
		     struct list_buddy *list)
{
	struct pages_peer peers[PAGES_PEERS];
	struct frag_result r[PAGES_PEERS];

	pages_open(peers, list, nr_pages, 0, true);
	for (unsigned int k = 0; k < PAGES_PEERS; k++) {
		pages_progress("pages: replacement, order %u, %s", order,
			       batch ? "in batches" : "one at a time");
		r[k] = frag_replace(&peers[k], held, nr_pages, order, batch);
	}
	pages_progress("%s", "");
	printf("%5u  %-13s %8.1f %8.1f    %8.4f %8.4f\n", order,
	       batch ? "in batches" : "one at a time", r[PAGES_OURS].whole, r[PAGES_LIST].whole,
	       r[PAGES_OURS].moves, r[PAGES_LIST].moves);
	fflush(stdout);
	pages_close(peers);
}

void pages_fragmentation(uint64_t nr_pages)
{
	static const unsigned int orders[] = {0, 3};
	struct list_buddy *list = aligned_alloc(128, sizeof(*list));
	void **held = malloc((size_t)nr_pages * sizeof(*held));

	if (held == NULL || list == NULL)
		bench_die("out of memory");
	printf("\nReplacement: %.0f GiB half full, after %u rounds: %% of the possible 2 MiB "
	       "blocks whole; "
	       "moves a free page to compact the rest\n",
	       (double)nr_pages / (double)PAGES_GIB(1), FRAG_ROUNDS);
	printf("%5s  %-13s %8s %8s    %8s %8s\n", "order", "", "quarry", "list", "moves", "list");
	for (size_t i = 0; i < 2 * BENCH_ARRAY_SIZE(orders); i++)
		frag_one(nr_pages, orders[i / 2], i % 2 != 0, held, list);
	free(held);
	free(list);
}
