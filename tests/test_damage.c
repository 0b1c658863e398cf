/* SPDX-License-Identifier: MIT */
/*
 * One bit that is not as it was: of descriptors, pageblock records, bitmaps, arenas, zones, sheaves, slab
 * records, lists, memblock regions. The validators must name each, whatever bit it is, and come back; once it is put
 * right, the machine must be as sound as before.
 */
#include <page/internal.h>
#include <slab/internal.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "machine_build.h"

/* A machine in the midst of its life: something of everything. */
struct life {
	struct machine m;
	struct page *block, *single, *freed; /* in use: order 3, order 0; in a sheaf */
	struct kmem_cache *cache;
	void *obj[3000];
	struct slab *partial, *full;
	struct slab_sheaf *sheaf; /* a full one, in the depot */
};

/* @debug: what slab_debug says of the cache; NULL: nothing. */
static void life_begin(struct life *l, const char *debug)
{
	static const struct machine_spec spec = {
		.memory = {{4 * MACHINE_KIB, 636 * MACHINE_KIB, 0},
			   {MACHINE_MIB, 48 * MACHINE_MIB, 0}},
		.ram_bytes = 48 << 20,
		.boot = {.nr_cpus = 2},
	};
	struct quarry *q;
	unsigned int list = 0;

	machine_build(&l->m, &spec);
	q = l->m.q;
	if (debug != NULL)
		assert_int_equal(quarry_slab_debug(q, debug), 0);
	l->block = quarry_alloc_pages(q, GFP_HIGHUSER_MOVABLE, 3);
	l->single = quarry_alloc_pages(q, GFP_KERNEL, 0);
	l->freed = quarry_alloc_pages(q, GFP_KERNEL, 0);
	l->cache = quarry_kmem_cache_create(q, "bits", 128, SLAB_NO_MERGE, NULL);
	assert_true(l->block != NULL && l->single != NULL && l->freed != NULL && l->cache != NULL);
	for (size_t k = 0; k < 3000; k++)
		l->obj[k] = quarry_kmem_cache_alloc(q, l->cache, GFP_KERNEL);
	for (size_t k = 0; k < 2000; k += 2) {
		quarry_kmem_cache_free(q, l->cache, l->obj[k]);
		l->obj[k] = NULL;
	}
	quarry_free_pages(q, l->freed, 0);
	machine_check(&l->m);
	while (l->cache->node[0].partial[list].first == SLAB_NONE)
		list++;
	l->partial = slab_record(q->slabs, l->cache->node[0].partial[list].first);
	l->sheaf = l->cache->node[0].full;
	for (uint32_t index = 0; (l->full = slab_store_next(q->slabs, &index)) != NULL;) {
		if (l->full->cache == l->cache->id && l->full->nr_free == 0)
			break;
	}
	assert_non_null(l->full);
}

/* It goes on, and ends with nothing lost. */
static void life_end(struct life *l)
{
	struct quarry *q = l->m.q;

	for (size_t k = 0; k < 3000; k++)
		quarry_kmem_cache_free(q, l->cache, l->obj[k]);
	quarry_free_pages(q, l->block, 3);
	quarry_free_pages(q, l->single, 0);
	assert_int_equal(quarry_kmem_cache_destroy(q, l->cache), 0);
	machine_check(&l->m);
	assert_int_equal(l->m.reports, 0);
	machine_fini(&l->m);
}

/* Bits of something that is stored once only are no validator's business: @known has those that are. */
struct field {
	const char *name;
	void *at;
	size_t bytes;
	uint64_t known;   /* of each eight bytes, or of all that there are */
	const char *said; /* what the fault begins with */
};

#define FIELD(object, field, said)                                                                \
	{                                                                                         \
#object "." #field, &(object)->field, sizeof((object)->field), ~(uint64_t)0, said \
	}
#define BITS(object, field, known, said)                                                   \
	{                                                                                  \
#object "." #field, &(object)->field, sizeof((object)->field), known, said \
	}

