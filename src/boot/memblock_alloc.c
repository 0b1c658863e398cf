/* SPDX-License-Identifier: MIT */
/*
 * The reading side of memblock, and what is built on it: iteration, search, allocation, hand-off.
 *
 * Everything here sees the lists as sorted arrays and changes them only through reserving. A cursor
 * holds an index into the list that is walked and one into the gaps of the list that is left out; a
 * walk never looks back, so that it costs the regions and gaps that it passes.
 */
#include <quarry/memblock.h>

#include <base/bits.h>
#include <base/format.h>
#include <base/quarry_state.h>
#include <base/string.h>

#include <boot/internal.h>

#define MEMBLOCK_CURSOR_DONE ((uint64_t)UINT32_MAX) /* of a downward walk */

/* What a search is for. */
struct memblock_request {
	phys_addr_t size;
	phys_addr_t align;
	phys_addr_t start;
	phys_addr_t end;
	int nid;
	uint32_t flags;
};

/* Searching. */

static bool memblock_should_skip(const struct quarry *q, const struct memblock_type *type,
				 const struct memblock_region *r, int nid, uint32_t flags)
{
	if (type != &q->memblock->memory)
		return false;
	if (nid != QUARRY_NO_NODE && nid != r->nid)
		return true;
	if ((flags & MEMBLOCK_MIRROR) != 0 && (r->flags & MEMBLOCK_MIRROR) == 0)
		return true;
	if ((flags & MEMBLOCK_KHO_SCRATCH) != 0 && (r->flags & MEMBLOCK_KHO_SCRATCH) == 0)
		return true;
	/* Who wants to unplug nothing has no reason to spare what could be. */
	if (q->memblock->use_hotplug)
		flags |= MEMBLOCK_HOTPLUG;
	/* These are taken only by those who ask for them. */
	return (r->flags & ~flags &
		(MEMBLOCK_HOTPLUG | MEMBLOCK_NOMAP | MEMBLOCK_DRIVER_MANAGED)) != 0;
}

/* Gap @i of @type: what lies below region @i and above the one before. */
static phys_addr_t memblock_gap_start(const struct memblock_type *type, unsigned long i)
{
	return i == 0 ? 0 : memblock_region_end(&type->regions[i - 1]);
}

static phys_addr_t memblock_gap_end(const struct memblock_type *type, unsigned long i)
{
	return i == memblock_nr(type) ? MEMBLOCK_ADDR_MAX : type->regions[i].base;
}

static uint64_t memblock_cursor(unsigned long a, unsigned long b)
{
	return (uint32_t)a + b * ((uint64_t)1 << 32);
}

static bool memblock_emit(const struct memblock_region *r, phys_addr_t start, phys_addr_t end,
			  phys_addr_t *p_start, phys_addr_t *p_end, int *p_nid)
{
	if (p_start != NULL)
		*p_start = start;
	if (p_end != NULL)
		*p_end = end;
	if (p_nid != NULL)
		*p_nid = r->nid;
	return true;
}

bool quarry_memblock_next_range(struct quarry *q, uint64_t *idx, int nid, uint32_t flags,
				const struct memblock_type *type_a,
				const struct memblock_type *type_b, phys_addr_t *p_start,
				phys_addr_t *p_end, int *p_nid)
{
	unsigned long a = (uint32_t)*idx, b = (unsigned long)(*idx >> 32);
	unsigned long nr_b = type_b != NULL ? memblock_nr(type_b) : 0;

	for (; a < memblock_nr(type_a); a++) {
		const struct memblock_region *m = &type_a->regions[a];
		phys_addr_t m_end = memblock_region_end(m);

		if (memblock_should_skip(q, type_a, m, nid, flags))
			continue;
		if (type_b == NULL) {
			*idx = memblock_cursor(a + 1, 0);
			return memblock_emit(m, m->base, m_end, p_start, p_end, p_nid);
		}
		for (; b <= nr_b && memblock_gap_start(type_b, b) < m_end; b++) {
			phys_addr_t start = quarry_max(m->base, memblock_gap_start(type_b, b));
			phys_addr_t end = quarry_min(m_end, memblock_gap_end(type_b, b));

			if (start >= end)
				continue;
			/* Step on in the list whose range ends first. */
			if (m_end <= memblock_gap_end(type_b, b))
				*idx = memblock_cursor(a + 1, b);
			else
				*idx = memblock_cursor(a, b + 1);
			return memblock_emit(m, start, end, p_start, p_end, p_nid);
		}
	}
	*idx = memblock_cursor(a, b);
	return false;
}

