/* SPDX-License-Identifier: MIT */
/* The textbook memblock. */
#include "model_memblock.h"

#include <string.h>

static size_t model_first(phys_addr_t base)
{
	return base / MODEL_UNIT < MODEL_UNITS ? (size_t)(base / MODEL_UNIT) : MODEL_UNITS;
}

static size_t model_past(phys_addr_t base, phys_addr_t size)
{
	phys_addr_t end = size > ~base ? ~(phys_addr_t)0 : base + size;

	return model_first(end);
}

void model_memblock_init(struct model_memblock *m)
{
	memset(m, 0, sizeof(*m));
	m->limit = MEMBLOCK_ALLOC_ANYWHERE;
}

void model_add(struct model_list *l, phys_addr_t base, phys_addr_t size, int nid, uint32_t flags)
{
	for (size_t i = model_first(base); i < model_past(base, size); i++) {
		if (!l->unit[i].present)
			l->unit[i] = (struct model_unit){true, nid, flags};
	}
}

void model_cut(struct model_list *l, phys_addr_t base, phys_addr_t size)
{
	for (size_t i = model_first(base); i < model_past(base, size); i++)
		l->unit[i] = (struct model_unit){0};
}

void model_set_node(struct model_list *l, phys_addr_t base, phys_addr_t size, int nid)
{
	for (size_t i = model_first(base); i < model_past(base, size); i++) {
		if (l->unit[i].present)
			l->unit[i].nid = nid;
	}
}

void model_set_flags(struct model_list *l, phys_addr_t base, phys_addr_t size, uint32_t set,
		     uint32_t clear)
{
	for (size_t i = model_first(base); i < model_past(base, size); i++) {
		if (l->unit[i].present)
			l->unit[i].flags = (l->unit[i].flags | set) & ~clear;
	}
}

bool model_any(const struct model_list *l, phys_addr_t base, phys_addr_t size)
{
	for (size_t i = model_first(base); i < model_past(base, size); i++) {
		if (l->unit[i].present)
			return true;
	}
	return false;
}

size_t model_pieces(const struct model_list *l, phys_addr_t base, phys_addr_t size)
{
	size_t pieces = 0;

	for (size_t i = model_first(base); i < model_past(base, size); i++)
		pieces += !l->unit[i].present && (i == model_first(base) || l->unit[i - 1].present);
	return pieces;
}

phys_addr_t model_max_addr(const struct model_memblock *m, phys_addr_t limit)
{
	phys_addr_t seen = 0;

	for (size_t i = 0; i < MODEL_UNITS; i++) {
		if (!m->memory.unit[i].present)
			continue;
		seen += MODEL_UNIT;
		if (seen >= limit)
			return (phys_addr_t)(i + 1) * MODEL_UNIT;
	}
	return ~(phys_addr_t)0;
}

void model_enforce_limit(struct model_memblock *m, phys_addr_t limit)
{
	phys_addr_t max = model_max_addr(m, limit);

	if (limit == 0 || max == ~(phys_addr_t)0)
		return;
	model_cut(&m->memory, max, ~(phys_addr_t)0);
	model_cut(&m->reserved, max, ~(phys_addr_t)0);
}

void model_cap(struct model_memblock *m, phys_addr_t base, phys_addr_t size)
{
	phys_addr_t seen = 0;

	for (size_t i = 0; i < MODEL_UNITS; i++)
		seen += m->memory.unit[i].present;
	if (size == 0 || seen == 0)
		return;
	for (size_t i = 0; i < MODEL_UNITS; i++) {
		if (i >= model_first(base) && i < model_past(base, size))
			continue;
		if ((m->memory.unit[i].flags & MEMBLOCK_NOMAP) == 0)
			m->memory.unit[i].present = false;
		m->reserved.unit[i].present = false;
	}
}

static bool model_same(const struct model_unit *a, const struct model_unit *b)
{
	return a->present && b->present && a->nid == b->nid && a->flags == b->flags;
}

