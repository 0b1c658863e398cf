/* SPDX-License-Identifier: MIT */
/*
 * Objects, beside the C library's malloc() and three others. The machine's memory exists, and the first
 * word of each object is written after it was allocated, as any user would. What one thread does is
 * measured in the time that it ran; what two do, by the clock.
 */
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "peers.h"

#define SLABS_FEW 10000u
#define SLABS_MANY 1000000u
#define SLABS_ROUNDS 20u /* of the few */
#define SLABS_PAIRS 1000000u
#define SLABS_RING 1024u
#define SLABS_HANDED 200000u
#define SLABS_RAM ((uint64_t)1536 << 20)

enum slabs_order { SLABS_LIFO, SLABS_FIFO, SLABS_RANDOM, SLABS_ORDERS };

static const char *const slabs_few[SLABS_ORDERS] = {"10,000 LIFO", "10,000 FIFO", "10,000 random"};
static const char *const slabs_many[SLABS_ORDERS] = {"1,000,000 LIFO", "1,000,000 FIFO",
						     "1,000,000 random"};
static const size_t slabs_sizes[] = {16, 64, 256, 1024};

static double slabs_pair(const struct peer *p)
{
	double start = bench_cpu_now();

	for (unsigned int i = 0; i < SLABS_PAIRS; i++)
		peer_free(p, peer_alloc(p));
	return (bench_cpu_now() - start) / SLABS_PAIRS;
}

/* ns for one alloc and one free, with @n in use in between; *@frees: of that, the free. */
static double slabs_batch(const struct peer *p, enum slabs_order order, void **held, size_t n,
			  unsigned int rounds, double *frees)
{
	uint64_t seed = 0x2545f4914f6cdd1du;
	double sum = 0;

	*frees = 0;
	for (unsigned int r = 0; r < rounds; r++) {
		double start = bench_cpu_now();

		for (size_t i = 0; i < n; i++)
			held[i] = peer_alloc(p);
		sum += bench_cpu_now() - start;
		if (order == SLABS_RANDOM)
			bench_shuffle(held, n, &seed);
		start = bench_cpu_now();
		for (size_t i = 0; i < n; i++)
			peer_free(p, held[order == SLABS_LIFO ? n - 1 - i : i]);
		*frees += bench_cpu_now() - start;
	}
	sum += *frees;
	*frees /= (double)rounds * (double)n;
	return sum / ((double)rounds * (double)n);
}

static void slabs_row(size_t size, const char *what, double figure[PEER_KINDS][BENCH_RUNS],
		      unsigned int runs)
{
	double m[PEER_KINDS];

	for (unsigned int k = 0; k < PEER_KINDS; k++)
		m[k] = bench_median(figure[k], runs);
	peer_print_row(size, what, m, false);
}

static void slabs_size(struct quarry *q, size_t size)
{
	static void *held[SLABS_FEW];
	double figure[SLABS_ORDERS + 1][PEER_KINDS][BENCH_RUNS], frees;

	for (unsigned int run = 0; run < BENCH_RUNS; run++) {
		for (unsigned int k = 0; k < PEER_KINDS; k++) {
			struct peer p;
			bool there = peer_open(&p, (enum peer_kind)k, q, size);

			figure[SLABS_ORDERS][k][run] = there ? slabs_pair(&p) : -1;
			for (unsigned int o = 0; o < SLABS_ORDERS; o++)
				figure[o][k][run] =
					there ? slabs_batch(&p, (enum slabs_order)o, held,
							    SLABS_FEW, SLABS_ROUNDS, &frees)
					      : -1;
			peer_close(&p);
		}
	}
	slabs_row(size, "pair", figure[SLABS_ORDERS], BENCH_RUNS);
	for (unsigned int o = 0; o < SLABS_ORDERS; o++)
		slabs_row(size, slabs_few[o], figure[o], BENCH_RUNS);
}

