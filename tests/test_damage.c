/* SPDX-License-Identifier: MIT */
/*
 * One bit that is not as it was: of descriptors, pageblock records, bitmaps, arenas, zones, sheaves, slab
 * records, lists, memblock regions. The validators must name each, whatever bit it is, and come back; once it is put
 * right, the machine must be as sound as before.
 */
#include <page/hotplug.h>
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
	struct page_layer *pl = l.m.q->pages;
	struct page_node *node = &pl->node[0];
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
		FIELD(z, managed, "page: managed pages at "),
		FIELD(z, present, "page: "),
		FIELD(z, nr_avail, "page: arenas in a row of the zone at "),
		FIELD(z, fast_pb, "page: special pageblocks that the short way allows for at "),
		FIELD(a, in_limit, "page: blocks held back of an arena at "),
		FIELD(node, start_pfn, "page: start of a node at "),
		FIELD(node, end_pfn, "page: end of a node at "),
		FIELD(pl, present, "page: present pages at "),
		FIELD(pl, managed, "page: managed pages at "),
		FIELD(pl, nr_online_cpus, "page: CPUs online at 0x0: "),
		FIELD(pl, again.n, "page: damage that was not told at 0x0: "),
		FIELD(l.m.q, strict_below, "page: arenas of which little is held back at 0x0: "),
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
	struct slab_piece *piece = slab_piece_of(partial);
	struct slab_node *n = &l.cache->node[0];
	const struct field fields[] = {
		FIELD(partial, base, "slab: bits: "),
		FIELD(partial, place, "slab: -: records are damaged in piece "),
		FIELD(partial, next, "slab: bits: a "),
		FIELD(partial, prev, "slab: bits: a foreign slab or a bad link on a partial list "),
		FIELD(partial, cache, "slab: "),
		FIELD(partial, node, "slab: -: a slab belongs to no cache "),
		FIELD(partial, order, "slab: bits: "),
		FIELD(partial, nr_free, "slab: bits: free bits and their count differ in slab "),
		FIELD(piece, number, "slab: -: records are damaged in piece "),
		FIELD(piece, size, "slab: -: records are damaged in piece "),
		FIELD(piece, end, "slab: "),
		FIELD(piece, starts, "slab: "),
		FIELD(partial, list, "slab: bits: "),
		FIELD(partial, free[0], "slab: bits: free bits and their count differ in slab "),
		FIELD(full, base, "slab: bits: "),
		FIELD(full, cache, "slab: "),
		FIELD(full, node, "slab: -: a slab belongs to no cache "),
		FIELD(full, order, "slab: bits: "),
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
			{"active", slab_active(l.cache, partial), 8,
			 ~slab_active(l.cache, partial)[0], "slab: bits: "}};

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

/* ---- word by word ---- */

struct change {
	void *at;
	size_t bytes;
	uint64_t value;
};

#define SET(field, value)                                  \
	{                                                  \
		&(field), sizeof(field), (uint64_t)(value) \
	}

static void change_swap(struct change *c)
{
	uint64_t was = 0;

	memcpy(&was, c->at, c->bytes);
	memcpy(c->at, &c->value, c->bytes);
	c->value = was;
}

/* With these changes the first fault is @text; without them there is none. */
static void says(struct machine *m, const char *text, struct change *changes, size_t n)
{
	char why[256];

	for (size_t i = 0; i < n; i++)
		change_swap(&changes[i]);
	if (machine_is_sound(m, why))
		fail_msg("not noticed: %s", text);
	if (strncmp(why, "page: ", 6) != 0 || strcmp(why + 6, text) != 0)
		fail_msg("\"%s\" for \"%s\"", why, text);
	for (size_t i = n; i-- > 0;)
		change_swap(&changes[i]);
	machine_check(m);
}

#define SAYS(text, ...)                                     \
	says(&m, text "\n", (struct change[]){__VA_ARGS__}, \
	     sizeof((struct change[]){__VA_ARGS__}) / sizeof(struct change))

