/* SPDX-License-Identifier: MIT */
/* The replay engine: descriptors made ready, the caches that they name, and refusals. */
#include <stdlib.h>
#include <string.h>

#include <engine_parts.h>
#include <refusal.h>

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
	c->size = size;
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
	e->made[e->nr_caches] = c->cache;
	return e->nr_caches++;
}

uint16_t engine_cache_named(struct engine *e, const char *name, uint32_t object_size, uint32_t size)
{
	for (uint32_t i = 1; i < e->nr_caches && name[0] != '\0'; i++) {
		if (e->caches[i].size == size && strcmp(e->caches[i].name, name) == 0)
			return (uint16_t)i;
	}
	if (e->nr_caches == ENGINE_MAX_CACHES)
		return 0;
	return (uint16_t)engine_cache_make(e, name, object_size, size);
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
	s = idmap_add(&e->cache_of, key);
	s->value = engine_cache_named(e, trace_name(&e->t->caches, d->cache),
				      (uint32_t)d->bytes_req, (uint32_t)size) +
		   1u;
	return (uint16_t)(s->value - 1);
}

/* How far apart objects of @size bytes are, at least. */
static uint16_t engine_stride(uint64_t size)
{
	uint64_t units = size / 8 + (size % 8 != 0);

	if (units > FRAMES_PLACES)
		return FRAMES_PLACES;
	return units > 0 ? (uint16_t)units : 1;
}

static void engine_op_object(struct engine *e, struct engine_op *op, const struct trace_desc *d)
{
	op->fate = ENGINE_FAILED;
	if (d->flags & TRACE_F_FAILED)
		return;
	if (d->node >= 0 && quarry_node_present(e->q, d->node))
		op->nid = d->node;
	op->too_large = op->never = d->bytes_req > QUARRY_KMALLOC_MAX_SIZE;
	op->stride = engine_stride(d->bytes_alloc > d->bytes_req ? d->bytes_alloc : d->bytes_req);
	if (d->type == TRACE_CACHE_ALLOC) {
		op->action = ACTION_CACHE_ALLOC;
		op->cache = engine_cache(e, d);
		op->from = e->caches[op->cache].cache;
		op->never = op->never || op->from == NULL;
	} else {
		op->action = ACTION_KMALLOC;
		op->cache = OBJECT_KMALLOC;
		op->bytes = d->bytes_req;
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
void engine_resolve_new(struct engine *e)
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
	if (op->never)
		return ENGINE_REASON_NO_CACHE;
	if (!quarry_explain(e->q, why) || why->serial == e->refusals_seen)
		return ENGINE_REASON_OTHER;
	e->refusals_seen = why->serial;
	/* The zone that was tried first is the one that the request wanted. */
	return why->nr_zones > 0 ? (unsigned int)why->zones[0].reason : ENGINE_REASON_OTHER;
}

/* The last refusal in words, as long as it is the machine's last one too. */
void engine_keep_last(struct engine *e)
{
	free(e->result.last_text);
	e->result.last_text = refusal_text(e->q);
}

static void engine_tell_refused(struct engine *e, const struct engine_op *op, uint32_t desc,
				unsigned int order, unsigned int reason, uint64_t bytes)
{
	const struct engine_moment m = {.event = e->result.events, .time_ns = e->time_ns};
	const struct engine_refused r = {
		.type = op->type,
		.gfp = op->gfp,
		.order = order,
		.reason = reason,
		.bytes = bytes,
		.desc = desc,
	};

	if (e->observer != NULL && e->observer->refused != NULL)
		e->observer->refused(e->observer->ctx, &m, &r);
}

/* Our machine said no: count it with the reason, and keep the first of each kind. */
void engine_refused(struct engine *e, const struct engine_op *op, uint32_t desc, uint64_t bytes)
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
	engine_tell_refused(e, op, desc, order, reason, bytes);
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
