/* SPDX-License-Identifier: MIT */
/*
 * Blocks of pages, beside the list buddy of list_buddy.h, in turns within one process.
 *
 * pair     allocate one, free it, with nothing else in use
 * bulk     fill half of the memory; free all of it in the order of allocation
 * random   fill half; free all of it in random order; fill again (the refill)
 * holes    with 90 % in use: free every second block; ask for blocks of the next order, one for every
 *          16 holes; fill the holes again
 * churn    with 90 % in use: free one at random, allocate one
 *
 * At most PAGES_HELD blocks are held. In a machine that holds more, blocks of order 10 take the rest up
 * before holes and churn begin, so that a tenth of what is left is free there too.
 */
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pages.h"

#define PAGES_MIN_OPS 100000u            /* operations in one timed run, at least */
#define PAGES_HELD ((size_t)8 << 20)     /* blocks */
#define PAGES_TIMED ((size_t)4 << 20)    /* blocks of bulk and random */
#define PAGES_LIST_MOST PAGES_GIB(64)    /* beyond it the list's records would not fit */
#define PAGES_CHURN_OPS ((size_t)300000) /* in one run */
#define PAGES_CHURN_AHEAD 16u
#define PAGES_FEW_RUNS 3u /* in large machines */

enum pages_figure {
	PAGES_PAIR,
	PAGES_FILL,
	PAGES_DRAIN,
	PAGES_RANDOM,
	PAGES_REFILL,
	PAGES_HOLES,
	PAGES_LARGER,
	PAGES_HOLES_FILL,
	PAGES_CHURN,
	PAGES_FIGURES
};

static const char *const pages_names[PAGES_FIGURES] = {
	"pair",       "bulk alloc",   "bulk free",   "random free", "random refill",
	"holes free", "holes larger", "holes alloc", "churn pair"};

/* One machine and one order under test. */
struct pages_test {
	struct pages_peer peers[PAGES_PEERS];
	unsigned int nr_peers, runs, order;
	uint64_t nr_pages;
	void **held;
	uint64_t seed[PAGES_PEERS];
	double figure[PAGES_FIGURES][PAGES_PEERS][BENCH_RUNS];
};

void pages_progress(const char *fmt, ...)
{
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(args, fmt);
	fprintf(stderr, "\r\033[K");
	vfprintf(stderr, fmt, args);
	va_end(args);
	fflush(stderr);
}

void pages_open(struct pages_peer *peers, struct list_buddy *list, uint64_t pages,
		unsigned int cpus, bool with_list)
{
	struct quarry_posix_options options = {.concurrent = cpus != 0};
	struct quarry_boot_params params = {.nr_cpus = cpus != 0 ? cpus : 1,
					    .dma_limit = ~(phys_addr_t)0,
					    .dma32_limit = ~(phys_addr_t)0};
	struct quarry *q = quarry_posix_new(&options);

	if (q == NULL || quarry_memblock_add(q, 0, pages << QUARRY_PAGE_SHIFT) != 0 ||
	    quarry_memblock_reserve(q, 0, 1 << 20) != 0 || quarry_boot(q, &params) != 0)
		bench_die("the machine does not boot");
	peers[PAGES_OURS] = (struct pages_peer){.q = q};
	peers[PAGES_LIST] = (struct pages_peer){.list = with_list ? list : NULL};
	if (with_list && !list_buddy_init(list, pages, pages / 256, cpus != 0))
		bench_die("out of memory");
}

void pages_close(struct pages_peer *peers)
{
	if (peers[PAGES_LIST].list != NULL)
		list_buddy_exit(peers[PAGES_LIST].list);
	quarry_posix_delete(peers[PAGES_OURS].q);
}

static double pages_pair(const struct pages_peer *p, unsigned int order)
{
	const unsigned int n = 500000;
	double start = bench_cpu_now();

	for (unsigned int i = 0; i < n; i++) {
		void *page = pages_alloc(p, order);

		bench_use(page);
		pages_free(p, page, order);
	}
	return (bench_cpu_now() - start) / n;
}

static double pages_take(const struct pages_peer *p, unsigned int order, void **held, size_t n)
{
	double start = bench_cpu_now();

	for (size_t i = 0; i < n; i++)
		held[i] = pages_alloc(p, order);
	return bench_cpu_now() - start;
}

static double pages_give(const struct pages_peer *p, unsigned int order, void **held, size_t n)
{
	double start = bench_cpu_now();

	for (size_t i = 0; i < n; i++)
		pages_free(p, held[i], order);
	return bench_cpu_now() - start;
}

