/* SPDX-License-Identifier: MIT */
/*
 * memblock: which memory there is, and which of it is taken, before any allocator works.
 *
 * Problem    Firmware tells of memory in any order, in pieces, overlapping, with nodes and flags;
 *            the kernel reserves its image, tables and initrd, and allocates its first tables. All
 *            this with no memory but what stands in struct quarry. Which page is in which zone, and
 *            what a page is used for, is the page layer's affair.
 *
 * Terms      A region is [base, base + size) with a node and flags. A type is a sorted array of
 *            disjoint regions; there are two, memory and reserved. Free is memory minus reserved. A
 *            gap is what lies between two reserved regions; gap i ends where reserved[i] begins.
 *
 *            memory     |======== node 0 ========|==== node 1 ====|      |==== node 1 ====|
 *            reserved       |====|          |========|                |======|
 *            gaps       0---|    |----1-----|        |-------2--------|      |-----3----------
 *            free       |===|    |==========|        |============|          |============|
 *
 * Invariant  Regions are sorted, disjoint and not empty; two that touch differ in node or flags;
 *            total_size is the sum of the sizes; no region reaches the last byte of the address
 *            space, so that an end always fits a phys_addr_t. An empty type has a region of size 0,
 *            and cnt 1 as in Linux before 6.10, or 0 as since, by choice. quarry_check_memblock()
 *            checks this.
 *
 * Life       quarry_init() makes both types empty, in the arrays of struct quarry. Calls fill them.
 *            After quarry_memblock_allow_resize() a full array moves to one of twice the size,
 *            which lies in free memory of the map and is reached through quarry_storage(). No other
 *            managed memory is written, except to clear what is allocated.
 *            quarry_memblock_free_all() hands the free ranges over; quarry_memblock_discard() gives
 *            back the doubled arrays.
 *
 * Locks      None: boot has one thread.
 *
 * A reserve  memblock_add_range(): binary search for the first region that ends above the base;
 *            count the uncovered pieces; double the array if they do not fit; move the tail up once
 *            and fill the pieces in from the back; merge with the neighbours.
 *
 * A free     memblock_remove_range(): split regions at both ends (memblock_isolate_range()), then
 *            close the array over those inside.
 *
 * An alloc   Find, then reserve. The search walks the gaps with a cursor that steps through both
 *            arrays at once, from the wanted end; the place to start is a binary search.
 *
 * Doubling   The one place where a list changes while another change is under way. The new array is
 *            chosen first, then copied, then the old one's reservation is dropped, then the new
 *            one's is entered. Doubling memory needs room in reserved, so reserved may be doubled
 *            first; nothing needs room in memory, so it ends there. The range about to be reserved
 *            is avoided: first above it, then below.
 *
 * Costs      A lookup O(log n); a change O(log n) and one memmove(); in-order adds O(1) amortised.
 *            24 bytes a region.
 *
 * Failure    A call that fails leaves both lists covering what they covered; at most an array was
 *            doubled. After hand-off arrays grow only through the late allocator.
 */
#include <quarry/memblock.h>

#include <base/bits.h>
#include <base/quarry_state.h>
#include <base/string.h>

#include <boot/internal.h>

/* A new home for a type's regions. */
struct memblock_array {
	struct memblock_region *regions;
	phys_addr_t phys; /* 0: from the late allocator */
	unsigned long max;
};

static void memblock_make_empty(const struct memblock *mb, struct memblock_type *type)
{
	type->cnt = mb->empty_cnt;
	type->total_size = 0;
	type->regions[0] = (struct memblock_region){.nid = mb->no_nid};
}

void memblock_use_static(struct memblock *mb)
{
	mb->memory.regions = mb->memory_init;
	mb->reserved.regions = mb->reserved_init;
	mb->memory.max = QUARRY_MEMBLOCK_REGIONS;
	mb->reserved.max = QUARRY_MEMBLOCK_REGIONS;
	mb->memory_phys = 0;
	mb->reserved_phys = 0;
	mb->bound.longest = 0;
	memblock_make_empty(mb, &mb->memory);
	memblock_make_empty(mb, &mb->reserved);
}

void memblock_init(struct quarry *q)
{
	q->memblock = &q->memblock_own;
	*q->memblock = (struct memblock)QUARRY_MEMBLOCK_INIT(q->memblock_own);
}

