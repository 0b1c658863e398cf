/* SPDX-License-Identifier: MIT */
/* The validators of memblock and bootmem: everything their theory calls an invariant, walked. */
#include <quarry/debug.h>

#include <base/bits.h>
#include <base/format.h>
#include <base/quarry_state.h>

#include <boot/internal.h>

#if QUARRY_VALIDATORS

/* Counts a fault; the first is told. */
#define BOOT_FAULT(faults, out, ...)                           \
	do {                                                   \
		if ((faults)++ == 0)                           \
			quarry_out_printf((out), __VA_ARGS__); \
	} while (0)

static unsigned int memblock_check_region(const struct memblock *mb,
					  const struct memblock_type *type, unsigned long i,
					  uint32_t allowed, const struct quarry_out *out)
{
	const struct memblock_region *r = &type->regions[i];
	unsigned int faults = 0;

	if (r->size == 0 || r->size > MEMBLOCK_ADDR_MAX - r->base)
		BOOT_FAULT(faults, out, "memblock: %s[%lu] is empty or wraps\n", type->name, i);
	if (!memblock_nid_ok(mb, r->nid) || (r->flags & ~allowed) != 0)
		BOOT_FAULT(faults, out, "memblock: %s[%lu] has node %d, flags 0x%x\n", type->name,
			   i, (int)r->nid, r->flags);
	if (i == 0)
		return faults;
	if (memblock_region_end(r - 1) > r->base)
		BOOT_FAULT(faults, out, "memblock: %s[%lu] is not above the one before\n",
			   type->name, i);
	if (memblock_region_end(r - 1) == r->base && r[-1].nid == r->nid && r[-1].flags == r->flags)
		BOOT_FAULT(faults, out, "memblock: %s[%lu] is not merged\n", type->name, i);
	return faults;
}

static unsigned int memblock_check_type(struct quarry *q, const struct memblock_type *type,
					const struct quarry_out *out)
{
	uint32_t allowed =
		type == &q->memblock->memory ? MEMBLOCK_ALL_FLAGS : MEMBLOCK_ALL_RSRV_FLAGS;
	phys_addr_t total = 0, start, end;
	unsigned int faults = 0;
	unsigned long i;

	if (type->cnt > type->max) {
		BOOT_FAULT(faults, out, "memblock: %s has %lu regions of %lu\n", type->name,
			   type->cnt, type->max);
		return faults;
	}
	for (i = 0; i < memblock_nr(type); i++) {
		unsigned int n = memblock_check_region(q->memblock, type, i, allowed,
						       faults == 0 ? out : NULL);

		faults += n;
		total += type->regions[i].size;
		if ((type->regions[i].flags & MEMBLOCK_MIRROR) != 0 && !q->memblock->has_mirror)
			BOOT_FAULT(faults, out, "memblock: mirror flag at %s[%lu] not known\n",
				   type->name, i);
	}
	if (total != type->total_size)
		BOOT_FAULT(faults, out, "memblock: %s total is 0x%llx, not 0x%llx\n", type->name,
			   (unsigned long long)type->total_size, (unsigned long long)total);
	if (memblock_nr(type) == 0 && type->cnt != q->memblock->empty_cnt)
		BOOT_FAULT(faults, out, "memblock: empty %s has %lu regions\n", type->name,
			   type->cnt);
	if (memblock_array_range(q->memblock, type, &start, &end) &&
	    !quarry_memblock_is_reserved(q, start))
		BOOT_FAULT(faults, out, "memblock: array of %s at 0x%llx is not reserved\n",
			   type->name, (unsigned long long)start);
	return faults;
}

/* No run that an ordinary request may take is longer than the bound says. */
static unsigned int memblock_check_bound(struct quarry *q, const struct quarry_out *out)
{
	const struct memblock *mb = q->memblock;
	phys_addr_t start, end;
	unsigned int faults = 0;
	uint64_t i;

	quarry_for_each_free_mem_range(q, i, QUARRY_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL)
	{
		if (memblock_bound_forbids(mb, end - start, MEMBLOCK_NONE))
			BOOT_FAULT(faults, out,
				   "memblock: free run at 0x%llx is beyond the bound\n",
				   (unsigned long long)start);
	}
	return faults;
}

