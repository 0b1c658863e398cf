/* SPDX-License-Identifier: MIT */
/*
 * The replay engine.
 *
 * Problem	A recording says which addresses Linux handed out and got back. Here the same requests
 *		are made of another memory system, which hands out addresses of its own: recorded
 *		addresses serve as names only. And a recording has holes: things taken before it
 *		began, frees and allocations without an event. Each event finds one fate, and is
 *		counted there.
 *
 * Maps		objects	recorded address -> our pointer and the cache it came from
 *		blocks	recorded pfn of the first page -> our pfn, order, kind
 *		frames	a byte for each recorded frame: what lies there, to ask quickly
 *
 * Slab pages	Linux's slabs take pages, and both the page and its objects have events. Ours takes
 *		its own pages: so a recorded page that turns out to hold objects must not be taken. A
 *		page allocation is held back until the next event of its CPU: if that allocates an
 *		object in it, it was a slab page (or a kmalloc() of whole pages). The slab's accounting
 *		may allocate before the object does, so that a page that no user can have waits for a
 *		few objects more. Where the object shows up later still, our page is given back then:
 *		a late slab page.
 *
 * Kinds of block
 *		pending	held back; number of its place in pending[]
 *		ours	replayed; our pfn
 *		slab	a slab page of the recorded kernel; nothing here
 *		refused	our machine had no room; nothing here
 *
 * Pieces	Linux may free a block in other pieces than it was allocated in. Then ours is split
 *		into single pages too.
 *
 * Holes	An address that is given out while it is alive here has been freed without an event:
 *		an implied free. A page that is freed takes its objects with it, unless the recorder
 *		has already said so.
 *
 * Result	The same recording on the same machine gives the same calls in the same order; the
 *		digest over all addresses handed out shows it.
 *
 * Bounds	The maps follow the live set, at most IDMAP_MAX entries; frames is indexed by the low
 *		ENGINE_FRAME_BITS of the pfn, so for recorded machines above 1 TiB it is only a hint
 *		and the maps decide.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <quarry/posix.h>

#include <engine.h>
#include <engine_places.h>
#include <idmap.h>
#include <refusal.h>

#define ENGINE_FRAME_BITS 28
#define ENGINE_FRAMES ((uint64_t)1 << ENGINE_FRAME_BITS)
#define ENGINE_PENDING 1024u /* places for blocks held back, by recorded CPU */
#define ENGINE_PATIENCE 3    /* object events that may stand between a slab page and its object */
#define ENGINE_SLAB_ORDER 3  /* the largest order that Linux gives a slab unless told */
#define ENGINE_REAP_NS \
	((uint64_t)2000000000) /* recorded time between two reapings, as in Linux's SLAB */
#define ENGINE_AHEAD 12        /* events between a prefetch and its use */
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
	uint64_t reap_at;       /* recorded time */
	uint64_t refusals_seen; /* serial of the last refusal that was looked at */
	bool (*background)(void *ctx);
	void *background_ctx;
	struct engine_places places;
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

/* ---- descriptors ---- */

/* Caches whose pages Linux counts as reclaimable, for recordings without a caches.tsv. */
static bool engine_known_reclaimable(const char *name)
{
	static const char *const names[] = {
		"dentry",
		"inode_cache",
		"buffer_head",
		"radix_tree_node",
		"ext4_extent_status",
		"mb_cache_entry",
		"jbd2_journal_head",
		"xfs_buf",
		"xfs_ili",
		"btrfs_extent_map",
	};
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return len > 12 && strcmp(name + len - 12, "_inode_cache") == 0;
}

static uint32_t engine_cache_flags(const struct engine *e, const char *name)
{
	const struct linuxfacts_made *made = NULL;
	uint32_t flags = SLAB_NO_MERGE;

	if (e->facts != NULL)
		made = linuxfacts_made(e->facts, name);
	if (made == NULL)
		return flags | (engine_known_reclaimable(name) ? SLAB_RECLAIM_ACCOUNT : 0);
	if (made->reclaim_account)
		flags |= SLAB_RECLAIM_ACCOUNT;
	if (made->cache_dma)
		flags |= SLAB_CACHE_DMA;
	if (made->destroy_by_rcu)
		flags |= SLAB_TYPESAFE_BY_RCU;
	if (made->hwcache_align)
		flags |= SLAB_HWCACHE_ALIGN;
	return flags;
}

