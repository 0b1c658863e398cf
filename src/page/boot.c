/* SPDX-License-Identifier: MIT */
/*
 * From boot memory to zones: sizes, tables, hand-off.
 *
 * Memory is cut, in address order, into pieces that lie in one zone and one GiB; neighbouring pieces
 * of the same zone and GiB form an arena. All tables are made before anything is handed over, so that
 * on a machine that pays for its own tables they are reserved by then. The hand-off brings ranges of
 * free pages in ascending order: an arena that is covered whole stays virgin; the others get records
 * and bitmaps. Cost: a few hundred bytes written for each arena, 80 bytes for each pageblock of an
 * arena that is not wholly free.
 */
#include "internal.h"

#include <base/string.h>

#define BOOT_MOVABLE_ALIGN ((pfn_t)1 << QUARRY_MAX_ORDER)

struct boot_state {
	struct quarry *q;
	struct page_layer *pl;
	const struct quarry_boot_params *params;
	struct page_node *node;
	pfn_t dma_end, dma32_end, max_pfn;
	bool mirror; /* ZONE_MOVABLE is what is not mirrored: it may lie between parts of Normal */
	/* the arena that the last piece belongs to, while arenas are counted and made */
	int last_nid;
	enum quarry_zone_type last_type;
	pfn_t last_gib, last_base, last_end;
	uint32_t nr_arenas;
};

/*
 * Tables that stand in one piece of memory, as each piece costs a header: this many bytes for one of @bytes, and the
 * next one of them at @*at. The first may need a cache line, the others 8 bytes.
 */
static size_t boot_room(size_t bytes)
{
	return (size_t)bits_align_up(bytes, sizeof(uint64_t));
}

static void *boot_cut(char **at, size_t bytes)
{
	char *p = *at;

	*at += boot_room(bytes);
	return p;
}

/* The whole pages of memory region @i and its node. Returns false if there are none. */
static bool boot_region(struct quarry *q, unsigned long i, pfn_t *start, pfn_t *end, int *nid)
{
	const struct memblock_region *r = &q->memblock->memory.regions[i];
	const pfn_t max = (pfn_t)1 << (QUARRY_MAX_PHYS_BITS - QUARRY_PAGE_SHIFT);

	*start = bits_pfn_up(r->base);
	*end = bits_pfn_down(r->base + r->size);
	*end = quarry_min(*end, max);
	*nid = r->nid == QUARRY_NO_NODE || r->nid == q->memblock->no_nid ? 0 : r->nid;
	return r->size != 0 && *start < *end;
}

/* Whether memory region @i stays for the kernel wherever ZONE_MOVABLE begins. */
static bool boot_mirrored(const struct boot_state *b, unsigned long i)
{
	return b->mirror && (b->q->memblock->memory.regions[i].flags & MEMBLOCK_MIRROR) != 0;
}

/* Nodes that memory, a CPU or the caller names. */
static void boot_note_possible(struct boot_state *b)
{
	const struct quarry_boot_params *p = b->params;

	for (int n = 0; n < b->pl->nr_nodes; n++)
		b->node[n].possible |= p->possible_nodes != 0 ? (p->possible_nodes >> n & 1) != 0
							      : n < (int)p->nr_nodes;
	for (unsigned int c = 0; c < b->pl->nr_cpus && p->cpu_node != NULL; c++)
		b->node[p->cpu_node[c]].possible = true;
}

/* How many nodes there are: those of memory, of @nr_cpus CPUs, and of the caller's tables. Or an error. */
static int boot_count_nodes(const struct boot_state *b, unsigned int nr_cpus)
{
	int nid, nodes = 0;
	pfn_t start, end;

	for (unsigned long i = 0; i < b->q->memblock->memory.cnt; i++) {
		if (!boot_region(b->q, i, &start, &end, &nid))
			continue;
		if (nid < 0 || nid >= QUARRY_MAX_NODES)
			return -QUARRY_EINVAL;
		nodes = quarry_max(nodes, nid + 1);
	}
	nodes = quarry_max(nodes, (int)b->params->nr_nodes);
	nodes = quarry_max(nodes, (int)bits_fls(b->params->possible_nodes));
	for (unsigned int c = 0; c < nr_cpus && b->params->cpu_node != NULL; c++)
		nodes = quarry_max(nodes, b->params->cpu_node[c] + 1);
	return nodes;
}