static void sweep(struct life *l, const struct field *fields, size_t n)
{
	unsigned int missed = 0, bits = 0;
	char why[256];

	for (size_t i = 0; i < n; i++) {
		for (size_t bit = 0; bit < fields[i].bytes * 8; bit++) {
			unsigned char *byte = (unsigned char *)fields[i].at + bit / 8;

			if ((fields[i].known >> bit % 64 & 1) == 0)
				continue;
			bits++;
			*byte = (unsigned char)(*byte ^ 1u << bit % 8);
			if (machine_is_sound(&l->m, why)) {
				print_error("not noticed: bit %zu of %s\n", bit, fields[i].name);
				missed++;
			} else if (strncmp(why, fields[i].said, strlen(fields[i].said)) != 0) {
				print_error("bit %zu of %s: %s", bit, fields[i].name, why);
				missed++;
			}
			*byte = (unsigned char)(*byte ^ 1u << bit % 8);
			if (!machine_is_sound(&l->m, why))
				fail_msg("bit %zu of %s changed more: %s", bit, fields[i].name,
					 why);
		}
	}
	if (missed != 0)
		fail_msg("%u of %u bits", missed, bits);
}

#define SWEEP(l, fields) sweep((l), (fields), sizeof(fields) / sizeof((fields)[0]))

static struct page_arena *arena_of(struct life *l)
{
	return page_arena_of(l->m.q->pages, l->block);
}

static unsigned int pageblock_of(struct life *l, const struct page *page)
{
	return (unsigned int)((quarry_page_to_pfn(l->m.q, page) - arena_of(l)->base_pfn) >>
			      QUARRY_PAGEBLOCK_ORDER);
}

/* State, order, and the arena; the type, references and movers are the owner's. */
#define WORD_KNOWN \
	(PAGE_WORD_ARENA_MASK | (uint64_t)15 << PAGE_WORD_ORDER_SHIFT | PAGE_WORD_STATE_MASK)

static void test_descriptors(void **state)
{
	struct life l;
	struct page *tail, *slab, *buddy;

	(void)state;
	life_begin(&l, NULL);
	tail = l.block + 5;
	slab = quarry_virt_to_page(l.m.q, (void *)l.partial->base);
	buddy = l.single;
	while (quarry_pfn_state(l.m.q, quarry_page_to_pfn(l.m.q, buddy), NULL) != QUARRY_PAGE_FREE)
		buddy++;
	const struct field fields[] = {
		BITS(l.block, word, WORD_KNOWN, "page: "),
		BITS(l.single, word, WORD_KNOWN, ""),
		BITS(l.freed, word, PAGE_WORD_ARENA_MASK | PAGE_WORD_STATE_MASK, "page: "),
		BITS(tail, word, PAGE_WORD_ARENA_MASK | PAGE_WORD_STATE_MASK, "page: "),
		BITS(buddy, word, PAGE_WORD_ARENA_MASK | PAGE_WORD_STATE_MASK, "page: "),
		/* Either layer may be the first to say it. */
		FIELD(slab, word, ""),
	};
	SWEEP(&l, fields);
	life_end(&l);
}

static void test_pageblocks(void **state)
{
	struct life l;

	(void)state;
	life_begin(&l, NULL);
	struct page_arena *a = arena_of(&l);
	unsigned int broken = pageblock_of(&l, l.single), whole = 0;

	while (a->pb[whole].filed != QUARRY_MAX_ORDER)
		whole++;
	struct page_pb *part = &a->pb[broken], *lower = &a->pb[whole], *upper = &a->pb[whole + 1];
	const struct field fields[] = {
		FIELD(part, next, "page: list link at "),
		FIELD(part, prev, "page: list end at "),
		FIELD(part, nr_free, "page: count of a pageblock at "),
		FIELD(part, filed, "page: "),
		FIELD(part, type, "page: "),
		FIELD(part, tail, "page: tail mark at "),
		FIELD(lower, next, "page: list link at "),
		FIELD(lower, prev, "page: list end at "),
		FIELD(lower, nr_free, "page: count of a pageblock at "),
		FIELD(lower, filed, "page: filed order at "),
		FIELD(lower, type, "page: "),
		FIELD(lower, tail, "page: tail mark at "),
		FIELD(upper, nr_free, "page: count of a pageblock at "),
		FIELD(upper, filed, "page: tail of a free block filed at "),
		FIELD(upper, tail, "page: tail mark at "),
		FIELD(a, bits[broken], "page: count of a pageblock at "),
		FIELD(a, bits[whole], "page: count of a pageblock at "),
		FIELD(a, bits[whole + 1], "page: count of a pageblock at "),
	};
	SWEEP(&l, fields);
	life_end(&l);
}

