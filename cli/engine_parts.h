/* SPDX-License-Identifier: MIT */
/* What the parts of the replay engine share: its state, and the few lines that all of them need. */
#ifndef CLI_ENGINE_PARTS_H
#define CLI_ENGINE_PARTS_H

#include <quarry/posix.h>

#include <engine.h>
#include <engine_frames.h>
#include <engine_owners.h>
#include <engine_places.h>
#include <idmap.h>
#include <population.h>

#define ENGINE_PENDING 1024u /* places for blocks held back, by recorded CPU */
#define ENGINE_PATIENCE 3    /* object events that may stand between a slab page and its object */
#define ENGINE_MAX_CACHES 4094u
#define ENGINE_DIGEST_PRIME 0x100000001b3u

/*
 * A value of an object: in the low 9 bits nothing, then our physical address over 8, in the high 12 the number of
 * its cache, or:
 */
#define OBJECT_ADDRESS_SHIFT FRAMES_PLACE_BITS
#define OBJECT_CACHE_SHIFT 52
#define OBJECT_KMALLOC 0xffeu
#define OBJECT_REFUSED 0xfffu

_Static_assert(QUARRY_MAX_PHYS_BITS - 3 + OBJECT_ADDRESS_SHIFT <= OBJECT_CACHE_SHIFT,
	       "all addresses of objects, which are multiples of 8");

enum engine_action {
	ACTION_KMALLOC,
	ACTION_CACHE_ALLOC,
	ACTION_OBJECT_FREE,
	ACTION_PAGE_ALLOC,
	ACTION_PAGE_FREE,
	ACTION_COUNT, /* only the fate in fate */
};

/* A descriptor, made ready. */
struct engine_op {
	uint8_t action;
	uint8_t type;
	uint8_t fate;
	uint8_t order;
	uint16_t cache; /* objects: their number; OBJECT_KMALLOC */
	bool slab_like; /* pages: the flags that only slabs use */
	int32_t nid;    /* QUARRY_NO_NODE: any */
	gfp_t gfp;
	bool too_large;  /* objects: no class has that size */
	bool never;      /* objects: that, or the cache could not be made */
	uint16_t stride; /* objects: how far apart their places are, for engine_frames.h */
	union {
		uint64_t bytes;          /* ACTION_KMALLOC */
		struct kmem_cache *from; /* ACTION_CACHE_ALLOC */
	};
};

/* Where an event's object has its place: in the frame of @f, or NULL. */
struct engine_at {
	struct frame *f;
	unsigned int place;
};

struct engine_cache {
	char *name;
	uint32_t size;            /* of a place */
	struct kmem_cache *cache; /* NULL: could not be made */
};

struct engine_pending {
	bool used;
	uint8_t patience; /* object events that do not end the wait */
	uint32_t desc;
	uint16_t cpu;
	uint64_t pfn;
};

struct engine {
	struct quarry *q;
	const struct trace *t;
	const struct linuxfacts *facts;
	unsigned int nr_cpus;
	unsigned int cpu; /* recorded CPU whose counterpart is set now; ~0: none */
	struct frames frames;
	struct idmap objects;   /* those that have no place in frames: recorded address -> value */
	uint64_t object_start;  /* in frames are those whose offset from here */
	uint64_t object_limit;  /* is below this */
	uint64_t object_frames; /* which are so many frames */
	uint64_t object_odd;    /* and has none of these bits */
	unsigned int object_unit; /* shifted so far it is in units of 8 bytes */
	uint64_t object_ahead;    /* their frames, less those that the recording says they are in */
	struct engine_op *ops;
	uint32_t nr_ops, cap_ops;
	struct engine_cache *caches;
	uint32_t nr_caches;
	struct kmem_cache *made[ENGINE_MAX_CACHES]; /* of each in caches[] */
	struct idmap cache_of;                      /* name and size -> number + 1 */
	struct engine_pending pending[ENGINE_PENDING];
	struct engine_pending *pending_here; /* that of cpu */
	char *map_base;                      /* our address of physical 0 */
	uint64_t digest;
	uint64_t time_ns;                 /* recorded time of the event at hand */
	uint64_t batch_event;             /* number of the event before the batch's first */
	uint64_t reap_at;                 /* recorded time */
	uint64_t wake_ns, wake_event;     /* when engine_wake() has something to do */
	uint64_t sample_ns, sample_event; /* the observer's next turn */
	struct engine_observer *observer; /* NULL: nobody looks */
	uint64_t refusals_seen;           /* serial of the last refusal that was looked at */
	bool (*background)(void *ctx);
	void *background_ctx;
	struct engine_places places;
	struct engine_owners owners;
	bool want_population;
	struct population *population; /* NULL: the machine was empty */
	uint64_t fallback_before;
	struct engine_result result;
};

static inline void engine_count(struct engine *e, unsigned int type, enum engine_fate fate)
{
	e->result.fate[type][fate]++;
}

static inline void engine_set_cpu(struct engine *e, unsigned int cpu)
{
	if (e->cpu != cpu) {
		e->cpu = cpu;
		e->pending_here = &e->pending[cpu % ENGINE_PENDING];
		quarry_posix_set_cpu(cpu % e->nr_cpus);
	}
}

static inline void engine_digest(struct engine *e, uint64_t value)
{
	e->digest = (e->digest ^ value) * ENGINE_DIGEST_PRIME;
}

static inline void *engine_object_ptr(const struct engine *e, uint64_t value)
{
	return e->map_base + (value << (64 - OBJECT_CACHE_SHIFT) >>
			      (64 - OBJECT_CACHE_SHIFT + OBJECT_ADDRESS_SHIFT) << 3);
}

