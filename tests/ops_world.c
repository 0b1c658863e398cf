/* SPDX-License-Identifier: MIT */
/* What the operations of ops.h do, on the library and on the models, and how both are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ops_world.h"
#include "page_state.h"
#include "slab_state.h"

static const struct cache_kind {
	const char *name;
	unsigned int size;
	uint32_t flags;
	bool ctor;
} cache_kinds[] = {
	{"ops-32", 32, 0, false},
	{"ops-100", 100, SLAB_RECLAIM_ACCOUNT, false},
	{"ops-700", 700, SLAB_HWCACHE_ALIGN, true},
	{"ops-3000", 3000, 0, false},
	{"ops-debug", 72, SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON, false},
};

static const gfp_t gfps[] = {GFP_KERNEL,
			     GFP_KERNEL | __GFP_MEMALLOC,
			     GFP_HIGHUSER_MOVABLE,
			     GFP_HIGHUSER_MOVABLE | __GFP_MEMALLOC,
			     GFP_KERNEL | __GFP_RECLAIMABLE,
			     GFP_KERNEL | __GFP_RECLAIMABLE | __GFP_MEMALLOC,
			     GFP_ATOMIC,
			     GFP_NOWAIT,
			     GFP_KERNEL | __GFP_ZERO,
			     GFP_KERNEL | __GFP_DMA | __GFP_MEMALLOC,
			     GFP_KERNEL | __GFP_DMA32,
			     GFP_KERNEL | __GFP_THISNODE | __GFP_MEMALLOC};
static const char *const gfp_names[] = {"KERNEL",      "KERNEL!",      "MOVABLE", "MOVABLE!",
					"RECLAIMABLE", "RECLAIMABLE!", "ATOMIC",  "NOWAIT",
					"KERNEL|ZERO", "DMA!",         "DMA32",   "THISNODE!"};

static const uint32_t flags[] = {MEMBLOCK_NONE, MEMBLOCK_HOTPLUG, MEMBLOCK_MIRROR, MEMBLOCK_NOMAP};
static const char *const flag_names[] = {"none", "HOTPLUG", "MIRROR", "NOMAP"};

static const char *const tunables[] = {"min_free_kbytes",
				       "watermark_scale_factor",
				       "watermark_boost_factor",
				       "defrag_mode",
				       "compaction_proactiveness",
				       "extfrag_threshold",
				       "percpu_pagelist_high_fraction"};
static const char *const values[] = {"0", "1", "20", "100", "500", "4000"};
static const char *const cache_kind_names[] = {"32", "100", "700", "3000", "debug"};
static const char *const how_names[] = {"default", "kernel", "movable"};

#define NAMES(list) (sizeof(list) / sizeof((list)[0])), '\0', list

const struct ops_arg ops_args[OPS_ARG_KINDS] = {
	[OPS_SCALE] = {SCALE_LARGE + 1, '\0', NULL},
	[OPS_UNIT] = {MODEL_UNITS, '\0', NULL},
	[OPS_UNITS] = {MODEL_UNITS + 1, '\0', NULL},
	[OPS_NODE] = {4, 'n', NULL},
	[OPS_FLAG] = {NAMES(flag_names)},
	[OPS_ALIGN] = {7, '\0', NULL},
	[OPS_CPU] = {4, '\0', NULL},
	[OPS_CPUS] = {5, '\0', NULL},
	[OPS_ORDER] = {QUARRY_NR_ORDERS + 1, '\0', NULL},
	[OPS_GFP] = {NAMES(gfp_names)},
	[OPS_PFN] = {1u << 20, '\0', NULL},
	[OPS_COUNT] = {3000, '\0', NULL},
	[OPS_FEW] = {64, '\0', NULL},
	[OPS_BYTES] = {40000, '\0', NULL},
	[OPS_BLOCK] = {LARGE_BLOCKS, '\0', NULL},
	[OPS_HOW] = {NAMES(how_names)},
	[OPS_TUNABLE] = {NAMES(tunables)},
	[OPS_VALUE] = {NAMES(values)},
	[OPS_CACHE_KIND] = {NAMES(cache_kind_names)},
	[OPS_NTH] = {64, '\0', NULL},
	[OPS_SLOT_PAGES] = {NR_PAGES, 'p', NULL},
	[OPS_SLOT_OBJECT] = {NR_OBJECTS, 'o', NULL},
	[OPS_SLOT_CACHE] = {NR_CACHES, 'c', NULL},
	[OPS_SLOT_MOVABLE] = {NR_MOVABLE, 'w', NULL},
	[OPS_SLOT_RANGE] = {NR_RANGES, 'r', NULL},
	[OPS_SLOT_ISOLATED] = {NR_ISOLATED, 'i', NULL},
	[OPS_SLOT_BOOT] = {NR_BOOT, 'b', NULL},
};

/* ---- comparing: before boot ---- */

static bool compare_list(struct ops_world *w, const struct memblock_type *t,
			 const struct model_list *l)
{
	static struct memblock_region want[MODEL_UNITS];
	size_t n = model_regions(l, want);

	if (n != (t->total_size != 0 ? t->cnt : 0))
		return OPS_BAD(w, "%s has %lu regions, model %zu", t->name, t->cnt, n);
	for (size_t i = 0; i < n; i++) {
		const struct memblock_region *r = &t->regions[i];

		if (r->base != want[i].base * w->scale || r->size != want[i].size * w->scale ||
		    r->flags != want[i].flags || r->nid != want[i].nid)
			return OPS_BAD(w,
				       "%s region %zu: %#llx size %#llx nid %d flags %x, model "
				       "%#llx %#llx %d %x",
				       t->name, i, (unsigned long long)r->base,
				       (unsigned long long)r->size, r->nid, r->flags,
				       (unsigned long long)want[i].base * w->scale,
				       (unsigned long long)want[i].size * w->scale, want[i].nid,
				       want[i].flags);
	}
	return true;
}

static void why_write(void *ctx, const char *text, size_t len)
{
	struct ops_world *w = ctx;
	size_t used = strlen(w->why), room = sizeof(w->why) - 1 - used;

	len = len < room ? len : room;
	memcpy(w->why + used, text, len);
	w->why[used + len] = '\0';
}

static bool compare_map(struct ops_world *w)
{
	const struct quarry_out out = {why_write, w};
	const struct memblock *mb = quarry_memblock(w->m.q);

	return layers_compare_bootmem(w) && compare_list(w, &mb->memory, &w->map->memory) &&
	       compare_list(w, &mb->reserved, &w->map->reserved) &&
	       quarry_check_memblock(w->m.q, &out) == 0;
}

/* ---- comparing: the machine ---- */

static bool is_ours(const struct ops_world *w, pfn_t pfn)
{
	return w->frame[pfn] == FRAME_OURS &&
	       quarry_memory_block_state(w->m.q, pfn) == QUARRY_BLOCK_ONLINE;
}

/* A block that a slot holds: its descriptor says so. */
static bool mark_block(struct ops_world *w, unsigned char *used, struct page *page,
		       unsigned int order)
{
	pfn_t pfn = quarry_page_to_pfn(w->m.q, page);
	unsigned int found = 99;

	if (quarry_pfn_state(w->m.q, pfn, &found) != QUARRY_PAGE_ALLOCATED || found != order)
		return OPS_BAD(w, "pfn %#llx is not a block of order %u any more",
			       (unsigned long long)pfn, order);
	for (pfn_t p = pfn; p < pfn + ((pfn_t)1 << order); p++) {
		if (p >= w->end_pfn || !is_ours(w, p) || used[p])
			return OPS_BAD(w, "pfn %#llx belongs to two, or to none",
				       (unsigned long long)p);
		used[p] = 1;
	}
	return true;
}

static bool object_is_large(struct ops_world *w, const struct object *o)
{
	return quarry_virt_to_cache(w->m.q, o->at) == NULL;
}

static bool mark_used(struct ops_world *w, unsigned char *used)
{
	struct quarry *q = w->m.q;

	for (unsigned int i = 0; i < NR_PAGES; i++) {
		for (size_t k = 0; k < w->pages[i].n; k++) {
			if (!mark_block(w, used, w->pages[i].page[k], w->pages[i].order))
				return false;
		}
	}
	for (unsigned int i = 0; i < NR_MOVABLE; i++) {
		if (w->owner.block[i].page != NULL &&
		    !mark_block(w, used, w->owner.block[i].page, w->owner.block[i].order))
			return false;
	}
	for (unsigned int i = 0; i < NR_RANGES; i++) {
		for (pfn_t pfn = w->range[i].start; pfn < w->range[i].end; pfn++) {
			if (!mark_block(w, used, quarry_pfn_to_page(q, pfn), 0))
				return false;
		}
	}
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		struct page *page;

		if (w->object[i].at == NULL || !object_is_large(w, &w->object[i]))
			continue;
		page = quarry_virt_to_page(q, w->object[i].at);
		if (!mark_block(w, used, page, quarry_page_order(q, page)))
			return false;
	}
	return true;
}

static unsigned int all_zones(struct ops_world *w, struct zone *z)
{
	unsigned int n = 0;

	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			memset(&z[n], 0, sizeof(z[n]));
			if (!quarry_zone_info(w->m.q, nid, (enum quarry_zone_type)t, &z[n].info))
				continue;
			z[n].nid = nid;
			z[n].type = (enum quarry_zone_type)t;
			assert_true(model_buddy_init(&z[n].model, z[n].info.start_pfn,
						     z[n].info.start_pfn + z[n].info.spanned));
			n++;
			assert_true(n < NR_ZONES);
		}
	}
	return n;
}

