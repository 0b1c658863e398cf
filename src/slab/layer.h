/* SPDX-License-Identifier: MIT */
/*
 * The slab layer's own state.
 *
 *	slab_layer -> cache[] by number, list of caches, kmalloc[type][class]
 *		   -> record store: slab index -> struct slab
 *		   -> pool: sheaves and caches, carved out of chunks
 *	kmem_cache -> cpu_sheaves[cpu]: main and spare sheaf
 *		   -> node[nid]: depot of full and empty sheaves, partial list, counts
 */
#ifndef QUARRY_SLAB_LAYER_H
#define QUARRY_SLAB_LAYER_H

#include <quarry/quarry.h>

#include <base/bits.h>
#include <base/compiler.h>
#include <base/lock.h>
#include <base/meta.h>
#include <base/quarry_state.h>
#include <base/string.h>

#include <page/slab_pages.h>

#include "slab_init.h"

#define SLAB_MIN_ALIGN 8u
#define SLAB_CACHE_LINE 64u
#define SLAB_MAX_OBJECTS 31552u   /* of one slab: what the largest record has bits for */
#define SLAB_PREFERRED_ORDER 3u   /* orders above this one only for a single object */
#define SLAB_DEPOT_LEAST 1u       /* full sheaves that a node keeps of a cache, at first */
#define SLAB_DEPOT_MOST 10u       /* after CPUs have met at the depot's lock */
#define SLAB_DEPOT_OBJECTS 16384u /* to follow the traffic: whose first lines a CPU's cache holds */
#define SLAB_DEPOT_SHARE 64u      /* and this part of the node's memory */
#define SLAB_KMALLOC ((uint32_t)0x00001000u) /* one of kmalloc's caches */

/* Debugging that changes what lies in a place; all that goes through debug.c by a cache's own flags. */
#define SLAB_DEBUG_LAYOUT (SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)
#define SLAB_DEBUG_FLAGS (SLAB_CONSISTENCY_CHECKS | SLAB_DEBUG_LAYOUT | SLAB_TRACE)
/* In kmem_cache.debug beside them: the port is told of objects; requests may fail by will; places are counted. */
#define SLAB_DEBUG_HOOKS ((uint32_t)1)
#define SLAB_DEBUG_FAIL ((uint32_t)2)
#define SLAB_DEBUG_PLACES ((uint32_t)4)
#define SLAB_TRACK_BYTES 32u /* of one user of an object; two are kept */
#define SLAB_SIZE_BYTES 4u   /* room that Linux takes for the size that kmalloc() was asked for */
#define SLAB_DEBUG_RECORDS (SLAB_DEBUG_FLAGS | SLAB_DEBUG_HOOKS)  /* slabs have active bits too */
#define SLAB_DEBUG_SHAPE (SLAB_DEBUG_RECORDS | SLAB_DEBUG_PLACES) /* records are larger */
#define SLAB_PROFILED_OBJECTS \
	1664u /* of one slab: what the largest record has bits and places for */

/* ---- sheaves ---- */

/* A stack of objects. On a CPU it is touched by that CPU only; others may read n. */
struct slab_sheaf {
	uint32_t n;
	uint32_t cap;
	struct slab_sheaf *next; /* in the depot or on a free list; elsewhere anything */
	void *obj[];
};

/* ---- slabs ---- */

#define SLAB_HAS_SHEAVES \
	(!QUARRY_TINY) /* else objects come out of the slabs, and go there: direct.c */
#define SLAB_HAS_DEBUG (!QUARRY_TINY)
#define SLAB_HAS_COLOURS (!QUARRY_TINY)
#define SLAB_GRANULE 32u
#define SLAB_NONE 0u /* no record has this index */
#define SLAB_NO_CACHE 0xffffu

/*
 * One slab, out of band: a granule if it has no more than 64 objects, so that two share a line of the CPU's cache and none
 * lies across two. base, cache, node and order do not change while it lives; the rest belongs to node->lock. Its index
 * follows from where it lies, its number of objects from cache and order. Records are never unmapped before the layer ends.
 */