/*
 * Downwards both indexes are of the next region and gap to look at; region -1 is the end. The
 * caller's first cursor, UINT64_MAX, is no pair of indexes.
 */
bool quarry_memblock_next_range_rev(struct quarry *q, uint64_t *idx, int nid, uint32_t flags,
				    const struct memblock_type *type_a,
				    const struct memblock_type *type_b, phys_addr_t *p_start,
				    phys_addr_t *p_end, int *p_nid)
{
	uint32_t a = (uint32_t)*idx, b = (uint32_t)(*idx >> 32);

	if (*idx == UINT64_MAX) {
		a = (uint32_t)memblock_nr(type_a) - 1;
		b = type_b != NULL ? (uint32_t)memblock_nr(type_b) : 0;
	}
	/* A cursor that nobody gave out ends up at the last region. */
	if (a != UINT32_MAX)
		a = quarry_min(a, (uint32_t)memblock_nr(type_a) - 1);
	if (type_b != NULL)
		b = quarry_min(b, (uint32_t)memblock_nr(type_b));
	for (; a != UINT32_MAX; a--) {
		const struct memblock_region *m = &type_a->regions[a];

		if (memblock_should_skip(q, type_a, m, nid, flags))
			continue;
		if (type_b == NULL) {
			*idx = memblock_cursor(a - 1, 0);
			return memblock_emit(m, m->base, memblock_region_end(m), p_start, p_end,
					     p_nid);
		}
		for (; memblock_gap_end(type_b, b) > m->base; b--) {
			phys_addr_t start = quarry_max(m->base, memblock_gap_start(type_b, b));
			phys_addr_t end =
				quarry_min(memblock_region_end(m), memblock_gap_end(type_b, b));

			if (start < end) {
				/* Gap 0 starts at 0, so that b stays in range. */
				if (m->base >= memblock_gap_start(type_b, b))
					*idx = memblock_cursor(a - 1, b);
				else
					*idx = memblock_cursor(a, b - 1);
				return memblock_emit(m, start, end, p_start, p_end, p_nid);
			}
			if (b == 0)
				break;
		}
	}
	*idx = MEMBLOCK_CURSOR_DONE;
	return false;
}

#if !QUARRY_TINY

bool quarry_memblock_next_mem_pfn_range(struct quarry *q, int *idx, int nid, pfn_t *p_start,
					pfn_t *p_end, int *p_nid)
{
	const struct memblock_type *type = &q->memblock->memory;
	unsigned long i;

	for (i = (unsigned long)(*idx + 1); i < memblock_nr(type); i++) {
		const struct memblock_region *r = &type->regions[i];
		pfn_t start = bits_pfn_up(r->base), end = bits_pfn_down(memblock_region_end(r));

		if (start >= end || (nid != QUARRY_NO_NODE && nid != r->nid))
			continue;
		*idx = (int)i;
		return memblock_emit(r, start, end, p_start, p_end, p_nid);
	}
	*idx = (int)memblock_nr(type) - 1;
	return false;
}

#endif

/* After a search in vain that saw no run longer than @longest; a page is always reckoned with. */
static void memblock_learn(struct quarry *q, const struct memblock_request *req,
			   phys_addr_t longest)
{
	if (req->nid == QUARRY_NO_NODE && req->flags == MEMBLOCK_NONE &&
	    req->start <= QUARRY_PAGE_SIZE && req->end >= quarry_memblock_end_of_DRAM(q))
		memblock_bound_learn(q->memblock, longest);
}