static void test_arenas_and_zones(void **state)
{
	struct life l;

	(void)state;
	life_begin(&l, NULL);
	struct page_arena *a = arena_of(&l);
	struct page_zone *z = a->zone;
	uint64_t *avail = zone_avail(z, QUARRY_MIGRATE_MOVABLE, QUARRY_MAX_ORDER);
	const struct field fields[] = {
		FIELD(a, nr_free, "page: free pages of the arena at "),
		FIELD(a, order_mask, "page: order mask at "),
		FIELD(a, head, "page: "),
		FIELD(a, nr_dense, "page: dense pageblocks at "),
		FIELD(a, nr_stay, "page: pageblocks that stay at "),
		FIELD(z, nr_free, "page: free pages of the zone at "),
		FIELD(z, nr_free_highatomic, "page: free highatomic pages at "),
		FIELD(z, nr_free_cma, "page: free CMA pages at "),
		FIELD(z, nr_isolated, "page: isolated free pages at "),
		FIELD(z, nr_pb_special, "page: pageblocks of a special type at "),
		FIELD(z, special, "page: special pageblocks of the zone at "),
		FIELD(z, managed, "page: pages of the machine at "),
		{"avail", avail, 8, 1, "page: zone's arena bit at "},
	};
	SWEEP(&l, fields);
	life_end(&l);
}

static void test_sheaves_of_pages(void **state)
{
	struct life l;

	(void)state;
	life_begin(&l, NULL);
	struct page_cpu *c = l.m.q->pages->cpu[0];
	struct page_in *in = &c->in[0];
	struct page_hand *open = &c->open[0];
	const struct field fields[] = {
		FIELD(open, mask, "page: hand of no descriptors at "),
		FIELD(in, blocks, "page: blocks taken back at "),
		FIELD(in, n, "page: "),
		FIELD(in, staged, "page: hands looked at at "),
	};
	SWEEP(&l, fields);
	life_end(&l);
}