static void boot_span_nodes(struct boot_state *b)
{
	struct page_layer *pl = b->pl;
	pfn_t start, end;
	int nid;

	for (int n = 0; n < pl->nr_nodes; n++)
		b->node[n].start_pfn = ~(pfn_t)0;
	for (unsigned long i = 0; i < b->q->memblock->memory.cnt; i++) {
		struct page_node *node;

		if (!boot_region(b->q, i, &start, &end, &nid))
			continue;
		node = &b->node[nid];
		node->present = node->possible = true;
		node->start_pfn = quarry_min(node->start_pfn, start);
		node->end_pfn = quarry_max(node->end_pfn, end);
		pl->present += (unsigned long)(end - start);
		b->max_pfn = quarry_max(b->max_pfn, end);
	}
	boot_note_possible(b);
}

/* First page that may be movable: the start of the highest zone that has memory. */
static pfn_t boot_movable_floor(const struct boot_state *b)
{
	pfn_t normal = quarry_max(b->dma_end, b->dma32_end);

	if (b->max_pfn > normal)
		return normal;
	return b->max_pfn > b->dma_end ? b->dma_end : 0;
}

/* Gives node @nid its share of @*required kernel pages, and so moves the start of its movable zone. */
static void boot_spread_node(struct boot_state *b, int nid, uint64_t share, uint64_t *required)
{
	struct page_node *node = &b->node[nid];
	pfn_t floor = boot_movable_floor(b), start, end;
	uint64_t left = share;
	int owner;

	for (unsigned long i = 0; i < b->q->memblock->memory.cnt; i++) {
		uint64_t n;

		if (!boot_region(b->q, i, &start, &end, &owner) || owner != nid)
			continue;
		start = quarry_max(start, node->movable_pfn);
		if (start < floor &&
		    start < end) { /* counts as kernel memory, can never be movable */
			n = quarry_min(end, floor) - start;
			left -= quarry_min(n, left);
			*required -= quarry_min(n, *required);
			node->movable_pfn = quarry_min(end, floor);
			start = floor;
		}
		if (start >= end)
			continue;
		n = quarry_min(end - start, left);
		node->movable_pfn = start + n;
		*required -= quarry_min(n, *required);
		left -= n;
		if (left == 0)
			break; /* not before here: the start then lies in memory that may be movable */
	}
}

static void boot_align_movable(struct boot_state *b)
{
	for (int n = 0; n < b->pl->nr_nodes; n++) {
		struct page_node *node = &b->node[n];

		node->movable_pfn = bits_align_up(node->movable_pfn, BOOT_MOVABLE_ALIGN);
		if (!node->present || node->movable_pfn >= node->end_pfn)
			node->movable_pfn = 0;
	}
}

/* With movable_node: all from the lowest memory of the node that may be unplugged. */
static void boot_find_hotplug(struct boot_state *b)
{
	const struct memblock_type *memory = &b->q->memblock->memory;
	pfn_t start, end;
	int nid;

	for (unsigned long i = memory->cnt; i-- > 0;) {
		if ((memory->regions[i].flags & MEMBLOCK_HOTPLUG) != 0 &&
		    boot_region(b->q, i, &start, &end, &nid))
			b->node[nid].movable_pfn = start;
	}
}

/*
 * With kernelcore=mirror: from the node's lowest memory that is not mirrored, what lies below 4 GiB
 * apart. Mirrored memory above is the kernel's all the same.
 */
static void boot_find_unmirrored(struct boot_state *b)
{
	const pfn_t low = bits_pfn_down((phys_addr_t)4 << 30);
	bool unmirrored = false;
	pfn_t start, end;
	int nid;

	for (unsigned long i = b->q->memblock->memory.cnt; i-- > 0;) {
		if (boot_mirrored(b, i) || !boot_region(b->q, i, &start, &end, &nid))
			continue;
		if (start >= low)
			b->node[nid].movable_pfn = start;
		else
			unmirrored = true;
	}
	if (unmirrored)
		quarry_log(b->q, QUARRY_LOG_WARN,
			   "This configuration results in unmirrored kernel memory.");
}

/* Where each node's ZONE_MOVABLE begins; 0: it has none. */
static void boot_find_movable(struct boot_state *b)
{
	uint64_t required = bits_pfn_up(b->params->kernelcore);
	uint64_t total = b->pl->present, core, nodes = 0;

	if (b->params->movable_node || b->params->kernelcore_mirror) {
		if (b->mirror)
			boot_find_unmirrored(b);
		else
			boot_find_hotplug(b);
		boot_align_movable(b);
		return;
	}
	if (b->params->movablecore != 0) {
		core = bits_align_up(bits_pfn_up(b->params->movablecore), BOOT_MOVABLE_ALIGN);
		core = core < total ? total - core : 0;
		required = quarry_max(required, core);
	}
	if (required == 0 || required >= total)
		return;
	for (int n = 0; n < b->pl->nr_nodes; n++)
		nodes += b->node[n].present;
	/* An even share each; what small nodes could not take goes round again among fewer. */
	do {
		uint64_t share = bits_div64(required, nodes);

		for (int n = 0; n < b->pl->nr_nodes; n++) {
			if (!b->node[n].present)
				continue;
			if (required < share)
				share = bits_div64(required, nodes);
			boot_spread_node(b, n, share, &required);
		}
		nodes--;
	} while (nodes > 0 && required > nodes);
	boot_align_movable(b);
}