/* What the validator says of each thing that it compares. */
static void test_what_the_validator_says(void **state)
{
	static const struct machine_spec spec = {.memory = {{0, 506 * MACHINE_MIB, 0}}};
	struct page *whole[2], *block, *single, *odd, *tail, *buddy;
	struct machine m;

	(void)state;
	machine_build(&m, &spec);
	for (unsigned int i = 0; i < 2; i++)
		assert_non_null(whole[i] = quarry_alloc_pages(m.q, GFP_HIGHUSER_MOVABLE, 9));
	block = quarry_alloc_pages(m.q, GFP_KERNEL, 5);
	quarry_free_pages(m.q, quarry_alloc_pages(m.q, GFP_KERNEL, 1), 1);
	single = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	odd = quarry_alloc_pages(m.q, GFP_KERNEL, 0);
	assert_true(single != NULL && odd == single + 1 && block != NULL);
	machine_check(&m);

	struct page_layer *pl = m.q->pages;
	struct page_arena *a = page_arena_of(pl, single), *dma = &pl->arena[0];
	struct page_zone *z = a->zone;
	struct page_zonelist *list = (struct page_zonelist *)(uintptr_t)pl->node[0].list;
	struct page_pb *pb = a->pb;
	struct page_cpu *own = page_cpu_of(pl, 0);
	struct page_sheaf *out = &own->pcp[z->index]->out[QUARRY_MIGRATE_UNMOVABLE][0];
	struct page_sheaf *pairs = &own->pcp[z->index]->out[QUARRY_MIGRATE_UNMOVABLE][1];
	uint64_t name = single->word & PAGE_WORD_ARENA_MASK;
	unsigned int last = a->nr_pb - 1u, wide = last - 2, alone = 1;
	unsigned int part = (unsigned int)((quarry_page_to_pfn(m.q, single) - a->base_pfn) >> 9);

	tail = block + 3;
	buddy = &a->map[part * 512];
	while (!pageblock_is_free(a->bits[part], (unsigned int)(buddy - a->map) % 512))
		buddy++;
	/* What is used below is as it is thought to be. */
	assert_true(dma->virgin && last % 2 == 0 && pb[last].filed == PAGE_NOT_FILED &&
		    pb[last].described);
	assert_true(pb[wide].filed == 10 && pb[wide + 1].tail && pb[alone].filed == 9);
	assert_true(pb[part].filed < 9 && a->head[pb[part].filed][0] == part);
	assert_true(out->cur.mask != 0 && pairs->cur.mask != 0);

	/* pageblocks */
	SAYS("alignment of a free block at 0x1200: 512, expected 0", SET(pb[alone].filed, 10));
	SAYS("end of a free block at 0x1f800: 0, expected 1", SET(pb[last].filed, 10));
	SAYS("count of a pageblock at 0x1200: 511, expected 512", SET(pb[alone].nr_free, 511));
	SAYS("tail mark at 0x1200: 1, expected 0", SET(pb[alone].tail, 1));
	SAYS("tail of a free block filed at 0x1f600: 9, expected 255", SET(pb[wide + 1].filed, 9));
	SAYS("part of a free block at 0x1f400: 8, expected 9", SET(a->bits[wide][0], ~(uint64_t)1),
	     SET(pb[wide].nr_free, 511));
	SAYS("pages of a free block at 0x1f600: 511, expected 512",
	     SET(a->bits[wide + 1][0], ~(uint64_t)1), SET(pb[wide + 1].nr_free, 511));
	SAYS("filed order at 0x1400: 1, expected 8", SET(pb[part].filed, 1));
	SAYS("type of a pageblock at 0x1200: 0, expected 1", SET(pb[alone].type, 15));
	SAYS("free pages not accepted at 0x1001: 512, expected 0",
	     SET(pb[alone].flags, PAGE_PB_UNACCEPTED));
	SAYS("free pages of a reported pageblock at 0x1002: 416, expected 512",
	     SET(pb[part].flags, pb[part].flags | PAGE_PB_REPORTED));
	SAYS("free pages offline at 0x1200: 512, expected 0",
	     SET(pb[alone].flags, PAGE_PB_OFFLINE));
	SAYS("state of an offline page at 0x1f800: 2, expected 4",
	     SET(pb[last].flags, PAGE_PB_OFFLINE));
	SAYS("offline pageblock filed at 0x1f800: 3, expected 255",
	     SET(pb[last].flags, PAGE_PB_OFFLINE), SET(pb[last].filed, 3));
	SAYS("count of an offline pageblock at 0x1f800: 3, expected 0",
	     SET(pb[last].flags, PAGE_PB_OFFLINE), SET(pb[last].nr_free, 3));
	SAYS("count of an offline pageblock at 0x1f800: 1, expected 0",
	     SET(pb[last].flags, PAGE_PB_OFFLINE), SET(pb[last].tail, 1));
	/* descriptors */
	SAYS("arena in descriptor at 0x1460: 0, expected 1",
	     SET(buddy->word, name ^ (uint64_t)1 << PAGE_WORD_ARENA_SHIFT));
	SAYS("state of a free page at 0x1460: 1, expected 0",
	     SET(buddy->word, name | PAGE_WORD_RESERVED));
	SAYS("mark of a pageblock with a poisoned page at 0x1440: 0, expected 8",
	     SET(single->word, name | PAGE_WORD_POISON));
	SAYS("mark of a pageblock with guards at 0x1440: 0, expected 64",
	     SET(single->word, name | PAGE_WORD_GUARD));
	SAYS("order of a guard at 0x1440: 0, expected 1",
	     SET(single->word, name | PAGE_WORD_GUARD | 5 << PAGE_WORD_ORDER_SHIFT),
	     SET(pb[part].flags, pb[part].flags | PAGE_PB_GUARDED));
	SAYS("page of a guard at 0x1441: 281474976712706, expected 281474976710670",
	     SET(odd->word, name | PAGE_WORD_GUARD | 1 << PAGE_WORD_ORDER_SHIFT),
	     SET(pb[part].flags, pb[part].flags | PAGE_PB_GUARDED));
	SAYS("guard whose partner is free at 0x1440: 1, expected 0",
	     SET(single->word, name | PAGE_WORD_GUARD),
	     SET(pb[part].flags, pb[part].flags | PAGE_PB_GUARDED),
	     SET(a->bits[part][1], a->bits[part][1] | 2),
	     SET(pb[part].nr_free, pb[part].nr_free + 1), SET(odd->word, name));
	SAYS("offline page in use at 0x1440: 32, expected 0",
	     SET(single->word, name | PAGE_WORD_OFFLINE));
	SAYS("alignment of a block at 0x1441: 1, expected 0",
	     SET(odd->word, odd->word + (1 << PAGE_WORD_ORDER_SHIFT)));
	SAYS("alignment of a block at 0x1441: 1, expected 0",
	     SET(odd->word, name | PAGE_WORD_ASIDE | 1 << PAGE_WORD_ORDER_SHIFT));
	SAYS("pages of the machine at 0x0: 129568, expected 129536",
	     SET(block->word, block->word + (1 << PAGE_WORD_ORDER_SHIFT)));
	SAYS("state of a tail page at 0x1403: 1, expected 0",
	     SET(tail->word, name | PAGE_WORD_RESERVED));
	SAYS("arena in descriptor at 0x1403: 0, expected 1", SET(tail->word, 0));
	SAYS("pages of the machine at 0x0: 129535, expected 129536", SET(single->word, name));
	/* lists */
	SAYS("order mask at 0x1000: 1, expected 0",
	     SET(a->order_mask[0], a->order_mask[0] | 1 << QUARRY_NR_ORDERS));
	SAYS("order mask at 0x1000: 1, expected 0", SET(a->order_mask[2], 4));
	SAYS("list end at 0x4: 242, expected 4", SET(pb[a->head[10][1]].next, PAGE_NO_PB));
	SAYS("list link at 0xf2: 7, expected 240", SET(pb[wide].prev, 7));
	SAYS("list end at 0x1: 7, expected 1", SET(pb[alone].prev, 7));
	SAYS("list link at 0x1: 245, expected 65535", SET(pb[alone].next, a->nr_pb));
	SAYS("dense mark at 0x2: 0, expected 1",
	     SET(pb[part].flags, pb[part].flags ^ PAGE_PB_DENSE));
	SAYS("dense mark at 0x1: 1, expected 0", SET(pb[alone].flags, PAGE_PB_DENSE));
	SAYS("list order at 0x2: 8, expected 4", SET(a->head[4][0], part),
	     SET(a->order_mask[0], a->order_mask[0] | 16));
	SAYS("list type at 0x1: 1, expected 2", SET(a->head[9][2], alone),
	     SET(a->order_mask[2], 1 << 9));
	SAYS("dense pageblocks at 0x1000: 7, expected 0", SET(a->nr_dense[0][0], 7));
	SAYS("dense pageblocks at 0x1000: 7, expected 1", SET(a->nr_dense[0][1], 7));
	SAYS("zone's arena bit at 0x1000: 1, expected 0", SET(*zone_avail(z, 0, 0), 1));
	SAYS("zone's dense bit at 0x1000: 1, expected 0",
	     SET(*zone_avail(z, 1, PAGE_AVAIL_SMALL), 1));
	SAYS("zone's dense bit at 0x1000: 0, expected 1",
	     SET(*zone_avail(z, 0, PAGE_AVAIL_SMALL + 1), 0));
	SAYS("listed pageblocks of the arena at 0x1000: 122, expected 123",
	     SET(a->head[9][1], PAGE_NO_PB), SET(a->order_mask[1], a->order_mask[1] & ~(1 << 9)),
	     SET(*zone_avail(z, 1, 9), 0));
	/* arenas and zones */
	SAYS("pageblocks that stay at 0x1000: 0, expected 2", SET(a->nr_stay, 0));
	SAYS("zone's bit of an arena that stays at 0x1000: 0, expected 1", SET(*zone_stay(z), 0));
	SAYS("free pages of the arena at 0x1000: 5, expected 124320", SET(a->nr_free, 5));
	SAYS("pages of a virgin arena at 0x0: 5, expected 4096", SET(dma->nr_free, 5));
	SAYS("free pages of an arena that has none at 0x1000: 124320, expected 0",
	     SET(a->empty, true));
	SAYS("free pages of the zone at 0x1000: 5, expected 124320", SET(z->nr_free, 5));
	SAYS("unaccepted pages of the zone at 0x1000: 5, expected 0", SET(z->nr_unaccepted, 5));
	SAYS("unaccepted pages of the zone at 0x1000: 0, expected 512",
	     SET(pb[last].flags, PAGE_PB_UNACCEPTED));
	SAYS("pageblocks of a special type at 0x1000: 5, expected 0",
	     SET(z->nr_pb_special[QUARRY_MIGRATE_CMA - QUARRY_MIGRATE_PCPTYPES], 5));
	SAYS("special pageblocks of the zone at 0x1000: 5, expected 0", SET(z->special, 5));
	SAYS("free highatomic pages at 0x1000: 5, expected 0", SET(z->nr_free_highatomic, 5));
	SAYS("isolated free pages at 0x1000: 5, expected 0", SET(z->nr_isolated, 5));
	SAYS("free CMA pages at 0x1000: 5, expected 0", SET(z->nr_free_cma, 5));
	if (!QUARRY_HARDENED) { /* a seal is over them */
		SAYS("short way's mark at 0x1000: 869, expected 870",
		     SET(z->fast_mark[QUARRY_ZONE_NORMAL], z->fast_mark[QUARRY_ZONE_NORMAL] - 1));
		SAYS("gap between watermarks at 0x1000: 175, expected 174",
		     SET(z->wmark[QUARRY_WMARK_HIGH], z->wmark[QUARRY_WMARK_HIGH] + 1));
		SAYS("boost is in the marks at 0x1000: 0, expected 1",
		     SET(z->boost, z->wmark[QUARRY_WMARK_MIN] + 1));
		SAYS("zones in a node's list at 0x0: 1, expected 2", SET(list->nr, 1));
	}
	SAYS("node with memory at 0x0: 0, expected 1", SET(pl->node[0].present, false));
	SAYS("zone of a node at 0x0: 0, expected 1", SET(pl->node[0].zone[z->type], 0));
	SAYS("node of a CPU's memory at 0x0: 0, expected 1", SET(pl->cpu_place[0].mem_nid, 5));
	SAYS("mark of a CPU's short way at 0x0: 5, expected 871", SET(own->fast[1].mark[0], 5));
	SAYS("managed pages at 0x0: 129536, expected 129537", SET(z->managed, z->managed + 1));
	SAYS("pages of the machine at 0x0: 129536, expected 129537",
	     SET(z->managed, z->managed + 1), SET(pl->managed, pl->managed + 1));
	SAYS("pages of the machine at 0x0: 129536, expected 129531", SET(pl->carved, 5));
	SAYS("poisoned page not where it should be at 0x0: 18446744073709551615, expected 0",
	     SET(pl->nr_poisoned, 5));
	SAYS("arena of a section at 0x8000: 0, expected 1", SET(pl->section[1], 0));
	SAYS("arena of a section at 0x0: 0, expected 1", SET(pl->section[0], pl->nr_arenas));
	SAYS("section both online and offline at 0x8000: 1, expected 0",
	     SET(pl->hotplug->section[1].offline, true));
	/* sheaves */
	SAYS("mark of a CPU's short way at 0x0: 870, expected 517",
	     SET(out->zone, (uintptr_t)dma->zone));
	SAYS("zone of a sheaf at 0x0: 0, expected 1", SET(out->zone, 0));
	SAYS("first hand of a sheaf at 0x0: 1, expected 0",
	     SET(out->hand[0].base, (uintptr_t)out->cur.base),
	     SET(out->hand[0].mask, out->cur.mask), SET(out->n, 1));
	SAYS("sheaf that starts empty at 0x0: 1, expected 0",
	     SET(out->hand[1].base, (uintptr_t)out->cur.base),
	     SET(out->hand[1].mask, out->cur.mask), SET(out->cur.mask, 0), SET(out->at, 1),
	     SET(out->n, 2));
	SAYS("hands of a sheaf at 0x0: 0, expected 1", SET(out->n, PAGE_SHEAF_HANDS + 1));
	SAYS("empty hand at 0x0: 0, expected 1", SET(out->n, 2), SET(out->hand[0].mask, 0),
	     SET(out->hand[1].mask, 0));
	SAYS("hands of a sheaf at 0x0: 0, expected 1", SET(out->at, 3));
	SAYS("state of a page in a sheaf at 0x1440: 2, expected 0",
	     SET(out->cur.mask, out->cur.mask | 1ull << (single - out->cur.base)));
	SAYS("alignment in a sheaf at 0x1423: 1, expected 0",
	     SET(pairs->cur.mask, pairs->cur.mask << 1));
	SAYS("hand of no descriptors at 0x1: 6148914685509894144, expected 0",
	     SET(pairs->cur.base, (uintptr_t)(pairs->cur.base + 1)));
	SAYS("hand of no descriptors at 0x1: 6148914685509894144, expected 0",
	     SET(pairs->cur.base, (uintptr_t)(a->map + a->nr_pb * 512u)));
	SAYS("hand of no descriptors at 0x2: 1, expected 0", SET(own->open[2].mask, 1));
	SAYS("hands of a sheaf at 0x0: 0, expected 1", SET(own->in[0].n, PAGE_IN_HANDS + 1));
	SAYS("hands looked at at 0x0: 0, expected 1", SET(own->in[1].staged, 1));
	SAYS("blocks taken back at 0x0: 5, expected 0", SET(own->in[2].blocks, 5));
	SAYS("page both in a sheaf and free at 0x1442: 1, expected 0",
	     SET(a->bits[part][1], a->bits[part][1] | (out->cur.mask & (0 - out->cur.mask))),
	     SET(pb[part].nr_free, pb[part].nr_free + 1), SET(a->nr_free, a->nr_free + 1),
	     SET(z->nr_free, z->nr_free + 1));
	SAYS("zone of a page in a sheaf at 0x1442: 0, expected 1",
	     SET(own->pcp[z->index], (uintptr_t)own->pcp[dma->zone->index]),
	     SET(own->pcp[dma->zone->index], (uintptr_t)own->pcp[z->index]));
	quarry_free_pages(m.q, block, 5);
	quarry_free_pages(m.q, single, 0);
	quarry_free_pages(m.q, odd, 0);
	for (unsigned int i = 0; i < 2; i++)
		quarry_free_pages(m.q, whole[i], 9);
	machine_check(&m);
	assert_int_equal(m.reports, 0);
	machine_fini(&m);
}