/* A frame of ours that no slot holds. */
static bool compare_frame(struct ops_world *w, struct zone *z, pfn_t pfn, bool used,
			  unsigned long *slab)
{
	enum quarry_page_state state = quarry_pfn_state(w->m.q, pfn, NULL);
	int type = quarry_pageblock_type(w->m.q, pfn);

	z->managed++;
	if (used)
		return true;
	if (state == QUARRY_PAGE_UNACCEPTED) {
		z->unaccepted++;
		return (w->accepted != NULL && !w->accepted[pfn]) ||
		       OPS_BAD(w, "pfn %#llx is accepted, and not shown", (unsigned long long)pfn);
	}
	if (state == QUARRY_PAGE_SLAB) { /* it may be marked, to be poisoned when it is freed */
		++*slab;
		return true;
	}
	if (w->poison[pfn])
		return state == QUARRY_PAGE_POISONED ||
		       OPS_BAD(w, "poisoned pfn %#llx has state %d", (unsigned long long)pfn,
			       state);
	if (state != QUARRY_PAGE_FREE)
		return OPS_BAD(w, "pfn %#llx is nobody's and has state %d", (unsigned long long)pfn,
			       state);
	if (!w->mixed && model_buddy_type(&z->model, pfn) != (unsigned int)type)
		model_buddy_set_type(&z->model, pfn, (unsigned int)type);
	if (w->accepted != NULL && !w->accepted[pfn])
		return OPS_BAD(w, "pfn %#llx is free and not accepted", (unsigned long long)pfn);
	z->isolated += type == QUARRY_MIGRATE_ISOLATE;
	return model_buddy_free(&z->model, pfn, 0) ||
	       OPS_BAD(w, "model: pfn %#llx", (unsigned long long)pfn);
}

static bool compare_zone(struct ops_world *w, const struct zone *z)
{
	const struct quarry_zone_info *i = &z->info;

	if (z->unaccepted != i->unaccepted)
		return OPS_BAD(w, "zone %d %s: unaccepted %lu (%lu)", z->nid, i->name,
			       i->unaccepted, z->unaccepted);
	if (z->managed != i->managed || z->isolated != i->isolated ||
	    z->model.free != i->free + i->isolated)
		return OPS_BAD(w, "zone %d %s: managed %lu (%lu) isolated %lu (%lu) free %lu (%lu)",
			       z->nid, i->name, i->managed, z->managed, i->isolated, z->isolated,
			       i->free, z->model.free - z->isolated);
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		/* Whole pageblocks of CMA do not join others, and the model has no types then. */
		if (w->mixed && w->cma != NULL && o >= QUARRY_PAGEBLOCK_ORDER)
			continue;
		if (i->nr_free[o] != z->model.nr_free[o])
			return OPS_BAD(w, "zone %d %s order %u: %lu blocks, model %lu", z->nid,
				       i->name, o, i->nr_free[o], z->model.nr_free[o]);
		for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES && !w->mixed; t++) {
			if (i->nr_free_type[t][o] != z->model.nr_free_type[t][o])
				return OPS_BAD(w, "zone %d %s type %u order %u: %lu, model %lu",
					       z->nid, i->name, t, o, i->nr_free_type[t][o],
					       z->model.nr_free_type[t][o]);
		}
	}
	return true;
}

/* A refusal of a request that may use every reserve: no zone on its way has a block. */
static bool compare_refusal(struct ops_world *w, const struct zone *z, unsigned int n)
{
	bool movable = (w->refused_gfp & __GFP_MOVABLE) != 0;
	enum quarry_zone_type highest = (w->refused_gfp & __GFP_DMA) != 0     ? QUARRY_ZONE_DMA
					: (w->refused_gfp & __GFP_DMA32) != 0 ? QUARRY_ZONE_DMA32
					: movable && (w->refused_gfp & __GFP_HIGHMEM) != 0
						? QUARRY_ZONE_MOVABLE
						: QUARRY_ZONE_NORMAL;
	struct quarry_refusal r;
	struct quarry_zoneref ref[64];
	unsigned int refs;

	if (!quarry_explain(w->m.q, &r) || r.order != w->refused_order || r.gfp != w->refused_gfp)
		return OPS_BAD(w, "the refusal of order %u is not explained", w->refused_order);
	refs = quarry_zonelist(w->m.q, r.nid, (r.gfp & __GFP_THISNODE) != 0, ref, 64);
	for (unsigned int i = 0; i < refs; i++) {
		for (unsigned int k = 0; k < n; k++) {
			if (z[k].nid != ref[i].nid || z[k].type != ref[i].zone ||
			    z[k].type > highest)
				continue;
			for (unsigned int o = r.order; o < QUARRY_NR_ORDERS; o++) {
				unsigned long has =
					z[k].model.nr_free[o] -
					z[k].model.nr_free_type[QUARRY_MIGRATE_ISOLATE][o] -
					(movable ? 0
						 : z[k].model.nr_free_type[QUARRY_MIGRATE_CMA][o]);

				if (has != 0)
					return OPS_BAD(w,
						       "order %u refused, zone %d %s has order %u",
						       r.order, z[k].nid, z[k].info.name, o);
			}
		}
	}
	return true;
}

static bool compare_frames(struct ops_world *w, const unsigned char *used)
{
	static struct zone z[NR_ZONES];
	unsigned int n = all_zones(w, z), cur = 0;
	unsigned long slab = 0, large = 0, shown = 0, a, b;
	bool good = true;

	for (pfn_t pfn = 0; pfn < w->end_pfn && good; pfn++) {
		enum quarry_zone_type type;
		int nid;

		if (!is_ours(w, pfn)) {
			enum quarry_page_state state = quarry_pfn_state(w->m.q, pfn, NULL);

			good = state == QUARRY_PAGE_RESERVED || state == QUARRY_PAGE_OFFLINE ||
			       OPS_BAD(w, "pfn %#llx is not ours and has state %d",
				       (unsigned long long)pfn, state);
			continue;
		}
		if (!quarry_pfn_zone(w->m.q, pfn, &nid, &type))
			good = OPS_BAD(w, "pfn %#llx lies in no zone", (unsigned long long)pfn);
		if (z[cur].nid != nid || z[cur].type != type) {
			for (cur = 0; cur < n && (z[cur].nid != nid || z[cur].type != type); cur++)
				;
			assert_true(cur < n);
		}
		good = good && compare_frame(w, &z[cur], pfn, used[pfn], &slab);
	}
	for (unsigned int i = 0; i < n && good; i++)
		good = compare_zone(w, &z[i]);
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		quarry_slab_pages(w->m.q, nid, &a, &b);
		shown += a + b;
	}
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		if (w->object[i].at != NULL && object_is_large(w, &w->object[i]))
			large += 1ul << quarry_page_order(
					 w->m.q, quarry_virt_to_page(w->m.q, w->object[i].at));
	}
	if (good && shown != slab + large)
		good = OPS_BAD(w, "%lu pages are in slabs, slabinfo has %lu", slab + large, shown);
	if (good && w->refused && !w->armed)
		good = compare_refusal(w, z, n);
	for (unsigned int i = 0; i < n; i++)
		model_buddy_fini(&z[i].model);
	return good;
}

/* ---- objects ---- */

static unsigned char object_byte(const struct ops_world *w, const struct object *o)
{
	return (unsigned char)(0x40 + (o - w->object));
}

static bool object_is_whole(struct ops_world *w, const struct object *o, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (o->at[i] != object_byte(w, o))
			return OPS_BAD(w, "o%d: byte %zu is %#x", (int)(o - w->object), i,
				       o->at[i]);
	}
	return true;
}

/* Objects of each cache that somebody owns: as many as slots hold. */
static bool compare_objects(struct ops_world *w)
{
	struct quarry_cache_info info;

	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		const struct object *o = &w->object[i];

		if (o->at != NULL && !object_is_whole(w, o, o->size))
			return false;
		for (unsigned int k = 0; k < i && o->at != NULL; k++) {
			const struct object *p = &w->object[k];

			if (p->at != NULL && o->at < p->at + p->size && p->at < o->at + o->size)
				return OPS_BAD(w, "o%u and o%u overlap", k, i);
		}
	}
	for (unsigned int i = 0; i < NR_CACHES; i++) {
		if (w->cache[i].cache == NULL)
			continue;
		quarry_kmem_cache_info(w->m.q, w->cache[i].cache, &info);
		if (info.active_objs != w->cache[i].live)
			return OPS_BAD(w, "c%u has %lu objects, %u are held", i, info.active_objs,
				       w->cache[i].live);
	}
	return true;
}

static bool compare_machine(struct ops_world *w)
{
	const struct quarry_out out = {why_write, w};
	unsigned char *used = calloc(1, (size_t)w->end_pfn);
	bool good;

	assert_non_null(used);
	good = quarry_check(w->m.q, &out) == 0 && mark_used(w, used) && compare_objects(w) &&
	       layers_compare(w) &&
	       (owner_check(&w->owner) == 0 || OPS_BAD(w, "the owner of movable blocks"));
	if (good && !w->sheaves)
		good = compare_frames(w, used);
	free(used);
	return good;
}

/* ---- memblock ---- */

phys_addr_t ops_at(uint32_t units)
{
	return (phys_addr_t)units * MODEL_UNIT;
}

/* Bytes from the unit arg[0] on, not beyond the model's end. */
static phys_addr_t bytes(const uint32_t *arg)
{
	return ops_at(arg[1] < MODEL_UNITS - arg[0] ? arg[1] : MODEL_UNITS - arg[0]);
}

bool ops_map_is_full(const struct ops_world *w)
{
	const struct memblock *mb = quarry_memblock(w->m.q);

	/* Once bootmem has what memblock knew, only it changes. */
	return w->bootmem != NULL || mb->memory.cnt > MAP_REGIONS || mb->reserved.cnt > MAP_REGIONS;
}

static bool must(struct ops_world *w, const char *what, int err)
{
	return err == 0 || OPS_BAD(w, "%s: %d", what, err);
}

static bool op_map(struct ops_world *w, const uint32_t *arg)
{
	if (quarry_memblock_phys_mem_size(w->m.q) == 0 &&
	    quarry_memblock_reserved_size(w->m.q) == 0)
		w->scale = arg[0] > 1 ? SCALE_LARGE : 1;
	return true;
}