void bench_slabs(void)
{
	struct quarry *q = bench_machine((uint64_t)1 << 30, 1, true, true);

	/* malloc() keeps its memory, as the machine does; else it pays for page faults. */
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 64 << 20);
	peer_print_head(
		"Objects: ns for alloc + free, one thread; ratio: best of the others / kmalloc");
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(slabs_sizes); i++)
		slabs_size(q, slabs_sizes[i]);
	quarry_posix_delete(q);
}

/* ---- a million objects ---- */

enum slabs_figure {
	SLABS_MANY_LIFO,
	SLABS_MANY_FIFO,
	SLABS_MANY_RANDOM,
	SLABS_FREE_RANDOM, /* the frees of the row above */
	SLABS_REPLACE,
	SLABS_HELD, /* percent of the memory held that is live, after 90 % were freed */
	SLABS_FIGURES
};

/* Bytes of this process that lie in memory. */
static double slabs_resident(void)
{
	unsigned long total = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%lu %lu", &total, &resident) != 2)
		bench_die("no /proc/self/statm");
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double slabs_replace(const struct peer *p, void **held)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;
	double start;

	for (size_t i = 0; i < SLABS_MANY; i++)
		held[i] = peer_alloc(p);
	start = bench_cpu_now();
	for (size_t i = 0; i < SLABS_MANY; i++) {
		size_t k = bench_random(&seed) % SLABS_MANY;

		peer_free(p, held[k]);
		held[k] = peer_alloc(p);
	}
	start = (bench_cpu_now() - start) / SLABS_MANY;
	for (size_t i = 0; i < SLABS_MANY; i++)
		peer_free(p, held[i]);
	return start;
}

/* Free pages of ours go back to the system too, so that the process has what is held and no more. */
static void slabs_discard_free(struct quarry *q)
{
	pfn_t pages = (pfn_t)SLABS_RAM >> QUARRY_PAGE_SHIFT;

	quarry_drain_all_pages(q);
	for (pfn_t start = 0, n; start < pages; start += n) {
		struct page *page = quarry_pfn_to_page(q, start);
		pfn_t left = QUARRY_PAGEBLOCK_PAGES - start % QUARRY_PAGEBLOCK_PAGES;

		/* Pages without a descriptor have never been used. */
		for (n = page == NULL ? left : 0;
		     n < left && quarry_pfn_state(q, start + n, NULL) == QUARRY_PAGE_FREE; n++)
			;
		if (page != NULL && n != 0)
			(void)madvise(quarry_page_address(q, page), (size_t)n << QUARRY_PAGE_SHIFT,
				      MADV_DONTNEED);
		n += n == 0;
	}
}

/* What the process has grown by, when all have given back what they can, tables included. */
static double slabs_held(const struct peer *p, void **held)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;
	double before, after;
	size_t keep = SLABS_MANY / 10;

	before = slabs_resident();
	for (size_t i = 0; i < SLABS_MANY; i++)
		held[i] = memset(peer_alloc(p), 1, p->size);
	bench_shuffle(held, SLABS_MANY, &seed);
	for (size_t i = keep; i < SLABS_MANY; i++)
		peer_free(p, held[i]);
	if (p->trim != NULL)
		p->trim();
	if (p->cache != NULL) {
		quarry_kmem_cache_shrink(p->q, p->cache);
		if (quarry_posix_report_free(p->q) != 0)
			bench_die("no page reporting");
		quarry_slab_reporting_run(p->q, p->cache); /* as malloc_trim() does it */
		slabs_discard_free(p->q);
	}
	after = slabs_resident() - before;
	for (size_t i = 0; i < keep; i++)
		peer_free(p, held[i]);
	return 100 * (double)(keep * p->size) / after;
}

