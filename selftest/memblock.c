/* SPDX-License-Identifier: MIT */
/* Rows M1 to M14: memblock, on machines in the scratch memory that are not booted yet. */
#include "internal.h"

#define KIB SELFTEST_KIB
#define MIB SELFTEST_MIB
#define GIB SELFTEST_GIB

static const struct selftest_spec memblock_empty = {.simulated = !QUARRY_TINY};
static const struct selftest_spec memblock_2m = {.memory = {{0, 2 * MIB, 0}}};
static const struct selftest_spec memblock_512 = {.memory = {{0, 2 * SELFTEST_M, 0}}};

static const struct selftest_spec memblock_8g = {
	.memory = {{1 * MIB, 1023 * MIB, 0}, {4 * GIB, 4 * GIB, 1}},
	.simulated = true,
};

static void memblock_lists_at_start(struct selftest_run *t)
{
	const struct memblock *mb;

	if (!selftest_machine(t, &memblock_empty))
		return;
	mb = quarry_memblock(t->m.q);
	IS(mb->memory.cnt, QUARRY_MEMBLOCK_EMPTY_CNT);
	IS(mb->memory.max, QUARRY_MEMBLOCK_REGIONS);
	IS(mb->memory.total_size, 0);
	IS(mb->memory.regions[0].size, 0);
	IS(mb->reserved.max, QUARRY_MEMBLOCK_REGIONS);
	IS(mb->current_limit, MEMBLOCK_ALLOC_ANYWHERE);
	OK(!mb->bottom_up);
	IS(quarry_memblock_add(t->m.q, 1 * MIB, 3 * MIB), 0);
	IS(mb->memory.cnt, 1);
	IS(mb->memory.total_size, 3 * MIB);
}

static void memblock_nodes_and_flags(struct selftest_run *t)
{
	const struct memblock_region *r;

	if (!selftest_machine(t, &memblock_empty))
		return;
	IS(quarry_memblock_add_node(t->m.q, 1 * MIB, 1 * MIB, 3, MEMBLOCK_HOTPLUG), 0);
	r = quarry_memblock(t->m.q)->memory.regions;
	IS(r->base, 1 * MIB);
	IS(r->size, 1 * MIB);
	IS(r->nid, 3);
	IS(r->flags, MEMBLOCK_HOTPLUG);
}

static void memblock_adds_and_merges(struct selftest_run *t)
{
	const struct memblock_type *memory;

	if (!selftest_machine(t, &memblock_empty))
		return;
	memory = &quarry_memblock(t->m.q)->memory;
	IS(quarry_memblock_add_node(t->m.q, 2 * MIB, 2 * MIB, 0, MEMBLOCK_NONE), 0);
	IS(quarry_memblock_add_node(t->m.q, 4 * MIB, 2 * MIB, 0, MEMBLOCK_NONE), 0);
	IS(memory->cnt, 1); /* they touch and are alike */
	IS(quarry_memblock_add_node(t->m.q, 6 * MIB, 2 * MIB, 1, MEMBLOCK_NONE), 0);
	IS(memory->cnt, 2); /* another node */
	IS(quarry_memblock_add_node(t->m.q, 8 * MIB, 2 * MIB, 1, MEMBLOCK_MIRROR), 0);
	IS(memory->cnt, 3); /* other flags */
	/* Only what is not covered comes in, and what is keeps its node. */
	IS(quarry_memblock_add_node(t->m.q, 1 * MIB, 6 * MIB, 1, MEMBLOCK_NONE), 0);
	IS(memory->regions[0].base, 1 * MIB);
	IS(memory->regions[0].nid, 1);
	IS(memory->regions[1].base, 2 * MIB);
	IS(memory->regions[1].nid, 0);
	IS(memory->total_size, 9 * MIB);
	IS(quarry_memblock_add(t->m.q, 32 * MIB, 0), 0); /* nothing */
	IS(memory->total_size, 9 * MIB);
	IS(quarry_check_memblock(t->m.q, NULL), 0);
}

#if !QUARRY_TINY