/* Make the cache of @name; on failure it is remembered as one that could not be made. */
static uint32_t engine_cache_make(struct engine *e, const char *name, uint32_t object_size,
				  uint32_t size)
{
	struct kmem_cache_args args = {.size = size};
	struct engine_cache *c = &e->caches[e->nr_caches];
	uint32_t flags = engine_cache_flags(e, name);
	char unnamed[32];

	if (name[0] == '\0') {
		snprintf(unnamed, sizeof(unnamed), "unnamed-%u", object_size);
		name = unnamed;
	}
	c->name = xstrdup(name);
	c->cache = quarry_kmem_cache_create(e->q, c->name, object_size, flags, &args);
	if (c->cache == NULL) {
		/* The recorded size may not go with this machine's alignment. */
		args.size = 0;
		c->cache = quarry_kmem_cache_create(e->q, c->name, object_size, flags, &args);
	}
	if (c->cache != NULL)
		e->result.caches_made++;
	else
		e->result.caches_failed++;
	return e->nr_caches++;
}

/* Number of the cache of a descriptor. Number 0 is one that could not be made. */
static uint16_t engine_cache(struct engine *e, const struct trace_desc *d)
{
	uint64_t size = d->bytes_alloc > d->bytes_req ? d->bytes_alloc : d->bytes_req;
	struct idmap_slot *s;
	uint64_t key;

	/* Linux may serve objects of several sizes from one cache that it merged: the places tell. */
	if (d->bytes_req == 0 || size > QUARRY_KMALLOC_MAX_SIZE || d->cache >= 1u << 18)
		return 0;
	key = (uint64_t)d->cache << 46 | (d->cache == 0 ? d->bytes_req : 0) << 23 | size;
	s = idmap_find(&e->cache_of, key);
	if (s->value != 0)
		return (uint16_t)(s->value - 1);
	if (e->nr_caches == ENGINE_MAX_CACHES)
		return 0;
	s = idmap_add(&e->cache_of, key);
	s->value = engine_cache_make(e, trace_name(&e->t->caches, d->cache), (uint32_t)d->bytes_req,
				     (uint32_t)size) +
		   1;
	return (uint16_t)(s->value - 1);
}

static void engine_op_object(struct engine *e, struct engine_op *op, const struct trace_desc *d)
{
	op->fate = ENGINE_FAILED;
	if (d->flags & TRACE_F_FAILED)
		return;
	if (d->node >= 0 && quarry_node_present(e->q, d->node))
		op->nid = d->node;
	op->bytes = d->bytes_req;
	op->too_large = d->bytes_req > QUARRY_KMALLOC_MAX_SIZE;
	op->action = ACTION_KMALLOC;
	if (d->type == TRACE_CACHE_ALLOC) {
		op->action = ACTION_CACHE_ALLOC;
		op->cache = engine_cache(e, d);
	}
}

static void engine_resolve(struct engine *e, struct engine_op *op, const struct trace_desc *d)
{
	memset(op, 0, sizeof(*op));
	op->type = d->type;
	op->gfp = d->gfp;
	op->nid = QUARRY_NO_NODE;
	op->order = d->order;
	op->action = ACTION_COUNT;
	op->fate = ENGINE_INFORMATION;
	if (d->flags & TRACE_F_NO_ID) {
		op->fate = ENGINE_NO_ID;
		return;
	}
	switch (d->type) {
	case TRACE_KMALLOC:
	case TRACE_CACHE_ALLOC:
		engine_op_object(e, op, d);
		break;
	case TRACE_KFREE:
	case TRACE_CACHE_FREE:
	case TRACE_FREE_IMPLIED:
	case TRACE_FREE_BULK:
		op->action = ACTION_OBJECT_FREE;
		break;
	case TRACE_PAGE_ALLOC:
	case TRACE_PAGE_FREE:
		op->fate = d->flags & TRACE_F_FAILED ? ENGINE_FAILED : ENGINE_BAD_ORDER;
		if (op->fate != ENGINE_FAILED && d->order <= QUARRY_MAX_ORDER)
			op->action =
				d->type == TRACE_PAGE_ALLOC ? ACTION_PAGE_ALLOC : ACTION_PAGE_FREE;
		op->slab_like = (d->gfp & __GFP_NOWARN) && (d->gfp & __GFP_NORETRY) &&
				!(d->gfp & __GFP_MOVABLE);
		break;
	case TRACE_PAGE_FREE_BATCHED:
		op->fate = ENGINE_DUPLICATE;
		break;
	default:
		break;
	}
}

