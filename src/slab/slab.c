/* SPDX-License-Identifier: MIT */
/*
 * Slabs: blocks of pages that are cut into objects of one cache.
 *
 * Problem    Keep account of which places of a block are free, without writing into the block; find a
 *            slab by any address in it; keep the slabs that have room where a refill finds them.
 *            Handing single objects to callers is sheaf.c's affair.
 *
 * Terms      The record of a slab (struct slab) lies in the record store and has a number, the slab
 *            index. Each page descriptor of the slab carries the index and the number of the cache.
 *            A free bit is set while the object is in the slab, clear while it is in a sheaf or with
 *            a caller.
 *
 *            page descriptors          record store                    pages
 *            | cache 7, slab 130 | --> 130: base, nr_free 3, order 1 --> | o | . | o | o | . | .. |
 *            | cache 7, slab 130 |      free 0010 1100                   (. allocated or cached)
 *
 * Invariant  nr_free is the number of set bits. A slab is on its node's partial list exactly when
 *            nr_free is not 0. The node's counts are sums over its slabs. quarry_check_slab() checks.
 *
 * Life       slab_new() makes one with all bits set, constructs its objects, and shows it to nobody;
 *            slab_publish() enters it into its node. slab_flush() (flush.c) and slab_discard_empty() take
 *            a wholly free one out under the lock and give its pages back after it. A flush leaves the
 *            node min_partial slabs, and empty ones up to `keep`: as many as were made again after
 *            they had been given back, since the reaper last looked. Records are reused
 *            but never unmapped: a stale index leads to a record that does not match, not astray.
 *
 * Locks      node->lock guards partial list, counts, bitmaps. The page layer, the port and the record
 *            store are called without it. layer->lock guards store and pool and is held for a few
 *            lines; tables come from quarry_meta_alloc() before it is taken.
 *
 * Cost       A refill takes whole words of the bitmap: one count-trailing-zeros an object, or an addition
 *            where a slab is fresh.
 * Failure    slab_new() returns NULL and has given everything back. An object that does not belong
 *            is reported and left alone.
 */
#include "internal.h"

#define SLAB_POOL_CHUNK_MAX ((size_t)64 << 10)
#define SLAB_POOL_SHARE 32u   /* by which the pool grows, rounded up to 2^n */
#define SLAB_POOL_LOOK 16u    /* chunks that a request looks at */
#define SLAB_CHUNK_PIECES 16u /* of the record store, at most */
#define SLAB_STORE_SHARE 16u  /* by which it grows */

/* ---- pool ---- */

/* What the last chunks have left: what was too little for one request may do for the next. */
static void *pool_carve_locked(struct slab_layer *layer, size_t size) QUARRY_REQUIRES(layer->lock)
{
	struct slab_chunk *c = layer->pool;
	void *p;

	for (unsigned int i = 0; i < SLAB_POOL_LOOK && c != NULL; i++, c = c->next) {
		if (c->size - c->used < size)
			continue;
		p = (char *)c + c->used;
		c->used += size;
		return p;
	}
	return NULL;
}

void *slab_pool_alloc(struct quarry *q, size_t size)
{
	struct slab_layer *layer = q->slabs;
	struct slab_chunk *chunk;
	quarry_pin_t pin;
	size_t want;
	void *p;

	pin = quarry_lock(q->concurrent, &layer->lock);
	p = pool_carve_locked(layer, size);
	want = quarry_min(layer->pool_bytes / SLAB_POOL_SHARE, SLAB_POOL_CHUNK_MAX);
	quarry_unlock(q->concurrent, &layer->lock, pin);
	if (p != NULL)
		return p;
	want = quarry_max(want, size + sizeof(*chunk) + SLAB_META_HEADER);
	want = quarry_max(want, QUARRY_PAGE_SIZE);
	want = ((size_t)1 << bits_fls(want - 1)) - SLAB_META_HEADER;
	chunk = quarry_meta_alloc(q, want);
	if (chunk == NULL)
		return NULL;
	chunk->size = want;
	chunk->used = sizeof(*chunk) + size;
	pin = quarry_lock(q->concurrent, &layer->lock);
	layer->pool_bytes += want;
	chunk->next = layer->pool;
	layer->pool = chunk;
	quarry_unlock(q->concurrent, &layer->lock, pin);
	return (char *)chunk + sizeof(*chunk);
}

#if !QUARRY_TINY

bool slab_pool_reserve(struct quarry *q, size_t size)
{
	struct slab_layer *layer = q->slabs;
	struct slab_chunk *chunk = quarry_meta_alloc(q, sizeof(*chunk) + size);
	quarry_pin_t pin;

	if (chunk == NULL)
		return false;
	chunk->size = sizeof(*chunk) + size;
	chunk->used = sizeof(*chunk);
	pin = quarry_lock(q->concurrent, &layer->lock);
	layer->pool_bytes += chunk->size;
	chunk->next = layer->pool;
	layer->pool = chunk;
	quarry_unlock(q->concurrent, &layer->lock, pin);
	return true;
}

