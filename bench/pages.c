/* SPDX-License-Identifier: MIT */
/*
 * Blocks of pages, beside the list buddy of list_buddy.h, in turns within one process.
 *
 * pair     allocate one, free it, with nothing else in use
 * bulk     fill half of the memory; free all of it in the order of allocation
 * random   fill half; free all of it in random order (the frees are timed)
 * churn    with 90 % in use: free one at random, allocate one
 *
 * Then fragmentation: fill the memory with single pages, free a random half; a hundred times free a
 * random tenth of what is left and allocate as many again. What share of the free memory is whole
 * 2 MiB blocks?
 */
#include "bench.h"
#include "list_buddy.h"

#define PAGES_GFP GFP_HIGHUSER_MOVABLE
#define PAGES_MIN_OPS 100000u /* operations in one timed run, at least */

/* One allocator under test. */
struct pages_peer {
	struct quarry *q; /* or NULL: */
	struct list_buddy *list;
};

enum { PAGES_OURS, PAGES_LIST, PAGES_PEERS };
enum pages_figure { PAGES_PAIR, PAGES_FILL, PAGES_DRAIN, PAGES_RANDOM, PAGES_CHURN, PAGES_FIGURES };

static const char *const pages_names[PAGES_FIGURES] = {"pair", "bulk alloc", "bulk free",
						       "random free", "churn pair"};

static inline void *pages_alloc(const struct pages_peer *p, unsigned int order)
{
	void *page;

	if (p->q != NULL)
		page = quarry_alloc_pages(p->q, PAGES_GFP, order);
	else
		page = list_buddy_alloc(p->list, order);
	if (page == NULL)
		bench_die("out of pages");
	return page;
}

static inline void pages_free(const struct pages_peer *p, void *page, unsigned int order)
{
	if (p->q != NULL)
		quarry_free_pages(p->q, page, order);
	else
		list_buddy_free(p->list, page, order);
}

static double pages_pair(const struct pages_peer *p, unsigned int order)
{
	const unsigned int n = 1000000;
	double start = bench_cpu_now();

	for (unsigned int i = 0; i < n; i++) {
		void *page = pages_alloc(p, order);

		bench_use(page);
		pages_free(p, page, order);
	}
	return (bench_cpu_now() - start) / n;
}

/* Fills @held with @n blocks and frees them in order, as often as it takes. */
static void pages_bulk(const struct pages_peer *p, unsigned int order, void **held, size_t n,
		       double *fill, double *drain)
{
	size_t rounds = n < PAGES_MIN_OPS ? PAGES_MIN_OPS / n + 1 : 1;

	*fill = 0;
	*drain = 0;
	for (size_t r = 0; r < rounds; r++) {
		double start = bench_cpu_now(), middle;

		for (size_t i = 0; i < n; i++)
			held[i] = pages_alloc(p, order);
		middle = bench_cpu_now();
		for (size_t i = 0; i < n; i++)
			pages_free(p, held[i], order);
		*fill += middle - start;
		*drain += bench_cpu_now() - middle;
	}
	*fill /= (double)(rounds * n);
	*drain /= (double)(rounds * n);
}

static double pages_random(const struct pages_peer *p, unsigned int order, void **held, size_t n,
			   uint64_t *seed)
{
	size_t rounds = n < PAGES_MIN_OPS ? PAGES_MIN_OPS / n + 1 : 1;
	double sum = 0;

	for (size_t r = 0; r < rounds; r++) {
		double start;

		for (size_t i = 0; i < n; i++)
			held[i] = pages_alloc(p, order);
		bench_shuffle(held, n, seed);
		start = bench_cpu_now();
		for (size_t i = 0; i < n; i++)
			pages_free(p, held[i], order);
		sum += bench_cpu_now() - start;
	}
	return sum / (double)(rounds * n);
}

/* Random replacement with @n blocks in use: @ops to settle, @ops timed in each run. */
static void pages_churn(const struct pages_peer *p, unsigned int order, void **held, size_t n,
			uint64_t *seed, double *out)
{
	const size_t ops = 300000;

	for (size_t i = 0; i < n; i++)
		held[i] = pages_alloc(p, order);
	for (unsigned int run = 0; run <= BENCH_RUNS; run++) {
		double start = bench_cpu_now();

		for (size_t i = 0; i < ops; i++) {
			size_t k = bench_random(seed) % n;

			pages_free(p, held[k], order);
			held[k] = pages_alloc(p, order);
		}
		if (run > 0)
			out[run - 1] = (bench_cpu_now() - start) / (double)ops;
	}
	for (size_t i = 0; i < n; i++)
		pages_free(p, held[i], order);
}