static void memblock_array_doubles(struct selftest_run *t)
{
	const struct memblock_type *reserved;
	struct quarry *q;
	phys_addr_t at = 4 * KIB;

	if (!selftest_machine(t, &memblock_2m))
		return;
	q = t->m.q;
	reserved = &quarry_memblock(q)->reserved;
	while (reserved->cnt < QUARRY_MEMBLOCK_REGIONS - 1) {
		IS(quarry_memblock_reserve(q, at, 4 * KIB), 0);
		at += 8 * KIB;
	}
	while (quarry_memblock_reserve(q, at, 4 * KIB) == 0) {
		at += 8 * KIB;
		OK(at < 2 * MIB);
	}
	IS(reserved->max, QUARRY_MEMBLOCK_REGIONS); /* not allowed yet: refused */
	IS(quarry_check_memblock(q, NULL), 0);
	quarry_memblock_allow_resize(q);
	IS(quarry_memblock_reserve(q, at, 4 * KIB), 0);
	IS(reserved->max, 2 * QUARRY_MEMBLOCK_REGIONS);
	/* The new array lies in the memory, and is reserved itself. */
	OK(quarry_memblock_is_reserved(q, quarry_physical(q, reserved->regions)));
	IS(quarry_check_memblock(q, NULL), 0);
}

static void memblock_marks_isolate(struct selftest_run *t)
{
	const struct memblock_type *memory;

	if (!selftest_machine(t, &memblock_2m))
		return;
	memory = &quarry_memblock(t->m.q)->memory;
	IS(quarry_memblock_mark_hotplug(t->m.q, 512 * KIB, 1 * MIB), 0);
	IS(memory->cnt, 3);
	IS(memory->regions[1].base, 512 * KIB);
	IS(memory->regions[1].size, 1 * MIB);
	IS(memory->regions[1].flags, MEMBLOCK_HOTPLUG);
	IS(quarry_memblock_clear_hotplug(t->m.q, 0, 2 * MIB), 0);
	IS(memory->cnt, 1);
	IS(quarry_memblock_set_node(t->m.q, 0, 1 * MIB, &quarry_memblock(t->m.q)->memory, 2), 0);
	IS(memory->cnt, 2);
	IS(memory->regions[0].nid, 2);
}

#endif

static void memblock_removes(struct selftest_run *t)
{
	const struct memblock_type *memory;

	if (!selftest_machine(t, &memblock_2m))
		return;
	memory = &quarry_memblock(t->m.q)->memory;
	IS(quarry_memblock_remove(t->m.q, 512 * KIB, 256 * KIB), 0);
	IS(memory->cnt, 2);
	IS(memory->total_size, 2 * MIB - 256 * KIB);
	IS(quarry_memblock_remove(t->m.q, 16 * MIB, 1 * MIB), 0); /* is not there */
	IS(memory->cnt, 2);
	IS(quarry_memblock_remove(t->m.q, 0, 4 * MIB), 0);
	IS(memory->cnt, QUARRY_MEMBLOCK_EMPTY_CNT);
	IS(memory->total_size, 0);
	IS(memory->regions[0].size, 0);
}

static void memblock_finds(struct selftest_run *t)
{
	struct quarry *q;

	if (!selftest_machine(t, &memblock_8g))
		return;
	q = t->m.q;
	IS(quarry_memblock_find_in_range(q, 0, 0, 1 * MIB, 4 * KIB), 8 * GIB - 1 * MIB);
	IS(quarry_memblock_find_in_range(q, 0, 1 * GIB, 1 * MIB, 64 * MIB), 960 * MIB);
	IS(quarry_memblock_reserve(q, 960 * MIB, 4 * KIB), 0);
	IS(quarry_memblock_find_in_range(q, 0, 1 * GIB, 1 * MIB, 64 * MIB), 896 * MIB);
	quarry_memblock_set_bottom_up(q, true);
	IS(quarry_memblock_find_in_range(q, 0, 0, 1 * MIB, 4 * KIB), 1 * MIB);
	IS(quarry_memblock_find_in_range_node(q, 1 * MIB, 4 * KIB, 0, 0, 1, MEMBLOCK_NONE),
	   4 * GIB);
	IS(quarry_memblock_find_in_range(q, 0, 0, 5 * GIB, 4 * KIB), 0);
	/* Never the first page: 0 means failure. */
	IS(quarry_memblock_add(q, 0, 1 * MIB), 0);
	IS(quarry_memblock_find_in_range(q, 0, 0, 1 * KIB, 1 * KIB), SELFTEST_PAGE);
}