/* A host's report that asks for pages of the very arena, and for all CPUs to be emptied. */
static struct {
	struct quarry *q;
	unsigned int reports;
	char last[256];
} teller;

static void tell(void *ctx, const char *line)
{
	struct page *page = quarry_alloc_pages(teller.q, GFP_KERNEL, 4);

	(void)ctx;
	snprintf(teller.last, sizeof(teller.last), "%s", line);
	teller.reports++;
	assert_non_null(page);
	quarry_free_pages(teller.q, page, 4);
	quarry_free_pages(teller.q, quarry_alloc_pages(teller.q, GFP_KERNEL, 0), 0);
	quarry_drain_all_pages(teller.q);
}

/* A block of @order comes back whose first page is free already, by its bit. */
static void put_again(bool concurrent, unsigned int order)
{
	const struct machine_spec spec = {
		.memory = {{0, 64 * MACHINE_MIB, 0}},
		.concurrent = concurrent,
		.boot = {.nr_cpus = 1},
	};
	struct page_arena *a;
	struct machine m;
	struct page *page;
	size_t offset;

	machine_build(&m, &spec);
	teller.q = m.q;
	teller.reports = 0;
	m.q->port.report = tell;
	page = quarry_alloc_pages(m.q, GFP_KERNEL, order);
	assert_non_null(page);
	a = page_arena_of(m.q->pages, page);
	offset = (size_t)(page - a->map);
	a->bits[offset >> QUARRY_PAGEBLOCK_ORDER][(offset >> 6) % PAGE_WORDS] |= (uint64_t)1
										 << offset % 64;
	a->pb[offset >> QUARRY_PAGEBLOCK_ORDER].nr_free++;
	quarry_free_pages(m.q, page, order);
	quarry_drain_all_pages(m.q);
	assert_int_equal(teller.reports, 1);
	if (strstr(teller.last, "free already") == NULL)
		fail_msg("%s", teller.last);
	machine_fini(&m);
}

static void test_told_without_locks(void **state)
{
	(void)state;
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		put_again(false, order);
		put_again(true, order);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_validator_says),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_pageblocks),
		cmocka_unit_test(test_arenas_and_zones),
		cmocka_unit_test(test_sheaves_of_pages),
		cmocka_unit_test(test_slabs),
		cmocka_unit_test(test_slabs_with_checks),
		cmocka_unit_test(test_slabs_with_all_debugging),
		cmocka_unit_test(test_sheaves_of_objects),
		cmocka_unit_test(test_memblock),
		cmocka_unit_test(test_told_without_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