/* The zone of page @pfn, whose node's ZONE_MOVABLE begins at @movable (0: nowhere), and its end. */
static enum quarry_zone_type boot_zone_type(const struct boot_state *b, pfn_t movable, pfn_t pfn,
					    pfn_t *zone_end)
{
	enum quarry_zone_type type;

	if (movable != 0 && pfn >= movable) {
		*zone_end = ~(pfn_t)0;
		return QUARRY_ZONE_MOVABLE;
	}
	*zone_end = movable != 0 ? movable : ~(pfn_t)0;
	if (pfn < b->dma_end) {
		type = QUARRY_ZONE_DMA;
		*zone_end = quarry_min(*zone_end, b->dma_end);
	} else if (pfn < b->dma32_end) {
		type = QUARRY_ZONE_DMA32;
		*zone_end = quarry_min(*zone_end, b->dma32_end);
	} else {
		type = QUARRY_ZONE_NORMAL;
	}
	return type;
}

typedef void (*boot_piece_fn)(struct boot_state *b, int nid, enum quarry_zone_type type,
			      pfn_t start, pfn_t end);

/* Calls @fn for each piece of memory that lies in one zone and one GiB, in address order. */
static void boot_for_each_piece(struct boot_state *b, boot_piece_fn fn)
{
	for (unsigned long i = 0; i < b->q->memblock->memory.cnt; i++) {
		pfn_t start, end, stop, movable;
		int nid;

		if (!boot_region(b->q, i, &start, &end, &nid))
			continue;
		movable = boot_mirrored(b, i) ? 0 : b->node[nid].movable_pfn;
		while (start < end) {
			enum quarry_zone_type type = boot_zone_type(b, movable, start, &stop);

			stop = quarry_min(stop, bits_align_down(start, PAGE_ARENA_PAGES) +
							PAGE_ARENA_PAGES);
			stop = quarry_min(stop, end);
			fn(b, nid, type, start, stop);
			start = stop;
		}
	}
}

static void boot_note_zone(struct boot_state *b, int nid, enum quarry_zone_type type, pfn_t start,
			   pfn_t end)
{
	(void)start;
	(void)end;
	b->pl->nr_zones += !b->node[nid].has_zone[type];
	b->node[nid].has_zone[type] = true;
}

/* What the zone covers: its limits, cut to the node's span. */
static void boot_span_zone(struct boot_state *b, struct page_zone *z)
{
	const struct page_node *node = &b->node[z->nid];
	pfn_t low = 0, high = ~(pfn_t)0;

	if (z->type == QUARRY_ZONE_DMA)
		high = b->dma_end;
	else if (z->type == QUARRY_ZONE_DMA32)
		low = b->dma_end, high = b->dma32_end;
	else if (z->type == QUARRY_ZONE_NORMAL)
		low = quarry_max(b->dma_end, b->dma32_end);
	else
		low = node->movable_pfn;
	if (z->type != QUARRY_ZONE_MOVABLE && node->movable_pfn != 0 && !b->mirror)
		high = quarry_min(high, node->movable_pfn);
	z->start_pfn = quarry_max(low, node->start_pfn);
	z->spanned = (unsigned long)(quarry_min(high, node->end_pfn) - z->start_pfn);
}