/* Descriptors may have been added since the last batch. */
static void engine_resolve_new(struct engine *e)
{
	if (e->cap_ops < e->t->nr_descs) {
		e->cap_ops = e->t->cap_descs;
		e->ops = xrealloc(e->ops, e->cap_ops, sizeof(e->ops[0]));
	}
	for (; e->nr_ops < e->t->nr_descs; e->nr_ops++)
		engine_resolve(e, &e->ops[e->nr_ops], &e->t->descs[e->nr_ops]);
}

/* ---- refusals ---- */

static unsigned int engine_reason(struct engine *e, const struct engine_op *op,
				  struct quarry_refusal *why)
{
	memset(why, 0, sizeof(*why));
	if (op->too_large)
		return ENGINE_REASON_TOO_LARGE;
	if (op->action == ACTION_CACHE_ALLOC && e->caches[op->cache].cache == NULL)
		return ENGINE_REASON_NO_CACHE;
	if (!quarry_explain(e->q, why) || why->serial == e->refusals_seen)
		return ENGINE_REASON_OTHER;
	e->refusals_seen = why->serial;
	/* The zone that was tried first is the one that the request wanted. */
	return why->nr_zones > 0 ? (unsigned int)why->zones[0].reason : ENGINE_REASON_OTHER;
}

/* The last refusal in words, as long as it is the machine's last one too. */
static void engine_keep_last(struct engine *e)
{
	free(e->result.last_text);
	e->result.last_text = refusal_text(e->q);
}

/* Our machine said no: count it with the reason, and keep the first of each kind. */
static __attribute__((noinline)) void engine_refused(struct engine *e, const struct engine_op *op,
						     uint64_t bytes)
{
	struct engine_result *r = &e->result;
	struct engine_refusal *one = r->refusal;
	struct quarry_refusal why;
	unsigned int reason = engine_reason(e, op, &why), order = op->order;
	size_t i;

	if (op->type != TRACE_PAGE_ALLOC)
		order = why.order;
	engine_count(e, op->type, ENGINE_REFUSED);
	r->reasons[reason]++;
	if (why.serial != 0) {
		r->last_refused = r->events;
		/* Without a background nobody else is refused until the end. */
		if (e->background != NULL)
			engine_keep_last(e);
	}
	for (i = 0; i < r->nr_refusals; i++, one++) {
		if (one->type == op->type && one->reason == reason && one->order == order &&
		    one->gfp == op->gfp)
			break;
	}
	if (i == ENGINE_MAX_REFUSALS)
		return;
	if (i == r->nr_refusals) {
		r->nr_refusals++;
		one->type = op->type;
		one->reason = (uint8_t)reason;
		one->order = (uint8_t)order;
		one->gfp = op->gfp;
		one->first_event = r->events;
		one->bytes = bytes;
		one->why = why;
		one->text = why.serial != 0 ? refusal_text(e->q) : NULL;
	}
	one->count++;
}

/* ---- objects ---- */

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

static void *engine_object_get(struct engine *e, const struct engine_op *op)
{
	if (op->action == ACTION_KMALLOC) {
		if (op->nid != QUARRY_NO_NODE)
			return quarry_kmalloc_node(e->q, op->bytes, op->gfp, op->nid);
		return quarry_kmalloc(e->q, op->bytes, op->gfp);
	}
	if (e->caches[op->cache].cache == NULL)
		return NULL;
	if (op->nid != QUARRY_NO_NODE)
		return quarry_kmem_cache_alloc_node(e->q, e->caches[op->cache].cache, op->gfp,
						    op->nid);
	return quarry_kmem_cache_alloc(e->q, e->caches[op->cache].cache, op->gfp);
}