void model_trim(struct model_memblock *m, phys_addr_t align)
{
	static struct memblock_region regions[MODEL_UNITS];
	size_t n = model_regions(&m->memory, regions);

	for (size_t i = 0; i < n; i++) {
		phys_addr_t end = regions[i].base + regions[i].size;
		phys_addr_t in = (regions[i].base + align - 1) / align * align;
		phys_addr_t out = end / align * align;

		if (in >= out) {
			model_cut(&m->memory, regions[i].base, regions[i].size);
			continue;
		}
		model_cut(&m->memory, regions[i].base, in - regions[i].base);
		model_cut(&m->memory, out, end - out);
	}
}

/* Whether free memory of one region lies at all units of [first, past). */
static bool model_fits(const struct model_memblock *m, size_t first, size_t past, int nid,
		       uint32_t flags)
{
	const struct model_unit *u = m->memory.unit;

	for (size_t i = first; i < past; i++) {
		if (!u[i].present || m->reserved.unit[i].present || !model_same(&u[i], &u[first]))
			return false;
		if (nid != QUARRY_NO_NODE && u[i].nid != nid)
			return false;
		if ((flags & MEMBLOCK_MIRROR) != 0 && (u[i].flags & MEMBLOCK_MIRROR) == 0)
			return false;
		if ((u[i].flags & ~flags & ~(uint32_t)MEMBLOCK_MIRROR) != 0)
			return false;
	}
	return true;
}

static phys_addr_t model_find_once(const struct model_memblock *m, const struct model_request *req,
				   int nid, uint32_t flags)
{
	phys_addr_t max = req->max == 0 ? m->limit : req->max;
	phys_addr_t min = req->min > QUARRY_PAGE_SIZE ? req->min : QUARRY_PAGE_SIZE;
	size_t units = (size_t)(req->size / MODEL_UNIT);
	phys_addr_t found = 0;

	for (size_t i = 0; i + units <= MODEL_UNITS; i++) {
		phys_addr_t at = (phys_addr_t)i * MODEL_UNIT;

		if (at % req->align != 0 || at < min || at + req->size > max)
			continue;
		if (!model_fits(m, i, i + units, nid, flags))
			continue;
		found = at;
		if (m->bottom_up)
			break;
	}
	return found;
}

phys_addr_t model_find(const struct model_memblock *m, const struct model_request *req)
{
	phys_addr_t found = 0;

	for (int mirror = m->has_mirror; mirror >= 0 && found == 0; mirror--) {
		uint32_t flags = mirror ? MEMBLOCK_MIRROR : MEMBLOCK_NONE;

		found = model_find_once(m, req, req->nid, flags);
		if (found == 0 && !req->exact)
			found = model_find_once(m, req, QUARRY_NO_NODE, flags);
	}
	return found;
}

size_t model_regions(const struct model_list *l, struct memblock_region *out)
{
	size_t n = 0;

	for (size_t i = 0; i < MODEL_UNITS; i++) {
		if (!l->unit[i].present)
			continue;
		if (i > 0 && model_same(&l->unit[i - 1], &l->unit[i])) {
			out[n - 1].size += MODEL_UNIT;
			continue;
		}
		out[n++] = (struct memblock_region){.base = (phys_addr_t)i * MODEL_UNIT,
						    .size = MODEL_UNIT,
						    .flags = l->unit[i].flags,
						    .nid = l->unit[i].nid};
	}
	return n;
}

size_t model_free_ranges(const struct model_memblock *m, int nid, uint32_t flags,
			 struct memblock_region *out)
{
	size_t n = 0;
	bool open = false;

	for (size_t i = 0; i < MODEL_UNITS; i++) {
		const struct model_unit *u = &m->memory.unit[i];

		if (!model_fits(m, i, i + 1, nid, flags)) {
			open = false;
			continue;
		}
		if (open && model_same(u - 1, u)) {
			out[n - 1].size += MODEL_UNIT;
			continue;
		}
		open = true;
		out[n++] = (struct memblock_region){.base = (phys_addr_t)i * MODEL_UNIT,
						    .size = MODEL_UNIT,
						    .flags = u->flags,
						    .nid = u->nid};
	}
	return n;
}