static int boot_make_zones(struct boot_state *b)
{
	struct page_layer *pl = b->pl;
	struct page_zone *z;
	char *at;

	boot_for_each_piece(b, boot_note_zone);
	pl->max_zones = pl->nr_zones;
	/* Memory that comes later can make these two. */
	for (int nid = 0; nid < pl->nr_nodes && b->params->max_hotplug_phys != 0; nid++)
		pl->max_zones += 2u - b->node[nid].has_zone[QUARRY_ZONE_NORMAL] -
				 b->node[nid].has_zone[QUARRY_ZONE_MOVABLE];
	at = quarry_meta_alloc(b->q,
			       (sizeof(*z) + boot_room(sizeof(*pl->no_cpu->pcp))) * pl->max_zones +
				       refuse_bytes(pl));
	if (at == NULL)
		return -QUARRY_ENOMEM;
	z = pl->zone = boot_cut(&at, sizeof(*z) * pl->max_zones);
	pl->no_cpu->pcp = boot_cut(&at, sizeof(*pl->no_cpu->pcp) * pl->max_zones);
	pl->refusal = boot_cut(&at, refuse_bytes(pl));
	for (int nid = 0; nid < pl->nr_nodes; nid++) {
		for (unsigned int t = 0; t < QUARRY_NR_ZONES; t++) {
			if (!b->node[nid].has_zone[t])
				continue;
			z->index = (uint16_t)(z - pl->zone);
			z->nid = (int16_t)nid;
			z->type = (uint8_t)t;
			z->arena_first = PAGE_NO_ARENA;
			boot_span_zone(b, z);
			b->node[nid].zone[t] = z++;
		}
	}
	return 0;
}

/* Whether a piece begins a new arena; notes it as the last one. */
static bool boot_new_arena(struct boot_state *b, int nid, enum quarry_zone_type type, pfn_t start)
{
	pfn_t gib = start >> PAGE_ARENA_ORDER;

	if (b->last_nid == nid && b->last_type == type && b->last_gib == gib)
		return false;
	b->last_nid = nid;
	b->last_type = type;
	b->last_gib = gib;
	b->last_base = bits_align_down(start, QUARRY_PAGEBLOCK_PAGES);
	b->last_end = b->last_base;
	return true;
}

/* Pageblocks by which the last arena grows when it comes to end at @end. */
static size_t boot_grow_arena(struct boot_state *b, pfn_t end)
{
	pfn_t new_end = bits_align_up(end, QUARRY_PAGEBLOCK_PAGES);
	size_t more = (size_t)((new_end - b->last_end) >> QUARRY_PAGEBLOCK_ORDER);

	b->last_end = new_end;
	return more;
}

static void boot_count_arena(struct boot_state *b, int nid, enum quarry_zone_type type, pfn_t start,
			     pfn_t end)
{
	struct page_zone *z = b->node[nid].zone[type];

	if (boot_new_arena(b, nid, type, start)) {
		if (z->arena_first == PAGE_NO_ARENA)
			z->arena_first = b->nr_arenas;
		z->arena_last = ++b->nr_arenas;
	}
	z->nr_pb += boot_grow_arena(b, end);
}

static void boot_init_arena(struct boot_state *b, struct page_zone *z, pfn_t start)
{
	struct page_layer *pl = b->pl;
	struct page_arena *a = &pl->arena[pl->nr_arenas];

	a->index = (uint16_t)pl->nr_arenas++;
	a->zone = z;
	a->zone_index = z->index;
	a->zone_type = z->type;
	a->start_pfn = start;
	a->end_pfn = start;
	a->base_pfn = b->last_base;
	a->pb = z->pb + z->nr_pb;
	a->bits = z->bits + z->nr_pb;
	a->virgin = true;
	quarry_lock_init(&a->lock, QUARRY_LOCK_ARENA);
	for (unsigned int o = 0; o < QUARRY_NR_ORDERS; o++) {
		for (unsigned int t = 0; t < QUARRY_MIGRATE_TYPES; t++)
			a->head[o][t] = PAGE_NO_PB;
	}
}

/*
 * Types of the pageblocks of a piece: movable if the first page is memory of the zone. A piece that is
 * a whole arena has no records written: it may stay virgin.
 */
static void boot_type_pageblocks(struct boot_state *b, struct page_arena *a, pfn_t start, pfn_t end)
{
	uint8_t type = b->pl->no_grouping ? QUARRY_MIGRATE_UNMOVABLE : QUARRY_MIGRATE_MOVABLE;
	pfn_t pfn = bits_align_up(start, QUARRY_PAGEBLOCK_PAGES);

	if (start == a->base_pfn && end - start == PAGE_ARENA_PAGES) {
		a->one_piece = true;
		a->type = type;
		return;
	}
	for (; pfn < end; pfn += QUARRY_PAGEBLOCK_PAGES)
		a->pb[(pfn - a->base_pfn) >> QUARRY_PAGEBLOCK_ORDER].type = type;
	a->type = a->pb[0].type; /* if it is virgin in the end, all are alike */
}