/* Our address of physical 0, so that the digest does not depend on where the host maps things. */
static void engine_learn_map(struct engine *e, const void *ptr)
{
	struct page *page = quarry_virt_to_page(e->q, ptr);

	if (page == NULL)
		return;
	e->map_base = (uintptr_t)quarry_page_address(e->q, page) -
		      (uintptr_t)(quarry_page_to_pfn(e->q, page) << QUARRY_PAGE_SHIFT);
	e->map_base_known = true;
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

static void engine_became_slab(struct engine *e, uint64_t pfn);

static inline bool engine_no_object(struct engine *e, const struct trace_event *ev,
				    enum engine_fate null)
{
	if (ev->addr == 0)
		engine_count(e, ev->type, null);
	else if (ev->addr == e->t->zero_size_addr)
		engine_count(e, ev->type, ENGINE_ZERO_SIZE);
	else
		return false;
	return true;
}

static inline void engine_object_alloc(struct engine *e, const struct trace_event *ev,
				       const struct engine_op *op)
{
	struct idmap_slot *s;
	void *ptr;

	if (engine_no_object(e, ev, ENGINE_FAILED))
		return;
	if (engine_frame_known(e) && *engine_frame_bits(e, engine_frame(e, ev->addr)) & FRAME_OURS)
		engine_became_slab(e, engine_frame(e, ev->addr));
	s = idmap_add(&e->objects, ev->addr);
	if (s == NULL) {
		e->result.full = true;
		return;
	}
	if (s->value != 0)
		e->result.implied_objects += engine_object_release(e, s->value);
	ptr = op->too_large ? NULL : engine_object_get(e, op);
	if (ptr == NULL) {
		s->value = (uint64_t)OBJECT_REFUSED << OBJECT_PTR_BITS;
		engine_refused(e, op, op->bytes);
		return;
	}
	s->value = (uint64_t)(uintptr_t)ptr << (64 - OBJECT_PTR_BITS) >> (64 - OBJECT_PTR_BITS) |
		   (uint64_t)(op->action == ACTION_KMALLOC ? OBJECT_KMALLOC : op->cache)
			   << OBJECT_PTR_BITS;
	if (!e->map_base_known)
		engine_learn_map(e, ptr);
	engine_digest(e, (uintptr_t)ptr - e->map_base);
	engine_count(e, op->type, ENGINE_REPLAYED);
	e->result.live_objects++;
}

static inline void engine_object_free(struct engine *e, const struct trace_event *ev)
{
	unsigned int frame = 0;
	uint64_t value;

	if (engine_no_object(e, ev, ENGINE_NULL))
		return;
	if (engine_frame_known(e)) {
		frame = *engine_frame_bits(e, engine_frame(e, ev->addr));
		if (frame & FRAME_OURS)
			engine_became_slab(e, engine_frame(e, ev->addr));
	}
	value = idmap_take(&e->objects, ev->addr);
	if (value == 0)
		engine_count(e, ev->type, frame & FRAME_LIVE ? ENGINE_UNTRACED : ENGINE_BEFORE);
	else if (engine_object_release(e, value))
		engine_count(e, ev->type, ENGINE_REPLAYED);
	else
		engine_count(e, ev->type, ENGINE_FREE_REFUSED);
}

/* ---- blocks ---- */

static inline void engine_mark(struct engine *e, uint64_t pfn, unsigned int order,
			       unsigned int bits)
{
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		uint8_t *f = engine_frame_bits(e, pfn + i);

		*f = (uint8_t)((*f & ~(FRAME_LIVE | FRAME_OURS)) | FRAME_SEEN | bits);
	}
}

/* The block that frame @pfn lies in: its value, and its first frame in *head; 0 if there is none. */
static uint64_t engine_block_of(const struct engine *e, uint64_t pfn, uint64_t *head)
{
	for (unsigned int order = 0; order <= QUARRY_MAX_ORDER; order++) {
		uint64_t first = pfn & ~(((uint64_t)1 << order) - 1);
		uint64_t value = idmap_get(&e->blocks, first);

		if (value != 0 && (pfn - first) >> (value & BLOCK_ORDER_MASK) == 0) {
			*head = first;
			return value;
		}
	}
	return 0;
}

/* The block at @pfn turned out to be a slab page while it was held back. */
static void engine_pending_is_slab(struct engine *e, struct engine_pending *p)
{
	unsigned int order = e->ops[p->desc].order;

	p->used = false;
	idmap_find(&e->blocks, p->pfn)->value = BLOCK_SLAB | order;
	engine_mark(e, p->pfn, order, FRAME_LIVE);
	engine_count(e, TRACE_PAGE_ALLOC, ENGINE_SLAB_PAGE);
}