void slab_pool_exit(struct quarry *q)
{
	struct slab_chunk *chunk;

	while ((chunk = q->slabs->pool) != NULL) {
		q->slabs->pool = chunk->next;
		quarry_meta_free(q, chunk);
	}
}

#endif

/* ---- record store ---- */

/* Onto the list of records of its size. */
static void store_put_locked(struct slab_layer *layer, struct slab *rec)
	QUARRY_REQUIRES(layer->lock)
{
	uint32_t *first = &layer->store.free[slab_record_class(slab_granules_of(rec))];

	rec->cache = SLAB_NO_CACHE;
	rec->next = *first;
	*first = slab_index(layer, rec);
}

#if QUARRY_TINY

static struct slab *store_alloc(struct quarry *q, unsigned int granules)
{
	struct slab_layer *layer = q->slabs;
	quarry_pin_t pin = quarry_lock(q->concurrent, &layer->lock);
	struct slab *rec = NULL;
	uint32_t index = layer->store.free[granules];

	if (index != SLAB_NONE) {
		rec = slab_record(layer, index);
		layer->store.free[granules] = rec->next;
	}
	quarry_unlock(q->concurrent, &layer->lock, pin);
	if (rec == NULL && (rec = slab_pool_alloc(q, (size_t)granules * SLAB_GRANULE)) != NULL) {
		rec->granules = (uint8_t)granules;
		rec->cache = SLAB_NO_CACHE;
		pin = quarry_lock(q->concurrent, &layer->lock);
		rec->made = layer->store.made;
		layer->store.made = slab_index(layer, rec);
		quarry_unlock(q->concurrent, &layer->lock, pin);
	}
	return rec;
}

/* @*index: the last one that was returned, or 0. */
struct slab *slab_store_next(const struct slab_layer *layer, uint32_t *index)
{
	do {
		*index = *index == SLAB_NONE ? layer->store.made : slab_record(layer, *index)->made;
		if (*index == SLAB_NONE)
			return NULL;
	} while (slab_record(layer, *index)->cache == SLAB_NO_CACHE);
	return slab_record(layer, *index);
}

#else

unsigned int slab_record_class(unsigned int granules)
{
	return granules <= SLAB_RECORD_FINE
		       ? granules
		       : SLAB_RECORD_FINE + (granules - SLAB_RECORD_FINE) / SLAB_RECORD_STEP;
}

/* Piece number @number, which is there. */
static struct slab_piece *store_piece(const struct slab_layer *layer, uint32_t number)
{
	return (struct slab_piece *)(void *)slab_record(layer, number << SLAB_PIECE_SHIFT);
}

/* The first granule of @piece from @from on in which a record begins; its end if there is none. */
static unsigned int store_next_start(const struct slab_piece *piece, unsigned int from)
{
	for (unsigned int w = from / 64; w < QUARRY_ARRAY_SIZE(piece->starts); w++) {
		uint64_t bits = piece->starts[w];

		if (w == from / 64)
			bits &= ~(uint64_t)0 << from % 64;
		if (bits != 0)
			return w * 64 + bits_ctz64(bits);
	}
	return piece->end;
}

unsigned int slab_granules_of(const struct slab *rec)
{
	return store_next_start(slab_piece_of(rec), rec->place + 1u) - rec->place;
}

/*
 * Where the @level-th table on the way to @piece hangs, from 0 on; those above it exist. The last one leads
 * to pieces.
 */
static struct slab_dir **store_slot(struct slab_store *store, uint32_t piece, unsigned int level)
{
	struct slab_dir **slot = &store->first;

	if (piece >= SLAB_FIRST_PIECES) {
		slot = &store->top;
		if (level == 0)
			return slot;
		level--;
		slot = (struct slab_dir **)(void *)&(*slot)->entry[piece >> (2 * SLAB_DIR_SHIFT)];
	}
	if (level == 0)
		return slot;
	return (struct slab_dir **)(void *)&(*slot)
		->entry[piece >> SLAB_DIR_SHIFT & (SLAB_DIR_ENTRIES - 1)];
}

static unsigned int store_levels(uint32_t piece)
{
	return piece >= SLAB_FIRST_PIECES ? 3 : 2;
}

/* New tables that @piece needs before it can be entered. */
static unsigned int store_tables_locked(struct slab_store *store, uint32_t piece)
{
	unsigned int levels = store_levels(piece);

	for (unsigned int level = 0; level < levels; level++) {
		if (*store_slot(store, piece, level) == NULL)
			return levels - level;
	}
	return 0;
}