static void boot_make_arena(struct boot_state *b, int nid, enum quarry_zone_type type, pfn_t start,
			    pfn_t end)
{
	struct page_zone *z = b->node[nid].zone[type];
	struct page_arena *a;

	z->present += (unsigned long)(end - start);
	if (boot_new_arena(b, nid, type, start))
		boot_init_arena(b, z, start);
	a = &b->pl->arena[b->pl->nr_arenas - 1];
	a->end_pfn = end;
	for (pfn_t s = start >> PAGE_SECTION_ORDER; s <= (end - 1) >> PAGE_SECTION_ORDER; s++) {
		if (b->pl->section[s] == PAGE_NO_ARENA)
			b->pl->section[s] = a->index;
	}
	z->nr_pb += boot_grow_arena(b, end);
	a->nr_pb = (uint16_t)((b->last_end - b->last_base) >> QUARRY_PAGEBLOCK_ORDER);
	boot_type_pageblocks(b, a, start, end);
}

/* Bitmaps and records of zone @z's pageblocks, and where its arenas have free blocks: on its node. */
static int boot_make_zone_tables(struct boot_state *b, struct page_zone *z)
{
	const struct page_layer *pl = b->pl;
	uint32_t last = pl->max_arenas > pl->nr_boot_arenas ? pl->max_arenas : z->arena_last;
	size_t bits = sizeof(*z->bits) * z->nr_pb, pb = sizeof(*z->pb) * z->nr_pb, avail;
	char *at;

	z->avail_words = (last - z->arena_first + 63) / 64;
	avail = sizeof(uint64_t) * z->avail_words * ZONE_AVAIL_ROWS;
	at = quarry_meta_alloc_node(b->q, boot_room(bits) + boot_room(pb) + avail, z->nid);
	if (at == NULL)
		return -QUARRY_ENOMEM;
	z->bits = boot_cut(&at, bits);
	z->pb = boot_cut(&at, pb);
	z->avail = boot_cut(&at, avail);
	z->nr_pb = 0;
	return 0;
}

/* End of what may be added at run time; 0: nothing. */
static pfn_t boot_hotplug_end(const struct boot_state *b)
{
	return quarry_min(bits_pfn_up(b->params->max_hotplug_phys),
			  (pfn_t)1 << (QUARRY_MAX_PHYS_BITS - QUARRY_PAGE_SHIFT));
}

static int boot_make_arenas(struct boot_state *b)
{
	struct page_layer *pl = b->pl;
	char *at;

	b->last_nid = QUARRY_NO_NODE;
	boot_for_each_piece(b, boot_count_arena);
	if (b->nr_arenas > PAGE_ARENAS_MAX) /* a descriptor has 16 bits for its arena */
		return -QUARRY_EINVAL;
	pl->nr_boot_arenas = b->nr_arenas;
	pl->nr_sections = (quarry_max(b->max_pfn, boot_hotplug_end(b)) + PAGE_SECTION_PAGES - 1) >>
			  PAGE_SECTION_ORDER;
	pl->max_arenas = b->nr_arenas;
	if (boot_hotplug_end(b) != 0) /* any section may get one of its own */
		pl->max_arenas = (uint32_t)quarry_min(b->nr_arenas + pl->nr_sections,
						      (pfn_t)PAGE_ARENAS_MAX);
	at = quarry_meta_alloc(b->q,
			       sizeof(*pl->arena) * pl->max_arenas +
				       boot_room(sizeof(*pl->section) * (size_t)pl->nr_sections) +
				       hotplug_bytes(pl->nr_sections));
	if (at == NULL)
		return -QUARRY_ENOMEM;
	pl->arena = boot_cut(&at, sizeof(*pl->arena) * pl->max_arenas);
	pl->section = boot_cut(&at, sizeof(*pl->section) * (size_t)pl->nr_sections);
	pl->hotplug = boot_cut(&at, hotplug_bytes(pl->nr_sections));
	for (unsigned int i = 0; i < pl->nr_zones; i++) {
		if (boot_make_zone_tables(b, &pl->zone[i]) != 0)
			return -QUARRY_ENOMEM;
	}
	quarry_memset(pl->section, 0xff, sizeof(*pl->section) * (size_t)pl->nr_sections);
	b->last_nid = QUARRY_NO_NODE;
	boot_for_each_piece(b, boot_make_arena);
	return 0;
}

static void boot_init_locks(struct page_layer *pl)
{
	quarry_lock_init(&pl->tune_lock, QUARRY_LOCK_OUTER);
	quarry_lock_init(&pl->mark_lock, QUARRY_LOCK_LEAF);
	quarry_lock_init(&pl->refusal_lock, QUARRY_LOCK_LEAF);
	quarry_lock_init(&pl->aside_lock, QUARRY_LOCK_LEAF);
	quarry_lock_init(&pl->again.lock, QUARRY_LOCK_LEAF);
	quarry_lock_init(&pl->reclaim_lock, QUARRY_LOCK_LEAF);
	quarry_lock_init(&pl->shrinker_lock, QUARRY_LOCK_LEAF);
	quarry_lock_init(&pl->scope_lock, QUARRY_LOCK_OUTER);
}