/* Nothing says that it is a slab page: take it, on its own CPU. */
static void engine_pending_play(struct engine *e, struct engine_pending *p)
{
	const struct engine_op *op = &e->ops[p->desc];
	struct idmap_slot *s = idmap_find(&e->blocks, p->pfn);
	unsigned int cpu = e->cpu;
	struct page *page;
	uint64_t pfn;

	p->used = false;
	engine_set_cpu(e, p->cpu);
	page = quarry_alloc_pages(e->q, op->gfp, op->order);
	if (cpu != ~0u)
		engine_set_cpu(e, cpu);
	if (page == NULL) {
		s->value = BLOCK_REFUSED | op->order;
		engine_mark(e, p->pfn, op->order, FRAME_LIVE);
		engine_refused(e, op, (uint64_t)QUARRY_PAGE_SIZE << op->order);
		return;
	}
	pfn = quarry_page_to_pfn(e->q, page);
	s->value = pfn << BLOCK_SHIFT | BLOCK_OURS | op->order;
	engine_mark(e, p->pfn, op->order, FRAME_LIVE | FRAME_OURS);
	if (e->places.mover != 0 && (op->gfp & __GFP_MOVABLE) != 0)
		engine_places_add(&e->places, pfn, p->pfn);
	engine_digest(e, pfn);
	engine_count(e, TRACE_PAGE_ALLOC, ENGINE_REPLAYED);
	e->result.live_pages += (uint64_t)1 << op->order;
}

/* Give our half of a block back. */
static void engine_block_return(struct engine *e, uint64_t value)
{
	unsigned int order = value & BLOCK_ORDER_MASK;

	if (e->places.mover != 0)
		engine_places_forget(&e->places, value >> BLOCK_SHIFT);
	quarry_free_pages(e->q, quarry_pfn_to_page(e->q, value >> BLOCK_SHIFT), order);
	e->result.live_pages -= (uint64_t)1 << order;
}

/* An object lies in a block that was replayed: give ours back and remember it as a slab page. */
static __attribute__((noinline)) void engine_became_slab(struct engine *e, uint64_t pfn)
{
	uint64_t head, value = engine_block_of(e, pfn, &head);
	unsigned int order = value & BLOCK_ORDER_MASK;

	if (!(value & BLOCK_OURS))
		return;
	engine_block_return(e, value);
	idmap_find(&e->blocks, head)->value = BLOCK_SLAB | (value & BLOCK_PIECE) | order;
	engine_mark(e, head, order, FRAME_LIVE);
	e->result.late_slab_pages++;
	if (!(value & BLOCK_PIECE)) {
		e->result.fate[TRACE_PAGE_ALLOC][ENGINE_REPLAYED]--;
		engine_count(e, TRACE_PAGE_ALLOC, ENGINE_SLAB_PAGE);
	}
}

/*
 * Objects in a slab's block that are alive here have been freed without an event: the pages are free.
 * They may start at every 8 bytes; in blocks that are larger than slabs, at every page.
 */
static void engine_sweep(struct engine *e, uint64_t pfn, unsigned int order)
{
	unsigned int shift = e->t->object_shift;
	uint64_t first = e->t->object_base + (pfn << shift);
	uint64_t step = order <= ENGINE_SLAB_ORDER ? 8 : QUARRY_PAGE_SIZE;

	if (e->t->implied_known || shift != QUARRY_PAGE_SHIFT)
		return;
	for (uint64_t at = 0; at < (uint64_t)1 << (shift + order); at += step) {
		uint64_t value = idmap_take(&e->objects, first + at);

		if (value != 0)
			e->result.implied_objects += engine_object_release(e, value);
	}
}

/* What engine_release() met. */
struct engine_met {
	unsigned int ours, slab, refused; /* blocks */
};

/* Take the block at @head, with @value, out of the map and free ours. */
static void engine_block_release(struct engine *e, uint64_t head, uint64_t value,
				 struct engine_met *met)
{
	unsigned int order = value & BLOCK_ORDER_MASK;