struct slab {
	uintptr_t base;      /* address of its first object */
	uint32_t next, prev; /* partial list; next also chains free records */
	union {
		uint32_t kind; /* the next three at once: slab_kind() */
		struct {
			uint16_t cache; /* SLAB_NO_CACHE: the record is free */
			uint8_t node;
			uint8_t order;
		};
	};
	uint16_t nr_free;
	uint8_t list; /* on node->partial[list - 1]; SLAB_UNLISTED: it is full; SLAB_DUE beside it */
#if QUARRY_TINY
	uint8_t granules; /* of this record */
	uint32_t made;    /* the record that was made before */
#else
	uint8_t place; /* of this record in its piece, in granules */
#endif
	uint64_t free
		[]; /* 1: in the slab, neither in a sheaf nor with a caller; see slab_active() */
};

_Static_assert(QUARRY_TINY || sizeof(struct slab) <= 24, "with 64 bits behind it, a granule");

static inline uint32_t slab_kind(unsigned int cache, unsigned int node, unsigned int order)
{
	struct slab slab = {
		.cache = (uint16_t)cache, .node = (uint8_t)node, .order = (uint8_t)order};

	return slab.kind;
}

/*
 * Slab index -> record, by two or three tables of pointers; a piece of up to 128 granules of 32 bytes hangs off each
 * entry of the last. Granule 0 of a piece says which one it is and where records begin. The last piece of a chunk is
 * two granules shorter, so that chunk and quarry_meta_alloc()'s header fill whole pages.
 */
#define SLAB_META_HEADER          \
	((size_t)(QUARRY_TINY ? 0 \
			      : 64)) /* what a request of 2^n - 64 bytes leaves for the header */
#define SLAB_PIECE_SHIFT 7u
#define SLAB_PIECE_GRANULES (1u << SLAB_PIECE_SHIFT)
#define SLAB_PIECE_LAST (SLAB_PIECE_GRANULES - SLAB_META_HEADER / SLAB_GRANULE) /* of a chunk */
#define SLAB_PIECE_BYTES (SLAB_PIECE_GRANULES * SLAB_GRANULE)
#define SLAB_DIR_SHIFT 8u
#define SLAB_DIR_ENTRIES (1u << SLAB_DIR_SHIFT)
#define SLAB_FIRST_PIECES (1u << (2 * SLAB_DIR_SHIFT))
#define SLAB_MAX_PIECES (SLAB_FIRST_PIECES << SLAB_DIR_SHIFT)

struct slab_dir {
	void *entry[SLAB_DIR_ENTRIES];
};

struct slab_piece {
	uint32_t number;
	uint8_t size,
		end; /* granules it has, and those that were given out; records lie in [1, end) */
	uint64_t starts[SLAB_PIECE_GRANULES / 64]; /* granules in which one begins */
};

_Static_assert(sizeof(struct slab_piece) <= SLAB_GRANULE, "lies in granule 0");

/* Start of every chunk of the pool. */
struct slab_chunk {
	struct slab_chunk *next;
	size_t used, size; /* bytes, this header included */
} QUARRY_ALIGNED(64);

#if QUARRY_TINY
/* A record's index is its physical address in granules; it lies in the pool. */
#define SLAB_TINY_ORDER 1u /* slabs are of one page or two */
#define SLAB_RECORD_CLASSES \
	(2u + ((QUARRY_PAGE_SIZE << SLAB_TINY_ORDER) / SLAB_MIN_ALIGN / 8 + 24u) / SLAB_GRANULE)
#define SLAB_RECORD_FINE SLAB_RECORD_CLASSES /* of any number of granules */
#define SLAB_RECORD_STEP 1u
struct slab_store {
	uintptr_t direct_map;
	uint32_t made;                      /* all records, linked by made */
	uint32_t free[SLAB_RECORD_CLASSES]; /* by granules */
};
#else
/* Records of more than 16 granules have a multiple of four, up to the 124 that every piece has room for. */
#define SLAB_RECORD_FINE 16u
#define SLAB_RECORD_STEP 4u
#define SLAB_RECORD_MOST 124u
#define SLAB_RECORD_CLASSES \
	(1u + SLAB_RECORD_FINE + (SLAB_RECORD_MOST - SLAB_RECORD_FINE) / SLAB_RECORD_STEP)

_Static_assert(sizeof(struct slab) + SLAB_MAX_OBJECTS / 8 <= SLAB_RECORD_MOST * SLAB_GRANULE,
	       "the largest record");