static void boot_place_cpus(struct boot_state *b)
{
	struct page_layer *pl = b->pl;
	int with_memory[QUARRY_MAX_NODES] = {0}, n = 0;

	for (int nid = 0; nid < pl->nr_nodes; nid++) {
		if (b->node[nid].present)
			with_memory[n++] = nid;
	}
	for (unsigned int c = 0; c < pl->nr_cpus; c++) {
		unsigned int block = c * (unsigned int)n / pl->nr_cpus;

		int nid = b->params->cpu_node != NULL ? b->params->cpu_node[c] : with_memory[block];

		pl->cpu[c] = pl->no_cpu;
		pl->cpu_place[c].nid = (int16_t)nid;
		b->node[nid].nr_cpus++;
	}
	for (int nid = 0; nid < pl->nr_nodes && b->params->node_cpus != NULL; nid++)
		b->node[nid].nr_cpus = b->params->node_cpus[nid];
}

static void boot_set_distances(struct boot_state *b)
{
	struct page_layer *pl = b->pl;
	size_t nodes = (size_t)pl->nr_nodes,
	       given = b->params->distance != NULL ? b->params->nr_nodes : 0;

	for (size_t i = 0; i < nodes; i++) {
		for (size_t j = 0; j < nodes; j++)
			pl->distance[i * nodes + j] = i < given && j < given
							      ? b->params->distance[i * given + j]
						      : i == j ? 10
							       : 20;
	}
}

static void boot_free_bits(struct page_arena *a, pfn_t start, pfn_t end)
{
	start -= a->base_pfn;
	end -= a->base_pfn;
	while (start < end) {
		pfn_t w = start >> PAGE_BITS_ORDER;
		pfn_t stop = quarry_min(end, (w + 1) << PAGE_BITS_ORDER);
		uint64_t mask = ~(uint64_t)0 >> (64 - (stop - start));

		a->bits[w / PAGE_WORDS][w % PAGE_WORDS] |= mask << (start & (PAGE_BITS - 1));
		start = stop;
	}
}

/*
 * Whether page @pfn, which no arena has, is memory in reach all the same: half of it is hotplug memory. The halves were
 * told apart when zones were sized, and are one region at hand-off. It is left out.
 */
static bool boot_is_halves(struct quarry *q, pfn_t pfn)
{
	return pfn < (pfn_t)1 << (QUARRY_MAX_PHYS_BITS - QUARRY_PAGE_SHIFT) &&
	       quarry_memblock_is_region_memory(q, (phys_addr_t)pfn << QUARRY_PAGE_SHIFT,
						QUARRY_PAGE_SIZE);
}

/* The hand-off's callback: pages [start, end) are free. Ranges come in ascending order. */
static void boot_give(struct quarry *q, pfn_t start, pfn_t end, void *arg)
{
	struct boot_state *b = arg;

	while (start < end) {
		struct page_arena *a = memmap_arena(b->pl, start);
		pfn_t stop;

		if (a == NULL) {
			if (boot_is_halves(q, start++))
				continue;
			quarry_report(q, "boot: pfn %#llx is handed over but is no memory",
				      (unsigned long long)start - 1);
			return;
		}
		stop = quarry_min(end, a->end_pfn);
		a->zone->managed += (unsigned long)(stop - start);
		a->nr_free += (uint32_t)(stop - start);
		if (a->virgin && (start != a->base_pfn || stop != a->end_pfn ||
				  (stop - start) % QUARRY_PAGEBLOCK_PAGES != 0))
			arena_write(a);
		if (!a->virgin)
			boot_free_bits(a, start, stop);
		start = stop;
	}
}

/* Puts what was handed over on the lists: lowest address first. */
static void boot_file_arena(struct quarry *q, struct page_arena *a)
{
	a->zone->nr_free += a->nr_free;
	if (a->virgin && a->nr_free == 0) {
		a->virgin = false;
		a->empty = true;
		return;
	}
	if (a->virgin) {
		arena_announce(a);
		return;
	}
	arena_is_mine(a);
	for (unsigned int i = a->nr_pb; i-- > 0;) {
		a->pb[i].nr_free = (uint16_t)pageblock_count_free(a->bits[i]);
		if (a->pb[i].nr_free != 0)
			arena_file(q, a, i);
	}
}