static phys_addr_t memblock_find_top_down(struct quarry *q, const struct memblock_request *req)
{
	const struct memblock *mb = q->memblock;
	unsigned long below = memblock_lower_base(&mb->memory, req->end);
	uint64_t i = memblock_cursor(below - 1, memblock_lower_base(&mb->reserved, req->end));
	phys_addr_t start, end, candidate, longest = QUARRY_PAGE_SIZE;

	if (below == 0)
		return 0;
	while (quarry_memblock_next_range_rev(q, &i, req->nid, req->flags, &mb->memory,
					      &mb->reserved, &start, &end, NULL)) {
		if (end <= req->start)
			break;
		longest = quarry_max(longest, end - start);
		start = quarry_max(start, req->start);
		end = quarry_min(end, req->end);
		if (end < start || end - start < req->size)
			continue;
		candidate = bits_align_down(end - req->size, req->align);
		if (candidate >= start)
			return candidate;
	}
	memblock_learn(q, req, longest);
	return 0;
}

static phys_addr_t memblock_find_bottom_up(struct quarry *q, const struct memblock_request *req)
{
	const struct memblock *mb = q->memblock;
	uint64_t i = memblock_cursor(memblock_lower_end(&mb->memory, req->start),
				     memblock_lower_base(&mb->reserved, req->start));
	phys_addr_t start, end, candidate, longest = QUARRY_PAGE_SIZE;

	while (quarry_memblock_next_range(q, &i, req->nid, req->flags, &mb->memory, &mb->reserved,
					  &start, &end, NULL)) {
		if (start >= req->end)
			break;
		longest = quarry_max(longest, end - start);
		start = quarry_max(start, req->start);
		end = quarry_min(end, req->end);
		if (quarry_add_overflows(start, req->align - 1, &candidate))
			return 0;
		candidate = bits_align_down(candidate, req->align);
		if (candidate < end && end - candidate >= req->size)
			return candidate;
	}
	memblock_learn(q, req, longest);
	return 0;
}

/* Fills in the defaults and searches once. 0: no fit, or wrong arguments. */
static phys_addr_t memblock_find(struct quarry *q, const struct memblock_request *asked)
{
	struct memblock_request req = *asked;

	if (req.align == 0)
		req.align = MEMBLOCK_CACHE_LINE;
	if (req.size == 0 || !bits_is_power_of_2(req.align))
		return 0;
	if (req.end == MEMBLOCK_ALLOC_ACCESSIBLE || req.end == MEMBLOCK_ALLOC_NOLEAKTRACE)
		req.end = q->memblock->current_limit;
	/* Never the first page: address 0 means failure. */
	req.start = quarry_max(req.start, (phys_addr_t)QUARRY_PAGE_SIZE);
	if (req.start >= req.end || memblock_bound_forbids(q->memblock, req.size, req.flags))
		return 0;
	if (q->memblock->bottom_up)
		return memblock_find_bottom_up(q, &req);
	return memblock_find_top_down(q, &req);
}

phys_addr_t quarry_memblock_find_in_range_node(struct quarry *q, phys_addr_t size,
					       phys_addr_t align, phys_addr_t start,
					       phys_addr_t end, int nid, uint32_t flags)
{
	struct memblock_request req = {size, align, start, end, nid, flags};

	return memblock_find(q, &req);
}

static void memblock_warn_no_mirror(struct quarry *q, phys_addr_t size)
{
	quarry_log(q, QUARRY_LOG_WARN, "memblock: could not allocate %llu bytes of mirrored memory",
		   (unsigned long long)size);
}

phys_addr_t quarry_memblock_find_in_range(struct quarry *q, phys_addr_t start, phys_addr_t end,
					  phys_addr_t size, phys_addr_t align)
{
	struct memblock_request req = {size, align,          start,
				       end,  QUARRY_NO_NODE, memblock_choose_flags(q->memblock)};
	phys_addr_t found = memblock_find(q, &req);

	if (found != 0 || req.flags != MEMBLOCK_MIRROR)
		return found;
	memblock_warn_no_mirror(q, size);
	req.flags = MEMBLOCK_NONE;
	return memblock_find(q, &req);
}

/* Settings. */

void quarry_memblock_set_bottom_up(struct quarry *q, bool enable)
{
	q->memblock->bottom_up = enable;
}

bool quarry_memblock_bottom_up(struct quarry *q)
{
	return q->memblock->bottom_up;
}

void quarry_memblock_set_current_limit(struct quarry *q, phys_addr_t limit)
{
	q->memblock->current_limit = limit;
}