struct slab_store {
	struct slab_dir *first; /* leads to the tables of the pieces below SLAB_FIRST_PIECES */
	struct slab_dir *top;   /* and to the likes of it for all pieces */
	uint32_t nr_pieces;     /* pieces that exist, numbered from 0 */
	uint32_t piece;         /* the one being carved */
	uint32_t free[SLAB_RECORD_CLASSES]; /* by store_class() */
	struct slab_dir *spare;             /* tables, chained by entry[0] */
};
#endif

/* ---- addresses to descriptors ---- */

/*
 * What is needed to find a descriptor in one arena. Descriptors beyond its memory read as no slab: page_slab_of() then
 * decides. CPUs have copies of their own, which are one load nearer.
 */
struct slab_span {
	uintptr_t base; /* address of the first page */
	size_t len;     /* pages; 0: nothing is found here */
	const struct page *map;
};

/* An arena's. Immutable once made, so that it can be passed on as a pointer. */
struct slab_range {
	struct slab_span span;
	int nid;
} QUARRY_ALIGNED(64);

/* Of one CPU and all caches. */
struct slab_cpu_hot {
	struct slab_span near; /* where kfree() looks for descriptors first, on the CPU's node */
	uint64_t rcu_word;     /* epoch * 2 + 1 in a section, else 0 */
	uint32_t rcu_nest;
} QUARRY_ALIGNED(64);

/* The half-word of a descriptor that tells slab pages, and of which cache. */
#define SLAB_TAG(id) ((uint16_t)((id) << PAGE_WORD_CACHE_SHIFT | PAGE_WORD_SLAB))
#define SLAB_TAG_MASK ((uint64_t)0xffff)

_Static_assert((PAGE_WORD_STATE_MASK | PAGE_WORD_CACHE_MASK << PAGE_WORD_CACHE_SHIFT) ==
		       SLAB_TAG_MASK,
	       "state and cache number share the low half-word");

/* ---- caches ---- */

/*
 * Of one CPU. Only that CPU writes. The main sheaf's stack pointer and its limits are kept here while
 * it is in use; main->n is brought up to date when the slow paths need it, see sheaf_enter().
 */
struct slab_cpu {
	void **top;         /* where the next freed object goes */
	void **base, **end; /* of main, which is never none: slab_layer.no_sheaf stands in */
	unsigned long allocs;
	struct slab_span near;    /* on the CPU's own node; frees look here first */
	struct slab_sheaf *spare; /* NULL, or any fill */
} QUARRY_ALIGNED(64);

/* The main sheaf. */
static inline struct slab_sheaf *slab_main(const struct slab_cpu *c)
{
	return QUARRY_CONTAINER_OF(c->base, struct slab_sheaf, obj);
}

/* Of one CPU; that CPU's alone, but for alien, which others may read. */
struct slab_seen {
	struct slab_sheaf *alien; /* NULL, or freed objects of other nodes, on their way home */
	/* as it was when the CPU last looked */
	unsigned long allocs; /* at the last reaping */
	void **top;
	uint32_t drains; /* of kmem_cache.drains: what was asked for */
};

/*
 * Slabs with a free object are on one of two lists. Refill leaves the sparse ones alone while there are
 * others, so that they get empty and can be given back.
 */
#define SLAB_UNLISTED 0u
#define SLAB_PARTIAL 1u
#define SLAB_SPARSE 2u
#define SLAB_LISTS 2u
#define SLAB_MOVING \
	3u /* on none: its objects are moved out, or its holes told; nobody refills from it */
/* Beside one of these: its free objects have passed their trip, see slab_trip(), and that is seen to under the same lock. */
#define SLAB_DUE 4u

struct slab_list {
	uint32_t first, last; /* slab indices */
};