static struct slab_dir *store_use_table_locked(struct slab_store *store)
{
	struct slab_dir *dir = store->spare;

	store->spare = dir->entry[0];
	dir->entry[0] = NULL;
	return dir;
}

/* Pieces of the next chunk: a share of what there is, within one table. 0: no room. */
static uint32_t store_growth_locked(const struct slab_store *store)
{
	uint32_t room = SLAB_DIR_ENTRIES - (store->nr_pieces & (SLAB_DIR_ENTRIES - 1));
	uint32_t want = store->nr_pieces / SLAB_STORE_SHARE;

	if (store->nr_pieces >= SLAB_MAX_PIECES)
		return 0;
	want = want == 0 ? 1 : 1u << bits_log2(want);
	return quarry_min(quarry_min(want, SLAB_CHUNK_PIECES), 1u << bits_log2(room));
}

/* Enters a chunk, which is zeroed; false: a table is missing. */
static bool store_enter_locked(struct slab_store *store, char *base, uint32_t pieces)
{
	uint32_t i, piece = store->nr_pieces;
	struct slab_dir *dir;

	if (store_growth_locked(store) < pieces)
		return false;
	for (unsigned int level = 0; level < store_levels(piece); level++) {
		if (*store_slot(store, piece, level) != NULL)
			continue;
		if (store->spare == NULL)
			return false;
		*store_slot(store, piece, level) = store_use_table_locked(store);
	}
	dir = *store_slot(store, piece, store_levels(piece) - 1);
	for (i = 0; i < pieces; i++) {
		struct slab_piece *p =
			(struct slab_piece *)(void *)(base + (size_t)i * SLAB_PIECE_BYTES);

		p->number = piece + i;
		p->size = i == pieces - 1 ? SLAB_PIECE_LAST : SLAB_PIECE_GRANULES;
		p->end = 1;
		dir->entry[(piece + i) & (SLAB_DIR_ENTRIES - 1)] = p;
	}
	store->nr_pieces += pieces;
	return true;
}

/* Brings tables, as spares, and one more chunk. False: nothing was entered. Not under a lock. */
static bool store_grow(struct quarry *q)
{
	struct slab_layer *layer = q->slabs;
	struct slab_store *store = &layer->store;
	struct slab_dir *dir;
	unsigned int tables;
	uint32_t pieces;
	quarry_pin_t pin;
	char *chunk;
	bool done;

	pin = quarry_lock(q->concurrent, &layer->lock);
	pieces = store_growth_locked(store);
	tables = pieces != 0 ? store_tables_locked(store, store->nr_pieces) : 0;
	for (dir = store->spare; dir != NULL && tables != 0; dir = dir->entry[0])
		tables--;
	quarry_unlock(q->concurrent, &layer->lock, pin);
	if (pieces == 0)
		return false;
	for (; tables != 0; tables--) {
		dir = slab_pool_alloc(q, sizeof(*dir));
		if (dir == NULL)
			return false;
		pin = quarry_lock(q->concurrent, &layer->lock);
		dir->entry[0] = store->spare;
		store->spare = dir;
		quarry_unlock(q->concurrent, &layer->lock, pin);
	}
	chunk = quarry_meta_alloc(q, (size_t)pieces * SLAB_PIECE_BYTES - SLAB_META_HEADER);
	if (chunk == NULL)
		return false;
	pin = quarry_lock(q->concurrent, &layer->lock);
	done = store_enter_locked(store, chunk, pieces);
	quarry_unlock(q->concurrent, &layer->lock, pin);
	if (!done)
		quarry_meta_free(q, chunk);
	return done;
}

/* The next granules of @piece become a record. */
static struct slab *store_cut_locked(struct slab_piece *piece, unsigned int granules)
{
	unsigned int place = piece->end;
	struct slab *rec = (struct slab *)(void *)((char *)piece + place * SLAB_GRANULE);

	rec->place = (uint8_t)place;
	piece->starts[place / 64] |= (uint64_t)1 << place % 64;
	piece->end = (uint8_t)(place + granules);
	return rec;
}

/*
 * The next record out of the piece being carved, or of the next piece. What is larger than a granule begins at a line of
 * the CPU's cache.
 */
static struct slab *store_carve_locked(struct slab_layer *layer, unsigned int granules)
	QUARRY_REQUIRES(layer->lock)
{
	struct slab_store *store = &layer->store;

	for (; store->piece < store->nr_pieces; store->piece++) {
		struct slab_piece *piece = store_piece(layer, store->piece);

		if (granules > 1 && piece->end % 2 != 0 && piece->end < piece->size)
			store_put_locked(layer, store_cut_locked(piece, 1));
		if (piece->end + granules <= piece->size)
			return store_cut_locked(piece, granules);
	}
	return NULL;
}