phys_addr_t quarry_memblock_get_current_limit(struct quarry *q)
{
	return q->memblock->current_limit;
}

#if !QUARRY_TINY

void quarry_memblock_allow_resize(struct quarry *q)
{
	q->memblock->can_resize = true;
}

void quarry_memblock_set_movable_node(struct quarry *q, bool enable)
{
	q->memblock->use_hotplug = !enable;
}

void quarry_memblock_set_rsrv_kern(struct quarry *q, bool enable)
{
	q->memblock->rsrv_kern = enable;
}

void quarry_memblock_set_kho_scratch_only(struct quarry *q, bool enable)
{
	q->memblock->scratch_only = enable;
}

void quarry_memblock_set_debug(struct quarry *q, bool enable)
{
	q->memblock->debug = enable;
}

void quarry_memblock_set_late_alloc(struct quarry *q, quarry_late_alloc_fn alloc,
				    quarry_late_free_fn free)
{
	q->memblock->late_alloc = alloc;
	q->memblock->late_free = free;
}

static void memblock_dump_type(struct quarry *q, const struct memblock_type *type)
{
	unsigned long i;

	quarry_log(q, QUARRY_LOG_INFO, " %s.cnt  = 0x%lx", type->name, type->cnt);
	for (i = 0; i < type->cnt; i++) {
		const struct memblock_region *r = &type->regions[i];
		char node[24] = "";

		if (r->nid != q->memblock->no_nid)
			quarry_format(node, sizeof(node), " on node %d", (int)r->nid);
		quarry_log(q, QUARRY_LOG_INFO,
			   " %s[0x%lx]\t[0x%016llx-0x%016llx], 0x%016llx bytes%s flags: 0x%x",
			   type->name, i, (unsigned long long)r->base,
			   (unsigned long long)(r->base + r->size - 1), (unsigned long long)r->size,
			   node, r->flags);
	}
}

void quarry_memblock_dump_all(struct quarry *q)
{
	if (!q->memblock->debug)
		return;
	quarry_log(q, QUARRY_LOG_INFO, "MEMBLOCK configuration:");
	quarry_log(q, QUARRY_LOG_INFO, " memory size = 0x%016llx reserved size = 0x%016llx",
		   (unsigned long long)q->memblock->memory.total_size,
		   (unsigned long long)q->memblock->reserved.total_size);
	memblock_dump_type(q, &q->memblock->memory);
	memblock_dump_type(q, &q->memblock->reserved);
}

#endif

/* Allocation. */

bool memblock_is_late(struct quarry *q, const char *who)
{
	if (likely(q->stage <= QUARRY_STAGE_BOOT))
		return false;
	quarry_log(q, QUARRY_LOG_WARN, "%s: called when boot is over", who);
	return true;
}

void *memblock_late_alloc(struct quarry *q, size_t size, int nid)
{
	return !QUARRY_TINY && q->memblock->late_alloc != NULL
		       ? q->memblock->late_alloc(q, size, nid)
		       : NULL;
}

#if !QUARRY_TINY

int quarry_memblock_set_unaccepted(struct quarry *q, const struct quarry_range *ranges,
				   unsigned int nr)
{
	if (nr != 0 && q->port.accept == NULL)
		return -QUARRY_EINVAL;
	q->unaccepted = ranges;
	q->nr_unaccepted = nr;
	return 0;
}

bool boot_accept(struct quarry *q, phys_addr_t start, phys_addr_t size)
{
	/* The last byte of the last page: one past it may be beyond the address space. */
	phys_addr_t last = (start + size - 1) | (QUARRY_PAGE_SIZE - 1);

	start = bits_align_down(start, (phys_addr_t)QUARRY_PAGE_SIZE);
	for (unsigned int i = 0; i < q->nr_unaccepted; i++) {
		const struct quarry_range *r = &q->unaccepted[i];
		phys_addr_t from = quarry_max(start, r->start);
		phys_addr_t to = quarry_min(last, r->start + r->size - 1);

		if (r->size != 0 && from <= to &&
		    q->port.accept(q->port.ctx, from, to - from + 1) != 0)
			return false;
	}
	return true;
}