/* Of one node; all under lock. */
struct slab_node {
	struct quarry_lock lock;
	struct slab_list partial[SLAB_LISTS];
#if !QUARRY_TINY
	uint32_t nr_full, nr_empty;
	struct slab_sheaf *full, *empty;
	uint32_t depot_max; /* full sheaves to keep: SLAB_DEPOT_LEAST .. SLAB_DEPOT_MOST */
	uint32_t full_min, empty_min; /* fewest since the last reaping: nobody needed these */
	uint32_t swing;               /* places beyond depot_max: for what comes and goes */
	uint32_t missed;     /* objects whose sheaf found no place and that did not come back yet */
	uint32_t came_back;  /* of these, since swing last grew */
	uint16_t reap_calls; /* since the node itself was reaped */
	bool met;            /* the depot's lock was held by somebody else since then */
#endif
	bool free_touched;    /* objects came out of its slabs since then */
	uint32_t given_back;  /* empty slabs that went since the node was told to keep none */
	uint32_t keep;        /* empty slabs to keep: so many were made again after they went */
	uint32_t free_limit;  /* free objects beyond which no empty slab is spared */
	uint32_t colour_next; /* slabs made here, to be coloured in turn */
	uint32_t free_slabs;  /* wholly free ones */
	uint32_t nr_partial;  /* slabs on the list: those with a free object */
	uint32_t nr_slabs;
	unsigned long total_objects; /* in all slabs */
	unsigned long free_objects;  /* set bits in all slabs */
	unsigned long pages;
} QUARRY_ALIGNED(QUARRY_TINY ? sizeof(void *) : 64);

/* Number of objects and order of a slab, packed as in Linux: order << 16 | objects. */
struct kmem_cache_order_objects {
	uint32_t x;
};

struct kmem_cache {
#if !QUARRY_TINY
	/* read by the fast paths */
	const struct slab_range *hot; /* where its last slab was made */
	uint64_t boundary_mul;        /* see sheaf_on_boundary() */
	uint64_t boundary_mask, boundary_limit;
#endif
	uint16_t tag; /* low half-word of its pages' descriptors */
	uint16_t nr_cpus, nr_nodes;
	bool fixed_size;     /* args->size was given */
	bool freeptr_inside; /* freeptr_offset was */
	uint32_t id;
	uint32_t flags;
	/* read by refill and flush */
#if !QUARRY_TINY
	uint64_t recip; /* 2^48 / size, rounded up; 0: divide */
#endif
	uint32_t size;
#if !QUARRY_TINY
	uint16_t trip[2 * SLAB_DUE]; /* of slabs of the preferred order, by list: slab_trip() */
#endif
	uint32_t sheaf_capacity; /* 0: this cache has no sheaves */
	uint32_t min_partial;
	uint32_t debug; /* SLAB_DEBUG_*: why all goes by debug.c; 0: it does not */
	struct slab_node *node;
	/* the rest */
	uint32_t object_size, inuse, offset, align;
	uint32_t red_left_pad; /* bytes from the start of a place to its object */
	uint32_t colours; /* first objects of slabs are so many, colour_off bytes apart; 0: one */
	uint32_t colour_off;
	uint32_t asked_flags; /* by who created it; flags has those of slab_debug too */
	struct kmem_cache_order_objects oo, min;
	gfp_t allocflags;
	int refcount;
	uint32_t useroffset, usersize;
	uint32_t freeptr_offset, wish_capacity; /* as asked for */
	void (*ctor)(void *object);
	const char *name;
	struct kmem_cache *list_next; /* made before this one */
	uint16_t rank;                /* of kmalloc's, from 1 on: its place among them; others: 0 */
	uint16_t cpu_partial;
#if QUARRY_HARDENED
	uint64_t seal; /* of its geometry: cache_sum() */
#endif
#if QUARRY_TINY
	uint32_t reapers; /* that walk over this cache and keep it; layer->lock */
	unsigned long allocs, refused, order_fallback;
};
#else
	uint16_t sheaf_class; /* of its capacity; see depot.c */
	uint16_t sheaf_grown; /* of its sheaves that are made now */
	uint32_t flushes;     /* sheaves that were emptied into the slabs */
	uint32_t reapers;     /* that walk over this cache and keep it; layer->lock */
	uint32_t drains;      /* how often all CPUs were asked to empty their sheaves */
	uint32_t movers;      /* under way: frees go right into the slabs */
	unsigned long refused, order_fallback;
	struct slab_seen *seen; /* by CPU */
	struct quarry *q;       /* for who came here by it: the short ways need not keep it */
	quarry_kmem_isolate_fn isolate;
	quarry_kmem_migrate_fn migrate;
	struct slab_cpu cpu_sheaves[];
};
#endif

enum slab_kmalloc_type {
	SLAB_KMALLOC_NORMAL,
	SLAB_KMALLOC_CGROUP,
	SLAB_KMALLOC_RECLAIM,
	SLAB_KMALLOC_DMA,
	SLAB_KMALLOC_TYPES
};
#define SLAB_KMALLOC_ROWS (QUARRY_TINY ? 1 : SLAB_KMALLOC_TYPES) /* types that are told apart */