/* Half of the memory out and back, in order or shuffled, as often as it takes. */
static void pages_bulk(struct pages_test *t, unsigned int k, unsigned int run)
{
	size_t half = (size_t)(t->nr_pages / 2 >> t->order);
	size_t n = half < PAGES_TIMED ? half : PAGES_TIMED;
	size_t rounds = n < PAGES_MIN_OPS ? PAGES_MIN_OPS / n + 1 : 1;
	const struct pages_peer *p = &t->peers[k];
	double sum[PAGES_FIGURES] = {0};

	for (size_t r = 0; r < rounds; r++) {
		sum[PAGES_FILL] += pages_take(p, t->order, t->held, n);
		sum[PAGES_DRAIN] += pages_give(p, t->order, t->held, n);
	}
	for (size_t r = 0; r < rounds; r++) {
		(void)pages_take(p, t->order, t->held, n);
		bench_shuffle(t->held, n, &t->seed[k]);
		sum[PAGES_RANDOM] += pages_give(p, t->order, t->held, n);
		sum[PAGES_REFILL] += pages_take(p, t->order, t->held, n);
		(void)pages_give(p, t->order, t->held, n);
	}
	for (unsigned int f = PAGES_FILL; f <= PAGES_REFILL; f++)
		t->figure[f][k][run] = sum[f] / (double)(rounds * n);
}

/* Every second of @n blocks out, some of the next order in; then the holes are filled again. */
static void pages_holes(struct pages_test *t, unsigned int k, unsigned int run, size_t n)
{
	const struct pages_peer *p = &t->peers[k];
	size_t half = n / 2, larger = half / 16 + 1, got = 0;
	size_t rounds = half < PAGES_MIN_OPS ? PAGES_MIN_OPS / half + 1 : 1;
	double sum[PAGES_FIGURES] = {0}, start;
	void **large = malloc(larger * sizeof(*large));

	if (large == NULL)
		bench_die("out of memory");
	for (size_t r = 0; r < rounds; r++) {
		size_t m = 0;

		start = bench_cpu_now();
		for (size_t i = r % 2; i < 2 * half; i += 2)
			pages_free(p, t->held[i], t->order);
		sum[PAGES_HOLES] += bench_cpu_now() - start;
		start = bench_cpu_now();
		while (m < larger && (large[m] = pages_try(p, t->order + 1)) != NULL)
			m++;
		sum[PAGES_LARGER] += bench_cpu_now() - start;
		(void)pages_give(p, t->order + 1, large, m);
		got += m;
		start = bench_cpu_now();
		for (size_t i = r % 2; i < 2 * half; i += 2)
			t->held[i] = pages_alloc(p, t->order);
		sum[PAGES_HOLES_FILL] += bench_cpu_now() - start;
	}
	free(large);
	t->figure[PAGES_HOLES][k][run] = sum[PAGES_HOLES] / (double)(rounds * half);
	t->figure[PAGES_LARGER][k][run] = sum[PAGES_LARGER] / (double)(got != 0 ? got : 1);
	t->figure[PAGES_HOLES_FILL][k][run] = sum[PAGES_HOLES_FILL] / (double)(rounds * half);
}

static double pages_churn(struct pages_test *t, unsigned int k, size_t n)
{
	const struct pages_peer *p = &t->peers[k];
	size_t ahead[PAGES_CHURN_AHEAD] = {0}, j;
	double start = bench_cpu_now();

	for (size_t i = 0; i < PAGES_CHURN_OPS; i++) {
		/* Places in this program's own array are fetched some rounds before: its misses are not measured. */
		size_t *next = &ahead[i % PAGES_CHURN_AHEAD];

		j = *next;
		*next = (size_t)((bench_random(&t->seed[k]) >> 32) * n >> 32);
		__builtin_prefetch(&t->held[*next], 1);
		pages_free(p, t->held[j], t->order);
		t->held[j] = pages_alloc(p, t->order);
	}
	return (bench_cpu_now() - start) / (double)PAGES_CHURN_OPS;
}

/* With 90 % in use. */
static void pages_full(struct pages_test *t, unsigned int k)
{
	const struct pages_peer *p = &t->peers[k];
	size_t most = (size_t)(t->nr_pages * 9 / 10 >> t->order);
	size_t n = most < PAGES_HELD ? most : PAGES_HELD;
	uint64_t busy = ((uint64_t)n << t->order) / 9 * 10;
	size_t rest = most > n ? (size_t)((t->nr_pages - busy) >> QUARRY_MAX_ORDER) : 0;
	void **ballast = malloc((rest + 1) * sizeof(*ballast));

	if (ballast == NULL)
		bench_die("out of memory");
	(void)pages_take(p, QUARRY_MAX_ORDER, ballast, rest);
	(void)pages_take(p, t->order, t->held, n);
	for (unsigned int run = 0; run < t->runs; run++)
		pages_holes(t, k, run, n);
	for (unsigned int run = 0; run <= t->runs && t->order < QUARRY_PAGEBLOCK_ORDER; run++) {
		double ns = pages_churn(t, k, n);

		if (run > 0) /* the first settles it */
			t->figure[PAGES_CHURN][k][run - 1] = ns;
	}
	(void)pages_give(p, t->order, t->held, n);
	(void)pages_give(p, QUARRY_MAX_ORDER, ballast, rest);
	free(ballast);
}