#if !QUARRY_TINY

void quarry_memblock_use(struct quarry *q, struct memblock *mb)
{
	q->memblock = mb;
}

int quarry_memblock_set_empty_cnt(struct quarry *q, unsigned int cnt)
{
	struct memblock *mb = q->memblock;

	if (cnt > 1)
		return -QUARRY_EINVAL;
	mb->empty_cnt = (uint8_t)cnt;
	if (memblock_nr(&mb->memory) == 0)
		mb->memory.cnt = cnt;
	if (memblock_nr(&mb->reserved) == 0)
		mb->reserved.cnt = cnt;
	return 0;
}

#endif

struct memblock *quarry_memblock(struct quarry *q)
{
	return q->memblock;
}

static void memblock_trace(struct quarry *q, const char *what, phys_addr_t base, phys_addr_t size)
{
	if (likely(!memblock_debug(q->memblock)))
		return;
	quarry_log(q, QUARRY_LOG_DEBUG, "%s: [0x%016llx-0x%016llx]", what, (unsigned long long)base,
		   (unsigned long long)(base + memblock_cap_size(base, size) - 1));
}

/* Changing one array. There is room, nothing fails. */

static bool memblock_mergeable(const struct memblock_region *a, const struct memblock_region *b)
{
	return memblock_region_end(a) == b->base && a->nid == b->nid && a->flags == b->flags;
}

void memblock_merge_regions(struct quarry *q, struct memblock_type *type, unsigned long first,
			    unsigned long last)
{
	struct memblock_region *r = type->regions;
	unsigned long nr = memblock_nr(type), to = first, from;

	if (nr == 0 || first >= nr)
		return;
	last = quarry_min(last, nr - 1);
	for (from = first + 1; from <= last; from++) {
		if (unlikely(memblock_region_end(&r[to]) > r[from].base))
			quarry_report(q, "memblock: %s regions %lu and %lu overlap", type->name, to,
				      from);
		if (memblock_mergeable(&r[to], &r[from]))
			r[to].size += r[from].size;
		else
			r[++to] = r[from];
	}
	to++;
	quarry_memmove(&r[to], &r[last + 1], (nr - last - 1) * sizeof(*r));
	type->cnt = to + (nr - last - 1);
}

/* How many pieces of @range no region covers. @first: the first region that ends above its base. */
static unsigned long memblock_count_pieces(const struct memblock_type *type, unsigned long first,
					   const struct memblock_region *range, unsigned long *past)
{
	phys_addr_t pos = range->base, end = memblock_region_end(range);
	unsigned long nr = memblock_nr(type), pieces = 0, i;

	for (i = first; i < nr && type->regions[i].base < end; i++) {
		if (type->regions[i].base > pos)
			pieces++;
		pos = memblock_region_end(&type->regions[i]);
	}
	*past = i;
	return pieces + (pos < end);
}

/* Enters the uncovered pieces of @range, with its node and flags, from the back; then merges. */
static void memblock_insert_pieces(struct quarry *q, struct memblock_type *type,
				   const struct memblock_region *range)
{
	struct memblock_region *r = type->regions;
	unsigned long nr = memblock_nr(type), first, past, pieces, to, i;
	phys_addr_t top = memblock_region_end(range), bottom;

	first = memblock_lower_end(type, range->base);
	pieces = memblock_count_pieces(type, first, range, &past);
	if (pieces == 0)
		return;
	quarry_memmove(&r[past + pieces], &r[past], (nr - past) * sizeof(*r));
	to = past + pieces;
	for (i = past; top > range->base; i--) {
		bottom = i > first ? memblock_region_end(&r[i - 1]) : range->base;
		if (bottom < top) {
			r[--to] = (struct memblock_region){.base = bottom,
							   .size = top - bottom,
							   .flags = range->flags,
							   .nid = range->nid};
			type->total_size += top - bottom;
		}
		if (i == first)
			break;
		top = r[i - 1].base;
		r[--to] = r[i - 1];
	}
	type->cnt = nr + pieces;
	memblock_merge_regions(q, type, first != 0 ? first - 1 : 0, past + pieces);
}