/* Classes as Linux numbers them: 1 is 96, 2 is 192, i is 2^i bytes. */
#define SLAB_KMALLOC_CLASSES (QUARRY_PAGE_SHIFT + 2u)

#define SLAB_SHEAF_CLASSES 7u
#define SLAB_SHEAF_MOST 508u /* capacity of the largest class */

/*
 * Sizes of the normal type find their cache in one table: by steps of 8 bytes up to 1 KiB, and from
 * there, where classes are powers of two, by steps of 256.
 */
#define SLAB_BY_SIZE_FINE 1024u
#define SLAB_BY_SIZE_BASE (SLAB_BY_SIZE_FINE / 8 - SLAB_BY_SIZE_FINE / 256)
#define SLAB_BY_SIZE_SLOTS (SLAB_BY_SIZE_BASE + QUARRY_KMALLOC_MAX_CACHE_SIZE / 256)

#define SLAB_KV_SHIFT 6u
#define SLAB_KV_BUCKETS (1u << SLAB_KV_SHIFT)
struct slab_kv_area;
struct slab_rcu;
struct places;
struct profile_blocks;

struct slab_layer {
	struct kmem_cache *kmalloc[SLAB_KMALLOC_ROWS][SLAB_KMALLOC_CLASSES];
	struct kmem_cache *
		*random; /* copies of the normal type, a row of classes each; NULL: none */
	uint64_t random_seed;
	uint32_t opening;                 /* a CPU is making what kmalloc's short way needs */
	bool nomerge, limit_free, colour; /* quarry_boot_params.slab_* */
#if !QUARRY_TINY
	struct slab_range no_range;
	const struct slab_range **range; /* by arena; NULL: no slab was made there yet */
	struct slab_sheaf *no_sheaf;     /* capacity 0, shared, never written */
#endif
	unsigned int nr_cpus, nr_nodes;
	unsigned int geometry_cpus;
	unsigned int min_order, max_order, min_objects; /* of slabs; min_objects 0: by CPUs */
	unsigned int sheaf_objects;                     /* 0: by the size of objects */
	uint64_t *large_pages;   /* of kmalloc() above the largest class, by node; modulo 2^64 */
	size_t cache_bytes;      /* of every struct kmem_cache with its arrays */
	struct quarry_lock lock; /* everything below; innermost but for the page layer's */
	struct kmem_cache *list; /* newest first */
	struct kmem_cache *free_caches;
#if !QUARRY_TINY
	struct slab_sheaf *free_sheaves[SLAB_SHEAF_CLASSES];
#endif
	struct slab_chunk *pool;
	size_t pool_bytes;
	struct slab_store store;
#if !QUARRY_TINY
	struct slab_rcu *rcu;
	struct quarry_lock kv_lock; /* kvmalloc.c: the next two */
	unsigned long kv_areas;
	struct slab_kv_area **kv; /* SLAB_KV_BUCKETS lists; made with the first area */
	struct slab_debug *debug; /* debug.c; NULL: nothing was asked for */
	struct places *places;    /* profile.c; NULL: it was never on */
	struct profile_blocks *blocks;
	bool profiling;
	struct quarry_shrinker shrinker;
	unsigned long *deferred; /* its, by node */
#endif
	/*
	 * By number. It grows; then another one is published, and this one stays for those who have just read
	 * it: they look for caches that were there before. See cache_make_room().
	 */
	struct kmem_cache **cache;
	uint32_t nr_slots;
	uint32_t nr_others, max_others; /* caches that are not kmalloc's */
#if !QUARRY_TINY
	struct slab_cpu_hot cpu[];
#endif
};

/* The cache of a descriptor that was read, with what came before it seen; @tag is one of a slab's. */
static inline struct kmem_cache *slab_cache_of_tag(const struct slab_layer *layer, unsigned int tag)
{
	char *table = (char *)quarry_load_acquire(&layer->cache);

	/* Entries are as far apart as tags of following numbers, if pointers have 8 bytes. */
	if (sizeof(layer->cache[0]) == (size_t)1 << PAGE_WORD_CACHE_SHIFT)
		table = table + (size_t)tag - PAGE_WORD_SLAB;
	else
		table += (size_t)(tag >> PAGE_WORD_CACHE_SHIFT) * sizeof(layer->cache[0]);
	return *(struct kmem_cache **)(void *)table;
}