static bool op_add(struct ops_world *w, const uint32_t *arg)
{
	/* Mirrored memory is told apart from then on, for good; as in the model. */
	if (ops_map_is_full(w) || flags[arg[3]] == MEMBLOCK_MIRROR)
		return true;
	model_add(&w->map->memory, ops_at(arg[0]), bytes(arg), (int)arg[2], flags[arg[3]]);
	return must(w, "add",
		    quarry_memblock_add_node(w->m.q, ops_at(arg[0]) * w->scale,
					     bytes(arg) * w->scale, (int)arg[2], flags[arg[3]]));
}

static bool op_remove(struct ops_world *w, const uint32_t *arg)
{
	if (ops_map_is_full(w))
		return true;
	model_cut(&w->map->memory, ops_at(arg[0]), bytes(arg));
	return must(
		w, "remove",
		quarry_memblock_remove(w->m.q, ops_at(arg[0]) * w->scale, bytes(arg) * w->scale));
}

static bool op_reserve(struct ops_world *w, const uint32_t *arg)
{
	if (ops_map_is_full(w))
		return true;
	model_add(&w->map->reserved, ops_at(arg[0]), bytes(arg), quarry_memblock(w->m.q)->no_nid,
		  0);
	return must(
		w, "reserve",
		quarry_memblock_reserve(w->m.q, ops_at(arg[0]) * w->scale, bytes(arg) * w->scale));
}

static bool op_unreserve(struct ops_world *w, const uint32_t *arg)
{
	phys_addr_t start = ops_at(arg[0]) * w->scale, end = start + bytes(arg) * w->scale;

	/* What a slot holds stays its own. */
	for (unsigned int i = 0; i < NR_BOOT; i++) {
		if (w->boot[i].size != 0 && w->boot[i].start < end &&
		    start < w->boot[i].start + w->boot[i].size)
			return true;
	}
	if (ops_map_is_full(w))
		return true;
	model_cut(&w->map->reserved, ops_at(arg[0]), bytes(arg));
	return must(w, "unreserve",
		    quarry_memblock_phys_free(w->m.q, ops_at(arg[0]) * w->scale,
					      bytes(arg) * w->scale));
}

static bool op_mark(struct ops_world *w, const uint32_t *arg)
{
	phys_addr_t base = ops_at(arg[0]) * w->scale, size = bytes(arg) * w->scale;
	struct quarry *q = w->m.q;

	if (ops_map_is_full(w) || flags[arg[2]] == MEMBLOCK_NONE)
		return true;
	model_set_flags(&w->map->memory, ops_at(arg[0]), bytes(arg), flags[arg[2]], 0);
	if (flags[arg[2]] == MEMBLOCK_HOTPLUG)
		return must(w, "mark", quarry_memblock_mark_hotplug(q, base, size));
	if (flags[arg[2]] == MEMBLOCK_NOMAP)
		return must(w, "mark", quarry_memblock_mark_nomap(q, base, size));
	w->map->has_mirror = true;
	return must(w, "mark", quarry_memblock_mark_mirror(q, base, size));
}

static bool op_clear(struct ops_world *w, const uint32_t *arg)
{
	bool nomap = flags[arg[2]] == MEMBLOCK_NOMAP;

	if (ops_map_is_full(w))
		return true;
	model_set_flags(&w->map->memory, ops_at(arg[0]), bytes(arg), 0,
			nomap ? MEMBLOCK_NOMAP : MEMBLOCK_HOTPLUG);
	return must(w, "clear",
		    (nomap ? quarry_memblock_clear_nomap : quarry_memblock_clear_hotplug)(
			    w->m.q, ops_at(arg[0]) * w->scale, bytes(arg) * w->scale));
}

static bool op_setnode(struct ops_world *w, const uint32_t *arg)
{
	if (ops_map_is_full(w))
		return true;
	model_set_node(&w->map->memory, ops_at(arg[0]), bytes(arg), (int)arg[2]);
	return must(w, "setnode",
		    quarry_memblock_set_node(w->m.q, ops_at(arg[0]) * w->scale,
					     bytes(arg) * w->scale,
					     &quarry_memblock(w->m.q)->memory, (int)arg[2]));
}

static bool op_upwards(struct ops_world *w, const uint32_t *arg)
{
	w->map->bottom_up = (arg[0] & 1) != 0;
	quarry_memblock_set_bottom_up(w->m.q, w->map->bottom_up);
	return true;
}

/* At the address that the model finds; the small map's units are the model's. */
static bool op_bootalloc(struct ops_world *w, const uint32_t *arg)
{
	struct quarry_range *slot = &w->boot[arg[3]];
	struct model_request req = {.size = ops_at(arg[0]),
				    .align = MODEL_UNIT << arg[1],
				    .nid = (int)arg[2],
				    .max = MEMBLOCK_ALLOC_ANYWHERE};
	phys_addr_t want, got;

	if (slot->size != 0 || w->scale != 1 || arg[0] == 0 || ops_map_is_full(w))
		return true;
	want = model_find(w->map, &req);
	got = quarry_memblock_phys_alloc_try_nid(w->m.q, req.size, req.align, req.nid);
	if (got != want)
		return OPS_BAD(w, "memblock gave %#llx, model %#llx", (unsigned long long)got,
			       (unsigned long long)want);
	if (got == 0)
		return true;
	model_add(&w->map->reserved, got, req.size, quarry_memblock(w->m.q)->no_nid, 0);
	*slot = (struct quarry_range){got, req.size};
	return true;
}

static bool op_bootfree(struct ops_world *w, const uint32_t *arg)
{
	struct quarry_range was = w->boot[arg[0]];

	if (was.size == 0 || ops_map_is_full(w))
		return true;
	w->boot[arg[0]].size = 0;
	model_cut(&w->map->reserved, was.start, was.size);
	return must(w, "bootfree", quarry_memblock_phys_free(w->m.q, was.start, was.size));
}

static bool op_cmaarea(struct ops_world *w, const uint32_t *arg)
{
	struct quarry_cma_spec spec = {.size = (1 + arg[0] % 8) * 2 * MACHINE_MIB,
				       .nid = QUARRY_NO_NODE};
	struct quarry_cma_info info;
	int err;

	if (w->cma != NULL || ops_map_is_full(w) || w->scale == 1)
		return true;
	err = quarry_cma_declare_contiguous(w->m.q, &spec, &w->cma);
	if (err == -QUARRY_EINVAL)
		return spec.size > quarry_memblock_end_of_DRAM(w->m.q) ||
		       OPS_BAD(w, "cmaarea: it would fit");
	if (err != 0)
		return err == -QUARRY_ENOMEM || OPS_BAD(w, "cmaarea: %d", err);
	quarry_cma_info(w->m.q, w->cma, &info);
	model_add(&w->map->reserved, (info.base_pfn << QUARRY_PAGE_SHIFT) / w->scale,
		  ((phys_addr_t)info.count << QUARRY_PAGE_SHIFT) / w->scale,
		  quarry_memblock(w->m.q)->no_nid, 0);
	return true;
}

/* ---- boot ---- */

/* What memblock says of a page, unit by unit: in one region, all there, nothing of it reserved or without a map.
 * When memblock hands over, hotplug memory is told apart no more. */
static enum frame frame_of_small(const struct ops_world *w, pfn_t pfn)
{
	size_t first = (size_t)((pfn << QUARRY_PAGE_SHIFT) / MODEL_UNIT);
	const struct model_unit *m = &w->map->memory.unit[first];
	enum frame frame = FRAME_OURS;
	bool halves = false;

	for (size_t i = 0; i < QUARRY_PAGE_SIZE / MODEL_UNIT; i++) {
		uint32_t differ = m[i].flags ^ m->flags;

		if (!m[i].present || m[i].nid != m->nid ||
		    (differ & ~(uint32_t)MEMBLOCK_HOTPLUG) != 0)
			return FRAME_NONE;
		halves |= differ != 0;
		if (w->map->reserved.unit[first + i].present)
			frame = FRAME_RESERVED;
	}
	if ((m->flags & MEMBLOCK_NOMAP) != 0)
		frame = FRAME_RESERVED;
	return halves ? FRAME_HALVES : frame;
}

static enum frame frame_of(const struct ops_world *w, pfn_t pfn)
{
	size_t unit = (size_t)((pfn << QUARRY_PAGE_SHIFT) / (MODEL_UNIT * w->scale));
	const struct model_unit *m;

	if (unit >= MODEL_UNITS)
		return FRAME_NONE;
	m = &w->map->memory.unit[unit];
	if (w->scale == 1)
		return frame_of_small(w, pfn);
	if (!m->present)
		return FRAME_NONE;
	return w->map->reserved.unit[unit].present || (m->flags & MEMBLOCK_NOMAP) != 0
		       ? FRAME_RESERVED
		       : FRAME_OURS;
}

/* Whether a pageblock has pages of two nodes or zones. */
static bool zones_are_mixed(struct ops_world *w)
{
	int nid0 = -1, nid;
	enum quarry_zone_type type0 = QUARRY_ZONE_DMA, type;

	for (pfn_t pfn = 0; pfn < w->end_pfn; pfn++) {
		if (pfn % QUARRY_PAGEBLOCK_PAGES == 0)
			nid0 = -1;
		if (w->frame[pfn] == FRAME_NONE || !quarry_pfn_zone(w->m.q, pfn, &nid, &type))
			continue;
		if (nid0 >= 0 && (nid != nid0 || type != type0))
			return true;
		nid0 = nid;
		type0 = type;
	}
	return false;
}

static void note_sheaves(struct ops_world *w)
{
	struct quarry_zone_info info;

	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			if (quarry_zone_info(w->m.q, nid, (enum quarry_zone_type)t, &info))
				w->sheaves |= info.pcp_batch > 1;
		}
	}
}

