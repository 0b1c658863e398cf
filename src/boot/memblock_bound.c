/* SPDX-License-Identifier: MIT */
/*
 * A bound on the longest free run, so that a request that cannot be met need not look at every gap.
 *
 * Invariant  While the lists are as memblock_bound noted them, no run of free memory that an ordinary
 *            request may take is longer than bound.longest. "Ordinary" is without a wish for NOMAP or
 *            DRIVER_MANAGED memory; wishes for a node, a limit, mirrored or scratch memory only make
 *            fewer runs fit.
 *
 * Life       A search over all of ordinary memory that finds nothing has seen the longest run, and
 *            notes it. What takes memory away leaves the bound true; what gives some is followed by a
 *            look at the runs there. A caller who writes to the lists by hand, as Linux's may, changes
 *            what is noted of them; the bound is then forgotten.
 */
#include <quarry/memblock.h>

#include <base/bits.h>
#include <base/quarry_state.h>

#include <boot/internal.h>

#define MEMBLOCK_BOUND_FLAGS (MEMBLOCK_HOTPLUG | MEMBLOCK_NOMAP | MEMBLOCK_DRIVER_MANAGED)

static bool memblock_bound_holds(const struct memblock *mb)
{
	const struct memblock_bound *b = &mb->bound;

	return b->longest != 0 && b->cnt[0] == mb->memory.cnt && b->cnt[1] == mb->reserved.cnt &&
	       b->total[0] == mb->memory.total_size && b->total[1] == mb->reserved.total_size &&
	       b->use_hotplug == mb->use_hotplug;
}

static void memblock_bound_note(struct memblock *mb, phys_addr_t longest)
{
	mb->bound = (struct memblock_bound){
		.longest = longest,
		.cnt = {mb->memory.cnt, mb->reserved.cnt},
		.total = {mb->memory.total_size, mb->reserved.total_size},
		.use_hotplug = mb->use_hotplug,
	};
}

bool memblock_bound_forbids(const struct memblock *mb, phys_addr_t size, uint32_t flags)
{
	return size > mb->bound.longest && (flags & MEMBLOCK_BOUND_FLAGS) == 0 &&
	       memblock_bound_holds(mb);
}

void memblock_bound_learn(struct memblock *mb, phys_addr_t longest)
{
	memblock_bound_note(mb, longest);
}

void memblock_bound_open(struct memblock *mb)
{
	if (!memblock_bound_holds(mb))
		mb->bound.longest = 0;
}

void memblock_bound_grow(struct quarry *q, phys_addr_t base, phys_addr_t end)
{
	struct memblock *mb = q->memblock;
	uint64_t i = (uint64_t)(uint32_t)memblock_lower_end(&mb->memory, base) |
		     (uint64_t)memblock_lower_base(&mb->reserved, base) << 32;
	phys_addr_t from, to;

	while (mb->bound.longest != 0 &&
	       quarry_memblock_next_range(q, &i, QUARRY_NO_NODE, MEMBLOCK_BOUND_FLAGS, &mb->memory,
					  &mb->reserved, &from, &to, NULL)) {
		if (from >= end)
			break;
		mb->bound.longest = quarry_max(mb->bound.longest, to - from);
	}
}

void memblock_bound_close(struct quarry *q, phys_addr_t base, phys_addr_t end)
{
	if (q->memblock->bound.longest == 0)
		return;
	if (base < end)
		memblock_bound_grow(q, base, end);
	memblock_bound_note(q->memblock, q->memblock->bound.longest);
}
