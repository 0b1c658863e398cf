/* SPDX-License-Identifier: MIT */
/*
 * The posix port: a memory system inside a process.
 *
 * Tables come from mmap(), which gives zeroed pages and only when they are touched: so the tables of a
 * 12 TiB machine cost what is used of them. Small ones come from calloc(). The managed memory exists
 * only if asked for, or if the caller's own is to be managed; else addresses are numbers, those that Linux's direct map would give, and a write
 * through one is a fault: nothing in the library may touch the memory that it manages.
 */
#include <quarry/posix.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <quarry_host.h>

#include "watch.h"

_Thread_local unsigned int quarry_posix_cpu;
_Thread_local uintptr_t quarry_posix_cpu_times_64;
_Thread_local unsigned int quarry_posix_spins;
_Thread_local uint64_t quarry_posix_held, quarry_posix_lockings;

#define POSIX_MMAP_FROM ((size_t)256 << 10) /* larger tables are mapped */
#define POSIX_PAGE ((size_t)4096)
#define POSIX_LARGE_FROM ((size_t)1 << 20) /* an alignment like this asks for large pages */
#if UINTPTR_MAX > 0xffffffffu
#define POSIX_LINUX_DIRECT_MAP 0xffff888000000000u
#else
/* The page that would be NULL lies close below 4 GiB, where PCs have ROM. */
#define POSIX_LINUX_DIRECT_MAP 0x01000000u
#endif

struct posix_storage {
	struct posix_storage *next;
	phys_addr_t phys;
	size_t size;
	void *p;
};

/* The background reclaimer of one node. */
struct posix_kswapd {
	struct posix_machine *m;
	pthread_t thread;
	pthread_cond_t wanted;
	unsigned int cpu;
	int nid;
	bool run;
};

struct posix_machine {
	_Alignas(64) unsigned char quarry[QUARRY_STORAGE_SIZE];
	struct quarry_posix_options options;
	struct quarry *q;
	void *ram;
	struct posix_storage *storage; /* tables of simulated memory */
	pthread_mutex_t kswapd_lock;
	struct posix_kswapd *kswapd; /* by node; NULL: no reclaimers run */
	int nr_kswapd;
	bool stop;
	struct posix_guard *guard; /* NULL: none */
	void *filler;              /* posix_square_heap() */
};

void quarry_posix_set_cpu(unsigned int cpu)
{
	quarry_posix_cpu = cpu;
	quarry_posix_cpu_times_64 = (uintptr_t)cpu * 64;
}

static void *posix_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void *posix_map_aligned(size_t size, size_t align)
{
	char *p = posix_map(size + align), *start;

	if (p == NULL)
		return NULL;
	start = p + (align - (uintptr_t)p % align) % align;
	size = (size + POSIX_PAGE - 1) / POSIX_PAGE * POSIX_PAGE;
	if (start != p)
		munmap(p, (size_t)(start - p));
	munmap(start + size, (size_t)(p + align - start)); /* the mapping was size + align long */
	return start;
}

/* A table that will be used all over: in large pages, so that the processor finds it in its TLB. */
static void *posix_map_large(size_t size, size_t align)
{
	void *p = posix_map_aligned(size, align);

	if (p != NULL)
		madvise(p, size, MADV_HUGEPAGE);
	return p;
}

/*
 * With QUARRY_HARDENED: a table with a page on each side that nobody can touch, behind its last byte if the alignment lets
 * it be.
 */
static void *posix_map_guarded(size_t size, size_t align)
{
	size_t len = (size + POSIX_PAGE - 1) / POSIX_PAGE * POSIX_PAGE;
	size_t more = align > POSIX_PAGE ? align : 0;
	char *map = mmap(NULL, len + more + 2 * POSIX_PAGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *start;

	if (map == MAP_FAILED)
		return NULL;
	start = map + POSIX_PAGE;
	if (more != 0)
		start += (align - (uintptr_t)start % align) % align;
	if (mprotect(start, len, PROT_READ | PROT_WRITE) != 0) {
		munmap(map, len + more + 2 * POSIX_PAGE);
		return NULL;
	}
	if (start - POSIX_PAGE != map)
		munmap(map, (size_t)(start - POSIX_PAGE - map));
	if ((size_t)(start - map) < more + POSIX_PAGE)
		munmap(start + len + POSIX_PAGE, more + POSIX_PAGE - (size_t)(start - map));
	return align < POSIX_PAGE ? start + (len - size) / align * align : start;
}

static void posix_unmap_guarded(void *p, size_t size)
{
	char *start = (char *)p - (uintptr_t)p % POSIX_PAGE;
	size_t len = ((uintptr_t)p % POSIX_PAGE + size + POSIX_PAGE - 1) / POSIX_PAGE * POSIX_PAGE;

	munmap(start - POSIX_PAGE, len + 2 * POSIX_PAGE);
}

static void *posix_meta_alloc(void *ctx, size_t size, size_t align)
{
	void *p = NULL;

	(void)ctx;
	if (QUARRY_HARDENED)
		return posix_map_guarded(size, align < sizeof(void *) ? sizeof(void *) : align);
	if (size >= POSIX_MMAP_FROM && align >= POSIX_LARGE_FROM)
		return posix_map_large(size, align);
	if (size >= POSIX_MMAP_FROM)
		return posix_map(size);
	if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, size) != 0)
		return NULL;
	return memset(p, 0, size);
}