static bool op_boot(struct ops_world *w, const uint32_t *arg)
{
	struct quarry_boot_params p = {.nr_cpus = arg[0] != 0 ? arg[0] : 1,
				       .dma_limit = w->scale == 1 ? 2 * MACHINE_MIB : 0,
				       .no_thp = true};
	struct quarry_cma_info info;
	int err;

	p.max_hotplug_phys = w->scale == 1 ? 0 : LARGE_BLOCKS * QUARRY_MEMORY_BLOCK_BYTES;
	layers_tell(w, &p);
	err = quarry_boot(w->m.q, &p);
	w->m.budget = -1; /* what follows is not the library's boot */
	if (err == -QUARRY_EINVAL)
		return true; /* no whole page */
	if (err != 0) {
		w->dead = true;
		return w->armed || OPS_BAD(w, "boot: %d", err);
	}
	w->up = true;
	w->nr_cpus = p.nr_cpus;
	w->end_pfn = w->scale == 1 ? quarry_memblock_end_of_DRAM(w->m.q) >> QUARRY_PAGE_SHIFT
				   : LARGE_BLOCKS * BLOCK;
	w->frame = calloc(1, (size_t)w->end_pfn);
	w->poison = calloc(sizeof(bool), (size_t)w->end_pfn);
	assert_true(w->frame != NULL && w->poison != NULL);
	for (pfn_t pfn = 0; pfn < w->end_pfn; pfn++) {
		enum frame frame = frame_of(w, pfn);

		/* Handed over, or not, as there is a descriptor for it, or none. */
		w->halves |= frame == FRAME_HALVES;
		if (frame == FRAME_HALVES)
			frame = quarry_pfn_state(w->m.q, pfn, NULL) == QUARRY_PAGE_FREE
					? FRAME_OURS
					: FRAME_NONE;
		if (w->bootmem != NULL)
			frame = layers_frame(w, pfn, frame);
		w->frame[pfn] = (unsigned char)frame;
		/* What others have by then, they have accepted. */
		if (w->accepted != NULL && frame == FRAME_RESERVED)
			w->accepted[pfn] = true;
	}
	if (w->cma != NULL) {
		quarry_cma_info(w->m.q, w->cma, &info);
		/* A part was given back before: then all of it is memory like all other. */
		for (pfn_t pfn = info.base_pfn; pfn < info.base_pfn + info.count; pfn++) {
			if (info.active || (w->accepted == NULL && w->frame[pfn] == FRAME_RESERVED))
				w->frame[pfn] = FRAME_OURS;
		}
	}
	w->mixed = zones_are_mixed(w);
	owner_init(&w->owner, &w->m, NR_MOVABLE, w->end_pfn, true);
	assert_int_equal(quarry_page_debug(w->m.q, "warn_alloc=0 fail_page_alloc.min-order=0 "
						   "fail_page_alloc.ignore-gfp-wait=N "
						   "fail_page_alloc.ignore-gfp-highmem=N"),
			 0);
	assert_int_equal(quarry_failslab(w->m.q, "failslab.ignore-gfp-wait=N"), 0);
	return true;
}

/* ---- pages ---- */

gfp_t ops_gfp(const struct ops_world *w, uint32_t arg)
{
	/* Without types the model knows of no reserve that keeps pageblocks apart. */
	return w->mixed ? gfps[arg] & ~__GFP_ATOMIC : gfps[arg];
}

static uint64_t *page_word(struct ops_world *w, struct page *page, unsigned int i)
{
	return (uint64_t *)(void *)((char *)quarry_page_address(w->m.q, page) +
				    i * QUARRY_PAGE_SIZE);
}

/* A new block: alone, aligned, as its descriptor says, cleared if that was wanted; then it is stamped. */
static bool take_block(struct ops_world *w, struct page *page, unsigned int order, gfp_t gfp)
{
	pfn_t pfn = quarry_page_to_pfn(w->m.q, page);
	unsigned int found = 99;

	if ((pfn & (((pfn_t)1 << order) - 1)) != 0 || pfn >= w->end_pfn || !is_ours(w, pfn) ||
	    quarry_pfn_to_page(w->m.q, pfn) != page ||
	    quarry_pfn_state(w->m.q, pfn, &found) != QUARRY_PAGE_ALLOCATED || found != order ||
	    quarry_page_count(w->m.q, page) != 1)
		return OPS_BAD(w, "pfn %#llx is no new block of order %u", (unsigned long long)pfn,
			       order);
	for (unsigned int i = 0; i < 1u << order; i++) {
		if (w->accepted != NULL && !w->accepted[pfn + i])
			return OPS_BAD(w, "pfn %#llx is not accepted", (unsigned long long)pfn + i);
		if ((gfp & __GFP_ZERO) != 0 && *page_word(w, page, i) != 0)
			return OPS_BAD(w, "pfn %#llx is not cleared", (unsigned long long)pfn + i);
		*page_word(w, page, i) = 0x9a9e000000000000u + pfn + i;
	}
	return true;
}

static bool page_is_whole(struct ops_world *w, struct page *page, unsigned int order)
{
	pfn_t pfn = quarry_page_to_pfn(w->m.q, page);

	for (unsigned int i = 0; i < 1u << order; i++) {
		if (*page_word(w, page, i) != 0x9a9e000000000000u + pfn + i)
			return OPS_BAD(w, "pfn %#llx was written to", (unsigned long long)pfn + i);
	}
	return true;
}

bool ops_refuse(struct ops_world *w, gfp_t gfp, unsigned int order)
{
	w->refused = (gfp & __GFP_MEMALLOC) != 0;
	w->refused_gfp = gfp;
	w->refused_order = order;
	return true;
}

/* @n blocks into an empty slot. */
static bool keep(struct ops_world *w, struct blocks *b, struct page **page, size_t n,
		 unsigned int order, gfp_t gfp)
{
	b->page = malloc(sizeof(struct page *) * n);
	assert_non_null(b->page);
	b->n = n;
	b->order = order;
	b->refs = 1;
	for (size_t i = 0; i < n; i++) {
		b->page[i] = page[i];
		if (!take_block(w, page[i], order, gfp))
			return false;
	}
	return true;
}

bool ops_keep(struct ops_world *w, uint32_t slot, struct page *page, unsigned int order, gfp_t gfp)
{
	return keep(w, &w->pages[slot], &page, 1, order, gfp);
}

static int the_node(uint32_t arg)
{
	return (int)arg - 1;
}

static bool op_alloc(struct ops_world *w, const uint32_t *arg)
{
	struct blocks *b = &w->pages[arg[3]];
	gfp_t gfp = ops_gfp(w, arg[1]);
	struct page *page;

	if (b->page != NULL)
		return true;
	page = quarry_alloc_pages_node(w->m.q, the_node(arg[2]), gfp, arg[0]);
	if (page != NULL)
		return keep(w, b, &page, 1, arg[0], gfp);
	return arg[0] > QUARRY_MAX_ORDER ||
	       (arg[2] != 0 && !quarry_node_present(w->m.q, the_node(arg[2]))) ||
	       ops_refuse(w, gfp, arg[0]);
}

static bool op_nolock(struct ops_world *w, const uint32_t *arg)
{
	struct blocks *b = &w->pages[arg[2]];
	struct page *page;

	if (b->page != NULL)
		return true;
	page = quarry_alloc_pages_nolock(w->m.q, the_node(arg[1]), arg[0]);
	return page == NULL || keep(w, b, &page, 1, arg[0], 0);
}

static bool op_bulk(struct ops_world *w, const uint32_t *arg)
{
	struct blocks *b = &w->pages[arg[3]];
	struct page *page[64] = {NULL};
	gfp_t gfp = ops_gfp(w, arg[1]);
	size_t n;

	if (b->page != NULL || arg[0] == 0)
		return true;
	n = quarry_alloc_pages_bulk(w->m.q, the_node(arg[2]), gfp, arg[0], page);
	return n == 0 || keep(w, b, page, n, 0, gfp);
}

static bool op_exact(struct ops_world *w, const uint32_t *arg)
{
	struct blocks *b = &w->pages[arg[2]];
	size_t n = (arg[0] + QUARRY_PAGE_SIZE - 1) / QUARRY_PAGE_SIZE;
	struct page *page[16];
	char *addr;

	if (b->page != NULL || n == 0)
		return true;
	addr = quarry_alloc_pages_exact(w->m.q, arg[0], ops_gfp(w, arg[1]));
	for (size_t i = 0; i < n && addr != NULL; i++)
		page[i] = quarry_virt_to_page(w->m.q, addr + i * QUARRY_PAGE_SIZE);
	return addr == NULL || keep(w, b, page, n, 0, ops_gfp(w, arg[1]));
}

static bool op_free(struct ops_world *w, const uint32_t *arg)
{
	struct blocks *b = &w->pages[arg[0]];

	if (b->page == NULL)
		return true;
	for (size_t i = b->n; i-- > 0;) {
		if (!page_is_whole(w, b->page[i], b->order))
			return false;
		quarry_free_pages(w->m.q, b->page[i], b->order);
	}
	if (--b->refs == 0) {
		free(b->page);
		*b = (struct blocks){0};
	}
	return true;
}

static bool op_get(struct ops_world *w, const uint32_t *arg)
{
	struct blocks *b = &w->pages[arg[0]];

	for (size_t i = 0; i < b->n; i++)
		quarry_get_page(w->m.q, b->page[i]);
	b->refs += b->n != 0;
	return b->n == 0 || quarry_page_count(w->m.q, b->page[0]) == b->refs ||
	       OPS_BAD(w, "references");
}

static bool op_split(struct ops_world *w, const uint32_t *arg)
{
	struct blocks *b = &w->pages[arg[0]];
	struct page *head;
	int err;

	if (b->n != 1)
		return true;
	head = b->page[0];
	err = quarry_split_page(w->m.q, head, b->order);
	if (b->refs != 1)
		return err == -QUARRY_EINVAL || OPS_BAD(w, "a shared block was split: %d", err);
	if (err != 0)
		return OPS_BAD(w, "split: %d", err);
	b->n = (size_t)1 << b->order;
	b->order = 0;
	b->page = realloc(b->page, sizeof(struct page *) * b->n);
	assert_non_null(b->page);
	for (size_t i = 0; i < b->n; i++)
		b->page[i] = head + i;
	return true;
}

/* A free of the wrong order, or of a later page: one report, and nothing else. */
static bool op_badfree(struct ops_world *w, const uint32_t *arg)
{
	struct blocks *b = &w->pages[arg[0]];
	unsigned int order = arg[1] == b->order ? arg[1] + 1 : arg[1];

	if (b->page == NULL)
		return true;
	w->reports++;
	quarry_free_pages(w->m.q, b->page[0] + (b->order > 0 && (arg[1] & 1) != 0), order);
	quarry_drain_all_pages(w->m.q); /* among frees in random order it may be told later */
	w->sheaves = false;
	return true;
}