/* Cache number @id, which was read from a descriptor or a record; NULL: there is none. */
static inline struct kmem_cache *slab_cache(const struct slab_layer *layer, uint32_t id)
{
	struct kmem_cache **table;

	if (id >= quarry_load_acquire(&layer->nr_slots))
		return NULL;
	table = quarry_load_acquire(&layer->cache);
	return table[id];
}

static inline uint32_t oo_order(struct kmem_cache_order_objects x)
{
	return x.x >> 16;
}

/* Another CPU's kmem_cache_create() may merge a larger one into it. */
static inline uint32_t cache_object_size(const struct kmem_cache *s)
{
	return quarry_load_relaxed(&s->object_size);
}

static inline uint32_t oo_objects(struct kmem_cache_order_objects x)
{
	return x.x & 0xffffu;
}

/* What is wrong with an object that came back. */
enum slab_fault {
	SLAB_FAULT_NONE,
	SLAB_FAULT_FOREIGN,  /* in no slab */
	SLAB_FAULT_CACHE,    /* in a slab of another cache */
	SLAB_FAULT_INTERIOR, /* not where an object starts */
	SLAB_FAULT_DOUBLE,   /* free already */
};

#if QUARRY_TINY
static inline struct slab *slab_record(const struct slab_layer *layer, uint32_t index)
{
	return (struct slab *)(layer->store.direct_map + (uintptr_t)index * SLAB_GRANULE);
}

static inline uint32_t slab_index(const struct slab_layer *layer, const struct slab *slab)
{
	return (uint32_t)(((uintptr_t)slab - layer->store.direct_map) / SLAB_GRANULE);
}
#else
/* One of those to whose tables @mid leads. */
static inline struct slab *slab_record_by(const struct slab_dir *mid, uint32_t index)
{
	uint32_t piece = index >> SLAB_PIECE_SHIFT;
	const struct slab_dir *dir = mid->entry[piece >> SLAB_DIR_SHIFT & (SLAB_DIR_ENTRIES - 1)];
	char *base = dir->entry[piece & (SLAB_DIR_ENTRIES - 1)];

	return (struct slab *)(void *)(base + (index & (SLAB_PIECE_GRANULES - 1)) * SLAB_GRANULE);
}

static inline struct slab *slab_record(const struct slab_layer *layer, uint32_t index)
{
	uint32_t piece = index >> SLAB_PIECE_SHIFT;

	return slab_record_by(likely(piece < SLAB_FIRST_PIECES)
				      ? layer->store.first
				      : layer->store.top->entry[piece >> (2 * SLAB_DIR_SHIFT)],
			      index);
}

/* The piece in which a record lies. */
static inline struct slab_piece *slab_piece_of(const struct slab *slab)
{
	return (struct slab_piece *)(uintptr_t)((const char *)slab - slab->place * SLAB_GRANULE);
}

static inline uint32_t slab_index(const struct slab_layer *layer, const struct slab *slab)
{
	(void)layer;
	return slab_piece_of(slab)->number << SLAB_PIECE_SHIFT | slab->place;
}
#endif

/* SLAB_DEBUG_* of @s. */
static inline uint32_t slab_debug(const struct kmem_cache *s)
{
	return SLAB_HAS_DEBUG ? s->debug : 0;
}

/* Bitmaps in a record: free bits, and active bits if the cache's debug says so. */
static inline unsigned int slab_record_maps(const struct kmem_cache *s)
{
	return (slab_debug(s) & SLAB_DEBUG_RECORDS) != 0 ? 2 : 1;
}

/* Objects in @slab of @s. */
static inline uint32_t slab_objects(const struct kmem_cache *s, const struct slab *slab)
{
	return oo_objects(slab->order == oo_order(s->oo) ? s->oo : s->min);
}

/* Words of each bitmap of @slab of @s. */
static inline uint32_t slab_words(const struct kmem_cache *s, const struct slab *slab)
{
	return (slab_objects(s, slab) + 63) / 64;
}

/* Bits of the objects that callers have, behind the free bits, if the cache's debug says so. */
static inline uint64_t *slab_active(const struct kmem_cache *s, struct slab *slab)
{
	return slab->free + slab_words(s, slab);
}