static void slabs_million(enum peer_kind kind, size_t size, double figure[SLABS_FIGURES])
{
	void **held = malloc(SLABS_MANY * sizeof(*held));
	struct quarry *q = NULL;
	struct peer p;
	double frees;

	for (unsigned int i = 0; i < SLABS_FIGURES; i++)
		figure[i] = -1;
	if (kind <= PEER_KMALLOC)
		q = bench_machine(SLABS_RAM, 1, true, true);
	if (held == NULL)
		bench_die("out of memory");
	memset(held, 1, SLABS_MANY * sizeof(*held));
	if (!peer_open(&p, kind, q, size))
		return;
	figure[SLABS_HELD] = slabs_held(&p, held); /* first: nothing is in memory yet */
	/* What was given back comes again: page faults are not the allocators'. */
	(void)slabs_batch(&p, SLABS_LIFO, held, SLABS_MANY, 1, &frees);
	for (unsigned int o = 0; o < SLABS_ORDERS; o++)
		figure[o] = slabs_batch(&p, (enum slabs_order)o, held, SLABS_MANY, 2, &frees);
	figure[SLABS_FREE_RANDOM] = frees;
	figure[SLABS_REPLACE] = slabs_replace(&p, held);
	peer_close(&p);
}

void bench_slabs_one(unsigned int kind, size_t size)
{
	double figure[SLABS_FIGURES];

	if (kind >= PEER_KINDS || size < sizeof(uint64_t))
		bench_die("usage: bench slabs-one PEER BYTES");
	slabs_million((enum peer_kind)kind, size, figure);
	for (unsigned int i = 0; i < SLABS_FIGURES; i++)
		printf("%.17g\n", figure[i]);
}

/* In a program of its own, in which nobody has allocated anything. */
static void slabs_million_apart(enum peer_kind kind, size_t size, double figure[SLABS_FIGURES])
{
	char self[PATH_MAX], command[PATH_MAX + 64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *f;

	if (len < 0)
		bench_die("no /proc/self/exe");
	self[len] = '\0';
	snprintf(command, sizeof(command), "exec '%s' slabs-one %u %zu", self, (unsigned int)kind,
		 size);
	fflush(stdout);
	f = popen(command, "r");
	for (unsigned int i = 0; i < SLABS_FIGURES; i++) {
		if (f == NULL || fscanf(f, "%lf", &figure[i]) != 1)
			bench_die("a program of its own failed");
	}
	if (pclose(f) != 0)
		bench_die("a program of its own failed");
}

/* ---- two threads ---- */

struct slabs_ring {
	_Alignas(64) atomic_uint head;
	_Alignas(64) atomic_uint tail;
	_Alignas(64) struct peer *p;
	void *slot[SLABS_RING];
};

static void *slabs_consume(void *arg)
{
	struct slabs_ring *r = arg;

	quarry_posix_set_cpu(1);
	for (unsigned int i = 0; i < SLABS_HANDED; i++) {
		while (atomic_load_explicit(&r->head, memory_order_acquire) == i)
			sched_yield();
		peer_free(r->p, r->slot[i % SLABS_RING]);
		atomic_store_explicit(&r->tail, i + 1, memory_order_release);
	}
	return NULL;
}

/* ns for an object that one thread allocates and another frees. */
static double slabs_hand_over(struct peer *p)
{
	static struct slabs_ring ring;
	pthread_t thread;
	double start;

	ring.p = p;
	atomic_store(&ring.head, 0);
	atomic_store(&ring.tail, 0);
	quarry_posix_set_cpu(0);
	if (pthread_create(&thread, NULL, slabs_consume, &ring) != 0)
		bench_die("no thread");
	start = bench_now();
	for (unsigned int i = 0; i < SLABS_HANDED; i++) {
		while (i - atomic_load_explicit(&ring.tail, memory_order_acquire) == SLABS_RING)
			sched_yield();
		ring.slot[i % SLABS_RING] = peer_alloc(p);
		atomic_store_explicit(&ring.head, i + 1, memory_order_release);
	}
	pthread_join(thread, NULL);
	return (bench_now() - start) / SLABS_HANDED;
}

void bench_slabs_threads(void)
{
	struct quarry *q = bench_machine_of((uint64_t)256 << 20, 1, 2, true, true);
	cpu_set_t all, one;

	peer_print_head("Two threads: ns for an object that one allocates and the other frees");
	if (sched_getaffinity(0, sizeof(one), &one) != 0)
		bench_die("no affinity");
	CPU_ZERO(&all);
	for (unsigned int i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &all);
	(void)sched_setaffinity(0, sizeof(all), &all);
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(slabs_sizes); i++) {
		double figure[PEER_KINDS][BENCH_RUNS];

		for (unsigned int run = 0; run < BENCH_RUNS; run++) {
			for (unsigned int k = 0; k < PEER_KINDS; k++) {
				struct peer p;

				figure[k][run] = peer_open(&p, (enum peer_kind)k, q, slabs_sizes[i])
							 ? slabs_hand_over(&p)
							 : -1;
				peer_close(&p);
			}
		}
		slabs_row(slabs_sizes[i], "handed over", figure, BENCH_RUNS);
	}
	(void)sched_setaffinity(0, sizeof(one), &one);
	quarry_posix_delete(q);
}