static struct slab *store_alloc_locked(struct slab_layer *layer, unsigned int granules)
	QUARRY_REQUIRES(layer->lock)
{
	uint32_t *first = &layer->store.free[slab_record_class(granules)];
	struct slab *rec;

	if (*first == SLAB_NONE)
		return store_carve_locked(layer, granules);
	rec = slab_record(layer, *first);
	*first = rec->next;
	return rec;
}

static struct slab *store_alloc(struct quarry *q, unsigned int granules)
{
	struct slab_layer *layer = q->slabs;
	unsigned int tries;
	struct slab *rec;
	quarry_pin_t pin;

	if (granules > SLAB_RECORD_MOST)
		return NULL;
	for (tries = 0; tries < 4; tries++) {
		pin = quarry_lock(q->concurrent, &layer->lock);
		rec = store_alloc_locked(layer, granules);
		if (rec != NULL)
			rec->cache = SLAB_NO_CACHE;
		quarry_unlock(q->concurrent, &layer->lock, pin);
		if (rec != NULL)
			return rec;
		/* Failure can also mean that another CPU was first: the second look tells. */
		if (!store_grow(q) && !q->concurrent)
			return NULL;
	}
	return NULL;
}

#endif

static void store_free(struct quarry *q, struct slab *rec)
{
	struct slab_layer *layer = q->slabs;
	quarry_pin_t pin = quarry_lock(q->concurrent, &layer->lock);

	store_put_locked(layer, rec);
	quarry_unlock(q->concurrent, &layer->lock, pin);
}

#if !QUARRY_TINY

struct slab *slab_store_next(const struct slab_layer *layer, uint32_t *index)
{
	for (;;) {
		uint32_t number = *index >> SLAB_PIECE_SHIFT, place;
		const struct slab_piece *piece;
		struct slab *rec;

		if (number >= layer->store.nr_pieces || number > layer->store.piece)
			return NULL;
		piece = store_piece(layer, number);
		place = store_next_start(piece, *index & (SLAB_PIECE_GRANULES - 1));
		if (place == piece->end) {
			*index = (number + 1) << SLAB_PIECE_SHIFT;
			continue;
		}
		rec = slab_record(layer, number << SLAB_PIECE_SHIFT | place);
		*index = (number << SLAB_PIECE_SHIFT) + place + 1;
		if (quarry_load_relaxed(&rec->cache) != SLAB_NO_CACHE)
			return rec;
	}
}

struct slab *slab_next_of(struct quarry *q, const struct kmem_cache *s, uint32_t *index)
{
	struct slab *rec;
	quarry_pin_t pin;
	bool found;

	do {
		pin = quarry_lock(q->concurrent, &q->slabs->lock);
		rec = slab_store_next(q->slabs, index);
		found = rec == NULL || quarry_load_relaxed(&rec->cache) == s->id;
		quarry_unlock(q->concurrent, &q->slabs->lock, pin);
	} while (!found);
	return rec;
}

#endif

/* ---- partial lists; node->lock held ---- */

/* Where a slab belongs: it turns sparse above three quarters free, and stays so down to a half. */
static inline uint8_t partial_list_of(const struct kmem_cache *s, const struct slab *slab)
{
	uint32_t free = 4u * slab->nr_free, all = slab_objects(s, slab);

	if (free == 0)
		return SLAB_UNLISTED;
	return free > (slab->list == SLAB_SPARSE ? 2 : 3) * all ? SLAB_SPARSE : SLAB_PARTIAL;
}

/* To the end of list number @where. */
static void partial_add(const struct slab_layer *layer, struct slab_node *n, struct slab *slab,
			uint8_t where) QUARRY_REQUIRES(n->lock)
{
	struct slab_list *list = &n->partial[where - 1];
	uint32_t index = slab_index(layer, slab);

	slab->list = where;
	slab->next = SLAB_NONE;
	slab->prev = list->last;
	if (list->last == SLAB_NONE)
		list->first = index;
	else
		slab_record(layer, list->last)->next = index;
	list->last = index;
	quarry_store_relaxed(&n->nr_partial, n->nr_partial + 1);
}

static void partial_remove(const struct slab_layer *layer, struct slab_node *n, struct slab *slab)
	QUARRY_REQUIRES(n->lock)
{
	struct slab_list *list = &n->partial[slab->list - 1];

	if (slab->prev == SLAB_NONE)
		list->first = slab->next;
	else
		slab_record(layer, slab->prev)->next = slab->next;
	if (slab->next == SLAB_NONE)
		list->last = slab->prev;
	else
		slab_record(layer, slab->next)->prev = slab->prev;
	slab->next = SLAB_NONE;
	slab->prev = SLAB_NONE;
	slab->list = SLAB_UNLISTED;
	quarry_store_relaxed(&n->nr_partial, n->nr_partial - 1);
}

