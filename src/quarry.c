/* SPDX-License-Identifier: MIT */
/* The life of a memory system: init, boot, destroy. The only place that knows all layers. */
#include <base/quarry_state.h>
#include <base/seal.h>
#include <base/string.h>
#include <boot/internal.h>
#include <page/slab_pages.h>
#include <slab/internal.h>

_Static_assert(sizeof(struct quarry) <= QUARRY_STORAGE_SIZE, "QUARRY_STORAGE_SIZE is too small");

#if QUARRY_HARDENED
static void quarry_set_cookie(struct quarry *q)
{
	q->cookie = seal_add(q->port.now != NULL ? q->port.now(q->port.ctx) : 0, (uintptr_t)q);
}
#else
static void quarry_set_cookie(struct quarry *q)
{
	(void)q;
}
#endif

struct quarry *quarry_init(void *storage, size_t size, const struct quarry_port *port)
{
	struct quarry *q = storage;

	if (storage == NULL || size < sizeof(*q) || ((uintptr_t)storage & 63) != 0)
		return NULL;
	if (port->meta_alloc != NULL && port->meta_free == NULL)
		return NULL;
	if (QUARRY_TINY && (port->no_access || port->concurrent || port->meta_alloc != NULL))
		return NULL;
	quarry_memset(q, 0, sizeof(*q));
	q->port = *port;
	q->direct_map = port->direct_map;
	q->no_access = port->no_access;
	q->concurrent = port->concurrent;
	quarry_set_cookie(q);
	quarry_lock_init(&q->meta_lock, QUARRY_LOCK_LEAF);
	memblock_init(q);
	bootmem_init(q);
	q->stage = QUARRY_STAGE_BOOT;
	return q;
}

#if !QUARRY_TINY

/* Who still calls the boot allocators is served by slab; they say so in the log. */
static void *quarry_late_alloc(struct quarry *q, size_t size, int nid)
{
	return quarry_kmalloc_node(q, size, GFP_NOWAIT | __GFP_ZERO, nid);
}

static void quarry_late_free(struct quarry *q, void *p)
{
	quarry_kfree(q, p);
}

static void quarry_serve_late(struct quarry *q)
{
	quarry_memblock_set_late_alloc(q, quarry_late_alloc, quarry_late_free);
}

#else

static void quarry_serve_late(struct quarry *q)
{
	(void)q;
}

#endif

/* Linux sizes slabs by the CPUs that are present; if there is one only, by those that are possible. */
static unsigned int quarry_geometry_cpus(const struct quarry *q,
					 const struct quarry_boot_params *params)
{
	unsigned int cpus = page_nr_cpus(q);

	return cpus == 1 && params != NULL ? quarry_max(cpus, params->nr_possible_cpus) : cpus;
}

int quarry_boot(struct quarry *q, const struct quarry_boot_params *params)
{
	int err;

	if (q->stage != QUARRY_STAGE_BOOT)
		return -QUARRY_EINVAL;
	err = page_boot(q, params);
	if (err == 0)
		err = quarry_slab_init(q, quarry_geometry_cpus(q, params), params);
	if (err != 0)
		return err;
	page_boot_finish(q);
	q->stage = QUARRY_STAGE_SLAB;
	quarry_serve_late(q);
	return 0;
}

#if !QUARRY_TINY

int quarry_cpu_offline(struct quarry *q, unsigned int cpu)
{
	int err = hotplug_begin(q);

	if (err != 0)
		return err;
	err = page_cpu_may_leave(q, cpu);
	if (err == 0) {
		/* Objects first: their slabs' pages come back to this CPU's sheaves, not to those that go. */
		sheaf_drain_cpu(q, cpu);
		page_cpu_offline(q, cpu);
	}
	hotplug_end(q);
	return err;
}

int quarry_cpu_online(struct quarry *q, unsigned int cpu)
{
	int err = hotplug_begin(q);

	if (err != 0)
		return err;
	err = page_cpu_online(q, cpu);
	hotplug_end(q);
	return err;
}

#endif

void quarry_destroy(struct quarry *q)
{
	if (q->stage == QUARRY_STAGE_NONE)
		return;
	page_exit(q);
	q->slabs = NULL;
	q->kmalloc_short = NULL;
	q->stage = QUARRY_STAGE_NONE;
}