static bool op_own(struct ops_world *w, const uint32_t *arg)
{
	unsigned int order = arg[0] <= QUARRY_PAGEBLOCK_ORDER ? arg[0] : QUARRY_PAGEBLOCK_ORDER;

	if (w->owner.block[arg[1]].page == NULL)
		(void)owner_alloc(&w->owner, arg[1], GFP_HIGHUSER_MOVABLE, order);
	return true;
}

static bool op_disown(struct ops_world *w, const uint32_t *arg)
{
	owner_free(&w->owner, arg[0]);
	return true;
}

/* ---- ranges ---- */

static bool keep_range(struct ops_world *w, struct range *r, pfn_t start, pfn_t n, bool cma)
{
	*r = (struct range){start, start + n, cma};
	for (pfn_t pfn = start; pfn < start + n; pfn++) {
		if (!take_block(w, quarry_pfn_to_page(w->m.q, pfn), 0, 0))
			return false;
	}
	return true;
}

static bool range_error(struct ops_world *w, const char *what, int err)
{
	return err == -QUARRY_EBUSY || err == -QUARRY_ENOMEM || err == -QUARRY_EINVAL ||
	       OPS_BAD(w, "%s: %d", what, err);
}

static bool op_contig(struct ops_world *w, const uint32_t *arg)
{
	struct range *r = &w->range[arg[2]];
	pfn_t start = arg[0] % w->end_pfn;
	int err;

	if (r->end != r->start || arg[1] == 0 || w->mixed)
		return true;
	err = quarry_alloc_contig_range(w->m.q, start, start + arg[1], QUARRY_MIGRATE_MOVABLE,
					GFP_KERNEL);
	return err == 0 ? keep_range(w, r, start, arg[1], false) : range_error(w, "contig", err);
}

static bool op_take(struct ops_world *w, const uint32_t *arg)
{
	struct range *r = &w->range[arg[2]];
	struct page *page;

	if (r->end != r->start || arg[0] == 0 || w->mixed)
		return true;
	page = quarry_alloc_contig_pages(w->m.q, arg[0], ops_gfp(w, arg[1]), QUARRY_NO_NODE, NULL);
	return page == NULL || keep_range(w, r, quarry_page_to_pfn(w->m.q, page), arg[0], false);
}

static bool op_cma(struct ops_world *w, const uint32_t *arg)
{
	struct range *r = &w->range[arg[2]];
	struct page *page;

	if (r->end != r->start || w->cma == NULL || arg[0] == 0)
		return true;
	page = quarry_cma_alloc(w->m.q, w->cma, arg[0], arg[1], true);
	return page == NULL || keep_range(w, r, quarry_page_to_pfn(w->m.q, page), arg[0], true);
}

static bool op_give(struct ops_world *w, const uint32_t *arg)
{
	struct range *r = &w->range[arg[0]], was = *r;

	if (r->end == r->start)
		return true;
	r->end = r->start;
	for (pfn_t pfn = was.start; pfn < was.end; pfn++) {
		if (!page_is_whole(w, quarry_pfn_to_page(w->m.q, pfn), 0))
			return false;
	}
	if (!was.cma)
		quarry_free_contig_range(w->m.q, was.start, (unsigned long)(was.end - was.start));
	else if (!quarry_cma_release(w->m.q, w->cma, quarry_pfn_to_page(w->m.q, was.start),
				     (unsigned long)(was.end - was.start)))
		return OPS_BAD(w, "CMA pages are not taken back");
	return true;
}

static bool op_isolate(struct ops_world *w, const uint32_t *arg)
{
	struct range *r = &w->isolated[arg[2]];
	pfn_t start = arg[0] % w->end_pfn;
	int err;

	if (r->end != r->start || arg[1] == 0 || w->mixed)
		return true;
	err = quarry_start_isolate_page_range(w->m.q, start, start + arg[1], QUARRY_MIGRATE_MOVABLE,
					      0);
	if (err != 0)
		return range_error(w, "isolate", err);
	*r = (struct range){start, start + arg[1], false};
	return true;
}

static bool op_unisolate(struct ops_world *w, const uint32_t *arg)
{
	struct range *r = &w->isolated[arg[0]];

	if (r->end != r->start)
		quarry_undo_isolate_page_range(w->m.q, r->start, r->end);
	r->end = r->start;
	return true;
}

/* ---- the machine changes ---- */

static bool op_addmem(struct ops_world *w, const uint32_t *arg)
{
	pfn_t start = arg[0] * BLOCK;

	if (w->scale == 1 || quarry_add_memory(w->m.q, (int)arg[1] & 1, start << QUARRY_PAGE_SHIFT,
					       QUARRY_MEMORY_BLOCK_BYTES) != 0)
		return true;
	for (pfn_t pfn = start; pfn < start + BLOCK; pfn++) {
		if (w->frame[pfn] != FRAME_NONE)
			return OPS_BAD(w, "memory was added that was there");
		w->frame[pfn] = FRAME_OURS;
		w->poison[pfn] = false;
		if (w->accepted != NULL)
			w->accepted[pfn] = true; /* who adds memory has seen to it */
	}
	return true;
}

static bool op_rmmem(struct ops_world *w, const uint32_t *arg)
{
	pfn_t start = arg[0] * BLOCK;

	if (w->scale == 1 || quarry_remove_memory(w->m.q, start << QUARRY_PAGE_SHIFT,
						  QUARRY_MEMORY_BLOCK_BYTES) != 0)
		return true;
	memset(&w->frame[start], FRAME_NONE, BLOCK);
	memset(&w->poison[start], 0, BLOCK * sizeof(bool));
	return true;
}

static bool op_offline(struct ops_world *w, const uint32_t *arg)
{
	int err;

	if (w->scale == 1)
		return true;
	err = quarry_offline_pages(w->m.q, arg[0] * BLOCK, BLOCK);
	return err == 0 || range_error(w, "offline", err);
}

static bool op_online(struct ops_world *w, const uint32_t *arg)
{
	int err;

	if (w->scale == 1)
		return true;
	err = quarry_online_pages(w->m.q, arg[0] * BLOCK, BLOCK, (enum quarry_online_type)arg[1]);
	note_sheaves(w);
	return err == 0 || err == -QUARRY_E2BIG || range_error(w, "online", err);
}

static bool op_poison(struct ops_world *w, const uint32_t *arg)
{
	pfn_t pfn = arg[0] % w->end_pfn;
	int err = quarry_memory_failure(w->m.q, pfn, QUARRY_MF_SW_SIMULATED);

	w->poison[pfn] |= err == 0 || err == -QUARRY_EBUSY;
	return true;
}

static bool op_softoff(struct ops_world *w, const uint32_t *arg)
{
	pfn_t pfn = arg[0] % w->end_pfn;

	w->poison[pfn] |= quarry_soft_offline_page(w->m.q, pfn) == 0;
	return true;
}

static bool op_unpoison(struct ops_world *w, const uint32_t *arg)
{
	pfn_t pfn = arg[0] % w->end_pfn;

	/* The next one that is. */
	for (pfn_t n = 0; n < w->end_pfn && !w->poison[pfn]; n++)
		pfn = (pfn + 1) % w->end_pfn;
	if (w->poison[pfn] && quarry_unpoison_memory(w->m.q, pfn) == 0)
		w->poison[pfn] = false;
	return true;
}

static bool op_release(struct ops_world *w, const uint32_t *arg)
{
	pfn_t start = arg[0] % w->end_pfn, end = start + arg[1];
	unsigned long n = 0, got;

	if (w->dead || w->halves)
		return true;
	end = end < w->end_pfn ? end : w->end_pfn;
	for (pfn_t pfn = start; pfn < end; pfn++) {
		if (w->frame[pfn] != FRAME_RESERVED)
			continue;
		w->frame[pfn] = FRAME_OURS;
		n++;
	}
	got = quarry_free_reserved(w->m.q, start, end);
	return got == n || OPS_BAD(w, "%lu reserved pages released, model %lu", got, n);
}

static bool op_cpu(struct ops_world *w, const uint32_t *arg)
{
	if (quarry_cpu_is_online(w->m.q, arg[0]))
		w->cpu = arg[0];
	return true;
}

static bool op_cpuoff(struct ops_world *w, const uint32_t *arg)
{
	bool online = quarry_cpu_is_online(w->m.q, arg[0]);
	int err = arg[0] == w->cpu ? 0 : quarry_cpu_offline(w->m.q, arg[0]);

	return err == (online ? 0 : -QUARRY_EINVAL) || w->armed || OPS_BAD(w, "cpuoff: %d", err);
}

static bool op_cpuon(struct ops_world *w, const uint32_t *arg)
{
	bool online = quarry_cpu_is_online(w->m.q, arg[0]) || arg[0] >= w->nr_cpus;
	int err = quarry_cpu_online(w->m.q, arg[0]);

	return err == (online ? -QUARRY_EINVAL : 0) || w->armed || OPS_BAD(w, "cpuon: %d", err);
}

static bool op_sysctl(struct ops_world *w, const uint32_t *arg)
{
	return quarry_sysctl_set(w->m.q, tunables[arg[0]], values[arg[1]]) != -QUARRY_ENOENT ||
	       OPS_BAD(w, "no tunable %s", tunables[arg[0]]);
}

static bool op_drain(struct ops_world *w, const uint32_t *arg)
{
	(void)arg;
	quarry_drain_all_pages(w->m.q);
	w->sheaves = false;
	return true;
}

static bool op_age(struct ops_world *w, const uint32_t *arg)
{
	(void)arg;
	quarry_age_pages(w->m.q);
	return true;
}

static bool op_compact(struct ops_world *w, const uint32_t *arg)
{
	quarry_compact_node(w->m.q, (int)arg[0]);
	return true;
}