	if (value & BLOCK_PENDING) {
		engine_pending_play(e, &e->pending[value >> BLOCK_SHIFT]);
		value = idmap_get(&e->blocks, head);
	}
	if (value & BLOCK_OURS) {
		engine_block_return(e, value);
		met->ours++;
	} else if (value & BLOCK_SLAB) {
		engine_sweep(e, head, order);
		met->slab++;
	} else {
		met->refused++;
	}
	idmap_take(&e->blocks, head);
	engine_mark(e, head, order, 0);
}

/* Turn the block at @head into single pages, here and in the map. */
static void engine_split(struct engine *e, uint64_t head, uint64_t value)
{
	unsigned int order;
	uint64_t kind, ours;
	bool movable = false;

	if (value & BLOCK_PENDING) {
		engine_pending_play(e, &e->pending[value >> BLOCK_SHIFT]);
		value = idmap_get(&e->blocks, head);
	}
	order = value & BLOCK_ORDER_MASK;
	ours = value >> BLOCK_SHIFT;
	kind = (value & (BLOCK_OURS | BLOCK_SLAB | BLOCK_REFUSED)) | BLOCK_PIECE;
	if (kind & BLOCK_OURS) {
		movable = e->places.mover != 0 && engine_places_forget(&e->places, ours);
		if (quarry_split_page(e->q, quarry_pfn_to_page(e->q, ours), order) != 0)
			return;
	}
	e->result.split_blocks++;
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		struct idmap_slot *s = idmap_add(&e->blocks, head + i);

		if (s == NULL) {
			e->result.full = true;
			return;
		}
		if (i > 0 && s->value != 0) {
			/* Only where frames[] is too short: the frame has found a new owner. */
			if (kind & BLOCK_OURS)
				engine_block_return(e, (ours + i) << BLOCK_SHIFT);
			continue;
		}
		s->value = kind | (kind & BLOCK_OURS ? (ours + i) << BLOCK_SHIFT : 0);
		if (movable)
			engine_places_add(&e->places, ours + i, head + i);
	}
}

/* Free whatever is alive in the 2^@order frames from @pfn on. */
static void engine_release(struct engine *e, uint64_t pfn, unsigned int order,
			   struct engine_met *met)
{
	uint64_t end = pfn + ((uint64_t)1 << order), head = pfn;
	uint64_t value = idmap_get(&e->blocks, pfn);

	if (value != 0 && (value & BLOCK_ORDER_MASK) == order) {
		engine_block_release(e, pfn, value, met);
		return;
	}
	while (pfn != end) {
		if (!(*engine_frame_bits(e, pfn) & FRAME_LIVE)) {
			pfn++;
			continue;
		}
		value = engine_block_of(e, pfn, &head);
		if (value == 0) {
			engine_mark(e, pfn, 0, 0);
			pfn++;
			continue;
		}
		if (head != pfn || end - pfn < (uint64_t)1 << (value & BLOCK_ORDER_MASK)) {
			engine_split(e, head, value);
			value = idmap_get(&e->blocks, pfn);
			if (value == 0 || (value & BLOCK_ORDER_MASK) != 0 || e->result.full) {
				pfn++;
				continue;
			}
		}
		engine_block_release(e, pfn, value, met);
		pfn += (uint64_t)1 << (value & BLOCK_ORDER_MASK);
	}
}

static bool engine_frames_live(const struct engine *e, uint64_t pfn, unsigned int order)
{
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		if (*engine_frame_bits(e, pfn + i) & FRAME_LIVE)
			return true;
	}
	return false;
}

/* Blocks are aligned to their size; a recording that says otherwise is wrong. */
static inline bool engine_misplaced(struct engine *e, const struct trace_event *ev,
				    const struct engine_op *op)
{
	if ((ev->addr & (((uint64_t)1 << op->order) - 1)) == 0)
		return false;
	engine_count(e, op->type, ENGINE_BAD_ORDER);
	return true;
}