/* Closes the array over the regions [start, end). */
static void memblock_remove_regions(const struct memblock *mb, struct memblock_type *type,
				    unsigned long start, unsigned long end)
{
	unsigned long i;

	if (start == end)
		return;
	for (i = start; i < end; i++)
		type->total_size -= type->regions[i].size;
	quarry_memmove(&type->regions[start], &type->regions[end],
		       (type->cnt - end) * sizeof(*type->regions));
	type->cnt -= end - start;
	if (type->cnt == 0)
		memblock_make_empty(mb, type);
}

/* Makes two regions of region @i; @addr lies inside it. */
static void memblock_split_region(struct memblock_type *type, unsigned long i, phys_addr_t addr)
{
	struct memblock_region *r = &type->regions[i];

	quarry_memmove(r + 1, r, (type->cnt - i) * sizeof(*r));
	type->cnt++;
	r[1].size = memblock_region_end(r) - addr;
	r[1].base = addr;
	r[0].size = addr - r[0].base;
}

/* How many regions an isolation of [base, end) would split off. */
static unsigned long memblock_count_splits(const struct memblock_type *type, phys_addr_t base,
					   phys_addr_t end)
{
	const struct memblock_region *low = memblock_search(type, base);
	const struct memblock_region *high = memblock_search(type, end);

	return (low != NULL && low->base < base) +
	       (unsigned long)(high != NULL && high->base < end);
}

/* Splits regions so that [base, end) is whole regions, [*first, *past); there is room for two. */
static void memblock_split_ends(struct memblock_type *type, phys_addr_t base, phys_addr_t end,
				unsigned long *first, unsigned long *past)
{
	unsigned long i = memblock_lower_end(type, base), j;

	if (i < memblock_nr(type) && type->regions[i].base < base)
		memblock_split_region(type, i++, base);
	j = memblock_lower_base(type, end);
	if (j > i && memblock_region_end(&type->regions[j - 1]) > end)
		memblock_split_region(type, j - 1, end);
	*first = i;
	*past = j;
}

static void memblock_cut_range(const struct memblock *mb, struct memblock_type *type,
			       phys_addr_t base, phys_addr_t end)
{
	unsigned long first, past;

	memblock_split_ends(type, base, end, &first, &past);
	memblock_remove_regions(mb, type, first, past);
}

/* Doubling an array. */

/* Chooses a place for @type's array at twice its size, outside @avoid; changes nothing. */
static int memblock_find_array(struct quarry *q, const struct memblock_type *type,
			       const struct memblock_region *avoid, struct memblock_array *out)
{
	struct memblock *mb = q->memblock;
	phys_addr_t bytes = memblock_array_bytes(type->max * 2);
	phys_addr_t limit = q->port.storage != NULL ? mb->current_limit
						    : quarry_min(mb->current_limit, MEMBLOCK_REACH);

	*out = (struct memblock_array){.max = type->max * 2};
	if (q->stage > QUARRY_STAGE_BOOT) {
		/* Free memory of the map is not ours any more. */
		if (mb->late_alloc != NULL && !q->no_access)
			out->regions = mb->late_alloc(q, (size_t)bytes, QUARRY_NO_NODE);
		return out->regions != NULL ? 0 : -QUARRY_ENOMEM;
	}
	out->phys = quarry_memblock_find_in_range(q, memblock_region_end(avoid), limit, bytes,
						  QUARRY_PAGE_SIZE);
	if (out->phys == 0 && avoid->size != 0 && avoid->base != 0)
		out->phys = quarry_memblock_find_in_range(q, 0, quarry_min(avoid->base, limit),
							  bytes, QUARRY_PAGE_SIZE);
	if (out->phys != 0 && boot_accept(q, out->phys, bytes))
		out->regions = quarry_storage(q, out->phys, (size_t)bytes);
	if (out->regions != NULL)
		return 0;
	quarry_log(q, QUARRY_LOG_ERR, "memblock: failed to double %s array from %lu to %lu entries",
		   type->name, type->max, type->max * 2);
	return -QUARRY_ENOMEM;
}