static bool op_kswapd(struct ops_world *w, const uint32_t *arg)
{
	(void)quarry_kswapd_run(w->m.q, (int)arg[0]);
	(void)quarry_kcompactd_run(w->m.q, (int)arg[0]);
	return true;
}

/* ---- objects ---- */

static void object_ctor(void *object)
{
	memset(object, 0xc7, 700);
}

static bool op_cache(struct ops_world *w, const uint32_t *arg)
{
	const struct cache_kind *kind = &cache_kinds[arg[0]];
	struct kmem_cache_args args = {.ctor = kind->ctor ? object_ctor : NULL};
	struct cache *c = &w->cache[arg[1]];

	if (c->cache != NULL)
		return true;
	c->cache = quarry_kmem_cache_create(w->m.q, kind->name, kind->size,
					    kind->flags | SLAB_NO_MERGE, &args);
	c->kind = arg[0];
	c->live = 0;
	return c->cache != NULL || w->armed ||
	       quarry_zone_free_pages(w->m.q, 0, QUARRY_ZONE_DMA) < 64 || OPS_BAD(w, "no cache");
}

static bool op_destroy(struct ops_world *w, const uint32_t *arg)
{
	struct cache *c = &w->cache[arg[0]];
	int err;

	if (c->cache == NULL)
		return true;
	w->reports += c->live != 0;
	err = quarry_kmem_cache_destroy(w->m.q, c->cache);
	if (err != (c->live != 0 ? -QUARRY_EBUSY : 0))
		return OPS_BAD(w, "destroy of a cache with %u objects: %d", c->live, err);
	if (err == 0)
		c->cache = NULL;
	return true;
}

/* A new object: where objects are, aligned, with the contents it must have; then it is filled. */
static bool take_object(struct ops_world *w, struct object *o, void *p, size_t size, int cache,
			gfp_t gfp)
{
	struct kmem_cache *is = quarry_virt_to_cache(w->m.q, p);
	size_t align = (size & (size - 1)) == 0 && cache < 0 ? size : 8;
	/* Without memory for the class's cache kmalloc() gives whole pages. */
	bool pages =
		cache < 0 &&
		(size > QUARRY_KMALLOC_MAX_CACHE_SIZE ||
		 (is == NULL && w->m.tables_refused != 0 && (uintptr_t)p % QUARRY_PAGE_SIZE == 0));

	*o = (struct object){p, size, cache};
	if (quarry_ksize(w->m.q, p) < size || (uintptr_t)p % align != 0)
		return OPS_BAD(w, "%p has %zu bytes, %zu were wanted", p, quarry_ksize(w->m.q, p),
			       size);
	if (cache >= 0 ? is != w->cache[cache].cache : (is == NULL) != pages)
		return OPS_BAD(w, "%p lies in another cache", p);
	for (size_t i = 0; i < size; i++) {
		if (((gfp & __GFP_ZERO) != 0 && o->at[i] != 0) ||
		    (cache >= 0 && cache_kinds[w->cache[cache].kind].ctor && o->at[i] != 0xc7))
			return OPS_BAD(w, "byte %zu of a new object is %#x", i, o->at[i]);
	}
	memset(p, object_byte(w, o), size);
	return true;
}

static bool op_object(struct ops_world *w, const uint32_t *arg)
{
	struct cache *c = &w->cache[arg[0]];
	struct object *o = &w->object[arg[3]];
	gfp_t gfp = ops_gfp(w, arg[1]);
	void *p;

	if (c->cache == NULL || o->at != NULL)
		return true;
	if (cache_kinds[c->kind].ctor)
		gfp &= ~__GFP_ZERO;
	p = quarry_kmem_cache_alloc_node(w->m.q, c->cache, gfp, the_node(arg[2]));
	if (p == NULL)
		return true;
	c->live++;
	return take_object(w, o, p, cache_kinds[c->kind].size, (int)arg[0], gfp);
}

static bool op_kmalloc(struct ops_world *w, const uint32_t *arg)
{
	struct object *o = &w->object[arg[3]];
	gfp_t gfp = ops_gfp(w, arg[1]);
	void *p;

	if (o->at != NULL || arg[0] == 0)
		return true;
	p = quarry_kmalloc_node(w->m.q, arg[0], gfp, the_node(arg[2]));
	return p == NULL || take_object(w, o, p, arg[0], -1, gfp);
}

static bool op_kfree(struct ops_world *w, const uint32_t *arg)
{
	struct object *o = &w->object[arg[0]];
	struct cache *c = o->cache >= 0 ? &w->cache[o->cache] : NULL;

	if (o->at == NULL)
		return true;
	if (!object_is_whole(w, o, o->size))
		return false;
	if (c != NULL && cache_kinds[c->kind].ctor)
		object_ctor(o->at);
	if (c != NULL && (arg[0] & 1) != 0)
		quarry_kmem_cache_free(w->m.q, c->cache, o->at);
	else
		quarry_kfree(w->m.q, o->at);
	if (c != NULL)
		c->live--;
	o->at = NULL;
	return true;
}

static bool op_krealloc(struct ops_world *w, const uint32_t *arg)
{
	struct object *o = &w->object[arg[0]];
	size_t was = o->size, keeps = was < arg[1] ? was : arg[1];
	void *p;

	if (o->at == NULL || o->cache >= 0 || arg[1] == 0)
		return true;
	p = quarry_krealloc(w->m.q, o->at, arg[1], ops_gfp(w, arg[2]) & ~__GFP_ZERO);
	if (p == NULL)
		return true; /* the old one is there still, as the comparison finds */
	o->at = p;
	if (!object_is_whole(w, o, keeps))
		return false;
	o->size = arg[1];
	memset(o->at, object_byte(w, o), o->size);
	return quarry_ksize(w->m.q, p) >= o->size || OPS_BAD(w, "krealloc gave too little");
}

static bool op_manyobjects(struct ops_world *w, const uint32_t *arg)
{
	struct cache *c = &w->cache[arg[0]];
	void *p[64];

	if (c->cache == NULL || arg[1] == 0 ||
	    !quarry_kmem_cache_alloc_bulk(w->m.q, c->cache, ops_gfp(w, arg[2]) & ~__GFP_ZERO,
					  arg[1], p))
		return true;
	for (uint32_t i = 0; i < arg[1]; i++) {
		for (uint32_t k = 0; k < i; k++) {
			if (p[k] == p[i])
				return OPS_BAD(w, "an object was given twice");
		}
	}
	quarry_kmem_cache_free_bulk(w->m.q, c->cache, arg[1], p);
	return true;
}

static bool op_prefill(struct ops_world *w, const uint32_t *arg)
{
	struct cache *c = &w->cache[arg[0]];
	struct slab_sheaf *sheaf;
	void *p[64];
	uint32_t n;

	if (c->cache == NULL || arg[1] == 0)
		return true;
	sheaf = quarry_kmem_cache_prefill_sheaf(w->m.q, c->cache, ops_gfp(w, arg[2]), arg[1]);
	if (sheaf == NULL)
		return true;
	for (n = 0; n < arg[1]; n++) {
		p[n] = quarry_kmem_cache_alloc_from_sheaf(w->m.q, c->cache, GFP_NOWAIT, sheaf);
		if (p[n] == NULL)
			return OPS_BAD(w, "object %u of %u is not in the sheaf", n, arg[1]);
	}
	quarry_kmem_cache_return_sheaf(w->m.q, c->cache, sheaf);
	quarry_kmem_cache_free_bulk(w->m.q, c->cache, n, p);
	return true;
}

static bool op_pool(struct ops_world *w, const uint32_t *arg)
{
	struct cache *c = &w->cache[arg[0]];
	struct quarry_mempool *pool;
	uint32_t n = 0, min = 1 + arg[1] % 32;
	void *p[64];

	if (c->cache == NULL)
		return true;
	pool = quarry_mempool_create_slab_pool(w->m.q, min, c->cache);
	if (pool == NULL)
		return true;
	while (n < min + 4 && (p[n] = quarry_mempool_alloc(w->m.q, pool, GFP_NOWAIT)) != NULL)
		n++;
	if (n < min)
		return OPS_BAD(w, "a pool of %u gave %u", min, n);
	while (n-- > 0)
		quarry_mempool_free(w->m.q, p[n], pool);
	quarry_mempool_destroy(w->m.q, pool);
	return true;
}

/* Not where an object begins: one report. */
static bool op_badkfree(struct ops_world *w, const uint32_t *arg)
{
	struct object *o = &w->object[arg[0]];

	if (o->at == NULL || o->size < 8 || object_is_large(w, o))
		return true;
	w->reports++;
	quarry_kfree(w->m.q, o->at + 1 + arg[1] % 7);
	return true;
}

static bool op_shrink(struct ops_world *w, const uint32_t *arg)
{
	if (w->cache[arg[0]].cache != NULL)
		(void)quarry_kmem_cache_shrink(w->m.q, w->cache[arg[0]].cache);
	return true;
}

static bool op_reap(struct ops_world *w, const uint32_t *arg)
{
	int err = quarry_slab_reap(w->m.q, arg[0]);

	return err == 0 || arg[0] >= w->nr_cpus || OPS_BAD(w, "reap: %d", err);
}

static bool op_dropslab(struct ops_world *w, const uint32_t *arg)
{
	(void)arg;
	quarry_drop_slab(w->m.q);
	return true;
}

/* ---- failures by will ---- */

static bool arm(struct ops_world *w, const char *what, uint32_t n, bool pages)
{
	char text[40];

	snprintf(text, sizeof(text), "%s=%u", what, n);
	w->armed = true;
	if (w->up)
		assert_int_equal(
			pages ? quarry_page_debug(w->m.q, text) : quarry_failslab(w->m.q, text), 0);
	return true;
}

static bool op_failpage(struct ops_world *w, const uint32_t *arg)
{
	return arm(w, "fail-nth", arg[0], true);
}

static bool op_failslab(struct ops_world *w, const uint32_t *arg)
{
	return arm(w, "fail-nth", arg[0], false);
}

static bool op_failtable(struct ops_world *w, const uint32_t *arg)
{
	w->armed = true;
	w->m.budget = arg[0] != 0 ? (long)arg[0] - 1 : -1;
	return true;
}