#endif

static phys_addr_t memblock_find_and_reserve(struct quarry *q, const struct memblock_request *req)
{
	struct memblock *mb = q->memblock;
	phys_addr_t found = memblock_find(q, req);
	int nid = mb->rsrv_kern && req->nid != QUARRY_NO_NODE ? req->nid : mb->no_nid;

	if (found == 0 || !boot_accept(q, found, req->size) ||
	    memblock_reserve_flags(q, found, req->size, nid,
				   mb->rsrv_kern ? MEMBLOCK_RSRV_KERN : MEMBLOCK_NONE) != 0)
		return 0;
	return found;
}

/* The node, then any node unless @exact; in mirrored memory, then in all. */
static phys_addr_t memblock_alloc_range_nid(struct quarry *q, struct memblock_request req,
					    bool exact)
{
	int nid = req.nid;
	phys_addr_t found;

	if (req.align == 0) {
		quarry_log(q, QUARRY_LOG_WARN, "memblock: alignment 0 taken as %llu",
			   (unsigned long long)MEMBLOCK_CACHE_LINE);
		req.align = MEMBLOCK_CACHE_LINE;
	}
	req.flags = memblock_choose_flags(q->memblock);
	for (;;) {
		req.nid = nid;
		found = memblock_find_and_reserve(q, &req);
		if (found == 0 && nid != QUARRY_NO_NODE && !exact) {
			req.nid = QUARRY_NO_NODE;
			found = memblock_find_and_reserve(q, &req);
		}
		if (found != 0 || req.flags != MEMBLOCK_MIRROR)
			return found;
		memblock_warn_no_mirror(q, req.size);
		req.flags = MEMBLOCK_NONE;
	}
}

static void memblock_trace_alloc(struct quarry *q, const char *who,
				 const struct memblock_request *req, bool with_nid)
{
	char nid[24] = "";

	if (likely(!memblock_debug(q->memblock)))
		return;
	if (with_nid)
		quarry_format(nid, sizeof(nid), " nid=%d", req->nid);
	quarry_log(q, QUARRY_LOG_DEBUG,
		   "%s: %llu bytes align=0x%llx%s from=0x%016llx max_addr=0x%016llx", who,
		   (unsigned long long)req->size, (unsigned long long)req->align, nid,
		   (unsigned long long)req->start, (unsigned long long)req->end);
}

phys_addr_t quarry_memblock_phys_alloc_range(struct quarry *q, phys_addr_t size, phys_addr_t align,
					     phys_addr_t start, phys_addr_t end)
{
	struct memblock_request req = {size, align, start, end, QUARRY_NO_NODE, MEMBLOCK_NONE};

	if (memblock_is_late(q, "memblock_phys_alloc_range"))
		return 0;
	memblock_trace_alloc(q, "memblock_phys_alloc_range", &req, false);
	return memblock_alloc_range_nid(q, req, false);
}

phys_addr_t quarry_memblock_alloc_range_nid(struct quarry *q, phys_addr_t size, phys_addr_t align,
					    phys_addr_t start, phys_addr_t end, int nid,
					    bool exact_nid)
{
	struct memblock_request req = {size, align, start, end, nid, MEMBLOCK_NONE};

	if (memblock_is_late(q, "memblock_alloc_range_nid"))
		return 0;
	memblock_trace_alloc(q, "memblock_alloc_range_nid", &req, true);
	return memblock_alloc_range_nid(q, req, exact_nid);
}

phys_addr_t quarry_memblock_phys_alloc_try_nid(struct quarry *q, phys_addr_t size,
					       phys_addr_t align, int nid)
{
	struct memblock_request req = {size, align,        0, MEMBLOCK_ALLOC_ACCESSIBLE,
				       nid,  MEMBLOCK_NONE};

	if (memblock_is_late(q, "memblock_phys_alloc_try_nid"))
		return 0;
	return memblock_alloc_range_nid(q, req, false);
}