/* Moves @type into @to; reserved has room for what that changes in it. */
static void memblock_move_array(struct quarry *q, struct memblock_type *type,
				const struct memblock_array *to)
{
	struct memblock *mb = q->memblock;
	struct memblock_region *old = type->regions;
	bool old_static = memblock_is_static(mb, type);
	phys_addr_t old_start, old_end;
	bool old_managed = memblock_array_range(mb, type, &old_start, &old_end);
	struct memblock_region range = {
		.base = to->phys, .size = memblock_array_bytes(to->max), .nid = mb->no_nid};

	quarry_memcpy(to->regions, old, type->cnt * sizeof(*old));
	type->regions = to->regions;
	type->max = to->max;
	*memblock_type_phys(mb, type) = to->phys;
	if (memblock_debug(mb))
		quarry_log(q, QUARRY_LOG_DEBUG, "memblock: %s is doubled to %lu at [0x%llx-0x%llx]",
			   type->name, to->max, (unsigned long long)range.base,
			   (unsigned long long)(range.base + range.size - 1));
	/* After hand-off the old pages cannot be given back: they stay reserved. */
	if (old_managed && q->stage <= QUARRY_STAGE_BOOT) {
		memblock_cut_range(mb, &mb->reserved, old_start, old_end);
		memblock_bound_grow(q, old_start, old_end);
	}
	if (!old_managed && !old_static && mb->late_free != NULL)
		mb->late_free(q, old);
	if (to->phys != 0)
		memblock_insert_pieces(q, &mb->reserved, &range);
}

static int memblock_double_reserved(struct quarry *q, const struct memblock_region *avoid)
{
	struct memblock_array array;
	int err = memblock_find_array(q, &q->memblock->reserved, avoid, &array);

	if (err == 0)
		memblock_move_array(q, &q->memblock->reserved, &array);
	return err;
}

static int memblock_double_memory(struct quarry *q)
{
	struct memblock *mb = q->memblock;
	struct memblock_region nowhere = {.base = 0}, place;
	struct memblock_array array;
	unsigned long need = memblock_is_static(mb, &mb->memory) ? 1 : 2;
	int err = memblock_find_array(q, &mb->memory, &nowhere, &array);

	if (err)
		return err;
	place = (struct memblock_region){.base = array.phys,
					 .size = memblock_array_bytes(array.max)};
	if (array.phys != 0 && mb->reserved.cnt + need > mb->reserved.max)
		err = memblock_double_reserved(q, &place);
	if (err == 0)
		memblock_move_array(q, &mb->memory, &array);
	return err;
}

/* @avoid: what is about to be reserved; the new array must not lie there. */
static int memblock_double_array(struct quarry *q, struct memblock_type *type,
				 const struct memblock_region *avoid)
{
	if (QUARRY_TINY || !q->memblock->can_resize)
		return -QUARRY_ENOMEM;
	if (type == &q->memblock->reserved)
		return memblock_double_reserved(q, avoid);
	return memblock_double_memory(q);
}

/*
 * Room for @want more regions, doubling as Linux does even where a change turns out to need none;
 * if that cannot be had, @need will do.
 */
static int memblock_make_room(struct quarry *q, struct memblock_type *type, unsigned long want,
			      unsigned long need, const struct memblock_region *avoid)
{
	int err = 0;

	while (err == 0 && type->cnt + want > type->max)
		err = memblock_double_array(q, type, avoid);
	return type->cnt + need <= type->max ? 0 : err;
}

/* Changing the lists. */

/* Enters what no region covers; that keeps its node and flags. */
static int memblock_add_range(struct quarry *q, struct memblock_type *type,
			      struct memblock_region range)
{
	uint32_t allowed =
		type == &q->memblock->memory ? MEMBLOCK_ALL_FLAGS : MEMBLOCK_ALL_RSRV_FLAGS;
	unsigned long pieces, past;
	int err;

	if (!memblock_nid_ok(q->memblock, range.nid) || (range.flags & ~allowed) != 0)
		return -QUARRY_EINVAL;
	range.size = memblock_cap_size(range.base, range.size);
	if (range.size == 0)
		return 0;
	memblock_bound_open(q->memblock);
	for (;;) {
		pieces = memblock_count_pieces(type, memblock_lower_end(type, range.base), &range,
					       &past);
		if (memblock_nr(type) + pieces <= type->max)
			break;
		/* The new array is reserved too: count again. */
		err = memblock_double_array(q, type, &range);
		if (err)
			return err;
	}
	memblock_insert_pieces(q, type, &range);
	memblock_bound_close(q, range.base,
			     type == &q->memblock->memory ? memblock_region_end(&range) : 0);
	return 0;
}