static bool op_failonetable(struct ops_world *w, const uint32_t *arg)
{
	w->armed = true;
	w->m.refuse_one = arg[0];
	return true;
}

static void disarm(struct ops_world *w)
{
	w->m.budget = -1;
	w->m.refuse_one = 0;
	if (w->up && w->armed) {
		assert_int_equal(quarry_page_debug(w->m.q, "fail-nth=0"), 0);
		assert_int_equal(quarry_failslab(w->m.q, "fail-nth=0"), 0);
	}
	w->armed = false;
}

unsigned long ops_injected(struct ops_world *w)
{
	struct quarry_page_debug_info info = {0};

	if (!w->up)
		return w->m.tables_refused;
	quarry_page_debug_info(w->m.q, &info);
	return (unsigned long)(info.injected + quarry_failslab_injected(w->m.q)) +
	       w->m.tables_refused;
}

/* ---- the table ---- */

#define P OPS_SLOT_PAGES
#define O OPS_SLOT_OBJECT
#define C OPS_SLOT_CACHE
#define W OPS_SLOT_MOVABLE
#define R OPS_SLOT_RANGE
#define I OPS_SLOT_ISOLATED
#define B OPS_SLOT_BOOT

const struct ops_desc ops_table[] = {
	{"map", 1, OPS_BOOT, 0, op_map, {OPS_SCALE}},
	{"add", 8, OPS_BOOT, 0, op_add, {OPS_UNIT, OPS_UNITS, OPS_NODE, OPS_FLAG}},
	{"remove", 2, OPS_BOOT, 0, op_remove, {OPS_UNIT, OPS_UNITS}},
	{"reserve", 6, OPS_BOOT, 0, op_reserve, {OPS_UNIT, OPS_UNITS}},
	{"unreserve", 2, OPS_BOOT, 0, op_unreserve, {OPS_UNIT, OPS_UNITS}},
	{"mark", 2, OPS_BOOT, 0, op_mark, {OPS_UNIT, OPS_UNITS, OPS_FLAG}},
	{"clear", 1, OPS_BOOT, 0, op_clear, {OPS_UNIT, OPS_UNITS, OPS_FLAG}},
	{"setnode", 2, OPS_BOOT, 0, op_setnode, {OPS_UNIT, OPS_UNITS, OPS_NODE}},
	{"upwards", 1, OPS_BOOT, 0, op_upwards, {OPS_CPU}},
	{"bootalloc", 6, OPS_BOOT, 4, op_bootalloc, {OPS_FEW, OPS_ALIGN, OPS_NODE, B}},
	{"bootfree", 3, OPS_BOOT, 0, op_bootfree, {B}},
	{"cmaarea", 2, OPS_BOOT, 0, op_cmaarea, {OPS_FEW}},
	{"bootmem", 1, OPS_BOOT, 0, op_bootmem, {OPS_NONE}},
	{"bmfree", 3, OPS_BOOT, 0, op_bmfree, {OPS_UNIT, OPS_UNITS}},
	{"bmreserve", 3, OPS_BOOT, 0, op_bmreserve, {OPS_UNIT, OPS_UNITS, OPS_HOW}},
	{"bmalloc", 5, OPS_BOOT, 0, op_bmalloc, {OPS_BYTES, OPS_ALIGN, OPS_UNIT, OPS_NODE}},
	{"unaccepted", 1, OPS_BOOT, 0, op_unaccepted, {OPS_UNIT, OPS_UNITS}},
	{"boot", 2, OPS_BOOT, 0, op_boot, {OPS_CPUS}},

	{"alloc", 40, OPS_UP, 4, op_alloc, {OPS_ORDER, OPS_GFP, OPS_NODE, P}},
	{"nolock", 6, OPS_UP, 3, op_nolock, {OPS_ORDER, OPS_NODE, P}},
	{"bulk", 6, OPS_UP, 4, op_bulk, {OPS_FEW, OPS_GFP, OPS_NODE, P}},
	{"exact", 4, OPS_UP, 3, op_exact, {OPS_BYTES, OPS_GFP, P}},
	{"free", 44, OPS_UP, 0, op_free, {P}},
	{"get", 3, OPS_UP, 0, op_get, {P}},
	{"split", 4, OPS_UP, 0, op_split, {P}},
	{"badfree", 2, OPS_UP, 0, op_badfree, {P, OPS_ORDER}},
	{"own", 16, OPS_UP, 2, op_own, {OPS_ORDER, W}},
	{"disown", 12, OPS_UP, 0, op_disown, {W}},
	{"contig", 5, OPS_UP, 3, op_contig, {OPS_PFN, OPS_COUNT, R}},
	{"take", 3, OPS_UP, 3, op_take, {OPS_COUNT, OPS_GFP, R}},
	{"cma", 5, OPS_UP, 3, op_cma, {OPS_COUNT, OPS_ORDER, R}},
	{"give", 8, OPS_UP, 0, op_give, {R}},
	{"isolate", 3, OPS_UP, 3, op_isolate, {OPS_PFN, OPS_COUNT, I}},
	{"unisolate", 4, OPS_UP, 0, op_unisolate, {I}},
	{"addmem", 3, OPS_UP, 0, op_addmem, {OPS_BLOCK, OPS_NODE}},
	{"rmmem", 2, OPS_UP, 0, op_rmmem, {OPS_BLOCK}},
	{"offline", 4, OPS_UP, 0, op_offline, {OPS_BLOCK}},
	{"online", 5, OPS_UP, 0, op_online, {OPS_BLOCK, OPS_HOW}},
	{"poison", 2, OPS_UP, 0, op_poison, {OPS_PFN}},
	{"softoff", 2, OPS_UP, 0, op_softoff, {OPS_PFN}},
	{"unpoison", 3, OPS_UP, 0, op_unpoison, {OPS_PFN}},
	{"release", 2, OPS_UP, 0, op_release, {OPS_PFN, OPS_COUNT}},
	{"cpu", 6, OPS_UP, 0, op_cpu, {OPS_CPU}},
	{"cpuoff", 2, OPS_UP, 0, op_cpuoff, {OPS_CPU}},
	{"cpuon", 3, OPS_UP, 0, op_cpuon, {OPS_CPU}},
	{"sysctl", 3, OPS_UP, 0, op_sysctl, {OPS_TUNABLE, OPS_VALUE}},
	{"drain", 8, OPS_UP, 0, op_drain, {OPS_NONE}},
	{"age", 2, OPS_UP, 0, op_age, {OPS_NONE}},
	{"compact", 3, OPS_UP, 0, op_compact, {OPS_NODE}},
	{"kswapd", 3, OPS_UP, 0, op_kswapd, {OPS_NODE}},
	{"cache", 8, OPS_UP, 2, op_cache, {OPS_CACHE_KIND, C}},
	{"destroy", 4, OPS_UP, 0, op_destroy, {C}},
	{"object", 40, OPS_UP, 4, op_object, {C, OPS_GFP, OPS_NODE, O}},
	{"kmalloc", 30, OPS_UP, 4, op_kmalloc, {OPS_BYTES, OPS_GFP, OPS_NODE, O}},
	{"kfree", 66, OPS_UP, 0, op_kfree, {O}},
	{"krealloc", 12, OPS_UP, 0, op_krealloc, {O, OPS_BYTES, OPS_GFP}},
	{"manyobjects", 5, OPS_UP, 0, op_manyobjects, {C, OPS_FEW, OPS_GFP}},
	{"prefill", 3, OPS_UP, 0, op_prefill, {C, OPS_FEW, OPS_GFP}},
	{"pool", 3, OPS_UP, 0, op_pool, {C, OPS_FEW}},
	{"mkpool", 2, OPS_UP, 0, op_mkpool, {OPS_FEW, OPS_COUNT, OPS_FEW}},
	{"poolget", 10, OPS_UP, 0, op_poolget, {OPS_FEW, OPS_GFP}},
	{"poolput", 9, OPS_UP, 0, op_poolput, {OPS_FEW, OPS_FEW}},
	{"poolsize", 2, OPS_UP, 0, op_poolsize, {OPS_FEW, OPS_FEW}},
	{"rmpool", 1, OPS_UP, 0, op_rmpool, {OPS_FEW}},
	{"lruadd", 8, OPS_UP, 0, op_lruadd, {OPS_FEW, OPS_NODE}},
	{"lrudel", 4, OPS_UP, 0, op_lrudel, {OPS_FEW}},
	{"lruwalk", 3, OPS_UP, 0, op_lruwalk, {OPS_NODE, OPS_FEW, OPS_HOW}},
	{"policy", 3, OPS_UP, 0, op_policy, {OPS_FEW, OPS_FEW, OPS_HOW}},
	{"mpalloc", 12, OPS_UP, 4, op_mpalloc, {OPS_ORDER, OPS_GFP, OPS_FEW, P}},
	{"accept", 2, OPS_UP, 0, op_accept, {OPS_PFN, OPS_COUNT}},
	{"badkfree", 2, OPS_UP, 0, op_badkfree, {O, OPS_FEW}},
	{"shrink", 4, OPS_UP, 0, op_shrink, {C}},
	{"reap", 6, OPS_UP, 0, op_reap, {OPS_CPU}},
	{"dropslab", 2, OPS_UP, 0, op_dropslab, {OPS_NONE}},
	{"failpage", 3, OPS_UP, 0, op_failpage, {OPS_NTH}},
	{"failslab", 3, OPS_UP, 0, op_failslab, {OPS_NTH}},
	{"failtable", 3, OPS_ALWAYS, 0, op_failtable, {OPS_NTH}},
	{"failonetable", 0, OPS_ALWAYS, 0, op_failonetable, {OPS_NTH}},
};

const unsigned int ops_nr = sizeof(ops_table) / sizeof(ops_table[0]);

/* ---- a world's life ---- */