/* After its free objects have changed: to the list where it belongs, or off. */
static inline void partial_move(const struct slab_layer *layer, const struct kmem_cache *s,
				struct slab_node *n, struct slab *slab) QUARRY_REQUIRES(n->lock)
{
	uint8_t list = partial_list_of(s, slab);

	if (list == slab->list || slab->list == SLAB_MOVING)
		return;
	if (slab->list != SLAB_UNLISTED)
		partial_remove(layer, n, slab);
	if (list != SLAB_UNLISTED)
		partial_add(layer, n, slab, list);
}

/* The slab to refill from: a sparse one only if there is no other. */
static struct slab *partial_best(const struct slab_layer *layer, const struct slab_node *n)
	QUARRY_REQUIRES(n->lock)
{
	for (unsigned int list = 0; list < SLAB_LISTS; list++) {
		if (n->partial[list].first != SLAB_NONE)
			return slab_record(layer, n->partial[list].first);
	}
	return NULL;
}

/* Takes a wholly free slab out of the node and puts it on the chain @gone, linked by next. */
static void slab_unhook(const struct slab_layer *layer, struct slab_node *n, struct slab *slab,
			uint32_t *gone) QUARRY_REQUIRES(n->lock)
{
	unsigned long objects = slab->nr_free;

	if (slab->list != SLAB_UNLISTED)
		partial_remove(layer, n, slab);
	NODE_ADD(n->nr_slabs, -1);
	n->total_objects -= objects;
	NODE_ADD(n->free_objects, -objects);
	NODE_ADD(n->pages, -(1l << slab->order));
	NODE_ADD(n->free_slabs, -1);
	slab->next = *gone;
	*gone = slab_index(layer, slab);
}

/* ---- birth and death ---- */

static struct page *slab_page(const struct quarry *q, const struct slab *slab)
{
	return quarry_virt_to_page((struct quarry *)(uintptr_t)q, (void *)slab_block(q, slab));
}

/*
 * What the page allocator is asked with. Zone and mobility are the cache's; effort and reserves the
 * caller's. The preferred order is a wish only, as in Linux: no reclaim, no reserves, no noise.
 */