static void pages_order(const struct pages_peer *peers, uint64_t nr_pages, unsigned int order,
			void **held)
{
	double figure[PAGES_FIGURES][PAGES_PEERS][BENCH_RUNS];
	uint64_t seed[PAGES_PEERS] = {0x9e3779b97f4a7c15u, 0x9e3779b97f4a7c15u};
	size_t half = (size_t)(nr_pages / 2 >> order), most = (size_t)(nr_pages * 9 / 10 >> order);
	unsigned int last = order < 9 ? PAGES_CHURN : PAGES_RANDOM;

	for (unsigned int run = 0; run < BENCH_RUNS; run++) {
		for (unsigned int k = 0; k < PAGES_PEERS; k++) {
			figure[PAGES_PAIR][k][run] = pages_pair(&peers[k], order);
			pages_bulk(&peers[k], order, held, half, &figure[PAGES_FILL][k][run],
				   &figure[PAGES_DRAIN][k][run]);
		}
	}
	for (unsigned int run = 0; run < BENCH_RUNS; run++) {
		for (unsigned int k = 0; k < PAGES_PEERS; k++)
			figure[PAGES_RANDOM][k][run] =
				pages_random(&peers[k], order, held, half, &seed[k]);
	}
	if (last == PAGES_CHURN) {
		for (unsigned int k = 0; k < PAGES_PEERS; k++)
			pages_churn(&peers[k], order, held, most, &seed[k], figure[PAGES_CHURN][k]);
	}
	for (unsigned int f = 0; f <= last; f++) {
		double ours = bench_median(figure[f][PAGES_OURS], BENCH_RUNS);
		double list = bench_median(figure[f][PAGES_LIST], BENCH_RUNS);

		printf("%6.0f %5u  %-12s %8.1f %8.1f %7.1f\n",
		       (double)(nr_pages >> (30 - QUARRY_PAGE_SHIFT)), order, pages_names[f], ours,
		       list, list / ours);
	}
	fflush(stdout);
}

static void pages_open(struct pages_peer *peers, struct list_buddy *list, uint64_t pages)
{
	peers[PAGES_OURS] =
		(struct pages_peer){.q = bench_machine(pages << QUARRY_PAGE_SHIFT, 1, true, false)};
	peers[PAGES_LIST] = (struct pages_peer){.list = list};
	if (!list_buddy_init(list, pages, pages / 256))
		bench_die("out of memory");
}

static void pages_close(struct pages_peer *peers)
{
	list_buddy_exit(peers[PAGES_LIST].list);
	quarry_posix_delete(peers[PAGES_OURS].q);
}

/* Free pages, and those of them in whole 2 MiB blocks. Sheaves and per-CPU lists count as free. */
static double pages_whole(const struct pages_peer *p)
{
	struct quarry_zone_info info;
	uint64_t whole = 0, free;

	if (p->q != NULL) {
		quarry_drain_all_pages(p->q);
		quarry_zone_info(p->q, 0, QUARRY_ZONE_NORMAL, &info);
		free = info.free;
		whole = info.nr_free[9] + 2 * info.nr_free[10];
	} else {
		list_buddy_drain(p->list);
		free = p->list->nr_free;
		whole = list_buddy_count(p->list, 9) + 2 * list_buddy_count(p->list, 10);
	}
	return 100 * (double)(whole << 9) / (double)free;
}

static void pages_replace(const struct pages_peer *p, void **held, uint64_t nr_pages)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;
	size_t n = (size_t)(nr_pages * 99 / 100), left = n / 2, tenth = left / 10;

	for (size_t i = 0; i < n; i++)
		held[i] = pages_alloc(p, 0);
	bench_shuffle(held, n, &seed);
	for (size_t i = left; i < n; i++)
		pages_free(p, held[i], 0);
	for (unsigned int round = 0; round < 100; round++) {
		for (size_t i = 0; i < tenth; i++) { /* a random tenth comes to the front */
			size_t j = i + bench_random(&seed) % (left - i);
			void *t = held[i];

			held[i] = held[j];
			held[j] = t;
			pages_free(p, held[i], 0);
		}
		for (size_t i = 0; i < tenth; i++)
			held[i] = pages_alloc(p, 0);
	}
}

static void pages_fragmentation(uint64_t nr_pages)
{
	struct list_buddy list;
	struct pages_peer peers[PAGES_PEERS];
	void **held = malloc((size_t)nr_pages * sizeof(*held));
	double whole[PAGES_PEERS];

	if (held == NULL)
		bench_die("out of memory");
	pages_open(peers, &list, nr_pages);
	for (unsigned int k = 0; k < PAGES_PEERS; k++) {
		pages_replace(&peers[k], held, nr_pages);
		whole[k] = pages_whole(&peers[k]);
	}
	printf("Whole 2 MiB blocks among the free memory of %.0f GiB, half full, after 100 rounds "
	       "of "
	       "replacement:\n%24s %6.1f %%  %6.1f %%\n",
	       (double)(nr_pages >> (30 - QUARRY_PAGE_SHIFT)), "", whole[PAGES_OURS],
	       whole[PAGES_LIST]);
	pages_close(peers);
	free(held);
}

void bench_pages(void)
{
	static const uint64_t gib[] = {1, 16};
	static const unsigned int orders[] = {0, 1, 3, 9};

	printf("Pages: ns an operation, one thread; list: the list buddy; ratio: list / quarry\n");
	printf("%6s %5s  %-12s %8s %8s %7s\n", "GiB", "order", "", "quarry", "list", "ratio");
	for (size_t g = 0; g < BENCH_ARRAY_SIZE(gib); g++) {
		uint64_t pages = gib[g] << (30 - QUARRY_PAGE_SHIFT);
		/* A young machine for each order: no order inherits another's disorder. */
		for (size_t o = 0; o < BENCH_ARRAY_SIZE(orders); o++) {
			struct list_buddy list;
			struct pages_peer peers[PAGES_PEERS];
			void **held = malloc((size_t)pages * sizeof(*held));

			if (held == NULL)
				bench_die("out of memory");
			pages_open(peers, &list, pages);
			pages_order(peers, pages, orders[o], held);
			pages_close(peers);
			free(held);
		}
	}
	pages_fragmentation((uint64_t)4 << (30 - QUARRY_PAGE_SHIFT));
}