static void boot_hand_over(struct boot_state *b)
{
	struct page_layer *pl = b->pl;

	if (b->params->bootmem)
		quarry_free_all_bootmem(b->q, boot_give, b);
	else
		quarry_memblock_free_all(b->q, boot_give, b);
	for (uint32_t i = 0; i < pl->nr_arenas; i++)
		accept_boot_arena(b->q, &pl->arena[i]);
	for (uint32_t i = pl->nr_arenas; i-- > 0;)
		boot_file_arena(b->q, &pl->arena[i]);
	for (unsigned int i = 0; i < pl->nr_zones; i++)
		pl->managed += pl->zone[i].managed;
}

/* For each combination of the zone bits of gfp, the highest zone that may be tried. */
static void boot_highest_zones(const struct boot_state *b)
{
	for (unsigned int bits = 0; bits < 16; bits++) {
		gfp_t zones = bits & (__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32);
		enum quarry_zone_type type = QUARRY_ZONE_NORMAL;

		if ((zones & __GFP_DMA) != 0)
			type = b->dma_end != 0 ? QUARRY_ZONE_DMA : QUARRY_ZONE_NORMAL;
		else if ((zones & __GFP_DMA32) != 0)
			type = b->dma32_end != 0 ? QUARRY_ZONE_DMA32 : QUARRY_ZONE_NORMAL;
		else if (zones == __GFP_HIGHMEM && (bits & __GFP_MOVABLE) != 0)
			type = QUARRY_ZONE_MOVABLE;
		b->pl->highest_zone[bits] = (uint8_t)type;
	}
}

/* Both mobility bits at once mean nothing: taken as movable. */
static void boot_set_mobility(struct page_layer *pl, const struct quarry_boot_params *p)
{
	static const uint8_t types[4] = {QUARRY_MIGRATE_UNMOVABLE, QUARRY_MIGRATE_MOVABLE,
					 QUARRY_MIGRATE_RECLAIMABLE, QUARRY_MIGRATE_MOVABLE};

	pl->no_grouping =
		p->no_grouping || pl->present < QUARRY_PAGEBLOCK_PAGES * QUARRY_MIGRATE_TYPES;
	pl->one_home = p->one_home;
	for (unsigned int i = 0; i < 4; i++)
		pl->mobility[i] = pl->no_grouping ? QUARRY_MIGRATE_UNMOVABLE : types[i];
}

static int boot_check_params(const struct quarry_boot_params *p)
{
	if (p->nr_cpus > QUARRY_MAX_CPUS || p->nr_nodes > QUARRY_MAX_NODES ||
	    bits_fls(p->possible_nodes) > QUARRY_MAX_NODES)
		return -QUARRY_EINVAL;
	if (p->distance != NULL && p->nr_nodes == 0)
		return -QUARRY_EINVAL;
	if (p->slab_min_order > 3 || p->slab_max_order > 5)
		return -QUARRY_EINVAL;
	for (unsigned int c = 0; p->cpu_node != NULL && c < quarry_max(p->nr_cpus, 1u); c++) {
		if (p->cpu_node[c] < 0 || p->cpu_node[c] >= QUARRY_MAX_NODES)
			return -QUARRY_EINVAL;
	}
	return 0;
}

/* Asked before anything is made, so that a machine without memory stays as it was. */
static bool boot_has_memory(struct quarry *q)
{
	pfn_t start, end;
	int nid;

	for (unsigned long i = 0; i < q->memblock->memory.cnt; i++) {
		if (boot_region(q, i, &start, &end, &nid))
			return true;
	}
	return false;
}

static pfn_t boot_limit(phys_addr_t asked, phys_addr_t usual)
{
	return asked == 0                 ? bits_pfn_down(usual)
	       : asked == ~(phys_addr_t)0 ? 0
					  : bits_pfn_down(asked);
}