static void sweep_slabs(const char *debug)
{
	struct life l;

	life_begin(&l, debug);
	struct slab *partial = l.partial, *full = l.full;
	struct slab_node *n = &l.cache->node[0];
	const struct field fields[] = {
		FIELD(partial, base, "slab: bits: "),
		FIELD(partial, index, "slab: -: records are damaged from slab "),
		FIELD(partial, next, "slab: bits: a "),
		FIELD(partial, prev, "slab: bits: a foreign slab or a bad link on a partial list "),
		FIELD(partial, cache, "slab: "),
		FIELD(partial, node, "slab: -: a slab belongs to no cache "),
		FIELD(partial, order, "slab: bits: order or number of objects is wrong in slab "),
		FIELD(partial, objects, "slab: bits: order or number of objects is wrong in slab "),
		FIELD(partial, nr_free, "slab: bits: free bits and their count differ in slab "),
		FIELD(partial, granules, "slab: "),
		FIELD(partial, list, "slab: bits: "),
		FIELD(partial, free[0], "slab: bits: free bits and their count differ in slab "),
		FIELD(full, base, "slab: bits: "),
		FIELD(full, cache, "slab: "),
		FIELD(full, node, "slab: -: a slab belongs to no cache "),
		FIELD(full, order, "slab: bits: order or number of objects is wrong in slab "),
		FIELD(full, objects, "slab: bits: order or number of objects is wrong in slab "),
		FIELD(full, nr_free, "slab: bits: free bits and their count differ in slab "),
		FIELD(full, list, "slab: bits: partial list and free bits disagree on slab "),
		FIELD(full, free[0], "slab: bits: free bits and their count differ in slab "),
		FIELD(n, partial, "slab: bits: a "),
		FIELD(n, nr_full, "slab: bits: the depot's counts are wrong "),
		FIELD(n, nr_empty, "slab: bits: the depot's counts are wrong "),
		FIELD(n, free_slabs, "slab: bits: counts differ from its slabs on node "),
		FIELD(n, nr_partial, "slab: bits: "),
		FIELD(n, nr_slabs, "slab: bits: counts differ from its slabs on node "),
		FIELD(n, total_objects, "slab: bits: counts differ from its slabs on node "),
		FIELD(n, free_objects, "slab: bits: counts differ from its slabs on node "),
		FIELD(n, pages, "slab: bits: counts differ from its slabs on node "),
	};
	SWEEP(&l, fields);
	if (debug != NULL) {
		const struct field active[] = {
			/* That a caller has an object no more may be so: damaged ones are withdrawn. */
			{"active", slab_active(partial), 8, ~slab_active(partial)[0],
			 "slab: bits: "}};

		SWEEP(&l, active);
	}
	life_end(&l);
}

static void test_slabs(void **state)
{
	(void)state;
	sweep_slabs(NULL);
}

static void test_slabs_with_checks(void **state)
{
	(void)state;
	sweep_slabs("F,bits");
}

static void test_slabs_with_all_debugging(void **state)
{
	(void)state;
	sweep_slabs("FZPU,bits");
}

static void test_sheaves_of_objects(void **state)
{
	struct life l;

	(void)state;
	life_begin(&l, NULL);
	assert_non_null(l.sheaf);
	struct slab_sheaf *full = l.sheaf;
	struct slab_cpu *c = &l.cache->cpu_sheaves[0];
	const struct field fields[] = {
		FIELD(full, n, "slab: bits: the depot calls a sheaf full that is not "),
		FIELD(full, cap, "slab: bits: the depot calls a sheaf full that is not "),
		/* What leads to another object of the cache may be an object that was freed. */
		BITS(full, obj[3], ~(uint64_t)0x1fff80,
		     "slab: bits: a sheaf holds what is no object of the cache "),
		FIELD(c, base, "slab: bits: a CPU's stack pointer is not in its sheaf "),
		FIELD(c, end, "slab: bits: a CPU's stack pointer is not in its sheaf "),
	};
	SWEEP(&l, fields);
	life_end(&l);
}

static void test_memblock(void **state)
{
	struct life l;

	(void)state;
	life_begin(&l, NULL);
	struct memblock *mb = l.m.q->memblock;
	struct memblock_region *first = &mb->memory.regions[0], *second = &mb->memory.regions[1];
	const struct field fields[] = {
		FIELD(first, size, "memblock: memory"),
		FIELD(second, size, "memblock: memory total is "),
		BITS(first, nid, ~(uint64_t)(QUARRY_MAX_NODES - 1),
		     "memblock: memory[0] has node "),
		BITS(second, flags, ~(uint64_t)MEMBLOCK_ALL_FLAGS, "memblock: memory[1] has node "),
		FIELD(&mb->memory, total_size, "memblock: memory total is "),
		FIELD(&mb->memory, cnt, "memblock: memory"),
	};
	SWEEP(&l, fields);
	life_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_pageblocks),
		cmocka_unit_test(test_arenas_and_zones),
		cmocka_unit_test(test_sheaves_of_pages),
		cmocka_unit_test(test_slabs),
		cmocka_unit_test(test_slabs_with_checks),
		cmocka_unit_test(test_slabs_with_all_debugging),
		cmocka_unit_test(test_sheaves_of_objects),
		cmocka_unit_test(test_memblock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