int quarry_memblock_add_node(struct quarry *q, phys_addr_t base, phys_addr_t size, int nid,
			     uint32_t flags)
{
	struct memblock_region range = {.base = base, .size = size, .flags = flags, .nid = nid};
	int err;

	if (memblock_debug(q->memblock))
		quarry_log(q, QUARRY_LOG_DEBUG,
			   "memblock_add_node: [0x%016llx-0x%016llx] nid=%d flags=%x",
			   (unsigned long long)base,
			   (unsigned long long)(base + memblock_cap_size(base, size) - 1), nid,
			   flags);
	err = memblock_add_range(q, &q->memblock->memory, range);
	if (err == 0 && (flags & MEMBLOCK_MIRROR) != 0)
		q->memblock->has_mirror = true;
	return err;
}

int quarry_memblock_add(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	struct memblock_region range = {.base = base, .size = size, .nid = q->memblock->no_nid};

	memblock_trace(q, "memblock_add", base, size);
	return memblock_add_range(q, &q->memblock->memory, range);
}

int memblock_reserve_flags(struct quarry *q, phys_addr_t base, phys_addr_t size, int nid,
			   uint32_t flags)
{
	struct memblock_region range = {.base = base, .size = size, .flags = flags, .nid = nid};

	memblock_trace(q, "memblock_reserve", base, size);
	return memblock_add_range(q, &q->memblock->reserved, range);
}

#if !QUARRY_TINY

int quarry_memblock_reserve_node(struct quarry *q, phys_addr_t base, phys_addr_t size, int nid)
{
	return memblock_reserve_flags(q, base, size, nid, MEMBLOCK_NONE);
}

int quarry_memblock_reserve_kern(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_reserve_flags(q, base, size, q->memblock->no_nid, MEMBLOCK_RSRV_KERN);
}

int quarry_memblock_reserve_firmware(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_reserve_flags(q, base, size, q->memblock->no_nid, MEMBLOCK_RSRV_FIRMWARE);
}

#endif

int quarry_memblock_reserve(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_reserve_flags(q, base, size, q->memblock->no_nid, MEMBLOCK_NONE);
}

/* Makes [base, base + size) whole regions, [*first, *past). */
static int memblock_isolate_range(struct quarry *q, struct memblock_type *type, phys_addr_t base,
				  phys_addr_t size, unsigned long *first, unsigned long *past)
{
	struct memblock_region range = {.base = base, .size = memblock_cap_size(base, size)};
	phys_addr_t end = memblock_region_end(&range);
	int err;

	*first = *past = 0;
	memblock_bound_open(q->memblock);
	if (range.size == 0)
		return 0;
	err = memblock_make_room(q, type, 2, memblock_count_splits(type, base, end), &range);
	if (err)
		return err;
	memblock_split_ends(type, base, end, first, past);
	return 0;
}

static int memblock_remove_range(struct quarry *q, struct memblock_type *type, phys_addr_t base,
				 phys_addr_t size)
{
	unsigned long first, past;
	int err = memblock_isolate_range(q, type, base, size, &first, &past);

	if (err != 0)
		return err;
	memblock_remove_regions(q->memblock, type, first, past);
	memblock_bound_close(
		q, base, type == &q->memblock->reserved ? base + memblock_cap_size(base, size) : 0);
	return 0;
}

int quarry_memblock_remove(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	memblock_trace(q, "memblock_remove", base, size);
	return memblock_remove_range(q, &q->memblock->memory, base, size);
}

/* Whether one of memblock's own arrays meets [base, end). */
static bool memblock_holds_array(struct memblock *mb, phys_addr_t base, phys_addr_t end)
{
	phys_addr_t a, b;

	if (memblock_array_range(mb, &mb->memory, &a, &b) && a < end && base < b)
		return true;
	return memblock_array_range(mb, &mb->reserved, &a, &b) && a < end && base < b;
}

int quarry_memblock_phys_free(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	memblock_trace(q, "memblock_phys_free", base, size);
	if (memblock_holds_array(q->memblock, base, base + memblock_cap_size(base, size))) {
		quarry_report(q, "memblock: free of [0x%llx-0x%llx], where its own array lies",
			      (unsigned long long)base,
			      (unsigned long long)(base + memblock_cap_size(base, size) - 1));
		return -QUARRY_EBUSY;
	}
	return memblock_remove_range(q, &q->memblock->reserved, base, size);
}