static inline void engine_page_alloc(struct engine *e, const struct trace_event *ev,
				     const struct engine_op *op, struct engine_pending *p)
{
	struct idmap_slot *s;

	if (engine_misplaced(e, ev, op))
		return;
	if (engine_frames_live(e, ev->addr, op->order)) {
		struct engine_met met = {0, 0, 0};

		engine_release(e, ev->addr, op->order, &met);
		e->result.implied_pages += met.ours;
	}
	s = idmap_add(&e->blocks, ev->addr);
	if (s == NULL) {
		e->result.full = true;
		return;
	}
	/* An entry can be left only where frames[] is too short for the recorded machine. */
	if (s->value & BLOCK_OURS)
		engine_block_return(e, s->value);
	else if (s->value & BLOCK_PENDING)
		e->pending[s->value >> BLOCK_SHIFT].used = false;
	s->value = (uint64_t)(p - e->pending) << BLOCK_SHIFT | BLOCK_PENDING | op->order;
	engine_mark(e, ev->addr, op->order, FRAME_LIVE);
	p->used = true;
	p->patience = op->gfp & __GFP_MOVABLE ? 0 : ENGINE_PATIENCE;
	p->desc = ev->desc;
	p->cpu = ev->cpu;
	p->pfn = ev->addr;
}

static inline void engine_page_free(struct engine *e, const struct trace_event *ev,
				    const struct engine_op *op)
{
	unsigned int seen = *engine_frame_bits(e, ev->addr) & FRAME_SEEN;
	struct engine_met met = {0, 0, 0};

	if (engine_misplaced(e, ev, op))
		return;
	engine_release(e, ev->addr, op->order, &met);
	if (met.ours > 0)
		engine_count(e, TRACE_PAGE_FREE, ENGINE_REPLAYED);
	else if (met.slab > 0)
		engine_count(e, TRACE_PAGE_FREE, ENGINE_SLAB_PAGE);
	else if (met.refused > 0)
		engine_count(e, TRACE_PAGE_FREE, ENGINE_FREE_REFUSED);
	else
		engine_count(e, TRACE_PAGE_FREE, seen ? ENGINE_UNTRACED : ENGINE_BEFORE);
	if (met.ours + met.slab + met.refused == 0)
		engine_mark(e, ev->addr, op->order, 0);
}

/* A further event of a CPU whose page allocation was held back. */
static void engine_pending_decide(struct engine *e, struct engine_pending *p,
				  const struct trace_event *ev, const struct engine_op *op)
{
	const struct engine_op *page = &e->ops[p->desc];

	if (op->action <= ACTION_CACHE_ALLOC) {
		bool inside = page->slab_like;

		if (engine_frame_known(e))
			inside = (engine_frame(e, ev->addr) - p->pfn) >> page->order == 0;
		if (inside) {
			engine_pending_is_slab(e, p);
			return;
		}
	}
	if (op->action <= ACTION_OBJECT_FREE && p->patience > 0)
		p->patience--;
	else
		engine_pending_play(e, p);
}

/* ---- playing ---- */

static inline void engine_prefetch(const struct engine *e, const struct trace_event *ev)
{
	if (trace_type_is_page(ev->type)) {
		idmap_prefetch(&e->blocks, ev->addr);
		__builtin_prefetch(engine_frame_bits(e, ev->addr), 1);
	} else {
		idmap_prefetch(&e->objects, ev->addr);
		__builtin_prefetch(engine_frame_bits(e, engine_frame(e, ev->addr)), 0);
	}
}

static inline void engine_event(struct engine *e, const struct trace_event *ev)
{
	const struct engine_op *op = &e->ops[ev->desc];
	struct engine_pending *p = &e->pending[ev->cpu % ENGINE_PENDING];

	engine_set_cpu(e, ev->cpu);
	e->result.events++;
	e->result.seen[op->type]++;
	if (p->used)
		engine_pending_decide(e, p, ev, op);
	switch (op->action) {
	case ACTION_KMALLOC:
	case ACTION_CACHE_ALLOC:
		engine_object_alloc(e, ev, op);
		break;
	case ACTION_OBJECT_FREE:
		engine_object_free(e, ev);
		break;
	case ACTION_PAGE_ALLOC:
		engine_page_alloc(e, ev, op, p);
		break;
	case ACTION_PAGE_FREE:
		engine_page_free(e, ev, op);
		break;
	default:
		engine_count(e, op->type, op->fate);
		break;
	}
}

static __attribute__((noinline)) void engine_run_background(struct engine *e)
{
	struct quarry_refusal why;

	/* What was refused there is not the next event's refusal. */
	if (e->background(e->background_ctx) && quarry_explain(e->q, &why))
		e->refusals_seen = why.serial;
}