/* A slab of @objects on @list that gets one more than so many free objects changes lists, or goes. */
static inline uint32_t slab_trip_of(unsigned int list, uint32_t objects)
{
	return (list & SLAB_DUE) != 0  ? 0xffffu
	       : list == SLAB_UNLISTED ? 0
	       : list == SLAB_PARTIAL  ? 3 * objects / 4
				       : objects - 1;
}

/* The same for @slab of @s. */
static inline uint32_t slab_trip(const struct kmem_cache *s, const struct slab *slab)
{
	return slab_trip_of(slab->list, slab_objects(s, slab));
}

/* Where the pages of @slab begin: blocks are aligned to their size, as physical addresses. */
static inline uintptr_t slab_block(const struct quarry *q, const struct slab *slab)
{
	return q->direct_map +
	       ((slab->base - q->direct_map) & ~((QUARRY_PAGE_SIZE << slab->order) - 1));
}

/* Index of the object that starts at @off or contains it. */
#if QUARRY_TINY
static inline uint32_t slab_object_index(const struct kmem_cache *s, uintptr_t off)
{
	return (uint32_t)off / s->size;
}
#else
static inline uint32_t slab_object_index(const struct kmem_cache *s, uintptr_t off)
{
	return likely(s->recip != 0) ? (uint32_t)(off * s->recip >> 48) : (uint32_t)(off / s->size);
}

/* Number of this CPU. Pinned. */
static inline unsigned int slab_this_cpu(const struct kmem_cache *s)
{
	unsigned int cpu = quarry_cpu();

	QUARRY_ASSERT(cpu < s->nr_cpus);
	(void)s;
	return cpu;
}

#ifndef QUARRY_HOST_HAS_CPU_TIMES_64
#define quarry_cpu_times_64() ((uintptr_t)quarry_cpu() * 64)
#endif

_Static_assert(sizeof(struct slab_cpu) == 64 && sizeof(struct slab_cpu_hot) == 64,
	       "found by a CPU's number times 64");

/*
 * What a CPU has of @s; @cpu_times_64 is quarry_cpu_times_64(), so pinned. What is known at compile time is added last:
 * then the address that is reckoned may take the place of @s, and the rest is in the instructions that use it.
 */
static inline struct slab_cpu *slab_cpu_at(struct kmem_cache *s, uintptr_t cpu_times_64)
{
	QUARRY_ASSERT(cpu_times_64 == (uintptr_t)slab_this_cpu(s) * 64);
	return ((struct kmem_cache *)(void *)((char *)s + cpu_times_64))->cpu_sheaves;
}

/* The cache in which @c is this CPU's. Pinned. */
static inline struct kmem_cache *slab_cache_of_this_cpu(struct slab_cpu *c)
{
	char *first = (char *)c - quarry_cpu_times_64();

	return QUARRY_CONTAINER_OF(first, struct kmem_cache, cpu_sheaves);
}

/* The same of the layer. */
static inline struct slab_cpu_hot *slab_cpu_hot_at(struct slab_layer *layer, uintptr_t cpu_times_64)
{
	return (struct slab_cpu_hot *)(void *)((char *)layer->cpu + cpu_times_64);
}

/* What this CPU has of @s. Pinned. */
static inline struct slab_cpu *slab_this_cpu_of(struct kmem_cache *s)
{
	return slab_cpu_at(s, quarry_cpu_times_64());
}

/* The same of the layer. */
static inline struct slab_cpu_hot *slab_this_cpu_hot(struct slab_layer *layer)
{
	return slab_cpu_hot_at(layer, quarry_cpu_times_64());
}
#endif

/*
 * Increment and move what only this CPU writes and others read at any time: aligned words. Plain,
 * they are one instruction each; a race detector is shown what is meant.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLAB_SHOW_RACES 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define SLAB_SHOW_RACES 1
#endif
#ifdef SLAB_SHOW_RACES
#define SLAB_COUNT(counter) quarry_store_relaxed(&(counter), quarry_load_relaxed(&(counter)) + 1)
#define SLAB_MOVE(place, by) quarry_store_relaxed(&(place), (place) + (by))
#else
#define SLAB_COUNT(counter) ((void)(counter)++)
/* As one instruction on the memory, not on what is in a register already. */
#define SLAB_MOVE(place, by) (quarry_compiler_barrier(), (void)((place) += (by)))
#endif

#endif