static void memblock_reserves_and_frees(struct selftest_run *t)
{
	struct quarry *q;

	if (!selftest_machine(t, &memblock_2m))
		return;
	q = t->m.q;
	IS(quarry_memblock_reserve(q, 3 * GIB, 1 * MIB), 0); /* no memory, but reserved */
	OK(quarry_memblock_is_reserved(q, 3 * GIB));
	IS(quarry_memblock_reserve(q, 1 * MIB, 8 * KIB), 0);
	IS(quarry_memblock_reserved_size(q), 1 * MIB + 8 * KIB);
	IS(quarry_memblock_phys_free(q, 1 * MIB, 4 * KIB), 0);
	OK(!quarry_memblock_is_reserved(q, 1 * MIB));
	OK(quarry_memblock_is_reserved(q, 1 * MIB + 4 * KIB));
	IS(quarry_memblock_reserved_size(q), 1 * MIB + 4 * KIB);
}

static void memblock_iterates(struct selftest_run *t)
{
	phys_addr_t start, end, up = 0, down = 0;
	unsigned int n = 0;
	uint64_t i;
	struct quarry *q;

	if (!selftest_machine(t, &memblock_8g))
		return;
	q = t->m.q;
	IS(quarry_memblock_reserve(q, 16 * MIB, 1 * MIB), 0);
	IS(quarry_memblock_reserve(q, 5 * GIB, 1 * GIB), 0);
	quarry_for_each_free_mem_range(q, i, QUARRY_NO_NODE, MEMBLOCK_NONE, &start, &end, NULL)
	{
		OK(start < end && !quarry_memblock_is_region_reserved(q, start, end - start));
		up += end - start;
		n++;
	}
	IS(n, 4);
	quarry_for_each_free_mem_range_reverse(q, i, QUARRY_NO_NODE, MEMBLOCK_NONE, &start, &end,
					       NULL) down += end - start;
	IS(up, 1023 * MIB + 4 * GIB - 1 * MIB - 1 * GIB);
	IS(down, up);
	n = 0;
	quarry_for_each_reserved_mem_range(q, i, &start, &end) n++;
	IS(n, 2);
}

static void memblock_allocates(struct selftest_run *t)
{
	struct quarry *q;
	void *p;

	if (!selftest_machine(t, &memblock_2m))
		return;
	q = t->m.q;
	selftest_set(quarry_address(q, 2 * MIB - 64 * KIB), 0xa5, 64 << 10);
	p = quarry_memblock_alloc(q, 100, 64);
	OK(p != NULL && selftest_all(p, 0, 100));
	IS(quarry_physical(q, p), 2 * MIB - 128);
	p = quarry_memblock_alloc_raw(q, 64, 64);
	OK(p != NULL && selftest_all(p, 0xa5, 64));
	/* Nothing above the lowest address wished for: below it, then. */
	p = quarry_memblock_alloc_from(q, 4 * KIB, 4 * KIB, 1 * GIB);
	OK(p != NULL && quarry_physical(q, p) < 2 * MIB);
	OK(quarry_memblock_alloc_node(q, 64, 64, 7) != NULL); /* another node will do */
	OK(quarry_memblock_alloc_exact_nid_raw(q, 64, 64, 0, MEMBLOCK_ALLOC_ACCESSIBLE, 7) == NULL);
	OK(quarry_memblock_alloc(q, 4 * MIB, 64) == NULL);
	IS(quarry_memblock_phys_alloc(q, 64, 4 * MIB), 0);
	IS(quarry_memblock_phys_alloc_range(q, SELFTEST_PAGE, SELFTEST_PAGE, 0, 2 * SELFTEST_PAGE),
	   SELFTEST_PAGE);
}

#if !QUARRY_TINY

static void memblock_give(struct quarry *q, pfn_t start, pfn_t end, void *arg)
{
	(void)q;
	*(unsigned long *)arg += (unsigned long)(end - start);
}

static void memblock_hand_off(struct selftest_run *t)
{
	unsigned long pages = 0;

	if (!selftest_machine(t, &memblock_8g))
		return;
	/* Partial pages stay. */
	IS(quarry_memblock_reserve(t->m.q, 2 * MIB + 1, 1 * MIB), 0);
	IS(quarry_memblock_mark_nomap(t->m.q, 4 * GIB, 1 * GIB), 0);
	IS(quarry_memblock_free_all(t->m.q, memblock_give, &pages),
	   (1023 * MIB - 1 * MIB - SELFTEST_PAGE + 3 * GIB) >> QUARRY_PAGE_SHIFT);
	IS(pages, (1023 * MIB - 1 * MIB - SELFTEST_PAGE + 3 * GIB) >> QUARRY_PAGE_SHIFT);
}