int quarry_memblock_free(struct quarry *q, void *ptr, size_t size)
{
	if (ptr == NULL)
		return 0;
	return quarry_memblock_phys_free(q, quarry_virt_to_phys(q, ptr), size);
}

#if !QUARRY_TINY

int quarry_memblock_set_node(struct quarry *q, phys_addr_t base, phys_addr_t size,
			     struct memblock_type *type, int nid)
{
	unsigned long first, past, i;
	int err;

	if ((type != &q->memblock->memory && type != &q->memblock->reserved) ||
	    !memblock_nid_ok(q->memblock, nid))
		return -QUARRY_EINVAL;
	err = memblock_isolate_range(q, type, base, size, &first, &past);
	if (err)
		return err;
	for (i = first; i < past; i++)
		type->regions[i].nid = nid;
	memblock_merge_regions(q, type, first != 0 ? first - 1 : 0, past);
	memblock_bound_close(q, base, base + memblock_cap_size(base, size));
	return 0;
}

/* Sets the bits of @set and clears those of @clear. */
static int memblock_setclr_type(struct quarry *q, struct memblock_type *type, phys_addr_t base,
				phys_addr_t size, uint32_t set, uint32_t clear)
{
	unsigned long first, past, i;
	int err = memblock_isolate_range(q, type, base, size, &first, &past);

	if (err)
		return err;
	for (i = first; i < past; i++)
		type->regions[i].flags = (type->regions[i].flags | set) & ~clear;
	memblock_merge_regions(q, type, first != 0 ? first - 1 : 0, past);
	memblock_bound_close(q, base, base + memblock_cap_size(base, size));
	return 0;
}

static int memblock_setclr_flag(struct quarry *q, phys_addr_t base, phys_addr_t size, uint32_t set,
				uint32_t clear)
{
	return memblock_setclr_type(q, &q->memblock->memory, base, size, set, clear);
}

int quarry_memblock_mark_hotplug(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(q, base, size, MEMBLOCK_HOTPLUG, 0);
}

int quarry_memblock_clear_hotplug(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(q, base, size, 0, MEMBLOCK_HOTPLUG);
}

int quarry_memblock_mark_mirror(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	int err = memblock_setclr_flag(q, base, size, MEMBLOCK_MIRROR, 0);

	if (err == 0)
		q->memblock->has_mirror = true;
	return err;
}

int quarry_memblock_mark_nomap(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(q, base, size, MEMBLOCK_NOMAP, 0);
}

int quarry_memblock_clear_nomap(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(q, base, size, 0, MEMBLOCK_NOMAP);
}

int quarry_memblock_mark_kho_scratch(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(q, base, size, MEMBLOCK_KHO_SCRATCH, 0);
}

int quarry_memblock_clear_kho_scratch(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_flag(q, base, size, 0, MEMBLOCK_KHO_SCRATCH);
}

int quarry_memblock_reserved_mark_noinit(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	return memblock_setclr_type(q, &q->memblock->reserved, base, size, MEMBLOCK_RSRV_NOINIT, 0);
}

/* Limits. */

/* Where memory ends if only the lowest @limit bytes of it stay; MEMBLOCK_ADDR_MAX if all do. */
static phys_addr_t memblock_find_max_addr(const struct memblock *mb, phys_addr_t limit)
{
	unsigned long i;

	for (i = 0; i < memblock_nr(&mb->memory); i++) {
		const struct memblock_region *r = &mb->memory.regions[i];

		if (limit <= r->size)
			return r->base + limit;
		limit -= r->size;
	}
	return MEMBLOCK_ADDR_MAX;
}

/* Drops reservations in [start, end), but for memblock's own arrays. There is room. */
static void memblock_cut_reserved(struct memblock *mb, phys_addr_t start, phys_addr_t end)
{
	phys_addr_t a[2], b[2], stop, next;
	unsigned int i;

	if (!memblock_array_range(mb, &mb->memory, &a[0], &b[0]))
		a[0] = b[0] = MEMBLOCK_ADDR_MAX;
	if (!memblock_array_range(mb, &mb->reserved, &a[1], &b[1]))
		a[1] = b[1] = MEMBLOCK_ADDR_MAX;
	while (start < end) {
		stop = end;
		next = end;
		for (i = 0; i < 2; i++) {
			if (b[i] > start && a[i] < stop) {
				stop = quarry_max(a[i], start);
				next = b[i];
			}
		}
		if (start < stop)
			memblock_cut_range(mb, &mb->reserved, start, stop);
		start = next;
	}
}

