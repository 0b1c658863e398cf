/* SPDX-License-Identifier: MIT */
/*
 * Small machines in the scratch memory, for what cannot be tried on a machine that is up: how one
 * boots, and exact counts on a shape that is known.
 *
 *	scratch | struct quarry | memory from physical address 0 on, tables inside	a real one
 *	scratch | struct quarry | tables						a simulated one
 */
#include "internal.h"

static void scratch_log(void *ctx, enum quarry_log_level level, const char *line)
{
	struct selftest_run *t = ctx;

	(void)level;
	(void)line;
	t->m.logs++;
}

static void scratch_report(void *ctx, const char *line)
{
	struct selftest_run *t = ctx;

	(void)line;
	t->m.reports++;
}

/* No test gets here unless the library is broken; it cannot go on. */
static void scratch_panic(void *ctx, const char *line)
{
	const struct selftest_run *t = ctx;
	struct selftest_text text = {.n = 0};

	selftest_add(&text, "Bail out! panic: ");
	selftest_add(&text, line);
	selftest_print(t->env, &text);
	__builtin_trap();
}

static void *scratch_room(struct selftest_machine *m, size_t size, size_t align)
{
	unsigned char *p = (unsigned char *)(((uintptr_t)m->room + align - 1) & ~(align - 1));

	if (p > m->end || size > (size_t)(m->end - p))
		return NULL;
	m->room = p + size;
	selftest_set(p, 0, size);
	return p;
}

static void *scratch_meta_alloc(void *ctx, size_t size, size_t align)
{
	struct selftest_run *t = ctx;

	return scratch_room(&t->m, size, align);
}

static void scratch_meta_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)p;
	(void)size; /* goes with the machine */
}

/* Where boot's own tables at @phys lie. */
static void *scratch_storage(void *ctx, phys_addr_t phys, size_t size)
{
	struct selftest_machine *m = &((struct selftest_run *)ctx)->m;
	struct selftest_store *s;

	if (m->ram_bytes != 0)
		return phys <= m->ram_bytes && size <= m->ram_bytes - phys ? m->room + phys : NULL;
	for (unsigned int i = 0; i < m->nr_stores; i++) {
		s = &m->store[i];
		if (s->phys == phys && s->size >= size)
			return s->p;
	}
	if (m->nr_stores == SELFTEST_STORES)
		return NULL;
	s = &m->store[m->nr_stores];
	*s = (struct selftest_store){phys, size, scratch_room(m, size, 64)};
	m->nr_stores += s->p != NULL;
	return s->p;
}

static bool scratch_begin(struct selftest_run *t, const struct selftest_spec *spec)
{
	struct selftest_machine *m = &t->m;
	struct quarry_port port = {
		.ctx = t,
		.direct_map = sizeof(uintptr_t) > 4 ? (uintptr_t)0xffff888000000000u : 0x01000000,
		.no_access = spec->simulated,
		.log = scratch_log,
		.panic = scratch_panic,
		.report = scratch_report,
		.storage = scratch_storage,
		.wake = spec->wake,
		.reclaim = spec->reclaim,
		.oom = spec->oom,
		.accept = spec->accept,
	};
	void *storage;

	if (t->env->scratch == NULL || t->env->scratch_bytes < QUARRY_SELFTEST_SCRATCH) {
		selftest_skip(t, "no scratch memory");
		return false;
	}
	*m = (struct selftest_machine){.room = t->env->scratch};
	m->end = m->room + t->env->scratch_bytes;
	storage = scratch_room(m, QUARRY_STORAGE_SIZE, 64);
	if (spec->simulated) {
		port.meta_alloc = scratch_meta_alloc;
		port.meta_free = scratch_meta_free;
	} else {
		m->room = (unsigned char *)(((uintptr_t)m->room + QUARRY_PAGE_SIZE - 1) &
					    ~(QUARRY_PAGE_SIZE - 1));
		m->ram_bytes = (phys_addr_t)(m->end - m->room) & ~(SELFTEST_PAGE - 1);
		port.direct_map = (uintptr_t)m->room;
	}
	m->q = quarry_init(storage, QUARRY_STORAGE_SIZE, &port);
	return selftest_check(t, m->q != NULL, __FILE__, __LINE__, "quarry_init()");
}

bool selftest_machine(struct selftest_run *t, const struct selftest_spec *spec)
{
	if (!scratch_begin(t, spec))
		return false;
	for (const struct selftest_range *r = spec->memory; r->size != 0; r++) {
		if (!selftest_is(t,
				 (uint64_t)quarry_memblock_add_node(t->m.q, r->base, r->size,
								    r->nid, MEMBLOCK_NONE),
				 0, __FILE__, __LINE__, "quarry_memblock_add_node() == 0"))
			return false;
	}
	return true;
}

bool selftest_boot(struct selftest_run *t, const struct selftest_spec *spec)
{
	struct quarry_boot_params params = spec->boot;

	if (!selftest_machine(t, spec))
		return false;
	/* The tables of CPUs are reached by the number of the CPU that this runs on. */
	if (params.nr_cpus <= t->env->cpu)
		params.nr_cpus = t->env->cpu + 1;
	return selftest_is(t, (uint64_t)quarry_boot(t->m.q, &params), 0, __FILE__, __LINE__,
			   "quarry_boot() == 0");
}

void selftest_machine_fini(struct selftest_run *t)
{
	struct selftest_machine *m = &t->m;

	if (m->q == NULL)
		return;
	selftest_is(t, quarry_check(m->q, NULL), 0, __FILE__, __LINE__,
		    "faults in the small machine == 0");
	quarry_destroy(m->q);
	*m = (struct selftest_machine){.q = NULL};
}

unsigned long selftest_pile_up(struct selftest_run *t, gfp_t gfp)
{
	struct selftest_machine *m = &t->m;
	unsigned long n = 0;
	struct page *page;

	while ((page = quarry_alloc_pages(m->q, gfp, 0)) != NULL) {
		void **link = quarry_page_address(m->q, page);

		*link = m->pile;
		m->pile = link;
		n++;
	}
	return n;
}

unsigned long selftest_pile_down(struct selftest_machine *m, unsigned long max)
{
	unsigned long n = 0;

	while (n < max && m->pile != NULL) {
		void **link = m->pile;

		m->pile = *link;
		quarry_free_pages_addr(m->q, link, 0);
		n++;
	}
	return n;
}