static void pages_print(struct pages_test *t)
{
	unsigned int last = t->order < QUARRY_PAGEBLOCK_ORDER ? PAGES_CHURN : PAGES_HOLES_FILL;

	pages_progress("%s", "");
	for (unsigned int f = 0; f <= last; f++) {
		double ours = bench_median(t->figure[f][PAGES_OURS], t->runs);

		printf("%6.0f %5u  %-13s %8.1f", (double)t->nr_pages / (double)PAGES_GIB(1),
		       t->order, pages_names[f], ours);
		if (t->nr_peers == PAGES_PEERS) {
			double list = bench_median(t->figure[f][PAGES_LIST], t->runs);

			printf(" %8.1f %7.1f", list, list / ours);
		}
		printf("\n");
	}
	fflush(stdout);
}

/* In large pages: misses of the TLB are to be the allocators'. */
static void **pages_array(size_t n)
{
	void **p = aligned_alloc((size_t)1 << 21, n * sizeof(*p));

	if (p != NULL)
		(void)madvise(p, n * sizeof(*p), MADV_HUGEPAGE);
	return p;
}

/* A young machine for each order: no order inherits another's disorder. */
static void pages_order(uint64_t nr_pages, unsigned int order)
{
	bool with_list = nr_pages <= PAGES_LIST_MOST;
	struct list_buddy *list = aligned_alloc(128, sizeof(*list));
	struct pages_test t = {.nr_pages = nr_pages,
			       .order = order,
			       .nr_peers = with_list ? PAGES_PEERS : 1,
			       .runs = nr_pages < PAGES_GIB(64) ? BENCH_RUNS : PAGES_FEW_RUNS,
			       .held = pages_array(PAGES_HELD),
			       .seed = {PAGES_SEED, PAGES_SEED}};

	if (list == NULL || t.held == NULL)
		bench_die("out of memory");
	pages_open(t.peers, list, nr_pages, 0, with_list);
	for (unsigned int run = 0; run < t.runs; run++) {
		for (unsigned int k = 0; k < t.nr_peers; k++) {
			pages_progress("pages: %.0f GiB, order %u, run %u of %u",
				       (double)nr_pages / (double)PAGES_GIB(1), order, run + 1,
				       t.runs);
			t.figure[PAGES_PAIR][k][run] = pages_pair(&t.peers[k], order);
			pages_bulk(&t, k, run);
		}
	}
	pages_progress("pages: %.0f GiB, order %u, 90 %% in use",
		       (double)nr_pages / (double)PAGES_GIB(1), order);
	for (unsigned int k = 0; k < t.nr_peers; k++)
		pages_full(&t, k);
	pages_print(&t);
	pages_close(t.peers);
	free(t.held);
	free(list);
}

void bench_threads(void)
{
	pages_threads(PAGES_GIB(16));
}

void bench_replacement(void)
{
	pages_fragmentation(PAGES_GIB(4));
}

void bench_pages(void)
{
	static const unsigned int gib[] = {1, 16, 64, 1024};
	static const unsigned int orders[] = {0, 3, 9};

	const char *only = getenv("BENCH_GIB");    /* this size and nothing else */
	const char *order = getenv("BENCH_ORDER"); /* and this order */

	printf("Pages: ns of CPU time an operation, one thread; list: the list buddy; ratio: list "
	       "/ quarry\n");
	printf("%6s %5s  %-13s %8s %8s %7s\n", "GiB", "order", "", "quarry", "list", "ratio");
	for (size_t g = 0; g < BENCH_ARRAY_SIZE(gib); g++) {
		for (size_t o = 0; o < BENCH_ARRAY_SIZE(orders); o++) {
			if ((only == NULL || strtoul(only, NULL, 10) == gib[g]) &&
			    (order == NULL || strtoul(order, NULL, 10) == orders[o]))
				pages_order(PAGES_GIB(gib[g]), orders[o]);
		}
	}
	if (only != NULL || order != NULL)
		return;
	bench_threads();
	bench_replacement();
}