void bench_slabs_large(void)
{
	static const char *const rows[SLABS_FIGURES] = {
		[SLABS_FREE_RANDOM] = "  random frees",
		[SLABS_REPLACE] = "replace one",
		[SLABS_HELD] = "live % of held",
	};

	peer_print_head("A million objects: ns for alloc + free; two threads; memory held");
	for (size_t i = 0; i < BENCH_ARRAY_SIZE(slabs_sizes); i++) {
		double figure[PEER_KINDS][SLABS_FIGURES], row[PEER_KINDS];

		for (unsigned int k = 0; k < PEER_KINDS; k++)
			slabs_million_apart((enum peer_kind)k, slabs_sizes[i], figure[k]);
		for (unsigned int f = 0; f < SLABS_FIGURES; f++) {
			for (unsigned int k = 0; k < PEER_KINDS; k++)
				row[k] = figure[k][f];
			peer_print_row(slabs_sizes[i], f < SLABS_ORDERS ? slabs_many[f] : rows[f],
				       row, f == SLABS_HELD);
		}
	}
}

/* ---- colours ---- */

#define COLOUR_SIZE 696u /* 23 in 16 KiB: 5 colours */
#define COLOUR_SLABS 48u
#define COLOUR_ROUNDS 20000u

/* ns from the first object of a slab to that of the next one, whose address it holds. */
static double colour_step(bool colour)
{
	struct quarry_posix_options options = {.ram_bytes = (size_t)64 << 20};
	struct quarry_boot_params params = {.nr_cpus = 1, .slab_colour = colour};
	struct quarry *q = quarry_posix_new(&options);
	struct quarry_cache_info info;
	struct kmem_cache *s = NULL;
	void *head = &head, **last = &head;
	double start;

	if (q != NULL && quarry_memblock_add(q, 0, (phys_addr_t)64 << 20) == 0 &&
	    quarry_boot(q, &params) == 0)
		s = quarry_kmem_cache_create(q, "colour", COLOUR_SIZE, SLAB_NO_MERGE, NULL);
	if (s == NULL)
		bench_die("no machine");
	quarry_kmem_cache_info(q, s, &info);
	for (unsigned int n = 0; n < COLOUR_SLABS;) {
		void **o = quarry_kmem_cache_alloc(q, s, GFP_KERNEL);
		uintptr_t off = (uintptr_t)o & ((QUARRY_PAGE_SIZE << info.order) - 1);

		if (o == NULL)
			bench_die("out of objects");
		if (off >= COLOUR_SIZE)
			continue;
		*last = o;
		last = o;
		n++;
	}
	*last = head;
	start = bench_cpu_now();
	for (unsigned int i = 0; i < COLOUR_ROUNDS * COLOUR_SLABS; i++)
		head = *(void **)head;
	bench_use(head);
	start = (bench_cpu_now() - start) / (COLOUR_ROUNDS * COLOUR_SLABS);
	quarry_posix_delete(q);
	return start;
}

void bench_slabs_colour(void)
{
	printf("Colours: ns a step from slab to slab, by a list of the first objects of %u slabs\n",
	       COLOUR_SLABS);
	printf("%-12s %8.2f\n%-12s %8.2f\n", "none", colour_step(false), "slab_colour",
	       colour_step(true));
}
