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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <quarry_host.h>

_Thread_local unsigned int quarry_posix_cpu;
_Thread_local unsigned int quarry_posix_spins;
_Thread_local uint64_t quarry_posix_held;

#define POSIX_MMAP_FROM ((size_t)256 << 10) /* larger tables are mapped */
#if UINTPTR_MAX > 0xffffffffu
#define POSIX_LINUX_DIRECT_MAP 0xffff888000000000u
#else
#define POSIX_LINUX_DIRECT_MAP 0u /* else it would wrap, and some page be NULL */
#endif

struct posix_storage {
	struct posix_storage *next;
	phys_addr_t phys;
	size_t size;
	void *p;
};

struct posix_machine {
	_Alignas(64) unsigned char quarry[QUARRY_STORAGE_SIZE];
	struct quarry_posix_options options;
	struct quarry *q;
	void *ram;
	struct posix_storage *storage; /* tables of simulated memory */
};

void quarry_posix_set_cpu(unsigned int cpu)
{
	quarry_posix_cpu = cpu;
}

static void *posix_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void *posix_meta_alloc(void *ctx, size_t size, size_t align)
{
	void *p = NULL;

	(void)ctx;
	if (size >= POSIX_MMAP_FROM)
		return posix_map(size);
	if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, size) != 0)
		return NULL;
	return memset(p, 0, size);
}

static void posix_meta_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	if (size >= POSIX_MMAP_FROM)
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
	/* A bitmap of bootmem is written from end to end at once. */
	(void)madvise(s->p, size, MADV_HUGEPAGE);
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
	port.ctx = m;
	port.concurrent = m->options.concurrent;
	if (port.concurrent && !m->options.no_barrier && posix_has_barrier())
		port.barrier_cpus = posix_barrier_cpus;
	if (m->options.ram_bytes != 0) {
		m->ram = posix_map(m->options.ram_bytes);
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
	}
	m->q = quarry_init(m->quarry, sizeof(m->quarry), &port);
	if (m->q == NULL)
		goto fail;
	return m->q;
fail:
	if (m->ram != NULL)
		munmap(m->ram, m->options.ram_bytes);
	free(m);
	return NULL;
}

void quarry_posix_delete(struct quarry *q)
{
	struct posix_machine *m = (struct posix_machine *)(void *)q; /* its first member */

	if (q == NULL)
		return;
	quarry_destroy(q);
	while (m->storage != NULL) {
		struct posix_storage *s = m->storage;

		m->storage = s->next;
		munmap(s->p, s->size);
		free(s);
	}
	if (m->ram != NULL)
		munmap(m->ram, m->options.ram_bytes);
	free(m);
}