static void memblock_boots(struct selftest_run *t)
{
	struct quarry_boot_params params = {.nr_cpus = t->env->cpu + 1, .no_grouping = true};
	unsigned long nr_free[QUARRY_NR_ORDERS], large = 0;
	struct quarry_totals totals;
	struct quarry *q;

	if (!selftest_machine(t, &memblock_512))
		return;
	q = t->m.q;
	IS(quarry_memblock_reserve(q, SELFTEST_M, 16 * SELFTEST_PAGE), 0);
	IS(quarry_boot(q, &params), 0);
	selftest_quiesce(q);
	quarry_totals(q, &totals);
	selftest_blocks(q, nr_free);
	IS(totals.present, 512);
	for (unsigned int o = 7; o < QUARRY_NR_ORDERS; o++)
		large += nr_free[o];
	OK(totals.managed < 512 - 16 && large > 0);
	IS(quarry_pfn_state(q, 256, NULL), QUARRY_PAGE_RESERVED);
	IS(quarry_free_reserved(q, 256, 272), 16); /* later, after all */
	IS(quarry_pfn_state(q, 256, NULL), QUARRY_PAGE_FREE);
}

static void memblock_limits(struct selftest_run *t)
{
	struct quarry *q;

	if (!selftest_machine(t, &memblock_8g))
		return;
	q = t->m.q;
	IS(quarry_memblock_start_of_DRAM(q), 1 * MIB);
	IS(quarry_memblock_end_of_DRAM(q), 8 * GIB);
	OK(quarry_memblock_is_memory(q, 4 * GIB) && !quarry_memblock_is_memory(q, 4 * GIB - 1));
	IS(quarry_memblock_enforce_memory_limit(q, 2 * GIB), 0);
	IS(quarry_memblock_phys_mem_size(q), 2 * GIB);
	IS(quarry_memblock_end_of_DRAM(q), 5 * GIB + 1 * MIB);
	IS(quarry_memblock_cap_memory_range(q, 0, 512 * MIB + 1 * KIB), 0);
	IS(quarry_memblock_phys_mem_size(q), 511 * MIB + 1 * KIB);
	IS(quarry_memblock_trim_memory(q, 4 * KIB), 0);
	IS(quarry_memblock_phys_mem_size(q), 511 * MIB);
	quarry_memblock_set_current_limit(q, 16 * MIB);
	IS(quarry_memblock_phys_alloc(q, 4 * KIB, 4 * KIB), 16 * MIB - 4 * KIB);
}

#endif

const struct selftest selftest_memblock[] = {
	{"M1 M3", "memblock's lists at start", memblock_lists_at_start, 0},
	{"M2", "memblock's regions carry node and flags", memblock_nodes_and_flags,
	 SELFTEST_NEEDS_NODES},
	{"M4 M5", "memblock adds what is missing and merges what is alike",
	 memblock_adds_and_merges, SELFTEST_NEEDS_NODES},
	{"M6", "memblock's array doubles in the memory there is, once allowed",
	 SELFTEST_FULL(memblock_array_doubles, 0)},
	{"M7", "memblock splits a region at both ends of a mark",
	 SELFTEST_FULL(memblock_marks_isolate, SELFTEST_NEEDS_NODES)},
	{"M8", "memblock removes", memblock_removes, 0},
	{"M9", "memblock finds room in both directions", memblock_finds, SELFTEST_NEEDS_NODES},
	{"M10", "memblock reserves and frees", memblock_reserves_and_frees, 0},
	{"M11", "memblock's iterators", memblock_iterates, SELFTEST_NEEDS_NODES},
	{"M12", "memblock allocates, clears, falls back, refuses", memblock_allocates, 0},
	{"M13", "memblock hands over what is free",
	 SELFTEST_FULL(memblock_hand_off, SELFTEST_NEEDS_NODES)},
	{"M13", "a machine boots from memblock", SELFTEST_FULL(memblock_boots, 0)},
	{"M14", "memblock's limits and questions",
	 SELFTEST_FULL(memblock_limits, SELFTEST_NEEDS_NODES)},
	{NULL, NULL, NULL, 0},
};