/* An address for it, above req.start if possible. */
static void *memblock_alloc_internal(struct quarry *q, const char *who, struct memblock_request req,
				     bool exact)
{
	phys_addr_t found;

	memblock_trace_alloc(q, who, &req, true);
	if (memblock_is_late(q, who))
		return memblock_late_alloc(q, (size_t)req.size, req.nid);
	if ((size_t)req.size != req.size)
		return NULL;
	if (req.end == MEMBLOCK_ALLOC_ACCESSIBLE || req.end == MEMBLOCK_ALLOC_NOLEAKTRACE)
		req.end = MEMBLOCK_ALLOC_ANYWHERE;
	req.end = quarry_min(req.end, quarry_min(q->memblock->current_limit, MEMBLOCK_REACH));
	found = memblock_alloc_range_nid(q, req, exact);
	if (found == 0 && req.start != 0) {
		req.start = 0;
		found = memblock_alloc_range_nid(q, req, exact);
	}
	return found != 0 ? quarry_phys_to_virt(q, found) : NULL;
}

void *quarry_memblock_alloc_try_nid_raw(struct quarry *q, phys_addr_t size, phys_addr_t align,
					phys_addr_t min_addr, phys_addr_t max_addr, int nid)
{
	struct memblock_request req = {size, align, min_addr, max_addr, nid, MEMBLOCK_NONE};

	return memblock_alloc_internal(q, "memblock_alloc_try_nid_raw", req, false);
}

void *quarry_memblock_alloc_exact_nid_raw(struct quarry *q, phys_addr_t size, phys_addr_t align,
					  phys_addr_t min_addr, phys_addr_t max_addr, int nid)
{
	struct memblock_request req = {size, align, min_addr, max_addr, nid, MEMBLOCK_NONE};

	return memblock_alloc_internal(q, "memblock_alloc_exact_nid_raw", req, true);
}

void *quarry_memblock_alloc_try_nid(struct quarry *q, phys_addr_t size, phys_addr_t align,
				    phys_addr_t min_addr, phys_addr_t max_addr, int nid)
{
	struct memblock_request req = {size, align, min_addr, max_addr, nid, MEMBLOCK_NONE};
	void *p = memblock_alloc_internal(q, "memblock_alloc_try_nid", req, false);

	if (p != NULL && !q->no_access)
		quarry_memset(p, 0, (size_t)size);
	return p;
}

#if !QUARRY_TINY

void *quarry_memblock_alloc_or_panic(struct quarry *q, phys_addr_t size, phys_addr_t align)
{
	void *p = quarry_memblock_alloc(q, size, align);

	if (p == NULL)
		quarry_panic(q, "memblock: failed to allocate %llu bytes",
			     (unsigned long long)size);
	return p;
}

#endif

/* Questions. */

phys_addr_t quarry_memblock_phys_mem_size(struct quarry *q)
{
	return q->memblock->memory.total_size;
}

phys_addr_t quarry_memblock_reserved_size(struct quarry *q)
{
	return q->memblock->reserved.total_size;
}

#if !QUARRY_TINY

phys_addr_t quarry_memblock_reserved_kern_size(struct quarry *q, phys_addr_t limit, int nid)
{
	const struct memblock_type *reserved = &q->memblock->reserved;
	phys_addr_t total = 0;

	for (unsigned long i = 0; i < memblock_nr(reserved); i++) {
		const struct memblock_region *r = &reserved->regions[i];

		if (r->base >= limit)
			break;
		if ((r->flags & MEMBLOCK_RSRV_KERN) != 0 &&
		    (nid == QUARRY_NO_NODE || nid == r->nid))
			total += quarry_min(r->size, limit - r->base);
	}
	return total;
}

#endif

phys_addr_t quarry_memblock_start_of_DRAM(struct quarry *q)
{
	return q->memblock->memory.regions[0].base;
}

phys_addr_t quarry_memblock_end_of_DRAM(struct quarry *q)
{
	const struct memblock_type *memory = &q->memblock->memory;
	unsigned long nr = memblock_nr(memory);

	return nr != 0 ? memblock_region_end(&memory->regions[nr - 1]) : 0;
}

bool quarry_memblock_is_memory(struct quarry *q, phys_addr_t addr)
{
	return memblock_search(&q->memblock->memory, addr) != NULL;
}