/* Room to cut both lists at two addresses, before either is changed. */
static int memblock_room_to_cut(struct quarry *q)
{
	struct memblock *mb = q->memblock;
	struct memblock_region nowhere = {.base = 0};
	int err = memblock_make_room(q, &mb->memory, 2, 2, &nowhere);

	mb->bound.longest = 0;
	if (err)
		return err;
	/* An array left standing inside a cut costs a region more. */
	if (memblock_is_static(mb, &mb->memory) && memblock_is_static(mb, &mb->reserved))
		return memblock_make_room(q, &mb->reserved, 2, 2, &nowhere);
	return memblock_make_room(q, &mb->reserved, 6, 6, &nowhere);
}

int quarry_memblock_enforce_memory_limit(struct quarry *q, phys_addr_t limit)
{
	phys_addr_t max_addr = memblock_find_max_addr(q->memblock, limit);
	int err;

	if (limit == 0 || max_addr == MEMBLOCK_ADDR_MAX)
		return 0;
	err = memblock_room_to_cut(q);
	if (err)
		return err;
	memblock_cut_range(q->memblock, &q->memblock->memory, max_addr, MEMBLOCK_ADDR_MAX);
	memblock_cut_reserved(q->memblock, max_addr, MEMBLOCK_ADDR_MAX);
	return 0;
}

int quarry_memblock_cap_memory_range(struct quarry *q, phys_addr_t base, phys_addr_t size)
{
	struct memblock_type *type = &q->memblock->memory;
	unsigned long first, past, i, to = 0;
	phys_addr_t end = base + memblock_cap_size(base, size);
	int err;

	if (base == end)
		return 0;
	if (memblock_nr(type) == 0) {
		quarry_log(q, QUARRY_LOG_WARN, "memblock: no memory registered yet");
		return 0;
	}
	err = memblock_room_to_cut(q);
	if (err)
		return err;
	memblock_split_ends(type, base, end, &first, &past);
	for (i = 0; i < type->cnt; i++) {
		if ((i >= first && i < past) || (type->regions[i].flags & MEMBLOCK_NOMAP) != 0)
			type->regions[to++] = type->regions[i];
		else
			type->total_size -= type->regions[i].size;
	}
	type->cnt = to;
	if (to == 0)
		memblock_make_empty(q->memblock, type);
	/* A NOMAP region that the bounds split is one again. */
	memblock_merge_regions(q, type, 0, to);
	memblock_cut_reserved(q->memblock, 0, base);
	memblock_cut_reserved(q->memblock, end, MEMBLOCK_ADDR_MAX);
	return 0;
}

int quarry_memblock_mem_limit_remove_map(struct quarry *q, phys_addr_t limit)
{
	phys_addr_t max_addr = memblock_find_max_addr(q->memblock, limit);

	if (limit == 0 || max_addr == MEMBLOCK_ADDR_MAX)
		return 0;
	return quarry_memblock_cap_memory_range(q, 0, max_addr);
}

int quarry_memblock_trim_memory(struct quarry *q, phys_addr_t align)
{
	struct memblock_type *type = &q->memblock->memory;
	unsigned long nr = memblock_nr(type), to = 0, i;

	if (!bits_is_power_of_2(align))
		return -QUARRY_EINVAL;
	q->memblock->bound.longest = 0;
	type->total_size = 0;
	for (i = 0; i < nr; i++) {
		struct memblock_region r = type->regions[i];
		phys_addr_t end = bits_align_down(memblock_region_end(&r), align), start;

		if (quarry_add_overflows(r.base, align - 1, &start))
			continue;
		start = bits_align_down(start, align);
		if (start >= end)
			continue;
		r.base = start;
		r.size = end - start;
		type->total_size += r.size;
		type->regions[to++] = r;
	}
	type->cnt = to;
	if (to == 0)
		memblock_make_empty(q->memblock, type);
	return 0;
}

#endif