static void posix_meta_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	if (QUARRY_HARDENED)
		posix_unmap_guarded(p, size);
	else if (size >= POSIX_MMAP_FROM)
		munmap(p, size);
	else
		free(p);
}

/* Tables that lie in simulated memory get real memory of their own. */
static void *posix_storage(void *ctx, phys_addr_t phys, size_t size)
{
	struct posix_machine *m = ctx;
	struct posix_storage *s;

	for (s = m->storage; s != NULL; s = s->next) {
		if (s->phys == phys && s->size >= size)
			return s->p;
	}
	s = malloc(sizeof(*s));
	if (s == NULL)
		return NULL;
	*s = (struct posix_storage){m->storage, phys, size, posix_map(size)};
	if (s->p == NULL) {
		free(s);
		return NULL;
	}
	m->storage = s;
	return s->p;
}

/* Tables in memory that exists; NULL beyond its end. */
static void *posix_ram_storage(void *ctx, phys_addr_t phys, size_t size)
{
	struct posix_machine *m = ctx;

	if (phys > m->options.ram_bytes || size > m->options.ram_bytes - phys)
		return NULL;
	return (char *)m->ram + phys;
}

static void posix_log(void *ctx, enum quarry_log_level level, const char *line)
{
	struct posix_machine *m = ctx;

	if (m->options.log != NULL)
		m->options.log(m->options.log_ctx, level, line);
}

static void posix_report(void *ctx, const char *line)
{
	struct posix_machine *m = ctx;

	if (m->options.report != NULL)
		m->options.report(m->options.log_ctx, line);
	else
		posix_log(ctx, QUARRY_LOG_ERR, line);
}

static void posix_panic(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "quarry: panic: %s\n", line);
	abort();
}