struct ops_world *ops_begin(void)
{
	static const struct machine_spec spec = {.port = MACHINE_COUNTED,
						 .ram_bytes =
							 LARGE_BLOCKS * QUARRY_MEMORY_BLOCK_BYTES,
						 .budget = -1,
						 .accept = layers_accept};
	struct ops_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->map = calloc(1, sizeof(*w->map));
	assert_non_null(w->map);
	model_memblock_init(w->map);
	machine_init(&w->m, &spec);
	w->m.hook = w;
	w->scale = 1;
	return w;
}

const char *ops_why(const struct ops_world *w)
{
	return w->why;
}

bool ops_run(struct ops_world *w, const struct ops_op *op)
{
	const struct ops_desc *d = &ops_table[op->kind];
	bool arms = d->run == op_failpage || d->run == op_failslab || d->run == op_failtable;
	bool good;

	if (w->dead || (d->stage == OPS_UP && !w->up) || (d->stage == OPS_BOOT && w->up))
		return true;
	quarry_posix_set_cpu(w->cpu);
	w->refused = false;
	if (w->up)
		note_sheaves(w);
	good = d->run(w, op->arg);
	if (arms || !good || w->dead)
		return good;
	if (w->m.reports != w->reports)
		return OPS_BAD(w, "%u reports, %u expected, last: %.250s", w->m.reports, w->reports,
			       w->m.last_report);
	w->why[0] = '\0';
	if (!w->up)
		good = compare_map(w);
	else if (w->end_pfn <= SMALL_PFNS || w->step++ % 16 == 0 || d->run == op_drain)
		good = compare_machine(w);
	disarm(w);
	return good;
}

bool ops_end(struct ops_world *w)
{
	static const uint32_t none[OPS_ARGS];

	if (w->dead || !w->up)
		return true;
	disarm(w);
	quarry_posix_set_cpu(w->cpu);
	for (uint32_t i = 0; i < NR_ISOLATED; i++)
		op_unisolate(w, &i);
	for (uint32_t i = 0; i < NR_PAGES; i++) {
		while (w->pages[i].page != NULL) {
			if (!op_free(w, &i))
				return false;
		}
	}
	for (uint32_t i = 0; i < NR_OBJECTS; i++) {
		if (!op_kfree(w, &i))
			return false;
	}
	for (uint32_t i = 0; i < NR_RANGES; i++) {
		if (!op_give(w, &i))
			return false;
	}
	owner_free_all(&w->owner);
	if (!layers_end(w))
		return false;
	for (uint32_t i = 0; i < NR_CACHES; i++) {
		if (!op_destroy(w, &i))
			return false;
	}
	w->why[0] = '\0';
	w->refused = false;
	op_drain(w, none);
	if (w->m.reports != w->reports)
		return OPS_BAD(w, "reported at the end: %.250s", w->m.last_report);
	return compare_machine(w);
}

void ops_delete(struct ops_world *w)
{
	for (unsigned int i = 0; i < NR_PAGES; i++)
		free(w->pages[i].page);
	if (w->owner.block != NULL) {
		memset(w->owner.block, 0, sizeof(*w->owner.block) * w->owner.nr_blocks);
		owner_fini(&w->owner);
	}
	layers_delete(w);
	machine_fini(&w->m);
	free(w->frame);
	free(w->poison);
	free(w->map);
	free(w);
}

/* ---- choosing ---- */

static bool slot_is_full(const struct ops_world *w, enum ops_arg_kind kind, uint32_t i)
{
	switch (kind) {
	case OPS_SLOT_PAGES:
		return w->pages[i].page != NULL;
	case OPS_SLOT_OBJECT:
		return w->object[i].at != NULL;
	case OPS_SLOT_CACHE:
		return w->cache[i].cache != NULL;
	case OPS_SLOT_MOVABLE:
		return w->up && w->owner.block[i].page != NULL;
	case OPS_SLOT_RANGE:
		return w->range[i].end != w->range[i].start;
	case OPS_SLOT_ISOLATED:
		return w->isolated[i].end != w->isolated[i].start;
	default:
		return w->boot[i].size != 0;
	}
}

/* A slot that is full, or for a result empty, if there is one near. */
static uint32_t pick_slot(struct ops_world *w, struct ops_source *s, enum ops_arg_kind kind,
			  bool result)
{
	uint32_t n = ops_args[kind].below, first = (uint32_t)s->next(s, n);

	for (uint32_t i = 0; i < n; i++) {
		if (slot_is_full(w, kind, (first + i) % n) != result)
			return (first + i) % n;
	}
	return first;
}

static uint32_t pick_arg(struct ops_world *w, struct ops_source *s, enum ops_arg_kind kind,
			 bool result)
{
	uint32_t below = ops_args[kind].below;

	switch (kind) {
	case OPS_ORDER: /* mostly small */
		return (uint32_t)(s->next(s, 4) != 0 ? s->next(s, 4) : s->next(s, below));
	case OPS_UNITS: /* of every size */
	case OPS_COUNT:
	case OPS_BYTES:
		below = (uint32_t)s->next(s, below);
		return below >> s->next(s, 12);
	case OPS_SCALE:
		return s->next(s, 4) == 0 ? SCALE_LARGE : 1;
	case OPS_NTH:
		return 1 + (uint32_t)s->next(s, 6);
	default:
		return kind >= OPS_SLOT_PAGES ? pick_slot(w, s, kind, result)
					      : (uint32_t)s->next(s, below);
	}
}

struct ops_op ops_pick(struct ops_world *w, struct ops_source *s)
{
	enum ops_stage stage = w->up ? OPS_UP : OPS_BOOT;
	unsigned int sum = 0, k = 0;
	struct ops_op op = {0};
	uint64_t at;

	for (unsigned int i = 0; i < ops_nr; i++)
		sum += ops_table[i].stage == stage || ops_table[i].stage == OPS_ALWAYS
			       ? ops_table[i].weight
			       : 0;
	at = s->next(s, sum);
	for (;; k++) {
		if (ops_table[k].stage != stage && ops_table[k].stage != OPS_ALWAYS)
			continue;
		if (at < ops_table[k].weight)
			break;
		at -= ops_table[k].weight;
	}
	op.kind = (uint8_t)k;
	for (unsigned int i = 0; i < OPS_ARGS && ops_table[k].arg[i] != OPS_NONE; i++)
		op.arg[i] = pick_arg(w, s, ops_table[k].arg[i], ops_table[k].makes == i + 1);
	return op;
}

bool ops_does_something(const struct ops_world *w, const struct ops_op *op)
{
	const struct ops_desc *d = &ops_table[op->kind];

	for (unsigned int i = 0; i < OPS_ARGS && d->arg[i] != OPS_NONE; i++) {
		if (d->arg[i] >= OPS_SLOT_PAGES &&
		    slot_is_full(w, d->arg[i], op->arg[i]) == (d->makes == i + 1))
			return false;
	}
	return true;
}

static void hash_add(uint64_t *hash, uint64_t x)
{
	*hash ^= x;
	*hash = machine_random(hash);
}

uint64_t ops_hash(struct ops_world *w)
{
	uint64_t hash = 1, objects = 0;

	for (pfn_t pfn = 0; pfn < w->end_pfn; pfn++) {
		unsigned int order = 0;
		uint64_t state = (uint64_t)quarry_pfn_state(w->m.q, pfn, &order);

		hash_add(&hash, state << 32 | order << 8 |
					(unsigned int)quarry_pageblock_type(w->m.q, pfn));
	}
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		uint64_t x = (uintptr_t)w->object[i].at - (uintptr_t)w->m.ram;

		if (w->object[i].at != NULL) /* whichever slot it is in */
			objects += machine_random(&x);
	}
	for (unsigned int i = 0; i < NR_CACHES; i++)
		hash_add(&hash, w->cache[i].cache != NULL ? w->cache[i].kind + 1 : 0);
	hash_add(&hash, objects);
	for (unsigned int nid = 0; nid < 4; nid++) {
		for (unsigned int k = 0; k < w->lru.nr[nid]; k++)
			hash_add(&hash, nid << 8 | (w->lru.order[nid][k] + 1));
	}
	for (unsigned int i = 0; i < NR_POOLS; i++) {
		const struct pool *p = &w->pool[i];

		if (p->pool != NULL)
			hash_add(&hash, p->curr << 16 | p->pool->min_nr << 8 | (p->nr_out + 1));
	}
	return hash;
}

static void hash_text(void *ctx, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash_add(ctx, (unsigned char)text[i]);
}

uint64_t ops_hash_texts(struct ops_world *w)
{
	static void (*const show[])(struct quarry * q, const struct quarry_out *out) = {
		quarry_show_buddyinfo,     quarry_show_pagetypeinfo,   quarry_show_zoneinfo,
		quarry_show_vmstat,        quarry_show_meminfo,        quarry_show_iomem,
		quarry_show_extfrag_index, quarry_show_unusable_index, quarry_show_mem,
		quarry_show_slabinfo,      quarry_show_memblock,       quarry_show_refusal};
	uint64_t hash = 1;
	struct quarry_out out = {.write = hash_text, .ctx = &hash};

	if (!w->up || w->dead)
		return 0;
	for (size_t i = 0; i < sizeof(show) / sizeof(show[0]); i++)
		show[i](w->m.q, &out);
	quarry_show_memblock_list(w->m.q, false, &out);
	quarry_show_memblock_list(w->m.q, true, &out);
	for (int nid = 0; nid < 4; nid++) {
		quarry_show_node_vmstat(w->m.q, nid, &out);
		quarry_show_node_meminfo(w->m.q, nid, &out);
		quarry_show_node_numastat(w->m.q, nid, &out);
	}
	hash_add(&hash, w->m.tables_out);
	return hash;
}

void ops_note(struct ops_world *w, uint64_t *digest)
{
	if (w->dead)
		return;
	if (!w->up || w->end_pfn <= SMALL_PFNS || w->step % 32 == 0)
		hash_add(digest, ops_hash(w));
	if (w->up) {
		page_state_add(w->m.q, digest);
		slab_state_add(w->m.q, digest);
	}
	for (unsigned int e = 0; w->up && e < QUARRY_NR_VM_EVENTS; e++)
		hash_add(digest, quarry_vm_event(w->m.q, (enum quarry_vm_event)e));
}