static struct page *slab_get_pages(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid,
				   unsigned int *order)
{
	gfp_t keep = __GFP_RECLAIM | __GFP_HIGH | __GFP_ATOMIC | __GFP_IO | __GFP_FS |
		     __GFP_NOWARN | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL | __GFP_NORETRY |
		     __GFP_MEMALLOC | __GFP_NOMEMALLOC | __GFP_HARDWALL | __GFP_THISNODE;
	gfp_t flags = (gfp & keep) | s->allocflags;
	gfp_t wish = (flags | __GFP_NOWARN | __GFP_NORETRY) & ~__GFP_NOFAIL;
	struct page *page;

	if ((wish & __GFP_DIRECT_RECLAIM) != 0 && oo_order(s->oo) > oo_order(s->min))
		wish = (wish | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM;
	*order = oo_order(s->oo);
	page = nid == QUARRY_NO_NODE ? quarry_alloc_pages(q, wish, *order)
				     : quarry_alloc_pages_node(q, nid, wish, *order);
	if (page != NULL)
		return page;
	*order = oo_order(s->min);
	page = quarry_alloc_pages_node(q, nid, flags, *order);
	if (page != NULL)
		quarry_fetch_add_relaxed(&s->order_fallback, 1ul);
	return page;
}

#if !QUARRY_TINY

const struct slab_range *slab_range_of(struct quarry *q, const struct page *page)
{
	const struct page_arena *a = page_arena_of(q->pages, page);
	const struct slab_range **slot = &q->slabs->range[a->index], *expected = NULL;
	struct slab_range *r;

	if (quarry_load_acquire(slot) != NULL)
		return quarry_load_acquire(slot);
	r = slab_pool_alloc(q, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->span.base = q->direct_map + (uintptr_t)(a->base_pfn << QUARRY_PAGE_SHIFT);
	r->span.len = (size_t)(a->end_pfn - a->base_pfn);
	r->span.map = a->map;
	r->nid = a->zone->nid;
	quarry_cmpxchg(slot, &expected, (const struct slab_range *)r); /* the first one stays */
	return quarry_load_acquire(slot);
}

/* Frees look first where the last slab was made. */
static void slab_note_range(struct quarry *q, struct kmem_cache *s, const struct page *page)
{
	const struct slab_range *r = slab_range_of(q, page);
	quarry_pin_t pin;

	if (r == NULL)
		return;
	if (quarry_load_relaxed(&s->hot) != r)
		quarry_store_release(&s->hot, r);
	pin = quarry_pin();
	if (r->nid == page_cpu_node(q, slab_this_cpu(s))) {
		slab_this_cpu_of(s)->near = r->span;
		slab_this_cpu_hot(q->slabs)->near = r->span;
	}
	quarry_unpin(pin);
}

#else

static void slab_note_range(struct quarry *q, struct kmem_cache *s, const struct page *page)
{
	(void)q;
	(void)s;
	(void)page;
}

#endif

unsigned int slab_record_granules(const struct kmem_cache *s, unsigned int objects)
{
	size_t bytes = sizeof(struct slab) +
		       slab_record_maps(s) * ((objects + 63) / 64) * sizeof(uint64_t);
	unsigned int granules;

	if ((slab_debug(s) & SLAB_DEBUG_PLACES) != 0)
		bytes += objects * sizeof(uint16_t);
	granules = (unsigned int)((bytes + SLAB_GRANULE - 1) / SLAB_GRANULE);
	if (granules > SLAB_RECORD_FINE)
		granules = (granules + SLAB_RECORD_STEP - 1) / SLAB_RECORD_STEP * SLAB_RECORD_STEP;
	return granules;
}

static void slab_set_all_free(struct slab *slab, unsigned int objects)
{
	unsigned int w;

	for (w = 0; w < objects / 64; w++)
		slab->free[w] = ~(uint64_t)0;
	if (objects % 64 != 0)
		slab->free[w] = ((uint64_t)1 << objects % 64) - 1;
}

/* Where a slab's first object begins, so that equal objects of many slabs do not all lie in the same sets of a CPU's cache. */
static uint32_t slab_next_colour(const struct kmem_cache *s, struct slab_node *n)
{
	return quarry_fetch_add_relaxed(&n->colour_next, 1u) % s->colours * s->colour_off;
}

struct slab *slab_new(struct quarry *q, struct kmem_cache *s, gfp_t gfp, int nid)
{
	unsigned int order, objects, i;
	struct page *page;
	struct slab *slab;

	if (unlikely(!cache_is_sealed(s))) {
		quarry_report(q,
			      "slab: %s: the cache's record was written to; it gets no more slabs",
			      s->name);
		return NULL;
	}
	page = slab_get_pages(q, s, gfp, nid, &order);
	if (page == NULL)
		return NULL;
	objects = order == oo_order(s->oo) ? oo_objects(s->oo) : oo_objects(s->min);
	slab = store_alloc(q, slab_record_granules(s, objects));
	if (slab == NULL) {
		quarry_free_pages(q, page, order);
		return NULL;
	}
	slab->next = SLAB_NONE;
	slab->prev = SLAB_NONE;
	slab->node = (uint8_t)page_nid(q, page);
	slab->base = (uintptr_t)quarry_page_address(q, page) + s->red_left_pad;
	if (SLAB_HAS_COLOURS && unlikely(s->colours != 0 && order == oo_order(s->oo)))
		slab->base += slab_next_colour(s, &s->node[slab->node]);
	slab->order = (uint8_t)order;
	slab->nr_free = (uint16_t)objects;
	slab->list = SLAB_UNLISTED;
	slab_set_all_free(slab, objects);
	if (unlikely((slab_debug(s) & SLAB_DEBUG_RECORDS) != 0))
		debug_slab_start(q, s, slab);
	if (unlikely((slab_debug(s) & SLAB_DEBUG_PLACES) != 0))
		profile_slab_start(s, slab);
	if (s->ctor != NULL && !q->no_access)
		for (i = 0; i < objects; i++)
			s->ctor((void *)(slab->base + (uintptr_t)i * s->size));
	if (unlikely((slab_debug(s) & SLAB_DEBUG_HOOKS) != 0))
		q->port.slab_alloc(q->port.ctx, quarry_page_address(q, page),
				   QUARRY_PAGE_SIZE << order);
	quarry_store_relaxed(&slab->cache, (uint16_t)s->id); /* slab_next_of() may look */
	page_set_slab(q, page, order, s->id, slab_index(q->slabs, slab));
	slab_note_range(q, s, page);
	return slab;
}

void slab_publish(struct quarry *q, struct kmem_cache *s, struct slab *slab)
{
	struct slab_node *n = &s->node[slab->node];
	unsigned int objects = slab_objects(s, slab);
	quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);

	NODE_ADD(n->nr_slabs, 1);
	if (SLAB_HAS_SHEAVES && n->given_back != 0) {
		n->given_back--;
		n->keep++; /* it would have been of use */
	}
	n->total_objects += objects;
	NODE_ADD(n->free_objects, slab->nr_free);
	NODE_ADD(n->pages, 1l << slab->order);
	NODE_ADD(n->free_slabs, slab->nr_free == objects ? 1 : 0);
	depot_refilled_locked(q, s, n, objects - slab->nr_free);
	partial_move(q->slabs, s, n, slab);
	quarry_unlock(q->concurrent, &n->lock, pin);
}

void slab_release_chain(struct quarry *q, uint32_t gone)
{
	while (gone != SLAB_NONE) {
		struct slab *slab = slab_record(q->slabs, gone);
		struct page *page = slab_page(q, slab);
		unsigned int order = slab->order;
		const struct kmem_cache *s = quarry_load_relaxed(&q->slabs->cache)[slab->cache];

		if (unlikely((slab_debug(s) & SLAB_DEBUG_LAYOUT) != 0))
			debug_slab_end(q, s, slab);
		if (unlikely((slab_debug(s) & SLAB_DEBUG_HOOKS) != 0))
			q->port.slab_free(q->port.ctx, (void *)slab_block(q, slab),
					  QUARRY_PAGE_SIZE << order);
		gone = slab->next;
		page_clear_slab(q, page, order);
		if ((s->flags & SLAB_TYPESAFE_BY_RCU) != 0) {
			rcu_defer_slab(q, slab);
			continue;
		}
		store_free(q, slab);
		quarry_free_pages(q, page, order);
	}
}

void slab_release_deferred(struct quarry *q, uint32_t index)
{
	while (index != SLAB_NONE) {
		struct slab *slab = slab_record(q->slabs, index);
		pfn_t pfn = quarry_virt_to_phys(q, (void *)slab->base) >> QUARRY_PAGE_SHIFT;
		unsigned int order = slab->order;

		pfn &= ~(pfn_t)0 << order; /* base is past what guards the first object */
		index = slab->next;
		store_free(q, slab);
		quarry_free_pages(q, quarry_pfn_to_page(q, pfn), order);
	}
}

/* ---- objects out ---- */

/* Places @nr neighbours, the first at @addr, below @top, from there down. */
static inline void slab_take_neighbours(void **top, unsigned int nr, uintptr_t addr, uintptr_t size)
{
	void **end = top - nr;

	do {
		*--top = (void *)addr;
		addr += size;
	} while (top != end);
}

unsigned int slab_take(const struct kmem_cache *s, struct slab *slab, void **obj, unsigned int max)
{
	unsigned int take = quarry_min((unsigned int)slab->nr_free, max);
	unsigned int left = take, n, low;
	uintptr_t base = slab->base;
	uintptr_t size = s->size;
	uint64_t *word = slab->free, bits, run;

	/* From the top of the array down, so that a pop gives the lowest address first. */
	for (; left != 0; word++, base += 64 * size) {
		bits = *word;
		if (bits == 0)
			continue;
		low = bits_ctz64(bits);
		run = bits >> low;
		/* Of a slab that is fresh, or was given back in order: one after the other. */
		if ((run & (run + 1)) == 0) {
			n = quarry_min(bits_log2(run) + 1, left);
			slab_take_neighbours(obj + left, n, base + low * size, size);
			left -= n;
			*word = low + n == 64 ? 0 : bits & ~(uint64_t)0 << (low + n);
			continue;
		}
		while (bits != 0 && left != 0) {
			obj[--left] = (void *)(base + bits_ctz64(bits) * size);
			bits &= bits - 1;
		}
		*word = bits;
	}
	slab->nr_free = (uint16_t)(slab->nr_free - take);
	return take;
}

unsigned int slab_refill(struct quarry *q, struct kmem_cache *s, unsigned int nid,
			 unsigned long above, void **obj, unsigned int max)
{
	struct slab_node *n = &s->node[nid];
	unsigned int got = 0, some;
	struct slab *slab;
	quarry_pin_t pin;

	if (quarry_load_relaxed(&n->nr_partial) <= above) /* a hint; looked at again below */
		return 0;
	pin = quarry_lock(q->concurrent, &n->lock);
	while (got < max && (slab = partial_best(q->slabs, n)) != NULL) {
		if (slab->nr_free == slab_objects(s, slab))
			NODE_ADD(n->free_slabs, -1);
		if (slab->next != SLAB_NONE)
			quarry_prefetch_write(slab_record(q->slabs, slab->next));
		some = slab_take(s, slab, obj + got, max - got);
		slab_fetch(q, s, obj + got, some);
		got += some;
		partial_move(q->slabs, s, n, slab);
	}
	NODE_ADD(n->free_objects, -(long)got);
	n->free_touched = true;
	depot_refilled_locked(q, s, n, got);
	quarry_unlock(q->concurrent, &n->lock, pin);
	return got;
}

/* ---- objects in ---- */

enum slab_fault slab_find(const struct quarry *q, const struct kmem_cache *s, const void *obj,
			  struct slab **slab, uint32_t *number)
{
	unsigned int cache;
	uint32_t index;
	uintptr_t off;

	if (!page_slab_of(q, obj, &cache, &index))
		return SLAB_FAULT_FOREIGN;
	if (cache != s->id)
		return SLAB_FAULT_CACHE;
	*slab = slab_record(q->slabs, index);
	off = (uintptr_t)obj - (*slab)->base;
	*number = slab_object_index(s, off);
	if (*number >= slab_objects(s, *slab) || (uintptr_t)*number * s->size != off)
		return SLAB_FAULT_INTERIOR;
	return SLAB_FAULT_NONE;
}

/* Whether node @n keeps one more slab that is wholly free. */
static bool slab_is_spared(const struct quarry *q, const struct kmem_cache *s,
			   const struct slab_node *n, unsigned int nid) QUARRY_REQUIRES(n->lock)
{
	if (q->slabs->limit_free)
		return n->free_objects <= n->free_limit;
	return n->nr_partial < s->min_partial ||
	       (n->free_slabs <= n->keep && page_node_has_plenty(q, nid));
}

QUARRY_NOINLINE void slab_grown_locked(const struct quarry *q, const struct kmem_cache *s,
				       struct slab_node *n, struct slab *slab, uint32_t *gone)
{
	if (SLAB_HAS_SHEAVES)
		slab->list &= (uint8_t)~SLAB_DUE;
	if (slab->nr_free == slab_objects(s, slab)) {
		NODE_ADD(n->free_slabs, 1);
		if (slab->list != SLAB_MOVING && !slab_is_spared(q, s, n, slab->node)) {
			n->given_back++;
			slab_unhook(q->slabs, n, slab, gone);
			return;
		}
	}
	partial_move(q->slabs, s, n, slab);
}

unsigned long slab_discard_empty(struct quarry *q, struct kmem_cache *s, unsigned int nid,
				 unsigned long max)
{
	struct slab_node *n = &s->node[nid];
	uint32_t gone = SLAB_NONE, index;
	unsigned long objects = 0;
	struct slab *slab;
	quarry_pin_t pin;

	if (quarry_load_relaxed(&n->nr_partial) == 0) /* a hint; looked at again below */
		return 0;
	pin = quarry_lock(q->concurrent, &n->lock);
	if (max == ~0ul) {
		n->keep = 0; /* what was wanted lately does not count under pressure */
		n->given_back = 0;
		depot_forget_locked(n);
	}
	/* A wholly free slab is sparse. */
	for (index = n->partial[SLAB_SPARSE - 1].first;
	     index != SLAB_NONE && n->free_slabs != 0 && max != 0;) {
		slab = slab_record(q->slabs, index);
		index = slab->next;
		if (slab->nr_free != slab_objects(s, slab))
			continue;
		objects += slab->nr_free;
		max--;
		slab_unhook(q->slabs, n, slab, &gone);
	}
	quarry_unlock(q->concurrent, &n->lock, pin);
	slab_release_chain(q, gone);
	return objects;
}

/* ---- moving objects out ---- */

struct slab *slab_start_move(struct quarry *q, struct kmem_cache *s, unsigned int nid)
{
	struct slab_node *n = &s->node[nid];
	struct slab *slab = NULL;
	quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);
	uint32_t index = n->partial[SLAB_SPARSE - 1].first;

	for (; index != SLAB_NONE; index = slab->next) {
		slab = slab_record(q->slabs, index);
		if (slab->nr_free != slab_objects(s, slab))
			break;
	}
	/* What is free elsewhere must take what is in use here. */
	if (index == SLAB_NONE || n->free_objects < slab_objects(s, slab)) {
		slab = NULL;
	} else {
		partial_remove(q->slabs, n, slab);
		slab->list = SLAB_MOVING;
	}
	quarry_unlock(q->concurrent, &n->lock, pin);
	return slab;
}

#if !QUARRY_TINY

struct slab *slab_set_aside(struct quarry *q, struct kmem_cache *s, unsigned int nid,
			    unsigned int list, uint32_t *last)
{
	struct slab_node *n = &s->node[nid];
	quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);
	struct slab *slab = NULL;

	if (*last == SLAB_NONE)
		*last = n->partial[list].last;
	if (n->partial[list].first != SLAB_NONE) {
		slab = slab_record(q->slabs, n->partial[list].first);
		partial_remove(q->slabs, n, slab);
		slab->list = SLAB_MOVING;
	}
	quarry_unlock(q->concurrent, &n->lock, pin);
	return slab;
}

#endif

void slab_end_move(struct quarry *q, struct kmem_cache *s, struct slab *slab)
{
	struct slab_node *n = &s->node[slab->node];
	uint32_t gone = SLAB_NONE;
	quarry_pin_t pin = quarry_lock(q->concurrent, &n->lock);

	slab->list = SLAB_UNLISTED;
	if (slab->nr_free == slab_objects(s, slab))
		slab_unhook(q->slabs, n, slab, &gone);
	else
		partial_move(q->slabs, s, n, slab);
	quarry_unlock(q->concurrent, &n->lock, pin);
	slab_release_chain(q, gone);
}