/* The timer that would have fired on each CPU by now. */
static void engine_reap(struct engine *e, uint64_t time_ns)
{
	unsigned int cpu = e->cpu;

	for (unsigned int i = 0; i < e->nr_cpus; i++) {
		engine_set_cpu(e, i);
		quarry_slab_reap(e->q, i);
	}
	if (cpu != ~0u)
		engine_set_cpu(e, cpu);
	e->reap_at = time_ns + ENGINE_REAP_NS;
}

bool engine_play(struct engine *e, size_t n)
{
	const struct trace_event *ev = e->t->batch;
	const bool beside = e->background != NULL;
	struct engine_result *r = &e->result;

	if (n == 0)
		return !r->full;
	engine_resolve_new(e);
	if (r->events == 0) {
		r->first_ns = ev[0].time_ns;
		e->reap_at = r->first_ns + ENGINE_REAP_NS;
	}
	r->last_ns = ev[n - 1].time_ns;
	for (size_t i = 0; i < n && !r->full; i++) {
		if (i + ENGINE_AHEAD < n)
			engine_prefetch(e, &ev[i + ENGINE_AHEAD]);
		if (ev[i].time_ns >= e->reap_at)
			engine_reap(e, ev[i].time_ns);
		engine_event(e, &ev[i]);
		if (__builtin_expect(beside, 0))
			engine_run_background(e);
	}
	if (r->max_live_objects < r->live_objects)
		r->max_live_objects = r->live_objects;
	if (r->max_live_pages < r->live_pages)
		r->max_live_pages = r->live_pages;
	return !r->full;
}

static uint64_t engine_fallbacks(struct engine *e)
{
	struct quarry_totals totals;

	quarry_totals(e->q, &totals);
	return totals.fallback_claimed + totals.fallback_stolen;
}

void engine_finish(struct engine *e)
{
	for (unsigned int i = 0; i < ENGINE_PENDING; i++) {
		if (e->pending[i].used)
			engine_pending_play(e, &e->pending[i]);
	}
	if (e->result.last_refused != 0 && e->background == NULL)
		engine_keep_last(e);
	e->result.extfrag_recorded = e->result.seen[TRACE_EXTFRAG];
	e->result.extfrag_ours = engine_fallbacks(e) - e->fallback_before;
	e->result.digest = e->digest;
}

void engine_set_background(struct engine *e, bool (*fn)(void *ctx), void *ctx)
{
	struct quarry_refusal why;

	e->background = fn;
	e->background_ctx = ctx;
	if (quarry_explain(e->q, &why))
		e->refusals_seen = why.serial;
}

void engine_set_movable(struct engine *e)
{
	engine_places_start(&e->places, e->q, &e->blocks);
}

const struct engine_result *engine_result(const struct engine *e)
{
	return &e->result;
}

struct engine *engine_new(struct quarry *q, unsigned int nr_cpus, const struct trace *t,
			  const struct linuxfacts *facts)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	e->q = q;
	e->nr_cpus = nr_cpus > 0 ? nr_cpus : 1;
	e->t = t;
	e->facts = facts;
	e->cpu = ~0u;
	e->digest = 0xcbf29ce484222325u;
	idmap_init(&e->objects);
	idmap_init(&e->blocks);
	idmap_init(&e->cache_of);
	e->frames = mmap(NULL, ENGINE_FRAMES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (e->frames == MAP_FAILED) {
		util_error("no address space for the table of recorded page frames");
		exit(CLI_FAILED);
	}
	e->caches = xcalloc(ENGINE_MAX_CACHES, sizeof(e->caches[0]));
	e->nr_caches = 1; /* number 0 could not be made */
	e->fallback_before = engine_fallbacks(e);
	return e;
}

void engine_delete(struct engine *e)
{
	for (size_t i = 0; i < e->result.nr_refusals; i++)
		free(e->result.refusal[i].text);
	free(e->result.last_text);
	for (uint32_t i = 0; i < e->nr_caches; i++)
		free(e->caches[i].name);
	free(e->caches);
	free(e->ops);
	engine_places_free(&e->places);
	idmap_free(&e->objects);
	idmap_free(&e->blocks);
	idmap_free(&e->cache_of);
	munmap(e->frames, ENGINE_FRAMES);
	free(e);
}
