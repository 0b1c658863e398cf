/* SPDX-License-Identifier: MIT */
/*
 * Machines for tests. MACHINE_COUNTED and MACHINE_INSIDE stand on quarry_init() directly, as an
 * embedder would: the first refuses tables at will, the second owns nothing but its memory.
 */
#include "machine_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

static void machine_report(void *ctx, const char *line)
{
	struct machine *m = ctx;

	__atomic_fetch_add(&m->reports, 1u, __ATOMIC_RELAXED);
	snprintf(m->last_report, sizeof(m->last_report), "%s", line);
}

static void machine_panic(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "panic: %s\n", line);
	abort();
}

static void *machine_meta_alloc(void *ctx, size_t size, size_t align)
{
	struct machine *m = ctx;
	void *p = NULL;

	if (m->before_table != NULL && (m->before_any || size > 64 * MACHINE_KIB))
		m->before_table(m);
	if (m->budget == 0 || size < m->refuse_below ||
	    (m->refuse_one != 0 && --m->refuse_one == 0)) {
		m->tables_refused++;
		return NULL;
	}
	if (m->budget > 0)
		m->budget--;
	if (posix_memalign(&p, align, size) != 0)
		return NULL;
	m->tables_out++;
	m->tables_given++;
	return memset(p, 0, size);
}

static void machine_meta_free(void *ctx, void *p, size_t size)
{
	struct machine *m = ctx;

	(void)size;
	m->tables_out--;
	free(p);
}

static void *machine_storage(void *ctx, phys_addr_t phys, size_t size)
{
	struct machine *m = ctx;

	if (m->fail_storage)
		return NULL;
	assert_true(phys <= m->ram_bytes && size <= m->ram_bytes - phys);
	return m->ram + phys;
}

/* Whole pages, which blocks of any order find aligned. */
static void *machine_map(size_t *size)
{
	const size_t align = (size_t)QUARRY_PAGE_SIZE << QUARRY_MAX_ORDER;
	char *p, *start;

	*size = (*size + QUARRY_PAGE_SIZE - 1) & ~(size_t)(QUARRY_PAGE_SIZE - 1);
	p = mmap(NULL, *size + align, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(p != MAP_FAILED);
	start = p + (align - (uintptr_t)p % align) % align;
	if (start != p)
		munmap(p, (size_t)(start - p));
	munmap(start + *size, (size_t)(p + align - start));
	return start;
}

static void machine_init_own(struct machine *m, const struct machine_spec *spec)
{
	struct quarry_port port = {
		.ctx = m,
		.direct_map = sizeof(uintptr_t) > 4 ? (uintptr_t)0xffff888000000000u : 0x01000000,
		.no_access = spec->ram_bytes == 0,
		.concurrent = spec->concurrent,
		.panic = machine_panic,
		.report = machine_report,
		.wake = spec->wake,
		.reclaim = spec->reclaim,
		.reclaimable = spec->reclaimable,
		.oom = spec->oom,
		.wait = spec->wait,
		.task = spec->task,
		.accept = spec->accept,
		.now = spec->now,
		.log = spec->log,
	};

	m->own = true;
	m->budget = spec->budget;
	m->ram_bytes = spec->ram_bytes;
	if (m->ram_bytes != 0) {
		m->ram = machine_map(&m->ram_bytes);
		port.direct_map = (uintptr_t)m->ram;
		port.storage = machine_storage;
	}
	if (spec->port == MACHINE_COUNTED) {
		port.meta_alloc = machine_meta_alloc;
		port.meta_free = machine_meta_free;
	}
	assert_int_equal(posix_memalign(&m->storage, 64, QUARRY_STORAGE_SIZE), 0);
	m->q = quarry_init(m->storage, QUARRY_STORAGE_SIZE, &port);
}

/* Nodes of bootmem: the span of each, its bitmap in the first pages of its memory. */
static void machine_tell_bootmem(struct machine *m, const struct machine_spec *spec)
{
	const struct machine_range *r;

	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		phys_addr_t start = ~(phys_addr_t)0, end = 0;
		uint64_t bytes;

		for (r = spec->memory; r->start < r->end; r++) {
			if (r->nid != nid)
				continue;
			start = r->start < start ? r->start : start;
			end = r->end > end ? r->end : end;
		}
		if (end == 0)
			continue;
		bytes = quarry_init_bootmem_node(
			m->q, nid, (start + QUARRY_PAGE_SIZE - 1) >> QUARRY_PAGE_SHIFT,
			(start + QUARRY_PAGE_SIZE - 1) >> QUARRY_PAGE_SHIFT,
			end >> QUARRY_PAGE_SHIFT);
		assert_true(bytes != 0);
		for (r = spec->memory; r->start < r->end; r++) {
			if (r->nid == nid)
				assert_int_equal(quarry_free_bootmem_node(m->q, nid, r->start,
									  r->end - r->start),
						 0);
		}
		assert_int_equal(
			quarry_reserve_bootmem_node(m->q, nid, start, bytes, BOOTMEM_DEFAULT), 0);
	}
	for (r = spec->reserved; r->start < r->end; r++)
		assert_int_equal(
			quarry_reserve_bootmem(m->q, r->start, r->end - r->start, BOOTMEM_DEFAULT),
			0);
}