static uint64_t posix_now(void *ctx)
{
	struct timespec t;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* linux/membarrier.h, which not every C library's headers bring. */
enum { POSIX_MEMBARRIER_EXPEDITED = 1 << 3, POSIX_MEMBARRIER_REGISTER = 1 << 4 };

static void posix_barrier_cpus(void *ctx)
{
	(void)ctx;
	if (syscall(SYS_membarrier, POSIX_MEMBARRIER_EXPEDITED, 0, 0) != 0)
		abort(); /* it is registered */
}

/* Once for the process, and again does no harm. */
static bool posix_has_barrier(void)
{
	return syscall(SYS_membarrier, POSIX_MEMBARRIER_REGISTER, 0, 0) == 0;
}

static unsigned long posix_reclaim(void *ctx, int nid, gfp_t gfp, unsigned int order,
				   unsigned long nr_pages)
{
	const struct quarry_posix_options *o = &((struct posix_machine *)ctx)->options;

	return o->reclaim(o->hook_ctx, nid, gfp, order, nr_pages);
}

static unsigned long posix_reclaimable(void *ctx, int nid, enum quarry_zone_type zone)
{
	const struct quarry_posix_options *o = &((struct posix_machine *)ctx)->options;

	return o->reclaimable(o->hook_ctx, nid, zone);
}

static bool posix_oom(void *ctx, int nid, gfp_t gfp, unsigned int order)
{
	const struct quarry_posix_options *o = &((struct posix_machine *)ctx)->options;

	return o->oom(o->hook_ctx, nid, gfp, order);
}

static void posix_wake_hook(void *ctx, int nid, unsigned int order)
{
	const struct quarry_posix_options *o = &((struct posix_machine *)ctx)->options;

	o->wake(o->hook_ctx, nid, order);
}

/* Another thread must run for memory to come. */
static void posix_wait(void *ctx, int nid)
{
	const struct timespec moment = {.tv_nsec = 100000};

	(void)ctx;
	(void)nid;
	nanosleep(&moment, NULL);
}

/* ---- background reclaimers ---- */

static void posix_wake(void *ctx, int nid, unsigned int order)
{
	struct posix_machine *m = ctx;

	(void)order;
	pthread_mutex_lock(&m->kswapd_lock);
	if (m->kswapd != NULL && nid < m->nr_kswapd) {
		m->kswapd[nid].run = true;
		pthread_cond_signal(&m->kswapd[nid].wanted);
	}
	pthread_mutex_unlock(&m->kswapd_lock);
}

static void *posix_kswapd_main(void *arg)
{
	struct posix_kswapd *k = arg;
	struct posix_machine *m = k->m;

	quarry_posix_set_cpu(k->cpu);
	pthread_mutex_lock(&m->kswapd_lock);
	while (!m->stop) {
		if (!k->run) {
			pthread_cond_wait(&k->wanted, &m->kswapd_lock);
			continue;
		}
		k->run = false;
		pthread_mutex_unlock(&m->kswapd_lock);
		quarry_kswapd_run(m->q, k->nid);
		quarry_kcompactd_run(m->q, k->nid);
		pthread_mutex_lock(&m->kswapd_lock);
	}
	pthread_mutex_unlock(&m->kswapd_lock);
	return NULL;
}

void quarry_posix_stop_kswapd(struct quarry *q)
{
	struct posix_machine *m = (struct posix_machine *)(void *)q;
	struct posix_kswapd *all;

	pthread_mutex_lock(&m->kswapd_lock);
	m->stop = true;
	all = m->kswapd;
	for (int nid = 0; nid < m->nr_kswapd; nid++)
		pthread_cond_signal(&all[nid].wanted);
	pthread_mutex_unlock(&m->kswapd_lock);
	for (int nid = 0; nid < m->nr_kswapd; nid++) {
		if (all[nid].m != NULL)
			pthread_join(all[nid].thread, NULL);
	}
	/* No request may be under way that could still wake one: they are the caller's to end. */
	pthread_mutex_lock(&m->kswapd_lock);
	m->kswapd = NULL;
	m->nr_kswapd = 0;
	pthread_mutex_unlock(&m->kswapd_lock);
	free(all);
}

int quarry_posix_start_kswapd(struct quarry *q, unsigned int first_cpu)
{
	struct posix_machine *m = (struct posix_machine *)(void *)q;
	struct quarry_totals totals;
	struct posix_kswapd *all;
	int err = 0;

	if (!m->options.concurrent || quarry_stage(q) < QUARRY_STAGE_PAGES || m->kswapd != NULL)
		return -QUARRY_EINVAL;
	quarry_totals(q, &totals);
	for (int nid = 0, cpu = (int)first_cpu; nid < totals.nr_nodes; nid++) {
		if (quarry_node_present(q, nid) && !quarry_cpu_is_online(q, (unsigned int)cpu++))
			return -QUARRY_EINVAL;
	}
	all = calloc((size_t)totals.nr_nodes, sizeof(*all));
	if (all == NULL)
		return -QUARRY_ENOMEM;
	pthread_mutex_lock(&m->kswapd_lock);
	m->stop = false;
	m->kswapd = all;
	m->nr_kswapd = totals.nr_nodes;
	for (int nid = 0; nid < totals.nr_nodes; nid++) {
		pthread_cond_init(&all[nid].wanted, NULL);
		if (err != 0 || !quarry_node_present(q, nid))
			continue;
		all[nid].nid = nid;
		all[nid].cpu = first_cpu++;
		all[nid].m = m;
		if (pthread_create(&all[nid].thread, NULL, posix_kswapd_main, &all[nid]) != 0) {
			all[nid].m = NULL;
			err = -QUARRY_ENOMEM;
		}
	}
	pthread_mutex_unlock(&m->kswapd_lock);
	if (err != 0)
		quarry_posix_stop_kswapd(q);
	return err;
}

/* ---- checkers of memory, guarded objects ---- */

static void *quarry_posix_guard_get(void *ctx, size_t size, size_t align, const char *cache,
				    const void *caller)
{
	return quarry_posix_guard_alloc(((struct posix_machine *)ctx)->guard, size, align, cache,
					caller);
}

static bool quarry_posix_guard_put(void *ctx, void *p, const void *caller)
{
	return quarry_posix_guard_free(((struct posix_machine *)ctx)->guard, p, caller);
}

static size_t quarry_posix_guard_bytes(void *ctx, const void *p)
{
	return quarry_posix_guard_size(((struct posix_machine *)ctx)->guard, p);
}

void quarry_posix_guard_info(struct quarry *q, struct quarry_posix_guard_info *info)
{
	quarry_posix_guard_tell(((struct posix_machine *)(void *)q)->guard, info);
}

/* Both need memory that exists. */
static bool posix_watch(struct posix_machine *m, struct quarry_port *port)
{
	if (port->no_access)
		return !m->options.annotate && m->options.guard_slots == 0;
	if (m->options.annotate)
		quarry_posix_watch_hooks(port);
	if (m->options.guard_slots == 0)
		return true;
	m->guard = quarry_posix_guard_new(&m->options, posix_report, m);
	port->guard_alloc = quarry_posix_guard_get;
	port->guard_free = quarry_posix_guard_put;
	port->guard_size = quarry_posix_guard_bytes;
	return m->guard != NULL;
}

#define POSIX_HEAP_UNIT ((size_t)4096)

/*
 * Programs use what malloc() gives as physical memory of an identity machine; Linux's tests of memblock then
 * count on whole cache lines at its ends. With this block in its way the heap of glibc, which puts 16 bytes
 * before each block, gives the next large one on a unit.
 */
static void *posix_square_heap(void)
{
	void *p = malloc(4 * POSIX_HEAP_UNIT);
	size_t past = (uintptr_t)p % POSIX_HEAP_UNIT;

	free(p);
	return past == 0 ? NULL : malloc(5 * POSIX_HEAP_UNIT - past - 16);
}

struct quarry *quarry_posix_new(const struct quarry_posix_options *options)
{
	static const struct quarry_posix_options defaults;
	struct posix_machine *m = NULL;
	struct quarry_port port = {
		.direct_map = (uintptr_t)POSIX_LINUX_DIRECT_MAP,
		.no_access = true,
		.log = posix_log,
		.panic = posix_panic,
		.report = posix_report,
		.meta_alloc = posix_meta_alloc,
		.meta_free = posix_meta_free,
		.storage = posix_storage,
		.now = posix_now,
	};

	if (options != NULL && options->identity && options->ram_bytes != 0)
		return NULL;
	if (posix_memalign((void **)&m, 64, sizeof(*m)) != 0)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->options = options != NULL ? *options : defaults;
	pthread_mutex_init(&m->kswapd_lock, NULL);
	port.ctx = m;
	port.concurrent = m->options.concurrent;
	port.reclaim = m->options.reclaim != NULL ? posix_reclaim : NULL;
	port.reclaimable = m->options.reclaimable != NULL ? posix_reclaimable : NULL;
	port.oom = m->options.oom != NULL ? posix_oom : NULL;
	if (port.concurrent) {
		port.wake = posix_wake;
		port.wait = posix_wait;
	}
	if (m->options.wake != NULL)
		port.wake = posix_wake_hook;
	if (port.concurrent && !m->options.no_barrier && posix_has_barrier())
		port.barrier_cpus = posix_barrier_cpus;
	if (m->options.ram_bytes != 0) {
		/* So that blocks are as aligned by their addresses as by their frames. */
		m->ram = posix_map_aligned(m->options.ram_bytes,
					   (size_t)QUARRY_PAGE_SIZE << QUARRY_MAX_ORDER);
		if (m->ram == NULL)
			goto fail;
		port.direct_map = (uintptr_t)m->ram;
		port.no_access = false;
		port.storage = posix_ram_storage;
	}
	if (m->options.identity) {
		port.direct_map = 0;
		port.no_access = false;
		port.storage = NULL;
		m->filler = posix_square_heap();
	}
	if (!posix_watch(m, &port))
		goto fail;
	m->q = quarry_init(m->quarry, sizeof(m->quarry), &port);
	if (m->q == NULL)
		goto fail;
	return m->q;
fail:
	quarry_posix_guard_delete(m->guard);
	if (m->ram != NULL)
		munmap(m->ram, m->options.ram_bytes);
	free(m->filler);
	free(m);
	return NULL;
}

void quarry_posix_delete(struct quarry *q)
{
	struct posix_machine *m = (struct posix_machine *)(void *)q; /* its first member */

	if (q == NULL)
		return;
	quarry_posix_stop_kswapd(q);
	quarry_destroy(q);
	while (m->storage != NULL) {
		struct posix_storage *s = m->storage;

		m->storage = s->next;
		munmap(s->p, s->size);
		free(s);
	}
	quarry_posix_guard_delete(m->guard);
	if (m->ram != NULL) {
		/* It writes to an eighth of all of it, under AddressSanitizer: only where objects were watched. */
		if (m->options.annotate)
			quarry_posix_watch_forget(m->ram, m->options.ram_bytes);
		munmap(m->ram, m->options.ram_bytes);
	}
	free(m->filler);
	free(m);
}

static int posix_discard(void *ctx, const struct quarry_range *ranges, unsigned int nr)
{
	struct posix_machine *m = ctx;
	int err = 0;

	for (unsigned int i = 0; i < nr && err == 0; i++)
		err = madvise((char *)m->ram + ranges[i].start, (size_t)ranges[i].size,
			      MADV_DONTNEED);
	return err == 0 ? 0 : -QUARRY_EINVAL;
}

int quarry_posix_report_free(struct quarry *q)
{
	struct posix_machine *m = (struct posix_machine *)(void *)q; /* its first member */
	struct quarry_reporting_dev dev = {.report = posix_discard, .ctx = m};

	return m->ram == NULL ? -QUARRY_EINVAL : quarry_page_reporting_register(q, &dev);
}