static inline uint64_t engine_object_value(const struct engine *e, const void *ptr,
					   unsigned int cache)
{
	uint64_t address = ptr != NULL ? (uint64_t)((const char *)ptr - e->map_base) : 0;

	return (uint64_t)cache << OBJECT_CACHE_SHIFT | address >> 3 << OBJECT_ADDRESS_SHIFT;
}

/* Give back what @value stands for; false if it had been refused. */
static inline bool engine_object_release(struct engine *e, uint64_t value)
{
	unsigned int cache = (unsigned int)(value >> OBJECT_CACHE_SHIFT);
	void *ptr = engine_object_ptr(e, value);

	if (cache < OBJECT_KMALLOC)
		quarry_kmem_cache_free(e->q, e->made[cache], ptr);
	else if (cache == OBJECT_KMALLOC)
		quarry_kfree(e->q, ptr);
	else
		return false;
	e->result.live_objects--;
	return true;
}

/* ---- recorded frames ---- */

/*
 * Where the direct map starts may be found out only on the way, in texts; so the frame that an object is in, as blocks
 * are, may change. Those in which its place is do not.
 */
static inline bool engine_frame_known(const struct engine *e)
{
	return e->t->object_shift != 0;
}

/* The frame that the object at @addr is in. */
static inline uint64_t engine_frame(const struct engine *e, uint64_t addr)
{
	return (addr - e->t->object_base) >> e->t->object_shift;
}

/* FRAME_* of the frame of the object at @addr; 0: it is not known. */
static inline unsigned int engine_frame_bits(const struct engine *e, uint64_t addr)
{
	uint64_t frame = engine_frame(e, addr);

	return engine_frame_known(e) && frame < FRAMES_MAX ? frames_at(&e->frames, frame)->bits : 0;
}

/* Whether the object at @addr has a place in frames. */
static inline bool engine_in_frames(const struct engine *e, uint64_t addr)
{
	uint64_t offset = addr - e->object_start;

	return offset < e->object_limit && (offset & e->object_odd) == 0;
}

/* The frame in which it has its place. */
static inline uint64_t engine_place_frame(const struct engine *e, uint64_t addr)
{
	return (addr - e->object_start) >> e->object_unit >> FRAMES_PLACE_BITS;
}

/* Take the object at @addr, whose place is @at, out of the tables; its value, 0: it is not there. */
static inline uint64_t engine_object_take(struct engine *e, struct engine_at at, uint64_t addr)
{
	if (__builtin_expect(at.f == NULL, 0))
		return idmap_take(&e->objects, addr);
	return frames_take(&e->frames, at.f, at.place);
}

/* Where the block with frame @pfn begins. */
static inline uint64_t engine_block_head(const struct frame *f, uint64_t pfn)
{
	return pfn >> (f->bits >> FRAME_ORDER_SHIFT) << (f->bits >> FRAME_ORDER_SHIFT);
}

/* Mark the frames of the block at @pfn, which must have records; @f is the first. */
static inline void engine_mark_from(struct engine *e, struct frame *f, uint64_t pfn,
				    unsigned int order, unsigned int bits)
{
	for (uint64_t i = 0;; f = frames_at(&e->frames, pfn + i)) {
		f->bits = (uint8_t)((f->bits & FRAME_OLDER) | FRAME_SEEN | bits |
				    order << FRAME_ORDER_SHIFT);
		if (++i >> order != 0)
			break;
	}
}

static inline void engine_mark(struct engine *e, uint64_t pfn, unsigned int order,
			       unsigned int bits)
{
	engine_mark_from(e, frames_at(&e->frames, pfn), pfn, order, bits);
}

/* engine_ops.c: the number of the cache of that name, made if there is none; 0: it could not be made. */
uint16_t engine_cache_named(struct engine *e, const char *name, uint32_t object_size,
			    uint32_t size);
/* Make ready the descriptors that have been added since the last batch. */
void engine_resolve_new(struct engine *e);
/* Our machine said no to @ev: count it with the reason, and keep the first of each kind. */
void engine_refused(struct engine *e, const struct engine_op *op, uint32_t desc, uint64_t bytes);
/* The last refusal in words, as long as it is the machine's last one too. */
void engine_keep_last(struct engine *e);

/* engine_collide.c: the event at hand is a collision of @kind, with what is alive: an object's @value; */
void engine_collide_object(struct engine *e, enum collision kind, uint64_t value);
/* or the block with frame @pfn, or another of the 2^@order from there on. */
void engine_collide_block(struct engine *e, enum collision kind, uint64_t pfn, unsigned int order);

/* engine_blocks.c: the block at p->pfn turned out to be a slab page while it was held back. */
void engine_pending_is_slab(struct engine *e, struct engine_pending *p);
/* Nothing says that it is a slab page: take it, on its own CPU. */
void engine_pending_play(struct engine *e, struct engine_pending *p);
/* Give our half of a block back. */
void engine_block_return(struct engine *e, uint64_t value);
/* An object lies in a block that was replayed: give ours back and remember it as a slab page. */
void engine_became_slab(struct engine *e, uint64_t pfn);

/* What engine_release() met. */
struct engine_met {
	unsigned int ours, slab, refused; /* blocks */
};

/* Free whatever is alive in the 2^@order frames from @pfn on. */
void engine_release(struct engine *e, uint64_t pfn, unsigned int order, struct engine_met *met);

#endif
