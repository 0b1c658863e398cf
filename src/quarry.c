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

static bool quarry_bootmem_has(const struct quarry *q, pfn_t pfn)
{
	const struct list_head *end = q->bootmem.bdata_list, *link;

	for (link = end->next; link != end; link = link->next) {
		const bootmem_data_t *node = QUARRY_CONTAINER_OF(link, bootmem_data_t, list);

		if (pfn >= node->node_min_pfn && pfn < node->node_low_pfn)
			return true;
	}
	return false;
}

static phys_addr_t quarry_null(const struct quarry *q)
{
	return (uintptr_t)0 - q->direct_map;
}

/*
 * The page whose address is NULL is nobody's: what is in it could not be told from nothing. *@kept: it was reserved
 * for that, and was not before.
 */
static int quarry_keep_null(struct quarry *q, const struct quarry_boot_params *params, bool *kept)
{
	const phys_addr_t null = quarry_null(q);
	int err;

	*kept = false;
	if (!quarry_memblock_is_memory(q, null))
		return 0;
	if (params != NULL && params->bootmem) {
		if (!quarry_bootmem_has(q, null >> QUARRY_PAGE_SHIFT))
			return 0;
		err = quarry_reserve_bootmem(q, null, QUARRY_PAGE_SIZE, BOOTMEM_EXCLUSIVE);
		*kept = err == 0;
		return err == -QUARRY_EBUSY ? 0 : err;
	}
	*kept = !quarry_memblock_is_region_reserved(q, null, QUARRY_PAGE_SIZE);
	return quarry_memblock_reserve(q, null, QUARRY_PAGE_SIZE);
}

/* Boot was refused, and changes nothing. */
static void quarry_let_null(struct quarry *q, const struct quarry_boot_params *params)
{
	if (params != NULL && params->bootmem)
		(void)quarry_free_bootmem(q, quarry_null(q), QUARRY_PAGE_SIZE);
	else
		(void)quarry_memblock_phys_free(q, quarry_null(q), QUARRY_PAGE_SIZE);
}

#else

static int quarry_keep_null(struct quarry *q, const struct quarry_boot_params *params, bool *kept)
{
	(void)q; /* tiny_give() leaves that page out */
	(void)params;
	*kept = false;
	return 0;
}

static void quarry_let_null(struct quarry *q, const struct quarry_boot_params *params)
{
	(void)q;
	(void)params;
}

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
	bool kept;
	int err;

	if (q->stage != QUARRY_STAGE_BOOT)
		return -QUARRY_EINVAL;
	err = quarry_keep_null(q, params, &kept);
	if (err == 0)
		err = page_boot(q, params);
	if (err == -QUARRY_EINVAL && kept)
		quarry_let_null(q, params);
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