/* The layer, what stands in for a CPU's tables, and what there is of each node and CPU. */
static int boot_make_tables(struct boot_state *b)
{
	const size_t no_cpu = (size_t)bits_align_up(offsetof(struct page_cpu, open), 64);
	const unsigned int nr_cpus = quarry_max(b->params->nr_cpus, 1u);
	int nodes = boot_count_nodes(b, nr_cpus);
	size_t nr = (size_t)nodes;
	struct page_layer *pl;
	char *at;

	if (nodes < 0)
		return nodes;
	at = quarry_meta_alloc(b->q, no_cpu + boot_room(sizeof(*pl)) +
					     nr * boot_room(sizeof(*pl->node)) +
					     nr_cpus * (boot_room(sizeof(*pl->cpu_place)) +
							boot_room(sizeof(*pl->cpu))) +
					     boot_room(nr * nr));
	if (at == NULL)
		return -QUARRY_ENOMEM;
	b->pl = b->q->pages = pl = (struct page_layer *)(void *)(at + no_cpu);
	pl->no_cpu = boot_cut(&at, no_cpu);
	at += boot_room(sizeof(*pl));
	pl->nr_nodes = nodes;
	b->node = pl->node = boot_cut(&at, sizeof(*pl->node) * nr);
	pl->nr_cpus = pl->nr_online_cpus = nr_cpus;
	pl->cpu_place = boot_cut(&at, sizeof(*pl->cpu_place) * nr_cpus);
	b->q->cpus = pl->cpu = boot_cut(&at, sizeof(*pl->cpu) * nr_cpus);
	pl->distance = boot_cut(&at, nr * nr);
	pl->no_cpu->lock.busy = 1;
	pl->no_cpu->q = b->q;
	boot_init_locks(pl);
	return 0;
}

static void boot_set_params(struct boot_state *b)
{
	static const unsigned int ratios[4] = {256, 256, 32, 0};
	const struct quarry_boot_params *p = b->params;
	struct page_layer *pl = b->pl;

	pl->movable_node = p->movable_node;
	pl->watermark_scale_factor =
		p->watermark_scale_factor != 0 ? p->watermark_scale_factor : 10;
	for (unsigned int i = 0; i < 4; i++)
		pl->lowmem_reserve_ratio[i] =
			p->set_lowmem_reserve_ratio ? p->lowmem_reserve_ratio[i] : ratios[i];
	b->dma_end = boot_limit(p->dma_limit, (phys_addr_t)16 << 20);
	b->dma32_end = boot_limit(p->dma32_limit, (phys_addr_t)4 << 30);
	boot_highest_zones(b);
}

/* Each CPU's nearest node with memory: the first of its zonelist. */
void boot_settle_cpus(struct page_layer *pl)
{
	for (unsigned int c = 0; c < pl->nr_cpus; c++) {
		struct page_cpu_place *cpu = &pl->cpu_place[c];
		const struct page_zonelist *list = zonelist_of(&pl->node[cpu->nid], false);

		quarry_store_relaxed(&cpu->mem_nid,
				     list->nr != 0 ? (int16_t)list->zone[0]->nid : cpu->nid);
	}
}

int page_boot(struct quarry *q, const struct quarry_boot_params *params)
{
	static const struct quarry_boot_params defaults;
	struct boot_state b = {.q = q, .params = params != NULL ? params : &defaults};
	uint64_t populated[PAGE_ZONE_WORDS];
	int err = boot_check_params(b.params);

	if (err == 0 &&
	    (!boot_has_memory(q) || (b.params->nr_unaccepted != 0 && q->port.accept == NULL)))
		err = -QUARRY_EINVAL;
	if (err != 0)
		return err;
	q->boot_from_bootmem = b.params->bootmem;
	q->boot_params = b.params;
	if (b.params->nr_unaccepted != 0) {
		q->unaccepted = b.params->unaccepted;
		q->nr_unaccepted = b.params->nr_unaccepted;
	}
	b.mirror = b.params->kernelcore_mirror && !b.params->movable_node;
	if ((err = boot_make_tables(&b)) != 0)
		return err;
	boot_set_params(&b);
	boot_span_nodes(&b);
	boot_find_movable(&b);
	boot_set_mobility(b.pl, b.params);
	boot_place_cpus(&b);
	boot_set_distances(&b);
	if ((err = boot_make_zones(&b)) != 0 || (err = boot_make_arenas(&b)) != 0)
		return err;
	/* The lists' room is made here too, while memory still comes from boot. */
	zonelist_populated(b.pl, populated);
	return zonelist_prepare(q, populated) != NULL ? 0 : -QUARRY_ENOMEM;
}

void page_boot_finish(struct quarry *q)
{
	struct boot_state b = {.q = q, .pl = q->pages, .params = q->boot_params};
	uint64_t populated[PAGE_ZONE_WORDS];

	boot_hand_over(&b);
	cma_activate(q);
	q->boot_params = NULL; /* the caller's, and not needed again */
	q->nr_unaccepted = 0;
	q->stage = QUARRY_STAGE_PAGES;
	b.pl->handed_over = b.pl->managed;
	zonelist_populated(b.pl, populated);
	zonelist_publish(q, zonelist_prepare(q, populated));
	boot_settle_cpus(b.pl);
	watermark_setup(q, b.params);
}