unsigned int quarry_check_memblock(struct quarry *q, const struct quarry_out *out)
{
	unsigned int faults = memblock_check_type(q, &q->memblock->memory, out);

	faults += memblock_check_type(q, &q->memblock->reserved, faults == 0 ? out : NULL);
	/* Lists that are damaged are not walked. */
	return faults != 0 ? faults : memblock_check_bound(q, out);
}

#if !QUARRY_TINY

/* The bitmap of an open node against its hint, last end and padding. */
static unsigned int bootmem_check_map(struct quarry *q, const bootmem_data_t *b, int nid,
				      const struct quarry_out *out)
{
	pfn_t pages = b->node_low_pfn - b->node_min_pfn, last;
	unsigned int faults = 0;

	last = bits_pfn_down(b->last_end_off);
	if (b->hint_idx > pages)
		BOOT_FAULT(faults, out, "bootmem: node %d has hint %llu of %llu pages\n", nid,
			   (unsigned long long)b->hint_idx, (unsigned long long)pages);
	if (b->last_end_off > pages << QUARRY_PAGE_SHIFT)
		BOOT_FAULT(faults, out, "bootmem: node %d has its last end outside\n", nid);
	else if ((b->last_end_off & (QUARRY_PAGE_SIZE - 1)) != 0 &&
		 bootmem_next_bit(q, b, last, last + 1, true) != last)
		BOOT_FAULT(faults, out, "bootmem: node %d has its last end in a free page\n", nid);
	for (pfn_t i = bootmem_free_padding(q, b); i > 0; i--)
		BOOT_FAULT(faults, out, "bootmem: node %d has a free page past its end\n", nid);
	return faults;
}

/* The node that @link is in; -1: in none. */
static int bootmem_check_nid(const struct bootmem *bm, const struct list_head *link)
{
	for (int nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		if (link == &bm->bootmem_node_data[nid].list)
			return nid;
	}
	return -1;
}

unsigned int quarry_check_bootmem(struct quarry *q, const struct quarry_out *out)
{
	const struct bootmem *bm = &q->bootmem;
	const struct list_head *prev = bm->bdata_list, *link = prev->next;
	unsigned int faults = 0, linked = 0;
	pfn_t end = 0;
	int nid;

	for (; link != bm->bdata_list && linked < QUARRY_MAX_NODES;
	     prev = link, link = link->next) {
		const bootmem_data_t *b;

		nid = bootmem_check_nid(bm, link);
		if (nid < 0)
			break;
		linked++;
		b = &bm->bootmem_node_data[nid];
		if (link->prev != prev)
			BOOT_FAULT(faults, out, "bootmem: node %d has a wrong prev\n", nid);
		if (b->node_min_pfn >= b->node_low_pfn)
			BOOT_FAULT(faults, out, "bootmem: node %d is empty\n", nid);
		else if (b->node_bootmem_map != NULL)
			faults += bootmem_check_map(q, b, nid, faults == 0 ? out : NULL);
		if (end > b->node_min_pfn)
			BOOT_FAULT(faults, out, "bootmem: node %d is not above the one before\n",
				   nid);
		end = b->node_low_pfn;
	}
	if (link != bm->bdata_list || link->prev != prev)
		BOOT_FAULT(faults, out, "bootmem: the list of nodes does not end\n");
	for (nid = 0; nid < QUARRY_MAX_NODES; nid++) {
		if (bm->bootmem_node_data[nid].node_low_pfn != 0)
			linked--;
	}
	if (linked != 0)
		BOOT_FAULT(faults, out, "bootmem: a node is not on the list\n");
	return faults;
}

#endif

#endif
