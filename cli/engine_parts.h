/* SPDX-License-Identifier: MIT */
/* What the parts of the replay engine share: its state, and the few lines that all of them need. */
#ifndef CLI_ENGINE_PARTS_H
#define CLI_ENGINE_PARTS_H

#include <quarry/posix.h>

#include <engine.h>
#include <engine_owners.h>
#include <engine_places.h>
#include <idmap.h>
#include <population.h>

#define ENGINE_FRAME_BITS 28
#define ENGINE_FRAMES ((uint64_t)1 << ENGINE_FRAME_BITS)
#define ENGINE_PENDING 1024u /* places for blocks held back, by recorded CPU */
#define ENGINE_PATIENCE 3    /* object events that may stand between a slab page and its object */
#define ENGINE_MAX_CACHES 4096u
#define ENGINE_DIGEST_PRIME 0x100000001b3u

/* Bits of frames[]. */
#define FRAME_LIVE 1u /* in a block that is in the map */
#define FRAME_OURS 2u /* and that block was replayed */
#define FRAME_SEEN 4u /* was allocated or freed before */

/* A value in objects: our pointer in the low 48 bits, its cache in the high 16. */
#define OBJECT_PTR_BITS 48
#define OBJECT_KMALLOC 0xfffeu
#define OBJECT_REFUSED 0xffffu

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
	uint16_t cache;
	bool slab_like; /* pages: the flags that only slabs use */
	int32_t nid;    /* QUARRY_NO_NODE: any */
	gfp_t gfp;
	uint32_t too_large; /* objects: no class has that size */
	uint64_t bytes;
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
	struct idmap objects, blocks;
	uint8_t *frames;
	struct engine_op *ops;
	uint32_t nr_ops, cap_ops;
	struct engine_cache *caches;
	uint32_t nr_caches;
	struct idmap cache_of; /* name and size -> number + 1 */
	struct engine_pending pending[ENGINE_PENDING];
	uintptr_t map_base; /* our address of physical 0 */
	bool map_base_known;
	uint64_t digest;
	uint64_t time_ns;                 /* recorded time of the event at hand */
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
		quarry_posix_set_cpu(cpu % e->nr_cpus);
	}
}

static inline void engine_digest(struct engine *e, uint64_t value)
{
	e->digest = (e->digest ^ value) * ENGINE_DIGEST_PRIME;
}

static inline void *engine_object_ptr(uint64_t value)
{
	return (void *)(uintptr_t)((int64_t)(value << (64 - OBJECT_PTR_BITS)) >>
				   (64 - OBJECT_PTR_BITS));
}

/* Give back what @value stands for; false if it had been refused. */
static inline bool engine_object_release(struct engine *e, uint64_t value)
{
	unsigned int cache = (unsigned int)(value >> OBJECT_PTR_BITS);
	void *ptr = engine_object_ptr(value);

	if (cache == OBJECT_REFUSED)
		return false;
	if (cache == OBJECT_KMALLOC)
		quarry_kfree(e->q, ptr);
	else
		quarry_kmem_cache_free(e->q, e->caches[cache].cache, ptr);
	e->result.live_objects--;
	return true;
}

static inline bool engine_frame_known(const struct engine *e)
{
	return e->t->object_shift != 0;
}

static inline uint64_t engine_frame(const struct engine *e, uint64_t addr)
{
	return (addr - e->t->object_base) >> e->t->object_shift;
}

static inline uint8_t *engine_frame_bits(const struct engine *e, uint64_t pfn)
{
	return &e->frames[pfn & (ENGINE_FRAMES - 1)];
}

static inline void engine_mark(struct engine *e, uint64_t pfn, unsigned int order,
			       unsigned int bits)
{
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		uint8_t *f = engine_frame_bits(e, pfn + i);

		*f = (uint8_t)((*f & ~(FRAME_LIVE | FRAME_OURS)) | FRAME_SEEN | bits);
	}
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