void machine_init(struct machine *m, const struct machine_spec *spec)
{
	const struct machine_range *r;

	memset(m, 0, sizeof(*m));
	quarry_posix_set_cpu(0);
	if (spec->port == MACHINE_POSIX) {
		struct quarry_posix_options options = {
			.ram_bytes = spec->ram_bytes,
			.concurrent = spec->concurrent,
			.no_barrier = spec->no_barrier,
			.report = machine_report,
			.log_ctx = m,
		};

		m->q = quarry_posix_new(&options);
	} else {
		machine_init_own(m, spec);
	}
	assert_non_null(m->q);
	quarry_memblock_allow_resize(m->q);
	for (r = spec->memory; r->start < r->end; r++)
		assert_int_equal(quarry_memblock_add_node(m->q, r->start, r->end - r->start, r->nid,
							  MEMBLOCK_NONE),
				 0);
	for (r = spec->reserved; r->start < r->end; r++)
		assert_int_equal(quarry_memblock_reserve(m->q, r->start, r->end - r->start), 0);
	if (spec->boot.bootmem)
		machine_tell_bootmem(m, spec);
}

void machine_build(struct machine *m, const struct machine_spec *spec)
{
	machine_init(m, spec);
	assert_int_equal(quarry_boot(m->q, &spec->boot), 0);
	assert_int_equal(quarry_stage(m->q), QUARRY_STAGE_SLAB);
}

void machine_fini(struct machine *m)
{
	if (!m->own) {
		quarry_posix_delete(m->q);
		return;
	}
	quarry_destroy(m->q);
	assert_int_equal(m->tables_out, 0);
	if (m->ram != NULL)
		munmap(m->ram, m->ram_bytes);
	free(m->storage);
}

static void machine_write(void *ctx, const char *text, size_t len)
{
	char *why = ctx;
	size_t used = strlen(why);

	if (used < 255) {
		size_t room = 255 - used;

		memcpy(why + used, text, len < room ? len : room);
		why[used + (len < room ? len : room)] = '\0';
	}
}

bool machine_is_sound(struct machine *m, char *why)
{
	struct quarry_out out = {.write = machine_write, .ctx = why};

	memset(why, 0, 256);
	return quarry_check(m->q, &out) == 0;
}

void machine_check(struct machine *m)
{
	char why[256];

	if (!machine_is_sound(m, why))
		fail_msg("%s", why);
}

void machine_free_blocks(struct machine *m, unsigned long nr_free[QUARRY_NR_ORDERS])
{
	struct quarry_zone_info info;

	memset(nr_free, 0, sizeof(*nr_free) * QUARRY_NR_ORDERS);
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (int z = 0; z < QUARRY_NR_ZONES; z++) {
			if (!quarry_zone_info(m->q, nid, (enum quarry_zone_type)z, &info))
				continue;
			for (int o = 0; o < QUARRY_NR_ORDERS; o++)
				nr_free[o] += info.nr_free[o];
		}
	}
}

unsigned long machine_free_pages(struct machine *m)
{
	struct quarry_totals totals;

	quarry_totals(m->q, &totals);
	return totals.free;
}

void machine_assert_same_blocks(const unsigned long *a, const unsigned long *b)
{
	for (int o = 0; o < QUARRY_NR_ORDERS; o++) {
		if (a[o] != b[o])
			fail_msg("free blocks of order %d: %lu and %lu", o, a[o], b[o]);
	}
}

uint64_t machine_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}