bool quarry_memblock_is_map_memory(struct quarry *q, phys_addr_t addr)
{
	const struct memblock_region *r = memblock_search(&q->memblock->memory, addr);

	return r != NULL && (r->flags & MEMBLOCK_NOMAP) == 0;
}

bool quarry_memblock_is_reserved(struct quarry *q, phys_addr_t addr)
{
	return memblock_search(&q->memblock->reserved, addr) != NULL;
}

bool quarry_memblock_is_region_memory(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	const struct memblock_region *r = memblock_search(&q->memblock->memory, base);

	return r != NULL && memblock_region_end(r) >= base + memblock_cap_size(base, size);
}

bool quarry_memblock_overlaps_region(const struct memblock_type *type, phys_addr_t base,
				     phys_addr_t size)
{
	unsigned long i = memblock_lower_end(type, base);

	return size != 0 && i < memblock_nr(type) &&
	       type->regions[i].base < base + memblock_cap_size(base, size);
}

bool quarry_memblock_is_region_reserved(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return quarry_memblock_overlaps_region(&q->memblock->reserved, base, size);
}

#if !QUARRY_TINY

int quarry_memblock_search_pfn_nid(struct quarry *q, pfn_t pfn, pfn_t *start_pfn, pfn_t *end_pfn)
{
	const struct memblock_region *r = NULL;

	if (pfn <= bits_pfn_down(MEMBLOCK_ADDR_MAX))
		r = memblock_search(&q->memblock->memory, pfn << QUARRY_PAGE_SHIFT);
	*start_pfn = r != NULL ? bits_pfn_up(r->base) : 0;
	*end_pfn = r != NULL ? bits_pfn_down(memblock_region_end(r)) : 0;
	return r != NULL ? r->nid : QUARRY_NO_NODE;
}

#endif

/* Hand-off. */

unsigned long quarry_memblock_free_late(struct quarry *q, phys_addr_t base, phys_addr_t size,
					quarry_give_fn give, void *arg)
{
	pfn_t start = bits_pfn_up(base);
	pfn_t end = bits_pfn_down(base + memblock_cap_size(base, size));

	if (start >= end)
		return 0;
	give(q, start, end, arg);
	return (unsigned long)(end - start);
}

unsigned long quarry_memblock_free_all(struct quarry *q, quarry_give_fn give, void *arg)
{
	struct memblock_type *memory = &q->memblock->memory;
	phys_addr_t start, end;
	unsigned long pages = 0, r;
	uint64_t i;

	q->memblock->bound.longest = 0;
	/* Boot is over for hotplug memory too, and for scratch areas. */
	q->memblock->scratch_only = false;
	for (r = 0; r < memory->cnt; r++)
		memory->regions[r].flags &= ~(uint32_t)MEMBLOCK_HOTPLUG;
	memblock_merge_regions(q, memory, 0, memory->cnt);
	quarry_for_each_free_mem_range(q, i, QUARRY_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL)
		pages += quarry_memblock_free_late(q, start, end - start, give, arg);
	return pages;
}

#if !QUARRY_TINY

/* Gives the pages of one array, as far as they are memory. */
static unsigned long memblock_give_array(struct quarry *q, const struct memblock_type *type,
					 quarry_give_fn give, void *arg)
{
	struct memblock *mb = q->memblock;
	phys_addr_t start, end;

	if (!memblock_array_range(mb, type, &start, &end) || give == NULL ||
	    !quarry_memblock_is_region_memory(q, start, end - start))
		return 0;
	return quarry_memblock_free_late(q, start, end - start, give, arg);
}

unsigned long quarry_memblock_discard(struct quarry *q, quarry_give_fn give, void *arg)
{
	struct memblock *mb = q->memblock;
	unsigned long pages = memblock_give_array(q, &mb->reserved, give, arg);

	pages += memblock_give_array(q, &mb->memory, give, arg);
	if (!memblock_is_static(mb, &mb->memory) && mb->memory_phys == 0 && mb->late_free != NULL)
		mb->late_free(q, mb->memory.regions);
	if (!memblock_is_static(mb, &mb->reserved) && mb->reserved_phys == 0 &&
	    mb->late_free != NULL)
		mb->late_free(q, mb->reserved.regions);
	memblock_use_static(mb);
	return pages;
}

#endif
